"""The operations on positions: how each is called and judged."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mathcore.positions import positions_tolerances as tol
from mathcore.positions import textbook
from mathcore.positions.inputs import (
    _code,
    _code_back,
    _given_angles,
    _stacked_angles,
    _stacked_code,
    _stacked_table,
    _stacked_turn,
    _table,
    _turn,
    cotangent_of_a_turn,
)
from mathcore.verify import Enclosure, Limits, Operations, all_of, enclose, equal, identical
from mathcore.verify.operation import Operation, like
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import FORMATS, Allowance


# The operations.
def turned_agrees(
    ops: Operations,
    answer: Any,
    x: Any,
    positions: Any,
    base: float = 10_000.0,
    interleaved: bool = False,
    rotary_dim: int | None = None,
    offset: int = 0,
    frequencies: Any = None,
    attention_factor: float = 1.0,
    back: bool = False,
) -> Conjunction:
    """That `answer` is x turned by mθ, feature by feature, and that what does not turn is what it was."""
    dim, m = textbook.width_turned(x, rotary_dim, frequencies), textbook.places(x, positions, offset)
    m, head = -m if back else m, x[..., :dim]

    def turned(x: Any, m: Any) -> Any:
        waves = textbook.waves(m, dim, base, frequencies)
        return textbook.turned(x, *waves, interleaved=interleaved) * attention_factor

    truth = enclose(turned, head, m)
    theta = tol.frequencies(dim, base) if frequencies is None else np.asarray(frequencies, np.float64)
    slack = tol.angle_error(m, dim, base, "float64", frequencies)  # these cosines only measure the error
    cos, sin = (np.minimum(abs(f(m[..., None] * theta)) + slack, 1) * attention_factor for f in (np.cos, np.sin))
    angle = tol.angle_error(m, dim, base, ops.conventions.rope_angles, frequencies)
    angle = tol.scaled_angle(angle, attention_factor, x.dtype)
    allowed = textbook.turn_allowed(head, cos, sin, angle, interleaved=interleaved)
    return all_of(
        equal(_beyond_the_largest(answer[..., :dim], truth, allowed), truth, within=allowed),
        identical(answer[..., dim:], x[..., dim:]),
    )


def _beyond_the_largest(answer: Any, truth: Enclosure, allowed: Allowance) -> Any:
    """An answer in float64, its infinities replaced by true values that may round to them."""
    if answer.shape != truth.shape or answer.dtype.name not in FORMATS:
        return answer
    wide, most = answer.astype(np.float64), FORMATS[answer.dtype.name].most
    rounds = (wide == np.copysign(np.inf, truth.hi)) & (abs(truth.hi) + allowed.values >= most)
    return np.where(rounds, truth.hi, wide)


def _turned_back(ops: Operations, answer: Any, cotangent: Any, x: Any, **how: Any) -> Conjunction:  # noqa: ARG001
    return turned_agrees(ops, answer, cotangent, back=True, **how)


def _applied_back(ops: Operations, answer: Any, cotangent: Any, x: Any, cos: Any, sin: Any, **how: Any) -> Conjunction:  # noqa: ARG001
    return _applied(ops, answer, cotangent, cos, -sin, **how)


def _code_pulled(
    ops: Operations, answer: Any, cotangent: Any, positions: Any, dim: int, base: float, interleaved: bool
) -> Relation:
    """That `answer` is Σ θ (ḡ_sin cos mθ − ḡ_cos sin mθ)."""
    sines, cosines = textbook.lanes(dim, interleaved=interleaved)
    where = np.argsort(np.concatenate([sines, cosines]))

    def both(by_sine: Any, by_cosine: Any) -> Any:
        return np.concatenate([by_sine, by_cosine[..., : dim // 2]], -1)[..., where]

    def pulled(g: Any, m: Any) -> Any:
        cos, sin = textbook.waves(m, dim, base)
        theta = np.broadcast_to(textbook.true_frequencies(dim, base), cos.shape)
        return (g * both(theta * cos, -theta * sin)).sum(-1) if dim else m * 0

    cos, sin = (t.hi for t in textbook.true_waves(positions, dim, base))
    theta = np.asarray([float(t) for t in textbook.true_frequencies(dim, base)])
    angle = tol.angle_error(positions, dim, base, ops.conventions.rope_angles)
    allowed = tol.pulled_to_places(
        cotangent, both(theta, theta), both(cos, sin), both(angle, angle), np.asarray(answer).dtype,
        whole=np.array_equal(positions, np.rint(positions)),
    )  # fmt: skip
    return equal(answer, enclose(pulled, cotangent, positions), within=allowed)


def waves_agree(ops: Operations, answer: Any, positions: Any, dim: int, base: float, interleaved: bool) -> Relation:
    """That `answer` holds the sines and cosines of mθ in their places."""
    cos, sin = textbook.true_waves(positions, dim, base)
    sines, cosines = textbook.lanes(dim, interleaved=interleaved)
    where = np.argsort(np.concatenate([sines, cosines]))
    truth = Enclosure(*(
        np.concatenate([getattr(sin, part), getattr(cos, part)[..., : dim // 2]], -1)[..., where]
        for part in ("hi", "lo", "radius")
    ))  # fmt: skip
    angle = tol.angle_error(positions, dim, base, ops.conventions.rope_angles)
    angle = np.concatenate([angle, angle[..., : dim // 2]], -1)[..., where]
    whole = np.array_equal(positions, np.rint(positions))
    allowed = tol.wave_rounding(truth.hi, angle, answer.dtype) if whole else tol.wave_between(angle, answer.dtype)
    return equal(answer, truth, within=allowed)


def _table_agrees(
    ops: Operations,
    answer: Any,
    positions: Any,
    rotary_dim: int,
    base: float,
    frequencies: Any = None,
    attention_factor: float = 1.0,
) -> Conjunction:
    angle = tol.angle_error(positions, rotary_dim, base, ops.conventions.rope_angles, frequencies)
    angle = tol.scaled_angle(angle, attention_factor, np.float64)
    truths = textbook.true_waves(positions, rotary_dim, base, frequencies, attention_factor)
    return all_of(*(
        equal(a, t, within=tol.wave_rounding(t.hi, angle, a.dtype)) for a, t in zip(answer, truths, strict=True)
    ))  # fmt: skip


def _applied(
    ops: Operations,  # noqa: ARG001
    answer: Any,
    x: Any,
    cos: Any,
    sin: Any,
    interleaved: bool = False,
) -> Conjunction:
    dim = 2 * cos.shape[-1]
    truth = enclose(functools.partial(textbook.turned, interleaved=interleaved), x[..., :dim], cos, sin)
    c, s = cos.astype(np.float64), sin.astype(np.float64)
    allowed = textbook.turn_allowed(x[..., :dim], c, s, np.zeros(c.shape), interleaved=interleaved)
    return all_of(
        equal(_beyond_the_largest(answer[..., :dim], truth, allowed), truth, within=allowed),
        identical(answer[..., dim:], x[..., dim:]),
    )


_GIVEN = ("frequencies", "attention_factor")
_OPTIONS: Any = {"options": ("base", "interleaved", "rotary_dim", "offset", *_GIVEN), "rows_in_views": 3}


_X = np.arange(12.0).reshape(3, 4)
_PAIRS = "odd widths of which all turn, which have no pairs"
_FINITE = {"scale": "no coordinate overflows"}
_BACK: Any = {"cotangent": cotangent_of_a_turn, "named": "cotangent"}
_OF_POSITIONS = {
    "rows_are_independent": "it has a row for each position, and no rows that could hold NaN",
    "keeps_dtype": "its result is float64, whatever the positions are",
    "floats_only": "positions may be integers",
}


ROPE = Operation(
    "rope",
    _turn,
    turned_agrees,
    {"x": _X},
    (tol.turned_pair,),
    stacked=_stacked_turn,
    limits={
        "any_width": Limits(rows=6, also=(_PAIRS,)),
        "many_rows": Limits(width=4),
        "pure": Limits(width=9),
    },
    result=like("x"),
    **_OPTIONS,
)


ROPE_VJP = ROPE.derivative(_turned_back, tol.turned_pair, result=like("x"), **_BACK)


_TABLES = {"cos": np.ones((3, 2)), "sin": np.zeros((3, 2))}


APPLY_ROPE = Operation(
    "apply_rope",
    _given_angles,
    _applied,
    {"x": _X, **_TABLES},
    (tol.turned_pair,),
    stacked=_stacked_angles,
    limits={
        **dict.fromkeys(("layout_free", "keeps_dtype"), Limits(fixed=_FINITE)),
        "any_width": Limits(rows=3, fixed=_FINITE, also=(_PAIRS,)),
        "many_rows": Limits(width=4, fixed=_FINITE),
        "pure": Limits(width=9, fixed=_FINITE),
    },
    exempt={"rows_are_independent": "rows may share their tables; `rope.fast_form` compares it with `rope`"},
    result=like("x"),
    **_OPTIONS,
)


APPLY_ROPE_VJP = APPLY_ROPE.derivative(_applied_back, tol.turned_pair, **_BACK)


ROPE_COS_SIN = Operation(
    "rope_cos_sin",
    _table,
    _table_agrees,
    {},
    (tol.wave_rounding,),
    rows_in_views=3,
    options=("base", *_GIVEN),
    stacked=_stacked_table,
    limits={
        "layout_free": Limits(rows=1, width=16),
        "pure": Limits(rows=1, width=4),
        "any_width": Limits(rows=1, also=("odd widths, which have no pairs",)),
        "many_rows": Limits(rows=1, width=2),
    },
    exempt=_OF_POSITIONS,
)


SINUSOIDAL = Operation(
    "sinusoidal_positional_encoding",
    _code,
    waves_agree,
    {},
    (tol.wave_rounding,),
    stacked=_stacked_code,
    limits={"layout_free": Limits(rows=3), "pure": Limits(rows=4, width=9), "any_width": Limits(rows=1)},
    exempt=_OF_POSITIONS,
    **_OPTIONS,
)


SINUSOIDAL_VJP = Operation(
    "sinusoidal_positional_encoding_vjp",
    lambda draw, name, width, *, long, rows: _code_back(draw, _code(draw, name, width, long=long, rows=rows), name),
    _code_pulled,
    {},
    (tol.pulled_to_places,),
    stacked=lambda draw, name, rows: _code_back(draw, _stacked_code(draw, name, rows), name),
    **_OPTIONS,
)
