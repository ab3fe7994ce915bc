"""Tiled matrix products: the same bits with any number of threads.

BLAS picks its own number of threads for large products, and may round differently with each. Small ones stay on the
calling thread; large ones are tiled into such.
"""

from __future__ import annotations

import numpy as np

from mathcore._arrays import Array


def matmul_tiled(a: Array, b: Array, out: Array | None = None) -> Array:
    """Matrix product of (..., m, k) and (..., k, n), tiled so that BLAS runs on the calling thread.

    Each BLAS call stays below its multithreading threshold: its threads would oversubscribe the cores our pool uses.
    """
    m, k, n = *a.shape[-2:], b.shape[-1]
    if m * k * n <= _TILE_MULTIPLY_ADDS or a.dtype.kind == "O":
        return np.matmul(a, b, out=out)
    if b.strides[-1] != b.itemsize:  # then BLAS is slow, unless both operands are like that: copy the smaller one
        a, b = (by_column(a), b) if m < n else (a, np.ascontiguousarray(b))
    if out is None:
        out = np.empty((*a.shape[:-1], n), np.result_type(a, b))
    _multiply(a, b, out)
    return out


def by_column(x: Array) -> Array:
    """`x` with its columns contiguous in memory, as a right operand whose transpose BLAS takes quickest."""
    return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)


def _multiply(a: Array, b: Array, out: Array) -> None:
    """All full tiles in one batched product; remainders along m and n by themselves; along k, one after the other."""
    m, k, n = *a.shape[-2:], b.shape[-1]
    inner = min(k, _MAX_INNER)
    columns = min(n, max(_TILE, _TILE_MULTIPLY_ADDS // (min(m, _TILE) * inner)))
    rows = min(m, max(1, _TILE_MULTIPLY_ADDS // (inner * columns)))
    if k > inner:
        _multiply(a[..., :inner], b[..., :inner, :], out)
        for start in range(inner, k, inner):
            part = slice(start, start + inner)
            np.add(out, matmul_tiled(a[..., part], b[..., part, :]), out=out)
    elif m % rows:
        _multiply(a[..., : m - m % rows, :], b, out[..., : m - m % rows, :])
        _multiply(a[..., m - m % rows :, :], b, out[..., m - m % rows :, :])
    elif n % columns:
        _multiply(a, b[..., : n - n % columns], out[..., : n - n % columns])
        _multiply(a, b[..., n - n % columns :], out[..., n - n % columns :])
    else:
        left = _tiles(a, rows, k)  # (..., m / rows, 1, rows, k)
        right = _tiles(b, k, columns)  # (..., 1, n / columns, k, columns)
        np.matmul(left, right, out=_tiles(out, rows, columns))


def _tiles(x: Array, rows: int, columns: int) -> Array:
    """(..., m, n) → (..., m / rows, n / columns, rows, columns), a view."""
    *lead, m, n = x.shape
    return x.reshape(*lead, m // rows, rows, n // columns, columns).swapaxes(-3, -2)


_TILE = 64  # edge of a tile

_TILE_MULTIPLY_ADDS = 2**18  # of a tile; up to here BLAS is single-threaded

_MAX_INNER = 512  # terms of an inner product above which that axis is tiled as well
