"""Progress of a run: a bar on a terminal, a line now and then elsewhere, and results as lines of JSON."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mathcore.verify.report.report import claim_json

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim
    from mathcore.verify.run.results import ClaimResult

_EVERY = 10.0
"""Seconds between two lines of progress."""

Show = Callable[[str, bool], None]
"""Called with the name of what is done, and whether it was refuted."""


@contextlib.contextmanager
def progress_on(console: Console, total: int, every: float = _EVERY) -> Iterator[Show]:
    """Inside the context, a bar on a terminal; elsewhere a line on standard error every so many seconds.

    Yields:
        A function to call when something is done.
    """
    if console.is_terminal:
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("checking", total=total)
            yield lambda name, _: bar.update(task, advance=1, description=name)
        return
    with _lines(total, every) as show:
        yield show


@contextlib.contextmanager
def _lines(total: int, every: float) -> Iterator[Show]:
    begin, over, stream = time.monotonic(), threading.Event(), sys.stderr  # a claim's output may be captured
    count = {"done": 0, "refuted": 0}

    def show(_: str, refuted: bool) -> None:
        count["done"] += 1
        count["refuted"] += refuted

    def write() -> None:
        while not over.wait(every):
            seconds = time.monotonic() - begin
            text = f"{count['done']}/{total} done, {count['refuted']} refuted, {seconds:.0f} s"
            print(text, file=stream, flush=True)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield show
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def lines_of_json(where: Path | str | None, claims: Sequence[Claim]) -> Iterator[Callable[[ClaimResult], None]]:
    """Inside the context, each result is written as a line of JSON, to a file or, for "-", to standard output.

    Yields:
        A function to call with the first result of each claim; it does nothing if there is no file.
    """
    if where is None:
        yield lambda _: None
        return
    known = {claim.id: claim for claim in claims}
    with contextlib.ExitStack() as stack:
        stream = sys.stdout if where == "-" else stack.enter_context(Path(where).open("w", encoding="utf-8"))

        def write(result: ClaimResult) -> None:
            click.echo(json.dumps(claim_json(known[result.claim], result), ensure_ascii=False), file=stream)
            stream.flush()

        yield write
