"""Nets of layers with ReLU between them, and what they can represent.

Every net here is a sequence of (weight, bias) pairs. The nets that are built by hand hold whole numbers; asked for
`dtype=object` they hold Python integers, which keep Fractions exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, quiet, working
from mathcore._scalars import number_dtype, whole
from mathcore.layers.linear import linear, linear_vjp
from mathcore.layers.relu import relu, relu_vjp

_LARGEST = 2**6  # pixels a side: the weights of larger ones fill the memory

Layers: TypeAlias = Sequence[tuple[Array, Array]]


def relu_net(x: npt.ArrayLike, layers: Layers) -> Array:
    r"""A net: layers with ReLU between them, and none after the last.

    $$f(x) = \operatorname{relu}(\dots \operatorname{relu}(xW_1 + b_1) \dots)\,W_k + b_k$$

    Args:
        x: (..., inputs), floats.
        layers: k ≥ 1 pairs of weight (inputs, outputs) and bias (outputs,), floats, each fitting the one before.

    Returns:
        (..., outputs of the last layer), in the dtype NumPy promotes the arrays to.

    Raises:
        TypeError: if an array is not floating.
        ValueError: if there is no layer, or the shapes do not touch.

    Examples:
        >>> layers = (np.array([[2.0]]), np.array([-1.0])), (np.array([[3.0]]), np.array([0.5]))
        >>> mc.course.relu_net([[2.0], [0.0]], layers)
        array([[9.5],
               [0.5]])
    """
    return linear(_hidden(x, layers)[-1], *layers[-1])


def _hidden(x: npt.ArrayLike, layers: Layers) -> list[Array]:
    """What every layer is given."""
    _check_layers(layers)
    if not len(layers):
        raise ValueError("`layers` must hold at least one pair of weight and bias, got none")
    inputs = [floating("x", x)]
    for weight, bias in layers[:-1]:
        inputs.append(relu(linear(inputs[-1], weight, bias)))
    return inputs


def _check_layers(layers: Any) -> None:
    if not isinstance(layers, (tuple, list)) or not all(isinstance(x, (tuple, list)) and len(x) == 2 for x in layers):
        raise TypeError(f"`layers` must be a sequence of pairs of weight and bias, got {type(layers).__name__}")


def relu_net_vjp(
    cotangent: npt.ArrayLike, x: npt.ArrayLike, layers: Layers
) -> tuple[Array, tuple[tuple[Array, Array], ...]]:
    r"""Pull a cotangent of `relu_net` back to its inputs, layer by layer from the last.

    $$\bar h_k = \bar y, \qquad \bar h_{i-1} = \bigl(\bar h_i W_i^\top\bigr)\,[h_{i-1} > 0]$$

    Args:
        cotangent: (..., outputs), floats, the shape of `relu_net(x, layers)`.
        x, layers: as given to `relu_net`.

    Returns:
        The cotangent of x, and of every layer a pair for its weight and its bias, each in the dtype of its input.

    Raises:
        TypeError, ValueError: as `relu_net`, and for a cotangent of another shape.

    Examples:
        >>> layers = (np.array([[2.0]]), np.array([-1.0])), (np.array([[3.0]]), np.array([0.5]))
        >>> x_bar, layer_bars = mc.course.relu_net_vjp([1.0], [2.0], layers)
        >>> x_bar
        array([6.])
    """
    inputs, g = _hidden(x, layers), floating("cotangent", cotangent)
    slopes: list[tuple[Array, Array]] = []
    for i in reversed(range(len(layers))):
        # A hidden value is positive exactly where what ReLU was given is, so it can stand in for that.
        g, weight_bar, bias_bar = linear_vjp(g, inputs[i], *layers[i])
        g = relu_vjp(g, inputs[i]) if i else g
        slopes.insert(0, (weight_bar, bias_bar))
    return g, tuple(slopes)


def interpolating_net(knots: npt.ArrayLike, values: npt.ArrayLike) -> tuple[tuple[Array, Array], ...]:
    r"""One hidden layer that draws straight lines from point to point.

    $$f(x) = v_0 + \sum_{i=0}^{n-2} (s_i - s_{i-1}) \operatorname{relu}(x - t_i), \qquad
      s_i = \frac{v_{i+1} - v_i}{t_{i+1} - t_i}, \quad s_{-1} = 0$$

    Left of the first knot it is $v_0$, right of the last it goes straight on.

    Args:
        knots: (n,), floats, ascending, n ≥ 2.
        values: (n,), floats.

    Returns:
        Two layers for `relu_net` on inputs (..., 1), with n − 1 hidden units, in the dtype NumPy promotes the two to.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit or the knots do not ascend.

    Examples:
        >>> net = mc.course.interpolating_net(knots=[0.0, 1.0, 2.0], values=[0.0, 4.0, 0.0])
        >>> mc.course.relu_net([[0.5], [1.0], [1.25]], net)
        array([[2.],
               [4.],
               [3.]])
    """
    t, v = floating("knots", knots), floating("values", values)
    if t.ndim != 1 or t.shape != v.shape or len(t) < 2:
        raise ValueError(f"`knots` and `values` must have one shape (n,), n ≥ 2, got {t.shape} and {v.shape}")
    _check_ascending("knots", t)
    with quiet():
        result = np.result_type(t, v)
        t, v = working(t), working(v)
        slopes = (v[1:] - v[:-1]) / (t[1:] - t[:-1])  # (n − 1,)
        bends = slopes.copy()
        bends[1:] -= slopes[:-1]
        layers = (np.ones_like(t[None, :-1]), -t[:-1]), (bends[:, None], v[:1])
        return tuple((weight.astype(result), bias.astype(result)) for weight, bias in layers)


def _check_ascending(name: str, x: Array) -> None:
    if not np.all(x[1:] > x[:-1]):
        raise ValueError(f"`{name}` must ascend, each above the one before")


def xor_net(dtype: npt.DTypeLike = np.float64) -> tuple[tuple[Array, Array], ...]:
    r"""Two hidden units that compute "one or the other, but not both".

    $$f(a, b) = \operatorname{relu}(a + b) - 2 \operatorname{relu}(a + b - 1)$$

    Args:
        dtype: of the layers.

    Returns:
        Two layers for `relu_net` on inputs (..., 2) of zeros and ones; the output (..., 1) is 0 or 1 exactly.

    Examples:
        >>> mc.course.relu_net([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], mc.course.xor_net()).ravel()
        array([0., 1., 1., 0.])

    Source:
        Goodfellow, Bengio & Courville, Deep Learning (2016), §6.1.
    """
    return _layer([[1, 1], [1, 1]], [0, -1], dtype), _layer([[1], [-2]], [0], dtype)


def _layer(weight: Any, bias: Any, dtype: npt.DTypeLike) -> tuple[Array, Array]:
    kind = number_dtype("dtype", dtype)
    return np.array(weight, dtype=kind), np.array(bias, dtype=kind)


def line_net(size: int = 2, dtype: npt.DTypeLike = np.float64) -> tuple[tuple[Array, Array], ...]:
    """Recognise an image in which some row is a full line: line detectors, and a layer that asks for any of them.

    Args:
        size: of the square image, in pixels a side.
        dtype: of the layers.

    Returns:
        Layers for `relu_net` on inputs (..., size²) of zeros and ones, row by row; the output (..., 1) is 0 or 1
        exactly.

    Raises:
        ValueError: if size is below 1.

    Examples:
        >>> mc.course.relu_net([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]], mc.course.line_net(2)).ravel()
        array([1., 0.])
    """
    return _any_of(_groups(size, columns=False), size * size, dtype)


def _groups(size: int, *, columns: bool) -> Array:
    """Which pixels make a line: the rows of an image, and its columns."""
    size = whole("size", size, 1, _LARGEST)
    rows = np.arange(size * size).reshape(size, size)
    return np.concatenate([rows, rows.T]) if columns else rows


def _all_of(groups: Array, inputs: int, dtype: npt.DTypeLike) -> tuple[Array, Array]:
    """A detector for each group of inputs (detectors, k): after ReLU it is 1 if all k are 1, else 0."""
    weight = np.zeros((inputs, len(groups)), int)
    weight[groups, np.arange(len(groups))[:, None]] = 1
    return _layer(weight, [1 - groups.shape[1]] * len(groups), dtype)


def _any_of(groups: Array, inputs: int, dtype: npt.DTypeLike) -> tuple[tuple[Array, Array], ...]:
    """Detectors of groups, and 1 if any of them fires: relu(s) − relu(s − 1) of their sum s."""
    total = _layer([[1, 1]] * len(groups), [0, -1], dtype)
    return _all_of(groups, inputs, dtype), total, _layer([[1], [-1]], [0], dtype)


def pattern_net(size: int, dtype: npt.DTypeLike = np.float64) -> tuple[tuple[Array, Array], ...]:
    """Recognise an image in which some row or some column is a full line.

    Args:
        size, dtype: as given to `line_net`.

    Returns:
        Layers as those of `line_net`.

    Raises:
        ValueError: if size is below 1.

    Examples:
        >>> mc.course.relu_net([[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]], mc.course.pattern_net(2)).ravel()
        array([1., 0.])
    """
    return _any_of(_groups(size, columns=True), size * size, dtype)


def square_net(size: int, dtype: npt.DTypeLike = np.float64) -> tuple[tuple[Array, Array], ...]:
    """Recognise a full square of 2 × 2 pixels anywhere: short lines first, then lines above each other, then any.

    Args:
        size: of the square image, at least 2 pixels a side.
        dtype: of the layers.

    Returns:
        Layers for `relu_net` on inputs (..., size²) of zeros and ones, row by row; the output (..., 1) is 0 or 1
        exactly.

    Raises:
        ValueError: if size is below 2.

    Examples:
        >>> mc.course.relu_net([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]], mc.course.square_net(2)).ravel()
        array([1., 0.])
    """
    size = whole("size", size, 2, _LARGEST)
    pixels = np.arange(size * size).reshape(size, size)
    bars = np.stack([pixels[:, :-1], pixels[:, 1:]], -1).reshape(-1, 2)  # (size · (size − 1), 2)
    names = np.arange(len(bars)).reshape(size, size - 1)
    squares = np.stack([names[:-1], names[1:]], -1).reshape(-1, 2)  # two bars, one above the other
    return (_all_of(bars, size * size, dtype), *_any_of(squares, len(bars), dtype))


def tent_net(depth: int, dtype: npt.DTypeLike = np.float64) -> tuple[tuple[Array, Array], ...]:
    r"""Fold the interval [0, 1] `depth` times: two hidden units a layer, 2^depth straight pieces.

    $$T(x) = 2 \operatorname{relu}(x) - 2 \operatorname{relu}(2x - 1), \qquad f = T \circ \dots \circ T$$

    Args:
        depth: how many folds, at least 1.
        dtype: of the layers.

    Returns:
        depth + 1 layers for `relu_net` on inputs (..., 1).

    Raises:
        ValueError: if depth is below 1.

    Examples:
        >>> mc.course.relu_net([[0.0], [0.25], [0.5], [0.75], [1.0]], mc.course.tent_net(2)).ravel()
        array([0., 1., 0., 1., 0.])

    Source:
        Telgarsky, arXiv:1509.08101.
    """
    depth = whole("depth", depth, 1)
    # The sum that ends one fold and the two products that begin the next are one matrix.
    between = [_layer([[2, 4], [-2, -4]], [0, -1], dtype) for _ in range(depth - 1)]
    return (_layer([[1, 2]], [0, -1], dtype), *between, _layer([[2], [-2]], [0], dtype))


def count_pieces(x: npt.ArrayLike, y: npt.ArrayLike) -> int:
    r"""How many straight pieces a broken line through given points has.

    $$1 + \#\{i : (y_{i+1} - y_i)(x_i - x_{i-1}) \ne (y_i - y_{i-1})(x_{i+1} - x_i)\}$$

    The count is that of a function if x holds every place where it bends, and arithmetic is exact: on Fractions, or on
    floats whose differences and products need no rounding.

    Args:
        x: (n,), floats, ascending, n ≥ 2.
        y: (n,), floats.

    Returns:
        The number of pieces, at least 1.

    Raises:
        TypeError: if an argument is not floating.
        ValueError: if the shapes do not fit or x does not ascend.

    Examples:
        >>> mc.course.count_pieces(x=[0.0, 1.0, 2.0, 3.0], y=[0.0, 1.0, 2.0, 1.0])
        2
    """
    x, y = floating("x", x), floating("y", y)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise ValueError(f"`x` and `y` must have one shape (n,), n ≥ 2, got {x.shape} and {y.shape}")
    _check_ascending("x", x)
    with quiet():
        run, rise = x[1:] - x[:-1], y[1:] - y[:-1]
        return 1 + int(np.sum(rise[1:] * run[:-1] != rise[:-1] * run[1:]))
