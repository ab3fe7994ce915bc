"""What must be true of words as vectors: FAQ 2."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.embeddings import cosine_similarity_mutants, score_table_mutants
from mathcore.embeddings import embedding_mutants as wrong
from mathcore.embeddings.embedding_tolerances import sum_of_occurrences
from mathcore.embeddings.inputs import draw_ids
from mathcore.embeddings.records import EMBEDDING, EMBEDDING_VJP
from mathcore.embeddings.textbook import hot, sums_of_occurrences
from mathcore.verify import Claim, Limits, Operations, Target
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_exact, draw_integers, seeds
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.promises import in_place_of, reproduced
from mathcore.verify.refusals import refuse
from mathcore.verify.relations import all_of, at_most, equal, identical, less, raises
from mathcore.verify.tolerances import FORMATS, rounding

lookup_is_matmul = Claim(
    "embedding.lookup_is_matmul",
    faq=2,
    statement="Looking up a word's row is a product with a one-hot vector, bit for bit.",
    formula=r"E_i = \operatorname{onehot}(i)\, E",
    verdict="holds_if",
    condition="the table is finite, and the sign of a zero does not count: the product turns −0 into 0, and 0 times ∞ "
    "into NaN, where the lookup copies.",
    needs=("embedding",),
    limits=Limits(rows=5),
    refuted_by=(wrong.from_one, wrong.scaled_by_root, wrong.padding_zeroed, wrong.through_float32),
)


@domain
def exact_lookup(draw: Draw, target: Target) -> dict[str, Any]:
    """A few ids, and a table in numbers that arithmetic is exact on."""
    weight = draw_exact(draw, target, draw(st.integers(1, 5)), draw(st.integers(1, 4)))
    return {"ids": draw_ids(draw, len(weight)), "weight": weight}


@lookup_is_matmul.exact(exact_lookup(), effort=0.5)
def exact_lookup_equals_the_product(ops: Operations, ids: Any, weight: Any) -> Any:
    return equal(ops.embedding(ids, weight), hot(ids, len(weight)).astype(weight.dtype) @ weight)


@lookup_is_matmul.property(EMBEDDING.inputs(), effort=0.5)
def lookup_equals_the_product_bit_for_bit(ops: Operations, ids: Any, weight: Any) -> Any:
    zero = weight.dtype.type(0)  # adding it turns −0 into 0
    product = (hot(ids, len(weight)).astype(weight.dtype) @ weight).astype(weight.dtype)  # bfloat16 becomes float32
    return identical(ops.embedding(ids, weight) + zero, product + zero)


def columns_of(*numbers: float) -> Callable[[Target], Iterator[dict[str, Any]]]:
    """Every column of up to two of these numbers, each looked up one after the other."""

    def cases(target: Target) -> Iterator[dict[str, Any]]:
        for rows in (1, 2):
            for values in itertools.product(numbers, repeat=rows):
                for i in range(rows):
                    yield {"ids": np.array([i]), "weight": as_dtype(values, target.dtypes[0]).reshape(rows, 1)}

    return cases


for _special in (-0.0, np.inf, np.nan):

    @lookup_is_matmul.counterexample(cases=columns_of(0.0, 1.0, -1.0, _special))
    def product_copies_every_special_value(ops: Operations, ids: Any, weight: Any) -> Any:
        with np.errstate(invalid="ignore"):
            product = hot(ids, len(weight)).astype(weight.dtype) @ weight
        return identical(ops.embedding(ids, weight), product)


same_dot_product = Claim(
    "embedding.same_dot_product",
    faq=2,
    statement="Two words are compared by the very operation that compares an image with a template; in exact "
    "arithmetic it does not matter which word is which, and it is linear in each.",
    formula=r"s(a, b) = \sum_k e_{ak}\, e_{bk} = s(b, a), \qquad s(\alpha a + \beta c, b) = \alpha\, s(a, b) "
    r"+ \beta\, s(c, b)",
    legend={
        "s": "the score of two words a and b",
        "e": "e_a, the vector of the word a",
        "a": "a word",
        "b": "another",
        "c": "a third",
        "α": "a number",
        "β": "another",
    },
    needs=("embedding", "digit_scores"),
    limits=Limits(options=("bias",), formats=SHORT_FORMATS, rows=4, width=4),
    refuted_by=(wrong.distance_instead, wrong.order_matters, wrong.magnitudes, wrong.from_one),
)


@domain
def exact_words(draw: Draw, target: Target) -> dict[str, Any]:
    """A table of a few words, the ids of three of them, and two factors, in numbers that arithmetic is exact on."""
    words, size = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    drawn = draw_exact(draw, target, words + 1, max(size, 2))  # of one kind
    alpha, beta = drawn[words, :2]
    return {"weight": drawn[:words, :size], "ids": draw_integers(draw, (3,), 99) % words, "alpha": alpha, "beta": beta}


@same_dot_product.exact(exact_words())
def score_is_symmetric_and_bilinear(ops: Operations, weight: Any, ids: Any, alpha: Any, beta: Any) -> Any:
    def score(x: Any, y: Any) -> Any:
        return ops.digit_scores(x[None], y[:, None])[0, 0]

    a, b, c = ops.embedding(ids, weight)
    return all_of(
        equal(score(a, b), sum(weight[ids[0], k] * weight[ids[1], k] for k in range(len(a)))),
        equal(score(a, b), score(b, a)),
        equal(score(alpha * a + beta * c, b), alpha * score(a, b) + beta * score(c, b)),
    )


features_order_similarity = Claim(
    "embedding.features_order_similarity",
    faq=2,
    statement="With features set by hand, words that share features score higher than words that share none, and the "
    "word with the very same features scores highest.",
    formula=r"\exists k : a_k b_k > 0,\ \forall k : a_k c_k = 0 \ \Rightarrow\ a \cdot b > a \cdot c = 0; \qquad "
    r"\lVert b \rVert = \lVert a \rVert \Rightarrow a \cdot b \le a \cdot a",
    verdict="holds_if",
    condition="no feature is negative, for the second half the vectors are equally long, and no score is rounded or "
    "underflows.",
    legend={"a": "the features of a word", "b": "those of another", "c": "those of a third"},
    limits=Limits(
        options=("bias", "axis"),
        rows=1,
        width=8,
        signs=(
            "digit_scores.images >= 0",
            "digit_scores.weight >= 0",
            "cosine_similarity.a >= 0",
            "cosine_similarity.b >= 0",
        ),
        also=("features that are no whole numbers",),
        said=("no feature is negative",),
    ),
    needs=("digit_scores", "cosine_similarity"),
    refuted_by=(wrong.scores_negated, wrong.distance_instead, cosine_similarity_mutants.last_left_out),
)


@domain
def featured_words(draw: Draw, target: Target) -> dict[str, Any]:
    """A word, one that shares some of its features, one that shares none: whole numbers, so that scores are exact."""
    size = draw(st.integers(2, 8))
    has = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    shared = draw(st.integers(0, size - 1))
    has[shared], has[shared - 1] = True, False
    word, other, stranger = abs(draw_integers(draw, (3, size), 8)) + 1
    other = np.where(np.arange(size) == shared, other, other * draw_integers(draw, (size,), 1) ** 2)
    return {
        "word": word * has,
        "other": other,
        "stranger": stranger * ~has,
        "name": draw(st.sampled_from(target.dtypes)),
    }


def _score(ops: Operations, a: Any, b: Any) -> Any:
    return ops.digit_scores(a[None], b[:, None])[0, 0]


@features_order_similarity.property(featured_words(), effort=0.5)
def shared_features_score_higher(ops: Operations, word: Any, other: Any, stranger: Any, name: str) -> Any:
    word, other, stranger = (as_dtype(v, name) for v in (word, other, stranger))
    return all_of(
        less(_score(ops, word, stranger), _score(ops, word, other)),
        less(ops.cosine_similarity(word, stranger), ops.cosine_similarity(word, other)),
    )


@features_order_similarity.property(featured_words(), effort=0.5, rng=seeds())
def same_features_score_highest(ops: Operations, word: Any, other: Any, stranger: Any, name: str, rng: Any) -> Any:
    # Another word as long: the features exchanged, and two of them rotated by the angle of 3, 4 and 5.
    rival = rng.permutation(word)
    rotated = 5 * rival
    rotated[:2] = abs(3 * rival[0] - 4 * rival[1]), 4 * rival[0] + 3 * rival[1]
    pairs = ((word, rival), (5 * word, rotated))
    return all_of(
        *(
            at_most(_score(ops, a, b), _score(ops, a, a))
            for a, b in (map(partial(as_dtype, dtype=name), p) for p in pairs)
        )
    )


def pairs_of_features(low: int) -> st.SearchStrategy[list[int]]:
    """Two whole features."""
    return st.lists(st.integers(low, 3), min_size=2, max_size=2)


@features_order_similarity.counterexample(word=pairs_of_features(-3), other=pairs_of_features(-3))
def features_of_any_sign_score_positively(ops: Operations, word: Any, other: Any) -> Any:
    word, other = np.array(word, float), np.array(other, float)
    shares = float((word * other != 0).any())  # nothing is scored against nothing
    return less(0.0, _score(ops, word, other) + (1.0 - shares))


@features_order_similarity.counterexample(word=pairs_of_features(0), other=pairs_of_features(0))
def features_of_any_length_score_highest_with_themselves(ops: Operations, word: Any, other: Any) -> Any:
    word, other = np.array(word, float), np.array(other, float)
    return at_most(_score(ops, word, other), _score(ops, word, word))


def fainter_and_fainter(target: Target) -> Iterator[dict[str, Any]]:
    """One feature that two words share, ever smaller."""
    for power in range(0, 600, 20):
        yield {"word": as_dtype([2.0**-power], target.dtypes[0])}


@features_order_similarity.counterexample(cases=fainter_and_fainter)
def faint_features_score_positively(ops: Operations, word: Any) -> Any:
    return less(0.0, _score(ops, word, word))


# Beyond the FAQ: values.
copies_every_bit = Claim(
    "embedding.copies_every_bit",
    statement="The vector of a word is its row as it stands, bit for bit: the sign of a zero or a NaN, ∞ and subnormal "
    "numbers included, and ids past 2²⁴ as well.",
    formula=r"y_t = E_{i_t}",
    needs=("embedding",),
    limits=Limits(width=6),
    refuted_by=(wrong.multiplied_out, wrong.ids_in_float32, wrong.through_float32, wrong.nan_made_canonical),
)


@domain
def special_table(draw: Draw, target: Target) -> dict[str, Any]:
    """A table of numbers that arithmetic would change."""
    name = draw(st.sampled_from(target.dtypes))
    f = FORMATS[name]
    telling = as_dtype([-0.0, 0.0, np.inf, -np.inf, np.nan, f.smallest, -f.smallest, f.most, 1 + 2 * f.u, 1 / 3], name)
    telling = np.append(telling, -telling[4:5])  # NaN of the other sign
    weight = telling[draw_integers(draw, (draw(st.integers(1, 20)), draw(st.integers(1, 6))), 99) % len(telling)]
    return {"ids": draw_ids(draw, len(weight)), "weight": weight}


@copies_every_bit.property(special_table())
def lookup_copies_every_bit(ops: Operations, ids: Any, weight: Any) -> Any:
    def bits(x: Any) -> Any:
        return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")

    answer = ops.embedding(ids, weight)
    return all_of(identical(answer, weight[ids]), equal(bits(answer), bits(weight[ids])))


def large_tables() -> Iterator[dict[str, Any]]:
    """A column past 2²⁴ rows, read at its end."""
    yield {"rows": 2**24 + 8}


@copies_every_bit.exhaustive(large_tables)
def ids_past_a_float32_are_exact(ops: Operations, rows: int) -> Any:
    column = np.zeros(rows, np.float32)  # 64 MiB that are never touched but for the end
    column[2**24 :] = np.arange(8)
    return equal(ops.embedding(np.arange(2**24, 2**24 + 4), column[:, None])[:, 0], [0, 1, 2, 3])


occurrences_add_up = Claim(
    "embedding.gradient",
    statement="`embedding_vjp` is the transpose of the lookup: every row collects, up to rounding, what its "
    "occurrences were sent, however often it occurs and however long the text, and the row of an absent word is zero.",
    formula=r"\bar E_i = \sum_{t\,:\,i_t = i} \bar y_t, \qquad "
    r"\langle \bar y, E_{i} \rangle = \langle \bar E, E \rangle",
    legend={"i": "the ids of the text", "E": "the table", "y": "the vectors of its words, and ȳ what these are sent"},
    limits=Limits(
        formats=("embedding.float32", "embedding.float16", "embedding.bfloat16"),
        rows=4,
        width=3,
        fixed={"scale": "no sum overflows"},
    ),
    needs=("embedding", "embedding_vjp"),
    tolerances=(sum_of_occurrences, rounding),
    refuted_by=(
        wrong.counted_once,
        wrong.averaged,
        wrong.short_texts_only,
        wrong.absent_rows_touched,
        wrong.weight_decayed,
        wrong.only_rows_seen,
        wrong.zero_gradient,
        wrong.rows_wrap_at_64,
        wrong.long_texts_cut,
        wrong.format_of_the_cotangent,
    ),
)


@domain
def exact_cotangents(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids, a table and cotangents in numbers that arithmetic is exact on."""
    rows, size = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    ids = draw_ids(draw, rows).ravel()
    drawn = draw_exact(draw, target, rows + len(ids), size)
    return {"g": drawn[rows:], "ids": ids, "weight": drawn[:rows]}


