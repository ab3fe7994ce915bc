"""What must be true of vectors that learn: FAQ 3, 4 and 7."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability.cross_entropy_tolerances import cross_entropy_vjp_rounding
from mathcore.probability.row_tolerances import central_difference
from mathcore.training import learning_mutants as wrong
from mathcore.training import optimisers_mutants
from mathcore.training import training_tolerances as tol
from mathcore.training.inputs import exact_predictors, predictors, single_pairs
from mathcore.training.textbook import alignment, negative_log_likelihood, one_pair, smoothness
from mathcore.verify import Claim, Limits, Operations, Target, enclose, given_that
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, seeds
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import all_of, at_least, at_most, differs, equal, identical, less
from mathcore.verify.tolerances import dot_product


def coordinates(params: Any) -> Iterator[tuple[str, tuple[int, ...], dict[str, Any]]]:
    """Every single number of the parameters, as a direction to move in."""
    for name, table in params.items():
        for index in np.ndindex(table.shape):
            move = {n: np.zeros(p.shape) for n, p in params.items()}
            move[name][index] = 1.0
            yield name, index, move


def gradient_allowed(params: Any, words: Any, neighbours: Any, ops: Operations) -> dict[str, Any]:
    """How far each gradient may be off."""
    rest = (params, words, neighbours, params["embedding"].dtype, ops.conventions.summation)
    return {"embedding": tol.vector_gradient_rounding(*rest), "output": tol.weight_gradient_rounding(*rest)}


backprop_is_the_derivative = Claim(
    "training.backprop_is_the_derivative",
    faq=3,
    statement="What backpropagation says of each number is the derivative of the loss by that number, up to rounding: "
    "how fast the loss would change if the number were nudged.",
    formula=r"\bar\theta_i = \frac{\partial \ell}{\partial \theta_i} = \lim_{h \to 0} "
    r"\frac{\ell(\theta + h e_i) - \ell(\theta - h e_i)}{2h}",
    source="Rumelhart, Hinton & Williams, Nature 323 (1986), doi:10.1038/323533a0",
    needs=("neighbour_loss", "neighbour_gradient"),
    tolerances=(
        tol.vector_gradient_rounding, tol.weight_gradient_rounding, tol.neighbour_loss_rounding, central_difference,
        dot_product,
    ),
    refuted_by=(
        wrong.zero_gradient, wrong.summed_not_averaged, wrong.last_occurrence_counts, wrong.weights_unmoved,
        wrong.vectors_unmoved, wrong.every_row_moves, wrong.absent_row_zero_moves, wrong.answer_not_subtracted,
        wrong.uphill, wrong.last_pair_dropped, wrong.sides_exchanged, wrong.loss_of_the_first,
        wrong.words_wrap, wrong.pairs_wrap,
    ),
    legend={"e": "the unit vector of one number", "θ": "all numbers of both tables"},
    limits=Limits(formats=("float16", "bfloat16"), also=("scores lie within ±600",)),
)  # fmt: skip


@backprop_is_the_derivative.property(predictors(most=3, pairs=4), effort=0.2)
def gradient_equals_partial_derivatives(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    loss, inputs = negative_log_likelihood(words, neighbours), (params["embedding"], params["output"])
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    allowed = gradient_allowed(params, words, neighbours, ops)
    return all_of(
        *(
            equal(grads[name][i], derivative(loss, inputs, tuple(move.values())), within=allowed[name][i])
            for name, i, move in coordinates(params)
        )
    )


@backprop_is_the_derivative.property(predictors(large=True), seed=st.integers(0, 999), effort=0.4)
def gradient_equals_directional_derivative(ops: Operations, params: Any, words: Any, neighbours: Any, seed: int) -> Any:
    # All numbers at once, along one direction.
    rng, inputs = np.random.default_rng(seed), (params["embedding"], params["output"])
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    moves = {name: rng.integers(-3, 4, p.shape).astype(float) for name, p in params.items()}
    along = math.fsum((np.asarray(grads[name], np.float64) * d).sum() for name, d in moves.items())
    within = dot_product(0.0, 1, np.float64)
    for name, d in moves.items():
        size = abs(np.asarray(grads[name], np.float64) * d).sum()
        own = gradient_allowed(params, words, neighbours, ops)[name].weighted(d).weighted(np.ones(len(d)))
        within = within + own + dot_product(size, d.size, np.float64)
    return equal(
        along, derivative(negative_log_likelihood(words, neighbours), inputs, tuple(moves.values())), within=within
    )


THIRD_CUMULANT = math.sqrt(3) / 18
"""A number in [0, 1] has no larger third central moment: that of two values with p(1 − p)(1 − 2p) at its maximum."""


STEP = 2.0**-14


@backprop_is_the_derivative.property(predictors(dtype="float64"), effort=0.5)
def gradient_equals_central_differences(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    # Along one number the scores move in a straight line; the third derivative of a log-sum-exp is the third
    # cumulant of the scores' speeds, at most their range cubed times √3/18.
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    allowed = gradient_allowed(params, words, neighbours, ops)
    noise = tol.neighbour_loss_rounding(params, words, neighbours, np.float64, ops.conventions.summation) * 1.01
    parts = []
    for name, i, move in coordinates(params):
        up, down = (ops.neighbour_loss({n: p + s * move[n] for n, p in params.items()}, words, neighbours)
                    for s in (STEP, -STEP))  # fmt: skip
        speeds = STEP * (params["embedding"][words] @ move["output"] + move["embedding"][words] @ params["output"])
        third = (np.ptp(speeds, axis=-1) ** 3).mean() * THIRD_CUMULANT
        within = central_difference(third, (up - down) / 2) + noise + allowed[name][i] * STEP
        parts.append(equal((up - down) / 2, grads[name][i] * STEP, within=within))
    return all_of(*parts)


@backprop_is_the_derivative.property(predictors(large=True), effort=0.5)
def losses_within_the_bound(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    loss, _ = ops.neighbour_gradient(params, words, neighbours)
    true = enclose(negative_log_likelihood(words, neighbours), params["embedding"], params["output"])
    allowed = tol.neighbour_loss_rounding(
        params, words, neighbours, params["embedding"].dtype, ops.conventions.summation
    )
    return all_of(
        equal(loss, true, within=allowed),
        equal(ops.neighbour_loss(params, words, neighbours), true, within=allowed),
    )


step_nudges_to_neighbour = Claim(
    "training.step_nudges_to_neighbour",
    faq=3,
    statement="A step against the gradient, taken on a word and the neighbour that was seen, raises the probability of "
    "that neighbour.",
    formula=r"\ell(\theta - \eta g) \le \ell(\theta) - \eta\Big(1 - \frac{\eta L}{2}\Big)\lVert g\rVert^2, \quad "
    r"L = \frac{\frac92\lVert Ar\rVert^2 + 2\sqrt2\,|r \cdot z|\,\lVert r\rVert}{r^\top A r}, \quad "
    r"A = \lVert e\rVert^2 I + W^\top W",
    verdict="holds_if",
    condition="The gradient g is not zero and the rate η is below 2/L, with r = p − one_hot(y), z the scores, e the "
    "word's vector and W the weights; a longer step can overshoot. A step may also be lost to rounding.",
    source="Nesterov, Lectures on Convex Optimization (2018), §1.2.3, for the descent lemma",
    needs=("neighbour_gradient", "neighbour_loss", "sgd_step"),
    limits=Limits(
        formats=SHORT_FORMATS,
        assumes=("the step is not lost to rounding",),
        said=("lost to rounding",),
    ),
    refuted_by=(
        wrong.zero_gradient,
        wrong.uphill,
        wrong.weights_unmoved,
        wrong.vectors_unmoved,
        wrong.answer_not_subtracted,
        optimisers_mutants.step_uphill,
        optimisers_mutants.no_step,
        optimisers_mutants.step_halved,
        optimisers_mutants.vectors_stay,
        optimisers_mutants.of_unit_length,
    ),
    rests_on=("softmax.jacobian",),
)


def stepped(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    """The parameters after one step on one pair."""
    _, grads = ops.neighbour_gradient(params, np.array([word]), np.array([neighbour]))
    return ops.sgd_step(params, grads, rate=rate)


@step_nudges_to_neighbour.property(single_pairs(), share=st.floats(0.02, 0.98))
def loss_falls_by_the_descent_lemma(ops: Operations, params: Any, word: int, neighbour: int, share: float) -> Any:
    bend, square = smoothness(params, word, neighbour)
    rate, pair = share * 2 / bend, (np.array([word]), np.array([neighbour]))
    # Softmax bends by ½ where L allows for 9/2: at least share · η ‖g‖² / 2 is to spare, more than rounding takes.
    before, after = (
        ops.neighbour_loss(params, *pair),
        ops.neighbour_loss(stepped(ops, params, word, neighbour, rate), *pair),
    )
    summation = ops.conventions.summation
    off = tol.neighbour_loss_rounding(params, *pair, np.float64, summation).values
    off = off + tol.loss_after_step_rounding(params, word, neighbour, rate, summation).values
    given_that(share * rate * square / 2 > 2 * off, "the step is not lost to rounding")
    return at_most(after, before - rate * (1 - rate * bend / 2) * square)


@step_nudges_to_neighbour.proof
def descent_lemma_is_a_polynomial_identity(ops: Operations) -> Any:
    """A polynomial identity in e, W, r and the share t of the step that has been taken.

    The scores on the way are z − tη A r + t²η² (r·z) r. So their speed is at most ηǁArǁ + 2η²|r·z|ǁrǁ, and the loss
    bends by at most half of its square (ǁdiag p − ppᵀǁ ≤ ½) and by 2η²|r·z| |r(t)·r| more, where r(t), the gradient on
    the way, is no longer than √2. For η ≤ 2/L the speed is at most 3ηǁArǁ, because 2η|r·z|ǁrǁ ≤ 2ǁArǁ then:
    rᵀAr ≤ ǁrǁǁArǁ and ǁrǁ ≤ √2. Together that is η²L rᵀAr, and rᵀAr is the square of the gradient's length. Each
    monomial names one index of the width and two words at most, so that 2 and 3 of them stand for any number.
    """
    from flint import Ordering, fmpq_mpoly_ctx

    width, words = 2, 3
    names = [f"x{i}" for i in range(width + width * words + words + 1)]
    symbols = np.empty(len(names), dtype=object)
    symbols[:] = fmpq_mpoly_ctx.get(names, Ordering.lex).gens()
    e, w = symbols[:width].reshape(1, width), symbols[width : -1 - words].reshape(width, words)
    r, t = symbols[-1 - words : -1].reshape(words, 1), symbols[-1:].reshape(1, 1)
    z, error, outer = e @ w, w @ r, e.T @ r.T
    on_the_way = (e - t * error.T) @ (w - t * outer)
    direction = (e @ e.T) * r + w.T @ error
    left = on_the_way - (z - t * direction.T + t * t * (z @ r) * r.T)
    square = (error**2).sum() + (outer**2).sum() - (r.T @ direction)[0, 0]
    return equal([len(polynomial) for polynomial in [*left[0], square]], 0)


def small_pairs(*rates: float, vectors: tuple[int, ...] = (1, 2)) -> Iterator[dict[str, Any]]:
    """All predictors of two words in whole numbers up to 2, a pair, and rates: smallest first."""
    for e, w, v, rate in sorted(
        itertools.product(vectors, range(-2, 3), range(-2, 3), rates), key=lambda c: abs(c[0]) + abs(c[1]) + abs(c[2])
    ):
        params = {"embedding": np.array([[e], [0.0]]), "output": np.array([[w, v]], np.float64)}
        yield {"params": params, "word": 0, "neighbour": 0, "rate": rate}


@step_nudges_to_neighbour.counterexample(cases=lambda: small_pairs(2.0**-10, vectors=(0, 1)))
def any_pair_has_a_step_that_helps(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    # However short the step: where there is no gradient nothing moves.
    pair = np.array([word]), np.array([neighbour])
    after = stepped(ops, params, word, neighbour, rate)
    return less(ops.neighbour_loss(after, *pair), ops.neighbour_loss(params, *pair))


@step_nudges_to_neighbour.counterexample(cases=lambda: small_pairs(1.0, 4.0, 16.0))
def any_rate_lowers_the_loss(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    pair = np.array([word]), np.array([neighbour])
    after = stepped(ops, params, word, neighbour, rate)
    return at_most(ops.neighbour_loss(after, *pair), ops.neighbour_loss(params, *pair))


step_aligns = Claim(
    "training.step_aligns",
    faq=4,
    statement='A step on "cat after the" raises the dot product of the vector of "the" with the weight vector of '
    '"cat".',
    formula=r"e' \cdot w_y' - e \cdot w_y = \eta\,\big[(1 - p_y)\lVert e\rVert^2 + w_y \cdot (w_y - \bar w)\big] + "
    r"\eta^2 (1 - p_y)\, e \cdot (w_y - \bar w), \qquad \bar w = \sum_j p_j w_j",
    verdict="holds_if",
    condition="The bracket is positive and the rate η is below the bracket over (1 − p_y) |e · (w_y − w̄)|, but for "
    "rounding; e is the vector of the word, w_j the weight vectors and p the guess before the step. The bracket can be "
    "negative where other weight vectors point the same way and are longer: then even the smallest step lowers the dot "
    "product, and the neighbour gains only because the others lose more.",
    needs=("neighbour_gradient", "sgd_step"),
    limits=Limits(formats=SHORT_FORMATS),
    tolerances=(tol.alignment_rounding,),
    refuted_by=(
        wrong.zero_gradient,
        wrong.uphill,
        wrong.weights_unmoved,
        wrong.vectors_unmoved,
        wrong.answer_not_subtracted,
        optimisers_mutants.step_uphill,
        optimisers_mutants.no_step,
        optimisers_mutants.step_halved,
        optimisers_mutants.vectors_stay,
    ),
)


def aligned(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    """The dot product after a step."""
    after = stepped(ops, params, word, neighbour, rate)
    return (after["embedding"][word] * after["output"][:, neighbour]).sum()


@step_aligns.property(single_pairs(), share=st.floats(0.05, 0.95))
def alignment_changes_by_the_formula(ops: Operations, params: Any, word: int, neighbour: int, share: float) -> Any:
    before, first, second = alignment(params, word, neighbour)
    rate = share * (min(first / -second, 8.0) if first > 0 > second else 1.0)

    def formula(e: Any, w: Any) -> Any:
        p = np.exp(e @ w - (e @ w).max())
        p = p / p.sum()
        away, own = w[:, neighbour] - w @ p, 1 - p[neighbour]
        bracket = own * (e @ e) + w[:, neighbour] @ away
        return np.asarray(e @ w[:, neighbour] + rate * bracket + rate**2 * own * (e @ away)).reshape(1)

    after = aligned(ops, params, word, neighbour, rate)
    allowed = tol.alignment_rounding(params, word, neighbour, rate, ops.conventions.summation)
    true = enclose(formula, params["embedding"][word], params["output"])
    rises = first > 0 and rate * first + rate**2 * second > 2 * allowed.values
    return all_of(equal(np.array([after]), true, within=allowed), *([less(before, after)] if rises else []))


@step_aligns.counterexample(
    cases=lambda: (c for c in small_pairs(1.0, 4.0, 16.0) if alignment(c["params"], 0, 0)[1] > 0)
)
def step_of_any_length_aligns(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    # The bracket is positive: the length of the step alone is to blame.
    return at_least(aligned(ops, params, word, neighbour, rate), alignment(params, word, neighbour)[0])


@step_aligns.counterexample(cases=lambda: small_pairs(2.0**-20))
def small_step_always_aligns(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    # However short the step.
    return at_least(aligned(ops, params, word, neighbour, rate), alignment(params, word, neighbour)[0])


both_sides_learn = Claim(
    "training.both_sides_learn",
    faq=4,
    statement="One step on a word w changes its vector e and the weights W together; the vectors of all other words "
    "have a gradient of exactly zero and stay bit for bit what they were.",
    formula=r"\bar E_w = W r, \qquad \bar W = e\,r^\top, \qquad \bar E_i = 0 \text{ for } i \ne w",
    verdict="holds_if",
    condition="For the first half: neither e nor W r is zero, where r = p − one_hot(y), and the step is not lost to "
    "rounding. A side without a gradient stays what it was.",
    needs=("neighbour_gradient", "sgd_step"),
    limits=Limits(formats=SHORT_FORMATS),
    refuted_by=(
        wrong.zero_gradient,
        wrong.weights_unmoved,
        wrong.vectors_unmoved,
        wrong.every_row_moves,
        wrong.absent_row_zero_moves,
        wrong.sides_exchanged,
        optimisers_mutants.decays,
        optimisers_mutants.no_step,
        optimisers_mutants.vectors_stay,
    ),
)


@both_sides_learn.exact(exact_predictors(), effort=0.5)
def exact_gradients_share_one_error(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    absent = ~np.isin(np.arange(len(params["embedding"])), words)
    word, neighbour = words[:1], neighbours[:1]
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    _, own = ops.neighbour_gradient(params, word, neighbour)
    e, of_word = params["embedding"][word[0]], own["embedding"][word[0]]
    # Both sides come from one r: e_a (W r) = W (e_a r), whatever r is.
    through = [params["output"] @ row for row in own["output"]] if params["output"].dtype == object else None
    parts = [equal(grads["embedding"][absent], np.zeros_like(grads["embedding"][absent]))]
    if through is not None:
        parts.append(equal(np.outer(e, of_word), np.array(through)))
    return all_of(*parts)


@both_sides_learn.property(single_pairs())
def sides_move_and_other_words_stay(ops: Operations, params: Any, word: int, neighbour: int) -> Any:
    after, moves = stepped(ops, params, word, neighbour, 0.5), moves_of(params, word, neighbour)
    others = np.arange(len(params["embedding"])) != word
    return all_of(
        *([differs(after["embedding"][word], params["embedding"][word])] if moves["embedding"] else []),
        *([differs(after["output"], params["output"])] if moves["output"] else []),
        identical(after["embedding"][others], params["embedding"][others]),
    )


def moves_of(params: Any, word: int, neighbour: int) -> dict[str, bool]:
    """Whether a step of rate ½ moves each side by more than rounding can take back: far above an ulp of a number."""
    e, w, _, _, r = one_pair(params, word, neighbour)
    return {
        "embedding": bool((abs(w @ r) > 2.0**-40 * (1 + abs(e))).any()),
        "output": bool((abs(np.outer(e, r)) > 2.0**-40 * (1 + abs(w))).any()),
    }


@both_sides_learn.counterexample(cases=lambda: small_pairs(1.0, vectors=(0, 1)))
def both_sides_always_move(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    after = stepped(ops, params, word, neighbour, rate)
    return all_of(differs(after["embedding"], params["embedding"]), differs(after["output"], params["output"]))


error_drives_update = Claim(
    "training.error_drives_update",
    faq=4,
    statement="What the loss of a row sends back to its scores is the error, p − one_hot(y), up to rounding: it sums "
    "to zero, its magnitudes sum to 2(1 − p_y), and where there is no error there is no update.",
    formula=r"\bar z = p - [\,j = y\,], \qquad \sum_j \bar z_j = 0, \qquad \sum_j |\bar z_j| = 2(1 - p_y)",
    needs=("cross_entropy_vjp",),
    tolerances=(cross_entropy_vjp_rounding, tol.sum_of_error),
    refuted_by=(
        wrong.half_the_error,
        wrong.error_keeps_a_floor,
        wrong.wrong_answer_alone,
        wrong.wrong_answers_exchanged,
    ),
    legend={"p": "the softmax of the row", "y": "the right answer", "z": "the scores, with a bar their gradient"},
    limits=Limits(
        options=("axis", "weight", "ignore_index", "label_smoothing"),
        signs=("cross_entropy_vjp.cotangent >= 0",),
        also=("no label smoothing", "scores within ±256"),
    ),
)


@domain
def answered(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of scores, often with a sure winner, and the right answers."""
    name, rows = draw(st.sampled_from(target.dtypes)), draw(st.sampled_from([1, 1, 2, 3, 17]))
    x = as_dtype(draw_array(draw, (rows, draw(st.integers(1, 40))), "float64", (2.0**-4, 2.0**5)), name)
    return {"x": x, "y": draw(seeds()).integers(0, x.shape[1], rows)}


