"""Attention: every word asks, every word answers, and the answers are mixed by how well they fit.

Shapes are (..., heads, time, width). Query heads may share a key head: then their rows are laid under one another,
and one matrix product serves the whole group. A key that is not seen has the score −∞, so nothing of it is left,
whatever it holds.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, lowest, rounded, working
from mathcore._blocks import beside, highest, product, share, table_block
from mathcore.layers import linear, linear_vjp
from mathcore.positions import rope, rope_vjp

Place: TypeAlias = tuple[int, ...]  # of a key head: its indices along the leading axes; () means all of them
Index: TypeAlias = tuple[Any, ...]

_FEW = 2**10  # numbers: below, fewer calls are worth more than fewer bytes


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
) -> Array | tuple[Array, Array]:
    r"""Mix the values by how well their keys answer each query.

    $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d} + B\right) V$$

    Args:
        query: (..., heads, queries, width), floats; (queries, width) for a single head.
        key: (..., key heads, keys, width), floats. Query head h uses key head h // (heads / key heads).
        value: (..., key heads, keys, value width), floats.
        mask: bools that broadcast to (..., heads, queries, keys); a key is seen where True.
        bias: floats that broadcast alike, added to the scores; −∞ hides a key as the mask does.
        is_causal: query i sees no key beyond i + `query_offset`.
        query_offset: where the first query stands, counted from the first key; used by `is_causal` alone.
        scale: what the products are multiplied by; 1/√width if None.
        return_lse: also return the logarithm of each row's sum of exponentials, as `merge_attention` needs it.

    Returns:
        (..., heads, queries, value width), in the dtype that query, key and value promote to; with `return_lse` a
        pair, the second (..., heads, queries) in the precision of the arithmetic. A query that sees nothing gets
        zeros, and −∞. What is not seen has no influence, NaN and ∞ included; a visible ∞ comes through however
        small its weight. A query that sees a single key gets its value bit for bit. No output overflows where its
        values do not; where the highest score overflows, it is NaN.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> same = np.zeros((2, 1))
        >>> mc.scaled_dot_product_attention(same, same, value=[[2.0], [4.0]], is_causal=True)
        array([[2.],
               [3.]])

    Source:
        Vaswani et al., Attention Is All You Need, arXiv:1706.03762, §3.2.1.
    """
    q, k, v = _checked(query, key, value)
    problem = _problem(q, k, v, mask, bias, is_causal, query_offset, scale)
    output, lse = _attend(problem, _common_dtype(q, k, v), return_lse)
    return output if lse is None else (output, lse)


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
) -> tuple[Array, Array, Array]:
    r"""Pull a cotangent Ō of `scaled_dot_product_attention` back to query, key and value; `bias` is a constant.

    $$\bar V = P^\top \bar O, \qquad \bar P = \bar O V^\top, \qquad
      \bar S_{ij} = P_{ij}\Big(\bar P_{ij} - \sum_k P_{ik}\bar P_{ik}\Big), \qquad
      \bar Q = \frac{\bar S K}{\sqrt d}, \qquad \bar K = \frac{\bar S^\top Q}{\sqrt d}$$

    Args:
        cotangent: (..., heads, queries, value width), floats, the shape of the output.
        query, key, value, mask, bias, is_causal, query_offset, scale: as given to `scaled_dot_product_attention`.

    Returns:
        The cotangents of query, key and value, each in the shape and dtype of its input; a key head collects those
        of all query heads that share it. A key that no query sees gets exact zeros.

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
    q_bar, k_bar, v_bar = _attention_vjp(working(g), _problem(q, k, v, mask, bias, is_causal, query_offset, scale))
    return rounded(q_bar, like=q), rounded(k_bar, like=k), rounded(v_bar, like=v)


