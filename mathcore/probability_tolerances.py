r"""What rounding may do to probabilities beyond the forward passes: ratios, entropies, losses, derivatives.

Notation as in `mathcore.verify.tolerances`: $\Delta$ is the error of softmax's outputs before they are stored, $\tau$
that of log-softmax's, h the height of a sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import (
    Format,
    format_of,
    gamma,
    gaps,
    height,
    log_probability_error,
    probability_error,
    stored,
    tolerance,
    work_format,
)


def _row(x: Any, p: Any, dtype: Any, summation: str, *, divisor: float = 1.0, roundings: int = 1) -> tuple[Any, ...]:
    """Gaps, true probabilities and the error of the computed ones, in the format that the work is done in."""
    work, p, d = work_format(dtype), np.asarray(p, np.float64), gaps(x) / divisor
    return work, d, p, probability_error(p, d, summation, work, roundings=roundings)


@tolerance
def textbook_softmax(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The recipe without a shift, $e^{x_i} / \sum_j e^{x_j}$, where nothing over- or underflows.

    Every exponential carries $2uE$, the sum $\gamma_h$ more, the division u:
    $p_i\,\frac{(1 + 2uE)(1 + u)}{1 - b} - p_i$ with $b = 2uE + \gamma_h(1 + 2uE)$.
    """
    work, p = work_format(dtype), np.asarray(p, np.float64)
    own = 2 * work.u * work.exp
    b = own + gamma(height(p.shape[-1], summation), work.u) * (1 + own)
    return p * (own + work.u + own * work.u + b) / (1 - b)


@tolerance
def softmax_ratio(x: Any, top: Any, dtype: Any) -> Any:
    r"""A probability against the highest of its row: $p_i$ against $e^{-d_i}\,p_{\max}$, both as they were returned.

    Both were divided by the same sum, whose error cancels. What stays is $a_i$ of the exponential and one division each:
    $p_{\max}\,(e^{-d_i}(a_i + 2u + u a_i) + (E + \tfrac12)\lambda) / (1 - u) + \lambda/2$. Outputs stored in 16 bits were
    rounded once more, each.
    """
    f, work, d = format_of(dtype), work_format(dtype), gaps(x)
    gap, top = np.where(np.isfinite(d), d, 0.0), np.asarray(top, np.float64)
    ratio = np.where(np.isfinite(d), np.exp(-gap), 0.0)
    own = 2 * work.u * work.exp
    a = np.expm1(gamma(1, work.u) * gap) * (1 + own) + own
    error = top * (ratio * (a + 2 * work.u + work.u * a) + (work.exp + 0.5) * work.smallest) / (1 - work.u)
    error = error + work.smallest / 2
    if f is not work:
        error = error + f.u * (2 * ratio * top + error) / (1 - f.u) + f.smallest
    return np.where(np.isfinite(d), error, 0.0)


