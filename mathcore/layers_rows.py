"""The operations of layers, how they are drawn, and what the textbook says of each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.common_rows import Part
from mathcore.embeddings_rows import distance, tail
from mathcore.embeddings_tolerances import score_table_rounding
from mathcore.verify import Allowance, Enclosure, Operations, all_of, draw_array, draw_integers, equal, identical, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import FORMATS, dot_product, flushed, magnitude

# The textbook.


def row_by_row(x: Any, width: int) -> Any:
    """All rows of a stack, (rows, width); NumPy cannot infer their number where the width is 0."""
    return x.reshape(math.prod(x.shape[:-1]), width)


def as_one_product(x: Any, weight: Any, bias: Any = None) -> tuple[Any, Any]:
    """A layer as one matrix product: the bias is one more row of weights, met by an input of 1."""
    rows = row_by_row(x, len(weight))
    if bias is None:
        return rows, weight
    return np.c_[rows, np.ones((len(rows), 1), x.dtype)], np.r_[weight, bias[None]]


def true_layer(x: Any, weight: Any, bias: Any = None) -> tuple[Enclosure, Allowance]:
    """The true output, and what it may be off by."""
    rows, columns = as_one_product(x, weight, bias)
    true, allowed = true_matmul(rows, columns), dot_product(magnitude(rows, columns), len(columns), x.dtype)
    shape = (*x.shape[:-1], weight.shape[1])
    parts = (part.reshape(shape) for part in (true.hi, true.lo, true.radius))
    return Enclosure(*parts), Allowance(allowed.values.reshape(shape), allowed.names)


def kept_if_positive(x: Any) -> Any:
    """ReLU by the sign: +0 where it is minus, else the number itself; NaN stays NaN."""
    return np.where(np.signbit(x) & ~np.isnan(x), x.dtype.type(0), x)


def sign_of_zero_dropped(ops: Operations, y: Any) -> Any:
    """An answer of ReLU as it is compared: −0 as +0, if the target does not say which it gives."""
    return y if ops.conventions.relu_of_minus_zero == "plus" else y + y.dtype.type(0)


def let_through(ops: Operations, y: Any, g: Any, x: Any) -> Any:
    """What the derivative of ReLU owes for an answer y: the cotangent where x is positive, 0 where it is negative."""
    zero, at_zero = g.dtype.type(0), ops.conventions.relu_slope_at_zero
    share = g * g.dtype.type(at_zero) if at_zero else zero
    of_nan = {"nan": g.dtype.type(np.nan), "one": g, "zero": zero, "any": y}[ops.conventions.relu_slope_at_nan]
    return np.where(np.isnan(x), of_nan, np.where(x > 0, g, np.where(x == 0, share, zero)))


# Inputs.


def _layer(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    """A layer of `width` inputs, with bias or without; `long`: so many terms that a sum in 16 bits sticks."""
    inputs, outputs = (2500, 1) if long else (width, draw(st.integers(1, 5)))
    scale = (2.0**-5, 2.0**-3) if long else (2.0**-6, 2.0**4)
    lead = (rows or draw(st.integers(1, 4)), *((2,) if draw(st.integers(0, 3)) == 3 else ()))  # of one axis, or two
    shapes = {"x": (*lead, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    layer: dict[str, Any] = {key: draw_array(draw, shape, name, scale) for key, shape in shapes.items()}
    if long and draw(st.booleans()):
        return {key: abs(value) for key, value in layer.items()}  # a sum that grows; the others cancel
    return layer if long or draw(st.booleans()) else {**layer, "bias": None}


def _pulled_layer(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    """The same with a cotangent; `long`: so many rows."""
    layer = _layer(draw, name, 1 if long else width, long=False, rows=2500 if long else rows)
    shape = (*layer["x"].shape[:-1], layer["weight"].shape[1])
    g = draw_array(draw, shape, name, (2.0**-5, 2.0**-3) if long else (2.0**-4, 2.0**4))
    return {"g": abs(g), **layer, "x": abs(layer["x"])} if long and draw(st.booleans()) else {"g": g, **layer}


def leading_axes(draw: Draw, rows: int) -> tuple[int, ...]:
    """Leading axes, one of them `rows` long."""
    return draw(st.sampled_from([(rows,), (rows, 2), (2, rows), (rows, 1, 2)]))


def _stacked_layer(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    """A narrow layer, and inputs on several leading axes."""
    layer = _layer(draw, name, draw(st.integers(1, 3)), long=False, rows=1)
    return {**layer, "x": draw_array(draw, (*leading_axes(draw, rows), len(layer["weight"])), name, (2.0**-6, 2.0**4))}


def _stacked_pulled_layer(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    layer = _stacked_layer(draw, name, rows)
    shape = (*layer["x"].shape[:-1], layer["weight"].shape[1])
    return {"g": draw_array(draw, shape, name, (2.0**-4, 2.0**4)), **layer}


def _stacked_numbers(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return {"x": draw_array(draw, (*leading_axes(draw, rows), draw(st.integers(1, 3))), name)}


def _stacked_masked_numbers(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    x = _stacked_numbers(draw, name, rows)["x"]
    return {"g": draw_array(draw, x.shape, name, (2.0**-4, 2.0**4)), "x": x}


def _numbers(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    return {"x": draw_array(draw, (rows or draw(st.integers(1, 4)), width), name)}


def _masked_numbers(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    x = _numbers(draw, name, width, long=long, rows=rows)["x"]
    return {"g": draw_array(draw, x.shape, name, (2.0**-4, 2.0**4)), "x": x}


def _matrix(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    shape = (max(width, 1), draw(st.integers(1, 6)))
    weight = draw_array(draw, shape[:: draw(st.sampled_from([1, -1]))], name, (0.25, 8))
    return {"weight": weight, "rank": draw(st.integers(1, min(shape)))}


def special_numbers(dtype: str) -> Any:
    """Zeros, infinities, NaN, the smallest, the smallest normal and the largest numbers, on both sides."""
    f = FORMATS[dtype]
    edges = np.array([0.0, f.smallest, f.tiny - f.smallest, f.tiny, f.u, 1.0, 1 + 2 * f.u, 6.5, f.most, np.inf])
    return as_dtype([*edges, *-edges, np.nan], dtype)


def draw_bits(draw: Draw, shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers of a format whose bits are drawn, hence of every size, or small whole ones; special ones among them."""
    some, rng = special_numbers(dtype), draw(seeds())
    bits = np.frombuffer(rng.bytes(some.itemsize * math.prod(shape)), some.dtype).reshape(shape)
    special = rng.choice(some, shape) if math.prod(shape) else bits
    plain = as_dtype(draw_integers(draw, shape, 9), dtype) if math.prod(shape) <= 12 else bits
    return flushed(np.where(rng.random(shape) < 0.3, special, plain if draw(st.booleans()) else bits))


