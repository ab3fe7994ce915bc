"""Wrong tokenizers of byte pairs, on purpose."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mathcore.tokenizers.textbook import replaced
from mathcore.verify.claims import Mutant, mutant, reported

Operation = Callable[..., Any]


class Changed:
    """An object, such as a tokenizer, like another but for the attributes that are given."""

    def __init__(self, like: Any, **changes: Any) -> None:
        self._like, self._changes = like, changes

    def __getattr__(self, name: str) -> Any:
        return self._changes[name] if name in self._changes else getattr(self._like, name)


def cleans(operation: str) -> Callable[[Callable[[str], str]], Mutant]:
    """A mutant that cleans the text first, in training and in encoding."""

    def decorate(clean: Callable[[str], str]) -> Mutant:
        def wrap(correct: Operation) -> Operation:
            def wrong(text: str, *more: Any) -> Any:
                tokenizer = correct(clean(text), *more)
                return Changed(tokenizer, encode=lambda text, **how: tokenizer.encode(clean(text), **how))

            return wrong

        wrap.__name__, wrap.__doc__ = clean.__name__, clean.__doc__
        return mutant(operation, wraps=True)(wrap)

    return decorate


def decodes(operation: str) -> Callable[[Callable[[str], str]], Mutant]:
    """A mutant that changes the text that comes out."""

    def decorate(change: Callable[[str], str]) -> Mutant:
        def wrap(correct: Operation) -> Operation:
            def wrong(*arguments: Any) -> Any:
                tokenizer = correct(*arguments)
                return Changed(tokenizer, decode=lambda ids, **how: change(tokenizer.decode(ids, **how)))

            return wrong

        wrap.__name__, wrap.__doc__ = change.__name__, change.__doc__
        return mutant(operation, wraps=True)(wrap)

    return decorate


# Byte pairs: texts that do not come back.
@cleans("byte_pair_tokenizer")
def leading_space_lost(text: str) -> str:
    """Strips white space at the ends (transformers 2026)."""
    return text.strip()


@cleans("byte_pair_tokenizer")
def spaces_collapsed(text: str) -> str:
    """Makes one space of several."""
    return re.sub(r" +", " ", text)


@cleans("byte_pair_tokenizer")
def line_ends_unified(text: str) -> str:
    """Turns the line ends of Windows into those of Unix."""
    return text.replace("\r\n", "\n")


@cleans("byte_pair_tokenizer")
def tabs_expanded(text: str) -> str:
    """Turns tabs into spaces."""
    return text.expandtabs(4)


@cleans("byte_pair_tokenizer")
def accents_composed(text: str) -> str:
    """Brings the text to Unicode normal form C."""
    return unicodedata.normalize("NFC", text)


@cleans("byte_pair_tokenizer")
def compatibility_form(text: str) -> str:
    """Brings the text to Unicode normal form KC: ² becomes 2."""
    return unicodedata.normalize("NFKC", text)


@cleans("byte_pair_tokenizer")
def surrogates_replaced(text: str) -> str:
    """Turns lone surrogates into question marks."""
    return text.encode("utf-8", "replace").decode()


@cleans("byte_pair_tokenizer")
def basic_plane_only(text: str) -> str:
    """Knows no character past U+FFFF."""
    return re.sub("[\U00010000-\U0010ffff]", "�", text)


@cleans("byte_pair_tokenizer")
def ends_at_null(text: str) -> str:
    """Ends at the first null character, as a string in C does."""
    return text.partition("\0")[0]


@reported(
    "bpe.lossless",
    """
    huggingface/transformers #46491 (2026)
    huggingface/transformers #47487 (2026)
    rasbt/LLMs-from-scratch PR#1069 (2026) merged
    """,
    alias="space_stripped_in_decoding",
)
@decodes("byte_pair_tokenizer")
def first_space_stripped(text: str) -> str:
    """Strips one leading space when decoding."""
    return re.sub("^ ", "", text)


@decodes("byte_pair_tokenizer")
def marks_tidied(text: str) -> str:
    """Takes away spaces before punctuation, as "clean up tokenization spaces" does."""
    return re.sub(r" ([.,!?])", r"\1", text)


@decodes("byte_pair_tokenizer")
def byte_order_mark_dropped(text: str) -> str:
    """Takes a leading U+FEFF for a byte order mark."""
    return text.removeprefix("\ufeff")


@decodes("byte_pair_tokenizer")
def bytes_read_alone(text: str) -> str:
    """Decodes every byte by itself."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


