"""What must be true of tokenizers that are read from files."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.tokenizers import pretrained_mutants as wrong
from mathcore.tokenizers.inputs import FRAGMENTS, TEXTS
from mathcore.tokenizers.textbook import learned, merged_one_by_one, printable_bytes
from mathcore.verify import Claim, Limits, Operations, all_of, equal, raises, same

NAMES = printable_bytes()
START, END = "<a start>", "<an end>"
"""Special tokens with a space inside, so that no merge makes one."""


def shown(content: bytes) -> str:
    """Bytes as a file of GPT-2's kind writes them."""
    return "".join(NAMES[byte] for byte in content)


def pieces(text: str) -> list[str]:
    """The pieces of a text: every space begins one."""
    return re.findall(" ?[^ ]+| ", text)


def of_bytes(training: str, num_merges: int, order: Sequence[float] = ()) -> dict[str, Any]:
    """A `tokenizer.json` of bytes, trained on a text; `order` shuffles the ranks of its merges."""
    tokens = [bytes([byte]) for byte in range(256)]
    merges = []
    for left, right in learned([list(p.encode("utf-8", "surrogatepass")) for p in pieces(training)], num_merges):
        merges.append((shown(tokens[left]), shown(tokens[right])))
        tokens.append(tokens[left] + tokens[right])
    keys = [*order, *range(len(order), len(merges))]
    shuffled = sorted(range(len(merges)), key=lambda i: (keys[i], i))
    vocabulary = {name: i for i, name in enumerate(dict.fromkeys(map(shown, tokens)))}
    specials = [{"id": len(vocabulary) + i, "content": name, "special": True} for i, name in enumerate((START, END))]
    bytes_alone = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    at_spaces = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithNext"}
    return {
        "added_tokens": specials,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [at_spaces, bytes_alone]},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [" ".join(merges[i]) for i in shuffled]},
    }


