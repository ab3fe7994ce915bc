"""Figures of sequences: positions, rotations, attention, heads."""

from __future__ import annotations

from typing import Any

import numpy as np

import mathcore as mc
from _site.pictures.drawing import BLUE, GREEN, INK, LINE, RED, SOFT, Drawing, canvas, heat, picture, write_in


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
            "Each column is the code of a position: fast waves and slow ones. Neighbours lie close, no two "
            "positions agree, and "
            "no number leaves [−1, 1]."
        ),
    )


def _dial(ax: object, angles: object, title: str) -> None:
    turn = np.linspace(0, 2 * np.pi, 121)
    ax.plot(np.cos(turn), np.sin(turn), color=LINE, linewidth=1)  # type: ignore[attr-defined]
    for angle, colour in zip(angles, (SOFT, BLUE, RED), strict=True):  # type: ignore[call-overload]
        ax.plot([0, np.cos(angle)], [0, np.sin(angle)], color=colour, linewidth=1.8, solid_capstyle="round")  # type: ignore[attr-defined]
    ax.set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), aspect="equal", xticks=[], yticks=[])  # type: ignore[attr-defined]
    ax.set_title(title, fontsize=9, loc="center")  # type: ignore[attr-defined]
    for side in ax.spines.values():  # type: ignore[attr-defined]
        side.set_visible(False)


@picture("rope_hands")
def rope_hands() -> Drawing:
    """Four pairs of a vector at three positions."""
    theta = mc.rope_frequencies(8)
    plot = canvas(1.75, columns=4)
    for i, ax in enumerate(plot.axes):
        _dial(ax, np.array([0, 3, 10]) * theta[i], f"pair {i}: {np.degrees(theta[i]):.3g}° a word")
    return (
        plot.figure,
        "Four clock hands, each ten times slower than the one before, at positions 0, 3 and 10",
        (
            "The four pairs of a vector of width 8 at positions 0 (grey), 3 (blue) and 10 (red). The first hand "
            "races, the last "
            "hardly moves."
        ),
    )


@picture("near_repeats")
def near_repeats() -> Drawing:
    """How close all angles come back, by position, for several widths."""
    plot = canvas(2.6)
    (ax,) = plot.axes
    positions = np.arange(1, 200_000)
    for width, colour in ((2, RED), (4, BLUE), (8, GREEN), (64, SOFT)):
        theta = mc.rope_frequencies(width)
        turns = np.outer(positions, theta / (2 * np.pi)) if width < 64 else None
        if turns is None:
            best = np.array(
                [
                    np.abs(2 * np.pi * _off(np.outer(part, theta / (2 * np.pi)))).max(1).min()
                    for part in np.array_split(positions, 100)
                ]
            )
            where = np.array([part[-1] for part in np.array_split(positions, 100)])
        else:
            best, where = np.abs(2 * np.pi * _off(turns)).max(1), positions
        best = np.minimum.accumulate(best)
        ax.step(where, best, where="post", color=colour)
        ax.annotate(
            f"{width} wide", (where[-1], best[-1]), xytext=(4, -3), textcoords="offset points", color=colour, fontsize=9
        )
    ax.set(xscale="log", yscale="log", xlabel="position", ylabel="farthest angle from a repeat")
    ax.margins(x=0.02)
    return (
        plot.figure,
        "The nearest repeat up to a position; narrow vectors nearly repeat, wide ones do not",
        (
            "Radians between position 0 and the nearest repeat so far. Narrow vectors come back closely; at "
            "width 64 nothing "
            "comes near within 200,000 words."
        ),
    )


