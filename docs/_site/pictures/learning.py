"""Figures of learning: steps, errors, tokens."""

from __future__ import annotations

import numpy as np

import mathcore as mc
from _site.pictures.drawing import BLUE, LINE, RED, Drawing, canvas, picture
from mathcore.language_models.text import default_text

_TEXT = (
    "the cat sat on the mat . the dog sat on the rug . the cat drank milk . the dog drank water . "
    "a king ruled the land . a queen ruled the sea . the king loved the land . the queen loved the sea . "
)


@picture("training_step")
def training_step() -> Drawing:
    """How far a step of several lengths raises the probability of the neighbour that was seen."""
    tokenizer = mc.WordTokenizer.train(_TEXT)
    words, neighbours = mc.course.neighbour_pairs(tokenizer.encode(_TEXT))
    params = mc.course.init_neighbour_predictor(np.random.default_rng(0), vocabulary=len(tokenizer.vocabulary), width=8)
    word, neighbour = words[:1], neighbours[:1]
    gradient = mc.course.neighbour_gradient(params, word, neighbour)[1]
    steps = 2.0 ** np.linspace(-4, 7, 89)
    chances = [
        float(
            np.exp(-mc.course.neighbour_loss({k: v - step * gradient[k] for k, v in params.items()}, word, neighbour))
        )
        for step in steps
    ]
    before = float(np.exp(-mc.course.neighbour_loss(params, word, neighbour)))
    plot = canvas(2.4)
    (ax,) = plot.axes
    ax.plot(steps, chances, color=BLUE)
    ax.axhline(before, color=LINE, linewidth=1)
    ax.annotate(
        "before the step", (steps[-1], before), xytext=(-4, 5), textcoords="offset points", ha="right", fontsize=10
    )
    ax.set(xscale="log", xlabel="length of the step", ylabel="probability of the neighbour", ylim=(0, 1.05))
    ax.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    return (
        plot.figure,
        "The probability of the neighbour after one step, by the length of the step",
        (
            "One step against the gradient raises the probability of the neighbour that was seen: the longer, "
            "the more, "
            "up to a point."
        ),
    )


@picture("error_at_the_scores")
def error_at_the_scores() -> Drawing:
    """p − one-hot, at a wrong and at a right answer."""
    words = ["cat", "dog", "mat", "sun"]
    plot = canvas(2.2, columns=2)
    for ax, logits in zip(plot.axes, (np.array([0.2, 1.9, 0.4, -0.5]), np.array([5.5, 0.4, 0.1, -0.5])), strict=True):
        pull = mc.cross_entropy_vjp(np.array(1.0), logits, np.array(0), reduction="sum")
        ax.bar(range(4), -pull, color=[BLUE if v < 0 else RED for v in pull], width=0.62)
        ax.axhline(0, color=LINE, linewidth=1)
        ax.set_xticks(range(4), words)
        ax.set_ylim(-1, 1)
        ax.set_title(f"p(cat) = {mc.softmax(logits)[0]:.2f}")
    plot.axes[0].set_ylabel("push on the score")
    return (
        plot.figure,
        "The push on four scores when cat was right: large when unsure, small when sure",
        (
            "The right answer was “cat”. The pushes add up to zero; when the model is sure and right, hardly anything "
            "moves."
        ),
    )


@picture("tokens_by_merges")
def tokens_by_merges() -> Drawing:
    """How many tokens a text needs, by the number of merges."""
    text = default_text()[:20_000]
    merges = [0, 25, 50, 100, 200, 400]
    tokenizers = [mc.BytePairTokenizer.train(text, n) for n in merges]
    counts = [len(tokenizer.encode(text)) for tokenizer in tokenizers]
    plot = canvas(2.2)
    (ax,) = plot.axes
    ax.plot(merges, np.array(counts) / len(text.encode()), "o-", color=BLUE, markersize=4)
    ax.set(xlabel="merges", ylabel="tokens for each byte", ylim=(0, 1.05))
    tokens = [tokenizers[-1].decode([i], errors="replace").strip() for i in range(256, 256 + merges[-1])]
    longest = max(filter(str.isalpha, tokens), key=len)  # of the words: there are rules of "=" as well
    return (
        plot.figure,
        "Tokens needed for each byte of a text, falling as pairs are merged",
        (
            f"Every merge makes a frequent pair one token. “the” is one after {tokens.index('the') + 1} merges, "
            f"“{longest}” after {tokens.index(longest) + 1}: the text is about Python."
        ),
    )
