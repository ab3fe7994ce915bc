"""The textbook's loss, steps on one pair, and Adam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.training.training_tolerances import softmax_of


def negative_log_likelihood(words: Any, neighbours: Any) -> Any:
    """The textbook's loss as a function of both tables, for numbers that carry a derivative."""

    def loss(e: Any, w: Any) -> Any:
        scores = e[words] @ w
        right = scores[np.arange(len(words)), neighbours]
        return np.asarray((np.log(np.exp(scores).sum(-1)) - right).sum() / len(words))

    return loss


def one_pair(params: Any, word: int, neighbour: int) -> tuple[Any, ...]:
    """e, W, z, p and r = p − [j = y] of a single pair, in float64."""
    e, w = np.asarray(params["embedding"][word], np.float64), np.asarray(params["output"], np.float64)
    z = e @ w
    p = softmax_of(z)
    return e, w, z, p, p - np.eye(len(z))[neighbour]


def smoothness(params: Any, word: int, neighbour: int) -> tuple[float, float]:
    """L, below 2 over which a step on one pair descends, and the square of the gradient's length."""
    e, w, z, _, r = one_pair(params, word, neighbour)
    direction = (e @ e) * r + w.T @ (w @ r)
    square = float(r @ direction)
    bend = 4.5 * (direction @ direction) + 2 * math.sqrt(2) * abs(r @ z) * np.linalg.norm(r)
    return (float(bend) / square if square else math.inf), square  # no gradient, no step: nothing to claim


def alignment(params: Any, word: int, neighbour: int) -> tuple[float, float, float]:
    """The dot product, the bracket, and the factor of η²."""
    e, w, z, p, _ = one_pair(params, word, neighbour)
    away = w[:, neighbour] - w @ p
    own = 1 - p[neighbour]
    return z[neighbour], float(own * (e @ e) + w[:, neighbour] @ away), float(own * (e @ away))


def published_adam(start: Any, row: Any, *, rate: Any, beta1: Any, beta2: Any, epsilon: Any, decay: Any) -> Any:
    """The algorithm as printed, averages written out as sums over the gradients that came; None is no gradient."""
    x, came = start, []
    for t, gradient in enumerate(row, 1):
        if gradient is None:
            continue
        came.append(gradient)
        ages = range(len(came) - 1, -1, -1)
        mean = sum((1 - beta1) * beta1**age * g for age, g in zip(ages, came, strict=True)) / (1 - beta1**t)
        square = sum((1 - beta2) * beta2**age * g * g for age, g in zip(ages, came, strict=True)) / (1 - beta2**t)
        x = x - rate * (mean / (np.sqrt(square) + epsilon) + (decay if x.ndim > 1 else 0) * x)
    return x
