"""Norms of a sum that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Function = Callable[..., Any]


@mutant("add_rms_norm", wraps=True)
def norm_of_x_alone(correct: Function) -> Function:
    """Takes the norm before it adds."""
    return lambda x, r, weight, **how: (correct(x, r * 0, weight, **how)[0], x + r)


@mutant("add_rms_norm", wraps=True)
def residual_dropped(correct: Function) -> Function:
    """Hands x on where the sum belongs: the residual stream ends here."""
    return lambda x, r, weight, **how: (correct(x, r, weight, **how)[0], x + r * 0)


@mutant("add_rms_norm", wraps=True)
def norm_handed_on(correct: Function) -> Function:
    """Hands the normalised sum on as the residual stream."""
    return lambda x, r, weight, **how: (correct(x, r, weight, **how)[0],) * 2


@mutant("add_rms_norm", wraps=True)
def sum_through_fewer_bits(correct: Function) -> Function:
    """Keeps the sum in a narrower format for a while, so that its last bits are lost."""

    def wrong(x: Any, r: Any, weight: Any, **how: Any) -> Any:
        y, s = correct(x, r, weight, **how)
        grain = 4 * np.spacing(abs(s))
        return y, (np.round(s / grain) * grain).astype(s.dtype)

    return wrong


@mutant("add_rms_norm", wraps=True)
def any_shape(correct: Function) -> Function:
    """Broadcasts a residual of another shape."""

    def wrong(x: Any, r: Any, weight: Any, **how: Any) -> Any:
        if np.shape(r) != np.shape(x) and np.size(r):
            r = np.full(np.shape(x), np.ravel(r)[0])
        return correct(x, r, weight, **how)

    return wrong


@mutant("add_rms_norm", wraps=True)
def wide_rows_cut(correct: Function) -> Function:
    """Takes the norm of at most 256 features, and leaves the others as they are."""

    def wrong(x: Any, r: Any, weight: Any, **how: Any) -> Any:
        y, s = correct(x, r, weight, **how)
        head = correct(x[..., :256], r[..., :256], weight[:256], **how)[0]
        return np.concatenate([head, s[..., 256:]], -1).astype(y.dtype), s

    return wrong


@mutant("add_rms_norm", wraps=True)
def rows_touch(correct: Function) -> Function:
    """Adds 0 times the sum of everything to the norm: one NaN reaches every row."""

    def wrong(x: Any, r: Any, weight: Any, **how: Any) -> Any:
        y, s = correct(x, r, weight, **how)
        with np.errstate(invalid="ignore", over="ignore"):
            return (y + x.dtype.type(0) * x.sum()).astype(y.dtype), s

    return wrong


@mutant("add_rms_norm_vjp", wraps=True)
def sum_cotangent_dropped(correct: Function) -> Function:
    """Sends nothing back from what uses the sum: the residual stream has no gradient."""
    return lambda g, x, r, weight, *, sum_cotangent=None, **how: correct(g, x, r, weight, **how)


@mutant("add_rms_norm_vjp", wraps=True)
def sum_cotangent_to_the_residual_alone(correct: Function) -> Function:
    """Sends the gradient of the sum to the residual, and not to x."""

    def wrong(g: Any, x: Any, r: Any, weight: Any, *, sum_cotangent: Any = None, **how: Any) -> Any:
        through_norm = correct(g, x, r, weight, **how)
        return through_norm[0], *correct(g, x, r, weight, sum_cotangent=sum_cotangent, **how)[1:]

    return wrong


@mutant("add_rms_norm_vjp", wraps=True)
def norm_skipped_on_the_residual(correct: Function) -> Function:
    """Gives the residual the gradient of the sum alone, as if the norm did not see it."""

    def wrong(g: Any, x: Any, r: Any, weight: Any, **how: Any) -> Any:
        x_bar, _, w_bar = correct(g, x, r, weight, **how)
        return x_bar, correct(g * 0, x, r, weight, **how)[1], w_bar

    return wrong


@mutant("add_rms_norm_vjp", wraps=True)
def derivative_at_x(correct: Function) -> Function:
    """Takes the derivative of the norm at x, not at the sum."""
    return lambda g, x, r, weight, **how: correct(g, x, r * 0, weight, **how)
