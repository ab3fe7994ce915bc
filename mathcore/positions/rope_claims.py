"""What must be true of RoPE: FAQ 19."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import rope_mutants as wrong
from mathcore.positions.inputs import (
    draw_base,
    draw_frequencies,
    draw_places,
    draw_rational,
    draw_rotations,
    draw_width,
    magnitudes,
)
from mathcore.positions.positions_tolerances import farthest_angle, turned_length, turned_pair, turned_score
from mathcore.positions.records import APPLY_ROPE, ROPE, turned_agrees
from mathcore.positions.textbook import Rotation, lanes, places, width_turned
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, seeds
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.promises import in_place_of, reproduced
from mathcore.verify.relations import all_of, at_least, equal, identical


# FAQ 19: RoPE. What depends on no convention: lengths, distances, relative scores.
def length(x: Any) -> Any:
    """‖x‖ along the last axis, in float64, whose squares may be out of range."""
    x = np.asarray(x, np.float64)
    power = np.frexp(abs(x).max(-1, keepdims=True, initial=0))[1]
    return np.ldexp(np.sqrt((np.ldexp(x, -power) ** 2).sum(-1)), power[..., 0])


@domain
def two_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Two vectors (1, width) of one dtype, two positions and a shift, log-uniform up to 2³⁰, and how to rotate."""
    name, width = draw(st.sampled_from(target.dtypes)), 2 * draw(st.sampled_from([1, 2, 3, 4, 8, 16, 33, 64]))
    m, n, shift = (draw_places(draw, (1,), 2**30).astype(np.int64) for _ in range(3))
    q, k = (draw_array(draw, (1, width), name, magnitudes(name)) for _ in range(2))
    rotary_dim = draw_width(draw, width)
    frequencies = draw_frequencies(draw, (width if rotary_dim is None else rotary_dim) // 2, name)
    how = {"base": draw_base(draw) if frequencies is None else 10_000.0, "frequencies": frequencies}
    how |= {"interleaved": draw(st.booleans()), "rotary_dim": rotary_dim}
    return {"q": q, "k": k, "m": m, "n": n, "shift": shift, "how": how}


def off_by(ops: Operations, x: Any, how: Any, *positions: Any) -> float:
    """How far off the angle may be at the sum of these positions, in either direction."""
    most = np.sum([abs(np.asarray(m, np.float64)) for m in positions], axis=0)
    dim, given = width_turned(x, how["rotary_dim"]), how["frequencies"]
    return farthest_angle(most, dim, how["base"], ops.conventions.rope_angles, given)


def score_gap(q: Any, k: Any, q2: Any, k2: Any) -> Any:
    """⟨q, k⟩ − ⟨q2, k2⟩, enclosed: judging rounds nothing."""
    return enclose(lambda a, b, c, d: (a * b).sum(-1) - (c * d).sum(-1), q, k, q2, k2)


OF_A_TURN = Limits(
    options=("offset", "attention_factor"),
    formats=tuple(f"apply_rope.{name}" for name in SHORT_FORMATS),
    rows=1,
    width=6,
    fixed={"scale": "no coordinate overflows"},
)


relative_only = Claim(
    "rope.relative_only",
    faq=19,
    statement="Of their positions, the score of a query at m and a key at n depends on n − m alone, up to rounding: "
    "(1, 2) is as good as (1001, 1002), and as any pair so far apart up to position 2³¹.",
    formula=r"\langle R_m q, R_n k\rangle = \langle R_{m+s}\, q, R_{n+s}\, k\rangle = \langle q, R_{n-m}\, k\rangle",
    legend={"q": "a query", "k": "a key", "R": "R_m, the turn at position m", "s": "any shift"},
    limits=OF_A_TURN,
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
    """Query and key, one rational rotation per step for every pair, and three small positions."""
    pairs = draw(st.integers(1, 3))
    rows, fractions = draw_rational(draw, target, 2, 2 * pairs)
    step = draw_rotations(draw, (pairs,), fractions=fractions)
    m, n, shift = (draw(st.integers(-4, 4)) for _ in range(3))
    return {"q": rows[:1], "k": rows[1:], "step": step, "m": m, "n": n, "shift": shift,
            "interleaved": draw(st.booleans())}  # fmt: skip


def steps(step: Rotation, m: int) -> tuple[Any, Any]:
    """Cosine and sine of m steps, (1, pairs), exactly."""
    c, s = step
    cos, sin = c * 0 + 1, s * 0
    for _ in range(abs(m)):
        cos, sin = cos * c - sin * s, sin * c + cos * s
    return cos[None], (sin if m >= 0 else -sin)[None]


@relative_only.exact(rational_walk())
def exact_scores_depend_on_the_distance(
    ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool
) -> Any:
    def at(x: Any, position: int) -> Any:
        return ops.apply_rope(x, *steps(step, position), interleaved=interleaved)

    score = (at(q, m) * at(k, n)).sum(-1)
    return all_of(
        equal(score, (at(q, m + shift) * at(k, n + shift)).sum(-1)),
        equal(score, (q * at(k, n - m)).sum(-1)),
    )


@relative_only.property(two_vectors())
def scores_depend_on_the_distance_within_the_bound(
    ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any
) -> Any:
    def at(x: Any, position: Any) -> Any:
        return ops.rope(x, position, **how)

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
    limits=OF_A_TURN,
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
def exact_rotations_compose(
    ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool
) -> Any:
    def at(x: Any, position: int) -> Any:
        return ops.apply_rope(x, *steps(step, position), interleaved=interleaved)

    return all_of(equal(at(at(q, m), n), at(q, m + n)), equal(at(q, 0), q), equal(at(at(q, m), -m), q))


def _gap(a: Any, b: Any) -> Any:
    return length(np.asarray(a, np.float64) - np.asarray(b, np.float64))


@composes.property(two_vectors())
def rotations_compose_within_the_bound(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any) -> Any:
    def at(x: Any, position: Any) -> Any:
        return ops.rope(x, position, **how)

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
        options=("attention_factor",),
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=8,
        width=8,
        signs=("apply_rope.x >= 0",),
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope", "apply_rope"),
    tolerances=(turned_length, turned_score, turned_pair),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.base_slightly_off, wrong.other_pairing, wrong.pairs_touch),
)


