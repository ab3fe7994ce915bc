"""What the claims about approximation and depth do not say: exact arithmetic throughout, dtypes, and refusals."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

import mathcore as mc

SQUARE = np.array(list(itertools.product([0, 1], repeat=2)))
XOR = np.array([False, True, True, False])


def fractions(*values):
    return np.array([Fraction(v) for v in values], dtype=object)


def test_a_net_of_one_layer_is_that_layer():
    x, weight, bias = np.ones((2, 3)), -np.ones((3, 2)), np.zeros(2)
    assert (mc.course.relu_net(x, [(weight, bias)]) == -3).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nets_keep_the_dtype(dtype):
    x = SQUARE.astype(dtype)
    net = mc.course.xor_net(dtype)
    y = mc.course.relu_net(x, net)
    assert y.dtype == dtype
    assert y[:, 0].tolist() == [0, 1, 1, 0]
    x_bar, slopes = mc.course.relu_net_vjp(np.ones_like(y), x, net)
    assert {x_bar.dtype, *(g.dtype for pair in slopes for g in pair)} == {np.dtype(dtype)}
    knots = np.array([0, 1, 2], dtype)
    assert {a.dtype for pair in mc.course.interpolating_net(knots, knots) for a in pair} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("net", "inputs"),
    [
        (mc.course.xor_net(object), 2),
        (mc.course.line_net(2, object), 4),
        (mc.course.pattern_net(2, object), 4),
        (mc.course.square_net(2, object), 4),
        (mc.course.tent_net(3, object), 1),
        (mc.course.interpolating_net(fractions(0, "1/3", 1), fractions("1/7", 0, 2)), 1),
    ],
)
def test_every_net_and_its_gradient_are_exact_on_fractions(net, inputs):
    x = fractions(*(Fraction(i, 3) for i in range(2 * inputs))).reshape(2, inputs)
    y = mc.course.relu_net(x, net)
    x_bar, slopes = mc.course.relu_net_vjp(y, x, net)
    for array in (y, x_bar, *(g for pair in slopes for g in pair)):
        assert all(isinstance(v, (int, Fraction)) for v in array.ravel())


def test_knots_finer_than_the_format_of_the_values_stay_apart():
    knots, values = np.array([0, 2.0**-20, 1]), np.array([0, 1, 0], "float16")
    net = mc.course.interpolating_net(knots, values)
    assert {a.dtype for pair in net for a in pair} == {np.dtype("float64")}
    assert mc.course.relu_net(knots[:2, None], net)[:, 0].tolist() == [0, 1]


def test_nets_share_no_memory_with_anything():
    """Training a net in place must change nothing else, nor one of its layers another."""
    values = np.array([1.0, 2.0, 4.0])
    for net in (mc.course.interpolating_net(np.arange(3.0), values), mc.course.tent_net(4)):
        arrays = [values, *(a for pair in net for a in pair)]
        assert not any(np.shares_memory(a, b) for a, b in itertools.combinations(arrays, 2))


def test_the_broken_line_goes_on_beyond_its_knots():
    net = mc.course.interpolating_net([0.0, 1.0, 3.0], [5.0, 3.0, 4.0])
    assert mc.course.relu_net(np.array([[-2.0], [0.5], [2.0], [5.0]]), net)[:, 0].tolist() == [5, 4, 3.5, 5]
    assert len(net[0][1]) == 2


def test_the_gradient_of_rows_is_the_sum_over_rows():
    rng = np.random.default_rng(0)
    net = mc.course.pattern_net(2)
    x = rng.integers(0, 2, (2, 3, 4)) + 0.25
    g = rng.integers(-3, 4, (2, 3, 1)).astype(float)
    x_bar, slopes = mc.course.relu_net_vjp(g, x, net)
    one_by_one = [mc.course.relu_net_vjp(g[i], x[i], net) for i in range(2)]
    assert (x_bar == np.stack([part[0] for part in one_by_one])).all()
    for i, (weight, bias) in enumerate(slopes):
        assert (weight == sum(part[1][i][0] for part in one_by_one)).all()
        assert (bias == sum(part[1][i][1] for part in one_by_one)).all()


def test_the_proof_that_xor_is_out_of_reach_is_the_symmetric_one():
    assert mc.course.separation(SQUARE, XOR) == ("infeasible", (Fraction(1, 4),) * 4)


def test_points_are_taken_at_their_exact_values():
    """0.1 + 0.2 is not 0.3: in floats there is room for a plane, in decimals there is none."""
    points = np.array([[0.1 + 0.2], [0.3]])
    assert mc.course.separation(points, np.array([True, False]))[0] == "separable"
    decimal = fractions("3/10", "3/10")[:, None]
    assert mc.course.separation(decimal, np.array([True, False]))[0] == "infeasible"


@pytest.mark.parametrize("points", [SQUARE, SQUARE.astype(float), SQUARE[:, :0], SQUARE.tolist()])
@pytest.mark.parametrize("labels", [XOR, ~XOR, SQUARE[:, 0] == 0, XOR | True])
def test_every_number_of_an_answer_is_a_fraction(points, labels):
    kind, found = mc.course.separation(points, labels)
    numbers = found if kind == "infeasible" else (*found[0], found[1])
    assert all(type(v) is Fraction for v in numbers)
    assert mc.course.check_separation(points, labels, (kind, found))


def test_whole_numbers_beside_a_float_are_not_rounded():
    """As one float64 array, both points would be (2^60, 0.5)."""
    points, labels = [[2**60, 0.5], [2**60 + 1, 0.5]], np.array([False, True])
    answer = mc.course.separation(points, labels)
    assert answer[0] == "separable"
    assert mc.course.check_separation(points, labels, answer)


def test_degenerate_points_do_not_send_the_simplex_in_circles():
    """Found by search: if the highest index leaves in place of the lowest, the same bases return for ever."""
    points = [
        [1, -1, -1, 0], [0, 1, 1, 0], [-1, 0, 3, 0], [-1, -2, -2, -1], [-1, 2, 1, -2], [1, 3, 3, 3], [1, 1, 0, 3],
        [-2, -1, -3, 2], [2, -3, 3, 3],
    ]  # fmt: skip
    labels = np.array([False, True, False, False, True, True, False, True, True])
    assert mc.course.check_separation(points, labels, mc.course.separation(points, labels))


@pytest.mark.parametrize("seed", range(5))
def test_the_simplex_agrees_with_another_solver(seed):
    linprog = pytest.importorskip("scipy.optimize").linprog
    rng = np.random.default_rng(seed)
    for _ in range(20):
        n, d = rng.integers(1, 12), rng.integers(1, 5)
        points, labels = rng.integers(-2, 3, (n, d)), rng.random(n) < 0.5
        signed = np.c_[points, np.ones(n)] * np.where(labels, 1, -1)[:, None]
        found = linprog(np.zeros(d + 1), A_ub=-signed, b_ub=-np.ones(n), bounds=[(None, None)] * (d + 1))
        assert (mc.course.separation(points, labels)[0] == "separable") == (found.status == 0)


@pytest.mark.parametrize(
    "answer",
    [
        ("separable", ((Fraction(1),), Fraction(0))),
        ("separable", ((Fraction(0), Fraction(0)), Fraction(0))),
        ("infeasible", (Fraction(0),) * 4),
        ("infeasible", (Fraction(1, 4),) * 3),
        ("infeasible", (Fraction(-1, 4),) * 4),
        ("infeasible", (Fraction(1, 2), Fraction(1, 2), Fraction(0), Fraction(0))),
    ],
)
def test_what_proves_nothing_is_not_accepted(answer):
    assert not mc.course.check_separation(SQUARE, XOR, answer)


@pytest.mark.parametrize("bias", [-1, 1])
def test_a_plane_with_everything_on_one_side_separates_nothing(bias):
    assert not mc.course.check_separation([[0], [1]], np.array([False, True]), ("separable", ((0,), bias)))


def test_a_negative_multiplier_proves_nothing():
    """−1 of the point 0 and 2 of the point 1 are one of the point 2, which lies beyond both."""
    points, labels = [[0], [1], [2]], np.array([True, True, False])
    assert mc.course.separation(points, labels)[0] == "separable"
    assert not mc.course.check_separation(points, labels, ("infeasible", (-1, 2, 1)))


def test_multipliers_of_one_kind_prove_nothing():
    """Σ λ y (x, 1) = 0 needs both kinds: nothing but zeros weighs nothing."""
    assert not mc.course.check_separation(SQUARE, XOR | True, ("infeasible", (Fraction(1, 4),) * 4))
    assert not mc.course.check_separation(SQUARE, XOR | True, ("infeasible", (Fraction(0),) * 4))


def test_an_answer_in_floats_is_taken_at_its_exact_values():
    points, labels = np.zeros((3, 1)), np.array([True, True, False])
    assert mc.course.check_separation(points, labels, ("infeasible", (0.25, 0.25, 0.5)))
    assert not mc.course.check_separation(
        points, labels, ("infeasible", (1e16, 1.0, 1e16))
    )  # in floats 1e16 + 1 is 1e16
    tenth = fractions("1/10", "2/10")[:, None]
    labels = np.array([False, True])
    assert mc.course.check_separation(tenth, labels, ("separable", ((1.0,), -0.15)))
    # 0.1 is a little more than 1/10, so the first point lies below and is on its side; 0.2 is more than 2/10, too.
    assert mc.course.check_separation(tenth, labels, ("separable", ((1.0,), -0.1)))
    assert not mc.course.check_separation(tenth, labels, ("separable", ((1.0,), -0.2)))


LAYER = (np.ones((2, 2)), np.zeros(2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mc.course.relu_net(np.ones(2), []), ValueError, "at least one pair"),
        (lambda: mc.course.relu_net(np.ones(3), [LAYER]), ValueError, r"\(2, 2\), got \(3,\)"),
        (lambda: mc.course.relu_net([1, 2], [LAYER]), TypeError, "`x` must be an array of floats"),
        (lambda: mc.course.relu_net_vjp(np.ones(3), np.ones(2), [LAYER]), ValueError, r"\(2,\), got \(3,\)"),
        (lambda: mc.course.interpolating_net([0.0], [1.0]), ValueError, r"n ≥ 2, got \(1,\) and \(1,\)"),
        (lambda: mc.course.interpolating_net([0.0, 1.0], [1.0]), ValueError, r"\(2,\) and \(1,\)"),
        (lambda: mc.course.interpolating_net([0.0, 0.0], [1.0, 2.0]), ValueError, "must ascend"),
        (lambda: mc.course.tent_net(0), ValueError, "got 0"),
        (lambda: mc.course.line_net(0), ValueError, "got 0"),
        (lambda: mc.course.square_net(1), ValueError, "got 1"),
        (lambda: mc.course.count_pieces([0.0], [1.0]), ValueError, r"got \(1,\) and \(1,\)"),
        (lambda: mc.course.count_pieces([0, 1], [0.0, 1.0]), TypeError, "`x`"),
        (lambda: mc.course.count_pieces([0.0, 1.0, 1.0], [0.0, 1.0, 2.0]), ValueError, "`x` must ascend"),
        (lambda: mc.course.separation(SQUARE, [0, 1, 1, 0]), TypeError, "`labels` must be an array of bools"),
        (lambda: mc.course.separation(SQUARE, XOR[:3]), ValueError, r"\(4, 2\) and \(3,\)"),
        (lambda: mc.course.separation(SQUARE[:0], XOR[:0]), ValueError, r"n ≥ 1"),
        (lambda: mc.course.separation(SQUARE + np.inf, XOR), ValueError, "finite numbers"),
        (lambda: mc.course.separation(SQUARE + np.nan, XOR), ValueError, "finite numbers"),
        (lambda: mc.course.check_separation(SQUARE, XOR, ("perhaps", ())), ValueError, "got 'perhaps'"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
