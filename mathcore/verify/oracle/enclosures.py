"""The rigorous oracle: true values as enclosures, computed in Arb ball arithmetic.

`enclose(formula, x, …)` evaluates a formula, written as in NumPy, on arrays of Arb balls, and doubles the precision
until every value is known far beyond the last place of a float64. The formula can be the textbook's, without care for
overflow or cancellation: Arb's exponents do not overflow, and more precision makes up for cancellation.

Source:
    Johansson, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, doi:10.1109/TC.2017.2690633.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_START_BITS = 128
_MAX_BITS = 16_384
_RELATIVE_RADIUS = 2.0**-75  # far below half an ulp of float64 (2⁻⁵³), so that it never decides a comparison


@dataclass(frozen=True)
class Enclosure:
    """True values: |true − (hi + lo)| ≤ radius, element by element.

    Attributes:
        hi: the true value rounded to float64.
        lo: the rounding error of `hi`, rounded to float64.
        radius: the remaining uncertainty.
    """

    hi: np.ndarray[Any, np.dtype[np.float64]]
    lo: np.ndarray[Any, np.dtype[np.float64]]
    radius: np.ndarray[Any, np.dtype[np.float64]]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the enclosed array."""
        return self.hi.shape

    @property
    def ndim(self) -> int:
        """The number of axes of the enclosed array."""
        return self.hi.ndim

    def __getitem__(self, key: Any) -> Enclosure:
        return Enclosure(np.asarray(self.hi[key]), np.asarray(self.lo[key]), np.asarray(self.radius[key]))

    def distance(self, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """An upper bound on |value − true|; 0 where both are the same infinity."""
        gap = abs((np.asarray(value, np.float64) - self.hi) - self.lo)
        # Each of the two subtractions above rounds once; 4u covers both.
        upper = gap * (1 + 2.0**-51) + self.radius
        return np.where(np.isinf(self.hi) & (value == self.hi), 0.0, upper)


def balls(x: Any) -> np.ndarray[Any, Any]:
    """An array of floats of any dtype, integers or Fractions as an object array of Arb balls, without rounding.

    Examples:
        >>> from mathcore.verify import balls
        >>> float(balls([0.5, 0.25]).sum())
        0.75
    """
    from flint import arb, fmpq

    def ball(value: Any) -> Any:
        if isinstance(value, arb):
            return value
        if isinstance(value, (int, np.integer)):
            return arb(int(value))
        if hasattr(value, "numerator") and not isinstance(value, float):
            return arb(fmpq(value.numerator, value.denominator))
        return arb(float(value))

    array = np.asarray(x)
    out = np.empty(array.shape, dtype=object)
    if array.size:
        numbers = array.ravel().tolist()
        out.ravel()[:] = [arb(v) for v in numbers] if array.dtype.kind == "f" else [ball(v) for v in numbers]
    return out


def enclose(formula: Callable[..., Any], *inputs: Any) -> Enclosure:
    """The true values of `formula(*inputs)`.

    Args:
        formula: takes object arrays of Arb balls (one for each input), returns one.
        inputs: arrays; floats are taken at their exact values. If some are NaN or infinite, a value may stay unknown;
            no number equals it.

    Raises:
        ArithmeticError: if an enclosure does not converge at 16,384 bits, e.g. after a division by an exact zero.

    Examples:
        >>> from mathcore.verify import enclose
        >>> true = enclose(lambda x, y: x + y, [1e16], [1.0])
        >>> true.hi, true.lo
        (array([1.e+16]), array([1.]))
    """
    from flint import ctx

    before = ctx.prec
    bits = _START_BITS
    broken = not all(np.isfinite(np.asarray(x, np.float64)).all() for x in inputs)
    try:
        while True:
            ctx.prec = bits
            values = np.asarray(formula(*(balls(x) for x in inputs)), dtype=object)
            enclosure = _split(values)
            floor = np.maximum(abs(enclosure.hi) * _RELATIVE_RADIUS, math.ulp(0.0))
            known = (enclosure.radius <= floor) | np.isinf(enclosure.hi)
            if np.all(known | (broken & np.isnan(enclosure.hi))):
                return enclosure
            if bits >= _MAX_BITS:
                raise ArithmeticError(f"the enclosure did not converge at {bits} bits")
            bits *= 2
    finally:
        ctx.prec = before


def _split(values: np.ndarray[Any, Any]) -> Enclosure:
    """Balls as (hi, lo, radius)."""
    from flint import arb

    parts = [_parts_of(ball if isinstance(ball, arb) else arb(ball)) for ball in values.ravel().tolist()]
    hi, lo, radius = np.array(parts, np.float64).reshape(-1, 3).T
    return Enclosure(hi.reshape(values.shape), lo.reshape(values.shape), radius.reshape(values.shape))


def _parts_of(ball: Any) -> tuple[float, float, float]:
    """A ball as (hi, lo, radius); the radius is infinite if it is neither finite nor an exact infinity."""
    middle = ball.mid()
    top = float(middle)
    if not math.isfinite(top):
        return top, 0.0, 0.0 if math.isinf(top) and ball.is_exact() else math.inf
    rest = float(middle - top)
    return top, rest, float((ball - top - rest).abs_upper())


def true_matmul(x: Any, weight: Any) -> Enclosure:
    """The true x @ weight of two float matrices (rows, k) @ (k, columns), without Arb, which would be slow.

    Every product is the exact sum of two floats (Dekker's TwoProduct; products of float16, float32 and bfloat16 are
    single floats), and `math.fsum` rounds the sum of all once. The remainder is summed in the same way.

    Source:
        Dekker, Numer. Math. 18 (1971), doi:10.1007/BF01397083; Shewchuk, doi:10.1007/PL00009321.
    """
    a, b = np.asarray(x, np.float64), np.asarray(weight, np.float64)
    high, low = _two_product(a[:, :, None], b[None])  # (rows, k, columns)
    terms = np.concatenate([high, low], axis=1) if low.any() else high  # products of short numbers have no low part
    hi, lo = np.empty((len(a), b.shape[1])), np.empty((len(a), b.shape[1]))
    for i, row in enumerate(terms.transpose(0, 2, 1).tolist()):
        for j, products in enumerate(row):
            hi[i, j] = math.fsum(products)
            lo[i, j] = math.fsum([*products, -hi[i, j]])
    # fsum rounds once. A low part below the subnormal threshold is lost, at most 2⁻¹⁰⁷⁴ per product.
    lost = ((a != 0)[:, :, None] & (b != 0)[None] & (abs(high) < 2.0**-960)).sum(1)
    return Enclosure(hi, lo, abs(lo) * 2.0**-52 + lost * 2.0**-1074)


def _two_product(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The product a·b as high + low, exactly, unless something overflows or underflows."""
    high = a * b
    a1 = a * 134217729.0 - (a * 134217729.0 - a)
    b1 = b * 134217729.0 - (b * 134217729.0 - b)
    a2, b2 = a - a1, b - b1
    return high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2
