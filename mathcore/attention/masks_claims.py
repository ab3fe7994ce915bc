"""What must be true of masks for attention."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mathcore.attention import masks_mutants as wrong
from mathcore.verify import Claim, Operations, Target, all_of, equal

rules = Claim(
    "masks.are_their_rules",
    statement="Each mask is True where its rule says that query i sees key j, element by element: causal up to the "
    "query's own place, a window no further back than its width, causal but for a prefix, the same document, within "
    "the length of a row.",
    formula=r"M_{ij} = [j \le i + o],\quad [i + o - w < j \le i + o],\quad [j < p \lor j \le i + o],\quad "
    r"[d_i = d_j],\quad [j < n]",
    legend={
        "M": "the mask", "o": "the offset", "w": "the width of the window", "p": "the length of the prefix",
        "d": "documents", "n": "the length",
    },
    needs=("causal_mask", "window_mask", "prefix_mask", "document_mask", "padding_mask"),
    refuted_by=(
        wrong.own_key_hidden,
        wrong.causal_offset_ignored,
        wrong.window_one_wider,
        wrong.window_ahead,
        wrong.prefix_one_longer,
        wrong.prefix_alone,
        wrong.prefix_moves_with_the_queries,
        wrong.earlier_documents_shown,
        wrong.padding_shown,
        wrong.last_of_the_row_hidden,
    ),
)  # fmt: skip


def _by_rule(rule: Callable[[int, int], bool], queries: int, keys: int) -> Any:
    """The mask of a rule, asked for one element after the other."""
    return np.array([[rule(i, j) for j in range(keys)] for i in range(queries)], bool).reshape(queries, keys)


def _is(mask: Any, expected: Any) -> Any:
    return all_of(equal(mask.dtype == np.bool_, True), equal(mask, expected))


def small_sizes(target: Target) -> Iterator[dict[str, Any]]:
    """Up to four queries and keys, with offsets to either side."""
    del target
    for queries, keys, offset in itertools.product(range(5), range(5), (-2, 0, 1, 3)):
        yield {"queries": queries, "keys": keys, "offset": offset}


@rules.exhaustive(small_sizes)
def causal_mask_is_its_rule(ops: Operations, queries: int, keys: int, offset: int) -> Any:
    found = ops.causal_mask(queries, keys, query_offset=offset)
    return all_of(
        _is(found, _by_rule(lambda i, j: j <= i + offset, queries, keys)),
        _is(ops.causal_mask(queries), _by_rule(lambda i, j: j <= i, queries, queries)),
    )


@rules.exhaustive(small_sizes)
def window_mask_is_its_rule(ops: Operations, queries: int, keys: int, offset: int) -> Any:
    def of(window: int) -> Any:
        found = ops.window_mask(queries, keys, window=window, query_offset=offset)
        return _is(found, _by_rule(lambda i, j: i + offset - window < j <= i + offset, queries, keys))

    square = _by_rule(lambda i, j: i - 2 < j <= i, queries, queries)
    return all_of(of(1), of(2), of(5), _is(ops.window_mask(queries, window=2), square))


@rules.exhaustive(small_sizes)
def prefix_mask_is_its_rule(ops: Operations, queries: int, keys: int, offset: int) -> Any:
    def rule(prefix: int) -> Any:
        return _by_rule(lambda i, j: j < prefix or j <= i + offset, queries, keys)

    alone = (_is(ops.prefix_mask(queries, keys, prefix=p, query_offset=offset), rule(p)) for p in range(4))
    several = ops.prefix_mask(queries, keys, prefix=[2, 0], query_offset=offset)
    return all_of(*alone, _is(several, np.stack([rule(2), rule(0)])[:, None]))


def packed_texts(target: Target) -> Iterator[dict[str, Any]]:
    """Every way to give up to three places to three documents, alone and in two rows; and a row of them against it."""
    del target
    for n in range(4):
        rows = np.array([*itertools.product(range(3), repeat=n)], int).reshape(3**n, n)
        yield from ({"documents": row, "others": rows[i - 1]} for i, row in enumerate(rows))
        yield {"documents": rows[:2], "others": rows[-2:]}


@rules.exhaustive(packed_texts)
def document_mask_is_its_rule(ops: Operations, documents: Any, others: Any) -> Any:
    def expected(a: Any, b: Any) -> Any:
        if a.ndim > 1:
            return np.stack([expected(*pair)[None] for pair in zip(a, b, strict=True)])
        return _by_rule(lambda i, j: bool(a[i] == b[j]), len(a), len(b))

    return all_of(
        _is(ops.document_mask(documents), expected(documents, documents)),
        _is(ops.document_mask(documents, others), expected(documents, others)),
    )


def lengths_of_rows(target: Target) -> Iterator[dict[str, Any]]:
    """Every length of up to five keys, alone and beside others."""
    del target
    for keys in range(6):
        for shape in ((), (2,), (2, 3)):
            for first in range(keys + 1):
                lengths = (first + np.arange(int(np.prod(shape)))) % (keys + 1)
                yield {"lengths": lengths.reshape(shape), "keys": keys}


@rules.exhaustive(lengths_of_rows)
def padding_mask_is_its_rule(ops: Operations, lengths: Any, keys: int) -> Any:
    found = ops.padding_mask(lengths, keys)
    rows = [_by_rule(lambda _, j, n=n: j < n, 1, keys) for n in lengths.ravel()]  # type: ignore[misc]
    return _is(found, rows[0] if not lengths.ndim else np.stack(rows).reshape(*lengths.shape, 1, 1, keys))
