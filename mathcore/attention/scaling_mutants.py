"""Wrong scales, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.attention.dot_product_mutants import ATTENTION, Arrays, Asked, Options, _scale, asked
from mathcore.verify.claims import mutant, reported_of
from mathcore.verify.common_mutants import Family, Operation


# The scale.
def scaled_by(name: str, note: str, scale: Callable[[Arrays, Options], float | None]) -> Family:
    """Multiplied by something else."""

    def change(arrays: Arrays, options: Options) -> Asked:
        return arrays, {**options, "scale": scale(arrays, options)}

    change.__name__, change.__doc__ = name, note
    return asked(change)


def unless_given(name: str, note: str, scale: Callable[[Arrays], float]) -> Family:
    """Multiplied by something else where no scale is given."""

    def either(arrays: Arrays, options: Options) -> float | None:
        given = options.get("scale")
        return scale(arrays) if given is None else float(given)

    return scaled_by(name, note, either)


unscaled = reported_of(
    ATTENTION,
    "attention.anchor",
    """
    mlc-ai/mlc-llm PR#3426 (2026) merged
    ROCm/composable_kernel PR#526 (2022) merged
    delzac/cntkx #10 (2020) fixed
    """,
    alias="not_divided_by_the_root",
)(unless_given("unscaled", "Does not divide by √d.", lambda a: 1.0))


scaled_by_width = unless_given("scaled_by_width", "Divides by d.", lambda a: 1 / a[0].shape[-1])


scaled_by_one_less = unless_given(
    "scaled_by_one_less", "Divides by √(d − 1).", lambda a: max(a[0].shape[-1] - 1, 0.5) ** -0.5
)


scaled_by_value_width = unless_given(
    "scaled_by_value_width", "Divides by the root of the width of the values.", lambda a: a[2].shape[-1] ** -0.5
)


scaled_by_8 = unless_given("scaled_by_8", "Divides by 8, whatever the width.", lambda a: 0.125)


scaled_in_16_bits = unless_given(
    "scaled_in_16_bits", "Rounds 1/√d to float16.", lambda a: float(np.float16(a[0].shape[-1] ** -0.5))
)


scale_ignored = scaled_by("scale_ignored", "Divides by √d even if a scale is given.", lambda a, o: None)


scale_of_0_ignored = scaled_by(
    "scale_of_0_ignored", "Takes a scale of 0 for none.", lambda a, o: o.get("scale") or None
)


scale_without_its_sign = scaled_by(
    "scale_without_its_sign", "Takes a negative scale for a positive one.",
    lambda a, o: None if o.get("scale") is None else abs(o["scale"]),
)  # fmt: skip


scaled_twice = scaled_by(
    "scaled_twice", "Divides by √d after it has scaled.", lambda a, o: a[0].shape[-1] ** -0.5 * _scale(a, o)
)


@mutant("cross_entropy_vjp", wraps=True)
def gradient_times_probability(correct: Operation) -> Operation:
    """Multiplies by p(1 − p), as if after a squared error: confidently wrong, nothing is learnt."""

    def pulled_back(cotangent: Any, logits: Any, *more: Any, **options: Any) -> Any:
        p = logits.astype(np.float64)
        p = np.exp(p - p.max(-1, keepdims=True))
        p = p / p.sum(-1, keepdims=True)
        return (correct(cotangent, logits, *more, **options) * p * (1 - p)).astype(logits.dtype)

    return pulled_back
