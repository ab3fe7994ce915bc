"""Equinox: its rotary embedding, made for each width and base as a model makes it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

jax.config.update("jax_enable_x64", True)

PACKAGES = ("equinox", "jax")
NAMES = {
    "rope": "equinox.nn.RotaryPositionalEmbedding",
}


def rope(x: Any, *, base: float = 10_000.0) -> Any:
    if x.ndim != 2:
        raise NotTriedError("rope", "arrays of other than 2 axes")
    return eqx.nn.RotaryPositionalEmbedding(x.shape[-1], theta=base, dtype=x.dtype)(x)


TARGET = Target.jax(
    "Equinox",
    rope=rope,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(shapes=8),  # every shape is compiled anew
    conventions=Conventions(errors="none", subnormals="flushed"),
)
