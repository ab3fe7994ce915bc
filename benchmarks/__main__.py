"""Measure the primitives beside others: `python -m benchmarks [speed|accuracy] [PART…] [--json FILE]`.

For speed, every line is one run: all contenders take turns on the same arrays, and what is printed is the median of
each, a share of PyTorch's (or, without it, of naive NumPy's). For accuracy, it is the worst error in ulp; see
`benchmarks.accuracy`. Smaller is better. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import accuracy
from benchmarks.cases import CASES, Case

SCHEMA = 1
PEERS = ("mathcore", "naive", "scipy", "torch", "jax")
JUDGED = ("mathcore", "scipy", "torch", "jax", "transformers")


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
    versions: dict[str, str | None] = {}
    for package in ("mathcore", "numpy", "scipy", "torch", "jax", "transformers", "python-flint"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {_processor()}",
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "seed": accuracy.SEED,
        **versions,
    }


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", known.read_text(), re.MULTILINE) if known.exists() else []
    return names[0] if names else platform.processor()


def speed(parts: list[str], rounds: int, console: Console) -> list[dict[str, Any]]:
    """Time the cases whose names contain any of these words, and print a table of ratios."""
    cases = [c for c in CASES if not parts or any(part in c.name for part in parts)]
    rows: list[dict[str, Any]] = [
        {"name": case.name, "sweep": case.sweep, "size": case.size, "seconds": measure(case, rounds)}
        for case in track(cases, "timing", console=console, transient=True)
    ]
    table = _table("work", *PEERS, "ms")
    for row in rows:
        times = row["seconds"]
        base = times.get("torch") or times["naive"]
        ratios = [f"{times[peer] / base:.2f}" if peer in times else "–" for peer in PEERS]
        table.add_row(row["name"], *ratios, f"{1e3 * times['mathcore']:.3g}")
    console.print(table)
    return rows


def exactness(parts: list[str], console: Console) -> list[dict[str, Any]]:
    """Measure the errors of the primitives whose names contain any of these words, and print a table of ulps."""
    trials = [t for t in accuracy.trials() if not parts or any(part in t.primitive for part in parts)]
    rows = [accuracy.measure(t) for t in track(trials, "comparing", console=console, transient=True)]
    table = _table("primitive", *JUDGED)
    for row in rows:
        name = " ".join(str(row[key]) for key in ("primitive", "dtype", "family", "size"))
        worst = row["ulp"]
        table.add_row(name, *("–" if p not in worst else "∞" if worst[p] is None else f"{worst[p]:g}" for p in JUDGED))
    console.print(table)
    return rows


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def main() -> None:
    """Measure what is asked for, print a table, and write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("kind", nargs="?", default="speed", choices=("speed", "accuracy"))
    parser.add_argument("parts", nargs="*", help="words that a name must contain one of; everything if none")
    parser.add_argument("--rounds", type=int, default=9, help="timings of each contender")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    console, before = Console(), environment()
    rows = speed(asked.parts, asked.rounds, console) if asked.kind == "speed" else exactness(asked.parts, console)
    if not rows:
        parser.error(f"nothing is called {' or '.join(asked.parts)}")
    if asked.json:
        written = {"schema": SCHEMA, "command": _command(asked), "environment": before, "rows": rows}
        asked.json.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _command(asked: argparse.Namespace) -> str:
    rounds = f" --rounds {asked.rounds}" if asked.kind == "speed" else ""
    return " ".join(["python -m benchmarks", asked.kind, *asked.parts]) + rounds


if __name__ == "__main__":
    main()
