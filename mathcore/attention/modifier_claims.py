"""What must be true of the options that change which scores count, and how: windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_tolerances as tol
from mathcore.attention import inputs
from mathcore.attention import modifier_mutants as wrong
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_mutants import of_weights
from mathcore.attention.exact_inputs import exact_cases
from mathcore.attention.textbook import agrees, lse_agrees, same_answer, visible, weights_agree, without_values
from mathcore.verify import Claim, Limits, Operations, Target, domain, equal, reproduced, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.relations import all_of, less

window_is_a_mask = Claim(
    "attention.window_is_a_mask",
    statement="A window of W hides from a query every key up to its own place less W, so that with the causal mask the "
    "W newest keys are seen, the query's own included: output, weights and log-sum-exp are those of the mask that "
    "says so, under any other options, bit for bit if the target promises that, else up to rounding.",
    formula=r"M_{ij} = [j > i + m - W]",
    legend={"W": "the window", "M": "the mask", "m": "where the first query stands, counted from the first key"},
    source="Beltagy, Peters & Cohan, arXiv:2004.05150, §3.1",
    needs=(MIX, "attention_weights"),
    tolerances=(tol.attention_rounding, tol.weights_rounding, tol.lse_rounding, tol.plain_mean),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                wrong.window_ignored,
                wrong.window_one_wider,
                wrong.window_one_narrower,
                wrong.window_lost_with_an_offset,
                wrong.window_lost_with_a_mask,
                wrong.window_lost_with_grouped_heads,
                wrong.window_lost_without_causality,
            )
        ),
        of_weights(wrong.window_one_wider),
    ),
)


def spelt_as_mask(case: dict[str, Any]) -> dict[str, Any]:
    """The case with a mask in place of its window."""
    shape = case["query"].shape[-2], case["key"].shape[-2]
    seen = visible(shape, window=case["window"], query_offset=case["query_offset"])
    mask = case.get("mask")
    return {**case, "window": None, "mask": seen if mask is None else seen & mask}


@domain
def windowed(draw: Draw, target: Target) -> dict[str, Any]:
    """Attention with a window, of 1 to one more than there are keys, and all other options."""
    case, rng = draw(inputs.cases().build(target)), draw(seeds())
    return {**case, "window": int(rng.choice([1, 2, rng.integers(1, case["key"].shape[-2] + 2)]))}


@window_is_a_mask.property(windowed())
def output_and_lse_are_those_of_the_mask(ops: Operations, **case: Any) -> Any:
    (mix, log), masked = (ops.scaled_dot_product_attention(**c, return_lse=True) for c in (case, spelt_as_mask(case)))
    return all_of(
        same_answer(ops, mix, masked[0], lambda: agrees(ops, mix, **case)),
        reproduced(ops, log, masked[1], lambda: lse_agrees(ops, log, **case)),
    )


@window_is_a_mask.property(windowed(), effort=0.5)
def weights_are_those_of_the_mask(ops: Operations, **case: Any) -> Any:
    mine, masked = (ops.attention_weights(**without_values(c)) for c in (case, spelt_as_mask(case)))
    return reproduced(ops, mine, masked, lambda: weights_agree(ops, mine, **without_values(case)))


@window_is_a_mask.exact(exact_cases(), window=st.integers(1, 6), effort=0.5)
def exactly_those_of_the_mask(ops: Operations, window: int, **case: Any) -> Any:
    case |= {"window": window}
    mine, masked = (ops.scaled_dot_product_attention(**c) for c in (case, spelt_as_mask(case)))
    return equal(mine, masked)


window_reaches_back = Claim(
    "attention.window_reaches_back",
    statement="Through one layer of causal attention with a window of W a word reaches the W − 1 words after "
    "it, through L layers L(W − 1), each of them, and none beyond: so far can the last layer of a model look back.",
    formula=r"\partial y^{(L)}_i / \partial x_j \ne 0 \iff 0 \le i - j \le L(W - 1)",
    legend={"y": "what the layers make of x", "W": "the window", "L": "how many layers"},
    source="Jiang et al., Mistral 7B, arXiv:2310.06825, §2",
    needs=(MIX,),
    limits=Limits(
        options=("mask", "bias", "query_offset", "scale", "return_lse"),
        width=3,
        signs=("scaled_dot_product_attention.value >= 0",),
        also=("1 to 3 layers, windows of 1 to 4", "no weight underflows"),
    ),
    refuted_by=(wrong.window_one_wider(MIX), wrong.window_one_narrower(MIX), wrong.window_ignored(MIX)),
)


@domain
def layers(draw: Draw, target: Target) -> dict[str, Any]:
    """Queries and keys of up to three layers, a window, and the word that is changed."""
    name, rng, depth = draw(st.sampled_from(target.dtypes)), draw(seeds()), draw(st.integers(1, 3))
    window = draw(st.integers(1, 4))
    words, width = depth * (window - 1) + 4, int(rng.integers(1, 4))
    q, k = (as_dtype(rng.uniform(-1, 1, (depth, words, width)), name) for _ in range(2))
    return {"queries": q, "keys": k, "window": window, "word": int(rng.integers(0, 3))}


@window_reaches_back.property(layers(), effort=0.5)
def one_word_reaches_so_far(ops: Operations, queries: Any, keys: Any, window: int, word: int) -> Any:
    depth, words, _ = queries.shape
    y = (np.arange(words) == word)[:, None].astype(queries.dtype)
    for q, k in zip(queries, keys, strict=True):
        y = ops.scaled_dot_product_attention(q, k, y, is_causal=True, window=window)
    away = np.arange(words) - word
    reached = (away >= 0) & (away <= depth * (window - 1))
    return all_of(less(0.0, y[reached]), equal(y[~reached], 0.0))