def attention_weights(
    query: npt.ArrayLike,
    key: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    is_causal: bool = False,
    query_offset: int = 0,
    scale: float | None = None,
) -> Array:
    r"""The mixing matrix of `scaled_dot_product_attention`: row i says how much query i takes from each key.

    $$P = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d} + B\right)$$

    Args:
        query, key, mask, bias, is_causal, query_offset, scale: as given to `scaled_dot_product_attention`.

    Returns:
        (..., heads, queries, keys), in the dtype that query and key promote to. Exactly 0 for a key that is not seen.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.attention_weights([[1.0]], key=np.log([[1.0], [3.0]]))  # weights as 1 to 3
        array([[0.25, 0.75]])
    """
    q, k, _ = _checked(query, key, key)
    problem = _problem(q, k, k, mask, bias, is_causal, query_offset, scale)
    weights = np.empty((*q.shape[:-1], k.shape[-2]), _common_dtype(q, k))

    def weigh(place: Place, rows: slice) -> None:
        block = problem.block(place, rows, slice(None))
        weights[*problem.heads(place), rows, :] = _weights(block, block.seen())

    problem.share(weigh, (problem.cut() or (max(q.shape[-2], 1),))[0])
    return weights


def merge_attention(
    output_a: npt.ArrayLike, lse_a: npt.ArrayLike, output_b: npt.ArrayLike, lse_b: npt.ArrayLike
) -> tuple[Array, Array]:
    r"""Combine what the same queries found among two disjoint sets of keys.

    $$\ell = \ln(e^{\ell_a} + e^{\ell_b}), \qquad O = e^{\ell_a - \ell} O_a + e^{\ell_b - \ell} O_b$$

    Args:
        output_a, output_b: (..., queries, value width), floats.
        lse_a, lse_b: (..., queries), floats; −∞ where a query saw nothing, and then its output does not matter.

    Returns:
        The output and the log-sum-exp over both sets, in the dtypes that the two outputs and the two log-sum-exps
        promote to. Where one side saw nothing, the other comes back bit for bit; where both did, zeros and −∞.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> output, lse = mc.merge_attention([[2.0]], [np.log(1.0)], [[4.0]], [np.log(3.0)])  # weights as 1 to 3
        >>> output
        array([[3.5]])

    Source:
        Dao et al., FlashAttention, arXiv:2205.14135, §3.1.
    """
    a, b = floating("output_a", output_a), floating("output_b", output_b)
    lse = floating("lse_a", lse_a), floating("lse_b", lse_b)
    shapes = (a.shape, lse[0].shape, b.shape, lse[1].shape)
    if a.ndim == 0 or shapes != (a.shape, a.shape[:-1]) * 2:
        raise ValueError(
            "`output_a` and `output_b` must have one shape (..., queries, width), `lse_a` and `lse_b` must have "
            f"(..., queries), got {shapes[0]}, {shapes[2]}, {shapes[1]}, {shapes[3]}"
        )
    work = np.result_type(*(working(x) for x in (a, b, *lse)))
    mix = _joined(*(_found(x.astype(work), y.astype(work)) for x, y in zip((a, b), lse, strict=True)))
    output = _output(mix).astype(np.result_type(a, b), copy=False)
    return output, _log_total(mix).astype(np.result_type(*lse), copy=False)


def blockwise_attention(
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
    block_size: int = 512,
) -> Array | tuple[Array, Array]:
    r"""`scaled_dot_product_attention` in blocks, in memory that does not grow with queries × keys.

    Each block of keys leaves its maximum m, total t and unnormalised mix a; two of them join to

    $$m = \max(m_1, m_2), \qquad t = e^{m_1 - m}t_1 + e^{m_2 - m}t_2, \qquad a = e^{m_1 - m}a_1 + e^{m_2 - m}a_2$$

    and the output is a / t at the end. Blocks beyond the causal edge are not touched.

    Args:
        query, key, value, mask, bias, is_causal, query_offset, scale, return_lse: as for
            `scaled_dot_product_attention`.
        block_size: how many queries and keys are worked on at a time.

    Returns:
        What `scaled_dot_product_attention` returns, up to rounding.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit, or `block_size` is below 1.

    Examples:
        >>> same = np.zeros((2, 1))
        >>> mc.blockwise_attention(same, same, value=[[2.0], [4.0]], is_causal=True, block_size=1)
        array([[2.],
               [3.]])

    Source:
        Milakov & Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867; Dao et al., FlashAttention,
        arXiv:2205.14135.
    """
    q, k, v = _checked(query, key, value)
    if operator.index(block_size) < 1:
        raise ValueError(f"`block_size` must be at least 1, got {block_size}")
    problem = _problem(q, k, v, mask, bias, is_causal, query_offset, scale)
    output, lse = _attend(problem, _common_dtype(q, k, v), return_lse, (block_size, block_size))
    return output if lse is None else (output, lse)


