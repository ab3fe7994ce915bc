"""Wrong cosines, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant
from mathcore.verify.common_mutants import Operation, family
from mathcore.verify.tolerances import FORMATS


def _on_pairs(formula: Callable[[Any, Any], Any]) -> Mutant:
    """Wrong arithmetic, right bookkeeping: the formula sees float64 or float32 rows."""

    def wrong(a: Any, b: Any, axis: int = -1) -> Any:
        rows = (np.moveaxis(x.astype(np.promote_types(x.dtype, np.float32)), axis, -1) for x in (a, b))
        with np.errstate(all="ignore"):
            return formula(*rows).astype(a.dtype)

    wrong.__name__, wrong.__doc__ = formula.__name__, formula.__doc__
    return mutant("cosine_similarity")(wrong)


def _norm(x: Any) -> Any:
    return np.sqrt((x * x).sum(-1))


@_on_pairs
def not_normalised(a: Any, b: Any) -> Any:
    """Is the dot product."""
    return (a * b).sum(-1)


@_on_pairs
def one_length_only(a: Any, b: Any) -> Any:
    """Divides by one length."""
    return (a * b).sum(-1) / _norm(a)


@_on_pairs
def squared_lengths(a: Any, b: Any) -> Any:
    """Forgets the roots."""
    return (a * b).sum(-1) / ((a * a).sum(-1) * (b * b).sum(-1))


@_on_pairs
def epsilon_added(a: Any, b: Any) -> Any:
    """Adds 1e-5 to the divisor: parallel vectors are no longer at 1."""
    return (a * b).sum(-1) / (_norm(a) * _norm(b) + np.float32(1e-5))


@_on_pairs
def magnitude_of_cosine(a: Any, b: Any) -> Any:
    """Drops the sign."""
    return abs((a * b).sum(-1)) / (_norm(a) * _norm(b))


@_on_pairs
def positive_only(a: Any, b: Any) -> Any:
    """Moves the cosine to [0, 1]."""
    return (1 + (a * b).sum(-1) / (_norm(a) * _norm(b))) / 2


@_on_pairs
def centred(a: Any, b: Any) -> Any:
    """Takes the means off first: a correlation."""
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    return (a * b).sum(-1) / np.where(_norm(a) * _norm(b) > 0, _norm(a) * _norm(b), 1)


@_on_pairs
def squares_overflow(a: Any, b: Any) -> Any:
    """The textbook, whose squares overflow or vanish: long and short vectors have no direction."""
    return (a * b).sum(-1) / (_norm(a) * _norm(b))


@_on_pairs
def product_of_roots(a: Any, b: Any) -> Any:
    """Multiplies two roots: a vector may be at more than 1 to itself."""
    return (a * b).sum(-1) / np.where(_norm(a) * _norm(b) > 0, _norm(a) * _norm(b), 1)


@_on_pairs
def beyond_one(a: Any, b: Any) -> Any:
    """Keeps what rounding puts beyond 1."""
    a, b = (x / np.maximum(abs(x).max(-1, initial=0, keepdims=True), FORMATS["float32"].tiny) for x in (a, b))
    squares = (a * a).sum(-1) * (b * b).sum(-1)
    return (a * b).sum(-1) / np.sqrt(np.where(squares > 0, squares, 1))


@_on_pairs
def last_left_out(a: Any, b: Any) -> Any:
    """Never reads the last component."""
    return product(a[..., :-1], b[..., :-1])


@_on_pairs
def cut_at_1024(a: Any, b: Any) -> Any:
    """Reads at most 1,024 components."""
    return product(a[..., :1024], b[..., :1024])


def product(a: Any, b: Any) -> Any:
    """The cosine as it should be, zero for a zero vector."""
    lengths = _norm(a) * _norm(b)
    return (a * b).sum(-1) / np.where(lengths > 0, lengths, 1)


@family
def rows_below_touched(correct: Operation) -> Operation:
    """Adds 0 times the sum of all rows above: one NaN reaches the rows below it."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        *most, last = arguments
        with np.errstate(invalid="ignore", over="ignore"):
            above = np.cumsum(last.sum(-1, keepdims=True).astype(np.float64), axis=0) * 0
            above = np.concatenate([above[:1] * 0, above[:-1]])
            above[:1] = 0
            return correct(*most, (last + above).astype(last.dtype), **options)

    return wrong


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
