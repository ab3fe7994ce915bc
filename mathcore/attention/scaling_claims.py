"""What must be true of dividing by √d: FAQ 21."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_mutants
from mathcore.attention import draft_mutants as drafts
from mathcore.attention import scaling_mutants as wrong
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_tolerances import mean_square_of_normals, variance_of_signs, weights_rounding
from mathcore.attention.inputs import confidently_wrong, two_scales
from mathcore.attention.textbook import VASWANI, as_numbers, figures
from mathcore.probability import row_mutants
from mathcore.probability.cross_entropy_tolerances import cross_entropy_vjp_rounding
from mathcore.probability.softmax_tolerances import softmax_vjp_rounding
from mathcore.probability.textbook import distribution, probabilities
from mathcore.verify import Claim, Limits, Operations, all_of, at_least, at_most, enclose, equal, given_that
from mathcore.verify.domains import score_rows
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.tolerances import hoeffding, rounding


# FAQ 21: dividing by √d.
def scores(ops: Operations, query: Any, key: Any, scale: float | None = None) -> Any:
    """The scores of queries (n, t, d), each among a single key (n, 1, d): their log-sum-exps."""
    return ops.scaled_dot_product_attention(query, key, np.zeros_like(key), scale=scale, return_lse=True)[1]


variance_is_d = Claim(
    "scaling.variance_is_d",
    faq=21,
    statement="A query times a key has the variance d, and 1 after division by √d.",
    formula=r"\operatorname{Var}(q \cdot k) = d, \qquad \operatorname{Var}(q \cdot k / \sqrt d) = 1",
    verdict="holds_if",
    condition="all components, of q and of k, are independent, with mean 0 and variance 1: q = (a, …, a), k = (b, …, "
    "b) gives d², a mean μ of all gives (1 + 2μ²)d, a variance v of all v²d.",
    source=VASWANI,
    needs=(MIX,),
    limits=Limits(
        options=("mask", "bias", "is_causal", "query_offset", "window", "softcap"),
        formats=SHORT_FORMATS,
        width=5,
        signs=("scaled_dot_product_attention.value >= 0",),
    ),
    tolerances=(mean_square_of_normals, variance_of_signs),
    refuted_by=tuple(
        m(MIX)
        for m in (wrong.unscaled, wrong.scaled_by_width, wrong.scaled_by_one_less, wrong.scaled_by_8,
                  wrong.scale_ignored, wrong.scaled_twice, dot_product_mutants.features_beyond_256_dropped)
    ),
)  # fmt: skip


def every_sign(d: int) -> Any:
    """All vectors of signs, (2^d, d)."""
    return np.array(list(itertools.product([-1.0, 1.0], repeat=d)))


def variance(s: Any) -> Any:
    """The variance of equally likely numbers, exactly."""
    numbers = [Fraction(float(x)) for x in np.ravel(s)]
    return sum(x * x for x in numbers) / len(numbers) - (sum(numbers) / len(numbers)) ** 2


def all_scores(ops: Operations, vectors: Any, scale: float | None = None) -> Any:
    """The scores of all pairs of vectors, (n, n)."""
    return scores(ops, np.repeat(vectors[None], len(vectors), 0), vectors[:, None], scale)


@variance_is_d.exact(d=st.integers(1, 5), effort=0.25)
def unscaled_scores_of_signs_have_variance_d(ops: Operations, d: int) -> Any:
    return equal(variance(all_scores(ops, every_sign(d), 1.0)), d)


@variance_is_d.property(d=st.integers(1, 5), effort=0.25)
def scaled_scores_of_signs_have_variance_one(ops: Operations, d: int) -> Any:
    return equal(float(variance(all_scores(ops, every_sign(d)))), 1.0, within=variance_of_signs(d))


@variance_is_d.statistical
def scores_of_normals_have_variance_one(ops: Operations, rng: Any) -> Any:
    # With signs for a query, the score of a normal key is a standard normal exactly.
    relations = []
    for d, count in ((3, 20_000), (64, 4_000), (1000, 2_000)):
        q, k = rng.choice([-1.0, 1.0], size=(count, 1, d)), rng.normal(size=(count, 1, d))
        within = mean_square_of_normals(count, float(abs(k).sum(-1).max()) / d**0.5, d, 1e-10)
        relations.append(equal((scores(ops, q, k) ** 2).mean(), 1.0, within=within))
    return all_of(*relations)


def _shifted() -> Iterator[dict[str, Any]]:
    """Independent components of variance 1, their mean 0 at first."""
    for mean in (0, 1, 2):
        for d in (1, 2, 3):
            yield {"vectors": every_sign(d) + mean, "variance_is": (1 + 2 * mean**2) * d}


def _copied() -> Iterator[dict[str, Any]]:
    """Copies of one component of mean 0 and variance 1, a single copy at first."""
    for d in (1, 2, 4):
        yield {"vectors": np.repeat(every_sign(1), d, -1), "variance_is": d**2}


def _scaled() -> Iterator[dict[str, Any]]:
    """Independent components of mean 0, their variance 1 at first."""
    for size in (1, 2, 4):
        yield {"vectors": every_sign(3) * size, "variance_is": size**4 * 3}


def _without_the_condition() -> Iterator[dict[str, Any]]:
    """All of these."""
    return itertools.chain(_shifted(), _copied(), _scaled())


@variance_is_d.exhaustive(_without_the_condition)
def variance_of_other_vectors(ops: Operations, vectors: Any, variance_is: int) -> Any:
    return equal(variance(all_scores(ops, vectors, 1.0)), variance_is)


@variance_is_d.counterexample(cases=_shifted)
@variance_is_d.counterexample(cases=_copied)
@variance_is_d.counterexample(cases=_scaled)
def variance_is_d_without_the_condition(ops: Operations, vectors: Any, variance_is: int) -> Any:
    return equal(variance(all_scores(ops, vectors, 1.0)), vectors.shape[-1])


saturation = Claim(
    "scaling.saturation",
    faq=21,
    statement="As the scale c grows from 0, the highest weight never falls, up to rounding. Where one key of n leads "
    "by a gap g > 0, attention tends to it alone: its weight is 1/(1 + (n − 1)e^(−cg)) at least.",
    formula=r"0 \le c \le c' \Rightarrow \max_j p_j(c) \le \max_j p_j(c'), \qquad p_w \ge \frac1{1 + (n - 1)e^{-cg}}",
    legend={"p": "the weights", "w": "the key that leads", "g": "by how much its q·k is above the second"},
    source=VASWANI,
    needs=("attention_weights",),
    limits=Limits(options=("mask", "bias", "is_causal", "query_offset", "window", "softcap"), width=8),
    tolerances=(weights_rounding,),
    refuted_by=(
        *map(dot_product_mutants.of_weights, (wrong.scale_ignored, wrong.scaled_twice)),
        *map(
            drafts.as_weights,
            (drafts.uniform, drafts.sigmoids, drafts.never_dividing_by_zero),
        ),
    ),
)


@saturation.property(two_scales())
def highest_weight_grows_with_the_scale(ops: Operations, query: Any, key: Any, scales: tuple[float, float]) -> Any:
    highest, allowed, relations = [], [], []
    for scale in scales:
        of = figures({"query": query, "key": key, "value": key, "scale": scale})
        within, weights = weights_rounding(of, key.dtype), ops.attention_weights(query, key, scale=scale)
        highest.append(weights.max())
        allowed.append(within[np.unravel_index(int(within.values.argmax()), within.values.shape)])
        first, second = np.argsort(-(of.query @ of.key.T)[0], kind="stable")[[0, min(1, len(key) - 1)]]
        bound = enclose(lambda q, a, b, c: least_share(len(key), c * (q * (a - b)).sum()),
                        query[0], key[first], key[second], np.asarray(scale))  # fmt: skip
        relations.append(at_least(weights[0, first], bound, within=within[0, first]))
    return all_of(at_most(highest[0], highest[1], within=allowed[0] + allowed[1]), *relations)


def least_share(n: int, gap: Any) -> Any:
    """The least that the highest of n weights can be, given the gap to the second."""
    return 1 / (1 + (n - 1) * np.exp(-gap))


gradient_vanishes = Claim(
    "scaling.gradient_vanishes",
    faq=21,
    statement="Where softmax is saturated, its gradient vanishes.",
    formula=r"\lVert J\rVert_\infty = 2p(1 - p), \qquad \lVert \nabla_x(-\ln p_y)\rVert \to \sqrt 2",
    verdict="holds_if",
    condition="the gradient is that of softmax itself, whose Jacobian J has the ∞-norm 2p(1 − p), p the highest "
    "probability. It is refuted for softmax followed by cross-entropy without label smoothing: confidently wrong, its "
    "gradient tends to the length √2.",
    legend={"y": "the right answer, while the probability of another tends to 1"},
    limits=Limits(
        options=("axis", "where", "dtype", "weight", "ignore_index", "label_smoothing"),
        rows=1,
        width=8,
        signs=("softmax_vjp.cotangent >= 0", "cross_entropy_vjp.cotangent >= 0"),
        assumes=("another answer leads",),
        said=("without label smoothing",),
    ),
    source="Vaswani et al., arXiv:1706.03762, §3.2.1, footnote 4",
    needs=("softmax_vjp", "cross_entropy_vjp"),
    tolerances=(softmax_vjp_rounding, cross_entropy_vjp_rounding, rounding),
    refuted_by=(
        row_mutants.mean_forgotten,
        row_mutants.diagonal_only,
        wrong.gradient_times_probability,
    ),
)


@gradient_vanishes.property(x=score_rows(least=2, most=8, rows=1, masked=False))
def jacobian_norm_of_the_highest(ops: Operations, x: Any) -> Any:
    n, basis = x.shape[-1], np.eye(x.shape[-1], dtype=x.dtype)
    rows = np.tile(x, (n, 1))
    jacobian = ops.softmax_vjp(basis, rows)
    allowed = softmax_vjp_rounding(basis, rows, probabilities(rows), x.dtype, ops.conventions.summation)
    gap = enclose(lambda x, j: j.sum(-1) - 2 * distribution(x) * (1 - distribution(x)), x[0], abs(jacobian))
    norm, p = abs(jacobian.astype(np.float64)).sum(-1).max(), probabilities(x).max()
    within = allowed.weighted(np.ones(n))
    return all_of(
        equal(0.0, gap, within=within),  # 2p(1 − p) in each row, the most where p is the highest
        at_most(norm, 2 * p * (1 - p), within=within[int(within.values.argmax())] + rounding(n, np.float64)),
    )


@gradient_vanishes.proof
def row_sums_of_the_jacobian(ops: Operations) -> Any:
    """Row i of |J| sums to p_i(1 − p_i) + Σ p_i p_j over the others, 2p_i(1 − p_i); the highest p has the largest.

    That is a(1 − a) − b(1 − b) = (a − b)(1 − a − b), which is ≥ 0 for a ≥ b, a + b ≤ 1. For three probabilities of
    which the last two stand for any number: their sum is all that enters.
    """
    from flint import Ordering, fmpq_mpoly_ctx

    a, b, c = fmpq_mpoly_ctx.get(["a", "b", "c"], Ordering.lex).gens()
    row = a * (1 - a) + a * b + a * c - 2 * a * (1 - a) - a * (a + b + c - 1)
    order = a * (1 - a) - b * (1 - b) - (a - b) * (1 - a - b)
    return equal(len(row) + len(order), 0)  # no term is left of either


@gradient_vanishes.property(confidently_wrong(), effort=0.5)
def gradient_is_long_when_confidently_wrong(ops: Operations, x: Any, target: Any) -> Any:
    given_that(x.argmax() != target[0], "another answer leads")
    length, within = length_of_gradient(ops, x, target)
    gap = float(np.diff(np.sort(as_numbers(x)[0])[-2:])[0])
    least = math.sqrt(2) * (1 - (x.shape[-1] - 1) * math.exp(-gap))
    wanted = np.eye(x.shape[-1])[target]
    true = enclose(lambda x: np.sqrt(((distribution(x) - wanted) ** 2).sum(-1)), x)
    return all_of(
        equal(np.array([length]), true, within=within),
        at_least(length, least, within=within),
        at_most(length, math.sqrt(2), within=within),
    )


@gradient_vanishes.counterexample(confidently_wrong())
def gradient_is_short_whatever_the_target(ops: Operations, x: Any, target: Any) -> Any:
    length, within = length_of_gradient(ops, x, target)
    p = probabilities(x).max()
    return at_most(length, 2 * p * (1 - p), within=within)


def length_of_gradient(ops: Operations, x: Any, target: Any) -> tuple[float, Any]:
    """The length of the gradient of cross-entropy at a row of scores, and what it may be off by."""
    one, wanted = np.ones(1, x.dtype), np.eye(x.shape[-1])[target]
    pulled = ops.cross_entropy_vjp(one, x, target, reduction="none")
    how = (x.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    allowed = cross_entropy_vjp_rounding(np.ones((1, 1)), x, probabilities(x), wanted, *how)
    length = math.sqrt(math.fsum(float(v) ** 2 for v in pulled[0]))
    return length, allowed.weighted(np.ones(x.shape[-1]))[0] + rounding(8.0, np.float64)


keeps_attention_open = Claim(
    "scaling.keeps_attention_open",
    faq=21,
    statement="From d = 16 to d = 12,288 the entropy of attention that divides by √d stays put; without the division "
    "it falls below half.",
    formula=r"\mathbb E\,H\big(\mathrm{softmax}(qK^\top/\sqrt d)\big) \text{ is the same for every } d",
    verdict="holds_if",
    condition="queries are signs and keys independent standard normals, whose scores are standard normals for every d. "
    "For other components, though independent with mean 0 and variance 1, it moves; where all components of a key are "
    "copies of one, it collapses all the same.",
    legend={"H": "the entropy, whose mean is over queries and keys"},
    limits=Limits(also=("8 keys", "d = 1, 16, 768 and 12,288")),
    source=VASWANI,
    needs=("attention_weights",),
    tolerances=(hoeffding,),
    refuted_by=tuple(map(dot_product_mutants.of_weights, (wrong.unscaled, wrong.scaled_by_width, wrong.scale_ignored))),
)


def mean_entropy(ops: Operations, query: Any, key: Any, scale: float | None = None) -> float:
    """The mean entropy of rows of weights."""
    p = ops.attention_weights(query, key, scale=scale).astype(np.float64)
    return float(-(p * np.log(np.where(p > 0, p, 1))).sum(-1).mean())


@keeps_attention_open.statistical
def entropy_does_not_depend_on_d(ops: Operations, rng: Any) -> Any:
    # With signs for a query the scores of normal keys are standard normals for every d, so the entropy has one law.
    keys, counts, entropies, within = 8, {1: 20_000, 16: 20_000, 768: 1_000, 12_288: 200}, {}, {}
    for d, count in counts.items():
        query = (2 * rng.integers(0, 2, size=(count, 1, d)) - 1).astype(np.float32)
        key = rng.standard_normal((count, keys, d), dtype=np.float32)
        entropies[d], within[d] = mean_entropy(ops, query, key), hoeffding(count, math.log(keys), 1e-10)
    collapsed = mean_entropy(ops, query, key, scale=1.0)
    found = {f"entropy_at_{d}": h for d, h in entropies.items()} | {"without_division": collapsed}
    return all_of(
        *(equal(h, entropies[1], within=within[d] + within[1]).measuring(**found) for d, h in entropies.items()),
        at_most(collapsed, entropies[1] / 2, within=within[12_288] + within[1]),
    )


def copies_of_one() -> Iterator[dict[str, Any]]:
    """Keys of copies of one component, ever more of them."""
    for d in (16, 256, 4096, 16384):
        yield {"d": d}


@keeps_attention_open.counterexample(cases=copies_of_one)
def entropy_of_copies_stays(ops: Operations, d: int) -> Any:
    components = np.array([-1.3, -0.9, -0.5, -0.1, 0.1, 0.5, 0.9, 1.3])[:, None]
    at_16, at_d = (mean_entropy(ops, np.ones((1, n)), np.repeat(components, n, -1)) for n in (16, d))
    return at_least(at_d, at_16 / 2)


def signs_for_normals() -> Iterator[dict[str, Any]]:
    """Keys of independent signs, ever more of them."""
    for d in (1, 2, 4):
        yield {"d": d}


@keeps_attention_open.counterexample(cases=signs_for_normals)
def entropy_of_signs_stays(ops: Operations, d: int) -> Any:
    # By symmetry all queries are alike; all pairs of keys.
    few, many = (np.array(list(itertools.product(every_sign(n), repeat=2))) for n in (1, d))
    at_1, at_d = (mean_entropy(ops, np.ones((len(keys), 1, keys.shape[-1])), keys) for keys in (few, many))
    return at_most(at_d, at_1 + 0.001)  # .529 for d = 1, .534 for 2
