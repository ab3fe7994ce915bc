"""How far a broken line may lie from the function that it interpolates, and what rounding adds."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, tolerance


@tolerance
def broken_line(modulus: Any) -> Any:
    r"""A broken line between points of a continuous f: $\omega(h/2)$, ω a concave modulus of continuity.

    At $x = (1 - \lambda)a + \lambda b$ with $b - a = h$ the line is $(1 - \lambda)f(a) + \lambda f(b)$, so it is off
    by at most $(1 - \lambda)\,\omega(\lambda h) + \lambda\,\omega((1 - \lambda)h) \le
    \omega(2\lambda(1 - \lambda)h) \le \omega(h/2)$, the first step by concavity. For an L-Lipschitz f that is $Lh/2$,
    for $\sqrt{|x|}$ it is $\sqrt{h/2}$; for any continuous f on an interval it falls to 0 with h. `modulus` is ω(h/2).
    """
    return modulus


@tolerance
def broken_line_of_any(modulus: Any) -> Any:
    r"""A broken line between points of a continuous f: $\omega_f(h)$, whatever its modulus of continuity.

    At x between a and b, $b - a = h$, the line is a mean of f(a) and f(b), and both are within $\omega_f(h)$ of f(x).
    `modulus` is a bound on $\omega_f(h)$; that of a sum is at most the sum of the moduli.
    """
    return modulus


@tolerance
def broken_line_of_smooth(curvature: float, gap: Any) -> Any:
    r"""A broken line between points of an f with $|f''| \le M$: $Mh^2/8$.

    The error $e$ vanishes at both ends a and b, and $e(x) = f''(\xi)(x - a)(x - b)/2$ for some ξ between them; the
    product is at most $h^2/4$ in size.
    """
    return curvature * np.asarray(gap) ** 2 / 8


@tolerance
def broken_line_rounding(x: Any, knots: Any, values: Any) -> Any:
    r"""Rounding in $v_0 + \sum_i (s_i - s_{i-1})\operatorname{relu}(x - t_i)$ with n knots, in float64.

    A slope is a quotient of two differences, three roundings; a bend is the difference of two slopes, one more; a shift
    $x - t_i$ one; the sum of n terms, products included, at most n + 1. So every term is off by at most
    $\gamma_{n+6}$ of $(|s_i| + |s_{i-1}|)\operatorname{relu}(x - t_i)$. The values given were themselves rounded:
    $u \max|v|$ on a mean of two.
    """
    x, t, v = (np.asarray(a, np.float64) for a in (x, knots, values))
    u = 2.0**-53
    slopes = abs(np.diff(v) / np.diff(t))
    bends = slopes + np.r_[0.0, slopes[:-1]]
    reach = np.maximum(x[:, None] - t[:-1], 0) @ bends + abs(v[0])
    return (gamma(len(t) + 6, u) * reach + u * abs(v).max()) * (1 + 2.0**-40)