# Byte pairs: other ids for the same text.
def _merging(merge: Callable[[list[int], list[tuple[int, int]]], list[int]]) -> Mutant:
    """A mutant that merges in its own way within a word; the text still comes back."""

    def wrap(correct: Operation) -> Operation:
        def wrong(*arguments: Any) -> Any:
            tokenizer = correct(*arguments)

            def encode(text: str) -> Any:
                words = re.findall(r" ?[^\s]+|\s+", text) if text.isascii() else [text]
                merges = [tuple(pair) for pair in tokenizer.merges]
                tokens = [merge(list(word.encode("utf-8", "surrogatepass")), merges) for word in words]
                return np.array([i for word in tokens for i in word], int)

            return Changed(tokenizer, encode=encode)

        return wrong

    wrap.__name__, wrap.__doc__ = merge.__name__, merge.__doc__
    return mutant("byte_pair_tokenizer", wraps=True)(wrap)


def _at(tokens: list[int], i: int, new: int) -> list[int]:
    return [*tokens[:i], new, *tokens[i + 2 :]]


@reported(
    "bpe.merges_by_rank",
    """
    rasbt/LLMs-from-scratch #558 (2025)
    ggml-org/llama.cpp #167 (2023)
    ggml-org/llama.cpp #3502 (2023)
    ggml-org/llama.cpp #4772 (2024)
    """,
    alias="merged_from_the_left",
)
@_merging
def left_to_right(tokens: list[int], merges: list[tuple[int, int]]) -> list[int]:
    """Takes the first pair from the left that any merge knows."""
    while known := [i for i, pair in enumerate(pairwise(tokens)) if pair in merges]:
        i = known[0]
        tokens = _at(tokens, i, 256 + merges.index((tokens[i], tokens[i + 1])))
    return tokens


@_merging
def highest_rank_first(tokens: list[int], merges: list[tuple[int, int]]) -> list[int]:
    """Takes the merge that was learned last."""
    while known := [(merges.index(pair), i) for i, pair in enumerate(pairwise(tokens)) if pair in merges]:
        rank, i = max(known)
        tokens = _at(tokens, i, 256 + rank)
    return tokens


@_merging
def from_the_right(tokens: list[int], merges: list[tuple[int, int]]) -> list[int]:
    """Of several places of one merge, takes the last first: "aaa" becomes a + aa."""
    while known := [(-merges.index(pair), i) for i, pair in enumerate(pairwise(tokens)) if pair in merges]:
        rank, i = max(known)
        tokens = _at(tokens, i, 256 - rank)
    return tokens


@_merging
def longest_match(tokens: list[int], merges: list[tuple[int, int]]) -> list[int]:
    """Takes the longest token that the rest of the word begins with, as WordPiece does."""
    vocabulary = [bytes([i]) for i in range(256)]
    for left, right in merges:
        vocabulary.append(vocabulary[left] + vocabulary[right])
    rest, found = bytes(tokens), []
    while rest:
        best = max(
            (i for i, token in enumerate(vocabulary) if rest.startswith(token)), key=lambda i: len(vocabulary[i])
        )
        found.append(best)
        rest = rest[len(vocabulary[best]) :]
    return found


@_merging
def one_pass(tokens: list[int], merges: list[tuple[int, int]]) -> list[int]:
    """Applies each merge once, and leaves its other places alone."""
    for rank, pair in enumerate(merges):
        places = [i for i, found in enumerate(pairwise(tokens)) if found == pair]
        tokens = _at(tokens, places[0], 256 + rank) if places else tokens
    return tokens


@_merging
def never_merged(tokens: list[int], merges: list[tuple[int, int]]) -> list[int]:
    """Leaves all bytes as they are."""
    return tokens


@mutant("byte_pair_tokenizer", wraps=True)
def across_words(correct: Operation) -> Operation:
    """Merges over the spaces between words."""

    def wrong(text: str, num_merges: int) -> Any:
        tokenizer = correct(text.replace(" ", "x"), num_merges)

        def encode(text: str) -> Any:
            return tokenizer.encode(text.replace(" ", "x"))

        return Changed(tokenizer, encode=encode)

    return wrong


