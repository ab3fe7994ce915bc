"""ALiBi: scores that fall with the distance of the key."""

from __future__ import annotations

import numpy as np

from mathcore._arrays import Array
from mathcore._scalars import whole
from mathcore.attention.masks import _offset, _sizes

_MOST_HEADS = 2**16


def alibi_slopes(num_heads: int) -> Array:
    r"""How fast the scores of each head fall with the distance.

    $$m_h = 2^{-8h/n}, \qquad h = 1, \dots, n, \quad n = 2^k$$

    For a number of heads that is no power of two, as the authors' code has it: the slopes of the largest power of two
    below, and then every other one of the next power, 1st, 3rd, 5th, …, as many as are needed.

    Args:
        num_heads: n, from 1 to 65,536.

    Returns:
        (heads,), float64; exact where 8h / n is whole.

    Raises:
        TypeError: if `num_heads` is no integer.
        ValueError: if it is below 1 or above 65,536.

    Examples:
        >>> mc.alibi_slopes(4)
        array([0.25      , 0.0625    , 0.015625  , 0.00390625])

    Source:
        Press, Smith & Lewis, Train Short, Test Long, arXiv:2108.12409, §3, and its code, `get_slopes`.
    """
    heads = whole("num_heads", num_heads, 1, _MOST_HEADS)
    power = 1 << heads.bit_length() - 1  # the largest power of two that is no more than `heads`
    return np.concatenate([_geometric(power), _geometric(2 * power)[::2][: heads - power]])


def alibi_bias(num_heads: int, queries: int, keys: int | None = None, *, query_offset: int = 0) -> Array:
    r"""What ALiBi adds to the scores, as `bias` of `scaled_dot_product_attention`.

    $$B_{hij} = -m_h\,|i + \text{offset} - j|$$

    It says nothing of what a query may see: `is_causal` or a mask does.

    Args:
        num_heads: as for `alibi_slopes`.
        queries, keys, query_offset: as for `causal_mask`.

    Returns:
        (heads, queries, keys), float64.

    Raises:
        TypeError: if a number is no integer.
        ValueError: if a number is out of range.

    Examples:
        >>> mc.alibi_bias(2, 3)[0]
        array([[-0.    , -0.0625, -0.125 ],
               [-0.0625, -0.    , -0.0625],
               [-0.125 , -0.0625, -0.    ]])

    Source:
        Press, Smith & Lewis, Train Short, Test Long, arXiv:2108.12409, §3.
    """
    slopes, offset = alibi_slopes(num_heads), _offset(query_offset)
    rows, columns = _sizes(queries, keys)
    distance = abs(np.arange(rows)[:, None] + offset - np.arange(columns))  # (queries, keys)
    return -slopes[:, None, None] * distance


def _geometric(heads: int) -> Array:
    """The slopes of a power of two of heads: the exponents are exact."""
    return np.exp2(-8.0 * np.arange(1, heads + 1) / heads)
