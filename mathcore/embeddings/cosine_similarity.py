"""The cosine of the angle between vectors, and its derivative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, able, axis_index, floating, quiet, rounded, working
from mathcore._compute.lengths import direction, is_zero, or_one, rows_along, times_power_of_two, unit_scale


def cosine_similarity(a: npt.ArrayLike, b: npt.ArrayLike, axis: int = -1) -> Array:
    r"""The cosine of the angle between two vectors: their dot product, lengths taken out.

    $$\cos(a, b) = \frac{\sum_i a_i b_i}{\lVert a\rVert\,\lVert b\rVert}$$

    A zero vector has no direction; its similarity to any finite one is 0. Both vectors are first scaled by a power of
    two, so that no length overflows or underflows.

    Args:
        a: (..., n, ...), floats.
        b: the shape of `a`, floats; nothing is broadcast.
        axis: where the vectors lie.

    Returns:
        The shape of `a` without `axis`, within [−1, 1], in the dtype NumPy promotes the inputs to: exactly 1 for
        `b` equal to `a`, finite and not zero, or to a power of two times it that loses no bit. float16 and bfloat16
        accumulate in float32. NaN where a component is infinite or NaN.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes differ or there is no such axis.

    Examples:
        >>> mc.cosine_similarity([[3.0, 4.0]], [[4.0, 3.0]])  # 24 / (5 · 5)
        array([0.96])
    """
    a, b, axis = _vectors(a, b, axis)
    with quiet():
        similarity = _cosine(unit_scale(rows_along(a, axis))[0], unit_scale(rows_along(b, axis))[0])
        return similarity.astype(np.result_type(a, b), copy=False)


def _cosine(a: Array, b: Array) -> Array:
    """The kernel of `cosine_similarity`, for vectors along the last axis: Σ aᵢbᵢ / √(Σ aᵢ² Σ bᵢ²)."""
    dot, squares_a, squares_b = ((x * y).sum(-1, keepdims=True) for x, y in ((a, b), (a, a), (b, b)))  # (..., 1)
    # One root of the product, not a product of two roots: it is exact where a and b are equal.
    cosine = (dot / or_one(np.sqrt(able(squares_a * squares_b, "sqrt"))))[..., 0]
    return cosine if cosine.dtype == object else np.clip(cosine, -1, 1)


def cosine_similarity_vjp(
    cotangent: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, axis: int = -1
) -> tuple[Array, Array]:
    r"""Pull a cotangent ȳ of `cosine_similarity` back to both vectors: it rotates a vector and never lengthens it.

    $$\bar a = \frac{\bar y}{\lVert a\rVert}
        \left(\frac{b}{\lVert b\rVert} - \cos(a, b)\,\frac{a}{\lVert a\rVert}\right), \qquad \bar b \text{ likewise}$$

    Where a vector is zero and both are finite, both cotangents are 0.

    Args:
        cotangent: the shape of `a` without `axis`, floats.
        a, b, axis: as given to `cosine_similarity`.

    Returns:
        The cotangents of a and b, each in the shape and dtype of its input. A component whose true value exceeds
        the largest number of the dtype, as at vectors near the smallest, is infinite.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit; the message gives them.

    Examples:
        >>> mc.cosine_similarity_vjp(1.0, a=[2.0, 0.0], b=[0.0, 4.0])
        (array([0. , 0.5]), array([0.25, 0.  ]))
    """
    a, b, axis = _vectors(a, b, axis)
    g = floating("cotangent", cotangent)
    expected = (*a.shape[:axis], *a.shape[axis + 1 :])
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the output {expected}, got {g.shape}")
    with quiet():
        a_bar, b_bar = _cosine_vjp(working(g)[..., None], rows_along(a, axis), rows_along(b, axis))
        return rounded(np.moveaxis(a_bar, -1, axis), like=a), rounded(np.moveaxis(b_bar, -1, axis), like=b)


def _cosine_vjp(g: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """The kernel of `cosine_similarity_vjp`, vectors along the last axis: ȳ/‖a‖ (b/‖b‖ − cos · a/‖a‖), and so for b.

    Powers of two are kept apart to the end, so that no length leaves the range of the dtype.
    """
    g, power = unit_scale(g)  # (..., 1)
    (unit_a, length_a, power_a), (unit_b, length_b, power_b) = direction(a), direction(b)
    cosine = (unit_a * unit_b).sum(-1, keepdims=True)
    g = np.where(is_zero(length_a * length_b), 0, g)
    a_bar = times_power_of_two(g * (unit_b - cosine * unit_a) / or_one(length_a), power - power_a)
    b_bar = times_power_of_two(g * (unit_a - cosine * unit_b) / or_one(length_b), power - power_b)
    return a_bar, b_bar


def _vectors(a: npt.ArrayLike, b: npt.ArrayLike, axis: int) -> tuple[Array, Array, int]:
    """Two arrays of one shape, and the axis counted from 0."""
    a, b = floating("a", a), floating("b", b)
    if a.shape != b.shape:
        raise ValueError(f"`a` and `b` must have one shape, got {a.shape} and {b.shape}")
    return a, b, axis_index("a", a, axis)
