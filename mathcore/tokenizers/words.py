"""Words as tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore._scalars import is_a, strings, whole
from mathcore.tokenizers._ids import _id_list


def normalise(text: str) -> str:
    """The words of a text, periods removed, with one space between them: all that a `WordTokenizer` keeps.

    Args:
        text: any string.

    Returns:
        The normal form; normalising it again changes nothing.

    Examples:
        >>> mc.normalise("The  cat. It sat.")
        'The cat It sat'
    """
    return " ".join(_words(text))


class UnknownWordError(ValueError):
    """A word that the vocabulary lacks.

    Attributes:
        word: the word.
        position: its index among the words of the text.

    Examples:
        >>> try:
        ...     mc.WordTokenizer.train("the cat").encode("the dog")
        ... except mc.UnknownWordError as error:
        ...     print(error.word, error.position)
        dog 1
    """

    def __init__(self, word: str, position: int) -> None:
        super().__init__(word, position)
        self.word = word
        self.position = position

    def __str__(self) -> str:
        return f"unknown word {self.word!r} at position {self.position}; pass `unknown` to give such words an id"


@dataclass(frozen=True)
class WordTokenizer:
    """Words to ids: periods are removed, white space separates, ids count words in order of first appearance.

    Attributes:
        vocabulary: the words; the id of a word is its index.

    Examples:
        >>> mc.WordTokenizer(("the", "cat")).encode("the cat the cat")
        array([0, 1, 0, 1])
    """

    vocabulary: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        vocabulary = strings("vocabulary", self.vocabulary)
        ids = {word: i for i, word in enumerate(vocabulary)}
        if len(ids) != len(vocabulary):
            twice = next(word for i, word in enumerate(vocabulary) if ids[word] != i)
            raise ValueError(f"`vocabulary` must hold every word once, got {twice!r} twice")
        for word in vocabulary:
            if _words(word) != [word]:
                raise ValueError(f"`vocabulary` must hold words without white space and periods, got {word!r}")
        object.__setattr__(self, "vocabulary", vocabulary)
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def train(cls, text: str) -> WordTokenizer:
        """The tokenizer whose vocabulary is the words of `text`, in order of first appearance.

        Examples:
            >>> mc.WordTokenizer.train("the cat saw the dog.").vocabulary
            ('the', 'cat', 'saw', 'dog')
        """
        return cls(tuple(dict.fromkeys(_words(text))))

    @property
    def word_to_id(self) -> Mapping[str, int]:
        """The vocabulary as a mapping, one-to-one onto 0 … V − 1; it cannot be written to.

        Examples:
            >>> dict(mc.WordTokenizer.train("the cat saw the dog.").word_to_id)
            {'the': 0, 'cat': 1, 'saw': 2, 'dog': 3}
        """
        return MappingProxyType(self._ids)

    def encode(self, text: str, *, unknown: int | None = None) -> Array:
        """The ids of the words of `text`.

        Args:
            text: any string.
            unknown: the id that unknown words get, or None to refuse them.

        Returns:
            (words,), integers.

        Raises:
            UnknownWordError: if a word is not in the vocabulary and `unknown` is None; it names the word and its
                position.

        Examples:
            >>> mc.WordTokenizer.train("the cat saw the dog").encode("the dog saw a cat", unknown=9)
            array([0, 3, 2, 9, 1])
        """
        words = _words(text)
        if unknown is not None:
            other = whole("unknown", unknown, -(2**31), 2**31)
            return np.array([self._ids.get(word, other) for word in words], np.intp)
        for position, word in enumerate(words):
            if word not in self._ids:
                raise UnknownWordError(word, position)
        return np.array([self._ids[word] for word in words], np.intp)

    def decode(self, ids: npt.ArrayLike) -> str:
        """The words of `ids`, one space between them: `decode(encode(text))` is `normalise(text)`.

        Args:
            ids: (words,), integers.

        Returns:
            A text in normal form.

        Raises:
            TypeError: if `ids` are not integers.
            IndexError: if an id is not in the vocabulary; the message names it and its place.

        Examples:
            >>> mc.WordTokenizer.train("the cat saw the dog").decode([0, 3])
            'the dog'
        """
        return " ".join(self.vocabulary[i] for i in _id_list(ids, len(self.vocabulary)))


def _words(text: str) -> list[str]:
    return is_a("text", text, str).replace(".", "").split()
