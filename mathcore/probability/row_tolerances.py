"""What rounding may do to rows of scores: exponentials below a maximum, and their sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify.tolerances import (
    EVALUATED,
    Format,
    _Values,
    gamma,
    height,
    over_what_is_left,
    stored,
    tolerance,
    work_format,
)


def _row(
    x: Any, p: Any, dtype: Any, summation: str, *, divisor: float = 1.0, roundings: int = 1, apart: bool = False
) -> tuple[Any, ...]:
    """Gaps, true probabilities and the error of the computed ones, in the compute dtype.

    Scores are divided after the shift, or, `apart`, each before it.
    """
    work, p, d = work_format(dtype), np.asarray(p, np.float64), gaps(x) / divisor
    sizes = added(x, "lse") if apart else None
    sizes = None if sizes is None else sizes / divisor
    return work, d, p, probability_error(p, d, summation, work, roundings=roundings, sizes=sizes)


@tolerance
def central_difference(third: Any, difference: Any, terms: int = 1) -> Any:
    r"""The halved difference $(f(x + d) - f(x - d))/2$ against the derivative of f along d.

    By Taylor's theorem it is off by at most $\sup|\partial_t^3 f(x + td)|/6$, `third` being that supremum over the
    stencil $-1 \le t \le 1$. Where f is a weighted sum of several `terms`, subtracting, weighting and adding them
    rounds `terms` + 1 times; `difference` is the sum of their magnitudes. What the two values of f are off by is
    allowed for separately.
    """
    return np.asarray(third) / 6 + gamma(terms + 1, 2.0**-53) * abs(np.asarray(difference))


def gaps(x: Any) -> _Values:
    """d_i = max x − x_i along the last axis, in float64; infinite where x is −∞."""
    x = np.asarray(x, np.float64)
    if not x.shape[-1]:
        return x
    with np.errstate(over="ignore", invalid="ignore"):
        d = x.max(-1, keepdims=True) - x
    return np.where(np.isneginf(x), np.inf, d)


def _exponential_errors(d: _Values, work: Format, roundings: int, sizes: _Values | None = None) -> _Values:
    """a_i: the relative error of the computed e^(−d_i), from rounding the exponent and from exp itself.

    (1 + ε)e^(kud) − 1 written without cancellation; exp(0) = 1 is exact. The exponent rounds at its own size, or at
    `sizes`.
    """
    gap = np.where(np.isfinite(d), d, 0.0)
    shift = np.expm1(np.minimum(gamma(roundings, work.u) * (gap if sizes is None else sizes), 50.0))
    own = np.where(gap > 0, 2 * work.u * work.exp, 0.0)
    return shift + own + shift * own


def _faint(d: _Values, work: Format) -> Any:
    """Where e^(−d) may come out subnormal, or as 0 although the score is not −∞."""
    return (d > -math.log(work.tiny) - 2) & np.isfinite(d)


def _sum_error(
    p: _Values, d: _Values, summation: str, work: Format, *, roundings: int = 1, touched: Any = 1.0,
    sizes: _Values | None = None,
) -> _Values:  # fmt: skip
    """b: the error of the computed S = Σ e^(−d_j) as a fraction of S, one number a row.

    `touched` is the fraction of S that goes through additions: all of it, or all but the largest term.
    """
    a = _exponential_errors(d, work, roundings, sizes)
    lost = _faint(d, work).sum(-1, keepdims=True) * (work.exp + 0.5) * work.smallest * p.max(-1, keepdims=True)
    mean = (p * a).sum(-1, keepdims=True) + lost
    return np.asarray(mean + gamma(height(p.shape[-1], summation), work.u) * (touched + mean)) * EVALUATED


def probability_error(
    p: _Values, d: _Values, summation: str, work: Format, *, roundings: int = 1, sizes: _Values | None = None
) -> _Values:
    """The error of softmax's outputs before they are stored, derived at `softmax_rounding`."""
    if not p.shape[-1]:
        return np.zeros(p.shape)
    a = _exponential_errors(d, work, roundings, sizes)
    b = _sum_error(p, d, summation, work, roundings=roundings, sizes=sizes)
    top = p.max(-1, keepdims=True)  # 1 / S
    underflow = np.where(_faint(d, work), (work.exp + 0.5) * work.smallest * top * (1 + work.u), 0.0)
    error = over_what_is_left(p * (a + work.u + a * work.u + b) + underflow, b)
    error = error + np.where(p < 4 * work.tiny, work.smallest, 0.0)
    return np.where(np.isfinite(d), error * EVALUATED, 0.0)


