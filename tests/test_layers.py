"""What the claims about layers do not say: dtypes, special values, empty shapes, exact arithmetic, and refusals."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

import mathcore as mc
from mathcore.normalisation.layer_norm_tolerances import layer_norm_vjp_rounding
from mathcore.normalisation.rms_norm_tolerances import rms_norm_vjp_rounding
from mathcore.verify.oracle.matrices import score_table_rounding

FLOATS = ["float16", "float32", "float64", ml_dtypes.bfloat16]
INF, NAN = np.inf, np.nan


def largest(dtype):
    return ml_dtypes.finfo(dtype).max


def same_floats(got, expected):
    """Equal numbers, equal signs of zeros, NaN where NaN is expected."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    return np.array_equal(got, expected, equal_nan=True) and np.array_equal(
        np.signbit(got[got == 0]), np.signbit(expected[expected == 0])
    )


def fractions(*values):
    return np.array([Fraction(v) for v in values], dtype=object)


def all_fractions(*arrays):
    return all(type(v) is Fraction for array in arrays for v in np.ravel(array))


# linear


def test_a_row_and_a_stack_of_rows_meet_the_same_matrix():
    x, weight, bias = np.arange(24.0).reshape(2, 3, 4), np.arange(20.0).reshape(4, 5), np.arange(5.0)
    y = mc.linear(x, weight, bias)
    assert y.shape == (2, 3, 5)
    assert (mc.linear(x[1, 2], weight, bias) == y[1, 2]).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_float_comes_back_as_it_went_in(dtype):
    x, weight, bias = np.ones((2, 3), dtype), np.ones((3, 4), dtype), np.ones(4, dtype)
    y = mc.linear(x, weight, bias)
    assert (y == 4).all()
    assert {a.dtype for a in (y, *mc.linear_vjp(y, x, weight, bias))} == {np.dtype(dtype)}


def test_formats_that_differ_promote_as_numpy_does():
    x, weight, bias = np.ones((2, 3), "float16"), np.ones((3, 4), "float32"), np.ones(4, "float64")
    assert mc.linear(x, weight).dtype == np.float32
    assert mc.linear(x, weight, bias).dtype == np.float64
    bars = mc.linear_vjp(np.ones((2, 4)), x, weight, bias)
    assert [a.dtype for a in bars] == [x.dtype, weight.dtype, bias.dtype]


def test_half_precision_is_rounded_once():
    """2048 + 1 + 1 is 2050 in float16, but 2048 + 1 rounds back to 2048: so do the bias and every sum of a gradient."""
    one, two = np.ones((2, 1), np.float16), np.array([[2048, 1]], np.float16)
    assert mc.linear(two, one, np.ones(1, np.float16)) == 2050
    _, weight_bar, bias_bar = mc.linear_vjp(
        np.array([[2048], [1], [1]], np.float16), np.ones((3, 1), np.float16), np.ones((1, 1), np.float16), [0.0]
    )
    assert weight_bar == 2050
    assert bias_bar == 2050


@pytest.mark.parametrize("dtype", FLOATS)
def test_overflow_is_infinite_and_what_has_no_value_is_nan_without_a_warning(dtype):
    most = np.full((1, 2), largest(dtype), dtype)
    assert mc.linear(most, np.ones((2, 1), dtype)) == INF
    assert np.isnan(mc.linear(np.array([[INF, -INF]], dtype), np.ones((2, 1), dtype)))
    assert np.isnan(mc.linear(np.array([[INF, 1]], dtype), np.ones((2, 1), dtype), np.array([-INF], dtype)))
    bars = mc.linear_vjp(np.concatenate([most, most]), np.full((2, 1), 2, dtype), most, np.zeros(2, dtype))
    assert all((bar == INF).all() for bar in bars)


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [((0,), 3, 2), ((4,), 0, 2), ((2, 3), 4, 0), ((), 0, 0)])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_empty_shapes_give_what_empty_sums_are(rows, inputs, outputs, dtype):
    x, weight, bias = np.ones((*rows, inputs), dtype), np.ones((inputs, outputs), dtype), np.ones(outputs, dtype)
    y = mc.linear(x, weight, bias)
    assert y.shape == (*rows, outputs)
    assert (y == 1 + inputs).all()
    x_bar, weight_bar, bias_bar = mc.linear_vjp(y, x, weight, bias)
    assert x_bar.shape == x.shape
    assert (x_bar == 0).all() if outputs == 0 else (x_bar == outputs).all()
    assert weight_bar.shape == weight.shape
    assert not weight_bar.any()
    assert (bias_bar == np.prod(rows, dtype=int)).all()


def test_layers_and_their_gradients_are_exact_on_fractions():
    x, weight, bias = fractions("1/3", "1/7"), fractions(3, 1, "1/2", 7).reshape(2, 2), fractions("1/10", "1/5")
    y = mc.linear(x, weight, bias)
    assert y.tolist() == [1 + Fraction(1, 14) + Fraction(1, 10), Fraction(1, 3) + 1 + Fraction(1, 5)]
    assert all_fractions(y, *mc.linear_vjp(y, x, weight, bias))


