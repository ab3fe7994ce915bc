"""Runs in the child process: what the signature and the docstring of every public name say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import mathcore

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Source):\n((?:(?:    .*)?\n?)*)", re.MULTILINE)
_ENTRY = re.compile(r"^(\*{0,2}\w[\w, *]*): ", re.MULTILINE)


def described() -> dict[str, Any]:
    """Public name → its signature, its first sentence, and the sections of its docstring."""
    return {name: _described(name, getattr(mathcore, name)) for name in mathcore.__all__ if name != "course"}


def _described(name: str, what: Any) -> dict[str, Any]:
    text = inspect.getdoc(what) or ""
    return {
        "signature": _signature(name, what),
        "sentence": " ".join(text.partition("\n\n")[0].split()),
        "sections": {title: list(_entries(body)) for title, body in _SECTION.findall(text)},
    }


def _signature(name: str, what: Any) -> str:
    try:
        given = inspect.signature(what)
    except ValueError:  # an exception has none of its own
        return name
    text = re.sub(r"'([^']*)'", r"\1", str(given)) if "'" in str(given) else str(given)
    return f"{name}{text}"


def _entries(body: str) -> Iterator[tuple[str, str]]:
    """(names, text) of a section; a text without names has "" for them."""
    body = inspect.cleandoc(body)
    for paragraph in re.split(r"\n(?=\S)", body) if _ENTRY.match(body) else [body]:
        words = " ".join(paragraph.split())
        named = _ENTRY.match(words)
        yield (named[1], words[named.end() :]) if named else ("", words)
