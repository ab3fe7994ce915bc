"""The catalogue: every claim of the package, found in the modules `mathcore/TOPIC/*_claims.py`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Sequence

import mathcore
from mathcore.verify.claims import Claim


def catalogue() -> list[Claim]:
    """Every claim, sorted by FAQ question, those without one last; otherwise in the order of the source.

    A module holds a claim under a name, or several in a tuple.

    Examples:
        >>> from mathcore.verify import catalogue
        >>> "softmax.sums_to_one" in {claim.id for claim in catalogue()}
        True
    """
    claims: list[Claim] = []
    for module in sorted(m.name for m in pkgutil.walk_packages(mathcore.__path__, "mathcore.") if is_claims(m.name)):
        topic = module.split(".")[1].strip("_")
        for value in vars(importlib.import_module(module)).values():
            for claim in value if isinstance(value, tuple) else (value,):
                if isinstance(claim, Claim) and claim not in claims:
                    claim.topic = topic
                    claims.append(claim)
    check_ids(claims)
    return sorted(claims, key=lambda c: c.faq or 99)


def is_claims(module: str) -> bool:
    """Whether a module holds claims."""
    return module.endswith("_claims")


def check_ids(claims: Sequence[Claim]) -> None:
    """Check that every claim has an id of its own, and that what it rests on exists.

    Raises:
        ValueError: if not; the message names the ids.
    """
    ids = [c.id for c in claims]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise ValueError(f"claim ids must be unique, got {sorted(twice)} twice")
    for claim in claims:
        if unknown := set(claim.rests_on) - set(ids):
            raise ValueError(f"claim `{claim.id}` rests on {sorted(unknown)}, which do not exist")


def select(claims: Sequence[Claim], wanted: Sequence[str]) -> list[Claim]:
    """The claims selected by id, by the part of the id before the dot, by topic, or as `faq17`; all if none is named.

    Raises:
        LookupError: for a name that matches nothing; the message suggests similar ones.

    Examples:
        >>> from mathcore.verify import catalogue, select
        >>> [claim.id for claim in select(catalogue(), ["softmax.sums_to_one"])]
        ['softmax.sums_to_one']
    """
    if not wanted:
        return list(claims)
    for name in wanted:
        if not any(name in names_of(c) for c in claims):
            known = {n for c in claims for n in names_of(c)}
            raise LookupError(f"no claim or topic is called {name!r}{did_you_mean(name, known)}")
    return [c for c in claims if any(name in names_of(c) for name in wanted)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to add to a message about an unknown name: the nearest that there are; "" if none is near.

    Examples:
        >>> from mathcore.verify.run.catalogue import did_you_mean
        >>> did_you_mean("sotfmax", ["softmax", "relu"])
        '; did you mean softmax?'
    """
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=_NEAR)
    return f"; did you mean {', '.join(near)}?" if near else ""


_NEAR = 0.4
"""How alike names are that are suggested, from 0 to 1. At difflib's own 0.6, `sums` does not find `sums_to_one`."""


def names_of(claim: Claim) -> set[str]:
    """Every name that selects the claim."""
    names = {claim.id, claim.id.partition(".")[0], claim.topic}
    return names | ({f"faq{claim.faq}"} if claim.faq else set())
