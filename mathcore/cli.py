"""The command line: claims, bugs and conventions here, `train` and `generate` in `cli_training`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click
    import hypothesis  # noqa: F401  (the first import that fails names the remedy for all)
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.padding import Padding
    from rich.text import Text

    from mathcore import cli_training
except ModuleNotFoundError as missing:
    sys.exit(f"the command line needs `{missing.name}`: pip install 'mathcore[verify]'")

if TYPE_CHECKING:
    from collections.abc import Callable

    from mathcore.verify import Claim, Conventions, Functions
    from mathcore.verify.run.results import ClaimResult

_WORDS = {"holds": "holds", "holds_if": "holds if …", "refuted": "refuted"}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mathcore")
def main() -> None:
    """Every claim about how language models compute, checked."""


main.add_command(cli_training.train)
main.add_command(cli_training.generate)


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


def _file(*names: str, what: str) -> Callable[[Any], Any]:
    return click.option(*names, type=click.Path(dir_okay=False, path_type=Path), help=what)


def _functions_options(command: Any) -> Any:
    """How functions that are named on the command line are called."""
    for option in (
        click.option("--adapter", type=click.Choice(["numpy", "torch", "jax", "cupy"]), default="numpy",
                     show_default=True, help="The framework of OPERATION=MODULE:NAME."),
        click.option("--device", help="Where its arrays live, e.g. cuda."),
        click.option("--dtype", "dtypes", multiple=True, metavar="NAME", help="A format that it accepts; repeatable."),
    ):  # fmt: skip
        command = option(command)
    return command


@main.command()
@click.argument("names", nargs=-1, metavar="[ID | TOPIC | OPERATION=MODULE:NAME]...")
@click.option("--target", metavar="MODULE:NAME", help="What to check; mathcore itself by default.")
@_functions_options
@click.option("--convention", "conventions", multiple=True, metavar="NAME=VALUE", help="What it does; repeatable.")
@click.option("--widths", metavar="N,N", help="The only widths that it supports.")
@click.option("--width-multiple", type=click.IntRange(min=1), default=1, help="It supports multiples of this width.")
@click.option("--max-width", type=click.IntRange(min=1), help="It supports no larger width.")
@click.option("--without", multiple=True, metavar="OPTION", help="An option that it does not support; repeatable.")
@click.option("--finite", is_flag=True, help="It supports neither NaN nor infinities.")
@click.option("--shapes", type=click.IntRange(min=1), help="How many shapes to call it with.")
@_file("--waivers", what="TOML of claims that are known to fail: id = reason.")
@click.option("--profile", type=click.Choice(["quick", "default", "thorough"]), default="default", show_default=True)
@click.option("--examples", type=click.IntRange(min=1), help="Inputs drawn for each check, instead of the profile's.")
@click.option("--changed-since", metavar="REVISION", help="Only claims that git has otherwise, or not, there.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    envvar="MATHCORE_SEED",
    show_envvar=True,
    help="Draw the inputs of an earlier run again.",
)
@click.option("--budget", type=_Seconds(), help="Go on with fresh inputs for so long, e.g. 60s.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one a core by default.")
@click.option("--isolate", is_flag=True, help="Run in a child process: a crash is a verdict.")
@click.option("--timeout", type=_Seconds(), help="The longest that one call may take; implies --isolate.")
@_file("--json", "json_file", what="Write the report here.")
@_file("--junit", "junit_file", what="Write the report as JUnit XML here.")
@_file("--markdown", "markdown_file", what="Write the report as Markdown here.")
@click.option("--self-test", is_flag=True, help="Try every wrong implementation on the claims that must refute it.")
def verify(
    names: tuple[str, ...],
    target: str | None,
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
    **how: Any,
) -> None:
    """Run claims: all of them, or those named by id, topic or faq17.

    Somebody else's functions are checked by name: softmax=mykernels:softmax.

    Exit status: 0 when every claim that ran holds, 1 when one does not, 2 for a bad call.
    """
    from mathcore.verify import catalogue, select
    from mathcore.verify import verify as run
    from mathcore.verify.report.formats import to_junit, to_markdown
    from mathcore.verify.report.terminal import print_report, progress_bar
    from mathcore.verify.run.results import PROFILES

    console = Console()
    ids = tuple(name for name in names if "=" not in name)
    if self_test:
        _self_test(console, ids, profile, seed or 0, workers, json_file)
    try:
        functions = _functions([name for name in names if "=" in name], **how)
        if functions and target:
            raise LookupError(f"a target is given as --target or as OPERATION=MODULE:NAME, got {target} and {names[0]}")
        ids = ids if changed_since is None else _changed(console, ids, changed_since)
        total = len(select(catalogue(), ids))
        effort = PROFILES[profile] if examples is None else replace(PROFILES[profile], examples=examples)
        with progress_bar(console) as bar:
            task = bar.add_task("checking", total=total)

            def tick(result: ClaimResult) -> None:
                bar.update(task, advance=1, description=result.claim)

            report = run(functions or target, *ids, profile=effort, seed=seed, workers=workers, budget=budget,
                         isolate=isolate, timeout=timeout, waivers=waivers, progress=tick)  # fmt: skip
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    if json_file is not None:
        json_file.write_text(json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if junit_file is not None:
        junit_file.write_text(to_junit(report), encoding="utf-8")
    if markdown_file is not None:
        markdown_file.write_text(to_markdown(report), encoding="utf-8")
    print_report(console, report, counterexamples=bool(ids))
    sys.exit(0 if report.passed else 1)


def _changed(console: Console, names: tuple[str, ...], revision: str) -> tuple[str, ...]:
    """The ids of the claims that changed; the program ends if none did.

    Raises:
        LookupError: if git does not know the revision.
    """
    from mathcore.verify.run.changed import changed_since

    changed = changed_since(_selected(names), revision)
    console.print(f"{len(changed)} claims changed since {revision}")
    if not changed:
        sys.exit(0)
    return tuple(claim.id for claim in changed)


def _self_test(
    console: Console, ids: tuple[str, ...], profile: str, seed: int, workers: int | None, file: Path | None
) -> None:
    from mathcore.verify import catalogue, select
    from mathcore.verify.report.terminal import print_matrix, progress_bar
    from mathcore.verify.run.selftest import kill_matrix

    try:
        with progress_bar(console) as bar:
            task = bar.add_task("trying", total=sum(bool(c.refuted_by) for c in select(catalogue(), ids)))
            matrix, notes = kill_matrix(
                *ids, profile=profile, seed=seed, workers=workers,
                progress=lambda r: bar.update(task, advance=1, description=r.claim),
            )  # fmt: skip
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    if file is not None:
        whole = {"schema": 1, "profile": profile, "seed": seed, "notes": notes, "matrix": matrix}
        file.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print_matrix(console, matrix, notes)
    tried = [caught for claims in matrix.values() for caught in claims.values()]
    console.print(Text(f"\n{len(matrix)} wrong implementations, {sum(tried)} of {len(tried)} refutations; seed {seed}"))
    sys.exit(0 if tried and all(tried) else 1)


def _functions(
    given: list[str],
    adapter: str,
    device: str | None,
    dtypes: tuple[str, ...],
    conventions: tuple[str, ...] = (),
    widths: str | None = None,
    **limits: Any,
) -> Functions | None:
    """The target that OPERATION=MODULE:NAME and its options describe; None if no operation is given.

    Raises:
        LookupError: for options without operations, an unknown operation, convention or format.
    """
    from mathcore.verify import Functions, Restrictions
    from mathcore.verify.targets.adapters import ALL_FLOATS

    if not given:
        if device or dtypes or conventions or widths or adapter != "numpy":
            raise LookupError("options of a target need OPERATION=MODULE:NAME, e.g. softmax=mykernels:softmax")
        return None
    if wrong := [d for d in dtypes if d not in ALL_FLOATS]:
        raise LookupError(f"--dtype must be one of {', '.join(ALL_FLOATS)}, got {wrong[0]!r}")
    try:
        only = tuple(int(n) for n in widths.split(",")) if widths else None
    except ValueError:
        raise LookupError(f"--widths is given as numbers, e.g. 64,128, got {widths!r}") from None
    return Functions(
        _operations(given),
        adapter,
        device,
        dtypes or None,
        _conventions(conventions),
        Restrictions(widths=only, **limits),
    )


def _operations(given: list[str]) -> dict[str, str]:
    """Operation → place, from "softmax=mykernels:softmax".

    Raises:
        LookupError: for an operation that no claim is about.
    """
    import difflib

    from mathcore.verify import catalogue
    from mathcore.verify.targets.detect import asked_for

    known = sorted({need for claim in catalogue() for need in claim.needs})
    if wrong := [text for text in given if "=" not in text]:
        raise LookupError(f"functions are given as OPERATION=MODULE:NAME, got {wrong[0]!r}")
    pairs = [text.split("=", 1) for text in given]
    operations = {_SHORT.get(name, name): place for name, place in pairs}
    for name in operations:
        if name not in known and name not in asked_for():
            near = difflib.get_close_matches(name, known, n=3)
            raise LookupError(f"no claim is about {name!r}{'; did you mean ' + ', '.join(near) + '?' if near else ''}")
    return operations


_SHORT = {"sdpa": "scaled_dot_product_attention"}


def _conventions(given: tuple[str, ...]) -> Conventions:
    """Conventions from "rope_pairing=interleaved".

    Raises:
        LookupError: for an unknown convention or value; the message lists what there is.
    """
    from mathcore.verify import Conventions
    from mathcore.verify.targets.conventions import choices_of_conventions

    known = choices_of_conventions()
    found: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in known:
            raise LookupError(f"a convention is given as NAME=VALUE; there are {', '.join(known)}, got {text!r}")
        by_text = {str(choice): choice for choice in known[name]} or {"True": True, "False": False}
        try:
            found[name] = by_text[value] if value in by_text else float(value)
            if known[name] and value not in by_text:
                raise ValueError
        except ValueError:
            raise LookupError(f"convention {name} must be one of {', '.join(by_text)}, got {value!r}") from None
    return Conventions(**found)


@main.command()
@click.argument("names", nargs=-1, metavar="OPERATION=MODULE:NAME...")
@click.option("--target", metavar="MODULE:NAME", help="A target whose operations are asked.")
@_functions_options
def detect(names: tuple[str, ...], target: str | None, **how: Any) -> None:
    """Find out which conventions functions follow, from their behaviour alone.

    E.g. rope=mykernels:rope, softmax=…, sdpa=…, argmax=…, relu_vjp=…, cross_entropy=…, linear=….
    """
    from mathcore.verify import detect as find_out
    from mathcore.verify.report.terminal import print_detection
    from mathcore.verify.run.session import find_target

    try:
        functions = _functions(list(names), **how)
        if (functions is None) == (target is None):
            raise LookupError("name either functions, as in rope=mykernels:rope, or a --target")
        detection = find_out(find_target(functions or target))
        if not detection.observations:
            raise LookupError(f"no operation of {detection.target} has conventions that can be detected")
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    print_detection(Console(), detection)


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME | TOPIC]...")
@click.option("--profile", type=click.Choice(["quick", "default", "thorough"]), default="quick", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What inputs are drawn from.")
@_file("--json", "json_file", what="Write what was found here.")
def bugs(names: tuple[str, ...], profile: str, seed: int, json_file: Path | None) -> None:
    """Make bugs that libraries shipped again, and see which claim catches each.

    Exit status: 0 when all are caught, 1 when one survives, 2 for a bad call.
    """
    from mathcore.verify.real_bugs import choose, judge, to_json
    from mathcore.verify.report.terminal import print_bugs, progress_bar

    console, judged = Console(), []
    try:
        chosen = choose(names)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown
    with progress_bar(console) as bar:
        task = bar.add_task("trying", total=len(chosen))
        for bug in chosen:
            judged.append(judge(bug, profile=profile, seed=seed, brief=json_file is None))
            bar.update(task, advance=1, description=bug.id)
    if json_file is not None:
        json_file.write_text(json.dumps(to_json(judged), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print_bugs(console, judged)
    sys.exit(0 if all(found.finding for found in judged) else 1)


@main.command()
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
def claims(names: tuple[str, ...]) -> None:
    """List the claims, or those of a topic."""
    from mathcore.verify.report.terminal import plain_table

    table = plain_table("FAQ", "claim", "verdict", "evidence")
    for claim in _selected(names):
        table.add_row(str(claim.faq or ""), claim.id, _WORDS[claim.verdict], ", ".join(claim.evidence))
    Console().print(table)


@main.command()
@click.argument("name", metavar="ID")
def show(name: str) -> None:
    """Print one claim whole, with what a quick run tries it on."""
    from mathcore.verify import mathcore_target
    from mathcore.verify.report.report import claim_page
    from mathcore.verify.report.terminal import plain_table
    from mathcore.verify.run.results import PROFILES
    from mathcore.verify.run.runner import tried_on

    console = Console()
    for claim in _selected((name,)):
        page = claim_page(claim)
        console.print(Text(claim.id, style="bold"))
        console.print(Padding(Text(claim.statement), (1, 2)))
        rows = plain_table("", "")
        rows.show_header = False
        rows.add_row("formula", Text(claim.formula))
        for symbol, meaning in page["legend"].items():
            rows.add_row("", Text(f"{symbol}: {meaning}"))
        rows.add_row("verdict", _WORDS[claim.verdict] + (f" (FAQ {claim.faq})" if claim.faq else ""))
        for key in ("condition", "corrected", "source"):
            if page[key]:
                rows.add_row(key, Text(page[key]))
        rows.add_row("evidence", ", ".join(claim.evidence))
        rows.add_row("operations", ", ".join(claim.needs))
        for words in page["limits"]:
            rows.add_row("left out" if words == page["limits"][0] else "", Text(words))
        console.print(rows)
        tried = tried_on(claim, mathcore_target(), PROFILES["quick"], seed=0).words
        if tried:
            console.print(Text("\ntried on (in a quick run)", style="bold"))
            inputs = plain_table("", "")
            inputs.show_header = False
            for argument, words in tried.items():
                inputs.add_row(argument, Text(words))
            console.print(inputs)
        for tolerance in page["tolerance"]:
            console.print(Text(f"\ntolerance {tolerance['name']}", style="bold"))
            console.print(Padding(Markdown(tolerance["derivation"]), (0, 2)))
        if claim.refuted_by:
            console.print(Text("\nmust refute", style="bold"))
            wrong = plain_table("", "")
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
