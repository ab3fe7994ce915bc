"""What every form of attention shares: options checked, who sees whom, weights, sums."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, lowest, working
from mathcore._compute.blocks import score_tile
from mathcore._compute.matmul import matmul_tiled
from mathcore._compute.reduce import apply_columnwise, row_max
from mathcore._compute.threads import parallel_for

Place: TypeAlias = tuple[int, ...]  # of a key head: its indices along the leading axes; () means all of them


Index: TypeAlias = tuple[Any, ...]


_FEW = 2**10  # numbers: below, fewer calls are worth more than fewer bytes


class _Problem(NamedTuple):
    """Checked inputs in the precision of the arithmetic; mask and bias may still broadcast."""

    query: Array
    key: Array
    value: Array
    mask: Array | None
    bias: Array | None
    is_causal: bool
    offset: int
    scale: float | None
    plain: bool  # whether a matrix product treats the values as it should
    roomy: bool  # whether it is known that no sum of values overflows

    @property
    def key_heads(self) -> int:
        """How many heads share the query heads among them."""
        return self.key.shape[-3] if self.key.ndim > 2 else 1

    @property
    def seen_by_all(self) -> int:
        """How many of the leading keys every query sees, as far as nothing but causality hides any."""
        keys = 0 if self.mask is not None or self.bias is not None else self.key.shape[-2]
        return max(0, min(keys, self.offset + 1)) if self.is_causal else keys

    def seen(self, first: int = 0) -> Array | None:
        """Which keys from `first` on each query sees, in a shape that broadcasts to the scores; None if all of them.

        `first` may be up to `seen_by_all`.
        """
        conditions = [] if self.mask is None else [self.mask]
        if self.bias is not None:
            conditions.append(np.asarray(self.bias != -np.inf, dtype=bool))
        queries, keys = self.query.shape[-2], self.key.shape[-2]
        if self.is_causal and self.offset < keys - 1:  # else even the first query sees the last key
            conditions.append(np.tri(queries, keys - first, self.offset - first, dtype=bool))
        return functools.reduce(np.logical_and, conditions) if conditions else None

    def scaled(self, x: Array) -> Array:
        """`x` times the scale."""
        return x / _root(self.query.shape[-1]) if self.scale is None else x * self.scale

    def scores(self) -> Array:
        """(..., heads, queries, keys), −∞ where not seen, whatever stands there."""
        rows = _grouped(self.scaled(self.query), self.key_heads)  # (..., key heads, group · queries, width)
        scores = matmul_tiled(rows, _turned(self.key)).reshape(*self.query.shape[:-1], self.key.shape[-2])
        if self.bias is not None:
            scores = np.add(scores, self.bias, out=scores)
        first = self.seen_by_all
        seen = self.seen(first)
        if seen is not None:
            np.copyto(scores[..., first:], -np.inf, where=~seen)
        return scores

    def reach(self, rows: slice) -> int:
        """How many of the leading keys any of these queries can see."""
        keys = self.key.shape[-2]
        return max(0, min(keys, rows.stop + self.offset)) if self.is_causal else keys

    def heads(self, place: Place) -> Index:
        """The index of the query heads that share the key head at `place`; of all heads, if that is empty."""
        if not place:
            return (...,)
        group = self.query.shape[-3] // self.key_heads
        return (*place[:-1], slice(place[-1] * group, (place[-1] + 1) * group))

    def block(self, place: Place, rows: slice, columns: slice) -> _Problem:
        """The same problem for the key head at `place`, some of the queries and some of the keys."""
        heads: Any = (*self.heads(place), rows)
        keys: Any = (*place[:-1], slice(place[-1], place[-1] + 1), columns) if place else (..., columns, slice(None))
        shape = (*self.query.shape[:-1], self.key.shape[-2])
        mask, bias = (None if m is None else np.broadcast_to(m, shape)[*heads, columns] for m in (self.mask, self.bias))
        return self._replace(
            query=self.query[*heads, :],
            key=self.key[keys],
            value=self.value[keys],
            mask=mask,
            bias=bias,
            offset=self.offset + (rows.start or 0) - (columns.start or 0),
        )

    def cut(self) -> tuple[int, int] | None:
        """How many (queries, keys) to work on at a time; None: all of this at once."""
        group = self.query.shape[-3] // self.key_heads if self.query.ndim > 2 and self.key_heads else 1
        return score_tile((*self.query.shape[:-1], self.key.shape[-2]), group, self.query.dtype)

    def share(self, task: Callable[[Place, slice], None], height: int) -> None:
        """Call `task(place, rows)` for all heads at once, or one key head at a time if there is much to do."""
        places = [()] if self.cut() is None else list(np.ndindex(*self.key.shape[:-2]))
        parts = [(place, rows) for place in places for rows in _blocks(self.query.shape[-2], height)]
        if self.cut() is None:
            for part in parts:
                task(*part)
        else:
            parallel_for(lambda i: task(*parts[i]), len(parts))


class _Mix(NamedTuple):
    """What queries found among some keys: Σ e^(s − top)·value, Σ e^(s − top), and top, their highest score."""

    values: Array  # (..., queries, value width)
    total: Array  # (..., queries, 1), 0 where nothing was seen
    top: Array  # (..., queries, 1), −∞ where nothing was seen
    divided: Array | None = None  # (..., queries, 1), the rows whose sum overflows: values are Σ / total; None: no row


def _attend(
    problem: _Problem, dtype: np.dtype[Any], with_lse: bool = False, block: tuple[int, int] | None = None
) -> tuple[Array, Array | None]:
    """The output in that dtype and, if asked for, the log-sum-exp; in blocks of (queries, keys) if it is large."""
    block = block or problem.cut()
    if block is None:  # quickly: small calls are many
        with np.errstate(invalid="ignore", over="ignore"):
            mix = _mix(problem)
        return _output(mix).astype(dtype, copy=False), _log_total(mix) if with_lse else None
    height, breadth = block
    output = np.empty((*problem.query.shape[:-1], problem.value.shape[-1]), dtype)
    lse = np.empty(output.shape[:-1], problem.query.dtype) if with_lse else None

    def attend(place: Place, rows: slice) -> None:
        heads = problem.heads(place)
        columns = list(_blocks(problem.reach(rows), breadth)) or [slice(0)]
        with np.errstate(invalid="ignore", over="ignore"):  # what is hidden may be anything
            found = (_mix(problem.block(place, rows, some)) for some in columns)
            mix = functools.reduce(_joined, found)
        output[*heads, rows, :] = _output(mix)
        if lse is not None:
            lse[*heads, rows] = _log_total(mix)

    problem.share(attend, height)
    return output, lse


def _mix(problem: _Problem) -> _Mix:
    """Attention before the division."""
    scores, v = problem.scores(), problem.value
    shape, top = scores.shape, row_max(scores)
    exponentials = _exp_below(scores, top, out=scores)
    total = np.add.reduce(exponentials, axis=-1, keepdims=True)
    finite, divided = v if problem.plain else _finite(v), None
    values = matmul_tiled(_grouped(exponentials, problem.key_heads), finite).reshape(*shape[:-1], v.shape[-1])
    if not problem.roomy and _overflows(values):
        weights = _grouped(exponentials / _at_least_one(total), problem.key_heads)
        halves = matmul_tiled(weights, finite / 2).reshape(values.shape)
        values, divided = _rows_divided(values, ~np.isfinite(values), _doubled(halves))
    if shape[-1] and not problem.plain:
        seen = problem.seen()
        values = _with_specials(values, np.broadcast_to(True if seen is None else seen, shape), v)
    return _Mix(values, total, top, divided)


def _joined(a: _Mix, b: _Mix) -> _Mix:
    """What was found among two disjoint sets of keys."""
    top = np.maximum(a.top, b.top)
    with np.errstate(invalid="ignore", over="ignore"):  # ∞ − ∞ is NaN, as it must be
        share_a, share_b = _exp_below(a.top, top), _exp_below(b.top, top)
        values = _share(share_a, a.values) + _share(share_b, b.values)
        total = share_a * a.total + share_b * b.total
        divided = None
        if a.divided is not None or b.divided is not None or _overflows(values):
            halves = _share(share_a * a.total / total, _output(a) / 2)
            halves = halves + _share(share_b * b.total / total, _output(b) / 2)
            overflows = ~np.isfinite(values) & np.isfinite(a.values) & np.isfinite(b.values)
            for side in (a, b):
                overflows = overflows if side.divided is None else overflows | side.divided
            values, divided = _rows_divided(values, overflows, _doubled(halves))
    nothing_a, nothing_b = a.total == 0, b.total == 0
    if np.any(nothing_a) or np.any(nothing_b):  # the other side as it is: a sum with 0 would lose its −0.0
        values = np.where(nothing_a, b.values, np.where(nothing_b, a.values, values))
    return _Mix(values, total, top, divided)


def _overflows(x: Array) -> bool:
    """Whether any of these sums may have overflowed."""
    return x.dtype != object and not np.isfinite(x).all()


def _doubled(halves: Array) -> Array:
    """Twice a mix of halves, which rounding alone could carry beyond the largest number."""
    most = np.finfo(halves.dtype).max / 2
    return np.where(np.isinf(halves), halves, np.clip(halves, -most, most)) * 2


def _rows_divided(values: Array, overflows: Array, quotients: Array) -> tuple[Array, Array]:
    """`quotients` in the rows where anything overflows, and which rows these are."""
    rows = np.any(overflows, axis=-1, keepdims=True)
    return np.where(rows, quotients, values), rows


def _share(share: Array, x: Array) -> Array:
    """`share` · x; of ∞ and NaN all of it, however small the share, even where it underflowed."""
    if x.dtype == object or np.isfinite(x).all():
        return share * x
    return np.where(np.isfinite(x) | np.isnan(share), share * x, x)


def _output(mix: _Mix) -> Array:
    """The output: zeros where nothing was seen."""
    total = _at_least_one(mix.total)
    return mix.values / (total if mix.divided is None else np.where(mix.divided, 1, total))


def _log_total(mix: _Mix) -> Array:
    """The log-sum-exp of each row, (..., queries): −∞ where nothing was seen."""
    seen = np.asarray(mix.total != 0, dtype=bool)
    log = np.log(mix.total, where=seen, out=np.zeros_like(mix.total))
    return (mix.top + log)[..., 0]


def _weights(problem: _Problem, seen: Array | None) -> Array:
    """softmax of the scores, exactly 0 where not seen."""
    with np.errstate(invalid="ignore", over="ignore"):  # what is hidden may be anything
        scores = problem.scores()
        exponentials = _exp_below(scores, row_max(scores), out=scores)
        total = np.add.reduce(exponentials, axis=-1, keepdims=True)
        weights = apply_columnwise(np.divide, exponentials, _at_least_one(total), exponentials)
    return _where_seen(seen, weights)


def _attention_vjp(g: Array, problem: _Problem) -> tuple[Array, Array, Array]:
    """The cotangents of query, key and value."""
    bars = tuple(np.zeros_like(x) for x in (problem.query, problem.key, problem.value))

    def pull(place: Place, rows: slice) -> None:
        heads, block = problem.heads(place), problem.block(place, rows, slice(None))
        keys = (*place[:-1], slice(place[-1], place[-1] + 1)) if place else (...,)
        for bar, index, pulled in zip(bars, (heads, keys, keys), _block_vjp(g[heads], block), strict=True):
            bar[index] = pulled

    problem.share(pull, max(problem.query.shape[-2], 1))
    return bars[0], bars[1], bars[2]


def _block_vjp(g: Array, problem: _Problem) -> tuple[Array, Array, Array]:
    """All queries and keys of a block at once."""
    q, k, v, heads, seen = problem.query, problem.key, problem.value, problem.key_heads, problem.seen()
    p = _weights(problem, seen)  # (..., heads, queries, keys)
    with np.errstate(invalid="ignore", over="ignore"):  # hidden NaN and ∞ are removed as soon as they appear
        p_bar = _where_seen(seen, matmul_tiled(_grouped(g, heads), _turned(v)).reshape(p.shape))
        s_bar = _where_seen(seen, p * (p_bar - (p * p_bar).sum(axis=-1, keepdims=True)))
        s_bar = _grouped(s_bar, heads)  # (..., key heads, group · queries, keys)
        q_bar = matmul_tiled(s_bar, _finite(k)).reshape(q.shape)
        k_bar = matmul_tiled(_turned(s_bar), _grouped(_finite(q), heads))
        v_bar = matmul_tiled(_turned(_grouped(p, heads)), _grouped(_finite(g), heads))
        if g.dtype != object and not np.isfinite(g).all():
            strays = _strays(_turned(np.broadcast_to(True if seen is None else seen, p.shape)), g)
            v_bar = v_bar + strays.reshape(*v_bar.shape[:-2], -1, *v_bar.shape[-2:]).sum(axis=-3)
    return problem.scaled(q_bar), problem.scaled(k_bar), v_bar


def _exp_below(x: Array, top: Array, out: Array | None = None) -> Array:
    """e^(x − top) for x ≤ top; 0 where x = −∞, also if that is the top itself."""
    if x.dtype == object:  # a float −∞ among other objects has no exp, and some have no difference from it
        there = np.asarray(x != -np.inf, dtype=bool)
        gaps = np.subtract(x, top, where=there, out=np.zeros(x.shape, dtype=object))
        return np.exp(gaps, where=there, out=np.zeros(x.shape, dtype=object))
    out = np.empty(x.shape, x.dtype) if out is None else out
    return np.exp(apply_columnwise(np.subtract, x, np.maximum(top, lowest(top.dtype)), out), out=out)


def _at_least_one(total: Array) -> Array:
    """The sum of the exponentials below their top, e⁰ being one of them; 1 where there is none."""
    if total.dtype == object:
        return np.where(np.asarray(total == 0, dtype=bool), 1, total)
    return np.maximum(total, 1)


def _where_seen(seen: Array | None, x: Array) -> Array:
    """`x`, exactly 0 where not seen."""
    return x if seen is None else np.where(seen, x, np.zeros((), dtype=x.dtype))


def _finite(x: Array) -> Array:
    """`x` with 0 in place of NaN and ∞, which a product with the weight 0 would spread."""
    if x.dtype == object or np.isfinite(x).all():
        return x
    return np.where(np.isfinite(x), x, np.zeros((), dtype=x.dtype))


def _kind(v: Array) -> tuple[bool, bool]:
    """Whether a matrix product treats these values as it should: finite, no −0.0; and if surely no sum overflows."""
    if v.size > _FEW:
        most = float(max(np.maximum.reduce(v, axis=None), -np.minimum.reduce(v, axis=None)))  # NaN if there is one
        finite, roomy = most < math.inf, most * v.shape[-2] < float(-lowest(v.dtype)) / 2
    else:
        few = v.ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            roomy = math.isfinite(np.dot(few, few))  # then none is above the root of the largest number
        if roomy and np.count_nonzero(few) == v.size:
            return True, True
        finite = bool(np.isfinite(v).all())
    return bool(finite and (v.all() or not np.signbit(v[v == 0]).any())), roomy


def _with_specials(values: Array, seen: Array, v: Array) -> Array:
    """Put right what the product of weights and `v` (..., key heads, keys, width) lost: NaN, ∞, a lone −0.0."""
    if v.ndim > 2:
        v = np.repeat(v, values.shape[-3] // v.shape[-3], axis=-3)  # (..., heads, keys, width)
    strays = _strays(seen, v)
    with np.errstate(invalid="ignore"):
        values = np.where(strays == 0, values, values + strays)  # keeps −0.0
    alone = seen.sum(axis=-1, keepdims=True) == 1
    return np.where(alone, np.take_along_axis(v, seen.argmax(axis=-1)[..., None], axis=-2), values)


def _strays(seen: Array, v: Array) -> Array:
    """What NaN and ∞ among the seen rows of `v` add to a sum with positive weights: ±∞, NaN, or 0."""

    def meets(which: Array) -> Array:
        return np.matmul(seen.astype(v.dtype), which.astype(v.dtype)) > 0

    with np.errstate(invalid="ignore"):  # ∞ − ∞ is NaN, as it must be
        infinite = np.where(meets(v == np.inf), np.inf, 0) - np.where(meets(v == -np.inf), np.inf, 0)
    return (infinite + np.where(meets(np.isnan(v)), np.nan, 0)).astype(v.dtype)


def _root(width: int) -> int | float:
    """√width, an integer where it is one, so that exact numbers stay exact."""
    root = math.isqrt(width)
    return root if root * root == width else math.sqrt(width)


def _grouped(x: Array, key_heads: int) -> Array:
    """Query heads that share a key head, one under another: (..., heads, T, n) → (..., key heads, group · T, n)."""
    if x.ndim == 2 or x.shape[-3] == key_heads:
        return x
    group = x.shape[-3] // max(key_heads, 1)
    return x.reshape(*x.shape[:-3], key_heads, group * x.shape[-2], x.shape[-1])


def _turned(x: Array) -> Array:
    """The last two axes exchanged."""
    return x.swapaxes(-1, -2)


def _blocks(length: int, size: int) -> Iterator[slice]:
    """[0, length) in pieces of `size`."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


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


