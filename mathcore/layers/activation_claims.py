"""What must be true of the activations beyond ReLU: one claim for all of them, with a check of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import activation_mutants as wrong
from mathcore.layers.activation_records import agrees_with, allowance, gradient_agrees_with, gradient_allowance
from mathcore.layers.activation_textbook import (
    FORMULAS,
    GATES,
    KINDS,
    operation_of,
    parts,
    true_gradient,
    true_value,
)
from mathcore.layers.activation_tolerances import activation_rounding, activation_vjp_rounding
from mathcore.verify import Claim, Limits, Operations, Target, draw_array, enclose, laws, widths
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain
from mathcore.verify.errors import NotTriedError
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import Relation, all_of, at_least, at_most, equal
from mathcore.verify.tolerances import FORMATS, dtype_named, rounding

HENDRYCKS = "Hendrycks & Gimpel, arXiv:1606.08415"
OPERATIONS = ("sigmoid", "softplus", "silu", "gelu", "relu_squared")
DERIVATIVES = tuple(f"{name}_vjp" for name in OPERATIONS)
SYMBOLS = {
    "σ": "the logistic function", "Φ": "the distribution function of the normal distribution, φ its density",
    "s": "softplus", "x": "a number",
}  # fmt: skip


def called(ops: Operations, kind: str, x: Any) -> Any:
    """The target's activation."""
    name, options = operation_of(kind)
    return getattr(ops, name)(x, **options)


def pulled(ops: Operations, kind: str, g: Any, x: Any) -> Any:
    """The target's gradient."""
    name, options = operation_of(kind)
    return getattr(ops, f"{name}_vjp")(g, x, **options)


def of_each(add: Callable[[Any], Any], kinds: tuple[str, ...]) -> Callable[[Callable[..., Any]], None]:
    """A check for each kind, so that a target may offer any of them; the body takes the kind first."""

    def decorate(body: Callable[..., Any]) -> None:
        for kind in kinds:
            add(laws.body_of(kind, body))

    return decorate


@functools.cache
def finite(name: str) -> Any:
    """The finite numbers of a 16-bit format, in order."""
    x = np.arange(65_536).astype(np.uint16).view(dtype_named(name))
    wide = x.astype(np.float64)
    return x[np.isfinite(wide)][np.argsort(wide[np.isfinite(wide)], kind="stable")]


def every_finite_number(target: Target) -> Iterator[dict[str, Any]]:
    """All finite numbers of float16 and of bfloat16, in order, in those formats if they are taken."""
    for name in ("float16", "bfloat16"):
        x = finite(name)
        if name not in target.dtypes:
            x = x.astype(np.float32) if "float32" in target.dtypes else x[::97].astype(np.float64)
        yield {"x": x}


def every_float16(target: Target) -> Iterator[dict[str, Any]]:
    """All finite numbers of float16, in order, in that format if it is taken."""
    yield next(every_finite_number(target))


def in_order(target: Target) -> Iterator[dict[str, Any]]:
    """The same, and of every other format 3,000 numbers in order; every number stands opposite to its negative."""
    for name in target.dtypes:
        x = finite("float16")
        half = x[x > 0][::21].astype(np.float64) * (1 + 2.0**-5)
        yield {"x": x if name == "float16" else as_dtype([*-half[::-1], *half], name)}


def some(ops: Operations, kind: str, y: Any, x: Any) -> Relation:
    """That every 499th of many results is right: so that a run shows errors where inequalities show none."""
    return agrees_with(ops, kind, y[::499], x[::499])


@domain
def numbers(draw: Draw, target: Target) -> dict[str, Any]:
    """Up to 12 rows of one dtype, from tiny numbers to where nothing is left of an exponential."""
    name = draw(st.sampled_from(target.dtypes))
    return {"x": draw_array(draw, (draw(st.integers(1, 12)), draw(widths(most=33))), name, (2.0**-10, 2.0**9))}


@domain
def pairs_of_numbers(draw: Draw, target: Target) -> dict[str, Any]:
    """The same with cotangents, of at most 9 rows."""
    name, shape = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 10)), draw(widths(most=33)))
    x, g = draw_array(draw, shape, name, (2.0**-8, 2.0**6)), draw_array(draw, shape, name, (2.0**-4, 2.0**4))
    return {"g": g, "x": x}


