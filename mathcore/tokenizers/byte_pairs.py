"""Byte pairs: bytes joined by the most frequent pair, again and again."""

from __future__ import annotations

import heapq
import json
import operator
import os
import re
import reprlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore._files import json_values, write_atomically
from mathcore.tokenizers._bulk_merging import MergingPieces
from mathcore.tokenizers._ids import _id_list
from mathcore.tokenizers.merging import Pair, merged

# One alternative for every kind of character, so that the pieces joined are the text, whatever it is: letters, digits,
# other marks, each with a space before it; white space, of which the last character is left to the word that follows.
_PIECES = re.compile(r" ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


@dataclass(frozen=True)
class BytePairTokenizer:
    """Byte-level byte-pair encoding: every string becomes ids and comes back, whatever is in it.

    Ids 0 … 255 are the bytes of UTF-8. Merge i makes a new token, 256 + i, of two earlier ones. Merges never cross the
    pieces that a text is cut into first: words, numbers, marks, each with the space before it, and white space.

    Attributes:
        merges: pairs of ids; the place of a pair is its rank.
        vocabulary: the bytes of every token, 64 MB in all at most; the id of a token is its index.

    Raises:
        ValueError: for a merge of ids that are not there yet, one that is there already, and one with which the tokens
            would be longer than 64 MB together: thirty merges, each of a token with itself, would make one of 1 GB.

    Examples:
        >>> tokenizer = mc.BytePairTokenizer(merges=((97, 98), (256, 99)))  # a and b, then ab and c
        >>> tokenizer.encode("abcab")
        array([257, 256])
        >>> tokenizer.vocabulary[256:]
        (b'ab', b'abc')

    Source:
        Sennrich, Haddow & Birch, arXiv:1508.07909; bytes in place of characters: Radford et al., Language Models are
        Unsupervised Multitask Learners (2019), §2.2.
    """

    merges: tuple[Pair, ...]
    vocabulary: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _ranks: dict[Pair, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        vocabulary = [bytes([i]) for i in range(256)]
        ranks: dict[Pair, int] = {}
        size = len(vocabulary)
        for rank, pair in enumerate(self.merges):
            left, right = map(operator.index, pair)
            if not (0 <= left < 256 + rank and 0 <= right < 256 + rank):
                raise ValueError(f"merge {rank} must join two ids in [0, {256 + rank}), got {(left, right)}")
            if ranks.setdefault((left, right), rank) != rank:
                raise ValueError(f"merge {rank} repeats merge {ranks[left, right]}, {(left, right)}")
            size += len(vocabulary[left]) + len(vocabulary[right])
            if size > _MOST_BYTES:
                raise ValueError(f"merge {rank} makes the vocabulary {size} bytes long, of at most {_MOST_BYTES}")
            vocabulary.append(vocabulary[left] + vocabulary[right])
        object.__setattr__(self, "merges", tuple(ranks))
        object.__setattr__(self, "vocabulary", tuple(vocabulary))
        object.__setattr__(self, "_ranks", ranks)

    @classmethod
    def train(cls, text: str, num_merges: int) -> BytePairTokenizer:
        """Learn merges from `text`: the most frequent pair of neighbours becomes one token, again and again.

        Neighbours are counted at every place, overlapping ones included. Of equally frequent pairs the one with the
        smallest ids goes first (by its left id, then its right), so that one text always gives the same tokenizer.

        Args:
            text: any string.
            num_merges: how many merges to learn; learning stops earlier when no pair occurs twice.

        Returns:
            The tokenizer.

        Raises:
            ValueError: if `num_merges` is negative, or the tokens would be longer than 64 MB together.

        Examples:
            >>> mc.BytePairTokenizer.train("abc abc", num_merges=2).vocabulary[256:]
            (b'ab', b'abc')
        """
        if operator.index(num_merges) < 0:
            raise ValueError(f"`num_merges` must not be negative, got {num_merges}")
        return cls(tuple(_learn_merges(Counter(_pieces(text)), num_merges)))

    def encode(self, text: str) -> Array:
        """The ids of `text`: in every piece the merge of lowest rank goes first, until none applies.

        Args:
            text: any string, lone surrogates included.

        Returns:
            (tokens,), integers.

        Examples:
            >>> mc.BytePairTokenizer.train("abc abc", num_merges=2).encode("cab")
            array([ 99, 256])
        """
        pieces = list(_pieces(text))
        tokens = {piece: self._merge(piece) for piece in set(pieces)}
        return np.array([i for piece in pieces for i in tokens[piece]], np.intp)

    def decode(self, ids: npt.ArrayLike, *, errors: str = "surrogatepass") -> str:
        """The text of `ids`: `decode(encode(text))` is `text`.

        Args:
            ids: (tokens,), integers.
            errors: what to do with bytes that are no UTF-8, as in `bytes.decode`; "replace" for ids that a model made.

        Returns:
            A string.

        Raises:
            TypeError: if `ids` are not integers.
            IndexError: if an id is not in the vocabulary; the message names it and its place.
            UnicodeDecodeError: if the bytes are no UTF-8 and `errors` does not say otherwise.

        Examples:
            >>> mc.BytePairTokenizer.train("abc abc", num_merges=2).decode([99, 256])
            'cab'
        """
        content = b"".join(self.vocabulary[i] for i in _id_list(ids, len(self.vocabulary)))
        return content.decode("utf-8", errors)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the merges to `path` as JSON, the whole file or nothing.

        Examples:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder:
            ...     mc.BytePairTokenizer.train("abc abc", 2).save(f"{folder}/abc.json")
            ...     mc.BytePairTokenizer.load(f"{folder}/abc.json").encode("abc")
            array([257])
        """
        write_atomically(path, json.dumps(self.to_json()).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BytePairTokenizer:
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is damaged or something else; the message names the file and what is wrong.
            OSError: if it cannot be read.

        Examples:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder:
            ...     mc.BytePairTokenizer.train("abc abc", 2).save(f"{folder}/abc.json")
            ...     mc.BytePairTokenizer.load(f"{folder}/abc.json").merges
            ((97, 98), (256, 99))
        """
        try:
            return cls.from_json(json_values(Path(path).read_bytes()))
        except ValueError as wrong:
            raise ValueError(f"{os.fspath(path)} is not a tokenizer: {wrong}") from wrong

    def to_json(self) -> dict[str, Any]:
        """The tokenizer as JSON values, with a checksum, since one wrong digit may leave merges that look sound.

        Examples:
            >>> mc.BytePairTokenizer.train("abc abc", 2).to_json()["merges"]
            [[97, 98], [256, 99]]
        """
        merges = [list(pair) for pair in self.merges]
        return {"format": _FORMAT, "merges": merges, "checksum": _checksum(merges)}

    @classmethod
    def from_json(cls, content: Any) -> BytePairTokenizer:
        """The tokenizer that `to_json` described.

        Raises:
            ValueError: if `content` is anything else; the message says what is wrong.

        Examples:
            >>> tokenizer = mc.BytePairTokenizer.train("abc abc", 2)
            >>> mc.BytePairTokenizer.from_json(tokenizer.to_json()) == tokenizer
            True
        """
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"expected an object with format {_FORMAT!r}")
        merges = content.get("merges")
        if not isinstance(merges, list):
            raise ValueError(f"`merges` must be a list, got {type(merges).__name__}")
        for rank, pair in enumerate(merges):
            if not (isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair)):
                raise ValueError(f"merge {rank} must be a pair of integers, got {reprlib.repr(pair)}")
        if content.get("checksum") != _checksum(merges):
            raise ValueError(f"the merges do not have the checksum {reprlib.repr(content.get('checksum'))}")
        return cls(tuple((left, right) for left, right in merges))

    def _merge(self, piece: bytes) -> list[int]:
        if len(piece) > _LONG:
            return _merge_long(piece, self._ranks)
        return merged(list(piece), self._ranks, range(256, len(self.vocabulary)))


