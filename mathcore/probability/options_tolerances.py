"""What rounding may do to a log-sum-exp with weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import EVALUATED, Format, gamma, height, rounding, stored, tolerance, work_format


def _terms(x: Any, b: Any, work: Format) -> tuple[Any, Any, Any, Any]:
    """Of each term its share R of ΣT, T = |b| eˣ, and its relative error a; of each row ln ΣT and the largest |t|."""
    present = (b != 0) & (x > -np.inf)
    top = np.where(present, x, -np.inf).max(-1, keepdims=True)
    d = np.where(present, top - x, 0.0)
    size = abs(np.log(np.where(present, abs(b), 1.0)))
    t = np.where(present, x + np.log(np.where(present, abs(b), 1.0)), -np.inf)
    m = t.max(-1, keepdims=True)
    below = np.where(present, m - t, 0.0)
    exponent = gamma(3, work.u) * (d + size + below) + 2 * work.u * work.log * size * (1 + gamma(3, work.u))
    a = np.expm1(exponent + work.log * work.smallest) * (1 + 4 * work.u * work.exp)
    share = np.where(present, np.exp(-below), 0.0)
    total = share.sum(-1, keepdims=True)
    a = np.where(present, a + 2 * work.u * work.exp + gamma(2, work.u), 0.0)
    return share / total, a, (m + np.log(total))[..., 0], (d + size).max(-1)


def _sum_error(x: Any, b: Any, y: Any, summation: str, work: Format) -> tuple[Any, ...]:
    """(β, κ, shares, a, the largest |t|): β the error of S as a fraction of it, κ = ΣT / |S|."""
    share, a, log_total, largest = _terms(x, b, work)
    kappa = np.exp(log_total - y)
    mean = (share * a).sum(-1) + x.shape[-1] * (work.exp + 0.5) * work.smallest * _ratio(b)
    beta = kappa * (mean + gamma(height(x.shape[-1], summation) + 2, work.u) * (1 + mean)) * EVALUATED
    return np.where(beta < 0.5, beta, np.inf), kappa, share, a, largest


def _ratio(b: Any) -> float:
    """The largest weight over the smallest: by so much more may a term underflow that is multiplied afterwards."""
    sizes = abs(b[b != 0])
    return float(sizes.max() / sizes.min()) if sizes.size else 1.0


@tolerance
def weighted_logsumexp_rounding(x: Any, b: Any, y: Any, dtype: Any, summation: str = "any") -> Any:
    r"""Log-sum-exp with weights, $y = \ln|S|$, $S = \sum_j b_j e^{x_j}$: `x` the scores, `b` the weights, `y` true.

    Each term is $\pm e^{t_j}$, $t_j = x_j + \ln|b_j|$, as $e^{(x_j - c) + \ln|b_j| - m}$ or as
    $b_j e^{x_j - c}$ with c the highest score, m the largest exponent. With $d_j = c - x_j$, $L_j = |\ln|b_j||$ and
    $G_j = \max t - t_j$ the exponent is off by at most $\gamma_3(d_j + L_j + G_j) + 2uE_{\log}L_j(1 + \gamma_3)$, so
    the term by $a_j$: $e$ to that, less 1, and $2uE$ and $\gamma_2$ for the exponential, its product and its
    division by the largest. The sum adds $\gamma_{h+2}$, relative to $\sum|b_j|e^{x_j} = \kappa|S|$: cancellation
    costs the factor κ. $\ln|S|$ moves by at most $-\ln(1 - \beta)$ for a relative error β, the logarithms add
    $2uE_{\log}$ of their values, and four additions round at the sizes of their results, all at most $\max(d + L) +
    |\ln(|S|/\max T)|$, or of $y$. Infinite where β reaches ½: of a sum that cancels so far not even the sign is
    sure.
    """
    work, x, b, y = work_format(dtype), np.asarray(x, np.float64), np.asarray(b, np.float64), np.asarray(y)
    beta, kappa, _, _, largest = _sum_error(x, b, y, summation, work)
    moved = -np.log1p(-np.where(beta < 0.5, beta, 0.5))
    of_log = np.log(x.shape[-1]) + np.log(kappa) + largest + moved
    error = moved + gamma(4, work.u) * (of_log + abs(y)) + 4 * work.u * work.log * of_log + work.log * work.smallest
    return np.where(beta < 0.5, stored(y, error * EVALUATED, dtype), np.inf)


@tolerance
def weighted_logsumexp_vjp_rounding(g: Any, x: Any, b: Any, y: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $\bar g\,b_i e^{x_i} / S$ of the scores: as `weighted_logsumexp_rounding`, `g` the cotangent.

    The term is off by $a_i$ of itself, S by β, and γ₃ is for the quotient and the products:
    $|\bar x_i|\,\bigl(\frac{(1 + a_i)(1 + \gamma_3)}{1 - \beta} - 1\bigr)$, and $\kappa|\bar g|(E + 2)\lambda$ for what
    underflows.
    """
    work, x, b, y = work_format(dtype), np.asarray(x, np.float64), np.asarray(b, np.float64), np.asarray(y)
    beta, kappa, share, a, _ = _sum_error(x, b, y, summation, work)
    beta, kappa, g = beta[..., None], kappa[..., None], abs(np.asarray(g, np.float64))[..., None]
    value, safe = g * share * kappa, np.where(beta < 0.5, beta, 0.0)
    error = value * ((1 + a) * (1 + gamma(3, work.u)) / (1 - safe) - 1) * EVALUATED
    error = error + (kappa * g + 1) * (work.exp + 2) * work.smallest * _ratio(b)
    return np.where(beta < 0.5, stored(value, error, dtype), np.inf)


@tolerance
def converted_gradient(value: Any, error: Any, dtype: Any) -> Any:
    r"""A gradient that was off by `error` in the dtype that was asked for, rounded once to that of the scores.

    $e + u(|y| + e) + \lambda/2$, with u and λ of the dtype of the scores.
    """
    error = np.asarray(error, np.float64)
    return error + rounding(abs(np.asarray(value, np.float64)) + error, dtype).values
