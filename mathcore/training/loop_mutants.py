"""Wrong training loops, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation


@mutant("train", wraps=True)
def not_a_number_goes_on(correct: Operation) -> Operation:
    """Goes on when the loss is no longer finite."""

    def wrong(loss_and_gradient: Any, *args: Any, **options: Any) -> Any:
        def hidden(*batch: Any) -> Any:
            loss, grads = loss_and_gradient(*batch)
            return np.nan_to_num(loss), grads

        return correct(hidden, *args, **options)

    return wrong


@mutant("train", wraps=True)
def one_step_more(correct: Operation) -> Operation:
    """Takes the steps asked for on top of those before."""

    def wrong(*args: Any, steps: int, **options: Any) -> Any:
        return correct(*args, steps=steps + (args[3].step > 0), **options)

    return wrong


@mutant("train", wraps=True)
def draws_anew(correct: Operation) -> Operation:
    """Draws its batches from the beginning again after a stop."""

    def wrong(loss_and_gradient: Any, draw: Any, optimiser: Any, start: Any, **options: Any) -> Any:
        fresh = type(start)(
            start.params, start.state, np.random.default_rng(7).bit_generator.state, start.step, start.config
        )
        return correct(loss_and_gradient, draw, optimiser, fresh, **options)

    return wrong
