"""The model of the course: small enough to print whole, trained when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, floating, ids_below
from mathcore._scalars import is_a, mapping, reals, strings, whole
from mathcore.attention.dot_product import attention_weights
from mathcore.embeddings.embedding import embedding
from mathcore.layers.linear import linear
from mathcore.layers.relu import relu
from mathcore.models.transformer import init_transformer, transformer_gradient
from mathcore.normalisation.rms_norm import rms_norm
from mathcore.positions.rope import rope
from mathcore.probability.softmax import softmax
from mathcore.training.checkpoint import Checkpoint
from mathcore.training.loop import train
from mathcore.training.optimisers import Adam
from mathcore.training.schedule import warmup_cosine

_PLACES = {"cat": "mat", "dog": "rug", "puppy": "rug", "bird": "nest"}
_VERBS = ("sat", "slept")
_WIDTH, _HEADS, _HIDDEN = 4, 2, 8
_STEPS, _PEAK, _WARMUP = 600, 0.03, 50
"""Of the training. Choices, as are the pulls and the start below: none is derived or claimed to be the best. What is
tested is that most seeds tell the same story with them."""

_EPSILON = 3e-3
"""Of Adam: slopes far below it take short steps, else rounding would decide where they go."""

_PULL = {"embedding": 1e-3, "0.attention.query": 1e-4, "0.attention.key": 1e-4}
"""How strongly weights are pulled to zero, 0.01 where nothing is said: a head is to look sharply, not to shout."""


def tiny_text() -> str:
    """The text that the model of the course learns: who sat or slept, and where.

    The place follows from the animal, the verb from nothing; dog and puppy are used alike, and so are both verbs.

    Examples:
        >>> mc.course.tiny_text()[:50]
        'the cat sat on the mat . the cat slept on the mat '
    """
    return " ".join(f"the {animal} {verb} on the {place} ." for animal, place in _PLACES.items() for verb in _VERBS)


@dataclass(frozen=True)
class TinyModel:
    """A trained transformer of one layer with its words; what it computes can be looked at step by step.

    Attributes:
        words: the vocabulary; the id of a word is its index.
        params: the parameters, named as by `init_transformer`.
        losses: the loss before every step of the training, in nats.
        num_heads: heads of attention.

    Examples:
        >>> tiny = mc.course.tiny_model()
        >>> tiny.next_words("the cat sat on the")[0][0]
        'mat'
    """

    words: tuple[str, ...]
    params: Mapping[str, Array]
    losses: tuple[float, ...]
    num_heads: int = _HEADS

    def __post_init__(self) -> None:
        params = {name: floating(f"params[{name!r}]", p) for name, p in mapping("params", self.params).items()}
        checked = {"words": strings("words", self.words), "losses": reals("losses", self.losses), "params": params}
        for name, value in {**checked, "num_heads": whole("num_heads", self.num_heads, 1, 2**31)}.items():
            object.__setattr__(self, name, value)

    def encode(self, text: str) -> Array:
        """The ids of the words of a text, in lower case; a full stop is a word of its own.

        Raises:
            ValueError: for a word that the model does not know.

        Examples:
            >>> mc.course.tiny_model().encode("The dog sat.")
            array([0, 7, 2, 5])
        """
        return _encoded(text, self.words)

    def decode(self, ids: npt.ArrayLike) -> str:
        """The words with these ids, joined by spaces.

        Raises:
            TypeError: if `ids` are not integers.
            IndexError: if an id is out of range.

        Examples:
            >>> mc.course.tiny_model().decode([0, 1, 2])
            'the cat sat'
        """
        return " ".join(np.array(self.words)[ids_below("ids", ids, len(self.words))].ravel())

    def activations(self, text: str) -> dict[str, Array]:
        """Every array between a text and the shares of the next word, in the order of the calculation.

        Args:
            text: T ≥ 1 words that the model knows.

        Returns:
            "ids" (T,); "embedding" (T, 4); "attention.normed" (T, 4); "query", "key", "value" (2, T, 2), head by head;
            "query.rotated", "key.rotated" (2, T, 2); "attention.scores" (2, T, T), −∞ for what comes later;
            "attention.weights" (2, T, T); "attention.heads" (2, T, 2); "attention.output" (T, 4), both heads side by
            side times the output matrix; "attention.residual" (T, 4); "mlp.normed" (T, 4); "mlp.hidden" and "mlp.relu"
            (T, 8); "mlp.output", "mlp.residual" and "normed" (T, 4); "logits" and "shares" (T, words).

        Raises:
            ValueError: for a word that the model does not know.

        Examples:
            >>> arrays = mc.course.tiny_model().activations("the cat sat on the")
            >>> arrays["attention.weights"].shape, arrays["shares"].shape
            ((2, 5, 5), (5, 12))
        """
        p, found = self.params, {"ids": self.encode(text)}
        x = found["embedding"] = embedding(found["ids"], p["embedding"])
        found |= self._attention(x)
        x = found["attention.residual"] = x + found["attention.output"]
        normed = found["mlp.normed"] = rms_norm(x, p["0.mlp.norm"])
        hidden = found["mlp.hidden"] = linear(normed, p["0.mlp.up"])
        found["mlp.relu"] = relu(hidden)
        found["mlp.output"] = linear(found["mlp.relu"], p["0.mlp.down"])
        x = found["mlp.residual"] = x + found["mlp.output"]
        found["normed"] = rms_norm(x, p["norm"])
        found["logits"] = linear(found["normed"], p["scores"])
        return {**found, "shares": softmax(found["logits"])}

    def _attention(self, x: Array) -> dict[str, Array]:
        p, found = self.params, {"attention.normed": rms_norm(x, self.params["0.attention.norm"])}
        for name in ("query", "key", "value"):
            found[name] = self._by_head(linear(found["attention.normed"], p[f"0.attention.{name}"]))
        q, k = (rope(found[name]) for name in ("query", "key"))
        found |= {"query.rotated": q, "key.rotated": k}
        seen = np.tri(len(x), dtype=bool)
        found["attention.scores"] = np.where(seen, q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
        found["attention.weights"] = attention_weights(q, k, is_causal=True)
        found["attention.heads"] = found["attention.weights"] @ found["value"]
        side_by_side = found["attention.heads"].swapaxes(0, 1).reshape(x.shape)
        return {**found, "attention.output": linear(side_by_side, p["0.attention.output"])}

    def _by_head(self, x: Array) -> Array:
        """(T, width) cut into (heads, T, width of a head)."""
        return x.reshape(len(x), self.num_heads, -1).swapaxes(0, 1)

    def next_words(self, text: str) -> list[tuple[str, float]]:
        """Every word with its share of being the next, the likeliest first.

        Examples:
            >>> [(word, round(share, 1)) for word, share in mc.course.tiny_model().next_words("the cat")][:2]
            [('sat', 0.5), ('slept', 0.5)]
        """
        shares = self.activations(text)["shares"][-1]
        return [(self.words[i], float(shares[i])) for i in np.argsort(-shares, kind="stable")]

    def looks(self) -> Array:
        """Where each head looks from the second "the" of a sentence: (2, 5), a mean over all sentences of the text.

        The columns are the words so far: the, the animal, the verb, on, and the second "the" itself.

        Examples:
            >>> mc.course.tiny_model().looks().sum(axis=1)
            array([1., 1.])
        """
        starts = (sentence.rsplit(" ", 1)[0] for sentence in tiny_text().split(" .") if sentence)
        return np.mean([self.activations(start)["attention.weights"][:, -1] for start in starts], axis=0)

    def animal_head(self) -> int:
        """The head that looks at the animal: of the two the one with the larger mean weight on it, in `looks`.

        Examples:
            >>> tiny = mc.course.tiny_model()
            >>> bool(tiny.looks()[tiny.animal_head(), 1] > 0.5)
            True
        """
        return int(self.looks()[:, 1].argmax())


@cache
def tiny_model() -> TinyModel:
    """The model of the course, trained on `tiny_text` from a fixed seed; a second call returns the same model.

    It reads the text sentence by sentence, each with the first word of the next. Its loss can reach (ln 4 + ln 2)/7 at
    best, 0.297: the text settles neither the animal nor the verb.

    Examples:
        >>> tiny = mc.course.tiny_model()
        >>> tiny.params["embedding"].shape, round(tiny.losses[0], 2), round(tiny.losses[-1], 1)
        ((12, 4), 2.48, 0.3)
    """
    return _trained(0)


def _trained(seed: int, *, perturbation: float = 0.0, shuffled: bool = False) -> TinyModel:
    """The model from another seed, from a start that is a little off, or from a text whose words are shuffled."""
    words = tuple(dict.fromkeys(tiny_text().split()))
    rng = np.random.default_rng(seed)
    start, losses = _start(rng, len(words)), list[float]()
    start = {name: p * (1 + perturbation * rng.normal(size=p.shape)) for name, p in start.items()}
    text = _sentences(_encoded(tiny_text(), words))
    if shuffled:
        text = rng.permuted(text, axis=None)
    adam = Adam(rate=_PEAK, epsilon=_EPSILON)
    end = train(
        _pulled_gradient,
        lambda _: (text,),
        adam,
        Checkpoint.start(start, adam, rng),
        steps=_STEPS,
        rate=lambda step: warmup_cosine(step, _STEPS, peak=_PEAK, warmup=_WARMUP),
        progress=lambda _, loss: losses.append(loss),
    )
    return TinyModel(words, end.params, tuple(losses))


def _start(rng: np.random.Generator, vocabulary: int) -> dict[str, Array]:
    """Short vectors, and queries and keys so short that at first every head looks everywhere."""
    sizes = {"vocabulary": vocabulary, "width": _WIDTH, "num_layers": 1, "hidden": _HIDDEN}
    start = init_transformer(rng, **sizes, dtype=np.float64)
    smaller = {"embedding": 0.5, "0.attention.query": 0.1, "0.attention.key": 0.1}
    return {name: p * smaller.get(name, 1.0) for name, p in start.items()}


def _sentences(ids: Array) -> Array:
    """(sentences, 8): each with its full stop and the word after it, after the last sentence the first of the text."""
    length = len(ids) // (len(_PLACES) * len(_VERBS))
    rows = ids.reshape(-1, length)
    return np.c_[rows, np.roll(rows[:, 0], -1)]


def _pulled_gradient(params: Mapping[str, Array], text: Array) -> tuple[Array, dict[str, Array]]:
    """The loss, and the gradient of the loss plus half of Σ pull · w² over all matrices."""
    loss, slopes = transformer_gradient(params, text, num_heads=_HEADS)
    pulls = {name: _PULL.get(name, 1e-2) if p.ndim > 1 else 0.0 for name, p in params.items()}
    return loss, {name: slope + pulls[name] * params[name] for name, slope in slopes.items()}


def _encoded(text: str, words: tuple[str, ...]) -> Array:
    tokens = is_a("text", text, str).lower().replace(".", " . ").split()
    if not tokens:
        raise ValueError("`text` must have at least one word")
    if unknown := [token for token in tokens if token not in words]:
        raise ValueError(f"the model does not know {unknown[0]!r}; its words are {', '.join(words)}")
    return np.array([words.index(token) for token in tokens])
