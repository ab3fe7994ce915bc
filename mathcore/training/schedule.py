"""How the learning rate rises and falls."""

from __future__ import annotations

import math


def warmup_cosine(step: int, steps: int, *, peak: float, warmup: int) -> float:
    r"""The rate of a step: it climbs to its peak in a straight line and falls towards zero along a cosine.

    $$\alpha_t = \alpha\,\frac{t + 1}{w} \quad (t < w), \qquad
      \alpha_t = \frac{\alpha}{2}\left(1 + \cos\frac{\pi\,(t - w)}{n - w}\right) \quad (w \le t < n)$$

    Args:
        step: t, steps taken so far.
        steps: n, steps in all.
        peak: α.
        warmup: w, steps of the climb.

    Returns:
        The rate.

    Examples:
        >>> [mc.warmup_cosine(t, steps=8, peak=1.0, warmup=4) for t in (0, 1, 2, 3, 4, 6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]

    Source:
        Loshchilov & Hutter, arXiv:1608.03983, equation 5, without restarts.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
