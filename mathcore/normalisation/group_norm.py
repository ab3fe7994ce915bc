"""Group normalisation: the channels of an image, some at a time, centred and brought to one length."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, rounded, working
from mathcore._scalars import real, whole
from mathcore.normalisation.layer_norm import pulled_back, standardised


def group_norm(
    x: npt.ArrayLike, num_groups: int, weight: npt.ArrayLike, bias: npt.ArrayLike, *, epsilon: float = 1e-5
) -> Array:
    r"""Standardise neighbouring channels together, group by group, then scale and shift every channel.

    $$y_{cp} = w_c\,\frac{x_{cp} - \mu_g}{\sqrt{\sigma_g^2 + \epsilon}} + b_c$$

    for channel c in group g and place p, where $\mu_g$ and $\sigma_g^2$ are mean and variance of all numbers of the
    group. One group is layer norm of everything, a group for each channel is instance norm.

    Args:
        x: (batch, channels, …), floats.
        num_groups: how many groups; it divides the channels, and neighbours share a group.
        weight: (channels,), floats.
        bias: (channels,), floats.
        epsilon: what keeps a constant group finite.

    Returns:
        The shape of x, in the dtype that x, weight and bias promote to; float16 and bfloat16 are computed in float32. A
        group whose squares overflow gives the bias.

    Raises:
        TypeError: if an array is not floating, or the number of groups not an integer.
        ValueError: if the shapes do not fit, or the groups do not divide the channels; the message gives them. Also if
            ε is negative or not finite.

    Examples:
        >>> mc.group_norm([[1.0, 3.0, 10.0, 14.0]], 2, weight=np.ones(4), bias=np.zeros(4), epsilon=0.0)
        array([[-1.,  1., -1.,  1.]])

    Source:
        Wu & He, Group Normalization, arXiv:1803.08494, equations 1 and 2.
    """
    x, w, b = _checked(x, num_groups, weight, bias)
    epsilon = real("epsilon", epsilon, 0, beside=x)
    with quiet():
        z = standardised(_groups(working(x), whole("num_groups", num_groups)), epsilon)[0].reshape(x.shape)
        y = z * _along(working(w), x) + _along(working(b), x)
        return y.astype(np.result_type(x, w, b), copy=False)


def group_norm_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    num_groups: int,
    weight: npt.ArrayLike,
    bias: npt.ArrayLike,
    *,
    epsilon: float = 1e-5,
) -> tuple[Array, Array, Array]:
    r"""The gradients of `group_norm` for a cotangent ȳ: what would move or lengthen a group is taken out.

    $$h = w_c \bar y, \qquad \bar x = \frac1r\Big(h - \frac1n \sum_j h_j - z\,\frac1n \sum_j z_j h_j\Big), \qquad
      \bar w_c = \sum z\,\bar y, \qquad \bar b_c = \sum \bar y$$

    with z the standardised group of n numbers and r the root of its variance and ε; the last two sums are over the
    batch and all places.

    Args:
        cotangent: floats, the shape of x.
        x, num_groups, weight, bias, epsilon: as given to `group_norm`.

    Returns:
        The gradients by x, weight and bias, each in the shape and dtype of its input.

    Raises:
        TypeError: if an array is not floating, or the number of groups not an integer.
        ValueError: as `group_norm`, and if the cotangent has another shape than x.

    Examples:
        >>> x_bar, weight_bar, bias_bar = mc.group_norm_vjp([[1.0, 2.0]], [[1.0, 3.0]], 1, weight=[1.0, 1.0],
        ...                                                 bias=[0.0, 0.0], epsilon=0.0)
        >>> weight_bar
        array([-1.,  2.])
    """
    x, w, b = _checked(x, num_groups, weight, bias)
    epsilon = real("epsilon", epsilon, 0, beside=x)
    g, groups = floating("cotangent", cotangent), whole("num_groups", num_groups)
    if g.shape != x.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {x.shape}, got {g.shape}")
    with quiet():
        z, r = standardised(_groups(working(x), groups), epsilon)
        g = working(g)
        x_bar = pulled_back(_groups(g * _along(working(w), x), groups), z, r).reshape(x.shape)
        w_bar, b_bar = (_over_places(terms) for terms in (z.reshape(x.shape) * g, g))
        return rounded(x_bar, like=x), rounded(w_bar, like=w), rounded(b_bar, like=b)


def _groups(x: Array, groups: int) -> Array:
    """(batch, groups, numbers of a group)."""
    return x.reshape(x.shape[0], groups, math.prod(x.shape[1:]) // groups)


def _along(weight: Array, x: Array) -> Array:
    """A number for each channel, shaped to be multiplied with x."""
    return weight.reshape(-1, *(1,) * (x.ndim - 2))


def _over_places(terms: Array) -> Array:
    """The sum over all axes but the channels."""
    return terms.sum(axis=(0, *range(2, terms.ndim)))


def _checked(
    x: npt.ArrayLike, num_groups: int, weight: npt.ArrayLike, bias: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    images, w, b = floating("x", x), floating("weight", weight), floating("bias", bias)
    if images.ndim < 2 or not w.shape == b.shape == images.shape[1:2]:
        raise ValueError(
            f"`x` must have shape (batch, channels, ...), `weight` and `bias` (channels,), got {images.shape}, "
            f"{w.shape} and {b.shape}"
        )
    groups = whole("num_groups", num_groups)
    if groups < 1 or images.shape[1] % groups:
        raise ValueError(f"`num_groups` must divide the {images.shape[1]} channels of `x`, got {groups}")
    return images, w, b
