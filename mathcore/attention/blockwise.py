"""Attention over blocks of keys, and two partial results merged."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, working
from mathcore._scalars import flag, whole
from mathcore.attention._args import _attention_args, _checked, _common_dtype
from mathcore.attention._partial import _log_sum_exp, _merge, _output, _Partial
from mathcore.attention.dot_product import _attend


@overload
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
    return_lse: Literal[False] = False,
    block_size: int = 512,
    window: int | None = None,
    softcap: float | None = None,
) -> Array: ...
@overload
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
    return_lse: Literal[True],
    block_size: int = 512,
    window: int | None = None,
    softcap: float | None = None,
) -> tuple[Array, Array]: ...
@overload
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
    return_lse: bool,
    block_size: int = 512,
    window: int | None = None,
    softcap: float | None = None,
) -> Array | tuple[Array, Array]: ...
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
    window: int | None = None,
    softcap: float | None = None,
) -> Array | tuple[Array, Array]:
    r"""`scaled_dot_product_attention` in blocks, in memory that does not grow with queries × keys.

    Each block of keys leaves its maximum m, total t and unnormalised output a; two of them merge to

    $$m = \max(m_1, m_2), \qquad t = e^{m_1 - m}t_1 + e^{m_2 - m}t_2, \qquad a = e^{m_1 - m}a_1 + e^{m_2 - m}a_2$$

    and the output is a / t at the end. Blocks that the causal mask or a window
    covers are skipped.

    Args:
        query, key, value, mask, bias, is_causal, query_offset, scale, return_lse, window, softcap: as for
            `scaled_dot_product_attention`.
        block_size: how many queries and keys a block has.

    Returns:
        What `scaled_dot_product_attention` returns, up to rounding.

    Raises:
        TypeError: if an argument is not floating, or `mask` is not of bools.
        ValueError: if the shapes do not fit, or `block_size` or `window` is below 1, or `softcap`
            is not above 0.

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
    block_size, return_lse = whole("block_size", block_size, 1), flag("return_lse", return_lse)
    args = _attention_args(q, k, v, mask, bias, is_causal, query_offset, scale, window, softcap)
    output, lse = _attend(args, _common_dtype(q, k, v), return_lse, (block_size, block_size))
    return output if lse is None else (output, lse)


def merge_attention(
    output_a: npt.ArrayLike, lse_a: npt.ArrayLike, output_b: npt.ArrayLike, lse_b: npt.ArrayLike
) -> tuple[Array, Array]:
    r"""Merge the attention of the same queries over two disjoint sets of keys.

    $$\ell = \ln(e^{\ell_a} + e^{\ell_b}), \qquad O = e^{\ell_a - \ell} O_a + e^{\ell_b - \ell} O_b$$

    Args:
        output_a, output_b: (..., queries, value width), floats.
        lse_a, lse_b: (..., queries), floats; −∞ in a fully masked row, whose output does not matter.

    Returns:
        The output and the log-sum-exp over both sets, in the dtypes that the two outputs and the two log-sum-exps
        promote to. Where one side is fully masked, the other comes back bit for bit; where both are, zeros and −∞.

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
    with quiet():
        merged = _merge(*(_from_result(x.astype(work), y.astype(work)) for x, y in zip((a, b), lse, strict=True)))
        output = _output(merged).astype(np.result_type(a, b), copy=False)
        return output, _log_sum_exp(merged).astype(np.result_type(*lse), copy=False)


def _from_result(output: Array, lse: Array) -> _Partial:
    """A finished result as a partial one: the log-sum-exp stands for a single score."""
    nothing = np.asarray(lse == -np.inf, dtype=bool)[..., None]
    zero, one = (np.asarray(n, dtype=output.dtype) for n in (0, 1))
    return _Partial(np.where(nothing, zero, output), np.where(nothing, zero, one), lse[..., None])
