"""The table of scores nearest to a given one among those of a lower rank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, quiet, rounded, working
from mathcore._compute.lengths import unit_scale
from mathcore._scalars import whole
from mathcore.embeddings._common import _table


def best_score_table(table: npt.ArrayLike, size: int) -> tuple[Array, Array]:
    r"""The vectors of `size` numbers whose dot products come closest to a table of scores.

    $$S \approx L R^\top, \qquad L = U_d\sqrt{\Sigma_d}, \quad R = V_d\sqrt{\Sigma_d}, \qquad
      \lVert S - L R^\top\rVert_F^2 = \sum_{i > d} \sigma_i^2$$

    Args:
        table: (words, contexts), floats.
        size: numbers in a vector. Beyond the table's smaller side, what is left is zero.

    Returns:
        The vectors of the words (words, size) and of the contexts (contexts, size), in the dtype of `table`; no
        other pair is closer to `table`, in the Frobenius or the spectral norm.

    Raises:
        TypeError: if `table` is not floating, or of objects.
        ValueError: if it is not a table of finite numbers, or `size` is negative.

    Examples:
        >>> words, contexts = mc.best_score_table([[1.0, 2.0], [2.0, 4.0]], size=1)
        >>> (words @ contexts.T).round(6)
        array([[1., 2.],
               [2., 4.]])

    Source:
        Eckart & Young (1936), doi:10.1007/BF02288367; Mirsky (1960), doi:10.1093/qmath/11.1.50.
    """
    scores = _table("table", table)
    if scores.dtype == object:
        raise TypeError("`table` must be an array of floats, got dtype object")
    size = whole("size", size, 0, 2**31 - 1)
    if scores.itemsize > 8:
        raise TypeError(f"`table` must be of at most 64 bits a number, as LAPACK takes them, got dtype {scores.dtype}")
    if not np.isfinite(scores).all():
        raise ValueError("`table` must be finite, got NaN or infinity")
    with quiet():
        scaled, power = unit_scale(working(scores).ravel())
        u, s, vt = np.linalg.svd(scaled.reshape(scores.shape), full_matrices=False)  # s falls from left to right
        root = np.ldexp(np.sqrt(np.ldexp(s[:size], power % 2)), power // 2)  # of s · 2^power, which may be out of range
        left, right = u[:, :size] * root, vt[:size].T * root  # (words, r), (contexts, r), r = min(size, len(s))
        missing = ((0, 0), (0, size - len(root)))
        return rounded(np.pad(left, missing), like=scores), rounded(np.pad(right, missing), like=scores)
