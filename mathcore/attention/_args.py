"""The arguments of attention, checked, and the tiles that they are cut into."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, able, floating, lowest, quiet, working
from mathcore._arrivals import read
from mathcore._compute.blocks import score_tile, thread_buffer
from mathcore._compute.matmul import matmul_tiled
from mathcore._compute.threads import parallel_for
from mathcore._scalars import flag, real, whole
from mathcore.attention.visibility import Places, visible

KeyHead: TypeAlias = tuple[int, ...]
"""A key head by its indices along the leading axes; () means all of them."""

Index: TypeAlias = tuple[Any, ...]

_FARTHEST = 2**31  # keys between the first query and the first key; positions reach no further


class _AttentionArgs(NamedTuple):
    """Checked arguments in the dtype of the arithmetic; mask and bias may still broadcast."""

    query: Array
    key: Array
    value: Array
    mask: Array | None
    bias: Array | None
    places: Places
    scale: float | None
    softcap: float | None = None

    @property
    def key_heads(self) -> int:
        """How many heads the keys and values have."""
        return self.key.shape[-3] if self.key.ndim > 2 else 1

    def visible(self) -> Array | None:
        """Which keys are visible to each query; see `visibility.visible`."""
        return visible(self.query.shape[-2], self.key.shape[-2], self.mask, self.bias, self.places)

    def scaled(self, x: Array) -> Array:
        """`x` times the scale."""
        return x / _root(self.query.shape[-1]) if self.scale is None else x * self.scale

    def products(self) -> Array:
        """The products of queries and keys, scaled, (..., heads, queries, keys), in a buffer of this thread."""
        rows = _grouped(self.scaled(self.query), self.key_heads)  # (..., key heads, group · queries, width)
        scores = thread_buffer((*rows.shape[:-1], self.key.shape[-2]), rows.dtype)
        matmul_tiled(rows, _transposed(self.key), scores)
        if scores.shape[:-1] != self.query.shape[:-1]:
            scores = scores.reshape(*self.query.shape[:-1], self.key.shape[-2])
        return scores

    def tanh(self, cap: float) -> Array:
        """The tanh of the products over the cap, in a buffer of this thread."""
        products = self.products()
        quotients = np.divide(products, cap, out=products)
        able(quotients, "tanh")
        return np.tanh(quotients, out=quotients)

    def scores(self) -> Array:
        """The score matrix, (..., heads, queries, keys): −∞ where masked, whatever stands there.

        In a buffer of this thread: see `thread_buffer`.
        """
        scores = self.products() if self.softcap is None else self.tanh(self.softcap)
        if self.softcap is not None:
            np.multiply(scores, self.softcap, out=scores)
        if self.bias is not None:
            np.add(scores, self.bias, out=scores)
        if self.mask is not None or self.bias is not None or self.places.hide(*scores.shape[-2:]):
            self._hide(scores)
        return scores

    def _hide(self, scores: Array) -> None:
        """−∞ in place of the scores of keys that are not visible."""
        queries, keys = scores.shape[-2:]
        if self.mask is None and self.bias is None and scores.dtype != object:
            first = self.places.reach(1, keys)  # the keys before are visible to all, but for a window
            if self.places.window is not None or first <= keys // 4:  # only a long prefix is worth a view with gaps
                first = 0
            # A visible NaN becomes ∞, which makes the row NaN just as well.
            later, places = scores[..., first:], self.places._replace(offset=self.places.offset - first)
            np.fmin(later, places.limit(queries, keys - first, scores.dtype), out=later)
        elif (seen := self.visible()) is not None:
            np.copyto(scores, -np.inf, where=~seen)

    def span(self, rows: slice) -> slice:
        """The keys from the first to the last that any of these queries may attend to."""
        stop = self.places.reach(rows.stop, self.key.shape[-2])
        return slice(min(self.places.start(rows.start), stop), stop)

    def heads(self, key_head: KeyHead) -> Index:
        """The index of the query heads that share this key head."""
        if not key_head:
            return (...,)
        group = self.query.shape[-3] // self.key_heads
        return (*key_head[:-1], slice(key_head[-1] * group, (key_head[-1] + 1) * group))

    def tile(self, key_head: KeyHead, rows: slice, columns: slice) -> _AttentionArgs:
        """The arguments of one tile of the score matrix: a key head, some of the queries and some of the keys."""
        heads: Any = (*self.heads(key_head), rows)
        keys: Any = (
            (*key_head[:-1], slice(key_head[-1], key_head[-1] + 1), columns)
            if key_head
            else (..., columns, slice(None))
        )
        mask, bias = self.mask, self.bias
        if mask is not None or bias is not None:
            shape = (*self.query.shape[:-1], self.key.shape[-2])
            mask, bias = (None if m is None else np.broadcast_to(m, shape)[*heads, columns] for m in (mask, bias))
        places = self.places._replace(offset=self.places.offset + (rows.start or 0) - (columns.start or 0))
        q, k, v = self.query[*heads, :], self.key[keys], self.value[keys]
        return _AttentionArgs(q, k, v, mask, bias, places, self.scale, self.softcap)

    def tile_shape(self) -> tuple[int, int] | None:
        """How many (queries, keys) a tile has; None: the whole score matrix is one."""
        group = self.query.shape[-3] // self.key_heads if self.query.ndim > 2 and self.key_heads else 1
        low = self.places.is_causal or self.places.window is not None  # tiles of fewer queries skip more keys
        return score_tile((*self.query.shape[:-1], self.key.shape[-2]), group, low, self.query.dtype)

    def for_each_tile_row(self, task: Callable[[KeyHead, slice], None], height: int) -> None:
        """Call `task(key_head, rows)` for all heads at once, or on threads, a key head each, if the matrix is large."""
        heads = [()] if self.tile_shape() is None else list(np.ndindex(*self.key.shape[:-2]))
        parts = [(key_head, rows) for key_head in heads for rows in _tiles(slice(0, self.query.shape[-2]), height)]
        if self.tile_shape() is None:
            for part in parts:
                task(*part)
        else:
            parallel_for(lambda i: task(*parts[i]), len(parts))


def _attention_args(
    q: Array,
    k: Array,
    v: Array,
    mask: npt.ArrayLike | None,
    bias: npt.ArrayLike | None,
    is_causal: bool,
    query_offset: int,
    scale: float | None,
    window: int | None = None,
    softcap: float | None = None,
) -> _AttentionArgs:
    """The options checked, and all arrays in the dtype of the arithmetic."""
    work = _work_dtype(q, k, v)
    shape = (*q.shape[:-1], k.shape[-2])
    keep = None if mask is None else mask if type(mask) is np.ndarray else read("mask", mask)
    if keep is not None and keep.dtype != np.bool_:
        raise TypeError(f"`mask` must be an array of bools, got dtype {keep.dtype}; what is added to scores is `bias`")
    added = None if bias is None else bias if type(bias) is np.ndarray else read("bias", bias)
    if added is not None and added.dtype == np.bool_:
        raise TypeError("`bias` must be an array of floats, got dtype bool; what a query may see is `mask`")
    if added is not None:
        added = floating("bias", added)
        if added.dtype.kind == "O" and work.kind != "O":
            raise TypeError(f"`bias` must be an array of floats as `query` is, {work}, got dtype object")
        if added.dtype != work and work.kind != "O":  # a finite bias stays finite: only −∞ masks
            most = -lowest(work)
            with quiet():
                added = np.where(np.isfinite(added), np.clip(added, -most, most), added).astype(work)
    for name, given in (("mask", keep), ("bias", added)):
        if given is not None and not _broadcasts(given.shape, shape):
            raise ValueError(f"`{name}` must broadcast to (..., heads, queries, keys) = {shape}, got {given.shape}")
    if scale is not None:
        scale = real("scale", scale, beside=np.empty(0, work))
    q, k, v = (x.astype(work, copy=False) for x in (q, k, v))
    offset = whole("query_offset", query_offset, -_FARTHEST, _FARTHEST)
    width = None if window is None else whole("window", window, 1, _FARTHEST)
    places = Places(flag("is_causal", is_causal), offset, width)
    return _AttentionArgs(q, k, v, keep, added, places, scale, None if softcap is None else _cap(softcap, work))


def _cap(softcap: float, work: np.dtype[Any]) -> float | None:
    """The cap beside scores of this dtype; None for one so large that it changes none."""
    if work.kind == "O":
        cap = real("softcap", softcap, finite=False, beside=np.empty(0, work))
        if not cap > 0:
            raise ValueError(f"`softcap` must be above 0, got {softcap!r}")
        return None if cap == math.inf else cap
    cap = real("softcap", softcap, float(np.finfo(work).smallest_normal), finite=False)
    return None if cap > -lowest(work) else cap


def _checked(query: npt.ArrayLike, key: npt.ArrayLike, value: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """Query, key and value as arrays whose shapes fit each other; nothing is broadcast."""
    q, k, v = floating("query", query), floating("key", key), floating("value", value)
    if not 2 <= q.ndim == k.ndim == v.ndim:
        fault = "`query`, `key` and `value` must all have shape (..., heads, time, width)"
    elif q.shape[-1] != k.shape[-1] or not q.shape[-1]:
        fault = "`query` and `key` must have the same width, at least 1"
    elif k.shape[:-1] != v.shape[:-1]:
        fault = "`key` and `value` must have the same shape but for their width"
    elif q.shape[:-3] != k.shape[:-3]:
        fault = "`query`, `key` and `value` must agree in the axes before the heads"
    elif q.ndim > 2 and q.shape[-3] != k.shape[-3] and (not k.shape[-3] or q.shape[-3] % k.shape[-3]):
        fault = "the heads of `query` must be a multiple of those of `key`"
    else:
        return q, k, v
    raise ValueError(f"{fault}, got shapes {q.shape}, {k.shape} and {v.shape}")


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of that shape broadcasts to the other without making it larger."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def _work_dtype(*arrays: Array) -> np.dtype[Any]:
    """The dtype of the arithmetic: of 16-bit inputs, a wider one."""
    common = _common_dtype(*arrays)
    return np.result_type(*(working(np.empty(0, a.dtype)) for a in arrays)) if common.itemsize == 2 else common


def _common_dtype(*arrays: Array) -> np.dtype[Any]:
    """What these arrays promote to; quick if that is all the same."""
    dtypes = {a.dtype for a in arrays}
    return dtypes.pop() if len(dtypes) == 1 else np.result_type(*arrays)


def _root(width: int) -> int | float:
    """√width, an integer where it is one, so that exact numbers stay exact."""
    root = math.isqrt(width)
    return root if root * root == width else math.sqrt(width)


def _grouped(x: Array, key_heads: int) -> Array:
    """Query heads that share a key head stacked along the rows, so that one product serves the group.

    (..., heads, T, n) → (..., key heads, group · T, n)
    """
    if x.ndim == 2 or x.shape[-3] == key_heads:
        return x
    group = x.shape[-3] // max(key_heads, 1)
    return x.reshape(*x.shape[:-3], key_heads, group * x.shape[-2], x.shape[-1])


def _transposed(x: Array) -> Array:
    """The matrices transposed: the last two axes exchanged."""
    return x.swapaxes(-1, -2)


def _tiles(whole: slice, size: int) -> Iterator[slice]:
    """[start, stop) in slices of `size`."""
    return (slice(start, min(start + size, whole.stop)) for start in range(whole.start, whole.stop, size))
