"""Running error bounds: numbers with a ball of all values that rounding can lead to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.oracle.dual import Dual, objects, paired
from mathcore.verify.oracle.enclosures import balls


class Rounded:
    """The result of a float computation: a ball of all values that rounding can lead to.

    Every operation widens the ball by 8 roundings of float64; a sum, by 8 roundings of the sum of the magnitudes of its
    terms. So the ball covers any order of up to 9 terms, and algorithms with a few more steps than the formula.
    """

    ROUNDINGS = 8
    __slots__ = ("ball", "size")

    def __init__(self, ball: Any, size: Any = None) -> None:
        self.ball = ball
        self.size = abs(ball) if size is None else size  # Σ of the magnitudes of all products in a sum

    def _widened(self, ball: Any, size: Any = None) -> Rounded:
        size = abs(ball) if size is None else size
        return Rounded(ball + size * _ball_of_roundings(self.ROUNDINGS), size)

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
        """The sine, with an error relative to 1, as after the reduction of a large angle."""
        return self._widened(self.ball.sin(), 1)

    def cos(self) -> Rounded:
        """The cosine, with an error relative to 1."""
        return self._widened(self.ball.cos(), 1)

    def __gt__(self, other: Any) -> bool:
        return bool(self.ball.mid() > _as_rounded(other).ball.mid())

    def abs_upper(self) -> Any:
        """An upper bound of the magnitudes in the ball."""
        return self.ball.abs_upper()


# A formula takes these two steps at every node, so what they need is made once.


@functools.cache
def _ball_of_roundings(count: int) -> Any:
    from flint import arb

    return arb(0, count * 2.0**-53)


def _as_rounded(value: Any) -> Rounded:
    if isinstance(value, Rounded):
        return value
    return Rounded(value if isinstance(value, type(_ball_of_roundings(1))) else balls(value)[()])


def rounding_radius(
    function: Callable[..., Any], inputs: tuple[Any, ...], directions: tuple[Any, ...] | None = None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A bound on the float64 rounding error of `function`, or of its derivative along `directions`.

    The derivative is computed in forward mode, though an implementation may use reverse mode. Both add the same
    products of local derivatives, one for each path from an input to the output, and round at most 8 times per node.
    """

    def rounded_array(x: Any) -> Any:
        return objects(balls(x), Rounded)

    if directions is None:
        result = np.asarray(function(*map(rounded_array, inputs)), dtype=object)
        results = result.ravel()
    else:
        moves = [np.zeros(np.shape(x)) if d is None else d for x, d in zip(inputs, directions, strict=True)]
        duals = [paired(rounded_array(x), rounded_array(d)) for x, d in zip(inputs, moves, strict=True)]
        result = np.asarray(function(*duals), dtype=object)
        results = np.array([_as_rounded(r.slope if isinstance(r, Dual) else 0) for r in result.ravel()], dtype=object)
    radii = [np.nextafter(float(r.ball.rad()), np.inf) for r in results]
    return np.array(radii, np.float64).reshape(result.shape)
