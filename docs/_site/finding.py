"""What the search is told of a page, and how little of it. Pure.

A chapter weighs more than a page by hand, and that more than what the build writes; `keywords.toml` has the words by
which a page is found first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Keywords = Mapping[str, Sequence[str]]  # path of a page → words

_CHAPTER = 4  # how much more than a page by hand
_NO_SENTENCE = re.compile(
    r"<(svg(?= )"  # labels and numbers of drawings
    r"|section(?= class=\"mc-live\")"
    r"|details(?= class=\"mkdocstrings-source\")"
    r"|span(?= class=\"katex-html\")"  # a formula is there three times; MathML stays
    r"|annotation(?= ))"
)


def read_keywords(site: Path) -> Keywords:
    """The words of `keywords.toml`, by page."""
    return dict(tomllib.loads((site / "keywords.toml").read_text(encoding="utf-8")))


def findable(path: str, meta: Mapping[str, Any], keywords: Keywords) -> dict[str, Any]:
    """The front matter of a page with what the search reads there, unless it says so itself."""
    told: dict[str, Any] = {"search": {"boost": _CHAPTER}} if "faq" in meta else {}
    if path in keywords:
        told["tags"] = list(keywords[path])
    return {**told, **meta}


def unsearched(page: str) -> str:
    """The page with all that is no sentence hidden from the search."""
    return _NO_SENTENCE.sub(r"<\1 data-search-exclude", page)
