"""Mutants of softmax at a temperature and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _softmax, _sum, _top, _wide, on_rows
from mathcore.verify.claims import mutant, reported


@reported(
    "softmax.temperature",
    """
    ggml-org/ggml #37 (2023)
    google-deepmind/gemma #562 (2026)
    karpathy/nanoGPT #738 (2026)
    """,
    alias="divided_by_temperature",
)
@mutant("temperature_softmax", wraps=True)
def divided_before_the_shift(correct: Any) -> Any:
    """Divides before it subtracts the maximum, so that a small temperature overflows to ∞ − ∞."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        return correct((x / temperature).astype(x.dtype), 1.0, axis) if temperature > 0 else correct(x, temperature)

    return temperature_softmax


@on_rows("temperature_softmax")
def temperature_multiplied(x: Any, temperature: float) -> Any:
    """Multiplies by the temperature: hotter is sharper."""
    return _softmax((x - _top(x)) * np.float64(temperature))


@on_rows("temperature_softmax")
def temperature_ignored(x: Any, temperature: float) -> Any:
    """Returns softmax at temperature 1."""
    return _softmax(x)


@on_rows("temperature_softmax")
def temperature_of_probabilities(x: Any, temperature: float) -> Any:
    """Divides the probabilities by T and normalises again, which changes nothing."""
    p = _softmax(x) / np.float64(temperature)
    return p / _sum(p)


@on_rows("temperature_softmax")
def temperature_floor(x: Any, temperature: float) -> Any:
    """Raises every temperature to at least 0.01, so that T → 0 stops short of the one-hot."""
    return _softmax((x - _top(x)) / np.float64(max(temperature, 0.01)))


@on_rows("temperature_softmax_vjp")
def temperature_underflows(g: Any, x: Any, temperature: float) -> Any:
    """Divides by T in the dtype of the scores, where a tiny T is 0: 0/0."""
    p = _softmax((x - _top(x)) / np.float64(temperature))
    return p * (g - _sum(p * g)) / x.dtype.type(temperature)


@mutant("temperature_softmax")
def temperature_unchecked(x: Any, temperature: float, axis: int = -1) -> Any:
    """Divides by any temperature, 0 included (ggml 2023, gemma 2026)."""
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
    """At T = ∞ gives 1/n to all, masked scores included."""
    rows = np.moveaxis(_wide(x), axis, -1)
    cooled = np.zeros_like(rows) if temperature > 1e29 else (rows - _top(rows)) / np.float64(temperature)
    return np.moveaxis(_softmax(cooled), -1, axis).astype(x.dtype)


@mutant("temperature_softmax", wraps=True)
def difference_overflows(correct: Any) -> Any:
    """Masks finite scores so far below the maximum that the difference overflows."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        wide = _wide(x)
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.isneginf(wide - wide.max(axis, keepdims=True))
        return correct(np.where(far, -np.inf, x).astype(x.dtype), temperature, axis)

    return temperature_softmax


@mutant("temperature_softmax", wraps=True)
def temperature_of_nothing_is_nan(correct: Any) -> Any:
    """Divides 0 by 0 in a fully masked row."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        gone = np.isneginf(x.astype(np.float64)).all(axis, keepdims=True)
        return np.where(gone, np.nan, correct(x, temperature, axis)).astype(x.dtype)

    return temperature_softmax


@mutant("temperature_softmax_vjp")
def temperature_unchecked_vjp(g: Any, x: Any, temperature: float, axis: int = -1) -> Any:
    """Divides by any temperature, 0 and negative ones included."""
    with np.errstate(all="ignore"):
        g, rows = (np.moveaxis(_wide(a), axis, -1) for a in (g, x))
        p = _softmax((rows - _top(rows)) / np.float64(temperature))
        return np.moveaxis(p * (g - _sum(p * g)) / np.float64(temperature), -1, axis).astype(x.dtype)
