"""What must be true of attention: FAQ 20 and 21, and what makes its primitives trustworthy."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore import attention_mutants as wrong
from mathcore.attention_mutants import ATTENTION as MIX
from mathcore.attention_rows import (
    agrees,
    cases,
    figures,
    lse_agrees,
    narrow_values,
    seen_by,
    weighings,
    weights_agree,
)
from mathcore.attention_tolerances import (
    attention_rounding,
    lse_rounding,
    plain_mean,
    total_weight,
    weighted_mean,
    weights_rounding,
)
from mathcore.verify import (
    Claim,
    Operations,
    all_of,
    at_least,
    at_most,
    equal,
)
from mathcore.verify.enclosures import true_matmul

VASWANI = "Vaswani et al., arXiv:1706.03762, §3.2.1"

# FAQ 20: self-attention.

weights_are_distributions = Claim(
    "attention.weights_are_distributions",
    faq=20,
    statement="Each word's weights over the sentence are nowhere negative and sum to 1, so long as it sees a word.",
    formula=r"P_{ij} \ge 0, \qquad \sum_j P_{ij} = 1",
    source=VASWANI,
    needs=("attention_weights",),
    tolerances=(total_weight, weights_rounding),
    refuted_by=tuple(
        map(
            wrong.as_weights,
            (wrong.masked_after, wrong.unnormalised, wrong.sigmoids, wrong.along_the_queries,
             wrong.never_dividing_by_zero, wrong.probabilities_in_bfloat16),
        )
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
    statement="Each output is a convex combination of the values that are seen: no coordinate leaves their range.",
    formula=r"\min_{j\,\text{seen}} v_{jc} \le O_{ic} \le \max_{j\,\text{seen}} v_{jc}",
    source=VASWANI,
    needs=(MIX,),
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
    ),
)


@output_is_a_mix.property(narrow_values())
def _(ops: Operations, **case: Any) -> Any:
    mix, of = ops.scaled_dot_product_attention(**case), figures(case)
    alive, there = of.seen.any(-1), of.seen[..., None]  # (..., queries, keys, 1)
    v = np.broadcast_to(of.value[..., None, :, :], (*of.seen.shape, of.value.shape[-1]))
    low, high = np.where(there, v, np.inf).min(-2)[alive], np.where(there, v, -np.inf).max(-2)[alive]
    within = weighted_mean(np.maximum(abs(low), abs(high)), of.seen.shape[-1], mix.dtype)
    return all_of(at_least(mix[alive], low, within=within), at_most(mix[alive], high, within=within))


# Beyond the FAQ: every option with every other.

options_commute = Claim(
    "attention.options_commute",
    statement="Attention is what the textbook says under any options together: causal or not, masked, biased, scaled, "
    "with shared key heads, in batches, with fewer queries than keys or more, in every format; and so are its "
    "weights and its log-sum-exps.",
    formula=r"O_i = \frac{\sum_{j \in S_i} e^{\sigma q_i k_j + B_{ij}}\, v_j}{\sum_{j \in S_i} e^{\sigma q_i k_j "
    r"+ B_{ij}}}",
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
        wrong.scores_in_bfloat16, wrong.in_float16, wrong.of_weights(wrong.mask_ignored),
        wrong.of_weights(wrong.lost_with_offset),
        *map(wrong.as_weights, (wrong.shifted_by_all, wrong.from_zero)),
    ),
)  # fmt: skip


@options_commute.property(cases())
def _(ops: Operations, **case: Any) -> Any:
    return agrees(ops, ops.scaled_dot_product_attention(**case), **case)


@options_commute.property(cases(), effort=0.5)
def _(ops: Operations, **case: Any) -> Any:
    mix, lse = ops.scaled_dot_product_attention(**case, return_lse=True)
    return all_of(agrees(ops, mix, **case), lse_agrees(ops, lse, **case))


@options_commute.property(weighings(), effort=0.5)
def _(ops: Operations, query: Any, key: Any, **options: Any) -> Any:
    return weights_agree(ops, ops.attention_weights(query, key, **options), query, key, **options)
