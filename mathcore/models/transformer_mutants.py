"""Transformers that are wrong on purpose: what the claims about models must refute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant, reported

Operation = Callable[..., Any]


def gradient_without(name: str) -> Mutant:
    """A gradient that forgets every parameter whose name ends in `name`."""

    def build(correct: Operation) -> Operation:
        def wrong(params: Any, ids: Any, **options: Any) -> Any:
            loss, grads = correct(params, ids, **options)
            return loss, {n: g * 0 if n.endswith(name) else g for n, g in grads.items()}

        return wrong

    build.__name__ = f"no_gradient_of_{name.replace('.', '_')}"
    build.__doc__ = f"Forgets the gradient of {name}."
    return mutant("transformer_gradient", wraps=True)(build)


FORGOTTEN = tuple(gradient_without(n) for n in ("embedding", "query", "key", "value", "attention.norm", "up", "scores"))


@mutant("transformer_gradient", wraps=True)
def zero_gradient(correct: Operation) -> Operation:
    """Returns zeros, on which an optimiser does nothing and complains of nothing."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        return correct(params, ids, **options)[0], {n: p * 0 for n, p in params.items()}

    return wrong


@mutant("transformer_gradient", wraps=True)
def summed_not_averaged(correct: Operation) -> Operation:
    """Sums over the tokens where the loss takes the mean."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        loss, grads = correct(params, ids, **options)
        return loss, {n: g * (np.size(ids) - np.size(ids[..., 0])) for n, g in grads.items()}

    return wrong


@mutant("transformer_gradient", wraps=True)
def past_the_block_forgotten(correct: Operation) -> Operation:
    """Halves what reaches the embedding, as if nothing went past a block."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        loss, grads = correct(params, ids, **options)
        return loss, {**grads, "embedding": grads["embedding"] / 2}

    return wrong


@mutant("transformer_gradient", wraps=True)
def first_layer_forgotten(correct: Operation) -> Operation:
    """Stops one layer short where there are several: the first layer gets no gradient."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        loss, grads = correct(params, ids, **options)
        deep = "1.mlp.up" in params
        return loss, {n: g * 0 if deep and n.startswith("0.") else g for n, g in grads.items()}

    return wrong


@mutant("transformer_gradient", wraps=True)
def summed_over_texts(correct: Operation) -> Operation:
    """Takes the mean over the tokens of a text, and the sum over texts."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        loss, grads = correct(params, ids, **options)
        return loss, {n: g * np.size(ids[..., 0]) for n, g in grads.items()}

    return wrong


@mutant("transformer_loss", wraps=True)
def loss_in_bits(correct: Operation) -> Operation:
    """Gives bits for nats."""
    return lambda params, ids, **options: correct(params, ids, **options) / np.log(2)


@reported(
    "transformer.is_the_formula",
    """
    huggingface/transformers PR#37830 (2025) merged
    huggingface/transformers PR#46898 (2026) merged
    huggingface/transformers PR#47395 (2026) merged
    huggingface/transformers PR#47200 (2026)
    """,
    alias="labels_shifted_by_model_and_loss",
)
@mutant("transformer_loss", wraps=True)
def shifted_twice(correct: Operation) -> Operation:
    """Predicts the token after the next: the labels were shifted by the model and again by the loss."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        later = np.concatenate([ids[..., :-2], ids[..., -1:]], -1)
        return correct(params, later if ids.shape[-1] > 2 else ids, **options)

    return wrong


@mutant("transformer", wraps=True)
def sees_the_future(correct: Operation) -> Operation:
    """Adds a trace of the last token to every place."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        scores = correct(params, ids, **options)
        return scores + scores[..., -1:, :] * 2.0**-20

    return wrong


@mutant("transformer", wraps=True)
def always_turned_alike(correct: Operation) -> Operation:
    """Ignores the base of the rotation."""

    def wrong(params: Any, ids: Any, *, num_heads: int, rope_base: float = 1e4) -> Any:
        return correct(params, ids, num_heads=num_heads)

    return wrong


