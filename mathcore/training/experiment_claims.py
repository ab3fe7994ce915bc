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
from mathcore.verify import Claim, Limits, Operations, Target, all_of, at_least, at_most, domain, equal, less
from mathcore.verify.domains import Draw, draw_integers, fixed_generators
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.residue import residues

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
    """How many seeds an experiment has: 0, 1 and so on, since how often training fails by chance is not known."""
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
        formats=SHORT_FORMATS,
        rows=7,
        width=7,
        also=("texts generated by the seeds 0 to 9, and one English text with each word taken for two at random",),
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
    """The loss of a word is strictly convex in its vector, so that it has one stationary point at most.

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


HALF = 1 / 2
"""For what share of the words the twin may be nearest by chance, as the mean over all seeds.

Were words exchangeable once neighbours are shuffled, which they are but for how often each occurs, the twins would be a
random matching of the 2·TWINS words: j given pairs are all in it with probability 1/(15 · 13 · …), j factors. The
number N of words that find their twin has the largest moments if words are each other's nearest, so that they find it
by twos: E e^(tN) ≤ Σ_j C(8, j)(e^(2t) − 1)^j/(15 · 13 · …). By Chernoff's bound, more than half do in one run of 20,000
at most if there are two seeds, and in one of 10^19 if there are ten.
"""


@same_context_same_vector.experiment
def twins_of_generated_texts_end_nearest(ops: Operations, scale: float) -> Any:
    found = []
    for rng in fixed_generators(rounds(scale)):
        text = generated_text(rng)
        for shuffled in (False, True):
            _, after, _ = trained(ops, text, rng, VOCABULARY, shuffled=shuffled)
            found.append(twins_found(after["embedding"], 2 * TWINS))
    (share, close), (chance, _) = np.array(found).reshape(-1, 2, 2).transpose(1, 2, 0)
    low, high = binomial_interval(int((share >= MOST).sum()), len(share))
    return all_of(
        at_least(share, MOST),
        at_most(chance.mean(), HALF).measuring(
            twins_are_nearest=f"for {share.mean():.0%} of {2 * TWINS} words",
            with_shuffled_neighbours=f"{chance.mean():.0%}",
            seeds_with_most=f"{(share >= MOST).sum()} of {len(share)}: [{low:.0%}, {high:.0%}], 99 % exact binomial",
            cosine_of_twins=f"{close.mean():.2f}",
        ),
    )


REAL_WORDS, FOUND, BY_CHANCE = 60, 1 / 3, 1 / 10
"""How many words of a real text are each taken for two, and for what share the twin is to be found, or is not to be.

