"""Which keys each query may see: the causal mask, a mask of bools, and −∞ in a bias."""

from __future__ import annotations

import functools

import numpy as np

from mathcore._arrays import Array


def visible(
    queries: int, keys: int, mask: Array | None, bias: Array | None, is_causal: bool, offset: int, first: int = 0
) -> Array | None:
    """Which keys from `first` on each query sees, in a shape that broadcasts to the score matrix; None if all of them.

    `first` may be up to `visible_prefix`.
    """
    conditions = [] if mask is None else [mask]
    if bias is not None:
        conditions.append(np.asarray(bias != -np.inf, dtype=bool))
    if is_causal and offset < keys - 1:  # else even the first query sees the last key
        conditions.append(np.tri(queries, keys - first, offset - first, dtype=bool))
    return functools.reduce(np.logical_and, conditions) if conditions else None


def visible_prefix(keys: int, mask: Array | None, bias: Array | None, is_causal: bool, offset: int) -> int:
    """How many of the leading keys every query sees: all up to the first query's own; 0 if a mask or bias is given."""
    keys = 0 if mask is not None or bias is not None else keys
    return reach(1, keys, is_causal, offset)


def reach(queries: int, keys: int, is_causal: bool, offset: int) -> int:
    """How many of the leading keys the first `queries` queries see at most; no later key concerns them."""
    return max(0, min(keys, queries + offset)) if is_causal else keys
