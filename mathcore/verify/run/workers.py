"""Worker processes, isolated from crashes and hangs of the target.

A kernel that crashes kills its process, and one that hangs never returns. Both are verdicts: the claim is refuted, with
the call that did not return, the worker is replaced, and the run goes on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mathcore.verify.claims import Claim
from mathcore.verify.report.describe import Finding, describe
from mathcore.verify.report.script import Failure, with_script
from mathcore.verify.run.interrupt import MAX_PRINTED
from mathcore.verify.run.results import ClaimResult, failed, without_verdict
from mathcore.verify.targets import caller
from mathcore.verify.targets.caller import Call

if TYPE_CHECKING:
    from mathcore.verify.targets.target import Target

Work = Callable[[str, int], ClaimResult]
"""Claim id and seed → result; made in each worker."""

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_NEVER_STARTED = (
    "a child process ended before it began. In a script, call `verify` under `if __name__ == '__main__':`, because "
    "each child process imports the script again; or pass workers=1"
)
_MAX_NOTE_BYTES = 1 << 25  # larger arrays are noted by shape only


class WorkerError(RuntimeError):
    """A claim could not be checked, through no fault of the target; the text is the worker's traceback."""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    call_start: Any  # shared memory: when the current call of the target began, 0 between calls
    note: Path  # a file with the arguments of the current call
    task: tuple[Claim, int] | None = None
    ready: bool = False


class WorkerPool:
    """A pool of worker processes, in which a worker that dies or hangs is replaced.

    Args:
        make_work: called once in each worker; must be picklable, unless `method` is "fork".
        count: number of workers.
        timeout: seconds that one call of the target may take; None for no limit.
        method: start method of the processes.
        target: for the script of a call that did not return; None for none.
        memory: bytes that a worker may take beyond what it takes once the target is loaded; None for no limit.
    """

    def __init__(
        self,
        make_work: Callable[[], Work],
        count: int,
        timeout: float | None = None,
        method: str = "spawn",
        target: Target | None = None,
        memory: int | None = None,
    ) -> None:
        self._make_work, self._count, self._timeout = make_work, count, timeout
        self._target, self._memory = target, memory
        self._context = multiprocessing.get_context(method)
        self._folder = tempfile.TemporaryDirectory(prefix="mathcore-")
        self._started = 0

    def results(self, tasks: Iterator[tuple[Claim, int]]) -> Iterator[ClaimResult]:
        """The results of all tasks (a claim and a seed), in the order in which they finish."""
        workers: list[_Worker] = []
        try:
            with _single_threads():
                workers += [self._start() for _ in range(self._count)]
                for worker in workers:
                    _assign(worker, tasks)
                while any(w.task for w in workers):
                    for i, worker in enumerate(workers):
                        result = self._poll(worker) if worker.task else None
                        if result is not None:
                            if not worker.process.is_alive():
                                workers[i] = worker = self._start()
                            yield result
                            _assign(worker, tasks)
                    busy = [w for w in workers if w.task]
                    if busy:
                        wait([*(w.pipe for w in busy), *(w.process.sentinel for w in busy)], timeout=0.1)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()
                worker.pipe.close()
            self._folder.cleanup()

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        call_start = self._context.RawValue("d", 0.0)
        self._started += 1
        note = Path(self._folder.name) / f"call-{self._started}"
        process = self._context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(self._make_work, there, call_start, note, self._memory), daemon=True
        )
        process.start()
        there.close()
        return _Worker(process, here, call_start, note)

    def _poll(self, worker: _Worker) -> ClaimResult | None:
        """The result of the worker's task; None if it is still running."""
        assert worker.task is not None
        claim, _ = worker.task
        try:
            if worker.pipe.poll():
                kind, value = worker.pipe.recv()
                if kind == "ready":
                    worker.ready = True
                    return None
                worker.task = None
                if kind == "error":
                    raise WorkerError(value)
                return failed(claim, value) if kind == "failed" else value
        except (EOFError, OSError) as closed:  # the process died
            worker.process.join()
            if not worker.ready:
                raise WorkerError(_NEVER_STARTED) from closed
            return self._verdict(worker, claim, f"ended its process ({_exit_reason(worker.process.exitcode)})")
        began = worker.call_start.value
        if self._timeout is not None and began and time.monotonic() - began > self._timeout:
            worker.process.kill()
            worker.process.join()
            return self._verdict(worker, claim, f"did not answer within {self._timeout:g} s")
        return None

    def _verdict(self, worker: _Worker, claim: Claim, what: str) -> ClaimResult:
        worker.task = None
        try:
            operation, args, options = pickle.loads(worker.note.read_bytes())
        except (OSError, EOFError, pickle.UnpicklingError):
            operation, args, options = " or ".join(claim.needs), (), {}
        if not worker.call_start.value:
            return failed(claim, WorkerError(f"between two calls of the target, the worker {what}"))
        words = f"`{operation}` {what}"
        shown = {f"argument {i}": describe(v) for i, v in enumerate(args, 1)} | {
            k: describe(v) for k, v in options.items()
        }
        finding = Finding("last", shown, words, "", "", "", "", "", claim.statement, crashed=True,
                          operation=operation, difference=what.partition(" within")[0])  # fmt: skip
        is_whole = not any(isinstance(v, str) and v.startswith("array of shape") for v in (*args, *options.values()))
        if self._target is not None and operation in self._target.operations and (args or options) and is_whole:
            call = Call(operation, args, options, None)
            failure = Failure(claim, self._target, options, None, (call,))
            finding = with_script(failure, finding, lambda _: None)[1]
        return replace(without_verdict(claim, "refuted", finding), printed=_read_output(worker.note))


