"""A whole run: many claims on one target, on every core, into one report."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime

from mathcore.verify.catalogue import catalogue, select
from mathcore.verify.claims import Claim
from mathcore.verify.report import Report
from mathcore.verify.runner import PROFILES, ClaimResult, run_claim
from mathcore.verify.targets import Target, mathcore_target

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def verify(
    target: Target | str | None = None,
    *wanted: str,
    profile: str = "default",
    seed: int | None = None,
    workers: int | None = None,
    progress: Callable[[ClaimResult], None] | None = None,
) -> Report:
    """Check claims on a target.

    Args:
        target: a `Target`, the place of one as "MODULE:NAME", or None for mathcore itself.
        *wanted: claim ids, topics or `faq17`; none for all claims.
        profile: "quick", "default" or "thorough".
        seed: what all inputs are drawn from; None for a new one, which the report states.
        workers: processes; None for one a core. A `Target` object that has no place runs in this process.
        progress: called with each result as it comes.

    Returns:
        The report, results in the order of the catalogue.

    Raises:
        LookupError: if a name matches no claim, or no target is found at its place.
    """
    claims = select(catalogue(), wanted)
    chosen = secrets.randbelow(2**32) if seed is None else seed
    subject = find_target(target)
    begin, date = time.perf_counter(), datetime.now(UTC)
    in_processes = not isinstance(target, Target) and workers != 1 and len(claims) > 1
    run = _run_in_processes if in_processes else _run_here
    results: dict[str, ClaimResult] = {}
    for result in run(claims, target, profile, chosen, workers):
        results[result.claim] = result
        if progress is not None:
            progress(result)
    ordered = [(claim, results[claim.id]) for claim in claims]
    return Report(ordered, subject.name, profile, chosen, time.perf_counter() - begin, date)


def find_target(target: Target | str | None) -> Target:
    """The target itself, or the one that "MODULE:NAME" names.

    Raises:
        LookupError: if the module or the name is missing, or is no `Target`; the message says which.
    """
    if target is None:
        return mathcore_target()
    if isinstance(target, Target):
        return target
    module, _, name = target.partition(":")
    if not name:
        raise LookupError(f"a target is given as MODULE:NAME, got {target!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as missing:
        raise LookupError(f"no target at {target!r}: {missing}") from missing
    if not isinstance(found, Target):
        raise LookupError(f"{target!r} must be a mathcore.verify.Target, got {type(found).__name__}")
    return found


def _run_here(claims: Sequence[Claim], target: Target | str | None, profile: str, seed: int, _: int | None):  # type: ignore[no-untyped-def]
    subject, reference = find_target(target), mathcore_target()
    for claim in claims:
        yield run_claim(claim, subject, reference, PROFILES[profile], seed)


def _run_in_processes(claims, target, profile, seed, workers):  # type: ignore[no-untyped-def]
    # Experiments take longest: begin with them, so that no core waits for one at the end.
    by_weight = sorted(claims, key=lambda c: not {"experiment", "exhaustive"} & set(c.evidence))
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # BLAS threads on top of processes only fight
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=context) as pool:
            tasks = [pool.submit(_work, claim.id, target, profile, seed) for claim in by_weight]
            for task in as_completed(tasks):
                yield task.result()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(claim_id: str, target: str | None, profile: str, seed: int) -> ClaimResult:
    (claim,) = (c for c in catalogue() if c.id == claim_id)
    return run_claim(claim, find_target(target), mathcore_target(), PROFILES[profile], seed)
