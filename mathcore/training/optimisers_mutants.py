"""Wrong optimisers and schedules, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.training.learning_mutants import Operation
from mathcore.verify.claims import mutant


# Adam and the rate.
def plain_adam(
    *,
    correct_mean: bool = True,
    correct_square: bool = True,
    count: int = 0,
    inside: bool = False,
    square: Callable[[Any], Any] = lambda g: g * g,
    root: Callable[[Any], Any] = np.sqrt,
    swapped: bool = False,
    sign: int = -1,
) -> Operation:
    """Adam with one thing changed."""

    def step(
        params: Any, grads: Any, state: Any, *, rate: Any, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: Any = 1e-8,
        decay: Any = 0,
    ) -> Any:  # fmt: skip
        if swapped:
            beta1, beta2 = beta2, beta1
        t = int(state["t"]) + 1
        new, after = dict(params), {**state, "t": np.array(t)}
        for n, g in grads.items():
            m = beta1 * state[f"m/{n}"] + (1 - beta1) * g
            v = beta2 * state[f"v/{n}"] + (1 - beta2) * square(g)
            power = t + count
            mean = m / (1 - beta1**power) if correct_mean else m
            mean_square = v / (1 - beta2**power) if correct_square else v
            below = root(mean_square + epsilon) if inside else root(mean_square) + epsilon
            new[n] = (params[n] + sign * rate * (mean / below + decay * params[n])).astype(params[n].dtype)
            after[f"m/{n}"], after[f"v/{n}"] = m, v
        return new, after

    return step


@mutant("adam_step")
def mean_uncorrected(*args: Any, **options: Any) -> Any:
    """Leaves the average gradient biased towards its start at 0."""
    return plain_adam(correct_mean=False)(*args, **options)


@mutant("adam_step")
def square_uncorrected(*args: Any, **options: Any) -> Any:
    """Leaves the average square biased towards its start at 0."""
    return plain_adam(correct_square=False)(*args, **options)


@mutant("adam_step")
def counts_from_two(*args: Any, **options: Any) -> Any:
    """Takes the first step for the second when it corrects the bias."""
    return plain_adam(count=1)(*args, **options)


@mutant("adam_step")
def epsilon_under_the_root(*args: Any, **options: Any) -> Any:
    """Adds ε before taking the root."""
    return plain_adam(inside=True)(*args, **options)


@mutant("adam_step")
def magnitudes_averaged(*args: Any, **options: Any) -> Any:
    """Averages magnitudes where it should average squares."""
    return plain_adam(square=abs)(*args, **options)


@mutant("adam_step")
def no_root(*args: Any, **options: Any) -> Any:
    """Divides by the average square itself."""
    return plain_adam(root=lambda v: v)(*args, **options)


@mutant("adam_step")
def betas_exchanged(*args: Any, **options: Any) -> Any:
    """Uses each β where the other belongs."""
    return plain_adam(swapped=True)(*args, **options)


@mutant("adam_step")
def adam_uphill(*args: Any, **options: Any) -> Any:
    """Adds where it should subtract."""
    return plain_adam(sign=1)(*args, **options)


@mutant("adam_step", wraps=True)
def forgets_its_state(correct: Operation) -> Operation:
    """Starts its averages anew at every step."""

    def wrong(params: Any, grads: Any, state: Any, **options: Any) -> Any:
        fresh = {n: s * 0 for n, s in state.items()}
        return correct(params, grads, fresh, **options)

    return wrong


@mutant("adam_step")
def vectors_decay_too(*args: Any, **options: Any) -> Any:
    """Shrinks arrays of one axis as well."""
    return plain_adam()(*args, **options)


@mutant("adam_step", wraps=True)
def decay_into_the_gradient(correct: Operation) -> Operation:
    """Adds the decay to the gradient, where the averages take it in."""

    def wrong(params: Any, grads: Any, state: Any, *, decay: Any = 0.0, **options: Any) -> Any:
        return correct(params, {n: g + decay * params[n] for n, g in grads.items()}, state, **options)

    return wrong


@mutant("adam_step", wraps=True)
def decays_without_the_rate(correct: Operation) -> Operation:
    """Multiplies the decay by nothing else: θ loses λθ a step, whatever α."""

    def wrong(params: Any, grads: Any, state: Any, *, rate: Any, decay: Any = 0.0, **options: Any) -> Any:
        new, after = correct(params, grads, state, rate=rate, **options)
        return {n: p - decay * params[n] if n in grads and p.ndim > 1 else p for n, p in new.items()}, after

    return wrong


@mutant("adam_step", wraps=True)
def decays_always(correct: Operation) -> Operation:
    """Shrinks matrices that have no gradient, too."""

    def wrong(params: Any, grads: Any, state: Any, *, rate: Any, decay: Any = 0.0, **options: Any) -> Any:
        new, after = correct(params, grads, state, rate=rate, decay=decay, **options)
        return {n: p if n in grads or p.ndim < 2 else p - rate * decay * p for n, p in new.items()}, after

    return wrong


@mutant("adam_step", wraps=True)
def momentum_without_a_gradient(correct: Operation) -> Operation:
    """Takes no gradient for a gradient of zeros: the averages move the parameter on."""

    def wrong(params: Any, grads: Any, state: Any, **options: Any) -> Any:
        return correct(params, {n: grads.get(n, p * 0) for n, p in params.items()}, state, **options)

    return wrong


@mutant("adam_step", wraps=True)
def counts_each_parameter(correct: Operation) -> Operation:
    """Raises its count of steps once for every parameter."""

    def wrong(params: Any, grads: Any, state: Any, **options: Any) -> Any:
        new, after = dict(params), dict(state)
        for n, g in grads.items():
            moved, after = correct(params, {n: g}, after, **options)
            new[n] = moved[n]
        return new, after

    return wrong


class Instead:
    """An optimiser that steps as `step` says, and else is like another."""

    def __init__(self, like: Any, step: Operation) -> None:
        self.init, self.step = like.init, step


@mutant("Adam", wraps=True)
def options_forgotten(correct: Operation) -> Operation:
    """Keeps its rate and forgets all other options."""
    return lambda rate, *_: correct(rate)


@mutant("Adam", wraps=True)
def own_rate_alone(correct: Operation) -> Operation:
    """Takes its own rate, whatever rate a step is given."""

    def wrong(*options: Any) -> Any:
        made = correct(*options)
        return Instead(made, lambda params, grads, state, **_: made.step(params, grads, state))

    return wrong


@mutant("SGD", wraps=True)
def given_rate_ignored(correct: Operation) -> Operation:
    """Takes its own rate, whatever rate a step is given."""

    def wrong(own: float) -> Any:
        made = correct(own)
        return Instead(made, lambda params, grads, state, **_: made.step(params, grads, state))

    return wrong


@mutant("warmup_cosine")
def last_step_at_zero(step: int, steps: int, *, peak: float, warmup: int) -> float:
    """Reaches zero one step early, and wastes the last step."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak / 2 * (1 + math.cos(math.pi * min((step - warmup) / max(steps - warmup - 1, 1), 1)))


@mutant("warmup_cosine")
def no_warmup(step: int, steps: int, *, peak: float, warmup: int) -> float:
    """Begins at the peak."""
    return peak / 2 * (1 + math.cos(math.pi * max(step - warmup, 0) / (steps - warmup)))


@mutant("warmup_cosine")
def falls_in_a_line(step: int, steps: int, *, peak: float, warmup: int) -> float:
    """Falls along a straight line."""
    return peak * (step + 1) / warmup if step < warmup else peak * (steps - step) / (steps - warmup)


@mutant("warmup_cosine")
def warmup_not_subtracted(step: int, steps: int, *, peak: float, warmup: int) -> float:
    """Measures the fall from the first step on and not from the peak."""
    return peak * (step + 1) / warmup if step < warmup else peak / 2 * (1 + math.cos(math.pi * step / steps))


@mutant("warmup_cosine")
def starts_at_nothing(step: int, steps: int, *, peak: float, warmup: int) -> float:
    """Wastes the first step on a rate of zero."""
    return peak * step / warmup if step < warmup else peak / 2 * (
        1 + math.cos(math.pi * (step - warmup) / (steps - warmup))
    )  # fmt: skip
