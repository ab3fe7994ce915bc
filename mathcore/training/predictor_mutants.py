"""Wrong pairs of words and wrong starts of a predictor of neighbours, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation


# Pairs.
def pairs_within(text: Any, reach: Callable[[int, int], bool]) -> tuple[Any, Any]:
    """All pairs of positions that `reach` allows."""
    positions = [(s, t) for s in range(len(text)) for t in range(len(text)) if reach(s, t)]
    return text[[s for s, _ in positions]], text[[t for _, t in positions]]


@mutant("neighbour_pairs")
def one_direction(ids: Any, *, window: int = 1) -> Any:
    """Takes the words that follow and forgets those before."""
    return pairs_within(ids, lambda s, t: 0 < t - s <= window)


@mutant("neighbour_pairs")
def window_too_wide(ids: Any, *, window: int = 1) -> Any:
    """Looks one word further than the window."""
    return pairs_within(ids, lambda s, t: 0 < abs(s - t) <= window + 1)


@mutant("neighbour_pairs")
def nearest_alone(ids: Any, *, window: int = 1) -> Any:
    """Takes the words next to each other, whatever the window."""
    return pairs_within(ids, lambda s, t: abs(s - t) == 1)


@mutant("neighbour_pairs")
def wraps_around(ids: Any, *, window: int = 1) -> Any:
    """Makes the last word a neighbour of the first, as np.roll does."""
    n = len(ids)
    return pairs_within(ids, lambda s, t: s != t and min((s - t) % n, (t - s) % n) <= window)


@mutant("neighbour_pairs", wraps=True)
def each_pair_once(correct: Operation) -> Operation:
    """Keeps every pair once, however often it stands in the text."""

    def wrong(ids: Any, *, window: int = 1) -> Any:
        words, neighbours = correct(ids, window=window)
        return tuple(np.unique(np.stack([words, neighbours]), axis=1))

    return wrong


# Starts.
@mutant("init_neighbour_predictor")
def starts_at_zero(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Starts with zeros."""
    return {"embedding": np.zeros((vocabulary, width), dtype), "output": np.zeros((width, vocabulary), dtype)}


@mutant("init_neighbour_predictor")
def starts_positive(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Draws from [0, 1), so that all vectors point into one corner."""
    return {"embedding": rng.random((vocabulary, width)), "output": rng.random((width, vocabulary))}


@mutant("init_neighbour_predictor")
def seed_ignored(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Draws from a generator of its own."""
    own = np.random.default_rng()
    return {"embedding": own.normal(size=(vocabulary, width)), "output": own.normal(size=(width, vocabulary))}


@mutant("init_neighbour_predictor")
def seed_pinned(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Starts from the same numbers whatever the seed."""
    own = np.random.default_rng(0)
    return {"embedding": own.normal(size=(vocabulary, width)), "output": own.normal(size=(width, vocabulary))}


@mutant("init_neighbour_predictor")
def half_the_width(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Fills the first half of every vector and leaves zeros behind it."""
    e = rng.normal(size=(vocabulary, width))
    e[:, (width + 1) // 2 :] = 0
    return {"embedding": e, "output": rng.normal(size=(width, vocabulary))}


@mutant("init_neighbour_predictor")
def tables_tied(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Starts the weight vector of every word at the word's own vector."""
    e = rng.normal(size=(vocabulary, width)).astype(dtype)
    return {"embedding": e, "output": e.T.copy()}


@mutant("init_neighbour_predictor")
def rows_repeat(rng: Any, *, vocabulary: int, width: int, dtype: Any = np.float64) -> Any:
    """Fills the tables with 1,000 vectors again and again."""
    repeated = np.arange(vocabulary) % 1000
    e, w = rng.normal(size=(2, min(vocabulary, 1000), width)).astype(dtype)
    return {"embedding": e[repeated], "output": w[repeated].T.copy()}
