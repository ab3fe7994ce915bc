"""Detector of what float16 and bfloat16 are computed in: float32, or themselves, step by step."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.probes.probe import Array, Probe
from mathcore.verify.tolerances import FORMATS, dtype_named

_ROUNDED_ONCE = 1 + 2.0**-4
"""Units of roundoff of 16 bits that one rounding of the result costs, and 512 of float32 before it, 2⁻¹³ each."""

_FOREIGN = 64.0
"""Units from which a result has another reason than rounding, in rows of nine."""


def half_precision(probe: Probe) -> tuple[Any, str]:
    """Of all operations on scores that a target offers, the least accurate decides."""
    names = [name for name in ("float16", "bfloat16") if name in probe.target.dtypes]
    if not names:
        raise NotTriedError(probe.operation, "16-bit dtype")
    errors = {}
    for operation, name in itertools.product(_ERRORS, names):
        if operation in probe.target.operations:
            with contextlib.suppress(NotTriedError, TargetError, ContractError):
                errors[operation, name] = _ERRORS[operation](replace(probe, operation=operation), name)
    if not errors:
        return None, f"no answer in {' or '.join(names)}"
    worst = max(errors, key=lambda call: errors[call])
    value = "float32" if errors[worst] <= _ROUNDED_ONCE else "stepwise" if errors[worst] < _FOREIGN else None
    return value, f"in {worst[1]}, `{worst[0]}` is off by up to {errors[worst]:.3g} units of roundoff"


def _scores(name: str) -> Array:
    """Sixteen rows of nine, whose log-sum-exps lie well above 0."""
    return (np.random.default_rng(0).normal(size=(16, 9)) + 2).astype(dtype_named(name))


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def _of_rows(formula: Callable[[Array], Array]) -> Callable[[Probe, str], float]:
    def error(probe: Probe, name: str) -> float:
        x = _scores(name)
        return _units(probe(x), formula(x.astype(np.float64)), name)

    return error


def _of_attention(probe: Probe, name: str) -> float:
    """Of one head of width 1, where all conventions about the scale agree; in whichever layout is nearer.

    The answers are the probabilities of the second of four keys, in which no rounding averages out.
    """
    if probe.width(1) != 1:
        raise NotTriedError(probe.operation, "width 1")
    x = _scores(name)
    keys, values = [4.0, 3.75, 3.5, 3.25], [0.0, 1.0, 0.0, 0.0]
    q, k, v = (np.asarray(part, x.dtype).reshape(1, 1, -1, 1) for part in (x, keys, values))
    wide_q, wide_k, wide_v = (x.astype(np.float64) for x in (q, k, v))
    true, units = _softmax(wide_q @ np.swapaxes(wide_k, -1, -2)) @ wide_v, []
    for crossed in (False, True):
        with contextlib.suppress(NotTriedError, TargetError, ContractError):
            came = probe(*(np.ascontiguousarray(np.swapaxes(x, 1, 2)) if crossed else x for x in (q, k, v)))
            units.append(_units(np.swapaxes(came, 1, 2) if crossed else came, true, name))
    if not units:
        raise NotTriedError(probe.operation, "one head")
    return min(units)


def _units(came: Array, true: Array, name: str) -> float:
    if came.shape != true.shape:
        return np.inf
    units = (abs(came - true) / (FORMATS[name].u * abs(true))).max()
    return float(np.inf if np.isnan(units) else units)


_ERRORS: dict[str, Callable[[Probe, str], float]] = {
    "softmax": _of_rows(_softmax),
    "log_softmax": _of_rows(lambda x: np.log(_softmax(x))),
    "logsumexp": _of_rows(lambda x: np.log(np.exp(x).sum(-1))),
    "scaled_dot_product_attention": _of_attention,
}
"""Operation → by how many units of roundoff it is off."""