class KeyValueCache:
    """The keys and values of the words read so far, so that each word is projected once.

    A cache never changes: `append` returns a longer one, and all earlier ones stay valid. Caches that grow from one
    another share memory, which doubles when it is full; two that grow from the same one part ways by a copy.
    Threads must not extend one cache at the same time.

        cache = KeyValueCache()
        for query, key, value in words:  # (..., heads, 1, width) each
            cache = cache.append(key, value)
            output = cache.attend(query)

    Examples:
        >>> cache = mc.KeyValueCache().append(key=[[1.0, 0.0]], value=[[5.0]])
        >>> longer = cache.append(key=[[0.0, 1.0]], value=[[7.0]])
        >>> len(cache), len(longer)
        (1, 2)
    """

    __slots__ = ("_length", "_store")

    def __init__(self) -> None:
        self._store = _Store(np.empty((0, 0)), np.empty((0, 0)), used=-1)
        self._length = 0

    def __len__(self) -> int:
        """How many words have been read: the position of the next one."""
        return self._length

    @property
    def key(self) -> Array:
        """The keys, (..., heads, time, width), as a view that cannot be written to.

        Examples:
            >>> mc.KeyValueCache().append(key=[[1.0, 0.0]], value=[[5.0]]).key
            array([[1., 0.]])
        """
        return self._read(self._store.key)

    @property
    def value(self) -> Array:
        """The values, (..., heads, time, value width), as a view that cannot be written to.

        Examples:
            >>> mc.KeyValueCache().append(key=[[1.0, 0.0]], value=[[5.0]]).value
            array([[5.]])
        """
        return self._read(self._store.value)

    def append(self, key: npt.ArrayLike, value: npt.ArrayLike) -> KeyValueCache:
        """This cache and the words after it.

        Args:
            key: (..., heads, new words, width), floats; rotated already, if they are to be.
            value: (..., heads, new words, value width), floats.

        Returns:
            A cache longer by the new words.

        Raises:
            TypeError: if an argument is not floating.
            ValueError: if a dtype or a shape, but for the number of words, differs from that of the words before.

        Examples:
            >>> len(mc.KeyValueCache().append(key=np.zeros((3, 2)), value=np.zeros((3, 1))))
            3
        """
        k, v = floating("key", key), floating("value", value)
        _, k, v = _checked(k, k, v)
        if self._length:
            _check_continues("key", self.key, k)
            _check_continues("value", self.value, v)
        end, store = self._length + k.shape[-2], self._store
        if store.used != self._length or store.key.shape[-2] < end:  # another cache grew here, or there is no room
            store = _Store(_room(self.key, k, self._length), _room(self.value, v, self._length), used=self._length)
        store.key[..., self._length : end, :] = k
        store.value[..., self._length : end, :] = v
        store.used = end
        longer = KeyValueCache()
        longer._store, longer._length = store, end
        return longer

    def attend(
        self,
        query: npt.ArrayLike,
        *,
        mask: npt.ArrayLike | None = None,
        bias: npt.ArrayLike | None = None,
        is_causal: bool = True,
        scale: float | None = None,
        return_lse: bool = False,
    ) -> Array | tuple[Array, Array]:
        """`scaled_dot_product_attention` of the last words read, whose queries these are, over all of the words.

        Args:
            query: (..., heads, queries, width), floats; the last of them stands at the last word.
            mask, bias, is_causal, scale, return_lse: as for `scaled_dot_product_attention`.

        Returns:
            What `scaled_dot_product_attention` returns.

        Raises:
            TypeError: if an argument is not floating, or `mask` is not of bools.
            ValueError: if the cache is empty, or the shapes do not fit.

        Examples:
            >>> cache = mc.KeyValueCache().append(key=[[0.0], [0.0]], value=[[2.0], [4.0]])
            >>> cache.attend([[1.0]])  # both keys fit equally well
            array([[3.]])
        """
        if not self._length:
            raise ValueError("the cache must hold at least one word, it is empty")
        q = floating("query", query)
        offset = self._length - (q.shape[-2] if q.ndim > 1 else 0)
        return scaled_dot_product_attention(
            q, self.key, self.value, mask=mask, bias=bias, is_causal=is_causal, query_offset=offset, scale=scale,
            return_lse=return_lse,
        )  # fmt: skip

    def _read(self, store: Array) -> Array:
        view = store[..., : self._length, :]
        view.flags.writeable = False
        return view


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
    r"""Several attentions side by side, each through projections of its own, and mixed at the end.

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
        rope_base: turn queries and keys by `rope` with this base, query i at position i + `query_offset`, key j at
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
    heads, _ = _attend(_problem(q, k, v, mask, bias, is_causal, query_offset, scale), work)
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
        The cotangent of x, and those of the matrices under their names, each in the shape and dtype of its input.

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
    problem = _problem(q, k, v, mask, bias, is_causal, query_offset, scale)
    heads = _side_by_side(_attend(problem, work)[0])
    heads_bar, output_bar = linear_vjp(working(floating("cotangent", cotangent)), heads, w["output"])[:2]
    q_bar, k_bar, v_bar = _attention_vjp(_split(heads_bar, num_heads), problem)
    if rope_base is not None:
        q_bar, k_bar = rope_vjp(q_bar, q, base=rope_base, offset=query_offset), rope_vjp(k_bar, k, base=rope_base)
    pulled = {
        name: linear_vjp(_side_by_side(bar), inputs, w[name])
        for name, bar in (("query", q_bar), ("key", k_bar), ("value", v_bar))
    }
    x_bar = pulled["query"][0] + pulled["key"][0] + pulled["value"][0]
    w_bar = {**{name: pair[1] for name, pair in pulled.items()}, "output": output_bar}
    return rounded(x_bar, like=x), {name: rounded(w_bar[name], like=weights[name]) for name in weights}


def multi_head_attention_step(
    x: npt.ArrayLike,
    params: Mapping[str, npt.ArrayLike],
    cache: KeyValueCache,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    mask: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    scale: float | None = None,
    rope_base: float | None = None,
) -> tuple[Array, KeyValueCache]:
    r"""Causal `multi_head_attention` of the next words, those before being in the cache.

    Feeding a text in pieces of any size, one word or all of them, gives the rows that the whole text gives.

    Args:
        x: (..., new words, features), floats.
        params, num_heads, num_kv_heads, scale, rope_base: as for `multi_head_attention`.
        cache: the words before, as the last step returned it; `KeyValueCache()` at the start.
        mask, bias: that broadcast to (..., heads, new words, words so far).

    Returns:
        (..., new words, outputs), in the dtype that `x` and the weights promote to; and the cache with the new words,
        in the precision of the arithmetic.

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
    q, k, v = _project(x.astype(work), w, num_heads, num_kv_heads, rope_base, len(cache), len(cache))
    longer = cache.append(k, v)
    heads, _ = _attend(_problem(q, longer.key, longer.value, mask, bias, True, len(cache), scale), work)
    y = linear(_side_by_side(heads), w["output"])
    return y.astype(np.result_type(x, *weights.values()), copy=False), longer


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
        scores = product(rows, _turned(self.key)).reshape(*self.query.shape[:-1], self.key.shape[-2])
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
        return table_block((*self.query.shape[:-1], self.key.shape[-2]), group, self.query.dtype)

    def share(self, task: Callable[[Place, slice], None], height: int) -> None:
        """Call `task(place, rows)` for all heads at once, or one key head at a time if there is much to do."""
        places = [()] if self.cut() is None else list(np.ndindex(*self.key.shape[:-2]))
        parts = [(place, rows) for place in places for rows in _blocks(self.query.shape[-2], height)]
        if self.cut() is None:
            for part in parts:
                task(*part)
        else:
            share(lambda i: task(*parts[i]), len(parts))


