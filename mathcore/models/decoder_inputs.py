"""Decoders of every known family as claims try them: a small configuration that leaves nothing out, and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from mathcore.models.decoder_textbook import SLIDING
from mathcore.verify import Target, domain, seeds
from mathcore.verify.domains import Draw

FULL = "full_attention"
FAMILIES = ("llama", "gemma3_text", "gemma2", "gpt_oss", "qwen3", "mistral")
WIDTH = 8


def configuration(draw: Draw, family: str, layers: int, window: int) -> dict[str, Any]:
    """A configuration of a family, every key of it given."""
    heads, shared = draw(st.sampled_from([(2, 1), (4, 2), (1, 1), (2, 2)]))
    head_dim = 2 if heads == 4 else draw(st.sampled_from([2, 4]))
    config: dict[str, Any] = {
        "model_type": family, "vocab_size": draw(st.integers(2, 5)), "hidden_size": WIDTH, "hidden_act": "silu",
        "intermediate_size": draw(st.sampled_from([3, 4, 1])), "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": shared, "head_dim": head_dim,
        "rms_norm_eps": draw(st.sampled_from([1e-6, 0.25])),
        "tie_word_embeddings": draw(st.booleans()), "rope_parameters": _rope(draw(st.sampled_from([7.0, 1e4]))),
    }  # fmt: skip
    kinds = draw(st.lists(st.sampled_from([SLIDING, FULL]), min_size=layers, max_size=layers))
    if family == "llama":
        return config | {"attention_bias": draw(st.booleans()), "mlp_bias": draw(st.booleans())}
    if family == "mistral":
        return config | {"sliding_window": draw(st.sampled_from([window, None]))}
    config |= {"layer_types": kinds, "sliding_window": window, "attention_bias": draw(st.booleans())}
    if family == "qwen3":
        return config | {"use_sliding_window": True, "max_window_layers": 0}
    if family == "gpt_oss":
        return config | {"num_local_experts": 0}
    cap, scalar = draw(st.sampled_from([0.5, None])), draw(st.sampled_from([head_dim, 3]))
    more = {"final_logit_softcapping": cap, "attn_logit_softcapping": None, "query_pre_attn_scalar": scalar}
    config = {**_without(config, "hidden_act"), **more, "hidden_activation": "gelu_pytorch_tanh"}
    if family == "gemma2":
        return config | {"attn_logit_softcapping": cap}
    return config | {"rope_parameters": {FULL: _rope(1e3), SLIDING: _rope(5.0)}}


def _rope(base: float) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": base}


def _without(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def parameters(rng: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Normal numbers under the names of the parameters; every weight of a norm and every bias is at work."""
    width, hidden, d = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * d, config["num_key_value_heads"] * d
    gemma = config["model_type"].startswith("gemma")
    shapes = {
        "self_attn.q_proj": (queries, width), "self_attn.k_proj": (keys, width), "self_attn.v_proj": (keys, width),
        "self_attn.o_proj": (width, queries), "mlp.gate_proj": (hidden, width), "mlp.up_proj": (hidden, width),
        "mlp.down_proj": (width, hidden),
    }  # fmt: skip
    norms = ["input_layernorm", "post_attention_layernorm"]
    norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"] if gemma else []

    def weight(*shape: int) -> Any:
        return rng.normal(size=shape) * (1 / shape[-1] ** 0.5)

    def norm(size: int) -> Any:
        return rng.normal(size=size) / 2 + (0 if gemma else 1)

    params = {"model.embed_tokens.weight": rng.normal(size=(config["vocab_size"], width))}
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        params |= {f"{at}.{name}.weight": weight(*shape) for name, shape in shapes.items()}
        params |= {
            f"{at}.{name}.bias": rng.normal(size=shape[0]) / 2
            for name, shape in shapes.items()
            if config.get("mlp_bias" if name.startswith("mlp") else "attention_bias", False)
        }
        params |= {f"{at}.{name}.weight": norm(width) for name in norms}
        if config["model_type"] in ("qwen3", "gemma3_text"):
            params |= {f"{at}.self_attn.{name}_norm.weight": norm(d) for name in "qk"}
        if config["model_type"] == "gpt_oss":
            params[f"{at}.self_attn.sinks"] = rng.normal(size=config["num_attention_heads"])
    params["model.norm.weight"] = norm(width)
    if not config["tie_word_embeddings"]:
        params["lm_head.weight"] = weight(config["vocab_size"], width)
    return params


@domain
def decoders(
    draw: Draw,
    target: Target,
    *,
    families: tuple[str, ...] = FAMILIES,
    layers: tuple[int, ...] = (2, 1, 0),
    lengths: tuple[int, ...] = (5, 6, 2, 1),
    batches: tuple[tuple[int, ...], ...] = ((), (2,)),
    windows: tuple[int, ...] = (2, 3, 1),
    dtypes: tuple[str, ...] = ("float64", "float32"),
) -> dict[str, Any]:
    """A small model of any family, and a text that is mostly longer than its window."""
    rng, family = draw(seeds()), draw(st.sampled_from(families))
    config = configuration(draw, family, draw(st.sampled_from(layers)), draw(st.sampled_from(windows)))
    dtype = draw(st.sampled_from([d for d in dtypes if d in target.dtypes] or [dtypes[0]]))
    params = {name: p.astype(dtype) for name, p in parameters(rng, config).items()}
    ids = rng.integers(0, config["vocab_size"], (*draw(st.sampled_from(batches)), draw(st.sampled_from(lengths))))
    return {"params": params, "ids": ids, "config": config}
