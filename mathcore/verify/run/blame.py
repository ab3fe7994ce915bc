"""Whose fault an exception in a claim's body is: the target's answers, or mathcore.

A body does arithmetic on answers, and may raise because an answer has a wrong form, or because the body is wrong. So it
is evaluated once more on the same inputs, with mathcore's own operations. If that raises as well, or if no answer of
the target differs from mathcore's in a way that explains the exception, it is mathcore's fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Check, Claim
from mathcore.verify.errors import ConversionError
from mathcore.verify.targets.answers import is_float, kind_of
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.held import Held, released
from mathcore.verify.targets.target import Operations, Target, mathcore_target

Answers = list[tuple[str, Any]]


class _Witness(Operations):
    """Operations that keep every answer, and the conventions that the body reads."""

    def __init__(self, claim: Claim, target: Target, conventions: Conventions) -> None:
        super().__init__(target, claim.needs)
        self._declared = conventions
        self._answers: Answers = []
        self.caller = Caller(target, once=True, answered=lambda name, answer: self._answers.append((name, answer)))

    @property
    def conventions(self) -> Conventions:
        return self._declared

    def answers(self, check: Check, inputs: Mapping[str, Any]) -> tuple[Answers, Exception | None]:
        """What was answered, and what the body raised."""
        try:
            check.body(self, **inputs)
        except Exception as crash:
            return self._answers, crash
        return self._answers, None


def fault_of_answers(claim: Claim, check: Check, target: Target, inputs: Mapping[str, Any], crash: Exception) -> str:
    """Which answer of the target explains the exception, in words; "" if it is mathcore's fault.

    Args:
        claim, check: whose body raised `crash`.
        target: its operations.
        inputs: of the body, with random generators as they were.
        crash: the exception.
    """
    if not target.guarded or isinstance(crash, ConversionError):
        return ""
    generators = [v.bit_generator for v in inputs.values() if isinstance(v, np.random.Generator)]
    states = [g.state for g in generators]
    own = replace(mathcore_target(), dtypes=target.dtypes, guarded=True, silent=False)
    right, crashed_too = _Witness(claim, own, target.conventions).answers(check, inputs)
    for generator, state in zip(generators, states, strict=True):
        generator.state = state
    came, _ = _Witness(claim, target, target.conventions).answers(check, inputs)
    if not own.operations.keys() >= set(claim.needs):  # there is nothing to compare with
        return next((f"`{name}` returned {kind_of(answer)}" for name, answer in came if answer is None), "")
    if crashed_too is not None:
        return ""
    for (name, answer), (other, expected) in zip(came, right, strict=False):
        if name != other:
            return ""
        if words := _unlike(answer, expected, crash, target.conventions):
            return f"`{name}` {words}"
    return ""


def _unlike(answer: Any, expected: Any, crash: Exception, conventions: Conventions) -> str:
    """How the form of an answer differs from that of mathcore's own; "" if it does not."""
    if isinstance(expected, dict):
        if not isinstance(answer, dict):
            return f"returned {kind_of(answer)}, expected a dict"
        if answer.keys() != expected.keys():
            return f"returned parts named {', '.join(map(str, answer))}, expected {', '.join(map(str, expected))}"
        return _unlike(list(answer.values()), list(expected.values()), crash, conventions)
    if isinstance(expected, (tuple, list)):
        if not isinstance(answer, (tuple, list, np.ndarray)) or (isinstance(answer, np.ndarray) and not answer.ndim):
            return f"returned {kind_of(answer)}, expected {len(expected)} parts"
        if len(answer) != len(expected):
            return f"returned {len(answer)} parts, expected {len(expected)}"
        parts = (_unlike(a, b, crash, conventions) for a, b in zip(answer, expected, strict=True))
        return next(filter(None, parts), "")
    if not isinstance(expected, _NUMBERS):
        alike = isinstance(answer, Held if isinstance(expected, Held) else type(expected))
        return "" if alike else f"returned {kind_of(answer)}, expected {kind_of(released(expected))}"
    if not isinstance(answer, _NUMBERS):
        return f"returned {kind_of(answer)}, expected an array"
    return _unlike_array(np.asarray(answer), np.asarray(expected), crash, conventions)


_NUMBERS = (np.ndarray, np.generic, int, float)


def _unlike_array(answer: Any, expected: Any, crash: Exception, conventions: Conventions) -> str:
    if answer.shape != expected.shape:
        return f"returned the shape {answer.shape}, expected {expected.shape}"
    if is_float(answer) and is_float(expected):
        strange = _is_finite(expected) and not _is_finite(answer) and not _may_be_nan(conventions)
        return "returned NaN or infinity, where every number is finite" if strange else ""
    if is_float(answer) != is_float(expected) and object not in (answer.dtype, expected.dtype):
        return f"returned {answer.dtype}, expected {expected.dtype}"
    if isinstance(crash, LookupError) and answer.dtype.kind in "iu" and not np.array_equal(answer, expected):
        return f"returned integers up to {answer.max()}, where {expected.max()} is the largest"
    return ""


def _is_finite(x: Any) -> bool:
    return bool(np.isfinite(np.asarray(x, np.float64)).all())


def _may_be_nan(conventions: Conventions) -> bool:
    """Whether a convention lets the target return NaN where mathcore does not."""
    return any(v == "nan" or (isinstance(v, float) and math.isnan(v)) for v in vars(conventions).values())
