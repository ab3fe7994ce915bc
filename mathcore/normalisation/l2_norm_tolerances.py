r"""What rounding may do to vectors of length 1.

Notation as in `mathcore.verify.tolerances`: u the unit roundoff of the work, h the height of a sum, γ_k = ku/(1 − ku).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.oracle.matrices import length
from mathcore.verify.tolerances import EVALUATED, gamma, height, stored, tolerance, work_format


@tolerance
def l2_norm_rounding(x: Any, dtype: Any, epsilon: float = 1e-12, summation: str = "any") -> Any:
    r"""$y_i = x_i / r$, $r = \max(\lVert x\rVert, \epsilon)$, along the last axis.

    Each square meets its own rounding and at most h additions; all are ≥ 0, so the root is off by half of
    $\gamma_{h+1}$ of itself and by its own rounding, and ε by that of its format: $\gamma_{h+2}$. A division, or a
    reciprocal and a product, adds 2: $\gamma_{h+4}|y_i|$. Squares that underflow are off by λ/2 each, which moves r
    by $n\lambda/(2r^2)$ of itself; a result that does, by λ/2, and a reciprocal by $\lambda|x_i|/2$.
    """
    work, x = work_format(dtype), np.asarray(x, np.float64)
    n, r = x.shape[-1], _divisor(x, epsilon)
    y = x / r
    relative = gamma(height(n, summation) + 4, work.u) + n * work.smallest / r / r
    return stored(y, (relative * abs(y) + work.smallest * (1 + abs(x))) * EVALUATED, dtype)


@tolerance
def l2_length_rounding(x: Any, dtype: Any, epsilon: float = 1e-12, summation: str = "any") -> Any:
    r"""The length of the result: $\lVert y + e\rVert$ is within $\lVert e\rVert$ of $\lVert y\rVert$."""
    off = l2_norm_rounding(x, dtype, epsilon, summation).values
    return np.sqrt((off * off).sum(-1)) * (1 + 2.0**-20) + 2.0**-48  # itself computed in float64


@tolerance
def l2_norm_vjp_rounding(g: Any, x: Any, dtype: Any, epsilon: float = 1e-12, summation: str = "any") -> Any:
    r"""The cotangent $\frac1r(g_i - u_i\,t)$ of x, $u = x/r$, $t = \sum_j u_j g_j$; $g_i/\epsilon$ of a short vector.

    u is off by $\gamma_{h+4}$ (see `l2_norm_rounding`), so the terms of t by $\gamma_{h+5}$ and t by
    $\gamma_{2h+5}\,T$, $T = \sum|u_j g_j|$; the product with u by $\gamma_{3h+10}$. The difference,
    the division by r, which is off by $\gamma_{h+2}$, and two roundings more of a framework that divides each part by r
    make $\frac1r\gamma_{4h+16}\,(|g_i| + |u_i|\,T)$. Squares that underflow move each of four factors 1/r by
    $n\lambda/(2r^2)$ of itself; a product that does is off by λ/2 before it is divided by r, at most twice, and those
    of t are n.
    """
    work, x, g = work_format(dtype), np.asarray(x, np.float64), np.asarray(g, np.float64)
    n, r = x.shape[-1], _divisor(x, epsilon)
    short = length(x) <= epsilon
    u = np.where(short, 0, x / r)
    t = (u * g).sum(-1, keepdims=True)
    size = (abs(g) + abs(u) * abs(u * g).sum(-1, keepdims=True)) / r
    relative = gamma(4 * height(n, summation) + 16, work.u) + 2 * n * work.smallest / r / r
    error = relative * size + (n + 2) * work.smallest * (1 + 1 / r) * (1 + 1 / r)
    return stored((g - u * t) / r, error * EVALUATED, dtype)


def _divisor(x: Any, epsilon: float) -> Any:
    r = np.maximum(length(x), epsilon)
    return np.where(r > 0, r, 1)
