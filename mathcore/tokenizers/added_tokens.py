"""Tokens that stand beside the merges: they are found in a text as a whole, before it is cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mathcore.tokenizers._fields import REQUIRED, fields, short

_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
_WHITE += "\u202f\u205f\u3000"
"""Unicode's property White_Space; `str.strip` by itself takes four separators of ASCII as well."""


@dataclass(frozen=True)
class AddedToken:
    """A token that is found as it stands.

    Attributes:
        content: its text.
        id: its id.
        special: whether it steers a model: in a text it counts only where it is allowed.
        single_word: whether it counts only where no letter, digit or mark of a word touches it.
        lstrip, rstrip: whether it takes in the white space before it, and after it.
        normalized: whether it is looked for after the text was normalised, in its own normal form.
    """

    content: str
    id: int
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


def added_token(config: Any) -> AddedToken:
    """The token that an entry of `added_tokens` describes.

    Raises:
        ValueError: for a field that is missing or not known here, and for an empty token.
    """
    flags = ("special", "single_word", "lstrip", "rstrip", "normalized")
    flag: tuple[type, Any] = (bool, False)
    values = fields("added token", config, id=(int, REQUIRED), content=(str, REQUIRED), **dict.fromkeys(flags, flag))
    if not values["content"] or values["id"] < 0:
        raise ValueError(f"added token {values['id']} is {short(values['content'])}")
    return AddedToken(**values)


class Finder:
    """Finds added tokens in texts: the leftmost first, of several at one place the longest."""

    def __init__(self, tokens: Sequence[tuple[str, AddedToken]]) -> None:
        self._tokens: dict[str, AddedToken] = {}
        for content, token in tokens:
            self._tokens.setdefault(content, token)
        longest_first = sorted(self._tokens, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def split(self, text: str, allowed: Collection[str]) -> Iterator[tuple[int | None, str, int]]:
        """(id of a token or None, text, its place) in turn; special tokens that are not allowed are ordinary text."""
        end = 0
        for match in self._pattern.finditer(text) if self._pattern else ():
            token = self._tokens[match[0]]
            if (token.special and token.content not in allowed) or (token.single_word and _touches(text, match)):
                continue
            start, stop = match.span()
            if token.lstrip:
                start = max(end, len(text[:start].rstrip(_WHITE)))
            if token.rstrip:
                stop = len(text) - len(text[stop:].lstrip(_WHITE))
            if start > end:
                yield None, text[end:start], end
            yield token.id, text[start:stop], start
            end = stop
        if end < len(text):
            yield None, text[end:], end


def _touches(text: str, match: re.Match[str]) -> bool:
    """Whether a word goes on before or after a match."""
    start, stop = match.span()
    return (start > 0 and _of_a_word(text[start - 1])) or (stop < len(text) and _of_a_word(text[stop]))


def _of_a_word(c: str) -> bool:
    r"""Whether a character is Unicode's `\w` (UTS 18, annex C): alphabetic, mark, digit, connector or joiner."""
    category = unicodedata.category(c)
    circled = "\u24b6" <= c <= "\u24e9" or any(a <= ord(c) <= a + 25 for a in (0x1F130, 0x1F150, 0x1F170))
    return category[0] in "LM" or category in ("Nd", "Nl", "Pc") or c in "\u200c\u200d" or circled
