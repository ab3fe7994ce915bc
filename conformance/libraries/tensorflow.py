"""TensorFlow: `tf.nn` and its gradients, on the CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError
from mathcore.verify.targets.adapters import Script

PACKAGES = ("tensorflow-cpu",)
NAMES = {
    "softmax": "tf.nn.softmax",
    "log_softmax": "tf.nn.log_softmax",
    "logsumexp": "tf.reduce_logsumexp",
    "argmax": "tf.argmax",
    "relu": "tf.nn.relu",
    "cross_entropy": "tf.nn.sparse_softmax_cross_entropy_with_logits",
    "embedding": "tf.nn.embedding_lookup",
}


def pulled_back(cotangent: Any, function: Any, x: Any) -> Any:
    """What a gradient tape makes of a cotangent."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        answer = function(x)
    return tape.gradient(answer, x, cotangent, unconnected_gradients="zero")


def softmax(x: Any, axis: int = -1) -> Any:
    return tf.nn.softmax(x, axis)


def softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: tf.nn.softmax(leaf, axis), x)


def log_softmax(x: Any, axis: int = -1) -> Any:
    return tf.nn.log_softmax(x, axis)


def log_softmax_vjp(cotangent: Any, x: Any, axis: int = -1) -> Any:
    return pulled_back(cotangent, lambda leaf: tf.nn.log_softmax(leaf, axis), x)


def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return tf.reduce_logsumexp(x, axis, keepdims)


def logsumexp_vjp(cotangent: Any, x: Any, axis: int = -1, *, keepdims: bool = False) -> Any:
    return pulled_back(cotangent, lambda leaf: tf.reduce_logsumexp(leaf, axis, keepdims), x)


def argmax(x: Any, axis: int = -1) -> Any:
    return tf.argmax(x, axis)


def relu(x: Any) -> Any:
    return tf.nn.relu(x)


def relu_vjp(cotangent: Any, x: Any) -> Any:
    return pulled_back(cotangent, tf.nn.relu, x)


def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
    if logits.ndim < 2:
        raise NotTriedError("cross_entropy", "logits of one axis")
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(targets, tf.int64), logits)
    return losses if reduction == "none" else {"mean": tf.reduce_mean, "sum": tf.reduce_sum}[reduction](losses)


def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
    return pulled_back(cotangent, lambda leaf: cross_entropy(leaf, targets, reduction=reduction), logits)


def embedding(ids: Any, weight: Any) -> Any:
    return tf.nn.embedding_lookup(weight, ids)


def to_native(x: Any) -> Any:
    """A tensor of an array."""
    return tf.constant(np.array(x, order="C"))


def to_numpy(value: Any) -> Any:
    """An array of a tensor."""
    if isinstance(value, (tf.Tensor, tf.Variable, np.ndarray, np.generic, bool, int, float)):
        return np.array(value)
    raise TypeError("not a tensor")


TARGET = Target.converting(
    "TensorFlow",
    to_native,
    to_numpy,
    softmax=softmax,
    softmax_vjp=softmax_vjp,
    log_softmax=log_softmax,
    log_softmax_vjp=log_softmax_vjp,
    logsumexp=logsumexp,
    logsumexp_vjp=logsumexp_vjp,
    argmax=argmax,
    relu=relu,
    relu_vjp=relu_vjp,
    cross_entropy=cross_entropy,
    cross_entropy_vjp=cross_entropy_vjp,
    embedding=embedding,
    dtypes=("float64", "float32"),
    conventions=Conventions(softmax_of_nothing="nan", argmax_nan="ignored", subnormals="flushed"),
)
TARGET = replace(
    TARGET,
    adapter=replace(TARGET.adapter, script=Script("import tensorflow as tf", "tf.constant({})", "np.array({})")),
)
