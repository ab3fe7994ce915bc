"""Find the expression of known arrays (a sum, a difference, a maximum) that gives one side of a relation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.report.literals import Array
from mathcore.verify.targets.values import same_bits


def expression_of(side: Any, known: list[tuple[str, Any]]) -> str | None:
    """A short expression of known names whose value is `side`; None if none is found."""
    if isinstance(side, Enclosure) or (isinstance(side, np.ndarray) and side.dtype == object):
        return None
    with np.errstate(all="ignore"):
        for code, value in _expressions(known):
            if same_array(value, side, any_dtype=True):
                return code
    return None


def element_in(side: Any, where: tuple[int, ...], known: list[tuple[str, Any]]) -> str | None:
    """The element of a side as an element of a known array: the one in the same memory, or the only one of its value.

    None if there is no such array.
    """
    if isinstance(side, Enclosure) or not is_numeric(side) or (np.ndim(side) and len(where) != np.ndim(side)):
        return None
    side = np.asarray(side)
    parts = [(name, p) for name, value in known for name, p in _parts(name, value) if is_numeric(p)]
    for name, part in reversed(parts):
        if side.ndim and isinstance(part, np.ndarray) and np.may_share_memory(side, part):
            place = _place_in(part, side.__array_interface__["data"][0] + int(np.dot(where, side.strides)))
            if place is not None:
                return _subscript(name, place)
    wanted = float(side[where] if side.ndim else side)
    found = []
    for name, part in parts:
        values = np.asarray(part).astype(np.float64)
        same = np.isnan(values) if np.isnan(wanted) else (values == wanted) & (np.signbit(values) == np.signbit(wanted))
        found += [_subscript(name, tuple(map(int, place))) for place in np.argwhere(same)[:2]]
    return found[0] if len(found) == 1 else None


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    return [(f"{name}[{i}]", v) for i, v in enumerate(value)] if isinstance(value, (tuple, list)) else [(name, value)]


def _place_in(array: Array, address: int) -> tuple[int, ...] | None:
    """The index of the element that lies at an address."""
    steps: Any = np.zeros((), np.int64)
    for n, stride in zip(array.shape, array.strides, strict=True):
        steps = steps[..., None] + np.arange(n) * stride
    found = np.argwhere(steps == address - array.__array_interface__["data"][0])
    return tuple(map(int, found[0])) if len(found) else None


def _subscript(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def is_known(side: Any, known: list[tuple[str, Any]]) -> bool:
    """Whether a side is one of the known values itself, not one that happens to be equal."""
    return any(part is side for name, value in known for _, part in _parts(name, value))


def _expressions(known: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    arrays = []
    for name, value in reversed(known):
        parts = enumerate(value) if isinstance(value, (tuple, list)) else [(None, value)]
        arrays += [(name if i is None else f"{name}[{i}]", np.asarray(v)) for i, v in parts if is_numeric(v)]
    yield from arrays
    for name, x in arrays:
        wide, code = x.astype(np.float64), name if x.dtype == np.float64 else f"{name}.astype(np.float64)"
        if x.ndim:
            yield f"{code}.sum(-1)", wide.sum(-1)
            yield f"{name}.sum(-1)", x.sum(-1)
            if x.ndim == 2 and np.isfinite(abs(wide).sum()):  # `fsum` raises where a part of a sum overflows
                yield f"np.array([math.fsum(row) for row in {name}])", _fsums(x)
                yield f"np.array([math.fsum([*row, -1.0]) for row in {name}])", _fsums(x, -1.0)
            if x.shape[-1]:
                yield f"{name}.max(-1)", x.max(-1)
                yield f"{name}.min(-1)", x.min(-1)
        for function in ("exp", "log", "abs"):
            yield f"np.{function}({code})", getattr(np, function)(wide)
        yield f"{name}.dtype.kind in 'iu'", x.dtype.kind in "iu"
        yield f"{name}.T", x.T
    for (a, x), (b, y) in ((p, q) for p in arrays[:6] for q in arrays[:6]):
        if x.shape == y.shape and x.dtype.kind != "b" and y.dtype.kind != "b":
            yield f"{a} + {b}", x + y
            yield f"{a} - {b}", x - y
            yield f"{a} * {b}", x * y


def _fsums(x: Array, *more: float) -> Array:
    return np.array([math.fsum([*row, *more]) for row in x.tolist()])


def is_numeric(value: Any) -> bool:
    """Whether a value is a number or an array of numbers, other than of objects."""
    return isinstance(value, (np.ndarray, np.generic, int, float)) and np.asarray(value).dtype != object


def same_array(a: Any, b: Any, any_dtype: bool = False) -> bool:
    """Whether two values are the same array bit for bit, or with `any_dtype` the same numbers in any dtype."""
    if a is b:
        return True
    if not is_numeric(a) or not is_numeric(b):
        return False
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape or (not any_dtype and x.dtype != y.dtype):
        return False
    if x.dtype != y.dtype:
        return bool(np.array_equal(x.astype(np.float64), y.astype(np.float64), equal_nan=True))
    return same_bits(x, y)
