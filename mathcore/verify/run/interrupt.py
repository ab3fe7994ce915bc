"""The end of a run before its time, and what a target prints meanwhile."""

from __future__ import annotations

import _thread
import contextlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace

from mathcore.verify.claims import Claim
from mathcore.verify.run.diagnosis import check_and_diagnose
from mathcore.verify.run.results import ClaimResult, Profile
from mathcore.verify.targets.target import Target

MAX_PRINTED = 10_000
"""Characters of a target's output that are kept for each claim."""


terminated = threading.Event()
"""Set by whoever ends the run by a signal: what a handler raises within a callback of the collector is lost."""


@contextlib.contextmanager
def interrupted_after(seconds: float | None) -> Iterator[threading.Event]:
    """Inside the context, a KeyboardInterrupt is raised after so many seconds, if this is the main thread.

    Yields:
        An event that is set then, to tell it from one by a person.
    """
    time_is_up, inside, lock = threading.Event(), [True], threading.Lock()
    is_main = threading.current_thread() is threading.main_thread()

    def interrupt() -> None:
        with lock:
            time_is_up.set()
            if inside[0] and is_main:
                _thread.interrupt_main()

    timer = threading.Timer(seconds or 0.0, interrupt)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield time_is_up
    finally:
        with lock:
            inside[0] = False
        timer.cancel()


def capturing(claim: Claim, target: Target, profile: Profile, seed: int) -> ClaimResult:
    """Run a claim, and keep what the target prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        result = check_and_diagnose(claim, target, profile, seed)
    return replace(result, printed=printed.getvalue()[:MAX_PRINTED])
