"""What must be true of probability: FAQ 8 and 17, and what makes its primitives trustworthy."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from mathcore import probability_mutants as wrong
from mathcore.laws_limits import LIMITS
from mathcore.probability_rows import (
    ALL,
    ARGMAX,
    CROSS_ENTROPY,
    LOG_SOFTMAX,
    LOGSUMEXP,
    SOFTMAX,
    TEMPERATURE_SOFTMAX,
    any_axis,
    any_width,
    defaults,
    distribution,
    floats_only,
    gradient,
    gradient_sums_to_zero,
    keeps_dtype,
    layout_free,
    log_distribution,
    log_sum_exp,
    many_rows,
    one_hot,
    probabilities,
    pure,
    rows_are_independent,
    rows_with_cotangents,
    stencils,
    steps,
    total,
    wins,
)
from mathcore.probability_tolerances import (
    central_difference,
    certainty_digits,
    cross_entropy_digits,
    cross_entropy_rounding,
    cross_entropy_vjp_rounding,
    entropy_of,
    log_of_softmax,
    log_softmax_again,
    logsumexp_vjp_rounding,
    softmax_ratio,
    softmax_vjp_rounding,
    temperature_softmax_rounding,
    textbook_softmax,
)
from mathcore.verify import (
    Allowance,
    Claim,
    Limits,
    Mutant,
    Operations,
    Target,
    all_of,
    at_least,
    at_most,
    domain,
    draw_array,
    draw_exact,
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
from mathcore.verify.limits import EVERYWHERE
from mathcore.verify.oracle.dual import third_derivative_bound
from mathcore.verify.oracle.enclosures import Enclosure, true_matmul
from mathcore.verify.oracle.residue import residues
from mathcore.verify.tolerances import (
    FORMATS,
    dtype_named,
    format_of,
    gaps,
    log_softmax_digits,
    log_softmax_rounding,
    logsumexp_digits,
    logsumexp_rounding,
    rounding,
    softmax_rounding,
    sum_of_softmax,
)

BLANCHARD = "Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038"

# Domains that several claims share.


@domain
def shiftable(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows on a grid and a shift, far beyond the range of exp where the format allows, with exact sums."""
    name = draw(st.sampled_from(target.dtypes))
    n, most = draw(widths(most=130)), min(0.9 / FORMATS[name].u - 24, 2.0**22)
    x = draw_integers(draw, (draw(st.integers(1, 3)), n), 24)
    shift = draw(st.sampled_from([-1, 1])) * round(draw(log_uniform(min(1000, most / 2), most)))
    grid = draw(st.sampled_from([1.0, 1.0, 0.125, 2.0**-9]))
    return {"x": as_dtype(x * grid, name), "shift": dtype_named(name).type(shift * grid)}


def exactly_added(x: Any, c: Any) -> Any:
    """The rows of x to all scores of which c is added without rounding: Knuth's sum of the rounding errors is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        y = x + c
        back = y - x
        left = (x - (y - back)) + (c - back)
    return x[((left == 0) | np.isneginf(x.astype(np.float64))).all(-1) & np.isfinite(np.asarray(c, np.float64))]


@domain
def masked_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores near 0 or far below it, a cotangent, what is seen (some rows see nothing), and rubbish for the rest.

    What is seen has as many axes as the scores, or fewer, or an axis of length 1.
    """
    name = draw(st.sampled_from(target.dtypes))
    rows, n = draw(st.one_of(st.integers(1, 4), st.sampled_from([9, 20]))), draw(widths(most=65))
    x = draw_array(draw, (rows, n), "float64", (2.0**-6, 2.0**4)) - draw(st.sampled_from([0.0, 300.0, 3000.0]))
    shape = draw(st.sampled_from([(rows, n), (rows, n), (1, n), (n,), (rows, 1), (1,), ()]))
    seen = draw_integers(draw, shape, 3) > draw(st.integers(-3, 2))
    if shape[-1:] == (n,) and draw(st.booleans()):  # a whole stretch hidden, as a tile or a text that is padded
        edge = draw(st.integers(0, n))
        seen = np.broadcast_to((np.arange(n) < edge) ^ draw(st.booleans()), seen.shape).copy()
    if len(shape) == 2 and draw(st.booleans()):
        seen[-1] = False
    rubbish = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1000.0, FORMATS[name].most]))
    g = draw_array(draw, (rows, n), name, (2.0**-4, 2.0**4))
    g[0, 0] = draw(st.sampled_from([0.0, 1.0, np.nan, np.inf]))
    return {"x": as_dtype(x, name), "g": g, "seen": seen, "rubbish": dtype_named(name).type(rubbish)}


