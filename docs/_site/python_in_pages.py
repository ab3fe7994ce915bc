"""Python for the reader's browser: `python -m docs._site.python_in_pages`, once, before the site is built.

Takes Pyodide from the npm registry and Hypothesis from the Python one, by name, version and hash, into `.cache/python`.
Without them the site is built all the same; then its cells stand still, and say so.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PYODIDE = "pyodide@314.0.7"
_PYODIDE_SHA512 = "0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
_TAKEN = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
WHEELS = {  # requirement → SHA-256 of the wheel
    "hypothesis==6.170.17": "dc3512b8619b627c7feffac5937abe985fc49745c85335c1753e7d0738add85b",
    "sortedcontainers==2.4.0": "a163dcaede0f1c021485e957a39245190e74249897e2ae4b2aa38595db237ee0",
}
_PLATFORM = ("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14", "--only-binary=:all:")
_NOTICE = f"""\
What this folder holds, unchanged, and its licences:

{PYODIDE} (pyodide.*, python_stdlib.zip): Mozilla Public License 2.0, the text in LICENSE.hypothesis;
    source: the repository pyodide/pyodide, at this version. python_stdlib.zip is the standard library of Python
    (Python Software Foundation License 2; Python prints it on `license()`).
{next(iter(WHEELS))}: Mozilla Public License 2.0, LICENSE.hypothesis; source: HypothesisWorks/hypothesis.
{list(WHEELS)[1]}: Apache License 2.0, LICENSE.sortedcontainers.
"""
PLACE = "assets/python"  # in the site
_WITHOUT = "WARNING: THE CELLS OF THE SITE WILL NOT RUN, since there is no Python for the browser"
WHEEL_NAMES = ("hypothesis.whl", "sortedcontainers.whl")  # in the site: one name for every version


def folder(root: Path) -> Path:
    """Where the files are kept; a new pin means a new folder."""
    pins = "".join([PYODIDE, _PYODIDE_SHA512, *WHEELS, *WHEELS.values(), _NOTICE])
    return root / ".cache" / "python" / hashlib.sha256(pins.encode()).hexdigest()[:12]


def published(root: Path) -> dict[str, Path]:
    """Path in the site → file, with the engine that judges; nothing if they were not fetched, which is said aloud."""
    kept = folder(root)
    if not kept.is_dir():
        sys.stderr.write(f"{_WITHOUT}: run `python -m docs._site.python_in_pages` first\n")
        return {}
    files = [*sorted(kept.iterdir()), root / "mathcore" / "exercises" / "engine.py"]
    return {f"{PLACE}/{file.name}": file for file in files}


def fetch(root: Path) -> Path:
    """Have them in the folder.

    Raises:
        OSError: if a registry cannot be asked, or npm is not there.
        ValueError: if a file is not the one that was pinned.
    """
    kept = folder(root)
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as name:
        part = Path(name) / "part"
        part.mkdir()
        _take_pyodide(Path(name), part)
        _take_wheels(Path(name), part)
        (part / "LICENSES.txt").write_text(_NOTICE, encoding="utf-8")
        part.rename(kept)
    return kept


def _take_pyodide(work: Path, part: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    _run([npm, "pack", "--silent", PYODIDE], work)
    (packed,) = work.glob("*.tgz")
    got = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    _same(PYODIDE, got, _PYODIDE_SHA512)
    with tarfile.open(packed) as archive:
        for name in _TAKEN:
            member = archive.extractfile(f"package/{name}")
            assert member is not None
            (part / name).write_bytes(member.read())


def _take_wheels(work: Path, part: Path) -> None:
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *_PLATFORM, *WHEELS], work)
    for name, (requirement, pinned) in zip(WHEEL_NAMES, WHEELS.items(), strict=True):
        (wheel,) = work.glob(f"{name.removesuffix('.whl')}-*.whl")
        _same(requirement, hashlib.sha256(wheel.read_bytes()).hexdigest(), pinned)
        shutil.copy(wheel, part / name)
        with zipfile.ZipFile(wheel) as archive:
            (licence,) = (n for n in archive.namelist() if Path(n).stem == "LICENSE")
            (part / f"LICENSE.{name.removesuffix('.whl')}").write_bytes(archive.read(licence))


def _same(what: str, got: str, pinned: str) -> None:
    if got != pinned:
        raise ValueError(f"{what} is not the file that was pinned: its hash is {got}, not {pinned}")


def _run(command: list[str], work: Path) -> None:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:4])} … failed: {(done.stderr or done.stdout).strip()[-600:]}")


def main() -> None:
    """Fetch, or say loudly what the site will lack."""
    try:
        kept = fetch(Path(__file__).parents[2])
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"{_WITHOUT}: {problem}\n")
        sys.exit(isinstance(problem, ValueError))  # a wrong file stops everything; a missing one does not
    size = sum(path.stat().st_size for path in kept.iterdir())
    sys.stdout.write(f"Python for the browser: {size / 1e6:.1f} MB in {kept}\n")


if __name__ == "__main__":
    main()