def _off(turns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What is left over from whole turns, −½ to ½."""
    return turns - np.rint(turns)


@picture("attention_weights")
def attention_weights() -> Drawing:
    """Which words look at which, with and without a causal mask."""
    words = ["the", "cat", "sat", "on", "the", "mat"]
    rng = np.random.default_rng(4)
    table = {word: rng.normal(size=16) for word in dict.fromkeys(words)}
    x = mc.rope(np.array([table[word] for word in words])[None])
    plot = canvas(2.8, columns=2)
    for ax, causal in zip(plot.axes, (False, True), strict=True):
        weights = mc.attention_weights(x, x, is_causal=causal)[0]
        heat(ax, weights, most=1)
        write_in(ax, weights, lambda v: f"{100 * v:.0f}" if v else "", size=8, most=1)
        ax.set_xticks(range(6), words, fontsize=9)
        ax.set_yticks(range(6), words, fontsize=9)
        ax.tick_params(length=0)
        ax.set_title("causal" if causal else "no mask", fontsize=10)
    return (
        plot.figure,
        "Attention weights of six words, with and without a causal mask, in per cent",
        (
            "Row by row, how much a word takes from each word, in per cent; the words' vectors are made up. With the "
            "causal mask nothing comes from the right."
        ),
    )


@picture("attention_entropy")
def attention_entropy() -> Drawing:
    """How open attention stays as vectors get longer, scaled and not."""
    rng, sizes, keys = np.random.default_rng(0), [16, 64, 256, 1024, 4096, 12_288], 64
    plot = canvas(2.5)
    (ax,) = plot.axes
    for scale, colour, name in ((None, BLUE, "divided by √d"), (1.0, RED, "not divided")):
        entropies = []
        for d in sizes:
            p = mc.attention_weights(rng.normal(size=(1, 200, d)), rng.normal(size=(1, keys, d)), scale=scale)[0]
            entropies.append(float(-(p * np.log(np.where(p > 0, p, 1))).sum(-1).mean()))
        ax.plot(sizes, entropies, "o-", color=colour, markersize=4)
        ax.annotate(name, (sizes[2], entropies[2]), xytext=(0, 7), textcoords="offset points", color=colour, fontsize=9)
    ax.axhline(np.log(keys), color=LINE, linewidth=1)
    ax.annotate(
        "all keys alike", (sizes[0], np.log(keys)), xytext=(0, -11), textcoords="offset points", fontsize=9, color=SOFT
    )
    ax.set(xscale="log", xlabel="width d", ylabel="entropy in nats", ylim=(0, 4.4))
    ax.set_xticks(sizes, [f"{d:,}" for d in sizes], fontsize=8)
    ax.minorticks_off()
    return (
        plot.figure,
        "The entropy of attention over 64 keys by width: steady if scaled, collapsing if not",
        (
            "Normal queries and 64 normal keys. Divided by √d, attention is nearly as open at d = 12,288 as at 16; "
            "otherwise one key "
            "takes all."
        ),
    )


@picture("two_heads")
def two_heads() -> Drawing:
    """What one head and two heads can bring back."""
    corners = np.array([[1.0, 0.0], [0.0, 1.0]])  # two words' values
    shares = mc.softmax(np.stack([np.linspace(-6, 6, 41), np.zeros(41)], axis=1))
    blends = shares @ corners
    plot = canvas(2.6)
    (ax,) = plot.axes
    ax.plot(*blends.T, color=BLUE)
    ax.plot(*corners.T, "o", color=BLUE)
    ax.annotate(
        "one head: a blend of the two words",
        (0.5, 0.5),
        xytext=(8, 6),
        textcoords="offset points",
        ha="left",
        color=BLUE,
        fontsize=9,
    )
    ax.plot([1], [1], "s", color=RED)
    ax.annotate(
        "two heads: both, side by side",
        (1, 1),
        xytext=(8, 4),
        textcoords="offset points",
        ha="left",
        color=RED,
        fontsize=9,
    )
    ax.plot([0], [0], ".", color=INK, markersize=3)
    ax.set(
        xlabel="from the first word",
        ylabel="from the second word",
        aspect="equal",
        xlim=(-0.05, 1.12),
        ylim=(-0.05, 1.15),
    )
    return (
        plot.figure,
        "A head returns a point on the line between two values; two heads return both",
        (
            "The weights of a head add up to one, so it stays on the line. A second head brings the other word "
            "back beside the "
            "first."
        ),
    )