@occurrences_add_up.exact(exact_cotangents(), effort=0.5)
def exact_gradient_is_the_transpose(ops: Operations, g: Any, ids: Any, weight: Any) -> Any:
    pulled = ops.embedding_vjp(g, ids, weight)
    return all_of(
        equal(pulled, hot(ids, len(weight)).astype(weight.dtype).T @ g),
        equal((g * ops.embedding(ids, weight)).sum(), (pulled * weight).sum()),
    )


@domain
def long_texts(draw: Draw, target: Target) -> dict[str, Any]:
    """Up to 3,000 tokens of few words, some of which never occur, with whole cotangents: their sums are exact."""
    rows, present = draw(st.integers(2, 9)), draw(st.integers(1, 9))
    count = draw(st.one_of(st.sampled_from([767, 768, 769, 1023, 1024, 1025, 2049]), st.integers(0, 3000)))
    name = draw(st.sampled_from([d for d in target.dtypes if d in ("float64", "float32")] or target.dtypes[:1]))
    rng = draw(seeds())
    g, ids = rng.integers(-9, 10, (count, 2)), rng.integers(0, min(present, rows), count)
    return {"g": as_dtype(g, name), "ids": ids, "weight": as_dtype(rng.normal(size=(rows, 2)), name)}


@occurrences_add_up.exact(long_texts(), effort=0.5)
def long_texts_add_up_exactly(ops: Operations, g: Any, ids: Any, weight: Any) -> Any:
    pulled = ops.embedding_vjp(g, ids, weight)
    sums = hot(ids, len(weight)).T @ g.astype(np.float64)
    return equal(pulled, as_dtype(sums, g.dtype.name))  # sums that 16 bits cannot hold are rounded once


