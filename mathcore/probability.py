"""Probability: scores into distributions, and the loss that teaches them.

A score of −∞ is excluded; a row with nothing to see gives zeros (−∞ for its logarithm). What `where` excludes never
reaches the result, NaN and ∞ included. A +∞ or NaN that is seen makes its row NaN. Sums run along a contiguous last
axis, where NumPy adds pairwise.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, booleans, floating, ids_below, integers, rounded, working

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def softmax(x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None) -> Array:
    r"""Turn scores into a probability distribution.

    $$p_i = \frac{e^{x_i - m}}{\sum_j e^{x_j - m}}, \qquad m = \max_j x_j$$

    Args:
        x: (..., n, ...), floats; −∞ excludes a score.
        axis: the axis of length n.
        where: bools that broadcast to the shape of x; False excludes a score.

    Returns:
        The shape and dtype of x. Rows with nothing to see are zeros, rows that see +∞ or NaN are NaN. float16 and
        bfloat16 are computed in float32 and rounded once.

    Raises:
        TypeError: if x is not floating or `where` is not bool.
        ValueError: if there is no such axis, or `where` does not broadcast to x.

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _rows(x, axis, where)
    return _restored(_softmax(rows), x, axis)


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
    """
    x, axis, rows = _rows(x, axis, where)
    g = _seen_cotangent(cotangent, x, axis, rows)
    p = _softmax(rows)
    with _quiet():
        mean = (p * g).sum(axis=-1, keepdims=True)  # (..., 1)
        return _restored(_where_seen(rows, p * (g - mean)), x, axis)


def log_softmax(x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None) -> Array:
    r"""The logarithm of `softmax`, without computing it first.

    $$\ln p_i = (x_i - m) - \operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    A common offset of the scores costs no digits, and neither does one score that dominates.

    Args:
        x, axis, where: as for `softmax`.

    Returns:
        The shape and dtype of x; −∞ at excluded scores and in rows with nothing to see.

    Raises:
        TypeError, ValueError: as `softmax`.
    """
    x, axis, rows = _rows(x, axis, where)
    return _restored(_log_softmax(rows), x, axis)


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
    """
    x, axis, rows = _rows(x, axis, where)
    g = _seen_cotangent(cotangent, x, axis, rows)
    with _quiet():
        return _restored(_where_seen(rows, g - _softmax(rows) * g.sum(axis=-1, keepdims=True)), x, axis)


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

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _rows(x, axis, where)
    y = _restored(_logsumexp(rows), x, axis)  # (..., 1, ...)
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
    """
    x, axis, rows = _rows(x, axis, where)
    g = floating("cotangent", cotangent)
    kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    expected = kept if keepdims else x.shape[:axis] + x.shape[axis + 1 :]
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the result {expected}, got {g.shape}")
    g = np.moveaxis(working(g).reshape(kept), axis, -1)  # (..., 1)
    with _quiet():
        return _restored(_where_seen(rows, g * _softmax(rows)), x, axis)


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
    """
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    if x.shape[axis] == 0:
        raise ValueError(f"`x` of shape {x.shape} has no scores along axis {axis}: nothing can win")
    return np.asarray(np.argmax(x, axis=axis))


