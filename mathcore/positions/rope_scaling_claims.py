"""What must be true of RoPE that is scaled for longer texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.positions import rope_mutants
from mathcore.positions import rope_scaling_mutants as wrong
from mathcore.positions.inputs import draw_places, magnitudes
from mathcore.positions.positions_tolerances import (
    farthest_angle,
    length_factor,
    scaled_frequency,
    turned_length,
    turned_score,
)
from mathcore.positions.rope_claims import length, score_gap
from mathcore.positions.rope_scaling_textbook import (
    KINDS,
    ORIGINAL,
    allowed_of,
    base_of,
    draw_scaling,
    rotated,
    scaling_agrees,
    true_scaling,
)
from mathcore.verify import Claim, Limits, Operations, Target
from mathcore.verify.domains import Draw, domain, draw_array
from mathcore.verify.refusals import refuse
from mathcore.verify.relations import all_of, at_most, equal, identical

YARN, LLAMA3 = "YaRN, arXiv:2309.00071, §3", "apply_scaling in the code of Llama 3.1"
SYMBOLS = {"θ": "a frequency, θ′ the scaled one", "s": "the factor", "r": "the share that is divided"}


@domain
def scalings(draw: Draw, target: Target, kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    """A head, a type with its parameters, the longest text and the length of this one."""
    return draw_scaling(draw, kinds)


def asked(ops: Operations, head_dim: int, parameters: Any, **more: Any) -> tuple[Any, Any]:
    """The target's frequencies and attention factor."""
    frequencies, factor = ops.rope_scaling(head_dim, parameters, **more)
    return np.asarray(frequencies), factor


formulas = Claim(
    "rope_scaling.is_its_formula",
    statement="Frequencies and attention factor of every type are those of its formula, up to rounding: the base for "
    "NTK, the ramp between pairs for YaRN, the share by wavelengths for Llama 3, a divisor for each pair for LongRoPE.",
    formula=r"\theta' = (1 - r)\,\theta + r\,\theta / s, \qquad m = 0.1 \ln s + 1",
    legend={**SYMBOLS, "m": "the attention factor of YaRN, if nothing else is given"},
    source=f"{YARN}; {LLAMA3}; LongRoPE, arXiv:2402.13753",
    needs=("rope_scaling",),
    tolerances=(scaled_frequency, length_factor),
    refuted_by=(
        wrong.factor_twice, wrong.factor_forgotten, wrong.base_forgotten, wrong.all_features_rotated,
        wrong.multiplied_base, wrong.whatever_the_length, wrong.longest_for_original, wrong.wavelength_without_two_pi,
        wrong.always_truncated, wrong.usual_betas, wrong.mscale_forgotten, wrong.attention_factor_unread,
        wrong.long_and_short_exchanged, wrong.ramp_reversed, wrong.all_pairs_divided, wrong.step_for_ramp,
        wrong.fastest_divided, wrong.lengths_squared, wrong.lengths_kept, wrong.in_float32, wrong.betas_exchanged,
    ),
)  # fmt: skip


@formulas.property(scalings(), effort=3)
def agrees_with_the_textbook(ops: Operations, head_dim: int, parameters: Any, **more: Any) -> Any:
    return scaling_agrees(ops, asked(ops, head_dim, parameters, **more), head_dim, parameters, **more)


plain = Claim(
    "rope_scaling.factor_one_is_plain",
    statement="With a factor of 1, and for LongRoPE divisors of 1, every type leaves frequencies and lengths as they "
    "are, up to rounding; dynamic NTK does so for every text that is no longer than the model was made for.",
    formula=r"s = 1 \Rightarrow \theta' = \theta",
    legend=SYMBOLS,
    needs=("rope_scaling",),
    tolerances=(scaled_frequency, length_factor),
    refuted_by=(wrong.base_forgotten, wrong.whatever_the_length, wrong.in_float32),
)


