"""Every public function × every kind of argument: what is accepted, and as what; what is refused, and how."""

from __future__ import annotations

import copy
import linecache
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mathcore
from mathcore.verify.arguments.calls import Call, calls
from mathcore.verify.arguments.kinds import NONE, SAME, Kind, arrays, scalars
from mathcore.verify.arguments.meanings import LONG, meaning
from mathcore.verify.arguments.places import Place, places

_PACKAGE, _HERE = str(Path(mathcore.__file__).parent), str(Path(__file__).parent)


@dataclass(frozen=True)
class Cell:
    """What a function makes of a kind of argument.

    Attributes:
        function: its name.
        parameter: which argument it is.
        kind: of the argument.
        outcome: "accepted"; "refused"; "raw", an error that is not mathcore's own; "meaningless", accepted although
            nothing says what it means.
        text: as what it was accepted, or the error and the first line of its message.
    """

    function: str
    parameter: str
    kind: str
    outcome: str
    text: str


def matrix(of: Iterable[Call] | None = None) -> Iterator[Cell]:
    """All cells, function by function; of these calls, or of every public function."""
    for call in calls() if of is None else of:
        for place in places(call):
            for kind in [*scalars(), *(arrays(place.base) if place.role == "array" else ())]:
                if (place.parameter, kind.name) not in LONG:
                    yield _cell(call, place, kind)


def _cell(call: Call, place: Place, kind: Kind) -> Cell:
    def cell(outcome: str, text: str) -> Cell:
        return Cell(call.name, place.name, kind.name, outcome, text)

    try:
        answer = _answer(call, place, kind.value)
    except Exception as error:
        line = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        return cell("refused" if is_ours(error) else "raw", line)
    said, canonical = meaning(place, kind)
    if canonical is SAME:
        return cell("accepted", said)
    if canonical is NONE:
        return cell("meaningless", f"accepted as {type(kind.value).__name__}")
    try:
        same = same_answer(answer, _answer(call, place, canonical))
    except Exception as error:
        return cell("meaningless", f"accepted, but what it means is not: {error}")
    return cell("accepted", said) if same else cell("meaningless", "accepted, with another answer than what it means")


def _answer(call: Call, place: Place, value: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tried(call, {**call.arguments, **place.put(call.arguments, value)}, new=place.parameter)


def tried(call: Call, given: Mapping[str, Any], new: str = "") -> Any:
    """What the call returns, made of copies: generators count on, and a function may write to what it is given.

    Args:
        call: what is called.
        given: its arguments.
        new: the one that need not be copied, and perhaps cannot be.
    """
    return call.answer({name: value if name == new else copy.deepcopy(value) for name, value in given.items()})


def is_ours(error: BaseException) -> bool:
    """Whether a `raise` of mathcore's own raised the error: not Python or NumPy in the middle of something else."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return False
    file = frame.tb_frame.f_code.co_filename
    line = linecache.getline(file, frame.tb_lineno).strip()
    return file.startswith(_PACKAGE) and not file.startswith(_HERE) and line.startswith("raise")


def same_answer(a: Any, b: Any) -> bool:
    """Whether two answers are the same: shapes, dtypes, and numbers, where NaN is NaN and −0 is 0."""
    if isinstance(a, np.ndarray):
        alike = isinstance(b, np.ndarray) and a.shape == b.shape and a.dtype == b.dtype
        return alike and (bool((a == b).all()) if a.dtype == object else _equal(a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same_answer, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_answer(a[name], b[name]) for name in a)
    if isinstance(a, mathcore.KeyValueCache):
        return len(a) == len(b) and same_answer(a.key, b.key) and same_answer(a.value, b.value)
    return same_answer(vars(a), vars(b)) if hasattr(a, "__dict__") else bool(a == b or (a != a and b != b))


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(np.array_equal(a, b, equal_nan=True))
    except TypeError:
        return bool(np.array_equal(a, b))
