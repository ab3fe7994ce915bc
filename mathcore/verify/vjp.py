"""A VJP beside the derivative of its function, in one call, for what has neither a record nor claims.

How exact a VJP should be a tolerance says, which knows the algorithm. This check knows two functions: it allows what
their own answers show that rounding does to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mathcore.verify.oracle.differences import (
    Extrapolated,
    Point,
    extrapolated,
    joined,
    measured_rounding,
    rounding_seen,
)
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.relations import equal, ratios
from mathcore.verify.targets.adapters import ADAPTERS, Adapter
from mathcore.verify.tolerances import FORMATS, Allowance

Array: TypeAlias = "np.ndarray[Any, Any]"
Place: TypeAlias = "tuple[int, tuple[int, ...]]"
Outcome: TypeAlias = Literal["agrees", "differs", "inconclusive"]

_MOST_DUALS = 40_000
"""Dual numbers that `f` is evaluated on at most, all elements together: more would take more than seconds."""


@dataclass(frozen=True)
class VjpCheck:
    """A VJP beside the derivative, element by element; true if the two agree.

    Attributes:
        outcome: "agrees"; "differs"; or "inconclusive" if all elements by some input are hidden.
        how: what gave the derivative: "dual numbers", which are exact, or "differences".
        input, index: the element with the largest error ÷ allowance: of which input, and where in it.
        vjp, derivative: both there.
        error, allowance: the same; an error above its allowance is a difference.
        checked, elements: how many elements were compared, and how many there are.
        hidden: those compared whose allowance exceeds half the largest derivative by their input, as beside a kink or a
            jump: nearly anything would agree there.
        remark: what is wrong apart from numbers, e.g. a shape.
    """

    outcome: Outcome
    how: str = ""
    input: int = 0
    index: tuple[int, ...] = ()
    vjp: float = math.nan
    derivative: float = math.nan
    error: float = math.inf
    allowance: float = 0.0
    checked: int = 0
    elements: int = 0
    hidden: int = 0
    remark: str = ""

    def __bool__(self) -> bool:
        return self.outcome == "agrees"

    def __str__(self) -> str:
        if self.remark:
            return f"{self.outcome}: {self.remark}"
        at = f"inputs[{self.input}]{list(self.index) or ''}"
        return (
            f"{self.outcome}: at {at} the VJP is {self.vjp:.17g}, the derivative {self.derivative:.17g}, error "
            f"{self.error:.3g}, allowed {self.allowance:.3g}; {self.checked} of {self.elements} elements compared by "
            f"{self.how}, {self.hidden} of them hidden"
        )


def check_vjp(
    f: Callable[..., Any],
    f_vjp: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    cotangent: Any = None,
    adapter: str = "numpy",
    most: int = 200,
    seed: int = 0,
) -> VjpCheck:
    """Compare a VJP with the derivative of its function, at one point.

    The derivative is exact, by dual numbers, if `f` runs on arrays of objects, as a formula in NumPy does; otherwise it
    is extrapolated from central differences. `f_vjp` runs on floats either way.

    What this cannot see: other points; a VJP that is less exact than it could be, as rounding is allowed for as it
    shows in the answers; what lies beside a kink or a jump of `f`, or is drowned by rounding (`hidden`). Claims with a
    derived tolerance see more: `Operation.derivative`.

    Args:
        f: takes the inputs, returns one array.
        f_vjp: takes a cotangent of the shape of that array, then the inputs; returns an array for each input, or for
            each floating one; alone, if it is one. None stands for an input that is not floating.
        inputs: arrays of float64 or float32, which are differentiated by, and of integers or bools. Floats are rounded
            to 44 or 15 binary places below the largest of their array, so that no step of a difference is rounded.
        cotangent: what `f_vjp` is given; None for one that is drawn.
        adapter: whose arrays both functions take and return: "numpy", "torch", "jax" or "cupy".
        most: how many elements are compared; of more, some are drawn.
        seed: of what is drawn.

    Raises:
        TypeError: if no input is of float64 or float32, one is of 16 bits, or `f` returns no array of either.
        ValueError: if an input or what `f` returns is not finite, or the cotangent has another shape.

    Examples:
        >>> from mathcore.verify import check_vjp
        >>> x = np.array([1.0, -2.0, 0.5])
        >>> check_vjp(lambda x: x * x, lambda g, x: 2 * g * x, [x]).outcome
        'agrees'
        >>> wrong = check_vjp(lambda x: x * x, lambda g, x: g * x, [x], cotangent=np.ones(3))
        >>> wrong.outcome, wrong.index, wrong.vjp, wrong.derivative
        ('differs', (0,), 1.0, 2.0)
    """
    point, rng, framework = Point.near(inputs), np.random.default_rng(seed), ADAPTERS[adapter](None)
    function, pull = _in_numpy(f, framework), _in_numpy(f_vjp, framework)
    y = _value(function(*point.copies()))
    # A VJP may be constant as the inputs move, and round alike; it is not as the cotangent moves.
    with_g = Point.near([_cotangent(y, cotangent, rng), *point.arrays])
    g = with_g.arrays[0]

    def pulled(*g_and_arrays: Array) -> Array:
        """What is sent back, one number after the other."""
        return np.concatenate([np.ravel(x) for x in _sent_back(pull(*g_and_arrays), point)])

    try:
        back = pulled(*with_g.copies()).astype(np.float64)
    except _MisshapenError as wrong:
        return VjpCheck("differs", elements=len(point.places), remark=str(wrong))
    everywhere = len(point.places)
    chosen = np.sort(rng.choice(everywhere, most, replace=False)) if everywhere > most else np.arange(everywhere)
    places = [point.places[i] for i in chosen]
    noise = np.where(np.isfinite(back), rounding_seen(pulled, with_g, rng), 0.0)[chosen]
    exact = _by_duals(f, g, point, places) if adapter == "numpy" and len(places) * everywhere <= _MOST_DUALS else None
    true = exact or _by_differences(function, y, g, point, places, back[chosen], rng)
    form = FORMATS[y.dtype.name]
    tiny = form.tiny * max(1.0, float(abs(g).max(initial=0)))
    allowed = true.allowance + measured_rounding(noise, true.terms, y.size, form.u, tiny)
    return _concluded(back[chosen], true, allowed.values, places, everywhere)


@dataclass(frozen=True)
class _Derivative:
    """The derivative by some elements: how it was found, its values, the magnitudes of their terms, what is allowed."""

    how: str
    values: Enclosure | Array
    terms: Array
    allowance: Allowance


def _by_duals(f: Callable[..., Any], g: Array, point: Point, places: Sequence[Place]) -> _Derivative | None:
    """The exact derivative; None if `f` does not run on objects."""
    values, terms = [], []
    weights = g.astype(np.float64)
    try:
        for place in places:
            unit = [np.zeros(x.shape) if i in point.floating else None for i, x in enumerate(point.arrays)]
            unit[place[0]][place[1]] = 1.0  # type: ignore[index]
            parts = derivative(_of_floats(f, point, weights), *_floats_alone(point, unit))
            values.append([math.fsum([*parts.hi.ravel(), *parts.lo.ravel()]), float(parts.radius.sum())])
            terms.append(float(abs(parts.hi).sum()))
    except Exception:  # whatever a function does with what it was not written for
        return None
    hi, radius = np.array(values, np.float64).reshape(-1, 2).T
    rounded = Enclosure(hi, np.zeros_like(hi), radius + abs(hi) * 2.0**-53)
    return _Derivative("dual numbers", rounded, np.array(terms), Allowance(np.zeros(len(terms)), ()))


def _of_floats(f: Callable[..., Any], point: Point, weights: Array) -> Callable[..., Any]:
    """The weighted numbers that `f` returns, as a function of its floating arrays alone."""

    def weighted(*floats: Any) -> Any:
        arrays = point.copies()
        for i, x in zip(point.floating, floats, strict=True):
            arrays[i] = x
        found = np.asarray(f(*arrays), dtype=object)
        if found.shape != weights.shape:
            raise ValueError("another shape than of floats")
        return found * weights

    return weighted


def _floats_alone(point: Point, unit: Sequence[Array | None]) -> tuple[tuple[Array, ...], tuple[Any, ...]]:
    return tuple(point.arrays[i] for i in point.floating), tuple(unit[i] for i in point.floating)


_SMALLER = (1, 4, 16, 64, 256)
"""By what the step is divided, in turn, until the two agree: several kinks within a step may cancel in its bound.

