"""Writing on: one token after the other, each chosen from the scores that a model gives after those before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array, integers
from mathcore._scalars import generator, real, whole
from mathcore.models._checks import MOST
from mathcore.probability.argmax import argmax
from mathcore.probability.softmax import temperature_softmax


def written(
    step: Callable[[Array, Any], tuple[Array, Any]],
    ids: npt.ArrayLike,
    count: int,
    temperature: float,
    rng: np.random.Generator | None,
    stop: Collection[int] = (),
) -> Array:
    """The tokens that follow `ids`, at most `count`; after one of `stop` comes no other.

    Args:
        step: from tokens and what is kept of those before, () of none, the scores of the next one, (V,), and what is
            kept now.
        ids, count, temperature, rng, stop: as for `decoder_generate`.
    """
    text, count = integers("ids", ids), whole("count", count, 0, MOST)
    if text.ndim != 1 or not text.size:
        raise ValueError(f"`ids` must have shape (time,) with time ≥ 1, got {text.shape}")
    temperature = real("temperature", temperature, 0, finite=False)
    if rng is not None:
        generator("rng", rng, "random")
    if temperature != 0 and rng is None:
        raise ValueError(f"a temperature of {temperature} draws tokens at random: `rng` must be given")
    ends = _ends(stop)
    chosen, kept = np.empty(count, np.intp), ()
    for i in range(count):
        scores, kept = step(text, kept)
        chosen[i] = _choose(scores, temperature, rng)
        text = chosen[i : i + 1]
        if int(text[0]) in ends:
            return chosen[: i + 1]
    return chosen


def _ends(stop: Any) -> frozenset[int]:
    if not isinstance(stop, (tuple, list, set, frozenset)):
        raise TypeError(f"`stop` must be a collection of integers, got {type(stop).__name__}")
    return frozenset(whole("stop", token, 0, MOST) for token in stop)


def _choose(scores: Array, temperature: float, rng: np.random.Generator | None) -> int:
    """One token: the winner, or one drawn by inverting the distribution function."""
    winner = int(argmax(scores))
    if not np.isfinite(scores[winner]):
        raise ValueError(f"no token can be chosen: the highest of its scores is {scores[winner]}")
    if temperature == 0 or rng is None:
        return winner
    reached = np.cumsum(temperature_softmax(scores.astype(np.float64), temperature))
    # The product may round up to the sum itself, which the last token of any probability reaches first.
    drawn, last = np.searchsorted(reached, rng.random() * reached[-1], "right"), np.searchsorted(reached, reached[-1])
    return int(min(drawn, last))
