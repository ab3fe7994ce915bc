"""Layers: a weight matrix, and the kink between two of them."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, rounded, working
from mathcore._blocks import map_numbers


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
    with _quiet():
        y = np.matmul(working(x), working(weight))  # (..., outputs)
        if b is None:
            return y.astype(np.result_type(x, weight), copy=False)
        return (y + working(b)).astype(np.result_type(x, weight, b), copy=False)


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
    with _quiet():
        x_bar = rounded(np.matmul(working(g), working(weight).T), like=x)
        weight_bar = rounded(np.matmul(rows.T, g_rows), like=weight)
        if b is None:
            return x_bar, weight_bar
        return x_bar, weight_bar, rounded(g_rows.sum(axis=0), like=b)


def relu(x: npt.ArrayLike) -> Array:
    r"""Keep what is positive, turn the rest into zero.

    $$\operatorname{relu}(x) = \max(x, 0)$$

    Args:
        x: any shape, floats.

    Returns:
        The shape and dtype of x: positive numbers bit for bit, +0 for negative numbers and both zeros, NaN for NaN.

    Raises:
        TypeError: if x is not floating.

    Examples:
        >>> mc.relu([-2.0, 0.0, 3.0])
        array([0., 0., 3.])
    """
    x = floating("x", x)
    return map_numbers(_relu, np.empty(x.shape, x.dtype), x)


def relu_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ḡ of `relu` back to its input: the gradient is a mask.

    $$\bar x_i = \bar g_i\,[x_i > 0]$$

    Args:
        cotangent: the shape of x, floats.
        x: as given to `relu`. At 0, where ReLU has no derivative, the slope is declared to be 0; where x is NaN the
            result is NaN.

    Returns:
        The shape of x in the dtype of the cotangent; exactly +0 where x ≤ 0, whatever the cotangent holds there.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.

    Examples:
        >>> mc.relu_vjp([5.0, 5.0, 5.0], x=[-2.0, 0.0, 3.0])
        array([0., 0., 5.])
    """
    x, g = floating("x", x), floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    return map_numbers(_relu_vjp, np.empty(g.shape, g.dtype), x, g)


def _relu(x: Array, out: Array) -> None:
    """max(x, 0) alone may return the −0 it was given; adding +0 makes it +0 and changes nothing else."""
    np.add(np.maximum(x, _zero(x), out=out), _zero(x), out=out)


def _relu_vjp(x: Array, g: Array, out: Array) -> None:
    """A product with the mask would let ∞ and NaN through, and `np.where` guesses a branch for every number."""
    if g.dtype == object or g.itemsize > 8:
        np.copyto(out, np.where(x > 0, g, _zero(g)))
    else:
        bits = np.dtype(f"i{g.itemsize}")
        np.bitwise_and(g.view(bits), -(x > 0).astype(bits), out=out.view(bits))
    if x.dtype != object:
        np.copyto(out, np.nan, where=np.isnan(x))


def low_rank(weight: npt.ArrayLike, rank: int) -> tuple[Array, Array]:
    r"""Replace one matrix by two thin ones: its best approximation of a rank.

    $$W \approx LR, \qquad L = U_r \Sigma_r^{1/2}, \quad R = \Sigma_r^{1/2} V_r^\top$$

    with the r largest singular values of $W = U \Sigma V^\top$. No factors of rank r come closer, neither in the
    spectral norm nor in Frobenius norm. There is no derivative here: singular vectors have none where values meet.

    Args:
        weight: (inputs, outputs), floats.
        rank: 1 ≤ r ≤ min(inputs, outputs).

    Returns:
        L (inputs, r) and R (r, outputs), in the dtype of weight. They hold r (inputs + outputs) numbers.

    Raises:
        TypeError: if weight is not floating (LAPACK knows no objects and no long doubles), or rank not an integer.
        ValueError: if weight is not a matrix of finite numbers, or the rank is out of range.

    Examples:
        >>> left, right = mc.low_rank([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]], rank=1)
        >>> left.shape, right.shape
        ((2, 1), (1, 3))
        >>> (left @ right).round(6)
        array([[1., 2., 3.],
               [2., 4., 6.]])

    Source:
        Eckart & Young, Psychometrika 1 (1936), doi:10.1007/BF02288367.
    """
    weight = floating("weight", weight)
    if weight.ndim != 2:
        raise ValueError(f"`weight` must have shape (inputs, outputs), got {weight.shape}")
    if not 1 <= operator.index(rank) <= min(weight.shape):
        raise ValueError(
            f"`rank` must lie in [1, {min(weight.shape)}] for a weight of shape {weight.shape}, got {rank}"
        )
    matrix = working(weight)
    if not np.isfinite(matrix).all():  # LAPACK would not converge on NaN, and return NaN for ∞
        raise ValueError("`weight` must be finite, got NaN or infinity")
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(s[:rank])  # (rank,)
    return rounded(u[:, :rank] * root, like=weight), rounded(root[:, None] * vt[:rank], like=weight)


def _zero(x: Array) -> Any:
    """Zero in the arithmetic of x: for objects 0 · x, so that a Fraction stays one, and one number for all floats."""
    return x * 0 if x.dtype == object else x.dtype.type(0)


def _quiet() -> np.errstate:
    """Overflow and ∞ − ∞ have defined results; whether a product warns of them would depend on the BLAS."""
    return np.errstate(over="ignore", invalid="ignore")


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
