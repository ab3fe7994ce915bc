"""`mathcore bugs`: bugs that libraries shipped, and the claims that catch them."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from mathcore.cli.options import output_file, profile_option, seed_option, write_json


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME | TOPIC]...")
@profile_option("quick")
@seed_option()
@output_file("--json", "json_file", what="Write the result here.")
def bugs(names: tuple[str, ...], profile: str, seed: int, json_file: Path | None) -> None:
    """Reproduce bugs that libraries shipped, and see which claim catches each.

    Exit status: 0 when all are caught, 1 when one survives, 2 for a bad call.
    """
    from mathcore.verify.real_bugs import choose, judge, to_json
    from mathcore.verify.report.progress import progress_on
    from mathcore.verify.report.terminal import print_bugs

    console, judged = Console(), []
    try:
        chosen = choose(names)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    with progress_on(console, len(chosen)) as show:
        for bug in chosen:
            judged.append(judge(bug, profile=profile, seed=seed, brief=json_file is None))
            show(bug.id, False)
    write_json(json_file, to_json(judged))
    print_bugs(console, judged)
    sys.exit(0 if all(found.finding for found in judged) else 1)
