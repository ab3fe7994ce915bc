"""Softmax, log-softmax and log-sum-exp."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability.row_mutants import on_rows
from mathcore.verify.claims import mutant
from mathcore.verify.real_bugs import real_bug


@real_bug(
    on_rows("softmax"),
    claim="softmax.shift_invariant",
    reports="""
    pytorch/pytorch PR#62897 (2021) acknowledged
    dotnet/machinelearning #3648 (2019)
    tenstorrent/tt-metal #12661 (2024)
    dwavesystems/dwave-optimization #555 (2026)
    """,
)
def maximum_not_subtracted(x: Any) -> Any:
    """Exponentiates the scores as they are, which overflows; in one library on the vectorised path alone."""
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


@real_bug(
    on_rows("softmax"),
    claim="softmax.sums_to_one",
    reports="""
    pytorch/pytorch #143644 (2024) fixed
    pytorch/pytorch #147284 (2025) open
    """,
)
def ragged_tail_not_summed(x: Any) -> Any:
    """Leaves the scores beyond the last whole group of four out of the sum: rows of odd widths do not sum to 1."""
    n = x.shape[-1]
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e[..., : n - n % 4 if n > 512 else n].sum(axis=-1, keepdims=True)


@real_bug(
    mutant("softmax", wraps=True),
    claim="softmax.sums_to_one",
    reports="huggingface/candle #3727 (2026) open",
)
def sum_in_half_precision(correct: Any) -> Any:
    """Adds the denominator in float16, where the sum sticks at 2048: a row of 4096 sums to 2."""

    def softmax(x: Any, axis: int = -1, **options: Any) -> Any:
        if x.dtype.itemsize != 2 or options.get("where") is not None or not x.shape[axis]:
            return correct(x, axis, **options)
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        total = np.add.accumulate(e, axis=axis, dtype=x.dtype).take([-1], axis=axis)
        return e / total

    return softmax


def _as_if_packed(x: Any) -> Any:
    """What lies in memory where `x` begins, read without its strides."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return np.resize(owner.ravel(order="K"), x.shape)


@real_bug(
    mutant("softmax", wraps=True),
    claim="softmax.layout_free",
    reports="""
    ml-explore/mlx #657 (2024)
    torch/nn #832 (2016)
    pytorch/pytorch PR#139740 (2024)
    """,
)
def strides_of_scores_ignored(correct: Any) -> Any:
    """Reads a slice or a transpose as if it were packed."""
    return lambda x, *axis, **options: correct(_as_if_packed(x), *axis, **options)


@real_bug(
    mutant("softmax_vjp", wraps=True),
    claim="softmax.layout_free",
    reports="""
    Dao-AILab/flash-attention #355 (2023)
    pytorch/pytorch #181133 (2026)
    """,
)
def strides_of_cotangent_ignored(correct: Any) -> Any:
    """Reads an expanded or transposed gradient as if it were packed."""
    return lambda cotangent, *more, **options: correct(_as_if_packed(cotangent), *more, **options)


@real_bug(
    mutant("softmax", wraps=True),
    claim="softmax.any_axis",
    reports="""
    triton-lang/triton PR#11409 (2026) fixed
    FudanNLP/fastNLP #254 (2019)
    """,
)
def reduced_axis_dropped(correct: Any) -> Any:
    """Drops the axis in max and sum, so that on a square tile they broadcast along the wrong one."""

    def softmax(x: Any, axis: int = -1, **options: Any) -> Any:
        if x.ndim != 2 or x.shape[0] != x.shape[1] or not x.size or options.get("where") is not None:
            return correct(x, axis, **options)
        e = np.exp(x - x.max(axis=axis))
        return e / e.sum(axis=axis)

    return softmax


@real_bug(
    on_rows("softmax"),
    claim="softmax.shift_invariant",
    reports="Dao-AILab/flash-attention #2082 (2025) fixed by PR 2174 in 2026",
)
def running_maximum_starts_at_zero(x: Any) -> Any:
    """Walks along the row with a running maximum that begins at 0: a row of very negative scores vanishes."""
    top, total = np.zeros_like(x[..., :1]), np.zeros_like(x[..., :1])
    for start in range(0, x.shape[-1], 4):
        tile = x[..., start : start + 4]
        higher = np.maximum(top, tile.max(axis=-1, keepdims=True))
        total = total * np.exp(top - higher) + np.exp(tile - higher).sum(axis=-1, keepdims=True)
        top = higher
    return np.exp(x - top) / np.where(total > 0, total, 1)


@real_bug(
    on_rows("softmax"),
    claim="softmax.sums_to_one",
    reports="ScalingIntelligence/KernelBench #165 (2026) open",
)
def zeros_returned(x: Any) -> Any:
    """Returns zeros, which pass against an absolute tolerance of 0.01 when rows are long."""
    return np.zeros_like(x)


@real_bug(
    on_rows("log_softmax"),
    claim="log_softmax.shift_invariant",
    reports="""
    pytorch/pytorch #11752 (2018) closed
    pytorch/pytorch #38839 (2020) closed
    ml-explore/mlx PR#4169 (2026) fixed
    ml-explore/mlx PR#4188 (2026) fixed
    google-deepmind/optax PR#1792 (2026) open
    """,
)
def normaliser_added_to_offset(x: Any) -> Any:
    """Adds the maximum to the logarithm before it subtracts: a large common offset rounds the logarithm away."""
    top = x.max(axis=-1, keepdims=True)
    return x - (top + np.log(np.exp(x - top).sum(axis=-1, keepdims=True)))


@real_bug(
    on_rows("logsumexp_vjp"),
    claim="logsumexp.where_excludes",
    reports="""
    pytorch/pytorch #31829 (2020) high priority
    jax-ml/jax #6811 (2021) open
    """,
)
def gradient_of_nothing(g: Any, x: Any) -> Any:
    """The gradient is NaN where every score is −∞: e to the power of −∞ − (−∞)."""
    top = np.maximum(x.max(axis=-1, keepdims=True), np.finfo(x.dtype).min)
    lse = top + np.log(np.exp(x - top).sum(axis=-1, keepdims=True))
    return g * np.exp(x - lse)


@real_bug(
    on_rows("log_softmax_vjp"),
    claim="log_softmax.gradient_sums_to_zero",
    reports="""
    uxlfoundation/oneDNN #616 (2019)
    ROCm/MIOpen #112 (2019)
    mlpack/mlpack #2360 (2020)
    mlpack/mlpack #3468 (2023)
    """,
)
def formula_of_softmax(g: Any, x: Any) -> Any:
    """Pulls log-softmax back with the formula that belongs to softmax."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return g - (g * p).sum(axis=-1, keepdims=True)