formulas = Claim(
    "activations.are_their_formulas",
    statement="Sigmoid, softplus s, silu, GELU, both of its approximations and squared ReLU are within the derived "
    "bound of their formulas at every number, in the left tail as well: there small results keep their digits if the "
    "target promises that.",
    formula=r"\sigma(x) = \frac1{1 + e^{-x}}, \quad s(x) = \ln(1 + e^x), \quad \operatorname{silu}(x) = "
    r"x\,\sigma(x), \quad \operatorname{gelu}(x) = x\,\Phi(x), \quad \max(x, 0)^2",
    legend=SYMBOLS,
    source=HENDRYCKS,
    needs=OPERATIONS,
    tolerances=(activation_rounding,),
    refuted_by=(
        wrong.exponential_of_x, wrong.by_tanh, wrong.hard, wrong.exponential_first, wrong.small_part_lost,
        wrong.straight_beyond_20, wrong.to_the_base_2, wrong.hard_swish, wrong.steeper, wrong.tanh_for_all,
        wrong.quick_for_tanh, wrong.cancelled, wrong.cube_rounded, wrong.squared_first, wrong.not_squared,
    ),
)  # fmt: skip


@of_each(formulas.exhaustive(every_finite_number), KINDS)
def every_16_bit_number_is_right(kind: str, ops: Operations, x: Any) -> Any:
    return agrees_with(ops, kind, called(ops, kind, x), x)


@of_each(formulas.property(numbers(), effort=0.5), KINDS)
def drawn_numbers_are_right(kind: str, ops: Operations, x: Any) -> Any:
    return agrees_with(ops, kind, called(ops, kind, x), x)


reflected = Claim(
    "activations.reflect",
    statement="Up to rounding, the sigmoids of a number and its negative add up to 1, its squared ReLUs to its square; "
    "softplus s, silu and GELU, and its approximations, of both differ by the number.",
    formula=r"\sigma(x) + \sigma(-x) = 1, \quad f(x) - f(-x) = x \text{ for } s, \operatorname{silu}, "
    r"\operatorname{gelu}, \quad r(x) + r(-x) = x^2",
    legend={**SYMBOLS, "r": "squared ReLU", "f": "any of three"},
    needs=OPERATIONS,
    tolerances=(activation_rounding, rounding),
    limits=Limits(rows=1),
    refuted_by=(
        wrong.to_the_base_2, wrong.hard_shifted, wrong.never_below_zero, wrong.shifted_up, wrong.not_squared,
    ),
)  # fmt: skip


def reflects(kind: str, ops: Operations, x: Any) -> Relation:
    """What the values at x and −x make together."""
    here, there = (called(ops, kind, side).astype(np.float64) for side in (x, -x))
    wide = x.astype(np.float64)
    together = here + there if kind in ("sigmoid", "relu_squared") else here - there
    true = {"sigmoid": np.ones_like(wide), "relu_squared": wide * wide}.get(kind, wide)
    within = allowance(ops, kind, x) + allowance(ops, kind, -x) + rounding(true, np.float64) * 2
    fits = abs(true) <= FORMATS[x.dtype.name].most / 2
    return equal(together[fits], true[fits], within=within[fits])


@of_each(reflected.exhaustive(in_order), KINDS)
def numbers_reflect(kind: str, ops: Operations, x: Any) -> Any:
    return reflects(kind, ops, x)


limits = Claim(
    "activations.have_limits",
    statement="At ∞ and −∞ the activations and their derivatives f′ are their limits, and not NaN: sigmoid 1 and 0, "
    "softplus s, silu, GELU and squared ReLU ∞ and 0. At −∞ silu and GELU may be declared to be NaN. NaN stays NaN.",
    formula=r"\lim_{x \to -\infty} f(x) = 0, \quad \lim_{x \to -\infty} f'(x) = 0, \quad \lim_{x \to \infty} "
    r"\sigma(x) = 1, \quad \lim_{x \to \infty} f'(x) = 1 \text{ for } s, \operatorname{silu}, \operatorname{gelu}",
    legend={**SYMBOLS, "f": "any of the activations"},
    needs=(*OPERATIONS, *DERIVATIVES),
    limits=Limits(rows=1, width=3, signs=tuple(f"{name}.cotangent >= 0" for name in DERIVATIVES)),
    refuted_by=(
        wrong.exponential_of_x, wrong.added_to_x, wrong.nan_at_minus_infinity, wrong.nan_times_zero, wrong.nan_to_zero,
        wrong.slope_nan_at_minus_infinity, wrong.nan_among_several,
    ),
)  # fmt: skip


