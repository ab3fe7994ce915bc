"""Kernels of the weighted log-sum-exp: ln |S| and the sign of S = Σ b_j e^(x_j).

Every term is ± e^(t_j) with t_j = x_j + ln |b_j|, taken relative to the largest, so that neither a score nor a weight
overflows. The largest, k, is added last, as in the sum without weights: S = ± e^(t_k) (1 + s).
"""

from __future__ import annotations

import numpy as np

from mathcore._arrays import Array, lowest
from mathcore._compute.reduce import row_max, row_sum


def _log_and_sign(x: Array, b: Array, out: Array) -> None:
    """ln |S| and the sign of S, (..., 2); −∞ and 0 where there is nothing to add."""
    if not x.shape[-1]:
        out[...] = [-np.inf, 0]
        return
    c, t = _exponents(x, b)
    m, _, first, s = _terms(t, b)
    value, sign = c + (m + _log_of_one_plus(s)), first * np.sign(1 + s)
    if (infinite := np.isposinf(m)).any():  # +∞ of either sign, or of both
        total = row_sum(np.where(np.isposinf(t), np.sign(b) * np.inf, 0))
        value, sign = np.where(infinite, abs(total), value), np.where(infinite, np.sign(total), sign)
    out[..., :1], out[..., 1:] = value, np.where(np.isnan(value), np.nan, sign)


def _log_and_sign_vjp(x: Array, b: Array, g: Array, out: Array) -> None:
    """ḡ b_j e^(x_j) / S, exactly zero at scores that are excluded."""
    if not x.shape[-1]:
        return
    _, t = _exponents(x, b)
    m, terms, first, s = _terms(t, b)
    out[...] = np.where(np.isneginf(t), 0, g * (terms * (first / (1 + s))))
    np.copyto(out, np.nan, where=np.isposinf(m))  # as without weights: no distribution


def _exponents(x: Array, b: Array) -> tuple[Array, Array]:
    """c, about the highest score, and t_j − c; −∞ where the score or the weight excludes."""
    present = (b != 0) & (x != -np.inf)
    x = np.where(present, x, x.dtype.type(-np.inf))
    c = np.clip(row_max(x), lowest(x.dtype), -lowest(x.dtype))
    return c, (x - c) + np.log(abs(np.where(present, b, b.dtype.type(1))))


def _terms(t: Array, b: Array) -> tuple[Array, Array, Array, Array]:
    """(m, terms, first, s): m = t_k the largest exponent, ± e^(t_j − m), the sign of k, and s, the sum without k.

    s is relative to the term of k: it is −1 where the others cancel that.
    """
    k = t.argmax(-1, keepdims=True)
    m = np.take_along_axis(t, k, -1)
    terms = np.sign(b) * np.exp(t - np.maximum(m, lowest(m.dtype)))
    terms[np.isneginf(t)] = 0  # whatever the weight is
    first = np.take_along_axis(terms, k, -1)
    others = terms.copy()
    np.put_along_axis(others, k, terms.dtype.type(0), -1)
    return m, terms, first, row_sum(others) * first


def _log_of_one_plus(s: Array) -> Array:
    """ln |1 + s|."""
    return np.where(s < -1, np.log1p(-s - 2), np.log1p(s))
