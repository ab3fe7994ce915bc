"""What must be true of a position as a vector: FAQ 18."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import positions_tolerances as tol
from mathcore.positions import sinusoidal_mutants as wrong
from mathcore.positions.inputs import draw_base, draw_places, draw_rotations
from mathcore.positions.periods import convergents, gap, turn
from mathcore.positions.rope_claims import length
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_exact, draw_integers, seeds
from mathcore.verify.relations import all_of, at_least, at_most, equal, less
from mathcore.verify.tolerances import dot_product, hoeffding


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
    tolerances=(tol.wave_rounding, tol.sum_of_squares),
    refuted_by=(wrong.raw_index, wrong.squeezed_index, wrong.code_scaled),
)


@stays_small.property(coded())
def codes_stay_small_at_integers(ops: Operations, m: Any, dim: int, base: float, interleaved: bool) -> Any:
    code = codes(ops, m, dim, base=base, interleaved=interleaved)
    angle = tol.farthest_angle(m, dim, base, ops.conventions.rope_angles)
    squares = (code.astype(np.float64) ** 2).sum(-1)
    return all_of(
        at_most(abs(code), np.ones(code.shape), within=tol.wave_rounding(1.0, 0.0, code.dtype)),
        *([] if dim % 2 else [equal(squares, np.full(3, dim / 2), within=tol.sum_of_squares(dim, angle, code.dtype))]),
        at_most(squares, dim * (abs(m.astype(np.float64)) + 1)),  # what an index in every coordinate grows beyond
    )


@domain
def between_integers(draw: Draw, target: Target) -> dict[str, Any]:
    """A few positions that are no integers, near and far, in any dtype, and the options."""
    m = draw_places(draw, (3,), 2**30).astype(np.float64) + draw(seeds()).uniform(-0.49, 0.49, size=3)
    if draw(st.integers(0, 3)) == 0:  # where a wave is at its height, and rounding may leave [−1, 1]
        m = np.rint(m / np.pi * 2) * (np.pi / 2)
    if (name := draw(st.sampled_from(["float64", *target.dtypes]))) != "float64":
        m = as_dtype(np.clip(m, -1000.5, 1000.5), name)  # exact in float64, which codes are computed from
    dim, base = draw(st.integers(1, 40)), draw_base(draw)
    return {"positions": m, "dim": dim, "base": base, "interleaved": draw(st.booleans())}


@stays_small.property(between_integers(), effort=0.5)
def codes_stay_small_between_integers(ops: Operations, positions: Any, dim: int, base: float, interleaved: bool) -> Any:
    code = codes(ops, positions, dim, base=base, interleaved=interleaved)
    angle = tol.farthest_angle(positions, dim, base, ops.conventions.rope_angles)
    squares, allowed = (code.astype(np.float64) ** 2).sum(-1), tol.sum_of_squares(dim, angle, code.dtype, whole=False)
    return all_of(
        at_most(abs(code), np.ones(code.shape), within=tol.wave_rounding(1.0, 0.0, code.dtype)),
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
    tolerances=(tol.wave_between,),
    refuted_by=(wrong.code_in_bfloat16, wrong.code_table_ends, wrong.code_of_magnitudes),
)


@is_unique.proof
def closest_codes_differ(ops: Operations) -> Any:
    # Codes that agree make m − n = 2πk, and π rational. No offset up to 2³² comes closer than the last convergent.
    lo, hi = turn()
    p, q = list(convergents(lo, hi, 2**32))[-1]
    least = gap(p, q, lo, hi)[0]
    ends = [p // 2, -(p - p // 2)]
    a, b = codes(ops, ends, 2)
    angle = tol.farthest_angle(ends, 2, 1e4, ops.conventions.rope_angles)
    return all_of(
        less(4e-10, least).measuring(**{"closest codes up to 2³¹": least, "at an offset of": p}),
        equal(length(a - b), 2 * np.sin(least / 2), within=tol.wave_between(angle, a.dtype) * 4),
    )


@domain
def two_positions(draw: Draw, target: Target) -> dict[str, Any]:
    """Two different positions, neighbours or mirror images often, a width of 2 or more, and the options."""
    m = int(draw_places(draw, (1,), 2**30)[0])
    n = draw(st.sampled_from([m + 1, -m, m + 6, m + 710, int(draw_places(draw, (1,), 2**30)[0])]))
    how = {"base": draw_base(draw), "interleaved": draw(st.booleans())}
    dim = draw(st.one_of(st.integers(2, 9), st.sampled_from([65, 66])))
    return {"m": m, "n": n if n != m else m + 1, "dim": dim, "how": how}


@is_unique.property(two_positions())
def different_positions_get_different_codes(ops: Operations, m: int, n: int, dim: int, how: Any) -> Any:
    a, b = codes(ops, [m, n], dim, **how).astype(np.float64)
    chord = enclose(lambda offset: 2 * abs((offset / 2)[0].sin()), np.array([m - n])).hi
    error = tol.wave_between(tol.farthest_angle([m, n], dim, how["base"], ops.conventions.rope_angles), a.dtype) * 4
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
def word_and_position(draw: Draw, target: Target) -> dict[str, Any]:
    """The direction of a word, how many times longer than √d it is, and a far position."""
    word = draw_integers(draw, (2 * draw(st.integers(1, 33)),), 8).astype(np.float64)
    longer = draw(st.one_of(st.just(1.0), st.floats(1, 8)))
    return {"word": word, "m": draw_places(draw, (1,)), "longer": longer}


@raw_index_drowns_the_word.property(word_and_position())
def code_never_drowns_the_word(ops: Operations, word: Any, m: Any, longer: float) -> Any:
    dim, position, m = len(word), m, abs(m.astype(np.float64)) + 1024
    word = word if word.any() else np.ones(dim)
    word = word * (longer * np.sqrt(dim) / length(word)) * (1 + 2.0**-40)  # so that no rounding makes it too short
    drowned, limit = cosine(word + m[:, None], word), word.sum() / (np.sqrt(dim) * length(word))
    # The angle between w + m1 and 1 has a sine of at most ‖w‖/(m√d), and is at most π/2 times that.
    reach = np.pi / 2 * length(word) / (m * np.sqrt(dim))
    code = codes(ops, position, dim).astype(np.float64)
    # The word that the code rotates farthest: minus the code, and something as long at right angles to it.
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
    tolerances=(tol.products_of_codes,),
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
def shift_keeps_all_dot_products(ops: Operations, t: Any, k: int, dim: int, how: Any) -> Any:
    # Vectors with the same products are the same but for one orthogonal map, and the other way round. R_k is no
    # reflection: it takes each pair of waves along by the addition theorems, which the proof has.
    here, there = (codes(ops, m, dim, **how) for m in (t, t + k))
    angle = tol.farthest_angle(abs(t) + abs(k), dim, how["base"], ops.conventions.rope_angles)
    before, after = (code.astype(np.float64) @ code.astype(np.float64).T for code in (here, there))
    return equal(after, before, within=tol.products_of_codes(dim, angle, here.dtype))


@shift_is_linear.proof
def shift_is_a_rotation_by_addition_theorems(ops: Operations) -> Any:
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
    tolerances=(tol.wave_between, hoeffding),
    refuted_by=(wrong.squeezed_index, wrong.code_table_ends, wrong.code_in_bfloat16),
)


NEIGHBOURS = 2 * math.sin(0.5)


@vector_beats_scalar.property(coded(), count=st.integers(2, 60), rng=seeds())
def neighbours_stay_apart(
    ops: Operations, m: Any, dim: int, base: float, interleaved: bool, count: int, rng: Any
) -> Any:
    a, b = (codes(ops, position, dim, base=base, interleaved=interleaved) for position in (m // 2, m // 2 + 1))
    angle = tol.farthest_angle(abs(m) + 1, dim, base, ops.conventions.rope_angles)
    scalar = np.sort(rng.integers(0, 2**20 + 1, size=count))  # any N numbers from 0 to 1, in units of 2⁻²⁰
    return all_of(
        at_least(length(b - a), np.full(3, NEIGHBOURS), within=tol.wave_between(angle, a.dtype) * 4),
        at_most(int(np.diff(scalar).min()) * (count - 1), 2**20),
    )


@vector_beats_scalar.statistical
def noise_drowns_the_scalar_alone(ops: Operations, rng: np.random.Generator) -> Any:
    # Distinguished from its neighbour by the nearer of the two, under noise of 0.1 in every coordinate. The vector errs
    # only where the noise along the difference exceeds half its length, 4.79 standard deviations (below 10⁻⁶ by Mills'
    # ratio); the scalar's neighbours are 10⁻⁴ apart, a thousandth of the noise, and it errs in half of all cases.
    count, samples, noise = 10_001, 4000, 0.1
    m = rng.integers(0, count - 1, size=samples)
    a, b = codes(ops, m, 16), codes(ops, m + 1, 16)
    heard = a + noise * rng.normal(size=a.shape)
    wrong_vector = (length(heard - b) < length(heard - a)).mean()
    heard_scalar = noise * rng.normal(size=samples)  # around its own position, the neighbour 1/(N − 1) further
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
def first_offsets_that_come_close(ops: Operations, dim: int, offset: int, before: Any) -> Any:
    apart = length(codes(ops, [*before, offset], dim).astype(np.float64) - codes(ops, [0], dim).astype(np.float64))
    return all_of(less(NEIGHBOURS, apart[:-1]), less(apart[-1], NEIGHBOURS))  # by a thirtieth or more


def far_apart() -> Iterator[dict[str, Any]]:
    """Offsets from 2 on, with one pair."""
    for m in range(2, 800):
        yield {"m": m}


@vector_beats_scalar.counterexample(cases=far_apart)
def two_coordinates_keep_all_positions_apart(ops: Operations, m: int) -> Any:
    a, b = codes(ops, [0, m], 2)
    return at_least(length(b - a), NEIGHBOURS)


@vector_beats_scalar.counterexample(cases=far_apart)
def one_coordinate_keeps_neighbours_apart(ops: Operations, m: int) -> Any:
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
    tolerances=(dot_product, tol.read_back),
    refuted_by=(wrong.lanes_leak, wrong.last_row_missing),
)  # fmt: skip


class Lanes(NamedTuple):
    """Orthonormal rows, the first `split` of them for meaning."""

    basis: Any
    split: int


@domain
def lanes_and_contents(draw: Draw, target: Target) -> dict[str, Any]:
    """Two orthogonal lanes of a space rotated by rational angles, two meanings and two positions, all exact."""
    pairs, fractions = draw(st.integers(1, 3)), bool(target.exact) and draw(st.integers(0, 3)) > 0
    cos, sin = draw_rotations(draw, (pairs,), fractions=fractions)
    dim = 2 * pairs
    q = np.full((dim, dim), cos[0] * 0)
    first, second = np.arange(pairs), np.arange(pairs, dim)
    q[first, first] = q[second, second] = cos
    q[first, second], q[second, first] = -sin, sin
    split = draw(st.integers(1, dim - 1))
    contents = draw_exact(draw, target, 2, dim, fractions=fractions)
    return {"lanes_of": Lanes(q[draw(seeds()).permutation(dim)], split), "contents": contents}


@independent_lanes.exact(lanes_and_contents())
def exact_lanes_are_read_back(ops: Operations, lanes_of: Lanes, contents: Any) -> Any:
    basis, split = lanes_of
    word_lane, position_lane, words, marks = basis[:split], basis[split:], contents[:, :split], contents[:, split:]
    x = ops.linear(words, word_lane) + ops.linear(marks, position_lane)
    return all_of(
        equal(ops.linear(x, word_lane.T), words),
        equal(ops.linear(x, position_lane.T), marks),
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
    return {"lanes_of": Lanes(basis.astype(name), split), "words": words, "positions": draw_places(draw, (len(words),))}


def _precise(target: Target) -> tuple[str, ...]:
    """The dtypes that a sum is not rounded in before it is read."""
    return tuple(d for d in target.dtypes if d in ("float64", "float32")) or ("float64",)


@independent_lanes.property(lanes_in_floats())
def lanes_are_read_back_within_the_bound(ops: Operations, lanes_of: Lanes, words: Any, positions: Any) -> Any:
    (basis, split), dim = lanes_of, len(lanes_of.basis)
    marks = codes(ops, positions, dim - split).astype(basis.dtype)
    word_lane, position_lane = basis[:split], basis[split:]
    x = ops.linear(words, word_lane) + ops.linear(marks, position_lane)
    sizes = abs(words.astype(np.float64)) @ abs(word_lane) + abs(marks.astype(np.float64)) @ abs(position_lane)
    return all_of(
        equal(ops.linear(x, word_lane.T), words, within=tol.read_back(sizes, word_lane, dim, x.dtype)),
        equal(ops.linear(x, position_lane.T), marks, within=tol.read_back(sizes, position_lane, dim, x.dtype)),
    )


@independent_lanes.property(two_positions())
def scores_add_up_across_lanes(ops: Operations, m: int, n: int, dim: int, how: Any) -> Any:
    marks = codes(ops, [m, n], dim, **how).astype(np.float64)
    words = np.stack([np.arange(1.0, dim + 1), np.arange(dim, 0.0, -1)])
    x = np.concatenate([words, marks], axis=1)
    sizes = abs(x) @ abs(x).T
    truth = enclose(lambda w, p: w @ w.T + p @ p.T, words, marks)
    return equal(ops.linear(x, x.T), truth, within=dot_product(sizes, 2 * dim, x.dtype))


@independent_lanes.counterexample(split=st.integers(1, 3))
def shared_lanes_add_up(ops: Operations, split: int) -> Any:
    words, marks = np.ones((2, split)), np.array([[1.0] * split, [2.0] * split])  # one lane for both
    x = ops.linear(words, np.eye(split)) + ops.linear(marks, np.eye(split))
    return equal(ops.linear(x, x.T), ops.linear(words, words.T) + ops.linear(marks, marks.T))


@independent_lanes.counterexample(long=st.integers(1, 3))
def long_lanes_are_read_back(ops: Operations, long: int) -> Any:
    word = np.ones((1, 1))  # a lane at right angles to the other, spanned by a vector that may be too long
    return equal(ops.linear(ops.linear(word, np.array([[float(long), 0.0]])), np.array([[float(long)], [0.0]])), word)


@independent_lanes.counterexample(angle=st.integers(0, 9), tenths=st.integers(1, 9))
def float_lanes_are_read_back_exactly(ops: Operations, angle: int, tenths: int) -> Any:
    lane, word = np.array([[math.cos(angle), -math.sin(angle)]]), np.array([[tenths / 10]])  # in floats
    return equal(ops.linear(ops.linear(word, lane), lane.T), word)
