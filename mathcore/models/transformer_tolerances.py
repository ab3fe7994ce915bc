"""What rounding may do to a whole model."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.oracle.rounded import Rounded, rounding_radius
from mathcore.verify.tolerances import gamma, tolerance, work_format


@tolerance
def formula_rounding(formula: Any, inputs: Any, dtype: Any = np.float64) -> Any:
    r"""A formula in float64 or float32, operation by operation.

    It runs on balls that hold every value to which rounding can lead: each operation widens its result by 8u of its
    magnitude, and a sum by 8u of the sum of the magnitudes in it, which covers any order of up to 9 terms. Twice the
    radius of what comes out, for the formula's own value in floats and the one it is compared with.
    """
    usual = Rounded.ROUNDINGS
    try:
        Rounded.ROUNDINGS = usual * round(work_format(dtype).u * 2.0**53)  # it counts in those of float64
        return 2 * rounding_radius(formula, tuple(inputs))
    finally:
        Rounded.ROUNDINGS = usual


@tolerance
def slope_rounding(formula: Any, inputs: Any, directions: Any, gradient: Any) -> Any:
    r"""A gradient $\bar x$ against the derivative along d, $\langle \bar x, d\rangle$.

    The gradient adds up products of slopes along all paths from an input to the output, and so does the derivative when
    it is carried along d; a rounding at a node of a path moves that path's product by u. The derivative is carried on
    balls that are widened by 8u at every node, which covers the roundings there in either direction. Forming
    $\langle\bar x, d\rangle$ from n numbers adds $\gamma_n\sum|\bar x_i d_i|$.
    """
    terms = [abs(np.asarray(g, np.float64) * d) for g, d in zip(gradient, directions, strict=True)]
    count = sum(term.size for term in terms)
    total = sum(term.sum() for term in terms)
    return rounding_radius(formula, tuple(inputs), tuple(directions)) + gamma(count, 2.0**-53) * total
