"""Claims on the workers of an executor: threads, processes, or the machines of a cluster.

A task is pure: from the target, the profile, a claim's id and a seed to a result. So where it runs changes nothing, and
a task whose worker was lost can run again elsewhere. `scattered` does that for any function; a sweep uses it too.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import pickle
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from mathcore.verify.claims import Claim
from mathcore.verify.run.code import differences, versions
from mathcore.verify.run.results import CheckResult, ClaimResult, Tally
from mathcore.verify.run.workers import Work, WorkerError

_T = TypeVar("_T")

_ATTEMPTS = 2
"""How often a task is given to the executor before its worker counts as lost."""

_AHEAD = 64
"""Tasks that are handed over before they can start, where a budget may end the run between two of them.

As many as a large machine has cores, so that none waits; what is handed over when the time is up is still finished.
"""

_ONE_AT_A_TIME = threading.Lock()
"""Warnings and the precision of Arb are settings of a process. Claims in threads of one process take turns."""


@dataclass(frozen=True)
class Lost:
    """A task without a result, and why: its worker was lost, more than once."""

    why: str


@dataclass(frozen=True)
class _Failed:
    """What a worker could not do: the target is not found there (`missing`), or the code raised."""

    words: str
    missing: bool = False


def results_on(
    executor: Executor, make_work: Callable[[], Work], tasks: Iterator[tuple[Claim, int]], budgeted: bool
) -> Iterator[ClaimResult]:
    """The results of tasks (a claim and a seed) on an executor, in the order in which they finish.

    A claim whose worker was lost twice is inconclusive, in words.

    Raises:
        TypeError: if the target cannot be sent to another process.
        LookupError: if a worker does not find the target, or has other versions; the message says which.
        WorkerError: if a claim could not be checked, through no fault of the target.
    """
    run = _runner(executor, make_work)
    claims: dict[tuple[str, int], Claim] = {}

    def named() -> Iterator[tuple[str, int]]:
        for claim, seed in tasks:
            claims[claim.id, seed] = claim
            yield claim.id, seed

    for task, answer in scattered(executor, run, named(), _AHEAD if budgeted else None):
        if isinstance(answer, _Failed):
            raise LookupError(answer.words) if answer.missing else WorkerError(answer.words)
        yield _without_result(claims[task], answer.why) if isinstance(answer, Lost) else answer


def scattered(
    executor: Executor, function: Callable[..., Any], tasks: Iterator[tuple[Any, ...]], ahead: int | None = None
) -> Generator[tuple[tuple[Any, ...], Any]]:
    """Every task with what `function(*task, attempt)` returned, or with `Lost`, in the order in which they finish.

    Args:
        executor: any; it is left open.
        function: picklable, unless the executor runs threads; `attempt` counts from 1.
        tasks: arguments, drawn as the executor takes them.
        ahead: how many tasks are in the executor's hands at once; None for all.
    """
    finished: SimpleQueue[Future[Any]] = SimpleQueue()
    running: dict[Future[Any], tuple[tuple[Any, ...], int]] = {}
    taken = answered = 0

    def submit(task: tuple[Any, ...], attempt: int) -> None:
        future: Future[Any]
        try:
            future = executor.submit(function, *task, attempt)
        except Exception as refused:  # a broken pool takes no more tasks
            future = Future()
            future.set_exception(refused)
        running[future] = task, attempt
        future.add_done_callback(finished.put)

    try:
        while True:
            for task in itertools.islice(tasks, None if ahead is None else ahead - len(running)):
                taken += 1
                submit(task, 1)
            if not running:
                break
            future = finished.get()
            task, attempt = running.pop(future)
            try:
                answer = future.result()
            except Exception as lost:  # the function raises nothing itself
                if attempt < _ATTEMPTS:
                    submit(task, attempt + 1)
                    continue
                answer = Lost(f"{type(lost).__name__}: {lost}".strip().rstrip(":"))
            answered += 1
            yield task, answer
    finally:
        for future in running:
            future.cancel()
    if answered != taken:
        raise AssertionError(f"{answered} answers to {taken} tasks")


def _runner(executor: Executor, make_work: Callable[[], Work]) -> Callable[[str, int, int], Any]:
    """The function that the executor calls with a claim's id, a seed and the number of the attempt."""
    try:
        packed = pickle.dumps(make_work)
    except Exception as problem:
        if isinstance(executor, ThreadPoolExecutor):
            return functools.partial(_attempt, make_work)
        raise TypeError(
            "the target cannot be sent to another process: put it into a module that the workers can import and give "
            'its path, "MODULE:NAME"'
        ) from problem
    return functools.partial(_attempt_packed, packed, versions())


def _attempt_packed(packed: bytes, expected: Mapping[str, str], claim: str, seed: int, attempt: int) -> Any:
    if different := differences(expected, versions()):
        return _Failed(f"a worker has {different}", missing=True)
    return _attempt(functools.partial(_prepared, packed), claim, seed, attempt)


@functools.lru_cache(maxsize=2)
def _prepared(packed: bytes) -> Work:
    """The work of a run, made once in each process: that imports the catalogue and the target."""
    work: Work = pickle.loads(packed)()
    return work


def _attempt(make_work: Callable[[], Work], claim: str, seed: int, attempt: int) -> Any:
    """The result, or what went wrong: an exception that gets out is the executor's own, and means a lost worker."""
    del attempt  # an argument, so that Dask knows the second attempt from the first
    with _ONE_AT_A_TIME:
        try:
            work = make_work()
        except LookupError as missing:
            return _Failed(f"on a worker: {missing.args[0]}", missing=True)
        except Exception:
            return _Failed(traceback.format_exc())
        try:
            return work(claim, seed)
        except Exception:
            return _Failed(traceback.format_exc())


def _without_result(claim: Claim, why: str) -> ClaimResult:
    words = f"not checked: its worker was lost {_ATTEMPTS} times ({why})"
    checks = [CheckResult(c.rung, "inconclusive", Tally(), None, c.counterexample, words) for c in claim.checks]
    return ClaimResult(claim.id, "inconclusive", checks, {}, 0.0)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Executor]:
    """The executor at an address, dask://HOST:PORT.

    Raises:
        LookupError: if the address is none, Dask is not installed, nobody answers, or there are no workers.
    """
    scheme, _, place = address.partition("://")
    if scheme != "dask" or not place:
        raise LookupError(f"an executor is given as dask://HOST:PORT, got {address!r}")
    try:
        from distributed import Client
    except ModuleNotFoundError as missing:
        raise LookupError("--executor dask://HOST:PORT needs distributed: pip install 'mathcore[cluster]'") from missing
    try:
        client = Client(f"tcp://{place}", timeout=10, set_as_default=False)
    except (OSError, ValueError) as absent:
        raise LookupError(f"no Dask scheduler answers at {place}") from absent
    with client:
        if not client.scheduler_info()["workers"]:
            raise LookupError(f"the Dask scheduler at {place} has no workers")
        yield client.get_executor(pure=False)
