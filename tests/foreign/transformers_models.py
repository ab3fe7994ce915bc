"""Modules of Hugging Face's Transformers: RoPE of Llama and its scalings, norms of three models, attention of two."""

import functools
import math
from types import SimpleNamespace

import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.gpt_oss import modeling_gpt_oss
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding, apply_rotary_pos_emb
from transformers.models.t5.modeling_t5 import T5LayerNorm

from mathcore.verify import Conventions, Restrictions, Target


@functools.lru_cache(maxsize=64)
def module(width, base):
    rope = {"rope_type": "default", "rope_theta": base}
    return LlamaRotaryEmbedding(
        LlamaConfig(hidden_size=width, num_attention_heads=1, head_dim=width, rope_parameters=rope)
    )


def rope(x, positions=None, *, base=10_000.0):
    """The module makes cosines and sines, a function turns (batch, heads, time, width)."""
    if positions is not None and positions.ndim != 1:
        raise NotImplementedError("more than one row of positions")
    positions = torch.arange(x.shape[-2]) if positions is None else positions
    cos, sin = module(x.shape[-1], base)(x, positions[None])
    heads = x.reshape(1, -1, *x.shape[-2:])
    return apply_rotary_pos_emb(heads, heads, cos, sin)[0].reshape(x.shape)


def apply_rope(x, cos, sin):
    """The function alone, with cosines and sines of full width."""
    cos, sin = (torch.cat((t, t), -1) for t in (cos, sin))
    return apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=0)[0][0]


def rope_scaling(head_dim, parameters, *, max_position_embeddings=None, length=None):
    """The functions that every model of the library asks for frequencies, in float32."""
    kind = parameters.get("rope_type", "default")
    if kind == "default":  # which every model computes for itself
        kind, parameters = "linear", {**parameters, "rope_type": "linear", "factor": 1.0}
    if kind == "ntk" or (kind == "dynamic" and head_dim * parameters.get("partial_rotary_factor", 1) < 4):
        raise NotImplementedError("another base for so few features, or without a length")
    config = LlamaConfig(
        hidden_size=head_dim, num_attention_heads=1, head_dim=head_dim,
        max_position_embeddings=max_position_embeddings or 2**20,
        rope_parameters={"rope_theta": 10_000.0, **parameters},
    )  # fmt: skip
    frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
    return frequencies, torch.tensor(factor, dtype=torch.float64)


def norm(make):
    def rms_norm(x, weight, *, epsilon=1e-6):
        layer = make(x.shape[-1], epsilon)
        layer.weight = torch.nn.Parameter(weight)
        return layer(x)

    return rms_norm


def norm_vjp(make):
    def rms_norm_vjp(cotangent, x, weight, *, epsilon=1e-6):
        layer = make(x.shape[-1], epsilon)
        layer.weight = torch.nn.Parameter(weight)
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(layer(leaf), (leaf, layer.weight), cotangent)

    return rms_norm_vjp


def attended(model, query, key, value, own, *, mask, is_causal, query_offset, window, scale, bias, **options):
    """A model's eager attention with a mask that is added, as Transformers does it."""
    i = torch.arange(query.shape[-2])[:, None] + query_offset
    j = torch.arange(key.shape[-2])
    hidden = (j > i) & is_causal
    if window is not None:
        hidden |= j <= i - window
    added = torch.zeros(query.shape[-2], key.shape[-2], dtype=query.dtype) if bias is None else bias
    own = SimpleNamespace(num_key_value_groups=query.shape[1] // key.shape[1], training=False, **own)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    added = added.masked_fill(hidden if mask is None else hidden | ~mask, -math.inf)
    return model.eager_attention_forward(own, query, key, value, added, scaling=scale, **options)[0].transpose(1, 2)


def attention_of_gemma(
    query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, window=None, softcap=None
):
    places = {"mask": mask, "is_causal": is_causal, "query_offset": query_offset, "window": window}
    return attended(modeling_gemma2, query, key, value, {}, scale=scale, bias=bias, softcap=softcap, **places)


def attention_of_gpt_oss(
    query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, window=None, sinks=None
):
    places = {"mask": mask, "is_causal": is_causal, "query_offset": query_offset, "window": window}
    own = {"sinks": torch.full(query.shape[1:2], -math.inf, dtype=query.dtype) if sinks is None else sinks}
    return attended(modeling_gpt_oss, query, key, value, own, scale=scale, bias=bias, **places)


HALVES = ("bfloat16", "float16")
EAGER = {
    "dtypes": "float32", "restrictions": Restrictions(min_axes=4, max_axes=4),
    "conventions": Conventions(errors="none", attention_of_nothing="nan", hidden_values="finite"),
}  # fmt: skip
LAX = Conventions(errors="none")
TARGETS = (
    Target.torch("RoPE of Llama, Transformers", rope=rope, rope_scaling=rope_scaling, dtypes="float32",
                 conventions=Conventions(errors="none", rope_angles="float32")),
    Target.torch("RMS norm of Llama, Transformers", rms_norm=norm(LlamaRMSNorm), rms_norm_vjp=norm_vjp(LlamaRMSNorm),
                 dtypes="float32", conventions=LAX),
    Target.torch("RMS norm of Llama in halves, Transformers", rms_norm=norm(LlamaRMSNorm), dtypes=HALVES,
                 conventions=Conventions(errors="none", rms_norm_rounding="before-weight")),
    Target.torch("RMS norm of Gemma, Transformers", rms_norm=norm(GemmaRMSNorm), dtypes=("float32", *HALVES),
                 conventions=Conventions(errors="none", rms_norm_weight="one-plus")),
    Target.torch("attention of Gemma 2, Transformers", scaled_dot_product_attention=attention_of_gemma, **EAGER),
    Target.torch("attention of GPT-OSS, Transformers", scaled_dot_product_attention=attention_of_gpt_oss, **EAGER),
    Target.torch("RMS norm of T5, Transformers", rms_norm=norm(T5LayerNorm), dtypes="float32", conventions=LAX),
)  # fmt: skip
