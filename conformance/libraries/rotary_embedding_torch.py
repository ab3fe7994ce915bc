"""rotary-embedding-torch: a module for each width and base, kept as a model keeps it, in float32 as its tables are."""

from __future__ import annotations

import functools
from typing import Any

from rotary_embedding_torch import RotaryEmbedding, apply_rotary_emb

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("rotary-embedding-torch", "torch")
NAMES = {
    "rope": "rotary_embedding_torch.RotaryEmbedding",
}


@functools.lru_cache(maxsize=16)
def module(width: int, base: float) -> RotaryEmbedding:
    return RotaryEmbedding(dim=width, theta=base)


def rope(
    x: Any, positions: Any = None, *, base: float = 10_000.0, rotary_dim: int | None = None, offset: int = 0
) -> Any:
    width = x.shape[-1] if rotary_dim is None else rotary_dim
    if width < 4 or width % 2 or x.ndim < 2:
        raise NotTriedError("rope", "widths below 4, odd widths")
    if offset < 0 or (positions is not None and positions.ndim != 1):
        raise NotTriedError("rope", "negative offsets, other positions than one row of them")
    rotary = module(width, base)
    if positions is None:
        return rotary.rotate_queries_or_keys(x, offset=offset)
    return apply_rotary_emb(rotary(positions + offset), x)


TARGET = Target.torch(
    "rotary-embedding-torch", rope=rope, dtypes=("float32",),
    conventions=Conventions(errors="none", rope_pairing="interleaved", rope_angles="float32"),
)  # fmt: skip
