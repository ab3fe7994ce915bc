"""A parallel for loop over a pool of threads."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def parallel_for(task: Callable[[int], None], count: int) -> None:
    """Call `task(i)` for every i below `count`, on up to `num_threads()` threads, the calling one among them.

    Raises:
        Exception: the first that a task raised, once all threads have stopped.
    """
    indices = iter(range(count))

    def run_tasks() -> None:
        for i in indices:  # one iterator for all threads: each takes the next index, which the GIL makes atomic
            task(i)

    nested = threading.current_thread().name.startswith(_NAME)  # a worker that waits for workers would deadlock
    workers = 0 if nested else min(num_threads(), count) - 1
    # Each runs in a copy of the caller's context, which holds NumPy's error state.
    contexts = [contextvars.copy_context() for _ in range(workers)]
    futures = [_pool(workers).submit(context.run, run_tasks) for context in contexts]
    try:
        run_tasks()
    finally:
        for future in futures:
            future.result()


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
