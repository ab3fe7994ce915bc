"""What must be true of positions: FAQ 18 and 19, and what makes their primitives trustworthy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import positions_mutants as wrong
from mathcore.common_rows import any_width, floats_only, keeps_dtype, layout_free, pure
from mathcore.positions_rows import (
    APPLY_ROPE,
    ROPE,
    ROPE_COS_SIN,
    ROPE_VJP,
    SINUSOIDAL,
    draw_base,
    draw_places,
    draw_rational,
    draw_turns,
    lanes,
    places,
    turned_agrees,
    width_turned,
)
from mathcore.positions_tolerances import farthest_angle, turned_length, turned_pair, turned_score
from mathcore.verify import Claim, Operations, Target, all_of, domain, draw_array, enclose, equal, identical
from mathcore.verify.domains import Draw, as_dtype

# FAQ 19: RoPE. What depends on no convention: lengths, distances, relative scores.


def length(x: Any) -> Any:
    """‖x‖ along the last axis, in float64."""
    return np.sqrt((np.asarray(x, np.float64) ** 2).sum(-1))


@domain
def two_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Two vectors (1, width) of one format, two positions and a shift, log-uniform up to 2³¹, and the base."""
    name, width = draw(st.sampled_from(target.dtypes)), 2 * draw(st.sampled_from([1, 2, 3, 4, 8, 16, 33, 64]))
    m, n, shift = (draw_places(draw, (1,), most) for most in (2**13, 2**13, 2**31 - 2**14))
    q, k = (draw_array(draw, (1, width), name, (2.0**-6, 2.0**6)) for _ in range(2))
    return {"q": q, "k": k, "m": m, "n": n, "shift": shift, "base": draw_base(draw)}


def score_gap(q: Any, k: Any, q2: Any, k2: Any) -> Any:
    """⟨q, k⟩ − ⟨q2, k2⟩, enclosed: judging rounds nothing."""
    return enclose(lambda a, b, c, d: (a * b).sum(-1) - (c * d).sum(-1), q, k, q2, k2)


relative_only = Claim(
    "rope.relative_only",
    faq=19,
    statement="The score of a query at m and a key at n depends on n − m alone: (1, 2) is as good as (1001, 1002), and "
    "as any pair so far apart up to position 2³¹.",
    formula=r"\langle R_m q, R_n k\rangle = \langle R_{m+s}\, q, R_{n+s}\, k\rangle = \langle q, R_{n-m}\, k\rangle",
    source="arXiv:2104.09864, §3.2",
    needs=("rope", "apply_rope"),
    tolerances=(turned_score,),
    refuted_by=(
        wrong.angles_in_float32,
        wrong.positions_in_bfloat16,
        wrong.positions_in_float16,
        wrong.magnitude_of_position,
        wrong.past_is_present,
        wrong.table_ends,
        wrong.stretched,
        wrong.sine_once,
    ),
)


@domain
def rational_walk(draw: Draw, target: Target) -> dict[str, Any]:
    """Query and key, one rational turn a step for every pair, and three small positions."""
    pairs = draw(st.integers(1, 3))
    rows, fractions = draw_rational(draw, target, 2, 2 * pairs)
    cos, sin = draw_turns(draw, (pairs,), fractions=fractions)
    m, n, shift = (draw(st.integers(-4, 4)) for _ in range(3))
    return {"q": rows[:1], "k": rows[1:], "step": (cos, sin), "m": m, "n": n, "shift": shift,
            "interleaved": draw(st.booleans())}  # fmt: skip


def steps(step: tuple[Any, Any], m: int) -> tuple[Any, Any]:
    """Cosine and sine of m steps, (1, pairs), exactly."""
    c, s = step
    cos, sin = c * 0 + 1, s * 0
    for _ in range(abs(m)):
        cos, sin = cos * c - sin * s, sin * c + cos * s
    return cos[None], (sin if m >= 0 else -sin)[None]


@relative_only.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    def at(x: Any, place: int) -> Any:
        return ops.apply_rope(x, *steps(step, place), interleaved=interleaved)

    score = (at(q, m) * at(k, n)).sum(-1)
    return all_of(
        equal(score, (at(q, m + shift) * at(k, n + shift)).sum(-1)),
        equal(score, (q * at(k, n - m)).sum(-1)),
    )


@relative_only.property(two_vectors())
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, base: float) -> Any:
    def at(x: Any, place: Any) -> Any:
        return ops.rope(x, place, base=base)

    angle = farthest_angle(abs(shift) + 2**13, q.shape[-1], base, ops.conventions.rope_angles)
    allowed = turned_score(length(q), length(k), q.shape[-1], q.dtype, angle)
    here = at(q, m), at(k, n)
    return all_of(
        equal(np.zeros(1), score_gap(*here, at(q, m + shift), at(k, n + shift)), within=allowed),
        equal(np.zeros(1), score_gap(*here, q, at(k, n - m)), within=allowed),
    )


