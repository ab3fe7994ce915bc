"""What is done to a text before it is cut, as a `tokenizer.json` says it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from mathcore.tokenizers._fields import REQUIRED, by_type, fields, listed
from mathcore.tokenizers.patterns import compiled, literal

Normaliser = Callable[[str], str]
"""A function of a module, or a `partial` of one, so that a tokenizer can be pickled."""


def normaliser(config: Any) -> Normaliser:
    """The function that the field `normalizer` describes; `null` changes nothing.

    Raises:
        ValueError: for a kind, or a field of one, that is not known here.
    """
    return _unchanged if config is None else by_type("normalizer", config, _MAKERS)


def replaced(what: str, config: Any) -> Normaliser:
    """Every match of a pattern by the same text."""
    values = fields(what, config, pattern=(dict, REQUIRED), content=(str, REQUIRED))
    pattern, content = pattern_of(what, values["pattern"]), values["content"]
    plain = values["pattern"].get("String")
    return partial(_with_pattern, pattern, content) if plain is None else partial(with_text, plain, content)


def with_text(old: str, new: str, text: str) -> str:
    """The text with `new` in place of every `old`."""
    return text.replace(old, new)


def _with_pattern(pattern: Any, new: str, text: str) -> str:
    return str(pattern.sub(lambda _: new, text))  # as it stands: a backslash in it means nothing


def pattern_of(what: str, config: dict[str, Any]) -> Any:
    """The compiled pattern of `{"Regex": …}` or `{"String": …}`."""
    if set(config) == {"String"}:
        text = fields(what, config, String=(str, REQUIRED))["String"]
        if not text:
            raise ValueError(f"{what} has an empty pattern")
        return literal(text)
    return compiled(what, fields(what, config, Regex=(str, REQUIRED))["Regex"])


def _unchanged(text: str) -> str:
    return text


def _form(name: Literal["NFC", "NFD", "NFKC", "NFKD"], what: str, config: Any) -> Normaliser:
    fields(what, config)
    return partial(_in_form, name)


def _in_form(name: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    parts = _SINCE_UNICODE_9.split(text)
    return "".join(part if i % 2 else unicodedata.normalize(name, part) for i, part in enumerate(parts))


_SINCE_UNICODE_9 = re.compile(
    "([\u07fd\u0898-\u089f\u08ca-\u08d3\u09fe\u0c3c\u0d3b\u0d3c\u0eba\u1715\u1abf-\u1ace\u1df6-\u1dfa\u32ff"
    "\ua7f2-\ua7f4\ua82c\uab69\U00010781-\U000107ba\U00010d24-\U00010d27\U00010eab\U00010eac\U00010f46-\U00010f50"
    "\U00010f82-\U00010f85\U00011070\U0001133b\U0001145e\U00011839\U0001183a\U00011930\U0001193d\U0001193e"
    "\U00011943\U000119e0\U00011a34\U00011a47\U00011a99\U00011d42\U00011d44\U00011d45\U00011d97\U00016ff0"
    "\U00016ff1\U0001e130-\U0001e136\U0001e2ae\U0001e2ec-\U0001e2ef\U0001f16c\U0001fbf0-\U0001fbf9])"
)
"""Characters with a combining class or a decomposition that came with Unicode 10 to 14.

The tables of `tokenizers` are those of Unicode 9, to which these stand for themselves and nothing moves across them. A
model was trained on what comes out of that. Characters of Unicode 15 and later are as Python has them.
"""


def _prepend(what: str, config: Any) -> Normaliser:
    return partial(_after, fields(what, config, prepend=(str, REQUIRED))["prepend"])


def _after(start: str, text: str) -> str:
    return start + text if text else text


def _lowercase(what: str, config: Any) -> Normaliser:
    fields(what, config)
    return _lowered


def _lowered(text: str) -> str:
    return "".join(map(str.lower, text))  # each character by itself: Σ at the end of a word becomes σ


def _sequence(what: str, config: Any) -> Normaliser:
    parts = listed(what, fields(what, config, normalizers=(list, REQUIRED))["normalizers"])
    return partial(_in_turn, [normaliser(part) for part in parts])


def _in_turn(steps: Sequence[Normaliser], text: str) -> str:
    for step in steps:
        text = step(text)
    return text


_MAKERS: dict[str, Callable[[str, Any], Normaliser]] = {
    "NFC": partial(_form, "NFC"),
    "NFD": partial(_form, "NFD"),
    "NFKC": partial(_form, "NFKC"),
    "NFKD": partial(_form, "NFKD"),
    "Replace": replaced,
    "Prepend": _prepend,
    "Lowercase": _lowercase,
    "Sequence": _sequence,
}
