"""What must be true of softmax: FAQ 17.

Above 400 lines: the sentences about its values stay together. Temperature, masks, NaN and infinity, and the Jacobian
have files of their own beside this one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import inputs, row_mutants, where_mutants
from mathcore.probability import softmax_mutants as wrong
from mathcore.probability.row_tolerances import gaps
from mathcore.probability.softmax_tolerances import softmax_ratio, softmax_rounding, sum_of_softmax, textbook_softmax
from mathcore.probability.textbook import distribution, probabilities, total
from mathcore.verify import Claim, Limits, Operations, Target, enclose, reproduced
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, log_uniform, score_rows, widths
from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.relations import all_of, at_least, at_most, equal, less
from mathcore.verify.tolerances import FORMATS, dtype_named, format_of, rounding

three_steps = Claim(
    "softmax.three_steps",
    faq=17,
    statement="Softmax is three steps, exponentiate, sum, divide; wherever nothing in that recipe over- or underflows, "
    "the stable computation gives the same up to rounding.",
    formula=r"p_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
    limits=Limits(
        options=("axis", "where", "dtype"),
        rows=3,
        said=("wherever nothing in that recipe over- or underflows",),
    ),
    needs=("softmax",),
    tolerances=(softmax_rounding, textbook_softmax),
    refuted_by=(wrong.base_two, wrong.divided_by_the_maximum, wrong.last_not_summed, wrong.slightly_warm),
)


@domain
def tame_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Scores within ±695, of which neither the exponentials nor their sum nor a quotient over- or underflow."""
    name = draw(st.sampled_from(target.dtypes))
    x = draw_array(draw, (draw(st.integers(1, 3)), draw(widths(most=300))), "float64", (2.0**-10, 1)).clip(-1, 1)
    spread = draw(log_uniform(0.1, 345))
    return as_dtype(x * spread + draw(st.floats(-1, 1)) * (690 - spread), name)


@three_steps.property(x=tame_scores())
def equals_the_textbook(ops: Operations, x: Any) -> Any:
    raised = np.exp(x.astype(np.float64))
    summed = raised.sum(-1, keepdims=True)
    p = raised / summed
    allowed = softmax_rounding(x, p, x.dtype, ops.conventions.summation) + textbook_softmax(p, np.float64)
    return equal(ops.softmax(x), p, within=allowed)


sums_to_one = Claim(
    "softmax.sums_to_one",
    faq=17,
    statement="The outputs of softmax sum to 1 up to rounding, however wide a row is and however far apart its scores "
    "are, if it sees a score and neither NaN nor +∞.",
    formula=r"\Bigl|\sum_i \hat p_i - 1\Bigr| \lesssim (h + 1)\,u + u' + \tfrac12 n\lambda",
    source=inputs.BLANCHARD,
    legend={
        "u": "the unit roundoff of the arithmetic, float32's for 16-bit formats; u′ that of a 16-bit format, else 0",
        "λ": "the smallest positive number of the format",
    },
    limits=Limits(options=("axis", "where", "dtype"), also=("rows of up to 400,003 scores",)),
    needs=("softmax",),
    tolerances=(sum_of_softmax,),
    refuted_by=(
        wrong.zeros,
        wrong.no_shift,
        wrong.sixteen_bit_sum,
        wrong.odd_widths_wrong,
        wrong.tail_not_summed,
        wrong.last_not_summed,
        wrong.epsilon_in_denominator,
        wrong.division_free,
        wrong.divided_by_the_maximum,
        wrong.axis_dropped,
    ),
)


def _sums_to_one(ops: Operations, x: Any) -> Any:
    p = ops.softmax(inputs.with_a_score(x))
    allowed = sum_of_softmax(x.shape[-1], x.dtype, ops.conventions.summation)
    return equal(total(p, -1.0), 0.0, within=allowed)


