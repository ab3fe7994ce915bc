"""What must be true of rows that hold NaN or infinity."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mathcore.probability import (
    cross_entropy_mutants,
    logsumexp_mutants,
    softmax_mutants,
    temperature_mutants,
    where_mutants,
)
from mathcore.probability.inputs import fully_masked, fully_masked_as_declared
from mathcore.verify import Claim, Limits, Operations, Target, all_of, equal, less
from mathcore.verify.domains import as_dtype
from mathcore.verify.tolerances import rounding

special_values = Claim(
    "softmax.special_values",
    statement="A row that sees NaN or +∞ has no distribution: all of its softmax is NaN, at any temperature, and so "
    "are its log-softmax, its cross-entropy and the gradient of that; logsumexp is NaN where NaN is seen, else +∞ "
    "where +∞ is, and −∞ where there is nothing to see; there, probabilities are as declared. In the grade "
    '`log_softmax="lse"`, which subtracts +∞ from all scores of such a row, none of its logarithms is finite, nor its '
    "loss, and its gradient holds a NaN.",
    formula=r"x_i \in \{\mathrm{NaN}, +\infty\} \Rightarrow \operatorname{softmax}(x) = \mathrm{NaN}",
    needs=("softmax", "log_softmax", "logsumexp", "temperature_softmax", "cross_entropy", "cross_entropy_vjp"),
    limits=Limits(
        options=(
            "axis",
            "log_softmax.where",
            "logsumexp.where",
            "weight",
            "ignore_index",
            "label_smoothing",
            "keepdims",
            "b",
            "return_sign",
            "dtype",
        ),
        signs=("cross_entropy_vjp.cotangent >= 0",),
    ),
    tolerances=(rounding,),
    refuted_by=(
        softmax_mutants.infinity_past_four,
        where_mutants.broken_scores_mended_under_a_mask,
        temperature_mutants.temperature_of_nothing_is_nan,
        logsumexp_mutants.nan_past_sixteen,
        logsumexp_mutants.lse_infinity_past_four,
        cross_entropy_mutants.infinite_rows_pulled,
        softmax_mutants.broken_scores_mended,
        where_mutants.dead_row_is_nan,
        where_mutants.logs_dead_row_is_nan,
        where_mutants.lse_dead_row_is_nan,
        logsumexp_mutants.lse_infinity_is_nan,
        logsumexp_mutants.just_the_maximum,
    ),
)


def special_grid(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of up to four of NaN, ±∞ and two finite numbers."""
    for name in target.dtypes:
        values = as_dtype([-np.inf, 1, -2, np.inf, np.nan], name)
        for width in range(1, 5):
            yield {"x": values[np.indices((5,) * width).reshape(width, -1).T]}


def _kinds(x: Any) -> tuple[Any, Any, Any]:
    """Which rows hold NaN, which +∞, and which are fully masked."""
    wide = x.astype(np.float64)
    return np.isnan(wide).any(-1), np.isposinf(wide).any(-1), fully_masked(x)


def special_needles(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of each of many widths, one special value at a time in the second: first, in the middle, last."""
    for i, n in enumerate((5, 8, 9, 17, 33, 65, 129, 257, 1025)):
        for j, (special, place) in enumerate(itertools.product((np.inf, np.nan, -np.inf), (0, n // 2, n - 1))):
            x = -np.linspace(0, 8, 2 * n).reshape(2, n)
            x[1, place] = special
            yield {"x": as_dtype(x, target.dtypes[(i + j) % len(target.dtypes)])}


def _broken(x: Any) -> tuple[Any, Any]:
    """Which scores are in a row with NaN or +∞, and which rows are fully masked."""
    nan, infinite, gone = _kinds(x)
    return np.broadcast_to((nan | infinite)[:, None], x.shape), gone


def _softmax_is_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), p = _broken(x), ops.softmax(x)
    return all_of(equal(np.isnan(p[~gone]), broken[~gone]), fully_masked_as_declared(ops, p[gone]))


def _cooled_softmax_is_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), p = _broken(x), ops.temperature_softmax(x, 0.7)
    return all_of(equal(np.isnan(p[~gone]), broken[~gone]), fully_masked_as_declared(ops, p[gone]))


def _nan_where_broken(ops: Operations, x: Any, y: Any, *, somewhere: bool = False) -> Any:
    """That rows of y, (rows, …), are NaN where scores are NaN or +∞, or what the grade "lse" makes of +∞.

    That is nothing finite, or a NaN `somewhere`.
    """
    nan, infinite, gone = _kinds(x)
    subtracted = infinite & ~nan & ~gone & (ops.conventions.log_softmax == "lse")
    strict, y = ~gone & ~subtracted, y.reshape(len(x), -1).astype(np.float64)
    left = np.isnan(y[subtracted]).any(-1) if somewhere else ~np.isfinite(y[subtracted])
    wanted = np.broadcast_to((nan | infinite)[:, None], y.shape)[strict]
    return all_of(equal(np.isnan(y[strict]), wanted), equal(left, np.ones_like(left)))


def _logs_are_broken(ops: Operations, x: Any) -> Any:
    log_p, gone = ops.log_softmax(x), fully_masked(x)
    return all_of(_nan_where_broken(ops, x, log_p), fully_masked_as_declared(ops, log_p[gone], logs=True))


def _loss_is_broken(ops: Operations, x: Any) -> Any:
    targets = np.arange(len(x)) % x.shape[-1]
    return _nan_where_broken(ops, x, ops.cross_entropy(x, targets, reduction="none"))


def _grad_is_broken(ops: Operations, x: Any) -> Any:
    targets = np.arange(len(x)) % x.shape[-1]
    slopes = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, targets, reduction="none")
    return _nan_where_broken(ops, x, slopes, somewhere=True)


for _cases in (special_grid, special_needles):
    for _body in (
        _softmax_is_broken,
        _cooled_softmax_is_broken,
        _logs_are_broken,
        _loss_is_broken,
        _grad_is_broken,
    ):
        special_values.exhaustive(_cases)(_body)


@special_values.exhaustive(special_grid)
def masked_special_values_do_no_harm(ops: Operations, x: Any) -> Any:
    mask = np.arange(x.shape[-1]) != x.shape[-1] - 1  # the last is masked
    clean = np.where(mask, x, -np.inf)
    (broken, gone), p = _broken(clean), ops.softmax(x, where=mask)
    return equal(np.isnan(p[~gone]), broken[~gone])


@special_values.exhaustive(special_needles)
def special_value_anywhere_reaches_logsumexp(ops: Operations, x: Any) -> Any:
    (nan, infinite, _), lse = _kinds(x), ops.logsumexp(x).astype(np.float64)
    return all_of(equal(np.isnan(lse), nan), equal(np.isposinf(lse), infinite & ~nan))


@special_values.exhaustive(special_grid)
def logsumexp_of_special_rows(ops: Operations, x: Any) -> Any:
    (nan, infinite, gone), lse = _kinds(x), ops.logsumexp(x).astype(np.float64)
    plain = ~(nan | infinite) & (np.isfinite(x.astype(np.float64)).sum(-1) > 1)
    return all_of(
        equal(np.isnan(lse), nan),
        equal(np.isposinf(lse), infinite & ~nan),
        equal(np.isneginf(lse), gone),
        less(x.astype(np.float64).max(-1)[plain], lse[plain]),
    )
