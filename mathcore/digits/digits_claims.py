"""What must be true of reading digits: FAQ 1."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.digits import digits_mutants as wrong
from mathcore.digits.textbook import half_the_gain, squared_distances
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import (
    Draw,
    as_dtype,
    domain,
    draw_array,
    draw_exact,
    draw_integers,
    fixed_generators,
    seeds,
)
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.relations import all_of, at_least, equal, less
from mathcore.verify.tolerances import FORMATS, dot_product, magnitude, rounding

PIXELS, DIGITS = 256, 10

SHADES = 16
"""Images are drawn in whole shades 0 to 16, so that brightening by a small whole number rounds nothing."""


@domain
def exact_images(draw: Draw, target: Target) -> dict[str, Any]:
    """A few images and ten templates on which arithmetic is exact, mostly small, also 16 × 16 pixels."""
    rows, pixels = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 4, 9, PIXELS]))
    if pixels < PIXELS:
        both = draw_exact(draw, target, rows + DIGITS, pixels)  # of one type: a float would spoil a Fraction
        return {"images": both[:rows], "weight": both[rows:].T}
    images, weight = abs(draw_integers(draw, (rows, PIXELS), SHADES)), draw_integers(draw, (PIXELS, DIGITS), 99)
    return {"images": images.astype(np.float64), "weight": weight.astype(np.float64)}


@domain
def float_images(draw: Draw, target: Target, *, near_ties: bool = False) -> dict[str, Any]:
    """Integer shades against templates of one dtype, which for `near_ties` differ in their last bits only."""
    dtype = draw(st.sampled_from(target.dtypes))
    rows, pixels = draw(st.sampled_from([1, 2, 3, 3, 34])), draw(st.sampled_from([2, 3, 9, 64, PIXELS]))
    weight = draw_array(draw, (pixels, DIGITS), "float64", (2.0**-6, 2.0))
    if near_ties:
        weight = weight[:, :1] * (1 + FORMATS[dtype].u * draw(seeds()).normal(size=weight.shape))
    images = abs(draw_integers(draw, (rows, pixels), SHADES))
    return {"images": as_dtype(images, dtype), "weight": as_dtype(weight, dtype)}


@domain
def equal_norms(draw: Draw, target: Target, *, exact: bool) -> dict[str, Any]:
    """Two images and a template, of which `rearranged` makes ten."""
    pixels, dtype = draw(st.integers(1, 8)), draw(st.sampled_from(target.dtypes))
    rows = draw_exact(draw, target, 3, pixels) if exact else draw_array(draw, (3, pixels), dtype, (2.0**-6, 2.0**3))
    return {"images": rows[:2], "row": rows[2], "seed": draw(st.integers(0, 2**32 - 1))}


def rearranged(row: Any, seed: int) -> Any:
    """Templates of exactly equal norm: the same entries permuted, with other signs."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], (DIGITS, len(row))).astype(row.dtype)
    return (np.stack([row[rng.permutation(len(row))] for _ in range(DIGITS)]) * signs).T


def taken(table: Any, choice: Any) -> Any:
    """The entry of each row that was chosen."""
    return np.asarray(table)[np.arange(len(choice)), choice]


scores_are_dot_products = Claim(
    "digits.scores_are_dot_products",
    faq=1,
    statement="The ten scores of an image are its dot products with ten templates, up to rounding: one product with a "
    "matrix of shape (256, 10).",
    formula=r"s_j = x \cdot w_j = (xW)_j, \qquad W \in \mathbb{R}^{256 \times 10}",
    needs=("digit_scores",),
    tolerances=(dot_product,),
    limits=Limits(options=("bias",), fixed={"scale": "no score overflows"}),
    refuted_by=(wrong.last_pixel_missed, wrong.columns_before_rows, wrong.angles, wrong.nine_images_at_a_time),
)


@scores_are_dot_products.exact(exact_images())
def exact_scores_are_dot_products(ops: Operations, images: Any, weight: Any) -> Any:
    one_by_one = [
        [sum(pixel * w for pixel, w in zip(x, template, strict=True)) for template in weight.T] for x in images
    ]
    return equal(ops.digit_scores(images, weight), one_by_one)


@scores_are_dot_products.property(float_images())
def float_scores_are_dot_products(ops: Operations, images: Any, weight: Any) -> Any:
    allowed = dot_product(magnitude(images, weight), len(weight), images.dtype)
    scores, true = ops.digit_scores(images, weight), true_matmul(images, weight)
    if len(images) < 34:
        return equal(scores, true, within=allowed)
    stacked = ops.digit_scores(images.reshape(2, 17, -1), weight)
    return all_of(equal(scores, true, within=allowed), equal(stacked.reshape(len(images), -1), true, within=allowed))


