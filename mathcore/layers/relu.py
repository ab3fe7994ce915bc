"""ReLU and its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating
from mathcore._compute.blocks import map_elements
from mathcore._compute.reduce import constant


def relu(x: npt.ArrayLike) -> Array:
    r"""Keep positive numbers, replace the rest by zero.

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
    return map_elements(_relu, np.empty(x.shape, x.dtype), x)


def _relu(x: Array, out: Array) -> None:
    """max(x, 0) alone may return the −0 it was given; adding +0 makes it +0 and changes nothing else."""
    zero = _zero(x)
    np.add(np.maximum(x, zero, out=out), zero, out=out)


def relu_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ḡ of `relu` back to its input: the gradient is a mask.

    $$\bar x_i = \bar g_i\,[x_i > 0]$$

    Args:
        cotangent: the shape of x, floats.
        x: as given to `relu`. At 0, where ReLU has no derivative, it is declared to be 0; where x is NaN the result is
            NaN.

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
    return map_elements(_relu_vjp, np.empty(g.shape, g.dtype), x, g)


def _relu_vjp(x: Array, g: Array, out: Array) -> None:
    """A product with the mask would let ∞ and NaN through, and `np.where` guesses a branch for every number."""
    if g.dtype == object or g.itemsize > 8:
        np.copyto(out, np.where(x > 0, g, _zero(g)))
    else:
        bits = np.dtype(f"i{g.itemsize}")
        np.bitwise_and(g.view(bits), -(x > 0).astype(bits), out=out.view(bits))
    if x.dtype != object:
        np.copyto(out, np.nan, where=np.isnan(x))


def _zero(x: Array) -> Any:
    """Zero in the arithmetic of x: for objects 0 · x, so that a Fraction stays one, and one number for all floats."""
    return x * 0 if x.dtype == object else constant(0, x.dtype)
