"""What must be true of masks: the causal mask, masks of bools, and queries that are the last of a text."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_mutants as wrong
from mathcore.attention import dot_product_tolerances as tol
from mathcore.attention import draft_mutants as drafts
from mathcore.attention import inputs
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.exact_inputs import exact_cases
from mathcore.attention.textbook import (
    Case,
    agrees,
    figures,
    last_queries,
    lse_agrees,
    nothing_seen,
    same_answer,
    seen_by,
    weights_agree,
    without_values,
)
from mathcore.verify import Claim, Limits, Operations, reproduced
from mathcore.verify.promises import in_place_of
from mathcore.verify.relations import all_of, equal

causal_sees_no_future = Claim(
    "attention.causal_sees_no_future",
    faq=20,
    statement="With the causal mask, what comes out for a word is unaffected by what any later word, or the bias of "
    "one, holds, NaN and infinity included, whatever the other options: bit for bit if the target promises that, else "
    "up to rounding.",
    formula=r"\partial O_i / \partial (k_j, v_j) = 0 \quad (j > i + m)",
    legend={"m": "where the first query stands, counted from the first key"},
    source="Vaswani et al., arXiv:1706.03762, §3.2.3",
    needs=(MIX, "attention_weights", "blockwise_attention"),
    limits=Limits(options=("blockwise_attention.return_lse",)),
    tolerances=(tol.attention_rounding, tol.weights_rounding, tol.lse_rounding, tol.plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                *wrong.LOST,
                wrong.causality_lost_with_the_log_sum,
                wrong.one_word_ahead,
                wrong.backwards,
                wrong.one_mask_row_for_four,
                wrong.anchored_at_the_last_key,
            )
        ),
        drafts.zero_times_nan,
        drafts.hidden_added,
        drafts.masked_after,
        drafts.shifted_by_all,
        drafts.STAND_INS[0],
        wrong.bias_after_mask,
        wrong.of_weights(wrong.one_word_ahead),
        wrong.of_weights(wrong.backwards),
        wrong.renamed(drafts.zero_times_nan, "blockwise_attention"),
    ),
)


def told(ops: Operations, case: Case, rows: Any) -> Any:
    """Of these rows, (queries) or one, those that tell of a leak: a declared mean over masked keys is none.

    An array of bools (..., heads, queries, 1).
    """
    seen = seen_by(case)
    among = np.isin(np.arange(seen.shape[-2]), rows)
    return (among & (seen.any(-1) | (ops.conventions.attention_of_nothing != "mean")))[..., None]


def _undisturbed(ops: Operations, after: Any, before: Any, rows: Any, case: Case, *, blocks: bool = False) -> Any:
    """That these rows are what they were, or what the textbook says of the case before the change."""
    mixed = in_place_of(after, before, rows)
    return same_answer(ops, mixed, before, lambda: agrees(ops, mixed, blocks=blocks, **case))


def _weights_undisturbed(ops: Operations, after: Any, before: Any, rows: Any, case: Case) -> Any:
    """The same of weights."""
    mixed = in_place_of(after, before, rows)
    return reproduced(ops, mixed, before, lambda: weights_agree(ops, mixed, **without_values(case)))


@causal_sees_no_future.property(inputs.two_futures(), lse=st.booleans())
def future_changes_no_output(ops: Operations, case: Case, instead: Case, cut: int, lse: bool) -> Any:
    changed, rows = inputs.with_other_future(case, instead, cut)
    before, after = (ops.scaled_dot_product_attention(**c, return_lse=lse) for c in (case, changed))
    rows = told(ops, case, rows)
    if not lse:
        return _undisturbed(ops, after, before, rows, case)
    logs = in_place_of(after[1], before[1], rows[..., 0])
    return all_of(
        _undisturbed(ops, after[0], before[0], rows, case),
        same_answer(ops, logs, before[1], lambda: lse_agrees(ops, logs, **case)),
    )


@causal_sees_no_future.property(inputs.two_futures(), effort=0.25)
def future_changes_no_weight(ops: Operations, case: Case, instead: Case, cut: int) -> Any:
    changed, rows = inputs.with_other_future(case, instead, cut)
    before, after = (ops.attention_weights(**without_values(c)) for c in (case, changed))
    return _weights_undisturbed(ops, after, before, told(ops, case, rows), case)


@causal_sees_no_future.property(inputs.two_futures(in_blocks=True), effort=0.25)
def future_changes_no_blockwise_output(ops: Operations, case: Case, instead: Case, cut: int) -> Any:
    changed, rows = inputs.with_other_future(case, instead, cut)
    before, after = (ops.blockwise_attention(**c) for c in (case, changed))
    return _undisturbed(ops, after, before, told(ops, case, rows), case, blocks=True)


mask_excludes = Claim(
    "attention.mask_excludes",
    faq=20,
    statement="A word that is hidden has the weight 0, no tiny one, and no influence, whatever it or its bias holds, "
    "NaN and infinity included, bit for bit if the target promises that, else up to rounding; a query with nothing to "
    "see gets zeros, or what the target declares.",
    formula=r"M_{ij} = 0 \Rightarrow P_{ij} = 0",
    source="Vaswani et al., arXiv:1706.03762, §3.2.3",
    needs=(MIX, "attention_weights", "blockwise_attention"),
    limits=Limits(options=("return_lse",)),
    tolerances=(tol.attention_rounding, tol.weights_rounding, tol.plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                wrong.mask_inverted,
                wrong.mask_ignored,
                wrong.mask_lost_with_causality,
                wrong.mask_one_key_further,
                wrong.mask_of_the_first_head,
                wrong.mask_of_the_first_query,
                wrong.mask_of_the_first_batch,
            )
        ),
        drafts.zero_times_nan,
        drafts.hidden_added,
        drafts.masked_after,
        drafts.nothing_is_nan,
        *drafts.STAND_INS,
        wrong.bias_after_mask,
        *map(
            drafts.as_weights,
            (drafts.hidden_added, drafts.nothing_is_nan, drafts.STAND_INS[0]),
        ),
        wrong.of_weights(wrong.mask_ignored),
        wrong.of_weights(wrong.mask_inverted),
        *(
            wrong.renamed(m, "blockwise_attention")
            for m in (
                drafts.zero_times_nan,
                drafts.nothing_is_nan,
                wrong.mask_ignored("blockwise_attention"),
            )
        ),
    ),
)


@mask_excludes.property(inputs.two_hidden_contents())
def masked_keys_change_no_output(ops: Operations, case: Case, instead: Case, row: int) -> Any:
    changed = inputs.with_other_hidden(case, instead, row)
    before, after = (ops.scaled_dot_product_attention(**c) for c in (case, changed))
    kept = _undisturbed(ops, after, before, told(ops, case, row), case)
    return all_of(kept, nothing_seen(ops, before, figures(case), before.dtype))


@mask_excludes.property(inputs.two_hidden_contents(), effort=0.5)
def masked_keys_have_no_weight(ops: Operations, case: Case, instead: Case, row: int) -> Any:
    changed = inputs.with_other_hidden(case, instead, row)
    before, after = (ops.attention_weights(**without_values(c)) for c in (case, changed))
    seen, kept = seen_by(case), _weights_undisturbed(ops, after, before, told(ops, case, row), case)
    hidden = ~seen & (seen.any(-1, keepdims=True) | (ops.conventions.attention_of_nothing == "zeros"))
    return all_of(kept, equal(before[hidden], 0.0))


@mask_excludes.property(inputs.two_hidden_contents(in_blocks=True), effort=0.5)
def masked_keys_change_no_blockwise_output(ops: Operations, case: Case, instead: Case, row: int) -> Any:
    changed = inputs.with_other_hidden(case, instead, row)
    before, after = (ops.blockwise_attention(**c) for c in (case, changed))
    kept = _undisturbed(ops, after, before, told(ops, case, row), case, blocks=True)
    return all_of(kept, nothing_seen(ops, before, figures(case), before.dtype))


last_rows = Claim(
    "attention.last_rows",
    statement="The last r queries alone, told where they stand, get the last r rows of the full result, up to "
    "rounding, causal or not, masked and biased or not.",
    formula=r"\mathrm{attention}(Q_{>n-r}, K, V) = \mathrm{attention}(Q, K, V)_{>n-r}",
    legend={"n": "the number of queries"},
    needs=(MIX,),
    limits=Limits(options=("return_lse",)),
    tolerances=(tol.attention_rounding, tol.plain_mean),
    refuted_by=tuple(
        m(MIX)
        for m in (
            wrong.anchored_at_the_first_key,
            wrong.lost_with_offset,
            wrong.LOST[6],
            wrong.mask_of_the_first_query,
            wrong.bias_of_the_first_query,
            wrong.one_mask_row_for_four,
        )
    ),
)


@last_rows.exact(exact_cases(square=True, causal=True), rows=st.integers(1, 5), effort=0.5)
def last_rows_are_exact(ops: Operations, rows: int, **case: Any) -> Any:
    part = last_queries(case, rows)
    return equal(ops.scaled_dot_product_attention(**part), ops.scaled_dot_product_attention(**case)[..., -rows:, :])


@last_rows.property(inputs.cases(), rows=st.integers(1, 9))
def last_rows_within_rounding(ops: Operations, rows: int, **case: Any) -> Any:
    part = last_queries(case, rows)
    few, whole = (ops.scaled_dot_product_attention(**c)[..., -rows:, :] for c in (part, case))
    within = tol.attention_rounding(figures(case), whole.dtype)[..., -rows:, :] * 2
    seen = seen_by(part).any(-1)
    return all_of(equal(few[seen], whole[seen], within=within[seen]), agrees(ops, few, **part))
