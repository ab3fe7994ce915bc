"""What must be true of embeddings: FAQ 2 and 6, and what makes their primitives trustworthy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from mathcore import common_mutants as common
from mathcore import embeddings_mutants as wrong
from mathcore.common_rows import Called, any_width, defaults, floats_only, keeps_dtype, layout_free, many_rows, pure
from mathcore.embeddings_rows import (
    BEST_SCORE_TABLE,
    COSINE_SIMILARITY,
    COSINE_SIMILARITY_VJP,
    EMBEDDING,
    EMBEDDING_VJP,
    IDS,
    ONE_HOT,
    cosine,
    distance,
    draw_ids,
    draw_scores,
    draw_vectors,
    hot,
    sums_of_occurrences,
    tail,
)
from mathcore.embeddings_tolerances import (
    cosine_rounding,
    cosine_vjp_rounding,
    score_table_rounding,
    spherical_cap,
    sum_of_occurrences,
)
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_least,
    at_most,
    domain,
    draw_array,
    draw_exact,
    draw_integers,
    enclose,
    equal,
    identical,
    less,
    raises,
    seeds,
    widths,
)
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.tolerances import FORMATS, format_of, rounding

# FAQ 2: words as vectors.


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
def _(ops: Operations, ids: Any, weight: Any) -> Any:
    return equal(ops.embedding(ids, weight), hot(ids, len(weight)).astype(weight.dtype) @ weight)


@lookup_is_matmul.property(EMBEDDING.inputs(), effort=0.5)
def _(ops: Operations, ids: Any, weight: Any) -> Any:
    zero = weight.dtype.type(0)  # adding it turns −0 into 0
    product = (hot(ids, len(weight)).astype(weight.dtype) @ weight).astype(weight.dtype)  # bfloat16 becomes float32
    return identical(ops.embedding(ids, weight) + zero, product + zero)


def columns_of(*numbers: float) -> Callable[[Target], Iterator[dict[str, Any]]]:
    """Every column of up to two of these numbers, each looked up in turn."""

    def cases(target: Target) -> Iterator[dict[str, Any]]:
        for rows in (1, 2):
            for values in itertools.product(numbers, repeat=rows):
                for i in range(rows):
                    yield {"ids": np.array([i]), "weight": as_dtype(values, target.dtypes[0]).reshape(rows, 1)}

    return cases


for _special in (-0.0, np.inf, np.nan):

    @lookup_is_matmul.counterexample(cases=columns_of(0.0, 1.0, -1.0, _special))
    def _(ops: Operations, ids: Any, weight: Any) -> Any:
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
    limits=Limits(options=("bias",), formats=("float32", "float16", "bfloat16"), rows=4, width=4),
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
def _(ops: Operations, weight: Any, ids: Any, alpha: Any, beta: Any) -> Any:
    def score(x: Any, y: Any) -> Any:
        return ops.digit_scores(x[None], y[:, None])[0, 0]

    a, b, c = ops.embedding(ids, weight)
    return all_of(
        equal(score(a, b), sum(weight[ids[0], k] * weight[ids[1], k] for k in range(len(a)))),
        equal(score(a, b), score(b, a)),
        equal(score(alpha * a + beta * c, b), alpha * score(a, b) + beta * score(c, b)),
    )


cosine_in_range = Claim(
    "embedding.cosine_in_range",
    faq=2,
    statement="The cosine similarity of two finite vectors, neither of them zero, lies between −1 and 1; up to "
    "rounding it is 1 for parallel vectors, −1 for opposed ones, and making a vector longer or shorter does not change "
    "it, as long as nothing underflows.",
    formula=r"\cos(a, b) = \frac{\sum_i a_i b_i}{\lVert a\rVert\, \lVert b\rVert} \in [-1, 1], \qquad "
    r"\cos(s\,a, b) = \cos(a, b), \quad s > 0",
    legend={"a": "a vector", "b": "another", "s": "a number"},
    limits=Limits(
        options=("axis",),
        rows=3,
        said=("finite", "neither of them zero", "nothing underflows"),
    ),
    needs=("cosine_similarity",),
    tolerances=(cosine_rounding, rounding),
    refuted_by=(
        wrong.not_normalised,
        wrong.one_length_only,
        wrong.squared_lengths,
        wrong.epsilon_added,
        wrong.magnitude_of_cosine,
        wrong.positive_only,
        wrong.centred,
        wrong.last_left_out,
    ),
)


@domain
def whole_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Two vectors of whole numbers, none of them all 0, and a whole factor: their product is exact."""
    size, name = draw(widths(most=65)), draw(st.sampled_from(target.dtypes))
    vector, other = (draw_integers(draw, (size,), 8) for _ in range(2))
    vector[-1], other[0] = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    factor = draw(st.integers(1, 15)) * draw(st.sampled_from([-1, 1]))
    return {"vector": as_dtype(vector, name), "other": as_dtype(other, name), "factor": factor}


@domain
def exactness(draw: Draw, target: Target) -> bool:
    """Whether the target takes objects."""
    return target.exact


@cosine_in_range.property(COSINE_SIMILARITY.inputs(), whole=whole_vectors(), stretch=st.integers(-6, 6))
def _(ops: Operations, a: Any, b: Any, whole: Any, stretch: int) -> Any:
    vector, parallel = whole["vector"], whole["vector"] * whole["vector"].dtype.type(whole["factor"])
    one = cosine_rounding(vector, parallel, vector.dtype, ops.conventions.summation)
    other = cosine_rounding(vector, whole["other"], vector.dtype, ops.conventions.summation)
    allowed = cosine_rounding(a, b, a.dtype, ops.conventions.summation)
    factor = a.dtype.type(2.0**stretch)
    same = ((a * factor) / factor == a).all(-1)  # it is not where a subnormal number lost digits
    c, stretched = ops.cosine_similarity(a, b), ops.cosine_similarity(a * factor, b)
    if c.shape != same.shape:
        return equal(list(c.shape), list(same.shape))
    return all_of(
        equal(c, enclose(cosine, a, b), within=allowed),
        at_most(abs(c), 1.0, within=allowed),
        equal(np.where(same, stretched, c), c, within=allowed + allowed),
        equal(ops.cosine_similarity(vector, parallel), float(np.sign(whole["factor"])), within=one),
        equal(
            ops.cosine_similarity(parallel, whole["other"]) * np.sign(whole["factor"]),
            ops.cosine_similarity(vector, whole["other"]),
            within=other + other,
        ),
    )


