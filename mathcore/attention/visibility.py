"""Which keys are visible to which query: by their positions, by a mask of bools, and by −∞ in a bias."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from mathcore._arrays import Array

_REMEMBERED_BYTES = 2**22  # of a limit: twice what the tiles of a large score matrix have; four are kept


class Places(NamedTuple):
    """Which keys are visible by position: query i stands at i + `offset`, key j at j."""

    is_causal: bool
    offset: int
    window: int | None = None

    def hide(self, queries: int, keys: int) -> bool:
        """Whether any key is masked for any query."""
        ahead = self.is_causal and self.offset < keys - 1  # else the last key is visible even to the first query
        return ahead or (self.window is not None and queries + self.offset > self.window)

    def visible(self, queries: int, keys: int) -> Array:
        """Whether key j is visible to query i: (queries, keys)."""
        seen = causal(queries, keys, self.offset) if self.is_causal else np.ones((queries, keys), bool)
        return seen if self.window is None else seen & ~causal(queries, keys, self.offset - self.window)

    def reach(self, queries: int, keys: int) -> int:
        """How many of the leading keys are visible, at most, to the first `queries` queries: all others are masked."""
        return max(0, min(keys, queries + self.offset)) if self.is_causal else keys

    def start(self, query: int) -> int:
        """How many of the leading keys are masked for this query and all later ones."""
        return 0 if self.window is None else max(0, query + self.offset - self.window + 1)

    def limit(self, queries: int, keys: int, dtype: np.dtype[Any]) -> Array:
        """What no score exceeds, (queries, keys): ∞ where a key is visible, −∞ where it is not. Read-only."""
        small = queries * keys * dtype.itemsize <= _REMEMBERED_BYTES
        return (_remembered_limit if small else _remembered_limit.__wrapped__)(self, queries, keys, dtype)


def visible(queries: int, keys: int, mask: Array | None, bias: Array | None, places: Places) -> Array | None:
    """Which keys are visible to each query, in a shape that broadcasts to the scores; None if all."""
    conditions = [] if mask is None else [mask]
    if bias is not None:
        conditions.append(np.asarray(bias != -np.inf, dtype=bool))
    if places.hide(queries, keys):
        conditions.append(places.visible(queries, keys))
    return functools.reduce(np.logical_and, conditions) if conditions else None


def causal(queries: int, keys: int, offset: int) -> Array:
    """Whether key j is visible to query i, which stands at i + `offset`: (queries, keys)."""
    return np.tri(queries, keys, offset, dtype=bool)


@functools.lru_cache(maxsize=4)
def _remembered_limit(places: Places, queries: int, keys: int, dtype: np.dtype[Any]) -> Array:
    """What `Places.limit` returns: many heads and calls ask for the same one."""
    limit = np.where(places.visible(queries, keys), np.inf, -np.inf).astype(dtype)
    limit.flags.writeable = False
    return limit