@plain.property(scalings())
def nothing_is_scaled(
    ops: Operations, head_dim: int, parameters: Any, max_position_embeddings: int, length: int | None
) -> Any:
    kind, pairs, most = parameters["rope_type"], rotated(head_dim, parameters) // 2, max_position_embeddings
    same: dict[str, Any] = {"factor": 1.0} if "factor" in parameters or kind == "longrope" else {}
    if kind == "dynamic":
        same, length = {}, None if length is None else min(length, most)
    if kind == "longrope":
        same |= {"short_factor": [1.0] * pairs, "long_factor": [1.0] * pairs}
    given = {k: v for k, v in parameters.items() if k != "attention_factor"} | same
    frequencies, factor = asked(ops, head_dim, given, max_position_embeddings=most, length=length)
    part = {} if kind == "proportional" else {"partial_rotary_factor": parameters["partial_rotary_factor"]}
    usual = {"rope_type": "default", "rope_theta": base_of(parameters), **part}
    truth = true_scaling(head_dim, given if kind == "proportional" else usual, most, length)
    return all_of(
        equal(frequencies, truth, within=allowed_of(ops, frequencies, truth, head_dim, usual, most, length) * 2),
        equal(np.float64(factor), 1.0, within=length_factor(1.0, ops.conventions.rope_angles)),
    )


linear = Claim(
    "rope_scaling.linear_is_slower_positions",
    statement="Linear scaling by s makes position s·p what p was: each frequency is divided by s, without rounding "
    "where s is a power of two.",
    formula=r"s p\,\theta' = p\,\theta",
    legend={**SYMBOLS, "p": "a position"},
    source="arXiv:2306.15595, §2.3",
    needs=("rope_scaling",),
    limits=Limits(options=("max_position_embeddings", "length")),
    refuted_by=(wrong.factor_twice, wrong.factor_forgotten),
)


@linear.exact(head_dim=st.sampled_from([2, 4, 6, 64, 128]), power=st.integers(0, 6), base=st.sampled_from([1e4, 5e5]))
def powers_of_two_divide_exactly(ops: Operations, head_dim: int, power: int, base: float) -> Any:
    slow, _ = asked(ops, head_dim, {"rope_type": "linear", "factor": 2.0**power, "rope_theta": base})
    usual, _ = asked(ops, head_dim, {"rope_type": "linear", "factor": 1.0, "rope_theta": base})
    return equal(slow * 2.0**power, usual)


between = Claim(
    "rope_scaling.stays_between",
    statement="NTK, YaRN and Llama 3 leave every frequency between θ/s and θ, and divide a slower pair by no less than "
    "a faster one, up to rounding. NTK keeps the first and divides the last by s. YaRN keeps a pair that turns "
    "β_fast times within the trained length or more often, and divides by s one that turns β_slow times or less, if "
    "the first pair turns more than β_fast times; Llama 3 keeps and divides likewise by its two factors.",
    formula=r"\theta / s \le \theta' \le \theta, \qquad \theta'_{i+1} / \theta_{i+1} \le \theta'_i / \theta_i",
    legend={**SYMBOLS, "i": "the number of a pair"},
    source=f"{YARN}; {LLAMA3}",
    needs=("rope_scaling",),
    tolerances=(scaled_frequency,),
    refuted_by=(
        wrong.multiplied_base, wrong.ramp_reversed, wrong.all_pairs_divided, wrong.fastest_divided,
        wrong.betas_exchanged, wrong.longest_for_original, wrong.wavelength_without_two_pi, wrong.factor_twice,
    ),
)  # fmt: skip