@cosine_in_range.property(COSINE_SIMILARITY.inputs(dtype="float64", most=9), exact=exactness(), effort=0.25)
def _(ops: Operations, a: Any, b: Any, exact: bool) -> Any:
    # Numbers with an arithmetic of their own, Arb's balls, go through the same code, and no digit is lost.
    true = enclose(cosine, a, b)
    if not exact:
        return equal(ops.cosine_similarity(a, b), true, within=cosine_rounding(a, b, a.dtype, "any"))
    return equal(enclose(ops.cosine_similarity, a, b).hi, true, within=rounding(true.hi, np.float64) * 2)


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
    refuted_by=(wrong.scores_negated, wrong.distance_instead, wrong.last_left_out),
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
def _(ops: Operations, word: Any, other: Any, stranger: Any, name: str) -> Any:
    word, other, stranger = (as_dtype(v, name) for v in (word, other, stranger))
    return all_of(
        less(_score(ops, word, stranger), _score(ops, word, other)),
        less(ops.cosine_similarity(word, stranger), ops.cosine_similarity(word, other)),
    )


@features_order_similarity.property(featured_words(), effort=0.5, rng=seeds())
def _(ops: Operations, word: Any, other: Any, stranger: Any, name: str, rng: Any) -> Any:
    # Another word as long: the features exchanged, and two of them turned by the angle of 3, 4 and 5.
    rival = rng.permutation(word)
    turned = 5 * rival
    turned[:2] = abs(3 * rival[0] - 4 * rival[1]), 4 * rival[0] + 3 * rival[1]
    pairs = ((word, rival), (5 * word, turned))
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
def _(ops: Operations, word: Any, other: Any) -> Any:
    word, other = np.array(word, float), np.array(other, float)
    shares = float((word * other != 0).any())  # nothing is scored against nothing
    return less(0.0, _score(ops, word, other) + (1.0 - shares))


@features_order_similarity.counterexample(word=pairs_of_features(0), other=pairs_of_features(0))
def _(ops: Operations, word: Any, other: Any) -> Any:
    word, other = np.array(word, float), np.array(other, float)
    return at_most(_score(ops, word, other), _score(ops, word, word))


def fainter_and_fainter(target: Target) -> Iterator[dict[str, Any]]:
    """One feature that two words share, ever smaller."""
    for power in range(0, 600, 20):
        yield {"word": as_dtype([2.0**-power], target.dtypes[0])}


@features_order_similarity.counterexample(cases=fainter_and_fainter)
def _(ops: Operations, word: Any) -> Any:
    return less(0.0, _score(ops, word, word))


# FAQ 6: the size of a vector.


size_bounds_rank = Claim(
    "embedding.size_bounds_rank",
    faq=6,
    statement="In exact arithmetic, vectors of d numbers make a table of scores of rank d at most: a table of higher "
    "rank is out of reach, and with d at least its rank it is reached; in floats up to rounding.",
    formula=r"S = LR^\top,\ L \in \mathbb R^{n \times d} \ \Rightarrow\ \operatorname{rank} S \le d; \qquad "
    r"\operatorname{rank} S \le d \Rightarrow \exists L, R : S = LR^\top",
    legend={"S": "the table of scores", "L": "the vectors of words, a row for each", "R": "those of contexts"},
    needs=("embedding", "linear", "best_score_table"),
    limits=Limits(
        options=("bias",),
        formats=(
            "embedding.float32",
            "linear.float32",
            "embedding.float16",
            "linear.float16",
            "embedding.bfloat16",
            "linear.bfloat16",
        ),
        rows=6,
        width=4,
    ),
    tolerances=(score_table_rounding,),
    refuted_by=(
        wrong.squared,
        wrong.own_word_favoured,
        wrong.one_size_more,
        wrong.one_size_less,
        wrong.columns_centred,
    ),
)


def rational(x: Any) -> Any:
    """A table as a matrix of rational numbers; floats at their exact values."""
    from fractions import Fraction

    from flint import fmpq, fmpq_mat

    numbers = [Fraction(v) for v in np.ravel(x).tolist()]
    rows, columns = np.shape(x)
    return fmpq_mat(rows, columns, [fmpq(v.numerator, v.denominator) for v in numbers])


def rank(x: Any) -> int:
    """The rank, by elimination in rational numbers."""
    return int(rational(x).rank())


def factored(table: Any) -> tuple[Any, Any]:
    """The table as a product of two of full rank, exactly: its pivot columns, and its reduced rows."""
    reduced, rank = rational(table).rref()
    rows = np.array([[type(table[0, 0])(int(v.p)) / int(v.q) for v in row] for row in reduced.tolist()], table.dtype)
    rows = rows.reshape(table.shape)[:rank]
    pivots = [int(np.flatnonzero(row)[0]) for row in rows]
    return table[:, pivots], rows


@domain
def word_and_context_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors of a few words and contexts, often fewer numbers than words, in numbers that arithmetic is exact on."""
    words, contexts, size = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    both = draw_exact(draw, target, words + contexts, size, most=3)
    return {"words": both[:words], "contexts": both[words:]}


@size_bounds_rank.exact(word_and_context_vectors(), effort=0.5)
def _(ops: Operations, words: Any, contexts: Any) -> Any:
    scores = ops.linear(ops.embedding(np.arange(len(words)), words), contexts.T)
    return at_most(rank(scores), words.shape[1])


@domain
def whole_table(draw: Draw, target: Target) -> Any:
    """A table of any rank, of Fractions where the target takes objects, else of ones and zeros below a diagonal."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    if not target.exact:
        return np.tril(np.ones((rows, columns))) * abs(draw_integers(draw, (columns,), 3))
    inner = draw(st.integers(0, 5))
    left, right = draw_integers(draw, (rows, inner), 3), draw_integers(draw, (inner, columns), 3)
    return fractions(left @ right)


