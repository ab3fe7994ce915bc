"""The mathematics of language models: small exact primitives on NumPy alone."""

from mathcore.layers import linear, linear_vjp, low_rank, relu, relu_vjp
from mathcore.probability import (
    argmax,
    cross_entropy,
    cross_entropy_vjp,
    log_softmax,
    log_softmax_vjp,
    logsumexp,
    logsumexp_vjp,
    softmax,
    softmax_vjp,
    temperature_softmax,
    temperature_softmax_vjp,
)

__all__ = [
    "argmax",
    "cross_entropy",
    "cross_entropy_vjp",
    "linear",
    "linear_vjp",
    "log_softmax",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_vjp",
    "low_rank",
    "relu",
    "relu_vjp",
    "softmax",
    "softmax_vjp",
    "temperature_softmax",
    "temperature_softmax_vjp",
]
