"""What must be true of cross-entropy, of its gradient, and of both at once.

Above 400 lines: each sentence is about the loss and its gradient alike. What many rows have to do with one another,
ignored ones above all, is in `batching_claims`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import cross_entropy_mutants as wrong
from mathcore.probability import cross_entropy_tolerances as tol
from mathcore.probability import inputs, logsumexp_mutants, row_mutants
from mathcore.probability.logsumexp_tolerances import log_softmax_again
from mathcore.probability.loss_textbook import (
    Shape,
    grad_is_p_minus_q,
    is_nll,
    is_p_minus_q,
    loss_is_nll,
    nll_allowed,
    stacked,
)
from mathcore.probability.records import one_hot
from mathcore.probability.row_laws import rows_with_cotangents
from mathcore.probability.textbook import distribution, log_distribution, probabilities
from mathcore.verify import Claim, Limits, Operations, Target, enclose, reproduced
from mathcore.verify.domains import Draw, as_dtype, domain, draw_integers, log_uniform, score_rows
from mathcore.verify.promises import promised
from mathcore.verify.relations import all_of, at_least, at_most, equal, identical, raises
from mathcore.verify.tolerances import FORMATS, work_format

_MEAN: dict[str, Any] = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "mean"}
_EACH: dict[str, Any] = {**_MEAN, "reduction": "none"}

loss_accuracy = Claim(
    "cross_entropy.accuracy",
    statement="Cross-entropy is minus the log-probability of the right answer, mixed with the mean over all n classes "
    "if labels are smoothed, averaged or added over the rows that count, up to rounding; a mean of finite losses is "
    'finite, in the grade `log_softmax="log1p"` even where their sum is not.',
    formula=r"\ell = -\sum_j q_j \ln p_j, \qquad q_j = (1 - \varepsilon)[j = y] + \frac{\varepsilon}{n}",
    needs=("cross_entropy",),
    limits=Limits(options=("axis", "weight"), rows=6),
    tolerances=(tol.cross_entropy_rounding,),
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


@loss_accuracy.property(inputs.classified_rows(most=300))
def loss_is_the_smoothed_negative_log_likelihood(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any]
) -> Any:
    return loss_is_nll(ops, logits, targets, options)


def nearly_too_large(target: Target) -> Iterator[dict[str, Any]]:
    """Losses whose sums over rows or classes overflow, though their means do not; or nearly do, in the other grades."""
    for name in target.dtypes:
        most = FORMATS[name].most / (1 if target.conventions.log_softmax == "log1p" else 16)
        for smoothing, targets in ((0.0, [1, 2, 1]), (0.1, [0, 0, 0]), (0.1, [1, 0, 2])):
            options = {"ignore_index": None, "label_smoothing": smoothing, "reduction": "mean"}
            logits = as_dtype(np.array([[0.0, -0.75, -0.75]] * 3) * most, name)
            yield {"targets": np.array(targets), "logits": logits, "options": options}
        options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "mean"}
        logits = as_dtype(np.array([[0.0, -1.0]] * 3) * most, name)
        yield {
            "targets": np.ones(3, int),
            "logits": logits,
            "options": options,
        }  # in the first grade the mean is the largest number


@loss_accuracy.exhaustive(nearly_too_large)
def mean_of_huge_losses_is_finite(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return loss_is_nll(ops, logits, targets, options)


gradient_is_the_error = Claim(
    "cross_entropy.gradient_is_the_error",
    statement="The gradient of cross-entropy at the logits of a row is the error, p minus the (smoothed) target, times "
    "the cotangent, up to rounding; for a mean it is divided by the number of rows that count, and ignored rows get "
    "exactly zero.",
    formula=r"\bar x = \bar g\,(p - q), \qquad q_j = (1 - \varepsilon)[j = y] + \frac{\varepsilon}{n}",
    needs=("cross_entropy_vjp",),
    limits=Limits(options=("axis", "weight"), rows=6),
    tolerances=(tol.cross_entropy_vjp_rounding,),
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


@gradient_is_the_error.property(inputs.classified_rows(most=300))
def gradient_is_probabilities_minus_target(ops: Operations, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    return grad_is_p_minus_q(ops, logits, targets, options)


def plain_batches(target: Target) -> Iterator[dict[str, Any]]:
    """Three rows in each dtype by each reduction, with no other option, which a target need not take."""
    for dtype, reduction in itertools.product(target.dtypes, ("mean", "sum", "none")):
        options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": reduction}
        logits = as_dtype(np.arange(12.0).reshape(3, 4) % 5, dtype)
        yield {"logits": logits, "targets": np.arange(3), "options": options}


@gradient_is_the_error.exhaustive(plain_batches)
def plain_gradient_is_the_error(ops: Operations, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    return grad_is_p_minus_q(ops, logits, targets, options)


excluded_classes = Claim(
    "cross_entropy.excluded_classes",
    statement="Without smoothing, a class whose logit is −∞ is out: the loss is that of the others up to rounding, and "
    "its gradient is 0; but if it is the right answer y, the loss is +∞ and its gradient −1 times the cotangent. With "
    "smoothing, which wants every class, the loss is +∞.",
    formula=r"x_j = -\infty \Rightarrow p_j = 0, \quad \bar x_j = -\bar g\,[j = y]; \qquad "
    r"x_y = -\infty \Rightarrow \ell = +\infty",
    limits=Limits(
        options=("axis", "weight", "ignore_index", "cross_entropy_vjp.label_smoothing"),
        rows=3,
        said=("Without smoothing",),
    ),
    needs=("cross_entropy", "cross_entropy_vjp"),
    tolerances=(tol.cross_entropy_rounding, tol.cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.zero_times_infinity,
        wrong.excluded_at_minus_10000,
        wrong.excluded_gradient_is_nan,
        wrong.excluded_answer_unpulled,
        wrong.smoothing_skips_the_excluded,
    ),
)


@excluded_classes.property(inputs.logits_with_exclusions())
def excluded_class_leaves_the_loss_of_the_others(ops: Operations, x: Any, last: bool) -> Any:
    x, targets = inputs.targets_not_excluded(x, last)
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none"}
    masked = np.isneginf(x.astype(np.float64))
    beside = np.where(masked.any(-1), masked.argmax(-1), targets)
    impossible = ops.cross_entropy(x, beside, reduction="none")[masked.any(-1)]
    wanted = ops.cross_entropy(x, targets, reduction="none", label_smoothing=0.1)[masked.any(-1)]
    return all_of(loss_is_nll(ops, x, targets, options), equal(impossible, np.inf), equal(wanted, np.inf))


@excluded_classes.property(inputs.logits_with_exclusions())
def excluded_class_gets_no_gradient(ops: Operations, x: Any, last: bool) -> Any:
    x, targets = inputs.targets_not_excluded(x, last)
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none"}
    pulled = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, targets, reduction="none")
    masked = np.isneginf(x.astype(np.float64))
    beside, g = np.where(masked.any(-1), masked.argmax(-1), targets), x.dtype.type(0.75)
    pushed = ops.cross_entropy_vjp(np.full(len(x), g), x, beside, reduction="none")
    own = np.take_along_axis(pushed, beside[:, None], -1)[masked.any(-1)]
    return all_of(
        grad_is_p_minus_q(ops, x, targets, options),
        equal(pulled[masked], 0.0),
        equal(own, -0.75),
        equal(pushed[masked & (np.arange(x.shape[-1]) != beside[:, None])], 0.0),
    )


with_its_gradient = Claim(
    "cross_entropy.with_its_gradient",
    statement="Computed together, which saves the exponentials of one of them, the loss and its gradient for a "
    "cotangent of 1 are, up to rounding, what they are by themselves, whatever counts, is averaged or smoothed.",
    formula=r"\ell = -\sum_j q_j \ln p_j, \qquad \nabla \ell = p - q",
    limits=Limits(options=("weight",)),
    needs=("cross_entropy_and_grad",),
    tolerances=(tol.cross_entropy_rounding, tol.cross_entropy_vjp_rounding),
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


@with_its_gradient.property(inputs.stacked_rows())
def pair_agrees_on_stacked_rows(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape, axis: int
) -> Any:
    return _both_agree(ops, logits, targets, options, shape, axis)


@with_its_gradient.exhaustive(inputs.thousands_of_rows)
def pair_agrees_on_thousands_of_rows(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return _both_agree(ops, logits, targets, options)


@with_its_gradient.property(inputs.logits_with_exclusions(), effort=0.5)
def pair_agrees_with_excluded_classes(ops: Operations, x: Any, last: bool) -> Any:
    x, targets = inputs.targets_not_excluded(x, last)
    options = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none"}
    return _both_agree(ops, x, targets, options)


@with_its_gradient.property(
    inputs.classified_rows(), garbage=st.sampled_from([math.nan, math.inf, -math.inf]), effort=0.5
)
def pair_sees_nothing_of_ignored_rows(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], garbage: float
) -> Any:
    keep = inputs.counted(targets, options)
    return _both_agree(ops, np.where(keep[:, None], logits, logits.dtype.type(garbage)), targets, options)


@with_its_gradient.property(x=score_rows(most=9, rows=4), count=st.integers(0, 4), effort=0.5)
def pair_of_ignored_rows_is_zero(ops: Operations, x: Any, count: int) -> Any:
    mean, slopes = ops.cross_entropy_and_grad(x[:count], np.full(count, -100), ignore_index=-100)
    return all_of(
        identical(mean + x.dtype.type(0), np.asarray(ops.conventions.cross_entropy_of_nothing, x.dtype)),  # −0 is 0
        equal(slopes, np.zeros((count, x.shape[-1]))),
    )


def wide_batches(target: Target) -> Iterator[dict[str, Any]]:
    """Forty rows of 1,025 classes, cycling through dtypes: more than one block; and a few rows far below −10,000."""
    x, name = np.random.default_rng(3).normal(size=(40, 1025)), itertools.cycle(target.dtypes)
    for smoothing, reduction in ((0.0, "sum"), (0.1, "none")):
        options = {"ignore_index": 3, "label_smoothing": smoothing, "reduction": reduction}
        yield {"targets": np.arange(40) * 26 % 1025, "logits": as_dtype(x * 3, next(name)), "options": options}
    yield {"targets": np.arange(3), "logits": as_dtype(x[:3, :3] * 3 - 20_000, next(name)), "options": options}


@with_its_gradient.exhaustive(wide_batches)
def pair_agrees_on_wide_batches(ops: Operations, targets: Any, logits: Any, options: dict[str, Any]) -> Any:
    return _both_agree(ops, logits, targets, options)


def _both_agree(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape = (-1,), axis: int = -1
) -> Any:
    loss, slopes = ops.cross_entropy_and_grad(*stacked(logits, targets, shape, axis), axis=axis, **options)
    g = np.ones(len(targets) if options["reduction"] == "none" else (), logits.dtype)
    return all_of(
        is_nll(ops, loss, logits, targets, options),
        is_p_minus_q(ops, np.moveaxis(slopes, axis, -1), g, logits, targets, options),
    )


alignment = Claim(
    "cross_entropy.alignment",
    statement="Logits that peak on the right answers drive the loss to 0: without smoothing, with a gap g to the other "
    'n − 1 classes, it is ln(1 + (n − 1)e⁻ᵍ), in the grade `log_softmax="log1p"` good to the last few digits, as long '
    "as e⁻ᵍ is a normal number of the format; in the others, which lack no correctness, within their bound.",
    formula=r"\ell = \ln\bigl(1 + (n - 1)\,e^{-g}\bigr) \to 0, \quad g \to \infty",
    legend={"g": "the gap"},
    limits=Limits(
        options=("axis", "weight", "ignore_index", "label_smoothing"),
        rows=5,
        said=("without smoothing", "normal number of the"),
    ),
    needs=("cross_entropy",),
    tolerances=(tol.cross_entropy_digits, tol.cross_entropy_rounding),
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
    """Targets, and a gap by which their logits exceed the others, which are all equal."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 65))
    gap = draw(log_uniform(0.25, min(0.9 * -math.log(FORMATS[name].tiny), FORMATS[name].most / 64)))
    targets = draw_integers(draw, (draw(st.integers(1, 5)),), 10**6) % n
    return {"targets": targets, "gap": as_dtype(gap, name), "level": draw(st.sampled_from([0, 0, 16, -64])), "n": n}


