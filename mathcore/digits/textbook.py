"""The textbook's distances of images to templates, and Wilson's interval."""

from __future__ import annotations

from typing import Any

import numpy as np


def squared_distances(images: Any, weight: Any) -> Any:
    """‖x − w‖² of every image and every template, (rows, digits)."""
    gap = images[:, :, None] - weight[None]
    return (gap * gap).sum(1)


def half_the_gain(x: Any, w: Any) -> Any:
    """(‖x‖² − ‖x − w‖²) / 2: how much nearer than the blank image a template is."""
    return ((x * x).sum(1)[:, None] - squared_distances(x, w)) / 2


def wilson_ends(successes: Any, trials: Any, confidence: Any) -> Any:
    """Both roots of the quadratic, with the quantile from the inverse error function."""
    z2 = 2 * np.array([c.erfinv() for c in confidence]) ** 2
    middle, half = successes + z2 / 2, np.sqrt(z2 * (successes * (trials - successes) / trials + z2 / 4))
    return np.stack([middle - half, middle + half]) / (trials + z2)
