"""Keras: `keras.ops` on its JAX backend."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
from keras import ops

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

jax.config.update("jax_enable_x64", True)

PACKAGES = ("keras", "jax")
NAMES = {
    "softmax": "keras.ops.softmax",
    "log_softmax": "keras.ops.log_softmax",
    "logsumexp": "keras.ops.logsumexp",
    "relu": "keras.ops.relu",
    "scaled_dot_product_attention": "keras.ops.dot_product_attention",
}


def softmax(x: Any, axis: int = -1) -> Any:
    return ops.softmax(x, axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    return ops.log_softmax(x, axis)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return ops.logsumexp(x, axis, keepdims)


def relu(x: Any) -> Any:
    return ops.relu(x)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Any:
    if query.ndim != 4 or value.shape[-1] != key.shape[-1]:
        raise NotTriedError("scaled_dot_product_attention", "other than 4 axes, values of another width than the keys")
    mask, bias = (x if x is None else x.reshape((1,) * (4 - x.ndim) + x.shape) for x in (mask, bias))
    return ops.dot_product_attention(query, key, value, bias, mask, scale, is_causal)


TARGET = Target.jax(
    "Keras",
    softmax=softmax,
    log_softmax=log_softmax,
    logsumexp=logsumexp,
    relu=relu,
    scaled_dot_product_attention=scaled_dot_product_attention,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(shapes=8),  # every shape is compiled anew
    conventions=Conventions(
        errors="none",
        softmax_of_nothing="nan",
        attention_layout="time-first",
        attention_of_nothing="mean",
        subnormals="flushed",
    ),
)
