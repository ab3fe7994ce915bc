"""What embeddings and score tables share: checks."""

from __future__ import annotations

import numpy.typing as npt

from mathcore._arrays import Array, floating


def _table(name: str, x: npt.ArrayLike) -> Array:
    """An array of floats with two axes, (rows, width)."""
    table = floating(name, x)
    if table.ndim != 2:
        raise ValueError(f"`{name}` must have shape (rows, width), got {table.shape}")
    return table
