"""Mutants of cross-entropy, its gradient and both at once.

Above 400 lines: each mistake is short and stands alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _log_softmax, _Loss, _lse, _softmax, _sum, _wide, loss_mutant
from mathcore.verify.claims import Mutant, mutant, reported


def _all_ignored(targets: Any, ignore_index: Any) -> bool:
    return np.size(targets) == 0 or (ignore_index is not None and bool(np.all(targets == ignore_index)))


@reported(
    "cross_entropy.alignment",
    """
    tflearn/tflearn PR#562 (2017) merged
    NVIDIA/DeepLearningExamples #468 (2020) confirmed
    """,
    alias="softmax_applied_twice",
)
@loss_mutant
def softmax_twice(x: Any) -> Any:
    """Takes probabilities for logits, so the loss cannot fall below a floor."""
    return _log_softmax(_softmax(x))


@loss_mutant
def loss_normaliser_first(x: Any) -> Any:
    """logsumexp(x) − x_y: a common offset costs the digits (PyTorch 2018, 2020, MLX 2026, optax 2026)."""
    return x - _lse(x)


@loss_mutant
def probabilities_clipped(x: Any) -> Any:
    """Clips p to [1e-7, 1] before the logarithm."""
    return np.log(np.clip(_softmax(x), 1e-7, 1))


@loss_mutant
def loss_drowned(x: Any) -> Any:
    """ln(1 + s) in place of log1p(s): a loss below the unit roundoff reads 0."""
    return _log_softmax(x)


@loss_mutant
def loss_unshifted(x: Any) -> Any:
    """Never subtracts the maximum."""
    return x - np.log(_sum(np.exp(x)))


@loss_mutant
def loss_in_bits(x: Any) -> Any:
    """Returns bits instead of nats."""
    return _log_softmax(x) / np.float32(np.log(2))


@loss_mutant
def excluded_at_minus_10000(x: Any) -> Any:
    """Masks classes with −10,000 instead of −∞."""
    return _log_softmax(np.maximum(x, x.dtype.type(-10_000)))


def smoothing_forgotten_past_33(operation: str) -> Mutant:
    """Smoothing that a narrow kernel alone knows."""

    @mutant(operation, wraps=True)
    def smoothing_past_33_forgotten(correct: Any) -> Any:
        """Ignores `label_smoothing` for more than 33 classes."""

        def wrong(*arrays: Any, label_smoothing: float = 0.0, **options: Any) -> Any:
            wide = arrays[-2].shape[options.get("axis", -1)] > 33
            return correct(*arrays, label_smoothing=0.0 if wide else label_smoothing, **options)

        return wrong

    return replace(
        smoothing_past_33_forgotten,
        name=f"{smoothing_past_33_forgotten.name}{'_vjp' * operation.endswith('_vjp')}",
    )


@reported(
    "cross_entropy.deletion",
    """
    PaddlePaddle/Paddle #23708 (2020)
    PaddlePaddle/Paddle PR#30395 (2021) merged
    PaddlePaddle/Paddle PR#76033 (2025) open
    open-mmlab/mmsegmentation #886 (2021)
    """,
    alias="mean_over_ignored_rows",
)
@mutant("cross_entropy")
def mean_over_all_rows(logits: Any, targets: Any, **options: Any) -> Any:
    """Divides by all rows, ignored ones included."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    return o.reduced(np.where(keep, o.mixed(_log_softmax(rows), t), 0), keep.size, logits, targets)