# The operations.


def _layer_agrees(ops: Operations, answer: Any, x: Any, weight: Any, bias: Any) -> Relation:  # noqa: ARG001
    true, allowed = true_layer(x, weight, bias)
    return equal(answer, true, within=allowed)


def _layer_vjp_agrees(ops: Operations, answer: Any, g: Any, x: Any, weight: Any, bias: Any) -> Conjunction:  # noqa: ARG001
    rows, of_rows = row_by_row(x, len(weight)), row_by_row(g, weight.shape[1])
    x_bar, weight_bar = true_layer(g, weight.T), true_layer(rows.T, of_rows)
    parts = [equal(answer[0], x_bar[0], within=x_bar[1]), equal(answer[1], weight_bar[0], within=weight_bar[1])]
    if bias is not None:
        true, allowed = true_layer(np.ones((1, len(rows)), g.dtype), of_rows)
        parts.append(equal(answer[2], true[0], within=allowed[0]))
    return all_of(equal(len(answer), 2 + (bias is not None)), *parts)


def _relu_agrees(ops: Operations, answer: Any, x: Any) -> Relation:
    return identical(sign_of_zero_dropped(ops, answer), kept_if_positive(x))


def _relu_vjp_agrees(ops: Operations, answer: Any, g: Any, x: Any) -> Relation:
    zero = g.dtype.type(0)  # adding it leaves nothing of the sign of a zero
    return identical(answer + zero, let_through(ops, answer, g, x) + zero)


def _best_of_its_rank(ops: Operations, answer: Any, weight: Any, rank: int) -> Conjunction:  # noqa: ARG001
    left, right = answer
    within = score_table_rounding(weight, rank, weight.dtype)
    return all_of(
        equal([*left.shape, *right.shape], [len(weight), rank, rank, weight.shape[1]]),
        equal(distance(weight, left, right.T), tail(weight, rank), within=within),
    )


_LAYER = {"x": np.ones((3, 2)), "weight": np.ones((2, 4)), "bias": np.ones(4)}
_NUMBERS = np.ones((3, 2))

LINEAR = Part("linear", _layer, _layer_agrees, _LAYER, (dot_product,), stacked=_stacked_layer)
LINEAR_VJP = Part(
    "linear_vjp",
    _pulled_layer,
    _layer_vjp_agrees,
    {"g": np.ones((3, 4)), **_LAYER},
    (dot_product,),
    stacked=_stacked_pulled_layer,
)
RELU = Part("relu", _numbers, _relu_agrees, {"x": _NUMBERS}, stacked=_stacked_numbers)
RELU_VJP = Part(
    "relu_vjp", _masked_numbers, _relu_vjp_agrees, {"g": _NUMBERS, "x": _NUMBERS}, stacked=_stacked_masked_numbers
)
LOW_RANK = Part("low_rank", _matrix, _best_of_its_rank, {"weight": np.eye(3, 2), "rank": 1}, (score_table_rounding,))
