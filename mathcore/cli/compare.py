"""`mathcore compare`: two implementations on the same inputs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from mathcore.cli.options import from_environment, output_file, seed_option, write_json

if TYPE_CHECKING:
    from mathcore.verify.compare import Comparison


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("operations", nargs=-1, metavar="[OPERATION]...")
@click.option("--examples", type=click.IntRange(min=1), default=100, show_default=True, help="Inputs per operation.")
@seed_option(**from_environment(0))
@click.option(
    "--max-ulp",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Fail if they are further apart; with 0, if any bit differs.",
)
@output_file("--json", "json_file", what="Write the comparison here.")  # fmt: skip
def compare(
    a: str, b: str, operations: tuple[str, ...], examples: int, seed: int, max_ulp: float, json_file: Path | None
) -> None:
    """Call A and B with the same inputs, operation after operation, and say where they part first.

    A and B are targets, MODULE:NAME, or `mathcore`. The distance is in ulp: steps from one number of the format to the
    next.

    Exit status: 0 when they are within --max-ulp of each other, 1 when they are not, 2 for a bad call.
    """
    from mathcore.verify.compare import compare as compare_targets
    from mathcore.verify.run.session import find_target

    try:
        first, second = (find_target(None if path == "mathcore" else path) for path in (a, b))
        found = compare_targets(first, second, *operations, examples=examples, seed=seed)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    write_json(json_file, found.to_json())
    _print(Console(), found)
    apart = found.first is not None if max_ulp == 0 else found.most > max_ulp
    sys.exit(1 if apart else 0)


def _print(console: Console, found: Comparison) -> None:
    from mathcore.verify.compare import rows
    from mathcore.verify.report.terminal import plain_table

    table = plain_table("operation", "inputs", "same bits", "mean ulp", "max ulp")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for row in rows(found):
        table.add_row(*row)
    console.print(table)
    for name, why in found.missing.items():
        console.print(Text(f"not compared: {name}, {why}", style="yellow"))
    if skipped := {d.operation: d.skipped for d in found.differences if d.skipped}:
        words = ", ".join(f"{count} of {name}" for name, count in skipped.items())
        console.print(Text(f"inputs that one of them does not support: {words}"))
    first = found.first
    if first is None:
        console.print(Text(f"\n{found.names[0]} and {found.names[1]} gave the same bits; seed {found.seed}"))
        return
    console.print(Text(f"\n{found.names[0]} and {found.names[1]} part first in {first.operation}", style="bold"))
    console.print(Text(f"  {first.first}"))
