"""Wrong logarithms of probabilities, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _exp, _top, _wide
from mathcore.verify.claims import mutant


@mutant("log_softmax", wraps=True)
def nan_past_sixteen(correct: Any) -> Any:
    """Looks for NaN among the first sixteen scores only, and reads later ones as excluded."""

    def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        rows = np.moveaxis(x, axis, -1)
        late = np.isnan(rows.astype(np.float64)) & (np.arange(rows.shape[-1]) >= 16)
        return correct(np.moveaxis(np.where(late, -np.inf, rows).astype(x.dtype), -1, axis), axis, where=where)

    return log_softmax


@mutant("log_softmax")
def logs_sixteen_bit_sum(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Adds 16-bit exponentials in their own format."""
    rows = np.moveaxis(_wide(x), axis, -1)
    total = np.add.accumulate(_exp(rows).astype(x.dtype), -1, dtype=x.dtype)[..., -1:]
    return np.moveaxis(rows - _top(rows) - np.log(_wide(total)), -1, axis).astype(x.dtype)


@mutant("log_softmax", wraps=True)
def logs_mask_forgotten(correct: Any) -> Any:
    """Sets excluded outputs to −∞ but leaves their scores in the sum."""

    def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        y = correct(x, axis)
        return y if where is None else np.where(where, y, -np.inf).astype(x.dtype)

    return log_softmax


@mutant("logsumexp", wraps=True)
def lse_infinity_past_four(correct: Any) -> Any:
    """Gives NaN for +∞ in rows of more than four scores."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        y = correct(x, axis, keepdims=keepdims, where=where)
        return np.where(np.isposinf(y), np.nan, y).astype(y.dtype) if x.shape[axis] > 4 else y

    return logsumexp


@mutant("logsumexp")
def lse_sixteen_bit_sum(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
    """Adds 16-bit exponentials in their own format."""
    rows = np.moveaxis(_wide(x), axis, -1)
    total = np.add.accumulate(_exp(rows).astype(x.dtype), -1, dtype=x.dtype)[..., -1]
    y = (_top(rows)[..., 0] + np.log(_wide(total))).astype(x.dtype)
    return np.expand_dims(y, axis) if keepdims else y


@mutant("logsumexp", wraps=True)
def lse_mask_forgotten(correct: Any) -> Any:
    """Ignores `where`."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(x, axis, keepdims=keepdims)

    return logsumexp


@mutant("logsumexp", wraps=True)
def keepdims_ignored(correct: Any) -> Any:
    """Always drops the axis."""
    return lambda x, axis=-1, *, keepdims=False, where=None: correct(x, axis, where=where)


@mutant("logsumexp", wraps=True)
def keepdims_sees_all(correct: Any) -> Any:
    """Forgets what is excluded where the axis is kept."""

    def wrong(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(x, axis, keepdims=keepdims, where=None if keepdims else where)

    return wrong


@mutant("logsumexp", wraps=True)
def keepdims_last(correct: Any) -> Any:
    """Keeps an axis of length 1, but always the last."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        y = correct(x, axis, where=where)
        return y[..., None] if keepdims else y

    return logsumexp


@mutant("logsumexp_vjp", wraps=True)
def kept_cotangent_sees_all(correct: Any) -> Any:
    """Forgets what is excluded where the axis is kept."""

    def wrong(g: Any, x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(g, x, axis, keepdims=keepdims, where=None if keepdims else where)

    return wrong
