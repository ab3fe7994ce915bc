"""What the failing inputs of an operation have in common, and those that pass do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mathcore.verify.targets.caller import Call
from mathcore.verify.targets.signatures import defaults_of
from mathcore.verify.tolerances import FORMATS

_MAX_SIZE = 1 << 16  # larger arrays are not searched for NaN


@dataclass
class Traits:
    """How many inputs failed and passed, and how many of each had which trait, e.g. "is_causal=True"."""

    failed: int = 0
    passed: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    passing: Counter[str] = field(default_factory=Counter)

    def add(self, traits: Iterable[str], failed: bool) -> None:
        """Count an input."""
        if failed:
            self.failed += 1
            self.failing.update(traits)
        else:
            self.passed += 1
            self.passing.update(traits)

    def merge(self, other: Traits) -> None:
        """Add the counts of another search."""
        self.failed, self.passed = self.failed + other.failed, self.passed + other.passed
        self.failing.update(other.failing)
        self.passing.update(other.passing)

    @property
    def common(self) -> list[str]:
        """What every failing input had and fewer than half of those that passed, the most telling first."""
        common = [t for t, n in self.failing.items() if n == self.failed and 2 * self.passing[t] < self.passed]
        return sorted(common, key=lambda t: (self.passing[t], t))

    @property
    def words(self) -> str:
        """The two most telling traits with their counts."""
        shown = self.common[:2]
        if not shown:
            return ""
        every = "the failing input had" if self.failed == 1 else f"all {self.failed:,} failing inputs had"
        having = " and ".join(f"{self.passing[t]:,} had {t if len(shown) > 1 else 'it'}" for t in shown)
        return f"{every} {' and '.join(shown)}; of {self.passed:,} that passed, {having}"


def traits_of(call: Call) -> set[str]:
    """The traits of a call: the values of its options, the dtype and form of its arrays."""
    given: Mapping[str, Any] = call.given if call.given is not None else call.options
    found, arrays = set(), [(n, v) for n, v in given.items() if isinstance(v, np.ndarray)]
    for name, value in given.items():
        if value is None or isinstance(value, (bool, int, str)):
            found.add(f"{name}={value!r}")
        elif isinstance(value, (float, np.floating)):
            default = defaults_of(call.operation).get(name)
            found.add(f"{name}={value!r}" if value == default else f"`{name}` given")
    found |= {f"a `{name}`" for name, value in arrays if given.get(name) is not None}
    for name, x in arrays:
        found |= _traits_of_array(x, name)
    if arrays and arrays[0][1].ndim:
        found |= _traits_of_first(arrays[0][1])
    shapes = {name: x.shape for name, x in arrays if x.ndim >= 2}
    if {"query", "key"} <= shapes.keys():
        more, fewer = shapes["key"][-2] > shapes["query"][-2], shapes["key"][-2] < shapes["query"][-2]
        found |= {"more keys than queries"} if more else {"fewer keys than queries"} if fewer else set()
        if len(shapes["query"]) > 2 and len(shapes["key"]) > 2 and shapes["query"][-3] != shapes["key"][-3]:
            found.add("grouped heads")
    return found


def _traits_of_array(x: np.ndarray[Any, Any], name: str) -> set[str]:
    found = {"a strided array"} if x.size > 1 and not x.flags.c_contiguous else set()
    if x.dtype.name in FORMATS and x.size <= _MAX_SIZE:
        wide = x.astype(np.float64)
        found |= {f"NaN in `{name}`"} if np.isnan(wide).any() else set()
        found |= {f"an infinity in `{name}`"} if np.isinf(wide).any() else set()
    return found


def _traits_of_first(x: np.ndarray[Any, Any]) -> set[str]:
    """Dtype, width and number of rows of the first array."""
    width, rows = x.shape[-1], x.size // max(x.shape[-1], 1)
    found = {str(x.dtype.name), f"{x.ndim} {'axis' if x.ndim == 1 else 'axes'}"}
    found |= {"a width that is no multiple of 8"} if width % 8 else {"a width that is a multiple of 8"}
    found |= {f"a width of {width}"} if width < 2 else set()
    found |= {f"a width over {n:,}" for n in (1, 8, 32, 256, 1024) if width > n}
    return found | {f"more than {n:,} rows" for n in (1, 8, 1024) if rows > n}
