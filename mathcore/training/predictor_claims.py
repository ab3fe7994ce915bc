"""What must be true of a predictor of neighbours before it learns: its start, its pairs, and its options."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.training import predictor_mutants as wrong
from mathcore.training.inputs import Fresh
from mathcore.verify import Claim, Limits, Operations, Target, all_of, at_most, differs, domain, equal, identical, seeds
from mathcore.verify.domains import Draw, draw_integers
from mathcore.verify.laws import Called, defaults
from mathcore.verify.limits import SHORT_FORMATS

FALSE_ALARM = 1e-10  # of each statistical statement; the run has fewer than ten


starts_random = Claim(
    "training.starts_random",
    faq=3,
    statement="The first vectors, of words and of weights, are random, the same for the same seed, and unrelated: the "
    "cosine of any two spreads by 1/√d around 0, where d is the width.",
    formula=r"\mathrm{E}\cos(E_a, E_b) = 0, \qquad \mathrm{E}\cos^2(E_a, E_b) = \frac1d",
    source="Blum, Hopcroft & Kannan, Foundations of Data Science (2020), §2.4; Bernstein's inequality, Boucheron, "
    "Lugosi & Massart, Concentration Inequalities (2013), §2.8",
    needs=("init_neighbour_predictor",),
    refuted_by=(
        wrong.starts_at_zero, wrong.starts_positive, wrong.seed_ignored, wrong.seed_pinned, wrong.half_the_width,
        wrong.tables_tied, wrong.rows_repeat,
    ),
)  # fmt: skip


COSINES = 20_000


@starts_random.statistical
def cosines_of_the_start_are_unrelated(ops: Operations, rng: Any) -> Any:
    # A cosine lies in [−1, 1] and has variance 1/d, its square in [0, 1] with variance below 3/(d(d + 2)). Bernstein:
    # the mean of n is off by more than √(2σ²x/n) + x/(3n) · range with probability 2e⁻ˣ at most.
    widths, parts = (1, 4, 16), []
    x = math.log(2 * 2 * 3 * len(widths) / FALSE_ALARM)  # two sides of two means of three kinds of pairs
    for d in widths:
        params = ops.init_neighbour_predictor(rng, vocabulary=2 * COSINES, width=d)
        words, weights = params["embedding"], params["output"].T
        off = math.sqrt(2 * x / d / COSINES) + 2 * x / 3 / COSINES
        off_square = math.sqrt(2 * x * 3 / (d * (d + 2)) / COSINES) + x / 3 / COSINES
        order = rng.permutation(2 * COSINES)  # of two words of one table any; of a word its own weights
        halves = [(table[order[:COSINES]], table[order[COSINES:]]) for table in (words, weights)]
        for one, other in (*halves, (words[:COSINES], weights[:COSINES])):
            unit = [t / np.maximum(np.linalg.norm(t, axis=1, keepdims=True), 1e-300) for t in (one, other)]
            cos = (unit[0] * unit[1]).sum(1)
            parts += [at_most(abs(cos.mean()), off), at_most(abs((cos**2).mean() - 1 / d), off_square)]
        parts.append(equal([len(np.unique(t[:, 0])) for t in (words, weights)], 2 * COSINES))
    return all_of(*parts)


@starts_random.property(seed=st.integers(0, 2**32 - 1), vocabulary=st.integers(1, 9), width=st.integers(1, 9),
                        dtype=st.sampled_from(["float32", "float64"]))  # fmt: skip
def start_depends_on_the_seed_alone(ops: Operations, seed: int, vocabulary: int, width: int, dtype: str) -> Any:
    one, again, other = (
        ops.init_neighbour_predictor(np.random.default_rng(s), vocabulary=vocabulary, width=width, dtype=dtype)
        for s in (seed, seed, seed + 1)
    )
    shapes = {"embedding": (vocabulary, width), "output": (width, vocabulary)}
    return all_of(
        *(identical(one[n], again[n]) for n in shapes),
        *(differs(one[n], other[n]) for n in shapes),
        *(identical(one[n].shape, shape) for n, shape in shapes.items()),
        *(equal(one[n].dtype.name == dtype, True) for n in shapes),
    )


pairs_are_neighbours = Claim(
    "training.pairs_are_neighbours",
    statement="What is learned from are exactly the pairs of words that stand within the window of each other, each in "
    "both directions, as often as they do.",
    formula=r"(x_s, x_t) \text{ for all places } s, t \text{ with } 0 < |s - t| \le \text{window}",
    needs=("neighbour_pairs",),
    refuted_by=(
        wrong.one_direction, wrong.window_too_wide, wrong.nearest_alone, wrong.wraps_around, wrong.each_pair_once,
    ),
)  # fmt: skip


TEXTS_OF_IDS = st.lists(st.integers(0, 5), max_size=12) | seeds().map(lambda rng: rng.integers(0, 99, 130).tolist())


@pairs_are_neighbours.exact(text=TEXTS_OF_IDS, window=st.integers(1, 14))
def pairs_within_the_window(ops: Operations, text: Any, window: int) -> Any:
    words, neighbours = ops.neighbour_pairs(np.array(text, int), window=window)
    positions = itertools.product(range(len(text)), repeat=2)
    expected = [(text[s], text[t]) for s, t in positions if 0 < abs(s - t) <= window]
    return equal(np.array(sorted(zip(words.tolist(), neighbours.tolist(), strict=True))), np.array(sorted(expected)))


@pairs_are_neighbours.exhaustive(lambda: iter({"text": text} for text in ([], [3], [3, 1])))
def plain_lists_make_pairs(ops: Operations, text: list[int]) -> Any:
    # Plain lists of ids do as well, an empty one among them, which NumPy would take for floats.
    words, neighbours = ops.neighbour_pairs(text)
    return all_of(
        equal(words.dtype.kind + neighbours.dtype.kind == "ii", True),
        equal(sorted(words.tolist()), sorted(text * (len(text) > 1))),
        equal(neighbours.tolist(), words.tolist()[::-1]),
    )


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


predictor_left_out = (
    defaults(Called("neighbour_pairs", texts_of_ids(), Limits(options=("window",))), window=(1, 2)),
    defaults(Called("init_neighbour_predictor", starts(), Limits(options=("dtype",))), dtype=(np.float64, np.float32)),
    defaults(
        Called("train_neighbours", trainings(), Limits(("frozen", "batch", "rng"), SHORT_FORMATS, rows=3, width=3)),
        frozen=((), ("embedding",)),
    ),
)
