"""Derivatives of functions that only run on floats: extrapolated differences, and how far to trust them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mathcore.verify.tolerances import Allowance, gamma, tolerance

Array: TypeAlias = "np.ndarray[Any, Any]"
Function: TypeAlias = "Callable[..., Array]"

_FINER = {"float64": (44, 10), "float32": (15, 5)}
"""Binary places below the largest input: of the grid that inputs are rounded to, and of the step h.

The error of the extrapolation is of the order h⁴ + u/h, which u^(1/5) makes least: 2⁻¹⁰ and 2⁻⁵. Nine bits fewer than a
format has leave room for inputs that are moved by four steps, so that no step is rounded.
"""
_LINES = 6
"""How many lines through the inputs rounding is measured on. The second largest counts: one may cross a kink."""
_SIXTH = (1, -6, 15, -20, 15, -6, 1)


@tolerance
def measured_rounding(sixth: Any, terms: Any, count: int, u: float, tiny: float) -> Any:
    r"""What rounding does to a function of which nothing is known but its answers.

    Seven equidistant points lie so close that a smooth function is of degree 5 there. Its sixth difference is then
    nothing but rounding: errors of standard deviation σ make it $\sqrt{924}\,\sigma \approx 30\sigma$ on average. The
    second largest of six, `sixth`, is taken whole. Where rounding is the same from point to point, it is at least that
    of a product and a sum for each of `count` terms, $\gamma_{n+4}$ of their magnitudes, whose sum is `terms`; what
    underflows loses at most `tiny` in each.
    """
    return np.asarray(sixth, np.float64) + gamma(count + 4, u) * np.asarray(terms, np.float64) + (count + 4) * tiny


@tolerance
def extrapolated_difference(steps: Any, bends: Any, noise: Any, step: Any) -> Any:
    r"""Richardson's $R(h) = (4D(h) - D(2h))/3$ of central differences, against the derivative.

    `steps` are D(h), D(2h), D(4h). For a smooth function $R(h) = f' + c h^4 + \dots$ and $R(2h)$ is off by 16 times as
    much: $|R(2h) - R(h)|$ is fifteen times the error, and is taken whole. `bends` are the second differences S(h) and
    S(2h). Of a smooth function $|4S(h) - S(2h)|/2h$ is of the order $h^3$, beside a kink it is of the size of the jump
    of the slope; both together exceed the error that one kink or jump makes, wherever it lies. `noise` is the rounding
    of a value: D(h) and D(2h) hold $\tfrac43 \cdot \tfrac{1}{h} + \tfrac13 \cdot \tfrac{1}{2h} = \tfrac{3}{2h}$ of it.
    """
    d1, d2, d4 = (np.asarray(d, np.float64) for d in steps)
    near, far = (np.asarray(s, np.float64) for s in bends)
    left = abs((4 * d2 - d4) / 3 - (4 * d1 - d2) / 3)
    return left + abs(4 * near - far) / (2 * step) + 1.5 * np.asarray(noise, np.float64) / step


@dataclass(frozen=True)
class Point:
    """Arrays at which a function is differentiated, rounded to a grid.

    Attributes:
        arrays: float64, float32, or of integers and bools, which stay as they are.
        steps: the step h of each; None for those that are not floating.
    """

    arrays: tuple[Array, ...]
    steps: tuple[float | None, ...]

    @staticmethod
    def near(inputs: Sequence[Any]) -> Point:
        """The point of the grid that is nearest to these inputs.

        Raises:
            TypeError: if none is of float64 or float32, or one is of another floating dtype.
            ValueError: if one is not finite.
        """
        pairs = [_on_grid(i, np.array(x)) for i, x in enumerate(inputs)]
        if all(step is None for _, step in pairs):
            raise TypeError("one of `inputs` must be an array of float64 or float32")
        return Point(tuple(x for x, _ in pairs), tuple(step for _, step in pairs))

    @property
    def floating(self) -> list[int]:
        """Which of the arrays are differentiated by."""
        return [i for i, step in enumerate(self.steps) if step is not None]

    @property
    def places(self) -> list[tuple[int, tuple[int, ...]]]:
        """All elements that are differentiated by: which array, and where in it."""
        return [(i, index) for i in self.floating for index in np.ndindex(self.arrays[i].shape)]

    def copies(self) -> list[Array]:
        """The arrays, for a function that might write into them."""
        return [x.copy() for x in self.arrays]

    def moved(self, place: tuple[int, tuple[int, ...]], by: float) -> list[Array]:
        """The arrays with one element moved."""
        arrays, (i, index) = self.copies(), place
        arrays[i][index] += arrays[i].dtype.type(by)
        return arrays

    def line(self, rng: np.random.Generator) -> list[list[Array]]:
        """Seven points in a line; from one to the next, every element moves by up to a sixteenth of its step."""
        ways = [
            None
            if step is None
            else (rng.choice([-1, 1], x.shape) * rng.integers(4, 9, x.shape) * (step / 128)).astype(x.dtype)
            for x, step in zip(self.arrays, self.steps, strict=True)
        ]
        pairs = list(zip(self.arrays, ways, strict=True))
        return [[x.copy() if way is None else x + x.dtype.type(k) * way for x, way in pairs] for k in range(-3, 4)]


def _on_grid(number: int, x: Array) -> tuple[Array, float | None]:
    if x.dtype.kind in "iub":
        return x, None
    if x.dtype.name not in _FINER:
        raise TypeError(f"`inputs` must be of float64, float32 or integers, got {x.dtype} at {number}")
    if not np.isfinite(x).all():
        raise ValueError(f"`inputs` must be finite, got {x[~np.isfinite(x)][0]} at {number}")
    grid, step = _FINER[x.dtype.name]
    exponent = math.frexp(float(abs(x).max(initial=0)))[1] if x.any() else 0
    unit = math.ldexp(1.0, exponent - grid)
    return (np.rint(x.astype(np.float64) / unit) * unit).astype(x.dtype), math.ldexp(1.0, exponent - step)


def rounding_seen(function: Function, point: Point, rng: np.random.Generator) -> Array:
    """The sixth difference of each number that the function returns, on the second worst of several lines."""
    found = []
    for _ in range(_LINES):
        values = [np.asarray(function(*arrays), np.float64) for arrays in point.line(rng)]
        found.append(abs(np.tensordot(_SIXTH, values, 1)))
    return np.sort(np.nan_to_num(found, nan=np.inf), axis=0)[-2]


@dataclass(frozen=True)
class Extrapolated:
    """A derivative by one element.

    Attributes:
        value: the derivative.
        terms: the sum of the magnitudes of what it is a sum of.
        allowance: what it may be off by.
        bent: whether that is far more than rounding alone would do: the function is not smooth within the step.
    """

    value: float
    terms: float
    allowance: Allowance
    bent: bool


def extrapolated(
    function: Function,
    weights: Array,
    point: Point,
    place: tuple[int, tuple[int, ...]],
    noise: Array,
    floor: float,
    smaller: int = 1,
) -> Extrapolated:
    """The derivative of ⟨weights, function⟩ by one element.

    Args:
        function: returns an array of the shape of the weights.
        weights: float64.
        point: where to differentiate.
        place: the element.
        noise: how far rounding may take each number that the function returns, as seen.
        floor: how far it may at least take their weighted sum.
        smaller: what the step is divided by, a power of two up to 256.
    """
    h = (point.steps[place[0]] or 0.0) / smaller
    at = {k: np.asarray(function(*point.moved(place, k * h)), np.float64) for k in (-4, -2, -1, 0, 1, 2, 4)}
    with np.errstate(all="ignore"):
        change = {k: at[k] - at[-k] for k in (1, 2, 4)}
        slopes = [_total(weights * change[k]) / (2 * k * h) for k in (1, 2, 4)]
        bends = [_total(weights * ((at[k] - at[0]) - (at[0] - at[-k]))) for k in (1, 2)]
        touched = (change[1] != 0) | (change[2] != 0) | (change[4] != 0)  # the noise of the others cancels
        seen = abs(weights[touched]) @ noise[touched] + floor
        allowed = extrapolated_difference(slopes, bends, seen, h)
        terms = float(abs(weights * change[1]).sum() / (2 * h))
    return Extrapolated((4 * slopes[0] - slopes[1]) / 3, terms, allowed, bool(allowed.values > 6 * seen / h))


def joined(allowances: Sequence[Allowance]) -> Allowance:
    """The allowances of several numbers, as one of an array."""
    names = dict.fromkeys(name for each in allowances for name in each.names)
    return Allowance(np.array([each.values.item() for each in allowances], np.float64), tuple(names))


def _total(terms: Array) -> float:
    """The sum, rounded once."""
    return math.fsum(terms.ravel().tolist()) if np.isfinite(terms).all() else math.nan
