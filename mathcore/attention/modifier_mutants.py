"""Wrong windows, on purpose."""

from __future__ import annotations

from mathcore.attention.dot_product_mutants import ATTENTION, Arrays, Asked, Options, _group, asked
from mathcore.verify.claims import reported_of


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
