"""What must be true of positions: FAQ 18 and 19, and what makes their primitives trustworthy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from mathcore import common_mutants as common
from mathcore import positions_mutants as wrong
from mathcore.common_rows import Called, any_width, defaults, floats_only, keeps_dtype, layout_free, many_rows, pure
from mathcore.positions_rows import (
    APPLY_ROPE,
    APPLY_ROPE_VJP,
    ROPE,
    ROPE_COS_SIN,
    ROPE_VJP,
    SINUSOIDAL,
    SINUSOIDAL_VJP,
    Turn,
    draw_base,
    draw_places,
    draw_rational,
    draw_turns,
    draw_width,
    lanes,
    magnitudes,
    places,
    true_frequencies,
    turned_agrees,
    width_turned,
)
from mathcore.positions_search import all_repeats, chain_records, convergents, gap, nearest_repeats, turn
from mathcore.positions_tolerances import (
    farthest_angle,
    frequency_rounding,
    products_of_codes,
    read_back,
    sum_of_squares,
    turned_length,
    turned_pair,
    turned_score,
    wave_between,
    wave_rounding,
)
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_least,
    at_most,
    domain,
    draw_array,
    draw_exact,
    draw_integers,
    enclose,
    equal,
    identical,
    less,
    log_uniform,
    positions,
    raises,
    seeds,
)
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.tolerances import dot_product, hoeffding

# FAQ 19: RoPE. What depends on no convention: lengths, distances, relative scores.


def length(x: Any) -> Any:
    """‖x‖ along the last axis, in float64, whose squares may be out of range."""
    x = np.asarray(x, np.float64)
    power = np.frexp(abs(x).max(-1, keepdims=True, initial=0))[1]
    return np.ldexp(np.sqrt((np.ldexp(x, -power) ** 2).sum(-1)), power[..., 0])


NO_OVERFLOW = Limits(fixed={"scale": "no coordinate overflows"})
"""What lengths and scores need."""


@domain
def two_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Two vectors (1, width) of one format, two positions and a shift, log-uniform up to 2³⁰, and how to turn."""
    name, width = draw(st.sampled_from(target.dtypes)), 2 * draw(st.sampled_from([1, 2, 3, 4, 8, 16, 33, 64]))
    m, n, shift = (draw_places(draw, (1,), 2**30).astype(np.int64) for _ in range(3))
    q, k = (draw_array(draw, (1, width), name, magnitudes(name)) for _ in range(2))
    how = {"base": draw_base(draw), "interleaved": draw(st.booleans()), "rotary_dim": draw_width(draw, width)}
    return {"q": q, "k": k, "m": m, "n": n, "shift": shift, "how": how}


def off_by(ops: Operations, x: Any, how: Any, *places: Any) -> float:
    """How far off the angle may be at the sum of these places, in either direction."""
    most = np.sum([abs(np.asarray(m, np.float64)) for m in places], axis=0)
    return farthest_angle(most, width_turned(x, how["rotary_dim"]), how["base"], ops.conventions.rope_angles)


def score_gap(q: Any, k: Any, q2: Any, k2: Any) -> Any:
    """⟨q, k⟩ − ⟨q2, k2⟩, enclosed: judging rounds nothing."""
    return enclose(lambda a, b, c, d: (a * b).sum(-1) - (c * d).sum(-1), q, k, q2, k2)


relative_only = Claim(
    "rope.relative_only",
    faq=19,
    statement="Of their positions, the score of a query at m and a key at n depends on n − m alone, up to rounding: "
    "(1, 2) is as good as (1001, 1002), and as any pair so far apart up to position 2³¹.",
    formula=r"\langle R_m q, R_n k\rangle = \langle R_{m+s}\, q, R_{n+s}\, k\rangle = \langle q, R_{n-m}\, k\rangle",
    legend={"q": "a query", "k": "a key", "R": "R_m, the turn at position m", "s": "any shift"},
    limits=Limits(
        options=("offset",),
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=1,
        width=6,
        fixed={"scale": "no coordinate overflows"},
    ),
    source="arXiv:2104.09864, §3.2",
    needs=("rope", "apply_rope"),
    dispensable=("apply_rope",),
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
    step = draw_turns(draw, (pairs,), fractions=fractions)
    m, n, shift = (draw(st.integers(-4, 4)) for _ in range(3))
    return {"q": rows[:1], "k": rows[1:], "step": step, "m": m, "n": n, "shift": shift,
            "interleaved": draw(st.booleans())}  # fmt: skip


def steps(step: Turn, m: int) -> tuple[Any, Any]:
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
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any) -> Any:
    def at(x: Any, place: Any) -> Any:
        return ops.rope(x, place, **how)

    angle = off_by(ops, q, how, m, n, shift)
    allowed = turned_score(length(q), length(k), q.shape[-1], q.dtype, angle)
    here = at(q, m), at(k, n)
    return all_of(
        equal(np.zeros(1), score_gap(*here, at(q, m + shift), at(k, n + shift)), within=allowed),
        equal(np.zeros(1), score_gap(*here, q, at(k, n - m)), within=allowed),
    )


