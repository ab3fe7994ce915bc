"""The runner: claims × a target → verdicts.

`verify()` runs every claim that was asked for and returns a `Report`. One claim is `run_claim`; one rung of it is
`run_check`. Only "holds" passes: a claim that could not be checked is "not offered", one for which nothing
interesting was generated is "inconclusive".
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mathcore.verify.claims import Check, Claim, Mutant
from mathcore.verify.errors import NotOfferedError
from mathcore.verify.limits import Tried
from mathcore.verify.report.describe import Finding
from mathcore.verify.run.attempt import Attempt, PassedOverError, RefutedError
from mathcore.verify.run.results import CheckResult, ClaimResult, Outcome, Profile, Tally, worst_outcome
from mathcore.verify.run.search import injected, search, search_beyond, try_each
from mathcore.verify.targets.adapters import ALL_FLOATS
from mathcore.verify.targets.restrictions import restricted
from mathcore.verify.targets.target import Disguise, Target
from mathcore.verify.tolerances import subnormals

_KEENER = 8
"""How many times the examples are tried before a tolerance that no error touched makes a check inconclusive."""


def run_claim(claim: Claim, target: Target, reference: Target | None, profile: Profile, seed: int) -> ClaimResult:
    """Run every check of `claim` on `target`, and its mutants on `reference`, if there is one."""
    start = time.perf_counter()
    checks = [
        run_check(claim, check, target, profile, derived_seed(seed, claim.id, i))
        for i, check in enumerate(claim.checks)
    ]
    wrong = claim.refuted_by if reference is not None else ()
    mutants = {m.name: refutes(claim, m, reference or target, profile, seed) for m in wrong}
    return ClaimResult(claim.id, worst_outcome(checks), checks, mutants, time.perf_counter() - start)


def tried_on(claim: Claim, target: Target, profile: Profile, seed: int) -> Tried:
    """What the operations get in the checks of a claim that draw or enumerate their inputs."""
    tried = Tried()
    for i, check in enumerate(claim.checks):
        if check.quantified and not check.counterexample:
            result = run_check(claim, check, target, profile, derived_seed(seed, claim.id, i), shrink=False)
            tried.merge(result.tally.tried)
    return tried


def derived_seed(seed: int, name: str, index: int) -> int:
    """A seed for one check, the same on every machine and whatever else runs."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}/{index}".encode()).digest()[:4], "big")


def refutes(claim: Claim, mutant: Mutant, reference: Target, profile: Profile, seed: int) -> bool:
    """Whether any check of the claim judges the wrong implementation refuted.

    Every check whose inputs are drawn gets a glance first, since most mutants fall at once, then a look, then keener
    ones; the others are tried once, after the glances. The check that caught the last mutant of the same operation
    comes first, or else the one that caught the claim's last.
    """
    last = _LAST_CATCH.get((claim.id, mutant.operation), _LAST_CATCH.get((claim.id, "")))
    order = sorted(range(len(claim.checks)), key=lambda i: i != last)
    for keenness in _KEENNESS:
        for i in order:
            check = claim.checks[i]
            if check.counterexample or not (check.inputs or keenness == (_KEENNESS[0] if i == last else 1)):
                continue
            keen = replace(check, effort=check.effort * keenness)
            drawn_from = derived_seed(seed, f"{claim.id}/{mutant.name}/{keenness}", i)
            if caught(claim, keen, mutant, reference, profile, drawn_from):
                _LAST_CATCH[claim.id, mutant.operation] = _LAST_CATCH[claim.id, ""] = i
                return True
    return False


def caught(
    claim: Claim, check: Check, mutant: Mutant, reference: Target, profile: Profile, seed: int, shrink: bool = False
) -> Finding | None:
    """What a check finds wrong with a wrong implementation, made anew: some mistakes are in what is remembered.

    A crash is no judgement, unless it is what is wrong: the search goes on past it.
    """
    wrong = mutant.of(reference)
    result = run_check(claim, check, wrong, profile, seed, shrink=shrink, past_crashes=not mutant.crashes)
    found = result.finding if result.outcome == "refuted" else None
    return found if found and (mutant.crashes or not found.crashed) else None


