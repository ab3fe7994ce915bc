"""What must be true of log-softmax and log-sum-exp."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import inputs, row_mutants
from mathcore.probability import logsumexp_mutants as wrong
from mathcore.probability import logsumexp_tolerances as tol
from mathcore.probability.row_tolerances import gaps
from mathcore.probability.softmax_tolerances import softmax_rounding
from mathcore.probability.textbook import distribution, log_distribution, log_sum_exp, probabilities
from mathcore.verify import Claim, Limits, Operations, Target, enclose, given_that, reproduced
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, log_uniform, score_rows, widths
from mathcore.verify.relations import all_of, at_least, at_most, equal, equal_in_range
from mathcore.verify.tolerances import FORMATS, format_of, rounding

lse_accuracy = Claim(
    "logsumexp.accuracy",
    statement="Log-sum-exp lies within its derived bound of the true value, for scores of any size and spread.",
    formula=r"y = \ln\sum_i e^{x_i}",
    source=inputs.BLANCHARD,
    needs=("logsumexp",),
    limits=Limits(options=("axis", "keepdims", "where", "b", "return_sign", "dtype"), rows=3),
    tolerances=(tol.logsumexp_rounding,),
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
    """Rows of close scores at any distance from 0, up to where their ulp exceeds 1."""
    name = draw(st.sampled_from(target.dtypes))
    f = FORMATS[name]
    level = draw(st.sampled_from([-1, 1])) * draw(log_uniform(2.0, min(4 / f.u, f.most / 2)))
    x = draw_array(draw, (draw(st.integers(1, 3)), draw(widths(most=300))), "float64", (2.0**-6, 4))
    return as_dtype(level + x, name)


def _within_its_bound(ops: Operations, x: Any) -> Any:
    y, sees = ops.logsumexp(x), (x > -np.inf).any(-1)
    x = x[sees]
    allowed = tol.logsumexp_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
    return all_of(equal(y[sees], enclose(log_sum_exp, x), within=allowed), equal(y[~sees], -np.inf))


@lse_accuracy.property(x=far_scores())
def logsumexp_of_far_scores_is_accurate(ops: Operations, x: Any) -> Any:
    return _within_its_bound(ops, x)


@lse_accuracy.exhaustive(inputs.masked_tiles)
def logsumexp_of_masked_tiles_is_accurate(ops: Operations, x: Any, level: Any) -> Any:
    return _within_its_bound(ops, x + level)


@lse_accuracy.property(x=score_rows())
def logsumexp_of_rows_is_accurate(ops: Operations, x: Any) -> Any:
    return _within_its_bound(ops, x)


log_accuracy = Claim(
    "log_softmax.accuracy",
    statement="Log-softmax is the logarithm of softmax within the derived bound of how the target says that it is "
    "computed (`log_softmax` among the conventions), also where softmax itself underflows.",
    formula=r"t_i = \ln \frac{e^{x_i}}{\sum_j e^{x_j}}",
    source=inputs.BLANCHARD,
    needs=("log_softmax",),
    limits=Limits(options=("axis", "where", "dtype"), rows=3, assumes=(inputs.A_SCORE,)),
    tolerances=(tol.log_softmax_rounding,),
    refuted_by=(
        wrong.log_of_softmax_and_epsilon,
        wrong.normaliser_first,
        wrong.logs_unshifted,
        wrong.logs_base_two,
    ),
)


def _how(ops: Operations, x: Any) -> tuple[Any, ...]:
    """What the tolerances need to know beside the scores and their probabilities."""
    return x.dtype, ops.conventions.summation, ops.conventions.log_softmax


def _is_accurate(ops: Operations, t: Any, x: Any) -> Any:
    return equal(t, enclose(log_distribution, x), within=tol.log_softmax_rounding(x, probabilities(x), *_how(ops, x)))


@log_accuracy.property(x=score_rows())
def log_softmax_of_rows_is_accurate(ops: Operations, x: Any) -> Any:
    given_that(inputs.all_see_a_score(x), inputs.A_SCORE)
    return _is_accurate(ops, ops.log_softmax(x), x)


lse_dominant = Claim(
    "logsumexp.dominant_score",
    statement="When one score dominates and is 0, logsumexp still knows by how much the others lift it: in the grade "
    '`log_softmax="log1p"` to the last few digits, as long as that is a normal number of the format; in the others, '
    "which lack no correctness, to the last digits of 1.",
    formula=r"\ln\bigl(1 + s\bigr) = \operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j}, \quad "
    r"x_k = 0 = \max x",
    limits=Limits(
        options=("axis", "keepdims", "where", "b", "return_sign", "dtype"),
        rows=2,
        signs=("logsumexp.x <= 0",),
        said=("is 0", "normal number of the format"),
    ),
    needs=("logsumexp",),
    tolerances=(tol.logsumexp_digits, tol.logsumexp_rounding),
    refuted_by=(wrong.small_terms_drowned, wrong.just_the_maximum, wrong.sum_overflows),
)


@lse_dominant.property(x=inputs.dominated_rows(level=False))
def logsumexp_keeps_the_digits_of_small_terms(ops: Operations, x: Any) -> Any:
    if ops.conventions.log_softmax != "log1p":
        return _within_its_bound(ops, x)
    allowed = tol.logsumexp_digits(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.logsumexp(x), enclose(log_sum_exp, x), within=allowed)


log_dominant = Claim(
    "log_softmax.dominant_score",
    statement="When one score dominates, its log-probability is a tiny negative number: in the grade "
    '`log_softmax="log1p"` good to its last few digits, and not 0, as long as it is a normal number of the format; in '
    "the others, which lack no correctness, off by no more than their bound.",
    formula=r"\ln p_k = -\operatorname{log1p}(s), \qquad s = \sum_{j \ne k} e^{x_j - x_k}, \quad x_k = \max x",
    limits=Limits(options=("axis", "where", "dtype"), rows=2, said=("normal number of the format",)),
    needs=("log_softmax",),
    tolerances=(tol.log_softmax_digits, tol.log_softmax_rounding),
    refuted_by=(wrong.one_drowns_the_rest, wrong.normaliser_first, wrong.log_of_softmax, wrong.logs_unshifted),
)


@log_dominant.property(x=inputs.dominated_rows())
def log_softmax_keeps_the_digits_of_a_dominant_score(ops: Operations, x: Any) -> Any:
    if ops.conventions.log_softmax != "log1p":
        return _is_accurate(ops, ops.log_softmax(x), x)
    allowed = tol.log_softmax_digits(x, probabilities(x), x.dtype, ops.conventions.summation)
    return equal(ops.log_softmax(x), enclose(log_distribution, x), within=allowed)


log_shift_invariant = Claim(
    "log_softmax.shift_invariant",
    statement="A common offset of the scores, however large, changes nothing of log-softmax, where the addition itself "
    "is exact: no bit if the target promises that, else no more than it may be off by at either place.",
    formula=r"\ln\operatorname{softmax}(x + c) = \ln\operatorname{softmax}(x), \quad c \text{ finite}",
    limits=Limits(options=("axis", "where", "dtype"), rows=3, said=("where the addition itself is exact",)),
    needs=("log_softmax",),
    tolerances=(tol.log_softmax_rounding,),
    refuted_by=(wrong.normaliser_first, wrong.logs_unshifted),
)


def _unmoved(ops: Operations, x: Any, there: Any) -> Any:
    t, moved = ops.log_softmax(x), ops.log_softmax(there)
    return reproduced(ops, moved, t, lambda: all_of(_is_accurate(ops, t, x), _is_accurate(ops, moved, there)))


@log_shift_invariant.exhaustive(inputs.masked_tiles)
def log_softmax_of_masked_tiles_ignores_a_shift(ops: Operations, x: Any, level: Any) -> Any:
    return _unmoved(ops, x, x + level)


@log_shift_invariant.property(inputs.shiftable())
def log_softmax_ignores_an_exact_shift(ops: Operations, x: Any, shift: Any) -> Any:
    x = inputs.exactly_added(x, shift)
    return _unmoved(ops, x, x + shift)


log_idempotent = Claim(
    "log_softmax.idempotent",
    statement="Log-softmax of a log-softmax changes nothing but roundings, if the scores are not all −∞ and where no "
    "logarithm is too low for the format: the logarithms of probabilities are already normalised logits.",
    formula=r"\ln\operatorname{softmax}(\ln\operatorname{softmax}(x)) = \ln\operatorname{softmax}(x)",
    needs=("log_softmax",),
    limits=Limits(options=("axis", "where", "dtype"), rows=3),
    tolerances=(tol.log_softmax_rounding, tol.log_softmax_again),
    refuted_by=(wrong.logs_base_two, wrong.log_of_softmax_and_epsilon, wrong.logs_unshifted),
)


@log_idempotent.property(x=score_rows(most=300))
def log_softmax_twice_is_log_softmax_once(ops: Operations, x: Any) -> Any:
    x = inputs.with_a_score(x)
    p, how = probabilities(x), _how(ops, x)
    allowed = tol.log_softmax_rounding(x, p, *how) + tol.log_softmax_again(x, p, *how)
    return equal_in_range(ops.log_softmax(ops.log_softmax(x)), enclose(log_distribution, x), within=allowed)


logs_never_overflow = Claim(
    "log_softmax.never_overflows",
    statement="Log-probabilities of any finite scores x are numbers from 0 down, −∞ only where they are too low for "
    "the format, and logsumexp is finite, in float16 for fewer than e¹⁶ (8.8 million) scores.",
    formula=r"-\infty < \ln p_i \le 0 \text{ where } \max x - x_i \text{ is in range}, \quad "
    r"p = \operatorname{softmax}(x)",
    needs=("log_softmax", "logsumexp"),
    limits=Limits(options=("axis", "where", "keepdims", "b", "return_sign", "dtype"), rows=3),
    tolerances=(rounding,),
    refuted_by=(wrong.log_of_softmax, wrong.logs_unshifted, wrong.normaliser_first, wrong.sum_overflows),
)


@logs_never_overflow.property(x=inputs.extreme_rows())
def log_probabilities_of_extreme_rows_are_in_range(ops: Operations, x: Any) -> Any:
    x = inputs.without_infinity(x)
    t, gone = ops.log_softmax(x), inputs.fully_masked(x)
    x, t, nothing = x[~gone], t[~gone].astype(np.float64), t[gone]
    in_range = gaps(x) < 0.75 * format_of(x.dtype).most
    return all_of(
        at_most(t, 0.0),
        equal(np.isfinite(t[in_range]), True),
        equal(t[np.isneginf(x.astype(np.float64))], -np.inf),
        inputs.fully_masked_as_declared(ops, nothing, logs=True),
    )


@logs_never_overflow.property(x=inputs.extreme_rows())
def logsumexp_of_extreme_rows_is_finite(ops: Operations, x: Any) -> Any:
    x = inputs.without_infinity(x)
    y = ops.logsumexp(x).astype(np.float64)
    return all_of(at_least(y, x.max(-1)), equal(np.isfinite(y), ~np.isneginf(x.astype(np.float64)).all(-1)))


lse_bounds = Claim(
    "logsumexp.bounds",
    faq=17,
    statement="Log-sum-exp of n scores, not all −∞, lies between the highest and ln n above it; log-softmax is the "
    "scores minus it, where that does not overflow, and its gradient is softmax, all up to rounding.",
    formula=r"\max_i x_i \le \ln\sum_i e^{x_i} \le \max_i x_i + \ln n",
    source=inputs.BLANCHARD,
    needs=("logsumexp", "log_softmax", "softmax", "logsumexp_vjp"),
    limits=Limits(
        options=("axis", "keepdims", "where", "b", "return_sign", "dtype"),
        rows=3,
        signs=("logsumexp_vjp.cotangent >= 0",),
    ),
    tolerances=(tol.logsumexp_rounding, tol.log_softmax_rounding, softmax_rounding, tol.logsumexp_vjp_rounding),
    refuted_by=(
        wrong.log_mean_exp,
        wrong.maximum_not_added_back,
        wrong.largest_term_twice,
        wrong.sum_overflows,
        wrong.just_the_maximum,
        row_mutants.all_to_the_winner,
    ),
)


@lse_bounds.property(x=score_rows(most=300))
def logsumexp_lies_between_its_bounds(ops: Operations, x: Any) -> Any:
    x = inputs.with_a_score(x)
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    y, error = ops.logsumexp(x), tol.logsumexp_rounding(x, p, *how)
    highest = enclose(lambda m, n: m + np.log(n), x.max(-1), np.full(len(x), x.shape[-1]))
    return all_of(at_least(y, x.max(-1)), at_most(y, highest, within=error))


@lse_bounds.property(x=score_rows(most=300))
def log_softmax_is_scores_minus_logsumexp(ops: Operations, x: Any) -> Any:
    x = inputs.with_a_score(x)
    p, how = probabilities(x), _how(ops, x)
    difference = enclose(lambda x, y: x - y[:, None], x, ops.logsumexp(x))
    allowed = tol.log_softmax_rounding(x, p, *how) + tol.logsumexp_rounding(x, p, *how[:2])[:, None]
    fits = ~(abs(difference.hi) > FORMATS[x.dtype.name].most / 2)
    return equal(ops.log_softmax(x)[fits], difference[fits], within=allowed[fits])


@lse_bounds.property(x=score_rows(most=300))
def logsumexp_gradient_is_softmax(ops: Operations, x: Any) -> Any:
    x = inputs.with_a_score(x)
    p, how, ones = probabilities(x), _how(ops, x), np.ones(len(x), x.dtype)
    allowed = tol.logsumexp_vjp_rounding(ones, x, p, *how)
    return all_of(
        equal(ops.logsumexp_vjp(ones, x), ops.softmax(x), within=allowed + softmax_rounding(x, p, *how[:2])),
        equal(ops.logsumexp_vjp(ones, x), enclose(distribution, x), within=allowed),
    )
