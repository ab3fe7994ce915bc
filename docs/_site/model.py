"""The report of a run, typed: the JSON of `mathcore verify --json`, schema 1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1  # the one that this module can read; the one that is written is `mathcore.verify.report.report.SCHEMA`


class SiteError(ValueError):
    """The site cannot be built; the message names the page or the claim."""


@dataclass(frozen=True)
class Finding:
    """An input on which a relation fails."""

    kind: str
    inputs: Mapping[str, str]
    lhs: str
    relation: str
    rhs: str
    error: str
    allowance: str
    sentence: str = ""
    place: str = ""
    crashed: bool = False


@dataclass(frozen=True)
class Histogram:
    """Number of examples by the decade of their worst error ÷ allowance; `exact` counts those without error."""

    exact: int
    bins: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Check:
    """The result of one check, with its source."""

    evidence: str
    source: str
    file: str
    line: int
    examples: int
    worst: float | None
    histogram: Histogram
    measured: Mapping[str, str]
    outcome: str = "holds"


@dataclass(frozen=True)
class Tolerance:
    """A named tolerance and its derivation."""

    name: str
    derivation: str


@dataclass(frozen=True)
class Claim:
    """A claim with its result in this build."""

    id: str
    topic: str
    faq: int | None
    statement: str
    formula: str
    source: str
    condition: str | None
    corrected: str | None
    verdict: str
    evidence: tuple[str, ...]
    outcome: str
    examples: int
    worst: float | None
    allowance: float | None
    tolerances: tuple[Tolerance, ...]
    mutants: Mapping[str, bool]
    mutant_notes: Mapping[str, str]
    counterexample: Finding | None
    failure: Finding | None
    needs: tuple[str, ...]
    rests_on: tuple[str, ...]
    checks: tuple[Check, ...]
    measured: Mapping[str, str]
    seconds: float
    command: str
    detail: str = ""
    legend: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    tried: Mapping[str, str] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        """Whether the claim holds and every mutant was killed."""
        return self.outcome == "holds" and all(self.mutants.values())

    @property
    def page(self) -> str:
        """Path of its page among the sources."""
        return f"claims/{self.id}.md"


@dataclass(frozen=True)
class Report:
    """A whole run."""

    environment: Mapping[str, str]
    seed: int
    profile: str
    target: str
    seconds: float
    date: str
    claims: tuple[Claim, ...]
    key: str
    text: str  # the report as it was written
    by_id: Mapping[str, Claim] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {claim.id: claim for claim in self.claims})

    @property
    def broken(self) -> list[Claim]:
        """The claims that do not stand."""
        return [claim for claim in self.claims if not claim.stands]


@dataclass(frozen=True)
class Topic:
    """A public module: its title, its words, its public names in the order of the source."""

    name: str
    title: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A figure computed in the build."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Thread:
    """Where a bug was reported."""

    name: str
    url: str
    year: int
    status: str


@dataclass(frozen=True)
class Bug:
    """A bug that libraries shipped, and what this build made of it; no `finding` if no claim caught it."""

    id: str
    title: str
    section: str
    operation: str
    source: str
    reports: tuple[Thread, ...]
    claim: str
    statement: str
    others: tuple[str, ...]
    finding: Finding | None


@dataclass(frozen=True)
class FalseAlarm:
    """A right implementation that was reported as wrong, with the claims that tried it and whether they accept it."""

    id: str
    title: str
    why: str
    source: str
    reports: tuple[Thread, ...]
    claims: Mapping[str, bool]


@dataclass(frozen=True)
class Bugs:
    """Both."""

    bugs: tuple[Bug, ...]
    false_alarms: tuple[FalseAlarm, ...]

    @property
    def broken(self) -> list[str]:
        """A line for each bug that survives, and for each false alarm that a claim refutes."""
        missed = [f"{bug.id}: survives, though {bug.claim} should catch it" for bug in self.bugs if not bug.finding]
        rejected = [(a.id, [c for c, holds in a.claims.items() if not holds]) for a in self.false_alarms]
        return missed + [f"{name}: is right, and refuted by {', '.join(by)}" for name, by in rejected if by]


@dataclass(frozen=True)
class Break:
    """A wrong implementation that a chapter shows: its code, who was asked about it, who refuted it, on what input."""

    faq: int
    name: str
    operation: str
    note: str
    source: str
    calls: str
    claim: str
    finding: Finding | None
    refuted_by: tuple[str, ...]
    asked: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name for reading."""
        words = self.name.removesuffix("_vjp").replace("_", " ")
        return f"{words[0].upper()}{words[1:]}"


