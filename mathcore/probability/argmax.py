"""The index of the highest score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating


def argmax(x: npt.ArrayLike, axis: int = -1) -> Array:
    r"""The index of the highest score; the first of equal ones. NaN counts as the highest.

    $$\operatorname{argmax}(x) = \min\,\{i : x_i \ge x_j \text{ for all } j\}$$

    Args:
        x: (..., n, ...), floats.
        axis: the axis of length n ≥ 1.

    Returns:
        The shape of x without `axis`, integers in [0, n).

    Raises:
        TypeError: if x is not floating.
        ValueError: if there is no such axis, or it is empty.

    Examples:
        >>> mc.argmax([[2.0, 5.0, 5.0], [9.0, 1.0, 0.0]])
        array([1, 0])
    """
    x = floating("x", x)
    axis = axis_index("x", x, axis)
    if x.shape[axis] == 0:
        raise ValueError(f"`x` of shape {x.shape} has no scores along axis {axis}: nothing can win")
    return np.asarray(np.argmax(x, axis=axis))
