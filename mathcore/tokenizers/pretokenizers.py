"""How a text is cut into pieces before tokens are merged within them, as a `tokenizer.json` says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mathcore.tokenizers._fields import REQUIRED, by_type, fields, short
from mathcore.tokenizers.normalisers import pattern_of
from mathcore.tokenizers.patterns import PATTERNS, compiled, literal

Cut = Callable[[list[str], bool], list[str]]
"""(pieces, whether the first of them begins the text) → their pieces; as a `Normaliser`, it can be pickled."""

Arrange = Callable[[Iterable[tuple[str, bool]]], list[str]]
"""(parts of a piece, each with whether it is a match) → pieces."""


@dataclass(frozen=True)
class PreTokenizer:
    """The cuts of a text, one after the other, and whether tokens are then made of bytes in place of characters."""

    cuts: tuple[Cut, ...] = ()
    of_bytes: bool = False

    def pieces(self, text: str, first: bool) -> list[str]:
        """The pieces of a text; `first` says whether it begins the whole."""
        pieces = [text]
        for cut in self.cuts:
            pieces = cut(pieces, first)
        return pieces


def pre_tokenizer(config: Any) -> PreTokenizer:
    """What the field `pre_tokenizer` describes; with `null` a text is one piece.

    Raises:
        ValueError: for a kind, or a field of one, that is not known here.
        ImportError: if a pattern needs the package `regex`, which is missing.
    """
    return PreTokenizer() if config is None else by_type("pre_tokenizer", config, _MAKERS)


def split_by(pattern: Any, behaviour: str = "Isolated", invert: bool = False) -> Cut:
    """A cut of every piece at the matches of a pattern."""
    return partial(_cut, pattern, _BEHAVIOURS[behaviour], invert)


def _cut(pattern: Any, arrange: Arrange, invert: bool, pieces: list[str], _: bool) -> list[str]:
    found = []
    for piece in pieces:
        if arrange is _isolated:
            matches = pattern.findall(piece)
            if sum(map(len, matches)) == len(piece):  # matches side by side, as patterns of models have them
                found += matches
                continue
        found += arrange([(part, is_match != invert) for part, is_match in _parts(pattern, piece)])
    return found


def _parts(pattern: Any, text: str) -> Iterator[tuple[str, bool]]:
    """The matches in a text, and what lies between them, with whether it is a match."""
    end = 0
    for match in pattern.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], False
        yield match[0], True
        end = match.end()
    if end < len(text):
        yield text[end:], False


def _isolated(parts: Iterable[tuple[str, bool]]) -> list[str]:
    return [part for part, _ in parts]


def _removed(parts: Iterable[tuple[str, bool]]) -> list[str]:
    return [part for part, is_match in parts if not is_match]


def _contiguous(parts: Iterable[tuple[str, bool]]) -> list[str]:
    found: list[str] = []
    before = False
    for part, is_match in parts:
        if found and is_match == before:
            found[-1] += part
        else:
            found.append(part)
        before = is_match
    return found


def _with_previous(parts: Iterable[tuple[str, bool]]) -> list[str]:
    """A match goes to the piece before it, but for one that follows a match."""
    found: list[str] = []
    before = False
    for part, is_match in parts:
        if found and is_match and not before:
            found[-1] += part
        else:
            found.append(part)
        before = is_match
    return found


def _with_next(parts: Iterable[tuple[str, bool]]) -> list[str]:
    """A match goes to the piece after it, but for one that is followed by a match."""
    found: list[str] = []
    after = False
    for part, is_match in reversed(list(parts)):
        if found and is_match and not after:
            found[-1] = part + found[-1]
        else:
            found.append(part)
        after = is_match
    return found[::-1]


_BEHAVIOURS: dict[str, Arrange] = {
    "Isolated": _isolated,
    "Removed": _removed,
    "Contiguous": _contiguous,
    "MergedWithPrevious": _with_previous,
    "MergedWithNext": _with_next,
}


def _split(what: str, config: Any) -> PreTokenizer:
    values = fields(what, config, pattern=(dict, REQUIRED), behavior=(str, REQUIRED), invert=(bool, False))
    if values["behavior"] not in _BEHAVIOURS:
        raise ValueError(f"{what} has the behavior {short(values['behavior'])}; known are {', '.join(_BEHAVIOURS)}")
    return PreTokenizer((split_by(pattern_of(what, values["pattern"]), values["behavior"], values["invert"]),))


def _digits(what: str, config: Any) -> PreTokenizer:
    alone = fields(what, config, individual_digits=(bool, False))["individual_digits"]
    return PreTokenizer((split_by(compiled(what, r"\p{N}"), "Isolated" if alone else "Contiguous"),))


def _byte_level(what: str, config: Any) -> PreTokenizer:
    values = fields(  # offsets are not given here
        what, config, add_prefix_space=(bool, True), trim_offsets=(bool, True), use_regex=(bool, True)
    )
    cuts: list[Cut] = [_spaced] if values["add_prefix_space"] else []
    if values["use_regex"]:
        cuts.append(split_by(compiled(what, PATTERNS["gpt2"])))
    return PreTokenizer(tuple(cuts), of_bytes=True)


def _spaced(pieces: list[str], _: bool) -> list[str]:
    return [piece if piece.startswith(" ") else f" {piece}" for piece in pieces]


def metaspace(what: str, config: Any) -> tuple[str, str, bool]:
    """Of an object of type Metaspace: what stands for a space, when it is put before a text, whether it cuts."""
    values = fields(
        what,
        config,
        replacement=(str, REQUIRED),
        str_rep=(str, None),
        add_prefix_space=(bool, True),
        prepend_scheme=(str, None),
        split=(bool, True),
    )
    mark, scheme = values["replacement"], values["prepend_scheme"]
    if len(mark) != 1 or values["str_rep"] not in (None, mark):
        raise ValueError(f"{what} has the replacement {short(mark)}, which must be one character")
    if scheme is None:  # files from before there were schemes
        scheme = "always" if values["add_prefix_space"] else "never"
    if scheme not in ("always", "first", "never"):
        raise ValueError(f"{what} has the prepend_scheme {short(scheme)}; known are always, first, never")
    return mark, scheme, values["split"]


def _metaspace(what: str, config: Any) -> PreTokenizer:
    mark, scheme, split = metaspace(what, config)
    marked = partial(_marked, mark, scheme)
    return PreTokenizer((marked, split_by(literal(mark), "MergedWithNext")) if split else (marked,))


def _marked(mark: str, scheme: str, pieces: list[str], first: bool) -> list[str]:
    pieces = [piece.replace(" ", mark) for piece in pieces]
    for i, piece in enumerate(pieces):
        wanted = scheme == "always" or (scheme == "first" and first and i == 0)
        if wanted and not piece.startswith(mark):
            pieces[i] = mark + piece
    return pieces


def _sequence(what: str, config: Any) -> PreTokenizer:
    parts = [pre_tokenizer(part) for part in fields(what, config, pretokenizers=(list, REQUIRED))["pretokenizers"]]
    if any(part.of_bytes for part in parts[:-1]):
        raise ValueError(f"{what} goes on after ByteLevel, which is not known here")
    cuts = tuple(cut for part in parts for cut in part.cuts)
    return PreTokenizer(cuts, of_bytes=bool(parts) and parts[-1].of_bytes)


_MAKERS: dict[str, Callable[[str, Any], PreTokenizer]] = {
    "ByteLevel": _byte_level,
    "Metaspace": _metaspace,
    "Split": _split,
    "Digits": _digits,
    "Sequence": _sequence,
}
