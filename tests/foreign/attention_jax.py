"""Attention in JAX: the one of `jax.nn`, by hand, and its gradient."""

import functools

import jax
import jax.numpy as jnp

from mathcore.verify import Conventions, Restrictions, Target

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)  # most of the time here is that of compiling


@functools.partial(jax.jit, static_argnames="is_causal")
def fused(query, key, value, *, mask=None, bias=None, is_causal=False, scale=None):
    """`jax.nn.dot_product_attention`, which takes (batch, time, heads, width)."""
    if query.ndim > 4 or value.shape[-1] != key.shape[-1]:
        raise NotImplementedError("more than 4 axes; values of another width than the keys")
    if query.ndim == 2:
        query, key, value = (x[:, None] for x in (query, key, value))
        return fused(query, key, value, mask=mask, bias=bias, is_causal=is_causal, scale=scale)[:, 0]
    mask, bias = (x if x is None else x.reshape((1,) * (4 - x.ndim) + x.shape) for x in (mask, bias))
    return jax.nn.dot_product_attention(query, key, value, bias, mask, is_causal=is_causal, scale=scale)


@functools.partial(jax.jit, static_argnames="is_causal")
def by_hand(query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None):
    """`jnp.where` and `jax.nn.softmax`, with zeros for a row that sees nothing."""
    if query.ndim > 2:
        key, value = (jnp.repeat(x, query.shape[-3] // x.shape[-3], axis=-3) for x in (key, value))
    scores = jnp.einsum("...qd,...kd->...qk", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    seen = jnp.ones(scores.shape, bool) if mask is None else jnp.broadcast_to(mask, scores.shape)
    if is_causal:
        seen = seen & (jnp.arange(key.shape[-2]) <= jnp.arange(query.shape[-2])[:, None] + query_offset)
    seen = seen & (scores > -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1, where=seen)
    return jnp.einsum("...qk,...kd->...qd", weights, value)


@functools.partial(jax.jit, static_argnames="is_causal")
def by_hand_backward(cotangent, query, key, value, *, mask=None, is_causal=False, scale=None):
    return jax.vjp(lambda *x: by_hand(*x, mask=mask, is_causal=is_causal, scale=scale), query, key, value)[1](cotangent)


FEW = Restrictions(finite=True, shapes=4)  # every shape is compiled anew
TARGETS = (
    Target.jax("attention, JAX, fused", scaled_dot_product_attention=fused, dtypes="float32", restrictions=FEW,
               conventions=Conventions(errors="none", attention_layout="time-first", attention_of_nothing="mean")),
    Target.jax("attention, JAX, by hand", scaled_dot_product_attention=by_hand, dtypes="float32", restrictions=FEW,
               scaled_dot_product_attention_vjp=by_hand_backward,
               conventions=Conventions(errors="none", subnormals="flushed")),
)  # fmt: skip
