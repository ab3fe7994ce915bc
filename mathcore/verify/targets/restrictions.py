"""Restrictions: what a kernel does not support, so that no claim tries it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Restrictions:
    """What an implementation supports; everything by default. The width is the last axis of the first array argument.

    Attributes:
        widths: the only supported widths, e.g. (64, 128) for head widths.
        width_multiple: supported widths are multiples of this.
        min_width, max_width: bounds of the supported widths, both included.
        min_axes, max_axes: bounds of the number of axes of the first array, both included. Arrays with fewer axes get
            leading ones of length 1, in operations whose leading axes are batches: attention, RoPE, normalisation.
        without: options that must keep their defaults, e.g. ("mask", "bias"). Options that are not in the function's
            signature need not be named.
        exclusive: options that exclude one another, e.g. (("mask", "is_causal"),): of each group at most one may
            differ from its default. A function may also raise NotImplementedError for what it does not support.
        empty: arrays without elements are supported. They are not tried otherwise.
        finite: neither NaN nor infinities are supported.
        shapes: the most different shapes per operation, for a framework that compiles every shape.
    """

    widths: tuple[int, ...] | None = None
    width_multiple: int = 1
    min_width: int = 0
    max_width: int | None = None
    min_axes: int = 0
    max_axes: int | None = None
    without: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    empty: bool = False
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
        """Why a call with these arguments is not supported, in words that fit "not checked: …"; "" if it is."""

        def used(name: str) -> bool:
            return name in given and not _same_value(given[name], defaults.get(name))

        for name in filter(used, self.without):
            return f"`{name}`"
        for group in self.exclusive:
            if len(together := [f"`{name}`" for name in group if used(name)]) > 1:
                return " with ".join(together)
        arrays = [v for v in given.values() if isinstance(v, np.ndarray)]
        if not arrays:
            return ""
        if not self.empty and any(a.size == 0 for a in arrays):
            return "empty arrays"
        first = arrays[0]
        if first.ndim < self.min_axes:
            return f"fewer than {self.min_axes} axes"
        if self.max_axes is not None and first.ndim > self.max_axes:
            return f"more than {self.max_axes} axes"
        if self.finite and not all(_is_finite(a) for a in arrays):
            return "NaN and infinities"
        return self._width_refused(first.shape[-1]) if first.ndim else ""

    def widths_between(self, least: int, most: int, usual: Iterable[int]) -> list[int]:
        """The supported widths from `least` to `most`: those of `usual`, and the smallest eight."""
        low = max(least, self.min_width)
        smallest = [n for n in range(low, most + 1) if self.allows_width(n)][:8]
        found = sorted({*smallest, *(n for n in usual if least <= n <= most and self.allows_width(n))})
        return found[:: -(-len(found) // max(self.shapes, 1))] if self.shapes and found else found


def _same_value(a: Any, b: Any) -> bool:
    return a is b or (np.ndim(a) == 0 and np.ndim(b) == 0 and type(a) is type(b) and bool(a == b))


def _is_finite(x: np.ndarray[Any, Any]) -> bool:
    return x.dtype.kind not in "fV" or bool(np.isfinite(x.astype(np.float64)).all())


NONE = Restrictions()


@dataclass(frozen=True)
class _Drawing:
    """For which target inputs are drawn.

    Attributes:
        restrictions: its restrictions.
        missing: the options that it lacks.
        fixed: the values that some of those have by its conventions, if other than mathcore's defaults.
        skipped: those of the missing options that came up.
    """

    restrictions: Restrictions = NONE
    missing: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)


# A context variable, not an argument: `widths` and `option` are called deep inside the domains of all topics and of
# people's own claims, whose signatures are public.
_DRAWING: ContextVar[_Drawing] = ContextVar("drawing")
_UNRESTRICTED = _Drawing()


def current_restrictions() -> Restrictions:
    """The restrictions of the target for which inputs are being drawn."""
    return _DRAWING.get(_UNRESTRICTED).restrictions


def skip_option(option: str) -> bool:
    """Whether the target for which inputs are being drawn lacks an option; if so, records that it was skipped."""
    drawing = _DRAWING.get(_UNRESTRICTED)
    if option in drawing.missing:
        drawing.skipped.add(option)
    return option in drawing.missing


def fixed_value(option: str, usual: Any) -> Any:
    """The only value of an option that the target lacks: by its conventions, or else the usual one."""
    return _DRAWING.get(_UNRESTRICTED).fixed.get(option, usual)


@contextmanager
def drawing_for(
    restrictions: Restrictions, missing: frozenset[str], fixed: Mapping[str, Any] | None = None
) -> Iterator[set[str]]:
    """Inside the context, inputs are drawn for a target with these restrictions and without the `missing` options.

    Those of them in `fixed` have the values given there.

    Yields:
        The skipped options, a set that grows while inputs are drawn.
    """
    drawing = _Drawing(restrictions, missing, fixed or {})
    token = _DRAWING.set(drawing)
    try:
        yield drawing.skipped
    finally:
        _DRAWING.reset(token)
