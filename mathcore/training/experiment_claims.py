"""What is measured of vectors that learn: FAQ 3 and 7."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.training import learning_mutants as wrong
from mathcore.training.inputs import predictors
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_least,
    at_most,
    differs,
    domain,
    equal,
    identical,
    less,
    raises,
    seeds,
)
from mathcore.verify.domains import Draw, draw_integers
from mathcore.verify.oracle.residue import residues

FALSE_ALARM = 1e-10  # of each statistical statement; the run has fewer than ten


# Experiments.
TWINS, CONTEXTS, SENTENCES = 8, 16, 2000
"""The generated text: pairs of words that are used alike, the words around them, and how many sentences there are."""


VOCABULARY, WIDTH, SEEDS = 2 * TWINS + CONTEXTS, 8, 10


MOST = 3 / 4
"""What share of the words is most of them."""


def generated_text(rng: Any) -> Any:
    """Sentences "context word context": words 2k and 2k + 1 are drawn with equal chances and stand among the same."""
    habits = rng.dirichlet(np.full(CONTEXTS, 0.3), size=TWINS)
    kind, which = rng.integers(0, TWINS, SENTENCES), rng.integers(0, 2, SENTENCES)
    around = [2 * TWINS + np.array([rng.choice(CONTEXTS, p=habits[k]) for k in kind]) for _ in range(2)]
    return np.stack([around[0], 2 * kind + which, around[1]], 1).ravel()


def real_text(most: int) -> Any:
    """The commonest words of Python's own documentation in the order they come in, as ids."""
    from pydoc_data.topics import topics

    found = re.findall(r"[a-z]+", " ".join(topics.values()).lower())
    ids = {word: i for i, (word, _) in enumerate(Counter(found).most_common(most))}
    return np.array([ids[word] for word in found if word in ids])


def cosines(table: Any) -> Any:
    """The cosine of every vector with every other."""
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    return unit @ unit.T


