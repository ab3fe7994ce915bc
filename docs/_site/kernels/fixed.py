"""A kernel of my own: softmax in one pass."""

import numpy as np

from mathcore.verify import Conventions, Target

TILE = 64


def softmax(x, axis=-1):
    """One pass over the scores, a tile at a time, with a running maximum and a running sum."""
    x = np.moveaxis(x, axis, -1)
    top = np.full((*x.shape[:-1], 1), -np.inf, x.dtype)
    total = np.zeros_like(top)
    for start in range(0, x.shape[-1], TILE):
        tile = x[..., start : start + TILE]
        highest = np.maximum(top, tile.max(axis=-1, keepdims=True))
        shift = np.where(np.isneginf(highest), 0, highest)  # −∞ − (−∞) is no number
        total = total * np.exp(top - shift) + np.exp(tile - shift).sum(axis=-1, keepdims=True)
        top = highest
    return np.moveaxis(np.exp(x - top) / total, -1, axis)


TARGET = Target.numpy(
    "mine",
    softmax=softmax,
    dtypes=("float64", "float32"),
    conventions=Conventions(softmax_of_nothing="nan", errors="none"),
)