def _problem(
    q: Array,
    k: Array,
    v: Array,
    mask: npt.ArrayLike | None,
    bias: npt.ArrayLike | None,
    is_causal: bool,
    query_offset: int,
    scale: float | None,
) -> _Problem:
    """The options checked, and everything in one precision."""
    work = _work_dtype(q, k, v)
    shape = (*q.shape[:-1], k.shape[-2])
    keep = None if mask is None else np.asarray(mask)
    if keep is not None and keep.dtype != np.bool_:
        raise TypeError(f"`mask` must be an array of bools, got dtype {keep.dtype}; what is added to scores is `bias`")
    added = None if bias is None else np.asarray(bias)
    if added is not None and added.dtype == np.bool_:
        raise TypeError("`bias` must be an array of floats, got dtype bool; what a query may see is `mask`")
    if added is not None:
        added = floating("bias", added)
        if added.dtype != work and work.kind != "O":  # a finite bias stays finite: only −∞ hides
            most = -lowest(work)
            added = np.where(np.isfinite(added), np.clip(added, -most, most), added).astype(work)
    for name, given in (("mask", keep), ("bias", added)):
        if given is not None and not _broadcasts(given.shape, shape):
            raise ValueError(f"`{name}` must broadcast to (..., heads, queries, keys) = {shape}, got {given.shape}")
    if scale is not None and work.kind != "O":
        scale = float(scale)
    q, k, v = (x.astype(work, copy=False) for x in (q, k, v))
    plain, roomy = (True, True) if v.dtype == object else _kind(v)
    return _Problem(q, k, v, keep, added, bool(is_causal), operator.index(query_offset), scale, plain, roomy)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of that shape broadcasts to the other without making it larger."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def _work_dtype(*arrays: Array) -> np.dtype[Any]:
    """The precision the arithmetic is done in."""
    common = _common_dtype(*arrays)
    return np.result_type(*(working(np.empty(0, a.dtype)) for a in arrays)) if common.itemsize == 2 else common


def _common_dtype(*arrays: Array) -> np.dtype[Any]:
    """What these arrays promote to; quick if that is all the same."""
    dtypes = {a.dtype for a in arrays}
    return dtypes.pop() if len(dtypes) == 1 else np.result_type(*arrays)
