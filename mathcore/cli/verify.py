"""`mathcore verify`: run claims on mathcore or on somebody else's functions, and report."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console
from rich.text import Text

from mathcore.cli.options import (
    adapter_options,
    claims_option,
    executor_option,
    from_environment,
    functions,
    output_file,
    profile_option,
    seed_option,
    selected,
    workers_option,
    write_json,
)

if TYPE_CHECKING:
    from mathcore.verify import Claim
    from mathcore.verify.report.report import Report
    from mathcore.verify.run.given import Given
    from mathcore.verify.run.results import ClaimResult
    from mathcore.verify.run.session import Subject


class _Seconds(click.ParamType):  # type: ignore[type-arg]
    """A time such as 60s, 5m or 1.5."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text, unit = str(value), 60.0 if str(value).endswith("m") else 1.0
        try:
            seconds = float(text.removesuffix("m").removesuffix("s")) * unit
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < float("inf"):
            self.fail(f"a time is given as 60s or 5m, got {value!r}", param, ctx)
        return seconds


class _Bytes(click.ParamType):  # type: ignore[type-arg]
    """A size such as 4G, 500M or a number of bytes."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        power = " KMG".find(text[-1:].upper()) if text[-1:].isalpha() else 0
        try:
            size = float(text[: -1 if power else None]) * 1024**power
        except ValueError:
            size = -1.0
        if power < 0 or not 0 < size < float("inf"):
            self.fail(f"a size is given as 500M or 4G, got {value!r}", param, ctx)
        return int(size)


@click.command()
@click.argument("names", nargs=-1, metavar="[ID | TOPIC | OPERATION=MODULE:NAME]...")
@click.option("--target", metavar="MODULE:NAME", help="What to check; mathcore itself by default.")
@adapter_options
@claims_option
@click.option(
    "--convention", "conventions", multiple=True, metavar="NAME=VALUE", help="A convention that it follows; repeatable."
)
@click.option("--derive", type=click.Choice(["autograd", "vjp"]), help="Check its derivatives too, by the framework.")
@click.option("--widths", metavar="N,N", help="The only widths that it supports.")
@click.option("--width-multiple", type=click.IntRange(min=1), default=1, help="It supports multiples of this width.")
@click.option("--min-width", type=click.IntRange(min=0), default=0, help="It supports no smaller width.")
@click.option("--max-width", type=click.IntRange(min=1), help="It supports no larger width.")
@click.option("--min-axes", type=click.IntRange(min=0), default=0, help="Its first array has no fewer axes.")
@click.option("--max-axes", type=click.IntRange(min=1), help="Its first array has no more axes.")
@click.option("--without", multiple=True, metavar="OPTION", help="An option that it does not support; repeatable.")
@click.option("--exclusive", multiple=True, metavar="OPTION,OPTION", help="Options of which it takes one at most.")
@click.option("--empty", is_flag=True, help="It supports arrays without elements.")
@click.option("--finite", is_flag=True, help="It supports neither NaN nor infinities.")
@click.option("--shapes", type=click.IntRange(min=1), help="At most this many shapes per operation.")
@click.option(
    "--waivers",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML of claims that are known to fail: id = reason.",
)
@profile_option("default")
@click.option("--examples", type=click.IntRange(min=1), help="Number of inputs per check, instead of the profile's.")
@click.option(
    "--changed-since", metavar="REVISION", help="Only claims that are new or different since this git revision."
)
@seed_option("Of all random inputs; repeats an earlier run.", **from_environment(None))
@click.option("--budget", type=_Seconds(), help="Repeat with fresh inputs for this long, e.g. 60s.")
@click.option("--max-time", type=_Seconds(), help="End the run after this long; what did not run is inconclusive.")
@workers_option
@click.option("--isolate", is_flag=True, help="Run in a child process, so that a crash is a verdict.")
@click.option("--timeout", type=_Seconds(), help="Time limit for one call; implies --isolate.")
@executor_option
@click.option("--shard", metavar="K/N", help="Only the K-th of N parts; `mathcore merge` puts the reports together.")
@click.option(
    "--corpus",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Try the inputs kept here first, and keep what fails or comes close.",
)
@click.option(
    "--shared-corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Try the inputs kept here as well; repeatable.",
)
@click.option("--memory", type=_Bytes(), help="Memory beyond what it takes when loaded, e.g. 4G; implies --isolate.")
@click.option("--no-capture", is_flag=True, help="Let the target print at once, as a debugger needs.")
@click.option("--verbose", is_flag=True, help="Print every claim and every script, however long.")
@click.option(
    "--artifacts", type=click.Path(file_okay=False, path_type=Path), help="Save the scripts of failures in this folder."
)
@output_file("--json", "json_file", what="Write the report here.")
@output_file("--json-lines", what="Write each result here when it comes; - for standard output.", allow_dash=True)
@output_file("--junit", "junit_file", what="Write the report as JUnit XML here.")
@output_file("--markdown", "markdown_file", what="Write the report as Markdown here.")
@click.option("--self-test", is_flag=True, help="Try every mutant on the claims that must refute it.")
def verify(
    names: tuple[str, ...],
    target: str | None,
    own: tuple[str, ...],
    profile: str,
    examples: int | None,
    changed_since: str | None,
    seed: int | None,
    workers: int | None,
    json_file: Path | None,
    junit_file: Path | None,
    markdown_file: Path | None,
    self_test: bool,
    budget: float | None,
    isolate: bool,
    timeout: float | None,
    waivers: Path | None,
    executor: str | None,
    shard: str | None,
    corpus: Path | None,
    shared_corpus: tuple[Path, ...],
    max_time: float | None,
    memory: int | None,
    no_capture: bool,
    verbose: bool,
    artifacts: Path | None,
    json_lines: Path | str | None,
    **how: Any,
) -> None:
    """Run claims: all of them, or those named by id, topic or faq17.

    Somebody else's functions are checked by name: softmax=mykernels:softmax.

    Exit status: 0 when every claim that ran holds, 1 when one does not, 2 for a bad call.
    """
    from mathcore.verify import verify as run
    from mathcore.verify.report.progress import lines_of_json, progress_on
    from mathcore.verify.report.terminal import print_report
    from mathcore.verify.run.executor import connected
    from mathcore.verify.run.results import PROFILES
    from mathcore.verify.run.shards import Shard

    console = Console(file=sys.stderr if json_lines == "-" else sys.stdout)
    ids = tuple(name for name in names if "=" not in name)
    try:
        named = functions([name for name in names if "=" in name], own=own, **how)
        if named and target:
            raise LookupError(f"a target is given as --target or as OPERATION=MODULE:NAME, got {target} and {names[0]}")
        if self_test:
            tested = (named or target, own or None)
            _self_test(console, tested, selected(ids, own), profile, seed or 0, workers, json_file)
        ids = ids if changed_since is None else _changed(console, ids, own, changed_since)
        effort = PROFILES[profile] if examples is None else replace(PROFILES[profile], examples=examples)
        if executor and (isolate or timeout or memory):
            raise LookupError("--isolate, --timeout, --memory are for processes of this machine: leave out --executor")
        claims = selected(ids, own) if shard is None else Shard.parse(shard).claims(selected(ids, own))
        with contextlib.ExitStack() as around:
            around.enter_context(_terminated_like_interrupted())
            write = around.enter_context(lines_of_json(json_lines, claims))
            show = around.enter_context(progress_on(console, len(claims)))
            elsewhere = around.enter_context(connected(executor)) if executor else None

            def tick(result: ClaimResult) -> None:
                write(result)
                show(result.claim, result.outcome == "refuted")

            report = run(named or target, *ids, claims=own or None, profile=effort, seed=seed, workers=workers,
                         budget=budget, isolate=isolate, timeout=timeout, waivers=waivers, progress=tick,
                         executor=elsewhere, shard=shard, corpus=corpus, shared_corpus=shared_corpus,
                         max_time=max_time, memory=memory, capture=not no_capture)  # fmt: skip
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    _write(report, json_file, junit_file, markdown_file)
    print_report(console, report, counterexamples=bool(ids), verbose=verbose, folder=artifacts)
    _print_output(report)
    sys.exit(0 if report.passed else 1)


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: with a report of what there is."""
    from mathcore.verify.run.interrupt import terminated

    def interrupt(*_: Any) -> NoReturn:
        terminated.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        terminated.clear()


