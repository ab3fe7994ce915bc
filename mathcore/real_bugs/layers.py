"""ReLU and embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.real_bugs import real_bug


@real_bug(
    mutant("relu"),
    claim="relu.keeps_positive_zeroes_negative",
    reports="""
    pytorch/pytorch #7999 (2018)
    pytorch/pytorch #10238 (2018)
    apache/mxnet #11115 (2018)
    tensorflow/tensorflow #32730 (2019)
    tensorflow/tensorflow #40072 (2020)
    PaddlePaddle/Paddle PR#65310 (2024)
    PaddlePaddle/Paddle #79351 (2026)
    mindspore-ai/mindspore #380 (2026)
    """,
)
def nan_becomes_zero(x: Any) -> Any:
    """Turns NaN into 0, for NaN is not above 0; in three projects reported again after a fix."""
    return np.where(x > 0, x, x.dtype.type(0))


@real_bug(
    mutant("relu_vjp", wraps=True),
    claim="relu.gradient_is_a_mask",
    reports="""
    jax-ml/jax PR#2342 (2020) merged
    jax-ml/jax PR#14840 (2023) merged
    jax-ml/jax #37821 (2026)
    """,
)
def half_at_zero(correct: Any) -> Any:
    """Gives half the cotangent at 0, as the rule for ties in a maximum does."""

    def relu_vjp(cotangent: Any, x: Any) -> Any:
        half = cotangent * cotangent.dtype.type(0.5)
        return np.where(x == 0, half, correct(cotangent, x)).astype(cotangent.dtype)

    return relu_vjp


@real_bug(
    mutant("embedding_vjp", wraps=True),
    claim="embedding.gradient",
    reports="""
    pytorch/pytorch #3506 (2017)
    pytorch/pytorch #26302 (2019)
    pytorch/pytorch #28716 (2019)
    google/torchax PR#11 (2025)
    """,
)
def padding_row_learns(correct: Any) -> Any:
    """Past 768 tokens a second path takes over, and there the padding row gets a gradient."""

    def embedding_vjp(cotangent: Any, ids: Any, weight: Any) -> Any:
        table = correct(cotangent, ids, weight).copy()
        if ids.size > 768:
            rest = cotangent.reshape(-1, weight.shape[1])[768:]
            table[0] += rest.sum(axis=0).astype(table.dtype)
        return table

    return embedding_vjp


@real_bug(
    mutant("embedding"),
    claim="embedding.refuses_bad_ids",
    answers_anything=True,
    reports="""
    tensorflow/tensorflow #3638 (2016)
    tensorflow/tensorflow #5847 (2016)
    tensorflow/tensorflow #57999 (2022)
    pytorch/pytorch PR#151967 (2025)
    """,
)
def bad_id_answered(ids: Any, weight: Any) -> Any:
    """Answers a bad id with some row; here, as plain NumPy does, −1 with the last."""
    return weight[ids]
