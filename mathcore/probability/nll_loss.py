"""The negative log-likelihood of targets under given log-probabilities, and its VJP."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating, quiet, working
from mathcore.probability._rows import _last
from mathcore.probability._soft_loss import _class_weights, _classes
from mathcore.probability.cross_entropy import Reduction, _check_reduction, _loss_cotangent, _reduced, _row_weights


def nll_loss(
    log_probabilities: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""The negative log-likelihood of the targets, whose log-probabilities are given.

    $$\ell = -w_y t_y, \qquad t = \ln p$$

    Of `log_softmax` it is `cross_entropy`, which is more exact and faster.

    Args:
        log_probabilities: t, (..., n, ...), floats.
        targets: the shape of t without `axis`, integers in [0, n) or `ignore_index`.
        axis, weight, ignore_index, reduction: as for `cross_entropy`.

    Returns:
        A 0-d array, or the shape of targets for "none" (0 at ignored rows), in the dtype of t.

    Raises:
        TypeError: if log-probabilities are not floating, targets not integers, or weights given for Python objects.
        IndexError: if a target is neither a class nor `ignore_index`; the message names it and its place.
        ValueError: if shapes do not fit, rows have no classes, or an option is out of range.

    Examples:
        >>> mc.nll_loss(np.log([[0.25, 0.75]]), targets=[0])  # −ln ¼
        array(1.38629436)
    """
    t, _, rows, keep, ids, weights = _checked(log_probabilities, targets, axis, weight, ignore_index, reduction)
    picked = working(np.take_along_axis(rows, ids[..., None], -1))[..., 0]
    with quiet():
        losses = np.where(weights == 0, 0, -weights * picked)
    return _reduced(losses, keep, reduction, like=t, divisor=None if weight is None else _divisor(weights))


def nll_loss_vjp(
    cotangent: npt.ArrayLike,
    log_probabilities: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Array:
    r"""Pull a cotangent ḡ of `nll_loss` back to the log-probabilities.

    $$\bar t_i = -\bar g\,w_y\,[i = y]$$

    divided by the sum of the weights of the targets that count for "mean".

    Args:
        cotangent: the shape of the loss, floats: () for "mean" and "sum", the shape of targets for "none".
        log_probabilities, targets, axis, weight, ignore_index, reduction: as given to `nll_loss`.

    Returns:
        The shape and dtype of the log-probabilities; zero but at the targets that count.

    Raises:
        TypeError, IndexError, ValueError: as `nll_loss`, and for a cotangent of another shape.

    Examples:
        >>> mc.nll_loss_vjp(1.0, np.log([[0.25, 0.75]]), targets=[0])
        array([[-1.,  0.]])
    """
    t, axis, _, keep, ids, weights = _checked(log_probabilities, targets, axis, weight, ignore_index, reduction)
    g = working(_loss_cotangent(cotangent, keep, reduction, t))
    pulled, divisor = np.zeros(t.shape, t.dtype), None if weight is None else _divisor(weights)
    with quiet():
        share = np.where(weights == 0, 0, -weights * _row_weights(g, keep, reduction, divisor))
    np.put_along_axis(_last(pulled, axis), ids[..., None], share[..., None].astype(t.dtype), -1)
    return pulled


def _divisor(weights: Array) -> float:
    """What a mean of weighted losses is divided by."""
    total = float(weights.sum(dtype=np.float64))
    return total if total > 0 else 1.0


def _checked(
    log_probabilities: npt.ArrayLike,
    targets: npt.ArrayLike,
    axis: int,
    weight: npt.ArrayLike | None,
    ignore_index: int | None,
    reduction: str,
) -> tuple[Array, int, Array, Array, Array, Array]:
    """(t, axis, rows, which rows count, classes, the weight of each row: 0 where it does not count)."""
    _check_reduction(reduction)
    t = floating("log_probabilities", log_probabilities)
    axis = axis_index("log_probabilities", t, axis)
    rows = _last(t, axis)
    keep, ids = _classes("log_probabilities", rows, axis, targets, ignore_index)
    if weight is not None and t.dtype == object:
        raise TypeError("`log_probabilities` must be an array of floats if there are weights, got Python objects")
    n, dtype = rows.shape[-1], working(t[:0]).dtype
    w = np.ones(n, dtype) if weight is None else _class_weights(weight, n).astype(dtype)
    return t, axis, rows, keep, ids, w[ids] * keep
