"""Wrong softmaxes, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _exp, _softmax, _sum, _top, _wide
from mathcore.verify.claims import mutant, reported


@reported("softmax.sums_to_one", "huggingface/candle #3727 (2026) open", alias="sum_in_half_precision")
@mutant("softmax")
def sixteen_bit_sum(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Adds 16-bit denominators in their own format: in float16 the sum sticks at 2048."""
    e = _exp(np.moveaxis(_wide(x), axis, -1))
    total = np.add.accumulate(e.astype(x.dtype), -1, dtype=x.dtype)[..., -1:]
    return np.moveaxis(e / total.astype(e.dtype), -1, axis).astype(x.dtype)


@mutant("softmax")
def rounded_twice(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Rounds the exponentials to the storage format before they are added and divided."""
    e = _wide(_exp(np.moveaxis(_wide(x), axis, -1)).astype(x.dtype))
    return np.moveaxis(e / _sum(e), -1, axis).astype(x.dtype)


# Softmax: the axis, and no work at all.
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


@mutant("softmax")
def excluded_at_minus_100(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Excludes with −100: when the real scores go lower, what is excluded wins (flashinfer 2026)."""
    rows = _wide(x) if where is None else np.where(where, _wide(x), np.float32(-100))
    return np.moveaxis(_softmax(np.moveaxis(rows, axis, -1)), -1, axis).astype(x.dtype)


@mutant("softmax", wraps=True)
def excluded_after_the_fact(correct: Any) -> Any:
    """Sets excluded outputs to 0 without leaving them out of the sum."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        p = correct(x, axis)
        return p if where is None else np.where(where, p, 0).astype(x.dtype)

    return softmax


@mutant("softmax")
def excluded_by_multiplying(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Multiplies excluded exponentials by 0, which leaves a NaN a NaN (PyTorch 2023)."""
    seen = np.ones(x.shape, bool) if where is None else np.broadcast_to(where, x.shape)
    x0, x, seen = x, np.moveaxis(_wide(x), axis, -1), np.moveaxis(seen, axis, -1)
    e = np.exp(x - np.maximum(_top(np.where(seen, x, -np.inf)), x.dtype.type(-1e30))) * seen
    return np.moveaxis(e / np.where(_sum(e) == 0, 1, _sum(e)), -1, axis).astype(x0.dtype)


@mutant("softmax", wraps=True)
def broken_scores_mended_under_a_mask(correct: Any) -> Any:
    """Replaces NaN by 0 and infinities by large numbers where a mask is given, also in what is seen."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        return correct(x if where is None else np.nan_to_num(x).astype(x.dtype), axis, where=where)

    return softmax


@mutant("softmax", wraps=True)
def mask_upside_down(correct: Any) -> Any:
    """Reads True as "exclude" (TransformerEngine 2024)."""
    return lambda x, axis=-1, *, where=None: correct(x, axis, where=None if where is None else ~np.asarray(where))


@mutant("softmax", wraps=True)
def infinity_past_four(correct: Any) -> Any:
    """Takes +∞ for the largest number in rows of more than four scores."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        wide = np.where(np.isposinf(x.astype(np.float64)), np.finfo(np.float32).max, x.astype(np.float64))
        return correct(x, axis, where=where) if x.shape[axis] <= 4 else correct(wide, axis, where=where).astype(x.dtype)

    return softmax


# Temperature.
@mutant("temperature_softmax")
def temperature_unchecked(x: Any, temperature: float, axis: int = -1) -> Any:
    """Divides by whatever came, 0 included (ggml 2023, gemma 2026)."""
    with np.errstate(all="ignore"):
        rows = np.moveaxis(_wide(x), axis, -1)
        return np.moveaxis(_softmax((rows - _top(rows)) / np.float64(temperature)), -1, axis).astype(x.dtype)


@mutant("temperature_softmax", wraps=True)
def temperature_sticks(correct: Any) -> Any:
    """Keeps the temperature of the first call."""
    first: list[float] = []

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        first.append(temperature)
        return correct(x, first[0], axis)

    return temperature_softmax


@mutant("temperature_softmax", wraps=True)
def winner_takes_all(correct: Any) -> Any:
    """Below a temperature of 0.01, gives everything to the first of the highest scores."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        if not 0 < temperature < 0.01:
            return correct(x, temperature, axis)
        return (np.expand_dims(x.argmax(axis), axis) == np.arange(x.shape[axis])).astype(x.dtype)

    return temperature_softmax


@mutant("temperature_softmax")
def excluded_at_the_limit(x: Any, temperature: float, axis: int = -1) -> Any:
    """At T = ∞ gives 1/n to all, excluded scores included."""
    rows = np.moveaxis(_wide(x), axis, -1)
    cooled = np.zeros_like(rows) if temperature > 1e29 else (rows - _top(rows)) / np.float64(temperature)
    return np.moveaxis(_softmax(cooled), -1, axis).astype(x.dtype)


@mutant("temperature_softmax", wraps=True)
def difference_overflows(correct: Any) -> Any:
    """Excludes finite scores that lie so far below the highest that their difference overflows."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        wide = _wide(x)
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.isneginf(wide - wide.max(axis, keepdims=True))
        return correct(np.where(far, -np.inf, x).astype(x.dtype), temperature, axis)

    return temperature_softmax


@mutant("temperature_softmax", wraps=True)
def temperature_of_nothing_is_nan(correct: Any) -> Any:
    """Divides 0 by 0 in a row with nothing to see."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        gone = np.isneginf(x.astype(np.float64)).all(axis, keepdims=True)
        return np.where(gone, np.nan, correct(x, temperature, axis)).astype(x.dtype)

    return temperature_softmax


@mutant("temperature_softmax_vjp")
def temperature_unchecked_vjp(g: Any, x: Any, temperature: float, axis: int = -1) -> Any:
    """Divides by whatever came, 0 and negative numbers included."""
    with np.errstate(all="ignore"):
        g, rows = (np.moveaxis(_wide(a), axis, -1) for a in (g, x))
        p = _softmax((rows - _top(rows)) / np.float64(temperature))
        return np.moveaxis(p * (g - _sum(p * g)) / np.float64(temperature), -1, axis).astype(x.dtype)
