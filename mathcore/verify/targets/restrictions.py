"""Restrictions: what a kernel does not do, and what is therefore not tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Restrictions:
    """What is supported; by default everything. The width is the size of the last axis of an operation's first array.

    Attributes:
        widths: the only widths, e.g. (64, 128) for head widths.
        width_multiple: widths are multiples of this.
        min_width, max_width: widths lie between these, both included.
        min_axes, max_axes: the number of axes of the first array lies between these.
        without: options that must keep their defaults, e.g. ("mask", "bias"). An option that the function does not
            take at all need not be named.
        finite: arrays hold neither NaN nor infinities.
        shapes: how many different shapes each operation is called with; for a framework that compiles each anew.
    """

    widths: tuple[int, ...] | None = None
    width_multiple: int = 1
    min_width: int = 0
    max_width: int | None = None
    min_axes: int = 0
    max_axes: int | None = None
    without: tuple[str, ...] = ()
    finite: bool = False
    shapes: int | None = None

    def allows_width(self, width: int) -> bool:
        """Whether arrays of this width are supported."""
        return not self._width_refused(width)

    def _width_refused(self, width: int) -> str:
        if self.widths is not None and width not in self.widths:
            return f"widths other than {', '.join(map(str, self.widths))}"
        if width % self.width_multiple:
            return f"widths that are no multiple of {self.width_multiple}"
        if width < self.min_width:
            return f"widths below {self.min_width}"
        if self.max_width is not None and width > self.max_width:
            return f"widths above {self.max_width}"
        return ""

    def refuses(self, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
        """Why a call with these arguments is not tried, in words that fit "not checked: …"; "" if it is."""
        for name in self.without:
            if name in given and not _same_value(given[name], defaults.get(name)):
                return f"`{name}`"
        arrays = [v for v in given.values() if isinstance(v, np.ndarray)]
        if not arrays:
            return ""
        first = arrays[0]
        if first.ndim < self.min_axes:
            return f"fewer than {self.min_axes} axes"
        if self.max_axes is not None and first.ndim > self.max_axes:
            return f"more than {self.max_axes} axes"
        if self.finite and not all(_is_finite(a) for a in arrays):
            return "NaN and infinities"
        return self._width_refused(first.shape[-1]) if first.ndim else ""

    def widths_between(self, least: int, most: int, usual: Iterable[int]) -> list[int]:
        """The supported widths from `least` to `most`: the usual ones, and the smallest of all."""
        low = max(least, self.min_width)
        smallest = [n for n in range(low, most + 1) if self.allows_width(n)][:8]
        found = sorted({*smallest, *(n for n in usual if least <= n <= most and self.allows_width(n))})
        return found[:: -(-len(found) // max(self.shapes, 1))] if self.shapes and found else found


def _same_value(a: Any, b: Any) -> bool:
    return a is b or (np.ndim(a) == 0 and np.ndim(b) == 0 and type(a) is type(b) and bool(a == b))


def _is_finite(x: np.ndarray[Any, Any]) -> bool:
    return x.dtype.kind not in "fV" or bool(np.isfinite(x.astype(np.float64)).all())


NONE = Restrictions()
_CURRENT: ContextVar[Restrictions] = ContextVar("restrictions", default=NONE)
_LACKING: ContextVar[frozenset[str]] = ContextVar("lacking", default=frozenset())
_SPARED: ContextVar[set[str]] = ContextVar("spared")


def current() -> Restrictions:
    """What the target that inputs are being drawn for is restricted to."""
    return _CURRENT.get()


def spared(option: str) -> bool:
    """Whether the target that inputs are being drawn for takes no such option; that it was spared is noted."""
    if option not in _LACKING.get():
        return False
    _SPARED.get().add(option)
    return True


@contextmanager
def restricted(restrictions: Restrictions, lacking: frozenset[str]) -> Iterator[set[str]]:
    """Draw for a target with these restrictions, which takes none of the options that are `lacking`.

    Yields:
        The options that it was spared, as they come.
    """
    noted: set[str] = set()
    tokens = _CURRENT.set(restrictions), _LACKING.set(lacking), _SPARED.set(noted)
    try:
        yield noted
    finally:
        _CURRENT.reset(tokens[0])
        _LACKING.reset(tokens[1])
        _SPARED.reset(tokens[2])