def large_texts(target: Target) -> Iterator[dict[str, Any]]:
    """100,003 tokens of 70,001 words, with small whole cotangents: their sums are exact."""
    name = next((d for d in target.dtypes if d in ("float64", "float32")), target.dtypes[0])
    tokens = np.arange(100_003)
    yield {"g": as_dtype(tokens % 7 - 3, name)[:, None], "ids": tokens * 7919 % 70_001, "rows": 70_001}


@occurrences_add_up.exhaustive(large_texts)
def large_texts_add_up_exactly(ops: Operations, g: Any, ids: Any, rows: int) -> Any:
    pulled = ops.embedding_vjp(g, ids, np.zeros((rows, 1), g.dtype))
    sums = np.bincount(ids, weights=g[:, 0].astype(np.float64), minlength=rows)
    return equal(pulled[:, 0], as_dtype(sums, g.dtype.name))


@domain
def two_dtypes(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids, a table, and cotangents in a dtype of their own."""
    drawn, name = EMBEDDING_VJP.draw(draw, target), draw(st.sampled_from(target.dtypes))
    return {**drawn, "g": draw_array(draw, drawn["g"].shape, name, (0.5, 8))}


@occurrences_add_up.property(two_dtypes(), effort=0.5)
def gradient_of_two_dtypes_within_the_bound(ops: Operations, g: Any, ids: Any, weight: Any) -> Any:
    pulled, of = ops.embedding_vjp(g, ids, weight), hot(ids.ravel(), len(weight)).T
    magnitude = of @ abs(g.astype(np.float64)).reshape(ids.size, g.shape[-1])
    # A finer cotangent is rounded when it is stored, even if it is alone.
    allowed = sum_of_occurrences(magnitude, of.sum(1), weight.dtype) + rounding(magnitude, weight.dtype)
    return all_of(
        equal(pulled.dtype == weight.dtype, True),
        equal(pulled, sums_of_occurrences(g, ids, len(weight)), within=allowed),
    )


one_at_the_id = Claim(
    "one_hot.one_at_the_id",
    statement="A one-hot vector is 1 at the id and 0 at every other class, along the axis and in the format asked for.",
    formula=r"y_{tj} = [\,j = i_t\,]",
    needs=("one_hot",),
    refuted_by=(wrong.two_hot, wrong.axis_at_the_end, wrong.dtype_ignored, wrong.classes_from_the_ids,
                wrong.classes_wrap_at_64),
)  # fmt: skip


@domain
def classes_and_ids(draw: Draw, target: Target) -> dict[str, Any]:
    """A number of classes, sometimes none or many, and ids of them."""
    classes = draw(st.one_of(st.integers(0, 9), st.sampled_from([33, 64, 65, 129, 257, 1025])))
    return {"ids": draw_ids(draw, classes) if classes else np.zeros((0, 2), np.int64), "num_classes": classes}


@one_at_the_id.property(classes_and_ids(), data=st.data())
def one_hot_is_one_at_the_id(ops: Operations, ids: Any, num_classes: int, data: Any) -> Any:
    axis = data.draw(st.integers(-ids.ndim - 1, ids.ndim), label="axis")
    name = data.draw(st.sampled_from(["float64", "float32", "float16", "int64", "bool"]), label="dtype")
    expected = np.moveaxis(hot(ids, num_classes), -1, axis).astype(name)
    return all_of(
        identical(ops.one_hot(ids, num_classes, dtype=np.dtype(name), axis=axis), expected),
        identical(ops.one_hot(ids, num_classes), hot(ids, num_classes).astype(np.float64)),
    )


# Beyond the FAQ: rows, layout, calls, widths, dtypes.
@domain
def tokens_and_garbage(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids, cotangents and a table, and garbage for its other rows."""
    drawn = EMBEDDING_VJP.draw(draw, target)
    return {**drawn, "garbage": draw(st.sampled_from([np.nan, np.inf, -np.inf]))}


embedding_rows = Claim(
    "embedding.rows_are_independent",
    statement="What a word gets depends on its own row alone, and what a row is sent on its own occurrences alone, NaN "
    "and infinity in all others included: the gradient bit for bit if the target promises that, else up to rounding.",
    formula=r"y_t = y(i_t, E_{i_t}), \qquad \bar E_i = \bar E_i(\bar y_t : i_t = i)",
    needs=("embedding", "embedding_vjp"),
    tolerances=(sum_of_occurrences,),
    limits=Limits(rows=5),
    refuted_by=(wrong.multiplied_out, wrong.spread_by_product, common.rows_touch("embedding")),
)


@embedding_rows.property(tokens_and_garbage(), effort=0.5)
def other_rows_change_no_bit_of_the_vectors(ops: Operations, g: Any, ids: Any, weight: Any, garbage: float) -> Any:
    mine = np.arange(len(weight)) == ids.min(initial=len(weight))
    others = np.where(mine[:, None], weight, weight.dtype.type(garbage))
    alone = np.isin(ids, np.flatnonzero(mine))
    return identical(ops.embedding(ids, others)[alone], ops.embedding(ids, weight)[alone])


@embedding_rows.property(tokens_and_garbage(), effort=0.5)
def other_tokens_change_no_bit_of_the_gradient(ops: Operations, g: Any, ids: Any, weight: Any, garbage: float) -> Any:
    mine = np.arange(len(weight)) == ids.min(initial=len(weight))
    others = np.where(np.isin(ids, np.flatnonzero(mine))[..., None], g, g.dtype.type(garbage))
    there, here = (ops.embedding_vjp(v, ids, weight) for v in (others, g))
    mixed = in_place_of(there, here, mine[:, None])
    return reproduced(ops, mixed, here, lambda: EMBEDDING_VJP.judged(ops, mixed, g, ids, weight))


IDS = ("embedding", "embedding_vjp", "one_hot")
"""The operations that take ids."""


ids_are_integers = Claim(
    "embedding.integer_ids_only",
    statement="Ids that are floats, bools or texts are refused, not guessed at.",
    formula=r"i \notin \mathbb Z \Rightarrow \mathrm{TypeError}",
    needs=("embedding", "embedding_vjp", "one_hot"),
    refuted_by=common.of_each(wrong.ids_rounded, IDS),
)


def no_ids() -> Iterator[dict[str, Any]]:
    """Ids in dtypes that are no integers, by operation."""
    for name in IDS:
        for dtype in ("float64", "float32", "bool", "U1"):
            yield {"operation": name, "ids": np.array([1, 0]).astype(dtype)}


@ids_are_integers.exhaustive(no_ids)
def ids_of_other_dtypes_are_refused(ops: Operations, operation: str, ids: Any) -> Any:
    table = np.ones((3, 2))
    arguments = {"embedding": (ids, table), "embedding_vjp": (np.ones((2, 2)), ids, table), "one_hot": (ids, 3)}
    return raises(lambda: getattr(ops, operation)(*arguments[operation]), TypeError)


shapes_must_fit = Claim(
    "embedding.shapes_must_fit",
    statement="What does not fit is refused by an error that names the shapes or the value, never broadcast: tables "
    "that are none, cotangents of another shape, vectors of two lengths, sizes below zero, scores that are not finite.",
    formula=r"E \notin \mathbb R^{V \times d} \Rightarrow \mathrm{ValueError}",
    needs=("embedding", "embedding_vjp", "one_hot", "cosine_similarity", "cosine_similarity_vjp", "best_score_table"),
    refuted_by=(
        cosine_similarity_mutants.broadcast,
        wrong.cotangent_stretched,
        score_table_mutants.infinite_scores_taken,
    ),
)


_TABLE, _IDS = np.ones((3, 2)), np.array([0, 1])
refuse(
    shapes_must_fit,
    (
        (operation, arguments, {}, ValueError, words)
        for operation, arguments, words in (
            ("embedding", (_IDS, _TABLE[0]), ("(2,)",)),
            ("embedding", (_IDS, _TABLE[None]), ("(1, 3, 2)",)),
            ("embedding_vjp", (_TABLE, _IDS, _TABLE), ("(2, 2)", "(3, 2)")),
            ("embedding_vjp", (_TABLE[:1], _IDS, _TABLE), ("(2, 2)", "(1, 2)")),
            ("embedding_vjp", (_TABLE[0], _IDS, _TABLE), ("(2, 2)", "(2,)")),
            ("one_hot", (_IDS, -1), ("-1",)),
            ("cosine_similarity", (_TABLE, _TABLE[:1]), ("(3, 2)", "(1, 2)")),
            ("cosine_similarity", (_TABLE[:, :1], _TABLE), ("(3, 1)", "(3, 2)")),
            ("cosine_similarity_vjp", (_TABLE[0], _TABLE, _TABLE), ("(3,)", "(2,)")),
            ("best_score_table", (_TABLE, -1), ("-1",)),
            ("best_score_table", (_TABLE * np.nan, 1), ("finite",)),
            ("best_score_table", (_TABLE * np.inf, 1), ("finite",)),
        )
    ),
)


@shapes_must_fit.exhaustive(lambda: iter([{"axis": 2}, {"axis": -3}]))
def missing_axes_are_refused(ops: Operations, axis: int) -> Any:
    return raises(lambda: ops.cosine_similarity(np.ones((3, 2)), np.ones((3, 2)), axis=axis), ValueError)
