"""What the claims about tokenizers from files do not say: messages, files of each kind, long texts, what is missing."""

import base64
import builtins
import json
import pickle
import subprocess
import sys
import time

import pytest

import mathcore as mc
from mathcore.tokenizers.decoders import byte_symbols, printable
from mathcore.tokenizers.merging import _LONG, _MOST
from mathcore.tokenizers.patterns import PATTERNS

BYTES = {printable(chr(byte)): byte for byte in range(256)}
UNCUT = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def of_bytes(merges=(), **changes):
    vocabulary = dict(BYTES)
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    model = {"type": "BPE", "vocab": vocabulary, "merges": [list(pair) for pair in merges]}
    return {"model": model, "pre_tokenizer": UNCUT, "decoder": {"type": "ByteLevel"}, **changes}


def of_characters(names="▁abc", merges=(), **model):
    vocabulary = {name: i for i, name in enumerate([*names, *(left + right for left, right in merges)])}
    return {"model": {"vocab": vocabulary, "merges": [list(pair) for pair in merges], **model}}


def with_part(name, part):
    return {**of_bytes(), name: part}


def test_names_of_bytes_come_back():
    assert [byte_symbols(printable(chr(byte))) for byte in range(256)] == [chr(byte) for byte in range(256)]
    assert printable(" ") == "Ġ"
    assert byte_symbols("<｜end▁of▁text｜>") is None


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ([], "the tokenizer must be an object, got list"),
        ({}, "the tokenizer lacks the field 'model'"),
        ({**of_bytes(), "version": "2.0"}, "has the version '2.0', known is 1.0"),
        ({**of_bytes(), "padding": {}}, r"the tokenizer has padding = \{\}, which is not known here"),
        (of_characters(vocab=[]), r"model has vocab = \[\]"),
        (of_characters(byte_fallback=1), "model has byte_fallback = 1"),
        (of_characters(["a", "<0x00>"], byte_fallback=True), "needs the tokens <0x00> to <0xFF>.* has 1 of them"),
        ({"model": {"vocab": {"a": 0, "b": 0}, "merges": []}}, "tokens 'a' and 'b' have one id, 0"),
        ({"model": {"vocab": {"a": -1}, "merges": []}}, "token 'a' must have an id from 0 to .*, got -1"),
        ({"model": {"vocab": {"a": []}, "merges": []}}, r"token 'a' must have an id from 0 to .*, got \[\]"),
        ({"model": {"vocab": {"a": 10**12}, "merges": []}}, "token 'a' must have an id from 0 to .*, got 10+$"),
        (with_part("added_tokens", [{"id": 10**12, "content": "x"}]), "'x' must have an id below .*, got 10+$"),
        ({"model": {"vocab": {"a": 0}, "merges": ["a"]}}, "merge 0 must be two tokens, got 'a'"),
        ({"model": {"vocab": {"a": 0}, "merges": ["a a"]}}, "merge 0, 'a a', needs the token 'aa'"),
        (
            with_part("normalizer", {"type": "Precompiled", "x": 1}),
            "normalizer of type 'Precompiled' is not known here",
        ),
        (with_part("normalizer", {"type": "NFC", "x": 1}), "normalizer NFC has the field 'x'"),
        (with_part("normalizer", {"type": "Sequence", "normalizers": [1]}), "normalizer of type 1 is not known here"),
        (
            with_part("normalizer", {"type": "Replace", "pattern": {"String": ""}, "content": ""}),
            "normalizer Replace has an empty pattern",
        ),
        (with_part("pre_tokenizer", {"type": "Sequence", "pretokenizers": [UNCUT, UNCUT]}), "goes on after ByteLevel"),
        (with_part("pre_tokenizer", {"type": "Metaspace", "replacement": "__"}), "which must be one character"),
        (
            with_part("pre_tokenizer", {"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"}),
            "has the prepend_scheme 'last'",
        ),
        (
            with_part("decoder", {"type": "Strip", "content": " ", "start": 1, "stop": 0}),
            "decoder Strip is known here only once, after Fuse",
        ),
        (
            with_part("decoder", {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]}),
            "decoder ByteFallback after ByteLevel, ByteFallback or Fuse",
        ),
        (
            with_part("post_processor", {"type": "BertProcessing", "sep": ["x"], "cls": ["y", 1]}),
            "post_processor BertProcessing sep must be",
        ),
        (
            with_part("post_processor", {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}),
            "post_processor TemplateProcessing has no place for the text",
        ),
        (
            with_part("post_processor", {"type": "BertProcessing", "sep": ["x", 999], "cls": ["y", 1]}),
            "puts the id 999",
        ),
        (with_part("added_tokens", [{"id": 3, "content": "x"}]), "added token 'x' has the id 3, which is"),
        (with_part("added_tokens", [{"id": 300, "content": ""}]), "added token 300 is ''"),
        (with_part("added_tokens", [{"id": 300, "content": "x", "rank": 1}]), "added token has the field 'rank'"),
    ],
)
def test_what_is_not_known_is_named(content, wrong):
    with pytest.raises(ValueError, match=wrong):
        mc.Tokenizer.from_json(content)


