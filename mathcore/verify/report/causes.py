"""Failures by cause: one entry for all claims that fail by the same operation in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mathcore.verify.claims import Claim
from mathcore.verify.report.describe import Finding
from mathcore.verify.run.results import ClaimResult
from mathcore.verify.run.traits import Traits

_VALUES = ("wrong value", "NaN", "infinity", "finite where NaN or infinity is due")
_LAST = {"too inaccurate": 2, "another error than promised": 3, "no error for bad arguments": 3}
"""Kinds that never come before a wrong answer."""

_SCREEN = 1500
"""Characters of a script and its input that fit on a screen."""


@dataclass(frozen=True)
class Cause:
    """Claims that are refuted by the same operation in the same way.

    Attributes:
        operation: whose answers are wrong.
        kinds: how: "wrong value", "raised ValueError" and the like.
        failures: the claims with their findings; the first is the one to start with.
        words: what the failing inputs have in common; "" if that is nothing, or nothing that tells them from others.
    """

    operation: str
    kinds: tuple[str, ...]
    failures: tuple[tuple[Claim, ClaimResult, Finding], ...]
    words: str = ""

    @property
    def title(self) -> str:
        """Operation, kind, and how many claims."""
        count = len(self.failures)
        return f"{self.operation}, {' and '.join(self.kinds)} ({count} claim{'s' * (count != 1)})"

    @property
    def _rank(self) -> tuple[float, ...]:
        empty = all(_is_about_nothing(f) for _, _, f in self.failures)
        tier = min(_LAST.get(kind, 0) for kind in self.kinds) or int(empty)
        return (tier, -len(self.failures), -max(float(f.excess) for _, _, f in self.failures))


def causes(results: Sequence[tuple[Claim, ClaimResult]]) -> list[Cause]:
    """The causes of all refutations: wrong answers before inaccurate ones, the most frequent first."""
    found: dict[tuple[str, str], list[tuple[Claim, ClaimResult, Finding]]] = {}
    for claim, result in results:
        if result.outcome == "refuted" and result.finding is not None:
            finding = result.finding
            operation = finding.operation or " and ".join(claim.needs)
            found.setdefault((operation, finding.difference), []).append((claim, result, finding))
    made = [_cause(operation, kind, failures, results) for (operation, kind), failures in found.items()]
    return sorted(_united(made, results), key=lambda c: c._rank)


def _cause(
    operation: str,
    kind: str,
    failures: Sequence[tuple[Claim, ClaimResult, Finding]],
    results: Sequence[tuple[Claim, ClaimResult]],
) -> Cause:
    return Cause(operation, (kind,), tuple(sorted(failures, key=_order)), _traits(operation, failures, results).words)


def _order(failure: tuple[Claim, ClaimResult, Finding]) -> tuple[float | str, ...]:
    """The most specific first: compared with a value, on one operation, on a small input; then the largest error."""
    claim, _, finding = failure
    by_value = finding.relation in ("≈", "=") or finding.crashed
    narrow = finding.dtype in ("float16", "bfloat16")
    size = (len(finding.script) + sum(map(len, finding.inputs.values()))) // _SCREEN
    excess = float(finding.excess)
    unmeasured = excess == float("inf") and not finding.crashed
    empty = _is_about_nothing(finding)
    return (empty, not by_value, narrow, unmeasured, not finding.script, len(claim.needs), size, -excess, claim.id)


def _traits(
    operation: str,
    failures: Sequence[tuple[Claim, ClaimResult, Finding]],
    results: Sequence[tuple[Claim, ClaimResult]],
) -> Traits:
    """What is known of the inputs: those that fail by this cause, and those of all claims that pass."""
    total, here = Traits(), {claim.id for claim, _, _ in failures}
    for claim, result in results:
        for check in result.checks:
            if operation in check.traits and not check.counterexample:
                counts = check.traits[operation]
                passes = Traits(passed=counts.passed, passing=counts.passing)
                total.merge(counts if claim.id in here else passes)
    return total


def _united(found: Sequence[Cause], results: Sequence[tuple[Claim, ClaimResult]]) -> list[Cause]:
    """NaN and the like with the wrong values of an operation, if what tells those apart holds for all of it."""
    united: list[Cause] = []
    for cause in sorted(found, key=lambda c: -len(c.failures)):
        for i, other in enumerate(united):
            if cause.operation != other.operation or {*cause.kinds, *other.kinds} - {*_VALUES}:
                continue
            failures = tuple(sorted((*other.failures, *cause.failures), key=_order))
            told = _traits(other.operation, other.failures, results).common[:1]
            both = _traits(cause.operation, failures, results)
            if set(told) & set(both.common):
                united[i] = Cause(cause.operation, (*other.kinds, *cause.kinds), failures, both.words)
                break
        else:
            united.append(cause)
    return united


def _is_about_nothing(finding: Finding) -> bool:
    return any(("array of shape" in text and " 0" in text) or text.startswith("[]") for text in finding.inputs.values())
