"""Claims that are not mathcore's: somebody's own, given as objects or by name, or those of an installed package.

A package offers its claims by an entry point of the group `mathcore.claims`:

    [project.entry-points."mathcore.claims"]
    swiglu = "mypackage.swiglu_claims"
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, Union

import mathcore
from mathcore.verify.claims import Claim
from mathcore.verify.run.catalogue import catalogue, check_ids, select
from mathcore.verify.run.loading import load_object

GROUP = "mathcore.claims"
"""The group of entry points by which packages offer claims."""

Given: TypeAlias = Union[Claim, ModuleType, str, "Sequence[Given]"]
"""A claim, a module that has some, a name (see `load`), or a list or tuple of these."""


def given_claims(given: Given | None) -> list[Claim]:
    """The claims that are given, each once, in their order.

    Raises:
        LookupError: for a name that leads to no claims, an empty module, or what is no claim; the message says which.

    Examples:
        >>> from mathcore.verify import Claim
        >>> from mathcore.verify.run.given import given_claims
        >>> mine = Claim("swiglu.agrees", "It is what it says.", "f(x) = y", needs=("swiglu",))
        >>> [(claim.id, claim.topic) for claim in given_claims([mine, mine])]
        [('swiglu.agrees', 'swiglu')]
    """
    found = list(dict.fromkeys(_claims_of(given, "`claims`"))) if given is not None else []
    if given is not None and not found:
        raise LookupError("`claims` holds no claim")
    for claim in found:
        claim.topic = claim.topic or claim.id.partition(".")[0]
    return found


def everything(own: Sequence[Claim] = ()) -> list[Claim]:
    """The claims of the catalogue, and somebody's own.

    Raises:
        LookupError: if an id is taken, or a claim rests on one that does not exist.
    """
    known = catalogue()
    claims = [*known, *(claim for claim in own if claim not in known)]
    try:
        check_ids(claims)
    except ValueError as wrong:
        raise LookupError(str(wrong)) from wrong
    return claims


def chosen(names: Sequence[str], given: Given | None = None) -> list[Claim]:
    """The claims that names select among all; without names those that are given, or else the whole catalogue.

    Raises:
        LookupError: as `given_claims`, `everything` and `select`.
    """
    own = given_claims(given)
    claims = everything(own)
    return select(claims if names or not own else own, names)


def names_of(given: Given | None) -> tuple[str, ...] | None:
    """The names by which another process finds the same claims; None if some are given as objects."""
    if isinstance(given, ModuleType):
        return (given.__name__,)
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Sequence):
        return () if given is None else None
    parts = [names_of(part) for part in given]
    return None if None in parts else tuple(name for names in parts for name in names or ())


def _claims_of(given: Any, where: str) -> Iterator[Claim]:
    """The claims of what is given; `where` is said of what is none."""
    if isinstance(given, Claim):
        yield given
    elif isinstance(given, str):
        yield from _claims_of(load(given), repr(given))
    elif isinstance(given, ModuleType):
        yield from _claims_in(given)
    elif isinstance(given, Sequence):
        for part in given:
            yield from _claims_of(part, where)
    else:
        raise LookupError(f"{where} must be a Claim or hold some, got {type(given).__name__}")


def _claims_in(module: ModuleType) -> Iterator[Claim]:
    """The claims of a module: under a name, or several in a tuple or a list."""
    values = [part for v in vars(module).values() for part in (v if isinstance(v, (tuple, list)) else (v,))]
    found = [value for value in values if isinstance(value, Claim)]
    if not found:
        raise LookupError(f"the module {module.__name__!r} has no claims")
    yield from found


def load(name: str) -> Any:
    """What a name leads to: the entry point of an installed package, else "MODULE" or "MODULE:NAME".

    Modules are also looked for in the current folder.

    Raises:
        LookupError: if it cannot be loaded, whatever went wrong; the message says why.
    """
    if point := next((p for p in entry_points(group=GROUP) if p.name == name), None):
        return load_point(point)
    module, _, held = name.partition(":")
    if not module:
        raise LookupError(f"claims are given as MODULE, MODULE:NAME or the name of an entry point, got {name!r}")
    try:
        return load_object(module, held)
    except Exception as wrong:
        raise LookupError(f"cannot load claims {name!r}: {_words(wrong)}") from wrong


def load_point(point: EntryPoint) -> Any:
    """What an entry point leads to.

    Raises:
        LookupError: if it cannot be loaded, whatever went wrong; the message names the package.
    """
    try:
        return point.load()
    except Exception as wrong:
        package = point.dist.name if point.dist else "a package"
        raise LookupError(f"cannot load the claims {point.name!r} of {package}: {_words(wrong)}") from wrong


def _words(wrong: Exception) -> str:
    """What went wrong, and where: the last line outside mathcore and the import system."""
    ours = (str(Path(mathcore.__file__).parent), str(Path(importlib.__file__).parent), "<")
    theirs = [f for f in traceback.extract_tb(wrong.__traceback__) if not f.filename.startswith(ours)]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(wrong).__name__}: {wrong}{where}"


@dataclass(frozen=True)
class Installed:
    """What an installed package offers.

    Attributes:
        name: of the entry point, by which `--claims` finds them.
        package: the name and version of the distribution.
        claims: none if they cannot be loaded.
        fault: why they cannot; "" if they can.
    """

    name: str
    package: str
    claims: tuple[Claim, ...] = ()
    fault: str = ""


def installed() -> list[Installed]:
    """What every installed package offers; one that is broken takes nothing away from the others."""
    return [_installed(point) for point in entry_points(group=GROUP)]


def _installed(point: EntryPoint) -> Installed:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else ""
    try:
        own = given_claims(load_point(point))
        everything(own)
    except LookupError as fault:
        return Installed(point.name, package, fault=str(fault.args[0]))
    return Installed(point.name, package, tuple(own))
