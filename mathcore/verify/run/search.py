"""The search for inputs: drawn by Hypothesis, perturbed beyond the domain, or enumerated."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable

from mathcore.verify.adversary import perturbed
from mathcore.verify.claims import Check
from mathcore.verify.errors import NotOfferedError
from mathcore.verify.run.attempt import Attempt, RefutedError, SkippedInputError, StopSearchError
from mathcore.verify.run.corpus import Corpus, Noted
from mathcore.verify.run.results import Profile, Tally

_GIVE_UP_AFTER = 60
"""The search ends if the target supports none of this many inputs."""


def search_outside_domain(attempt: Attempt, examples: int, seed: int, shrink: bool, tally: Tally) -> None:
    """Search for a counterexample among perturbed inputs. A crash does not count, as they may not be valid."""
    crashes, attempt.past_crashes = attempt.past_crashes, True
    strategy = perturbed(attempt.check.strategy(attempt.target), excluded=attempt.claim.limits.fixed)
    try:
        search(attempt, strategy, examples, seed, shrink, tally)
    except RefutedError:
        attempt.outside_domain = True
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
    noted: Noted | None = None,
    corpus: Corpus | None = None,
) -> None:
    """Let Hypothesis draw inputs, or take those of a corpus, and shrink the first that fails."""
    missing: list[NotOfferedError] = []

    @settings(
        max_examples=examples,
        database=None if corpus is None else corpus.database,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate if corpus is None else Phase.reuse, *([Phase.shrink] if shrink else [])],
    )
    @seeded(seed)  # below the settings: a seed takes the database out of those below it
    @given(strategy)
    def run(inputs: Mapping[str, Any]) -> None:
        try:
            attempt(tally if attempt.finding is None else None, **inputs)
        except RefutedError:
            if noted is not None:
                noted.fail()
            if shrink:
                raise
            raise StopSearchError from None  # else Hypothesis would run it again and describe it, for nobody to read
        except NotOfferedError as operation:  # not a failure, which Hypothesis would shrink
            missing.append(operation)
            raise StopSearchError from None
        except SkippedInputError:
            if not tally.examples and sum(tally.not_tried.values()) >= _GIVE_UP_AFTER:
                raise StopSearchError from None
            reject()
        if noted is not None:
            noted.see(tally.worst)

    # Without a key, Hypothesis would tokenise the source to make one for the database. That takes longer than many
    # searches.
    setattr(run, "_hypothesis_internal_database_key", b"" if corpus is None else corpus.key)  # noqa: B010  (pytest's plugin sets it too)
    try:
        run()
    except StopSearchError:
        if missing:
            raise missing[0] from None
        return
    except Unsatisfiable:
        return
    except Flaky as flaky:
        # The target gave different answers to the same input. The first failure counts.
        if attempt.finding is not None:
            attempt.finding = replace(attempt.finding, unsteady=True)
        raise RefutedError from flaky


@contextlib.contextmanager
def remembered(attempt: Attempt, profile: Profile, seed: int, tally: Tally, judging: bool) -> Iterator[Noted | None]:
    """Replay the corpus of the profile, if there is one; then search, and keep what failed or came close.

    The replay has an attempt and a tally of its own, so that a search does not depend on it; the tally is added when
    the search is over.

    Raises:
        RefutedError: if an input of the corpus fails; the attempt then has the finding.
    """
    if not judging or (profile.corpus is None and not profile.shared_corpus):
        yield None
        return
    corpus = Corpus(profile.corpus, profile.shared_corpus, attempt.claim, attempt.check)
    known, again = Tally(), Attempt(attempt.claim, attempt.check, attempt.target)
    noted = Noted()
    try:
        if count := len(corpus):
            with contextlib.suppress(NotOfferedError):
                search(again, attempt.check.strategy(attempt.target), count, seed, True, known, noted, corpus)
        noted = Noted(known.worst)
        yield noted
    except RefutedError:
        if again.finding is not None:
            attempt.finding, attempt.failure, attempt.difference = again.finding, again.failure, again.difference
        raise
    finally:
        attempt.error = attempt.error or again.error
        corpus.add(noted)
        tally.merge(Tally(worst=known.worst, allowance=known.allowance, tolerances=known.tolerances,
                          replayed=known.examples))  # fmt: skip


def inputs_drawn(strategy: st.SearchStrategy[dict[str, Any]], examples: int, seed: int) -> list[dict[str, Any]]:
    """The inputs that a search with this seed draws."""
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @seeded(seed)
    @given(strategy)
    def draw(inputs: dict[str, Any]) -> None:
        found.append(inputs)

    with contextlib.suppress(Unsatisfiable):
        draw()
    return found


def enumerate_cases(attempt: Attempt, cases: Iterable[Mapping[str, Any]], tally: Tally) -> None:
    """Check every case, smallest first."""
    for case in cases:
        first = next(iter(case.values()), None)
        with contextlib.suppress(SkippedInputError):
            attempt(tally, size=len(first) if isinstance(first, np.ndarray) and first.ndim else 1, **case)


def injected_arguments(check: Check, profile: Profile, seed: int) -> dict[str, Any]:
    """The arguments `rng` and `scale`, as far as a body without inputs takes them."""
    available = {"rng": np.random.default_rng(seed), "scale": profile.scale}
    return {name: available[name] for name in list(inspect.signature(check.body).parameters)[1:]}
