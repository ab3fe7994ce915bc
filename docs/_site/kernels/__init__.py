"""Runs in the child process: a kernel that fails, the same kernel mended, and what `mathcore verify` says of each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_RUNS = {  # name of the file → the claims that are run on it
    "failing": ("softmax.three_steps", "softmax.sums_to_one", "softmax.shift_invariant"),
    "fixed": ("softmax",),
}
_OPTIONS = ("--target", "mykernels:TARGET", "--profile", "quick", "--seed", "1")
_WIDTH = "80"  # columns
_FOLDER = "/path/to"  # printed for the temporary folder


def run_all() -> dict[str, Any]:
    """Name → the source, the command, what it printed, its exit status."""
    return {name: _run(name, claims) for name, claims in _RUNS.items()}


def _run(name: str, claims: tuple[str, ...]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        source = (_HERE / f"{name}.py").read_text(encoding="utf-8")
        (Path(folder) / "mykernels.py").write_text(source, encoding="utf-8")
        words = ["verify", *claims, *_OPTIONS]
        environment = {**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [sys.executable, "-m", "mathcore", *words],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    command = " ".join(["mathcore", *words])
    output = done.stdout.strip("\n").replace(os.path.realpath(folder), _FOLDER).replace(folder, _FOLDER)
    return {"source": source, "command": command, "output": output, "status": done.returncode}
