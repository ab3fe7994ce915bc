"""What must be true of the options of softmax and its relatives: several axes, a dtype, weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import options_mutants as wrong
from mathcore.probability.options_tolerances import (
    converted_gradient,
    weighted_logsumexp_rounding,
    weighted_logsumexp_vjp_rounding,
)
from mathcore.probability.records import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX, TEMPERATURE_SOFTMAX, OnRows
from mathcore.verify import Allowance, Claim, Limits, Operations, Target, draw_array, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_integers, widths
from mathcore.verify.operation import Operation
from mathcore.verify.relations import all_of, equal, equal_in_range
from mathcore.verify.tolerances import dtype_named


@domain
def boxes(draw: Draw, target: Target) -> dict[str, Any]:
    """Arrays of two to four axes, scores and cotangents, and two or more of the axes in any order, from either end."""
    shape = tuple(draw(st.integers(1, 7)) for _ in range(draw(st.integers(2, 4))))
    several = draw(st.permutations(range(len(shape))))[: draw(st.integers(2, len(shape)))]
    axis = tuple(i - len(shape) * draw(st.booleans()) for i in several)
    name = draw(st.sampled_from(target.dtypes))
    x, g = (draw_array(draw, shape, name, (2.0**-2, 2.0**3)) for _ in range(2))
    return {"x": x, "g": g, "axis": axis}


def _merged(x: Any, axis: tuple[int, ...]) -> Any:
    """Rows of all that lies along some axes."""
    kept = x.ndim - len(axis)
    return np.moveaxis(x, axis, range(kept, x.ndim)).reshape(*_kept(x, axis), -1)


def _kept(x: Any, axis: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what is left."""
    return tuple(n for i, n in enumerate(x.shape) if i not in {a % x.ndim for a in axis})


def several_axes(op: OnRows) -> Claim:
    """Several axes are as one."""
    claim = Claim(
        f"{op.name}.several_axes",
        statement=f"`{op.name}` along several axes is `{op.name}` along one axis that holds all that they hold, "
        "whatever their order; so is its derivative.",
        formula=r"f(x, (a, b, \dots)) = f(x \text{ with these axes merged})",
        legend={"a, b": "axes"},
        limits=Limits(options=tuple(name for name in op.unvaried if name != "axis"), width=7),
        needs=tuple(part.name for part in op.parts),
        tolerances=op.tolerances,
        refuted_by=(
            *(wrong.first_of_several_axes(part.name) for part in op.parts[: 1 if op.reduces else 2]),
            *(wrong.trailing_axes(part.name) for part in op.parts),
        ),
    )

    for part in op.parts:

        @claim.property(boxes(), effort=0.5)
        def as_one(ops: Operations, x: Any, g: Any, axis: tuple[int, ...], part: Operation = part) -> Any:
            rows, of_rows = _merged(x, axis), op.options(_merged(x, axis))
            if part is op.value:
                y = part.answer(ops, x=x, **of_rows, axis=axis)
                return part.judged(ops, y if op.reduces else _merged(y, axis), rows, **of_rows)
            given = op.cotangent(_merged(g, axis)) if op.reduces else g
            pulled = part.answer(ops, g=given, x=x, **of_rows, axis=axis)
            g_rows = given if op.reduces else _merged(g, axis)
            return part.judged(ops, _merged(pulled, axis), g_rows, rows, **of_rows)

    return claim


