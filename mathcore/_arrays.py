"""Input checks shared by all primitives: what a floating array is, and how a bad one is refused.

Every message says what was expected and what was given. Arrays of Python objects that carry their own arithmetic
(`fractions.Fraction`, Arb balls, dual numbers) pass through untouched, so that the very code that serves
floats also runs in exact or rigorous arithmetic.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrivals import check_objects, is_floating, read
from mathcore._scalars import number_dtype, whole

Array: TypeAlias = npt.NDArray[Any]

Axes: TypeAlias = int | tuple[int, ...] | None
"""One axis, several together, or None for all."""


_PLAIN = np.ndarray  # looked up here, for small calls are many

_FLOAT64, _FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)


def floating(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of real floating numbers (or of objects with their own arithmetic).

    Raises:
        TypeError: for integers, bools, complex numbers, strings; the message names the dtype given. Also for what is
            no array of NumPy's and would lose something as one, see `_arrivals`.
        ValueError: for a list whose rows differ in length.
    """
    if type(x) is _PLAIN and ((dtype := x.dtype) is _FLOAT64 or dtype is _FLOAT32):
        return x
    array = x if type(x) is _PLAIN else read(name, x)
    if is_floating(array.dtype):
        return array
    if array.dtype.kind == "O":
        check_objects(name, array)
        return array
    hint = "; convert it on purpose, e.g. x.astype(np.float64)" if array.dtype.kind in "iub" else ""
    raise TypeError(f"`{name}` must be an array of floats, got dtype {array.dtype}{hint}")


def floating_as(name: str, x: npt.ArrayLike, like: Array) -> Array:
    """`floating`, of an array that is computed with `like`: objects only beside objects.

    Raises:
        TypeError, ValueError: as `floating`.
    """
    array = floating(name, x)
    if array.dtype.kind == "O" and like.dtype.kind != "O":
        raise TypeError(f"`{name}` must be an array of floats beside one of dtype {like.dtype}, got dtype object")
    return array


def integers(name: str, x: npt.ArrayLike) -> Array:
    """`x` as an array of integers. An empty list, which NumPy reads as floats, counts as integers.

    Raises:
        TypeError: for anything else, bools included.
    """
    array = x if type(x) is np.ndarray else read(name, x)
    if array.size == 0 and isinstance(x, (list, tuple)) and array.dtype == np.float64:
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
    array = x if type(x) is np.ndarray else read(name, x)
    if array.dtype != np.bool_:
        raise TypeError(f"`{name}` must be an array of bools, got dtype {array.dtype}")
    return array


def axis_index(name: str, x: Array, axis: int) -> int:
    """`axis` counted from the front.

    Raises:
        TypeError: if `axis` is not an integer.
        ValueError: if `x` has no such axis; the message gives the shape.
    """
    index = axis if type(axis) is int else whole("axis", axis)
    if not -x.ndim <= index < x.ndim:
        raise ValueError(f"`{name}` of shape {x.shape} has no axis {axis}")
    return index % x.ndim


def axes_indices(name: str, x: Array, axis: tuple[int, ...] | None) -> int | tuple[int, ...]:
    """Several axes counted from the front, None for all; a single one as an integer.

    Raises:
        TypeError: if one is not an integer.
        ValueError: if `x` has no such axis, or one is named twice.
    """
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis_index(name, x, one) for one in axis)
    if len(set(axes)) < len(axes):
        raise ValueError(f"`axis` must name different axes, got {axis} for `{name}` of shape {x.shape}")
    return axes[0] if len(axes) == 1 else axes


def in_dtype(name: str, x: npt.ArrayLike, dtype: npt.DTypeLike) -> Array:
    """`x` in the floating `dtype` that was asked for, integers and bools included.

    Raises:
        TypeError: if `dtype` is not floating, or `x` does not hold real numbers.
    """
    wanted = number_dtype("dtype", dtype)
    if not is_floating(wanted):
        raise TypeError(f"`dtype` must be a floating dtype, got {wanted}")
    array = x if type(x) is np.ndarray else read(name, x)
    if array.dtype.kind not in "iub" and not is_floating(array.dtype):
        raise TypeError(f"`{name}` must be an array of real numbers to be converted to {wanted}, got {array.dtype}")
    with quiet():
        return array.astype(wanted, copy=False)


def destination(out: object, like: Array) -> Array:
    """`out` as the array that receives a result of the shape and dtype of `like`.

    Raises:
        TypeError: if `out` is no plain array, or of another dtype.
        ValueError: if `out` has another shape, cannot be written to, or has elements that share memory.
    """
    array = out if type(out) is np.ndarray or isinstance(out, np.memmap) else None
    if array is None or array.dtype != like.dtype:
        got = type(out).__name__ if array is None else f"dtype {array.dtype}"
        raise TypeError(f"`out` must be an array of dtype {like.dtype}, got {got}")
    if array.shape != like.shape:
        raise ValueError(f"`out` must have shape {like.shape}, got {array.shape}")
    if not array.flags.writeable:
        raise ValueError("`out` must be writeable, it is read-only")
    if not array.flags.c_contiguous and _overlaps_itself(array):
        raise ValueError(f"`out` of shape {array.shape} and strides {array.strides} has elements that share memory")
    return array


def _overlaps_itself(x: Array) -> bool:
    """Whether two elements of `x` share a byte."""
    steps = sorted((abs(stride), n) for stride, n in zip(x.strides, x.shape, strict=True) if n > 1)
    reach = x.itemsize
    for stride, n in steps:
        if stride < reach:  # perhaps interlocked, as the teeth of two combs are: look at every element
            break
        reach += (n - 1) * stride
    else:
        return False
    starts = np.zeros(1, np.intp)
    for stride, n in steps:
        starts = (starts[:, None] + np.arange(n) * stride).ravel()
    return bool((np.diff(np.sort(starts)) < x.itemsize).any())


def able(x: Array, method: str) -> Array:
    """`x`; if of objects, they have the method by which NumPy takes a root or an exponential of them.

    Raises:
        TypeError: that names the first kind without it. Fractions have none: their roots are no fractions.
    """
    if x.dtype.kind == "O":
        for kind in dict.fromkeys(map(type, x.flat)):
            if not callable(getattr(kind, method, None)):
                raise TypeError(f"objects must have a method `{method}` to be computed with, got {kind.__name__}")
    return x


def quiet() -> np.errstate:
    """What runs in it neither warns nor raises, whatever the caller's error state is; that is as before at the end.

    Overflow gives ∞, underflow 0 or a subnormal number and ∞ − ∞ NaN, as every function documents. Whether NumPy would
    notice depends on the BLAS and on the instruction set.
    """
    return np.errstate(all="ignore")


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
