"""RoPE as a Hugging Face configuration asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathcore._arrays import Array
from mathcore._scalars import whole
from mathcore.positions.rope_scaling import _ORIGINAL, rope_scaling

_KNOWN = (
    "rope_parameters", "rope_scaling", "rope_theta", "rope_local_base_freq", "rope_interleave", "rotary_emb_base",
    "rotary_pct",
)  # fmt: skip
"""What is known of the fields that begin with rope or rotary."""

_GLOBAL, _LOCAL = "full_attention", "sliding_attention"


def rope_from_config(
    config: Mapping[str, Any], *, layer_type: str | None = None, length: int | None = None
) -> tuple[Array, float]:
    r"""Frequencies and attention factor of a model, from its configuration: `rope_scaling` with all that it needs.

    Args:
        config: what the `config.json` of a model holds. Read are `rope_parameters` or `rope_scaling`, for all layers or
            by type of layer, `rope_theta` (or `rotary_emb_base`), `rope_local_base_freq`, `partial_rotary_factor` (or
            `rotary_pct`), `max_position_embeddings`, `original_max_position_embeddings`, and the features of a head:
            `qk_rope_head_dim`, else `head_dim`, else `hidden_size` over `num_attention_heads`. `rope_interleave` is
            `interleaved` of `rope`.
        layer_type: for which layers, such as "full_attention" or "sliding_attention", where they differ.
        length: of the text, for `dynamic` and `longrope`.

    Returns:
        Frequencies, (d/2,), float64, and the attention factor: `frequencies` and `attention_factor` of `rope`.

    Raises:
        TypeError: if `config` is no mapping, or a field is not of its kind.
        ValueError: for another field that begins with `rope` or `rotary`, a field that is missing, the base among
            them, layers that differ without a `layer_type`, or as `rope_scaling`.

    Examples:
        >>> config = {"rope_theta": 10_000.0, "hidden_size": 8, "num_attention_heads": 2}
        >>> mc.rope_from_config(config)
        (array([1.  , 0.01]), 1.0)
    """
    if not isinstance(config, Mapping):
        raise TypeError(f"`config` must be a mapping, as `config.to_dict()` is, got {type(config).__name__}")
    config = {name: value for name, value in config.items() if value is not None}
    for name in config:
        if str(name).startswith(("rope", "rotary", "global_head_dim")) and name not in _KNOWN:
            raise ValueError(f"`{name}` of `config` is not known here; known are {', '.join(_KNOWN)}")
    parameters = _of_layers(config, layer_type)
    for name, others in {"rope_theta": ("rotary_emb_base",), "partial_rotary_factor": ("rotary_pct",)}.items():
        for field in (name, *others):
            if field in config:
                parameters.setdefault(name, config[field])
    if "rope_theta" not in parameters:
        raise ValueError("`config` must hold `rope_theta`: models differ in what they take for it if it is left out")
    most = config.get("max_position_embeddings")
    if parameters.get("rope_type", parameters.get("type")) in ("yarn", "llama3", "longrope", "su"):
        original = config.get(_ORIGINAL, parameters.get(_ORIGINAL, most))
        parameters |= {} if original is None else {_ORIGINAL: original}
    return rope_scaling(_head_dim(config), parameters, max_position_embeddings=most, length=length)


def _of_layers(config: Mapping[str, Any], layer_type: str | None) -> dict[str, Any]:
    """The parameters of the layers of a type."""
    both = [config[name] for name in ("rope_parameters", "rope_scaling") if name in config]
    given = both[0] if both else {}
    if both[1:] not in ([], [given]):
        raise ValueError("`rope_parameters` and `rope_scaling` of `config` must say the same")
    if not isinstance(given, Mapping):
        raise TypeError(f"`rope_parameters` must be a mapping, got {given!r:.60}")
    by_type = {name: part for name, part in given.items() if isinstance(part, Mapping)}
    if "rope_local_base_freq" in config and not by_type:
        by_type = {_GLOBAL: given, _LOCAL: {"rope_theta": config["rope_local_base_freq"]}}
    known = tuple(by_type or config.get("layer_types", ()))
    if layer_type is None and by_type:
        raise ValueError(f"`layer_type` must be given, for `config` has RoPE by type: {', '.join(by_type)}")
    if layer_type is not None and layer_type not in known:
        raise ValueError(
            f"`layer_type` must be one that `config` has, {', '.join(known) or 'none'}, got {layer_type!r}"
        )
    part = by_type[layer_type] if by_type and layer_type is not None else given
    return {name: value for name, value in part.items() if value is not None}


def _head_dim(config: Mapping[str, Any]) -> int:
    """Features of a head that may rotate."""
    for name in ("qk_rope_head_dim", "head_dim"):
        if name in config:
            return whole(name, config[name], 1)
    if not {"hidden_size", "num_attention_heads"} <= config.keys():
        raise ValueError("`config` must hold `head_dim`, or `hidden_size` and `num_attention_heads`")
    return whole("hidden_size", config["hidden_size"], 1) // whole(
        "num_attention_heads", config["num_attention_heads"], 1
    )
