"""The laws of the activations beyond ReLU."""

from __future__ import annotations

from mathcore.layers.activation_records import (
    GELU,
    GELU_VJP,
    RELU_SQUARED,
    RELU_SQUARED_VJP,
    SIGMOID,
    SIGMOID_VJP,
    SILU,
    SILU_VJP,
    SOFTPLUS,
    SOFTPLUS_VJP,
)
from mathcore.verify import laws

of_activations = (
    *laws.every_law(SIGMOID, SIGMOID_VJP),
    *laws.every_law(SOFTPLUS, SOFTPLUS_VJP),
    *laws.every_law(SILU, SILU_VJP),
    *laws.every_law(GELU, GELU_VJP),
    *laws.every_law(RELU_SQUARED, RELU_SQUARED_VJP),
    laws.defaults(GELU, GELU_VJP, approximate=("none", "tanh")),
)