_MOST_BYTES = 2**26  # of all tokens together; those of a vocabulary of 128,000 take less than 2**20


_FORMAT = "mathcore byte-pair tokenizer 1"


_LONG = 20_000
"""Bytes of a piece, from where on arrays are quicker than a queue of places.

They meet at some 8,000 bytes with 50 merges, 20,000 with 500 and 40,000 with 2,000: arrays cost by the merge, a queue
by the byte.
"""


def _checksum(merges: list[list[int]]) -> int:
    return zlib.crc32(json.dumps(merges).encode())


def _pieces(text: str) -> Iterator[bytes]:
    """The pieces of a text, in bytes; joined they are the text."""
    return (match.group().encode("utf-8", "surrogatepass") for match in _PIECES.finditer(text))


def last_tokens(tokenizer: BytePairTokenizer, text: str, count: int) -> Array:
    """The last `count` ids of a text, or all, bit for bit as `encode` gives them; only the end of the text is read.

    No piece goes on from a character into white space, so the pieces behind such a place do not depend on what stands
    before it. Each piece has a token at least, so that few characters are read twice.
    """
    reach = 8 * max(count, 1)
    while True:
        start = max(0, len(text) - reach)
        while 0 < start < len(text) and not (text[start].isspace() and not text[start - 1].isspace()):
            start -= 1
        ids = tokenizer.encode(text[start:])
        if not start or len(ids) >= count:
            return ids[len(ids) - min(count, len(ids)) :]
        reach *= 2


def _learn_merges(pieces: Mapping[bytes, int], num_merges: int) -> Iterator[Pair]:
    """The merges, most frequent pair first."""
    merging = MergingPieces(pieces)
    counts = merging.counts
    queue = [(-count, pair) for pair, count in counts.items() if count > 1]
    heapq.heapify(queue)
    for new in range(256, 256 + num_merges):
        while queue and -queue[0][0] != (count := counts[queue[0][1]]):  # it is rarer by now; no pair grows later
            _, pair = heapq.heappop(queue)
            if count > 1:
                heapq.heappush(queue, (-count, pair))
        if not queue:
            return
        _, best = heapq.heappop(queue)
        yield best
        fewer, made = merging.merge(best, new)
        for pair, count in fewer:
            counts[pair] -= count
        for pair, count in made:
            counts[pair] = count
            if count > 1:
                heapq.heappush(queue, (-count, pair))


def _merge_long(piece: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    """`_merge` of a long piece: a merge makes no place for one of a lower rank, so each is done everywhere at once."""
    merging = MergingPieces({piece: 1})
    queue = [(ranks[pair], pair) for pair in merging.counts if pair in ranks]
    heapq.heapify(queue)
    while queue:
        rank, pair = heapq.heappop(queue)
        for made, _ in merging.merge(pair, 256 + rank)[1]:
            if made in ranks:
                heapq.heappush(queue, (ranks[made], made))
    return merging.ids().tolist()