A difference is one at the first three, and at the others for a function that is bent within all before.
"""


def _by_differences(
    function: Callable[..., Any],
    y: Array,
    g: Array,
    point: Point,
    places: Sequence[Place],
    back: Array,
    rng: np.random.Generator,
) -> _Derivative:
    weights = g.astype(np.float64)
    noise = rounding_seen(lambda *arrays: _value(function(*arrays)), point, rng)
    floor = FORMATS[y.dtype.name].u * float(abs(weights * y.astype(np.float64)).sum())
    found = []
    for place, sent in zip(places, back.tolist(), strict=True):
        tries = [extrapolated(function, weights, point, place, noise, floor)]
        while _unlike(tries[-1], sent) and (len(tries) < 3 or tries[-1].bent) and len(tries) < len(_SMALLER):
            tries.append(extrapolated(function, weights, point, place, noise, floor, _SMALLER[len(tries)]))
        found.append(tries[0] if _unlike(tries[-1], sent) else tries[-1])
    values, terms = (np.array([getattr(one, name) for one in found], np.float64) for name in ("value", "terms"))
    return _Derivative("differences", values, terms, joined([one.allowance for one in found]))


def _unlike(found: Extrapolated, sent: float) -> bool:
    return not abs(sent - found.value) <= found.allowance.values


def _concluded(back: Array, true: _Derivative, allowed: Array, places: Sequence[Place], elements: int) -> VjpCheck:
    """The verdict, and the worst element; of those that are not hidden, if there are any."""
    values = true.values.hi if isinstance(true.values, Enclosure) else true.values
    by = np.array([number for number, _ in places], int)
    sure = np.isfinite(allowed) & np.isfinite(values)
    largest = np.array([abs(values[sure & (by == i)]).max(initial=0.0) for i in by])
    error, ratio = np.full(len(places), math.inf), np.full(len(places), -1.0)
    relation = equal(back[sure], true.values[sure], within=Allowance(allowed[sure], ()))
    error[sure], ratio[sure] = relation.error, ratios(relation)
    hidden = (ratio <= 1) & (allowed > largest / 2) & ~((values == 0) & (back == 0))
    blind = any(hidden[by == i].all() for i in set(by.tolist()))
    outcome: Outcome = "differs" if (ratio > 1).any() else "inconclusive" if blind else "agrees"
    how: dict[str, Any] = {"how": true.how, "checked": len(places), "elements": elements, "hidden": int(hidden.sum())}
    if not places:
        return VjpCheck(outcome, **how)
    worst = int(np.argmax(ratio if hidden.all() else np.where(hidden, -1.0, ratio)))
    numbers = {"vjp": back, "derivative": values, "error": error, "allowance": allowed}
    how |= {name: float(value[worst]) for name, value in numbers.items()}
    return VjpCheck(outcome, input=places[worst][0], index=places[worst][1], **how)


def _in_numpy(function: Callable[..., Any], adapter: Adapter) -> Callable[..., Any]:
    """A function on arrays of a framework, as one on NumPy's."""

    def called(*arrays: Array) -> Any:
        answer = function(*(adapter.to_native(x) for x in arrays))
        several = isinstance(answer, (tuple, list))
        parts = tuple(None if part is None else adapter.to_numpy(part) for part in (answer if several else (answer,)))
        return parts if several else parts[0]

    return called


