"""What a reproducer script asserts: the claim's relation, or one element with its true value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.relations import Relation, worst_index
from mathcore.verify.report.describe import Finding, element_at
from mathcore.verify.report.difference import is_gross
from mathcore.verify.report.expressions import element_in, expression_of, is_known, is_numeric, same_array
from mathcore.verify.report.literals import MAX_LITERAL, UnwritableError, array_code, literal
from mathcore.verify.report.right import judged, positions, right_answer
from mathcore.verify.tolerances import FORMATS

if TYPE_CHECKING:
    from mathcore.verify.targets.caller import Call
    from mathcore.verify.targets.target import Target

_CONDITIONS = {
    "=": "got == expected",
    "≈": "got == expected or abs(got - expected) <= allowed",
    "≤": "got <= expected + allowed",
    "≥": "got >= expected - allowed",
    "<": "got < expected",
    "≠": "not np.array_equal(got, expected)",
    "is bit for bit": "np.asarray(got).tobytes() == np.asarray(expected).tobytes()",
}


class Assertions:
    """The last lines of a program, for calls that were answered.

    Args:
        target, finding: of the failure.
        known: the names in the program with their values.
        calls: the names of the answers with their calls.
    """

    def __init__(
        self, target: Target, finding: Finding, known: list[tuple[str, Any]], calls: list[tuple[str, Call]]
    ) -> None:
        self._target, self._finding, self._known, self._calls = target, finding, known, calls

    def forms(self, relation: Relation | None) -> Iterator[tuple[list[str], bool]]:
        """What can be asserted, the claim's own relation first, and whether it takes nothing from wrong answers."""
        if relation is not None and relation.symbol != "raises":
            yield self._relation(relation)
        for name, call in reversed(self._calls):
            for part in judged(call, self._target):
                yield self._element(name, call, part), True
        for name, call in reversed(self._calls):
            yield self._reference(name, call), True

    def changed(self) -> list[str]:
        """That the answers are not those that the claim refuted, where nothing better is known."""
        words = f"# The claim found: {self._finding.headline}".replace("\n", " ")
        answers = [(name, v) for name, v in self._known if name.startswith("answer") and is_numeric(v)]
        if not answers:
            raise UnwritableError
        wrong = [(name, call.answer) for name, call in self._calls if self._is_wrong(call)]
        same = " and ".join(_equals_recorded(name, value) for name, value in (wrong or answers)[-3:])
        return [
            words,
            "# That takes more than these answers to see; asserted is only that they are no longer the same.",
            f"assert not ({same}), 'the answers that the claim refutes'",
        ]

    def _is_wrong(self, call: Call) -> bool:
        """Whether the answer is another one than mathcore's, as far as that is known."""
        right = right_answer(call, self._target)
        return is_numeric(call.answer) and right is not None and not same_array(call.answer, right)

    def _relation(self, relation: Relation) -> tuple[list[str], bool]:
        """The relation itself, if its left side is found in the answers, and whether the right side is as well."""
        where = worst_index(relation) if relation.error.ndim else ()
        if relation.remark:
            left, right = (self._whole(side) for side in (relation.lhs, relation.rhs))
            if left is None or not relation.remark.startswith("shapes"):
                return [], False
            side = right or f"np.zeros({np.shape(relation.rhs)})"
            lines = [f"assert np.shape({left}) == np.shape({side}), (np.shape({left}), np.shape({side}))"]
            return lines, right is not None
        if relation.condition or relation.symbol not in _CONDITIONS or (relation.symbol == "≠" and where):
            return [], False
        left = self._source(relation.lhs, where)
        if left is None:
            return [], False
        right = None if np.size(relation.rhs) == 1 else self._source(relation.rhs, where)
        allowed = float(relation.allowance[where]) if relation.allowance.ndim else float(relation.allowance)
        expected = right or literal(element_at(relation.rhs, where))
        return self._compared(left, expected, relation.symbol, allowed, _rest(relation, where)), right is not None

    def _compared(self, left: str, right: str, symbol: str, allowed: float, rest: float = 0.0) -> list[str]:
        """The comparison; `rest` is what the expected number lacks of the true one."""
        condition = _CONDITIONS[symbol]
        if rest and symbol == "≈":
            condition = f"abs(got - expected - {rest!r}) <= allowed"
        numbers = f"got, expected, allowed = float(got), float(expected), {allowed!r}"
        return [
            f"got, expected = {left}, {right}",
            *([numbers] if "allowed" in condition else []),
            f"print('got', got, '{symbol}', 'expected', expected)",
            f"assert {condition}, {self._finding.headline!r}",
        ]

    def _whole(self, side: Any) -> str | None:
        """A side as an expression of what is known; a constant, to which many arrays are equal, only if it is one."""
        if is_numeric(side) and np.size(side) and not is_known(side, self._known):
            values = np.asarray(side).astype(np.float64).ravel()
            constant = bool((values == values[0]).all() or np.isnan(values).all())
            if constant and (np.size(side) > 1 or values[0] in (0, 1, -1) or not np.isfinite(values[0])):
                return None
        return expression_of(side, self._known)

    def _source(self, side: Any, where: tuple[int, ...]) -> str | None:
        """One element of a side, as source."""
        if isinstance(side, Enclosure):
            return None
        if code := self._whole(side):
            place = where if np.ndim(side) else ()
            index = f"[{', '.join(map(str, place))}]" if place else ""
            return f"({code}){index}" if index and not code.isidentifier() else f"{code}{index}"
        return element_in(side, where if np.ndim(side) else (), [k for k in self._known if k[0].startswith("answer")])

    def _element(self, name: str, call: Call, part: Relation) -> list[str]:
        """The worst element of an answer by the record of its operation."""
        if part.remark or not part.error.ndim or part.symbol not in ("=", "≈"):
            return []
        where = worst_index(part)
        assert call.back is not None
        back = call.back(call.answer)
        found = element_in(part.lhs, where, [("back", back)])
        if found is None:
            return []
        try:
            code = self._in_answer(name, call, found)
        except ValueError:
            return []
        allowed = float(part.allowance[where])
        return self._compared(code, literal(element_at(part.rhs, where)), "≈", allowed, _rest(part, where))

    def _in_answer(self, name: str, call: Call, found: str) -> str:
        """An element of the translated answer, "back[1, 2]", as one of the target's own."""
        places = positions(call)
        back = places if isinstance(call.answer, tuple) else places[0]
        flat = int(eval(found, {"back": back}))
        which, answer = name, call.answer
        if isinstance(answer, tuple):
            part = int(found.removeprefix("back[").partition("]")[0])
            which, answer = f"{name}[{part}]", answer[part]
        index = tuple(map(int, np.unravel_index(flat, np.shape(answer))))
        return f"{which}[{', '.join(map(str, index))}]" if index else which

    def _reference(self, name: str, call: Call) -> list[str]:
        """The element of an answer that is farthest from mathcore's, if the error is gross."""
        right = right_answer(call, self._target)
        pairs = zip(call.answer, right, strict=False) if isinstance(right, tuple) else [(call.answer, right)]
        for i, (got, expected) in enumerate(pairs):
            if expected is None or not is_numeric(got) or np.shape(got) != np.shape(expected):
                continue
            dtype = np.asarray(got).dtype.name
            if dtype not in FORMATS:
                continue
            a, b = np.asarray(got).astype(np.float64), np.asarray(expected).astype(np.float64)
            with np.errstate(all="ignore"):
                error = np.where((a == b) | ~np.isfinite(b), 0.0, abs(a - b) / np.maximum(abs(a), abs(b)))
            error = np.where(np.isnan(error), np.inf, error)
            if not error.any():
                continue
            where = tuple(map(int, np.unravel_index(int(np.argmax(error)), error.shape)))
            x, y = float(a[where]), float(b[where])
            if np.isfinite(x) and not is_gross(x, y, 0.0, dtype):
                continue
            size = max(abs(x), abs(y)) if np.isfinite(x) else abs(y)
            code = f"{name}[{i}]" if isinstance(right, tuple) else name
            code = f"{code}[{', '.join(map(str, where))}]" if where else code
            half = float((2 * FORMATS[dtype].u) ** 0.5 * size)
            return ["# allowed: half of the digits", *self._compared(code, repr(y), "≈", half)]
        return []


def _rest(relation: Relation, where: tuple[int, ...]) -> float:
    """The part of the right side beyond its nearest float64."""
    return float(relation.rhs.lo[where]) if isinstance(relation.rhs, Enclosure) else 0.0


def _equals_recorded(name: str, value: Any) -> str:
    """A comparison with the recorded answer: with its elements if they are few, else with a digest of its bytes."""
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    elif array.size > MAX_LITERAL:
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
        return f"hashlib.sha256(np.ascontiguousarray({name}).tobytes()).hexdigest().startswith({digest!r})"
    elif array.dtype.kind == "f":  # the same numbers in another format are another answer
        same = f"np.array_equal({name}, {array_code(array)}, equal_nan=True)"
        return f"np.asarray({name}).dtype == np.{array.dtype.name} and {same}"
    return f"np.array_equal({name}, {array_code(array)}, equal_nan=True)"