@pytest.mark.parametrize(
    "content",
    [
        {"x" * 10**6: 1},
        {**of_bytes(), "version": "x" * 10**6},
        {"model": {"type": "x" * 10**6}},
        {"model": {"vocab": {"x" * 10**6: -1}, "merges": []}},
        {"model": {"vocab": {"a": 0}, "merges": ["x" * 10**6]}},
        {"model": {"vocab": {"a": 0}, "merges": ["a " + "x" * 10**6]}},
        with_part("added_tokens", [{"id": 3, "content": "x" * 10**6}]),
        with_part("pre_tokenizer", {"type": "Metaspace", "replacement": "x" * 10**6}),
        with_part("pre_tokenizer", {"type": "Split", "pattern": {"String": "a"}, "behavior": "x" * 10**6}),
        with_part("post_processor", {"type": "BertProcessing", "sep": ["x" * 10**6], "cls": ["y", 1]}),
    ],
)
def test_a_message_is_short_whatever_is_in_the_file(content):
    with pytest.raises(ValueError, match=r"x{40}") as refused:
        mc.Tokenizer.from_json(content)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("content", [b"", b"\0", b"[" * 100_000, b'{"model": 1, "model": 2}', b"\x0a\x07unigram"])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer that is known here: "):
        mc.load_tokenizer(tmp_path / "tokenizer.json")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        mc.load_tokenizer(tmp_path)


def test_a_tokenizer_json_says_its_pattern_itself(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(of_bytes()))
    with pytest.raises(ValueError, match=r"not for a tokenizer\.json"):
        mc.load_tokenizer(tmp_path, pattern="gpt2")


def test_gpt2s_files(tmp_path):
    pytest.importorskip("regex", reason="needs regex: pip install -e '.[tokenizers]'")
    content = of_bytes([("l", "o"), ("Ġ", "lo"), ("#", "#")])
    vocabulary = {**content["model"]["vocab"], "<|endoftext|>": 259}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nl o\nĠ lo\n# #\n", encoding="utf-8")
    for path in (tmp_path, tmp_path / "vocab.json"):
        tokenizer = mc.load_tokenizer(path)
        assert tokenizer.encode("lo lo ##<|endoftext|>", allowed_special="all").tolist() == [256, 257, 32, 258, 259]
        assert dict(tokenizer.special_tokens) == {"<|endoftext|>": 259}
    assert dict(mc.load_tokenizer(tmp_path, special_tokens={"<x>": 260}).special_tokens) == {"<x>": 260}


def tiktoken_file(path, tokens):
    path.write_bytes(b"".join(b"%s %d\n" % (base64.b64encode(t), i) for i, t in enumerate(tokens)))
    return path


EVERY_BYTE = [bytes([byte]) for byte in range(256)]


def test_files_of_tiktoken(tmp_path):
    pytest.importorskip("regex", reason="needs regex: pip install -e '.[tokenizers]'")
    path = tiktoken_file(tmp_path / "x.tiktoken", [*EVERY_BYTE, b"bc", b"ab", b"abcd", b" \xe4"])
    tokenizer = mc.load_tokenizer(path, pattern="cl100k", special_tokens={"<end>": 300})
    assert tokenizer.encode("abc\nabcd").tolist() == [97, 256, 10, 258]  # a whole piece is its token
    assert tokenizer.vocabulary_size == 301
    assert tokenizer.vocabulary[259] == b" \xe4"
    assert tokenizer.decode([97, 300]) == "a"
    with pytest.raises(IndexError, match="no token has the id 299"):
        tokenizer.decode([299])
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode([259])


