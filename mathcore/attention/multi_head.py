"""Multi-head attention, step by step too, and its derivative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, rounded, working
from mathcore._scalars import mapping, whole
from mathcore.attention._args import _attention_args, _checked, _work_dtype
from mathcore.attention.cache_protocol import AttentionCache
from mathcore.attention.dot_product import _attend, _attention_vjp
from mathcore.layers.linear import linear, linear_vjp
from mathcore.positions.rope import rope, rope_vjp

AnyCache = TypeVar("AnyCache", bound=AttentionCache)


def multi_head_attention(
    x: npt.ArrayLike,
    params: Mapping[str, npt.ArrayLike],
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    rope_base: float | None = None,
) -> Array:
    r"""Attention heads side by side, each with projections of its own, and an output projection.

    $$\mathrm{head}_h = \mathrm{attention}(xW^Q_h, xW^K_h, xW^V_h), \qquad y = [\mathrm{head}_1, \dots,
      \mathrm{head}_H]\,W^O$$

    Args:
        x: (..., time, features), floats.
        params: the weight matrices "query" (features, heads · width), "key" (features, key heads · width), "value"
            (features, key heads · value width) and "output" (heads · value width, outputs); floats. Head h has the
            h-th slice of the columns.
        num_heads: heads of the queries.
        num_kv_heads: heads of keys and values, a divisor of `num_heads`; `num_heads` if None.
        mask, bias, is_causal, query_offset, scale: as for `scaled_dot_product_attention`.
        rope_base: rotate queries and keys by `rope` with this base, query i at position i + `query_offset`, key j at
            j; no rotation if None.

    Returns:
        (..., time, outputs), in the dtype that `x` and the weights promote to.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if `params` has other names, or the shapes do not fit; the message gives them.

    Examples:
        >>> params = {"query": np.zeros((2, 2)), "key": np.eye(2), "value": np.eye(2), "output": np.eye(2)}
        >>> mc.multi_head_attention([[2.0, 4.0], [4.0, 8.0]], params, num_heads=2, is_causal=True)
        array([[2., 4.],
               [3., 6.]])

    Source:
        Vaswani et al., arXiv:1706.03762, §3.2.2; key heads shared by groups: Ainslie et al., arXiv:2305.13245.
    """
    x, weights = floating("x", x), _matrices(params)
    work = _work_dtype(x, *weights.values())
    w = {name: matrix.astype(work) for name, matrix in weights.items()}
    q, k, v = _project(x.astype(work), w, num_heads, num_kv_heads, rope_base, query_offset, 0)
    heads, _ = _attend(_attention_args(q, k, v, mask, bias, is_causal, query_offset, scale), work)
    with quiet():
        return linear(_side_by_side(heads), w["output"]).astype(np.result_type(x, *weights.values()), copy=False)


def multi_head_attention_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    params: Mapping[str, npt.ArrayLike],
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
    rope_base: float | None = None,
) -> tuple[Array, dict[str, Array]]:
    r"""Pull a cotangent of `multi_head_attention` back to x and the four weight matrices: the steps in reverse.

    Args:
        cotangent: (..., time, outputs), floats, the shape of the output.
        x, params, num_heads, num_kv_heads, mask, bias, is_causal, query_offset, scale, rope_base: as given to
            `multi_head_attention`.

    Returns:
        The gradient of x, and those of the matrices under their names, each in the shape and dtype of its input.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if `params` has other names, or the shapes do not fit; the message gives them.

    Examples:
        >>> params = {"query": np.eye(2), "key": np.eye(2), "value": np.eye(2), "output": np.eye(2)}
        >>> x_bar, weight_bars = mc.multi_head_attention_vjp([[1.0, 1.0]], [[2.0, 4.0]], params, num_heads=2)
        >>> weight_bars["output"]
        array([[2., 2.],
               [4., 4.]])
    """
    x, weights = floating("x", x), _matrices(params)
    work = _work_dtype(x, *weights.values())
    inputs, w = x.astype(work), {name: matrix.astype(work) for name, matrix in weights.items()}
    q, k, v = _project(inputs, w, num_heads, num_kv_heads, rope_base, query_offset, 0)
    args = _attention_args(q, k, v, mask, bias, is_causal, query_offset, scale)
    heads = _side_by_side(_attend(args, work)[0])
    heads_bar, output_bar = linear_vjp(working(floating("cotangent", cotangent)), heads, w["output"])[:2]
    q_bar, k_bar, v_bar = _attention_vjp(_split(heads_bar, num_heads), args)[:3]
    if rope_base is not None:
        q_bar, k_bar = rope_vjp(q_bar, q, base=rope_base, offset=query_offset), rope_vjp(k_bar, k, base=rope_base)
    pulled = {
        name: linear_vjp(_side_by_side(bar), inputs, w[name])
        for name, bar in (("query", q_bar), ("key", k_bar), ("value", v_bar))
    }
    with quiet():
        x_bar = pulled["query"][0] + pulled["key"][0] + pulled["value"][0]
        w_bar = {**{name: pair[1] for name, pair in pulled.items()}, "output": output_bar}
        return rounded(x_bar, like=x), {name: rounded(w_bar[name], like=weights[name]) for name in weights}


def multi_head_attention_step(
    x: npt.ArrayLike,
    params: Mapping[str, npt.ArrayLike],
    cache: AnyCache,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    scale: float | None = None,
    rope_base: float | None = None,
) -> tuple[Array, AnyCache]:
    r"""Causal `multi_head_attention` of the next tokens, those before being in the cache.

    Feeding a sequence in chunks of any size, one token or all of them, gives the rows that the whole sequence gives.

    Args:
        x: (..., new tokens, features), floats.
        params, num_heads, num_kv_heads, scale, rope_base: as for `multi_head_attention`.
        cache: the tokens before, as the last step returned it; at the start an empty one: `KeyValueCache()` or
            any other `AttentionCache`.
        mask, bias: that broadcast to (..., heads, new tokens, tokens so far).

    Returns:
        (..., new tokens, outputs), in the dtype that `x` and the weights promote to; and the cache with the new
        tokens, in the dtype of the arithmetic.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if `params` has other names, or the shapes do not fit; the message gives them.

    Examples:
        >>> params = {"query": np.zeros((2, 2)), "key": np.eye(2), "value": np.eye(2), "output": np.eye(2)}
        >>> y, cache = mc.multi_head_attention_step([[2.0, 4.0]], params, mc.KeyValueCache(), num_heads=2)
        >>> mc.multi_head_attention_step([[4.0, 8.0]], params, cache, num_heads=2)[0]
        array([[3., 6.]])
    """
    x, weights = floating("x", x), _matrices(params)
    work = _work_dtype(x, *weights.values())
    w = {name: matrix.astype(work) for name, matrix in weights.items()}
    if not isinstance(cache, AttentionCache):
        raise TypeError(f"`cache` must have what an AttentionCache has, got {type(cache).__name__}")
    q, k, v = _project(x.astype(work), w, num_heads, num_kv_heads, rope_base, len(cache), len(cache))
    longer = cache.append(k, v)
    nothing = np.empty((*q.shape[:-1], v.shape[-1]), work)
    heads = longer.attend(q, mask=mask, bias=bias, scale=scale) if len(longer) else nothing
    y = linear(_side_by_side(cast("Array", heads)), w["output"])
    with quiet():
        return y.astype(np.result_type(x, *weights.values()), copy=False), longer


def _matrices(params: Mapping[str, npt.ArrayLike]) -> dict[str, Array]:
    """The four weight matrices."""
    names = ("query", "key", "value", "output")
    mapping("params", params)
    if set(params) != set(names):
        raise ValueError(f"`params` must have the names {', '.join(names)}, got {', '.join(map(str, params))}")
    return {name: floating(f"params[{name!r}]", params[name]) for name in names}


def _project(
    x: Array,
    w: Mapping[str, Array],
    num_heads: int,
    num_kv_heads: int | None,
    rope_base: float | None,
    query_offset: int,
    key_offset: int,
) -> tuple[Array, Array, Array]:
    """Queries, keys and values of all heads, (..., heads, time, width) each, rotated if asked for."""
    num_heads = whole("num_heads", num_heads, 1)
    key_heads = num_heads if num_kv_heads is None else whole("num_kv_heads", num_kv_heads, 1)
    if x.ndim < 2:
        raise ValueError(f"`x` must have shape (..., time, features), got {x.shape}")
    q = _split(linear(x, w["query"]), num_heads)
    k, v = _split(linear(x, w["key"]), key_heads), _split(linear(x, w["value"]), key_heads)
    if rope_base is not None:
        q, k = rope(q, base=rope_base, offset=query_offset), rope(k, base=rope_base, offset=key_offset)
    return _checked(q, k, v)


def _split(x: Array, heads: int) -> Array:
    """(..., time, heads · width) → (..., heads, time, width)."""
    if x.shape[-1] % heads:
        raise ValueError(f"the columns of a projection must divide into {heads} heads, got {x.shape[-1]} columns")
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).swapaxes(-2, -3)


def _side_by_side(x: Array) -> Array:
    """(..., heads, time, width) → (..., time, heads · width)."""
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])
