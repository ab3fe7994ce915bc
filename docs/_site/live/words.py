"""Figures of chapters 1 to 7: digits, words as vectors, a step of learning, tokens, directions, a map."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

import mathcore as mc
from _site.live.figure import (
    Control,
    Figure,
    Preset,
    State,
    Values,
    dice,
    every,
    numbers,
    product,
    readings,
    sliders,
)

_SHADES = "0123456789abcdefg"


@cache
def _digit_templates() -> tuple[Any, Any]:
    images, labels = mc.course.load_digits()
    learn, _ = mc.course.stratified_split(labels, 0.2, np.random.default_rng(0))
    templates = mc.course.mean_templates(images[learn], labels[learn]).round(4)
    return templates, mc.course.nearest_template_bias(templates)


@cache
def _held_out() -> list[str]:
    """A picture of each digit that no template was made from, in 17 shades."""
    images, labels = mc.course.load_digits()
    _, test = mc.course.stratified_split(labels, 0.2, np.random.default_rng(0))
    chosen = [images[test][np.flatnonzero(labels[test] == digit)[0]] for digit in range(10)]
    return ["".join(_SHADES[round(16 * x)] for x in image) for image in chosen]


def _digit_data() -> dict[str, Any]:
    templates, bias = _digit_templates()
    blocks = templates.T.reshape(10, 16, 16)[:, ::2, ::2].reshape(10, 64)
    images, labels = mc.course.load_digits()
    _, test = mc.course.stratified_split(labels, 0.2, np.random.default_rng(0))
    right = mc.argmax(mc.course.digit_scores(images[test], templates, bias)) == labels[test]
    kept = {"count": len(test), "right": int(right.sum())}
    return {"templates": blocks.tolist(), "bias": bias.tolist(), "samples": _held_out(), "heldOut": kept}


def _digit(state: State) -> Values:
    templates, bias = _digit_templates()
    pixels = np.array([_SHADES.index(shade) / 16 for shade in state["pixels"]])
    scores = mc.course.digit_scores(pixels, templates, bias)
    return {"scores": scores.tolist(), "digit": [int(mc.argmax(scores))], "ink": [float(pixels.sum())]}


_FEATURES = ("living", "big", "food")


def _vectors(state: State) -> Values:
    a, b = numbers("a", state, 3), numbers("b", state, 3)
    cosine = float(mc.cosine_similarity(a, b))
    squares = [float(product(v[None], v[:, None])[0, 0]) for v in (a, b)]
    return {
        "products": (a * b).tolist(),
        "dot": [float(product(a[None], b[:, None])[0, 0])],
        "lengths": np.sqrt(squares).tolist(),
        "cosine": [cosine],
        "angle": [float(np.degrees(np.arccos(cosine)))],
    }


def _vectors_preset(label: str, a: tuple[float, ...], b: tuple[float, ...]) -> Preset:
    return Preset(label, {f"{name}{i}": x for name, v in (("a", a), ("b", b)) for i, x in enumerate(v, start=1)})


NEIGHBOURS = ("cat", "dog", "mat", "sat")
_WORD = [[0.8, 0.3]]
_WEIGHTS = [[-0.4, 1.6, 0.2, -0.9], [0.9, 0.2, -0.9, -0.6]]  # a column for each neighbour
_FROZEN: dict[str, tuple[str, ...]] = {
    "both": (),
    "only the word": ("output",),
    "only the weights": ("embedding",),
}


def _step(state: State) -> Values:
    params = {"embedding": np.array(_WORD), "output": np.array(_WEIGHTS)}
    before = mc.softmax(mc.course.neighbour_scores(params, [0]))[0]
    losses = [float(mc.course.neighbour_loss(params, [0], [0]))]
    for _ in range(state["steps"]):
        params = mc.course.train_neighbours(
            params, [0], [0], rate=state["rate"], steps=1, frozen=_FROZEN[state["moves"]]
        )
        losses.append(float(mc.course.neighbour_loss(params, [0], [0])))
    after = mc.softmax(mc.course.neighbour_scores(params, [0]))[0]
    return {
        "before": before.tolist(),
        "after": after.tolist(),
        "word": params["embedding"][0].tolist(),
        "columns": params["output"].T.ravel().tolist(),
        "losses": losses,
        "ends": [losses[0], losses[-1]],
    }


def _step_data() -> dict[str, Any]:
    return {"words": NEIGHBOURS, "word": _WORD[0], "weights": np.array(_WEIGHTS).T.tolist()}


def _tokenizer(state: State) -> Values:
    words = mc.WordTokenizer.train(state["text"])
    pairs = mc.BytePairTokenizer.train(state["text"], state["merges"])
    tokens = pairs.encode(state["text"])
    return {
        "ids": words.encode(state["text"]).tolist(),
        "merges": [int(i) for pair in pairs.merges for i in pair],
        "tokens": tokens.tolist(),
        "counts": [len(words.vocabulary), len(state["text"].encode()), len(pairs.merges), len(tokens)],
    }


_VECTORS, _MOST = 64, 1000


def _directions(state: State) -> Values:
    d = state["size"]
    vectors = dice(_VECTORS * _MOST).reshape(_VECTORS, _MOST)[:, :d].astype(np.float64)
    first, second = np.triu_indices(_VECTORS, 1)
    cosines = mc.cosine_similarity(vectors[first], vectors[second])
    # Bins of 9° around 0°, 9°, …: no angle of whole numbers lies on an edge, where rounding would decide.
    counts = np.bincount(np.rint(np.degrees(np.arccos(cosines)) / 9).astype(int), minlength=21)
    near = float((abs(cosines) <= np.cos(np.radians(81))).mean())
    return {
        "counts": counts.tolist(),
        "near": [100 * near],
        "spread": [float(np.sqrt((cosines**2).mean())), float(1 / np.sqrt(d))],
        "largest": [float(abs(cosines).max())],
    }


_TEXT = (
    "the dog barks . the puppy barks . the dog eats . the puppy eats . the dog runs . the puppy plays . "
    "the cat sleeps . the kitten sleeps . the cat purrs . the kitten purrs . "
    "a king rules . a queen rules . a king speaks . a queen speaks ."
)
_PASSES, _RATE = 200, 2.0
_SEEDS = (5, 0, 1, 2, 3, 4)  # in each the pairs meet; the first also ends with the three of them far apart


@cache
def _trained(seed: int) -> list[tuple[Any, float]]:
    """The words' vectors before and after each pass, and the loss."""
    words, neighbours, params = _map_start(seed)
    trace = []
    for _ in range(_PASSES + 1):
        trace.append((params["embedding"], float(mc.course.neighbour_loss(params, words, neighbours))))
        params = mc.course.train_neighbours(params, words, neighbours, rate=_RATE, steps=1)
    return trace


