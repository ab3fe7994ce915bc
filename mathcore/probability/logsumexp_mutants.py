"""Mutants of log-softmax, log-sum-exp and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _exp, _log_softmax, _lse, _softmax, _sum, _top, _wide, on_rows
from mathcore.verify.claims import mutant, reported


@on_rows("log_softmax")
def log_of_softmax(x: Any) -> Any:
    """Takes the logarithm of the finished probabilities: −∞ wherever they underflow."""
    return np.log(_softmax(x))


@on_rows("log_softmax")
def log_of_softmax_and_epsilon(x: Any) -> Any:
    """Adds 1e-7 to the probabilities before the logarithm."""
    return np.log(_softmax(x) + x.dtype.type(1e-7))


@reported(
    "log_softmax.shift_invariant",
    """
    pytorch/pytorch #11752 (2018) closed
    pytorch/pytorch #38839 (2020) closed
    ml-explore/mlx PR#4169 (2026) fixed
    ml-explore/mlx PR#4188 (2026) fixed
    google-deepmind/optax PR#1792 (2026) open
    """,
    alias="normaliser_added_to_offset",
)
@on_rows("log_softmax")
def normaliser_first(x: Any) -> Any:
    """x − logsumexp(x): the normaliser is rounded at the size of a common offset."""
    return x - _lse(x)


@on_rows("log_softmax")
def one_drowns_the_rest(x: Any) -> Any:
    """ln(1 + s) in place of log1p(s): nothing is left of the runners-up when one score dominates."""
    return _log_softmax(x)


@on_rows("log_softmax")
def logs_unshifted(x: Any) -> Any:
    """Never subtracts the maximum."""
    return x - np.log(_sum(np.exp(x)))


@on_rows("log_softmax")
def logs_base_two(x: Any) -> Any:
    """Returns bits instead of nats."""
    return _log_softmax(x) / np.float32(np.log(2))


@on_rows("logsumexp")
def sum_overflows(x: Any) -> Any:
    """Never subtracts the maximum: ∞ from 88.72284 on in float32 (hb-pytorch 2020)."""
    return np.log(_sum(np.exp(x)))


@on_rows("logsumexp")
def maximum_not_added_back(x: Any) -> Any:
    """Subtracts the maximum and forgets to add it again."""
    return np.log(_sum(_exp(x)))


@on_rows("logsumexp")
def log_mean_exp(x: Any) -> Any:
    """Averages instead of adding: too low by ln n."""
    return _lse(x) - x.dtype.type(np.log(x.shape[-1]))


@on_rows("logsumexp")
def just_the_maximum(x: Any) -> Any:
    """Returns the highest score."""
    return _top(x)


@on_rows("logsumexp")
def lse_alone_far_out(x: Any) -> Any:
    """Returns the highest score where it is beyond 2²³, "for nothing can be added to that"."""
    return np.where(abs(_top(x)) > 2**23, _top(x), _lse(x))


@on_rows("logsumexp")
def small_terms_drowned(x: Any) -> Any:
    """ln(1 + s) in place of log1p(s)."""
    return _lse(x)


@on_rows("logsumexp")
def largest_term_twice(x: Any) -> Any:
    """log1p of the sum with the largest term still in it."""
    return _top(x) + np.log1p(_sum(_exp(x)))


@on_rows("logsumexp")
def lse_infinity_is_nan(x: Any) -> Any:
    """Subtracts an infinite maximum from itself."""
    top = np.where(np.isneginf(_top(x)), 0, _top(x)).astype(x.dtype)
    return top + np.log(_sum(np.exp(x - top)))


@mutant("log_softmax", wraps=True)
def nan_past_sixteen(correct: Any) -> Any:
    """Looks for NaN among the first sixteen scores only, and reads later ones as masked."""

    def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        rows = np.moveaxis(x, axis, -1)
        late = np.isnan(rows.astype(np.float64)) & (np.arange(rows.shape[-1]) >= 16)
        return correct(np.moveaxis(np.where(late, -np.inf, rows).astype(x.dtype), -1, axis), axis, where=where)

    return log_softmax


@mutant("log_softmax")
def logs_sixteen_bit_sum(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Accumulates 16-bit exponentials in their own dtype."""
    rows = np.moveaxis(_wide(x), axis, -1)
    total = np.add.accumulate(_exp(rows).astype(x.dtype), -1, dtype=x.dtype)[..., -1:]
    return np.moveaxis(rows - _top(rows) - np.log(_wide(total)), -1, axis).astype(x.dtype)


@mutant("logsumexp", wraps=True)
def lse_infinity_past_four(correct: Any) -> Any:
    """Returns NaN for +∞ in rows of more than four scores."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        y = correct(x, axis, keepdims=keepdims, where=where)
        return np.where(np.isposinf(y), np.nan, y).astype(y.dtype) if x.shape[axis] > 4 else y

    return logsumexp


@mutant("logsumexp")
def lse_sixteen_bit_sum(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
    """Accumulates 16-bit exponentials in their own dtype."""
    rows = np.moveaxis(_wide(x), axis, -1)
    total = np.add.accumulate(_exp(rows).astype(x.dtype), -1, dtype=x.dtype)[..., -1]
    y = (_top(rows)[..., 0] + np.log(_wide(total))).astype(x.dtype)
    return np.expand_dims(y, axis) if keepdims else y


@mutant("logsumexp", wraps=True)
def keepdims_ignored(correct: Any) -> Any:
    """Always drops the axis."""
    return lambda x, axis=-1, *, keepdims=False, where=None: correct(x, axis, where=where)


@mutant("logsumexp", wraps=True)
def keepdims_sees_all(correct: Any) -> Any:
    """Ignores the mask where the axis is kept."""

    def wrong(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(x, axis, keepdims=keepdims, where=None if keepdims else where)

    return wrong


@mutant("logsumexp", wraps=True)
def keepdims_last(correct: Any) -> Any:
    """Keeps an axis of length 1, but always the last."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        y = correct(x, axis, where=where)
        return y[..., None] if keepdims else y

    return logsumexp


@mutant("logsumexp_vjp", wraps=True)
def kept_cotangent_sees_all(correct: Any) -> Any:
    """Ignores the mask where the axis is kept."""

    def wrong(g: Any, x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(g, x, axis, keepdims=keepdims, where=None if keepdims else where)

    return wrong
