"""The command line: `mathcore verify`, `claims` and `show` here, `train` and `generate` in `cli_training`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click
    import hypothesis  # noqa: F401  (the first import that fails names the remedy for all)
    from rich.console import Console, Group
    from rich.markdown import Markdown
    from rich.padding import Padding
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table
    from rich.text import Text

    from mathcore import cli_training
except ModuleNotFoundError as missing:
    sys.exit(f"the command line needs `{missing.name}`: pip install 'mathcore[verify]'")

if TYPE_CHECKING:
    from mathcore.verify import Claim, Report
    from mathcore.verify.describe import Finding
    from mathcore.verify.runner import ClaimResult

_STYLE = {"holds": "green", "refuted": "bold red", "not_offered": "dim", "inconclusive": "yellow"}
_WORDS = {"holds": "holds", "holds_if": "holds if …", "refuted": "refuted"}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mathcore")
def main() -> None:
    """Every claim about how language models compute, checked."""


main.add_command(cli_training.train)
main.add_command(cli_training.generate)


@main.command()
@click.argument("names", nargs=-1, metavar="[ID or TOPIC]...")
@click.option("--target", metavar="MODULE:NAME", help="What to check; mathcore itself by default.")
@click.option("--profile", type=click.Choice(["quick", "default", "thorough"]), default="default", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), help="Draw the inputs of an earlier run again.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report here.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a core by default.")
def verify(
    names: tuple[str, ...],
    target: str | None,
    profile: str,
    seed: int | None,
    file: Path | None,
    workers: int | None,
) -> None:
    """Run claims: all of them, or those named by id, topic or faq17.

    Exit status: 0 when every claim that ran holds, 1 when one does not, 2 for a bad call.
    """
    from mathcore.verify import catalogue, select
    from mathcore.verify import verify as run

    console = Console()
    try:
        total = len(select(catalogue(), names))
        with _progress(console) as bar:
            task = bar.add_task("checking", total=total)

            def tick(result: ClaimResult) -> None:
                bar.update(task, advance=1, description=result.claim)

            report = run(target, *names, profile=profile, seed=seed, workers=workers, progress=tick)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    if file is not None:
        file.write_text(json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _print_report(console, report, counterexamples=bool(names))
    sys.exit(0 if report.passed else 1)


@main.command()
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
def claims(names: tuple[str, ...]) -> None:
    """List the claims, or those of a topic."""
    table = _table("FAQ", "claim", "verdict", "evidence")
    for claim in _selected(names):
        table.add_row(str(claim.faq or ""), claim.id, _WORDS[claim.verdict], ", ".join(claim.evidence))
    Console().print(table)


@main.command()
@click.argument("name", metavar="ID")
def show(name: str) -> None:
    """Print one claim whole."""
    from mathcore.verify.report import claim_page

    console = Console()
    for claim in _selected((name,)):
        page = claim_page(claim)
        console.print(Text(claim.id, style="bold"))
        console.print(Padding(Text(claim.statement), (1, 2)))
        rows = _table("", "")
        rows.show_header = False
        rows.add_row("formula", Text(claim.formula))
        rows.add_row("verdict", _WORDS[claim.verdict] + (f" (FAQ {claim.faq})" if claim.faq else ""))
        for key in ("condition", "corrected", "source"):
            if page[key]:
                rows.add_row(key, Text(page[key]))
        rows.add_row("evidence", ", ".join(claim.evidence))
        rows.add_row("operations", ", ".join(claim.needs))
        console.print(rows)
        for tolerance in page["tolerance"]:
            console.print(Text(f"\ntolerance {tolerance['name']}", style="bold"))
            console.print(Padding(Markdown(tolerance["derivation"]), (0, 2)))
        if claim.refuted_by:
            console.print(Text("\nmust refute", style="bold"))
            wrong = _table("", "")
            wrong.show_header = False
            for mutant in claim.refuted_by:
                wrong.add_row(mutant.name, Text(mutant.note))
            console.print(wrong)
        for check in claim.checks:
            text, file, line = check.source
            kind = "counterexample" if check.counterexample else check.rung
            console.print(Text(f"\n{kind}  {file}:{line}", style="bold"))
            console.print(Padding(Text(text), (0, 2)))


def _selected(names: tuple[str, ...]) -> list[Claim]:
    from mathcore.verify import catalogue, select

    try:
        return select(catalogue(), names)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown


def _progress(console: Console) -> Progress:
    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    return Progress(*columns, console=console, transient=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_report(console: Console, report: Report, counterexamples: bool) -> None:
    table = _table("claim", "outcome", "examples", "worst", "caught")
    for column in table.columns[2:]:
        column.justify = "right"
        column.no_wrap = True
    for _, result in report.results:
        tally = result.tally
        worst = "exact" if tally.allowance == 0 else f"{tally.worst:.2g}"
        caught = f"{sum(result.mutants.values())}/{len(result.mutants)}" if result.mutants else "–"
        outcome = Text(result.outcome.replace("_", " "), style=_STYLE[result.outcome])
        table.add_row(result.claim, outcome, f"{tally.examples:,}", worst, caught)
    console.print(table)
    for claim, result in report.results:
        if result.outcome != "holds" or not all(result.mutants.values()):
            console.print(_complaint(claim, result))
    if counterexamples:
        for _, result in report.results:
            for finding in (c.finding for c in result.checks if c.counterexample and c.finding):
                console.print(_counterexample(result.claim, finding))
    console.print(_summary(report))


def _counterexample(claim: str, finding: Finding) -> Group:
    """An input on which the sentence fails without its condition."""
    inputs = [Text(f"  {name} = {text}") for name, text in finding.inputs.items()]
    return Group(Text(f"\n{claim}: {finding.kind} counterexample"), *inputs, Text(f"  {finding.headline}"))


def _complaint(claim: Claim, result: ClaimResult) -> Group:
    """Why a claim does not stand, with the input."""
    style = _STYLE[result.outcome]
    lines: list[Any] = [
        Text(f"\n{claim.id}: {result.outcome.replace('_', ' ')}", style=style),
        Text(f"  {claim.statement}"),
    ]
    if result.detail:
        lines.append(Text(f"  {result.detail}"))
    finding = next((c.finding for c in result.checks if c.outcome == "refuted" and c.finding), None)
    if finding is not None:
        lines.extend(Text(f"  {name} = {text}") for name, text in finding.inputs.items())
        if finding.place:
            lines.append(Text(f"  {finding.place}"))
    lines.extend(Text(f"  survived: {name}") for name, caught in result.mutants.items() if not caught)
    return Group(*lines)


def _summary(report: Report) -> Text:
    counts = report.counts
    parts = [f"{counts[o]} {o.replace('_', ' ')}" for o in _STYLE if counts[o]]
    wrong = sum(len(r.mutants) for _, r in report.results)
    caught = sum(sum(r.mutants.values()) for _, r in report.results)
    text = f"\n{counts['claims']} claims on {report.target}: {', '.join(parts)}"
    text += f"; {caught} of {wrong} wrong implementations caught"
    return Text(f"{text}; {report.seconds:.0f} s, profile {report.profile}, seed {report.seed}")
