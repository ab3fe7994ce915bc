"""What must be true of cross-entropy over many rows: their axes, which of them count, how they are batched."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import cross_entropy_mutants as wrong
from mathcore.probability import loss_textbook as textbook
from mathcore.probability.cross_entropy_tolerances import cross_entropy_rounding, cross_entropy_vjp_rounding
from mathcore.probability.inputs import classified_rows, counted, stacked_rows, thousands_of_rows
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    equal,
    given_that,
    identical,
    reproduced,
    score_rows,
)
from mathcore.verify.domains import as_dtype
from mathcore.verify.tolerances import FORMATS, rounding

any_shape = Claim(
    "cross_entropy.any_shape",
    statement="Rows may stand in any number of axes with the classes along any of them: the mean is over all rows that "
    "count, thousands of them included, and the gradient has the shape of the logits.",
    formula=r"\ell = \frac1{|\text{kept}|} \sum_{b, t \in \text{kept}} \ell_{bt}",
    legend={"b": "a place along one axis of rows, t along another"},
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(options=("weight",), width=8),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.mean_over_the_batch,
        wrong.loss_sixteen_bit_mean,
        wrong.loss_axis_forgotten,
        wrong.gradient_averaged_over_the_batch,
        wrong.gradient_axis_forgotten,
        wrong.count_capped,
    ),
)


@any_shape.property(stacked_rows())
def loss_does_not_depend_on_the_axes(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: textbook.Shape, axis: int
) -> Any:
    return textbook.loss_is_nll(ops, logits, targets, options, shape, axis)


@any_shape.property(stacked_rows())
def gradient_does_not_depend_on_the_axes(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: textbook.Shape, axis: int
) -> Any:
    return textbook.grad_is_p_minus_q(ops, logits, targets, options, shape, axis)


def grids_of_rows(target: Target) -> Iterator[dict[str, Any]]:
    """Six rows of three classes in two axes, the classes along each axis; in another order, targets would differ."""
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "mean"}
    for name in target.dtypes:
        logits = as_dtype(np.random.default_rng(1).normal(size=(6, 3)), name)
        for shape, axis in itertools.product(((2, 3), (3, 2)), range(3)):
            targets = np.array([0, 1, 2, 2, 0, 0])
            yield {"targets": targets, "logits": logits, "options": options, "shape": shape, "axis": axis}


@any_shape.exhaustive(grids_of_rows)
def loss_of_every_grid_of_rows(
    ops: Operations, targets: Any, logits: Any, options: dict[str, Any], shape: textbook.Shape, axis: int
) -> Any:
    return textbook.loss_is_nll(ops, logits, targets, options, shape, axis)


@any_shape.exhaustive(grids_of_rows)
def gradient_of_every_grid_of_rows(
    ops: Operations, targets: Any, logits: Any, options: dict[str, Any], shape: textbook.Shape, axis: int
) -> Any:
    return textbook.grad_is_p_minus_q(ops, logits, targets, options, shape, axis)


@any_shape.exhaustive(thousands_of_rows)
def loss_of_thousands_of_rows(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    each = {**options, "reduction": "none"}
    return all_of(textbook.loss_is_nll(ops, logits, targets, options), textbook.loss_is_nll(ops, logits, targets, each))


@any_shape.exhaustive(thousands_of_rows)
def gradient_of_thousands_of_rows(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return textbook.grad_is_p_minus_q(ops, logits, targets, options)


deletion = Claim(
    "cross_entropy.deletion",
    statement="Dropping the ignored rows changes neither the loss nor the gradient of the others, up to rounding, and "
    "what their logits hold, NaN and infinity included, reaches nothing.",
    formula=r"\ell(X, y) = \ell(X_{\text{kept}}, y_{\text{kept}})",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(options=("axis", "weight"), rows=6),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.mean_over_all_rows,
        wrong.smoothing_counts_ignored,
        wrong.ignored_rows_leak,
        wrong.mean_of_means,
        wrong.always_ignores_minus_100,
        wrong.gradient_averaged_over_all,
        wrong.ignored_rows_pulled,
    ),
)


@deletion.property(classified_rows(), garbage=st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))
def ignored_rows_leave_no_trace_in_the_loss(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], garbage: float
) -> Any:
    keep = counted(targets, options)
    dirty = np.where(keep[:, None], logits, logits.dtype.type(garbage))
    return all_of(
        textbook.loss_is_nll(ops, dirty, targets, options),
        textbook.loss_is_nll(ops, logits[keep], targets[keep], options),
    )


@deletion.property(classified_rows(), garbage=st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))
def ignored_rows_leave_no_trace_in_the_gradient(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], garbage: float
) -> Any:
    keep = counted(targets, options)
    dirty = np.where(keep[:, None], logits, logits.dtype.type(garbage))
    return all_of(
        textbook.grad_is_p_minus_q(ops, dirty, targets, options),
        textbook.grad_is_p_minus_q(ops, logits[keep], targets[keep], options),
    )


partition = Claim(
    "cross_entropy.partition",
    statement="However the rows are split into batches A and B, the sum of their losses is the same up to rounding, "
    "and so is every row's gradient of the sum, bit for bit if the target promises that, if no loss overflows; means "
    "have to be weighted by how many rows count in each.",
    formula=r"\ell_{\Sigma}(A \cup B) = \ell_{\Sigma}(A) + \ell_{\Sigma}(B), \qquad "
    r"\bar\ell = \frac{n_A \bar\ell_A + n_B \bar\ell_B}{n_A + n_B}",
    legend={"n": "how many rows count, of each batch"},
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(
        options=("axis", "weight"),
        rows=6,
        said=("no loss overflows",),
        assumes=("no loss is beyond half of the largest number",),
    ),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding, rounding),
    refuted_by=(
        wrong.mean_of_means,
        wrong.mean_over_all_rows,
        wrong.reduction_ignored,
        wrong.labels_shifted_twice,
        wrong.gradient_not_averaged,
    ),
)


def _split(logits: Any, targets: Any, options: dict[str, Any], cut: int) -> list[tuple[Any, Any]]:
    """The rows before and from `cut` on; a batch in which no row counts is left out."""
    parts = [(logits[:cut], targets[:cut]), (logits[cut:], targets[cut:])]
    return [(x, y) for x, y in parts if counted(y, options).any()]


@partition.property(classified_rows(), cut=st.integers(1, 5))
def batch_losses_add_up(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], cut: int) -> Any:
    added, averaged = ({**options, "reduction": r} for r in ("sum", "mean"))
    true = textbook.negative_log_likelihood(logits, targets, added)
    given_that(abs(true.hi) < FORMATS[logits.dtype.name].most / 2, "no loss is beyond half of the largest number")
    sums, means = [], []
    sums_allowed = means_allowed = rounding(true.hi, np.float64) * 4  # summing them here
    for x, y in _split(logits, targets, options, cut):
        n = int(counted(y, options).sum())
        sums.append(float(ops.cross_entropy(x, y, **added)))
        means.append(n * float(ops.cross_entropy(x, y, **averaged)))
        sums_allowed += textbook.nll_allowed(ops, x, y, added)
        means_allowed += textbook.nll_allowed(ops, x, y, averaged) * n
    return all_of(
        equal(math.fsum(sums), true, within=sums_allowed),
        equal(math.fsum(means), true, within=means_allowed),
        textbook.loss_is_nll(ops, logits, targets, added),
        textbook.loss_is_nll(ops, logits, targets, averaged),
    )


@partition.property(classified_rows(), cut=st.integers(1, 5))
def batch_gradients_are_the_whole_batchs(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], cut: int
) -> Any:
    added, one = {**options, "reduction": "sum"}, np.ones((), logits.dtype)
    parts = _split(logits, targets, options, cut)
    apart = [ops.cross_entropy_vjp(one, x, y, **added) for x, y in parts]
    rows = [pulled[counted(y, options)] for pulled, (_, y) in zip(apart, parts, strict=True)]
    whole = ops.cross_entropy_vjp(one, logits, targets, **added)
    each = [(whole, logits, targets), *((pulled, *part) for pulled, part in zip(apart, parts, strict=True))]
    return all_of(
        reproduced(
            ops,
            np.concatenate(rows),
            whole[counted(targets, options)],
            lambda: all_of(*(textbook.is_p_minus_q(ops, pulled, one, x, y, added) for pulled, x, y in each)),
        ),
        textbook.grad_is_p_minus_q(ops, logits, targets, {**options, "reduction": "mean"}),
    )


of_nothing = Claim(
    "cross_entropy.of_nothing",
    statement="If no row counts, because there is none or all are ignored, the sum is 0, the mean is what is "
    "documented and no accident (0 here), and the gradient is zero.",
    formula=r"\ell(\emptyset) = 0",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(
        options=("axis", "cross_entropy.label_smoothing", "weight"),
        rows=4,
        width=9,
        signs=("cross_entropy_vjp.cotangent <= 0",),
    ),
    refuted_by=(wrong.nothing_is_nan, wrong.always_ignores_minus_100, wrong.ignored_rows_pulled),
)


def nothing_counts() -> dict[str, Any]:
    """The number of rows, and the ignored target that all of them have."""
    return {"count": st.integers(0, 4), "ignore": st.sampled_from([-100, -1, 0, 7])}


@of_nothing.property(x=score_rows(most=9, rows=4), **nothing_counts())
def loss_of_no_row_is_as_declared(ops: Operations, x: Any, count: int, ignore: int) -> Any:
    targets = np.full(count, ignore)
    mean, added, each = (
        ops.cross_entropy(x[:count], targets, ignore_index=ignore, reduction=r) for r in ("mean", "sum", "none")
    )
    return all_of(
        identical(mean + x.dtype.type(0), np.asarray(ops.conventions.cross_entropy_of_nothing, x.dtype)),  # −0 is 0
        identical(added + x.dtype.type(0), np.zeros((), x.dtype)),
        identical(each + x.dtype.type(0), np.zeros(count, x.dtype)),
    )


@of_nothing.property(x=score_rows(most=9, rows=4), **nothing_counts())
def gradient_of_no_row_is_zero(ops: Operations, x: Any, count: int, ignore: int) -> Any:
    targets = np.full(count, ignore)
    pulled = (
        ops.cross_entropy_vjp(
            np.full(count if reduction == "none" else (), -0.75, x.dtype),
            x[:count],
            targets,
            ignore_index=ignore,
            reduction=reduction,
            label_smoothing=smoothing,
        )
        for reduction, smoothing in (("mean", 0.0), ("sum", 0.1), ("none", 0.0))
    )
    return all_of(*(equal(y, np.zeros((count, x.shape[-1]))) for y in pulled))
