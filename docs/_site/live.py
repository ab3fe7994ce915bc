"""Figures that a reader moves: their controls, and by the library the numbers that each must show.

A figure is computed twice: by `assets/figures/numerics.js` in the browser, and here. The build sends states with
the library's numbers along, and the page says how far its own are from them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import mathcore as mc

State = Mapping[str, Any]
Values = dict[str, list[float]]


@dataclass(frozen=True)
class Control:
    """An input: a range with a number beside it; a line of text or a tick where `start` is text or a bool."""

    name: str
    label: str
    start: Any
    low: float = 0
    high: float = 1
    step: float = 1


@dataclass(frozen=True)
class Readout:
    """A number that is shown: a label, where it stands among the values, how many decimals, its unit."""

    label: str
    key: str
    index: int
    decimals: int
    unit: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure that a reader moves."""

    title: str
    controls: Sequence[Control]
    readouts: Sequence[Readout]
    compute: Callable[[State], Values]
    cases: Sequence[Mapping[str, Any]]  # changes to the first state at which the page compares itself with the library
    data: Callable[[], dict[str, Any]] = field(default=dict)

    @property
    def start(self) -> dict[str, Any]:
        """The state that the page opens with."""
        return {control.name: control.start for control in self.controls}


def everything() -> dict[str, Any]:
    """Name → what the page needs: controls, readouts, data, the library's numbers at every case."""
    return {name: _told(figure) for name, figure in figures().items()}


def _told(figure: Figure) -> dict[str, Any]:
    states = [figure.start, *({**figure.start, **change} for change in figure.cases)]
    return {
        "title": figure.title,
        "controls": [vars(control) for control in figure.controls],
        "readouts": [vars(readout) for readout in figure.readouts],
        "data": figure.data(),
        "cases": [{"state": state, "values": figure.compute(state)} for state in states],
    }


def _entropy(shares: Any) -> float:
    """In nats."""
    return float(-(shares * np.log(np.where(shares > 0, shares, 1))).sum())


def _softmax(state: State) -> Values:
    shares = mc.temperature_softmax(
        np.array([state[f"score{i}"] for i in range(1, 5)], np.float64), state["temperature"]
    )
    return {"shares": shares.tolist(), "entropy": [_entropy(shares)]}


_PAIRS = 4
_LIMIT = 2000


def _degrees(angles: Any) -> Any:
    return np.degrees(angles - 2 * np.pi * np.rint(angles / (2 * np.pi)))


def _rope(state: State) -> Values:
    ones = np.concatenate([np.ones(_PAIRS), np.zeros(_PAIRS)])  # every hand at angle 0

    def hands(position: int) -> Any:
        turned = mc.rope(ones, position)
        return np.arctan2(turned[_PAIRS:], turned[:_PAIRS])

    between = state["key"] - state["query"]
    score = mc.rope(ones, state["query"]) @ mc.rope(ones, state["key"]) / _PAIRS
    angles = mc.rope_frequencies(2 * _PAIRS)[: state["pairs"]]
    away = abs(_degrees(np.outer(np.arange(1, _LIMIT + 1), angles))).max(axis=1)
    back = int(away.argmin())
    return {
        "query": hands(state["query"]).tolist(),
        "key": hands(state["key"]).tolist(),
        "between": np.degrees(hands(between)).tolist(),
        "score": [float(score)],
        "farthest": [float(abs(np.degrees(hands(between)[: state["pairs"]])).max())],
        "repeat": [back + 1, float(away[back])],
    }


_MOST_DOUBLINGS, _KEYS = 12, 8


def _random_keys() -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(1, 2**_MOST_DOUBLINGS)), rng.normal(size=(_KEYS, 2**_MOST_DOUBLINGS))


def _scores_by_width() -> dict[str, Any]:
    query, keys = _random_keys()
    widths = [2**k for k in range(_MOST_DOUBLINGS + 1)]
    return {"scores": [mc.linear(query[:, :d], keys[:, :d].T)[0].tolist() for d in widths]}


