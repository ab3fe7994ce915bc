"""What rounding may do to stacks of layers and to their best approximations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mathcore.verify.tolerances import format_of, gamma, tolerance, work_format


@tolerance
def stacked_layers(x: Any, layers: Sequence[tuple[Any, Any]], dtype: Any) -> Any:
    r"""A stack of layers $(W, b)$, with or without ReLU between them, evaluated one after the other.

    With $m$ a bound on the magnitude of a layer's exact input and $e$ on its error, the next layer has
    $m' = m|W| + |b|$ and $e' = e|W| + \gamma_{k+1}\big((m + e)|W| + |b|\big) + k\lambda(1 + \gamma_{k+1})$: the error
    that comes in is carried through, the layer adds its own k products and one bias (`dot_product`). ReLU enlarges neither.
    Where results are stored in 16 bits every layer rounds once more, $u_{16}(m' + e') + \lambda_{16}/2$.
    """
    f, work = format_of(dtype), work_format(dtype)
    m = abs(np.asarray(x, np.float64))
    e = np.zeros_like(m)
    for weight, bias in layers:
        w, b = abs(np.asarray(weight, np.float64)), abs(np.asarray(bias, np.float64))
        g = gamma(len(w) + 1, work.u)
        e = e @ w * (1 + g) + g * (m @ w + b) + len(w) * work.smallest * (1 + g)
        m = m @ w + b
        if f is not work:
            e = e + f.u * (m + e) + f.smallest / 2
    return e * (1 + 2.0**-40)  # m and e were themselves summed in float64


@tolerance
def singular_values(weight: Any, dtype: Any) -> Any:
    r"""Anything that an SVD says of a matrix (m, n), in Frobenius norm.

    The SVD is backward stable. Bidiagonalisation applies $2k$ Householder reflections, $k = \min(m, n)$, each off by
    at most $\gamma_{6\max(m,n)}\lVert W\rVert_F$ (Higham, Lemma 19.3 with its small constant); the iteration on the
    bidiagonal applies as many again, and the product of the factors rounds k products more:
    $(4k\,\gamma_{6\max(m,n)} + 2\gamma_{k+2})\lVert W\rVert_F$. Singular values move by no more than the matrix does
    (Weyl). Factors stored in 16 bits were rounded, both: $2u_{16} + u_{16}^2$ of $\lVert L\rVert_F\lVert R\rVert_F \le k^{1/2}
    \lVert W\rVert_F$ more.
    """
    f, work = format_of(dtype), work_format(dtype)
    w = np.asarray(weight, np.float64)
    k, most = min(w.shape), max(w.shape)
    norm = float(np.sqrt((w * w).sum()))
    error = (4 * k * gamma(6 * most, work.u) + 2 * gamma(k + 2, work.u)) * norm
    return error if f is work else error + (2 * f.u + f.u**2) * np.sqrt(k) * norm
