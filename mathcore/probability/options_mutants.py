"""Mutants of softmax and its relatives that get several axes, a dtype or weights wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import family


@family
def first_of_several_axes(correct: Any) -> Any:
    """Takes the first of several axes alone."""

    def wrong(*arrays: Any, axis: Any = -1, **options: Any) -> Any:
        return correct(*arrays, axis=axis[0] if isinstance(axis, tuple) else axis, **options)

    return wrong


@family
def trailing_axes(correct: Any) -> Any:
    """Takes as many axes from the end as were asked for, whichever they were."""

    def wrong(*arrays: Any, axis: Any = -1, **options: Any) -> Any:
        return correct(*arrays, axis=tuple(range(-len(axis), 0)) if isinstance(axis, tuple) else axis, **options)

    return wrong


@family
def converted_afterwards(correct: Any) -> Any:
    """Computes in the dtype that came and converts the result."""

    def wrong(*arrays: Any, dtype: Any = None, **options: Any) -> Any:
        y = correct(*arrays, **options)
        return y if dtype is None or len(arrays) > 1 else y.astype(dtype)

    return wrong


@family
def dtype_ignored(correct: Any) -> Any:
    """Ignores `dtype`."""
    return lambda *arrays, dtype=None, **options: correct(*arrays, **options)


@family
def gradient_in_the_dtype(correct: Any) -> Any:
    """Leaves the gradient in the dtype that was asked for."""

    def wrong(*arrays: Any, dtype: Any = None, **options: Any) -> Any:
        pulled = correct(*arrays, dtype=dtype, **options)
        return pulled if dtype is None else pulled.astype(dtype)

    return wrong


def _rows(x: Any, b: Any, axis: int) -> tuple[Any, Any]:
    return (np.moveaxis(np.asarray(a, np.float64), axis, -1) for a in np.broadcast_arrays(x, b))  # type: ignore[return-value]


@mutant("logsumexp", wraps=True)
def weights_ignored(correct: Any) -> Any:
    """Takes every weight but 0 for 1."""
    return lambda x, axis=-1, *, b=None, **options: correct(
        x, axis, b=None if b is None else (b != 0).astype(b.dtype), **options
    )


@mutant("logsumexp", wraps=True)
def weights_without_sign(correct: Any) -> Any:
    """Adds what is to be subtracted."""
    return lambda x, axis=-1, *, b=None, **options: correct(x, axis, b=None if b is None else abs(b), **options)


@mutant("logsumexp", wraps=True)
def zero_weights_multiply(correct: Any) -> Any:
    """Multiplies an excluded score by 0, which leaves a NaN a NaN (SciPy before 0.14)."""

    def logsumexp(x: Any, axis: int = -1, *, b: Any = None, return_sign: bool = False, **options: Any) -> Any:
        answer = correct(x, axis, b=b, return_sign=return_sign, **options)
        if b is None:
            return answer
        broken = (np.isnan(x) | np.isposinf(x)).any(axis)
        spoilt = tuple(np.where(broken, np.nan, y).astype(x.dtype) for y in (answer if return_sign else (answer,)))
        return spoilt if return_sign else spoilt[0]

    return logsumexp


@mutant("logsumexp", wraps=True)
def weighted_unshifted(correct: Any) -> Any:
    """Takes the exponentials of the scores as they are, where there are weights."""

    def logsumexp(x: Any, axis: int = -1, *, b: Any = None, return_sign: bool = False, **options: Any) -> Any:
        if b is None:
            return correct(x, axis, return_sign=return_sign, **options)
        rows, weights = _rows(np.where(b == 0, 0, x), b, axis)
        with np.errstate(all="ignore"):
            s = (weights * np.exp(rows)).sum(-1)
            y = np.log(abs(s) if return_sign else s).astype(x.dtype)
        return (y, np.sign(s).astype(x.dtype)) if return_sign else y

    return logsumexp


@mutant("logsumexp", wraps=True)
def always_positive(correct: Any) -> Any:
    """Says that every sum is positive."""

    def logsumexp(*arrays: Any, return_sign: bool = False, **options: Any) -> Any:
        y, _ = correct(*arrays, return_sign=True, **options)
        return (y, np.ones_like(y)) if return_sign else y

    return logsumexp


@mutant("logsumexp_vjp", wraps=True)
def gradient_without_weights(correct: Any) -> Any:
    """Gives every score the gradient of the sum without weights."""
    return lambda *arrays, b=None, **options: correct(*arrays, **options)


@mutant("logsumexp_vjp", wraps=True)
def gradient_without_signs(correct: Any) -> Any:
    """Forgets the signs of the weights."""
    return lambda *arrays, b=None, **options: correct(*arrays, b=None if b is None else abs(b), **options)