def test_nothing_is_written_into_the_arguments():
    x, weight, bias = np.ones((2, 3)), np.ones((3, 2)), np.ones(2)
    for array in (x, weight, bias):
        array.flags.writeable = False
    y = mc.linear(x, weight, bias)
    y += 1
    mc.relu_vjp(mc.relu(y), y)
    mc.linear_vjp(y, x, weight, bias)
    mc.low_rank(weight, 1)


# relu

SPECIAL = [-INF, -1.0, -0.0, 0.0, 1.0, INF, NAN]


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_of_special_values(dtype):
    y = mc.relu(np.array(SPECIAL, dtype))
    assert y.dtype == dtype
    assert same_floats(y, [0.0, 0.0, 0.0, 0.0, 1.0, INF, NAN])


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_keeps_the_smallest_positive_numbers(dtype):
    """Where subnormals are flushed to zero, bits of what is positive are lost."""
    smallest = np.array([ml_dtypes.finfo(dtype).smallest_subnormal], dtype)
    assert (mc.relu(smallest) == smallest).all()
    assert (mc.relu(-smallest) == 0).all()
    assert (mc.relu_vjp(np.ones(2, dtype), np.concatenate([smallest, -smallest])) == [1, 0]).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cotangent", [INF, -INF, NAN, -3.0, 0.0])
def test_the_gradient_is_the_cotangent_or_exactly_zero(dtype, cotangent):
    x = np.array(SPECIAL, dtype)
    x_bar = mc.relu_vjp(np.full(len(x), cotangent, dtype), x)
    assert x_bar.dtype == dtype
    assert same_floats(x_bar, [0.0, 0.0, 0.0, 0.0, cotangent, cotangent, NAN])


@pytest.mark.parametrize("pair", [("float16", "float64"), ("float64", "float16"), ("float16", ml_dtypes.bfloat16)])
def test_the_gradient_has_the_format_of_the_cotangent(pair):
    x_bar = mc.relu_vjp(np.array([2, 2, 2], pair[0]), np.array([1, -1, NAN], pair[1]))
    assert x_bar.dtype == pair[0]
    assert same_floats(x_bar, [2, 0, NAN])


def test_relu_of_fractions_holds_fractions():
    """An int in place of a Fraction would turn into a float as soon as it is divided."""
    x = fractions("-1/3", 0, "2/3")
    assert mc.relu(x).tolist() == [0, 0, Fraction(2, 3)]
    x_bar = mc.relu_vjp(fractions("1/7", "1/7", "1/7"), x)
    assert x_bar.tolist() == [0, 0, Fraction(1, 7)]
    assert all_fractions(mc.relu(x), x_bar, mc.relu_vjp(x, np.array([-1.0, 0.0, 1.0])))
    assert mc.relu(np.array([-3, 2], dtype=object)).tolist() == [0, 2]


def test_relu_has_no_width_to_mind():
    assert mc.relu(-1.5) == 0
    assert mc.relu(np.empty((0, 3), np.float32)).shape == (0, 3)
    assert mc.relu_vjp(np.empty((0, 3)), np.empty((0, 3), np.float32)).shape == (0, 3)


# low_rank


def test_a_diagonal_matrix_keeps_its_largest_entries():
    weight = np.diag([1.0, 16.0, 4.0])
    left, right = mc.low_rank(weight, 2)
    assert left.shape == (3, 2)
    assert right.shape == (2, 3)
    allowed = score_table_rounding(weight, 2, "float64").values
    assert (abs(left @ right - np.diag([0.0, 16.0, 4.0])) <= allowed).all()
    # Each factor carries the root of every singular value.
    assert (abs(left.T @ left - np.diag([16.0, 4.0])) <= allowed).all()
    assert (abs(right @ right.T - np.diag([16.0, 4.0])) <= allowed).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_factors_have_the_format_of_the_weight(dtype, shape):
    weight = np.outer(np.arange(1, shape[0] + 1), np.arange(1, shape[1] + 1)).astype(dtype)  # of rank 1
    left, right = mc.low_rank(weight, 1)
    assert left.dtype == right.dtype == dtype
    error = abs(left.astype(np.float64) @ right.astype(np.float64) - weight.astype(np.float64))
    assert (error <= score_table_rounding(weight, 1, dtype).values).all()


# normalisations


@pytest.mark.parametrize("power", [-1070, -600, 600, 1020])
def test_no_square_of_an_l2_norm_leaves_the_range(power):
    x, g = np.array([3.0, -4.0]) * 2.0**power, np.array([5.0, 10.0])
    assert np.array_equal(mc.l2_norm(x, epsilon=0.0), [3 / 5, -4 / 5])
    turned = mc.l2_norm_vjp(g, x, epsilon=0.0)  # (g + u) / 5, times 2^-power
    with np.errstate(over="ignore"):
        expected = np.ldexp(np.array([8.0, 6.0]) / 5, -power)
    assert np.allclose(turned, expected, rtol=8 * np.finfo(float).eps, atol=2.0**-1073)


