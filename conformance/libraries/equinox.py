"""Equinox: its rotary embedding, made for each width and base as a model makes it.

It counts positions from 0: words that stand elsewhere are put there, in a text of 512 words of zeros.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

jax.config.update("jax_enable_x64", True)

PACKAGES = ("equinox", "jax")
NAMES = {
    "rope": "equinox.nn.RotaryPositionalEmbedding",
}


def rope(x: Any, positions: Any = None, *, base: float = 10_000.0, offset: int = 0) -> Any:
    if x.ndim != 2 or not x.size or x.shape[-1] % 2:
        raise NotTriedError("rope", "arrays of other than 2 axes or of nothing, odd widths")
    turn = eqx.nn.RotaryPositionalEmbedding(x.shape[-1], theta=base, dtype=x.dtype)
    if positions is None and not offset:
        return turn(x)
    places = offset + np.asarray(np.arange(len(x)) if positions is None else positions)
    if places.ndim != 1 or places.min() < 0 or places.max() > 511 or len(np.unique(places)) < len(x):
        raise NotTriedError("rope", "positions other than a row of different ones from 0 to 511")
    text = np.zeros((512, x.shape[-1]), x.dtype)
    text[places] = x
    return turn(jnp.asarray(text))[places]


TARGET = Target.jax(
    "Equinox",
    rope=rope,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(shapes=8),  # every shape is compiled anew
    conventions=Conventions(errors="none", subnormals="flushed"),
)
