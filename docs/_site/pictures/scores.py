"""Figures of scores: templates, words, logits, layers, softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

import mathcore as mc
from _site.pictures.drawing import BLUE, GREEN, INK, LINE, RED, SOFT, Drawing, canvas, heat, picture, write_in


@picture("word_similarity")
def word_similarity() -> Drawing:
    """Hand-set features, and the cosine of every pair of words."""
    features = ["animal", "royal", "eats", "drives"]
    words = {
        "cat": [1, 0, 1, 0],
        "dog": [1, 0, 1, 0.3],
        "queen": [0, 1, 0.6, 0.2],
        "king": [0, 1, 0.6, 0.4],
        "car": [0, 0, 0, 1],
    }
    table = np.array(list(words.values()), float)
    pairs = np.array([[float(mc.cosine_similarity(a, b)) for b in table] for a in table])
    plot = canvas(2.7, columns=2, width_ratios=[4, 5])
    for ax, values, columns in zip(plot.axes, (table, pairs), (features, list(words)), strict=True):
        heat(ax, values, most=1)
        write_in(ax, values, "{:.1f}".format, size=9, most=1)
        ax.set_xticks(range(len(columns)), columns, rotation=40, ha="right", fontsize=9)
        ax.set_yticks(range(len(words)), list(words), fontsize=9)
        ax.tick_params(length=0)
    plot.axes[0].set_title("features set by hand", fontsize=10)
    plot.axes[1].set_title("cosine of two words", fontsize=10)
    return (
        plot.figure,
        "Five words with four features; words that share features are similar",
        (
            "Words that share features point the same way. The numbers on the left were chosen by hand; those on "
            "the right follow."
        ),
    )


@picture("room_by_size")
def room_by_size() -> Drawing:
    """How far apart random directions are, by width."""
    rng, sizes = np.random.default_rng(0), [2, 4, 16, 64, 256, 1024, 4096]
    cosines = [mc.cosine_similarity(rng.normal(size=(2000, d)), rng.normal(size=(2000, d))) for d in sizes]
    plot = canvas(2.5)
    (ax,) = plot.axes
    for share, alpha in ((0.5, 0.55), (0.9, 0.3), (0.99, 0.15)):
        low, high = np.quantile(cosines, [(1 - share) / 2, (1 + share) / 2], axis=1)
        ax.fill_between(sizes, low, high, color=BLUE, alpha=alpha, linewidth=0)
    ax.axhline(0, color=LINE, linewidth=1)
    ax.set(xscale="log", xlabel="numbers in a vector", ylabel="cosine of two random vectors", ylim=(-1, 1))
    ax.set_xticks(sizes, [f"{d:,}" for d in sizes])
    ax.minorticks_off()
    return (
        plot.figure,
        "The cosine of random vectors concentrates at zero as they get longer",
        (
            "Half, 90 % and 99 % of 2,000 random pairs. The wider the vectors, the closer to a right angle any "
            "two of them are."
        ),
    )


@picture("logits_to_decision")
def logits_to_decision() -> Drawing:
    """Scores before and after softmax: the winner stays."""
    words, logits = ["cat", "dog", "car", "mat", "sun"], np.array([1.2, -0.4, -2.0, 3.1, 0.3])
    shares = mc.softmax(logits)
    plot = canvas(2.2, columns=2)
    for ax, values, title in zip(
        plot.axes, (logits, shares), ("logits: any numbers", "softmax: shares of one"), strict=True
    ):
        colours = [RED if i == mc.argmax(values) else BLUE for i in range(len(words))]
        ax.barh(range(len(words)), values, color=colours, height=0.62)
        ax.axvline(0, color=LINE, linewidth=1)
        ax.set_yticks(range(len(words)), words)
        ax.invert_yaxis()
        ax.set_title(title, fontsize=10)
    return (
        plot.figure,
        "Five logits and the shares that softmax makes of them; mat wins in both",
        ("Softmax changes the numbers and not the winner, so the decision can be read off the logits."),
    )


@picture("two_layers")
def two_layers() -> Drawing:
    """A word, a hidden row, the scores: two products."""
    rng = np.random.default_rng(3)
    x, u, v = np.eye(5)[[1]], rng.normal(size=(5, 3)).round(1), rng.normal(size=(3, 5)).round(1)
    hidden = mc.linear(x, u)
    plot = canvas(2.6, rows=2, columns=3, width_ratios=[5, 3, 5], height_ratios=[1, 4])
    top, low = plot.axes[:3], plot.axes[3:]
    for ax, values, title in zip(top, (x, hidden, mc.linear(hidden, v)), ("word", "hidden", "scores"), strict=True):
        heat(ax, values, most=2)
        write_in(ax, values, "{:.1f}".format, size=8, most=2)
        ax.set_title(title, fontsize=10, loc="center")
    low[0].axis("off")
    for ax, values, title in zip(low[1:], (u, v), ("× U", "× V"), strict=True):
        heat(ax, values, most=2)
        write_in(ax, values, "{:.1f}".format, size=8, most=2)
        ax.set_title(title, fontsize=10, loc="center")
    return (
        plot.figure,
        "A one-hot word times U gives a hidden row, times V gives scores",
        ("A word picks a row of U; that row times V gives a score for every word. Blue is positive, red negative."),
    )


@picture("score_by_angle")
def score_by_angle() -> Drawing:
    """The score of inputs of one length, and of a longer one, by angle."""
    angles = np.linspace(-np.pi, np.pi, 241)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    weight = np.array([[1.0], [0.0]])
    plot = canvas(2.4)
    (ax,) = plot.axes
    for length, colour in ((1, BLUE), (2, RED)):
        ax.plot(np.degrees(angles), mc.linear(length * around, weight)[:, 0], color=colour)
        ax.annotate(
            f"length {length}", (0, length), xytext=(6, 3), textcoords="offset points", color=colour, fontsize=10
        )
    ax.axhline(0, color=LINE, linewidth=1)
    ax.plot([60], [1], "o", color=INK, markersize=4)
    ax.set(xlabel="angle to the weights in degrees", ylabel="score", xticks=range(-180, 181, 90))
    return (
        plot.figure,
        "Score against angle for inputs of length one and two",
        (
            "The score is length times cosine. At 60° the longer input scores as much as the shorter one that is "
            "fully aligned."
        ),
    )


@picture("one_row_one_column")
def one_row_one_column() -> Drawing:
    """One entry of a product."""
    a, b = np.array([[1, 2, 0], [3, -1, 2]], float), np.array([[2, 1], [0, 3], [1, -2]], float)
    plot = canvas(1.9, columns=3, width_ratios=[3, 2, 2])
    for ax, values, title in zip(plot.axes, (a, b, mc.linear(a, b)), ("A", "B", "AB"), strict=True):
        heat(ax, values, most=9)
        write_in(ax, values, "{:.0f}".format, size=10, most=9)
        ax.set_title(title, fontsize=10, loc="center")
    frame: dict[str, Any] = {"fill": False, "edgecolor": RED, "linewidth": 2}
    from matplotlib.patches import Rectangle

    for ax, corner, width, height in (
        (plot.axes[0], (-0.5, 0.5), 3, 1),
        (plot.axes[1], (-0.5, -0.5), 1, 3),
        (plot.axes[2], (-0.5, 0.5), 1, 1),
    ):
        ax.add_patch(Rectangle(corner, width, height, clip_on=False, **frame))
    return (
        plot.figure,
        "A row of A and a column of B make one entry of AB",
        ("Each entry is one row against one column: 3·2 + (−1)·0 + 2·1 = 8."),
    )


@picture("touching_shapes")
def touching_shapes() -> Drawing:
    """Row times matrix, and matrix times column."""
    rng = np.random.default_rng(5)
    x, w = rng.integers(-2, 4, (1, 3)).astype(float), rng.integers(-2, 4, (3, 2)).astype(float)
    plot = canvas(2.2, rows=1, columns=6, width_ratios=[3, 2, 2, 3, 1, 1])
    parts = (
        (x, "x (1, 3)"),
        (w, "W (3, 2)"),
        (mc.linear(x, w), "xW (1, 2)"),
        (w.T, "Wᵀ (2, 3)"),
        (x.T, "xᵀ"),
        (mc.linear(x, w).T, "(xW)ᵀ"),
    )
    for ax, (values, title) in zip(plot.axes, parts, strict=True):
        heat(ax, values, most=9)
        write_in(ax, values, "{:.0f}".format, size=9, most=9)
        ax.set_title(title, fontsize=8.5, loc="center")
    return (
        plot.figure,
        "A row times a matrix, and the same with everything turned on its side",
        ("Left: a row from the left, inner lengths 3 and 3 touch. Right: the same sums with everything turned."),
    )


@picture("temperatures")
def temperatures() -> Drawing:
    """Softmax of one row of scores at several temperatures."""
    scores = np.array([2.0, 1.0, 0.0, -1.0])
    grid = 2.0 ** np.linspace(-4, 4, 121)
    shares = np.array([mc.temperature_softmax(scores, float(t)) for t in grid])
    plot = canvas(2.5)
    (ax,) = plot.axes
    for i, colour in enumerate((BLUE, RED, GREEN, SOFT)):
        ax.plot(grid, shares[:, i], color=colour, label=f"{scores[i]:.0f}".replace("-", "−"))
    ax.legend(title="score", loc="upper right", fontsize=9, title_fontsize=9, labelcolor="linecolor")
    ax.axvline(1, color=LINE, linewidth=1)
    ax.set(xscale="log", xlabel="temperature", ylabel="share", ylim=(0, 1))
    ax.set_xticks([0.0625, 0.25, 1, 4, 16], ["1/16", "1/4", "1", "4", "16"])
    ax.minorticks_off()
    return (
        plot.figure,
        "Four shares by temperature: cold, one takes all; hot, all become equal",
        ("The shares of the scores 2, 1, 0 and −1. Cold: the winner takes all. Hot: everyone gets a quarter."),
    )
