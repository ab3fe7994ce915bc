"""Number types that run through a target's own code: they count operations, or carry a derivative along.

NumPy's loops over object arrays call `a + b`, `a * b`, `a.exp()`, `a.sqrt()` and so on, so an implementation written
for floats runs on these as it stands.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from mathcore.verify.enclosures import Enclosure, balls, enclose

_T = TypeVar("_T")


@dataclass
class Ledger:
    """How often what was carried out; a difference counts as an addition."""

    multiplications: int = 0
    additions: int = 0
    divisions: int = 0
    exponentials: int = 0


class Counted:
    """A number, whole unless said otherwise, that notes what is done with it in a ledger."""

    def __init__(self, value: Any, ledger: Ledger) -> None:
        self.value, self.ledger = value, ledger

    def __mul__(self, other: Any) -> Counted:
        self.ledger.multiplications += 1
        return Counted(self.value * _uncounted(other), self.ledger)

    def __add__(self, other: Any) -> Counted:
        self.ledger.additions += 1
        return Counted(self.value + _uncounted(other), self.ledger)

    def __sub__(self, other: Any) -> Counted:
        self.ledger.additions += 1
        return Counted(self.value - _uncounted(other), self.ledger)

    def __truediv__(self, other: Any) -> Counted:
        self.ledger.divisions += 1
        return Counted(self.value / _uncounted(other), self.ledger)

    __radd__, __rmul__ = __add__, __mul__

    def exp(self) -> Counted:
        """The exponential, if the number has one."""
        self.ledger.exponentials += 1
        return Counted(self.value.exp(), self.ledger)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _uncounted(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _uncounted(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _uncounted(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _uncounted(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _uncounted(other))

    __hash__ = None  # type: ignore[assignment]


def _uncounted(value: Any) -> Any:
    return value.value if isinstance(value, Counted) else value


def counted(x: Any, ledger: Ledger, number: Callable[[Any], Any] = int) -> np.ndarray[Any, Any]:
    """An array of numbers, whole unless said otherwise, that count what is done with them."""
    return _objects(np.asarray(x), lambda v: Counted(number(v), ledger))


def _lifted(operation: Callable[[Dual, Dual], _T]) -> Callable[[Dual, Any], _T]:
    """Let the right side be a plain number, and leave arrays to NumPy, which goes through them element by element."""

    @functools.wraps(operation)
    def lifted(self: Dual, other: Any) -> _T:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return operation(self, other if isinstance(other, Dual) else Dual(balls(other)[()]))

    return lifted


class Dual:
    """A value with its derivative along one direction, both Arb balls: v + v′ε with ε² = 0.

    Comparisons look at the value alone, as a program with branches does.
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


