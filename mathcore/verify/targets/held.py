"""Objects that a target returns, such as a cache or a tokenizer: their methods are called as operations are."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from mathcore.verify.errors import NotOfferedError

Calling = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""Makes a call of a method: its name ("KeyValueCache.attend"), the method, its arguments and its options."""


class LackingError(NotOfferedError, AttributeError):
    """The object has no such attribute."""


class Held:
    """An object of a target, as a claim sees it.

    Arguments of its methods are converted and guarded as those of operations are, and what a method raises is the
    target's error. What it lacks is an operation that the target does not offer.
    """

    __slots__ = ("_calling", "_name", "_object")

    def __init__(self, name: str, held: Any, calling: Calling) -> None:
        self._name, self._object, self._calling = name, held, calling

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # what Python itself looks for
            raise AttributeError(attribute)
        name = f"{self._name}.{attribute}"
        if not hasattr(self._object, attribute):
            raise LackingError(name)
        if callable(getattr(type(self._object), attribute, None)):
            return lambda *args, **options: self._calling(name, getattr(self._object, attribute), args, options)
        return self._calling(name, lambda: getattr(self._object, attribute), (), {})

    def __bool__(self) -> bool:
        return bool(self._object)

    def __eq__(self, other: object) -> bool:
        return bool(self._object == released(other))

    def __hash__(self) -> int:
        return hash(self._object)

    def __repr__(self) -> str:
        return repr(self._object)


def hold(name: str, value: Any, calling: Calling) -> Held:
    """The object as a claim sees it, with those of `len(x)`, `x[i]`, `i in x`, iteration and calls that it has."""
    return _class_with(frozenset(m for m in _SPECIAL if hasattr(type(value), m)))(name, value, calling)


def released(value: Any) -> Any:
    """The object itself, for the target; anything else as it is."""
    return value._object if isinstance(value, Held) else value


def replaced(value: Any, **changes: Any) -> Any:
    """A copy of a dataclass with some of its fields changed, whether or not a target holds it."""
    if not isinstance(value, Held):
        return dataclasses.replace(value, **changes)
    name = f"{value._name}.__replace__"
    if not dataclasses.is_dataclass(value._object):
        raise LackingError(name)
    return value._calling(name, lambda **changes: dataclasses.replace(value._object, **changes), (), changes)


def _called(method: str) -> Callable[..., Any]:
    def call(held: Held, *args: Any, **options: Any) -> Any:
        return held._calling(f"{held._name}.{method}", getattr(held._object, method), args, options)

    return call


def _iterated(held: Held) -> Any:
    return iter(held._calling(f"{held._name}.__iter__", lambda: list(held._object), (), {}))


_SPECIAL: dict[str, Callable[..., Any]] = {
    "__iter__": _iterated,
    "__len__": lambda held: int(_called("__len__")(held)),
    "__contains__": lambda held, item: bool(_called("__contains__")(held, item)),
    **{name: _called(name) for name in ("__getitem__", "__call__")},
}


@functools.cache
def _class_with(methods: frozenset[str]) -> type[Held]:
    """A class with these methods alone, since Python and NumPy look for them on the class."""
    return type("Held", (Held,), {"__slots__": (), **{name: _SPECIAL[name] for name in methods}})
