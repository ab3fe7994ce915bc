"""Results of checks and claims: outcomes, tallies, and the merging of two runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from mathcore.verify.claims import Claim
from mathcore.verify.limits import Tried
from mathcore.verify.relations import Relation, ratios
from mathcore.verify.report.describe import Finding
from mathcore.verify.run.traits import Traits

Outcome: TypeAlias = Literal["holds", "refuted", "not_offered", "inconclusive", "waived", "unexpected", "error"]


@dataclass(frozen=True)
class Profile:
    """How much is tried.

    Attributes:
        name: quick, default or thorough.
        examples: inputs drawn for each property.
        scale: size of experiments, as a fraction of the full size.
        perturbed: inputs perturbed beyond the domain, as a multiple of those drawn.
        corpus: folder of inputs to replay, which is added to; None for none.
        shared_corpus: folders of inputs to replay.
    """

    name: str
    examples: int
    scale: float
    perturbed: int = 0
    corpus: str | None = None
    shared_corpus: tuple[str, ...] = ()


PROFILES = {
    p.name: p
    for p in (Profile("quick", 25, 0.2), Profile("default", 100, 1.0), Profile("thorough", 2000, 1.0, perturbed=2))
}


@dataclass
class Tally:
    """What a check has measured so far.

    Attributes:
        examples: number of inputs that were judged.
        worst: the largest error ÷ allowance; 0 if all sides agreed exactly.
        allowance: the allowance at that element; 0 if every comparison was exact.
        decades: number of examples by the decade of their worst error ÷ allowance; None counts exact agreement.
        tolerances: names of the tolerance functions that were used.
        measured: figures that bodies attached; of several numbers under one name, the largest.
        not_tried: unsupported feature → number of inputs skipped because of it.
        tried: the arguments of operations, if inputs were drawn or enumerated.
        unmet: condition of the claim's `limits` → number of inputs skipped because of it.
        replayed: number of inputs of the corpus that were judged, which are not among the `examples`.
    """

    examples: int = 0
    worst: float = 0.0
    allowance: float = 0.0
    decades: Counter[int | None] = field(default_factory=Counter)
    tolerances: set[str] = field(default_factory=set)
    measured: dict[str, Any] = field(default_factory=dict)
    not_tried: Counter[str] = field(default_factory=Counter)
    tried: Tried = field(default_factory=Tried)
    unmet: Counter[str] = field(default_factory=Counter)
    replayed: int = 0

    @property
    def no_error_seen(self) -> bool:
        """Whether errors were allowed but none occurred: then too little was tested."""
        return self.allowance > 0 and self.worst == 0

    def add(self, parts: Iterable[Relation], size: int = 1) -> Relation | None:
        """Count an example. Returns the first relation that does not hold, or None."""
        self.examples += size
        worst = 0.0
        for relation in parts:
            self.tolerances.update(relation.tolerances)
            for name, figure in relation.measured.items():
                self.measured[name] = _larger(self.measured.get(name), figure)
            if not relation.error.size:
                continue
            ratio = ratios(relation)
            index = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
            top, allowed = float(ratio[index]), float(relation.allowance[index])
            if top > 1:
                return relation
            worst = max(worst, top)
            if top > self.worst or (self.worst == 0 and allowed > self.allowance):
                self.worst, self.allowance = top, allowed
        decade = math.floor(math.log10(worst)) if worst > 0 else None
        self.decades[decade] += size
        return None

    def merge(self, other: Tally) -> None:
        """Add what another check, or another run of the same one, has measured."""
        self.examples += other.examples
        self.replayed += other.replayed
        self.worst, self.allowance = max((self.worst, self.allowance), (other.worst, other.allowance))
        self.decades.update(other.decades)
        self.not_tried.update(other.not_tried)
        self.unmet.update(other.unmet)
        self.tolerances |= other.tolerances
        for name, figure in other.measured.items():
            self.measured[name] = _larger(self.measured.get(name), figure)
        self.tried.merge(other.tried)


def _larger(before: Any, figure: Any) -> Any:
    """The larger of two numbers; of anything else the later."""
    numbers = isinstance(before, (int, float)) and isinstance(figure, (int, float))
    return max(before, figure) if numbers else figure


@dataclass
class CheckResult:
    """The result of one check; `failed_on` are the drawn inputs that refuted it, `traits` those of all inputs."""

    rung: str
    outcome: Outcome
    tally: Tally
    finding: Finding | None = None
    counterexample: bool = False
    detail: str = ""
    failed_on: Mapping[str, Any] | None = field(default=None, repr=False)
    traits: dict[str, Traits] = field(default_factory=dict, repr=False)


@dataclass
class ClaimResult:
    """The result of a claim.

    Attributes:
        claim: its id.
        outcome: the worst of its checks.
        checks: the results of its checks, in order.
        mutants: name → whether the checks refuted it.
        seconds: wall time.
        would_pass: trivial answers ("zeros", "a constant", "the input") that would have passed on the same inputs.
        advice: the conventions under which a refuted claim holds, in one line.
        waiver: why the user accepts its refutation.
        printed: what the target printed, as far as it was captured.
    """

    claim: str
    outcome: Outcome
    checks: list[CheckResult]
    mutants: dict[str, bool]
    seconds: float
    would_pass: tuple[str, ...] = ()
    advice: str = ""
    waiver: str = ""
    printed: str = ""

    @property
    def detail(self) -> str:
        """Why the claim does not hold, in one line."""
        if self.outcome == "unexpected":
            return "it holds, though a waiver says that it does not: delete the waiver"
        outcome = "refuted" if self.outcome == "waived" else self.outcome
        return next((c.detail for c in self.checks if c.outcome == outcome and c.detail), "")

    @property
    def left_out(self) -> tuple[str, ...]:
        """Why some checks of a claim that holds by the others were not offered, each reason once."""
        reasons = (c.detail for c in self.checks if c.outcome == "not_offered")
        return tuple(dict.fromkeys(reasons)) if self.outcome == "holds" else ()

    @property
    def finding(self) -> Finding | None:
        """The first failure of the statement; if there is none, mathcore's own."""
        found = (c.finding for o in ("refuted", "error") for c in self.checks if c.outcome == o and c.finding)
        return next(found, None)

    @property
    def misbehaved(self) -> bool:
        """Whether no relation was judged: the target raised, changed its input, or the like."""
        return self.finding is not None and self.finding.crashed

    @property
    def tally(self) -> Tally:
        """All checks of the statement together, without the searches for a counterexample."""
        total = Tally()
        for check in (c for c in self.checks if not c.counterexample):
            figures = {**total.measured, **check.tally.measured}  # under one name, the last check's
            total.merge(check.tally)
            total.measured = figures
        return total