def test_a_short_vector_is_divided_by_epsilon_even_if_its_scale_is_out_of_range():
    x = np.array([3.0, -4.0]) * 2.0**-1070
    assert np.array_equal(mc.l2_norm(x), x / 1e-12)
    assert np.array_equal(mc.l2_norm_vjp([1.0, 2.0], x), np.array([1.0, 2.0]) / 1e-12)


@pytest.mark.parametrize("dtype", FLOATS)
def test_l2_norm_of_strange_vectors(dtype):
    x = np.array([[NAN, 1], [INF, 1], [0, 0], [1, 0]], dtype)
    y = mc.l2_norm(x)
    assert y.dtype == dtype
    assert same_floats(y, [[NAN, NAN], [NAN, 0], [0, 0], [1, 0]])


@pytest.mark.parametrize("centred", [True, False], ids=["layer_norm", "rms_norm"])
def test_a_derivative_step_by_step_is_within_its_bound_where_numbers_underflow(centred):
    bound, rng = layer_norm_vjp_rounding if centred else rms_norm_vjp_rounding, np.random.default_rng(0)

    def pulled(g, x, w):
        """As a framework differentiates: of the sum, of the root, of the mean, of the square."""
        n = x.dtype.type(x.size)
        c = x - x.mean() if centred else x
        s = 1 / np.sqrt((c * c).mean())
        h = g * w
        of_mean = -(h * c).sum() / 2 * (s * s * s) / n
        of_c = h * s + 2 * c * of_mean
        return of_c - of_c.mean() if centred else of_c

    for size, weight in ((2e9, 4e-22), (1e-9, 1e-36), (1e-4, 1e-40), (1e6, 1e-34), (1e14, 1e-3), (1.0, 1.0)):
        for _ in range(20):
            g, x, w = (rng.normal(size=5) * [[1.0], [size], [weight]]).astype(np.float32)
            true = pulled(*(v.astype(np.float64) for v in (g, x, w)))
            assert (abs(pulled(g, x, w) - true) <= bound(g, x, w, g.dtype, 0.0).values).all()


# refusals

X, W, B = np.ones((4, 3)), np.ones((3, 2)), np.ones(2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mc.linear(X.astype(int), W), TypeError, "`x` must be an array of floats, got dtype int64"),
        (lambda: mc.linear(X, W > 0), TypeError, "`weight` must be an array of floats, got dtype bool"),
        (lambda: mc.linear(X, W, [0, 1]), TypeError, "`bias` must be an array of floats"),
        (lambda: mc.linear(X + 0j, W), TypeError, "`x` must be an array of floats, got dtype complex128"),
        (lambda: mc.linear(X, W.T), ValueError, r"`x` must have a last axis of 2, .* \(2, 3\), got \(4, 3\)"),
        (lambda: mc.linear(1.0, W), ValueError, r"`x` must have a last axis of 3, .* got \(\)"),
        (lambda: mc.linear(X, W[:, 0]), ValueError, r"`weight` must have shape \(inputs, outputs\), got \(3,\)"),
        (lambda: mc.linear(X, W[None]), ValueError, r"\(inputs, outputs\), got \(1, 3, 2\)"),
        (lambda: mc.linear(X, W, B[:1]), ValueError, r"`bias` must have shape \(outputs,\) = \(2,\), got \(1,\)"),
        (lambda: mc.linear(X, W, 1.0), ValueError, r"`bias` .* got \(\)"),
        (lambda: mc.linear_vjp(X, X, W), ValueError, r"the output \(4, 2\), got \(4, 3\)"),
        (lambda: mc.linear_vjp(X[:, :2], X, W, np.ones(5)), ValueError, r"`bias` .* got \(5,\)"),
        (lambda: mc.linear_vjp([[1, 1]], X[:1], W), TypeError, "`cotangent` must be an array of floats"),
        (lambda: mc.relu([1, 2]), TypeError, "`x` must be an array of floats"),
        (lambda: mc.relu_vjp(X[0], X), ValueError, r"shape of x \(4, 3\), got \(3,\)"),
        (lambda: mc.relu_vjp([1], [1.0]), TypeError, "`cotangent`"),
        (lambda: mc.low_rank(W, 3), ValueError, r"`rank` must lie in \[1, 2\] .* \(3, 2\), got 3"),
        (lambda: mc.low_rank(W, 0), ValueError, "got 0"),
        (lambda: mc.low_rank(W, 1.0), TypeError, "integer, got 1.0"),
        (lambda: mc.low_rank(B, 1), ValueError, r"\(inputs, outputs\), got \(2,\)"),
        (lambda: mc.low_rank(W * NAN, 1), ValueError, "`weight` must be finite"),
        (lambda: mc.low_rank(W * INF, 1), ValueError, "`weight` must be finite"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
