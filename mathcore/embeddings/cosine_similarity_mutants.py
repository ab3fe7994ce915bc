"""Wrong cosines, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.embeddings.embedding_mutants import _norm, product
from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation
from mathcore.verify.tolerances import FORMATS


@mutant("cosine_similarity", wraps=True)
def zero_first_is_nan(correct: Operation) -> Operation:
    """Guards the second length against zero, and not the first."""

    def wrong(a: Any, b: Any, axis: int = -1) -> Any:
        c = correct(a, b, axis)
        return np.where(np.abs(a).max(axis, initial=0) == 0, c.dtype.type(np.nan), c)

    return wrong


@mutant("cosine_similarity", wraps=True)
def strange_second_ignored(correct: Operation) -> Operation:
    """Takes NaN and ∞ in the second vector for 0."""
    return lambda a, b, axis=-1: correct(a, np.where(np.isfinite(b), b, b.dtype.type(0)), axis)


@mutant("cosine_similarity", wraps=True)
def shortest_at_zero(correct: Operation) -> Operation:
    """Takes vectors of subnormal numbers for zero."""

    def wrong(a: Any, b: Any, axis: int = -1) -> Any:
        tiny = FORMATS[a.dtype.name].tiny if a.dtype != object else 0
        return correct(np.where(np.abs(a).max(axis, keepdims=True, initial=0) < tiny, a * 0, a), b, axis)

    return wrong


@mutant("cosine_similarity", wraps=True)
def axis_ignored(correct: Operation) -> Operation:
    """Works along the last axis wherever the shape does not tell."""
    return lambda a, b, axis=-1: correct(a, b, -1 if len(set(a.shape)) == 1 else axis)


@mutant("cosine_similarity", wraps=True)
def smaller_than_they_are(correct: Operation) -> Operation:
    """Halves every cosine: there seems to be room for more."""
    return lambda a, b, axis=-1: correct(a, b, axis) / 2


@mutant("cosine_similarity_vjp", wraps=True)
def length_not_projected(correct: Operation) -> Operation:
    """Forgets to take out what only lengthens the vector."""

    def wrong(g: Any, a: Any, b: Any, axis: int = -1) -> Any:
        g, norm_a, norm_b = (np.expand_dims(x, axis) for x in (g, _norm_on(a, axis), _norm_on(b, axis)))
        return (g * b / (norm_a * norm_b)).astype(a.dtype), (g * a / (norm_a * norm_b)).astype(b.dtype)

    return wrong


def _norm_on(x: Any, axis: int) -> Any:
    return _norm(np.moveaxis(x.astype(np.float64), axis, -1))


@mutant("cosine_similarity_vjp", wraps=True)
def turned_the_other_way(correct: Operation) -> Operation:
    """Has the sign wrong."""
    return lambda *arguments, **options: tuple(-x for x in correct(*arguments, **options))


@mutant("cosine_similarity_vjp", wraps=True)
def sides_exchanged(correct: Operation) -> Operation:
    """Gives each vector the cotangent of the other."""
    return lambda *arguments, **options: correct(*arguments, **options)[::-1]


@mutant("cosine_similarity_vjp", wraps=True)
def length_forgotten(correct: Operation) -> Operation:
    """Forgets to divide by the vector's own length."""

    def wrong(g: Any, a: Any, b: Any, axis: int = -1) -> Any:
        pulled = correct(g, a, b, axis)
        return tuple((p * np.expand_dims(_norm_on(x, axis), axis)).astype(x.dtype) for p, x in zip(pulled, (a, b)))  # noqa: B905

    return wrong


@mutant("cosine_similarity_vjp", wraps=True)
def no_gradient(correct: Operation) -> Operation:
    """Sends nothing back."""
    return lambda *arguments, **options: tuple(0 * x for x in correct(*arguments, **options))


@mutant("cosine_similarity_vjp", wraps=True)
def axis_ignored_vjp(correct: Operation) -> Operation:
    """Works along the last axis wherever the shape does not tell."""
    return lambda g, a, b, axis=-1: correct(g, a, b, -1 if len(set(a.shape)) == 1 else axis)


@mutant("cosine_similarity_vjp")
def gradient_overflows(g: Any, a: Any, b: Any, axis: int = -1) -> Any:
    """The textbook, whose squares overflow or vanish."""
    a, b, g = np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1), g[..., None]
    with np.errstate(all="ignore"):
        length_a, length_b = _norm(a)[..., None], _norm(b)[..., None]
        c = (a * b).sum(-1, keepdims=True) / (length_a * length_b)
        pulled = g / length_a * (b / length_b - c * a / length_a), g / length_b * (a / length_a - c * b / length_b)
    return tuple(np.moveaxis(x, -1, axis) for x in pulled)


@mutant("cosine_similarity")
def squares_in_their_own_format(a: Any, b: Any, axis: int = -1) -> Any:
    """Sums 16-bit squares in 16 bits, where they stick or overflow."""

    def total(x: Any) -> Any:
        return np.add.accumulate(np.moveaxis(x, axis, -1), -1, dtype=x.dtype)[..., -1] if x.shape[axis] else x.sum(axis)

    with np.errstate(all="ignore"):
        return (total(a * b) / np.sqrt(total(a * a) * total(b * b))).astype(a.dtype)


@mutant("cosine_similarity")
def broadcast(a: Any, b: Any, axis: int = -1) -> Any:
    """Lets NumPy stretch one vector to the length of the other."""
    a, b = np.broadcast_arrays(a, b)
    return product(a, b)
