"""Wrong tokenizers of words, on purpose."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.tokenizers.byte_pairs_mutants import Changed, Operation, cleans, decodes
from mathcore.verify.claims import Mutant, mutant


# Words.
@cleans("word_tokenizer")
def periods_are_words(text: str) -> str:
    """Sets periods apart as words of their own."""
    return text.replace(".", " ․ ")


@cleans("word_tokenizer")
def period_becomes_space(text: str) -> str:
    """Turns a period into a space: "3.14" becomes two words."""
    return text.replace(".", " ")


@cleans("word_tokenizer")
def last_period_only(text: str) -> str:
    """Takes one period off the end of each word."""
    return re.sub(r"\.(?=\s|$)", "", text).replace(".", "․")


@cleans("word_tokenizer")
def all_marks_removed(text: str) -> str:
    """Removes every punctuation mark, not periods alone."""
    return re.sub(r"[!-/:-@\[-`{-~]", "", text)


@cleans("word_tokenizer")
def lower_case(text: str) -> str:
    """Ignores case."""
    return text.lower()


@cleans("word_tokenizer")
def spaces_only(text: str) -> str:
    """Splits at spaces alone: tabs and line ends stay in the words."""
    return re.sub(r"[^\S ]", "‿", text)


@cleans("word_tokenizer")
def ascii_spaces_only(text: str) -> str:
    """Splits at the white space of ASCII alone."""
    return re.sub(r"[^\S \t\n\r\f\v]", "‿", text)


@cleans("word_tokenizer")
def invisible_is_white(text: str) -> str:
    """Splits at zero-width characters too."""
    return re.sub("[\u200b\u200c\u200d\u2060\ufeff]", " ", text)


@cleans("word_tokenizer")
def composed(text: str) -> str:
    """Brings the text to Unicode normal form C first."""
    return unicodedata.normalize("NFC", text)


def _encoded_by(vocabulary: list[str], correct: Any) -> Any:
    """The tokenizer of the same words in another order."""
    ids = {word: i for i, word in enumerate(vocabulary)}
    return Changed(
        correct,
        vocabulary=tuple(vocabulary),
        encode=lambda text, **how: np.array([ids[correct.vocabulary[i]] for i in correct.encode(text, **how)], int),
        decode=lambda given: " ".join(vocabulary[i] for i in given),
    )


@mutant("word_tokenizer", wraps=True)
def sorted_words(correct: Operation) -> Operation:
    """Numbers the words in alphabetical order."""
    return lambda text: _encoded_by(sorted(correct(text).vocabulary), correct(text))


@mutant("word_tokenizer", wraps=True)
def most_frequent_first(correct: Operation) -> Operation:
    """Numbers the words by frequency."""

    def wrong(text: str) -> Any:
        tokenizer = correct(text)
        counts = Counter(np.asarray(tokenizer.encode(text)).tolist())
        return _encoded_by([tokenizer.vocabulary[i] for i, _ in counts.most_common()], tokenizer)

    return wrong


@mutant("word_tokenizer", wraps=True)
def any_order(correct: Operation) -> Operation:
    """Numbers the words in the order of a set, which differs from run to run."""
    calls = iter(range(10**9))

    def wrong(text: str) -> Any:
        words = list(correct(text).vocabulary)
        shift = next(calls) % max(len(words), 1)
        return _encoded_by(words[shift:] + words[:shift], correct(text))

    return wrong


@mutant("word_tokenizer", wraps=True)
def numbered_from_one(correct: Operation) -> Operation:
    """Counts ids from 1."""

    def wrong(text: str) -> Any:
        tokenizer = correct(text)
        return Changed(
            tokenizer,
            encode=lambda text, **how: tokenizer.encode(text, **how) + 1,
            decode=lambda ids: tokenizer.decode(np.asarray(ids) - 1),
        )

    return wrong


@mutant("word_tokenizer", wraps=True)
def hashed(correct: Operation) -> Operation:
    """Files words in as many drawers as there are words, some of them together."""

    def wrong(text: str) -> Any:
        tokenizer = correct(text)
        drawers = max(len(tokenizer.vocabulary), 1)

        def encode(text: str, **how: Any) -> Any:
            words = [tokenizer.vocabulary[i] for i in tokenizer.encode(text, **how)]
            return np.array([sum(map(ord, word)) % drawers for word in words], int)

        return Changed(tokenizer, encode=encode)

    return wrong


@mutant("word_tokenizer", wraps=True)
def last_id_wraps(correct: Operation) -> Operation:
    """Decodes −1 as the last word."""

    def wrong(text: str) -> Any:
        tokenizer = correct(text)
        return Changed(tokenizer, decode=lambda ids: " ".join(tokenizer.vocabulary[i] for i in ids))

    return wrong


@decodes("word_tokenizer")
def trailing_space(text: str) -> str:
    """Puts a space after every word, the last one too."""
    return text + " " * bool(text)


@decodes("word_tokenizer")
def joined_without_spaces(text: str) -> str:
    """Joins words without a space between them."""
    return text.replace(" ", "")


@decodes("word_tokenizer")
def sentence_finished(text: str) -> str:
    """Puts a period at the end, as a sentence should have."""
    return text + "." * bool(text)


def _unknown(handle: Callable[[Any, str, int | None], Any]) -> Mutant:
    """A mutant that deals with unknown words in its own way."""

    def wrap(correct: Operation) -> Operation:
        def wrong(text: str) -> Any:
            tokenizer = correct(text)
            return Changed(tokenizer, encode=lambda text, *, unknown=None: handle(tokenizer, text, unknown))

        return wrong

    wrap.__name__, wrap.__doc__ = handle.__name__, handle.__doc__
    return mutant("word_tokenizer", wraps=True)(wrap)


def _number(tokenizer: Any, text: str, other: int) -> Any:
    ids = {word: i for i, word in enumerate(tokenizer.vocabulary)}
    return np.array([ids.get(word, other) for word in text.replace(".", "").split()], int)


@_unknown
def first_word_instead(tokenizer: Any, text: str, unknown: int | None) -> Any:
    """Gives an unknown word the id 0, which is another word's."""
    return _number(tokenizer, text, 0 if unknown is None else unknown)


