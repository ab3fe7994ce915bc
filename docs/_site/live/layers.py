"""Figures of chapters 8 to 16: decisions, layers, bends, lines in a plane, alignment, products of matrices."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
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

WORDS = ("cat", "dog", "mat", "sun")


def _logits(state: State) -> Values:
    logits = state["factor"] * numbers("z", state, 4) + state["constant"]
    shares = mc.softmax(logits)
    return {"logits": logits.tolist(), "shares": shares.tolist(), "argmax": [int(mc.argmax(logits))]}


_W1, _B1 = [[1.0, 0.0, -1.0], [0.5, 1.0, 0.0]], [0.0, 0.0, 1.0]
_W2 = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
_UNITS = ("hidden 1", "hidden 2", "hidden 3", "output 1", "output 2")


def _layer(state: State) -> Values:
    hidden = mc.linear(numbers("x", state, 2), np.array(_W1), np.array(_B1))
    return {"hidden": hidden.tolist(), "output": mc.linear(hidden, np.array(_W2)).tolist()}


def _tenths(x: float) -> Fraction:
    return Fraction(round(10 * x), 10)


def _bend_net(state: State, number: Any, kind: Any) -> Any:
    """Two units: each a line through a point of the axis, scaled."""
    kinks, slopes = ([number(state[f"{name}{i}"]) for i in (1, 2)] for name in ("kink", "slope"))
    one, none = number(1), number(0)
    first = np.array([[one, one]], kind), np.array([-k for k in kinks], kind)
    return first, (np.array([[s] for s in slopes], kind), np.array([none], kind))


def _bend(state: State) -> Values:
    def net(x: Any, number: Any, kind: Any) -> Any:
        layers = _bend_net(state, number, kind)
        if state["relu"]:
            return mc.course.relu_net(x, layers)[:, 0]
        return mc.linear(mc.linear(x, *layers[0]), *layers[1])[:, 0]

    x = (np.arange(61) - 30) / 10
    places = sorted({_tenths(state["kink1"]), _tenths(state["kink2"]), Fraction(-4), Fraction(4)})
    exact = np.array(places, object)
    bends = mc.course.count_pieces(exact, net(exact[:, None], _tenths, object)) - 1
    return {"y": net(x[:, None], float, np.float64).tolist(), "bends": [bends]}


_LAST, _KNOTS = 6.4, 8


def _relu(state: State) -> Values:
    inner = {float(state[f"knot{i}"]) for i in range(1, state["knots"] + 1)}
    knots = np.array(sorted({0.0, *inner, _LAST}))
    x = np.arange(321) / 50
    y = mc.course.relu_net(x[:, None], mc.course.interpolating_net(knots, np.sin(knots)))[:, 0]
    return {"worst": [float(abs(y - np.sin(x)).max())], "bends": [len(knots) - 2]}


def _even(count: int) -> Preset:
    spread = {f"knot{i}": round(_LAST * i / (count + 1), 1) for i in range(1, count + 1)}
    return Preset(f"{count} knot{'s' * (count > 1)}, evenly", {"knots": count, **spread})


def _square(state: State) -> Values:
    angles = np.radians(state["turn"] + np.array([0, 180, 90, 270])[: state["lines"]])
    normals = np.array([np.cos(angles), np.sin(angles)])
    count = state["lines"]
    net = (
        (normals, np.full(count, -float(state["half"]))),
        (np.full((count, 1), -float(state["sharpness"])), np.ones(1)),
        (np.ones((1, 1)), np.zeros(1)),
    )
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1], [0, 0]], np.float64)
    walk = np.stack([np.arange(-20, 21) / 10, np.full(41, 0.3)], axis=1)
    return {
        "corners": mc.course.relu_net(corners, net)[:, 0].tolist(),
        "walk": mc.course.relu_net(walk, net)[:, 0].tolist(),
    }


def _shape(label: str, lines: int, turn: int, half: float) -> Preset:
    return Preset(label, {"lines": lines, "turn": turn, "half": half, "sharpness": 4.0})


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


_WEIGHT = np.array([1.2, 1.6])  # of length 2


def _align(state: State) -> Values:
    angle = np.arctan2(_WEIGHT[1], _WEIGHT[0]) + np.radians(state["angle"])
    x = state["length"] * np.array([np.cos(angle), np.sin(angle)])
    score = float(product(x[None], _WEIGHT[:, None])[0, 0])
    return {"input": x.tolist(), "score": [score], "cosine": [float(mc.cosine_similarity(x, _WEIGHT))]}


@cache
def _matrices(which: int) -> tuple[Any, Any]:
    """A (2, 3) and a (3, 4) of small whole numbers."""
    drawn = np.floor((dice(360).reshape(20, 18)[which - 1] + 6) / 12)
    return drawn[:6].reshape(2, 3), drawn[6:].reshape(3, 4)


def _matmul(state: State) -> Values:
    a, b = _matrices(state["numbers"])
    row, column = a[state["row"] - 1], b[:, state["column"] - 1]
    whole = product(a, b)
    return {
        "a": a.ravel().tolist(),
        "b": b.ravel().tolist(),
        "product": whole.ravel().tolist(),
        "terms": (row * column).tolist(),
        "cell": [float(whole[state["row"] - 1, state["column"] - 1])],
    }


WAYS = ("x W", "Wᵀ x", "W x", "x Wᵀ")


def _orientation(state: State) -> Values:
    n, m = state["inputs"], state["outputs"]
    x, w = np.array([2.0, -1.0, 3.0, 1.0])[:n], np.array(_TABLE)[:n, :m]
    row, column = x[None], x[:, None]
    left, right = {"x W": (row, w), "Wᵀ x": (w.T, column), "W x": (w, column), "x Wᵀ": (row, w.T)}[state["way"]]
    try:
        result = mc.linear(left, right)
    except ValueError:
        return {"fits": [0], "result": []}
    return {"fits": [1], "result": result.ravel().tolist()}


_TABLE = [[1.0, 2.0, 0.0, -1.0], [0.0, 1.0, 3.0, 2.0], [2.0, -1.0, 1.0, 0.0], [1.0, 0.0, -2.0, 3.0]]


def figures() -> Mapping[str, Figure]:
    """Name → figure."""
    return {
        "logits": Figure(
            "Four logits and a decision",
            [
                *sliders("z", [f"logit of {word}" for word in WORDS], (1.2, -0.4, 3.1, 0.3), -5, 5, 0.1),
                Control("constant", "added to all", 0.0, -10, 10, 0.5),
                Control("factor", "all times", 1.0, -3, 3, 0.5),
            ],
            readings([f"share of {word}" for word in WORDS], "shares", 4) + readings(["argmax: index"], "argmax", 0),
            _logits,
            every(z1=[1.2, 3.1], constant=[-10.0, 4.5], factor=[-1.0, 0.0, 3.0]),
            presets=[
                Preset("a tie of cat and mat", {"z1": 3.1, "z3": 3.1}),
                Preset("add 10 to all", {"constant": 10.0}),
                Preset("all negative", {"z1": -1.0, "z2": -0.5, "z3": -3.0, "z4": -2.0}),
                Preset("times 3", {"factor": 3.0}),
                Preset("times −1", {"factor": -1.0}),
                Preset("the start"),
            ],
        ),
        "layer": Figure(
            "Two inputs, three hidden numbers, two outputs",
            [
                *sliders("x", ("input 1", "input 2"), (1.0, 2.0), -4, 4, 0.5),
                Control("unit", "write out the sum of", "hidden 2", options=_UNITS),
            ],
            readings(_UNITS[:3], "hidden", 1) + readings(_UNITS[3:], "output", 1),
            _layer,
            every(x1=[-3.0, 0.0], x2=[-1.5, 3.0]),
            lambda: {"W1": _W1, "b1": _B1, "W2": _W2, "units": _UNITS},
            [
                Preset("input 0, 0", {"x1": 0.0, "x2": 0.0}, keep=True),
                Preset("twice the start", {"x1": 2.0, "x2": 4.0}, keep=True),
            ],
        ),
        "bend": Figure(
            "Two units, with ReLU and without",
            [
                Control("kink1", "kink of unit 1", -1.0, -2.5, 2.5, 0.1),
                Control("slope1", "slope of unit 1", 1.0, -2, 2, 0.1),
                Control("kink2", "kink of unit 2", 1.0, -2.5, 2.5, 0.1),
                Control("slope2", "slope of unit 2", -1.5, -2, 2, 0.1),
                Control("relu", "ReLU between the layers", True),
            ],
            readings(["bends of the sum"], "bends", 0),
            _bend,
            every(relu=[True, False], kink1=[1.0, -2.5], slope1=[0.0, 1.5], slope2=[-2.0]),
            presets=[
                Preset("rise, then level", {"kink1": -1.0, "slope1": 1.0, "kink2": 1.0, "slope2": -1.0, "relu": True}),
                Preset("without ReLU", {"relu": False}, keep=True),
                Preset("they cancel", {"kink1": 1.0, "slope1": 1.5, "kink2": 1.0, "slope2": -1.5, "relu": True}),
            ],
        ),
        "relu": Figure(
            "A sine and a net whose knots you move",
            [Control("knots", "number of knots", 4, 1, _KNOTS)]
            + [
                Control(f"knot{i}", f"knot {i}", x, 0.1, 6.3, 0.1, when=("knots", i))
                for i, x in enumerate((1.3, 2.6, 3.8, 5.1, 5.5, 5.8, 6.0, 6.2), start=1)
            ],
            readings(["largest error"], "worst", 4) + readings(["bends"], "bends", 0),
            _relu,
            every(knots=[1, 4, 8], knot1=[0.1, 1.6], knot2=[1.6, 3.1], knot3=[3.1, 6.2]),
            presets=[_even(1), _even(3), _even(7)],
        ),
        "square": Figure(
            "Lines in a plane, and the shape they cut out",
            [
                Control("lines", "hidden units: lines", 2, 1, 4),
                Control("turn", "turned by (degrees)", 20, 0, 90),
                Control("half", "distance from the middle", 0.8, 0.1, 1.9, 0.1),
                Control("sharpness", "sharpness of the edge", 4.0, 0.5, 10, 0.5),
            ],
            readings(["at (−1, −1)", "at (−1, 1)", "at (1, −1)", "at (1, 1)", "in the middle"], "corners", 2),
            _square,
            every(lines=[1, 2, 3, 4], turn=[0, 45], half=[0.6, 1.4]),
            presets=[
                _shape("one line", 1, 45, 0.6),
                _shape("a strip: one or the other", 2, 45, 0.6),
                _shape("a square", 4, 0, 1.2),
                _shape("a square on its corner", 4, 45, 0.8),
            ],
        ),
        "rank": Figure(
            "A picture, and its copy of rank r",
            [Control("rank", "rank", 3, 1, 16)],
            readings(["off by"], "error", 2, " %") + readings(["numbers, of 768"], "numbers", 0),
            _rank,
            every(rank=[1, 8, 12]),
            _factors,
            [Preset(f"rank {r}", {"rank": r}) for r in (1, 3, 8, 12, 16)],
        ),
        "align": Figure(
            "An input, a weight vector, and their score",
            [
                Control("angle", "angle to the weights", 40, -180, 180, 5),
                Control("length", "length of the input", 2.0, 0, 4, 0.1),
            ],
            readings(["score x · w"], "score", 4) + readings(["cosine"], "cosine", 4),
            _align,
            every(angle=[-180, -90, 0, 115], length=[0.0, 1.0, 4.0]),
            lambda: {"weight": _WEIGHT.tolist()},
            [
                Preset("aligned", {"angle": 0, "length": 2.0}),
                Preset("right angle", {"angle": 90, "length": 2.0}),
                Preset("opposite", {"angle": 180, "length": 2.0}),
                Preset("half aligned, twice as long", {"angle": 60, "length": 4.0}),
            ],
        ),
        "matmul": Figure(
            "One cell of a product: a row against a column",
            [
                Control("row", "row", 2, 1, 2),
                Control("column", "column", 1, 1, 4),
                Control("numbers", "other numbers", 1, 1, 20),
            ],
            readings(["the chosen cell"], "cell", 0),
            _matmul,
            every(row=[1, 2], column=[1, 3, 4], numbers=[1, 7, 20]),
            lambda: {"seen": ["row", "column"]},
            [Preset("next numbers", add={"numbers": 1})],
        ),
        "orientation": Figure(
            "The same numbers from the left and from the right",
            [
                Control("way", "written as", "x W", options=WAYS),
                Control("inputs", "numbers in x", 3, 1, 4),
                Control("outputs", "numbers in the result", 2, 1, 4),
            ],
            [],
            _orientation,
            every(way=WAYS, inputs=[1, 3, 4], outputs=[2, 3]),
            lambda: {"x": [2.0, -1.0, 3.0, 1.0], "W": _TABLE},
            [Preset("W square", {"inputs": 3, "outputs": 3}), Preset("W 3 × 2", {"inputs": 3, "outputs": 2})],
        ),
    }
