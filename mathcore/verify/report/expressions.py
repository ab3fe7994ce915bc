"""Which expression of an answer, a sum or a difference, a side of a relation is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.report.literals import Array
from mathcore.verify.targets.caller import same_bits


def number_at(side: Any, place: tuple[int, ...]) -> Any:
    """The number of a side at a place."""
    array = side.hi if isinstance(side, Enclosure) else np.asarray(side)
    return array[place] if array.ndim else array[()]


def expression_of(side: Any, known: list[tuple[str, Any]]) -> str | None:
    """A short expression of the names in the program whose value is `side`."""
    if isinstance(side, Enclosure) or (isinstance(side, np.ndarray) and side.dtype == object):
        return None
    with np.errstate(all="ignore"):
        for code, value in _expressions(known):
            if same_array(value, side, loosely=True):
                return code
    return None


def _expressions(known: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    arrays = []
    for name, value in reversed(known):
        parts = enumerate(value) if isinstance(value, (tuple, list)) else [(None, value)]
        arrays += [(name if i is None else f"{name}[{i}]", np.asarray(v)) for i, v in parts if is_number(v)]
    yield from arrays
    for name, x in arrays:
        wide, code = x.astype(np.float64), name if x.dtype == np.float64 else f"{name}.astype(np.float64)"
        if x.ndim:
            yield f"{code}.sum(-1)", wide.sum(-1)
            yield f"{name}.sum(-1)", x.sum(-1)
            if x.ndim == 2 and np.isfinite(wide).all():
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


def is_number(value: Any) -> bool:
    """Whether a value is one finite number."""
    return isinstance(value, (np.ndarray, np.generic, int, float)) and np.asarray(value).dtype != object


def same_array(a: Any, b: Any, loosely: bool = False) -> bool:
    """Whether two values are the same array; loosely, whether they are the same numbers in any format."""
    if a is b:
        return True
    if not is_number(a) or not is_number(b):
        return False
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape or (not loosely and x.dtype != y.dtype):
        return False
    if loosely and x.dtype != y.dtype:
        return bool(np.array_equal(x.astype(np.float64), y.astype(np.float64), equal_nan=True))
    return same_bits(x, y)
