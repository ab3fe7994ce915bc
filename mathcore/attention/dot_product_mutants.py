"""Wrong attention, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.attention.textbook import ARRAYS, lower_triangle, seen_by
from mathcore.verify.claims import Mutant, mutant, reported_of
from mathcore.verify.common_mutants import Family, Operation, family

Arrays = tuple[Any, Any, Any]


Options = dict[str, Any]


Asked = tuple[Arrays, Options]


ATTENTION = "scaled_dot_product_attention"


def asked(change: Callable[[Arrays, Options], Asked]) -> Family:
    """A family of mutants, one for each operation that takes query and key first: the correct one, asked otherwise."""

    def wrong(correct: Operation) -> Operation:
        def attention(query: Any, key: Any, value: Any = None, **options: Any) -> Any:
            arrays, options = change((query, key, key if value is None else value), options)
            return correct(*arrays[: 2 if value is None else 3], **options)

        return attention

    wrong.__doc__, wrong.__name__ = change.__doc__, change.__name__
    return family(wrong)


def renamed(original: Mutant, operation: str) -> Mutant:
    """A mutant as one of another operation."""
    return replace(original, operation=operation, name=f"{original.name}_{_SHORT[operation]}", reports=())


_SHORT = {"attention_weights": "weights", "blockwise_attention": "blockwise", f"{ATTENTION}_vjp": "vjp"}


def of_weights(wrong: Family) -> Mutant:
    """A family's mistake in the weights."""
    return renamed(wrong("attention_weights"), "attention_weights")


