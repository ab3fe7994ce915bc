"""Bugs that were reported of widely used libraries, made again on purpose, and which claims catch them.

A `RealBug` is one wrong function with the reports of it; a `FalseAlarm` is a right one that was reported as wrong.
The collection itself is `mathcore.real_bugs`.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Check, Claim, Mutant
from mathcore.verify.report.describe import Finding
from mathcore.verify.run.catalogue import catalogue, select
from mathcore.verify.run.results import PROFILES, CheckResult, Profile
from mathcore.verify.run.runner import derived_seed, run_check
from mathcore.verify.targets.target import Target, mathcore_target

_THREAD = re.compile(r"(?P<library>\S+/\S+) (?P<pull>PR)?#(?P<number>\d+) \((?P<year>\d{4})\)(?: (?P<status>.+))?")


@dataclass(frozen=True)
class Thread:
    """Where a bug was reported.

    Attributes:
        library: the repository, owner/name.
        number: of the issue or pull request.
        year: when it was opened.
        pull: whether it is a pull request.
        status: what became of it, as the thread showed when it was read; "" if it did not.
    """

    library: str
    number: int
    year: int
    pull: bool = False
    status: str = ""

    def __str__(self) -> str:
        return f"{self.library}{' PR ' if self.pull else ''}#{self.number}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://github.com/{self.library}/{'pull' if self.pull else 'issues'}/{self.number}"


def threads(text: str) -> tuple[Thread, ...]:
    """Threads from lines such as "owner/name PR#12 (2024) merged".

    Raises:
        ValueError: for a line that reads otherwise.
    """
    found = []
    for line in text.strip().splitlines():
        match = _THREAD.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"a report is given as `owner/name #12 (2024) status`, got {line.strip()!r}")
        number, year = int(match["number"]), int(match["year"])
        found.append(Thread(match["library"], number, year, match["pull"] is not None, match["status"] or ""))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class RealBug:
    """A bug that libraries shipped.

    Attributes:
        mutant: the wrong operation that makes the same mistake.
        function: the faulty function as it is written in the collection.
        reports: where it was reported.
        claim: id of the claim that it breaks.
        crashes: whether the bug is that the operation raises, so that a crash is what catches it.
    """

    mutant: Mutant
    function: Callable[..., Any]
    reports: tuple[Thread, ...]
    claim: str
    crashes: bool = False

    @property
    def id(self) -> str:
        """Its name in the collection."""
        return self.function.__name__

    @property
    def operation(self) -> str:
        """What it stands in for."""
        return self.mutant.operation

    @property
    def title(self) -> str:
        """What is wrong, in one sentence."""
        return self.mutant.note

    @property
    def topic(self) -> str:
        """The module of the collection that it is in."""
        return self.function.__module__.rpartition(".")[2]

    @property
    def section(self) -> str:
        """What that module is about."""
        return (inspect.getdoc(inspect.getmodule(self.function)) or "").rstrip(".")

    @property
    def source(self) -> str:
        """The faulty function, without its decorator and docstring."""
        return source_of(self.function)


def real_bug(
    make: Callable[[Callable[..., Any]], Mutant],
    *,
    claim: str,
    reports: str,
    crashes: bool = False,
    answers_anything: bool = False,
) -> Callable[[Callable[..., Any]], RealBug]:
    """Make a function a real bug: `make` turns it into a mutant, its docstring says what is wrong with it.

    Bad arguments are refused as mathcore refuses them, unless the bug is that it `answers_anything`.
    """

    def decorate(function: Callable[..., Any]) -> RealBug:
        wrong = make(function)
        return RealBug(wrong if answers_anything else _refusing(wrong), function, threads(reports), claim, crashes)

    return decorate


def _refusing(wrong: Mutant) -> Mutant:
    """The mutant, which refuses what mathcore refuses, so that it is caught for what is wrong with it alone."""

    def build(correct: Callable[..., Any]) -> Callable[..., Any]:
        faulty = wrong.build(correct)

        def refusing(*arguments: Any, **options: Any) -> Any:
            correct(*arguments, **options)
            with np.errstate(all="ignore"):
                return faulty(*arguments, **options)

        return refusing

    return replace(wrong, build=build)


def source_of(function: Callable[..., Any]) -> str:
    """The text of a function, without its decorators and docstring."""
    text = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    doc = node.body[0]
    assert doc.end_lineno is not None
    lines = text.splitlines()
    return "\n".join([*lines[node.lineno - 1 : doc.lineno - 1], *lines[doc.end_lineno :]]).rstrip()


@dataclass(frozen=True, eq=False)
class FalseAlarm:
    """A right implementation that was reported as wrong.

    Attributes:
        function: given mathcore's operations by name, the reported ones by name.
        reports: where it was reported.
        why: why it is harmless.
        conventions: what the implementation declares, where that is a matter of convention.
    """

    function: Callable[[Mapping[str, Callable[..., Any]]], Mapping[str, Callable[..., Any]]]
    reports: tuple[Thread, ...]
    why: str
    conventions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its name in the collection."""
        return self.function.__name__

    @property
    def title(self) -> str:
        """What was reported."""
        return inspect.cleandoc(self.function.__doc__ or "").splitlines()[0]

    @property
    def source(self) -> str:
        """The implementation, without its decorator and docstring."""
        return source_of(self.function)

    def target(self) -> Target:
        """The implementation alone, as somebody else's: no operation of mathcore stands beside it."""
        reference = mathcore_target()
        conventions = replace(reference.conventions, **self.conventions)
        return replace(reference, name=self.id, operations=self.function(reference.operations), exact=False,
                       conventions=conventions, silent=False, guarded=True)  # fmt: skip


