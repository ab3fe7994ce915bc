r"""What rounding may do to several heads: projections that are off go into attention, and what comes out is mixed.

Notation as in `mathcore.attention_tolerances`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.attention.dot_product_tolerances import Scores, head_errors, projected
from mathcore.positions.positions_tolerances import angle_error
from mathcore.verify.tolerances import gamma, tolerance, work_format


def projection_error(x: Any, weight: Any, dtype: Any) -> Any:
    """What a projection x @ W is off by before it is stored: γ_n of the sum of its n magnitudes, and nλ."""
    work, n = work_format(dtype), x.shape[-1]
    return gamma(n, work.u) * (abs(x) @ abs(weight)) + n * work.smallest


def rotation_error(x: Any, error: Any, places: Any, base: Any, dtype: Any, angles: str) -> Any:
    """What queries or keys are off by after their rotation: derived at `heads_rounding`."""
    work, half = work_format(dtype), x.shape[-1] // 2
    tau = (2 * work.trig + 1) * work.u + angle_error(places, 2 * half, base, angles) + work.smallest
    carried, size = (a[..., :half] + a[..., half:] for a in (error, abs(x)))
    rotated = carried + (size + carried) * (tau + gamma(2, work.u) * (1 + tau)) + 2 * work.smallest
    return np.concatenate([rotated, rotated], -1)


@tolerance
def heads_rounding(of: Scores, heads: Any, weight: Any, dtype: Any) -> Any:
    r"""Multi-head attention: `heads` is the true $[\mathrm{head}_1, \dots, \mathrm{head}_H]$, `of` their scores.

    A projection of n features is off by $e = \gamma_n|x||W| + n\lambda$. Turned by RoPE, a pair (a, b) carries
    $e_a + e_b$ along, and adds $(|a| + e_a + |b| + e_b)(\tau + \gamma_2(1 + \tau)) + 2\lambda$ with
    $\tau = (2E + 1)u + \delta$ for cosine and sine. Queries, keys and values that are off by so much move scores and
    mixes as `attention_rounding` says (`of.moved`), and $W^O$ carries the errors of the heads on (`projected`).
    """
    errors = head_errors(of, dtype)
    merged = np.swapaxes(errors, -2, -3).reshape(heads.shape)
    return projected(heads, merged, weight, dtype).values
