"""Scaled dot-product attention, its weights, and its derivative."""

from __future__ import annotations

import functools
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, rounded, working
from mathcore._compute.blocks import _TILE_ROWS
from mathcore._compute.matmul import by_column, matmul_tiled
from mathcore._compute.reduce import apply_columnwise, row_max
from mathcore._scalars import flag
from mathcore.attention._args import (
    KeyHead,
    _attention_args,
    _AttentionArgs,
    _checked,
    _common_dtype,
    _grouped,
    _tiles,
    _transposed,
)
from mathcore.attention._partial import (
    _at_least_one,
    _exp_below,
    _finite_or_zero,
    _log_sum_exp,
    _merge,
    _nonfinite_contribution,
    _output,
    _traits,
    _unnormalised,
    _zero_masked,
)

_MANY_QUERIES = 48  # from which the product with the keys gains more than it costs to bring their features together

_MOST_COPIED = 2**22  # bytes of keys: the products with more of them copy queries instead, a tile at a time


@overload
def scaled_dot_product_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    return_lse: Literal[False] = False,
    window: int | None = None,
    softcap: float | None = None,
) -> Array: ...
@overload
def scaled_dot_product_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    return_lse: Literal[True],
    window: int | None = None,
    softcap: float | None = None,
) -> tuple[Array, Array]: ...
@overload
def scaled_dot_product_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    return_lse: bool,
    window: int | None = None,
    softcap: float | None = None,
) -> Array | tuple[Array, Array]: ...
def scaled_dot_product_attention(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    return_lse: bool = False,
    window: int | None = None,
    softcap: float | None = None,
) -> Array | tuple[Array, Array]:
    r"""Mix the values by how well their keys answer each query.

    $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d} + B\right) V$$

    Args:
        query: (..., heads, queries, width), floats; (queries, width) for a single head.
        key: (..., key heads, keys, width), floats. Query head h uses key head h // (heads / key heads).
        value: (..., key heads, keys, value width), floats.
        mask: bools that broadcast to (..., heads, queries, keys); a key is visible where True. `causal_mask`,
            `window_mask`, `document_mask` and `padding_mask` make some.
        bias: floats that broadcast alike, added to the scores; −∞ masks a key as the mask does.
        is_causal: mask every key beyond i + `query_offset` for query i.
        query_offset: the position of the first query, counted from the first key; used by `is_causal` and `window`.
        scale: what the products are multiplied by; 1/√width if None.
        return_lse: also return the logarithm of each row's sum of exponentials, as `merge_attention` needs it.
        window: mask every key up to i + `query_offset` − `window` for query i: with `is_causal`, the newest `window`
            keys are visible, the query's own included, and time grows with window × queries. ≥ 1; None: no limit.
        softcap: c > 0: scaled products s become c · tanh(s / c), between −c and c, before the bias is added and keys
            are masked. None or ∞: they stay.

    Returns:
        (..., heads, queries, value width), in the dtype that query, key and value promote to; with `return_lse` a
        pair, the second (..., heads, queries) in the dtype of the arithmetic. A fully masked row gives zeros, and −∞.
        What is masked has no influence, NaN and ∞ included; a visible ∞ comes through however small its weight. A
        query to which a single key is visible gets its value bit for bit. No output overflows where its values do
        not; where the highest score overflows, it is NaN.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit, `window` is below 1, or `softcap` is not above 0; the message says
            what came.

    Examples:
        >>> same = np.zeros((2, 1))
        >>> mc.scaled_dot_product_attention(same, same, value=[[2.0], [4.0]], is_causal=True)
        array([[2.],
               [3.]])

    Source:
        Vaswani et al., Attention Is All You Need, arXiv:1706.03762, §3.2.1.
    """
    q, k, v = _checked(query, key, value)
    args = _attention_args(q, k, v, mask, bias, is_causal, query_offset, scale, window, softcap)
    output, lse = _attend(args, _common_dtype(q, k, v), flag("return_lse", return_lse))
    return output if lse is None else (output, lse)


