"""Optax: its cross-entropy of integer labels, averaged as its examples do."""

from __future__ import annotations

from typing import Any

import jax
import optax

from mathcore.verify import Conventions, Restrictions, Target

jax.config.update("jax_enable_x64", True)

PACKAGES = ("optax", "jax")
NAMES = {
    "cross_entropy": "optax.losses.softmax_cross_entropy_with_integer_labels",
}


def cross_entropy(logits: Any, targets: Any, *, axis: int = -1, reduction: str = "mean") -> Any:
    losses = optax.losses.softmax_cross_entropy_with_integer_labels(logits, targets, axis)
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, axis: int = -1, reduction: str = "mean") -> Any:
    return jax.vjp(lambda leaf: cross_entropy(leaf, targets, axis=axis, reduction=reduction), logits)[1](cotangent)[0]


TARGET = Target.jax(
    "Optax",
    cross_entropy=cross_entropy,
    cross_entropy_vjp=cross_entropy_vjp,
    dtypes=("float64", "float32"),
    conventions=Conventions(errors="none", subnormals="flushed"),
    restrictions=Restrictions(shapes=8),  # every shape is compiled anew
)
