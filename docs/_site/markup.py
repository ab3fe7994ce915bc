"""Rendered HTML taken apart into its tags and texts, and data put into it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_PARTS = re.compile(r"""<!--.*?-->|<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>|[^<]+""", re.DOTALL)
_TAG = re.compile(r"<(/?)([\w-]+)")
_VOID = {"area", "br", "col", "hr", "img", "input", "source", "wbr"}


def parts(page: str, chosen: Callable[[str, str], bool]) -> Iterator[tuple[str, bool]]:
    """The tags and texts of a page, each with whether it belongs to an element that was chosen by its name and tag."""
    inside, depth = "", 0  # the name of the chosen element, and how many of that name are open within it
    for part in _PARTS.findall(page):
        tag = _TAG.match(part)
        closes, name = (bool(tag[1]), tag[2].lower()) if tag else (False, "")
        if inside:
            yield part, True
            depth += (name == inside) * (-1 if closes else 1)
            inside = inside if depth else ""
            continue
        begins = tag is not None and not closes and chosen(name, part)
        yield part, begins
        if begins and name not in _VOID:
            inside, depth = name, 1


def without(page: str, chosen: Callable[[str, str], bool]) -> str:
    """The page without the elements that are chosen by their name and tag."""
    return "".join(part for part, drop in parts(page, chosen) if not drop)


def for_scripts(data: Any) -> str:
    """Data that a script of the page reads, in an element that nothing within it can end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return '<script type="application/json">' + text.replace("</", "<\\/") + "</script>"
