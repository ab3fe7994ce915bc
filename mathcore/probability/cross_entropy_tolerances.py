"""What rounding may do to cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_tolerances import _row, added, gaps, log_probability_error, log_sum_and_error
from mathcore.verify.tolerances import EVALUATED, gamma, height, stored, tolerance, work_format


@tolerance
def cross_entropy_rounding(
    logits: Any,
    p: Any,
    targets: Any,
    dtype: Any,
    summation: str = "any",
    algorithm: str = "shifted",
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    rows: int | None = None,
) -> Any:
    r"""Cross-entropy of the rows that count: `logits` and the true `p` (m, n), `targets` (m,).

    A loss is $-\ln p_y$, off by the $\tau_y$ of `log_softmax_rounding` before it is stored. With smoothing ε it is
    $(1 - \varepsilon)|t_y| + \varepsilon\,\mathrm{mean}|t|$, off by the same mix of the τ and by at most h + 5
    roundings (the weights, the sum, the quotient, the products, their sum). The sum over rows adds $\gamma_h$ of
    itself, the mean one rounding more. `rows` is how many addends there were, ignored rows included.

    For the algorithm "lse" the smoothed loss may be $\max x + \ln S - (1 - \varepsilon) x_y - \varepsilon\,
    \mathrm{mean}\,x$ as well. With the e of `logsumexp_rounding` and M the sum of the magnitudes of the four terms it
    is off by $e + \gamma_{h+7}(M + e)$: the $h + 5$ roundings above, and two additions more.
    """
    loss, error = _losses(logits, p, targets, dtype, summation, label_smoothing, algorithm, whole=True)
    return _reduced(loss, error, dtype, summation, reduction, rows)


@tolerance
def cross_entropy_digits(logits: Any, p: Any, targets: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The losses of single rows, with the τ of `log_softmax_digits`: a loss near 0 keeps its own last places."""
    loss, error = _losses(logits, p, targets, dtype, summation, 0.0, "log1p", whole=False)
    return stored(loss, error, dtype)


@tolerance
def cross_entropy_vjp_rounding(
    scale: Any, logits: Any, p: Any, wanted: Any, dtype: Any, summation: str = "any", algorithm: str = "shifted"
) -> Any:
    r"""The cotangent $s\,(p_i - q_i)$ of the logits: `scale` s (m, 1), `wanted` q (m, n).

    $p_i$ comes from softmax (Δ) or from $e^{t_i}$ ($p_i(e^{\tau_i} - 1)$ and $2uE$), τ being that of
    `log_softmax_rounding` for the algorithm; q, the subtraction and the products round five times more:
    $|s|\,(\Delta + p(e^\tau - 1) + (\gamma_5 + 2uE)(p + q + \Delta)) + 2\lambda$.
    """
    work, d, p, delta = _row(logits, p, dtype, summation)
    tau, _ = log_probability_error(p, d, summation, work, added(logits, algorithm), whole=True)
    parts = delta + p * np.expm1(np.minimum(tau, 50.0))
    parts = parts + (gamma(5, work.u) + 2 * work.u * work.exp) * (p + wanted + parts)
    return stored(scale * (p - wanted), abs(scale) * parts + 2 * work.smallest, dtype)


@tolerance
def certainty_digits(rest: Any, logits: Any, p: Any, targets: Any, dtype: Any, summation: str = "any") -> Any:
    r"""The cotangent $p_y - 1 = -\mathrm{rest}$ of the right answer's logit, taken from $\ln p_y$.

    $t_y = \ln p_y$ is off by the τ of `log_softmax_digits`, which moves $e^{t_y} - 1$ by at most
    $p_y(e^{\tau} - 1)$; expm1 and the product with the cotangent add $2uE + u$ of the value, however small it is.
    """
    work, p, d = work_format(dtype), np.asarray(p, np.float64), gaps(logits)
    tau, _ = log_probability_error(p, d, summation, work, whole=False)
    here = np.asarray(targets)[:, None]
    tau, own = (np.take_along_axis(v, here, -1)[:, 0] for v in (tau, p))
    error = own * np.expm1(np.minimum(tau, 1.0))
    error = error + (2 * work.u * work.exp + work.u) * (rest + error) * (1 + 2.0**-20) + 2 * work.smallest
    return stored(rest, error, dtype)


def _losses(
    logits: Any, p: Any, targets: Any, dtype: Any, summation: str, smoothing: float, algorithm: str, *, whole: bool
) -> tuple[Any, Any]:
    """The losses of rows and their errors before they are stored; derived at `cross_entropy_rounding`."""
    work, p, d = work_format(dtype), np.asarray(p, np.float64), gaps(logits)
    sizes = added(logits, algorithm)
    tau, t = log_probability_error(p, d, summation, work, sizes, whole=whole)
    own = [np.take_along_axis(v, np.asarray(targets)[:, None], -1)[:, 0] for v in (tau, t)]
    if smoothing == 0:
        return own[1], own[0]
    error, loss = (_smoothed(smoothing, *parts) for parts in zip(own, (tau, t), strict=True))
    roundings = height(p.shape[-1], summation) + 5
    if sizes is None:
        return loss, error + gamma(roundings, work.u) * (loss + error)
    log_sum, e = log_sum_and_error(p, d, summation, work, whole=whole)
    here = np.take_along_axis(sizes, np.asarray(targets)[:, None], -1)[:, 0]
    size = log_sum + _smoothed(smoothing, here, sizes)
    return loss, e + gamma(roundings + 2, work.u) * (size + e)


def _smoothed(smoothing: float, at_target: Any, of_all: Any) -> Any:
    return (1 - smoothing) * at_target + smoothing * of_all.mean(-1)


def _reduced(loss: Any, error: Any, dtype: Any, summation: str, reduction: str, rows: int | None) -> Any:
    """The error of the sum or mean of `loss`, `rows` addends of which the rest are zeros."""
    if reduction == "none":
        return stored(loss, error, dtype)
    work, count = work_format(dtype), max(len(loss), 1)
    h = max(height(n, summation) for n in (count, rows or count)) + (reduction == "mean")
    total = error.sum() + gamma(h, work.u) * (loss.sum() + error.sum())
    scale = count if reduction == "mean" else 1
    return stored(loss.sum() / scale, (total / scale) * EVALUATED, dtype)
