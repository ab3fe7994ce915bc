"""What rounding may do to stacks of layers, one after the other or multiplied out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from mathcore.verify.tolerances import EVALUATED, format_of, gamma, tolerance, work_format

Layers: TypeAlias = Sequence[tuple[Any, Any]]
Bounds: TypeAlias = tuple[Any, Any]
"""Bounds, number by number, on magnitudes and on errors."""


def _through(bounds: Bounds, weight: Bounds, bias: Bounds, dtype: Any) -> Bounds:
    """One layer, derived at `stacked_layers` and `merged_layers`; what comes in, weights and bias may all be off."""
    f, work = format_of(dtype), work_format(dtype)
    (m, e), (w, dw), (b, db) = bounds, weight, bias
    k = len(w)
    g = gamma(k + 1, work.u)
    carried = e @ w + (m + e) @ dw + db
    error = carried + g * (m @ w + b + carried) + k * work.smallest * (1 + g)
    if f is not work:
        error = error + f.u * (m @ w + b + error) + f.smallest / 2
    return m @ w + b, error


def _given(x: Any) -> Bounds:
    """Numbers that are known exactly."""
    m = abs(np.asarray(x, np.float64))
    return m, np.zeros_like(m)


@tolerance
def stacked_layers(x: Any, layers: Layers, dtype: Any) -> Any:
    r"""A stack of layers $(W, b)$, with or without ReLU between them, evaluated one after the other.

    With $m$ a bound on the magnitude of a layer's exact input and $e$ on its error, the next layer has
    $m' = m|W| + |b|$ and
    $$e' = e|W| + \gamma_{k+1}\big((m + e)|W| + |b|\big) + k\lambda(1 + \gamma_{k+1})$$
    The error that comes in is carried through, the layer adds that of its own k products and one bias (`dot_product`).
    ReLU enlarges neither. Where results are stored in 16 bits, every layer rounds once more:
    $u_{16}(m' + e') + \lambda_{16}/2$.
    """
    bounds = _given(x)
    for weight, bias in layers:
        bounds = _through(bounds, _given(weight), _given(bias), dtype)
    return bounds[1] * EVALUATED


@tolerance
def merged_layers(x: Any, layers: Layers, dtype: Any) -> Any:
    r"""A stack of layers multiplied out, $W = W_1 W_2 \cdots$ and $b = (\cdots(b_1 W_2 + b_2)\cdots)$, then used.

    The rows of $W_1$ and the row $b_1$ go through the later layers, so $\Delta W$ and $\Delta b$ are bounded as in
    `stacked_layers`. Using the result adds
    $$|x|\,\Delta W + \Delta b + \gamma_{k+1}\big(|x|(|W| + \Delta W) + |b| + \Delta b\big)
      + k\lambda(1 + \gamma_{k+1})$$
    and the last rounding of results in 16 bits.
    """
    (first, shift), rest = layers[0], layers[1:]
    weight, bias = _given(first), _given(np.asarray(shift)[None])
    for w, b in rest:
        weight = _through(weight, _given(w), _given(np.zeros(np.shape(w)[1])), dtype)
        bias = _through(bias, _given(w), _given(b), dtype)
    return _through(_given(x), weight, (bias[0][0], bias[1][0]), dtype)[1] * EVALUATED
