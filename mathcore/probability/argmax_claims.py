"""What must be true of argmax and of raw scores: FAQ 8."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import argmax_mutants as wrong
from mathcore.probability import logsumexp_mutants, softmax_mutants
from mathcore.probability.inputs import extreme_rows, sixteen_bit_pairs
from mathcore.probability.logsumexp_tolerances import log_of_softmax, log_softmax_rounding
from mathcore.probability.row_tolerances import gaps
from mathcore.probability.textbook import probabilities, wins
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import (
    Draw,
    as_dtype,
    domain,
    draw_array,
    draw_exact,
    draw_integers,
    log_uniform,
    score_rows,
    widths,
)
from mathcore.verify.relations import all_of, equal
from mathcore.verify.tolerances import FORMATS, format_of


@domain
def rows_with_ties(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows of few distinct scores, far apart, one ulp apart or subnormal, some with special values."""
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
def argmax_of_rows_with_ties(ops: Operations, x: Any) -> Any:
    index = ops.argmax(x)
    return all_of(wins(ops, index, x), equal(index.dtype.kind in "iu", True))


def grids(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of up to five of seven boundary values, one batch for each width."""
    for name in target.dtypes:
        values = as_dtype([-np.inf, -1, -0.0, 0.0, 1, np.inf, np.nan], name)
        for width in range(1, 6):
            yield {"x": values[np.indices((7,) * width).reshape(width, -1).T]}


@index_of_highest.exhaustive(grids)
def argmax_of_every_short_row(ops: Operations, x: Any) -> Any:
    return wins(ops, ops.argmax(x), x)


softmax_keeps_the_winner = Claim(
    "argmax.softmax_keeps_the_winner",
    faq=8,
    statement="Softmax never changes who wins, of scores that are finite or −∞.",
    formula=r"p_{\operatorname{argmax} x} = \max_j p_j, \quad p = \operatorname{softmax}(x)",
    verdict="holds_if",
    condition="winning may be shared: the winner's probability is the highest, but rounding may lift others to it.",
    needs=("softmax", "argmax"),
    limits=Limits(options=("axis", "where", "dtype")),
    refuted_by=(softmax_mutants.sign_flipped, softmax_mutants.sorted_outputs, softmax_mutants.first_is_the_maximum),
)


def _winner_is_highest(ops: Operations, x: Any) -> Any:
    x = x[(x < np.inf).all(-1)]
    p = ops.softmax(x)
    winner = np.take_along_axis(p, ops.argmax(x)[..., None], -1)
    return equal(winner, p.max(-1, keepdims=True))


@softmax_keeps_the_winner.property(x=score_rows(most=300))
def winner_of_rows_is_the_most_probable(ops: Operations, x: Any) -> Any:
    return _winner_is_highest(ops, x)


@softmax_keeps_the_winner.property(x=extreme_rows())
def winner_of_extreme_rows_is_the_most_probable(ops: Operations, x: Any) -> Any:
    return _winner_is_highest(ops, x)


@softmax_keeps_the_winner.exhaustive(sixteen_bit_pairs)
def winner_of_every_sixteen_bit_pair_is_the_most_probable(ops: Operations, x: Any) -> Any:
    return all_of(_winner_is_highest(ops, x), _winner_is_highest(ops, x[:, ::-1]))


def neighbours(target: Target) -> Iterator[dict[str, Any]]:
    """[0, −v, −w] for 60,000 pairs of adjacent float32 numbers v < w from 0.0888 on."""
    v = np.arange(60_000, dtype=np.uint32) + np.float32(0.0888).view(np.uint32)
    below = np.stack([np.zeros(len(v), np.float32), -v.view(np.float32), -(v + np.uint32(1)).view(np.float32)], -1)
    yield {"x": as_dtype(below, "float32" if "float32" in target.dtypes else target.dtypes[0])}


@softmax_keeps_the_winner.exhaustive(neighbours)
def winner_above_adjacent_floats_is_the_most_probable(ops: Operations, x: Any) -> Any:
    p = ops.softmax(x)
    inverted = int((p[:, 1] < p[:, 2]).sum())  # below the maximum, exp may not be monotone
    return _winner_is_highest(ops, x).measuring(**{"order inverted below the top": inverted})


def closer_and_closer() -> Iterator[dict[str, Any]]:
    """[0, 2⁻ᵏ] in float32, for k from 0 on."""
    for k in range(40):
        yield {"x": np.array([0, 2.0**-k], np.float32)}


@softmax_keeps_the_winner.counterexample(cases=closer_and_closer)
def softmax_of_close_scores_keeps_argmax(ops: Operations, x: Any) -> Any:
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
    """Scores, a positive factor and an offset, of a kind on which arithmetic is exact."""
    rows, n = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    a, b, *scores = draw_exact(draw, target, 2 + rows * n)  # all of one kind
    return {"x": np.array(scores).reshape(rows, n), "a": abs(a) + 1, "b": b}


@shift_and_scale_free.exact(exact_scores())
def exact_affine_map_keeps_argmax(ops: Operations, x: Any, a: Any, b: Any) -> Any:
    return equal(ops.argmax(a * x + b), ops.argmax(x))


@domain
def scalable(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of scores, a positive factor and an offset of either sign and any magnitude."""
    x = draw(score_rows(most=300).build(target))
    most = FORMATS[x.dtype.name].most
    a = draw(log_uniform(2.0**-10, 2.0**10))
    b = draw(st.sampled_from([-1, 0, 1])) * draw(log_uniform(2.0**-10, min(most / 8, 2.0**30)))
    return {"x": x, "a": as_dtype(a, x.dtype.name), "b": as_dtype(b, x.dtype.name)}


@shift_and_scale_free.property(scalable())
def affine_map_keeps_the_winner_but_for_new_ties(ops: Operations, x: Any, a: Any, b: Any) -> Any:
    a = abs(a)
    with np.errstate(over="ignore"):
        moved = a * x + b
    return all_of(*(_same_decision(ops, y, x) for y in (moved, x + b, a * x)))


def _same_decision(ops: Operations, y: Any, x: Any) -> Any:
    """That argmax is the same where equally many scores attain the maximum; elsewhere that x's attains y's maximum."""
    before, after = ops.argmax(x), ops.argmax(y)
    no_new_ties = (x == x.max(-1, keepdims=True)).sum(-1) == (y == y.max(-1, keepdims=True)).sum(-1)
    here = np.take_along_axis(y, before[:, None], -1)
    return all_of(equal(after[no_new_ties], before[no_new_ties]), equal(here, y.max(-1, keepdims=True)))


@shift_and_scale_free.counterexample(cases=closer_and_closer)
def adding_one_keeps_argmax(ops: Operations, x: Any) -> Any:
    return equal(ops.argmax(x + np.float32(1)), ops.argmax(x))


def smaller_and_smaller() -> Iterator[dict[str, Any]]:
    """[2⁻ᵏ, 2 · 2⁻ᵏ] in float32, for k from 120 on."""
    for k in range(120, 149):
        yield {"x": np.array([2.0**-k, 2.0 ** (1 - k)], np.float32)}


@shift_and_scale_free.counterexample(cases=smaller_and_smaller)
def scaling_tiny_scores_keeps_argmax(ops: Operations, x: Any) -> Any:
    return equal(ops.argmax(x * np.float32(2.0**-20)), ops.argmax(x))


logits_are_raw = Claim(
    "logits.are_raw",
    faq=8,
    statement="Logits may be any real numbers: normalising them loses nothing but a constant and roundings, for the "
    "logarithms of their probabilities differ among themselves as the logits did, where the format has room for the "
    "difference and, taken from softmax, no probability underflows.",
    formula=r"\ln p_i - \ln p_j = x_i - x_j, \quad p = \operatorname{softmax}(x)",
    needs=("softmax", "log_softmax"),
    limits=Limits(options=("axis", "where", "dtype"), rows=1),
    tolerances=(log_softmax_rounding, log_of_softmax),
    refuted_by=(
        softmax_mutants.base_two,
        softmax_mutants.slightly_warm,
        logsumexp_mutants.logs_base_two,
        logsumexp_mutants.log_of_softmax_and_epsilon,
        logsumexp_mutants.logs_unshifted,
    ),
)


@domain
def raw_scores(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """One row of scores whose probabilities are normal numbers: any offset, gaps up to nearly that whole range."""
    name = draw(st.sampled_from(target.dtypes))
    n = draw(widths(most=65))
    reach = -math.log(FORMATS[name].tiny) - math.log(n)
    x = draw_array(draw, (1, n), "float64", (2.0**-10, 1)).clip(-1, 1) * draw(log_uniform(0.05, 0.45)) * reach
    return as_dtype(x + draw(st.sampled_from([-1, 0, 1])) * draw(log_uniform(10, 1000)), name)[0]


def _apart(y: Any, x: Any, top: int) -> Any:
    return (y - y[top]) - (x - x[top])


@logits_are_raw.property(x=score_rows(most=65, rows=1, masked=False))
def log_softmax_keeps_differences_of_logits(ops: Operations, x: Any) -> Any:
    x, top = x[0], int(x[0].argmax())
    kept = enclose(lambda log_p, x: _apart(log_p, x, top), ops.log_softmax(x), x)
    how = (x.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    allowed = log_softmax_rounding(x, probabilities(x), *how)
    fits = gaps(x) < 0.75 * format_of(x.dtype).most
    return equal(np.zeros(int(fits.sum())), kept[fits], within=(allowed + allowed[top])[fits])


@logits_are_raw.property(x=raw_scores())
def log_of_softmax_keeps_differences_of_logits(ops: Operations, x: Any) -> Any:
    top = int(x.argmax())
    kept = enclose(lambda p, x: _apart(np.log(p), x, top), ops.softmax(x), x)
    allowed = log_of_softmax(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(np.zeros(len(x)), kept, within=allowed + allowed[top])