@_unknown
def skipped(tokenizer: Any, text: str, unknown: int | None) -> Any:
    """Leaves unknown words out."""
    ids = _number(tokenizer, text, -1)
    return ids[ids >= 0]


@_unknown
def id_ignored(tokenizer: Any, text: str, unknown: int | None) -> Any:
    """Gives unknown words the id behind the last, whatever was asked for."""
    return tokenizer.encode(text, unknown=None if unknown is None else len(tokenizer.vocabulary))


@_unknown
def plain_key_error(tokenizer: Any, text: str, unknown: int | None) -> Any:
    """Names the word and not its place."""
    if unknown is not None:
        return tokenizer.encode(text, unknown=unknown)
    for word in text.replace(".", "").split():
        if word not in tokenizer.vocabulary:
            raise KeyError(word)
    return tokenizer.encode(text)


@_unknown
def place_in_the_text(tokenizer: Any, text: str, unknown: int | None) -> Any:
    """Counts characters where words are asked for."""
    try:
        return tokenizer.encode(text, unknown=unknown)
    except ValueError as error:
        word: str = error.word  # type: ignore[attr-defined]
        raise ValueError(f"unknown word {word!r} at character {text.find(word)}") from error


@mutant("word_tokenizer", wraps=True)
def zero_means_none(correct: Operation) -> Operation:
    """Takes the id 0 for none given."""

    def wrong(text: str) -> Any:
        tokenizer = correct(text)

        def encode(text: str, *, unknown: int | None = None) -> Any:
            return tokenizer.encode(text, unknown=unknown or len(tokenizer.vocabulary) if unknown is not None else None)

        return Changed(tokenizer, encode=encode)

    return wrong