@error_drives_update.property(answered())
def error_within_the_bound(ops: Operations, x: Any, y: Any) -> Any:
    gradient = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, y, reduction="none")
    p, wanted = tol.softmax_of(np.asarray(x, np.float64)), np.eye(x.shape[1])[y]
    how = (x.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    each = cross_entropy_vjp_rounding(np.ones((len(x), 1)), x, p, wanted, *how)

    def error(x: Any) -> Any:
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True) - wanted

    wide = np.asarray(gradient, np.float64)
    others = np.where(wanted == 1, 0, p).sum(-1)  # 1 − p_y without cancellation
    allowed = each.weighted(np.ones(x.shape[1])) * 1.01 + tol.sum_of_error(others, x.shape[1])
    return all_of(
        equal(gradient, enclose(error, x), within=each),
        equal(wide.sum(-1), np.zeros(len(x)), within=allowed),
        equal(abs(wide).sum(-1), 2 * others, within=allowed),
    )


@error_drives_update.property(x=st.lists(st.integers(-9, 9), min_size=1, max_size=9), y=st.integers(0, 8))
def no_error_sends_nothing_back(ops: Operations, x: Any, y: int) -> Any:
    scores, y = np.array([x], np.float64), y % len(x)
    scores[0, y] += 1000  # beside which e⁻¹⁰⁰⁰ is nothing that float64 can hold
    return equal(ops.cross_entropy_vjp(np.ones(()), scores, np.array([y])), np.zeros((1, len(x))))


