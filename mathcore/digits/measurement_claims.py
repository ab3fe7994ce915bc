"""What must be true of what the reading of digits is measured with: templates, splits, counts and intervals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.digits import digits_mutants as wrong
from mathcore.digits.digits_tolerances import wilson_rounding
from mathcore.digits.textbook import squared_distances, wilson_ends
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_exact, draw_integers, log_uniform, seeds
from mathcore.verify.laws import Called, defaults
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.relations import all_of, at_most, equal
from mathcore.verify.tolerances import dot_product

mean_is_the_middle = Claim(
    "digits.mean_is_the_middle",
    statement="The mean template of a digit is the mean of its images, up to rounding: the one point with the least "
    "sum of squared distances to them.",
    legend={"x": "the images", "n": "the number of images of a class", "w": "the mean template"},
    formula=r"w_j = \frac{1}{n_j} \sum_{y_i = j} x_i = \operatorname*{argmin}_v \sum_{y_i = j} \lVert x_i - v \rVert^2",
    needs=("mean_templates",),
    tolerances=(dot_product,),
    refuted_by=(wrong.shared_count, wrong.next_class, wrong.first_example, wrong.first_four, wrong.mean_in_half),
)


@domain
def labelled_fractions(draw: Draw, target: Target) -> dict[str, Any]:
    """Images of a few pixels with labels of three classes, each of which occurs a power of 2 times."""
    counts = [draw(st.sampled_from([1, 2, 4, 1, 2, 4, 8, 64])) for _ in range(3)]
    labels = draw(seeds()).permutation(np.repeat(np.arange(3), counts))
    return {"images": draw_exact(draw, target, len(labels), draw(st.integers(1, 4))), "labels": labels}


@mean_is_the_middle.exact(pair=labelled_fractions(), other=st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def mean_template_minimises_squared_distances(ops: Operations, pair: Any, other: Any) -> Any:
    images, labels = pair["images"], pair["labels"]
    templates = ops.mean_templates(images, labels, num_classes=3)
    mine = [images[labels == j] for j in range(3)]
    middle = np.stack([own.sum(0) / len(own) for own in mine], 1)
    stray = np.array(other[: len(middle)])[:, None]

    def spread(template: Any) -> Any:
        return [squared_distances(own, template[:, [j % template.shape[1]]]).sum() for j, own in enumerate(mine)]

    return all_of(equal(templates, middle), at_most(spread(templates), spread(stray)))


@domain
def labelled_images(draw: Draw, target: Target) -> dict[str, Any]:
    """Images of any dtype with labels of two classes."""
    counts = [draw(st.integers(1, 9) | st.just(100)) for _ in range(2)]
    labels = draw(seeds()).permutation(np.repeat(np.arange(2), counts))
    dtype = draw(st.sampled_from(target.dtypes))
    values = draw_array(draw, (len(labels), draw(st.sampled_from([1, 3, 33]))), "float64", (2.0**-6, 2.0**6))
    return {"images": as_dtype(values, dtype), "labels": labels}


@mean_is_the_middle.property(labelled_images())
def mean_template_is_the_mean(ops: Operations, images: Any, labels: Any) -> Any:
    templates, parts = ops.mean_templates(images, labels, num_classes=2), []
    for j in range(2):
        own = images[labels == j]
        size = abs(np.asarray(own, np.float64)).mean(0)
        true = enclose(lambda x: x.sum(0) / len(x), own)
        parts.append(equal(templates[:, j], true, within=dot_product(size, len(own) + 1, images.dtype)))
    return all_of(*parts)


learning_descends = Claim(
    "digits.learning_descends",
    statement="The first step of the learning lowers the loss by at least half of the step times the gradient's "
    "square, as long as the squares of the images are finite: the step 1/L is derived, not tried.",
    legend={"X": "the images, one in each row, with a column of ones for the bias", "W": "the weights, at the start 0"},
    limits=Limits(
        options=("axis", "weight", "ignore_index", "label_smoothing", "reduction"),
        formats=SHORT_FORMATS,
        width=9,
        also=("1, 3, 5 or 9 images in float64, so that no gradient is next to nothing",),
    ),
    formula=r"\ell(W_1) \le \ell(0) - \frac{1}{2L} \lVert \nabla \ell(0) \rVert^2, \qquad "
    r"L = \frac{\sigma_{\max}(X)^2}{2n}",
    source="Nesterov, Lectures on Convex Optimization (2018), §1.2.3; Böhning (1992), doi:10.1007/BF00048682",
    needs=("fit_softmax_regression", "cross_entropy", "digit_scores"),
    refuted_by=(wrong.climbs, wrong.never_starts, wrong.other_labels, wrong.leap, wrong.leap_among_many),
)


@domain
def unbalanced_images(draw: Draw, target: Target) -> dict[str, Any]:
    """Float images of 2, 4 or 10 classes, of unequal sizes: the gradient is far from 0."""
    n, classes = draw(st.sampled_from([1, 3, 5, 9])), draw(st.sampled_from([2, 2, 4, 10]))
    labels = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    images = draw_array(draw, (n, draw(st.integers(1, 9))), "float64", (2.0**-4, 2.0**4))
    return {"images": images, "labels": labels, "classes": classes}


@learning_descends.property(unbalanced_images())
def first_step_lowers_the_loss(ops: Operations, images: Any, labels: Any, classes: int) -> Any:
    weight, bias = ops.fit_softmax_regression(images, labels, num_classes=classes, steps=1)
    rows = np.c_[images, np.ones(len(images))]
    gradient = rows.T @ (1 / classes - np.eye(classes)[labels]) / len(rows)
    smoothness = np.linalg.eigvalsh(rows.T @ rows)[-1] / (2 * len(rows))
    loss = ops.cross_entropy(ops.digit_scores(images, weight, bias), labels)
    return at_most(loss, np.log(classes) - (gradient**2).sum() / (2 * smoothness))


split_is_fair = Claim(
    "digits.split_is_fair",
    statement="Nothing is both learned from and tested on, everything is one of the two, and every class is held out "
    "at random in one share s, rounded to whole examples, halves to the even number.",
    legend={"A": "the places to learn from", "B": "the places held out", "C": "the places of one class"},
    formula=r"A \cup B = \{0, \dots, n - 1\}, \qquad A \cap B = \emptyset, \qquad "
    r"|B \cap C_j| = \operatorname{round}(s\,|C_j|)",
    needs=("stratified_split",),
    refuted_by=(
        wrong.held_out_seen,
        wrong.classes_unbalanced,
        wrong.first_ones_held_out,
        wrong.classes_drawn_alike,
    ),
)


@domain
def labelled_places(draw: Draw, target: Target) -> dict[str, Any]:
    """Labels in which each of a few classes occurs often enough, in any order, and a fraction to hold out."""
    counts = draw(st.lists(st.integers(4, 30), min_size=1, max_size=4))
    labels = draw(seeds()).permutation(np.repeat(np.arange(len(counts)), counts))
    return {"labels": labels, "held_out": draw(st.sampled_from([0.2, 0.25, 0.5])), "rng": draw(seeds())}


@split_is_fair.exact(labelled_places())
def split_is_a_stratified_partition(ops: Operations, labels: Any, held_out: float, rng: Any) -> Any:
    seen, unseen = ops.stratified_split(labels, held_out, rng)
    shares = [round(held_out * int(count)) for count in np.bincount(labels)]
    return all_of(
        equal(np.sort(np.r_[seen, unseen]), np.arange(len(labels))),
        equal(np.bincount(labels[unseen], minlength=len(shares)), shares),
    )


@split_is_fair.statistical
def every_split_can_occur(ops: Operations, rng: Any) -> Any:
    # Of four examples of each of two classes two are held out: 36 equally likely choices. All occur in 1,200 draws, or
    # the draw is not uniform: the chance of missing any is below 36 (35/36)^1200 < 1e-13.
    labels = np.repeat([0, 1], 4)
    chosen = {tuple(ops.stratified_split(labels, 0.5, rng)[1].tolist()) for _ in range(1200)}
    return equal(len(chosen), 36)


confusion_counts_pairs = Claim(
    "digits.confusion_counts_pairs",
    statement="Entry (i, j) of the confusion matrix is how many images of digit i were read as j; the diagonal is what "
    "was read right.",
    formula=r"C_{ij} = \#\{k : y_k = i,\ \hat y_k = j\}, \qquad \sum_{ij} C_{ij} = n",
    needs=("confusion_matrix",),
    legend={"C": "the confusion matrix"},
    refuted_by=(wrong.turned, wrong.counted_once, wrong.counted_in_a_byte),
)


@confusion_counts_pairs.exhaustive(lambda: iter([{"count": 300}, {"count": 70_000}]))
def pair_is_counted_every_time(ops: Operations, count: int) -> Any:
    return equal(ops.confusion_matrix(np.full(count, 1), np.full(count, 2), 3), [[0, 0, 0], [0, 0, count], [0, 0, 0]])


@confusion_counts_pairs.exact(pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def every_pair_is_counted(ops: Operations, pairs: Any) -> Any:
    labels, predicted = np.array(pairs, int).reshape(-1, 2).T
    return equal(
        ops.confusion_matrix(labels, predicted, 4), [[pairs.count((i, j)) for j in range(4)] for i in range(4)]
    )


interval_is_wilsons = Claim(
    "digits.interval_is_wilsons",
    statement="The interval holds exactly the rates p whose normal score for k successes of n is at most z, up to the "
    "rounding of its ends.",
    formula=r"\Big(\frac kn - p\Big)^2 \le z^2\,\frac{p(1 - p)}{n}, \qquad \Phi(z) = \frac{1 + \text{confidence}}{2}",
    legend={"k": "the number of successes", "n": "the number of trials"},
    source="Wilson, J. Amer. Statist. Assoc. 22 (1927), doi:10.1080/01621459.1927.10502953",
    needs=("wilson_interval",),
    tolerances=(wilson_rounding,),
    refuted_by=(wrong.one_sided, wrong.wald),
)


@interval_is_wilsons.property(
    trials=st.integers(1, 2000) | log_uniform(1.0, 1e9).map(int),
    share=st.fractions(0, 1),
    confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.9999]),
)
def interval_ends_are_the_roots(ops: Operations, trials: int, share: Fraction, confidence: float) -> Any:
    successes = round(share * trials)
    true = enclose(wilson_ends, np.array([successes]), np.array([trials]), np.array([confidence]))
    allowed = wilson_rounding(successes, trials, confidence)
    return equal(np.array(ops.wilson_interval(successes, trials, confidence)), true[:, 0], within=allowed)


@domain
def trials(draw: Draw, target: Target) -> dict[str, Any]:
    """A count of successes."""
    n = draw(st.integers(1, 99))
    return {"successes": draw(st.integers(0, n)), "trials": n}


@domain
def answers(draw: Draw, target: Target) -> dict[str, Any]:
    """Digits and what they were read as, of which no digit is above 3."""
    labels, predicted = draw_integers(draw, (2, draw(st.integers(1, 9))), 10**6) % 4
    return {"labels": labels, "predicted": predicted}


@domain
def learnings(draw: Draw, target: Target) -> dict[str, Any]:
    """A few images of four classes, from which more steps learn more."""
    labels = np.r_[0, draw_integers(draw, (4,), 10**6) % 4]
    return {"images": draw_array(draw, (5, 2), "float64", (0.25, 4.0)), "labels": labels, "steps": 2}


options_left_out = (
    defaults(Called("wilson_interval", trials(), Limits(options=("confidence",))), confidence=(0.99, 0.95)),
    defaults(Called("confusion_matrix", answers(), Limits(options=("num_classes",))), num_classes=(10, 4)),
    defaults(
        Called("fit_softmax_regression", learnings(), Limits(("num_classes",), SHORT_FORMATS, rows=5, width=2)),
        num_classes=(10, 4),
        steps=(200, 50),
    ),
)
