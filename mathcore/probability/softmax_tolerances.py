"""What rounding may do to softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_tolerances import _row, gaps, probability_error
from mathcore.verify.tolerances import (
    EVALUATED,
    Format,
    format_of,
    gamma,
    height,
    over_what_is_left,
    stored,
    tolerance,
    work_format,
)


@tolerance
def textbook_softmax(p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The recipe without a shift, $e^{x_i} / \sum_j e^{x_j}$, where nothing over- or underflows.

    Every exponential carries $2uE$, the sum $\gamma_h$ more, the division u:
    $p_i\,\frac{(1 + 2uE)(1 + u)}{1 - b} - p_i$ with $b = 2uE + \gamma_h(1 + 2uE)$.
    """
    work, p = work_format(dtype), np.asarray(p, np.float64)
    own = 2 * work.u * work.exp
    b = own + gamma(height(p.shape[-1], summation), work.u) * (1 + own)
    return over_what_is_left(p * (own + work.u + own * work.u + b), b)


@tolerance
def softmax_ratio(x: Any, top: Any, dtype: Any) -> Any:
    r"""A probability against the highest of its row: $p_i$ against $e^{-d_i}\,p_{\max}$, both as they were returned.

    Both were divided by the same sum, whose error cancels. What stays is $a_i$ of the exponential and one division
    each: $p_{\max}\,(e^{-d_i}(a_i + 2u + u a_i) + (E + \tfrac12)\lambda) / (1 - u) + \lambda$. Outputs stored in
    16 bits were rounded once more, each.
    """
    f, work, d = format_of(dtype), work_format(dtype), gaps(x)
    gap, top = np.where(np.isfinite(d), d, 0.0), np.asarray(top, np.float64)
    ratio = np.where(np.isfinite(d), np.exp(-gap), 0.0)
    own = 2 * work.u * work.exp
    a = np.expm1(gamma(1, work.u) * gap) * (1 + own) + own
    error = top * (ratio * (a + 2 * work.u + work.u * a) + (work.exp + 0.5) * work.smallest) / (1 - work.u)
    error = error + work.smallest
    if f is not work:
        error = error + f.u * (2 * ratio * top + error) / (1 - f.u) + f.smallest
    return np.where(np.isfinite(d), error, 0.0)


