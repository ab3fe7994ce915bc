r"""What rounding may do to cosines and their gradients.

Notation as in `mathcore.verify.tolerances`: u the unit roundoff of the work, h the height of a sum, γ_k = ku/(1 − ku).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.oracle.matrices import length
from mathcore.verify.tolerances import EVALUATED, gamma, height, over_what_is_left, stored, tolerance, work_format


def _directions(a: Any, b: Any) -> tuple[Any, ...]:
    """Two vectors along the last axis at length 1, their cosine, that of their magnitudes, and the lengths."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    length_a, length_b = length(a), length(b)
    a, b = a / np.where(length_a > 0, length_a, 1), b / np.where(length_b > 0, length_b, 1)
    return a, b, (a * b).sum(-1, keepdims=True), abs(a * b).sum(-1, keepdims=True), length_a, length_b


@tolerance
def cosine_rounding(a: Any, b: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cosine of two vectors along the last axis, as dot product over lengths or as product of unit vectors.

    With $m = \sum|a_i b_i| / (\lVert a\rVert\lVert b\rVert) \le 1$: every product meets its own rounding, at most h
    additions and, where the vectors are brought to length 1 first, two divisions: $\epsilon = \gamma_{h+3} m$. The
    divisor holds two sums of squares under roots, $(1 + \gamma_{h+1})$, and at most three roundings of roots and
    their product: $\rho = (1 + \gamma_{h+1})(1 + \gamma_3) - 1$. So
    $$|\hat c - c| \le \frac{(1 + u)\,\epsilon + |c|(\rho + u)}{1 - \rho} + 8n\lambda$$
    The last term is for products and components that underflow, both vectors being scaled so that their largest
    component is 1/2 or more. Sixteen-bit results are computed in float32 and rounded once more.
    """
    work = work_format(dtype)
    _, _, cosine, magnitude, _, _ = _directions(a, b)
    h = height(np.shape(a)[-1], summation)
    rho = gamma(h + 1, work.u) * (1 + gamma(3, work.u)) + gamma(3, work.u)
    error = over_what_is_left((1 + work.u) * gamma(h + 3, work.u) * magnitude + abs(cosine) * (rho + work.u), rho)
    error = error * EVALUATED + 8 * np.shape(a)[-1] * work.smallest
    return stored(cosine, error, dtype)[..., 0]


@tolerance
def cosine_vjp_rounding(g: Any, a: Any, b: Any, dtype: Any, summation: str = "any") -> Any:
    r"""What the cosine sends back to its first vector, $\frac{g}{\lVert a\rVert}(\hat b - c\,\hat a)$.

    A computed unit vector is off by a relative $\eta = \gamma_{h+4}$: a sum of squares under a root, the root, a
    division. The cosine is then off by $\kappa = m((1 + \eta)^2(1 + \gamma_{h+1}) - 1)$, and the difference in
    parentheses, before its own rounding, by
    $s_i = \eta|\hat b_i| + |\hat a_i|\big((|c| + \kappa)(1 + \eta)(1 + u) - |c|\big)$: an absolute error, for it
    cancels where the vectors are parallel. Subtraction, product with g and division by the length bring a relative
    $\tau = \gamma_{h+5}$. So
    $$|\hat{\bar a}_i - \bar a_i| \le \frac{|g|}{\lVert a\rVert}\big(s_i (1 + \tau) + \tau |\hat b_i - c\,\hat a_i|\big)
      + \lambda$$
    """
    work = work_format(dtype)
    unit_a, unit_b, cosine, magnitude, length, _ = _directions(a, b)
    h = height(np.shape(a)[-1], summation)
    eta, tau = gamma(h + 4, work.u), gamma(h + 5, work.u)
    kappa = magnitude * ((2 * eta + eta**2) * (1 + gamma(h + 1, work.u)) + gamma(h + 1, work.u))
    grown = kappa + (abs(cosine) + kappa) * (eta + work.u + eta * work.u)
    difference = abs(unit_b - cosine * unit_a) + 2.0**-48  # itself computed in float64
    share = abs(np.asarray(g, np.float64))[..., None] / np.where(length > 0, length, 1)
    error = share * ((eta * abs(unit_b) + abs(unit_a) * grown) * (1 + tau) + tau * difference) * EVALUATED
    return stored(share * difference, error + work.smallest, dtype)


@tolerance
def spherical_cap(dimension: int, pairs: int, false_alarm: float) -> Any:
    r"""How far from a right angle any of `pairs` pairs of independent directions in d dimensions may lie.

    If one of two directions is uniform on the sphere, $P(|\cos| \ge t) \le 2e^{-dt^2/2}$ (Ball, An Elementary
    Introduction to Modern Convex Geometry (1997), Lemma 2.2). Over all pairs
    $t = \sqrt{2\ln(2 \cdot \text{pairs} / \alpha) / d}$ is exceeded with probability at most α.
    """
    return np.sqrt(2 * np.log(2 * pairs / false_alarm) / dimension)
