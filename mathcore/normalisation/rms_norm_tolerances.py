"""What rounding may do to a normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import format_of, gamma, stored, tolerance, work_format


def weight_off(weight: Any, of_target: str) -> Any:
    r"""What a weight is off by in a target that multiplies by 1 + v instead ("one-plus"), and is given v = w − 1.

    v is rounded to the weight's dtype, and so may 1 + v be: $u|w - 1| + u(|w| + u|w - 1|)$.
    """
    w, u = np.asarray(weight, np.float64), format_of(np.asarray(weight).dtype).u
    return u * abs(w - 1) + u * (abs(w) + u * abs(w - 1)) if of_target == "one-plus" else np.zeros(w.shape)


@tolerance
def rms_norm_rounding(
    x: Any, weight: Any, dtype: Any, epsilon: float = 1e-6, rounded: str = "once", of_target: str = "weight"
) -> Any:
    r"""$y_i = w_i x_i / r$, $r = \sqrt{\frac1n\sum_j x_j^2 + \epsilon}$, for squares whose sum does not overflow.

    Each square meets at most n roundings on its way into the sum, in any order, the quotient and ε's own rounding and
    addition are 3 more; all terms are ≥ 0, so $r^2$ is off by $\gamma_{n+3}$ of itself and r by half of that and the
    root's own rounding: $\gamma_{n+4}$. The division and the product add 2: $\gamma_{n+6}|y_i|$. Squares that underflow
    are off by $\lambda/2$ each, their mean by that and $\lambda/2$ of its own: r by $\lambda/(2r^2)$ of itself.

    Where x / r is `rounded` to a 16-bit dtype before the weight multiplies it, $|w_i|(u_{16}|x_i/r|(1 + \dots) +
    \lambda_{16}/2)$ more. A weight that is itself off by ω (see `weight_off` in the source) adds $\omega_i|x_i/r|$.
    """
    y, error = _value_and_error(x, weight, dtype, epsilon)
    direction, off = abs(_direction(x, epsilon)), weight_off(weight, of_target)
    size = abs(np.asarray(weight, np.float64)) + off
    error = error + off * direction * (1 + 2.0**-10)
    u16, smallest = _early_rounding(dtype, rounded)
    return stored(y, error + size * (u16 * direction + smallest), dtype)


def _early_rounding(dtype: Any, rounded: str) -> tuple[float, float]:
    """The relative and the absolute error of rounding to 16 bits before the weight multiplies; 0 for other dtypes."""
    f = format_of(dtype)
    early = rounded == "before-weight" and f is not work_format(dtype)
    return (f.u * (1 + 2.0**-10), f.smallest) if early else (0.0, 0.0)


def _direction(x: Any, epsilon: float) -> Any:
    x = np.asarray(x, np.float64)
    return x / _root(x, epsilon)


def _value_and_error(x: Any, weight: Any, dtype: Any, epsilon: float) -> tuple[Any, Any]:
    work, x = work_format(dtype), np.asarray(x, np.float64)
    r = _root(x, epsilon)
    y = x / r * np.asarray(weight, np.float64)
    size = abs(np.asarray(weight, np.float64))
    relative = gamma(x.shape[-1] + 6, work.u) + work.smallest / r**2
    return y, (relative * abs(y) + 2 * work.smallest * (1 + size)) * 1.01


def _root(x: Any, epsilon: float) -> Any:
    return np.sqrt((x * x).sum(-1, keepdims=True) / max(x.shape[-1], 1) + epsilon)


@tolerance
def rms_norm_vjp_rounding(
    g: Any, x: Any, weight: Any, dtype: Any, epsilon: float = 1e-6, rounded: str = "once", of_target: str = "weight"
) -> Any:
    r"""The cotangent $\frac1r(h_i - u_i\,t)$ of x, with $u = x/r$, $h = wg$ and $t = \frac1n\sum_j u_j h_j$.

    u is off by $\gamma_{n+5}$ of itself (see `rms_norm_rounding`), h by u. The mean t adds $n + 2$ roundings to each
    term: it is off by $\gamma_{2n+9}\,T$, $T = \frac1n\sum|u_j h_j|$. The product with u, the difference and the
    division by r, which is off by $\gamma_{n+4}$, give $\frac1r\gamma_{4n+22}\,(|h_i| + |u_i|\,T)$. Four factors $1/r$
    add $\lambda/(2r^2)$ each where squares underflow. A weight that is off by ω moves h by $|g|\omega$, which the
    formula passes on: $\frac1r(|g_i|\omega_i + |u_i|\,\frac1n\sum_j |u_j g_j|\omega_j)$. So it does where h is
    `rounded` to 16 bits, as x / r was before the weight.

    A framework that differentiates by itself takes $s = \sum_j x_j h_j$, then $\bar v = -\frac12 s\,r^{-3}$,
    $\bar v/n$ and $2x_i$ times that. Where numbers underflow, the terms of s are off by $\lambda/2$ each, and so is
    s/2, which makes at most $2\lambda|u_i|/r^2$; each of $\bar v$ and $\bar v/n$ makes $\lambda|x_i|$, and $r^{-3}$
    makes $\frac\lambda2 r^2|u_i|\,T$.
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    n, h = x.shape[-1], np.asarray(g, np.float64) * np.asarray(weight, np.float64)
    r, count = _root(x, epsilon), max(n, 1)
    u = x / r
    t = abs(u * h).sum(-1, keepdims=True) / count
    size = (abs(h) + abs(u) * t) / r
    relative = gamma(4 * n + 22, work.u) + 2 * work.smallest / r**2
    error = relative * size + 8 * work.smallest * (1 + 1 / r) * (1 + abs(u))
    error = error + work.smallest * abs(u) * (2 / r**2 + 2 * r + r**2 * t)
    u16, smallest = _early_rounding(dtype, rounded)
    moved = abs(np.asarray(g, np.float64)) * weight_off(weight, of_target) + u16 * abs(h) + smallest
    error = error + (moved + abs(u) * (abs(u) * moved).sum(-1, keepdims=True) / count) / r * (1 + 2.0**-10)
    return stored((h - u * (u * h).sum(-1, keepdims=True) / count) / r, error * 1.01, dtype)


@tolerance
def rms_norm_weight_vjp_rounding(g: Any, x: Any, dtype: Any, epsilon: float = 1e-6, rounded: str = "once") -> Any:
    r"""The cotangent $\sum_{\text{rows}} u_i g_i$ of the weight: $\gamma_{n+6+\text{rows}}\sum|u_i g_i|$.

    And $\lambda/(2r^2)$ of each term where squares underflow (see `rms_norm_rounding`). If x / r is `rounded` to
    16 bits before the weight multiplies it, so is each product with g: $2u_{16}\sum|u_i g_i|$ more.
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    n, r = x.shape[-1], _root(x, epsilon)
    if not x.size:
        return np.zeros(n)
    terms = x / r * np.asarray(g, np.float64)
    rows = terms.size // n
    size = (abs(terms) * (gamma(n + 6 + rows, work.u) + work.smallest / r**2)).reshape(-1, n).sum(0)
    u16, smallest = _early_rounding(dtype, rounded)
    size = size + (2 * u16 * abs(terms) + smallest * (1 + abs(np.asarray(g, np.float64)))).reshape(-1, n).sum(0)
    return stored(terms.reshape(-1, n).sum(0), (size + 4 * rows * work.smallest * (1 + abs(g).max())) * 1.01, dtype)
