"""Terminal output, readable at 80 columns and without colour."""

from __future__ import annotations

import math
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mathcore.verify.report.causes import Cause, causes
from mathcore.verify.report.failures import Line, entries, entry, example, others, survivors
from mathcore.verify.report.formats import OUTCOME_WORDS, summary, worst_text
from mathcore.verify.targets.conventions import Conventions

if TYPE_CHECKING:
    from mathcore.verify.real_bugs import Caught
    from mathcore.verify.report.describe import Finding
    from mathcore.verify.report.report import Report
    from mathcore.verify.run.results import ClaimResult
    from mathcore.verify.targets.detect import Detection

_STYLE = {
    "holds": "green",
    "refuted": "bold red",
    "not_offered": "dim",
    "inconclusive": "yellow",
    "waived": "cyan",
    "unexpected": "bold yellow",
    "error": "bold magenta",
}


def plain_table(*columns: str) -> Table:
    """A table without lines. A column called "claim" is never wrapped, so that ids can be copied."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column in ("claim", "FAQ"), overflow="fold")
    return table


MAX_LINES = 60
"""The length of a report of failures, unless more is asked for."""

_MAX_ROWS = 12  # of the table of claims, beside failures


def print_report(
    console: Console, report: Report, *, counterexamples: bool, verbose: bool = False, folder: Path | None = None
) -> None:
    """Print a table of the claims that ran, the failures by cause, what was not checked, and the counts.

    Args:
        console: where to.
        report: what to print.
        counterexamples: whether to print the inputs on which conditional statements fail without their condition, in
            a report without failures.
        verbose: print everything; otherwise a report of failures has at most `MAX_LINES` lines.
        folder: where the scripts go; None to save them only if the first one cannot be printed, in a new folder.
    """
    found = causes(report.results)
    ran = sum(r.outcome != "not_offered" for _, r in report.results)
    with_table = verbose or not found or ran <= _MAX_ROWS
    if with_table:
        print_results(console, report)
    if counterexamples and (verbose or not found):
        for _, result in report.results:
            for finding in (c.finding for c in result.checks if c.counterexample and c.finding):
                console.print(_counterexample(result.claim, finding))
    tail = _tail(report, console.width, short=bool(found) and not verbose)
    saved = None if folder is None else save_scripts(report, folder)
    if verbose:
        _print_all(console, found)
    elif found:
        room = MAX_LINES - len(tail) - len(_last_lines(report, console.width)) - (ran + 3) * with_table
        saved = _print_short(console, report, found, room, saved)
    _print_lines(console, tail)
    if saved is not None:
        _print_lines(console, [("", ""), ("", f"scripts: {saved}")])
    console.print(Text(f"\n{summary(report)}"), soft_wrap=False)


def _last_lines(report: Report, width: int) -> list[str]:
    """The summary, where the scripts are, and what to ask for: with blank lines between."""
    return ["", "", "", "", "", "", "", *textwrap.wrap(summary(report), width)]


def _print_short(console: Console, report: Report, found: list[Cause], room: int, saved: Path | None) -> Path | None:
    """Print the causes that fit, the first with its script if that fits as well, else with its input.

    Returns:
        The folder where the scripts are saved: if the first does not fit, a new one.
    """
    claim, _, finding = found[0].failures[0]
    program = ["", f"To reproduce {claim.id}:", "", *finding.script.rstrip().splitlines()]
    length = sum(-(-max(len(line), 1) // console.width) for line in program)
    for inputs in (True, False):
        rest = room - length
        first = entry(found[0], 1, console.width, inputs=inputs)
        fits = bool(finding.script) and not finding.file and len(first) <= rest
        if fits:
            break
    lines, left_out = entries(found, console.width, rest if fits else room, inputs=inputs or not fits)
    if not fits and finding.script:
        saved = saved or save_scripts(report, None)
        lines += [("", ""), ("", f"To reproduce {claim.id}:"), ("", f"  python {saved}/{claim.id}.py")]
    _print_lines(console, lines)
    if left_out:
        _print_lines(
            console, [("", ""), ("bold", f"and {left_out} more cause{'s' * (left_out != 1)}; --verbose prints all")]
        )
    elif len(report.results) > 1:
        _print_lines(console, [("", ""), ("dim", "--verbose prints every claim, input and script")])
    if fits:
        _print_lines(console, [("dim", line) for line in program])
    return saved


def _print_all(console: Console, found: list[Cause]) -> None:
    for number, cause in enumerate(found, 1):
        _print_lines(console, entry(cause, number, console.width, short=False))
        for i, (claim, result, finding) in enumerate(cause.failures):
            if i:
                style = _STYLE[result.outcome]
                _print_lines(console, [("", ""), (style, f"{claim.id}: {OUTCOME_WORDS[result.outcome]}")])
                _print_lines(console, example(finding, console.width, short=False))
            if finding.script:
                console.print(Text("  To reproduce it:"))
                console.print(Text(f"\n{finding.script.rstrip()}", style="dim"), soft_wrap=True)


def _tail(report: Report, width: int, *, short: bool) -> list[Line]:
    """What comes after the refutations."""
    lines = others(report, width)
    for claim, result in report.results:
        lines += survivors(claim, result)
    if report.in_part:
        lines += _reasons("held on what is offered, but", report.in_part, width, short=short)
    if report.not_checked:
        lines += _not_checked(report.not_checked, width, short=short)
    if report.not_judged:
        said = f"named, but not checked: {', '.join(report.not_judged)}"
        lines += [("", ""), *((_STYLE["refuted"], line) for line in textwrap.wrap(said, width))]
    return lines


def _print_lines(console: Console, lines: list[Line]) -> None:
    for style, line in lines:
        console.print(Text(line, style=style), soft_wrap=True)


def save_scripts(report: Report, folder: Path | None) -> Path | None:
    """Save the script of every failure, and the arrays that it reads, in a folder, a new one if none is given."""
    findings = [(c.id, r.finding) for c, r in report.results if r.finding is not None and r.finding.script]
    if not findings:
        return None
    where = Path(tempfile.mkdtemp(prefix="mathcore-failures-")) if folder is None else folder
    where.mkdir(parents=True, exist_ok=True)
    for claim, finding in findings:
        (where / f"{claim}.py").write_text(finding.script, encoding="utf-8")
        if finding.file:
            np.savez_compressed(where / finding.file, allow_pickle=False, **finding.arrays)
    return where


def print_results(console: Console, report: Report) -> None:
    """Print a row for each claim that ran."""
    ran = [r for _, r in report.results if r.outcome != "not_offered"]
    with_mutants = any(r.mutants for r in ran)
    columns = ["claim", "outcome", "examples", "worst"] + ["caught"] * with_mutants
    table = plain_table(*columns)
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for result in ran:
        outcome = Text(OUTCOME_WORDS[result.outcome], style=_STYLE[result.outcome])
        if result.left_out:
            outcome.append(" in part", style="dim")
        if result.would_pass:
            outcome.append("*", style="yellow")
        caught = f"{sum(result.mutants.values())}/{len(result.mutants)}" if result.mutants else "–"
        row: list[str | Text] = [result.claim, outcome, f"{result.tally.examples:,}", worst_text(result)]
        table.add_row(*row, *([caught] if with_mutants else []))
    if ran:
        console.print(table)
    for trivial, ids in _vacuous(ran).items():
        console.print(Text(f"\n* {trivial} would have passed: {', '.join(ids)}", style="yellow"))


def _vacuous(results: list[ClaimResult]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in results:
        for trivial in result.would_pass:
            found.setdefault(trivial, []).append(result.claim)
    return found


def _not_checked(reasons: Mapping[str, list[str]], width: int, *, short: bool) -> list[Line]:
    absent = {reason: claims for reason, claims in reasons.items() if reason.startswith("the target has no")}
    if len(absent) <= 3:
        return _reasons("not checked", reasons, width, short=short)
    first = f"  {sum(map(len, absent.values()))} claims about operations that the target does not have"
    rest = {reason: claims for reason, claims in reasons.items() if reason not in absent}
    return _reasons("not checked", rest, width, first, short=short)


def _reasons(title: str, reasons: Mapping[str, list[str]], width: int, *first: str, short: bool) -> list[Line]:
    """Reasons, each with the first claims that it concerns, or with their number."""
    lines: list[Line] = [("", ""), ("bold", title), *(("", line) for line in first)]
    for number, (reason, claims) in enumerate(reasons.items()):
        if short and number == 3:
            return [*lines, ("", f"  and for {len(reasons) - 3} more reason{'s' * (len(reasons) != 4)}")]
        shown = ", ".join(claims[:3]) + (f" and {len(claims) - 3} more" if len(claims) > 3 else "")
        if short:
            shown = f"{len(claims)} claim{'s' * (len(claims) != 1)}"
        wrapped = textwrap.wrap(f"{reason}: {shown}", width, initial_indent="  ", subsequent_indent="  ")
        lines += [("", line) for line in wrapped]
    return lines


def _counterexample(claim: str, finding: Finding) -> Group:
    """An input on which the statement fails without its condition."""
    inputs = [Text(f"  {name} = {text}") for name, text in finding.inputs.items()]
    return Group(Text(f"\n{claim}: {finding.kind} counterexample"), *inputs, Text(f"  {finding.headline}"))


def print_matrix(console: Console, matrix: Mapping[str, Mapping[str, bool]], notes: Mapping[str, str]) -> None:
    """Print every mutant with the claims that must refute it."""
    for mutant, claims in matrix.items():
        style = "green" if all(claims.values()) else "bold red"
        console.print(Text(mutant, style=style).append(f"  {notes[mutant]}", style="default"))
        for claim, caught in claims.items():
            words, style = ("refuted by", "") if caught else ("SURVIVES  ", "bold red")
            console.print(Text(f"    {words} {claim}", style=style))


def print_bugs(console: Console, judged: Sequence[Caught]) -> None:
    """Print every bug with the year of its first report and the claim that caught it."""
    table = plain_table("since", "claim", "caught by")
    table.columns[1].header, table.columns[2].no_wrap = "bug", True
    for found in judged:
        since = min(thread.year for thread in found.bug.reports)
        caught = Text(found.bug.claim.id, style="green") if found.finding else Text("SURVIVES", style="bold red")
        table.add_row(str(since), found.bug.id, caught)
    console.print(table)
    count = sum(found.finding is not None for found in judged)
    console.print(Text(f"\n{count} of {len(judged)} bugs caught"))


def print_detection(console: Console, detection: Detection) -> None:
    """Print every convention with the observation that decided it, how to declare them, and what is unknown."""
    table = plain_table("convention", "value", "because")
    table.columns[0].no_wrap = True
    for found in detection.observations:
        value = f"{found.value:g}" if isinstance(found.value, float) else str(found.value)
        if found.value is None:
            value = "unknown" if found.applies else "–"
        shown = Text(value, style="yellow" if found.value is None else "bold")
        table.add_row(found.convention, shown, Text(found.because))
    console.print(table)
    differences = Conventions().difference(detection.conventions)
    if differences:
        console.print(Text("\nto declare them, in Python and on the command line"))
        inside = ", ".join(f"{k}={_literal(v)}" for k, v in differences.items())
        console.print(Text(f"  Conventions({inside})"), soft_wrap=True)
        console.print(Text("  " + " ".join(f"--convention {k}={v}" for k, v in differences.items())), soft_wrap=True)
    if detection.unknown:
        unknown = (
            f"\nunknown: {', '.join(detection.unknown)}. No known convention explains what the calls gave; see above."
        )
        console.print(Text(unknown, style="yellow"))
    elif not differences:
        console.print(Text("\nAll of them are the defaults: nothing needs to be declared."))


def _literal(value: Any) -> str:
    """The value as Python code."""
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)