class Rounded:
    """A number as float arithmetic may have it: a ball of all values that rounding can lead to.

    Every operation widens the ball by 8 roundings of float64, of a sum by 8 of the sum of magnitudes that went into
    it. So the ball holds what any order of up to 9 terms gives, and a few steps more or less than the formula has.
    """

    ROUNDINGS = 8
    __slots__ = ("ball", "size")

    def __init__(self, ball: Any, size: Any = None) -> None:
        self.ball = ball
        self.size = abs(ball) if size is None else size  # Σ of the magnitudes of all products in a sum

    def _widened(self, ball: Any, size: Any = None) -> Rounded:
        from flint import arb

        size = abs(ball) if size is None else size
        return Rounded(ball + size * arb(0, self.ROUNDINGS * 2.0**-53), size)

    def __add__(self, other: Any) -> Rounded:
        other = _as_rounded(other)
        return self._widened(self.ball + other.ball, self.size + other.size)

    def __sub__(self, other: Any) -> Rounded:
        return self + -_as_rounded(other)

    def __rsub__(self, other: Any) -> Rounded:
        return _as_rounded(other) - self

    def __mul__(self, other: Any) -> Rounded:
        other = _as_rounded(other)
        return self._widened(self.ball * other.ball, self.size * other.size)

    def __truediv__(self, other: Any) -> Rounded:
        other = _as_rounded(other)
        return self._widened(self.ball / other.ball, self.size / abs(other.ball))

    def __rtruediv__(self, other: Any) -> Rounded:
        return _as_rounded(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Rounded:
        return Rounded(-self.ball, self.size)

    def exp(self) -> Rounded:
        """The exponential."""
        return self._widened(self.ball.exp())

    def log(self) -> Rounded:
        """The natural logarithm."""
        return self._widened(self.ball.log())

    def sqrt(self) -> Rounded:
        """The square root."""
        return self._widened(self.ball.sqrt())

    def sin(self) -> Rounded:
        """The sine, off by a share of 1, as where a large angle was reduced."""
        return self._widened(self.ball.sin(), 1)

    def cos(self) -> Rounded:
        """The cosine, off by a share of 1."""
        return self._widened(self.ball.cos(), 1)

    def __gt__(self, other: Any) -> bool:
        return bool(self.ball.mid() > _as_rounded(other).ball.mid())

    def abs_upper(self) -> Any:
        """The largest magnitude in the ball."""
        return self.ball.abs_upper()


def _as_rounded(value: Any) -> Rounded:
    return value if isinstance(value, Rounded) else Rounded(balls(value)[()])


def rounding_radius(
    function: Callable[..., Any], inputs: tuple[Any, ...], directions: tuple[Any, ...] | None = None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How far float64 arithmetic may get from the true value of `function`, or of its derivative along `directions`.

    The derivative is carried forward, where an implementation may send it backward: both add up the same products of
    slopes, one for each path from an input to the output, and round at most 8 times at each node of a path.
    """

    def rounded_array(x: Any) -> Any:
        return _objects(balls(x), Rounded)

    if directions is None:
        result = np.asarray(function(*map(rounded_array, inputs)), dtype=object)
        results = result.ravel()
    else:
        moves = [np.zeros(np.shape(x)) if d is None else d for x, d in zip(inputs, directions, strict=True)]
        duals = [_paired(rounded_array(x), rounded_array(d)) for x, d in zip(inputs, moves, strict=True)]
        result = np.asarray(function(*duals), dtype=object)
        results = np.array([_as_rounded(r.slope if isinstance(r, Dual) else 0) for r in result.ravel()], dtype=object)
    radii = [np.nextafter(float(r.ball.rad()), np.inf) for r in results]
    return np.array(radii, np.float64).reshape(result.shape)


class Residue:
    """A whole number modulo a prime: sums, products and quotients are exact, and nothing grows or rounds.

    Functions that no fraction has a fraction for, such as the exponential, are arbitrary fixed tables here. What comes
    out equal is therefore equal whatever those functions are: it follows from the algebra alone. Two formulas that
    differ agree at a random point with a probability of about their degree divided by the prime.
    """

    PRIME = 2**61 - 1
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, Residue):
            self.value: int = value.value
            return
        top, bottom = Fraction(value).as_integer_ratio()
        self.value = int(top) * pow(int(bottom), -1, self.PRIME) % self.PRIME

    def __add__(self, other: Any) -> Residue:
        return Residue(self.value + Residue(other).value)

    def __sub__(self, other: Any) -> Residue:
        return Residue(self.value - Residue(other).value)

    def __rsub__(self, other: Any) -> Residue:
        return Residue(other) - self

    def __mul__(self, other: Any) -> Residue:
        return Residue(self.value * Residue(other).value)

    def __truediv__(self, other: Any) -> Residue:
        return Residue(self.value * pow(Residue(other).value, -1, self.PRIME))

    def __rtruediv__(self, other: Any) -> Residue:
        return Residue(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Residue:
        return Residue(-self.value)

    def __pow__(self, exponent: int) -> Residue:
        return Residue(pow(self.value, exponent, self.PRIME))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, float) and not math.isfinite(other):
            return False
        return isinstance(other, (Residue, int, float)) and self.value == Residue(other).value

    def __lt__(self, other: Any) -> bool:
        return self.value < _comparable(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > _comparable(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= _comparable(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= _comparable(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"{self.value if self.value < self.PRIME // 2 else self.value - self.PRIME} (mod p)"

    def __abs__(self) -> Residue:
        return self

    def __float__(self) -> float:
        return float(self.value)  # 0 for 0 alone: enough to tell whether two numbers differ

    def _table(self, name: str) -> Residue:
        digest = hashlib.sha256(f"{name} {self.value}".encode()).digest()
        return Residue(int.from_bytes(digest[:8], "big"))

    def exp(self) -> Residue:
        """Any function of one argument but for 1 at 0."""
        return self._table("exp") if self.value else Residue(1)

    def expm1(self) -> Residue:
        """What `exp` says, minus 1."""
        return self.exp() - 1

    def log(self) -> Residue:
        """Any function of one argument but for 0 at 1."""
        return self._table("log") if self.value != 1 else Residue(0)

    def log1p(self) -> Residue:
        """What `log` says of 1 more."""
        return (self + 1).log()

    def sqrt(self) -> Residue:
        """Any function of one argument."""
        return self._table("sqrt")


def _comparable(other: Any) -> int | float:
    """What a number modulo a prime is compared with: an infinity is beyond them all."""
    return other if isinstance(other, float) and math.isinf(other) else Residue(other).value


def residues(x: Any) -> np.ndarray[Any, Any]:
    """An array of numbers modulo a prime."""
    return _objects(np.asarray(x), Residue)


def derivative(function: Callable[..., Any], inputs: tuple[Any, ...], directions: tuple[Any, ...]) -> Enclosure:
    """The derivative of `function` at `inputs` along `directions`, enclosed rigorously; no step size is involved.

    Args:
        function: takes object arrays (one for each input), returns one; differentiable near the inputs.
        inputs: arrays of floats, taken at their exact values.
        directions: arrays of floats of the same shapes, or None for an input that does not move.
    """
    count = len(inputs)

    def along(*args: Any) -> Any:
        duals = [_paired(v, d) for v, d in zip(args[:count], args[count:], strict=True)]
        result = np.asarray(function(*duals), dtype=object)
        return _objects(result, lambda r: r.slope if isinstance(r, Dual) else 0)

    moves = [np.zeros(np.shape(x)) if d is None else d for x, d in zip(inputs, directions, strict=True)]
    return enclose(along, *inputs, *moves)


def _paired(values: np.ndarray[Any, Any], slopes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    out = np.empty(values.shape, dtype=object)
    out.ravel()[:] = [Dual(v, s) for v, s in zip(values.ravel(), slopes.ravel(), strict=True)]
    return out


def _objects(x: np.ndarray[Any, Any], make: Callable[[Any], Any]) -> np.ndarray[Any, Any]:
    out = np.empty(x.shape, dtype=object)
    out.ravel()[:] = [make(v) for v in x.ravel().tolist()]
    return out


def third_derivative_bound(
    function: Callable[..., Any], inputs: tuple[Any, ...], directions: tuple[Any, ...]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An upper bound on |d³/dt³ function(x + t·d)| over all −1 ≤ t ≤ 1: what a central difference truncates.

    Power series over Arb balls: the constant term is the ball that holds the whole stencil, so the bound is rigorous
    for every point of it. `function` must be smooth there and free of comparisons, as a textbook formula is.
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
        if not isinstance(result, np.ndarray):  # a series is a sequence, of which NumPy would make an axis
            single = np.empty((), dtype=object)
            single[()] = result
            result = single
        return _upper(result, lambda s: s[3] if isinstance(s, arb_series) else arb(0)) * 6
    finally:
        ctx.prec, ctx.cap = before


def _upper(x: np.ndarray[Any, Any], ball: Callable[[Any], Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The magnitude of a ball from above, in float64."""
    values = [np.nextafter(float(ball(v).abs_upper()), np.inf) for v in x.ravel()]
    return np.array(values, np.float64).reshape(x.shape)
