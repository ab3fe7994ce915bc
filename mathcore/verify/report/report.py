"""The report of a run: whether it passed, and its JSON (schema 1)."""

from __future__ import annotations

import inspect
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from mathcore.verify.claims import Check, Claim
from mathcore.verify.notation import meanings
from mathcore.verify.report.causes import causes
from mathcore.verify.report.describe import Finding, describe
from mathcore.verify.report.formats import to_markdown
from mathcore.verify.run.results import CheckResult, ClaimResult, Tally

SCHEMA = 1  # of the JSON; readers, such as the site, name the schema that they can read
OUTCOMES = ("holds", "refuted", "not_offered", "inconclusive", "waived", "unexpected", "error")


@dataclass(frozen=True)
class Report:
    """Every claim that ran, with its result.

    Attributes:
        results: in the order of the catalogue.
        target, profile, seed: the arguments of the run.
        seconds: wall time of the whole run.
        date: when it started.
        subject: framework, dtypes, conventions and restrictions of the target.
        call: the target and the options as the command line names them; "" for mathcore.
        ids: the claims that were asked for, as they were named.
        runnable: whether the command line can name the target; it cannot name an object.
        shard: which part of a run it is, with the ids of all claims of the run; None for a whole one.
    """

    results: list[tuple[Claim, ClaimResult]]
    target: str
    profile: str
    seed: int
    seconds: float
    date: datetime
    subject: Mapping[str, Any] = field(default_factory=dict)
    call: str = ""
    ids: tuple[str, ...] = ()
    runnable: bool = True
    shard: Mapping[str, Any] | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The number of claims, and how many had each outcome; the outcomes add up to the number of claims."""
        outcomes: list[str] = [result.outcome for _, result in self.results]
        counts = {"claims": len(outcomes), **{o: outcomes.count(o) for o in OUTCOMES}}
        if sum(counts[o] for o in OUTCOMES) != counts["claims"]:
            raise AssertionError(f"{counts} do not add up")
        return counts

    @property
    def passed(self) -> bool:
        """Whether something ran, all that was named ran, nothing failed, and every mutant was killed.

        A waived refutation does not count. A waived claim that holds is an error.
        """
        survivors = any(not killed for _, result in self.results for killed in result.mutants.values())
        return passes(self.counts, survivors) and not self.not_judged

    @property
    def not_judged(self) -> list[str]:
        """The claims that were asked for by id and could not be checked: an error, as a name without a claim is."""
        return [r.claim for _, r in self.results if r.claim in self.ids and r.outcome == "not_offered"]

    @property
    def not_checked(self) -> dict[str, list[str]]:
        """What the target lacks → the claims not checked; what it does not support → those not checked or not fully."""
        reasons: dict[str, list[str]] = {}
        for _, result in self.results:
            if result.outcome == "not_offered" and not result.tally.not_tried:
                reasons.setdefault(result.detail, []).append(result.claim)
            for reason in result.tally.not_tried:
                reasons.setdefault(reason, []).append(result.claim)
        return reasons

    @property
    def in_part(self) -> dict[str, list[str]]:
        """What the target lacks → the claims that hold by the checks of what it offers, without those that need it."""
        reasons: dict[str, list[str]] = {}
        for _, result in self.results:
            for reason in result.left_out:
                if reason.startswith("not supported"):
                    continue  # said below
                reasons.setdefault(reason, []).append(result.claim)
        return reasons

    def command(self, claim: str = "") -> str:
        """The command that repeats the run, or one claim of it; for a target that only Python has, the call."""
        names = (claim,) if claim else self.ids
        if not self.runnable:
            quoted = "".join(f", {name!r}" for name in names)
            return f"verify(TARGET{quoted}, profile={self.profile!r}, seed={self.seed})  # TARGET: {self.target}"
        part = f"--shard {self.shard['parts'][0]}/{self.shard['of']}" if self.shard and not claim else ""
        parts = ["mathcore verify", *names, self.call, part, f"--profile {self.profile} --seed {self.seed}"]
        return " ".join(part for part in parts if part)

    def _repr_markdown_(self) -> str:
        return to_markdown(self)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data, without NaN or infinity."""
        return {
            "schema": SCHEMA,
            "environment": environment(),
            "seed": self.seed,
            "profile": self.profile,
            "target": self.target,
            "subject": dict(self.subject),
            "command": self.command(),
            "shard": None if self.shard is None else dict(self.shard),
            "passed": self.passed,
            "date": self.date.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "counts": self.counts,
            "not_checked": self.not_checked,
            "in_part": self.in_part,
            "causes": [
                {
                    "operation": cause.operation,
                    "kinds": list(cause.kinds),
                    "claims": [claim.id for claim, _, _ in cause.failures],
                    "words": cause.words,
                }
                for cause in causes(self.results)
            ],
            "claims": [
                {**claim_json(claim, result), "command": self.command(claim.id)} for claim, result in self.results
            ],
        }


