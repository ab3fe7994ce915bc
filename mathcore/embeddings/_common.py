"""What embeddings, cosines and score tables share: checks and scaling."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating


def _table(name: str, x: npt.ArrayLike) -> Array:
    """An array of floats with two axes, (rows, width)."""
    table = floating(name, x)
    if table.ndim != 2:
        raise ValueError(f"`{name}` must have shape (rows, width), got {table.shape}")
    return table


def _unit_scale(x: Array) -> tuple[Array, Array]:
    """`x` as scaled × 2^power with the largest component of every row in [1/2, 1). Objects need no scaling."""
    if x.dtype == object:
        return x, np.array(0)
    power = np.frexp(np.abs(x).max(-1, keepdims=True, initial=0))[1]
    return np.ldexp(x, -power), power
