"""What must be true of cosines of vectors: FAQ 2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.embeddings import cosine_similarity_mutants as wrong
from mathcore.embeddings.cosine_similarity_tolerances import cosine_rounding, cosine_vjp_rounding
from mathcore.embeddings.inputs import draw_vectors
from mathcore.embeddings.records import COSINE_SIMILARITY, COSINE_SIMILARITY_VJP
from mathcore.embeddings.textbook import cosine
from mathcore.verify import Claim, Limits, Operations, Target, enclose, given_that
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, seeds, widths
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.promises import promised, reproduced
from mathcore.verify.relations import all_of, at_most, equal, identical
from mathcore.verify.tolerances import FORMATS, format_of, rounding, work_format

_DIRECTED = "vectors said to be parallel are finite and not zero"

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
        assumes=(_DIRECTED,),
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
def cosines_in_range_within_the_bound(ops: Operations, a: Any, b: Any, whole: Any, stretch: int) -> Any:
    vector, parallel = whole["vector"], whole["vector"] * whole["vector"].dtype.type(whole["factor"])
    given_that(all(x.any() and np.isfinite(x).all() for x in (parallel, whole["other"])), _DIRECTED)
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
def balls_go_through_the_same_code(ops: Operations, a: Any, b: Any, exact: bool) -> Any:
    # Numbers with an arithmetic of their own, Arb's balls, go through the same code, and no digit is lost.
    true = enclose(cosine, a, b)
    if not exact:
        return equal(ops.cosine_similarity(a, b), true, within=cosine_rounding(a, b, a.dtype, "any"))
    return equal(enclose(ops.cosine_similarity, a, b).hi, true, within=rounding(true.hi, np.float64) * 2)


exact_at_the_ends = Claim(
    "cosine_similarity.any_length",
    statement="In the grade `scaled` no rounding takes a cosine out of [−1, 1], and a vector that is finite and not "
    "zero is at 1 to itself exactly, however long or short it is; in the other grade, which lacks no correctness, both "
    "are so up to rounding and where no product of squared lengths over- or underflows; a zero one is at 0 to every "
    "finite one, and NaN or ∞ in either makes it NaN.",
    formula=r"\cos(a, 2^k a) = 1, \qquad \cos(a, -2^k a) = -1, \qquad \cos(a, 0) = \cos(0, a) = 0",
    legend={"a": "a vector", "k": "a whole number, of either sign, so that 2ᵏa loses no bit"},
    needs=("cosine_similarity",),
    limits=Limits(options=("axis",)),
    tolerances=(cosine_rounding,),
    refuted_by=(
        wrong.squares_overflow,
        wrong.product_of_roots,
        wrong.epsilon_added,
        wrong.centred,
        wrong.zero_first_is_nan,
        wrong.strange_second_ignored,
        wrong.shortest_at_zero,
        wrong.beyond_one,
    ),
)


@domain
def long_and_short(draw: Draw, target: Target) -> dict[str, Any]:
    """Whole numbers or thirds as a vector, two powers of two to any length in a dtype, and the index of a component."""
    name = draw(st.sampled_from(target.dtypes))
    f, whole = format_of(name), draw_integers(draw, (1, draw(widths(most=65))), 15)
    whole[0, 0] = whole[0, 0] or 1  # few bits, so that no scale loses any
    lowest, highest = int(np.log2(f.smallest)), int(np.log2(f.most)) - 4
    if target.conventions.cosine == "plain":
        # The product of two sums of 65 squares of 15 at most is in range; whole numbers alone would hardly round.
        work, whole = work_format(name), whole / draw(st.sampled_from([1, 3]))
        lowest = max(int(np.log2(f.tiny)) + 2, math.ceil(np.log2(work.tiny) / 4) + 2)
        highest = min(highest, int((np.log2(work.most) - 28) / 4))
    powers = st.integers(lowest, highest)
    return {
        "whole": whole,
        "powers": (draw(powers), draw(powers)),
        "name": name,
        "index": draw(st.integers(0, whole.shape[1] - 1)),
    }


@exact_at_the_ends.property(long_and_short(), other=st.sampled_from([np.nan, np.inf, -np.inf]))
def parallel_and_zero_vectors_are_exact(
    ops: Operations, whole: Any, powers: tuple[int, int], name: str, index: int, other: float
) -> Any:
    a, b = (as_dtype(whole * 2.0**power, name) for power in powers)
    broken, nothing = np.where(np.arange(a.shape[1]) == index, a.dtype.type(other), a), 0 * a
    return all_of(
        _at_the_end(ops, a, b, [1.0]),
        _at_the_end(ops, a, -b, [-1.0]),
        *(identical(ops.cosine_similarity(*pair) + a.dtype.type(0), np.zeros(1, a.dtype))
          for pair in ((a, nothing), (nothing, b), (nothing, nothing))),
        *(identical(ops.cosine_similarity(*pair), np.full(1, np.nan, a.dtype))
          for pair in ((broken, b), (b, broken), (broken, nothing), (nothing, broken))),
    )  # fmt: skip


@exact_at_the_ends.property(COSINE_SIMILARITY.inputs(), effort=0.5)
def cosines_never_leave_the_range(ops: Operations, a: Any, b: Any) -> Any:
    itself = a.any(-1).astype(np.float64)  # 0 for a vector of zeros
    return all_of(_in_the_range(ops, a, b), _at_the_end(ops, a, a, itself))


def _in_the_range(ops: Operations, a: Any, b: Any) -> Any:
    """That a cosine is within [−1, 1], exactly in the one grade, up to rounding in the other."""
    cosine = ops.cosine_similarity(a, b)
    right = COSINE_SIMILARITY.judged(ops, cosine, a, b)
    return promised(ops.conventions.cosine == "scaled", all_of(at_most(abs(cosine), 1.0), right), lambda: right)


def _at_the_end(ops: Operations, a: Any, b: Any, end: Any) -> Any:
    """That the cosine of parallel vectors is what it is, exactly in the one grade, up to rounding in the other."""
    cosine, how = ops.cosine_similarity(a, b), (a.dtype, ops.conventions.summation)
    return promised(
        ops.conventions.cosine == "scaled",
        equal(cosine, end),
        lambda: equal(cosine, end, within=cosine_rounding(a, b, *how)),
    )


@domain
def nearly_parallel(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors, and the same with about every second component one number of the dtype larger: a cosine near 1."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    a = as_dtype(rng.normal(size=(64, draw(widths(least=2, most=65)))), name)
    step = np.where(rng.random(a.shape) < 0.5, 1 + 2 * format_of(name).u, 1)
    return {"a": a, "b": as_dtype(a.astype(np.float64) * step, name)}


@exact_at_the_ends.property(nearly_parallel(), effort=0.5)
def nearly_parallel_vectors_stay_in_the_range(ops: Operations, a: Any, b: Any) -> Any:
    return _in_the_range(ops, a, b)


@cosine_in_range.property(nearly_parallel(), effort=0.25)
def nearly_parallel_within_the_bound(ops: Operations, a: Any, b: Any) -> Any:
    return COSINE_SIMILARITY.agrees(ops, a=a, b=b)


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
def cosine_along_any_axis(ops: Operations, a: Any, b: Any, g: Any, axis: int) -> Any:
    return COSINE_SIMILARITY.agrees(ops, a=np.moveaxis(a, -1, axis), b=np.moveaxis(b, -1, axis), axis=axis)


@any_axis.property(cubes(), effort=0.5)
def gradient_along_any_axis(ops: Operations, a: Any, b: Any, g: Any, axis: int) -> Any:
    return COSINE_SIMILARITY_VJP.agrees(ops, g=g, a=np.moveaxis(a, -1, axis), b=np.moveaxis(b, -1, axis), axis=axis)


# The derivative of the cosine.
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
def gradient_equals_partial_derivatives(ops: Operations, g: Any, a: Any, b: Any) -> Any:
    a_bar, b_bar = ops.cosine_similarity_vjp(g, a, b)
    how, along = (a.dtype, ops.conventions.summation), np.eye(a.shape[1])

    def partial_derivative(i: int, side: int) -> Any:
        if not (a.any() and b.any()):
            return np.zeros(())  # what is taken for the derivative there
        directions = tuple(along[[i]] if s == side else None for s in (0, 1))
        return derivative(lambda a, b: float(g[0]) * cosine(a, b)[0], (a, b), directions)

    of_a, of_b = cosine_vjp_rounding(g, a, b, *how), cosine_vjp_rounding(g, b, a, *how)
    return all_of(
        *(equal(a_bar[0, i], partial_derivative(i, 0), within=of_a[0, i]) for i in range(a.shape[1])),
        *(equal(b_bar[0, i], partial_derivative(i, 1), within=of_b[0, i]) for i in range(a.shape[1])),
    )


@turns_and_never_lengthens.property(COSINE_SIMILARITY_VJP.inputs(), effort=0.5)
def gradient_is_at_right_angles(ops: Operations, g: Any, a: Any, b: Any) -> Any:
    a_bar, _ = ops.cosine_similarity_vjp(g, a, b)
    allowed = cosine_vjp_rounding(g, a, b, a.dtype, ops.conventions.summation).weighted(a)
    radial = [math.fsum(row) for row in (np.asarray(a_bar, np.float64) * a.astype(np.float64)).tolist()]
    return equal(radial, 0.0, within=allowed)


@turns_and_never_lengthens.property(COSINE_SIMILARITY_VJP.inputs(), effort=0.25)
def zero_vectors_have_no_gradient(ops: Operations, g: Any, a: Any, b: Any) -> Any:
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
        formats=SHORT_FORMATS,
        rows=1,
        width=5,
        fixed={"scale": "nothing is or becomes subnormal"},
    ),
    needs=("cosine_similarity_vjp",),
    refuted_by=(wrong.length_forgotten, wrong.gradient_overflows),
)


@any_scale.property(narrow_vectors(), share=st.floats(0.1, 0.8), sign=st.sampled_from([-1, 1]))
def gradient_scales_to_the_last_bit(ops: Operations, g: Any, a: Any, b: Any, share: float, sign: int) -> Any:
    power = sign * int(share * np.log2(FORMATS["float64"].most))
    g, a, b = (x.astype(np.float64) for x in (g, a, b))  # float64 alone has room for it
    a_bar, b_bar = ops.cosine_similarity_vjp(g, a, b)
    longer, same = ops.cosine_similarity_vjp(g, a * 2.0**power, b)
    return all_of(equal(longer, a_bar * 2.0**-power), equal(same, b_bar))


@domain
def pairs_and_garbage(draw: Draw, target: Target) -> dict[str, Any]:
    """Two pairs of vectors or more, one of them, and garbage for all others."""
    drawn = COSINE_SIMILARITY_VJP.draw(draw, target, rows=draw(st.integers(2, 12)))
    garbage = draw(st.sampled_from([np.nan, np.inf, 0.0, FORMATS[drawn["a"].dtype.name].most]))
    return {**drawn, "garbage": garbage, "row": draw(st.integers(0, len(drawn["g"]) - 1))}


cosine_rows = Claim(
    "cosine_similarity.rows_are_independent",
    statement="A pair of vectors gets the same, up to rounding, from `cosine_similarity` alone as in a batch, whatever "
    "the other pairs hold, NaN and infinity included: no bit depends on them if the target promises that; so it is for "
    "the derivative.",
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


def _alone(inputs: dict[str, Any], garbage: float, row: int) -> dict[str, Any]:
    """The same in one row, and garbage in all others."""
    mine = {name: np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) == row for name, x in inputs.items()}
    return {name: np.where(mine[name], x, x.dtype.type(garbage)) for name, x in inputs.items()}


@cosine_rows.property(pairs_and_garbage(), effort=0.5)
def other_pairs_change_no_bit(ops: Operations, g: Any, a: Any, b: Any, garbage: float, row: int) -> Any:
    pair, mine = {"a": a, "b": b}, slice(row, row + 1)
    changed = ops.cosine_similarity(*_alone(pair, garbage, row).values())
    return all_of(
        reproduced(
            ops,
            changed[row],
            ops.cosine_similarity(a, b)[row],
            lambda: COSINE_SIMILARITY.judged(ops, changed[mine], a[mine], b[mine]),
        ),
        COSINE_SIMILARITY.agrees(ops, **pair),
        COSINE_SIMILARITY.agrees(ops, a=a[mine], b=b[mine]),
    )


@cosine_rows.property(pairs_and_garbage(), effort=0.5)
def other_pairs_change_no_bit_of_the_gradient(ops: Operations, g: Any, a: Any, b: Any, garbage: float, row: int) -> Any:
    triple, mine = {"g": g, "a": a, "b": b}, slice(row, row + 1)
    changed = ops.cosine_similarity_vjp(*_alone(triple, garbage, row).values())
    return all_of(
        reproduced(
            ops,
            tuple(y[row] for y in changed),
            tuple(y[row] for y in ops.cosine_similarity_vjp(g, a, b)),
            lambda: COSINE_SIMILARITY_VJP.judged(ops, tuple(y[mine] for y in changed), g[mine], a[mine], b[mine]),
        ),
        COSINE_SIMILARITY_VJP.agrees(ops, **triple),
        COSINE_SIMILARITY_VJP.agrees(ops, g=g[mine], a=a[mine], b=b[mine]),
    )
