"""Mutants of softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _exp, _lse, _softmax, _sum, _top, _wide, on_rows
from mathcore.verify.claims import mutant, reported


@reported(
    "softmax.shift_invariant",
    """
    pytorch/pytorch PR#62897 (2021) acknowledged
    dotnet/machinelearning #3648 (2019)
    tenstorrent/tt-metal #12661 (2024)
    dwavesystems/dwave-optimization #555 (2026)
    """,
    alias="maximum_not_subtracted",
)
@on_rows("softmax")
def no_shift(x: Any) -> Any:
    """Never subtracts the maximum: overflows at 89 in float32; in one library on the vectorised path alone."""
    return np.exp(x) / _sum(np.exp(x))


@on_rows("softmax")
def shift_by_largest_magnitude(x: Any) -> Any:
    """Subtracts the largest |x| instead of the largest x: all is lost far below zero."""
    e = np.exp(x - _top(np.where(np.isfinite(x), abs(x), 0)))
    return e / _sum(e)


@on_rows("softmax")
def hidden_tile_lifts_the_maximum(x: Any) -> Any:
    """Takes 0 for the maximum of a fully masked first tile of eight, and keeps it (flash-attention 2025)."""
    top = np.where(np.isneginf(_top(x[..., :8])) & (x.shape[-1] > 8), np.maximum(_top(x), 0), _top(x))
    e = np.exp(x - np.where(np.isneginf(top), 0, top).astype(x.dtype))
    return e / np.where(_sum(e) == 0, 1, _sum(e)).astype(x.dtype)


@reported(
    "softmax.shift_invariant",
    "Dao-AILab/flash-attention #2082 (2025) fixed by PR 2174 in 2026",
    alias="running_maximum_starts_at_zero",
)
@on_rows("softmax")
def maximum_starts_at_zero(x: Any) -> Any:
    """An online softmax whose running maximum starts at 0: rows far below zero vanish."""
    e = np.exp(x - np.maximum(_top(x), 0))
    return np.where(_sum(e) > 0, e / _sum(e), 0)


@on_rows("softmax")
def first_is_the_maximum(x: Any) -> Any:
    """Subtracts the first score instead of the highest."""
    e = np.exp(x - x[..., :1])
    return e / _sum(e)


@on_rows("softmax")
def exponent_clipped(x: Any) -> Any:
    """Clips the exponents at −30, so that no probability is ever small."""
    e = np.exp(np.maximum(x - _top(x), -30))
    return e / _sum(e)


@on_rows("softmax")
def base_two(x: Any) -> Any:
    """Raises 2 to the scores, without the factor log₂ e."""
    e = np.exp2(x - _top(x))
    return e / _sum(e)


@on_rows("softmax")
def slightly_warm(x: Any) -> Any:
    """Divides the scores by 1.001 first."""
    return _softmax((x - _top(x)) / np.float32(1.001))


@on_rows("softmax")
def sign_flipped(x: Any) -> Any:
    """Softmin: the lowest score gets the highest probability."""
    return _softmax(np.where(np.isfinite(x), -x, -np.inf))


@on_rows("softmax")
def tail_not_summed(x: Any) -> Any:
    """Sums whole groups of four only, so the last n mod 4 terms are missing from the denominator."""
    e, n = _exp(x), x.shape[-1]
    return e / _sum(e[..., : n - n % 4 if n > 4 else n])


@reported(
    "softmax.sums_to_one",
    """
    pytorch/pytorch #143644 (2024) fixed
    pytorch/pytorch #147284 (2025) open
    """,
    alias="ragged_tail_not_summed",
)
@on_rows("softmax")
def odd_widths_wrong(x: Any) -> Any:
    """Drops the last warp's share at odd widths from 513 to 1023, with two or more rows."""
    e, n = _exp(x), x.shape[-1]
    bad = 513 <= n <= 1023 and n % 2 == 1 and n % 32 != 31 and e.size > n
    return e / _sum(e[..., : n - 32 if bad else n])


@on_rows("softmax")
def epsilon_in_denominator(x: Any) -> Any:
    """Adds 1e-6 to the denominator "for stability"."""
    return _exp(x) / (_sum(_exp(x)) + x.dtype.type(1e-6))


@on_rows("softmax")
def last_not_summed(x: Any) -> Any:
    """A loop bound off by one: the last term never enters the sum."""
    e = _exp(x)
    return e / np.maximum(_sum(e[..., :-1]), x.dtype.type(1e-30))


@on_rows("softmax")
def divided_by_the_maximum(x: Any) -> Any:
    """Divides by the largest exponential instead of the sum."""
    return _exp(x)


@on_rows("softmax")
def division_free(x: Any) -> Any:
    """exp(x − logsumexp): the normaliser is rounded at the size of the scores, so an offset costs digits."""
    return np.exp(x - _lse(x))


@on_rows("softmax")
def uniform(x: Any) -> Any:
    """Returns 1/n everywhere."""
    return np.full_like(x, 1 / max(x.shape[-1], 1))


@on_rows("softmax")
def sorted_outputs(x: Any) -> Any:
    """Returns the right numbers in ascending order."""
    return np.sort(_softmax(x), -1)


@on_rows("softmax")
def broken_scores_mended(x: Any) -> Any:
    """Replaces NaN by 0 and infinities by large numbers, so that invalid scores look valid."""
    return _softmax(np.nan_to_num(x))


@reported("softmax.sums_to_one", "huggingface/candle #3727 (2026) open", alias="sum_in_half_precision")
@mutant("softmax")
def sixteen_bit_sum(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Accumulates 16-bit denominators in their own dtype: in float16 the sum stalls at 2048."""
    e = _exp(np.moveaxis(_wide(x), axis, -1))
    total = np.add.accumulate(e.astype(x.dtype), -1, dtype=x.dtype)[..., -1:]
    return np.moveaxis(e / total.astype(e.dtype), -1, axis).astype(x.dtype)


@mutant("softmax")
def rounded_twice(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Rounds the exponentials to the storage dtype before they are summed and divided."""
    e = _wide(_exp(np.moveaxis(_wide(x), axis, -1)).astype(x.dtype))
    return np.moveaxis(e / _sum(e), -1, axis).astype(x.dtype)


@reported(
    "softmax.any_axis",
    """
    triton-lang/triton PR#11409 (2026) fixed
    FudanNLP/fastNLP #254 (2019)
    """,
    alias="reduced_axis_dropped",
)
@mutant("softmax")
def axis_dropped(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Reductions lose the axis, so on a square input they broadcast along the wrong one."""
    wide = _wide(x)
    square = x.ndim > 1 and len(set(x.shape)) == 1
    e = np.exp(wide - wide.max(axis, keepdims=not square))
    return (e / e.sum(axis, keepdims=not square)).astype(x.dtype)


@reported("softmax.sums_to_one", "ScalingIntelligence/KernelBench #165 (2026) open", alias="zeros_returned")
@mutant("softmax")
def zeros(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Returns zeros: within 0.01 of the truth when there are thousands of scores."""
    return np.zeros_like(x)


@mutant("softmax", wraps=True)
def infinity_past_four(correct: Any) -> Any:
    """Takes +∞ for the largest number in rows of more than four scores."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        wide = np.where(np.isposinf(x.astype(np.float64)), np.finfo(np.float32).max, x.astype(np.float64))
        return correct(x, axis, where=where) if x.shape[axis] <= 4 else correct(wide, axis, where=where).astype(x.dtype)

    return softmax
