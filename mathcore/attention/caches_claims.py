"""What must be true of caches: in pages, with a window, cut back."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import caches_mutants as wrong
from mathcore.attention.blockwise_claims import over
from mathcore.attention.dot_product_tolerances import attention_rounding, lse_rounding, plain_mean
from mathcore.attention.inputs import Dice, draw_case, some_numbers, some_scale
from mathcore.attention.textbook import Case, agrees, lse_agrees, seen_by
from mathcore.verify import Claim, Limits, Operations, Target, all_of, domain, equal, laws, reproduced, seeds
from mathcore.verify.domains import Draw, as_dtype

KWON = "Kwon et al., arXiv:2309.06180, §4"


def fed(cache: Any, pieces: Any, case: Case) -> tuple[Any, Any]:
    """The answers to the pieces of a text that are fed one after the other, and the last cache."""
    answers, end = [], 0
    for size in pieces:
        rows, end = slice(end, end + size), end + size
        cache = cache.append(case["key"][..., rows, :], case["value"][..., rows, :])
        answers.append(cache.attend(case["query"][..., rows, :], **over(case, rows, end)))
    return np.concatenate(answers, -2), cache


def cut(case: Case, pieces: list[int]) -> Any:
    """The sizes of the pieces, one or more, that the drawn ones cut a text into."""
    words = case["key"].shape[-2]
    return np.diff([0, *(int(e) for e in np.cumsum(pieces) if 0 < e < words), words])


def behind_a_window(case: Case, window: int) -> Case:
    """Causal, with a mask of all that lies further back than the window."""
    seen = seen_by({**case, "mask": None, "bias": None, "is_causal": False})
    n = seen.shape[-1]
    near = np.broadcast_to(np.arange(n) > np.arange(n)[:, None] - window, seen.shape)
    return {**case, "mask": near if case["mask"] is None else near & case["mask"]}


@domain
def texts(draw: Draw, target: Target) -> Case:
    """Up to eight words, now and then 17 or 33, in one dtype, with a mask and a bias or without."""
    n = draw(st.one_of(st.integers(1, 8), st.integers(1, 8), st.sampled_from([17, 33])))
    return draw_case(draw, draw(st.sampled_from(target.dtypes)), keys=n, queries=n)


PIECES = st.lists(st.integers(1, 6), max_size=8)

decoded = Claim(
    "caches.decode_equals_prefill",
    statement="Words fed in pieces of any size to a cache in pages of any size give, up to rounding, what causal "
    "attention to the whole text gives at once; to a rotating cache, what it gives under the mask of the window.",
    formula=r"O_i = \mathrm{attention}(q_i, K_S, V_S), \qquad S = (i - w, i]",
    legend={
        "O": "the outputs", "i": "the number of a word", "q": "a query", "K": "the keys", "V": "the values",
        "S": "the places that are seen", "w": "the width of the window; ∞ for a cache in pages",
    },
    source=KWON,
    needs=("PagedKeyValueCache", "RotatingKeyValueCache"),
    tolerances=(attention_rounding, plain_mean),
    refuted_by=(
        *wrong.PAGED, wrong.WINDOW_OF_THE_LAST, wrong.window_one_wider, wrong.window_one_narrower,
        wrong.nothing_forgotten,
    ),
)  # fmt: skip


@decoded.property(texts(), page=st.integers(1, 7), pieces=PIECES, effort=0.4)
def pages_are_as_one(ops: Operations, page: int, pieces: list[int], **case: Any) -> Any:
    case |= {"is_causal": True, "query_offset": 0}
    answer, cache = fed(ops.PagedKeyValueCache(page), cut(case, pieces), case)
    return all_of(equal(len(cache), case["key"].shape[-2]), agrees(ops, answer, **case))


@decoded.property(texts(), window=st.integers(1, 9), pieces=PIECES, effort=0.4)
def a_window_moves_along(ops: Operations, window: int, pieces: list[int], **case: Any) -> Any:
    case |= {"is_causal": True, "query_offset": 0}
    answer, cache = fed(ops.RotatingKeyValueCache(window), cut(case, pieces), case)
    return all_of(equal(len(cache), case["key"].shape[-2]), agrees(ops, answer, **behind_a_window(case, window)))


trimmed = Claim(
    "caches.trim_forgets",
    statement="A cache that is cut back to an earlier length and fed with other words gives what the text without the "
    "rejected ones gives, up to rounding, and the cache that was cut still gives what it gave.",
    formula=r"\mathrm{trim}(ab, |a|) = a",
    legend={"a": "the words before", "b": "the words that are rejected"},
    needs=wrong.CACHES,
    tolerances=(attention_rounding, plain_mean),
    refuted_by=wrong.TRIMMED,
)


def forgets(name: str, ops: Operations, page: int, pieces: list[int], kept: int, **case: Any) -> Any:
    case |= {"is_causal": True, "query_offset": 0}
    sizes = cut(case, pieces)
    new = case if name != "RotatingKeyValueCache" else behind_a_window(case, page)
    _, longer = fed(getattr(ops, name)(*([] if name == "KeyValueCache" else [page])), sizes, case)
    words, last = case["key"].shape[-2], int(sizes[-1])
    start = words - last + min(kept, last - 1)  # of the last piece, some words stay
    rows, other = slice(start, words), case["value"].copy()
    other[..., start:, :] = -other[..., start:, :]
    again = longer.trim(start).append(case["key"][..., rows, :], other[..., rows, :])
    after, still = (c.attend(case["query"][..., rows, :], **over(case, rows, words)) for c in (again, longer))
    return all_of(
        equal(len(again), words),
        rows_agree(ops, still, rows, new),
        rows_agree(ops, after, rows, {**new, "value": other}),
    )


def rows_agree(ops: Operations, answer: Any, rows: slice, case: Case) -> Any:
    """That an answer is attention of some of the queries."""
    some = {n: x if x is None or x.shape[-2] == 1 else x[..., rows, :] for n in ("mask", "bias") for x in [case[n]]}
    return agrees(ops, answer, **{**case, **some, "query": case["query"][..., rows, :], "query_offset": rows.start})


for _name in wrong.CACHES:
    trimmed.property(texts(), page=st.integers(1, 5), pieces=PIECES, kept=st.integers(0, 3), effort=0.2)(
        laws.body_of(_name, forgets)
    )


paged = Claim(
    "paged_attention.pages_are_invisible",
    statement="Attention to keys and values in pages is, up to rounding, attention to them in one row: in any order of "
    "the pages that the table undoes, with pages of any size. Whatever lies in pages that no text uses, and behind the "
    "last token of a page, NaN included, has no influence: the same numbers if the target promises its bits.",
    formula=r"k_j = \mathrm{pages}[\mathrm{table}[\lfloor j / p \rfloor],\; j \bmod p]",
    legend={"k": "a key", "j": "its place in the text", "p": "the size of a page"},
    source=KWON,
    needs=("paged_attention",),
    tolerances=(attention_rounding, lse_rounding),
    limits=Limits(width=4, also=("a text has at least as many tokens as queries",)),
    refuted_by=(
        wrong.table_ignored, wrong.one_table_for_all, wrong.whole_pages_read, wrong.last_token_lost,
        wrong.last_page_lost, wrong.poisoned, wrong.never_causal,
    ),
)  # fmt: skip


@domain
def texts_in_pages(draw: Draw, target: Target) -> dict[str, Any]:
    """Up to three texts whose lengths end a page, or one token before or behind it; how they lie in pages, twice."""
    name, rng, dice = draw(st.sampled_from(target.dtypes)), draw(seeds()), Dice(draw(st.integers(0, 2**32 - 1)))
    texts, size, (key_heads, group) = dice.of(1, 2, 3), int(rng.integers(1, 6)), dice.of((1, 1), (1, 2), (2, 2))
    lengths = np.maximum(rng.integers(1, 4, texts) * size + rng.integers(-1, 2, texts), 1)
    queries, most, d, w = (
        int(rng.integers(1, min(lengths.min(), 3) + 1)),
        int(lengths.max()),
        dice.of(1, 4),
        dice.of(2, 3),
    )
    q = some_numbers(rng, (texts, key_heads * group, queries, d), dice.of(1.0, 3.0), name)
    k, v = (some_numbers(rng, (texts, key_heads, most, n), 1.0, name) for n in (d, w))
    poison = dice.of(np.nan, 64.0, np.inf)
    return {
        "query": q,
        "rows": (k, v),
        "lengths": lengths,
        "pools": [_in_pages(rng, k, v, lengths, n, poison) for n in (size, int(rng.integers(1, 6)))],
        "options": {"is_causal": dice.of(True, False), "scale": some_scale(dice, rng)},
    }


def _in_pages(rng: Any, key: Any, value: Any, lengths: Any, size: int, poison: float) -> tuple[Any, Any, Any]:
    """Pages of keys, pages of values, and the table that puts them in order; all else is poison."""
    texts, heads, most, _ = key.shape
    blocks = -(-most // size)
    order = rng.permutation(texts * blocks + 2)
    table = order[: texts * blocks].reshape(texts, blocks)
    pools = []
    for x in (key, value):
        pool = as_dtype(np.full((len(order), heads, size, x.shape[-1]), poison), x.dtype.name)
        for text, place in ((t, j) for t in range(texts) for j in range(lengths[t])):
            pool[table[text, place // size], :, place % size] = x[text, :, place]
        pools.append(pool)
    used = np.arange(blocks) < -(-lengths // size)[:, None]
    return pools[0], pools[1], np.where(used, table, order[-1])


@paged.property(texts_in_pages(), lse=st.booleans(), effort=0.5)
def pages_are_one_row(ops: Operations, lse: bool, query: Any, rows: Any, lengths: Any, pools: Any, options: Any) -> Any:
    more = {"return_lse": True} if lse else {}
    answers = (ops.paged_attention(query, *pool, lengths, **options, **more) for pool in pools)
    (mix, log), (again, _) = (answer if lse else (answer, None) for answer in answers)
    if mix.shape != (shape := (*query.shape[:-1], rows[1].shape[-1])):
        return equal(mix.shape, shape)

    def right(check: Any, answer: Any) -> Any:
        return all_of(
            *(
                check(ops, answer[t], query=query[t], key=rows[0][t, :, :n], value=rows[1][t, :, :n],
                      query_offset=n - query.shape[-2], **options)
                for t, n in enumerate(lengths)
            )
        )  # fmt: skip

    return all_of(
        right(agrees, mix),
        reproduced(ops, again, mix, lambda: right(agrees, again)),
        *([right(lse_agrees, log)] if lse else []),
    )
