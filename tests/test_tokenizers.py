"""What the claims about tokenizers do not say: messages, files, fresh interpreters, and targets of others."""

import json
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

import mathcore as mc
from mathcore.tokenizers.byte_pairs import _learn_merges, _merge_long, last_tokens
from mathcore.tokenizers.textbook import learned, merged_by_rank
from mathcore.verify import Target, mathcore_target
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_check

FORMAT = "mathcore byte-pair tokenizer 1"


def test_the_faqs_tokenizer():
    words = mc.WordTokenizer.train("The cat sat. The dog sat")
    assert words.vocabulary == ("The", "cat", "sat", "dog")
    assert dict(words.word_to_id) == {"The": 0, "cat": 1, "sat": 2, "dog": 3}
    assert words.encode("The dog sat.").tolist() == [0, 3, 2]
    assert words.decode([0, 3, 2]) == "The dog sat"
    with pytest.raises(TypeError):
        words.word_to_id["new"] = 4


def test_normalising_twice_changes_nothing():
    assert mc.normalise(" 3.14  is\npi. ") == mc.normalise("314 is pi") == "314 is pi"


def test_an_unknown_word_is_named_with_its_place():
    words = mc.WordTokenizer.train("the cat sat")
    with pytest.raises(mc.UnknownWordError, match="unknown word 'dog' at position 2; pass `unknown`") as caught:
        words.encode("the cat dog. sat")
    assert (caught.value.word, caught.value.position) == ("dog", 2)
    assert words.encode("the dog", unknown=7).tolist() == [0, 7]
    with pytest.raises(TypeError):
        words.encode("the dog", unknown=1.5)


def test_a_vocabulary_holds_every_word_once_and_words_alone():
    with pytest.raises(ValueError, match="every word once, got 'a' twice"):
        mc.WordTokenizer(("a", "b", "a"))
    for bad in ("a b", "a.", "", " "):
        with pytest.raises(ValueError, match="without white space and periods"):
            mc.WordTokenizer((bad,))


def test_bad_ids_are_named_with_their_place():
    for tokenizer, count in ((mc.WordTokenizer.train("a b"), 2), (mc.BytePairTokenizer(()), 256)):
        with pytest.raises(IndexError, match=rf"must lie in \[0, {count}\), got -1 at index \(1,\)"):
            tokenizer.decode([0, -1])
        with pytest.raises(ValueError, match=r"`ids` must have shape \(tokens,\), got \(1, 1\)"):
            tokenizer.decode([[0]])
        with pytest.raises(TypeError, match="must be an array of integers"):
            tokenizer.decode([0.5])
        assert tokenizer.decode([]) == ""
        assert tokenizer.encode("").tolist() == []


def test_a_fresh_interpreter_gives_the_same_ids():
    code = (
        "import mathcore as mc; t = 'the cat sat on the mat with the hat'; b = mc.BytePairTokenizer.train(t, 9);"
        "print(mc.WordTokenizer.train(t).vocabulary, b.merges, b.encode(t).tolist())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "123"
    }
    assert len(runs) == 1


def test_merges_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"merge 0 must join two ids in \[0, 256\), got \(97, 256\)"):
        mc.BytePairTokenizer(((97, 256),))
    with pytest.raises(ValueError, match=r"merge 1 repeats merge 0, \(97, 98\)"):
        mc.BytePairTokenizer(((97, 98), (97, 98)))
    with pytest.raises(ValueError, match="`num_merges` must not be negative, got -1"):
        mc.BytePairTokenizer.train("", -1)


def test_merges_of_numpys_integers_can_be_saved(tmp_path):
    tokenizer = mc.BytePairTokenizer(tuple(map(tuple, np.array([[97, 98], [256, 99]]))))
    tokenizer.save(tmp_path / "t.json")
    assert mc.BytePairTokenizer.load(tmp_path / "t.json") == tokenizer
    assert tokenizer.encode("abc").tolist() == [257]


def test_ids_that_are_no_text():
    tokenizer = mc.BytePairTokenizer(())
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode([0xFF])
    assert tokenizer.decode([0xFF, 65], errors="replace") == "\ufffdA"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ([], "expected an object with format"),
        ({"format": "another", "merges": []}, "expected an object with format"),
        ({"format": FORMAT}, "`merges` must be a list, got NoneType"),
        ({"format": FORMAT, "merges": {}}, "`merges` must be a list, got dict"),
        ({"format": FORMAT, "merges": [[97]]}, "merge 0 must be a pair of integers"),
        ({"format": FORMAT, "merges": [[97, 98.0]]}, "merge 0 must be a pair of integers"),
        ({"format": FORMAT, "merges": [[97, True]]}, "merge 0 must be a pair of integers"),
        ({"format": FORMAT, "merges": [[97, 98]]}, "do not have the checksum None"),
        ({"format": FORMAT, "merges": [[97, 98]], "checksum": 1}, "do not have the checksum 1"),
    ],
)
def test_a_damaged_file_says_what_is_wrong_and_which_file(tmp_path, content, wrong):
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"damaged\.json is not a tokenizer: .*{wrong}"):
        mc.BytePairTokenizer.load(path)


