"""`mathcore claims` and `mathcore show`: the claims, without a verdict on any target."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from mathcore.cli.options import claims_option, selected

if TYPE_CHECKING:
    from mathcore.verify import Claim

_VERDICTS = {"holds": "holds", "holds_if": "holds if …", "refuted": "refuted"}


@click.command()
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
@claims_option
def claims(names: tuple[str, ...], own: tuple[str, ...]) -> None:
    """List the claims, or those of a topic; without a topic, also what installed packages offer."""
    from mathcore.verify.report.terminal import plain_table

    console, table = Console(), plain_table("FAQ", "claim", "verdict", "evidence")
    for claim in selected(names, own):
        table.add_row(str(claim.faq or ""), claim.id, _VERDICTS[claim.verdict], ", ".join(claim.evidence))
    console.print(table)
    if not names and not own:
        _show_installed(console)


def _show_installed(console: Console) -> None:
    """What installed packages offer, and what is wrong with those that are broken."""
    from mathcore.verify.run.given import installed

    if found := installed():
        console.print(Text("\nclaims of installed packages", style="bold"))
        told = ((f"--claims {one.name}", one.fault or f"{len(one.claims)} claims of {one.package}") for one in found)
        _print_pairs(console, told)


@click.command()
@click.argument("name", metavar="ID")
@claims_option
def show(name: str, own: tuple[str, ...]) -> None:
    """Print one claim in full, with the inputs of a quick run."""
    console = Console()
    for claim in selected((name,), own):
        _show_sentence(console, claim)
        _show_inputs(console, claim)
        for tolerance in claim.tolerances:
            console.print(Text(f"\ntolerance {tolerance.__name__}", style="bold"))
            console.print(Padding(Markdown(inspect.getdoc(tolerance) or ""), (0, 2)))
        if claim.refuted_by:
            console.print(Text("\nmust refute", style="bold"))
            _print_pairs(console, ((mutant.name, mutant.note) for mutant in claim.refuted_by))
        for check in claim.checks:
            text, file, line = check.source
            kind = "counterexample" if check.counterexample else check.rung
            console.print(Text(f"\n{kind}  {file}:{line}", style="bold"))
            console.print(Padding(Text(text), (0, 2)))


def _show_sentence(console: Console, claim: Claim) -> None:
    """The statement with its formula, verdict, evidence and limits."""
    from mathcore.verify.report.report import describe_claim

    page = describe_claim(claim)
    console.print(Text(claim.id, style="bold"))
    console.print(Padding(Text(claim.statement), (1, 2)))
    rows = [("formula", claim.formula)]
    rows += [("", f"{symbol}: {meaning}") for symbol, meaning in page["legend"].items()]
    rows.append(("verdict", _VERDICTS[claim.verdict] + (f" (FAQ {claim.faq})" if claim.faq else "")))
    rows += [(key, page[key]) for key in ("condition", "corrected", "source") if page[key]]
    rows += [("evidence", ", ".join(claim.evidence)), ("operations", ", ".join(claim.needs))]
    rows += [("" if i else "left out", words) for i, words in enumerate(page["limits"])]
    _print_pairs(console, rows)


def _show_inputs(console: Console, claim: Claim) -> None:
    """The arguments of a quick run, where inputs are drawn or enumerated."""
    from mathcore.verify import mathcore_target
    from mathcore.verify.run.results import PROFILES
    from mathcore.verify.run.runner import tried_on

    if tried := tried_on(claim, mathcore_target(), PROFILES["quick"], seed=0).words:
        console.print(Text("\ntried on (in a quick run)", style="bold"))
        _print_pairs(console, tried.items())


def _print_pairs(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    from mathcore.verify.report.terminal import plain_table

    table = plain_table("", "")
    table.show_header = False
    for name, text in rows:
        table.add_row(name, Text(text))
    console.print(table)