@sums_to_one.property(x=score_rows())
def rows_sum_to_one(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


@sums_to_one.exhaustive(inputs.sixteen_bit_pairs)
def sixteen_bit_pairs_sum_to_one(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


def every_width(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of each width up to 1,100, cycling through dtypes, and in every dtype long rows of equal scores."""
    for n in range(1, 1101):
        x = np.linspace(-8, 8, 2 * n).reshape(2, n) * 1.2345
        yield {"x": as_dtype(x, target.dtypes[n % len(target.dtypes)])}
    for n in (2049, 4099, 65_537):
        for name in target.dtypes:
            yield {"x": as_dtype(np.zeros((2, n)), name)}
    yield {"x": as_dtype(np.zeros((1, 400_003)), "float16" if "float16" in target.dtypes else target.dtypes[0])}


@sums_to_one.exhaustive(every_width)
def rows_of_every_width_sum_to_one(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


def equal_scores() -> Iterator[dict[str, Any]]:
    """Rows of zeros in float64, one longer each time."""
    for n in range(1, 20):
        yield {"x": np.zeros((1, n))}


@sums_to_one.counterexample(cases=equal_scores)
def rows_sum_to_exactly_one(ops: Operations, x: Any) -> Any:
    return equal(total(ops.softmax(x), -1.0), 0.0)  # exactly 1, without the bound


is_positive = Claim(
    "softmax.is_positive",
    faq=17,
    statement="Every output of softmax of finite scores is positive, and none exceeds 1.",
    formula=r"0 < p_i \le 1, \quad p = \operatorname{softmax}(x)",
    verdict="holds_if",
    condition="the score lies less than about −ln(λ/2) below the log-sum-exp of its row, λ being the smallest positive "
    "number of the format: 745 in float64, 104 in float32, 92.9 in bfloat16, 17.3 in float16; further down the output "
    "is exactly 0.",
    needs=("softmax",),
    limits=Limits(options=("axis", "where", "dtype")),
    refuted_by=(
        wrong.zeros,
        wrong.shift_by_largest_magnitude,
        wrong.no_shift,
        row_mutants.maximum_of_everything,
        wrong.exponent_clipped,
    ),
)


@domain
def scores_within_reach(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows at different levels whose probabilities stay above 8λ, for gap + ln n ≤ −ln λ − ln 8."""
    name = draw(st.sampled_from(target.dtypes))
    shape = (draw(st.integers(1, 3)), draw(widths(most=300)))
    reach = max(-math.log(8 * format_of(dtype_named(name)).smallest) - math.log(shape[-1]), 1.0)
    x = abs(draw_array(draw, shape, "float64", (2.0**-6, 1)))
    x = x / max(x.max(), 1) * reach * 0.95  # rounding to the dtype may widen a gap
    return as_dtype(x - draw_integers(draw, (shape[0], 1), 2) * reach, name)


@is_positive.property(x=scores_within_reach())
def probabilities_within_reach_are_positive(ops: Operations, x: Any) -> Any:
    return _positive_within_reach(ops, x)


@is_positive.property(x=score_rows(most=300, masked=False))
def drawn_rows_are_positive_within_reach(ops: Operations, x: Any) -> Any:
    return _positive_within_reach(ops, x)


def _positive_within_reach(ops: Operations, x: Any) -> Any:
    p, d = ops.softmax(x), gaps(x)
    below = d + np.log(np.exp(-d).sum(-1, keepdims=True))  # the log-sum-exp
    within = below < -math.log(8 * format_of(x.dtype).smallest)
    return all_of(less(np.zeros(int(within.sum())), p[within]), at_most(p, 1.0))


def growing_gaps(target: Target) -> Iterator[dict[str, Any]]:
    """[0, −g] for g = 0, 1/64, 2/64, … up to 800, one batch for each dtype; only such g as it represents."""
    for name in target.dtypes:
        g = np.arange(0, 800 * 64) / 64
        g = g[as_dtype(g, name) == g]
        yield {"x": as_dtype(np.stack([np.zeros_like(g), -g], -1), name)}


@is_positive.exhaustive(growing_gaps)
def growing_gap_is_positive_until_it_underflows(ops: Operations, x: Any) -> Any:
    p, gap = ops.softmax(x)[:, 1].astype(np.float64), -x[:, 1].astype(np.float64)
    safe = gap < -math.log(8 * format_of(x.dtype).smallest)
    first_zero = float(gap[p == 0].min(initial=np.inf))
    relation = less(np.zeros(int(safe.sum())), p[safe])
    gone = p[gap > 3 + math.log(2) - math.log(format_of(x.dtype).smallest)]
    return all_of(
        relation.measuring(**{f"first gap that gives 0, {x.dtype}": first_zero}), at_most(p, 1.0), equal(gone, 0.0)
    )


@is_positive.counterexample(gap=st.integers(0, 2000))
def probabilities_of_any_gap_are_positive(ops: Operations, gap: int) -> Any:
    return less(np.zeros(2), ops.softmax(np.array([0.0, -gap])))


def crowds() -> Iterator[dict[str, Any]]:
    """n scores of 0 and one of −740, for n = 1, 10, 100, …: they leave it less and less probability."""
    for n in (1, 10, 100, 1000, 10_000):
        yield {"x": np.array([[*np.zeros(n), -740.0]])}


@is_positive.counterexample(cases=crowds)
def probabilities_beside_a_crowd_are_positive(ops: Operations, x: Any) -> Any:
    p = ops.softmax(x)
    return less(np.zeros(p.shape), p)


ratio_is_exponential = Claim(
    "softmax.ratio_is_exponential",
    faq=17,
    statement="The ratio of two probabilities is the exponential of the difference of their scores, if these are not "
    "all −∞, up to rounding and underflow: differences become ratios, and order is kept but for roundings.",
    formula=r"\frac{p_i}{p_j} = e^{x_i - x_j}, \quad p = \operatorname{softmax}(x)",
    needs=("softmax",),
    limits=Limits(options=("axis", "where", "dtype"), rows=3),
    tolerances=(softmax_ratio,),
    refuted_by=(
        wrong.base_two,
        wrong.slightly_warm,
        wrong.exponent_clipped,
        row_mutants.float32_inside,
        wrong.sorted_outputs,
        wrong.uniform,
    ),
)


@ratio_is_exponential.property(x=score_rows(most=300))
def ratios_are_exponentials_of_differences(ops: Operations, x: Any) -> Any:
    x = inputs.with_a_score(x)
    p = ops.softmax(x)
    winner = x.argmax(-1)[..., None]
    top, highest = np.take_along_axis(p, winner, -1), np.take_along_axis(x, winner, -1)
    scaled = enclose(lambda x, top, highest: np.exp(x - highest) * top, x, top, highest)
    return equal(p, scaled, within=softmax_ratio(x, top, x.dtype))


shift_invariant = Claim(
    "softmax.shift_invariant",
    faq=17,
    statement="Adding a constant to all scores changes nothing of their softmax, where the addition itself is exact: "
    "no bit if the target promises that, else no more than rounding.",
    formula=r"\operatorname{softmax}(x + c) = \operatorname{softmax}(x), \quad c \text{ finite}",
    source=inputs.BLANCHARD,
    limits=Limits(options=("axis", "where", "dtype"), rows=3, said=("where the addition itself is exact",)),
    needs=("softmax",),
    tolerances=(softmax_rounding,),
    refuted_by=(
        wrong.no_shift,
        wrong.shift_by_largest_magnitude,
        wrong.maximum_starts_at_zero,
        wrong.hidden_tile_lifts_the_maximum,
        wrong.division_free,
    ),
)


def _unmoved(ops: Operations, x: Any, there: Any) -> Any:
    p, moved = ops.softmax(x), ops.softmax(there)
    allowed = softmax_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    true = enclose(distribution, x)  # of both
    return reproduced(ops, moved, p, lambda: all_of(*(equal(y, true, within=allowed) for y in (p, moved))))


@shift_invariant.exhaustive(inputs.masked_tiles)
def masked_tiles_ignore_a_shift(ops: Operations, x: Any, level: Any) -> Any:
    return _unmoved(ops, x, x + level)


@shift_invariant.property(inputs.shiftable())
def exact_shift_changes_no_bit(ops: Operations, x: Any, shift: Any) -> Any:
    x = inputs.exactly_added(x, shift)
    return _unmoved(ops, x, x + shift)


permutation_equivariant = Claim(
    "softmax.permutation_equivariant",
    faq=17,
    statement="Reordering scores that are not all −∞ reorders the outputs of softmax and changes nothing else but "
    "roundings.",
    formula=r"\operatorname{softmax}(Px) = P\operatorname{softmax}(x), \quad P \text{ a permutation}",
    needs=("softmax",),
    limits=Limits(options=("axis", "where", "dtype"), rows=3),
    tolerances=(softmax_rounding,),
    refuted_by=(wrong.sorted_outputs, wrong.last_not_summed, wrong.first_is_the_maximum, wrong.tail_not_summed),
)


@permutation_equivariant.property(x=score_rows(least=2, most=300), seed=st.integers(0, 2**32 - 1))
def permuting_scores_permutes_probabilities(ops: Operations, x: Any, seed: int) -> Any:
    x = inputs.with_a_score(x)
    order = np.random.default_rng(seed).permutation(x.shape[-1])
    allowed = softmax_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    p, reordered = ops.softmax(x), ops.softmax(x[:, order])
    return all_of(
        equal(p, enclose(distribution, x), within=allowed),
        equal(reordered, p[:, order], within=(allowed + allowed)[:, order]),  # both sides may be off
    )


never_overflows = Claim(
    "softmax.never_overflows",
    faq=17,
    statement="Any finite scores, and −∞ for an excluded one, give a finite answer: probabilities between 0 and 1 that "
    "sum to 1 up to rounding, 0 without any where excluded; a row that excludes everything gets what is declared for "
    "it (zeros here).",
    formula=r"0 \le p_i \le 1, \qquad x_i = -\infty \Rightarrow p_i = 0",
    needs=("softmax",),
    limits=Limits(options=("axis", "where", "dtype")),
    tolerances=(sum_of_softmax, rounding),
    refuted_by=(
        wrong.no_shift,
        wrong.first_is_the_maximum,
        wrong.shift_by_largest_magnitude,
        where_mutants.dead_row_is_nan,
        where_mutants.dead_row_is_uniform,
        wrong.exponent_clipped,
    ),
)


def _is_a_distribution(ops: Operations, x: Any) -> Any:
    x = inputs.without_infinity(x)
    p, gone = ops.softmax(x), inputs.fully_masked(x)
    alive, excluded = p[~gone], np.isneginf(x.astype(np.float64))[~gone]
    missing = total(alive, -1.0)
    allowed = sum_of_softmax(x.shape[-1], x.dtype, ops.conventions.summation)
    return all_of(
        at_least(alive, 0.0),
        at_most(alive, 1.0),
        equal(alive[excluded], 0.0),
        equal(missing, np.zeros_like(missing), within=allowed),
        inputs.fully_masked_as_declared(ops, p[gone]),
    )


@never_overflows.property(x=inputs.extreme_rows())
def extreme_rows_give_a_distribution(ops: Operations, x: Any) -> Any:
    return _is_a_distribution(ops, x)


def extreme_grid(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of one, two and three of ten extreme numbers, and every 16-bit number beside the largest ones."""
    for name in target.dtypes:
        values = inputs.extremes(name)
        for width in range(1, 4):
            yield {"x": values[np.indices((len(values),) * width).reshape(width, -1).T]}
    for case in inputs.sixteen_bit_pairs(target):
        d, name = case["x"][:, 0], case["x"].dtype.name
        for beside in (-np.inf, -FORMATS[name].most, FORMATS[name].most):
            yield {"x": np.stack([d, as_dtype(np.full(d.shape, beside), name)], -1)}


@never_overflows.exhaustive(extreme_grid)
def every_extreme_row_gives_a_distribution(ops: Operations, x: Any) -> Any:
    return _is_a_distribution(ops, x)


accuracy = Claim(
    "softmax.accuracy",
    faq=17,
    statement="Every output of softmax lies within its derived bound of the true value, in every format and at every "
    "length; the worst errors in units in the last place are measured beside it.",
    formula=r"|\hat p_i - p_i| \lesssim p_i\,u\,\bigl(d_i + \textstyle\sum_j p_j d_j + h + 1 + 4E\bigr) + O(\lambda), "
    r"\quad d_i = \max x - x_i",
    source=inputs.BLANCHARD,
    legend={
        "u": "the unit roundoff of the arithmetic, float32's for 16-bit formats, which are rounded once more",
        "λ": "the smallest positive number of the format",
    },
    limits=Limits(options=("axis", "where", "dtype"), also=("rows of up to 4,099 scores",)),
    needs=("softmax",),
    tolerances=(softmax_rounding,),
    refuted_by=(
        wrong.epsilon_in_denominator,
        row_mutants.float32_inside,
        wrong.division_free,
        wrong.exponent_clipped,
        wrong.slightly_warm,
        wrong.base_two,
        wrong.last_not_summed,
        wrong.shift_by_largest_magnitude,
        wrong.no_shift,
        wrong.zeros,
        wrong.uniform,
    ),
)


def _in_ulp(true: Enclosure, value: Any) -> float:
    """The largest error in units in the last place of the true value (of the smallest number, where it is smaller)."""
    f = format_of(value.dtype)
    ulp = np.maximum(np.ldexp(2 * f.u, np.frexp(true.hi)[1] - 1), f.smallest)
    return float((true.distance(value.astype(np.float64)) / ulp).max(initial=0.0))


def _is_accurate(ops: Operations, x: Any, true: Enclosure, label: str) -> Any:
    p = ops.softmax(x)
    allowed = softmax_rounding(x, true.hi, x.dtype, ops.conventions.summation)
    return equal(p, true, within=allowed).measuring(**{f"ulp, {x.dtype}, {label}": _in_ulp(true, p)})


def long_rows(target: Target) -> Iterator[dict[str, Any]]:
    """One row of 4,099 scores in each dtype."""
    x = np.random.default_rng(2).normal(size=(1, 4099)) * 4
    for name in target.dtypes:
        yield {"x": as_dtype(x + 100, name)}


@accuracy.exhaustive(long_rows)
def long_rows_are_accurate(ops: Operations, x: Any) -> Any:
    return _is_accurate(ops, x, enclose(distribution, x), "4,099 scores")


@accuracy.property(x=score_rows())
def rows_are_accurate(ops: Operations, x: Any) -> Any:
    x, longest = x[~inputs.fully_masked(x)], next(n for n in (8, 64, 2000) if x.shape[-1] <= n)
    return _is_accurate(ops, x, enclose(distribution, x), f"up to {longest} scores")


@functools.cache
def _true_pairs(name: str) -> Enclosure:
    """The true softmax of every [d, 0] of a 16-bit format."""
    first = enclose(lambda d: 1 / (1 + np.exp(-d)), inputs.sixteen_bit_numbers(name))
    # The second half of the numbers is the first, negated, and softmax([d, 0]) is softmax([−d, 0]) reversed.
    return Enclosure(*(np.stack([v, np.roll(v, len(v) // 2)], -1) for v in (first.hi, first.lo, first.radius)))


@accuracy.exhaustive(inputs.sixteen_bit_pairs)
def all_sixteen_bit_pairs_are_accurate(ops: Operations, x: Any) -> Any:
    true = _true_pairs(x.dtype.name if x.dtype.itemsize == 2 else "float16")
    return _is_accurate(ops, x, true, "all pairs")
