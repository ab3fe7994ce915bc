"""What must be true of vectors divided by their lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.embeddings.inputs import draw_vectors
from mathcore.normalisation import l2_norm_mutants as wrong
from mathcore.normalisation.l2_norm_tolerances import l2_length_rounding, l2_norm_rounding, l2_norm_vjp_rounding
from mathcore.verify import Claim, Limits, Operations, enclose, laws
from mathcore.verify.domains import Draw
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.operation import Operation, like
from mathcore.verify.oracle.matrices import length
from mathcore.verify.relations import Relation, all_of, equal, raises

LONG, SHORT = (1e-12, 2.0**-7), 2.0**14
"""ε of which no vector drawn is shorter than twice as long, and one than which all are shorter."""
EPSILONS = st.sampled_from([*LONG, SHORT])


def _vectors(draw: Draw, name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"x": draw_vectors(draw, shape, name), "epsilon": draw(EPSILONS)}


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _vectors(draw, name, (rows or draw(st.integers(1, 4)), 2500 if long else width))


def _stacked(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    """Vectors on several leading axes, one of them that long."""
    lead = draw(st.sampled_from([(rows,), (rows, 2), (2, rows), (rows, 1, 2)]))
    return _vectors(draw, name, (*lead, draw(st.integers(1, 3))))


def _is_short(x: Any, epsilon: float) -> Any:
    """1 for a vector that is not longer than ε, else 0."""
    return (length(x.astype(np.float64)) <= epsilon).astype(int)


def _divisor(x: Any, short: Any, epsilon: float) -> Any:
    return np.sqrt((x * x).sum(-1)[..., None] * (1 - short) + short) * (1 - short) + epsilon * short


def textbook(short: Any, epsilon: float) -> Any:
    """The formula, for balls, along the last axis."""
    return lambda x: x / _divisor(x, short, epsilon)


def pulled_back(short: Any, epsilon: float) -> Any:
    """The formula of the cotangent, for balls."""

    def formula(g: Any, x: Any) -> Any:
        r = _divisor(x, short, epsilon)
        u = x / r * (1 - short)
        return (g - u * (u * g).sum(-1)[..., None]) / r

    return formula


def _agrees(ops: Operations, y: Any, x: Any, axis: int = -1, epsilon: float = 1e-12) -> Relation:
    y, x = (np.moveaxis(a, axis, -1) for a in (y, x))
    if not x.size:
        return equal(y, x)
    within = l2_norm_rounding(x, x.dtype, epsilon, ops.conventions.summation)
    return equal(y, enclose(textbook(_is_short(x, epsilon), epsilon), x), within=within)


def _pulled_agrees(ops: Operations, y: Any, g: Any, x: Any, axis: int = -1, epsilon: float = 1e-12) -> Relation:
    y, g, x = (np.moveaxis(a, axis, -1) for a in (y, g, x))
    if not x.size:
        return equal(y, x)
    within = l2_norm_vjp_rounding(g, x, x.dtype, epsilon, ops.conventions.summation)
    return equal(y, enclose(pulled_back(_is_short(x, epsilon), epsilon), g, x), within=within)


_FINITE = {"scale": "no square over- or underflows"}
_LIMITS = {
    **dict.fromkeys(("layout_free", "rows_are_independent", "keeps_dtype"), Limits(rows=4, fixed=_FINITE)),
    "pure": Limits(rows=4, width=9, fixed=_FINITE),
    "any_width": Limits(rows=1, fixed=_FINITE),
    "many_rows": Limits(width=3, fixed=_FINITE),
    "defaults": Limits(options=("axis", "epsilon"), rows=4, width=9, fixed=_FINITE),
}
L2_NORM = Operation(
    "l2_norm", _drawn, _agrees, {"x": np.ones((3, 2))}, (l2_norm_rounding,), options=("axis", "epsilon"),
    stacked=_stacked, rows=("g", "x"), result=like("x"), unvaried=("axis",), limits=_LIMITS,
)  # fmt: skip
L2_NORM_VJP = L2_NORM.derivative(_pulled_agrees, l2_norm_vjp_rounding)
BOTH = (L2_NORM, L2_NORM_VJP)
_LEGEND = {"x": "a vector", "y": "the result", "ε": "what a shorter vector is divided by"}

is_the_formula = Claim(
    "l2_norm.is_the_formula",
    statement="Every vector x is divided by its length, or by ε where that is larger, along the axis that was asked "
    "for, as long as no square over- or underflows.",
    formula=r"y_i = \frac{x_i}{\max(\lVert x\rVert, \epsilon)}",
    legend=_LEGEND,
    limits=Limits(said=("as long as no square over- or underflows",), fixed=_FINITE),
    needs=("l2_norm",),
    tolerances=(l2_norm_rounding,),
    refuted_by=(
        wrong.mean_of_squares, wrong.root_forgotten, wrong.sum_of_magnitudes, wrong.epsilon_under_the_root,
        wrong.epsilon_added, wrong.epsilon_ignored, wrong.whole_array, wrong.axis_ignored,
    ),
)  # fmt: skip


@is_the_formula.property(L2_NORM.inputs(most=40), front=st.booleans(), effort=0.5)
def agrees_with_the_textbook(ops: Operations, x: Any, epsilon: float, front: bool) -> Any:
    return L2_NORM.agrees(ops, x=np.moveaxis(x, -1, 0) if front else x, axis=0 if front else -1, epsilon=epsilon)


has_length_one = Claim(
    "l2_norm.has_length_one",
    statement="A vector longer than ε gets the length 1, up to rounding, and the same result when it is a power of two "
    "times as long, as long as no square over- or underflows.",
    formula=r"\lVert x\rVert > \epsilon \Rightarrow \lVert y\rVert = 1, \qquad y(2^k x) = y(x)",
    legend={**_LEGEND, "k": "a whole number"},
    limits=Limits(
        options=("axis",), said=("as long as no square over- or underflows", "longer than ε"), fixed=_FINITE, rows=4
    ),
    needs=("l2_norm",),
    tolerances=(l2_norm_rounding, l2_length_rounding),
    refuted_by=(
        wrong.mean_of_squares, wrong.root_forgotten, wrong.sum_of_magnitudes, wrong.epsilon_added, wrong.whole_array,
    ),
)  # fmt: skip


@has_length_one.property(L2_NORM.inputs(most=40), epsilon=st.sampled_from(LONG), power=st.integers(0, 5), effort=0.3)
def of_any_scale(ops: Operations, x: Any, epsilon: float, power: int) -> Any:
    if not x.size:
        return L2_NORM.agrees(ops, x=x, epsilon=epsilon)
    y = np.asarray(ops.l2_norm(x, epsilon=epsilon), np.float64)
    within = l2_length_rounding(x, x.dtype, epsilon, ops.conventions.summation)
    longer = ops.l2_norm(x * x.dtype.type(2.0**power), epsilon=epsilon)
    return all_of(equal(length(y)[..., 0], 1.0, within=within), _agrees(ops, longer, x, epsilon=epsilon))


gradient = Claim(
    "l2_norm.gradient",
    statement="The derivative of a vector longer than ε is at right angles to it: it turns the vector and never "
    "lengthens it; a shorter one gets its cotangent divided by ε. Both up to rounding, and as long as no square over- "
    "or underflows.",
    formula=r"\bar x = \frac{\bar y - u\langle u, \bar y\rangle}{\lVert x\rVert}, \qquad \langle \bar x, x\rangle = 0",
    legend={**_LEGEND, "ȳ": "the cotangent of y", "u": "x divided by its length"},
    limits=Limits(
        said=("longer than ε", "shorter", "as long as no square over- or underflows"), fixed=_FINITE
    ),
    needs=("l2_norm_vjp",),
    tolerances=(l2_norm_vjp_rounding,),
    refuted_by=(
        wrong.length_not_taken_out, wrong.length_forgotten, wrong.mean_taken_out, wrong.taken_out_of_short_ones,
        wrong.axis_ignored_vjp,
    ),
)  # fmt: skip


@gradient.property(L2_NORM_VJP.inputs(most=40), front=st.booleans(), effort=0.5)
def turns_and_never_lengthens(ops: Operations, g: Any, x: Any, epsilon: float, front: bool) -> Any:
    if front:
        return L2_NORM_VJP.agrees(ops, g=np.moveaxis(g, -1, 0), x=np.moveaxis(x, -1, 0), axis=0, epsilon=epsilon)
    x_bar = ops.l2_norm_vjp(g, x, epsilon=epsilon)
    agrees = _pulled_agrees(ops, x_bar, g, x, epsilon=epsilon)
    if epsilon == SHORT or not x.size:
        return agrees
    within = l2_norm_vjp_rounding(g, x, x.dtype, epsilon, ops.conventions.summation).weighted(x)
    # The products of float64 are rounded as well, by far less than what x̄ may be off by.
    along = (np.asarray(x_bar, np.longdouble) * x.astype(np.longdouble)).sum(-1)
    return all_of(agrees, equal(along.astype(np.float64), 0.0, within=within))


edges_are_told = Claim(
    "l2_norm.refuses_what_does_not_fit",
    statement="Vectors of zeros give zeros if ε > 0, and send their cotangent back divided by ε; no vectors and "
    "vectors of width zero come back as they are; integers, an axis that there is not and a cotangent of another shape "
    "are errors that say so.",
    formula=r"x = 0,\ \epsilon > 0 \Rightarrow y = 0",
    legend=_LEGEND,
    needs=("l2_norm", "l2_norm_vjp"),
    limits=Limits(
        options=("axis", "l2_norm.epsilon"), formats=SHORT_FORMATS, rows=3, width=4,
        signs=("l2_norm.x >= 0", "l2_norm_vjp.x >= 0", "l2_norm_vjp.cotangent >= 0"),
    ),
    refuted_by=(wrong.epsilon_ignored, wrong.any_axis_taken),
)  # fmt: skip


@edges_are_told.exact(lead=st.sampled_from([(0,), (2,), (0, 3)]), n=st.integers(0, 3), effort=0.2)
def edges(ops: Operations, lead: Any, n: int) -> Any:
    x, g = np.zeros((*lead, n)), np.ones((*lead, n))
    longer = np.ones(n + 1)
    return all_of(
        equal(ops.l2_norm(x), x),
        equal(ops.l2_norm_vjp(g, x, epsilon=0.25), 4 * g),
        raises(lambda: ops.l2_norm(x.astype(int)), TypeError, saying=("x", "int64")),
        raises(lambda: ops.l2_norm(x, axis=x.ndim), ValueError, saying=("axis", str(x.shape))),
        raises(lambda: ops.l2_norm_vjp(longer, x), ValueError, saying=("cotangent", str(longer.shape))),
    )


of_every_operation = (
    *laws.every_law(*BOTH, any_width=(wrong.wide_rows_cut,), rows_are_independent=(wrong.whole_array,)),
    laws.defaults(*BOTH, epsilon=(1e-12, 2.0**14)),
)
