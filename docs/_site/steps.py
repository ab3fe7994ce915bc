"""The two steps of a page, each alone and without MkDocs: `python -m _site.steps before learn/17-softmax.md`.

`before PATH` prints the Markdown that is to be rendered; `after PATH` reads rendered HTML and prints what is published.
Both from the verdicts of this very tree, run or recalled.
"""

from __future__ import annotations

import sys
from pathlib import Path

from _site import front_matter
from _site.build import assemble

_ROOT = Path(__file__).parents[2]


def main(step: str, path: str) -> None:
    """Do one step of one page.

    Raises:
        ValueError: for a step that is none.
    """
    site = assemble(_ROOT, {"profile": "quick", "claims": []})
    if step == "before":
        text = site.pages.get(path) or (_ROOT / "docs" / path).read_text(encoding="utf-8")
        meta, rest = front_matter.split(text, path)
        markdown, _ = site.before(rest, path, meta)
        sys.stdout.write(markdown)
    elif step == "after":
        sys.stdout.write(site.after(sys.stdin.read(), path))
    else:
        raise ValueError(f"the step must be before or after, got {step!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
