"""Links that work wherever the site lies: on a server, in a folder of one, on a disk.

A server answers `learn/` with `learn/index.html`; a disk lists the folder. So every link names the file.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

_TO_FOLDER = re.compile(r'href="((?![/#])(?:[^":#?]*/)?\.{0,2})(?<=[/.])([#?][^"]*)?"')
ARCHIVE = "site.zip"


def with_files(page: str) -> str:
    """The page with `index.html` after every relative link to a folder."""
    return _TO_FOLDER.sub(lambda m: f'href="{m[1].rstrip("/") or "."}/index.html{m[2] or ""}"', page)


def archive(site: Path) -> None:
    """The whole site in one file beside its pages, to be read from a disk.

    Without the search and without Python, which need a server; the cells say so.
    """
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and _is_read(path.relative_to(site))]
    with zipfile.ZipFile(site / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as whole:
        for path in files:
            whole.write(path, Path("mathcore") / path.relative_to(site))


def _is_read(path: Path) -> bool:
    return (
        path.parts[0] not in ("search", ARCHIVE)
        and path.parts[:2] != ("assets", "python")
        and path.suffix not in (".map", ".gz")
    )
