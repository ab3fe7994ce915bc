"""Wrong codes of positions, on purpose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant, reported
from mathcore.verify.common_mutants import Operation


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
