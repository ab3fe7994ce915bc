"""The square of ReLU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, floating_as
from mathcore._compute.blocks import map_elements
from mathcore.layers.relu import _zero


def relu_squared(x: npt.ArrayLike) -> Array:
    r"""Square positive numbers, replace the rest by zero.

    $$\operatorname{relu}^2(x) = \max(x, 0)^2$$

    Args:
        x: any shape, floats.

    Returns:
        The shape and dtype of x; 16-bit squares are rounded once.

    Raises:
        TypeError: if x is not floating.

    Source:
        So et al., Primer: Searching for Efficient Transformers for Language Modeling, arXiv:2109.08668, §4.

    Examples:
        >>> mc.relu_squared([-2.0, 0.0, 3.0])
        array([0., 0., 9.])
    """
    x = floating("x", x)
    return map_elements(_relu_squared, np.empty(x.shape, x.dtype), x)


def _relu_squared(x: Array, out: Array) -> None:
    positive = np.asarray(np.maximum(x, _zero(x)), x.dtype)  # of one object NumPy returns the object
    np.multiply(positive, positive, out=out)


def relu_squared_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ḡ of `relu_squared` back to its input.

    $$\bar x_i = 2\,\bar g_i \max(x_i, 0)$$

    Args:
        cotangent: the shape of x, floats.
        x: as given to `relu_squared`.

    Returns:
        The shape of x in the dtype of the cotangent; exactly 0 where x ≤ 0, whatever the cotangent holds there, and
        NaN where x is NaN.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.

    Examples:
        >>> mc.relu_squared_vjp([1.0, 1.0, 1.0], x=[-2.0, 0.0, 3.0])
        array([0., 0., 6.])
    """
    g = floating("cotangent", cotangent)
    x = floating_as("x", x, g)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of x {x.shape}, got {g.shape}")
    return map_elements(_relu_squared_vjp, np.empty(g.shape, g.dtype), x, g)


def _relu_squared_vjp(x: Array, g: Array, out: Array) -> None:
    """The product is doubled, not a factor: a doubled factor could overflow where the result does not."""
    product = x * g
    np.copyto(out, np.where(x <= 0, _zero(product), product + product), casting="same_kind")
