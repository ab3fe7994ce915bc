"""Wrong windows, caps and sinks, on purpose."""

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
from mathcore.verify.claims import mutant, reported_of
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


# Sinks.
@reported_of(
    ATTENTION,
    "attention.sinks_take_a_share",
    "NVIDIA/TransformerEngine PR#3551 (2026) open",
)
@asked
def sinks_ignored(arrays: Arrays, options: Options) -> Asked:
    """Has no sinks."""
    return arrays, {**options, "sinks": None}


@asked
def sinks_lost_with_a_window(arrays: Arrays, options: Options) -> Asked:
    """Has no sinks where there is a window."""
    return arrays, {**options, "sinks": None if options.get("window") is not None else options.get("sinks")}


@asked
def sink_of_the_first_head(arrays: Arrays, options: Options) -> Asked:
    """Gives every head the sink of the first."""
    sinks = options.get("sinks")
    return arrays, {**options, "sinks": None if sinks is None else np.repeat(sinks[:1], len(sinks))}


@asked
def sinks_scaled(arrays: Arrays, options: Options) -> Asked:
    """Multiplies the sinks by the scale as well."""
    sinks = options.get("sinks")
    by = _scale(arrays, options) or 1.0
    return arrays, {**options, "sinks": None if sinks is None else (sinks * by).astype(sinks.dtype)}


@asked
def sinks_capped(arrays: Arrays, options: Options) -> Asked:
    """Caps the sinks as well."""
    sinks, cap = options.get("sinks"), options.get("softcap") or math.inf
    return arrays, {**options, "sinks": None if sinks is None else capped(sinks, cap).astype(sinks.dtype)}


@reported_of(
    ATTENTION,
    "attention.sinks_take_a_share",
    """
    ROCm/rocm-libraries #12227 (2026) open
    ROCm/rocm-libraries PR#12229 (2026) open
    """,
)
@asked
def sink_counted_twice(arrays: Arrays, options: Options) -> Asked:
    """Adds the sink to the sum of exponentials once for either half of the keys."""
    sinks = options.get("sinks")
    return arrays, {**options, "sinks": None if sinks is None else (sinks + math.log(2)).astype(sinks.dtype)}


@mutant("blockwise_attention", wraps=True)
def sink_in_every_block(correct: Operation) -> Operation:
    """Adds the sink to the sum of exponentials once for each block of keys."""

    def attention(query: Any, key: Any, value: Any, *, block_size: int = 512, **options: Any) -> Any:
        if (sinks := options.get("sinks")) is not None:
            blocks = max(-(-key.shape[-2] // block_size), 1)
            options["sinks"] = (sinks + math.log(blocks)).astype(sinks.dtype)
        return correct(query, key, value, block_size=block_size, **options)

    return attention


@family
def sink_with_a_value(correct: Operation) -> Operation:
    """Counts the sink above the fraction as well: its share of ones is added to the output."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        answer, sinks = correct(query, key, value, **options), options.get("sinks")
        if sinks is None:
            return answer
        _, log = correct(query, key, value, **{**options, "return_lse": True})
        share = np.exp(sinks.reshape(*sinks.shape[: query.ndim - 2], 1).astype(log.dtype) - log)
        out = answer[0] if isinstance(answer, tuple) else answer
        out = (out + np.where(np.isnan(share), 0, share)[..., None]).astype(out.dtype)
        return (out, answer[1]) if isinstance(answer, tuple) else out

    return attention


@family
def sink_missing_in_the_log_sum(correct: Operation) -> Operation:
    """Returns the log-sum-exp of the keys alone."""

    def attention(*arrays: Any, **options: Any) -> Any:
        answer = correct(*arrays, **options)
        if not isinstance(answer, tuple):
            return answer
        return answer[0], correct(*arrays, **{**options, "sinks": None})[1]

    return attention


@reported_of(
    ATTENTION,
    "attention.sinks_take_a_share",
    """
    Dao-AILab/flash-attention PR#2752 (2026) open
    fla-org/flash-linear-attention PR#831 (2026) merged
    """,
)
@family
def sink_above_the_scores(correct: Operation) -> Operation:
    """Subtracts the highest score of the keys alone: a far higher sink overflows, and the log-sum-exp with it."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        answer, sinks = correct(query, key, value, **options), options.get("sinks")
        if sinks is None or not isinstance(answer, tuple):
            return answer
        _, plain = correct(query, key, value, **{**options, "sinks": None})
        far = sinks.reshape(*sinks.shape[: query.ndim - 2], 1).astype(np.float64) - plain > 80
        return answer[0], np.where(far, np.inf, answer[1]).astype(answer[1].dtype)

    return attention


def _sinks_get_nothing(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    pulled_back = correct(g, *arrays, **options)
    return (*pulled_back[:3], *(0 * part for part in pulled_back[3:]))


def _plain_way_back(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    plain = correct(g, *arrays, **{**options, "sinks": None})
    return (*plain, *correct(g, *arrays, **options)[3:])


GRADIENTS = (
    gradient_of_cap_forgotten,
    pulled("nothing_back_to_sinks", "Takes the sinks for constants.", _sinks_get_nothing),
    pulled("gradient_ignores_sinks", "Sends back to keys as if there were no sinks.", _plain_way_back),
)
