"""What the claims about attention do not say: messages, shapes, caches that share memory, and examples to look at."""

import math
from fractions import Fraction

import numpy as np
import pytest

import mathcore as mc
from mathcore.attention import draft_mutants, multi_head_mutants
from mathcore.attention._args import _AttentionArgs
from mathcore.attention.exact_inputs import Power, powers
from mathcore.attention.inputs import Dice
from mathcore.verify import catalogue, mathcore_target
from mathcore.verify.claims import Mutant
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import derived_seed, run_check

Q, K, V = np.ones((2, 3, 4)), np.ones((1, 5, 4)), np.ones((1, 5, 6))


def test_two_keys_worked_by_hand():
    query, key = np.array([[math.log(3)]]), np.array([[1.0], [0.0]])
    assert mc.attention_weights(query, key) == pytest.approx(np.array([[0.75, 0.25]]), abs=1e-15)
    mix = mc.scaled_dot_product_attention(query, key, np.array([[4.0], [8.0]]))
    assert mix == pytest.approx(np.array([[5.0]]), abs=1e-14)


def test_a_score_is_divided_by_the_root_of_the_width():
    query, key = np.ones((1, 4)), np.array([[2.0] * 4, [0.0] * 4])
    _, lse = mc.scaled_dot_product_attention(query, key[:1], key[:1], return_lse=True)
    assert lse.tolist() == [4.0]
    _, lse = mc.scaled_dot_product_attention(query, key[:1], key[:1], scale=1.0, return_lse=True)
    assert lse.tolist() == [8.0]


def test_with_2_in_place_of_e_attention_is_exact():
    mix = mc.scaled_dot_product_attention(powers([[1]]), powers([[1], [0]]), powers([[3], [0]]))
    assert mix.tolist() == [[2]]  # weights of 2/3 and 1/3
    with pytest.raises(ValueError, match="only whole numbers have an exponential here, got 1/2"):
        Power(Fraction(1, 2)).exp()


def test_causal_weights_are_a_triangle():
    x = np.zeros((3, 2))
    third = 1 / 3
    assert mc.attention_weights(x, x, is_causal=True).tolist() == [[1, 0, 0], [0.5, 0.5, 0], [third, third, third]]
    assert mc.attention_weights(x[:1], x, is_causal=True, query_offset=1).tolist() == [[0.5, 0.5, 0]]
    assert mc.attention_weights(x[:2], x, is_causal=True, query_offset=-1).tolist() == [[0, 0, 0], [1, 0, 0]]


def test_a_query_that_sees_nothing_gets_zeros():
    mix, lse = mc.scaled_dot_product_attention(Q, K, V, mask=np.zeros((3, 5), bool), return_lse=True)
    assert not mix.any()
    assert np.isneginf(lse).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("words", "block_size"), [(1, None), (3, None), (600, None), (7, 1), (9, 4), (600, 512)])
def test_values_as_large_as_numbers_get_do_not_overflow(dtype, words, block_size):
    most = np.finfo(dtype).max
    x, v = np.zeros((words, 1), dtype), np.full((words, 2), most, dtype) * np.array([1, -1], dtype)
    if block_size is None:
        mix = mc.scaled_dot_product_attention(x, x, v, is_causal=True)
    else:
        mix = mc.blockwise_attention(x, x, v, is_causal=True, block_size=block_size)
    assert np.isfinite(mix).all()
    assert abs(mix / v - 1).max() <= 4 * words * np.finfo(dtype).eps


def test_large_values_that_are_hidden_change_no_bit():
    q, k, v = (
        np.zeros((2, 1)),
        np.zeros((4, 1)),
        np.array([[1.5e308, 1e-310], [1.6e308, 3e-310], [9.0, 9.0], [9.0, 9.0]]),
    )
    mask, other = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], bool), v.copy()
    other[:2] = 1.0
    assert np.array_equal(
        mc.scaled_dot_product_attention(q, k, v, mask=mask)[1],
        mc.scaled_dot_product_attention(q, k, other, mask=mask)[1],
    )


