"""Inputs that attention is exact on: numbers whose exponential is a power of two, or equal scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.attention.inputs import _CODES, Dice, some_mask, some_window
from mathcore.attention.textbook import Case, per_head, seen_by, transposed
from mathcore.verify import Target, domain, seeds
from mathcore.verify.domains import Draw
from mathcore.verify.errors import ExactOnlyError


class Power(Fraction):
    """A rational number whose exponential is a power of two: attention runs on it exactly, with 2 in place of e."""

    def exp(self) -> Power:
        """2 to this power, which must be whole."""
        if self.denominator != 1:
            raise ValueError(f"only whole numbers have an exponential here, got {self}")
        return Power(Fraction(2) ** self.numerator)


def _kept(name: str) -> Callable[..., Any]:
    """An operation of fractions whose results are powers again."""
    operation = getattr(Fraction, name)

    def of_powers(*numbers: Any) -> Any:
        result = operation(*numbers)
        return Power(result) if isinstance(result, Fraction) else result

    return of_powers


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "neg", "abs"):
    setattr(Power, f"__{_name}__", _kept(f"__{_name}__"))


def powers(x: Any) -> Any:
    """Whole numbers as powers."""
    out = np.empty(np.shape(x), object)
    out.ravel()[:] = [Power(int(v)) for v in np.ravel(x)]
    return out


@domain
def exact_cases(draw: Draw, target: Target, *, square: bool = False, causal: bool = False) -> Case:
    """Attention without rounding, for exact targets: powers, or 1, 2 or 4 equal scores in a row as floats.

    If `square`, as many queries as keys, no offset, and causal or not as told.
    """
    if not target.exact:  # as e^(score − lse), a correct weight is no exact fraction
        raise ExactOnlyError("scaled_dot_product_attention", "exact numbers")
    dice, rng = Dice(draw(_CODES)), draw(seeds())
    d, n, group, key_heads = dice.of(1, 4), int(rng.integers(1, 6)), dice.of(1, 2), dice.of(1, 2)
    t, w, objects = n if square else dice.of(1, 2, 3, n), dice.of(1, 2), dice.of(True, False)
    q = rng.integers(-3, 4, size=(key_heads * group, t, d)) * 2
    k, v = (rng.integers(-4, 5, size=(key_heads, n, width)) for width in (d, w))
    options = {
        "is_causal": causal if square else dice.of(False, True),
        "query_offset": 0 if square else dice.of(0, n - t, 1),
        "scale": dice.of(None, 1, 2),
        "window": None if square and not causal else some_window(dice, rng, n),
    }
    mask = some_mask(rng, (key_heads * group, t, n)) if dice.of(False, True) else None
    if objects:
        return {"query": powers(q), "key": powers(k), "value": powers(v), **options, "mask": mask}
    floats = {"query": q * 0.0, "key": k.astype(np.float64), "value": v.astype(np.float64)}
    order = rng.permuted(np.broadcast_to(np.arange(n), (t, n)), axis=-1)
    few = order < rng.choice([x for x in (1, 2, 4) if x <= n], size=(t, 1))
    if causal:
        few = np.arange(n) == rng.integers(0, np.arange(t)[:, None] + 1)
    return {**floats, "mask": few, "is_causal": causal, "query_offset": 0, "scale": None}


def exactly(case: Case) -> Any:
    """What attention is of an exact case."""
    q, k, v = case["query"], *(per_head(case[name], case["query"].shape[-3]) for name in ("key", "value"))
    s = q @ transposed(k) * (case["scale"] or Fraction(2, 2 * math.isqrt(q.shape[-1])))
    e = np.where(seen_by(case), 2**s if q.dtype == object else 1.0, 0)
    total = e.sum(-1, keepdims=True)
    return (e @ v) / np.where(total == 0, 1, total)
