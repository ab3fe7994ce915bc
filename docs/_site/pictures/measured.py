"""Figures of the recorded benchmarks: time and error by size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from _site.pictures.drawing import BLUE, GREEN, LINE, RED, SOFT, YELLOW, Drawing, canvas, picture

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
COLOURS = {
    "mathcore": BLUE, "torch": RED, "scipy": GREEN, "jax": YELLOW, "transformers": YELLOW, "naive": SOFT,
}  # fmt: skip
NAMES = {"torch": "PyTorch", "scipy": "SciPy", "jax": "JAX", "naive": "textbook NumPy"}


@picture("time_by_size")
def time_by_size() -> Drawing:
    """Softmax of as many numbers in rows of different lengths; attention over longer and longer texts."""
    rows = [row for row in _rows("speed") if row["sweep"]]
    plot = canvas(2.9, columns=2)
    for ax, sweep in zip(plot.axes, dict.fromkeys(row["sweep"] for row in rows), strict=True):
        points = [row for row in rows if row["sweep"] == sweep]
        _lines(ax, [(row["size"], {name: 1e3 * s for name, s in row["seconds"].items()}) for row in points])
    ticks = [2, 5, 10, 20, 50]
    plot.axes[0].set(title="softmax", xlabel="length of a row", ylabel="ms", yticks=ticks, yticklabels=ticks)
    plot.axes[1].set(title="attention, 8 heads", xlabel="queries and keys")
    return (
        plot.figure,
        "Time of softmax and of attention by size, of four implementations; the tables below have the numbers",
        (
            "Time by size, both axes logarithmic, float32: softmax of 2²² numbers in rows of different lengths, and "
            "attention of 8 heads of width 64."
        ),
    )


@picture("error_by_size")
def error_by_size() -> Drawing:
    """Worst errors of log-softmax by length, and of the table of RoPE by position."""
    rows = [row for row in _rows("accuracy") if row["dtype"] == "float32"]
    plot = canvas(2.9, columns=2)
    shown = (("log_softmax", "wide"), ("rope_cos_sin", "positions"))
    for ax, (primitive, family) in zip(plot.axes, shown, strict=True):
        points = [row for row in rows if (row["primitive"], row["family"]) == (primitive, family)]
        _lines(ax, [(row["size"], row["ulp"]) for row in points])
    plot.axes[0].set(title="log-softmax", xlabel="length of a row", ylabel="worst error in ulp")
    plot.axes[1].set(title="table of RoPE", xlabel="largest position")
    return (
        plot.figure,
        "Worst error of log-softmax and of the table of RoPE by size; that of mathcore stays flat",
        (
            "Worst error by size in float32, both axes logarithmic: log-softmax of scores that spread over "
            "10·N(0, 1), and the cosines and sines of RoPE."
        ),
    )


def _rows(name: str) -> list[dict[str, Any]]:
    return list(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["rows"])


def _lines(ax: Axes, points: list[tuple[int, dict[str, float | None]]]) -> None:
    """One line a contender, named at its side; where two are the same, the later covers the earlier."""
    present = {name for _, values in points for name in values}
    for name in reversed([name for name in COLOURS if name in present]):
        here = [(size, values[name]) for size, values in points if values.get(name)]
        ax.loglog(*zip(*here, strict=True), color=COLOURS[name], marker="o", markersize=3, label=NAMES.get(name, name))
    ax.legend(fontsize=8, reverse=True)
    ax.grid(color=LINE, linewidth=0.5)
    ax.minorticks_off()