def _block(matrix: Any, pair: int, dim: int, *, interleaved: bool) -> Any:
    first, second = lanes(dim, interleaved=interleaved)
    rows = [first[pair], second[pair]]
    return matrix[np.ix_(rows, rows)]


@domain
def one_rational_rotation(draw: Draw, target: Target) -> dict[str, Any]:
    """A rational rotation of every pair."""
    pairs, fractions = draw(st.integers(1, 4)), bool(target.exact) and draw(st.integers(0, 3)) > 0
    return {"rotation": draw_rotations(draw, (pairs,), fractions=fractions), "interleaved": draw(st.booleans())}


@is_a_rotation.exact(one_rational_rotation())
def exact_blocks_are_rotations(ops: Operations, rotation: Rotation, interleaved: bool) -> Any:
    (cos, sin), dim = rotation, 2 * len(rotation.cos)
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
def identity_at_a_position(draw: Draw, target: Target) -> dict[str, Any]:
    """The identity in one dtype, a position for all its rows, and the options."""
    dim, name = 2 * draw(st.sampled_from([1, 2, 3, 4, 8])), draw(st.sampled_from(target.dtypes))
    m, base = draw_places(draw, (1,)), draw_base(draw)
    return {"name": name, "m": np.repeat(m, dim), "base": base, "interleaved": draw(st.booleans())}


@is_a_rotation.property(identity_at_a_position())
def blocks_are_rotations_within_the_bound(ops: Operations, name: str, m: Any, base: float, interleaved: bool) -> Any:
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
    """How far off any angle of a rotation may be."""
    m, dim = places(x, how["positions"], how["offset"]), width_turned(x, how["rotary_dim"])
    return farthest_angle(m, dim, how["base"], ops.conventions.rope_angles, how["frequencies"])


@domain
def turns_that_keep_lengths(draw: Draw, target: Target) -> dict[str, Any]:
    """What `rope` is asked for, but for a factor of lengths."""
    return {**ROPE.draw(draw, target), "attention_factor": 1.0}


@is_a_rotation.property(turns_that_keep_lengths())
def pairs_keep_their_length(ops: Operations, x: Any, **how: Any) -> Any:
    y, both = ops.rope(x, **how), lanes(width_turned(x, how["rotary_dim"]), interleaved=how["interleaved"])
    before, after = (np.hypot(*(v.astype(np.float64)[..., lane] for lane in both)) for v in (x, y))
    return equal(after, before, within=turned_length(before, 2, x.dtype, _farthest(ops, x, **how)))


