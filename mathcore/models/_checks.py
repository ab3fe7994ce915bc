"""The arguments of a transformer, checked: names of parameters, sizes, caches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathcore._arrays import Array
from mathcore._scalars import is_a, mapping, real, whole
from mathcore.attention.cache import KeyValueCache

MOST = 2**31 - 1  # of any size


def _checked(params: Mapping[str, Array], num_heads: int, rope_base: float) -> tuple[int, float]:
    """That every parameter is there, and the options."""
    mapping("params", params)
    parts = ("attention.norm", *(f"attention.{n}" for n in ("query", "key", "value", "output")), "mlp.norm", "mlp.down")
    layers = (f"{layer}.{part}" for layer in range(_num_layers(params)) for part in parts)
    for name in ("embedding", "norm", "scores", *layers):
        if name not in params:
            raise KeyError(f"`params` must have a parameter {name!r}, as `init_transformer` names them")
    return whole("num_heads", num_heads, 1, MOST), real("rope_base", rope_base, 1)


def _num_layers(params: Mapping[str, Array]) -> int:
    return sum(name.endswith(".mlp.up") for name in params)


def _checked_caches(caches: Any, layers: int) -> tuple[KeyValueCache, ...]:
    """One cache a layer; none at all means that there is nothing before."""
    if not isinstance(caches, (tuple, list)):
        raise TypeError(f"`caches` must be a sequence of KeyValueCache, got {type(caches).__name__}")
    caches = tuple(caches) or (KeyValueCache(),) * layers
    if len(caches) != layers:
        raise ValueError(f"`caches` must hold one cache for each of {layers} layers, got {len(caches)}")
    for cache in caches:
        is_a("caches", cache, KeyValueCache)
    return caches
