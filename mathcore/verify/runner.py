"""The runner: claims × a target → verdicts.

`verify()` runs every claim that was asked for and returns a `Report`. One claim is `run_claim`; one rung of it is
`run_check`. Only "holds" passes: a claim that could not be checked is "not offered", one for which nothing
interesting was generated is "inconclusive".
"""

from __future__ import annotations

import hashlib
import inspect
import math
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable

from mathcore.verify.claims import Check, Claim, Mutant
from mathcore.verify.describe import Finding, describe_failure
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.targets import NotOfferedError, Operations, Target

Outcome: TypeAlias = Literal["holds", "refuted", "not_offered", "inconclusive"]


@dataclass(frozen=True)
class Profile:
    """How much is tried.

    Attributes:
        name: quick, default or thorough.
        examples: drawn for each property.
        scale: size of experiments as a fraction of the full one.
    """

    name: str
    examples: int
    scale: float


PROFILES = {
    p.name: p for p in (Profile("quick", 40, 0.2), Profile("default", 200, 1.0), Profile("thorough", 2000, 1.0))
}


@dataclass
class Tally:
    """What a check has seen so far.

    Attributes:
        examples: how many inputs were judged.
        worst: the largest error ÷ allowance, 0 if all sides agreed exactly.
        allowance: the allowance at that place, 0 if every comparison was exact.
        decades: how many examples had their worst error ÷ allowance in each decade; None counts exact agreement.
        tolerances: the tolerance functions that were used.
        measured: figures that bodies attached; of numbers under one name the largest.
    """

    examples: int = 0
    worst: float = 0.0
    allowance: float = 0.0
    decades: dict[int | None, int] = field(default_factory=dict)
    tolerances: set[str] = field(default_factory=set)
    measured: dict[str, Any] = field(default_factory=dict)

    def add(self, parts: Iterable[Relation], size: int = 1) -> Relation | None:
        """Count an example; the first relation that does not hold, if any."""
        self.examples += size
        worst = 0.0
        for relation in parts:
            self.tolerances.update(relation.tolerances)
            for name, figure in relation.measured.items():
                self.measured[name] = _larger(self.measured.get(name), figure)
            if not relation.error.size:
                continue
            ratio = ratios(relation)
            place = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
            top, allowed = float(ratio[place]), float(relation.allowance[place])
            if top > 1:
                return relation
            worst = max(worst, top)
            if top > self.worst or (self.worst == 0 and allowed > self.allowance):
                self.worst, self.allowance = top, allowed
        decade = math.floor(math.log10(worst)) if worst > 0 else None
        self.decades[decade] = self.decades.get(decade, 0) + size
        return None


def _larger(before: Any, figure: Any) -> Any:
    """Of two numbers the larger; of anything else the later."""
    numbers = isinstance(before, (int, float)) and isinstance(figure, (int, float))
    return max(before, figure) if numbers else figure


def ratios(relation: Relation) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Error ÷ allowance, element by element; 0 where the sides agree, ∞ where nothing was allowed and they do not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(relation.error == 0, 0.0, relation.error / relation.allowance)


@dataclass
class CheckResult:
    """What one rung of a claim showed."""

    rung: str
    outcome: Outcome
    tally: Tally
    finding: Finding | None = None
    counterexample: bool = False
    detail: str = ""


@dataclass
class ClaimResult:
    """What a claim showed.

    Attributes:
        claim: its id.
        outcome: the worst of its checks.
        checks: the rungs, one by one.
        mutants: name → whether the checks refuted it.
        seconds: how long it took.
    """

    claim: str
    outcome: Outcome
    checks: list[CheckResult]
    mutants: dict[str, bool]
    seconds: float

    @property
    def detail(self) -> str:
        """Why it does not hold, in one line."""
        return next((c.detail for c in self.checks if c.outcome == self.outcome and c.detail), "")

    @property
    def tally(self) -> Tally:
        """All checks of the sentence together (the search for a counterexample is not one)."""
        total = Tally()
        for check in (c for c in self.checks if not c.counterexample):
            total.examples += check.tally.examples
            total.tolerances |= check.tally.tolerances
            total.measured.update(check.tally.measured)
            if (check.tally.worst, check.tally.allowance) > (total.worst, total.allowance):
                total.worst, total.allowance = check.tally.worst, check.tally.allowance
        return total


class _RefutedError(Exception):
    """Thrown through Hypothesis so that it shrinks the input."""


def run_claim(claim: Claim, target: Target, reference: Target, profile: Profile, seed: int) -> ClaimResult:
    """Run every check of `claim` on `target`, and its mutants on `reference`."""
    start = time.perf_counter()
    checks = [
        run_check(claim, check, target, profile, derived_seed(seed, claim.id, i))
        for i, check in enumerate(claim.checks)
    ]
    mutants = {m.name: refutes(claim, m, reference, profile, seed) for m in claim.refuted_by}
    order: tuple[Outcome, ...] = ("refuted", "inconclusive", "not_offered")
    outcome: Outcome = next((o for o in order if any(c.outcome == o for c in checks)), "holds")
    if not checks:
        outcome = "inconclusive"
    return ClaimResult(claim.id, outcome, checks, mutants, time.perf_counter() - start)


