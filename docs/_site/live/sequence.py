"""Figures of chapters 17 to 22: softmax, positions, attention, heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import mathcore as mc
from _site.live.figure import (
    DEVIATION,
    Control,
    Figure,
    Preset,
    State,
    Values,
    dice,
    entropy,
    every,
    numbers,
    readings,
    sliders,
)


def _softmax(state: State) -> Values:
    shares = mc.temperature_softmax(numbers("score", state, 4) + state["added"], state["temperature"])
    return {"shares": shares.tolist(), "entropy": [entropy(shares)]}


_POSITIONS, _REPEATS, _WIDEST = 64, 4, 32


def _noise() -> Any:
    """Of each reading of each position: a number for the scalar, then one for every coordinate."""
    return dice(_REPEATS * _POSITIONS * (1 + _WIDEST)).reshape(_REPEATS, _POSITIONS, 1 + _WIDEST) / DEVIATION


def _position(state: State) -> Values:
    m, noise, d = np.arange(_POSITIONS), state["noise"] * _noise(), state["width"]
    scalars = m * (state["most"] / (_POSITIONS - 1))
    vectors = mc.sinusoidal_positional_encoding(m, d, interleaved=False)
    heard = scalars + noise[..., 0]
    by_number = abs(heard[..., None] - scalars).argmin(axis=-1)
    heard_vector = vectors + noise[..., 1 : 1 + d]
    by_vector = ((heard_vector[..., None, :] - vectors) ** 2).sum(axis=-1).argmin(axis=-1)
    return {
        "number": by_number[0].tolist(),
        "vector": by_vector[0].tolist(),
        "right": [100 * float((read == m).mean()) for read in (by_number, by_vector)],
        "length": [float(np.sqrt(d / 2))],
    }


_PAIRS = 4
_LIMIT = 2000


def _degrees(angles: Any) -> Any:
    return np.degrees(angles - 2 * np.pi * np.rint(angles / (2 * np.pi)))


def _rope(state: State) -> Values:
    ones = np.concatenate([np.ones(_PAIRS), np.zeros(_PAIRS)])  # every hand at angle 0

    def hands(position: int) -> Any:
        turned = mc.rope(ones, position)
        return np.arctan2(turned[_PAIRS:], turned[:_PAIRS])

    query, key = (state[name] + state["both"] for name in ("query", "key"))
    between = key - query
    score = mc.rope(ones, query) @ mc.rope(ones, key) / _PAIRS
    angles = mc.rope_frequencies(2 * _PAIRS)[: state["pairs"]]
    away = abs(_degrees(np.outer(np.arange(1, _LIMIT + 1), angles))).max(axis=1)
    back = int(away.argmin())
    return {
        "query": hands(query).tolist(),
        "key": hands(key).tolist(),
        "between": np.degrees(hands(between)).tolist(),
        "score": [float(score)],
        "farthest": [float(abs(np.degrees(hands(between)[: state["pairs"]])).max())],
        "repeat": [back + 1, float(away[back])],
    }


_SEEN = ("the", "cat", "sat")
_KEY_ROWS = [[-1.0, -1.0], [2.0, 0.0], [0.0, 2.0]]  # across: could act; up: is an action
_VALUE_ROWS = [[-1.5, -1.0], [2.0, -0.5], [0.5, 2.0]]  # across: living; up: moving


def _search(state: State) -> Values:
    query = numbers("q", state, 2)[None]
    keys, values = np.array(_KEY_ROWS), np.array(_VALUE_ROWS)
    return {
        "scores": (mc.linear(query, keys.T)[0] / np.sqrt(2)).tolist(),
        "shares": mc.attention_weights(query, keys)[0].tolist(),
        "output": mc.scaled_dot_product_attention(query, keys, values)[0].tolist(),
    }


_WIDTHS, _KEYS = (1, 4, 16, 64, 256, 1024, 4096), 8


def _random_keys() -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(1, _WIDTHS[-1])), rng.normal(size=(_KEYS, _WIDTHS[-1]))


def _scores_by_width() -> dict[str, Any]:
    query, keys = _random_keys()
    return {"scores": {str(d): mc.linear(query[:, :d], keys[:, :d].T)[0].tolist() for d in _WIDTHS}}


def _attention_scale(state: State) -> Values:
    query, keys = _random_keys()
    d = int(state["d"])
    scaled, bare = (
        mc.attention_weights(query[:, :d], keys[:, :d], scale=scale)[0] for scale in (None, 1.0)
    )  # fmt: skip
    entropies = [entropy(scaled), entropy(bare)]
    return {"width": [d], "scaled": scaled.tolist(), "bare": bare.tolist(), "entropies": entropies}


ANIMALS, VERBS = ("cat", "dog", "puppy", "bird"), ("sat", "slept")


def _attention(state: State) -> Values:
    """Where the two trained heads of the tiny model look from one word of one of its sentences."""
    text = f"the {state['animal']} {state['verb']} on the"
    weights = mc.course.tiny_model().activations(text)["attention.weights"]
    rows = weights[:, state["place"] - 1]
    return {"weights": weights.ravel().tolist(), "first": rows[0].tolist(), "second": rows[1].tolist()}


def _attention_data() -> dict[str, Any]:
    tiny = mc.course.tiny_model()
    names = {"embedding": "embedding", "norm": "0.attention.norm"}
    names |= {"query": "0.attention.query", "key": "0.attention.key"}
    return {"words": tiny.words, **{name: tiny.params[of].tolist() for name, of in names.items()}}


def _heads(state: State) -> Values:
    first, second = (float(mc.softmax(np.array([state[name], 0.0]))[0]) for name in ("score1", "score2"))
    missing = [float(np.hypot(1 - first, first)), float(np.hypot(1 - first, 1 - second))]
    return {"one": [first, 1 - first], "two": [first, second], "missing": missing}


def figures() -> Mapping[str, Figure]:
    """Name → figure."""
    return {
        "softmax": Figure(
            "Softmax with a temperature",
            [
                *sliders("score", [f"score {i}" for i in range(1, 5)], (2.0, 1.0, 0.0, -1.0), -5, 5, 0.1),
                Control("added", "added to all", 0, 0, 1000, 10),
                Control("temperature", "temperature", 1.0, 0.1, 10, 0.1),
            ],
            readings([f"share {i}" for i in range(1, 5)], "shares", 4) + readings(["entropy"], "entropy", 4, " nats"),
            _softmax,
            every(score1=[-5, 0.3, 5], score4=[-5, 2.2], temperature=[0.1, 0.7, 10], added=[0, 1000]),
            presets=[
                Preset("a tie", {"score1": 2.0, "score2": 2.0}),
                Preset("add 1,000 to all", {"added": 1000}, keep=True),
                Preset("temperature 0.1", {"temperature": 0.1}, keep=True),
                Preset("temperature 10", {"temperature": 10.0}, keep=True),
                Preset("the start"),
            ],
        ),
        "position": Figure(
            "A position told as a number, and as a vector",
            [
                Control("noise", "noise in every number", 0.05, 0, 1, 0.01),
                Control("width", "numbers in the vector", 16, 2, _WIDEST, 2),
                Control("most", "the number runs from 0 to", 1, 1, 63),
            ],
            readings(["read right: the number", "read right: the vector"], "right", 1, " %")
            + readings(["length of the vector"], "length", 2),
            _position,
            every(noise=[0.0, 0.3, 1.0], width=[2, 32], most=[1, 63]),
            presets=[
                Preset("no noise", {"noise": 0.0}, keep=True),
                Preset("a little", {"noise": 0.05}, keep=True),
                Preset("much", {"noise": 0.4}, keep=True),
                Preset("a number from 0 to 63", {"most": 63}, keep=True),
            ],
        ),
        "rope": Figure(
            "Dials of RoPE",
            [
                Control("query", "position of the query", 3, 0, 500),
                Control("key", "position of the key", 10, 0, 500),
                Control("both", "both moved on by", 0, 0, 500),
                Control("pairs", "dials that count", 4, 1, 4),
            ],
            readings([f"dial {i + 1}: from query to key" for i in range(_PAIRS)], "between", 1, "°")
            + readings(["score of two equal vectors"], "score", 4)
            + readings(["farthest dial from a repeat"], "farthest", 1, "°")
            + readings(["nearest repeat within 2,000 words: after"], "repeat", 0, " words")
            + readings(["", "and there the farthest dial is off by"], "repeat", 2, "°")[1:],
            _rope,
            every(query=[0, 44, 500], key=[0, 333], both=[0, 123], pairs=[1, 3]),
            presets=[
                Preset("move both by 100", add={"both": 100}),
                Preset("move the key by 1", add={"key": 1}),
                Preset("after 44 words", {"query": 0, "key": 44, "both": 0}, keep=True),
                Preset("the start"),
            ],
        ),
        "search": Figure(
            "“sat” asks: who did it?",
            sliders("q", ("query: could act", "query: is an action"), (1.5, -0.5), -4, 4, 0.1),
            readings([f"share of {word}" for word in _SEEN], "shares", 4)
            + readings(["output: living", "output: moving"], "output", 4),
            _search,
            every(q1=[-4.0, 0.0, 3.0], q2=[-2.5, 0.0, 4.0]),
            lambda: {"words": _SEEN, "keys": _KEY_ROWS, "values": _VALUE_ROWS},
            [
                Preset("who did it?", {"q1": 1.5, "q2": -0.5}),
                Preset("what was done?", {"q1": -0.5, "q2": 1.5}),
                Preset("asks nothing", {"q1": 0.0, "q2": 0.0}),
                Preset("who, twice as loud", {"q1": 3.0, "q2": -1.0}),
            ],
        ),
        "attention": Figure(
            "Where the two trained heads of the tiny model look",
            [
                Control("animal", "animal", "cat", options=ANIMALS),
                Control("verb", "verb", "sat", options=VERBS),
                Control("place", "place of the word that looks", 5, 1, 5),
            ],
            readings([f"head 1 to word {i}" for i in range(1, 6)], "first", 4)
            + readings([f"head 2 to word {i}" for i in range(1, 6)], "second", 4),
            _attention,
            every(animal=ANIMALS, verb=VERBS, place=[3, 5]),
            _attention_data,
        ),
        "attention_scale": Figure(
            "Eight random keys, the scores divided by √d and not",
            [Control("d", "numbers in a key, d", "64", options=[str(d) for d in _WIDTHS])],
            [
                *readings(["width d"], "width", 0),
                *readings(["entropy, divided by √d", "entropy, not divided"], "entropies", 4, " nats"),
            ],
            _attention_scale,
            every(d=[str(d) for d in _WIDTHS]),
            _scores_by_width,
        ),
        "heads": Figure(
            "What one head and two can bring back",
            [
                Control("score1", "score of “red” in head 1", 1.0, -8, 8, 0.1),
                Control("score2", "score of “car” in head 2", 1.0, -8, 8, 0.1),
            ],
            readings(["one head: red", "one head: car"], "one", 4)
            + readings(["two heads: red", "two heads: car"], "two", 4)
            + readings(["one head misses both by", "two heads miss both by"], "missing", 4),
            _heads,
            every(score1=[-8, 0, 8], score2=[-8, 2.5]),
            presets=[
                Preset("undecided", {"score1": 0.0, "score2": 0.0}),
                Preset("head 1: red", {"score1": 8.0}),
                Preset("head 1: car", {"score1": -8.0}),
                Preset("head 1: red, head 2: car", {"score1": 8.0, "score2": 8.0}),
            ],
        ),
    }
