"""The report as text: a failure in full, JUnit XML for CI servers, Markdown for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mathcore.verify.claims import Claim
from mathcore.verify.run.results import ClaimResult

if TYPE_CHECKING:
    from mathcore.verify.report.report import Report

WORDS = {
    "holds": "holds",
    "refuted": "refuted",
    "not_offered": "not offered",
    "inconclusive": "inconclusive",
    "waived": "waived",
    "unexpected": "holds though waived",
}


def failure_text(claim: Claim, result: ClaimResult, *, script: bool = True) -> str:
    """Why a claim does not stand: its sentence, both numbers, what was allowed, where, on what input, and a program."""
    lines = [f"{claim.id}: {WORDS[result.outcome]}", f"  {claim.statement}"]
    finding = result.finding
    if finding is None:
        return "\n".join([*lines, f"  {result.detail}"] if result.detail else lines)
    lines.append(f"  {finding.headline}")
    if finding.place:
        lines.append(f"  {finding.place}")
    if finding.inputs:
        lines.append(f"  on the {finding.kind} input" if finding.kind != "shrunk" else "  on the input, shrunk")
        lines += [f"    {name} = {text}" for name, text in finding.inputs.items()]
    lines += [f"  {note}" for note in (result.advice, f"waived: {result.waiver}" if result.waiver else "") if note]
    if script and finding.script:
        lines += ["  To repeat it:", "", finding.script.rstrip()]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """The run in one line."""
    counts = report.counts
    parts = [f"{counts[o]} {word}" for o, word in WORDS.items() if counts[o]]
    text = f"{counts['claims']} claims on {report.target}: {', '.join(parts) or 'none ran'}"
    if wrong := sum(len(r.mutants) for _, r in report.results):
        text += f"; {sum(sum(r.mutants.values()) for _, r in report.results)} of {wrong} wrong implementations caught"
    return f"{text}; {report.seconds:.0f} s, profile {report.profile}, seed {report.seed}"


def worst_text(result: ClaimResult) -> str:
    """The worst error as a fraction of what was allowed."""
    if not result.tally.examples:
        return "–"
    return "exact" if result.tally.allowance == 0 else share(result.tally.worst)


def share(value: float) -> str:
    """A part of 1 in two digits, or in as many as it takes not to be rounded up to 1."""
    return next(text for n in range(2, 18) if float(text := f"{value:.{n}g}") < 1 or value >= 1)


def to_markdown(report: Report) -> str:
    """A table of the claims that ran, every failure in full, and what was not checked."""
    ran = [(c, r) for c, r in report.results if r.outcome != "not_offered"]
    lines = [
        f"**{'Passed' if report.passed else 'Failed'}**: {summary(report)}",
        "",
        "| claim | outcome | examples | worst ÷ allowed | also passes |",
        "|---|---|--:|--:|---|",
    ]
    for claim, result in ran:
        trivial = ", ".join(result.would_pass)
        lines.append(
            f"| `{claim.id}` | {WORDS[result.outcome]} | {result.tally.examples:,} | {worst_text(result)} | {trivial} |"
        )
    _assert_rows(report, len(lines) - 4 + report.counts["not_offered"])
    for claim, result in ran:
        if needs_words(result):
            lines += ["", f"<details><summary><code>{claim.id}</code></summary>", "", "```"]
            lines += [failure_text(claim, result, script=False), "```"]
            if result.finding is not None and result.finding.script:
                lines += ["", "```python", result.finding.script.rstrip(), "```"]
            lines += ["", "</details>"]
    if report.not_checked:
        lines += ["", "Not checked:", ""]
        lines += [f"- {reason}: {_several(claims)}" for reason, claims in report.not_checked.items()]
    lines += ["", f"`{report.command()}`", ""]
    return "\n".join(lines)


def _several(claims: list[str]) -> str:
    shown = ", ".join(f"`{c}`" for c in claims[:4])
    return shown + (f" and {len(claims) - 4} more" if len(claims) > 4 else "")


def needs_words(result: ClaimResult) -> bool:
    """Whether a result must be explained."""
    return result.outcome not in ("holds", "not_offered") or not all(result.mutants.values())


def to_junit(report: Report) -> str:
    """JUnit XML: a test case for each claim; refuted ones fail, those that were not checked are skipped."""
    counts = report.counts
    skipped = counts["not_offered"] + counts["waived"]
    toothless = sum(r.outcome == "holds" and not all(r.mutants.values()) for _, r in report.results)
    failures = counts["refuted"] + counts["inconclusive"] + counts["unexpected"] + toothless
    suite = ElementTree.Element(
        "testsuite",
        name=f"mathcore verify {report.target}",
        tests=str(counts["claims"]),
        failures=str(failures),
        errors="0",
        skipped=str(skipped),
        time=f"{report.seconds:.3f}",
        timestamp=report.date.isoformat(timespec="seconds"),
    )
    for claim, result in report.results:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"mathcore.{claim.topic}", name=claim.id, time=f"{result.seconds:.3f}"
        )
        survived = [name for name, caught in result.mutants.items() if not caught]
        if result.outcome in ("not_offered", "waived"):
            ElementTree.SubElement(case, "skipped", message=_xml(result.waiver or result.detail))
        elif result.outcome != "holds":
            kind = ElementTree.SubElement(case, "failure", type=result.outcome, message=_xml(result.detail))
            kind.text = _xml(failure_text(claim, result))
        elif survived:
            ElementTree.SubElement(case, "failure", type="toothless", message=_xml(f"survived: {', '.join(survived)}"))
    _assert_rows(report, len(suite.findall("testcase")))
    if (len(suite.findall(".//failure")), len(suite.findall(".//skipped"))) != (failures, skipped):
        raise AssertionError("the counts of the JUnit report do not add up")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    """Text without the characters that XML forbids."""
    return "".join(c if c in "\t\n\r" or " " <= c <= "\ud7ff" or c >= "\ue000" else "�" for c in text)


def _assert_rows(report: Report, rows: int) -> None:
    if rows != report.counts["claims"]:
        raise AssertionError(f"{rows} rows for {report.counts['claims']} claims")
