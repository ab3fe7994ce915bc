"""What must be true of approximating any function: FAQ 11."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.approximation import approximation_mutants as wrong
from mathcore.approximation import approximation_tolerances as tol
from mathcore.verify import Allowance, Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_integers, fixed_generators, log_uniform, seeds
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.relations import all_of, at_least, equal, less

LeshnoEtAl = "Leshno, Lin, Pinkus & Schocken, Neural Networks 6 (1993), doi:10.1016/S0893-6080(05)80131-5"


@dataclass(frozen=True)
class Family:
    """A continuous function, and how far a broken line with gaps h may be off.

    Attributes:
        f: runs on floats and on Arb balls.
        allowed: of the gap around each place.
    """

    f: Callable[[Any], Any]
    allowed: Callable[[Any], Allowance]


@domain
def curves(draw: Draw, target: Target) -> dict[str, Any]:
    """Unevenly spaced knots, points between them, and a function that is hard to interpolate somewhere.

    The last two climb in steep stairs, and back down at a spike: their moduli of continuity are not concave.
    """
    gaps = np.array(draw(st.lists(log_uniform(2.0**-6, 1.0), min_size=1, max_size=12)))
    knots = np.r_[0.0, np.cumsum(gaps)] + draw(st.floats(-3, 3))
    middle = (knots[:-1] + knots[1:]) / 2  # where a broken line is worst
    shares = draw(seeds()).random((len(gaps), 2))
    size, kink = draw(log_uniform(2.0**-4, 2.0**4)), draw(st.sampled_from(middle.tolist()))
    family = draw(
        st.sampled_from(
            [
                Family(lambda x: size * abs(x - kink), lambda h: tol.broken_line(size * h / 2)),
                Family(lambda x: np.sqrt(abs(x - kink)), lambda h: tol.broken_line(np.sqrt(h / 2))),
                Family(lambda x: np.sin(size * x), lambda h: tol.broken_line_of_smooth(size**2, h)),
                Family(lambda x: size * x * x, lambda h: tol.broken_line_of_smooth(2 * size, h)),
                Family(lambda x: stairs(x - kink, size), lambda h: tol.broken_line_of_any(stairs(h, size))),
                Family(
                    lambda x: stairs(x - kink, size) - 2 * stairs(x - kink - 2.0**-9 * size, size),
                    lambda h: tol.broken_line_of_any(3 * stairs(h, size)),
                ),
            ]
        )
    )
    return {"knots": knots, "shares": shares, "family": family}


def stairs(x: Any, length: float) -> Any:
    """Steps of that length and of height 1, each climbed in its first 256th; for x ≥ 0 its own modulus."""
    turns = x / length
    steps = np.floor(turns)
    rest = (turns - steps) * 256
    return steps + np.where(np.asarray(rest < 1, bool), rest, rest * 0 + 1)


@domain
def broken_lines(draw: Draw, target: Target) -> dict[str, Any]:
    """Knots and values on which arithmetic is exact: gaps are powers of two, so that slopes are exact, too."""
    n = draw(st.integers(2, 8))
    gaps, values = 2 ** (abs(draw_integers(draw, (n,), 3)) % 4), draw_integers(draw, (n,), 9)
    unit: Any = 1.0
    if target.exact and draw(st.booleans()):
        unit = Fraction(1, draw(st.sampled_from([3, 7])))
    return {"gaps": gaps * unit, "start": draw(st.integers(-20, 20)) * unit, "values": values * unit}


relu_net_fits_any_continuous = Claim(
    "approximation.relu_net_fits_any_continuous",
    faq=11,
    statement="A net with one hidden layer passes through any n ≥ 2 points of a continuous function f of one variable, "
    "and between them, up to rounding, comes as close to f as one likes if the gaps h between them are short enough.",
    formula=r"|f(x) - \hat f(x)| \le \omega_f(h), \qquad \le \tfrac12 L h \text{ if } f \text{ is } "
    r"L\text{-Lipschitz}, \qquad \le \tfrac18 M h^2 \text{ if } |f''| \le M",
    source=LeshnoEtAl,
    needs=("interpolating_net", "relu_net"),
    legend={
        "f": "the function, and with a hat the net", "ω": "how much f changes at most over a length",
        "L": "how much f changes at most a unit", "M": "a bound on the second derivative of f",
    },
    limits=Limits(
        formats=SHORT_FORMATS,
        rows=1,
        width=12,
        also=("six kinds of functions", "up to 13 points", "gaps from 1/64 to 1", "in float64"),
    ),
    tolerances=(tol.broken_line, tol.broken_line_of_any, tol.broken_line_of_smooth, tol.broken_line_rounding),
    refuted_by=(
        wrong.slopes_for_bends, wrong.starts_at_zero, wrong.bends_too_late, wrong.nothing_between, wrong.leaky,
        wrong.relu_after_the_last, wrong.last_bias_forgotten,
    ),
)  # fmt: skip


@relu_net_fits_any_continuous.exact(broken_lines())
def net_interpolates_exactly(ops: Operations, gaps: Any, start: Any, values: Any) -> Any:
    knots = np.cumsum(abs(gaps)) + start
    net = ops.interpolating_net(knots, values)
    middle = (knots[:-1] + knots[1:]) / 2
    return all_of(
        equal(ops.relu_net(knots[:, None], net)[:, 0], values),
        equal(ops.relu_net(middle[:, None], net)[:, 0], (values[:-1] + values[1:]) / 2),
    )


@relu_net_fits_any_continuous.property(curves())
def net_is_within_the_modulus_of_continuity(ops: Operations, knots: Any, shares: Any, family: Family) -> Any:
    knots = np.unique(knots)
    values, gaps = enclose(family.f, knots).hi, np.diff(knots)
    inside = np.c_[np.full(len(gaps), 0.5), abs(shares[: len(gaps)]) % 1]  # three points in each
    x = np.minimum(knots[:-1, None] + inside * gaps[:, None], knots[1:, None]).ravel()
    gap = np.repeat(gaps, 3)
    allowed = family.allowed(gap) + tol.broken_line_rounding(x, knots, values)
    net = ops.interpolating_net(knots, values)
    return equal(ops.relu_net(x[:, None], net)[:, 0], enclose(family.f, x), within=allowed)


linear_cannot = Claim(
    "approximation.linear_cannot",
    faq=11,
    statement="A layer alone misses x² on [−1, 1] by at least 1/2 somewhere, whatever its weights; the constant "
    "1/2 does no worse.",
    formula=r"\min_{w, b} \max_{|x| \le 1} |x^2 - (wx + b)| = \tfrac12",
    legend={"w": "the weight", "b": "the bias"},
    source="Chebyshev's alternation: Cheney, Introduction to Approximation Theory (1966), chapter 3",
    needs=("linear",),
    limits=Limits(rows=3, width=1),
    refuted_by=(wrong.folded, wrong.squared_inputs),
)


ENDS_AND_MIDDLE = np.array([[-1.0], [0.0], [1.0]])


@linear_cannot.proof
def no_layer_beats_one_half(ops: Operations) -> Any:
    # The combination y(−1) − 2 y(0) + y(1) is 0 for both functions that every layer is made of, and 2 for x². So the
    # errors e combine to 2, while |e(−1) − 2 e(0) + e(1)| ≤ 4 max |e|.
    combine = np.array([1.0, -2.0, 1.0])
    slope, constant = np.array([[1.0]]), np.array([[0.0]])
    identity = ops.linear(ENDS_AND_MIDDLE, slope, np.array([0.0]))[:, 0]
    one = ops.linear(ENDS_AND_MIDDLE, constant, np.array([1.0]))[:, 0]
    best = ENDS_AND_MIDDLE[:, 0] ** 2 - ops.linear(ENDS_AND_MIDDLE, constant, np.array([0.5]))[:, 0]
    return all_of(
        equal([combine @ identity, combine @ one], 0),
        equal(combine @ ENDS_AND_MIDDLE[:, 0] ** 2 / abs(combine).sum(), 0.5),
        equal(best, [0.5, -0.5, 0.5]),  # and 1/2 is reached: the errors are equal and alternate
    )


@domain
def affine_guesses(draw: Draw, target: Target) -> dict[str, Any]:
    """A weight and a bias of any size, many of them near the best."""
    dtype = draw(st.sampled_from(target.dtypes))
    near = draw(st.sampled_from([1.0, 2.0**-10, 2.0**-30, 2.0**-53, 2.0**10, 2.0**100]))
    w, b = draw(st.floats(-2, 2)) * near, 0.5 + draw(st.floats(-1, 1)) * near
    return {"weight": as_dtype([[w]], dtype), "bias": as_dtype([b], dtype)}


@linear_cannot.property(affine_guesses())
def no_drawn_layer_beats_one_half(ops: Operations, weight: Any, bias: Any) -> Any:
    # No allowance: rounding is monotone, so of y(−1) and y(1) one is at most y(0), or y(0) ≥ 1/2, in floats, too.
    x = ENDS_AND_MIDDLE.astype(weight.dtype)
    error = abs(ENDS_AND_MIDDLE[:, 0] ** 2 - ops.linear(x, weight, bias)[:, 0].astype(np.float64))
    return at_least(error.max(), 0.5)


learns_by_trial_and_error = Claim(
    "approximation.learns_by_trial_and_error",
    faq=11,
    statement="From random weights, gradient descent on 33 points of x² finds a net that comes closer to the parabola "
    "on all of [−1, 1] than any layer alone can.",
    formula=r"\theta_{t+1} = \theta_t - \alpha \nabla \tfrac1n \sum_i \big(f_\theta(x_i) - x_i^2\big)^2, \qquad "
    r"\max_{|x| \le 1} |f_\theta(x) - x^2| < \tfrac12",
    verdict="holds_if",
    condition="the net is wide enough, the step short enough and the steps many enough: 32 hidden units, α = 0.1 and "
    "1,000 steps here, in each of ten runs. A net of one unit is monotone and never gets there; a step of 1 "
    "overshoots; the random net that it starts from is farther off.",
    needs=("relu_net", "relu_net_vjp"),
    legend={"θ": "the weights and biases", "f": "the net", "α": "the length of a step"},
    limits=Limits(also=("the seeds 0 to 9",)),
    refuted_by=(wrong.uphill, wrong.nothing_between),
    rests_on=("approximation.linear_cannot",),
)


WIDTH, STEPS, RATE, RUNS = 32, 1000, 0.1, 10


def learned_error(ops: Operations, rng: Any, width: int = WIDTH, steps: int = STEPS, rate: float = RATE) -> float:
    """An upper bound on the error on [−1, 1] of a net that descended from random weights."""
    x = np.linspace(-1, 1, 33)[:, None]
    layers = [
        (rng.choice([-1.0, 1.0], (1, width)), rng.uniform(-1, 1, width)),
        (rng.normal(size=(width, 1)) / np.sqrt(width), np.zeros(1)),
    ]
    for _ in range(steps):
        slope = 2 * (ops.relu_net(x, layers) - x**2) / len(x)
        slopes = ops.relu_net_vjp(slope, x, layers)[1]
        layers = [(w - rate * dw, b - rate * db) for (w, b), (dw, db) in zip(layers, slopes, strict=True)]
    (weight, bias), grid = layers[0], np.linspace(-1, 1, 257)
    kinks = -bias / np.where(weight[0] == 0, 1, weight[0])
    places = np.unique(np.clip(np.r_[grid, kinks], -1, 1))[:, None]
    # Between two of these the net is straight and x² is off its chord by at most h²/4.
    return float(abs(ops.relu_net(places, layers) - places**2).max() + (grid[1] - grid[0]) ** 2 / 4)


@learns_by_trial_and_error.experiment
def descent_beats_any_single_layer(ops: Operations, scale: float) -> Any:
    errors = [learned_error(ops, rng) for rng in fixed_generators(max(1, round(RUNS * scale)))]
    return less(errors, 0.5).measuring(
        largest_error=f"{max(errors):.3f}, the worst of {len(errors)} runs",
        median_error=f"{np.median(errors):.3f}",
        any_single_layer="0.500 at best",
    )


@learns_by_trial_and_error.counterexample(cases=lambda: ({"width": width} for width in (1, 2, 4)))
def narrow_net_beats_any_single_layer(ops: Operations, width: int) -> Any:
    return less(learned_error(ops, np.random.default_rng(0), width=width), 0.5)


@learns_by_trial_and_error.counterexample(cases=lambda: ({"rate": rate} for rate in (0.1, 1.0, 10.0)))
def long_steps_beat_any_single_layer(ops: Operations, rate: float) -> Any:
    return less(learned_error(ops, np.random.default_rng(0), steps=300, rate=rate), 0.5)


@learns_by_trial_and_error.counterexample(cases=lambda: ({"steps": steps} for steps in (1000, 0)))
def few_steps_beat_any_single_layer(ops: Operations, steps: int) -> Any:
    return less(learned_error(ops, np.random.default_rng(0), steps=steps), 0.5)


backprop_is_exact = Claim(
    "approximation.backprop_is_exact",
    statement="The gradient of a net by backpropagation is the derivative: where no unit stands at its kink, moving "
    "the inputs or one layer a little changes the output by what the gradient says, exactly where arithmetic is exact.",
    formula=r"\langle \bar y, f(\theta + \varepsilon v) - f(\theta) \rangle "
    r"= \varepsilon\, \langle \bar\theta, v \rangle",
    legend={
        "θ": "the inputs, or one layer",
        "v": "a move of it",
        "ε": "so small that no unit switches",
    },
    limits=Limits(
        formats=SHORT_FORMATS,
        fixed={"zeros": "no unit stands at its kink", "scale": "numbers with few bits"},
        also=("three layers",),
    ),
    needs=("relu_net", "relu_net_vjp"),
    refuted_by=(wrong.gradient_of_linear, wrong.biases_do_not_learn, wrong.inputs_get_nothing, wrong.uphill),
)


EPSILON = 2.0**-20


@domain
def dyadic_nets(draw: Draw, target: Target) -> dict[str, Any]:
    """A net of three layers in numbers with few bits, whose hidden units are all at least 1/2 away from their kinks."""
    sizes, lead = [draw(st.integers(1, 3)) for _ in range(4)], draw(st.sampled_from([(), (2,), (2, 2), (40,), (3, 9)]))
    if draw(st.integers(0, 3)) == 3:
        sizes[1] = draw(st.integers(4, 40))

    def whole(*shape: int) -> Any:
        return draw_integers(draw, shape, 3).astype(np.float64)

    # Whole weights on whole inputs, even weights on halves: every sum is whole, and the odd half keeps it off zero.
    layers = [
        (whole(m, n) * (1 if i == 0 else 2), whole(n) + 0.5) for i, (m, n) in enumerate(itertools.pairwise(sizes))
    ]
    moves = [(whole(m, n), whole(n)) for m, n in itertools.pairwise(sizes)]
    x, dx = whole(*lead, sizes[0]), whole(*lead, sizes[0])
    return {"x": x, "dx": dx, "layers": layers, "moves": moves, "cotangent": whole(*lead, sizes[-1])}


@backprop_is_exact.exact(dyadic_nets())
def vjp_is_the_exact_derivative(ops: Operations, x: Any, dx: Any, layers: Any, moves: Any, cotangent: Any) -> Any:
    x_bar, slopes = ops.relu_net_vjp(cotangent, x, layers)
    before = ops.relu_net(x, layers)
    changed = [(cotangent * (ops.relu_net(x + EPSILON * dx, layers) - before)).sum() / EPSILON]
    foretold = [(x_bar * dx).sum()]
    for i, ((weight, bias), (dw, db), (gw, gb)) in enumerate(zip(layers, moves, slopes, strict=True)):
        moved = [*layers[:i], (weight + EPSILON * dw, bias + EPSILON * db), *layers[i + 1 :]]
        changed.append((cotangent * (ops.relu_net(x, moved) - before)).sum() / EPSILON)
        foretold.append((gw * dw).sum() + (gb * db).sum())
    return equal(changed, foretold)
