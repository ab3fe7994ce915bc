"""Kinds of arguments: everything that a parameter may be given, and what each would mean, if anything.

A meaning is an argument of the usual kind, of which the function has to give the same answer. Where there is none, the
function has to refuse.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np

SAME = object()  # the argument is of the usual kind itself
NONE = object()  # it has no meaning


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    Attributes:
        name: in a few words.
        value: an argument of that kind.
        carries: what it carries that an array of NumPy's would not: "" for nothing.
    """

    name: str
    value: Any
    carries: str = ""


class _Subclass(np.ndarray):
    """An array of somebody else's, as those with units are."""


class _Arrayable:
    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.array, dtype=dtype)


class _Labelled(_Arrayable):
    """A series of pandas, as far as it matters: labels beside the numbers."""

    def to_numpy(self) -> Any:
        return self.array


class _Sparse:
    """A matrix of `scipy.sparse`, as far as it matters: NumPy reads it as one object."""

    def __init__(self, array: Any) -> None:
        self.shape, self.ndim, self.array = np.shape(array), np.ndim(array), array

    def toarray(self) -> Any:
        return self.array


class _Traced(_Arrayable):
    """A tensor that requires a gradient; other than PyTorch's it lets itself be read."""

    requires_grad = True

    def __float__(self) -> float:
        return 1.0


def scalars() -> Iterator[Kind]:
    """What is tried in place of any argument."""
    yield Kind("None", None)
    yield Kind("a string", "abc")
    yield Kind("bytes", b"abc")
    yield Kind("a bool", True)
    yield Kind("1", 1)
    yield Kind("−1", -1)
    yield Kind("99", 99)
    yield Kind("10³⁰", 10**30)
    yield Kind("−10³⁰", -(10**30))
    yield Kind("1.5", 1.5)
    yield Kind("NaN", float("nan"))
    yield Kind("∞", float("inf"))
    yield Kind("a complex number", 1 + 1j)
    yield Kind("a fraction", Fraction(1, 2))
    yield Kind("an integer of NumPy's", np.int64(1))
    yield Kind("a float of NumPy's", np.float32(0.5))
    yield Kind("a bool of NumPy's", np.bool_(True))
    yield Kind("a number in bfloat16", ml_dtypes.bfloat16(0.5))
    yield Kind("a number in float8_e5m2", ml_dtypes.float8_e5m2(0.5))
    yield Kind("a 0-d array of integers", np.array(1))
    yield Kind("a 0-d array of floats", np.array(0.5))
    yield Kind("a 0-d array of bools", np.array(True))
    yield Kind("a masked bool", np.ma.masked_array(True, mask=True), "a mask")
    yield Kind("a vector", np.array([1.0, 2.0]))
    yield Kind("a vector of integers", np.array([1, 0]))
    yield Kind("an empty list", [])
    yield Kind("a list of one integer", [1])
    yield Kind("a tuple of one integer", (0,))
    yield Kind("a ragged list", [[1.0], [1.0, 2.0]])
    yield Kind("a list of strings", ["a", "b"])
    yield Kind("a list with None", [1.0, None])
    yield Kind("a dict", {})
    yield Kind("a set", {1})
    yield Kind("an object", object())
    yield Kind("a function", len)
    yield Kind("a number that requires a gradient", _Traced(np.array(0.5)), "a gradient")