def _attend(
    args: _AttentionArgs, dtype: np.dtype[Any], with_lse: bool = False, tile: tuple[int, int] | None = None
) -> tuple[Array, Array | None]:
    """The output in that dtype and, if asked for, the log-sum-exp; in tiles of (queries, keys) if there are many."""
    tile = tile or args.tile_shape()
    if args.query.shape[-2] >= _MANY_QUERIES and args.key.nbytes <= _MOST_COPIED:
        args = args._replace(key=by_column(args.key))
    with quiet():
        traits = _traits(args.value)
        if tile is None:  # quickly: small calls are many
            partial = _unnormalised(args, traits)
            output = _output(partial, None if partial.values.dtype == object else partial.values)
            return output.astype(dtype, copy=False), _log_sum_exp(partial) if with_lse else None
    height, breadth = tile
    output = np.empty((*args.query.shape[:-1], args.value.shape[-1]), dtype)
    lse = np.empty(output.shape[:-1], args.query.dtype) if with_lse else None

    def attend(key_head: KeyHead, rows: slice) -> None:
        heads = args.heads(key_head)
        columns = list(_tiles(args.span(rows), breadth)) or [slice(0)]
        with quiet():  # what is masked may be anything
            parts = (_unnormalised(args.tile(key_head, rows, some), traits) for some in columns)
            partial, place = functools.reduce(_merge, parts), output[*heads, rows, :]
            if place.dtype == partial.values.dtype != object:
                _output(partial, place)
            else:
                place[...] = _output(partial)
            if lse is not None:
                lse[*heads, rows] = _log_sum_exp(partial)

    args.for_each_tile_row(attend, height)
    return output, lse


def scaled_dot_product_attention_vjp(
    cotangent: npt.ArrayLike,
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    value: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    window: int | None = None,
    softcap: float | None = None,
) -> tuple[Array, Array, Array]:
    r"""Pull a cotangent Ō of `scaled_dot_product_attention` back to query, key and value; `bias` is a constant.

    $$\bar V = P^\top \bar O, \qquad \bar P = \bar O V^\top, \qquad
      \bar S_{ij} = P_{ij}\Big(\bar P_{ij} - \sum_k P_{ik}\bar P_{ik}\Big), \qquad
      \bar Q = \frac{\bar S K}{\sqrt d}, \qquad \bar K = \frac{\bar S^\top Q}{\sqrt d}$$

    Args:
        cotangent: (..., heads, queries, value width), floats, the shape of the output.
        query, key, value, mask, bias, is_causal, query_offset, scale, window, softcap: as given to
            `scaled_dot_product_attention`.

    Returns:
        The gradients of query, key and value, each in the shape and dtype of its input; a key head collects those
        of all query heads that share it. A key that is masked for every query gets exact zeros.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit, that of `cotangent` included; the message gives them.

    Examples:
        >>> same = np.zeros((2, 1))
        >>> bars = mc.scaled_dot_product_attention_vjp([[1.0], [1.0]], same, same, [[2.0], [4.0]], is_causal=True)
        >>> bars[2]  # of the values: the second query takes half of each
        array([[1.5],
               [0.5]])
    """
    q, k, v = _checked(query, key, value)
    g = floating("cotangent", cotangent)
    if g.shape != (*q.shape[:-1], v.shape[-1]):
        expected = (*q.shape[:-1], v.shape[-1])
        raise ValueError(f"`cotangent` must have the shape of the output {expected}, got {g.shape}")
    q_bar, k_bar, v_bar = _attention_vjp(
        working(g), _attention_args(q, k, v, mask, bias, is_causal, query_offset, scale, window, softcap)
    )
    with quiet():
        return rounded(q_bar, like=q), rounded(k_bar, like=k), rounded(v_bar, like=v)


def _attention_vjp(g: Array, args: _AttentionArgs) -> tuple[Array, Array, Array]:
    """The gradients of query, key and value, a key head at a time."""
    bars = tuple(np.zeros_like(x) for x in (args.query, args.key, args.value))

    in_parts = args.places.window is not None and args.tile_shape() is not None

    def pull(key_head: KeyHead, rows: slice) -> None:
        heads: Any = args.heads(key_head)
        keys: Any = (*key_head[:-1], slice(key_head[-1], key_head[-1] + 1)) if key_head else (...,)
        for some in _tiles(rows, max(_TILE_ROWS, args.places.window or 0)) if in_parts else [rows]:
            columns = args.span(some) if in_parts else slice(None)
            pulled = _tile_vjp(g[*heads, some, :], args.tile(key_head, some, columns))
            places: Any = (*heads, some, slice(None)), (*keys, columns, slice(None)), (*keys, columns, slice(None))
            for bar, index, part in zip(bars, places, pulled, strict=True):
                bar[index] = bar[index] + part if in_parts else part

    args.for_each_tile_row(pull, max(args.query.shape[-2], 1))
    return bars[0], bars[1], bars[2]


