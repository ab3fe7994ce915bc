"""What must be true of every operation on rows of scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import argmax_mutants, cross_entropy_mutants, logsumexp_mutants, softmax_mutants
from mathcore.probability import row_mutants as wrong
from mathcore.probability.records import (
    ALL,
    ARGMAX,
    CROSS_ENTROPY,
    CROSS_ENTROPY_AND_GRAD,
    LOG_SOFTMAX,
    LOGSUMEXP,
    SOFTMAX,
    TEMPERATURE_SOFTMAX,
    OnRows,
)
from mathcore.probability.row_laws import any_axis, gradient, gradient_sums_to_zero
from mathcore.verify import Claim, Mutant, Operations, Target, laws
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array
from mathcore.verify.operation import Operation
from mathcore.verify.relations import all_of, equal, identical, raises

# The laws of every operation, each with what a draw does not meet: large arrays, every width, no scores at all.


def add_quick(claim: Claim, op: OnRows, cases: Callable[[Target], Iterator[dict[str, Any]]]) -> Claim:
    """A check of the operation, and one of its derivative, on scores and cotangents by the formula in float64."""
    for part in op.parts:

        @claim.exhaustive(cases)
        def quickly_agrees(ops: Operations, x: Any, g: Any, part: Operation = part) -> Any:
            return part.agrees(ops, quickly=True, **op.arguments(part, x, g))

    return claim


def large_views(target: Target) -> Iterator[dict[str, Any]]:
    """Arrays of 45,000 numbers and more, transposed, strided or backwards; the highest score is 0."""
    name = "float32" if "float32" in target.dtypes else target.dtypes[0]
    rng = np.random.default_rng(5)
    for rows, n in ((300, 150), (2100, 23)):
        x, g = -8 * rng.random((rows, n)), rng.normal(size=(rows, n))
        x[np.arange(rows), np.arange(rows) % n] = 0
        x, g = as_dtype(x, name), as_dtype(g, name)
        yield {"x": np.asfortranarray(x), "g": np.asfortranarray(g)}
        yield {"x": np.repeat(x, 2, 1)[:, ::2], "g": g[::-1].copy()[::-1]}


def layout_of(op: OnRows) -> Claim:
    """Views, large ones as well."""
    more = tuple(map(wrong.targets_read_as_packed, names(op))) if op is CROSS_ENTROPY else ()
    return add_quick(laws.layout_free(*op.parts, refuted_by=more), op, large_views)


TELLING_WIDTHS = sorted({*range(1, 41), *(32 * k + i for k in range(1, 34) for i in (-1, 0, 1)), 4099, 65_537})
"""The small ones, the multiples of 32 with their neighbours, and two that are far beyond."""


def telling_widths(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of each telling width, the formats taking turns; the highest score is 0."""
    for i, n in enumerate(TELLING_WIDTHS):
        rng = np.random.default_rng(n)
        x, g = -8 * rng.random((2, n)), rng.normal(size=(2, n))
        x[0, -1] = x[1, n // 2] = 0
        name = target.dtypes[i % len(target.dtypes)]
        yield {"x": as_dtype(x, name), "g": as_dtype(g, name)}


def no_scores(target: Target) -> Iterator[dict[str, Any]]:
    """Rows of width 0, one array a format."""
    for name in target.dtypes:
        yield {"x": as_dtype(np.zeros((2, 0)), name)}


def width_of(op: OnRows) -> Claim:
    """Every width that tells, and none."""
    families = (wrong.tail_unread, wrong.wide_rows_cut, wrong.powers_of_two_wrong)
    claim = laws.any_width(*op.parts, refuted_by=tuple(m(name) for m in families for name in names(op)))
    add_quick(claim, op, telling_widths)
    for part in op.parts:

        @claim.exhaustive(no_scores)
        def rows_of_nothing(ops: Operations, x: Any, part: Operation = part) -> Any:
            if op is ARGMAX:
                return raises(lambda: ops.argmax(x), ValueError)
            if op is CROSS_ENTROPY:  # no class, so no target either
                given = {"x": x, "targets": np.zeros(2, int), "reduction": "none"}
                given = given if part is op.value else {"g": np.ones(2, x.dtype), **given}
                return raises(lambda: part.answer(ops, **given), IndexError)
            if op is LOGSUMEXP:
                given = {"x": x} if part is op.value else {"g": np.ones(2, x.dtype), "x": x}
                return equal(part.answer(ops, **given), np.full(2, -np.inf) if part is op.value else x)
            return identical(part.answer(ops, **op.arguments(part, x, x)), x)

    return claim


def rows_galore(target: Target) -> Iterator[dict[str, Any]]:
    """Up to thousands of rows of three scores, and hundreds of rows of hundreds, the highest 0."""
    few = (*range(5, 18), 31, 33, 64, 65, 127, 129, 256, 257, 1000, 1025, 4097)
    sizes = (*((rows, 3) for rows in few), (67, 65), (12_001, 3), (2100, 23), (257, 129), (41, 1025))
    for i, (rows, n) in enumerate(sizes):
        rng = np.random.default_rng(rows)
        x = rng.permuted(np.c_[np.zeros(rows), -4 * rng.random((rows, n - 1))], axis=1)
        name = target.dtypes[i % len(target.dtypes)]
        yield {"x": as_dtype(x, name), "g": as_dtype(rng.normal(size=x.shape), name)}


def independence_of(op: OnRows, *more: Mutant) -> Claim:
    """Rows beside any others, and thousands of them."""
    families = (wrong.rows_shifted, wrong.later_rows_lost, wrong.corner_unread, wrong.first_row_leaks)
    mutants = (common.rows_touch(op.name), *(m(name) for m in families for name in names(op)), *more)
    return add_quick(laws.rows_are_independent(*op.parts, refuted_by=mutants), op, rows_galore)


def large_history(target: Target) -> Iterator[dict[str, Any]]:
    """Three calls one after the other with arrays of 45,000 numbers."""
    rng, name = np.random.default_rng(4), "float32" if "float32" in target.dtypes else target.dtypes[0]
    yield {"history": [{key: as_dtype(3 * rng.normal(size=(300, 150)), name) for key in "xg"} for _ in range(3)]}


def purity_of(op: OnRows) -> Claim:
    """Call after call, with large arrays as well."""
    claim = laws.pure(*op.parts, refuted_by=tuple(map(wrong.large_buffer_reused, names(op))))
    for part in op.parts:

        @claim.exhaustive(large_history)
        def the_same_again(ops: Operations, history: Any, part: Operation = part) -> Any:
            return laws.depends_on_nothing_else(ops, part, [op.arguments(part, **call) for call in history])

    return claim


@domain
def mixed_cotangents(draw: Draw, target: Target, op: OnRows) -> dict[str, Any]:
    """Rows in one format and cotangents in another, for a target that takes numbers of any kind."""
    drawn = op.vjp.draw(draw, target, most=65)
    other = draw(st.sampled_from(target.dtypes if target.exact else [drawn["x"].dtype.name]))
    return {**drawn, "g": draw_array(draw, drawn["g"].shape, other, (0.5, 8))}


def dtype_of(op: OnRows, *more: Mutant) -> Claim:
    """One dtype throughout, and cotangents of another."""
    mutants = (wrong.format_of_the_cotangent(op.vjp.name), wrong.rounded_first(op.name), *more)
    claim = laws.keeps_dtype(*op.parts, refuted_by=mutants)

    @claim.property(mixed_cotangents(op), effort=0.5)
    def whatever_the_cotangent_is(ops: Operations, **arguments: Any) -> Any:
        pulled = op.vjp.answer(ops, **arguments)
        return all_of(equal(pulled.dtype == arguments["x"].dtype, True), op.vjp.judged(ops, pulled, **arguments))

    return claim


@domain
def squares(draw: Draw, target: Target, op: OnRows, part: Operation) -> dict[str, Any]:
    """Scores of three axes of one length, so that no shape tells the axis, and cotangents; no options."""
    shape, name = (draw(st.integers(2, 4)),) * 3, draw(st.sampled_from(target.dtypes))
    x, g = (draw_array(draw, shape, name, (0.5, 4)) for _ in range(2))
    given = op.arguments(part, x, g)
    if op is CROSS_ENTROPY and part is not op.value:  # of a mean
        given["g"] = g[0, 0, 0, ...]
    return {name: value for name, value in given.items() if name not in ("axis", "reduction")}


def defaults_of(op: OnRows, *others: Operation, **documented: Any) -> Claim:
    """Of the operation, its derivative, and the `others`."""
    parts = (replace(part, domain=squares(op, part)) for part in op.parts)
    unfit = frozenset({"logsumexp_vjp.keepdims"})  # the cotangent would not fit
    return laws.defaults(*parts, *others, unfit=unfit, **documented)


def names(op: OnRows) -> tuple[str, ...]:
    """The operation and its derivative."""
    return tuple(part.name for part in op.parts)


ON_ROWS = (
    *(claim(op) for claim in (layout_of, any_axis, width_of, purity_of) for op in ALL),
    *(law(*op.parts) for law in (laws.many_rows, laws.floats_only) for op in ALL),
    *laws.every_law(
        CROSS_ENTROPY_AND_GRAD, rows_are_independent=(common.first_row_everywhere(CROSS_ENTROPY_AND_GRAD.name),)
    ),
    defaults_of(SOFTMAX, axis=(-1, 0)),
    defaults_of(LOG_SOFTMAX, axis=(-1, 0)),
    defaults_of(LOGSUMEXP, axis=(-1, 0), keepdims=(False, True)),
    defaults_of(TEMPERATURE_SOFTMAX, axis=(-1, 0)),
    defaults_of(
        CROSS_ENTROPY,
        replace(CROSS_ENTROPY_AND_GRAD, domain=squares(CROSS_ENTROPY, CROSS_ENTROPY.value)),
        axis=(-1, 0),
        ignore_index=(None, 0),
        label_smoothing=(0.0, 0.5),
        reduction=("mean", "sum"),
    ),
    defaults_of(ARGMAX, axis=(-1, 0)),
    independence_of(SOFTMAX, wrong.maximum_of_everything),
    independence_of(LOG_SOFTMAX, wrong.logs_maximum_of_everything),
    independence_of(LOGSUMEXP, wrong.lse_maximum_of_everything),
    independence_of(TEMPERATURE_SOFTMAX, wrong.temperature_maximum_of_everything),
    independence_of(CROSS_ENTROPY, wrong.loss_maximum_of_everything),
    independence_of(ARGMAX, argmax_mutants.index_in_the_whole_array),
    dtype_of(SOFTMAX, softmax_mutants.sixteen_bit_sum, softmax_mutants.rounded_twice, wrong.float32_inside),
    dtype_of(LOG_SOFTMAX, logsumexp_mutants.logs_sixteen_bit_sum),
    dtype_of(LOGSUMEXP, logsumexp_mutants.lse_sixteen_bit_sum),
    dtype_of(TEMPERATURE_SOFTMAX),
    dtype_of(CROSS_ENTROPY),
    gradient(
        SOFTMAX,
        wrong.mean_forgotten,
        wrong.diagonal_only,
        wrong.plain_mean,
        wrong.pulled_to_zero,
        wrong.scores_for_probabilities,
    ),
    gradient(
        LOG_SOFTMAX,
        wrong.softmax_formula,
        wrong.sum_added,
        wrong.sum_is_local,
        wrong.sum_is_one,
        wrong.logs_pulled_to_zero,
    ),
    gradient(LOGSUMEXP, wrong.cotangent_forgotten, wrong.all_to_the_winner, wrong.lse_pulled_to_zero),
    gradient(
        TEMPERATURE_SOFTMAX,
        wrong.temperature_not_divided,
        wrong.pulled_at_temperature_one,
        wrong.temperature_mean_forgotten,
        wrong.temperature_pulled_to_zero,
    ),
    gradient(
        CROSS_ENTROPY,
        cross_entropy_mutants.one_hot_forgotten,
        cross_entropy_mutants.gradient_uphill,
        cross_entropy_mutants.loss_cotangent_forgotten,
        cross_entropy_mutants.loss_pulled_to_zero,
    ),
    gradient_sums_to_zero(SOFTMAX, wrong.mean_forgotten, wrong.diagonal_only, wrong.plain_mean),
    gradient_sums_to_zero(LOG_SOFTMAX, wrong.softmax_formula, wrong.sum_added, wrong.sum_is_local, wrong.sum_is_one),
    gradient_sums_to_zero(TEMPERATURE_SOFTMAX, wrong.temperature_mean_forgotten),
    gradient_sums_to_zero(CROSS_ENTROPY, cross_entropy_mutants.one_hot_forgotten),
)