The shares are choices, well apart from what was measured. No bound on chance is derived: twins are as frequent as each
other, so that they are not exchangeable with other words even where neighbours are shuffled.
"""


@same_context_same_vector.experiment
def halves_of_real_words_end_nearest(ops: Operations, scale: float) -> Any:
    # Each occurrence of a word is taken for one of two words at random: they have the same contexts but for chance, and
    # are as frequent as each other.
    text, found = real_text(REAL_WORDS), []
    for rng in fixed_generators(rounds(scale)):
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
    limits=Limits(
        also=("2,000 sentences by each of the seeds 0 to 9, vectors of 8 numbers",), said=("generated texts",)
    ),
)


def flat_map(table: Any) -> Any:
    """The vectors as seen from the direction in which they spread most: two numbers each."""
    centred = table - table.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u[:, :2] * s[:2]


def nearness(vectors: Any) -> float:
    """The distance between related words as a share of the distance between any two."""
    words = np.arange(2 * TWINS)
    distance = np.linalg.norm(vectors[words, None] - vectors[None, words], axis=-1)
    return float(distance[words, words ^ 1].mean() / distance.sum() * (len(words) * (len(words) - 1)))


@map_draws_itself.experiment
def related_words_approach_on_the_map(ops: Operations, scale: float) -> Any:
    shares, maps = [], []
    for rng in fixed_generators(rounds(scale)):
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


moving_beats_frozen = Claim(
    "training.moving_beats_frozen",
    faq=7,
    statement="Training the vectors of words too reaches a loss no higher than training the weights alone.",
    formula=r"\inf_{E,\,W} \ell(E, W) \le \inf_W \ell(E_0, W)",
    verdict="holds_if",
    condition="The two are compared at the best that each can reach, or after the training that the experiment states; "
    "after a few steps, or with steps that are too long, moving vectors can be behind.",
    limits=Limits(also=("the experiment: 2,000 sentences by each of the seeds 0 to 9, 400 steps",)),
    needs=("train_neighbours", "neighbour_loss", "init_neighbour_predictor", "neighbour_pairs"),
    refuted_by=(wrong.nothing_frozen, wrong.vectors_always_frozen, wrong.never_trains),
)


@moving_beats_frozen.proof
def moving_vectors_search_a_larger_set(ops: Operations) -> Any:
    """Whatever W does for frozen vectors it does for moving ones that have not moved: the set searched is larger.

    And it can be larger by all that matters. Two words with one frozen vector get one distribution p, so that their
    mean negative log-likelihood of two different neighbours, −(ln p_1 + ln p_2)/2, is at least ln 2 (p_1 p_2 ≤ ¼),
    however W is trained. Vectors that may move part from each other and go below.
    """
    params = {"embedding": np.ones((2, 1)), "output": np.array([[1.0, -1.0]])}
    words, neighbours = pairs = np.array([0, 1]), np.array([0, 1])
    frozen = [
        ops.neighbour_loss(
            ops.train_neighbours(params, words, neighbours, rate=0.25, steps=steps, frozen=("embedding",)), *pairs
        )
        for steps in (0, 1, 2, 5, 10)
    ]
    moving = ops.train_neighbours(params, words, neighbours, rate=1.0, steps=50)
    return all_of(
        at_least(frozen, math.log(2)),
        less(np.diff(frozen), 0),
        less(ops.neighbour_loss(moving, *pairs), math.log(2) / 2),
    )


def few_steps() -> Iterator[dict[str, Any]]:
    """Small predictors of two words, a text of two words, and a few long steps."""
    for e, w, rate, steps in itertools.product((0.0, 1.0), (0.0, 1.0), (1.0, 8.0), (1, 2)):
        params = {"embedding": np.array([[e], [1.0]]), "output": np.array([[w, 0.0]])}
        for neighbours in itertools.product((0, 1), repeat=3):
            yield {"params": params, "neighbours": np.array(neighbours), "rate": rate, "steps": steps}


@moving_beats_frozen.counterexample(cases=few_steps)
def few_long_steps_favour_moving(ops: Operations, params: Any, neighbours: Any, rate: float, steps: int) -> Any:
    pairs = np.array([0, 1, 1]), neighbours
    frozen, moving = (
        ops.train_neighbours(params, *pairs, rate=rate, steps=steps, frozen=names) for names in (("embedding",), ())
    )
    return at_most(ops.neighbour_loss(moving, *pairs), ops.neighbour_loss(frozen, *pairs))


@moving_beats_frozen.experiment
def moving_reaches_a_lower_loss_on_texts(ops: Operations, scale: float) -> Any:
    # With shuffled neighbours there is nothing for the vectors to find but noise: what moving gains must be less.
    losses = []
    for rng in fixed_generators(rounds(scale)):
        text, seed = generated_text(rng), int(rng.integers(2**32))
        for shuffled, frozen in itertools.product((False, True), ((), ("embedding",))):
            options: dict[str, Any] = {"frozen": frozen, "shuffled": shuffled}
            _, after, pairs = trained(ops, text, np.random.default_rng(seed), VOCABULARY, **options)
            losses.append(ops.neighbour_loss(after, *pairs))
    (moving, still), (moving_by_chance, still_by_chance) = np.reshape(losses, (-1, 2, 2)).transpose(1, 2, 0)
    won, by_chance = int((moving < still).sum()), still_by_chance - moving_by_chance
    low, high = binomial_interval(won, len(moving))
    return all_of(
        less(moving, still),
        less(by_chance, (still - moving) / 2).measuring(
            moving=f"{moving.mean():.3f} nats", frozen=f"{still.mean():.3f} nats",
            gain_with_shuffled_neighbours=f"{by_chance.mean():.3f} nats",
            interval=f"moving is ahead in {won} of {len(moving)} seeds: [{low:.0%}, {high:.0%}], 99 % exact binomial",
        ),
    )  # fmt: skip
