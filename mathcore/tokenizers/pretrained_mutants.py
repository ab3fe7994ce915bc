"""Wrong tokenizers from files, on purpose."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mathcore.tokenizers.byte_pairs_mutants import Changed, Operation
from mathcore.verify.claims import Mutant, mutant


def _reads(change: Callable[[dict[str, Any]], Any]) -> Mutant:
    """A mutant that reads another file than the one it was given."""

    def wrap(correct: Operation) -> Operation:
        def wrong(path: Any) -> Any:
            content = json.loads(Path(path).read_bytes())
            change(content)
            beside = Path(path).with_name("beside.json")
            beside.write_text(json.dumps(content))
            return correct(beside)

        return wrong

    wrap.__name__, wrap.__doc__ = change.__name__, change.__doc__
    return mutant("load_tokenizer", wraps=True)(wrap)


def _encodes(change: Callable[[Any, str, dict[str, Any]], Any]) -> Mutant:
    """A mutant that encodes in another way: (the right tokenizer, text, options) → ids."""

    def wrap(correct: Operation) -> Operation:
        def wrong(path: Any) -> Any:
            tokenizer = correct(path)
            return Changed(tokenizer, encode=lambda text, **how: change(tokenizer, text, how))

        return wrong

    wrap.__name__, wrap.__doc__ = change.__name__, change.__doc__
    return mutant("load_tokenizer", wraps=True)(wrap)


# Texts that do not come back.
@_encodes
def ends_stripped(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Strips white space at the ends."""
    return tokenizer.encode(text.strip(), **how)


@_encodes
def composed(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Brings the text to Unicode normal form C, whatever the file says."""
    return tokenizer.encode(unicodedata.normalize("NFC", text), **how)


@_encodes
def surrogates_replaced(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Turns lone surrogates into question marks."""
    return tokenizer.encode(text.encode("utf-8", "replace").decode(), **how)


@_encodes
def latin_bytes(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Takes the low byte of a character where it has no token."""
    return tokenizer.encode("".join(chr(ord(c) & 255) for c in text), **how)


# Other ids for the same text.
@_reads
def ranks_reversed(content: dict[str, Any]) -> None:
    """Merges what was learned last first."""
    content["model"]["merges"].reverse()


@_reads
def never_merged(content: dict[str, Any]) -> None:
    """Forgets the merges."""
    content["model"]["merges"] = []


@_reads
def whole_pieces_first(content: dict[str, Any]) -> None:
    """Takes a piece that is a token for that token, though the file does not say so."""
    content["model"]["ignore_merges"] = True


@_reads
def across_pieces(content: dict[str, Any]) -> None:
    """Does not cut the text before it merges."""
    content["pre_tokenizer"] = content["pre_tokenizer"]["pretokenizers"][-1]


# Special tokens.
@_encodes
def special_text_is_plain(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Reads special tokens as ordinary text, allowed or not."""
    return tokenizer.encode(text, **{**how, "allowed_special": ()})


@_encodes
def special_text_always_counts(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Takes what looks like a special token for one, allowed or not."""
    return tokenizer.encode(text, **{**how, "allowed_special": "all"})


@_reads
def special_tokens_between_spaces(content: dict[str, Any]) -> None:
    """Sees a special token only where no word touches it."""
    for token in content["added_tokens"]:
        token["single_word"] = True


@_reads
def special_tokens_take_spaces(content: dict[str, Any]) -> None:
    """Lets a special token take in the white space after it."""
    for token in content["added_tokens"]:
        token["rstrip"] = True


@_encodes
def template_forgotten(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Puts nothing around a text."""
    return tokenizer.encode(text, **{**how, "add_special_tokens": False})


@_encodes
def template_turned(tokenizer: Any, text: str, how: dict[str, Any]) -> Any:
    """Puts what belongs before a text behind it, and the other way round."""
    ids = tokenizer.encode(text, **how)
    return np.array([*ids[-1:], *ids[1:-1], *ids[:1]])


# Files.
@_reads
def strange_fields_ignored(content: dict[str, Any]) -> None:
    """Leaves out what it does not know."""
    for name in set(content) - {"model", "decoder", "added_tokens", "pre_tokenizer"}:
        del content[name]
    for name in ("dropout", "end_of_word_suffix", "strange"):
        content["model"].pop(name, None)


@_reads
def bytes_forgotten(content: dict[str, Any]) -> None:
    """Gives every unknown character the token for what is unknown."""
    content["model"]["byte_fallback"] = False
