"""What a language model has to beat: words predicted from the word before, by counting."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from mathcore._scalars import is_a
from mathcore.language_models.text import _size

_WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+")
_DISCOUNT = 0.75  # Kneser & Ney's usual one; between 0.6 and 0.85 the default text shows a difference of 1 %
_SPELLED_FROM = 2  # bytes before the next byte of a new word
_END = 256  # of a word, beside the 256 bytes


@dataclass(frozen=True)
class WordBigram:
    r"""What a transformer has to beat: each word predicted from the word before it, counted and smoothed.

    $$p(w \mid v) = \frac{\max(c_{vw} - \delta, 0)}{c_v} + \frac{\delta\,n_{v\bullet}}{c_v}\,p_1(w), \qquad
      p_1(w) = \frac{\max(n_{\bullet w} - \delta, 0)}{n_{\bullet\bullet}}
        + \frac{\delta\,n_{\bullet}}{n_{\bullet\bullet}}\,p_0(w)$$

    c counts pairs of words, n counts different pairs, and $p_0$ spells words that were never seen byte by byte, each
    byte predicted from the two before it. So every string has a probability. A word comes with the space before it;
    runs of punctuation and of white space are words too, and the words joined are the text.

    Attributes:
        pairs: how often each pair of neighbours occurred.
        before: how often each word occurred with another after it.
        followers: how many different words came after each.
        predecessors: how many different words came before each.
        spelling: for every run of up to two bytes within a word, the bytes that came next.

    Examples:
        >>> bigram = mc.WordBigram.train(" a cat a dog a cat")
        >>> bigram.pairs[" a", " cat"], bigram.followers[" a"]
        (2, 2)

    Source:
        Kneser & Ney (1995), doi:10.1109/ICASSP.1995.479394, interpolated as in Chen & Goodman (1999),
        doi:10.1006/csla.1999.0128; spelling: Witten & Bell (1991), doi:10.1109/18.87000.
    """

    pairs: Counter[tuple[str, str]]
    before: Counter[str] = field(init=False, repr=False)
    followers: Counter[str] = field(init=False, repr=False)
    predecessors: Counter[str] = field(init=False, repr=False)
    spelling: dict[tuple[int, ...], Counter[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        is_a("pairs", self.pairs, Counter)
        before: Counter[str] = Counter()
        for (left, _), count in self.pairs.items():
            before[left] += count
        spelling: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for word in dict.fromkeys(w for pair in self.pairs for w in pair):
            for run, byte in _spelled(word):
                for length in range(len(run) + 1):
                    spelling[run[len(run) - length :]][byte] += 1
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "followers", Counter(left for left, _ in self.pairs))
        object.__setattr__(self, "predecessors", Counter(right for _, right in self.pairs))
        object.__setattr__(self, "spelling", dict(spelling))

    @classmethod
    def train(cls, text: str) -> WordBigram:
        """Count the words of `text`.

        Raises:
            ValueError: if it has fewer than two words.

        Examples:
            >>> dict(mc.WordBigram.train("a cat sat").pairs)
            {('a', ' cat'): 1, (' cat', ' sat'): 1}
        """
        pairs = Counter(pairwise(_WORD.findall(is_a("text", text, str))))
        if not pairs:
            raise ValueError(f"a bigram needs a text of at least two words, got {text!r}")
        return cls(pairs)

    def probability(self, word: str, before: str) -> float:
        """p(word | before).

        Examples:
            >>> bigram = mc.WordBigram.train("a cat saw a cat")
            >>> bigram.probability(" cat", " a") > bigram.probability(" dog", " a") > 0
            True
        """
        counted, rest = self._shares(word, before)
        return counted + rest * self.spelled(word)

    def spelled(self, word: str) -> float:
        """The probability of spelling `word`, its end included.

        Examples:
            >>> bigram = mc.WordBigram.train("ab ab")
            >>> bigram.spelled(" ab") > bigram.spelled(" ba") > 0
            True
        """
        return math.prod(self._letters(word))

    def bits_per_byte(self, text: str) -> float:
        """How many bits a byte of `text` takes; the first word is predicted from nothing.

        Raises:
            ValueError: if the text is empty.

        Examples:
            >>> bigram = mc.WordBigram.train("a cat saw a cat")
            >>> bigram.bits_per_byte("a cat") < bigram.bits_per_byte("a dog")
            True
        """
        size, words = _size(text), _WORD.findall(text)
        return sum(self._bits(w, v) for v, w in pairwise(["", *words])) / size

    def _bits(self, word: str, before: str) -> float:
        """−log₂ p(word | before), of a long word too, whose spelling has a probability below the smallest float."""
        counted, rest = self._shares(word, before)
        spelled = sum(map(math.log2, self._letters(word)))
        return -math.log2(counted + rest * 2**spelled) if counted else -(math.log2(rest) + spelled)

    def _shares(self, word: str, before: str) -> tuple[float, float]:
        """What counting gives the word, and the share of its spelling in the rest."""
        is_a("word", word, str), is_a("before", before, str)
        total, seen = sum(self.predecessors.values()), self.before[before]
        counted = max(self.predecessors[word] - _DISCOUNT, 0) / total
        rest = _DISCOUNT * len(self.predecessors) / total
        if not seen:
            return counted, rest
        left = _DISCOUNT * self.followers[before] / seen
        return max(self.pairs[before, word] - _DISCOUNT, 0) / seen + left * counted, left * rest

    def _letters(self, word: str) -> Iterator[float]:
        """The probability of each byte of a word and of its end, after the two bytes before it."""
        for run, byte in _spelled(word):
            q = 1 / (_END + 1)
            for length in range(len(run) + 1):
                if counts := self.spelling.get(run[len(run) - length :]):
                    kinds, total = len(counts), sum(counts.values())
                    q = (counts[byte] + kinds * q) / (total + kinds)
            yield q


def _spelled(word: str) -> Iterable[tuple[tuple[int, ...], int]]:
    """Every byte of a word and its end, each after the two before it; −1 stands before the word."""
    letters = [-1] * _SPELLED_FROM + list(is_a("word", word, str).encode("utf-8", "surrogatepass")) + [_END]
    for i in range(_SPELLED_FROM, len(letters)):
        yield tuple(letters[i - _SPELLED_FROM : i]), letters[i]
