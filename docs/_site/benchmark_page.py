"""The tables of the benchmarks: from the recorded runs, which nobody edits. Reading is at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _site.model import SiteError
from _site.words import code_block, number

SCHEMA = 1
PEERS = {"naive": "textbook NumPy", "scipy": "SciPy", "torch": "PyTorch", "jax": "JAX"}
JUDGED = {"mathcore": "mathcore", "scipy": "SciPy", "torch": "PyTorch", "jax": "JAX", "transformers": "transformers"}


@dataclass(frozen=True)
class Recorded:
    """A recorded run."""

    command: str
    environment: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]


def speed(run: Recorded) -> str:
    """What each took, as a multiple of what PyTorch took, or textbook NumPy where PyTorch took no part."""
    names = ("mathcore", *PEERS)
    lines = [f"| Work | mathcore | {' | '.join(PEERS.values())} | mathcore, ms |", "|---" + "|--:" * 6 + "|"]
    for row in run.rows:
        seconds = row["seconds"]
        best, base = min(seconds.values()), seconds.get("torch") or seconds["naive"]
        cells = [_bold(f"{seconds[n] / base:.2f}", seconds[n] == best) if n in seconds else "–" for n in names]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {number(1e3 * seconds['mathcore'], 3)} |")
    return "\n".join(lines)


def accuracy(run: Recorded) -> str:
    """Worst errors over all sizes of a family, by primitive."""
    parts = []
    for primitive in dict.fromkeys(row["primitive"] for row in run.rows):
        rows = [row for row in run.rows if row["primitive"] == primitive]
        judged = [name for name in JUDGED if any(name in row["ulp"] for row in rows)]
        parts += [f"### `{primitive}`", _errors(rows, judged)]
    return "\n\n".join(parts)


def nearer(run: Recorded) -> str:
    """How often somebody else was nearer to the truth than mathcore, and by how much at most."""
    behind = []
    for row in run.rows:
        ours = row["ulp"]["mathcore"]
        best = min(value for value in row["ulp"].values() if value is not None)
        if ours is None or ours > best:
            behind.append((ours or float("inf")) / best)
    if not behind:
        return f"In all {len(run.rows)} comparisons nobody was nearer to the truth than mathcore."
    return (
        f"In {len(run.rows) - len(behind)} of {len(run.rows)} comparisons nobody was nearer to the truth than "
        f"mathcore; in the others the worst error of mathcore was at most {max(behind):.2g} times that of the best."
    )


def provenance(run: Recorded) -> str:
    """Command, date, machine and versions."""
    known = ", ".join(f"{name} {value}" for name, value in run.environment.items() if value is not None)
    return f"{code_block(run.command, 'sh')}\n\n{known}.\n{{ .mc-provenance }}"


def _errors(rows: Sequence[Mapping[str, Any]], judged: Sequence[str]) -> str:
    positions = rows[0]["family"] == "positions"
    head = "Largest position" if positions else "Inputs"
    lines = [f"| Format | {head} | {' | '.join(JUDGED[n] for n in judged)} |", "|---|---" + "|--:" * len(judged) + "|"]
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        name = f"{row['size']:,}" if positions else row["family"]
        groups.setdefault((row["dtype"], name), []).append(row["ulp"])
    for (dtype, name), errors in groups.items():
        worst = {n: _worst([error[n] for error in errors]) for n in judged if all(n in error for error in errors)}
        best = min(worst.values())
        cells = ("–" if n not in worst else _cell(worst[n], worst[n] == best) for n in judged)
        lines.append(f"| {dtype} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _worst(errors: Sequence[float | None]) -> float:
    return max(float("inf") if error is None else error for error in errors)


def _cell(error: float, best: bool) -> str:
    return _bold("∞" if error == float("inf") else number(error, 3) if error >= 0.001 else "< 0.001", best)


def _bold(text: str, best: bool) -> str:
    return f"**{text}**" if best else text


def read_benchmarks(root: Path) -> dict[str, Recorded]:
    """The recorded runs, by name.

    Raises:
        SiteError: if one was written by another version of the benchmarks.
    """
    found = {}
    for file in (root / "benchmarks" / "results").glob("*.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        if data.get("schema") != SCHEMA:
            raise SiteError(f"{file.name} must have schema {SCHEMA}, got {data.get('schema')!r}")
        found[file.stem] = Recorded(data["command"], data["environment"], data["rows"])
    return found