def _assign(worker: _Worker, tasks: Iterator[tuple[Claim, int]]) -> None:
    worker.task = next(tasks, None)
    if worker.task is not None:
        with contextlib.suppress(OSError):  # `_poll` notices a dead worker
            worker.pipe.send((worker.task[0].id, worker.task[1]))


def _exit_reason(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit status {code}"


def _serve(
    make_work: Callable[[], Work], pipe: Connection, call_start: Any, note: Path, memory: int | None = None
) -> None:
    """The main loop of a worker: check claims until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles both, and ends its workers
    signal.signal(signal.SIGTERM, lambda *_: None)  # not SIG_IGN, which a process that the target starts would inherit
    caller.on_call = _record(call_start, note)
    _redirect_output(_output_file(note))
    try:
        work = make_work()
        if memory is not None:
            limit_memory(memory)
        pipe.send(("ready", None))
        while True:
            claim, seed = pipe.recv()
            call_start.value = 0.0
            try:
                pipe.send(("result", replace(work(claim, seed), printed=_read_output(note))))
            except Exception:  # e.g. a result that cannot be pickled
                pipe.send(("failed", RuntimeError(traceback.format_exc())))
            _output_file(note).write_bytes(b"")
    except (EOFError, KeyboardInterrupt):
        return
    except Exception:
        pipe.send(("error", traceback.format_exc()))


def limit_memory(more: int) -> None:
    """Limit the address space of this process to what it has now and so many bytes more."""
    import resource  # not on Windows

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _output_file(note: Path) -> Path:
    return note.with_name(f"{note.name}-printed")


def _redirect_output(file: Path) -> None:
    """Write what this process prints into a file, what compiled code prints included."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def _read_output(note: Path) -> str:
    """What a worker has printed since its last claim."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        with _output_file(note).open("rb") as file:
            return file.read(MAX_PRINTED).decode(errors="replace")
    except OSError:
        return ""


def _record(call_start: Any, note: Path) -> Callable[[str, tuple[Any, ...], Mapping[str, Any]], None]:
    def on_call(operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        if operation:
            small = tuple(map(_abbreviated, args)), {k: _abbreviated(v) for k, v in options.items()}
            with contextlib.suppress(Exception):  # arguments that cannot be pickled are not noted
                note.write_bytes(pickle.dumps((operation, *small)))
            call_start.value = time.monotonic()
        else:
            call_start.value = 0.0
            note.unlink(missing_ok=True)

    return on_call


def _abbreviated(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.nbytes > _MAX_NOTE_BYTES:
        return f"array of shape {value.shape}, {value.dtype}"
    return value


@contextlib.contextmanager
def _single_threads() -> Iterator[None]:
    """One BLAS thread per worker, because more would oversubscribe the cores."""
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
