"""What rounding may do to the gradient of a group normalisation by its weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.normalisation.layer_norm_tolerances import standardised
from mathcore.verify.tolerances import gamma, stored, tolerance, work_format


@tolerance
def group_norm_weight_vjp_rounding(g: Any, x: Any, groups: int, dtype: Any, epsilon: float = 1e-5) -> Any:
    r"""$\bar w_c = \sum z_i g_i$ over the m numbers of a channel in the batch.

    A group is a row of layer norm, whose bound Δ for z holds: $\sum(\Delta_i|g_i| + \gamma_{m+1}(|z_i| + \Delta_i)|g_i|
    + \lambda)$.
    """
    work = work_format(dtype)
    g, x = (np.asarray(a, np.float64) for a in (g, x))
    over = (0, *range(2, x.ndim))
    if not x.size:
        return np.zeros(x.shape[1])
    rows = standardised(x.reshape(len(x), groups, -1), work, epsilon)
    z, off = rows.z.reshape(x.shape), np.broadcast_to(rows.off, rows.z.shape).reshape(x.shape)
    m = x.size // x.shape[1]
    error = off * abs(g) + gamma(m + 1, work.u) * (abs(z) + off) * abs(g) + work.smallest
    return stored((z * g).sum(over), error.sum(over), dtype)