def test_parts_as_large_as_numbers_get_are_merged():
    most, zero = np.full((2, 3), np.finfo(float).max), np.zeros(2)
    mix, lse = mc.merge_attention(most, zero, most, np.array([0, -np.inf]))
    assert np.array_equal(mix, most)
    assert lse.tolist() == [math.log(2), 0]
    mix, _ = mc.merge_attention(most, zero, np.full((2, 3), np.inf), zero)
    assert np.isposinf(mix).all()


def test_a_cache_of_large_values_does_not_overflow():
    cache = mc.KeyValueCache().append(np.zeros((1, 2, 1)), np.full((1, 2, 1), 1.7e308))
    assert cache.attend(np.zeros((1, 1, 1))).tolist() == [[[1.7e308]]]


def test_only_minus_infinity_hides_in_a_bias_of_a_wider_format():
    x, bias = np.ones((2, 1), np.float32), np.array([[-1e300, -1e300]])
    assert mc.attention_weights(x, x, bias=bias).tolist() == [[0.5, 0.5]] * 2
    assert mc.attention_weights(x, x, bias=np.array([[-np.inf, -1e300]])).tolist() == [[0, 1]] * 2


def test_weights_of_no_queries():
    assert mc.attention_weights(np.ones((2, 0, 3)), np.ones((1, 4, 3))).shape == (2, 0, 4)


def test_a_visible_infinity_comes_through_however_small_its_weight():
    q, k, v = np.array([[1000.0]]), np.array([[1.0], [0.0]]), np.array([[1.0], [np.inf]])
    assert mc.attention_weights(q, k).tolist() == [[1, 0]]
    assert mc.scaled_dot_product_attention(q, k, v).tolist() == [[np.inf]]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (((0, 4), (5, 4), (5, 6)), (0, 6)),
        (((3, 4), (0, 4), (0, 6)), (3, 6)),
        (((3, 4), (5, 4), (5, 0)), (3, 0)),
        (((2, 3, 4), (1, 5, 4), (1, 5, 6)), (2, 3, 6)),
        (((0, 2, 3, 4), (0, 1, 5, 4), (0, 1, 5, 6)), (0, 2, 3, 6)),
    ],
)
@pytest.mark.parametrize("operation", [mc.scaled_dot_product_attention, mc.blockwise_attention])
def test_shapes(operation, shapes, expected):
    mix, lse = operation(*map(np.ones, shapes), return_lse=True)
    assert mix.shape == expected
    assert lse.shape == expected[:-1]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_log_sums_come_in_the_precision_of_the_arithmetic(dtype):
    x = np.ones((2, 3), dtype)
    mix, lse = mc.scaled_dot_product_attention(x, x, x, return_lse=True)
    assert mix.dtype == dtype
    assert lse.dtype == ("float64" if dtype == "float64" else "float32")


def test_formats_promote():
    x = np.ones((2, 3))
    assert mc.scaled_dot_product_attention(x.astype("f2"), x.astype("f4"), x.astype("f2")).dtype == np.float32
    grads = mc.scaled_dot_product_attention_vjp(x, x.astype("f2"), x.astype("f4"), x)
    assert [g.dtype.name for g in grads] == ["float16", "float32", "float64"]


def test_an_infinite_cap_and_sinks_of_minus_infinity_change_nothing():
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 2, 5, 4))
    plain = mc.scaled_dot_product_attention(q, k, v)
    assert np.array_equal(mc.scaled_dot_product_attention(q, k, v, softcap=math.inf), plain)
    assert np.array_equal(mc.scaled_dot_product_attention(q, k, v, sinks=np.full(2, -np.inf)), plain)


