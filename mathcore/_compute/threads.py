"""Work shared out to threads."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def share(task: Callable[[int], None], count: int) -> None:
    """Call `task(i)` for every i below `count`, on as many threads as may be used, the caller's own among them.

    Raises:
        Exception: the first that a task raised, once all threads have stopped.
    """
    numbers = iter(range(count))

    def pull() -> None:
        for i in numbers:  # one iterator for all threads: each takes the next number
            task(i)

    within = threading.current_thread().name.startswith(_NAME)  # a helper that waits for helpers may wait for itself
    helpers = 0 if within else min(num_threads(), count) - 1
    # Each in a copy of the caller's context, which holds what NumPy does about overflow.
    contexts = [contextvars.copy_context() for _ in range(helpers)]
    waiting = [_pool(helpers).submit(context.run, pull) for context in contexts]
    try:
        pull()
    finally:
        for helper in waiting:
            helper.result()


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


_kept = threading.local()


_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}  # by process, for a fork takes no threads along, and size


_lock = threading.Lock()


_NAME = "mathcore blocks"


def _pool(size: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        key = (os.getpid(), size)
        if key not in _pools:
            _pools[key] = ThreadPoolExecutor(size, thread_name_prefix=_NAME)
        return _pools[key]
