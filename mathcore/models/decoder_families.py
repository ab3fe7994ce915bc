"""The families of decoders that are known, as configurations of Hugging Face describe them.

A key that is left out means what `transformers` 5.24 takes then. What is not known is refused by its name: a model that
is computed in another way than it was trained gives text all the same, and nobody sees that it is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mathcore._scalars import choice, flag, mapping, real, whole
from mathcore.models._checks import MOST
from mathcore.positions.rope_scaling import rope_scaling

ACTIVATIONS = ("silu", "gelu", "gelu_tanh")

_ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}

FULL, SLIDING = "full_attention", "sliding_attention"

_PASSED_OVER = {
    "model_type", "architectures", "transformers_version", "dtype", "torch_dtype", "_name_or_path", "bos_token_id",
    "eos_token_id", "pad_token_id", "initializer_range", "use_cache", "cache_implementation", "max_position_embeddings",
    "attention_dropout", "output_hidden_states", "output_attentions", "return_dict", "chunk_size_feed_forward",
    "id2label", "label2id", "problem_type", "pretraining_tp",
}  # fmt: skip
"""Keys that change nothing of the logits: how a model is trained and run, and how its tokens are called."""

_ONLY = {"is_encoder_decoder": (False,), "quantization_config": (None,), "use_bidirectional_attention": (None, False)}
"""Keys of which only these values are known."""

_OF_ORIGINAL = ("llama3", "yarn")
_ROPES = ("default", "linear", *_OF_ORIGINAL)
_OF_LENGTH = dict.fromkeys(
    ("dynamic", "longrope"), ": its angles depend on the length of the text, those in a cache as well"
)

_SIZES = {
    "vocabulary": "vocab_size", "width": "hidden_size", "hidden": "intermediate_size", "heads": "num_attention_heads",
}  # fmt: skip


@dataclass(frozen=True)
class _Family:
    """What sets the models of a family apart.

    Attributes:
        defaults: key → the value where it is left out; other keys than these are not known.
        facts: fields of `DecoderConfig` that no key says.
        pattern: of how many layers the last sees everything, where `layer_types` does not say it; 1: all of them.
        bases: of RoPE by the kind of a layer.
        rope: its parameters where they are left out.
        only: key → the values of it that are known.
    """

    defaults: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    pattern: int = 1
    bases: Mapping[str, float] = field(default_factory=lambda: {FULL: 1e4, SLIDING: 1e4})
    rope: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


_COMMON = {
    "head_dim": None, "hidden_act": "silu", "rms_norm_eps": 1e-6, "tie_word_embeddings": False, "rope_theta": None,
    "rope_scaling": None, "rope_parameters": None,
}  # fmt: skip

_GEMMA = {
    **{key: value for key, value in _COMMON.items() if key != "hidden_act"},
    "num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True,
    "attention_bias": False, "query_pre_attn_scalar": 256, "sliding_window": 4096, "layer_types": None,
}  # fmt: skip

_GEMMA_FACTS = {"norms_after": True, "one_plus": True, "scaled_embedding": True}

_FAMILIES = {
    "llama": _Family({**_COMMON, "num_key_value_heads": None, "attention_bias": False, "mlp_bias": False}),
    "mistral": _Family({**_COMMON, "num_key_value_heads": 8, "sliding_window": 4096}),
    "qwen3": _Family(
        {**_COMMON, "num_key_value_heads": 32, "head_dim": 128, "attention_bias": False, "use_sliding_window": False,
         "sliding_window": 4096, "max_window_layers": 28, "layer_types": None},
        {"head_norms": True},
    ),
    "gemma2": _Family(
        {**_GEMMA, "final_logit_softcapping": 30.0, "attn_logit_softcapping": 50.0}, _GEMMA_FACTS, pattern=2
    ),
    "gemma3_text": _Family(
        {**_GEMMA, "final_logit_softcapping": None, "attn_logit_softcapping": None, "sliding_window_pattern": None,
         "_sliding_window_pattern": None, "rope_local_base_freq": None},
        {**_GEMMA_FACTS, "head_norms": True},
        pattern=6,
        bases={FULL: 1e6, SLIDING: 1e4},
        only={"attn_logit_softcapping": (None,)},  # `transformers` reads it, and leaves scores as they are
    ),
    "gpt_oss": _Family(
        {**_COMMON, "num_key_value_heads": 8, "head_dim": 64, "rms_norm_eps": 1e-5, "attention_bias": True,
         "sliding_window": 128, "layer_types": None, "num_local_experts": 128},
        {"sinks": True},
        pattern=2,
        bases={FULL: 1.5e5, SLIDING: 1.5e5},
        rope={"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
              "original_max_position_embeddings": 4096},
        only={"num_local_experts": (0,)},
    ),
}  # fmt: skip


def fields_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `DecoderConfig` that a configuration of Hugging Face means."""
    name, family = _family(config)
    values = {**family.defaults, **config}
    _check_keys(name, family, config)
    sizes = {field: _size(values, key) for field, key in _SIZES.items()}
    heads = sizes["heads"]
    key_heads = heads if values["num_key_value_heads"] is None else _size(values, "num_key_value_heads")
    if heads % key_heads:
        raise ValueError(f"`num_key_value_heads` must divide `num_attention_heads` = {heads}, got {key_heads}")
    sizes |= {"key_heads": key_heads, "head_width": _head_width(values, sizes)}
    kinds, window = _kinds(values, name, family), _window(values)
    if SLIDING in kinds and window is None:
        raise ValueError("`sliding_window` must be given where a layer of `layer_types` is 'sliding_attention'")
    ropes = {kind: _rope(values, family, kind, sizes["head_width"]) for kind in set(kinds)}
    return {
        **sizes,
        **family.facts,
        "windows": tuple(window if kind == SLIDING else None for kind in kinds),
        "frequencies": tuple(ropes[kind][0] for kind in kinds),
        "rope_factors": tuple(ropes[kind][1] for kind in kinds),
        "activation": _activation(values),
        "epsilon": real("rms_norm_eps", values["rms_norm_eps"], 0),
        "attention_bias": flag("attention_bias", values.get("attention_bias", False)),
        "mlp_bias": flag("mlp_bias", values.get("mlp_bias", False)),
        "tied": flag("tie_word_embeddings", values["tie_word_embeddings"]),
        "scale": _scale(values),
        "logit_cap": _cap(values, "final_logit_softcapping"),
        "score_cap": _cap(values, "attn_logit_softcapping"),
    }


