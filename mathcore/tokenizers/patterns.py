"""Patterns that texts are cut by before bytes are merged: those of models, and what may stand in one of a file."""

from __future__ import annotations

import re
from typing import Any

from mathcore.tokenizers._fields import short

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_MARKS_AND_SPACES = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"

PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_MARKS_AND_SPACES}",
    "qwen2": rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_MARKS_AND_SPACES}",
    "o200k": rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTIONS}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTIONS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
"""The patterns by the names of what uses them: GPT-2; GPT-4 and Llama-3; Qwen-2 and Qwen-3; GPT-4o."""

_ESCAPE = r"\\(?:[pP]\{[A-Za-z]+\}|[sSdrntfv]|u[0-9A-Fa-f]{4}|[^\sA-Za-z0-9\x80-\U0010ffff])"
_IN_CLASS = rf"(?:{_ESCAPE}|[^\\\[\]&])"
_KNOWN = re.compile(
    rf"{_ESCAPE}"
    rf"|\[\^?{_IN_CLASS}+\]"
    r"|(?P<group>\((?!\?))|\(\?(?:i:|:|=|!|<=|<!)|[)|.]"
    r"|[?*+][?+]?|\{\d+(?:,\d*)?\}(?P<possessive>\+?)"
    r"|(?P<end>\$)"
    r"|[^\\\[\](){}|?*+^$.]"
)
"""What means the same to Oniguruma, which `tokenizers` uses, to Rust's regex, which tiktoken uses, and to `regex`."""


def compiled(what: str, pattern: str, *, rust: bool = False) -> Any:
    r"""A pattern of a file, compiled by the package `regex`; groups do not capture, so that `findall` gives matches.

    Args:
        what: what the pattern belongs to, for messages.
        pattern: the pattern.
        rust: whether `$` and `{1,3}+` mean what they do in Rust: the end of the text, and a possessive count. To
            Oniguruma they mean the end of any line, and a count that is repeated.

    Raises:
        ImportError: if the package `regex` is missing.
        ValueError: for a pattern with a part that is not known to mean the same everywhere, or that matches nothing.
    """
    translated, place = "", 0
    while place < len(pattern):
        part = _KNOWN.match(pattern, place)
        if part is None or (not rust and (part["possessive"] or part["end"])):
            raise ValueError(f"{what} has a pattern with {pattern[place : place + 8]!r}, which is not known here")
        translated += "(?:" if part["group"] else r"\Z" if part["end"] else part[0]
        place = part.end()
    regex = _regex()
    try:
        found = regex.compile(translated, regex.VERSION0)
    except regex.error as wrong:
        raise ValueError(f"{what} has the pattern {short(pattern)}, which is no pattern: {wrong}") from wrong
    if found.match("") is not None:
        raise ValueError(f"{what} has the pattern {short(pattern)}, which matches the empty text")
    return found


def literal(text: str) -> re.Pattern[str]:
    """A pattern that matches one text."""
    return re.compile(re.escape(text))


def _regex() -> Any:
    try:
        import regex
    except ImportError as missing:
        raise ImportError(
            "this tokenizer cuts texts by a pattern with classes of Unicode, which needs the package `regex`: "
            "pip install regex, or mathcore with the extra `tokenizers`"
        ) from missing
    return regex
