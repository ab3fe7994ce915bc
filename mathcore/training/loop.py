"""Training: batches, steps, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.training.checkpoint import Checkpoint, _generator_state
from mathcore.training.optimisers import LossAndGradient, Optimiser


def train(
    loss_and_gradient: LossAndGradient,
    draw: Callable[[np.random.Generator], tuple[Any, ...]],
    optimiser: Optimiser,
    start: Checkpoint,
    *,
    steps: int,
    rate: Callable[[int], float] | None = None,
    progress: Callable[[Checkpoint, float], object] | None = None,
) -> Checkpoint:
    """Draw a batch, take a step; again until `steps` have been taken.

    Training from any checkpoint of a run gives bit for bit what the run gives without the stop: a step depends on the
    checkpoint before it and on nothing else.

    Args:
        loss_and_gradient: called with the parameters and a batch; returns the loss and name → gradient.
        draw: a batch, the arguments that follow the parameters, from random numbers alone.
        optimiser: `SGD`, `Adam`, or what has their methods.
        start: where to begin.
        steps: steps in all, those before `start` included.
        rate: the rate of a step from the number of steps before it, or None for the optimiser's own.
        progress: called after every step with the new checkpoint and the loss before the step. It may save the
            checkpoint; a true answer ends the training there.

    Returns:
        The last checkpoint.

    Raises:
        FloatingPointError: if the loss is no longer finite; the message says at which step.

    Examples:
        >>> def half_square(params):
        ...     return params["w"] ** 2 / 2, {"w": params["w"]}
        >>> start = mc.Checkpoint.start({"w": np.array(4.0)}, mc.SGD(rate=0.5), np.random.default_rng(0))
        >>> mc.train(half_square, lambda rng: (), mc.SGD(rate=0.5), start, steps=2).params
        {'w': array(1.)}
    """
    now, rng = start, start.rng()
    while now.step < steps:
        value, grads = loss_and_gradient(now.params, *draw(rng))
        loss = float(value)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} after {now.step} steps; a lower rate may help")
        alpha = None if rate is None else rate(now.step)
        params, state = optimiser.step(now.params, grads, now.state, rate=alpha)
        now = Checkpoint(params, state, _generator_state(rng), now.step + 1, now.config)
        if progress is not None and progress(now, loss):
            break
    return now
