"""Wrong codes of positions, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant, reported
from mathcore.verify.common_mutants import Operation


def short_significand(m: Any, bits: int) -> Any:
    """Whole numbers rounded to so many bits."""
    fraction, exponent = np.frexp(m.astype(np.float64))
    return np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits).astype(np.int64)


def _code_mutant(change: Callable[[Any, int, dict[str, Any]], Any]) -> Mutant:
    """A mutant of the sinusoidal code that asks the correct one for something else."""

    def wrong(correct: Operation) -> Operation:
        def code(m: Any, dim: int, **options: Any) -> Any:
            m, dim, options = change(np.asarray(m), dim, options)
            return correct(m, dim, **options)

        return code

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return mutant("sinusoidal_positional_encoding", wraps=True)(wrong)


@_code_mutant
def code_from_one(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Counts positions from 1."""
    return m + 1, dim, options


@_code_mutant
def code_of_magnitudes(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Drops the sign of a position."""
    return abs(m), dim, options


@_code_mutant
def code_in_bfloat16(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Carries positions in bfloat16, which has no odd numbers past 256."""
    return short_significand(m, 8), dim, options


@_code_mutant
def code_table_ends(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Has a table of 4,096 positions, and stays at its last row."""
    return np.clip(m, -4096, 4095), dim, options


@_code_mutant
def code_cut_to_integers(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Cuts positions to integers."""
    return m.astype(np.int64), dim, options


@_code_mutant
def code_base_ignored(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Always takes 10,000 for the base."""
    return m, dim, {**options, "base": 10_000.0}


@_code_mutant
def code_base_off(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Takes a base that is off by a billionth."""
    return m, dim, {**options, "base": options.get("base", 10_000.0) * (1 + 1e-9)}


@_code_mutant
def code_in_halves(m: Any, dim: int, options: dict[str, Any]) -> Any:
    """Sines first, then cosines, whatever was asked."""
    return m, dim, {**options, "interleaved": False}


def _code_angles_mutant(angles: Callable[[Any, int, float], Any]) -> Mutant:
    """A mutant of the sinusoidal code with angles of its own: (positions, dim, base) → (..., ⌈dim/2⌉)."""

    def wrong(m: Any, dim: int, *, base: float = 10_000.0, interleaved: bool = True) -> Any:
        angle = angles(np.asarray(m), dim, base)
        pairs, code = angle.shape[-1], np.empty((*angle.shape[:-1], dim))
        sines, cosines = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(pairs), slice(pairs, None))
        code[..., sines], code[..., cosines] = np.sin(angle), np.cos(angle)[..., : dim // 2]
        return code

    wrong.__doc__, wrong.__name__ = angles.__doc__, angles.__name__
    return mutant("sinusoidal_positional_encoding")(wrong)


@_code_angles_mutant
def code_of_float32_angles(m: Any, dim: int, base: float) -> Any:
    """Keeps angles in float32, off by 0.06 rad at a million."""
    theta = (1 / base ** (np.arange(0, dim, 2) / max(dim, 1))).astype(np.float32)
    return (m.astype(np.float32)[..., None] * theta).astype(np.float64)


@_code_angles_mutant
def code_to_the_end(m: Any, dim: int, base: float) -> Any:
    """Spreads exponents over 2i/(d − 2), so that the last frequency is 1/base."""
    return m[..., None] * base ** (-np.arange(0, dim, 2) / max(dim - 2, 1))


@_code_angles_mutant
def code_of_half_the_exponent(m: Any, dim: int, base: float) -> Any:
    """Has the exponent i/d for 2i/d."""
    return m[..., None] * base ** (-np.arange((dim + 1) // 2) / max(dim, 1))


@reported("sinusoidal_positional_encoding.anchor", "zju3dv/LoFTR #41 (2021) confirmed", alias="exponent_floored")
@_code_angles_mutant
def code_of_floored_exponents(m: Any, dim: int, base: float) -> Any:
    """Divides with // where / was meant, which floors every exponent to a whole number."""
    return m[..., None] * np.exp(np.arange(0, dim, 2) * (-math.log(base) / max(dim, 1) // 2))


@reported("sinusoidal_positional_encoding.anchor", "ivanvovk/WaveGrad #12 (2020)")
@_code_angles_mutant
def code_of_exchanged_exponents(m: Any, dim: int, base: float) -> Any:
    """Raises the exponent to the power of the base."""
    with np.errstate(divide="ignore", over="ignore"):
        theta = (np.arange(0, dim, 2) / max(dim, 1)) ** -math.log(base)
    return m[..., None] * np.minimum(theta, 1e6)


@_code_angles_mutant
def code_with_phases(m: Any, dim: int, base: float) -> Any:
    """Rounds every angle to a thousandth of a turn, as a look-up table of 1,000 sines does."""
    turns = m[..., None] * base ** (-np.arange(0, dim, 2) / max(dim, 1)) / (2 * math.pi)
    return np.rint(turns * 1000) / 1000 * (2 * math.pi)


@mutant("sinusoidal_positional_encoding_vjp", wraps=True)
def pulled_from_1024(correct: Operation) -> Operation:
    """Reads at most 1,024 coordinates of the cotangent."""

    def wrong(cotangent: Any, positions: Any, dim: int, **options: Any) -> Any:
        return correct(np.where(np.arange(dim) < 1024, cotangent, cotangent.dtype.type(0)), positions, dim, **options)

    return wrong


@mutant("sinusoidal_positional_encoding", wraps=True)
def code_beyond_its_reach(correct: Operation) -> Operation:
    """Stays at the last position beyond ±2³¹, and takes any base."""

    def wrong(m: Any, dim: int, *, base: float = 10_000.0, **options: Any) -> Any:
        m = np.clip(np.asarray(m), -(2.0**31), 2.0**31).astype(np.asarray(m).dtype)
        return correct(m, dim, base=max(base, 1.0), **options)

    return wrong


@mutant("sinusoidal_positional_encoding", wraps=True)
def code_cosines_first(correct: Operation) -> Operation:
    """Exchanges sines and cosines."""

    def wrong(m: Any, dim: int, *, interleaved: bool = True, **options: Any) -> Any:
        code = correct(m, dim + dim % 2, interleaved=interleaved, **options)
        pairs = code.shape[-1] // 2
        swapped = np.arange(2 * pairs) ^ 1 if interleaved else np.roll(np.arange(2 * pairs), pairs)
        return code[..., swapped][..., :dim]

    return wrong


@mutant("sinusoidal_positional_encoding", wraps=True)
def code_scaled(correct: Operation) -> Operation:
    """Multiplies the code by √2 to give it variance 1."""
    return lambda *arguments, **options: correct(*arguments, **options) * math.sqrt(2)


@mutant("sinusoidal_positional_encoding")
def raw_index(m: Any, dim: int, **options: Any) -> Any:
    """Repeats the index in every coordinate."""
    return np.repeat(np.asarray(m, np.float64)[..., None], dim, axis=-1)


@mutant("sinusoidal_positional_encoding")
def squeezed_index(m: Any, dim: int, **options: Any) -> Any:
    """Repeats the index, squeezed into [0, 1] by a million, in every coordinate."""
    return np.repeat(np.asarray(m, np.float64)[..., None] / 1e6, dim, axis=-1)


@mutant("sinusoidal_positional_encoding", wraps=True)
def code_in_float32(correct: Operation) -> Operation:
    """Carries the code in float32."""
    return lambda *arguments, **options: correct(*arguments, **options).astype(np.float32).astype(np.float64)


@mutant("sinusoidal_positional_encoding", wraps=True)
def wide_code_cut(correct: Operation) -> Operation:
    """Fills at most 1,024 coordinates."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        code = correct(*arguments, **options).copy()
        code[..., 1024:] = 0
        return code

    return wrong


@mutant("sinusoidal_positional_encoding", wraps=True)
def code_cached_by_length(correct: Operation) -> Operation:
    """Keeps a table by its shape alone."""
    kept: dict[Any, Any] = {}
    return lambda m, dim, **options: correct(kept.setdefault((np.shape(m), dim), np.copy(m)), dim, **options)


# Lanes.
@mutant("linear", wraps=True)
def lanes_leak(correct: Operation) -> Operation:
    """Adds the sum of its inputs to the first output."""

    def wrong(x: Any, weight: Any, *more: Any) -> Any:
        y = correct(x, weight, *more).copy()
        y[..., 0] = y[..., 0] + x.sum(-1)
        return y

    return wrong


@mutant("linear", wraps=True)
def last_row_missing(correct: Operation) -> Operation:
    """Stops one input early."""
    return lambda x, weight, *more: correct(x[..., :-1], weight[:-1], *more)


@reported(
    "sinusoidal_positional_encoding.anchor",
    """
    codertimo/BERT-pytorch #78 (2020)
    gc-os-ai/pyaptamer #526 (2026)
    """,
)
@mutant("sinusoidal_positional_encoding", wraps=True, crashes=True)
def odd_width_crashes(correct: Operation) -> Operation:
    """Has one cosine too many for an odd width, and raises."""

    def wrong(m: Any, dim: int, *, base: float = 10_000.0, **options: Any) -> Any:
        cosines = np.empty((*np.shape(m), dim // 2))
        cosines[...] = np.cos(np.asarray(m)[..., None] * base ** (-np.arange(0, dim, 2) / max(dim, 1)))
        return correct(m, dim, base=base, **options)

    return wrong
