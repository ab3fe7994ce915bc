"""A chapter as a notebook: its text, its code, and what the code gave in this build. Pure.

The format is nbformat 4.5, small enough to write by hand; a test validates it against the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from _site import says, words
from _site.cells import named, placed
from _site.course import Chapter
from _site.model import Claim, Picture
from _site.notebook_cells import (
    SETUP,
    Cell,
    Told,
    code,
    editable,
    exercise,
    lines,
    linked,
    moving,
    printed,
    still,
    text,
)

Call = Mapping[str, Any]  # as `_site.child.examples` tells it

_PART = re.compile(
    r"^```pycon\n(?P<session>.*?)^```$\n?|^<!-- site: (?P<kind>\w+)(?: (?P<what>[^\n]*?))? -->$\n?",
    re.DOTALL | re.MULTILINE,
)
_SECOND = re.compile(r"^<details class=\"mc-second\" markdown>\n<summary>(.*?)</summary>$|^</details>$", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^\{ .*? \}$\n?", re.MULTILINE)
_REFERENCE = re.compile(r"\[([^\]\n]+)\]\[[^\]\n]+\]")
_NEEDS = (
    "This notebook needs mathcore: the page *Install* of the site has the line, `pip install 'mathcore[verify] @ …'`, "
    "with the site's own address."
)


@dataclass(frozen=True)
class Material:
    """What a chapter asks for beside its text: the claims and exercises of its own; cells and pictures of all."""

    calls: Sequence[Call]  # of its page, in order
    claims: Sequence[Claim] = ()
    exercises: Sequence[Told] = ()
    cells: Mapping[str, Told] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def notebook(chapter: Chapter, material: Material) -> str:
    """The notebook as JSON."""
    cells = [*_opened(chapter, material)]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    for i, cell in enumerate((c for c in cells if c.get("execution_count") is not None), 1):
        cell["execution_count"] = i
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = i
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "title": chapter.title}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _opened(chapter: Chapter, material: Material) -> Iterator[Cell]:
    """The cells: the title, what every page takes for granted, then the parts of the chapter in turn."""
    title, _, rest = says.marked(chapter.text, says.plainly).lstrip().partition("\n")
    yield text(f"{title}\n\n{_NEEDS}")
    yield code(SETUP)
    calls, end = iter(material.calls), 0
    for part in _PART.finditer(rest):
        yield from _prose(rest[end : part.start()])
        if part["kind"]:
            yield from _asked(part["kind"], part["what"] or "", chapter, material)
        else:
            yield from _session([next(calls) for _ in re.findall(r"^>>>", part["session"], re.MULTILINE)])
        end = part.end()
    yield from _prose(rest[end:])


def _asked(kind: str, what: str, chapter: Chapter, material: Material) -> Iterator[Cell]:
    """What a line of the chapter asks for; of some there is nothing outside the site."""
    if kind == "claims" and material.claims:
        yield text(_claims(material.claims))
    elif kind == "cell":
        yield from editable(named(material.cells, what))
    elif kind == "picture":
        yield still(what, material.pictures[what])
    elif kind == "figure":
        yield moving(chapter.path)
    elif kind == "exercises":
        shown = placed(chapter.text)
        for i, asked in enumerate(material.exercises, 1):
            yield from exercise(i, asked, material.cells, placed=asked["cell"] in shown)


def _prose(markdown: str) -> Iterator[Cell]:
    plain = _SECOND.sub(lambda m: f"## {m[1]}" if m[1] else "", markdown)
    plain = _REFERENCE.sub(r"\1", _ATTRIBUTES.sub("", plain))
    plain = re.sub(r"\n{3,}", "\n\n", linked(plain)).strip()
    if plain:
        yield text(plain)


def _session(calls: Sequence[Call]) -> Iterator[Cell]:
    """A cell to each call that gave something, with the silent ones before it."""
    waiting: list[str] = []
    for call in calls:
        waiting.append(call["source"].rstrip("\n"))
        if call["got"]:
            yield code("\n".join(waiting), _output(call))
            waiting = []
    if waiting:
        yield code("\n".join(waiting))


def _output(call: Call) -> list[Cell]:
    if call["raised"]:
        name, _, message = call["got"].strip().partition(": ")
        name = name.rpartition(".")[2]
        return [{"output_type": "error", "ename": name, "evalue": message, "traceback": [call["got"].strip()]}]
    if call["value"]:
        data = {"text/plain": lines(call["got"].rstrip("\n"))}
        return [{"output_type": "execute_result", "data": data, "metadata": {}}]
    return printed(call["got"])


def _claims(claims: Sequence[Claim]) -> str:
    """The claims of the chapter as this build found them, and how to run them."""
    rows = [f"- **{words.verdict(c)}**, {words.worst(c)}. {c.statement} `{c.id}`" for c in claims]
    return "\n".join([*rows, "", f"Run them with `mathcore verify faq{claims[0].faq}`.", ""])
