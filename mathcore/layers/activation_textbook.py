"""The textbook's activations: their formulas, and the same in float64 for inputs of fewer digits.

A kind is the name of an operation; of `gelu`, which is three functions, the name of the approximation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.oracle.dual import derivative
from mathcore.verify.oracle.enclosures import Enclosure, enclose

APPROXIMATIONS = ("none", "tanh", "quick")
LOGISTIC = ("silu", "tanh", "quick")
GATES = ("silu", *APPROXIMATIONS)
"""The kinds that are x times a probability."""
KINDS = ("sigmoid", "softplus", *GATES, "relu_squared")


def operation_of(kind: str) -> tuple[str, dict[str, Any]]:
    """The operation, and its options."""
    return ("gelu", {"approximate": kind}) if kind in APPROXIMATIONS else (kind, {})


def kind_of(operation: str, approximate: str = "none") -> str:
    """The kind of an operation with its options."""
    return approximate if operation == "gelu" else operation


# The formulas, on Arb balls and on dual numbers of them.


def _root(number: int) -> Any:
    from flint import arb

    return arb(number).sqrt()


def _pi() -> Any:
    from flint import arb

    return arb.pi()


def _share_below(x: Any) -> Any:
    """Φ(x) = erfc(−x / √2) / 2."""
    return np.frompyfunc(lambda v: (-v).erfc(), 1, 1)(x / _root(2)) / 2


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _squared(x: Any) -> Any:
    return np.frompyfunc(lambda v: v * v if v > 0 else 0 * v, 1, 1)(x)


FORMULAS: Mapping[str, Callable[[Any], Any]] = {
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "silu": lambda x: x * _sigmoid(x),
    "none": lambda x: x * _share_below(x),
    # (1 + tanh u) / 2 is the logistic function of 2u.
    "tanh": lambda x: x * _sigmoid((x + x * x * x * 44_715 / 1_000_000) * 2 * _root(2) / _pi().sqrt()),
    "quick": lambda x: x * _sigmoid(x * 1702 / 1000),
    "relu_squared": _squared,
}


# The same in float64.

_B = math.sqrt(8 / math.pi)
_C = 0.044715 * _B
_erfc = np.frompyfunc(math.erfc, 1, 1)


@dataclass(frozen=True)
class Parts:
    """An activation at x in float64, whose left tail keeps its digits.

    Attributes:
        exponent: y ≥ 0 in e⁻ʸ, what falls with |x|.
        e: e⁻ʸ.
        share: what falls from 1/2 to 0: σ(−y), or Φ(−|x|).
        growth: |x| times how steep the share is: |x| y′ σ(−y) σ(y), or |x| φ(x).
        falling: the size of what falls in the slope; the rest of it is 0 or 1.
        value, slope: of the activation.
    """

    exponent: Any
    e: Any
    share: Any
    growth: Any
    falling: Any
    value: Any
    slope: Any


def parts(kind: str, x: Any) -> Parts:
    """What an activation is made of. Beyond |x| = 1000 nothing is left of what falls, in any format."""
    x = np.asarray(x, np.float64)
    z = np.minimum(abs(x), 1000.0)
    y, by_z = {
        "none": lambda: (z * z / 2, z * z),
        "tanh": lambda: (z * (_B + _C * z * z), z * (_B + 3 * _C * z * z)),
        "quick": lambda: (1.702 * z, 1.702 * z),
    }.get(kind, lambda: (z, z))()
    e = np.exp(-y)
    if kind == "none":
        share = np.asarray(_erfc(z / math.sqrt(2)), np.float64) / 2
        growth = z * e / math.sqrt(2 * math.pi)
    else:
        share = e / (1 + e)
        growth = by_z * share / (1 + e)
    high = np.where(x < 0, share, 1 / (1 + e))
    if kind in GATES:
        down, falling = share - growth, share + growth
        value, slope = np.maximum(x, 0) - z * share, np.where(x > 0, 1 - down, down)
    elif kind == "sigmoid":
        value, slope = high, share / (1 + e)
        falling = slope
    elif kind == "softplus":
        value, slope, falling = np.maximum(x, 0) + np.log1p(e), high, share
    else:
        value, slope, falling = np.maximum(x, 0) ** 2, 2 * np.maximum(x, 0), 0 * share
    return Parts(y, e, share, growth, falling, value, slope)


_OFF = 2.0**-42
"""What `parts` may be off by, relative to its terms, where float32 has any digit: there y ≤ 104, of which 10 roundings
take 2⁻⁴³, and the rest takes less. That is 2⁻¹⁸ of a unit in the last place of float32."""


def true_value(kind: str, x: Any) -> Enclosure:
    """The true values: Arb's for float64."""
    if x.dtype == np.float64:
        return enclose(FORMULAS[kind], x)
    value = parts(kind, x).value
    return Enclosure(value, np.zeros_like(value), _OFF * abs(value))


def true_gradient(kind: str, g: Any, x: Any) -> Enclosure:
    """g f′(x): the derivative of the formula, by dual numbers for float64."""
    if x.dtype == np.float64:
        return derivative(FORMULAS[kind], (x,), (g,))
    of, g = parts(kind, x), np.asarray(g, np.float64)
    return Enclosure(g * of.slope, np.zeros_like(g), _OFF * abs(g) * (abs(of.slope) + of.falling))
