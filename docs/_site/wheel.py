"""The library as a file to install, built beside the site that describes it."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _site.model import SiteError
from _site.words import code_block, link, url


def build(root: Path) -> Path:
    """The wheel of this tree, built once for each state of it.

    Raises:
        SiteError: if it cannot be built.
    """
    kept = root / ".cache" / "wheel" / _key(root)
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as part:
            _run(root, part)
            Path(part).chmod(0o755)
            shutil.copytree(part, kept)
    (wheel,) = kept.glob("mathcore-*.whl")
    return wheel


def install_line(name: str, source: str) -> str:
    """How to install the wheel, for a page; `assets/install.js` writes the page's own address into it."""
    file = link(f"`{name}`", name, source)
    return "\n\n".join(
        [
            f'<div class="mc-install" data-wheel="{url(name, source).rstrip("/")}" markdown>',
            code_block(f"pip install './{name}[verify]'", "sh"),
            f"Download {file} and run this beside it.\n{{ .mc-meta .mc-install-still }}",
            "</div>",
        ]
    )


def _run(root: Path, folder: str) -> None:
    """With hatchling if it is here, as with the extra `site`; else pip fetches it."""
    here = importlib.util.find_spec("hatchling") is not None
    tool = ["hatchling", "build", "-t", "wheel", "-d"] if here else ["pip", "wheel", "--quiet", "--no-deps", ".", "-w"]
    command = [sys.executable, "-m", *tool, folder]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode or not list(Path(folder).glob("mathcore-*.whl")):
        raise SiteError(f"the wheel could not be built: {(done.stderr or done.stdout).strip()[-1000:]}")


def _key(root: Path) -> str:
    digest = hashlib.sha256()
    files = [path for path in root.glob("mathcore/**/*") if path.is_file() and "__pycache__" not in path.parts]
    for path in [*sorted(files), *(root / name for name in ("pyproject.toml", "README.md", "LICENSE"))]:
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
