"""Few rows repeated over a long axis: an oracle that knows the few knows all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mathcore.verify.operation import Operation
    from mathcore.verify.targets.target import Operations

FEW = 23
"""How many rows repeat: a prime, so that no axis of another meaning has this length, and no usual period hides it."""


def agrees_far_away(part: Operation, ops: Operations, length: int, **few: Any) -> Any:
    """That few rows, repeated over an axis of some length, are answered as the textbook does, wherever they stand.

    Judged are the first of each and those whose answers differ most from the first.
    """
    repeated = _chosen(few, FEW, np.arange(length) % FEW)
    answer = part.answer(ops, **repeated)
    answers = answer if isinstance(answer, tuple) else (answer,)
    places = _places_to_judge([_rows(y, length) for y in answers if _axis(y, length) is not None], length)
    arguments = _chosen(repeated, length, places)
    sums = part.answers(ops, **arguments)  # what holds no rows, such as the gradient of a weight, is not of this length
    found = tuple(_take(y, length, places) if _axis(y, length) else s for y, s in zip(answers, sums, strict=True))
    judged = part.quick or part.judged
    return judged(ops, found if isinstance(answer, tuple) else found[0], **arguments)


def _axis(x: Any, length: int) -> tuple[int, int] | None:
    """The axis of the rows, and how many entries of it each row has: two where heads share one of keys and values."""
    for axis, size in enumerate(np.shape(x) if isinstance(x, np.ndarray) else ()):
        if size in (length, 2 * length):
            return axis, size // length
    return None


def _take(x: Any, length: int, places: Any) -> Any:
    """The rows at these places; anything without such an axis as it is."""
    found = _axis(x, length)
    if found is None:
        return x
    axis, each = found
    return x.take((places[:, None] * each + np.arange(each)).ravel(), axis)


def _chosen(arguments: Mapping[str, Any], length: int, places: Any) -> dict[str, Any]:
    return {name: _take(value, length, places) for name, value in arguments.items()}


def _rows(x: Any, length: int) -> Any:
    """A matrix with what belongs to each place in a row of its own."""
    axis, _ = _axis(x, length) or (0, 1)
    wide = x.astype(np.float64) if x.dtype.kind not in "iub" else x
    return np.moveaxis(wide, axis, 0).reshape(length, -1)


def _places_to_judge(answers: list[Any], length: int) -> Any:
    """The first place of each row, and the places where the answers differ most from those."""
    apart = np.zeros(length)
    for rows in answers:
        first = rows[np.arange(length) % FEW]
        with np.errstate(invalid="ignore", over="ignore"):
            same = (rows == first) | ((rows != rows) & (first != first))
            if same.all():  # as for most that is right
                continue
            off = np.where(same, 0, np.nan_to_num(abs(rows - first), nan=np.inf, posinf=np.inf))
        apart = np.maximum(apart, off.max(-1, initial=0))
    worst = np.argsort(-apart, kind="stable")[:FEW]
    return np.concatenate([np.arange(FEW), worst[apart[worst] > 0]])
