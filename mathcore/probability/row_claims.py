"""What must be true of every operation on rows of scores."""

from __future__ import annotations

from mathcore.probability import argmax_mutants, cross_entropy_mutants, logsumexp_mutants, softmax_mutants
from mathcore.probability import row_mutants as wrong
from mathcore.probability.records import (
    ALL,
    ARGMAX,
    CROSS_ENTROPY,
    LOG_SOFTMAX,
    LOGSUMEXP,
    SOFTMAX,
    TEMPERATURE_SOFTMAX,
)
from mathcore.probability.row_laws import (
    any_axis,
    any_width,
    defaults,
    floats_only,
    gradient,
    gradient_sums_to_zero,
    keeps_dtype,
    layout_free,
    many_rows,
    pure,
    rows_are_independent,
)

# What is true of every operation on rows.
ON_ROWS = (
    *(claim(op) for claim in (layout_free, any_axis, any_width, many_rows, pure, floats_only) for op in ALL),
    defaults(SOFTMAX, axis=(-1, 0)),
    defaults(LOG_SOFTMAX, axis=(-1, 0)),
    defaults(LOGSUMEXP, axis=(-1, 0), keepdims=(False, True)),
    defaults(TEMPERATURE_SOFTMAX, axis=(-1, 0)),
    defaults(
        CROSS_ENTROPY, axis=(-1, 0), ignore_index=(None, 0), label_smoothing=(0.0, 0.5), reduction=("mean", "sum")
    ),
    defaults(ARGMAX, axis=(-1, 0)),
    rows_are_independent(SOFTMAX, wrong.maximum_of_everything),
    rows_are_independent(LOG_SOFTMAX, wrong.logs_maximum_of_everything),
    rows_are_independent(LOGSUMEXP, wrong.lse_maximum_of_everything),
    rows_are_independent(TEMPERATURE_SOFTMAX, wrong.temperature_maximum_of_everything),
    rows_are_independent(CROSS_ENTROPY, wrong.loss_maximum_of_everything),
    rows_are_independent(ARGMAX, argmax_mutants.index_in_the_whole_array),
    keeps_dtype(SOFTMAX, softmax_mutants.sixteen_bit_sum, softmax_mutants.rounded_twice, wrong.float32_inside),
    keeps_dtype(LOG_SOFTMAX, logsumexp_mutants.logs_sixteen_bit_sum),
    keeps_dtype(LOGSUMEXP, logsumexp_mutants.lse_sixteen_bit_sum),
    keeps_dtype(TEMPERATURE_SOFTMAX),
    keeps_dtype(CROSS_ENTROPY),
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