def false_alarm(*, why: str, reports: str, **conventions: Any) -> Callable[[Callable[..., Any]], FalseAlarm]:
    """Make a function a false alarm; its docstring says what was reported."""

    def decorate(function: Callable[..., Any]) -> FalseAlarm:
        return FalseAlarm(function, threads(reports), why, conventions)

    return decorate


@dataclass(frozen=True)
class Caught:
    """What the claims make of a bug.

    Attributes:
        bug: the bug.
        finding: the input on which its claim fails; None if it does not.
        others: ids of the other claims about its operation that refute it at a glance.
    """

    bug: RealBug
    finding: Finding | None
    others: tuple[str, ...] = ()


_GLANCE = 0.1  # of a profile's examples
_OWN = 2  # a claim about more operations than these is hardly about one of them


def judge(bug: RealBug, *, profile: str = "quick", seed: int = 0, brief: bool = False) -> Caught:
    """Whether its claim catches a bug, and which others about the same operation do.

    Args:
        bug: one of the collection.
        profile: how much is tried.
        seed: what inputs are drawn from.
        brief: neither shrink the input nor look at other claims.

    Raises:
        LookupError: if there is no such claim.
    """
    (own,) = select(catalogue(), [bug.claim])
    finding = next(filter(None, (_refuted(own, bug, profile, seed, part, shrink=not brief) for part in (1, 4))), None)
    about = (c for c in catalogue() if c is not own and bug.operation in c.needs and len(c.needs) <= _OWN)
    others = (c for c in about if not brief and _refuted(c, bug, profile, seed, _GLANCE))
    return Caught(bug, finding, tuple(c.id for c in others))


def _refuted(
    claim: Claim, bug: RealBug, profile: str, seed: int, part: float, *, shrink: bool = False
) -> Finding | None:
    """What a claim finds wrong with a bug on a part or a multiple of a profile's examples."""
    size = _sized(profile, part)
    for i, check in _tried(claim, part):
        wrong = bug.mutant.of(mathcore_target())  # a fresh one each time: some bugs are in what is remembered
        drawn_from = derived_seed(seed, f"{claim.id}/{bug.id}/{part}", i)
        result = run_check(claim, check, wrong, size, drawn_from, shrink=shrink, past_crashes=not bug.crashes)
        if result.outcome == "refuted" and result.finding and (bug.crashes or not result.finding.crashed):
            return result.finding
    return None


def _sized(profile: str, part: float) -> Profile:
    whole = PROFILES[profile]
    return replace(whole, examples=max(1, round(whole.examples * part)))


def _tried(claim: Claim, part: float) -> list[tuple[int, Check]]:
    """The checks with their places; of those that draw nothing and take as long for a glance, none for one."""
    return [(i, c) for i, c in enumerate(claim.checks) if not c.counterexample and (c.inputs or part >= 0.5)]


def accepted(
    alarm: FalseAlarm, *names: str, profile: str = "quick", seed: int = 0, part: float = 1.0
) -> Iterator[tuple[Claim, CheckResult]]:
    """Every check, or those of the claims named, that a false alarm offers the operations for, with its result.

    `part` is that of the profile's examples which are tried.
    """
    target, size = alarm.target(), _sized(profile, part)
    for claim in (c for c in select(catalogue(), names) if set(c.needs) & set(target.operations)):
        for i, check in _tried(claim, part):
            result = run_check(claim, check, target, size, derived_seed(seed, claim.id, i))
            if result.outcome != "not_offered":
                yield claim, result


def choose(names: Sequence[str]) -> list[RealBug]:
    """The bugs of the collection by name or topic; all of them if none is named.

    Raises:
        LookupError: for a name that matches nothing; the message suggests the nearest.
    """
    from mathcore import real_bugs as collection

    bugs = collection.real_bugs()
    known = {name for bug in bugs for name in (bug.id, bug.topic)}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
            raise LookupError(
                f"no bug or topic is called {name!r}" + (f"; did you mean {', '.join(near)}?" * bool(near))
            )
    return [bug for bug in bugs if not names or {bug.id, bug.topic} & set(names)]


def to_json(judged: Sequence[Caught]) -> dict[str, Any]:
    """What was found, as JSON values; `finding` is null for a bug that survives."""
    statements = {c.id: c.statement for c in catalogue()}
    return {
        "schema": 1,
        "bugs": [
            {
                **_described(found.bug),
                "section": found.bug.section,
                "operation": found.bug.operation,
                "claim": found.bug.claim,
                "statement": statements[found.bug.claim],
                "others": list(found.others),
                "finding": asdict(found.finding) if found.finding else None,
            }
            for found in judged
        ],
    }


def alarms_to_json(alarms: Sequence[FalseAlarm], *, seed: int = 0) -> list[dict[str, Any]]:
    """Claim → whether it does without refuting, of every false alarm, as JSON values; a look at a few inputs each."""
    described = []
    for alarm in alarms:
        by_claim: dict[str, bool] = {}
        for claim, result in accepted(alarm, seed=seed, part=0.1):
            by_claim[claim.id] = by_claim.get(claim.id, True) and result.outcome != "refuted"
        described.append({**_described(alarm), "why": alarm.why, "claims": by_claim})
    return described


def _described(entry: RealBug | FalseAlarm) -> dict[str, Any]:
    reports = [{"name": str(t), "url": t.url, "year": t.year, "status": t.status} for t in entry.reports]
    return {"id": entry.id, "title": entry.title, "reports": reports, "source": entry.source}
