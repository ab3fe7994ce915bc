"""What must be true of softmax: FAQ 17."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import cross_entropy_mutants, logsumexp_mutants, softmax_mutants
from mathcore.probability import row_mutants as wrong
from mathcore.probability.argmax_claims import sixteen_bit_numbers, sixteen_bit_pairs
from mathcore.probability.inputs import (
    BLANCHARD,
    _extremes,
    dead,
    exactly_added,
    extreme_rows,
    hidden_tiles,
    of_nothing_to_see,
    shiftable,
)
from mathcore.probability.logsumexp_tolerances import (
    entropy_of,
    log_softmax_rounding,
    logsumexp_rounding,
    logsumexp_vjp_rounding,
)
from mathcore.probability.row_laws import rows_with_cotangents, stencils, steps
from mathcore.probability.row_tolerances import central_difference, gaps
from mathcore.probability.softmax_tolerances import (
    softmax_ratio,
    softmax_rounding,
    softmax_vjp_rounding,
    sum_of_softmax,
    temperature_softmax_rounding,
    textbook_softmax,
)
from mathcore.probability.textbook import distribution, probabilities, total
from mathcore.verify import (
    Allowance,
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_least,
    at_most,
    domain,
    draw_array,
    enclose,
    equal,
    given_that,
    identical,
    less,
    raises,
    score_rows,
)
from mathcore.verify.domains import Draw, as_dtype, draw_integers, log_uniform, seeds, widths
from mathcore.verify.errors import NotTriedError
from mathcore.verify.oracle.dual import third_derivative_bound
from mathcore.verify.oracle.enclosures import Enclosure, true_matmul
from mathcore.verify.oracle.residue import residues
from mathcore.verify.tolerances import FORMATS, dtype_named, format_of, rounding

# FAQ 17: softmax.
three_steps = Claim(
    "softmax.three_steps",
    faq=17,
    statement="Softmax is three steps, exponentiate, sum, divide; wherever nothing in that recipe over- or underflows, "
    "the stable computation gives the same up to rounding.",
    formula=r"p_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
    limits=Limits(
        options=("axis", "where"),
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
    source=BLANCHARD,
    legend={
        "u": "the unit roundoff of the arithmetic, float32's for 16-bit formats; u′ that of a 16-bit format, else 0",
        "λ": "the smallest positive number of the format",
    },
    limits=Limits(options=("axis", "where"), also=("rows of up to 400,003 scores",)),
    needs=("softmax",),
    tolerances=(sum_of_softmax,),
    refuted_by=(
        softmax_mutants.zeros,
        wrong.no_shift,
        softmax_mutants.sixteen_bit_sum,
        wrong.odd_widths_wrong,
        wrong.tail_not_summed,
        wrong.last_not_summed,
        wrong.epsilon_in_denominator,
        wrong.division_free,
        wrong.divided_by_the_maximum,
        softmax_mutants.axis_dropped,
    ),
)


def that_see(x: Any) -> Any:
    """The rows that are not −∞ throughout."""
    return x[(x > -np.inf).any(-1)]


def _sums_to_one(ops: Operations, x: Any) -> Any:
    p = ops.softmax(that_see(x))
    allowed = sum_of_softmax(x.shape[-1], x.dtype, ops.conventions.summation)
    return equal(total(p, -1.0), 0.0, within=allowed)


@sums_to_one.property(x=score_rows())
def rows_sum_to_one(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


@sums_to_one.exhaustive(sixteen_bit_pairs)
def sixteen_bit_pairs_sum_to_one(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


def every_width(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of each width up to 1,100, the formats taking turns, and in every format long rows of equal scores."""
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
    limits=Limits(options=("axis", "where")),
    refuted_by=(
        softmax_mutants.zeros,
        wrong.shift_by_largest_magnitude,
        wrong.no_shift,
        wrong.maximum_of_everything,
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
    x = x / max(x.max(), 1) * reach * 0.95  # rounding to the format may widen a gap
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
    """[0, −g] for g = 0, 1/64, 2/64, … up to 800, one batch a format; only such g as the format holds."""
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
    """n scores of 0 and one of −740, for n = 1, 10, 100, …: what is left of it is shared with all of them."""
    for n in (1, 10, 100, 1000, 10_000):
        yield {"x": np.array([[*np.zeros(n), -740.0]])}


@is_positive.counterexample(cases=crowds)
def probabilities_beside_a_crowd_are_positive(ops: Operations, x: Any) -> Any:
    p = ops.softmax(x)
    return less(np.zeros(p.shape), p)


ratio_is_exponential = Claim(
    "softmax.ratio_is_exponential",
    faq=17,
    statement="The ratio of two probabilities is the exponential of the difference of their scores, up to rounding and "
    "underflow: differences become ratios, and order is kept but for roundings.",
    formula=r"\frac{p_i}{p_j} = e^{x_i - x_j}, \quad p = \operatorname{softmax}(x)",
    needs=("softmax",),
    limits=Limits(options=("axis", "where"), rows=3),
    tolerances=(softmax_ratio,),
    refuted_by=(
        wrong.base_two,
        wrong.slightly_warm,
        wrong.exponent_clipped,
        wrong.float32_inside,
        wrong.sorted_outputs,
        wrong.uniform,
    ),
)


@ratio_is_exponential.property(x=score_rows(most=300))
def ratios_are_exponentials_of_differences(ops: Operations, x: Any) -> Any:
    p = ops.softmax(x)
    winner = x.argmax(-1)[..., None]
    top, highest = np.take_along_axis(p, winner, -1), np.take_along_axis(x, winner, -1)
    scaled = enclose(lambda x, top, highest: np.exp(x - highest) * top, x, top, highest)
    return equal(p, scaled, within=softmax_ratio(x, top, x.dtype))


shift_invariant = Claim(
    "softmax.shift_invariant",
    faq=17,
    statement="Adding a constant to all scores changes no bit of their softmax, where the addition itself is exact.",
    formula=r"\operatorname{softmax}(x + c) = \operatorname{softmax}(x), \quad c \text{ finite}",
    source=BLANCHARD,
    limits=Limits(options=("axis", "where"), rows=3, said=("where the addition itself is exact",)),
    needs=("softmax",),
    refuted_by=(
        wrong.no_shift,
        wrong.shift_by_largest_magnitude,
        wrong.maximum_starts_at_zero,
        wrong.hidden_tile_lifts_the_maximum,
        wrong.division_free,
    ),
)


@shift_invariant.exhaustive(hidden_tiles)
def masked_tiles_ignore_a_shift(ops: Operations, x: Any, level: Any) -> Any:
    return identical(ops.softmax(x + level), ops.softmax(x))


@shift_invariant.property(shiftable())
def exact_shift_changes_no_bit(ops: Operations, x: Any, shift: Any) -> Any:
    x = exactly_added(x, shift)
    return identical(ops.softmax(x + shift), ops.softmax(x))


additive_mask = Claim(
    "softmax.additive_mask",
    statement="A mask that is added, −∞ where a score is excluded and any one finite constant where it is kept, gives "
    "bit for bit what `where` gives, if the addition is exact.",
    formula=r"\operatorname{softmax}(x + b) = \operatorname{softmax}(x, \text{where } b > -\infty), \quad "
    r"b_i \in \{c, -\infty\}",
    needs=("softmax",),
    limits=Limits(options=("axis",), rows=3),
    refuted_by=(wrong.no_shift, softmax_mutants.excluded_after_the_fact, softmax_mutants.mask_upside_down),
)


@additive_mask.property(shiftable(), effort=2.0, seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def additive_mask_equals_where(ops: Operations, x: Any, shift: Any, seed: int, share: float) -> Any:
    x = exactly_added(x, shift)
    seen = np.random.default_rng(seed).random(x.shape) < share
    added = np.where(seen, shift, -np.inf).astype(x.dtype)
    return identical(ops.softmax(x + added), ops.softmax(x, where=seen))


temperature = Claim(
    "softmax.temperature",
    faq=17,
    statement="Temperature T divides the scores: towards 0 the highest take all, in equal shares, and nothing is left "
    "of the gradient if one is highest alone; towards infinity all that are not excluded get the same; but for "
    "roundings, the entropy never falls on the way up; a temperature that is not positive is an error.",
    formula=r"p_i = \frac{e^{x_i/T}}{\sum_j e^{x_j/T}}, \quad T > 0",
    needs=("temperature_softmax", "temperature_softmax_vjp"),
    limits=Limits(options=("axis",), rows=1, assumes=("one score is the highest alone",)),
    tolerances=(temperature_softmax_rounding, softmax_rounding, entropy_of),
    refuted_by=(
        wrong.temperature_underflows,
        softmax_mutants.temperature_unchecked,
        wrong.divided_before_the_shift,
        wrong.temperature_multiplied,
        wrong.temperature_ignored,
        wrong.temperature_of_probabilities,
        wrong.temperature_floor,
        softmax_mutants.temperature_sticks,
        softmax_mutants.temperature_unchecked_vjp,
        softmax_mutants.winner_takes_all,
        softmax_mutants.excluded_at_the_limit,
        softmax_mutants.difference_overflows,
    ),
)


def temperatures(low: float = 2.0**-10, high: float = 2.0**10) -> st.SearchStrategy[float]:
    """T, spread by its logarithm."""
    return log_uniform(low, high)


@domain
def distinct_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of whole numbers of which one is highest alone; some of the others are excluded."""
    rng = draw(seeds())
    scores = rng.permutation(draw(st.integers(1, 100))) - draw(st.integers(0, 100))
    hidden = (rng.random(len(scores)) < draw(st.sampled_from([0.0, 0.5]))) & (scores < scores.max())
    return as_dtype(np.where(hidden, -np.inf, scores), draw(st.sampled_from(target.dtypes)))


@domain
def scores_with_ties(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of few different whole numbers, and −∞; not of −∞ alone."""
    scores = draw_integers(draw, (draw(st.integers(1, 100)),), 3) - draw(st.integers(0, 100))
    scores = np.where(scores < np.median(scores) - draw(st.integers(0, 3)), -np.inf, scores)
    return as_dtype(scores, draw(st.sampled_from(target.dtypes)))


@domain
def scalable_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of scores far from the ends of the format."""
    name = draw(st.sampled_from(target.dtypes))
    return as_dtype(draw_integers(draw, (draw(st.integers(1, 40)),), 64) / 8, name)


@domain
def cooled_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """A row of whole numbers, and a temperature 1/k."""
    scores = draw_integers(draw, (1, draw(st.integers(1, 6))), 9)
    return {"x": residues(scores) if target.exact else scores.astype(np.float64), "k": draw(st.integers(1, 9))}


@temperature.exact(cooled_scores(), effort=0.5)
def temperature_one_over_k_multiplies_by_k(ops: Operations, x: Any, k: int) -> Any:
    if x.dtype != object:
        raise NotTriedError("temperature_softmax", "exact numbers")
    cooled = (x - x.max(-1, keepdims=True)) * k
    e = np.exp(cooled - cooled.max(-1, keepdims=True))  # of residues −1 is the highest: one shift more changes them
    return equal(ops.temperature_softmax(x, Fraction(1, k)), e / e.sum(-1, keepdims=True))


def _shared(ops: Operations, p: Any, seen: Any) -> Any:
    """That all that are `seen` have the same share, and the rest exactly nothing."""
    level = np.where(seen, 0.0, -np.inf)
    share = np.broadcast_to(1 / seen.sum(-1, keepdims=True), p.shape)
    count = np.where(seen, np.broadcast_to(seen.sum(-1, keepdims=True), p.shape), 1)
    allowed = softmax_rounding(level, np.where(seen, share, 0.0), p.dtype, ops.conventions.summation)
    return equal(p, enclose(lambda n, seen: seen / n, count, seen.astype(int)), within=allowed)


@temperature.property(x=scores_with_ties(), t=temperatures(1e-300, 1e-3), fine=st.integers(0, 14))
def low_temperature_shares_among_the_highest(ops: Operations, x: Any, t: float, fine: int) -> Any:
    # The others get e^(−1000) at most, which no format holds; so it is if scores and temperature are scaled alike.
    scaled = np.ldexp(x.astype(np.float64), -fine).astype(x.dtype)
    lead = float(gaps(scaled)[scaled < scaled.max()].min(initial=1.0))
    return _shared(ops, ops.temperature_softmax(scaled, max(t * lead, 1e-300)), scaled == scaled.max())


@temperature.property(x=scalable_scores(), t=temperatures(0.25, 4.0), power=st.integers(-40, 40), far=st.booleans())
def scaling_scores_and_temperature_changes_nothing(ops: Operations, x: Any, t: float, power: int, far: bool) -> Any:
    # A power of two scales scores and temperature without rounding, even to where differences of scores overflow.
    ends = {"float64": 1020, "float32": 124, "bfloat16": 124, "float16": 12}
    exponent = ends[x.dtype.name] if far else power if x.dtype.itemsize > 2 else power // 8
    factor = x.dtype.type(2.0**exponent)
    with np.errstate(over="ignore"):
        factor = factor if np.array_equal(x * factor / factor, x) else x.dtype.type(1)
    return identical(ops.temperature_softmax(x * factor, t * float(factor)), ops.temperature_softmax(x, t))


@temperature.property(x=distinct_scores(), t=temperatures(1e-300, 1e-3), seed=st.integers(0, 2**32 - 1))
def gradient_vanishes_at_low_temperature(ops: Operations, x: Any, t: float, seed: int) -> Any:
    g = np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    others = np.delete(gaps(x), x.argmax())
    lead = float(others.min(initial=1.0))
    given_that(lead > 1e-9, "one score is the highest alone")
    return equal(ops.temperature_softmax_vjp(g, x, t * lead), np.zeros(len(x)))


@temperature.property(x=distinct_scores(), t=st.sampled_from([1e30, 1e300, math.inf]))
def high_temperature_is_uniform(ops: Operations, x: Any, t: float) -> Any:
    return _shared(ops, ops.temperature_softmax(x, t), ~np.isneginf(x.astype(np.float64)))


@temperature.property(x=extreme_rows())
def infinite_temperature_is_uniform(ops: Operations, x: Any) -> Any:
    x = _in_range(x)
    x = x[~dead(x)]
    return _shared(ops, ops.temperature_softmax(x, math.inf), ~np.isneginf(x.astype(np.float64)))


@temperature.property(x=distinct_scores(), t=st.sampled_from([0.0, -0.0, -1.0, -1e-300, -math.inf, math.nan]))
def nonpositive_temperature_is_refused(ops: Operations, x: Any, t: float) -> Any:
    return raises(lambda: ops.temperature_softmax(x, t), ValueError, saying=("temperature",))


@temperature.property(x=distinct_scores(), t=st.sampled_from([0.0, -0.0, -1.0, -1e-300, -math.inf, math.nan]))
def vjp_refuses_a_nonpositive_temperature(ops: Operations, x: Any, t: float) -> Any:
    return raises(lambda: ops.temperature_softmax_vjp(x, x, t), ValueError, saying=("temperature",))


@temperature.property(x=score_rows(most=33), t=temperatures(), warmer=temperatures(1, 4))
def entropy_grows_with_temperature(ops: Operations, x: Any, t: float, warmer: float) -> Any:
    cold, warm = ops.temperature_softmax(x, t), ops.temperature_softmax(x, t * warmer)
    (cold_true, cold_error), (warm_true, warm_error) = (_at_temperature(ops, x, v) for v in (t, t * warmer))
    lost = entropy_of(cold_true.hi, cold_error.values) + entropy_of(warm_true.hi, warm_error.values)
    return all_of(
        equal(cold, cold_true, within=cold_error),
        equal(warm, warm_true, within=warm_error),
        at_most(entropy(cold), entropy(warm), within=lost),
    )


def _at_temperature(ops: Operations, x: Any, t: float) -> tuple[Enclosure, Allowance]:
    true = enclose(lambda x, t: distribution(x / t), x, t)
    return true, temperature_softmax_rounding(x, t, probabilities(x, t), x.dtype, ops.conventions.summation)


def entropy(p: Any) -> Any:
    """How spread out a distribution is, in nats."""
    p = np.asarray(p, np.float64)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(-1)


permutation_equivariant = Claim(
    "softmax.permutation_equivariant",
    faq=17,
    statement="Reordering the scores reorders the outputs of softmax and changes nothing else but roundings.",
    formula=r"\operatorname{softmax}(Px) = P\operatorname{softmax}(x), \quad P \text{ a permutation}",
    needs=("softmax",),
    limits=Limits(options=("axis", "where"), rows=3),
    tolerances=(softmax_rounding,),
    refuted_by=(wrong.sorted_outputs, wrong.last_not_summed, wrong.first_is_the_maximum, wrong.tail_not_summed),
)


@permutation_equivariant.property(x=score_rows(least=2, most=300), seed=st.integers(0, 2**32 - 1))
def permuting_scores_permutes_probabilities(ops: Operations, x: Any, seed: int) -> Any:
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
    limits=Limits(options=("axis", "where")),
    tolerances=(sum_of_softmax, rounding),
    refuted_by=(
        wrong.no_shift,
        wrong.first_is_the_maximum,
        wrong.shift_by_largest_magnitude,
        wrong.dead_row_is_nan,
        wrong.dead_row_is_uniform,
        wrong.exponent_clipped,
    ),
)


def _is_a_distribution(ops: Operations, x: Any) -> Any:
    x = _in_range(x)
    p, gone = ops.softmax(x), dead(x)
    alive, excluded = p[~gone], np.isneginf(x.astype(np.float64))[~gone]
    missing = total(alive, -1.0)
    allowed = sum_of_softmax(x.shape[-1], x.dtype, ops.conventions.summation)
    return all_of(
        at_least(alive, 0.0),
        at_most(alive, 1.0),
        equal(alive[excluded], 0.0),
        equal(missing, np.zeros_like(missing), within=allowed),
        of_nothing_to_see(ops, p[gone]),
    )


@never_overflows.property(x=extreme_rows())
def extreme_rows_give_a_distribution(ops: Operations, x: Any) -> Any:
    return _is_a_distribution(ops, x)


def extreme_grid(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of one, two and three of ten extreme numbers, and every 16-bit number beside the largest ones."""
    for name in target.dtypes:
        values = _extremes(name)
        for width in range(1, 4):
            yield {"x": values[np.indices((len(values),) * width).reshape(width, -1).T]}
    for case in sixteen_bit_pairs(target):
        d, name = case["x"][:, 0], case["x"].dtype.name
        for beside in (-np.inf, -FORMATS[name].most, FORMATS[name].most):
            yield {"x": np.stack([d, as_dtype(np.full(d.shape, beside), name)], -1)}


@never_overflows.exhaustive(extreme_grid)
def every_extreme_row_gives_a_distribution(ops: Operations, x: Any) -> Any:
    return _is_a_distribution(ops, x)


logs_never_overflow = Claim(
    "log_softmax.never_overflows",
    statement="Log-probabilities of any finite scores x are numbers from 0 down, −∞ only where they are too low for "
    "the format, and logsumexp is finite, in float16 for fewer than e¹⁶ (8.8 million) scores.",
    formula=r"-\infty < \ln p_i \le 0 \text{ where } \max x - x_i \text{ is in range}, \quad "
    r"p = \operatorname{softmax}(x)",
    needs=("log_softmax", "logsumexp"),
    limits=Limits(options=("axis", "where", "keepdims"), rows=3),
    tolerances=(rounding,),
    refuted_by=(wrong.log_of_softmax, wrong.logs_unshifted, wrong.normaliser_first, wrong.sum_overflows),
)


def _in_range(x: Any) -> Any:
    """The rows without +∞."""
    return x[~np.isposinf(x.astype(np.float64)).any(-1)]


@logs_never_overflow.property(x=extreme_rows())
def log_probabilities_of_extreme_rows_are_in_range(ops: Operations, x: Any) -> Any:
    x = _in_range(x)
    t, gone = ops.log_softmax(x), dead(x)
    x, t, nothing = x[~gone], t[~gone].astype(np.float64), t[gone]
    in_range = gaps(x) < 0.75 * format_of(x.dtype).most
    return all_of(
        at_most(t, 0.0),
        equal(np.isfinite(t[in_range]), True),
        equal(t[np.isneginf(x.astype(np.float64))], -np.inf),
        of_nothing_to_see(ops, nothing, logs=True),
    )


@logs_never_overflow.property(x=extreme_rows())
def logsumexp_of_extreme_rows_is_finite(ops: Operations, x: Any) -> Any:
    x = _in_range(x)
    y = ops.logsumexp(x).astype(np.float64)
    return all_of(at_least(y, x.max(-1)), equal(np.isfinite(y), ~np.isneginf(x.astype(np.float64)).all(-1)))


special_values = Claim(
    "softmax.special_values",
    statement="A row that sees NaN or +∞ has no distribution: all of its softmax is NaN, at any temperature, and so "
    "are its log-softmax, its cross-entropy and the gradient of that; logsumexp is NaN where NaN is seen, else +∞ "
    "where +∞ is, and −∞ where there is nothing to see; there, probabilities are as declared.",
    formula=r"x_i \in \{\mathrm{NaN}, +\infty\} \Rightarrow \operatorname{softmax}(x) = \mathrm{NaN}",
    needs=("softmax", "log_softmax", "logsumexp", "temperature_softmax", "cross_entropy", "cross_entropy_vjp"),
    limits=Limits(
        options=("axis", "log_softmax.where", "logsumexp.where", "ignore_index", "label_smoothing", "keepdims"),
        signs=("cross_entropy_vjp.cotangent >= 0",),
    ),
    dispensable=("temperature_softmax", "cross_entropy", "cross_entropy_vjp"),
    tolerances=(rounding,),
    refuted_by=(
        softmax_mutants.infinity_past_four,
        softmax_mutants.broken_scores_mended_under_a_mask,
        softmax_mutants.temperature_of_nothing_is_nan,
        logsumexp_mutants.nan_past_sixteen,
        logsumexp_mutants.lse_infinity_past_four,
        cross_entropy_mutants.infinite_rows_pulled,
        wrong.broken_scores_mended,
        wrong.dead_row_is_nan,
        wrong.logs_dead_row_is_nan,
        wrong.lse_dead_row_is_nan,
        wrong.lse_infinity_is_nan,
        wrong.just_the_maximum,
    ),
)


def special_grid(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of up to four of NaN, ±∞ and two numbers."""
    for name in target.dtypes:
        values = as_dtype([-np.inf, 1, -2, np.inf, np.nan], name)
        for width in range(1, 5):
            yield {"x": values[np.indices((5,) * width).reshape(width, -1).T]}


def _kinds(x: Any) -> tuple[Any, Any, Any]:
    """Which rows see NaN, which see +∞, and which see nothing."""
    wide = x.astype(np.float64)
    return np.isnan(wide).any(-1), np.isposinf(wide).any(-1), dead(x)


def special_needles(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of each of many widths, one special value at a time in the second: first, in the middle, last."""
    for i, n in enumerate((5, 8, 9, 17, 33, 65, 129, 257, 1025)):
        for j, (special, place) in enumerate(itertools.product((np.inf, np.nan, -np.inf), (0, n // 2, n - 1))):
            x = -np.linspace(0, 8, 2 * n).reshape(2, n)
            x[1, place] = special
            yield {"x": as_dtype(x, target.dtypes[(i + j) % len(target.dtypes)])}


def _broken(x: Any) -> tuple[Any, Any]:
    """Which scores stand in a row that sees NaN or +∞, and which rows see nothing."""
    nan, infinite, gone = _kinds(x)
    return np.broadcast_to((nan | infinite)[:, None], x.shape), gone


def _softmax_is_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), p = _broken(x), ops.softmax(x)
    return all_of(equal(np.isnan(p[~gone]), broken[~gone]), of_nothing_to_see(ops, p[gone]))


def _cooled_softmax_is_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), p = _broken(x), ops.temperature_softmax(x, 0.7)
    return all_of(equal(np.isnan(p[~gone]), broken[~gone]), of_nothing_to_see(ops, p[gone]))


def _logs_are_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), log_p = _broken(x), ops.log_softmax(x)
    return all_of(equal(np.isnan(log_p[~gone]), broken[~gone]), of_nothing_to_see(ops, log_p[gone], logs=True))


def _loss_is_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), targets = _broken(x), np.arange(len(x)) % x.shape[-1]
    return equal(np.isnan(ops.cross_entropy(x, targets, reduction="none")[~gone]), broken[~gone, 0])


def _slopes_are_broken(ops: Operations, x: Any) -> Any:
    (broken, gone), targets = _broken(x), np.arange(len(x)) % x.shape[-1]
    slopes = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, targets, reduction="none")
    return equal(np.isnan(slopes[~gone]), broken[~gone])


for _cases in (special_grid, special_needles):
    for _body in (_softmax_is_broken, _cooled_softmax_is_broken, _logs_are_broken, _loss_is_broken, _slopes_are_broken):
        special_values.exhaustive(_cases)(_body)


@special_values.exhaustive(special_grid)
def masked_special_values_do_no_harm(ops: Operations, x: Any) -> Any:
    seen = np.arange(x.shape[-1]) != x.shape[-1] - 1  # the last is hidden
    clean = np.where(seen, x, -np.inf)
    (broken, gone), p = _broken(clean), ops.softmax(x, where=seen)
    return equal(np.isnan(p[~gone]), broken[~gone])


@special_values.exhaustive(special_needles)
def special_value_anywhere_reaches_logsumexp(ops: Operations, x: Any) -> Any:
    (nan, infinite, _), lse = _kinds(x), ops.logsumexp(x).astype(np.float64)
    return all_of(equal(np.isnan(lse), nan), equal(np.isposinf(lse), infinite & ~nan))


@special_values.exhaustive(special_grid)
def logsumexp_of_special_rows(ops: Operations, x: Any) -> Any:
    (nan, infinite, gone), lse = _kinds(x), ops.logsumexp(x).astype(np.float64)
    plain = ~(nan | infinite) & (np.isfinite(x.astype(np.float64)).sum(-1) > 1)
    return all_of(
        equal(np.isnan(lse), nan),
        equal(np.isposinf(lse), infinite & ~nan),
        equal(np.isneginf(lse), gone),
        less(x.astype(np.float64).max(-1)[plain], lse[plain]),
    )


jacobian = Claim(
    "softmax.jacobian",
    faq=17,
    statement="The Jacobian of softmax is diag(p) − ppᵀ: its rows sum to zero, it is symmetric and positive "
    "semidefinite, and it shortens every vector v to half its length or less, all up to rounding.",
    formula=r"J = \operatorname{diag}(p) - pp^\top, \qquad J\mathbf 1 = 0, \quad 0 \le \langle v, Jv\rangle \le "
    r"\tfrac12\lVert v\rVert^2",
    needs=("softmax", "softmax_vjp"),
    limits=Limits(
        options=("axis", "where"),
        formats=("softmax.float32", "softmax.float16", "softmax.bfloat16"),
        rows=6,
        width=6,
    ),
    tolerances=(softmax_rounding, softmax_vjp_rounding, central_difference),
    refuted_by=(
        wrong.mean_forgotten,
        wrong.diagonal_only,
        wrong.plain_mean,
        wrong.pulled_to_zero,
        wrong.scores_for_probabilities,
    ),
)


@jacobian.property(x=score_rows(most=8, rows=1))
def vjp_is_diag_p_minus_ppt(ops: Operations, x: Any) -> Any:
    n, p, how = x.shape[-1], probabilities(x), (x.dtype, ops.conventions.summation)
    rows, basis, ones = np.tile(x, (n, 1)), np.eye(n, dtype=x.dtype), np.ones_like(x)
    true = enclose(lambda x: np.diag(distribution(x)) - np.outer(distribution(x), distribution(x)), x[0])
    return all_of(
        equal(ops.softmax_vjp(basis, rows), true, within=softmax_vjp_rounding(basis, rows, p, *how)),
        equal(ops.softmax_vjp(ones, x), np.zeros_like(p), within=softmax_vjp_rounding(ones, x, p, *how)),
    )


@jacobian.property(rows_with_cotangents(most=65, rows=2))
def jacobian_is_symmetric_and_semidefinite(ops: Operations, x: Any, g: Any) -> Any:
    x, how = np.broadcast_to(x[:1], x.shape), (x.dtype, ops.conventions.summation)  # one row, two directions u and v
    pulled, allowed = ops.softmax_vjp(g, x), softmax_vjp_rounding(g, x, probabilities(x), *how)
    (u, v), (ju, jv) = g, pulled
    form, norm = (true_matmul(u[None], w[:, None])[0, 0] for w in (ju, u))
    across = true_matmul(np.r_[u, -v][None], np.r_[jv, ju][:, None])[0, 0]  # ⟨u, Jv⟩ − ⟨v, Ju⟩
    return all_of(
        at_most(0.0, form, within=allowed[0].weighted(u)),
        at_least(norm.hi / 2 * (1 + 2.0**-50), form, within=allowed[0].weighted(u)),
        equal(0.0, across, within=allowed[1].weighted(u) + allowed[0].weighted(v)),
    )


@jacobian.property(stencils())
def jacobian_is_the_central_difference(ops: Operations, x: Any, g: Any) -> Any:
    along, how = steps(x), (x.dtype, ops.conventions.summation)
    rows = np.repeat(x, len(along), 0)
    ahead, behind = ops.softmax(x + along).astype(np.float64), ops.softmax(x - along).astype(np.float64)
    pulled = ops.softmax_vjp(along, rows)  # row i: the derivatives of p_i, times the step
    third = third_derivative_bound(distribution, (rows,), (along,))
    allowed = central_difference(third, ahead - behind) + softmax_vjp_rounding(along, rows, probabilities(x), *how)
    for moved in (x + along, x - along):
        allowed = allowed + softmax_rounding(moved, probabilities(moved), *how) * 0.5
    return equal((ahead - behind) / 2, pulled.T, within=allowed)


@jacobian.proof
def jacobian_identities_hold(ops: Operations) -> Any:
    """Two polynomial identities in p and v; every monomial names two indices at most, so three stand for any number.

    With Σp = 1 the first says ⟨v, Jv⟩ = Σ p_i p_j (v_i − v_j)² over pairs, which is ≥ 0. The second says that the
    largest row sum of |J|, 2p(1 − p), never exceeds ½, and for a symmetric matrix that bounds every eigenvalue.
    """
    from flint import Ordering, fmpq_mpoly_ctx

    a, b, c, x, y, z = fmpq_mpoly_ctx.get(["a", "b", "c", "x", "y", "z"], Ordering.lex).gens()
    form = (a + b + c) * (a * x**2 + b * y**2 + c * z**2) - (a * x + b * y + c * z) ** 2
    pairs = a * b * (x - y) ** 2 + a * c * (x - z) ** 2 + b * c * (y - z) ** 2
    slack = 1 - 4 * a * (1 - a) - (2 * a - 1) ** 2
    return equal(len(form - pairs) + len(slack), 0)  # no term is left of either difference


lse_bounds = Claim(
    "logsumexp.bounds",
    faq=17,
    statement="Log-sum-exp of n scores, not all −∞, lies between the highest and ln n above it; log-softmax is the "
    "scores minus it, where that does not overflow, and its gradient is softmax, all up to rounding.",
    formula=r"\max_i x_i \le \ln\sum_i e^{x_i} \le \max_i x_i + \ln n",
    source=BLANCHARD,
    needs=("logsumexp", "log_softmax", "softmax", "logsumexp_vjp"),
    limits=Limits(options=("axis", "keepdims", "where"), rows=3, signs=("logsumexp_vjp.cotangent >= 0",)),
    tolerances=(logsumexp_rounding, log_softmax_rounding, softmax_rounding, logsumexp_vjp_rounding),
    refuted_by=(
        wrong.log_mean_exp,
        wrong.maximum_not_added_back,
        wrong.largest_term_twice,
        wrong.sum_overflows,
        wrong.just_the_maximum,
        wrong.all_to_the_winner,
    ),
)


@lse_bounds.property(x=score_rows(most=300))
def logsumexp_lies_between_its_bounds(ops: Operations, x: Any) -> Any:
    x = that_see(x)
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    y, error = ops.logsumexp(x), logsumexp_rounding(x, p, *how)
    highest = enclose(lambda m, n: m + np.log(n), x.max(-1), np.full(len(x), x.shape[-1]))
    return all_of(at_least(y, x.max(-1)), at_most(y, highest, within=error))


@lse_bounds.property(x=score_rows(most=300))
def log_softmax_is_scores_minus_logsumexp(ops: Operations, x: Any) -> Any:
    x = that_see(x)
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    difference = enclose(lambda x, y: x - y[:, None], x, ops.logsumexp(x))
    allowed = log_softmax_rounding(x, p, *how) + logsumexp_rounding(x, p, *how)[:, None]
    fits = ~(abs(difference.hi) > FORMATS[x.dtype.name].most / 2)
    return equal(ops.log_softmax(x)[fits], difference[fits], within=allowed[fits])


@lse_bounds.property(x=score_rows(most=300))
def logsumexp_gradient_is_softmax(ops: Operations, x: Any) -> Any:
    x = that_see(x)
    p, how, ones = probabilities(x), (x.dtype, ops.conventions.summation), np.ones(len(x), x.dtype)
    allowed = logsumexp_vjp_rounding(ones, x, p, *how)
    return all_of(
        equal(ops.logsumexp_vjp(ones, x), ops.softmax(x), within=allowed + softmax_rounding(x, p, *how)),
        equal(ops.logsumexp_vjp(ones, x), enclose(distribution, x), within=allowed),
    )


accuracy = Claim(
    "softmax.accuracy",
    faq=17,
    statement="Every output of softmax lies within its derived bound of the true value, in every format and at every "
    "length; the worst errors in units in the last place are measured beside it.",
    formula=r"|\hat p_i - p_i| \lesssim p_i\,u\,\bigl(d_i + \textstyle\sum_j p_j d_j + h + 1 + 4E\bigr) + O(\lambda), "
    r"\quad d_i = \max x - x_i",
    source=BLANCHARD,
    legend={
        "u": "the unit roundoff of the arithmetic, float32's for 16-bit formats, which are rounded once more",
        "λ": "the smallest positive number of the format",
    },
    limits=Limits(options=("axis", "where"), also=("rows of up to 4,099 scores",)),
    needs=("softmax",),
    tolerances=(softmax_rounding,),
    refuted_by=(
        wrong.epsilon_in_denominator,
        wrong.float32_inside,
        wrong.division_free,
        wrong.exponent_clipped,
        wrong.slightly_warm,
        wrong.base_two,
        wrong.last_not_summed,
        wrong.shift_by_largest_magnitude,
        wrong.no_shift,
        softmax_mutants.zeros,
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
    """One row of 4,099 scores in each format."""
    x = np.random.default_rng(2).normal(size=(1, 4099)) * 4
    for name in target.dtypes:
        yield {"x": as_dtype(x + 100, name)}


@accuracy.exhaustive(long_rows)
def long_rows_are_accurate(ops: Operations, x: Any) -> Any:
    return _is_accurate(ops, x, enclose(distribution, x), "4,099 scores")


@accuracy.property(x=score_rows())
def rows_are_accurate(ops: Operations, x: Any) -> Any:
    x, longest = x[~dead(x)], next(n for n in (8, 64, 2000) if x.shape[-1] <= n)
    return _is_accurate(ops, x, enclose(distribution, x), f"up to {longest} scores")


@functools.cache
def _true_pairs(name: str) -> Enclosure:
    """The true softmax of every [d, 0] of a 16-bit format."""
    first = enclose(lambda d: 1 / (1 + np.exp(-d)), sixteen_bit_numbers(name))
    # The second half of the numbers is the first, negated, and softmax([d, 0]) is softmax([−d, 0]) turned around.
    return Enclosure(*(np.stack([v, np.roll(v, len(v) // 2)], -1) for v in (first.hi, first.lo, first.radius)))


@accuracy.exhaustive(sixteen_bit_pairs)
def all_sixteen_bit_pairs_are_accurate(ops: Operations, x: Any) -> Any:
    true = _true_pairs(x.dtype.name if x.dtype.itemsize == 2 else "float16")
    return _is_accurate(ops, x, true, "all pairs")
