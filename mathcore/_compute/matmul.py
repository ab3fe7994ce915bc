"""Matrix products in tiles that give the same bits with any number of threads."""

from __future__ import annotations

import numpy as np

from mathcore._arrays import Array


def product(a: Array, b: Array) -> Array:
    """The matrix product of (..., m, k) and (..., k, n), in pieces that BLAS leaves to the thread that calls.

    Threads of its own would be in the way of ours, and of whatever else the machine does.
    """
    m, k, n = *a.shape[-2:], b.shape[-1]
    if m * k * n <= _PRODUCT or a.dtype.kind == "O":
        return np.matmul(a, b)
    if b.strides[-2] == b.itemsize:  # BLAS is quicker with both turned than with one
        a = np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    # Rows 2ᵏ apart would share a place in the cache.
    out = np.empty((*a.shape[:-1], n + 16), np.result_type(a, b))[..., :n]
    _multiply(a, b, out)
    return out


def _multiply(a: Array, b: Array, out: Array) -> None:
    """Whole pieces of the product at once, and the rests by themselves."""
    m, k, n = *a.shape[-2:], b.shape[-1]
    rows = min(m, _SIDE)
    inner = k if k <= _DEEP else max(_SIDE, min(k, _PRODUCT // (rows * n)))
    columns = min(n, max(1, _PRODUCT // (rows * inner)))
    if m % rows:
        _multiply(a[..., : m - m % rows, :], b, out[..., : m - m % rows, :])
        _multiply(a[..., m - m % rows :, :], b, out[..., m - m % rows :, :])
    elif n % columns:
        _multiply(a, b[..., : n - n % columns], out[..., : n - n % columns])
        _multiply(a, b[..., n - n % columns :], out[..., n - n % columns :])
    elif k % inner:
        _multiply(a[..., : k - k % inner], b[..., : k - k % inner, :], out)
        np.add(out, product(a[..., k - k % inner :], b[..., k - k % inner :, :]), out=out)
    else:
        left = _pieces(a, rows, inner)[..., :, None, :, :, :]  # (..., m / rows, 1, k / inner, rows, inner)
        right = _pieces(b, inner, columns).swapaxes(-4, -3)[..., None, :, :, :, :]  # (..., 1, n / …, k / …, …)
        place = _pieces(out, rows, columns)
        if k == inner:
            np.matmul(left[..., 0, :, :], right[..., 0, :, :], out=place)
        else:
            np.add.reduce(np.matmul(left, right), axis=-3, out=place)


def _pieces(x: Array, rows: int, columns: int) -> Array:
    """(..., m, n) → (..., m / rows, n / columns, rows, columns), a view."""
    *lead, m, n = x.shape
    return x.reshape(*lead, m // rows, rows, n // columns, columns).swapaxes(-3, -2)


_SIDE = 64  # of the pieces of a matrix product, and


_PRODUCT = 2**18  # their multiplications: up to here BLAS stays on the thread that calls


_DEEP = 256  # sums of more products than this are cut as well