@domain
def one_pair_not_finite(draw: Draw, target: Target) -> dict[str, Any]:
    """A few rows of several pairs, one of which holds NaN or infinity, a pairing and positions."""
    name, pairs, rows = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 9)), draw(st.integers(1, 3))
    x, interleaved = draw_array(draw, (rows, 2 * pairs), name, magnitudes(name)), draw(st.booleans())
    members = np.array(lanes(2 * pairs, interleaved=interleaved))[:, draw(st.integers(0, pairs - 1))]
    return {
        "x": x,
        "pair": members,
        "which": draw(st.sampled_from([[0], [1], [0, 1]])),
        "interleaved": interleaved,
        "value": draw(st.sampled_from([np.nan, np.inf, -np.inf])),
        "m": draw_places(draw, (rows,)),
    }


@is_a_rotation.property(one_pair_not_finite(), effort=0.5)
def other_pairs_change_no_bit(
    ops: Operations, x: Any, pair: Any, which: Any, interleaved: bool, value: float, m: Any
) -> Any:
    broken, others = x.copy(), np.setdiff1d(np.arange(x.shape[1]), pair)
    broken[:, pair[which]] = value
    there, here = (ops.rope(v, m, interleaved=interleaved) for v in (broken, x))
    mixed = in_place_of(there, here, np.isin(np.arange(x.shape[1]), others))
    return reproduced(ops, mixed, here, lambda: turned_agrees(ops, mixed, x, m, interleaved=interleaved))


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
        options=("attention_factor",),
        formats=("apply_rope.float32", "apply_rope.float16", "apply_rope.bfloat16"),
        rows=1,
        width=6,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope", "apply_rope"),
    tolerances=(turned_length,),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.rest_zeroed),
)


@preserves_norm.exact(rational_walk())
def exact_lengths_are_kept(
    ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool
) -> Any:
    y = ops.apply_rope(q, *steps(step, m), interleaved=interleaved)
    first, second = lanes(q.shape[-1], interleaved=interleaved)
    return all_of(
        equal((y * y).sum(-1), (q * q).sum(-1)),
        equal(y[..., first] ** 2 + y[..., second] ** 2, q[..., first] ** 2 + q[..., second] ** 2),
    )


@preserves_norm.property(turns_that_keep_lengths())
def lengths_are_kept_within_the_bound(ops: Operations, x: Any, **how: Any) -> Any:
    allowed = turned_length(length(x), x.shape[-1], x.dtype, _farthest(ops, x, **how))
    return equal(length(ops.rope(x, **how)), length(x), within=allowed)


@preserves_norm.proof
def quarter_turns_keep_lengths_bit_for_bit(ops: Operations) -> Any:
    # A rotation whose cosine a/2ᵏ and sine b/2ᵏ are binary fractions has a² + b² = 4ᵏ. Modulo 4 that forces both to be
    # even while k > 0, so they can be halved until k = 0, and then only (±1, 0) and (0, ±1) are left. With any other
    # two numbers (1, 0) becomes (a/2ᵏ, b/2ᵏ), of another length.
    residues = [(a, b) for a in range(4) for b in range(4) if (a * a + b * b) % 4 == 0]
    units = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a * a + b * b == 1]
    x = np.array([[0.3, -1.7]])
    rotated = [ops.apply_rope(x, np.array([[float(a)]]), np.array([[float(b)]])) for a, b in units]
    return all_of(
        equal(np.array(residues) % 2, np.zeros((len(residues), 2))),
        equal(len(units), 4),
        *(identical(np.sort(abs(y), axis=-1), np.sort(abs(x), axis=-1)) for y in rotated),
    )


def vectors_at_position_one() -> Iterator[dict[str, Any]]:
    """Position 1, for a few vectors in float64."""
    for a in range(1, 40):
        yield {"x": np.array([[float(a), 1.0]])}


@preserves_norm.counterexample(cases=vectors_at_position_one)
def any_rotation_keeps_lengths_bit_for_bit(ops: Operations, x: Any) -> Any:
    y = ops.rope(x, np.array([1]))
    return equal(sum(Fraction(float(v)) ** 2 for v in y[0]), sum(Fraction(float(v)) ** 2 for v in x[0]))


