"""Mutants that get blocks, tiles and threads wrong: what the claims about large arrays must refute."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation, family

_PIECE = 100
"""Elements of a block: few, so that every large array has a remainder."""


def _large(x: Any) -> bool:
    return bool(x.ndim > 1 and x.size > 2**15)


@family
def last_rows_forgotten(correct: Operation) -> Operation:
    """Processes full blocks only: the remainder of an array that they do not divide is left as it was."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        y = np.array(correct(x, axis=axis, **options))
        if _large(x):
            y.reshape(-1)[y.size // _PIECE * _PIECE :] = 0
        return y

    return wrong


@family
def one_after_the_other(correct: Operation) -> Operation:
    """Sums naively along an axis that is not contiguous: another rounding in another layout."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        y = correct(x, axis=axis, **options)
        if not _large(x) or x.strides[axis] == x.itemsize:
            return y
        top = x.max(axis, keepdims=True)
        e = np.exp(x - top)
        total = np.add.accumulate(e, axis=axis).take([-1], axis=axis)
        if y.ndim < x.ndim:
            return (top + np.log(total)).squeeze(axis)
        return e / total if y.max() > 0 else x - top - np.log(total)

    return wrong


@mutant("rms_norm", wraps=True)
def whole_block_normalised(correct: Operation) -> Operation:
    """Takes the mean square of a whole block of rows, not of each."""

    def wrong(x: Any, weight: Any, **options: Any) -> Any:
        if not _large(x):
            return correct(x, weight, **options)
        block = np.ascontiguousarray(x).reshape(x.shape[0], -1)
        return correct(block, np.resize(weight, block.shape[1]), **options).reshape(x.shape)

    return wrong


@mutant("rms_norm", wraps=True)
def first_rows_twice(correct: Operation) -> Operation:
    """Gives the second thread the rows of the first."""

    def wrong(x: Any, weight: Any, **options: Any) -> Any:
        y = np.array(correct(x, weight, **options))
        if _large(x) and os.environ.get("MATHCORE_NUM_THREADS") == "2":
            half = y.shape[1] // 2
            y[:, half : 2 * half] = y[:, :half]
        return y

    return wrong


@mutant("softmax", wraps=True)
def sum_cut_by_threads(correct: Operation) -> Operation:
    """Splits a sum into as many parts as there are threads: another rounding with another number of them."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        threads = os.environ.get("MATHCORE_NUM_THREADS")
        if not _large(x) or threads != "2":
            return correct(x, axis=axis, **options)
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / sum(part.sum(axis, keepdims=True) for part in np.array_split(e, int(threads), axis=axis))

    return wrong


_MIX = "scaled_dot_product_attention"
_TABLE = 2**17
"""Scores from which these kernels work in tiles."""


def _in_blocks(query: Any, key: Any) -> bool:
    return bool(query.shape[-2] > 1 and query.shape[-2] * key.shape[-2] > _TABLE)


@mutant(_MIX, wraps=True)
def rest_of_keys_forgotten(correct: Operation) -> Operation:
    """Processes full tiles of 64 keys only."""

    def wrong(query: Any, key: Any, value: Any, **options: Any) -> Any:
        if _in_blocks(query, key):
            whole = key.shape[-2] // 64 * 64
            key, value = key[..., :whole, :], value[..., :whole, :]
            options = {n: x[..., :whole] if n in ("mask", "bias") and x is not None else x for n, x in options.items()}
        return correct(query, key, value, **options)

    return wrong


@mutant(_MIX, wraps=True)
def first_head_for_all(correct: Operation) -> Operation:
    """Gives every tile the keys and values of the first head."""

    def wrong(query: Any, key: Any, value: Any, **options: Any) -> Any:
        if _in_blocks(query, key):
            key, value = (np.broadcast_to(x[..., :1, :, :], x.shape) for x in (key, value))
        return correct(query, key, value, **options)

    return wrong


@mutant(_MIX, wraps=True)
def one_edge_for_a_block(correct: Operation) -> Operation:
    """Ends the keys of a whole tile of 64 queries where those of its last one end."""

    def wrong(query: Any, key: Any, value: Any, **options: Any) -> Any:
        if not _in_blocks(query, key) or not options.pop("is_causal", False):
            return correct(query, key, value, **options)
        offset = options.pop("query_offset", 0)
        edge = np.minimum(np.arange(query.shape[-2]) // 64 * 64 + 63, query.shape[-2] - 1) + offset
        return correct(query, key, value, **options, mask=np.arange(key.shape[-2]) <= edge[:, None])

    return wrong


@mutant("softmax", wraps=True)
def row_after_row(correct: Operation) -> Operation:
    """Writes a row before it has read the next, which may overlap it."""

    def wrong(x: Any, axis: int = -1, out: Any = None, **options: Any) -> Any:
        if out is None or np.shape(out) != x.shape:
            return correct(x, axis=axis, **options, out=out)
        for row, place in zip(np.moveaxis(x, axis, -1), np.moveaxis(out, axis, -1), strict=True):
            place[...] = correct(row, **options)
        return out

    return wrong


@mutant("softmax", wraps=True)
def elsewhere(correct: Operation) -> Operation:
    """Takes `out`, and leaves it as it was."""

    def wrong(x: Any, axis: int = -1, out: Any = None, **options: Any) -> Any:
        return correct(x, axis=axis, **options)

    return wrong


@mutant("log_softmax", wraps=True)
def cast_to_fit(correct: Operation) -> Operation:
    """Casts to the dtype of `out`, or broadcasts to its shape."""

    def wrong(x: Any, axis: int = -1, out: Any = None, **options: Any) -> Any:
        if not isinstance(out, np.ndarray) or out.dtype == x.dtype:
            return correct(x, axis=axis, **options, out=out)
        out[...] = correct(x, axis=axis, **options)
        return out

    return wrong


@mutant("num_threads")
def setting_ignored() -> int:
    """Uses every core, whatever the setting."""
    return os.cpu_count() or 1


@mutant("num_threads", wraps=True)
def nonsense_is_one(correct: Callable[[], int]) -> Callable[[], int]:
    """Reads an invalid setting as 1."""

    def wrong() -> int:
        with contextlib.suppress(ValueError):
            return correct()
        return 1

    return wrong


@mutant("softmax", wraps=True)
def large_ones_in_pieces(correct: Operation) -> Operation:
    """Writes the first half of a large array before it has read the second, which may overlap it."""

    def wrong(x: Any, axis: int = -1, out: Any = None, **options: Any) -> Any:
        if out is None or np.shape(out) != x.shape or not _large(x) or x.itemsize < 4 or options:
            return correct(x, axis=axis, **options, out=out)
        rows, places = np.moveaxis(x, axis, -1), np.moveaxis(out, axis, -1)
        for piece in np.array_split(np.arange(len(rows)), 2):
            places[piece] = correct(rows[piece])
        return out

    return wrong


@mutant("softmax", wraps=True)
def setting_ignored_at_work(correct: Operation) -> Operation:
    """Runs a large array on four threads, whatever the setting."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        if not _large(x) or axis not in (-1, x.ndim - 1):
            return correct(x, axis=axis, **options)
        with ThreadPoolExecutor(4) as pool:
            return np.concatenate(list(pool.map(lambda part: correct(part, **options), np.array_split(x, 4))))

    return wrong


@mutant("softmax", wraps=True)
def one_row_lost(correct: Operation) -> Operation:
    """Leaves one row in the middle of a large array at 0: two blocks that do not meet."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        y = np.array(correct(x, axis=axis, **options))
        if _large(x) and axis in (-1, x.ndim - 1):
            rows = y.reshape(-1, y.shape[-1])
            rows[len(rows) // 2 + 7] = 0
        return y

    return wrong


@mutant("log_softmax", wraps=True)
def elsewhere_under_where(correct: Operation) -> Operation:
    """Takes `out`, and leaves it as it was if `where` is given too."""

    def wrong(x: Any, axis: int = -1, out: Any = None, where: Any = None, **options: Any) -> Any:
        if where is None:
            return correct(x, axis=axis, out=out, **options)
        return correct(x, axis=axis, where=where, **options)

    return wrong