@domain
def converted(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores in one format, another one, and a cotangent in that."""
    name, other = draw(st.sampled_from(target.dtypes)), draw(st.sampled_from(target.dtypes))
    shape = draw(st.integers(1, 12)), draw(widths(most=65))
    x, g = draw_array(draw, shape, name, (2.0**-4, 2.0**3)), draw_array(draw, shape, other, (2.0**-4, 2.0**3))
    return {"x": x, "g": g, "dtype": dtype_named(other)}


def dtype_of(op: OnRows) -> Claim:
    """What `dtype` asks for."""
    value, vjp = op.parts
    claim = Claim(
        f"{op.name}.dtype",
        statement=f"With `dtype`, `{op.name}` is that of the scores converted to it, computed and returned in it; the "
        "gradient comes in the dtype of the scores, rounded once more.",
        formula=r"f(x, \text{dtype}) = f(\operatorname{convert}(x))",
        limits=Limits(options=tuple(name for name in op.unvaried if name != "dtype")),
        needs=(value.name, vjp.name),
        tolerances=(*op.tolerances, converted_gradient),
        refuted_by=(
            *(family(value.name) for family in (wrong.converted_afterwards, wrong.dtype_ignored)),
            wrong.dtype_ignored(vjp.name),
            wrong.gradient_in_the_dtype(vjp.name),
        ),
    )

    @claim.property(converted(), effort=0.5)
    def value_is_that_of_the_converted(ops: Operations, x: Any, g: Any, dtype: Any) -> Any:
        del g
        y = getattr(ops, value.name)(x, dtype=dtype)
        return all_of(equal(y.dtype == dtype, True), value.judged(ops, y, x.astype(dtype)))

    @claim.property(converted(), effort=0.5)
    def gradient_comes_back_converted(ops: Operations, x: Any, g: Any, dtype: Any) -> Any:
        assert op.pulled is not None
        assert op.pulled_allowed is not None
        out, there = op.cotangent(g), x.astype(dtype)
        pulled = getattr(ops, vjp.name)(out, x, dtype=dtype)
        true = enclose(op.pulled, out, there)
        allowed = op.pulled_allowed(out, there, there.dtype, *op.how(ops))
        if x.dtype != dtype:
            more = converted_gradient(true.hi, allowed.values, x.dtype)
            allowed = Allowance(more.values, allowed.names + more.names)
        return all_of(equal(pulled.dtype == x.dtype, True), equal_in_range(pulled, true, within=allowed))

    return claim


weighted = Claim(
    "logsumexp.weights",
    statement="With weights, log-sum-exp is the logarithm of the weighted sum, within its derived bound: with "
    "`return_sign` of the magnitude, beside the sign, else NaN for a negative sum; a weight of 0 excludes its score, "
    "whatever it holds; the gradient is that of the logarithm of the magnitude. Where terms cancel so far that "
    "rounding decides the sign, nothing is said.",
    formula=r"y = \ln\Bigl|\sum_j b_j e^{x_j}\Bigr|, \qquad "
    r"\bar x_i = \bar g\,\frac{b_i e^{x_i}}{\sum_j b_j e^{x_j}}",
    needs=("logsumexp", "logsumexp_vjp"),
    limits=Limits(options=("keepdims", "where", "dtype", "logsumexp_vjp.axis"), said=("Where terms cancel so far",)),
    tolerances=(weighted_logsumexp_rounding, weighted_logsumexp_vjp_rounding),
    refuted_by=(
        wrong.weights_ignored,
        wrong.weights_without_sign,
        wrong.zero_weights_multiply,
        wrong.weighted_unshifted,
        wrong.always_positive,
        wrong.gradient_without_weights,
        wrong.gradient_without_signs,
    ),
)


@domain
def weighted_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows near 0 or far from it, and weights up to 16 of either sign, an odd number of them not 0, or none.

    They are odd eighths: an odd number of these never adds up to 0, and so no sum is 0 exactly.
    """
    name, negative = draw(st.sampled_from(target.dtypes)), draw(st.integers(0, 3))
    shape = draw(st.integers(1, 12)), draw(widths(least=1, most=65))
    x = draw_array(draw, shape, "float64", (2.0**-4, 4)) + draw(st.sampled_from([0.0, 0.0, 300.0, -300.0, 3000.0]))
    odd = 2 * abs(draw_integers(draw, shape, 63)) + 1
    b = np.where(draw_integers(draw, shape, 3) < negative - 3, -odd, odd) / 8
    b[draw_integers(draw, shape, 9) > draw(st.sampled_from([9, 0]))] = 0
    even = (b != 0).sum(-1) % 2 == 0
    b[even, abs(b[even]).argmax(-1)] = 0
    garbage = draw(st.sampled_from([0.0, np.nan, np.inf, -np.inf]))
    g = draw_array(draw, shape[:1], name, (2.0**-4, 2.0**4))
    return {"x": as_dtype(np.where(b == 0, garbage, x), name), "b": as_dtype(b, name), "g": g}


def _log_of_magnitude(x: Any, b: Any) -> Any:
    return np.log(abs((b * np.exp(x)).sum(-1)))


def _with_terms(x: Any, b: Any) -> tuple[Any, Any, Any, Any]:
    """Scores without garbage and weights of the rows that have a term, which these are, and the true ln |S|."""
    some = (b != 0).any(-1)
    rows, weights = np.where(b == 0, 0, x).astype(x.dtype)[some], b[some]
    return rows, weights, some, enclose(_log_of_magnitude, rows, weights)


@weighted.property(weighted_rows(), axis=st.sampled_from([-1, 0]))
def is_the_log_of_the_weighted_sum(ops: Operations, x: Any, b: Any, g: Any, axis: int) -> Any:
    del g
    arrays = (x, b) if axis == -1 else (x.T, b.T)
    y, sign = ops.logsumexp(arrays[0], axis=axis, b=arrays[1], return_sign=True)
    plain = ops.logsumexp(arrays[0], axis=axis, b=arrays[1])
    rows, weights, some, true = _with_terms(x, b)
    allowed = weighted_logsumexp_rounding(rows, weights, true.hi, x.dtype, ops.conventions.summation)
    sure = np.isfinite(allowed.values)
    positive = _positive(rows[sure], weights[sure])
    plain = plain[some][sure]
    return all_of(
        equal(y[some][sure], true[sure], within=allowed[sure]),
        equal(sign[some][sure], np.where(positive, 1.0, -1.0)),
        equal(plain[positive], true[sure][positive], within=allowed[sure][positive]),
        equal(np.isnan(plain[~positive].astype(np.float64)), True),
        equal(y[~some], -np.inf),
        equal(sign[~some], 0.0),
    )


def _positive(x: Any, b: Any) -> Any:
    """Whether weighted sums are positive, whose sign rounding to a few digits does not change."""
    x, b = (v.astype(np.float64) for v in (x, b))
    e = b * np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return np.array([math.fsum(row) > 0 for row in e.tolist()], bool)


@weighted.property(weighted_rows(), effort=0.5)
def gradient_is_weighted(ops: Operations, x: Any, b: Any, g: Any) -> Any:
    pulled = ops.logsumexp_vjp(g, x, b=b)
    rows, weights, some, y = _with_terms(x, b)
    allowed = weighted_logsumexp_vjp_rounding(g[some], rows, weights, y.hi, x.dtype, ops.conventions.summation)
    sure = np.isfinite(allowed.values).all(-1)

    def formula(g: Any, x: Any, b: Any) -> Any:
        terms = b * np.exp(x)
        return g[:, None] * terms / terms.sum(-1, keepdims=True)

    true = enclose(formula, g[some][sure], rows[sure], weights[sure])
    return all_of(equal_in_range(pulled[some][sure], true, within=allowed[sure]), equal(pulled[b == 0], 0.0))


OF_OPTIONS = (
    *(several_axes(op) for op in (SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, TEMPERATURE_SOFTMAX)),
    *(dtype_of(op) for op in (SOFTMAX, LOG_SOFTMAX, LOGSUMEXP)),
)
