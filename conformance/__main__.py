"""`python -m conformance [LIBRARY …]`: check the claims on libraries, and write a result for each."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import click

from conformance.library import HERE, RESULTS, Library, load, names, notes_of
from conformance.results import SEED, claims_for, detect_alone, run, to_text
from mathcore.verify.run.results import ClaimResult

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("libraries", nargs=-1)
@click.option("--profile", default="quick", show_default=True, help="quick, default or thorough.")
@click.option("--seed", default=SEED, show_default=True, help="What all inputs are drawn from.")
@click.option(
    "--claim", "claims", multiple=True, help="Check these claims alone: a trial, kept only if --results says where."
)
@click.option("--detect", is_flag=True, help="Ask for the conventions alone; earlier verdicts stay.")
@click.option("--modules", default=HERE, type=_FOLDER, help="Where the modules of the libraries are.")
@click.option("--results", default=RESULTS, type=_FOLDER, help="Where the results are written.")
@click.option("--list", "listing", is_flag=True, help="List the libraries.")
def main(
    libraries: tuple[str, ...], profile: str, seed: int, claims: tuple[str, ...], modules: Path, results: Path,
    listing: bool, detect: bool,
) -> None:  # fmt: skip
    """Check the claims on LIBRARIES, all of them if none is named, and write a result for each.

    Exits with 1 if a refutation was not looked into by hand, with 2 if a library is missing.
    """
    if listing:
        click.echo("\n".join(names(modules)))
        return
    try:
        loaded = [load(name, modules) for name in libraries or names(modules)]
    except LookupError as missing:
        click.echo(f"error: {missing.args[0]}", err=True)
        sys.exit(2)
    warnings.simplefilter("ignore")  # libraries warn of what claims ask on purpose
    unexamined = []
    for library in loaded:
        file = results / f"{library.name}.json"
        if detect:
            before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
            _write(file, detect_alone(library, before))
            continue
        data = run(library, list(claims) or claims_for(library), profile=profile, seed=seed, progress=_tell)
        click.echo(f"{library.name}: {', '.join(f'{n} {what}' for what, n in data['counts'].items())}")
        if not claims or results != RESULTS:  # a part never replaces the whole
            _write(file, data)
        unexamined += [f"{library.name}: {claim}" for claim in _not_examined(library, data["refutations"], modules)]
    if unexamined:
        click.echo("unexamined, add a note to the library's .toml:\n  " + "\n  ".join(unexamined), err=True)
        sys.exit(1)


def _write(file: Path, data: dict[str, object]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(to_text(data), encoding="utf-8")


def _not_examined(library: Library, refuted: dict[str, object], folder: Path) -> list[str]:
    """The refutations that were not looked into, in these versions."""
    notes = notes_of(library.name, folder)
    current = dict(notes.checked) == library.versions
    return [claim for claim in refuted if not current or notes.about(claim) is None]


def _tell(result: ClaimResult) -> None:
    if result.outcome in ("refuted", "inconclusive", "error"):
        click.echo(f"  {result.claim}: {result.outcome}: {' '.join(result.detail.split())[:200]} {result.advice}")


if __name__ == "__main__":
    main()
