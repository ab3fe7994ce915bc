"""Wrong factors of low rank, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant


# low_rank
@mutant("low_rank", wraps=True)
def one_rank_short(correct: Any) -> Any:
    """Leaves out the last direction."""

    def wrong(weight: Any, rank: int) -> Any:
        left, right = correct(weight, rank)
        left = left.copy()
        left[:, -1] = 0
        return left, right

    return wrong


@mutant("low_rank", wraps=True)
def smallest_kept(correct: Any) -> Any:
    """Keeps the smallest singular values."""

    def wrong(weight: Any, rank: int) -> Any:
        u, s, vt = np.linalg.svd(np.asarray(weight, np.float64), full_matrices=False)
        return (u[:, -rank:] * s[-rank:]).astype(weight.dtype), vt[-rank:].astype(weight.dtype)

    return wrong


@mutant("low_rank", wraps=True)
def first_columns(correct: Any) -> Any:
    """Keeps the first columns instead of the strongest directions."""

    def wrong(weight: Any, rank: int) -> Any:
        right = np.eye(rank, weight.shape[1], dtype=np.float64).astype(weight.dtype)
        return weight[:, :rank].copy(), right

    return wrong


@mutant("low_rank", wraps=True)
def values_not_split(correct: Any) -> Any:
    """Gives both factors the whole singular values instead of their roots."""

    def wrong(weight: Any, rank: int) -> Any:
        u, s, vt = np.linalg.svd(np.asarray(weight, np.float64), full_matrices=False)
        return (u[:, :rank] * s[:rank]).astype(weight.dtype), (s[:rank, None] * vt[:rank]).astype(weight.dtype)

    return wrong


@mutant("low_rank", wraps=True)
def full_factors(correct: Any) -> Any:
    """Returns factors of full rank with zeros in them."""

    def wrong(weight: Any, rank: int) -> Any:
        left, right = correct(weight, rank)
        missing = min(weight.shape) - rank
        return np.pad(left, ((0, 0), (0, missing))), np.pad(right, ((0, missing), (0, 0)))

    return wrong


@mutant("low_rank", wraps=True)
def columns_centred(correct: Any) -> Any:
    """Subtracts the mean of every column first, as principal components do."""
    return lambda weight, rank: correct((weight - weight.sum(0) / len(weight)).astype(weight.dtype), rank)


@mutant("low_rank", wraps=True)
def signs_of_one_side_lost(correct: Any) -> Any:
    """Takes the magnitudes of the left factor."""

    def wrong(weight: Any, rank: int) -> Any:
        left, right = correct(weight, rank)
        return abs(left), right

    return wrong
