"""What must be true of positions: FAQ 18 and 19, and what makes their primitives trustworthy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import common_mutants as common
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
    true_frequencies,
    turned_agrees,
    width_turned,
)
from mathcore.positions_search import all_repeats, chain_records, convergents, gap, nearest_repeats, turn
from mathcore.positions_tolerances import (
    farthest_angle,
    frequency_rounding,
    products_of_codes,
    sum_of_squares,
    turned_length,
    turned_pair,
    turned_score,
    wave_between,
    wave_rounding,
)
from mathcore.verify import (
    Claim,
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
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, base: float) -> Any:
    def at(x: Any, place: Any) -> Any:
        return ops.rope(x, place, base=base)

    angle = farthest_angle(abs(shift) + 2**13, q.shape[-1], base, ops.conventions.rope_angles)
    allowed = turned_length(length(q), q.shape[-1], q.dtype, angle, turns=3)
    return all_of(
        equal(_gap(at(at(q, shift), n), at(q, shift + n)), np.zeros(1), within=allowed),
        equal(_gap(at(at(q, shift), -shift), q), np.zeros(1), within=allowed),
        equal(at(q, m * 0), q),  # the sign of a zero does not count
    )


is_a_rotation = Claim(
    "rope.is_a_rotation",
    faq=19,
    statement="RoPE turns every pair of features: each block is orthogonal, with determinant 1, and no pair touches "
    "another.",
    formula=r"R^\top R = I, \qquad \det R^{(i)} = 1",
    needs=("rope", "apply_rope"),
    dispensable=("apply_rope",),
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


def _farthest(ops: Operations, x: Any, **how: Any) -> float:
    """How far off any angle of a turn may be."""
    m, dim = places(x, how["positions"], how["offset"]), width_turned(x, how["rotary_dim"])
    return farthest_angle(m, dim, how["base"], ops.conventions.rope_angles)


@is_a_rotation.property(ROPE.inputs())
def _(ops: Operations, x: Any, **how: Any) -> Any:
    y, both = ops.rope(x, **how), lanes(width_turned(x, how["rotary_dim"]), interleaved=how["interleaved"])
    before, after = (np.hypot(*(v.astype(np.float64)[..., lane] for lane in both)) for v in (x, y))
    return equal(after, before, within=turned_length(before, 2, x.dtype, _farthest(ops, x, **how)))


preserves_norm = Claim(
    "rope.preserves_norm",
    faq=19,
    statement="The length of the vector, and of every pair in it, does not change.",
    formula=r"\lVert R_m x\rVert = \lVert x\rVert",
    verdict="holds_if",
    condition="arithmetic is exact, or rounding is allowed for. In binary floats only turns by multiples of 90° keep "
    "lengths bit for bit: no other turn has a cosine and a sine that both are binary fractions.",
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
    dispensable=("apply_rope",),
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
    condition="what is meant is that the turn is defined; whether a model that was fitted to near places does well at "
    "far ones is another matter.",
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
    statement="Multiplying by cosines, and by sines with the members of every pair exchanged, is multiplying by the "
    "rotation matrices; the two common layouts are one permutation of the features apart.",
    formula=r"R_m x = x \odot \cos + P x \odot \sin, \qquad R^{\text{interleaved}} = \Pi^\top R^{\text{half}}\, \Pi",
    needs=("apply_rope", "rope", "rope_permutation"),
    dispensable=("rope", "rope_permutation"),
    tolerances=(turned_pair,),
    refuted_by=(
        wrong.applied_clockwise,
        wrong.applied_in_the_other_pairing,
        wrong.sine_once,
        wrong.permuted_back,
        wrong.pairing_ignored,
    ),
)


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


@fast_form.property(two_vectors())
def _(ops: Operations, q: Any, k: Any, m: Any, n: Any, shift: Any, base: float) -> Any:
    def at(x: Any, *, interleaved: bool) -> Any:
        return ops.rope(x, shift, base=base, interleaved=interleaved)

    dim = q.shape[-1]
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
    tolerances=(wave_rounding,),
    refuted_by=(wrong.tables_from_one, wrong.tables_exchanged, wrong.tables_in_float32, wrong.base_slightly_off),
)


@domain
def tabulated(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors in one format, the positions of a table that starts anywhere, and which of its rows are asked for."""
    rows, width = draw(st.integers(1, 5)), 2 * draw(st.integers(1, 33))
    start = int(draw_places(draw, (1,), 2**30)[0])
    x = draw_array(draw, (rows, width), draw(st.sampled_from(target.dtypes)), (2.0**-6, 2.0**6))
    asked = draw(seeds()).integers(0, 20, size=rows)
    return {"x": x, "table": start + np.arange(20), "asked": asked, "base": draw_base(draw)}


