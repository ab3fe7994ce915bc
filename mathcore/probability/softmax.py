"""Softmax, at any temperature, and its VJPs."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, Axes, floating, lowest, rounded
from mathcore._compute.reduce import apply_columnwise, constant, exp_and_sum, row_max, row_sum
from mathcore._scalars import real
from mathcore.probability._rows import (
    _cotangent_rows,
    _evaluate,
    _finite_shift,
    _put,
    _to_rows,
    _without_mask,
    _zero_masked,
)


def softmax(
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    where: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike | None = None,
    out: Array | None = None,
) -> Array:
    r"""Turn scores into a probability distribution.

    $$p_i = \frac{e^{x_i - m}}{\sum_j e^{x_j - m}}, \qquad m = \max_j x_j$$

    Args:
        x: (..., n, ...), floats; −∞ excludes a score.
        axis: the axis of length n; several, whose scores share one distribution; or None for all.
        where: bools that broadcast to the shape of x; False excludes a score.
        dtype: a floating dtype that x is converted to first, and that the result has; x may be integers then.
        out: where the result goes: the shape and dtype of the result, in any layout; x itself, to work in place.

    Returns:
        The shape and dtype of x, or `dtype`; `out`, if it was given. Fully masked rows are zeros, rows with +∞ or NaN
        among the unmasked scores are NaN. float16 and bfloat16 are computed in float32 and rounded once.

    Raises:
        TypeError: if x is not floating, `where` is not bool, `dtype` is not floating, or `out` is of another dtype.
        ValueError: if there is no such axis, or it is named twice, `where` does not broadcast to x, or `out` has
            another shape or cannot be written to.

    Examples:
        >>> mc.softmax(np.log([1.0, 3.0]))
        array([0.25, 0.75])
        >>> mc.softmax(np.zeros(3), where=[True, True, False])
        array([0.5, 0.5, 0. ])
        >>> mc.softmax(np.zeros((2, 2)), axis=(0, 1))
        array([[0.25, 0.25],
               [0.25, 0.25]])
        >>> mc.softmax([0, 0], dtype=np.float32)
        array([0.5, 0.5], dtype=float32)

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _to_rows(x, axis, where, dtype)
    return _evaluate(_softmax, x, axis, rows, out=out)


def _softmax(x: Array, out: Array) -> Array:
    total = exp_and_sum(x, _row_shift(x), out)  # (..., 1), ≥ e⁰ = 1, but 0 for a fully masked row
    total = np.where(total == 0, 1, total) if x.dtype == object else np.maximum(total, constant(1, x.dtype))
    return apply_columnwise(np.divide, out, total, out)


def softmax_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    where: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    r"""Pull a cotangent ḡ of `softmax` back to the scores.

    $$\bar x_i = p_i \Big(\bar g_i - \sum_j p_j \bar g_j\Big)$$

    Args:
        cotangent: the shape of x, floats.
        x, axis, where, dtype: as given to `softmax`; x floats.

    Returns:
        The shape and dtype of x; exactly zero at masked scores, whatever the cotangent holds there.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.softmax_vjp([1.0, 0.0], x=[2.0, 2.0])
        array([ 0.25, -0.25])
    """
    given, where = _without_mask(x, where)
    given = floating("x", given)
    x, axis, rows = _to_rows(given, axis, where, dtype)
    return rounded(_evaluate(_softmax_vjp, x, axis, rows, _cotangent_rows(cotangent, x, axis)), like=given)


def _softmax_vjp(x: Array, g: Array, out: Array) -> Array:
    p, g = _softmax(x, out), _zero_masked(x, g)
    return _put(_zero_masked(x, p * (g - row_sum(p * g))), out)


