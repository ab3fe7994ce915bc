"""Numbers that count the operations on them: multiplications, additions, divisions, exponentials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.oracle.dual import objects


@dataclass
class Ledger:
    """Counts of operations; a subtraction counts as an addition."""

    multiplications: int = 0
    additions: int = 0
    divisions: int = 0
    exponentials: int = 0


class Counted:
    """A number that counts the operations on it in a ledger."""

    def __init__(self, value: Any, ledger: Ledger) -> None:
        self.value, self.ledger = value, ledger

    def __mul__(self, other: Any) -> Counted:
        self.ledger.multiplications += 1
        return Counted(self.value * _uncounted(other), self.ledger)

    def __add__(self, other: Any) -> Counted:
        self.ledger.additions += 1
        return Counted(self.value + _uncounted(other), self.ledger)

    def __sub__(self, other: Any) -> Counted:
        self.ledger.additions += 1
        return Counted(self.value - _uncounted(other), self.ledger)

    def __truediv__(self, other: Any) -> Counted:
        self.ledger.divisions += 1
        return Counted(self.value / _uncounted(other), self.ledger)

    __radd__, __rmul__ = __add__, __mul__

    def exp(self) -> Counted:
        """The exponential, if the number has one."""
        self.ledger.exponentials += 1
        return Counted(self.value.exp(), self.ledger)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _uncounted(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _uncounted(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _uncounted(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _uncounted(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _uncounted(other))

    __hash__ = None  # type: ignore[assignment]


def _uncounted(value: Any) -> Any:
    return value.value if isinstance(value, Counted) else value


def counted(x: Any, ledger: Ledger, number: Callable[[Any], Any] = int) -> np.ndarray[Any, Any]:
    """An array of numbers, converted by `number`, that count the operations on them."""
    return objects(np.asarray(x), lambda v: Counted(number(v), ledger))