def _logsumexp_error(x: Any, p: Any, dtype: Any, summation: str, *, whole: bool) -> Any:
    work = work_format(dtype)
    log_sum, e = log_sum_and_error(np.asarray(p, np.float64), gaps(x), summation, work, whole=whole)
    y = np.asarray(x, np.float64).max(-1, initial=-np.inf) + log_sum
    seen = np.isfinite(y)  # an empty or fully masked row gives −∞ exactly
    y = np.where(seen, y, 0.0)
    return np.where(seen, stored(y, (e + work.u * (abs(y) + e)) * EVALUATED, dtype), 0.0)


def _log_softmax_error(x: Any, p: Any, dtype: Any, summation: str, algorithm: str, *, whole: bool) -> Any:
    work, d = work_format(dtype), gaps(x)
    error, t = log_probability_error(np.asarray(p, np.float64), d, summation, work, added(x, algorithm), whole=whole)
    return np.where(np.isfinite(d), stored(t, error, dtype), 0.0)


def added(x: Any, algorithm: str) -> _Values | None:
    """|x_i| + |max x|, at whose size x − logsumexp(x) rounds; None where a common offset costs nothing."""
    if algorithm != "lse":
        return None
    x = np.asarray(x, np.float64)
    size = abs(np.where(np.isfinite(x), x, 0.0))
    top = x.max(-1, keepdims=True, initial=-np.inf)
    return np.asarray(size + abs(np.where(np.isfinite(top), top, 0.0)))


def log_probability_error(
    p: _Values, d: _Values, summation: str, work: Format, sizes: _Values | None = None, *, whole: bool
) -> tuple[_Values, _Values]:
    """The error of log-softmax's outputs t before they are stored, and abs(t); derived at `log_softmax_rounding`.

    `sizes` is what `added` returns.
    """
    log_sum, e = (v[..., None] for v in log_sum_and_error(p, d, summation, work, whole=whole))
    gap = np.where(np.isfinite(d), d, 0.0)
    s = work.u * (gap if sizes is None else sizes + log_sum + e) + e
    return (s + work.u * (gap + log_sum + s)) * EVALUATED, gap + log_sum


def from_logarithm(p: _Values, tau: _Values, work: Format) -> _Values:
    """The error of $e^t$ for a t = ln p that is off by τ: $p(e^τ − 1)$, $2uE$ of the result, and underflow."""
    moved = p * np.expm1(np.minimum(tau, 50.0))
    return np.asarray(moved + 2 * work.u * work.exp * (p + moved) + (work.exp + 0.5) * work.smallest)


def log_sum_and_error(p: _Values, d: _Values, summation: str, work: Format, *, whole: bool) -> tuple[_Values, _Values]:
    """Ln S, and the error e of the computed one; `whole` if the largest term goes through the summation too."""
    if not p.shape[-1]:
        return np.zeros(p.shape[:-1]), np.zeros(p.shape[:-1])
    others = p.copy()
    np.put_along_axis(others, p.argmax(-1)[..., None], 0.0, -1)
    rest, top = others.sum(-1), p.max(-1)
    log_sum = np.log1p(rest / np.where(top > 0, top, 1.0))  # S = 1 / top = 1 + rest / top
    b = _sum_error(p, d, summation, work, touched=1.0 if whole else rest[..., None])[..., 0]
    moved = -np.log1p(-np.minimum(b, 1 - 2.0**-20))
    e = moved + 2 * work.u * work.log * (log_sum + moved) + (work.log + 0.5) * work.smallest
    return log_sum, np.where(b < 1, e, np.inf)