def fractions(x: Any) -> Any:
    """Whole numbers as Fractions."""
    from fractions import Fraction

    out = np.empty(x.shape, object)
    out.ravel()[:] = [Fraction(int(v)) for v in x.ravel()]
    return out


@size_bounds_rank.exact(table=whole_table(), effort=0.5)
def _(ops: Operations, table: Any) -> Any:
    words, contexts = factored(table)
    return all_of(equal(words.shape[1], rank(table)), equal(ops.linear(words, contexts), table))


@size_bounds_rank.property(BEST_SCORE_TABLE.inputs(most=5), effort=0.5)
def _(ops: Operations, table: Any, dim: int) -> Any:
    words, contexts = (np.asarray(x, np.float64) for x in ops.best_score_table(table, dim))
    allowed = score_table_rounding(table, dim, table.dtype)
    sizes = equal([words.shape, contexts.shape], [(len(table), dim), (table.shape[1], dim)])
    short = tail(table, dim)
    if short > 2 * float(allowed.values) or not dim:  # the table's rank is higher: out of reach, by the tail at least
        return all_of(sizes, at_least(distance(table, words, contexts), short, within=allowed))
    return all_of(sizes, equal(distance(table, words, contexts), short, within=allowed))


more_size_less_error = Claim(
    "embedding.more_size_less_error",
    faq=6,
    statement="Up to rounding, the best score table with vectors of d numbers is off, in the Frobenius norm, by the "
    "tail of the singular values: a larger size never hurts, and helps until the rank is reached.",
    formula=r"\min_{L, R}\, \lVert S - LR^\top \rVert_F^2 = \sum_{i > d} \sigma_i^2",
    legend={"S": "the table of scores", "L": "the vectors of words, a row for each", "R": "those of contexts",
            "σ": "σ_i, the singular values of S, falling"},
    limits=Limits(also=("tables with both sides longer than 6",)),
    source="Eckart & Young (1936), doi:10.1007/BF02288367; Mirsky (1960), doi:10.1093/qmath/11.1.50",
    needs=("best_score_table",),
    tolerances=(score_table_rounding,),
    refuted_by=(
        wrong.smallest_kept,
        wrong.one_size_less,
        wrong.not_rooted,
        wrong.columns_centred,
        wrong.great_scores_dropped,
    ),
)  # fmt: skip


class Known(NamedTuple):
    """A table and its singular values."""

    table: Any
    values: Any


@domain
def known_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """A table whose singular values are known, and a size."""
    known = Known(*draw_scores(draw, draw(st.sampled_from(target.dtypes)), far=True))
    return {"known": known, "dim": draw(st.integers(0, len(known.values) + 1))}


@more_size_less_error.property(known_scores())
def _(ops: Operations, known: Known, dim: int) -> Any:
    table, values = known

    def off(d: int) -> Any:
        return distance(table, *ops.best_score_table(table, d))

    def left(d: int) -> float:
        return math.sqrt((values[d:] ** 2).sum())  # whole numbers times a power of two

    allowed, more = (score_table_rounding(table, d, table.dtype) for d in (dim, dim + 1))
    return all_of(
        equal(off(dim), left(dim), within=allowed),
        equal(off(dim + 1), left(dim + 1), within=more),
        at_most(off(dim + 1), off(dim), within=allowed + more),
    )


room_grows = Claim(
    "embedding.room_grows",
    faq=6,
    statement="In 4 numbers no five directions keep all cosines below 1/4 in magnitude. In 12,288 numbers a few "
    "directions taken at random are nearly at right angles, but for a negligible probability, and far more than 12,288 "
    "fit with all cosines below 0.1 in magnitude.",
    formula=r"\max_{i \ne j} |\cos| \ge \sqrt{\frac{N - d}{d\,(N - 1)}}, \qquad "
    r"P(|\cos| \ge t) \le 2 e^{-d t^2 / 2}, \qquad N < e^{d t^2 / 4} \Rightarrow N \text{ directions fit below } t",
    legend={
        "N": "the number of directions, more than d in the first bound",
        "d": "the numbers in a vector",
        "t": "a cosine",
    },
    limits=Limits(
        options=("axis",),
        formats=("float32", "float16", "bfloat16"),
        width=6,
        also=("more than 16 random directions",),
        said=("a few directions",),
    ),
    source="Welch (1974), doi:10.1109/TIT.1974.1055219; Ball, An Elementary Introduction to Modern Convex Geometry "
    "(1997), Lemma 2.2",
    needs=("cosine_similarity",),
    tolerances=(spherical_cap, cosine_rounding, rounding),
    refuted_by=(wrong.smaller_than_they_are, wrong.not_normalised, wrong.positive_only, wrong.one_length_only),
)


@room_grows.statistical
def _(ops: Operations, rng: Any) -> Any:
    size, nearly, directions = 12_288, 0.1, rng.normal(size=(16, 12_288))
    one, other = np.triu_indices(len(directions), 1)
    cosines = ops.cosine_similarity(directions[one], directions[other])
    # N directions at random keep below `nearly`, all of them, with a positive probability while N² e^(−d/200) < 1.
    room = math.exp(size * nearly**2 / 4)
    off = at_most(abs(cosines), 0.0, within=spherical_cap(size, len(cosines), 1e-9))
    return all_of(off.measuring(**{"directions that fit below a cosine of 0.1": f"{room:.1e}"}), less(100 * size, room))


