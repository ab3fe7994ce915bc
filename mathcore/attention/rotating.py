"""A cache for sliding windows: it forgets what no query will see again."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from mathcore._arrays import Array, booleans, floating
from mathcore._scalars import whole
from mathcore.attention._args import _FARTHEST
from mathcore.attention.cache import KeyValueCache, _last_queries
from mathcore.attention.dot_product import scaled_dot_product_attention
from mathcore.attention.visibility import causal


class RotatingKeyValueCache:
    """A cache whose queries see the last `window` tokens, their own included, in memory that the window bounds.

    Decoding with it gives what attention to the whole text under `window_mask` gives. After n tokens were appended at
    once it holds at most 2 · window + n; tokens that no later query sees are dropped by and by. As `KeyValueCache`, it
    never changes.

    Args:
        window: how many tokens a query sees, as for `window_mask`; ≥ 1.

    Raises:
        TypeError: if `window` is no integer.
        ValueError: if it is below 1.

    Examples:
        >>> cache = mc.RotatingKeyValueCache(window=2)
        >>> for n in (1.0, 2.0, 4.0):
        ...     cache = cache.append([[0.0]], [[n]])
        >>> len(cache), cache.attend([[1.0]])  # the mean of the last two
        (3, array([[3.]]))
    """

    def __init__(self, window: int) -> None:
        self._window = whole("window", window, 1, _FARTHEST)
        self._dropped = 0
        self._held = KeyValueCache()

    def __len__(self) -> int:
        """How many tokens there were, those that are dropped included: the position of the next one."""
        return self._dropped + len(self._held)

    def append(self, key: npt.ArrayLike, value: npt.ArrayLike) -> RotatingKeyValueCache:
        """This cache and the tokens after it.

        Args:
            key, value: as for `KeyValueCache.append`.

        Returns:
            A cache longer by the new tokens.

        Raises:
            TypeError: if an argument is not floating.
            ValueError: if a dtype or a shape, but for the number of tokens, differs from that of the tokens before.

        Examples:
            >>> len(mc.RotatingKeyValueCache(2).append(key=np.zeros((3, 2)), value=np.zeros((3, 1))))
            3
        """
        held, dropped, window = self._held, self._dropped, self._window
        if len(held) > 2 * window:  # rarely, so that a token is copied about once
            dropped += len(held) - window
            held = KeyValueCache().append(held.key[..., -window:, :], held.value[..., -window:, :])
        return self._with(held.append(key, value), dropped)

    def trim(self, length: int) -> RotatingKeyValueCache:
        """The first tokens alone, as if no others had been appended.

        Args:
            length: how many; the tokens that a query in the next place sees must not have been dropped.

        Returns:
            A cache that shares their memory.

        Raises:
            TypeError: if `length` is no integer.
            ValueError: if there are not so many, or too many have been dropped.

        Examples:
            >>> len(mc.RotatingKeyValueCache(2).append(np.zeros((3, 2)), np.zeros((3, 1))).trim(1))
            1
        """
        least = self._dropped + self._window - 1 if self._dropped else 0
        length = whole("length", length, least, len(self))
        return self._with(self._held.trim(length - self._dropped), self._dropped)

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
        """`scaled_dot_product_attention` of the last tokens, whose queries these are, over the window of each.

        Args:
            query, is_causal, scale, return_lse, softcap, sinks: as for `KeyValueCache.attend`.
            mask: as for `KeyValueCache.attend`, of all tokens, those that are dropped included.
            bias: likewise.
            window: a narrower one than that of the cache.

        Returns:
            What `scaled_dot_product_attention` returns for the whole text and this window.

        Raises:
            TypeError: if an argument is not floating, or `mask` is not of bools.
            ValueError: if the cache is empty, the shapes do not fit, or a query saw what has been dropped.

        Examples:
            >>> cache = mc.RotatingKeyValueCache(window=1).append(key=[[0.0], [0.0]], value=[[2.0], [4.0]])
            >>> cache.attend([[1.0]])
            array([[4.]])
        """
        q, offset = _last_queries(query, len(self))
        start = max(offset - self._window + 1, 0)  # the first token that any of the queries sees
        if start < self._dropped:
            most = len(self) - self._dropped - self._window + 1
            raise ValueError(
                f"`query` must be of the last {most} tokens, others saw what has been dropped, got {q.shape}"
            )
        held = slice(start - self._dropped, None)
        k, v = self._held.key[..., held, :], self._held.value[..., held, :]
        seen = ~causal(len(self) - offset, len(self) - start, offset - start - self._window)
        if mask is not None:
            seen = seen & self._since(start, "mask", booleans("mask", mask))
        added = None if bias is None else self._since(start, "bias", floating("bias", bias))
        return scaled_dot_product_attention(
            q, k, v, mask=seen, bias=added, is_causal=is_causal, query_offset=offset - start, scale=scale,
            return_lse=return_lse, window=window, softcap=softcap, sinks=sinks,
        )  # fmt: skip

    def _since(self, start: int, name: str, x: Array) -> Any:
        """The columns of a mask or a bias from that token on."""
        if x.ndim and x.shape[-1] not in (1, len(self)):
            raise ValueError(f"`{name}` must have 1 or {len(self)} columns, one for each token, got shape {x.shape}")
        return x[..., start:] if x.ndim and x.shape[-1] != 1 else x

    def _with(self, held: KeyValueCache, dropped: int) -> RotatingKeyValueCache:
        other = RotatingKeyValueCache(self._window)
        other._held, other._dropped = held, dropped
        return other
