"""Wrong steps of optimisers, on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation


# Steps.
@mutant("sgd_step")
def step_uphill(params: Any, grads: Any, *, rate: float) -> Any:
    """Adds the gradient."""
    return {**params, **{n: (params[n] + rate * g).astype(params[n].dtype) for n, g in grads.items()}}


@mutant("sgd_step")
def no_step(params: Any, grads: Any, *, rate: float) -> Any:
    """Returns the parameters as they were."""
    return dict(params)


@mutant("sgd_step")
def vectors_stay(params: Any, grads: Any, *, rate: float) -> Any:
    """Moves the first parameter that it is given never, all others as it should."""
    first = next(iter(params))
    moved = {n: (params[n] - rate * g).astype(params[n].dtype) for n, g in grads.items() if n != first}
    return {**params, **moved}


@mutant("sgd_step", wraps=True)
def step_doubled(correct: Operation) -> Operation:
    """Takes the step twice."""
    return lambda params, grads, *, rate: correct(params, grads, rate=2 * rate)


@mutant("sgd_step", wraps=True)
def step_halved(correct: Operation) -> Operation:
    """Takes half of the step."""
    return lambda params, grads, *, rate: correct(params, grads, rate=rate / 2)


@mutant("sgd_step", wraps=True)
def decays(correct: Operation) -> Operation:
    """Shrinks every parameter a little at each step, whether it has a gradient or not."""

    def wrong(params: Any, grads: Any, *, rate: float) -> Any:
        return {n: (p * (1 - 2.0**-10)).astype(p.dtype) for n, p in correct(params, grads, rate=rate).items()}

    return wrong


@mutant("sgd_step")
def of_unit_length(params: Any, grads: Any, *, rate: float) -> Any:
    """Divides the gradient by its length, so that the last steps are as long as the first."""
    out = dict(params)
    for n, g in grads.items():
        length = math.sqrt(float((np.asarray(g, np.float64) ** 2).sum()))
        out[n] = (params[n] - rate * g / (length or 1.0)).astype(params[n].dtype)
    return out


@mutant("sgd_step", wraps=True)
def stops_at_a_thousand(correct: Operation) -> Operation:
    """Moves the first thousand numbers of a parameter."""

    def wrong(params: Any, grads: Any, *, rate: float) -> Any:
        after = correct(params, grads, rate=rate)
        for n in grads:
            index = np.arange(np.size(params[n])).reshape(np.shape(params[n]))
            after[n] = np.where(index < 1000, after[n], params[n])
        return after

    return wrong


@mutant("sgd_step", wraps=True)
def strangers_ignored(correct: Operation) -> Operation:
    """Ignores gradients that belong to no parameter or have another shape."""

    def wrong(params: Any, grads: Any, *, rate: float) -> Any:
        fit = {n: g for n, g in grads.items() if n in params and np.shape(g) == np.shape(params[n])}
        return correct(params, fit, rate=rate)

    return wrong


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
