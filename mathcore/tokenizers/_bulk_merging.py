"""All places of a pair merged at once, in time that grows with their number and not with the length of a word.

This is for learning merges, where a pair is merged everywhere, and for a piece of very many bytes; `merging` is for
pieces such as words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mathcore._arrays import Array
from mathcore.tokenizers.merging import Pair

_GAP = -1  # between pieces, so that no pair reaches from one into the next
_INSIDE = -2  # any byte of a token but its first


class MergingPieces:
    """Pieces of bytes whose neighbouring tokens become one, a pair at a time.

    The bytes of all pieces stand in one array. A token is at the place of its first byte, so the next one is where its
    length ends. A pair appears at a place once at most, since tokens only grow: where it appeared is never updated, and
    looked at again when it is merged.

    Args:
        pieces: bytes → how often the piece counts.

    Attributes:
        counts: pair → its occurrences in the pieces as they were given, overlapping ones included.
    """

    def __init__(self, pieces: Mapping[bytes, int]) -> None:
        self._ids = np.frombuffer(b"\0".join([b"", *pieces, b""]), np.uint8).astype(np.int32)
        gaps = np.cumsum([0, *(len(piece) + 1 for piece in pieces)])
        self._ids[gaps] = _GAP
        self._weights = np.repeat(np.array([*pieces.values(), 0], np.int64), np.diff(gaps, append=gaps[-1] + 1))
        self._begins = np.arange(len(self._ids))  # at the last byte of a token: the place of the token
        self._lengths = dict.fromkeys(range(256), 1)
        self._places: dict[Pair, Array] = {}
        self.counts: dict[Pair, int] = {}
        at = np.flatnonzero((self._ids[:-1] >= 0) & (self._ids[1:] >= 0))
        for key, places, count in self._grouped(256 * self._ids[at] + self._ids[at + 1], at):
            pair = divmod(key, 256)
            self._places[pair], self.counts[pair] = places, count

    def ids(self) -> Array:
        """The tokens of all pieces, one after the other."""
        return self._ids[self._ids >= 0].astype(np.intp)

    def merge(self, pair: Pair, new: int) -> tuple[list[tuple[Pair, int]], list[tuple[Pair, int]]]:
        """Every occurrence of `pair`, from the left, becomes the token `new`, which is in no piece so far.

        Returns:
            The other pairs that became fewer, and those that are new, with the change of their counts.
        """
        (left, right), ids = pair, self._ids
        at = self._found(pair)
        second = at + self._lengths[left]
        after = second + self._lengths[right]
        ids[at], ids[second] = new, _INSIDE
        self._begins[after - 1] = at
        self._lengths[new] = self._lengths[left] + self._lengths[right]
        before = self._begins[at - 1]
        before = before[(ids[before] >= 0) & (ids[before] != new)]  # two merged neighbours are counted below, once
        fewer, made = [], []
        for token, places, count in self._grouped(ids[before], before):
            self._places[token, new] = places
            fewer.append(((token, left), count))
            made.append(((token, new), count))
        inside = ids[after] >= 0
        for token, places, count in self._grouped(ids[after[inside]], at[inside]):
            self._places[new, token] = places
            fewer.append(((right, left if token == new else token), count))
            made.append(((new, token), count))
        return fewer, made

    def _found(self, pair: Pair) -> Array:
        """Where `pair` is to be merged, in order: of overlapping places every second one, from the left."""
        at, length = self._places.pop(pair), self._lengths[pair[0]]
        at = at[self._ids[at] == pair[0]]
        at = at[self._ids[at + length] == pair[1]]
        if pair[0] != pair[1]:
            return at
        order = np.arange(len(at))
        starts_run = np.diff(at, prepend=-1) != length
        return at[(order - np.maximum.accumulate(np.where(starts_run, order, 0))) % 2 == 0]

    def _grouped(self, keys: Array, places: Array) -> Iterator[tuple[int, Array, int]]:
        """Each key with its places, in order, and their weight."""
        if not len(keys):
            return
        keys = keys.astype(np.min_scalar_type(keys.max()))  # NumPy sorts 16 bits in linear time
        order = np.argsort(keys, kind="stable")
        keys, places = keys[order], places[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.add.reduceat(self._weights[places], starts).tolist()
        bounds = [*starts.tolist(), len(keys)]
        for key, count, start, end in zip(keys[starts].tolist(), counts, bounds, bounds[1:], strict=False):
            yield key, places[start:end], count
