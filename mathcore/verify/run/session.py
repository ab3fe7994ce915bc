"""A whole run: many claims on one target, in parallel, with one report."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from mathcore.verify.claims import Claim
from mathcore.verify.report.report import Report
from mathcore.verify.run.catalogue import select
from mathcore.verify.run.command import command_options
from mathcore.verify.run.diagnosis import check_and_diagnose, waived
from mathcore.verify.run.executor import results_on
from mathcore.verify.run.given import Given, everything, given_claims, names_of
from mathcore.verify.run.interrupt import capturing, interrupted_after, terminated
from mathcore.verify.run.loading import load_object
from mathcore.verify.run.results import PROFILES, CheckResult, ClaimResult, Profile, Tally, merged
from mathcore.verify.run.runner import derived_seed
from mathcore.verify.run.shards import Shard
from mathcore.verify.run.waivers import read_waivers
from mathcore.verify.run.workers import Work, WorkerPool
from mathcore.verify.targets.adapters import ADAPTERS
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.derive import derived
from mathcore.verify.targets.restrictions import NONE, Restrictions
from mathcore.verify.targets.target import Target, adapted, mathcore_target


@dataclass(frozen=True)
class Functions:
    """A target given by the paths of its functions, as on the command line.

    Attributes:
        operations: operation name → "MODULE:NAME".
        adapter: the framework, a key of `ADAPTERS`.
        device, dtypes: None for those of the adapter.
        derive: how the framework differentiates, "autograd" or "vjp", to check its derivatives as well; "" for no.
    """

    operations: Mapping[str, str]
    adapter: str = "numpy"
    device: str | None = None
    dtypes: tuple[str, ...] | None = None
    conventions: Conventions = field(default_factory=Conventions)
    restrictions: Restrictions = NONE
    derive: str = ""

    def target(self) -> Target:
        """The target.

        Raises:
            LookupError: if a function is not found or the framework is missing; the message says which.
        """
        functions = {name: find(path) for name, path in self.operations.items()}
        try:
            adapter = ADAPTERS[self.adapter](self.device)
        except ModuleNotFoundError as missing:
            raise LookupError(f"--adapter {self.adapter} needs {missing.name}, which is not installed") from missing
        try:
            functions = derived(self.adapter, self.derive, functions) if self.derive else functions
        except ValueError as unknown:
            raise LookupError(f"--derive: {unknown}") from unknown
        name = ", ".join(dict.fromkeys(self.operations.values()))
        said = {"conventions": self.conventions, "restrictions": self.restrictions, "paths": dict(self.operations)}
        return adapted(name, adapter, functions, **said, **({"dtypes": self.dtypes} if self.dtypes else {}))


Subject: TypeAlias = Target | Functions | str | None


def verify(
    target: Subject = None,
    *wanted: str,
    claims: Given | None = None,
    profile: str | Profile = "default",
    seed: int | None = None,
    workers: int | None = None,
    budget: float | None = None,
    isolate: bool = False,
    timeout: float | None = None,
    waivers: Mapping[str, Any] | Path | str | None = None,
    progress: Callable[[ClaimResult], None] | None = None,
    executor: Executor | None = None,
    shard: str | None = None,
    corpus: Path | str | None = None,
    shared_corpus: Sequence[Path | str] = (),
    max_time: float | None = None,
    memory: int | None = None,
    capture: bool = False,
) -> Report:
    """Check claims on a target.

    Args:
        target: a `Target`, the path of one as "MODULE:NAME", `Functions`, or None for mathcore itself.
        *wanted: claim ids, topics, operations or `faq17`; none for all claims.
        claims: claims of your own, which are what is checked where none is named: `Claim` objects, modules, or names,
            as "MODULE", "MODULE:NAME" or that of an entry point in the group `mathcore.claims`.
        profile: "quick", "default" or "thorough"; or a profile of your own.
        seed: the seed of all random inputs; None for a new one, which the report states.
        workers: number of processes; None for one per core. `Target` and `Claim` objects stay in this process, unless
            `isolate`.
        budget: seconds to spend: every claim runs once, then again on fresh inputs while time is left.
        isolate: run the target in a child process, so that a crash or a hang is a verdict.
        timeout: seconds that one call may take; implies `isolate`.
        waivers: claim id → reason, or a TOML file of them; see `read_waivers`.
        progress: called with the first result of each claim.
        executor: where the claims run, instead of `workers`: any `concurrent.futures.Executor`. One that is not of
            threads needs a target that can be pickled: its path, `Functions` or None.
        shard: "3/8" for the third of eight parts of the run, whose reports `mathcore merge` puts together.
        corpus: a folder of inputs that failed or were hard before. They are tried first, in addition to those drawn,
            and what this run finds is added.
        shared_corpus: folders whose inputs are tried as well, and not added to.
        max_time: seconds after which the run ends, in the middle of a claim if need be. What did not run is
            inconclusive.
        memory: bytes that the target may take beyond what is taken when it is loaded; implies `isolate`.
        capture: keep what the target prints in the results. Child processes always do.

    Returns:
        The report, with results in the order of the catalogue. After Ctrl-C, with the results so far.

    Raises:
        LookupError: if a name matches no claim, the path leads to no target, a waiver names no claim, `claims` cannot
            be loaded or have an id that is taken, `shard` is no part, or a part has no seed.
        TypeError: if the target cannot be sent to the executor.
        ValueError: for an unknown profile, or an executor together with `isolate` or `timeout`.

    Examples:
        >>> from mathcore.verify import Target, verify
        >>> mine = Target.numpy("mine", softmax=lambda x, axis=-1: np.exp(x - x.max(axis, keepdims=True)))
        >>> verify(mine, "softmax.sums_to_one", profile="quick", seed=0).passed  # it forgets to divide
        False
    """
    resolved_profile = _profile(profile)
    subject, own = find_target(target), given_claims(claims)
    known, by_name = everything(own), names_of(claims)
    reasons = read_waivers(waivers, known)
    whole = select(own if own and not wanted else known, wanted)
    part = None if shard is None else Shard.parse(shard)
    if part is not None and seed is None:
        raise LookupError("a shard needs a seed, the same for all parts")
    selected = whole if part is None else part.claims(whole)
    if executor is not None and (isolate or timeout is not None):
        raise ValueError("`isolate` and `timeout` are for processes of this machine: leave out `executor`")
    remembering = replace(
        resolved_profile, corpus=None if corpus is None else str(corpus), shared_corpus=tuple(map(str, shared_corpus))
    )
    run = _Run(selected, remembering, secrets.randbelow(2**32) if seed is None else seed, budget)
    begin, date = time.perf_counter(), datetime.now(UTC)
    by_path = not isinstance(target, Target) and by_name is not None  # what another process can find again
    isolate = isolate or timeout is not None or memory is not None
    count = _worker_count(by_path, len(selected), workers, isolate)
    if executor is not None:
        make_work = partial(_make_work, target, own if by_name is None else by_name, remembering)
        results = results_on(executor, make_work, run.tasks(), budgeted=budget is not None)
    elif count:
        method = "spawn" if by_path else "fork"  # a `Target` or a `Claim` need not be picklable
        make_work = partial(_make_work, target if by_path else subject, by_name if by_path else own, remembering)
        results = WorkerPool(make_work, count, timeout, method, subject, memory).results(run.tasks())
    else:
        check = capturing if capture else check_and_diagnose
        results = (check(claim, subject, run.profile, seed) for claim, seed in run.tasks())
    try:
        with interrupted_after(max_time) as time_is_up:
            for result in results:
                first = run.add(result)
                if progress is not None and first:
                    progress(result)
                if time_is_up.is_set() or terminated.is_set():  # in a thread, or a place, that cannot be interrupted
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        run.stopped_because = "the time was up before" if time_is_up.is_set() else "the run was interrupted before"
    ordered = [(c, waived(r, reasons[c.id]) if c.id in reasons else r) for c, r in run.ordered()]
    seconds = time.perf_counter() - begin
    name = resolved_profile.name
    call = command_options(target, remembering, budget, max_time, isolate, timeout, memory, waivers, by_name or ())
    runnable = (not isinstance(target, Target) or bool(target.place)) and by_name is not None
    described = None if part is None else part.described(whole, resolved_profile, subject)
    return Report(
        ordered, subject.name, name, run.seed, seconds, date, describe_target(subject), call, tuple(wanted), runnable,
        described,
    )  # fmt: skip


def _profile(profile: str | Profile) -> Profile:
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise ValueError(f"`profile` must be one of {', '.join(PROFILES)}, got {profile!r}")
    return PROFILES[profile]


def _worker_count(by_path: bool, claims: int, workers: int | None, isolate: bool) -> int:
    """The number of worker processes; 0 to run in this process."""
    if isolate:
        return workers or 1
    if not by_path or workers == 1 or claims < 2:
        return 0
    return min(workers or os.cpu_count() or 1, claims)


class _Run:
    """The tasks of a run, and its results so far."""

    def __init__(self, claims: Sequence[Claim], profile: Profile, seed: int, budget: float | None) -> None:
        self.claims, self.profile, self.seed = claims, profile, seed
        self.stopped_because = "the budget was spent before"
        self._until = None if budget is None else time.monotonic() + budget
        self._results: dict[str, ClaimResult] = {}

    def tasks(self) -> Iterator[tuple[Claim, int]]:
        """Claims with the seeds to check them with; more rounds while the budget lasts."""
        # Experiments take longest. Start with them, so that no core waits for one at the end.
        slowest_first = sorted(self.claims, key=lambda c: not {"experiment", "exhaustive"} & set(c.evidence))
        number = 0
        while slowest_first and (number == 0 or self._until is not None):
            for claim in slowest_first:
                if self._until is not None and time.monotonic() > self._until:
                    return
                yield claim, self.seed if number == 0 else derived_seed(self.seed, "round", number)
            number += 1
            slowest_first = [c for c in slowest_first if _depends_on_seed(c)]

    def add(self, result: ClaimResult) -> bool:
        """Add a result. Returns whether it is the first of its claim."""
        before = self._results.get(result.claim)
        self._results[result.claim] = result if before is None else merged(before, result)
        return before is None

    def ordered(self) -> list[tuple[Claim, ClaimResult]]:
        """Every claim with its result, in the order of the claims; those that did not run are inconclusive."""
        return [(c, self._results.get(c.id) or self._missing(c)) for c in self.claims]

    def _missing(self, claim: Claim) -> ClaimResult:
        why = f"{self.stopped_because} it ran"
        checks = [CheckResult(c.rung, "inconclusive", Tally(), None, c.counterexample, why) for c in claim.checks]
        return ClaimResult(claim.id, "inconclusive", checks, {}, 0.0)


def _depends_on_seed(claim: Claim) -> bool:
    """Whether another seed draws other inputs."""
    return any(c.inputs and not c.counterexample for c in claim.checks)


def _make_work(target: Subject, given: Given | None, profile: Profile) -> Work:
    own, subject = given_claims(given or None), find_target(target)
    claims = {c.id: c for c in everything(own)}
    return lambda claim, seed: check_and_diagnose(claims[claim], subject, profile, seed)


def find_target(target: Subject) -> Target:
    """The target itself, or the one at the path "MODULE:NAME".

    Raises:
        LookupError: if the module or the name is missing, or is not a `Target`; the message says which.
    """
    if target is None:
        return mathcore_target()
    if isinstance(target, Target):
        return target
    if isinstance(target, Functions):
        return target.target()
    found = find(target)
    if not isinstance(found, Target):
        raise LookupError(f"{target!r} must be a mathcore.verify.Target, got {type(found).__name__}")
    return replace(found, place=target)


def find(path: str) -> Any:
    """The object at "MODULE:NAME"; NAME may have dots. Modules are also looked for in the current folder.

    Raises:
        LookupError: if it cannot be loaded; the message says why.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise LookupError(f"a path is given as MODULE:NAME, got {path!r}")
    try:
        return load_object(module, name)
    except (ImportError, AttributeError) as missing:
        raise LookupError(f"cannot load {path!r}: {missing}") from missing


def describe_target(target: Target) -> dict[str, Any]:
    """The target in a report: operations, dtypes, and conventions and restrictions other than the defaults."""
    limits = {k: v for k, v in vars(target.restrictions).items() if v != getattr(NONE, k)}
    return {
        "name": target.name,
        "framework": target.adapter.name,
        "operations": sorted(target.operations) if target.guarded else [],
        "dtypes": list(target.dtypes),
        "conventions": {k: str(v) for k, v in Conventions().difference(target.conventions).items()},
        "restrictions": {k: list(v) if isinstance(v, tuple) else v for k, v in limits.items()},
    }
