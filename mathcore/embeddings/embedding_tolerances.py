r"""What rounding may do to the gradient of a table of vectors.

Notation as in `mathcore.verify.tolerances`: u the unit roundoff of the work, γ_k = ku/(1 − ku).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.tolerances import EVALUATED, over_what_is_left, stored, tolerance, work_format


@tolerance
def sum_of_occurrences(magnitude: Any, count: Any, dtype: Any) -> Any:
    r"""A sum of `count` numbers in any order, one count a row: $\gamma_{k-1} \sum_j |g_j|$.

    Each number meets at most k − 1 additions, a factor $1 + \delta$ with $|\delta| \le u$ each; additions do not
    underflow (Higham, §4.2). One number alone is passed on as it is, no number gives exactly 0. A 16-bit result is
    summed in float32 and rounded once. `magnitude` is $\sum_j |g_j|$ (rows, width).
    """
    work, magnitude = work_format(dtype), np.asarray(magnitude, np.float64)
    additions = np.maximum(np.asarray(count, np.float64) - 1, 0)[:, None]
    error = over_what_is_left(additions * work.u * magnitude, additions * work.u) * EVALUATED
    return np.where(additions > 0, stored(magnitude, error, dtype), 0.0)
