"""Flax: `flax.linen`'s dense layer and attention."""

from __future__ import annotations

from typing import Any

import jax
from flax import linen

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

jax.config.update("jax_enable_x64", True)

PACKAGES = ("flax", "jax")
NAMES = {
    "linear": "flax.linen.Dense",
    "scaled_dot_product_attention": "flax.linen.dot_product_attention",
}


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    if not weight.size:
        raise NotTriedError("linear", "layers without a weight")
    parameters = {"kernel": weight} if bias is None else {"kernel": weight, "bias": bias}
    layer = linen.Dense(weight.shape[-1], use_bias=bias is not None)
    return layer.apply({"params": parameters}, x)


def scaled_dot_product_attention(query: Any, key: Any, value: Any, *, mask: Any = None, bias: Any = None) -> Any:
    if not query.size * key.size * value.size:
        raise NotTriedError("scaled_dot_product_attention", "arrays of nothing")
    if query.ndim > 2 and query.shape[-2] != key.shape[-2]:
        raise NotTriedError("scaled_dot_product_attention", "grouped heads")
    single = query.ndim == 2
    if single:
        query, key, value = (x[:, None] for x in (query, key, value))
    answer = linen.dot_product_attention(query, key, value, bias, mask)
    return answer[:, 0] if single else answer


TARGET = Target.jax(
    "Flax",
    linear=linear,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(shapes=24),  # every shape is compiled anew
    conventions=Conventions(
        errors="none", subnormals="flushed", attention_layout="time-first", attention_of_nothing="mean"
    ),
)
