"""What must run, runs in a child process: there, no import is stale.

Results are remembered under a key of all that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from _site.model import Break, Bugs, Picture, Report, SiteError, Topic, read_breaks, read_bugs, read_report

_PACKAGES = ("numpy", "hypothesis", "python-flint", "ml-dtypes", "scikit-learn", "scipy", "matplotlib")
_CHILD = "docs/_site/child.py"
_REMEMBERED = 6  # results kept of each kind


def run_claims(root: Path, profile: str, names: Sequence[str]) -> Report:
    """Every claim (or those named), checked on this tree.

    Raises:
        SiteError: if the run gives no report; the message ends with what it printed last.
    """
    key = _key(root, ["mathcore/**/*"], profile, *names)
    # A new tree draws new inputs; the same tree draws the same.
    command = ["-m", "mathcore", "verify", *names, "--profile", profile, "--seed", str(int(key[:8], 16))]
    return read_report(_remembered(root, "verdicts", key, [*command, "--json"], accepted=(0, 1)), key)


def draw_pictures(root: Path) -> dict[str, Picture]:
    """Every figure of the chapters."""
    key = _key(root, ["mathcore/**/*", "benchmarks/results/*", "docs/_site/pictures/*.py", _CHILD])
    data = json.loads(_remembered(root, "pictures", key, ["-m", "_site.child", "pictures"]))
    return {name: Picture(**picture) for name, picture in data.items()}


def compute_live(root: Path) -> dict[str, dict[str, Any]]:
    """What the library says of every figure that a reader moves."""
    key = _key(root, ["mathcore/**/*", "docs/_site/live/*.py", _CHILD])
    return dict(json.loads(_remembered(root, "live", key, ["-m", "_site.child", "live"])))


def compute_model(root: Path) -> dict[str, Any]:
    """The model of the course, and what the library makes of some texts."""
    key = _key(root, ["mathcore/**/*", "docs/_site/whole/*.py", _CHILD])
    return dict(json.loads(_remembered(root, "model", key, ["-m", "_site.child", "model"])))


def list_topics(root: Path) -> list[Topic]:
    """The public names of the library, by module."""
    text = _remembered(root, "topics", _key(root, ["mathcore/**/*", _CHILD]), ["-m", "_site.child", "topics"])
    return [Topic(t["name"], t["title"], tuple(t["names"])) for t in json.loads(text)]


def run_examples(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Run the sessions printed on the pages: path of a page → its calls, each with what it gave.

    Raises:
        SiteError: if a page shows what its session does not.
    """
    key = _key(root, ["mathcore/**/*", "docs/**/*.md", _CHILD])
    return dict(json.loads(_remembered(root, "examples", key, ["-m", "_site.child", "examples"])))


def describe_functions(root: Path) -> dict[str, dict[str, Any]]:
    """What the signature and the docstring of every public name say."""
    key = _key(root, ["mathcore/**/*", "docs/_site/functions.py", _CHILD])
    return dict(json.loads(_remembered(root, "functions", key, ["-m", "_site.child", "functions"])))


def try_arguments(root: Path) -> list[dict[str, str]]:
    """What every public function makes of every kind of argument.

    Raises:
        SiteError: if one gets an error that is not mathcore's own, or is accepted without a meaning.
    """
    key = _key(root, ["mathcore/**/*", _CHILD])
    cells = list(json.loads(_remembered(root, "arguments", key, ["-m", "_site.child", "arguments"])))
    if wrong := [cell for cell in cells if cell["outcome"] not in ("accepted", "refused")]:
        raise SiteError(f"{len(wrong)} arguments are neither refused nor have a meaning, the first: {wrong[0]}")
    return cells


def run_kernels(root: Path) -> dict[str, dict[str, Any]]:
    """What `mathcore verify` says of a kernel that fails, and of the same kernel mended.

    Raises:
        SiteError: if the one passes or the other fails.
    """
    key = _key(root, ["mathcore/**/*", "docs/_site/kernels/*.py", _CHILD])
    runs = dict(json.loads(_remembered(root, "kernels", key, ["-m", "_site.child", "kernels"])))
    if (statuses := [runs[name]["status"] for name in ("failing", "fixed")]) != [1, 0]:
        raise SiteError(f"the kernels of the site must fail and pass, got exit statuses {statuses}")
    return runs


def try_bugs(root: Path) -> Bugs:
    """What the claims make of the bugs that libraries shipped."""
    text = _remembered(root, "bugs", _key(root, ["mathcore/**/*", _CHILD]), ["-m", "_site.child", "bugs"])
    return read_bugs(json.loads(text))


def break_chapters(root: Path, names: Sequence[str]) -> tuple[Break, ...]:
    """What the claims make of the wrong implementations that the chapters show."""
    key = _key(root, ["mathcore/**/*", "docs/_site/breaking.py", "docs/_site/wrong_code.py", _CHILD], *names)
    return read_breaks(json.loads(_remembered(root, "breaks", key, ["-m", "_site.child", "breaks", *names])))


def judge_exercises(root: Path) -> dict[str, Any]:
    """The cells of the course with what this build got from them, and the exercises by chapter.

    Raises:
        SiteError: if a solution fails or a planted mistake passes.
    """
    key = _key(root, ["mathcore/exercises/**/*", "docs/_site/judging.py", _CHILD])
    return dict(json.loads(_remembered(root, "exercises", key, ["-m", "_site.child", "exercises"])))


def _key(root: Path, patterns: Iterable[str], *words: str) -> str:
    """A hash of the files, the versions and the machine."""
    digest = hashlib.sha256()
    files = {path for pattern in patterns for path in root.glob(pattern) if _counts(path, pattern)}
    for path in sorted(files | {Path(__file__)}):
        digest.update(f"{path.name} {path.parent.name}\0".encode() + path.read_bytes() + b"\0")
    facts = [platform.python_version(), platform.machine(), *map(_version, _PACKAGES), *words]
    digest.update("\0".join(facts).encode())
    return digest.hexdigest()[:16]


def _counts(path: Path, pattern: str) -> bool:
    """No verdict rests on an exercise."""
    apart = {"__pycache__", "exercises"} - set(pattern.split("/"))
    return path.is_file() and not apart & set(path.parts)


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _remembered(root: Path, kind: str, key: str, command: list[str], accepted: tuple[int, ...] = (0,)) -> str:
    """The JSON that `python COMMAND FILE` writes, from an earlier run if nothing has changed since."""
    folder = root / ".cache" / "site"
    file = folder / f"{kind}-{key}.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        try:
            _run(root, [*command, str(part)], kind, accepted)
            if not part.exists():
                raise SiteError(f"the {kind} of the site left no result")
            part.rename(file)
        finally:
            part.unlink(missing_ok=True)
        for old in sorted(folder.glob(f"{kind}-*.json"), key=lambda p: p.stat().st_mtime)[:-_REMEMBERED]:
            old.unlink()
    return file.read_text(encoding="utf-8")


def _run(root: Path, command: list[str], kind: str, accepted: tuple[int, ...]) -> None:
    paths = [str(root), str(root / "docs")]
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in accepted:
        said = (done.stderr.strip() or done.stdout.strip())[-3000:]
        raise SiteError(f"the {kind} of the site could not be computed (exit status {done.returncode}):\n{said}")
