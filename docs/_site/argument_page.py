"""The page of arguments: what every public function makes of every kind of argument. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from _site.words import plural

Cell = Mapping[str, str]  # as `mathcore.verify.arguments` makes it


def overview(cells: Sequence[Cell]) -> str:
    """How many cells there are of each outcome, and all of them, function by function."""
    counts = {outcome: sum(cell["outcome"] == outcome for cell in cells) for outcome in ("accepted", "refused")}
    names = {cell["function"] for cell in cells}
    others = len(cells) - sum(counts.values())
    said = (
        f"{plural(len(names), 'function')}, {plural(len({cell['kind'] for cell in cells}), 'kind')} of argument, "
        f"{len(cells):,} calls: {counts['accepted']:,} accepted with a meaning, {counts['refused']:,} refused by an "
        f"error of mathcore's own, {others} anything else."
    )
    return "\n\n".join([said, *(_function(name, of) for name, of in groupby(cells, lambda cell: cell["function"]))])


def _function(name: str, cells: Iterable[Cell]) -> str:
    places = [_place(place, list(of)) for place, of in groupby(cells, lambda cell: cell["parameter"])]
    title = f"<summary><code>{html.escape(name)}</code></summary>"
    return "\n\n".join(["<details markdown>", title, *places, "</details>"])


def _place(name: str, cells: Sequence[Cell]) -> str:
    """What one argument may be: a line for each meaning and for each error."""
    lines = dict[str, list[str]]()
    for cell in sorted(cells, key=lambda cell: cell["outcome"]):
        lines.setdefault(_said(cell), []).append(cell["kind"])
    items = "\n".join(f"- {said}: {html.escape(', '.join(kinds), quote=False)}" for said, kinds in lines.items())
    return f"**`{name}`**\n\n{items}"


def _said(cell: Cell) -> str:
    if cell["outcome"] == "accepted":
        return f"accepted as {html.escape(cell['text'])}"
    error, _, message = cell["text"].partition(": ")
    expected = message.partition(", got")[0].replace("`", "")
    return f"{error}, <code>{html.escape(expected)}</code>"
