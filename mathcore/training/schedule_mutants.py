"""Wrong schedules of the learning rate, on purpose."""

from __future__ import annotations

import math

from mathcore.verify.claims import mutant


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
