"""Operations as functions of one number or of two, with true values that are fast to compute.

The fast value is float64's, and its error is bounded here. NumPy's exp and log1p are off by at most 1 ulp of float64
(`tolerances.FORMATS`, asserted by a test), so by a factor 1 + δ with |δ| ≤ 2u, u = 2⁻⁵³; + − × ÷ by |δ| ≤ u. The
numbers that go in have at most 24 bits, so the product of two is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]


@dataclass(frozen=True)
class Swept:
    """An operation as a function of numbers.

    Attributes:
        operation: its name.
        formula: what is swept, in words.
        count: of how many numbers.
        arguments: numbers → the arguments of the operation, positional and by name. One number comes as a vector, two
            as a column and a row, for all pairs of them.
        value: what it answers → an array of one value for each number or pair.
        quick: the numbers in float64 → the true values, but for float64's rounding.
        roundings: by how many u, relative to the true value, `quick` may be off.
        true: the same as `quick` on Arb balls.
    """

    operation: str
    formula: str
    count: int
    arguments: Callable[..., Arguments]
    value: Callable[[Any], Any]
    quick: Callable[..., Array]
    roundings: int
    true: Callable[..., Any]


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ). Of two roundings of e, each 2u, one of 1 + e and one of the quotient: off by 6u at most."""
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1.0) / (1.0 + e)


def softplus(x: Array) -> Array:
    """ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|). The logarithm is off by 4u, and no term is negative: 5u at most."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-abs(x)))


_OF_ONE = 8
"""u by which `sigmoid`, `softplus` and x times the first may be off, with room for the terms in u²."""

_OF_A_DIFFERENCE = 256
"""The same where they are taken of y − x. That rounds by u|y − x|, and so does e to its power, relative to itself.
Beyond |y − x| = 104 no bit of that is left in any format that is swept."""


def _true_sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _true_softplus(x: Any) -> Any:
    return np.log(1 + np.exp(x))


def _rows(x: Array, y: Array) -> Array:
    """Rows of two scores."""
    return np.stack(np.broadcast_arrays(x, y), axis=-1)


def _after_zero(x: Array) -> Arguments:
    return (_rows(np.zeros_like(x), x),), {}


def _of_both(x: Array, y: Array) -> Arguments:
    return (_rows(x, y),), {}


def _loss(x: Array) -> Arguments:
    return (_rows(np.zeros_like(x), x), np.zeros(x.shape, np.int64)), {"reduction": "none"}


def _whole(answer: Any) -> Any:
    return answer


def _second(answer: Any) -> Any:
    return answer[..., 1]


OPERATIONS = (
    Swept("relu", "relu(x)", 1, lambda x: ((x,), {}), _whole, lambda x: np.maximum(x, 0.0), 0, lambda x: x),
    Swept("sigmoid", "sigmoid(x)", 1, lambda x: ((x,), {}), _whole, sigmoid, _OF_ONE, _true_sigmoid),
    Swept("softplus", "softplus(x)", 1, lambda x: ((x,), {}), _whole, softplus, _OF_ONE, _true_softplus),
    Swept("silu", "silu(x)", 1, lambda x: ((x,), {}), _whole, lambda x: x * sigmoid(x), _OF_ONE,
          lambda x: x * _true_sigmoid(x)),
    Swept("softmax", "softmax(0, x)[1]", 1, _after_zero, _second, sigmoid, _OF_ONE, _true_sigmoid),
    Swept("log_softmax", "log_softmax(0, x)[1]", 1, _after_zero, _second, lambda x: -softplus(-x), _OF_ONE,
          lambda x: -_true_softplus(-x)),
    Swept("logsumexp", "logsumexp(0, x)", 1, _after_zero, _whole, softplus, _OF_ONE, _true_softplus),
    Swept("cross_entropy", "cross_entropy((0, x), target 0)", 1, _loss, _whole, softplus, _OF_ONE, _true_softplus),
    Swept("linear", "x · w", 2, lambda x, w: ((x, w), {}), _whole, lambda x, w: x * w, 0, lambda x, w: x * w),
    Swept("softmax", "softmax(x, y)[1]", 2, _of_both, _second, lambda x, y: sigmoid(y - x), _OF_A_DIFFERENCE,
          lambda x, y: _true_sigmoid(y - x)),
    Swept("log_softmax", "log_softmax(x, y)[1]", 2, _of_both, _second, lambda x, y: -softplus(x - y),
          _OF_A_DIFFERENCE, lambda x, y: -_true_softplus(x - y)),
)  # fmt: skip
"""What can be swept; an operation of two numbers in 16 bits alone."""


def swept(operation: str, count: int | None = None) -> Swept:
    """The operation of one number if there is one, else of two; or of as many as `count`.

    Raises:
        LookupError: if there is none; the message lists what there is.

    Examples:
        >>> from mathcore.verify.sweep.operations import swept
        >>> swept("softmax").formula, swept("softmax", 2).formula
        ('softmax(0, x)[1]', 'softmax(x, y)[1]')
    """
    found = [s for s in OPERATIONS if s.operation == operation and count in (None, s.count)]
    if not found:
        known = ", ".join(f"{s.operation}{' --pairs' * (s.count == 2)}" for s in OPERATIONS)
        raise LookupError(f"what can be swept is {known}; got {operation}{' --pairs' * (count == 2)}")
    return min(found, key=lambda s: s.count)
