"""Time the primitives beside SciPy and PyTorch: `python -m benchmarks [PART…] [--json FILE]`.

Every line is one run: all contenders take turns on the same arrays, and what is printed is the median of each, a share
of PyTorch's (or, without it, of naive NumPy's). Smaller is better. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.cases import CASES, Case

PEERS = ("mathcore", "naive", "scipy", "torch")


def measure(case: Case, rounds: int) -> dict[str, float]:
    """Contender → median seconds, the contenders taking turns."""
    contenders = case.contenders()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()  # what is done once is not what is measured
    for _ in range(rounds):
        for name, call in contenders.items():
            begin = time.perf_counter()
            for _ in range(case.repeat):
                call()
            times[name].append((time.perf_counter() - begin) / case.repeat)
    return {name: statistics.median(values) for name, values in times.items()}


def environment() -> dict[str, Any]:
    """What the figures depend on."""
    versions = {}
    for package in ("numpy", "scipy", "torch", "mathcore"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        **versions,
    }


def main() -> None:
    """Run the cases asked for and print a table of ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help="words that a case's name must contain; all cases if none")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    cases = [c for c in CASES if not asked.parts or any(part in c.name for part in asked.parts)]
    if not cases:
        parser.error(f"no case contains {' or '.join(asked.parts)}; there are {', '.join(c.name for c in CASES)}")
    console = Console()
    results = {c.name: measure(c, asked.rounds) for c in track(cases, "timing", console=console, transient=True)}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("work")
    for peer in (*PEERS, "ms"):
        table.add_column(peer, justify="right")
    for name, times in results.items():
        base = times.get("torch") or times["naive"]
        ratios = [f"{times[peer] / base:.2f}" if peer in times else "–" for peer in PEERS]
        table.add_row(name, *ratios, f"{1e3 * times['mathcore']:.3g}")
    console.print(table)
    if asked.json:
        asked.json.write_text(json.dumps({"environment": environment(), "seconds": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