def hidden_tiles(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of whole numbers of which a stretch is hidden at either end, the rest far below 0, far above or near."""
    for i, (n, hidden) in enumerate([(3, 1), (9, 8), (16, 8), (17, 16), (64, 32), (129, 128), (200, 64), (257, 256)]):
        x = -(np.arange(2 * n).reshape(2, n) * 5 % 7.0)
        x[0, :hidden] = x[1, n - hidden :] = -np.inf
        for j, level in enumerate((-1000.0, 1000.0, -128.0)):
            name = target.dtypes[(i + j) % len(target.dtypes)]
            exact = np.clip(level, -128, 128) if name == "bfloat16" else level  # which has no odd numbers past 256
            yield {"x": as_dtype(x, name), "level": as_dtype(exact, name)}


def _extremes(name: str) -> Any:
    f = FORMATS[name]
    return as_dtype([-np.inf, -f.most, -f.most / 2, -1, -f.smallest, 0, f.tiny, 100, f.most / 2, f.most], name)


@domain
def extreme_rows(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows of −∞, the largest and smallest numbers of a format, and plain ones."""
    values = _extremes(draw(st.sampled_from(target.dtypes)))
    shape = (draw(st.integers(1, 3)), draw(widths(most=300)))
    if draw(st.booleans()):
        values = values[: draw(st.integers(1, len(values)))]
    return values[draw_integers(draw, shape, 500) % len(values)]


def dead(x: Any) -> Any:
    """Which rows have nothing to see."""
    return np.isneginf(x.astype(np.float64)).all(-1)


def of_nothing_to_see(ops: Operations, p: Any, *, logs: bool = False) -> Any:
    """That the probabilities (or their logarithms) of rows with nothing to see are what the target declares."""
    declared, n = ops.conventions.softmax_of_nothing, max(p.shape[-1], 1)
    if declared == "nan":
        return equal(np.isnan(p.astype(np.float64)), True)
    if declared == "uniform":
        value = -math.log(n) if logs else 1 / n
        return equal(p, np.full(p.shape, value), within=rounding(np.full(p.shape, value), p.dtype) * 8)
    return equal(p, -np.inf if logs else 0.0)


# FAQ 8: logits and argmax.


@domain
def rows_with_ties(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows of few different scores, far apart, a unit in the last place or subnormal, some with special ones."""
    name = draw(st.sampled_from(target.dtypes))
    shape = (draw(st.integers(1, 4)), draw(widths(most=300)))
    level, f = draw_integers(draw, shape, 3), FORMATS[name]
    spacing = draw(st.sampled_from(["wide", "ulp", "subnormal"]))
    level = 1 + level * 2 * f.u if spacing == "ulp" else level
    x = as_dtype(level * (f.smallest if spacing == "subnormal" else 2.0 ** draw(st.integers(-9, 9))), name)
    for special in (np.nan, np.inf, -np.inf):
        if draw(st.booleans()):
            x = np.where(draw_integers(draw, shape, 9) > 7, x.dtype.type(special), x)
    return x


index_of_highest = Claim(
    "argmax.index_of_highest",
    faq=8,
    statement="Argmax is the index, an integer, of the highest score: of equal ones the first, and NaN counts as the "
    "highest.",
    formula=r"\operatorname{argmax}(x) = \min\{i : x_i \ge x_j \text{ for all } j\} \text{ without NaN}",
    needs=("argmax",),
    limits=Limits(options=("axis",)),
    refuted_by=(
        wrong.last_of_ties,
        wrong.nan_skipped,
        wrong.last_nan,
        wrong.lowest_wins,
        wrong.magnitude_wins,
        wrong.coarse_comparison,
        wrong.compared_in_float32,
        wrong.subnormals_are_zero,
        wrong.starts_at_zero,
        wrong.index_in_the_whole_array,
        wrong.index_as_float,
    ),
)


@index_of_highest.property(x=rows_with_ties())
def _(ops: Operations, x: Any) -> Any:
    index = ops.argmax(x)
    return all_of(wins(ops, index, x), equal(index.dtype.kind in "iu", True))


def grids(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of up to five of seven telling values, one batch a width."""
    for name in target.dtypes:
        values = as_dtype([-np.inf, -1, -0.0, 0.0, 1, np.inf, np.nan], name)
        for width in range(1, 6):
            yield {"x": values[np.indices((7,) * width).reshape(width, -1).T]}


@index_of_highest.exhaustive(grids)
def _(ops: Operations, x: Any) -> Any:
    return wins(ops, ops.argmax(x), x)


softmax_keeps_the_winner = Claim(
    "argmax.softmax_keeps_the_winner",
    faq=8,
    statement="Softmax never changes who wins, of scores that are finite or −∞.",
    formula=r"p_{\operatorname{argmax} x} = \max_j p_j, \quad p = \operatorname{softmax}(x)",
    verdict="holds_if",
    condition="winning may be shared: the winner's probability is the highest, but rounding may lift others to it.",
    needs=("softmax", "argmax"),
    limits=Limits(options=("axis", "where")),
    refuted_by=(wrong.sign_flipped, wrong.sorted_outputs, wrong.first_is_the_maximum),
)


def _winner_is_highest(ops: Operations, x: Any) -> Any:
    p = ops.softmax(x)
    winner = np.take_along_axis(p, ops.argmax(x)[..., None], -1)
    return equal(winner, p.max(-1, keepdims=True))


@softmax_keeps_the_winner.property(x=score_rows(most=300))
def _(ops: Operations, x: Any) -> Any:
    return _winner_is_highest(ops, x)


@softmax_keeps_the_winner.property(x=extreme_rows())
def _(ops: Operations, x: Any) -> Any:
    return _winner_is_highest(ops, x)


def sixteen_bit_numbers(name: str) -> np.ndarray[Any, Any]:
    """Every finite number of a 16-bit format, ordered by its bits: the second half is the first, negated."""
    every = np.arange(2**16, dtype=np.uint16).view(dtype_named(name))
    return every[np.isfinite(every.astype(np.float32))]


def sixteen_bit_pairs(target: Target) -> Iterator[dict[str, Any]]:
    """[d, 0] for every d of each 16-bit format; of float16, in its own format, for a target that accepts neither."""
    accepted = [name for name in ("float16", "bfloat16") if name in target.dtypes]
    for name in accepted or ["float16"]:
        d = sixteen_bit_numbers(name)
        yield {"x": np.stack([d, np.zeros_like(d)], -1).astype(dtype_named(name if accepted else target.dtypes[0]))}


@softmax_keeps_the_winner.exhaustive(sixteen_bit_pairs)
def _(ops: Operations, x: Any) -> Any:
    return all_of(_winner_is_highest(ops, x), _winner_is_highest(ops, x[:, ::-1]))


def neighbours(target: Target) -> Iterator[dict[str, Any]]:
    """[0, −v, −w] for 60,000 pairs of neighbouring float32 numbers v < w from 0.0888 on."""
    v = np.arange(60_000, dtype=np.uint32) + np.float32(0.0888).view(np.uint32)
    below = np.stack([np.zeros(len(v), np.float32), -v.view(np.float32), -(v + np.uint32(1)).view(np.float32)], -1)
    yield {"x": as_dtype(below, "float32" if "float32" in target.dtypes else target.dtypes[0])}


@softmax_keeps_the_winner.exhaustive(neighbours)
def _(ops: Operations, x: Any) -> Any:
    p = ops.softmax(x)
    inverted = int((p[:, 1] < p[:, 2]).sum())  # below the top, exp may not be monotone
    return _winner_is_highest(ops, x).measuring(**{"order inverted below the top": inverted})


def closer_and_closer() -> Iterator[dict[str, Any]]:
    """[0, 2⁻ᵏ] in float32, for k from 0 on."""
    for k in range(40):
        yield {"x": np.array([0, 2.0**-k], np.float32)}


@softmax_keeps_the_winner.counterexample(cases=closer_and_closer)
def _(ops: Operations, x: Any) -> Any:
    return equal(ops.argmax(ops.softmax(x)), ops.argmax(x))


shift_and_scale_free = Claim(
    "argmax.shift_and_scale_free",
    faq=8,
    statement="Adding a finite number to all scores, or multiplying them by a positive one, keeps the decision.",
    formula=r"\operatorname{argmax}(a x + b) = \operatorname{argmax}(x), \quad 0 < a < \infty,\ |b| < \infty",
    verdict="holds_if",
    condition="the arithmetic makes no new ties for the first place, as rounding can.",
    needs=("argmax",),
    limits=Limits(options=("axis",), rows=3),
    refuted_by=(wrong.magnitude_wins, wrong.coarse_comparison, wrong.starts_at_zero),
)


@domain
def exact_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores, a positive factor and a constant in numbers that arithmetic is exact on."""
    rows, n = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    a, b, *scores = draw_exact(draw, target, 2 + rows * n)  # all of one kind
    return {"x": np.array(scores).reshape(rows, n), "a": abs(a) + 1, "b": b}


@shift_and_scale_free.exact(exact_scores())
def _(ops: Operations, x: Any, a: Any, b: Any) -> Any:
    return equal(ops.argmax(a * x + b), ops.argmax(x))


@domain
def scalable(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of scores, a positive factor and a constant of either sign, of any size."""
    x = draw(score_rows(most=300).build(target))
    most = FORMATS[x.dtype.name].most
    a = draw(log_uniform(2.0**-10, 2.0**10))
    b = draw(st.sampled_from([-1, 0, 1])) * draw(log_uniform(2.0**-10, min(most / 8, 2.0**30)))
    return {"x": x, "a": as_dtype(a, x.dtype.name), "b": as_dtype(b, x.dtype.name)}


@shift_and_scale_free.property(scalable())
def _(ops: Operations, x: Any, a: Any, b: Any) -> Any:
    a = abs(a)
    with np.errstate(over="ignore"):
        moved = a * x + b
    return all_of(*(_same_decision(ops, y, x) for y in (moved, x + b, a * x)))


def _same_decision(ops: Operations, y: Any, x: Any) -> Any:
    """That x and y have one winner where as many scores share the first place, and that x's is among y's elsewhere."""
    before, after = ops.argmax(x), ops.argmax(y)
    no_new_ties = (x == x.max(-1, keepdims=True)).sum(-1) == (y == y.max(-1, keepdims=True)).sum(-1)
    here = np.take_along_axis(y, before[:, None], -1)
    return all_of(equal(after[no_new_ties], before[no_new_ties]), equal(here, y.max(-1, keepdims=True)))


@shift_and_scale_free.counterexample(cases=closer_and_closer)
def _(ops: Operations, x: Any) -> Any:
    return equal(ops.argmax(x + np.float32(1)), ops.argmax(x))


def smaller_and_smaller() -> Iterator[dict[str, Any]]:
    """[2⁻ᵏ, 2 · 2⁻ᵏ] in float32, for k from 120 on."""
    for k in range(120, 149):
        yield {"x": np.array([2.0**-k, 2.0 ** (1 - k)], np.float32)}


@shift_and_scale_free.counterexample(cases=smaller_and_smaller)
def _(ops: Operations, x: Any) -> Any:
    return equal(ops.argmax(x * np.float32(2.0**-20)), ops.argmax(x))


logits_are_raw = Claim(
    "logits.are_raw",
    faq=8,
    statement="Logits may be any real numbers: normalising them loses nothing but a constant and roundings, for the "
    "logarithms of their probabilities differ among themselves as the logits did, where the format has room for the "
    "difference and, taken from softmax, no probability underflows.",
    formula=r"\ln p_i - \ln p_j = x_i - x_j, \quad p = \operatorname{softmax}(x)",
    needs=("softmax", "log_softmax"),
    limits=Limits(options=("axis", "where"), rows=1),
    tolerances=(log_softmax_rounding, log_of_softmax),
    refuted_by=(
        wrong.base_two,
        wrong.slightly_warm,
        wrong.logs_base_two,
        wrong.log_of_softmax_and_epsilon,
        wrong.logs_unshifted,
    ),
)


@domain
def raw_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of scores whose probabilities stay normal numbers: any offset, gaps up to nearly all of that range."""
    name = draw(st.sampled_from(target.dtypes))
    n = draw(widths(most=65))
    reach = -math.log(FORMATS[name].tiny) - math.log(n)
    x = draw_array(draw, (1, n), "float64", (2.0**-10, 1)).clip(-1, 1) * draw(log_uniform(0.05, 0.45)) * reach
    return as_dtype(x + draw(st.sampled_from([-1, 0, 1])) * draw(log_uniform(10, 1000)), name)[0]


def _apart(y: Any, x: Any, top: int) -> Any:
    return (y - y[top]) - (x - x[top])


@logits_are_raw.property(x=score_rows(most=65, rows=1, masked=False))
def _(ops: Operations, x: Any) -> Any:
    x, top = x[0], int(x[0].argmax())
    kept = enclose(lambda log_p, x: _apart(log_p, x, top), ops.log_softmax(x), x)
    allowed = log_softmax_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    fits = gaps(x) < 0.75 * format_of(x.dtype).most
    return equal(np.zeros(int(fits.sum())), kept[fits], within=(allowed + allowed[top])[fits])


@logits_are_raw.property(x=raw_scores())
def _(ops: Operations, x: Any) -> Any:
    top = int(x.argmax())
    kept = enclose(lambda p, x: _apart(np.log(p), x, top), ops.softmax(x), x)
    allowed = log_of_softmax(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(np.zeros(len(x)), kept, within=allowed + allowed[top])


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
def _(ops: Operations, x: Any) -> Any:
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


def that_see(x: Any) -> Any:
    """The rows that are not −∞ throughout."""
    return x[(x > -np.inf).any(-1)]


def _sums_to_one(ops: Operations, x: Any) -> Any:
    p = ops.softmax(that_see(x))
    allowed = sum_of_softmax(x.shape[-1], x.dtype, ops.conventions.summation)
    return equal(total(p, -1.0), 0.0, within=allowed)


@sums_to_one.property(x=score_rows())
def _(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


@sums_to_one.exhaustive(sixteen_bit_pairs)
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
    return _sums_to_one(ops, x)


def equal_scores() -> Iterator[dict[str, Any]]:
    """Rows of zeros in float64, one longer each time."""
    for n in range(1, 20):
        yield {"x": np.zeros((1, n))}


@sums_to_one.counterexample(cases=equal_scores)
def _(ops: Operations, x: Any) -> Any:
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
        wrong.zeros,
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
def _(ops: Operations, x: Any) -> Any:
    return _positive_within_reach(ops, x)


@is_positive.property(x=score_rows(most=300, masked=False))
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
    p, gap = ops.softmax(x)[:, 1].astype(np.float64), -x[:, 1].astype(np.float64)
    safe = gap < -math.log(8 * format_of(x.dtype).smallest)
    first_zero = float(gap[p == 0].min(initial=np.inf))
    relation = less(np.zeros(int(safe.sum())), p[safe])
    gone = p[gap > 3 + math.log(2) - math.log(format_of(x.dtype).smallest)]
    return all_of(
        relation.measuring(**{f"first gap that gives 0, {x.dtype}": first_zero}), at_most(p, 1.0), equal(gone, 0.0)
    )


@is_positive.counterexample(gap=st.integers(0, 2000))
def _(ops: Operations, gap: int) -> Any:
    return less(np.zeros(2), ops.softmax(np.array([0.0, -gap])))


def crowds() -> Iterator[dict[str, Any]]:
    """n scores of 0 and one of −740, for n = 1, 10, 100, …: what is left of it is shared with all of them."""
    for n in (1, 10, 100, 1000, 10_000):
        yield {"x": np.array([[*np.zeros(n), -740.0]])}


@is_positive.counterexample(cases=crowds)
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any, level: Any) -> Any:
    return identical(ops.softmax(x + level), ops.softmax(x))


@shift_invariant.property(shiftable())
def _(ops: Operations, x: Any, shift: Any) -> Any:
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
    refuted_by=(wrong.no_shift, wrong.excluded_after_the_fact, wrong.mask_upside_down),
)


@additive_mask.property(shiftable(), effort=2.0, seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def _(ops: Operations, x: Any, shift: Any, seed: int, share: float) -> Any:
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
def _(ops: Operations, x: Any, k: int) -> Any:
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
def _(ops: Operations, x: Any, t: float, fine: int) -> Any:
    # The others get e^(−1000) at most, which no format holds; so it is if scores and temperature are scaled alike.
    scaled = np.ldexp(x.astype(np.float64), -fine).astype(x.dtype)
    lead = float(gaps(scaled)[scaled < scaled.max()].min(initial=1.0))
    return _shared(ops, ops.temperature_softmax(scaled, max(t * lead, 1e-300)), scaled == scaled.max())


@temperature.property(x=scalable_scores(), t=temperatures(0.25, 4.0), power=st.integers(-40, 40), far=st.booleans())
def _(ops: Operations, x: Any, t: float, power: int, far: bool) -> Any:
    # A power of two scales scores and temperature without rounding, even to where differences of scores overflow.
    ends = {"float64": 1020, "float32": 124, "bfloat16": 124, "float16": 12}
    exponent = ends[x.dtype.name] if far else power if x.dtype.itemsize > 2 else power // 8
    factor = x.dtype.type(2.0**exponent)
    with np.errstate(over="ignore"):
        factor = factor if np.array_equal(x * factor / factor, x) else x.dtype.type(1)
    return identical(ops.temperature_softmax(x * factor, t * float(factor)), ops.temperature_softmax(x, t))


@temperature.property(x=distinct_scores(), t=temperatures(1e-300, 1e-3), seed=st.integers(0, 2**32 - 1))
def _(ops: Operations, x: Any, t: float, seed: int) -> Any:
    g = np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    others = np.delete(gaps(x), x.argmax())
    lead = float(others.min(initial=1.0))
    given_that(lead > 1e-9, "one score is the highest alone")
    return equal(ops.temperature_softmax_vjp(g, x, t * lead), np.zeros(len(x)))


@temperature.property(x=distinct_scores(), t=st.sampled_from([1e30, 1e300, math.inf]))
def _(ops: Operations, x: Any, t: float) -> Any:
    return _shared(ops, ops.temperature_softmax(x, t), ~np.isneginf(x.astype(np.float64)))


@temperature.property(x=extreme_rows())
def _(ops: Operations, x: Any) -> Any:
    x = _in_range(x)
    x = x[~dead(x)]
    return _shared(ops, ops.temperature_softmax(x, math.inf), ~np.isneginf(x.astype(np.float64)))


@temperature.property(x=distinct_scores(), t=st.sampled_from([0.0, -0.0, -1.0, -1e-300, -math.inf, math.nan]))
def _(ops: Operations, x: Any, t: float) -> Any:
    return raises(lambda: ops.temperature_softmax(x, t), ValueError, saying=("temperature",))


@temperature.property(x=distinct_scores(), t=st.sampled_from([0.0, -0.0, -1.0, -1e-300, -math.inf, math.nan]))
def _(ops: Operations, x: Any, t: float) -> Any:
    return raises(lambda: ops.temperature_softmax_vjp(x, x, t), ValueError, saying=("temperature",))


@temperature.property(x=score_rows(most=33), t=temperatures(), warmer=temperatures(1, 4))
def _(ops: Operations, x: Any, t: float, warmer: float) -> Any:
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
def _(ops: Operations, x: Any, seed: int) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
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
        wrong.infinity_past_four,
        wrong.broken_scores_mended_under_a_mask,
        wrong.temperature_of_nothing_is_nan,
        wrong.nan_past_sixteen,
        wrong.lse_infinity_past_four,
        wrong.infinite_rows_pulled,
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
def _(ops: Operations, x: Any) -> Any:
    seen = np.arange(x.shape[-1]) != x.shape[-1] - 1  # the last is hidden
    clean = np.where(seen, x, -np.inf)
    (broken, gone), p = _broken(clean), ops.softmax(x, where=seen)
    return equal(np.isnan(p[~gone]), broken[~gone])


@special_values.exhaustive(special_needles)
def _(ops: Operations, x: Any) -> Any:
    (nan, infinite, _), lse = _kinds(x), ops.logsumexp(x).astype(np.float64)
    return all_of(equal(np.isnan(lse), nan), equal(np.isposinf(lse), infinite & ~nan))


@special_values.exhaustive(special_grid)
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
    n, p, how = x.shape[-1], probabilities(x), (x.dtype, ops.conventions.summation)
    rows, basis, ones = np.tile(x, (n, 1)), np.eye(n, dtype=x.dtype), np.ones_like(x)
    true = enclose(lambda x: np.diag(distribution(x)) - np.outer(distribution(x), distribution(x)), x[0])
    return all_of(
        equal(ops.softmax_vjp(basis, rows), true, within=softmax_vjp_rounding(basis, rows, p, *how)),
        equal(ops.softmax_vjp(ones, x), np.zeros_like(p), within=softmax_vjp_rounding(ones, x, p, *how)),
    )


@jacobian.property(rows_with_cotangents(most=65, rows=2))
def _(ops: Operations, x: Any, g: Any) -> Any:
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
def _(ops: Operations, x: Any, g: Any) -> Any:
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
def _(ops: Operations) -> Any:
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
def _(ops: Operations, x: Any) -> Any:
    x = that_see(x)
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    y, error = ops.logsumexp(x), logsumexp_rounding(x, p, *how)
    highest = enclose(lambda m, n: m + np.log(n), x.max(-1), np.full(len(x), x.shape[-1]))
    return all_of(at_least(y, x.max(-1)), at_most(y, highest, within=error))


@lse_bounds.property(x=score_rows(most=300))
def _(ops: Operations, x: Any) -> Any:
    x = that_see(x)
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    difference = enclose(lambda x, y: x - y[:, None], x, ops.logsumexp(x))
    allowed = log_softmax_rounding(x, p, *how) + logsumexp_rounding(x, p, *how)[:, None]
    fits = ~(abs(difference.hi) > FORMATS[x.dtype.name].most / 2)
    return equal(ops.log_softmax(x)[fits], difference[fits], within=allowed[fits])


@lse_bounds.property(x=score_rows(most=300))
def _(ops: Operations, x: Any) -> Any:
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
    """One row of 4,099 scores in each format."""
    x = np.random.default_rng(2).normal(size=(1, 4099)) * 4
    for name in target.dtypes:
        yield {"x": as_dtype(x + 100, name)}


@accuracy.exhaustive(long_rows)
def _(ops: Operations, x: Any) -> Any:
    return _is_accurate(ops, x, enclose(distribution, x), "4,099 scores")


@accuracy.property(x=score_rows())
def _(ops: Operations, x: Any) -> Any:
    x, longest = x[~dead(x)], next(n for n in (8, 64, 2000) if x.shape[-1] <= n)
    return _is_accurate(ops, x, enclose(distribution, x), f"up to {longest} scores")


@functools.cache
def _true_pairs(name: str) -> Enclosure:
    """The true softmax of every [d, 0] of a 16-bit format."""
    first = enclose(lambda d: 1 / (1 + np.exp(-d)), sixteen_bit_numbers(name))
    # The second half of the numbers is the first, negated, and softmax([d, 0]) is softmax([−d, 0]) turned around.
    return Enclosure(*(np.stack([v, np.roll(v, len(v) // 2)], -1) for v in (first.hi, first.lo, first.radius)))


@accuracy.exhaustive(sixteen_bit_pairs)
def _(ops: Operations, x: Any) -> Any:
    true = _true_pairs(x.dtype.name if x.dtype.itemsize == 2 else "float16")
    return _is_accurate(ops, x, true, "all pairs")


# Logarithms of probabilities.


lse_accuracy = Claim(
    "logsumexp.accuracy",
    statement="Log-sum-exp lies within its derived bound of the true value, for scores of any size and spread.",
    formula=r"y = \ln\sum_i e^{x_i}",
    source=BLANCHARD,
    needs=("logsumexp",),
    limits=Limits(options=("axis", "keepdims", "where"), rows=3),
    tolerances=(logsumexp_rounding,),
    refuted_by=(
        wrong.sum_overflows,
        wrong.maximum_not_added_back,
        wrong.log_mean_exp,
        wrong.just_the_maximum,
        wrong.largest_term_twice,
        wrong.lse_alone_far_out,
    ),
)


@domain
def far_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows of neighbouring scores at any distance from 0, to where they have no digits left for a difference of 1."""
    name = draw(st.sampled_from(target.dtypes))
    f = FORMATS[name]
    level = draw(st.sampled_from([-1, 1])) * draw(log_uniform(2.0, min(4 / f.u, f.most / 2)))
    x = draw_array(draw, (draw(st.integers(1, 3)), draw(widths(most=300))), "float64", (2.0**-6, 4))
    return as_dtype(level + x, name)


@lse_accuracy.property(x=far_scores())
def _(ops: Operations, x: Any) -> Any:
    allowed = logsumexp_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.logsumexp(x), enclose(log_sum_exp, x), within=allowed)


@lse_accuracy.exhaustive(hidden_tiles)
def _(ops: Operations, x: Any, level: Any) -> Any:
    x = x + level
    allowed = logsumexp_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.logsumexp(x), enclose(log_sum_exp, x), within=allowed)


