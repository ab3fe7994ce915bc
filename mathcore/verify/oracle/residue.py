"""Numbers modulo a prime, for exact arithmetic that includes division."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.oracle.dual import objects


class Residue:
    """An integer modulo a prime: sums, products and quotients are exact, and stay of the same size.

    Functions that do not map fractions to fractions, such as the exponential, are arbitrary but fixed. If two formulas
    agree here, they agree whatever those functions are, by algebra alone. Two different formulas agree at a random
    point with a probability of about their degree divided by the prime.
    """

    PRIME = 2**61 - 1
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, Residue):
            self.value: int = value.value
            return
        top, bottom = Fraction(value).as_integer_ratio()
        self.value = int(top) * pow(int(bottom), -1, self.PRIME) % self.PRIME

    def __add__(self, other: Any) -> Residue:
        return Residue(self.value + Residue(other).value)

    def __sub__(self, other: Any) -> Residue:
        return Residue(self.value - Residue(other).value)

    def __rsub__(self, other: Any) -> Residue:
        return Residue(other) - self

    def __mul__(self, other: Any) -> Residue:
        return Residue(self.value * Residue(other).value)

    def __truediv__(self, other: Any) -> Residue:
        return Residue(self.value * pow(Residue(other).value, -1, self.PRIME))

    def __rtruediv__(self, other: Any) -> Residue:
        return Residue(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Residue:
        return Residue(-self.value)

    def __pow__(self, exponent: int) -> Residue:
        return Residue(pow(self.value, exponent, self.PRIME))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, float) and not math.isfinite(other):
            return False
        return isinstance(other, (Residue, int, float)) and self.value == Residue(other).value

    def __lt__(self, other: Any) -> bool:
        return self.value < _comparable(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > _comparable(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= _comparable(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= _comparable(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"{self.value if self.value < self.PRIME // 2 else self.value - self.PRIME} (mod p)"

    def __abs__(self) -> Residue:
        return self

    def __float__(self) -> float:
        return float(self.value)  # 0 only for 0, which is enough to tell whether two numbers differ

    def _table(self, name: str) -> Residue:
        digest = hashlib.sha256(f"{name} {self.value}".encode()).digest()
        return Residue(int.from_bytes(digest[:8], "big"))

    def exp(self) -> Residue:
        """An arbitrary function that is 1 at 0."""
        return self._table("exp") if self.value else Residue(1)

    def expm1(self) -> Residue:
        """`exp` minus 1."""
        return self.exp() - 1

    def log(self) -> Residue:
        """An arbitrary function that is 0 at 1."""
        return self._table("log") if self.value != 1 else Residue(0)

    def log1p(self) -> Residue:
        """`log` of 1 more."""
        return (self + 1).log()

    def sqrt(self) -> Residue:
        """An arbitrary function."""
        return self._table("sqrt")


def _comparable(other: Any) -> int | float:
    """A number to compare with; infinities stay, as they lie beyond all residues."""
    return other if isinstance(other, float) and math.isinf(other) else Residue(other).value


def residues(x: Any) -> np.ndarray[Any, Any]:
    """An array of numbers modulo a prime."""
    return objects(np.asarray(x), Residue)