def read_breaks(data: Iterable[Mapping[str, Any]]) -> tuple[Break, ...]:
    """The wrong implementations of the chapters.

    Raises:
        SiteError: for one that nothing refuted: the run of the claims has said that its claim does.
    """
    found = tuple(
        Break(
            **{
                **entry,
                "finding": _finding(entry["finding"]),
                "refuted_by": tuple(entry["refuted_by"]),
                "asked": tuple(entry["asked"]),
            }
        )
        for entry in data
    )
    if survivors := [f"{b.operation}: {b.name}" for b in found if b.finding is None]:
        raise SiteError(f"no failing input was found for {', '.join(survivors)}")
    return found


def read_bugs(data: Mapping[str, Any]) -> Bugs:
    """The bugs and false alarms of a run."""

    def with_threads(entry: Mapping[str, Any]) -> dict[str, Any]:
        return {**entry, "reports": tuple(Thread(**thread) for thread in entry["reports"])}

    bugs = (
        Bug(**{**with_threads(bug), "others": tuple(bug["others"]), "finding": _finding(bug["finding"])})
        for bug in data["bugs"]
    )
    return Bugs(tuple(bugs), tuple(FalseAlarm(**with_threads(alarm)) for alarm in data["false_alarms"]))


def read_report(text: str, key: str) -> Report:
    """The report of a run.

    Raises:
        SiteError: for a schema that this code does not know.
    """
    data = json.loads(text)
    if data.get("schema") != SCHEMA:
        raise SiteError(f"the report of the claims must have schema {SCHEMA}, got {data.get('schema')!r}")
    plain = {name: data[name] for name in ("environment", "seed", "profile", "target", "seconds", "date")}
    return Report(**plain, claims=tuple(_claim(c) for c in data["claims"]), key=key, text=text)


def _claim(data: Mapping[str, Any]) -> Claim:
    same = ["id", "topic", "faq", "statement", "formula", "source", "condition", "corrected", "verdict", "outcome"]
    same += ["examples", "worst", "allowance", "mutants", "mutant_notes", "seconds", "command"]
    return Claim(
        **{name: data[name] for name in same},
        evidence=tuple(data["evidence"]),
        tolerances=tuple(Tolerance(t["name"], t["derivation"]) for t in data["tolerance"]),
        counterexample=_finding(data["counterexample"]),
        failure=_finding(data["failure"]),
        needs=tuple(data["needs"]),
        rests_on=tuple(data["rests_on"]),
        checks=tuple(_check(c) for c in data["checks"]),
        measured=data["measured"] or {},
        detail=data.get("detail", ""),
        legend=data["legend"],
        limits=tuple(data["limits"]),
        tried=data["tried"],
    )


def _check(data: Mapping[str, Any]) -> Check:
    same = ("evidence", "source", "file", "line", "examples", "worst")
    histogram = data["histogram"]
    return Check(
        **{name: data[name] for name in same},
        histogram=Histogram(histogram["exact"], tuple((low, count) for low, count in histogram["bins"])),
        measured=data["measured"] or {},
        outcome=data.get("outcome", "holds"),
    )


def _finding(data: Mapping[str, Any] | None) -> Finding | None:
    return Finding(**{k: v for k, v in data.items() if k in Finding.__dataclass_fields__}) if data else None