@lse_accuracy.property(x=score_rows())
def _(ops: Operations, x: Any) -> Any:
    allowed = logsumexp_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.logsumexp(x), enclose(log_sum_exp, x), within=allowed)


log_accuracy = Claim(
    "log_softmax.accuracy",
    statement="Log-softmax is the logarithm of softmax within its derived bound, also where softmax itself underflows.",
    formula=r"t_i = \ln \frac{e^{x_i}}{\sum_j e^{x_j}}",
    source=BLANCHARD,
    needs=("log_softmax",),
    limits=Limits(options=("axis", "where"), rows=3),
    tolerances=(log_softmax_rounding,),
    refuted_by=(
        wrong.log_of_softmax_and_epsilon,
        wrong.normaliser_first,
        wrong.logs_unshifted,
        wrong.logs_base_two,
    ),
)


@log_accuracy.property(x=score_rows())
def _(ops: Operations, x: Any) -> Any:
    allowed = log_softmax_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.log_softmax(x), enclose(log_distribution, x), within=allowed)


@domain
def dominated_rows(draw: Draw, target: Target, *, level: bool = True) -> np.ndarray[Any, Any]:
    """Rows whose highest score lies above the others by up to 0.9 of the way to underflow; on request it is 0."""
    name = draw(st.sampled_from(target.dtypes))
    shape = (draw(st.integers(1, 2)), draw(widths(least=2, most=65)))
    gap = draw(log_uniform(1, 0.9 * -math.log(FORMATS[name].tiny)))
    x = -gap - abs(draw_array(draw, shape, "float64", (2.0**-6, 1)))
    x[:, draw(st.integers(0, shape[1] - 1))] = 0
    return as_dtype(x + draw(st.sampled_from([0, 0, 16, -64])) * level, name)