@mutant("transformer", wraps=True)
def one_head(correct: Operation) -> Operation:
    """Runs all heads as one."""

    def wrong(params: Any, ids: Any, *, num_heads: int, **options: Any) -> Any:
        return correct(params, ids, num_heads=1, **options)

    return wrong


@mutant("transformer", wraps=True)
def two_heads_always(correct: Operation) -> Operation:
    """Has two heads, whatever it is asked for."""

    def wrong(params: Any, ids: Any, *, num_heads: int, **options: Any) -> Any:
        return correct(params, ids, num_heads=2, **options)

    return wrong


@mutant("transformer", wraps=True)
def scores_of_single_too_large(correct: Operation) -> Operation:
    """Multiplies the scores of a model in float32 by 1.001."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        scores = correct(params, ids, **options)
        return scores * scores.dtype.type(1.001) if scores.dtype == np.float32 else scores

    return wrong


@mutant("transformer", wraps=True)
def batch_wraps(correct: Operation) -> Operation:
    """Computes one text of each batch, for all."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        scores = correct(params, ids, **options)
        return scores if ids.ndim < 2 else np.broadcast_to(scores[:1], scores.shape).copy()

    return wrong


@mutant("transformer", wraps=True)
def last_place_from_twelve_on(correct: Operation) -> Operation:
    """Gives place 12 and those after it what the last place gets."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        scores = np.array(correct(params, ids, **options))
        scores[..., 12:, :] = scores[..., -1:, :]
        return scores

    return wrong


@mutant("transformer", wraps=True)
def as_many_as_there_are(correct: Operation) -> Operation:
    """Divides by how long the text is, a trace of what is to come."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        return correct(params, ids, **options) * (1 - 2.0**-30 * ids.shape[-1])

    return wrong


