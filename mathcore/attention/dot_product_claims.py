"""What must be true of scaled dot-product attention: FAQ 20."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_mutants as wrong
from mathcore.attention import dot_product_tolerances as tol
from mathcore.attention import draft_mutants as drafts
from mathcore.attention import inputs, scaling_mutants
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.exact_inputs import exact_cases, exactly
from mathcore.attention.textbook import (
    ARRAYS,
    VASWANI,
    Case,
    agrees,
    as_numbers,
    figures,
    first_seen,
    lse_agrees,
    per_head,
    same_answer,
    seen_by,
    textbook,
    weighted_sum,
    weights_agree,
    without_values,
)
from mathcore.verify import Claim, Limits, Operations, given_that
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import seeds
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.promises import close, in_place_of, reproduced
from mathcore.verify.relations import Relation, all_of, at_least, at_most, equal, less
from mathcore.verify.tolerances import format_of

# FAQ 20: self-attention.
weights_are_distributions = Claim(
    "attention.weights_are_distributions",
    faq=20,
    statement="Each word's weights over the sentence are nowhere negative and sum to 1, up to the rounding of each, so "
    "long as it sees a word and no score overflows.",
    formula=r"P_{ij} \ge 0, \qquad \sum_j P_{ij} = 1",
    source=VASWANI,
    needs=("attention_weights",),
    tolerances=(tol.total_weight, tol.weights_rounding),
    refuted_by=(
        *map(
            drafts.as_weights,
            (
                drafts.masked_after,
                drafts.unnormalised,
                drafts.sigmoids,
                drafts.along_the_queries,
                drafts.shifted_by_all,
                drafts.from_zero,
                drafts.never_dividing_by_zero,
                drafts.probabilities_in_bfloat16,
                drafts.unshifted,
                drafts.scores_in_bfloat16,
            ),
        ),
        *map(
            wrong.of_weights,
            (
                wrong.mask_ignored,
                wrong.lost_with_offset,
                scaling_mutants.unscaled,
                scaling_mutants.scaled_by_width,
                wrong.heads_tiled,
                wrong.bias_dropped,
            ),
        ),
    ),
)


@weights_are_distributions.property(inputs.weighings())
def weights_sum_to_one(ops: Operations, query: Any, key: Any, **options: Any) -> Any:
    weights, keys = ops.attention_weights(query, key, **options), key.shape[-2]
    alive = seen_by({"query": query, "key": key, **options}).any(-1)
    total = true_matmul(weights[alive], np.ones((keys, 1)))[:, 0]
    return all_of(
        at_least(weights[alive], 0.0),
        equal(1.0, total, within=tol.total_weight(keys, weights.dtype, ops.conventions.summation)),
        weights_agree(ops, weights, query, key, **options),
    )


output_is_a_mix = Claim(
    "attention.output_is_a_mix",
    faq=20,
    statement="Each output is a convex combination of the values that are seen: up to rounding, no coordinate leaves "
    "their range, be they as large as numbers get, so long as no score overflows.",
    formula=r"\min_{j\,\text{seen}} v_{jc} \le O_{ic} \le \max_{j\,\text{seen}} v_{jc}",
    legend={"O": "the outputs of queries that see something", "v": "the values, finite"},
    source=VASWANI,
    needs=(MIX,),
    limits=Limits(options=("return_lse",)),
    tolerances=(tol.weighted_mean,),
    refuted_by=(
        drafts.masked_after,
        drafts.unnormalised,
        drafts.sigmoids,
        drafts.along_the_queries,
        drafts.never_dividing_by_zero,
        drafts.probabilities_in_bfloat16,
        wrong.mask_ignored(MIX),
        wrong.one_word_ahead(MIX),
        drafts.summed_before_it_divides,
    ),
)


def stays_within(ops: Operations, case: Any) -> Any:
    """That no coordinate of the output leaves the range of the visible values."""
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    alive, there = of.seen.any(-1), of.seen[..., None]  # (..., queries, keys, 1)
    v = np.broadcast_to(of.value[..., None, :, :], (*of.seen.shape, of.value.shape[-1]))
    low, high = np.where(there, v, np.inf).min(-2)[alive], np.where(there, v, -np.inf).max(-2)[alive]
    within = tol.weighted_mean(np.maximum(abs(low), abs(high)), of.seen.shape[-1], mix.dtype)
    return all_of(at_least(mix[alive], low, within=within), at_most(mix[alive], high, within=within))


@output_is_a_mix.property(inputs.narrow_values())
def each_feature_within_the_visible_values(ops: Operations, **case: Any) -> Any:
    return stays_within(ops, case)


@output_is_a_mix.property(inputs.narrow_values(), effort=0.5)
def equal_values_come_back_within_rounding(ops: Operations, **case: Any) -> Any:
    # Of equal values there is one mixture only, so that every rounding shows.
    value = np.broadcast_to(case["value"][..., :1, :], case["value"].shape)
    return stays_within(ops, {**case, "value": value.copy()})


is_a_search = Claim(
    "attention.is_a_search",
    faq=20,
    statement="Attention is a search: where one key beats n − 1 others by a gap g, the output is that key's value, up "
    "to (n − 1)e^(−g) of the range of the values, and rounding.",
    formula=r"s_w \ge s_j + g \;\; (j \ne w) \;\Rightarrow\; |O_c - v_{wc}| \le (n - 1)\,e^{-g}\,"
    r"(\max_j v_{jc} - \min_j v_{jc})",
    source=VASWANI,
    needs=(MIX,),
    limits=Limits(options=("return_lse",)),
    tolerances=(tol.one_winner, tol.attention_rounding, tol.plain_mean),
    refuted_by=(
        *(m(MIX) for m in (wrong.values_in_reverse, wrong.heads_tiled, wrong.heads_by_reshape, wrong.mask_inverted)),
        drafts.uniform,
        drafts.nearest_words,
        drafts.negated,
        drafts.sigmoids,
        drafts.unnormalised,
        drafts.along_the_queries,
        drafts.shifted_by_all,
        drafts.from_zero,
    ),
)


@is_a_search.property(inputs.with_winners())
def distance_to_the_winner_is_bounded(ops: Operations, **case: Any) -> Any:
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    alive, seen = of.seen.any(-1), of.seen[..., None]
    v = np.broadcast_to(of.value[..., None, :, :], (*seen.shape[:-1], of.value.shape[-1]))
    winner = np.take_along_axis(v, of.gap.argmin(-1)[..., None, None], -2)[..., 0, :]
    span = np.where(seen, v, -np.inf).max(-2, initial=-np.inf) - np.where(seen, v, np.inf).min(-2, initial=np.inf)
    gap = np.partition(of.gap, 1, -1)[..., 1:2] if of.gap.shape[-1] > 1 else np.full((*of.gap.shape[:-1], 1), np.inf)
    most = ((of.seen.sum(-1, keepdims=True) - 1) * np.exp(-gap) * span)[alive]
    within = tol.one_winner(of, gap, mix.dtype)
    found = at_most(abs(mix.astype(np.float64) - winner)[alive], most, within=within[alive])
    return all_of(found, agrees(ops, mix, **case))  # what rounding does, the bound alone hides


uniform_when_keys_equal = Claim(
    "attention.uniform_when_keys_equal",
    faq=20,
    statement="Equal keys that no bias tells apart give the mean of the values that are seen, up to rounding; a word "
    "that is alone in sight gives its own value, bit for bit if the target promises its bits. No score may overflow.",
    formula=r"k_1 = \dots = k_n \Rightarrow O_i = \frac1n \sum_{j=1}^n v_j",
    legend={"k": "the keys that query i sees", "v": "their values"},
    source=VASWANI,
    needs=(MIX,),
    limits=Limits(options=("return_lse",)),
    tolerances=(tol.plain_mean,),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                wrong.mask_ignored,
                wrong.tail_dropped,
                wrong.edge_of_block_lost,
                wrong.one_word_ahead,
                wrong.values_of_the_first_head,
            )
        ),
        drafts.nearest_words,
        drafts.winner_alone,
        drafts.along_the_queries,
        drafts.sigmoids,
        drafts.unnormalised,
        drafts.never_dividing_by_zero,
        drafts.in_float16,
        drafts.masked_after,
        drafts.shifted_by_all,
        drafts.from_zero,
        drafts.probabilities_in_bfloat16,
        drafts.summed_before_it_divides,
    ),
)


@uniform_when_keys_equal.exact(exact_cases(), effort=0.5)
def equal_keys_give_the_exact_mean(ops: Operations, **case: Any) -> Any:
    case["key"] = case["key"][..., :1, :].repeat(case["key"].shape[-2], -2)
    seen = seen_by(case) + case["value"].ravel()[0] * 0  # 0 and 1, numbers of the same kind
    count = seen.sum(-1, keepdims=True)
    mean = seen @ per_head(case["value"], len(seen)) / (count + (count == 0))
    return equal(ops.scaled_dot_product_attention(**case), mean)


@uniform_when_keys_equal.property(inputs.narrow_values())
def equal_keys_give_the_mean(ops: Operations, **case: Any) -> Any:
    bias = case["bias"] if case["bias"] is None else case["bias"][..., :1]  # the same for all keys
    case |= {"key": case["key"][..., :1, :].repeat(case["key"].shape[-2], -2), "bias": bias}
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    count, v = of.seen.sum(-1), of.value
    mean, size = (of.seen / np.maximum(count, 1)[..., None] @ x for x in (v, abs(v)))
    alive, alone = count > 0, count == 1
    return all_of(
        equal(mix[alive], mean[alive], within=tol.plain_mean(size, of.seen.shape[-1], mix.dtype)[alive]),
        _passed_on(ops, mix, case, alone),
    )


@uniform_when_keys_equal.property(inputs.one_in_sight(), effort=0.5)
def a_single_visible_value_is_returned(ops: Operations, **case: Any) -> Any:
    mix, alone = ops.scaled_dot_product_attention(**case), seen_by(case).sum(-1) == 1
    return _passed_on(ops, mix, case, alone)


def _passed_on(ops: Operations, mix: Any, case: Case, alone: Any) -> Any:
    """That queries to which a single key is visible get its value, which may be anything."""
    mix, value = mix[alone], first_seen(case)[alone]
    if (mix == value).all():
        return equal(mix, value)  # nearly all targets: an allowance that nobody uses would test nothing
    within = tol.plain_mean(abs(as_numbers(value)), case["key"].shape[-2], value.dtype)
    return same_answer(ops, mix, value, lambda: close(mix, value, within))


weights_depend_on_the_sentence = Claim(
    "attention.weights_depend_on_the_sentence",
    faq=20,
    statement="The mixing matrix is built from the sentence: for a query that is not 0 and every sentence of two words "
    "or more another one is found, a single word changed, whose matrix differs, so no fixed matrix gives both.",
    formula=r"q \ne 0,\; n \ge 2: \quad \forall K\; \exists K' : P(q, K) \ne P(q, K')",
    limits=Limits(
        options=("mask", "bias", "is_causal", "query_offset", "scale", "return_lse", "window", "softcap"),
        width=5,
        signs=("scaled_dot_product_attention.value >= 0",),
        assumes=("the query is not 0",),
        also=("one query at a time",),
    ),
    source=VASWANI,
    needs=(MIX, "attention_weights"),
    refuted_by=(
        drafts.uniform,
        drafts.nearest_words,
        drafts.negated,
        drafts.as_weights(drafts.nearest_words),
        common.first_answer_kept(MIX),
        wrong.of_weights(common.first_answer_kept),
    ),
)


@weights_depend_on_the_sentence.property(inputs.sentence())
def weight_grows_with_another_key(ops: Operations, query: Any, key: Any) -> Any:
    given_that(query.any(), "the query is not 0")
    other, word = inputs.another_sentence(query, key)
    before, after = (ops.attention_weights(query, k)[..., word] for k in (key, other))
    return less(before, after)


@weights_depend_on_the_sentence.property(inputs.sentence())
def mixed_weight_grows_with_another_key(ops: Operations, query: Any, key: Any) -> Any:
    given_that(query.any(), "the query is not 0")
    other, word = inputs.another_sentence(query, key)
    own = (np.arange(len(key)) == word)[:, None].astype(key.dtype)  # mixing this reads the weight of the word
    before, after = (ops.scaled_dot_product_attention(query, k, own) for k in (key, other))
    return less(before, after)


order_blind = Claim(
    "attention.order_blind_without_position",
    faq=20,
    statement="Without positions, a window or a causal mask, reordering the words, with their masks and biases, "
    "reorders the outputs and changes nothing else, up to rounding. Turned by RoPE, two words a quarter turn apart "
    "find themselves more or less than before when they change places.",
    formula=r"\mathrm{attention}(\Pi Q, \Pi K, \Pi V) = \Pi\,\mathrm{attention}(Q, K, V)",
    limits=Limits(
        options=(
            "is_causal",
            "window",
            "return_lse",
            "positions",
            "base",
            "interleaved",
            "rotary_dim",
            "offset",
            "frequencies",
            "attention_factor",
        ),
        formats=("rope.float32", "rope.float16", "rope.bfloat16"),
        rows=2,
        width=16,
        assumes=("no word is 0",),
        also=("words of the length √(d/2) under RoPE",),
    ),
    source=VASWANI,
    needs=(MIX, "rope"),
    tolerances=(tol.attention_rounding,),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                wrong.always_causal,
                wrong.heads_by_reshape,
                wrong.values_in_reverse,
                wrong.tail_dropped,
                wrong.edge_of_block_lost,
                wrong.mask_one_key_further,
                wrong.mask_of_the_first_query,
                wrong.bias_of_the_first_query,
            )
        ),
        drafts.nearest_words,
        wrong.not_turned,
    ),
)


def reordered(case: Case, order: Any) -> Case:
    """The same words in another order."""
    given = {name: case[name] for name in ("mask", "bias") if case.get(name) is not None}
    moved = {n: np.broadcast_to(x, seen_by(case).shape)[..., order, :][..., order] for n, x in given.items()}
    return {**case, **{name: case[name][..., order, :] for name in ARRAYS}, **moved}


@order_blind.exact(exact_cases(square=True), order=st.permutations(range(6)))
def reordering_keys_reorders_exactly(ops: Operations, order: Any, **case: Any) -> Any:
    order = [i for i in order if i < case["key"].shape[-2]]
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, reordered(case, order)))
    return equal(after, before[..., order, :])


@order_blind.property(inputs.sentences(), rng=seeds())
def reordering_within_rounding(ops: Operations, rng: Any, **case: Any) -> Any:
    order = rng.permutation(case["key"].shape[-2])
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, reordered(case, order)))
    within = tol.attention_rounding(figures(case), before.dtype)
    within = within[..., order, :] + tol.attention_rounding(figures(reordered(case, order)), before.dtype)
    told = seen_by(case).any(-1)[..., order] | (ops.conventions.attention_of_nothing == "zeros")
    return equal(after[told], before[..., order, :][told], within=within[told])


@order_blind.property(inputs.two_words(), effort=0.5)
def rotation_tells_the_order(ops: Operations, halves: Any) -> Any:
    given_that(halves.any(), "no word is 0")
    words = inputs.a_quarter_turn_apart(halves)
    itself, other = (ops.scaled_dot_product_attention(x, x, np.eye(2)) for x in (words, ops.rope(words)))
    again = ops.scaled_dot_product_attention(x := ops.rope(words[::-1]), x, np.eye(2))[::-1, ::-1]
    return all_of(less(again[0, 0], itself[0, 0]), less(itself[0, 0], other[0, 0]))


# Beyond the FAQ: every option with every other.
options_commute = Claim(
    "attention.options_commute",
    statement="Attention is what the textbook says, up to rounding, under any options together: causal or not, masked, "
    "with a window, biased, scaled, capped by c, with shared key heads, in batches, with fewer queries than keys or "
    "more, in every format, with values that are no numbers even; and so are its weights and its log-sum-exps, so long "
    "as no score overflows.",
    formula=r"O_i = \frac{\sum_{j \in S_i} e^{s_{ij} + B_{ij}}\, v_j}{\sum_{j \in S_i} e^{s_{ij} + B_{ij}}}, "
    r"\qquad s_{ij} = c \tanh\frac{\sigma q_i k_j}{c}",
    legend={"σ": "the scale, 1/√d if none is given", "c": "the cap; s is σqk without one"},
    limits=Limits(also=("where NaN or ∞ is seen, its weight does not underflow",)),
    source=VASWANI,
    needs=(MIX, "attention_weights"),
    tolerances=(tol.attention_rounding, tol.weights_rounding, tol.lse_rounding, tol.plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                *wrong.LOST,
                wrong.causality_lost_with_the_log_sum,
                wrong.anchored_at_the_first_key,
                wrong.anchored_at_the_last_key,
                wrong.one_word_ahead,
                wrong.not_itself,
                wrong.backwards,
                wrong.one_mask_row_for_four,
                wrong.mask_inverted,
                wrong.mask_ignored,
                wrong.mask_lost_with_causality,
                wrong.mask_one_key_further,
                wrong.mask_of_the_first_head,
                wrong.mask_of_the_first_query,
                wrong.mask_of_the_first_batch,
                wrong.bias_of_the_first_head,
                wrong.bias_of_the_first_query,
                wrong.bias_dropped,
                wrong.bias_dropped_with_causality,
                wrong.bias_scaled,
                scaling_mutants.unscaled,
                scaling_mutants.scaled_by_value_width,
                scaling_mutants.scale_ignored,
                scaling_mutants.scaled_twice,
                wrong.heads_by_reshape,
                wrong.first_batch_everywhere,
                wrong.lse_in_base_2,
                wrong.lse_never_negative,
                wrong.lse_of_nothing_zero,
            )
        ),
        drafts.shifted_by_all,
        drafts.from_zero,
        drafts.never_dividing_by_zero,
        drafts.probabilities_in_bfloat16,
        drafts.scores_in_bfloat16,
        drafts.in_float16,
        wrong.read_as_numbers,
        scaling_mutants.scale_of_0_ignored(MIX),
        scaling_mutants.scale_without_its_sign(MIX),
        wrong.format_of_the_query,
    ),
)


@options_commute.property(inputs.cases(), lse=st.booleans())
def output_and_lse_match_the_textbook(ops: Operations, lse: bool, **case: Any) -> Any:
    if not lse:
        return agrees(ops, ops.scaled_dot_product_attention(**case), **case)
    mix, log_sum = ops.scaled_dot_product_attention(**case, return_lse=True)
    return all_of(agrees(ops, mix, **case), lse_agrees(ops, log_sum, **case))


@options_commute.property(inputs.mixed_cases(), effort=0.25)
def mixed_dtypes_match_the_textbook(ops: Operations, **case: Any) -> Any:
    options = without_values(case)
    return all_of(
        agrees(ops, ops.scaled_dot_product_attention(**case), **case),
        weights_agree(ops, ops.attention_weights(**options), **options),
    )


@options_commute.property(inputs.specials_in_sight(), effort=0.5)
def visible_nonfinite_values_come_through(ops: Operations, here: Any, special: Any, **case: Any) -> Any:
    # Of one sign it comes through, however small its weight; the other values are what they were.
    spoilt = {**case, "value": np.where(here & ~np.isfinite(as_numbers(special)), special, case["value"])}
    mix, of = ops.scaled_dot_product_attention(**spoilt), figures(case)
    v = per_head(as_numbers(spoilt["value"]), of.seen.shape[-3] if of.seen.ndim > 2 else 1)
    meets = [of.seen.astype(float) @ which > 0 for which in (v == np.inf, v == -np.inf, np.isnan(v))]
    unknown, finite = meets[2] | (meets[0] & meets[1]), ~np.any(meets, 0) & of.seen.any(-1)[..., None]
    within = tol.attention_rounding(of, mix.dtype) + tol.attention_rounding(of, np.float64)
    return all_of(
        equal(np.isnan(mix[unknown]), True),
        equal(mix[meets[0] & ~unknown], np.inf),
        equal(mix[meets[1] & ~unknown], -np.inf),
        equal(mix[finite], textbook(case, of, weighted_sum)[0][finite], within=within[finite]),
    )


@options_commute.property(inputs.empty_cases(), effort=0.25)
def empty_arrays_match_the_textbook(ops: Operations, **case: Any) -> Any:
    options = without_values(case)
    return all_of(
        agrees(ops, ops.scaled_dot_product_attention(**case), **case),
        weights_agree(ops, ops.attention_weights(**options), **options),
    )


@options_commute.property(inputs.weighings(), effort=0.25)
def weights_match_the_textbook(ops: Operations, query: Any, key: Any, **options: Any) -> Any:
    return weights_agree(ops, ops.attention_weights(query, key, **options), query, key, **options)


@options_commute.exact(exact_cases(), effort=0.5)
def exact_numbers_match_the_textbook(ops: Operations, **case: Any) -> Any:
    return equal(ops.scaled_dot_product_attention(**case), exactly(case))


@options_commute.property(inputs.large_cases(), lse=st.booleans(), effort=0.1)
def large_output_and_lse_match_the_textbook(ops: Operations, lse: bool, **case: Any) -> Any:
    if not lse:
        return agrees(ops, ops.scaled_dot_product_attention(**case), **case)
    mix, log_sum = ops.scaled_dot_product_attention(**case, return_lse=True)
    return all_of(agrees(ops, mix, **case), lse_agrees(ops, log_sum, **case))


@options_commute.property(inputs.large_cases(), effort=0.1)
def large_weights_match_the_textbook(ops: Operations, **case: Any) -> Any:
    options = without_values(case)
    return weights_agree(ops, ops.attention_weights(**options), **options)


anchor = Claim(
    "attention.anchor",
    statement="Of two keys, without a bias, the logarithm of the ratio of their weights is q·(k₁ − k₂)/√d up to "
    "rounding, or times the scale that is given, so long as neither weight underflows: what no invariance can see.",
    formula=r"\ln\frac{p_1}{p_2} = \frac{q \cdot (k_1 - k_2)}{\sqrt d}",
    legend={"p": "the weights"},
    source=VASWANI,
    needs=(MIX, "attention_weights"),
    limits=Limits(
        options=("mask", "bias", "is_causal", "query_offset", "return_lse", "window", "softcap"),
        rows=4,
        signs=("scaled_dot_product_attention.value >= 0",),
    ),
    tolerances=(tol.weight_ratio,),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                scaling_mutants.unscaled,
                scaling_mutants.scaled_by_width,
                scaling_mutants.scaled_by_one_less,
                scaling_mutants.scaled_by_8,
                scaling_mutants.scaled_by_value_width,
                scaling_mutants.scaled_in_16_bits,
                scaling_mutants.scale_ignored,
                scaling_mutants.scaled_twice,
                wrong.features_beyond_256_dropped,
            )
        ),
        drafts.sharpened,
        drafts.sigmoids,
        drafts.negated,
        drafts.scores_in_bfloat16,
        wrong.of_weights(scaling_mutants.unscaled),
    ),
)


@anchor.property(inputs.two_keys())
def ratio_of_two_outputs(ops: Operations, query: Any, key: Any, scale: float | None) -> Any:
    value = np.broadcast_to(np.eye(2), (*key.shape[:-1], 2)).astype(key.dtype)
    return ratio_agrees(ops.scaled_dot_product_attention(query, key, value, scale=scale), query, key, scale)


@anchor.property(inputs.two_keys(), effort=0.25)
def ratio_of_two_weights(ops: Operations, query: Any, key: Any, scale: float | None) -> Any:
    return ratio_agrees(ops.attention_weights(query, key, scale=scale), query, key, scale)


def ratio_agrees(weights: Any, query: Any, key: Any, scale: float | None) -> Relation:
    """That the weights of two keys have the ratio of the formula."""
    q, k, p = (np.asarray(x, np.float64) for x in (query, key, weights))
    by = q.shape[-1] ** -0.5 if scale is None else scale
    of = figures({"query": query, "key": key, "value": key, "scale": scale})
    true = (q * (k[..., :1, :] - k[..., 1:, :])).sum(-1) * by
    with np.errstate(divide="ignore", invalid="ignore"):
        came = np.log(p[..., 0]) - np.log(p[..., 1])
    normal = of.p.min(-1) > 2 * format_of(key.dtype).tiny  # neither weight underflows
    return equal(came[normal], true[normal], within=tol.weight_ratio(of, key.dtype)[normal])


key_translation = Claim(
    "attention.key_translation",
    statement="Without a softcap, adding one vector to all keys, where their sums are exact, changes nothing but how "
    "scores are rounded, however far it pushes them short of overflow; finite stand-ins for −∞ fail here.",
    formula=r"\mathrm{attention}(Q, K + \mathbf 1 u^\top, V) = \mathrm{attention}(Q, K, V)",
    limits=Limits(
        options=("return_lse", "softcap"),
        width=8,
        said=("where their sums are exact", "Without a softcap"),
        assumes=("the sums are exact",),
    ),
    needs=(MIX,),
    tolerances=(tol.attention_rounding,),
    refuted_by=(*drafts.STAND_INS, drafts.from_zero, drafts.unshifted, drafts.sigmoids),
)


@key_translation.exact(exact_cases(), by=st.integers(-9, 9), effort=0.5)
def moving_all_keys_is_exact(ops: Operations, by: int, **case: Any) -> Any:
    before, after = (ops.scaled_dot_product_attention(**{**case, "key": k}) for k in (case["key"], case["key"] + by))
    return equal(after, before)


@key_translation.property(inputs.translated())
def moving_all_keys_within_rounding(ops: Operations, by: Any, **case: Any) -> Any:
    there = {**case, "key": case["key"] + by}
    given_that(np.array_equal(as_numbers(case["key"]) + as_numbers(by), as_numbers(there["key"])), "the sums are exact")
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, there))
    within = tol.attention_rounding(figures(case), before.dtype) + tol.attention_rounding(figures(there), before.dtype)
    alive = seen_by(case).any(-1)
    return equal(after[alive], before[alive], within=within[alive])


grouped_heads = Claim(
    "attention.grouped_heads",
    statement="With fewer key heads than query heads, each group of query heads attends to its own key head. What "
    "another key head or another text of the batch holds, NaN and infinity included, changes nothing for it: bit for "
    "bit if the target promises that, else up to rounding.",
    formula=r"O_h = \mathrm{attention}(Q_h, K_{\lfloor h / g \rfloor}, V_{\lfloor h / g \rfloor})",
    legend={"g": "how many query heads share a key head"},
    source="Ainslie et al., arXiv:2305.13245",
    needs=(MIX,),
    limits=Limits(options=("return_lse",), width=8),
    tolerances=(tol.attention_rounding, tol.plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                wrong.heads_tiled,
                wrong.first_key_head_for_all,
                wrong.values_of_the_first_head,
                wrong.heads_by_reshape,
                wrong.LOST[2],
            )
        ),
        wrong.nan_across_heads,
        wrong.nan_across_texts,
    ),
)


@grouped_heads.property(inputs.one_head_changed())
def heads_change_only_their_group(ops: Operations, case: Case, instead: Case, here: Any) -> Any:
    changed = inputs.with_other_head(case, instead, here)
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, changed))
    others = ~np.repeat(here, case["query"].shape[-3] // case["key"].shape[-3], -1)
    finite = all(np.isfinite(changed[name].astype(np.float64)).all() for name in ("key", "value"))
    mixed = in_place_of(after, before, others[..., None, None])
    apart = reproduced(ops, mixed, before, lambda: agrees(ops, mixed, **case))
    return all_of(apart, agrees(ops, after, **changed)) if finite else all_of(apart, agrees(ops, before, **case))
