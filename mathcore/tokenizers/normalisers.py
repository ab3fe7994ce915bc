"""What is done to a text before it is cut, as a `tokenizer.json` says it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from mathcore.tokenizers._fields import REQUIRED, by_type, fields, listed
from mathcore.tokenizers.patterns import compiled, literal

Normaliser = Callable[[str], str]


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
    if plain is not None:
        return lambda text: text.replace(plain, content)
    return lambda text: pattern.sub(lambda _: content, text)


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
    return partial(unicodedata.normalize, name)


def _prepend(what: str, config: Any) -> Normaliser:
    start = fields(what, config, prepend=(str, REQUIRED))["prepend"]
    return lambda text: start + text if text else text


def _lowercase(what: str, config: Any) -> Normaliser:
    fields(what, config)
    return lambda text: "".join(map(str.lower, text))  # each character by itself: Σ at the end of a word becomes σ


def _sequence(what: str, config: Any) -> Normaliser:
    parts = listed(what, fields(what, config, normalizers=(list, REQUIRED))["normalizers"])
    steps = [normaliser(part) for part in parts]

    def normalise(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return normalise


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
