"""The parts of a tokenizer, read from the files that hold them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

from mathcore.tokenizers._fields import REQUIRED, fields, short
from mathcore.tokenizers.added_tokens import AddedToken, added_token
from mathcore.tokenizers.decoders import Decoder, byte_ids, byte_symbols, decoder, printable
from mathcore.tokenizers.merging import MergeModel, Pair, Unknown
from mathcore.tokenizers.normalisers import Normaliser, normaliser
from mathcore.tokenizers.patterns import PATTERNS, compiled
from mathcore.tokenizers.pretokenizers import PreTokenizer, pre_tokenizer, split_by
from mathcore.tokenizers.templates import Template, template


@dataclass(frozen=True)
class Parts:
    """What a tokenizer is made of.

    Attributes:
        model: the merges, and the ids of what they merge.
        names: the id of every name of the vocabulary.
        added: tokens that are found before merging.
        normalise: what is done to a text between them.
        pre_tokenizer: how such a text is cut.
        decoder: what a name stands for.
        template: the ids that are put before and after a text.

    Raises:
        ValueError: if two tokens have one id, or one token has two.
    """

    model: MergeModel
    names: Mapping[str, int]
    added: Sequence[AddedToken]
    normalise: Normaliser
    pre_tokenizer: PreTokenizer
    decoder: Decoder
    template: Template = ((), ())

    def __post_init__(self) -> None:
        ids, of_ids = dict(self.names), {i: name for name, i in self.names.items()}
        if len(of_ids) != len(ids):
            twice = next(name for name, i in ids.items() if of_ids[i] != name)
            raise ValueError(f"tokens {short(twice)} and {short(of_ids[ids[twice]])} have one id, {ids[twice]}")
        for token in self.added:
            if token.id >= _MOST_IDS:
                raise ValueError(
                    f"added token {short(token.content)} must have an id below {_MOST_IDS}, got {short(token.id)}"
                )
            here, there = ids.setdefault(token.content, token.id), of_ids.setdefault(token.id, token.content)
            if here != token.id or there != token.content:
                raise ValueError(f"added token {short(token.content)} has the id {token.id}, which is {short(there)}")
            if token.normalized and not self.normalise(token.content):
                raise ValueError(f"added token {short(token.content)} is empty once it is normalised")
        for i in (*self.template[0], *self.template[1]):
            if i not in of_ids:
                raise ValueError(f"the template puts the id {i}, which no token has")


def parts_of_json(content: Any) -> Parts:
    """The parts that a `tokenizer.json` describes.

    Raises:
        ValueError: for anything that is not known here; the message names it.
        ImportError: if a pattern needs the package `regex`, which is missing.
    """
    values = fields(
        "the tokenizer",
        content,
        version=(str, "1.0"),
        truncation=(NoneType, None),  # would change the ids
        padding=(NoneType, None),
        added_tokens=((list, NoneType), None),
        normalizer=((dict, NoneType), None),
        pre_tokenizer=((dict, NoneType), None),
        post_processor=((dict, NoneType), None),
        decoder=((dict, NoneType), None),
        model=(dict, REQUIRED),
    )
    if values["version"] != "1.0":
        raise ValueError(f"the tokenizer has the version {short(values['version'])}, known is 1.0")
    cuts = pre_tokenizer(values["pre_tokenizer"])
    model, names = _model(values["model"], cuts.of_bytes)
    added = [added_token(entry) for entry in values["added_tokens"] or ()]
    return Parts(
        model,
        names,
        sorted(added, key=lambda token: not token.special),  # of two with one normal form a special one is found
        normaliser(values["normalizer"]),
        cuts,
        decoder(values["decoder"]),
        template(values["post_processor"]),
    )


def _model(config: dict[str, Any], of_bytes: bool) -> tuple[MergeModel, dict[str, int]]:
    if config.get("type", "BPE") != "BPE":  # files from before there were types have none
        raise ValueError(f"model of type {short(config['type'])} is not known here; known is BPE")
    values = fields(
        "model",
        config,
        dropout=((float, int, NoneType), None),
        unk_token=((str, NoneType), None),
        continuing_subword_prefix=((str, NoneType), None),
        end_of_word_suffix=((str, NoneType), None),
        fuse_unk=(bool, False),
        byte_fallback=(bool, False),
        ignore_merges=(bool, False),
        vocab=(dict, REQUIRED),
        merges=(list, REQUIRED),
    )
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if values[name]:
            raise ValueError(f"model has {name} = {short(values[name])}, which is not known here")
    vocabulary = values["vocab"]
    unknown = Unknown(
        byte_ids(vocabulary) if values["byte_fallback"] else None,
        vocabulary.get(values["unk_token"]) if values["unk_token"] else None,
        values["fuse_unk"],
    )
    return _merge_model(vocabulary, values["merges"], of_bytes, values["ignore_merges"], unknown), vocabulary


def _merge_model(
    vocabulary: dict[str, int], merges: Iterable[Any], of_bytes: bool, whole: bool, unknown: Unknown
) -> MergeModel:
    _check_ids(vocabulary)
    ranks: dict[Pair, int] = {}
    made = {}
    for rank, merge in enumerate(merges):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if not (isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts)):
            raise ValueError(f"merge {rank} must be two tokens, got {short(merge)}")
        for name in (*parts, "".join(parts)):
            if name not in vocabulary:
                raise ValueError(
                    f"merge {rank}, {short(merge)}, needs the token {short(name)}, which the vocabulary lacks"
                )
        ranks[vocabulary[parts[0]], vocabulary[parts[1]]] = rank  # of two alike the last, as in `tokenizers`
        made[rank] = vocabulary["".join(parts)]
    ids = {name: vocabulary[token] for token in vocabulary if (name := byte_symbols(token) if of_bytes else token)}
    if of_bytes and unknown.bytes is not None and not all(chr(byte) in ids for byte in range(256)):
        raise ValueError("model has byte_fallback, but not all bytes, which is not known here")
    return MergeModel(ids, ranks, made, of_bytes, whole, unknown)


def parts_of_gpt2(vocabulary: Any, merges: str, pattern: str, special_tokens: Mapping[str, int] | None) -> Parts:
    """The parts that GPT-2's two files describe; its one special token is special if nothing else is said.

    Raises:
        ValueError: if they do not fit together.
        ImportError: if the package `regex` is missing.
    """
    if not isinstance(vocabulary, dict):
        raise ValueError(f"the vocabulary must be an object, got {type(vocabulary).__name__}")
    if special_tokens is None:
        special_tokens = {name: vocabulary[name] for name in ("<|endoftext|>",) if name in vocabulary}
    lines = merges.split("\n")  # tokens may hold other ends of lines
    lines = [line for i, line in enumerate(lines) if line and not (i == 0 and line.startswith("#version"))]
    model = _merge_model(vocabulary, lines, True, False, Unknown())
    return _of_bytes(model, vocabulary, pattern, special_tokens)


def parts_of_tiktoken(content: bytes, pattern: str, special_tokens: Mapping[str, int] | None) -> Parts:
    """The parts that a file of tiktoken describes: a token in base 64 and its rank, which is its id, to a line.

    Any two neighbours are merged whose bytes together are a token, by the rank of that token; a piece that is a token
    is that token.

    Raises:
        ValueError: if the file is something else, or lacks a byte.
        ImportError: if the package `regex` is missing.
    """
    ids: dict[str, int] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            token, rank = line.split()
            symbols, i = base64.b64decode(token, validate=True).decode("latin-1"), int(rank)
        except (ValueError, binascii.Error) as wrong:
            raise ValueError(f"line {number} must be a token in base 64 and its rank, got {line[:40]!r}") from wrong
        if not 0 < len(symbols) <= _LONGEST or ids.setdefault(symbols, i) != i:
            raise ValueError(f"line {number} has a token that is empty, too long or there already, {line[:40]!r}")
    _check_ids(ids)
    for byte in range(256):
        if chr(byte) not in ids:
            raise ValueError(f"no token is the byte {byte:#04x}")
    ranks = {
        (ids[token[:i]], ids[token[i:]]): rank
        for token, rank in ids.items()
        for i in range(1, len(token))
        if token[:i] in ids and token[i:] in ids
    }
    model = MergeModel(ids, ranks, {rank: rank for rank in ids.values()}, of_bytes=True, whole=True)
    return _of_bytes(model, {printable(token): i for token, i in ids.items()}, pattern, special_tokens or {})


_LONGEST = 4096
"""Bytes of a token of tiktoken, which is tried at every place where it may have been merged."""

_MOST_IDS = 1 << 22
"""Ids below the largest one; each takes a place in the vocabulary, 32 MB in all, whether a token has it or not."""


def _check_ids(ids: Mapping[str, Any]) -> None:
    for name, i in ids.items():
        if type(i) is not int or not 0 <= i < _MOST_IDS:
            raise ValueError(f"token {short(name)} must have an id from 0 to {_MOST_IDS - 1}, got {short(i)}")


def _of_bytes(model: MergeModel, names: Mapping[str, int], pattern: str, special_tokens: Mapping[str, int]) -> Parts:
    cut = split_by(compiled("pattern", PATTERNS.get(pattern, pattern), rust=True))
    added = [added_token({"id": i, "content": name, "special": True}) for name, i in special_tokens.items()]
    return Parts(model, names, added, str, PreTokenizer((cut,), of_bytes=True), Decoder(of_bytes=True))
