"""The runner: claims and a target go in, verdicts come out.

`run_claim` runs one claim, `run_check` one of its checks. Only "holds" is a pass. A claim that could not be checked is
"not offered"; one whose inputs tested nothing is "inconclusive"; one in which mathcore itself failed is an "error".
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import itertools
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mathcore.verify.claims import Check, Claim, Mutant
from mathcore.verify.errors import ExactOnlyError, NotOfferedError, NotTriedError
from mathcore.verify.limits import Tried
from mathcore.verify.report.describe import Finding
from mathcore.verify.run.attempt import Attempt, ClaimError, RefutedError, SkippedInputError
from mathcore.verify.run.results import CheckResult, ClaimResult, Outcome, Profile, Tally, worst_outcome
from mathcore.verify.run.search import enumerate_cases, injected_arguments, remembered, search, search_outside_domain
from mathcore.verify.targets.target import Target, TrivialAnswer, mathcore_target
from mathcore.verify.tolerances import arithmetic

_RETRY_FACTOR = 8
"""Multiplier on the number of examples before a check with a tolerance, but without any error, is inconclusive.

The quick profile then draws twice as many as the default: if no error is met, that is the domain's fault, not chance's.
"""


def run_claim(claim: Claim, target: Target, reference: Target | None, profile: Profile, seed: int) -> ClaimResult:
    """Run every check of `claim` on `target`, and on the mutants of `reference`, if there is one."""
    start = time.perf_counter()
    checks = [
        run_check(claim, check, target, profile, derived_seed(seed, claim.id, i))
        for i, check in enumerate(claim.checks)
    ]
    built = claim.refuted_by if reference is not None else ()
    mutants = {m.name: refutes(claim, m, reference or target, profile, seed) for m in built}
    return ClaimResult(claim.id, worst_outcome(checks), checks, mutants, time.perf_counter() - start)


def tried_on(claim: Claim, target: Target, profile: Profile, seed: int) -> Tried:
    """The arguments of operations in those checks of a claim that draw or enumerate inputs."""
    tried = Tried()
    for i, check in enumerate(claim.checks):
        if check.quantified and not check.counterexample:
            result = run_check(claim, check, target, profile, derived_seed(seed, claim.id, i), shrink=False)
            tried.merge(result.tally.tried)
    return tried


def derived_seed(seed: int, name: str, index: int) -> int:
    """A seed for one check, the same on every machine and independent of what else runs."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}/{index}".encode()).digest()[:4], "big")


def refutes(claim: Claim, mutant: Mutant, reference: Target, profile: Profile, seed: int) -> bool:
    """Whether any check of the claim refutes the mutant.

    Checks with drawn inputs run in rounds of growing budget, since a few examples kill most mutants; those in which
    the mutated operation was not called in the first round wait for the late ones. The others run once. The check that
    killed the last mutant of the same operation runs first, or else the one that killed the claim's last.
    """
    last = _LAST_KILLER.get((claim.id, mutant.operation), _LAST_KILLER.get((claim.id, "")))
    order = sorted(range(len(claim.checks)), key=lambda i: i != last)
    seen = _Seen(mutant)
    calling: set[int] = set()
    for budget in _BUDGETS:
        for i in order:
            check = claim.checks[i]
            only_round = _BUDGETS[0] if i == last else _BUDGETS[2]  # of a check without drawn inputs
            if check.counterexample or not (check.inputs or budget == only_round):
                continue
            if calling and i not in calling and check.inputs and budget in _BUDGETS[1:3]:
                continue
            seen.called = False
            sized = replace(profile, examples=budget) if check.inputs else profile
            check_seed = derived_seed(seed, f"{claim.id}/{mutant.name}/{budget}", i)
            if caught(claim, check, seen.mutant, reference, sized, check_seed):
                _LAST_KILLER[claim.id, mutant.operation] = _LAST_KILLER[claim.id, ""] = i
                return True
            calling |= {i} if seen.called else set()
    return False


class _Seen:
    """A mutant that notes whether it was called."""

    def __init__(self, mutant: Mutant) -> None:
        self.called = False
        self.mutant = replace(mutant, build=functools.partial(self._build, mutant.build))

    def _build(self, build: Callable[..., Any], correct: Callable[..., Any]) -> Callable[..., Any]:
        wrong = build(correct)
        if not inspect.isfunction(wrong):  # a class is asked for its attributes as well
            self.called = True
            return wrong

        @functools.wraps(wrong)
        def noted(*arguments: Any, **options: Any) -> Any:
            self.called = True
            return wrong(*arguments, **options)

        return noted


def caught(
    claim: Claim, check: Check, mutant: Mutant, reference: Target, profile: Profile, seed: int, shrink: bool = False
) -> Finding | None:
    """What a check finds wrong with a fresh copy of a mutant: some mistakes are in its state.

    A crash does not count, unless the mutant's mistake is that it crashes.
    """
    wrong = mutant.of(reference)
    result = run_check(claim, check, wrong, profile, seed, shrink=shrink, past_crashes=not mutant.crashes)
    found = result.finding if result.outcome == "refuted" or (result.outcome == "error" and mutant.crashes) else None
    return found if found and (mutant.crashes or not found.crashed) else None


_BUDGETS = (2, 6, 25, 100, 400, 2400)
"""Examples of each round of `refutes`, in every profile: a mutant that falls to two needs no more."""


_LAST_KILLER: dict[tuple[str, str], int] = {}
"""Claim, operation (or "" for any) → the check that killed the last mutant. Only the order of checks depends on it."""


