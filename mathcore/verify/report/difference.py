"""The kind of a failure: what groups failures in a report, and what stays the same while an input is shrunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, TargetError
from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.relations import Relation, ratios, worst_index
from mathcore.verify.report.describe import element_at
from mathcore.verify.targets.caller import Call
from mathcore.verify.tolerances import FORMATS


@dataclass(frozen=True)
class Difference:
    """What is wrong, without the numbers.

    Attributes:
        operation: whose answer is wrong; "" if that is not known.
        kind: "wrong value", "NaN", "raised ValueError" and the like.
        excess: error ÷ allowance at the worst element; ∞ where nothing is allowed, or nothing can be measured.
        dtype: of the wrong answer; "" for none.
        empty: whether an argument has no element.
    """

    operation: str
    kind: str
    excess: float = np.inf
    dtype: str = ""
    empty: bool = False

    def like(self, other: Difference) -> bool:
        """Whether both may have the same cause: the same kind, and no failure on an empty array for one on a full."""
        return (self.operation, self.kind, self.empty) == (other.operation, other.kind, other.empty)


def difference_of_error(error: Exception, calls: tuple[Call, ...]) -> Difference:
    """The kind of an error that the target raised, of a broken rule, or of an answer that the claim cannot read."""
    operation, kind = calls[-1].operation if calls else "", f"{type(error).__name__} in the claim"
    if isinstance(error, TargetError):
        operation, kind = error.operation, f"raised {type(error.cause).__name__}"
    elif isinstance(error, ContractError):
        operation, kind = error.operation, _rule(error.fault)
    return Difference(operation, kind, dtype=_dtype_of(calls[-1:]), empty=_is_empty(calls))


def difference_of_relation(relation: Relation, calls: tuple[Call, ...]) -> Difference:
    """The kind of a relation that does not hold after these calls."""
    compared = tuple(c for c in calls if _is_side(c.answer, relation)) or calls[-1:]
    operation, dtype = compared[-1].operation if compared else "", _dtype_of(compared)
    kind = _kind(relation, dtype)
    excess = float(ratios(relation).max(initial=0.0))
    return Difference(operation, kind, excess, dtype, _is_empty(calls))


def _kind(relation: Relation, dtype: str) -> str:
    if relation.symbol == "raises":
        return "another error than promised" if relation.refused else "no error for bad arguments"
    if relation.remark:
        return f"wrong {relation.remark.split()[0].removesuffix('s')}"  # "shapes (2,) and (3,) differ"
    where = worst_index(relation) if relation.error.ndim else ()
    try:
        got, expected = (_number(element_at(side, where)) for side in (relation.lhs, relation.rhs))
    except (TypeError, ValueError, IndexError, OverflowError):
        return "wrong value"  # text, bytes, a list
    if not np.isfinite(got) and not (np.isnan(got) and np.isnan(expected)):
        return "NaN" if np.isnan(got) else "infinity"
    if not np.isfinite(expected):
        return "finite where NaN or infinity is due"
    allowed = float(relation.allowance[where]) if relation.error.ndim else float(relation.allowance)
    return "wrong value" if is_gross(got, expected, allowed, dtype) else "too inaccurate"


def is_gross(got: float, expected: float, allowed: float, dtype: str) -> bool:
    """Whether an error is nearer to the value itself than to what is allowed, in digits.

    That is, whether it exceeds the geometric mean of the two. Where nothing is allowed, as between two results that
    must have the same bits, one rounding of the dtype takes the allowance's place.

    Examples:
        >>> from mathcore.verify.report.difference import is_gross
        >>> is_gross(0.25, 0.75, 1e-7, "float32"), is_gross(0.7500002, 0.75, 1e-7, "float32")
        (True, False)
    """
    size = max(abs(got), abs(expected))
    if dtype not in FORMATS:
        return True  # integers have no roundings
    allowed = allowed or 2 * FORMATS[dtype].u * size
    return abs(got - expected) ** 2 >= allowed * size


def _number(value: Any) -> float:
    if isinstance(value, (str, bytes)):
        raise TypeError("text is no number")
    return float(value)


def _rule(fault: str) -> str:
    """The rule that was broken, without numbers: "returned the shape (3,), expected (4,)" → "returned the shape"."""
    known = ("returned the shape", "writes into its input", "changes its input", "answers differently")
    return next((rule for rule in known if fault.startswith(rule)), fault)


def _is_side(answer: Any, relation: Relation) -> bool:
    parts = answer if isinstance(answer, (tuple, list)) else (answer,)
    sides = [s for s in (relation.lhs, relation.rhs) if isinstance(s, np.ndarray) and not isinstance(s, Enclosure)]
    return any(isinstance(p, np.ndarray) and np.may_share_memory(p, side) for p in parts for side in sides)


def _dtype_of(calls: tuple[Call, ...]) -> str:
    for call in reversed(calls):
        for value in _arrays((call.answer, call.args)):
            if value.dtype.name in FORMATS:
                return str(value.dtype.name)
    return ""


def _is_empty(calls: tuple[Call, ...]) -> bool:
    return any(not value.size for call in calls for value in _arrays((call.args, list(call.options.values()))))


def _arrays(value: Any) -> list[np.ndarray[Any, Any]]:
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in _arrays(part)]
    return [value] if isinstance(value, np.ndarray) else []
