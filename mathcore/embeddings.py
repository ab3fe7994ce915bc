"""Embeddings: words as vectors, and how alike two vectors are."""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating, ids_below, rounded, working


def embedding(ids: npt.ArrayLike, weight: npt.ArrayLike) -> Array:
    r"""Look up the vector of every id: what `one_hot(ids, rows) @ weight` multiplies out, without the multiplications.

    $$y_t = E_{i_t}$$

    The two agree in every bit of a finite table, but for the sign of a zero: the sum in the product makes −0 a +0.

    Args:
        ids: any shape, integers in [0, rows).
        weight: (rows, width), floats; row i is the vector of id i.

    Returns:
        (*ids.shape, width), a copy, in the dtype of `weight`.

    Raises:
        TypeError: if `ids` are not integers or `weight` is not floating.
        IndexError: if an id is negative or too large; nothing wraps around.
        ValueError: if `weight` is not a table.

    Examples:
        >>> table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        >>> mc.embedding([2, 0], table)
        array([[5., 6.],
               [1., 2.]])
    """
    weight = _table("weight", weight)
    return np.take(weight, _rows(ids, weight), axis=0)


def embedding_vjp(cotangent: npt.ArrayLike, ids: npt.ArrayLike, weight: npt.ArrayLike) -> Array:
    r"""Pull a cotangent ȳ of `embedding` back to the table: each row collects what its occurrences were sent.

    $$\bar E_i = \sum_{t\,:\,i_t = i} \bar y_t$$

    Args:
        cotangent: (*ids.shape, width), floats.
        ids, weight: as given to `embedding`.

    Returns:
        (rows, width), in the dtype of `weight`; rows of absent ids are exactly zero. float16 and bfloat16
        accumulate in float32 and are rounded once. What overflows is infinite, without a warning.

    Raises:
        TypeError: if `ids` are not integers, or another argument is not floating.
        IndexError: if an id is negative or too large.
        ValueError: if `weight` is not a table or `cotangent` has another shape than the output.

    Examples:
        >>> cotangent = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        >>> mc.embedding_vjp(cotangent, ids=[2, 0, 2], weight=np.zeros((3, 2)))
        array([[3., 4.],
               [0., 0.],
               [6., 8.]])
    """
    weight, g = _table("weight", weight), floating("cotangent", cotangent)
    rows = _rows(ids, weight)
    if g.shape != (*rows.shape, weight.shape[1]):
        expected = (*rows.shape, weight.shape[1])
        raise ValueError(f"`cotangent` must have the shape of the output {expected}, got {g.shape}")
    dtype = np.result_type(working(g), working(weight))
    weight_bar = np.zeros(weight.shape, dtype)
    with _quiet():
        np.add.at(weight_bar, rows, working(g))  # unlike `weight_bar[rows] += g`, counts an id as often as it occurs
        return rounded(weight_bar, like=weight)


def _table(name: str, x: npt.ArrayLike) -> Array:
    table = floating(name, x)
    if table.ndim != 2:
        raise ValueError(f"`{name}` must have shape (rows, width), got {table.shape}")
    return table


def _rows(ids: npt.ArrayLike, weight: Array) -> Array:
    return ids_below("ids", ids, weight.shape[0]).astype(np.intp, copy=False)


def one_hot(ids: npt.ArrayLike, num_classes: int, *, dtype: npt.DTypeLike | None = None, axis: int = -1) -> Array:
    r"""Write every id as a vector of zeros with a single one.

    $$y_{tj} = [\,j = i_t\,]$$

    Args:
        ids: any shape, integers in [0, num_classes).
        num_classes: the length of the new axis.
        dtype: of the result; float64 if None.
        axis: where the new axis stands in the result.

    Returns:
        The shape of `ids` with an axis of `num_classes` more.

    Raises:
        TypeError: if `ids` are not integers.
        IndexError: if an id is negative or too large.
        ValueError: if `num_classes` is negative or the result has no such axis.

    Examples:
        >>> mc.one_hot([2, 0], num_classes=3)
        array([[0., 0., 1.],
               [1., 0., 0.]])
    """
    if operator.index(num_classes) < 0:
        raise ValueError(f"`num_classes` must not be negative, got {num_classes}")
    rows = ids_below("ids", ids, num_classes).astype(np.intp, copy=False)
    y = np.zeros((*rows.shape, num_classes), np.float64 if dtype is None else dtype)  # (..., classes)
    np.put_along_axis(y, rows[..., None], 1, axis=-1)
    return np.moveaxis(y, -1, axis_index("one_hot(ids)", y, axis))


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
    with _quiet():
        similarity = _cosine(_unit_scale(_rows_along(a, axis))[0], _unit_scale(_rows_along(b, axis))[0])
    return similarity.astype(np.result_type(a, b), copy=False)


