"""Wrong lookups, one-hot vectors and scores of words, on purpose."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant, reported
from mathcore.verify.common_mutants import Operation, family


# Looking up.
@mutant("embedding")
def wraps_around(ids: Any, weight: Any) -> Any:
    """Plain NumPy: −1 is the last row, and what is too large comes round again."""
    return weight[ids % max(len(weight), 1)]


@reported(
    "embedding.refuses_bad_ids",
    """
    tensorflow/tensorflow #3638 (2016)
    tensorflow/tensorflow #5847 (2016)
    tensorflow/tensorflow #57999 (2022)
    pytorch/pytorch PR#151967 (2025)
    """,
    alias="bad_id_answered",
)
@mutant("embedding")
def counts_from_the_end(ids: Any, weight: Any) -> Any:
    """Takes a negative id for one counted from the end, and refuses only what is too large."""
    return weight[ids]


@mutant("embedding")
def clamped(ids: Any, weight: Any) -> Any:
    """Takes the nearest row for a bad id (XLA 2022)."""
    return weight[np.clip(ids, 0, len(weight) - 1)]


@mutant("embedding")
def zeros_for_bad_ids(ids: Any, weight: Any) -> Any:
    """Returns zeros for a bad id (TensorFlow on GPU, 2016)."""
    good = (ids >= 0) & (ids < len(weight))
    return np.where(good[..., None], weight[np.where(good, ids, 0)], weight.dtype.type(0))


@mutant("embedding", wraps=True)
def ids_in_32_bits(correct: Operation) -> Operation:
    """Cuts ids to 32 bits: 2³² becomes 0."""
    return lambda ids, weight: correct(ids.astype(np.int32), weight)


@mutant("embedding", wraps=True)
def ids_in_float32(correct: Operation) -> Operation:
    """Carries ids as float32, which has no odd numbers past 2²⁴."""
    return lambda ids, weight: correct(ids.astype(np.float32).astype(np.int64), weight)


@mutant("embedding")
def from_one(ids: Any, weight: Any) -> Any:
    """Counts rows from 1."""
    return weight[ids - 1]


@mutant("embedding")
def multiplied_out(ids: Any, weight: Any) -> Any:
    """Multiplies by one-hot vectors: 0 times NaN or ∞ in any row reaches every word."""
    if ids.size and (ids.min() < 0 or ids.max() >= len(weight)):
        raise IndexError("bad id")
    with np.errstate(invalid="ignore"):
        return (ids[..., None] == np.arange(len(weight))).astype(weight.dtype) @ weight


@mutant("embedding", wraps=True)
def scaled_by_root(correct: Operation) -> Operation:
    """Multiplies by √d, as some transformers do after the lookup."""
    return lambda ids, weight: correct(ids, weight) * weight.dtype.type(np.sqrt(weight.shape[-1]))


@mutant("embedding", wraps=True)
def padding_zeroed(correct: Operation) -> Operation:
    """Takes id 0 for padding, unasked."""

    def wrong(ids: Any, weight: Any) -> Any:
        return np.where((ids == 0)[..., None], weight.dtype.type(0), correct(ids, weight))

    return wrong


@mutant("embedding", wraps=True)
def wide_rows_cut(correct: Operation) -> Operation:
    """Copies at most 1,024 numbers of a row."""

    def wrong(ids: Any, weight: Any) -> Any:
        return np.where(np.arange(weight.shape[1]) < 1024, correct(ids, weight), weight.dtype.type(0))

    return wrong


@mutant("embedding", wraps=True)
def through_float32(correct: Operation) -> Operation:
    """Carries the table in float32."""
    return lambda ids, weight: (
        correct(ids, weight).astype(np.float32).astype(weight.dtype) if weight.dtype != object else ids
    )


@mutant("embedding")
def first_column_checked(ids: Any, weight: Any) -> Any:
    """Refuses bad ids in the first column, and takes the nearest row for the others."""
    first = ids[..., 0] if ids.ndim else ids
    if ((first < 0) | (first >= len(weight))).any():
        raise IndexError("bad id")
    return weight[np.clip(ids, 0, len(weight) - 1).astype(np.intp)]


@mutant("embedding", wraps=True)
def ids_in_eight_bits(correct: Operation) -> Operation:
    """Takes unsigned bytes for signed ones: 255 is −1, the last row."""

    def wrong(ids: Any, weight: Any) -> Any:
        return weight[ids.view(np.int8)] if ids.dtype == np.uint8 else correct(ids, weight)

    return wrong


@mutant("embedding", wraps=True)
def nan_made_canonical(correct: Operation) -> Operation:
    """Writes NaN anew: its sign is lost."""

    def wrong(ids: Any, weight: Any) -> Any:
        y = correct(ids, weight)
        return np.where(y != y, y.dtype.type(np.nan), y) if y.dtype != object else y

    return wrong


# Its derivative.
def _scattered(g: Any, ids: Any, weight: Any, dtype: Any = np.float64) -> Any:
    total = np.zeros(weight.shape, object if g.dtype == object else dtype)
    np.add.at(total, ids, g if g.dtype == object else g.astype(dtype))
    return total.astype(weight.dtype)


@mutant("embedding_vjp")
def counted_once(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Adds with `table[ids] += g`, which counts a repeated id once."""
    table = np.zeros_like(weight)
    table[ids] += cotangent.astype(weight.dtype)
    return table


