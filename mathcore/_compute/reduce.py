"""Sums, maxima and exponentials along rows, with the same bits in every memory layout."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mathcore._arrays import Array, able
from mathcore._compute.blocks import _BLOCK_BYTES

_BUFFER = 8192  # elements of NumPy's ufunc buffer

_REFILLED = 256  # elements of a row from which filling that buffer costs more than one loop for each row


def row_sum(x: Array) -> Array:
    """The sum along the last axis, kept with length 1: pairwise, and bit for bit the same in every memory layout.

    NumPy sums pairwise along the contiguous axis only; along others it accumulates naively, and a float32 count of ones
    stalls at 2²⁴. There, the same pairwise additions are done here, on all rows at once.
    """
    if x.dtype == object or x.shape[-1] < 8 or x.strides[-1] == x.itemsize:
        return np.add.reduce(x, axis=-1, keepdims=True)
    return _pairwise(x)


def _pairwise(x: Array) -> Array:
    """Pairwise sum in the order of NumPy's `loops_utils.h.src`: eight accumulators up to 128 terms, halves beyond.

    That order is private to NumPy; the claim `large_arrays.equal_their_rows` would notice a change.
    """
    n = x.shape[-1]
    if n > _LEAF:
        half = _half(n)
        return _pairwise(x[..., :half]) + _pairwise(x[..., half:])
    whole = n - n % 8
    total = np.add.reduce(x[..., :whole].reshape(*x.shape[:-1], whole // 8, 8), axis=-2)  # (..., 8)
    while total.shape[-1] > 1:
        total = total[..., ::2] + total[..., 1::2]
    for i in range(whole, n):
        total = total + x[..., i : i + 1]
    return total


def _half(n: int) -> int:
    """How many of n terms NumPy's pairwise sum takes for the first half."""
    return n // 2 - n // 2 % 8


def exp_below(x: Array, top: Array, out: Array, gaps: Array | None = None) -> Array:
    """exp(x − top) for x ≤ top, the numerator of every softmax; `gaps`, if given, receives x − top.

    Evaluated slice by slice, so that a long row stays in the cache.
    """
    gaps = out if gaps is None else gaps
    if x.nbytes <= _BLOCK_BYTES or x.dtype == object:
        return np.exp(able(apply_columnwise(np.subtract, x, top, gaps), "exp"), out=out)
    step = max(1, _BLOCK_BYTES * x.shape[-1] // x.nbytes)
    for start in range(0, x.shape[-1], step):
        part = slice(start, start + step)
        np.exp(apply_columnwise(np.subtract, x[..., part], top, gaps[..., part]), out=out[..., part])
    return out


def exp_and_sum(x: Array, top: Array, out: Array) -> Array:
    """`row_sum(exp_below(x, top, out))`, (..., 1), summed while it is in the cache."""
    n = x.shape[-1]
    if n <= _LEAF or x.dtype == object or out.strides[-1] == out.itemsize:
        return row_sum(exp_below(x, top, out))
    half = _half(n)
    first = exp_and_sum(x[..., :half], top, out[..., :half])
    return first + exp_and_sum(x[..., half:], top, out[..., half:])


def take_each(x: Array, k: Array) -> Array:
    """x_k of each row, (..., 1), for k of that shape: `np.take_along_axis` without its Python."""
    place = _places(x, k)
    return np.take_along_axis(x, k, axis=-1) if place is None else place[0].take(place[1])


def put_each(x: Array, k: Array, values: Any) -> None:
    """Set x_k of each row, for k of shape (..., 1) and one value or as many: `np.put_along_axis` without its Python."""
    place = _places(x, k)
    if place is None:
        np.put_along_axis(x, k, values, axis=-1)
    else:
        place[0].put(place[1], values)


def _places(x: Array, k: Array) -> tuple[Array, Array] | None:
    """A contiguous view of `x`, and where x_k stands in it; None if there is no such view."""
    k = k.astype(np.intp, copy=False)
    if x.flags.c_contiguous:
        return x, k if k.size == 1 else k + np.arange(0, x.size, x.shape[-1]).reshape(k.shape)
    if x.ndim == 2 and x.flags.f_contiguous:
        return x.T, k * len(x) + np.arange(len(x))[:, None]
    return None


@functools.cache
def constant(value: float, dtype: np.dtype[Any]) -> Array:
    """A number as an array of no axes, read-only, which a ufunc takes quicker than a number."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array


def row_max(x: Array, least: Any = -np.inf) -> Array:
    """The maximum of each row, (..., 1), at least `least` for floats; NaN where the row holds one."""
    if x.dtype == object and x.shape[-1]:
        least = None  # objects need not compare with floats
    return np.maximum.reduce(x, axis=-1, keepdims=True, initial=least)


def apply_columnwise(operation: np.ufunc, x: Array, column: Array, out: Array) -> Array:
    """`operation(x, column, out=out)` for (..., n) and a column (..., 1), in one inner loop for each row.

    Where rows are shorter than its ufunc buffer, NumPy fills that with copies of each element of the column, and the
    operation takes three times as long; a buffer of the length of a row prevents it.
    """
    n = x.shape[-1]
    if out.size <= _BUFFER or not _REFILLED <= n < _BUFFER or out.strides[-1] != out.itemsize:
        return operation(x, column, out=out)
    buffer = np.setbufsize(n // 16 * 16)
    try:
        return operation(x, column, out=out)
    finally:
        np.setbufsize(buffer)


_LEAF = 128  # terms that NumPy's pairwise sum adds without halving