@tolerance
def log_of_softmax(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The logarithm of a computed probability: $|\ln \hat p_i - \ln p_i| \le -\operatorname{log1p}(-\Delta_i / p_i)$."""
    work, d, p, error = _row(x, p, dtype, summation)
    relative = np.minimum(stored(p, error, dtype) / np.where(p > 0, p, 1.0), 1 - 2.0**-20)
    return -np.log1p(-relative)


@tolerance
def log_softmax_again(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Log-softmax of a log-softmax against the first.

    The first is off by $\tau$, so its logsumexp is not 0 but at most $\max_j \tau_j$, logsumexp being 1-Lipschitz in the
    largest difference. The second adds a $\tau$ of its own.
    """
    work, d = work_format(dtype), gaps(x)
    tau, t = log_probability_error(np.asarray(p, np.float64), d, summation, work, whole=True)
    tau = np.where(np.isfinite(d), stored(t, tau, dtype), 0.0)
    worst = tau.max(-1, keepdims=True, initial=0.0)
    # The second row is the first shifted by at most 2·worst between any two scores.
    return np.where(np.isfinite(d), (worst + tau) * (1 + 4 * worst), 0.0)


@tolerance
def temperature_softmax_rounding(x: Any, temperature: float, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Softmax at a temperature: `softmax_rounding` for gaps $d_i / T$ that were rounded three times.

    The shift, T in the format of the work, and the quotient: each exponential is off by $e^{\gamma_3 d_i / T}$. As the
    shift comes first, a common offset costs nothing.
    """
    _, d, p, error = _row(x, p, dtype, summation, divisor=temperature, roundings=3)
    return np.where(np.isfinite(d), stored(p, error, dtype), 0.0)


@tolerance
def entropy_of(p: Any, error: Any) -> Any:
    r"""The entropy $-\sum p_i \ln p_i$ of probabilities that are off by at most `error`.

    With $\hat p = p(1 + \rho)$: $|\hat p \ln \hat p - p \ln p| \le p|\rho||\ln p| + p(1 + |\rho|)|\ln(1 + \rho)|$, and
    $|\ln(1 + \rho)| \le |\rho| / (1 - |\rho|)$. Where $|\rho| > \tfrac12$ both terms lie in
    $[0, -q \ln q]$, $q = \min(p + \text{error}, e^{-1})$.
    """
    p, error = np.asarray(p, np.float64), np.asarray(error, np.float64)
    safe = np.where(p > 0, p, 1.0)
    rho = error / safe
    close = error * (-np.log(safe) + (1 + rho) / np.where(rho < 0.5, 1 - rho, 1.0))
    q = np.clip(p + error, np.finfo(float).tiny, np.exp(-1))
    return np.where((p > 0) & (rho < 0.5), close, -q * np.log(q)).sum(-1)


def _pulled(work: Format, p: Any, delta: Any, g: Any, summation: str) -> tuple[Any, Any]:
    """p(g − ⟨p, g⟩) and its error before it is stored; derived at `softmax_vjp_rounding`."""
    n, t = p.shape[-1], (p * g).sum(-1, keepdims=True)
    size = ((p + delta) * abs(g)).sum(-1, keepdims=True)
    e_t = (delta * abs(g)).sum(-1, keepdims=True) + gamma(height(n, summation) + 1, work.u) * size + n * work.smallest
    away = abs(g - t)
    error = delta * away + (p + delta) * (e_t + (2 * work.u + work.u**2) * (away + e_t)) + work.smallest
    return p * (g - t), error * (1 + 2.0**-30)


@tolerance
def softmax_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $p_i(g_i - t)$ of the scores, $t = \sum_j p_j g_j$.

    t is off by $e_t = \sum \Delta_j|g_j| + \gamma_{h+1}\sum(p_j + \Delta_j)|g_j| + n\lambda$. Its subtraction and the
    product round once each: $\Delta_i|g_i - t| + (p_i + \Delta_i)\,(e_t + (2u + u^2)(|g_i - t| + e_t)) + \lambda$.
    """
    work, d, p, delta = _row(x, p, dtype, summation)
    value, error = _pulled(work, p, delta, np.asarray(g, np.float64), summation)
    return np.where(np.isfinite(d), stored(value, error, dtype), 0.0)


@tolerance
def temperature_softmax_vjp_rounding(
    g: Any, x: Any, temperature: float, p: Any, dtype: Any, summation: str = "any"
) -> Any:
    r"""The cotangent $p_i(g_i - t)/T$: that of softmax, divided by a T that was rounded: $\gamma_2$ more."""
    work, d, p, delta = _row(x, p, dtype, summation, divisor=temperature, roundings=3)
    value, error = _pulled(work, p, delta, np.asarray(g, np.float64), summation)
    error = (error + gamma(2, work.u) * (abs(value) + error)) / temperature + work.smallest
    return np.where(np.isfinite(d), stored(value / temperature, error, dtype), 0.0)


@tolerance
def log_softmax_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $g_i - p_i G$ of the scores, $G = \sum_j g_j$.

    G is off by $e_G = \gamma_h \sum|g_j|$, the product by
    $e = \Delta_i|G| + (p_i + \Delta_i)(e_G + u(|G| + e_G)) + \lambda$, and the subtraction rounds once:
    $e + u(|g_i - p_i G| + e)$.
    """
    work, d, p, delta = _row(x, p, dtype, summation)
    g = np.asarray(g, np.float64)
    total = g.sum(-1, keepdims=True)
    e_total = gamma(height(p.shape[-1], summation), work.u) * abs(g).sum(-1, keepdims=True)
    e = delta * abs(total) + (p + delta) * (e_total + work.u * (abs(total) + e_total)) + work.smallest
    value = g - p * total
    error = (e + work.u * (abs(value) + e)) * (1 + 2.0**-30)
    return np.where(np.isfinite(d), stored(value, error, dtype), 0.0)


@tolerance
def logsumexp_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $g\,p_i$ of the scores: $|g|(\Delta_i + u(p_i + \Delta_i)) + \lambda/2$."""
    work, d, p, delta = _row(x, p, dtype, summation)
    g = np.asarray(g, np.float64)[..., None]
    error = abs(g) * (delta + work.u * (p + delta)) + work.smallest / 2
    return np.where(np.isfinite(d), stored(g * p, error, dtype), 0.0)


