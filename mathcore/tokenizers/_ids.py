"""Ids as they may come."""

from __future__ import annotations

import numpy.typing as npt

from mathcore._arrays import ids_below


def _id_list(ids: npt.ArrayLike, size: int) -> list[int]:
    array = ids_below("ids", ids, size)
    if array.ndim != 1:
        raise ValueError(f"`ids` must have shape (tokens,), got {array.shape}")
    return array.tolist()
