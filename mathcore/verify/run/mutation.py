"""Mutation testing of the claims: the kill matrix of all mutants and the claims that must refute them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from mathcore.verify.run.catalogue import catalogue, select
from mathcore.verify.run.results import PROFILES, ClaimResult
from mathcore.verify.run.runner import refutes
from mathcore.verify.run.workers import Work, WorkerPool
from mathcore.verify.targets.target import mathcore_target

Matrix = dict[str, dict[str, bool]]


def kill_matrix(
    *wanted: str,
    profile: str = "quick",
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[ClaimResult], None] | None = None,
) -> tuple[Matrix, dict[str, str]]:
    """Run every claim on the mutants that it names.

    Returns:
        "operation: mutant" → claim id → whether it was refuted; and "operation: mutant" → what is wrong with it.
    """
    claims = [c for c in select(catalogue(), wanted) if c.refuted_by]
    pool = WorkerPool(partial(_make_work, profile), min(workers or os.cpu_count() or 1, max(len(claims), 1)))
    results = {}
    for result in pool.results((c, seed) for c in claims):
        results[result.claim] = result
        if progress is not None:
            progress(result)
    matrix: Matrix = {}
    notes: dict[str, str] = {}
    for claim in claims:
        for mutant in claim.refuted_by:
            name = f"{mutant.operation}: {mutant.name}"
            matrix.setdefault(name, {})[claim.id] = results[claim.id].mutants.get(mutant.name, False)
            notes[name] = mutant.note
    return dict(sorted(matrix.items())), notes


def _make_work(profile: str) -> Work:
    claims, reference = {c.id: c for c in catalogue()}, mathcore_target()

    def work(name: str, seed: int) -> ClaimResult:
        claim = claims[name]
        killed = {m.name: refutes(claim, m, reference, PROFILES[profile], seed) for m in claim.refuted_by}
        return ClaimResult(name, "holds" if all(killed.values()) else "refuted", [], killed, 0.0)

    return work
