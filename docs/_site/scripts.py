"""The scripts of the site as one: browsers do not load modules from a disk, and one file is one request.

What a single page needs and is large is a file of its own.

The modules stay as they are written and tested; here their `import` lines and `export`s go, since all is in one scope.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

PARTS = ("words", "layers", "sequence")  # of the course, each with a module for its numbers and one for its drawings
NUMERICS = tuple(f"assets/figures/{name}.js" for name in ("arithmetic", *(f"numerics_{part}" for part in PARTS)))
FIGURES = (
    *NUMERICS,
    "assets/figures/shown.js",
    "assets/html.js",
    "assets/figures/drawing.js",
    *(f"assets/figures/drawings_{part}.js" for part in PARTS),
    "assets/figures/start.js",
)
_TOGETHER = (  # modules that speak to each other, in the order in which they are needed
    ("assets/claims.js",),
    ("assets/break.js",),
    ("assets/scrolling.js",),
    ("assets/install.js",),
    ("assets/cells/load.js",),
    ("assets/html.js", "assets/cells/kept.js", "assets/cells/exercises.js", "assets/ways/progress.js"),
    ("assets/ways/unfold.js",),
    ("assets/ways/notes.js",),
    FIGURES,
)
WHOLE_NUMERICS = tuple(f"assets/figures/{name}.js" for name in ("arithmetic", "shown", "whole_model", "whole_making"))
WHOLE = (*WHOLE_NUMERICS, "assets/html.js", "assets/figures/whole_page.js")  # for a page of its own
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def bundle(docs: Path) -> str:
    """A classic script that does what the modules do."""
    return "\n".join(_scope(docs, names) for names in _TOGETHER)


def all_of(docs: Path) -> dict[str, str]:
    """Path in the site → script: the one of every page, and the one of the page that shows the whole model."""
    return {"assets/site.js": bundle(docs), "assets/whole.js": _scope(docs, WHOLE)}


def _scope(docs: Path, names: Sequence[str]) -> str:
    return f"(() => {{\n{joined(docs, names)}\n}})();\n"


def joined(docs: Path, names: Sequence[str]) -> str:
    """Modules one after the other, as one."""
    modules = [(docs / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", module)) for module in modules)
