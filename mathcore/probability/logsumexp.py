"""Log-softmax, log-sum-exp, and their VJPs."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, Axes, floating, floating_as, rounded
from mathcore._compute.blocks import map_rows, thread_scratch
from mathcore._compute.reduce import apply_columnwise, row_sum
from mathcore._scalars import flag
from mathcore.probability._rows import (
    Counted,
    _cotangent_rows,
    _evaluate,
    _last,
    _max_and_rest,
    _put,
    _reduced_shape,
    _to_rows,
    _without_mask,
    _zero_masked,
)
from mathcore.probability._weighted import _log_and_sign, _log_and_sign_vjp
from mathcore.probability.softmax import _softmax


def log_softmax(
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    where: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike | None = None,
    out: Array | None = None,
) -> Array:
    r"""The logarithm of `softmax`, without computing it first.

    $$\ln p_i = (x_i - m) - \operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    A common offset of the scores costs no digits, and neither does one score that dominates.

    Args:
        x, axis, where, dtype, out: as for `softmax`.

    Returns:
        The shape and dtype of x, or `dtype`; −∞ at masked scores and in fully masked rows.

    Raises:
        TypeError, ValueError: as `softmax`.

    Examples:
        >>> mc.log_softmax(np.array([0.0, -1000.0]))
        array([    0., -1000.])
    """
    x, axis, rows = _to_rows(x, axis, where, dtype)
    return _evaluate(_log_softmax, x, axis, rows, out=out)


def _log_softmax(x: Array, out: Array) -> Array:
    m, s, _ = _max_and_rest(x, thread_scratch(x), gaps=out)
    apply_columnwise(np.subtract, out, np.log1p(s), out)
    infinite = m == np.inf
    return out if x.dtype == object or not infinite.any() else _put(np.nan, out, where=infinite)


def log_softmax_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    where: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    r"""Pull a cotangent ḡ of `log_softmax` back to the scores.

    $$\bar x_i = \bar g_i - p_i \sum_j \bar g_j$$

    Args:
        cotangent: the shape of x, floats.
        x, axis, where, dtype: as given to `log_softmax`; x floats.

    Returns:
        The shape and dtype of x; exactly zero at masked scores, whatever the cotangent holds there.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.log_softmax_vjp([1.0, 0.0], x=[2.0, 2.0])
        array([ 0.5, -0.5])
    """
    given, where = _without_mask(x, where)
    given = floating("x", given)
    x, axis, rows = _to_rows(given, axis, where, dtype)
    return rounded(_evaluate(_log_softmax_vjp, x, axis, rows, _cotangent_rows(cotangent, x, axis)), like=given)


def _log_softmax_vjp(x: Array, g: Array, out: Array) -> Array:
    p, g = _softmax(x, out), _zero_masked(x, g)
    return _put(_zero_masked(x, g - p * row_sum(g)), out)


@overload
def logsumexp(
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
    b: npt.ArrayLike | None = None,
    return_sign: Literal[False] = False,
    dtype: npt.DTypeLike | None = None,
) -> Array: ...
@overload
def logsumexp(
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
    b: npt.ArrayLike | None = None,
    return_sign: Literal[True],
    dtype: npt.DTypeLike | None = None,
) -> tuple[Array, Array]: ...
@overload
def logsumexp(
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
    b: npt.ArrayLike | None = None,
    return_sign: bool,
    dtype: npt.DTypeLike | None = None,
) -> Array | tuple[Array, Array]: ...
def logsumexp(
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
    b: npt.ArrayLike | None = None,
    return_sign: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Array | tuple[Array, Array]:
    r"""The logarithm of a sum of exponentials, a smooth maximum.

    $$\ln \sum_j e^{x_j} = m + \operatorname{log1p}(s), \qquad
      s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    With weights it is $\ln \sum_j b_j e^{x_j}$.

    Args:
        x, axis, where, dtype: as for `softmax`.
        keepdims: keep the axis with length 1.
        b: weights, floats of any sign that broadcast to the shape of x; 0 excludes a score, whatever it holds.
        return_sign: return the logarithm of the magnitude of the sum, and the sign of the sum.

    Returns:
        The shape of x without `axis`, in the dtype of x or `dtype`; −∞ for fully masked rows and for a sum of 0, +∞ for
        rows with an unmasked +∞, NaN for a negative sum. With `return_sign` a pair of such arrays: ln |S|, and −1, 0 or
        1 for the sign of S.

    Raises:
        TypeError, ValueError: as `softmax`; also for weights that are not floats or do not broadcast to x.

    Examples:
        >>> mc.logsumexp([1000.0, 1000.0])  # 1000 + ln 2
        array(1000.69314718)
        >>> mc.logsumexp([1.0, 1.0, 1.0], b=[1.0, -1.0, -1.0], return_sign=True)  # e − e − e
        (array(1.), array(-1.))

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _to_rows(x, axis, where, dtype)
    keepdims, return_sign = flag("keepdims", keepdims), flag("return_sign", return_sign)
    if b is None:
        y = map_rows(_logsumexp, np.empty((*rows.shape[:-1], 1), x.dtype), rows)
        sign = _sign(y) if return_sign else y
    else:
        both = map_rows(_log_and_sign, np.empty((*rows.shape[:-1], 2), x.dtype), rows, _weight_rows(b, x, axis))
        y, sign = np.ascontiguousarray(both[..., :1]), np.ascontiguousarray(both[..., 1:])
        if not return_sign:
            y[sign < 0] = np.nan
    shape = _reduced_shape(x, axis, keepdims)
    return (y.reshape(shape), sign.reshape(shape)) if return_sign else y.reshape(shape)