@pytest.mark.parametrize("merges", [[[97, 98], [97, 98]], [[97, 256]], [[-1, 97]]])
def test_a_file_whose_checksum_fits_is_looked_at_all_the_same(tmp_path, merges):
    import zlib

    content = {"format": FORMAT, "merges": merges, "checksum": zlib.crc32(json.dumps(merges).encode())}
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"t\.json is not a tokenizer: merge [01]"):
        mc.BytePairTokenizer.load(tmp_path / "t.json")


def test_a_short_file_makes_no_long_token(tmp_path):
    import zlib

    merges = [[97, 97], *([i, i] for i in range(256, 290))]
    content = {"format": FORMAT, "merges": merges, "checksum": zlib.crc32(json.dumps(merges).encode())}
    (tmp_path / "bomb.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"bomb\.json is not a tokenizer: merge 24 makes the vocabulary \d+ byt"):
        mc.BytePairTokenizer.load(tmp_path / "bomb.json")
    assert max(map(len, mc.BytePairTokenizer(tuple(map(tuple, merges[:24]))).vocabulary)) == 2**24


@pytest.mark.parametrize(
    "content",
    [
        b'{"format": "%s", "merges": [], "merges": [], "checksum": 223132457}' % FORMAT.encode(),
        b'{"format": "%s", "merges": [%s]}' % (FORMAT.encode(), b"[" * 400 + b"]" * 400),
        b"[" * 10**6,
        b"1" * 5000,
        b"\xff\xfe\x00\xd8",
    ],
    ids=["key twice", "deep pair", "deep", "long number", "no text"],
)
def test_whatever_is_in_a_file_is_one_error_that_names_it(tmp_path, content):
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.json is not a tokenizer: ") as refused:
        mc.BytePairTokenizer.load(tmp_path / "t.json")
    assert len(str(refused.value)) < 400


def test_long_pieces_are_merged_as_short_ones_and_by_the_textbook():
    rng = np.random.default_rng(0)
    for _ in range(60):
        letters = 97 + int(rng.integers(1, 4))
        pieces = [bytes(rng.integers(97, letters, size).tolist()) for size in rng.integers(0, 40, 4)]
        merges = learned([list(piece) for piece in pieces], 20)
        assert list(_learn_merges(Counter(pieces), 20)) == merges
        for some in (merges, [(97, 97), (256, 97), (98, 256), (257, 257), (256, 258), (97, 256), (256, 256)]):
            pairs = mc.BytePairTokenizer(tuple(some))
            for piece in pieces:
                assert _merge_long(piece, pairs._ranks) == pairs._merge(piece) == merged_by_rank(list(piece), some)


@pytest.mark.parametrize("letters", [1, 4, 26])
def test_one_long_word_takes_the_time_of_its_length(letters):
    """Twenty merges and the encoding of 400,000 letters, which place by place take three seconds or more."""
    word = bytes(np.random.default_rng(0).integers(97, 97 + letters, 400_000).tolist()).decode()
    start = time.process_time()
    pairs = mc.BytePairTokenizer.train(word, 20)
    ids = pairs.encode(word)
    taken = time.process_time() - start
    assert pairs.decode(ids) == word
    assert taken < 2, "seconds"


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        mc.BytePairTokenizer.load(tmp_path / "none.json")


class Words:
    """Somebody else's tokenizer: lists for ids, plain errors."""

    def __init__(self, text):
        self.vocabulary = list(dict.fromkeys(text.replace(".", "").split()))

    def encode(self, text, unknown=None):
        ids = []
        for place, word in enumerate(text.replace(".", "").split()):
            if word not in self.vocabulary and unknown is None:
                raise KeyError(f"{word}, word {place}")
            ids.append(self.vocabulary.index(word) if word in self.vocabulary else unknown)
        return ids

    def decode(self, ids):
        if any(not 0 <= i < len(self.vocabulary) for i in ids):
            raise IndexError("no such word")
        return " ".join(self.vocabulary[i] for i in ids)


class Lower(Words):
    def __init__(self, text):
        super().__init__(text.lower())


@pytest.mark.parametrize(("target", "expected"), [(Words, "holds"), (Lower, "refuted")])
def test_tokenizers_of_others_can_be_checked(target, expected):
    from mathcore.tokenizers.words_claims import split_gives_words

    for check in split_gives_words.checks:
        theirs = Target("theirs", {"word_tokenizer": target})
        assert run_check(split_gives_words, check, theirs, PROFILES["quick"], 0).outcome == expected


def test_mathcore_offers_its_tokenizers_as_operations():
    assert {"word_tokenizer", "byte_pair_tokenizer", "load_byte_pair_tokenizer"} <= mathcore_target().operations.keys()


def test_last_tokens_are_those_of_the_whole_text():
    text = "ab abc  \n12 é_1-- " * 40 + "=" * 700 + " end\n\n" + "x" * 300
    pairs = mc.BytePairTokenizer.train(text, 60)
    whole = pairs.encode(text)
    for count in (1, 2, 30, 64, len(whole), len(whole) + 9):
        assert last_tokens(pairs, text, count).tolist() == whole[-count:].tolist()
    assert last_tokens(pairs, "", 4).tolist() == []


def test_last_tokens_read_the_end_alone():
    class Counting:
        read = 0

        def encode(self, text):
            self.read += len(text)
            return np.zeros(len(text), int)

    counting = Counting()
    last_tokens(counting, "word " * 100_000, 16)
    assert counting.read < 200
