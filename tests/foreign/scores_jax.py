"""Softmax and its relatives in JAX: `jax.nn`, and by hand."""

import functools

import jax
import jax.numpy as jnp

from mathcore.verify import Conventions, Restrictions, Target

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)  # most of the time here is that of compiling


along_an_axis = functools.partial(jax.jit, static_argnames="axis")


def pulled_back(cotangent, function, *inputs):
    """What JAX makes of a cotangent."""
    return jax.vjp(function, *inputs)[1](cotangent)[0]


@along_an_axis
def softmax(x, axis=-1, *, where=None):
    return jax.nn.softmax(x, axis, where=where)


@along_an_axis
def softmax_vjp(cotangent, x, axis=-1):
    return pulled_back(cotangent, lambda leaf: jax.nn.softmax(leaf, axis), x)


@along_an_axis
def log_softmax(x, axis=-1):
    return jax.nn.log_softmax(x, axis)


@along_an_axis
def log_softmax_vjp(cotangent, x, axis=-1):
    return pulled_back(cotangent, lambda leaf: jax.nn.log_softmax(leaf, axis), x)


@functools.partial(jax.jit, static_argnames=("axis", "keepdims"))
def logsumexp(x, axis=-1, *, keepdims=False):
    return jax.nn.logsumexp(x, axis, keepdims=keepdims)


@along_an_axis
def by_hand(x, axis=-1):
    e = jnp.exp(x - jnp.max(x, axis, keepdims=True))
    return e / jnp.sum(e, axis, keepdims=True)


@functools.partial(jax.jit, static_argnames="reduction")
def cross_entropy(logits, targets, *, reduction="mean"):
    """By one-hot targets, as in many examples."""
    rows = -jnp.sum(jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype) * jax.nn.log_softmax(logits), -1)
    return rows if reduction == "none" else rows.mean() if reduction == "mean" else rows.sum()


@functools.partial(jax.jit, static_argnames="reduction")
def cross_entropy_vjp(cotangent, logits, targets, *, reduction="mean"):
    return pulled_back(cotangent, lambda leaf: cross_entropy(leaf, targets, reduction=reduction), logits)


@along_an_axis
def argmax(x, axis=-1):
    return jnp.argmax(x, axis)


WIDE = ("float64", "float32")
FEW, FINITE = Restrictions(shapes=4), Restrictions(shapes=4, finite=True)  # every shape is compiled anew
LAX = Conventions(errors="none", softmax_of_nothing="nan", subnormals="flushed")
TARGETS = (
    Target.jax("softmax, JAX", softmax=softmax, softmax_vjp=softmax_vjp, dtypes=WIDE, conventions=LAX,
               restrictions=FINITE),
    Target.jax("log-softmax, JAX", log_softmax=log_softmax, log_softmax_vjp=log_softmax_vjp, dtypes=WIDE,
               conventions=LAX, restrictions=FEW),
    Target.jax("log-sum-exp, JAX", logsumexp=logsumexp, dtypes=WIDE, restrictions=FEW,
               conventions=Conventions(errors="none", subnormals="flushed")),
    Target.jax("softmax by hand, JAX", softmax=by_hand, dtypes=WIDE, conventions=LAX, restrictions=FEW),
    Target.jax("cross-entropy, JAX", cross_entropy=cross_entropy, cross_entropy_vjp=cross_entropy_vjp, dtypes=WIDE,
               restrictions=FINITE, conventions=Conventions(errors="none", subnormals="flushed")),
    Target.jax("jnp.argmax", argmax=argmax, dtypes=WIDE, restrictions=FEW,
               conventions=Conventions(errors="none", subnormals="flushed")),
)  # fmt: skip
