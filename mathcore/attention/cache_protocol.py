"""What a cache of keys and values must have, so that anybody's can be used, and judged by the same claims."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import numpy.typing as npt

from mathcore._arrays import Array


@runtime_checkable
class AttentionCache(Protocol):
    """The keys and values of the tokens so far: it grows, it is asked, it is cut back.

    `KeyValueCache`, `PagedKeyValueCache` and `RotatingKeyValueCache` are such caches. Feeding a text in pieces of any
    size and asking after each piece gives the rows that attention to the whole text gives at once. A cache never
    changes: the one that `append` or `trim` was called on still gives what it gave.

    Examples:
        >>> isinstance(mc.PagedKeyValueCache(), mc.AttentionCache)
        True
    """

    def __len__(self) -> int:
        """How many tokens there were: the position of the next one."""
        ...

    def append(self, key: npt.ArrayLike, value: npt.ArrayLike) -> Self:
        """This cache and the tokens after it, (..., heads, new tokens, width) each.

        Examples:
            >>> cache: mc.AttentionCache = mc.PagedKeyValueCache()
            >>> len(cache.append(key=[[1.0], [0.0]], value=[[2.0], [4.0]]))
            2
        """
        ...

    def trim(self, length: int) -> Self:
        """The first `length` tokens alone: a draft that was rejected is as if it had never been appended.

        Examples:
            >>> cache: mc.AttentionCache = mc.PagedKeyValueCache()
            >>> len(cache.append(key=[[1.0], [0.0]], value=[[2.0], [4.0]]).trim(1))
            1
        """
        ...

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
        """`scaled_dot_product_attention` of the last tokens, whose queries these are, over all of them.

        Examples:
            >>> cache: mc.AttentionCache = mc.PagedKeyValueCache()
            >>> cache.append(key=[[0.0], [0.0]], value=[[2.0], [4.0]]).attend([[1.0]])
            array([[3.]])
        """
        ...
