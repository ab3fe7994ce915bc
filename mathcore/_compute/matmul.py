"""Tiled matrix products: the same bits with any number of threads.

BLAS picks its own number of threads for large products, and may round differently with each. Small ones stay on the
calling thread; large ones are tiled into such.
"""

from __future__ import annotations

import numpy as np

from mathcore._arrays import Array


def matmul_tiled(a: Array, b: Array) -> Array:
    """Matrix product of (..., m, k) and (..., k, n), tiled so that BLAS runs on the calling thread.

    Each BLAS call stays below its multithreading threshold: its threads would oversubscribe the cores our pool uses.
    """
    m, k, n = *a.shape[-2:], b.shape[-1]
    if m * k * n <= _TILE_MULTIPLY_ADDS or a.dtype.kind == "O":
        return np.matmul(a, b)
    if b.strides[-2] == b.itemsize:  # BLAS is quicker with both operands transposed than with one
        a = np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    # Padded: rows 2ᵏ bytes apart would compete for one cache set.
    out = np.empty((*a.shape[:-1], n + 16), np.result_type(a, b))[..., :n]
    _multiply(a, b, out)
    return out


def _multiply(a: Array, b: Array, out: Array) -> None:
    """All full tiles in one batched product; the remainders along m, n and k by themselves."""
    m, k, n = *a.shape[-2:], b.shape[-1]
    rows = min(m, _TILE)
    inner = k if k <= _MAX_INNER else max(_TILE, min(k, _TILE_MULTIPLY_ADDS // (rows * n)))
    columns = min(n, max(1, _TILE_MULTIPLY_ADDS // (rows * inner)))
    if m % rows:
        _multiply(a[..., : m - m % rows, :], b, out[..., : m - m % rows, :])
        _multiply(a[..., m - m % rows :, :], b, out[..., m - m % rows :, :])
    elif n % columns:
        _multiply(a, b[..., : n - n % columns], out[..., : n - n % columns])
        _multiply(a, b[..., n - n % columns :], out[..., n - n % columns :])
    elif k % inner:
        _multiply(a[..., : k - k % inner], b[..., : k - k % inner, :], out)
        np.add(out, matmul_tiled(a[..., k - k % inner :], b[..., k - k % inner :, :]), out=out)
    else:
        left = _tiles(a, rows, inner)[..., :, None, :, :, :]  # (..., m / rows, 1, k / inner, rows, inner)
        right = _tiles(b, inner, columns).swapaxes(-4, -3)[..., None, :, :, :, :]  # (..., 1, n / …, k / …, …)
        place = _tiles(out, rows, columns)
        if k == inner:
            np.matmul(left[..., 0, :, :], right[..., 0, :, :], out=place)
        else:
            np.add.reduce(np.matmul(left, right), axis=-3, out=place)


def _tiles(x: Array, rows: int, columns: int) -> Array:
    """(..., m, n) → (..., m / rows, n / columns, rows, columns), a view."""
    *lead, m, n = x.shape
    return x.reshape(*lead, m // rows, rows, n // columns, columns).swapaxes(-3, -2)


_TILE = 64  # edge of a tile

_TILE_MULTIPLY_ADDS = 2**18  # of a tile; up to here BLAS is single-threaded

_MAX_INNER = 256  # terms of an inner product above which that axis is tiled as well
