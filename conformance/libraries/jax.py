"""JAX: `jax.nn` and `jax.numpy` with their gradients, on the CPU, with 64-bit numbers switched on."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

jax.config.update("jax_enable_x64", True)

PACKAGES = ("jax",)
NAMES = {
    "softmax": "jax.nn.softmax",
    "log_softmax": "jax.nn.log_softmax",
    "logsumexp": "jax.nn.logsumexp",
    "argmax": "jax.numpy.argmax",
    "relu": "jax.nn.relu",
    "one_hot": "jax.nn.one_hot",
    "scaled_dot_product_attention": "jax.nn.dot_product_attention",
}


def pulled_back(cotangent: Any, function: Any, *inputs: Any) -> Any:
    """What JAX makes of a cotangent."""
    found = jax.vjp(function, *inputs)[1](cotangent)
    return found if len(found) > 1 else found[0]


def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    return jax.nn.softmax(x, axis, where=where)


def softmax_vjp(cotangent: Any, x: Any, axis: int = -1, *, where: Any = None) -> Any:
    return pulled_back(cotangent, lambda leaf: jax.nn.softmax(leaf, axis, where=where), x)


def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    return jax.nn.log_softmax(x, axis, where=where)


def log_softmax_vjp(cotangent: Any, x: Any, axis: int = -1, *, where: Any = None) -> Any:
    return pulled_back(cotangent, lambda leaf: jax.nn.log_softmax(leaf, axis, where=where), x)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
    return jax.nn.logsumexp(x, axis, keepdims=keepdims, where=where)


def logsumexp_vjp(cotangent: Any, x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
    return pulled_back(cotangent, lambda leaf: jax.nn.logsumexp(leaf, axis, keepdims=keepdims, where=where), x)


def argmax(x: Any, axis: int = -1) -> Any:
    return jnp.argmax(x, axis)


def relu(x: Any) -> Any:
    return jax.nn.relu(x)


def relu_vjp(cotangent: Any, x: Any) -> Any:
    return pulled_back(cotangent, jax.nn.relu, x)


def one_hot(ids: Any, num_classes: int, *, axis: int = -1) -> Any:
    return jax.nn.one_hot(ids, num_classes, axis=axis)


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
    if value.shape[-1] != key.shape[-1]:
        raise NotTriedError("scaled_dot_product_attention", "values of another width than the keys")
    if query.ndim > 4:
        raise NotTriedError("scaled_dot_product_attention", "more than 4 axes")
    single = query.ndim == 2
    if single:
        query, key, value = (x[:, None] for x in (query, key, value))
    mask, bias = (x if x is None else x.reshape((1,) * (4 - x.ndim) + x.shape) for x in (mask, bias))
    answer = jax.nn.dot_product_attention(query, key, value, bias, mask, is_causal=is_causal, scale=scale)
    return answer[:, 0] if single else answer


TARGET = Target.jax(
    "JAX",
    softmax=softmax,
    softmax_vjp=softmax_vjp,
    log_softmax=log_softmax,
    log_softmax_vjp=log_softmax_vjp,
    logsumexp=logsumexp,
    logsumexp_vjp=logsumexp_vjp,
    argmax=argmax,
    relu=relu,
    relu_vjp=relu_vjp,
    one_hot=one_hot,
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
