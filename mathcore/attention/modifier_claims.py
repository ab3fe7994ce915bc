"""What must be true of the options that change which scores count, and how: windows, caps, sinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import dot_product_tolerances as tol
from mathcore.attention import inputs
from mathcore.attention import modifier_mutants as wrong
from mathcore.attention.dot_product_mutants import ATTENTION as MIX
from mathcore.attention.dot_product_mutants import of_weights
from mathcore.attention.exact_inputs import exact_cases
from mathcore.attention.textbook import (
    agrees,
    as_numbers,
    exchanged,
    figures,
    lse_agrees,
    same_answer,
    visible,
    weights_agree,
    with_sink_as_key,
    without_values,
)
from mathcore.verify import Claim, Limits, Operations, Target, domain, equal, reproduced, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.relations import all_of, at_least, at_most, less

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


@window_is_a_mask.property(windowed(), lse=st.booleans())
def output_and_lse_are_those_of_the_mask(ops: Operations, lse: bool, **case: Any) -> Any:
    mine, masked = (both(ops, lse, c) for c in (case, spelt_as_mask(case)))
    same = same_answer(ops, mine[0], masked[0], lambda: agrees(ops, mine[0], **case))
    if not lse:
        return same
    return all_of(same, reproduced(ops, mine[1], masked[1], lambda: lse_agrees(ops, mine[1], **case)))


def both(ops: Operations, lse: bool, case: dict[str, Any]) -> tuple[Any, ...]:
    """The output, and with it the log-sum-exp if that is asked for."""
    if lse:
        output, log = ops.scaled_dot_product_attention(**case, return_lse=True)
        return output, log
    return (ops.scaled_dot_product_attention(**case),)


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
        options=("mask", "bias", "query_offset", "scale", "return_lse", "softcap", "sinks"),
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


GEMMA = "Gemma Team, Gemma 2, arXiv:2408.00118, §2"

softcap_squeezes = Claim(
    "attention.softcap_squeezes",
    statement="A cap of c makes of a score s a y between −c and c of the sign of s, no further from 0, −y of −s, and "
    "never less for a larger score, so that the order of the keys stays; two scores come no further apart, and |s − y| "
    "is at most |s|³/3c², so that a large cap changes nothing. All this up to rounding, read off two weights.",
    formula=r"y = c \tanh\frac sc, \qquad |y| \le c, \qquad 0 \le \frac{dy}{ds} \le 1, \qquad |s - y| \le "
    r"\frac{|s|^3}{3c^2}",
    legend={"c": "the cap"},
    source=GEMMA,
    needs=(MIX,),
    limits=Limits(
        options=("mask", "bias", "is_causal", "query_offset", "return_lse", "window", "sinks"),
        rows=2,
        width=4,
        signs=("scaled_dot_product_attention.value >= 0",),
        also=("caps of 1/4 to 8",),
    ),
    tolerances=(tol.weight_ratio,),
    refuted_by=(
        wrong.softcap_ignored(MIX),
        wrong.cap_undone(MIX),
        wrong.cap_without_division(MIX),
        wrong.cut_off,
        wrong.by_magnitude,
        wrong.of_one_side,
    ),
)


@domain
def two_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """A query, a key beside one of 0, a cap, and two scales, the smaller first: scores far below it, and beyond."""
    name, rng, width = draw(st.sampled_from(target.dtypes)), draw(seeds()), draw(st.integers(1, 4))
    q = as_dtype(rng.choice([-1, 1], (1, width)) * rng.uniform(0.25, 2, (1, width)), name)
    k = as_dtype(np.stack([rng.choice([-1, 1]) * np.sign(q[0].astype(float)), np.zeros(width)]), name)
    cap = float(2.0 ** rng.uniform(-2, 3))
    scales = sorted(float(cap * 2.0 ** rng.uniform(-6, 2)) for _ in range(2))
    return {"query": q, "key": k, "cap": cap, "scales": tuple(scales)}


@softcap_squeezes.property(two_scores())
def two_weights_tell_the_capped_score(
    ops: Operations, query: Any, key: Any, cap: float, scales: tuple[float, float]
) -> Any:
    def score(q: Any, scale: float, softcap: float | None) -> tuple[Any, Any, Any]:
        """The true score, the one that came, and by how much that may be off."""
        case = {"query": q, "key": key, "value": np.eye(2).astype(key.dtype), "scale": scale, "softcap": softcap}
        of, p = figures(case), ops.scaled_dot_product_attention(**case).astype(np.float64)
        s = (of.query @ of.key[0]) * scale
        return s, np.log(p[:, 0]) - np.log(p[:, 1]), tol.weight_ratio(of, key.dtype)

    (s, y, off), (more, above, off_above) = (score(query, scale, cap) for scale in scales)
    _, negated, off_negated = score(-query, scales[0], cap)
    uncapped = [score(query, scales[0] / 8, given) for given in (2.0**40, None)]
    sign = np.sign(s)  # of both scores
    return all_of(
        at_most(abs(y), np.minimum(abs(s), cap), within=off),
        at_most(abs(above), np.minimum(abs(more), cap), within=off_above),
        at_least(y * sign, 0.0, within=off),
        at_most(abs(s - y), abs(s) ** 3 / (3 * cap**2), within=off),
        equal(negated, -y, within=off + off_negated),
        at_least(above * sign, y * sign, within=off + off_above),
        at_most((above - y) * sign, (more - s) * sign, within=off + off_above),
        equal(above, cap * np.tanh(more / cap), within=off_above),
        equal(uncapped[0][1], uncapped[1][1], within=uncapped[0][2] + uncapped[1][2]),
    )


cap_and_mask_commute = Claim(
    "attention.cap_and_mask_commute",
    verdict="refuted",
    statement="A cap and a mask may be exchanged: it does not matter whether scores are capped before or after keys "
    "are masked.",
    corrected="Capped first, a masked key has the weight 0. Capped last, its score −∞ becomes −c, and it has e^(−c) of "
    "the weight of a key with the score 0: of Gemma 2's cap of 50 nearly nothing, of a cap of 1 more than a third.",
    formula=r"c \tanh\frac{-\infty}{c} = -c, \qquad P_j = \frac{e^{-c}}{e^0 + e^{-c}} > 0",
    legend={"c": "the cap", "P": "the weight of a masked key beside one with a score of 0, capped last"},
    source=GEMMA,
    needs=(MIX, "softmax"),
    limits=Limits(
        options=(
            "bias",
            "is_causal",
            "query_offset",
            "scale",
            "return_lse",
            "window",
            "sinks",
            "axis",
            "where",
            "dtype",
        ),
        rows=1,
        width=2,
        signs=(*(f"{MIX}.{name} >= 0" for name in ("query", "key", "value")), "softmax.x <= 0"),
        also=("a query of 0", "one of two keys masked"),
    ),
    refuted_by=(wrong.cap_after_mask(MIX),),
)


def caps_in_every_format(target: Target) -> Iterator[dict[str, Any]]:
    """Caps of 1, 5 and, where e⁻⁵⁰ is a number, 50."""
    for name in target.dtypes:
        yield from ({"cap": cap, "name": name} for cap in (1.0, 5.0, 50.0) if cap < 50 or name != "float16")


@cap_and_mask_commute.exhaustive(caps_in_every_format)
def capped_first_the_mask_hides(ops: Operations, cap: float, name: str) -> Any:
    weights, shown = both_orders(ops, cap, name)
    return all_of(equal(weights, as_dtype([[1.0, 0.0]], name)), less(0.0, shown[:, 1]))


@cap_and_mask_commute.counterexample(cases=lambda: ({"cap": cap, "name": "float64"} for cap in (1.0, 5.0)))
def capped_last_the_same_weights_come(ops: Operations, cap: float, name: str) -> Any:
    return equal(*both_orders(ops, cap, name))


def both_orders(ops: Operations, cap: float, name: str) -> tuple[Any, Any]:
    """The weights of two keys with scores of 0, the second masked: capped first, and capped last."""
    zeros, value = np.zeros((2, 1)), np.eye(2)
    query, key, value = (as_dtype(x, name) for x in (zeros[:1], zeros, value))
    first = ops.scaled_dot_product_attention(query, key, value, mask=np.array([[True, False]]), softcap=cap)
    return first, ops.softmax(as_dtype([[0.0, -cap]], name))  # −∞ capped


sinks_take_a_share = Claim(
    "attention.sinks_take_a_share",
    statement="A sink z of a head is one more key of each of its queries, with the score z and the value 0: it takes "
    "its share of the weights, which sum to 1 less that, under any other options. −∞ takes nothing; a query that sees "
    "no key gets 0 and the log-sum-exp z. However keys are split, the sink counts once: as a part of its own, with the "
    "output 0 and the log-sum-exp z, it merges with what comes without it. All this up to rounding.",
    formula=r"P_{ij} = \frac{e^{s_{ij}}}{e^{z} + \sum_k e^{s_{ik}}}, \qquad \sum_j P_{ij} = 1 - e^{z - \ell_i}, "
    r"\qquad \ell_i = \ln\Big(e^z + \sum_k e^{s_{ik}}\Big)",
    legend={"z": "the sink", "s": "the scores", "ℓ": "the log-sum-exp"},
    source="OpenAI, gpt-oss-120b & gpt-oss-20b Model Card, arXiv:2508.10925",
    needs=(MIX, "attention_weights", "merge_attention"),
    tolerances=(
        tol.attention_rounding,
        tol.weights_rounding,
        tol.lse_rounding,
        tol.plain_mean,
        tol.merge_rounding,
        tol.weights_beside_sinks,
    ),
    limits=Limits(signs=("merge_attention.output_b >= 0",)),
    refuted_by=(
        *(
            m(MIX)
            for m in (
                wrong.sinks_ignored,
                wrong.sinks_lost_with_a_window,
                wrong.sink_of_the_first_head,
                wrong.sinks_scaled,
                wrong.sinks_capped,
                wrong.sink_counted_twice,
                wrong.sink_with_a_value,
                wrong.sink_missing_in_the_log_sum,
                wrong.sink_above_the_scores,
            )
        ),
        of_weights(wrong.sinks_ignored),
        of_weights(wrong.sinks_scaled),
    ),
)


@domain
def with_sinks(draw: Draw, target: Target) -> dict[str, Any]:
    """Attention with a sink for each head, near the scores, far above or below, or −∞, and all other options."""
    case, rng = draw(inputs.cases().build(target)), draw(seeds())
    heads = case["query"].shape[-3] if case["query"].ndim > 2 else 1
    sinks = rng.normal(size=heads) * rng.choice([1, 4, 100])
    return {**case, "sinks": as_dtype(np.where(rng.random(heads) < 0.1, -np.inf, sinks), case["query"].dtype.name)}


@sinks_take_a_share.property(with_sinks(), lse=st.booleans())
def one_more_key_without_value(ops: Operations, lse: bool, **case: Any) -> Any:
    as_key = with_sink_as_key(case)
    as_key["bias"] = as_dtype(as_key["bias"], case["query"].dtype.name)
    (mix, *logs), (other, *other_logs) = both(ops, lse, case), both(ops, lse, as_key)
    of = figures(case)
    alive, within = of.seen.any(-1), tol.attention_rounding(of, mix.dtype)
    relations = [equal(mix[alive], other[alive], within=(within + within)[alive]), agrees(ops, mix, **case)]
    for log, other_log in zip(logs, other_logs, strict=True):
        off = tol.lse_rounding(of, log, log.dtype, ops.conventions.lse_base)
        relations += [equal(log[alive], other_log[alive], within=(off + off)[alive]), lse_agrees(ops, log, **case)]
    return all_of(*relations)


@sinks_take_a_share.property(with_sinks(), effort=0.5)
def weights_sum_to_the_rest(ops: Operations, **case: Any) -> Any:
    weights, of = ops.attention_weights(**without_values(case)), figures(case)
    total, alive = as_numbers(weights).sum(-1), of.seen.any(-1)
    off = tol.weights_beside_sinks(of, weights.dtype)
    return all_of(
        equal(total[alive], 1 - of.p[..., -1][alive], within=off[alive]),
        weights_agree(ops, weights, **without_values(case)),
    )


@sinks_take_a_share.property(with_sinks(), effort=0.5)
def a_part_of_its_own(ops: Operations, **case: Any) -> Any:
    whole, _ = ops.scaled_dot_product_attention(**case, return_lse=True)
    mix, log = ops.scaled_dot_product_attention(**{**case, "sinks": None}, return_lse=True)
    keys, sinks = {**case, "sinks": None}, case["sinks"]
    apart = np.broadcast_to(sinks.reshape(*sinks.shape[: log.ndim - 1], 1), log.shape).astype(log.dtype)
    merged, _ = ops.merge_attention(mix, log, np.zeros_like(mix), apart)
    of, alone = figures(case), figures(keys)
    alive, shares = alone.seen.any(-1), (of.p[..., :-1].sum(-1), of.p[..., -1])
    errors = tol.attention_rounding(alone, mix.dtype).values, 0.0
    logs = tol.lse_rounding(alone, log, log.dtype, ops.conventions.lse_base).values
    moved = logs + exchanged(ops, log, log.dtype, mix.dtype), exchanged(ops, apart, log.dtype, mix.dtype)
    outputs = alone.p @ alone.value, np.zeros(mix.shape)
    within = tol.merge_rounding(outputs, shares, errors, moved, mix.dtype)
    within = within + tol.attention_rounding(of, mix.dtype)
    return equal(whole[alive], merged[alive], within=within[alive])
