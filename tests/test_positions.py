"""What the claims about positions do not say: messages, shapes, signs of zero, the search, and examples to look at."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import mathcore as mc
from mathcore.positions import _angles
from mathcore.positions.periods import all_repeats, chain_records, convergents, nearest_repeats, turn
from mathcore.verify import Conventions, Target, detect, verify

X = np.arange(12.0).reshape(3, 4)


def test_a_quarter_turn_worked_by_hand():
    cos, sin = np.zeros((1, 2)), np.ones((1, 2))
    row = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert mc.apply_rope(row, cos, sin).tolist() == [[-3.0, -4.0, 1.0, 2.0]]
    assert mc.apply_rope(row, cos, sin, interleaved=True).tolist() == [[-2.0, 1.0, -4.0, 3.0]]


def test_a_turn_by_three_four_five_is_exact_on_fractions():
    row = np.array([[Fraction(5), Fraction(10)]], dtype=object)
    turned = mc.apply_rope(row, *(np.array([[Fraction(v, 5)]], dtype=object) for v in (3, 4)))
    assert turned.tolist() == [[-5, 10]]


def test_the_code_of_position_0_and_1():
    assert mc.sinusoidal_positional_encoding(0, 5).tolist() == [0, 1, 0, 1, 0]
    assert mc.sinusoidal_positional_encoding(1, 2).tolist() == [math.sin(1), math.cos(1)]
    assert mc.sinusoidal_positional_encoding([[1, 2]], 0).shape == (1, 2, 0)


def test_no_rounding_takes_the_code_out_of_its_range():
    heights = np.arange(1, 100_000) * (np.pi / 2)  # where a sine or cosine is 1 but for rounding
    assert abs(mc.sinusoidal_positional_encoding(heights, 2)).max() <= 1


@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 4), (3, 0), (0, 3, 4)])
def test_nothing_turned_is_nothing(shape):
    assert mc.rope(np.ones(shape)).shape == shape


def test_position_0_keeps_every_bit():
    special = np.array([[-0.0, np.inf, np.nan, 5e-324]])
    assert mc.rope(special, [0]).tobytes() == special.tobytes()


def test_one_vector_at_one_position():
    assert mc.rope(X[1], 1).tolist() == mc.rope(X, [0, 1, 2])[1].tolist()


def test_pairs_that_turn_hardly_at_all_keep_their_digits():
    from flint import arb, ctx

    places, dim, base = [1, 3, -5, 77, 2**31], 64, 1e18
    cos, sin = mc.rope_cos_sin(places, dim, base=base)
    with ctx.workprec(300):
        for (row, m), i in itertools.product(enumerate(places), range(dim // 2)):
            angle = m * arb(base) ** (arb(-2 * i) / dim)
            for value, truth in ((cos[row, i], angle.cos()), (sin[row, i], angle.sin())):
                assert abs(arb(float(value)) - truth) < 1.02 * np.spacing(abs(value))


def test_large_tables_are_what_their_rows_are():
    places = np.arange(-3, 5000).reshape(-1, 1)
    whole = mc.rope_cos_sin(places, 16)
    for row in (0, 3, 4095, 5002):
        assert np.array_equal([t[row] for t in whole], mc.rope_cos_sin(places[row], 16))


def test_positions_count_from_the_offset():
    assert mc.rope(X, offset=7).tolist() == mc.rope(X, np.array([7, 8, 9], np.uint8)).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mc.rope(X[:, :3]),
            r"`x` must have an even last axis, or `rotary_dim` must be given, got shape \(3, 3\)",
        ),
        (lambda: mc.rope(X, rotary_dim=6), r"`rotary_dim` must be at most the width of `x` \(3, 4\), got 6"),
        (lambda: mc.rope(X, [2**31 + 1, 0, 0]), r"`positions` must lie in \[−2³¹, 2³¹\], got 2147483649"),
        (lambda: mc.rope(X, [0, 1]), r"`positions` must fit the rows \(3,\) of `x` \(3, 4\), time axis included"),
        (lambda: mc.rope(X, base=0.5), r"`base` must be a finite number from 1 up, got 0\.5"),
    ],
)
def test_a_refusal_says_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_convergents_of_a_turn_are_the_known_ones():
    assert list(convergents(*turn(), 710)) == [(6, 1), (19, 3), (25, 4), (44, 7), (333, 53), (710, 113)]


def test_an_interval_too_wide_for_a_convergent_is_an_error():
    lo, hi = turn()
    with pytest.raises(ArithmeticError, match="too wide"):
        list(convergents(lo, hi + 2**390, 10**30))


@pytest.mark.parametrize(("dim", "within"), [(8, 0.5), (8, 0.05), (16, 0.5), (32, 0.57)])
def test_the_windows_leave_nothing_out(dim, within):
    most = 2_000_000
    assert list(nearest_repeats(dim, most, within)[0]) == all_repeats(dim, most, within).tolist()


def test_records_of_a_chain_are_those_found_by_trying():
    closest = [m for m, gap in chain_records(1000, 200_000) if gap < 0.05]
    assert closest == [69_115, 100_531, 169_646]
    assert set(closest) <= set(all_repeats(8, 200_000, 0.05).tolist())


@pytest.mark.parametrize(("dim", "within"), [(12, 0.5), (16, 0.58)])
def test_the_certificate_says_where_it_does_not_hold(dim, within):
    with pytest.raises(ValueError, match="certificate needs"):
        nearest_repeats(dim, 1000, within)


def _in_float64(sign, interleaved):
    """RoPE as most write it: angles in float64, one pairing."""

    def rope(x, positions=None, *, base=10_000.0, offset=0):
        m = (np.arange(x.shape[-2]) if positions is None else np.asarray(positions)).astype(np.int64) + offset
        d = x.shape[-1]
        angle = m[..., None] * base ** (-np.arange(0, d, 2) / max(d, 1))
        work = np.float32 if x.dtype.itemsize < 4 else x.dtype
        c, s = np.cos(angle).astype(work), sign * np.sin(angle).astype(work)
        first, second = (slice(0, d, 2), slice(1, d, 2)) if interleaved else (slice(0, d // 2), slice(d // 2, d))
        a, b, y = x[..., first].astype(work), x[..., second].astype(work), x.copy()
        y[..., first], y[..., second] = a * c - b * s, a * s + b * c
        return y

    return rope


FREE = ("rope.relative_only", "rope.composes", "rope.preserves_norm", "rope.preserves_distance", "rope.stays_stable")


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("interleaved", [False, True])
def test_another_pairing_or_sign_is_no_mistake(sign, interleaved):
    operation = _in_float64(sign, interleaved)
    report = verify(Target.numpy("theirs", rope=operation), *FREE, profile="quick", seed=1, workers=1)
    assert [r.outcome for _, r in report.results] == ["holds"] * len(FREE)
    declared = Conventions(rope_pairing="interleaved" if interleaved else "half", rope_sign=sign)
    theirs = Target.numpy("theirs", rope=operation, conventions=declared)
    report = verify(theirs, "rope.anchor", profile="quick", seed=1, workers=1)
    assert [r.outcome for _, r in report.results] == ["holds"]


def test_positions_off_by_one_pass_what_is_relative_and_fail_the_anchor():
    theirs = _in_float64(1, False)
    one_on = Target.numpy("one on", rope=lambda x, positions: theirs(x, positions + 1))
    report = verify(one_on, "rope.preserves_distance", "rope.anchor", profile="quick", seed=1, workers=1)
    outcomes = {r.claim: r.outcome for _, r in report.results}
    assert outcomes == {"rope.preserves_distance": "holds", "rope.anchor": "refuted"}


def _code_in_halves(positions, dim, *, base=10_000.0):
    """The code as many write it: all sines, then all cosines."""
    angle = np.asarray(positions, np.float64)[..., None] * base ** (-np.arange(0, dim, 2) / max(dim, 1))
    return np.concatenate([np.sin(angle), np.cos(angle)[..., : dim // 2]], axis=-1)


def test_another_order_of_sines_and_cosines_is_no_mistake():
    theirs = Target.numpy("theirs", sinusoidal_positional_encoding=_code_in_halves)
    free = ("position.stays_small", "position.is_unique", "position.shift_is_linear", "position.vector_beats_scalar")
    report = verify(theirs, *free, profile="quick", seed=1, workers=1)
    assert [r.outcome for _, r in report.results] == ["holds"] * 4
    anchor = "sinusoidal_positional_encoding.anchor"
    ((_, result),) = verify(theirs, anchor, profile="quick", seed=1, workers=1).results
    assert (result.outcome, result.advice) == ("refuted", "holds under another convention: code_layout='halves'")
    assert detect(theirs).conventions == Conventions(code_layout="halves")
    ((_, result),) = verify(
        theirs.following(Conventions(code_layout="halves")), anchor, profile="quick", workers=1
    ).results
    assert result.outcome == "holds"


def test_angles_in_float32_are_found_and_may_be_declared():
    def rope(x, positions, *, base=10_000.0):
        d = x.shape[-1]
        theta = (base ** (-np.arange(0, d, 2) / max(d, 1))).astype(np.float32)
        angle = np.asarray(positions).astype(np.float32)[..., None] * theta
        return mc.apply_rope(x, np.cos(angle), np.sin(angle))

    theirs = Target.numpy("theirs", rope=rope, dtypes=("float32",))
    ((_, result),) = verify(theirs, "rope.anchor", profile="quick", seed=1, workers=1).results
    assert (result.outcome, result.advice) == ("refuted", "holds under another convention: rope_angles='float32'")


def test_frequencies_that_are_given_are_remembered():
    x, theta = np.ones((1, 64)), mc.rope_frequencies(64) / 4
    mc.rope(x, [7], frequencies=theta)
    before = _angles._remembered_turns_of.cache_info()
    mc.rope(x, [8], frequencies=theta.copy())
    after = _angles._remembered_turns_of.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


def test_frequencies_of_a_short_format_are_its_numbers():
    theta = mc.rope_frequencies(8)
    x = np.ones((3, 8))
    short = theta.astype(np.float32)
    assert (mc.rope(x, frequencies=short) == mc.rope(x, frequencies=short.astype(np.float64))).all()
    assert (mc.rope(x, frequencies=short) != mc.rope(x, frequencies=theta)).any()


def test_a_configuration_by_type_of_layer_asks_which():
    config = {"head_dim": 4, "rope_theta": 1e6, "rope_local_base_freq": 1e4, "rope_scaling": None}
    with pytest.raises(ValueError, match="full_attention, sliding_attention"):
        mc.rope_from_config(config)
    local, _ = mc.rope_from_config(config, layer_type="sliding_attention")
    assert (local == mc.rope_frequencies(4, base=1e4)).all()


def test_programs_differ_by_more_than_a_quarter_on_yarn():
    yarn = {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096}
    _, paper = mc.rope_scaling(64, yarn)
    _, quotient = mc.rope_scaling(64, {**yarn, "mscale": 1.0, "mscale_all_dim": 1.0})
    assert f"{paper / quotient - 1:.1%}" == "27.7%"
