"""The scripts of the site as one: browsers do not load modules from a disk, and one file is one request.

The modules stay as they are written and tested; here their `import` lines and `export`s go, since all is in one scope.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_TOGETHER = (  # modules that speak to each other, in the order in which they are needed
    ("assets/claims.js",),
    ("assets/break.js",),
    ("assets/scrolling.js",),
    ("assets/cells/load.js",),
    ("assets/cells/kept.js", "assets/cells/exercises.js"),
    ("assets/figures/numerics.js", "assets/figures/drawings.js", "assets/figures/start.js"),
)
_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def bundle(docs: Path) -> str:
    """A classic script that does what the modules do."""
    return "\n".join(_scope([(docs / name).read_text(encoding="utf-8") for name in names]) for names in _TOGETHER)


def _scope(modules: Sequence[str]) -> str:
    joined = "\n".join(_EXPORT.sub("", _IMPORT.sub("", module)) for module in modules)
    return f"(() => {{\n{joined}\n}})();\n"
