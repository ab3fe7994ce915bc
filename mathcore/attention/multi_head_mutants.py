"""Several heads done wrong on purpose: what the claims about heads must refute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.attention import draft_mutants as drafts
from mathcore.attention.draft_mutants import plain_attention
from mathcore.verify.claims import Mutant, mutant, reported

HEADS = "multi_head_attention"
Options = dict[str, Any]


def _split(x: Any, heads: int) -> Any:
    return np.swapaxes(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -2, -3)


def _merge(x: Any) -> Any:
    x = np.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def _rotated(x: Any, positions: Any, base: float) -> Any:
    """Rotary embedding of features i and i + width / 2 together, (..., time, width)."""
    half = x.shape[-1] // 2
    angles = positions[:, None] * base ** (-np.arange(half) / half)
    a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], -1).astype(x.dtype)


def _from(first: int, x: Any) -> Any:
    """The positions of the words of `x`."""
    return np.arange(x.shape[-2]) + first


def _rotate(q: Any, k: Any, v: Any, base: float, offset: int) -> Any:
    return _rotated(q, _from(offset, q), base), _rotated(k, _from(0, k), base), v


def _mix(heads: Any, weight: Any) -> Any:
    return heads @ weight


def _projected(
    x: Any, params: Any, num_heads: int, num_kv_heads: int | None, split: Callable[..., Any]
) -> tuple[Any, tuple[Any, Any, Any], Any]:
    """The dtype of the answer; queries, keys and values in the compute dtype; and the matrix behind the heads."""
    dtype = np.result_type(x, *params.values())
    work = np.float32 if dtype.itemsize == 2 else dtype
    x, w = x.astype(work), {name: matrix.astype(work) for name, matrix in params.items()}
    key_heads = num_heads if num_kv_heads is None else num_kv_heads
    q, k, v = (split(x @ w[n], h) for n, h in (("query", num_heads), ("key", key_heads), ("value", key_heads)))
    return dtype, (q, k, v), w["output"]


def plain_heads(
    x: Any,
    params: Any,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    query_offset: int = 0,
    rope_base: float | None = None,
    split: Callable[..., Any] = _split,
    merge: Callable[..., Any] = _merge,
    rotate: Callable[..., Any] = _rotate,
    attend: Callable[..., Any] = plain_attention,
    mix: Callable[..., Any] = _mix,
    **options: Any,
) -> Any:
    """Several heads in the order of the formula; a mutant replaces one of the steps."""
    dtype, (q, k, v), output = _projected(x, params, num_heads, num_kv_heads, split)
    if rope_base is not None:
        q, k, v = rotate(q, k, v, rope_base, query_offset)
    heads = merge(attend(q, k, v, query_offset=query_offset, **options))
    return mix(heads, output).astype(dtype)


def drafted(name: str, note: str, **steps: Any) -> Mutant:
    """A first draft with something wrong in it."""

    def wrong(x: Any, params: Any, **options: Any) -> Any:
        return plain_heads(x, params, **options, **steps)

    return Mutant(HEADS, name, note, lambda _: wrong)


def _by_reshape(x: Any, heads: int) -> Any:
    return x.reshape(*x.shape[:-2], heads, x.shape[-2], x.shape[-1] // heads)


def _by_strides(x: Any, heads: int) -> Any:
    return np.moveaxis(x.reshape(*x.shape[:-1], x.shape[-1] // heads, heads), -1, -3)


def _dealt_out(q: Any, k: Any, v: Any, **options: Any) -> Any:
    order = np.arange(q.shape[-3]) % k.shape[-3]
    return plain_attention(q, k[..., order, :, :], v[..., order, :, :], **options)


def _first_head_everywhere(q: Any, k: Any, v: Any, **options: Any) -> Any:
    heads = plain_attention(q, k, v, **options)
    return np.broadcast_to(heads[..., :1, :, :], heads.shape)


def _last_head_lost(q: Any, k: Any, v: Any, **options: Any) -> Any:
    heads = plain_attention(q, k, v, **options).copy()
    heads[..., -1, :, :] = 0
    return heads


def _one_choice_for_all(q: Any, k: Any, v: Any, **options: Any) -> Any:
    return plain_attention(np.broadcast_to(q[..., :1, :, :], q.shape), k, v, **options)


def _scaled_by_all(q: Any, k: Any, v: Any, *, scale: float | None = None, **options: Any) -> Any:
    by = (q.shape[-1] * q.shape[-3]) ** -0.5 if scale is None else scale
    return plain_attention(q, k, v, scale=by, **options)


def _sharper_first(q: Any, k: Any, v: Any, **options: Any) -> Any:
    q = q.copy()
    q[..., 0, :, :] *= 2
    return plain_attention(q, k, v, **options)


def _mean_of_all(heads: Any) -> Any:
    mean = np.broadcast_to(heads.mean(-3, keepdims=True), heads.shape)
    return _merge(mean)


def _without(name: str, value: Any) -> Callable[..., Any]:
    return lambda q, k, v, **options: plain_attention(q, k, v, **{**options, name: value})


def _in_16_bits(heads: Any, weight: Any) -> Any:
    return heads.astype(np.float16).astype(weight.dtype) @ weight


def _all_rotated(q: Any, k: Any, v: Any, base: float, offset: int) -> Any:
    half = v.shape[-1] // 2 * 2
    some = _rotated(v[..., :half], _from(0, v), base)
    return *_rotate(q, k, v, base, offset)[:2], np.concatenate([some, v[..., half:]], -1)


split_by_reshape = drafted(
    "split_by_reshape", "Splits heads by a reshape without the transpose.", split=_by_reshape, merge=_merge
)
merged_by_reshape = reported(
    "heads.order_blind_without_position",
    """
    reczoo/FuxiCTR #30 (2022)
    jsbaan/transformer-from-scratch PR#6 (2026) merged
    hackiey/QAnet-pytorch #2 (2018) confirmed
    jadore801120/attention-is-all-you-need-pytorch #7 (2017) fixed
    """,
    alias="heads_reshaped",
)(
    drafted(
        "merged_by_reshape",
        "Merges heads by a reshape without the transpose: features of different words are mixed.",
        merge=lambda x: x.reshape(*x.shape[:-3], x.shape[-2], -1),
    )
)
split_by_strides = drafted("split_by_strides", "Gives head h every H-th column, not a slice.", split=_by_strides)
heads_dealt_out = drafted("heads_dealt_out", "Deals key heads out in turn, not to neighbours.", attend=_dealt_out)
first_head_everywhere = drafted("first_head_everywhere", "Computes one head alone.", attend=_first_head_everywhere)
last_head_lost = drafted("last_head_lost", "Loses the last head.", attend=_last_head_lost)
one_choice_for_all = drafted("one_choice_for_all", "Asks with the first head's query.", attend=_one_choice_for_all)
scaled_by_all = drafted("scaled_by_all", "Divides by the root of the width of all heads.", attend=_scaled_by_all)
scaled_twice_in_the_first = drafted(
    "scaled_twice_in_the_first", "Has another scale in the first head.", attend=_sharper_first
)
heads_averaged = drafted("heads_averaged", "Takes the mean of the heads.", merge=_mean_of_all)
mask_forgotten = drafted("mask_forgotten", "Does not look at the mask.", attend=_without("mask", None))
bias_forgotten = drafted("bias_forgotten", "Forgets the bias.", attend=_without("bias", None))
future_seen = drafted("future_seen", "Is never causal.", attend=_without("is_causal", False))
offset_forgotten = drafted("offset_forgotten", "Masks as if the offset were 0.", attend=_without("query_offset", 0))
scale_forgotten = drafted("scale_forgotten", "Ignores the scale.", attend=_without("scale", None))
turned_nowhere = drafted("turned_nowhere", "Forgets the rotation.", rotate=lambda q, k, v, base, offset: (q, k, v))
keys_unturned = drafted(
    "keys_unturned",
    "Turns queries alone.",
    rotate=lambda q, k, v, base, offset: (_rotate(q, k, v, base, offset)[0], k, v),
)
values_turned = drafted("values_turned", "Turns the values as well.", rotate=_all_rotated)
base_fixed = drafted(
    "base_fixed", "Has a base of its own.", rotate=lambda q, k, v, base, offset: _rotate(q, k, v, 1000.0, offset)
)
turned_without_offset = drafted(
    "turned_without_offset", "Counts positions from 0.", rotate=lambda q, k, v, base, offset: _rotate(q, k, v, base, 0)
)
unmixed = drafted("unmixed", "Mixes the heads by the matrix turned around.", mix=lambda h, w: h @ w[::-1])
rounded_between = drafted("rounded_between", "Stores the heads in 16 bits.", mix=_in_16_bits)

DRAFTS = tuple(made for made in list(globals().values()) if isinstance(made, Mutant))
zero_times_nan = drafted(
    "zero_times_nan",
    "Multiplies a hidden NaN by the weight 0.",
    attend=drafts.zero_times_nan.build(plain_attention),
)


@mutant(HEADS, wraps=True)
def format_of_the_words(correct: Any) -> Any:
    """Answers in the format of the words, whatever the matrices are in."""
    return lambda x, params, **options: correct(x, params, **options).astype(x.dtype)


@mutant(HEADS, wraps=True)
def words_beyond_32_lost(correct: Any) -> Any:
    """Gives zeros for words beyond the first 32."""

    def wrong(x: Any, params: Any, **options: Any) -> Any:
        y = correct(x, params, **options)
        return np.where(np.arange(x.shape[-2])[:, None] < 32, y, y.dtype.type(0))

    return wrong


@mutant(HEADS, wraps=True)
def eight_heads_at_most(correct: Any) -> Any:
    """Reads heads modulo 8, as a block index that wraps around does."""

    def wrong(x: Any, params: Any, *, num_heads: int, **options: Any) -> Any:
        columns = params["query"].shape[-1] // max(num_heads, 1)
        kept = np.arange(columns * num_heads) % (8 * columns) if num_heads > 8 else slice(None)
        return correct(x, {**params, "query": params["query"][:, kept]}, num_heads=num_heads, **options)

    return wrong


SIZES = (format_of_the_words, words_beyond_32_lost, eight_heads_at_most)


@mutant(HEADS, wraps=True)
def future_always_hidden(correct: Any) -> Any:
    """Is causal whether asked or not."""
    return lambda x, params, **options: correct(x, params, **{**options, "is_causal": True})


@mutant(HEADS, wraps=True)
def features_beyond_256_dropped(correct: Any) -> Any:
    """Reads at most 256 features of a word."""

    def wrong(x: Any, params: Any, **options: Any) -> Any:
        fewer = {name: w if name == "output" else w[:256] for name, w in params.items()}
        return correct(x[..., :256], fewer, **options)

    return wrong


@mutant(HEADS, wraps=True)
def first_sentence_for_all(correct: Any) -> Any:
    """Gives every sentence the mask and the bias of the first."""

    def wrong(x: Any, params: Any, **options: Any) -> Any:
        given = {name: options.get(name) for name in ("mask", "bias")}
        first = {name: part if part is None or part.ndim < 4 else part[:1] for name, part in given.items()}
        return correct(x, params, **{**options, **first})

    return wrong


@mutant(HEADS, wraps=True)
def heads_doubled(correct: Any) -> Any:
    """Makes two heads of a single one."""

    def wrong(x: Any, params: Any, *, num_heads: int, num_kv_heads: int | None = None, **options: Any) -> Any:
        more = 2 if num_heads == 1 and all(params[n].shape[-1] % 2 == 0 for n in ("query", "value")) else 1
        if options.get("rope_base") is not None and params["query"].shape[-1] % 4:
            more = 1
        key_heads = None if num_kv_heads is None else num_kv_heads * more
        return correct(x, params, num_heads=num_heads * more, num_kv_heads=key_heads, **options)

    return wrong


@mutant(HEADS, wraps=True)
def once_for_each_head(correct: Any) -> Any:
    """Computes everything once for each head."""
    return lambda x, params, *, num_heads, **options: [
        correct(x, params, num_heads=num_heads, **options) for _ in range(num_heads)
    ][-1]


@mutant(HEADS, wraps=True)
def heads_padded(correct: Any) -> Any:
    """Lets every head have the full width, its slice between zeros."""

    def wrong(x: Any, params: Any, *, num_heads: int, **options: Any) -> Any:
        width = params["query"].shape[-1] // num_heads
        full = {}
        for name in ("query", "key"):
            columns = np.split(params[name], num_heads, -1)
            nothing = np.concatenate([columns[0] * 0] * (num_heads - 1), -1) if num_heads > 1 else columns[0][:, :0]
            full[name] = np.concatenate([part for column in columns for part in (column, nothing)], -1)
        scale = options.pop("scale", None) or width**-0.5
        return correct(x, {**params, **full}, num_heads=num_heads, scale=scale, **options)

    return wrong


def _pulled(name: str, note: str, change: Callable[..., Any]) -> Mutant:
    """A derivative with something wrong in it."""

    def wrong(correct: Any) -> Any:
        return lambda g, x, params, **options: change(correct, g, x, params, options)

    return Mutant(f"{HEADS}_vjp", name, note, wrong)


def _forgotten(option: str, value: Any) -> Mutant:
    def change(correct: Any, g: Any, x: Any, params: Any, options: Options) -> Any:
        return correct(g, x, params, **{**options, option: value})

    return _pulled(f"{option}_forgotten_backwards", f"Forgets `{option}` on the way back.", change)


def _last_of_group(correct: Any, g: Any, x: Any, params: Any, options: Options) -> Any:
    heads, key_heads = options["num_heads"], options.get("num_kv_heads") or options["num_heads"]
    rows = np.arange(heads).repeat(params["output"].shape[0] // heads) % (heads // key_heads)
    last = np.where((rows == heads // key_heads - 1)[:, None], params["output"], params["output"] * 0)
    whole, some = correct(g, x, params, **options), correct(g, x, {**params, "output": last}, **options)
    return whole[0], {**whole[1], "key": some[1]["key"], "value": some[1]["value"]}


def _first_of_batch(correct: Any, g: Any, x: Any, params: Any, options: Options) -> Any:
    x_bar, _ = correct(g, x, params, **options)
    return (x_bar, correct(g[:1], x[:1], params, **options)[1]) if x.ndim > 2 else correct(g, x, params, **options)


def _lost(where: Callable[[Any, Options], bool]) -> Callable[..., Any]:
    def change(correct: Any, g: Any, x: Any, params: Any, options: Options) -> Any:
        x_bar, bars = correct(g, x, params, **options)
        return (x_bar * 0, {n: w * 0 for n, w in bars.items()}) if where(x, options) else (x_bar, bars)

    return change


GRADIENTS = (
    _pulled("groups_lost", "Sends nothing back from three heads or more.", _lost(lambda x, o: o["num_heads"] > 2)),
    _pulled("long_texts_lost", "Sends nothing back from four words or more.", _lost(lambda x, o: x.shape[-2] > 3)),
    _pulled(
        "wide_words_lost", "Sends nothing back to words of nine features or more.", _lost(lambda x, o: x.shape[-1] > 8)
    ),
    _forgotten("mask", None),
    _forgotten("bias", None),
    _forgotten("is_causal", False),
    _forgotten("query_offset", 0),
    _forgotten("scale", None),
    _forgotten("rope_base", None),
    _pulled("last_of_group_alone", "Sends to shared keys what the last head of a group says alone.", _last_of_group),
    _pulled("first_of_batch_alone", "Lets the matrices learn from the first sentence alone.", _first_of_batch),
)


# Reading on.


def _rotate_on(q: Any, k: Any, base: float, before: int) -> Any:
    return _rotated(q, _from(before, q), base), _rotated(k, _from(before, k), base)


def _ask_all(q: Any, cache: Any, before: int, **options: Any) -> Any:
    given = {"is_causal": True, "query_offset": before, **options}
    return plain_attention(q, cache.key, cache.value, **given)


def _append(cache: Any, k: Any, v: Any) -> Any:
    return cache.append(k, v)


def plain_step(
    x: Any,
    params: Any,
    cache: Any,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    rope_base: float | None = None,
    rotate: Callable[..., Any] = _rotate_on,
    append: Callable[..., Any] = _append,
    attend: Callable[..., Any] = _ask_all,
    split: Callable[..., Any] = _split,
    **options: Any,
) -> Any:
    """The next words, those before being in the cache; a mutant replaces one of the parts."""
    dtype, (q, k, v), output = _projected(x, params, num_heads, num_kv_heads, split)
    if rope_base is not None:
        q, k = rotate(q, k, rope_base, len(cache))
    longer = append(cache, k, v)
    heads = attend(q, longer, len(cache), **options)
    return (_merge(heads) @ output).astype(dtype), longer


def stepped(name: str, note: str, **parts: Any) -> Mutant:
    """A step with something wrong in it."""

    def wrong(x: Any, params: Any, cache: Any, **options: Any) -> Any:
        return plain_step(x, params, cache, **options, **parts)

    return Mutant(f"{HEADS}_step", name, note, lambda _: wrong)


def _hidden(options: Options, seen: Any) -> Options:
    mask = options.get("mask")
    return {**options, "mask": seen if mask is None else seen & mask}


def _keys(cache: Any) -> Any:
    return np.arange(len(cache))[None]


STEPS = (
    stepped(
        "positions_from_zero", "Counts the positions of every piece from 0.",
        rotate=lambda q, k, base, before: _rotate_on(q, k, base, 0),
    ),
    stepped(
        "queries_from_zero", "Counts the positions of queries from 0.",
        rotate=lambda q, k, base, before: (_rotate_on(q, k, base, 0)[0], _rotate_on(q, k, base, before)[1]),
    ),
    stepped(
        "one_place_further", "Turns new keys by one position too many.",
        rotate=lambda q, k, base, before: (_rotate_on(q, k, base, before)[0], _rotate_on(q, k, base, before + 1)[1]),
    ),
    stepped(
        "one_place_for_a_piece", "Turns every word of a piece by the position of its first.",
        rotate=lambda q, k, base, before: tuple(
            _rotated(x, np.full(x.shape[-2], before), base) for x in (q, k)
        ),
    ),
    stepped(
        "future_of_the_piece", "Lets the words of a piece see each other, the later ones too.",
        attend=lambda q, cache, before, **options: _ask_all(q, cache, before, is_causal=False, **options),
    ),
    stepped(
        "anchored_at_the_first", "Lets the first query of a piece stand at the first key.",
        attend=lambda q, cache, before, **options: _ask_all(q, cache, before, query_offset=0, **options),
    ),
    stepped(
        "own_piece_unseen", "Looks at the words before the piece alone, if there are any.",
        attend=lambda q, cache, before, **options: _ask_all(
            q, cache, before, **_hidden(options, _keys(cache) < before if before else _keys(cache) >= 0)
        ),
    ),
    stepped(
        "past_unseen", "Looks at the words of the piece alone.",
        attend=lambda q, cache, before, **options: _ask_all(
            q, cache, before, **_hidden(options, _keys(cache) >= before)
        ),
    ),
    stepped(
        "four_words_back", "Forgets what lies more than four words back.",
        attend=lambda q, cache, before, **options: _ask_all(
            q, cache, before, **_hidden(options, _keys(cache) > before + np.arange(q.shape[-2])[:, None] - 4)
        ),
    ),
    stepped(
        "sixteen_words_back", "Forgets what lies more than sixteen words back.",
        attend=lambda q, cache, before, **options: _ask_all(
            q, cache, before, **_hidden(options, _keys(cache) > before + np.arange(q.shape[-2])[:, None] - 16)
        ),
    ),
    stepped(
        "mask_lost_on_the_way", "Does not look at the mask.",
        attend=lambda q, cache, before, **options: _ask_all(q, cache, before, **{**options, "mask": None}),
    ),
    stepped(
        "bias_lost_on_the_way", "Forgets the bias.",
        attend=lambda q, cache, before, **options: _ask_all(q, cache, before, **{**options, "bias": None}),
    ),
    stepped(
        "scale_lost_on_the_way", "Ignores the scale.",
        attend=lambda q, cache, before, **options: _ask_all(q, cache, before, **{**options, "scale": None}),
    ),
    stepped(
        "kept_in_16_bits", "Keeps keys and values in 16 bits.",
        append=lambda cache, k, v: cache.append(*(x.astype(np.float16).astype(x.dtype) for x in (k, v))),
    ),
    stepped("step_split_by_reshape", "Splits heads by a reshape without the transpose.", split=_by_reshape),
)  # fmt: skip


# What should have been refused.


@mutant(HEADS, wraps=True)
def left_over_columns_dropped(correct: Any) -> Any:
    """Drops the columns that do not divide into heads."""

    def wrong(x: Any, params: Any, *, num_heads: int, **options: Any) -> Any:
        if num_heads < 1 or set(params) != {"query", "key", "value", "output"}:
            return correct(x, params, num_heads=num_heads, **options)
        kept = {n: w[:, : w.shape[1] // num_heads * num_heads] for n, w in params.items() if n != "output"}
        rows = params["output"][: kept["value"].shape[1]]
        return correct(x, {**kept, "output": rows}, num_heads=num_heads, **options)

    return wrong


@mutant(HEADS, wraps=True)
def numbers_for_masks(correct: Any) -> Any:
    """Takes a mask of numbers for one of bools."""

    def wrong(x: Any, params: Any, *, mask: Any = None, **options: Any) -> Any:
        return correct(x, params, mask=None if mask is None else np.asarray(mask) != 0, **options)

    return wrong


@mutant(HEADS, wraps=True)
def unknown_matrices_ignored(correct: Any) -> Any:
    """Reads the matrices it knows and says nothing of others."""
    return lambda x, params, **options: correct(
        x, {n: w for n, w in params.items() if n in ("query", "key", "value", "output")}, **options
    )


@mutant(f"{HEADS}_vjp", wraps=True)
def cotangents_stretched(correct: Any) -> Any:
    """Broadcasts a cotangent to the shape of the output."""

    def wrong(g: Any, x: Any, params: Any, **options: Any) -> Any:
        shape = (*x.shape[:-1], params["output"].shape[-1]) if "output" in params else g.shape
        fits = g.ndim == len(shape) and all(n in (1, m) for n, m in zip(g.shape, shape, strict=True))
        return correct(np.broadcast_to(g, shape) if fits else g, x, params, **options)

    return wrong


@mutant(f"{HEADS}_step", wraps=True)
def read_on_in_any_format(correct: Any) -> Any:
    """Turns new words to the format of the words before."""

    def wrong(x: Any, params: Any, cache: Any, **options: Any) -> Any:
        if len(cache):
            x, params = x.astype(cache.key.dtype), {n: w.astype(cache.key.dtype) for n, w in params.items()}
        return correct(x, params, cache, **options)

    return wrong