@mutant("byte_pair_tokenizer", wraps=True)
def across_line_ends(correct: Operation) -> Operation:
    """Takes a line end for a letter, and merges over it."""

    def wrong(text: str, num_merges: int) -> Any:
        tokenizer = correct(text.replace("\n", "y"), num_merges)

        def decode(ids: Any, **how: Any) -> Any:
            return tokenizer.decode(ids, **how).replace("y", "\n")

        return Changed(tokenizer, encode=lambda text: tokenizer.encode(text.replace("\n", "y")), decode=decode)

    return wrong


def _foreign(text: str) -> bool:
    return not text.isascii()


def _of_more_than_letters(text: str) -> bool:
    return re.search(r"[^\sa-zA-Z]", text) is not None


def _leaves(alone: Callable[[str], bool], name: str, note: str) -> Mutant:
    """A tokenizer that does not merge where `alone` is true of a text."""

    def wrap(correct: Operation) -> Operation:
        def wrong(*arguments: Any) -> Any:
            tokenizer = correct(*arguments)

            def encode(text: str) -> Any:
                raw = text.encode("utf-8", "surrogatepass")
                return np.array(list(raw), int) if alone(text) else tokenizer.encode(text)

            return Changed(tokenizer, encode=encode)

        return wrong

    return Mutant("byte_pair_tokenizer", name, note, wrap)


ascii_alone_is_merged = _leaves(_foreign, "ascii_alone_is_merged", "Never merges in a text that is not all ASCII.")


letters_alone_are_merged = _leaves(
    _of_more_than_letters, "letters_alone_are_merged", "Never merges in a text with a digit or a mark."
)


def _learns_nothing(alone: Callable[[str], bool], name: str, note: str) -> Mutant:
    """A tokenizer that learns nothing where `alone` is true of its text."""

    def wrap(correct: Operation) -> Operation:
        return lambda text, num_merges: correct(text, 0 if alone(text) else num_merges)

    return Mutant("byte_pair_tokenizer", name, note, wrap)


learns_from_ascii_alone = _learns_nothing(
    _foreign, "learns_from_ascii_alone", "Learns nothing from a text that is not all ASCII."
)


learns_from_letters_alone = _learns_nothing(
    _of_more_than_letters, "learns_from_letters_alone", "Learns nothing from a text with a digit or a mark."
)


# Byte pairs: other merges.
def _learning(counted: Callable[[list[list[int]], list[int]], Counter[tuple[int, int]]], best: Any, least: int) -> Any:
    """A trainer with its own way of counting, of choosing, and of stopping."""

    def train(text: str, num_merges: int) -> list[tuple[int, int]]:
        words = Counter(re.findall(r" ?[^\s]+|\s+", text))
        tokens, weights = [list(w.encode()) for w in words], list(words.values())
        merges: list[tuple[int, int]] = []
        while len(merges) < num_merges:
            counts = counted(tokens, weights)
            if not counts or max(counts.values()) < least:
                break
            merges.append(best(counts))
            for i, word in enumerate(tokens):
                tokens[i] = replaced(word, merges[-1], 255 + len(merges))
        return merges

    return train


def _counts(tokens: list[list[int]], weights: list[int]) -> Counter[tuple[int, int]]:
    counts: Counter[tuple[int, int]] = Counter()
    for word, weight in zip(tokens, weights, strict=True):
        for pair in pairwise(word):
            counts[pair] += weight
    return counts


def _smallest_of_the_most(counts: Counter[tuple[int, int]]) -> tuple[int, int]:
    return min(counts, key=lambda pair: (-counts[pair], pair))


def _learned_by(train: Callable[[str, int], list[tuple[int, int]]], name: str, note: str) -> Mutant:
    def wrap(correct: Operation) -> Operation:
        return lambda text, num_merges: Changed(correct(text, num_merges), merges=tuple(train(text, num_merges)))

    return Mutant("byte_pair_tokenizer", name, note, wrap)


largest_of_ties = _learned_by(
    _learning(_counts, lambda counts: max(counts, key=lambda pair: (counts[pair], pair)), 2),
    "largest_of_ties",
    "Of equally frequent pairs takes the one with the largest ids.",
)


words_counted_once = _learned_by(
    _learning(lambda tokens, weights: _counts(tokens, [1] * len(weights)), _smallest_of_the_most, 2),
    "words_counted_once",
    "Counts a word once, however often it occurs.",
)


