"""What must be true of training: FAQ 3, 4 and 7, the steps of the optimisers, and stopping and going on."""

from __future__ import annotations

import itertools
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import training_mutants as wrong
from mathcore.common_rows import Called, defaults
from mathcore.probability_tolerances import central_difference, cross_entropy_vjp_rounding
from mathcore.training_tolerances import (
    adam_rounding,
    alignment_rounding,
    loss_after_step_rounding,
    neighbour_loss_rounding,
    schedule_rounding,
    softmax_of,
    step_rounding,
    sum_of_error,
    vector_gradient_rounding,
    weight_gradient_rounding,
)
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
    draw_array,
    enclose,
    equal,
    given_that,
    identical,
    less,
    log_uniform,
    raises,
    seeds,
)
from mathcore.verify.domains import Draw, as_dtype, draw_integers
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.oracle.residue import residues
from mathcore.verify.tolerances import dot_product

FALSE_ALARM = 1e-10  # of each statistical statement; the run has fewer than ten


# What is drawn: a predictor of neighbours and a few pairs.


@domain
def predictors(
    draw: Draw, target: Target, *, dtype: str | None = None, most: int = 8, pairs: int = 9, large: bool = False
) -> dict[str, Any]:
    """Vectors and weight vectors of one scale, and pairs of words with their neighbours; a few are `large`."""
    vocabulary, width, count = draw(st.integers(1, most)), draw(st.integers(1, 4)), draw(st.integers(1, pairs))
    if large and draw(st.integers(0, 9)) == 9:
        vocabulary, width, count = 18, draw(st.sampled_from([3, 33])), 20
    name = dtype or draw(st.sampled_from([d for d in target.dtypes if d in ("float64", "float32")]))
    # Multiples of 2⁻²⁰, so that the small steps of finite differences are exact.
    sizes = st.sampled_from([2.0**-4, 1.0, 4.0])
    values = [draw_array(draw, (vocabulary, width), "float64", (s := draw(sizes), s)) for _ in range(2)]
    e, w = (np.round(v * 2**14).astype(name) / np.dtype(name).type(2**14) for v in values)
    words, neighbours = abs(draw_integers(draw, (2, count), 10**6)) % vocabulary
    return {"params": {"embedding": e, "output": w.T}, "words": words, "neighbours": neighbours}


