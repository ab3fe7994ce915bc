"""Values of calls: what is copied, compared bit for bit and passed a second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.targets.adapters import aligned_like


def map_leaves(value: Any, function: Callable[[Any], Any]) -> Any:
    """A value with a function applied to all in its dicts, tuples and lists that is none of these itself."""
    if isinstance(value, dict):
        return {k: map_leaves(v, function) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map_leaves(v, function) for v in value)
    return function(value)


def map_arrays(value: Any, function: Callable[[Any], Any]) -> Any:
    """A value with a function applied to each of its arrays."""
    return map_leaves(value, lambda v: function(v) if isinstance(v, np.ndarray) else v)


def read_only(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A read-only view of an array."""
    view = x.view()
    view.flags.writeable = False
    return view


def deep_copy(value: Any) -> Any:
    """A deep copy, with arrays of the same memory layout; arrays that share memory share it in the copy.

    A product with its own transpose, of one memory, goes another way through BLAS and rounds otherwise than one of two
    equal arrays.
    """
    copies: dict[Any, Any] = {}
    return map_arrays(value, lambda x: copy_with_strides(x, copies))


def copy_with_strides(x: np.ndarray[Any, Any], copies: dict[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """A copy with the same strides and alignment: the order of a sum, and so its rounding, may depend on them.

    Args:
        x: the array.
        copies: address and size → copy of the memory there, of what was copied before.
    """
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    low, high = np.lib.array_utils.byte_bounds(owner)
    dense = high - low == owner.nbytes and min(owner.strides, default=0) >= 0  # the axes in any order
    if not x.size:
        return np.lib.stride_tricks.as_strided(np.empty(x.shape, x.dtype), x.shape, x.strides)
    if x.dtype.hasobject or owner.dtype.hasobject or not dense:
        return x.copy()
    copies, memory = {} if copies is None else copies, (owner.ctypes.data, owner.nbytes)
    if memory not in copies:
        laid = aligned_like(owner.ravel(order="K").view(np.uint8), owner.ctypes.data)
        copies[memory] = np.ndarray(owner.size, owner.dtype, laid.data)  # the owner, as far as anybody sees
    return np.ndarray(x.shape, x.dtype, copies[memory], x.ctypes.data - owner.ctypes.data, x.strides)


def is_plain(value: Any) -> bool:
    """Whether a value consists of numbers and strings only, so that it can be passed a second time unchanged."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, (tuple, list)):
        return all(map(is_plain, value))
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject  # numbers of a class of its own may count what is done to them
    return value is None or isinstance(value, (np.generic, bool, int, float, str, bytes, np.dtype, type))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two values have the same types, dtypes and bits, the sign of zero included; any NaN equals any other.

    A number of Python's is one of NumPy's, and a list a tuple.
    """
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same_bits(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return isinstance(b, (tuple, list)) and len(a) == len(b) and all(map(same_bits, a, b))
    if not isinstance(a, (np.ndarray, np.generic, int, float)):
        return a is b or (type(a) is type(b) and bool(a == b))
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    if x.dtype.kind == "O":
        return bool(np.all(x == y))
    return x.tobytes() == y.tobytes() or bool(np.all((x == y) & ~_zeros_differ(x, y) | (x != x) & (y != y)))


def _zeros_differ(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Any:
    if x.dtype.kind not in "fV":
        return np.zeros(x.shape, bool)
    return np.signbit(x.astype(np.float64)) != np.signbit(y.astype(np.float64))


def apart_from(out: Any, given: tuple[tuple[Any, ...], dict[str, Any]]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments and options without what is stored in the memory of `out`, itself included."""
    if not isinstance(out, np.ndarray):
        return given

    def apart(x: Any) -> bool:
        return not (isinstance(x, np.ndarray) and np.may_share_memory(x, out))

    return tuple(v for v in given[0] if apart(v)), {k: v for k, v in given[1].items() if apart(v)}