composes = Claim(
    "rope.composes",
    faq=19,
    statement="Up to rounding, turning by a and then by b is turning by a + b, and turning back undoes a turn; "
    "position 0 changes no bit of a finite vector, except perhaps the sign of a zero.",
    formula=r"R_a R_b = R_{a+b}, \qquad R_0 = I, \qquad R_{-m} R_m = I",
    legend={"R": "R_m, the turn at position m"},
    limits=Limits(
        options=("offset",),
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=1,
        width=6,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope", "apply_rope"),
    dispensable=("apply_rope",),
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
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any) -> Any:
    def at(x: Any, place: Any) -> Any:
        return ops.rope(x, place, **how)

    angle = off_by(ops, q, how, n, shift)
    allowed = turned_length(length(q), q.shape[-1], q.dtype, angle, turns=3)
    return all_of(
        equal(_gap(at(at(q, shift), n), at(q, shift + n)), np.zeros(1), within=allowed),
        equal(_gap(at(at(q, shift), -shift), q), np.zeros(1), within=allowed),
        equal(at(q, m * 0), q),  # the sign of a zero does not count
    )


is_a_rotation = Claim(
    "rope.is_a_rotation",
    faq=19,
    statement="RoPE turns every pair of the features that are to turn: up to rounding each block is orthogonal, with "
    "determinant 1, and no pair touches another, whatever that holds.",
    formula=r"R^\top R = I, \qquad \det R^{(i)} = 1",
    legend={"R": "the turn at any position as a matrix, and its block for pair i"},
    limits=Limits(
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=8,
        width=8,
        signs=("apply_rope.x >= 0",),
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope", "apply_rope"),
    dispensable=("apply_rope",),
    tolerances=(turned_length, turned_score, turned_pair),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.base_slightly_off, wrong.other_pairing, wrong.pairs_touch),
)


def _block(matrix: Any, pair: int, dim: int, *, interleaved: bool) -> Any:
    first, second = lanes(dim, interleaved=interleaved)
    rows = [first[pair], second[pair]]
    return matrix[np.ix_(rows, rows)]


@domain
def one_rational_turn(draw: Draw, target: Target) -> dict[str, Any]:
    """A rational turn of every pair."""
    pairs, fractions = draw(st.integers(1, 4)), bool(target.exact) and draw(st.integers(0, 3)) > 0
    return {"turn": draw_turns(draw, (pairs,), fractions=fractions), "interleaved": draw(st.booleans())}


@is_a_rotation.exact(one_rational_turn())
def _(ops: Operations, turn: Turn, interleaved: bool) -> Any:
    (cos, sin), dim = turn, 2 * len(turn.cos)
    identity = np.full((dim, dim), cos[0] * 0)  # in numbers of the same kind
    np.fill_diagonal(identity, cos[0] * 0 + 1)
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
    return {"name": name, "m": np.repeat(m, dim), "base": base, "interleaved": draw(st.booleans())}


@is_a_rotation.property(identity_at_a_place())
def _(ops: Operations, name: str, m: Any, base: float, interleaved: bool) -> Any:
    dim, x = len(m), as_dtype(np.eye(len(m)), name)
    r = ops.rope(x, m, base=base, interleaved=interleaved)
    angle = farthest_angle(m, dim, base, ops.conventions.rope_angles)
    allowed = turned_score(1.0, 1.0, dim, x.dtype, angle)
    wide = r.astype(np.float64)
    blocks = [_block(wide, i, dim, interleaved=interleaved) for i in range(dim // 2)]
    return all_of(
        equal(wide @ wide.T, np.eye(dim), within=allowed),
        *(equal(b[0, 0] * b[1, 1] - b[0, 1] * b[1, 0], 1.0, within=allowed) for b in blocks),
        turned_agrees(ops, r, x, m, base=base, interleaved=interleaved),
    )


def _farthest(ops: Operations, x: Any, **how: Any) -> float:
    """How far off any angle of a turn may be."""
    m, dim = places(x, how["positions"], how["offset"]), width_turned(x, how["rotary_dim"])
    return farthest_angle(m, dim, how["base"], ops.conventions.rope_angles)


@is_a_rotation.property(ROPE.inputs())
def _(ops: Operations, x: Any, **how: Any) -> Any:
    y, both = ops.rope(x, **how), lanes(width_turned(x, how["rotary_dim"]), interleaved=how["interleaved"])
    before, after = (np.hypot(*(v.astype(np.float64)[..., lane] for lane in both)) for v in (x, y))
    return equal(after, before, within=turned_length(before, 2, x.dtype, _farthest(ops, x, **how)))


@domain
def one_pair_spoilt(draw: Draw, target: Target) -> dict[str, Any]:
    """A few rows of several pairs, one of which holds what is no number, a pairing and positions."""
    name, pairs, rows = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 9)), draw(st.integers(1, 3))
    x, interleaved = draw_array(draw, (rows, 2 * pairs), name, magnitudes(name)), draw(st.booleans())
    members = np.array(lanes(2 * pairs, interleaved=interleaved))[:, draw(st.integers(0, pairs - 1))]
    return {
        "x": x,
        "pair": members,
        "which": draw(st.sampled_from([[0], [1], [0, 1]])),
        "interleaved": interleaved,
        "strange": draw(st.sampled_from([np.nan, np.inf, -np.inf])),
        "m": draw_places(draw, (rows,)),
    }


@is_a_rotation.property(one_pair_spoilt(), effort=0.5)
def _(ops: Operations, x: Any, pair: Any, which: Any, interleaved: bool, strange: float, m: Any) -> Any:
    spoilt, others = x.copy(), np.setdiff1d(np.arange(x.shape[1]), pair)
    spoilt[:, pair[which]] = strange
    there, here = (ops.rope(v, m, interleaved=interleaved)[:, others] for v in (spoilt, x))
    return identical(there, here)


preserves_norm = Claim(
    "rope.preserves_norm",
    faq=19,
    statement="The length of the vector, and of every pair in it, does not change.",
    formula=r"\lVert R_m x\rVert = \lVert x\rVert",
    verdict="holds_if",
    condition="arithmetic is exact, or rounding is allowed for and no coordinate overflows. In binary floats a turn "
    "keeps every length bit for bit only if it is by a multiple of 90°: no other turn has a cosine and a sine that "
    "both are binary fractions.",
    legend={"R": "R_m, the turn at position m"},
    limits=Limits(
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=1,
        width=6,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope", "apply_rope"),
    dispensable=("apply_rope",),
    tolerances=(turned_length,),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.rest_zeroed),
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
    allowed = turned_length(length(x), x.shape[-1], x.dtype, _farthest(ops, x, **how))
    return equal(length(ops.rope(x, **how)), length(x), within=allowed)


@preserves_norm.proof
def _(ops: Operations) -> Any:
    # A turn whose cosine a/2ᵏ and sine b/2ᵏ are binary fractions has a² + b² = 4ᵏ. Modulo 4 that forces both to be even
    # while k > 0, so they can be halved until k = 0, and then only (±1, 0) and (0, ±1) are left. With any other two
    # numbers (1, 0) becomes (a/2ᵏ, b/2ᵏ), of another length.
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


def the_longest(target: Target) -> Iterator[dict[str, Any]]:
    """The largest numbers of a format, a few positions on."""
    for m in range(1, 9):
        yield {"x": as_dtype([[np.finfo(np.float64).max] * 2], target.dtypes[0]), "m": np.array([m])}


@preserves_norm.counterexample(cases=the_longest)
def _(ops: Operations, x: Any, m: Any) -> Any:
    before, after = (length(np.ldexp(v.astype(np.float64), -1)) for v in (x, ops.rope(x, m)))  # halves, to be finite
    return equal(after, before, within=turned_length(before, 2, x.dtype))


preserves_distance = Claim(
    "rope.preserves_distance",
    faq=19,
    statement="Two vectors at one position keep their distance and their dot product, and with these the angle between "
    "them, up to rounding, as long as no coordinate overflows.",
    formula=r"\lVert R_m q - R_m k\rVert = \lVert q - k\rVert, \quad \langle R_m q, R_m k\rangle = \langle q, k\rangle",
    legend={"q": "a vector", "k": "another", "R": "R_m, the turn at position m"},
    limits=Limits(
        options=("offset",),
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=1,
        width=6,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope", "apply_rope"),
    dispensable=("apply_rope",),
    tolerances=(turned_length, turned_score),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.one_row_further),
)


@preserves_distance.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    a, b = (ops.apply_rope(x, *steps(step, m), interleaved=interleaved) for x in (q, k))
    return all_of(equal(((a - b) ** 2).sum(-1), ((q - k) ** 2).sum(-1)), equal((a * b).sum(-1), (q * k).sum(-1)))


@preserves_distance.property(two_vectors())
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any) -> Any:
    a, b = ops.rope(np.concatenate([q, k]), np.repeat(m + shift, 2), **how)
    angle = off_by(ops, q, how, m, shift)
    lengths, dim = (length(q), length(k)), q.shape[-1]
    moved = turned_length(lengths[0] + lengths[1], dim, q.dtype, angle)
    return all_of(
        equal(_gap(a, b)[None], _gap(q, k), within=moved),
        equal(np.zeros(1), score_gap(a[None], b[None], q, k), within=turned_score(*lengths, dim, q.dtype, angle)),
    )


no_boundary = Claim(
    "rope.no_boundary",
    faq=19,
    statement="Every position from −2³¹ to 2³¹ has its turn, as accurate as the first.",
    formula=r"R_m \text{ for every } m \in \mathbb Z, \quad |m| \le 2^{31}",
    verdict="holds_if",
    condition="what is meant is that the turn is defined; whether a model that was fitted to near places does well at "
    "far ones is another matter.",
    needs=("rope",),
    limits=Limits(width=9),
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


def farther_and_farther() -> Iterator[dict[str, Any]]:
    """Distances, the nearest first."""
    return ({"m": m} for m in range(1000))


@no_boundary.counterexample(cases=farther_and_farther)
def _(ops: Operations, m: int) -> Any:
    # A head that was fitted to score 1 at the distances 0 and 1, asked to score ½ at least at any other.
    fitted = np.linalg.solve(np.cos(np.outer([0.0, 1.0], [1.0, 0.01])), np.ones(2))
    query, key = np.array([[*fitted, 0.0, 0.0]]), np.array([1.0, 1.0, 0.0, 0.0])
    return at_least(ops.rope(query, np.array([m])) @ key, 0.5)


@no_boundary.property(ROPE.inputs(most=9))
def _(ops: Operations, **turn: Any) -> Any:
    return ROPE.agrees(ops, **turn)


fast_form = Claim(
    "rope.fast_form",
    faq=19,
    statement="Multiplying by cosines, and by sines with the two members of every pair exchanged and the first of them "
    "negated, is, up to rounding, multiplying by the rotation matrices; the two common layouts are one permutation of "
    "the features apart.",
    formula=r"R_m x = x \odot \cos + P x \odot \sin, \quad P(a, b) = (-b, a); \qquad "
    r"R^{\text{interleaved}} = \Pi^\top R^{\text{half}}\, \Pi",
    legend={"R": "the turn at position m, as a matrix", "P": "the exchange, in every pair (a, b)",
            "a": "the first of a pair", "b": "the second",
            "Π": "the permutation to the order 0, 2, 4, …, 1, 3, 5, …"},
    limits=Limits(
        options=("rope.rotary_dim", "offset"),
        rows=1,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("apply_rope", "rope", "rope_permutation"),
    dispensable=("rope", "rope_permutation"),
    tolerances=(turned_pair,),
    refuted_by=(
        wrong.applied_clockwise,
        wrong.applied_in_the_other_pairing,
        wrong.sine_once,
        wrong.permuted_back,
        wrong.pairing_ignored,
        wrong.first_table_everywhere,
    ),
)  # fmt: skip


@fast_form.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    cos, sin = steps(step, m)
    first, second = lanes(q.shape[-1], interleaved=interleaved)
    matrix = np.full((q.shape[-1],) * 2, q[0, 0] * 0)
    matrix[first, first] = matrix[second, second] = cos[0]
    matrix[first, second], matrix[second, first] = -sin[0], sin[0]
    return equal(ops.apply_rope(q, cos, sin, interleaved=interleaved), q @ matrix.T)


@fast_form.exact(rational_walk())
def _(ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool) -> Any:
    (cos, sin), p = steps(step, m), np.asarray(ops.rope_permutation(q.shape[-1]))
    return equal(ops.apply_rope(q, cos, sin, interleaved=True)[..., p], ops.apply_rope(q[..., p], cos, sin))


@fast_form.property(APPLY_ROPE.inputs(most=65))
def _(ops: Operations, **turn: Any) -> Any:
    return APPLY_ROPE.agrees(ops, **turn)


@domain
def tables_of_any_shape(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors on several axes, and angles for every one, for every time step of a text, or for all."""
    turn = APPLY_ROPE.draw(draw, target, most=9)
    x, pairs = turn["x"], turn["cos"].shape[-1]
    x = np.stack([x, x + x.dtype.type(1)])  # (2, ..., time, width)
    rows = draw(st.sampled_from([(), x.shape[-2:-1], (2, *[1] * (x.ndim - 3), x.shape[-2]), x.shape[:-1]]))
    angle = draw(seeds()).uniform(-4, 4, size=(*rows, pairs))
    cos, sin = (f(angle).astype(x.dtype) for f in (np.cos, np.sin))
    return {"x": x, "cos": cos, "sin": sin, "interleaved": turn["interleaved"]}


@fast_form.property(tables_of_any_shape(), effort=0.5)
def _(ops: Operations, **turn: Any) -> Any:
    return APPLY_ROPE.agrees(ops, **turn)


@fast_form.property(two_vectors())
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any) -> Any:
    def at(x: Any, *, interleaved: bool) -> Any:
        return ops.rope(x, shift, base=base, interleaved=interleaved)

    dim, base = q.shape[-1], how["base"]
    p = np.asarray(ops.rope_permutation(dim))
    return all_of(
        equal(np.sort(p), np.arange(dim)),
        turned_agrees(ops, at(q, interleaved=True)[..., p], q[..., p], shift, base=base, interleaved=False),
        turned_agrees(ops, at(q[..., p], interleaved=False)[..., np.argsort(p)], q, shift, base=base, interleaved=True),
    )


table_equals_formula = Claim(
    "rope.table_equals_formula",
    faq=19,
    statement="A table of cosines and sines made beforehand, for more positions than are used, gives bit for bit what "
    "is computed on the fly.",
    formula=r"R_m x = \operatorname{apply}(x, \cos[m], \sin[m])",
    needs=("rope", "rope_cos_sin", "apply_rope"),
    limits=Limits(options=("offset",)),
    tolerances=(wave_rounding,),
    refuted_by=(wrong.tables_from_one, wrong.tables_exchanged, wrong.tables_in_float32, wrong.base_slightly_off),
)


@domain
def tabulated(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors in one format, the positions of a table that starts anywhere, and which of its rows are asked for."""
    rows, width = draw(st.integers(1, 40)), 2 * draw(st.integers(1, 33))
    start, size = int(draw_places(draw, (1,), 2**30)[0]), draw(st.sampled_from([20, 20, 20, 3000]))
    name = draw(st.sampled_from(target.dtypes))
    return {
        "x": draw_array(draw, (rows, width), name, magnitudes(name)),
        "table": start + np.arange(size),
        "asked": draw(seeds()).integers(0, size, size=rows),
        "base": draw_base(draw),
        "interleaved": draw(st.booleans()),
        "rotary_dim": draw_width(draw, width),
    }


@table_equals_formula.property(tabulated())
def _(ops: Operations, x: Any, table: Any, asked: Any, base: float, interleaved: bool, rotary_dim: int | None) -> Any:
    dim, turn = width_turned(x, rotary_dim), {"interleaved": interleaved}
    rows = tuple(np.asarray(t)[asked] for t in ops.rope_cos_sin(table, dim, base=base))
    onthefly = ops.rope(x, table[asked], base=base, rotary_dim=rotary_dim, **turn)
    return all_of(
        identical(ops.apply_rope(x, *rows, **turn), onthefly),
        ROPE_COS_SIN.judged(ops, rows, table[asked], dim, base),
    )


frequencies_decay = Claim(
    "rope.frequencies_decay",
    faq=19,
    statement="The first pair turns by one radian a position, each next one base^(2/d) times slower, up to rounding; "
    "with base 1 all turn alike.",
    formula=r"\theta_i = \mathrm{base}^{-2i/d}, \qquad \theta_0 = 1, \qquad "
    r"\theta_{i+1} / \theta_i = \mathrm{base}^{-2/d}",
    source="arXiv:2104.09864, §3.2.2",
    needs=("rope_frequencies",),
    tolerances=(frequency_rounding,),
    refuted_by=(wrong.frequencies_of_half, wrong.frequencies_to_the_end, wrong.frequencies_rising,
                wrong.bfloat16_frequencies, wrong.frequencies_in_float32),
)  # fmt: skip


@frequencies_decay.exact(pairs=st.sampled_from([1, 2, 4, 8, 16, 32]), exponent=st.integers(1, 12))
def _(ops: Operations, pairs: int, exponent: int) -> Any:
    # With base 2^(exponent·pairs), exponents and frequencies are binary fractions: nothing may be rounded.
    theta = ops.rope_frequencies(2 * pairs, base=2.0 ** (exponent * pairs))
    return equal(theta, [Fraction(1, 2 ** (exponent * i)) for i in range(pairs)])


@domain
def spreads(draw: Draw, target: Target) -> dict[str, Any]:
    """A width and a base."""
    return {"dim": 2 * draw(st.one_of(st.integers(1, 8), st.sampled_from([16, 32, 33, 64, 128]))),
            "base": draw_base(draw)}  # fmt: skip


@frequencies_decay.property(spreads())
def _(ops: Operations, dim: int, base: float) -> Any:
    theta = ops.rope_frequencies(dim, base=base)
    truth = enclose(lambda i: i * 0 + true_frequencies(dim, base), np.zeros(dim // 2))
    return all_of(
        equal(theta, truth, within=frequency_rounding(truth.hi, theta.dtype, ops.conventions.rope_angles)),
        equal(theta[0], 1.0),
        at_most(theta[1:], theta[:-1]),
    )


slow_hand = Claim(
    "rope.slow_hand",
    faq=19,
    statement="While the fastest pair turns once, the slowest moves by a fraction of a degree.",
    formula=r"360^\circ \cdot \mathrm{base}^{-(d-2)/d}",
    verdict="holds_if",
    condition="base^((d − 2)/d) > 360: with base 10,000 from d = 6 on; with d = 2 fastest and slowest are one pair.",
    legend={"d": "the number of features that turn"},
    needs=("rope_frequencies",),
    tolerances=(frequency_rounding,),
    refuted_by=(wrong.frequencies_of_half, wrong.frequencies_rising),
)


@slow_hand.exact(pairs=st.sampled_from([4, 8, 16]), exponent=st.integers(5, 12))
def _(ops: Operations, pairs: int, exponent: int) -> Any:
    theta = ops.rope_frequencies(2 * pairs, base=2.0 ** (exponent * pairs))
    degrees = 360 * Fraction(float(theta[-1]))  # one turn of the fastest takes 2π positions
    return all_of(equal(degrees, Fraction(360, 2 ** (exponent * (pairs - 1)))), less(degrees, 1))


@domain
def slow_enough(draw: Draw, target: Target) -> dict[str, Any]:
    """A number of pairs, and a base that meets the condition, often just so."""
    pairs = draw(st.one_of(st.integers(2, 9), st.integers(10, 512)))
    least = 360.0 ** (pairs / (pairs - 1)) * (1 + 2.0**-20)
    return {"pairs": pairs, "base": draw(st.one_of(log_uniform(least, 2 * least), log_uniform(least, 1e12)))}


@slow_hand.property(slow_enough())
def _(ops: Operations, pairs: int, base: float) -> Any:
    slowest = ops.rope_frequencies(2 * pairs, base=base)[-1:]
    truth = enclose(lambda one: one * true_frequencies(2 * pairs, base)[-1], np.ones(1))
    allowed = frequency_rounding(truth.hi, slowest.dtype, ops.conventions.rope_angles)
    return all_of(equal(slowest, truth, within=allowed), less(360 * slowest, 1.0))


@slow_hand.counterexample(pairs=st.integers(1, 3))
def _(ops: Operations, pairs: int) -> Any:
    return less(360 * ops.rope_frequencies(2 * pairs)[-1], 1.0)


stays_stable = Claim(
    "rope.stays_stable",
    faq=19,
    statement="Through layer after layer of turns, lengths neither grow nor shrink but by rounding, and by less than "
    "one turn's rounding compounded over the layers.",
    formula=r"\bigl|\lVert R_{m_L} \cdots R_{m_1} x\rVert - \lVert x\rVert\bigr| \le "
    r"\bigl((1 + \kappa)^L - 1\bigr)\,\lVert x\rVert",
    legend={"R": "R_m, the turn at position m", "L": "the number of layers",
            "κ": "how far rounding moves a vector in one turn, below 8 units of it"},
    limits=Limits(options=("rotary_dim", "offset"), rows=2, fixed={"scale": "no coordinate overflows"}),
    needs=("rope",),
    tolerances=(turned_length,),
    refuted_by=(wrong.stretched, wrong.shrinking),
)  # fmt: skip


@domain
def layers_of_turns(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors in one format, and a position for every layer."""
    name, width = draw(st.sampled_from(target.dtypes)), 2 * draw(st.sampled_from([1, 2, 3, 8, 32]))
    x = draw_array(draw, (2, width), name, magnitudes(name))
    layers = draw_places(draw, (draw(st.sampled_from([1, 2, 8, 40])),))
    return {"x": x, "layers": layers, "base": draw_base(draw), "interleaved": draw(st.booleans())}


@stays_stable.property(layers_of_turns())
def _(ops: Operations, x: Any, layers: Any, base: float, interleaved: bool) -> Any:
    y = x
    for m in layers:
        y = ops.rope(y, np.array([m, m]), base=base, interleaved=interleaved)
    allowed = turned_length(length(x), x.shape[-1], x.dtype, turns=len(layers))
    return equal(length(y), length(x), within=allowed)


# How far angles are from coming back.


def off_a_turn(ops: Operations, m: Any, dim: int, **base: float) -> Any:
    """How far the farthest of all angles is from a whole number of turns, in radians, for every position."""
    cos, sin = ops.rope_cos_sin(np.asarray(m), dim, **base)
    return abs(np.arctan2(sin, cos)).max(-1)


one_pair_aliases = Claim(
    "rope.one_pair_aliases",
    faq=19,
    statement="The fastest pair alone nearly comes back: words 1 and 7 differ by 2π − 6 = 0.283 radians in it, and "
    "from 6 on the offsets that come closer than all before are the numerators of the convergents of 2π: 6, 19, 25, "
    "44, 333, 710, …",
    formula=r"\min_k |m - 2\pi k| < \min_{0 < m' < m,\ k} |m' - 2\pi k| \iff m / k \text{ is a convergent of } "
    r"2\pi = [6; 3, 1, 1, 7, 2, 146, \dots], \qquad m \ge 6",
    verdict="holds_if",
    condition="nearly is meant: π being irrational, no two positions ever agree exactly.",
    legend={"m": "an offset", "k": "a number of whole turns"},
    source="Khinchin, Continued Fractions (1964), §6: best approximations of the second kind",
    needs=("rope_cos_sin",),
    limits=Limits(options=("base",)),
    tolerances=(wave_between,),
    refuted_by=(wrong.tables_from_one, wrong.tables_exchanged),
)


@one_pair_aliases.proof
def _(ops: Operations) -> Any:
    lo, hi = turn()
    records = list(convergents(lo, hi, 2**31))
    closeness = [gap(p, q, lo, hi) for p, q in records]
    offsets = np.array([p for p, _ in records])
    seen = off_a_turn(ops, offsets, 2)
    return all_of(
        equal(offsets[:6], [6, 19, 25, 44, 333, 710]),
        less(0.0, np.array([below for below, _ in closeness])),  # never exactly
        less(np.array([above for _, above in closeness[1:]]), np.array([below for below, _ in closeness[:-1]])),
        equal(seen, np.array([above for _, above in closeness]), within=wave_between(0.0, np.float64)),
        # Of 2π known to less than it takes, no further convergent is named.
        raises(lambda: list(convergents(lo, hi + (hi >> 40), 2**31)), ArithmeticError, saying=("too wide",)),
    )


@one_pair_aliases.property(m=positions(2**30), back=st.booleans(), k=st.integers(0, 12))
def _(ops: Operations, m: int, back: bool, k: int) -> Any:
    lo, hi = turn()
    m, (p, q) = -m if back else m, list(convergents(lo, hi, 2**30))[k]
    cos, sin = (t[:, 0] for t in ops.rope_cos_sin(np.array([m, m + p]), 2))
    apart = np.hypot(cos[1] - cos[0], sin[1] - sin[0])
    return equal(apart, 2 * np.sin(gap(p, q, lo, hi)[1] / 2), within=wave_between(0.0, np.float64) * 4)


@one_pair_aliases.exhaustive(lambda: iter([{"most": 20_000}]))
def _(ops: Operations, most: int) -> Any:
    seen = off_a_turn(ops, np.arange(1, most + 1), 2)
    best = np.minimum.accumulate(np.append(np.inf, seen[:-1]))
    records = 1 + np.flatnonzero(seen < best)
    known = [p for p, _ in convergents(*turn(), most)]
    return equal(records[records >= 6], known)


def numerators() -> Iterator[dict[str, Any]]:
    """The offsets of the closest returns of one pair."""
    for p, _ in convergents(*turn(), 2**31):
        yield {"offset": p}


@one_pair_aliases.counterexample(cases=numerators)
def _(ops: Operations, offset: int) -> Any:
    return equal(off_a_turn(ops, [offset], 2), np.zeros(1))


combination_lock = Claim(
    "rope.combination_lock",
    faq=19,
    statement="All pairs together do not come back within a trillion positions.",
    formula=r"\min_{1 \le m \le 10^{12}} \max_i |m\theta_i \bmod 2\pi| > 0.57, \qquad d = 32, 64, 128",
    verdict="holds_if",
    condition="“come back” means exactly, which they never do; or to within 0.57 radians, with d = 32, 64 or 128 and "
    "base 10,000. Small d nearly does come back within a trillion: to 3.6·10⁻¹² radians (d = 2), 2.0·10⁻¹⁰ (d = 4), "
    "2.5·10⁻⁹ (d = 8, and to 3.5·10⁻³ at 169,646 already) and 2.31·10⁻³ (d = 16, at 422,148,829,906); and with base 1 "
    "all pairs are one.",
    legend={"m": "an offset", "θ": "θ_i, by which pair i turns a position; modulo 2π, of either sign"},
    needs=("rope_cos_sin", "rope_frequencies"),
    tolerances=(wave_between,),
    refuted_by=(wrong.frequencies_rising, wrong.tables_from_one, wrong.tables_exchanged),
)

TRILLION = 10**12


@combination_lock.proof
def _(ops: Operations) -> Any:
    # The fastest pair turns by 1: an exact return would make m = 2πk. Up to 10¹² the closest miss is positive, and
    # Lambert's theorem has it for every m.
    lo, hi = turn()
    misses = [gap(p, q, lo, hi)[0] for p, q in convergents(lo, hi, TRILLION)]
    first = [ops.rope_frequencies(dim)[0] for dim in (2, 32, 64, 128)]
    return all_of(equal(first, 1.0), less(0.0, min(misses)))


@combination_lock.proof
def _(ops: Operations) -> Any:
    found, windows = zip(*(nearest_repeats(dim, TRILLION, 0.57) for dim in (32, 64, 128)), strict=True)
    (closest,), _ = nearest_repeats(16, TRILLION, 2.31e-3)
    return all_of(
        equal([len(offsets) for offsets in found], np.zeros(3)).measuring(
            **{"windows tried": sum(windows), "positions up to": TRILLION}
        ),
        equal(closest, 422_148_829_906),
        equal(nearest_repeats(8, 200_000, 3.5e-3)[0], [169_646]),
        equal(all_repeats(8, 200_000, 3.5e-3), [169_646]),  # every position tried: the windows leave nothing out
        # Beyond what the certificate covers nothing is searched: no chains of four, or angles so wide that none nest.
        raises(lambda: nearest_repeats(12, 1000, 0.1), ValueError, saying=("certificate", "12")),
        raises(lambda: nearest_repeats(16, 1000, 2 * np.pi / 11), ValueError, saying=("certificate", "0.57")),
    )


@combination_lock.proof
def _(ops: Operations) -> Any:
    relations = []
    for dim, slowest, closest in ((2, 1, 3.6e-12), (4, 100, 2.0e-10), (8, 1000, 2.5e-9)):
        records = chain_records(slowest, TRILLION)
        near = [(m, e) for m, e in records if e < 0.05 and m <= 2**31]
        seen = off_a_turn(ops, [m for m, _ in near], dim)
        relations += [
            equal(seen, np.array([e for _, e in near]), within=wave_between(0.0, np.float64)),
            less(records[-1][1], closest).measuring(**{f"closest return, d = {dim}": records[-1][1]}),
        ]
    return all_of(*relations)


def returns() -> Iterator[dict[str, Any]]:
    """The closest returns of the smallest widths."""
    for dim, slowest in ((8, 1000), (4, 100), (2, 1)):
        for m, _ in chain_records(slowest, 2**31):
            yield {"m": m, "dim": dim}


@combination_lock.counterexample(cases=returns)
def _(ops: Operations, m: int, dim: int) -> Any:
    return at_least(off_a_turn(ops, [m], dim), 0.01)


@combination_lock.counterexample(cases=numerators)
def _(ops: Operations, offset: int) -> Any:
    return at_least(off_a_turn(ops, [offset], 32, base=1.0), 0.57)


# FAQ 18: a position is a vector.


def codes(ops: Operations, m: Any, dim: int, **options: Any) -> Any:
    """The codes of positions."""
    return ops.sinusoidal_positional_encoding(np.asarray(m), dim, **options)


@domain
def coded(draw: Draw, target: Target) -> dict[str, Any]:
    """A few positions and a width of 2 or more, a base, and a layout."""
    dim = draw(st.one_of(st.integers(2, 9), st.sampled_from([62, 63, 64, 65, 128, 258])))
    return {"m": draw_places(draw, (3,)), "dim": dim, "base": draw_base(draw), "interleaved": draw(st.booleans())}


stays_small = Claim(
    "position.stays_small",
    faq=18,
    statement="At every position every number of the code lies between −1 and 1, and for even d its length is √(d/2), "
    "up to rounding; an index grows without bound.",
    formula=r"|\mathrm{PE}_j(m)| \le 1, \qquad \lVert\mathrm{PE}(m)\rVert = \sqrt{d/2} \text{ if } 2 \mid d",
    legend={"m": "a position", "d": "the width of the code"},
    source="arXiv:1706.03762, §3.5",
    needs=("sinusoidal_positional_encoding",),
    limits=Limits(rows=1, width=3),
    tolerances=(wave_rounding, sum_of_squares),
    refuted_by=(wrong.raw_index, wrong.squeezed_index, wrong.code_scaled),
)


@stays_small.property(coded())
def _(ops: Operations, m: Any, dim: int, base: float, interleaved: bool) -> Any:
    code = codes(ops, m, dim, base=base, interleaved=interleaved)
    angle = farthest_angle(m, dim, base, ops.conventions.rope_angles)
    squares = (code.astype(np.float64) ** 2).sum(-1)
    return all_of(
        at_most(abs(code), np.ones(code.shape), within=wave_rounding(1.0, 0.0, code.dtype)),
        *([] if dim % 2 else [equal(squares, np.full(3, dim / 2), within=sum_of_squares(dim, angle, code.dtype))]),
        at_most(squares, dim * (abs(m.astype(np.float64)) + 1)),  # what an index in every coordinate grows beyond
    )


@domain
def between_integers(draw: Draw, target: Target) -> dict[str, Any]:
    """A few positions that are no integers, near and far, in any format, and the options."""
    m = draw_places(draw, (3,), 2**30).astype(np.float64) + draw(seeds()).uniform(-0.49, 0.49, size=3)
    if draw(st.integers(0, 3)) == 0:  # where a wave is at its height, and rounding may leave [−1, 1]
        m = np.rint(m / np.pi * 2) * (np.pi / 2)
    if (name := draw(st.sampled_from(["float64", *target.dtypes]))) != "float64":
        m = as_dtype(np.clip(m, -1000.5, 1000.5), name)  # exact in float64, which codes are computed from
    dim, base = draw(st.integers(1, 40)), draw_base(draw)
    return {"positions": m, "dim": dim, "base": base, "interleaved": draw(st.booleans())}


@stays_small.property(between_integers(), effort=0.5)
def _(ops: Operations, positions: Any, dim: int, base: float, interleaved: bool) -> Any:
    code = codes(ops, positions, dim, base=base, interleaved=interleaved)
    angle = farthest_angle(positions, dim, base, ops.conventions.rope_angles)
    squares, allowed = (code.astype(np.float64) ** 2).sum(-1), sum_of_squares(dim, angle, code.dtype, whole=False)
    return all_of(
        at_most(abs(code), np.ones(code.shape), within=wave_rounding(1.0, 0.0, code.dtype)),
        *([] if dim % 2 else [equal(squares, np.full(3, dim / 2), within=allowed)]),
    )


is_unique = Claim(
    "position.is_unique",
    faq=18,
    statement="Different whole positions get different codes, if d ≥ 2: sine and cosine of the fastest wave alone "
    "never repeat, and from −2³¹ to 2³¹ no two codes are closer than 4·10⁻¹⁰.",
    formula=r"\lVert\mathrm{PE}(m) - \mathrm{PE}(n)\rVert \ge 2\,|\sin\tfrac{m - n}{2}| > 0, \qquad m \ne n \in "
    r"\mathbb Z",
    legend={"m": "a position", "n": "another", "d": "the width of the code"},
    limits=Limits(said=("whole positions", "d ≥ 2")),
    source="Lambert (1761): π is irrational",
    needs=("sinusoidal_positional_encoding",),
    tolerances=(wave_between,),
    refuted_by=(wrong.code_in_bfloat16, wrong.code_table_ends, wrong.code_of_magnitudes),
)


@is_unique.proof
def _(ops: Operations) -> Any:
    # Codes that agree make m − n = 2πk, and π rational. No offset up to 2³² comes closer than the last convergent.
    lo, hi = turn()
    p, q = list(convergents(lo, hi, 2**32))[-1]
    least = gap(p, q, lo, hi)[0]
    ends = [p // 2, -(p - p // 2)]
    a, b = codes(ops, ends, 2)
    angle = farthest_angle(ends, 2, 1e4, ops.conventions.rope_angles)
    return all_of(
        less(4e-10, least).measuring(**{"closest codes up to 2³¹": least, "at an offset of": p}),
        equal(length(a - b), 2 * np.sin(least / 2), within=wave_between(angle, a.dtype) * 4),
    )


@domain
def two_places(draw: Draw, target: Target) -> dict[str, Any]:
    """Two different positions, neighbours or mirror images often, a width of 2 or more, and the options."""
    m = int(draw_places(draw, (1,), 2**30)[0])
    n = draw(st.sampled_from([m + 1, -m, m + 6, m + 710, int(draw_places(draw, (1,), 2**30)[0])]))
    how = {"base": draw_base(draw), "interleaved": draw(st.booleans())}
    dim = draw(st.one_of(st.integers(2, 9), st.sampled_from([65, 66])))
    return {"m": m, "n": n if n != m else m + 1, "dim": dim, "how": how}


@is_unique.property(two_places())
def _(ops: Operations, m: int, n: int, dim: int, how: Any) -> Any:
    a, b = codes(ops, [m, n], dim, **how).astype(np.float64)
    chord = enclose(lambda offset: 2 * abs((offset / 2)[0].sin()), np.array([m - n])).hi
    error = wave_between(farthest_angle([m, n], dim, how["base"], ops.conventions.rope_angles), a.dtype) * 4
    return all_of(at_least(length(a - b), chord, within=error), less(0.0, length(a - b)))


raw_index_drowns_the_word = Claim(
    "position.raw_index_drowns_the_word",
    faq=18,
    statement="Added to a word, a raw index drowns it: as the index grows, the cosine to the word tends to a value "
    "that has nothing to do with the position. The code does not, for even d: a word of length √d or more keeps a "
    "cosine above 0.7 at every position.",
    formula=r"\cos(w + m\mathbf 1, w) \xrightarrow{m \to \infty} \frac{\sum_j w_j}{\sqrt d\,\lVert w\rVert}, \qquad "
    r"\cos(w + \mathrm{PE}(m), w) \ge \sqrt{1 - d / 2\lVert w\rVert^2} > 0.7",
    legend={"w": "a word that is not zero, in the second half of length √d or more", "m": "the position",
            "d": "the length of w and of the code"},
    limits=Limits(options=("base", "interleaved"), also=("words more than 8√d long",), said=("even d",)),
    needs=("sinusoidal_positional_encoding",),
    refuted_by=(wrong.raw_index, wrong.squeezed_index, wrong.code_scaled),
)  # fmt: skip


def cosine(a: Any, b: Any) -> Any:
    """The cosine of two vectors along the last axis, in float64."""
    return (a * b).sum(-1) / (length(a) * length(b))


@domain
def word_and_place(draw: Draw, target: Target) -> dict[str, Any]:
    """The direction of a word, how many times longer than √d it is, and a far position."""
    word = draw_integers(draw, (2 * draw(st.integers(1, 33)),), 8).astype(np.float64)
    longer = draw(st.one_of(st.just(1.0), st.floats(1, 8)))
    return {"word": word, "m": draw_places(draw, (1,)), "longer": longer}


@raw_index_drowns_the_word.property(word_and_place())
def _(ops: Operations, word: Any, m: Any, longer: float) -> Any:
    dim, place, m = len(word), m, abs(m.astype(np.float64)) + 1024
    word = word if word.any() else np.ones(dim)
    word = word * (longer * np.sqrt(dim) / length(word)) * (1 + 2.0**-40)  # so that no rounding makes it too short
    drowned, limit = cosine(word + m[:, None], word), word.sum() / (np.sqrt(dim) * length(word))
    # The angle between w + m1 and 1 has a sine of at most ‖w‖/(m√d), and is at most π/2 times that.
    reach = np.pi / 2 * length(word) / (m * np.sqrt(dim))
    code = codes(ops, place, dim).astype(np.float64)
    # The word that the code turns farthest: minus the code, and something as long at right angles to it.
    aside = np.stack([code[:, 1::2], -code[:, ::2]], axis=-1).reshape(code.shape)
    hardest = (longer * aside - code) * (1 + 2.0**-40)
    return all_of(
        less(abs(drowned - limit), reach),
        less(0.7, cosine(word + code, word)),
        less(0.7, cosine(hardest + code, hardest)),
    )


shift_is_linear = Claim(
    "position.shift_is_linear",
    faq=18,
    statement="For even d, going k positions further is one fixed rotation of the code, up to rounding the same from "
    "every position.",
    formula=r"\mathrm{PE}(t + k) = R_k\,\mathrm{PE}(t), \quad R_k^\top R_k = I, \;\text{ for all } t; \qquad "
    r"\langle\mathrm{PE}(s + k), \mathrm{PE}(t + k)\rangle = \langle\mathrm{PE}(s), \mathrm{PE}(t)\rangle",
    legend={"s": "a position", "t": "another", "R": "R_k, the rotation", "d": "the width of the code"},
    limits=Limits(said=("even d",), also=("positions between whole numbers",)),
    source="arXiv:1706.03762, §3.5",
    needs=("sinusoidal_positional_encoding",),
    tolerances=(products_of_codes,),
    refuted_by=(wrong.code_of_magnitudes, wrong.code_table_ends, wrong.code_in_bfloat16, wrong.raw_index,
                wrong.code_in_float32, wrong.code_with_phases),
)  # fmt: skip


@domain
def shifts(draw: Draw, target: Target) -> dict[str, Any]:
    """Positions, a shift, an even width and the options."""
    t, k = draw_places(draw, (draw(st.integers(2, 12)),), 2**30), int(draw_places(draw, (1,), 2**30)[0])
    how = {"base": draw_base(draw), "interleaved": draw(st.booleans())}
    return {"t": t, "k": k, "dim": 2 * draw(st.sampled_from([1, 2, 3, 8, 32])), "how": how}


@shift_is_linear.property(shifts())
def _(ops: Operations, t: Any, k: int, dim: int, how: Any) -> Any:
    # Vectors with the same products are the same but for one orthogonal map, and the other way round. R_k is no
    # reflection: it takes each pair of waves along by the addition theorems, which the proof has.
    here, there = (codes(ops, m, dim, **how) for m in (t, t + k))
    angle = farthest_angle(abs(t) + abs(k), dim, how["base"], ops.conventions.rope_angles)
    before, after = (code.astype(np.float64) @ code.astype(np.float64).T for code in (here, there))
    return equal(after, before, within=products_of_codes(dim, angle, here.dtype))


@shift_is_linear.proof
def _(ops: Operations) -> Any:
    # With z = e^(itθ), w = e^(ikθ): 2 cos = z + 1/z and 2i sin = z − 1/z. As coefficients of zᵃwᵇ, with a and b
    # from −1 to 1, products are outer products, and the addition theorems are identities between integers.
    plus, minus = np.array([1, 0, 1]), np.array([-1, 0, 1])
    together = np.zeros((3, 3), int)
    together[0, 0], apart = 1, together.copy()
    together[2, 2], apart[2, 2], apart[0, 0] = 1, 1, -1
    return all_of(
        equal(np.outer(plus, plus) + np.outer(minus, minus), 2 * together),
        equal(np.outer(minus, plus) + np.outer(plus, minus), 2 * apart),
    )


vector_beats_scalar = Claim(
    "position.vector_beats_scalar",
    faq=18,
    statement="N positions squeezed in order into one number from 0 to 1 leave some neighbours at most 1/(N − 1) "
    "apart, which noise drowns; the bounded vector keeps all neighbours apart by a constant, however many positions "
    "there are.",
    formula=r"0 \le s_0 \le \dots \le s_{N-1} \le 1 \Rightarrow \min_{m} (s_{m+1} - s_m) \le \frac{1}{N - 1}, \qquad "
    r"\lVert\mathrm{PE}(m + 1) - \mathrm{PE}(m)\rVert \ge 2 \sin\tfrac12 = 0.9588\dots",
    verdict="holds_if",
    condition="d ≥ 2, and neighbours are meant, or all positions up to an N that depends on d: with base 10,000 the "
    "first offset that comes closer than 2 sin ½ again is 6 for d = 2, 4 and 8, and 14,495 for d = 12; for d = 16 "
    "there is one at 596,274.",
    needs=("sinusoidal_positional_encoding",),
    tolerances=(wave_between, hoeffding),
    refuted_by=(wrong.squeezed_index, wrong.code_table_ends, wrong.code_in_bfloat16),
)

NEIGHBOURS = 2 * math.sin(0.5)


@vector_beats_scalar.property(coded(), count=st.integers(2, 60), rng=seeds())
def _(ops: Operations, m: Any, dim: int, base: float, interleaved: bool, count: int, rng: Any) -> Any:
    a, b = (codes(ops, place, dim, base=base, interleaved=interleaved) for place in (m // 2, m // 2 + 1))
    angle = farthest_angle(abs(m) + 1, dim, base, ops.conventions.rope_angles)
    scalar = np.sort(rng.integers(0, 2**20 + 1, size=count))  # any N numbers from 0 to 1, in units of 2⁻²⁰
    return all_of(
        at_least(length(b - a), np.full(3, NEIGHBOURS), within=wave_between(angle, a.dtype) * 4),
        at_most(int(np.diff(scalar).min()) * (count - 1), 2**20),
    )


@vector_beats_scalar.statistical
def _(ops: Operations, rng: np.random.Generator) -> Any:
    # Told from its neighbour by the nearer of the two, under noise of 0.1 in every coordinate. The vector errs only
    # where the noise along the difference exceeds half its length, 4.79 standard deviations (below 10⁻⁶ by Mills'
    # ratio); the scalar's neighbours are 10⁻⁴ apart, a thousandth of the noise, and it errs in half of all cases.
    count, samples, noise = 10_001, 4000, 0.1
    m = rng.integers(0, count - 1, size=samples)
    a, b = codes(ops, m, 16), codes(ops, m + 1, 16)
    heard = a + noise * rng.normal(size=a.shape)
    wrong_vector = (length(heard - b) < length(heard - a)).mean()
    heard_scalar = noise * rng.normal(size=samples)  # around its own place, the neighbour 1/(N − 1) further
    wrong_scalar = (heard_scalar > 0.5 / (count - 1)).mean()
    allowed = hoeffding(samples, 1.0, 1e-12)
    chance = math.erfc(0.5 / (count - 1) / noise / math.sqrt(2)) / 2
    return all_of(at_most(wrong_vector, 1e-6, within=allowed), equal(wrong_scalar, chance, within=allowed))


def first_returns() -> Iterator[dict[str, Any]]:
    """Widths, and the first offset that comes as close as neighbours may."""
    for dim, offset in ((2, 6), (4, 6), (8, 6), (12, 14_495)):
        yield {"dim": dim, "offset": offset, "before": np.arange(2, offset)}
    yield {"dim": 16, "offset": 596_274, "before": np.arange(2, 5000)}


@vector_beats_scalar.exhaustive(first_returns)
def _(ops: Operations, dim: int, offset: int, before: Any) -> Any:
    apart = length(codes(ops, [*before, offset], dim).astype(np.float64) - codes(ops, [0], dim).astype(np.float64))
    return all_of(less(NEIGHBOURS, apart[:-1]), less(apart[-1], NEIGHBOURS))  # by a thirtieth or more


def far_apart() -> Iterator[dict[str, Any]]:
    """Offsets from 2 on, with one pair."""
    for m in range(2, 800):
        yield {"m": m}


@vector_beats_scalar.counterexample(cases=far_apart)
def _(ops: Operations, m: int) -> Any:
    a, b = codes(ops, [0, m], 2)
    return at_least(length(b - a), NEIGHBOURS)


@vector_beats_scalar.counterexample(cases=far_apart)
def _(ops: Operations, m: int) -> Any:
    a, b = codes(ops, [m, m + 1], 1)  # one sine alone
    return at_least(length(b - a), NEIGHBOURS)


independent_lanes = Claim(
    "position.independent_lanes",
    faq=18,
    statement="When meaning and position lie in lanes of their own, each is read back from their sum, and the score of "
    "two words is the score of their meanings plus that of their positions.",
    formula=r"x = wA + pB,\; AB^\top = 0,\; AA^\top = BB^\top = I \;\Rightarrow\; xA^\top = w,\; xB^\top = p,\; "
    r"\langle x, y\rangle = \langle w, v\rangle + \langle p, q\rangle",
    verdict="holds_if",
    condition="the lanes are at right angles, spanned by vectors of length 1 at right angles to each other, and "
    "arithmetic is exact; in floats up to rounding.",
    legend={"A": "the lane of meaning, a row for each of its vectors", "B": "that of position", "x": "a word",
            "w": "its meaning", "p": "its position", "y": "another word", "v": "its meaning", "q": "its position"},
    needs=("linear", "sinusoidal_positional_encoding"),
    limits=Limits(options=("bias",), formats=("float16", "bfloat16")),
    tolerances=(dot_product, read_back),
    refuted_by=(wrong.lanes_leak, wrong.last_row_missing),
)  # fmt: skip


class Lanes(NamedTuple):
    """Orthonormal rows, the first `split` of them for meaning."""

    basis: Any
    split: int


@domain
def lanes_and_contents(draw: Draw, target: Target) -> dict[str, Any]:
    """Two orthogonal lanes of a space turned by rational angles, two meanings and two positions, all exact."""
    pairs, fractions = draw(st.integers(1, 3)), bool(target.exact) and draw(st.integers(0, 3)) > 0
    cos, sin = draw_turns(draw, (pairs,), fractions=fractions)
    dim = 2 * pairs
    q = np.full((dim, dim), cos[0] * 0)
    first, second = np.arange(pairs), np.arange(pairs, dim)
    q[first, first] = q[second, second] = cos
    q[first, second], q[second, first] = -sin, sin
    split = draw(st.integers(1, dim - 1))
    contents = draw_exact(draw, target, 2, dim, fractions=fractions)
    return {"lanes_of": Lanes(q[draw(seeds()).permutation(dim)], split), "contents": contents}


@independent_lanes.exact(lanes_and_contents())
def _(ops: Operations, lanes_of: Lanes, contents: Any) -> Any:
    basis, split = lanes_of
    word_lane, place_lane, words, marks = basis[:split], basis[split:], contents[:, :split], contents[:, split:]
    x = ops.linear(words, word_lane) + ops.linear(marks, place_lane)
    return all_of(
        equal(ops.linear(x, word_lane.T), words),
        equal(ops.linear(x, place_lane.T), marks),
        equal(ops.linear(x, x.T), ops.linear(words, words.T) + ops.linear(marks, marks.T)),
    )


@domain
def lanes_in_floats(draw: Draw, target: Target) -> dict[str, Any]:
    """Orthonormal rows whose entries are short binary fractions, meanings of any size, and positions."""
    dim = draw(st.integers(2, 33))
    rng, count = draw(seeds()), 2 ** draw(st.integers(1, dim.bit_length() - 1))
    v = np.zeros((dim, 1))
    v[rng.permutation(dim)[:count], 0] = rng.choice([-1, 1], count)
    basis = (np.eye(dim) - v @ v.T * 2 / count)[rng.permutation(dim)]  # mirrored along v
    split, name = draw(st.integers(1, dim - 1)), draw(st.sampled_from(_precise(target)))
    words = draw_array(draw, (draw(st.integers(1, 20)), split), name, (2.0**-20, 2.0**20))
    return {"lanes_of": Lanes(basis.astype(name), split), "words": words, "places": draw_places(draw, (len(words),))}


def _precise(target: Target) -> tuple[str, ...]:
    """The formats that a sum is not rounded in before it is read."""
    return tuple(d for d in target.dtypes if d in ("float64", "float32")) or ("float64",)


@independent_lanes.property(lanes_in_floats())
def _(ops: Operations, lanes_of: Lanes, words: Any, places: Any) -> Any:
    (basis, split), dim = lanes_of, len(lanes_of.basis)
    marks = codes(ops, places, dim - split).astype(basis.dtype)
    word_lane, place_lane = basis[:split], basis[split:]
    x = ops.linear(words, word_lane) + ops.linear(marks, place_lane)
    sizes = abs(words.astype(np.float64)) @ abs(word_lane) + abs(marks.astype(np.float64)) @ abs(place_lane)
    return all_of(
        equal(ops.linear(x, word_lane.T), words, within=read_back(sizes, word_lane, dim, x.dtype)),
        equal(ops.linear(x, place_lane.T), marks, within=read_back(sizes, place_lane, dim, x.dtype)),
    )


@independent_lanes.property(two_places())
def _(ops: Operations, m: int, n: int, dim: int, how: Any) -> Any:
    marks = codes(ops, [m, n], dim, **how).astype(np.float64)
    words = np.stack([np.arange(1.0, dim + 1), np.arange(dim, 0.0, -1)])
    x = np.concatenate([words, marks], axis=1)
    sizes = abs(x) @ abs(x).T
    truth = enclose(lambda w, p: w @ w.T + p @ p.T, words, marks)
    return equal(ops.linear(x, x.T), truth, within=dot_product(sizes, 2 * dim, x.dtype))


@independent_lanes.counterexample(split=st.integers(1, 3))
def _(ops: Operations, split: int) -> Any:
    words, marks = np.ones((2, split)), np.array([[1.0] * split, [2.0] * split])  # one lane for both
    x = ops.linear(words, np.eye(split)) + ops.linear(marks, np.eye(split))
    return equal(ops.linear(x, x.T), ops.linear(words, words.T) + ops.linear(marks, marks.T))


@independent_lanes.counterexample(long=st.integers(1, 3))
def _(ops: Operations, long: int) -> Any:
    word = np.ones((1, 1))  # a lane at right angles to the other, spanned by a vector that may be too long
    return equal(ops.linear(ops.linear(word, np.array([[float(long), 0.0]])), np.array([[float(long)], [0.0]])), word)


@independent_lanes.counterexample(angle=st.integers(0, 9), tenths=st.integers(1, 9))
def _(ops: Operations, angle: int, tenths: int) -> Any:
    lane, word = np.array([[math.cos(angle), -math.sin(angle)]]), np.array([[tenths / 10]])  # in floats
    return equal(ops.linear(ops.linear(word, lane), lane.T), word)


# What holds of every operation on positions.


anchor = Claim(
    "rope.anchor",
    statement="At position 1, pair i turns counter-clockwise by base^(−2i/d) radians, the first by 1; at position m by "
    "m times that, far positions, offsets and negative ones included.",
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
        wrong.offset_in_their_format,
        wrong.first_head_everywhere,
        wrong.pairs_touch,
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
def _(ops: Operations, x: Any, positions: Any, **how: Any) -> Any:
    answer = ops.rope(x, positions, **how)
    wide = np.broadcast_to(positions, x.shape[:-1]) if np.ndim(positions) == 0 else positions
    return turned_agrees(ops, answer, x, wide, **how)


def long_texts(target: Target) -> Iterator[dict[str, Any]]:
    """3,000 rows in every format: places left out, and places given."""
    for name in target.dtypes:
        yield {"x": as_dtype(np.tile([1.0, 0.5], (3000, 1)), name), "positions": None}
    yield {"x": as_dtype(np.tile([1.0, 0.5], (3000, 1)), target.dtypes[0]), "positions": np.arange(3000)[::-1]}


@anchor.exhaustive(long_texts)
def _(ops: Operations, x: Any, positions: Any) -> Any:
    return turned_agrees(ops, ops.rope(x, positions), x, positions)


@anchor.property(one_step())
def _(ops: Operations, x: Any, base: float) -> Any:
    return turned_agrees(ops, ops.rope(x, np.array([1]), base=base), x, np.array([1]), base=base)


rope_layout_free = layout_free(ROPE, ROPE_VJP, last=("rope",))
code_layout_free = layout_free(SINUSOIDAL)
table_layout_free = layout_free(ROPE_COS_SIN)
applied_layout_free = layout_free(APPLY_ROPE, APPLY_ROPE_VJP, last=("apply_rope",))
rope_any_width = any_width(ROPE, ROPE_VJP, refuted_by=(wrong.wide_rows_cut, wrong.turned_back_to_512))
code_any_width = any_width(SINUSOIDAL, SINUSOIDAL_VJP, refuted_by=(wrong.wide_code_cut, wrong.pulled_from_1024))
table_any_width = any_width(ROPE_COS_SIN, refuted_by=(wrong.wide_tables_cut,))
applied_any_width = any_width(APPLY_ROPE, APPLY_ROPE_VJP, refuted_by=(wrong.applied_to_512, wrong.pulled_through_512))
rope_many_rows = many_rows(ROPE, ROPE_VJP)
code_many_rows = many_rows(SINUSOIDAL, SINUSOIDAL_VJP)
table_many_rows = many_rows(ROPE_COS_SIN)
applied_many_rows = many_rows(APPLY_ROPE, APPLY_ROPE_VJP, refuted_by=(wrong.first_table_everywhere,))
rope_keeps_dtype = keeps_dtype(ROPE, ROPE_VJP)
applied_keeps_dtype = keeps_dtype(APPLY_ROPE, APPLY_ROPE_VJP)
rope_floats_only = floats_only(ROPE, ROPE_VJP)
applied_floats_only = floats_only(APPLY_ROPE, APPLY_ROPE_VJP)
rope_pure = pure(ROPE, ROPE_VJP, refuted_by=(wrong.cache_by_length, wrong.base_grows))
code_pure = pure(SINUSOIDAL, refuted_by=(wrong.code_cached_by_length,))
table_pure = pure(ROPE_COS_SIN)
applied_pure = pure(APPLY_ROPE, APPLY_ROPE_VJP)


@domain
def turns_asked_for(draw: Draw, target: Target, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """Several rows of several pairs, all options away from their defaults but where they may be left out."""
    name, rows, width = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 4)), 2 * draw(st.integers(2, 5))
    x, g = (draw_array(draw, (rows, width), name, (1.0, 64.0)) + 1 for _ in range(2))
    x, g = (v.astype(x.dtype) for v in (x, g))
    how = {"positions": draw_places(draw, (rows,), 2**20), "base": draw_base(draw), "rotary_dim": 4}
    how |= {"interleaved": draw(st.booleans()), "offset": draw(st.integers(1, 9))}
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
    "offset": (0, 1),
}  # fmt: skip
COTANGENT = ("cotangent",)
BASE: Any = {"base": (10_000.0, 500.0)}
left_out = (
    defaults(Called("rope", turns_asked_for()), **TURNS),
    defaults(Called("rope_vjp", turns_asked_for(COTANGENT)), **TURNS),
    defaults(Called("apply_rope", angles_asked_for()), interleaved=(False, True)),
    defaults(Called("apply_rope_vjp", angles_asked_for(COTANGENT)), interleaved=(False, True)),
    defaults(Called("rope_cos_sin", tables_asked_for()), **BASE),
    defaults(Called("rope_frequencies", tables_asked_for(())), **BASE),
    defaults(Called("sinusoidal_positional_encoding", codes_asked_for()), **BASE, interleaved=(True, False)),
    defaults(
        Called("sinusoidal_positional_encoding_vjp", codes_asked_for(COTANGENT)), **BASE, interleaved=(True, False)
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
        wrong.code_from_one,
        wrong.code_of_magnitudes,
        wrong.code_in_bfloat16,
        wrong.code_table_ends,
        wrong.code_base_ignored,
        wrong.code_base_off,
        wrong.code_in_halves,
        wrong.code_scaled,
        wrong.code_in_float32,
        wrong.code_cut_to_integers,
        wrong.code_of_float32_angles,
        wrong.code_to_the_end,
        wrong.code_of_half_the_exponent,
        wrong.code_of_floored_exponents,
        wrong.code_of_exchanged_exponents,
        wrong.code_cosines_first,
        wrong.code_with_phases,
    ),
)


@code_anchor.property(SINUSOIDAL.inputs())
def _(ops: Operations, **code: Any) -> Any:
    return SINUSOIDAL.agrees(ops, **code)


@code_anchor.property(between_integers())
def _(ops: Operations, **code: Any) -> Any:
    return SINUSOIDAL.agrees(ops, **code)


rows_are_independent = Claim(
    "rope.rows_are_independent",
    statement="No bit of a row depends on what the others hold, NaN and infinity included, and alone it comes out the "
    "same, up to rounding; so does every head and every position of a code.",
    formula=r"f(x)_t = f(x_t)",
    needs=("rope", "apply_rope", "sinusoidal_positional_encoding", "rope_cos_sin"),
    limits=Limits(
        options=("base", "rope.rotary_dim", "offset", "sinusoidal_positional_encoding.interleaved"),
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
def _(ops: Operations, x: Any, m: Any, row: tuple[int, int], interleaved: bool, spoilt: Any, strange: float) -> Any:
    broken, mixed = np.where(spoilt[..., None], x.dtype.type(strange), x), np.where(spoilt, 7, m)
    dim, alone, place, layout = x.shape[-1], x[row][None], m[row][None], {"interleaved": interleaved}

    def among(x: Any, m: Any) -> tuple[Any, ...]:
        cos, sin = ops.rope_cos_sin(m, dim)
        every = (ops.apply_rope(x, cos, sin, **layout), ops.rope(x, m, **layout), cos, sin, codes(ops, m, dim))
        return tuple(y[row][None] for y in every)

    applied, turned, cos, sin, code = here = among(x, m)
    return all_of(
        *(identical(a, b) for a, b in zip(among(broken, mixed), here, strict=True)),
        *(turned_agrees(ops, y, alone, place, **layout) for y in (turned, applied, ops.rope(alone, place, **layout))),
        ROPE_COS_SIN.judged(ops, (cos, sin), place, dim, 10_000.0),
        SINUSOIDAL.judged(ops, code, place, dim, 10_000.0, True),
        SINUSOIDAL.judged(ops, codes(ops, place, dim), place, dim, 10_000.0, True),
    )


refusals = Claim(
    "rope.refusals",
    statement="What makes no sense is refused by an error that names it: odd widths and rotary widths beyond the "
    "vector, positions that are no integers, do not fit the rows or lie beyond ±2³¹, bases below 1, tables of another "
    "shape.",
    formula=r"d \notin 2\mathbb N \Rightarrow \mathrm{ValueError}",
    needs=("rope", "rope_vjp", "apply_rope", "rope_cos_sin", "rope_frequencies", "rope_permutation",
           "sinusoidal_positional_encoding"),
    refuted_by=(wrong.errors_swallowed, wrong.positions_cut_to_integers, wrong.code_beyond_its_reach,
                wrong.table_beyond_its_reach),
)  # fmt: skip


def nonsense() -> Iterator[dict[str, Any]]:
    """Calls that make no sense, the error, and what its message must name."""
    x, m, cos = np.ones((3, 4)), np.arange(3), np.ones((3, 2))
    for operation, arguments, options, error, words in (
        ("rope", (x[:, :3], m), {}, ValueError, ("(3, 3)",)),
        ("rope", (x, m), {"rotary_dim": 3}, ValueError, ("3",)),
        ("rope", (x, m), {"rotary_dim": -2}, ValueError, ("-2",)),
        ("rope", (x, m), {"rotary_dim": 6}, ValueError, ("(3, 4)", "6")),
        ("rope", (x, m[:2]), {}, ValueError, ("(3, 4)", "(2,)")),
        ("rope", (x, m[:1]), {}, ValueError, ("(3, 4)", "(1,)")),
        ("rope", (x, m[:, None]), {}, ValueError, ("(3, 4)", "(3, 1)")),
        ("rope", (x, m * 0.5), {}, TypeError, ("float64",)),
        ("rope", (x, m == 1), {}, TypeError, ("bool",)),
        ("rope", (x, m + 2**31), {}, ValueError, ("2147483649",)),
        ("rope", (x, m), {"offset": 2**31}, ValueError, ("2147483649",)),
        ("rope", (x, m), {"offset": 0.5}, TypeError, ()),
        ("rope", (x, m), {"base": 0.5}, ValueError, ("0.5",)),
        ("rope", (x, m), {"base": math.nan}, ValueError, ("nan",)),
        ("rope", (x, m), {"base": math.inf}, ValueError, ("inf",)),
        ("rope", (x[0],), {}, ValueError, ("(4,)",)),
        ("rope_vjp", (x[:2], x, m), {}, ValueError, ("(2, 4)", "(3, 4)")),
        ("apply_rope", (x, cos, cos[:2]), {}, ValueError, ("(3, 2)", "(2, 2)")),
        ("apply_rope", (x, cos[:2], cos[:2]), {}, ValueError, ("(3, 4)", "(2,)")),
        ("apply_rope", (x[:, :2], cos, cos), {}, ValueError, ("(3, 2)",)),
        ("apply_rope", (x, cos.astype(int), cos), {}, TypeError, ("int64",)),
        ("rope_cos_sin", (m, 3), {}, ValueError, ("3",)),
        ("rope_cos_sin", (m * 0.5, 4), {}, TypeError, ("float64",)),
        ("rope_cos_sin", (m + 2**31, 4), {}, ValueError, ("2147483649",)),
        ("rope_cos_sin", (m, 4), {"base": 0.5}, ValueError, ("0.5",)),
        ("rope_frequencies", (5,), {}, ValueError, ("5",)),
        ("rope_frequencies", (4,), {"base": 0.0}, ValueError, ("0.0",)),
        ("rope_permutation", (3,), {}, ValueError, ("3",)),
        ("sinusoidal_positional_encoding", (m, -1), {}, ValueError, ("-1",)),
        ("sinusoidal_positional_encoding", (m * np.nan, 4), {}, ValueError, ("nan",)),
        ("sinusoidal_positional_encoding", (m == 1, 4), {}, TypeError, ("bool",)),
        ("sinusoidal_positional_encoding", (m - 2**31 - 1, 4), {}, ValueError, ("-2147483649",)),
        ("sinusoidal_positional_encoding", (m * np.inf, 4), {}, ValueError, ("nan",)),
        ("sinusoidal_positional_encoding", (m, 4), {"base": 0.5}, ValueError, ("0.5",)),
    ):
        yield {"operation": operation, "arguments": arguments, "options": options, "error": error, "words": words}


@refusals.exhaustive(nonsense)
def _(
    ops: Operations,
    operation: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    error: type[Exception],
    words: tuple[str, ...],
) -> Any:
    return raises(lambda: getattr(ops, operation)(*arguments, **options), error, saying=words)
