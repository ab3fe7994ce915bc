"""Bugs that were reported of widely used libraries, made again on purpose, and which claims catch them.

Each is a mutant with `reports`, beside the others of its operation.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Check, Claim, Mutant
from mathcore.verify.report.describe import Finding
from mathcore.verify.reports import Thread
from mathcore.verify.run.catalogue import catalogue, did_you_mean
from mathcore.verify.run.results import PROFILES, Profile
from mathcore.verify.run.runner import caught, derived_seed
from mathcore.verify.source import text_of
from mathcore.verify.targets.target import mathcore_target


@dataclass(frozen=True, eq=False)
class RealBug:
    """A bug that libraries shipped.

    Attributes:
        mutant: the wrong operation that makes the same mistake.
        claim: the claim that it breaks.
    """

    mutant: Mutant
    claim: Claim

    @property
    def id(self) -> str:
        """Its name on the page and in the command."""
        return self.mutant.alias or self.mutant.name

    @property
    def names(self) -> set[str]:
        """Every name that selects it."""
        return {self.id, self.mutant.name, self.mutant.operation, self.claim.topic}

    @property
    def title(self) -> str:
        """What is wrong, in one sentence."""
        return self.mutant.note

    @property
    def section(self) -> str:
        """What its topic is about."""
        return (importlib.import_module(f"mathcore.{self.claim.topic}").__doc__ or "").rstrip(".")

    @property
    def reports(self) -> tuple[Thread, ...]:
        """Where it was reported."""
        return self.mutant.reports

    @property
    def source(self) -> str:
        """The faulty function, or the call that made it."""
        return text_of(self.mutant)


def real_bugs() -> list[RealBug]:
    """Every mutant of the catalogue that was reported, with the claim that shows it; the topics one after another."""
    claims = catalogue()
    topics = list(dict.fromkeys(claim.topic for claim in claims))
    found = [RealBug(m, c) for c in claims for m in c.refuted_by if m.reports and m.shown_by == c.id]
    return sorted(found, key=lambda bug: topics.index(bug.claim.topic))


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
        bug: one of `real_bugs()`.
        profile: how much is tried.
        seed: what inputs are drawn from.
        brief: neither shrink the input nor look at other claims.
    """
    own, strict = bug.claim, replace(bug, mutant=refusing(bug.mutant))
    finding = next(filter(None, (_refuted(own, bug, profile, seed, part, shrink=not brief) for part in (1, 4))), None)
    about = (c for c in catalogue() if c is not own and bug.mutant.operation in c.needs and len(c.needs) <= _OWN)
    others = (c for c in about if not brief and _refuted(c, strict, profile, seed, _GLANCE))
    return Caught(bug, finding, tuple(c.id for c in others))


def refusing(wrong: Mutant) -> Mutant:
    """The mutant, which refuses what mathcore refuses, so that claims catch it for what is wrong with it alone."""

    def build(correct: Callable[..., Any]) -> Callable[..., Any]:
        faulty = wrong.build(correct)

        def refuses(*arguments: Any, **options: Any) -> Any:
            correct(*arguments, **options)
            with np.errstate(all="ignore"):
                return faulty(*arguments, **options)

        return refuses

    return replace(wrong, build=build)


def _refuted(
    claim: Claim, bug: RealBug, profile: str, seed: int, part: float, *, shrink: bool = False
) -> Finding | None:
    """What a claim finds wrong with a bug on a part or a multiple of a profile's examples."""
    size, reference = sized(profile, part), mathcore_target()
    for i, check in tried(claim, part):
        drawn_from = derived_seed(seed, f"{claim.id}/{bug.id}/{part}", i)
        if finding := caught(claim, check, bug.mutant, reference, size, drawn_from, shrink):
            return finding
    return None


def sized(profile: str, part: float) -> Profile:
    """A part or a multiple of a profile."""
    whole = PROFILES[profile]
    return replace(whole, examples=max(1, round(whole.examples * part)))


def tried(claim: Claim, part: float) -> list[tuple[int, Check]]:
    """The checks with their places; of those that draw nothing and take as long for a glance, none for one."""
    return [(i, c) for i, c in enumerate(claim.checks) if not c.counterexample and (c.inputs or part >= 0.5)]


def choose(names: Sequence[str]) -> list[RealBug]:
    """The bugs by name, operation or topic; all of them if none is named.

    Raises:
        LookupError: for a name that matches nothing; the message suggests the nearest.
    """
    bugs = real_bugs()
    known = {name for bug in bugs for name in bug.names}
    for name in names:
        if name not in known:
            raise LookupError(f"no bug or topic is called {name!r}{did_you_mean(name, known)}")
    return [bug for bug in bugs if not names or bug.names & set(names)]


def to_json(judged: Sequence[Caught]) -> dict[str, Any]:
    """What was found, as JSON values; `finding` is null for a bug that survives."""
    return {
        "schema": 1,
        "bugs": [
            {
                "id": found.bug.id,
                "title": found.bug.title,
                "reports": [thread.to_json() for thread in found.bug.reports],
                "source": found.bug.source,
                "section": found.bug.section,
                "operation": found.bug.mutant.operation,
                "claim": found.bug.claim.id,
                "statement": found.bug.claim.statement,
                "others": list(found.others),
                "finding": asdict(found.finding) if found.finding else None,
            }
            for found in judged
        ],
    }