highest_score_wins = Claim(
    "digits.highest_score_wins",
    faq=1,
    statement="The answer is the digit with the highest score, the first of equals; without a bias, multiplying the "
    "whole image by c > 0 never changes it, but for scores so near or so small that rounding decides.",
    legend={"c": "a number above 0"},
    limits=Limits(options=("bias",), also=("c between 1/8 and 16",)),
    formula=r"\hat y = \operatorname*{argmax}_j\, x \cdot w_j = \operatorname*{argmax}_j\, (c\,x) \cdot w_j, "
    r"\qquad c > 0",
    needs=("read_digits",),
    tolerances=(dot_product, rounding),
    refuted_by=(
        wrong.lowest_score,
        wrong.largest_magnitude,
        wrong.threshold,
        wrong.last_of_equals,
        wrong.last_digit_unread,
    ),
)


@highest_score_wins.exact(exact_images(), effort=0.5)
def answer_is_the_first_highest_score(ops: Operations, images: Any, weight: Any) -> Any:
    scores = (images[:, :, None] * weight[None]).sum(1)
    first_best = [list(row).index(max(row)) for row in scores]
    brighter = [ops.read_digits(c * images, weight) for c in (1, 3, 16)]
    return all_of(*(equal(answer, first_best) for answer in brighter))


@highest_score_wins.property(pair=float_images(near_ties=True), brightness=st.integers(2, 15), darker=st.booleans())
def brightness_does_not_change_the_answer(ops: Operations, pair: Any, brightness: int, darker: bool) -> Any:
    images, weight = pair["images"], pair["weight"]
    c = images.dtype.type(1 / SHADES if darker else 1) * images.dtype.type(brightness)  # c · shade is exact
    score = true_matmul(images, weight).hi
    answers = [(1.0, ops.read_digits(images, weight)), (float(c), ops.read_digits(c * images, weight))]
    best = score.max(-1)

    def allowed(times: float) -> Any:
        # Two computed scores may trade places if their true values are within two errors of each other.
        error = dot_product(magnitude(times * images, weight), len(weight), images.dtype) * (2 / times)
        return error[np.arange(len(images)), magnitude(images, weight).argmax(-1)] + rounding(best, "float64") * 2

    return all_of(*(at_least(taken(score, answer), best, within=allowed(times)) for times, answer in answers))


best_score_is_best_match = Claim(
    "digits.best_score_is_best_match",
    faq=1,
    statement="The template with the highest score is the template nearest to the image.",
    formula=r"\lVert x - w_j \rVert^2 = \lVert x \rVert^2 - 2\,(x \cdot w_j + b_j), "
    r"\qquad b_j = -\tfrac12 \lVert w_j \rVert^2",
    verdict="holds_if",
    condition="All templates have equal norms, or the bias −‖w‖²/2 makes up for it, and rounding does not decide; "
    "otherwise a longer template can win over a nearer one.",
    legend={"b": "the bias"},
    source="Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), §4.3",
    needs=("digit_scores", "read_digits", "nearest_template_bias"),
    tolerances=(dot_product,),
    limits=Limits(
        formats=("read_digits.float32", "read_digits.float16", "read_digits.bfloat16"),
        rows=8,
        width=10,
        signs=("read_digits.bias <= 0", "digit_scores.bias <= 0"),
        fixed={"scale": "no score overflows"},
    ),
    refuted_by=(
        wrong.not_halved,
        wrong.sign_lost,
        wrong.squares_in_sixteen_bits,
        wrong.bias_ignored,
        wrong.bias_unread,
        wrong.lowest_score,
    ),
)


@best_score_is_best_match.exact(exact_images(), effort=0.5)
def biased_answer_is_the_nearest_template(ops: Operations, images: Any, weight: Any) -> Any:
    weight = 2 * weight  # halves of squares of even whole numbers are whole
    distance = squared_distances(images, weight)
    answer = ops.read_digits(images, weight, ops.nearest_template_bias(weight))
    return equal(taken(distance, answer), distance.min(1))


@best_score_is_best_match.property(equal_norms(exact=False))
def biased_score_is_half_the_gain_in_distance(ops: Operations, images: Any, row: Any, seed: int) -> Any:
    weight = rearranged(row, seed)
    bias = ops.nearest_template_bias(weight)
    half = (np.asarray(weight, np.float64) ** 2).sum(0) / 2
    off = dot_product(half, len(weight), images.dtype)  # of the bias itself
    allowed = dot_product(magnitude(images, weight) + half + off.values, len(weight) + 1, images.dtype) + off
    return equal(ops.digit_scores(images, weight, bias), enclose(half_the_gain, images, weight), within=allowed)


@best_score_is_best_match.property(float_images(), effort=0.5)
def bias_is_minus_half_the_squared_norm(ops: Operations, images: Any, weight: Any) -> Any:
    half = (np.asarray(weight, np.float64) ** 2).sum(0) / 2
    true = enclose(lambda w: -(w * w).sum(0) / 2, weight)
    return equal(ops.nearest_template_bias(weight), true, within=dot_product(half, len(weight), weight.dtype))


@best_score_is_best_match.exact(equal_norms(exact=True), effort=0.5)
def answer_is_the_nearest_template_of_equal_norm(ops: Operations, images: Any, row: Any, seed: int) -> Any:
    weight = rearranged(row, seed)
    distance = squared_distances(images, weight)
    return equal(taken(distance, ops.read_digits(images, weight)), distance.min(1))