def _attention_scale(state: State) -> Values:
    query, keys = _random_keys()
    d = 2 ** state["doublings"]
    scaled, bare = (
        mc.attention_weights(query[:, :d], keys[:, :d], scale=scale)[0] for scale in (None, 1.0)
    )  # fmt: skip
    entropies = [_entropy(scaled), _entropy(bare)]
    return {"width": [d], "scaled": scaled.tolist(), "bare": bare.tolist(), "entropies": entropies}


def words_of(text: str) -> list[str]:
    """At most eight words."""
    return text.lower().split()[:8]


def _word_vector(word: str) -> Any:
    seed = 0
    for letter in word:
        seed = (31 * seed + ord(letter)) % 9973
    return np.cos(np.arange(1, 9) * (0.7 + seed * 0.37))


def _attention(state: State) -> Values:
    words = words_of(state["words"])
    if not words:
        return {"weights": []}
    x = np.array([_word_vector(word) for word in words])
    weights = mc.attention_weights(x, x, is_causal=state["causal"], scale=state["sharpness"] / np.sqrt(8))
    return {"weights": weights.ravel().tolist()}


def _relu(state: State) -> Values:
    knots = np.array(sorted({0.0, *(float(state[f"knot{i}"]) for i in range(1, 5)), 6.3}))
    x = np.arange(316) / 50
    y = mc.course.relu_net(x[:, None], mc.course.interpolating_net(knots, np.sin(knots)))[:, 0]
    return {"worst": [float(abs(y - np.sin(x)).max())], "bends": [len(knots) - 2]}


def _heads(state: State) -> Values:
    first, second = (float(mc.softmax(np.array([state[name], 0.0]))[0]) for name in ("score1", "score2"))
    missing = [float(np.hypot(1 - first, first)), float(np.hypot(1 - first, 1 - second))]
    return {"one": [first, 1 - first], "two": [first, second], "missing": missing}


def _three_digits() -> Any:
    images, labels = mc.course.load_digits()
    return np.concatenate([images[np.flatnonzero(labels == d)[1]].reshape(16, 16) for d in (2, 5, 8)], axis=1)


def _factors() -> dict[str, Any]:
    left, right = mc.low_rank(_three_digits(), 16)
    return {"left": left.tolist(), "right": right.tolist()}


def _rank(state: State) -> Values:
    picture = _three_digits()
    left, right = mc.low_rank(picture, state["rank"])
    copy = mc.linear(left, right)
    error = 100 * np.sqrt(((picture - copy) ** 2).sum() / (picture**2).sum())
    return {"error": [float(error)], "numbers": [left.size + right.size], "row": copy[8].tolist()}


_SHADES = "0123456789abcdefg"


def _digit_templates() -> tuple[Any, Any]:
    images, labels = mc.course.load_digits()
    learn, _ = mc.course.stratified_split(labels, 0.25, np.random.default_rng(0))
    templates = mc.course.mean_templates(images[learn], labels[learn]).round(4)
    return templates, mc.course.nearest_template_bias(templates)


def _held_out() -> list[str]:
    """A picture of each digit that no template was made from, in 17 shades."""
    images, labels = mc.course.load_digits()
    _, test = mc.course.stratified_split(labels, 0.25, np.random.default_rng(0))
    chosen = [images[test][np.flatnonzero(labels[test] == digit)[0]] for digit in range(10)]
    return ["".join(_SHADES[round(16 * x)] for x in image) for image in chosen]


def _digit_data() -> dict[str, Any]:
    templates, bias = _digit_templates()
    blocks = templates.T.reshape(10, 16, 16)[:, ::2, ::2].reshape(10, 64)
    return {"templates": blocks.tolist(), "bias": bias.tolist(), "samples": _held_out()}


def _digit(state: State) -> Values:
    templates, bias = _digit_templates()
    pixels = np.array([_SHADES.index(shade) / 16 for shade in state["pixels"]])
    scores = mc.course.digit_scores(pixels, templates, bias)
    return {"scores": scores.tolist(), "digit": [int(mc.argmax(scores))]}


