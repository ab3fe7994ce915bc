"""What softmax and its relatives share: from the caller's array to rows of scores and back, and parts of their kernels.

A kernel evaluates one formula on a block of rows: the reduced axis last, in the compute dtype, the result in its last
argument. `map_rows` runs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import (
    Array,
    Axes,
    axes_indices,
    axis_index,
    booleans,
    destination,
    floating,
    floating_as,
    in_dtype,
    lowest,
)
from mathcore._compute.blocks import map_rows
from mathcore._compute.reduce import constant, exp_below, put_each, row_max, row_sum, take_each

Counted: TypeAlias = int | tuple[int, ...]
"""An axis, or several, counted from the front."""


def _to_rows(
    x: npt.ArrayLike, axis: Axes, where: npt.ArrayLike | None, dtype: npt.DTypeLike | None = None
) -> tuple[Array, Counted, Array]:
    """(x in `dtype`, axis counted from the front, rows): `axis` last, −∞ where `where` is False."""
    if type(x) is not np.ndarray:
        x, where = _without_mask(x, where)
    x = floating("x", x) if dtype is None else in_dtype("x", x, dtype)
    several = axis is None or isinstance(axis, tuple)
    counted = axes_indices("x", x, axis) if several else axis_index("x", x, axis)  # type: ignore[arg-type]
    if where is None:
        return x, counted, _last(x, counted)
    masked = np.where(_kept(where, x.shape), x, -math.inf).astype(x.dtype, copy=False)
    return x, counted, _last(masked, counted)


def _without_mask(x: Any, where: npt.ArrayLike | None) -> tuple[Any, npt.ArrayLike | None]:
    """(x, where): the mask of a masked array as what `where` says; together with `where`, if both are given."""
    if not isinstance(x, np.ma.MaskedArray):
        return x, where
    unmasked = ~np.ma.getmaskarray(x)
    return np.asarray(x.data), unmasked if where is None else unmasked & _kept(where, x.shape)


def _kept(where: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    """`where` in the shape of x."""
    mask = booleans("where", where)
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(f"`where` must broadcast to the shape of x {shape}, got {mask.shape}") from None


def _last(x: Array, axis: Counted) -> Array:
    """`axis` last; several as one, in their order."""
    if isinstance(axis, int):
        return np.moveaxis(x, axis, -1) if axis != x.ndim - 1 else x
    moved = _several_last(x, axis)
    kept = x.ndim - len(axis)
    return moved.reshape(*moved.shape[:kept], math.prod(moved.shape[kept:]))


def _several_last(x: Array, axes: tuple[int, ...]) -> Array:
    return np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))


def _reduced_shape(x: Array, axis: Counted, keepdims: bool) -> tuple[int, ...]:
    """The shape of x without `axis`, or with length 1 there."""
    axes = (axis,) if isinstance(axis, int) else axis
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)


def _cotangent_rows(cotangent: npt.ArrayLike, x: Array, axis: Counted) -> Array:
    """A cotangent of the shape of x, `axis` last."""
    g = floating_as("cotangent", cotangent, x)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    return _last(g, axis)


def _evaluate(
    kernel: Callable[..., object],
    like: Array,
    axis: Counted,
    *rows: Array,
    out: Array | None = None,
    column: Array | None = None,
) -> Array:
    """An array of the shape and dtype of `like`, `out` or a new one, filled by the kernel. `column`: see `map_rows`."""
    result = np.empty(like.shape, like.dtype) if out is None else destination(out, like)
    result_rows = _last(result, axis)
    map_rows(kernel, result_rows, *rows, apart=out is None, column=column)
    if isinstance(axis, tuple) and not np.may_share_memory(result_rows, result):  # no view of it
        moved = _several_last(result, axis)
        moved[...] = result_rows.reshape(moved.shape)
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
