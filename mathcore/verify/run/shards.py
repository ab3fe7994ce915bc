"""Shards: a run in parts, each on a machine of its own, and the reports of the parts as one.

The parts are reports as JSON. To merge them is commutative and associative, and refuses what does not belong together.
A run of which a part is lost did not pass.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathcore.verify.claims import Claim
from mathcore.verify.report.report import OUTCOMES, SCHEMA, passes
from mathcore.verify.run.code import OF_THE_MACHINE, code_hash, differences, target_hash
from mathcore.verify.run.results import Profile
from mathcore.verify.targets.target import Target

_EXPERIMENT = 20
"""What an experiment costs, in checks. In a quick run, the longest of eight shards takes 23 % more than the mean."""

_MOST_SHARDS = 2**16
"""More than anybody has machines: the shards that a report lacks are counted one by one."""

_SAME = ("schema", "seed", "profile", "target", "subject")
"""What the parts of a run have in common."""

_OF_THE_RUN = {
    "of": "number of shards",
    "ids": "choice of claims",
    "effort": "number of examples",
    "code": "code of mathcore",
    "target": "code of the target",
}
"""The same, among what a shard says of its run."""


class MergeError(LookupError):
    """Reports that do not belong together."""


@dataclass(frozen=True)
class Shard:
    """A part of a run.

    Attributes:
        part: its number, from 1.
        of: the number of parts.
    """

    part: int
    of: int

    @staticmethod
    def parse(text: str) -> Shard:
        """The shard that "3/8" names.

        Raises:
            LookupError: if it names none.

        Examples:
            >>> from mathcore.verify.run.shards import Shard
            >>> Shard.parse("3/8")
            Shard(part=3, of=8)
        """
        part, _, of = text.partition("/")
        if not (part.isdecimal() and of.isdecimal() and 1 <= int(part) <= int(of)):
            raise LookupError(f"a shard is given as K/N with 1 ≤ K ≤ N, e.g. 3/8, got {text!r}")
        return Shard(int(part), int(of))

    def claims(self, claims: Sequence[Claim]) -> list[Claim]:
        """The claims of this part, in their order. The parts are about equally long, and hold each claim once."""
        loads = [(0, part) for part in range(1, self.of + 1)]  # a heap: the lightest part takes the next claim
        chosen = set()
        for claim in sorted(claims, key=lambda c: (-_cost(c), c.id)):
            load, part = loads[0]
            heapq.heapreplace(loads, (load + _cost(claim), part))
            if part == self.part:
                chosen.add(claim.id)
        return [claim for claim in claims if claim.id in chosen]

    def described(self, claims: Sequence[Claim], profile: Profile, target: Target) -> dict[str, Any]:
        """The part in a report: what it takes to put the parts of a run over these claims together."""
        ids, effort = [c.id for c in claims], [profile.examples, profile.scale, profile.perturbed]
        code = {"code": code_hash(), "target": target_hash(target)}
        return {"of": self.of, "parts": [self.part], "ids": ids, "effort": effort, **code}


def _cost(claim: Claim) -> int:
    """About how long a claim takes, in checks."""
    return len(claim.checks) + len(claim.refuted_by) + _EXPERIMENT * ("experiment" in claim.evidence)


def merge(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The reports of shards, or of merged shards, as one.

    Args:
        parts: reports as JSON, at least one.

    Returns:
        A report as JSON. It passed only if all shards are there.

    Raises:
        MergeError: if one is no report of a shard, if claims are missing in it, if a shard is there twice, or if seed,
            profile, target, versions or code differ; the message says which.
    """
    try:
        return _together(list(parts))
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as wrong:
        raise MergeError(f"a report is not as mathcore verify writes it: {wrong!r:.200}") from wrong