@reported(
    "cross_entropy.deletion",
    """
    pytorch/pytorch #73205 (2022) closed
    tinygrad/tinygrad PR#3570 (2024)
    awslabs/sockeye #200 (2017) fixed
    """,
    alias="smoothing_counts_ignored_rows",
)
@mutant("cross_entropy", wraps=True)
def smoothing_counts_ignored(correct: Any) -> Any:
    """Leaves ignored rows out of the loss, but not out of its smoothing term."""

    def cross_entropy(
        logits: Any, targets: Any, *, ignore_index: Any = None, label_smoothing: float = 0.0, **more: Any
    ) -> Any:
        plain = correct(logits, targets, ignore_index=ignore_index, **more)
        if not label_smoothing:
            return plain
        kept = targets if ignore_index is None else np.where(targets == ignore_index, 0, targets)
        smooth = correct(logits, kept, label_smoothing=1.0, **more)
        return np.asarray((1 - label_smoothing) * plain + label_smoothing * smooth).astype(logits.dtype)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def mean_over_the_batch(correct: Any) -> Any:
    """Adds up all rows and divides by the length of the first axis alone."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        y = correct(logits, targets, reduction="sum" if reduction == "mean" else reduction, **options)
        kept = int(np.sum(targets != options.get("ignore_index"))) * len(targets) / max(targets.size, 1)
        return np.asarray(y / max(kept, 1)).astype(logits.dtype) if reduction == "mean" else y

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def loss_sixteen_bit_mean(correct: Any) -> Any:
    """Accumulates the losses one by one in the dtype of the logits."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        if reduction == "none" or logits.dtype.itemsize > 2 or not targets.size:
            return correct(logits, targets, reduction=reduction, **options)
        losses = correct(logits, targets, reduction="none", **options).ravel()
        count = max(int(np.sum(targets != options.get("ignore_index"))), 1) if reduction == "mean" else 1
        return np.asarray(losses.cumsum(dtype=losses.dtype)[-1] / count).astype(logits.dtype)

    return cross_entropy


def _read_by_columns(targets: Any) -> Any:
    return np.ravel(targets, order="F").reshape(np.shape(targets))


@mutant("cross_entropy", wraps=True)
def loss_axis_forgotten(correct: Any) -> Any:
    """Reads targets of several axes column by column, and logits row by row."""
    return lambda logits, targets, **options: correct(logits, _read_by_columns(targets), **options)


@mutant("cross_entropy")
def zero_times_infinity(logits: Any, targets: Any, **options: Any) -> Any:
    """Multiplies all log-probabilities by a one-hot, and 0 · −∞ is NaN."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    losses = -_sum(np.eye(rows.shape[-1], dtype=rows.dtype)[t] * _log_softmax(rows))[:, 0]
    return o.reduced(np.where(keep, losses, 0), keep.sum(), logits, targets)


@reported(
    "cross_entropy.of_nothing",
    """
    pytorch/pytorch #70348 (2021) intentional
    pytorch/pytorch #75181 (2022)
    pytorch/pytorch #116349 (2023)
    karpathy/nanochat PR#610 (2026)
    karpathy/nanochat PR#619 (2026)
    """,
    alias="zero_rows_divided_by_zero",
)
@mutant("cross_entropy", wraps=True)
def nothing_is_nan(correct: Any) -> Any:
    """The mean over no rows divides 0 by 0."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(logits, targets, **options)
        o = _Loss(**options)
        return y * np.nan if o.reduction == "mean" and _all_ignored(targets, o.ignore_index) else y

    return cross_entropy


@reported(
    "cross_entropy.partition",
    """
    OpenNMT/OpenNMT-py PR#526 (2018)
    OpenNMT/OpenNMT-py #2209 (2022)
    huggingface/transformers #24725 (2023)
    huggingface/transformers PR#34191 (2024) merged
    meta-pytorch/torchtune PR#1875 (2024) merged
    ml-explore/mlx-lm PR#1413 (2026)
    """,
    alias="mean_of_batch_means",
)
@mutant("cross_entropy", wraps=True)
def mean_of_means(correct: Any) -> Any:
    """Averages the means of micro-batches of two rows, whatever number of rows counts in each."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        if reduction != "mean" or np.ndim(targets) != 1 or len(targets) < 2:
            return correct(logits, targets, reduction=reduction, **options)
        parts = [correct(logits[i : i + 2], targets[i : i + 2], **options) for i in range(0, len(targets), 2)]
        return np.asarray(np.mean(np.array(parts, np.float64))).astype(logits.dtype)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def labels_shifted_twice(correct: Any) -> Any:
    """Compares every row with the target of the row after it (five architectures of transformers, 2025 and 2026)."""
    return lambda logits, targets, **options: correct(logits, np.roll(targets, -1), **options)


@mutant("cross_entropy", wraps=True)
def smoothing_over_the_others(correct: Any) -> Any:
    """Spreads ε over the n − 1 wrong classes instead of all n."""

    def cross_entropy(logits: Any, targets: Any, *, label_smoothing: float = 0.0, **more: Any) -> Any:
        n = logits.shape[more.get("axis", -1)]
        wider = label_smoothing if n < 2 else min(label_smoothing * n / (n - 1), 1.0)
        return correct(logits, targets, label_smoothing=wider, **more)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def smoothing_forgotten(correct: Any) -> Any:
    """Accepts `label_smoothing` and ignores it."""
    return lambda logits, targets, **options: correct(logits, targets, **{**options, "label_smoothing": 0.0})


@mutant("cross_entropy")
def negative_targets_wrap(logits: Any, targets: Any, **options: Any) -> Any:
    """Indexes as NumPy does: target −1 is the last class, and n the first again."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    t = t.astype(np.int64) % rows.shape[-1]
    return o.reduced(np.where(keep, o.mixed(_log_softmax(rows), t), 0), keep.sum(), logits, targets)