def binomial_interval(successes: int, trials: int, confidence: float = 0.99) -> tuple[float, float]:
    """The exact interval of Clopper & Pearson, doi:10.1093/biomet/26.4.404, by bisection."""

    def at_least_as_many(rate: float, count: int) -> float:
        return sum(math.comb(trials, i) * rate**i * (1 - rate) ** (trials - i) for i in range(count, trials + 1))

    def solve(count: int, level: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if at_least_as_many(middle, count) < level else (low, middle)
        return low

    tail = (1 - confidence) / 2
    lower = 0.0 if successes == 0 else solve(successes, tail)
    return lower, 1.0 if successes == trials else solve(successes + 1, 1 - tail)


def rounds(scale: float) -> int:
    """How many seeds an experiment has."""
    return max(2, round(SEEDS * scale))


def trained(
    ops: Operations, text: Any, rng: Any, vocabulary: int, *, shuffled: bool = False, **options: Any
) -> tuple[Any, Any, Any]:
    """A predictor before and after training on a text, and the pairs.

    With `shuffled`, each word is paired with the neighbours of others: it has the same number of neighbours, and
    nothing of its context is left. What an experiment finds must not be found then.
    """
    words, neighbours = ops.neighbour_pairs(text)
    pairs = words, rng.permutation(neighbours) if shuffled else neighbours
    start = ops.init_neighbour_predictor(rng, vocabulary=vocabulary, width=WIDTH)
    settings = {"rate": 2.0, "steps": 400, "batch": 128, "rng": rng, **options}
    return start, ops.train_neighbours(start, *pairs, **settings), pairs


def twins_found(table: Any, words: int) -> tuple[float, float]:
    """Of so many words, 2k and 2k + 1 being twins: for what share the nearest of all is the twin; their mean cosine."""
    alike, each = cosines(table) - 2 * np.eye(len(table)), np.arange(words)
    return float((alike[each].argmax(1) == each ^ 1).mean()), float(alike[each, each ^ 1].mean())


same_context_same_vector = Claim(
    "training.same_context_same_vector",
    faq=3,
    statement="Words that occur in the same contexts end with similar vectors.",
    formula=r"P(\text{context} \mid a) = P(\text{context} \mid b), \quad \nabla_{E_a} \ell = \nabla_{E_b} \ell = 0, "
    r"\quad \operatorname{span}\{w_i - w_j\} = \mathbb{R}^d \;\Rightarrow\; E_a = E_b",
    verdict="holds_if",
    condition="Training has come to rest (the gradient of both vectors is zero), and the differences of the weight "
    "vectors span the space: contexts settle the scores, and only then the scores settle the vector. In the texts "
    "tried most words with the same contexts ended nearest to each other; with shuffled neighbours hardly any did.",
    legend={"w": "the weight vectors"},
    limits=Limits(
        options=("batch", "rng"),
        formats=("float32", "float16", "bfloat16"),
        rows=7,
        width=7,
        also=("generated texts, and one English text with each word taken for two at random",),
    ),
    source="Harris, Word 10 (1954), doi:10.1080/00437956.1954.11659520",
    needs=("neighbour_pairs", "init_neighbour_predictor", "train_neighbours"),
    refuted_by=(
        wrong.never_trains, wrong.learns_from_shuffled_text, wrong.vectors_always_frozen, wrong.twins_parted,
    ),
)  # fmt: skip


@domain
def twins(draw: Draw, target: Target) -> dict[str, Any]:
    """Words 0 and 1 have the same neighbours; the others may have any."""
    case = draw(st.integers(2, 4)), draw(st.integers(1, 2))
    table = draw_integers(draw, (2, *case), 9)
    shared = draw(st.lists(st.integers(2, case[0] - 1), min_size=1, max_size=2)) if case[0] > 2 else []
    pairs = [(a, b) for b in shared for a in (0, 1)] + [(b, a) for b in shared for a in (0, 1)] + [(0, 0), (1, 1)]
    words, neighbours = np.array(draw(st.permutations(pairs))).T
    e, w = residues(table) if target.exact else np.zeros(table.shape)
    return {"params": {"embedding": e, "output": w.T}, "words": words, "neighbours": neighbours}


@same_context_same_vector.exact(twins(), steps=st.integers(0, 2), effort=0.25)
def twins_that_start_alike_stay_alike(ops: Operations, params: Any, words: Any, neighbours: Any, steps: int) -> Any:
    params = {name: p.copy() for name, p in params.items()}
    params["embedding"][1], params["output"][:, 1] = params["embedding"][0], params["output"][:, 0]
    after = ops.train_neighbours(params, words, neighbours, rate=0.5, steps=steps)
    return all_of(
        equal(after["embedding"][0], after["embedding"][1]), equal(after["output"][:, 0], after["output"][:, 1])
    )


@same_context_same_vector.proof
def loss_of_a_word_is_strictly_convex(ops: Operations) -> Any:
    """The loss of a word is strictly convex in its vector, so that it has one place of rest at most.

    Along v the loss −ln p_y bends by the variance of the speeds s_i = v · w_i of the scores under p, which is
    ½ Σ p_i p_j (s_i − s_j)²: positive unless v is at right angles to all differences. Words with the same contexts have
    the same loss as a function of their vector. As polynomials, with 1 = Σp; each monomial names two words at most.
    """
    from flint import Ordering, fmpq_mpoly_ctx

    symbols = np.empty(6, dtype=object)  # NumPy would take a polynomial for an array
    symbols[:] = fmpq_mpoly_ctx.get([f"x{i}" for i in range(6)], Ordering.lex).gens()
    p, s = symbols[:3], symbols[3:]
    i, j = np.triu_indices(3, 1)
    spread = (p[i] * p[j] * (s[i] - s[j]) ** 2).sum()
    return equal(len(p.sum() * (p * s * s).sum() - (p * s).sum() ** 2 - spread), 0)


@domain
def same_contexts(draw: Draw, target: Target) -> dict[str, Any]:
    """Words 0 and 1 with the same neighbours and different vectors, and weights whose differences span the space.

    In whole numbers: vectors in halves, weights in quarters, one of them zero and one along each axis.
    """
    d, more = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    weights = np.c_[np.zeros((d, 1), int), 2 * np.eye(d, dtype=int), draw_integers(draw, (d, more), 3)]
    vectors = np.zeros((weights.shape[1], d), int)
    vectors[:2] = draw_integers(draw, (2, d), 2)
    vectors[1, 0] += (vectors[0] == vectors[1]).all()
    seen = draw(st.lists(st.integers(0, weights.shape[1] - 1), min_size=1, max_size=4))
    share = draw(st.floats(0.1, 1))
    return {"vectors": vectors.tolist(), "weights": weights.tolist(), "seen": seen, "share": share}


@same_context_same_vector.property(same_contexts())
def every_step_brings_twins_nearer(ops: Operations, vectors: Any, weights: Any, seen: Any, share: float) -> Any:
    # Half of the mean loss is each word's, and that bends by ½σ² at most: steps of up to twice 2/σ² overshoot nothing,
    # and by strict convexity every one of them brings the two vectors nearer.
    params = {"embedding": np.array(vectors) / 2, "output": np.array(weights) / 4}
    rate = share * 4 / np.linalg.norm(params["output"], 2) ** 2
    words, apart = np.repeat([0, 1], len(seen)), []
    for steps in (0, 1, 3):
        after = ops.train_neighbours(params, words, np.array(seen * 2), rate=rate, steps=steps, frozen=("output",))
        apart.append(np.linalg.norm(after["embedding"][0] - after["embedding"][1]))
    return less(np.diff(apart), 0)


def opposite_vectors() -> Iterator[dict[str, Any]]:
    """Two words with the same two neighbours and different vectors, smallest weights first."""
    for weights, steps in itertools.product(((0.0, 0.0), (1.0, -1.0)), (400, 1)):
        if steps > 1 or any(weights):
            yield {"weights": np.array([weights]), "steps": steps}


def opposite_after(ops: Operations, weights: Any, steps: int) -> Any:
    """That their vectors point the same way after the training."""
    params = {"embedding": np.array([[1.0], [-1.0]]), "output": weights}
    words, seen = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    after = ops.train_neighbours(params, words, seen, rate=0.5, steps=steps)
    return at_least(after["embedding"][0] * after["embedding"][1], 0)


@same_context_same_vector.counterexample(cases=lambda: (c for c in opposite_vectors() if c["steps"] > 1))
def twins_meet_for_any_weights(ops: Operations, weights: Any, steps: int) -> Any:
    # At rest: weight vectors that are all alike say nothing of the vectors.
    return opposite_after(ops, weights, steps)


@same_context_same_vector.counterexample(cases=lambda: (c for c in opposite_vectors() if c["steps"] == 1))
def twins_meet_after_one_step(ops: Operations, weights: Any, steps: int) -> Any:
    # With weights that differ: training has only begun.
    return opposite_after(ops, weights, steps)


@same_context_same_vector.experiment
def twins_of_generated_texts_end_nearest(ops: Operations, rng: Any, scale: float) -> Any:
    found = []
    for _ in range(rounds(scale)):
        text = generated_text(rng)
        for shuffled in (False, True):
            _, after, _ = trained(ops, text, rng, VOCABULARY, shuffled=shuffled)
            found.append(twins_found(after["embedding"], 2 * TWINS))
    (share, close), (chance, _) = np.array(found).reshape(-1, 2, 2).transpose(1, 2, 0)
    low, high = binomial_interval(int((share >= MOST).sum()), len(share))
    return all_of(
        at_least(share, MOST),
        at_most(chance, 1 - MOST).measuring(
            twins_are_nearest=f"for {share.mean():.0%} of {2 * TWINS} words",
            with_shuffled_neighbours=f"{chance.mean():.0%}",
            seeds_with_most=f"{(share >= MOST).sum()} of {len(share)}: [{low:.0%}, {high:.0%}], 99 % exact binomial",
            cosine_of_twins=f"{close.mean():.2f}",
        ),
    )


REAL_WORDS, FOUND, BY_CHANCE = 60, 1 / 3, 1 / 10
"""How many words of a real text are each taken for two, and for what share the twin is to be found, or is not to be."""


@same_context_same_vector.experiment
def halves_of_real_words_end_nearest(ops: Operations, rng: Any, scale: float) -> Any:
    # Each occurrence of a word is taken for one of two words at random: they have the same contexts but for chance, and
    # are as frequent as each other.
    text, found = real_text(REAL_WORDS), []
    for _ in range(rounds(scale)):
        twofold = 2 * text + rng.integers(0, 2, len(text))
        for shuffled in (False, True):
            options: dict[str, Any] = {"rate": 4.0, "steps": 1000, "batch": 256, "shuffled": shuffled}
            _, after, _ = trained(ops, twofold, rng, 2 * REAL_WORDS, **options)
            found.append(twins_found(after["embedding"], 2 * REAL_WORDS)[0])
    share, chance = np.reshape(found, (-1, 2)).T
    return all_of(
        at_least(share, FOUND),
        at_most(chance, BY_CHANCE).measuring(
            text=f"the {REAL_WORDS} commonest words of Python's documentation topics, {len(text):,} in all",
            halves_are_nearest=f"for {share.mean():.0%} of {2 * REAL_WORDS} words, {share.min():.0%} at least in each "
            f"of {len(share)} seeds; with shuffled neighbours {chance.mean():.0%}",
        ),
    )


map_draws_itself = Claim(
    "training.map_draws_itself",
    faq=7,
    statement="Related words, those that are used alike, approach each other on the map of vectors, compared with "
    "how far apart all words are, without anybody telling that they are related: so in generated texts, and not when "
    "neighbours are shuffled.",
    formula=r"\frac{\operatorname{mean}\lVert E_a - E_b\rVert \text{ over related pairs}}"
    r"{\operatorname{mean}\lVert E_a - E_b\rVert \text{ over all pairs}} \text{ falls}",
    needs=("neighbour_pairs", "init_neighbour_predictor", "train_neighbours"),
    refuted_by=(wrong.never_trains, wrong.learns_from_shuffled_text, wrong.vectors_always_frozen),
    limits=Limits(also=("10 generated texts of 2,000 sentences, vectors of 8 numbers",), said=("generated texts",)),
)


def flat_map(table: Any) -> Any:
    """The vectors as seen from the direction in which they spread most: two numbers each."""
    centred = table - table.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u[:, :2] * s[:2]


def nearness(places: Any) -> float:
    """The distance between related words as a share of the distance between any two."""
    words = np.arange(2 * TWINS)
    distance = np.linalg.norm(places[words, None] - places[None, words], axis=-1)
    return float(distance[words, words ^ 1].mean() / distance.sum() * (len(words) * (len(words) - 1)))


@map_draws_itself.experiment
def related_words_approach_on_the_map(ops: Operations, rng: Any, scale: float) -> Any:
    shares, maps = [], []
    for _ in range(rounds(scale)):
        text = generated_text(rng)
        _, chance, _ = trained(ops, text, rng, VOCABULARY, shuffled=True)
        before, after, _ = trained(ops, text, rng, VOCABULARY)
        maps = [flat_map(params["embedding"][: 2 * TWINS]) for params in (before, after)]
        shares.append([nearness(params["embedding"]) for params in (before, after, chance)] + [nearness(maps[1])])
    first, last, by_chance, drawn = np.array(shares).T
    won = int((last < first / 2).sum())
    low, high = binomial_interval(won, len(first))
    return all_of(
        less(last, first / 2),
        less(drawn, np.full(len(drawn), 1 / 2)),
        less(np.full(len(first), 1 / 2), by_chance).measuring(
            related_words=f"{first.mean():.2f} of the mean distance before, {last.mean():.2f} after",
            with_shuffled_neighbours=f"{by_chance.mean():.2f} after",
            on_the_flat_map=f"{drawn.mean():.2f}",
            interval=f"less than half as far in {won} of {len(first)} seeds: [{low:.0%}, {high:.0%}], 99 %",
            map_before=maps[0].round(3).tolist(),
            map_after=maps[1].round(3).tolist(),
        ),
    )


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
    places = itertools.product(range(len(text)), repeat=2)
    expected = [(text[s], text[t]) for s, t in places if 0 < abs(s - t) <= window]
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


what_does_not_fit = Claim(
    "training.refuses_what_does_not_fit",
    statement="A word that is not in the table, a name that is no parameter, a gradient of another shape, a batch "
    "without random numbers: each is an error that says so.",
    formula=r"w \notin \{0, \dots, V - 1\} \Rightarrow \text{an error}",
    needs=("neighbour_scores", "neighbour_loss", "neighbour_gradient", "neighbour_pairs", "train_neighbours",
           "sgd_step", "adam_step", "adam_init", "train", "Checkpoint", "SGD"),
    limits=Limits(
        options=("rng", "beta1", "beta2", "epsilon", "decay", "train.rate", "progress"),
        formats=("float16", "bfloat16", "Checkpoint.float32"),
        rows=1,
        width=1,
        signs=("adam_step.state >= 0", "Checkpoint.argument 1 >= 0"),
    ),
    refuted_by=(wrong.strangers_ignored, wrong.nothing_frozen, wrong.not_a_number_goes_on),
)  # fmt: skip


@what_does_not_fit.exact(predictors(), far=st.sampled_from([-1, 1]), window=st.integers(-2, 0), effort=0.25)
def misfits_are_refused(ops: Operations, params: Any, words: Any, neighbours: Any, far: int, window: int) -> Any:
    outside = -1 if far < 0 else len(params["embedding"])
    grads = {name: p[:-1] for name, p in params.items()}
    state, zero = ops.adam_init(params), np.array([0])

    def train(**options: Any) -> Any:
        return ops.train_neighbours(params, words, neighbours, rate=1.0, steps=1, **options)

    return all_of(
        raises(lambda: ops.neighbour_scores(params, np.array([outside])), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_loss(params, np.array([outside]), zero), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_loss(params, zero, np.array([outside])), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_gradient(params, np.array([outside]), zero), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_gradient(params, zero, np.array([outside])), IndexError, saying=(str(outside),)),
        raises(lambda: ops.neighbour_pairs(words, window=window), ValueError, saying=("window", str(window))),
        raises(lambda: ops.neighbour_pairs(words[None]), ValueError, saying=("ids",)),
        raises(lambda: train(frozen=("vectors",)), ValueError, saying=("vectors", "embedding")),
        raises(lambda: train(batch=1), ValueError, saying=("rng",)),
        raises(lambda: ops.sgd_step(params, {"other": words}, rate=1.0), ValueError, saying=("other", "embedding")),
        raises(lambda: ops.sgd_step(params, grads, rate=1.0), ValueError, saying=("embedding", "shape")),
        raises(lambda: ops.adam_step(params, grads, state, rate=1.0), ValueError, saying=("embedding", "shape")),
    )


@what_does_not_fit.exact(loss=st.sampled_from([math.nan, math.inf, -math.inf]), steps=st.integers(1, 5), effort=0.25)
def training_stops_at_a_loss_that_is_not_finite(ops: Operations, loss: float, steps: int) -> Any:
    # A training whose loss is no longer finite stops there, and a generator that cannot be restored is refused.
    params, optimiser = {"x": np.zeros(1)}, ops.SGD(0.1)
    start = ops.Checkpoint(params, {}, np.random.default_rng(0).bit_generator.state, 0, {})
    losses = iter([1.0] * (steps - 1) + [loss])
    odd = np.random.Generator(np.random.MT19937(0))

    def loss_and_gradient(params: Any) -> Any:
        return next(losses), params

    def nothing(rng: Any) -> Any:
        return ()

    return all_of(
        raises(
            lambda: ops.train(loss_and_gradient, nothing, optimiser, start, steps=steps),
            FloatingPointError,
            saying=(str(loss), str(steps - 1)),
        ),
        equal(_refusal(lambda: type(start).start(params, optimiser, odd)) == "TypeError", True),
    )


def _refusal(call: Any) -> Any:
    """The name of the error that a method of what an operation made raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "nothing"
