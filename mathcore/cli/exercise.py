"""`mathcore exercise`: what a student wrote for a chapter of the course, or a whole class, judged as on its pages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mathcore.cli.options import output_file, seed_option, write_json

if TYPE_CHECKING:
    from mathcore.exercises.engine import Cell, Verdict
    from mathcore.exercises.submission import Submission

_STYLE = {"passed": "green", "refuted": "bold red", "stopped": "yellow"}


@click.command()
@click.argument("chapter", type=click.IntRange(min=1))
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path), metavar="[FILE | FOLDER]")
@click.option("--start", is_flag=True, help="Print a file to begin with, instead of judging one.")
@click.option("--examples", type=click.IntRange(min=1), default=100, show_default=True, help="Inputs for each check.")
@seed_option()
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="Seconds for each check.",
)
@output_file("--json", "json_file", what="Write the result here.")
def exercise(
    chapter: int, path: Path | None, start: bool, examples: int, seed: int, limit: float, json_file: Path | None
) -> None:
    """Judge FILE by the checks of those cells of CHAPTER whose functions it defines, or each file of FOLDER.

    Without a file: the cells of the chapter, and what each function is to do. Exit status: 0 when all checks pass, 1
    when one does not or a file defines no cell's functions, 2 for a bad call.
    """
    from mathcore.exercises.submission import judge_file, starting_file

    cells, console = _cells_of(chapter), Console()
    if start:
        click.echo(starting_file(cells), nl=False)
        return
    if path is None:
        _print_cells(console, cells)
        return
    files = [path] if path.is_file() else sorted(path.glob("*.py"))
    if not files:
        raise click.UsageError(f"{path} has no file that ends in .py")
    judged = [judge_file(file, cells, examples=examples, seed=seed, limit=limit) for file in files]
    if json_file is not None:
        _write(json_file, judged, chapter=chapter, examples=examples, seed=seed)
    if path.is_file():
        _print_one(console, judged[0], cells)
    else:
        _print_table(console, judged, cells)
    sys.exit(0 if all(one.passed for one in judged) else 1)


def _write(file: Path, judged: Sequence[Submission], **asked: int) -> None:
    """What was asked and what became of each submission, as JSON."""
    from mathcore.exercises.submission import to_json

    whole = {"schema": 1, **asked, "submissions": [to_json(one) for one in judged]}
    write_json(file, whole)


def _cells_of(chapter: int) -> list[Cell]:
    from mathcore.exercises import cells

    chosen = [cell for name, cell in cells().items() if name.startswith(f"{chapter:02}_")]
    if not chosen:
        chapters = sorted({int(name.split("_")[0]) for name in cells()})
        raise click.UsageError(f"chapter {chapter} has no cells; there are those of {', '.join(map(str, chapters))}")
    return chosen


def _print_cells(console: Console, cells: Sequence[Cell]) -> None:
    for cell in cells:
        console.print(Text.assemble((cell.name, "bold"), f"  {cell.title}"))
        console.print(Padding(Text(f"define {', '.join(cell.defines)}"), (0, 2)))
        for check in cell.checks:
            console.print(Padding(Text.assemble(check.says, (f"  {check.claim}", "dim")), (0, 2, 0, 4)))


def _print_one(console: Console, judged: Submission, cells: Sequence[Cell]) -> None:
    for cell in cells:
        if cell.name in judged.cells:
            console.print(Text.assemble((cell.name, "bold"), f"  {cell.title}"))
            console.print(Padding(_verdicts(judged.cells[cell.name]), (0, 2)))
    if judged.error:
        console.print(Text(f"{judged.file}: {judged.error}", style="bold red"))
    for name, functions in judged.lacking.items():
        console.print(Text(f"{name}  not judged: the file does not define {', '.join(functions)}", style="dim"))


def _verdicts(verdicts: Sequence[Verdict]) -> Table:
    from mathcore.verify.report.terminal import plain_table

    table = plain_table("outcome", "check")
    table.show_header = False
    table.columns[0].no_wrap = True
    for verdict in verdicts:
        word = f"{verdict.outcome} {verdict.tried}" if verdict.outcome == "passed" else verdict.outcome
        table.add_row(Text(word, style=_STYLE[verdict.outcome]), Text("\n".join([verdict.says, *_found(verdict)])))
    return table


def _found(verdict: Verdict) -> list[str]:
    """The input that refutes, and both sides or the error."""
    if verdict.outcome == "passed":
        return []
    inputs = [f"{name} = {value}" for name, value in verdict.inputs.items()]
    sides = [f"left side:  {verdict.left}", f"right side: {verdict.right}"]
    return [*inputs, *([verdict.message] if verdict.message else sides)]


def _print_table(console: Console, judged: Sequence[Submission], cells: Sequence[Cell]) -> None:
    """A line for each submission: how many checks of each cell passed."""
    from mathcore.verify.report.terminal import plain_table

    table = plain_table("file", *(cell.name for cell in cells), "")
    for one in judged:
        result = Text("passed", style="green") if one.passed else Text(one.error or "failed", style="bold red")
        table.add_row(one.file.name, *(_count(one.cells.get(cell.name)) for cell in cells), result)
    console.print(table)
    console.print(Text(f"\n{sum(one.passed for one in judged)} of {len(judged)} passed"))


def _count(verdicts: Sequence[Verdict] | None) -> str:
    if verdicts is None:
        return "–"
    return f"{sum(verdict.outcome == 'passed' for verdict in verdicts)} of {len(verdicts)}"
