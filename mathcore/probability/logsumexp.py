"""Log-softmax, log-sum-exp, and their VJPs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating
from mathcore._compute.blocks import map_rows, thread_scratch
from mathcore._compute.reduce import apply_columnwise, row_sum
from mathcore.probability._rows import _cotangent_rows, _evaluate, _max_and_rest, _put, _to_rows, _zero_masked
from mathcore.probability.softmax import _softmax


def log_softmax(
    x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None, out: Array | None = None
) -> Array:
    r"""The logarithm of `softmax`, without computing it first.

    $$\ln p_i = (x_i - m) - \operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    A common offset of the scores costs no digits, and neither does one score that dominates.

    Args:
        x, axis, where, out: as for `softmax`.

    Returns:
        The shape and dtype of x; −∞ at masked scores and in fully masked rows.

    Raises:
        TypeError, ValueError: as `softmax`.

    Examples:
        >>> mc.log_softmax(np.array([0.0, -1000.0]))
        array([    0., -1000.])
    """
    x, axis, rows = _to_rows(x, axis, where)
    return _evaluate(_log_softmax, x, axis, rows, out=out)


def _log_softmax(x: Array, out: Array) -> Array:
    m, s, _ = _max_and_rest(x, thread_scratch(x), gaps=out)
    apply_columnwise(np.subtract, out, np.log1p(s), out)
    infinite = m == np.inf
    return out if x.dtype == object or not infinite.any() else _put(np.nan, out, where=infinite)


def log_softmax_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, axis: int = -1, *, where: npt.ArrayLike | None = None
) -> Array:
    r"""Pull a cotangent ḡ of `log_softmax` back to the scores.

    $$\bar x_i = \bar g_i - p_i \sum_j \bar g_j$$

    Args:
        cotangent: the shape of x, floats.
        x, axis, where: as given to `log_softmax`.

    Returns:
        The shape and dtype of x; exactly zero at masked scores, whatever the cotangent holds there.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.log_softmax_vjp([1.0, 0.0], x=[2.0, 2.0])
        array([ 0.5, -0.5])
    """
    x, axis, rows = _to_rows(x, axis, where)
    return _evaluate(_log_softmax_vjp, x, axis, rows, _cotangent_rows(cotangent, x, axis))


def _log_softmax_vjp(x: Array, g: Array, out: Array) -> Array:
    p, g = _softmax(x, out), _zero_masked(x, g)
    return _put(_zero_masked(x, g - p * row_sum(g)), out)


def logsumexp(x: npt.ArrayLike, axis: int = -1, *, keepdims: bool = False, where: npt.ArrayLike | None = None) -> Array:
    r"""The logarithm of a sum of exponentials, a smooth maximum.

    $$\ln \sum_j e^{x_j} = m + \operatorname{log1p}(s), \qquad
      s = \sum_{j \ne k} e^{x_j - m}, \quad m = x_k = \max_j x_j$$

    Args:
        x, axis, where: as for `softmax`.
        keepdims: keep the axis with length 1.

    Returns:
        The shape of x without `axis`, in the dtype of x; −∞ for fully masked rows, +∞ for rows with an unmasked +∞.

    Raises:
        TypeError, ValueError: as `softmax`.

    Examples:
        >>> mc.logsumexp([1000.0, 1000.0])  # 1000 + ln 2
        array(1000.69314718)

    Source:
        Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038.
    """
    x, axis, rows = _to_rows(x, axis, where)
    y = np.empty((*rows.shape[:-1], 1), x.dtype)
    map_rows(_logsumexp, y, rows)
    return y.reshape((*x.shape[:axis], *(1,) * keepdims, *x.shape[axis + 1 :]))


def _logsumexp(x: Array, out: Array) -> Array:
    m, s, _ = _max_and_rest(x, thread_scratch(x))
    np.add(m, np.log1p(s), out=out)
    return out if x.dtype == object else _put(m, out, where=np.isinf(m))


def logsumexp_vjp(
    cotangent: npt.ArrayLike,
    x: npt.ArrayLike,
    axis: int = -1,
    *,
    keepdims: bool = False,
    where: npt.ArrayLike | None = None,
) -> Array:
    r"""Pull a cotangent ḡ of `logsumexp` back to the scores: its gradient is softmax.

    $$\bar x_i = \bar g\, p_i$$

    Args:
        cotangent: the shape of `logsumexp(x, axis, keepdims=keepdims)`, floats.
        x, axis, keepdims, where: as given to `logsumexp`.

    Returns:
        The shape and dtype of x; exactly zero at masked scores.

    Raises:
        TypeError, ValueError: as `softmax`, and for a cotangent of another shape.

    Examples:
        >>> mc.logsumexp_vjp(1.0, x=np.log([1.0, 3.0]))
        array([0.25, 0.75])
    """
    x, axis, rows = _to_rows(x, axis, where)
    g = floating("cotangent", cotangent)
    kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    expected = kept if keepdims else x.shape[:axis] + x.shape[axis + 1 :]
    if g.shape != expected:
        raise ValueError(f"`cotangent` must have the shape of the result {expected}, got {g.shape}")
    return _evaluate(_logsumexp_vjp, x, axis, rows, np.moveaxis(g.reshape(kept), axis, -1))  # (..., 1)


def _logsumexp_vjp(x: Array, g: Array, out: Array) -> Array:
    return _put(_zero_masked(x, g * _softmax(x, out)), out)
