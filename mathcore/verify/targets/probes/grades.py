"""Detectors of how much more a target promises than correctness asks: digits near 0, and bits across calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError

GRADED = ("log_softmax", "logsumexp", "cross_entropy", "log_softmax_vjp", "logsumexp_vjp", "cross_entropy_vjp")
"""The operations that the convention `log_softmax` is about: it is that of the least accurate one."""

_WIDTHS = (2, 9)
_ULPS = 16.0
"""What a value may be off by, in units in its last place, and count as computed without loss, which costs thousands.

That is 32 roundings: 11 from an exponent of up to 11, 8 from a sum of 9, and the rest for e^x, ln(1 + x) and the store.
"""


def log_softmax_grade(probe: Any) -> tuple[Any, str]:
    """How logarithms of probabilities are computed by the operations of a target, all of them together."""
    if probe.dtype not in ("float64", "float32"):
        return "lse", f"{probe.dtype} has too few digits to tell"
    offered = [name for name in GRADED if name in probe.target.operations]
    for value, lost, what in (
        ("lse", _lost_far_out, "scores near 10⁴ cost"),
        ("shifted", _lost_near_zero, "a dominant score costs"),
    ):
        errors = {name: max(lost(replace(probe, operation=name), n) for n in _WIDTHS) for name in offered}
        worst = max(errors, key=lambda name: errors[name])
        if errors[worst] > _ULPS:
            return value, f"{what} `{worst}` {errors[worst]:.3g} units in the last place"
    return "log1p", "neither a common offset nor a dominant score costs digits"


def _lost_far_out(probe: Any, n: int) -> float:
    """The error of logarithms of the highest probability, or of the lowest probability, of rows at several offsets."""
    level = 9001 + 37 * np.arange(16)[:, None]
    x = level - np.arange(16 * n).reshape(16, n) * 5 % 16 / 8.0
    if probe.operation == "logsumexp":
        return 0.0  # it rounds at the size of the scores, whatever the algorithm
    if not probe.operation.endswith("_vjp"):
        return _error(probe, x, x.argmax(-1), np.log1p(_others(x)))
    low = x.argmin(-1)
    return _error(probe, x, low, np.exp(x.min(-1) - x.max(-1)) / (1 + _others(x)))


def _lost_near_zero(probe: Any, n: int) -> float:
    """The error of a logarithm of a probability near 1, or of that probability minus 1."""
    x = -np.arange(16)[:, None] / 4 - 6.0 - np.arange(n) % 2
    x[:, 0] = 0
    if probe.operation in ("log_softmax_vjp", "logsumexp_vjp"):
        return 0.0  # nothing is small
    rest = _others(x)
    return _error(probe, x, x.argmax(-1), rest / (1 + rest) if probe.operation.endswith("_vjp") else np.log1p(rest))


def _others(x: Any) -> Any:
    """Σ exp(x − max x) without the highest score."""
    e = np.exp(x - x.max(-1, keepdims=True))
    np.put_along_axis(e, x.argmax(-1)[:, None], 0.0, -1)
    return e.sum(-1)


def _error(probe: Any, x: Any, place: Any, true: Any) -> float:
    """The largest error in units in the last place of the true values; 0 if there is no answer."""
    top, ones = x.argmax(-1), np.ones(len(x))
    name, scores = probe.operation, probe.floats(x)
    options = {"reduction": "none"} if name.startswith("cross_entropy") else {}
    targets = (top,) if options else ()
    cotangent = np.arange(x.shape[1]) == top[:, None] if name == "log_softmax_vjp" else ones
    before = (probe.floats(cotangent),) if name.endswith("_vjp") else ()
    try:
        answer = probe(*before, scores, *targets, **options)
    except (NotTriedError, TargetError, ContractError):
        return 0.0
    answer = abs(np.take_along_axis(answer, place[:, None], -1)[:, 0] if answer.ndim > 1 else answer)
    return float((abs(answer - true) / true).max() / (2 * probe.unit))


def bits_across_calls(probe: Any) -> tuple[Any, str]:
    """What is seen of bits that depend on the batch; that nothing is seen is no promise, so that none is declared."""
    x = probe.floats(np.random.default_rng(0).normal(size=(64, 301)) * 4)
    together, across = probe(x), probe(np.ascontiguousarray(x.T).T)
    alone = np.stack([probe(row[None].copy())[0] for row in x])
    differing = sum(not np.array_equal(together, other) for other in (across, alone))
    seen = "differ from those of the array" if differing else "are those of the array, which is no promise"
    return "any", f"the bits of single rows and of another layout {seen}"
