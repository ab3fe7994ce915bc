"""What must be true of tokenizers: FAQ 5, and of byte pairs beside it.

A target offers `word_tokenizer(text)` and `byte_pair_tokenizer(text, num_merges)`, which learn from a text and return
an object with `encode` and `decode`. One for words also has its `vocabulary`, one for byte pairs its `merges`, pairs of
ids by rank, and `save(path)`, which `load_byte_pair_tokenizer(path)` reads. Ids 0 to 255 are the bytes, 256 + r is what
merge r makes.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import tokenizers_mutants as wrong
from mathcore.verify import Claim, Mutant, Operations, all_of, differs, equal, raises, same, seeds

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


# Texts.

FRAGMENTS = (
    *(" ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", "\v", "\x1c", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"),
    *(".", "..", "3.14", "a", "b", "ab", "The", "_", "1", "12", "'s", "-", ",", "!", "²", "ß", "İ"),
    *("é", "e\u0301", "\u0301", "中", "ا", "ﬁ", "😀", "👩\u200d👧", "🇩🇪", "\u200b", "\u200d", "\ufe0f", "\ufeff"),
    *("\0", "\x7f", "\ud83d", "\udc00", "\ud83d\ude00", "\uffff", "\U00010000", "\U0010ffff"),
)
"""What tokenizers stumble over: white space of all kinds, marks, accents, emoji, lone surrogates, ends of planes."""

ANY_CHARACTER = st.characters(exclude_categories=())
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(ANY_CHARACTER, max_size=3), max_size=10).map("".join)
WHITE_CHARACTERS = [c for c in map(chr, range(0x10000)) if is_white(c)]
WHITE = st.text(st.sampled_from(WHITE_CHARACTERS), min_size=1, max_size=3)
WORDS = st.text(
    st.sampled_from("aAbé1'-中😀\u0301\u200b\ud83d\0")
    | st.characters(exclude_categories=(), exclude_characters=[*WHITE_CHARACTERS, "."]),
    min_size=1,
    max_size=4,
)
LETTERS = st.text(st.sampled_from("abc"), min_size=1, max_size=9)
LETTER_WORDS = st.lists(LETTERS, max_size=8)
"""Words that every tokenizer of this kind leaves whole before it merges."""


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
def _(ops: Operations, texts: tuple[str, str]) -> Any:
    plain, dotted = (ops.word_tokenizer(text) for text in texts)
    return same(tuple(dotted.vocabulary), tuple(plain.vocabulary))


@period_is_ignored.property(texts=DOTTED, effort=0.5)
def _(ops: Operations, texts: tuple[str, str]) -> Any:
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
def _(ops: Operations, pairs: list[tuple[str, str]], first: str) -> Any:
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
def _(ops: Operations, characters: Any) -> Any:
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
def _(ops: Operations, text: str) -> Any:
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
def _(ops: Operations, count: int) -> Any:
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
def _(ops: Operations, text: str) -> Any:
    tokenizer = ops.word_tokenizer(text)
    return same(tokenizer.decode(tokenizer.encode(text)), " ".join(words_of(text)))


@roundtrip.property(text=TEXTS, picks=st.lists(st.integers(0, 99), max_size=8), effort=0.5)
def _(ops: Operations, text: str, picks: list[int]) -> Any:
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
def _(ops: Operations, texts: Any) -> Any:
    tokenizer = ops.word_tokenizer(" ".join(texts))
    back = [tokenizer.decode(tokenizer.encode(text)) == text for text in texts]
    return equal(back, [re.fullmatch(r"([^\s.]+( [^\s.]+)*)?", text) is not None for text in texts])


@is_lossless.property(words=st.lists(WORDS, max_size=8))
def _(ops: Operations, words: list[str]) -> Any:
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
def _(ops: Operations, number: str) -> Any:
    tokenizer = ops.word_tokenizer(number)
    return equal(float(tokenizer.decode(tokenizer.encode(number))), float(number))


def every_short_text() -> Iterator[dict[str, Any]]:
    """All texts over a letter, a space and a period, the shortest first."""
    for batch in short_texts("a .", 3):
        for text in batch["texts"]:
            yield {"text": text}


@is_lossless.counterexample(cases=every_short_text)
def _(ops: Operations, text: str) -> Any:
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
def _(ops: Operations, known: list[str], picks: list[int], place: int, stranger: str, unknown: int) -> Any:
    tokenizer, place = ops.word_tokenizer(" ".join(known)), min(place, len(picks))
    words = [known[pick % len(known)] for pick in picks]
    words.insert(place, stranger)
    text, vocabulary = " ".join(words), list(dict.fromkeys(known))
    ids = [unknown if word == stranger else vocabulary.index(word) for word in words]
    return all_of(
        raises(lambda: tokenizer.encode(text), ValueError, LookupError, saying=(stranger, str(place))),
        equal(tokenizer.encode(text, unknown=unknown), ids),
    )


# Beyond the FAQ: byte pairs.


bpe_is_lossless = Claim(
    "bpe.lossless",
    statement="Every string comes back from a byte-pair tokenizer as it went in, whatever it was trained on: leading "
    "and trailing white space, line ends of all kinds, combining characters, emoji and lone surrogates included.",
    formula=r"\operatorname{decode}(\operatorname{encode}(t)) = t",
    source="Sennrich, Haddow & Birch (2016), arXiv:1508.07909; Radford et al. (2019), §2.2, for bytes",
    needs=("byte_pair_tokenizer",),
    refuted_by=(
        wrong.leading_space_lost,
        wrong.spaces_collapsed,
        wrong.line_ends_unified,
        wrong.tabs_expanded,
        wrong.accents_composed,
        wrong.compatibility_form,
        wrong.surrogates_replaced,
        wrong.basic_plane_only,
        wrong.ends_at_null,
        wrong.first_space_stripped,
        wrong.marks_tidied,
        wrong.byte_order_mark_dropped,
        wrong.bytes_read_alone,
        wrong.across_words,
    ),
)


@bpe_is_lossless.property(training=TEXTS, text=TEXTS, num_merges=st.integers(0, 40), itself=st.booleans())
def _(ops: Operations, training: str, text: str, num_merges: int, itself: bool) -> Any:
    tokenizer = ops.byte_pair_tokenizer(text + text + training if itself else training, num_merges)
    return same(tokenizer.decode(tokenizer.encode(text)), text)


@bpe_is_lossless.exhaustive(lambda: short_texts(" \t\r\n.aé\u0301\ufeff😀\ud83d\udc00\0", 3))
def _(ops: Operations, texts: Any) -> Any:
    tokenizer = ops.byte_pair_tokenizer(" a1 \t\r\n a1é \r\n. a😀e\u0301 " * 3, 40)
    lost = [text for text in texts if tokenizer.decode(tokenizer.encode(text)) != text]
    return same(lost[:1], [])


def long_texts() -> Iterator[dict[str, Any]]:
    """One thing again and again, in lengths where buffers end."""
    for count in (255, 256, 257, 1023, 1025, 4097):
        for part in ("a", " ", "ab ", "\n", "e\u0301", "😀"):
            yield {"part": part, "count": count}


@bpe_is_lossless.exhaustive(long_texts)
def _(ops: Operations, part: str, count: int) -> Any:
    tokenizer = ops.byte_pair_tokenizer(part * 99, 5)
    return same(tokenizer.decode(tokenizer.encode(part * count)), part * count)


merges_by_rank = Claim(
    "bpe.merges_by_rank",
    statement="Merges go by rank: of all pairs of neighbours within a piece of text (a word, a number, marks, white "
    "space), the one learned first is merged first, from left to right where it stands more than once, until none is "
    "left. A token is its two parts, joined.",
    formula=r"\operatorname{encode}(t) = \text{replay of the merges in the order they were learned}",
    source="Sennrich, Haddow & Birch (2016), arXiv:1508.07909, algorithm 1",
    needs=("byte_pair_tokenizer",),
    refuted_by=(
        wrong.left_to_right,
        wrong.highest_rank_first,
        wrong.from_the_right,
        wrong.longest_match,
        wrong.one_pass,
        wrong.never_merged,
        wrong.ascii_alone_is_merged,
        wrong.letters_alone_are_merged,
    ),
)


def kind(c: str) -> str:
    """What a character is to a cutter of texts."""
    if is_white(c):
        return "white"
    category = unicodedata.category(c)
    return "digit" if category == "Nd" else "letter" if c.isalnum() else "mark"


def cut(text: str) -> list[str]:
    """The pieces of a text, by characters: a run of one kind with the space before it, and white space.

    Of white space between other things the last character stands by itself, if it is not the space of what follows.
    """
    pieces: list[str] = []
    for which, run in itertools.groupby(text, kind):
        part = "".join(run)
        if which != "white":
            own = pieces.pop() if pieces and pieces[-1] == " " else ""
            pieces.append(own + part)
        else:
            pieces.append(part)
            if len("".join(pieces)) < len(text) and len(part) > 1:
                pieces[-1:] = [part[:-1], part[-1]]
    return pieces


REPEATING = (*FRAGMENTS, "ab", "abc", "12", "123", "--", "éé", "a\nb", "a\nb")
TEXTS_WITH_REPEATS = st.lists(st.sampled_from(REPEATING), max_size=12).map("".join)


@merges_by_rank.property(text=TEXTS_WITH_REPEATS, more=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 40))
def _(ops: Operations, text: str, more: str, num_merges: int) -> Any:
    # All kinds of text: pieces are cut by kind, and every piece goes by rank.
    tokenizer = ops.byte_pair_tokenizer(text + text + more, num_merges)
    pieces = [list(piece.encode("utf-8", "surrogatepass")) for piece in cut(text)]
    expected = [i for piece in pieces for i in merged_by_rank(piece, tokenizer.merges)]
    return equal(tokenizer.encode(text), np.array(expected, int))


@merges_by_rank.property(
    training=LETTER_WORDS, word=st.text("abc", max_size=40) | st.text("ab", max_size=40), num_merges=st.integers(0, 40)
)
def _(ops: Operations, training: list[str], word: str, num_merges: int) -> Any:
    tokenizer = ops.byte_pair_tokenizer(" ".join([*training, *training]), num_merges)
    expected = merged_by_rank(list(word.encode()), tokenizer.merges)
    parts = [tokenizer.decode([left]) + tokenizer.decode([right]) for left, right in tokenizer.merges]
    return all_of(
        equal(tokenizer.encode(word), np.array(expected, int)),
        same([tokenizer.decode([256 + rank]) for rank in range(len(parts))], parts),
    )


def runs_of_one_letter() -> Iterator[dict[str, Any]]:
    """a, aa, aaa, …, where every pair overlaps the next, and some long ones."""
    for length in (*range(1, 34), 127, 128, 129, 1023, 1024, 1025):
        yield {"length": length}


@merges_by_rank.exhaustive(runs_of_one_letter)
def _(ops: Operations, length: int) -> Any:
    tokenizer = ops.byte_pair_tokenizer("a" * 99, 12)
    expected = merged_by_rank([ord("a")] * length, tokenizer.merges)
    return equal(tokenizer.encode("a" * length), np.array(expected, int))


merges_stay_in_words = Claim(
    "bpe.merges_stay_in_words",
    statement="No token reaches from one word into the next: the ids of single-spaced words are those of each word, "
    "with the space before it, one after the other.",
    formula=r"\operatorname{encode}(w_1 \sqcup w_2) = \operatorname{encode}(w_1)\, \operatorname{encode}(\sqcup w_2)",
    needs=("byte_pair_tokenizer",),
    refuted_by=(wrong.across_words, wrong.never_merged, wrong.across_line_ends),
)


@merges_stay_in_words.property(words=LETTER_WORDS, num_merges=st.integers(0, 30))
def _(ops: Operations, words: list[str], num_merges: int) -> Any:
    tokenizer = ops.byte_pair_tokenizer(" ".join([*words, *words]), num_merges)
    expected = [i for piece in pieces_of(words) for i in merged_by_rank(piece, tokenizer.merges)]
    return equal(tokenizer.encode(" ".join(words)), np.array(expected, int))


@merges_stay_in_words.property(text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 40), effort=0.5)
def _(ops: Operations, text: str, num_merges: int) -> Any:
    # Whatever the text: a token that is text is white space alone, or one space at most and then none.
    tokenizer = ops.byte_pair_tokenizer(text * 3, num_merges)
    tokens = [tokenizer.decode([i], errors="replace") for i in tokenizer.encode(text)]
    return equal([len({is_white(c) for c in token.removeprefix(" ") or " "}) == 1 for token in tokens], True)


learns_the_most_frequent = Claim(
    "bpe.learns_the_most_frequent",
    statement="Each merge that is learned joins the pair of neighbours within words that occurs most often at that "
    "point, overlapping places included, of equally frequent ones the pair with the smallest ids, until there are as "
    "many as asked for or no pair occurs twice; one text always gives one list of merges.",
    formula=r"m_r = \operatorname*{argmax}_{(i, j)} \#\{\text{places of } ij \text{ after } m_0, \dots, m_{r - 1}\}",
    source="Sennrich, Haddow & Birch (2016), arXiv:1508.07909, algorithm 1",
    needs=("byte_pair_tokenizer",),
    refuted_by=(
        wrong.largest_of_ties,
        wrong.words_counted_once,
        wrong.rare_pairs_merged,
        wrong.least_frequent,
        wrong.stops_early,
        wrong.counts_not_updated,
        wrong.remembers_texts,
        wrong.learns_from_ascii_alone,
        wrong.learns_from_letters_alone,
    ),
)


@learns_the_most_frequent.property(words=st.lists(LETTERS, max_size=16), num_merges=st.integers(0, 30))
def _(ops: Operations, words: list[str], num_merges: int) -> Any:
    merges = learned(pieces_of(words), num_merges)
    first, again = (ops.byte_pair_tokenizer(" ".join(words), num_merges).merges for _ in range(2))
    return all_of(*(same([tuple(map(int, pair)) for pair in found], merges) for found in (first, again)))


@learns_the_most_frequent.property(text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 30))
def _(ops: Operations, text: str, num_merges: int) -> Any:
    merges = learned([list(piece.encode("utf-8", "surrogatepass")) for piece in cut(text)], num_merges)
    return same([tuple(map(int, pair)) for pair in ops.byte_pair_tokenizer(text, num_merges).merges], merges)


survives_saving = Claim(
    "bpe.survives_saving",
    statement="A tokenizer that was saved and loaded has the same merges and gives the same ids.",
    formula=r"\operatorname{load}(\operatorname{save}(T)) = T",
    needs=("byte_pair_tokenizer", "load_byte_pair_tokenizer"),
    refuted_by=(wrong.last_merge_lost,),
)


@survives_saving.property(text=TEXTS, num_merges=st.integers(0, 20), effort=0.25)
def _(ops: Operations, text: str, num_merges: int) -> Any:
    tokenizer = ops.byte_pair_tokenizer(text * 3, num_merges)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer.json")
        loaded = ops.load_byte_pair_tokenizer(Path(folder) / "tokenizer.json")
    return all_of(
        same([tuple(pair) for pair in loaded.merges], [tuple(pair) for pair in tokenizer.merges]),
        equal(loaded.encode(text), tokenizer.encode(text)),
    )


refuses_damaged_files = Claim(
    "bpe.refuses_damaged_files",
    statement="A file that was cut short, one in which any byte is another and means another thing, and one of "
    "something else are refused by an error that names the file.",
    formula=r"f \text{ says no more what } \operatorname{save}(T) \text{ says} \Rightarrow \mathrm{ValueError}",
    needs=("byte_pair_tokenizer", "load_byte_pair_tokenizer"),
    refuted_by=(
        wrong.empty_if_damaged, wrong.reads_what_it_finds, wrong.unnamed_error, wrong.any_case_of_letters,
    ),
)  # fmt: skip

FOREIGN = (
    *(
        b"",
        b"\0",
        b"null",
        b"[]",
        b"{}",
        b"17",
        b'"merges"',
        b"[[97, 98]]",
        b'{"merges": []}',
        b'{"format": "mathcore byte-pair tokenizer 1", "merges": [[97]]}',
        b"\xff\xfe{",
        b"[" * 5000,
    ),
    b'{"format": "something else", "merges": [[97, 98]]}',
    b"\x89PNG\r\n\x1a\n",
)


def damages() -> Iterator[dict[str, Any]]:
    """Kinds of damage."""
    for damage in ("cut short", "one byte changed", "something else"):
        yield {"damage": damage}


def _damaged(content: bytes, damage: str) -> list[bytes]:
    if damage == "cut short":
        return [content[:i] for i in range(len(content))]
    if damage == "something else":
        return list(FOREIGN)
    places = range(len(content))
    flipped = [_with_byte(content, i, content[i] ^ bit) for i in places for bit in {1 << i % 8, 32}]
    others = [_with_byte(content, i, c) for i in places for c in b"07]x"]
    return [other for other in flipped + others if not _mean_the_same(other, content)]


def _with_byte(content: bytes, place: int, byte: int) -> bytes:
    return content[:place] + bytes([byte]) + content[place + 1 :]


def _mean_the_same(one: bytes, other: bytes) -> bool:
    """Whether two files hold the same values, as where white space differs."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