def failed(claim: Claim, crash: Exception) -> ClaimResult:
    """The result of a claim that mathcore could not check, through no fault of the target."""
    return without_verdict(claim, "error", Finding.internal({}, crash, claim))


def without_verdict(claim: Claim, outcome: Outcome, finding: Finding) -> ClaimResult:
    """The result of a claim of which a single finding is known."""
    checks = [CheckResult(c.rung, "inconclusive", Tally(), None, c.counterexample, "not run") for c in claim.checks]
    for first in checks[:1]:
        first.outcome, first.finding, first.detail, first.counterexample = outcome, finding, finding.headline, False
    return ClaimResult(claim.id, outcome, checks, {}, 0.0)


def merged(a: ClaimResult, b: ClaimResult) -> ClaimResult:
    """The results of two runs of one claim on different inputs, as one; the first failure counts."""
    checks = [_merged_check(x, y) for x, y in zip(a.checks, b.checks, strict=True)]
    return replace(
        a,
        checks=checks,
        outcome=worst_outcome(checks),
        mutants={name: a.mutants.get(name, False) or b.mutants.get(name, False) for name in a.mutants | b.mutants},
        seconds=a.seconds + b.seconds,
        would_pass=tuple(name for name in a.would_pass if name in b.would_pass),
        advice=a.advice or b.advice,
        printed=a.printed or b.printed,
    )


def _merged_check(a: CheckResult, b: CheckResult) -> CheckResult:
    order: tuple[Outcome, ...] = ("refuted", "error", "holds", "not_offered", "inconclusive")  # a pass outweighs no run
    tally = Tally()
    tally.merge(a.tally)
    tally.merge(b.tally)
    traits: dict[str, Traits] = {}
    for operation, counts in [*a.traits.items(), *b.traits.items()]:
        traits.setdefault(operation, Traits()).merge(counts)
    return replace(min((a, b), key=lambda r: order.index(r.outcome)), tally=tally, traits=traits)


def worst_outcome(checks: Sequence[CheckResult]) -> Outcome:
    """The worst outcome of the checks that were offered; "not_offered" if none of the statement was."""
    found = {c.outcome for c in checks}
    worst: Outcome | None = next((o for o in ("refuted", "error", "inconclusive") if o in found), None)
    if worst is not None or not checks:
        return worst or "inconclusive"
    return "holds" if any(c.outcome == "holds" and not c.counterexample for c in checks) else "not_offered"
