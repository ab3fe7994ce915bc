"""A cell of the course: code that its reader may change, and the checks that judge it. Pure.

Here it stands still, as this build ran it; `assets/cells/` brings it to life where a browser may run Python.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from _site import words
from _site.course import Course
from _site.markup import for_scripts
from _site.model import Report, SiteError
from _site.words import code_block, link

Told = Mapping[str, Any]  # as `_site.judging.everything` tells it

_PLACED = re.compile(r"^<!-- site: cell (\w+) -->$", re.MULTILINE)
_STILL = "Nothing runs here without scripts: the code and its results stand as this build got them."
_NO_PYTHON = "This copy was built without Python for the browser: code and results stand as the build got them."


def cell(told: Told, report: Report, source: str, *, runs: bool = True) -> str:
    """The cell as Markdown: its code, what it printed, its checks, the mistakes that they catch.

    Args:
        told: the cell.
        report: where the pages of its claims are.
        source: the page that shows it.
        runs: whether Python is on the site.
    """
    python = " data-python" if runs else ""
    whole = told["start"] == told["solution"]
    attributes = f'data-cell="{told["name"]}" data-judged="{"start" if whole else "solution"}"{python}'
    parts = [
        f'<div class="mc-cell" id="cell-{told["name"]}" {attributes} markdown>',
        f'<p class="mc-cell-title">{html.escape(told["title"])}</p>',
        f'<div class="mc-cell-code" data-search-exclude markdown>\n\n{code_block(told["start"], "python")}\n\n</div>',
        _printed(told["output"]),
        f'<p class="mc-cell-label">{"Checks" if whole else "Checks, as the solution passes them"}</p>',
        "\n".join(_check(check, report, source) for check in told["checks"]),
        *_mistakes(told, report, source),
        f'<p class="mc-cell-why">{_STILL if runs else _NO_PYTHON}</p>',
        f'<div data-figure="cell {told["name"]}"></div>',
        "</div>",
    ]
    return "\n\n".join(part for part in parts if part)


def data(told: Told) -> str:
    """What the script needs of the cell, as an element of the page."""
    checks = [{key: check[key] for key in ("claim", "says", "code")} for check in told["checks"]]
    broken = [{key: wrong[key] for key in ("name", "says", "code")} for wrong in told["broken"]]
    return for_scripts({"start": told["start"], "checks": checks, "broken": broken})


def placed(markdown: str) -> set[str]:
    """The cells that a page shows by themselves; each of the others stands in its exercise."""
    return set(_PLACED.findall(markdown))


def places(cells: Mapping[str, Told], course: Course) -> dict[str, list[tuple[str, str]]]:
    """Claim → title and place of the cells that check it, of those that their chapter shows by themselves."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, told in cells.items():
        chapter = course.get(int(name[:2]))
        if chapter and name in placed(chapter.text):
            for check in told["checks"]:
                found.setdefault(check["claim"], []).append((told["title"], f"{chapter.path}#cell-{name}"))
    return found


def found(told: Told) -> str:
    """An input that a check fails on, and its two sides."""
    lines = [f"{name} = {value}" for name, value in told["inputs"].items()]
    sides = [f"left side:  {told['left']}", f"right side: {told['right']}"]
    return code_block("\n".join([*lines, "", *([told["message"]] if told["message"] else sides)]))


def named(cells: Mapping[str, Told], name: str) -> Told:
    """The cell of this name.

    Raises:
        SiteError: if there is none.
    """
    if name not in cells:
        raise SiteError(f"no cell is called {name!r}; there are {', '.join(sorted(cells))}")
    return cells[name]


def _printed(output: str) -> str:
    if not output:
        return '<div class="mc-cell-printed" data-search-exclude markdown></div>'
    return f'<div class="mc-cell-printed" data-search-exclude markdown>\n\n{code_block(output)}\n\n</div>'


def _check(check: Told, report: Report, source: str) -> str:
    passed = f"passed {words.plural(check['found']['tried'], 'time')}"
    sentence = _claim(check["says"].rstrip("."), check["claim"], report, source)
    return f'- {sentence} <span class="mc-cell-passed">{passed}</span>'


def _mistakes(told: Told, report: Report, source: str) -> list[str]:
    if not told["broken"]:
        return []
    count = words.plural(len(told["broken"]), "mistake")
    summary = f"<summary>{count} that the checks catch</summary>"
    return [
        f'<details class="mc-cell-broken" data-search-exclude markdown>{summary}',
        *(part for wrong in told["broken"] for part in _mistake(wrong, report, source)),
        "</details>",
    ]


def _mistake(wrong: Told, report: Report, source: str) -> list[str]:
    name = wrong["claim"]
    caught = f"Caught by {_claim(f'`{name}`', name, report, source)}, on an input that was shrunk:"
    return [f"**{wrong['says']}**", code_block(wrong["code"], "python"), caught, found(wrong["found"])]


def _claim(text: str, claim: str, report: Report, source: str) -> str:
    return link(text, report.by_id[claim].page, source) if claim in report.by_id else text
