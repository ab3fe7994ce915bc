"""Probability: scores into distributions, and the loss that teaches them.

A score of −∞ is excluded; a row with nothing to see gives zeros (−∞ for its logarithm). What `where` excludes never
reaches the result, NaN and ∞ included. A +∞ or NaN that is seen makes its row NaN. Every sum is a pairwise one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import (
    Array,
    axis_index,
    booleans,
    destination,
    floating,
    ids_below,
    integers,
    lowest,
    rounded,
    working,
)
from mathcore._blocks import add_up, beside, exp_and_sum, exp_below, highest, map_rows, scratch_like

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def softmax(x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None, out: Array | None = None) -> Array:
    r"""Turn scores into a probability distribution.

    $$p_i = \frac{e^{x_i - m}}{\sum_j e^{x_j - m}}, \qquad m = \max_j x_j$$

    Args:
        x: (..., n, ...), floats; −∞ excludes a score.
        axis: the axis of length n.
        where: bools that broadcast to the shape of x; False excludes a score.
        out: where the result goes: the shape and dtype of x, in any layout; x itself, to work in place.

    Returns:
        The shape and dtype of x; `out`, if it was given. Rows with nothing to see are zeros, rows that see +∞ or NaN
        are NaN. float16 and bfloat16 are computed in float32 and rounded once.

    Raises:
        TypeError: if x is not floating, `where` is not bool, or `out` is of another dtype.
        ValueError: if there is no such axis, `where` does not broadcast to x, or `out` has another shape or cannot be
            written to.

    Examples:
        >>> mc.softmax(np.log([1.0, 3.0]))
        array([0.25, 0.75])
        >>> mc.softmax(np.zeros(3), where=[True, True, False])
        array([0.5, 0.5, 0. ])

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _rows(x, axis, where)
    return _mapped(_softmax, x, axis, rows, out=out)


def softmax_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None
) -> Array:
    r"""Pull a cotangent ḡ of `softmax` back to the scores.

    $$\bar x_i = p_i \Big(\bar g_i - \sum_j p_j \bar g_j\Big)$$

    Args:
        cotangent: the shape of x, floats.
        x, axis, where: as given to `softmax`.

    Returns:
        The shape and dtype of x; exactly zero at excluded scores, whatever the cotangent holds there.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.softmax_vjp([1.0, 0.0], x=[2.0, 2.0])
        array([ 0.25, -0.25])
    """
    x, axis, rows = _rows(x, axis, where)
    return _mapped(_softmax_vjp, x, axis, rows, _cotangent(cotangent, x, axis))


def log_softmax(
    x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None, out: Array | None = None
) -> Array:
    r"""The logarithm of `softmax`, without computing it first.

    $$\ln p_i = (x_i - m) - \operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    A common offset of the scores costs no digits, and neither does one score that dominates.

    Args:
        x, axis, where, out: as for `softmax`.

    Returns:
        The shape and dtype of x; −∞ at excluded scores and in rows with nothing to see.

    Raises:
        TypeError, ValueError: as `softmax`.

    Examples:
        >>> mc.log_softmax(np.array([0.0, -1000.0]))
        array([    0., -1000.])
    """
    x, axis, rows = _rows(x, axis, where)
    return _mapped(_log_softmax, x, axis, rows, out=out)


def log_softmax_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None
) -> Array:
    r"""Pull a cotangent ḡ of `log_softmax` back to the scores.

    $$\bar x_i = \bar g_i - p_i \sum_j \bar g_j$$

    Args:
        cotangent: the shape of x, floats.
        x, axis, where: as given to `log_softmax`.

    Returns:
        The shape and dtype of x; exactly zero at excluded scores, whatever the cotangent holds there.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.log_softmax_vjp([1.0, 0.0], x=[2.0, 2.0])
        array([ 0.5, -0.5])
    """
    x, axis, rows = _rows(x, axis, where)
    return _mapped(_log_softmax_vjp, x, axis, rows, _cotangent(cotangent, x, axis))


