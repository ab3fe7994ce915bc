"""Measure the primitives beside others: `python -m benchmarks [speed|accuracy] [PART…] [--quick] [--json FILE]`.

For speed, every line is one run: all contenders take turns on the same arrays, and what is printed is the median of
each, a share of PyTorch's (or, without it, of naive NumPy's). For accuracy, it is the worst error in ulp; see
`benchmarks.accuracy`. Smaller is better. Peers that are not installed are left out.

`--quick` times small and middle sizes only, in less than two minutes. `--against FILE` says which lines became slower
than in a record, by more than the noise; see `benchmarks.slower`.
"""

from __future__ import annotations

import argparse
import json
import math
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

from benchmarks import accuracy, slower
from benchmarks.cases import CASES, Case
from benchmarks.small import QUICK

SCHEMA = 1
_QUICK_SECONDS = 80.0  # of timing; the first calls come on top
PEERS = ("mathcore", "naive", "scipy", "torch", "jax")
JUDGED = ("mathcore", "scipy", "torch", "jax", "transformers")


_PAUSE = 0.002  # seconds, after which the threads of a contender no longer wait for work and take a core from the next

_FEWEST = 3  # rounds, however long they take


def measure(case: Case, rounds: int, seconds: float = math.inf) -> dict[str, list[float]]:
    """Contender → seconds of each round, the contenders taking turns; fewer rounds once these `seconds` are over."""
    end, contenders = time.perf_counter() + seconds, case.contenders()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()  # what is done once is not what is measured
    for done in range(rounds):
        if done >= _FEWEST and time.perf_counter() > end:
            break
        for name, call in contenders.items():
            time.sleep(_PAUSE)
            begin = time.perf_counter()
            for _ in range(case.repeat):
                call()
            times[name].append((time.perf_counter() - begin) / case.repeat)
    return times


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


def speed(parts: list[str], rounds: int, console: Console, quick: bool = False) -> list[dict[str, Any]]:
    """Time the cases whose names contain any of these words, and print a table of ratios."""
    by_name = {case.name: case for case in (QUICK if quick else [*QUICK, *CASES])}
    cases = [case for name, case in by_name.items() if not parts or any(part in name for part in parts)]
    rows: list[dict[str, Any]] = []
    end = time.perf_counter() + _QUICK_SECONDS
    for i, case in enumerate(track(cases, "timing", console=console, transient=True)):
        share = (end - time.perf_counter()) / (len(cases) - i)  # of what is left
        times = measure(case, rounds, share if quick else math.inf)
        medians = {name: statistics.median(values) for name, values in times.items()}
        spread = slower.quartiles(times["mathcore"], times["naive"])
        rows.append({"name": case.name, "sweep": case.sweep, "size": case.size, "seconds": medians, "spread": spread})
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
    parser.add_argument("--rounds", type=int, help="timings of each contender: 9, with --quick up to 50")
    parser.add_argument("--quick", action="store_true", help="small and middle sizes only, in less than two minutes")
    parser.add_argument("--against", type=Path, help="a record: say which lines became slower by more than the noise")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (50 if asked.quick else 9)
    console, before = Console(), environment()
    timed = asked.kind == "speed"
    rows = speed(asked.parts, asked.rounds, console, asked.quick) if timed else exactness(asked.parts, console)
    if not rows:
        parser.error(f"nothing is called {' or '.join(asked.parts)}")
    if asked.json:
        written = {"schema": SCHEMA, "command": _command(asked), "environment": before, "rows": rows}
        asked.json.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.against and timed:
        told = slower.than(json.loads(asked.against.read_text(encoding="utf-8"))["rows"], rows)
        console.print("\n".join(told) or f"No line is slower than in {asked.against} by more than the noise.")


def _command(asked: argparse.Namespace) -> str:
    options = f"{' --quick' * asked.quick} --rounds {asked.rounds}" if asked.kind == "speed" else ""
    return " ".join(["python -m benchmarks", asked.kind, *asked.parts]) + options


if __name__ == "__main__":
    main()