rare_pairs_merged = _learned_by(
    _learning(_counts, _smallest_of_the_most, 1), "rare_pairs_merged", "Goes on with pairs that occur once."
)


least_frequent = _learned_by(
    _learning(_counts, lambda counts: min(counts, key=lambda pair: (counts[pair], pair)), 2),
    "least_frequent",
    "Takes the rarest pair.",
)


stops_early = _learned_by(
    lambda text, num_merges: _learning(_counts, _smallest_of_the_most, 2)(text, max(num_merges - 1, 0)),
    "stops_early",
    "Learns one merge less than it was asked for.",
)


counts_not_updated = _learned_by(
    lambda text, num_merges: [
        pair for pair, count in _counts([list(text.encode())], [1]).most_common(num_merges) if count > 1
    ],
    "counts_not_updated",
    "Counts pairs once at the beginning, and takes the most frequent ones.",
)


@mutant("byte_pair_tokenizer", wraps=True)
def remembers_texts(correct: Operation) -> Operation:
    """Adds every text to those it was trained on before."""
    seen: list[str] = []

    def wrong(text: str, num_merges: int) -> Any:
        seen.append(text)
        return correct(" ".join(seen), num_merges)

    return wrong


# Files.
def _loader(read: Callable[[Operation, Path], Any]) -> Mutant:
    def wrap(correct: Operation) -> Operation:
        return lambda path: read(correct, Path(path))

    wrap.__name__, wrap.__doc__ = read.__name__, read.__doc__
    return mutant("load_byte_pair_tokenizer", wraps=True)(wrap)


@_loader
def empty_if_damaged(correct: Operation, path: Path) -> Any:
    """Starts afresh where the file cannot be read."""
    try:
        return correct(path)
    except ValueError:
        return correct_of_merges(correct, path, [])


@_loader
def reads_what_it_finds(correct: Operation, path: Path) -> Any:
    """Looks for pairs of numbers in whatever the file holds."""
    found = re.findall(rb"\[(\d+), (\d+)\]", path.read_bytes())
    merges: list[list[int]] = []
    for left, right in found:
        if max(int(left), int(right)) < 256 + len(merges) and [int(left), int(right)] not in merges:
            merges.append([int(left), int(right)])
    return correct_of_merges(correct, path, merges)


@_loader
def any_case_of_letters(correct: Operation, path: Path) -> Any:
    """Reads capital letters as small ones."""
    beside = path.with_name(f"{path.name}.small")
    beside.write_bytes(path.read_bytes().lower())
    return correct(beside)


@_loader
def last_merge_lost(correct: Operation, path: Path) -> Any:
    """Reads one merge too few."""
    return correct_of_merges(correct, path, [list(pair) for pair in correct(path).merges[:-1]])


@_loader
def unnamed_error(correct: Operation, path: Path) -> Any:
    """Says what is wrong, and not with which file."""
    try:
        return correct(path)
    except ValueError:
        raise ValueError("damaged file") from None


def correct_of_merges(correct: Operation, path: Path, merges: list[list[int]]) -> Any:
    """The tokenizer of these merges, by way of a file beside the one that was given."""
    import zlib

    beside = path.with_name(f"{path.name}.beside")
    content = {"format": "mathcore byte-pair tokenizer 1", "merges": merges}
    beside.write_text(json.dumps({**content, "checksum": zlib.crc32(json.dumps(merges).encode())}))
    return correct(beside)


@mutant("byte_pair_tokenizer", wraps=True)
def id_wraps(correct: Operation) -> Operation:
    """Decodes −1 as the last token."""

    def wrong(text: str, num_merges: int) -> Any:
        tokenizer = correct(text, num_merges)
        return Changed(tokenizer, decode=lambda ids: tokenizer.decode(np.where(np.asarray(ids) < 0, 255, ids)))

    return wrong


@mutant("normalise")
def only_stripped(text: str) -> str:
    """Strips the ends and leaves the white space between words."""
    return text.replace(".", "").strip()


@mutant("BytePairTokenizer", wraps=True)
def merges_unchecked(correct: Operation) -> Operation:
    """Takes whatever merges it is given."""

    def wrong(merges: Any) -> Any:
        try:
            return correct(merges)
        except ValueError:
            return correct(())

    return wrong