def _tile_vjp(g: Array, args: _AttentionArgs) -> tuple[Array, Array, Array]:
    """The gradients of all queries and keys of a tile at once."""
    q, k, v, heads, seen = args.query, args.key, args.value, args.key_heads, args.visible()
    slope = None if args.softcap is None else _slope(args, args.softcap)
    p = _weights(args, seen)  # (..., heads, queries, keys)
    with quiet():  # masked NaN and ∞ are removed as soon as they appear
        p_bar = _zero_masked(seen, matmul_tiled(_grouped(g, heads), _transposed(v)).reshape(p.shape))
        s_bar = _zero_masked(seen, p * (p_bar - (p * p_bar).sum(axis=-1, keepdims=True)))
        if slope is not None:
            s_bar = _zero_masked(seen, s_bar * slope)
        s_bar = _grouped(s_bar, heads)  # (..., key heads, group · queries, keys)
        q_bar = matmul_tiled(s_bar, _finite_or_zero(k)).reshape(q.shape)
        k_bar = matmul_tiled(_transposed(s_bar), _grouped(_finite_or_zero(q), heads))
        v_bar = matmul_tiled(_transposed(_grouped(p, heads)), _grouped(_finite_or_zero(g), heads))
        if g.dtype != object and not np.isfinite(g).all():
            attended = _transposed(np.broadcast_to(True if seen is None else seen, p.shape))
            extra = _nonfinite_contribution(attended, g)
            v_bar = v_bar + extra.reshape(*v_bar.shape[:-2], -1, *v_bar.shape[-2:]).sum(axis=-3)
        return args.scaled(q_bar), args.scaled(k_bar), v_bar


def _slope(args: _AttentionArgs, cap: float) -> Array:
    """The derivative of the capped scores, 1 − tanh²: where tanh is near 1, the product keeps more digits."""
    with quiet():
        t = args.tanh(cap)
        return np.asarray((1 - t) * (1 + t))


def attention_weights(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    window: int | None = None,
    softcap: float | None = None,
) -> Array:
    r"""The mixing matrix of `scaled_dot_product_attention`: row i says how much query i takes from each key.

    $$P = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d} + B\right)$$

    Args:
        query, key, mask, bias, is_causal, query_offset, scale, window, softcap: as given to
            `scaled_dot_product_attention`.

    Returns:
        (..., heads, queries, keys), in the dtype that query and key promote to. Exactly 0 for a masked key.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.attention_weights([[1.0]], key=np.log([[1.0], [3.0]]))  # weights as 1 to 3
        array([[0.25, 0.75]])
    """
    q, k, _ = _checked(query, key, key)
    args = _attention_args(q, k, k, mask, bias, is_causal, query_offset, scale, window, softcap)
    weights = np.empty((*q.shape[:-1], k.shape[-2]), _common_dtype(q, k))

    def weigh(key_head: KeyHead, rows: slice) -> None:
        tile = args.tile(key_head, rows, slice(None))
        with quiet():
            weights[*args.heads(key_head), rows, :] = _weights(tile, tile.visible())

    args.for_each_tile_row(weigh, max((args.tile_shape() or q.shape[-2:])[0], 1))
    return weights


def _weights(args: _AttentionArgs, seen: Array | None) -> Array:
    """softmax of the scores, exactly 0 where masked."""
    with quiet():  # what is masked may be anything
        scores = args.scores()
        exponentials = _exp_below(scores, row_max(scores), out=scores)
        total = np.add.reduce(exponentials, axis=-1, keepdims=True)
        weights = apply_columnwise(np.divide, exponentials, _at_least_one(total), exponentials)
    return _zero_masked(seen, weights)
