"""The exercises of a chapter, readable as they stand. Pure; `assets/cells/exercises.js` grades what a reader enters."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from _site import cells
from _site.model import Report
from _site.words import code_block

_KINDS = {"choice": "predict", "number": "compute", "write": "write"}
LETTERS = "abcdefghij"  # of choices


def exercises(
    asked: Sequence[Mapping[str, Any]],
    told: Mapping[str, cells.Told],
    report: Report,
    source: str,
    *,
    runs: bool = True,
    placed: Iterable[str] = (),
) -> str:
    """All of them as Markdown.

    Args:
        asked: the exercises.
        told: all cells.
        report: where the pages of claims are.
        source: the page.
        runs: whether Python is on the site.
        placed: the cells that the page shows elsewhere.
    """
    around = {"told": told, "report": report, "source": source, "runs": runs, "placed": set(placed)}
    return "\n\n".join(_exercise(i, exercise, around) for i, exercise in enumerate(asked, 1))


def place(exercise: Mapping[str, Any]) -> str:
    """Its name in the whole course, under which a browser keeps what its reader did."""
    return f"{exercise['chapter']:02}/{exercise['name']}"


def _exercise(number: int, exercise: Mapping[str, Any], around: Mapping[str, Any]) -> str:
    key, kind = f"exercise-{exercise['name']}", exercise["kind"]
    attributes, fields = {"choice": _choice, "number": _number, "write": _write}[kind](exercise, key, around)
    heading = f'role="heading" aria-level="3" id="{key}-title"'
    names = f'id="{key}" data-exercise="{place(exercise)}" data-kind="{kind}"'
    hints = [_folded("mc-hint", f"Hint {i}", hint) for i, hint in enumerate(exercise["hints"], 1)]
    return "\n\n".join(
        [
            f'<div class="mc-exercise" {names}{attributes} markdown>',
            f'<p class="mc-exercise-title" {heading}>Exercise {number}: {_KINDS[kind]}</p>',
            exercise["ask"].strip(),
            *([fields] if fields else []),
            *hints,
            _folded("mc-answer", "Answer", answer(exercise, around["told"])),
            "</div>",
        ]
    )


def answer(exercise: Mapping[str, Any], told: Mapping[str, cells.Told]) -> str:
    """What is right, and why, as Markdown; of an exercise in writing the solution of its cell, if that is not shown."""
    if exercise["kind"] == "write":
        cell = told[exercise["cell"]]
        solution = "" if cell["start"] == cell["solution"] else code_block(cell["solution"], "python")
        return f"{exercise['explain'].strip()}\n\n{solution}"
    return f"**{_short(exercise)}**\n\n{exercise['explain'].strip()}"


def _short(exercise: Mapping[str, Any]) -> str:
    right = exercise["answer"]
    if exercise["kind"] == "choice":
        return f"{LETTERS[right]}) {exercise['choices'][right]}"
    values = [f"{value:.10f}".rstrip("0").rstrip(".").replace("-", "−") for value in right]
    named = [f"{label}: {value}" for label, value in zip(exercise["labels"], values, strict=True)]
    return ", ".join(named if len(named) > 1 else values)


def _folded(style: str, title: str, text: str) -> str:
    return f'<details class="{style}" markdown><summary>{title}</summary>\n\n{text.strip()}\n\n</details>'


def _choice(exercise: Mapping[str, Any], key: str, _: Mapping[str, Any]) -> tuple[str, str]:
    letters = LETTERS[: len(exercise["choices"])]
    rows = [
        f'<label class="mc-option"><input type="radio" name="{key}" value="{i}"> '
        f'<span markdown="span">{letter}) {text}</span></label>'
        for i, (letter, text) in enumerate(zip(letters, exercise["choices"], strict=True))
    ]
    fields = f'<div class="mc-fields" role="radiogroup" aria-labelledby="{key}-title" markdown>{"".join(rows)}</div>'
    return f' data-answer="{exercise["answer"]}"', fields


def _number(exercise: Mapping[str, Any], key: str, _: Mapping[str, Any]) -> tuple[str, str]:
    rows = [
        f'<label class="mc-number"><span markdown="span">{label}</span> '
        f'<input type="text" inputmode="decimal" name="{key}-{i}" autocomplete="off" spellcheck="false"></label>'
        for i, label in enumerate(exercise["labels"])
    ]
    group = f'class="mc-fields mc-numbers" role="group" aria-labelledby="{key}-title"'
    fields = f"<div {group} markdown>{''.join(rows)}</div>"
    answers = html.escape(json.dumps(exercise["answer"]))
    return f' data-answer="{answers}" data-within="{exercise["within"]}"', fields


def _write(exercise: Mapping[str, Any], _: str, around: Mapping[str, Any]) -> tuple[str, str]:
    told = cells.named(around["told"], exercise["cell"])
    if told["name"] in around["placed"]:
        fields = f"[The cell is on this page.](#cell-{told['name']})"
    else:
        fields = cells.cell(told, around["report"], around["source"], runs=around["runs"])
    return f' data-of="{told["name"]}"', fields
