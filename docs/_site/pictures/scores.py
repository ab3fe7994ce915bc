"""Figures of scores: cosines, logits, softmax."""

from __future__ import annotations

import numpy as np

import mathcore as mc
from _site.pictures.drawing import BLUE, GREEN, LINE, RED, SOFT, Drawing, canvas, picture


@picture("room_by_size")
def room_by_size() -> Drawing:
    """How far apart random directions are, by width."""
    rng, sizes, pairs = np.random.default_rng(0), [2, 4, 16, 64, 256, 1024, 4096], 2000
    cosines = [mc.cosine_similarity(*rng.normal(size=(2, pairs, d))) for d in sizes]
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
            f"The bands hold half, 90 % and 99 % of {pairs:,} random pairs. The more numbers, the closer to a right "
            "angle two vectors mostly are."
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
        ax.set_title(title)
    return (
        plot.figure,
        f"Five logits and the shares that softmax makes of them; {words[mc.argmax(shares)]} wins in both",
        ("Softmax changes the numbers and not the winner, so the decision can be read off the logits."),
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