composes = Claim(
    "rope.composes",
    faq=19,
    statement="Turning by a and then by b is turning by a + b; position 0 changes nothing, bit for bit, and turning "
    "back undoes a turn.",
    formula=r"R_a R_b = R_{a+b}, \qquad R_0 = I, \qquad R_{-m} R_m = I",
    needs=("rope", "apply_rope"),
    tolerances=(turned_length,),
    refuted_by=(
        wrong.one_further,
        wrong.magnitude_of_position,
        wrong.past_is_present,
        wrong.table_ends,
        wrong.positions_in_bfloat16,
        wrong.angles_in_float32,
        wrong.stretched,
        wrong.sine_once,
    ),
)


@composes.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    def at(x: Any, place: int) -> Any:
        return ops.apply_rope(x, *steps(step, place), interleaved=interleaved)

    return all_of(equal(at(at(q, m), n), at(q, m + n)), equal(at(q, 0), q), equal(at(at(q, m), -m), q))


def _gap(a: Any, b: Any) -> Any:
    return length(np.asarray(a, np.float64) - np.asarray(b, np.float64))


@composes.property(two_vectors())
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, base: float) -> Any:
    def at(x: Any, place: Any) -> Any:
        return ops.rope(x, place, base=base)

    angle = farthest_angle(abs(shift) + 2**13, q.shape[-1], base, ops.conventions.rope_angles)
    allowed = turned_length(length(q), q.shape[-1], q.dtype, angle, turns=3)
    return all_of(
        equal(_gap(at(at(q, shift), n), at(q, shift + n)), np.zeros(1), within=allowed),
        equal(_gap(at(at(q, shift), -shift), q), np.zeros(1), within=allowed),
        identical(at(q, m * 0), q),
    )


is_a_rotation = Claim(
    "rope.is_a_rotation",
    faq=19,
    statement="RoPE turns every pair of features: each block is orthogonal, with determinant 1, and no pair touches "
    "another.",
    formula=r"R^\top R = I, \qquad \det R^{(i)} = 1",
    needs=("rope", "apply_rope"),
    tolerances=(turned_length, turned_score, turned_pair),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.base_slightly_off, wrong.other_pairing),
)


def _block(matrix: Any, pair: int, dim: int, *, interleaved: bool) -> Any:
    first, second = lanes(dim, interleaved=interleaved)
    rows = [first[pair], second[pair]]
    return matrix[np.ix_(rows, rows)]


@domain
def one_rational_turn(draw: Draw, target: Target) -> dict[str, Any]:
    """A rational turn of every pair, and the identity in numbers of the same kind."""
    pairs, fractions = draw(st.integers(1, 4)), bool(target.exact) and draw(st.integers(0, 3)) > 0
    cos, sin = draw_turns(draw, (pairs,), fractions=fractions)
    zero = cos[0] * 0
    identity = np.full((2 * pairs, 2 * pairs), zero)
    np.fill_diagonal(identity, zero + 1)
    return {"identity": identity, "cos": cos, "sin": sin, "interleaved": draw(st.booleans())}