def both_ends(target: Target) -> Iterator[dict[str, Any]]:
    """−∞, ∞ and NaN, in every format."""
    for name in target.dtypes:
        yield {"x": as_dtype([-np.inf, np.inf, np.nan], name)}


@of_each(limits.exhaustive(both_ends), KINDS)
def values_at_both_ends(kind: str, ops: Operations, x: Any) -> Any:
    y = called(ops, kind, x).astype(np.float64)
    if kind in GATES and ops.conventions.activation_of_minus_infinity == "nan":
        return all_of(equal(np.isnan(y[0]) | (y[0] == 0), True), equal(y[1], np.inf), equal(np.isnan(y[2]), True))
    return all_of(equal(y[:2], [0.0, 1.0 if kind == "sigmoid" else np.inf]), equal(np.isnan(y[2]), True))


@of_each(limits.exhaustive(both_ends), KINDS)
def slopes_at_both_ends(kind: str, ops: Operations, x: Any) -> Any:
    if kind in GATES and ops.conventions.activation_of_minus_infinity == "nan":
        raise NotTriedError(f"{operation_of(kind)[0]}_vjp", "infinities")
    slope = pulled(ops, kind, np.ones_like(x), x).astype(np.float64)
    last = {"sigmoid": 0.0, "relu_squared": np.inf}.get(kind, 1.0)
    return all_of(equal(slope[:2], [0.0, last]), equal(np.isnan(slope[2]), True))


# Where silu and the GELUs turn, and where they are steepest.


def slope_at(kind: str, x: float) -> float:
    """The true derivative, rounded."""
    return float(derivative(FORMULAS[kind], (np.array([x]),), (np.ones(1),)).hi[0])


@functools.cache
def turn(kind: str) -> float:
    """Where the derivative is 0, by halving."""
    low, high = -2.0, 0.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if slope_at(kind, middle) < 0 else (low, middle)
    return low


