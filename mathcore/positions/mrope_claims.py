"""What must be true of RoPE along several axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import mrope_mutants as wrong
from mathcore.positions.inputs import draw_base, draw_factor, draw_frequencies, draw_places, magnitudes
from mathcore.positions.positions_tolerances import (
    angle_error,
    farthest_angle,
    scaled_angle,
    turned_score,
    wave_rounding,
)
from mathcore.positions.records import ROPE_COS_SIN
from mathcore.positions.rope_claims import length, score_gap
from mathcore.positions.textbook import true_frequencies, true_waves
from mathcore.verify import Claim, Limits, Operations, Target
from mathcore.verify.domains import Draw, domain, draw_array
from mathcore.verify.refusals import refuse
from mathcore.verify.relations import all_of, equal

QWEN = "Qwen2-VL, arXiv:2409.12191, §2.1"
SYMBOLS = {"θ": "the frequency of a pair", "i": "the number of a pair", "a": "the axis that it looks at", "m": "m_a, "
           "the position on an axis"}  # fmt: skip


@domain
def tables(draw: Draw, target: Target, layouts: tuple[str, ...] = ("blocks", "interleaved", "axial")) -> dict[str, Any]:
    """Two or three axes with some pairs each, positions on them for a text or several, and the options."""
    layout, name = draw(st.sampled_from(layouts)), draw(st.sampled_from(target.dtypes))
    later = draw(st.lists(st.integers(0, 6), min_size=1, max_size=2))
    n = len(later) + 1
    reach = max((a + n * (count - 1) + 1 for a, count in enumerate(later, 1) if count), default=0)
    room = max(reach - sum(later), 0) if layout == "interleaved" else 0  # every nth pair must be there
    first = room + draw(st.integers(0, 8))
    sections = (first, *later)
    shape = draw(st.sampled_from([(), (3,), (9,), (2, 4)]))
    m = draw_places(draw, (len(sections), *shape), 2**30)
    frequencies = draw_frequencies(draw, sum(sections), name)
    base = draw_base(draw) if frequencies is None else 10_000.0
    more = {"frequencies": frequencies, "attention_factor": draw_factor(draw)}
    return {"positions": m, "sections": sections, "layout": layout, "base": base, **more}


def axis_of_pairs(sections: tuple[int, ...], layout: str) -> list[int]:
    """The axis that each pair looks at, one after the other."""
    left, axes = list(sections), []
    if layout != "interleaved":
        return [a for a, count in enumerate(sections) for _ in range(count)]
    for i in range(sum(sections)):
        a = i % len(sections)
        a = a if a and left[a] else 0
        left[a] -= 1
        axes.append(a)
    return axes


formula = Claim(
    "mrope_cos_sin.is_its_formula",
    statement="Every pair is turned by its frequency times the position on the axis that it looks at: in blocks, "
    "interleaved, or with frequencies of its own for each axis.",
    formula=r"\cos m_{a(i)}\theta_i, \qquad \sin m_{a(i)}\theta_i",
    legend=SYMBOLS,
    source=QWEN,
    needs=("mrope_cos_sin",),
    limits=Limits(rows=1, width=20),
    tolerances=(wave_rounding,),
    refuted_by=(
        wrong.first_axis_everywhere, wrong.axes_reversed, wrong.always_in_blocks, wrong.frequencies_begin_anew,
        wrong.positions_in_bfloat16, wrong.distances_from_the_origin, wrong.factor_ignored,
    ),
)  # fmt: skip


@formula.property(tables(), effort=2)
def every_pair_looks_at_its_axis(
    ops: Operations,
    positions: Any,
    sections: tuple[int, ...],
    layout: str,
    base: float,
    frequencies: Any,
    attention_factor: float,
) -> Any:
    how = {"layout": layout, "base": base, "frequencies": frequencies, "attention_factor": attention_factor}
    cos, sin = ops.mrope_cos_sin(positions, sections, **how)
    axes, pairs, told = np.array(axis_of_pairs(sections, layout), int), sum(sections), []
    for a, count in enumerate(sections):
        own = axes == a
        if layout == "axial" and frequencies is None:
            dim, given, mine = 2 * count, None, slice(None)
        else:
            dim, given, mine = 2 * pairs, frequencies, own
        truths = true_waves(positions[a], dim, base, given, attention_factor)
        angle = angle_error(positions[a], dim, base, ops.conventions.rope_angles, given)
        angle = scaled_angle(angle, attention_factor, np.float64)[..., mine]
        for answer, truth in zip((cos, sin), truths, strict=True):
            there, true = answer[..., own], truth[..., mine]
            told.append(equal(there, true, within=wave_rounding(true.hi, angle, answer.dtype)))
    return all_of(*told)


plain = Claim(
    "mrope_cos_sin.equal_axes_are_plain",
    statement="A token whose positions on all axes are equal is turned as by plain RoPE, up to rounding, in blocks and "
    "interleaved, whatever the sections are.",
    formula=r"m_a = m \text{ for every } a \ \Rightarrow\ m_{a(i)}\theta_i = m\theta_i",
    legend=SYMBOLS,
    source=QWEN,
    needs=("mrope_cos_sin",),
    limits=Limits(rows=1, width=20),
    tolerances=(wave_rounding,),
    refuted_by=(wrong.frequencies_begin_anew, wrong.positions_in_bfloat16, wrong.later_axes_pushed_by_the_first),
)


@plain.property(tables(layouts=("blocks", "interleaved")))
def equal_positions_are_one(ops: Operations, positions: Any, sections: Any, layout: str, **how: Any) -> Any:
    same = np.broadcast_to(positions[:1], positions.shape).copy()
    answer = ops.mrope_cos_sin(same, sections, layout=layout, **how)
    return ROPE_COS_SIN.judged(ops, answer, positions[0], 2 * sum(sections), **how)


relative = Claim(
    "mrope_cos_sin.relative_only",
    statement="Moving query and key together along any axis, each by a distance of its own, leaves their score as it "
    "was, up to rounding.",
    formula=r"\langle R_m q, R_n k\rangle = \langle R_{m+s}\, q, R_{n+s}\, k\rangle",
    legend={"R": "R_m, the turn at the positions m", "m": "the positions of a query", "n": "those of a key",
            "q": "a query", "k": "a key", "s": "how far both move, along each axis"},
    source=QWEN,
    needs=("mrope_cos_sin", "apply_rope"),
    limits=Limits(
        options=("attention_factor", "apply_rope.interleaved"),
        rows=1,
        fixed={"scale": "no coordinate overflows"},
    ),
    tolerances=(turned_score,),
    refuted_by=(wrong.positions_in_bfloat16, wrong.distances_from_the_origin, wrong.later_axes_pushed_by_the_first),
)  # fmt: skip


@domain
def pairs_of_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """A query and a key with positions on several axes, and how far they move."""
    sections, layout = draw(st.sampled_from([
        ((2, 3, 3), "blocks"), ((4, 2, 2), "interleaved"), ((24, 20, 20), "interleaved"), ((3, 3), "axial"),
        ((1, 0, 2), "blocks"),
    ]))  # fmt: skip
    name, width = draw(st.sampled_from(target.dtypes)), 2 * sum(sections)
    q, k = (draw_array(draw, (1, width), name, magnitudes(name)) for _ in range(2))
    m, n, shift = (draw_places(draw, (len(sections), 1), 2**29).astype(np.int64) for _ in range(3))
    frequencies = draw_frequencies(draw, sum(sections), name)
    how = {"layout": layout, "frequencies": frequencies, "base": draw_base(draw) if frequencies is None else 10_000.0}
    return {"q": q, "k": k, "m": m, "n": n, "shift": shift, "sections": sections, "how": how}


@relative.property(pairs_of_vectors())
def moving_together_changes_no_score(
    ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, sections: Any, how: Any
) -> Any:
    def at(x: Any, places: Any) -> Any:
        return ops.apply_rope(x, *ops.mrope_cos_sin(places, sections, **how))

    reach, dim = (abs(m) + abs(n) + abs(shift)).max(axis=0), q.shape[-1]
    given = how["frequencies"]
    if how["layout"] == "axial" and given is None:
        given = np.concatenate([[float(t) for t in true_frequencies(2 * s, how["base"])] for s in sections])
    angle = farthest_angle(reach, dim, how["base"], ops.conventions.rope_angles, given)
    allowed = turned_score(length(q), length(k), dim, q.dtype, angle)
    here, there = (at(q, m), at(k, n)), (at(q, m + shift), at(k, n + shift))
    return equal(np.zeros(1), score_gap(*here, *there), within=allowed)


refusals = Claim(
    "mrope_cos_sin.refusals",
    statement="Sections that do not fit the axes, or leave no room for interleaved pairs, and layouts that are not "
    "known are refused by an error that says so.",
    formula=r"\text{axes} \ne \text{sections} \Rightarrow \mathrm{ValueError}",
    needs=("mrope_cos_sin",),
    refuted_by=(wrong.always_in_blocks,),
)


_M = np.zeros((3, 2), int)
refuse(
    refusals,
    (
        ("mrope_cos_sin", (_M, (2, 2)), {}, ValueError, ("(3, 2)",)),
        ("mrope_cos_sin", (_M, (1, 1, 4)), {"layout": "interleaved"}, ValueError, ("(1, 1, 4)",)),
        ("mrope_cos_sin", (_M, (1, 1, 1)), {"layout": "rows"}, ValueError, ("rows", "blocks")),
        ("mrope_cos_sin", (_M, (1, -1, 1)), {}, ValueError, ("-1",)),
        ("mrope_cos_sin", (_M, (1, 0.5, 1)), {}, TypeError, ("0.5",)),
        ("mrope_cos_sin", (_M, (1, 1, 1)), {"frequencies": np.ones(2)}, ValueError, ("(2,)",)),
        ("mrope_cos_sin", (_M * 0.5, (1, 1, 1)), {}, TypeError, ("float64",)),
    ),
)
