"""The type, shape and dtype of answers, held against the records of the operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError
from mathcore.verify.records import record_of
from mathcore.verify.tolerances import flushed


def check_answer(operation: str, given: Mapping[str, Any], answer: Any) -> None:
    """Check the type, shape and dtype of an answer, if they are known for the operation and its arguments.

    Raises:
        ContractError: if they are not as expected.
    """
    floats = [v for v in given.values() if isinstance(v, np.ndarray) and is_float(v)]
    record = record_of(operation)
    if not floats or record is None or record.result is None:
        return
    try:
        expected = record.result(given)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        return  # the claim passes wrong arguments on purpose
    if expected is None:
        return
    shape, dtype = expected
    if not isinstance(answer, (np.ndarray, np.generic)):
        raise ContractError(operation, f"returned {kind_of(answer)}, expected an array")
    if answer.shape != shape:
        raise ContractError(operation, f"returned the shape {answer.shape}, expected {shape}")
    if dtype is None and answer.dtype.kind not in "iu":
        raise ContractError(operation, f"returned {answer.dtype}, expected integers")
    if dtype is not None and answer.dtype != dtype:
        raise ContractError(operation, f"returned {answer.dtype}, expected {dtype}")


def kind_of(value: Any) -> str:
    """The type of a value, for a message."""
    return "None" if value is None else f"an object of type {type(value).__name__}"


def is_float(x: np.ndarray[Any, Any]) -> bool:
    """Whether the dtype of an array is floating, bfloat16 included."""
    return x.dtype.kind == "f" or x.dtype.name == "bfloat16"


def has_subnormals(value: Any) -> bool:
    """Whether an array holds subnormal numbers."""
    return isinstance(value, np.ndarray) and not np.array_equal(flushed(value), value, equal_nan=is_float(value))
