"""What a verdict on somebody else's target is worth, and what a refutation may mean.

Would zeros have passed on the same inputs? Does a refuted claim hold if the target follows another convention?
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Check, Claim
from mathcore.verify.run.results import PROFILES, CheckResult, ClaimResult, Profile, Tally
from mathcore.verify.run.runner import derived_seed, fails_on, run_check, run_claim
from mathcore.verify.targets.target import Target, TrivialAnswer, mathcore_target


def check_and_diagnose(claim: Claim, target: Target, profile: Profile, seed: int) -> ClaimResult:
    """Run a claim: on mathcore with the wrong implementations that it must refute, on others with a diagnosis.

    A target that offers some of the operations is tried by the checks that need no others: they may refute the claim.
    """
    missing = [name for name in claim.needs if name not in target.operations]
    why = f"the target has no {' and no '.join(f'`{name}`' for name in missing)}"
    if len(missing) == len(claim.needs) > 0:
        checks = [CheckResult(c.rung, "not_offered", Tally(), None, c.counterexample, why) for c in claim.checks]
        return ClaimResult(claim.id, "not_offered", checks, {}, 0.0)
    if not target.guarded:
        return run_claim(claim, target, mathcore_target(), profile, seed)
    result = run_claim(claim, target, None, profile, seed)
    if missing:
        result.checks = [replace(c, detail=why) if c.outcome == "not_offered" else c for c in result.checks]
    if result.outcome == "holds":
        result.would_pass = would_pass(claim, target, profile, seed)
    if result.outcome == "refuted" and not result.misbehaved:
        refusal = result.finding is not None and result.finding.relation == "raises"
        failed = [(c, r.failed_on) for c, r in zip(claim.checks, result.checks, strict=True) if r.failed_on is not None]
        result.advice = other_conventions(claim, target, profile, seed, refusal, bool(missing), failed)
    result.checks = [replace(c, failed_on=None) for c in result.checks]  # large, and of no more use
    return result


def would_pass(claim: Claim, target: Target, profile: Profile, seed: int) -> tuple[str, ...]:
    """Which trivial answers pass every check of the claim on the inputs that were drawn for the target."""
    return tuple(
        name
        for name, trivial in TRIVIAL.items()
        if all(r.outcome != "refuted" for r in _results(claim, target, profile, seed, trivial))
    )


def other_conventions(
    claim: Claim,
    target: Target,
    profile: Profile,
    seed: int,
    refusal: bool,
    partial: bool,
    failed: Iterable[tuple[Check, Mapping[str, Any]]],
) -> str:
    """The conventions under which the claim holds, each a change of one, what it `failed` on included; "" if none.

    How bad arguments are refused bears on a `refusal` alone, and nothing else bears on it. Of a `partial` target, that
    lacks some of the operations, no more is asked than the others allow.
    """
    quick = PROFILES["quick"] if profile.examples > PROFILES["quick"].examples else profile
    found = []
    for conventions in target.conventions.alternatives(claim.needs):
        if (conventions.errors != target.conventions.errors) != refusal:
            continue
        other = target.following(conventions)
        same_inputs = conventions.subnormals == target.conventions.subnormals  # else others are drawn
        if same_inputs and any(fails_on(claim, check, other, inputs) for check, inputs in failed):
            continue
        # With no errors promised, or no operation, there is nothing to hold.
        fine = ("holds", "not_offered") if refusal or partial else ("holds",)
        if all(r.outcome in fine for r in _results(claim, other, quick, seed)):
            found += [f"{n}={v!r}" for n, v in target.conventions.difference(conventions).items()]
    return f"holds under another convention: {' or '.join(found)}" if found else ""


def _results(
    claim: Claim, target: Target, profile: Profile, seed: int, trivial: TrivialAnswer | None = None
) -> Iterator[CheckResult]:
    """Every check of the sentence on the inputs that a run with this seed draws, without shrinking."""
    for i, check in enumerate(claim.checks):
        if not check.counterexample:
            drawn_from = derived_seed(seed, claim.id, i)
            yield run_check(claim, check, target, profile, drawn_from, shrink=False, trivial=trivial)


def _zeros(answer: Any, given: Mapping[str, Any]) -> Any:
    return _shaped(answer, given, np.zeros_like)


def _constant(answer: Any, given: Mapping[str, Any]) -> Any:
    return _shaped(answer, given, lambda x: np.full_like(x, x.flat[0] if x.size and x.dtype != object else 0))


def _input(answer: Any, given: Mapping[str, Any]) -> Any:
    """The first array that came in, repeated or cut to the shape of the answer."""
    first = next((v for v in given.values() if isinstance(v, np.ndarray) and v.size), np.zeros(1))

    def like(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        with np.errstate(all="ignore"):
            return first.astype(x.dtype) if first.shape == x.shape else np.resize(first, x.shape).astype(x.dtype)

    return _shaped(answer, given, like)


def _shaped(answer: Any, given: Mapping[str, Any], make: Any) -> Any:
    if isinstance(answer, tuple):
        return tuple(_shaped(part, given, make) for part in answer)
    if answer is None:  # the target refused: a trivial kernel would not
        answer = next((v for v in given.values() if isinstance(v, np.ndarray)), np.zeros(()))
    return make(np.asarray(answer)) if isinstance(answer, (np.ndarray, np.generic, int, float)) else answer


TRIVIAL: dict[str, TrivialAnswer] = {"zeros": _zeros, "a constant": _constant, "the input": _input}
"""Answers that a broken kernel might give whatever it is asked."""


def waived(result: ClaimResult, reason: str) -> ClaimResult:
    """A refuted claim whose refutation is known; a waived claim that holds is an error of its own."""
    if result.outcome == "refuted":
        return replace(result, outcome="waived", waiver=reason)
    if result.outcome == "holds":
        return replace(result, outcome="unexpected", waiver=reason)
    return replace(result, waiver=reason)
