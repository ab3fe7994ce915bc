"""`check_vjp`: right derivatives are never refuted, wrong ones are, and what cannot be told is not."""

import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import check_vjp
from mathcore.verify.oracle.differences import extrapolated_difference


def on_floats(function):
    """The same function, which dual numbers do not get through."""
    return lambda *arrays: function(*(x if x.dtype != object else x.astype(np.float64) for x in arrays))


def net_of(rng, dtype, units=60):
    """A ReLU network with kinks close to each other, and its derivative."""
    weight, bias, out = (rng.normal(size=shape).astype(dtype) for shape in ((4, units), units, units))

    def net(x):
        return np.maximum(x @ weight + bias, 0) @ out

    return net, lambda g, x: ((g[:, None] * out) * (x @ weight + bias > 0)) @ weight.T


def looked_up_vjp(g, weight, ids):
    back = np.zeros_like(weight)
    np.add.at(back, ids, g)
    return back, None


def cases(seed, dtype):
    """Functions with their right derivatives, and inputs."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(2, 4)) * 2.0 ** rng.integers(-12, 4)).astype(dtype)
    q, k, v = ((rng.normal(size=(3, 2)) * 2.0 ** rng.integers(-3, 2)).astype(dtype) for _ in range(3))
    net, net_vjp = net_of(rng, dtype)
    small = np.clip(x, -4, 4)
    return {
        "softmax": (mc.softmax, mc.softmax_vjp, [x]),
        "relu": (mc.relu, mc.relu_vjp, [x]),
        "rms_norm": (mc.rms_norm, mc.rms_norm_vjp, [x, np.linspace(1, 2, 4).astype(dtype)]),
        "attention": (mc.scaled_dot_product_attention, mc.scaled_dot_product_attention_vjp, [q, k, v]),
        "net": (net, net_vjp, [rng.normal(size=(1, 4)).astype(dtype)]),
        "embedding": (lambda w, ids: w[ids], looked_up_vjp, [x, np.array([1, 0, 1])]),
        "oscillating": (lambda x: np.sin(x * x), lambda g, x: 2 * x * g * np.cos(x * x), [small]),
        "steep": (lambda x: np.exp(3 * x), lambda g, x: 3 * g * np.exp(3 * x), [small]),
        "constant": (lambda x: np.ones(2, dtype) + 0 * x[0, :2], lambda g, x: 0 * x, [x]),
    }


@pytest.mark.parametrize("name", cases(0, np.float64))
def test_a_right_derivative_is_never_refuted(name):
    for seed in range(6):
        for dtype in (np.float64, np.float32):
            f, f_vjp, inputs = cases(seed, dtype)[name]
            for function in (f, on_floats(f)):
                found = check_vjp(function, f_vjp, inputs, seed=seed)
                assert found.outcome != "differs", found
                assert found or dtype == np.float32 or name == "net", found  # rounding drowns some, kinks hide some


def by(factor, f_vjp):
    """A derivative that is off by a factor in what it returns first."""

    def wrong(*arrays):
        back = f_vjp(*arrays)
        first, *rest = back if isinstance(back, tuple) else (back,)
        return (first * first.dtype.type(factor), *rest)

    return wrong


@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 1.01, 1 + 1e-6])
@pytest.mark.parametrize("name", ["softmax", "rms_norm", "attention", "embedding", "steep"])
def test_a_wrong_derivative_is_refuted(name, factor):
    f, f_vjp, inputs = cases(1, np.float64)[name]
    for function in (f, on_floats(f)):
        found = check_vjp(function, by(factor, f_vjp), inputs)
        assert (found.outcome, found.input) == ("differs", 0), found
        assert found.error > found.allowance


def test_one_per_cent_is_seen_in_float32():
    f, f_vjp, inputs = cases(1, np.float32)["rms_norm"]
    assert check_vjp(on_floats(f), by(1.01, f_vjp), inputs).outcome == "differs"


def test_the_numbers_are_those_of_the_worst_element():
    x = np.array([1.0, -2.0, 3.0])
    found = check_vjp(lambda x: x**2, lambda g, x: 2 * g * x + [0, 0, 1], [x], cotangent=np.ones(3))
    assert (found.index, found.vjp, found.derivative, found.error) == ((2,), 7.0, 6.0, pytest.approx(1.0))
    assert (found.checked, found.elements, found.hidden, found.how) == (3, 3, 0, "dual numbers")
    assert str(found).startswith("differs: at inputs[0][2] the VJP is 7, the derivative 6, error 1, allowed")


def test_a_kink_is_not_judged():
    relu, x = on_floats(lambda x: np.maximum(x, 0)), np.array([0.0, 2e-4, 3.0, -1.0])
    for slope in (0.0, 0.5, 1.0):
        found = check_vjp(relu, lambda g, x, slope=slope: g * np.where(abs(x) < 0.1, slope, x > 0), [x])
        assert (found.outcome, found.hidden) == ("agrees", 2)
    assert check_vjp(relu, lambda g, x: g * (x > 0), [np.zeros(2)]).outcome == "inconclusive"
    assert check_vjp(relu, lambda g, x: g * (x > 5), [x]).outcome == "differs"


def off_by(f, sides, h=2.0**-10):
    """How far the extrapolated slope of f at 0 is from the nearer of some, and what is allowed."""
    slopes = [(f(k * h) - f(-k * h)) / (2 * k * h) for k in (1, 2, 4)]
    bends = [f(k * h) - 2 * f(0.0) + f(-k * h) for k in (1, 2)]
    found = (4 * slopes[0] - slopes[1]) / 3
    return min(abs(found - side) for side in sides), float(
        extrapolated_difference(slopes, bends, 2.0**-52 * h, h).values
    )


@pytest.mark.parametrize("place", np.linspace(-4.5, 4.5, 91) * 2.0**-10)
def test_the_bound_covers_a_kink_and_a_jump_wherever_it_lies(place):
    error, allowed = off_by(lambda t: max(t - place, 0.0), [place < 0] if place else [0, 1])
    assert error <= allowed
    error, allowed = off_by(lambda t: float(t > place), [0])
    assert error <= allowed


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (lambda g, x, w: x, "returned 1 arrays for 2 floating inputs"),
        (lambda g, x, w: (x, None), "returned None for inputs[1] of shape (2,)"),
        (lambda g, x, w: (x[:1], w), "returned the shape (1,) for inputs[0] of shape (2,)"),
    ],
)
def test_what_is_no_derivative_of_the_inputs_differs(back, said):
    found = check_vjp(lambda x, w: x * w, back, [np.ones(2), np.ones(2)])
    assert found.outcome == "differs"
    assert said in str(found)


def test_nan_differs():
    assert check_vjp(lambda x: x * x, lambda g, x: g * np.nan, [np.ones(2)]).outcome == "differs"


def test_a_slope_that_rounding_drowns_is_not_judged():
    drowned = on_floats(lambda x: 1.0 + 1e-20 * x)
    assert check_vjp(drowned, lambda g, x: 1e-20 * g, [np.ones(2)]).outcome == "inconclusive"
    assert check_vjp(drowned, lambda g, x: 1e-3 * g, [np.ones(2)]).outcome == "differs"


def test_of_many_elements_some_are_compared():
    found = check_vjp(lambda x: x * x, lambda g, x: 2 * g * x, [np.linspace(1, 2, 90)], most=20)
    assert (found.outcome, found.checked, found.elements) == ("agrees", 20, 90)


def test_functions_that_write_into_their_arguments_spoil_nothing():
    def f(x):
        x *= 2
        return x * 1.0

    assert check_vjp(f, lambda g, x: g * 2, [np.ones(3)])


@pytest.mark.parametrize(
    ("f", "inputs", "options", "error", "said"),
    [
        (
            lambda x: x,
            [np.ones(2, np.float16)],
            {},
            TypeError,
            "must be of float64, float32 or integers, got float16 at 0",
        ),
        (lambda x: x, [np.ones(2, int)], {}, TypeError, "one of `inputs` must be an array of float64 or float32"),
        (lambda x: (x, x), [np.ones(2)], {}, TypeError, "must return one array of float64 or float32, got tuple"),
        (lambda x: x.astype(int), [np.ones(2)], {}, TypeError, "float32, got int64"),
        (lambda x: x, [np.array([1.0, np.inf])], {}, ValueError, "`inputs` must be finite, got inf at 0"),
        (lambda x: x * np.nan, [np.ones(2)], {}, ValueError, "what `f` returns at `inputs` must be finite"),
        (lambda x: x, [np.ones(2)], {"cotangent": np.ones(3)}, ValueError, r"`f` returns, \(2,\), got \(3,\)"),
    ],
)
def test_a_bad_call_says_what_was_expected(f, inputs, options, error, said):
    with pytest.raises(error, match=said):
        check_vjp(f, lambda g, x: g, inputs, **options)


def test_on_tensors():
    torch = pytest.importorskip("torch")

    def pull(g, x):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(torch.nn.functional.silu(x), x, g)

    x = np.array([1.0, -2.0, 0.25])
    assert check_vjp(torch.nn.functional.silu, pull, [x], adapter="torch")
    wrong = check_vjp(torch.nn.functional.silu, lambda g, x: g * torch.sigmoid(x), [x], adapter="torch")
    assert (wrong.outcome, wrong.how) == ("differs", "differences")