def derived_seed(seed: int, name: str, index: int) -> int:
    """A seed for one check, the same on every machine and whatever else runs."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}/{index}".encode()).digest()[:4], "big")


def refutes(claim: Claim, mutant: Mutant, reference: Target, profile: Profile, seed: int) -> bool:
    """Whether any check of the claim judges the wrong implementation refuted. A crash is no judgement.

    Every check whose inputs are drawn gets a glance first, since most mutants fall at once, then a look, then a keen
    one; the others are tried once, after the glances.
    """
    wrong = mutant.of(reference)
    for keenness in (0.2, 1, 4):
        for i, check in enumerate(claim.checks):
            if check.counterexample or (keenness != 1 and not check.inputs):
                continue
            keen = replace(check, effort=check.effort * keenness)
            drawn_from = derived_seed(seed, f"{claim.id}/{wrong.name}/{keenness}", i)
            result = run_check(claim, keen, wrong, profile, drawn_from, shrink=False)
            if result.outcome == "refuted" and result.finding is not None and not result.finding.crashed:
                return True
    return False


def run_check(
    claim: Claim, check: Check, target: Target, profile: Profile, seed: int, shrink: bool = True
) -> CheckResult:
    """Run one rung on `target`."""
    tally, attempt = Tally(), _Attempt(claim, check, target)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if check.cases is not None:
                _enumerate(attempt, check.cases_for(target), tally)
            elif check.inputs:
                _search(
                    attempt,
                    check,
                    target,
                    max(1, round(profile.examples * check.effort)),
                    seed,
                    shrink,
                    tally,
                )
            else:
                attempt(tally, **_injected(check, profile, seed))
    except NotOfferedError as missing:
        return CheckResult(check.rung, "not_offered", tally, detail=f"the target has no `{missing}`")
    except _RefutedError:
        pass
    return _conclude(check, tally, attempt.finding)


class _Attempt:
    """One evaluation of a body, remembering the last input that it failed on."""

    def __init__(self, claim: Claim, check: Check, target: Target) -> None:
        self.claim, self.check, self.ops = claim, check, Operations(target, claim.needs)
        self.finding: Finding | None = None

    def __call__(self, tally: Tally | None, *, size: int = 1, **inputs: Any) -> None:
        kind = "smallest" if self.check.cases is not None else "shrunk"
        try:
            returned = self.check.body(self.ops, **inputs)
        except (NotOfferedError, HypothesisException):
            raise
        except Exception as crash:  # what a target returned may break the claim's own arithmetic
            self.finding = Finding.crash(kind, inputs, crash, self.claim.statement)
            raise _RefutedError from crash
        parts = _parts(returned, self.claim)
        self._tolerances_are_declared(parts)
        failed = (tally or Tally()).add(parts, size)
        if failed is not None:
            self.finding = describe_failure(kind, inputs, failed, self.claim.statement)
            raise _RefutedError

    def _tolerances_are_declared(self, parts: tuple[Relation, ...]) -> None:
        declared = {t.__name__ for t in self.claim.tolerances}
        for name in (name for part in parts for name in part.tolerances):
            if name not in declared:
                raise TypeError(f"claim `{self.claim.id}` uses the tolerance `{name}` without declaring it")


def _parts(returned: Any, claim: Claim) -> tuple[Relation, ...]:
    if isinstance(returned, Conjunction):
        return returned.parts
    if isinstance(returned, Relation):
        return (returned,)
    raise TypeError(f"claim `{claim.id}` must return a relation such as equal(lhs, rhs), got {type(returned).__name__}")


def _search(
    attempt: _Attempt, check: Check, target: Target, examples: int, seed: int, shrink: bool, tally: Tally
) -> None:
    """Let Hypothesis draw inputs, and shrink the one that fails."""

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    @given(check.strategy(target))
    def run(inputs: Mapping[str, Any]) -> None:
        attempt(tally if attempt.finding is None else None, **inputs)

    try:
        run()
    except Unsatisfiable:
        return
    except Flaky as flaky:
        # The target answered differently for the same input: what it did the first time stands.
        raise _RefutedError from flaky


def _enumerate(attempt: _Attempt, cases: Iterable[Mapping[str, Any]], tally: Tally) -> None:
    """Try every case, smallest first."""
    for case in cases:
        first = next(iter(case.values()), None)
        attempt(tally, size=len(first) if isinstance(first, np.ndarray) and first.ndim else 1, **case)


def _injected(check: Check, profile: Profile, seed: int) -> dict[str, Any]:
    """What a body without inputs may ask for by name."""
    offers = {"rng": np.random.default_rng(seed), "scale": profile.scale}
    return {name: offers[name] for name in list(inspect.signature(check.body).parameters)[1:]}


def _conclude(check: Check, tally: Tally, finding: Finding | None) -> CheckResult:
    def result(outcome: Outcome, detail: str = "") -> CheckResult:
        return CheckResult(check.rung, outcome, tally, finding, check.counterexample, detail)

    if check.counterexample:
        if finding is not None and not finding.crashed:
            return result("holds")
        return result("inconclusive", f"no counterexample was found in {tally.examples} examples")
    if finding is not None:
        return result("refuted", finding.headline)
    if not tally.examples:
        return result("inconclusive", "no input was generated")
    if tally.allowance > 0 and tally.worst == 0:
        return result("inconclusive", f"no error was seen in {tally.examples} examples: the inputs tested nothing")
    return result("holds")