def _sign(y: Array) -> Array:
    """The sign of e^y: 1, but 0 for −∞ and NaN for NaN."""
    return np.where(np.isnan(y), y, y > -np.inf).astype(y.dtype)


def _weight_rows(b: npt.ArrayLike, x: Array, axis: Counted) -> Array:
    """Weights in the shape of x, `axis` last."""
    weights = floating("b", b)
    if object in (weights.dtype, x.dtype):
        raise TypeError("`b` and `x` must be arrays of floats if there are weights, got Python objects")
    try:
        return _last(np.broadcast_to(weights, x.shape), axis)
    except ValueError:
        raise ValueError(f"`b` must broadcast to the shape of x {x.shape}, got {weights.shape}") from None


def _logsumexp(x: Array, out: Array) -> Array:
    m, s, _ = _max_and_rest(x, thread_scratch(x))
    np.add(m, np.log1p(s), out=out)
    return out if x.dtype == object else _put(m, out, where=np.isinf(m))


def logsumexp_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    axis: Axes = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
    b: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    r"""Pull a cotangent ḡ of `logsumexp` back to the scores: its gradient is softmax.

    $$\bar x_i = \bar g\, p_i, \qquad p_i = \frac{b_i e^{x_i}}{\sum_j b_j e^{x_j}}$$

    Args:
        cotangent: the shape of `logsumexp(x, axis, keepdims=keepdims)`, floats.
        x, axis, keepdims, where, b, dtype: as given to `logsumexp`; x floats. Of a negative sum it is the gradient of
            the logarithm of its magnitude.

    Returns:
        The shape and dtype of x; exactly zero at masked scores.

    Raises:
        TypeError, ValueError: as `logsumexp`, and for a cotangent of another shape.

    Examples:
        >>> mc.logsumexp_vjp(1.0, x=np.log([1.0, 3.0]))
        array([0.25, 0.75])
    """
    given, where = _without_mask(x, where)
    given = floating("x", given)
    x, axis, rows = _to_rows(given, axis, where, dtype)
    keepdims, g = flag("keepdims", keepdims), floating_as("cotangent", cotangent, x)
    expected = _reduced_shape(x, axis, keepdims)
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the result {expected}, got {g.shape}")
    kernel, weights = (_logsumexp_vjp, ()) if b is None else (_log_and_sign_vjp, (_weight_rows(b, x, axis),))
    return rounded(_evaluate(kernel, x, axis, rows, *weights, g.reshape(*rows.shape[:-1], 1)), like=given)


def _logsumexp_vjp(x: Array, g: Array, out: Array) -> Array:
    return _put(_zero_masked(x, g * _softmax(x, out)), out)
