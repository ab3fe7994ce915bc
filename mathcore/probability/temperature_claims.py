"""What must be true of softmax at a temperature: FAQ 17."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import temperature_mutants as wrong
from mathcore.probability.inputs import extreme_rows, fully_masked, without_infinity
from mathcore.probability.logsumexp_tolerances import entropy_of
from mathcore.probability.records import TEMPERATURE_SOFTMAX
from mathcore.probability.row_tolerances import gaps
from mathcore.probability.softmax_tolerances import softmax_rounding, temperature_softmax_rounding
from mathcore.probability.textbook import distribution, probabilities
from mathcore.verify import Allowance, Claim, Limits, Operations, Target, enclose, given_that, reproduced
from mathcore.verify.domains import Draw, as_dtype, domain, draw_integers, log_uniform, score_rows, seeds
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.oracle.enclosures import Enclosure
from mathcore.verify.oracle.residue import residues
from mathcore.verify.relations import all_of, at_most, equal, raises

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
        wrong.temperature_unchecked,
        wrong.divided_before_the_shift,
        wrong.temperature_multiplied,
        wrong.temperature_ignored,
        wrong.temperature_of_probabilities,
        wrong.temperature_floor,
        wrong.temperature_sticks,
        wrong.temperature_unchecked_vjp,
        wrong.winner_takes_all,
        wrong.excluded_at_the_limit,
        wrong.difference_overflows,
    ),
)


def temperatures(low: float = 2.0**-10, high: float = 2.0**10) -> st.SearchStrategy[float]:
    """T, log-uniform."""
    return log_uniform(low, high)


@domain
def distinct_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of integers with a unique maximum; some of the others are masked."""
    rng = draw(seeds())
    scores = rng.permutation(draw(st.integers(1, 100))) - draw(st.integers(0, 100))
    masked = (rng.random(len(scores)) < draw(st.sampled_from([0.0, 0.5]))) & (scores < scores.max())
    return as_dtype(np.where(masked, -np.inf, scores), draw(st.sampled_from(target.dtypes)))


@domain
def scores_with_ties(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of few distinct integers, some masked, not all."""
    scores = draw_integers(draw, (draw(st.integers(1, 100)),), 3) - draw(st.integers(0, 100))
    scores = np.where(scores < np.median(scores) - draw(st.integers(0, 3)), -np.inf, scores)
    return as_dtype(scores, draw(st.sampled_from(target.dtypes)))


@domain
def scalable_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of scores far from overflow and underflow."""
    name = draw(st.sampled_from(target.dtypes))
    return as_dtype(draw_integers(draw, (draw(st.integers(1, 40)),), 64) / 8, name)


@domain
def cooled_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """A row of integers, and a temperature 1/k."""
    scores = draw_integers(draw, (1, draw(st.integers(1, 6))), 9)
    return {"x": residues(scores) if target.exact else scores.astype(np.float64), "k": draw(st.integers(1, 9))}


@temperature.exact(cooled_scores(), effort=0.5)
def temperature_one_over_k_multiplies_by_k(ops: Operations, x: Any, k: int) -> Any:
    if x.dtype != object:
        raise ExactOnlyError("temperature_softmax", "exact numbers")
    cooled = (x - x.max(-1, keepdims=True)) * k
    e = np.exp(cooled - cooled.max(-1, keepdims=True))  # among residues −1 is the maximum: one more shift changes them
    return equal(ops.temperature_softmax(x, Fraction(1, k)), e / e.sum(-1, keepdims=True))


def _is_uniform_over(ops: Operations, p: Any, mask: Any) -> Any:
    """That p is uniform over `mask`, and exactly 0 elsewhere."""
    level = np.where(mask, 0.0, -np.inf)
    share = np.broadcast_to(1 / mask.sum(-1, keepdims=True), p.shape)
    count = np.where(mask, np.broadcast_to(mask.sum(-1, keepdims=True), p.shape), 1)
    allowed = softmax_rounding(level, np.where(mask, share, 0.0), p.dtype, ops.conventions.summation)
    return equal(p, enclose(lambda n, mask: mask / n, count, mask.astype(int)), within=allowed)


@temperature.property(x=scores_with_ties(), t=temperatures(1e-300, 1e-3), fine=st.integers(0, 14))
def low_temperature_shares_among_the_highest(ops: Operations, x: Any, t: float, fine: int) -> Any:
    # The others get e^(−1000) at most, which no dtype represents; so it is if scores and temperature are scaled alike.
    scaled = np.ldexp(x.astype(np.float64), -fine).astype(x.dtype)
    lead = float(gaps(scaled)[scaled < scaled.max()].min(initial=1.0))
    return _is_uniform_over(ops, ops.temperature_softmax(scaled, max(t * lead, 1e-300)), scaled == scaled.max())


@temperature.property(x=scalable_scores(), t=temperatures(0.25, 4.0), power=st.integers(-40, 40), far=st.booleans())
def scaling_scores_and_temperature_changes_nothing(ops: Operations, x: Any, t: float, power: int, far: bool) -> Any:
    # A power of two scales scores and temperature without rounding, even to where differences of scores overflow.
    ends = {"float64": 1020, "float32": 124, "bfloat16": 124, "float16": 12}
    exponent = ends[x.dtype.name] if far else power if x.dtype.itemsize > 2 else power // 8
    factor = x.dtype.type(2.0**exponent)
    with np.errstate(over="ignore"):
        factor = factor if np.array_equal(x * factor / factor, x) else x.dtype.type(1)
    scaled, p = ops.temperature_softmax(x * factor, t * float(factor)), ops.temperature_softmax(x, t)
    judged = TEMPERATURE_SOFTMAX.value.judged
    return reproduced(ops, scaled, p, lambda: all_of(*(judged(ops, y, x, temperature=t) for y in (scaled, p))))


@temperature.property(x=distinct_scores(), t=temperatures(1e-300, 1e-3), seed=st.integers(0, 2**32 - 1))
def gradient_vanishes_at_low_temperature(ops: Operations, x: Any, t: float, seed: int) -> Any:
    g = np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    others = np.delete(gaps(x), x.argmax())
    lead = float(others.min(initial=1.0))
    given_that(lead > 1e-9, "one score is the highest alone")
    return equal(ops.temperature_softmax_vjp(g, x, t * lead), np.zeros(len(x)))


@temperature.property(x=distinct_scores(), t=st.sampled_from([1e30, 1e300, math.inf]))
def high_temperature_is_uniform(ops: Operations, x: Any, t: float) -> Any:
    return _is_uniform_over(ops, ops.temperature_softmax(x, t), ~np.isneginf(x.astype(np.float64)))


@temperature.property(x=extreme_rows())
def infinite_temperature_is_uniform(ops: Operations, x: Any) -> Any:
    x = without_infinity(x)
    x = x[~fully_masked(x)]
    return _is_uniform_over(ops, ops.temperature_softmax(x, math.inf), ~np.isneginf(x.astype(np.float64)))


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
    return true, temperature_softmax_rounding(x, t, probabilities(x, t), x.dtype, *TEMPERATURE_SOFTMAX.how(ops))


def entropy(p: Any) -> Any:
    """The entropy of a distribution, in nats."""
    p = np.asarray(p, np.float64)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
