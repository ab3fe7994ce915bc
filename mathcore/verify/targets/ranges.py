"""Calls in which a formula's own terms leave the range of the arithmetic, though the result need not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mathcore.verify.tolerances import work_format

Given = Mapping[str, Any]


def leaves_range(operation: str, given: Given) -> str:
    """Which term of the formula over- or underflows, in words that fit "not checked: …"; "" if none does.

    Examples:
        >>> from mathcore.verify.targets.ranges import leaves_range
        >>> x = np.array([1e30, 0.0], np.float32)
        >>> leaves_range("temperature_softmax", {"x": x, "temperature": 1e-9})
        'scores over a temperature that overflow'
    """
    if operation.startswith("temperature_softmax"):
        return _quotients(given["x"], given["temperature"])
    if operation == "rms_norm_vjp":
        return _cubes(given["x"], given["epsilon"])
    if "attention" in operation and "value" in given:
        return _sums(given["value"])
    return ""


def _quotients(x: Any, temperature: float) -> str:
    """Scores are divided by a temperature that was rounded; a temperature that is not positive is refused anyway."""
    work = work_format(x.dtype)
    if not temperature > 0:
        return ""
    if not work.tiny <= temperature <= work.most:
        return "temperatures beyond the dtype"
    return "scores over a temperature that overflow" if _largest(x) / temperature > work.most else ""


def _cubes(x: Any, epsilon: float) -> str:
    """The derivative of 1/r, where r² is the mean of x² and ε, has 1/r³."""
    work, wide = work_format(x.dtype), np.asarray(x).astype(np.float64)
    finite = np.where(np.isfinite(wide), wide, 0.0)
    with np.errstate(over="ignore"):
        r = np.sqrt((finite * finite).mean(-1) + epsilon)
    inside = (r >= work.most ** (-1 / 3)) & (r <= work.tiny ** (-1 / 3))
    return "" if inside.all() else "rows the cube of whose length leaves the range"


def _sums(value: Any) -> str:
    """Weights up to 1 times values are added before the sum of the weights divides them."""
    keys = value.shape[-2]
    return "values whose sum overflows" if _largest(value) > work_format(value.dtype).most / max(keys, 1) else ""


def _largest(x: Any) -> float:
    """The largest magnitude of what is finite."""
    wide = abs(np.asarray(x).astype(np.float64))
    return float(wide.max(initial=0.0, where=np.isfinite(wide)))
