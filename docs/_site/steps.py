"""The two steps of a page, each alone and without MkDocs: `python -m _site.steps before learn/17-softmax.md`.

`before PATH` prints the Markdown that is to be rendered; `after PATH` reads rendered HTML and prints what is published.
Both from the verdicts of this very tree, run or recalled.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _site.build import assemble

_ROOT = Path(__file__).parents[2]
_FRONT = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)


def main(step: str, path: str) -> None:
    """Do one step of one page.

    Raises:
        ValueError: for a step that is none.
    """
    site = assemble(_ROOT, {"profile": "quick", "claims": []})
    if step == "before":
        text = site.pages.get(path) or (_ROOT / "docs" / path).read_text(encoding="utf-8")
        front = _FRONT.match(text)
        markdown, _ = site.before(text[front.end() :] if front else text, path, _meta(front[1] if front else ""))
        sys.stdout.write(markdown)
    elif step == "after":
        sys.stdout.write(site.after(sys.stdin.read(), path))
    else:
        raise ValueError(f"the step must be before or after, got {step!r}")


def _meta(front: str) -> Mapping[str, Any]:
    """Of the front matter what the step reads: its number."""
    number = re.search(r"^faq: (\d+)$", front, re.MULTILINE)
    return {"faq": int(number[1])} if number else {}


if __name__ == "__main__":
    main(*sys.argv[1:])