lse_dominant = Claim(
    "logsumexp.dominant_score",
    statement="When one score dominates and is 0, logsumexp still knows by how much the others lift it, to the last "
    "few digits, as long as that is a normal number of the format.",
    formula=r"\ln\bigl(1 + s\bigr) = \operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j}, \quad "
    r"x_k = 0 = \max x",
    limits=Limits(
        options=("axis", "keepdims", "where"),
        rows=2,
        signs=("logsumexp.x <= 0",),
        said=("is 0", "normal number of the format"),
    ),
    needs=("logsumexp",),
    tolerances=(logsumexp_digits,),
    refuted_by=(wrong.small_terms_drowned, wrong.just_the_maximum, wrong.sum_overflows),
)


@lse_dominant.property(x=dominated_rows(level=False))
def _(ops: Operations, x: Any) -> Any:
    allowed = logsumexp_digits(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.logsumexp(x), enclose(log_sum_exp, x), within=allowed)


log_dominant = Claim(
    "log_softmax.dominant_score",
    statement="When one score dominates, its log-probability is a tiny negative number, good to its last few digits, "
    "and not 0, as long as it is a normal number of the format.",
    formula=r"\ln p_k = -\operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j - x_k}, \quad x_k = \max x",
    limits=Limits(options=("axis", "where"), rows=2, said=("normal number of the format",)),
    needs=("log_softmax",),
    tolerances=(log_softmax_digits,),
    refuted_by=(wrong.one_drowns_the_rest, wrong.normaliser_first, wrong.log_of_softmax, wrong.logs_unshifted),
)


@log_dominant.property(x=dominated_rows())
def _(ops: Operations, x: Any) -> Any:
    allowed = log_softmax_digits(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.log_softmax(x), enclose(log_distribution, x), within=allowed)


log_shift_invariant = Claim(
    "log_softmax.shift_invariant",
    statement="A common offset of the scores, however large, changes no bit of log-softmax, where the addition itself "
    "is exact.",
    formula=r"\ln\operatorname{softmax}(x + c) = \ln\operatorname{softmax}(x), \quad c \text{ finite}",
    limits=Limits(options=("axis", "where"), rows=3, said=("where the addition itself is exact",)),
    needs=("log_softmax",),
    refuted_by=(wrong.normaliser_first, wrong.logs_unshifted),
)


@log_shift_invariant.exhaustive(hidden_tiles)
def _(ops: Operations, x: Any, level: Any) -> Any:
    return identical(ops.log_softmax(x + level), ops.log_softmax(x))


@log_shift_invariant.property(shiftable())
def _(ops: Operations, x: Any, shift: Any) -> Any:
    x = exactly_added(x, shift)
    return identical(ops.log_softmax(x + shift), ops.log_softmax(x))


log_idempotent = Claim(
    "log_softmax.idempotent",
    statement="Log-softmax of a log-softmax changes nothing but roundings: the logarithms of probabilities are already "
    "normalised logits.",
    formula=r"\ln\operatorname{softmax}(\ln\operatorname{softmax}(x)) = \ln\operatorname{softmax}(x)",
    needs=("log_softmax",),
    limits=Limits(options=("axis", "where"), rows=3),
    tolerances=(log_softmax_rounding, log_softmax_again),
    refuted_by=(wrong.logs_base_two, wrong.log_of_softmax_and_epsilon, wrong.logs_unshifted),
)


@log_idempotent.property(x=score_rows(most=300))
def _(ops: Operations, x: Any) -> Any:
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    allowed = log_softmax_rounding(x, p, *how) + log_softmax_again(x, p, *how)
    return equal(ops.log_softmax(ops.log_softmax(x)), enclose(log_distribution, x), within=allowed)


# What is excluded.


def _excluding(operation: str, refuted_by: tuple[Mutant, ...], *tolerances: Callable[..., Allowance]) -> Claim:
    """What `where` excludes must not exist for `operation`, nor for its derivative."""
    return Claim(
        f"{operation}.where_excludes",
        statement=f"What `where` excludes does not exist for `{operation}`: no bit depends on it, NaN and infinity "
        "included, it gets no gradient, and the rest is, up to rounding, what it would be alone; `where` may have "
        "fewer axes than the scores.",
        formula=r"f(x, w) = f(x_w), \qquad \frac{\partial f}{\partial x_i} = 0 \text{ where } w_i \text{ is false}",
        needs=(operation, f"{operation}_vjp"),
        limits=LIMITS.get(f"{operation}.where_excludes", EVERYWHERE),
        tolerances=tolerances,
        refuted_by=(
            *refuted_by,
            *(
                family(name)
                for family in (
                    wrong.mask_of_fewer_axes_ignored,
                    wrong.mask_of_three_axes_ignored,
                    wrong.mask_of_other_axes_ignored,
                    wrong.mask_wraps,
                    wrong.large_mask_ignored,
                )
                for name in (operation, f"{operation}_vjp")
            ),
        ),
    )


def _hidden(x: Any, seen: Any, rubbish: Any) -> tuple[Any, Any, Any]:
    """Scores with rubbish where nothing is seen, with −∞ there, and which rows see anything."""
    seen = np.broadcast_to(seen, x.shape)
    return np.where(seen, x, rubbish), np.where(seen, x, -np.inf).astype(x.dtype), seen.any(-1)


