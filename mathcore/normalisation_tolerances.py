"""What rounding may do to a normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, stored, tolerance, work_format


@tolerance
def rms_norm_rounding(x: Any, weight: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""$y_i = w_i x_i / r$, $r = \sqrt{\frac1n\sum_j x_j^2 + \epsilon}$, for squares that neither over- nor underflow.

    Each square meets at most n roundings on its way into the sum, in any order, the quotient and ε's own rounding and
    addition are 3 more; all terms are ≥ 0, so $r^2$ is off by $\gamma_{n+3}$ of itself and r by half of that and the
    root's own rounding: $\gamma_{n+4}$. The division and the product add 2: $\gamma_{n+6}|y_i|$.
    """
    return stored(*_value_and_error(x, weight, dtype, epsilon), dtype)


def _value_and_error(x: Any, weight: Any, dtype: Any, epsilon: float) -> tuple[Any, Any]:
    work, x = work_format(dtype), np.asarray(x, np.float64)
    y = x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * np.asarray(weight, np.float64)
    return y, (gamma(x.shape[-1] + 6, work.u) * abs(y) + 2 * work.smallest * (1 + abs(weight))) * 1.01


@tolerance
def rms_norm_vjp_rounding(g: Any, x: Any, weight: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""The cotangent $\frac1r(h_i - u_i\,t)$ of x, with $u = x/r$, $h = wg$ and $t = \frac1n\sum_j u_j h_j$.

    u is off by $\gamma_{n+5}$ of itself (see `rms_norm_rounding`), h by u. The mean t adds $n + 2$ roundings to each
    term: it is off by $\gamma_{2n+9}\,T$, $T = \frac1n\sum|u_j h_j|$. The product with u, the difference and the
    division by r, which is off by $\gamma_{n+4}$, give $\frac1r\gamma_{4n+22}\,(|h_i| + |u_i|\,T)$.
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    n, h = x.shape[-1], np.asarray(g, np.float64) * np.asarray(weight, np.float64)
    r = np.sqrt((x * x).mean(-1, keepdims=True) + epsilon)
    u = x / r
    size = (abs(h) + abs(u) * abs(u * h).mean(-1, keepdims=True)) / r
    error = gamma(4 * n + 22, work.u) * size + 8 * work.smallest * (1 + 1 / r) * (1 + abs(u))
    return stored((h - u * (u * h).mean(-1, keepdims=True)) / r, error * 1.01, dtype)


@tolerance
def rms_norm_weight_vjp_rounding(g: Any, x: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""The cotangent $\sum_{\text{rows}} u_i g_i$ of the weight: $\gamma_{n+6+\text{rows}}\sum|u_i g_i|$."""
    work, x = work_format(dtype), np.asarray(x, np.float64)
    terms = x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * np.asarray(g, np.float64)
    size = abs(terms).reshape(-1, x.shape[-1]).sum(0)
    rows = terms.size // max(x.shape[-1], 1)
    error = (gamma(x.shape[-1] + 6 + rows, work.u) * size + 4 * rows * work.smallest) * 1.01
    return stored(terms.reshape(-1, x.shape[-1]).sum(0), error, dtype)
