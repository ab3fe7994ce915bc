"""What must be true of every form of attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_mutants as wrong
from mathcore.attention import modifier_mutants, scaling_mutants, textbook
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_tolerances import attention_vjp_rounding
from mathcore.attention.inputs import (
    ATTENTION,
    ATTENTION_VJP,
    BLOCKWISE,
    MERGE,
    WEIGHTS,
    one_place,
    pullbacks,
    two_hidden_contents,
    with_other_hidden,
)
from mathcore.verify import Claim, Limits, Operations, all_of, equal, laws, reproduced, seeds
from mathcore.verify import common_mutants as common
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.promises import in_place_of

MIX_VJP = f"{MIX}_vjp"


# Every primitive: views, purity, formats, widths, refusals.
_NOTHING = np.zeros((1, 1), bool)


_DOCUMENTED: dict[str, Any] = {
    "mask": (None, _NOTHING),
    "bias": (None, np.full((1, 1), -np.inf)),
    "is_causal": (False, True),
    "query_offset": (0, 1),
    "scale": (None, 0.5),
    "window": (None, 1),
    "softcap": (None, 0.5),
    "sinks": (None, np.zeros(1)),
}


_OF_HEADS = frozenset(f"{record.name}.sinks" for record in (ATTENTION, ATTENTION_VJP, WEIGHTS, BLOCKWISE))


left_out = (
    laws.defaults(ATTENTION, **_DOCUMENTED, return_lse=(False, True), unfit=_OF_HEADS),
    laws.defaults(ATTENTION_VJP, **_DOCUMENTED, unfit=_OF_HEADS),
    laws.defaults(WEIGHTS, **_DOCUMENTED, unfit=_OF_HEADS),
    laws.defaults(BLOCKWISE, **_DOCUMENTED, return_lse=(False, True), block_size=(512, 3), unfit=_OF_HEADS),
)


of_attention = (
    *laws.every_law(
        ATTENTION,
        ATTENTION_VJP,
        any_width=tuple(
            m(MIX)
            for m in (
                wrong.features_beyond_256_dropped,
                wrong.only_512_keys,
                wrong.tail_dropped,
                scaling_mutants.scaled_by_8,
            )
        ),
    ),
    *laws.every_law(WEIGHTS, any_width=(common.wide_rows_lost("attention_weights"),)),
    *laws.every_law(BLOCKWISE, any_width=(wrong.features_beyond_256_dropped("blockwise_attention"),)),
    *laws.every_law(
        MERGE,
        any_width=(common.wide_rows_lost("merge_attention"),),
        rows_are_independent=(common.first_row_everywhere("merge_attention"),),
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
    refuted_by=(*wrong.GRADIENTS, *modifier_mutants.GRADIENTS),
)


@gradient.property(pullbacks())
def pulled_as_the_textbook_does(ops: Operations, cotangent: Any, **case: Any) -> Any:
    return textbook.pulled_agrees(ops, pull(ops, cotangent, case), cotangent, **case)


@gradient.property(pullbacks(mixed=True), effort=0.25)
def pulled_in_mixed_dtypes(ops: Operations, cotangent: Any, **case: Any) -> Any:
    return textbook.pulled_agrees(ops, pull(ops, cotangent, case), cotangent, **case)


@gradient.property(pullbacks(few=True), rng=seeds(), effort=0.25)
def along_a_direction(ops: Operations, rng: Any, cotangent: Any, **case: Any) -> Any:
    case = {**case, "scale": case["scale"] or 0.75, "softcap": None, "sinks": None}
    pulled, of, inputs = pull(ops, cotangent, case), textbook.figures(case), [case[name] for name in textbook.ARRAYS]
    moves = [np.round(rng.normal(size=x.shape) * 8) / 8 for x in inputs]
    allowed = attention_vjp_rounding(cotangent, of, textbook.dtype_of(case), textbook.group_of(case))
    gap = derivative(  # of ⟨cotangent, attention⟩ along the moves, less what was pulled back along them
        lambda q, k, v, *linear: (
            (textbook.as_numbers(cotangent) * textbook.spelt_out(of, q, k, v)).sum()
            - sum((a * x).sum() for a, x in zip(linear, (q, k, v), strict=True))
        ),
        (*inputs, *pulled),
        (*moves, None, None, None),
    )
    return equal(0.0, gap, within=allowed.weighted(np.concatenate([m.ravel() for m in moves])))


@gradient.property(two_hidden_contents(everywhere=True), rng=seeds(), effort=0.5)
def hidden_keys_get_zeros(ops: Operations, rng: Any, case: textbook.Case, instead: textbook.Case, row: None) -> Any:
    changed = with_other_hidden(case, instead, row)
    shape = (*case["query"].shape[:-1], case["value"].shape[-1])
    cotangent = rng.normal(size=shape).astype(textbook.dtype_of(case))
    before, after = (pull(ops, cotangent, c) for c in (case, changed))
    hidden = ~textbook.seen_by(case).reshape(-1, case["key"].shape[-2]).any(0)
    return all_of(
        reproduced(ops, after, before, lambda: textbook.pulled_agrees(ops, after, cotangent, **case)),
        *(equal(x[..., hidden, :], 0.0) for x in after[1:3]),
    )


@gradient.property(pullbacks(many=True), effort=0.1)
def pulled_of_many_rows(ops: Operations, cotangent: Any, **case: Any) -> Any:
    return textbook.pulled_agrees(ops, pull(ops, cotangent, case), cotangent, **case)


errors_come_back = Claim(
    "attention.errors_come_back_where_they_were_seen",
    statement="A NaN or an infinity that comes back to one word in one head goes on to all values that this word sees "
    "there, and to nothing of other queries, hidden keys, other heads and other texts, which stay as they were: the "
    "same numbers if the target promises its bits, else up to rounding.",
    formula=r"\bar O_{ij} \notin \mathbb R \text{ for one } i: \quad "
    r"\bar V_{kj} \in \mathbb R \Leftrightarrow k \text{ is hidden from } i",
    legend={"O": "the outputs; a bar is what is pulled back"},
    needs=(MIX_VJP,),
    tolerances=(attention_vjp_rounding,),
    limits=Limits(options=("sinks",)),
    refuted_by=wrong.ERRORS_COMING_BACK,
)


@errors_come_back.property(pullbacks(), rng=seeds(), bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def spoils_what_was_seen_alone(ops: Operations, rng: Any, bad: float, cotangent: Any, **case: Any) -> Any:
    case["sinks"] = None  # which get something of every word
    (*heads, queries, _), kv = cotangent.shape, case["key"].shape[:-2]  # of query heads and of key heads
    head, row = one_place(rng, tuple(heads)), int(rng.integers(queries))
    spoilt, clean, seen = cotangent.copy(), cotangent.copy(), textbook.seen_by(case)
    spoilt[head, row, 0], clean[head, row, 0] = bad, 0
    here = head.reshape(*kv[:-1], kv[-1], -1).any(-1) if kv else head
    seen = here[..., None] & seen[head][0, row]  # (..., key heads, keys)
    before, after = (pull(ops, g, case) for g in (clean, spoilt))
    told, hidden = ~(head[..., None] & (np.arange(queries) == row))[..., None], ~seen[..., None]
    places = (told, hidden, hidden | (np.arange(cotangent.shape[-1]) > 0))
    mixed = tuple(in_place_of(*parts) for parts in zip(after, before, places, strict=True))
    apart = reproduced(ops, mixed, before, lambda: textbook.pulled_agrees(ops, mixed, clean, **case), same=equal)
    return all_of(apart, equal(np.isfinite(after[2][seen][:, 0]), False))  # −0 is 0


def pull(ops: Operations, cotangent: Any, case: textbook.Case) -> Any:
    """The cotangents of query, key and value."""
    arrays, options = (
        [case[name] for name in textbook.ARRAYS],
        {k: v for k, v in case.items() if k not in textbook.ARRAYS},
    )
    return ops.scaled_dot_product_attention_vjp(cotangent, *arrays, **options)
