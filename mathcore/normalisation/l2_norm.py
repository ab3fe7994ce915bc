"""Vectors divided by their lengths, and the derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating, quiet, rounded
from mathcore._compute.lengths import direction, or_one, rows_along, times_power_of_two, unit_scale
from mathcore._scalars import real


def l2_norm(x: npt.ArrayLike, *, axis: int = -1, epsilon: float = 1e-12) -> Array:
    r"""Divide every vector by its length, or by ε where it is shorter.

    $$y_i = \frac{x_i}{\max(\lVert x\rVert, \epsilon)}, \qquad \lVert x\rVert = \sqrt{\textstyle\sum_j x_j^2}$$

    As `torch.nn.functional.normalize` and `ggml_l2_norm` have it. Other code adds ε under the root, which is another
    function. Vectors are first scaled by a power of two, so that no square overflows or underflows.

    Args:
        x: floats, of one axis or more.
        axis: where the vectors lie.
        epsilon: what a shorter vector is divided by. With 0, a vector of zeros stays what it is.

    Returns:
        The shape and dtype of x; float16 and bfloat16 are computed in float32. Of a vector with NaN all is NaN.

    Raises:
        TypeError: if x is not floating.
        ValueError: if there is no such axis, or ε is negative or not finite.

    Examples:
        >>> mc.l2_norm([[3.0, 4.0], [0.0, 0.0]])  # of lengths 5 and 0
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    x, axis, epsilon = _checked(x, axis, epsilon)
    with quiet():
        rows = rows_along(x, axis)
        unit, length, power = direction(rows)
        y = np.where(_short(length, power, epsilon), rows / or_one(np.asarray(epsilon, rows.dtype)), unit)
        return rounded(np.moveaxis(y, -1, axis), like=x)


def l2_norm_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike, *, axis: int = -1, epsilon: float = 1e-12) -> Array:
    r"""Pull a cotangent ȳ of `l2_norm` back: what would only lengthen a vector is taken out.

    $$\bar x = \frac{\bar y - u\,\langle u, \bar y\rangle}{\lVert x\rVert}, \quad u = \frac{x}{\lVert x\rVert},
      \qquad \text{but} \quad \bar x = \frac{\bar y}{\epsilon} \quad \text{where } \lVert x\rVert \le \epsilon$$

    Args:
        cotangent: floats, the shape of x.
        x, axis, epsilon: as given to `l2_norm`.

    Returns:
        The cotangent of x, in its shape and dtype. Where x is zero and ε = 0, it is taken to be zero.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them. Also if there is no such axis, or ε is negative or
            not finite.

    Examples:
        >>> mc.l2_norm_vjp([1.0, 1.0], x=[2.0, 0.0])  # to the right nothing turns
        array([0. , 0.5])
    """
    x, axis, epsilon = _checked(x, axis, epsilon)
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {x.shape}, got {g.shape}")
    with quiet():
        g = rows_along(g, axis)
        unit, length, power = direction(rows_along(x, axis))
        scaled, g_power = unit_scale(g)
        turned = (scaled - unit * (unit * scaled).sum(-1, keepdims=True)) / or_one(length)
        short = g / epsilon if epsilon else np.zeros_like(g)
        x_bar = np.where(_short(length, power, epsilon), short, times_power_of_two(turned, g_power - power))
        return rounded(np.moveaxis(x_bar, -1, axis), like=x)


def _short(length: Array, power: Array, epsilon: Any) -> Array:
    """Where a vector is not longer than ε; one with NaN is not short."""
    return np.asarray(times_power_of_two(length, power) <= epsilon, np.bool_)


def _checked(x: npt.ArrayLike, axis: int, epsilon: float) -> tuple[Array, int, Any]:
    x = floating("x", x)
    return x, axis_index("x", x, axis), real("epsilon", epsilon, 0, beside=x)
