"""What claims about layers draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import draw_array, draw_integers, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.tolerances import FORMATS, flushed


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


def _numbers(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    return {"x": draw_array(draw, (rows or draw(st.integers(1, 4)), width), name)}


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
