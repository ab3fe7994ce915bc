"""What arrives in place of an array: read by NumPy where nothing is lost by that, else refused.

NumPy reads a masked array without its mask, a tensor without its gradient and a sparse matrix as one object. Here every
array that a caller passes is looked at first. Arrays of NumPy's own never come here: `_arrays` lets them pass.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_PLAIN = frozenset({float, int, bool, complex, str, bytes, type(None), np.ndarray})


def read(name: str, x: Any) -> Array:
    """`x` as a plain array.

    Raises:
        TypeError: if `x` carries what the array would not: a mask, labels, a gradient, the meaning of a subclass; or if
            NumPy cannot read it.
        ValueError: if it is a list whose rows differ in length.
    """
    refuse_what_is_lost(name, x)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an array, got a {_kind(x)} that is none: {_first_line(error)}") from None
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise TypeError(f"`{name}` must be an array, got {_kind(x)}: {_first_line(error)}") from error
    if array.dtype == object and not isinstance(x, np.ndarray):
        check_objects(name, array)
    return array


def refuse_what_is_lost(name: str, x: Any) -> None:
    """Refuse an array-like that carries more than an array, wherever in a list it stands.

    Raises:
        TypeError: that says what to pass instead.
    """
    kind = type(x)
    if kind in _PLAIN or isinstance(x, np.generic):
        return
    if isinstance(x, (list, tuple)):
        if not _PLAIN.issuperset(map(type, x)):
            for part in x:
                refuse_what_is_lost(name, part)
    elif isinstance(x, np.ndarray):
        _refuse_subclass(name, x)
    elif getattr(x, "requires_grad", False) is True:
        raise TypeError(
            f"`{name}` requires a gradient, which would be lost: pass `{name}.detach()`, and take the gradient from "
            "the function's VJP"
        )
    elif hasattr(kind, "to_numpy"):
        raise TypeError(f"`{name}` is a {_kind(x)}, whose labels would be lost: pass `{name}.to_numpy()`")
    elif hasattr(kind, "toarray") or hasattr(kind, "todense"):
        raise TypeError(f"`{name}` is sparse, a {_kind(x)}: pass `{name}.toarray()`")


def _refuse_subclass(name: str, x: Array) -> None:
    if isinstance(x, np.memmap):
        return
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"`{name}` is a masked array, and its mask has no meaning here: pass `{name}.filled(…)`, or `{name}.data` "
            "with the function's own mask where it has one"
        )
    raise TypeError(f"`{name}` is a {_kind(x)}, whose meaning would be lost: pass `np.asarray({name})`")


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is of floats that mathcore computes with: from two bytes up.

    `ml_dtypes` calls the kind of bfloat16 and of most float8 "V", but that of `float8_e5m2` "f" as NumPy's own.
    """
    return (dtype.kind == "f" and dtype.itemsize > 1) or (dtype.kind == "V" and dtype.name == "bfloat16")


def check_objects(name: str, array: Array) -> None:
    """Refuse objects that are no real numbers with arithmetic of their own.

    Raises:
        TypeError: that names the kind of the first one.
    """
    for kind, x in {type(x): x for x in array.flat}.items():
        if not (hasattr(kind, "__sub__") and hasattr(kind, "__mul__")) or _is_complex(x):
            raise TypeError(f"`{name}` must be an array of floats, got objects of type {_kind(x)}")
        refuse_what_is_lost(name, x)


def _is_complex(x: Any) -> bool:
    return isinstance(x, numbers.Complex) and not isinstance(x, numbers.Real)


def _kind(x: Any) -> str:
    """The type of `x` as its users know it: pandas.DataFrame."""
    kind = type(x)
    home = kind.__module__.partition(".")[0]
    return kind.__name__ if home == "builtins" else f"{home}.{kind.__name__}"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