def arrays(base: Any) -> Iterator[Kind]:
    """What is tried in place of an array, made of one that the function takes."""
    array = np.asarray(base)
    yield Kind("a nested list", array.tolist())
    yield Kind("a nested tuple", _tuples(array.tolist()))
    yield Kind("another byte order", array.astype(array.dtype.newbyteorder()))
    yield Kind("not contiguous", np.repeat(array[..., None], 2, -1)[..., 0])
    yield Kind("read-only", _read_only(array))
    yield Kind("an object with __array__", _Arrayable(array))
    yield Kind("an axis more", array[None])
    yield Kind("no elements", array[..., :0] if array.ndim else np.empty(0, array.dtype))
    for dtype in (np.float16, np.float32, np.longdouble, ml_dtypes.bfloat16, np.int8, np.uint64, np.bool_):
        yield Kind(f"dtype {np.dtype(dtype).name}", _cast(array, dtype))
    for name in ("complex64", "U3", "S3", "datetime64[s]", "timedelta64[s]"):
        yield Kind(f"dtype {name}", _cast(array, np.int64).astype(name))
    for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4):
        yield Kind(f"dtype {np.dtype(dtype).name}", _cast(array, dtype))
    yield Kind("a structured dtype", np.zeros(array.shape, [("a", "f8"), ("b", "i4")]))
    yield Kind("fractions", _objects(array, lambda x: Fraction(float(x))))
    yield Kind("objects that are no numbers", _objects(array, lambda _: None))
    yield Kind("strings as objects", _objects(array, str))
    yield Kind("a masked array", np.ma.masked_array(array, mask=_first(array.shape)), "a mask")
    yield Kind("masked rows in a list", [np.ma.masked_array(array, mask=_first(array.shape))], "a mask")
    yield Kind("a matrix", _matrix(array), "its product")
    yield Kind("a subclass", array.view(_Subclass), "what the subclass adds")
    yield Kind("labelled, as pandas has it", _Labelled(array), "labels")
    yield Kind("sparse, as SciPy has it", _Sparse(array))
    yield Kind("a tensor that requires a gradient", _Traced(array), "a gradient")
    yield Kind("such tensors in a list", [_Traced(array)], "a gradient")


def _matrix(array: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nobody should make one
        return np.asmatrix(array.reshape(-1, array.shape[-1] if array.ndim else 1))


def _tuples(nested: Any) -> Any:
    return tuple(map(_tuples, nested)) if isinstance(nested, list) else nested


def _read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def _cast(array: Any, dtype: Any) -> Any:
    with np.errstate(all="ignore"):
        return array.astype(np.float64).astype(dtype)


def _objects(array: Any, make: Any) -> Any:
    made = np.empty(array.shape, object)
    for place in np.ndindex(*array.shape):
        made[place] = make(array[place])
    return made


def _first(shape: tuple[int, ...]) -> Any:
    """A mask of the first element."""
    mask = np.zeros(shape, bool)
    mask.flat[:1] = True
    return mask


def as_array(kind: Kind, classes: frozenset[str]) -> Any:
    """What an array-like means where arrays of these classes are taken."""
    if kind.carries:
        return NONE
    try:
        array = np.array(kind.value)
    except ValueError:
        return NONE
    if array.size == 0 and not isinstance(kind.value, np.ndarray) and array.dtype.kind == "f":
        return array if "floats" in classes else array.astype(np.intp)
    if array.dtype == object:
        return array if "floats" in classes and all(isinstance(x, (Fraction, int)) for x in array.flat) else NONE
    return array if class_of(array.dtype) in classes else NONE


def class_of(dtype: Any) -> str:
    """The class of a dtype; "" for what is refused by name, such as `float8_e5m2`, whose kind is "f" too."""
    if dtype.name == "bfloat16":
        return "floats"
    if dtype.name.startswith("float8"):
        return ""
    return {"f": "floats", "i": "integers", "u": "integers", "b": "bools"}.get(dtype.kind, "")


def as_integer(kind: Kind) -> Any:
    """What an argument means as an integer."""
    if kind.carries or isinstance(kind.value, (bool, np.bool_)):
        return NONE
    if isinstance(kind.value, int):
        return SAME
    array = np.asarray(kind.value) if isinstance(kind.value, (np.ndarray, np.generic)) else None
    return int(array) if array is not None and array.ndim == 0 and array.dtype.kind in "iu" else NONE


def as_float(kind: Kind) -> Any:
    """What an argument means as a real number."""
    if kind.carries or isinstance(kind.value, (bool, np.bool_)):
        return NONE
    if isinstance(kind.value, (int, float, Fraction)):
        return NONE if kind.value != kind.value else float(kind.value)
    array = np.asarray(kind.value) if isinstance(kind.value, (np.ndarray, np.generic)) else None
    is_number = array is not None and array.ndim == 0 and class_of(array.dtype) in ("floats", "integers")
    return float(array) if is_number else NONE  # type: ignore[arg-type]


def as_bool(kind: Kind) -> Any:
    """What an argument means as a bool."""
    if kind.carries:
        return NONE
    array = np.asarray(kind.value) if isinstance(kind.value, (bool, np.ndarray, np.bool_)) else None
    return bool(array) if array is not None and array.ndim == 0 and array.dtype == bool else NONE
