"""Attention: masks, causality, scale and heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.errors import NotTriedError
from mathcore.verify.real_bugs import false_alarm, real_bug

Operations: TypeAlias = Mapping[str, Callable[..., Any]]

_ATTENTION = mutant("scaled_dot_product_attention", wraps=True)


@real_bug(
    _ATTENTION,
    claim="attention.mask_excludes",
    reports="""
    pytorch/pytorch #103749 (2023)
    pytorch/pytorch #103963 (2023)
    pytorch/pytorch PR#131060 (2024)
    pytorch/pytorch PR#131863 (2024)
    NVIDIA/apex #1390 (2022)
    """,
)
def hidden_row_is_nan(correct: Any) -> Any:
    """Divides 0 by 0 where a query sees no key."""

    def attention(
        query: Any, key: Any, value: Any, *, mask: Any = None, return_lse: bool = False, **options: Any
    ) -> Any:
        y, lse = correct(query, key, value, mask=mask, return_lse=True, **options)
        y = np.where((lse == -np.inf)[..., None], np.nan, y).astype(y.dtype)
        return (y, lse) if return_lse else y

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.mask_excludes",
    reports="""
    pytorch/pytorch #109517 (2023)
    keras-team/keras PR#21149 (2025) merged
    NVIDIA/TensorRT-LLM #17477 (2026)
    ml-explore/mlx #2395 (2025)
    """,
)
def hidden_row_is_the_average(correct: Any) -> Any:
    """Hides keys with −10⁹ instead of −∞: where all are hidden, the answer is the average of all values."""

    def attention(
        query: Any, key: Any, value: Any, *, mask: Any = None, return_lse: bool = False, **options: Any
    ) -> Any:
        y, lse = correct(query, key, value, mask=mask, return_lse=True, **options)
        everything = correct(query * 0, key * 0, value)
        y = np.where((lse == -np.inf)[..., None], everything, y)
        return (y, lse) if return_lse else y

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.mask_excludes",
    reports="pytorch/pytorch #101967 (2023) closed",
)
def hidden_nan_reaches_all(correct: Any) -> Any:
    """Multiplies hidden values by a weight of 0, which leaves NaN a NaN."""

    def attention(query: Any, key: Any, value: Any, *, return_lse: bool = False, **options: Any) -> Any:
        y, lse = correct(query, key, value, return_lse=True, **options)
        group = query.shape[-3] // key.shape[-3] if query.ndim > 2 else 1
        with np.errstate(invalid="ignore"):
            zero = (value * 0).sum(axis=-2, keepdims=True)  # 0, or NaN where any value is NaN or infinite
        y = (y + (np.repeat(zero, group, axis=-3) if value.ndim > 2 else zero)).astype(y.dtype)
        return (y, lse) if return_lse else y

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.key_translation",
    reports="""
    flashinfer-ai/flashinfer #4267 (2026) fixed by PR 4401
    ohdearquant/lattice PR#373 (2026) merged
    """,
)
def hidden_at_a_finite_score(correct: Any) -> Any:
    """Gives hidden keys a score of −100: where real scores are lower, the hidden key wins."""

    def attention(
        query: Any, key: Any, value: Any, *, mask: Any = None, scale: float | None = None, **options: Any
    ) -> Any:
        if mask is None or options.get("bias") is not None or query.dtype == object:
            return correct(query, key, value, mask=mask, scale=scale, **options)
        shared = query.shape[-3] // key.shape[-3] if query.ndim > 2 else 1
        keys = np.repeat(key, shared, axis=-3) if shared > 1 else key
        factor = query.shape[-1] ** -0.5 if scale is None else scale
        scores = query.astype(np.float64) @ keys.astype(np.float64).swapaxes(-1, -2) * factor
        lift = np.where(mask, 0, -100 - np.nan_to_num(scores))  # what brings a hidden score to −100
        bias = np.where(mask.any(axis=-1, keepdims=True), lift, -np.inf)
        return correct(query, key, value, scale=scale, **{**options, "bias": bias})

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.last_rows",
    reports="""
    Dao-AILab/flash-attention #282 (2023)
    Dao-AILab/flash-attention PR#436 (2023) merged
    pytorch/pytorch #103082 (2023)
    pytorch/pytorch #108108 (2023)
    lucidrains/x-transformers #187 (2023)
    pytorch/executorch #22426 (2026) fixed
    google/flax #5591 (2026) open
    onnx/onnx PR#8068 (2026) merged
    """,
)
def anchored_at_the_first_key(correct: Any) -> Any:
    """Puts the first query at the first key although there are fewer queries: the last one sees one key."""
    return lambda query, key, value, **options: correct(query, key, value, **{**options, "query_offset": 0})


@real_bug(
    _ATTENTION,
    claim="attention.causal_sees_no_future",
    reports="""
    keras-team/keras #23038 (2026) fixed
    huggingface/transformers #48745 (2026) fixed
    huggingface/transformers #31673 (2024) fixed
    facebookresearch/xformers #103 (2021) fixed
    pytorch/pytorch #99282 (2023)
    """,
)
def causality_lost_with_an_option(correct: Any) -> Any:
    """Is causal, but not when the log-sum-exp is asked for as well."""

    def attention(query: Any, key: Any, value: Any, *, is_causal: bool = False, **options: Any) -> Any:
        return correct(query, key, value, is_causal=is_causal and not options.get("return_lse"), **options)

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.causal_sees_no_future",
    reports="pytorch/pytorch #195910 (2026)",
)
def one_mask_row_for_four_queries(correct: Any) -> Any:
    """Gives four neighbouring queries the mask of the last of them, in half precision alone."""

    def attention(
        query: Any,
        key: Any,
        value: Any,
        *,
        mask: Any = None,
        is_causal: bool = False,
        query_offset: int = 0,
        **options: Any,
    ) -> Any:
        if not is_causal or query.dtype.itemsize != 2:
            return correct(query, key, value, mask=mask, is_causal=is_causal, query_offset=query_offset, **options)
        last_of_four = np.arange(query.shape[-2])[:, None] // 4 * 4 + 3
        seen = np.arange(key.shape[-2]) <= last_of_four + query_offset
        return correct(query, key, value, mask=seen if mask is None else seen & mask, **options)

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.mask_excludes",
    reports="""
    NVIDIA/TransformerEngine #614 (2024) agreed
    rasbt/LLMs-from-scratch #1061 (2026) agreed
    """,
)
def mask_read_the_other_way(correct: Any) -> Any:
    """Drops the keys that it should keep, and keeps those that it should drop."""
    return lambda query, key, value, *, mask=None, **options: correct(
        query, key, value, mask=None if mask is None else ~mask, **options
    )


@real_bug(
    _ATTENTION,
    claim="attention.anchor",
    reports="""
    mlc-ai/mlc-llm PR#3426 (2026) merged
    ROCm/composable_kernel PR#526 (2022) merged
    delzac/cntkx #10 (2020) fixed
    """,
)
def not_divided_by_the_root(correct: Any) -> Any:
    """Does not divide the scores by √d."""

    def attention(query: Any, key: Any, value: Any, *, scale: float | None = None, **options: Any) -> Any:
        return correct(query, key, value, scale=1.0 if scale is None else scale, **options)

    return attention


@real_bug(
    _ATTENTION,
    claim="attention.grouped_heads",
    reports="""
    onnx/onnx PR#7274 (2025) open
    ekzhang/jax-js PR#180 (2026) merged
    apple/axlearn PR#842 (2024) merged
    """,
)
def heads_tiled(correct: Any) -> Any:
    """Lays shared key heads out as 0 1 0 1 instead of 0 0 1 1."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        group = query.shape[-3] // key.shape[-3] if query.ndim > 2 and key.shape[-3] else 1
        return correct(
            query, *(np.concatenate([x] * group, axis=-3) if group > 1 else x for x in (key, value)), **options
        )

    return attention


