"""What is left out of a call of an optimiser has its documented value."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import Target, domain, draw_array
from mathcore.verify.domains import Draw, draw_integers
from mathcore.verify.laws import Called, defaults


# Options left out.
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


@domain
def texts_of_ids(draw: Draw, target: Target) -> dict[str, Any]:
    """A text of at least three words."""
    return {"ids": np.array(draw(st.lists(st.integers(0, 5), min_size=3, max_size=12)))}


@domain
def starts(draw: Draw, target: Target) -> dict[str, Any]:
    """What the start of a predictor is made from; the generator is a new one at every call."""
    seed = draw(st.integers(0, 2**32 - 1))
    return {"rng": Fresh(seed), "vocabulary": draw(st.integers(1, 9)), "width": draw(st.integers(1, 9))}


@domain
def trainings(draw: Draw, target: Target) -> dict[str, Any]:
    """A training of a step or two on pairs that move the vectors."""
    params = {"embedding": draw_integers(draw, (3, 2), 3) / 4 + 1, "output": np.array([[1.0, -1.0, 0], [0.5, 0, 2]])}
    words = np.array(draw(st.lists(st.integers(0, 2), min_size=1, max_size=5)))
    return {"params": params, "words": words, "neighbours": words[::-1], "rate": 0.5, "steps": draw(st.integers(1, 2))}


@domain
def adam_calls(draw: Draw, target: Target) -> dict[str, Any]:
    """A step of Adam on a vector and a matrix in the middle of a training."""
    x, g = draw_array(draw, (2, 3), "float64", (0.25, 4.0)), draw_array(draw, (2, 3), "float64", (0.25, 4.0)) + 0.125
    params, grads = {"w": x, "b": x[0]}, {"w": g, "b": g[1]}
    averages = {f"{kind}/{name}": abs(p) + 0.5 for kind in "mv" for name, p in params.items()}
    return {"params": params, "grads": grads, "state": {"t": np.array(3), **averages}, "rate": 0.5}


options_left_out = (
    defaults(
        Called("adam_step", adam_calls()),
        beta1=(0.9, 0.5), beta2=(0.999, 0.9), epsilon=(1e-8, 1e-2), decay=(0.0, 0.1),
    ),
    defaults(Called("neighbour_pairs", texts_of_ids()), window=(1, 2)),
    defaults(Called("init_neighbour_predictor", starts()), dtype=(np.float64, np.float32)),
    defaults(Called("train_neighbours", trainings()), frozen=((), ("embedding",))),
)  # fmt: skip
