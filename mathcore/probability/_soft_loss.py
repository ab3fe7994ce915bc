"""Cross-entropy with weights of the classes, or with probabilities as targets: Σ_j a_j (−ln p_j) for each row.

The coefficients are a_j = w_j ((1 − ε) q_j + ε / n), q one-hot or given. Without either, `cross_entropy` needs no array
of them, and is told apart there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating, ids_below, integers, working
from mathcore._arrivals import is_floating, read
from mathcore._compute.blocks import thread_scratch
from mathcore._compute.reduce import row_sum
from mathcore._scalars import whole
from mathcore.probability._rows import _finite_shift, _max_and_rest, _to_rows


class _Soft(NamedTuple):
    """Logits and what their rows are compared with.

    Attributes:
        logits, axis, rows: as `_to_rows` returns them.
        coefficients: a, (..., n), in the compute dtype; zeros in rows that do not count.
        keep: which rows count.
        divisor: what a mean is divided by: the weights of the targets added up, or the number of rows.
    """

    logits: Array
    axis: Any
    rows: Array
    coefficients: Array
    keep: Array
    divisor: float


def _is_soft(logits: npt.ArrayLike, targets: npt.ArrayLike, weight: npt.ArrayLike | None) -> bool:
    """Whether there are weights, or the targets are probabilities: floats with as many axes as the logits."""
    return weight is not None or _are_probabilities(logits, read("targets", targets))


def _are_probabilities(logits: npt.ArrayLike, targets: Array) -> bool:
    return is_floating(targets.dtype) and targets.ndim == floating("logits", logits).ndim


def _soft(
    logits: npt.ArrayLike,
    targets: npt.ArrayLike,
    axis: int,
    weight: npt.ArrayLike | None,
    ignore_index: int | None,
    smoothing: float,
) -> _Soft:
    """All of it, checked."""
    x = floating("logits", logits)
    x, counted, rows = _to_rows(x, axis_index("logits", x, axis), None)
    n, dtype = rows.shape[-1], working(rows[:0]).dtype
    w = np.ones(n, dtype) if weight is None else _class_weights(weight, n).astype(dtype)
    if _are_probabilities(x, read("targets", targets)):
        if ignore_index is not None:
            raise ValueError("`ignore_index` is for targets that are classes, got probabilities")
        q = np.moveaxis(_probabilities(targets, x), counted, -1).astype(dtype)
        _check_classes("logits", rows)
        keep, divisor = np.ones(rows.shape[:-1], np.bool_), float(q[..., 0].size)
    else:
        keep, ids = _classes("logits", rows, counted, targets, ignore_index)
        q = (np.arange(n) == ids[..., None]).astype(dtype) * keep[..., None]
        divisor = float(w[ids[keep]].sum(dtype=np.float64))
    a = w * ((1 - smoothing) * q + smoothing / max(n, 1) * keep[..., None]).astype(dtype)
    return _Soft(x, counted, rows, a, keep, divisor if divisor > 0 else 1.0)


def _classes(
    name: str, rows: Array, axis: Any, targets: npt.ArrayLike, ignore_index: int | None
) -> tuple[Array, Array]:
    """(which rows count, their targets: integers in [0, n), 0 in rows that do not count).

    Args:
        name: of the argument whose rows these are.
        rows: (..., n).
        axis: where the classes were, for messages.
        targets, ignore_index: as given.

    Raises:
        TypeError, IndexError, ValueError: as `cross_entropy` says.
    """
    ignored = None if ignore_index is None else whole("ignore_index", ignore_index)
    ids = integers("targets", targets)
    if ids.shape != rows.shape[:-1]:
        raise ValueError(
            f"`targets` must have the shape of {name} without axis {axis}, {rows.shape[:-1]}, got {ids.shape}"
        )
    keep = np.ones(ids.shape, np.bool_) if ignored is None else ids != ignored
    if keep.any():
        return keep, ids_below("targets", ids if ignored is None else np.where(keep, ids, 0), rows.shape[-1])
    _check_classes(name, rows)
    return keep, np.zeros(ids.shape, np.intp)


def _check_classes(name: str, rows: Array) -> None:
    if not rows.shape[-1] and math.prod(rows.shape[:-1]):
        raise ValueError(f"`{name}` must hold at least one class, got rows of shape {rows.shape}")


def _class_weights(weight: npt.ArrayLike, n: int) -> Array:
    w = floating("weight", weight)
    if w.shape != (n,):
        raise ValueError(f"`weight` must hold one number for each of the {n} classes, got shape {w.shape}")
    if w.dtype == object or not ((w >= 0) & (w < np.inf)).all():
        raise ValueError("`weight` must hold finite floats ≥ 0")
    return w


def _probabilities(targets: npt.ArrayLike, logits: Array) -> Array:
    q = floating("targets", targets)
    if q.shape != logits.shape:
        raise ValueError(
            f"`targets` that are probabilities must have the shape of logits {logits.shape}, got {q.shape}"
        )
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError("`targets` that are probabilities must lie in [0, 1]")
    return q


def _soft_losses(x: Array, a: Array, counts: Array, out: Array) -> None:
    """The loss of each row into `out`, (..., 1)."""
    _, surprise = _surprises(x)
    out[...] = np.where(counts, row_sum(np.where(a == 0, 0, a * surprise)), 0)


def _soft_grad(x: Array, a: Array, counts: Array, scale: Array, out: Array) -> Array:
    """scale · (p Σa − a) into `out`; returns the losses.

    Where one class has all of Σa, p − 1 is taken from ln p, so that it keeps its digits as p approaches 1.
    """
    p, surprise = _surprises(x)
    total = row_sum(a)
    error = np.where(a == total, a * np.expm1(-surprise), total * p - a)
    out[...] = np.where(counts, scale * error, 0)
    return np.where(counts, row_sum(np.where(a == 0, 0, a * surprise)), 0)


def _surprises(x: Array) -> tuple[Array, Array]:
    """p and −ln p of each class; NaN in rows with NaN or +∞."""
    m, s, k = _max_and_rest(x, e := thread_scratch(x))
    surprise = (_finite_shift(m) - x) + np.log1p(s)
    np.put_along_axis(e, k, np.where(m == -np.inf, 0, 1).astype(x.dtype), -1)
    infinite = m == np.inf
    return np.where(infinite, np.nan, e / (1 + s)), np.where(infinite, np.nan, surprise)
