"""Exact derivatives: dual numbers and power series on Arb balls."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from mathcore.verify.oracle.enclosures import Enclosure, balls, enclose

_T = TypeVar("_T")


def _lifted(operation: Callable[[Dual, Dual], _T]) -> Callable[[Dual, Any], _T]:
    """Convert a plain number on the right side, and leave arrays to NumPy, which calls the method elementwise."""

    @functools.wraps(operation)
    def lifted(self: Dual, other: Any) -> _T:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return operation(self, other if isinstance(other, Dual) else Dual(balls(other)[()]))

    return lifted


class Dual:
    """A dual number v + v′ε with ε² = 0: a value and its derivative along one direction, both Arb balls.

    Comparisons use the value only, as branches of a program do.
    """

    __slots__ = ("slope", "value")

    def __init__(self, value: Any, slope: Any = 0) -> None:
        self.value, self.slope = value, slope

    @_lifted
    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, self.slope + other.slope)

    @_lifted
    def __sub__(self, other: Dual) -> Dual:
        return Dual(self.value - other.value, self.slope - other.slope)

    @_lifted
    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    @_lifted
    def __truediv__(self, other: Dual) -> Dual:
        quotient = self.value / other.value
        return Dual(quotient, (self.slope - quotient * other.slope) / other.value)

    @_lifted
    def __rsub__(self, other: Dual) -> Dual:
        return other - self

    @_lifted
    def __rtruediv__(self, other: Dual) -> Dual:
        return other / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __pow__(self, exponent: int) -> Dual:
        return Dual(self.value**exponent, exponent * self.value ** (exponent - 1) * self.slope)

    def exp(self) -> Dual:
        """The exponential."""
        e = self.value.exp()
        return Dual(e, e * self.slope)

    def log(self) -> Dual:
        """The natural logarithm."""
        return Dual(self.value.log(), self.slope / self.value)

    def log1p(self) -> Dual:
        """The natural logarithm of 1 + v."""
        return Dual(self.value.log1p(), self.slope / (1 + self.value))

    def sqrt(self) -> Dual:
        """The square root."""
        root = self.value.sqrt()
        return Dual(root, self.slope / (2 * root))

    def sin(self) -> Dual:
        """The sine."""
        return Dual(self.value.sin(), self.value.cos() * self.slope)

    def cos(self) -> Dual:
        """The cosine."""
        return Dual(self.value.cos(), -self.value.sin() * self.slope)

    def erfc(self) -> Dual:
        """The complementary error function."""
        bell = (-self.value * self.value).exp() * 2 / type(self.value).pi().sqrt()
        return Dual(self.value.erfc(), -bell * self.slope)

    def __abs__(self) -> Dual:
        return -self if self.value < 0 else self

    @_lifted
    def __lt__(self, other: Dual) -> bool:
        return bool(self.value < other.value)

    @_lifted
    def __le__(self, other: Dual) -> bool:
        return bool(self.value <= other.value)

    @_lifted
    def __gt__(self, other: Dual) -> bool:
        return bool(self.value > other.value)

    @_lifted
    def __ge__(self, other: Dual) -> bool:
        return bool(self.value >= other.value)

    @_lifted
    def __eq__(self, other: Dual) -> bool:
        return bool(self.value == other.value)

    @_lifted
    def __ne__(self, other: Dual) -> bool:
        return bool(self.value != other.value)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.value != 0)


def derivative(function: Callable[..., Any], inputs: tuple[Any, ...], directions: tuple[Any, ...]) -> Enclosure:
    """A rigorous enclosure of the derivative of `function` at `inputs` along `directions`, without a step size.

    Args:
        function: takes object arrays (one for each input), returns one; differentiable near the inputs.
        inputs: arrays of floats, taken at their exact values.
        directions: arrays of floats of the same shapes, or None for an input that stays constant.
    """
    count = len(inputs)

    def along(*args: Any) -> Any:
        duals = [paired(v, d) for v, d in zip(args[:count], args[count:], strict=True)]
        result = np.asarray(function(*duals), dtype=object)
        return objects(result, lambda r: r.slope if isinstance(r, Dual) else 0)

    moves = [np.zeros(np.shape(x)) if d is None else d for x, d in zip(inputs, directions, strict=True)]
    return enclose(along, *inputs, *moves)


def paired(values: np.ndarray[Any, Any], slopes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array of dual numbers, from values and derivatives."""
    out = np.empty(values.shape, dtype=object)
    out.ravel()[:] = [Dual(v, s) for v, s in zip(values.ravel(), slopes.ravel(), strict=True)]
    return out


def objects(x: np.ndarray[Any, Any], make: Callable[[Any], Any]) -> np.ndarray[Any, Any]:
    """An array of objects made from each number."""
    out = np.empty(x.shape, dtype=object)
    out.ravel()[:] = [make(v) for v in x.ravel().tolist()]
    return out


def third_derivative_bound(
    function: Callable[..., Any], inputs: tuple[Any, ...], directions: tuple[Any, ...]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An upper bound on |d³/dt³ function(x + t·d)| over −1 ≤ t ≤ 1, for the truncation error of a central difference.

    It uses power series over Arb balls. Their constant term is a ball that contains the whole stencil, so the bound is
    rigorous. `function` must be smooth there and free of comparisons, as a textbook formula is.
    """
    from flint import arb, arb_series, ctx

    whole = arb(0, 1)  # every t from −1 to 1
    before = ctx.prec, ctx.cap
    try:
        ctx.prec, ctx.cap = 128, 4
        series = []
        for x, d in zip(inputs, directions, strict=True):
            values, slopes = balls(x), balls(np.zeros(np.shape(x)) if d is None else d)
            out = np.empty(values.shape, dtype=object)
            pairs = zip(values.ravel(), slopes.ravel(), strict=True)
            out.ravel()[:] = [arb_series([v + whole * s, s]) for v, s in pairs]
            series.append(out)
        result = function(*series)
        if not isinstance(result, np.ndarray):  # a series is a sequence, which NumPy would turn into an axis
            single = np.empty((), dtype=object)
            single[()] = result
            result = single
        return _upper(result, lambda s: s[3] if isinstance(s, arb_series) else arb(0)) * 6
    finally:
        ctx.prec, ctx.cap = before


def _upper(x: np.ndarray[Any, Any], ball: Callable[[Any], Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Upper bounds of the magnitudes of balls, in float64."""
    values = [np.nextafter(float(ball(v).abs_upper()), np.inf) for v in x.ravel()]
    return np.array(values, np.float64).reshape(x.shape)
