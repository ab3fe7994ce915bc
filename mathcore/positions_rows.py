"""What must be true of every operation on positions, whichever it is: the textbook's waves and turns, and inputs."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from mathcore.common_rows import Part
from mathcore.positions_tolerances import angle_error, pulled_to_places, turned_pair, wave_between, wave_rounding
from mathcore.verify import (
    Enclosure,
    Operations,
    Target,
    all_of,
    draw_array,
    draw_exact,
    draw_integers,
    enclose,
    equal,
    identical,
    log_uniform,
    positions,
    seeds,
)
from mathcore.verify.domains import Draw, option
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import FORMATS, Allowance

# The textbook, on Arb balls.


@functools.lru_cache(maxsize=64)
def _frequencies(dim: int, base: float, bits: int) -> Any:  # noqa: ARG001  (the precision it was computed at)
    from flint import arb

    out = np.empty((dim + 1) // 2, dtype=object)
    out[:] = [arb(base) ** (arb(-2 * i) / dim) for i in range(len(out))]
    return out


def true_frequencies(dim: int, base: float) -> Any:
    """θ_i = base^(−2i/dim) as balls of the working precision, (⌈dim/2⌉,)."""
    from flint import ctx

    return _frequencies(dim, float(base), ctx.prec)


def waves(m: Any, dim: int, base: float) -> tuple[Any, Any]:
    """Cosine and sine of mθ_i as balls, (..., ⌈dim/2⌉); `m` balls."""
    both = np.frompyfunc(lambda angle: angle.sin_cos(), 1, 2)
    sin, cos = both(np.asarray(m, dtype=object)[..., None] * true_frequencies(dim, base))
    return np.asarray(cos, dtype=object), np.asarray(sin, dtype=object)


def true_waves(m: Any, dim: int, base: float) -> tuple[Enclosure, Enclosure]:
    """Cosine and sine of mθ_i."""
    both = enclose(lambda m: np.stack(waves(m, dim, base)), m)
    return both[0], both[1]


def lanes(dim: int, *, interleaved: bool) -> tuple[Any, Any]:
    """Where the first and the second members of the pairs stand."""
    whole = np.arange(dim)
    return (whole[0::2], whole[1::2]) if interleaved else (whole[: (dim + 1) // 2], whole[(dim + 1) // 2 :])


class Turn(NamedTuple):
    """Cosines and sines of the same angles, as exact as their numbers are."""

    cos: Any
    sin: Any


def turned(x: Any, cos: Any, sin: Any, *, interleaved: bool) -> Any:
    """Every pair of the leading features turned by its angle; object arrays."""
    first, second = lanes(2 * cos.shape[-1], interleaved=interleaved)
    a, b, y = x[..., first], x[..., second], x.copy()
    y[..., first], y[..., second] = a * cos - b * sin, a * sin + b * cos
    return y


def width_turned(x: Any, rotary_dim: int | None) -> int:
    """How many leading features turn."""
    return int(x.shape[-1] if rotary_dim is None else rotary_dim)


def places(x: Any, given: Any, offset: int = 0) -> Any:
    """The position of every row, as int64."""
    return (np.arange(x.shape[-2]) if given is None else np.asarray(given)).astype(np.int64) + offset


def turn_allowed(x: Any, cos: Any, sin: Any, angle: Any, *, interleaved: bool) -> Any:
    """What rounding may do to every feature that turns."""
    dim = 2 * cos.shape[-1]
    first, second = lanes(dim, interleaved=interleaved)
    where = np.argsort(np.concatenate([first, second]))
    c, s = (np.broadcast_to(v, (*x.shape[:-1], dim // 2)) for v in (cos, sin))
    d = np.broadcast_to(angle, c.shape)
    a, b = x[..., first].astype(np.float64), x[..., second].astype(np.float64)
    pairs = ((a, a), (b, b), (c, s), (s, c), (d, d))
    a, b, c, s, d = (np.concatenate(pair, -1)[..., where] for pair in pairs)
    return turned_pair(a, b, c, s, d, x.dtype)


# Inputs.


def draw_base(draw: Draw) -> float:
    """How much slower the slowest pair is: usual ones, 1 (all alike), and any other."""
    usual = st.sampled_from([10_000.0, 10_000.0, 500_000.0, 100.0, 1.0])
    return option(draw, "base", 10_000.0, st.one_of(usual, log_uniform(1.0, 1e7), log_uniform(1.0, 1e18)))


def magnitudes(name: str) -> tuple[float, float]:
    """Scales of vectors: from where their format underflows to a 16th of its largest number.

    Those of float64 end where their squares, which lengths are judged by, leave its range.
    """
    f = FORMATS[name]
    return (2.0**-500, 2.0**500) if name == "float64" else (16 * f.smallest, f.most / 16)


def draw_places(draw: Draw, shape: tuple[int, ...], most: int = 2**31) -> Any:
    """Integer positions of either sign: neighbours from a drawn one on, or scattered, to the end of the range."""
    count = int(np.prod(shape))
    start = draw(st.sampled_from([1, 1, -1])) * draw(positions(most - count))
    near = start + np.arange(count)
    if draw(st.booleans()):
        rng = draw(seeds())
        near = rng.choice([1, 1, -1], count) * (2.0 ** rng.uniform(0, np.log2(most), count)).astype(np.int64)
    return near.astype(
        draw(st.sampled_from([np.int64, np.int64, np.int32]) if most < 2**31 else st.just(np.int64))
    ).reshape(shape)


def draw_width(draw: Draw, width: int) -> int | None:
    """How many of `width` features turn: all of them, or an even part; None for all."""
    part = st.integers(0, width // 2).map(lambda pairs: 2 * pairs)
    if width % 2:
        return draw(part)
    return option(draw, "rotary_dim", None, st.one_of(st.none(), st.none(), part))


LEADING: Any = st.sampled_from([(), (), (2,), (1, 3), (3, 2)])
"""Axes before the time axis: batches and heads."""


def draw_stack(draw: Draw, rows: int) -> tuple[int, ...]:
    """Two or three axes, one of them `rows` long: the first, mostly."""
    return draw(st.sampled_from([(rows, 1), (rows, 2), (2, rows), (rows, 1, 2), (rows, 2, 1), (2, rows, 1)]))


def _turning(draw: Draw, name: str, width: int, rows: tuple[int, ...]) -> dict[str, Any]:
    """Vectors on leading axes, the last of them time, with positions of their own or shared, and options."""
    own = rows if draw(st.booleans()) else rows[-1:]
    return {
        "x": draw_array(draw, (*rows, width), name, magnitudes(name)),
        "positions": None if draw(st.integers(0, 4)) == 0 else draw_places(draw, own, 2**30),
        "base": draw_base(draw),
        "interleaved": draw(st.booleans()),
        "rotary_dim": draw_width(draw, width),
        "offset": option(draw, "offset", 0, st.sampled_from([0, 0, 1, -3, 2049, 2**20])),
    }


def _turn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    axes = draw(LEADING) if width <= 65 else ()
    return _turning(draw, name, width, (*axes, rows or draw(st.integers(1, 4))))


def _with_cotangent(draw: Draw, turn: dict[str, Any]) -> dict[str, Any]:
    x = turn["x"]
    return {"cotangent": draw_array(draw, x.shape, x.dtype.name, magnitudes(x.dtype.name)), **turn}


def _turn_back(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _with_cotangent(draw, _turn(draw, name, width, long=long, rows=rows))


def _stacked_turn(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _turning(draw, name, 2 * draw(st.integers(1, 2)), draw_stack(draw, rows))


def _table(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    shape = draw(st.sampled_from([(), (1,), (3,), (2, 2), (0,)])) if rows is None else (rows,)
    return _tabled(draw, shape, 2 * (width // 2))


def _tabled(draw: Draw, shape: tuple[int, ...], width: int) -> dict[str, Any]:
    return {"positions": draw_places(draw, shape), "rotary_dim": width, "base": draw_base(draw)}


def _stacked_table(draw: Draw, name: str, rows: int) -> dict[str, Any]:  # noqa: ARG001
    return _tabled(draw, draw_stack(draw, rows), 2 * draw(st.integers(1, 2)))


def _coded(draw: Draw, table: dict[str, Any], width: int) -> dict[str, Any]:
    return {"positions": table["positions"], "dim": width, "base": table["base"], "interleaved": draw(st.booleans())}


def _code(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _coded(draw, _table(draw, name, width, long=long, rows=rows), width)


def _stacked_code(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _coded(draw, _stacked_table(draw, name, rows), draw(st.integers(2, 3)))


def _code_back(draw: Draw, code: dict[str, Any], name: str) -> dict[str, Any]:
    m = np.asarray(code["positions"], np.float64)
    if draw(st.booleans()):
        m = np.asarray(m + draw(seeds()).uniform(-0.49, 0.49, m.shape))
    cotangent = draw_array(draw, (*m.shape, code["dim"]), name, (2.0**-6, 2.0**6))
    return {"cotangent": cotangent, **code, "positions": m}


def _given_angles(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    axes = draw(LEADING) if width <= 65 else ()
    return _angled(draw, name, width, (*axes, rows or draw(st.integers(1, 4))))


def _angled(draw: Draw, name: str, width: int, rows: tuple[int, ...]) -> dict[str, Any]:
    pairs = draw(st.integers(0, width // 2)) if width < 66 else width // 2
    own = rows if draw(st.booleans()) else rows[-1:]
    angle = draw(seeds()).uniform(-4, 4, size=(*own, pairs))
    x = draw_array(draw, (*rows, width), name, magnitudes(name))
    cos, sin = (f(angle).astype(x.dtype) for f in (np.cos, np.sin))
    return {"x": x, "cos": cos, "sin": sin, "interleaved": draw(st.booleans())}


def _stacked_angles(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _angled(draw, name, 2 * draw(st.integers(1, 2)), draw_stack(draw, rows))


def _angles_back(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _with_cotangent(draw, _given_angles(draw, name, width, long=long, rows=rows))


def draw_turns(draw: Draw, shape: tuple[int, ...], *, fractions: bool) -> Turn:
    """Cosines and sines that are rational: Pythagorean ones as Fractions, or quarter turns as float64."""
    p, q = (draw_integers(draw, shape, 9) for _ in range(2))
    if not fractions:
        quarter = p % 4
        return Turn(np.array([1.0, 0, -1, 0])[quarter], np.array([0.0, 1, 0, -1])[quarter])
    p = np.where((p == 0) & (q == 0), 1, p)
    make = np.frompyfunc(lambda a, b: Fraction(int(a), int(b)), 2, 1)
    length = p * p + q * q
    return Turn(*(np.asarray(make(v, length), dtype=object).reshape(shape) for v in (p * p - q * q, 2 * p * q)))


def draw_rational(draw: Draw, target: Target, *shape: int) -> tuple[Any, bool]:
    """Numbers that arithmetic is exact on, and whether they are Fractions."""
    fractions = bool(target.exact) and draw(st.integers(0, 3)) > 0
    return draw_exact(draw, target, *shape, fractions=fractions), fractions


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
    back: bool = False,
) -> Conjunction:
    """That `answer` is x turned by mθ, feature by feature, and that what does not turn is what it was."""
    dim, m = width_turned(x, rotary_dim), places(x, positions, offset) * (-1 if back else 1)
    head = x[..., :dim]
    truth = enclose(lambda x, m: turned(x, *waves(m, dim, base), interleaved=interleaved), head, m)
    theta = np.asarray(base) ** (-2.0 * np.arange(dim // 2) / max(dim, 1))
    cos, sin = np.cos(m[..., None] * theta), np.sin(m[..., None] * theta)
    slack = angle_error(m, dim, base, "float64")  # these cosines only measure the error
    angle = angle_error(m, dim, base, ops.conventions.rope_angles)
    allowed = turn_allowed(head, abs(cos) + slack, abs(sin) + slack, angle, interleaved=interleaved)
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
    sines, cosines = lanes(dim, interleaved=interleaved)
    where = np.argsort(np.concatenate([sines, cosines]))

    def both(by_sine: Any, by_cosine: Any) -> Any:
        return np.concatenate([by_sine, by_cosine[..., : dim // 2]], -1)[..., where]

    def pulled(g: Any, m: Any) -> Any:
        cos, sin = waves(m, dim, base)
        theta = np.broadcast_to(true_frequencies(dim, base), cos.shape)
        return (g * both(theta * cos, -theta * sin)).sum(-1) if dim else m * 0

    cos, sin = (t.hi for t in true_waves(positions, dim, base))
    theta = np.asarray([float(t) for t in true_frequencies(dim, base)])
    angle = angle_error(positions, dim, base, ops.conventions.rope_angles)
    allowed = pulled_to_places(
        cotangent, both(theta, theta), both(cos, sin), both(angle, angle), np.asarray(answer).dtype,
        whole=np.array_equal(positions, np.rint(positions)),
    )  # fmt: skip
    return equal(answer, enclose(pulled, cotangent, positions), within=allowed)


def waves_agree(ops: Operations, answer: Any, positions: Any, dim: int, base: float, interleaved: bool) -> Relation:
    """That `answer` holds the sines and cosines of mθ in their places."""
    cos, sin = true_waves(positions, dim, base)
    sines, cosines = lanes(dim, interleaved=interleaved)
    where = np.argsort(np.concatenate([sines, cosines]))
    truth = Enclosure(*(
        np.concatenate([getattr(sin, part), getattr(cos, part)[..., : dim // 2]], -1)[..., where]
        for part in ("hi", "lo", "radius")
    ))  # fmt: skip
    angle = angle_error(positions, dim, base, ops.conventions.rope_angles)
    angle = np.concatenate([angle, angle[..., : dim // 2]], -1)[..., where]
    whole = np.array_equal(positions, np.rint(positions))
    allowed = wave_rounding(truth.hi, angle, answer.dtype) if whole else wave_between(angle, answer.dtype)
    return equal(answer, truth, within=allowed)


def _table_agrees(ops: Operations, answer: Any, positions: Any, rotary_dim: int, base: float) -> Conjunction:
    angle = angle_error(positions, rotary_dim, base, ops.conventions.rope_angles)
    truths = true_waves(positions, rotary_dim, base)
    return all_of(*(
        equal(a, t, within=wave_rounding(t.hi, angle, a.dtype)) for a, t in zip(answer, truths, strict=True)
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
    truth = enclose(functools.partial(turned, interleaved=interleaved), x[..., :dim], cos, sin)
    c, s = cos.astype(np.float64), sin.astype(np.float64)
    allowed = turn_allowed(x[..., :dim], c, s, np.zeros(c.shape), interleaved=interleaved)
    return all_of(
        equal(_beyond_the_largest(answer[..., :dim], truth, allowed), truth, within=allowed),
        identical(answer[..., dim:], x[..., dim:]),
    )


_OPTIONS: Any = {"options": ("base", "interleaved", "rotary_dim", "offset"), "rows_in_views": 3}
_X = np.arange(12.0).reshape(3, 4)

ROPE = Part("rope", _turn, turned_agrees, {"x": _X}, (turned_pair,), stacked=_stacked_turn, **_OPTIONS)
ROPE_VJP = Part(
    "rope_vjp",
    _turn_back,
    _turned_back,
    {"cotangent": _X, "x": _X},
    (turned_pair,),
    stacked=lambda draw, name, rows: _with_cotangent(draw, _stacked_turn(draw, name, rows)),
    **_OPTIONS,
)
_TABLES = {"cos": np.ones((3, 2)), "sin": np.zeros((3, 2))}
APPLY_ROPE = Part(
    "apply_rope", _given_angles, _applied, {"x": _X, **_TABLES}, (turned_pair,), stacked=_stacked_angles, **_OPTIONS
)
APPLY_ROPE_VJP = Part(
    "apply_rope_vjp",
    _angles_back,
    _applied_back,
    {"cotangent": _X, "x": _X, **_TABLES},
    (turned_pair,),
    stacked=lambda draw, name, rows: _with_cotangent(draw, _stacked_angles(draw, name, rows)),
    **_OPTIONS,
)
ROPE_COS_SIN = Part(
    "rope_cos_sin",
    _table,
    _table_agrees,
    {},
    (wave_rounding,),
    rows_in_views=3,
    options=("base",),
    stacked=_stacked_table,
)
SINUSOIDAL = Part(
    "sinusoidal_positional_encoding", _code, waves_agree, {}, (wave_rounding,), stacked=_stacked_code, **_OPTIONS
)
SINUSOIDAL_VJP = Part(
    "sinusoidal_positional_encoding_vjp",
    lambda draw, name, width, *, long, rows: _code_back(draw, _code(draw, name, width, long=long, rows=rows), name),
    _code_pulled,
    {},
    (pulled_to_places,),
    stacked=lambda draw, name, rows: _code_back(draw, _stacked_code(draw, name, rows), name),
    **_OPTIONS,
)
