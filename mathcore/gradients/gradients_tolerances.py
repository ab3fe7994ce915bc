"""What rounding may do to derivatives that are sent back through a formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.oracle.rounded import rounding_radius
from mathcore.verify.tolerances import format_of, gamma, tolerance, work_format

_HIGHER_ORDER = 1 + 2.0**-7
"""Products of two roundings and more, which grow faster than the unit roundoff, in formulas of this size."""


def _unit(dtype: Any) -> float:
    """How many times float64's a rounding of this format is."""
    return format_of(dtype).u / 2.0**-53


@tolerance
def weighted_value(formula: Any, inputs: Any, dtype: Any) -> Any:
    r"""A weighted sum of the values of an operation, $\langle \bar y, f(x)\rangle$.

    The textbook formula runs on balls that hold every value to which rounding can lead: each operation widens its
    result by 8u of its magnitude, a sum by 8u of the sum of the magnitudes in it. Twice the radius of what comes out
    covers subtracting the highest score before it is raised, for scores that are at most 4 apart: the shift is off by
    4u and so is the exponential. A wider u scales every term.
    """
    return 2 * rounding_radius(formula, tuple(inputs)) * _unit(dtype) * _HIGHER_ORDER


@tolerance
def pulled_back(formula: Any, inputs: Any, directions: Any, gradients: Any, dtype: Any) -> Any:
    r"""What was pulled back, along a direction: $\langle \bar x, d\rangle$ against the derivative of $f$ along d.

    Both add up products of slopes along all paths from the input to the output, one backward and one forward, and a
    rounding at a node of a path moves that path's product by u. The derivative is carried forward on balls that are
    widened by 8u at every node, twice, as for `weighted_value`. Forming $\langle\bar x, d\rangle$ from n numbers in
    float64 adds $\gamma_n\sum|\bar x_i d_i|$.
    """
    terms = [abs(np.asarray(g, np.float64) * d) for g, d in zip(gradients, directions, strict=True)]
    total, count = sum(term.sum() for term in terms), sum(term.size for term in terms)
    radius = 2 * rounding_radius(formula, tuple(inputs), tuple(directions))
    return radius * _unit(dtype) * _HIGHER_ORDER + gamma(count, 2.0**-53) * total


@tolerance
def turned(pairs: Any, dtype: Any) -> Any:
    r"""A pair turned by one angle in two ways, both rounded: twice $\gamma_4(|a| + |b|)$.

    Each component is $a\cos - b\sin$: cosine and sine were rounded to the precision of the work, products and their
    difference round twice more, and one rounding is left for an angle that came out a little different. Sixteen-bit
    results are rounded once more, each. `pairs` is $|a| + |b|$ for every component.
    """
    f, work, size = format_of(dtype), work_format(dtype), np.asarray(pairs, np.float64)
    error = gamma(4, work.u) * size + 4 * work.smallest
    return 2 * (error if f is work else error + f.u * (size + error) + f.smallest)
