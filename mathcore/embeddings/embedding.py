"""Rows of a table by id, one-hot vectors, and the derivative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, axis_index, floating, ids_below, quiet, rounded, working
from mathcore._scalars import number_dtype, whole
from mathcore.embeddings._common import _table

_MOST_CLASSES = 2**31 - 1  # of a one-hot vector


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
    r"""Pull a cotangent ȳ of `embedding` back to the table: the gradient of a row is the sum over its occurrences.

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
    with quiet():
        np.add.at(weight_bar, rows, working(g))  # unlike `weight_bar[rows] += g`, counts an id as often as it occurs
        return rounded(weight_bar, like=weight)


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
    num_classes = whole("num_classes", num_classes, 0, _MOST_CLASSES)
    rows = ids_below("ids", ids, num_classes).astype(np.intp, copy=False)
    kind = np.float64 if dtype is None else number_dtype("dtype", dtype)
    y = np.zeros((*rows.shape, num_classes), kind)  # (..., classes)
    np.put_along_axis(y, rows[..., None], 1, axis=-1)
    return np.moveaxis(y, -1, axis_index("one_hot(ids)", y, axis))


def _rows(ids: npt.ArrayLike, weight: Array) -> Array:
    """Ids of rows of the table, as NumPy indexes with them."""
    return ids_below("ids", ids, weight.shape[0]).astype(np.intp, copy=False)
