"""A chapter as a notebook: its text, its code, and what the code gave in this build. Pure.

The format is nbformat 4.5, small enough to write by hand; a test validates it against the schema.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from _site import says, words
from _site.course import Chapter
from _site.model import Claim

Call = Mapping[str, Any]  # as `_site.child.examples` tells it

_FENCE = re.compile(r"^```pycon\n(.*?)^```$\n?", re.DOTALL | re.MULTILINE)
_DIRECTIVE = re.compile(r"^<!-- site: (\w+)(?: .*?)? -->$\n?", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^\{ .*? \}$\n?", re.MULTILINE)
_REFERENCE = re.compile(r"\[([^\]\n]+)\]\[[^\]\n]+\]")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)([^)\s]+)\)")
_NEEDS = (
    "This notebook needs mathcore: the page *Install* of the site has the line, `pip install 'mathcore[verify] @ …'`, "
    "with the site's own address."
)
_SETUP = "import numpy as np\n\nimport mathcore as mc"


def notebook(chapter: Chapter, calls: Sequence[Call], claims: Sequence[Claim]) -> str:
    """The notebook as JSON; `calls` are those of its page, in order."""
    text = says.marked(chapter.text, says.plainly)
    text = _DIRECTIVE.sub(lambda m: _claims(claims) if m[1] == "claims" else "", text)
    cells = [*_opened(text.lstrip(), iter(calls))]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    for i, cell in enumerate((c for c in cells if c["cell_type"] == "code"), 1):
        cell["execution_count"] = i
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = i
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "title": chapter.title}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _opened(text: str, calls: Iterator[Call]) -> Iterator[dict[str, Any]]:
    """The cells: the title, the imports that every page takes for granted, then text and code in turn."""
    title, _, rest = text.partition("\n")
    yield _text(f"{title}\n\n{_NEEDS}")
    yield _code(_SETUP, [])
    end = 0
    for fence in _FENCE.finditer(rest):
        yield from _prose(rest[end : fence.start()])
        yield from _session([next(calls) for _ in re.findall(r"^>>>", fence[1], re.MULTILINE)])
        end = fence.end()
    yield from _prose(rest[end:])


def _prose(markdown: str) -> Iterator[dict[str, Any]]:
    plain = _REFERENCE.sub(r"\1", _ATTRIBUTES.sub("", markdown))
    plain = re.sub(r"\n{3,}", "\n\n", _LINK.sub(_relinked, plain)).strip()
    if plain:
        yield _text(plain)


def _relinked(match: re.Match[str]) -> str:
    """A chapter is a notebook here too; what has none becomes its words."""
    chapter = re.fullmatch(r"(\d\d-[\w-]+)\.md", match[2])
    return f"[{match[1]}]({chapter[1]}.ipynb)" if chapter else match[1]


def _session(calls: Sequence[Call]) -> Iterator[dict[str, Any]]:
    """A cell to each call that gave something, with the silent ones before it."""
    waiting: list[str] = []
    for call in calls:
        waiting.append(call["source"].rstrip("\n"))
        if call["got"]:
            yield _code("\n".join(waiting), [_output(call)])
            waiting = []
    if waiting:
        yield _code("\n".join(waiting), [])


def _output(call: Call) -> dict[str, Any]:
    if call["raised"]:
        name, _, message = call["got"].strip().partition(": ")
        return {"output_type": "error", "ename": name, "evalue": message, "traceback": [call["got"].strip()]}
    if _is_value(call["source"]):
        data = {"text/plain": _lines(call["got"].rstrip("\n"))}
        return {"output_type": "execute_result", "data": data, "metadata": {}}
    return {"output_type": "stream", "name": "stdout", "text": _lines(call["got"])}


def _is_value(source: str) -> bool:
    """Whether what it gave is the value of an expression, not something printed."""
    (statement,) = ast.parse(source).body
    if not isinstance(statement, ast.Expr):
        return False
    call = statement.value
    return not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print")


def _claims(claims: Sequence[Claim]) -> str:
    """The claims of the chapter as this build found them, and how to run them."""
    if not claims:
        return ""
    rows = [f"- **{words.verdict(c)}**, {words.worst(c)}. {c.statement} `{c.id}`" for c in claims]
    return "\n".join([*rows, "", f"Run them with `mathcore verify faq{claims[0].faq}`.", ""])


def _text(markdown: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(markdown)}


def _code(source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "source": _lines(source), "outputs": outputs}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
