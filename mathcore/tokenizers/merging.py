"""Merges by rank within a piece of text such as a word, remembered for pieces that come again.

Of many pieces at once, while merges are learned, and of pieces of very many bytes `_bulk_merging` takes care.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, TypeAlias

Ids = Sequence[int]
Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Unknown:
    """What becomes of a character without a token.

    Attributes:
        bytes: the ids of its 256 bytes, or None.
        token: the id that it gets, or None.
        fused: whether unknown neighbours get one id together.
    """

    bytes: tuple[int, ...] | None = None
    token: int | None = None
    fused: bool = False


@dataclass(frozen=True)
class MergeModel:
    """A vocabulary and the merges within it.

    Attributes:
        ids: the id of each token, by its symbols: characters, or bytes as the characters of Latin-1.
        ranks: the rank of each pair of ids that is merged.
        made: the id that the merge of a rank makes.
        of_bytes: whether symbols are bytes.
        whole: whether a piece that is a token is that token, whatever the merges say.
        unknown: what becomes of characters without a token.
    """

    ids: Mapping[str, int]
    ranks: Mapping[Pair, int]
    made: Mapping[int, int]
    of_bytes: bool = False
    whole: bool = False
    unknown: Unknown = Unknown()
    _joins: frozenset[str] | None = field(init=False, repr=False)
    _pieces: _Remembered = field(init=False, repr=False)
    _parts: _Remembered = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_joins", self._where_merges_join())
        object.__setattr__(self, "_pieces", _Remembered(self._of_piece))
        object.__setattr__(self, "_parts", _Remembered(self._of_part))

    def __reduce__(self) -> tuple[Any, ...]:
        """As it was made; what it remembers stays behind."""
        return MergeModel, (self.ids, self.ranks, self.made, self.of_bytes, self.whole, self.unknown)

    def encode(self, pieces: Sequence[str]) -> Iterator[int]:
        """The ids of pieces, one piece after the other."""
        return chain.from_iterable(map(self._pieces.__getitem__, pieces))

    def _of_piece(self, piece: str) -> Ids:
        symbols = piece.encode("utf-8", "surrogatepass").decode("latin-1") if self.of_bytes else piece
        if self.whole and symbols in self.ids:
            return (self.ids[symbols],)
        if len(symbols) <= _LONG or self._joins is None:
            return self._of_part(symbols)
        return tuple(chain.from_iterable(map(self._parts.__getitem__, _cut_between(symbols, self._joins))))

    def _of_part(self, symbols: str) -> Ids:
        try:
            units = [self.ids[symbol] for symbol in symbols]
        except KeyError:
            units = self._units(symbols)
        return tuple(merged(units, self.ranks, self.made))

    def _units(self, symbols: str) -> list[int]:
        """The ids of symbols, of which some have none."""
        units: list[int] = []
        before = False  # whether the last symbol was unknown
        for symbol in symbols:
            known = self.ids.get(symbol)
            if known is not None:
                units.append(known)
            elif self.unknown.bytes is not None:
                units += [self.unknown.bytes[byte] for byte in symbol.encode("utf-8", "surrogatepass")]
            elif self.unknown.token is None:
                which = f"the byte {ord(symbol):#04x}" if self.of_bytes else f"{symbol!r} (U+{ord(symbol):04X})"
                raise ValueError(
                    f"the vocabulary has no token for {which}, and neither a token for what is unknown nor one for "
                    "each byte"
                )
            elif not (before and self.unknown.fused):
                units.append(self.unknown.token)
            before = known is None
        return units

    def _where_merges_join(self) -> frozenset[str] | None:
        """The pairs of symbols between which some merge joins; None where symbols do not say where tokens end.

        Two neighbours between which no merge joins never come into one token, so that a text can be cut there.
        """
        if self.unknown.fused and self.unknown.bytes is None:
            return None  # unknown neighbours come together without a merge
        names = {i: name for name, i in self.ids.items()}
        in_merges = set(chain.from_iterable(self.ranks))
        if in_merges & {self.unknown.token, *(self.unknown.bytes or ())} or not in_merges <= set(names):
            return None  # their names are not what they stand for
        return frozenset(names[left][-1] + names[right][0] for left, right in self.ranks)


_LONG = 64
"""Pieces of more symbols are cut, where that changes nothing, and not remembered as a whole; words are shorter."""

_MOST = 1 << 17
"""How many pieces are remembered, and how many parts: some 30 MB of words, 320 MB of what is as long as can be."""


class _Remembered(dict[str, Ids]):
    """Results of a function of texts, the latest of short ones; looking one up costs no call of Python."""

    def __init__(self, function: Callable[[str], Ids]) -> None:
        self._function = function

    def __missing__(self, text: str) -> Ids:
        ids = self._function(text)
        if len(text) <= _LONG:
            if len(self) >= _MOST:
                self.clear()
            self[text] = ids
        return ids


def _cut_between(symbols: str, joins: frozenset[str]) -> Iterator[str]:
    start = 0
    for i in range(1, len(symbols)):
        if symbols[i - 1 : i + 1] not in joins:
            yield symbols[start:i]
            start = i
    yield symbols[start:]


_GONE = -1
"""The place of a token that its left neighbour has taken in; also the rank of a pair that is not merged."""


def merged(tokens: list[int], ranks: Mapping[Pair, int], made: Mapping[int, int] | Sequence[int]) -> list[int]:
    """The tokens after all merges: again and again that of lowest rank, of equals the leftmost.

    Takes O(n log n) steps for n tokens: a heap of (rank, place), and a list that is linked both ways. An entry of the
    heap is one integer, rank · n + place.

    Source:
        Sennrich, Haddow & Birch, arXiv:1508.07909, algorithm 1.
    """
    n = len(tokens)
    at = [ranks.get(pair, _GONE) for pair in pairwise(tokens)]  # the rank of the pair that begins at a place
    at.append(_GONE)
    queue = [rank * n + place for place, rank in enumerate(at) if rank != _GONE]
    if not queue:
        return tokens
    heapq.heapify(queue)
    after, before = list(range(1, n + 1)), list(range(-1, n - 1))
    while queue:
        rank, i = divmod(heapq.heappop(queue), n)
        if at[i] != rank:
            continue  # one of the two has been merged since
        j = after[i]
        k = after[i] = after[j]
        tokens[i], tokens[j], at[j] = made[rank], _GONE, _GONE
        if k < n:
            before[k] = i
            at[i] = ranks.get((tokens[i], tokens[k]), _GONE)
            if at[i] != _GONE:
                heapq.heappush(queue, at[i] * n + i)
        else:
            at[i] = _GONE
        h = before[i]
        if h >= 0:
            at[h] = ranks.get((tokens[h], tokens[i]), _GONE)
            if at[h] != _GONE:
                heapq.heappush(queue, at[h] * n + h)
    return [token for token in tokens if token != _GONE]