def _map_start(seed: int) -> tuple[Any, Any, dict[str, Any]]:
    tokenizer = mc.WordTokenizer.train(_TEXT)
    rng = np.random.default_rng(seed)
    params = mc.course.init_neighbour_predictor(rng, vocabulary=len(tokenizer.vocabulary), width=2)
    return (
        *mc.course.neighbour_pairs(tokenizer.encode(_TEXT)),
        {name: array.round(3) for name, array in params.items()},
    )


def _map_data() -> dict[str, Any]:
    words, neighbours, _ = _map_start(0)
    starts = [{name: array.tolist() for name, array in _map_start(seed)[2].items()} for seed in _SEEDS]
    return {
        "words": mc.WordTokenizer.train(_TEXT).vocabulary,
        "pairs": [words.tolist(), neighbours.tolist()],
        "starts": starts,
        "rate": _RATE,
    }


def _map(state: State) -> Values:
    places, loss = _trained(_SEEDS[state["begin"] - 1])[state["pass"]]
    ids = mc.WordTokenizer.train(_TEXT).word_to_id
    pairs = (("dog", "puppy"), ("cat", "kitten"), ("king", "queen"), ("dog", "queen"))
    apart = [float(np.hypot(*(places[ids[a]] - places[ids[b]]))) for a, b in pairs]
    return {"places": places.ravel().tolist(), "loss": [loss], "apart": apart}


