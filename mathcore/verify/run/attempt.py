"""One evaluation of a check's body on one input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis.errors import HypothesisException

from mathcore.verify.claims import Check, Claim
from mathcore.verify.errors import (
    ContractError,
    ConversionError,
    ExactOnlyError,
    NotOfferedError,
    NotTriedError,
    TargetError,
)
from mathcore.verify.limits import Tried, UnmetError
from mathcore.verify.relations import Conjunction, Relation, worst_index
from mathcore.verify.report.describe import Finding, describe_failure
from mathcore.verify.report.difference import Difference, difference_of_error, difference_of_relation
from mathcore.verify.report.script import Failure, with_script
from mathcore.verify.run.blame import fault_of_answers
from mathcore.verify.run.results import Tally
from mathcore.verify.run.traits import Traits, traits_of
from mathcore.verify.targets.caller import Call
from mathcore.verify.targets.target import Operations, Target, TrivialAnswer


class RefutedError(Exception):
    """The input refutes the claim. Raised through Hypothesis, which then shrinks the input."""


class SkippedInputError(Exception):
    """The input is not judged: the target does not support it, or crashes where only a relation counts."""


class StopSearchError(BaseException):
    """No more inputs are needed. Not an `Exception`, so that Hypothesis does not treat it as a failure."""


class Attempt:
    """Evaluates a check's body on one input at a time, and keeps the last failure.

    Attributes:
        finding, failure: the last input that refuted the claim.
        error: the first exception that is mathcore's own fault. Its input is skipped, and the search goes on.
    """

    def __init__(
        self,
        claim: Claim,
        check: Check,
        target: Target,
        trivial: TrivialAnswer | None = None,
        past_crashes: bool = False,
    ) -> None:
        self.claim, self.check, self.target, self.past_crashes = claim, check, target, past_crashes
        self.trivial = trivial
        self.tried = Tried()
        record = self.tried.add if check.quantified and trivial is None and not past_crashes else None
        self.ops = Operations(target, claim.needs, trivial, record)
        self.finding: Finding | None = None
        self.failure: Failure | None = None
        self.error: Finding | None = None
        self.difference: Difference | None = None  # of the first failure: what is shrunk stays of this kind
        self.traits: dict[str, Traits] = {}
        self.outside_domain = False
        self.kind = "smallest" if check.cases is not None else "shrunk"

    def __call__(self, tally: Tally | None, *, size: int = 1, **inputs: Any) -> None:
        """Evaluate one input and add it to the tally.

        Raises:
            RefutedError: if a relation does not hold, the target raised, or the body could not use its answer.
            SkippedInputError: if the input is not judged.
            NotOfferedError: if the target lacks an operation.
            ClaimError: if the claim is written wrongly.
        """
        caller = self.ops.caller
        if caller is not None:
            caller.forget()
        before = _states_of(inputs)
        try:
            returned = self.check.body(self.ops, **inputs)
            parts = _under_error_convention(_parts(returned, self.claim), self.ops)
        except ExactOnlyError:
            raise
        except NotTriedError as unsupported:
            if tally is not None:
                tally.not_tried[str(unsupported)] += size
            raise SkippedInputError from unsupported
        except UnmetError as condition:
            self._pass_over(tally, str(condition), size)
        except (NotOfferedError, HypothesisException, ClaimError):
            raise
        except Exception as crash:
            if self.past_crashes:
                raise SkippedInputError from crash
            fault = self._fault(crash, inputs, before)
            self._keep_kind(difference_of_error(fault, self._calls()))
            self._refute(Finding.crash(self.kind, inputs, fault, self.claim.statement), inputs, None)
            raise RefutedError from crash
        self._check_tolerances(parts)
        self.tried.judged = self.tried.judged or any(part.symbol != "raises" for part in parts)
        failed = (tally or Tally()).add(parts, size)
        if failed is not None:
            self._keep_kind(difference_of_relation(failed, self._calls()))
            self._refute(describe_failure(self.kind, inputs, failed, self.claim.statement), inputs, failed)
            raise RefutedError
        for operation, traits in self._traits():
            self.traits.setdefault(operation, Traits()).add(traits, failed=False)

    def _calls(self) -> tuple[Call, ...]:
        """The calls that were made on this input, the one without an answer included."""
        caller = self.ops.caller
        if caller is None:
            return ()
        made, last = tuple(caller.made), caller.pending
        return made if last is None or (made and made[-1] is last) else (*made, last)

    def _keep_kind(self, difference: Difference) -> None:
        """Skip a smaller input that fails in another way: a gross error must not shrink to one of rounding.

        Raises:
            SkippedInputError: if the failure is of another kind than the first.
        """
        if self.difference is not None and not difference.like(self.difference):
            raise SkippedInputError
        self.difference = difference

    def _refute(self, finding: Finding, inputs: Mapping[str, Any], relation: Relation | None) -> None:
        """Remember a failure."""
        kind = self.difference
        assert kind is not None
        self.finding = replace(
            finding, operation=kind.operation, difference=kind.kind, excess=f"{kind.excess:.3g}", dtype=kind.dtype
        )
        for operation, traits in self._traits():
            if operation == kind.operation:
                self.traits.setdefault(operation, Traits()).add(traits, failed=True)
        if self.ops.caller is not None:
            self.failure = Failure(self.claim, self.target, dict(inputs), relation, self._calls(), self.check)

    def _traits(self) -> Iterator[tuple[str, set[str]]]:
        """The traits of the calls of each operation."""
        calls = () if self.trivial is not None else self._calls()
        for operation in {call.operation for call in calls}:
            yield operation, set().union(*(traits_of(call) for call in calls if call.operation == operation))

    def _fault(self, crash: Exception, inputs: Mapping[str, Any], before: Mapping[str, Any]) -> Exception:
        """What the target did wrong that made the body raise.

        Raises:
            SkippedInputError: if it did nothing wrong. The exception is noted as mathcore's own.
        """
        if isinstance(crash, (TargetError, ContractError)) or self.trivial is not None:
            return crash
        if self.error is None:
            for name, state in before.items():
                inputs[name].bit_generator.state = state
            words = fault_of_answers(self.claim, self.check, self.target, inputs, crash)
            if words:
                return UnusableAnswerError(f"{words}, and the claim cannot use it: {type(crash).__name__}: {crash}")
            self.error = Finding.internal(inputs, crash, self.claim)
        raise SkippedInputError from crash

    def _pass_over(self, tally: Tally | None, condition: str, size: int) -> None:
        """Count an input that the claim excludes by a condition, and skip it."""
        if condition not in self.claim.limits.assumes:
            raise ClaimError(f"claim `{self.claim.id}` assumes that {condition} without declaring it in its `limits`")
        if tally is not None:
            tally.unmet[condition] += size
        raise SkippedInputError

    def check_repeatable(self) -> None:
        """Repeat the target's first calls and those that failed. If answers differ, that is the finding."""
        caller = self.ops.caller
        if caller is None or (self.finding is not None and self.finding.crashed):
            return
        try:
            caller.check_repeatable(self.failure.calls if self.failure else ())
        except ContractError as fault:
            inputs = {f"argument {i}": v for i, v in enumerate(fault.call_args, 1)} | dict(fault.call_options or {})
            call = Call(fault.operation, fault.call_args, fault.call_options or {}, fault.answer)
            self.difference = difference_of_error(fault, (call,))
            self._refute(Finding.crash("same", inputs, fault, self.claim.statement), inputs, None)
            self.failure = Failure(self.claim, self.target, inputs, None, (call,))
        except ConversionError as ours:
            self.error = self.error or Finding.internal({}, ours, self.claim)
        except (TargetError, NotOfferedError):
            return  # the call may raise as it did before

    def add_script(self) -> None:
        """Add a script that reproduces the failure to the finding."""
        self._reduce_to_one_row()
        if self.finding is not None and self.failure is not None:
            try:
                self.failure, self.finding = with_script(self.failure, self.finding, self._also_fails)
            except Exception as crash:  # a refutation stays one
                script = f"# mathcore could not write the script, please report it: {crash!r}\n"
                self.finding = replace(self.finding, script=script)

    def _reduce_to_one_row(self) -> None:
        """Reduce a batch too large to print to its worst row, if that row alone fails as well."""
        if self.failure is None or self.failure.relation is None or not self.failure.relation.error.ndim:
            return
        inputs, rows = self.failure.inputs, self.failure.relation.error.shape[0]
        if not any(isinstance(v, np.ndarray) and v.ndim and len(v) == rows and v.size > 64 for v in inputs.values()):
            return
        row = worst_index(self.failure.relation)[0]
        single = {
            name: v[row : row + 1] if isinstance(v, np.ndarray) and v.ndim and len(v) == rows else v
            for name, v in inputs.items()
        }
        if alone := self._also_fails(single):
            self.failure, self.finding = alone

    def _also_fails(self, inputs: Mapping[str, Any]) -> tuple[Failure, Finding] | None:
        """The same failure on other inputs, or None."""
        again = Attempt(self.claim, self.check, self.target)
        try:
            again(None, **inputs)
        except RefutedError:
            if not (again.finding and again.failure and again.difference and self.difference):
                return None
            return (again.failure, again.finding) if again.difference.like(self.difference) else None
        except Exception:  # the inputs do not fit the claim
            return None
        return None

    def _check_tolerances(self, parts: tuple[Relation, ...]) -> None:
        declared = {t.__name__ for t in self.claim.tolerances}
        for name in (name for part in parts for name in part.tolerances):
            if name not in declared:
                raise ClaimError(f"claim `{self.claim.id}` uses the tolerance `{name}` without declaring it")


def _states_of(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The states of random generators among the inputs, which the body will change."""
    return {n: v.bit_generator.state for n, v in inputs.items() if isinstance(v, np.random.Generator)}


class UnusableAnswerError(Exception):
    """An answer of the target has another form than mathcore's own, so that the body raised."""


class ClaimError(TypeError):
    """The claim itself is written wrongly, whatever the target."""


def _under_error_convention(parts: tuple[Relation, ...], ops: Operations) -> tuple[Relation, ...]:
    """The relations under the target's convention on errors: mathcore's errors, any error, or none required."""
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