def _every(**choices: Sequence[Any]) -> list[dict[str, Any]]:
    """All combinations."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


@cache
def figures() -> Mapping[str, Figure]:
    """Name → figure."""
    return {
        "softmax": Figure(
            "Softmax with a temperature",
            [Control(f"score{i}", f"score {i}", 3.0 - i, -5, 5, 0.1) for i in range(1, 5)]
            + [Control("temperature", "temperature", 1.0, 0.1, 10, 0.1)],
            [Readout(f"share {i}", "shares", i - 1, 4) for i in range(1, 5)]
            + [Readout("entropy", "entropy", 0, 4, " nats")],
            _softmax,
            _every(score1=[-5, 0.3, 5], score4=[-5, 2.2], temperature=[0.1, 0.7, 10]),
        ),
        "rope": Figure(
            "Dials of RoPE",
            [
                Control("query", "position of the query", 3, 0, 500),
                Control("key", "position of the key", 10, 0, 500),
                Control("pairs", "dials that count", 4, 1, 4),
            ],
            [Readout(f"dial {i}: from query to key", "between", i, 1, "°") for i in range(_PAIRS)]
            + [
                Readout("score of two equal vectors", "score", 0, 4),
                Readout("farthest dial from a repeat", "farthest", 0, 1, "°"),
                Readout("nearest repeat within 2,000 words: after", "repeat", 0, 0, " words"),
                Readout("and there the farthest dial is off by", "repeat", 1, 2, "°"),
            ],
            _rope,
            _every(query=[0, 44, 500], key=[0, 333], pairs=[1, 2, 3]),
        ),
        "attention_scale": Figure(
            "Eight random keys, the scores divided by √d and not",
            [Control("doublings", "doublings of the width", 6, 0, _MOST_DOUBLINGS)],
            [
                Readout("width d", "width", 0, 0),
                Readout("entropy, divided by √d", "entropies", 0, 4, " nats"),
                Readout("entropy, not divided", "entropies", 1, 4, " nats"),
            ],
            _attention_scale,
            _every(doublings=[0, 3, 9, 12]),
            _scores_by_width,
        ),
        "attention": Figure(
            "Who looks at whom",
            [
                Control("words", "words, up to eight", "the cat sat on the mat"),
                Control("sharpness", "sharpness", 2.0, 0, 10, 0.1),
                Control("causal", "hide what comes later", True),
            ],
            [],
            _attention,
            _every(words=["one", "to be or not to be"], causal=[False, True], sharpness=[0, 10]),
        ),
        "relu": Figure(
            "A sine and a net whose knots you move",
            [Control(f"knot{i}", f"knot {i}", x, 0.1, 6.2, 0.1) for i, x in enumerate((1.3, 2.5, 3.8, 5.0), start=1)],
            [Readout("largest error", "worst", 0, 4), Readout("bends", "bends", 0, 0)],
            _relu,
            _every(knot1=[0.1, 1.6], knot2=[1.6, 3.1], knot3=[3.1, 6.2]),
        ),
        "heads": Figure(
            "What one head and two can bring back",
            [
                Control("score1", "score of “red” in head 1", 1.0, -8, 8, 0.1),
                Control("score2", "score of “car” in head 2", 1.0, -8, 8, 0.1),
            ],
            [
                Readout("one head: red", "one", 0, 4),
                Readout("one head: car", "one", 1, 4),
                Readout("two heads: red", "two", 0, 4),
                Readout("two heads: car", "two", 1, 4),
                Readout("one head misses both by", "missing", 0, 4),
                Readout("two heads miss both by", "missing", 1, 4),
            ],
            _heads,
            _every(score1=[-8, 0, 8], score2=[-8, 2.5]),
        ),
        "rank": Figure(
            "A picture of rank r",
            [Control("rank", "rank", 3, 1, 16)],
            [Readout("off by", "error", 0, 2, " %"), Readout("numbers, of 768", "numbers", 0, 0)],
            _rank,
            _every(rank=[1, 8, 12]),
            _factors,
        ),
        "digit": Figure(
            "Draw a digit",
            [Control("pixels", "picture", _held_out()[3])],
            [Readout(f"score of {i}", "scores", i, 2) for i in range(10)],
            _digit,
            [{"pixels": sample} for sample in _held_out()],
            _digit_data,
        ),
    }
