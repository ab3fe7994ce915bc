"""A run on a library as plain data, small enough to be read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from conformance.library import Library
from conformance.standalone import reproduces, standalone
from mathcore.verify import Claim, Detection, Report, catalogue, detect, verify
from mathcore.verify.report.describe import Finding
from mathcore.verify.report.report import environment
from mathcore.verify.run.results import ClaimResult
from mathcore.verify.run.session import describe_target

SCHEMA = 1
SEED = 20_261_125
_PRIMITIVES = ("probability", "positions", "attention")
_MOST = 4  # operations that a claim of which a part can be tried may need


def claims_for(library: Library) -> list[str]:
    """The claims that need an operation which the library offers.

    What the FAQ says of layers and learning in general is left out: no library can fail it whose layer is right, which
    has claims of its own. So are claims about many operations of which some are missing.
    """
    offered = set(library.target.operations)
    return [
        claim.id
        for claim in catalogue()
        if set(claim.needs) & offered and (claim.faq is None or claim.topic in _PRIMITIVES)
        if len(claim.needs) <= _MOST or set(claim.needs) <= offered
    ]


def run(library: Library, wanted: list[str], *, profile: str, seed: int, progress: Any = None) -> dict[str, Any]:
    """Check the claims on a library, detect its conventions, and repeat every refutation by its script."""
    report = verify(
        f"{library.module.__name__}:TARGET", *wanted, profile=profile, seed=seed, workers=1, progress=progress
    )
    return result(library, report, detect(library.target), everything=wanted == claims_for(library))


def detect_alone(library: Library, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Ask for the conventions, and repeat the scripts; the verdicts on the same versions stay what they were."""
    if before is None or before["versions"] != library.versions:
        report = Report([], library.target.name, "quick", SEED, 0.0, datetime.now(UTC))
        before = {
            **result(library, report, Detection(library.name)),
            "command": f"conformance/run {library.name} --detect",
        }
    again = {claim: {**r, **_repeated(r["script"], r["found"])} for claim, r in before["refutations"].items()}
    return {**before, "detected": _observed(detect(library.target)), "refutations": again}


def result(library: Library, report: Report, detection: Detection, *, everything: bool = True) -> dict[str, Any]:
    """What the page needs of a run."""
    subject = describe_target(library.target)
    known = environment()
    ran = [(c, r) for c, r in report.results if r.outcome != "not_offered"]
    options = "" if everything else "".join(f" --claim {c.id}" for c, _ in report.results)
    return {
        "schema": SCHEMA,
        "library": library.name,
        "title": subject["name"],
        "about": library.about,
        "versions": library.versions,
        "date": report.date.date().isoformat(),
        "command": f"conformance/run {library.name} --profile {report.profile} --seed {report.seed}{options}",
        "profile": report.profile,
        "seed": report.seed,
        "seconds": round(report.seconds),
        "environment": {k: known[k] for k in ("python", "cpu", "numpy", "hypothesis", "mathcore")},
        "dtypes": subject["dtypes"],
        "operations": {name: library.module.NAMES.get(name, "") for name in subject["operations"]},
        "declared": subject["conventions"],
        "restrictions": subject["restrictions"],
        "detected": _observed(detection),
        "counts": {k: v for k, v in report.counts.items() if v},
        "claims": {c.id: _judged(r) for c, r in sorted(ran, key=lambda pair: pair[0].id)},
        "refutations": {
            c.id: _refuted(c, r, library) for c, r in sorted(ran, key=lambda pair: pair[0].id) if r.finding
        },
        "not_tried": {reason: len(claims) for reason, claims in sorted(_reasons(report).items())},
    }


def _observed(detection: Detection) -> list[dict[str, Any]]:
    return [
        {"convention": o.convention, "value": _plain(o.value), "because": o.because} for o in detection.observations
    ]


def _judged(result: ClaimResult) -> dict[str, Any]:
    tally = result.tally
    seen: dict[str, Any] = {
        "outcome": "in part" if result.left_out else result.outcome,
        "examples": tally.examples,
        "worst": _digits(tally.worst),
        "allowance": _digits(tally.allowance),
    }
    if result.would_pass:
        seen["would_pass"] = list(result.would_pass)
    if result.outcome == "inconclusive":
        seen["detail"] = result.detail
    return seen


def _refuted(claim: Claim, result: ClaimResult, library: Library) -> dict[str, Any]:
    finding = result.finding
    assert isinstance(finding, Finding)
    script = standalone(finding.script, library.module) if finding.script else ""
    return {
        "sentence": claim.statement,
        "found": finding.headline,
        "where": finding.place,
        "inputs": dict(finding.inputs),
        "advice": result.advice,
        **_repeated(script, finding.headline),
    }


def _repeated(script: str, found: str) -> dict[str, Any]:
    """The script, if it fails in the way that was found; a script of something else is none."""
    again = bool(script) and reproduces(script, found)
    return {"script": script if again else "", "reproduced": again}


def _reasons(report: Report) -> Mapping[str, list[str]]:
    """What some claims were not asked because the library takes no such option; missing operations are plain to see."""
    return {why: ids for why, ids in report.not_checked.items() if not why.startswith("the target has no")}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _digits(value: float) -> float | None:
    return float(f"{value:.3g}") if math.isfinite(value) else None


def to_text(data: Mapping[str, Any]) -> str:
    """JSON with a line for each entry of a table."""
    parts = [f"{json.dumps(key)}: {_value(value)}" for key, value in data.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _value(value: Any) -> str:
    def line(item: Any) -> str:
        return json.dumps(item, ensure_ascii=False, allow_nan=False)

    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"  {line(k)}: {line(v)}" for k, v in value.items()) + "\n}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {line(item)}" for item in value) + "\n]"
    return line(value)
