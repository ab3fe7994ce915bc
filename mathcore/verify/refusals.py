"""Calls whose arguments do not fit, or for which a module is missing, and the errors that refuse them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from mathcore.verify.claims import Claim
from mathcore.verify.relations import Relation, raises
from mathcore.verify.targets.target import Operations

Misfit: TypeAlias = tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], tuple[str, ...]]
"""An operation, arguments and options that do not fit, the error, and what its message must name."""


def refuse(claim: Claim, misfits: Iterable[Misfit]) -> None:
    """Add a check of a claim: each of the calls is refused by its error, which says why."""
    names, known = ("operation", "arguments", "options", "error", "words"), tuple(misfits)

    def cases() -> Iterator[dict[str, Any]]:
        return (dict(zip(names, misfit, strict=True)) for misfit in known)

    claim.exhaustive(cases)(misfit_is_refused)


def misfit_is_refused(
    ops: Operations,
    operation: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    error: type[Exception],
    words: tuple[str, ...],
) -> Relation:
    """One call, and what its error says."""
    return raises(lambda: getattr(ops, operation)(*arguments, **options), error, saying=words)


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """While it lasts, `module` cannot be imported, as if it were not installed."""
    there = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]  # what Python takes for "not to be found"
    try:
        yield
    finally:
        del sys.modules[module]
        if there is not None:
            sys.modules[module] = there
