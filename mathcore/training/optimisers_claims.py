"""What must be true of the steps of optimisers."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.training import optimisers_mutants as wrong
from mathcore.training.textbook import published_adam
from mathcore.training.training_tolerances import adam_rounding, adam_steps_rounding, step_rounding
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, accepted, domain, draw_array, draw_integers, log_uniform
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.laws import Called, defaults
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.residue import residues
from mathcore.verify.relations import all_of, equal, identical


@domain
def steps_to_take(draw: Draw, target: Target, *, exact: bool) -> dict[str, Any]:
    """Parameters, gradients for some of them, and a rate; exact residues where the target takes objects."""
    shapes = {f"p{i}": tuple(draw(st.lists(st.integers(0, 3), max_size=2))) for i in range(draw(st.integers(1, 3)))}
    if draw(st.integers(0, 19)) == 19:
        shapes["large"] = draw(st.sampled_from([(17, 65), (1025,), (9, 2, 33)]))
    dtype = draw(st.sampled_from(target.dtypes))

    def drawn(shape: Any) -> Any:
        if exact:
            whole = draw_integers(draw, shape, 99)
            return residues(whole) if target.exact else whole.astype(np.float64)
        return draw_array(draw, shape, dtype, (2.0**-6, 2.0**6))

    params, grads = ({name: drawn(shape) for name, shape in shapes.items()} for _ in range(2))
    without = draw(st.sampled_from([None, *shapes]))
    return {"params": params, "grads": {n: g for n, g in grads.items() if n != without}}


sgd_descends = Claim(
    "training.sgd_is_theta_minus_alpha_g",
    statement="A step of gradient descent takes α times its gradient g from a parameter θ, up to rounding; a parameter "
    "without a gradient stays bit for bit what it is.",
    formula=r"\theta' = \theta - \alpha g",
    limits=Limits(also=("numbers up to 512, α up to 64",)),
    needs=("sgd_step", "SGD"),
    tolerances=(step_rounding,),
    refuted_by=(
        wrong.step_uphill,
        wrong.no_step,
        wrong.vectors_stay,
        wrong.step_doubled,
        wrong.step_halved,
        wrong.decays,
        wrong.of_unit_length,
        wrong.stops_at_a_thousand,
        wrong.given_rate_ignored,
    ),
)


@sgd_descends.exact(steps_to_take(exact=True), rate=st.sampled_from([1, 2, 16]), effort=0.5)
def exact_step_is_theta_minus_alpha_g(ops: Operations, params: Any, grads: Any, rate: int) -> Any:
    after = ops.sgd_step(params, grads, rate=rate)
    return all_of(*(equal(after[n], p - rate * grads[n] if n in grads else p) for n, p in params.items()))


@sgd_descends.property(steps_to_take(exact=False), rate=log_uniform(2.0**-10, 2.0**6))
def step_within_the_bound(ops: Operations, params: Any, grads: Any, rate: float) -> Any:
    after, parts = ops.sgd_step(params, grads, rate=rate), []
    for name, p in params.items():
        if name not in grads:
            parts.append(identical(after[name], p))
            continue
        true = enclose(lambda x, g, a: x - a * g, p, grads[name], np.full(p.shape, rate))
        parts.append(equal(after[name], true, within=step_rounding(p, rate, grads[name], p.dtype)))
        parts.append(equal(after[name].dtype == p.dtype, True))
    return all_of(*parts)


@sgd_descends.property(steps_to_take(exact=False), rates=st.tuples(*[log_uniform(2.0**-8, 1.0)] * 2), effort=0.25)
def sgd_takes_the_same_step(ops: Operations, params: Any, grads: Any, rates: Any) -> Any:
    # The optimiser of that name is this step; a rate that is given goes before its own.
    optimiser, parts = ops.SGD(rates[0]), []
    for rate, given in ((rates[0], None), (rates[1], rates[1])):
        after, state = optimiser.step(params, grads, optimiser.init(params), rate=given)
        expected = ops.sgd_step(params, grads, rate=rate)
        parts += [equal(len(state), 0), *(identical(after[name], p) for name, p in expected.items())]
    return all_of(*parts)


adam_is_published = Claim(
    "training.adam_is_the_published_algorithm",
    statement="Adam does what its paper says: running averages m and v of the gradients and of their squares, "
    "corrected for their start at zero, and a step that is m over the root of v. Matrices alone decay, if asked to, "
    "apart from the gradient and by α times λ, as in PyTorch; without a gradient a parameter stays what it is, while t "
    "counts on, unless the target declares that it counts gradients.",
    formula=r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \quad "
    r"\theta_t = \theta_{t-1} - \alpha\Big(\frac{m_t / (1 - \beta_1^t)}"
    r"{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda\,\theta_{t-1}\Big)",
    source="Kingma & Ba, arXiv:1412.6980, algorithm 1; Loshchilov & Hutter, arXiv:1711.05101, algorithm 2",
    needs=("adam_init", "adam_step", "Adam"),
    limits=Limits(formats=("float16", "bfloat16")),
    tolerances=(adam_steps_rounding,),
    refuted_by=(
        wrong.mean_uncorrected,
        wrong.square_uncorrected,
        wrong.counts_from_two,
        wrong.epsilon_under_the_root,
        wrong.magnitudes_averaged,
        wrong.no_root,
        wrong.betas_exchanged,
        wrong.adam_uphill,
        wrong.forgets_its_state,
        wrong.decay_into_the_gradient,
        wrong.vectors_decay_too,
        wrong.decays_without_the_rate,
        wrong.counts_each_parameter,
        wrong.decays_always,
        wrong.momentum_without_a_gradient,
        wrong.options_forgotten,
        wrong.own_rate_alone,
    ),
)


@domain
def gradients_in_a_row(draw: Draw, target: Target) -> dict[str, Any]:
    """Two parameters, gradients for some of a few steps, and the options, as exact numbers."""
    if not target.exact:
        raise ExactOnlyError("adam_step", "exact numbers")
    steps, params, row = draw(st.integers(1, 4)), {}, [dict[str, Any]() for _ in range(4)]
    for name in ("x", "y"):
        shape = draw(st.sampled_from([(1,), (2,), (1, 1), (1, 2), (2, 1, 1), (33,), (17, 2)]))
        values = residues(draw_integers(draw, (steps + 1, *shape), 99))
        params[name] = values[0]
        for given, gradient in zip(row, values[1:], strict=False):
            if draw(st.sampled_from([True, True, False])):
                given[name] = gradient
    fraction = st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(3, 4), Fraction(0)])
    options = {
        "rate": draw(st.sampled_from([Fraction(1), Fraction(1, 3)])),
        "beta1": draw(fraction),
        "beta2": draw(fraction),
        "epsilon": draw(st.sampled_from([Fraction(1, 8), Fraction(3)])),
        "decay": draw(st.sampled_from([Fraction(0), Fraction(1, 5)])),
    }
    return {"start": params, "row": row[:steps], "options": options}


@adam_is_published.exact(gradients_in_a_row())
def adam_equals_the_published_sums(ops: Operations, start: Any, row: Any, options: Any) -> Any:
    params, state = start, ops.adam_init(start)
    for grads in row:
        params, state = ops.adam_step(params, grads, state, **options)
    return all_of(
        *(
            equal(params[name], published_adam(p, [grads.get(name) for grads in row], **options))
            for name, p in start.items()
        )
    )


@domain
def float_gradients_in_a_row(draw: Draw, target: Target) -> dict[str, Any]:
    """Two or three parameters, gradients for some of a few steps, and the options, in floats.

    Numbers are eighths, so that no square underflows.
    """
    dtype, steps = draw(st.sampled_from(accepted(target, "float64", "float32"))), draw(st.integers(1, 4))
    start, row = {}, [dict[str, Any]() for _ in range(steps)]
    for name in ("x", "y", "z")[: draw(st.integers(2, 3))]:
        shape = draw(st.sampled_from([(1,), (2,), (1, 1), (1, 2), (2, 1, 1), (33,), (17, 2)]))
        start[name], *gradients = (draw_integers(draw, (steps + 1, *shape), 99) / 8).astype(dtype)
        for given, gradient in zip(row, gradients, strict=True):
            if draw(st.sampled_from([True, True, False])):
                given[name] = gradient
    options = {
        "rate": draw(log_uniform(2.0**-10, 1.0)),
        "beta1": draw(st.sampled_from([0.9, 0.0, 0.5, 0.75])),
        "beta2": draw(st.sampled_from([0.999, 0.0, 0.5, 0.98])),
        "epsilon": draw(log_uniform(1e-8, 1.0)),
        "decay": draw(st.sampled_from([0.0, 0.2])),
    }
    return {"start": start, "row": row, "options": options}


@adam_is_published.property(float_gradients_in_a_row())
def adam_of_several_parameters_within_rounding(ops: Operations, start: Any, row: Any, options: Any) -> Any:
    # One count of steps for all parameters, or one of the gradients of each, and averages for each.
    params, state, parts = start, ops.adam_init(start), []
    for grads in row:
        params, state = ops.adam_step(params, grads, state, **options)
    for name, p in start.items():
        came = [(t, grads[name]) for t, grads in enumerate(row, 1) if name in grads]
        if ops.conventions.adam_counts == "gradients":
            came = list(enumerate((g for _, g in came), 1))
        true = enclose(partial(_published, [t for t, _ in came], len(row), tuple(options)), p, *(g for _, g in came),
                       *(np.full(p.shape, x) for x in options.values()))  # fmt: skip
        within = adam_steps_rounding(p, came, p.dtype, **options)
        parts += [equal(params[name], true, within=within), equal(params[name].dtype == p.dtype, True)]
    return all_of(*parts)


def _published(times: list[int], steps: int, names: tuple[str, ...], start: Any, *numbers: Any) -> Any:
    """`published_adam` from gradients that came at some of so many steps, and the options after them."""
    gradients = dict(zip(times, numbers, strict=False))
    options = dict(zip(names, numbers[len(times) :], strict=True))
    return published_adam(start, [gradients.get(t) for t in range(1, steps + 1)], **options)


@adam_is_published.property(
    numbers=st.tuples(*[st.floats(0.25, 0.95)] * 2, log_uniform(1e-8, 1.0), st.sampled_from([0.0, 0.5])),
    rates=st.tuples(*[log_uniform(2.0**-8, 1.0)] * 2),
    seed=st.integers(0, 999),
    effort=0.25,
)
def adam_takes_the_same_step(ops: Operations, numbers: Any, rates: Any, seed: int) -> Any:
    # The optimiser of that name is the step with its options; a rate that is given goes before its own.
    optimiser, rng = ops.Adam(rates[0], *numbers), np.random.default_rng(seed)
    options = dict(zip(("beta1", "beta2", "epsilon", "decay"), numbers, strict=True))
    params = expected = {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}
    state, parts = optimiser.init(params), []
    expected_state = ops.adam_init(params)
    for rate, given in ((rates[0], None), (rates[1], rates[1])):
        grads = {name: rng.normal(size=p.shape) for name, p in params.items()}
        params, state = optimiser.step(params, grads, state, rate=given)
        expected, expected_state = ops.adam_step(expected, grads, expected_state, rate=rate, **options)
        parts += [identical(params[name], p) for name, p in expected.items()]
    return all_of(*parts)


first_steps_are_full = Claim(
    "training.adam_corrects_its_bias",
    statement="Along one gradient g, given at every step, every step of Adam has the full length α |g| / (|g| + ε), up "
    "to rounding, from the first on: that the averages start at zero is made up for. So it is without decay, and as "
    "long as g² is finite.",
    formula=r"g_t = g \;\Rightarrow\; \theta_t = \theta_0 - t\,\alpha\,\frac{g}{|g| + \epsilon}",
    limits=Limits(
        options=("beta1", "beta2", "decay"),
        formats=("float16", "bfloat16"),
        rows=1,
        width=2,
        also=("β₁ = 0.9 and β₂ = 0.999, at most 12 steps",),
    ),
    source="Kingma & Ba, arXiv:1412.6980, §3",
    needs=("adam_init", "adam_step"),
    tolerances=(adam_rounding,),
    refuted_by=(
        wrong.mean_uncorrected,
        wrong.square_uncorrected,
        wrong.counts_from_two,
        wrong.magnitudes_averaged,
        wrong.no_root,
        wrong.adam_uphill,
        wrong.counts_each_parameter,
    ),
)


@first_steps_are_full.property(
    length=log_uniform(2.0**-30, 2.0**60),
    sign=st.sampled_from([-1.0, 1.0]),
    start=st.floats(-4, 4, width=32),
    steps=st.integers(1, 12),
    rate=log_uniform(2.0**-12, 1.0),
    epsilon=st.just(1e-8) | log_uniform(1e-12, 1.0),
    dtype=st.sampled_from(["float64", "float32"]),
)
def every_step_along_one_gradient_is_full(
    ops: Operations, length: float, sign: float, start: float, steps: int, rate: float, epsilon: float, dtype: str
) -> Any:
    grads = {"x": np.array([sign * length], dtype), "y": np.array([-sign, 0.0], dtype)}
    params = start_of = {"x": np.array([start], dtype), "y": np.zeros(2, dtype)}
    state = ops.adam_init(params)
    for _ in range(steps):
        params, state = ops.adam_step(params, grads, state, rate=rate, epsilon=epsilon)

    def moved(x: Any, g: Any, a: Any, e: Any) -> Any:
        return x - steps * a * g / (abs(g) + e)

    return all_of(
        *(
            equal(
                params[name],
                enclose(moved, x, grads[name], np.full(x.shape, rate), np.full(x.shape, epsilon)),
                within=adam_rounding(x, rate, steps, dtype),
            )
            for name, x in start_of.items()
        )
    )


@domain
def adam_calls(draw: Draw, target: Target) -> dict[str, Any]:
    """A step of Adam on a vector and a matrix in the middle of a training."""
    x, g = draw_array(draw, (2, 3), "float64", (0.25, 4.0)), draw_array(draw, (2, 3), "float64", (0.25, 4.0)) + 0.125
    params, grads = {"w": x, "b": x[0]}, {"w": g, "b": g[1]}
    averages = {f"{kind}/{name}": abs(p) + 0.5 for kind in "mv" for name, p in params.items()}
    state = {"t": np.array(3), **averages}
    if "adam_init" in target.operations and target.guarded:  # whose state has names of its own
        state = Operations(target, ("adam_init",)).adam_init(params)
    return {"params": params, "grads": grads, "state": state, "rate": 0.5}


adam_left_out = (
    defaults(
        Called(
            "adam_step",
            adam_calls(),
            Limits(
                ("beta1", "beta2", "epsilon", "decay"),
                SHORT_FORMATS,
                rows=2,
                width=3,
                signs=("adam_step.state >= 0",),
            ),
        ),
        beta1=(0.9, 0.5), beta2=(0.999, 0.9), epsilon=(1e-8, 1e-2), decay=(0.0, 0.1),
    ),
)  # fmt: skip
