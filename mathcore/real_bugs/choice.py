"""Argmax and sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.real_bugs import real_bug


@real_bug(
    mutant("argmax"),
    claim="argmax.index_of_highest",
    reports="""
    pytorch/pytorch #22853 (2019)
    pytorch/pytorch #32343 (2020)
    pytorch/pytorch #47296 (2020)
    pytorch/pytorch #93630 (2022)
    pytorch/xla #2415 (2020)
    """,
)
def last_of_equals(x: Any, axis: int = -1) -> Any:
    """Gives the last of equal scores."""
    return x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)


@real_bug(
    mutant("argmax", wraps=True),
    claim="argmax.index_of_highest",
    reports="""
    jax-ml/jax #6762 (2021) fixed
    ml-explore/mlx #4274 (2026)
    pytorch/pytorch PR#187039 (2026)
    openvinotoolkit/openvino #33626 (2026)
    """,
)
def nan_skipped(correct: Any) -> Any:
    """Passes over NaN, which the maximum does not."""
    return lambda x, axis=-1: correct(np.where(np.isnan(x), -np.inf, x).astype(x.dtype), axis)


@real_bug(
    mutant("temperature_softmax", wraps=True),
    claim="softmax.temperature",
    reports="""
    ggml-org/ggml #37 (2023)
    google-deepmind/gemma #562 (2026)
    karpathy/nanoGPT #738 (2026)
    """,
)
def divided_by_temperature(correct: Any) -> Any:
    """Divides the scores by a temperature next to 0: they overflow, and ∞ − ∞ is NaN."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        return correct((x / temperature).astype(x.dtype), 1.0, axis) if temperature > 0 else correct(x, temperature)

    return temperature_softmax
