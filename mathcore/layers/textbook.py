"""The textbook's layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify import Allowance, Enclosure, Operations
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.tolerances import dot_product, magnitude


def row_by_row(x: Any, width: int) -> Any:
    """All rows of a stack, (rows, width); NumPy cannot infer their number where the width is 0."""
    return x.reshape(math.prod(x.shape[:-1]), width)


def as_one_product(x: Any, weight: Any, bias: Any = None) -> tuple[Any, Any]:
    """A layer as one matrix product: the bias is one more row of weights, met by an input of 1."""
    rows = row_by_row(x, len(weight))
    if bias is None:
        return rows, weight
    return np.c_[rows, np.ones((len(rows), 1), x.dtype)], np.r_[weight, bias[None]]


def true_layer(x: Any, weight: Any, bias: Any = None) -> tuple[Enclosure, Allowance]:
    """The true output, and what it may be off by."""
    rows, columns = as_one_product(x, weight, bias)
    true, allowed = true_matmul(rows, columns), dot_product(magnitude(rows, columns), len(columns), x.dtype)
    shape = (*x.shape[:-1], weight.shape[1])
    parts = (part.reshape(shape) for part in (true.hi, true.lo, true.radius))
    return Enclosure(*parts), Allowance(allowed.values.reshape(shape), allowed.names)


def kept_if_positive(x: Any) -> Any:
    """ReLU by the sign: +0 where it is minus, else the number itself; NaN stays NaN."""
    return np.where(np.signbit(x) & ~np.isnan(x), x.dtype.type(0), x)


def sign_of_zero_dropped(ops: Operations, y: Any) -> Any:
    """An answer of ReLU as it is compared: −0 as +0, if the target does not say which it gives."""
    return y if ops.conventions.relu_of_minus_zero == "plus" else y + y.dtype.type(0)


def let_through(ops: Operations, y: Any, g: Any, x: Any) -> Any:
    """The expected gradient of ReLU, y being the answer: the cotangent where x is positive, 0 where it is negative."""
    zero, at_zero = g.dtype.type(0), ops.conventions.relu_slope_at_zero
    at_kink = g * g.dtype.type(at_zero) if at_zero else zero
    of_nan = {"nan": g.dtype.type(np.nan), "one": g, "zero": zero, "any": y}[ops.conventions.relu_slope_at_nan]
    return np.where(np.isnan(x), of_nan, np.where(x > 0, g, np.where(x == 0, at_kink, zero)))
