"""A matrix as a product of two thinner ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, rounded, working
from mathcore._scalars import whole


def low_rank(weight: npt.ArrayLike, rank: int) -> tuple[Array, Array]:
    r"""Replace one matrix by two thin ones: its best approximation of a rank.

    $$W \approx LR, \qquad L = U_r \Sigma_r^{1/2}, \quad R = \Sigma_r^{1/2} V_r^\top$$

    with the r largest singular values of $W = U \Sigma V^\top$. No factors of rank r come closer, neither in the
    spectral norm nor in Frobenius norm. There is no derivative here: singular vectors have none where values meet.

    Args:
        weight: (inputs, outputs), floats.
        rank: 1 ≤ r ≤ min(inputs, outputs).

    Returns:
        L (inputs, r) and R (r, outputs), in the dtype of weight. They hold r (inputs + outputs) numbers.

    Raises:
        TypeError: if weight is not floating (LAPACK knows no objects and no long doubles), or rank not an integer.
        ValueError: if weight is not a matrix of finite numbers, or the rank is out of range.

    Examples:
        >>> left, right = mc.low_rank([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]], rank=1)
        >>> left.shape, right.shape
        ((2, 1), (1, 3))
        >>> (left @ right).round(6)
        array([[1., 2., 3.],
               [2., 4., 6.]])

    Source:
        Eckart & Young, Psychometrika 1 (1936), doi:10.1007/BF02288367.
    """
    weight = floating("weight", weight)
    if weight.ndim != 2:
        raise ValueError(f"`weight` must have shape (inputs, outputs), got {weight.shape}")
    rank = whole("rank", rank)
    if not 1 <= rank <= min(weight.shape):
        raise ValueError(
            f"`rank` must lie in [1, {min(weight.shape)}] for a weight of shape {weight.shape}, got {rank}"
        )
    if weight.dtype.kind == "O" or weight.itemsize > 8:
        raise TypeError(f"`weight` must be of at most 64 bits a number, as LAPACK takes them, got dtype {weight.dtype}")
    matrix = working(weight)
    if not np.isfinite(matrix).all():  # LAPACK would not converge on NaN, and return NaN for ∞
        raise ValueError("`weight` must be finite, got NaN or infinity")
    with quiet():
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        root = np.sqrt(s[:rank])  # (rank,)
        return rounded(u[:, :rank] * root, like=weight), rounded(root[:, None] * vt[:rank], like=weight)
