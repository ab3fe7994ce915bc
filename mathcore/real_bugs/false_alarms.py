"""Right implementations that were reported as wrong: the claims must accept them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from mathcore.verify.real_bugs import false_alarm

Operations: TypeAlias = Mapping[str, Callable[..., Any]]


@false_alarm(
    why="A turn by −θ keeps everything that depends on distances; it only means that weights cannot be exchanged.",
    reports="karpathy/nanochat PR#489 (2026) declined, with a note added",
    rope_sign=-1,
)
def turned_the_other_way(correct: Operations) -> Operations:
    """The rotation has its sign reversed."""

    def rope(x: Any, positions: Any = None, **options: Any) -> Any:
        return correct["rope_vjp"](x, x, positions, **options)

    def apply_rope(x: Any, cos: Any, sin: Any, **options: Any) -> Any:
        return correct["apply_rope_vjp"](x, x, cos, sin, **options)

    return {"rope": rope, "apply_rope": apply_rope}


@false_alarm(
    why="The features are the same ones in another order.",
    reports="""
    EleutherAI/gpt-neox #834 (2023)
    NVIDIA-NeMo/Speech #6923 (2023)
    keras-team/keras-hub #1416 (2024)
    karpathy/nanochat #264 (2025)
    """,
    rope_pairing="half",
)
def halves_paired(correct: Operations) -> Operations:
    """Pairing the two halves is not the rotation of the paper, which pairs neighbours."""

    def rope(
        x: Any, positions: Any = None, *, base: float = 1e4, rotary_dim: int | None = None, offset: int = 0
    ) -> Any:
        return correct["rope"](x, positions, base=base, rotary_dim=rotary_dim, offset=offset, interleaved=False)

    return {"rope": rope}


@false_alarm(
    why="The same numbers in another order: inner products of codes are the same. One library's repair of it broke "
    "trained models.",
    reports="""
    tensorflow/tensor2tensor PR#177 (2017)
    allenai/allennlp #2993 (2019)
    tatp22/multidim-positional-encoding #20 (2022)
    """,
    code_layout="halves",
)
def sines_before_cosines(correct: Operations) -> Operations:
    """Sines and cosines are laid one after the other, not in turns."""

    def sinusoidal_positional_encoding(positions: Any, dim: int, *, base: float = 10_000.0) -> Any:
        return correct["sinusoidal_positional_encoding"](positions, dim, base=base, interleaved=False)

    return {"sinusoidal_positional_encoding": sinusoidal_positional_encoding}


@false_alarm(
    why="Log-softmax of log-softmax is log-softmax.",
    reports="princeton-vl/SimpleView #13 (2023)",
)
def log_softmax_before_the_loss(correct: Operations) -> Operations:
    """Log-softmax is applied before a loss that applies it again."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        wide = logits.astype(np.float64) if logits.dtype.kind not in "iubO" else logits
        once = correct["log_softmax"](wide, options.get("axis", -1))
        return correct["cross_entropy"](once, targets, **options).astype(logits.dtype)

    return {"cross_entropy": cross_entropy}
