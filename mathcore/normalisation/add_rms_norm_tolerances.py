"""What rounding may do to the RMS norm of a sum, beside what it may do to any RMS norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import format_of, tolerance, work_format


@tolerance
def sum_not_rounded(y: Any, dtype: Any) -> Any:
    r"""How far the norm y of the sum moves where a target does not round the sum to 16 bits before it takes the norm.

    Libraries do either. Each $s_i$ is off by $u_{16}|s_i|$, and so is their root mean square by as much of itself:
    $2u_{16}|y_i|$, to first order. Sums below the normal numbers are exact. Other formats round the sum in any case.
    """
    return 2 * _u16(dtype) * abs(np.asarray(y, np.float64)) * (1 + 2.0**-6)


@tolerance
def cotangent_added(further: Any, g: Any, s: Any, weight: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""What is left to round where the norm's cotangent $\bar x = \frac1r(h - u\,t)$ meets the sum's, $\bar s$.

    With $S = \frac1r(|h| + |u|\,T)$, $T = \frac1n\sum|u_j h_j|$, the addition rounds once: $u(S + |\bar s|)$. In 16
    bits the norm's part may have been rounded before, which `rms_norm_vjp_rounding` has. A sum that was not rounded
    moves r by $u_{16}$ of itself, u by $2u_{16}$, T by $2u_{16}$, and with them $\bar x$ by $5u_{16}S$.
    """
    f, u16 = format_of(dtype), _u16(dtype)
    further, g, s, w = (np.asarray(a, np.float64) for a in (further, g, s, weight))
    n, h = max(s.shape[-1], 1), abs(g * w)
    r = np.sqrt((s * s).sum(-1, keepdims=True) / n + epsilon)
    u = abs(s) / r
    size = (h + u * ((u * h).sum(-1, keepdims=True) / n)) / r
    return (f.u * (size + abs(further)) + 5 * u16 * size + f.smallest) * (1 + 2.0**-5)


@tolerance
def weight_of_a_sum_not_rounded(g: Any, s: Any, dtype: Any, epsilon: float = 1e-6) -> Any:
    r"""The same for the cotangent $\sum_{\text{rows}} u_i g_i$ of the weight: $2u_{16}\sum|u_i g_i|$."""
    g, s = (np.asarray(a, np.float64) for a in (g, s))
    n = s.shape[-1]
    if not s.size:
        return np.zeros(n)
    u = s / np.sqrt((s * s).sum(-1, keepdims=True) / n + epsilon)
    return 2 * _u16(dtype) * abs(u * g).reshape(-1, n).sum(0) * (1 + 2.0**-6)


def _u16(dtype: Any) -> float:
    """The unit roundoff of a 16-bit format, 0 of others."""
    f = format_of(dtype)
    return 0.0 if f is work_format(dtype) else f.u
