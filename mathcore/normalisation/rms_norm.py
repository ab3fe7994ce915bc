"""Normalisation: the length of a vector set to a standard, its direction kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, able, floating, quiet, rounded, working
from mathcore._compute.reduce import row_sum
from mathcore._scalars import real


def rms_norm(x: npt.ArrayLike, weight: npt.ArrayLike, *, epsilon: float = 1e-6) -> Array:
    r"""Divide every row by its root mean square, then scale every feature by a weight of its own.

    $$y_i = w_i\,\frac{x_i}{\sqrt{\frac1n \sum_j x_j^2 + \epsilon}}$$

    Args:
        x: (..., n), floats.
        weight: (n,), floats.
        epsilon: what keeps a row of zeros finite.

    Returns:
        (..., n), in the dtype that x and weight promote to; float16 and bfloat16 are computed in float32. A row whose
        squares overflow gives zeros.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them. Also if ε is negative or not finite.

    Examples:
        >>> mc.rms_norm([1.0, 7.0], weight=[1.0, 1.0], epsilon=0.0)  # the root mean square is 5
        array([0.2, 1.4])

    Source:
        Zhang & Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467, equation 4.
    """
    x, w = _checked(x, weight)
    epsilon = real("epsilon", epsilon, 0, beside=x)
    with quiet():
        return (_direction(working(x), epsilon)[0] * working(w)).astype(np.result_type(x, w), copy=False)


def rms_norm_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, weight: npt.ArrayLike, *, epsilon: float = 1e-6
) -> tuple[Array, Array]:
    r"""Pull a cotangent ȳ of `rms_norm` back to its inputs: what would lengthen a row is taken out.

    $$r = \sqrt{\tfrac1n \textstyle\sum_j x_j^2 + \epsilon}, \qquad u = \frac xr, \qquad h = w \bar y, \qquad
      \bar x = \frac1r\Big(h - u\,\frac1n \sum_j u_j h_j\Big), \qquad \bar w = \sum_{\text{rows}} u\,\bar y$$

    Args:
        cotangent: (..., n), floats, the shape of x.
        x, weight, epsilon: as given to `rms_norm`.

    Returns:
        The cotangents of x and weight, each in the shape and dtype of its input.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them. Also if ε is negative or not finite.

    Examples:
        >>> x_bar, weight_bar = mc.rms_norm_vjp([1.0, 1.0], x=[1.0, 7.0], weight=[1.0, 1.0], epsilon=0.0)
        >>> weight_bar
        array([0.2, 1.4])
    """
    x, w = _checked(x, weight)
    epsilon = real("epsilon", epsilon, 0, beside=x)
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {x.shape}, got {g.shape}")
    with quiet():
        x_bar, w_bar = pulled_back(working(g), working(x), working(w), epsilon)
        return rounded(x_bar, like=x), rounded(w_bar, like=w)


def pulled_back(g: Array, x: Array, w: Array, epsilon: float) -> tuple[Array, Array]:
    """The cotangents of x and w, not rounded yet."""
    u, r = _direction(x, epsilon)
    h = g * w
    w_bar = (u * g).reshape(-1, x.shape[-1]).sum(axis=0) if x.size else np.zeros(w.shape, u.dtype)
    return (h - u * _mean(u * h)) / r, w_bar


def _direction(x: Array, epsilon: float) -> tuple[Array, Array]:
    """x / r and r, the root mean square of each row (..., 1)."""
    r = np.sqrt(able(_mean(x * x) + epsilon, "sqrt"))
    return x / r, r


def _mean(x: Array) -> Array:
    return row_sum(x) / max(x.shape[-1], 1)


def _checked(x: npt.ArrayLike, weight: npt.ArrayLike) -> tuple[Array, Array]:
    rows, w = floating("x", x), floating("weight", weight)
    if rows.ndim == 0 or w.shape != rows.shape[-1:]:
        raise ValueError(f"`x` must have shape (..., n) and `weight` (n,), got {rows.shape} and {w.shape}")
    return rows, w