def _group(arrays: Arrays) -> int:
    q, k, _ = arrays
    return int(q.shape[-3] // k.shape[-3]) if q.ndim > 2 else 1


def _visible(arrays: Arrays, options: Options) -> Any:
    """Which keys are visible to each query."""
    return seen_by({**dict(zip(ARRAYS, arrays, strict=True)), **options})


def _with_mask(options: Options, seen: Any) -> Options:
    """The same options, and what is not `seen` masked as well."""
    mask = options.get("mask")
    return {**options, "mask": seen if mask is None else seen & mask}


def _scale(arrays: Arrays, options: Options) -> float:
    scale = options.get("scale")
    return float(arrays[0].shape[-1] ** -0.5 if scale is None else scale)


# The future, and what masks say.
@reported_of(
    ATTENTION,
    "attention.last_rows",
    """
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
@asked
def anchored_at_the_first_key(arrays: Arrays, options: Options) -> Asked:
    """Lets the first query stand at the first key, whatever the offset."""
    return arrays, {**options, "query_offset": 0}


@asked
def anchored_at_the_last_key(arrays: Arrays, options: Options) -> Asked:
    """Lets the last query stand at the last key, whatever the offset."""
    return arrays, {**options, "query_offset": arrays[1].shape[-2] - arrays[0].shape[-2]}


@asked
def one_word_ahead(arrays: Arrays, options: Options) -> Asked:
    """Sees the next word as well."""
    return arrays, {**options, "query_offset": options.get("query_offset", 0) + 1}


@asked
def not_itself(arrays: Arrays, options: Options) -> Asked:
    """Does not see the word itself."""
    return arrays, {**options, "query_offset": options.get("query_offset", 0) - 1}


@asked
def backwards(arrays: Arrays, options: Options) -> Asked:
    """Sees the future instead of the past."""
    if not options.get("is_causal"):
        return arrays, options
    past = lower_triangle(arrays[0].shape[-2], arrays[1].shape[-2], options.get("query_offset", 0) - 1)
    return arrays, {**_with_mask(options, ~past), "is_causal": False}


@reported_of(
    ATTENTION,
    "attention.causal_sees_no_future",
    "pytorch/pytorch #195910 (2026)",
    alias="one_mask_row_for_four_queries",
)
@asked
def one_mask_row_for_four(arrays: Arrays, options: Options) -> Asked:
    """Applies one row of the causal mask to four queries, as one library did in half precision alone."""
    if not options.get("is_causal"):
        return arrays, options
    rows = np.arange(arrays[0].shape[-2]) // 4 * 4 + 3
    seen = np.arange(arrays[1].shape[-2]) <= rows[:, None] + options.get("query_offset", 0)
    return arrays, {**_with_mask(options, seen), "is_causal": False}


def causality_lost(where: str, when: Callable[[Arrays, Options], bool]) -> Family:
    """Not causal any more under another option."""

    def change(arrays: Arrays, options: Options) -> Asked:
        return arrays, {**options, "is_causal": bool(options.get("is_causal")) and not when(arrays, options)}

    change.__name__ = f"causality_lost_with_{where}"
    change.__doc__ = f"Is not causal any more with {where.replace('_', ' ')}."
    return asked(change)


@reported_of(
    ATTENTION,
    "attention.causal_sees_no_future",
    """
    keras-team/keras #23038 (2026) fixed
    huggingface/transformers #48745 (2026) fixed
    huggingface/transformers #31673 (2024) fixed
    facebookresearch/xformers #103 (2021) fixed
    pytorch/pytorch #99282 (2023)
    """,
    alias="causality_lost_with_an_option",
)
@asked
def causality_lost_with_the_log_sum(arrays: Arrays, options: Options) -> Asked:
    """Is not causal any more when the log-sum-exp is asked for as well."""
    return arrays, {**options, "is_causal": bool(options.get("is_causal")) and not options.get("return_lse")}


lost_with_offset = causality_lost("an_offset", lambda arrays, options: bool(options.get("query_offset")))


LOST = (
    causality_lost("a_mask", lambda arrays, options: options.get("mask") is not None),
    causality_lost("a_bias", lambda arrays, options: options.get("bias") is not None),
    causality_lost("grouped_heads", lambda arrays, options: _group(arrays) > 1),
    causality_lost("batches", lambda arrays, options: arrays[0].ndim > 3),
    causality_lost("half_precision", lambda arrays, options: arrays[0].dtype.itemsize == 2),
    causality_lost("a_scale", lambda arrays, options: options.get("scale") is not None),
    causality_lost("more_keys", lambda arrays, options: arrays[1].shape[-2] > arrays[0].shape[-2]),
    lost_with_offset,
)


@reported_of(
    ATTENTION,
    "attention.mask_excludes",
    """
    NVIDIA/TransformerEngine #614 (2024) agreed
    rasbt/LLMs-from-scratch #1061 (2026) agreed
    """,
    alias="mask_read_the_other_way",
)
@asked
def mask_inverted(arrays: Arrays, options: Options) -> Asked:
    """Drops what it should keep."""
    return arrays, {**options, "mask": None if options.get("mask") is None else ~options["mask"]}


@asked
def mask_ignored(arrays: Arrays, options: Options) -> Asked:
    """Does not look at the mask."""
    return arrays, {**options, "mask": None}


@asked
def mask_lost_with_causality(arrays: Arrays, options: Options) -> Asked:
    """Does not look at the mask where it is causal."""
    return arrays, {**options, "mask": None if options.get("is_causal") else options.get("mask")}


@asked
def mask_one_key_further(arrays: Arrays, options: Options) -> Asked:
    """Applies the mask to the key after the one that is meant."""
    mask = options.get("mask")
    return arrays, {**options, "mask": None if mask is None else np.roll(mask, 1, -1)}


def _first_of(axis: int, name: str, what: str) -> Family:
    def change(arrays: Arrays, options: Options) -> Asked:
        given = options.get(name)
        if given is None or given.ndim < -axis:
            return arrays, options
        return arrays, {**options, name: np.take(given, [0], axis)}

    change.__name__, change.__doc__ = f"{name}_of_the_first_{what}", f"Gives every {what} the {name} of the first."
    return asked(change)


mask_of_the_first_head = _first_of(-3, "mask", "head")


mask_of_the_first_query = _first_of(-2, "mask", "query")


mask_of_the_first_batch = _first_of(-4, "mask", "batch")


bias_of_the_first_head = _first_of(-3, "bias", "head")


bias_of_the_first_query = _first_of(-2, "bias", "query")


@asked
def bias_dropped(arrays: Arrays, options: Options) -> Asked:
    """Forgets the bias."""
    return arrays, {**options, "bias": None}


@asked
def bias_dropped_with_causality(arrays: Arrays, options: Options) -> Asked:
    """Forgets the bias where it is causal."""
    return arrays, {**options, "bias": None if options.get("is_causal") else options.get("bias")}


@asked
def bias_scaled(arrays: Arrays, options: Options) -> Asked:
    """Adds the bias before the scores are scaled."""
    bias = options.get("bias")
    return arrays, {**options, "bias": None if bias is None else (bias * _scale(arrays, options)).astype(bias.dtype)}


# Heads, and blocks that get lost.
@reported_of(
    ATTENTION,
    "attention.grouped_heads",
    """
    onnx/onnx PR#7274 (2025) open
    ekzhang/jax-js PR#180 (2026) merged
    apple/axlearn PR#842 (2024) merged
    """,
)
@asked
def heads_tiled(arrays: Arrays, options: Options) -> Asked:
    """Deals key heads out in turn: query head h uses h mod key heads."""
    q, k, v = arrays
    if _group(arrays) == 1:
        return arrays, options
    order = np.arange(q.shape[-3]) % k.shape[-3]
    return (q, k[..., order, :, :], v[..., order, :, :]), options


@asked
def first_key_head_for_all(arrays: Arrays, options: Options) -> Asked:
    """Lets every query head use the first key head."""
    q, k, v = arrays
    if q.ndim < 3:
        return arrays, options
    return (q, np.repeat(k[..., :1, :, :], q.shape[-3], -3), np.repeat(v[..., :1, :, :], q.shape[-3], -3)), options


@asked
def values_of_the_first_head(arrays: Arrays, options: Options) -> Asked:
    """Mixes the values of the first key head in every head."""
    q, k, v = arrays
    return (q, k, v if v.ndim < 3 else np.broadcast_to(v[..., :1, :, :], v.shape).copy()), options


@asked
def heads_by_reshape(arrays: Arrays, options: Options) -> Asked:
    """Reads (time, heads) as (heads, time): a reshape where a transpose belongs."""
    q, k, v = (x if x.ndim < 3 else np.swapaxes(x, -3, -2).reshape(x.shape) for x in arrays)
    return (q, k, v), options


@asked
def first_batch_everywhere(arrays: Arrays, options: Options) -> Asked:
    """Uses the keys of the first of a batch for all."""
    q, k, v = arrays
    return (q, k if k.ndim < 4 else np.broadcast_to(k[:1], k.shape).copy(), v), options


@asked
def values_in_reverse(arrays: Arrays, options: Options) -> Asked:
    """Has the values in another order than the keys."""
    return (*arrays[:2], arrays[2][..., ::-1, :]), options


@asked
def tail_dropped(arrays: Arrays, options: Options) -> Asked:
    """Forgets the keys behind the last full block of 16."""
    keys = arrays[1].shape[-2]
    return arrays, options if keys < 16 else _with_mask(options, (np.arange(keys) < keys // 16 * 16)[None])


@asked
def edge_of_block_lost(arrays: Arrays, options: Options) -> Asked:
    """Skips the first key of every block of 32 but the first."""
    keys = np.arange(arrays[1].shape[-2])
    return arrays, _with_mask(options, ((keys % 32 != 0) | (keys == 0))[None])


@asked
def only_512_keys(arrays: Arrays, options: Options) -> Asked:
    """Sees no more than 512 keys."""
    return arrays, _with_mask(options, (np.arange(arrays[1].shape[-2]) < 512)[None])


@asked
def features_beyond_256_dropped(arrays: Arrays, options: Options) -> Asked:
    """Takes the products over at most 256 features."""
    q, k, v = arrays
    return (q[..., :256], k[..., :256], v), {**options, "scale": _scale(arrays, options)}


# What leaks from where nothing should.
@mutant(ATTENTION, wraps=True)
def bias_after_mask(correct: Operation) -> Operation:
    """Adds the bias after it has hidden keys: a NaN or ∞ in it comes through."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        answer, bias = correct(query, key, value, **options), options.get("bias")
        if bias is None:
            return answer
        hidden, added = ~_visible((query, key, value), {**options, "bias": None}), bias.astype(np.float64)
        return _spoilt(answer, (hidden & (np.isnan(added) | (added == np.inf))).any(-1)[..., None])

    return attention


def _spoilt(answer: Any, where: Any) -> Any:
    """NaN there, in the output alone."""
    output, *more = answer if isinstance(answer, tuple) else (answer,)
    output = np.where(where, output.dtype.type(np.nan), output)
    return (output, *more) if more else output


def _wild(*arrays: Any) -> Any:
    """Whether a head holds NaN or ∞, (..., heads)."""
    return np.asarray([~np.isfinite(x.astype(np.float64)).all((-2, -1)) for x in arrays]).any(0)


@mutant(ATTENTION, wraps=True)
def read_as_numbers(correct: Operation) -> Operation:
    """Takes NaN for 0 and ∞ for the largest number."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        wild = ~np.isfinite(value.astype(np.float64))
        signs = np.where(np.isnan(value), value.dtype.type(0), np.sign(value))
        value = np.where(wild, signs * value.dtype.type(3e4), value)
        return correct(query, key, value, **options)

    return attention


@mutant(ATTENTION, wraps=True)
def format_of_the_query(correct: Operation) -> Operation:
    """Answers in the format of the query, whatever the keys and values are in."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        answer = correct(query, key, value, **options)
        if isinstance(answer, tuple):
            return answer[0].astype(query.dtype), answer[1]
        return answer.astype(query.dtype)

    return attention


@mutant(ATTENTION, wraps=True)
def nan_across_heads(correct: Operation) -> Operation:
    """Lets a NaN or ∞ of one key head reach all heads of its text."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        answer = correct(query, key, value, **options)
        return answer if query.ndim < 3 else _spoilt(answer, _wild(key, value).any(-1)[..., None, None, None])

    return attention


@mutant(ATTENTION, wraps=True)
def nan_across_texts(correct: Operation) -> Operation:
    """Lets a NaN or ∞ of one text reach the same head of all texts of a batch."""

    def attention(query: Any, key: Any, value: Any, **options: Any) -> Any:
        answer = correct(query, key, value, **options)
        if query.ndim < 4:
            return answer
        wild = np.repeat(_wild(key, value).any(0), _group((query, key, value)), -1)
        return _spoilt(answer, wild[..., None, None])

    return attention


# What comes with the output.
def _lse_changed(name: str, note: str, change: Callable[[Any], Any]) -> Family:
    def wrong(correct: Operation) -> Operation:
        def attention(*arrays: Any, **options: Any) -> Any:
            answer = correct(*arrays, **options)
            return (answer[0], change(answer[1])) if isinstance(answer, tuple) else answer

        return attention

    wrong.__name__, wrong.__doc__ = name, note
    return family(wrong)


lse_in_base_2 = _lse_changed(
    "lse_in_base_2", "Returns the logarithm to base 2.", lambda y: (y / math.log(2)).astype(y.dtype)
)


lse_never_negative = _lse_changed(
    "lse_never_negative", "Returns 0 for a negative logarithm.", lambda y: np.maximum(y, 0)
)


lse_of_nothing_zero = _lse_changed(
    "lse_of_nothing_zero", "Says 0 instead of −∞ where nothing was seen.", lambda y: np.where(np.isneginf(y), 0, y)
)


# Derivatives.
def pulled(name: str, note: str, change: Callable[[Operation, Any, Arrays, Options], Any]) -> Mutant:
    """A derivative with something wrong in it."""

    def wrong(correct: Operation) -> Operation:
        return lambda g, *arrays, **options: change(correct, g, arrays, options)

    return Mutant(f"{ATTENTION}_vjp", name, note, wrong)


def _without(name: str, value: Any) -> Callable[[Operation, Any, Arrays, Options], Any]:
    return lambda correct, g, arrays, options: correct(g, *arrays, **{**options, name: value})


def _unscaled(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    q_bar, k_bar, v_bar = correct(g, *arrays, **options)
    by = 1 / _scale(arrays, options)
    return (q_bar * by).astype(q_bar.dtype), (k_bar * by).astype(k_bar.dtype), v_bar


def _leaking(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    spoilt = sum(np.float32(0) * x.astype(np.float32).sum() for x in arrays)
    return tuple((y + spoilt).astype(y.dtype) for y in correct(g, *arrays, **options))


def _nan_of_nothing(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    q_bar, *others = correct(g, *arrays, **options)
    nothing = ~_visible(arrays, options).any(-1)
    return (np.where(nothing[..., None], q_bar.dtype.type(np.nan), q_bar), *others)


def _last_of_group(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    whole, group = correct(g, *arrays, **options), _group(arrays)
    if group == 1:
        return whole
    only = np.where((np.arange(g.shape[-3]) % group == group - 1)[:, None, None], g, g.dtype.type(0))
    return (whole[0], *correct(only, *arrays, **options)[1:])


def _inverted(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    mask = options.get("mask")
    return correct(g, *arrays, **{**options, "mask": mask if mask is None else ~mask})


def _spread(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    spoilt = np.float32(0) * g.astype(np.float32).sum()
    return tuple((y + spoilt).astype(y.dtype) for y in correct(g, *arrays, **options))


def _swallowed(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    return correct(np.where(np.isfinite(g), g, np.zeros_like(g)), *arrays, **options)


def _across(*, heads: bool) -> Callable[[Operation, Any, Arrays, Options], Any]:
    """What comes back to one head, or one text, comes back to all of them."""

    def change(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
        pulled = correct(g, *arrays, **options)
        axes = tuple(range(g.ndim - 2))[-1:] if heads else tuple(range(g.ndim - 3))
        if not axes:
            return pulled
        wild: Any = np.broadcast_to(np.asarray(_wild(g)).any(axes, keepdims=True), g.shape[:-2])
        group = [wild, *[wild.reshape(*x.shape[:-2], -1).any(-1) for x in arrays[1:]]]
        return tuple(_spoilt(y, w[..., None, None]) for y, w in zip(pulled, group, strict=True))

    return change


def _all_queries(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    q_bar, *others = correct(g, *arrays, **options)
    return (_spoilt(q_bar, _wild(g)[..., None, None]), *others)


def _large_ones_lost(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    q_bar, *others = correct(g, *arrays, **options)
    return (q_bar * (0 if min(arrays[0].shape[-2], arrays[1].shape[-2]) > 129 else 1), *others)


def _in_the_format_of_the_query(correct: Operation, g: Any, arrays: Arrays, options: Options) -> Any:
    return tuple(x.astype(arrays[0].dtype) for x in correct(g, *arrays, **options))


ERRORS_COMING_BACK = (
    pulled("error_in_all_queries", "Sends a NaN or ∞ of one word back to all queries of its head.", _all_queries),
    pulled("error_in_all_heads", "Sends a NaN or ∞ of one head back to all heads of its text.", _across(heads=True)),
    pulled("error_in_all_texts", "Sends a NaN or ∞ of one text back to all texts of a batch.", _across(heads=False)),
    pulled("error_reaches_everything", "Multiplies by 0 what comes back to words that saw nothing of it.", _spread),
    pulled("error_swallowed", "Takes what is not finite for 0.", _swallowed),
)


GRADIENTS = (
    pulled("gradient_of_the_hidden", "Sends back to hidden keys what belongs to the others.", _inverted),
    pulled("gradient_ignores_mask", "Sends something back to hidden keys.", _without("mask", None)),
    pulled("gradient_ignores_causality", "Sends something back to the future.", _without("is_causal", False)),
    pulled("gradient_ignores_bias", "Forgets the bias on the way back.", _without("bias", None)),
    pulled("gradient_ignores_window", "Sends something back to keys that left the window.", _without("window", None)),
    pulled("gradient_anchored_at_first", "Forgets the offset on the way back.", _without("query_offset", 0)),
    pulled("gradient_unscaled", "Forgets the scale in the last step.", _unscaled),
    pulled("gradient_leaks_zeros", "Adds 0 times everything that was hidden: NaN comes back.", _leaking),
    pulled("gradient_of_nothing_is_nan", "Gives NaN for a query that sees nothing.", _nan_of_nothing),
    pulled("large_gradient_lost", "Gives queries 0 where there are more than 129 words.", _large_ones_lost),
    pulled("format_of_the_query_back", "Answers in the format of the query.", _in_the_format_of_the_query),
    pulled("last_query_head_alone", "Keeps what the last head of a group sends back, not the sum.", _last_of_group),
)


# Order, and what a sentence changes.
@asked
def always_causal(arrays: Arrays, options: Options) -> Asked:
    """Is causal whether asked for or not."""
    return arrays, {**options, "is_causal": True}


@mutant("rope")
def not_turned(x: Any, positions: Any = None, **options: Any) -> Any:
    """Leaves every word where it is."""
    return x