@refuses_damaged_files.exhaustive(damages)
def _(ops: Operations, damage: str) -> Any:
    tokenizer = ops.byte_pair_tokenizer("ab abc abcd", 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(path)
        content, refused = path.read_bytes(), []
        for other in _damaged(content, damage):
            path.write_bytes(other)
            refused.append(raises(lambda: ops.load_byte_pair_tokenizer(path), ValueError, saying=(path.name,)))
    return all_of(*refused)


@refuses_damaged_files.exact(rng=seeds(), merges=st.integers(0, 4), effort=0.1)
def _(ops: Operations, rng: Any, merges: int) -> Any:
    # Any other bytes at any places, one at a time: refused, or of one meaning with what was there.
    tokenizer = ops.byte_pair_tokenizer("ab abc abcd abcde", merges)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(path)
        content, found = path.read_bytes(), []
        for place, byte in zip(rng.integers(0, len(content), 50).tolist(), rng.integers(0, 256, 50), strict=True):
            other = _with_byte(content, place, int(byte))
            path.write_bytes(other)
            if _mean_the_same(other, content):
                found.append(same(list(ops.load_byte_pair_tokenizer(path).merges), list(tokenizer.merges)))
            else:
                found.append(raises(lambda: ops.load_byte_pair_tokenizer(path), ValueError, saying=(path.name,)))
    return all_of(*found)


def refuses_bad_ids(
    name: str, operation: str, make: Callable[[Operations], Any], count: Callable[[Any], int], *refuted_by: Mutant
) -> Claim:
    """An id that no token has is an error."""
    claim = Claim(
        f"{name}.refuses_bad_ids",
        statement="An id that is negative or too large is an error, wherever it stands among others; nothing wraps "
        "around.",
        formula=r"i \notin [0, V) \Rightarrow \mathrm{IndexError}",
        needs=(operation,),
        refuted_by=refuted_by,
    )

    @claim.property(bad=st.sampled_from([-1, -2, 0, 1, 2**31, 2**32, -(2**32)]), place=st.integers(0, 3), effort=0.5)
    def _(ops: Operations, bad: int, place: int) -> Any:
        tokenizer, ids = make(ops), [0, 1, 0]
        ids.insert(place, bad if bad < 0 else count(tokenizer) + bad)
        return all_of(
            raises(lambda: tokenizer.decode(np.array(ids)), IndexError),
            differs(tokenizer.decode([0]), tokenizer.decode([1])),
        )

    return claim


bad_ids_refused = (
    refuses_bad_ids(
        "tokenizer",
        "word_tokenizer",
        lambda ops: ops.word_tokenizer("the cat sat"),
        lambda tokenizer: len(tokenizer.vocabulary),
        wrong.last_id_wraps,
    ),
    refuses_bad_ids(
        "bpe",
        "byte_pair_tokenizer",
        lambda ops: ops.byte_pair_tokenizer("ab abc abcd", 3),
        lambda tokenizer: 256 + len(tokenizer.merges),
        wrong.id_wraps,
    ),
)


normal_form = Claim(
    "tokenizer.normal_form",
    statement="The normal form of a text is its words with one space between them, and normalising it again changes "
    "nothing.",
    formula=r"n(n(t)) = n(t)",
    needs=("normalise",),
    refuted_by=(wrong.only_stripped,),
)


@normal_form.property(text=TEXTS)
def _(ops: Operations, text: str) -> Any:
    once = ops.normalise(text)
    return all_of(same(once, " ".join(words_of(text))), same(ops.normalise(once), once))


merges_must_fit = Claim(
    "bpe.merges_must_fit",
    statement="A number of merges below zero, a merge of tokens that do not exist yet and one that is there already "
    "are refused, and so are ids that are no row.",
    formula=r"m_r \in [0, 256 + r)^2 \text{, each once}",
    needs=("BytePairTokenizer", "byte_pair_tokenizer"),
    refuted_by=(wrong.merges_unchecked,),
)


@merges_must_fit.exhaustive(
    lambda: ({"merges": m} for m in ([(97, 256)], [(-1, 97)], [(97, 98), (97, 98)], [(97, 98), (256, 257)]))
)
def _(ops: Operations, merges: Any) -> Any:
    return raises(lambda: ops.BytePairTokenizer(merges), ValueError)


@merges_must_fit.exhaustive(lambda: ({"num_merges": n} for n in (-1, -9)))
def _(ops: Operations, num_merges: int) -> Any:
    return raises(lambda: ops.byte_pair_tokenizer("a", num_merges), ValueError)


@merges_must_fit.exhaustive(lambda: ({"ids": np.zeros(shape, int)} for shape in ((), (1, 1))))
def _(ops: Operations, ids: Any) -> Any:
    tokenizer = ops.byte_pair_tokenizer("a", 0)
    return raises(lambda: tokenizer.decode(ids), ValueError)
