"""What rounding may do to a layer normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, stored, tolerance, work_format


@dataclass(frozen=True)
class _Rows:
    r"""Standardised rows as float64 has them, and by how much the work may be off.

    Attributes:
        z, r: $(x - \mu)/r$ and $r = \sqrt{\sigma^2 + \epsilon}$.
        off: what z may be off by.
        relative: what r may be off by, as a part of itself; 1 where nothing is known of it.
    """

    z: Any
    r: Any
    off: Any
    relative: Any


def standardised(x: Any, work: Any, epsilon: float) -> _Rows:
    r"""The error of $z_i = c_i / r$, $c = x - \mu$.

    The mean of n numbers is off by $\gamma_{n+1} m$, $m = \frac1n\sum|x_j|$, and so is each difference, which is
    rounded once more: $e_i = \gamma_{n+2}(m + |x_i|)$ covers both. The squares move by $2|c_i|e_i + e_i^2$, their mean
    by the mean of that and $n + 3$ roundings, with ε's addition 2 more: by D. As
    $\sqrt{r^2 + D} - r \le D/r$ and $r - \sqrt{r^2 - D} \le D/r$, r is off by $\rho = D/r^2$ of itself and its own
    rounding. The quotient: $(e_i + |c_i|(\rho + 2u))/(r(1 - \rho))$.

    Where D is $r^2/2$ and more, nothing is known but that no number is larger than $\sqrt n$ in a row whose mean
    square is at most 1, in what is computed as in truth. All this is evaluated in float64, whose differences are off
    as well: $|c_i| + e_i$ stands for $|c_i|$, and $r^2 - D$ for $r^2$ where it divides.
    """
    n = max(x.shape[-1], 1)
    mean = x.sum(-1, keepdims=True) / n
    c, size = x - mean, abs(x).sum(-1, keepdims=True) / n
    r2 = (c * c).sum(-1, keepdims=True) / n + epsilon
    e = gamma(n + 2, work.u) * (size + abs(x)) + work.smallest
    c_size = abs(c) + e
    d = (2 * c_size * e).sum(-1, keepdims=True) / n + gamma(n + 5, work.u) * r2 + 2 * work.smallest
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        r, relative = np.sqrt(r2), d / r2 + work.u
        least = np.sqrt(np.maximum(r2 - d, 0)) * (1 - relative)
        known = (e + c_size * (relative + 2 * work.u)) / least + work.smallest
        z = np.where(r2 > 0, c / r, 0.0)
    trivial = 2 * np.sqrt(n) * (1 + gamma(n + 6, work.u))
    return _Rows(z, r, np.where(relative < 0.5, np.minimum(known, trivial), trivial), relative)


@tolerance
def layer_norm_rounding(x: Any, weight: Any, bias: Any, dtype: Any, epsilon: float = 1e-5) -> Any:
    r"""$y_i = w_i z_i + b_i$, z the standardised row, for squares whose sum does not overflow.

    z is off by Δ (see `standardised` in the source: $\gamma_{n+2}$ of the mean size of the row over its standard
    deviation, times a few; that is the condition of subtracting a mean). The product adds a rounding of
    $|w_i|(|z_i| + \Delta)$, the sum one of the result: $|w_i|\Delta + \gamma_2(|w_i|(|z_i| + \Delta) + |b_i|)$.
    """
    work = work_format(dtype)
    x, w, b = (np.asarray(a, np.float64) for a in (x, weight, bias))
    rows = standardised(x, work, epsilon)
    size = abs(w) * (abs(rows.z) + rows.off) + abs(b)
    return stored(w * rows.z + b, abs(w) * rows.off + gamma(2, work.u) * size + work.smallest, dtype)


@tolerance
def layer_norm_vjp_rounding(g: Any, x: Any, weight: Any, dtype: Any, epsilon: float = 1e-5) -> Any:
    r"""$\bar x = \frac1r(h - \bar h - z\,t)$, $h = wg$, $\bar h$ its mean, $t = \frac1n\sum_j z_j h_j$.

    h is off by u of itself, its mean by $\gamma_{n+2}$ of the mean of $|h|$. t is off by
    $\frac1n\sum(\Delta_j|h_j| + \gamma_{n+3}(|z_j| + \Delta_j)|h_j|)$, where z is off by Δ; $z\,t$ by
    $\Delta|t| + (|z| + \Delta)\,\delta t$ and a rounding. Two differences and the quotient by r, which is off by ρ of
    itself, add $\gamma_3$ and $\rho/(1 - \rho)$ of all that.

    Where numbers underflow, h is off by $\lambda/2$, $\bar h$ and $z\,t$ by as much again, so $\bar x$ by
    $2\lambda(1 + |z_i|)/r$, as the mean of $|z|$ is at most 1. A framework that differentiates by itself takes
    $s = \sum_j c_j h_j$, then $\bar v = -\frac12 s\,r^{-3}$, $\bar v/n$ and $2c_i$ times that. The terms of s are off
    by $\lambda/2$ each, and so is s/2, which makes $\lambda|z_i|/r^2$; each of $\bar v$ and $\bar v/n$ makes
    $\lambda|c_i|$, and $r^{-3}$ makes $\frac\lambda2 r^2|t\,z_i|$. The mean of all that is taken out last:
    $\lambda(1 + |z_i|)(r^{-2} + 2r + r^2|t|)$.
    """
    work = work_format(dtype)
    g, x, w = (np.asarray(a, np.float64) for a in (g, x, weight))
    rows, h, n = standardised(x, work, epsilon), g * w, max(x.shape[-1], 1)

    def mean(a: Any) -> Any:
        return a.sum(-1, keepdims=True) / n

    t, z_size = mean(rows.z * h), abs(rows.z) + rows.off
    t_off = mean(rows.off * abs(h)) + gamma(n + 3, work.u) * mean(z_size * abs(h)) + work.smallest
    size = abs(h) + mean(abs(h)) + z_size * (abs(t) + t_off)
    off = gamma(n + 2, work.u) * mean(abs(h)) + rows.off * abs(t) + z_size * t_off + gamma(4, work.u) * size
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(rows.relative < 0.5, rows.relative / (1 - rows.relative), np.inf)
        true = (h - mean(h) - rows.z * t) / rows.r
        error = (off * (1 + part) + np.where(size > 0, part * size, 0.0)) / rows.r
        underflow = (1 + z_size) * (2 / rows.r + 1 / rows.r**2 + 2 * rows.r + rows.r**2 * (abs(t) + t_off))
        error = error + work.smallest * (1 + underflow)
    return stored(true, error, dtype)


@tolerance
def layer_norm_weight_vjp_rounding(g: Any, x: Any, dtype: Any, epsilon: float = 1e-5) -> Any:
    r"""$\bar w = \sum_{\text{rows}} z_i g_i$: $\sum(\Delta_i|g_i| + \gamma_{\text{rows}+1}(|z_i| + \Delta_i)|g_i|)$."""
    work = work_format(dtype)
    g, x = (np.asarray(a, np.float64) for a in (g, x))
    n = x.shape[-1]
    if not x.size:
        return np.zeros(n)
    rows = standardised(x, work, epsilon)
    terms, count = rows.z * g, x.size // n
    error = rows.off * abs(g) + gamma(count + 1, work.u) * (abs(rows.z) + rows.off) * abs(g) + work.smallest
    return stored(terms.reshape(-1, n).sum(0), error.reshape(-1, n).sum(0), dtype)


@tolerance
def layer_norm_bias_vjp_rounding(g: Any, dtype: Any) -> Any:
    r"""$\bar b = \sum_{\text{rows}} g_i$: $\gamma_{\text{rows}}\sum|g_i|$."""
    work, g = work_format(dtype), np.asarray(g, np.float64)
    n = g.shape[-1]
    if not g.size:
        return np.zeros(n)
    rows = g.reshape(-1, n)
    return stored(rows.sum(0), gamma(len(rows), work.u) * abs(rows).sum(0), dtype)
