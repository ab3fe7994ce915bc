"""What must be true of every operation on positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import rope_mutants as wrong
from mathcore.positions import sinusoidal_mutants
from mathcore.positions.inputs import draw_base, draw_places, magnitudes
from mathcore.positions.positions_tolerances import turned_pair, wave_between, wave_rounding
from mathcore.positions.records import (
    APPLY_ROPE,
    APPLY_ROPE_VJP,
    ROPE,
    ROPE_COS_SIN,
    ROPE_VJP,
    SINUSOIDAL,
    SINUSOIDAL_VJP,
    turned_agrees,
)
from mathcore.positions.sinusoidal_claims import between_integers, codes
from mathcore.verify import Claim, Limits, Operations, Target, laws
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, seeds
from mathcore.verify.promises import reproduced
from mathcore.verify.refusals import refuse
from mathcore.verify.relations import all_of

# What holds of every operation on positions.
anchor = Claim(
    "rope.anchor",
    statement="At position 1, pair i turns counter-clockwise by base^(−2i/d) radians, the first by 1; at position m by "
    "m times that, far positions, offsets and negative ones included. Frequencies that are given stand in the place of "
    "those of the base, and lengths are multiplied by the attention factor.",
    formula=r"R_m x = \bigoplus_i \begin{pmatrix} \cos m\theta_i & -\sin m\theta_i \\ \sin m\theta_i & \cos m\theta_i "
    r"\end{pmatrix} x^{(i)}, \qquad \theta_i = \mathrm{base}^{-2i/d}",
    legend={
        "x": "a vector; x⁽ⁱ⁾ is its pair i",
        "R": "R_m, the turn at position m",
        "d": "the number of features that turn",
    },
    source="arXiv:2104.09864, §3.2",
    needs=("rope",),
    tolerances=(turned_pair,),
    refuted_by=(
        wrong.positions_doubled,
        wrong.one_further,
        wrong.turned_clockwise,
        wrong.base_slightly_off,
        wrong.base_ignored,
        wrong.other_pairing,
        wrong.pairing_ignored,
        wrong.offset_ignored,
        wrong.whole_width_turned,
        wrong.rest_zeroed,
        wrong.positions_in_bfloat16,
        wrong.positions_in_float16,
        wrong.past_is_present,
        wrong.magnitude_of_position,
        wrong.table_ends,
        wrong.positions_ignored,
        wrong.first_sequence_everywhere,
        wrong.heads_read_as_time,
        wrong.angles_in_float32,
        wrong.table_in_float32,
        wrong.frequencies_in_bfloat16,
        wrong.last_pair_at_base,
        wrong.half_the_exponent,
        wrong.floored_exponent,
        wrong.base_and_exponent_exchanged,
        wrong.all_pairs_alike,
        wrong.stretched,
        wrong.long_texts_begin_anew,
        wrong.counted_in_its_format,
        wrong.one_position_counts_on,
        wrong.frequencies_ignored,
        wrong.frequencies_taken_twice,
        wrong.periods_for_frequencies,
        wrong.factor_ignored,
        wrong.factor_squared,
        wrong.factor_on_all_features,
        wrong.offset_in_their_format,
        wrong.first_head_everywhere,
        wrong.pairs_touch,
    ),
)


@anchor.property(ROPE.inputs(), effort=2)
def agrees_with_the_textbook(ops: Operations, **turn: Any) -> Any:
    return ROPE.agrees(ops, **turn)


@domain
def one_step(draw: Draw, target: Target) -> dict[str, Any]:
    """One vector whose pairs are (1, 0), in any format, at position 1; and a base."""
    name, dim = draw(st.sampled_from(target.dtypes)), 2 * draw(st.integers(1, 40))
    x = np.ones((1, dim), dtype=draw_array(draw, (1,), name).dtype)
    return {"x": x, "base": draw_base(draw)}


@domain
def placed_in_any_way(draw: Draw, target: Target) -> dict[str, Any]:
    """Texts and heads, positions for each, for each text or for all, or one number; in any format of integers."""
    texts, heads, time = (draw(st.integers(1, 3)) for _ in range(3))
    shape = draw(st.sampled_from([(), (time,), (texts, 1, time), (1, heads, time), (texts, heads, time)]))
    kind = draw(st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.uint64, np.int64]))
    info, name = np.iinfo(kind), draw(st.sampled_from(target.dtypes))
    m = draw_places(draw, shape, min(int(info.max), 2**30))
    return {
        "x": draw_array(draw, (texts, heads, time, 2 * draw(st.integers(1, 3))), name, magnitudes(name)),
        "positions": (m if info.min < 0 else abs(m)).astype(kind),
        "interleaved": draw(st.booleans()),
        "offset": draw(st.sampled_from([0, 0, 1, 100, 70_000])),
    }


@anchor.property(placed_in_any_way())
def placed_in_any_way_agrees(ops: Operations, x: Any, positions: Any, **how: Any) -> Any:
    answer = ops.rope(x, positions, **how)
    wide = np.broadcast_to(positions, x.shape[:-1]) if np.ndim(positions) == 0 else positions
    return turned_agrees(ops, answer, x, wide, **how)


def long_texts(target: Target) -> Iterator[dict[str, Any]]:
    """3,000 rows in every format: places left out, and places given."""
    for name in target.dtypes:
        yield {"x": as_dtype(np.tile([1.0, 0.5], (3000, 1)), name), "positions": None}
    yield {"x": as_dtype(np.tile([1.0, 0.5], (3000, 1)), target.dtypes[0]), "positions": np.arange(3000)[::-1]}


@anchor.exhaustive(long_texts)
def long_texts_agree(ops: Operations, x: Any, positions: Any) -> Any:
    return turned_agrees(ops, ops.rope(x, positions), x, positions)


@anchor.property(one_step())
def one_step_agrees(ops: Operations, x: Any, base: float) -> Any:
    return turned_agrees(ops, ops.rope(x, np.array([1]), base=base), x, np.array([1]), base=base)


of_rope = laws.every_law(
    ROPE,
    ROPE_VJP,
    apart=("rows_are_independent",),
    layout_free=(common.strides_ignored_behind("rope"),),
    pure=(wrong.cache_by_length, wrong.base_grows),
    any_width=(wrong.wide_rows_cut, wrong.turned_back_to_512),
)


of_applied_rope = laws.every_law(
    APPLY_ROPE,
    APPLY_ROPE_VJP,
    layout_free=(common.strides_ignored_behind("apply_rope"),),
    any_width=(wrong.applied_to_512, wrong.pulled_through_512),
    many_rows=(wrong.first_table_everywhere,),
)


of_tables = laws.every_law(ROPE_COS_SIN, any_width=(wrong.wide_tables_cut,))


of_codes = laws.every_law(
    SINUSOIDAL,
    SINUSOIDAL_VJP,
    pure=(sinusoidal_mutants.code_cached_by_length,),
    any_width=(sinusoidal_mutants.wide_code_cut, sinusoidal_mutants.pulled_from_1024),
)


@domain
def turns_asked_for(draw: Draw, target: Target, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """Several rows of several pairs, all options away from their defaults but where they may be left out."""
    name, rows, width = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 4)), 2 * draw(st.integers(2, 5))
    x, g = (draw_array(draw, (rows, width), name, (1.0, 64.0)) + 1 for _ in range(2))
    x, g = (v.astype(x.dtype) for v in (x, g))
    how = {"positions": draw_places(draw, (rows,), 2**20), "base": draw_base(draw), "rotary_dim": 4}
    how |= {"interleaved": draw(st.booleans()), "offset": draw(st.integers(1, 9)), "attention_factor": 1.5}
    return {**({"cotangent": g} if more else {}), "x": x, **how}


@domain
def angles_asked_for(draw: Draw, target: Target, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """Several rows of several pairs, and angles."""
    turn = turns_asked_for(more).build(target)
    drawn = draw(turn)
    angle = draw(seeds()).uniform(0.5, 1, (len(drawn["x"]), 2))
    tables = {k: f(angle).astype(drawn["x"].dtype) for k, f in (("cos", np.cos), ("sin", np.sin))}
    return {k: drawn[k] for k in (*more, "x")} | tables


@domain
def codes_asked_for(draw: Draw, target: Target, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """A few positions past 0 and a width that the base shows in, or a cotangent as well."""
    m, dim = draw(st.integers(1, 99)) + np.arange(3.0), draw(st.integers(4, 9))
    g = {"cotangent": draw(seeds()).uniform(1, 2, (3, dim))} if more else {}
    return {**g, "positions": m if more else m.astype(np.int64), "dim": dim}


@domain
def tables_asked_for(draw: Draw, target: Target, more: tuple[str, ...] = ("positions",)) -> dict[str, Any]:
    """A width that the base shows in, and a few positions past 0."""
    drawn = {"positions": draw(st.integers(1, 99)) + np.arange(3), "rotary_dim": 2 * draw(st.integers(2, 5))}
    return {k: drawn[k] for k in (*more, "rotary_dim")}


TURNS: Any = {
    "positions": (None, 3), "base": (10_000.0, 500.0), "interleaved": (False, True), "rotary_dim": (None, 2),
    "offset": (0, 1), "attention_factor": (1.0, 2.0),
}  # fmt: skip


COTANGENT = ("cotangent",)


BASE: Any = {"base": (10_000.0, 500.0)}


TABLES: Any = {**BASE, "attention_factor": (1.0, 2.0)}


def unturned(name: str) -> Limits:
    """What a turn by given angles leaves out: the other layout, and angles beyond a quarter turn."""
    signs = (f"{name}.cos >= 0", f"{name}.sin >= 0")
    return Limits(options=("interleaved",), rows=4, width=10, signs=signs)


FEW, AT_THE_BASE = Limits(options=("frequencies",), rows=4, width=10), Limits(options=("base",))
OF_A_TABLE, OF_A_CODE = Limits(options=("base", "frequencies", "attention_factor")), ("base", "interleaved")
POSITIVE = tuple(f"sinusoidal_positional_encoding_vjp.{x} >= 0" for x in ("cotangent", "positions"))
PULLED_CODE = Limits(OF_A_CODE, ("float32", "float16", "bfloat16"), rows=3, width=9, signs=POSITIVE)


left_out = (
    laws.defaults(laws.Called("rope", turns_asked_for(), FEW), **TURNS),
    laws.defaults(laws.Called("rope_vjp", turns_asked_for(COTANGENT), FEW), **TURNS),
    *(
        laws.defaults(laws.Called(name, angles_asked_for(more), unturned(name)), interleaved=(False, True))
        for name, more in (("apply_rope", ()), ("apply_rope_vjp", COTANGENT))
    ),
    laws.defaults(laws.Called("rope_cos_sin", tables_asked_for(), OF_A_TABLE), **TABLES),
    laws.defaults(laws.Called("rope_frequencies", tables_asked_for(()), AT_THE_BASE), **BASE),
    *(
        laws.defaults(laws.Called(name, codes_asked_for(more), limits), **BASE, interleaved=(True, False))
        for name, more, limits in (
            ("sinusoidal_positional_encoding", (), Limits(OF_A_CODE)),
            ("sinusoidal_positional_encoding_vjp", COTANGENT, PULLED_CODE),
        )
    ),
)


code_anchor = Claim(
    "sinusoidal_positional_encoding.anchor",
    statement="The code holds sin mθ and cos mθ of every frequency in its place, at near positions and far ones, "
    "negative ones and ones between integers, for every width, odd ones too, base and layout.",
    formula=r"\mathrm{PE}_{2i}(m) = \sin m\theta_i, \quad \mathrm{PE}_{2i+1}(m) = \cos m\theta_i, \quad "
    r"\theta_i = \mathrm{base}^{-2i/d} \qquad \text{(interleaved; else sines, then cosines)}",
    legend={"m": "a position", "d": "the width of the code"},
    source="arXiv:1706.03762, §3.5",
    needs=("sinusoidal_positional_encoding",),
    limits=Limits(rows=2, width=3),
    tolerances=(wave_rounding, wave_between),
    refuted_by=(
        sinusoidal_mutants.code_from_one,
        sinusoidal_mutants.code_of_magnitudes,
        sinusoidal_mutants.code_in_bfloat16,
        sinusoidal_mutants.code_table_ends,
        sinusoidal_mutants.code_base_ignored,
        sinusoidal_mutants.code_base_off,
        sinusoidal_mutants.code_in_halves,
        sinusoidal_mutants.code_scaled,
        sinusoidal_mutants.code_in_float32,
        sinusoidal_mutants.code_cut_to_integers,
        sinusoidal_mutants.code_of_float32_angles,
        sinusoidal_mutants.code_to_the_end,
        sinusoidal_mutants.code_of_half_the_exponent,
        sinusoidal_mutants.code_of_floored_exponents,
        sinusoidal_mutants.code_of_exchanged_exponents,
        sinusoidal_mutants.odd_width_crashes,
        sinusoidal_mutants.code_cosines_first,
        sinusoidal_mutants.code_with_phases,
    ),
)


@code_anchor.property(SINUSOIDAL.inputs())
def code_agrees(ops: Operations, **code: Any) -> Any:
    return SINUSOIDAL.agrees(ops, **code)


@code_anchor.property(between_integers())
def code_between_integers_agrees(ops: Operations, **code: Any) -> Any:
    return SINUSOIDAL.agrees(ops, **code)


rows_are_independent = Claim(
    "rope.rows_are_independent",
    statement="A row does not depend on what the others hold, NaN and infinity included: in no bit if the target "
    "promises that, else up to rounding, and so it is alone; so are every head and every position of a code.",
    formula=r"f(x)_t = f(x_t)",
    needs=("rope", "apply_rope", "sinusoidal_positional_encoding", "rope_cos_sin"),
    limits=Limits(
        options=("base", "rope.rotary_dim", "offset", "frequencies", "attention_factor",
                 "sinusoidal_positional_encoding.interleaved"),
    ),
    tolerances=(turned_pair, wave_rounding),
    refuted_by=(wrong.rows_mixed, common.first_row_everywhere("sinusoidal_positional_encoding"),
                wrong.first_sequence_everywhere, wrong.heads_read_as_time),
)  # fmt: skip


@domain
def rows_among_others(draw: Draw, target: Target) -> dict[str, Any]:
    """Two sequences with positions of their own, one row among which is spoilt, and another row."""
    name, width, time = draw(st.sampled_from(target.dtypes)), 2 * draw(st.integers(1, 33)), draw(st.integers(2, 5))
    x, m = draw_array(draw, (2, time, width), name, magnitudes(name)), draw_places(draw, (2, time), 2**30)
    row = (draw(st.integers(0, 1)), draw(st.integers(0, time - 1)))
    others = np.ones((2, time), bool)
    others[row] = False
    spoilt = others & (draw(seeds()).random((2, time)) < draw(st.sampled_from([0.2, 1.0])))
    strange = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return {"x": x, "m": m, "row": row, "interleaved": draw(st.booleans()), "spoilt": spoilt, "strange": strange}


@rows_are_independent.property(rows_among_others())
def others_leave_no_trace(
    ops: Operations, x: Any, m: Any, row: tuple[int, int], interleaved: bool, spoilt: Any, strange: float
) -> Any:
    broken, mixed = np.where(spoilt[..., None], x.dtype.type(strange), x), np.where(spoilt, 7, m)
    dim, alone, place, layout = x.shape[-1], x[row][None], m[row][None], {"interleaved": interleaved}

    def among(x: Any, m: Any) -> tuple[Any, ...]:
        cos, sin = ops.rope_cos_sin(m, dim)
        every = (ops.apply_rope(x, cos, sin, **layout), ops.rope(x, m, **layout), cos, sin, codes(ops, m, dim))
        return tuple(y[row][None] for y in every)

    def judged(applied: Any, turned: Any, cos: Any, sin: Any, code: Any) -> Any:
        return all_of(
            *(turned_agrees(ops, y, alone, place, **layout) for y in (turned, applied)),
            ROPE_COS_SIN.judged(ops, (cos, sin), place, dim, 10_000.0),
            SINUSOIDAL.judged(ops, code, place, dim, 10_000.0, True),
        )

    here, there = among(x, m), among(broken, mixed)
    return all_of(
        reproduced(ops, there, here, lambda: judged(*there)),
        judged(*here),
        turned_agrees(ops, ops.rope(alone, place, **layout), alone, place, **layout),
        SINUSOIDAL.judged(ops, codes(ops, place, dim), place, dim, 10_000.0, True),
    )


refusals = Claim(
    "rope.refusals",
    statement="What makes no sense is refused by an error that names it: odd widths and rotary widths beyond the "
    "vector, positions that are no integers, do not fit the rows or lie beyond ±2³¹, bases below 1, tables of another "
    "shape, frequencies that do not fit or stand beside another base.",
    formula=r"d \notin 2\mathbb N \Rightarrow \mathrm{ValueError}",
    needs=("rope", "rope_vjp", "apply_rope", "rope_cos_sin", "rope_frequencies", "rope_permutation",
           "sinusoidal_positional_encoding"),
    refuted_by=(wrong.errors_swallowed, wrong.positions_cut_to_integers, sinusoidal_mutants.code_beyond_its_reach,
                wrong.table_beyond_its_reach),
)  # fmt: skip


_X, _M, _COS = np.ones((3, 4)), np.arange(3), np.ones((3, 2))
refuse(
    refusals,
    (
        ("rope", (_X[:, :3], _M), {}, ValueError, ("(3, 3)",)),
        ("rope", (_X, _M), {"rotary_dim": 3}, ValueError, ("3",)),
        ("rope", (_X, _M), {"rotary_dim": -2}, ValueError, ("-2",)),
        ("rope", (_X, _M), {"rotary_dim": 6}, ValueError, ("(3, 4)", "6")),
        ("rope", (_X, _M[:2]), {}, ValueError, ("(3, 4)", "(2,)")),
        ("rope", (_X, _M[:1]), {}, ValueError, ("(3, 4)", "(1,)")),
        ("rope", (_X, _M[:, None]), {}, ValueError, ("(3, 4)", "(3, 1)")),
        ("rope", (_X, _M * 0.5), {}, TypeError, ("float64",)),
        ("rope", (_X, _M == 1), {}, TypeError, ("bool",)),
        ("rope", (_X, _M + 2**31), {}, ValueError, ("2147483649",)),
        ("rope", (_X, _M), {"offset": 2**31}, ValueError, ("2147483649",)),
        ("rope", (_X, _M), {"offset": 0.5}, TypeError, ()),
        ("rope", (_X, _M), {"base": 0.5}, ValueError, ("0.5",)),
        ("rope", (_X, _M), {"base": math.nan}, ValueError, ("nan",)),
        ("rope", (_X, _M), {"base": math.inf}, ValueError, ("inf",)),
        ("rope", (_X[0],), {}, ValueError, ("(4,)",)),
        ("rope", (_X, _M), {"frequencies": np.ones(3)}, ValueError, ("(3, 4)", "6")),
        ("rope", (_X, _M), {"frequencies": np.ones((1, 2))}, ValueError, ("(1, 2)",)),
        ("rope", (_X, _M), {"frequencies": np.ones(2, int)}, TypeError, ("int64",)),
        ("rope", (_X, _M), {"frequencies": np.array([1, np.nan])}, ValueError, ("nan",)),
        ("rope", (_X, _M), {"frequencies": np.ones(2), "base": 100.0}, ValueError, ("100.0",)),
        ("rope", (_X, _M), {"frequencies": np.ones(1), "rotary_dim": 4}, ValueError, ("(1,)", "4")),
        ("rope", (_X, _M), {"attention_factor": -1.0}, ValueError, ("-1.0",)),
        ("rope_vjp", (_X[:2], _X, _M), {}, ValueError, ("(2, 4)", "(3, 4)")),
        ("apply_rope", (_X, _COS, _COS[:2]), {}, ValueError, ("(3, 2)", "(2, 2)")),
        ("apply_rope", (_X, _COS[:2], _COS[:2]), {}, ValueError, ("(3, 4)", "(2,)")),
        ("apply_rope", (_X[:, :2], _COS, _COS), {}, ValueError, ("(3, 2)",)),
        ("apply_rope", (_X, _COS.astype(int), _COS), {}, TypeError, ("int64",)),
        ("rope_cos_sin", (_M, 3), {}, ValueError, ("3",)),
        ("rope_cos_sin", (_M * 0.5, 4), {}, TypeError, ("float64",)),
        ("rope_cos_sin", (_M + 2**31, 4), {}, ValueError, ("2147483649",)),
        ("rope_cos_sin", (_M, 4), {"base": 0.5}, ValueError, ("0.5",)),
        ("rope_frequencies", (5,), {}, ValueError, ("5",)),
        ("rope_frequencies", (4,), {"base": 0.0}, ValueError, ("0.0",)),
        ("rope_permutation", (3,), {}, ValueError, ("3",)),
        ("sinusoidal_positional_encoding", (_M, -1), {}, ValueError, ("-1",)),
        ("sinusoidal_positional_encoding", (_M * np.nan, 4), {}, ValueError, ("nan",)),
        ("sinusoidal_positional_encoding", (_M == 1, 4), {}, TypeError, ("bool",)),
        ("sinusoidal_positional_encoding", (_M - 2**31 - 1, 4), {}, ValueError, ("-2147483649",)),
        ("sinusoidal_positional_encoding", (np.array([np.nan, np.inf]), 4), {}, ValueError, ("nan",)),
        ("sinusoidal_positional_encoding", (_M, 4), {"base": 0.5}, ValueError, ("0.5",)),
    ),
)
