"""Layer normalisation: every row is centred and brought to one length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, able, floating, quiet, rounded, working
from mathcore._compute.reduce import row_sum
from mathcore._scalars import real


def layer_norm(x: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike, *, epsilon: float = 1e-5) -> Array:
    r"""Subtract the mean of every row, divide by its standard deviation, then scale and shift every feature.

    $$y_i = w_i\,\frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} + b_i, \qquad \mu = \frac1n \sum_j x_j, \qquad
      \sigma^2 = \frac1n \sum_j (x_j - \mu)^2$$

    Args:
        x: (..., n), floats.
        weight: (n,), floats.
        bias: (n,), floats.
        epsilon: what keeps a constant row finite.

    Returns:
        (..., n), in the dtype that x, weight and bias promote to; float16 and bfloat16 are computed in float32. A row
        whose squares overflow gives the bias.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them. Also if ε is negative or not finite.

    Examples:
        >>> mc.layer_norm([1.0, 3.0], weight=[1.0, 1.0], bias=[0.0, 0.0], epsilon=0.0)  # mean 2, deviation 1
        array([-1.,  1.])

    Source:
        Ba, Kiros & Hinton, Layer Normalization, arXiv:1607.06450, equation 4.
    """
    x, w, b = _checked(x, weight, bias)
    epsilon = real("epsilon", epsilon, 0, beside=x)
    with quiet():
        y = standardised(working(x), epsilon)[0] * working(w) + working(b)
        return y.astype(np.result_type(x, w, b), copy=False)


def standardised(x: Array, epsilon: float) -> tuple[Array, Array]:
    """z = (x − μ) / r and r, the root of the variance and ε of each row (..., 1)."""
    centred = x - _mean(x)
    r = np.sqrt(able(_mean(centred * centred) + epsilon, "sqrt"))
    return centred / r, r


def layer_norm_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    weight: npt.ArrayLike,
    bias: npt.ArrayLike,
    *,
    epsilon: float = 1e-5,
) -> tuple[Array, Array, Array]:
    r"""The gradients of `layer_norm` for a cotangent ȳ: what would move or lengthen a row is taken out.

    $$r = \sqrt{\sigma^2 + \epsilon}, \quad z = \frac{x - \mu}{r}, \quad h = w \bar y, \quad \bar x = \frac1r\Big(h -
      \frac1n \sum_j h_j - z\,\frac1n \sum_j z_j h_j\Big), \quad \bar w = \sum_{\text{rows}} z\,\bar y, \quad
      \bar b = \sum_{\text{rows}} \bar y$$

    Args:
        cotangent: (..., n), floats, the shape of x.
        x, weight, bias, epsilon: as given to `layer_norm`.

    Returns:
        The gradients by x, weight and bias, each in the shape and dtype of its input.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them. Also if ε is negative or not finite.

    Examples:
        >>> x_bar, weight_bar, bias_bar = mc.layer_norm_vjp([1.0, 2.0], x=[1.0, 3.0], weight=[1.0, 1.0],
        ...                                                 bias=[0.0, 0.0], epsilon=0.0)
        >>> weight_bar
        array([-1.,  2.])
    """
    x, w, b = _checked(x, weight, bias)
    epsilon = real("epsilon", epsilon, 0, beside=x)
    g = floating("cotangent", cotangent)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {x.shape}, got {g.shape}")
    with quiet():
        z, r = standardised(working(x), epsilon)
        g = working(g)
        h = g * working(w)
        return rounded(pulled_back(h, z, r), like=x), rounded(_over_rows(z * g), like=w), rounded(_over_rows(g), like=b)


def pulled_back(h: Array, z: Array, r: Array) -> Array:
    """The cotangent of rows from that of their standardised ones, h."""
    return (h - _mean(h) - z * _mean(z * h)) / r


def _over_rows(terms: Array) -> Array:
    """The sum over all axes but the last."""
    return terms.reshape(-1, terms.shape[-1]).sum(axis=0) if terms.size else np.zeros(terms.shape[-1:], terms.dtype)


def _mean(x: Array) -> Array:
    return row_sum(x) / max(x.shape[-1], 1)


def _checked(x: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike) -> tuple[Array, Array, Array]:
    rows, w, b = floating("x", x), floating("weight", weight), floating("bias", bias)
    if rows.ndim == 0 or not w.shape == b.shape == rows.shape[-1:]:
        raise ValueError(
            f"`x` must have shape (..., n), `weight` and `bias` (n,), got {rows.shape}, {w.shape} and {b.shape}"
        )
    return rows, w, b
