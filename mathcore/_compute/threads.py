"""A parallel for loop over a pool of threads."""

from __future__ import annotations

import contextvars
import functools
import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor


def parallel_for(task: Callable[[int], None], count: int) -> None:
    """Call `task(i)` for every i below `count`, on up to `num_threads()` threads, the calling one among them.

    An error, and so an interrupt from the keyboard, ends the loop: no further task begins, and when it reaches the
    caller no thread is in one. Threads that cannot be started are done without.

    Raises:
        Exception: the first that a task raised, once all threads have stopped.
    """
    indices = iter(range(count))

    def run_tasks() -> None:
        for i in indices:  # one iterator for all threads: each takes the next index, which the GIL makes atomic
            task(i)

    nested = threading.current_thread().name.startswith(_NAME)  # a worker that waits for workers would deadlock
    workers = 0 if nested else min(num_threads(), count) - 1
    if workers < 1:
        run_tasks()
        return
    from concurrent.futures import Future

    futures = [Future[None]() for _ in range(workers)]
    try:
        _start(run_tasks, futures)
        run_tasks()
    finally:
        _stop(indices, futures)
    for future in futures:
        if not future.cancelled():
            future.result()


def _start(run_tasks: Callable[[], None], futures: list[Future[None]]) -> None:
    """Hand the loop to the pool, once for each of the futures; as many as threads can be started for."""
    for future in futures:
        # Each runs in a copy of the caller's context, which holds NumPy's error state.
        context = contextvars.copy_context()
        try:
            _pool(len(futures)).submit(_help, future, functools.partial(context.run, run_tasks))
        except RuntimeError:  # no thread can be started, or the interpreter is about to end
            return


def _help(future: Future[None], run_tasks: Callable[[], None]) -> None:
    """Run the loop, unless it is over. The pool has this even of what it could not start a thread for."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        run_tasks()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(None)


def _stop(indices: Iterator[int], futures: list[Future[None]]) -> None:
    """Take what tasks are left, and wait for those that are running: an interrupt meanwhile comes after them."""
    interrupt: BaseException | None = None
    while True:
        try:
            for _ in indices:
                pass
            for future in futures:
                if not future.cancel():
                    future.exception()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def num_threads() -> int:
    """How many threads large arrays may use.

    Raises:
        ValueError: if `MATHCORE_NUM_THREADS` is set to anything but a whole number from 1 up.
    """
    wanted = os.environ.get("MATHCORE_NUM_THREADS", "")
    if not wanted:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f"`MATHCORE_NUM_THREADS` must be a whole number from 1 up, got {wanted!r}")
    return int(wanted)


_thread_local = threading.local()

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}  # by process, since a fork copies no threads, and size

_lock = threading.Lock()

_NAME = "mathcore blocks"  # of the threads, by which `parallel_for` knows that it runs in one of them

if hasattr(os, "register_at_fork"):  # pragma: no branch  (not where no process forks)
    # Another thread may hold the lock at the time of the fork; no one would ever release it in the child.
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))


def _pool(size: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        key = (os.getpid(), size)
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(size, thread_name_prefix=_NAME)
        return _pools[key]
