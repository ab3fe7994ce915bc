"""Runs in the child process: the text of a wrong implementation, and whether it stands for one operation alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import NamedTuple

from mathcore.verify.claims import Mutant
from mathcore.verify.run.catalogue import catalogue
from mathcore.verify.source import function_of, text_of


class Code(NamedTuple):
    """The text, and whether any operation can suffer from what it does wrong, as all can from zeros."""

    text: str
    general: bool


def code_of(wrong: Mutant) -> Code | None:
    """Its text, if it is found."""
    text, function = text_of(wrong), function_of(wrong)
    return Code(text, function is not None and _operations()[function.__code__] > 1) if text else None


@cache
def _operations() -> Mapping[CodeType, int]:
    """How many operations a function stands in for, wrongly."""
    every = {(f.__code__, m.operation) for c in catalogue() for m in c.refuted_by if (f := function_of(m))}
    return Counter(code for code, _ in every)
