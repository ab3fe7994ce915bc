"""A linear layer and its derivative."""

from __future__ import annotations

import math
from typing import overload

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, rounded, working


def linear(x: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    r"""A layer: every output is the dot product of the input row with one column of `weight`.

    $$y = xW + b, \qquad y_j = \sum_i x_i W_{ij} + b_j$$

    Args:
        x: (..., inputs), floats.
        weight: (inputs, outputs), floats; column j is the weight vector of output j.
        bias: (outputs,), floats, or None for no bias.

    Returns:
        (..., outputs), in the dtype NumPy promotes the inputs to. float16 and bfloat16 accumulate in float32
        and are rounded once. What overflows is infinite and ∞ − ∞ is NaN, without a warning.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not touch; the message gives them. Nothing is broadcast over `weight`.

    Examples:
        >>> mc.linear([1.0, 2.0], weight=[[1.0, 3.0], [2.0, 4.0]], bias=[10.0, 20.0])
        array([15., 31.])

    Source:
        Higham, Accuracy and Stability of Numerical Algorithms (2002), §3.5 for the error bound.
    """
    x, weight = floating("x", x), floating("weight", weight)
    _check_layer(x, weight)
    b = None if bias is None else _checked_bias(bias, weight)
    with quiet():
        y = np.matmul(working(x), working(weight))  # (..., outputs)
        if b is None:
            return y.astype(np.result_type(x, weight), copy=False)
        return (y + working(b)).astype(np.result_type(x, weight, b), copy=False)


@overload
def linear_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, weight: npt.ArrayLike, bias: None = None
) -> tuple[Array, Array]: ...
@overload
def linear_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike
) -> tuple[Array, Array, Array]: ...
def linear_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None
) -> tuple[Array, Array] | tuple[Array, Array, Array]:
    r"""Pull a cotangent ȳ of `linear` back to its inputs.

    $$\bar x = \bar y W^\top, \qquad \bar W = \sum_{\text{rows}} x^\top \bar y, \qquad
      \bar b = \sum_{\text{rows}} \bar y$$

    Args:
        cotangent: (..., outputs), floats, the shape of `linear(x, weight, bias)`.
        x, weight, bias: as given to `linear`.

    Returns:
        The cotangents of x (..., inputs), weight (inputs, outputs) and, if a bias was given, bias (outputs,),
        each in the dtype of its input.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> x_bar, weight_bar = mc.linear_vjp([1.0, 1.0], x=[5.0, 6.0], weight=[[1.0, 2.0], [3.0, 4.0]])
        >>> x_bar
        array([3., 7.])
        >>> weight_bar
        array([[5., 5.],
               [6., 6.]])
    """
    x, weight, g = floating("x", x), floating("weight", weight), floating("cotangent", cotangent)
    _check_layer(x, weight)
    if g.shape != (*x.shape[:-1], weight.shape[1]):
        expected = (*x.shape[:-1], weight.shape[1])
        raise ValueError(f"`cotangent` must have the shape of the output {expected}, got {g.shape}")
    b = None if bias is None else _checked_bias(bias, weight)
    count = math.prod(x.shape[:-1])  # NumPy cannot infer it where a width is 0
    rows = working(x).reshape(count, x.shape[-1])  # (rows, inputs)
    g_rows = working(g).reshape(count, g.shape[-1])  # (rows, outputs)
    with quiet():
        x_bar = rounded(np.matmul(working(g), working(weight).T), like=x)
        weight_bar = rounded(np.matmul(rows.T, g_rows), like=weight)
        if b is None:
            return x_bar, weight_bar
        return x_bar, weight_bar, rounded(g_rows.sum(axis=0), like=b)


def _check_layer(x: Array, weight: Array) -> None:
    """The inner dimensions must touch: a row of n numbers meets a matrix n high."""
    if weight.ndim != 2:
        raise ValueError(f"`weight` must have shape (inputs, outputs), got {weight.shape}")
    if x.ndim == 0 or x.shape[-1] != weight.shape[0]:
        raise ValueError(
            f"`x` must have a last axis of {weight.shape[0]}, the inputs of `weight` {weight.shape}, got {x.shape}"
        )


def _checked_bias(bias: npt.ArrayLike, weight: Array) -> Array:
    """One number for each output, and nothing that would be broadcast."""
    array = floating("bias", bias)
    if array.shape != weight.shape[1:]:
        raise ValueError(f"`bias` must have shape (outputs,) = {weight.shape[1:]}, got {array.shape}")
    return array
