"""What softmax and its relatives share: from the caller's array to rows of scores and back, and parts of their kernels.

A kernel evaluates one formula on a block of rows: the reduced axis last, in the compute dtype, the result in its last
argument. `map_rows` runs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, booleans, destination, floating, lowest
from mathcore._compute.blocks import map_rows
from mathcore._compute.reduce import constant, exp_below, put_each, row_max, row_sum, take_each


def _to_rows(x: npt.ArrayLike, axis: int, where: npt.ArrayLike | None) -> tuple[Array, int, Array]:
    """(x, axis counted from the front, rows): `axis` last, −∞ where `where` is False."""
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    if where is None:
        return x, axis, np.moveaxis(x, axis, -1) if axis != x.ndim - 1 else x
    mask = booleans("where", where)
    try:
        mask = np.broadcast_to(mask, x.shape)
    except ValueError:
        raise ValueError(f"`where` must broadcast to the shape of x {x.shape}, got {mask.shape}") from None
    masked = np.where(mask, x, -math.inf).astype(x.dtype, copy=False)
    return x, axis, np.moveaxis(masked, axis, -1)


def _cotangent_rows(cotangent: npt.ArrayLike, x: Array, axis: int) -> Array:
    """A cotangent of the shape of x, `axis` last."""
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    return np.moveaxis(g, axis, -1)


def _evaluate(
    kernel: Callable[..., object],
    like: Array,
    axis: int,
    *rows: Array,
    out: Array | None = None,
    column: Array | None = None,
) -> Array:
    """An array of the shape and dtype of `like`, `out` or a new one, filled by the kernel. `column`: see `map_rows`."""
    result = np.empty(like.shape, like.dtype) if out is None else destination(out, like)
    result_rows = result if axis == like.ndim - 1 else np.moveaxis(result, axis, -1)
    map_rows(kernel, result_rows, *rows, apart=out is None, column=column)
    return result


def _finite_shift(m: Array) -> Array:
    """The row maximum m as a shift: finite even for a fully masked row, since −∞ − −∞ is NaN."""
    if m.dtype == object:
        return np.where(m == -np.inf, 0, m)
    return np.maximum(m, constant(lowest(m.dtype), m.dtype))


def _max_and_rest(x: Array, scratch: Array, gaps: Array | None = None) -> tuple[Array, Array, Array]:
    """m = x_k = max x, s = Σ_{j ≠ k} e^(x_j − m), and k, the first such index; (..., 1) each.

    The term of k itself is 1 exactly and would absorb a small s. `scratch` is left with the other exponentials, and
    `gaps` with x − m.
    """
    if not x.shape[-1]:
        m = row_max(x)
        return m, np.zeros_like(m), np.zeros(m.shape, np.intp)
    k = x.argmax(axis=-1, keepdims=True)
    m = take_each(x, k)
    e = exp_below(x, _finite_shift(m), scratch, gaps)
    put_each(e, k, _zero(x))
    return m, row_sum(e), k


def _zero_masked(x: Array, values: Array) -> Array:
    """The values, exact zeros at masked scores, x = −∞, whatever stood there."""
    return np.where(np.asarray(x == -np.inf, dtype=np.bool_), _zero(x), values)


def _put(values: Any, out: Array, where: Any = True) -> Array:
    np.copyto(out, values, where=where)
    return out


def _zero(x: Array) -> Any:
    return 0 if x.dtype == object else x.dtype.type(0)
