"""The records of operations by name, of all modules that were imported; the catalogue imports all of mathcore's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import mathcore

if TYPE_CHECKING:  # `operation` draws for targets, and a target checks answers by the records
    from mathcore.verify.operation import Operation

_RECORDS: dict[str, Operation] = {}


def register(record: Operation) -> None:
    """Remember a record, unless it is a variant of the one that is known: the same with something replaced.

    A module that is run again, as a cell of a notebook is, defines its records anew.

    Raises:
        ValueError: if another module has a record of an operation of this name, or mathcore has the operation.
    """
    known, here = _RECORDS.get(record.name), _home(record.judged)
    if known is not None and (known.drawn is record.drawn or known.judged is record.judged):
        return
    if here.partition(".")[0] != "mathcore" and record.name in (*mathcore.__all__, *mathcore.course.__all__):
        raise ValueError(f"`{record.name}` is an operation of mathcore, and {here} makes a record of another one")
    if known is not None and here != (there := _home(known.judged)):
        raise ValueError(f"there are two records of an operation `{record.name}`, one of {there} and one of {here}")
    _RECORDS[record.name] = record


def _home(function: Callable[..., Any]) -> str:
    """The module that a function, or a part of one, is defined in."""
    return getattr(getattr(function, "func", function), "__module__", None) or "an unknown module"


def records() -> dict[str, Operation]:
    """Every record by the name of its operation."""
    return dict(_RECORDS)


def record_of(operation: str) -> Operation | None:
    """The record of an operation, if it has one."""
    return _RECORDS.get(operation)


def named_arguments(operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of a call by the names that the operation's record gives them; None if that knows fewer."""
    record = _RECORDS.get(operation)
    if record is None or len(args) > len(record.sample):
        return None
    return {**dict(zip(record.sample, args, strict=False)), **options}
