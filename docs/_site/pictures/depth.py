"""Figures of depth: a kink, a ridge, tents."""

from __future__ import annotations

import numpy as np

import mathcore as mc
from _site.pictures.drawing import BLUE, INK, LINE, Drawing, canvas, heat, picture


@picture("relu_and_xor")
def relu_and_xor() -> Drawing:
    """ReLU, and what two of them make of two inputs."""
    x = np.linspace(-2, 2, 9)
    plot = canvas(2.5, columns=2, width_ratios=[5, 4])
    plot.axes[0].plot(x, mc.relu(x), color=BLUE)
    plot.axes[0].plot(x, x, color=LINE, linewidth=1, zorder=0)
    plot.axes[0].set(title="ReLU", xlabel="x", aspect="equal")
    grid = np.linspace(-0.25, 1.25, 31)
    a, b = np.meshgrid(grid, grid[::-1])
    net = mc.course.xor_net()
    values = mc.course.relu_net(np.stack([a.ravel(), b.ravel()], axis=1), net).reshape(a.shape)
    heat(plot.axes[1], values, most=1, gap=0)
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    answers = [f"{answer:.0f}" for answer in mc.course.relu_net(np.array(corners, float), net)[:, 0]]
    for (p, q), answer in zip(corners, answers, strict=True):
        across, down = ((v + 0.25) / 1.5 * 30 for v in (p, 1 - q))
        plot.axes[1].text(across, down, answer, ha="center", va="center", fontsize=13, color=INK, fontweight="bold")
    plot.axes[1].set_title("one or the other, not both")
    return (
        plot.figure,
        "The kink of ReLU, and a ridge made of two of them that computes exclusive or",
        (
            "Left: ReLU beside the straight line it bends. Right: two of them make a ridge (a to the right, b upwards)"
            f"; its values at the four corners are {', '.join(answers)}, which no single layer can do."
        ),
    )


@picture("tents")
def tents() -> Drawing:
    """The tent map, folded once, twice, three times, four times."""
    plot = canvas(1.7, columns=4)
    x, pieces = np.linspace(0, 1, 2**7 + 1), []
    for depth, ax in enumerate(plot.axes, start=1):
        y = mc.course.relu_net(x[:, None], mc.course.tent_net(depth))[:, 0]
        ax.plot(x, y, color=BLUE, linewidth=1.4)
        pieces.append(mc.course.count_pieces(x, y))
        ax.set_title(f"depth {depth}: {pieces[-1]}")
        ax.set(xticks=[0, 1], yticks=[0, 1] if depth == 1 else [])
    return (
        plot.figure,
        f"A net two units wide folds the line once more with each layer: {', '.join(map(str, pieces))} pieces",
        (
            "Two units a layer. Every layer doubles the number of straight pieces; one hidden layer would need a "
            "unit for each bend."
        ),
    )