def test_a_window_costs_window_times_queries(monkeypatch):
    counted = []
    scores = _AttentionArgs.scores
    monkeypatch.setattr(_AttentionArgs, "scores", lambda args: counted.append((s := scores(args)).size) or s)
    x = np.zeros((2048, 1), np.float32)
    for attend in (
        lambda **options: mc.scaled_dot_product_attention(x, x, x, **options),
        lambda **options: mc.blockwise_attention(x, x, x, block_size=64, **options),
        lambda **options: mc.scaled_dot_product_attention_vjp(x, x, x, x, **options),
    ):
        counted.clear()
        attend(is_causal=True, window=100)
        assert sum(counted) <= 2048 * 3 * 128  # a block of queries sees the window of each


# Caches.


def test_the_words_of_a_text_one_by_one():
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 7, 4))
    cache, outputs = mc.KeyValueCache(), []
    for t in range(7):
        cache = cache.append(k[t : t + 1], v[t : t + 1])
        outputs.append(cache.attend(q[t : t + 1]))
    assert np.concatenate(outputs) == pytest.approx(mc.scaled_dot_product_attention(q, k, v, is_causal=True), abs=1e-14)
    assert len(cache) == 7
    assert cache.key.tolist() == k.tolist()
    assert not cache.value.flags.writeable


def test_caches_that_part_ways_do_not_disturb_one_another():
    start = mc.KeyValueCache().append(np.zeros((1, 2)), np.zeros((1, 2)))
    one = start.append(np.full((1, 2), 1.0), np.full((1, 2), 1.0))
    other = start.append(np.full((1, 2), 2.0), np.full((1, 2), 2.0))
    assert (one.key[1, 0], other.key[1, 0], len(start)) == (1, 2, 1)


def test_an_empty_cache_is_not_asked():
    assert len(mc.KeyValueCache()) == 0
    with pytest.raises(ValueError, match="the cache must hold at least one word, it is empty"):
        mc.KeyValueCache().attend(Q)


def test_a_cache_keeps_its_format_and_its_shape():
    cache = mc.KeyValueCache().append(K, V)
    with pytest.raises(ValueError, match="float32"):
        cache.append(K.astype(np.float32), V)
    with pytest.raises(ValueError, match=r"\(2, 5, 4\)"):
        cache.append(np.ones((2, 5, 4)), np.ones((2, 5, 6)))


# Refusals.

REFUSED = [
    ((Q[0, 0], K, V), {}, ValueError, r"\(4,\)"),
    ((Q[..., :3], K, V), {}, ValueError, r"\(2, 3, 3\).*\(1, 5, 4\)"),
    ((Q[..., :0], K[..., :0], V), {}, ValueError, r"at least 1, got shapes \(2, 3, 0\)"),
    ((Q, K, V[:, :4]), {}, ValueError, r"\(1, 5, 4\).*\(1, 4, 6\)"),
    ((np.ones((3, 3, 4)), np.ones((2, 5, 4)), np.ones((2, 5, 6))), {}, ValueError, r"\(3, 3, 4\).*\(2, 5, 4\)"),
    ((Q[None], np.ones((2, 1, 5, 4)), np.ones((2, 1, 5, 6))), {}, ValueError, r"\(1, 2, 3, 4\).*\(2, 1, 5, 4\)"),
    ((Q, K, V), {"mask": np.ones((3, 4), bool)}, ValueError, r"`mask`.*\(3, 4\)"),
    ((Q, K, V), {"mask": np.ones((3, 5))}, TypeError, r"`mask`.*float64"),
    ((Q, K, V), {"bias": np.ones((4, 5))}, ValueError, r"`bias`.*\(4, 5\)"),
    ((Q, K, V), {"bias": np.ones((3, 5), int)}, TypeError, r"`bias`.*int64"),
    ((Q.astype(int), K, V), {}, TypeError, r"`query`.*int64"),
    ((Q, K, V), {"window": 0}, ValueError, r"`window` must lie in \[1, 2147483648\], got 0"),
    ((Q, K, V), {"window": 2.5}, TypeError, r"`window` must be an integer, got 2.5"),
    ((Q, K, V), {"softcap": 0.0}, ValueError, r"`softcap` must be a number from .* up, got 0.0"),
    ((powers(Q), powers(K), powers(V)), {"softcap": 0}, ValueError, "`softcap` must be above 0, got 0"),
    ((Q, K, V), {"sinks": np.ones(3)}, ValueError, r"`sinks` must have shape \(heads,\) = \(2,\), got \(3,\)"),
    ((Q, K, V), {"sinks": np.ones(2, int)}, TypeError, r"`sinks`.*int64"),
]