def figures() -> Mapping[str, Figure]:
    """Name → figure."""
    return {
        "digit": Figure(
            "Draw a digit",
            [Control("pixels", "picture", _held_out()[3])],
            readings([f"score of {i}" for i in range(10)], "scores", 2),
            _digit,
            [{"pixels": sample} for sample in _held_out()],
            _digit_data,
        ),
        "vectors": Figure(
            "Two words of three numbers",
            sliders("a", [f"word 1: {f}" for f in _FEATURES], (0.0, 0.25, 1.0), -2, 2, 0.25)
            + sliders("b", [f"word 2: {f}" for f in _FEATURES], (0.0, 0.5, 1.0), -2, 2, 0.25),
            readings(["dot product"], "dot", 4)
            + readings(["cosine"], "cosine", 4)
            + readings(["length of word 1", "length of word 2"], "lengths", 4)
            + readings(["angle between them"], "angle", 1, "°"),
            _vectors,
            every(a1=[0.0, -2.0], a3=[0.0, 1.5], b2=[0.5, -1.25], b3=[0.0, 2.0]),
            presets=[
                _vectors_preset("pear and apple", (0.0, 0.25, 1.0), (0.0, 0.5, 1.0)),
                _vectors_preset("pear and dog", (0.0, 0.25, 1.0), (1.0, 0.75, 0.0)),
                _vectors_preset("apple, and a pear twice as long", (0.0, 0.5, 2.0), (0.0, 0.5, 1.0)),
                _vectors_preset("opposite", (0.0, 0.25, 1.0), (0.0, -0.25, -1.0)),
                _vectors_preset("right angle", (1.0, 0.0, 0.0), (0.0, 0.5, 1.0)),
            ],
        ),
        "step": Figure(
            "Learning from “the cat”, step by step",
            [
                Control("steps", "steps taken", 1, 0, 20),
                Control("rate", "learning rate", 0.5, 0.1, 4, 0.1),
                Control("moves", "what may move", "both", options=tuple(_FROZEN)),
            ],
            readings([f"share of {word} before" for word in NEIGHBOURS], "before", 4)
            + readings([f"share of {word} after" for word in NEIGHBOURS], "after", 4)
            + readings(["loss before", "loss after"], "ends", 4),
            _step,
            every(steps=[0, 3, 20], rate=[0.1, 4.0], moves=tuple(_FROZEN)),
            _step_data,
            [
                Preset("take a step", add={"steps": 1}),
                Preset("start again", {"steps": 0}, keep=True),
                Preset("too long a step", {"steps": 1, "rate": 4.0, "moves": "both"}),
            ],
        ),
        "tokenizer": Figure(
            "A text, its ids, and its pieces",
            [
                Control("text", "a text", "low lower lowest. slow slower. low."),
                Control("merges", "merges", 2, 0, 20),
            ],
            readings(["different words", "bytes", "merges made", "pieces"], "counts", 0),
            _tokenizer,
            every(text=["the cat sat on the mat. the dog sat.", "a", "naïve 3.14"], merges=[0, 5, 20]),
            presets=[Preset("join one more pair", add={"merges": 1}), Preset("bytes alone", {"merges": 0}, keep=True)],
        ),
        "directions": Figure(
            "The angles between 64 random vectors",
            [Control("size", "numbers in a vector", 3, 2, _MOST)],
            readings(["pairs within 9° of a right angle"], "near", 1, " %")
            + readings(["typical size of a cosine", "1/√d"], "spread", 4)
            + readings(["largest cosine of all pairs"], "largest", 4),
            _directions,
            [{"size": d} for d in (2, 10, 100, 1000)],
            presets=[Preset(f"{d:,}", {"size": d}) for d in (2, 3, 10, 100, 1000)],
        ),
        "map": Figure(
            "A map that draws itself",
            [
                Control("pass", "passes over the text", 0, 0, _PASSES),
                Control("begin", "random start", 1, 1, len(_SEEDS)),
            ],
            readings(["loss"], "loss", 4)
            + readings(["dog to puppy", "cat to kitten", "king to queen", "dog to queen"], "apart", 3),
            _map,
            every(**{"pass": [1, 10, _PASSES], "begin": range(1, len(_SEEDS) + 1)}),
            _map_data,
            [
                Preset("10 more passes", add={"pass": 10}),
                Preset("the start", {"pass": 0}, keep=True),
                Preset("the end", {"pass": _PASSES}, keep=True),
                Preset("another start", add={"begin": 1}),
            ],
        ),
    }
