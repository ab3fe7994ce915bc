"""What a figure is: its controls, its buttons, the numbers that it must show."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import mathcore as mc

State = Mapping[str, Any]
Values = dict[str, list[float]]


@dataclass(frozen=True)
class Control:
    """An input: a range with a number beside it; what `start` is decides: a line of text, a tick for a bool.

    `options` make it a choice of words. `when` names another control and the least value at which this one is shown.
    """

    name: str
    label: str
    start: Any
    low: float = 0
    high: float = 1
    step: float = 1
    options: Sequence[str] = ()
    when: tuple[str, float] | None = None


@dataclass(frozen=True)
class Preset:
    """A button: controls that it sets, and controls that it moves on by so much.

    The other controls go back to where they started, so that its label says all that is special about what is seen;
    with `keep`, or where something moves on, they stay.
    """

    label: str
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, float] = field(default_factory=dict)
    keep: bool = False

    def told(self, start: State) -> dict[str, Any]:
        """For the page: what it sets, and where the rest goes back, the rest of the start."""
        rest = {} if self.keep or self.add else start
        return {"label": self.label, "set": {**rest, **self.set}, "add": dict(self.add)}


@dataclass(frozen=True)
class Readout:
    """A number that is shown: a label, where it stands among the values, how many decimals, its unit."""

    label: str
    key: str
    index: int
    decimals: int
    unit: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure that a reader moves."""

    title: str
    controls: Sequence[Control]
    readouts: Sequence[Readout]
    compute: Callable[[State], Values]
    cases: Sequence[Mapping[str, Any]]  # changes to the first state at which the page compares itself with the library
    data: Callable[[], dict[str, Any]] = field(default=dict)
    presets: Sequence[Preset] = ()

    @property
    def start(self) -> dict[str, Any]:
        """The state that the page opens with."""
        return {control.name: control.start for control in self.controls}


def every(**choices: Sequence[Any]) -> list[dict[str, Any]]:
    """All combinations."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def numbers(name: str, state: State, count: int) -> Any:
    """The controls name1, name2, … as an array."""
    return np.array([state[f"{name}{i}"] for i in range(1, count + 1)], np.float64)


def sliders(name: str, labels: Sequence[str], starts: Sequence[float], low: float, high: float, step: float) -> Any:
    """Ranges called name1, name2 and so on."""
    pairs = enumerate(zip(labels, starts, strict=True), start=1)
    return [Control(f"{name}{i}", label, start, low, high, step) for i, (label, start) in pairs]


def readings(labels: Sequence[str], key: str, decimals: int, unit: str = "") -> list[Readout]:
    """A number for each label, in the order of the values."""
    return [Readout(label, key, i, decimals, unit) for i, label in enumerate(labels)]


def entropy(shares: Any) -> float:
    """In nats."""
    return float(-(shares * np.log(np.where(shares > 0, shares, 1))).sum())


def product(a: Any, b: Any) -> Any:
    """Rows of `a` against columns of `b`, by the library."""
    return mc.linear(np.asarray(a, np.float64), np.asarray(b, np.float64))


@cache
def dice(count: int) -> Any:
    """Whole numbers from −80 to 80, near normal: sums of four draws of a generator that the page has as well.

    The generator is Park and Miller's: s → 16,807 s mod 2³¹ − 1, exact in the floats of a browser.
    """
    seed, drawn = 1, []
    for _ in range(4 * count):
        seed = 16807 * seed % 2147483647
        drawn.append(seed % 41)
    return np.array(drawn).reshape(count, 4).sum(axis=1) - 80


DEVIATION = float(np.sqrt(560))  # of a number of `dice`: four draws of variance (41² − 1)/12
