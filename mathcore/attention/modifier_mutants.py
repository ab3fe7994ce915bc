"""Wrong windows and caps, on purpose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.attention.dot_product_mutants import (
    ATTENTION,
    Arrays,
    Asked,
    Options,
    _group,
    _scale,
    _visible,
    asked,
    pulled,
)
from mathcore.attention.draft_mutants import drafted
from mathcore.attention.textbook import capped, per_head
from mathcore.verify.claims import reported_of
from mathcore.verify.common_mutants import Operation, family


# Windows.
@asked
def window_ignored(arrays: Arrays, options: Options) -> Asked:
    """Does not look at the window."""
    return arrays, {**options, "window": None}


@reported_of(
    ATTENTION,
    "attention.window_is_a_mask",
    """
    huggingface/transformers #39408 (2025) closed
    ml-explore/mlx-lm PR#390 (2025) merged
    ml-explore/mlx PR#3552 (2026) open
    apple/axlearn PR#1009 (2025) merged
    vllm-project/vllm PR#9679 (2024) merged
    """,
)
@asked
def window_one_wider(arrays: Arrays, options: Options) -> Asked:
    """Shows W keys beside the query's own."""
    return arrays, _with_window(options, 1)


@asked
def window_one_narrower(arrays: Arrays, options: Options) -> Asked:
    """Shows W − 1 keys, but at least the query's own."""
    return arrays, _with_window(options, -1)


def _with_window(options: Options, more: int) -> Options:
    window = options.get("window")
    return {**options, "window": None if window is None else max(window + more, 1)}


@asked
def window_lost_with_an_offset(arrays: Arrays, options: Options) -> Asked:
    """Has no window where the first query does not stand at the first key."""
    return arrays, {**options, "window": None if options.get("query_offset") else options.get("window")}


@asked
def window_lost_with_a_mask(arrays: Arrays, options: Options) -> Asked:
    """Has no window where there is a mask."""
    return arrays, {**options, "window": None if options.get("mask") is not None else options.get("window")}


@asked
def window_lost_with_grouped_heads(arrays: Arrays, options: Options) -> Asked:
    """Has no window where query heads share a key head."""
    return arrays, {**options, "window": None if _group(arrays) > 1 else options.get("window")}


@asked
def window_lost_without_causality(arrays: Arrays, options: Options) -> Asked:
    """Has no window where it is not causal."""
    return arrays, {**options, "window": options.get("window") if options.get("is_causal") else None}


# Caps of the scores.
@reported_of(
    ATTENTION,
    "attention.softcap_squeezes",
    """
    vllm-project/vllm-metal #665 (2026) closed
    EricLBuehler/mistral.rs PR#1930 (2026) closed
    """,
)
@asked
def softcap_ignored(arrays: Arrays, options: Options) -> Asked:
    """Does not cap the scores."""
    return arrays, {**options, "softcap": None}


@asked
def softcap_lost_with_causality(arrays: Arrays, options: Options) -> Asked:
    """Does not cap the scores where it is causal."""
    return arrays, {**options, "softcap": None if options.get("is_causal") else options.get("softcap")}


@asked
def cap_undone(arrays: Arrays, options: Options) -> Asked:
    """Takes the tanh and does not multiply by the cap again."""
    cap = options.get("softcap")
    if cap is None or math.isinf(cap):
        return arrays, options
    return arrays, {**options, "softcap": 1.0, "scale": _scale(arrays, options) / cap}


@asked
def cap_without_division(arrays: Arrays, options: Options) -> Asked:
    """Takes the tanh of the score itself, and multiplies it by the cap."""
    cap = options.get("softcap")
    if cap is None or math.isinf(cap):
        return arrays, options
    return arrays, {**options, "scale": _scale(arrays, options) * cap}


def _clipped(s: Any, cap: float) -> Any:
    return np.clip(s, -cap, cap)


def _by_magnitude(s: Any, cap: float) -> Any:
    return s / (1 + abs(s) / cap)


def _of_one_side(s: Any, cap: float) -> Any:
    return np.where(s > 0, capped(s, cap), s)


cut_off = drafted("cut_off", "Cuts scores off at the cap.", squeezed=_clipped)


by_magnitude = drafted("by_magnitude", "Divides a score by 1 + |s| / c.", squeezed=_by_magnitude)


of_one_side = drafted("of_one_side", "Caps what is above 0 alone.", squeezed=_of_one_side)


@reported_of(
    ATTENTION,
    "attention.cap_and_mask_commute",
    """
    onnx/onnx #7865 (2026) closed
    emmtrix/emx-onnx-cgen PR#731 (2026) merged
    """,
)
@family
def cap_after_mask(correct: Operation) -> Operation:
    """Caps −∞ as well: a masked key has the score −c, and a weight."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        cap = options.get("softcap")
        if cap is None or math.isinf(cap):
            return correct(query, key, value, **options)
        arrays = query, key, value
        shape = (*query.shape[:-1], key.shape[-2])
        seen, bias = _visible(arrays, options), options.get("bias")
        scores = np.asarray(query @ np.swapaxes(per_head(key, _heads(query)), -1, -2), np.float64)
        shown = np.zeros(shape) if bias is None else np.broadcast_to(bias, shape).astype(np.float64)
        lifted = np.where(seen, shown, -cap - capped(scores * _scale(arrays, options), cap))
        asked = {**options, "mask": None, "is_causal": False, "window": None, "bias": lifted.astype(query.dtype)}
        return correct(query, key, value, **asked)

    return attention


def _heads(query: Any) -> int:
    return int(query.shape[-3]) if query.ndim > 2 else 1


def _with_slope_1(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    """The gradients of plain scores that are as large as the capped ones."""
    cap = options.get("softcap")
    if cap is None or math.isinf(cap):
        return correct(g, *arrays, **options)
    q, k, _ = (np.asarray(x, np.float64) for x in arrays)
    s = q @ np.swapaxes(per_head(k, _heads(q)), -1, -2) * _scale(arrays, options)
    bias = (0 if options.get("bias") is None else options["bias"]) + capped(s, cap) - s
    return correct(g, *arrays, **{**options, "softcap": None, "bias": bias.astype(arrays[0].dtype)})


gradient_of_cap_forgotten = pulled(
    "gradient_of_cap_forgotten", "Sends back as if the cap had the slope 1.", _with_slope_1
)
