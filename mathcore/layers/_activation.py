r"""What the smooth activations are made of: $f(x) = \max(x, 0) - T(|x|)$, with a part T that keeps its digits.

T(z) is z times a probability that falls with z: $\sigma(-y) = e^{-y} / (1 + e^{-y})$ for `silu` and two forms of
`gelu`, $\Phi(-z)$ for the exact one. So the left tail, $-T$, is as accurate as its exponential, where $1 + \tanh$ or
$1 + \operatorname{erf}$ would cancel.

All is computed in float64, since NumPy's exponential of float32 is off by up to 3 units in the last place. Rounding the
exponent y multiplies e⁻ʸ by up to 1 + uy: nothing in float32, all digits but a few in float64. Where float64 came, y is
therefore kept as the sum of two numbers.

$\Phi(-z) = e^{-z^2/2} g(t) / (z + 0.8)$, $t = (z - 4) / (z + 4)$: g lies between 0.39 and 0.5 for all z ≥ 0, and a
polynomial in t gives it: the interpolation in as many Chebyshev points as it has coefficients, to 2⁻²⁸ of itself with
13 and to 2⁻⁵⁴ with 26. A test computes the coefficients again.

Sources:
    Shepherd & Laframboise, Chebyshev approximation of (1 + 2x) exp(x²) erfc x, Math. Comp. 36 (1981),
    for the form; Dekker, Numer. Math. 18 (1971), doi:10.1007/BF01397083, for products as sums of two numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating
from mathcore._compute.blocks import map_elements

Pair: TypeAlias = "tuple[Array, Any]"
"""A number as a sum of two; the second one is 0 where it does not matter."""


def evaluated(function: Callable[[Array], Array], x: npt.ArrayLike) -> Array:
    """A function of float64 arrays at every element, in the shape and dtype of `x`.

    Raises:
        TypeError: if x is not floating.
    """
    array = _numbers("x", x)

    def kernel(x: Array, out: Array) -> None:
        np.copyto(out, function(x), casting="same_kind")

    return map_elements(kernel, np.empty(array.shape, array.dtype), array)


def pulled_back(slope: Callable[[Array], Array], cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """A cotangent times a function of float64 arrays at every element of `x`, in the dtype of the cotangent.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.
    """
    array, g = _numbers("x", x), _numbers("cotangent", cotangent)
    if g.shape != array.shape:
        raise ValueError(f"`cotangent` must have the shape of x {array.shape}, got {g.shape}")

    def kernel(x: Array, g: Array, out: Array) -> None:
        np.multiply(slope(x), g, out=out, casting="same_kind")

    return map_elements(kernel, np.empty(g.shape, g.dtype), array, g)


def _numbers(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of floats; objects are refused, for they have no float64."""
    array = floating(name, x)
    if array.dtype == object:
        raise TypeError(f"`{name}` must be an array of floats, got dtype object")
    return array


def wide(x: Array) -> Array:
    """`x` in float64."""
    return x.astype(np.float64, copy=False)


def decay(x: Array) -> Array:
    """e^−|x|, which cannot overflow."""
    return np.asarray(np.exp(-abs(wide(x))))


def value(x: Array, form: Logistic | Gaussian) -> Array:
    """max(x, 0) − T(|x|)."""
    full = wide(x)
    return np.asarray(np.maximum(full, 0) - form.part(np.minimum(abs(full), form.most), x.itemsize > 4))


def slope(x: Array, form: Logistic | Gaussian) -> Array:
    """The derivative of `value`: T′(|x|) where x is negative, 1 less that where it is positive."""
    full = wide(x)
    part = form.slope(np.minimum(abs(full), form.most), x.itemsize > 4)
    return np.where(full > 0, 1 - part, part)


@dataclass(frozen=True)
class Logistic:
    """T(z) = z e⁻ʸ / (1 + e⁻ʸ).

    Attributes:
        most: from here on T is 0 in float64; no z above it is looked at, not even ∞.
        exponent: z, and whether float64 came → y.
        growth: z → z y′(z).
    """

    most: float
    exponent: Callable[[Array, bool], Pair]
    growth: Callable[[Array], Array]

    def part(self, z: Array, precise: bool) -> Array:
        """T(z)."""
        y, low = self.exponent(z, precise)
        e = np.exp(-y)
        if not precise:
            return np.asarray(z * e / (1 + e))
        above, rest = exact_product(z, e)
        high, rest = _quotient(above, rest - above * low, 1.0, e, -e * low)
        return _below_normal(high + rest, y, low, z)

    def slope(self, z: Array, precise: bool) -> Array:
        """T′(z)."""
        y, low = self.exponent(z, precise)
        e = np.exp(-y) * (1 - low)
        return np.asarray(e / (1 + e) * (1 - self.growth(z) / (1 + e)))


