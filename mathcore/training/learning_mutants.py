"""Wrong gradients and trainings of a predictor of neighbours, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import mutant
from mathcore.verify.common_mutants import Operation


# The gradient of a predictor of neighbours.
def changed(name: str, change: Callable[..., Any]) -> Callable[[Operation], Operation]:
    """A gradient whose part `name` is changed by `change(part, params, words, neighbours)`."""

    def build(correct: Operation) -> Operation:
        def wrong(params: Any, words: Any, neighbours: Any) -> Any:
            loss, grads = correct(params, words, neighbours)
            return loss, {**grads, name: change(grads[name], params, words, neighbours)}

        return wrong

    return build


@mutant("neighbour_gradient", wraps=True)
def zero_gradient(correct: Operation) -> Operation:
    """Returns no gradient at all."""

    def wrong(params: Any, words: Any, neighbours: Any) -> Any:
        return correct(params, words, neighbours)[0], {name: p * 0 for name, p in params.items()}

    return wrong


@mutant("neighbour_gradient", wraps=True)
def summed_not_averaged(correct: Operation) -> Operation:
    """Sums over the pairs where the loss takes the mean."""

    def wrong(params: Any, words: Any, neighbours: Any) -> Any:
        loss, grads = correct(params, words, neighbours)
        return loss, {name: g * len(words) for name, g in grads.items()}

    return wrong


@mutant("neighbour_gradient", wraps=True)
def last_occurrence_counts(correct: Operation) -> Operation:
    """Assigns to the row of a word where it should add: `rows[words] = …` keeps the last occurrence."""

    def last(gradient: Any, params: Any, words: Any, neighbours: Any) -> Any:
        out = gradient * 0
        scores = params["embedding"][words] @ params["output"]
        e = np.exp(scores - scores.max(-1, keepdims=True))
        p = e / e.sum(-1, keepdims=True) - np.eye(scores.shape[-1])[neighbours]
        out[words] = (p / len(words) @ params["output"].T).astype(gradient.dtype)
        return out

    return changed("embedding", last)(correct)


@mutant("neighbour_gradient", wraps=True)
def weights_unmoved(correct: Operation) -> Operation:
    """Forgets the gradient of the weight vectors."""
    return changed("output", lambda gradient, *_: gradient * 0)(correct)


@mutant("neighbour_gradient", wraps=True)
def vectors_unmoved(correct: Operation) -> Operation:
    """Forgets the gradient of the vectors of words."""
    return changed("embedding", lambda gradient, *_: gradient * 0)(correct)


@mutant("neighbour_gradient", wraps=True)
def every_row_moves(correct: Operation) -> Operation:
    """Sends a trace of the gradient to every word, as a decay of the table would."""
    return changed("embedding", lambda gradient, params, *_: gradient + params["embedding"] * 2.0**-20)(correct)


@mutant("neighbour_gradient", wraps=True)
def absent_row_zero_moves(correct: Operation) -> Operation:
    """Counts padding as occurrences of word 0."""

    def pad(gradient: Any, params: Any, words: Any, neighbours: Any) -> Any:
        out = gradient.copy()
        out[0] = out[0] + params["output"][:, 0]
        return out

    return changed("embedding", pad)(correct)


@mutant("neighbour_gradient", wraps=True)
def answer_not_subtracted(correct: Operation) -> Operation:
    """Takes p for the gradient at the scores, and not p minus what was observed."""

    def wrong(params: Any, words: Any, neighbours: Any) -> Any:
        loss, grads = correct(params, words, neighbours)
        observed = np.eye(params["output"].shape[1])[neighbours] / len(words)
        more = params["embedding"][words].T @ observed
        return loss, {**grads, "output": (grads["output"] + more).astype(grads["output"].dtype)}

    return wrong


@mutant("neighbour_gradient", wraps=True)
def uphill(correct: Operation) -> Operation:
    """Has the wrong sign."""

    def wrong(params: Any, words: Any, neighbours: Any) -> Any:
        loss, grads = correct(params, words, neighbours)
        return loss, {name: -g for name, g in grads.items()}

    return wrong


@mutant("neighbour_gradient", wraps=True)
def last_pair_dropped(correct: Operation) -> Operation:
    """Stops one pair short."""

    def wrong(params: Any, words: Any, neighbours: Any) -> Any:
        if len(words) == 1:
            return correct(params, words, neighbours)
        return correct(params, words[:-1], neighbours[:-1])

    return wrong


@mutant("neighbour_gradient", wraps=True)
def sides_exchanged(correct: Operation) -> Operation:
    """Learns the word from its neighbour."""
    return lambda params, words, neighbours: correct(params, neighbours, words)


@mutant("neighbour_gradient", wraps=True)
def words_wrap(correct: Operation) -> Operation:
    """Sends what belongs to word 16 and on to the rows from 0."""

    def wrapped(gradient: Any, *_: Any) -> Any:
        out = gradient.copy()
        for start in range(16, len(out), 16):
            out[: len(out[start : start + 16])] += out[start : start + 16]
        return np.where(np.arange(len(out))[:, None] < 16, out, out * 0)

    return changed("embedding", wrapped)(correct)


@mutant("neighbour_gradient", wraps=True)
def pairs_wrap(correct: Operation) -> Operation:
    """Reads pair 16 and on from the beginning again."""

    def wrong(params: Any, words: Any, neighbours: Any) -> Any:
        wrapped = np.arange(len(words)) % 16
        return correct(params, words[wrapped], neighbours[wrapped])

    return wrong


@mutant("neighbour_loss", wraps=True)
def loss_of_the_first(correct: Operation) -> Operation:
    """Measures the first pair alone."""
    return lambda params, words, neighbours: correct(params, words[:1], neighbours[:1])


@mutant("cross_entropy_vjp", wraps=True)
def half_the_error(correct: Operation) -> Operation:
    """Sends back half of the error, as for a loss with ½ before it."""
    return lambda cotangent, logits, targets, **options: correct(cotangent, logits, targets, **options) * 0.5


@mutant("cross_entropy_vjp", wraps=True)
def error_keeps_a_floor(correct: Operation) -> Operation:
    """Smooths the labels by 0.1 without being asked, so that a sure and right answer is still pushed."""
    return lambda cotangent, logits, targets, **options: correct(
        cotangent, logits, targets, **{**options, "label_smoothing": 0.1}
    )


@mutant("cross_entropy_vjp", wraps=True)
def wrong_answer_alone(correct: Operation) -> Operation:
    """Pushes the right answer up but no other down."""

    def wrong(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        g = correct(cotangent, logits, targets, **options)
        return np.where(np.eye(logits.shape[-1], dtype=bool)[targets], g, g * 0)

    return wrong


@mutant("cross_entropy_vjp", wraps=True)
def wrong_answers_exchanged(correct: Operation) -> Operation:
    """Sends to each wrong answer what belongs to another."""

    def wrong(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        g = correct(cotangent, logits, targets, **options)
        for row, target in zip(g, targets, strict=True):
            others = np.arange(len(row)) != target
            row[others] = row[others][::-1]
        return g

    return wrong


# Training.
@mutant("train_neighbours", wraps=True)
def nothing_frozen(correct: Operation) -> Operation:
    """Moves what should stay."""

    def wrong(*args: Any, frozen: Any = (), **options: Any) -> Any:
        return correct(*args, **options)

    return wrong


@mutant("train_neighbours", wraps=True)
def thawed_at_the_end(correct: Operation) -> Operation:
    """Moves what should stay in the last step."""

    def wrong(params: Any, words: Any, neighbours: Any, *, steps: int, frozen: Any = (), **options: Any) -> Any:
        before = correct(params, words, neighbours, steps=max(steps - 1, 0), frozen=frozen, **options)
        return correct(before, words, neighbours, steps=min(steps, 1), **options)

    return wrong


@mutant("train_neighbours", wraps=True)
def thawed_after_a_while(correct: Operation) -> Operation:
    """Moves what should stay after a hundred steps."""

    def wrong(params: Any, words: Any, neighbours: Any, *, steps: int, frozen: Any = (), **options: Any) -> Any:
        before = correct(params, words, neighbours, steps=min(steps, 100), frozen=frozen, **options)
        return correct(before, words, neighbours, steps=max(steps - 100, 0), **options)

    return wrong


@mutant("train_neighbours", wraps=True)
def all_frozen(correct: Operation) -> Operation:
    """Moves nothing once something is frozen."""

    def wrong(params: Any, *args: Any, frozen: Any = (), **options: Any) -> Any:
        return dict(params) if frozen else correct(params, *args, **options)

    return wrong


@mutant("train_neighbours", wraps=True)
def vectors_always_frozen(correct: Operation) -> Operation:
    """Never moves the vectors of words."""
    return lambda *args, frozen=(), **options: correct(*args, **{**options, "frozen": {*frozen, "embedding"}})


@mutant("train_neighbours", wraps=True)
def learns_from_shuffled_text(correct: Operation) -> Operation:
    """Pairs the words with the neighbours of others."""

    def wrong(params: Any, words: Any, neighbours: Any, **options: Any) -> Any:
        shuffled = np.random.default_rng(0).permutation(neighbours)
        return correct(params, words, shuffled, **options)

    return wrong


@mutant("train_neighbours", wraps=True)
def twins_parted(correct: Operation) -> Operation:
    """Adds noise that depends on the row to every vector."""

    def wrong(params: Any, *args: Any, **options: Any) -> Any:
        after = correct(params, *args, **options)
        rows = np.arange(len(after["embedding"]))[:, None]
        return {**after, "embedding": after["embedding"] + rows}

    return wrong


@mutant("train_neighbours", wraps=True)
def never_trains(correct: Operation) -> Operation:
    """Takes no step."""

    def wrong(params: Any, words: Any, neighbours: Any, **options: Any) -> Any:
        return dict(params)

    return wrong
