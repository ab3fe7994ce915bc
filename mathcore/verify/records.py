"""The records of operations by name, of all modules that were imported; the catalogue imports all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `operation` draws for targets, and a target checks answers by the records
    from mathcore.verify.operation import Operation

_RECORDS: dict[str, Operation] = {}


def register(record: Operation) -> None:
    """Remember a record, if it is the first of its operation: others are the same with something replaced."""
    _RECORDS.setdefault(record.name, record)


def records() -> dict[str, Operation]:
    """Every record by the name of its operation."""
    return dict(_RECORDS)


def record_of(operation: str) -> Operation | None:
    """The record of an operation, if it has one."""
    return _RECORDS.get(operation)