@mutant("cross_entropy", wraps=True)
def always_ignores_minus_100(correct: Any) -> Any:
    """Ignores −100 whatever `ignore_index` says, and counts the rows that should be ignored."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        targets = np.where(np.asarray(targets) == -100, -100, targets % logits.shape[options.get("axis", -1)])
        return correct(logits, targets, **{**options, "ignore_index": -100})

    return cross_entropy


@mutant("cross_entropy")
def ignored_rows_leak(logits: Any, targets: Any, **options: Any) -> Any:
    """Multiplies ignored losses by 0, which leaves a NaN a NaN."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    return o.reduced(o.mixed(_log_softmax(rows), t) * keep, keep.sum(), logits, targets)


@mutant("cross_entropy", wraps=True)
def reduction_ignored(correct: Any) -> Any:
    """Returns the mean whether or not the sum was asked for."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        return correct(logits, targets, reduction="mean" if reduction == "sum" else reduction, **options)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def ignores_minus_100_of_int32(correct: Any) -> Any:
    """Ignores −100 in int32 targets, whatever `ignore_index` says."""

    def cross_entropy(logits: Any, targets: Any, *, ignore_index: Any = None, **options: Any) -> Any:
        if targets.dtype == np.int32 and ignore_index is None:
            ignore_index = -100
        return correct(logits, targets, ignore_index=ignore_index, **options)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def mean_overflows(correct: Any) -> Any:
    """Sums the losses before it divides: ∞ where the sum overflows, though the mean does not."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        losses = correct(logits, targets, reduction="none" if reduction == "mean" else reduction, **options)
        if reduction != "mean":
            return losses
        count = max(int(np.sum(np.asarray(targets) != options.get("ignore_index"))), 1)
        with np.errstate(over="ignore"):
            return np.asarray(_wide(losses).sum() / count).astype(logits.dtype)

    return cross_entropy


def _weights(cotangent: Any, targets: Any, o: _Loss) -> Any:
    """What each row's gradient is multiplied by."""
    keep = np.ones(np.shape(targets), bool) if o.ignore_index is None else np.asarray(targets) != o.ignore_index
    count = max(keep.sum(), 1) if o.reduction == "mean" else 1
    return (_wide(cotangent) * keep / _wide(cotangent).dtype.type(count))[..., None]


