"""What a notebook has beside its text: cells to change, exercises, pictures, figures that move on the site. Pure."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from _site.exercises import LETTERS, answer
from _site.model import Picture

Cell = dict[str, Any]  # of a notebook
Told = Mapping[str, Any]  # a cell or an exercise, as `_site.judging.everything` tells it

SETUP = '''import numpy as np

import mathcore as mc
from mathcore.exercises import cells
from mathcore.exercises.engine import judge


def check(name):
    """What the checks of a cell make of the functions that this notebook has by now."""
    for found in judge("from __main__ import *", cells()[name].checks):
        print(f"{found.outcome} ({found.tried} inputs): {found.says}")
        for what, value in found.inputs.items():
            print(f"    {what} = {value}")
        if found.outcome != "passed":
            print(f"    {found.message or f'{found.left} is not {found.right}'}")'''
"""Opens every notebook."""

_COLOURS = {  # of the bright page; `site.css` has them by role
    "ink": "#16202e", "soft": "#4c596b", "line": "#d9dee5", "panel": "#f3f4f6", "blue": "#2746b0",
    "red": "#a92233", "green": "#0d6648", "yellow": "#f2b705", "paper": "#fdfdfc",
}  # fmt: skip
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)([^)\s]+)\)")


def text(markdown: str) -> Cell:
    """Prose."""
    return {"cell_type": "markdown", "metadata": {}, "source": lines(markdown)}


def code(source: str, outputs: Sequence[Cell] = (), *, ran: bool = True) -> Cell:
    """Code with what it gave. One that ends in an error says so, and "Run all" goes on behind it."""
    raises = any(output["output_type"] == "error" for output in outputs)
    metadata = {"tags": ["raises-exception"]} if raises else {}
    count = 0 if ran else None  # counted when the notebook is whole
    whole = {"cell_type": "code", "metadata": metadata, "execution_count": count, "source": lines(source)}
    return {**whole, "outputs": list(outputs)}


def printed(what: str) -> list[Cell]:
    """The output of code that printed something, or nothing."""
    return [{"output_type": "stream", "name": "stdout", "text": lines(what)}] if what else []


def lines(what: str) -> list[str]:
    """As the format wants a text."""
    return what.splitlines(keepends=True)


def linked(markdown: str) -> str:
    """The text with links to notebooks: a chapter is one here; what has none becomes its words."""

    def of(match: re.Match[str]) -> str:
        chapter = re.fullmatch(r"(\d\d-[\w-]+)\.md", match[2])
        return f"[{match[1]}]({chapter[1]}.ipynb)" if chapter else match[1]

    return _LINK.sub(of, markdown)


def editable(told: Told) -> Iterator[Cell]:
    """A cell of the course: its code, and its checks with what this build got, where the code is complete."""
    whole = told["start"] == told["solution"]
    task = "Change what you like, then run the checks below it." if whole else "Complete it, then run the checks."
    yield text(f"**{told['title']}** {task}")
    yield code(told["start"].rstrip("\n"), printed(told["output"]))
    found = [f"passed ({c['found']['tried']} inputs): {c['says']}\n" for c in told["checks"]]
    yield code(f'check("{told["name"]}")', printed("".join(found)) if whole else (), ran=whole)


def exercise(number: int, asked: Told, told: Mapping[str, Told], *, placed: bool) -> Iterator[Cell]:
    """A question, room for an answer, and what is folded.

    Args:
        number: in its chapter.
        asked: the exercise.
        told: all cells.
        placed: whether its cell stands elsewhere in the notebook.
    """
    where = " Its cell is above." if placed and asked["kind"] == "write" else ""
    choices = [f"- {letter}) {choice}" for letter, choice in zip(LETTERS, asked["choices"], strict=False)]
    yield text(_joined([f"**Exercise {number}.** {asked['ask']}{where}", "\n".join(choices)]))
    if asked["kind"] == "write" and not placed:
        yield from editable(told[asked["cell"]])
    else:
        yield code("", ran=False)
    hints = [_folded(f"Hint {i}", hint) for i, hint in enumerate(asked["hints"], 1)]
    yield text(_joined([*hints, _folded("Answer", answer(asked, told))]))


def _joined(paragraphs: Iterable[str]) -> str:
    return linked("\n\n".join(filter(None, paragraphs)))


def _folded(title: str, markdown: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{markdown.strip()}\n\n</details>"


def still(name: str, picture: Picture) -> Cell:
    """A picture, as it looks on a bright page."""
    svg = re.sub(r"var\(--mc-fig-(\w+)\)", lambda role: _COLOURS[role[1]], picture.svg)
    around = f'<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" style="background: {_COLOURS["paper"]}"'
    encoded = base64.b64encode(svg.replace("<svg", around, 1).encode()).decode()
    label = re.search(r'aria-label="([^"]*)"', svg)
    alternative = html.unescape(label[1]) if label else name
    cell = text(f"![{alternative}](attachment:{name}.svg)\n\n*{picture.caption}*")
    return {**cell, "attachments": {f"{name}.svg": {"image/svg+xml": encoded}}}


def moving(path: str) -> Cell:
    """Where a figure moves: on the page of its chapter, beside which the notebook lies."""
    page = path.rpartition("/")[2].removesuffix(".md")
    return text(f"The figure for this moves on [the page of this chapter]({page}/index.html).")
