"""Sinusoidal codes and rotary embeddings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.real_bugs import real_bug


def _positions(x: Any, positions: Any, offset: int) -> Any:
    """The position of every row, as integers."""
    return (np.arange(x.shape[-2]) if positions is None else np.asarray(positions).astype(np.int64)) + offset


@real_bug(
    mutant("sinusoidal_positional_encoding", wraps=True),
    claim="sinusoidal_positional_encoding.anchor",
    reports="""
    zju3dv/LoFTR #41 (2021) confirmed
    ivanvovk/WaveGrad #12 (2020)
    """,
)
def exponent_floored(correct: Any) -> Any:
    """Has // for /, which floors the exponent to −1. Whatever depends on distances alone cannot see it."""

    def sinusoidal_positional_encoding(positions: Any, dim: int, *, base: float = 1e4, interleaved: bool = True) -> Any:
        code = np.array(correct(positions, dim, base=base, interleaved=interleaved))
        angle = np.asarray(positions)[..., None] * np.exp(np.arange(0, dim, 2) * (-math.log(base) / max(dim, 1) // 2))
        half = (dim + 1) // 2
        sines, cosines = (slice(0, dim, 2), slice(1, dim, 2)) if interleaved else (slice(0, half), slice(half, dim))
        code[..., sines], code[..., cosines] = np.sin(angle), np.cos(angle[..., : dim // 2])
        return code

    return sinusoidal_positional_encoding


@real_bug(
    mutant("sinusoidal_positional_encoding"),
    claim="sinusoidal_positional_encoding.anchor",
    reports="""
    codertimo/BERT-pytorch #78 (2020)
    gc-os-ai/pyaptamer #526 (2026)
    """,
    crashes=True,
)
def odd_width_crashes(positions: Any, dim: int, *, base: float = 10_000.0, interleaved: bool = True) -> Any:
    """Has one cosine too many for an odd width, and raises."""
    angle = np.asarray(positions)[..., None] * base ** (-np.arange(0, dim, 2) / max(dim, 1))
    code = np.empty((*np.shape(positions), dim))
    code[..., 0::2] = np.sin(angle)
    code[..., 1::2] = np.cos(angle)
    return code


@real_bug(
    mutant("rope", wraps=True),
    claim="rope.relative_only",
    reports="""
    huggingface/transformers PR#29285 (2024) merged
    huggingface/transformers #29496 (2024)
    huggingface/transformers #25681 (2023)
    vllm-project/vllm #863 (2023)
    huggingface/diffusers PR#13922 (2026)
    """,
)
def positions_rounded_to_bfloat16(correct: Any) -> Any:
    """Keeps positions in bfloat16, which has no 257: neighbours far out share a position."""
    import ml_dtypes

    def rope(x: Any, positions: Any = None, *, offset: int = 0, **options: Any) -> Any:
        m = _positions(x, positions, offset).astype(np.float32).astype(ml_dtypes.bfloat16)
        return correct(x, m.astype(np.int64), **options)

    return rope


@real_bug(
    mutant("rope"),
    claim="rope.anchor",
    reports="sgl-project/sglang-jax #1472 (2026) fixed",
)
def frequencies_rounded_to_bfloat16(
    x: Any,
    positions: Any = None,
    *,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
) -> Any:
    """Keeps the frequencies in bfloat16: a rotation as good as any, by other angles."""
    import ml_dtypes

    from mathcore import apply_rope, rope_frequencies

    dim = x.shape[-1] if rotary_dim is None else rotary_dim
    theta = rope_frequencies(dim, base=base).astype(ml_dtypes.bfloat16).astype(np.float64)
    angle = _positions(x, positions, offset)[..., None] * theta
    return apply_rope(x, np.cos(angle), np.sin(angle), interleaved=interleaved)


@real_bug(
    mutant("rope", wraps=True),
    claim="rope.pure",
    reports="""
    huggingface/transformers #27226 (2023)
    huggingface/transformers #25104 (2023)
    """,
)
def base_never_shrinks(correct: Any) -> Any:
    """Raises the base for a long input and keeps it: the answer depends on earlier calls."""
    longest = 2048

    def rope(x: Any, positions: Any = None, *, base: float = 10_000.0, offset: int = 0, **options: Any) -> Any:
        nonlocal longest
        m = _positions(x, positions, offset)
        longest = max(longest, int(np.abs(m).max(initial=0)))
        return correct(x, m, base=base * longest / 2048, **options)

    return rope


@real_bug(
    mutant("rope", wraps=True),
    claim="rope.pure",
    reports="lucidrains/rotary-embedding-torch #11 (2023) confirmed",
)
def cached_by_length(correct: Any) -> Any:
    """Keeps a table by length; the offset is missing from the key."""
    kept: dict[Any, Any] = {}

    def rope(x: Any, positions: Any = None, *, offset: int = 0, **options: Any) -> Any:
        m = _positions(x, positions, offset)
        return correct(x, kept.setdefault(m.shape, m), **options)

    return rope


@real_bug(
    mutant("rope", wraps=True),
    claim="rope.anchor",
    reports="""
    vllm-project/vllm #747 (2023)
    vllm-project/vllm PR#941 (2023) merged
    vllm-project/vllm #49290 (2026) open
    TransformerLensOrg/TransformerLens PR#365 (2023) merged
    """,
)
def pairing_flag_ignored(correct: Any) -> Any:
    """Pairs the two halves, whichever pairing is asked for."""
    return lambda x, positions=None, **options: correct(x, positions, **{**options, "interleaved": False})


@real_bug(
    mutant("rope", wraps=True),
    claim="rope.anchor",
    reports="""
    huggingface/candle PR#3746 (2026) open
    young-geng/EasyLM PR#117 (2024)
    """,
)
def base_hard_coded(correct: Any) -> Any:
    """Takes 10,000 for the base, whatever is configured."""
    return lambda x, positions=None, **options: correct(x, positions, **{**options, "base": 10_000.0})


@real_bug(
    mutant("rope", wraps=True),
    claim="rope.anchor",
    reports="""
    ml-explore/mlx-lm #1545 (2026)
    ml-explore/mlx-lm PR#1606 (2026) merged
    """,
)
def positions_scaled_by_two(correct: Any) -> Any:
    """Doubles every position by a default scale of 2."""

    def rope(x: Any, positions: Any = None, *, offset: int = 0, **options: Any) -> Any:
        return correct(x, 2 * _positions(x, positions, offset), **options)

    return rope