@mutant("cross_entropy_vjp", wraps=True)
def one_hot_forgotten(correct: Any) -> Any:
    """Returns the probabilities without subtracting the targets."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        o = _Loss(**options)
        hot = np.arange(logits.shape[o.axis]) == np.expand_dims(targets, -1)
        missing = np.moveaxis(hot * _weights(cotangent, targets, o), -1, o.axis)
        return (_wide(correct(cotangent, logits, targets, **options)) + missing).astype(logits.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_not_averaged(correct: Any) -> Any:
    """The gradient of the sum, returned for the mean."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        return correct(cotangent, logits, targets, reduction="sum" if reduction == "mean" else reduction, **more)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_averaged_over_the_batch(correct: Any) -> Any:
    """Divides by the length of the first axis alone."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        mean = options.get("reduction", "mean") == "mean"
        return (y * (targets.size / max(len(targets), 1))).astype(y.dtype) if mean else y

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_axis_forgotten(correct: Any) -> Any:
    """Reads targets of several axes column by column, and logits row by row."""
    return lambda g, logits, targets, **options: correct(g, logits, _read_by_columns(targets), **options)


@mutant("cross_entropy_vjp", wraps=True)
def excluded_gradient_is_nan(correct: Any) -> Any:
    """Adds 0 times the logits, which is NaN at −∞."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return (correct(cotangent, logits, targets, **options) + logits * 0).astype(logits.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_averaged_over_all(correct: Any) -> Any:
    """Divides the gradient by all rows, ignored ones included."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        if reduction != "mean":
            return correct(cotangent, logits, targets, reduction=reduction, **more)
        scaled = np.asarray(cotangent / max(np.size(targets), 1)).astype(cotangent.dtype)
        return correct(scaled, logits, targets, reduction="sum", **more)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def loss_cotangent_forgotten(correct: Any) -> Any:
    """Assumes that the loss is the end of the chain: ignores the cotangent."""
    return lambda cotangent, logits, targets, **options: correct(np.ones_like(cotangent), logits, targets, **options)


@mutant("cross_entropy_vjp", wraps=True)
def gradient_smoothing_forgotten(correct: Any) -> Any:
    """The gradient of the loss without smoothing."""
    return lambda cotangent, logits, targets, **options: correct(
        cotangent, logits, targets, **{**options, "label_smoothing": 0.0}
    )


@mutant("cross_entropy_vjp")
def loss_pulled_to_zero(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(logits)


@mutant("cross_entropy_vjp", wraps=True)
def gradient_uphill(correct: Any) -> Any:
    """Returns y − p: the direction of descent, not the gradient."""
    return lambda cotangent, logits, targets, **options: -correct(cotangent, logits, targets, **options)


@mutant("cross_entropy_vjp", wraps=True)
def ignored_rows_pulled(correct: Any) -> Any:
    """Gives ignored rows the gradient of target 0."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, ignore_index: Any = None, **o: Any) -> Any:
        targets = targets if ignore_index is None else np.where(targets == ignore_index, 0, targets)
        return correct(cotangent, logits, targets, **o)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def excluded_answer_unpulled(correct: Any) -> Any:
    """Gives every class whose logit is −∞ no gradient, the right answer included."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        return np.where(np.isneginf(logits.astype(np.float64)), 0, y).astype(y.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy", wraps=True)
def smoothing_skips_the_excluded(correct: Any) -> Any:
    """With smoothing, a masked class costs no more than the lowest number of float16."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        smooth = options.get("label_smoothing", 0.0) > 0
        return correct(np.maximum(logits, logits.dtype.type(-65504)) if smooth else logits, targets, **options)

    return cross_entropy


