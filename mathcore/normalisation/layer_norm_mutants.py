"""Layer normalisations that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Function = Callable[..., Any]


def wide(x: Any) -> Any:
    """A 16-bit array in float32."""
    return x.astype(np.float32) if x.dtype.name in ("float16", "bfloat16") else x


def _finished(centred: Any, variance: Any, x: Any, weight: Any, bias: Any, epsilon: float) -> Any:
    y = centred / np.sqrt(variance + epsilon) * wide(weight) + wide(bias)
    return y.astype(np.result_type(x, weight, bias))


def _mean(x: Any) -> Any:
    return x.sum(-1, keepdims=True) / max(x.shape[-1], 1)


@mutant("layer_norm")
def mean_kept(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Divides by the root mean square without subtracting the mean, as RMS norm does."""
    return _finished(wide(x), _mean(wide(x) ** 2), x, weight, bias, epsilon)


@mutant("layer_norm")
def unbiased_variance(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Divides the sum of squares by n − 1, as an estimate of a variance does."""
    c, n = wide(x) - _mean(wide(x)), x.shape[-1]
    return _finished(c, _mean(c * c) * (n / max(n - 1, 1)), x, weight, bias, epsilon)


@mutant("layer_norm")
def variance_in_one_pass(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Takes the mean of the squares minus the square of the mean, which cancels where the mean is large."""
    m = _mean(wide(x))
    return _finished(wide(x) - m, np.maximum(_mean(wide(x) ** 2) - m * m, 0), x, weight, bias, epsilon)


@mutant("layer_norm")
def epsilon_outside(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Adds ε to the deviation and not to the variance."""
    c = wide(x) - _mean(wide(x))
    return _finished(c, (np.sqrt(_mean(c * c)) + epsilon) ** 2, x, weight, bias, 0.0)


@mutant("layer_norm")
def epsilon_fixed(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Uses its own ε whatever it is given."""
    c = wide(x) - _mean(wide(x))
    return _finished(c, _mean(c * c), x, weight, bias, 1e-6)


@mutant("layer_norm", wraps=True)
def bias_forgotten(correct: Function) -> Function:
    """Leaves the bias out."""
    return lambda x, weight, bias, **how: correct(x, weight, bias * 0, **how)


@mutant("layer_norm", wraps=True)
def weight_plus_one(correct: Function) -> Function:
    """Multiplies by 1 + w, the convention of other models."""
    return lambda x, weight, bias, **how: correct(x, weight + weight.dtype.type(1), bias, **how)


@mutant("layer_norm")
def whole_array(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Takes one mean and one variance over all rows."""
    c = wide(x) - wide(x).sum() / max(x.size, 1)
    return _finished(c, (c * c).sum() / max(x.size, 1), x, weight, bias, epsilon)


@mutant("layer_norm")
def in_the_storage_format(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
    """Adds up in the dtype of the input, where 16 bits lose the small terms."""
    n = max(x.shape[-1], 1)
    mean = np.add.accumulate(x, axis=-1, dtype=x.dtype)[..., -1:] / x.dtype.type(n) if x.size else x[..., :0]
    c = wide(x) - wide(mean) if x.size else wide(x)
    return _finished(c, _mean(c * c), x, weight, bias, epsilon)


@mutant("layer_norm", wraps=True)
def wide_rows_cut(correct: Function) -> Function:
    """Takes the mean and the variance of at most 1,024 numbers."""

    def wrong(x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
        if x.shape[-1] <= 1024:
            return correct(x, weight, bias, epsilon=epsilon)
        head = wide(x)[..., :1024]
        c = head - _mean(head)
        return _finished(wide(x) - _mean(head), _mean(c * c), x, weight, bias, epsilon)

    return wrong


@mutant("layer_norm", wraps=True)
def rows_touch(correct: Function) -> Function:
    """Adds 0 times the sum of everything: one NaN reaches every row."""

    def wrong(x: Any, weight: Any, bias: Any, **how: Any) -> Any:
        y = correct(x, weight, bias, **how)
        with np.errstate(invalid="ignore", over="ignore"):
            return (y + x.dtype.type(0) * x.sum()).astype(y.dtype)

    return wrong


@mutant("layer_norm", wraps=True)
def any_shape(correct: Function) -> Function:
    """Broadcasts a weight of another shape."""

    def wrong(x: Any, weight: Any, bias: Any, **how: Any) -> Any:
        return correct(x, weight, bias, **how) if np.shape(weight) == np.shape(x)[-1:] else x * 0

    return wrong


def _pulled(x: Any, weight: Any, g: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """z, r and h."""
    c = wide(x) - _mean(wide(x))
    r = np.sqrt(_mean(c * c) + epsilon)
    return c / r, r, wide(g) * wide(weight)


@mutant("layer_norm_vjp", wraps=True)
def mean_not_taken_out(correct: Function) -> Function:
    """Takes out what would lengthen a row, but not what would move it."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
        z, r, h = _pulled(x, weight, g, epsilon)
        return ((h - z * _mean(z * h)) / r).astype(x.dtype), *correct(g, x, weight, bias, epsilon=epsilon)[1:]

    return wrong


@mutant("layer_norm_vjp", wraps=True)
def length_not_taken_out(correct: Function) -> Function:
    """Treats the deviation as a constant."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any, *, epsilon: float = 1e-5) -> Any:
        _, r, h = _pulled(x, weight, g, epsilon)
        return ((h - _mean(h)) / r).astype(x.dtype), *correct(g, x, weight, bias, epsilon=epsilon)[1:]

    return wrong


@mutant("layer_norm_vjp", wraps=True)
def weight_forgotten(correct: Function) -> Function:
    """Gives the gradient of the rows as if the weight were 1."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any, **how: Any) -> Any:
        return correct(g, x, np.ones_like(weight), bias, **how)[0], *correct(g, x, weight, bias, **how)[1:]

    return wrong


@mutant("layer_norm_vjp", wraps=True)
def bias_of_the_last_row(correct: Function) -> Function:
    """Keeps the gradient of the bias from the last row alone."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any, **how: Any) -> Any:
        x_bar, w_bar, b_bar = correct(g, x, weight, bias, **how)
        return x_bar, w_bar, g.reshape(-1, g.shape[-1])[-1].astype(bias.dtype) if g.size else b_bar

    return wrong


@mutant("layer_norm_vjp", wraps=True)
def weights_of_64_rows(correct: Function) -> Function:
    """Adds up the gradient of the weight over 64 rows at most."""

    def wrong(g: Any, x: Any, weight: Any, bias: Any, **how: Any) -> Any:
        few = (a.reshape(-1, x.shape[-1])[:64] if x.size else a for a in (g, x))
        x_bar, _, b_bar = correct(g, x, weight, bias, **how)
        return x_bar, correct(*few, weight, bias, **how)[1], b_bar

    return wrong
