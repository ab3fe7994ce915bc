"""Which keys are visible to which query: the causal mask, a mask of bools, and −∞ in a bias."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mathcore._arrays import Array

_REMEMBERED_BYTES = 2**22  # of a causal limit: twice what the tiles of a large score matrix have; four are kept


def visible(
    queries: int, keys: int, mask: Array | None, bias: Array | None, is_causal: bool, offset: int
) -> Array | None:
    """Which keys are visible to each query, in a shape that broadcasts to the scores; None if all."""
    conditions = [] if mask is None else [mask]
    if bias is not None:
        conditions.append(np.asarray(bias != -np.inf, dtype=bool))
    if is_causal and offset < keys - 1:  # else the last key is visible even to the first query
        conditions.append(causal(queries, keys, offset))
    return functools.reduce(np.logical_and, conditions) if conditions else None


def causal(queries: int, keys: int, offset: int) -> Array:
    """Whether key j is visible to query i, which stands at i + `offset`: (queries, keys)."""
    return np.tri(queries, keys, offset, dtype=bool)


def causal_limit(queries: int, keys: int, offset: int, dtype: np.dtype[Any]) -> Array:
    """What no causal score exceeds, (queries, keys): ∞ where a key is visible, −∞ where it is not. Read-only."""
    small = queries * keys * dtype.itemsize <= _REMEMBERED_BYTES
    return (_remembered_limit if small else _remembered_limit.__wrapped__)(queries, keys, offset, dtype)


@functools.lru_cache(maxsize=4)
def _remembered_limit(queries: int, keys: int, offset: int, dtype: np.dtype[Any]) -> Array:
    """What `causal_limit` returns: many heads and calls ask for the same one."""
    limit = np.where(causal(queries, keys, offset), np.inf, -np.inf).astype(dtype)
    limit.flags.writeable = False
    return limit


def reach(queries: int, keys: int, is_causal: bool, offset: int) -> int:
    """How many of the leading keys are visible, at most, to the first `queries` queries: all others are masked."""
    return max(0, min(keys, queries + offset)) if is_causal else keys
