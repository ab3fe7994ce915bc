"""Norms, ReLU and one-hot vectors in JAX."""

import jax
import jax.numpy as jnp

from mathcore.verify import Conventions, Restrictions, Target

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)  # most of the time here is that of compiling


@jax.jit
def rms_norm(x, weight, *, epsilon=1e-6):
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), -1, keepdims=True) + epsilon) * weight


@jax.jit
def rms_norm_vjp(cotangent, x, weight, *, epsilon=1e-6):
    return jax.vjp(lambda h, w: rms_norm(h, w, epsilon=epsilon), x, weight)[1](cotangent)


@jax.jit
def layer_norm(x, weight, bias, *, epsilon=1e-5):
    mean, variance = jnp.mean(x, -1, keepdims=True), jnp.var(x, -1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon) * weight + bias


@jax.jit
def relu(x):
    return jax.nn.relu(x)


@jax.jit
def relu_vjp(cotangent, x):
    return jax.vjp(jax.nn.relu, x)[1](cotangent)[0]


def one_hot(ids, num_classes, *, axis=-1):
    return jax.nn.one_hot(ids, num_classes, axis=axis)


@jax.jit
def linear(x, weight, bias=None):
    return jnp.matmul(x, weight) if bias is None else jnp.matmul(x, weight) + bias


WIDE = ("float64", "float32")
FEW = Restrictions(shapes=4)  # every shape is compiled anew
LAX = Conventions(errors="none", subnormals="flushed")
TARGETS = (
    Target.jax("RMS norm, JAX", rms_norm=rms_norm, rms_norm_vjp=rms_norm_vjp, dtypes=WIDE, conventions=LAX,
               restrictions=FEW),
    Target.jax("layer norm, JAX", layer_norm=layer_norm, dtypes=WIDE, conventions=LAX, restrictions=FEW),
    Target.jax("ReLU, JAX", relu=relu, relu_vjp=relu_vjp, one_hot=one_hot, dtypes=WIDE, conventions=LAX,
               restrictions=FEW),
    Target.jax("linear, JAX", linear=linear, dtypes=WIDE, conventions=LAX, restrictions=FEW),
)  # fmt: skip