@tolerance
def softmax_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $p_i(g_i - t)$ of the scores, $t = \sum_j p_j g_j$.

    t is off by $e_t = \sum \Delta_j|g_j| + \gamma_{h+1}\sum(p_j + \Delta_j)|g_j| + n\lambda$. Its subtraction and the
    product round once each: $\Delta_i|g_i - t| + (p_i + \Delta_i)\,(e_t + (2u + u^2)(|g_i - t| + e_t)) + 2\lambda$.
    """
    work, d, p, delta = _row(x, p, dtype, summation)
    value, error = _pulled(work, p, delta, np.asarray(g, np.float64), summation)
    return np.where(np.isfinite(d), stored(value, error, dtype), 0.0)


@tolerance
def temperature_softmax_rounding(
    x: Any, temperature: float, p: Any, dtype: Any, summation: str = "any", algorithm: str = "shifted"
) -> Any:
    r"""Softmax at a temperature: `softmax_rounding` for gaps $d_i / T$ that were rounded three times.

    The shift, T in the compute dtype, and the quotient: each exponential is off by $e^{\gamma_3 d_i / T}$. Where the
    shift comes first, a common offset costs nothing. Where scores are "divided" first, T and the quotient round
    $x_i / T$ and $\max x / T$ by $\gamma_2$ each, and the shift is rounded after that: by $e^{\gamma_3
    (|x_i| + |\max x|) / T}$ in all, since the gap is no more than both together.
    """
    apart = algorithm == "divided"
    _, d, p, error = _row(x, p, dtype, summation, divisor=temperature, roundings=3, apart=apart)
    return np.where(np.isfinite(d), stored(p, error, dtype), 0.0)


@tolerance
def temperature_softmax_vjp_rounding(
    g: Any, x: Any, temperature: float, p: Any, dtype: Any, summation: str = "any", algorithm: str = "shifted"
) -> Any:
    r"""The cotangent $p_i(g_i - t)/T$: that of softmax, divided by a T that was rounded: $\gamma_2$ more."""
    apart = algorithm == "divided"
    work, d, p, delta = _row(x, p, dtype, summation, divisor=temperature, roundings=3, apart=apart)
    value, error = _pulled(work, p, delta, np.asarray(g, np.float64), summation)
    error = (error + gamma(2, work.u) * (abs(value) + error)) / temperature + 2 * work.smallest
    return np.where(np.isfinite(d), stored(value / temperature, error, dtype), 0.0)


def _pulled(work: Format, p: Any, delta: Any, g: Any, summation: str) -> tuple[Any, Any]:
    """p(g − ⟨p, g⟩) and its error before it is stored; derived at `softmax_vjp_rounding`."""
    n, t = p.shape[-1], (p * g).sum(-1, keepdims=True)
    size = ((p + delta) * abs(g)).sum(-1, keepdims=True)
    e_t = (delta * abs(g)).sum(-1, keepdims=True) + gamma(height(n, summation) + 1, work.u) * size + n * work.smallest
    away = abs(g - t)
    error = delta * away + (p + delta) * (e_t + (2 * work.u + work.u**2) * (away + e_t)) + 2 * work.smallest
    return p * (g - t), error * EVALUATED


@tolerance
def softmax_rounding(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Softmax along the last axis: `x` the scores, `p` the true probabilities.

    With $d_i = \max x - x_i$ and $S = \sum_j e^{-d_j} = 1 / p_{\max}$: rounding the shift multiplies
    $e^{-d_i}$ by $e^{d_i\delta}$ and exp adds its own $2uE$, so each exponential carries a relative error
    $a_i = e^{\gamma_1 d_i}(1 + 2uE) - 1$, and $(E + \tfrac12)\lambda$ where it is subnormal. The denominator carries
    their mean weighted by p and the summation's $\gamma_h$: $b = m + \gamma_h(1 + m)$ with
    $m = \sum_j p_j a_j + \kappa$, where κ holds what underflow loses. The division adds u:
    $$|\hat p_i - p_i| \le \frac{p_i\,(a_i + u + a_i u + b) + \text{underflow of } e^{-d_i}}{1 - b}
      + \text{underflow of } p_i$$
    To first order that is $p_i u\,(d_i + \sum_j p_j d_j + h + 1) + 4 p_i u E$ with $\sum_j p_j d_j \le \ln n$: the
    bound depends on the row, not only on its length. A masked score (−∞) gives exactly 0. Sixteen-bit results are
    computed in float32 and rounded once more.
    """
    p = np.asarray(p, np.float64)
    d = gaps(x)
    error = probability_error(p, d, summation, work_format(dtype))
    return np.where(np.isfinite(d), stored(p, error, dtype), 0.0)


@tolerance
def sum_of_softmax(n: int, dtype: Any, summation: str = "any") -> Any:
    r"""The exact sum of n softmax outputs against 1: $(h + 1)u$, and $n\lambda/2$ for underflow.

    The exponentials' errors cancel: whatever numbers $\hat e_i$ exp returned, the outputs are
    $\hat e_i / \hat S\,(1 + \delta_i)$ and $\sum \hat e_i / \hat S = 1/(1 + \theta)$ with $|\theta| \le \gamma_h$. So
    the sum is off by at most $(\gamma_h + u)/(1 - \gamma_h)$. Rounding the outputs to 16 bits adds $u_{16}$ of it.
    """
    f, work = format_of(dtype), work_format(dtype)
    g = gamma(height(n, summation), work.u)
    error = over_what_is_left(g + work.u, g) + n * work.smallest / 2
    return error if f is work else error + f.u * (1 + error) + n * f.smallest / 2
