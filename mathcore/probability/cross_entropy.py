"""Cross-entropy over classes, its VJP, and loss and gradient together."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating, floating_as, quiet, rounded, working
from mathcore._compute.blocks import map_rows, thread_scratch
from mathcore._compute.reduce import put_each, row_max, row_sum, take_each
from mathcore._scalars import choice, real
from mathcore.probability._rows import _evaluate, _finite_shift, _max_and_rest, _put, _to_rows, _zero
from mathcore.probability._soft_loss import _classes, _is_soft, _Soft, _soft, _soft_grad, _soft_losses

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def cross_entropy(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Array:
    r"""The negative log-likelihood of the targets under the softmax of the logits.

    $$\ell = -(1 - \varepsilon) \ln p_y - \frac{\varepsilon}{n} \sum_j \ln p_j$$

    With weights w, and with probabilities q as targets, which are one-hot otherwise:

    $$\ell = -\sum_j w_j \Big((1 - \varepsilon) q_j + \frac{\varepsilon}{n}\Big) \ln p_j$$

    Args:
        logits: (..., n, ...), floats.
        targets: the shape of logits without `axis`, integers in [0, n) or `ignore_index`; or the shape of logits,
            probabilities of the classes, floats in [0, 1].
        axis: the axis of the n classes.
        weight: (n,), floats ≥ 0, of the classes.
        ignore_index: rows with this target count for nothing: not in the loss, the mean or the gradient, whatever
            their logits hold. Any integer, negative ones included.
        label_smoothing: ε in [0, 1], the share of the target's weight that is spread over all classes.
        reduction: "mean" over the rows that count (0 if none does), "sum", or "none". With weights and classes as
            targets a mean is divided by the sum of the weights of these, not by their number.

    Returns:
        A 0-d array, or the shape of targets for "none" (0 at ignored rows), in the dtype of logits; in nats.

    Raises:
        TypeError: if logits are not floating, targets neither integers nor floats, or `ignore_index` no integer.
        IndexError: if a target is neither a class nor `ignore_index`; the message names it and its place.
        ValueError: if shapes do not fit, rows have no classes, or an option is out of range.

    Examples:
        >>> mc.cross_entropy(np.log([[1.0, 3.0]]), targets=[0])  # −ln ¼
        array(1.38629436)
    """
    if _is_soft(logits, targets, weight):
        soft = _soft(logits, targets, axis, weight, ignore_index, _option(label_smoothing, reduction))
        losses = np.empty(soft.keep.shape, working(soft.logits).dtype)
        map_rows(_soft_losses, losses[..., None], soft.rows, soft.coefficients, soft.keep[..., None])
        return _reduced(losses, soft.keep, reduction, like=soft.logits, divisor=soft.divisor)
    logits, axis, rows, keep, targets, smoothing = _checked(
        logits, targets, axis, ignore_index, label_smoothing, reduction
    )
    losses = np.empty(keep.shape, working(logits).dtype)
    map_rows(partial(_nll, smoothing), losses[..., None], rows, targets[..., None], keep[..., None])
    return _reduced(losses, keep, reduction, like=logits)


def _nll(smoothing: float, x: Array, targets: Array, counts: Array, out: Array) -> Array:
    m, s, _ = _max_and_rest(x, thread_scratch(x))
    return _put(_row_losses(smoothing, x, targets, counts, m, s), out)  # (..., 1)


def cross_entropy_vjp(
    cotangent: npt.ArrayLike,
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Array:
    r"""Pull a cotangent ḡ of `cross_entropy` back to the logits.

    $$\bar x_i = \bar g \Big(p_i - (1 - \varepsilon)[i = y] - \frac{\varepsilon}{n}\Big)$$

    divided by the number of rows that count for "mean". Without smoothing, p − 1 at the target is taken from ln p, so
    that it keeps its digits as p approaches 1.

    Args:
        cotangent: the shape of the loss, floats: () for "mean" and "sum", the shape of targets for "none".
        logits, targets, axis, weight, ignore_index, label_smoothing, reduction: as given to `cross_entropy`.

    Returns:
        The shape and dtype of logits; finite for finite logits and cotangents, NaN in rows with +∞ or NaN, exactly zero
        in ignored rows.

    Raises:
        TypeError, IndexError, ValueError: as `cross_entropy`, and for a cotangent of another shape.

    Examples:
        >>> mc.cross_entropy_vjp(1.0, np.log([[1.0, 3.0]]), targets=[0])
        array([[-0.75,  0.75]])
    """
    if _is_soft(logits, targets, weight):
        soft = _soft(logits, targets, axis, weight, ignore_index, _option(label_smoothing, reduction))
        return _soft_vjp(soft, _loss_cotangent(cotangent, soft.keep, reduction, soft.logits), reduction)[0]
    logits, axis, rows, keep, targets, smoothing = _checked(
        logits, targets, axis, ignore_index, label_smoothing, reduction
    )
    g = _loss_cotangent(cotangent, keep, reduction, logits)
    of_rows = (part[..., None] for part in (targets, keep, _row_weights(working(g), keep, reduction)))
    return _evaluate(partial(_nll_vjp, smoothing), logits, axis, rows, *of_rows)


def _nll_vjp(smoothing: float, x: Array, targets: Array, counts: Array, scale: Array, out: Array) -> Array:
    m, s, k = _max_and_rest(x, out)
    return _grad(smoothing, x, targets, counts, scale, m, s, k, out)


def cross_entropy_and_grad(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> tuple[Array, Array]:
    r"""`cross_entropy` and its gradient at the logits, in little more than the time of the gradient alone.

    $$\ell = -\sum_j q_j \ln p_j, \qquad \nabla \ell = p - q, \qquad
      q_j = (1 - \varepsilon)[j = y] + \frac{\varepsilon}{n}$$

    Args:
        logits, targets, axis, weight, ignore_index, label_smoothing, reduction: as given to `cross_entropy`.

    Returns:
        What `cross_entropy` returns, and what `cross_entropy_vjp` returns for a cotangent of ones, bit for bit.

    Raises:
        TypeError, IndexError, ValueError: as `cross_entropy`.

    Examples:
        >>> loss, grad = mc.cross_entropy_and_grad(np.log([[1.0, 3.0]]), targets=[0])
        >>> grad
        array([[-0.75,  0.75]])
    """
    if _is_soft(logits, targets, weight):
        soft = _soft(logits, targets, axis, weight, ignore_index, _option(label_smoothing, reduction))
        grad, losses = _soft_vjp(soft, np.ones((), working(soft.logits).dtype), reduction)
        return _reduced(losses, soft.keep, reduction, like=soft.logits, divisor=soft.divisor), grad
    logits, axis, rows, keep, targets, smoothing = _checked(
        logits, targets, axis, ignore_index, label_smoothing, reduction
    )
    losses = np.empty(keep.shape, working(logits).dtype)
    weights = _row_weights(np.ones((), losses.dtype), keep, reduction)
    of_rows = (part[..., None] for part in (targets, keep, weights))
    grad = _evaluate(partial(_nll_and_grad, smoothing), logits, axis, rows, *of_rows, column=losses[..., None])
    return _reduced(losses, keep, reduction, like=logits), grad


def _nll_and_grad(smoothing: float, x: Array, targets: Array, counts: Array, scale: Array, out: Array) -> Array:
    """The gradient into `out`, and the losses, with the exponentials computed once."""
    m, s, k = _max_and_rest(x, out)
    _grad(smoothing, x, targets, counts, scale, m, s, k, out)
    return _row_losses(smoothing, x, targets, counts, m, s)


def _row_losses(smoothing: float, x: Array, targets: Array, counts: Array, m: Array, s: Array) -> Array:
    """log1p(s) + (1 − ε) d_y + ε mean d with d = m − x: −(1 − ε) ln p_y − ε mean ln p, without a negative term."""
    loss = np.log1p(s)
    if smoothing < 1:  # a term of weight 0 is left out, even if it is infinite
        loss = loss + (1 - smoothing) * (_finite_shift(m) - take_each(x, targets))
    if smoothing > 0:
        loss = loss + smoothing * _row_mean(_finite_shift(m) - x)
    if x.dtype != object:
        loss = np.where(m == np.inf, x.dtype.type(np.nan), loss)
    return np.where(counts, loss, _zero(x))


def _grad(
    smoothing: float, x: Array, targets: Array, counts: Array, scale: Array, m: Array, s: Array, k: Array, out: Array
) -> Array:
    """scale · (p − (1 − ε)[i = y] − ε/n), from the exponentials that `_max_and_rest` left in `out`."""
    put_each(out, k, np.where(m == -np.inf, _zero(x), _one(x)))
    p = np.divide(out, 1 + s, out=out)
    if smoothing == 0:  # p − 1 would cancel for a p near 1
        at_target = np.expm1(take_each(x, targets) - _finite_shift(m) - np.log1p(s))
    else:
        at_target = take_each(p, targets) - (1 - smoothing)
    put_each(out, targets, at_target)
    if smoothing > 0:
        np.subtract(out, smoothing / x.shape[-1], out=out)
    np.multiply(out, scale, out=out)
    if x.dtype != object and (infinite := m == np.inf).any():  # no distribution, so no gradient
        _put(x.dtype.type(np.nan), out, where=infinite)
    return out if counts.all() else _put(_zero(x), out, where=~counts)


def _row_mean(x: Array) -> Array:
    """The mean of each row, (..., 1), finite wherever all terms are: also where their sum overflows."""
    mean = row_sum(x) / x.shape[-1]
    if x.dtype == object or not np.isinf(mean).any():
        return mean
    return np.where(np.isinf(mean), np.minimum(row_sum(x / x.shape[-1]), row_max(x)), mean)


def _one(x: Array) -> Any:
    return 1 if x.dtype == object else x.dtype.type(1)


def _loss_cotangent(cotangent: npt.ArrayLike, keep: Array, reduction: Reduction, logits: Array) -> Array:
    """A cotangent of the shape of the loss."""
    g = floating_as("cotangent", cotangent, logits)
    expected = keep.shape if reduction == "none" else ()
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the loss {expected}, got {g.shape}")
    return g


def _soft_vjp(soft: _Soft, g: Array, reduction: Reduction) -> tuple[Array, Array]:
    """The gradient, and the losses of the rows."""
    losses = np.empty(soft.keep.shape, working(soft.logits).dtype)
    weights = _row_weights(working(g), soft.keep, reduction, soft.divisor)
    of_rows = (soft.coefficients, soft.keep[..., None], weights[..., None])
    grad = _evaluate(_soft_grad, soft.logits, soft.axis, soft.rows, *of_rows, column=losses[..., None])
    return grad, losses


def _reduced(losses: Array, keep: Array, reduction: Reduction, like: Array, divisor: float | None = None) -> Array:
    """The losses of the rows that count: their mean, by `divisor` or their number, their sum, or each."""
    with quiet():
        if reduction == "none":
            return rounded(losses, like=like)
        kept = losses[keep]
        total = kept.sum()
        if reduction == "mean":
            count = _count(keep) if divisor is None else divisor
            total = total / count
            if losses.dtype != object and np.isinf(total):  # the sum may overflow where the mean does not
                total = (kept / count).sum() if divisor else min((kept / count).sum(), kept.max())
        return rounded(np.asarray(total, dtype=losses.dtype), like=like)


def _row_weights(cotangent: Array, keep: Array, reduction: Reduction, divisor: float | None = None) -> Array:
    """The cotangent of each row's loss."""
    weights = np.broadcast_to(cotangent, keep.shape)
    with quiet():
        return weights / (_count(keep) if divisor is None else divisor) if reduction == "mean" else weights


def _count(keep: Array) -> int:
    """How many rows a mean is taken over; a Python int, so that nothing is promoted to float64."""
    return max(int(np.count_nonzero(keep)), 1)


def _checked(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    axis: int,
    ignore_index: int | None,
    label_smoothing: float,
    reduction: str,
) -> tuple[Array, int, Array, Array, Array, float]:
    """(logits, axis, rows, which rows count, targets: 0 in the others, smoothing), all checked."""
    logits = floating("logits", logits)
    smoothing = _option(label_smoothing, reduction, beside=logits)
    axis = axis_index("logits", logits, axis)
    rows = _to_rows(logits, axis, None)[2]
    return logits, axis, rows, *_classes("logits", rows, axis, targets, ignore_index), smoothing


def _option(label_smoothing: float, reduction: str, beside: Array | None = None) -> float:
    """`label_smoothing`, both checked: a float, but as it is beside objects, which are exact."""
    _check_reduction(reduction)
    smoothing = real("label_smoothing", label_smoothing, 0, 1, beside=beside)
    return smoothing if beside is not None and beside.dtype == object else float(smoothing)


def _check_reduction(reduction: str) -> None:
    choice("reduction", reduction, get_args(Reduction))
