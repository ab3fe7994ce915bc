"""Several documents in one row: attention of each alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, integers
from mathcore._scalars import flag
from mathcore.attention._args import _checked, _common_dtype, _work_dtype
from mathcore.attention.dot_product import scaled_dot_product_attention, scaled_dot_product_attention_vjp


def document_ids(cu_seqlens: npt.ArrayLike) -> Array:
    r"""The number of the document that each place of a packed row belongs to, for `document_mask`.

    $$d_t = |\{n \ge 1 : c_n \le t\}|$$

    Args:
        cu_seqlens: (documents + 1,), integers: where each document begins, and where the last one ends. It begins with
            0 and never falls; a document may be empty.

    Returns:
        (total,), integers from 0.

    Raises:
        TypeError: if `cu_seqlens` are no integers.
        ValueError: if they are not as described.

    Examples:
        >>> mc.document_ids([0, 2, 5])
        array([0, 0, 1, 1, 1])
    """
    bounds = _bounds(cu_seqlens)
    return np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))


@overload
def packed_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    cu_seqlens: npt.ArrayLike,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    return_lse: Literal[False] = False,
) -> Array: ...
@overload
def packed_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    cu_seqlens: npt.ArrayLike,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    return_lse: bool,
) -> Array | tuple[Array, Array]: ...
def packed_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    cu_seqlens: npt.ArrayLike,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    return_lse: bool = False,
) -> Array | tuple[Array, Array]:
    r"""`scaled_dot_product_attention` of documents packed into one row, each of them alone.

    $$\mathrm{packed}(Q, K, V)_{[c_n, c_{n+1})} = \mathrm{attention}(Q, K, V \text{ of } [c_n, c_{n+1}))$$

    The same as a `document_mask`, in time and memory that do not grow with the square of the whole row.

    Args:
        query: (..., heads, total, width), floats; (total, width) for a single head.
        key: (..., key heads, total, width), floats.
        value: (..., key heads, total, value width), floats.
        cu_seqlens: as for `document_ids`; the same documents in every row.
        is_causal, scale, return_lse: as for `scaled_dot_product_attention`; places are counted within a document.

    Returns:
        What `scaled_dot_product_attention` returns, for each document bit for bit what it returns for it alone.

    Raises:
        TypeError: if an argument is not floating, or `cu_seqlens` are no integers.
        ValueError: if the shapes do not fit, or the documents are not all of the row.

    Examples:
        >>> same = np.zeros((3, 1))
        >>> mc.packed_attention(same, same, [[2.0], [4.0], [9.0]], [0, 2, 3])
        array([[3.],
               [3.],
               [9.]])

    Source:
        Krell et al., Efficient Sequence Packing without Cross-contamination, arXiv:2107.02027, §3.2.
    """
    q, k, v = _checked(query, key, value)
    is_causal, with_lse = flag("is_causal", is_causal), flag("return_lse", return_lse)
    output = np.empty((*q.shape[:-1], v.shape[-1]), _common_dtype(q, k, v))
    lse = np.empty(q.shape[:-1], _work_dtype(q, k, v))
    for rows in _documents(q, k, cu_seqlens):
        parts = (x[..., rows, :] for x in (q, k, v))
        output[..., rows, :], lse[..., rows] = scaled_dot_product_attention(
            *parts, is_causal=is_causal, scale=scale, return_lse=True
        )
    return (output, lse) if with_lse else output


def packed_attention_vjp(
    cotangent: npt.ArrayLike,
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    cu_seqlens: npt.ArrayLike,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> tuple[Array, Array, Array]:
    r"""Pull a cotangent back through `packed_attention`: no document sends anything to another.

    Args:
        cotangent: the shape of the output.
        query, key, value, cu_seqlens, is_causal, scale: as given to `packed_attention`.

    Returns:
        The cotangents of query, key and value, in their shapes and dtypes.

    Raises:
        TypeError: if an argument is not floating, or `cu_seqlens` are no integers.
        ValueError: if the shapes do not fit, or the documents are not all of the row.

    Examples:
        >>> same = np.zeros((3, 1))
        >>> mc.packed_attention_vjp([[1.0], [1.0], [5.0]], same, same, same, [0, 2, 3])[2]
        array([[1.],
               [1.],
               [5.]])
    """
    g, (q, k, v) = floating("cotangent", cotangent), _checked(query, key, value)
    if g.shape != (expected := (*q.shape[:-1], v.shape[-1])):
        raise ValueError(f"`cotangent` must have the shape of the output {expected}, got {g.shape}")
    is_causal, bars = flag("is_causal", is_causal), tuple(np.zeros_like(x) for x in (q, k, v))
    for rows in _documents(q, k, cu_seqlens):
        parts = (x[..., rows, :] for x in (g, q, k, v))
        pulled = scaled_dot_product_attention_vjp(*parts, is_causal=is_causal, scale=scale)
        for bar, part in zip(bars, pulled, strict=True):
            bar[..., rows, :] = part
    return bars[0], bars[1], bars[2]


def _bounds(cu_seqlens: npt.ArrayLike) -> Array:
    """Where documents begin and the last one ends, checked."""
    bounds = integers("cu_seqlens", cu_seqlens)
    if bounds.ndim != 1 or not bounds.size or bounds[0] != 0 or (bounds[1:] < bounds[:-1]).any():
        shown = bounds.tolist() if bounds.ndim == 1 and bounds.size < 10 else f"an array of shape {bounds.shape}"
        raise ValueError(f"`cu_seqlens` must be one row that begins with 0 and never falls, got {shown}")
    return bounds.astype(np.int64)


def _documents(query: Array, key: Array, cu_seqlens: npt.ArrayLike) -> Iterator[slice]:
    """The places of each document."""
    bounds, total = _bounds(cu_seqlens).tolist(), query.shape[-2]
    if total != key.shape[-2]:
        raise ValueError(f"`query` and `key` must have one length, got {total} and {key.shape[-2]}")
    if bounds[-1] != total:
        raise ValueError(f"`cu_seqlens` must end at the length of the row {total}, got {bounds[-1]}")
    return (slice(start, end) for start, end in itertools.pairwise(bounds))
