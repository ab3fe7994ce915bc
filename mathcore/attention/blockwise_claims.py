"""What must be true of attention in blocks, and of caches."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import blockwise_mutants, inputs
from mathcore.attention import dot_product_mutants as wrong
from mathcore.attention import draft_mutants as drafts
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_tolerances import (
    attention_rounding,
    lse_rounding,
    merge_rounding,
    merged_lse_rounding,
    plain_mean,
)
from mathcore.attention.exact_inputs import exact_cases
from mathcore.attention.textbook import Case, agrees, figures, lse_agrees, merged_within, seen_by, some_keys
from mathcore.verify import Claim, Limits, Operations, all_of, at_most, equal, reproduced

decode_equals_prefill = Claim(
    "attention.decode_equals_prefill",
    faq=20,
    statement="Words fed one at a time, or in pieces of any size, with a cache give, up to rounding, what causal "
    "attention to the whole sentence gives at once; a cache that others have grown from still gives what it gave, bit "
    "for bit if the target promises that, else up to rounding.",
    formula=r"\mathrm{attention}_{\text{causal}}(Q, K, V)_i = \mathrm{attention}(q_i, K_{\le i}, V_{\le i})",
    source="Shazeer, arXiv:1911.02150, §2.4",
    needs=("KeyValueCache", MIX),
    limits=Limits(options=("query_offset", "return_lse")),
    tolerances=(attention_rounding, lse_rounding, plain_mean),
    refuted_by=(*blockwise_mutants.CACHES, *(m(MIX) for m in (wrong.LOST[0], wrong.backwards, wrong.one_word_ahead))),
)


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
    modifiers = ("window", "softcap")  # which a cache need not have
    given = {name: case[name] for name in modifiers if case.get(name) is not None}
    return {**wide, "scale": case["scale"], **given}


@decode_equals_prefill.exact(exact_cases(square=True, causal=True), cuts=st.sets(st.integers(1, 5)), effort=0.5)
def decoding_in_pieces_is_exact(ops: Operations, cuts: set[int], **case: Any) -> Any:
    words = case["key"].shape[-2]
    pieces = np.diff([0, *sorted(c for c in cuts if c < words), words])
    (*parts, lengths), _ = fed(ops, pieces, **case)
    return all_of(equal(np.concatenate(parts, -2), ops.scaled_dot_product_attention(**case)), equal(lengths, True))


@decode_equals_prefill.property(inputs.sentences(read=True), pieces=st.lists(st.integers(0, 5), max_size=8))
def decoding_in_pieces_within_rounding(ops: Operations, pieces: list[int], **case: Any) -> Any:
    words = case["key"].shape[-2]
    ends = [0, *(int(e) for e in np.cumsum(pieces) if 0 < e < words), words]
    (*parts, lengths), again = fed(ops, np.diff(ends), **case)
    whole = ops.scaled_dot_product_attention(**case)
    within = attention_rounding(figures(case), whole.dtype) * 2  # fewer keys round less
    told = seen_by(case).any(-1) | (ops.conventions.attention_of_nothing == "zeros")
    return all_of(
        equal(lengths, True),
        equal(np.concatenate(parts, -2)[told], whole[told], within=within[told]),
        reproduced(
            ops,
            tuple(again),
            tuple(parts),
            lambda: equal(np.concatenate(again, -2)[told], whole[told], within=within[told]),
        ),
    )


@decode_equals_prefill.property(
    inputs.sentences(read=True),
    cut=st.integers(0, 8),
    last=st.integers(1, 9),
    causal=st.booleans(),
    lse=st.booleans(),
    effort=0.5,
)
def caches_with_one_beginning_stay_apart(
    ops: Operations, cut: int, last: int, causal: bool, lse: bool, **case: Any
) -> Any:
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
    tolerances=(attention_rounding, lse_rounding, plain_mean, merge_rounding, merged_lse_rounding),
    refuted_by=(
        *(
            m("blockwise_attention")
            for m in (
                wrong.tail_dropped,
                wrong.edge_of_block_lost,
                wrong.lost_with_offset,
                wrong.mask_ignored,
                wrong.bias_dropped,
                wrong.lse_of_nothing_zero,
            )
        ),
        *(
            wrong.renamed(m, "blockwise_attention")
            for m in (drafts.from_zero, drafts.unshifted, drafts.probabilities_in_bfloat16)
        ),
        blockwise_mutants.last_block_alone,
        blockwise_mutants.blocks_not_rescaled,
        blockwise_mutants.whole_matrix,
        blockwise_mutants.weights_exchanged,
        blockwise_mutants.plain_average,
        blockwise_mutants.larger_log_kept,
        blockwise_mutants.merged_without_shift,
        blockwise_mutants.merged_before_it_divides,
        blockwise_mutants.nothing_times_nan,
        blockwise_mutants.table_of_the_mask,
        wrong.renamed(drafts.summed_before_it_divides, "blockwise_attention"),
    ),
)


@streaming_equals_full.exact(exact_cases(), block_size=st.integers(1, 5), effort=0.25)
def blocks_are_exact(ops: Operations, block_size: int, **case: Any) -> Any:
    return equal(ops.blockwise_attention(**case, block_size=block_size), ops.scaled_dot_product_attention(**case))


@streaming_equals_full.property(inputs.blockwise_cases(), lse=st.booleans())
def blocks_match_the_textbook(ops: Operations, block_size: int, lse: bool, **case: Any) -> Any:
    if not lse:
        return agrees(ops, ops.blockwise_attention(**case, block_size=block_size), blocks=True, **case)
    mix, log_sum = ops.blockwise_attention(**case, block_size=block_size, return_lse=True)
    return all_of(agrees(ops, mix, blocks=True, **case), lse_agrees(ops, log_sum, blocks=True, **case))


@streaming_equals_full.property(inputs.narrow_values(), block_size=st.integers(1, 8), effort=0.5)
def blocks_of_narrow_values_match_the_textbook(ops: Operations, block_size: int, **case: Any) -> Any:
    return agrees(ops, ops.blockwise_attention(**case, block_size=block_size), blocks=True, **case)


@streaming_equals_full.property(inputs.partial_results(), effort=0.5)
def merged_partial_results_match_the_textbook(ops: Operations, a: Any, lse_a: Any, b: Any, lse_b: Any) -> Any:
    return inputs.merged(ops, ops.merge_attention(a, lse_a, b, lse_b), a, lse_a, b, lse_b)


@streaming_equals_full.property(inputs.cases(), share=st.floats(0, 1), effort=0.25)
def merged_halves_match_the_whole(ops: Operations, share: float, **case: Any) -> Any:
    keys, alive = case["key"].shape[-2], seen_by(case).any(-1)
    cut = round(share * keys)
    (a, log_a), (b, log_b) = (
        ops.scaled_dot_product_attention(**some_keys(case, *ends), return_lse=True) for ends in ((0, cut), (cut, keys))
    )
    mix, _ = ops.merge_attention(a, log_a, b, log_b)
    of = figures(case)
    return equal(mix[alive], (of.p @ of.value)[alive], within=merged_within(ops, case, cut, (log_a, log_b))[alive])


@streaming_equals_full.experiment
def memory_grows_with_the_length(ops: Operations, rng: Any) -> Any:
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
