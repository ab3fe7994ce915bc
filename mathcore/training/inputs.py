"""What claims about training draw: predictors of neighbours, pairs of words, and random numbers that begin anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import Target, domain, draw_array
from mathcore.verify.domains import Draw, accepted, draw_integers
from mathcore.verify.oracle.residue import residues


@domain
def predictors(
    draw: Draw, target: Target, *, dtype: str | None = None, most: int = 8, pairs: int = 9, large: bool = False
) -> dict[str, Any]:
    """Vectors and weight vectors of one scale, and pairs of words with their neighbours; a few are `large`."""
    vocabulary, width, count = draw(st.integers(1, most)), draw(st.integers(1, 4)), draw(st.integers(1, pairs))
    if large and draw(st.integers(0, 9)) == 9:
        vocabulary, width, count = 18, draw(st.sampled_from([3, 33])), 20
    name = dtype or draw(st.sampled_from(accepted(target, "float64", "float32")))
    # Multiples of 2⁻²⁰, so that the small steps of finite differences are exact.
    sizes = st.sampled_from([2.0**-4, 1.0, 4.0])
    values = [draw_array(draw, (vocabulary, width), "float64", (s := draw(sizes), s)) for _ in range(2)]
    e, w = (np.round(v * 2**14).astype(name) / np.dtype(name).type(2**14) for v in values)
    words, neighbours = abs(draw_integers(draw, (2, count), 10**6)) % vocabulary
    return {"params": {"embedding": e, "output": w.T}, "words": words, "neighbours": neighbours}


@domain
def exact_predictors(draw: Draw, target: Target) -> dict[str, Any]:
    """A predictor and pairs in arithmetic modulo a prime, where the target takes objects; else in whole numbers."""
    vocabulary, width, count = draw(st.integers(2, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    table = draw_integers(draw, (2, vocabulary, width), 9)
    e, w = residues(table) if target.exact else table.astype(np.float64)
    words, neighbours = abs(draw_integers(draw, (2, count), 10**6)) % vocabulary
    return {"params": {"embedding": e, "output": w.T}, "words": words, "neighbours": neighbours}


@domain
def single_pairs(draw: Draw, target: Target) -> dict[str, Any]:  # noqa: ARG001
    """A predictor in float64 and one pair of words."""
    vocabulary, width = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    if draw(st.integers(0, 19)) == 19:
        vocabulary, width = 70, 33
    e = draw_array(draw, (vocabulary, width), "float64", (0.25, 4.0))
    w = draw_array(draw, (width, vocabulary), "float64", (0.25, 4.0))
    word, neighbour = draw(st.integers(0, vocabulary - 1)), draw(st.integers(0, vocabulary - 1))
    return {"params": {"embedding": e, "output": w}, "word": word, "neighbour": neighbour}


class Fresh:
    """Random numbers that begin anew at every call, so that two calls draw the same ones."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def normal(self, size: Any) -> Any:
        """The first normal numbers of the seed."""
        return np.random.default_rng(self.seed).normal(size=size)

    def random(self) -> float:
        """The first number of the seed in [0, 1)."""
        return np.random.default_rng(self.seed).random()