@is_a_rotation.exact(one_rational_turn())
def _(ops: Operations, identity: Any, cos: Any, sin: Any, interleaved: bool) -> Any:
    dim = len(identity)
    r = ops.apply_rope(identity, cos, sin, interleaved=interleaved).T  # column j is what unit vector j becomes
    blocks = [_block(r, i, dim, interleaved=interleaved) for i in range(dim // 2)]
    return all_of(
        equal(r.T @ r, identity),
        *(equal(b, [[c, -s], [s, c]]) for b, c, s in zip(blocks, cos, sin, strict=True)),
        *(equal(b[0, 0] * b[1, 1] - b[0, 1] * b[1, 0], 1) for b in blocks),
    )


@domain
def identity_at_a_place(draw: Draw, target: Target) -> dict[str, Any]:
    """The identity in one format, a position for all its rows, and the options."""
    dim, name = 2 * draw(st.sampled_from([1, 2, 3, 4, 8])), draw(st.sampled_from(target.dtypes))
    m, base = draw_places(draw, (1,)), draw_base(draw)
    x = as_dtype(np.eye(dim), name)
    return {"x": x, "m": np.repeat(m, dim), "base": base, "interleaved": draw(st.booleans())}


@is_a_rotation.property(identity_at_a_place())
def _(ops: Operations, x: Any, m: Any, base: float, interleaved: bool) -> Any:
    r, dim = ops.rope(x, m, base=base, interleaved=interleaved), len(x)
    angle = farthest_angle(m, dim, base, ops.conventions.rope_angles)
    allowed = turned_score(1.0, 1.0, dim, x.dtype, angle)
    wide = r.astype(np.float64)
    blocks = [_block(wide, i, dim, interleaved=interleaved) for i in range(dim // 2)]
    return all_of(
        equal(wide @ wide.T, np.eye(dim), within=allowed),
        *(equal(b[0, 0] * b[1, 1] - b[0, 1] * b[1, 0], 1.0, within=allowed) for b in blocks),
        turned_agrees(ops, r, x, m, base=base, interleaved=interleaved),
    )


preserves_norm = Claim(
    "rope.preserves_norm",
    faq=19,
    statement="The length of the vector, and of every pair in it, does not change.",
    formula=r"\lVert R_m x\rVert = \lVert x\rVert",
    verdict="holds_if",
    condition="arithmetic is exact, or rounding is allowed for. In binary floats only turns by multiples of 90° keep "
    "lengths bit for bit: no other turn has a cosine and a sine that both are binary fractions.",
    needs=("rope", "apply_rope"),
    tolerances=(turned_length,),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.rest_scaled, wrong.other_pairing),
)


@preserves_norm.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    y = ops.apply_rope(q, *steps(step, m), interleaved=interleaved)
    first, second = lanes(q.shape[-1], interleaved=interleaved)
    return all_of(
        equal((y * y).sum(-1), (q * q).sum(-1)),
        equal(y[..., first] ** 2 + y[..., second] ** 2, q[..., first] ** 2 + q[..., second] ** 2),
    )


@preserves_norm.property(ROPE.inputs())
def _(ops: Operations, x: Any, **how: Any) -> Any:
    y, dim = ops.rope(x, **how), width_turned(x, how["rotary_dim"])
    angle = farthest_angle(places(x, how["positions"], how["offset"]), dim, how["base"], ops.conventions.rope_angles)
    first, second = lanes(dim, interleaved=how["interleaved"])
    before, after = (np.hypot(*(v.astype(np.float64)[..., lane] for lane in (first, second))) for v in (x, y))
    return all_of(
        equal(length(y), length(x), within=turned_length(length(x), x.shape[-1], x.dtype, angle)),
        equal(after, before, within=turned_length(before, 2, x.dtype, angle)),
    )


@preserves_norm.proof
def _(ops: Operations) -> Any:
    # A turn whose cosine a/2ᵏ and sine b/2ᵏ are binary fractions has a² + b² = 4ᵏ. Modulo 4 that forces both to be even
    # while k > 0, so they can be halved until k = 0, and then only (±1, 0) and (0, ±1) are left.
    residues = [(a, b) for a in range(4) for b in range(4) if (a * a + b * b) % 4 == 0]
    units = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a * a + b * b == 1]
    x = np.array([[0.3, -1.7]])
    turns = [ops.apply_rope(x, np.array([[float(a)]]), np.array([[float(b)]])) for a, b in units]
    return all_of(
        equal(np.array(residues) % 2, np.zeros((len(residues), 2))),
        equal(len(units), 4),
        *(identical(np.sort(abs(y), axis=-1), np.sort(abs(x), axis=-1)) for y in turns),
    )


def quarter_and_other_turns() -> Iterator[dict[str, Any]]:
    """Position 1, for a few vectors in float64."""
    for a in range(1, 40):
        yield {"x": np.array([[float(a), 1.0]])}


@preserves_norm.counterexample(cases=quarter_and_other_turns)
def _(ops: Operations, x: Any) -> Any:
    y = ops.rope(x, np.array([1]))
    return equal(sum(Fraction(float(v)) ** 2 for v in y[0]), sum(Fraction(float(v)) ** 2 for v in x[0]))


preserves_distance = Claim(
    "rope.preserves_distance",
    faq=19,
    statement="Two vectors at one position keep their distance and the angle between them.",
    formula=r"\lVert R_m q - R_m k\rVert = \lVert q - k\rVert, \quad \langle R_m q, R_m k\rangle = \langle q, k\rangle",
    needs=("rope", "apply_rope"),
    tolerances=(turned_length, turned_score),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.one_row_further),
)


@preserves_distance.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    a, b = (ops.apply_rope(x, *steps(step, m), interleaved=interleaved) for x in (q, k))
    return all_of(equal(((a - b) ** 2).sum(-1), ((q - k) ** 2).sum(-1)), equal((a * b).sum(-1), (q * k).sum(-1)))


@preserves_distance.property(two_vectors())
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, base: float) -> Any:
    a, b = ops.rope(np.concatenate([q, k]), np.repeat(shift, 2), base=base)
    angle = farthest_angle(shift, q.shape[-1], base, ops.conventions.rope_angles)
    lengths, dim = (length(q), length(k)), q.shape[-1]
    moved = turned_length(lengths[0] + lengths[1], dim, q.dtype, angle)
    return all_of(
        equal(_gap(a, b)[None], _gap(q, k), within=moved),
        equal(np.zeros(1), score_gap(a[None], b[None], q, k), within=turned_score(*lengths, dim, q.dtype, angle)),
    )