@real_bug(
    mutant("multi_head_attention", wraps=True),
    claim="heads.order_blind_without_position",
    reports="""
    reczoo/FuxiCTR #30 (2022)
    jsbaan/transformer-from-scratch PR#6 (2026) merged
    hackiey/QAnet-pytorch #2 (2018) confirmed
    jadore801120/attention-is-all-you-need-pytorch #7 (2017) fixed
    """,
)
def heads_reshaped(correct: Any) -> Any:
    """Merges the heads with a reshape and no transpose: features of different words are mixed."""

    def multi_head_attention(x: Any, params: Any, **options: Any) -> Any:
        output, heads = np.asarray(params["output"]), options["num_heads"]
        if heads < 2 or output.ndim != 2 or len(output) % heads:
            return correct(x, params, **options)
        beside = correct(x, {**params, "output": np.eye(len(output), dtype=output.dtype)}, **options)
        split = beside.reshape(*beside.shape[:-1], heads, len(output) // heads)  # (..., time, heads, width)
        mixed = np.ascontiguousarray(np.swapaxes(split, -2, -3)).reshape(beside.shape)
        return (mixed @ output).astype(beside.dtype)

    return multi_head_attention


@false_alarm(
    why="Queries and keys are each divided by the fourth root of d, so that the product is divided by its root.",
    reports="""
    openai/guided-diffusion #38 (2022)
    openai/improved-diffusion #54 (2022)
    pytorch/pytorch #109366 (2023)
    """,
)
def root_taken_twice(correct: Operations) -> Operations:
    """The square root is taken twice."""

    def scaled_dot_product_attention(
        query: Any, key: Any, value: Any, *, scale: float | None = None, **options: Any
    ) -> Any:
        attention = correct["scaled_dot_product_attention"]
        if scale is not None or {query.dtype, key.dtype} != {np.dtype(np.float64)}:
            return attention(query, key, value, scale=scale, **options)
        root = query.shape[-1] ** -0.25
        return attention(query * root, key * root, value, scale=1.0, **options)

    return {"scaled_dot_product_attention": scaled_dot_product_attention}


@false_alarm(
    why="Adding 1 to every score that is seen changes no weight.",
    reports="tinygrad/tinygrad PR#2425 (2023)",
)
def one_added_to_what_is_kept(correct: Operations) -> Operations:
    """The additive mask holds 1 where a key is kept, not 0."""

    def scaled_dot_product_attention(query: Any, key: Any, value: Any, *, mask: Any = None, **options: Any) -> Any:
        attention = correct["scaled_dot_product_attention"]
        if mask is None or options.get("bias") is not None or options.get("return_lse") or mask.dtype != bool:
            return attention(query, key, value, mask=mask, **options)
        return attention(query, key, value, **{**options, "bias": np.where(mask, 1.0, -np.inf).astype(query.dtype)})

    return {"scaled_dot_product_attention": scaled_dot_product_attention}


@false_alarm(
    why="Keys and values have the same width there.",
    reports="openai/gpt-2 #49 (2019)",
)
def scaled_by_the_value_width(correct: Operations) -> Operations:
    """Scores are divided by the root of the width of the values, not of the keys."""

    def scaled_dot_product_attention(
        query: Any, key: Any, value: Any, *, scale: float | None = None, **options: Any
    ) -> Any:
        if value.shape[-1] != key.shape[-1]:
            raise NotTriedError("scaled_dot_product_attention", "values of another width than keys")
        scale = value.shape[-1] ** -0.5 if scale is None and value.shape[-1] else scale
        return correct["scaled_dot_product_attention"](query, key, value, scale=scale, **options)

    return {"scaled_dot_product_attention": scaled_dot_product_attention}