def around(content: dict[str, Any]) -> dict[str, Any]:
    """The same, with a template: the start before a text, the end behind it."""
    ids = {token["content"]: token["id"] for token in content["added_tokens"]}
    parts = ({"SpecialToken": {"id": START}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": END}})
    named = {name: {"id": name, "ids": [i], "tokens": [name]} for name, i in ids.items()}
    template = {"type": "TemplateProcessing", "single": parts, "pair": [], "special_tokens": named}
    return {**content, "post_processor": template}


def loaded(ops: Operations, content: Any) -> Any:
    """The tokenizer of these values, by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(json.dumps(content))
        return ops.load_tokenizer(path)


FROM_JSON = Limits(options=("pattern", "special_tokens"))
"""A `tokenizer.json` says these itself; they are refused beside one."""

REPEATING = (*FRAGMENTS, "ab", " ab", "abc", " abcd", "aaaa", "é\u0301", START, END, "<an", " end>")
TEXTS_WITH_REPEATS = st.lists(st.sampled_from(REPEATING), max_size=12).map("".join)
RANKS = st.lists(st.sampled_from([0.0, 1.5, 3.0, 9.0]), max_size=8)


is_lossless = Claim(
    "pretrained.lossless",
    statement="Every string comes back from a tokenizer of bytes that was read from a file, lone surrogates and what "
    "looks like a special token included.",
    formula=r"\operatorname{decode}(\operatorname{encode}(t)) = t",
    source="Radford et al. (2019), §2.2",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(wrong.ends_stripped, wrong.composed, wrong.surrogates_replaced, wrong.special_text_always_counts),
)


@is_lossless.property(training=TEXTS, text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 20))
def decoding_inverts_encoding(ops: Operations, training: str, text: str, num_merges: int) -> Any:
    tokenizer = loaded(ops, around(of_bytes(text + training, num_merges)))
    return same(tokenizer.decode(tokenizer.encode(text)), text)


merges_by_rank = Claim(
    "pretrained.merges_by_rank",
    statement="In each piece of a text the pair of neighbours that stands first among the merges of the file is merged "
    "first, of equal ones the leftmost, until none is left; also where a later merge stands before one that it is made "
    "of.",
    formula=r"\operatorname{encode}(t) = \text{the lowest rank first, one merge at a time}",
    source="Sennrich, Haddow & Birch (2016), arXiv:1508.07909, algorithm 1",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(wrong.ranks_reversed, wrong.never_merged, wrong.whole_pieces_first),
)


@merges_by_rank.property(text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 20), order=RANKS)
def pieces_merge_by_rank(ops: Operations, text: str, num_merges: int, order: list[float]) -> Any:
    content = of_bytes(text * 3, num_merges, order[:num_merges])
    return equal(loaded(ops, content).encode(text), np.array(expected(content, text), int))


def expected(content: dict[str, Any], text: str) -> list[int]:
    """The ids of a text without special tokens, by the textbook."""
    model = content["model"]
    ranks: dict[tuple[str, str], int] = {tuple(pair.split(" ")): i for i, pair in enumerate(model["merges"])}
    symbols = [list(shown(piece.encode("utf-8", "surrogatepass"))) for piece in pieces(text)]
    return [model["vocab"][token] for piece in symbols for token in merged_one_by_one(piece, ranks)]


def long_runs() -> Iterator[dict[str, Any]]:
    """Pieces in lengths at which a piece may be taken apart."""
    for part in ("a", "ab", "aab", "é", "xyza"):
        for count in (31, 32, 33, 64, 65, 66, 200):
            yield {"part": part, "count": count}


@merges_by_rank.exhaustive(long_runs)
def long_pieces_merge_by_rank(ops: Operations, part: str, count: int) -> Any:
    content = of_bytes("aaaa ababab aabaab éé", 12)
    return equal(loaded(ops, content).encode(part * count), np.array(expected(content, part * count), int))


def never_reached() -> Iterator[dict[str, Any]]:
    """Merges by which no text becomes its longest token, though that is in the vocabulary."""
    yield {"merges": ["b c", "a b", "ab c"], "text": "abc abcabc"}
    yield {"merges": ["c d", "b c", "a b", "ab c", "abc d"], "text": "abcd abc"}


@merges_by_rank.exhaustive(never_reached)
def a_token_is_no_merge(ops: Operations, merges: list[str], text: str) -> Any:
    content = of_bytes("", 0)
    new = dict.fromkeys(pair.replace(" ", "") for pair in merges)
    content["model"]["vocab"] |= {token: 500 + i for i, token in enumerate(new)}
    content["model"]["merges"] = merges
    return equal(loaded(ops, content).encode(text), np.array(expected(content, text), int))


pieces_stay_apart = Claim(
    "pretrained.pieces_stay_apart",
    statement="Where a file cuts a text at spaces, the ids of a text are those of what stands before a space, and then "
    "those of the rest.",
    formula=r"\operatorname{encode}(t_1 \sqcup t_2) = \operatorname{encode}(t_1)\, \operatorname{encode}(\sqcup t_2)",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(wrong.across_pieces, wrong.ends_stripped),
)


@pieces_stay_apart.property(texts=st.tuples(TEXTS_WITH_REPEATS, TEXTS_WITH_REPEATS), num_merges=st.integers(0, 20))
def ids_join_at_spaces(ops: Operations, texts: tuple[str, str], num_merges: int) -> Any:
    before, after = texts[0], f" {texts[1]}"
    content = of_bytes((before + after) * 3, num_merges)
    content["model"]["merges"] += ["a Ġ", "aĠ b"]  # which no piece has
    content["model"]["vocab"] |= {"aĠ": 600, "aĠb": 601}
    tokenizer = loaded(ops, content)
    parts = [*tokenizer.encode(before), *tokenizer.encode(after)]
    return equal(tokenizer.encode(before + after), np.array(parts, int))


special_tokens_are_whole = Claim(
    "pretrained.special_tokens_are_whole",
    statement="A special token that is allowed is one id, whatever stands beside it, and what stands beside it gets "
    "the ids that it has by itself.",
    formula=r"\operatorname{encode}(t_1\, s\, t_2) = \operatorname{encode}(t_1)\, \mathrm{id}_s\, "
    r"\operatorname{encode}(t_2)",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(
        wrong.special_text_is_plain, wrong.special_tokens_between_spaces, wrong.special_tokens_take_spaces,
    ),
    legend={r"\mathrm{id}_s": "the id of a special token"},
)  # fmt: skip


@special_tokens_are_whole.property(
    texts=st.tuples(TEXTS_WITH_REPEATS, TEXTS_WITH_REPEATS), num_merges=st.integers(0, 20), listed=st.booleans()
)
def special_tokens_are_one_id(ops: Operations, texts: tuple[str, str], num_merges: int, listed: bool) -> Any:
    allowed: Any = "all"
    if listed:
        texts, allowed = (texts[0].replace(END, ""), texts[1].replace(END, "")), (END,)
    content = of_bytes(END.join(texts) * 3, num_merges)
    tokenizer = loaded(ops, content)
    whole = END.join(texts)
    before, ids, after = (tokenizer.encode(text, allowed_special=allowed) for text in (texts[0], whole, texts[1]))
    return equal(ids, np.array([*before, content["added_tokens"][1]["id"], *after], int))


special_tokens_when_allowed = Claim(
    "pretrained.special_tokens_when_allowed",
    statement="A text that looks like a special token is one only where it is allowed: else it gets the ids of "
    "ordinary text, none of which is special.",
    formula=r"\mathrm{id}_s \notin \operatorname{encode}(t_1\, s\, t_2)",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(wrong.special_text_always_counts,),
    legend={r"\mathrm{id}_s": "the id of a special token that is not allowed"},
)


@special_tokens_when_allowed.property(texts=st.tuples(TEXTS, TEXTS), num_merges=st.integers(0, 20), effort=0.5)
def text_like_special_tokens_is_text(ops: Operations, texts: tuple[str, str], num_merges: int) -> Any:
    content, text = of_bytes(END.join(texts) * 3, num_merges), END.join(texts)
    ids = loaded(ops, content).encode(text)
    return equal(ids, np.array(expected(content, text), int))


template_is_around = Claim(
    "pretrained.template_is_around",
    statement="The special tokens that a file puts around a text stand before and behind the ids that it has without "
    "them, and leave no trace in the decoded text.",
    formula=r"\operatorname{encode}(t) = \mathrm{start}\; \operatorname{encode}'(t)\; \mathrm{end}",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(wrong.template_forgotten, wrong.template_turned),
)


@template_is_around.property(text=TEXTS_WITH_REPEATS, num_merges=st.integers(0, 20), effort=0.5)
def special_tokens_stand_around(ops: Operations, text: str, num_merges: int) -> Any:
    content = around(of_bytes(text * 3, num_merges))
    start, end = (token["id"] for token in content["added_tokens"])
    tokenizer = loaded(ops, content)
    alone = tokenizer.encode(text, add_special_tokens=False)
    ids = tokenizer.encode(text)
    return all_of(
        equal(ids, np.array([start, *alone, end], int)),
        same(tokenizer.decode(ids), text),
        same(tokenizer.decode(ids, skip_special_tokens=False), START + text + END),
    )


falls_back_to_bytes = Claim(
    "pretrained.falls_back_to_bytes",
    statement="Where a file gives bytes a token each, a character without one of its own becomes the bytes of its "
    "UTF-8, and every text without a ▁ comes back, spaces at its ends included.",
    formula=r"c \notin \text{vocabulary} \Rightarrow \operatorname{encode}(c) = \text{the tokens of its bytes}",
    source="Kudo & Richardson (2018), arXiv:1808.06226; byte_fallback of SentencePiece",
    needs=("load_tokenizer",),
    limits=FROM_JSON,
    refuted_by=(wrong.bytes_forgotten, wrong.latin_bytes, wrong.ends_stripped),
)


def of_characters() -> dict[str, Any]:
    """A `tokenizer.json` as that of Llama-2: letters, spaces as ▁, and bytes for the rest."""
    names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *"▁abc", "ab", "abc", "▁a", "▁▁", "▁▁▁▁"]
    steps = ({"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"})
    back = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "decoder": {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]},
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {name: i for i, name in enumerate(names)},
            "merges": [["a", "b"], ["▁", "▁"], ["ab", "c"], ["▁", "a"], ["▁▁", "▁▁"]],
        },
    }


@falls_back_to_bytes.property(text=TEXTS_WITH_REPEATS.map(lambda text: text.replace("▁", "_")))
def unknown_characters_become_bytes(ops: Operations, text: str) -> Any:
    tokenizer = loaded(ops, of_characters())
    return same(tokenizer.decode(tokenizer.encode(text)), text)


@falls_back_to_bytes.property(c=st.characters(exclude_categories=(), exclude_characters="▁abc "), effort=0.5)
def a_character_becomes_its_bytes(ops: Operations, c: str) -> Any:
    ids = loaded(ops, of_characters()).encode(f"a{c}")
    vocabulary = of_characters()["model"]["vocab"]
    spelt = [vocabulary[f"<0x{byte:02X}>"] for byte in c.encode("utf-8", "surrogatepass")]
    return equal(ids, np.array([vocabulary["▁a"], *spelt], int))


refuses_what_it_does_not_know = Claim(
    "pretrained.refuses_what_it_does_not_know",
    statement="What a file asks for and a reader does not know is refused by its name, and never ignored: kinds of "
    "models, of normalisers, of cuts and of decoders, fields, and merges of tokens that are not there.",
    formula=r"\text{field} \notin \text{known} \Rightarrow \mathrm{ValueError}",
    needs=("load_tokenizer",),
    refuted_by=(wrong.strange_fields_ignored,),
)


def strange_files() -> Iterator[dict[str, Any]]:
    """Where something strange stands in a file, what it is, and the word that the message must have."""
    for place, value, word in (
        (("normalizer",), {"type": "Precompiled2"}, "Precompiled2"),
        (("post_processor",), {"type": "Strange"}, "Strange"),
        (("truncation",), {"max_length": 5}, "truncation"),
        (("strange",), 1, "strange"),
        (("model", "dropout"), 0.1, "dropout"),
        (("model", "end_of_word_suffix"), "</w>", "end_of_word_suffix"),
        (("model", "strange"), True, "strange"),
        (("model", "merges"), ["a zz"], "zz"),
        (("model", "type"), "Strange", "Strange"),
        (("decoder",), {"type": "Strange"}, "Strange"),
        (("pre_tokenizer",), {"type": "Strange"}, "Strange"),
        (("pre_tokenizer",), {"type": "ByteLevel", "use_regex": False, "strange": 0}, "strange"),
        (("pre_tokenizer",), {"type": "Split", "pattern": {"String": "a"}, "behavior": "Strange"}, "Strange"),
        (("added_tokens",), [{"id": 0, "content": "<x>", "special": True}], "<x>"),
    ):
        yield {"place": place, "value": value, "word": word}


@refuses_what_it_does_not_know.exhaustive(strange_files)
def strange_files_are_refused(ops: Operations, place: tuple[str, ...], value: Any, word: str) -> Any:
    content = of_bytes("ab ab", 2)
    inner = content if len(place) == 1 else content[place[0]]
    inner[place[-1]] = value
    return raises(lambda: loaded(ops, content), ValueError, saying=(word, "tokenizer.json"))
