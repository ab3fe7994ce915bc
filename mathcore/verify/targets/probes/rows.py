"""Detectors of operations on rows: scores, losses, layers, vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.probes.grades import bits_across_calls, log_softmax_grade
from mathcore.verify.targets.probes.halves import half_precision
from mathcore.verify.targets.probes.probe import Array, Detector, Probe, numbers
from mathcore.verify.tolerances import dtype_named


def _softmax_of_nothing(probe: Probe, *temperature: float) -> tuple[Any, str]:
    p = probe(probe.floats([[-np.inf, -np.inf]]), *temperature)[0]
    value = "nan" if np.isnan(p).any() else "zeros" if (p == 0).all() else "uniform" if np.allclose(p, 0.5) else None
    return value, f"softmax of (−∞, −∞) is {numbers(p)}"


def _log_softmax_of_nothing(probe: Probe) -> tuple[Any, str]:
    t = probe(probe.floats([[-np.inf, -np.inf]]))[0]
    value = "nan" if np.isnan(t).any() else "zeros" if np.isneginf(t).all() else None
    return value or ("uniform" if np.allclose(t, -math.log(2), atol=0.01) else None), f"of (−∞, −∞) it is {numbers(t)}"


def _cooled_softmax_of_nothing(probe: Probe) -> tuple[Any, str]:
    return _softmax_of_nothing(probe, 1.0)


def _gradient_of_nothing(probe: Probe) -> tuple[Any, str]:
    slope = probe(probe.floats([1.0]), probe.floats([[-np.inf, -np.inf]]))[0]
    value = "nan" if np.isnan(slope).any() else "zeros" if (slope == 0).all() else None
    return value or ("uniform" if np.allclose(slope, 0.5) else None), f"the gradient at (−∞, −∞) is {numbers(slope)}"


def flushing(what: str, true: float, answer: Array) -> tuple[Any, str]:
    """Whether an answer whose true value is subnormal is 0.

    What is within a tenth is kept: bfloat16 has 16 steps up to an eighth of its least normal number, so that rounding
    is 3 % of that.
    """
    came = float(answer.ravel()[-1])
    value = "flushed" if came == 0 else "kept" if abs(came / true - 1) < 0.1 else None
    return value, f"{what} is {came:.3g}, where {true:.3g} is subnormal"


def _subnormal_probability(probe: Probe) -> tuple[Any, str]:
    gap = float(probe.floats(math.log(8) - math.log(probe.tiny)))
    return flushing(f"softmax of (0, −{gap:.4g})", math.exp(-gap), probe(probe.floats([[0.0, -gap]])))


def _subnormal_gradient(probe: Probe) -> tuple[Any, str]:
    gap = float(probe.floats(math.log(8) - math.log(probe.tiny)))
    gradient = probe(probe.floats([1.0]), probe.floats([[0.0, -gap]]), np.array([0]), reduction="none")
    return flushing(f"the derivative of the loss at (0, −{gap:.4g})", math.exp(-gap), gradient)


def _subnormal_input(probe: Probe) -> tuple[Any, str]:
    x = probe.floats([probe.tiny / 8])
    return flushing(f"ReLU of {float(x[0]):.3g}", float(x[0]), probe(x))


def _subnormal_product(probe: Probe) -> tuple[Any, str]:
    x = probe.floats([[probe.tiny]])
    return flushing(f"1/8 of {float(x[0, 0]):.3g}", probe.tiny / 8, probe(x, probe.floats([[0.125]])))


def _ties(probe: Probe) -> tuple[Any, str]:
    index = int(probe(probe.floats([1.0, 3.0, 0.0, 3.0, 3.0])))
    return {1: "first", 4: "last"}.get(index, "any"), f"argmax of (1, 3, 0, 3, 3) is {index}"


def _nan_in_argmax(probe: Probe) -> tuple[Any, str]:
    inside, first = (int(probe(probe.floats(row))) for row in ([1.0, np.nan, 3.0, 2.0], [np.nan, 1.0, 3.0, 2.0]))
    value = {(1, 0): "highest", (2, 2): "ignored"}.get((inside, first), "any")
    return value, f"argmax of (1, NaN, 3, 2) is {inside}, and of (NaN, 1, 3, 2) it is {first}"


def _relu_slope(probe: Probe) -> tuple[Any, str]:
    slope = float(probe(probe.floats([1.0]), probe.floats([0.0]))[0])
    return slope, f"the derivative at 0 is {slope:g}"


def _cross_entropy_of_nothing(probe: Probe) -> tuple[Any, str]:
    loss = float(probe(probe.floats(np.zeros((2, 3))), np.array([-100, -100]), ignore_index=-100))
    return loss, f"the mean over no rows is {loss:g}"


def _linear_weight(probe: Probe) -> tuple[Any, str]:
    x, weight = probe.floats([[1.0, 2.0]]), probe.floats([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for value, w in (("in-out", weight), ("out-in", np.ascontiguousarray(weight.T))):
        try:
            y = probe(x, w)
        except (TargetError, ContractError):
            continue
        if np.array_equal(y, [[9.0, 12.0, 15.0]]):
            return value, f"2 inputs and 3 outputs take a weight of shape {w.shape}"
    return None, "neither a weight of shape (2, 3) nor one of (3, 2) gives x @ W"


# Normalisation.
def _rms(x: Array) -> Array:
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True)))


def _normed(probe: Probe, x: Array, weight: Array) -> Array:
    """The RMS norm by a target; of a sum, if that is what it offers."""
    before = (np.zeros_like(x),) if probe.operation == "add_rms_norm" else ()
    return probe(x, *before, weight, epsilon=1e-6)


def _rms_norm_weight(probe: Probe) -> tuple[Any, str]:
    x = probe.floats([[1.0, -2.0, 3.0, -4.0] * (probe.width(8) // 4)])
    came = {w: _normed(probe, x, probe.floats(np.full(x.shape[-1], w))) for w in (0.0, 1.0, -0.5)}
    true = _rms(x.astype(np.float64))

    def agrees(added: float) -> bool:
        return all(np.allclose(y, (w + added) * true, rtol=0.02, atol=1e-4) for w, y in came.items())

    value = "weight" if agrees(0.0) else "one-plus" if agrees(1.0) else None
    return value, f"with a weight of 0, (1, −2, 3, −4, …) becomes ({came[0.0][0, 0]:.3g}, {came[0.0][0, 1]:.3g}, …)"


def _rms_norm_rounding(probe: Probe) -> tuple[Any, str]:
    name = next((name for name in ("float16", "bfloat16") if name in probe.target.dtypes), None)
    if name is None:
        raise NotTriedError(probe.operation, "16-bit dtype")
    rng, dtype = np.random.default_rng(0), dtype_named(name)
    x = rng.normal(size=(16, probe.width(64))).astype(dtype)
    weight = (rng.integers(-32, 64, x.shape[-1]) / 64).astype(dtype)  # 1 + weight is exact as well
    came = _normed(probe, x, weight)
    wide, scale = x.astype(np.float64), weight.astype(np.float64) + (probe.known["rms_norm_weight"] == "one-plus")
    z = wide / np.sqrt((wide * wide).mean(-1, keepdims=True) + 1e-6)
    early = z.astype(dtype).astype(np.float64)
    shares = {
        value: float((came == (direction * scale).astype(dtype).astype(np.float64)).mean())
        for value, direction in (("once", z), ("before-weight", early))
    }
    best = max(shares, key=shares.__getitem__)
    shown = ", ".join(f"{share:.0%} of the results are those of rounding {value}" for value, share in shares.items())
    # 70 roundings in float32 (64 squares, and 6 more) take 140/2¹³ of the results, 1.7 %, across a tie of float16.
    return (best if shares[best] > 0.98 else None), f"in {name}, {shown}"


# Cosines.
def _cosine_of_nothing(probe: Probe) -> tuple[Any, str]:
    width = probe.width(4)
    x, nothing = probe.floats(np.ones((1, width))), probe.floats(np.zeros((1, width)))
    came = [float(probe(*pair)[0]) for pair in ((nothing, x), (x, nothing), (nothing, nothing))]
    value = "nan" if np.isnan(came).all() else "zero" if came == [0.0] * 3 else None
    return value, f"the cosine of (0, …) and (1, …) is {came[0]:g}"


def _cosine_floor(probe: Probe) -> tuple[Any, str]:
    """Below ε the cosine of a vector and a parallel one is its length over ε, from there on it is 1."""

    def cosine_at(length: float) -> float:
        x = np.eye(1, probe.width(4))
        return float(probe(probe.floats(x * length), probe.floats(x))[0])

    short = max(1e-15, probe.tiny)
    c = cosine_at(short)
    shown = f"the cosine of vectors of the lengths {short:g} and 1 that are parallel is {c:.3g}"
    if abs(c - 1) < 0.01:
        return 0.0, shown
    if not 0 < c < 1:
        return None, shown
    floor = short / c
    as_floor = abs(cosine_at(4 * floor) - 1) < 0.01 and abs(cosine_at(floor / 8) * 8 - 1) < 0.01
    return (float(f"{floor:.1e}") if as_floor else None), shown


_HALVES: dict[str, Detector] = {"half_precision": half_precision}
_GRADE: dict[str, Detector] = {"log_softmax": log_softmax_grade}
_NORM: dict[str, Detector] = {"rms_norm_weight": _rms_norm_weight, "rms_norm_rounding": _rms_norm_rounding}

OF_ROWS: dict[str, dict[str, Detector]] = {
    # Before softmax, whose exponential may underflow early even if subnormals are kept.
    "linear": {"linear_weight": _linear_weight, "subnormals": _subnormal_product},
    "softmax": {
        "softmax_of_nothing": _softmax_of_nothing,
        "subnormals": _subnormal_probability,
        "reproducible": bits_across_calls,
        **_HALVES,
    },
    "temperature_softmax": {"softmax_of_nothing": _cooled_softmax_of_nothing},
    "log_softmax": {"softmax_of_nothing": _log_softmax_of_nothing, **_GRADE, **_HALVES},
    "logsumexp_vjp": {"softmax_of_nothing": _gradient_of_nothing, **_GRADE},
    "logsumexp": {**_GRADE, **_HALVES},
    "log_softmax_vjp": _GRADE,
    "argmax": {"argmax_ties": _ties, "argmax_nan": _nan_in_argmax},
    "relu": {"subnormals": _subnormal_input},
    "relu_vjp": {"relu_slope_at_zero": _relu_slope},
    "cross_entropy": {"cross_entropy_of_nothing": _cross_entropy_of_nothing, **_GRADE},
    "cross_entropy_vjp": {"subnormals": _subnormal_gradient, **_GRADE},
    **dict.fromkeys(("rms_norm", "add_rms_norm"), _NORM),
    "cosine_similarity": {"cosine_of_nothing": _cosine_of_nothing, "cosine_floor": _cosine_floor},
}