@error_drives_update.proof
def errors_sum_to_zero_as_polynomials(ops: Operations) -> Any:
    """With q = 1 − p_y the other probabilities sum to q: the error sums to q − q, and its magnitudes to q + q.

    That p_y − 1 is the only negative entry is 0 ≤ p ≤ 1. As polynomials in the probabilities, after 1 = Σp.
    """
    from flint import Ordering, fmpq_mpoly_ctx

    a, b, c = fmpq_mpoly_ctx.get(["a", "b", "c"], Ordering.lex).gens()
    one = a + b + c
    return equal([len((a - one) + b + c), len((one - a) + b + c - 2 * (one - a))], 0)


# FAQ 7: vectors that may move, and vectors that may not.
frozen_stays = Claim(
    "training.frozen_stays",
    faq=7,
    statement="Vectors that are frozen stay bit for bit what they were, however long the rest is trained: no "
    "similarity is discovered among them.",
    formula=r"\theta_t = \theta_0 \quad \text{for frozen } \theta",
    needs=("train_neighbours",),
    limits=Limits(formats=("float16", "bfloat16")),
    refuted_by=(wrong.nothing_frozen, wrong.thawed_at_the_end, wrong.thawed_after_a_while, wrong.all_frozen),
)


FROZEN = st.sampled_from([("embedding",), ("output",), ("embedding", "output")])