@domain
def masked_cubes(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores of two to four axes, an axis to work along, a cotangent, and what is seen, in as many axes or fewer."""
    shape = tuple(draw(st.integers(1, 4)) for _ in range(draw(st.integers(2, 4))))
    name, fewer = draw(st.sampled_from(target.dtypes)), draw(st.integers(0, len(shape)))
    mask = tuple(n if draw(st.integers(0, 3)) else 1 for n in shape[fewer:])
    x, g = (draw_array(draw, shape, name, (0.25, 8)) for _ in range(2))
    seen = draw(seeds()).random(mask) < draw(st.floats(0, 1))
    return {"x": x, "g": g, "seen": np.asarray(seen), "axis": draw(st.integers(-len(shape), len(shape) - 1))}


def large_masks(target: Target) -> Iterator[dict[str, Any]]:
    """45,000 scores, and masks of all axes, of one, and of an axis of length 1."""
    rng, name = np.random.default_rng(6), "float32" if "float32" in target.dtypes else target.dtypes[0]
    x, g = (as_dtype(rng.normal(size=(300, 150)), name) for _ in range(2))
    for axis, shape in itertools.product((0, 1), ((300, 150), (150,), (300, 1))):
        yield {"x": x, "g": g, "seen": rng.random(shape) < 0.5, "axis": axis}


def _as_if_infinite(ops: Operations, operation: str, x: Any, g: Any, seen: Any, axis: int) -> Any:
    """That `where` does bit for bit what −∞ in its place does, forwards and backwards."""
    if operation == "logsumexp":
        g = np.take(g, 0, axis)
    dirty, clean = (np.where(seen, x, v).astype(x.dtype) for v in (np.nan, -np.inf))
    value, vjp = (getattr(ops, name) for name in (operation, f"{operation}_vjp"))
    return all_of(
        identical(value(dirty, axis=axis, where=seen), value(clean, axis=axis)),
        identical(vjp(g, dirty, axis=axis, where=seen), vjp(g, clean, axis=axis)),
    )


softmax_excludes = _excluding(
    "softmax",
    (
        wrong.excluded_by_multiplying,
        wrong.excluded_after_the_fact,
        wrong.excluded_at_minus_100,
        wrong.mask_upside_down,
        wrong.dead_row_is_nan,
        wrong.dead_row_is_uniform,
        wrong.cotangent_leaks,
    ),
    softmax_rounding,
    rounding,
)


@softmax_excludes.property(masked_rows())
def _(ops: Operations, x: Any, g: Any, seen: Any, rubbish: Any) -> Any:
    dirty, clean, alive = _hidden(x, seen, rubbish)
    allowed = softmax_rounding(clean[alive], probabilities(clean[alive]), x.dtype, ops.conventions.summation)
    y = ops.softmax(dirty, where=seen)
    return all_of(
        equal(y[alive], enclose(distribution, clean[alive]), within=allowed),
        equal(y[alive][np.isneginf(clean[alive])], 0.0),
        of_nothing_to_see(ops, y[~alive]),
        identical(y, ops.softmax(clean)),
        identical(ops.softmax(dirty.T, axis=0, where=np.atleast_2d(seen).T).T, y),
    )


@softmax_excludes.property(masked_rows())
def _(ops: Operations, x: Any, g: Any, seen: Any, rubbish: Any) -> Any:
    dirty, clean, alive = _hidden(x, seen, rubbish)
    alive = alive | (ops.conventions.softmax_of_nothing == "zeros")  # else a dead row has no gradient to speak of
    pulled = ops.softmax_vjp(np.where(seen, g, rubbish), dirty, where=seen)
    return all_of(equal(pulled[alive][np.isneginf(clean[alive])], 0.0), identical(pulled, ops.softmax_vjp(g, clean)))


log_softmax_excludes = _excluding(
    "log_softmax",
    (wrong.logs_mask_forgotten, wrong.logs_dead_row_is_nan, wrong.logs_cotangent_leaks),
    log_softmax_rounding,
    rounding,
)


@log_softmax_excludes.property(masked_rows())
def _(ops: Operations, x: Any, g: Any, seen: Any, rubbish: Any) -> Any:
    dirty, clean, alive = _hidden(x, seen, rubbish)
    allowed = log_softmax_rounding(clean[alive], probabilities(clean[alive]), x.dtype, ops.conventions.summation)
    y = ops.log_softmax(dirty, where=seen)
    return all_of(
        equal(y[alive], enclose(log_distribution, clean[alive]), within=allowed),
        equal(y[alive][np.isneginf(clean[alive])], -np.inf),
        of_nothing_to_see(ops, y[~alive], logs=True),
        identical(y, ops.log_softmax(clean)),
        identical(ops.log_softmax(dirty.T, axis=0, where=np.atleast_2d(seen).T).T, y),
    )


@log_softmax_excludes.property(masked_rows())
def _(ops: Operations, x: Any, g: Any, seen: Any, rubbish: Any) -> Any:
    dirty, clean, alive = _hidden(x, seen, rubbish)
    alive = alive | (ops.conventions.softmax_of_nothing == "zeros")  # else a dead row has no gradient to speak of
    pulled = ops.log_softmax_vjp(np.where(seen, g, rubbish), dirty, where=seen)
    return all_of(
        equal(pulled[alive][np.isneginf(clean[alive])], 0.0), identical(pulled, ops.log_softmax_vjp(g, clean))
    )


logsumexp_excludes = _excluding(
    "logsumexp",
    (wrong.lse_mask_forgotten, wrong.lse_dead_row_is_nan, wrong.dead_gradient_is_nan),
    logsumexp_rounding,
)


@logsumexp_excludes.property(masked_rows())
def _(ops: Operations, x: Any, g: Any, seen: Any, rubbish: Any) -> Any:
    dirty, clean, alive = _hidden(x, seen, rubbish)
    allowed = logsumexp_rounding(clean[alive], probabilities(clean[alive]), x.dtype, ops.conventions.summation)
    y = ops.logsumexp(dirty, where=seen)
    return all_of(
        equal(y[alive], enclose(log_sum_exp, clean[alive]), within=allowed),
        equal(y[~alive], -np.inf),
        identical(y, ops.logsumexp(clean)),
        identical(ops.logsumexp(dirty.T, axis=0, where=np.atleast_2d(seen).T), y),
    )


@logsumexp_excludes.property(masked_rows())
def _(ops: Operations, x: Any, g: Any, seen: Any, rubbish: Any) -> Any:
    dirty, clean, _ = _hidden(x, seen, rubbish)
    pulled = ops.logsumexp_vjp(g[:, 0], dirty, where=seen)
    return all_of(equal(pulled[np.isneginf(clean)], 0.0), identical(pulled, ops.logsumexp_vjp(g[:, 0], clean)))


for _claim, _operation in (
    (softmax_excludes, "softmax"),
    (log_softmax_excludes, "log_softmax"),
    (logsumexp_excludes, "logsumexp"),
):

    @_claim.exhaustive(large_masks)
    @_claim.property(masked_cubes())
    def _(ops: Operations, x: Any, g: Any, seen: Any, axis: int, operation: str = _operation) -> Any:
        return _as_if_infinite(ops, operation, x, g, seen, axis)


keepdims = Claim(
    "logsumexp.keepdims",
    statement="With `keepdims` the axis stays, of length 1, and so it does in the cotangent; no number changes, "
    "whatever is excluded.",
    formula=r"f(x, \text{keepdims}) \in \mathbb R^{\dots \times 1}",
    needs=("logsumexp", "logsumexp_vjp"),
    limits=Limits(rows=4),
    refuted_by=(wrong.keepdims_ignored, wrong.keepdims_last, wrong.keepdims_sees_all, wrong.kept_cotangent_sees_all),
)


@keepdims.property(rows_with_cotangents(), axis=st.sampled_from([0, 1, -1, -2]))
def _(ops: Operations, x: Any, g: Any, axis: int) -> Any:
    kept, seen = ops.logsumexp(x, axis=axis, keepdims=True), g > 0
    kept_of_seen = ops.logsumexp(x, axis=axis, keepdims=True, where=seen)
    return all_of(
        identical(kept, np.expand_dims(ops.logsumexp(x, axis=axis), axis)),
        identical(kept_of_seen, np.expand_dims(ops.logsumexp(x, axis=axis, where=seen), axis)),
    )


@keepdims.property(rows_with_cotangents(), axis=st.sampled_from([0, 1, -1, -2]))
def _(ops: Operations, x: Any, g: Any, axis: int) -> Any:
    g, seen = np.take(g, [0], axis), g > 0
    pulled = ops.logsumexp_vjp(g, x, axis=axis, keepdims=True)
    of_seen = ops.logsumexp_vjp(g, x, axis=axis, keepdims=True, where=seen)
    return all_of(
        identical(pulled, ops.logsumexp_vjp(g.squeeze(axis), x, axis=axis)),
        identical(of_seen, ops.logsumexp_vjp(g.squeeze(axis), x, axis=axis, where=seen)),
    )


# Cross-entropy.


@domain
def classified_rows(draw: Draw, target: Target, *, most: int = 33) -> dict[str, Any]:
    """Logits, targets some of which are to be ignored, and the options, drawn together. One row counts at least."""
    logits = draw(score_rows(most=most, rows=draw(st.integers(1, 6)), masked=False).build(target))
    targets = draw_integers(draw, (len(logits),), 10**6) % logits.shape[-1]
    ignore = draw(st.sampled_from([-100, -1, int(targets[0]), None]))
    if ignore is not None:
        targets = np.where(draw_integers(draw, targets.shape, 3) > 0, ignore, targets)
    if (targets == ignore).all():
        targets[-1], ignore = 0, ignore if ignore in (-100, -1) else None
    smoothing = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    reduction = draw(st.sampled_from(["mean", "sum", "none"]))
    options = {"ignore_index": ignore, "label_smoothing": smoothing, "reduction": reduction}
    kinds = ["int64", "int32", "int16", *(["int8"] if logits.shape[-1] <= 128 else [])]  # −100 fits into each
    kind = draw(st.sampled_from(kinds))
    return {"logits": logits, "targets": targets.astype(kind), "options": options}


def counted(targets: Any, options: dict[str, Any]) -> Any:
    """Which rows count."""
    return np.asarray(targets) != options["ignore_index"]


def surprise(logits: Any, targets: Any, options: dict[str, Any]) -> Enclosure:
    """The true loss of the rows that count."""
    rows, y, reduction = logits[counted(targets, options)], targets[counted(targets, options)], options["reduction"]

    def formula(x: Any, smoothing: Any) -> Any:
        log_p = log_distribution(x)
        losses = -np.take_along_axis(log_p, y[:, None], -1)[:, 0]
        if options["label_smoothing"]:  # a weight of 0 counts for nothing, even on −∞
            losses = (1 - smoothing) * losses - smoothing * log_p.sum(-1) / x.shape[-1]
        return losses if reduction == "none" else losses.sum() / (len(y) if reduction == "mean" else 1)

    return enclose(formula, rows, options["label_smoothing"])


def _surprise_allowed(ops: Operations, logits: Any, targets: Any, options: dict[str, Any]) -> Allowance:
    keep = counted(targets, options)
    return cross_entropy_rounding(
        logits[keep],
        probabilities(logits[keep]),
        targets[keep],
        logits.dtype,
        ops.conventions.summation,
        label_smoothing=options["label_smoothing"],
        reduction=options["reduction"],
        rows=len(targets),
    )


Shape: TypeAlias = tuple[int, ...]


def _stacked(logits: Any, targets: Any, shape: Shape, axis: int) -> tuple[Any, Any]:
    """Rows arranged in more axes, with the classes along one of them."""
    return np.moveaxis(logits.reshape(*shape, logits.shape[-1]), -1, axis), targets.reshape(shape)


def _is_the_surprise(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape = (-1,), axis: int = -1
) -> Any:
    loss = ops.cross_entropy(*_stacked(logits, targets, shape, axis), axis=axis, **options)
    return _losses_agree(ops, loss, logits, targets, options)


def _losses_agree(ops: Operations, loss: Any, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    keep = counted(targets, options)
    true, allowed = surprise(logits, targets, options), _surprise_allowed(ops, logits, targets, options)
    if options["reduction"] != "none":
        return equal(loss, true, within=allowed)
    loss = loss.ravel()
    return all_of(equal(loss[keep], true, within=allowed), equal(loss[~keep], 0.0))


def _is_the_error(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape = (-1,), axis: int = -1
) -> Any:
    g = np.asarray((np.arange(len(targets)) - 1.5) / 4 if options["reduction"] == "none" else -1.5, logits.dtype)
    shaped = g.reshape(shape) if options["reduction"] == "none" else g
    pulled = ops.cross_entropy_vjp(shaped, *_stacked(logits, targets, shape, axis), axis=axis, **options)
    return _slopes_agree(ops, np.moveaxis(pulled, axis, -1), g, logits, targets, options)


def _slopes_agree(ops: Operations, pulled: Any, g: Any, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    """The derivative is s(p − q): q the smoothed target, s the cotangent's share."""
    keep, n, smoothing = counted(targets, options), logits.shape[-1], options["label_smoothing"]
    share = np.broadcast_to(g.astype(np.float64), targets.shape)[keep][:, None]
    count = keep.sum() if options["reduction"] == "mean" else 1
    x, y = logits[keep], targets[keep]

    def formula(x: Any, share: Any, smoothing: Any) -> Any:
        return share / int(count) * (distribution(x) - (1 - smoothing) * one_hot(y, n) - smoothing / n)

    wanted = (1 - smoothing) * one_hot(y, n) + smoothing / n
    how = (logits.dtype, ops.conventions.summation)
    allowed = cross_entropy_vjp_rounding(share / count, x, probabilities(x), wanted, *how)
    pulled = pulled.reshape(logits.shape)
    return all_of(equal(pulled[keep], enclose(formula, x, share, smoothing), within=allowed), equal(pulled[~keep], 0.0))


loss_accuracy = Claim(
    "cross_entropy.accuracy",
    statement="Cross-entropy is minus the log-probability of the right answer, mixed with the mean over all n classes "
    "if labels are smoothed, averaged or added over the rows that count; a mean of finite losses is finite.",
    formula=r"\ell = -\sum_j q_j \ln p_j, \qquad q_j = (1 - \varepsilon)[j = y] + \frac{\varepsilon}{n}",
    needs=("cross_entropy",),
    limits=Limits(options=("axis",), rows=6),
    tolerances=(cross_entropy_rounding,),
    refuted_by=(
        wrong.mean_overflows,
        wrong.smoothing_forgotten_past_33("cross_entropy"),
        wrong.mean_over_all_rows,
        wrong.smoothing_counts_ignored,
        wrong.smoothing_over_the_others,
        wrong.smoothing_forgotten,
        wrong.softmax_twice,
        wrong.probabilities_clipped,
        wrong.loss_unshifted,
        wrong.loss_in_bits,
        wrong.reduction_ignored,
        wrong.always_ignores_minus_100,
        wrong.labels_shifted_twice,
    ),
)


@loss_accuracy.property(classified_rows(most=300))
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    return _is_the_surprise(ops, logits, targets, options)


def nearly_too_large(target: Target) -> Iterator[dict[str, Any]]:
    """Losses whose sums, over rows or over classes, have no place in the format, though their means have."""
    for name in target.dtypes:
        most = FORMATS[name].most
        for smoothing, targets in ((0.0, [1, 2, 1]), (0.1, [0, 0, 0]), (0.1, [1, 0, 2])):
            options = {"ignore_index": None, "label_smoothing": smoothing, "reduction": "mean"}
            logits = as_dtype(np.array([[0.0, -0.75, -0.75]] * 3) * most, name)
            yield {"targets": np.array(targets), "logits": logits, "options": options}
        options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "mean"}
        logits = as_dtype(np.array([[0.0, -1.0]] * 3) * most, name)
        yield {"targets": np.ones(3, int), "logits": logits, "options": options}  # the mean is the largest number


