"""What rounding may do to a normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, stored, tolerance, work_format


@tolerance
def rms_norm_rounding(x: Any, weight: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""$y_i = w_i x_i / r$, $r = \sqrt{\frac1n\sum_j x_j^2 + \epsilon}$, for squares whose sum does not overflow.

    Each square meets at most n roundings on its way into the sum, in any order, the quotient and ε's own rounding and
    addition are 3 more; all terms are ≥ 0, so $r^2$ is off by $\gamma_{n+3}$ of itself and r by half of that and the
    root's own rounding: $\gamma_{n+4}$. The division and the product add 2: $\gamma_{n+6}|y_i|$. Squares that underflow
    are off by $\lambda/2$ each, their mean by that and $\lambda/2$ of its own: r by $\lambda/(2r^2)$ of itself.
    """
    return stored(*_value_and_error(x, weight, dtype, epsilon), dtype)


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
def rms_norm_vjp_rounding(g: Any, x: Any, weight: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""The cotangent $\frac1r(h_i - u_i\,t)$ of x, with $u = x/r$, $h = wg$ and $t = \frac1n\sum_j u_j h_j$.

    u is off by $\gamma_{n+5}$ of itself (see `rms_norm_rounding`), h by u. The mean t adds $n + 2$ roundings to each
    term: it is off by $\gamma_{2n+9}\,T$, $T = \frac1n\sum|u_j h_j|$. The product with u, the difference and the
    division by r, which is off by $\gamma_{n+4}$, give $\frac1r\gamma_{4n+22}\,(|h_i| + |u_i|\,T)$. Four factors $1/r$
    add $\lambda/(2r^2)$ each where squares underflow.
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    n, h = x.shape[-1], np.asarray(g, np.float64) * np.asarray(weight, np.float64)
    r, count = _root(x, epsilon), max(n, 1)
    u = x / r
    size = (abs(h) + abs(u) * abs(u * h).sum(-1, keepdims=True) / count) / r
    relative = gamma(4 * n + 22, work.u) + 2 * work.smallest / r**2
    error = relative * size + 8 * work.smallest * (1 + 1 / r) * (1 + abs(u))
    return stored((h - u * (u * h).sum(-1, keepdims=True) / count) / r, error * 1.01, dtype)


@tolerance
def rms_norm_weight_vjp_rounding(g: Any, x: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""The cotangent $\sum_{\text{rows}} u_i g_i$ of the weight: $\gamma_{n+6+\text{rows}}\sum|u_i g_i|$.

    And $\lambda/(2r^2)$ of each term where squares underflow (see `rms_norm_rounding`).
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    n, r = x.shape[-1], _root(x, epsilon)
    if not x.size:
        return np.zeros(n)
    terms = x / r * np.asarray(g, np.float64)
    rows = terms.size // n
    size = (abs(terms) * (gamma(n + 6 + rows, work.u) + work.smallest / r**2)).reshape(-1, n).sum(0)
    return stored(terms.reshape(-1, n).sum(0), (size + 4 * rows * work.smallest * (1 + abs(g).max())) * 1.01, dtype)
