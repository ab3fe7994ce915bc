"""Terminal output, readable at 80 columns and without colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mathcore.verify.report.formats import OUTCOME_WORDS, failure_text, needs_explanation, summary, worst_text
from mathcore.verify.targets.conventions import Conventions

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim
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


def progress_bar(console: Console) -> Progress:
    """A progress bar with the name of the last claim."""
    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=console, transient=True)


def plain_table(*columns: str) -> Table:
    """A table without lines. A column called "claim" is never wrapped, so that ids can be copied."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column in ("claim", "FAQ"), overflow="fold")
    return table


def print_report(console: Console, report: Report, *, counterexamples: bool) -> None:
    """Print a table of the claims that ran, all failures, what was not checked, and the counts."""
    print_results(console, report)
    for claim, result in report.results:
        if needs_explanation(result):
            console.print(_failure(claim, result))
            if result.finding is not None and result.finding.script and result.outcome == "refuted":
                program = Text(f"\n{result.finding.script.rstrip()}", style="dim")
                console.print(program, soft_wrap=True)  # no line may be broken
    if counterexamples:
        for _, result in report.results:
            for finding in (c.finding for c in result.checks if c.counterexample and c.finding):
                console.print(_counterexample(result.claim, finding))
    if report.in_part:
        console.print(_reasons("held on what is offered, but", report.in_part))
    if report.not_checked:
        console.print(_not_checked(report.not_checked))
    if report.not_judged:
        console.print(Text(f"\nnamed, but not checked: {', '.join(report.not_judged)}", style=_STYLE["refuted"]))
    console.print(Text(f"\n{summary(report)}"), soft_wrap=False)


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


def _not_checked(reasons: Mapping[str, list[str]]) -> Group:
    absent = {reason: claims for reason, claims in reasons.items() if reason.startswith("the target has no")}
    if len(absent) <= 3:
        return _reasons("not checked", reasons)
    count = sum(map(len, absent.values()))
    first = Text(f"  {count} claims about operations that the target does not have")
    return _reasons("not checked", {r: claims for r, claims in reasons.items() if r not in absent}, first)


def _reasons(title: str, reasons: Mapping[str, list[str]], *first: Text) -> Group:
    """Reasons, each with the first claims that it concerns."""
    lines: list[Any] = [Text(f"\n{title}", style="bold"), *first]
    for reason, claims in reasons.items():
        shown = ", ".join(claims[:3]) + (f" and {len(claims) - 3} more" if len(claims) > 3 else "")
        lines.append(Text(f"  {reason}: {shown}"))
    return Group(*lines)


def _counterexample(claim: str, finding: Finding) -> Group:
    """An input on which the statement fails without its condition."""
    inputs = [Text(f"  {name} = {text}") for name, text in finding.inputs.items()]
    return Group(Text(f"\n{claim}: {finding.kind} counterexample"), *inputs, Text(f"  {finding.headline}"))


def _failure(claim: Claim, result: ClaimResult) -> Group:
    """Why a claim did not hold, and which mutants survived."""
    head, _, rest = failure_text(claim, result, script=False).partition("\n")
    lines: list[Any] = [Text(f"\n{head}", style=_STYLE[result.outcome]), Text(rest)]
    lines += [Text(f"  survived: {name}") for name, caught in result.mutants.items() if not caught]
    if result.finding is not None and result.finding.script and result.outcome == "refuted":
        lines.append(Text("  To reproduce it:"))
    return Group(*lines)


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
