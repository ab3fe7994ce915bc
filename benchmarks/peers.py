"""The libraries that mathcore is measured beside; None for one that is not installed."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np


def _installed(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


sp = _installed("scipy.special")
torch, F = _installed("torch"), _installed("torch.nn.functional")
jax, jnp = _installed("jax"), _installed("jax.numpy")
if jax:
    jax.config.update("jax_enable_x64", True)  # before the first array


def _llama_rope() -> Any:
    """The rotation of `transformers`, as the models of the Llama family use it, in float32."""
    llama = _installed("transformers.models.llama.modeling_llama")
    if not (llama and torch):
        return None

    def table(m: Any, width: int) -> Any:
        rotary = llama.LlamaRotaryEmbedding(llama.LlamaConfig(hidden_size=width, num_attention_heads=1))
        cos, sin = rotary(torch.zeros(1), torch.from_numpy(m)[None])
        return cos[0], sin[0]

    def turned(x: Any, m: Any) -> Any:
        cos, sin = table(m, x.shape[-1])
        heads = torch.from_numpy(np.ascontiguousarray(x))[None, None]
        return llama.apply_rotary_pos_emb(heads, heads, cos[None], sin[None])[0][0, 0]

    return SimpleNamespace(table=table, turned=turned)


llama_rope = _llama_rope()
