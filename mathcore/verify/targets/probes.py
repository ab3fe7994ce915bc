"""Detectors: for each convention, calls whose answers show which value a target follows."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.conventions import Conventions
from mathcore.verify.targets.grades import bits_across_calls, log_softmax_grade
from mathcore.verify.targets.signatures import bind_arguments, fit_arguments
from mathcore.verify.targets.target import Target
from mathcore.verify.tolerances import FORMATS, dtype_named

Array = np.ndarray[Any, Any]


@dataclass
class Probe:
    """An operation of a target, for calls without regard to conventions, and the conventions known so far."""

    target: Target
    operation: str
    known: dict[str, Any]

    @property
    def dtype(self) -> str:
        """The widest dtype that the target accepts."""
        order = ("float64", "float32", "float16", "bfloat16")
        return next(d for d in order if d in self.target.dtypes)

    @property
    def tiny(self) -> float:
        """The smallest normal number of that dtype."""
        return FORMATS[self.dtype].tiny

    @property
    def unit(self) -> float:
        """The unit roundoff of that dtype."""
        return FORMATS[self.dtype].u

    def floats(self, values: Any) -> Array:
        """An array of that dtype."""
        return np.asarray(values, np.float64).astype(dtype_named(self.dtype))

    def __call__(self, *args: Any, **options: Any) -> Array:
        """Call the operation. Returns the answer, or its first part, as float64."""
        given = bind_arguments(self.operation, args, options)
        function = self.target.operations[self.operation]
        args, fitting = fit_arguments(self.operation, function, given or {}, Conventions())
        answer = Caller(self.target, once=True).call_directly(self.operation, args, fitting)
        answer = answer[0] if isinstance(answer, (tuple, list)) else answer
        return np.asarray(answer).astype(np.float64)


Detector = Callable[[Probe], tuple[Any, str]]


def _numbers(x: Any) -> str:
    return np.array2string(np.asarray(x), precision=4, separator=", ", suppress_small=True).replace("\n", "")


# Scores.
def _softmax_of_nothing(probe: Probe) -> tuple[Any, str]:
    p = probe(probe.floats([[-np.inf, -np.inf]]))[0]
    value = "nan" if np.isnan(p).any() else "zeros" if (p == 0).all() else "uniform" if np.allclose(p, 0.5) else None
    return value, f"softmax of (−∞, −∞) is {_numbers(p)}"


def _errors(probe: Probe) -> tuple[Any, str]:
    try:
        p = probe(np.array([[1, 2]]))
    except TargetError as refusal:
        return "any", f"softmax of integers is refused: {str(refusal).splitlines()[0]}"
    return "none", f"softmax of the integers (1, 2) is {_numbers(p[0])}"


def _subnormals(what: str, true: float, answer: Array) -> tuple[Any, str]:
    """Whether an answer whose true value is subnormal is 0."""
    came = float(answer.ravel()[-1])
    value = "flushed" if came == 0 else "kept" if abs(came / true - 1) < 0.1 else None
    return value, f"{what} is {came:.3g}, where {true:.3g} is subnormal"


def _subnormal_probability(probe: Probe) -> tuple[Any, str]:
    gap = float(probe.floats(math.log(8) - math.log(probe.tiny)))
    return _subnormals(f"softmax of (0, −{gap:.4g})", math.exp(-gap), probe(probe.floats([[0.0, -gap]])))


def _subnormal_gradient(probe: Probe) -> tuple[Any, str]:
    gap = float(probe.floats(math.log(8) - math.log(probe.tiny)))
    gradient = probe(probe.floats([1.0]), probe.floats([[0.0, -gap]]), np.array([0]), reduction="none")
    return _subnormals(f"the derivative of the loss at (0, −{gap:.4g})", math.exp(-gap), gradient)


def _subnormal_input(probe: Probe) -> tuple[Any, str]:
    x = probe.floats([probe.tiny / 8])
    return _subnormals(f"ReLU of {float(x[0]):.3g}", float(x[0]), probe(x))


def _subnormal_product(probe: Probe) -> tuple[Any, str]:
    x = probe.floats([[probe.tiny]])
    return _subnormals(f"1/8 of {float(x[0, 0]):.3g}", probe.tiny / 8, probe(x, probe.floats([[0.125]])))


def _subnormal_feature(probe: Probe) -> tuple[Any, str]:
    x = probe.floats(np.full((1, 8), probe.tiny / 8))
    return _subnormals(f"{float(x[0, 0]):.3g} at position 0", probe.tiny / 8, probe(x))


def _subnormal_value(probe: Probe) -> tuple[Any, str]:
    one = np.ones((1, 1, 8))
    return _subnormals("a single value", probe.tiny / 8, _attend(probe, one, one, one * probe.tiny / 8))


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


# Rotations.
_WIDTH = 64


def _rotated(probe: Probe, x: Array, position: int) -> Array:
    """One vector at a position."""
    try:
        return probe(np.stack([x, x]), np.array([0, position]))[1]
    except NotTriedError:
        return probe(np.tile(x, (position + 1, 1)))[position]  # positions are 0, 1, 2, … without an argument
    except (TargetError, ContractError, IndexError):
        return probe(np.stack([x, x])[None, None], np.array([0, position]))[0, 0, 1]  # needs (batch, heads, …)


def _partner(probe: Probe) -> tuple[int, Array]:
    """The feature that is paired with feature 0, and the rotated unit vector of feature 0 at position 1."""
    y = _rotated(probe, probe.floats(np.eye(_WIDTH)[0]), 1)
    return 1 + int(np.argmax(abs(y[1:]))), y


def _rope_pairing(probe: Probe) -> tuple[Any, str]:
    partner, y = _partner(probe)
    value = {1: "interleaved", _WIDTH // 2: "half"}.get(partner) if abs(y[partner]) > 0.1 else None
    return value, f"of {_WIDTH} features, feature 0 turns into feature {partner} (by {y[partner]:.4f})"


def _rope_sign(probe: Probe) -> tuple[Any, str]:
    partner, y = _partner(probe)
    return (1 if y[partner] > 0 else -1), f"at position 1, (1, 0) becomes ({y[0]:.4f}, {y[partner]:.4f})"


def _angles(probe: Probe, position: int) -> Array:
    """The angle by which each pair is rotated, between −π and π."""
    firsts = np.zeros(_WIDTH)
    interleaved = probe.known["rope_pairing"] == "interleaved"
    lanes = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(0, _WIDTH // 2), slice(_WIDTH // 2, None))
    firsts[lanes[0]] = 1
    y = _rotated(probe, probe.floats(firsts), position)
    angles: Array = probe.known["rope_sign"] * np.arctan2(y[lanes[1]], y[lanes[0]])
    return angles


def _rope_base(probe: Probe) -> tuple[Any, str]:
    angles = _angles(probe, 1)
    exponents = 2 * np.arange(_WIDTH // 2) / _WIDTH
    decay = -np.log(angles / angles[0])
    base = float(np.exp(decay @ exponents / (exponents @ exponents)))
    off = float(abs(decay - exponents * math.log(base)).max())
    shown = f"at position 1 pair 0 turns by {angles[0]:.4f} and the last by {angles[-1]:.3e}"
    if not off < 0.02:
        return None, f"{shown}: no single base fits"
    two_digits = float(f"{base:.1e}")  # rounded frequencies give the base to three digits at best
    return (two_digits if abs(two_digits / base - 1) < max(off, 1e-5) else float(f"{base:.4e}")), shown


def _rope_step(probe: Probe) -> tuple[Any, str]:
    angle = float(_angles(probe, 1)[0])
    near = float(round(angle))  # the answer may have few digits
    step = near if abs(angle - near) < 4 * probe.unit else round(angle, 4)
    return step, f"pair 0 turns by {angle:.4f} rad from position 0 to 1"


_POSITIONS = (257, 2049, 4099)
_FAR_POSITIONS = (65_537, 1_048_577)


def _rope_phase(probe: Probe) -> tuple[Any, str]:
    base, step = probe.known["rope_base"], probe.known["rope_step"]
    if base is None:
        return None, "the frequencies are not known"
    measured = [(m, _angles(probe, m)) for m in _POSITIONS]
    with contextlib.suppress(TargetError, ContractError):  # its table may be shorter
        measured += [(m, _angles(probe, m)) for m in _FAR_POSITIONS if _takes_positions(probe)]
    errors = {
        name: max(float(abs(np.exp(1j * a) - np.exp(1j * phase(m, base, step))).max()) for m, a in measured)
        for name, phase in _PHASES.items()
    }
    best, off = min(errors, key=errors.__getitem__), errors["float64"]
    shown = f"up to position {measured[-1][0]:,} the cosines and sines are off by up to {off:.1e}"
    if best in _UNITS:  # the frequencies may be a few roundings off those of the model
        explained = next((name for name in _UNITS if _explains(probe, name, measured, base, step)), None)
        if explained is None and errors[best] > 32 * probe.unit:
            return None, f"{shown}, which no known precision explains"
        best = explained or best
        return best, shown if best == "float64" else f"{shown}, as angles rounded to {best} are"
    return best, f"{shown}; with phases as in {best} by {errors[best]:.1e}"


_UNITS = {name: FORMATS[name].u for name in ("float64", "float32")}


def _explains(probe: Probe, dtype: str, measured: list[tuple[int, Array]], base: float, step: float) -> bool:
    """Whether a few roundings of frequency and angle in this dtype explain all errors."""
    least = 16 * max(_UNITS[dtype], probe.unit)
    return all(
        bool((abs(np.exp(1j * a) - np.exp(1j * angle)) <= 16 * _UNITS[dtype] * abs(angle) + least).all())
        for m, a in measured
        for angle in [step * m * _frequencies(base)]
    )


def _takes_positions(probe: Probe) -> bool:
    try:
        probe(probe.floats(np.zeros((2, _WIDTH))), np.array([0, 1]))
    except NotTriedError:
        return False
    except (TargetError, ContractError):
        return True
    return True


def _frequencies(base: float) -> Array:
    return np.asarray(base ** (-2 * np.arange(_WIDTH // 2) / _WIDTH))


def _in(dtype: str, x: Any) -> Array:
    return np.asarray(np.asarray(x, np.float64).astype(dtype_named(dtype)).astype(np.float64))


_PHASES: dict[str, Callable[[int, float, float], Array]] = {
    "float64": lambda m, base, step: step * m * _frequencies(base),
    "float32": lambda m, base, step: _in("float32", _in("float32", step * m) * _in("float32", _frequencies(base))),
    "bfloat16 positions": lambda m, base, step: _in("bfloat16", step * m) * _frequencies(base),
    "float16 positions": lambda m, base, step: _in("float16", step * m) * _frequencies(base),
    "bfloat16": lambda m, base, step: _in("bfloat16", _in("bfloat16", step * m) * _in("bfloat16", _frequencies(base))),
    "float16": lambda m, base, step: _in("float16", _in("float16", step * m) * _in("float16", _frequencies(base))),
}


def _code_layout(probe: Probe) -> tuple[Any, str]:
    code = probe(np.array([0]), 8)[0]
    layouts = {(0, 1, 0, 1, 0, 1, 0, 1): "interleaved", (0, 0, 0, 0, 1, 1, 1, 1): "halves"}
    return layouts.get(tuple(code.tolist())), f"the code of position 0 at width 8 is {_numbers(code)}"


# Attention.
def _attention_layout(probe: Probe) -> tuple[Any, str]:
    x = probe.floats(np.zeros((1, 2, 3, 8)))
    value = x.copy()
    value[0, 0, 0] = 1
    moved = abs(probe(x, x, value)[0]).sum(-1) > 0
    if moved[0].all() and not moved[1].any():
        return "heads-first", "of arrays (1, 2, 3, 8), the value at (0, 0) reaches the outputs (0, 0), (0, 1), (0, 2)"
    if moved[:, 0].all() and not moved[:, 1:].any():
        return "time-first", "of arrays (1, 2, 3, 8), the value at (0, 0) reaches the outputs (0, 0), (1, 0)"
    return None, f"the value at (0, 0) reaches {np.argwhere(moved).tolist()}"


def _attend(probe: Probe, query: Any, key: Any, value: Any, **options: Any) -> Array:
    """Attention on (heads, time, width), whatever the layout."""
    swap = probe.known.get("attention_layout") == "time-first"
    arrays = [probe.floats(x)[None] for x in (query, key, value)]
    answer = probe(*(np.ascontiguousarray(np.swapaxes(x, 1, 2)) if swap else x for x in arrays), **options)
    return (np.swapaxes(answer, 1, 2) if swap else answer)[0]


def _attention_scale(probe: Probe) -> tuple[Any, str]:
    d = 16
    query, key = np.zeros((1, 1, d)), np.zeros((1, 2, d))
    query[..., 0], key[0, 0, 0] = 1, 1
    value = np.zeros((1, 2, d))
    value[0, 0, 0] = value[0, 1, 1] = 1
    weights = _attend(probe, query, key, value)[0, 0]
    scale = float(np.log(weights[0] / weights[1]))
    known = {"1/sqrt(d)": d**-0.5, "1/d": 1 / d, "1": 1.0}
    near = next((name for name, s in known.items() if abs(scale / s - 1) < 0.05), None)
    return near, f"at width 16, a product of 1 makes a log ratio of {scale:.4f}"


def _visible(probe: Probe, queries: int, keys: int, **options: Any) -> Array:
    """The attention weights of equal keys, which show the keys that each query sees."""
    width = 8
    value = np.zeros((1, keys, width))
    value[0, range(keys), range(keys)] = 1
    return _attend(probe, np.zeros((1, queries, width)), np.zeros((1, keys, width)), value, **options)[0, :, :keys]


def _mask_polarity(probe: Probe) -> tuple[Any, str]:
    mask = np.array([[True, False, False], [False, True, False]])
    weights = _visible(probe, 2, 3, mask=mask)[0]
    value = "keep" if weights[0] > 0.9 else "drop" if weights[0] < 0.1 else None
    return value, f"with the mask (True, False, False) the weights are {_numbers(weights)}"


def _causal_alignment(probe: Probe) -> tuple[Any, str]:
    counts = (_visible(probe, 2, 5, is_causal=True) > 0.01).sum(-1).tolist()
    value = {(1, 2): "top-left", (4, 5): "bottom-right"}.get(tuple(counts))
    return value, f"of 5 keys, 2 causal queries see {counts[0]} and {counts[1]}"


def _attention_of_nothing(probe: Probe) -> tuple[Any, str]:
    hidden = probe.known["mask_polarity"] == "drop"
    mask = np.full((2, 3), not hidden)
    mask[0] = hidden
    weights = _visible(probe, 2, 3, mask=mask)[0]
    value = "nan" if np.isnan(weights).any() else "zeros" if (weights == 0).all() else None
    if value is None and np.allclose(weights, 1 / 3, atol=0.01):
        value = "mean"
    return value, f"a query that sees none of 3 keys has the weights {_numbers(weights)}"


def _grouped_heads(probe: Probe) -> tuple[Any, str]:
    key = np.zeros((2, 1, 8))
    value = key + np.array([1.0, 2.0])[:, None, None]
    came = _attend(probe, np.zeros((4, 1, 8)), key, value)[:, 0, 0].round().astype(int).tolist()
    value_of = {(1, 1, 2, 2): "repeat", (1, 2, 1, 2): "tile"}.get(tuple(came))
    return value_of, f"4 query heads on 2 key heads read from the key heads {', '.join(map(str, came))}"


_GRADE: dict[str, Detector] = {"log_softmax": log_softmax_grade}


DETECTORS: dict[str, dict[str, Detector]] = {
    # Before softmax, whose exponential may underflow early even if subnormals are kept.
    "linear": {"linear_weight": _linear_weight, "subnormals": _subnormal_product},
    "softmax": {
        "softmax_of_nothing": _softmax_of_nothing,
        "errors": _errors,
        "subnormals": _subnormal_probability,
        "reproducible": bits_across_calls,
    },
    **dict.fromkeys(("log_softmax", "logsumexp", "log_softmax_vjp", "logsumexp_vjp"), _GRADE),
    "argmax": {"argmax_ties": _ties, "argmax_nan": _nan_in_argmax},
    "relu": {"subnormals": _subnormal_input},
    "relu_vjp": {"relu_slope_at_zero": _relu_slope},
    "cross_entropy": {"cross_entropy_of_nothing": _cross_entropy_of_nothing, **_GRADE},
    "cross_entropy_vjp": {"subnormals": _subnormal_gradient, **_GRADE},
    "rope": {
        "rope_pairing": _rope_pairing,
        "rope_sign": _rope_sign,
        "rope_base": _rope_base,
        "rope_step": _rope_step,
        "rope_phase": _rope_phase,
        "subnormals": _subnormal_feature,
    },
    "sinusoidal_positional_encoding": {"code_layout": _code_layout},
    "scaled_dot_product_attention": {
        "attention_layout": _attention_layout,
        "attention_scale": _attention_scale,
        "mask_polarity": _mask_polarity,
        "causal_alignment": _causal_alignment,
        "attention_of_nothing": _attention_of_nothing,
        "grouped_heads": _grouped_heads,
        "subnormals": _subnormal_value,
    },
}