def _family(config: Any) -> tuple[str, _Family]:
    name = mapping("config", config).get("model_type")
    if not isinstance(name, str) or name not in _FAMILIES:
        *most, last = _FAMILIES
        hint = "; its text model is a 'gemma3_text'" if name == "gemma3" else ""
        raise ValueError(f"`model_type` must be {', '.join(most)} or {last}, got {name!r}{hint}")
    return name, _FAMILIES[name]


def _check_keys(name: str, family: _Family, config: Mapping[str, Any]) -> None:
    """That every key is known, and has a known value."""
    known = {*family.defaults, *_SIZES.values(), "num_hidden_layers", *_PASSED_OVER, *_ONLY}
    if name == "gpt_oss" and config.get("num_local_experts") == 0:
        known |= {"num_experts_per_tok", "experts_per_token", "router_aux_loss_coef", "output_router_logits"}
        known |= {"swiglu_alpha", "swiglu_limit"}  # of the experts that are not there
    for key, values in {**_ONLY, **family.only}.items():
        given = config.get(key, family.defaults.get(key, values[0]))
        if given not in values:
            listed = " or ".join(map(repr, values))
            raise ValueError(f"`{key}` of {name} must be {listed}, the rest is not known here, got {given!r}")
    if unknown := sorted(str(key) for key in config if key not in known):
        raise ValueError(f"`config` of {name} has keys that are not known here: {', '.join(unknown)}")


def _size(values: Mapping[str, Any], key: str) -> int:
    if key not in values:
        raise ValueError(f"`config` must say `{key}`")
    return whole(key, values[key], 1, MOST)


def _head_width(values: Mapping[str, Any], sizes: Mapping[str, int]) -> int:
    if values["head_dim"] is not None:
        return _size(values, "head_dim")
    if sizes["width"] % sizes["heads"]:
        raise ValueError(
            f"`head_dim` must be given where `num_attention_heads` = {sizes['heads']} does not divide "
            f"`hidden_size` = {sizes['width']}"
        )
    return sizes["width"] // sizes["heads"]


