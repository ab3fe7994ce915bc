r"""What rounding may do to probabilities beyond the forward passes: ratios, entropies, losses, derivatives.

Notation as in `mathcore.verify.tolerances`: $\Delta$ is the error of softmax's outputs before they are stored, $\tau$
that of log-softmax's, h the height of a sum. A result that underflows is off by at most λ/2; the bounds say λ or 2λ,
for they are evaluated in float64, which has no half of its own λ.
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
def textbook_softmax(p: Any, dtype: Any, summation: str = "any") -> Any:
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
def log_of_softmax(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The logarithm of a computed probability is off by at most $-\operatorname{log1p}(-\Delta_i / p_i)$."""
    _, _, p, error = _row(x, p, dtype, summation)
    relative = np.minimum(stored(p, error, dtype) / np.where(p > 0, p, 1.0), 1 - 2.0**-20)
    return -np.log1p(-relative)


@tolerance
def log_softmax_again(x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Log-softmax of a log-softmax against the first.

    The first is off by $\tau$, so its logsumexp is not 0 but at most $\max_j \tau_j$, logsumexp being 1-Lipschitz in
    the largest difference. The second adds a $\tau$ of its own.
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
    $[0, -q \ln q]$, $q = \min(p + \text{error}, e^{-1})$. Summing n terms in float64 adds $\gamma_{n+4}$ of it.
    """
    p, error = np.asarray(p, np.float64), np.asarray(error, np.float64)
    safe = np.where(p > 0, p, 1.0)
    rho = error / safe
    close = error * (-np.log(safe) + (1 + rho) / np.where(rho < 0.5, 1 - rho, 1.0))
    q = np.clip(p + error, np.finfo(float).tiny, np.exp(-1))
    moved = np.where((p > 0) & (rho < 0.5), close, -q * np.log(q)).sum(-1)
    entropy = -(p * np.log(safe)).sum(-1)
    return moved + gamma(p.shape[-1] + 4, 2.0**-53) * (entropy + moved)


def _pulled(work: Format, p: Any, delta: Any, g: Any, summation: str) -> tuple[Any, Any]:
    """p(g − ⟨p, g⟩) and its error before it is stored; derived at `softmax_vjp_rounding`."""
    n, t = p.shape[-1], (p * g).sum(-1, keepdims=True)
    size = ((p + delta) * abs(g)).sum(-1, keepdims=True)
    e_t = (delta * abs(g)).sum(-1, keepdims=True) + gamma(height(n, summation) + 1, work.u) * size + n * work.smallest
    away = abs(g - t)
    error = delta * away + (p + delta) * (e_t + (2 * work.u + work.u**2) * (away + e_t)) + 2 * work.smallest
    return p * (g - t), error * (1 + 2.0**-30)


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
def temperature_softmax_vjp_rounding(
    g: Any, x: Any, temperature: float, p: Any, dtype: Any, summation: str = "any"
) -> Any:
    r"""The cotangent $p_i(g_i - t)/T$: that of softmax, divided by a T that was rounded: $\gamma_2$ more."""
    work, d, p, delta = _row(x, p, dtype, summation, divisor=temperature, roundings=3)
    value, error = _pulled(work, p, delta, np.asarray(g, np.float64), summation)
    error = (error + gamma(2, work.u) * (abs(value) + error)) / temperature + 2 * work.smallest
    return np.where(np.isfinite(d), stored(value / temperature, error, dtype), 0.0)


@tolerance
def log_softmax_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $g_i - p_i G$ of the scores, $G = \sum_j g_j$.

    G is off by $e_G = \gamma_h \sum|g_j|$, the product by
    $e = \Delta_i|G| + (p_i + \Delta_i)(e_G + u(|G| + e_G)) + 2\lambda$, and the subtraction rounds once:
    $e + u(|g_i - p_i G| + e)$.
    """
    work, d, p, delta = _row(x, p, dtype, summation)
    g = np.asarray(g, np.float64)
    total = g.sum(-1, keepdims=True)
    e_total = gamma(height(p.shape[-1], summation), work.u) * abs(g).sum(-1, keepdims=True)
    e = delta * abs(total) + (p + delta) * (e_total + work.u * (abs(total) + e_total)) + 2 * work.smallest
    value = g - p * total
    error = (e + work.u * (abs(value) + e)) * (1 + 2.0**-30)
    return np.where(np.isfinite(d), stored(value, error, dtype), 0.0)


@tolerance
def logsumexp_vjp_rounding(g: Any, x: Any, p: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $g\,p_i$ of the scores: $|g|(\Delta_i + u(p_i + \Delta_i)) + 2\lambda$."""
    work, d, p, delta = _row(x, p, dtype, summation)
    g = np.asarray(g, np.float64)[..., None]
    error = abs(g) * (delta + work.u * (p + delta)) + 2 * work.smallest
    return np.where(np.isfinite(d), stored(g * p, error, dtype), 0.0)


def _losses(
    logits: Any, p: Any, targets: Any, dtype: Any, summation: str, smoothing: float, *, whole: bool
) -> tuple[Any, Any]:
    """The losses of rows and their errors before they are stored; derived at `cross_entropy_rounding`."""
    work, p, d = work_format(dtype), np.asarray(p, np.float64), gaps(logits)
    tau, t = log_probability_error(p, d, summation, work, whole=whole)
    own = [np.take_along_axis(v, np.asarray(targets)[:, None], -1)[:, 0] for v in (tau, t)]
    if smoothing == 0:
        return own[1], own[0]
    error, loss = ((1 - smoothing) * one + smoothing * every.mean(-1) for one, every in zip(own, (tau, t), strict=True))
    return loss, error + gamma(height(p.shape[-1], summation) + 5, work.u) * (loss + error)


def _reduced(loss: Any, error: Any, dtype: Any, summation: str, reduction: str, rows: int | None) -> Any:
    """The error of the sum or mean of `loss`, `rows` addends of which the rest are zeros."""
    if reduction == "none":
        return stored(loss, error, dtype)
    work, count = work_format(dtype), max(len(loss), 1)
    h = max(height(n, summation) for n in (count, rows or count)) + (reduction == "mean")
    total = error.sum() + gamma(h, work.u) * (loss.sum() + error.sum())
    scale = count if reduction == "mean" else 1
    return stored(loss.sum() / scale, (total / scale) * (1 + 2.0**-30), dtype)


@tolerance
def cross_entropy_rounding(
    logits: Any,
    p: Any,
    targets: Any,
    dtype: Any,
    summation: str = "any",
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    rows: int | None = None,
) -> Any:
    r"""Cross-entropy of the rows that count: `logits` and the true `p` (m, n), `targets` (m,).

    A loss is $-\ln p_y$, off by the $\tau_y$ of `log_softmax_rounding` before it is stored. With smoothing ε it is
    $(1 - \varepsilon)|t_y| + \varepsilon\,\mathrm{mean}|t|$, off by the same mix of the τ and by at most h + 5
    roundings (the weights, the sum, the quotient, the products, their sum). The sum over rows adds $\gamma_h$ of
    itself, the mean one rounding more. `rows` is how many addends there were, ignored rows included.
    """
    loss, error = _losses(logits, p, targets, dtype, summation, label_smoothing, whole=True)
    return _reduced(loss, error, dtype, summation, reduction, rows)


@tolerance
def cross_entropy_digits(logits: Any, p: Any, targets: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The losses of single rows, with the τ of `log_softmax_digits`: a loss near 0 keeps its own last places."""
    loss, error = _losses(logits, p, targets, dtype, summation, 0.0, whole=False)
    return stored(loss, error, dtype)


@tolerance
def cross_entropy_vjp_rounding(scale: Any, logits: Any, p: Any, wanted: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $s\,(p_i - q_i)$ of the logits: `scale` s (m, 1), `wanted` q (m, n).

    $p_i$ comes from softmax (Δ) or from $e^{t_i}$ ($p_i(e^{\tau_i} - 1)$ and $2uE$); q, the subtraction and the
    products round five times more: $|s|\,(\Delta + p(e^\tau - 1) + (\gamma_5 + 2uE)(p + q + \Delta)) + 2\lambda$.
    """
    work, d, p, delta = _row(logits, p, dtype, summation)
    tau, _ = log_probability_error(p, d, summation, work, whole=True)
    parts = delta + p * np.expm1(np.minimum(tau, 1.0))
    parts = parts + (gamma(5, work.u) + 2 * work.u * work.exp) * (p + wanted + parts)
    return stored(scale * (p - wanted), abs(scale) * parts + 2 * work.smallest, dtype)


@tolerance
def certainty_digits(rest: Any, logits: Any, p: Any, targets: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $p_y - 1 = -\mathrm{rest}$ of the right answer's logit, taken from $\ln p_y$.

    $t_y = \ln p_y$ is off by the τ of `log_softmax_digits`, which moves $e^{t_y} - 1$ by at most
    $p_y(e^{\tau} - 1)$; expm1 and the product with the cotangent add $2uE + u$ of the value, however small it is.
    """
    work, p, d = work_format(dtype), np.asarray(p, np.float64), gaps(logits)
    tau, _ = log_probability_error(p, d, summation, work, whole=False)
    here = np.asarray(targets)[:, None]
    tau, own = (np.take_along_axis(v, here, -1)[:, 0] for v in (tau, p))
    error = own * np.expm1(np.minimum(tau, 1.0))
    error = error + (2 * work.u * work.exp + work.u) * (rest + error) * (1 + 2.0**-20) + 2 * work.smallest
    return stored(rest, error, dtype)


@tolerance
def central_difference(third: Any, difference: Any, terms: int = 1) -> Any:
    r"""The halved difference $(f(x + d) - f(x - d))/2$ against the derivative of f along d.

    By Taylor's theorem it is off by at most $\sup|\partial_t^3 f(x + td)|/6$, `third` being that supremum over the
    stencil $-1 \le t \le 1$. Where f is a weighted sum of several `terms`, subtracting, weighting and adding them
    rounds `terms` + 1 times; `difference` is the sum of their magnitudes. What the two values of f are off by is
    allowed for separately.
    """
    return np.asarray(third) / 6 + gamma(terms + 1, 2.0**-53) * abs(np.asarray(difference))
