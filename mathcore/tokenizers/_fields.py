"""Objects of a file whose every field is known: what is not known is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

REQUIRED: Any = object()
"""The default of a field that must be there."""

Field = tuple[type | tuple[type, ...], Any]
"""The JSON types that a field may have, and its default."""


def fields(what: str, config: Any, **known: Field) -> dict[str, Any]:
    """The values of the known fields of an object, all but its type; `what` names the object in messages.

    Raises:
        ValueError: for anything but an object, for a field that is missing, not known or of another type.
    """
    if not isinstance(config, dict):
        raise ValueError(f"{what} must be an object, got {type(config).__name__}")
    for name in config:
        if name not in known and name != "type":
            raise ValueError(f"{what} has the field {short(name)}, which is not known here")
    values = {}
    for name, (kinds, default) in known.items():
        value = config.get(name, default)
        if value is REQUIRED:
            raise ValueError(f"{what} lacks the field {name!r}")
        if name in config and not _is(value, kinds):
            raise ValueError(f"{what} has {name} = {short(value)}, which is not known here")
        values[name] = value
    return values


def by_type(what: str, config: Any, makers: Mapping[str, Callable[[str, Any], T]]) -> T:
    """What the maker of an object's type makes of it.

    Raises:
        ValueError: for a type without a maker.
    """
    kind = config.get("type") if isinstance(config, dict) else None
    if not isinstance(kind, str) or kind not in makers:
        got = short(kind if isinstance(config, dict) else config)
        raise ValueError(f"{what} of type {got} is not known here; known are {', '.join(makers)}")
    return makers[kind](f"{what} {kind}", config)


def listed(what: str, value: Any) -> list[Any]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise ValueError(f"{what} must be a list, got {type(value).__name__}")
    return value


def _is(value: Any, kinds: type | tuple[type, ...]) -> bool:
    """Whether JSON's value is of one of the types; `true` is no number."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return type(value) in kinds


def short(value: Any) -> str:
    """The value as Python writes it, cut where it is long: a message shows a file's fault, not the file."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
