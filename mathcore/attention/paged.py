"""Keys and values in pages: a cache of them, and attention to pages of a pool that a table puts in order."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, ids_below, integers
from mathcore._scalars import flag, whole
from mathcore.attention._args import _checked, _common_dtype, _work_dtype
from mathcore.attention.cache import _check_continues, _last_queries
from mathcore.attention.dot_product import scaled_dot_product_attention

_LARGEST_PAGE = 2**20


class PagedKeyValueCache:
    """A cache in pages of one size: caches that begin alike share all full pages of their beginning.

    As `KeyValueCache`, it never changes. To extend it copies at most its last page, however long it is and whatever was
    made from it before; to attend brings all pages together.

    Args:
        page_size: how many tokens a page holds, from 1 to 1,048,576.

    Raises:
        TypeError: if `page_size` is no integer.
        ValueError: if it is out of range.

    Examples:
        >>> prompt = mc.PagedKeyValueCache(page_size=2).append(np.zeros((5, 2)), np.zeros((5, 1)))
        >>> one, other = (prompt.append([[0.0, 0.0]], [[n]]) for n in (1.0, 2.0))
        >>> len(prompt), len(one), len(other)
        (5, 6, 6)

    Source:
        Kwon et al., Efficient Memory Management for Large Language Model Serving with PagedAttention, arXiv:2309.06180,
        §4.
    """

    def __init__(self, page_size: int = 16) -> None:
        self._size = whole("page_size", page_size, 1, _LARGEST_PAGE)
        self._length = 0
        self._keys: tuple[Array, ...] = ()
        self._values: tuple[Array, ...] = ()

    def __len__(self) -> int:
        """How many tokens there are: the position of the next one."""
        return self._length

    def append(self, key: npt.ArrayLike, value: npt.ArrayLike) -> PagedKeyValueCache:
        """This cache and the tokens after it.

        Args:
            key, value: as for `KeyValueCache.append`.

        Returns:
            A cache longer by the new tokens.

        Raises:
            TypeError: if an argument is not floating.
            ValueError: if a dtype or a shape, but for the number of tokens, differs from that of the tokens before.

        Examples:
            >>> len(mc.PagedKeyValueCache().append(key=np.zeros((3, 2)), value=np.zeros((3, 1))))
            3
        """
        k, v = floating("key", key), floating("value", value)
        _, k, v = _checked(k, k, v)
        if self._length:
            _check_continues("key", self._keys[-1], k)
            _check_continues("value", self._values[-1], v)
        keys, values = (_extended(old, x, self._length, self._size) for old, x in ((self._keys, k), (self._values, v)))
        return self._with(keys, values, self._length + k.shape[-2])

    def trim(self, length: int) -> PagedKeyValueCache:
        """The first tokens alone, as if no others had been appended.

        Args:
            length: how many, from 0 to as many as there are.

        Returns:
            A cache that shares their pages.

        Raises:
            TypeError: if `length` is no integer.
            ValueError: if there are not so many.

        Examples:
            >>> len(mc.PagedKeyValueCache().append(np.zeros((3, 2)), np.zeros((3, 1))).trim(2))
            2
        """
        length = whole("length", length, 0, self._length)
        used = -(-length // self._size)
        return self._with(self._keys[:used], self._values[:used], length)

    def attend(
        self,
        query: npt.ArrayLike,
        *,
        mask: npt.ArrayLike | None = None,
        bias: npt.ArrayLike | None = None,
        is_causal: bool = True,
        scale: float | None = None,
        return_lse: bool = False,
        window: int | None = None,
        softcap: float | None = None,
        sinks: npt.ArrayLike | None = None,
    ) -> Array | tuple[Array, Array]:
        """`scaled_dot_product_attention` of the last tokens, whose queries these are, over all of them.

        Args:
            query, mask, bias, is_causal, scale, return_lse, window, softcap, sinks: as for `KeyValueCache.attend`.

        Returns:
            What `KeyValueCache.attend` returns, bit for bit.

        Raises:
            TypeError: if an argument is not floating, or `mask` is not of bools.
            ValueError: if the cache is empty, or the shapes do not fit.

        Examples:
            >>> cache = mc.PagedKeyValueCache(page_size=1).append(key=[[0.0], [0.0]], value=[[2.0], [4.0]])
            >>> cache.attend([[1.0]])
            array([[3.]])
        """
        q, offset = _last_queries(query, self._length)
        k, v = (np.concatenate(pages, axis=-2)[..., : self._length, :] for pages in (self._keys, self._values))
        return scaled_dot_product_attention(
            q, k, v, mask=mask, bias=bias, is_causal=is_causal, query_offset=offset, scale=scale, return_lse=return_lse,
            window=window, softcap=softcap, sinks=sinks,
        )  # fmt: skip

    def _with(self, keys: tuple[Array, ...], values: tuple[Array, ...], length: int) -> PagedKeyValueCache:
        other = PagedKeyValueCache(self._size)
        other._keys, other._values, other._length = keys, values, length
        return other


def _extended(pages: tuple[Array, ...], new: Array, length: int, size: int) -> tuple[Array, ...]:
    """The pages of `length` rows with the new rows behind them: none is written to, the last is copied if not full."""
    room = -length % size
    if room:
        last = pages[-1].copy()
        fits = min(room, new.shape[-2])
        last[..., size - room : size - room + fits, :] = new[..., :fits, :]
        pages = (*pages[:-1], last)
    return (*pages, *(_page(new[..., start : start + size, :], size) for start in range(room, new.shape[-2], size)))


def _page(rows: Array, size: int) -> Array:
    """A page that begins with these rows; what stands behind them is never read."""
    """A page that begins with these rows; what stands behind them is never read."""
    page = np.zeros((*rows.shape[:-2], size, rows.shape[-1]), rows.dtype)
    page[..., : rows.shape[-2], :] = rows
    return page


@overload
def paged_attention(
    query: npt.ArrayLike,
    key_pages: npt.ArrayLike,
    value_pages: npt.ArrayLike,
    block_table: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    is_causal: bool = True,
    scale: float | None = None,
    return_lse: Literal[False] = False,
) -> Array: ...
@overload
def paged_attention(
    query: npt.ArrayLike,
    key_pages: npt.ArrayLike,
    value_pages: npt.ArrayLike,
    block_table: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    is_causal: bool = True,
    scale: float | None = None,
    return_lse: bool,
) -> Array | tuple[Array, Array]: ...
def paged_attention(
    query: npt.ArrayLike,
    key_pages: npt.ArrayLike,
    value_pages: npt.ArrayLike,
    block_table: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    is_causal: bool = True,
    scale: float | None = None,
    return_lse: bool = False,
) -> Array | tuple[Array, Array]:
    r"""Attention of the last tokens of several texts whose keys and values lie in pages of one pool.

    $$k_j = \mathrm{pages}[\mathrm{table}[\lfloor j / p \rfloor],\; j \bmod p]$$

    Args:
        query: (texts, heads, queries, width), floats; the last query of a text is that of its last token.
        key_pages: (pages, key heads, page size, width), floats.
        value_pages: (pages, key heads, page size, value width), floats.
        block_table: (texts, blocks), integers: the page of each block of a text. What stands behind the last block that
            a text needs is not read.
        lengths: (texts,), integers: how many tokens each text has, those of the queries among them.
        is_causal, scale, return_lse: as for `scaled_dot_product_attention`.

    Returns:
        What `scaled_dot_product_attention` returns for each text. Pages that are in no table, and what stands behind
        the last token of a page, have no influence, NaN and ∞ included.

    Raises:
        TypeError: if an argument is not floating, or the table or the lengths are no integers.
        ValueError: if the shapes do not fit, or a length is beyond the table.
        IndexError: if the table names a page that is not there.

    Examples:
        >>> keys, values = np.zeros((3, 1, 2, 1)), np.arange(6.0).reshape(3, 1, 2, 1)  # three pages of two tokens
        >>> mc.paged_attention(np.zeros((1, 1, 1, 1)), keys, values, [[2, 0]], [3])[0, 0]  # 4, 5 and 0
        array([[3.]])

    Source:
        Kwon et al., Efficient Memory Management for Large Language Model Serving with PagedAttention, arXiv:2309.06180,
        §4.
    """
    q, k, v = (floating(n, x) for n, x in (("query", query), ("key_pages", key_pages), ("value_pages", value_pages)))
    table, lengths = integers("block_table", block_table), integers("lengths", lengths)
    is_causal, with_lse = flag("is_causal", is_causal), flag("return_lse", return_lse)
    _check_shapes(q, k, v, table, lengths)
    output, lse = (
        np.empty((*q.shape[:-1], v.shape[-1]), _common_dtype(q, k, v)),
        np.empty(q.shape[:-1], _work_dtype(q, k, v)),
    )
    for text, length in enumerate(lengths.tolist()):
        pages = ids_below("block_table", table[text, : -(-length // k.shape[-2])], len(k))
        keys, values = (_in_order(x, pages)[:, :length] for x in (k, v))
        output[text], lse[text] = scaled_dot_product_attention(
            q[text], keys, values, is_causal=is_causal, query_offset=length - q.shape[-2], scale=scale, return_lse=True
        )
    return (output, lse) if with_lse else output


def _in_order(pages: Array, table: Array) -> Array:
    """The rows of the pages that a table names: (key heads, rows, width)."""
    _, heads, size, width = pages.shape
    return pages[table].swapaxes(0, 1).reshape(heads, len(table) * size, width)


def _check_shapes(q: Array, k: Array, v: Array, table: Array, lengths: Array) -> None:
    """That queries, pages, table and lengths fit each other; attention checks what is left."""
    if not q.ndim == k.ndim == v.ndim == 4 or k.shape[:-1] != v.shape[:-1]:
        raise ValueError(
            "`query` must have shape (texts, heads, queries, width), `key_pages` and `value_pages` (pages, key heads, "
            f"page size, width) with widths of their own, got {q.shape}, {k.shape} and {v.shape}"
        )
    if table.ndim != 2 or lengths.shape != table.shape[:1] or len(q) != len(table):
        raise ValueError(
            f"`block_table` must have shape (texts, blocks) and `lengths` (texts,) for {len(q)} texts, "
            f"got {table.shape} and {lengths.shape}"
        )
    most = table.shape[1] * k.shape[-2]
    if ((lengths < 0) | (lengths > most)).any():
        raise ValueError(f"`lengths` must lie in [0, {most}], got {int(lengths.min())} to {int(lengths.max())}")