def temperature_softmax(x: npt.ArrayLike, temperature: float, axis: Axes = -1) -> Array:
    r"""The distribution that sampling with a temperature draws from.

    $$p_i = \frac{e^{(x_i - m)/T}}{\sum_j e^{(x_j - m)/T}}, \qquad m = \max_j x_j$$

    T → 0 tends to the one-hot of the argmax (ties get equal shares), T = 1 is softmax, T = ∞ is uniform over the
    unmasked scores. The shift comes before the division, so that no temperature overflows.

    Args:
        x: (..., n, ...), floats; −∞ excludes a score.
        temperature: T > 0, ∞ included.
        axis: the axis of length n; several, whose scores share one distribution; or None for all.

    Returns:
        The shape and dtype of x.

    Raises:
        TypeError: if x is not floating, or T is no real number.
        ValueError: if T is not a positive number, or there is no such axis.

    Examples:
        >>> mc.temperature_softmax(np.log([1.0, 3.0]), temperature=0.5)  # as 1 to 9
        array([0.1, 0.9])
    """
    x, axis, rows = _to_rows(x, axis, None)
    temperature = _checked_temperature(temperature, x)
    return _evaluate(partial(_temperature_softmax, temperature), x, axis, rows)


def _temperature_softmax(temperature: float, x: Array, out: Array) -> Array:
    return _softmax(_over_temperature(x, temperature), out)


def temperature_softmax_vjp(cotangent: npt.ArrayLike, x: npt.ArrayLike, temperature: float, axis: Axes = -1) -> Array:
    r"""Pull a cotangent ḡ of `temperature_softmax` back to the scores.

    $$\bar x_i = \frac{p_i}{T} \Big(\bar g_i - \sum_j p_j \bar g_j\Big)$$

    Args:
        cotangent: the shape of x, floats.
        x, temperature, axis: as given to `temperature_softmax`.

    Returns:
        The shape and dtype of x; exactly zero at masked scores.

    Raises:
        TypeError, ValueError: as `temperature_softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.temperature_softmax_vjp([1.0, 0.0], x=[2.0, 2.0], temperature=0.5)
        array([ 0.5, -0.5])
    """
    x, axis, rows = _to_rows(x, axis, None)
    temperature = _checked_temperature(temperature, x)
    kernel = partial(_temperature_softmax_vjp, temperature)
    return _evaluate(kernel, x, axis, rows, _cotangent_rows(cotangent, x, axis))


def _temperature_softmax_vjp(temperature: float, x: Array, g: Array, out: Array) -> Array:
    return _put(_divide(_softmax_vjp(_over_temperature(x, temperature), g, out), temperature), out)


def _row_shift(x: Array) -> Array:
    """`_finite_shift` of the row maximum, (..., 1), in one pass."""
    return _finite_shift(row_max(x)) if x.dtype == object else row_max(x, lowest(x.dtype))


def _over_temperature(x: Array, temperature: float) -> Array:
    """(x − m) / T, with −∞ still masked at T = ∞."""
    m = _finite_shift(row_max(x))
    shifted = x - m
    scaled = _divide(shifted, temperature)
    if x.dtype == object or not (masked := np.isneginf(shifted)).any():
        return scaled
    if (overflows := masked & (x > -np.inf)).any():  # finite scores whose difference from m is not
        half = _divide(x / 2 - m / 2, temperature)
        scaled, masked = np.where(overflows, 2 * half, scaled), masked & ~overflows
    return np.where(masked, shifted, scaled)


def _divide(x: Array, temperature: float) -> Array:
    """x / T, in float64: a T below the smallest float32 must not become 0."""
    if x.dtype == object:
        return x / temperature
    return (x.astype(np.float64) / float(temperature)).astype(x.dtype)


def _checked_temperature(temperature: float, x: Array) -> float:
    if type(temperature) is not float:
        temperature = real("temperature", temperature, finite=False, beside=x)
    if not temperature > 0:
        raise ValueError(
            f"`temperature` must be a number > 0, got {temperature!r}; the limit T → 0 is the one-hot of `argmax`"
        )
    return temperature
