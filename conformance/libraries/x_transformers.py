"""x-transformers: its rotary embedding, in float32, the format of its tables."""

from __future__ import annotations

import math
from typing import Any

import torch
from x_transformers.x_transformers import RotaryEmbedding, apply_rotary_pos_emb

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("x-transformers", "torch")
NAMES = {
    "rope": "RotaryEmbedding and apply_rotary_pos_emb of x_transformers.x_transformers",
}


def rope(
    x: Any, positions: Any = None, *, base: float = 10_000.0, rotary_dim: int | None = None, offset: int = 0
) -> Any:
    width = x.shape[-1] if rotary_dim is None else rotary_dim
    if width < 4 or width % 2 or x.ndim < 2 or (positions is not None and positions.ndim != 1):
        raise NotTriedError("rope", "widths below 4, odd widths, other positions than one row of them")
    positions = torch.arange(x.shape[-2]) if positions is None else positions
    freqs, scale = RotaryEmbedding(width, base=base)(positions + offset)
    heads = x.reshape(1, math.prod(x.shape[:-2]), *x.shape[-2:])
    return apply_rotary_pos_emb(heads, freqs, scale).reshape(x.shape)


TARGET = Target.torch(
    "x-transformers", rope=rope, dtypes=("float32",),
    conventions=Conventions(errors="none", rope_pairing="interleaved", rope_angles="float32"),
)  # fmt: skip