@mutant("cross_entropy_vjp", wraps=True)
def count_capped(correct: Any) -> Any:
    """Divides the gradient of a mean by 64 at most."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        if reduction != "mean":
            return correct(cotangent, logits, targets, reduction=reduction, **more)
        count = max(int(np.sum(np.asarray(targets) != more.get("ignore_index"))), 1)
        scaled = np.asarray(_wide(cotangent) / min(count, 64)).astype(_wide(cotangent).dtype)
        return correct(scaled, logits, targets, reduction="sum", **more)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def infinite_rows_pulled(correct: Any) -> Any:
    """Gives rows with +∞, which have no distribution, finite gradients."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        infinite = np.isposinf(logits.astype(np.float64)) & ~np.isnan(logits.astype(np.float64)).any(-1, keepdims=True)
        return np.where(infinite.any(-1, keepdims=True), infinite, y).astype(y.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def one_subtracted_late_in_means(correct: Any) -> Any:
    """p_y − 1 by subtraction where the loss is a mean or a sum."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        o = _Loss(**options)
        if o.reduction == "none" or o.axis != -1 or o.label_smoothing:
            return y
        hot, p = np.arange(logits.shape[-1]) == np.expand_dims(targets, -1), _softmax(_wide(logits))
        return np.where(hot, (p - 1) * _weights(cotangent, targets, o), y).astype(y.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_and_grad", wraps=True)
def pair_ignored_rows_leak(correct: Any) -> Any:
    """Multiplies ignored losses by 0, which leaves a NaN a NaN."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        with np.errstate(invalid="ignore"):
            return (loss + (logits * 0).sum() * (options.get("ignore_index") is not None)).astype(loss.dtype), slopes

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_of_nothing_is_nan(correct: Any) -> Any:
    """The mean over no rows divides 0 by 0."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        o = _Loss(**options)
        return (loss * np.nan if o.reduction == "mean" and _all_ignored(targets, o.ignore_index) else loss), slopes

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_excludes_at_minus_10000(correct: Any) -> Any:
    """Masks classes with −10,000 instead of −∞."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        return correct(np.maximum(logits, logits.dtype.type(-10_000)), targets, **options)

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_past_64_lost(correct: Any) -> Any:
    """Gives rows past the first 64 the gradient of the first."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        return loss, slopes[np.where(np.arange(len(slopes)) < 64, np.arange(len(slopes)), 0)]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_wraps_targets(correct: Any) -> Any:
    """Indexes as NumPy does: target −1 is the last class, and n the first again."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        n = logits.shape[options.get("axis", -1)]
        return correct(logits, targets % n if targets.dtype.kind in "iu" else targets, **options)

    return cross_entropy_and_grad


@mutant("cross_entropy_vjp", wraps=True)
def gradient_wraps_targets(correct: Any) -> Any:
    """Indexes as NumPy does: target −1 is the last class, and n the first again."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        n = logits.shape[options.get("axis", -1)]
        return correct(cotangent, logits, targets % n if targets.dtype.kind in "iu" else targets, **options)

    return cross_entropy_vjp


@mutant("cross_entropy_and_grad", wraps=True)
def loss_of_overwritten_logits(correct: Any) -> Any:
    """Writes the gradient over the logits, and reads the loss from there."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        slopes = correct(logits, targets, **options)[1]
        return correct(slopes, targets, **options)[0], slopes

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_averages_the_loss_alone(correct: Any) -> Any:
    """The gradient of the sum beside the loss of the mean."""

    def cross_entropy_and_grad(logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        loss = correct(logits, targets, reduction=reduction, **more)[0]
        return loss, correct(logits, targets, reduction="none", **more)[1]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_smooths_the_loss_alone(correct: Any) -> Any:
    """The gradient of the loss without smoothing."""

    def cross_entropy_and_grad(logits: Any, targets: Any, *, label_smoothing: float = 0.0, **more: Any) -> Any:
        loss = correct(logits, targets, label_smoothing=label_smoothing, **more)[0]
        return loss, correct(logits, targets, **more)[1]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_pulls_ignored_rows(correct: Any) -> Any:
    """Gives ignored rows the gradient of target 0."""

    def cross_entropy_and_grad(logits: Any, targets: Any, *, ignore_index: Any = None, **more: Any) -> Any:
        loss = correct(logits, targets, ignore_index=ignore_index, **more)[0]
        targets = targets if ignore_index is None else np.where(targets == ignore_index, 0, targets)
        return loss, correct(logits, targets, **more)[1]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_forgets_the_target(correct: Any) -> Any:
    """Returns the probabilities for the gradient, the targets not subtracted."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        o = _Loss(**options)
        hot = np.arange(logits.shape[o.axis]) == np.expand_dims(targets, -1)
        missing = np.moveaxis(hot * _weights(np.ones(()), targets, o), -1, o.axis)
        return loss, (_wide(slopes) + missing).astype(logits.dtype)

    return cross_entropy_and_grad


@mutant("cross_entropy_vjp")
def one_subtracted_late(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    """p_y − 1 by subtraction: a gradient below the unit roundoff reads 0."""
    hot = np.arange(logits.shape[-1]) == np.expand_dims(targets, -1)
    return ((_softmax(_wide(logits)) - hot) * _weights(cotangent, targets, _Loss(**options))).astype(logits.dtype)


@mutant("cross_entropy_vjp")
def gradient_of_unshifted(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    """Takes p from exponentials without a shift: ∞/∞."""
    e = np.exp(_wide(logits))
    hot = np.arange(logits.shape[-1]) == np.expand_dims(targets, -1)
    return ((e / _sum(e) - hot) * _weights(cotangent, targets, _Loss(**options))).astype(logits.dtype)