@table_equals_formula.property(tabulated())
def _(ops: Operations, x: Any, table: Any, asked: Any, base: float) -> Any:
    cos, sin = (np.asarray(t)[asked] for t in ops.rope_cos_sin(table, x.shape[-1], base=base))
    return all_of(
        identical(ops.apply_rope(x, cos, sin), ops.rope(x, table[asked], base=base)),
        ROPE_COS_SIN.agrees(ops, positions=table, rotary_dim=x.shape[-1], base=base),
    )


frequencies_decay = Claim(
    "rope.frequencies_decay",
    faq=19,
    statement="The first pair turns by one radian a position, each next one slower by one fixed ratio.",
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
    needs=("rope_frequencies",),
    tolerances=(frequency_rounding,),
    refuted_by=(wrong.frequencies_of_half, wrong.frequencies_rising),
)


@slow_hand.exact(pairs=st.sampled_from([4, 8, 16]), exponent=st.integers(5, 12))
def _(ops: Operations, pairs: int, exponent: int) -> Any:
    theta = ops.rope_frequencies(2 * pairs, base=2.0 ** (exponent * pairs))
    degrees = 360 * Fraction(float(theta[-1]))  # one turn of the fastest takes 2π positions
    return all_of(equal(degrees, Fraction(360, 2 ** (exponent * (pairs - 1)))), less(degrees, 1))


@slow_hand.property(pairs=st.integers(3, 512), base=log_uniform(10_000.0, 1e7))
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
    statement="Through layer after layer of turns, lengths neither grow nor shrink, but for what rounding adds, which "
    "grows with the number of layers and no faster.",
    formula=r"\lVert R_{m_L} \cdots R_{m_1} x\rVert = \lVert x\rVert",
    needs=("rope",),
    tolerances=(turned_length,),
    refuted_by=(wrong.stretched, wrong.shrinking),
)


