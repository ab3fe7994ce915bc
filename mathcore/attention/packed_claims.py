"""What must be true of documents that are packed into one row."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_mutants as attention_mutants
from mathcore.attention import masks_mutants
from mathcore.attention import packed_mutants as wrong
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_tolerances import attention_rounding, attention_vjp_rounding, lse_rounding
from mathcore.attention.inputs import Dice, some_numbers, some_scale
from mathcore.attention.textbook import ARRAYS, Case, agrees, lse_agrees, pulled_agrees
from mathcore.verify import Claim, Limits, Operations, Target, all_of, domain, equal, reproduced, seeds
from mathcore.verify.domains import Draw, as_dtype

KRELL = "Krell et al., arXiv:2107.02027, §3.2"
PACKED = "packed_attention"


@domain
def packs(draw: Draw, target: Target, *, least: int = 1) -> dict[str, Any]:
    """Up to five documents of up to six words in one row, some of them empty; heads in groups, any dtype."""
    name, rng = draw(st.sampled_from(target.dtypes)), draw(seeds())
    dice, count = Dice(draw(st.integers(0, 2**32 - 1))), int(rng.integers(least, 6))
    lengths = rng.integers(0, 7, count)
    lengths[rng.integers(count)] += 1
    total, (key_heads, group) = int(lengths.sum()), dice.of((1, 1), (1, 2), (2, 2), (2, 1))
    lead, d, w = dice.of((), (2,)), dice.of(2, 1, 4, 5), dice.of(2, 1, 3)
    q = some_numbers(rng, (*lead, key_heads * group, total, d), dice.of(1.0, 3.0), name)
    k, v = (some_numbers(rng, (*lead, key_heads, total, n), 1.0, name) for n in (d, w))
    return {
        "case": {"query": q, "key": k, "value": v, "is_causal": dice.of(False, True), "scale": some_scale(dice, rng)},
        "cu_seqlens": np.concatenate([[0], np.cumsum(lengths)]),
    }


def documents(case: Case, cu_seqlens: Any) -> Any:
    """(places, the case of the document alone) of each document that is not empty."""
    for start, end in itertools.pairwise(cu_seqlens):
        if end > start:
            rows = slice(start, end)
            yield rows, {**case, **{name: case[name][..., rows, :] for name in ARRAYS}, "query_offset": 0}


def packed(ops: Operations, case: Case, cu_seqlens: Any, **more: Any) -> Any:
    options = {"is_causal": case["is_causal"], "scale": case["scale"], **more}
    return ops.packed_attention(*(case[name] for name in ARRAYS), cu_seqlens, **options)


def each_agrees(ops: Operations, answer: Any, case: Case, cu_seqlens: Any) -> Any:
    """That an answer is, document by document, attention to the document alone."""
    shape = (*case["query"].shape[:-1], case["value"].shape[-1])
    if np.shape(answer) != shape:
        return equal(np.shape(answer), shape)
    return all_of(*(agrees(ops, answer[..., rows, :], **alone) for rows, alone in documents(case, cu_seqlens)))


alone = Claim(
    "packed.documents_are_alone",
    statement="Attention to packed documents, and its derivative, is for each of them what attention to it alone is, "
    "up to rounding, empty documents among them; so is attention to the whole row with the mask of the documents, "
    "whose ids are made from where they begin.",
    formula=r"O_{[c_n, c_{n+1})} = \mathrm{attention}(Q, K, V \text{ of } [c_n, c_{n+1}))",
    legend={
        "O": "the outputs", "Q": "the queries", "K": "the keys", "V": "the values", "c": "where a document begins",
        "n": "the number of a document",
    },
    source=KRELL,
    needs=(PACKED, f"{PACKED}_vjp", "document_ids", "document_mask", MIX),
    tolerances=(attention_rounding, lse_rounding, attention_vjp_rounding),
    limits=Limits(
        options=(f"{MIX}.return_lse", "bias", "query_offset", "window", "softcap", "sinks", "key_documents"), width=5
    ),
    refuted_by=(
        wrong.bounds_ignored, wrong.first_two_joined, wrong.each_begins_late, wrong.causal_across,
        wrong.scale_of_the_row, wrong.pulled_across, wrong.first_document_alone, wrong.bounds_one_late,
        masks_mutants.earlier_documents_shown,
    ),
)  # fmt: skip


@alone.property(packs(), lse=st.booleans(), effort=0.4)
def each_is_attention_alone(ops: Operations, lse: bool, case: Case, cu_seqlens: Any) -> Any:
    if not lse:
        return each_agrees(ops, packed(ops, case, cu_seqlens), case, cu_seqlens)
    mix, log = packed(ops, case, cu_seqlens, return_lse=True)
    logs = (lse_agrees(ops, log[..., rows], **one) for rows, one in documents(case, cu_seqlens))
    return all_of(each_agrees(ops, mix, case, cu_seqlens), *logs)


@alone.property(packs(), rng=seeds(), effort=0.2)
def each_is_pulled_back_alone(ops: Operations, rng: Any, case: Case, cu_seqlens: Any) -> Any:
    name, shape = case["query"].dtype.name, (*case["query"].shape[:-1], case["value"].shape[-1])
    g = some_numbers(rng, shape, 1.0, name)
    options = {"is_causal": case["is_causal"], "scale": case["scale"]}
    bars = ops.packed_attention_vjp(g, *(case[name] for name in ARRAYS), cu_seqlens, **options)
    return all_of(
        *(
            pulled_agrees(ops, tuple(x[..., rows, :] for x in bars), g[..., rows, :], **one)
            for rows, one in documents(case, cu_seqlens)
        )
    )


@alone.property(packs(), effort=0.2)
def each_is_alone_behind_the_mask(ops: Operations, case: Case, cu_seqlens: Any) -> Any:
    mask = ops.document_mask(ops.document_ids(cu_seqlens))
    return each_agrees(ops, ops.scaled_dot_product_attention(**case, mask=mask), case, cu_seqlens)


apart = Claim(
    "packed.documents_leave_each_other_alone",
    statement="NaN, infinities or other words in one packed document change nothing in the others, and documents that "
    "change places take their answers along: the same numbers if the target promises its bits, else up to rounding.",
    formula=r"O_{\pi(n)} \text{ of } \pi(X) = O_n \text{ of } X",
    legend={"X": "the documents", "O": "their answers", "n": "the number of a document", "π": "another order"},
    source=KRELL,
    needs=(PACKED,),
    tolerances=(attention_rounding,),
    limits=Limits(options=("return_lse",), width=5),
    refuted_by=(wrong.bounds_ignored, wrong.first_two_joined, wrong.spoilt_by_any),
)


@apart.property(packs(least=2), rng=seeds(), bad=st.sampled_from([np.nan, np.inf, 2.0]), effort=0.4)
def others_stay_as_they_were(ops: Operations, rng: Any, bad: float, case: Case, cu_seqlens: Any) -> Any:
    one = int(rng.integers(len(cu_seqlens) - 1))
    rows, changed = slice(cu_seqlens[one], cu_seqlens[one + 1]), dict(case)
    for name in ARRAYS:
        changed[name] = case[name].copy()
        changed[name][..., rows, :] = bad
    others = np.r_[0 : rows.start, rows.stop : cu_seqlens[-1]]
    before, after = (packed(ops, x, cu_seqlens) for x in (case, changed))
    mixed = before.copy()
    mixed[..., others, :] = after[..., others, :]
    return reproduced(ops, mixed, before, lambda: each_agrees(ops, mixed, case, cu_seqlens))


@apart.property(packs(least=2), rng=seeds(), effort=0.4)
def documents_change_places(ops: Operations, rng: Any, case: Case, cu_seqlens: Any) -> Any:
    order = rng.permutation(len(cu_seqlens) - 1)
    lengths = np.diff(cu_seqlens)
    places = np.concatenate([np.arange(cu_seqlens[n], cu_seqlens[n + 1]) for n in order])
    moved = {**case, **{name: case[name][..., places, :] for name in ARRAYS}}
    bounds = np.concatenate([[0], np.cumsum(lengths[order])])
    there, here = packed(ops, moved, bounds), packed(ops, case, cu_seqlens)[..., places, :]
    return reproduced(ops, there, here, lambda: each_agrees(ops, there, moved, bounds))


isolated = Claim(
    "packed.positions_isolate",
    verdict="refuted",
    statement="Documents packed into one row do not see one another if positions begin anew in each.",
    corrected="Positions isolate nothing: a causal query still sees the documents before. A mask of the documents "
    "does: then other values in one of them change nothing in the others, whether positions begin anew or run on; the "
    "same numbers if the target promises its bits, else up to rounding.",
    formula=r"O_i = \mathrm{attention}(R_m q_i, R K, V), \qquad m = i \text{ or } i - c",
    legend={
        "O": "the outputs",
        "q": "a query",
        "K": "the keys",
        "V": "the values",
        "i": "the place in the row",
        "R": "the turn of RoPE at a position",
        "m": "the position",
        "c": "where the document of i begins",
    },
    source=KRELL,
    needs=("rope", "document_mask", MIX),
    tolerances=(attention_rounding,),
    limits=Limits(
        options=(
            "rope.base",
            "interleaved",
            "rotary_dim",
            "offset",
            "frequencies",
            "attention_factor",
            f"{MIX}.return_lse",
            "bias",
            "query_offset",
            "window",
            "softcap",
            "sinks",
            "key_documents",
        ),
        width=10,
    ),
    refuted_by=(attention_mutants.mask_ignored(MIX), masks_mutants.earlier_documents_shown),
)


def turned(ops: Operations, case: Case, cu_seqlens: Any, anew: bool) -> Case:
    """Queries and keys at their positions."""
    places = np.arange(cu_seqlens[-1])
    if anew:
        places = places - np.repeat(cu_seqlens[:-1], np.diff(cu_seqlens))
    width = case["query"].shape[-1] // 2 * 2
    return {**case, **{n: ops.rope(case[n][..., :width], places) for n in ("query", "key")}}


def first_changed(case: Case, cu_seqlens: Any) -> tuple[int, Case]:
    """The end of the first document that is not empty, and the case with other words up to there."""
    end = int(cu_seqlens[cu_seqlens > 0][0])
    value = case["value"].copy()
    value[..., :end, :] = as_dtype(np.full(value[..., :end, :].shape, 16.0), value.dtype.name)
    return end, {**case, "value": value}


@domain
def even_packs(draw: Draw, target: Target) -> dict[str, Any]:
    """Packed documents whose queries have an even width."""
    pack = draw(packs(least=2).build(target))
    case = pack["case"]
    wide = {n: np.concatenate([case[n], case[n]], -1) for n in ("query", "key")}
    return {**pack, "case": {**case, **wide}}


@isolated.property(even_packs(), anew=st.booleans(), effort=0.4)
def a_mask_isolates(ops: Operations, anew: bool, case: Case, cu_seqlens: Any) -> Any:
    end, changed = first_changed(case, cu_seqlens)
    ids = np.repeat(np.arange(len(cu_seqlens) - 1), np.diff(cu_seqlens))
    mask = ops.document_mask(ids)
    before, after = (
        ops.scaled_dot_product_attention(**turned(ops, x, cu_seqlens, anew), mask=mask) for x in (case, changed)
    )
    mixed = before.copy()
    mixed[..., end:, :] = after[..., end:, :]
    right = turned(ops, case, cu_seqlens, anew)
    return all_of(
        reproduced(ops, mixed, before, lambda: each_agrees(ops, mixed, right, cu_seqlens)),
        each_agrees(ops, before, right, cu_seqlens),
    )


@isolated.counterexample(even_packs())
def positions_alone_isolate(ops: Operations, case: Case, cu_seqlens: Any) -> Any:
    end, changed = first_changed(case, cu_seqlens)
    before, after = (
        ops.scaled_dot_product_attention(**{**turned(ops, x, cu_seqlens, True), "is_causal": True})
        for x in (case, changed)
    )
    return equal(after[..., end:, :], before[..., end:, :])