@frozen_stays.exact(exact_predictors(), frozen=FROZEN, steps=st.integers(0, 2), effort=0.25)
def exact_frozen_tables_stay(ops: Operations, params: Any, words: Any, neighbours: Any, frozen: Any, steps: int) -> Any:
    after = ops.train_neighbours(params, words, neighbours, rate=0.5, steps=steps, frozen=frozen)
    return all_of(*(equal(after[name], params[name]) for name in frozen))


@frozen_stays.property(predictors(), frozen=FROZEN, steps=st.integers(0, 20), batch=st.sampled_from([None, 1, 3]),
                       seed=st.integers(0, 99), effort=0.5)  # fmt: skip
def frozen_tables_stay_bit_for_bit(
    ops: Operations, params: Any, words: Any, neighbours: Any, frozen: Any, steps: int, batch: Any, seed: int
) -> Any:
    options = {} if batch is None else {"batch": batch, "rng": np.random.default_rng(seed)}
    after = ops.train_neighbours(params, words, neighbours, rate=0.5, steps=steps, frozen=frozen, **options)
    return all_of(*(identical(after[name], params[name]) for name in frozen))


@frozen_stays.property(single_pairs(), name=st.sampled_from(["embedding", "output"]), effort=0.5)
def other_side_moves(ops: Operations, params: Any, word: int, neighbour: int, name: str) -> Any:
    other, pair = "output" if name == "embedding" else "embedding", (np.array([word]), np.array([neighbour]))
    after = ops.train_neighbours(params, *pair, rate=0.5, steps=1, frozen=(name,))
    moved = [differs(after[other], params[other])] if moves_of(params, word, neighbour)[other] else []
    return all_of(identical(after[name], params[name]), *moved)


@frozen_stays.exhaustive(lambda: iter({"frozen": (name,)} for name in ("embedding", "output")))
def frozen_tables_stay_through_long_training(ops: Operations, frozen: Any) -> Any:
    params = {"embedding": np.array([[1.0, -0.0], [0.5, 2.0]]), "output": np.array([[1.0, -1.0], [0.0, 0.25]])}
    after = ops.train_neighbours(params, np.array([0, 1]), np.array([1, 0]), rate=0.5, steps=250, frozen=frozen)
    return all_of(*(identical(after[name], params[name]) for name in frozen))
