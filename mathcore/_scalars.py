"""Options checked: numbers, bools, names, and what else a function takes beside arrays.

Every message says what was expected and what came. Python counts True as 1 and "False" as true; here neither is.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mathcore._arrivals import Array, check_objects, is_floating, read, refuse_what_is_lost

T = TypeVar("T")


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """`value` as an integer from `least` to `most`; there is no `most` without a `least`.

    Raises:
        TypeError: if it is none; bools are none.
        ValueError: if it is out of range.
    """
    if type(value) is not int:
        value = _index(name, value)
    if least == 0 and value < 0:
        raise ValueError(f"`{name}` must not be negative, got {value}")
    if most is None and least is not None and value < least:
        raise ValueError(f"`{name}` must be at least {least}, got {value}")
    if least is not None and most is not None and not least <= value <= most:
        raise ValueError(f"`{name}` must lie in [{least}, {most}], got {value}")
    return int(value)


def _index(name: str, value: Any) -> int:
    if not isinstance(value, (bool, np.bool_)):
        refuse_what_is_lost(name, value)
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"`{name}` must be an integer, got {_shown(value)}") from None


def real(
    name: str,
    value: Any,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    finite: bool = True,
    beside: Array | None = None,
) -> Any:
    """`value` as a real number from `least` to `most`, never NaN; a float, or an object with its own arithmetic.

    Beside an array of objects it stays what it is: an integer or a fraction is exact, and its float may not be.

    Raises:
        TypeError: if it is no real number; bools are none.
        ValueError: if it is NaN, out of range, or infinite where it must not be.
    """
    given = value
    if type(value) is not float:
        value = _number(name, value)
    below, above = math.isfinite(least) and not value >= least, math.isfinite(most) and not value <= most
    if below or above or (isinstance(value, float) and (math.isnan(value) or (finite and math.isinf(value)))):
        expected = f"a {'finite ' if finite else ''}number"
        if math.isfinite(least) or math.isfinite(most):
            expected += f" in [{least:g}, {most:g}]" if math.isfinite(most) else f" from {least:g} up"
        raise ValueError(f"`{name}` must be {expected}, got {value!r}")
    return value if beside is None or beside.dtype.kind != "O" else given


def _number(name: str, value: Any) -> Any:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"`{name}` must be in the range of a float, got {_shown(value)}") from None
    if not isinstance(value, (bool, np.bool_, str, bytes, list, tuple)) and value is not None:
        array = read(name, value)
        if array.ndim == 0 and (array.dtype.kind in "iu" or is_floating(array.dtype)):
            return float(array)
        if array.ndim == 0 and array.dtype.kind == "O":
            check_objects(name, array)
            return array.item()
    raise TypeError(f"`{name}` must be a real number, got {_shown(value)}")


def reals(name: str, values: Any) -> tuple[float, ...]:
    """`values`, a tuple or list of finite real numbers.

    Raises:
        TypeError, ValueError: if it is none, or one of them is none.
    """
    if not isinstance(values, (tuple, list)):
        raise TypeError(f"`{name}` must be a tuple of floats, got {_shown(values)}")
    return tuple(real(name, value) for value in values)


def flag(name: str, value: Any) -> bool:
    """`value` as a bool.

    Raises:
        TypeError: if it is anything else, 0 and 1 included.
    """
    if value is True or value is False:
        return value
    if type(value) in (np.bool_, np.ndarray) and value.ndim == 0 and value.dtype == np.bool_:
        return bool(value)
    raise TypeError(f"`{name}` must be True or False, got {_shown(value)}")


def is_a(name: str, value: Any, kind: type[T]) -> T:
    """`value`, an instance of `kind`.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(value, kind):
        return value
    raise TypeError(f"`{name}` must be a {kind.__name__}, got {_shown(value)}")


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """`value`, a mapping of names.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"`{name}` must be a mapping of names to arrays, got {_shown(value)}")


def strings(name: str, value: Any) -> tuple[str, ...]:
    """`value`, a tuple or list of strings.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(value, (tuple, list)) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise TypeError(f"`{name}` must be a tuple of strings, got {_shown(value)}")


def choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices.

    Raises:
        ValueError: that lists them.
    """
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
        raise ValueError(
            f"`{name}` must be {listed}, got {_shown(value) if not isinstance(value, str) else repr(value)}"
        )


def generator(name: str, value: Any, method: str) -> Any:
    """`value`, a generator of random numbers, or what has the method of one that is used.

    Raises:
        TypeError: if it is none.
    """
    if callable(getattr(value, method, None)):
        return value
    hint = "np.random.default_rng(seed) makes one"
    raise TypeError(f"`{name}` must be a np.random.Generator, got {_shown(value)}; {hint}")


def number_dtype(name: str, value: npt.DTypeLike) -> np.dtype[Any]:
    """`value` as a dtype of numbers, bools or objects.

    Raises:
        TypeError: if it is none.
    """
    try:
        dtype = np.dtype(value if isinstance(value, (type, str, np.dtype)) else "")
    except TypeError:
        raise TypeError(f"`{name}` must be a dtype, got {_shown(value)}") from None
    if dtype.kind not in "iubO" and not is_floating(dtype):
        raise TypeError(f"`{name}` must be a dtype of numbers, got {dtype}")
    return dtype


def _shown(value: Any) -> str:
    """`value` where that is short, its type where it is not."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if value is None or isinstance(value, (bool, int, float, complex, np.generic)):
        return repr(value)[:60]
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    return type(value).__name__
