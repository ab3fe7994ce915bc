"""The page of real bugs: each with its reports, the faulty function, and the input that shows it.

Pure: what the run found in, Markdown out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from _site import words
from _site.model import Bug, FalseAlarm, Finding, Report, Thread
from _site.words import code_block, link

_LONGEST = 300  # characters of an input that are shown


def real_bugs(bugs: Sequence[Bug], report: Report, path: str) -> str:
    """An overview, then every bug, by section."""
    parts = [_overview(bugs, report, path)]
    for section, group in groupby(bugs, key=lambda bug: bug.section):
        parts += [f"## {section}", *(_bug(bug, report, path) for bug in group)]
    return "\n\n".join(parts)


def false_alarms(alarms: Sequence[FalseAlarm]) -> str:
    """Every right implementation that was reported as wrong."""
    return "\n\n".join(_alarm(alarm) for alarm in alarms)


def _overview(bugs: Sequence[Bug], report: Report, path: str) -> str:
    threads = {thread.url: thread for bug in bugs for thread in bug.reports}.values()
    libraries = {thread.name.split("#")[0].removesuffix(" PR ") for thread in threads}
    years = [thread.year for thread in threads]
    said = (
        f"{words.plural(len(bugs), 'bug')} from {words.plural(len(threads), 'report')} of "
        f"{words.plural(len(libraries), 'project')}, {min(years)} to {max(years)}. In this build "
        f"{sum(bug.finding is not None for bug in bugs)} of {len(bugs)} are caught."
    )
    entries = [
        f"- [`{bug.id}`](#{bug.id}), {min(t.year for t in bug.reports)}: "
        + (_claim(bug.claim, report, path) if bug.finding else words.BROKEN)
        for bug in bugs
    ]
    legend = "Each with the year of its first report, and the claim that caught it:"
    return "\n".join([said, "", legend, "", *entries])


def _bug(bug: Bug, report: Report, path: str) -> str:
    caught = f"{bug.statement} {_claim(bug.claim, report, path)}"
    parts = [
        f"### `{bug.id}` {{ #{bug.id} }}",
        bug.title,
        f"In place of `{bug.operation}`:",
        _unsearched(code_block(bug.source, "python")),
        f"Reported\n:   {_reports(bug.reports)}",
        f"Caught by\n:   {caught if bug.finding else words.BROKEN}",
        *([_unsearched(shown(bug.finding))] if bug.finding else []),
    ]
    if bug.others:
        parts.append(f"Also refuted by\n:   {', '.join(_claim(name, report, path) for name in bug.others)}")
    return "\n\n".join(parts)


def _unsearched(block: str) -> str:
    """Nobody searches for the code and the input of a bug, and every page loads what can be searched."""
    return f"<div data-search-exclude markdown>\n\n{block}\n\n</div>"


def _alarm(alarm: FalseAlarm) -> str:
    held = sum(alarm.claims.values())
    return "\n\n".join(
        [
            f"### `{alarm.id}` {{ #{alarm.id} }}",
            f"{alarm.title} *Why that is harmless.* {alarm.why}",
            code_block(alarm.source, "python"),
            f"Reported\n:   {_reports(alarm.reports)}",
            f"Accepted by\n:   {held} of the {words.plural(len(alarm.claims), 'claim')} that it can be asked about.",
        ]
    )


def _claim(name: str, report: Report, path: str) -> str:
    return link(f"`{name}`", report.by_id[name].page, path) if name in report.by_id else f"`{name}`"


def _reports(threads: Sequence[Thread]) -> str:
    return "; ".join(f"[{t.name}]({t.url}) ({t.year}){', ' if t.status else ''}{t.status}" for t in threads) + "."


def shown(finding: Finding) -> str:
    """An input and the two sides that differ on it, as a block."""
    lines = [f"{name} = {_shortened(text)}" for name, text in finding.inputs.items()]
    outcome = finding.lhs
    if not finding.crashed:
        outcome = f"{finding.lhs}  {finding.relation}  {finding.rhs}   is false"
        outcome += f": error {finding.error}, allowed {finding.allowance}"
    return code_block("\n".join([*lines, "", outcome]))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()} …"
