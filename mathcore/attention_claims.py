"""What must be true of attention: FAQ 20 and 21, and what makes its primitives trustworthy."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import attention_mutants as wrong
from mathcore import common_mutants as common
from mathcore import probability_mutants
from mathcore.attention_mutants import ATTENTION as MIX
from mathcore.attention_rows import (
    ARRAYS,
    ATTENTION,
    ATTENTION_VJP,
    BLOCKWISE,
    MERGE,
    WEIGHTS,
    Case,
    a_quarter_turn_apart,
    agrees,
    another_sentence,
    as_numbers,
    blockwise_cases,
    cases,
    confidently_wrong,
    dtype_of,
    empty_cases,
    exact_cases,
    exactly,
    figures,
    first_seen,
    group_of,
    large_cases,
    last_queries,
    lse_agrees,
    merged,
    merged_within,
    mixed,
    mixed_cases,
    narrow_values,
    nothing_seen,
    one_head_changed,
    one_in_sight,
    one_place,
    partial_results,
    per_head,
    pullbacks,
    pulled_agrees,
    same_answer,
    seen_by,
    sentence,
    sentences,
    some_keys,
    specials_in_sight,
    spelt_out,
    textbook,
    translated,
    two_futures,
    two_hidden_contents,
    two_keys,
    two_scales,
    two_words,
    weighings,
    weights_agree,
    with_other_future,
    with_other_head,
    with_other_hidden,
    with_winners,
    without_values,
)
from mathcore.attention_tolerances import (
    attention_rounding,
    attention_vjp_rounding,
    lse_rounding,
    mean_square_of_normals,
    merge_rounding,
    one_winner,
    plain_mean,
    total_weight,
    variance_of_signs,
    weight_ratio,
    weighted_mean,
    weights_rounding,
)
from mathcore.common_rows import any_width, defaults, floats_only, keeps_dtype, layout_free, many_rows, pure
from mathcore.probability_rows import distribution, probabilities
from mathcore.probability_tolerances import cross_entropy_vjp_rounding, softmax_vjp_rounding
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    all_of,
    at_least,
    at_most,
    enclose,
    equal,
    given_that,
    identical,
    less,
    seeds,
)
from mathcore.verify.domains import score_rows
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.relations import Relation
from mathcore.verify.tolerances import format_of, hoeffding, logsumexp_rounding, rounding

MIX_VJP = f"{MIX}_vjp"
VASWANI = "Vaswani et al., arXiv:1706.03762, §3.2.1"

# FAQ 20: self-attention.

weights_are_distributions = Claim(
    "attention.weights_are_distributions",
    faq=20,
    statement="Each word's weights over the sentence are nowhere negative and sum to 1, up to the rounding of each, so "
    "long as it sees a word and no score overflows.",
    formula=r"P_{ij} \ge 0, \qquad \sum_j P_{ij} = 1",
    source=VASWANI,
    needs=("attention_weights",),
    tolerances=(total_weight, weights_rounding),
    refuted_by=(
        *map(
            wrong.as_weights,
            (wrong.masked_after, wrong.unnormalised, wrong.sigmoids, wrong.along_the_queries, wrong.shifted_by_all,
             wrong.from_zero, wrong.never_dividing_by_zero, wrong.probabilities_in_bfloat16, wrong.unshifted,
             wrong.scores_in_bfloat16),
        ),
        *map(
            wrong.of_weights,
            (wrong.mask_ignored, wrong.lost_with_offset, wrong.unscaled, wrong.scaled_by_width, wrong.heads_tiled,
             wrong.bias_dropped),
        ),
    ),
)  # fmt: skip


@weights_are_distributions.property(weighings())
def _(ops: Operations, query: Any, key: Any, **options: Any) -> Any:
    weights, keys = ops.attention_weights(query, key, **options), key.shape[-2]
    alive = seen_by({"query": query, "key": key, **options}).any(-1)
    total = true_matmul(weights[alive], np.ones((keys, 1)))[:, 0]
    return all_of(
        at_least(weights[alive], 0.0),
        equal(1.0, total, within=total_weight(keys, weights.dtype, ops.conventions.summation)),
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
    tolerances=(weighted_mean,),
    refuted_by=(
        wrong.masked_after,
        wrong.unnormalised,
        wrong.sigmoids,
        wrong.along_the_queries,
        wrong.never_dividing_by_zero,
        wrong.probabilities_in_bfloat16,
        wrong.mask_ignored(MIX),
        wrong.one_word_ahead(MIX),
        wrong.summed_before_it_divides,
    ),
)


def stays_within(ops: Operations, case: Any) -> Any:
    """That no coordinate of the output leaves the range of the values that are seen."""
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    alive, there = of.seen.any(-1), of.seen[..., None]  # (..., queries, keys, 1)
    v = np.broadcast_to(of.value[..., None, :, :], (*of.seen.shape, of.value.shape[-1]))
    low, high = np.where(there, v, np.inf).min(-2)[alive], np.where(there, v, -np.inf).max(-2)[alive]
    within = weighted_mean(np.maximum(abs(low), abs(high)), of.seen.shape[-1], mix.dtype)
    return all_of(at_least(mix[alive], low, within=within), at_most(mix[alive], high, within=within))


@output_is_a_mix.property(narrow_values())
def _(ops: Operations, **case: Any) -> Any:
    return stays_within(ops, case)


@output_is_a_mix.property(narrow_values(), effort=0.5)
def _(ops: Operations, **case: Any) -> Any:
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
    tolerances=(one_winner, attention_rounding, plain_mean),
    refuted_by=(
        *(m(MIX) for m in (wrong.values_in_reverse, wrong.heads_tiled, wrong.heads_by_reshape,
                           wrong.mask_inverted)),
        wrong.uniform, wrong.nearest_words, wrong.negated, wrong.sigmoids, wrong.unnormalised,
        wrong.along_the_queries, wrong.shifted_by_all, wrong.from_zero,
    ),
)  # fmt: skip


@is_a_search.property(with_winners())
def _(ops: Operations, **case: Any) -> Any:
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    alive, seen = of.seen.any(-1), of.seen[..., None]
    v = np.broadcast_to(of.value[..., None, :, :], (*seen.shape[:-1], of.value.shape[-1]))
    winner = np.take_along_axis(v, of.gap.argmin(-1)[..., None, None], -2)[..., 0, :]
    span = np.where(seen, v, -np.inf).max(-2, initial=-np.inf) - np.where(seen, v, np.inf).min(-2, initial=np.inf)
    gap = np.partition(of.gap, 1, -1)[..., 1:2] if of.gap.shape[-1] > 1 else np.full((*of.gap.shape[:-1], 1), np.inf)
    most = ((of.seen.sum(-1, keepdims=True) - 1) * np.exp(-gap) * span)[alive]
    within = one_winner(of, gap, mix.dtype)
    found = at_most(abs(mix.astype(np.float64) - winner)[alive], most, within=within[alive])
    return all_of(found, agrees(ops, mix, **case))  # what rounding does, the bound alone hides


uniform_when_keys_equal = Claim(
    "attention.uniform_when_keys_equal",
    faq=20,
    statement="Equal keys that no bias tells apart give the mean of the values that are seen, up to rounding; a word "
    "that is alone in sight gives its own value bit for bit. No score may overflow.",
    formula=r"k_1 = \dots = k_n \Rightarrow O_i = \frac1n \sum_{j=1}^n v_j",
    legend={"k": "the keys that query i sees", "v": "their values"},
    source=VASWANI,
    needs=(MIX,),
    limits=Limits(options=("return_lse",)),
    tolerances=(plain_mean,),
    refuted_by=(
        *(m(MIX) for m in (wrong.mask_ignored, wrong.tail_dropped, wrong.edge_of_block_lost, wrong.one_word_ahead,
                           wrong.values_of_the_first_head)),
        wrong.nearest_words, wrong.winner_alone, wrong.along_the_queries, wrong.sigmoids, wrong.unnormalised,
        wrong.never_dividing_by_zero, wrong.in_float16, wrong.masked_after, wrong.shifted_by_all, wrong.from_zero,
        wrong.probabilities_in_bfloat16, wrong.summed_before_it_divides,
    ),
)  # fmt: skip


@uniform_when_keys_equal.exact(exact_cases(), effort=0.5)
def _(ops: Operations, **case: Any) -> Any:
    case["key"] = case["key"][..., :1, :].repeat(case["key"].shape[-2], -2)
    seen = seen_by(case) + case["value"].ravel()[0] * 0  # 0 and 1, numbers of the same kind
    count = seen.sum(-1, keepdims=True)
    mean = seen @ per_head(case["value"], len(seen)) / (count + (count == 0))
    return equal(ops.scaled_dot_product_attention(**case), mean)


@uniform_when_keys_equal.property(narrow_values())
def _(ops: Operations, **case: Any) -> Any:
    bias = case["bias"] if case["bias"] is None else case["bias"][..., :1]  # the same for all keys
    case |= {"key": case["key"][..., :1, :].repeat(case["key"].shape[-2], -2), "bias": bias}
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    count, v = of.seen.sum(-1), of.value
    mean, size = (of.seen / np.maximum(count, 1)[..., None] @ x for x in (v, abs(v)))
    alive, alone = count > 0, count == 1
    return all_of(
        equal(mix[alive], mean[alive], within=plain_mean(size, of.seen.shape[-1], mix.dtype)[alive]),
        same_answer(ops, mix[alone], first_seen(case)[alone]),
    )


@uniform_when_keys_equal.property(one_in_sight(), effort=0.5)
def _(ops: Operations, **case: Any) -> Any:
    mix, alone = ops.scaled_dot_product_attention(**case), seen_by(case).sum(-1) == 1
    return same_answer(ops, mix[alone], first_seen(case)[alone])


weights_depend_on_the_sentence = Claim(
    "attention.weights_depend_on_the_sentence",
    faq=20,
    statement="The mixing matrix is built from the sentence: for a query that is not 0 and every sentence of two words "
    "or more another one is found, a single word changed, whose matrix differs, so no fixed matrix gives both.",
    formula=r"q \ne 0,\; n \ge 2: \quad \forall K\; \exists K' : P(q, K) \ne P(q, K')",
    limits=Limits(
        options=("mask", "bias", "is_causal", "query_offset", "scale", "return_lse"),
        width=5,
        signs=("scaled_dot_product_attention.value >= 0",),
        assumes=("the query is not 0",),
        also=("one query at a time",),
    ),
    source=VASWANI,
    needs=(MIX, "attention_weights"),
    dispensable=("attention_weights",),
    refuted_by=(
        wrong.uniform, wrong.nearest_words, wrong.negated, wrong.as_weights(wrong.nearest_words),
        common.first_answer_kept(MIX), wrong.of_weights(common.first_answer_kept),
    ),
)  # fmt: skip


@weights_depend_on_the_sentence.property(sentence())
def _(ops: Operations, query: Any, key: Any) -> Any:
    given_that(query.any(), "the query is not 0")
    other, word = another_sentence(query, key)
    before, after = (ops.attention_weights(query, k)[..., word] for k in (key, other))
    return less(before, after)


@weights_depend_on_the_sentence.property(sentence())
def _(ops: Operations, query: Any, key: Any) -> Any:
    given_that(query.any(), "the query is not 0")
    other, word = another_sentence(query, key)
    own = (np.arange(len(key)) == word)[:, None].astype(key.dtype)  # mixing this reads the weight of the word
    before, after = (ops.scaled_dot_product_attention(query, k, own) for k in (key, other))
    return less(before, after)


order_blind = Claim(
    "attention.order_blind_without_position",
    faq=20,
    statement="Without positions or a causal mask, reordering the words, with their masks and biases, reorders the "
    "outputs and changes nothing else, up to rounding. Turned by RoPE, two words a quarter turn apart find themselves "
    "more or less than before when they change places.",
    formula=r"\mathrm{attention}(\Pi Q, \Pi K, \Pi V) = \Pi\,\mathrm{attention}(Q, K, V)",
    limits=Limits(
        options=("is_causal", "return_lse", "positions", "base", "interleaved", "rotary_dim", "offset"),
        formats=("rope.float32", "rope.float16", "rope.bfloat16"),
        rows=2,
        width=16,
        assumes=("no word is 0",),
        also=("words of the length √(d/2) under RoPE",),
    ),
    source=VASWANI,
    needs=(MIX, "rope"),
    dispensable=("rope",),
    tolerances=(attention_rounding,),
    refuted_by=(
        *(m(MIX) for m in (wrong.always_causal, wrong.heads_by_reshape, wrong.values_in_reverse, wrong.tail_dropped,
                           wrong.edge_of_block_lost, wrong.mask_one_key_further, wrong.mask_of_the_first_query,
                           wrong.bias_of_the_first_query)),
        wrong.nearest_words, wrong.not_turned,
    ),
)  # fmt: skip


def reordered(case: Case, order: Any) -> Case:
    """The same words in another order."""
    given = {name: case[name] for name in ("mask", "bias") if case.get(name) is not None}
    moved = {n: np.broadcast_to(x, seen_by(case).shape)[..., order, :][..., order] for n, x in given.items()}
    return {**case, **{name: case[name][..., order, :] for name in ARRAYS}, **moved}


@order_blind.exact(exact_cases(square=True), order=st.permutations(range(6)))
def _(ops: Operations, order: Any, **case: Any) -> Any:
    order = [i for i in order if i < case["key"].shape[-2]]
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, reordered(case, order)))
    return equal(after, before[..., order, :])


@order_blind.property(sentences(), rng=seeds())
def _(ops: Operations, rng: Any, **case: Any) -> Any:
    order = rng.permutation(case["key"].shape[-2])
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, reordered(case, order)))
    within = attention_rounding(figures(case), before.dtype)
    within = within[..., order, :] + attention_rounding(figures(reordered(case, order)), before.dtype)
    told = seen_by(case).any(-1)[..., order] | (ops.conventions.attention_of_nothing == "zeros")
    return equal(after[told], before[..., order, :][told], within=within[told])


@order_blind.property(two_words(), effort=0.5)
def _(ops: Operations, halves: Any) -> Any:
    given_that(halves.any(), "no word is 0")
    words = a_quarter_turn_apart(halves)
    itself, other = (ops.scaled_dot_product_attention(x, x, np.eye(2)) for x in (words, ops.rope(words)))
    again = ops.scaled_dot_product_attention(x := ops.rope(words[::-1]), x, np.eye(2))[::-1, ::-1]
    return all_of(less(again[0, 0], itself[0, 0]), less(itself[0, 0], other[0, 0]))


causal_sees_no_future = Claim(
    "attention.causal_sees_no_future",
    faq=20,
    statement="With the causal mask, what comes out for a word is bit for bit unaffected by what any later word, or "
    "the bias of one, holds, NaN and infinity included, whatever the other options.",
    formula=r"\partial O_i / \partial (k_j, v_j) = 0 \quad (j > i + m)",
    legend={"m": "where the first query stands, counted from the first key"},
    source="Vaswani et al., arXiv:1706.03762, §3.2.3",
    needs=(MIX, "attention_weights", "blockwise_attention"),
    limits=Limits(options=("blockwise_attention.return_lse",)),
    dispensable=("attention_weights", "blockwise_attention"),
    refuted_by=(
        *(m(MIX) for m in (*wrong.LOST, wrong.lost_with_lse, wrong.one_word_ahead, wrong.backwards,
                           wrong.one_mask_row_for_four, wrong.anchored_at_the_last_key)),
        wrong.zero_times_nan, wrong.hidden_added, wrong.masked_after, wrong.shifted_by_all, wrong.STAND_INS[0],
        wrong.bias_after_mask, wrong.of_weights(wrong.one_word_ahead), wrong.of_weights(wrong.backwards),
        wrong.renamed(wrong.zero_times_nan, "blockwise_attention"),
    ),
)  # fmt: skip


def told(ops: Operations, case: Case, rows: Any) -> Any:
    """Of these rows, (queries) or one, those that tell of a leak: a declared mean over what is hidden is none."""
    seen = seen_by(case)
    among = np.isin(np.arange(seen.shape[-2]), rows)
    return among & (seen.any(-1) | (ops.conventions.attention_of_nothing != "mean"))


@causal_sees_no_future.property(two_futures(), lse=st.booleans())
def _(ops: Operations, case: Case, instead: Case, cut: int, lse: bool) -> Any:
    changed, rows = with_other_future(case, instead, cut)
    before, after = (ops.scaled_dot_product_attention(**c, return_lse=lse) for c in (case, changed))
    rows = told(ops, case, rows)
    parts = zip(before, after, strict=True) if lse else [(before, after)]
    return all_of(*(same_answer(ops, y[rows], x[rows]) for x, y in parts))


@causal_sees_no_future.property(two_futures(), effort=0.25)
def _(ops: Operations, case: Case, instead: Case, cut: int) -> Any:
    changed, rows = with_other_future(case, instead, cut)
    before, after = (ops.attention_weights(**without_values(c)) for c in (case, changed))
    rows = told(ops, case, rows)
    return identical(after[rows], before[rows])


@causal_sees_no_future.property(two_futures(in_blocks=True), effort=0.25)
def _(ops: Operations, case: Case, instead: Case, cut: int) -> Any:
    changed, rows = with_other_future(case, instead, cut)
    before, after = (ops.blockwise_attention(**c) for c in (case, changed))
    rows = told(ops, case, rows)
    return same_answer(ops, after[rows], before[rows])


mask_excludes = Claim(
    "attention.mask_excludes",
    faq=20,
    statement="A word that is hidden has the weight 0, no tiny one, and no influence, whatever it or its bias holds, "
    "NaN and infinity included; a query with nothing to see gets zeros, or what the target declares.",
    formula=r"M_{ij} = 0 \Rightarrow P_{ij} = 0",
    source="Vaswani et al., arXiv:1706.03762, §3.2.3",
    needs=(MIX, "attention_weights", "blockwise_attention"),
    limits=Limits(options=("return_lse",)),
    dispensable=("attention_weights", "blockwise_attention"),
    tolerances=(plain_mean,),
    refuted_by=(
        *(m(MIX) for m in (wrong.mask_inverted, wrong.mask_ignored, wrong.mask_lost_with_causality,
                           wrong.mask_one_key_further, wrong.mask_of_the_first_head, wrong.mask_of_the_first_query,
                           wrong.mask_of_the_first_batch)),
        wrong.zero_times_nan, wrong.hidden_added, wrong.masked_after, wrong.nothing_is_nan, *wrong.STAND_INS,
        wrong.bias_after_mask,
        *map(wrong.as_weights, (wrong.hidden_added, wrong.nothing_is_nan, wrong.STAND_INS[0])),
        wrong.of_weights(wrong.mask_ignored), wrong.of_weights(wrong.mask_inverted),
        *(wrong.renamed(m, "blockwise_attention") for m in (wrong.zero_times_nan, wrong.nothing_is_nan,
                                                            wrong.mask_ignored("blockwise_attention"))),
    ),
)  # fmt: skip


@mask_excludes.property(two_hidden_contents())
def _(ops: Operations, case: Case, instead: Case, row: int) -> Any:
    changed = with_other_hidden(case, instead, row)
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, changed))
    rows = told(ops, case, row)
    return all_of(same_answer(ops, after[rows], before[rows]), nothing_seen(ops, before, figures(case), before.dtype))


@mask_excludes.property(two_hidden_contents(), effort=0.5)
def _(ops: Operations, case: Case, instead: Case, row: int) -> Any:
    changed = with_other_hidden(case, instead, row)
    before, after = (ops.attention_weights(**without_values(c)) for c in (case, changed))
    rows, seen = told(ops, case, row), seen_by(case)
    hidden = ~seen & (seen.any(-1, keepdims=True) | (ops.conventions.attention_of_nothing == "zeros"))
    return all_of(identical(after[rows], before[rows]), equal(before[hidden], 0.0))


@mask_excludes.property(two_hidden_contents(in_blocks=True), effort=0.5)
def _(ops: Operations, case: Case, instead: Case, row: int) -> Any:
    changed = with_other_hidden(case, instead, row)
    before, after = (ops.blockwise_attention(**c) for c in (case, changed))
    rows = told(ops, case, row)
    return all_of(same_answer(ops, after[rows], before[rows]), nothing_seen(ops, before, figures(case), before.dtype))


decode_equals_prefill = Claim(
    "attention.decode_equals_prefill",
    faq=20,
    statement="Words fed one at a time, or in pieces of any size, with a cache give, up to rounding, what causal "
    "attention to the whole sentence gives at once; a cache that others have grown from still gives what it gave.",
    formula=r"\mathrm{attention}_{\text{causal}}(Q, K, V)_i = \mathrm{attention}(q_i, K_{\le i}, V_{\le i})",
    source="Shazeer, arXiv:1911.02150, §2.4",
    needs=("KeyValueCache", MIX),
    limits=Limits(options=("query_offset", "return_lse")),
    tolerances=(attention_rounding, lse_rounding, plain_mean),
    refuted_by=(*wrong.CACHES, *(m(MIX) for m in (wrong.LOST[0], wrong.backwards, wrong.one_word_ahead))),
)  # fmt: skip


def fed(ops: Operations, pieces: Any, **case: Any) -> tuple[list[Any], list[Any]]:
    """The outputs of the pieces of a sentence, and again with the caches as they were after each, asked at the end."""
    asked, end, cache = [], 0, ops.KeyValueCache()
    for size in pieces:
        rows, end = slice(end, end + size), end + size
        cache = cache.append(case["key"][..., rows, :], case["value"][..., rows, :])
        asked.append((cache, case["query"][..., rows, :], over(case, rows, end), len(cache) == end))
    answers = [[cache.attend(q, **options) for cache, q, options, _ in asked] for _ in range(2)]
    return [*answers[0], [right for *_, right in asked]], answers[1]


def over(case: Case, rows: slice, end: int) -> Case:
    """The options of some of the queries, over the first words."""
    given = {name: case.get(name) for name in ("mask", "bias")}
    wide = {n: x if x is None else np.broadcast_to(x, seen_by(case).shape)[..., rows, :end] for n, x in given.items()}
    return {**wide, "scale": case["scale"]}


@decode_equals_prefill.exact(exact_cases(square=True, causal=True), cuts=st.sets(st.integers(1, 5)), effort=0.5)
def _(ops: Operations, cuts: set[int], **case: Any) -> Any:
    words = case["key"].shape[-2]
    pieces = np.diff([0, *sorted(c for c in cuts if c < words), words])
    (*parts, lengths), _ = fed(ops, pieces, **case)
    return all_of(equal(np.concatenate(parts, -2), ops.scaled_dot_product_attention(**case)), equal(lengths, True))


@decode_equals_prefill.property(sentences(), pieces=st.lists(st.integers(0, 5), max_size=8))
def _(ops: Operations, pieces: list[int], **case: Any) -> Any:
    case, words = {**case, "is_causal": True, "query_offset": 0}, case["key"].shape[-2]
    ends = [0, *(int(e) for e in np.cumsum(pieces) if 0 < e < words), words]
    (*parts, lengths), again = fed(ops, np.diff(ends), **case)
    whole = ops.scaled_dot_product_attention(**case)
    within = attention_rounding(figures(case), whole.dtype) * 2  # fewer keys round less
    told = seen_by(case).any(-1) | (ops.conventions.attention_of_nothing == "zeros")
    return all_of(
        equal(lengths, True),
        equal(np.concatenate(parts, -2)[told], whole[told], within=within[told]),
        *(identical(y, x) for x, y in zip(parts, again, strict=True)),
    )


@decode_equals_prefill.property(
    sentences(), cut=st.integers(0, 8), last=st.integers(1, 9), causal=st.booleans(), lse=st.booleans(), effort=0.5
)
def _(ops: Operations, cut: int, last: int, causal: bool, lse: bool, **case: Any) -> Any:
    # One beginning, two ends: both are asked once both are there, by the last words, causal or not.
    words, beginning, relations = case["key"].shape[-2], ops.KeyValueCache(), []
    cut, rows = min(cut, words - 1), slice(max(words - last, 0), words)
    if cut:
        beginning = beginning.append(case["key"][..., :cut, :], case["value"][..., :cut, :])
    ends = [{name: case[name][..., cut:, :] * by for name in ("key", "value")} for by in (1, -1)]
    caches = [beginning.append(end["key"], end["value"]) for end in ends]
    more = {"return_lse": True} if lse else {}
    for cache, end in zip(caches, ends, strict=True):
        whole = {n: np.concatenate([case[n][..., :cut, :], end[n]], -2) for n in ("key", "value")}
        asked = {**case, **whole, "query": case["query"][..., rows, :], **over(case, rows, words)}
        answer = cache.attend(asked["query"], is_causal=causal, **over(case, rows, words), **more)
        mix, log_sum = answer if lse else (answer, None)
        asked |= {"is_causal": causal, "query_offset": rows.start}
        relations += [agrees(ops, mix, **asked), *([lse_agrees(ops, log_sum, **asked)] if lse else [])]
    return all_of(*relations)


streaming_equals_full = Claim(
    "attention.streaming_equals_full",
    faq=20,
    statement="Attention in blocks gives what attention at once gives, up to rounding, whatever the size of the "
    "blocks; so do two parts of the keys that are merged. For one size of blocks its memory grows no faster than the "
    "length.",
    formula=r"\ell = \ln(e^{\ell_a} + e^{\ell_b}), \qquad O = e^{\ell_a - \ell} O_a + e^{\ell_b - \ell} O_b",
    limits=Limits(also=("memory is measured at 256 and 1,024 words",)),
    source="Milakov & Gimelshein, arXiv:1805.02867; Dao et al., arXiv:2205.14135",
    needs=("blockwise_attention", MIX, "merge_attention"),
    dispensable=("merge_attention",),
    tolerances=(attention_rounding, lse_rounding, plain_mean, merge_rounding, logsumexp_rounding),
    refuted_by=(
        *(m("blockwise_attention") for m in (wrong.tail_dropped, wrong.edge_of_block_lost, wrong.lost_with_offset,
                                             wrong.mask_ignored, wrong.bias_dropped, wrong.lse_of_nothing_zero)),
        *(wrong.renamed(m, "blockwise_attention") for m in (wrong.from_zero, wrong.unshifted,
                                                            wrong.probabilities_in_bfloat16)),
        wrong.last_block_alone, wrong.blocks_not_rescaled, wrong.whole_matrix, wrong.weights_exchanged,
        wrong.plain_average, wrong.larger_log_kept, wrong.merged_without_shift, wrong.merged_before_it_divides,
        wrong.nothing_times_nan, wrong.table_of_the_mask,
        wrong.renamed(wrong.summed_before_it_divides, "blockwise_attention"),
    ),
)  # fmt: skip


@streaming_equals_full.exact(exact_cases(), block_size=st.integers(1, 5), effort=0.25)
def _(ops: Operations, block_size: int, **case: Any) -> Any:
    return equal(ops.blockwise_attention(**case, block_size=block_size), ops.scaled_dot_product_attention(**case))


@streaming_equals_full.property(blockwise_cases(), lse=st.booleans())
def _(ops: Operations, block_size: int, lse: bool, **case: Any) -> Any:
    if not lse:
        return agrees(ops, ops.blockwise_attention(**case, block_size=block_size), blocks=True, **case)
    mix, log_sum = ops.blockwise_attention(**case, block_size=block_size, return_lse=True)
    return all_of(agrees(ops, mix, blocks=True, **case), lse_agrees(ops, log_sum, blocks=True, **case))


@streaming_equals_full.property(narrow_values(), block_size=st.integers(1, 8), effort=0.5)
def _(ops: Operations, block_size: int, **case: Any) -> Any:
    return agrees(ops, ops.blockwise_attention(**case, block_size=block_size), blocks=True, **case)


@streaming_equals_full.property(partial_results(), effort=0.5)
def _(ops: Operations, a: Any, lse_a: Any, b: Any, lse_b: Any) -> Any:
    return merged(ops, ops.merge_attention(a, lse_a, b, lse_b), a, lse_a, b, lse_b)


@streaming_equals_full.property(cases(), share=st.floats(0, 1), effort=0.25)
def _(ops: Operations, share: float, **case: Any) -> Any:
    keys, alive = case["key"].shape[-2], seen_by(case).any(-1)
    cut = round(share * keys)
    (a, log_a), (b, log_b) = (
        ops.scaled_dot_product_attention(**some_keys(case, *ends), return_lse=True) for ends in ((0, cut), (cut, keys))
    )
    mix, _ = ops.merge_attention(a, log_a, b, log_b)
    of = figures(case)
    return equal(mix[alive], (of.p @ of.value)[alive], within=merged_within(case, cut, (log_a, log_b))[alive])


@streaming_equals_full.experiment
def _(ops: Operations, rng: Any) -> Any:
    def peak(words: int, **options: Any) -> int:
        x = rng.normal(size=(words, 4)).astype(np.float32)
        ops.blockwise_attention(x, x, x, block_size=64, **options)  # what is allocated once
        tracemalloc.start()
        try:
            ops.blockwise_attention(x, x, x, block_size=64, **options)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    found = []
    for options in ({}, {"is_causal": True, "return_lse": True}):
        few, many = peak(256, **options), peak(1024, **options)  # of four times as many words: 16 if quadratic
        found.append(at_most(many, 4 * few).measuring(bytes_for_256_words=few, bytes_for_1024_words=many))
    return all_of(*found)


# Beyond the FAQ: every option with every other.

options_commute = Claim(
    "attention.options_commute",
    statement="Attention is what the textbook says, up to rounding, under any options together: causal or not, masked, "
    "biased, scaled, with shared key heads, in batches, with fewer queries than keys or more, in every format, with "
    "values that are no numbers even; and so are its weights and its log-sum-exps, so long as no score overflows.",
    formula=r"O_i = \frac{\sum_{j \in S_i} e^{\sigma q_i k_j + B_{ij}}\, v_j}{\sum_{j \in S_i} e^{\sigma q_i k_j "
    r"+ B_{ij}}}",
    legend={"σ": "the scale, 1/√d if none is given"},
    limits=Limits(also=("where NaN or ∞ is seen, its weight does not underflow",)),
    source=VASWANI,
    needs=(MIX, "attention_weights"),
    dispensable=("attention_weights",),
    tolerances=(attention_rounding, weights_rounding, lse_rounding, plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                *wrong.LOST, wrong.lost_with_lse, wrong.anchored_at_the_first_key, wrong.anchored_at_the_last_key,
                wrong.one_word_ahead, wrong.not_itself, wrong.backwards, wrong.one_mask_row_for_four,
                wrong.mask_inverted, wrong.mask_ignored, wrong.mask_lost_with_causality, wrong.mask_one_key_further,
                wrong.mask_of_the_first_head, wrong.mask_of_the_first_query, wrong.mask_of_the_first_batch,
                wrong.bias_of_the_first_head, wrong.bias_of_the_first_query, wrong.bias_dropped,
                wrong.bias_dropped_with_causality, wrong.bias_scaled, wrong.unscaled, wrong.scaled_by_value_width,
                wrong.scale_ignored, wrong.scaled_twice, wrong.heads_by_reshape, wrong.first_batch_everywhere,
                wrong.lse_in_base_2, wrong.lse_never_negative, wrong.lse_of_nothing_zero,
            )
        ),
        wrong.shifted_by_all, wrong.from_zero, wrong.never_dividing_by_zero, wrong.probabilities_in_bfloat16,
        wrong.scores_in_bfloat16, wrong.in_float16, wrong.read_as_numbers, wrong.scale_of_0_ignored(MIX),
        wrong.scale_without_its_sign(MIX), wrong.format_of_the_query,
    ),
)  # fmt: skip


@options_commute.property(cases(), lse=st.booleans())
def _(ops: Operations, lse: bool, **case: Any) -> Any:
    if not lse:
        return agrees(ops, ops.scaled_dot_product_attention(**case), **case)
    mix, log_sum = ops.scaled_dot_product_attention(**case, return_lse=True)
    return all_of(agrees(ops, mix, **case), lse_agrees(ops, log_sum, **case))


@options_commute.property(mixed_cases(), effort=0.25)
def _(ops: Operations, **case: Any) -> Any:
    options = without_values(case)
    return all_of(
        agrees(ops, ops.scaled_dot_product_attention(**case), **case),
        weights_agree(ops, ops.attention_weights(**options), **options),
    )


@options_commute.property(specials_in_sight(), effort=0.5)
def _(ops: Operations, here: Any, special: Any, **case: Any) -> Any:
    # Of one sign it comes through, however small its weight; the other values are what they were.
    spoilt = {**case, "value": np.where(here & ~np.isfinite(as_numbers(special)), special, case["value"])}
    mix, of = ops.scaled_dot_product_attention(**spoilt), figures(case)
    v = per_head(as_numbers(spoilt["value"]), of.seen.shape[-3] if of.seen.ndim > 2 else 1)
    meets = [of.seen.astype(float) @ which > 0 for which in (v == np.inf, v == -np.inf, np.isnan(v))]
    unknown, finite = meets[2] | (meets[0] & meets[1]), ~np.any(meets, 0) & of.seen.any(-1)[..., None]
    within = attention_rounding(of, mix.dtype) + attention_rounding(of, np.float64)
    return all_of(
        equal(np.isnan(mix[unknown]), True),
        equal(mix[meets[0] & ~unknown], np.inf),
        equal(mix[meets[1] & ~unknown], -np.inf),
        equal(mix[finite], textbook(case, of, mixed)[0][finite], within=within[finite]),
    )


@options_commute.property(empty_cases(), effort=0.25)
def _(ops: Operations, **case: Any) -> Any:
    options = without_values(case)
    return all_of(
        agrees(ops, ops.scaled_dot_product_attention(**case), **case),
        weights_agree(ops, ops.attention_weights(**options), **options),
    )


@options_commute.property(weighings(), effort=0.25)
def _(ops: Operations, query: Any, key: Any, **options: Any) -> Any:
    return weights_agree(ops, ops.attention_weights(query, key, **options), query, key, **options)


@options_commute.exact(exact_cases(), effort=0.5)
def _(ops: Operations, **case: Any) -> Any:
    return equal(ops.scaled_dot_product_attention(**case), exactly(case))


@options_commute.property(large_cases(), lse=st.booleans(), effort=0.1)
def _(ops: Operations, lse: bool, **case: Any) -> Any:
    if not lse:
        return agrees(ops, ops.scaled_dot_product_attention(**case), **case)
    mix, log_sum = ops.scaled_dot_product_attention(**case, return_lse=True)
    return all_of(agrees(ops, mix, **case), lse_agrees(ops, log_sum, **case))


@options_commute.property(large_cases(), effort=0.1)
def _(ops: Operations, **case: Any) -> Any:
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
        options=("mask", "bias", "is_causal", "query_offset", "return_lse"),
        rows=4,
        signs=("scaled_dot_product_attention.value >= 0",),
    ),
    dispensable=("attention_weights",),
    tolerances=(weight_ratio,),
    refuted_by=(
        *(m(MIX) for m in (wrong.unscaled, wrong.scaled_by_width, wrong.scaled_by_one_less, wrong.scaled_by_8,
                           wrong.scaled_by_value_width, wrong.scaled_in_16_bits, wrong.scale_ignored,
                           wrong.scaled_twice, wrong.features_beyond_256_dropped)),
        wrong.sharpened, wrong.sigmoids, wrong.negated, wrong.scores_in_bfloat16, wrong.of_weights(wrong.unscaled),
    ),
)  # fmt: skip


@anchor.property(two_keys())
def _(ops: Operations, query: Any, key: Any, scale: float | None) -> Any:
    value = np.broadcast_to(np.eye(2), (*key.shape[:-1], 2)).astype(key.dtype)
    return ratio_agrees(ops.scaled_dot_product_attention(query, key, value, scale=scale), query, key, scale)


@anchor.property(two_keys(), effort=0.25)
def _(ops: Operations, query: Any, key: Any, scale: float | None) -> Any:
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
    return equal(came[normal], true[normal], within=weight_ratio(of, key.dtype)[normal])


key_translation = Claim(
    "attention.key_translation",
    statement="Adding one vector to all keys, where their sums are exact, changes nothing but how scores are rounded, "
    "however far it pushes them short of overflow; finite stand-ins for −∞ fail here.",
    formula=r"\mathrm{attention}(Q, K + \mathbf 1 u^\top, V) = \mathrm{attention}(Q, K, V)",
    limits=Limits(
        options=("return_lse",), width=8, said=("where their sums are exact",), assumes=("the sums are exact",)
    ),
    needs=(MIX,),
    tolerances=(attention_rounding,),
    refuted_by=(*wrong.STAND_INS, wrong.from_zero, wrong.unshifted, wrong.sigmoids),
)


@key_translation.exact(exact_cases(), by=st.integers(-9, 9), effort=0.5)
def _(ops: Operations, by: int, **case: Any) -> Any:
    before, after = (ops.scaled_dot_product_attention(**{**case, "key": k}) for k in (case["key"], case["key"] + by))
    return equal(after, before)


@key_translation.property(translated())
def _(ops: Operations, by: Any, **case: Any) -> Any:
    there = {**case, "key": case["key"] + by}
    given_that(np.array_equal(as_numbers(case["key"]) + as_numbers(by), as_numbers(there["key"])), "the sums are exact")
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, there))
    within = attention_rounding(figures(case), before.dtype) + attention_rounding(figures(there), before.dtype)
    alive = seen_by(case).any(-1)
    return equal(after[alive], before[alive], within=within[alive])


last_rows = Claim(
    "attention.last_rows",
    statement="The last r queries alone, told where they stand, get the last r rows of the full result, up to "
    "rounding, causal or not, masked and biased or not.",
    formula=r"\mathrm{attention}(Q_{>n-r}, K, V) = \mathrm{attention}(Q, K, V)_{>n-r}",
    legend={"n": "the number of queries"},
    needs=(MIX,),
    limits=Limits(options=("return_lse",)),
    tolerances=(attention_rounding, plain_mean),
    refuted_by=tuple(
        m(MIX)
        for m in (wrong.anchored_at_the_first_key, wrong.lost_with_offset, wrong.LOST[6], wrong.mask_of_the_first_query,
                  wrong.bias_of_the_first_query, wrong.one_mask_row_for_four)
    ),
)  # fmt: skip


@last_rows.exact(exact_cases(square=True, causal=True), rows=st.integers(1, 5), effort=0.5)
def _(ops: Operations, rows: int, **case: Any) -> Any:
    part = last_queries(case, rows)
    return equal(ops.scaled_dot_product_attention(**part), ops.scaled_dot_product_attention(**case)[..., -rows:, :])


@last_rows.property(cases(), rows=st.integers(1, 9))
def _(ops: Operations, rows: int, **case: Any) -> Any:
    part = last_queries(case, rows)
    few, whole = (ops.scaled_dot_product_attention(**c)[..., -rows:, :] for c in (part, case))
    within = attention_rounding(figures(case), whole.dtype)[..., -rows:, :] * 2
    seen = seen_by(part).any(-1)
    return all_of(equal(few[seen], whole[seen], within=within[seen]), agrees(ops, few, **part))


grouped_heads = Claim(
    "attention.grouped_heads",
    statement="With fewer key heads than query heads, each group of query heads attends to its own key head. What "
    "another key head or another text of the batch holds, NaN and infinity included, changes nothing for it, bit for "
    "bit.",
    formula=r"O_h = \mathrm{attention}(Q_h, K_{\lfloor h / g \rfloor}, V_{\lfloor h / g \rfloor})",
    legend={"g": "how many query heads share a key head"},
    source="Ainslie et al., arXiv:2305.13245",
    needs=(MIX,),
    limits=Limits(options=("return_lse",), width=8),
    tolerances=(attention_rounding, plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (wrong.heads_tiled, wrong.first_key_head_for_all, wrong.values_of_the_first_head,
                      wrong.heads_by_reshape, wrong.LOST[2])
        ),
        wrong.nan_across_heads,
        wrong.nan_across_texts,
    ),
)  # fmt: skip


@grouped_heads.property(one_head_changed())
def _(ops: Operations, case: Case, instead: Case, here: Any) -> Any:
    changed = with_other_head(case, instead, here)
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, changed))
    others = ~np.repeat(here, case["query"].shape[-3] // case["key"].shape[-3], -1)
    finite = all(np.isfinite(changed[name].astype(np.float64)).all() for name in ("key", "value"))
    apart = identical(after[others], before[others])
    return all_of(apart, agrees(ops, after, **changed)) if finite else all_of(apart, agrees(ops, before, **case))


# Every primitive: views, purity, formats, widths, refusals.

_PARTS = ((ATTENTION, ATTENTION_VJP), (WEIGHTS,), (BLOCKWISE,))

layout = tuple(layout_free(*parts) for parts in _PARTS)
same_answers = tuple(pure(*parts) for parts in _PARTS)
formats = tuple(keeps_dtype(*parts) for parts in _PARTS)
no_integers = tuple(floats_only(*parts) for parts in _PARTS)
all_rows = tuple(many_rows(*parts) for parts in (*_PARTS, (MERGE,)))

_NOTHING = np.zeros((1, 1), bool)
_DOCUMENTED: dict[str, Any] = {
    "mask": (None, _NOTHING),
    "bias": (None, np.full((1, 1), -np.inf)),
    "is_causal": (False, True),
    "query_offset": (0, 1),
    "scale": (None, 0.5),
}
left_out = (
    defaults(ATTENTION, **_DOCUMENTED, return_lse=(False, True)),
    defaults(ATTENTION_VJP, **_DOCUMENTED),
    defaults(WEIGHTS, **_DOCUMENTED),
    defaults(BLOCKWISE, **_DOCUMENTED, return_lse=(False, True), block_size=(512, 3)),
)
every_width = any_width(
    ATTENTION,
    ATTENTION_VJP,
    refuted_by=tuple(
        m(MIX) for m in (wrong.features_beyond_256_dropped, wrong.only_512_keys, wrong.tail_dropped, wrong.scaled_by_8)
    ),
)


gradient = Claim(
    "attention.gradient",
    statement="The derivative of attention is, up to rounding, what the formula's derivative says, for query, key and "
    "value, under any options, so long as no score overflows. A key that no query sees gets exact zeros and spoils "
    "nothing, NaN and infinity included.",
    formula=r"\bar S_{ij} = P_{ij}\Big(\bar P_{ij} - \sum_k P_{ik}\bar P_{ik}\Big), \qquad \bar Q = \sigma \bar S K, "
    r"\quad \bar K = \sigma \bar S^\top Q, \quad \bar V = P^\top \bar O",
    legend={
        "S": "the scores",
        "σ": "the scale, 1/√d if none is given",
        "O": "the outputs; a bar is what is pulled back, of a key head the sum of what its query heads send",
    },
    source="Dao et al., arXiv:2205.14135, §B.2",
    needs=(MIX_VJP,),
    tolerances=(attention_vjp_rounding,),
    refuted_by=wrong.GRADIENTS,
)


@gradient.property(pullbacks())
def _(ops: Operations, cotangent: Any, **case: Any) -> Any:
    return pulled_agrees(ops, pull(ops, cotangent, case), cotangent, **case)


@gradient.property(pullbacks(mixed=True), effort=0.25)
def _(ops: Operations, cotangent: Any, **case: Any) -> Any:
    return pulled_agrees(ops, pull(ops, cotangent, case), cotangent, **case)


@gradient.property(pullbacks(few=True), rng=seeds(), effort=0.25)
def _(ops: Operations, rng: Any, cotangent: Any, **case: Any) -> Any:
    case = {**case, "scale": case["scale"] or 0.75}
    pulled, of, inputs = pull(ops, cotangent, case), figures(case), [case[name] for name in ARRAYS]
    moves = [np.round(rng.normal(size=x.shape) * 8) / 8 for x in inputs]
    allowed = attention_vjp_rounding(cotangent, of, dtype_of(case), group_of(case))
    gap = derivative(  # of ⟨cotangent, attention⟩ along the moves, less what was pulled back along them
        lambda q, k, v, *linear: (
            (as_numbers(cotangent) * spelt_out(of, q, k, v)).sum()
            - sum((a * x).sum() for a, x in zip(linear, (q, k, v), strict=True))
        ),
        (*inputs, *pulled),
        (*moves, None, None, None),
    )
    return equal(0.0, gap, within=allowed.weighted(np.concatenate([m.ravel() for m in moves])))


@gradient.property(two_hidden_contents(everywhere=True), rng=seeds(), effort=0.5)
def _(ops: Operations, rng: Any, case: Case, instead: Case, row: None) -> Any:
    changed = with_other_hidden(case, instead, row)
    shape = (*case["query"].shape[:-1], case["value"].shape[-1])
    cotangent = rng.normal(size=shape).astype(dtype_of(case))
    before, after = (pull(ops, cotangent, c) for c in (case, changed))
    hidden = ~seen_by(case).reshape(-1, case["key"].shape[-2]).any(0)
    return all_of(
        *(identical(y, x) for x, y in zip(before, after, strict=True)),
        *(equal(x[..., hidden, :], 0.0) for x in after[1:]),
    )


@gradient.property(pullbacks(many=True), effort=0.1)
def _(ops: Operations, cotangent: Any, **case: Any) -> Any:
    return pulled_agrees(ops, pull(ops, cotangent, case), cotangent, **case)


errors_come_back = Claim(
    "attention.errors_come_back_where_they_were_seen",
    statement="A NaN or an infinity that comes back to one word in one head goes on to all values that this word sees "
    "there, and to nothing of other queries, hidden keys, other heads and other texts.",
    formula=r"\bar O_{ij} \notin \mathbb R \text{ for one } i: \quad "
    r"\bar V_{kj} \in \mathbb R \Leftrightarrow k \text{ is hidden from } i",
    legend={"O": "the outputs; a bar is what is pulled back"},
    needs=(MIX_VJP,),
    refuted_by=wrong.ERRORS_COMING_BACK,
)


@errors_come_back.property(pullbacks(), rng=seeds(), bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def _(ops: Operations, rng: Any, bad: float, cotangent: Any, **case: Any) -> Any:
    (*heads, queries, _), kv = cotangent.shape, case["key"].shape[:-2]  # of query heads and of key heads
    head, row = one_place(rng, tuple(heads)), int(rng.integers(queries))
    spoilt, clean, seen = cotangent.copy(), cotangent.copy(), seen_by(case)
    spoilt[head, row, 0], clean[head, row, 0] = bad, 0
    here = head.reshape(*kv[:-1], kv[-1], -1).any(-1) if kv else head
    seen = here[..., None] & seen[head][0, row]  # (..., key heads, keys)
    before, after = (pull(ops, g, case) for g in (clean, spoilt))
    told = ~(head[..., None] & (np.arange(queries) == row))
    return all_of(
        equal(after[0][told], before[0][told]),  # −0 is 0
        *(equal(after[i][~seen], before[i][~seen]) for i in (1, 2)),
        equal(after[2][..., 1:], before[2][..., 1:]),
        equal(np.isfinite(after[2][seen][:, 0]), False),
    )


def pull(ops: Operations, cotangent: Any, case: Case) -> Any:
    """The cotangents of query, key and value."""
    arrays, options = [case[name] for name in ARRAYS], {k: v for k, v in case.items() if k not in ARRAYS}
    return ops.scaled_dot_product_attention_vjp(cotangent, *arrays, **options)


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
        options=("mask", "bias", "is_causal", "query_offset"),
        formats=("float32", "float16", "bfloat16"),
        width=5,
        signs=("scaled_dot_product_attention.value >= 0",),
    ),
    tolerances=(mean_square_of_normals, variance_of_signs),
    refuted_by=tuple(
        m(MIX)
        for m in (wrong.unscaled, wrong.scaled_by_width, wrong.scaled_by_one_less, wrong.scaled_by_8,
                  wrong.scale_ignored, wrong.scaled_twice, wrong.features_beyond_256_dropped)
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
def _(ops: Operations, d: int) -> Any:
    return equal(variance(all_scores(ops, every_sign(d), 1.0)), d)


@variance_is_d.property(d=st.integers(1, 5), effort=0.25)
def _(ops: Operations, d: int) -> Any:
    return equal(float(variance(all_scores(ops, every_sign(d)))), 1.0, within=variance_of_signs(d))


@variance_is_d.statistical
def _(ops: Operations, rng: Any) -> Any:
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
def _(ops: Operations, vectors: Any, variance_is: int) -> Any:
    return equal(variance(all_scores(ops, vectors, 1.0)), variance_is)


@variance_is_d.counterexample(cases=_shifted)
@variance_is_d.counterexample(cases=_copied)
@variance_is_d.counterexample(cases=_scaled)
def _(ops: Operations, vectors: Any, variance_is: int) -> Any:
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
    limits=Limits(options=("mask", "bias", "is_causal", "query_offset"), width=8),
    tolerances=(weights_rounding,),
    refuted_by=(
        *map(wrong.of_weights, (wrong.scale_ignored, wrong.scaled_twice)),
        *map(wrong.as_weights, (wrong.uniform, wrong.sigmoids, wrong.never_dividing_by_zero)),
    ),
)


@saturation.property(two_scales())
def _(ops: Operations, query: Any, key: Any, scales: tuple[float, float]) -> Any:
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
        options=("axis", "where", "ignore_index", "label_smoothing"),
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
        probability_mutants.mean_forgotten,
        probability_mutants.diagonal_only,
        wrong.gradient_times_probability,
    ),
)


@gradient_vanishes.property(x=score_rows(least=2, most=8, rows=1, masked=False))
def _(ops: Operations, x: Any) -> Any:
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
def _(ops: Operations) -> Any:
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
def _(ops: Operations, x: Any, target: Any) -> Any:
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
def _(ops: Operations, x: Any, target: Any) -> Any:
    length, within = length_of_gradient(ops, x, target)
    p = probabilities(x).max()
    return at_most(length, 2 * p * (1 - p), within=within)


def length_of_gradient(ops: Operations, x: Any, target: Any) -> tuple[float, Any]:
    """The length of the gradient of cross-entropy at a row of scores, and what it may be off by."""
    one, wanted = np.ones(1, x.dtype), np.eye(x.shape[-1])[target]
    pulled = ops.cross_entropy_vjp(one, x, target, reduction="none")
    how = (x.dtype, ops.conventions.summation)
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
    refuted_by=tuple(map(wrong.of_weights, (wrong.unscaled, wrong.scaled_by_width, wrong.scale_ignored))),
)


def mean_entropy(ops: Operations, query: Any, key: Any, scale: float | None = None) -> float:
    """The mean entropy of rows of weights."""
    p = ops.attention_weights(query, key, scale=scale).astype(np.float64)
    return float(-(p * np.log(np.where(p > 0, p, 1))).sum(-1).mean())


@keeps_attention_open.statistical
def _(ops: Operations, rng: Any) -> Any:
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
def _(ops: Operations, d: int) -> Any:
    components = np.array([-1.3, -0.9, -0.5, -0.1, 0.1, 0.5, 0.9, 1.3])[:, None]
    at_16, at_d = (mean_entropy(ops, np.ones((1, n)), np.repeat(components, n, -1)) for n in (16, d))
    return at_least(at_d, at_16 / 2)


def signs_for_normals() -> Iterator[dict[str, Any]]:
    """Keys of independent signs, ever more of them."""
    for d in (1, 2, 4):
        yield {"d": d}


@keeps_attention_open.counterexample(cases=signs_for_normals)
def _(ops: Operations, d: int) -> Any:
    # By symmetry all queries are alike; all pairs of keys.
    few, many = (np.array(list(itertools.product(every_sign(n), repeat=2))) for n in (1, d))
    at_1, at_d = (mean_entropy(ops, np.ones((len(keys), 1, keys.shape[-1])), keys) for keys in (few, many))
    return at_most(at_d, at_1 + 0.001)  # .529 for d = 1, .534 for 2