def run_check(
    claim: Claim,
    check: Check,
    target: Target,
    profile: Profile,
    seed: int,
    shrink: bool = True,
    trivial: TrivialAnswer | None = None,
    past_crashes: bool = False,
) -> CheckResult:
    """Run one check on `target`, or on `trivial` answers in its place.

    With `past_crashes`, inputs on which the target crashes are skipped: a mutant must be refuted by a relation.
    """
    with arithmetic(target.conventions):
        return _checked(Attempt(claim, check, target, trivial, past_crashes), profile, seed, shrink)


def _checked(attempt: Attempt, profile: Profile, seed: int, shrink: bool) -> CheckResult:
    claim, check, target, trivial, tally = attempt.claim, attempt.check, attempt.target, attempt.trivial, Tally()
    try:
        with warnings.catch_warnings(), target.drawing() as skipped:
            warnings.simplefilter("ignore")
            if check.cases is not None:
                enumerate_cases(attempt, check.cases_for(target), tally)
            elif check.inputs:
                examples = max(1, round(profile.examples * check.effort))
                judging = shrink and trivial is None and not attempt.past_crashes and not check.counterexample
                with remembered(attempt, profile, seed, tally, judging) as noted:
                    search(attempt, check.strategy(target), examples, seed, shrink, tally, noted)
                    if tally.no_error_seen and trivial is None:
                        search(
                            attempt, check.strategy(target), _RETRY_FACTOR * examples, seed + 1, shrink, tally, noted
                        )
                if profile.perturbed and not (target.guarded or check.counterexample):
                    search_outside_domain(attempt, profile.perturbed * examples, seed + 2, shrink, tally)
            else:
                attempt(tally, **injected_arguments(check, profile, seed))
    except ExactOnlyError as words:  # what the claim says is checked on floats as well, or is about exact numbers
        return CheckResult(check.rung, "not_offered", tally, None, check.counterexample, f"not supported: {words}")
    except NotTriedError as words:  # of a domain, for this target
        tally.not_tried[str(words)] += 1
    except NotOfferedError as missing:
        why = f"the target has no `{missing}`"
        return CheckResult(check.rung, "not_offered", tally, None, check.counterexample, why)
    except (RefutedError, SkippedInputError):
        pass
    except ClaimError:
        raise
    except Exception as crash:  # of a domain, or of the search
        attempt.error = attempt.error or Finding.internal({}, crash, claim)
    for operation, option in itertools.product(claim.needs, sorted(skipped)):
        if option in target.lacking_of(operation):
            tally.not_tried.setdefault(f"{operation}: `{option}`", 1)
    tally.tried = attempt.tried
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if trivial is None:
            attempt.check_repeatable()
        if attempt.failure is not None and shrink and not check.counterexample:
            attempt.add_script()
    vacuous = tally.no_error_seen and trivial is None and not _rounds_on_mathcore(attempt, profile, seed)
    shown = _is_shown_by_mathcore(claim, target)
    result = replace(_conclude(check, tally, attempt.finding, vacuous, shown), traits=attempt.traits)
    if attempt.error is not None and (attempt.finding is None or check.counterexample):
        result.outcome, result.finding, result.detail = "error", attempt.error, attempt.error.headline
    if attempt.outside_domain:
        result.detail = f"false beyond the domain that is drawn: {result.detail}"
    if result.outcome == "refuted" and attempt.failure is not None and (check.inputs or check.cases):
        result.failed_on = attempt.failure.inputs
    return result


def _is_shown_by_mathcore(claim: Claim, target: Target) -> bool:
    """Whether the target is another than mathcore, and what a claim's inputs are worth is seen on mathcore."""
    return target.guarded and mathcore_target().operations.keys() >= set(claim.needs)


def _rounds_on_mathcore(attempt: Attempt, profile: Profile, seed: int) -> bool:
    """Whether the check tests something, as mathcore shows: a target may be more accurate, or have few formats."""
    claim, check, own = attempt.claim, attempt.check, mathcore_target()
    if not _is_shown_by_mathcore(claim, attempt.target):
        return False
    examples = _RETRY_FACTOR * max(1, round(profile.examples * check.effort))
    again, tally = Attempt(claim, check, own), Tally()
    with contextlib.suppress(Exception), warnings.catch_warnings(), own.drawing():
        warnings.simplefilter("ignore")
        if check.cases is not None:
            enumerate_cases(again, check.cases_for(own), tally)
        elif check.inputs:
            search(again, check.strategy(own), examples, seed + 1, False, tally)
    return tally.worst > 0


def fails_on(claim: Claim, check: Check, target: Target, inputs: Mapping[str, Any]) -> bool:
    """Whether these inputs refute a check of the claim on `target`; inputs that it does not support do not."""
    attempt = Attempt(claim, check, target)
    with arithmetic(target.conventions), warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        attempt(None, **inputs)
    return attempt.finding is not None


def _conclude(check: Check, tally: Tally, finding: Finding | None, vacuous: bool, shown: bool) -> CheckResult:
    def result(outcome: Outcome, detail: str = "") -> CheckResult:
        return CheckResult(check.rung, outcome, tally, finding, check.counterexample, detail)

    if check.counterexample:
        if finding is not None and not finding.crashed:
            return result("holds")
        if not tally.examples and tally.not_tried:  # the target does not support the inputs that the condition excludes
            return result("not_offered", f"not supported: {'; '.join(tally.not_tried)}")
        # That the condition is needed is shown on mathcore, which has every format and shape.
        found = f"no counterexample was found in {tally.examples} examples"
        return result("not_offered" if shown else "inconclusive", found)
    if finding is not None:
        return result("refuted", finding.headline)
    if not tally.examples and tally.not_tried:
        return result("not_offered", f"not supported: {'; '.join(tally.not_tried)}")
    if not tally.examples:
        return result("inconclusive", "no input was generated")
    if vacuous:
        return result("inconclusive", f"no error was seen in {tally.examples} examples: the inputs tested nothing")
    return result("holds")
