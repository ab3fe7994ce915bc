"""Wrong score tables, and tables that change their size, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.embeddings.cosine_similarity_mutants import _norm
from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation


# Score tables.
@mutant("best_score_table", wraps=True)
def smallest_kept(correct: Operation) -> Operation:
    """Keeps the smallest singular values instead of the largest."""

    def wrong(table: Any, size: int) -> Any:
        left, right = correct(table, min(table.shape))
        kept = slice(max(left.shape[1] - size, 0), None)
        missing = ((0, 0), (0, max(size - left.shape[1], 0)))
        return np.pad(left[:, kept], missing), np.pad(right[:, kept], missing)

    return wrong


@mutant("best_score_table", wraps=True)
def one_size_less(correct: Operation) -> Operation:
    """Uses one number less than it was given."""

    def wrong(table: Any, size: int) -> Any:
        left, right = correct(table, max(size - 1, 0))
        missing = ((0, 0), (0, min(size, 1)))
        return np.pad(left, missing), np.pad(right, missing)

    return wrong


@mutant("best_score_table", wraps=True)
def one_size_more(correct: Operation) -> Operation:
    """Uses one number more than it was given."""
    return lambda table, size: correct(table, size + 1)


@mutant("best_score_table", wraps=True)
def not_rooted(correct: Operation) -> Operation:
    """Puts the singular values, not their roots, into both factors."""

    def wrong(table: Any, size: int) -> Any:
        left, right = correct(table, size)
        return left * _norm(left.T), right * _norm(right.T)

    return wrong


@mutant("best_score_table", wraps=True)
def columns_centred(correct: Operation) -> Operation:
    """Takes the mean of every column off, as a principal component analysis does."""
    return lambda table, size: correct((table - table.mean(0)).astype(table.dtype), size)


@mutant("best_score_table", wraps=True)
def great_scores_dropped(correct: Operation) -> Operation:
    """Gives up on tables with scores above 10⁵."""
    return lambda table, size: correct(table * (abs(table.astype(np.float64)).max(initial=0) <= 1e5), size)


@mutant("best_score_table", wraps=True)
def infinite_scores_taken(correct: Operation) -> Operation:
    """Takes infinite scores for 0."""
    return lambda table, size: correct(np.where(np.isinf(table), table.dtype.type(0), table), size)


@mutant("linear", wraps=True)
def squared(correct: Operation) -> Operation:
    """Squares every score: the table gains rank."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        y = correct(x, weight)
        return y * y

    return wrong


@mutant("linear", wraps=True)
def own_word_favoured(correct: Operation) -> Operation:
    """Adds 1 where a word meets itself."""

    def wrong(x: Any, weight: Any, bias: Any = None) -> Any:
        y = np.array(correct(x, weight))
        y[np.arange(min(y.shape)), np.arange(min(y.shape))] += 1
        return y

    return wrong


# Training.
@mutant("SGD", wraps=True)
def rows_dropped(correct: Operation) -> Operation:
    """Prunes the last row with every step."""
    return lambda rate: _Changed(correct(rate), lambda table: table[:-1])


@mutant("Adam", wraps=True)
def grows(correct: Operation) -> Operation:
    """Grows a column with every step."""
    return lambda rate: _Changed(correct(rate), lambda table: np.pad(table, ((0, 0), (0, 1))))


@mutant("Adam", wraps=True)
def widened(correct: Operation) -> Operation:
    """Turns the table into float64 while it trains."""
    return lambda rate: _Changed(correct(rate), lambda table: table.astype(np.float64))


class _Changed:
    """An optimiser whose steps change what they return."""

    def __init__(self, optimiser: Any, change: Callable[[Any], Any]) -> None:
        self.optimiser, self.change = optimiser, change

    def init(self, params: Any) -> Any:
        return self.optimiser.init(params)

    def step(self, params: Any, grads: Any, state: Any, **options: Any) -> Any:
        params, state = self.optimiser.step(params, grads, state, **options)
        return {name: self.change(table) for name, table in params.items()}, state
