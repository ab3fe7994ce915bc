"""What must be true of the size of vectors: FAQ 6."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from mathcore.embeddings import cosine_similarity_mutants, embedding_mutants
from mathcore.embeddings import score_table_mutants as wrong
from mathcore.embeddings.cosine_similarity_tolerances import cosine_rounding, spherical_cap
from mathcore.embeddings.records import BEST_SCORE_TABLE, EMBEDDING_VJP
from mathcore.embeddings.textbook import cosine
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, domain, draw_exact, draw_integers, seeds
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle import matrices
from mathcore.verify.relations import all_of, at_least, at_most, equal, less
from mathcore.verify.tolerances import rounding


def factored(table: Any) -> tuple[Any, Any]:
    """The table as a product of two of full rank, exactly: its pivot columns, and its reduced rows."""
    reduced, pivots_found = matrices.rational(table).rref()
    rows = np.array([[type(table[0, 0])(int(v.p)) / int(v.q) for v in row] for row in reduced.tolist()], table.dtype)
    rows = rows.reshape(table.shape)[:pivots_found]
    pivots = [int(np.flatnonzero(row)[0]) for row in rows]
    return table[:, pivots], rows


@domain
def word_and_context_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors of a few words and contexts, often fewer numbers than words, in numbers that arithmetic is exact on."""
    words, contexts, size = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    both = draw_exact(draw, target, words + contexts, size, most=3)
    return {"words": both[:words], "contexts": both[words:]}


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


class Known(NamedTuple):
    """A table and its singular values."""

    table: Any
    values: Any


@domain
def known_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """A table whose singular values are known, and a size."""
    known = Known(*matrices.draw_with_singular_values(draw, draw(st.sampled_from(target.dtypes)), far=True))
    return {"known": known, "dim": draw(st.integers(0, len(known.values) + 1))}


@domain
def crowded_directions(draw: Draw, target: Target) -> Any:
    """More directions than numbers in a vector, at random or as far apart as d + 1 can be."""
    size = draw(st.integers(1, 6))
    if draw(st.booleans()):  # the corners of a regular simplex, seen from its centre
        corners = np.eye(size + 1) - 1 / (size + 1)
        return corners @ np.linalg.svd(corners)[2][:size].T
    return draw(seeds()).normal(size=(draw(st.integers(size + 1, 14)), size))


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
    tolerances=(matrices.score_table_rounding,),
    refuted_by=(
        wrong.squared,
        wrong.own_word_favoured,
        wrong.one_size_more,
        wrong.one_size_less,
        wrong.columns_centred,
    ),
)


@size_bounds_rank.exact(word_and_context_vectors(), effort=0.5)
def rank_is_at_most_the_size(ops: Operations, words: Any, contexts: Any) -> Any:
    scores = ops.linear(ops.embedding(np.arange(len(words)), words), contexts.T)
    return at_most(matrices.rank(scores), words.shape[1])


@size_bounds_rank.exact(table=whole_table(), effort=0.5)
def size_of_the_rank_is_enough(ops: Operations, table: Any) -> Any:
    words, contexts = factored(table)
    return all_of(equal(words.shape[1], matrices.rank(table)), equal(ops.linear(words, contexts), table))


@size_bounds_rank.property(BEST_SCORE_TABLE.inputs(most=5), effort=0.5)
def best_table_misses_by_the_tail(ops: Operations, table: Any, dim: int) -> Any:
    words, contexts = (np.asarray(x, np.float64) for x in ops.best_score_table(table, dim))
    allowed = matrices.score_table_rounding(table, dim, table.dtype)
    sizes = equal([words.shape, contexts.shape], [(len(table), dim), (table.shape[1], dim)])
    short = matrices.tail(table, dim)
    if short > 2 * float(allowed.values) or not dim:  # the table's rank is higher: out of reach, by the tail at least
        return all_of(sizes, at_least(matrices.distance(table, words, contexts), short, within=allowed))
    return all_of(sizes, equal(matrices.distance(table, words, contexts), short, within=allowed))


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
    tolerances=(matrices.score_table_rounding,),
    refuted_by=(
        wrong.smallest_kept,
        wrong.one_size_less,
        wrong.not_rooted,
        wrong.columns_centred,
        wrong.great_scores_dropped,
    ),
)  # fmt: skip


@more_size_less_error.property(known_scores())
def error_falls_with_the_size(ops: Operations, known: Known, dim: int) -> Any:
    table, values = known

    def off(d: int) -> Any:
        return matrices.distance(table, *ops.best_score_table(table, d))

    def left(d: int) -> float:
        return math.sqrt((values[d:] ** 2).sum())  # whole numbers times a power of two

    allowed, more = (matrices.score_table_rounding(table, d, table.dtype) for d in (dim, dim + 1))
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
        formats=SHORT_FORMATS,
        width=6,
        also=("more than 16 random directions",),
        said=("a few directions",),
    ),
    source="Welch (1974), doi:10.1109/TIT.1974.1055219; Ball, An Elementary Introduction to Modern Convex Geometry "
    "(1997), Lemma 2.2",
    needs=("cosine_similarity",),
    tolerances=(spherical_cap, cosine_rounding, rounding),
    refuted_by=(
        cosine_similarity_mutants.smaller_than_they_are,
        cosine_similarity_mutants.not_normalised,
        cosine_similarity_mutants.positive_only,
        cosine_similarity_mutants.one_length_only,
    ),
)


@room_grows.statistical
def random_directions_are_nearly_orthogonal(ops: Operations, rng: Any) -> Any:
    size, nearly, directions = 12_288, 0.1, rng.normal(size=(16, 12_288))
    one, other = np.triu_indices(len(directions), 1)
    cosines = ops.cosine_similarity(directions[one], directions[other])
    # N directions at random keep below `nearly`, all of them, with a positive probability while N² e^(−d/200) < 1.
    room = math.exp(size * nearly**2 / 4)
    off = at_most(abs(cosines), 0.0, within=spherical_cap(size, len(cosines), 1e-9))
    return all_of(off.measuring(**{"directions that fit below a cosine of 0.1": f"{room:.1e}"}), less(100 * size, room))


@room_grows.property(directions=crowded_directions(), effort=0.5)
def crowded_directions_reach_the_bound(ops: Operations, directions: Any) -> Any:
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
    refuted_by=(wrong.rows_dropped, wrong.grows, wrong.widened, embedding_mutants.only_rows_seen),
)


@size_is_fixed_before.property(EMBEDDING_VJP.inputs(), optimiser=st.sampled_from(["SGD", "Adam"]), effort=0.5)
def steps_keep_shape_and_dtype(ops: Operations, g: Any, ids: Any, weight: Any, optimiser: str) -> Any:
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