@mutant("transformer", wraps=True)
def rows_mixed(correct: Operation) -> Operation:
    """Lets the texts of a batch see each other."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        scores = correct(params, ids, **options)
        return scores if ids.ndim < 2 else scores + scores.sum(0) * 2.0**-20

    return wrong


@mutant("transformer", wraps=True)
def first_layer_alone(correct: Operation) -> Operation:
    """Stops after the first layer."""

    def wrong(params: Any, ids: Any, **options: Any) -> Any:
        return correct({n: p for n, p in params.items() if n[0] not in "123"}, ids, **options)

    return wrong


@mutant("transformer_step", wraps=True)
def cache_ignored(correct: Operation) -> Operation:
    """Starts each step with nothing read."""

    def wrong(params: Any, ids: Any, caches: Any = (), **options: Any) -> Any:
        scores, _ = correct(params, ids, (), **options)
        return scores, correct(params, ids, caches, **options)[1]

    return wrong


@mutant("transformer_step", wraps=True)
def other_rotation_in_steps(correct: Operation) -> Operation:
    """Turns by another base than the whole text does."""

    def wrong(params: Any, ids: Any, caches: Any = (), *, num_heads: int, rope_base: float = 1e4) -> Any:
        return correct(params, ids, caches, num_heads=num_heads, rope_base=2 * rope_base)

    return wrong


@mutant("generate", wraps=True)
def repeats_itself(correct: Operation) -> Operation:
    """Feeds back its first token again and again."""
    return lambda params, ids, count, **options: np.repeat(correct(params, ids, 1, **options), count)


@mutant("generate", wraps=True)
def temperature_ignored(correct: Operation) -> Operation:
    """Takes the winner whatever the temperature."""
    return lambda params, ids, count, **options: correct(params, ids, count, **{**options, "temperature": 0.0})


@mutant("generate", wraps=True)
def always_at_one(correct: Operation) -> Operation:
    """Draws at temperature 1 whatever it is asked for."""

    def wrong(params: Any, ids: Any, count: int, *, temperature: float = 0.0, **options: Any) -> Any:
        return correct(params, ids, count, temperature=1.0 if temperature else 0.0, **options)

    return wrong


@mutant("generate", wraps=True)
def own_random_numbers(correct: Operation) -> Operation:
    """Draws from a generator of its own."""

    def wrong(params: Any, ids: Any, count: int, *, rng: Any = None, **options: Any) -> Any:
        return correct(params, ids, count, rng=np.random.default_rng(), **options)

    return wrong


@mutant("generate", wraps=True)
def prompt_forgotten(correct: Operation) -> Operation:
    """Sees the last token of the beginning alone."""
    return lambda params, ids, count, **options: correct(params, ids[-1:], count, **options)


class Spoilt:
    """Random numbers as they should not be: `change` is told each and how many came before."""

    def __init__(self, rng: Any, change: Callable[[float, int], float]) -> None:
        self.rng, self.change, self.count = rng, change, 0

    def random(self) -> float:
        """The next one."""
        self.count += 1
        return self.change(self.rng.random(), self.count - 1)


@mutant("generate", wraps=True)
def one_number_for_all(correct: Operation) -> Operation:
    """Draws one random number, and chooses every token by it."""

    def wrong(params: Any, ids: Any, count: int, *, rng: Any = None, **options: Any) -> Any:
        if rng is None:
            return correct(params, ids, count, **options)
        kept = rng.random()
        return correct(params, ids, count, rng=Spoilt(rng, lambda _u, _i: kept), **options)

    return wrong


@mutant("generate", wraps=True)
def greedy_after_the_first(correct: Operation) -> Operation:
    """Draws the first token, and takes the winner from there on."""

    def wrong(params: Any, ids: Any, count: int, *, temperature: float = 0.0, **options: Any) -> Any:
        first = correct(params, ids, min(count, 1), temperature=temperature, **options)
        more = correct(params, np.concatenate([ids, first]), max(count - 1, 0), **options)
        return np.concatenate([first, more])

    return wrong


@mutant("generate", wraps=True)
def a_fifth_too_warm(correct: Operation) -> Operation:
    """Draws at 1.2 times the temperature."""

    def wrong(params: Any, ids: Any, count: int, *, temperature: float = 0.0, **options: Any) -> Any:
        return correct(params, ids, count, temperature=1.2 * temperature, **options)

    return wrong


@mutant("generate", wraps=True)
def three_best_alone(correct: Operation) -> Operation:
    """Draws among the three likeliest tokens, where it was not asked to leave any out."""

    def wrong(params: Any, ids: Any, count: int, *, temperature: float = 0.0, **options: Any) -> Any:
        new = correct(params, ids, count, temperature=temperature, **options)
        best = np.argsort(-params["scores"].sum(0), kind="stable")[:3]
        return new if temperature == 0 else np.where(np.isin(new, best), new, best[0])

    return wrong


@mutant("generate", wraps=True)
def next_in_the_list(correct: Operation) -> Operation:
    """Draws one place too far in the distribution function."""

    def wrong(params: Any, ids: Any, count: int, **options: Any) -> Any:
        return (correct(params, ids, count, **options) + 1) % len(params["embedding"])

    return wrong


@mutant("init_transformer", wraps=True)
def seed_pinned(correct: Operation) -> Operation:
    """Starts from the same numbers whatever the seed."""
    return lambda _rng, **options: correct(np.random.default_rng(0), **options)


@mutant("init_transformer", wraps=True)
def scores_start_random(correct: Operation) -> Operation:
    """Starts with opinions about the next token."""

    def wrong(rng: Any, **options: Any) -> Any:
        params = correct(rng, **options)
        return {**params, "scores": params["scores"] + params["embedding"].T}

    return wrong


@mutant("transformer_vjp", wraps=True)
def cotangent_ignored(correct: Operation) -> Operation:
    """Pulls back ones whatever it is given."""
    return lambda g, params, ids, **options: correct(np.ones_like(g), params, ids, **options)


@mutant("transformer", wraps=True)
def ids_wrap(correct: Operation) -> Operation:
    """Takes −1 for the last token, as NumPy does, and V for the first."""
    return lambda params, ids, **options: correct(params, ids % len(params["embedding"]), **options)
