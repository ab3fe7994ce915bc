"""What the tokens of a vocabulary stand for in a text, as a `tokenizer.json` says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mathcore.tokenizers._fields import REQUIRED, by_type, fields
from mathcore.tokenizers.normalisers import Normaliser, replaced, with_text
from mathcore.tokenizers.pretokenizers import metaspace


def _of_printable_bytes() -> dict[str, str]:
    """The characters that stand for bytes in files of GPT-2's kind → the bytes as characters of Latin-1."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(b): chr(b) for b in shown} | {chr(256 + i): chr(byte) for i, byte in enumerate(hidden)}


_BYTES = _of_printable_bytes()
_TABLE = str.maketrans(_BYTES)
_BACK = str.maketrans({symbol: shown for shown, symbol in _BYTES.items()})
_OTHER = re.compile(f"[^{re.escape(''.join(_BYTES))}]")


def byte_symbols(token: str) -> str | None:
    """The bytes of a token as characters of Latin-1, or None if a character of it stands for no byte.

    Source:
        Radford et al., Language Models are Unsupervised Multitask Learners (2019), the code beside it: the bytes that
        print stand for themselves, the others for U+0100 and what follows.
    """
    return None if _OTHER.search(token) else token.translate(_TABLE)


def printable(symbols: str) -> str:
    """The inverse of `byte_symbols`: bytes as characters of Latin-1, as a file of GPT-2's kind writes them."""
    return symbols.translate(_BACK)


@dataclass(frozen=True)
class Decoder:
    """From a token's name to the bytes that it stands for, and what happens at the start of a text.

    Attributes:
        of_bytes: whether names are bytes as `byte_symbols` reads them.
        steps: changes of a name, one after the other.
        byte_names: whether `<0x41>` stands for the byte 0x41.
        fused: whether the bytes of tokens have been joined, after which steps would see the whole text.
        first_loses: a character that the first token of a text loses.
        strip: a text, and how often it is taken away at the start of the whole text.
        between: what stands between tokens.
    """

    of_bytes: bool = False
    steps: tuple[Normaliser, ...] = ()
    byte_names: bool = False
    fused: bool = False
    first_loses: str = ""
    strip: tuple[str, int] = ("", 0)
    between: bytes = b""

    def content(self, token: str, first: bool = False) -> bytes:
        """The bytes of a token; of the first token of a text if so asked."""
        if self.of_bytes:
            symbols = byte_symbols(token)
            return token.encode("utf-8", "surrogatepass") if symbols is None else symbols.encode("latin-1")
        if first and self.first_loses:
            token = token.replace(self.first_loses, "")
        for step in self.steps:
            token = step(token)
        if self.byte_names and (named := _BYTE_NAME.fullmatch(token)):
            return bytes([int(named[1], 16)])
        return token.encode("utf-8", "surrogatepass")

    def stripped(self, text: str) -> str:
        """The text without what the start of a text has too much."""
        start, count = self.strip
        for _ in range(count):
            text = text.removeprefix(start)
        return text


_BYTE_NAME = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def byte_ids(vocabulary: Mapping[str, int]) -> tuple[int, ...] | None:
    """The ids of `<0x00>` … `<0xFF>`, None if a vocabulary has none of them.

    Raises:
        ValueError: if it has some.
    """
    found = [vocabulary[name] for byte in range(256) if (name := f"<0x{byte:02X}>") in vocabulary]
    if len(found) not in (0, 256):
        raise ValueError(f"byte_fallback needs the tokens <0x00> to <0xFF>, the vocabulary has {len(found)} of them")
    return tuple(found) or None


def decoder(config: Any) -> Decoder:
    """What the field `decoder` describes; with `null` spaces stand between tokens.

    Raises:
        ValueError: for a kind, or a field of one, that is not known here, and for a sequence that is not.
    """
    return Decoder(between=b" ") if config is None else by_type("decoder", config, _MAKERS)(Decoder())


Step = Callable[[Decoder], Decoder]


def _byte_level(what: str, config: Any) -> Step:
    fields(what, config, add_prefix_space=(bool, True), trim_offsets=(bool, True), use_regex=(bool, True))
    return lambda before: replace(_alone(what, before), of_bytes=True)


def _replace(what: str, config: Any) -> Step:
    step = replaced(what, config)
    return lambda before: replace(_by_token(what, before), steps=(*before.steps, step))


def _metaspace(what: str, config: Any) -> Step:
    mark, scheme, _ = metaspace(what, config)
    lost = "" if scheme == "never" else mark
    spaced = partial(with_text, mark, " ")
    return lambda before: replace(_alone(what, before), steps=(spaced,), first_loses=lost)


def _byte_fallback(what: str, config: Any) -> Step:
    fields(what, config)
    return lambda before: replace(_by_token(what, before), byte_names=True)


def _fuse(what: str, config: Any) -> Step:
    fields(what, config)
    return lambda before: replace(before, fused=True)


def _strip(what: str, config: Any) -> Step:
    values = fields(what, config, content=(str, REQUIRED), start=(int, REQUIRED), stop=(int, REQUIRED))

    def step(before: Decoder) -> Decoder:
        if not before.fused or before.strip[1] or values["stop"] or not values["content"] or values["start"] < 0:
            raise ValueError(f"{what} is known here only once, after Fuse, and at the start of a text")
        return replace(before, strip=(values["content"], values["start"]))

    return step


def _sequence(what: str, config: Any) -> Step:
    parts = fields(what, config, decoders=(list, REQUIRED))["decoders"]
    steps = [by_type("decoder", part, _MAKERS) for part in parts]

    def step(before: Decoder) -> Decoder:
        for each in steps:
            before = each(before)
        return before

    return step


def _by_token(what: str, before: Decoder) -> Decoder:
    if before.fused or before.of_bytes or before.byte_names:
        raise ValueError(f"{what} after ByteLevel, ByteFallback or Fuse is not known here")
    return before


def _alone(what: str, before: Decoder) -> Decoder:
    if before != Decoder():
        raise ValueError(f"{what} after another decoder is not known here")
    return before


_MAKERS: dict[str, Callable[[str, Any], Step]] = {
    "ByteLevel": _byte_level,
    "Metaspace": _metaspace,
    "Replace": _replace,
    "ByteFallback": _byte_fallback,
    "Fuse": _fuse,
    "Strip": _strip,
    "Sequence": _sequence,
}
