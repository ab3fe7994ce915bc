"""What makes no sense is refused: calls with arguments that do not fit, and the errors that say so, by topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore import refusals_mutants as wrong
from mathcore.common_rows import without
from mathcore.verify import Claim, Mutant, Operations, all_of, equal, raises

Misfit = tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], tuple[str, ...]]
"""An operation, arguments and options that do not fit, the error, and what its message must name."""


def refuses(
    topic: str, about: str, *misfits: Misfit, also: tuple[str, ...] = (), refuted_by: tuple[Mutant, ...] = ()
) -> Claim:
    """One rung for each operation, so that a target may offer any of them; further rungs may use some `also`."""
    operations = tuple(dict.fromkeys(operation for operation, *_ in misfits))
    claim = Claim(
        f"{topic}.refuses_what_does_not_fit",
        statement=f"What makes no sense is refused by an error that names it, never answered: {about}.",
        formula=r"\text{arguments that do not fit} \Rightarrow \text{an error}",
        needs=(*operations, *also),
        dispensable=(*operations, *also),
        refuted_by=(*map(wrong.answers_anyway, operations), *refuted_by),
    )
    for operation in operations:

        @claim.exhaustive(_cases(operation, misfits))
        def _(ops: Operations, arguments: Any, options: Any, error: Any, words: Any, operation: str = operation) -> Any:
            return raises(lambda: getattr(ops, operation)(*arguments, **options), error, saying=words)

    return claim


def _cases(operation: str, misfits: tuple[Misfit, ...]) -> Callable[[], Iterator[dict[str, Any]]]:
    def cases() -> Iterator[dict[str, Any]]:
        for name, arguments, options, error, words in misfits:
            if name == operation:
                yield {"arguments": arguments, "options": options, "error": error, "words": words}

    return cases


X, ROW, IDS = np.arange(6.0).reshape(3, 2), np.ones(2), np.array([0, 1, 1])
Q = np.ones((4, 3, 2))  # (heads, time, width)

probability = refuses(
    "probability",
    "cotangents of another shape than the result, masks of numbers or of another shape, targets that are too few, a "
    "smoothing beyond 1, a reduction that is none",
    ("softmax", (X,), {"where": np.ones((2, 2), bool)}, ValueError, ("where", "(3, 2)", "(2, 2)")),
    ("softmax", (X,), {"where": np.ones((3, 2))}, TypeError, ("where", "float64")),
    ("softmax_vjp", (ROW, X), {}, ValueError, ("cotangent", "(3, 2)", "(2,)")),
    ("log_softmax_vjp", (X[:2], X), {}, ValueError, ("cotangent", "(3, 2)", "(2, 2)")),
    ("temperature_softmax_vjp", (ROW, X, 1.0), {}, ValueError, ("cotangent", "(3, 2)", "(2,)")),
    ("logsumexp_vjp", (X, X), {}, ValueError, ("cotangent", "(3,)", "(3, 2)")),
    ("cross_entropy", (X, IDS[:2]), {}, ValueError, ("targets", "(2,)")),
    ("cross_entropy", (X, IDS), {"reduction": "max"}, ValueError, ("reduction", "max")),
    ("cross_entropy", (X, IDS), {"label_smoothing": 1.5}, ValueError, ("label_smoothing", "1.5")),
    ("cross_entropy_and_grad", (X, IDS[:2]), {}, ValueError, ("targets", "(2,)")),
    ("cross_entropy_and_grad", (X, IDS + 5), {}, IndexError, ("targets", "5")),
    ("cross_entropy_vjp", (ROW, X, IDS), {}, ValueError, ("cotangent", "(2,)")),
)

layers = refuses(
    "layers",
    "a cotangent of another shape than the result, and, to be written as a product of two, what is no matrix, is not "
    "finite, or a rank that no such product has",
    ("relu_vjp", (ROW, X), {}, ValueError, ("cotangent", "(3, 2)", "(2,)")),
    ("low_rank", (ROW, 1), {}, ValueError, ("weight", "(2,)")),
    ("low_rank", (X, 0), {}, ValueError, ("rank", "0")),
    ("low_rank", (X, 3), {}, ValueError, ("rank", "3")),
    ("low_rank", (X + np.inf, 1), {}, ValueError, ("weight", "finite")),
)

embeddings = refuses(
    "embeddings",
    "a table to be brought to a lower rank that holds anything but floats",
    ("best_score_table", (X.astype(object), 1), {}, TypeError, ("table", "object")),
)

positions = refuses(
    "positions",
    "a cotangent of another shape than the code",
    ("sinusoidal_positional_encoding_vjp", (X, np.arange(3.0), 4), {}, ValueError, ("cotangent", "(3, 4)", "(3, 2)")),
)

tokenizers = refuses(
    "tokenizers",
    "a vocabulary that holds a word twice, or a word that no text is split into",
    ("WordTokenizer", (["a", "b", "a"],), {}, ValueError, ("vocabulary", "'a'")),
    ("WordTokenizer", (["a b"],), {}, ValueError, ("vocabulary", "'a b'")),
    ("WordTokenizer", (["a."],), {}, ValueError, ("vocabulary", "'a.'")),
)

attention = refuses(
    "attention",
    "queries, keys and values without a time axis or of different texts, heads that cannot be shared, cotangents and "
    "halves that do not fit, blocks of no words, a cache that holds none",
    ("scaled_dot_product_attention", (ROW, ROW, ROW), {}, ValueError, ("(2,)",)),
    ("scaled_dot_product_attention", (Q, Q, Q[:, :2]), {}, ValueError, ("key", "value", "(4, 2, 2)")),
    ("scaled_dot_product_attention", (Q[None], Q[None][[0, 0]], Q[None][[0, 0]]), {}, ValueError, ("(2, 4, 3, 2)",)),
    ("scaled_dot_product_attention", (Q, Q[:3], Q[:3]), {}, ValueError, ("heads", "(4, 3, 2)", "(3, 3, 2)")),
    ("scaled_dot_product_attention_vjp", (Q[:, :2], Q, Q, Q), {}, ValueError, ("cotangent", "(4, 3, 2)", "(4, 2, 2)")),
    ("blockwise_attention", (Q, Q, Q), {"block_size": 0}, ValueError, ("block_size", "0")),
    ("merge_attention", (Q, Q[..., 0], Q, Q[..., :2, 0]), {}, ValueError, ("(4, 3, 2)", "(4, 2)")),
    also=("KeyValueCache",),
)  # fmt: skip


@attention.exhaustive(lambda: iter([{"query": Q}]))
def _(ops: Operations, query: Any) -> Any:
    return raises(lambda: ops.KeyValueCache().attend(query), ValueError, saying=("cache", "empty"))


approximation = refuses(
    "approximation",
    "knots that do not ascend, have no partner, or are not two, nets of no layers and no size, points that carry no "
    "label or are not finite",
    ("interpolating_net", (X[0], X[:, 0]), {}, ValueError, ("knots", "(2,)", "(3,)")),
    ("interpolating_net", (np.ones(2), np.ones(2)), {}, ValueError, ("knots", "ascend")),
    ("square_net", (1,), {}, ValueError, ("size", "1")),
    ("line_net", (0,), {}, ValueError, ("size", "0")),
    ("tent_net", (0,), {}, ValueError, ("depth", "0")),
    ("count_pieces", (X[0], X[:, 0]), {}, ValueError, ("(2,)", "(3,)")),
    ("relu_net", (X, ()), {}, ValueError, ("layers",)),
    ("separation", (X, np.array([True, False])), {}, ValueError, ("points", "labels", "(3, 2)", "(2,)")),
    ("separation", (X + np.inf, np.array([True, False, True])), {}, ValueError, ("finite",)),
    ("check_separation", (X, np.array([True, False, True]), ("both", 0)), {}, ValueError, ("both",)),
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
def _(ops: Operations, answer: Any) -> Any:
    right = ("separable", ([2], Fraction(-1)))
    return all_of(
        equal(ops.check_separation(*_SEPARABLE, right), True), equal(ops.check_separation(*_SEPARABLE, answer), False)
    )


digits = refuses(
    "digits",
    "pictures without labels or labels without pictures, classes with nothing to learn from or to hold out, pictures "
    "that are not finite, shares and counts that are none, real digits where scikit-learn, which has them, is not",
    ("nearest_template_bias", (ROW,), {}, ValueError, ("weight", "(2,)")),
    ("mean_templates", (X, IDS[:2]), {"num_classes": 2}, ValueError, ("images", "labels", "(3, 2)", "(2,)")),
    ("mean_templates", (X, IDS), {"num_classes": 3}, ValueError, ("class", "2")),
    ("fit_softmax_regression", (X, IDS), {"num_classes": 2, "steps": -1}, ValueError, ("steps", "-1")),
    ("fit_softmax_regression", (X[:0], IDS[:0]), {"num_classes": 2}, ValueError, ("images", "(0, 2)")),
    ("fit_softmax_regression", (X + np.nan, IDS), {"num_classes": 2}, ValueError, ("images", "finite")),
    ("stratified_split", (IDS, 1.0, np.random.default_rng(0)), {}, ValueError, ("1.0",)),
    ("stratified_split", (IDS, 0.5, np.random.default_rng(0)), {}, ValueError, ("class 0", "1")),
    ("confusion_matrix", (IDS, IDS[:2], 2), {}, ValueError, ("labels", "predicted", "(3,)", "(2,)")),
    ("wilson_interval", (3, 2), {}, ValueError, ("3", "2")),
    ("wilson_interval", (1, 2, 1.0), {}, ValueError, ("confidence", "1.0")),
    also=("load_digits",),
    refuted_by=(wrong.answers_anyway("load_digits"),),
)


@digits.exhaustive(lambda: iter([{"module": "sklearn.datasets"}]))
def _(ops: Operations, module: str) -> Any:
    with without(module):
        return raises(ops.load_digits, ImportError, saying=("scikit-learn", "pip install"))
