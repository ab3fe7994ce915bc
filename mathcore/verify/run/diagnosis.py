"""Diagnosis of verdicts on other people's targets.

If a claim holds: would zeros have passed on the same inputs? If it is refuted: does it hold under another convention?
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Check, Claim
from mathcore.verify.run.results import PROFILES, CheckResult, ClaimResult, Profile, Tally, failed
from mathcore.verify.run.runner import derived_seed, fails_on, run_check, run_claim
from mathcore.verify.targets.detect import may_follow
from mathcore.verify.targets.target import Target, TrivialAnswer, mathcore_target


def check_and_diagnose(claim: Claim, target: Target, profile: Profile, seed: int) -> ClaimResult:
    """Run a claim: on mathcore together with its mutants, on other targets with a diagnosis.

    If the target lacks some of the operations, the checks that need only the others still run, and judge it. An
    exception inside mathcore is a result, too, so that it does not end a run.
    """
    try:
        return _checked_and_diagnosed(claim, target, profile, seed)
    except Exception as crash:
        return failed(claim, crash)


def _checked_and_diagnosed(claim: Claim, target: Target, profile: Profile, seed: int) -> ClaimResult:
    missing = [name for name in claim.needs if name not in target.operations]
    if not claim.speaks_of(target.operations):
        why = f"the target has no {' and no '.join(f'`{name}`' for name in missing)}"
        checks = [CheckResult(c.rung, "not_offered", Tally(), None, c.counterexample, why) for c in claim.checks]
        return ClaimResult(claim.id, "not_offered", checks, {}, 0.0)
    if not target.guarded:  # without one of them there is nothing that mutants could stand in for
        return run_claim(claim, target, None if missing else mathcore_target(), profile, seed)
    result = run_claim(claim, target, None, profile, seed)
    if result.outcome == "holds":
        result.would_pass = would_pass(claim, target, profile, seed)
    if result.outcome == "refuted" and not result.misbehaved:
        refusal = result.finding is not None and result.finding.relation == "raises"
        partial = any(c.outcome == "not_offered" for c in result.checks)
        both = zip(claim.checks, result.checks, strict=True)
        failures = [(c, r.failed_on) for c, r in both if r.failed_on is not None]
        result.advice = other_conventions(claim, target, profile, seed, refusal, partial, failures)
    result.checks = [replace(c, failed_on=None) for c in result.checks]  # large, and no longer needed
    return result


def would_pass(claim: Claim, target: Target, profile: Profile, seed: int) -> tuple[str, ...]:
    """The trivial answers that pass every check of the claim on the inputs that were drawn for the target."""
    return tuple(
        name
        for name, trivial in TRIVIAL_ANSWERS.items()
        if all(r.outcome not in ("refuted", "error") for r in _results(claim, target, profile, seed, trivial))
    )


def other_conventions(
    claim: Claim,
    target: Target,
    profile: Profile,
    seed: int,
    refusal: bool,
    partial: bool,
    failures: Iterable[tuple[Check, Mapping[str, Any]]],
) -> str:
    """The changes of a single convention under which the claim holds, inputs that it failed on included.

    Each must be what detection finds, where there is a detector for it: a claim may also hold under a convention that
    the target does not follow, because that hides a mistake.

    Args:
        claim, target, profile, seed: of the run that refuted the claim.
        refusal: whether the failure is about an error that should be raised. Only the convention `errors` bears on
            that, and on nothing else.
        partial: whether some checks cannot run on the target.
        failures: checks, each with the inputs that refuted it.

    Returns:
        One line of advice, or "".
    """
    quick = PROFILES["quick"] if profile.examples > PROFILES["quick"].examples else profile
    found = []
    for conventions in target.conventions.alternatives(claim.needs):
        if (conventions.errors != target.conventions.errors) != refusal:
            continue
        other = target.following(conventions)
        same_inputs = conventions.subnormals == target.conventions.subnormals  # otherwise other inputs are drawn
        if same_inputs and any(fails_on(claim, check, other, inputs) for check, inputs in failures):
            continue
        # A check that needs promised errors, or what the target lacks, is not offered.
        accepted = ("holds", "not_offered") if refusal or partial else ("holds",)
        if all(r.outcome in accepted for r in _results(claim, other, quick, seed)):
            found += [
                f"{n}={v!r}" for n, v in target.conventions.difference(conventions).items()
                if may_follow(target, claim.needs, n, v)
            ]  # fmt: skip
    return f"holds under another convention: {' or '.join(found)}" if found else ""


def _results(
    claim: Claim, target: Target, profile: Profile, seed: int, trivial: TrivialAnswer | None = None
) -> Iterator[CheckResult]:
    """The results of all checks of the statement on the inputs that a run with this seed draws, without shrinking."""
    for i, check in enumerate(claim.checks):
        if not check.counterexample:
            check_seed = derived_seed(seed, claim.id, i)
            yield run_check(claim, check, target, profile, check_seed, shrink=False, trivial=trivial)


def _zeros(answer: Any, given: Mapping[str, Any]) -> Any:
    return _shaped(answer, given, np.zeros_like)


def _constant(answer: Any, given: Mapping[str, Any]) -> Any:
    return _shaped(answer, given, lambda x: np.full_like(x, x.flat[0] if x.size and x.dtype != object else 0))


def _input(answer: Any, given: Mapping[str, Any]) -> Any:
    """The first array argument, repeated or cut to the shape of the answer."""
    first = next((v for v in given.values() if isinstance(v, np.ndarray) and v.size), np.zeros(1))

    def like(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        with np.errstate(all="ignore"):
            return first.astype(x.dtype) if first.shape == x.shape else np.resize(first, x.shape).astype(x.dtype)

    return _shaped(answer, given, like)


def _shaped(answer: Any, given: Mapping[str, Any], make: Any) -> Any:
    if isinstance(answer, tuple):
        return tuple(_shaped(part, given, make) for part in answer)
    if isinstance(answer, dict):
        return {name: _shaped(part, given, make) for name, part in answer.items()}
    if answer is None:  # the target raised an error; a trivial kernel would not
        answer = next((v for v in given.values() if isinstance(v, np.ndarray)), np.zeros(()))
    return make(np.asarray(answer)) if isinstance(answer, (np.ndarray, np.generic, int, float)) else answer


TRIVIAL_ANSWERS: dict[str, TrivialAnswer] = {"zeros": _zeros, "a constant": _constant, "the input": _input}
"""Answers that a broken kernel might give to any call."""


def waived(result: ClaimResult, reason: str) -> ClaimResult:
    """The result of a claim that has a waiver: a refutation becomes "waived", a pass "unexpected"."""
    if result.outcome == "refuted":
        return replace(result, outcome="waived", waiver=reason)
    if result.outcome == "holds":
        return replace(result, outcome="unexpected", waiver=reason)
    return replace(result, waiver=reason)
