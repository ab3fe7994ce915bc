"""What claims about positions draw."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions.textbook import Rotation
from mathcore.verify import Target, draw_array, draw_exact, draw_integers, log_uniform, positions, seeds
from mathcore.verify.domains import Draw, as_dtype, option
from mathcore.verify.tolerances import FORMATS


def draw_base(draw: Draw) -> float:
    """How much slower the slowest pair is: usual ones, 1 (all alike), and any other."""
    usual = st.sampled_from([10_000.0, 10_000.0, 500_000.0, 100.0, 1.0])
    return option(draw, "base", 10_000.0, st.one_of(usual, log_uniform(1.0, 1e7), log_uniform(1.0, 1e18)))


def draw_frequencies(draw: Draw, pairs: int, name: str = "float64") -> Any:
    """Radians in a step for every pair, of either sign and 0 among them; or None, for those of the base."""
    if not option(draw, "frequencies", False, st.sampled_from([False, False, True])):
        return None
    rng = draw(seeds())
    theta = rng.choice([1, 1, 1, -1], pairs) * 2.0 ** rng.uniform(-20, 2.6, pairs)
    return as_dtype(np.where(rng.random(pairs) < 0.1, 0.0, theta), name)


def draw_factor(draw: Draw) -> float:
    """What lengths are multiplied by: 1, mostly."""
    more = st.sampled_from([1.0, 1.0, 1.0, 1.25, 0.5, 0.1 * np.log(40.0) + 1])
    return option(draw, "attention_factor", 1.0, st.one_of(more, more, log_uniform(0.125, 8.0)))


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
    """How many of `width` features are rotated: all of them, or an even part; None for all."""
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
    own, rotary_dim = rows if draw(st.booleans()) else rows[-1:], draw_width(draw, width)
    frequencies = draw_frequencies(draw, (width if rotary_dim is None else rotary_dim) // 2, name)
    return {
        "x": draw_array(draw, (*rows, width), name, magnitudes(name)),
        "positions": None if draw(st.integers(0, 4)) == 0 else draw_places(draw, own, 2**30),
        "base": draw_base(draw) if frequencies is None else 10_000.0,
        "interleaved": draw(st.booleans()),
        "rotary_dim": rotary_dim,
        "offset": option(draw, "offset", 0, st.sampled_from([0, 0, 1, -3, 2049, 2**20])),
        "frequencies": frequencies,
        "attention_factor": draw_factor(draw),
    }


def _turn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    axes = draw(LEADING) if width <= 65 else ()
    return _turning(draw, name, width, (*axes, rows or draw(st.integers(1, 4))))


def cotangent_of_a_turn(draw: Draw, name: str, turn: dict[str, Any]) -> Any:
    """A cotangent of rotated vectors."""
    return draw_array(draw, turn["x"].shape, name, magnitudes(name))


def _stacked_turn(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    turn = _turning(draw, name, 2 * draw(st.integers(1, 2)), draw_stack(draw, rows))
    if turn["positions"] is None:  # said, since rows that are repeated keep their positions
        turn["positions"] = np.arange(turn["x"].shape[-2])
    return turn


def _table(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    shape = draw(st.sampled_from([(), (1,), (3,), (2, 2), (0,)])) if rows is None else (rows,)
    return _tabled(draw, name, shape, 2 * (width // 2))


def _tabled(draw: Draw, name: str, shape: tuple[int, ...], width: int) -> dict[str, Any]:
    frequencies = draw_frequencies(draw, width // 2, name)
    base = draw_base(draw) if frequencies is None else 10_000.0
    how = {"base": base, "frequencies": frequencies, "attention_factor": draw_factor(draw)}
    return {"positions": draw_places(draw, shape), "rotary_dim": width, **how}


def _stacked_table(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _tabled(draw, name, draw_stack(draw, rows), 2 * draw(st.integers(1, 2)))


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


def draw_rotations(draw: Draw, shape: tuple[int, ...], *, fractions: bool) -> Rotation:
    """Cosines and sines that are rational: Pythagorean ones as Fractions, or multiples of 90° as float64."""
    p, q = (draw_integers(draw, shape, 9) for _ in range(2))
    if not fractions:
        quarter = p % 4
        return Rotation(np.array([1.0, 0, -1, 0])[quarter], np.array([0.0, 1, 0, -1])[quarter])
    p = np.where((p == 0) & (q == 0), 1, p)
    make = np.frompyfunc(lambda a, b: Fraction(int(a), int(b)), 2, 1)
    length = p * p + q * q
    return Rotation(*(np.asarray(make(v, length), dtype=object).reshape(shape) for v in (p * p - q * q, 2 * p * q)))


def draw_rational(draw: Draw, target: Target, *shape: int) -> tuple[Any, bool]:
    """Numbers that arithmetic is exact on, and whether they are Fractions."""
    fractions = bool(target.exact) and draw(st.integers(0, 3)) > 0
    return draw_exact(draw, target, *shape, fractions=fractions), fractions
