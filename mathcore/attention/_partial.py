"""Attention over some of the keys, and how two such partial results merge."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mathcore._arrays import Array, able, lowest, quiet
from mathcore._compute.matmul import matmul_tiled
from mathcore._compute.reduce import apply_columnwise, row_max
from mathcore.attention._args import _AttentionArgs, _grouped

_FEW = 2**13  # elements: up to here, fewer calls are worth more than fewer bytes


class _Partial(NamedTuple):
    """Attention over some of the keys, before the division: Σ e^(s − top)·value, Σ e^(s − top), top = max s."""

    values: Array  # (..., queries, value width)
    total: Array  # (..., queries, 1), 0 in a fully masked row
    top: Array  # (..., queries, 1), −∞ in a fully masked row
    normalised: Array | None = None  # (..., queries, 1), the rows whose sum overflows: values are divided; None: none


class _ValueTraits(NamedTuple):
    """What is known of the values."""

    finite: bool  # no NaN, no ∞, and no −0.0 either: a matrix product may take the values as they are
    no_overflow: bool  # it is known that no sum of them overflows


def _traits(v: Array) -> _ValueTraits:
    """The traits of these values. Overflow must not warn or raise where this is called."""
    if v.dtype == object:
        return _ValueTraits(True, True)
    if v.size <= _FEW and math.isfinite(np.dot(few := v.ravel(), few)):
        finite = no_overflow = True  # none is above the root of the largest number
    else:
        most = float(max(np.maximum.reduce(v, axis=None, initial=0), -np.minimum.reduce(v, axis=None, initial=0)))
        finite, no_overflow = most < math.inf, most * v.shape[-2] < float(-lowest(v.dtype)) / 2  # NaN if there is one
    return _ValueTraits(bool(finite and (v.all() or not np.signbit(v[v == 0]).any())), no_overflow)


def _unnormalised(args: _AttentionArgs, traits: _ValueTraits) -> _Partial:
    """Attention of one tile, before the division."""
    scores, v = args.scores(), args.value
    shape, top = scores.shape, row_max(scores)
    exponentials = _exp_below(scores, top, out=scores)
    total = np.add.reduce(exponentials, axis=-1, keepdims=True)
    finite, normalised = v if traits.finite else _finite_or_zero(v), None
    values = matmul_tiled(_grouped(exponentials, args.key_heads), finite)
    if values.shape[:-1] != shape[:-1]:
        values = values.reshape(*shape[:-1], v.shape[-1])
    if not traits.no_overflow and _overflows(values):
        weights = _grouped(exponentials / _at_least_one(total), args.key_heads)
        halves = matmul_tiled(weights, finite / 2).reshape(values.shape)
        values, normalised = _rows_normalised(values, ~np.isfinite(values), _doubled(halves))
    if shape[-1] and not traits.finite:
        seen = args.visible()
        values = _restore_nonfinite(values, np.broadcast_to(True if seen is None else seen, shape), v)
    return _Partial(values, total, top, normalised)


def _with_sinks(partial: _Partial, sinks: Array) -> _Partial:
    """The same with the sink of its head: one more part, with a single score and the value 0."""
    top = np.broadcast_to(sinks, partial.top.shape)
    total = np.where(np.asarray(top != -np.inf, dtype=bool), 1, 0).astype(partial.total.dtype)
    return _merge(partial, _Partial(np.zeros_like(partial.values), total, top))


def _merge(a: _Partial, b: _Partial) -> _Partial:
    """Attention over two disjoint sets of keys."""
    top = np.maximum(a.top, b.top)
    with quiet():  # ∞ − ∞ is NaN, as it must be
        weight_a, weight_b = _exp_below(a.top, top), _exp_below(b.top, top)
        values = _weighted(weight_a, a.values) + _weighted(weight_b, b.values)
        total = weight_a * a.total + weight_b * b.total
        normalised = None
        if a.normalised is not None or b.normalised is not None or _overflows(values):
            halves = _weighted(weight_a * a.total / total, _output(a) / 2)
            halves = halves + _weighted(weight_b * b.total / total, _output(b) / 2)
            overflows = ~np.isfinite(values) & np.isfinite(a.values) & np.isfinite(b.values)
            for side in (a, b):
                overflows = overflows if side.normalised is None else overflows | side.normalised
            values, normalised = _rows_normalised(values, overflows, _doubled(halves))
    masked_a, masked_b = a.total == 0, b.total == 0
    if np.any(masked_a) or np.any(masked_b):  # the other side as it is: a sum with 0 would lose its −0.0
        values = np.where(masked_a, b.values, np.where(masked_b, a.values, values))
    return _Partial(values, total, top, normalised)


def _output(partial: _Partial, out: Array | None = None) -> Array:
    """The output: zeros in fully masked rows. `out` may be the values themselves."""
    total = _at_least_one(partial.total)
    divisor = total if partial.normalised is None else np.where(partial.normalised, 1, total)
    return np.divide(partial.values, divisor, out=out)


def _log_sum_exp(partial: _Partial) -> Array:
    """The log-sum-exp of each row, (..., queries): −∞ if it is fully masked."""
    alive = np.asarray(partial.total != 0, dtype=bool)
    log = np.log(partial.total, where=alive, out=np.zeros_like(partial.total))
    return (partial.top + log)[..., 0]


def _overflows(x: Array) -> bool:
    """Whether any of these sums may have overflowed."""
    return x.dtype != object and not np.isfinite(x).all()


def _doubled(halves: Array) -> Array:
    """Twice a mean of halves, which rounding alone could carry beyond the largest number."""
    most = np.finfo(halves.dtype).max / 2
    return np.where(np.isinf(halves), halves, np.clip(halves, -most, most)) * 2


def _rows_normalised(values: Array, overflows: Array, quotients: Array) -> tuple[Array, Array]:
    """`quotients` in the rows where anything overflows, and which rows these are."""
    rows = np.any(overflows, axis=-1, keepdims=True)
    return np.where(rows, quotients, values), rows


def _weighted(weight: Array, x: Array) -> Array:
    """`weight` · x; ∞ and NaN as they are, however small the weight, even where it underflowed."""
    if x.dtype == object or np.isfinite(x).all():
        return weight * x
    return np.where(np.isfinite(x) | np.isnan(weight), weight * x, x)


def _exp_below(x: Array, top: Array, out: Array | None = None) -> Array:
    """e^(x − top) for x ≤ top; 0 where x = −∞, also if that is the top itself."""
    if x.dtype == object:  # a float −∞ among other objects has no exp, and some have no difference from it
        there = np.asarray(x != -np.inf, dtype=bool)
        gaps = np.subtract(x, top, where=there, out=np.zeros(x.shape, dtype=object))
        able(gaps[there], "exp")
        return np.exp(gaps, where=there, out=np.zeros(x.shape, dtype=object))
    out = np.empty(x.shape, x.dtype) if out is None else out
    return np.exp(apply_columnwise(np.subtract, x, np.maximum(top, lowest(top.dtype)), out), out=out)


def _at_least_one(total: Array) -> Array:
    """The sum of the exponentials below their top, e⁰ being one of them; 1 where there is none."""
    if total.dtype == object:
        return np.where(np.asarray(total == 0, dtype=bool), 1, total)
    return np.maximum(total, 1)


def _finite_or_zero(x: Array) -> Array:
    """`x` with 0 in place of NaN and ∞, which a product with the weight 0 would spread."""
    if x.dtype == object or np.isfinite(x).all():
        return x
    return np.where(np.isfinite(x), x, np.zeros((), dtype=x.dtype))


def _restore_nonfinite(values: Array, visible: Array, v: Array) -> Array:
    """Restore what the product of weights and `v` (..., key heads, keys, width) lost: NaN, ∞, a lone −0.0."""
    if v.ndim > 2:
        v = np.repeat(v, values.shape[-3] // v.shape[-3], axis=-3)  # (..., heads, keys, width)
    extra = _nonfinite_contribution(visible, v)
    with quiet():
        values = np.where(extra == 0, values, values + extra)  # keeps −0.0
    alone = visible.sum(axis=-1, keepdims=True) == 1
    return np.where(alone, np.take_along_axis(v, visible.argmax(axis=-1)[..., None], axis=-2), values)


def _nonfinite_contribution(visible: Array, v: Array) -> Array:
    """What NaN and ∞ among the visible rows of `v` add to a sum with positive weights: ±∞, NaN, or 0."""

    def meets(which: Array) -> Array:
        return np.matmul(visible.astype(v.dtype), which.astype(v.dtype)) > 0

    with quiet():  # ∞ − ∞ is NaN, as it must be
        infinite = np.where(meets(v == np.inf), np.inf, 0) - np.where(meets(v == -np.inf), np.inf, 0)
    return (infinite + np.where(meets(np.isnan(v)), np.nan, 0)).astype(v.dtype)


def _zero_masked(visible: Array | None, x: Array) -> Array:
    """`x`, exactly 0 where masked."""
    return x if visible is None else np.where(visible, x, np.zeros((), dtype=x.dtype))
