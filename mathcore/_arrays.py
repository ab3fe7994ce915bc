"""Input checks shared by all primitives: what a floating array is, and how a bad one is refused.

Every message says what was expected and what was given. Arrays of Python objects that carry their own arithmetic
(`fractions.Fraction`, Arb balls, dual numbers) pass through untouched, so that the very code that serves
floats also runs in exact or rigorous arithmetic.
"""

from __future__ import annotations

import functools
import operator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def floating(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of real floating numbers (or of objects with their own arithmetic).

    Raises:
        TypeError: for integers, bools, complex numbers, strings; the message names the dtype given.
    """
    array = x if type(x) is np.ndarray else np.asarray(x)
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16" or array.dtype == object:
        return array
    hint = "; convert it on purpose, e.g. x.astype(np.float64)" if array.dtype.kind in "iub" else ""
    raise TypeError(f"`{name}` must be an array of floats, got dtype {array.dtype}{hint}")


def integers(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of integers. An empty list, which NumPy reads as floats, counts as integers.

    Raises:
        TypeError: for anything else, bools included.
    """
    array = np.asarray(x)
    if array.size == 0 and not isinstance(x, np.ndarray):
        array = array.astype(np.intp)
    if array.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must be an array of integers, got dtype {array.dtype}")
    return array


def ids_below(name: str, ids: npt.ArrayLike, size: int) -> Array:
    """`ids` as integers in [0, size); negative ones do not wrap around.

    Raises:
        TypeError: if `ids` are not integers.
        IndexError: if an id is negative or too large; the message names the id and its index.
    """
    array = integers(name, ids)
    bad = (array < 0) | (array >= size)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise IndexError(f"`{name}` must lie in [0, {size}), got {int(array[place])} at index {place}")
    return array


def booleans(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of bools.

    Raises:
        TypeError: for anything else.
    """
    array = np.asarray(x)
    if array.dtype != np.bool_:
        raise TypeError(f"`{name}` must be an array of bools, got dtype {array.dtype}")
    return array


def axis_index(name: str, x: Array, axis: int) -> int:
    """`axis` counted from the front.

    Raises:
        TypeError: if `axis` is not an integer.
        ValueError: if `x` has no such axis; the message gives the shape.
    """
    index = axis if type(axis) is int else operator.index(axis)
    if not -x.ndim <= index < x.ndim:
        raise ValueError(f"`{name}` of shape {x.shape} has no axis {axis}")
    return index % x.ndim


def destination(out: object, like: Array) -> Array:
    """`out` as the array that receives a result of the shape and dtype of `like`.

    Raises:
        TypeError: if `out` is no array, or of another dtype.
        ValueError: if `out` has another shape, or cannot be written to.
    """
    if not isinstance(out, np.ndarray) or out.dtype != like.dtype:
        got = f"dtype {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"`out` must be an array of dtype {like.dtype}, got {got}")
    if out.shape != like.shape:
        raise ValueError(f"`out` must have shape {like.shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable, it is read-only")
    return out


def working(x: Array) -> Array:
    """`x` in its compute dtype: float32 for float16 and bfloat16, else its own."""
    # Only float16 and bfloat16 have two bytes and are no integers; a dtype's name is slow to ask for.
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


@functools.cache
def lowest(dtype: np.dtype[Any]) -> Any:
    """The lowest finite number of a dtype: a row maximum that may be subtracted even from a fully masked row."""
    return -np.finfo(dtype).max


def rounded(y: Array, like: Array) -> Array:
    """`y` cast back to the dtype of the input `like`: the one rounding of a low-precision result."""
    return y.astype(like.dtype, copy=False)
