"""Mutation testing of the claims: the kill matrix of all mutants and the claims that must refute them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mathcore.verify.claims import Claim
from mathcore.verify.errors import TargetError
from mathcore.verify.run.given import Given, chosen, everything, given_claims, names_of
from mathcore.verify.run.results import PROFILES, ClaimResult, Profile
from mathcore.verify.run.runner import refutes, run_claim
from mathcore.verify.run.session import Subject, find_target
from mathcore.verify.run.workers import Work, WorkerPool
from mathcore.verify.targets.adapters import numpy_adapter
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.signatures import reference_signature
from mathcore.verify.targets.target import Target

Matrix = dict[str, dict[str, bool]]


def kill_matrix(
    *wanted: str,
    reference: Subject = None,
    claims: Given | None = None,
    profile: str = "quick",
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[ClaimResult], None] | None = None,
) -> tuple[Matrix, dict[str, str]]:
    """Run every claim on the mutants that it names.

    Args:
        *wanted: as for `verify`.
        reference: a correct implementation, of which the mutants are made; None for mathcore.
        claims: somebody's own, as for `verify`.
        profile, seed, workers, progress: as for `verify`.

    Returns:
        "operation: mutant" → claim id → whether it was refuted; and "operation: mutant" → what is wrong with it.

    Raises:
        LookupError: as `verify`, and if the reference lacks an operation that a claim needs, or is refuted itself.
    """
    tested = [c for c in chosen(wanted, claims) if c.refuted_by]
    _check_reference(tested, find_target(reference))
    by_name = names_of(claims)
    by_path = not isinstance(reference, Target) and by_name is not None
    make_work = partial(_make_work, reference, by_name if by_path else claims, profile)
    count = min(workers or os.cpu_count() or 1, max(len(tested), 1))
    pool = WorkerPool(make_work, count, method="spawn" if by_path else "fork")
    results = {}
    for result in pool.results((c, seed) for c in tested):
        if result.checks:
            raise LookupError(f"the mutants of `{result.claim}` are made of what is no correct one: {result.detail}")
        results[result.claim] = result
        if progress is not None:
            progress(result)
    return _matrix(tested, results)


def _check_reference(claims: Sequence[Claim], reference: Target) -> None:
    """Check that there is an operation for every mutant to stand in for.

    Raises:
        LookupError: if not; the message says what to give.
    """
    for claim in claims:
        if lacking := [name for name in claim.needs if name not in reference.operations]:
            raise LookupError(
                f"the mutants of `{claim.id}` are made of a correct `{lacking[0]}`, which {reference.name} does not "
                "have: give one as --target MODULE:NAME or OPERATION=MODULE:NAME"
            )


def _matrix(claims: Sequence[Claim], results: dict[str, ClaimResult]) -> tuple[Matrix, dict[str, str]]:
    matrix: Matrix = {}
    notes: dict[str, str] = {}
    for claim in claims:
        for mutant in claim.refuted_by:
            name = f"{mutant.operation}: {mutant.name}"
            matrix.setdefault(name, {})[claim.id] = results[claim.id].mutants.get(mutant.name, False)
            notes[name] = mutant.note
    return dict(sorted(matrix.items())), notes


def _make_work(reference: Subject, given: Given | None, profile: str) -> Work:
    claims, correct = {c.id: c for c in everything(given_claims(given or None))}, find_target(reference)
    return lambda name, seed: _killed(claims[name], correct, PROFILES[profile], seed)


def _killed(claim: Claim, correct: Target, profile: Profile, seed: int) -> ClaimResult:
    """Which mutants a claim refutes; or what it has against the reference, of which nothing can then be made.

    That mathcore is correct its tests say.
    """
    if correct.guarded:
        result = run_claim(claim, correct, None, profile, seed)
        if result.outcome == "refuted":
            return result
        correct = in_numpy(correct)
    killed = {m.name: refutes(claim, m, correct, profile, seed) for m in claim.refuted_by}
    return ClaimResult(claim.id, "holds" if all(killed.values()) else "refuted", [], killed, 0.0)


def in_numpy(target: Target) -> Target:
    """The functions of a target as claims call them: on NumPy arrays, by mathcore's conventions, without a guard.

    A mutant takes and returns NumPy arrays. A guard would stop many before a relation can refute them.
    """
    operations = {name: _as_called(target, name) for name in target.operations}
    return replace(target, operations=operations, adapter=numpy_adapter(), guarded=False)


def _as_called(target: Target, operation: str) -> Callable[..., Any]:
    function, caller = target.operations[operation], Caller(target, once=True)

    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        caller.forget()
        try:
            return caller(operation, args, options)
        except TargetError as raised:
            raise raised.cause from None

    if (signature := reference_signature(operation)) is not None:
        setattr(called, "__signature__", signature)  # noqa: B010  (a function has none)
    return called
