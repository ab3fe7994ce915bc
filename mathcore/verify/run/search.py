"""How inputs are found: drawn by Hypothesis, bent beyond the domain, or enumerated."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable

from mathcore.verify.adversary import bent
from mathcore.verify.claims import Check
from mathcore.verify.errors import NotOfferedError
from mathcore.verify.run.attempt import Attempt, EnoughError, PassedOverError, RefutedError
from mathcore.verify.run.results import Profile, Tally

_HOPELESS = 60
"""Of so many inputs at least one should be supported, or the rest is not drawn."""


def search_beyond(attempt: Attempt, examples: int, seed: int, shrink: bool, tally: Tally) -> None:
    """Search for a counterexample among inputs that the claim's domain does not draw. A crash there is none."""
    crashes, attempt.past_crashes = attempt.past_crashes, True
    beyond = bent(attempt.check.strategy(attempt.target), but=attempt.claim.limits.fixed)
    try:
        search(attempt, beyond, examples, seed, shrink, tally)
    except RefutedError:
        attempt.beyond = True
        raise
    finally:
        attempt.past_crashes = crashes


def search(
    attempt: Attempt,
    strategy: st.SearchStrategy[dict[str, Any]],
    examples: int,
    seed: int,
    shrink: bool,
    tally: Tally,
) -> None:
    """Let Hypothesis draw inputs, and shrink the one that fails."""
    missing: list[NotOfferedError] = []

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    @given(strategy)
    def run(inputs: Mapping[str, Any]) -> None:
        try:
            attempt(tally if attempt.finding is None else None, **inputs)
        except RefutedError:
            if shrink:
                raise
            raise EnoughError from None  # spares Hypothesis a second run, and a description that nobody reads
        except NotOfferedError as operation:  # no failure, which Hypothesis would shrink
            missing.append(operation)
            raise EnoughError from None
        except PassedOverError:
            if not tally.examples and sum(tally.not_tried.values()) >= _HOPELESS:
                raise EnoughError from None
            reject()

    # Without a key, Hypothesis makes one for the database, which is not used: tokenising the source takes longer than
    # many a search.
    setattr(run, "_hypothesis_internal_database_key", b"")  # noqa: B010  (pytest's plugin sets it too)
    try:
        run()
    except EnoughError:
        if missing:
            raise missing[0] from None
        return
    except Unsatisfiable:
        return
    except Flaky as flaky:
        # The target answered differently for the same input: what it did the first time stands.
        if attempt.finding is not None:
            attempt.finding = replace(attempt.finding, unsteady=True)
        raise RefutedError from flaky


def try_each(attempt: Attempt, cases: Iterable[Mapping[str, Any]], tally: Tally) -> None:
    """Try every case, smallest first."""
    for case in cases:
        first = next(iter(case.values()), None)
        with contextlib.suppress(PassedOverError):
            attempt(tally, size=len(first) if isinstance(first, np.ndarray) and first.ndim else 1, **case)


def injected(check: Check, profile: Profile, seed: int) -> dict[str, Any]:
    """What a body without inputs may ask for by name."""
    offers = {"rng": np.random.default_rng(seed), "scale": profile.scale}
    return {name: offers[name] for name in list(inspect.signature(check.body).parameters)[1:]}
