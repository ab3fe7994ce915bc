"""Options that several commands share, and the target that they describe."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from mathcore.verify import Claim, Conventions, Functions


class _OutputFile(click.Path):
    """A file that can be written, as far as it can be known before the work begins whose result it takes.

    Where a dash is allowed it comes as the string "-", and a file of that name as the path `./-`.
    """

    def __init__(self, *, allow_dash: bool = False) -> None:
        super().__init__(dir_okay=False, writable=True, allow_dash=allow_dash, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if self.allow_dash and value == "-":
            return value
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        folder = path.absolute().parent
        if not folder.is_dir():
            self.fail(f"there is no folder {str(folder)!r}", param, ctx)
        if not path.exists() and not os.access(folder, os.W_OK):
            self.fail(f"the folder {str(folder)!r} cannot be written to", param, ctx)
        return path


def output_file(*names: str, what: str, allow_dash: bool = False) -> Callable[[Any], Any]:
    """An option that takes the path of a file to write, or "-" for standard output where that is allowed."""
    return click.option(*names, type=_OutputFile(allow_dash=allow_dash), help=what)


def write_json(path: Path | None, value: Any) -> None:
    """Write a value to a file, if there is one, as readers expect it: indented, with letters as they are."""
    if path is not None:
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def seed_option(words: str = "Of all random inputs.", **more: Any) -> Callable[[Any], Any]:
    """The option `--seed`; 0 by default, unless `more` says otherwise."""
    how = {"default": 0, "show_default": True} | more
    return click.option("--seed", type=click.IntRange(min=0), help=words, **how)


def from_environment(default: int | None) -> dict[str, Any]:
    """What makes `--seed` that of MATHCORE_SEED where it is not given."""
    return {"envvar": "MATHCORE_SEED", "show_envvar": True, "default": default, "show_default": False}


def workers_option(command: Any) -> Any:
    """The option `--workers`."""
    words = "Number of processes; one per core by default."
    return click.option("--workers", type=click.IntRange(min=1), help=words)(command)


def profile_option(default: str) -> Callable[[Any], Any]:
    """The option `--profile`."""
    choices = click.Choice(["quick", "default", "thorough"])
    return click.option("--profile", type=choices, default=default, show_default=True)


def framework_options(command: Any) -> Any:
    """The options that say whose arrays the functions named on the command line take."""
    for option in (
        click.option("--adapter", type=click.Choice(["numpy", "torch", "jax", "cupy"]), default="numpy",
                     show_default=True, help="The framework of OPERATION=MODULE:NAME."),
        click.option("--device", help="Where its arrays live, e.g. cuda."),
    ):  # fmt: skip
        command = option(command)
    return command


def adapter_options(command: Any) -> Any:
    """The options that say how functions named on the command line are called."""
    words = "A dtype that it accepts; repeatable."
    return framework_options(click.option("--dtype", "dtypes", multiple=True, metavar="NAME", help=words)(command))


def executor_option(command: Any) -> Any:
    """The option `--executor`."""
    words = "Run on the workers of a Dask cluster, dask://HOST:PORT."
    return click.option("--executor", metavar="URL", help=words)(command)


def claims_option(command: Any) -> Any:
    """The option `--claims`."""
    return click.option(
        "--claims", "own", multiple=True, metavar="MODULE[:NAME]",
        help="Claims that are not mathcore's, or the name under which a package offers some; repeatable.",
    )(command)  # fmt: skip


def selected(names: tuple[str, ...], own: tuple[str, ...] = ()) -> list[Claim]:
    """The claims that the names select, among `own` ones as well; what is unknown ends the program with a message."""
    from mathcore.verify.run.given import chosen

    try:
        return chosen(names, own or None)
    except LookupError as unknown:
        raise click.UsageError(str(unknown.args[0])) from unknown


def functions(
    given: list[str],
    adapter: str,
    device: str | None,
    dtypes: tuple[str, ...],
    conventions: tuple[str, ...] = (),
    widths: str | None = None,
    derive: str | None = None,
    exclusive: tuple[str, ...] = (),
    own: tuple[str, ...] = (),
    **limits: Any,
) -> Functions | None:
    """The target that OPERATION=MODULE:NAME and its options describe; None if no operation is given.

    Raises:
        LookupError: for options without operations, an unknown operation, convention or dtype, or claims of one's own
            that cannot be loaded.
    """
    from mathcore.verify import Functions, Restrictions
    from mathcore.verify.targets.adapters import ALL_FLOATS

    if not given:
        if device or dtypes or conventions or widths or derive or adapter != "numpy":
            raise LookupError("options of a target need OPERATION=MODULE:NAME, e.g. softmax=mykernels:softmax")
        return None
    if wrong := [d for d in dtypes if d not in ALL_FLOATS]:
        raise LookupError(f"--dtype must be one of {', '.join(ALL_FLOATS)}, got {wrong[0]!r}")
    try:
        only = tuple(int(n) for n in widths.split(",")) if widths else None
    except ValueError:
        raise LookupError(f"--widths is given as numbers, e.g. 64,128, got {widths!r}") from None
    return Functions(
        _operations(given, own),
        adapter,
        device,
        dtypes or None,
        _conventions(conventions),
        Restrictions(widths=only, exclusive=tuple(tuple(group.split(",")) for group in exclusive), **limits),
        derive or "",
    )


def _operations(given: list[str], own: tuple[str, ...]) -> dict[str, str]:
    """Operation → path, from "softmax=mykernels:softmax".

    Raises:
        LookupError: for an operation that no claim is about.
    """
    from mathcore.verify.run.catalogue import did_you_mean
    from mathcore.verify.run.given import everything, given_claims
    from mathcore.verify.targets.probes import DETECTORS

    known = sorted({need for claim in everything(given_claims(own or None)) for need in claim.needs})
    if wrong := [text for text in given if "=" not in text]:
        raise LookupError(f"functions are given as OPERATION=MODULE:NAME, got {wrong[0]!r}")
    pairs = [text.split("=", 1) for text in given]
    operations = {_SHORT.get(name, name): path for name, path in pairs}
    for name in operations:
        if name not in known and name not in DETECTORS:
            raise LookupError(f"no claim is about {name!r}{did_you_mean(name, known)}")
    return operations


_SHORT = {"sdpa": "scaled_dot_product_attention"}


def _conventions(given: tuple[str, ...]) -> Conventions:
    """Conventions from "rope_pairing=interleaved".

    Raises:
        LookupError: for an unknown convention or value; the message lists the choices.
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
