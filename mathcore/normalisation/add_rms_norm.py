"""RMS norm of a sum, with the sum: what stands before every sublayer of today's models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, rounded, working
from mathcore._scalars import real
from mathcore.normalisation.rms_norm import pulled_back, rms_norm


def add_rms_norm(
    x: npt.ArrayLike, residual: npt.ArrayLike, weight: npt.ArrayLike, *, epsilon: float = 1e-6
) -> tuple[Array, Array]:
    r"""Add the residual stream to x; give the RMS norm of the sum, and the sum.

    $$s = x + r, \qquad y_i = w_i\,\frac{s_i}{\sqrt{\frac1n \sum_j s_j^2 + \epsilon}}$$

    No argument is written to, unlike in fused kernels that keep s where r was.

    Args:
        x: (..., n), floats.
        residual: r, (..., n), floats, the shape of x.
        weight: (n,), floats.
        epsilon: what keeps a row of zeros finite.

    Returns:
        y (..., n), in the dtype that all arguments promote to, and s (..., n), in that of x and residual: exactly
            `x + residual`. y is the norm of s as it is returned, so in 16 bits of the rounded sum.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them. Also if ε is negative or not finite.

    Examples:
        >>> y, s = mc.add_rms_norm([1.0, 3.0], residual=[0.0, 4.0], weight=[1.0, 1.0], epsilon=0.0)
        >>> s, y  # the root mean square is 5
        (array([1., 7.]), array([0.2, 1.4]))

    Source:
        Zhang & Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467, equation 4; both results at once as
        `fused_add_rms_norm` of vLLM.
    """
    s = _sum(x, residual)
    return rms_norm(s, weight, epsilon=epsilon), s


def add_rms_norm_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    residual: npt.ArrayLike,
    weight: npt.ArrayLike,
    *,
    sum_cotangent: npt.ArrayLike | None = None,
    epsilon: float = 1e-6,
) -> tuple[Array, Array, Array]:
    r"""Pull cotangents of both results of `add_rms_norm` back: what the norm sends back, and what reaches the sum.

    $$\bar x = \bar r = \bar s + \frac1\rho\Big(h - u\,\frac1n \sum_j u_j h_j\Big), \qquad
      \bar w = \sum_{\text{rows}} u\,\bar y$$

    with $\rho$ the root mean square of s and ε, $u = s/\rho$ and $h = w \bar y$.

    Args:
        cotangent: ȳ of the norm, (..., n), floats, the shape of x.
        x, residual, weight, epsilon: as given to `add_rms_norm`.
        sum_cotangent: s̄ of the sum, of the same shape, or None if nothing else uses the sum.

    Returns:
        The cotangents of x, residual and weight, each in the shape and dtype of its input.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them. Also if ε is negative or not finite.

    Examples:
        >>> x_bar, residual_bar, weight_bar = mc.add_rms_norm_vjp(
        ...     [0.0, 0.0], [1.0, 3.0], [0.0, 4.0], weight=[1.0, 1.0], sum_cotangent=[1.0, 2.0]
        ... )
        >>> x_bar, residual_bar
        (array([1., 2.]), array([1., 2.]))
    """
    s, x, residual, w = _sum(x, residual), floating("x", x), floating("residual", residual), floating("weight", weight)
    if s.ndim == 0 or w.shape != s.shape[-1:]:
        raise ValueError(f"`x` must have shape (..., n) and `weight` (n,), got {s.shape} and {w.shape}")
    epsilon = real("epsilon", epsilon, 0, beside=s)
    g, further = floating("cotangent", cotangent), None
    if g.shape != s.shape:
        raise ValueError(f"`cotangent` must have the shape of `x` {s.shape}, got {g.shape}")
    if sum_cotangent is not None:
        further = floating("sum_cotangent", sum_cotangent)
        if further.shape != s.shape:
            raise ValueError(f"`sum_cotangent` must have the shape of `x` {s.shape}, got {further.shape}")
    with quiet():
        s_bar, w_bar = pulled_back(working(g), working(s), working(w), epsilon)
        s_bar = s_bar if further is None else s_bar + working(further)
        return rounded(s_bar, like=x), rounded(s_bar, like=residual).copy(), rounded(w_bar, like=w)


def _sum(x: npt.ArrayLike, residual: npt.ArrayLike) -> Array:
    """x + r, of one shape."""
    left, right = floating("x", x), floating("residual", residual)
    if left.shape != right.shape:
        raise ValueError(f"`residual` must have the shape of `x` {left.shape}, got {right.shape}")
    with quiet():
        return np.asarray(left + right)