def the_longest(target: Target) -> Iterator[dict[str, Any]]:
    """The largest numbers of a format, a few positions on."""
    for m in range(1, 9):
        yield {"x": as_dtype([[np.finfo(np.float64).max] * 2], target.dtypes[0]), "m": np.array([m])}


@preserves_norm.counterexample(cases=the_longest)
def largest_vectors_keep_their_length(ops: Operations, x: Any, m: Any) -> Any:
    before, after = (length(np.ldexp(v.astype(np.float64), -1)) for v in (x, ops.rope(x, m)))  # halves, to be finite
    return equal(after, before, within=turned_length(before, 2, x.dtype))


preserves_distance = Claim(
    "rope.preserves_distance",
    faq=19,
    statement="Two vectors at one position keep their distance and their dot product, and with these the angle between "
    "them, up to rounding, as long as no coordinate overflows.",
    formula=r"\lVert R_m q - R_m k\rVert = \lVert q - k\rVert, \quad \langle R_m q, R_m k\rangle = \langle q, k\rangle",
    legend={"q": "a vector", "k": "another", "R": "R_m, the turn at position m"},
    limits=OF_A_TURN,
    needs=("rope", "apply_rope"),
    tolerances=(turned_length, turned_score),
    refuted_by=(wrong.stretched, wrong.sine_once, wrong.one_row_further),
)


@preserves_distance.exact(rational_walk())
def exact_distances_are_kept(
    ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool
) -> Any:
    a, b = (ops.apply_rope(x, *steps(step, m), interleaved=interleaved) for x in (q, k))
    return all_of(equal(((a - b) ** 2).sum(-1), ((q - k) ** 2).sum(-1)), equal((a * b).sum(-1), (q * k).sum(-1)))


@preserves_distance.property(two_vectors())
def distances_are_kept_within_the_bound(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any) -> Any:
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
    """Positions around every power of two, to both ends."""
    for k in range(32):
        for m in sorted({2**k - 1, 2**k, min(2**k + 1, 2**31)}):
            yield {"x": as_dtype([[1.0, 0.5, -0.25, 2.0], [1.0, 0.5, -0.25, 2.0]], target.dtypes[0]),
                   "m": np.array([m, -m])}  # fmt: skip


@no_boundary.exhaustive(boundaries)
def rotations_around_powers_of_two_are_accurate(ops: Operations, x: Any, m: Any) -> Any:
    return turned_agrees(ops, ops.rope(x, m), x, m)


def farther_and_farther() -> Iterator[dict[str, Any]]:
    """Distances, the nearest first."""
    return ({"m": m} for m in range(1000))


@no_boundary.counterexample(cases=farther_and_farther)
def fitted_head_does_well_at_any_distance(ops: Operations, m: int) -> Any:
    # A head that was fitted to score 1 at the distances 0 and 1, asked to score ½ at least at any other.
    fitted = np.linalg.solve(np.cos(np.outer([0.0, 1.0], [1.0, 0.01])), np.ones(2))
    query, key = np.array([[*fitted, 0.0, 0.0]]), np.array([1.0, 1.0, 0.0, 0.0])
    return at_least(ops.rope(query, np.array([m])) @ key, 0.5)


@no_boundary.property(ROPE.inputs(most=9))
def every_position_has_its_rotation(ops: Operations, **call: Any) -> Any:
    return ROPE.agrees(ops, **call)


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
        options=("rope.rotary_dim", "offset", "attention_factor"),
        rows=1,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("apply_rope", "rope", "rope_permutation"),
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
def exact_form_equals_the_matrix(
    ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool
) -> Any:
    cos, sin = steps(step, m)
    first, second = lanes(q.shape[-1], interleaved=interleaved)
    matrix = np.full((q.shape[-1],) * 2, q[0, 0] * 0)
    matrix[first, first] = matrix[second, second] = cos[0]
    matrix[first, second], matrix[second, first] = -sin[0], sin[0]
    return equal(ops.apply_rope(q, cos, sin, interleaved=interleaved), q @ matrix.T)


