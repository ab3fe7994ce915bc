"""What is true of every operation along an axis of scores, beside the laws of every operation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import row_mutants as wrong
from mathcore.probability import softmax_mutants
from mathcore.probability.records import (
    SOFTMAX,
    OnRows,
)
from mathcore.probability.row_tolerances import central_difference
from mathcore.probability.textbook import total
from mathcore.verify import Allowance, Claim, Limits, Mutant, Operations, Target
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, draw_view, score_rows
from mathcore.verify.operation import Operation
from mathcore.verify.oracle.dual import derivative, third_derivative_bound
from mathcore.verify.relations import all_of, equal, raises
from mathcore.verify.tolerances import format_of


# Layout, axis, width.
@domain
def rows_with_cotangents(
    draw: Draw, target: Target, *, most: int = 33, rows: int | None = None, view: bool = False
) -> dict[str, Any]:
    """Rows of scores and an array of the same shape for cotangents; on request each in a layout of its own."""
    x = draw(score_rows(most=most, rows=rows or draw(st.integers(1, 4)), masked=False).build(target))
    g = draw_array(draw, x.shape, x.dtype.name, (2.0**-4, 2.0**4))
    return {"x": draw_view(draw, x), "g": draw_view(draw, g)} if view else {"x": x, "g": g}


@domain
def cubes(draw: Draw, target: Target) -> dict[str, Any]:
    """Arrays of one to four axes, often all of one length, one now and then long or 0; an axis from either end."""
    ndim, side = draw(st.sampled_from([2, 3, 1, 4])), draw(st.integers(2, 4))
    axis = draw(st.integers(-ndim, ndim - 1))
    lengths = st.just(side) if draw(st.booleans()) else st.integers(1, 5)
    shape = [draw(lengths) for _ in range(ndim)]
    unusual = draw(st.integers(0, 9))
    if ndim > 1 and unusual > 7:
        shape[(axis - 1) % ndim] = 0 if unusual == 9 else draw(st.integers(9, 20))
    elif unusual > 4:
        shape[axis] = draw(st.integers(33, 40))
    name = draw(st.sampled_from(target.dtypes))
    x, g = (draw_array(draw, tuple(shape), name, (2.0**-2, 2.0**3)) for _ in range(2))
    return {"x": x, "g": g, "axis": axis}


def beyond_the_axes(target: Target) -> Iterator[dict[str, Any]]:
    """Arrays of one and two axes, and an axis that they do not have."""
    for name in target.dtypes:
        for shape in ((3,), (2, 3)):
            for axis in (len(shape), -len(shape) - 1, 7):
                yield {"x": as_dtype(np.ones(shape), name), "axis": axis}


def any_axis(op: OnRows) -> Claim:
    """The axis that was asked for is the axis that is used."""
    needs = tuple(part.name for part in op.parts)
    claim = Claim(
        f"{op.name}.any_axis",
        statement=f"`{op.name}` works along the axis that was asked for, whatever the number of axes, square arrays "
        "and empty ones included"
        + ("; so does its derivative" if op.pulled else "")
        + "; an axis that is not there is an error.",
        formula=r"f(x, \text{axis}) = f(x \text{ with this axis moved last, moved back})",
        limits=Limits(options=tuple(name for name in op.unvaried if name != "axis")),
        needs=needs,
        tolerances=op.tolerances,
        refuted_by=(
            *(family(name) for family in (wrong.axis_ignored, wrong.last_for_a_missing_axis) for name in needs),
            *(wrong.first_matrix_everywhere(name) for name in needs),
            *((softmax_mutants.axis_dropped,) if op is SOFTMAX else ()),
        ),
    )

    for part in op.parts:

        @claim.exhaustive(beyond_the_axes)
        def an_axis_that_is_not_there(ops: Operations, x: Any, axis: int, part: Operation = part) -> Any:
            given = op.arguments(part, np.ones((*x.shape[:-1], 3)), np.ones((*x.shape[:-1], 3)))
            g = {"g": np.ones(x.shape[:-1] if op.reduces else x.shape, x.dtype)} if "g" in given else {}
            return raises(lambda: part.answer(ops, **{**given, "x": x, **g, "axis": axis}), ValueError)

        @claim.property(cubes())
        def along_the_axis(ops: Operations, x: Any, g: Any, axis: int, part: Operation = part) -> Any:
            return part.agrees(ops, **op.arguments(part, x, g, axis))

    return claim


# Derivatives.
@domain
def narrow_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """One row of scores and a cotangent."""
    x = draw(score_rows(most=6, rows=1, masked=False).build(target))
    return {"x": x, "g": draw_array(draw, x.shape, x.dtype.name, (2.0**-4, 2.0**4))}


@domain
def stencils(draw: Draw, target: Target) -> dict[str, Any]:
    """One row on a grid, so that stepping to either side is exact, and a cotangent; in float64 if it is accepted."""
    name, n = "float64" if "float64" in target.dtypes else target.dtypes[0], draw(st.integers(1, 6))
    x, g = draw_integers(draw, (1, n), 64) / 8, draw_integers(draw, (1, n), 16) / 4
    return {"x": as_dtype(x, name), "g": as_dtype(g, name)}


def steps(x: Any) -> Any:
    """A step along each score: near the best for a central difference, (12u)^(1/3), and a power of two.

    With u of the format itself, since the scores a step away must be numbers of it.
    """
    length = 2.0 ** round(math.log2(12 * format_of(x.dtype).u) / 3)
    return (length * np.eye(x.shape[-1])).astype(x.dtype)


def gradient(op: OnRows, *refuted_by: Mutant) -> Claim:
    """The derivative is the derivative."""
    needs = tuple(part.name for part in op.parts)
    claim = Claim(
        f"{op.name}.gradient",
        statement=f"`{op.name}_vjp` is the derivative of `{op.name}`: up to rounding it gives the exact partial "
        "derivatives of the textbook formula, and what central differences of the operation itself give.",
        formula=r"\bar x_i = \sum_j \bar g_j \frac{\partial f_j}{\partial x_i}",
        limits=op.value.limits_of("gradient"),
        needs=needs,
        tolerances=(*op.tolerances, central_difference),
        refuted_by=refuted_by,
    )

    def value(ops: Operations, x: Any, g: Any) -> Any:
        return op.value.answer(ops, **op.arguments(op.value, x, g))

    def pull(ops: Operations, x: Any, g: Any) -> Any:
        return op.vjp.answer(ops, **op.arguments(op.vjp, x, g))

    def weighted(g: Any, x: Any) -> Callable[[Any], Any]:
        more = op.options(x)
        return lambda x: (g * op.formula(x, **more)).sum()

    @claim.property(narrow_rows(), effort=0.5)
    def is_the_exact_derivative(ops: Operations, x: Any, g: Any) -> Any:
        pulled, formula = pull(ops, x, g)[0], weighted(op.cotangent(g).astype(np.float64), x)
        allowed = _pulled_allowed(op, ops, x, g)[0]
        return all_of(
            *(
                equal(pulled[i], derivative(formula, (x,), (np.eye(len(pulled))[[i]],)), within=allowed[i])
                for i in range(len(pulled))
            )
        )

    @claim.property(stencils(), effort=0.5)
    def agrees_with_central_differences(ops: Operations, x: Any, g: Any) -> Any:
        out, pulled = op.cotangent(g).astype(np.float64), pull(ops, x, g)[0].astype(np.float64)

        def compared(i: int) -> Any:
            step = steps(x)[[i]]
            ahead, behind = (value(ops, x + s, g).astype(np.float64) for s in (step, -step))
            third = third_derivative_bound(weighted(out, x), (x,), (step,))
            allowed = central_difference(third, abs(out * (ahead - behind)).sum(), out.size)
            allowed = allowed + _noise(op, ops, x + step, out) + _noise(op, ops, x - step, out)
            allowed = allowed + _pulled_allowed(op, ops, x, g)[0, i] * step[0, i]
            return equal((out * (ahead - behind)).sum() / 2, step[0, i] * pulled[i], within=allowed)

        return all_of(*(compared(i) for i in range(len(pulled))))

    return claim


def _pulled_allowed(op: OnRows, ops: Operations, x: Any, g: Any) -> Allowance:
    assert op.pulled_allowed is not None
    return op.pulled_allowed(op.cotangent(g), x, x.dtype, *op.how(ops), **op.options(x))


def _noise(op: OnRows, ops: Operations, x: Any, out: Any) -> Allowance:
    """What half of ⟨out, f(x)⟩ may be off by, x being one row."""
    assert op.allowed is not None
    allowed = op.allowed(x, x.dtype, *op.how(ops), **op.options(x))
    return (allowed if op.reduces else allowed[0]).weighted(out[0] if not op.reduces else out) * 0.5


def gradient_sums_to_zero(op: OnRows, *refuted_by: Mutant) -> Claim:
    """The gradient never pushes all scores the same way, for that changes nothing."""
    claim = Claim(
        f"{op.name}.gradient_sums_to_zero",
        statement=f"The gradient that `{op.name}` sends back to a row of scores sums to zero, up to rounding, because "
        "adding a constant to the row would change nothing, as long as none of it overflows.",
        formula=r"\sum_i \bar x_i = 0",
        limits=op.value.limits_of("gradient_sums_to_zero"),
        needs=(op.vjp.name,),
        tolerances=op.tolerances[1:],
        refuted_by=refuted_by,
    )

    @claim.property(rows_with_cotangents(most=300))
    def adds_up_to_zero(ops: Operations, x: Any, g: Any) -> Any:
        allowed = _pulled_allowed(op, ops, x, g).weighted(np.ones_like(x))
        return equal(total(op.vjp.answer(ops, **op.arguments(op.vjp, x, g))), 0.0, within=allowed)

    return claim
