"""The special tokens that are put around a text, as a `tokenizer.json` says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mathcore.tokenizers._fields import REQUIRED, by_type, fields, short

Template = tuple[tuple[int, ...], tuple[int, ...]]
"""The ids before a text, and those after it."""


def template(config: Any) -> Template:
    """What the field `post_processor` describes.

    Raises:
        ValueError: for a kind, or a field of one, that is not known here, and for a template without the text.
    """
    return ((), ()) if config is None else by_type("post_processor", config, _MAKERS)


def _byte_level(what: str, config: Any) -> Template:
    fields(what, config, add_prefix_space=(bool, True), trim_offsets=(bool, True), use_regex=(bool, True))
    return (), ()  # moves offsets, which are not given here


def _around(what: str, config: Any) -> Template:
    known: dict[str, Any] = {"sep": (list, REQUIRED), "cls": (list, REQUIRED)}
    if config["type"] == "RobertaProcessing":
        known |= {"trim_offsets": (bool, True), "add_prefix_space": (bool, True)}
    values = fields(what, config, **known)
    return _id_of(f"{what} cls", values["cls"]), _id_of(f"{what} sep", values["sep"])


def _id_of(what: str, named: list[Any]) -> tuple[int]:
    if len(named) != 2 or type(named[1]) is not int:
        raise ValueError(f"{what} must be [token, id], got {short(named)}")
    return (named[1],)


def _processing(what: str, config: Any) -> Template:
    values = fields(
        what, config, single=(list, REQUIRED), pair=(list, REQUIRED), special_tokens=(dict, REQUIRED)
    )  # pairs of texts are not encoded here
    before: list[int] = []
    after: list[int] | None = None
    for part in values["single"]:
        kind = next(iter(part)) if isinstance(part, dict) and len(part) == 1 else part
        if kind == "Sequence" and after is None:
            fields(f"{what} Sequence", part[kind], id=(str, REQUIRED), type_id=(int, 0))
            after = []
        elif kind == "SpecialToken":
            name = fields(f"{what} SpecialToken", part[kind], id=(str, REQUIRED), type_id=(int, 0))["id"]
            (before if after is None else after).extend(_ids(what, name, values["special_tokens"]))
        else:
            raise ValueError(f"{what} has the part {short(part)}, which is not known here")
    if after is None:
        raise ValueError(f"{what} has no place for the text")
    return tuple(before), tuple(after)


def _ids(what: str, name: str, special_tokens: dict[str, Any]) -> list[int]:
    named = fields(
        f"{what} token {short(name)}",
        special_tokens.get(name),
        id=(str, REQUIRED),
        ids=(list, REQUIRED),
        tokens=(list, REQUIRED),
    )
    if not all(type(i) is int for i in named["ids"]):
        raise ValueError(f"{what} token {short(name)} must have integers as ids, got {short(named['ids'])}")
    return named["ids"]


def _sequence(what: str, config: Any) -> Template:
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    for part in fields(what, config, processors=(list, REQUIRED))["processors"]:
        outer, last = template(part)
        before, after = outer + before, after + last
    return before, after


_MAKERS: dict[str, Callable[[str, Any], Template]] = {
    "ByteLevel": _byte_level,
    "TemplateProcessing": _processing,
    "RobertaProcessing": _around,
    "BertProcessing": _around,
    "Sequence": _sequence,
}