@functools.cache
def summit(height: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one summit between `low` and `high` is highest, to half of the digits, by thirds."""
    while high - low > 2.0**-26:
        third = (high - low) / 3
        low, high = (low + third, high) if height(low + third) < height(high - third) else (low, high - third)
    return low


STEEP = {kind: partial(slope_at, kind) for kind in GATES}


def steepest(kind: str) -> tuple[float, float]:
    """Where an activation is steepest, and how steep: a bound on every gap of values over their distance."""
    if kind == "sigmoid":
        return 0.0, 0.25
    if kind == "softplus":
        return 800.0, 1.0
    place = summit(STEEP[kind], 1.0, 3.0)
    return place, slope_at(kind, place)


monotone = Claim(
    "activations.are_monotone",
    verdict="refuted",
    statement="Every activation is monotone: a larger input x gives a result that is no smaller.",
    corrected="Sigmoid, softplus and squared ReLU never fall. silu falls to its one minimum, −0.27846 at "
    "−1.27846, and rises from there; GELU the same, −0.16997 at −0.75179, and its approximations close by. All this "
    "up to rounding.",
    formula=r"\operatorname{silu}(x) \ge -w, \quad \operatorname{silu}(-1 - w) = -w, \quad w e^w = e^{-1}, \qquad "
    r"\operatorname{gelu}(x) \ge m\,\Phi(m), \quad \Phi(m) + m\,\varphi(m) = 0",
    legend={**SYMBOLS, "w": "0.27846…", "m": "−0.75179…"},
    source=HENDRYCKS,
    needs=OPERATIONS,
    tolerances=(activation_rounding,),
    limits=Limits(rows=1),
    refuted_by=(
        wrong.of_minus_x, wrong.never_below_zero, wrong.hard_swish, wrong.steeper, wrong.tanh_for_all,
        wrong.squared_first, wrong.a_dip,
    ),
)  # fmt: skip


@of_each(monotone.exhaustive(in_order), KINDS)
def numbers_are_in_order(kind: str, ops: Operations, x: Any) -> Any:
    y, within = called(ops, kind, x), allowance(ops, kind, x)
    if kind not in GATES:
        return all_of(at_least(y[1:], y[:-1], within=within[1:] + within[:-1]), some(ops, kind, y, x))
    m = np.array([turn(kind)])
    left = int(np.searchsorted(x.astype(np.float64), m[0]))
    return all_of(
        at_most(y[1:left], y[: left - 1], within=within[1:left] + within[: left - 1]),
        at_least(y[left + 1 :], y[left:-1], within=within[left + 1 :] + within[left:-1]),
        at_least(y, true_value(kind, m).hi[0], within=within),
        some(ops, kind, y, x),
    )


@of_each(partial(monotone.exhaustive)(lambda target: ({"name": name} for name in target.dtypes)), GATES)
def the_minimum_is_where_it_is_said_to_be(kind: str, ops: Operations, name: str) -> Any:
    m = as_dtype([turn(kind)], name)
    said = {"silu": (-1.27846, -0.27846), "none": (-0.75179, -0.16997)}.get(kind, (turn(kind), parts(kind, m).value[0]))
    return all_of(
        equal(called(ops, kind, m), enclose(FORMULAS[kind], m), within=allowance(ops, kind, m)),
        equal(np.round([turn(kind), enclose(FORMULAS[kind], [turn(kind)]).hi[0]], 5), np.round(said, 5)),
    )


@of_each(lambda body: monotone.counterexample(cases=lambda: ({"n": n} for n in range(-4, 4)))(body), GATES)
def a_larger_number_gives_more(kind: str, ops: Operations, n: int) -> Any:
    y = called(ops, kind, np.array([n, n + 1.0]))
    return at_most(y[0], y[1])


steep = Claim(
    "activations.slopes_are_bounded",
    statement="The derivative f′ lies between 0 and 1/4 for sigmoid, 0 and 1 for softplus, −0.0998 and 1.0998 for "
    "silu, −0.1289 and 1.1289 for GELU, and reaches the upper bound L up to rounding; those of silu, GELU and "
    "softplus at x and −x add up to 1. So no two results of f are further apart than L times their inputs.",
    formula=r"|f(x) - f(y)| \le L\,|x - y|, \qquad L = \max_x f'(x), \qquad f'(x) + f'(-x) = 1",
    legend={"f": "any of the activations, but for squared ReLU", "y": "another number", "L": "its largest slope"},
    source=HENDRYCKS,
    needs=(*OPERATIONS[:4], *DERIVATIVES[:4]),
    tolerances=(activation_rounding, activation_vjp_rounding, rounding),
    limits=Limits(rows=1, signs=tuple(f"{name}.cotangent >= 0" for name in DERIVATIVES[:4])),
    refuted_by=(
        wrong.to_the_base_2, wrong.of_the_result, wrong.a_step_of_two, wrong.share_alone, wrong.twice,
        wrong.slopes_up_to_one, wrong.doubled,
    ),
)  # fmt: skip


@of_each(steep.exhaustive(in_order), KINDS[:-1])
def slopes_are_bounded(kind: str, ops: Operations, x: Any) -> Any:
    one = np.ones_like(x)
    slope, within = pulled(ops, kind, one, x), gradient_allowance(ops, kind, one, x)
    top = steepest(kind)[1]
    least = 0.0 if kind in ("sigmoid", "softplus") else 1 - top
    both = slope.astype(np.float64) + slope[::-1].astype(np.float64)  # every number stands opposite to its negative
    parts_of_one = [] if kind == "sigmoid" else [equal(both, 1.0, within=within + within[::-1])]
    right = gradient_agrees_with(ops, kind, slope[::499], one[::499], x[::499])
    return all_of(at_most(slope, top, within=within), at_least(slope, least, within=within), right, *parts_of_one)


@of_each(steep.exhaustive(lambda target: ({"name": name} for name in target.dtypes)), KINDS[:-1])
def the_bound_is_reached(kind: str, ops: Operations, name: str) -> Any:
    place, top = steepest(kind)
    x = as_dtype([place, -0.3], name)
    one = np.ones_like(x)
    slope, within = pulled(ops, kind, one, x), gradient_allowance(ops, kind, one, x)
    said = {"sigmoid": 0.25, "softplus": 1.0, "silu": 1.0998, "none": 1.1289}.get(kind, top)
    # Rounding the place moves it by up to 2.4u. There |f‴| ≤ 0.42, so f′ loses less than u²/2: 2⁻⁹u, as u ≤ 2⁻⁸.
    lost = rounding(top, name) * 2**-9
    return all_of(
        at_least(slope[0], top, within=within[0] + lost),
        gradient_agrees_with(ops, kind, slope, one, x),
        equal(np.round(top, 4), np.round(said, 4)),
    )


@of_each(steep.exhaustive(in_order), KINDS[:-1])
def results_are_no_further_apart(kind: str, ops: Operations, x: Any) -> Any:
    x = np.resize(x[len(x) // 2 - 1500 :: 3], 1000)
    y, wide, within = called(ops, kind, x).astype(np.float64), x.astype(np.float64), allowance(ops, kind, x)
    allowed = within + within[::-1] + rounding(abs(wide) + abs(wide[::-1]), np.float64) * 4
    apart = at_most(abs(y - y[::-1]), steepest(kind)[1] * abs(wide - wide[::-1]), within=allowed)
    return all_of(apart, some(ops, kind, y.astype(x.dtype), x))


def _gap(kind: str, x: float) -> float:
    """How far an approximation is from GELU."""
    exact, other = (enclose(FORMULAS[name], [x]) for name in ("none", kind))
    return abs(float(exact.hi[0] - other.hi[0]))


GAPS = {kind: partial(_gap, kind) for kind in ("tanh", "quick")}
FARTHEST = {"tanh": (2.699, 4.7324e-4, (2.5, 2.9)), "quick": (2.27, 0.02034, (1.8, 2.6))}

near = Claim(
    "gelu.approximations_are_near",
    statement="Up to rounding, the approximation of GELU by tanh is nowhere off by more than 4.733·10⁻⁴, the quick one "
    "by no more than 0.02034, and both are at the numbers x where they are farthest: near |x| = 2.699 and 2.27.",
    formula=r"|\operatorname{gelu}_{\tanh}(x) - \operatorname{gelu}(x)| \le 4.733 \cdot 10^{-4}, \qquad "
    r"|x\,\sigma(1.702\,x) - \operatorname{gelu}(x)| \le 0.02034",
    legend={"σ": "the logistic function"},
    source=HENDRYCKS,
    needs=("gelu",),
    tolerances=(activation_rounding,),
    limits=Limits(rows=1),
    refuted_by=(wrong.tanh_for_all, wrong.quick_for_tanh, wrong.quick_as_sigmoid),
)


@near.exhaustive(in_order)
def numbers_are_near(ops: Operations, x: Any) -> Any:
    exact = ops.gelu(x, approximate="none").astype(np.float64)
    relations = []
    for kind, (_, _, around) in FARTHEST.items():
        most = _gap(kind, summit(GAPS[kind], *around))
        within = allowance(ops, "none", x) + allowance(ops, kind, x)
        relations.append(at_most(abs(ops.gelu(x, approximate=kind).astype(np.float64) - exact), most, within=within))
    return all_of(*relations, *(some(ops, kind, ops.gelu(x, approximate=kind), x) for kind in FARTHEST))


@near.exhaustive(lambda target: ({"name": name} for name in target.dtypes))
def the_distance_is_reached(ops: Operations, name: str) -> Any:
    relations = []
    for kind, (place, most, around) in FARTHEST.items():
        x = as_dtype([summit(GAPS[kind], *around), -summit(GAPS[kind], *around)], name)
        exact, other = (ops.gelu(x, approximate=k).astype(np.float64) for k in ("none", kind))
        true = abs(enclose(FORMULAS["none"], x).hi - enclose(FORMULAS[kind], x).hi)
        within = allowance(ops, "none", x) + allowance(ops, kind, x)
        relations += [
            equal(abs(other - exact), true, within=within),
            at_most(_gap(kind, summit(GAPS[kind], *around)), most),
        ]
        relations += [at_most(abs(summit(GAPS[kind], *around) - place), 0.01)]
    return all_of(*relations)


derivatives = Claim(
    "activations.derivatives_are_exact",
    statement="Up to rounding, the gradient is the cotangent ȳ times the derivative of the formula f, of each "
    "approximation its own: wherever the input x lies, and bit for bit 0 where squared ReLU stops it.",
    formula=r"\bar x = \bar y\, f'(x)",
    legend={"f": "any of the activations"},
    source="Griewank & Walther, Evaluating Derivatives (2008), §3",
    needs=DERIVATIVES,
    tolerances=(activation_vjp_rounding,),
    refuted_by=(
        wrong.of_the_result, wrong.a_step, wrong.share_alone, wrong.twice, wrong.exact_for_all, wrong.bell_forgotten,
        wrong.slopes_up_to_one, wrong.factor_forgotten,
    ),
)  # fmt: skip


@of_each(derivatives.exhaustive(every_float16), KINDS)
def every_16_bit_gradient_is_right(kind: str, ops: Operations, x: Any) -> Any:
    g = np.where(np.arange(x.size) % 2, x.dtype.type(1), x.dtype.type(-3))
    return gradient_agrees_with(ops, kind, pulled(ops, kind, g, x), g, x)


@of_each(derivatives.property(pairs_of_numbers(), effort=0.5), KINDS)
def drawn_gradients_are_right(kind: str, ops: Operations, g: Any, x: Any) -> Any:
    return gradient_agrees_with(ops, kind, pulled(ops, kind, g, x), g, x)


alone = Claim(
    "activations.each_number_by_itself",
    statement="Each number gets the same result up to rounding wherever it stands: in arrays of any shape, of counts "
    "up to 200,003, whatever the others are, NaN and infinity included. So does each gradient.",
    formula=r"f(X)_i = f(X_i)",
    legend={"f": "any of the activations", "X": "an array of any shape"},
    needs=(*OPERATIONS, *DERIVATIVES),
    tolerances=(activation_rounding, activation_vjp_rounding),
    refuted_by=(
        *common.of_each(common.family(wrong.tail_untouched), ("sigmoid", "silu", "relu_squared_vjp")),
        *common.of_each(common.family(wrong.one_block_done), ("gelu", "softplus_vjp")),
        *common.of_each(common.family(wrong.all_touch), ("relu_squared", "softplus", "gelu_vjp")),
    ),
)
COUNTS = (1, 2, 3, 4, 5, 7, 9, 31, 33, 64, 257, 769, 1023, 1025, 4099, 32_769, 65_537, 200_003)


def in_every_count(target: Target) -> Iterator[dict[str, Any]]:
    """A few numbers that repeat, every fifth of them strange, in every format and count; some on several axes."""
    rng = np.random.default_rng(5)
    for i, count in enumerate((0, *COUNTS)):
        name = target.dtypes[i % len(target.dtypes)]
        few, g = as_dtype(rng.normal(size=19) * 4, name), as_dtype(rng.normal(size=19), name)
        places = np.arange(count) % 19
        x = few[places]
        strange = np.arange(count) % 5 == 4
        x[strange] = as_dtype([np.nan, np.inf, -np.inf, FORMATS[name].most], name)[np.arange(count) // 5 % 4][strange]
        shape = {2: (1, 2), 4: (2, 1, 2), 64: (16, 4), 1: (), 769: (1, 769)}.get(count, (count,))
        yield {"few": few, "g": g, "x": x.reshape(shape), "places": places, "plain": ~strange}


@of_each(alone.exhaustive(in_every_count), KINDS)
def values_do_not_depend_on_company(
    kind: str, ops: Operations, few: Any, g: Any, x: Any, places: Any, plain: Any
) -> Any:
    y = called(ops, kind, x)
    true, within = true_value(kind, few), allowance(ops, kind, few)
    return all_of(equal(y.shape, x.shape), equal(y.ravel()[plain], true[places[plain]], within=within[places[plain]]))


@of_each(alone.exhaustive(in_every_count), KINDS)
def gradients_do_not_depend_on_company(
    kind: str, ops: Operations, few: Any, g: Any, x: Any, places: Any, plain: Any
) -> Any:
    y = pulled(ops, kind, g[places].reshape(x.shape), x)
    true = true_gradient(kind, g, few)
    within = gradient_allowance(ops, kind, g, few)
    return all_of(equal(y.shape, x.shape), equal(y.ravel()[plain], true[places[plain]], within=within[places[plain]]))
