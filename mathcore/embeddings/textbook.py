"""The textbook's tables and cosines."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify import Enclosure
from mathcore.verify.oracle.enclosures import true_matmul


def hot(ids: Any, classes: int) -> Any:
    """1 at the id, else 0."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(int)


def sums_of_occurrences(g: Any, ids: Any, rows: int) -> Enclosure:
    """The gradient of every row: the sum over its occurrences."""
    return true_matmul(hot(ids.ravel(), rows).T, g.reshape(ids.size, g.shape[-1]))


def cosine(a: Any, b: Any) -> Any:
    """The dot product over the lengths, along the last axis; 0 where a vector is zero."""
    squares = (a * a).sum(-1) * (b * b).sum(-1)
    return (a * b).sum(-1) / np.sqrt(squares + _is_zero(squares))


def _is_zero(x: Any) -> Any:
    """1 where a number is 0, so that it may be added to a divisor, else 0."""
    return np.asarray(x == 0, bool).astype(int)


def pulled_back(g: Any, a: Any, b: Any) -> Any:
    """The gradient of the cosine by a: ḡ/‖a‖ (b/‖b‖ − cos a/‖a‖); 0 where a vector is zero."""
    squares_a, squares_b = ((x * x).sum(-1)[..., None] for x in (a, b))
    length_a, length_b = (np.sqrt(x + _is_zero(x)) for x in (squares_a, squares_b))
    unit_a, unit_b = a / length_a, b / length_b
    gradient = g[..., None] / length_a * (unit_b - (unit_a * unit_b).sum(-1)[..., None] * unit_a)
    return gradient * (1 - _is_zero(squares_a * squares_b))
