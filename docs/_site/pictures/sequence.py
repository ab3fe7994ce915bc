"""Figures of sequences: positions, rotations, attention, heads."""

from __future__ import annotations

from typing import Any

import numpy as np

import mathcore as mc
from _site.pictures.drawing import BLUE, GREEN, LINE, RED, SOFT, Drawing, canvas, heat, picture


@picture("position_waves")
def position_waves() -> Drawing:
    """The sinusoidal code of 64 positions."""
    code = mc.sinusoidal_positional_encoding(np.arange(64), 32, interleaved=False)  # (64, 32)
    plot = canvas(2.6, columns=2, width_ratios=[5, 4])
    heat(plot.axes[0], code.T, most=1, gap=0)
    plot.axes[0].set(aspect="auto", xlabel="position", ylabel="coordinate")
    plot.axes[0].set_xticks([0, 20, 40, 60])
    away = np.sqrt(((code - code[20]) ** 2).sum(1))
    plot.axes[1].plot(away, color=BLUE)
    plot.axes[1].axvline(20, color=LINE, linewidth=1)
    plot.axes[1].set(xlabel="position", ylabel="distance to position 20", ylim=(0, None))
    return (
        plot.figure,
        "Sines and cosines of a position, fast above and slow below; distances from position 20",
        (
            "Each column is the code of a position: fast waves and slow ones. No two positions agree, and no number "
            f"leaves [−1, 1]. Of these {len(code)}, the ones beside position 20 are nearest, and still "
            f"{np.sort(away)[1]:.2f} away; farther off the distance rises and falls."
        ),
    )


@picture("near_repeats")
def near_repeats() -> Drawing:
    """How close all angles come back, by position, for several widths."""
    plot = canvas(2.6)
    (ax,) = plot.axes
    words = 200_000
    positions = np.arange(1, words)
    for width, colour in ((2, RED), (4, BLUE), (8, GREEN), (64, SOFT)):
        turns = mc.rope_frequencies(width) / (2 * np.pi)
        parts = np.array_split(positions, 100)  # all angles of all positions at once would be 50 MB, four times over
        off = np.concatenate([2 * np.pi * np.abs(_off(np.outer(part, turns))).max(1) for part in parts])
        best = np.minimum.accumulate(off)
        ax.step(positions, best, where="post", color=colour)
        ax.annotate(
            f"{width} wide", (words, best[-1]), xytext=(4, -3), textcoords="offset points", color=colour, fontsize=9
        )
    ax.set(xscale="log", yscale="log", xlabel="position", ylabel="farthest angle from a repeat")
    ax.margins(x=0.02)
    return (
        plot.figure,
        "The nearest repeat up to a position; narrow vectors nearly repeat, wide ones do not",
        (
            "Radians between position 0 and the nearest repeat so far. Narrow vectors come back closely; at "
            f"width {width} nothing comes near within {words:,} words."
        ),
    )


def _off(turns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What is left over from whole turns, −½ to ½."""
    return turns - np.rint(turns)
