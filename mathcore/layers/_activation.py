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
from mathcore._compute.blocks import BLOCK_OF_FLOAT64, map_elements, thread_float64

Pair: TypeAlias = "tuple[Array, Any]"
"""A number as a sum of two."""


def evaluated(function: Function, x: npt.ArrayLike) -> Array:
    """A function with results in float64 at every element, in the shape and dtype of `x`.

    Raises:
        TypeError: if x is not floating.
    """
    array = numbers("x", x)

    def kernel(x: Array, out: Array) -> None:
        np.copyto(out, function(x), casting="same_kind")

    return map_elements(kernel, np.empty(array.shape, array.dtype), array, most=BLOCK_OF_FLOAT64)


def pulled_back(slope: Function, cotangent: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """A cotangent times a function with results in float64 at every element of `x`, in the dtype of the cotangent.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ; the message gives them.
    """
    array, g = numbers("x", x), numbers("cotangent", cotangent)
    if g.shape != array.shape:
        raise ValueError(f"`cotangent` must have the shape of x {array.shape}, got {g.shape}")

    def kernel(x: Array, g: Array, out: Array) -> None:
        product = slope(x)
        product *= g
        np.copyto(out, product, casting="same_kind")

    return map_elements(kernel, np.empty(g.shape, g.dtype), array, g, most=BLOCK_OF_FLOAT64)


Function: TypeAlias = Callable[[Array], Array]
"""From a block of float32 or float64 to float64. What it returns is its own until the next call on the same thread."""

OWN = 4
"""The first place of `thread_float64` that no function here uses."""


def numbers(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of floats; objects are refused, for they have no float64.

    Raises:
        TypeError: if it is none.
    """
    array = floating(name, x)
    if array.dtype == object:
        raise TypeError(f"`{name}` must be an array of floats, got dtype object")
    return array


def wide(x: Array, place: int) -> Array:
    """`x` in float64, in memory of its own."""
    full = thread_float64(place, x.shape)
    np.copyto(full, x)
    return full


def decay(x: Array, place: int) -> Array:
    """e^−|x|, which cannot overflow."""
    e = wide(x, place)
    np.abs(e, out=e)
    np.negative(e, out=e)
    return np.exp(e, out=e)


def value(x: Array, form: Form) -> Array:
    """max(x, 0) − T(|x|)."""
    if x.itemsize <= 4:
        return form.at(x)
    return np.asarray(np.maximum(x, 0) - form.part(np.minimum(abs(x), form.most)))


def slope(x: Array, form: Form) -> Array:
    """The derivative of `value`: T′(|x|) where x is negative, 1 less that where it is positive."""
    if x.itemsize <= 4:
        return form.slope_at(x)
    part = form.slope(np.minimum(abs(x), form.most))
    return np.where(x > 0, 1 - part, part)


@dataclass(frozen=True)
class Logistic:
    """T(z) = z e⁻ʸ / (1 + e⁻ʸ). As y is odd, that makes f(x) = x / (1 + e^−y(x)).

    Attributes:
        most: from here on T is 0 in float64; no z above it is looked at, not even ∞.
        exponent: z → y, as a sum of two.
        into: x, out → −y(x), in as few steps as can be.
        growth: z → z y′(z).
    """

    most: float
    exponent: Callable[[Array], Pair]
    into: Callable[[Array, Array], object]
    growth: Callable[[Array], Array]

    def at(self, x: Array) -> Array:
        """f(x) of float32. Where e⁻ʸ overflows it is 0, which is what float32 keeps of it long before."""
        x, e = wide(x, 0), thread_float64(1, x.shape)
        np.clip(x, -self.most, None, out=x)  # −∞ is no exception
        self.into(x, e)
        np.exp(e, out=e)
        e += 1
        return np.divide(x, e, out=x)

    def slope_at(self, x: Array) -> Array:
        """f′(x) = σ(y) (1 + x y′ σ(−y)) of float32. Where nothing is left to add to 0 or 1, no x is looked at."""
        x, e, share = wide(x, 0), thread_float64(1, x.shape), thread_float64(2, x.shape)
        np.clip(x, -self.most * _NORMAL, self.most * _NORMAL, out=x)
        self.into(x, e)
        np.exp(e, out=e)
        np.add(e, 1, out=share)
        e /= share  # σ(−y)
        e *= self.growth(x)
        e += 1
        return np.divide(e, share, out=e)

    def part(self, z: Array) -> Array:
        """T(z) of float64."""
        y, low = self.exponent(z)
        e = np.exp(-y)
        above, rest = exact_product(z, e)
        high, rest = _quotient(above, rest - above * low, 1.0, e, -e * low)
        return _below_normal(high + rest, y, low, z)

    def slope(self, z: Array) -> Array:
        """T′(z) of float64."""
        y, low = self.exponent(z)
        e = np.exp(-y) * (1 - low)
        return np.asarray(e / (1 + e) * (1 - self.growth(z) / (1 + e)))


@dataclass(frozen=True)
class Gaussian:
    """T(z) = z Φ(−z), with Φ the distribution function of the normal distribution."""

    most: float = 40.0

    def at(self, x: Array) -> Array:
        """f(x) of float32: max(x, 0) − T(|x|)."""
        z, e, g = self._parts(x)
        g *= z
        g *= e
        z += _SHIFT
        g /= z
        np.copyto(e, x)
        np.clip(e, 0, None, out=e)
        return np.subtract(e, g, out=e)

    def slope_at(self, x: Array) -> Array:
        """f′(x) of float32: T′(|x|), or 1 less that."""
        z, e, g = self._parts(x)
        share = np.add(z, _SHIFT, out=thread_float64(3, x.shape))
        g /= share
        z *= _ROOT
        g -= z
        g *= e
        np.subtract(1, g, out=g, where=x > 0)
        return g

    def _parts(self, x: Array) -> tuple[Array, Array, Array]:
        """z = |x|, exp(−z²/2) and g."""
        z, e, t = wide(x, 0), thread_float64(1, x.shape), thread_float64(3, x.shape)
        np.abs(z, out=z)
        np.clip(z, None, self.most, out=z)
        np.add(z, 4, out=t)
        np.subtract(z, 4, out=e)
        np.divide(e, t, out=t)
        g = np.multiply(t, _SHORT[-1], out=thread_float64(2, x.shape))
        for coefficient in _SHORT[-2:0:-1]:
            g += coefficient
            g *= t
        g += _SHORT[0]
        np.multiply(z, z, out=e)
        e *= -0.5
        return z, np.exp(e, out=e), g

    def part(self, z: Array) -> Array:
        """T(z) of float64."""
        y, low = _half_square(z)
        e, (g, g_low) = np.exp(-y), _bounded(z)
        above, rest = exact_product(z, g)
        share, share_low = _quotient(above, rest + z * g_low, z, _SHIFT, 0.0)
        high, rest = exact_product(share, e)
        return _below_normal(high + (rest + share_low * e - high * low), y, low, share)

    def slope(self, z: Array) -> Array:
        """T′(z) = Φ(−z) − z φ(z) of float64."""
        y, low = _half_square(z)
        return np.asarray(np.exp(-y) * (1 - low) * (_bounded(z)[0] / (z + _SHIFT) - z * _ROOT))


Form: TypeAlias = Logistic | Gaussian

_NORMAL = 0.8  # of `most`: there y is from 600 to 660, so that e⁻ʸ and eʸ are both normal numbers


def _half_square(z: Array) -> Pair:
    """z²/2."""
    y, low = exact_product(z, z)
    return y / 2, low / 2


_SHIFT = 0.8

_ROOT = 0.3989422804014327  # 1 / √(2π)

_SMALL, _SMALL_LOW = 1.603810890548638e-28, -7.361325221284214e-45  # e⁻⁶⁴, and what float64 lacks of it

_SUBNORMAL = 707.0  # e⁻⁷⁰⁷ is still a normal number


def _bounded(z: Array) -> Pair:
    """g at t = (z − 4) / (z + 4)."""
    t = (z - 4) / (z + 4)
    constant, *others = _LONG
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
