"""How the learning rate rises and falls."""

from __future__ import annotations

import math

from mathcore._scalars import real, whole


def warmup_cosine(step: int, steps: int, *, peak: float, warmup: int) -> float:
    r"""The rate of a step: it climbs to its peak in a straight line and falls towards zero along a cosine.

    $$\alpha_t = \alpha\,\frac{t + 1}{w} \quad (t < w), \qquad
      \alpha_t = \frac{\alpha}{2}\left(1 + \cos\frac{\pi\,(t - w)}{n - w}\right) \quad (w \le t < n)$$

    From the last step on, t ≥ n, it is 0.

    Args:
        step: t ≥ 0, steps taken so far.
        steps: n ≥ 0, steps in all.
        peak: α.
        warmup: w ≥ 0, steps of the climb; if it is longer than n, the peak is never reached.

    Returns:
        The rate.

    Raises:
        TypeError: if a number of steps is no integer, or the peak no real number.
        ValueError: if a number of steps is negative, or the peak not finite.

    Examples:
        >>> [mc.warmup_cosine(t, steps=8, peak=1.0, warmup=4) for t in (0, 1, 2, 3, 4, 6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]

    Source:
        Loshchilov & Hutter, arXiv:1608.03983, equation 5, without restarts.
    """
    step, steps = whole("step", step, 0), whole("steps", steps, 0)
    peak, warmup = real("peak", peak), whole("warmup", warmup, 0)
    if step >= steps:
        return 0.0
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