def logsumexp(x: npt.ArrayLike, axis: int = -1, *, keepdims: bool = False, where: npt.ArrayLike | None = None) -> Array:
    r"""The logarithm of a sum of exponentials: a maximum with soft corners.

    $$\ln \sum_j e^{x_j} = m + \operatorname{log1p}(s), \qquad
      s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    Args:
        x, axis, where: as for `softmax`.
        keepdims: keep the axis with length 1.

    Returns:
        The shape of x without `axis`, in the dtype of x; −∞ where there is nothing to see, +∞ where +∞ is seen.

    Raises:
        TypeError, ValueError: as `softmax`.

    Examples:
        >>> mc.logsumexp([1000.0, 1000.0])  # 1000 + ln 2
        array(1000.69314718)

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _rows(x, axis, where)
    y = np.empty((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
    map_rows(_logsumexp, np.moveaxis(y, axis, -1), rows)
    return y if keepdims else y.squeeze(axis)


def logsumexp_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    axis: int = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
) -> Array:
    r"""Pull a cotangent ḡ of `logsumexp` back to the scores: its gradient is softmax.

    $$\bar x_i = \bar g\, p_i$$

    Args:
        cotangent: the shape of `logsumexp(x, axis, keepdims=keepdims)`, floats.
        x, axis, keepdims, where: as given to `logsumexp`.

    Returns:
        The shape and dtype of x; exactly zero at excluded scores.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.logsumexp_vjp(1.0, x=np.log([1.0, 3.0]))
        array([0.25, 0.75])
    """
    x, axis, rows = _rows(x, axis, where)
    g = floating("cotangent", cotangent)
    kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    expected = kept if keepdims else x.shape[:axis] + x.shape[axis + 1 :]
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the result {expected}, got {g.shape}")
    return _mapped(_logsumexp_vjp, x, axis, rows, np.moveaxis(g.reshape(kept), axis, -1))  # (..., 1)


def argmax(x: npt.ArrayLike, axis: int = -1) -> Array:
    """The index of the highest score; the first of equal ones. NaN counts as the highest.

    Args:
        x: (..., n, ...), floats.
        axis: the axis of length n ≥ 1.

    Returns:
        The shape of x without `axis`, integers in [0, n).

    Raises:
        TypeError: if x is not floating.
        ValueError: if there is no such axis, or it is empty.

    Examples:
        >>> mc.argmax([[2.0, 5.0, 5.0], [9.0, 1.0, 0.0]])
        array([1, 0])
    """
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    if x.shape[axis] == 0:
        raise ValueError(f"`x` of shape {x.shape} has no scores along axis {axis}: nothing can win")
    return np.asarray(np.argmax(x, axis=axis))


def temperature_softmax(x: npt.ArrayLike, temperature: float, axis: int = -1) -> Array:
    r"""The distribution that sampling with a temperature draws from.

    $$p_i = \frac{e^{(x_i - m)/T}}{\sum_j e^{(x_j - m)/T}}, \qquad m = \max_j x_j$$

    T → 0 tends to a one-hot of the winner (equal ones share), T = 1 is softmax, T = ∞ is uniform over the scores above
    −∞. The shift comes before the division, so that no temperature overflows.

    Args:
        x: (..., n, ...), floats; −∞ excludes a score.
        temperature: T > 0, ∞ included.
        axis: the axis of length n.

    Returns:
        The shape and dtype of x.

    Raises:
        TypeError: if x is not floating.
        ValueError: if T is not a positive number, or there is no such axis.

    Examples:
        >>> mc.temperature_softmax(np.log([1.0, 3.0]), temperature=0.5)  # as 1 to 9
        array([0.1, 0.9])
    """
    x, axis, rows = _rows(x, axis, None)
    _check_temperature(temperature)
    return _mapped(lambda x, out: _softmax(_cooled(x, temperature), out), x, axis, rows)


def temperature_softmax_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike, temperature: float, axis: int = -1) -> Array:
    r"""Pull a cotangent ḡ of `temperature_softmax` back to the scores.

    $$\bar x_i = \frac{p_i}{T} \Big(\bar g_i - \sum_j p_j \bar g_j\Big)$$

    Args:
        cotangent: the shape of x, floats.
        x, temperature, axis: as given to `temperature_softmax`.

    Returns:
        The shape and dtype of x; exactly zero at excluded scores.

    Raises:
        TypeError, ValueError: as `temperature_softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.temperature_softmax_vjp([1.0, 0.0], x=[2.0, 2.0], temperature=0.5)
        array([ 0.5, -0.5])
    """
    x, axis, rows = _rows(x, axis, None)
    _check_temperature(temperature)

    def cooled_vjp(x: Array, g: Array, out: Array) -> Array:
        return _put(_divided(_softmax_vjp(_cooled(x, temperature), g, out), temperature), out)

    return _mapped(cooled_vjp, x, axis, rows, _cotangent(cotangent, x, axis))


def cross_entropy(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Array:
    r"""The surprise at the right answers: minus the log-probability that the logits give them.

    $$\ell = -(1 - \varepsilon) \ln p_y - \frac{\varepsilon}{n} \sum_j \ln p_j$$

    Args:
        logits: (..., n, ...), floats.
        targets: the shape of logits without `axis`, integers in [0, n) or `ignore_index`.
        axis: the axis of the n classes.
        ignore_index: rows with this target count for nothing: not in the loss, the mean or the gradient, whatever
            their logits hold. Any integer, negative ones included.
        label_smoothing: ε in [0, 1], the share of the target's weight that is spread over all classes.
        reduction: "mean" over the rows that count (0 if none does), "sum", or "none".

    Returns:
        A 0-d array, or the shape of targets for "none" (0 at ignored rows), in the dtype of logits; in nats.

    Raises:
        TypeError: if logits are not floating or targets not integers.
        IndexError: if a target is neither a class nor `ignore_index`; the message names it and its place.
        ValueError: if shapes do not fit or an option is out of range.

    Examples:
        >>> mc.cross_entropy(np.log([[1.0, 3.0]]), targets=[0])  # −ln ¼
        array(1.38629436)
    """
    logits, axis, rows, keep, targets = _classified(logits, targets, axis, ignore_index, label_smoothing, reduction)
    losses = np.empty(keep.shape, working(logits).dtype)
    map_rows(partial(_surprise, label_smoothing), losses[..., None], rows, targets[..., None], keep[..., None])
    return _reduced(losses, keep, reduction, like=logits)


def cross_entropy_vjp(
    cotangent: npt.ArrayLike,
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
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
        logits, targets, axis, ignore_index, label_smoothing, reduction: as given to `cross_entropy`.

    Returns:
        The shape and dtype of logits; finite for finite logits and cotangents, NaN in rows that see +∞ or NaN, exactly
        zero at ignored rows.

    Raises:
        TypeError, IndexError, ValueError: as `cross_entropy`, and for a cotangent of another shape.

    Examples:
        >>> mc.cross_entropy_vjp(1.0, np.log([[1.0, 3.0]]), targets=[0])
        array([[-0.75,  0.75]])
    """
    logits, axis, rows, keep, targets = _classified(logits, targets, axis, ignore_index, label_smoothing, reduction)
    g = floating("cotangent", cotangent)
    expected = keep.shape if reduction == "none" else ()
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the loss {expected}, got {g.shape}")
    of_rows = (part[..., None] for part in (targets, keep, _shares(working(g), keep, reduction)))
    return _mapped(partial(_surprise_vjp, label_smoothing), logits, axis, rows, *of_rows)


def cross_entropy_and_grad(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    axis: int = -1,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> tuple[Array, Array]:
    r"""`cross_entropy` and its gradient at the logits, in little more than the time of the gradient alone.

    $$\ell = -\sum_j q_j \ln p_j, \qquad \nabla \ell = p - q, \qquad
      q_j = (1 - \varepsilon)[j = y] + \frac{\varepsilon}{n}$$

    Args:
        logits, targets, axis, ignore_index, label_smoothing, reduction: as given to `cross_entropy`.

    Returns:
        What `cross_entropy` returns, and what `cross_entropy_vjp` returns for a cotangent of ones, bit for bit.

    Raises:
        TypeError, IndexError, ValueError: as `cross_entropy`.

    Examples:
        >>> loss, slopes = mc.cross_entropy_and_grad(np.log([[1.0, 3.0]]), targets=[0])
        >>> slopes
        array([[-0.75,  0.75]])
    """
    logits, axis, rows, keep, targets = _classified(logits, targets, axis, ignore_index, label_smoothing, reduction)
    losses = np.empty(keep.shape, working(logits).dtype)
    shares = _shares(np.ones((), losses.dtype), keep, reduction)
    of_rows = (part[..., None] for part in (targets, keep, shares))
    kernel = partial(_surprise_and_slopes, label_smoothing)
    slopes = _mapped(kernel, logits, axis, rows, *of_rows, column=losses[..., None])
    return _reduced(losses, keep, reduction, like=logits), slopes


# The formulas, each a kernel for a block of rows: the axis last, in the precision of the arithmetic. See `_blocks`.


def _softmax(x: Array, out: Array) -> Array:
    total = exp_and_sum(x, _shift(x), out)  # (..., 1), at least e⁰ = 1, but 0 where there is nothing to see
    total = np.where(total == 0, 1, total) if x.dtype == object else np.maximum(total, 1)
    return beside(np.divide, out, total, out)


def _softmax_vjp(x: Array, g: Array, out: Array) -> Array:
    p, g = _softmax(x, out), _where_seen(x, g)
    return _put(_where_seen(x, p * (g - add_up(p * g))), out)


def _log_softmax(x: Array, out: Array) -> Array:
    top, rest, _ = _top_and_rest(x, scratch_like(x), gaps=out)
    beside(np.subtract, out, np.log1p(rest), out)
    infinite = top == np.inf
    return out if x.dtype == object or not infinite.any() else _put(np.nan, out, where=infinite)


def _log_softmax_vjp(x: Array, g: Array, out: Array) -> Array:
    p, g = _softmax(x, out), _where_seen(x, g)
    return _put(_where_seen(x, g - p * add_up(g)), out)


def _logsumexp(x: Array, out: Array) -> Array:
    top, rest, _ = _top_and_rest(x, scratch_like(x))
    np.add(top, np.log1p(rest), out=out)
    return out if x.dtype == object else _put(top, out, where=np.isinf(top))


def _logsumexp_vjp(x: Array, g: Array, out: Array) -> Array:
    return _put(_where_seen(x, g * _softmax(x, out)), out)


def _surprise(smoothing: float, x: Array, targets: Array, counts: Array, out: Array) -> Array:
    """The losses of rows, (..., 1)."""
    top, rest, _ = _top_and_rest(x, scratch_like(x))
    return _put(_losses(smoothing, x, targets, counts, top, rest), out)


def _surprise_vjp(smoothing: float, x: Array, targets: Array, counts: Array, scale: Array, out: Array) -> Array:
    """s (p − (1 − ε)[i = y] − ε/n)."""
    top, rest, winner = _top_and_rest(x, out)
    return _slopes(smoothing, x, targets, counts, scale, top, rest, winner, out)


def _surprise_and_slopes(smoothing: float, x: Array, targets: Array, counts: Array, scale: Array, out: Array) -> Array:
    """The slopes into `out`, and the losses, with the exponentials computed once."""
    top, rest, winner = _top_and_rest(x, out)
    _slopes(smoothing, x, targets, counts, scale, top, rest, winner, out)
    return _losses(smoothing, x, targets, counts, top, rest)


def _losses(smoothing: float, x: Array, targets: Array, counts: Array, top: Array, rest: Array) -> Array:
    """ln S + (1 − ε) d_y + ε mean d, d = max x − x: this is −(1 − ε) ln p_y − ε mean ln p, without a negative term."""
    loss = np.log1p(rest)
    if smoothing < 1:  # a term of weight 0 counts for nothing, even if it is infinite
        loss = loss + (1 - smoothing) * (_floor(top) - _at(x, targets, counts))
    if smoothing > 0:
        loss = loss + smoothing * _mean(_floor(top) - x)
    if x.dtype != object:
        loss = np.where(top == np.inf, x.dtype.type(np.nan), loss)
    return np.where(counts, loss, _zero(x))


def _slopes(
    smoothing: float, x: Array, targets: Array, counts: Array, scale: Array, top: Array, rest: Array, winner: Array,
    out: Array,
) -> Array:  # fmt: skip
    """The slopes from what `_top_and_rest` left in `out`."""
    np.put_along_axis(out, winner, np.where(top == -np.inf, _zero(x), _one(x)), axis=-1)
    slope = np.divide(out, 1 + rest, out=out)
    if smoothing == 0:  # 1 − p would lose the digits of a p near 1
        own = np.expm1(_at(x, targets, counts) - _floor(top) - np.log1p(rest))
    else:
        own = _at(slope, targets, counts) - (1 - smoothing)
    np.put_along_axis(slope, np.where(counts, targets, 0), own, axis=-1)
    if smoothing > 0:
        np.subtract(slope, smoothing / x.shape[-1], out=out)
    np.multiply(slope, scale, out=out)
    if x.dtype != object and (infinite := top == np.inf).any():  # no distribution, so no slope
        _put(x.dtype.type(np.nan), out, where=infinite)
    return out if counts.all() else _put(_zero(x), out, where=~counts)


def _shift(x: Array) -> Array:
    """`_floor` of the top of each row, (..., 1), in one pass."""
    return _floor(highest(x)) if x.dtype == object else highest(x, lowest(x.dtype))


def _floor(top: Array) -> Array:
    """The top as a shift: finite even for a row with nothing to see, since −∞ − −∞ is no number."""
    if top.dtype == object:
        return np.where(top == -np.inf, 0, top)
    return np.maximum(top, lowest(top.dtype))


def _top_and_rest(x: Array, scratch: Array, gaps: Array | None = None) -> tuple[Array, Array, Array]:
    """The highest score m, Σ e^(x − m) over all but the first score that is m, and its index, (..., 1) each.

    Its own term is 1 exactly and would drown small digits. `scratch` is left with the other exponentials, and `gaps`
    with x − m.
    """
    if not x.shape[-1]:
        top = highest(x)
        return top, np.zeros_like(top), np.zeros(top.shape, np.intp)
    winner = x.argmax(axis=-1, keepdims=True)
    top = np.take_along_axis(x, winner, axis=-1)
    e = exp_below(x, _floor(top), scratch, gaps)
    np.put_along_axis(e, winner, _zero(x), axis=-1)
    return top, add_up(e), winner


def _at(x: Array, targets: Array, counts: Array) -> Array:
    """The entry of each row at its target, (..., 1); any entry where the row does not count."""
    return np.take_along_axis(x, np.where(counts, targets, 0), axis=-1)


def _cooled(x: Array, temperature: float) -> Array:
    """(x − m) / T, with −∞ still excluded at T = ∞."""
    top = _floor(highest(x))
    shifted = x - top
    cooled = _divided(shifted, temperature)
    if x.dtype == object or not (hidden := np.isneginf(shifted)).any():
        return cooled
    if (beyond := hidden & (x > -np.inf)).any():  # scores so far apart that their difference overflows
        half = _divided(x / 2 - top / 2, temperature)
        cooled, hidden = np.where(beyond, 2 * half, cooled), hidden & ~beyond
    return np.where(hidden, shifted, cooled)


def _divided(x: Array, temperature: float) -> Array:
    """x / T, in float64: a T below the smallest float32 must not become 0."""
    if x.dtype == object:
        return x / temperature
    return (x.astype(np.float64) / float(temperature)).astype(x.dtype)


def _where_seen(x: Array, values: Array) -> Array:
    """The values, exact zeros at excluded scores whatever stood there."""
    return np.where(np.asarray(x == -np.inf, dtype=np.bool_), _zero(x), values)


def _put(values: Any, out: Array, where: Any = True) -> Array:
    np.copyto(out, values, where=where)
    return out


def _mean(x: Array) -> Array:
    """The mean of each row, (..., 1), a number wherever all numbers are: also where their sum is none."""
    mean = add_up(x) / x.shape[-1]
    if x.dtype == object or not np.isinf(mean).any():
        return mean
    return np.where(np.isinf(mean), np.minimum(add_up(x / x.shape[-1]), highest(x)), mean)


def _zero(x: Array) -> Any:
    return 0 if x.dtype == object else x.dtype.type(0)


def _one(x: Array) -> Any:
    return 1 if x.dtype == object else x.dtype.type(1)


# From the caller's array to rows, and back.


def _rows(x: npt.ArrayLike, axis: int, where: npt.ArrayLike | None) -> tuple[Array, int, Array]:
    """(x, axis counted from the front, rows): `axis` last, what `where` excludes at −∞."""
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    if where is None:
        return x, axis, np.moveaxis(x, axis, -1) if axis != x.ndim - 1 else x
    keep = booleans("where", where)
    try:
        keep = np.broadcast_to(keep, x.shape)
    except ValueError:
        raise ValueError(f"`where` must broadcast to the shape of x {x.shape}, got {keep.shape}") from None
    seen = np.where(keep, x, -math.inf).astype(x.dtype, copy=False)
    return x, axis, np.moveaxis(seen, axis, -1)


def _mapped(
    kernel: Callable[..., object],
    like: Array,
    axis: int,
    *rows: Array,
    out: Array | None = None,
    column: Array | None = None,
) -> Array:
    """An array like `like`, its rows filled by the kernel: `out`, or a new one. For `column` see `map_rows`."""
    result = np.empty(like.shape, like.dtype) if out is None else destination(out, like)
    places = result if axis == like.ndim - 1 else np.moveaxis(result, axis, -1)
    map_rows(kernel, places, *rows, apart=out is None, column=column)
    return result


def _reduced(losses: Array, keep: Array, reduction: Reduction, like: Array) -> Array:
    """The losses of the rows that count: their mean, their sum, or each by itself."""
    with np.errstate(over="ignore", invalid="ignore"):
        if reduction == "none":
            return rounded(losses, like=like)
        kept = losses[keep]
        total = kept.sum()
        if reduction == "mean":
            total = total / _count(keep)
            if losses.dtype != object and np.isinf(total):  # the sum may overflow where the mean does not
                total = min((kept / _count(keep)).sum(), kept.max())
        return rounded(np.asarray(total, dtype=losses.dtype), like=like)


def _shares(cotangent: Array, keep: Array, reduction: Reduction) -> Array:
    """What the slopes of each row are multiplied by."""
    shares = np.broadcast_to(cotangent, keep.shape)
    return shares / _count(keep) if reduction == "mean" else shares


def _count(keep: Array) -> int:
    """How many rows a mean is taken over; a number without a dtype, so that nothing becomes float64."""
    return max(int(np.count_nonzero(keep)), 1)


def _cotangent(cotangent: npt.ArrayLike, x: Array, axis: int) -> Array:
    """The cotangent as rows."""
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    return np.moveaxis(g, axis, -1)


def _check_temperature(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(
            f"`temperature` must be a number > 0, got {temperature!r}; the limit T → 0 is the one-hot of `argmax`"
        )


def _classified(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    axis: int,
    ignore_index: int | None,
    label_smoothing: float,
    reduction: str,
) -> tuple[Array, int, Array, Array, Array]:
    """(logits, axis, rows, which rows count, targets), all checked."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"`reduction` must be 'mean', 'sum' or 'none', got {reduction!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"`label_smoothing` must lie in [0, 1], got {label_smoothing}")
    logits, axis, rows = _rows(floating("logits", logits), axis, None)
    targets = integers("targets", targets)
    if targets.shape != rows.shape[:-1]:
        raise ValueError(
            f"`targets` must have the shape of logits without axis {axis}, {rows.shape[:-1]}, got {targets.shape}"
        )
    keep = np.ones(targets.shape, np.bool_) if ignore_index is None else targets != ignore_index
    if keep.any():
        ids_below("targets", np.where(keep, targets, 0), rows.shape[-1])
    return logits, axis, rows, keep, targets