@mutant("embedding_vjp")
def averaged(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Averages the occurrences of an id instead of adding them."""
    counts = np.maximum(np.bincount(ids.ravel(), minlength=len(weight)), 1)[:, None]
    if weight.dtype == object:
        return _scattered(cotangent, ids, weight) * np.array([[Fraction(1, int(c))] for c in counts.ravel()])
    return (_scattered(cotangent, ids, weight, np.float32) / counts).astype(weight.dtype)


@reported(
    "embedding.gradient",
    """
    pytorch/pytorch #3506 (2017)
    pytorch/pytorch #26302 (2019)
    pytorch/pytorch #28716 (2019)
    google/torchax PR#11 (2025)
    """,
    alias="padding_row_learns",
)
@mutant("embedding_vjp")
def short_texts_only(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Past 768 tokens, sends the rest to row 0, the padding row."""
    flat = ids.ravel().copy()
    flat[768:] = 0
    return _scattered(cotangent, flat.reshape(ids.shape), weight)


@mutant("embedding_vjp")
def absent_rows_touched(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Leaves in absent rows, past 768 tokens, what happened to be in memory."""
    total = _scattered(cotangent, ids, weight)
    if ids.size > 768:
        total[np.bincount(ids.ravel(), minlength=len(weight)) == 0] = 1
    return total


@mutant("embedding_vjp")
def weight_decayed(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Adds a little of the table itself to every row: weight decay that reaches absent words."""
    return _scattered(cotangent, ids, weight) + weight * weight.dtype.type(2**-6)


@mutant("embedding_vjp")
def spread_by_product(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Multiplies by one-hot vectors: 0 times a NaN cotangent reaches every row."""
    hot = (ids.reshape(-1, 1) == np.arange(len(weight))).astype(cotangent.dtype)
    with np.errstate(invalid="ignore"):
        return (hot.T @ cotangent.reshape(-1, weight.shape[1])).astype(weight.dtype)


@mutant("embedding_vjp")
def sum_in_its_own_format(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Accumulates 16-bit numbers in 16 bits, where the sum sticks."""
    return _scattered(cotangent, ids, weight, weight.dtype)


@mutant("embedding_vjp")
def only_rows_seen(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Returns the rows of the words that occur, and drops the others."""
    return _scattered(cotangent, ids, weight)[np.unique(ids)]


@mutant("embedding_vjp")
def wraps_around_too(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Plain NumPy: −1 adds to the last row."""
    return _scattered(cotangent, ids % max(len(weight), 1), weight)


@mutant("embedding_vjp", wraps=True)
def zero_gradient(correct: Operation) -> Operation:
    """Sends nothing back."""
    return lambda *arguments: 0 * correct(*arguments)


@mutant("embedding_vjp")
def rows_wrap_at_64(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Keeps ids modulo 64."""
    return _scattered(cotangent, ids % min(64, max(len(weight), 1)), weight)


@mutant("embedding_vjp")
def long_texts_cut(cotangent: Any, ids: Any, weight: Any) -> Any:
    """Reads at most 4,096 tokens."""
    g = cotangent.reshape(ids.size, weight.shape[1])
    return _scattered(g[:4096], ids.ravel()[:4096], weight)


@mutant("embedding_vjp", wraps=True)
def format_of_the_cotangent(correct: Operation) -> Operation:
    """Returns the dtype of the cotangent, not that of the table."""
    return lambda g, ids, weight: correct(g, ids, weight).astype(g.dtype)


@mutant("embedding_vjp", wraps=True)
def cotangent_stretched(correct: Operation) -> Operation:
    """Lets NumPy stretch a cotangent to the shape of the output."""
    return lambda g, ids, weight: correct(np.broadcast_to(g, (*ids.shape, weight.shape[-1])), ids, weight)


# One-hot vectors.
@mutant("one_hot", wraps=True)
def two_hot(correct: Operation) -> Operation:
    """Sets the next place too."""

    def wrong(ids: Any, num_classes: int, **options: Any) -> Any:
        y = correct(ids, num_classes, **options)
        return np.maximum(y, np.roll(y, 1, options.get("axis", -1)))

    return wrong


@mutant("one_hot", wraps=True)
def axis_at_the_end(correct: Operation) -> Operation:
    """Puts the new axis last, wherever it was asked for."""
    return lambda ids, num_classes, **options: correct(ids, num_classes, **{**options, "axis": -1})


@mutant("one_hot", wraps=True)
def dtype_ignored(correct: Operation) -> Operation:
    """Always returns float64."""
    return lambda ids, num_classes, **options: correct(ids, num_classes, **{**options, "dtype": None})


@mutant("one_hot")
def row_of_identity(ids: Any, num_classes: int, *, dtype: Any = None, axis: int = -1) -> Any:
    """Takes rows of the identity matrix, and with −1 the last."""
    return np.moveaxis(np.eye(num_classes, dtype=dtype or np.float64)[ids], -1, axis)


@mutant("one_hot")
def zeros_if_bad(ids: Any, num_classes: int, *, dtype: Any = None, axis: int = -1) -> Any:
    """Compares with every class: a bad id gives a row of zeros."""
    hot = (np.asarray(ids)[..., None] == np.arange(num_classes)).astype(dtype or np.float64)
    return np.moveaxis(hot, -1, axis)


@mutant("one_hot", wraps=True)
def classes_from_the_ids(correct: Operation) -> Operation:
    """Makes as many classes as the largest id needs."""

    def wrong(ids: Any, num_classes: int, **options: Any) -> Any:
        correct(ids, num_classes)  # refuses bad ids
        return correct(ids, int(np.max(ids, initial=0)) + 1, **options)

    return wrong


@mutant("one_hot", wraps=True)
def classes_wrap_at_64(correct: Operation) -> Operation:
    """Keeps ids modulo 64."""

    def wrong(ids: Any, num_classes: int, **options: Any) -> Any:
        correct(ids, num_classes)  # refuses bad ids
        return correct(ids % min(64, max(num_classes, 1)), num_classes, **options)

    return wrong


# Scores and cosines.
@mutant("digit_scores", wraps=True)
def distance_instead(correct: Operation) -> Operation:
    """Takes squared distances off, as a nearest-template reader does: no longer linear in either word."""
    return lambda images, weight: 2 * correct(images, weight) - (weight * weight).sum(0)


@mutant("digit_scores", wraps=True)
def order_matters(correct: Operation) -> Operation:
    """Weighs the words on the left by their length."""
    return lambda images, weight: correct(images, weight) * (images * images).sum(-1, keepdims=True)


@mutant("digit_scores", wraps=True)
def magnitudes(correct: Operation) -> Operation:
    """Drops signs."""
    return lambda images, weight: correct(abs(images), abs(weight))


@mutant("digit_scores", wraps=True)
def scores_negated(correct: Operation) -> Operation:
    """Has the sign wrong."""
    return lambda images, weight: -correct(images, weight)


@family
def ids_rounded(correct: Operation) -> Operation:
    """Rounds whatever comes to whole ids."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        place = 1 if len(arguments) == 3 else 0
        ids = arguments[place].astype(np.int64)
        return correct(*(ids if i == place else a for i, a in enumerate(arguments)), **options)

    return wrong