no_boundary = Claim(
    "rope.no_boundary",
    faq=19,
    statement="There is no last position: any place from −2³¹ to 2³¹ has its turn, as accurate as the first.",
    formula=r"R_m \text{ for every } m \in \mathbb Z, \quad |m| \le 2^{31}",
    verdict="holds_if",
    condition="what is meant is that the turn is defined; whether a trained model does well at places it never saw is "
    "another matter.",
    needs=("rope",),
    tolerances=(turned_pair,),
    refuted_by=(wrong.table_ends, wrong.angles_in_float32, wrong.past_is_present, wrong.positions_in_bfloat16),
)


def boundaries(target: Target) -> Iterator[dict[str, Any]]:
    """Places around every power of two, to both ends."""
    for k in range(32):
        for m in sorted({2**k - 1, 2**k, min(2**k + 1, 2**31)}):
            yield {"x": as_dtype([[1.0, 0.5, -0.25, 2.0], [1.0, 0.5, -0.25, 2.0]], target.dtypes[0]),
                   "m": np.array([m, -m])}  # fmt: skip


@no_boundary.exhaustive(boundaries)
def _(ops: Operations, x: Any, m: Any) -> Any:
    return turned_agrees(ops, ops.rope(x, m), x, m)


@no_boundary.property(ROPE.inputs(most=9))
def _(ops: Operations, **turn: Any) -> Any:
    return ROPE.agrees(ops, **turn)


# What holds of every operation on positions.

anchor = Claim(
    "rope.anchor",
    statement="At position 1, pair i turns counter-clockwise by exactly base^(−2i/d), the first by one radian; at "
    "position m by m times that, far positions, offsets and negative ones included.",
    formula=r"R_m x = \bigoplus_i \begin{pmatrix} \cos m\theta_i & -\sin m\theta_i \\ \sin m\theta_i & \cos m\theta_i "
    r"\end{pmatrix} x^{(i)}, \qquad \theta_i = \mathrm{base}^{-2i/d}",
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
        wrong.rest_scaled,
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
    ),
)


@anchor.property(ROPE.inputs(), effort=2)
def _(ops: Operations, **turn: Any) -> Any:
    return ROPE.agrees(ops, **turn)


@domain
def one_step(draw: Draw, target: Target) -> dict[str, Any]:
    """One vector whose pairs are (1, 0), in any format, at position 1; and a base."""
    name, dim = draw(st.sampled_from(target.dtypes)), 2 * draw(st.integers(1, 40))
    x = np.ones((1, dim), dtype=draw_array(draw, (1,), name).dtype)
    return {"x": x, "base": draw_base(draw)}


@anchor.property(one_step())
def _(ops: Operations, x: Any, base: float) -> Any:
    return turned_agrees(ops, ops.rope(x, np.array([1]), base=base), x, np.array([1]), base=base)


rope_layout_free = layout_free(ROPE, ROPE_VJP, last=("rope",))
code_layout_free = layout_free(SINUSOIDAL)
table_layout_free = layout_free(ROPE_COS_SIN)
applied_layout_free = layout_free(APPLY_ROPE, last=("apply_rope",))
rope_any_width = any_width(ROPE, ROPE_VJP, refuted_by=(wrong.wide_rows_cut,))
code_any_width = any_width(SINUSOIDAL, refuted_by=(wrong.wide_code_cut,))
table_any_width = any_width(ROPE_COS_SIN, refuted_by=(wrong.wide_tables_cut,))
applied_any_width = any_width(APPLY_ROPE, refuted_by=(wrong.applied_to_512,))
rope_keeps_dtype = keeps_dtype(ROPE, ROPE_VJP)
applied_keeps_dtype = keeps_dtype(APPLY_ROPE)
rope_floats_only = floats_only(ROPE, ROPE_VJP)
rope_pure = pure(ROPE, ROPE_VJP, refuted_by=(wrong.cache_by_length, wrong.base_grows))
code_pure = pure(SINUSOIDAL, refuted_by=(wrong.code_cached_by_length,))
table_pure = pure(ROPE_COS_SIN)
applied_pure = pure(APPLY_ROPE)
