"""What rounding may do to a confidence interval."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from mathcore.verify.tolerances import gamma, tolerance


@tolerance
def wilson_rounding(successes: int, trials: int, confidence: float) -> Any:
    r"""Both ends of the Wilson interval $\frac{(k + z^2/2) \mp \sqrt{z^2(k(n - k)/n + z^2/4)}}{n + z^2}$.

    z is off by $\delta_z = 2^{-54} / \varphi(z) + 8uz$: half a unit in the last place of $(1 + \text{confidence})/2$, a
    number below 1, moved through the quantile's slope $1/\varphi(z)$, and the quantile's own error (Wichura's AS 241
    claims 16 digits; 8u is four times that). With $m = k(n - k)/n$ and $r = (m + z^2/2)/\sqrt{m + z^2/4}$ an end q
    moves with z by at most $(z + r + 2zq)/(n + z^2) \le (3z + r)/(n + z^2)$. Given z, the numerator is the difference
    of $a = k + z^2/2$ and $b = z\sqrt{m + z^2/4}$, each the result of at most 6 roundings; the difference, the
    denominator and the division are 4 more: $\gamma_{10}(a + b)/(n + z^2)$.
    """
    k, n, normal = successes, trials, NormalDist()
    z = normal.inv_cdf((1 + confidence) / 2)
    u = 2.0**-53
    moved = (2.0**-54 / normal.pdf(z) + 8 * u * z) * (1 + 2.0**-20)
    m, total = k * (n - k) / n, n + z * z
    slope = (3 * z + (m + z * z / 2) / np.sqrt(m + z * z / 4)) / total
    rounded = gamma(10, u) * (k + z * z / 2 + z * np.sqrt(m + z * z / 4)) / total
    return moved * slope + rounded
