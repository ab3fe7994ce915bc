"""Transformers: the rotary embedding and the norm of its Llama, in float32, the format of their tables."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from transformers import LlamaConfig
from transformers.models.llama import modeling_llama

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("transformers", "torch")
NAMES = {
    "rope": "LlamaRotaryEmbedding and apply_rotary_pos_emb of transformers.models.llama",
    "rms_norm": "LlamaRMSNorm of transformers.models.llama",
}


@functools.lru_cache(maxsize=64)
def module(width: int, base: float) -> modeling_llama.LlamaRotaryEmbedding:
    config = LlamaConfig(
        hidden_size=width,
        num_attention_heads=1,
        head_dim=width,
        rope_parameters={"rope_type": "default", "rope_theta": base},
    )
    return modeling_llama.LlamaRotaryEmbedding(config)


def rope(x: Any, positions: Any = None, *, base: float = 10_000.0, offset: int = 0) -> Any:
    if x.ndim < 2 or not x.shape[-1] or (positions is not None and positions.ndim != 1):
        raise NotTriedError("rope", "other positions than one row of them, widths of 0")
    positions = torch.arange(x.shape[-2]) if positions is None else positions
    cos, sin = module(x.shape[-1], base)(x, positions[None] + offset)
    heads = x.reshape(1, math.prod(x.shape[:-2]), *x.shape[-2:])
    turned, _ = modeling_llama.apply_rotary_pos_emb(heads, heads, cos, sin)
    return turned.reshape(x.shape)


def rms_norm(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    norm = modeling_llama.LlamaRMSNorm(x.shape[-1], epsilon)
    norm.weight = torch.nn.Parameter(weight)
    return norm(x)


TARGET = Target.torch(
    "Transformers", rope=rope, rms_norm=rms_norm, dtypes=("float32",),
    conventions=Conventions(errors="none", rope_angles="float32"),
)  # fmt: skip
