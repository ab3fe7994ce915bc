"""The report of a run: its JSON (schema 1), and what decides whether it passed."""

from __future__ import annotations

import inspect
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any

from mathcore.verify.claims import Check, Claim
from mathcore.verify.notation import meanings
from mathcore.verify.report.describe import describe
from mathcore.verify.run.results import CheckResult, ClaimResult, Tally

SCHEMA = 1
OUTCOMES = ("holds", "refuted", "not_offered", "inconclusive", "waived", "unexpected")


@dataclass(frozen=True)
class Report:
    """Every claim that ran, with its result.

    Attributes:
        results: in the order of the catalogue.
        target, profile, seed: what was asked for.
        seconds: wall time of the whole run.
        date: when it began.
        subject: what is known of the target: framework, formats, conventions, restrictions.
        call: how the command line names the target; "" for mathcore.
    """

    results: list[tuple[Claim, ClaimResult]]
    target: str
    profile: str
    seed: int
    seconds: float
    date: datetime
    subject: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many claims ran, and how each ended; the parts add up to the whole."""
        outcomes: list[str] = [result.outcome for _, result in self.results]
        counts = {"claims": len(outcomes), **{o: outcomes.count(o) for o in OUTCOMES}}
        if sum(counts[o] for o in OUTCOMES) != counts["claims"]:
            raise AssertionError(f"{counts} do not add up")
        return counts

    @property
    def passed(self) -> bool:
        """Whether something ran, nothing was refuted or inconclusive, and every wrong implementation was caught.

        A refutation that is waived is none; a waived claim that holds is an error.
        """
        counts = self.counts
        toothless = any(not caught for _, result in self.results for caught in result.mutants.values())
        return counts["holds"] > 0 and not (
            counts["refuted"] or counts["inconclusive"] or counts["unexpected"] or toothless
        )

    @property
    def not_checked(self) -> dict[str, list[str]]:
        """What was not checked, for what the target does not have or does not support → the claims it concerns."""
        reasons: dict[str, list[str]] = {}
        for _, result in self.results:
            if result.outcome == "not_offered" and not result.tally.not_tried:
                reasons.setdefault(result.detail, []).append(result.claim)
            elif spared := [check.detail for check in result.checks if check.dispensable]:
                reasons.setdefault(spared[0], []).append(result.claim)
            for reason in result.tally.not_tried:
                reasons.setdefault(reason, []).append(result.claim)
        return reasons

    def command(self, claim: str = "") -> str:
        """What repeats the run, or one claim of it."""
        parts = ["mathcore verify", claim, self.call, f"--profile {self.profile} --seed {self.seed}"]
        return " ".join(part for part in parts if part)

    def _repr_markdown_(self) -> str:
        from mathcore.verify.report.formats import to_markdown

        return to_markdown(self)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data; no NaN or infinity in it."""
        return {
            "schema": SCHEMA,
            "environment": environment(),
            "seed": self.seed,
            "profile": self.profile,
            "target": self.target,
            "subject": dict(self.subject),
            "command": self.command(),
            "passed": self.passed,
            "date": self.date.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "counts": self.counts,
            "not_checked": self.not_checked,
            "claims": [_claim_json(claim, result, self) for claim, result in self.results],
        }


def environment() -> dict[str, str]:
    """What the numbers depend on."""
    packages = ("numpy", "hypothesis", "mathcore", "python-flint")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "platform": platform.platform(terse=True),
        "cpu": platform.machine(),
    }


def claim_page(claim: Claim) -> dict[str, Any]:
    """What a claim says before it is run."""
    return {
        "id": claim.id,
        "topic": claim.topic,
        "faq": claim.faq,
        "statement": claim.statement,
        "formula": claim.formula,
        "source": claim.source,
        "condition": claim.condition,
        "corrected": claim.corrected,
        "legend": meanings(claim),
        "limits": claim.limits.words,
        "verdict": claim.verdict,
        "evidence": list(claim.evidence),
        "tolerance": [{"name": t.__name__, "derivation": inspect.getdoc(t) or ""} for t in claim.tolerances],
        "mutant_notes": {m.name: m.note for m in claim.refuted_by},
        "needs": list(claim.needs),
        "rests_on": list(claim.rests_on),
    }


def _claim_json(claim: Claim, result: ClaimResult, report: Report) -> dict[str, Any]:
    tally = result.tally
    found = next((c.finding for c in result.checks if c.counterexample and c.finding), None)
    failure = result.finding
    return {
        **claim_page(claim),
        "outcome": result.outcome,
        "detail": result.detail,
        "examples": tally.examples,
        "worst": number(tally.worst),
        "allowance": number(tally.allowance),
        "mutants": result.mutants,
        "counterexample": asdict(found) if found else None,
        "failure": asdict(failure) if failure else None,
        "checks": [_check_json(c, r) for c, r in zip(claim.checks, result.checks, strict=True)],
        "measured": {k: describe(v) for k, v in tally.measured.items()} or None,
        "seconds": round(result.seconds, 3),
        "would_pass": list(result.would_pass),
        "advice": result.advice or None,
        "waiver": result.waiver or None,
        "not_tried": tally.not_tried,
        "tried": tally.tried.words,
        "unmet": tally.unmet,
        "command": report.command(claim.id),
    }


def _check_json(check: Check, result: CheckResult) -> dict[str, Any]:
    text, file, line = check.source
    return {
        "evidence": "counterexample" if check.counterexample else check.rung,
        "outcome": result.outcome,
        "source": text,
        "file": file,
        "line": line,
        "examples": result.tally.examples,
        "worst": number(result.tally.worst),
        "histogram": _histogram(result.tally),
        "measured": {k: describe(v) for k, v in result.tally.measured.items()} or None,
    }


def _histogram(tally: Tally) -> dict[str, Any]:
    bins = sorted((decade, count) for decade, count in tally.decades.items() if decade is not None)
    return {"exact": tally.decades.get(None, 0), "bins": [list(pair) for pair in bins]}


def number(value: float) -> float | None:
    """A number that JSON can hold."""
    return value if math.isfinite(value) else None
