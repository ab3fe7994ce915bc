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


@mutant("rms_norm_vjp", wraps=True)
def eight_features_taken_out(correct: Operation) -> Operation:
    """Adds up what would lengthen a row over its first eight features alone."""

    def wrong(g: Any, x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        x_bar, w_bar = correct(g, x, weight, epsilon=epsilon)
        if x.shape[-1] <= 8:
            return x_bar, w_bar
        r = np.sqrt((wide(x) ** 2).mean(-1, keepdims=True) + epsilon)
        u, h = wide(x) / r, wide(g) * wide(weight)
        along = (u * h)[..., :8].sum(-1, keepdims=True) / x.shape[-1]
        return ((h - u * along) / r).astype(x.dtype), w_bar

    return wrong


@mutant("rms_norm_vjp", wraps=True)
def weights_of_64_rows(correct: Operation) -> Operation:
    """Adds up the cotangent of the weight over 64 rows at most."""

    def wrong(g: Any, x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        few = (a.reshape(-1, x.shape[-1])[:64] if x.size else a for a in (g, x))
        return correct(g, x, weight, epsilon=epsilon)[0], correct(*few, weight, epsilon=epsilon)[1]

    return wrong


@mutant("rms_norm", wraps=True)
def wide_rows_cut(correct: Operation) -> Operation:
    """Takes the mean of at most 1,024 squares."""

    def wrong(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        if x.shape[-1] <= 1024:
            return correct(x, weight, epsilon=epsilon)
        r = np.sqrt((wide(x)[..., :1024] ** 2).mean(-1, keepdims=True) + epsilon)
        return (wide(x) / r * wide(weight)).astype(x.dtype)

    return wrong


@mutant("rms_norm", wraps=True)
def rows_touch(correct: Operation) -> Operation:
    """Adds 0 times the sum of everything: one NaN reaches every row."""

    def wrong(x: Any, weight: Any, *, epsilon: float = 1e-6) -> Any:
        y = correct(x, weight, epsilon=epsilon)
        with np.errstate(invalid="ignore"):
            return (y + x.dtype.type(0) * x.sum()).astype(y.dtype)

    return wrong