@pytest.mark.parametrize(("arrays", "options", "error", "message"), REFUSED)
@pytest.mark.parametrize("operation", [mc.scaled_dot_product_attention, mc.blockwise_attention])
def test_what_makes_no_sense_is_refused_by_name(operation, arrays, options, error, message):
    with pytest.raises(error, match=message):
        operation(*arrays, **options)


@pytest.mark.parametrize("size", [0, -1])
def test_blocks_have_at_least_one_word(size):
    with pytest.raises(ValueError, match=f"`block_size` must be at least 1, got {size}"):
        mc.blockwise_attention(Q, K, V, block_size=size)


def test_a_cotangent_has_the_shape_of_the_output():
    with pytest.raises(ValueError, match=r"the shape of the output \(2, 3, 6\), got \(2, 3, 5\)"):
        mc.scaled_dot_product_attention_vjp(np.ones((2, 3, 5)), Q, K, V)


def test_results_that_are_merged_fit_together():
    out, lse = np.ones((3, 2)), np.ones(3)
    with pytest.raises(ValueError, match=r"got \(3, 2\), \(3, 2\), \(3,\), \(2,\)"):
        mc.merge_attention(out, lse, out, lse[:2])


def test_choices_are_stirred():
    choices = [Dice(number).of(*range(4)) for number in range(1, 400)]
    assert min(choices.count(i) for i in range(4)) > 50
    assert [Dice(0).of("first", "second") for _ in range(3)] == ["first"] * 3


# Mutants made of plain attention: right but for their mistake.


def plain_blockwise(query, key, value, block_size=512, **options):
    return draft_mutants.plain_attention(query, key, value, **options)


PLAIN = {
    "scaled_dot_product_attention": draft_mutants.plain_attention,
    "blockwise_attention": plain_blockwise,
    "multi_head_attention": multi_head_mutants.plain_heads,
    "multi_head_attention_step": multi_head_mutants.plain_step,
}
MADE_OF_THEM = {
    m.build
    for m in (
        *(m for m in vars(draft_mutants).values() if isinstance(m, Mutant)),
        *draft_mutants.STAND_INS,
        *multi_head_mutants.DRAFTS,
        multi_head_mutants.zero_times_nan,
        *multi_head_mutants.STEPS,
    )
}
REFUTED = [
    pytest.param(claim, operation, id=f"{claim.id}-{operation}")
    for claim in catalogue()
    for operation in PLAIN
    if any(m.operation == operation and m.build in MADE_OF_THEM for m in claim.refuted_by)
]


@pytest.mark.parametrize(("claim", "operation"), REFUTED)
def test_without_its_mistake_a_mutant_passes_the_claim(claim, operation):
    target = mathcore_target().replacing("plain", **{operation: PLAIN[operation]})
    for i, check in enumerate(claim.checks):
        if check.rung != "experiment":  # which measures memory, and a plain score matrix is large
            result = run_check(claim, check, target, PROFILES["quick"], derived_seed(0, claim.id, i))
            assert result.outcome == "holds", f"{check.rung}: {result.detail}"


def test_every_plain_operation_is_tried():
    assert {p.values[1] for p in REFUTED} == set(PLAIN)
