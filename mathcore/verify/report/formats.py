"""The report as text: failures, JUnit XML for CI servers, Markdown for pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mathcore.verify.claims import Claim
from mathcore.verify.report.causes import causes
from mathcore.verify.run.results import ClaimResult

if TYPE_CHECKING:
    from mathcore.verify.report.report import Report

OUTCOME_WORDS = {
    "holds": "holds",
    "refuted": "refuted",
    "not_offered": "not offered",
    "inconclusive": "inconclusive",
    "waived": "waived",
    "unexpected": "holds though waived",
    "error": "error",
}


def failure_text(claim: Claim, result: ClaimResult, *, script: bool = True) -> str:
    """Why a claim did not hold: statement, both sides, allowed error, place, input, and a script that reproduces it."""
    lines = [f"{claim.id}: {OUTCOME_WORDS[result.outcome]}", f"  {claim.statement}"]
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
        lines += ["  To reproduce it:", "", finding.script.rstrip()]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """The run in one line."""
    counts = report.counts
    parts = [f"{counts[o]} {word}" for o, word in OUTCOME_WORDS.items() if counts[o]]
    text = f"{counts['claims']} claims on {report.target}: {', '.join(parts) or 'none ran'}"
    if total := sum(len(r.mutants) for _, r in report.results):
        text += f"; {sum(sum(r.mutants.values()) for _, r in report.results)} of {total} wrong implementations caught"
    return f"{text}; {report.seconds:.0f} s, profile {report.profile}, seed {report.seed}"


def worst_text(result: ClaimResult) -> str:
    """The worst error as a fraction of the allowance."""
    if not result.tally.examples:
        return "–"
    return "exact" if result.tally.allowance == 0 else _fraction(result.tally.worst)


def _fraction(value: float) -> str:
    """The number with two digits, or with as many as keep a fraction below 1 from being rounded up to it."""
    return next(text for n in range(2, 18) if float(text := f"{value:.{n}g}") < 1 or value >= 1)


def to_markdown(report: Report) -> str:
    """A table of the claims that ran, all failures, and what was not checked."""
    ran = [(c, r) for c, r in report.results if r.outcome != "not_offered"]
    lines = [
        f"**{'Passed' if report.passed else 'Failed'}**: {summary(report)}",
        "",
        "| claim | outcome | examples | worst ÷ allowed | also passes |",
        "|---|---|--:|--:|---|",
    ]
    for claim, result in ran:
        trivial = ", ".join(result.would_pass)
        outcome = OUTCOME_WORDS[result.outcome] + (" in part" if result.left_out else "")
        examples = f"{result.tally.examples:,}"
        lines.append(f"| `{claim.id}` | {outcome} | {examples} | {worst_text(result)} | {trivial} |")
    _assert_rows(report, len(lines) - 4 + report.counts["not_offered"])
    for cause in causes(report.results):
        lines += ["", f"- **{cause.title}**" + f" ({cause.words})" * bool(cause.words)]
        lines += [f"    - {_several([claim.id for claim, _, _ in cause.failures])}"]
    for claim, result in ran:
        if needs_explanation(result):
            lines += ["", f"<details><summary><code>{claim.id}</code></summary>", "", "```"]
            lines += [failure_text(claim, result, script=False), "```"]
            if result.finding is not None and result.finding.script:
                lines += ["", "```python", result.finding.script.rstrip(), "```"]
            lines += ["", "</details>"]
    if report.in_part:
        lines += ["", "Held on what is offered, but:", ""]
        lines += [f"- {reason}: {_several(claims)}" for reason, claims in report.in_part.items()]
    if report.not_checked:
        lines += ["", "Not checked:", ""]
        lines += [f"- {reason}: {_several(claims)}" for reason, claims in report.not_checked.items()]
    lines += ["", f"`{report.command()}`", ""]
    return "\n".join(lines)


def _several(claims: list[str]) -> str:
    shown = ", ".join(f"`{c}`" for c in claims[:4])
    return shown + (f" and {len(claims) - 4} more" if len(claims) > 4 else "")


def needs_explanation(result: ClaimResult) -> bool:
    """Whether the claim failed or a mutant survived."""
    return result.outcome not in ("holds", "not_offered") or not all(result.mutants.values())


def to_junit(report: Report) -> str:
    """JUnit XML with a test case per claim: refuted claims fail, those that were not checked are skipped.

    Only a failure of mathcore itself is an error.
    """
    counts = report.counts
    skipped = counts["not_offered"] + counts["waived"]
    with_survivors = sum(r.outcome == "holds" and not all(r.mutants.values()) for _, r in report.results)
    failures = counts["refuted"] + counts["inconclusive"] + counts["unexpected"] + with_survivors
    suite = ElementTree.Element(
        "testsuite",
        name=f"mathcore verify {report.target}",
        tests=str(counts["claims"]),
        failures=str(failures),
        errors=str(counts["error"]),
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
            tag = "error" if result.outcome == "error" else "failure"
            kind = ElementTree.SubElement(case, tag, type=result.outcome, message=_xml(result.detail))
            kind.text = _xml(failure_text(claim, result))
        elif survived:
            ElementTree.SubElement(case, "failure", type="survived", message=_xml(f"survived: {', '.join(survived)}"))
    _assert_rows(report, len(suite.findall("testcase")))
    found = [len(suite.findall(f".//{tag}")) for tag in ("failure", "skipped", "error")]
    if found != [failures, skipped, counts["error"]]:
        raise AssertionError("the counts of the JUnit report do not add up")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    """The text with U+FFFD in place of characters that XML forbids."""
    return "".join(c if c in "\t\n\r" or " " <= c <= "\ud7ff" or c >= "\ue000" else "�" for c in text)


def _assert_rows(report: Report, rows: int) -> None:
    if rows != report.counts["claims"]:
        raise AssertionError(f"{rows} rows for {report.counts['claims']} claims")