@alignment.property(peaked_rows())
def peaked_logits_give_the_closed_form(ops: Operations, targets: Any, gap: Any, level: int, n: int) -> Any:
    gap = abs(gap)
    logits = (one_hot(targets, n) * gap + gap.dtype.type(level)).astype(gap.dtype)
    lead = logits.max(-1).astype(np.float64) - level  # the gap, as rounded to the dtype
    true = enclose(lambda g: np.log(1 + (n - 1) * np.exp(-g)), lead)
    loss = ops.cross_entropy(logits, targets, reduction="none")
    if ops.conventions.log_softmax != "log1p":
        return equal(loss, true, within=nll_allowed(ops, logits, targets, _EACH))
    p = probabilities(logits)
    return equal(loss, true, within=tol.cross_entropy_digits(logits, p, targets, gap.dtype, ops.conventions.summation))


loss_shift_invariant = Claim(
    "cross_entropy.shift_invariant",
    statement="A common offset of the logits, however large, changes nothing of the loss or its gradient, where the "
    "addition itself is exact: no bit if the target promises that, else no more than they may be off by at either "
    "place.",
    formula=r"\ell(x + c, y) = \ell(x, y), \quad c \text{ finite}",
    needs=("cross_entropy", "cross_entropy_vjp"),
    limits=Limits(options=("axis", "weight", "ignore_index", "reduction"), rows=3),
    tolerances=(tol.cross_entropy_rounding, tol.cross_entropy_vjp_rounding),
    refuted_by=(wrong.loss_normaliser_first, wrong.loss_unshifted, wrong.gradient_of_unshifted),
)


