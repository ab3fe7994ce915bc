"""What rounding may do to the negative log-likelihood of given log-probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, height, stored, tolerance, work_format


@tolerance
def nll_loss_rounding(terms: Any, divisor: float, dtype: Any, *, reduction: str = "none", rows: int = 1) -> Any:
    r"""The `terms` $w_y t_y$ of the rows that count: their product rounds once, and underflows by λ at most.

    The sum over `rows` adds $\gamma_h$ of the magnitudes; of a mean the divisor, a sum of as many weights, and the
    quotient add $\gamma_{h + 1}$.
    """
    work, size = work_format(dtype), abs(np.asarray(terms, np.float64))
    if reduction == "none":
        return stored(size, work.u * size + work.smallest, dtype)
    h, scale = height(max(rows, 1), "any"), divisor if reduction == "mean" else 1.0
    error = gamma(2 * h + 2, work.u) * size.sum() + len(size) * work.smallest
    return stored(size.sum() / scale, error / scale + work.smallest, dtype)


@tolerance
def nll_loss_vjp_rounding(pulled: Any, dtype: Any, rows: int = 1) -> Any:
    r"""The cotangent $\bar g w_y / W$: the product, the quotient and W, a sum of `rows` weights: $\gamma_{h + 3}$."""
    work, size = work_format(dtype), abs(np.asarray(pulled, np.float64))
    return stored(size, gamma(height(max(rows, 1), "any") + 3, work.u) * size + 2 * work.smallest, dtype)
