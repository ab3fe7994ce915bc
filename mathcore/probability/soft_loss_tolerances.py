"""What rounding may do to cross-entropy with weights of the classes, or with probabilities as targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_tolerances import _row, added, gaps, log_probability_error
from mathcore.verify.tolerances import EVALUATED, gamma, height, stored, tolerance, work_format


@tolerance
def soft_loss_rounding(
    logits: Any, p: Any, a: Any, divisor: float, dtype: Any, summation: str = "any", algorithm: str = "shifted",
    *, reduction: str = "mean", rows: int | None = None,
) -> Any:  # fmt: skip
    r"""The losses $\sum_j a_j|t_j|$, $t_j = \ln p_j$: `logits` and the true `p` (m, n), true coefficients `a` (m, n).

    With the τ of `log_softmax_rounding` a loss is off by $\sum_j a_j\tau_j$; a coefficient
    $w((1 - \varepsilon)q + \varepsilon/n)$ rounds five times, its product and the sum over classes $h + 1$ times, the
    two parts of a smoothed loss may be weighted and added once they are sums, three more: $\gamma_{h + 9}$. The sum
    over rows adds $\gamma_h$, and for a mean the divisor, a sum of as many weights, and the quotient $\gamma_{h + 1}$.
    """
    work, p, d, a = work_format(dtype), np.asarray(p, np.float64), gaps(logits), np.asarray(a, np.float64)
    tau, t = log_probability_error(p, d, summation, work, added(logits, algorithm), whole=True)
    loss, error = (a * t).sum(-1), (a * tau).sum(-1)
    error = error + gamma(height(p.shape[-1], summation) + 9, work.u) * (loss + error) + p.shape[-1] * work.smallest
    if reduction == "none":
        return stored(loss, error, dtype)
    h = max(height(n, summation) for n in (max(len(loss), 1), rows or 1))
    times, scale = (2 * h + 1, divisor) if reduction == "mean" else (h, 1.0)
    total = error.sum() + gamma(times, work.u) * (loss.sum() + error.sum())
    return stored(loss.sum() / scale, (total / scale) * EVALUATED, dtype)


@tolerance
def soft_loss_vjp_rounding(
    scale: Any, logits: Any, p: Any, a: Any, dtype: Any, summation: str = "any", algorithm: str = "shifted",
    *, rows: int = 1,
) -> Any:  # fmt: skip
    r"""The cotangent $s\,(A p_i - a_i)$ of the logits, $A = \sum_j a_j$: `scale` s (m, 1), the coefficients `a` (m, n).

    As `cross_entropy_vjp_rounding`; a rounds five times, A as often and h times more, s by the divisor of a mean,
    $\gamma_{h + 1}$ with the h of `rows`; the products, the subtraction and expm1 add three and 2uE:
    $|s|\,(A(\Delta + p(e^\tau - 1)) + (\gamma + 2uE)(A(p + \Delta) + a)) + 2\lambda(1 + A|s|)$.
    """
    work, d, p, delta = _row(logits, p, dtype, summation)
    tau, _ = log_probability_error(p, d, summation, work, added(logits, algorithm), whole=True)
    a, scale = np.asarray(a, np.float64), abs(np.asarray(scale, np.float64))
    total, moved = a.sum(-1, keepdims=True), delta + p * np.expm1(np.minimum(tau, 50.0))
    roundings = 9 + height(p.shape[-1], summation) + height(rows, summation)
    parts = total * moved + (gamma(roundings, work.u) + 2 * work.u * work.exp) * (total * (p + moved) + a)
    error = scale * parts + 2 * work.smallest * (1 + total * scale)
    return stored(scale * (total * p - a), error * EVALUATED, dtype)
