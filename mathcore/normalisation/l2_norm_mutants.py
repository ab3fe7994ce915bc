"""Vectors divided by what is not their length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant

Function = Callable[..., Any]


def _divided_by(divisor: Callable[[Any, float], Any]) -> Mutant:
    """Right bookkeeping around a wrong divisor of rows of float32 or float64."""

    def wrong(x: Any, *, axis: int = -1, epsilon: float = 1e-12) -> Any:
        rows = np.moveaxis(x.astype(np.promote_types(x.dtype, np.float32)), axis, -1)
        with np.errstate(all="ignore"):
            return np.moveaxis((rows / divisor(rows, epsilon)).astype(x.dtype), -1, axis)

    wrong.__name__, wrong.__doc__ = divisor.__name__, divisor.__doc__
    return mutant("l2_norm")(wrong)


def _squares(x: Any) -> Any:
    return (x * x).sum(-1, keepdims=True)


@_divided_by
def mean_of_squares(x: Any, epsilon: float) -> Any:
    """Divides by the root of the mean square, as RMS norm does."""
    return np.maximum(np.sqrt(_squares(x) / max(x.shape[-1], 1)), epsilon)


@_divided_by
def root_forgotten(x: Any, epsilon: float) -> Any:
    """Divides by the square of the length."""
    return np.maximum(_squares(x), epsilon)


@_divided_by
def sum_of_magnitudes(x: Any, epsilon: float) -> Any:
    """Divides by the sum of the magnitudes."""
    return np.maximum(abs(x).sum(-1, keepdims=True), epsilon)


@_divided_by
def epsilon_under_the_root(x: Any, epsilon: float) -> Any:
    """Adds ε to the squares."""
    return np.sqrt(_squares(x) + epsilon)


@_divided_by
def epsilon_added(x: Any, epsilon: float) -> Any:
    """Adds ε to the length."""
    return np.sqrt(_squares(x)) + epsilon


@_divided_by
def epsilon_ignored(x: Any, epsilon: float) -> Any:
    """Divides a short vector by its length as well, a zero one by 0."""
    return np.sqrt(_squares(x))


@_divided_by
def whole_array(x: Any, epsilon: float) -> Any:
    """Takes one length for all vectors."""
    return np.maximum(np.sqrt((x * x).sum()), epsilon)


@_divided_by
def wide_rows_cut(x: Any, epsilon: float) -> Any:
    """Takes the length of the first 1,024 components."""
    return np.maximum(np.sqrt(_squares(x[..., :1024])), epsilon)


@mutant("l2_norm", wraps=True)
def axis_ignored(correct: Function) -> Function:
    """Works along the last axis whatever it is asked for."""
    return lambda x, *, axis=-1, epsilon=1e-12: correct(x, epsilon=epsilon)


@mutant("l2_norm", wraps=True)
def any_axis_taken(correct: Function) -> Function:
    """Takes an axis that there is not for the last one."""
    return lambda x, *, axis=-1, **how: correct(x, axis=axis if -x.ndim <= axis < x.ndim else -1, **how)


@mutant("l2_norm_vjp", wraps=True)
def axis_ignored_vjp(correct: Function) -> Function:
    """Works along the last axis whatever it is asked for."""
    return lambda g, x, *, axis=-1, epsilon=1e-12: correct(g, x, epsilon=epsilon)


def _pulled(formula: Callable[[Any, Any, Any], Any]) -> Mutant:
    """The formula sees cotangents, directions and the divisor r."""

    def wrong(g: Any, x: Any, *, axis: int = -1, epsilon: float = 1e-12) -> Any:
        g, rows = (np.moveaxis(a.astype(np.promote_types(a.dtype, np.float32)), axis, -1) for a in (g, x))
        r = np.maximum(np.sqrt(_squares(rows)), epsilon)
        r = np.where(r > 0, r, 1)
        return np.moveaxis(formula(g, rows / r, r).astype(x.dtype), -1, axis)

    wrong.__name__, wrong.__doc__ = formula.__name__, formula.__doc__
    return mutant("l2_norm_vjp")(wrong)


@_pulled
def length_not_taken_out(g: Any, u: Any, r: Any) -> Any:
    """Treats the length as a constant."""
    return g / r


@_pulled
def length_forgotten(g: Any, u: Any, r: Any) -> Any:
    """Takes out the part along the vector and does not divide by its length."""
    return g - u * (u * g).sum(-1, keepdims=True)


@_pulled
def mean_taken_out(g: Any, u: Any, r: Any) -> Any:
    """Takes out the mean product where the sum belongs."""
    return (g - u * (u * g).sum(-1, keepdims=True) / max(u.shape[-1], 1)) / r


@_pulled
def taken_out_of_short_ones(g: Any, u: Any, r: Any) -> Any:
    """Projects a vector shorter than ε as well."""
    return (g - u * (u * g).sum(-1, keepdims=True)) / r