class _Mix(NamedTuple):
    """What queries found among some keys: Σ e^(s − top)·value, Σ e^(s − top), and top, their highest score."""

    values: Array  # (..., queries, value width)
    total: Array  # (..., queries, 1), 0 where nothing was seen
    top: Array  # (..., queries, 1), −∞ where nothing was seen
    divided: Array | None = None  # (..., queries, 1), the rows whose sum overflows: values are Σ / total; None: no row


@dataclass
class _Store:
    """Memory that caches share: `used` words of it are taken."""

    key: Array
    value: Array
    used: int


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
    shape, top = scores.shape, highest(scores)
    exponentials = _exp_below(scores, top, out=scores)
    total = np.add.reduce(exponentials, axis=-1, keepdims=True)
    finite, divided = v if problem.plain else _finite(v), None
    values = product(_grouped(exponentials, problem.key_heads), finite).reshape(*shape[:-1], v.shape[-1])
    if not problem.roomy and _overflows(values):
        weights = _grouped(exponentials / _at_least_one(total), problem.key_heads)
        halves = product(weights, finite / 2).reshape(values.shape)
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


def _found(output: Array, lse: Array) -> _Mix:
    """A finished result as a mix: the log-sum-exp stands for a single score."""
    nothing = np.asarray(lse == -np.inf, dtype=bool)[..., None]
    zero, one = (np.asarray(n, dtype=output.dtype) for n in (0, 1))
    return _Mix(np.where(nothing, zero, output), np.where(nothing, zero, one), lse[..., None])


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
        exponentials = _exp_below(scores, highest(scores), out=scores)
        total = np.add.reduce(exponentials, axis=-1, keepdims=True)
        weights = beside(np.divide, exponentials, _at_least_one(total), exponentials)
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
        p_bar = _where_seen(seen, product(_grouped(g, heads), _turned(v)).reshape(p.shape))
        s_bar = _where_seen(seen, p * (p_bar - (p * p_bar).sum(axis=-1, keepdims=True)))
        s_bar = _grouped(s_bar, heads)  # (..., key heads, group · queries, keys)
        q_bar = product(s_bar, _finite(k)).reshape(q.shape)
        k_bar = product(_turned(s_bar), _grouped(_finite(q), heads))
        v_bar = product(_turned(_grouped(p, heads)), _grouped(_finite(g), heads))
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
    return np.exp(beside(np.subtract, x, np.maximum(top, lowest(top.dtype)), out), out=out)


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