def _window(values: Mapping[str, Any]) -> int | None:
    if values.get("sliding_window") is None or not flag("use_sliding_window", values.get("use_sliding_window", True)):
        return None
    return whole("sliding_window", values["sliding_window"], 1, MOST)


def _kinds(values: Mapping[str, Any], name: str, family: _Family) -> list[str]:
    """The kind of every layer."""
    count = whole("num_hidden_layers", values.get("num_hidden_layers"), 0, MOST)
    if (given := values.get("layer_types")) is not None:
        if not isinstance(given, (tuple, list)) or len(given) != count:
            raise ValueError(f"`layer_types` must be a list of {count} kinds, one for each layer, got {given!r}")
        if other := [kind for kind in given if kind not in (FULL, SLIDING)]:
            raise ValueError(f"`layer_types` must be of {FULL!r} and {SLIDING!r}, got {other[0]!r}")
        return list(given)
    if _window(values) is None and name in ("mistral", "qwen3"):
        return [FULL] * count
    if name == "mistral":
        return [SLIDING] * count
    if name == "qwen3":
        first = whole("max_window_layers", values["max_window_layers"], 0, MOST)
        return [FULL if layer < first else SLIDING for layer in range(count)]
    pattern = values.get("sliding_window_pattern") or family.pattern
    pattern = whole("sliding_window_pattern", pattern, 1, MOST)
    return [SLIDING if (layer + 1) % pattern else FULL for layer in range(count)]


def _rope(values: Mapping[str, Any], family: _Family, kind: str, head_width: int) -> tuple[tuple[float, ...], float]:
    """The frequencies of layers of a kind, and their factor."""
    if head_width % 2:
        raise ValueError(f"`head_dim` must be even, for its features turn in pairs, got {head_width}")
    given = _rope_parameters(values, family, kind)
    given.setdefault("original_max_position_embeddings", values.get("max_position_embeddings"))
    name = str(given.get("rope_type", given.get("type", "default")))
    if name not in _ROPES:
        raise ValueError(f"`rope_type` must be one of {', '.join(_ROPES)}, got {name!r}{_OF_LENGTH.get(name, '')}")
    if name not in _OF_ORIGINAL:
        del given["original_max_position_embeddings"]
    if given.get("partial_rotary_factor", 1) != 1:
        raise ValueError(f"`partial_rotary_factor` must be 1 here, got {given['partial_rotary_factor']!r}")
    frequencies, factor = rope_scaling(head_width, given)
    return tuple(frequencies.tolist()), factor


def _rope_parameters(values: Mapping[str, Any], family: _Family, kind: str) -> dict[str, Any]:
    """What a configuration says of the RoPE of a kind of layers, wherever it says it; with its base."""
    scaling, parameters = (values[key] or {} for key in ("rope_scaling", "rope_parameters"))
    mapping("rope_scaling", scaling), mapping("rope_parameters", parameters)
    base = "rope_theta"
    if "rope_local_base_freq" not in family.defaults:
        given = scaling or parameters or family.rope
    elif other := sorted(str(key) for key in parameters if key not in (FULL, SLIDING)):
        raise ValueError(f"`rope_parameters` must have the keys {FULL!r} and {SLIDING!r}, got {', '.join(other)}")
    else:  # each kind of layers has its own, and what stretches contexts is for the full ones
        base = "rope_theta" if kind == FULL else "rope_local_base_freq"
        given = {**mapping("rope_parameters", parameters.get(kind) or {}), **(scaling if kind == FULL else {})}
    default = family.bases[kind] if values[base] is None else values[base]
    return {"rope_theta": default, **given}


def _activation(values: Mapping[str, Any]) -> str:
    key = "hidden_activation" if "hidden_activation" in values else "hidden_act"
    choice(key, values[key], tuple(_ACTIVATIONS))
    return _ACTIVATIONS[values[key]]


def _scale(values: Mapping[str, Any]) -> float | None:
    if "query_pre_attn_scalar" not in values:
        return None
    scalar = real("query_pre_attn_scalar", values["query_pre_attn_scalar"])
    if not scalar > 0:
        raise ValueError(f"`query_pre_attn_scalar` must be above 0, got {scalar}")
    return float(scalar**-0.5)


def _cap(values: Mapping[str, Any], key: str) -> float | None:
    if values.get(key) is None:
        return None
    cap = real(key, values[key])
    if not cap > 0:
        raise ValueError(f"`{key}` must be above 0, got {cap}")
    return cap