@domain
def layers_of_turns(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors in one format, and a position for every layer."""
    name, width = draw(st.sampled_from(target.dtypes)), 2 * draw(st.sampled_from([1, 2, 3, 8, 32]))
    x = draw_array(draw, (2, width), name, (2.0**-6, 2.0**6))
    return {"x": x, "layers": draw_places(draw, (draw(st.sampled_from([1, 2, 8, 40])),)), "base": draw_base(draw)}


@stays_stable.property(layers_of_turns())
def _(ops: Operations, x: Any, layers: Any, base: float) -> Any:
    y = x
    for m in layers:
        y = ops.rope(y, np.array([m, m]), base=base)
    allowed = turned_length(length(x), x.shape[-1], x.dtype, turns=len(layers))
    return equal(length(y), length(x), within=allowed)


# How far angles are from coming back.


def off_a_turn(ops: Operations, m: Any, dim: int) -> Any:
    """How far the farthest of all angles is from a whole number of turns, in radians, for every position."""
    cos, sin = ops.rope_cos_sin(np.asarray(m), dim)
    return abs(np.arctan2(sin, cos)).max(-1)


one_pair_aliases = Claim(
    "rope.one_pair_aliases",
    faq=19,
    statement="A single pair comes back to nearly the same orientation: words 1 and 7 differ by 2π − 6 = 0.283 "
    "radians, and the offsets that come closer than all before are the numerators of the convergents of 2π: 6, 19, 25, "
    "44, 333, 710, …",
    formula=r"|m - 2\pi k| \text{ is least at } m / k \approx 2\pi = [6; 3, 1, 1, 7, 2, 146, \dots]",
    verdict="holds_if",
    condition="“the same” means nearly the same: π being irrational, no two positions ever agree exactly.",
    source="Khinchin, Continued Fractions (1964), §6: best approximations of the second kind",
    needs=("rope_cos_sin",),
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


@one_pair_aliases.property(m=positions(2**30), k=st.integers(0, 12))
def _(ops: Operations, m: int, k: int) -> Any:
    lo, hi = turn()
    p, q = list(convergents(lo, hi, 2**30))[k]
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
    statement="All pairs together do not come back, for trillions of positions.",
    formula=r"\min_{1 \le m \le 10^{12}} \max_i |m\theta_i \bmod 2\pi| > 0.57, \qquad d = 32, 64, 128",
    verdict="holds_if",
    condition="“come back” means exactly; or nearly, and d is 32, 64 or 128 with base 10,000: then no offset up to "
    "10¹² brings all angles within 0.57 radians. Small d nearly does come back: up to 10¹² to 3.5·10⁻¹² (d = 2), "
    "2.0·10⁻¹⁰ (d = 4), 2.5·10⁻⁹ (d = 8, and to 3.3·10⁻³ at 169,646 already) and 2.31·10⁻³ radians (d = 16, at "
    "422,148,829,906).",
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


# FAQ 18: a position is a vector.


def codes(ops: Operations, m: Any, dim: int, **options: Any) -> Any:
    """The codes of positions."""
    return ops.sinusoidal_positional_encoding(np.asarray(m), dim, **options)


@domain
def coded(draw: Draw, target: Target) -> dict[str, Any]:
    """A few positions and an even width, a base, and a layout."""
    dim = 2 * draw(st.sampled_from([1, 2, 3, 4, 8, 31, 32, 64, 129]))
    return {"m": draw_places(draw, (3,)), "dim": dim, "base": draw_base(draw), "interleaved": draw(st.booleans())}


stays_small = Claim(
    "position.stays_small",
    faq=18,
    statement="Every number of the code lies between −1 and 1 and its length is √(d/2), at every position; an index "
    "grows without bound.",
    formula=r"|\mathrm{PE}_j(m)| \le 1, \qquad \lVert\mathrm{PE}(m)\rVert = \sqrt{d/2}",
    source="arXiv:1706.03762, §3.5",
    needs=("sinusoidal_positional_encoding",),
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
        equal(squares, np.full(3, dim / 2), within=sum_of_squares(dim, angle, code.dtype)),
        at_most(squares, dim * (abs(m.astype(np.float64)) + 1)),  # what an index in every coordinate grows beyond
    )


is_unique = Claim(
    "position.is_unique",
    faq=18,
    statement="Different positions get different codes: the first two numbers alone never repeat, and from −2³¹ to 2³¹ "
    "no two codes are closer than 4·10⁻¹⁰.",
    formula=r"\lVert\mathrm{PE}(m) - \mathrm{PE}(n)\rVert \ge 2\,|\sin\tfrac{m - n}{2}| > 0",
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
    """Two different positions, neighbours or mirror images often, and an even width."""
    m = int(draw_places(draw, (1,), 2**30)[0])
    n = draw(st.sampled_from([m + 1, -m, m + 6, m + 710, int(draw_places(draw, (1,), 2**30)[0])]))
    return {"m": m, "n": n if n != m else m + 1, "dim": 2 * draw(st.sampled_from([1, 2, 4, 33]))}


@is_unique.property(two_places())
def _(ops: Operations, m: int, n: int, dim: int) -> Any:
    a, b = codes(ops, [m, n], dim).astype(np.float64)
    chord = enclose(lambda offset: 2 * abs((offset / 2)[0].sin()), np.array([m - n])).hi
    error = wave_between(farthest_angle([m, n], dim, 1e4, ops.conventions.rope_angles), a.dtype) * 4
    return all_of(at_least(length(a - b), chord, within=error), less(0.0, length(a - b)))


raw_index_drowns_the_word = Claim(
    "position.raw_index_drowns_the_word",
    faq=18,
    statement="Added to a word, a raw index drowns it: the cosine to the word tends to a value that has nothing to do "
    "with the position. The code does not: a word of length √d or more keeps a cosine above 0.7 at every position.",
    formula=r"\cos(w + m\mathbf 1, w) \to \frac{\sum_j w_j}{\sqrt d\,\lVert w\rVert}, \qquad "
    r"\cos(w + \mathrm{PE}(m), w) \ge \sqrt{1 - d / 2\lVert w\rVert^2} > 0.7",
    needs=("sinusoidal_positional_encoding",),
    refuted_by=(wrong.raw_index, wrong.squeezed_index),
)


def cosine(a: Any, b: Any) -> Any:
    """The cosine of two vectors along the last axis, in float64."""
    return (a * b).sum(-1) / (length(a) * length(b))


@domain
def word_and_place(draw: Draw, target: Target) -> dict[str, Any]:
    """A word of whole numbers, between √d and 8√d long, and a far position."""
    dim = 2 * draw(st.integers(1, 33))
    word = draw_integers(draw, (dim,), 8)
    return {"word": np.where(word == 0, 1, word).astype(np.float64), "m": draw_places(draw, (1,))}


@raw_index_drowns_the_word.property(word_and_place())
def _(ops: Operations, word: Any, m: Any) -> Any:
    dim, m = len(word), abs(m.astype(np.float64)) + 1024
    drowned, limit = cosine(word + m[:, None], word), word.sum() / (np.sqrt(dim) * length(word))
    # The angle between w + m1 and 1 has a sine of at most ‖w‖/(m√d), and is at most π/2 times that.
    reach = np.pi / 2 * length(word) / (m * np.sqrt(dim))
    mixed = word + codes(ops, m.astype(np.int64) - 1024, dim)
    return all_of(
        less(abs(drowned - limit), reach),
        less(0.7, cosine(mixed, word)),
    )


shift_is_linear = Claim(
    "position.shift_is_linear",
    faq=18,
    statement="Going k positions further is one fixed rotation of the code, the same from every position.",
    formula=r"\mathrm{PE}(t + k) = R_k\,\mathrm{PE}(t) \;\text{for all } t \iff "
    r"\langle\mathrm{PE}(s + k), \mathrm{PE}(t + k)\rangle = \langle\mathrm{PE}(s), \mathrm{PE}(t)\rangle",
    source="arXiv:1706.03762, §3.5",
    needs=("sinusoidal_positional_encoding",),
    tolerances=(products_of_codes,),
    refuted_by=(wrong.code_of_magnitudes, wrong.code_table_ends, wrong.code_in_bfloat16, wrong.raw_index,
                wrong.code_in_float32, wrong.code_with_phases),
)  # fmt: skip


@domain
def shifts(draw: Draw, target: Target) -> dict[str, Any]:
    """Positions, a shift, an even width and a base."""
    t, k = draw_places(draw, (3,), 2**30), int(draw_places(draw, (1,), 2**30)[0])
    return {"t": t, "k": k, "dim": 2 * draw(st.sampled_from([1, 2, 3, 8, 32])), "base": draw_base(draw)}


@shift_is_linear.property(shifts())
def _(ops: Operations, t: Any, k: int, dim: int, base: float) -> Any:
    # Vectors with the same products are the same but for one rotation (or reflection), and the other way round.
    here, there = (codes(ops, m, dim, base=base) for m in (t, t + k))
    angle = farthest_angle(abs(t) + abs(k), dim, base, ops.conventions.rope_angles)
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
    statement="N positions squeezed into one number from 0 to 1 leave neighbours at most 1/(N − 1) apart, which noise "
    "drowns; the bounded vector keeps neighbours apart by a constant, however many positions there are.",
    formula=r"\min_{m} |s_{m+1} - s_m| \le \frac{1}{N - 1}, \qquad "
    r"\lVert\mathrm{PE}(m + 1) - \mathrm{PE}(m)\rVert \ge 2 \sin\tfrac12 = 0.9588\dots",
    verdict="holds_if",
    condition="neighbours are meant, or all positions up to an N that depends on d: with base 10,000 the first offset "
    "that comes closer than 2 sin ½ again is 6 for d = 2, 4 and 8, and 14,495 for d = 12; for d = 16 there is one at "
    "596,274.",
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


independent_lanes = Claim(
    "position.independent_lanes",
    faq=18,
    statement="When meaning and position lie in lanes at right angles, each is read back exactly from their sum, and "
    "the score of two words is the score of their meanings plus that of their positions.",
    formula=r"x = wA + pB,\; AB^\top = 0,\; AA^\top = BB^\top = I \;\Rightarrow\; xA^\top = w,\; xB^\top = p,\; "
    r"\langle x, y\rangle = \langle w, v\rangle + \langle p, q\rangle",
    verdict="holds_if",
    condition="the lanes are orthogonal.",
    needs=("linear", "sinusoidal_positional_encoding"),
    tolerances=(dot_product,),
    refuted_by=(wrong.lanes_leak, wrong.last_row_missing),
)


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
    return {"basis": q[draw(seeds()).permutation(dim)], "split": split, "contents": contents}


@independent_lanes.exact(lanes_and_contents())
def _(ops: Operations, basis: Any, split: int, contents: Any) -> Any:
    word_lane, place_lane, words, marks = basis[:split], basis[split:], contents[:, :split], contents[:, split:]
    x = ops.linear(words, word_lane) + ops.linear(marks, place_lane)
    return all_of(
        equal(ops.linear(x, word_lane.T), words),
        equal(ops.linear(x, place_lane.T), marks),
        equal(ops.linear(x, x.T), ops.linear(words, words.T) + ops.linear(marks, marks.T)),
    )


@independent_lanes.property(two_places())
def _(ops: Operations, m: int, n: int, dim: int) -> Any:
    marks = codes(ops, [m, n], dim).astype(np.float64)
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

code_anchor = Claim(
    "sinusoidal_positional_encoding.anchor",
    statement="The code holds sin mθ and cos mθ of every frequency in its place, at near positions and far ones, "
    "negative ones and ones between integers, for every width, odd ones too, base and layout.",
    formula=r"\mathrm{PE}_{2i}(m) = \sin m\theta_i, \qquad \mathrm{PE}_{2i+1}(m) = \cos m\theta_i",
    source="arXiv:1706.03762, §3.5",
    needs=("sinusoidal_positional_encoding",),
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


@domain
def between_integers(draw: Draw, target: Target) -> dict[str, Any]:
    """A few positions that are no integers, near and far, and the options."""
    m = draw_places(draw, (3,), 2**20).astype(np.float64) + draw(seeds()).uniform(-0.49, 0.49, size=3)
    dim, base = draw(st.integers(1, 40)), draw_base(draw)
    return {"positions": m, "dim": dim, "base": base, "interleaved": draw(st.booleans())}


@code_anchor.property(between_integers())
def _(ops: Operations, **code: Any) -> Any:
    return SINUSOIDAL.agrees(ops, **code)


rows_are_independent = Claim(
    "rope.rows_are_independent",
    statement="A row comes out the same alone as among others, whatever they hold, NaN and infinity included; so does "
    "every head and every position of a code.",
    formula=r"f(x)_t = f(x_t)",
    needs=("rope", "apply_rope", "sinusoidal_positional_encoding", "rope_cos_sin"),
    tolerances=(turned_pair, wave_rounding),
    refuted_by=(wrong.rows_mixed, common.first_row_everywhere("sinusoidal_positional_encoding"),
                wrong.first_sequence_everywhere, wrong.heads_read_as_time),
)  # fmt: skip


@domain
def rows_among_others(draw: Draw, target: Target) -> dict[str, Any]:
    """Two sequences with positions of their own, one row among which is spoilt, and another row."""
    name, width, time = draw(st.sampled_from(target.dtypes)), 2 * draw(st.integers(1, 33)), draw(st.integers(2, 5))
    x, m = draw_array(draw, (2, time, width), name, (2.0**-6, 2.0**6)), draw_places(draw, (2, time), 2**20)
    spoilt = draw(st.integers(0, time - 1))
    x[0, spoilt] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    row = (1, draw(st.integers(0, time - 1))) if draw(st.booleans()) else (0, (spoilt + 1) % time)
    return {"x": x, "m": m, "row": row, "interleaved": draw(st.booleans())}


@rows_are_independent.property(rows_among_others())
def _(ops: Operations, x: Any, m: Any, row: tuple[int, int], interleaved: bool) -> Any:
    dim, alone, place, layout = x.shape[-1], x[row][None], m[row][None], {"interleaved": interleaved}
    cos, sin = ops.rope_cos_sin(m, dim)
    applied = ops.apply_rope(x, cos, sin, **layout)[row][None]
    among = ops.rope(x, m, **layout)[row][None]
    return all_of(
        *(turned_agrees(ops, y, alone, place, **layout) for y in (among, applied, ops.rope(alone, place, **layout))),
        ROPE_COS_SIN.judged(ops, (cos[row][None], sin[row][None]), place, dim, 10_000.0),
        SINUSOIDAL.judged(ops, codes(ops, m, dim)[row][None], place, dim, 10_000.0, True),
    )


refusals = Claim(
    "rope.refusals",
    statement="What makes no sense is refused by an error that names it: odd widths and rotary widths beyond the "
    "vector, positions that are no integers, do not fit the rows or lie beyond ±2³¹, bases below 1, tables of another "
    "shape.",
    formula=r"d \notin 2\mathbb N \Rightarrow \mathrm{ValueError}",
    needs=("rope", "rope_vjp", "apply_rope", "rope_cos_sin", "rope_frequencies", "rope_permutation",
           "sinusoidal_positional_encoding"),
    refuted_by=(wrong.errors_swallowed, wrong.positions_cut_to_integers),
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
        ("rope_frequencies", (5,), {}, ValueError, ("5",)),
        ("rope_frequencies", (4,), {"base": 0.0}, ValueError, ("0.0",)),
        ("rope_permutation", (3,), {}, ValueError, ("3",)),
        ("sinusoidal_positional_encoding", (m, -1), {}, ValueError, ("-1",)),
        ("sinusoidal_positional_encoding", (m * np.nan, 4), {}, ValueError, ("nan",)),
        ("sinusoidal_positional_encoding", (m == 1, 4), {}, TypeError, ("bool",)),
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
