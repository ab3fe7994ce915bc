"""The textbook's splitting and merging."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any


# The textbook.
def words_of(text: str) -> list[str]:
    """The words of a text, by characters: periods do not count, white space separates."""
    words, word = [], ""
    for c in text + " ":
        if not is_white(c):
            word += c.replace(".", "")
        elif word:
            words.append(word)
            word = ""
    return words


def is_white(c: str) -> bool:
    """Whether Unicode calls a character white: a space by category, or a separator of text by direction."""
    return unicodedata.category(c) == "Zs" or unicodedata.bidirectional(c) in ("WS", "B", "S")


def merged_by_rank(tokens: list[int], merges: Sequence[Any]) -> list[int]:
    """As long as any pair of neighbours is known, the one of lowest rank becomes one token, wherever it stands."""
    ranks = {(int(left), int(right)): rank for rank, (left, right) in enumerate(merges)}
    while known := [ranks[pair] for pair in pairwise(tokens) if pair in ranks]:
        lowest = min(known)
        tokens = replaced(tokens, tuple(map(int, merges[lowest])), 256 + lowest)
    return tokens


def replaced(tokens: list[int], pair: tuple[int, ...], new: int) -> list[int]:
    """Every occurrence of a pair, from the left, as one token."""
    out: list[int] = []
    for token in tokens:
        if out and (out[-1], token) == pair:
            out[-1] = new
        else:
            out.append(token)
    return out


def pieces_of(words: list[str]) -> list[list[int]]:
    """Words of letters between single spaces, in bytes, each with the space before it."""
    return [list(word.encode()) for word in words[:1]] + [list(f" {word}".encode()) for word in words[1:]]


def learned(pieces: list[list[int]], num_merges: int) -> list[tuple[int, int]]:
    """The most frequent pair of neighbours, of equals the one of the smallest ids, again and again while it recurs."""
    merges: list[tuple[int, int]] = []
    while len(merges) < num_merges:
        counts = Counter(pair for piece in pieces for pair in pairwise(piece))
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < 2:
            break
        pieces = [replaced(piece, best, 256 + len(merges)) for piece in pieces]
        merges.append(best)
    return merges


def printable_bytes() -> list[str]:
    """Byte → the character that stands for it in files of GPT-2's kind, as the code beside its paper makes it."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(others)) for byte in range(256)]


def merged_one_by_one(tokens: list[str], ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """Of all neighbours that are merged those of lowest rank become one token, the leftmost alone, until none are."""
    while places := [(ranks[pair], i) for i, pair in enumerate(pairwise(tokens)) if pair in ranks]:
        _, i = min(places)
        tokens = [*tokens[:i], tokens[i] + tokens[i + 1], *tokens[i + 2 :]]
    return tokens