@pytest.mark.parametrize(
    ("tokens", "more", "wrong"),
    [
        (EVERY_BYTE[1:], b"", "no token is the byte 0x00"),
        (EVERY_BYTE, b"?? 256\n", "line 257 must be a token in base 64"),
    ],
)
def test_a_damaged_file_of_tiktoken_says_what_is_wrong(tmp_path, tokens, more, wrong):
    path = tiktoken_file(tmp_path / "x.tiktoken", tokens)
    path.write_bytes(path.read_bytes() + more)
    with pytest.raises(ValueError, match=wrong):
        mc.load_tokenizer(path, pattern="gpt2")


def test_a_file_of_tiktoken_needs_a_pattern(tmp_path):
    with pytest.raises(ValueError, match="pass `pattern`"):
        mc.load_tokenizer(tiktoken_file(tmp_path / "x.tiktoken", EVERY_BYTE))


def test_a_pattern_without_the_package_says_what_to_install(monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: real(f"no_{name}" if name == "regex" else name, *rest)
    )
    with pytest.raises(ImportError, match="needs the package `regex`: pip install regex"):
        mc.Tokenizer.from_json({**of_bytes(), "pre_tokenizer": {"type": "ByteLevel"}})


def test_loading_without_patterns_needs_numpy_alone():
    code = (
        f"import mathcore as mc; mc.Tokenizer.from_json({of_bytes()!r}).encode('a b');"
        "import sys; print([m for m in ('regex', 'hypothesis', 'tokenizers') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_bad_arguments_are_named():
    tokenizer = mc.Tokenizer.from_json(with_part("added_tokens", [{"id": 256, "content": "<s>", "special": True}]))
    with pytest.raises(TypeError, match="`text` must be a string, got bytes"):
        tokenizer.encode(b"a")
    with pytest.raises(ValueError, match="must hold special tokens, got '<t>'"):
        tokenizer.encode("a", allowed_special=["<s>", "<t>"])
    with pytest.raises(ValueError, match="must be 'all' or a collection, got '<s>'"):
        tokenizer.encode("a", allowed_special="<s>")
    with pytest.raises(TypeError, match="`allowed_special` must be 'all' or a collection, got int"):
        tokenizer.encode("a", allowed_special=5)
    with pytest.raises(TypeError, match="`pattern` must be a string, got int"):
        mc.load_tokenizer("x.tiktoken", pattern=5)
    with pytest.raises(TypeError, match="`special_tokens` must be a mapping of tokens to ids, got list"):
        mc.load_tokenizer("x.tiktoken", pattern="gpt2", special_tokens=["<s>"])
    with pytest.raises(IndexError, match=r"must lie in \[0, 257\), got -1 at index \(0,\)"):
        tokenizer.decode([-1])
    with pytest.raises(TypeError):
        tokenizer.special_tokens["<t>"] = 1


def test_a_character_without_a_token_is_an_error():
    with pytest.raises(ValueError, match=r"no token for 'é' \(U\+00E9\)"):
        mc.Tokenizer.from_json(of_characters()).encode("aé")


def test_unknown_neighbours_are_fused_where_the_file_says_so():
    for fused, ids in ((True, [0, 1, 0]), (False, [0, 0, 1, 0])):
        tokenizer = mc.Tokenizer.from_json(of_characters("?a", unk_token="?", fuse_unk=fused))
        assert tokenizer.encode("éèaê").tolist() == ids


def test_long_pieces_are_cut_only_where_nothing_merges():
    merges = [("a", "b"), ("ab", "ab"), ("▁", "a"), ("b", "▁")]
    tokenizer = mc.Tokenizer.from_json(of_characters("▁abc", merges))
    short = "abab▁abcc▁ab"
    assert len(short) <= _LONG
    for text in (short * 40, "ab" * 200, "c" * 300):
        assert tokenizer.encode(text).tolist() == replayed(text, merges, tokenizer)


def replayed(text, merges, tokenizer):
    """Every merge in turn, wherever it stands: here no merge makes what an earlier one joins."""
    tokens = list(text)
    names = {content.decode(): i for i, content in enumerate(tokenizer.vocabulary)}
    for pair in merges:
        i = 0
        while i < len(tokens) - 1:
            if (tokens[i], tokens[i + 1]) == pair:
                tokens[i : i + 2] = ["".join(pair)]
            i += 1
    return [names[token] for token in tokens]


def test_one_long_word_takes_no_longer_than_in_proportion():
    tokenizer = mc.Tokenizer.from_json(of_bytes([("a", "a"), ("aa", "aa"), ("a", "b"), ("aaaa", "aaaa")]))

    def seconds(length):
        start = time.process_time()
        assert len(tokenizer.encode("a" * length)) == -(-length // 8)
        return time.process_time() - start

    seconds(8)
    assert seconds(64_000) < 40 * max(seconds(8_000), 1e-3)  # quadratic would be 64 times


def test_pieces_that_are_forgotten_get_the_same_ids():
    tokenizer = mc.Tokenizer.from_json(of_bytes([("a", "b")]))
    remembered = tokenizer._parts.model._pieces
    dict.update(remembered, {f"filler {i}": () for i in range(_MOST)})
    assert tokenizer.encode("cab").tolist() == [99, 256]
    assert len(remembered) == 1


def test_a_tokenizer_can_be_pickled_with_parts_of_every_kind():
    pytest.importorskip("regex", reason="needs regex: pip install -e '.[tokenizers]'")
    normalisers = [
        *({"type": form} for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase")),
        {"type": "Replace", "pattern": {"String": "b"}, "content": "a"},
        {"type": "Replace", "pattern": {"Regex": "c+"}, "content": "\\1"},
        {"type": "Prepend", "prepend": "a"},
    ]
    behaviours = ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")
    cuts = [{"type": "Split", "pattern": {"Regex": "d"}, "behavior": behaviour} for behaviour in behaviours]
    added = [{"id": 300, "content": "<s>", "special": True}, {"id": 301, "content": "<T>", "normalized": True}]
    bytewise = {
        **of_bytes([("a", "a"), ("Ġ", "a")]),
        "normalizer": {"type": "Sequence", "normalizers": normalisers},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits"}, *cuts, {"type": "ByteLevel"}]},
        "added_tokens": added,
    }
    mark = {"type": "Metaspace", "replacement": "▁"}
    charwise = {
        **of_characters("▁abc?", [("a", "b")], unk_token="?"),
        "pre_tokenizer": mark,
        "decoder": mark,
        "added_tokens": added,
    }
    steps = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    for content in (bytewise, charwise, {**charwise, "decoder": {"type": "Sequence", "decoders": steps}}):
        tokenizer = mc.Tokenizer.from_json(content)
        ids = tokenizer.encode("ab cB1d <s> <t>", allowed_special="all")
        sent = pickle.dumps(tokenizer)
        tokenizer.encode("remembered here alone")
        assert pickle.dumps(tokenizer) == sent
        again = pickle.loads(sent)
        assert again.encode("ab cB1d <s> <t>", allowed_special="all").tolist() == ids.tolist()
        assert again.decode(ids) == tokenizer.decode(ids)
        assert (again.vocabulary, again.special_tokens) == (tokenizer.vocabulary, tokenizer.special_tokens)


def test_added_tokens_keep_their_habits():
    habits = ({"lstrip": True}, {"rstrip": True}, {"single_word": True}, {"normalized": True}, {})
    tokens = [{"id": 256 + i, "content": f"<{i}>", **habit} for i, habit in enumerate(habits)]
    tokens.append({"id": 261, "content": "<4><4>"})
    tokenizer = mc.Tokenizer.from_json({**of_bytes(), "added_tokens": tokens, "normalizer": {"type": "Lowercase"}})
    for text, ids in (
        ("a \u3000<0> b", [97, 256, 32, 98]),
        ("a <1>\x85 b", [97, 32, 257, 98]),
        ("a<2>b", [*b"a<2>b"]),
        ("-<2>-", [45, 258, 45]),
        ("e\u0301<2>", [*"e\u0301<2>".encode()]),
        ("A<3>B", [97, 259, 98]),
        ("<4><4><4>", [261, 260]),
    ):
        assert tokenizer.encode(text).tolist() == ids


def test_templates_nest_and_roberta_has_its_own():
    roberta = {"type": "RobertaProcessing", "sep": ["b", 98], "cls": ["a", 97]}
    nested = {"type": "Sequence", "processors": [roberta, {**roberta, "cls": ["c", 99]}]}
    assert mc.Tokenizer.from_json(with_part("post_processor", roberta)).encode("x").tolist() == [97, 120, 98]
    assert mc.Tokenizer.from_json(with_part("post_processor", nested)).encode("x").tolist() == [99, 97, 120, 98, 98]


def test_patterns_of_models_are_named():
    assert set(PATTERNS) == {"gpt2", "cl100k", "qwen2", "o200k"}
