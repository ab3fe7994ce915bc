"""Sums and maxima along rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore._arrays import Array
from mathcore._compute.blocks import _BLOCK_BYTES

_BUFFER = 8192  # numbers in NumPy's own buffer, and


_REFILLED = 256  # numbers in a row from which it costs more to fill it than to loop row by row


def add_up(x: Array) -> Array:
    """The sum along the last axis, which stays with length 1: pairwise, and bit for bit the same in every layout.

    NumPy adds pairwise along neighbours in memory only; across them it adds one after the other, and float32 then stops
    at 2²⁴. There, the same additions are done here, on all rows at once.
    """
    if x.dtype == object or x.shape[-1] < 8 or x.strides[-1] == x.itemsize:
        return np.add.reduce(x, axis=-1, keepdims=True)
    return _pairwise(x)


def _pairwise(x: Array) -> Array:
    """The order of NumPy's `loops_utils.h.src`: eight accumulators up to 128 numbers, halves beyond."""
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
    """How many of n numbers NumPy's pairwise sum takes for the first half."""
    return n // 2 - n // 2 % 8


def exp_below(x: Array, top: Array, out: Array, gaps: Array | None = None) -> Array:
    """e^(x − top) for x ≤ top: what every softmax begins with. `gaps` is left with x − top, if that is given.

    In pieces, so that a long row stays in the cache.
    """
    gaps = out if gaps is None else gaps
    if x.nbytes <= _BLOCK_BYTES or x.dtype == object:
        return np.exp(beside(np.subtract, x, top, gaps), out=out)
    step = max(1, _BLOCK_BYTES * x.shape[-1] // x.nbytes)
    for start in range(0, x.shape[-1], step):
        piece = slice(start, start + step)
        np.exp(beside(np.subtract, x[..., piece], top, gaps[..., piece]), out=out[..., piece])
    return out


def exp_and_sum(x: Array, top: Array, out: Array) -> Array:
    """`add_up(exp_below(x, top, out))`, added up while it is in the cache: the sums, (..., 1)."""
    n = x.shape[-1]
    if n <= _LEAF or x.dtype == object or out.strides[-1] == out.itemsize:
        return add_up(exp_below(x, top, out))
    half = _half(n)
    first = exp_and_sum(x[..., :half], top, out[..., :half])
    return first + exp_and_sum(x[..., half:], top, out[..., half:])


def highest(x: Array, least: Any = -np.inf) -> Array:
    """The highest number of each row, (..., 1): of floats at least `least`, and NaN where there is one."""
    if x.dtype == object and x.shape[-1]:
        least = None  # numbers of other kinds need not know floats
    return np.maximum.reduce(x, axis=-1, keepdims=True, initial=least)


def beside(operation: np.ufunc, x: Array, column: Array, out: Array) -> Array:
    """`operation(x, column, out=out)` of (..., n) and (..., 1), in loops along whole rows.

    Where rows are shorter than its buffer, NumPy fills that with each number of the column again and again, and
    the operation takes three times as long.
    """
    n = x.shape[-1]
    if out.size <= _BUFFER or not _REFILLED <= n < _BUFFER or out.strides[-1] != out.itemsize:
        return operation(x, column, out=out)
    buffer = np.setbufsize(n // 16 * 16)
    try:
        return operation(x, column, out=out)
    finally:
        np.setbufsize(buffer)


_LEAF = 128  # numbers that NumPy's pairwise sum adds without halving
