"""Sinusoidal positional encoding and its derivative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet
from mathcore._arrivals import read
from mathcore._scalars import flag, whole
from mathcore.positions._angles import _check_reach, _cos_sin, _frequencies, _pair_slices, _turns_per_step


def sinusoidal_positional_encoding(
    positions: npt.ArrayLike, dim: int, *, base: float = 10_000.0, interleaved: bool = True
) -> Array:
    r"""A vector for every position: sines and cosines of it, from fast waves to slow ones.

    $$\mathrm{PE}_{2i}(m) = \sin m\theta_i, \qquad \mathrm{PE}_{2i+1}(m) = \cos m\theta_i, \qquad
      \theta_i = \mathrm{base}^{-2i/\mathrm{dim}}$$

    Args:
        positions: (...), integers or floats, at most 2³¹ in magnitude.
        dim: the width of the code. An odd one ends with a sine that has no cosine.
        base: about how many times longer the slowest wave is than the fastest; at least 1.
        interleaved: the sine and cosine of a frequency side by side; otherwise all sines, then all cosines.

    Returns:
        (..., dim), float64, in [−1, 1]: within 1.02 ulp at integer positions, within 2⁻⁵¹ between them.

    Raises:
        TypeError: if `positions` are neither integers nor floats.
        ValueError: if a position is out of reach or NaN, `dim` is negative or `base` is below 1.

    Examples:
        >>> mc.sinusoidal_positional_encoding([0, 1], dim=2)  # the sine and the cosine of the position
        array([[0.        , 1.        ],
               [0.84147098, 0.54030231]])

    Source:
        Vaswani et al., Attention Is All You Need, arXiv:1706.03762, §3.5.
    """
    dim, interleaved = whole("dim", dim, 0), flag("interleaved", interleaved)
    cos, sin = _waves(positions, dim, base)
    sines, cosines = _pair_slices((dim + 1) // 2, interleaved)
    code = np.empty((*sin.shape[:-1], dim))
    code[..., sines] = sin
    code[..., cosines] = cos[..., : dim // 2]
    return code


def _waves(positions: npt.ArrayLike, dim: int, base: float) -> tuple[Array, Array]:
    """Cosine and sine of mθ_i, (..., ⌈dim/2⌉), for whole and fractional m.

    Between integers the addition theorems add the rest to the nearest one.
    """
    m = positions if type(positions) is np.ndarray else read("positions", positions)
    m = (m if m.dtype.kind in "iu" else floating("positions", m)).astype(np.float64)
    _check_reach("positions", m)
    nearest = np.rint(m)
    cos, sin = _cos_sin(nearest.astype(np.int64), _turns_per_step(dim, base))
    if np.array_equal(m, nearest):
        return cos, sin
    with quiet():
        rest = (m - nearest)[..., None] * _frequencies(dim, base)
        between = cos * np.cos(rest) - sin * np.sin(rest), sin * np.cos(rest) + cos * np.sin(rest)
        return np.clip(between[0], -1, 1), np.clip(between[1], -1, 1)  # rounding may leave [−1, 1]


def sinusoidal_positional_encoding_vjp(
    cotangent: npt.ArrayLike,
    positions: npt.ArrayLike,
    dim: int,
    *,
    base: float = 10_000.0,
    interleaved: bool = True,
) -> Array:
    r"""Pull a cotangent of `sinusoidal_positional_encoding` back to the positions, as if these were continuous.

    $$\bar m = \sum_i \theta_i\,(\bar s_i \cos m\theta_i - \bar c_i \sin m\theta_i)$$

    Args:
        cotangent: (..., dim), floats, the shape of the code.
        positions, dim, base, interleaved: as given to `sinusoidal_positional_encoding`.

    Returns:
        (...), float64.

    Raises:
        TypeError: if `cotangent` is not floating, or `positions` are not numbers.
        ValueError: if `cotangent` does not have the shape of the code, or as the code itself.

    Examples:
        >>> mc.sinusoidal_positional_encoding_vjp([[1.0, 0.0]], positions=[0], dim=2)  # the derivative of the sine
        array([1.])
    """
    dim, interleaved = whole("dim", dim, 0), flag("interleaved", interleaved)
    cos, sin = _waves(positions, dim, base)
    g = floating("cotangent", cotangent)
    if g.shape != (*sin.shape[:-1], dim):
        raise ValueError(f"`cotangent` must have the shape of the code {(*sin.shape[:-1], dim)}, got {g.shape}")
    sines, cosines = _pair_slices((dim + 1) // 2, interleaved)
    theta, pairs = _frequencies(dim, base), dim // 2
    with quiet():
        from_sines = (g[..., sines] * theta * cos).sum(axis=-1)
        return from_sines - (g[..., cosines] * theta[:pairs] * sin[..., :pairs]).sum(axis=-1)
