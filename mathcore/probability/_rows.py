"""Rows of scores: what softmax and its relatives share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, booleans, destination, floating, lowest
from mathcore._compute.blocks import map_rows
from mathcore._compute.reduce import exp_below, row_max, row_sum


def _floor(top: Array) -> Array:
    """The top as a shift: finite even for a row with nothing to see, since −∞ − −∞ is no number."""
    if top.dtype == object:
        return np.where(top == -np.inf, 0, top)
    return np.maximum(top, lowest(top.dtype))


def _top_and_rest(x: Array, scratch: Array, gaps: Array | None = None) -> tuple[Array, Array, Array]:
    """The highest score m, Σ e^(x − m) over all but the first score that is m, and its index, (..., 1) each.

    Its own term is 1 exactly and would drown small digits. `scratch` is left with the other exponentials, and `gaps`
    with x − m.
    """
    if not x.shape[-1]:
        top = row_max(x)
        return top, np.zeros_like(top), np.zeros(top.shape, np.intp)
    winner = x.argmax(axis=-1, keepdims=True)
    top = np.take_along_axis(x, winner, axis=-1)
    e = exp_below(x, _floor(top), scratch, gaps)
    np.put_along_axis(e, winner, _zero(x), axis=-1)
    return top, row_sum(e), winner


def _where_seen(x: Array, values: Array) -> Array:
    """The values, exact zeros at excluded scores whatever stood there."""
    return np.where(np.asarray(x == -np.inf, dtype=np.bool_), _zero(x), values)


def _put(values: Any, out: Array, where: Any = True) -> Array:
    np.copyto(out, values, where=where)
    return out


def _zero(x: Array) -> Any:
    return 0 if x.dtype == object else x.dtype.type(0)


# From the caller's array to rows, and back.
def _rows(x: npt.ArrayLike, axis: int, where: npt.ArrayLike | None) -> tuple[Array, int, Array]:
    """(x, axis counted from the front, rows): `axis` last, what `where` excludes at −∞."""
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    if where is None:
        return x, axis, np.moveaxis(x, axis, -1) if axis != x.ndim - 1 else x
    keep = booleans("where", where)
    try:
        keep = np.broadcast_to(keep, x.shape)
    except ValueError:
        raise ValueError(f"`where` must broadcast to the shape of x {x.shape}, got {keep.shape}") from None
    seen = np.where(keep, x, -math.inf).astype(x.dtype, copy=False)
    return x, axis, np.moveaxis(seen, axis, -1)


def _mapped(
    kernel: Callable[..., object],
    like: Array,
    axis: int,
    *rows: Array,
    out: Array | None = None,
    column: Array | None = None,
) -> Array:
    """An array like `like`, its rows filled by the kernel: `out`, or a new one. For `column` see `map_rows`."""
    result = np.empty(like.shape, like.dtype) if out is None else destination(out, like)
    places = result if axis == like.ndim - 1 else np.moveaxis(result, axis, -1)
    map_rows(kernel, places, *rows, apart=out is None, column=column)
    return result


def _cotangent(cotangent: npt.ArrayLike, x: Array, axis: int) -> Array:
    """The cotangent as rows."""
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    return np.moveaxis(g, axis, -1)