def temperature_softmax(x: npt.ArrayLike, temperature: float, axis: int = -1) -> Array:
    r"""The distribution that sampling with a temperature draws from.

    $$p_i = \frac{e^{(x_i - m)/T}}{\sum_j e^{(x_j - m)/T}}, \qquad m = \max_j x_j$$

    T → 0 tends to a one-hot of the winner, T = 1 is softmax, T = ∞ is uniform over the scores above −∞. The shift comes
    before the division, so that no temperature overflows.

    Args:
        x: (..., n, ...), floats; −∞ excludes a score.
        temperature: T > 0, ∞ included.
        axis: the axis of length n.

    Returns:
        The shape and dtype of x.

    Raises:
        TypeError: if x is not floating.
        ValueError: if T is not a positive number, or there is no such axis.
    """
    x, axis, rows = _rows(x, axis, None)
    return _restored(_softmax(_cooled(rows, temperature)), x, axis)


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
    """
    x, axis, rows = _rows(x, axis, None)
    g = _seen_cotangent(cotangent, x, axis, rows)
    p = _softmax(_cooled(rows, temperature))
    with _quiet():
        mean = (p * g).sum(axis=-1, keepdims=True)  # (..., 1)
        return _restored(_where_seen(rows, _divided(p * (g - mean), temperature)), x, axis)


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
    """
    logits, axis, rows, keep, targets = _classified(logits, targets, axis, ignore_index, label_smoothing, reduction)
    log_p = _log_softmax(rows[keep])  # (kept, n)
    chosen = np.take_along_axis(log_p, targets[keep][:, None], axis=-1)[:, 0]  # (kept,)
    with _quiet():
        losses = -chosen if label_smoothing == 0 else -_smoothed(chosen, log_p, label_smoothing)
        if reduction == "none":
            result = np.full(keep.shape, _zero(rows), dtype=losses.dtype)
            result[keep] = losses
        else:
            total = losses.sum() / max(len(losses), 1) if reduction == "mean" else losses.sum()
            result = np.asarray(total, dtype=losses.dtype)
        return rounded(result, like=logits)


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
        The shape and dtype of logits; finite for finite logits, exactly zero at ignored rows.

    Raises:
        TypeError, IndexError, ValueError: as `cross_entropy`, and for a cotangent of another shape.
    """
    logits, axis, rows, keep, targets = _classified(logits, targets, axis, ignore_index, label_smoothing, reduction)
    g = floating("cotangent", cotangent)
    expected = keep.shape if reduction == "none" else ()
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the loss {expected}, got {g.shape}")
    scale = np.broadcast_to(working(g), keep.shape)[keep][:, None]  # (kept, 1)
    if reduction == "mean":
        scale = scale / max(len(scale), 1)
    seen, at_target = rows[keep], targets[keep][:, None]  # (kept, n), (kept, 1)
    slope = _softmax(seen)
    if label_smoothing:
        own = np.take_along_axis(slope, at_target, axis=-1) - (1 - label_smoothing)  # (kept, 1)
    else:
        own = np.expm1(np.take_along_axis(_log_softmax(seen), at_target, axis=-1))
    np.put_along_axis(slope, at_target, own, axis=-1)
    if label_smoothing:
        slope = slope - label_smoothing / slope.shape[-1]
    result = np.full(rows.shape, _zero(rows), dtype=slope.dtype)
    with _quiet():
        result[keep] = scale * slope
    return _restored(result, logits, axis)


# The formulas, on rows: a contiguous last axis in the precision of the arithmetic.


def _softmax(rows: Array) -> Array:
    e, _, _ = _exponentials(rows)
    total = e.sum(axis=-1, keepdims=True)  # (..., 1)
    with _quiet():
        return e / np.where(total == 0, 1, total).astype(e.dtype, copy=False)  # only a dead row sums to 0


def _log_softmax(rows: Array) -> Array:
    e, shifted, m = _exponentials(rows)
    with _quiet():
        log_p = shifted - np.log1p(_sum_of_others(e, rows))
        return log_p if rows.dtype == object else np.where(m == np.inf, rows.dtype.type(np.nan), log_p)


def _logsumexp(rows: Array) -> Array:
    e, _, m = _exponentials(rows)
    with _quiet():
        y = m + np.log1p(_sum_of_others(e, rows))
        return y if rows.dtype == object else np.where(np.isinf(m), m, y)


def _exponentials(rows: Array) -> tuple[Array, Array, Array]:
    """(e^(x − m), x − m, m), the maximum m of each row with its axis kept; −∞ for an empty row."""
    if rows.shape[-1] == 0:
        return rows, rows, np.full((*rows.shape[:-1], 1), -np.inf, dtype=rows.dtype)
    m = rows.max(axis=-1, keepdims=True)  # (..., 1)
    with _quiet():
        shifted = rows - np.where(m == -np.inf, 0, m).astype(rows.dtype, copy=False)
        return np.exp(shifted), shifted, m


def _sum_of_others(e: Array, rows: Array) -> Array:
    """Σ e over all but the first highest score, which is 1 exactly and would drown small digits."""
    if rows.shape[-1] == 0:
        return e.sum(axis=-1, keepdims=True)
    others = e.copy()
    np.put_along_axis(others, rows.argmax(axis=-1, keepdims=True), _zero(rows), axis=-1)
    return others.sum(axis=-1, keepdims=True)  # (..., 1)


def _cooled(rows: Array, temperature: float) -> Array:
    """(x − m) / T, with −∞ still excluded at T = ∞."""
    if not temperature > 0:
        raise ValueError(
            f"`temperature` must be a number > 0, got {temperature!r}; the limit T → 0 is the one-hot of `argmax`"
        )
    _, shifted, _ = _exponentials(rows)
    cooled = _divided(shifted, temperature)
    return cooled if rows.dtype == object else np.where(np.isneginf(shifted), shifted, cooled)


def _divided(rows: Array, temperature: float) -> Array:
    """Rows / T, in float64: a T below the smallest float32 must not become 0."""
    if rows.dtype == object:
        return rows / temperature
    with _quiet():
        return (rows.astype(np.float64) / float(temperature)).astype(rows.dtype)


def _smoothed(chosen: Array, log_p: Array, smoothing: float) -> Array:
    """(1 − ε) ln p_y + ε mean ln p, where a term of weight 0 counts for nothing even if it is infinite."""
    mean = log_p.sum(axis=-1) / log_p.shape[-1]  # (kept,)
    return mean if smoothing == 1 else (1 - smoothing) * chosen + smoothing * mean


# From the caller's array to rows, and back.


def _rows(x: npt.ArrayLike, axis: int, where: npt.ArrayLike | None) -> tuple[Array, int, Array]:
    """(x, axis counted from the front, rows): `axis` last and contiguous, what `where` excludes at −∞."""
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    rows = working(x)
    if where is not None:
        keep = booleans("where", where)
        try:
            keep = np.broadcast_to(keep, x.shape)
        except ValueError:
            raise ValueError(f"`where` must broadcast to the shape of x {x.shape}, got {keep.shape}") from None
        rows = np.where(keep, rows, -math.inf).astype(rows.dtype, copy=False)
    return x, axis, np.ascontiguousarray(np.moveaxis(rows, axis, -1))


def _restored(rows: Array, x: Array, axis: int) -> Array:
    """Rows as the caller's array: the last axis back in its place, rounded to the dtype of x."""
    with _quiet():
        return rounded(np.moveaxis(rows, -1, axis), like=x)


def _quiet() -> np.errstate:
    """∞ − ∞ and differences beyond the largest float have defined results: no warning leaves this module."""
    return np.errstate(over="ignore", invalid="ignore")


def _seen(rows: Array) -> Array:
    return np.asarray(rows != -np.inf, dtype=np.bool_)


def _where_seen(rows: Array, pulled: Array) -> Array:
    """The cotangents of scores that are seen; exact zeros at the others, even if NaN is pulled through the row."""
    return np.where(_seen(rows), pulled, _zero(rows))


def _zero(rows: Array) -> Any:
    return 0 if rows.dtype == object else rows.dtype.type(0)


def _seen_cotangent(cotangent: npt.ArrayLike, x: Array, axis: int, rows: Array) -> Array:
    """The cotangent as rows, with zeros at excluded scores."""
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    g = np.ascontiguousarray(np.moveaxis(working(g), axis, -1))
    return np.where(_seen(rows), g, _zero(g))


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
