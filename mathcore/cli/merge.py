"""`mathcore merge`: the reports of the parts of a run as one."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from mathcore._files import json_values
from mathcore.cli.options import output_file, write_json


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output_file("--json", "json_file", what="Write the merged report here.")
def merge(files: tuple[Path, ...], json_file: Path | None) -> None:
    """Put the JSON reports of `mathcore verify --shard K/N` together.

    Exit status: 0 when all parts are there and the whole run passed, 1 when a part is lost or a claim failed, 2 for
    reports that do not belong together.
    """
    from mathcore.verify.run.shards import lost
    from mathcore.verify.run.shards import merge as merge_reports

    try:
        report = merge_reports([_read(path) for path in files])
    except LookupError as refused:
        raise click.UsageError(str(refused.args[0])) from refused
    write_json(json_file, report)
    console = Console()
    _print(console, report)
    shards, claims = lost(report)
    if shards or claims:
        numbers = ", ".join(map(str, shards))
        console.print(Text(f"lost: shard {numbers} of {report['shard']['of']}, {len(claims)} claims", style="bold red"))
    sys.exit(0 if report["passed"] else 1)


def _read(path: Path) -> dict[str, Any]:
    from mathcore.verify.run.shards import merge as merge_reports

    try:
        report = json_values(path.read_bytes())
        merge_reports([report])  # whatever is wrong with this one alone
    except (OSError, ValueError, LookupError) as broken:
        raise LookupError(f"{path} is no report of a shard: {broken}") from broken
    return dict(report)


def _print(console: Console, report: dict[str, Any]) -> None:
    from mathcore.verify.report.formats import OUTCOME_WORDS

    for claim in report["claims"]:
        survived = [name for name, killed in claim["mutants"].items() if not killed]
        if claim["outcome"] not in ("holds", "not_offered") or survived:
            console.print(Text(f"{claim['id']}: {OUTCOME_WORDS[claim['outcome']]}", style="bold red"))
            notes = [claim["detail"], *(f"survived: {name}" for name in survived)]
            for note in filter(None, notes):
                console.print(Text(f"  {note}"))
    outcomes = Counter(claim["outcome"] for claim in report["claims"])
    words = ", ".join(f"{outcomes[name]} {text}" for name, text in OUTCOME_WORDS.items() if outcomes[name])
    parts = f"{len(report['shard']['parts'])} of {report['shard']['of']} shards"
    console.print(Text(f"{len(report['claims'])} claims on {report['target']}: {words or 'none ran'}; {parts}"))
