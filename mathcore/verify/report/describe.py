"""Inputs and failures as text: a counterexample as a report shows it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import mathcore
from mathcore.verify.claims import Claim
from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.relations import Relation, worst_index

_MAX_SHOWN = 64
_PACKAGE = str(Path(mathcore.__file__).parents[1])


@dataclass(frozen=True)
class Finding:
    """An input on which a relation fails, as text.

    Attributes:
        kind: "shrunk" by Hypothesis, or the "smallest" of an enumeration.
        inputs: argument name → text.
        lhs, relation, rhs: both sides at the worst element, and the relation between them.
        error, allowance: numbers as text.
        place: index of the worst element, or what else is wrong.
        sentence: the claim's statement.
        crashed: the target raised an exception, or broke a rule for all calls.
        unsteady: the target answered differently when called again.
        script: a stand-alone program that reproduces the failure; "" if there is none.
        operation, difference, excess, dtype: the kind of the failure, see `Difference`; numbers as text.
        file: the name of the file of arrays that the script reads; "" if it reads none.
        arrays: what is in the file.
    """

    kind: str
    inputs: dict[str, str]
    lhs: str
    relation: str
    rhs: str
    error: str
    allowance: str
    place: str
    sentence: str
    crashed: bool = False
    unsteady: bool = False
    script: str = ""
    operation: str = ""
    difference: str = ""
    excess: str = "inf"
    dtype: str = ""
    file: str = ""
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def headline(self) -> str:
        """The failure in one line."""
        if self.crashed:
            return self.lhs
        again = " (called again, the target answers differently)" if self.unsteady else ""
        if self.relation == "holds":
            return f"{self.lhs} is false{again}"
        return f"{self.lhs} {self.relation} {self.rhs} fails: error {self.error}, allowed {self.allowance}{again}"

    @staticmethod
    def crash(kind: str, inputs: Mapping[str, Any], crash: Exception, sentence: str) -> Finding:
        """A finding about what the target raised, or the rule that it broke."""
        shown = {name: describe(value) for name, value in inputs.items()}
        return Finding(kind, shown, str(crash), "", "", "", "", "", sentence, crashed=True)

    @staticmethod
    def internal(inputs: Mapping[str, Any], crash: Exception, claim: Claim) -> Finding:
        """A finding about an exception inside mathcore, or in a claim of one's own: it says nothing of the target."""
        shown = {name: _described(value) for name, value in inputs.items()}
        own = all(check.body.__module__.startswith("mathcore.") for check in claim.checks)
        whose = "mathcore failed, please report it with" if own else "the check itself failed, in"
        words, kind, sentence = f"{whose} claim {claim.id}: {type(crash).__name__}: {crash}", "last", claim.statement
        return Finding(kind, shown, words, "", "", "", "", _last_frame(crash), sentence, crashed=True)


def _described(value: Any) -> str:
    try:
        return describe(value)
    except Exception as crash:  # perhaps the one that is being reported
        return f"an object of type {type(value).__name__}, whose text fails: {type(crash).__name__}"


def _last_frame(crash: BaseException) -> str:
    """Where inside mathcore an exception passed last."""
    frames = [f for f in traceback.extract_tb(crash.__traceback__) if f.filename.startswith(_PACKAGE)]
    return (
        f"in {frames[-1].name}, {Path(frames[-1].filename).relative_to(_PACKAGE)}:{frames[-1].lineno}" if frames else ""
    )


def describe_failure(kind: str, inputs: Mapping[str, Any], relation: Relation, sentence: str) -> Finding:
    """A finding about the worst element of a relation that does not hold."""
    shown = {name: describe(value) for name, value in inputs.items()}
    if relation.condition:
        where = f"at index {worst_index(relation)}" if relation.error.ndim else ""
        return Finding(kind, shown, relation.condition, "holds", "", "inf", "0", where, sentence)
    if relation.remark or not relation.error.ndim:
        lhs, rhs, where = describe(relation.lhs), describe(relation.rhs), relation.remark
        error, allowed = float(relation.error), float(relation.allowance)
    else:
        index = worst_index(relation)
        where = f"at index {index}"
        lhs, rhs = describe(element_at(relation.lhs, index)), describe(element_at(relation.rhs, index))
        error, allowed = float(relation.error[index]), float(relation.allowance[index])
    return Finding(kind, shown, lhs, relation.symbol, rhs, f"{error:.3g}", f"{allowed:.3g}", where, sentence)


def element_at(side: Any, index: tuple[int, ...]) -> Any:
    """One element of a side; a scalar side stands for every element."""
    array = side.hi if isinstance(side, Enclosure) else np.asarray(side)
    return array[index] if array.ndim else array[()]


def describe(value: Any) -> str:
    """A value as one would type it; an array of more than 64 elements by shape, dtype and range."""
    if isinstance(value, Enclosure):
        return describe(value.hi)
    if isinstance(value, np.ndarray):
        if not value.size:
            return f"empty array of shape {value.shape}, {value.dtype}"
        if value.size <= _MAX_SHOWN:
            return " ".join(_array_text(value).split())
        return f"array of shape {value.shape}, {value.dtype}{_range(value)}"
    if isinstance(value, np.generic):
        return f"{float(value)!r} ({value.dtype})" if value.dtype.kind == "f" else str(value)
    if isinstance(value, np.random.Generator):
        return "a random generator"
    return str(value) if not isinstance(value, (str, bytes)) else repr(value)


def _array_text(value: np.ndarray[Any, Any]) -> str:
    if value.dtype == object:
        return str(value.tolist()) if value.ndim else str(value[()])
    plain = value.astype(np.float32) if value.dtype.name == "bfloat16" else value
    with np.printoptions(floatmode="unique", threshold=_MAX_SHOWN + 1):
        body = np.array2string(plain, separator=", ") if value.ndim else repr(plain[()].item())
    return f"{body} ({value.dtype})" if value.dtype.kind == "f" or value.dtype.name == "bfloat16" else body


def _range(value: np.ndarray[Any, Any]) -> str:
    if value.dtype.kind not in "fiu":
        return ""
    return f", from {value.min():.6g} to {value.max():.6g}"