def _value(y: Any) -> Array:
    """What `f` returned."""
    came = y.dtype if isinstance(y, np.ndarray) else type(y).__name__
    if not isinstance(y, np.ndarray) or y.dtype.name not in ("float64", "float32"):
        raise TypeError(f"`f` must return one array of float64 or float32, got {came}")
    return y


def _cotangent(y: Array, given: Any, rng: np.random.Generator) -> Array:
    """The one that is given, or quarters of whole numbers other than 0."""
    if not np.isfinite(y).all():
        raise ValueError("what `f` returns at `inputs` must be finite")
    if given is None:
        return (rng.integers(1, 9, y.shape) * rng.choice([-1, 1], y.shape) / 4).astype(y.dtype)
    g = np.asarray(given, y.dtype)
    if g.shape != y.shape:
        raise ValueError(f"`cotangent` must have the shape of what `f` returns, {y.shape}, got {g.shape}")
    if not np.isfinite(g).all():
        raise ValueError("`cotangent` must be finite")
    return g


class _MisshapenError(Exception):
    """`f_vjp` did not return an array for each input; the message says what it did."""


def _sent_back(answer: Any, point: Point) -> list[Array]:
    """The arrays that `f_vjp` returned for the floating inputs.

    Raises:
        _MisshapenError: if they are too few or too many, or one has another shape than its input.
    """
    floating, parts = point.floating, answer if isinstance(answer, tuple) else (answer,)
    if len(parts) == len(point.arrays):
        parts = tuple(parts[i] for i in floating)
    if len(parts) != len(floating):
        raise _MisshapenError(f"`f_vjp` returned {len(parts)} arrays for {len(floating)} floating inputs")
    for i, part in zip(floating, parts, strict=True):
        if np.shape(part) != point.arrays[i].shape or part is None:
            came = "None" if part is None else f"the shape {np.shape(part)}"
            raise _MisshapenError(f"`f_vjp` returned {came} for inputs[{i}] of shape {point.arrays[i].shape}")
    return list(parts)
