"""rotary-embedding-torch on half-precision arrays, as a model in that format calls it: positions count from 0."""

from __future__ import annotations

import functools
from typing import Any

from rotary_embedding_torch import RotaryEmbedding

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("rotary-embedding-torch", "torch")
NAMES = {"rope": "rotary_embedding_torch.RotaryEmbedding"}


@functools.lru_cache(maxsize=16)
def module(width: int, base: float) -> RotaryEmbedding:
    return RotaryEmbedding(dim=width, theta=base)


def rope(x: Any, *, base: float = 10_000.0, rotary_dim: int | None = None, offset: int = 0) -> Any:
    width = x.shape[-1] if rotary_dim is None else rotary_dim
    if width < 4 or width % 2 or x.ndim < 2 or offset < 0:
        raise NotTriedError("rope", "widths below 4, odd widths, negative offsets")
    return module(width, base).rotate_queries_or_keys(x, offset=offset)


TARGET = Target.torch(
    "rotary-embedding-torch, half precision",
    rope=rope,
    dtypes=("float16", "bfloat16"),
    conventions=Conventions(errors="none", rope_pairing="interleaved", rope_angles="float32"),
)