@domain
def crowded_directions(draw: Draw, target: Target) -> Any:
    """More directions than numbers in a vector, at random or as far apart as d + 1 can be."""
    size = draw(st.integers(1, 6))
    if draw(st.booleans()):  # the corners of a regular simplex, seen from its centre
        corners = np.eye(size + 1) - 1 / (size + 1)
        return corners @ np.linalg.svd(corners)[2][:size].T
    return draw(seeds()).normal(size=(draw(st.integers(size + 1, 14)), size))


@room_grows.property(directions=crowded_directions(), effort=0.5)
def _(ops: Operations, directions: Any) -> Any:
    count, size = directions.shape
    directions = np.where(directions.any(1, keepdims=True), directions, 1.0)  # a vector of zeros has none
    one, other = np.triu_indices(count, 1)
    allowed = cosine_rounding(directions[one], directions[other], np.float64, ops.conventions.summation)
    cosines = ops.cosine_similarity(directions[one], directions[other])
    least, most = math.sqrt((count - size) / (size * (count - 1))), int(abs(cosines).argmax())
    return all_of(
        equal(cosines, enclose(cosine, directions[one], directions[other]), within=allowed),
        at_least(abs(cosines[most]), least, within=allowed[most] + rounding(3 * least, np.float64)),
    )


size_is_fixed_before = Claim(
    "embedding.size_is_fixed_before",
    faq=6,
    statement="Training by SGD or Adam never changes the shape of the table, nor its format: gradients have both, and "
    "so has what a step leaves.",
    formula=r"E_t \in \mathbb R^{V \times d} \ \Rightarrow\ \bar E_t,\, E_{t+1} \in \mathbb R^{V \times d}",
    needs=("embedding_vjp", "SGD", "Adam"),
    limits=Limits(rows=7),
    refuted_by=(wrong.rows_dropped, wrong.grows, wrong.widened, wrong.only_rows_seen),
)


@size_is_fixed_before.property(EMBEDDING_VJP.inputs(), optimiser=st.sampled_from(["SGD", "Adam"]), effort=0.5)
def _(ops: Operations, g: Any, ids: Any, weight: Any, optimiser: str) -> Any:
    step, table = getattr(ops, optimiser)(0.1), weight
    state, tables = step.init({"E": table}), []
    for _ in range(3):
        gradient = ops.embedding_vjp(g, ids, table)
        if gradient.shape != weight.shape or gradient.dtype != weight.dtype:
            return all_of(equal(list(gradient.shape), list(weight.shape)), equal(gradient.dtype == weight.dtype, True))
        params, state = step.step({"E": table}, {"E": gradient}, state)
        table = params["E"]
        tables.append(table)
        if table.shape != weight.shape:
            break
    return all_of(
        *(equal(list(t.shape), list(weight.shape)) for t in tables),
        *(equal(t.dtype == weight.dtype, True) for t in tables),
    )


# Beyond the FAQ: ids.


def bad_ids(target: Target) -> Iterator[dict[str, Any]]:
    """Tables of up to five rows, and ids below and above them, alone and at every place among good ones."""
    for rows in (0, 1, 2, 5):
        table = as_dtype(np.ones((rows, 2)), target.dtypes[0])
        for bad in (-1, -2, -rows, -rows - 1, rows, rows + 1, 2**31, 2**32, 2**32 + 1, -(2**31), -(2**32), 2**63 - 1):
            if rows or bad:
                yield {"ids": np.array([bad], np.int64), "weight": table}
        for kind, bad in ((np.uint8, 255), (np.int8, -1), (np.int8, 127), (np.uint64, 2**63), (np.uint64, 2**64 - 1)):
            yield {"ids": np.array(bad, kind), "weight": table}
        for place in range(6 if rows else 0):
            for bad in (-1, rows):
                yield {"ids": np.where(np.arange(6) == place, bad, rows - 1).reshape(2, 3), "weight": table}


def refuses_bad_ids(name: str, call: Callable[[Operations, Any, Any], Any], *refuted_by: Any) -> Claim:
    """An id outside the table is an error."""
    claim = Claim(
        f"{name}.refuses_bad_ids",
        statement=f"`{name}` takes an id that is negative or too large for an error, wherever it stands; nothing wraps "
        "around, nothing is cut to the nearest, nothing is left at zero.",
        formula=r"i \notin [0, V) \Rightarrow \mathrm{IndexError}",
        needs=(name,),
        refuted_by=refuted_by,
    )

    @claim.exhaustive(bad_ids)
    def _(ops: Operations, ids: Any, weight: Any) -> Any:
        return raises(lambda: call(ops, ids, weight), IndexError)

    return claim


bad_ids_refused = (
    refuses_bad_ids(
        "embedding",
        lambda ops, ids, weight: ops.embedding(ids, weight),
        wrong.wraps_around,
        wrong.counts_from_the_end,
        wrong.clamped,
        wrong.zeros_for_bad_ids,
        wrong.ids_in_32_bits,
        wrong.first_column_checked,
        wrong.ids_in_eight_bits,
    ),
    refuses_bad_ids(
        "embedding_vjp",
        lambda ops, ids, weight: ops.embedding_vjp(np.ones((*ids.shape, 2), weight.dtype), ids, weight),
        wrong.wraps_around_too,
    ),
    refuses_bad_ids(
        "one_hot",
        lambda ops, ids, weight: ops.one_hot(ids, len(weight)),
        wrong.row_of_identity,
        wrong.zeros_if_bad,
    ),
)


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
def _(ops: Operations, ids: Any, weight: Any) -> Any:
    def bits(x: Any) -> Any:
        return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")

    answer = ops.embedding(ids, weight)
    return all_of(identical(answer, weight[ids]), equal(bits(answer), bits(weight[ids])))


def large_tables() -> Iterator[dict[str, Any]]:
    """A column past 2²⁴ rows, read at its end."""
    yield {"rows": 2**24 + 8}


@copies_every_bit.exhaustive(large_tables)
def _(ops: Operations, rows: int) -> Any:
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
def _(ops: Operations, g: Any, ids: Any, weight: Any) -> Any:
    pulled = ops.embedding_vjp(g, ids, weight)
    return all_of(
        equal(pulled, hot(ids, len(weight)).astype(weight.dtype).T @ g),
        equal((g * ops.embedding(ids, weight)).sum(), (pulled * weight).sum()),
    )


