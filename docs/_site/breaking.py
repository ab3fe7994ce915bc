"""Runs in the child process: a few wrong implementations for each chapter, and what each of its claims makes of them.

The run of the claims proves that each wrong implementation is caught, and stops at the first failing input. Here the
few that a chapter shows are run once more, so that their input can be shrunk.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from typing import Any, NamedTuple

from _site.wrong_code import code_of
from mathcore.verify.claims import Claim, Mutant
from mathcore.verify.report.describe import Finding
from mathcore.verify.run.catalogue import catalogue, select
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import caught, derived_seed
from mathcore.verify.targets.target import mathcore_target

MOST = 8  # wrong implementations a chapter
_LONGEST = 16  # lines of one: what fits on a phone
_GLANCE = 0.1  # of the quick profile's examples, for the claims that do not name the wrong implementation
_SHORT = 120  # characters of an input that is read at a glance
_LOOKS = (0.2, 1, 4, 16)  # the same for the claims that do: they are known to fail somewhere


class Task(NamedTuple):
    """A wrong implementation of a chapter: the claim that names it, and its place among that claim's."""

    faq: int
    claim: str
    place: int


def broken_chapters(*names: str) -> list[dict[str, Any]]:
    """What each chapter shows of wrong implementations; of the claims named, all if none is."""
    tasks = [task for faq, claims in _by_chapter(names) for task in chosen(faq, claims)]
    workers = min(os.cpu_count() or 1, max(len(tasks), 1))
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        return list(pool.map(try_one, tasks, itertools.repeat(names)))


def chosen(faq: int, claims: Sequence[Claim]) -> list[Task]:
    """The rule: every claim in turn gives the first of its own that is short and no other has given, for MOST in all.

    Those that stand for one operation alone come before those that any operation can suffer from, such as zeros, and
    those that are read at once before those that call much else.
    """
    tasks: list[Task] = []
    given: set[tuple[str, str]] = set()
    for late in (False, True):
        queues = {c.id: _fitting(c, late) for c in claims}
        while any(queues.values()) and len(tasks) < MOST:
            for name, queue in queues.items():
                while queue and (key := queue[0][1]) in given:
                    queue.pop(0)
                if queue and len(tasks) < MOST:
                    tasks.append(Task(faq, name, queue.pop(0)[0]))
                    given.add(key)
    return tasks


def try_one(task: Task, names: Sequence[str]) -> dict[str, Any]:
    """A wrong implementation: its code, the claims of its chapter that refute it, and the input on which one does."""
    claims = dict(_by_chapter(names))[task.faq]
    own = next(c for c in claims if c.id == task.claim)
    wrong = own.refuted_by[task.place]
    code = code_of(wrong)
    assert code is not None
    about = [c for c in claims if wrong.operation in c.needs]
    naming = [c for c in about if any(_key(m) == _key(wrong) for m in c.refuted_by)]
    claim, finding = _clearest([own, *(c for c in naming if c is not own)][:2], wrong)
    return {
        "faq": task.faq,
        "name": wrong.name,
        "operation": wrong.operation,
        "note": wrong.note,
        "source": code.text,
        "calls": code.calls,
        "claim": claim.id,
        "finding": asdict(finding) if finding else None,
        "refuted_by": [c.id for c in about if c in naming or _refuted(c, wrong, _GLANCE)],
        "asked": [c.id for c in about],
    }


def _clearest(claims: Sequence[Claim], wrong: Mutant) -> tuple[Claim, Finding | None]:
    """The first claim whose failing input is short, or the one with the shortest; some inputs shrink badly."""
    best: tuple[Claim, Finding | None] = (claims[0], None)
    for claim in claims:
        found = next(filter(None, (_refuted(claim, wrong, part, shrink=True) for part in _LOOKS)), None)
        if found and (best[1] is None or _length(found) < _length(best[1])):
            best = (claim, found)
        if best[1] and _length(best[1]) <= _SHORT:
            break
    return best


def _length(finding: Finding) -> int:
    return sum(map(len, finding.inputs.values()))


def _key(wrong: Mutant) -> tuple[str, str]:
    return wrong.operation, wrong.name


def _fitting(claim: Claim, late: bool) -> list[tuple[int, tuple[str, str]]]:
    """Place and key of the claim's wrong implementations that can be shown, those that come late or the others."""
    return [
        (place, _key(wrong))
        for place, wrong in enumerate(claim.refuted_by)
        if not wrong.crashes
        and (code := code_of(wrong))
        and (code.general or code.calls.count("\n") > _LONGEST) is late
        and code.text.count("\n") < _LONGEST
    ]


def _by_chapter(names: Sequence[str]) -> list[tuple[int, list[Claim]]]:
    claims = [c for c in select(catalogue(), names) if c.faq is not None]
    return [(faq, list(group)) for faq, group in itertools.groupby(claims, key=lambda c: c.faq or 0)]


def _refuted(claim: Claim, wrong: Mutant, part: float, *, shrink: bool = False) -> Finding | None:
    """On what input the claim fails, within a part or a multiple of the quick profile's examples."""
    size = replace(PROFILES["quick"], examples=max(1, round(PROFILES["quick"].examples * part)))
    for i, check in enumerate(claim.checks):
        if check.counterexample or not (check.inputs or part == 1):  # what draws nothing is tried once
            continue
        seed = derived_seed(0, f"{claim.id}/{wrong.name}/{part}", i)
        if finding := caught(claim, check, wrong, mathcore_target(), size, seed, shrink):
            return finding
    return None
