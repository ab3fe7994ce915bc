"""Cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.real_bugs import real_bug


def _counted(targets: Any, ignore_index: int | None) -> Any:
    """Which rows count."""
    return np.ones(np.shape(targets), dtype=bool) if ignore_index is None else np.asarray(targets) != ignore_index


@real_bug(
    mutant("cross_entropy", wraps=True),
    claim="cross_entropy.deletion",
    reports="""
    PaddlePaddle/Paddle #23708 (2020)
    PaddlePaddle/Paddle PR#30395 (2021) merged
    PaddlePaddle/Paddle PR#76033 (2025) open
    open-mmlab/mmsegmentation #886 (2021)
    """,
)
def mean_over_ignored_rows(correct: Any) -> Any:
    """Divides by all rows, ignored ones included."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        if reduction != "mean":
            return correct(logits, targets, reduction=reduction, **options)
        total = correct(logits, targets, reduction="sum", **options)
        return np.asarray(total / max(np.size(targets), 1)).astype(logits.dtype)

    return cross_entropy


@real_bug(
    mutant("cross_entropy", wraps=True),
    claim="cross_entropy.deletion",
    reports="""
    pytorch/pytorch #73205 (2022) closed
    tinygrad/tinygrad PR#3570 (2024)
    awslabs/sockeye #200 (2017) fixed
    """,
)
def smoothing_counts_ignored_rows(correct: Any) -> Any:
    """Leaves ignored rows out of the loss, but not out of its smoothing term."""

    def cross_entropy(
        logits: Any, targets: Any, *, ignore_index: Any = None, label_smoothing: float = 0.0, **options: Any
    ) -> Any:
        plain = correct(logits, targets, ignore_index=ignore_index, **options)
        if not label_smoothing or ignore_index is None:
            return correct(logits, targets, ignore_index=ignore_index, label_smoothing=label_smoothing, **options)
        kept = np.where(_counted(targets, ignore_index), targets, 0)
        smooth = correct(logits, kept, label_smoothing=1.0, **options)
        return np.asarray((1 - label_smoothing) * plain + label_smoothing * smooth).astype(logits.dtype)

    return cross_entropy


@real_bug(
    mutant("cross_entropy", wraps=True),
    claim="cross_entropy.of_nothing",
    reports="""
    pytorch/pytorch #70348 (2021) intentional
    pytorch/pytorch #75181 (2022)
    pytorch/pytorch #116349 (2023)
    karpathy/nanochat PR#610 (2026)
    karpathy/nanochat PR#619 (2026)
    """,
)
def zero_rows_divided_by_zero(correct: Any) -> Any:
    """Divides 0 by 0 when every row is ignored."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        if reduction != "mean":
            return correct(logits, targets, reduction=reduction, **options)
        counted = _counted(targets, options.get("ignore_index")).any()
        return correct(logits, targets, **options) if counted else np.asarray(np.nan).astype(logits.dtype)

    return cross_entropy


@real_bug(
    mutant("cross_entropy", wraps=True),
    claim="cross_entropy.partition",
    reports="""
    OpenNMT/OpenNMT-py PR#526 (2018)
    OpenNMT/OpenNMT-py #2209 (2022)
    huggingface/transformers #24725 (2023)
    huggingface/transformers PR#34191 (2024) merged
    meta-pytorch/torchtune PR#1875 (2024) merged
    ml-explore/mlx-lm PR#1413 (2026)
    """,
)
def mean_of_batch_means(correct: Any) -> Any:
    """Averages the means of two batches, whatever number of rows counts in each."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        half = len(targets) // 2 if np.ndim(targets) == 1 else 0
        if reduction != "mean" or not half:
            return correct(logits, targets, reduction=reduction, **options)
        first = correct(logits[:half], targets[:half], **options)
        rest = correct(logits[half:], targets[half:], **options)
        return np.asarray((first + rest) / 2).astype(logits.dtype)

    return cross_entropy


@real_bug(
    mutant("transformer_loss", wraps=True),
    claim="transformer.is_the_formula",
    reports="""
    huggingface/transformers PR#37830 (2025) merged
    huggingface/transformers PR#46898 (2026) merged
    huggingface/transformers PR#47395 (2026) merged
    huggingface/transformers PR#47200 (2026)
    """,
)
def labels_shifted_by_model_and_loss(correct: Any) -> Any:
    """Shifts the labels in the model and again in the loss: trains on the token after the next."""
    from mathcore import cross_entropy, transformer

    def transformer_loss(params: Any, ids: Any, **options: Any) -> Any:
        shifted = np.asarray(ids)[..., 1:]
        scores = transformer(params, ids, **options)[..., :-1, :]
        return cross_entropy(scores[..., :-1, :], shifted[..., 1:])

    return transformer_loss


@real_bug(
    mutant("cross_entropy", wraps=True),
    claim="cross_entropy.alignment",
    reports="""
    tflearn/tflearn PR#562 (2017) merged
    NVIDIA/DeepLearningExamples #468 (2020) confirmed
    """,
)
def softmax_applied_twice(correct: Any) -> Any:
    """Applies softmax before a loss that applies it again: the loss has a floor above 0."""
    from mathcore import softmax

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        return correct(softmax(logits, options.get("axis", -1)), targets, **options)

    return cross_entropy