_KEENNESS = (0.05, 0.2, 1, 4, 16)
"""How many examples each round of `refutes` draws, as a multiple of the profile's."""


_LAST_CATCH: dict[tuple[str, str], int] = {}
"""Claim, operation (or "" for any) → the check that caught the last mutant; only the order of checks depends on it."""


def run_check(
    claim: Claim,
    check: Check,
    target: Target,
    profile: Profile,
    seed: int,
    shrink: bool = True,
    disguise: Disguise | None = None,
    past_crashes: bool = False,
) -> CheckResult:
    """Run one rung on `target`, or on what `disguise` makes of its answers.

    It goes on `past_crashes` if a judgement is wanted, as it is of implementations that are wrong on purpose.
    """
    with subnormals(target.conventions.subnormals):
        return _checked(Attempt(claim, check, target, disguise, past_crashes), profile, seed, shrink)


def _checked(attempt: Attempt, profile: Profile, seed: int, shrink: bool) -> CheckResult:
    claim, check, target, disguise, tally = attempt.claim, attempt.check, attempt.target, attempt.disguise, Tally()
    try:
        with warnings.catch_warnings(), restricted(target.restrictions, target.lacking) as spared:
            warnings.simplefilter("ignore")
            if check.cases is not None:
                try_each(attempt, check.cases_for(target), tally)
            elif check.inputs:
                examples = max(1, round(profile.examples * check.effort))
                search(attempt, check.strategy(target), examples, seed, shrink, tally)
                if tally.untouched and disguise is None:
                    search(attempt, check.strategy(target), _KEENER * examples, seed + 1, shrink, tally)
                if profile.bent and not (target.guarded or check.counterexample):
                    search_beyond(attempt, profile.bent * examples, seed + 2, shrink, tally)
            else:
                attempt(tally, **injected(check, profile, seed))
    except NotOfferedError as missing:
        why = f"the target has no `{missing}`"
        return CheckResult(check.rung, "not_offered", tally, detail=why, dispensable=str(missing) in claim.optional)
    except (RefutedError, PassedOverError):
        pass
    for operation, option in itertools.product(claim.needs, spared):
        if option in target.lacking_of(operation):
            tally.not_tried.setdefault(f"{operation}: `{option}`", 1)
    tally.tried = attempt.tried
    if disguise is None:
        attempt.ask_again()
    if attempt.failure is not None and shrink and not check.counterexample:
        attempt.add_script()
    result = _conclude(check, tally, attempt.finding)
    if attempt.beyond:
        result.detail = f"false beyond the domain that is drawn: {result.detail}"
    if result.outcome == "refuted" and attempt.failure is not None and (check.inputs or check.cases):
        result.failed_on = attempt.failure.inputs
    return result


def fails_on(claim: Claim, check: Check, target: Target, inputs: Mapping[str, Any]) -> bool:
    """Whether these inputs refute a check of the claim on `target`; not so if they are not for it."""
    attempt = Attempt(claim, check, target)
    with subnormals(target.conventions.subnormals), warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        attempt(None, **inputs)
    return attempt.finding is not None


def _conclude(check: Check, tally: Tally, finding: Finding | None) -> CheckResult:
    def result(outcome: Outcome, detail: str = "") -> CheckResult:
        return CheckResult(check.rung, outcome, tally, finding, check.counterexample, detail)

    if check.counterexample:
        if finding is not None and not finding.crashed:
            return result("holds")
        if not tally.examples and tally.not_tried:  # what the condition excludes is not supported anyway
            return replace(result("not_offered", f"not supported: {'; '.join(tally.not_tried)}"), dispensable=True)
        return result("inconclusive", f"no counterexample was found in {tally.examples} examples")
    if finding is not None:
        return result("refuted", finding.headline)
    if not tally.examples and tally.not_tried:
        formats = all(reason.rpartition(": ")[2] in ALL_FLOATS for reason in tally.not_tried)  # the others are asked
        return replace(result("not_offered", f"not supported: {'; '.join(tally.not_tried)}"), dispensable=formats)
    if not tally.examples:
        return result("inconclusive", "no input was generated")
    if tally.untouched:
        return result("inconclusive", f"no error was seen in {tally.examples} examples: the inputs tested nothing")
    return result("holds")