@loss_shift_invariant.property(inputs.shiftable(), label_smoothing=st.sampled_from([0.0, 0.1]))
def loss_ignores_an_exact_shift(ops: Operations, x: Any, shift: Any, label_smoothing: float) -> Any:
    x = inputs.exactly_added(x, shift)
    targets, options = np.arange(len(x)) % x.shape[-1], {**_MEAN, "label_smoothing": label_smoothing}
    places = (x + shift, x)
    there, here = both = [ops.cross_entropy(v, targets, label_smoothing=label_smoothing) for v in places]
    each = zip(both, places, strict=True)
    return reproduced(ops, there, here, lambda: all_of(*(is_nll(ops, y, v, targets, options) for y, v in each)))


@loss_shift_invariant.property(inputs.shiftable(), label_smoothing=st.sampled_from([0.0, 0.1]))
def gradient_ignores_an_exact_shift(ops: Operations, x: Any, shift: Any, label_smoothing: float) -> Any:
    x = inputs.exactly_added(x, shift)
    targets, one = np.arange(len(x)) % x.shape[-1], np.ones((), x.dtype)
    places, options = (x + shift, x), {**_MEAN, "label_smoothing": label_smoothing}
    there, here = both = [ops.cross_entropy_vjp(one, v, targets, label_smoothing=label_smoothing) for v in places]
    each = zip(both, places, strict=True)
    return reproduced(
        ops, there, here, lambda: all_of(*(is_p_minus_q(ops, y, one, v, targets, options) for y, v in each))
    )


