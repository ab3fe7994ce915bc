"""Masks for attention: bools, True where a key is visible; several are combined by `&`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, integers
from mathcore._scalars import whole
from mathcore.attention._args import _FARTHEST
from mathcore.attention.visibility import causal


def causal_mask(queries: int, keys: int | None = None, *, query_offset: int = 0) -> Array:
    r"""Every key up to the query's own position is visible, as with `is_causal`.

    $$M_{ij} = [j \le i + \text{offset}]$$

    Args:
        queries, keys: how many; as many keys as queries for None.
        query_offset: the position of the first query, counted from the first key.

    Returns:
        (queries, keys), bools.

    Raises:
        TypeError: if a number is no integer.
        ValueError: if there are fewer than none.

    Examples:
        >>> mc.causal_mask(2, 3, query_offset=1)
        array([[ True,  True, False],
               [ True,  True,  True]])
    """
    return causal(*_sizes(queries, keys), _offset(query_offset))


def window_mask(queries: int, keys: int | None = None, *, window: int, query_offset: int = 0) -> Array:
    r"""The last `window` keys up to the query's own position are visible: a sliding window.

    $$M_{ij} = [i + \text{offset} - \text{window} < j \le i + \text{offset}]$$

    Args:
        queries, keys, query_offset: as for `causal_mask`.
        window: how many keys, the query's own included; ≥ 1.

    Returns:
        (queries, keys), bools.

    Raises:
        TypeError: if a number is no integer.
        ValueError: if a number is too small.

    Examples:
        >>> mc.window_mask(3, window=2)
        array([[ True, False, False],
               [ True,  True, False],
               [False,  True,  True]])

    Source:
        Beltagy, Peters & Cohan, Longformer (2020), arXiv:2004.05150, section 3.1.
    """
    sizes, width, offset = _sizes(queries, keys), whole("window", window, 1, _FARTHEST), _offset(query_offset)
    return causal(*sizes, offset) & ~causal(*sizes, offset - width)


def document_mask(documents: npt.ArrayLike, key_documents: npt.ArrayLike | None = None) -> Array:
    r"""Every key of the query's own document is visible, where texts are packed into one row.

    $$M_{ij} = [d_i = d_j]$$

    Args:
        documents: (..., queries), integers: the document of each query.
        key_documents: (..., keys), integers: the document of each key; those of the queries for None.

    Returns:
        (queries, keys), bools; (..., 1, queries, keys), the same for all heads, for more axes.

    Raises:
        TypeError: if documents are not integers.
        ValueError: if there is no axis of queries, or the leading axes do not broadcast.

    Examples:
        >>> mc.document_mask([7, 7, 8])
        array([[ True,  True, False],
               [ True,  True, False],
               [False, False,  True]])
    """
    of_queries = integers("documents", documents)
    of_keys = of_queries if key_documents is None else integers("key_documents", key_documents)
    if not (of_queries.ndim and of_keys.ndim):
        raise ValueError("`documents` must have an axis of queries or keys, got an array without axes")
    try:
        mask = of_queries[..., :, None] == of_keys[..., None, :]
    except ValueError:
        raise ValueError(
            f"`documents` {of_queries.shape} and `key_documents` {of_keys.shape} must broadcast but for their last axis"
        ) from None
    return mask if mask.ndim == 2 else np.expand_dims(mask, -3)


def padding_mask(lengths: npt.ArrayLike, keys: int) -> Array:
    r"""Of rows that were filled up to a common length, only what is within a row's own length is visible.

    $$M_j = [j < n]$$

    Args:
        lengths: (...), integers in [0, keys]: how many keys each row has.
        keys: the common length.

    Returns:
        (1, keys), bools, for one length; (..., 1, 1, keys), the same for all heads and queries, for more.

    Raises:
        TypeError: if lengths are not integers.
        ValueError: if a length is below 0 or above `keys`.

    Examples:
        >>> mc.padding_mask(2, keys=3)
        array([[ True,  True, False]])
        >>> mc.padding_mask([1, 3], keys=3).shape
        (2, 1, 1, 3)
    """
    of_rows, most = integers("lengths", lengths), whole("keys", keys, 0, _FARTHEST)
    if ((of_rows < 0) | (of_rows > most)).any():
        raise ValueError(f"`lengths` must lie in [0, {most}], got {int(of_rows.min())} to {int(of_rows.max())}")
    mask = np.arange(most) < of_rows[..., None]
    return mask[None] if mask.ndim == 1 else mask[..., None, None, :]


def prefix_mask(queries: int, keys: int | None = None, *, prefix: npt.ArrayLike, query_offset: int = 0) -> Array:
    r"""The first keys are visible to all queries, and of the others every key up to the query's own position.

    $$M_{ij} = [j < \text{prefix} \,\lor\, j \le i + \text{offset}]$$

    A prefix language model reads a question in both directions, and writes the answer in one.

    Args:
        queries, keys, query_offset: as for `causal_mask`.
        prefix: (...), integers from 0: how many keys the prefix of each row has.

    Returns:
        (queries, keys), bools, for one length; (..., 1, queries, keys), the same for all heads, for more.

    Raises:
        TypeError: if a number is no integer.
        ValueError: if a number is too small.

    Examples:
        >>> mc.prefix_mask(3, prefix=2)
        array([[ True,  True, False],
               [ True,  True, False],
               [ True,  True,  True]])

    Source:
        Raffel et al., Exploring the Limits of Transfer Learning, arXiv:1910.10683, §3.2.1.
    """
    (n, m), lengths = _sizes(queries, keys), integers("prefix", prefix)
    if (lengths < 0).any():
        raise ValueError(f"`prefix` must not be negative, got {int(lengths.min())}")
    mask = causal(n, m, _offset(query_offset)) | (np.arange(m) < lengths[..., None, None])
    return mask if lengths.ndim == 0 else np.expand_dims(mask, -3)


def _sizes(queries: int, keys: int | None) -> tuple[int, int]:
    """How many queries and keys, checked."""
    n = whole("queries", queries, 0, _FARTHEST)
    return n, n if keys is None else whole("keys", keys, 0, _FARTHEST)


def _offset(query_offset: int) -> int:
    return whole("query_offset", query_offset, -_FARTHEST, _FARTHEST)
