"""What rounding may do to biases from distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.attention.dot_product_tolerances import Scores
from mathcore.verify.tolerances import gamma, stored, tolerance, work_format


@tolerance
def alibi_slope_rounding(slope: Any, step: Any, dtype: Any) -> Any:
    r"""A slope as $r^h$ of a ratio $r = 2^{-8/n}$ that was computed, stored and raised, or multiplied up.

    The exponential is off by E ulp, at most $2uE$ of itself, and storing the ratio rounds once; the power carries
    both h times, and adds E ulp of its own or one rounding for each product. One rounding of an exponent of at most 8,
    which 8 ln 2 < 6 multiplies, comes on top: in all $\gamma_k$ with $k = h(2E + 2) + 2E + 6$.
    """
    work = work_format(dtype)
    count = np.asarray(step, np.float64) * (2 * work.exp + 2) + 2 * work.exp + 6
    most = np.array([gamma(k, work.u) for k in count.ravel()]).reshape(count.shape)
    return stored(np.asarray(slope, np.float64), abs(np.asarray(slope, np.float64)) * most, dtype)


@tolerance
def alibi_bias_rounding(slope: Any, of_slope: Any, distance: Any, dtype: Any) -> Any:
    """A slope that is off by `of_slope`, times a whole number: one rounding, and one more where 16 bits are stored."""
    size, work = abs(np.asarray(slope, np.float64)), work_format(dtype)
    error = np.asarray(of_slope, np.float64) * distance
    return stored(size * distance, error + work.u * (size * distance + error), dtype)


@tolerance
def scores_moved(of: Scores, by: Any) -> Any:
    r"""Attention where each score is off by at most δ, `by`.

    Each exponential changes by a factor in $[e^{-\delta}, e^\delta]$ and each weight by one in $[e^{-2\delta},
    e^{2\delta}]$, so the output by at most $(e^{2\delta} - 1) \sum_j p_j |v_j|$.
    """
    most = np.asarray(by, np.float64).max(-1, keepdims=True, initial=0.0)
    return np.expm1(2 * most) * (of.p @ abs(of.value))
