"""Wrong ways to work on large arrays in pieces: what the claims about them must refute."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.common_mutants import Operation, family
from mathcore.verify.claims import mutant

_PIECE = 100
"""Numbers in a piece: few, so that every large array has some left over."""


def _large(x: Any) -> bool:
    return bool(x.ndim > 1 and x.size > 2**15)


@family
def last_rows_forgotten(correct: Operation) -> Operation:
    """Works on whole pieces alone: what is left of an array that they do not divide stays as it was."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        y = np.array(correct(x, axis=axis, **options))
        if _large(x):
            y.reshape(-1)[y.size // _PIECE * _PIECE :] = 0
        return y

    return wrong


@family
def one_after_the_other(correct: Operation) -> Operation:
    """Adds numbers that are not neighbours in memory one after the other: another rounding in another layout."""

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
    """Cuts a sum into as many parts as there are threads: another rounding with another number of them."""

    def wrong(x: Any, axis: int = -1, **options: Any) -> Any:
        threads = os.environ.get("MATHCORE_NUM_THREADS")
        if not _large(x) or threads != "2":
            return correct(x, axis=axis, **options)
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / sum(part.sum(axis, keepdims=True) for part in np.array_split(e, int(threads), axis=axis))

    return wrong


@mutant("num_threads")
def setting_ignored() -> int:
    """Uses every core, whatever it was told."""
    return os.cpu_count() or 1


@mutant("num_threads", wraps=True)
def nonsense_is_one(correct: Callable[[], int]) -> Callable[[], int]:
    """Takes a setting that it does not understand for 1."""

    def wrong() -> int:
        with contextlib.suppress(ValueError):
            return correct()
        return 1

    return wrong