def _print_output(report: Report) -> None:
    """What the target printed, on standard error: one sample for each different text."""
    samples: dict[str, list[str]] = {}
    for claim, result in report.results:
        if result.printed.strip():
            samples.setdefault(result.printed.strip().splitlines()[0], []).append(claim.id)
    shown = [
        f"  {ids[0]}{f' and {len(ids) - 1} more' if len(ids) > 1 else ''}: {line[:_MAX_SAMPLE]}"
        for line, ids in list(samples.items())[:_MAX_SAMPLES]
    ]
    if len(samples) > _MAX_SAMPLES:
        shown.append(f"  and {len(samples) - _MAX_SAMPLES} other texts; --json has all")
    if shown:
        click.echo("\n".join(["the target printed", *shown]), err=True)


_MAX_SAMPLES, _MAX_SAMPLE = 3, 200
"""Texts, and characters of each: what shows that a target prints, and does not hide the verdict above it."""


def _write(report: Report, json_file: Path | None, junit_file: Path | None, markdown_file: Path | None) -> None:
    from mathcore.verify.report.formats import to_junit, to_markdown

    write_json(json_file, report.to_json())
    if junit_file is not None:
        junit_file.write_text(to_junit(report), encoding="utf-8")
    if markdown_file is not None:
        markdown_file.write_text(to_markdown(report), encoding="utf-8")


def _changed(console: Console, names: tuple[str, ...], own: tuple[str, ...], revision: str) -> tuple[str, ...]:
    """The ids of the claims that changed since `revision`; exits with status 0 if there are none.

    Raises:
        LookupError: if git does not know the revision.
    """
    from mathcore.verify.run.changed import changed_since

    changed = changed_since(selected(names, own), revision)
    console.print(f"{len(changed)} claims changed since {revision}")
    if not changed:
        sys.exit(0)
    return tuple(claim.id for claim in changed)


def _self_test(
    console: Console,
    tested: tuple[Subject, Given | None],
    claims: list[Claim],
    profile: str,
    seed: int,
    workers: int | None,
    file: Path | None,
) -> NoReturn:
    """Test the claims instead of the target: every mutant must be killed by every claim that names it."""
    from mathcore.verify.report.progress import progress_on
    from mathcore.verify.report.terminal import print_matrix
    from mathcore.verify.run.mutation import kill_matrix

    reference, own = tested
    with progress_on(console, sum(bool(claim.refuted_by) for claim in claims)) as show:
        matrix, notes = kill_matrix(
            *(claim.id for claim in claims), reference=reference, claims=own, profile=profile, seed=seed,
            workers=workers, progress=lambda r: show(r.claim, False),
        )  # fmt: skip
    write_json(file, {"schema": 1, "profile": profile, "seed": seed, "notes": notes, "matrix": matrix})
    print_matrix(console, matrix, notes)
    tried = [caught for row in matrix.values() for caught in row.values()]
    console.print(Text(f"\n{len(matrix)} wrong implementations, {sum(tried)} of {len(tried)} refutations; seed {seed}"))
    sys.exit(0 if tried and all(tried) else 1)
