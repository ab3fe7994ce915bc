"""Detectors of activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.probes.probe import Detector, Probe, numbers
from mathcore.verify.targets.probes.rows import flushing

_LOST = 1000.0
"""Units of roundoff that the left tail may be off by, relative to itself, if it keeps its digits: an exponent of 27
that takes ten roundings costs 270. A sum with a term of the size of 1 costs over 2,000 where it is looked at."""


def _logistic(y: float) -> float:
    return 1 / (1 + math.exp(-y)) if y > 0 else math.exp(y) / (1 + math.exp(y))


GELUS: dict[str, Callable[[float], float]] = {
    "exact": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "tanh": lambda x: x * _logistic(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)),
    "quick": lambda x: x * _logistic(1.702 * x),
}


def _gelu(probe: Probe) -> tuple[Any, str]:
    """Which of three functions it is: at −2.7 they are farthest apart, 0.0005 and more."""
    x = probe.floats([-2.703125])
    came = float(probe(x)[0])
    near = min(GELUS, key=lambda name: abs(GELUS[name](float(x[0])) - came))
    value = near if abs(GELUS[near](float(x[0])) - came) < 1e-4 else None
    return value, f"GELU of {float(x[0]):g} is {came:.6f}"


def _true_tails(probe: Probe) -> dict[str, Callable[[float], float]]:
    form = _gelu(replace(probe, operation="gelu"))[0] if "gelu" in probe.target.operations else None
    return {
        "sigmoid": _logistic,
        "softplus": lambda x: math.log1p(math.exp(x)),
        "silu": lambda x: x * _logistic(x),
        **({"gelu": GELUS[form]} if form else {}),
    }


def _tails(probe: Probe) -> tuple[Any, str]:
    """How many digits the left tails of all of a target's activations keep: the convention is that of the worst."""
    if probe.dtype not in ("float64", "float32"):
        return "absolute", f"{probe.dtype} has too few digits to tell"
    errors = {}
    for name, true in _true_tails(probe).items():
        if name not in probe.target.operations:
            continue
        x = (-5.0 if name == "gelu" else -12.0) - np.arange(16) / 8
        try:
            came = replace(probe, operation=name)(probe.floats(x))
        except (NotTriedError, TargetError, ContractError):
            continue
        tails = np.array([true(float(v)) for v in x])
        errors[name] = float((abs(came - tails) / abs(tails)).max() / probe.unit)
    worst = max(errors, key=errors.__getitem__)
    value = "absolute" if errors[worst] > _LOST else "relative"
    return value, f"the left tail of `{worst}` is off by {errors[worst]:.3g} units of roundoff"


def _threshold(probe: Probe) -> tuple[Any, str]:
    """Beyond which x softplus is x, though its dtype could tell them apart."""

    def straight(x: float) -> bool:
        given = probe.floats([x])
        return bool(probe(given)[0] == given.astype(np.float64)[0])

    low, high = 0.0, -math.log(probe.unit) - 4
    if not straight(high):
        return math.inf, f"softplus of {high:.3g} is not {high:.3g}"
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if straight(middle) else (middle, high)
    return float(f"{high:.3g}"), f"softplus of {high:.3g} is {high:.3g}"


def _of_minus_infinity(probe: Probe) -> tuple[Any, str]:
    y = float(probe(probe.floats([-np.inf]))[0])
    return "zero" if y == 0 else "nan" if np.isnan(y) else None, f"at −∞ it is {y:g}"


def _subnormal_half(probe: Probe) -> tuple[Any, str]:
    x = probe.floats([probe.tiny])
    return flushing(f"at {float(x[0]):.3g} it", float(x[0]) / 2, probe(x))


_LAYOUTS = ("gate-up", "up-gate", "interleaved")


def _layout(probe: Probe) -> tuple[Any, str]:
    """Whether the gate and `up` are one array, and where the gate is in it: −8 lets nothing through, 8 all."""
    gate, up = probe.floats([-8.0, 8.0]), probe.floats([4.0, 4.0])
    function = probe.target.operations[probe.operation]
    observed = []
    for layout in _LAYOUTS:
        one = {"gate-up": [*gate, *up], "up-gate": [*up, *gate], "interleaved": [-8.0, 4.0, 8.0, 4.0]}[layout]
        try:
            answer = Caller(probe.target, once=True).call_directly(probe.operation, (probe.floats(one),), {})
        except (NotTriedError, TargetError, ContractError):
            break
        y = np.asarray(answer, np.float64)
        if y.shape == (2,) and abs(y[0]) < 0.05 and abs(y[1] - 32) < 0.1:
            return layout, f"of {numbers(one)} as one array it makes {numbers(y)}"
        observed.append(numbers(y))
    if observed:
        return None, f"of one array it makes {', '.join(observed)}"
    y = np.asarray(Caller(probe.target, once=True).call_directly(probe.operation, (gate, up), {}), np.float64)
    return "apart", f"{getattr(function, '__name__', 'it')} takes two arrays, and makes {numbers(y)} of them"


_TAILS: dict[str, Detector] = {"activation_tails": _tails}
_END: dict[str, Detector] = {"activation_of_minus_infinity": _of_minus_infinity, "subnormals": _subnormal_half}

OF_ACTIVATIONS: dict[str, dict[str, Detector]] = {
    "gelu": {"gelu": _gelu, **_TAILS, **_END},
    "silu": {**_TAILS, **_END},
    "softplus": {"softplus_threshold": _threshold, **_TAILS},
    "sigmoid": _TAILS,
    "swiglu": {"gate_up_layout": _layout},
    "geglu": {"gate_up_layout": _layout},
}
