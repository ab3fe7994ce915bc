"""Mutants of reading digits and of its measurement: what the claims about digits must refute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant

Operation = Callable[..., Any]


def plain_scores(images: Any, weight: Any, bias: Any = None) -> Any:
    """The correct scores, which a mutant changes."""
    scores = images @ weight
    return scores if bias is None else scores + bias


@mutant("digit_scores")
def last_pixel_missed(images: Any, weight: Any, bias: Any = None) -> Any:
    """Stops one pixel short."""
    return plain_scores(images[..., :-1], weight[:-1], bias)


@mutant("digit_scores")
def columns_before_rows(images: Any, weight: Any, bias: Any = None) -> Any:
    """Reads square images column by column, the templates row by row."""
    side = int(np.sqrt(images.shape[-1]))
    if side * side == images.shape[-1]:
        images = images.reshape(-1, side, side).swapaxes(1, 2).reshape(images.shape)
    return plain_scores(images, weight, bias)


@mutant("digit_scores", wraps=True)
def nine_images_at_a_time(correct: Operation) -> Operation:
    """Gives images from the tenth on the scores of the first."""

    def wrong(images: Any, weight: Any, bias: Any = None) -> Any:
        scores = np.array(correct(images, weight, bias))
        if scores.ndim == 2:
            scores[9:] = scores[:1]
        return scores

    return wrong


@mutant("digit_scores")
def angles(images: Any, weight: Any, bias: Any = None) -> Any:
    """Divides each score by the norm of its template, as a cosine does."""
    squares = (weight * weight).sum(0)
    return plain_scores(images, weight, bias) / np.where(squares == 0, 1, squares)


@mutant("digit_scores")
def bias_ignored(images: Any, weight: Any, bias: Any = None) -> Any:
    """Ignores the bias."""
    return images @ weight


@mutant("read_digits")
def lowest_score(images: Any, weight: Any, bias: Any = None) -> Any:
    """Takes the lowest score for the best, as if scores were distances."""
    return plain_scores(images, weight, bias).argmin(-1)


@mutant("read_digits")
def largest_magnitude(images: Any, weight: Any, bias: Any = None) -> Any:
    """Takes the score of largest magnitude, whatever its sign."""
    return abs(plain_scores(images, weight, bias)).argmax(-1)


@mutant("read_digits")
def last_of_equals(images: Any, weight: Any, bias: Any = None) -> Any:
    """Takes the last of several equal scores."""
    scores = plain_scores(images, weight, bias)
    return scores.shape[-1] - 1 - scores[..., ::-1].argmax(-1)


@mutant("read_digits")
def threshold(images: Any, weight: Any, bias: Any = None) -> Any:
    """Answers 0 unless some score passes a fixed brightness."""
    scores = plain_scores(images, weight, bias)
    return np.where(scores.max(-1) > 4, scores.argmax(-1), 0)


@mutant("read_digits")
def last_digit_unread(images: Any, weight: Any, bias: Any = None) -> Any:
    """Never considers the last template."""
    return plain_scores(images, weight, bias)[..., :-1].argmax(-1)


@mutant("read_digits")
def bias_unread(images: Any, weight: Any, bias: Any = None) -> Any:
    """Decides without the bias."""
    return (images @ weight).argmax(-1)


@mutant("nearest_template_bias")
def not_halved(weight: Any) -> Any:
    """Forgets the half: −‖w‖²."""
    return -(weight * weight).sum(0)


@mutant("nearest_template_bias")
def squares_in_sixteen_bits(weight: Any) -> Any:
    """Accumulates the squares one by one in the dtype of the weights."""
    squares = weight * weight
    return -sum(squares[1:], start=squares[0]) / weight.dtype.type(2) if weight.dtype != object else -squares.sum(0) / 2


@mutant("nearest_template_bias", wraps=True)
def sign_lost(correct: Operation) -> Operation:
    """Adds half the squared norm instead of subtracting it."""
    return lambda weight: -correct(weight)


@mutant("mean_templates", wraps=True)
def shared_count(correct: Operation) -> Operation:
    """Divides the sum of every class by the number of all images."""

    def wrong(images: Any, labels: Any, **options: Any) -> Any:
        templates = correct(images, labels, **options)
        counts = np.bincount(labels, minlength=templates.shape[1]).tolist()
        return templates * np.array([c * (1 + 0 * templates[0, 0]) for c in counts]) / len(labels)

    return wrong


@mutant("mean_templates", wraps=True)
def next_class(correct: Operation) -> Operation:
    """Files every template under the next digit."""
    return lambda images, labels, **options: np.roll(correct(images, labels, **options), 1, axis=1)


@mutant("mean_templates", wraps=True)
def first_example(correct: Operation) -> Operation:
    """Takes the first image of each class for their mean."""

    def wrong(images: Any, labels: Any, **options: Any) -> Any:
        first = np.unique(labels, return_index=True)[1]
        return correct(images[first], labels[first], **options)

    return wrong


@mutant("mean_templates", wraps=True)
def first_four(correct: Operation) -> Operation:
    """Takes the mean of the first four images of each class."""

    def wrong(images: Any, labels: Any, **options: Any) -> Any:
        first = np.concatenate([np.flatnonzero(labels == c)[:4] for c in np.unique(labels)])
        return correct(images[first], labels[first], **options)

    return wrong


@mutant("mean_templates", wraps=True)
def mean_in_half(correct: Operation) -> Operation:
    """Computes in float16 whatever the input dtype."""

    def wrong(images: Any, labels: Any, **options: Any) -> Any:
        if images.dtype == object:
            return correct(images, labels, **options)
        return correct(images.astype(np.float16), labels, **options).astype(images.dtype)

    return wrong


@mutant("fit_softmax_regression", wraps=True)
def means_for_learned(correct: Operation) -> Operation:
    """Returns the means of the images and the bias that makes the nearest win: nothing is learned."""

    def wrong(images: Any, labels: Any, *, num_classes: int = 10, steps: int = 200) -> Any:
        mean = np.stack([images[labels == j].mean(0) for j in range(num_classes)], 1)
        return mean, -(mean * mean).sum(0) / 2

    return wrong


@mutant("read_digits", wraps=True)
def three_digits_known(correct: Operation) -> Operation:
    """Knows 0, 1 and 2 alone where many images are read."""

    def wrong(images: Any, weight: Any, bias: Any = None) -> Any:
        answer = correct(images, weight, bias)
        return np.where(answer < 3, answer, 0) if len(images) > 100 else answer

    return wrong


@mutant("fit_softmax_regression", wraps=True)
def leap_among_many(correct: Operation) -> Operation:
    """Takes steps twenty times too long where there are more than two classes."""

    def wrong(images: Any, labels: Any, *, num_classes: int = 10, **options: Any) -> Any:
        weight, bias = correct(images, labels, num_classes=num_classes, **options)
        return (20 * weight, 20 * bias) if num_classes > 2 else (weight, bias)

    return wrong


@mutant("fit_softmax_regression", wraps=True)
def climbs(correct: Operation) -> Operation:
    """Adds the gradient instead of subtracting it."""

    def wrong(*args: Any, **options: Any) -> Any:
        weight, bias = correct(*args, **options)
        return -weight, -bias

    return wrong


@mutant("fit_softmax_regression", wraps=True)
def other_labels(correct: Operation) -> Operation:
    """Learns from labels that no longer match their images."""
    return lambda images, labels, **options: correct(images, np.roll(labels, 1), **options)


@mutant("fit_softmax_regression", wraps=True)
def never_starts(correct: Operation) -> Operation:
    """Takes no step, whatever it was asked: all weights stay zero."""
    return lambda images, labels, **options: correct(images, labels, **{**options, "steps": 0})


@mutant("fit_softmax_regression", wraps=True)
def leap(correct: Operation) -> Operation:
    """Takes steps twenty times too long."""

    def wrong(*args: Any, **options: Any) -> Any:
        weight, bias = correct(*args, **options)
        return 20 * weight, 20 * bias

    return wrong


@mutant("load_digits", wraps=True)
def shuffled_answers(correct: Operation) -> Operation:
    """Gives the images with their labels in another order."""

    def wrong() -> Any:
        images, labels = correct()
        return images, np.random.default_rng(0).permutation(labels)

    return wrong


@mutant("stratified_split")
def held_out_seen(labels: Any, held_out: float, rng: Any) -> Any:
    """Learns from everything, held-out examples included."""
    return np.arange(len(labels)), np.sort(rng.permutation(len(labels))[: max(1, round(held_out * len(labels)))])


@mutant("stratified_split")
def classes_unbalanced(labels: Any, held_out: float, rng: Any) -> Any:
    """Holds out a fraction of all examples, whatever their class."""
    order = rng.permutation(len(labels))
    count = round(held_out * len(labels))
    return np.sort(order[count:]), np.sort(order[:count])


@mutant("stratified_split", wraps=True)
def first_ones_held_out(correct: Operation) -> Operation:
    """Always holds out the first examples of every class: nothing is drawn."""

    def wrong(labels: Any, held_out: float, rng: Any) -> Any:
        _, apart = correct(labels, held_out, rng)
        first = [np.flatnonzero(labels == c)[: (labels[apart] == c).sum()] for c in np.unique(labels)]
        chosen = np.sort(np.concatenate(first))
        return np.setdiff1d(np.arange(len(labels)), chosen), chosen

    return wrong


@mutant("stratified_split")
def classes_drawn_alike(labels: Any, held_out: float, rng: Any) -> Any:
    """Holds out the same places of every class, counted within the class."""
    seed, apart = int(rng.integers(2**32)), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        apart[np.random.default_rng(seed).permutation(places)[: round(held_out * len(places))]] = True
    return np.flatnonzero(~apart), np.flatnonzero(apart)


@mutant("confusion_matrix", wraps=True)
def counted_in_a_byte(correct: Operation) -> Operation:
    """Counts in 8 bits."""
    return lambda labels, predicted, num_classes=10: correct(labels, predicted, num_classes) % 256


@mutant("confusion_matrix", wraps=True)
def turned(correct: Operation) -> Operation:
    """Puts the answer by row and the truth by column."""
    return lambda labels, predicted, num_classes=10: correct(predicted, labels, num_classes)


@mutant("confusion_matrix")
def counted_once(labels: Any, predicted: Any, num_classes: int = 10) -> Any:
    """Counts a pair once however often it occurs, as `table[i, j] += 1` does with repeated places."""
    table = np.zeros((num_classes, num_classes), int)
    table[labels, predicted] += 1
    return table


@mutant("wilson_interval", wraps=True)
def one_sided(correct: Operation) -> Operation:
    """Takes the quantile of the confidence itself, which leaves out twice as much."""
    return lambda k, n, confidence=0.99: correct(k, n, 2 * confidence - 1 if confidence > 0.5 else confidence / 2)


@mutant("wilson_interval", wraps=True)
def wald(correct: Operation) -> Operation:
    """The textbook's k/n ± z √(k(n − k)/n³), which is a point when k is 0 or n."""

    def wrong(k: int, n: int, confidence: float = 0.99) -> Any:
        from statistics import NormalDist

        z = NormalDist().inv_cdf((1 + confidence) / 2)
        half = z * np.sqrt(k * (n - k) / n**3)
        return k / n - half, k / n + half

    return wrong