@fast_form.exact(rational_walk())
def exact_layouts_are_a_permutation_apart(
    ops: Operations, q: Any, k: Any, step: Any, m: int, n: int, shift: int, interleaved: bool
) -> Any:
    (cos, sin), p = steps(step, m), np.asarray(ops.rope_permutation(q.shape[-1]))
    return equal(ops.apply_rope(q, cos, sin, interleaved=True)[..., p], ops.apply_rope(q[..., p], cos, sin))


@fast_form.property(APPLY_ROPE.inputs(most=65))
def given_angles_within_the_bound(ops: Operations, **call: Any) -> Any:
    return APPLY_ROPE.agrees(ops, **call)


@domain
def tables_of_any_shape(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors on several axes, and angles for every one, for every time step of a text, or for all."""
    call = APPLY_ROPE.draw(draw, target, most=9)
    x, pairs = call["x"], call["cos"].shape[-1]
    x = np.stack([x, x + x.dtype.type(1)])  # (2, ..., time, width)
    rows = draw(st.sampled_from([(), x.shape[-2:-1], (2, *[1] * (x.ndim - 3), x.shape[-2]), x.shape[:-1]]))
    angle = draw(seeds()).uniform(-4, 4, size=(*rows, pairs))
    cos, sin = (f(angle).astype(x.dtype) for f in (np.cos, np.sin))
    return {"x": x, "cos": cos, "sin": sin, "interleaved": call["interleaved"]}


@fast_form.property(tables_of_any_shape(), effort=0.5)
def tables_of_any_shape_within_the_bound(ops: Operations, **call: Any) -> Any:
    return APPLY_ROPE.agrees(ops, **call)


@fast_form.property(two_vectors())
def layouts_are_a_permutation_apart_within_the_bound(
    ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, how: Any
) -> Any:
    def at(x: Any, *, interleaved: bool) -> Any:
        return ops.rope(x, shift, interleaved=interleaved, **turn)

    dim, turn = q.shape[-1], {"base": how["base"]}
    if how["rotary_dim"] is None:
        turn["frequencies"] = how["frequencies"]
    p = np.asarray(ops.rope_permutation(dim))
    return all_of(
        equal(np.sort(p), np.arange(dim)),
        turned_agrees(ops, at(q, interleaved=True)[..., p], q[..., p], shift, interleaved=False, **turn),
        turned_agrees(ops, at(q[..., p], interleaved=False)[..., np.argsort(p)], q, shift, interleaved=True, **turn),
    )


stays_stable = Claim(
    "rope.stays_stable",
    faq=19,
    statement="Through layer after layer of turns, lengths neither grow nor shrink but by rounding, and by less than "
    "one turn's rounding compounded over the layers.",
    formula=r"\bigl|\lVert R_{m_L} \cdots R_{m_1} x\rVert - \lVert x\rVert\bigr| \le "
    r"\bigl((1 + \kappa)^L - 1\bigr)\,\lVert x\rVert",
    legend={"R": "R_m, the turn at position m", "L": "the number of layers",
            "κ": "how far rounding moves a vector in one turn, below 8 units of it"},
    limits=Limits(
        options=("rotary_dim", "offset", "frequencies", "attention_factor"),
        rows=2,
        fixed={"scale": "no coordinate overflows"},
    ),
    needs=("rope",),
    tolerances=(turned_length,),
    refuted_by=(wrong.stretched, wrong.shrinking),
)  # fmt: skip


@domain
def layers_of_rotations(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors in one dtype, and a position for every layer."""
    name, width = draw(st.sampled_from(target.dtypes)), 2 * draw(st.sampled_from([1, 2, 3, 8, 32]))
    x = draw_array(draw, (2, width), name, magnitudes(name))
    layers = draw_places(draw, (draw(st.sampled_from([1, 2, 8, 40])),))
    return {"x": x, "layers": layers, "base": draw_base(draw), "interleaved": draw(st.booleans())}


@stays_stable.property(layers_of_rotations())
def lengths_stay_through_the_layers(ops: Operations, x: Any, layers: Any, base: float, interleaved: bool) -> Any:
    y = x
    for m in layers:
        y = ops.rope(y, np.array([m, m]), base=base, interleaved=interleaved)
    allowed = turned_length(length(x), x.shape[-1], x.dtype, turns=len(layers))
    return equal(length(y), length(x), within=allowed)