@domain
def long_texts(draw: Draw, target: Target) -> dict[str, Any]:
    """Up to 3,000 tokens of few words, some of which never occur, with whole cotangents: their sums are exact."""
    rows, seen = draw(st.integers(2, 9)), draw(st.integers(1, 9))
    count = draw(st.one_of(st.sampled_from([767, 768, 769, 1023, 1024, 1025, 2049]), st.integers(0, 3000)))
    name = draw(st.sampled_from([d for d in target.dtypes if d in ("float64", "float32")] or target.dtypes[:1]))
    rng = draw(seeds())
    g, ids = rng.integers(-9, 10, (count, 2)), rng.integers(0, min(seen, rows), count)
    return {"g": as_dtype(g, name), "ids": ids, "weight": as_dtype(rng.normal(size=(rows, 2)), name)}


@occurrences_add_up.exact(long_texts(), effort=0.5)
def _(ops: Operations, g: Any, ids: Any, weight: Any) -> Any:
    pulled = ops.embedding_vjp(g, ids, weight)
    return equal(pulled, hot(ids, len(weight)).T @ g.astype(np.float64))


def large_texts(target: Target) -> Iterator[dict[str, Any]]:
    """100,003 tokens of 70,001 words, with small whole cotangents: their sums are exact."""
    name = next((d for d in target.dtypes if d in ("float64", "float32")), target.dtypes[0])
    places = np.arange(100_003)
    yield {"g": as_dtype(places % 7 - 3, name)[:, None], "ids": places * 7919 % 70_001, "rows": 70_001}


@occurrences_add_up.exhaustive(large_texts)
def _(ops: Operations, g: Any, ids: Any, rows: int) -> Any:
    pulled = ops.embedding_vjp(g, ids, np.zeros((rows, 1), g.dtype))
    return equal(pulled[:, 0], np.bincount(ids, weights=g[:, 0].astype(np.float64), minlength=rows))