@domain
def exact_predictors(draw: Draw, target: Target) -> dict[str, Any]:
    """The same in arithmetic modulo a prime, where the target takes objects; else in whole numbers."""
    vocabulary, width, count = draw(st.integers(2, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    table = draw_integers(draw, (2, vocabulary, width), 9)
    e, w = residues(table) if target.exact else table.astype(np.float64)
    words, neighbours = abs(draw_integers(draw, (2, count), 10**6)) % vocabulary
    return {"params": {"embedding": e, "output": w.T}, "words": words, "neighbours": neighbours}


def surprise(words: Any, neighbours: Any) -> Any:
    """The textbook's loss as a function of both tables, for numbers that carry a derivative."""

    def loss(e: Any, w: Any) -> Any:
        scores = e[words] @ w
        right = scores[np.arange(len(words)), neighbours]
        return np.asarray((np.log(np.exp(scores).sum(-1)) - right).sum() / len(words))

    return loss


def coordinates(params: Any) -> Iterator[tuple[str, tuple[int, ...], dict[str, Any]]]:
    """Every single number of the parameters, as a direction to move in."""
    for name, table in params.items():
        for place in np.ndindex(table.shape):
            move = {n: np.zeros(p.shape) for n, p in params.items()}
            move[name][place] = 1.0
            yield name, place, move


def gradient_allowed(params: Any, words: Any, neighbours: Any, ops: Operations) -> dict[str, Any]:
    """How far each gradient may be off."""
    rest = (params, words, neighbours, params["embedding"].dtype, ops.conventions.summation)
    return {"embedding": vector_gradient_rounding(*rest), "output": weight_gradient_rounding(*rest)}


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
        vector_gradient_rounding, weight_gradient_rounding, neighbour_loss_rounding, central_difference, dot_product,
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
def _(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    loss, inputs = surprise(words, neighbours), (params["embedding"], params["output"])
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    allowed = gradient_allowed(params, words, neighbours, ops)
    return all_of(
        *(
            equal(grads[name][i], derivative(loss, inputs, tuple(move.values())), within=allowed[name][i])
            for name, i, move in coordinates(params)
        )
    )


@backprop_is_the_derivative.property(predictors(large=True), seed=st.integers(0, 999), effort=0.4)
def _(ops: Operations, params: Any, words: Any, neighbours: Any, seed: int) -> Any:
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
    return equal(along, derivative(surprise(words, neighbours), inputs, tuple(moves.values())), within=within)


THIRD_CUMULANT = math.sqrt(3) / 18
"""A number in [0, 1] has no larger third central moment: that of two values with p(1 − p)(1 − 2p) at its maximum."""

STEP = 2.0**-14


@backprop_is_the_derivative.property(predictors(dtype="float64"), effort=0.5)
def _(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    # Along one number the scores move in a straight line; the third derivative of a log-sum-exp is the third
    # cumulant of the scores' speeds, at most their range cubed times √3/18.
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    allowed = gradient_allowed(params, words, neighbours, ops)
    noise = neighbour_loss_rounding(params, words, neighbours, np.float64, ops.conventions.summation) * 1.01
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
def _(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    loss, _ = ops.neighbour_gradient(params, words, neighbours)
    true = enclose(surprise(words, neighbours), params["embedding"], params["output"])
    allowed = neighbour_loss_rounding(params, words, neighbours, params["embedding"].dtype, ops.conventions.summation)
    return all_of(
        equal(loss, true, within=allowed),
        equal(ops.neighbour_loss(params, words, neighbours), true, within=allowed),
    )


# One step on one pair.


def one_pair(params: Any, word: int, neighbour: int) -> tuple[Any, ...]:
    """e, W, z, p and r = p − [j = y] of a single pair, in float64."""
    e, w = np.asarray(params["embedding"][word], np.float64), np.asarray(params["output"], np.float64)
    z = e @ w
    p = softmax_of(z)
    return e, w, z, p, p - np.eye(len(z))[neighbour]


def smoothness(params: Any, word: int, neighbour: int) -> tuple[float, float]:
    """L, below 2 over which a step on one pair descends, and the square of the gradient's length."""
    e, w, z, _, r = one_pair(params, word, neighbour)
    turned = (e @ e) * r + w.T @ (w @ r)
    square = float(r @ turned)
    bend = 4.5 * (turned @ turned) + 2 * math.sqrt(2) * abs(r @ z) * np.linalg.norm(r)
    return (float(bend) / square if square else math.inf), square  # no gradient, no step: nothing to claim


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
        formats=("float32", "float16", "bfloat16"),
        assumes=("the step is not lost to rounding",),
        said=("lost to rounding",),
    ),
    refuted_by=(
        wrong.zero_gradient, wrong.uphill, wrong.weights_unmoved, wrong.vectors_unmoved, wrong.answer_not_subtracted,
        wrong.step_uphill, wrong.no_step, wrong.step_halved, wrong.vectors_stay, wrong.of_unit_length,
    ),
    rests_on=("softmax.jacobian",),
)  # fmt: skip


def stepped(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    """The parameters after one step on one pair."""
    _, grads = ops.neighbour_gradient(params, np.array([word]), np.array([neighbour]))
    return ops.sgd_step(params, grads, rate=rate)


@domain
def single_pairs(draw: Draw, target: Target) -> dict[str, Any]:
    """A predictor in float64 and one pair of words."""
    vocabulary, width = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    if draw(st.integers(0, 19)) == 19:
        vocabulary, width = 70, 33
    e = draw_array(draw, (vocabulary, width), "float64", (0.25, 4.0))
    w = draw_array(draw, (width, vocabulary), "float64", (0.25, 4.0))
    word, neighbour = draw(st.integers(0, vocabulary - 1)), draw(st.integers(0, vocabulary - 1))
    return {"params": {"embedding": e, "output": w}, "word": word, "neighbour": neighbour}


@step_nudges_to_neighbour.property(single_pairs(), share=st.floats(0.02, 0.98))
def _(ops: Operations, params: Any, word: int, neighbour: int, share: float) -> Any:
    bend, square = smoothness(params, word, neighbour)
    rate, pair = share * 2 / bend, (np.array([word]), np.array([neighbour]))
    # Softmax bends by ½ where L allows for 9/2: at least share · η ‖g‖² / 2 is to spare, more than rounding takes.
    before, after = (
        ops.neighbour_loss(params, *pair),
        ops.neighbour_loss(stepped(ops, params, word, neighbour, rate), *pair),
    )
    summation = ops.conventions.summation
    off = neighbour_loss_rounding(params, *pair, np.float64, summation).values
    off = off + loss_after_step_rounding(params, word, neighbour, rate, summation).values
    given_that(share * rate * square / 2 > 2 * off, "the step is not lost to rounding")
    return at_most(after, before - rate * (1 - rate * bend / 2) * square)


@step_nudges_to_neighbour.proof
def _(ops: Operations) -> Any:
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
    turned = (e @ e.T) * r + w.T @ error
    left = on_the_way - (z - t * turned.T + t * t * (z @ r) * r.T)
    square = (error**2).sum() + (outer**2).sum() - (r.T @ turned)[0, 0]
    return equal([len(polynomial) for polynomial in [*left[0], square]], 0)


def small_pairs(*rates: float, vectors: tuple[int, ...] = (1, 2)) -> Iterator[dict[str, Any]]:
    """All predictors of two words in whole numbers up to 2, a pair, and rates: smallest first."""
    for e, w, v, rate in sorted(
        itertools.product(vectors, range(-2, 3), range(-2, 3), rates), key=lambda c: abs(c[0]) + abs(c[1]) + abs(c[2])
    ):
        params = {"embedding": np.array([[e], [0.0]]), "output": np.array([[w, v]], np.float64)}
        yield {"params": params, "word": 0, "neighbour": 0, "rate": rate}


@step_nudges_to_neighbour.counterexample(cases=lambda: small_pairs(2.0**-10, vectors=(0, 1)))
def _(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    # However short the step: where there is no gradient nothing moves.
    pair = np.array([word]), np.array([neighbour])
    after = stepped(ops, params, word, neighbour, rate)
    return less(ops.neighbour_loss(after, *pair), ops.neighbour_loss(params, *pair))


@step_nudges_to_neighbour.counterexample(cases=lambda: small_pairs(1.0, 4.0, 16.0))
def _(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
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
    limits=Limits(formats=("float32", "float16", "bfloat16")),
    tolerances=(alignment_rounding,),
    refuted_by=(
        wrong.zero_gradient, wrong.uphill, wrong.weights_unmoved, wrong.vectors_unmoved, wrong.answer_not_subtracted,
        wrong.step_uphill, wrong.no_step, wrong.step_halved, wrong.vectors_stay,
    ),
)  # fmt: skip


def alignment(params: Any, word: int, neighbour: int) -> tuple[float, float, float]:
    """The dot product, the bracket, and the factor of η²."""
    e, w, z, p, _ = one_pair(params, word, neighbour)
    away = w[:, neighbour] - w @ p
    own = 1 - p[neighbour]
    return z[neighbour], float(own * (e @ e) + w[:, neighbour] @ away), float(own * (e @ away))


def aligned(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    """The dot product after a step."""
    after = stepped(ops, params, word, neighbour, rate)
    return (after["embedding"][word] * after["output"][:, neighbour]).sum()


@step_aligns.property(single_pairs(), share=st.floats(0.05, 0.95))
def _(ops: Operations, params: Any, word: int, neighbour: int, share: float) -> Any:
    before, first, second = alignment(params, word, neighbour)
    rate = share * (min(first / -second, 8.0) if first > 0 > second else 1.0)

    def formula(e: Any, w: Any) -> Any:
        p = np.exp(e @ w - (e @ w).max())
        p = p / p.sum()
        away, own = w[:, neighbour] - w @ p, 1 - p[neighbour]
        bracket = own * (e @ e) + w[:, neighbour] @ away
        return np.asarray(e @ w[:, neighbour] + rate * bracket + rate**2 * own * (e @ away)).reshape(1)

    after = aligned(ops, params, word, neighbour, rate)
    allowed = alignment_rounding(params, word, neighbour, rate, ops.conventions.summation)
    true = enclose(formula, params["embedding"][word], params["output"])
    rises = first > 0 and rate * first + rate**2 * second > 2 * allowed.values
    return all_of(equal(np.array([after]), true, within=allowed), *([less(before, after)] if rises else []))


@step_aligns.counterexample(
    cases=lambda: (c for c in small_pairs(1.0, 4.0, 16.0) if alignment(c["params"], 0, 0)[1] > 0)
)
def _(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    # The bracket is positive: the length of the step alone is to blame.
    return at_least(aligned(ops, params, word, neighbour, rate), alignment(params, word, neighbour)[0])


@step_aligns.counterexample(cases=lambda: small_pairs(2.0**-20))
def _(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
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
    limits=Limits(formats=("float32", "float16", "bfloat16")),
    refuted_by=(
        wrong.zero_gradient, wrong.weights_unmoved, wrong.vectors_unmoved, wrong.every_row_moves,
        wrong.absent_row_zero_moves, wrong.sides_exchanged, wrong.decays, wrong.no_step, wrong.vectors_stay,
    ),
)  # fmt: skip


@both_sides_learn.exact(exact_predictors(), effort=0.5)
def _(ops: Operations, params: Any, words: Any, neighbours: Any) -> Any:
    absent = ~np.isin(np.arange(len(params["embedding"])), words)
    word, neighbour = words[:1], neighbours[:1]
    _, grads = ops.neighbour_gradient(params, words, neighbours)
    _, own = ops.neighbour_gradient(params, word, neighbour)
    e, sent = params["embedding"][word[0]], own["embedding"][word[0]]
    # Both sides come from one r: e_a (W r) = W (e_a r), whatever r is.
    through = [params["output"] @ row for row in own["output"]] if params["output"].dtype == object else None
    parts = [equal(grads["embedding"][absent], np.zeros_like(grads["embedding"][absent]))]
    if through is not None:
        parts.append(equal(np.outer(e, sent), np.array(through)))
    return all_of(*parts)


@both_sides_learn.property(single_pairs())
def _(ops: Operations, params: Any, word: int, neighbour: int) -> Any:
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
def _(ops: Operations, params: Any, word: int, neighbour: int, rate: float) -> Any:
    after = stepped(ops, params, word, neighbour, rate)
    return all_of(differs(after["embedding"], params["embedding"]), differs(after["output"], params["output"]))


error_drives_update = Claim(
    "training.error_drives_update",
    faq=4,
    statement="What the loss of a row sends back to its scores is the error, p − one_hot(y), up to rounding: it sums "
    "to zero, its magnitudes sum to 2(1 − p_y), and where there is no error there is no update.",
    formula=r"\bar z = p - [\,j = y\,], \qquad \sum_j \bar z_j = 0, \qquad \sum_j |\bar z_j| = 2(1 - p_y)",
    needs=("cross_entropy_vjp",),
    tolerances=(cross_entropy_vjp_rounding, sum_of_error),
    refuted_by=(
        wrong.half_the_error,
        wrong.error_keeps_a_floor,
        wrong.wrong_answer_alone,
        wrong.wrong_answers_exchanged,
    ),
    legend={"p": "the softmax of the row", "y": "the right answer", "z": "the scores, with a bar their gradient"},
    limits=Limits(
        options=("axis", "ignore_index", "label_smoothing"),
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
def _(ops: Operations, x: Any, y: Any) -> Any:
    slope = ops.cross_entropy_vjp(np.ones(len(x), x.dtype), x, y, reduction="none")
    p, wanted = softmax_of(np.asarray(x, np.float64)), np.eye(x.shape[1])[y]
    each = cross_entropy_vjp_rounding(np.ones((len(x), 1)), x, p, wanted, x.dtype, ops.conventions.summation)

    def error(x: Any) -> Any:
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True) - wanted

    sent = np.asarray(slope, np.float64)
    others = np.where(wanted == 1, 0, p).sum(-1)  # 1 − p_y without cancellation
    allowed = each.weighted(np.ones(x.shape[1])) * 1.01 + sum_of_error(others, x.shape[1])
    return all_of(
        equal(slope, enclose(error, x), within=each),
        equal(sent.sum(-1), np.zeros(len(x)), within=allowed),
        equal(abs(sent).sum(-1), 2 * others, within=allowed),
    )


@error_drives_update.property(x=st.lists(st.integers(-9, 9), min_size=1, max_size=9), y=st.integers(0, 8))
def _(ops: Operations, x: Any, y: int) -> Any:
    scores, y = np.array([x], np.float64), y % len(x)
    scores[0, y] += 1000  # beside which e⁻¹⁰⁰⁰ is nothing that float64 can hold
    return equal(ops.cross_entropy_vjp(np.ones(()), scores, np.array([y])), np.zeros((1, len(x))))


@error_drives_update.proof
def _(ops: Operations) -> Any:
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
def _(ops: Operations, params: Any, words: Any, neighbours: Any, frozen: Any, steps: int) -> Any:
    after = ops.train_neighbours(params, words, neighbours, rate=0.5, steps=steps, frozen=frozen)
    return all_of(*(equal(after[name], params[name]) for name in frozen))


@frozen_stays.property(predictors(), frozen=FROZEN, steps=st.integers(0, 20), batch=st.sampled_from([None, 1, 3]),
                       seed=st.integers(0, 99), effort=0.5)  # fmt: skip
def _(ops: Operations, params: Any, words: Any, neighbours: Any, frozen: Any, steps: int, batch: Any, seed: int) -> Any:
    options = {} if batch is None else {"batch": batch, "rng": np.random.default_rng(seed)}
    after = ops.train_neighbours(params, words, neighbours, rate=0.5, steps=steps, frozen=frozen, **options)
    return all_of(*(identical(after[name], params[name]) for name in frozen))


@frozen_stays.property(single_pairs(), name=st.sampled_from(["embedding", "output"]), effort=0.5)
def _(ops: Operations, params: Any, word: int, neighbour: int, name: str) -> Any:
    other, pair = "output" if name == "embedding" else "embedding", (np.array([word]), np.array([neighbour]))
    after = ops.train_neighbours(params, *pair, rate=0.5, steps=1, frozen=(name,))
    moved = [differs(after[other], params[other])] if moves_of(params, word, neighbour)[other] else []
    return all_of(identical(after[name], params[name]), *moved)


@frozen_stays.exhaustive(lambda: iter({"frozen": (name,)} for name in ("embedding", "output")))
def _(ops: Operations, frozen: Any) -> Any:
    params = {"embedding": np.array([[1.0, -0.0], [0.5, 2.0]]), "output": np.array([[1.0, -1.0], [0.0, 0.25]])}
    after = ops.train_neighbours(params, np.array([0, 1]), np.array([1, 0]), rate=0.5, steps=250, frozen=frozen)
    return all_of(*(identical(after[name], params[name]) for name in frozen))


moving_beats_frozen = Claim(
    "training.moving_beats_frozen",
    faq=7,
    statement="Training the vectors of words too reaches a loss no higher than training the weights alone.",
    formula=r"\inf_{E,\,W} \ell(E, W) \le \inf_W \ell(E_0, W)",
    verdict="holds_if",
    condition="The two are compared at the best that each can reach, or after the training that the experiment states; "
    "after a few steps, or with steps that are too long, moving vectors can be behind.",
    limits=Limits(also=("the experiment: 10 generated texts of 2,000 sentences, 400 steps",)),
    needs=("train_neighbours", "neighbour_loss", "init_neighbour_predictor", "neighbour_pairs"),
    refuted_by=(wrong.nothing_frozen, wrong.vectors_always_frozen, wrong.never_trains),
)


@moving_beats_frozen.proof
def _(ops: Operations) -> Any:
    """Whatever W does for frozen vectors it does for moving ones that have not moved: the set searched is larger.

    And it can be larger by all that matters. Two words with one frozen vector get one distribution p, so that their
    mean surprise at two different neighbours, −(ln p_1 + ln p_2)/2, is at least ln 2 (p_1 p_2 ≤ ¼), however W is
    trained. Vectors that may move part from each other and go below.
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
def _(ops: Operations, params: Any, neighbours: Any, rate: float, steps: int) -> Any:
    pairs = np.array([0, 1, 1]), neighbours
    frozen, moving = (
        ops.train_neighbours(params, *pairs, rate=rate, steps=steps, frozen=names) for names in (("embedding",), ())
    )
    return at_most(ops.neighbour_loss(moving, *pairs), ops.neighbour_loss(frozen, *pairs))


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
def _(ops: Operations, params: Any, words: Any, neighbours: Any, steps: int) -> Any:
    params = {name: p.copy() for name, p in params.items()}
    params["embedding"][1], params["output"][:, 1] = params["embedding"][0], params["output"][:, 0]
    after = ops.train_neighbours(params, words, neighbours, rate=0.5, steps=steps)
    return all_of(
        equal(after["embedding"][0], after["embedding"][1]), equal(after["output"][:, 0], after["output"][:, 1])
    )


@same_context_same_vector.proof
def _(ops: Operations) -> Any:
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
def _(ops: Operations, vectors: Any, weights: Any, seen: Any, share: float) -> Any:
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
def _(ops: Operations, weights: Any, steps: int) -> Any:
    # At rest: weight vectors that are all alike say nothing of the vectors.
    return opposite_after(ops, weights, steps)


@same_context_same_vector.counterexample(cases=lambda: (c for c in opposite_vectors() if c["steps"] == 1))
def _(ops: Operations, weights: Any, steps: int) -> Any:
    # With weights that differ: training has only begun.
    return opposite_after(ops, weights, steps)


@same_context_same_vector.experiment
def _(ops: Operations, rng: Any, scale: float) -> Any:
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
def _(ops: Operations, rng: Any, scale: float) -> Any:
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


@moving_beats_frozen.experiment
def _(ops: Operations, rng: Any, scale: float) -> Any:
    # With shuffled neighbours there is nothing for the vectors to find but noise: what moving gains must be less.
    losses = []
    for _ in range(rounds(scale)):
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
def _(ops: Operations, rng: Any, scale: float) -> Any:
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
def _(ops: Operations, rng: Any) -> Any:
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
def _(ops: Operations, seed: int, vocabulary: int, width: int, dtype: str) -> Any:
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
def _(ops: Operations, text: Any, window: int) -> Any:
    words, neighbours = ops.neighbour_pairs(np.array(text, int), window=window)
    places = itertools.product(range(len(text)), repeat=2)
    expected = [(text[s], text[t]) for s, t in places if 0 < abs(s - t) <= window]
    return equal(np.array(sorted(zip(words.tolist(), neighbours.tolist(), strict=True))), np.array(sorted(expected)))


@pairs_are_neighbours.exhaustive(lambda: iter({"text": text} for text in ([], [3], [3, 1])))
def _(ops: Operations, text: list[int]) -> Any:
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
def _(ops: Operations, params: Any, words: Any, neighbours: Any, far: int, window: int) -> Any:
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
def _(ops: Operations, loss: float, steps: int) -> Any:
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


# The steps of the optimisers.


@domain
def steps_to_take(draw: Draw, target: Target, *, exact: bool) -> dict[str, Any]:
    """Parameters, gradients for some of them, and a rate; exact residues where the target takes objects."""
    shapes = {f"p{i}": tuple(draw(st.lists(st.integers(0, 3), max_size=2))) for i in range(draw(st.integers(1, 3)))}
    if draw(st.integers(0, 19)) == 19:
        shapes["large"] = draw(st.sampled_from([(17, 65), (1025,), (9, 2, 33)]))
    dtype = draw(st.sampled_from(target.dtypes))

    def drawn(shape: Any) -> Any:
        if exact:
            whole = draw_integers(draw, shape, 99)
            return residues(whole) if target.exact else whole.astype(np.float64)
        return draw_array(draw, shape, dtype, (2.0**-6, 2.0**6))

    params, grads = ({name: drawn(shape) for name, shape in shapes.items()} for _ in range(2))
    without = draw(st.sampled_from([None, *shapes]))
    return {"params": params, "grads": {n: g for n, g in grads.items() if n != without}}


sgd_descends = Claim(
    "training.sgd_is_theta_minus_alpha_g",
    statement="A step of gradient descent takes α times its gradient g from a parameter θ, up to rounding; a parameter "
    "without a gradient stays bit for bit what it is.",
    formula=r"\theta' = \theta - \alpha g",
    limits=Limits(also=("numbers up to 512, α up to 64",)),
    needs=("sgd_step", "SGD"),
    dispensable=("SGD",),
    tolerances=(step_rounding,),
    refuted_by=(
        wrong.step_uphill, wrong.no_step, wrong.vectors_stay, wrong.step_doubled, wrong.step_halved, wrong.decays,
        wrong.of_unit_length, wrong.stops_at_a_thousand, wrong.given_rate_ignored,
    ),
)  # fmt: skip


@sgd_descends.exact(steps_to_take(exact=True), rate=st.sampled_from([1, 2, 16]), effort=0.5)
def _(ops: Operations, params: Any, grads: Any, rate: int) -> Any:
    after = ops.sgd_step(params, grads, rate=rate)
    return all_of(*(equal(after[n], p - rate * grads[n] if n in grads else p) for n, p in params.items()))


@sgd_descends.property(steps_to_take(exact=False), rate=log_uniform(2.0**-10, 2.0**6))
def _(ops: Operations, params: Any, grads: Any, rate: float) -> Any:
    after, parts = ops.sgd_step(params, grads, rate=rate), []
    for name, p in params.items():
        if name not in grads:
            parts.append(identical(after[name], p))
            continue
        true = enclose(lambda x, g, a: x - a * g, p, grads[name], np.full(p.shape, rate))
        parts.append(equal(after[name], true, within=step_rounding(p, rate, grads[name], p.dtype)))
        parts.append(equal(after[name].dtype == p.dtype, True))
    return all_of(*parts)


@sgd_descends.property(steps_to_take(exact=False), rates=st.tuples(*[log_uniform(2.0**-8, 1.0)] * 2), effort=0.25)
def _(ops: Operations, params: Any, grads: Any, rates: Any) -> Any:
    # The optimiser of that name is this step; a rate that is given goes before its own.
    optimiser, parts = ops.SGD(rates[0]), []
    for rate, given in ((rates[0], None), (rates[1], rates[1])):
        after, state = optimiser.step(params, grads, optimiser.init(params), rate=given)
        expected = ops.sgd_step(params, grads, rate=rate)
        parts += [equal(len(state), 0), *(identical(after[name], p) for name, p in expected.items())]
    return all_of(*parts)


adam_is_published = Claim(
    "training.adam_is_the_published_algorithm",
    statement="Adam does what its paper says: running averages m and v of the gradients and of their squares, "
    "corrected for their start at zero, and a step that is m over the root of v. Matrices alone decay, if asked to, "
    "apart from the gradient and by α times λ, as in PyTorch; without a gradient a parameter stays what it is, while t "
    "counts on.",
    formula=r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \quad "
    r"\theta_t = \theta_{t-1} - \alpha\Big(\frac{m_t / (1 - \beta_1^t)}"
    r"{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda\,\theta_{t-1}\Big)",
    source="Kingma & Ba, arXiv:1412.6980, algorithm 1; Loshchilov & Hutter, arXiv:1711.05101, algorithm 2",
    needs=("adam_init", "adam_step", "Adam"),
    limits=Limits(formats=("float32", "float16", "bfloat16")),
    dispensable=("Adam",),
    refuted_by=(
        wrong.mean_uncorrected, wrong.square_uncorrected, wrong.counts_from_two, wrong.epsilon_under_the_root,
        wrong.magnitudes_averaged, wrong.no_root, wrong.betas_exchanged, wrong.adam_uphill, wrong.forgets_its_state,
        wrong.decay_into_the_gradient, wrong.vectors_decay_too, wrong.decays_without_the_rate,
        wrong.counts_each_parameter, wrong.decays_always, wrong.momentum_without_a_gradient,
        wrong.options_forgotten, wrong.own_rate_alone,
    ),
)  # fmt: skip


@domain
def gradients_in_a_row(draw: Draw, target: Target) -> dict[str, Any]:
    """Two parameters, gradients for some of a few steps, and the options, as exact numbers."""
    steps, params, row = draw(st.integers(1, 4)), {}, [dict[str, Any]() for _ in range(4)]
    for name in ("x", "y"):
        shape = draw(st.sampled_from([(1,), (2,), (1, 1), (1, 2), (2, 1, 1), (33,), (17, 2)]))
        values = residues(draw_integers(draw, (steps + 1, *shape), 99))
        params[name] = values[0]
        for given, gradient in zip(row, values[1:], strict=False):
            if draw(st.sampled_from([True, True, False])):
                given[name] = gradient
    fraction = st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(3, 4), Fraction(0)])
    options = {
        "rate": draw(st.sampled_from([Fraction(1), Fraction(1, 3)])),
        "beta1": draw(fraction),
        "beta2": draw(fraction),
        "epsilon": draw(st.sampled_from([Fraction(1, 8), Fraction(3)])),
        "decay": draw(st.sampled_from([Fraction(0), Fraction(1, 5)])),
    }
    return {"start": params, "row": row[:steps], "options": options}


def published_adam(start: Any, row: Any, *, rate: Any, beta1: Any, beta2: Any, epsilon: Any, decay: Any) -> Any:
    """The algorithm as printed, averages written out as sums over the gradients that came; None is no gradient."""
    place, came = start, []
    for t, gradient in enumerate(row, 1):
        if gradient is None:
            continue
        came.append(gradient)
        ages = range(len(came) - 1, -1, -1)
        mean = sum((1 - beta1) * beta1**age * g for age, g in zip(ages, came, strict=True)) / (1 - beta1**t)
        square = sum((1 - beta2) * beta2**age * g * g for age, g in zip(ages, came, strict=True)) / (1 - beta2**t)
        place = place - rate * (mean / (np.sqrt(square) + epsilon) + (decay if place.ndim > 1 else 0) * place)
    return place


@adam_is_published.exact(gradients_in_a_row())
def _(ops: Operations, start: Any, row: Any, options: Any) -> Any:
    params, state = start, ops.adam_init(start)
    for grads in row:
        params, state = ops.adam_step(params, grads, state, **options)
    return all_of(
        *(
            equal(params[name], published_adam(p, [grads.get(name) for grads in row], **options))
            for name, p in start.items()
        )
    )


@adam_is_published.property(
    numbers=st.tuples(*[st.floats(0.25, 0.95)] * 2, log_uniform(1e-8, 1.0), st.sampled_from([0.0, 0.5])),
    rates=st.tuples(*[log_uniform(2.0**-8, 1.0)] * 2), seed=st.integers(0, 999), effort=0.25,
)  # fmt: skip
def _(ops: Operations, numbers: Any, rates: Any, seed: int) -> Any:
    # The optimiser of that name is the step with its options; a rate that is given goes before its own.
    optimiser, rng = ops.Adam(rates[0], *numbers), np.random.default_rng(seed)
    options = dict(zip(("beta1", "beta2", "epsilon", "decay"), numbers, strict=True))
    params = expected = {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}
    state, parts = optimiser.init(params), []
    expected_state = ops.adam_init(params)
    for rate, given in ((rates[0], None), (rates[1], rates[1])):
        grads = {name: rng.normal(size=p.shape) for name, p in params.items()}
        params, state = optimiser.step(params, grads, state, rate=given)
        expected, expected_state = ops.adam_step(expected, grads, expected_state, rate=rate, **options)
        parts += [identical(params[name], p) for name, p in expected.items()]
    return all_of(*parts)


first_steps_are_full = Claim(
    "training.adam_corrects_its_bias",
    statement="Along one gradient g, given at every step, every step of Adam has the full length α |g| / (|g| + ε), up "
    "to rounding, from the first on: that the averages start at zero is made up for. So it is without decay, and as "
    "long as g² is finite.",
    formula=r"g_t = g \;\Rightarrow\; \theta_t = \theta_0 - t\,\alpha\,\frac{g}{|g| + \epsilon}",
    limits=Limits(
        options=("beta1", "beta2", "decay"),
        formats=("float16", "bfloat16"),
        rows=1,
        width=2,
        also=("β₁ = 0.9 and β₂ = 0.999, at most 12 steps",),
    ),
    source="Kingma & Ba, arXiv:1412.6980, §3",
    needs=("adam_init", "adam_step"),
    tolerances=(adam_rounding,),
    refuted_by=(
        wrong.mean_uncorrected, wrong.square_uncorrected, wrong.counts_from_two, wrong.magnitudes_averaged,
        wrong.no_root, wrong.adam_uphill, wrong.counts_each_parameter,
    ),
)  # fmt: skip


@first_steps_are_full.property(
    length=log_uniform(2.0**-30, 2.0**60), sign=st.sampled_from([-1.0, 1.0]), start=st.floats(-4, 4, width=32),
    steps=st.integers(1, 12), rate=log_uniform(2.0**-12, 1.0), epsilon=st.just(1e-8) | log_uniform(1e-12, 1.0),
    dtype=st.sampled_from(["float64", "float32"]),
)  # fmt: skip
def _(
    ops: Operations, length: float, sign: float, start: float, steps: int, rate: float, epsilon: float, dtype: str
) -> Any:
    grads = {"x": np.array([sign * length], dtype), "y": np.array([-sign, 0.0], dtype)}
    params = start_of = {"x": np.array([start], dtype), "y": np.zeros(2, dtype)}
    state = ops.adam_init(params)
    for _ in range(steps):
        params, state = ops.adam_step(params, grads, state, rate=rate, epsilon=epsilon)

    def moved(x: Any, g: Any, a: Any, e: Any) -> Any:
        return x - steps * a * g / (abs(g) + e)

    return all_of(
        *(
            equal(
                params[name],
                enclose(moved, x, grads[name], np.full(x.shape, rate), np.full(x.shape, epsilon)),
                within=adam_rounding(x, rate, steps, dtype),
            )
            for name, x in start_of.items()
        )
    )


schedule_warms_up = Claim(
    "training.rate_rises_and_falls",
    statement="Over n steps the rate climbs to its peak α in a straight line, reaches it when the warmup of w steps "
    "ends, and falls along half a cosine, which is at zero when all n steps have been taken.",
    formula=r"\alpha_t = \alpha\,\frac{t + 1}{w} \;(t < w), \qquad "
    r"\alpha_t = \frac\alpha2\Big(1 + \cos\frac{\pi (t - w)}{n - w}\Big) \;(w \le t \le n)",
    legend={"t": "steps taken so far"},
    source="Loshchilov & Hutter, arXiv:1608.03983, equation 5",
    needs=("warmup_cosine",),
    tolerances=(schedule_rounding,),
    refuted_by=(
        wrong.no_warmup,
        wrong.falls_in_a_line,
        wrong.warmup_not_subtracted,
        wrong.starts_at_nothing,
        wrong.last_step_at_zero,
    ),
)


@schedule_warms_up.property(
    warmup=st.integers(0, 50), rest=st.integers(0, 1000), share=st.floats(0, 1), peak=log_uniform(1e-6, 10.0)
)
def _(ops: Operations, warmup: int, rest: int, share: float, peak: float) -> Any:
    warmup += not warmup + rest
    steps = warmup + rest
    step = min(int(share * (steps + 1)), steps if rest else steps - 1)

    def textbook(alpha: Any, turn: Any) -> Any:
        return alpha / 2 * (1 + np.array([x.cos_pi() for x in turn])) if step >= warmup else alpha * turn

    turn = Fraction(step - warmup, rest) if step >= warmup else Fraction(step + 1, warmup)
    true = enclose(textbook, np.array([peak]), np.array([turn], dtype=object))
    rate = np.array([ops.warmup_cosine(step, steps, peak=peak, warmup=warmup)])
    return equal(rate, true, within=schedule_rounding(peak))


@schedule_warms_up.exact(warmup=st.integers(0, 50), rest=st.integers(0, 1000), effort=0.5)
def _(ops: Operations, warmup: int, rest: int) -> Any:
    warmup += not warmup + rest
    rates = [ops.warmup_cosine(t, warmup + rest, peak=1.0, warmup=warmup) for t in range(warmup + rest)]
    return all_of(
        equal(rates[max(warmup - 1, 0) : warmup + 1], 1.0),
        at_least(np.diff(rates[: warmup + 1]), 0),
        at_most(np.diff(rates[warmup:]), 0),
        less(0, rates),
    )


# Stopping and going on.

checkpoint_round_trip = Claim(
    "training.checkpoint_comes_back",
    statement="A checkpoint that was written comes back bit for bit, its config as JSON has it; a file that was cut "
    "short, changed in one place or is something else is an error that names it.",
    formula=r"\mathrm{load}(\mathrm{save}(c)) = c",
    needs=("Checkpoint", "save_checkpoint", "load_checkpoint"),
    limits=Limits(width=3),
    refuted_by=(
        wrong.state_lost, wrong.random_numbers_restart, wrong.stored_in_single, wrong.counts_from_zero,
        wrong.takes_anything,
    ),
)  # fmt: skip


@domain
def checkpoints(draw: Draw, target: Target) -> dict[str, Any]:
    """The parts of a checkpoint: arrays of any shape, layout and NumPy dtype, special values among them."""

    def arrays(names: tuple[str, ...]) -> dict[str, Any]:
        out = {}
        for name in names:
            dtype = draw(st.sampled_from(["float64", "float32", "float16", "int64", "uint8", "bool"]))
            values = draw_integers(draw, tuple(draw(st.lists(st.integers(0, 3), max_size=3))), 9) / 7
            if dtype.startswith("f") and values.size and draw(st.booleans()):
                values.flat[0] = draw(st.sampled_from([np.nan, np.inf, -0.0, 5e-324]))
            with np.errstate(invalid="ignore"):
                out[name] = values.astype(dtype).T
        return out

    names = st.lists(st.sampled_from(["w", "0.mlp.up", "m/w", "é ü", 'a"b']), max_size=3, unique=True)
    return {
        "params": arrays(tuple(draw(names))), "state": arrays(tuple(draw(names))), "step": draw(st.integers(0, 2**40)),
        "config": draw(st.dictionaries(st.text(max_size=2), st.floats(allow_nan=False) | st.text(), max_size=2)),
    }  # fmt: skip


def parts_of(checkpoint: Any) -> list[Any]:
    """All that a checkpoint holds."""
    return [
        list(checkpoint.params), list(checkpoint.state), dict(checkpoint.rng_state), checkpoint.step,
        dict(checkpoint.config),
    ]  # fmt: skip


@checkpoint_round_trip.exact(parts=checkpoints(), seed=st.integers(0, 2**32 - 1), effort=0.5)
def _(ops: Operations, parts: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    rng.normal(size=seed % 5)
    rng.integers(0, 9, dtype=np.int32)  # leaves half a word behind
    made = ops.Checkpoint(parts["params"], parts["state"], rng.bit_generator.state, parts["step"], parts["config"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, made)
        back = ops.load_checkpoint(path)
        left = sorted(p.name for p in Path(folder).iterdir())
    same = [identical(back.params[n], a) for n, a in made.params.items()]
    same += [identical(back.state[n], a) for n, a in made.state.items()]
    return all_of(
        equal(parts_of(back) == parts_of(made), True), equal(left == ["c.ckpt"], True), *same,
        identical(back.rng().normal(size=3), rng.normal(size=3)),
    )  # fmt: skip


@checkpoint_round_trip.exact(parts=checkpoints(), where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255),
                             kind=st.sampled_from(["cut", "flip", "foreign", "longer"]), effort=0.5)  # fmt: skip
def _(ops: Operations, parts: Any, where: float, flip: int, kind: str) -> Any:
    state = np.random.default_rng(0).bit_generator.state
    made = ops.Checkpoint(parts["params"], parts["state"], state, parts["step"], parts["config"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, made)
        ops.load_checkpoint(path)
        content = path.read_bytes()
        place = int(where * len(content))
        path.write_bytes(
            {
                "cut": content[:place],
                "flip": content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :],
                "foreign": b"PK" + content[:place],
                "longer": content + content[place:],
            }[kind]
        )
        return raises(lambda: ops.load_checkpoint(path), ValueError, saying=("c.ckpt", "checkpoint"))


@checkpoint_round_trip.exact(name=st.sampled_from(["object", "bfloat16"]), effort=0.1)
def _(ops: Operations, name: str) -> Any:
    # What a file cannot hold is refused, and what was there before stays.
    array = np.array([Fraction(1, 3)]) if name == "object" else as_dtype([1.0], name)
    state = np.random.default_rng(0).bit_generator.state
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, ops.Checkpoint({"w": np.ones(2)}, {}, state, 3, {}))
        bad = ops.Checkpoint({"w": array}, {}, state, 4, {})
        refused = raises(lambda: ops.save_checkpoint(path, bad), TypeError, saying=("w", name))
        return all_of(refused, equal(ops.load_checkpoint(path).step, 3))


resume_is_uninterrupted = Claim(
    "training.resuming_changes_nothing",
    statement="A training that was stopped, written to a file, read again and continued ends bit for bit where it ends "
    "without the stop, if its loss, its batches and its rate depend on nothing but the checkpoint.",
    formula=r"\theta_n \text{ through a file after } k \text{ steps} = \theta_n",
    needs=("Checkpoint", "train", "SGD", "Adam", "warmup_cosine", "save_checkpoint", "load_checkpoint"),
    limits=Limits(
        formats=("float16", "bfloat16"),
        rows=1,
        width=5,
        signs=("Checkpoint.argument 2 >= 0",),
    ),
    refuted_by=(
        wrong.state_lost, wrong.random_numbers_restart, wrong.stored_in_single, wrong.counts_from_zero,
        wrong.one_step_more, wrong.draws_anew,
    ),
)  # fmt: skip


@resume_is_uninterrupted.property(
    seed=st.integers(0, 99), steps=st.integers(3, 9), stop=st.integers(1, 8),
    dtype=st.sampled_from([np.float32, float]), adam=st.sampled_from([True, True, False]), effort=0.5,
)  # fmt: skip
def _(ops: Operations, seed: int, steps: int, stop: int, dtype: Any, adam: bool) -> Any:
    stop, optimiser = min(stop, steps - 1), ops.Adam(0.1) if adam else ops.SGD(0.1)
    params = {"x": np.linspace(-1, 2, 5).astype(dtype)}

    def loss_and_gradient(p: Any, goal: Any) -> Any:
        gap = p["x"] - goal
        return (gap * gap).sum(), {"x": (2 * gap).astype(dtype)}

    def go(start: Any, until: int | None = None) -> Any:
        return ops.train(
            loss_and_gradient, lambda rng: (rng.normal(size=5),), optimiser, start, steps=steps,
            rate=lambda t: ops.warmup_cosine(t, steps, peak=0.1, warmup=2),
            progress=lambda now, _loss: now.step == until,
        )  # fmt: skip

    state = np.random.default_rng(seed).bit_generator.state
    start = ops.Checkpoint(params, optimiser.init(params), state, 0, {"plan": [1, 2]})
    whole = go(start)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, go(start, until=stop))
        resumed = go(ops.load_checkpoint(path))
    return all_of(
        identical(resumed.params["x"], whole.params["x"]),
        *(identical(resumed.state[n], s) for n, s in whole.state.items()),
        equal(parts_of(resumed) == parts_of(whole), True),
        equal(whole.step, steps),
        differs(whole.params["x"], params["x"]),
    )


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