@best_score_is_best_match.counterexample(
    image=st.lists(st.integers(1, 4), min_size=2, max_size=2),
    templates=st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=2, max_size=2),
)
def answer_is_the_nearest_template_of_any_norm(ops: Operations, image: Any, templates: Any) -> Any:
    x, weight = np.array([image], np.float64), np.array(templates, np.float64).T
    distance = squared_distances(x, weight)
    return equal(taken(distance, ops.read_digits(x, weight)), distance.min(1))


templates_read_real_digits = Claim(
    "digits.templates_read_real_digits",
    faq=1,
    statement="Templates made from handwritten digits read most digits that they have never seen: the means of the "
    "images do, and learned weights read more of them. With labels dealt at random they read next to none.",
    formula=r"\hat y = \operatorname*{argmax}_j (x \cdot w_j + b_j)",
    legend={"b": "the bias"},
    limits=Limits(also=("1,797 digits split by each of the seeds 0 to 4, a fifth held out",)),
    source="Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (1998), doi:10.24432/C50P49",
    needs=(
        "load_digits", "stratified_split", "mean_templates", "nearest_template_bias", "fit_softmax_regression",
        "read_digits", "confusion_matrix", "wilson_interval",
    ),
    refuted_by=(
        wrong.shuffled_answers, wrong.next_class, wrong.never_starts, wrong.means_for_learned, wrong.three_digits_known,
    ),
)  # fmt: skip


SPLITS, HELD_OUT = 5, 0.2
"""How many splits there are, by the seeds 0 to 4: for how many others too much is misread is not known."""


MOST, FEW = 1 / 2, 1 / 4
"""The accuracy that counts as most digits, and as few: at a chance level of a tenth, more than a quarter of 359 right
is less likely than 1e-14 (Chernoff)."""


def split_digits(ops: Operations, rng: Any, *, shuffled: bool = False) -> tuple[Any, ...]:
    """Images and labels to learn from, and others to read; `shuffled`, every image has the label of another."""
    images, labels = ops.load_digits()
    if shuffled:
        labels = rng.permutation(labels)
    seen, unseen = ops.stratified_split(labels, HELD_OUT, rng)
    return images[seen], labels[seen], images[unseen], labels[unseen]


@templates_read_real_digits.experiment
def mean_templates_read_most_digits(ops: Operations, scale: float) -> Any:
    lower, rates = [], []
    for rng, shuffled in itertools.product(fixed_generators(max(1, round(SPLITS * scale))), (False, True)):
        images, labels, unseen, wanted = split_digits(ops, rng, shuffled=shuffled)
        weight = ops.mean_templates(images, labels)
        for bias in (None, ops.nearest_template_bias(weight)):
            right = int((ops.read_digits(unseen, weight, bias) == wanted).sum())
            lower.append(ops.wilson_interval(right, len(wanted), 0.99)[0])
            rates.append(right / len(wanted))
    bounds, shares = np.reshape(lower, (-1, 2, 2)), np.reshape(rates, (-1, 2, 2))
    return all_of(
        less(np.full(bounds[:, 0].shape, MOST), bounds[:, 0]),
        less(shares[:, 1], np.full(bounds[:, 0].shape, FEW)).measuring(
            mean_templates=f"{shares[:, 0, 0].mean():.1%} of {len(wanted)} unseen digits, mean of {len(shares)} splits",
            nearest_mean_templates=f"{shares[:, 0, 1].mean():.1%}",
            labels_at_random=f"{shares[:, 1].mean():.1%}",
        ),
    )


@templates_read_real_digits.experiment
def learned_templates_read_more_digits(ops: Operations, scale: float) -> Any:
    right, right_by_mean, confusion = [], [], np.zeros((DIGITS, DIGITS), int)
    for rng in fixed_generators(max(1, round(SPLITS * scale))):
        images, labels, unseen, wanted = split_digits(ops, rng)
        answer = ops.read_digits(unseen, *ops.fit_softmax_regression(images, labels))
        confusion = confusion + ops.confusion_matrix(wanted, answer)
        right.append(int((answer == wanted).sum()))
        mean = ops.mean_templates(images, labels)
        by_mean = ops.read_digits(unseen, mean, ops.nearest_template_bias(mean))
        right_by_mean.append(int((by_mean == wanted).sum()))
    low, high = ops.wilson_interval(min(right), len(wanted), 0.99)
    images, labels, unseen, others = split_digits(ops, np.random.default_rng(0), shuffled=True)
    by_chance = (ops.read_digits(unseen, *ops.fit_softmax_regression(images, labels)) == others).mean()
    return all_of(
        less(MOST, low),
        less(by_chance, FEW),
        less(right_by_mean, np.array(right)).measuring(
            accuracy=f"{np.mean(right) / len(wanted):.1%} of {len(wanted)} unseen digits, mean of {len(right)} splits",
            interval=f"[{low:.1%}, {high:.1%}] for the worst split, 99 % Wilson",
            labels_at_random=f"{by_chance:.1%}",
            confusion=confusion.tolist(),
        ),
    )