def _together(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not reports:
        raise MergeError("there is nothing to merge")
    for report in reports:
        _check_whole(report)
        _check_same(reports[0], report)
    numbers = [number for report in reports for number in report["shard"]["parts"]]
    if twice := sorted(n for n, count in Counter(numbers).items() if count > 1):
        raise MergeError(f"shard {_listed(twice)} of {reports[0]['shard']['of']} is there twice")
    shard = {**reports[0]["shard"], "parts": sorted(numbers)}
    by_id = {claim["id"]: claim for report in reports for claim in report["claims"]}
    if len(by_id) != sum(len(report["claims"]) for report in reports):
        raise MergeError("a claim is in two shards")
    claims = [by_id[name] for name in shard["ids"] if name in by_id]
    if len(claims) != len(by_id):
        raise MergeError(f"claims that the run does not have: {_listed(sorted(set(by_id) - set(shard['ids'])))}")
    return _merged(reports, claims, shard)


def lost(report: Mapping[str, Any]) -> tuple[list[int], list[str]]:
    """The numbers of the shards, and the ids of the claims, that a merged report lacks."""
    shard, there = report["shard"], {claim["id"] for claim in report["claims"]}
    numbers = [n for n in range(1, shard["of"] + 1) if n not in shard["parts"]]
    return numbers, [name for name in shard["ids"] if name not in there]


def _merged(reports: Sequence[Mapping[str, Any]], claims: list[Any], shard: Mapping[str, Any]) -> dict[str, Any]:
    outcomes = Counter(claim["outcome"] for claim in claims)
    counts = {"claims": len(claims), **{name: outcomes[name] for name in OUTCOMES}}
    survivors = any(not killed for claim in claims for killed in claim["mutants"].values())
    whole = {
        **reports[0],
        "environment": _environment(reports),
        "command": min(re.sub(r" --shard \S+", "", report["command"]) for report in reports),
        "date": min(report["date"] for report in reports),
        "seconds": max(report["seconds"] for report in reports),
        "counts": counts,
        "not_checked": _by_reason(reports, "not_checked", shard["ids"]),
        "in_part": _by_reason(reports, "in_part", shard["ids"]),
        "causes": _causes(reports, shard["ids"]),
        "claims": claims,
        "shard": shard,
    }
    return {**whole, "passed": not any(lost(whole)) and passes(counts, survivors)}


def _environment(reports: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The environment of all; the machines side by side."""
    joined = dict(reports[0]["environment"])
    for name in OF_THE_MACHINE:
        joined[name] = ", ".join(sorted({m for r in reports for m in r["environment"][name].split(", ")}))
    return joined


def _causes(reports: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[dict[str, Any]]:
    """The causes of failures, those of one operation that fails in the same ways as one."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for cause in (cause for report in reports for cause in report.get("causes", ())):
        found.setdefault((cause["operation"], *cause["kinds"]), []).append(cause)
    joined = [
        {**parts[0], "claims": sorted({c for part in parts for c in part["claims"]}, key=list(ids).index),
         "words": min(part["words"] for part in parts)}
        for parts in found.values()
    ]  # fmt: skip
    return sorted(joined, key=lambda cause: (-len(cause["claims"]), cause["operation"], cause["kinds"]))


def _by_reason(reports: Sequence[Mapping[str, Any]], what: str, ids: Sequence[str]) -> dict[str, list[str]]:
    """Reasons with the claims that they concern, both in the order of the claims."""
    reasons: dict[str, set[str]] = {}
    for report in reports:
        for reason, names in report.get(what, {}).items():
            reasons.setdefault(reason, set()).update(names)
    position = {name: i for i, name in enumerate(ids)}
    ordered = {reason: sorted(names, key=position.__getitem__) for reason, names in reasons.items()}
    return dict(sorted(ordered.items(), key=lambda pair: ([position[name] for name in pair[1]], pair[0])))


def _check_whole(report: Mapping[str, Any]) -> None:
    if report.get("schema") != SCHEMA:
        raise MergeError(f"a report has schema {SCHEMA}, got {report.get('schema')!r:.40}")
    if not report.get("shard"):
        raise MergeError("a report is of no shard: write it with mathcore verify --shard K/N --json FILE")
    if missing := [key for key in ("claims", "counts", "command", *_SAME, "environment") if key not in report]:
        raise MergeError(f"a report has {missing[0]!r}, which this one lacks")
    if len(report["claims"]) != report["counts"]["claims"]:
        found, counted = len(report["claims"]), report["counts"]["claims"]
        raise MergeError(f"shard {_listed(report['shard']['parts'])} has {found} claims where {counted!r} were counted")
    if unknown := [claim["id"] for claim in report["claims"] if claim["outcome"] not in OUTCOMES]:
        raise MergeError(f"the outcome of {unknown[0]!r:.40} is none of {_listed(OUTCOMES)}")
    of, parts = report["shard"]["of"], report["shard"]["parts"]
    if type(of) is not int or of > _MOST_SHARDS or not all(type(n) is int and 1 <= n <= of for n in parts):
        raise MergeError(f"shards have numbers from 1 to at most {_MOST_SHARDS}, got {parts!r:.40} of {of!r:.40}")


def _check_same(first: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    for name in _SAME:
        if report[name] != first[name]:
            raise MergeError(f"the reports have another {name}: {first[name]!r} and {report[name]!r}")
    for name, words in _OF_THE_RUN.items():
        if report["shard"].get(name) != first["shard"].get(name):  # older reports do not say all
            raise MergeError(f"the reports are of runs with another {words}")
    without = [{k: v for k, v in r["environment"].items() if k not in OF_THE_MACHINE} for r in (first, report)]
    if different := differences(*without):
        raise MergeError(f"a report is of other versions: {different}")


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