@between.property(scalings(kinds=("ntk", "yarn", "llama3")), effort=2)
def frequencies_lie_between(ops: Operations, head_dim: int, parameters: Any, **more: Any) -> Any:
    kind, dim, s = parameters["rope_type"], rotated(head_dim, parameters), parameters["factor"]
    frequencies, _ = asked(ops, head_dim, parameters, **more)
    usual = {"rope_type": "default", "rope_theta": base_of(parameters)}
    truth = true_scaling(dim, usual)
    allowed = allowed_of(
        ops, frequencies, true_scaling(head_dim, parameters, *more.values()), head_dim, parameters, *more.values()
    )
    slack = 2 * allowed.values
    high, share = truth.hi, frequencies / truth.hi
    if kind == "ntk":
        keep, divide = np.arange(dim // 2) == 0, (np.arange(dim // 2) == dim // 2 - 1) & (dim > 2)
    else:
        turns = parameters[ORIGINAL] * high / (2 * np.pi)
        often, seldom = parameters.get("beta_fast", 32.0), parameters.get("beta_slow", 1.0)
        if kind == "llama3":
            often, seldom = parameters["high_freq_factor"], parameters["low_freq_factor"]
        keep, divide = turns > often * (1 + 1e-9), turns < seldom * (1 - 1e-9)
    return all_of(
        at_most(frequencies, high + slack),
        at_most(high / s - slack, frequencies),
        at_most(share[1:] - (slack / high)[1:], share[:-1] + (slack / high)[:-1]),
        equal(frequencies[keep], high[keep], within=allowed[keep] * 2),
        equal(frequencies[divide], high[divide] / s, within=allowed[divide] * 2),
    )


lengths = Claim(
    "rope_scaling.scores_grow_by_the_square",
    statement="Whatever the scaling, RoPE at its frequencies multiplies lengths by the attention factor and scores by "
    "its square, and of their positions a score depends on the distance alone, up to rounding.",
    formula=r"\lVert R_m x\rVert = a\,\lVert x\rVert, \qquad \langle R_m q, R_n k\rangle = a^2 \langle q, "
    r"R^{(1)}_{n-m} k\rangle",
    legend={
        "R": "R_m, the turn at position m, R⁽¹⁾ the same with an attention factor of 1", "x": "a vector",
        "a": "the attention factor", "q": "a query at m", "k": "a key at n", "m": "a position", "n": "another",
    },
    source=YARN,
    needs=("rope_scaling", "rope"),
    limits=Limits(
        options=("base", "interleaved", "rotary_dim", "offset"),
        rows=1,
        signs=("rope.frequencies >= 0",),
        fixed={"scale": "nothing overflows"},
    ),
    tolerances=(turned_length, turned_score),
    refuted_by=(rope_mutants.factor_ignored, rope_mutants.factor_squared, rope_mutants.positions_in_bfloat16,
                rope_mutants.past_is_present),
)  # fmt: skip


@domain
def turned_by_scaled(draw: Draw, target: Target) -> dict[str, Any]:
    """A query and a key, two positions, and a scaling."""
    scaling = draw_scaling(draw)
    name, width = draw(st.sampled_from(target.dtypes)), rotated(scaling["head_dim"], scaling["parameters"])
    low, high = magnitudes(name)
    q, k = (draw_array(draw, (1, width), name, (low, high / 8)) for _ in range(2))
    m, n = (draw_places(draw, (1,), 2**30).astype(np.int64) for _ in range(2))
    return {"q": q, "k": k, "m": m, "n": n, "scaling": scaling}


@lengths.property(turned_by_scaled())
def lengths_grow_by_the_factor(ops: Operations, q: Any, k: Any, m: Any, n: Any, scaling: Any) -> Any:
    frequencies, a = asked(ops, **scaling)
    angle = farthest_angle(abs(m) + abs(n), q.shape[-1], 1.0, ops.conventions.rope_angles, frequencies)
    here = [ops.rope(x, at, frequencies=frequencies, attention_factor=a) for x, at in ((q, m), (k, n))]
    apart = ops.rope(k, n - m, frequencies=frequencies)
    size_q, size_k, width = length(q), length(k), q.shape[-1]
    unit = np.float64(a)
    grown = [turned_length(unit * size, width, x.dtype, angle, turns=2) for x, size in ((q, size_q), (k, size_k))]
    return all_of(
        *(equal(length(y), unit * size, within=w) for y, size, w in zip(here, (size_q, size_k), grown, strict=True)),
        equal(
            np.zeros(1),
            score_gap(here[0].astype(np.float64) / unit, here[1].astype(np.float64) / unit, q, apart),
            within=turned_score(size_q, size_k, width, q.dtype, angle) * 2,
        ),
    )


dynamic = Claim(
    "rope_scaling.dynamic_decoding_is_prefill",
    verdict="refuted",
    statement="With dynamic NTK, decoding with cached keys gives the scores of reading the whole text at once.",
    corrected="Only while the text is no longer than the model was made for. Past that the base grows with every "
    "token: a key that was turned and cached earlier was turned by other frequencies than a later query, and their "
    "score depends on when the key came. Keys must be cached unturned, and turned anew.",
    formula=r"\langle R^{(n)}_n q, R^{(m)}_m k\rangle = \langle R^{(n)}_n q, R^{(n)}_m k\rangle",
    legend={
        "R": "R⁽ⁿ⁾_m, the turn at position m by the frequencies of a text of n + 1 tokens",
        "q": "a query at n",
        "k": "a key at m",
        "n": "a position",
        "m": "an earlier one",
    },
    source=YARN,
    needs=("rope_scaling", "rope"),
    refuted_by=(wrong.grows_too_early, wrong.never_shrinks),
)


def texts_beyond(target: Target) -> Iterator[dict[str, Any]]:
    """A key at the last place that fits, and queries one token further each."""
    return ({"n": n} for n in range(8, 24))


def _score_of_first_key(ops: Operations, n: int, seen: int) -> Any:
    """Of a query at n and a key at 7, which was turned when the text had so many tokens; M is 8."""
    given = {"rope_type": "dynamic", "factor": 4.0}
    then, now = (asked(ops, 4, given, max_position_embeddings=8, length=length)[0] for length in (seen, n + 1))
    one = np.array([[0.0, 1.0, 0.0, 0.0]])  # the slow pair
    key, query = (ops.rope(one, np.array([at]), frequencies=f) for at, f in ((7, then), (n, now)))
    return (query * key).sum()


@dynamic.counterexample(cases=texts_beyond)
def cached_keys_score_as_keys_turned_anew(ops: Operations, n: int) -> Any:
    return equal(_score_of_first_key(ops, n, 8), _score_of_first_key(ops, n, n + 1))


@dynamic.exact(n=st.integers(0, 7), base=st.sampled_from([1e4, 5e5]), head_dim=st.sampled_from([2, 4, 64]))
def texts_that_fit_have_one_base(ops: Operations, n: int, base: float, head_dim: int) -> Any:
    given = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": base}
    asked(ops, head_dim, given, max_position_embeddings=8, length=20)  # a longer text before leaves no trace
    plain_ones, _ = asked(ops, head_dim, {"rope_type": "default", "rope_theta": base})
    return identical(asked(ops, head_dim, given, max_position_embeddings=8, length=n + 1)[0], plain_ones)


config = Claim(
    "rope_from_config.reads_every_spelling",
    statement="A configuration gives the same frequencies and attention factor whether it says `rope_scaling` with "
    "`type` or `rope_parameters` with `rope_type`, the features of a head or the width and the number of heads, the "
    "rotated part by either name, and layers by type or by a local base: those of `rope_scaling`.",
    formula=r"\theta(\text{config}) = \theta(\text{its parameters})",
    legend={"θ": "the frequencies"},
    needs=("rope_from_config", "rope_scaling"),
    refuted_by=(wrong.older_name_unread, wrong.type_unread, wrong.head_from_the_width, wrong.local_base_unread,
                wrong.local_layers_scaled, wrong.part_unread),
)  # fmt: skip


@config.property(scalings())
def spellings_agree(ops: Operations, head_dim: int, parameters: Any, **more: Any) -> Any:
    most, n = more["max_position_embeddings"], more["length"]
    usual = {k: v for k, v in parameters.items() if k != "rope_theta"}
    older = {"type" if k == "rope_type" else k: v for k, v in usual.items() if k != "partial_rotary_factor"}
    theta, part = parameters["rope_theta"], parameters["partial_rotary_factor"]
    shape = {"head_dim": head_dim, "hidden_size": 8 * head_dim, "num_attention_heads": 4}
    whole = {"max_position_embeddings": most, "vocab_size": 1000, "rope_theta": theta}
    configs = (
        {**shape, "max_position_embeddings": most, "rope_parameters": parameters},
        {**shape, **whole, "partial_rotary_factor": part, "rope_scaling": older},
        {**whole, "rotary_pct": part, "rope_scaling": older, "hidden_size": 4 * head_dim, "num_attention_heads": 4},
    )
    one = asked(ops, head_dim, parameters, **more)
    local, wide = (
        asked(ops, head_dim, {"rope_theta": 100.0}),
        asked(ops, head_dim, {**usual, "rope_theta": theta}, **more),
    )
    gemma = (
        {**shape, **whole, "rope_scaling": usual, "rope_local_base_freq": 100.0},
        {**shape, **whole, "rope_parameters": {
            "full_attention": {**usual, "rope_theta": theta}, "sliding_attention": {"rope_theta": 100.0}}},
    )  # fmt: skip
    answers = [(ops.rope_from_config(c, length=n), one) for c in configs]
    for c in gemma:
        for layer, right in (("full_attention", wide), ("sliding_attention", local)):
            answers.append((ops.rope_from_config(c, layer_type=layer, length=n), right))
    return all_of(
        *(
            identical(np.asarray(a), np.asarray(b))
            for given, right in answers
            for a, b in zip(given, right, strict=True)
        )
    )


refusals = Claim(
    "rope_scaling.refusals",
    statement="A type that is not known, a parameter that its type does not have, one that is missing and one out of "
    "range are refused by name, and so is a field of a configuration that begins with rope and is not known.",
    formula=r"\text{unknown} \Rightarrow \mathrm{ValueError}",
    needs=("rope_scaling", "rope_from_config"),
    refuted_by=(wrong.errors_swallowed, wrong.unknown_ignored),
)


_YARN = {"rope_type": "yarn", "factor": 4.0, ORIGINAL: 2048}
_CONFIG = {"head_dim": 4, "rope_theta": 1e4}
_LONG = {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0], ORIGINAL: 8}
refuse(
    refusals,
    (
        ("rope_scaling", (4, {"rope_type": "cubic"}), {}, ValueError, ("cubic", "yarn")),
        ("rope_scaling", (4, {**_YARN, "beta": 3}), {}, ValueError, ("beta", "beta_fast")),
        ("rope_scaling", (4, {"rope_type": "linear", "factor": 2.0, "beta_fast": 3}), {}, ValueError, ("beta_fast",)),
        ("rope_scaling", (4, {"rope_type": "yarn", "factor": 4.0}), {}, ValueError, (ORIGINAL,)),
        ("rope_scaling", (4, {"rope_type": "linear"}), {}, ValueError, ("factor",)),
        ("rope_scaling", (4, {"rope_type": "linear", "factor": 0.5}), {}, ValueError, ("factor", "0.5")),
        ("rope_scaling", (4, {"rope_type": "linear", "factor": "2"}), {}, TypeError, ("factor",)),
        ("rope_scaling", (4, {"rope_theta": 0.5}), {}, ValueError, ("rope_theta", "0.5")),
        ("rope_scaling", (4, {"partial_rotary_factor": 0.25}), {}, ValueError, ("partial_rotary_factor",)),
        ("rope_scaling", (4, {**_YARN, "beta_fast": 1, "beta_slow": 32}), {}, ValueError, ("beta_fast",)),
        ("rope_scaling", (4, {"rope_type": "dynamic", "factor": 2.0}), {}, ValueError, ("max_position_embeddings",)),
        ("rope_scaling", (4, _LONG), {"max_position_embeddings": 16}, ValueError, ("short_factor", "2")),
        ("rope_scaling", (4, [1]), {}, TypeError, ("parameters",)),
        ("rope_from_config", ({**_CONFIG, "rope_ratio": 2.0},), {}, ValueError, ("rope_ratio", "rope_theta")),
        ("rope_from_config", ({"head_dim": 4},), {}, ValueError, ("rope_theta",)),
        ("rope_from_config", ({"rope_theta": 1e4},), {}, ValueError, ("head_dim",)),
        ("rope_from_config", (_CONFIG,), {"layer_type": "odd"}, ValueError, ("odd",)),
        ("rope_from_config", ({**_CONFIG, "rope_local_base_freq": 1e3},), {}, ValueError, ("sliding_attention",)),
    ),
)