def cosine_similarity_vjp(
    cotangent: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, axis: int = -1
) -> tuple[Array, Array]:
    r"""Pull a cotangent ȳ of `cosine_similarity` back to both vectors: what turns them, never what lengthens them.

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
    with _quiet():
        g, power = _unit_scale(working(g)[..., None])  # (..., 1)
        (unit_a, length_a, power_a), (unit_b, length_b, power_b) = _direction(a, axis), _direction(b, axis)
        cosine = (unit_a * unit_b).sum(-1, keepdims=True)
        g = np.where(_is_zero(length_a * length_b), 0, g)
        a_bar = _times_power_of_two(g * (unit_b - cosine * unit_a) / _or_one(length_a), power - power_a)
        b_bar = _times_power_of_two(g * (unit_a - cosine * unit_b) / _or_one(length_b), power - power_b)
        return (
            rounded(np.moveaxis(a_bar, -1, axis), like=a),
            rounded(np.moveaxis(b_bar, -1, axis), like=b),
        )


def _vectors(a: npt.ArrayLike, b: npt.ArrayLike, axis: int) -> tuple[Array, Array, int]:
    a, b = floating("a", a), floating("b", b)
    if a.shape != b.shape:
        raise ValueError(f"`a` and `b` must have one shape, got {a.shape} and {b.shape}")
    return a, b, axis_index("a", a, axis)


def _rows_along(x: Array, axis: int) -> Array:
    """`x` with `axis` last and in one order in memory, so that the sums do not depend on how it came."""
    return np.ascontiguousarray(np.moveaxis(working(x), axis, -1))


def _cosine(a: Array, b: Array) -> Array:
    dot, squares_a, squares_b = ((x * y).sum(-1, keepdims=True) for x, y in ((a, b), (a, a), (b, b)))  # (..., 1)
    # One root of the product, not a product of two roots: it is exact where a and b are equal.
    cosine = (dot / _or_one(np.sqrt(squares_a * squares_b)))[..., 0]
    return cosine if cosine.dtype == object else np.clip(cosine, -1, 1)


def _direction(x: Array, axis: int) -> tuple[Array, Array, Array]:
    """Vectors, along the last axis, as direction × length × 2^power; a zero vector has direction zero."""
    scaled, power = _unit_scale(_rows_along(x, axis))
    length = np.sqrt((scaled * scaled).sum(-1, keepdims=True))
    return scaled / _or_one(length), length, power


def _unit_scale(x: Array) -> tuple[Array, Array]:
    """`x` as scaled × 2^power with the largest component of every row in [1/2, 1). Objects need no scaling."""
    if x.dtype == object:
        return x, np.array(0)
    power = np.frexp(np.abs(x).max(-1, keepdims=True, initial=0))[1]
    return np.ldexp(x, -power), power


def _times_power_of_two(x: Array, power: Array) -> Array:
    return x if x.dtype == object else np.ldexp(x, power)


def _quiet() -> np.errstate:
    """Infinite vectors have no direction, and what overflows is infinite: both are documented, neither is a warning."""
    return np.errstate(over="ignore", invalid="ignore")


def _is_zero(x: Array) -> Array:
    return np.asarray(x == 0, np.bool_)


def _or_one(x: Array) -> Array:
    """`x` as a divisor: 1 where it is zero."""
    return np.where(_is_zero(x), 1, x)


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
    if operator.index(size) < 0:
        raise ValueError(f"`size` must not be negative, got {size}")
    if not np.isfinite(scores).all():
        raise ValueError("`table` must be finite, got NaN or infinity")
    scaled, power = _unit_scale(working(scores).ravel())
    u, s, vt = np.linalg.svd(scaled.reshape(scores.shape), full_matrices=False)  # s falls from left to right
    root = np.ldexp(np.sqrt(np.ldexp(s[:size], power % 2)), power // 2)  # of s · 2^power, which may be out of range
    left, right = u[:, :size] * root, vt[:size].T * root  # (words, r), (contexts, r), r = min(size, len(s))
    missing = ((0, 0), (0, size - len(root)))
    return rounded(np.pad(left, missing), like=scores), rounded(np.pad(right, missing), like=scores)