def _check_continues(name: str, before: Array, new: Array) -> None:
    """New rows must be like those before, in all but their number."""
    if before.dtype != new.dtype or (*before.shape[:-2], before.shape[-1]) != (*new.shape[:-2], new.shape[-1]):
        raise ValueError(
            f"`{name}` must continue {before.dtype} of shape {before.shape} along the time axis, "
            f"got {new.dtype} of shape {new.shape}"
        )


def _room(old: Array, new: Array, length: int) -> Array:
    """Memory for at least the `length` old rows, copied, and the new ones; twice the old if that is more."""
    capacity = max(2 * length, length + new.shape[-2])
    room = np.empty((*new.shape[:-2], capacity, new.shape[-1]), dtype=new.dtype)
    room[..., :length, :] = old[..., :length, :] if length else 0
    return room


def _matrices(params: Mapping[str, npt.ArrayLike]) -> dict[str, Array]:
    """The four weight matrices."""
    names = ("query", "key", "value", "output")
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
    key_heads = num_heads if num_kv_heads is None else num_kv_heads
    if x.ndim < 2:
        raise ValueError(f"`x` must have shape (..., time, features), got {x.shape}")
    q = _split(linear(x, w["query"]), num_heads)
    k, v = _split(linear(x, w["key"]), key_heads), _split(linear(x, w["value"]), key_heads)
    if rope_base is not None:
        q, k = rope(q, base=rope_base, offset=query_offset), rope(k, base=rope_base, offset=key_offset)
    return _checked(q, k, v)


def _split(x: Array, heads: int) -> Array:
    """(..., time, heads · width) → (..., heads, time, width)."""
    if heads < 1 or x.shape[-1] % heads:
        raise ValueError(f"the columns of a projection must divide into {heads} heads, got {x.shape[-1]} columns")
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).swapaxes(-2, -3)


def _side_by_side(x: Array) -> Array:
    """(..., heads, time, width) → (..., time, heads · width)."""
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])