@dataclass(frozen=True)
class Gaussian:
    """T(z) = z Φ(−z), with Φ the distribution function of the normal distribution."""

    most: float = 40.0

    def part(self, z: Array, precise: bool) -> Array:
        """T(z)."""
        y, low = _half_square(z, precise)
        e, (g, g_low) = np.exp(-y), _bounded(z, precise)
        if not precise:
            return np.asarray(z * g / (z + _SHIFT) * e)
        above, rest = exact_product(z, g)
        share, share_low = _quotient(above, rest + z * g_low, z, _SHIFT, 0.0)
        high, rest = exact_product(share, e)
        return _below_normal(high + (rest + share_low * e - high * low), y, low, share)

    def slope(self, z: Array, precise: bool) -> Array:
        """T′(z) = Φ(−z) − z φ(z)."""
        y, low = _half_square(z, precise)
        return np.asarray(np.exp(-y) * (1 - low) * (_bounded(z, precise)[0] / (z + _SHIFT) - z * _ROOT))


def _half_square(z: Array, precise: bool) -> Pair:
    """z²/2."""
    if not precise:
        return z * z / 2, 0.0
    y, low = exact_product(z, z)
    return y / 2, low / 2


_SHIFT = 0.8

_ROOT = 0.3989422804014327  # 1 / √(2π)

_SMALL, _SMALL_LOW = 1.603810890548638e-28, -7.361325221284214e-45  # e⁻⁶⁴, and what float64 lacks of it

_SUBNORMAL = 707.0  # e⁻⁷⁰⁷ is still a normal number


def _bounded(z: Array, precise: bool) -> Pair:
    """g at t = (z − 4) / (z + 4)."""
    t = (z - 4) / (z + 4)
    constant, *others = _LONG if precise else _SHORT
    g = np.full_like(t, others.pop())
    for coefficient in reversed(others):
        g *= t
        g += coefficient
    g *= t
    high = constant + g
    return high, g - (high - constant)


def _below_normal(part: Array, y: Array, low: Array | float, factor: Array) -> Array:
    """T = factor · e⁻ʸ; where e⁻ʸ may be subnormal and T is not, as factor · e^(64 − y) · e⁻⁶⁴."""
    part, deep = np.asarray(part), y > _SUBNORMAL
    if deep.any():
        lost = low[deep] if isinstance(low, np.ndarray) else low
        high, rest = exact_product(factor[deep], np.exp(64 - y[deep]))
        part[deep] = high * _SMALL + ((rest - high * lost) * _SMALL + high * _SMALL_LOW)
    return part


def exact_product(a: Any, b: Any) -> Pair:
    """a·b as it is rounded, and the rest of it."""
    high = np.asarray(a * b)
    (a1, a2), (b1, b2) = _split(a), _split(b)
    return high, np.asarray(((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)


def exact_sum(a: Any, b: Any) -> Pair:
    """a + b as it is rounded, and the rest of it."""
    high = np.asarray(a + b)
    added = high - a
    return high, np.asarray((a - (high - added)) + (b - added))


def _quotient(above: Array, above_low: Any, a: Any, b: Any, below_low: Any) -> Pair:
    """(above + above_low) / (a + b + below_low) as it is rounded, and the rest of it but for its last digits."""
    below, lost = exact_sum(a, b)
    high = above / below
    back, rest = exact_product(high, below)
    return high, np.asarray(((above - back) - rest + above_low - high * (lost + below_low)) / below)


def _split(a: Any) -> tuple[Any, Any]:
    """A number as a sum of two with half as many digits."""
    high = a * 134217729.0 - (a * 134217729.0 - a)
    return high, a - high


_SHORT = (
    0.4531710782494509, -0.06262392616911885, -0.010876211700186916, 0.04294165278736205, -0.03837092922140299,
    0.01963607848173491, -0.005102823795494137, -0.0004188706713773554, 0.0007285467586892284, -7.577017633429542e-05,
    -8.685356025838438e-05, 1.1976405500691624e-05, 8.333766408537858e-06,
)  # fmt: skip

_LONG = (
    0.4531710782494509, -0.06262393301683468, -0.010876216343428407, 0.04294184552109207, -0.03837079824928288,
    0.019634516576302517, -0.005103891007575838, -0.0004133858716161616, 0.0007323339763933168, -8.531924472513766e-05,
    -9.358297625876488e-05, 2.0323561317544666e-05, 1.4488117515837494e-05, -3.2656336342795107e-06,
    -2.746730313277798e-06, 3.614830094796658e-07, 5.736827953697436e-07, 1.5257587902177182e-08,
    -1.1633363046802348e-07, -2.6138462049364118e-08, 2.0196169443203076e-08, 9.537625673954848e-09,
    -2.550120830530069e-09, -2.0437940445498224e-09, 1.6900194001853543e-10, 2.1284748801062246e-10,
)  # fmt: skip
