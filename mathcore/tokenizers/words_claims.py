"""What must be true of words as tokens: FAQ 5."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.tokenizers import words_mutants as wrong
from mathcore.tokenizers.inputs import LETTERS, TEXTS
from mathcore.tokenizers.textbook import is_white, words_of
from mathcore.verify import Claim, Operations, all_of, equal, raises, same

WHITE_CHARACTERS = [c for c in map(chr, range(0x10000)) if is_white(c)]


WHITE = st.text(st.sampled_from(WHITE_CHARACTERS), min_size=1, max_size=3)


WORDS = st.text(
    st.sampled_from("aAbé1'-中😀\u0301\u200b\ud83d\0")
    | st.characters(exclude_categories=(), exclude_characters=[*WHITE_CHARACTERS, "."]),
    min_size=1,
    max_size=4,
)


# FAQ 5: the tokenizer.
period_is_ignored = Claim(
    "tokenizer.period_is_ignored",
    faq=5,
    statement="Periods do not count, wherever they stand: “sat.” and “sat” get one id.",
    formula=r"\operatorname{encode}(\texttt{sat.}) = \operatorname{encode}(\texttt{sat})",
    needs=("word_tokenizer",),
    refuted_by=(wrong.periods_are_words, wrong.period_becomes_space, wrong.last_period_only),
)


DOTTED = st.lists(st.tuples(TEXTS, st.sampled_from(["", ".", "..."])), max_size=4).map(
    lambda parts: ("".join(part for part, _ in parts), "".join(part + dots for part, dots in parts))
)
"""A text without and with more periods."""


@period_is_ignored.property(texts=DOTTED, effort=0.5)
def periods_leave_the_vocabulary(ops: Operations, texts: tuple[str, str]) -> Any:
    plain, dotted = (ops.word_tokenizer(text) for text in texts)
    return same(tuple(dotted.vocabulary), tuple(plain.vocabulary))


@period_is_ignored.property(texts=DOTTED, effort=0.5)
def periods_leave_the_ids(ops: Operations, texts: tuple[str, str]) -> Any:
    tokenizer = ops.word_tokenizer(texts[0])
    plain, dotted = (tokenizer.encode(text) for text in texts)
    return equal(dotted, plain)


split_gives_words = Claim(
    "tokenizer.split_gives_words",
    faq=5,
    statement="A text without periods becomes its words, whatever the amount and kind of white space between them, and "
    "nothing else separates words.",
    legend={"i": "the id of a word"},
    formula=r"\operatorname{encode}(w_1\, \sqcup\, w_2\, \sqcup \dots) = (i(w_1), i(w_2), \dots)",
    source="The Unicode Standard, general category Zs and bidirectional classes WS, B and S",
    needs=("word_tokenizer",),
    refuted_by=(
        wrong.spaces_only,
        wrong.ascii_spaces_only,
        wrong.invisible_is_white,
        wrong.composed,
        wrong.lower_case,
        wrong.all_marks_removed,
    ),
)


@split_gives_words.property(pairs=st.lists(st.tuples(WHITE, WORDS), max_size=8), first=st.just("") | WHITE)
def whitespace_separates_words(ops: Operations, pairs: list[tuple[str, str]], first: str) -> Any:
    words, vocabulary = [word for _, word in pairs], list(dict.fromkeys(word for _, word in pairs))
    text = "".join(white + word for white, word in pairs) + first
    tokenizer = ops.word_tokenizer(text)
    return all_of(
        same(tuple(tokenizer.vocabulary), tuple(vocabulary)),
        equal(tokenizer.encode(text), np.array([vocabulary.index(word) for word in words], int)),
    )


def blocks_of_characters() -> Iterator[dict[str, Any]]:
    """Every character of the basic plane, which holds all white ones, in blocks."""
    for start in range(0, 0x10000, 0x1000):
        yield {"characters": np.arange(start, start + 0x1000)}


@split_gives_words.exhaustive(blocks_of_characters)
def every_character_is_split_or_kept(ops: Operations, characters: Any) -> Any:
    between = [f"a{chr(c)}b" for c in characters]
    expected = [word for text in between for word in words_of(text)]
    tokenizer = ops.word_tokenizer(" ".join(between))
    return same(tuple(tokenizer.vocabulary), tuple(dict.fromkeys(expected)))


ids_are_a_bijection = Claim(
    "tokenizer.ids_are_a_bijection",
    faq=5,
    statement="Every word has one id and every id one word: 0 to V − 1, in order of first appearance, the same on "
    "every run.",
    formula=r"\mathrm{id} : \text{vocabulary} \to \{0, \dots, V - 1\} \text{ one-to-one and onto}",
    needs=("word_tokenizer",),
    refuted_by=(
        wrong.sorted_words,
        wrong.most_frequent_first,
        wrong.any_order,
        wrong.numbered_from_one,
        wrong.hashed,
    ),
)


@ids_are_a_bijection.property(text=TEXTS | st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join))
def ids_count_first_occurrences(ops: Operations, text: str) -> Any:
    expected = tuple(dict.fromkeys(words_of(text)))
    first, again = ops.word_tokenizer(text), ops.word_tokenizer(text)
    return all_of(
        same(tuple(first.vocabulary), expected),
        same(tuple(again.vocabulary), expected),
        same(dict(first.word_to_id), {word: i for i, word in enumerate(expected)}),
        equal(first.encode(" ".join(expected)), np.arange(len(expected))),
    )


def many_words() -> Iterator[dict[str, Any]]:
    """More words than 16 bits have numbers."""
    yield {"count": 70_000}


@ids_are_a_bijection.exhaustive(many_words)
def many_words_have_ids_in_order(ops: Operations, count: int) -> Any:
    words = [str(i) for i in range(count)]
    tokenizer = ops.word_tokenizer(" ".join(words))
    return equal(tokenizer.encode(" ".join(words[-9:])), np.arange(count)[-9:])


roundtrip = Claim(
    "tokenizer.roundtrip",
    faq=5,
    statement="Decoding the ids of a text gives the text in normal form, its words with one space between them; "
    "encoding what ids decode to gives the ids.",
    formula=r"\operatorname{decode}(\operatorname{encode}(t)) = \operatorname{normalise}(t), \qquad "
    r"\operatorname{encode}(\operatorname{decode}(i)) = i",
    needs=("word_tokenizer",),
    refuted_by=(wrong.trailing_space, wrong.joined_without_spaces, wrong.sentence_finished, wrong.lower_case),
)


@roundtrip.property(text=TEXTS, effort=0.5)
def text_comes_back_normalised(ops: Operations, text: str) -> Any:
    tokenizer = ops.word_tokenizer(text)
    return same(tokenizer.decode(tokenizer.encode(text)), " ".join(words_of(text)))


@roundtrip.property(text=TEXTS, picks=st.lists(st.integers(0, 99), max_size=8), effort=0.5)
def ids_come_back(ops: Operations, text: str, picks: list[int]) -> Any:
    tokenizer = ops.word_tokenizer(text)
    count = len(tokenizer.vocabulary)
    ids = np.array([pick % count for pick in picks] if count else [], int)
    return equal(tokenizer.encode(tokenizer.decode(ids)), ids)


is_lossless = Claim(
    "tokenizer.is_lossless",
    faq=5,
    statement="Cleaning loses nothing that matters.",
    formula=r"\operatorname{decode}(\operatorname{encode}(t)) = t",
    verdict="refuted",
    corrected="Cleaning is lossless exactly on texts without periods whose words stand single-spaced, with nothing "
    "before and after; without its period a number can become another.",
    needs=("word_tokenizer",),
    refuted_by=(wrong.lower_case, wrong.sentence_finished, wrong.trailing_space, wrong.all_marks_removed),
)


def short_texts(alphabet: str, longest: int) -> Iterator[dict[str, Any]]:
    """All texts over an alphabet, one batch a length."""
    for length in range(longest + 1):
        yield {"texts": np.array(["".join(t) for t in itertools.product(alphabet, repeat=length)], object)}


@is_lossless.exhaustive(lambda: short_texts("aB, .\t", 5))
def exactly_normal_texts_survive(ops: Operations, texts: Any) -> Any:
    tokenizer = ops.word_tokenizer(" ".join(texts))
    back = [tokenizer.decode(tokenizer.encode(text)) == text for text in texts]
    return equal(back, [re.fullmatch(r"([^\s.]+( [^\s.]+)*)?", text) is not None for text in texts])


@is_lossless.property(words=st.lists(WORDS, max_size=8))
def words_without_periods_survive(ops: Operations, words: list[str]) -> Any:
    text = " ".join(words)
    tokenizer = ops.word_tokenizer(text)
    return same(tokenizer.decode(tokenizer.encode(text)), text)


def numbers() -> Iterator[dict[str, Any]]:
    """All decimal numbers, the shortest first."""
    for length in range(1, 5):
        for digits in itertools.product(".0123456789", repeat=length):
            if digits.count(".") <= 1 and digits != (".",):
                yield {"number": "".join(digits)}


@is_lossless.counterexample(cases=numbers)
def decimal_numbers_survive(ops: Operations, number: str) -> Any:
    tokenizer = ops.word_tokenizer(number)
    return equal(float(tokenizer.decode(tokenizer.encode(number))), float(number))


def every_short_text() -> Iterator[dict[str, Any]]:
    """All texts over a letter, a space and a period, the shortest first."""
    for batch in short_texts("a .", 3):
        for text in batch["texts"]:
            yield {"text": text}


@is_lossless.counterexample(cases=every_short_text)
def every_text_survives(ops: Operations, text: str) -> Any:
    tokenizer = ops.word_tokenizer(text)
    return same(tokenizer.decode(tokenizer.encode(text)), text)


unknown_word = Claim(
    "tokenizer.unknown_word",
    faq=5,
    statement="A word never seen is an error that names the first such word and its place among the words, from 0; if "
    "an id for unknown words is asked for, it gets that id, and every other word its own.",
    formula=r"w \notin \text{vocabulary} \Rightarrow \text{an error, or the id asked for}",
    needs=("word_tokenizer",),
    refuted_by=(
        wrong.first_word_instead,
        wrong.skipped,
        wrong.id_ignored,
        wrong.plain_key_error,
        wrong.place_in_the_text,
        wrong.zero_means_none,
    ),
)


@unknown_word.property(
    known=st.lists(LETTERS, min_size=1, max_size=4),
    picks=st.lists(st.integers(0, 99), max_size=12),
    place=st.integers(0, 12),
    stranger=st.sampled_from(["zebra", "Z", "ac-dc", "naïve", "猫", "0"]),
    unknown=st.sampled_from([0, 1, 4, 99, -1]),
)
def unknown_words_are_refused_or_replaced(
    ops: Operations, known: list[str], picks: list[int], place: int, stranger: str, unknown: int
) -> Any:
    tokenizer, place = ops.word_tokenizer(" ".join(known)), min(place, len(picks))
    words = [known[pick % len(known)] for pick in picks]
    words.insert(place, stranger)
    text, vocabulary = " ".join(words), list(dict.fromkeys(known))
    ids = [unknown if word == stranger else vocabulary.index(word) for word in words]
    return all_of(
        raises(lambda: tokenizer.encode(text), ValueError, LookupError, saying=(stranger, str(place))),
        equal(tokenizer.encode(text, unknown=unknown), ids),
    )
