"""One evaluation of a check's body on one input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis.errors import HypothesisException

from mathcore.verify.claims import Check, Claim
from mathcore.verify.errors import FaultError, NotOfferedError, NotTriedError, TargetError
from mathcore.verify.limits import Tried, UnmetError
from mathcore.verify.relations import Conjunction, Relation, worst_place
from mathcore.verify.report.describe import Finding, describe_failure
from mathcore.verify.report.script import Failure, script_for
from mathcore.verify.run.results import Tally
from mathcore.verify.targets.caller import Call
from mathcore.verify.targets.target import Disguise, Operations, Target


class RefutedError(Exception):
    """Thrown through Hypothesis so that it shrinks the input."""


class PassedOverError(Exception):
    """The target does not support this input, or crashes where only a judgement counts."""


class EnoughError(BaseException):
    """No more inputs are needed. No Exception, so that Hypothesis lets it through."""


class Attempt:
    """One evaluation of a body, remembering the last input that it failed on."""

    def __init__(
        self,
        claim: Claim,
        check: Check,
        target: Target,
        disguise: Disguise | None = None,
        past_crashes: bool = False,
    ) -> None:
        self.claim, self.check, self.target, self.past_crashes = claim, check, target, past_crashes
        self.disguise = disguise
        self.tried = Tried()
        noting = self.tried.add if check.quantified and disguise is None and not past_crashes else None
        self.ops = Operations(target, claim.needs, disguise, noting)
        self.finding: Finding | None = None
        self.failure: Failure | None = None
        self.beyond = False
        self.kind = "smallest" if check.cases is not None else "shrunk"

    def __call__(self, tally: Tally | None, *, size: int = 1, **inputs: Any) -> None:
        """Judge one input; what is not right is thrown."""
        caller = self.ops.caller
        if caller is not None:
            caller.forget()
        try:
            returned = self.check.body(self.ops, **inputs)
            parts = _judged_by(_parts(returned, self.claim), self.ops)
        except NotTriedError as unsupported:
            if tally is not None:
                tally.not_tried[str(unsupported)] = tally.not_tried.get(str(unsupported), 0) + size
            raise PassedOverError from unsupported
        except UnmetError as condition:
            self._pass_over(tally, str(condition), size)
        except (NotOfferedError, HypothesisException, ClaimError):
            raise
        except Exception as crash:  # what a target returned may break the claim's own arithmetic
            if self.past_crashes:
                raise PassedOverError from crash
            self.finding = Finding.crash(self.kind, inputs, crash, self.claim.statement)
            self._remember(inputs, None)
            raise RefutedError from crash
        self._tolerances_are_declared(parts)
        self.tried.judged = self.tried.judged or any(part.symbol != "raises" for part in parts)
        failed = (tally or Tally()).add(parts, size)
        if failed is not None:
            self.finding = describe_failure(self.kind, inputs, failed, self.claim.statement)
            self._remember(inputs, failed)
            raise RefutedError

    def _pass_over(self, tally: Tally | None, condition: str, size: int) -> None:
        """An input that the claim does not speak of."""
        if condition not in self.claim.limits.assumes:
            raise ClaimError(f"claim `{self.claim.id}` assumes that {condition} without declaring it in its `limits`")
        if tally is not None:
            tally.unmet[condition] = tally.unmet.get(condition, 0) + size
        raise PassedOverError

    def ask_again(self) -> None:
        """Whether the target still answers its first calls, and those that failed, as it did; if not, that is why."""
        caller = self.ops.caller
        if caller is None or (self.finding is not None and self.finding.crashed):
            return
        try:
            caller.asked_again(self.failure.calls if self.failure else ())
        except FaultError as fault:
            inputs = {f"argument {i}": v for i, v in enumerate(fault.call_args, 1)} | dict(fault.call_options or {})
            self.finding = Finding.crash("same", inputs, fault, self.claim.statement)
            call = Call(fault.operation, fault.call_args, fault.call_options or {}, fault.answer)
            self.failure = Failure(self.claim, self.target, inputs, None, (call,))
        except (TargetError, NotOfferedError):
            return  # what it raised before, it may raise again

    def add_script(self) -> None:
        """Put a script that repeats the failure into the finding."""
        self._keep_one_row()
        if self.finding is not None and self.failure is not None:
            self.finding = replace(self.finding, script=script_for(self.failure, self.finding, self._fails_too))

    def _keep_one_row(self) -> None:
        """Of a batch too large to print, keep the worst row, if that fails alone."""
        if self.failure is None or self.failure.relation is None or not self.failure.relation.error.ndim:
            return
        inputs, rows = self.failure.inputs, self.failure.relation.error.shape[0]
        if not any(isinstance(v, np.ndarray) and v.ndim and len(v) == rows and v.size > 64 for v in inputs.values()):
            return
        row = worst_place(self.failure.relation)[0]
        single = {
            name: v[row : row + 1] if isinstance(v, np.ndarray) and v.ndim and len(v) == rows else v
            for name, v in inputs.items()
        }
        if alone := self._fails_too(single):
            self.failure, self.finding = alone

    def _remember(self, inputs: Mapping[str, Any], relation: Relation | None) -> None:
        if self.ops.caller is not None:
            caller = self.ops.caller
            made, last = tuple(caller.made), caller.pending
            made = made if last is None or (made and made[-1] is last) else (*made, last)
            self.failure = Failure(self.claim, self.target, dict(inputs), relation, made)

    def _fails_too(self, inputs: Mapping[str, Any]) -> tuple[Failure, Finding] | None:
        """The failure on other inputs, if they show it as well."""
        again = Attempt(self.claim, self.check, self.target)
        try:
            again(None, **inputs)
        except RefutedError:
            found, before = again.finding, self.finding
            if not (found and before and again.failure and self.failure) or found.crashed != before.crashed:
                return None
            remarks = {f.relation.remark for f in (again.failure, self.failure) if f.relation is not None}
            return (again.failure, found) if len(remarks) < 2 else None  # shapes that differ are another failure
        except Exception:  # inputs that the claim was not made for
            return None
        return None

    def _tolerances_are_declared(self, parts: tuple[Relation, ...]) -> None:
        declared = {t.__name__ for t in self.claim.tolerances}
        for name in (name for part in parts for name in part.tolerances):
            if name not in declared:
                raise ClaimError(f"claim `{self.claim.id}` uses the tolerance `{name}` without declaring it")


class ClaimError(TypeError):
    """A claim is written wrongly; no verdict on any target."""


def _judged_by(parts: tuple[Relation, ...], ops: Operations) -> tuple[Relation, ...]:
    """The relations as the target's convention on errors has them: mathcore's errors, any error, or none needed."""
    errors = ops.conventions.errors
    if errors == "mathcore" or all(part.symbol != "raises" for part in parts):
        return parts
    if errors == "any":
        return tuple(replace(part, error=np.zeros(())) if part.refused else part for part in parts)
    rest = tuple(part for part in parts if part.symbol != "raises")
    if not rest:
        raise NotTriedError("every operation", "bad arguments")
    return rest


def _parts(returned: Any, claim: Claim) -> tuple[Relation, ...]:
    if isinstance(returned, Conjunction):
        return returned.parts
    if isinstance(returned, Relation):
        return (returned,)
    came = type(returned).__name__
    raise ClaimError(f"claim `{claim.id}` must return a relation such as equal(lhs, rhs), got {came}")
