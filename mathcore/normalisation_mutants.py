"""Normalisations that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Operation = Callable[..., Any]


def wide(x: Any) -> Any:
    """A 16-bit array in float32."""
    return x.astype(np.float32) if x.dtype.name in ("float16", "bfloat16") else x


@mutant("rms_norm")
def sum_of_squares(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Divides by the length, not by the root of the mean square."""
    r = np.sqrt((wide(x) ** 2).sum(-1, keepdims=True) + epsilon)
    return (wide(x) / r * wide(weight)).astype(x.dtype)


@mutant("rms_norm")
def centred(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Subtracts the mean first, as layer normalisation does."""
    c = wide(x) - wide(x).mean(-1, keepdims=True)
    return (c / np.sqrt((c**2).mean(-1, keepdims=True) + epsilon) * wide(weight)).astype(x.dtype)


@mutant("rms_norm")
def whole_array(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Takes one mean over all rows."""
    return (wide(x) / np.sqrt((wide(x) ** 2).mean() + epsilon) * wide(weight)).astype(x.dtype)


@mutant("rms_norm")
def epsilon_outside(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Adds ε to the root and not under it."""
    return (wide(x) / (np.sqrt((wide(x) ** 2).mean(-1, keepdims=True)) + epsilon) * wide(weight)).astype(x.dtype)


@mutant("rms_norm")
def epsilon_fixed(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Uses its own ε whatever it is given."""
    return (wide(x) / np.sqrt((wide(x) ** 2).mean(-1, keepdims=True) + 1e-5) * wide(weight)).astype(x.dtype)


@mutant("rms_norm")
def weight_plus_one(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Multiplies by 1 + w, the convention of other models."""
    return (wide(x) / np.sqrt((wide(x) ** 2).mean(-1, keepdims=True) + epsilon) * (1 + wide(weight))).astype(x.dtype)


@mutant("rms_norm")
def in_the_storage_format(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
    """Squares and adds in the format of the input, where float16 overflows at 256."""
    squares = np.add.accumulate(x * x, axis=-1, dtype=x.dtype)[..., -1:]
    r = np.sqrt(wide(squares) / x.shape[-1] + epsilon)
    return (wide(x) / r * wide(weight)).astype(x.dtype)


@mutant("rms_norm_vjp", wraps=True)
def length_not_taken_out(correct: Operation) -> Operation:
    """Treats the root mean square as a constant."""

    def wrong(g: Any, x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        r = np.sqrt((wide(x) ** 2).mean(-1, keepdims=True) + epsilon)
        return (wide(g) * wide(weight) / r).astype(x.dtype), correct(g, x, weight, epsilon=epsilon)[1]

    return wrong


@mutant("rms_norm_vjp", wraps=True)
def weight_forgotten(correct: Operation) -> Operation:
    """Pulls back as if the weight were 1."""

    def wrong(g: Any, x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        one = np.ones_like(weight)
        return correct(g, x, one, epsilon=epsilon)[0], correct(g, x, weight, epsilon=epsilon)[1]

    return wrong


@mutant("rms_norm_vjp", wraps=True)
def last_row_of_weights(correct: Operation) -> Operation:
    """Keeps the cotangent of the weight from the last row alone."""

    def wrong(g: Any, x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        last = correct(g.reshape(-1, x.shape[-1])[-1:], x.reshape(-1, x.shape[-1])[-1:], weight, epsilon=epsilon)
        return correct(g, x, weight, epsilon=epsilon)[0], last[1]

    return wrong


@mutant("rms_norm_vjp", wraps=True)
def nothing_sent_back(correct: Operation) -> Operation:
    """Sends zeros back."""

    def wrong(g: Any, x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        return x * 0, weight * 0

    return wrong


@mutant("rms_norm", wraps=True)
def any_shape(correct: Operation) -> Operation:
    """Broadcasts a weight of another shape."""

    def wrong(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        fit = x.ndim and np.shape(weight) == x.shape[-1:]
        return correct(x, weight, epsilon=epsilon) if fit else x * 0

    return wrong
