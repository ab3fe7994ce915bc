"""Keys and values of the tokens so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating
from mathcore.attention._args import _checked
from mathcore.attention.dot_product import scaled_dot_product_attention


class KeyValueCache:
    """The keys and values of the tokens so far, so that each token is projected once.

    A cache never changes: `append` returns a longer one, and all earlier ones stay valid. Caches that grow from one
    another share memory, which doubles when it is full; two that grow from the same one no longer do: one is copied.
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
        """How many tokens there are: the position of the next one."""
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
        """This cache and the tokens after it.

        Args:
            key: (..., heads, new tokens, width), floats; rotated already, if they are to be.
            value: (..., heads, new tokens, value width), floats.

        Returns:
            A cache longer by the new tokens.

        Raises:
            TypeError: if an argument is not floating.
            ValueError: if a dtype or a shape, but for the number of tokens, differs from that of the tokens before.

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
        window: int | None = None,
        softcap: float | None = None,
    ) -> Array | tuple[Array, Array]:
        """`scaled_dot_product_attention` of the last tokens, whose queries these are, over all of them.

        Args:
            query: (..., heads, queries, width), floats; the last of them is that of the last token.
            mask, bias, is_causal, scale, return_lse, window, softcap: as for `scaled_dot_product_attention`.

        Returns:
            What `scaled_dot_product_attention` returns.

        Raises:
            TypeError: if an argument is not floating, or `mask` is not of bools.
            ValueError: if the cache is empty, the shapes do not fit, or an option is out of range.

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
            return_lse=return_lse, window=window, softcap=softcap,
        )  # fmt: skip

    def _read(self, store: Array) -> Array:
        view = store[..., : self._length, :]
        view.flags.writeable = False
        return view


@dataclass
class _Store:
    """Memory that caches share: `used` tokens of it are taken."""

    key: Array
    value: Array
    used: int


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
