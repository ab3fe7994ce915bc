"""The expected type, shape and dtype of answers, by operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError
from mathcore.verify.tolerances import flushed

Expected = tuple[tuple[int, ...], Any]
"""Shape and dtype; None for any integer dtype."""

_LIKE_X = ("softmax", "log_softmax", "temperature_softmax", "relu", "rope", "apply_rope")


_NO_AXIS = ("logsumexp", "argmax")


def _expected(operation: str, given: Mapping[str, Any]) -> Expected | None:
    name = operation.removesuffix("_vjp")
    if operation.endswith("_vjp"):
        if name in (*_LIKE_X, "logsumexp") and name != "apply_rope":
            return given["x"].shape, given["x"].dtype
        return (given["logits"].shape, given["logits"].dtype) if name == "cross_entropy" else None
    if name in _LIKE_X:
        return given["x"].shape, given["x"].dtype
    if name in _NO_AXIS:
        x, axis = given["x"], given["axis"] % given["x"].ndim
        kept = (1,) if given.get("keepdims") else ()
        shape = x.shape[:axis] + kept + x.shape[axis + 1 :]
        return shape, None if name == "argmax" else x.dtype
    if name == "cross_entropy":
        x, axis = given["logits"], given["axis"] % given["logits"].ndim
        return (x.shape[:axis] + x.shape[axis + 1 :] if given["reduction"] == "none" else ()), x.dtype
    if name == "linear":
        x, weight = given["x"], given["weight"]
        return (*x.shape[:-1], weight.shape[-1]), np.result_type(x, weight)
    if name == "embedding":
        return (*np.shape(given["ids"]), *given["weight"].shape[1:]), given["weight"].dtype
    if name == "scaled_dot_product_attention" and not given["return_lse"]:
        q, v = given["query"], given["value"]
        return (*q.shape[:-1], v.shape[-1]), np.result_type(q, given["key"], v)
    return None


def check_answer(operation: str, given: Mapping[str, Any], answer: Any) -> None:
    """Check the type, shape and dtype of an answer, if they are known for the operation and its arguments.

    Raises:
        ContractError: if they are not as expected.
    """
    floats = [v for v in given.values() if isinstance(v, np.ndarray) and is_float(v)]
    if not floats:
        return
    try:
        expected = _expected(operation, given)
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
