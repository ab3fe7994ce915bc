"""What must be true of byte pairs."""

from __future__ import annotations

import itertools
import json
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.tokenizers import byte_pairs_mutants as wrong
from mathcore.tokenizers import words_mutants
from mathcore.tokenizers.inputs import FRAGMENTS, LETTERS, TEXTS
from mathcore.tokenizers.textbook import is_white, learned, merged_by_rank, pieces_of, words_of
from mathcore.tokenizers.words_claims import short_texts
from mathcore.verify import Claim, Mutant, Operations, all_of, differs, equal, raises, same, seeds

LETTER_WORDS = st.lists(LETTERS, max_size=8)
"""Words that every tokenizer of this kind leaves whole before it merges."""


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
def decoding_inverts_encoding(ops: Operations, training: str, text: str, num_merges: int, itself: bool) -> Any:
    tokenizer = ops.byte_pair_tokenizer(text + text + training if itself else training, num_merges)
    return same(tokenizer.decode(tokenizer.encode(text)), text)


@bpe_is_lossless.exhaustive(lambda: short_texts(" \t\r\n.aé\u0301\ufeff😀\ud83d\udc00\0", 3))
def short_texts_survive(ops: Operations, texts: Any) -> Any:
    tokenizer = ops.byte_pair_tokenizer(" a1 \t\r\n a1é \r\n. a😀e\u0301 " * 3, 40)
    lost = [text for text in texts if tokenizer.decode(tokenizer.encode(text)) != text]
    return same(lost[:1], [])


def long_texts() -> Iterator[dict[str, Any]]:
    """One thing again and again, in lengths where buffers end."""
    for count in (255, 256, 257, 1023, 1025, 4097):
        for part in ("a", " ", "ab ", "\n", "e\u0301", "😀"):
            yield {"part": part, "count": count}


@bpe_is_lossless.exhaustive(long_texts)
def long_texts_survive(ops: Operations, part: str, count: int) -> Any:
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
def pieces_of_any_text_merge_by_rank(ops: Operations, text: str, more: str, num_merges: int) -> Any:
    # All kinds of text: pieces are cut by kind, and every piece goes by rank.
    tokenizer = ops.byte_pair_tokenizer(text + text + more, num_merges)
    pieces = [list(piece.encode("utf-8", "surrogatepass")) for piece in cut(text)]
    expected = [i for piece in pieces for i in merged_by_rank(piece, tokenizer.merges)]
    return equal(tokenizer.encode(text), np.array(expected, int))


@merges_by_rank.property(
    training=LETTER_WORDS, word=st.text("abc", max_size=40) | st.text("ab", max_size=40), num_merges=st.integers(0, 40)
)
def words_merge_by_rank(ops: Operations, training: list[str], word: str, num_merges: int) -> Any:
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
def runs_merge_by_rank(ops: Operations, length: int) -> Any:
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
def words_are_encoded_apart(ops: Operations, words: list[str], num_merges: int) -> Any:
    tokenizer = ops.byte_pair_tokenizer(" ".join([*words, *words]), num_merges)
    expected = [i for piece in pieces_of(words) for i in merged_by_rank(piece, tokenizer.merges)]
    return equal(tokenizer.encode(" ".join(words)), np.array(expected, int))


@merges_stay_in_words.property(text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 40), effort=0.5)
def tokens_keep_to_one_kind_of_white_space(ops: Operations, text: str, num_merges: int) -> Any:
    # Whatever the text: what is text in a token is white space alone, or one space at most and then none. Bytes of a
    # character that continues in the next token are no text.
    tokenizer = ops.byte_pair_tokenizer(text * 3, num_merges)
    tokens = [tokenizer.decode([i], errors="ignore") for i in tokenizer.encode(text)]
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
def merges_of_words_match_the_counts(ops: Operations, words: list[str], num_merges: int) -> Any:
    merges = learned(pieces_of(words), num_merges)
    first, again = (ops.byte_pair_tokenizer(" ".join(words), num_merges).merges for _ in range(2))
    return all_of(*(same([tuple(map(int, pair)) for pair in found], merges) for found in (first, again)))


@learns_the_most_frequent.property(text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 30))
def merges_of_any_text_match_the_counts(ops: Operations, text: str, num_merges: int) -> Any:
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
def saved_tokenizer_loads_the_same(ops: Operations, text: str, num_merges: int) -> Any:
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
def damaged_files_are_refused(ops: Operations, damage: str) -> Any:
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
def altered_bytes_are_refused_or_mean_the_same(ops: Operations, rng: Any, merges: int) -> Any:
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
    def bad_id_is_refused(ops: Operations, bad: int, place: int) -> Any:
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
        words_mutants.last_id_wraps,
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
def normal_form_is_words_and_spaces(ops: Operations, text: str) -> Any:
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
def unfit_merges_are_refused(ops: Operations, merges: Any) -> Any:
    return raises(lambda: ops.BytePairTokenizer(merges), ValueError)


@merges_must_fit.exhaustive(lambda: ({"num_merges": n} for n in (-1, -9)))
def negative_counts_are_refused(ops: Operations, num_merges: int) -> Any:
    return raises(lambda: ops.byte_pair_tokenizer("a", num_merges), ValueError)


@merges_must_fit.exhaustive(lambda: ({"ids": np.zeros(shape, int)} for shape in ((), (1, 1))))
def ids_of_other_shapes_are_refused(ops: Operations, ids: Any) -> Any:
    tokenizer = ops.byte_pair_tokenizer("a", 0)
    return raises(lambda: tokenizer.decode(ids), ValueError)