@loss_accuracy.exhaustive(nearly_too_large)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return _is_the_surprise(ops, logits, targets, options)


gradient_is_the_error = Claim(
    "cross_entropy.gradient_is_the_error",
    statement="The gradient of cross-entropy at the logits of a row is the error, p minus the (smoothed) target, times "
    "the cotangent, up to rounding; for a mean it is divided by the number of rows that count, and ignored rows get "
    "exactly zero.",
    formula=r"\bar x = \bar g\,(p - q), \qquad q_j = (1 - \varepsilon)[j = y] + \frac{\varepsilon}{n}",
    needs=("cross_entropy_vjp",),
    limits=Limits(options=("axis",), rows=6),
    tolerances=(cross_entropy_vjp_rounding,),
    refuted_by=(
        wrong.one_hot_forgotten,
        wrong.gradient_not_averaged,
        wrong.gradient_averaged_over_all,
        wrong.loss_cotangent_forgotten,
        wrong.gradient_smoothing_forgotten,
        wrong.loss_pulled_to_zero,
        wrong.gradient_uphill,
        wrong.ignored_rows_pulled,
        wrong.smoothing_forgotten_past_33("cross_entropy_vjp"),
    ),
)


@gradient_is_the_error.property(classified_rows(most=300))
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    return _is_the_error(ops, logits, targets, options)


any_shape = Claim(
    "cross_entropy.any_shape",
    statement="Rows may stand in any number of axes with the classes along any of them: the mean is over all rows that "
    "count, thousands of them included, and the gradient has the shape of the logits.",
    formula=r"\ell = \frac1{|\text{kept}|} \sum_{b, t \in \text{kept}} \ell_{bt}",
    legend={"b": "a place along one axis of rows, t along another"},
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(width=8),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.mean_over_the_batch,
        wrong.loss_sixteen_bit_mean,
        wrong.loss_axis_forgotten,
        wrong.gradient_averaged_over_the_batch,
        wrong.gradient_axis_forgotten,
        wrong.count_capped,
    ),
)


@domain
def stacked_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Classified rows, and in which axes they and their classes stand."""
    drawn = draw(classified_rows(most=9).build(target))
    rows = len(drawn["targets"])
    shapes = [(rows, 1), (1, rows), (1, rows, 1), *([(2, rows // 2), (rows // 2, 2)] if rows % 2 == 0 else [])]
    shape = draw(st.sampled_from(shapes))
    return {**drawn, "shape": shape, "axis": draw(st.integers(-len(shape) - 1, len(shape)))}


@any_shape.property(stacked_rows())
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape, axis: int) -> Any:
    return _is_the_surprise(ops, logits, targets, options, shape, axis)


@any_shape.property(stacked_rows())
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape, axis: int) -> Any:
    return _is_the_error(ops, logits, targets, options, shape, axis)


def grids_of_rows(target: Target) -> Iterator[dict[str, Any]]:
    """Six rows of three classes in two axes, the classes in each place; read in another order, the targets differ."""
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "mean"}
    for name in target.dtypes:
        logits = as_dtype(np.random.default_rng(1).normal(size=(6, 3)), name)
        for shape, axis in itertools.product(((2, 3), (3, 2)), range(3)):
            targets = np.array([0, 1, 2, 2, 0, 0])
            yield {"targets": targets, "logits": logits, "options": options, "shape": shape, "axis": axis}


@any_shape.exhaustive(grids_of_rows)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any], shape: Shape, axis: int) -> Any:
    return _is_the_surprise(ops, logits, targets, options, shape, axis)


@any_shape.exhaustive(grids_of_rows)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any], shape: Shape, axis: int) -> Any:
    return _is_the_error(ops, logits, targets, options, shape, axis)


def thousands_of_rows(target: Target) -> Iterator[dict[str, Any]]:
    """4,099 rows of two scores in each format, one in ten ignored; targets in formats that cannot count the rows."""
    x = np.random.default_rng(0).normal(size=(4099, 2)) * 4
    for i, (name, kind) in enumerate(zip(target.dtypes, ("int8", "uint8", "int16", "int8"), strict=False)):
        count = np.arange(len(x))
        yield {
            "targets": np.where(count % 10 == 7, 100, count % 2).astype(kind),
            "logits": as_dtype(x, name),
            "options": {"ignore_index": 100, "label_smoothing": (0.0, 0.1)[i % 2], "reduction": "mean"},
        }


@any_shape.exhaustive(thousands_of_rows)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    each = {**options, "reduction": "none"}
    return all_of(_is_the_surprise(ops, logits, targets, options), _is_the_surprise(ops, logits, targets, each))


@any_shape.exhaustive(thousands_of_rows)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return _is_the_error(ops, logits, targets, options)


excluded_classes = Claim(
    "cross_entropy.excluded_classes",
    statement="Without smoothing, a class whose logit is −∞ is out: the loss is that of the others up to rounding, and "
    "its gradient is 0; but if it is the right answer y, the loss is +∞ and its gradient −1 times the cotangent. With "
    "smoothing, which wants every class, the loss is +∞.",
    formula=r"x_j = -\infty \Rightarrow p_j = 0, \quad \bar x_j = -\bar g\,[j = y]; \qquad "
    r"x_y = -\infty \Rightarrow \ell = +\infty",
    limits=Limits(
        options=("axis", "ignore_index", "cross_entropy_vjp.label_smoothing"),
        rows=3,
        said=("Without smoothing",),
    ),
    needs=("cross_entropy", "cross_entropy_vjp"),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.zero_times_infinity,
        wrong.excluded_at_minus_10000,
        wrong.excluded_gradient_is_nan,
        wrong.excluded_answer_unpulled,
        wrong.smoothing_skips_the_excluded,
    ),
)


@domain
def logits_with_exclusions(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of scores that may be −∞, not all of a row, and whether the target is the last that is not or the first."""
    x = draw(score_rows(most=65, masked=True).build(target))
    hidden = draw(seeds()).random(x.shape) < draw(st.floats(0, 1))
    np.put_along_axis(hidden, x.argmax(-1)[:, None], False, -1)
    x = np.where(hidden, x.dtype.type(-np.inf), x)
    return {"x": x, "last": draw(st.booleans())}


def _with_targets(x: Any, last: bool) -> tuple[Any, Any]:
    """The rows that see anything, and a target in each that is not excluded."""
    x = x[~dead(x)]
    seen = ~np.isneginf(x.astype(np.float64))
    return x, x.shape[-1] - 1 - seen[:, ::-1].argmax(-1) if last else seen.argmax(-1)


@excluded_classes.property(logits_with_exclusions())
def _(ops: Operations, x: Any, last: bool) -> Any:
    x, targets = _with_targets(x, last)
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none"}
    hidden = np.isneginf(x.astype(np.float64))
    beside = np.where(hidden.any(-1), hidden.argmax(-1), targets)
    impossible = ops.cross_entropy(x, beside, reduction="none")[hidden.any(-1)]
    wanted = ops.cross_entropy(x, targets, reduction="none", label_smoothing=0.1)[hidden.any(-1)]
    return all_of(_is_the_surprise(ops, x, targets, options), equal(impossible, np.inf), equal(wanted, np.inf))


@excluded_classes.property(logits_with_exclusions())
def _(ops: Operations, x: Any, last: bool) -> Any:
    x, targets = _with_targets(x, last)
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none"}
    pulled = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, targets, reduction="none")
    hidden = np.isneginf(x.astype(np.float64))
    beside, g = np.where(hidden.any(-1), hidden.argmax(-1), targets), x.dtype.type(0.75)
    pushed = ops.cross_entropy_vjp(np.full(len(x), g), x, beside, reduction="none")
    own = np.take_along_axis(pushed, beside[:, None], -1)[hidden.any(-1)]
    return all_of(
        _is_the_error(ops, x, targets, options),
        equal(pulled[hidden], 0.0),
        equal(own, -0.75),
        equal(pushed[hidden & (np.arange(x.shape[-1]) != beside[:, None])], 0.0),
    )


deletion = Claim(
    "cross_entropy.deletion",
    statement="Dropping the ignored rows changes neither the loss nor the gradient of the others, up to rounding, and "
    "what their logits hold, NaN and infinity included, reaches nothing.",
    formula=r"\ell(X, y) = \ell(X_{\text{kept}}, y_{\text{kept}})",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(options=("axis",), rows=6),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.mean_over_all_rows,
        wrong.smoothing_counts_ignored,
        wrong.ignored_rows_leak,
        wrong.mean_of_means,
        wrong.always_ignores_minus_100,
        wrong.gradient_averaged_over_all,
        wrong.ignored_rows_pulled,
    ),
)


@deletion.property(classified_rows(), rubbish=st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], rubbish: float) -> Any:
    keep = counted(targets, options)
    dirty = np.where(keep[:, None], logits, logits.dtype.type(rubbish))
    return all_of(
        _is_the_surprise(ops, dirty, targets, options), _is_the_surprise(ops, logits[keep], targets[keep], options)
    )


@deletion.property(classified_rows(), rubbish=st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], rubbish: float) -> Any:
    keep = counted(targets, options)
    dirty = np.where(keep[:, None], logits, logits.dtype.type(rubbish))
    return all_of(_is_the_error(ops, dirty, targets, options), _is_the_error(ops, logits[keep], targets[keep], options))


partition = Claim(
    "cross_entropy.partition",
    statement="However the rows are split into batches A and B, the sum of their losses is the same up to rounding, "
    "and every row's gradient of the sum is, bit for bit, if no loss overflows; means have to be weighted by how many "
    "rows count in each.",
    formula=r"\ell_{\Sigma}(A \cup B) = \ell_{\Sigma}(A) + \ell_{\Sigma}(B), \qquad "
    r"\bar\ell = \frac{n_A \bar\ell_A + n_B \bar\ell_B}{n_A + n_B}",
    legend={"n": "how many rows count, of each batch"},
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(
        options=("axis",),
        rows=6,
        said=("no loss overflows",),
        assumes=("no loss is beyond half of the largest number",),
    ),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding, rounding),
    refuted_by=(
        wrong.mean_of_means,
        wrong.mean_over_all_rows,
        wrong.reduction_ignored,
        wrong.labels_shifted_twice,
        wrong.gradient_not_averaged,
    ),
)


def _split(logits: Any, targets: Any, options: dict[str, Any], cut: int) -> list[tuple[Any, Any]]:
    """The rows before and from `cut` on, as far as any of them count."""
    parts = [(logits[:cut], targets[:cut]), (logits[cut:], targets[cut:])]
    return [(x, y) for x, y in parts if counted(y, options).any()]


