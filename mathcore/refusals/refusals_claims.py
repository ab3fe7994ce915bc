"""Invalid arguments are refused: calls with arguments that do not fit, and the errors that name them, by topic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.refusals import refusals_mutants as wrong
from mathcore.verify import Claim, Limits, Mutant, Operations, all_of, equal, raises
from mathcore.verify.limits import EVERYWHERE, SHORT_FORMATS
from mathcore.verify.refusals import Misfit, refuse, without


def refuses(
    topic: str,
    about: str,
    *misfits: Misfit,
    also: tuple[str, ...] = (),
    refuted_by: tuple[Mutant, ...] = (),
    limits: Limits = EVERYWHERE,
) -> Claim:
    """One check for each operation, so that a target may offer any of them; further checks may use some `also`."""
    operations = tuple(dict.fromkeys(operation for operation, *_ in misfits))
    claim = Claim(
        f"{topic}.refuses_what_does_not_fit",
        statement=f"What makes no sense is refused by an error that names it, never answered: {about}.",
        formula=r"\text{arguments that do not fit} \Rightarrow \text{an error}",
        needs=(*operations, *also),
        limits=limits,
        refuted_by=(*map(wrong.answers_anyway, operations), *refuted_by),
    )
    for operation in operations:
        refuse(claim, (misfit for misfit in misfits if misfit[0] == operation))
    return claim


X, ROW, IDS = np.arange(6.0).reshape(3, 2), np.ones(2), np.array([0, 1, 1])
Q = np.ones((4, 3, 2))  # (heads, time, width)

OTHERS = (ROW, X[:2], X.T, X[None], X[[0, 1, 2, 2]])
"""Of another shape than X: fewer axes, fewer rows, the same size, more axes, more rows. Some of them broadcast to X."""


def cotangents(operation: str, *arguments: Any, shape: str = "(3, 2)", wrong: tuple[Any, ...] = OTHERS) -> list[Misfit]:
    """Cotangents of other shapes than the result has."""
    return [(operation, (g, *arguments), {}, ValueError, ("cotangent", shape, str(g.shape))) for g in wrong]


ONE, SEEN = np.ones(()), np.ones((2, 2), bool)
LOSSES = (("cross_entropy", ()), ("cross_entropy_vjp", (ONE,)), ("cross_entropy_and_grad", ()))
MASKED = (
    *((name, (X,)) for name in ("softmax", "log_softmax", "logsumexp")),
    *((name, (X, X)) for name in ("softmax_vjp", "log_softmax_vjp")),
    ("logsumexp_vjp", (X[:, 0], X)),
)

probability = refuses(
    "probability",
    "cotangents of another shape than the result, masks of numbers or of another shape, targets too few or too many, a "
    "smoothing below 0 or beyond 1, a reduction that is none",
    *((name, given, {"where": SEEN}, ValueError, ("where", "(3, 2)", "(2, 2)")) for name, given in MASKED),
    *((name, given, {"where": SEEN[[0, 0, 0]] * 1.0}, TypeError, ("where", "float64")) for name, given in MASKED),
    *((name, given, {"where": SEEN[[0, 0, 0]] * 1}, TypeError, ("where", "int64")) for name, given in MASKED),
    *cotangents("softmax_vjp", X),
    *cotangents("log_softmax_vjp", X),
    *cotangents("temperature_softmax_vjp", X, 1.0),
    ("logsumexp_vjp", (X, X), {}, ValueError, ("cotangent", "(3,)", "(3, 2)")),
    ("logsumexp_vjp", (X[:, :1], X), {}, ValueError, ("cotangent", "(3,)", "(3, 1)")),
    ("logsumexp_vjp", (X[:, 0], X), {"keepdims": True}, ValueError, ("cotangent", "(3, 1)", "(3,)")),
    *(
        (name, (*given, X, targets), {}, error, ("targets", word))
        for name, given in LOSSES
        for targets, error, word in (
            (IDS[:2], ValueError, "(2,)"),
            (IDS[[0, 1, 2, 2]], ValueError, "(4,)"),
            (IDS[:, None], ValueError, "(3, 1)"),
            (IDS + 5, IndexError, "5"),
        )
    ),
    *(
        (name, (*given, X, IDS), {option: value}, ValueError, (option, str(value)))
        for name, given in LOSSES
        for option, value in (
            ("reduction", "max"),
            ("reduction", None),
            ("label_smoothing", 1.5),
            ("label_smoothing", -0.1),
            ("label_smoothing", float("nan")),
        )
    ),
    ("cross_entropy_vjp", (ROW, X, IDS), {}, ValueError, ("cotangent", "(2,)")),
    ("cross_entropy_vjp", (ONE, X, IDS), {"reduction": "none"}, ValueError, ("cotangent", "(3,)", "()")),
)

layers = refuses(
    "layers",
    "a cotangent of another shape than the result, and, to be written as a product of two, what is no matrix, is not "
    "finite, or a rank that no such product has",
    *cotangents("relu_vjp", X),
    *cotangents("linear_vjp", X, X[:2]),
    ("low_rank", (ROW, 1), {}, ValueError, ("weight", "(2,)")),
    ("low_rank", (X[None], 1), {}, ValueError, ("weight", "(1, 3, 2)")),
    ("low_rank", (X, 0), {}, ValueError, ("rank", "0")),
    ("low_rank", (X, -1), {}, ValueError, ("rank", "-1")),
    ("low_rank", (X, 3), {}, ValueError, ("rank", "3")),
    *(("low_rank", (X + bad, 1), {}, ValueError, ("weight", "finite")) for bad in (np.inf, -np.inf, np.nan)),
)

embeddings = refuses(
    "embeddings",
    "a table to be brought to a lower rank that holds anything but floats, cotangents of another shape than the result",
    *cotangents("embedding_vjp", IDS, X),
    *cotangents("cosine_similarity_vjp", X, X, shape="(3,)", wrong=(ONE, ROW, X, X[:1, :1])),
    *(
        ("best_score_table", (X.astype(dtype), 1), {}, TypeError, ("table", np.dtype(dtype).name))
        for dtype in (object, np.int64, bool, np.complex128)
    ),
)

positions = refuses(
    "positions",
    "a cotangent of another shape than the code, or than what was rotated",
    *cotangents("sinusoidal_positional_encoding_vjp", np.arange(3.0), 2),
    *cotangents("rope_vjp", X, np.arange(3)),
)

tokenizers = refuses(
    "tokenizers",
    "a vocabulary that holds a word twice, or a word that no text is split into",
    ("WordTokenizer", (["a", "b", "a"],), {}, ValueError, ("vocabulary", "'a'")),
    *(
        ("WordTokenizer", ([word],), {}, ValueError, ("vocabulary", repr(word)))
        for word in ("a.", "a b", "", " ", "a\n", ".a")
    ),
)

ATTENTIONS = ("scaled_dot_product_attention", "blockwise_attention")

attention = refuses(
    "attention",
    "queries, keys and values without a time axis or of different texts, heads that cannot be shared, cotangents and "
    "halves that do not fit, blocks of no words, a cache that holds none",
    *((name, (ROW, ROW, ROW), {}, ValueError, ("(2,)",)) for name in ATTENTIONS),
    *((name, (Q, Q, Q[:, :2]), {}, ValueError, ("key", "value", "(4, 2, 2)")) for name in ATTENTIONS),
    *((name, (Q, Q[:3], Q[:3]), {}, ValueError, ("heads", "(4, 3, 2)", "(3, 3, 2)")) for name in ATTENTIONS),
    ("scaled_dot_product_attention", (Q[None], Q[None][[0, 0]], Q[None][[0, 0]]), {}, ValueError, ("(2, 4, 3, 2)",)),
    *cotangents("scaled_dot_product_attention_vjp", Q, Q, Q, shape="(4, 3, 2)",
                wrong=(Q[:, :2], Q[0], Q[None], Q[:, [0, 0, 1, 2]])),
    ("blockwise_attention", (Q, Q, Q), {"block_size": 0}, ValueError, ("block_size", "0")),
    ("blockwise_attention", (Q, Q, Q), {"block_size": -1}, ValueError, ("block_size", "-1")),
    ("merge_attention", (Q, Q[..., 0], Q, Q[..., :2, 0]), {}, ValueError, ("(4, 3, 2)", "(4, 2)")),
    also=("KeyValueCache",),
)  # fmt: skip


@attention.exhaustive(lambda: iter([{"query": Q}]))
def empty_cache_is_refused(ops: Operations, query: Any) -> Any:
    return raises(lambda: ops.KeyValueCache().attend(query), ValueError, saying=("cache", "empty"))


approximation = refuses(
    "approximation",
    "knots that do not ascend, have no partner, or are fewer than two, nets of no layers and no size, points to "
    "separate that carry no label or are not finite",
    ("interpolating_net", (X[0], X[:, 0]), {}, ValueError, ("knots", "(2,)", "(3,)")),
    *(
        ("interpolating_net", (np.array(knots), np.ones(len(knots))), {}, ValueError, ("knots", word))
        for knots, word in (([1.0, 1.0], "ascend"), ([1.0, 0.0], "ascend"), ([0.0, np.nan], "ascend"), ([0.0], "(1,)"))
    ),
    *(("square_net", (size,), {}, ValueError, ("size", str(size))) for size in (1, 0, -3)),
    *(("line_net", (size,), {}, ValueError, ("size", str(size))) for size in (0, -1)),
    *(("tent_net", (depth,), {}, ValueError, ("depth", str(depth))) for depth in (0, -1)),
    ("count_pieces", (X[0], X[:, 0]), {}, ValueError, ("(2,)", "(3,)")),
    ("count_pieces", (X[0, ::-1], X[0]), {}, ValueError, ("ascend",)),
    ("count_pieces", (ROW[:1], ROW[:1]), {}, ValueError, ("(1,)",)),
    ("relu_net", (X, ()), {}, ValueError, ("layers",)),
    ("separation", (X, np.array([True, False])), {}, ValueError, ("points", "labels", "(3, 2)", "(2,)")),
    *(("separation", (X + v, np.array([True, False, True])), {}, ValueError, ("finite",)) for v in (np.inf, np.nan)),
    ("check_separation", (X, np.array([True, False]), ("both", 0)), {}, ValueError, ("points", "labels", "(3, 2)")),
    ("check_separation", (X, np.array([True, False, True]), ("both", 0)), {}, ValueError, ("both",)),
    limits=Limits(  # of the certificate
        ("dtype",),
        SHORT_FORMATS,
        rows=1,
        width=2,
        signs=tuple(
            f"{name} >= 0"
            for name in (
                *("interpolating_net.knots", "interpolating_net.values", "count_pieces.x", "count_pieces.y"),
                *("relu_net.x", "separation.points", "check_separation.points"),
            )
        ),
    ),
)

_SEPARABLE = np.array([[0], [1]]), np.array([False, True])


@approximation.exhaustive(
    lambda: iter(
        {"answer": answer}
        for answer in (
            ("separable", ([1, 1], 0)),  # a normal of two numbers for points of one
            ("infeasible", [1, 1, 1]),  # a multiplier for a point that is not there
            ("infeasible", [-1, 1]),
        )
    )
)
def misshapen_certificate_is_refused(ops: Operations, answer: Any) -> Any:
    right = ("separable", ([2], Fraction(-1)))
    return all_of(
        equal(ops.check_separation(*_SEPARABLE, right), True), equal(ops.check_separation(*_SEPARABLE, answer), False)
    )


digits = refuses(
    "digits",
    "pictures without labels or labels without pictures, classes with nothing to average or to hold out, a fit to no "
    "pictures or to such as are not finite, shares and counts that are none, real digits where scikit-learn, which has "
    "them, is not",
    ("nearest_template_bias", (ROW,), {}, ValueError, ("weight", "(2,)")),
    ("mean_templates", (X, IDS[:2]), {"num_classes": 2}, ValueError, ("images", "labels", "(3, 2)", "(2,)")),
    ("mean_templates", (X, IDS), {"num_classes": 3}, ValueError, ("class", "2")),
    ("fit_softmax_regression", (X, IDS), {"num_classes": 2, "steps": -1}, ValueError, ("steps", "-1")),
    ("fit_softmax_regression", (X[:0], IDS[:0]), {"num_classes": 2}, ValueError, ("images", "(0, 2)")),
    *(
        ("fit_softmax_regression", (X + bad, IDS), {"num_classes": 2}, ValueError, ("images", "finite"))
        for bad in (np.nan, np.inf)
    ),
    ("fit_softmax_regression", (X, IDS[:2]), {"num_classes": 2}, ValueError, ("images", "labels", "(3, 2)", "(2,)")),
    *(
        ("stratified_split", (IDS, share, np.random.default_rng(0)), {}, ValueError, (str(share),))
        for share in (1.0, 0.0, -0.5, 1.5, float("nan"))
    ),
    ("stratified_split", (IDS, 0.5, np.random.default_rng(0)), {}, ValueError, ("class 0", "1")),
    ("confusion_matrix", (IDS, IDS[:2], 2), {}, ValueError, ("labels", "predicted", "(3,)", "(2,)")),
    *(("wilson_interval", (k, n), {}, ValueError, (str(k), str(n))) for k, n in ((3, 2), (-1, 2), (0, 0))),
    *(("wilson_interval", (1, 2, c), {}, ValueError, ("confidence", str(c))) for c in (1.0, 0.0, float("nan"))),
    also=("load_digits",),
    refuted_by=(wrong.answers_anyway("load_digits"),),
)


@digits.exhaustive(lambda: iter([{"module": "sklearn.datasets"}]))
def missing_scikit_learn_is_named(ops: Operations, module: str) -> Any:
    with without(module):
        return raises(ops.load_digits, ImportError, saying=("scikit-learn", "pip install"))
