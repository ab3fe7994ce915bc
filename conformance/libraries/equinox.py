"""Equinox: its linear layer, and its rotary embedding, made for each width and base as a model makes it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

jax.config.update("jax_enable_x64", True)

PACKAGES = ("equinox", "jax")
NAMES = {
    "linear": "equinox.nn.Linear",
    "rope": "equinox.nn.RotaryPositionalEmbedding",
}


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    if x.ndim > 2 or not x.size:
        raise NotTriedError("linear", "more than 2 axes, nothing to map")
    outputs, inputs = weight.shape
    layer = eqx.nn.Linear(inputs, outputs, use_bias=bias is not None, dtype=weight.dtype, key=jax.random.key(0))
    layer = eqx.tree_at(lambda tree: tree.weight, layer, weight)
    layer = layer if bias is None else eqx.tree_at(lambda tree: tree.bias, layer, bias)
    return layer(x) if x.ndim == 1 else jax.vmap(layer)(x)


def rope(x: Any, *, base: float = 10_000.0) -> Any:
    if x.ndim != 2:
        raise NotTriedError("rope", "arrays of other than 2 axes")
    return eqx.nn.RotaryPositionalEmbedding(x.shape[-1], theta=base, dtype=x.dtype)(x)


TARGET = Target.jax(
    "Equinox",
    linear=linear,
    rope=rope,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(shapes=8),  # every shape is compiled anew
    conventions=Conventions(linear_weight="out-in"),
)