@partition.property(classified_rows(), cut=st.integers(1, 5))
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], cut: int) -> Any:
    added, averaged = ({**options, "reduction": r} for r in ("sum", "mean"))
    true = surprise(logits, targets, added)
    given_that(abs(true.hi) < FORMATS[logits.dtype.name].most / 2, "no loss is beyond half of the largest number")
    sums, means = [], []
    sums_allowed = means_allowed = rounding(true.hi, np.float64) * 4  # adding them up here
    for x, y in _split(logits, targets, options, cut):
        n = int(counted(y, options).sum())
        sums.append(float(ops.cross_entropy(x, y, **added)))
        means.append(n * float(ops.cross_entropy(x, y, **averaged)))
        sums_allowed += _surprise_allowed(ops, x, y, added)
        means_allowed += _surprise_allowed(ops, x, y, averaged) * n
    return all_of(
        equal(math.fsum(sums), true, within=sums_allowed),
        equal(math.fsum(means), true, within=means_allowed),
        _is_the_surprise(ops, logits, targets, added),
        _is_the_surprise(ops, logits, targets, averaged),
    )


@partition.property(classified_rows(), cut=st.integers(1, 5))
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], cut: int) -> Any:
    added, one = {**options, "reduction": "sum"}, np.ones((), logits.dtype)
    parts = _split(logits, targets, options, cut)
    rows = [ops.cross_entropy_vjp(one, x, y, **added)[counted(y, options)] for x, y in parts]
    whole = ops.cross_entropy_vjp(one, logits, targets, **added)[counted(targets, options)]
    averaged = {**options, "reduction": "mean"}
    return all_of(identical(np.concatenate(rows), whole), _is_the_error(ops, logits, targets, averaged))


with_its_gradient = Claim(
    "cross_entropy.with_its_gradient",
    statement="Computed together, which saves the exponentials of one of them, the loss and its gradient for a "
    "cotangent of 1 are, up to rounding, what they are by themselves, whatever counts, is averaged or smoothed.",
    formula=r"\ell = -\sum_j q_j \ln p_j, \qquad \nabla \ell = p - q",
    needs=("cross_entropy_and_grad",),
    tolerances=(cross_entropy_rounding, cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.loss_of_overwritten_logits,
        wrong.pair_averages_the_loss_alone,
        wrong.pair_smooths_the_loss_alone,
        wrong.pair_pulls_ignored_rows,
        wrong.pair_forgets_the_target,
        wrong.pair_past_64_lost,
        wrong.pair_ignored_rows_leak,
        wrong.pair_of_nothing_is_nan,
        wrong.pair_excludes_at_minus_10000,
    ),
)


@with_its_gradient.property(stacked_rows())
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape, axis: int) -> Any:
    return _both_agree(ops, logits, targets, options, shape, axis)


@with_its_gradient.exhaustive(thousands_of_rows)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return _both_agree(ops, logits, targets, options)


@with_its_gradient.property(logits_with_exclusions(), effort=0.5)
def _(ops: Operations, x: Any, last: bool) -> Any:
    x, targets = _with_targets(x, last)
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none"}
    return _both_agree(ops, x, targets, options)


@with_its_gradient.property(classified_rows(), rubbish=st.sampled_from([math.nan, math.inf, -math.inf]), effort=0.5)
def _(ops: Operations, logits: Any, targets: Any, options: dict[str, Any], rubbish: float) -> Any:
    keep = counted(targets, options)
    return _both_agree(ops, np.where(keep[:, None], logits, logits.dtype.type(rubbish)), targets, options)


@with_its_gradient.property(x=score_rows(most=9, rows=4), count=st.integers(0, 4), effort=0.5)
def _(ops: Operations, x: Any, count: int) -> Any:
    mean, slopes = ops.cross_entropy_and_grad(x[:count], np.full(count, -100), ignore_index=-100)
    return all_of(
        identical(mean, np.asarray(ops.conventions.cross_entropy_of_nothing, x.dtype)),
        equal(slopes, np.zeros((count, x.shape[-1]))),
    )


def wide_batches(target: Target) -> Iterator[dict[str, Any]]:
    """Forty rows of 1,025 classes in each format: more than one block."""
    x, name = np.random.default_rng(3).normal(size=(40, 1025)), itertools.cycle(target.dtypes)
    for smoothing, reduction in ((0.0, "sum"), (0.1, "none")):
        options = {"ignore_index": 3, "label_smoothing": smoothing, "reduction": reduction}
        yield {"targets": np.arange(40) * 26 % 1025, "logits": as_dtype(x * 3, next(name)), "options": options}