@domain
def two_formats(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids, a table, and cotangents in a format of their own."""
    drawn, name = EMBEDDING_VJP.draw(draw, target), draw(st.sampled_from(target.dtypes))
    return {**drawn, "g": draw_array(draw, drawn["g"].shape, name, (0.5, 8))}


@occurrences_add_up.property(two_formats(), effort=0.5)
def _(ops: Operations, g: Any, ids: Any, weight: Any) -> Any:
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
def _(ops: Operations, ids: Any, num_classes: int, data: Any) -> Any:
    axis = data.draw(st.integers(-ids.ndim - 1, ids.ndim), label="axis")
    name = data.draw(st.sampled_from(["float64", "float32", "float16", "int64", "bool"]), label="dtype")
    expected = np.moveaxis(hot(ids, num_classes), -1, axis).astype(name)
    return all_of(
        identical(ops.one_hot(ids, num_classes, dtype=np.dtype(name), axis=axis), expected),
        identical(ops.one_hot(ids, num_classes), hot(ids, num_classes).astype(np.float64)),
    )


exact_at_the_ends = Claim(
    "cosine_similarity.any_length",
    statement="No rounding takes a cosine out of [−1, 1]; a vector that is finite and not zero is at exactly 1 to "
    "itself, however long or short it is; a zero one is at 0 to every finite one, and NaN or ∞ in either makes it NaN.",
    formula=r"\cos(a, 2^k a) = 1, \qquad \cos(a, -2^k a) = -1, \qquad \cos(a, 0) = \cos(0, a) = 0",
    legend={"a": "a vector", "k": "a whole number, of either sign, so that 2ᵏa loses no bit"},
    needs=("cosine_similarity",),
    limits=Limits(options=("axis",), rows=3),
    refuted_by=(
        wrong.squares_overflow,
        wrong.product_of_roots,
        wrong.epsilon_added,
        wrong.centred,
        wrong.zero_first_is_nan,
        wrong.strange_second_ignored,
        wrong.shortest_at_zero,
    ),
)


@domain
def long_and_short(draw: Draw, target: Target) -> dict[str, Any]:
    """A vector of whole numbers, two powers of two to any length that a format has, and a place in it."""
    name = draw(st.sampled_from(target.dtypes))
    f, whole = format_of(name), draw_integers(draw, (1, draw(widths(most=65))), 15)
    whole[0, 0] = whole[0, 0] or 1  # few bits, so that no scale loses any
    powers = st.integers(int(np.log2(f.smallest)), int(np.log2(f.most)) - 4)
    return {
        "whole": whole,
        "powers": (draw(powers), draw(powers)),
        "name": name,
        "place": draw(st.integers(0, whole.shape[1] - 1)),
    }


@exact_at_the_ends.property(long_and_short(), other=st.sampled_from([np.nan, np.inf, -np.inf]))
def _(ops: Operations, whole: Any, powers: tuple[int, int], name: str, place: int, other: float) -> Any:
    a, b = (as_dtype(whole * 2.0**power, name) for power in powers)
    broken, nothing = np.where(np.arange(a.shape[1]) == place, a.dtype.type(other), a), 0 * a
    return all_of(
        equal(ops.cosine_similarity(a, b), [1.0]),
        equal(ops.cosine_similarity(a, -b), [-1.0]),
        *(identical(ops.cosine_similarity(*pair) + a.dtype.type(0), np.zeros(1, a.dtype))
          for pair in ((a, nothing), (nothing, b), (nothing, nothing))),
        *(identical(ops.cosine_similarity(*pair), np.full(1, np.nan, a.dtype))
          for pair in ((broken, b), (b, broken), (broken, nothing), (nothing, broken))),
    )  # fmt: skip


@exact_at_the_ends.property(COSINE_SIMILARITY.inputs(), effort=0.5)
def _(ops: Operations, a: Any, b: Any) -> Any:
    itself = a.any(-1).astype(np.float64)  # 0 for a vector of zeros
    return all_of(at_most(abs(ops.cosine_similarity(a, b)), 1.0), equal(ops.cosine_similarity(a, a), itself))


any_axis = Claim(
    "cosine_similarity.any_axis",
    statement="`cosine_similarity` works along the axis that was asked for, square arrays included, and so does its "
    "derivative.",
    formula=r"\cos(a, b, \text{axis}) = \cos(a^\top, b^\top, \text{last axis})",
    limits=Limits(width=5, fixed={"scale": "no gradient overflows"}),
    needs=("cosine_similarity", "cosine_similarity_vjp"),
    tolerances=(cosine_rounding, cosine_vjp_rounding),
    refuted_by=(wrong.axis_ignored, wrong.axis_ignored_vjp),
)


@domain
def cubes(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors along any axis of arrays of two or three axes, often all of one length."""
    ndim, side = draw(st.integers(2, 3)), draw(st.integers(2, 4))
    lengths = st.just(side) if draw(st.booleans()) else st.integers(1, 5)
    shape, name = tuple(draw(lengths) for _ in range(ndim)), draw(st.sampled_from(target.dtypes))
    a, b = (draw_vectors(draw, shape, name) for _ in range(2))
    return {
        "a": a,
        "b": b,
        "g": draw_array(draw, shape[:-1], name, (0.5, 8)),
        "axis": draw(st.integers(-ndim, ndim - 1)),
    }


@any_axis.property(cubes(), effort=0.5)
def _(ops: Operations, a: Any, b: Any, g: Any, axis: int) -> Any:
    return COSINE_SIMILARITY.agrees(ops, a=np.moveaxis(a, -1, axis), b=np.moveaxis(b, -1, axis), axis=axis)


@any_axis.property(cubes(), effort=0.5)
def _(ops: Operations, a: Any, b: Any, g: Any, axis: int) -> Any:
    return COSINE_SIMILARITY_VJP.agrees(ops, g=g, a=np.moveaxis(a, -1, axis), b=np.moveaxis(b, -1, axis), axis=axis)


# What is left out of a call.


@domain
def square_pairs(draw: Draw, target: Target, more: bool = False) -> dict[str, Any]:
    """Three pairs of three numbers, so that no shape tells the axis, and cotangents."""
    name = draw(st.sampled_from(target.dtypes))
    pair = {key: draw_vectors(draw, (3, 3), name) for key in "ab"}
    return {"cotangent": draw_array(draw, (3,), name, (0.5, 8)), **pair} if more else pair


@domain
def as_many_ids_as_classes(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids of which some stand on no diagonal."""
    classes = draw(st.integers(2, 5))
    return {"ids": (np.arange(classes) + 1) ** 2 % classes, "num_classes": classes}


left_out = (
    defaults(Called("cosine_similarity", square_pairs()), axis=(-1, 0)),
    defaults(Called("cosine_similarity_vjp", square_pairs(more=True)), axis=(-1, 0)),
    defaults(Called("one_hot", as_many_ids_as_classes()), dtype=(None, np.float32), axis=(-1, 0)),
)


# What a cosine sends back.

turns_and_never_lengthens = Claim(
    "cosine_similarity.gradient",
    statement="`cosine_similarity_vjp` is the derivative of the cosine: up to rounding it equals the exact partial "
    "derivatives of the textbook formula and moves a vector at right angles to itself; where either of two finite "
    "vectors is zero, it is taken to be zero.",
    formula=r"\bar a = \frac{\bar y}{\lVert a\rVert}\left(\frac{b}{\lVert b\rVert} - \cos(a, b)\frac{a}{\lVert a\rVert}"
    r"\right), \qquad \bar a \cdot a = 0",
    limits=Limits(options=("axis",), rows=3, fixed={"scale": "no gradient overflows"}),
    needs=("cosine_similarity_vjp",),
    tolerances=(cosine_vjp_rounding,),
    refuted_by=(
        wrong.length_not_projected,
        wrong.turned_the_other_way,
        wrong.sides_exchanged,
        wrong.length_forgotten,
        wrong.no_gradient,
    ),
)


@domain
def narrow_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Two vectors of a few numbers and a cotangent."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 5))
    a, b = (draw_vectors(draw, (1, n), name) for _ in range(2))
    return {"g": draw_array(draw, (1,), name, (0.5, 8)), "a": a, "b": b}


@turns_and_never_lengthens.property(narrow_vectors(), effort=0.5)
def _(ops: Operations, g: Any, a: Any, b: Any) -> Any:
    a_bar, b_bar = ops.cosine_similarity_vjp(g, a, b)
    how, along = (a.dtype, ops.conventions.summation), np.eye(a.shape[1])

    def slope(i: int, side: int) -> Any:
        if not (a.any() and b.any()):
            return np.zeros(())  # what is taken for the derivative there
        directions = tuple(along[[i]] if s == side else None for s in (0, 1))
        return derivative(lambda a, b: float(g[0]) * cosine(a, b)[0], (a, b), directions)

    of_a, of_b = cosine_vjp_rounding(g, a, b, *how), cosine_vjp_rounding(g, b, a, *how)
    return all_of(
        *(equal(a_bar[0, i], slope(i, 0), within=of_a[0, i]) for i in range(a.shape[1])),
        *(equal(b_bar[0, i], slope(i, 1), within=of_b[0, i]) for i in range(a.shape[1])),
    )


@turns_and_never_lengthens.property(COSINE_SIMILARITY_VJP.inputs(), effort=0.5)
def _(ops: Operations, g: Any, a: Any, b: Any) -> Any:
    a_bar, _ = ops.cosine_similarity_vjp(g, a, b)
    allowed = cosine_vjp_rounding(g, a, b, a.dtype, ops.conventions.summation).weighted(a)
    radial = [math.fsum(row) for row in (np.asarray(a_bar, np.float64) * a.astype(np.float64)).tolist()]
    return equal(radial, 0.0, within=allowed)


@turns_and_never_lengthens.property(COSINE_SIMILARITY_VJP.inputs(), effort=0.25)
def _(ops: Operations, g: Any, a: Any, b: Any) -> Any:
    nothing = np.zeros_like(a)
    pulled = (*ops.cosine_similarity_vjp(g, nothing, b), *ops.cosine_similarity_vjp(g, a, nothing))
    return all_of(*(equal(p, nothing) for p in pulled))


any_scale = Claim(
    "cosine_similarity.gradient_at_any_length",
    statement="In float64, a vector 2ᵏ times as long is turned by 2⁻ᵏ times as much, to the last bit, as long as "
    "nothing is or becomes subnormal.",
    formula=r"\bar a(2^k a, b) = 2^{-k}\, \bar a(a, b)",
    legend={
        "a": "a vector, and ā what the cosine of a and b sends back to it",
        "b": "another",
        "k": "a whole number, of either sign",
    },
    limits=Limits(
        options=("axis",),
        formats=("float32", "float16", "bfloat16"),
        rows=1,
        width=5,
        fixed={"scale": "nothing is or becomes subnormal"},
    ),
    needs=("cosine_similarity_vjp",),
    refuted_by=(wrong.length_forgotten, wrong.gradient_overflows),
)


@any_scale.property(narrow_vectors(), share=st.floats(0.1, 0.8), sign=st.sampled_from([-1, 1]))
def _(ops: Operations, g: Any, a: Any, b: Any, share: float, sign: int) -> Any:
    power = sign * int(share * np.log2(FORMATS["float64"].most))
    g, a, b = (x.astype(np.float64) for x in (g, a, b))  # float64 alone has room for it
    a_bar, b_bar = ops.cosine_similarity_vjp(g, a, b)
    longer, same = ops.cosine_similarity_vjp(g, a * 2.0**power, b)
    return all_of(equal(longer, a_bar * 2.0**-power), equal(same, b_bar))


# Beyond the FAQ: rows, layout, calls, widths, formats.


@domain
def words_and_strangers(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids, cotangents and a table, and what else might stand in its other rows."""
    drawn = EMBEDDING_VJP.draw(draw, target)
    return {**drawn, "strange": draw(st.sampled_from([np.nan, np.inf, -np.inf]))}


embedding_rows = Claim(
    "embedding.rows_are_independent",
    statement="What a word gets depends on its own row alone, and what a row is sent on its own occurrences alone, NaN "
    "and infinity in all others included.",
    formula=r"y_t = y(i_t, E_{i_t}), \qquad \bar E_i = \bar E_i(\bar y_t : i_t = i)",
    needs=("embedding", "embedding_vjp"),
    limits=Limits(rows=5),
    refuted_by=(wrong.multiplied_out, wrong.spread_by_product, common.rows_touch("embedding")),
)


@embedding_rows.property(words_and_strangers(), effort=0.5)
def _(ops: Operations, g: Any, ids: Any, weight: Any, strange: float) -> Any:
    mine = np.arange(len(weight)) == ids.min(initial=len(weight))
    others = np.where(mine[:, None], weight, weight.dtype.type(strange))
    alone = np.isin(ids, np.flatnonzero(mine))
    return identical(ops.embedding(ids, others)[alone], ops.embedding(ids, weight)[alone])


@embedding_rows.property(words_and_strangers(), effort=0.5)
def _(ops: Operations, g: Any, ids: Any, weight: Any, strange: float) -> Any:
    mine = np.arange(len(weight)) == ids.min(initial=len(weight))
    others = np.where(np.isin(ids, np.flatnonzero(mine))[..., None], g, g.dtype.type(strange))
    return identical(ops.embedding_vjp(others, ids, weight)[mine], ops.embedding_vjp(g, ids, weight)[mine])


@domain
def vectors_and_strangers(draw: Draw, target: Target) -> dict[str, Any]:
    """Two pairs of vectors or more, one of them, and what else might stand in all others."""
    drawn = COSINE_SIMILARITY_VJP.draw(draw, target, rows=draw(st.integers(2, 12)))
    strange = draw(st.sampled_from([np.nan, np.inf, 0.0, FORMATS[drawn["a"].dtype.name].most]))
    return {**drawn, "strange": strange, "row": draw(st.integers(0, len(drawn["g"]) - 1))}


cosine_rows = Claim(
    "cosine_similarity.rows_are_independent",
    statement="A pair of vectors gets the same, up to rounding, from `cosine_similarity` alone as in a batch, and no "
    "bit of it depends on the other pairs, NaN and infinity in them included; so it is for the derivative.",
    formula=r"\cos(A, B)_i = \cos(A_i, B_i)",
    limits=Limits(options=("axis",), fixed={"scale": "no gradient overflows"}),
    needs=("cosine_similarity", "cosine_similarity_vjp"),
    tolerances=(cosine_rounding, cosine_vjp_rounding),
    refuted_by=tuple(
        family(name)
        for family in (common.rows_touch, common.first_row_everywhere, wrong.rows_below_touched)
        for name in ("cosine_similarity", "cosine_similarity_vjp")
    ),
)


def _in_company(inputs: dict[str, Any], strange: float, row: int) -> dict[str, Any]:
    """The same in one row, and nothing but `strange` in the others."""
    mine = {name: np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) == row for name, x in inputs.items()}
    return {name: np.where(mine[name], x, x.dtype.type(strange)) for name, x in inputs.items()}


@cosine_rows.property(vectors_and_strangers(), effort=0.5)
def _(ops: Operations, g: Any, a: Any, b: Any, strange: float, row: int) -> Any:
    pair, mine = {"a": a, "b": b}, slice(row, row + 1)
    company = ops.cosine_similarity(*_in_company(pair, strange, row).values())
    return all_of(
        identical(company[row], ops.cosine_similarity(a, b)[row]),
        COSINE_SIMILARITY.agrees(ops, **pair),
        COSINE_SIMILARITY.agrees(ops, a=a[mine], b=b[mine]),
    )


@cosine_rows.property(vectors_and_strangers(), effort=0.5)
def _(ops: Operations, g: Any, a: Any, b: Any, strange: float, row: int) -> Any:
    triple, mine = {"g": g, "a": a, "b": b}, slice(row, row + 1)
    company = ops.cosine_similarity_vjp(*_in_company(triple, strange, row).values())
    return all_of(
        *(identical(c[row], p[row]) for c, p in zip(company, ops.cosine_similarity_vjp(g, a, b), strict=True)),
        COSINE_SIMILARITY_VJP.agrees(ops, **triple),
        COSINE_SIMILARITY_VJP.agrees(ops, g=g[mine], a=a[mine], b=b[mine]),
    )


PAIRS = ((EMBEDDING, EMBEDDING_VJP), (COSINE_SIMILARITY, COSINE_SIMILARITY_VJP), (BEST_SCORE_TABLE,))

any_layout = (
    layout_free(EMBEDDING, EMBEDDING_VJP, last=("embedding",)),
    layout_free(COSINE_SIMILARITY, COSINE_SIMILARITY_VJP, last=("cosine_similarity", "cosine_similarity_vjp")),
    layout_free(BEST_SCORE_TABLE),
    layout_free(ONE_HOT),
)
any_history = tuple(pure(*parts) for parts in (*PAIRS, (ONE_HOT,)))
widths_of_vectors = (
    any_width(EMBEDDING, EMBEDDING_VJP, refuted_by=(wrong.wide_rows_cut,)),
    any_width(
        COSINE_SIMILARITY,
        COSINE_SIMILARITY_VJP,
        refuted_by=(
            wrong.cut_at_1024,
            wrong.last_left_out,
            *map(common.first_row_everywhere, ("cosine_similarity", "cosine_similarity_vjp")),
        ),
    ),
)
any_height = (
    many_rows(EMBEDDING, EMBEDDING_VJP),
    many_rows(COSINE_SIMILARITY, COSINE_SIMILARITY_VJP),
    many_rows(ONE_HOT),
)
any_format = (
    keeps_dtype(EMBEDDING, EMBEDDING_VJP, refuted_by=(wrong.sum_in_its_own_format,)),
    keeps_dtype(COSINE_SIMILARITY, COSINE_SIMILARITY_VJP, refuted_by=(wrong.squares_in_their_own_format,)),
    keeps_dtype(BEST_SCORE_TABLE),
)
no_integers = tuple(floats_only(*parts) for parts in PAIRS)


ids_are_integers = Claim(
    "embedding.integer_ids_only",
    statement="Ids that are floats, bools or texts are refused, not guessed at.",
    formula=r"i \notin \mathbb Z \Rightarrow \mathrm{TypeError}",
    needs=("embedding", "embedding_vjp", "one_hot"),
    refuted_by=common.of_each(wrong.ids_rounded, IDS),
)


def no_ids() -> Iterator[dict[str, Any]]:
    """Ids in formats that are no integers, by operation."""
    for name in IDS:
        for dtype in ("float64", "float32", "bool", "U1"):
            yield {"operation": name, "ids": np.array([1, 0]).astype(dtype)}


@ids_are_integers.exhaustive(no_ids)
def _(ops: Operations, operation: str, ids: Any) -> Any:
    table = np.ones((3, 2))
    arguments = {"embedding": (ids, table), "embedding_vjp": (np.ones((2, 2)), ids, table), "one_hot": (ids, 3)}
    return raises(lambda: getattr(ops, operation)(*arguments[operation]), TypeError)


shapes_must_fit = Claim(
    "embedding.shapes_must_fit",
    statement="What does not fit is refused by an error that names the shapes or the value, never broadcast: tables "
    "that are none, cotangents of another shape, vectors of two lengths, sizes below zero, scores that are not finite.",
    formula=r"E \notin \mathbb R^{V \times d} \Rightarrow \mathrm{ValueError}",
    needs=("embedding", "embedding_vjp", "one_hot", "cosine_similarity", "cosine_similarity_vjp", "best_score_table"),
    refuted_by=(wrong.broadcast, wrong.cotangent_stretched, wrong.infinite_scores_taken),
)


def misfits() -> Iterator[dict[str, Any]]:
    """Calls that make no sense, and what the message must name."""
    table, ids = np.ones((3, 2)), np.array([0, 1])
    for operation, arguments, words in (
        ("embedding", (ids, table[0]), ("(2,)",)),
        ("embedding", (ids, table[None]), ("(1, 3, 2)",)),
        ("embedding_vjp", (table, ids, table), ("(2, 2)", "(3, 2)")),
        ("embedding_vjp", (table[:1], ids, table), ("(2, 2)", "(1, 2)")),
        ("embedding_vjp", (table[0], ids, table), ("(2, 2)", "(2,)")),
        ("one_hot", (ids, -1), ("-1",)),
        ("cosine_similarity", (table, table[:1]), ("(3, 2)", "(1, 2)")),
        ("cosine_similarity", (table[:, :1], table), ("(3, 1)", "(3, 2)")),
        ("cosine_similarity_vjp", (table[0], table, table), ("(3,)", "(2,)")),
        ("best_score_table", (table, -1), ("-1",)),
        ("best_score_table", (table * np.nan, 1), ("finite",)),
        ("best_score_table", (table * np.inf, 1), ("finite",)),
    ):
        yield {"operation": operation, "arguments": arguments, "words": words}


@shapes_must_fit.exhaustive(misfits)
def _(ops: Operations, operation: str, arguments: tuple[Any, ...], words: tuple[str, ...]) -> Any:
    return raises(lambda: getattr(ops, operation)(*arguments), ValueError, saying=words)


@shapes_must_fit.exhaustive(lambda: iter([{"axis": 2}, {"axis": -3}]))
def _(ops: Operations, axis: int) -> Any:
    return raises(lambda: ops.cosine_similarity(np.ones((3, 2)), np.ones((3, 2)), axis=axis), ValueError)