def passes(counts: Mapping[str, int], survivors: bool) -> bool:
    """Whether a run with these counts passed: something holds, nothing failed, no mutant survived."""
    failed = any(counts[outcome] for outcome in ("refuted", "inconclusive", "unexpected", "error"))
    return counts["holds"] > 0 and not (failed or survivors)


def environment() -> dict[str, str]:
    """The versions and the machine that the results depend on."""
    packages = ("numpy", "hypothesis", "mathcore", "python-flint")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "platform": platform.platform(terse=True),
        "cpu": platform.machine(),
    }


def describe_claim(claim: Claim) -> dict[str, Any]:
    """The part of a claim's JSON that does not depend on a run."""
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


def claim_json(claim: Claim, result: ClaimResult) -> dict[str, Any]:
    """A claim and its result as plain data."""
    tally = result.tally
    found = next((c.finding for c in result.checks if c.counterexample and c.finding), None)
    failure = result.finding
    return {
        **describe_claim(claim),
        "outcome": result.outcome,
        "detail": result.detail,
        "examples": tally.examples,
        "replayed": tally.replayed,
        "worst": _finite(tally.worst),
        "allowance": _finite(tally.allowance),
        "mutants": result.mutants,
        "counterexample": _finding_json(found) if found else None,
        "failure": _finding_json(failure) if failure else None,
        "checks": [_check_json(c, r) for c, r in zip(claim.checks, result.checks, strict=True)],
        "measured": {k: describe(v) for k, v in tally.measured.items()} or None,
        "seconds": round(result.seconds, 3),
        "would_pass": list(result.would_pass),
        "advice": result.advice or None,
        "waiver": result.waiver or None,
        "left_out": list(result.left_out),
        "not_tried": tally.not_tried,
        "tried": tally.tried.words,
        "unmet": tally.unmet,
        "printed": result.printed or None,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    """A finding without the arrays, which go into a file."""
    data = asdict(replace(finding, arrays={}))
    del data["arrays"]
    return data


def _check_json(check: Check, result: CheckResult) -> dict[str, Any]:
    text, file, line = check.source
    return {
        "evidence": "counterexample" if check.counterexample else check.rung,
        "outcome": result.outcome,
        "source": text,
        "file": file,
        "line": line,
        "examples": result.tally.examples,
        "replayed": result.tally.replayed,
        "worst": _finite(result.tally.worst),
        "histogram": _histogram(result.tally),
        "measured": {k: describe(v) for k, v in result.tally.measured.items()} or None,
    }


def _histogram(tally: Tally) -> dict[str, Any]:
    bins = sorted((decade, count) for decade, count in tally.decades.items() if decade is not None)
    return {"exact": tally.decades.get(None, 0), "bins": [list(pair) for pair in bins]}


def _finite(value: float) -> float | None:
    """The number, or None if JSON cannot hold it."""
    return value if math.isfinite(value) else None
