"""Reference formulas on rows: softmax, log-softmax, log-sum-exp and argmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.probability.row_tolerances import gaps
from mathcore.verify import Operations, equal
from mathcore.verify.relations import Relation


# These run on Arb balls, so they take no care of overflow or cancellation.
def distribution(x: Any) -> Any:
    """Exponentiate, sum, divide."""
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def log_sum_exp(x: Any) -> Any:
    """The logarithm of the sum of exponentials."""
    return np.log(np.exp(x).sum(-1))


def log_distribution(x: Any) -> Any:
    """The logarithms of the probabilities."""
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def first_of_the_highest(x: Any) -> Any:
    """Reference argmax, without argmax: the first NaN, or else the first score that no other exceeds."""
    x = np.asarray(x, np.float64)
    wins = np.isnan(x) | (~np.isnan(x).any(-1, keepdims=True) & (x == x.max(-1, keepdims=True)))
    return np.where(wins, np.arange(x.shape[-1]), x.shape[-1]).min(-1)


def wins(ops: Operations, index: Any, x: Any) -> Relation:
    """The given index against the reference, by the target's conventions on ties and NaN."""
    nan = np.isnan(x.astype(np.float64))
    x = np.where(nan, -np.inf, x) if ops.conventions.argmax_nan == "ignored" else x.astype(np.float64)
    owed, last = first_of_the_highest(x), x.shape[-1] - 1
    if ops.conventions.argmax_ties == "last":
        owed = last - first_of_the_highest(x[..., ::-1])
    elif ops.conventions.argmax_ties == "any":
        chosen, best = (np.take_along_axis(x, np.clip(i, 0, last)[..., None], -1)[..., 0] for i in (index, owed))
        owed = np.where((chosen == best) | (np.isnan(chosen) & np.isnan(best)), np.clip(index, 0, last), owed)
    if ops.conventions.argmax_nan == "any":
        owed = np.where(nan.any(-1), np.clip(index, 0, last), owed)
    return equal(index, owed)


def probabilities(x: Any, temperature: float = 1.0) -> Any:
    """Softmax of rows in float64, good to the 40 bits that tolerances ask for."""
    e = np.exp(-gaps(x) / temperature)
    return e / e.sum(-1, keepdims=True)


def total(p: Any, *more: float) -> Any:
    """The exact sum of each row, and of `more`, rounded once."""
    return np.array([math.fsum([*row, *more]) for row in np.asarray(p, np.float64).reshape(-1, p.shape[-1]).tolist()])