@with_its_gradient.exhaustive(wide_batches)
def _(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return _both_agree(ops, logits, targets, options)


def _both_agree(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape = (-1,), axis: int = -1
) -> Any:
    loss, slopes = ops.cross_entropy_and_grad(*_stacked(logits, targets, shape, axis), axis=axis, **options)
    g = np.ones(len(targets) if options["reduction"] == "none" else (), logits.dtype)
    return all_of(
        _losses_agree(ops, loss, logits, targets, options),
        _slopes_agree(ops, np.moveaxis(slopes, axis, -1), g, logits, targets, options),
    )


of_nothing = Claim(
    "cross_entropy.of_nothing",
    statement="If no row counts, because there is none or all are ignored, the sum is 0, the mean is what is "
    "documented and no accident (0 here), and the gradient is zero.",
    formula=r"\ell(\emptyset) = 0",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(
        options=("axis", "cross_entropy.label_smoothing"),
        rows=4,
        width=9,
        signs=("cross_entropy_vjp.cotangent <= 0",),
    ),
    refuted_by=(wrong.nothing_is_nan, wrong.always_ignores_minus_100, wrong.ignored_rows_pulled),
)


def nothing_counts() -> dict[str, Any]:
    """How many rows there are, and the target that all of them have and that is ignored."""
    return {"count": st.integers(0, 4), "ignore": st.sampled_from([-100, -1, 0, 7])}


@of_nothing.property(x=score_rows(most=9, rows=4), **nothing_counts())
def _(ops: Operations, x: Any, count: int, ignore: int) -> Any:
    targets = np.full(count, ignore)
    mean, added, each = (
        ops.cross_entropy(x[:count], targets, ignore_index=ignore, reduction=r) for r in ("mean", "sum", "none")
    )
    return all_of(
        identical(mean, np.asarray(ops.conventions.cross_entropy_of_nothing, x.dtype)),
        identical(added, np.zeros((), x.dtype)),
        identical(each, np.zeros(count, x.dtype)),
    )


@of_nothing.property(x=score_rows(most=9, rows=4), **nothing_counts())
def _(ops: Operations, x: Any, count: int, ignore: int) -> Any:
    targets = np.full(count, ignore)
    pulled = (
        ops.cross_entropy_vjp(
            np.full(count if reduction == "none" else (), -0.75, x.dtype),
            x[:count],
            targets,
            ignore_index=ignore,
            reduction=reduction,
            label_smoothing=smoothing,
        )
        for reduction, smoothing in (("mean", 0.0), ("sum", 0.1), ("none", 0.0))
    )
    return all_of(*(equal(y, np.zeros((count, x.shape[-1]))) for y in pulled))


alignment = Claim(
    "cross_entropy.alignment",
    statement="Logits that peak on the right answers drive the loss to 0: without smoothing, with a gap g to the other "
    "n − 1 classes, it is ln(1 + (n − 1)e⁻ᵍ), good to the last few digits, as long as e⁻ᵍ is a normal number of the "
    "format.",
    formula=r"\ell = \ln\bigl(1 + (n - 1)\,e^{-g}\bigr) \to 0, \quad g \to \infty",
    legend={"g": "the gap"},
    limits=Limits(
        options=("axis", "ignore_index", "label_smoothing"),
        rows=5,
        said=("without smoothing", "normal number of the"),
    ),
    needs=("cross_entropy",),
    tolerances=(cross_entropy_digits,),
    refuted_by=(
        wrong.labels_shifted_twice,
        wrong.softmax_twice,
        wrong.probabilities_clipped,
        wrong.loss_drowned,
        wrong.loss_in_bits,
        wrong.loss_unshifted,
        wrong.loss_normaliser_first,
    ),
)


@domain
def peaked_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Targets, and a gap by which their logits lead the others, which are all at one level."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 65))
    gap = draw(log_uniform(0.25, min(0.9 * -math.log(FORMATS[name].tiny), FORMATS[name].most / 64)))
    targets = draw_integers(draw, (draw(st.integers(1, 5)),), 10**6) % n
    return {"targets": targets, "gap": as_dtype(gap, name), "level": draw(st.sampled_from([0, 0, 16, -64])), "n": n}


@alignment.property(peaked_rows())
def _(ops: Operations, targets: Any, gap: Any, level: int, n: int) -> Any:
    gap = abs(gap)
    logits = (one_hot(targets, n) * gap + gap.dtype.type(level)).astype(gap.dtype)
    lead = logits.max(-1).astype(np.float64) - level  # the gap, as the format holds it
    true = enclose(lambda g: np.log(1 + (n - 1) * np.exp(-g)), lead)
    p = probabilities(logits)
    allowed = cross_entropy_digits(logits, p, targets, gap.dtype, ops.conventions.summation)
    return equal(ops.cross_entropy(logits, targets, reduction="none"), true, within=allowed)


loss_shift_invariant = Claim(
    "cross_entropy.shift_invariant",
    statement="A common offset of the logits, however large, changes no bit of the loss or its gradient, where the "
    "addition itself is exact.",
    formula=r"\ell(x + c, y) = \ell(x, y), \quad c \text{ finite}",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(options=("axis", "ignore_index", "reduction"), rows=3),
    refuted_by=(wrong.loss_normaliser_first, wrong.loss_unshifted, wrong.gradient_of_unshifted),
)


@loss_shift_invariant.property(shiftable(), label_smoothing=st.sampled_from([0.0, 0.1]))
def _(ops: Operations, x: Any, shift: Any, label_smoothing: float) -> Any:
    x = exactly_added(x, shift)
    targets = np.arange(len(x)) % x.shape[-1]
    there, here = (ops.cross_entropy(v, targets, label_smoothing=label_smoothing) for v in (x + shift, x))
    return identical(there, here)


@loss_shift_invariant.property(shiftable(), label_smoothing=st.sampled_from([0.0, 0.1]))
def _(ops: Operations, x: Any, shift: Any, label_smoothing: float) -> Any:
    x = exactly_added(x, shift)
    targets, one = np.arange(len(x)) % x.shape[-1], np.ones((), x.dtype)
    there, here = (ops.cross_entropy_vjp(one, v, targets, label_smoothing=label_smoothing) for v in (x + shift, x))
    return identical(there, here)


accepts_log_probabilities = Claim(
    "cross_entropy.accepts_log_probabilities",
    statement="Feeding it log-probabilities instead of logits changes nothing but roundings: log-softmax leaves them "
    "as they are.",
    formula=r"\ell(\ln\operatorname{softmax}(x), y) = \ell(x, y)",
    needs=("cross_entropy", "log_softmax"),
    limits=Limits(
        options=("axis", "where", "ignore_index", "label_smoothing"),
        rows=4,
        signs=("cross_entropy.logits <= 0",),
    ),
    tolerances=(cross_entropy_rounding, log_softmax_again),
    refuted_by=(wrong.softmax_twice, wrong.loss_in_bits, wrong.logs_base_two),
)


@accepts_log_probabilities.property(rows_with_cotangents())
def _(ops: Operations, x: Any, g: Any) -> Any:
    targets, how = np.arange(len(x)) % x.shape[-1], (x.dtype, ops.conventions.summation)
    loss = ops.cross_entropy(ops.log_softmax(x), targets, reduction="none")
    true = enclose(lambda x: -np.take_along_axis(log_distribution(x), targets[:, None], -1)[:, 0], x)
    allowed = cross_entropy_rounding(x, probabilities(x), targets, *how, reduction="none")
    return equal(loss, true, within=allowed + log_softmax_again(x, probabilities(x), *how)[np.arange(len(x)), targets])


loss_never_overflows = Claim(
    "cross_entropy.never_overflows",
    statement="For any finite logits the loss of a row is at least 0 and never NaN (+∞ if it is too large for the "
    "format), and its gradient for a cotangent of 1 lies between −1 and 1, with and without smoothing.",
    formula=r"\ell \ge 0, \qquad |p_i - q_i| \le 1",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(options=("axis", "ignore_index"), rows=3, signs=("cross_entropy_vjp.cotangent >= 0",)),
    refuted_by=(wrong.loss_unshifted, wrong.loss_maximum_of_everything, wrong.gradient_of_unshifted),
)


@domain
def extreme_logits(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of the largest and smallest finite numbers of a format, and a target for all of them."""
    x = draw(extreme_rows().build(target))
    x = np.where(np.isneginf(x), x.dtype.type(0), x)
    return {"x": x, "targets": np.full(len(x), draw(st.integers(0, x.shape[-1] - 1)))}


@loss_never_overflows.property(extreme_logits(), smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def _(ops: Operations, x: Any, targets: Any, smoothing: float) -> Any:
    finite = np.isfinite(x.astype(np.float64)).all(-1)
    x, targets = x[finite], targets[finite]
    return at_least(ops.cross_entropy(x, targets, reduction="none", label_smoothing=smoothing), 0.0)


@loss_never_overflows.property(extreme_logits(), smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def _(ops: Operations, x: Any, targets: Any, smoothing: float) -> Any:
    finite = np.isfinite(x.astype(np.float64)).all(-1)
    x, targets = x[finite], targets[finite]
    one = np.ones(len(x), x.dtype)
    pulled = ops.cross_entropy_vjp(one, x, targets, reduction="none", label_smoothing=smoothing)
    return at_most(abs(pulled.astype(np.float64)), 1.0)


keeps_its_digits = Claim(
    "cross_entropy.gradient_keeps_its_digits",
    statement="When the right answer y dominates, its gradient p − 1 without smoothing is a tiny negative number, good "
    "to its last few digits, and not 0, as long as it is a normal number of the format.",
    formula=r"p_y - 1 = e^{\ln p_y} - 1 = \operatorname{expm1}(\ln p_y)",
    limits=Limits(
        options=("axis", "ignore_index", "label_smoothing"),
        rows=2,
        signs=("cross_entropy_vjp.cotangent >= 0",),
        said=("without smoothing", "normal number of the format"),
    ),
    needs=("cross_entropy_vjp",),
    tolerances=(certainty_digits,),
    refuted_by=(
        wrong.one_subtracted_late,
        wrong.one_subtracted_late_in_means,
        wrong.loss_pulled_to_zero,
        wrong.gradient_uphill,
    ),
)


@keeps_its_digits.property(x=dominated_rows())
def _(ops: Operations, x: Any) -> Any:
    y, rows = x.argmax(-1), np.arange(len(x))
    true = enclose(lambda x: distribution(x)[rows, y] - 1, x)
    allowed = certainty_digits(-true.hi, x, probabilities(x), y, x.dtype, ops.conventions.summation)
    pulled = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, y, reduction="none")
    summed = ops.cross_entropy_vjp(np.ones((), x.dtype), x, y, reduction="sum")
    return all_of(equal(pulled[rows, y], true, within=allowed), equal(summed[rows, y], true, within=allowed))


bad_targets = Claim(
    "cross_entropy.bad_targets",
    statement="A target y that is none of n classes is an error that names it, never the class it would wrap around "
    "to, unless it is to be ignored; targets that are no integers are refused.",
    formula=r"y \notin \{0, \dots, n - 1\} \Rightarrow \mathrm{IndexError}",
    needs=("cross_entropy", "cross_entropy_vjp", "cross_entropy_and_grad"),
    dispensable=("cross_entropy_and_grad",),
    refuted_by=(
        wrong.negative_targets_wrap,
        wrong.always_ignores_minus_100,
        wrong.ignores_minus_100_of_int32,
        wrong.gradient_wraps_targets,
        wrong.pair_wraps_targets,
    ),
)


@domain
def misplaced_targets(draw: Draw, target: Target) -> dict[str, Any]:
    """Logits, and targets in any format of integers, one of which is no class."""
    x = draw(score_rows(most=9).build(target))
    kind: Any = np.dtype(draw(st.sampled_from(["int64", "int64", "int32", "int16", "int8", "uint8", "uint64"])))
    places = [-(10**6), -100, -1, x.shape[-1], x.shape[-1] + 1, 10**6]
    beyond = draw(st.sampled_from([v for v in places if np.iinfo(kind).min <= v <= np.iinfo(kind).max]))
    targets = np.zeros(len(x), kind)
    targets[draw(st.integers(0, len(x) - 1))] = beyond
    return {"x": x, "targets": targets}


def _bad_targets_are_refused(x: Any, targets: Any, call: Callable[..., Any]) -> Any:
    named = str(targets[targets != 0][0])
    return all_of(
        raises(lambda: call(x, targets), IndexError, saying=(named,)),
        raises(lambda: call(x, targets, ignore_index=-7), IndexError, saying=(named,)),
        raises(lambda: call(x, targets.astype(float)), TypeError),
        raises(lambda: call(x, targets.astype(bool)), TypeError),
    )


@bad_targets.property(misplaced_targets())
def _(ops: Operations, x: Any, targets: Any) -> Any:
    return _bad_targets_are_refused(x, targets, ops.cross_entropy)


@bad_targets.property(misplaced_targets())
def _(ops: Operations, x: Any, targets: Any) -> Any:
    return _bad_targets_are_refused(x, targets, functools.partial(ops.cross_entropy_vjp, np.ones((), x.dtype)))


@bad_targets.property(misplaced_targets())
def _(ops: Operations, x: Any, targets: Any) -> Any:
    return _bad_targets_are_refused(x, targets, ops.cross_entropy_and_grad)


# What is true of every operation on rows.


ON_ROWS = (
    *(claim(op) for claim in (layout_free, any_axis, any_width, many_rows, pure, floats_only) for op in ALL),
    defaults(SOFTMAX, axis=(-1, 0)),
    defaults(LOG_SOFTMAX, axis=(-1, 0)),
    defaults(LOGSUMEXP, axis=(-1, 0), keepdims=(False, True)),
    defaults(TEMPERATURE_SOFTMAX, axis=(-1, 0)),
    defaults(
        CROSS_ENTROPY, axis=(-1, 0), ignore_index=(None, 0), label_smoothing=(0.0, 0.5), reduction=("mean", "sum")
    ),
    defaults(ARGMAX, axis=(-1, 0)),
    rows_are_independent(SOFTMAX, wrong.maximum_of_everything),
    rows_are_independent(LOG_SOFTMAX, wrong.logs_maximum_of_everything),
    rows_are_independent(LOGSUMEXP, wrong.lse_maximum_of_everything),
    rows_are_independent(TEMPERATURE_SOFTMAX, wrong.temperature_maximum_of_everything),
    rows_are_independent(CROSS_ENTROPY, wrong.loss_maximum_of_everything),
    rows_are_independent(ARGMAX, wrong.index_in_the_whole_array),
    keeps_dtype(SOFTMAX, wrong.sixteen_bit_sum, wrong.rounded_twice, wrong.float32_inside),
    keeps_dtype(LOG_SOFTMAX, wrong.logs_sixteen_bit_sum),
    keeps_dtype(LOGSUMEXP, wrong.lse_sixteen_bit_sum),
    keeps_dtype(TEMPERATURE_SOFTMAX),
    keeps_dtype(CROSS_ENTROPY),
    gradient(
        SOFTMAX,
        wrong.mean_forgotten,
        wrong.diagonal_only,
        wrong.plain_mean,
        wrong.pulled_to_zero,
        wrong.scores_for_probabilities,
    ),
    gradient(
        LOG_SOFTMAX,
        wrong.softmax_formula,
        wrong.sum_added,
        wrong.sum_is_local,
        wrong.sum_is_one,
        wrong.logs_pulled_to_zero,
    ),
    gradient(LOGSUMEXP, wrong.cotangent_forgotten, wrong.all_to_the_winner, wrong.lse_pulled_to_zero),
    gradient(
        TEMPERATURE_SOFTMAX,
        wrong.temperature_not_divided,
        wrong.pulled_at_temperature_one,
        wrong.temperature_mean_forgotten,
        wrong.temperature_pulled_to_zero,
    ),
    gradient(
        CROSS_ENTROPY,
        wrong.one_hot_forgotten,
        wrong.gradient_uphill,
        wrong.loss_cotangent_forgotten,
        wrong.loss_pulled_to_zero,
    ),
    gradient_sums_to_zero(SOFTMAX, wrong.mean_forgotten, wrong.diagonal_only, wrong.plain_mean),
    gradient_sums_to_zero(LOG_SOFTMAX, wrong.softmax_formula, wrong.sum_added, wrong.sum_is_local, wrong.sum_is_one),
    gradient_sums_to_zero(TEMPERATURE_SOFTMAX, wrong.temperature_mean_forgotten),
    gradient_sums_to_zero(CROSS_ENTROPY, wrong.one_hot_forgotten),
)
