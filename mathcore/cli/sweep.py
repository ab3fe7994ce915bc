"""`mathcore sweep`: an operation on every number of a format."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from mathcore.cli.options import executor_option, framework_options, functions, output_file, workers_option, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor


@click.command()
@click.argument("name", metavar="OPERATION[=MODULE:NAME]")
@click.option("--dtype", type=click.Choice(["float32", "float16", "bfloat16"]), default="float32", show_default=True)
@click.option("--pairs", is_flag=True, help="All pairs of numbers instead of all numbers; in 16 bits.")
@framework_options
@click.option(
    "--resume",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep finished ranges here, and go on with those that are missing.",
)
@click.option("--shard", metavar="K/N", help="Only every N-th range, from the K-th.")
@workers_option
@executor_option
@click.option(
    "--range-size",
    type=click.IntRange(min=1),
    default=2**22,
    show_default=True,
    help="Inputs in a range, a power of two.",
)
@click.option("--max-ulp", type=click.FloatRange(min=0), help="Fail if an error is larger.")
@output_file("--json", "json_file", what="Write the errors here.")  # fmt: skip
def sweep(
    name: str,
    dtype: str,
    pairs: bool,
    folder: Path | None,
    shard: str | None,
    workers: int | None,
    executor: str | None,
    range_size: int,
    max_ulp: float | None,
    json_file: Path | None,
    **how: Any,
) -> None:
    """Try every number of a format, and measure each error in ulp.

    Operations of scores are swept as functions of one number x, with a score of 0 before it: softmax(0, x)[1] is the
    sigmoid. NaN and infinities are left to the claims.

    Exit status: 0 when nothing is wrong, 1 when an answer is no number or an error exceeds --max-ulp, 2 for a bad call.
    """
    from mathcore.verify.run.shards import Shard
    from mathcore.verify.sweep.campaign import Sweep, SweepError, run_sweep
    from mathcore.verify.sweep.measure import Plan
    from mathcore.verify.sweep.operations import swept

    console = Console()
    try:
        operation = name.partition("=")[0]
        count = swept(operation, 2 if pairs else None).count
        named = functions([name] if "=" in name else [], dtypes=(dtype,) if "=" in name else (), **how)
        plan = Plan(operation, dtype, count, range_size)
        part = None if shard is None else Shard.parse(shard)
        with _elsewhere(executor, workers, plan.ranges) as pool, _bar(console, plan.ranges, part) as tick:
            found = run_sweep(Sweep(plan, named), folder, pool, part, tick)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    except SweepError as failed:
        raise click.ClickException(str(failed)) from failed
    write_json(json_file, found)
    _print(console, found)
    exceeded = max_ulp is not None and (found["max_ulp"] is None or found["max_ulp"] > max_ulp)
    sys.exit(1 if exceeded or found["distribution"]["no number"] else 0)


@contextlib.contextmanager
def _elsewhere(address: str | None, workers: int | None, ranges: int) -> Iterator[Executor | None]:
    """The executor at an address, or processes; None for this one."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from mathcore.verify.run.executor import connected

    count = min(workers or os.cpu_count() or 1, ranges)
    if address:
        with connected(address) as executor:
            yield executor
    elif count > 1:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            yield pool
    else:
        yield None


@contextlib.contextmanager
def _bar(console: Console, ranges: int, part: Any) -> Iterator[Any]:
    from mathcore.verify.report.progress import progress_on

    before = 0

    def until(done: int) -> None:
        nonlocal before
        for _ in range(done - before):
            show("ranges", False)
        before = done

    with progress_on(console, ranges if part is None else len(range(part.part - 1, ranges, part.of))) as show:
        yield until


def _print(console: Console, found: dict[str, Any]) -> None:
    from mathcore.verify.report.terminal import plain_table

    table = plain_table("error in ulp", "inputs", "share")
    table.columns[1].justify = table.columns[2].justify = "right"
    for words, count in found["distribution"].items():
        if count:
            table.add_row(words, f"{count:,}", f"{100 * count / found['judged']:.4g} %")
    console.print(table)
    for place in found["worst"][:3]:
        at = ", ".join(f"{x!r}" for x in place["input"])
        console.print(Text(f"  {place['bits']}  ({at})  {_ulp(place['ulp'])}"))
    if not found["exhaustive"]:
        console.print(Text(f"{found['done']} of {found['ranges']} ranges are done", style="yellow"))
    every = "every finite input" if found["exhaustive"] else f"{found['judged']:,} inputs"
    text = f"{found['swept']} in {found['dtype']}, {every}: at most {_ulp(found['max_ulp'])}"
    console.print(Text(text, style="bold"))


def _ulp(error: float | None) -> str:
    return "no number" if error is None else f"{error:.6g} ulp"
