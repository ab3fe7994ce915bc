"""Exercises of the course, and the cells that a reader edits; `engine` judges them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mathcore.exercises.engine import Cell, read_cell

__all__ = ["Exercise", "cells", "exercises"]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Exercise:
    """A question to a reader.

    Attributes:
        chapter: its number.
        name: unique in the chapter; its anchor is `exercise-NAME`.
        kind: "choice" (`answer` counts `choices` from 0), "number" (`answer` holds the numbers asked for, one for each
            of `labels`, right up to `within`; `computed` is what gives them) or "write" (`cell` judges).
        ask: the question, Markdown.
        hints: to be unfolded one after the other.
        explain: the answer in words, Markdown.
    """

    chapter: int
    name: str
    kind: str
    ask: str
    explain: str
    hints: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    answer: int | tuple[float, ...] = ()
    labels: tuple[str, ...] = ("answer",)
    within: float = 0.0
    computed: str = ""
    cell: str = ""


@cache
def cells() -> dict[str, Cell]:
    """Name → cell; the name begins with the number of its chapter: `17_softmax`."""
    files = sorted((_HERE / "cells").glob("*.py"))
    return {file.stem: read_cell(file.stem, file.read_text(encoding="utf-8")) for file in files}


@cache
def exercises() -> dict[int, tuple[Exercise, ...]]:
    """Chapter → its exercises, in order.

    Raises:
        ValueError: if one lacks what its kind needs.
    """
    files = sorted(_HERE.glob("[0-9][0-9].toml"))
    return {int(f.stem): _read(int(f.stem), tomllib.loads(f.read_text(encoding="utf-8"))) for f in files}


def _read(chapter: int, table: dict[str, Any]) -> tuple[Exercise, ...]:
    return tuple(_exercise(chapter, entry) for entry in table["exercise"])


_NEEDS = {"choice": {"choices", "answer"}, "number": {"answer", "within", "computed"}, "write": {"cell"}}


def _exercise(chapter: int, entry: dict[str, Any]) -> Exercise:
    kind = entry.get("kind")
    needed = {"name", "kind", "ask", "explain"} | _NEEDS.get(str(kind), set())
    if kind not in _NEEDS or needed - set(entry):
        raise ValueError(
            f"an exercise of chapter {chapter} must be one of {', '.join(_NEEDS)} and have "
            f"{', '.join(sorted(needed))}; got {', '.join(sorted(entry))}"
        )
    if kind == "number":
        answer = entry["answer"]
        entry["answer"] = answer if isinstance(answer, list) else [answer]
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Exercise(chapter, **fields)