accepts_log_probabilities = Claim(
    "cross_entropy.accepts_log_probabilities",
    statement="Feeding it log-probabilities instead of logits changes nothing but roundings: log-softmax leaves them "
    "as they are.",
    formula=r"\ell(\ln\operatorname{softmax}(x), y) = \ell(x, y)",
    needs=("cross_entropy", "log_softmax"),
    limits=Limits(
        options=("axis", "where", "dtype", "weight", "ignore_index", "label_smoothing"),
        rows=4,
        signs=("cross_entropy.logits <= 0",),
    ),
    tolerances=(tol.cross_entropy_rounding, log_softmax_again),
    refuted_by=(wrong.softmax_twice, wrong.loss_in_bits, logsumexp_mutants.logs_base_two),
)


@accepts_log_probabilities.property(rows_with_cotangents())
def log_probabilities_give_the_loss_of_the_logits(ops: Operations, x: Any, g: Any) -> Any:
    targets = np.arange(len(x)) % x.shape[-1]
    how = (x.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    loss = ops.cross_entropy(ops.log_softmax(x), targets, reduction="none")
    true = enclose(lambda x: -np.take_along_axis(log_distribution(x), targets[:, None], -1)[:, 0], x)
    allowed = tol.cross_entropy_rounding(x, probabilities(x), targets, *how, reduction="none")
    return equal(loss, true, within=allowed + log_softmax_again(x, probabilities(x), *how)[np.arange(len(x)), targets])


loss_never_overflows = Claim(
    "cross_entropy.never_overflows",
    statement="For any finite logits the loss of a row is at least 0 and never NaN (+∞ if it is too large for the "
    "format), and its gradient for a cotangent of 1 lies between −1 and 1, with and without smoothing. In other grades "
    'than `log_softmax="log1p"` a smoothed loss may round below 0, and is judged where no sum of logits overflows.',
    formula=r"\ell \ge 0, \qquad |p_i - q_i| \le 1",
    needs=("cross_entropy", "cross_entropy_vjp"),
    tolerances=(tol.cross_entropy_rounding,),
    limits=Limits(options=("axis", "weight", "ignore_index"), rows=3, signs=("cross_entropy_vjp.cotangent >= 0",)),
    refuted_by=(wrong.loss_unshifted, row_mutants.loss_maximum_of_everything, wrong.gradient_of_unshifted),
)


@domain
def extreme_logits(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of the largest and smallest finite numbers of a dtype, and one target for all of them."""
    x = draw(inputs.extreme_rows().build(target))
    x = np.where(np.isneginf(x), x.dtype.type(0), x)
    return {"x": x, "targets": np.full(len(x), draw(st.integers(0, x.shape[-1] - 1)))}


@loss_never_overflows.property(extreme_logits(), smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def loss_is_never_negative(ops: Operations, x: Any, targets: Any, smoothing: float) -> Any:
    finite = np.isfinite(x.astype(np.float64)).all(-1)
    loose = ops.conventions.log_softmax != "log1p" and smoothing > 0
    if loose:
        with np.errstate(over="ignore"):
            finite &= abs(x.astype(np.float64)).sum(-1) < work_format(x.dtype).most / 4
    x, targets = x[finite], targets[finite]
    loss = ops.cross_entropy(x, targets, reduction="none", label_smoothing=smoothing)
    options = {**_EACH, "label_smoothing": smoothing}
    return promised(
        not loose,
        at_least(loss, 0.0),
        lambda: at_least(loss, 0.0, within=nll_allowed(ops, x, targets, options)),
    )


@loss_never_overflows.property(extreme_logits(), smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def gradient_stays_within_one(ops: Operations, x: Any, targets: Any, smoothing: float) -> Any:
    finite = np.isfinite(x.astype(np.float64)).all(-1)
    x, targets = x[finite], targets[finite]
    one = np.ones(len(x), x.dtype)
    pulled = ops.cross_entropy_vjp(one, x, targets, reduction="none", label_smoothing=smoothing)
    return at_most(abs(pulled.astype(np.float64)), 1.0)


keeps_its_digits = Claim(
    "cross_entropy.gradient_keeps_its_digits",
    statement="When the right answer y dominates, its gradient p − 1 without smoothing is a tiny negative number: in "
    'the grade `log_softmax="log1p"` good to its last few digits, and not 0, as long as it is a normal number of the '
    "format; in the others, which lack no correctness, off by no more than a gradient may be.",
    formula=r"p_y - 1 = e^{\ln p_y} - 1 = \operatorname{expm1}(\ln p_y)",
    limits=Limits(
        options=("axis", "weight", "ignore_index", "label_smoothing"),
        rows=2,
        signs=("cross_entropy_vjp.cotangent >= 0",),
        said=("without smoothing", "normal number of the format"),
    ),
    needs=("cross_entropy_vjp",),
    tolerances=(tol.certainty_digits, tol.cross_entropy_vjp_rounding),
    refuted_by=(
        wrong.one_subtracted_late,
        wrong.one_subtracted_late_in_means,
        wrong.loss_pulled_to_zero,
        wrong.gradient_uphill,
    ),
)


@keeps_its_digits.property(x=inputs.dominated_rows())
def gradient_of_a_certain_answer_keeps_its_digits(ops: Operations, x: Any) -> Any:
    y, rows = x.argmax(-1), np.arange(len(x))
    true = enclose(lambda x: distribution(x)[rows, y] - 1, x)
    p, how = probabilities(x), (x.dtype, ops.conventions.summation)
    if ops.conventions.log_softmax == "log1p":
        allowed = tol.certainty_digits(-true.hi, x, p, y, *how)
    else:
        wanted = one_hot(y, x.shape[-1])
        allowed = tol.cross_entropy_vjp_rounding(np.ones((len(x), 1)), x, p, wanted, *how, ops.conventions.log_softmax)
        allowed = allowed[rows, y]
    pulled = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, y, reduction="none")
    summed = ops.cross_entropy_vjp(np.ones((), x.dtype), x, y, reduction="sum")
    return all_of(equal(pulled[rows, y], true, within=allowed), equal(summed[rows, y], true, within=allowed))


bad_targets = Claim(
    "cross_entropy.bad_targets",
    statement="A target y that is none of n classes is an error that names it, never the class it would wrap around "
    "to, unless it is to be ignored; targets that are no integers are refused.",
    formula=r"y \notin \{0, \dots, n - 1\} \Rightarrow \mathrm{IndexError}",
    needs=("cross_entropy", "cross_entropy_vjp", "cross_entropy_and_grad"),
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
    """Logits, and targets of any integer dtype, one of which is no class."""
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
def cross_entropy_refuses_bad_targets(ops: Operations, x: Any, targets: Any) -> Any:
    return _bad_targets_are_refused(x, targets, ops.cross_entropy)


@bad_targets.property(misplaced_targets())
def vjp_refuses_bad_targets(ops: Operations, x: Any, targets: Any) -> Any:
    return _bad_targets_are_refused(x, targets, functools.partial(ops.cross_entropy_vjp, np.ones((), x.dtype)))


@bad_targets.property(misplaced_targets())
def pair_refuses_bad_targets(ops: Operations, x: Any, targets: Any) -> Any:
    return _bad_targets_are_refused(x, targets, ops.cross_entropy_and_grad)
