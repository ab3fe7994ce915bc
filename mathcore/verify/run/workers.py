"""Child processes that check claims, and that may die of it.

A kernel that crashes takes its process along, and one that hangs never returns. Here that is a verdict: the child is
replaced, the claim is refuted with the call that it did not survive, and the rest of the run goes on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from mathcore.verify.claims import Claim
from mathcore.verify.report.describe import Finding, describe
from mathcore.verify.run.results import CheckResult, ClaimResult, Tally
from mathcore.verify.targets import caller

Work = Callable[[str, int], ClaimResult]
"""Claim id and seed → result; made in the child by what `WorkerPool` was given."""

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_NEVER_STARTED = (
    "a child process ended before it began. In a script, call `verify` under `if __name__ == '__main__':`, since each "
    "child reads the script once more; or pass workers=1"
)
_MAX_NOTE_BYTES = 1 << 16  # arrays beyond this many bytes are noted by shape alone


class WorkerError(RuntimeError):
    """A claim could not be checked for a reason that is not the target's; the text is the child's traceback."""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    since: Any  # when the current call of the target began, 0 between calls
    note: Path  # the call that is being made
    task: tuple[Claim, int] | None = None
    ready: bool = False


class WorkerPool:
    """A few child processes.

    Args:
        make_work: called once in each child; must be picklable, unless `method` is "fork".
        count: how many.
        timeout: seconds that one call of the target may take; None for no limit.
        method: how children start.
    """

    def __init__(
        self, make_work: Callable[[], Work], count: int, timeout: float | None = None, method: str = "spawn"
    ) -> None:
        self._make_work, self._count, self._timeout = make_work, count, timeout
        self._context = multiprocessing.get_context(method)
        self._folder = tempfile.TemporaryDirectory(prefix="mathcore-")
        self._started = 0

    def results(self, tasks: Iterator[tuple[Claim, int]]) -> Iterator[ClaimResult]:
        """The result of every task (a claim and a seed), as they come."""
        children: list[_Worker] = []
        try:
            with _single_threads():
                children += [self._start() for _ in range(self._count)]
                for child in children:
                    _assign(child, tasks)
                while any(c.task for c in children):
                    for place, child in enumerate(children):
                        result = self._poll(child) if child.task else None
                        if result is not None:
                            if not child.process.is_alive():
                                children[place] = child = self._start()
                            yield result
                            _assign(child, tasks)
                    busy = [c.pipe for c in children if c.task]
                    if busy:
                        wait([*busy, *(c.process.sentinel for c in children if c.task)], timeout=0.1)
        finally:
            for child in children:
                child.process.kill()
                child.process.join()
                child.pipe.close()
            self._folder.cleanup()

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        since = self._context.RawValue("d", 0.0)
        self._started += 1
        note = Path(self._folder.name) / f"call-{self._started}"
        process = self._context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(self._make_work, there, since, note), daemon=True
        )
        process.start()
        there.close()
        return _Worker(process, here, since, note)

    def _poll(self, child: _Worker) -> ClaimResult | None:
        """What has become of a child's task; None if it is still at it."""
        assert child.task is not None
        claim, _ = child.task
        try:
            if child.pipe.poll():
                kind, value = child.pipe.recv()
                if kind == "ready":
                    child.ready = True
                    return None
                child.task = None
                if kind == "error":
                    raise WorkerError(value)
                result: ClaimResult = value
                return result
        except (EOFError, OSError) as silence:  # it died without a word
            child.process.join()
            if not child.ready:
                raise WorkerError(_NEVER_STARTED) from silence
            return self._verdict(child, claim, f"ended its process ({_exit_reason(child.process.exitcode)})")
        began = child.since.value
        if self._timeout is not None and began and time.monotonic() - began > self._timeout:
            child.process.kill()
            child.process.join()
            return self._verdict(child, claim, f"did not answer within {self._timeout:g} s")
        return None

    def _verdict(self, child: _Worker, claim: Claim, what: str) -> ClaimResult:
        child.task = None
        try:
            operation, inputs = pickle.loads(child.note.read_bytes())
        except (OSError, EOFError, pickle.UnpicklingError):
            operation, inputs = " or ".join(claim.needs), {}
        words = f"`{operation}` {what}" if operation else f"the claim {what}"
        shown = {k if k.isidentifier() else f"argument {int(k) + 1}": describe(v) for k, v in inputs.items()}
        finding = Finding("last", shown, words, "", "", "", "", "", claim.statement, crashed=True)
        checks = [CheckResult(c.rung, "inconclusive", Tally(), None, c.counterexample, "not run") for c in claim.checks]
        if checks:
            checks[0].outcome, checks[0].finding, checks[0].detail = "refuted", finding, words
        return ClaimResult(claim.id, "refuted", checks, {}, 0.0)


def _assign(child: _Worker, tasks: Iterator[tuple[Claim, int]]) -> None:
    child.task = next(tasks, None)
    if child.task is not None:
        with contextlib.suppress(OSError):  # a dead child is noticed when it is looked at
            child.pipe.send((child.task[0].id, child.task[1]))


def _exit_reason(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit status {code}"


def _serve(make_work: Callable[[], Work], pipe: Connection, since: Any, note: Path) -> None:
    """The child: check what is asked, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    caller.watch = _record(since, note)
    try:
        work = make_work()
        pipe.send(("ready", None))
        while True:
            claim, seed = pipe.recv()
            since.value = 0.0
            pipe.send(("result", work(claim, seed)))
    except (EOFError, KeyboardInterrupt):
        return
    except Exception:
        pipe.send(("error", traceback.format_exc()))


def _record(since: Any, note: Path) -> Callable[[str, Mapping[str, Any]], None]:
    def watch(operation: str, given: Mapping[str, Any]) -> None:
        if operation:
            small = {k: _abbreviated(v) for k, v in given.items()}
            with contextlib.suppress(Exception):  # what cannot be pickled is not noted
                note.write_bytes(pickle.dumps((operation, small)))
            since.value = time.monotonic()
        else:
            since.value = 0.0
            note.unlink(missing_ok=True)

    return watch


def _abbreviated(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.nbytes > _MAX_NOTE_BYTES:
        return f"array of shape {value.shape}, {value.dtype}"
    return value


@contextlib.contextmanager
def _single_threads() -> Iterator[None]:
    """BLAS threads on top of processes only fight."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
