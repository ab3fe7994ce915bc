"""What must be true of several heads: FAQ 22, and what makes them trustworthy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.attention import multi_head_mutants as wrong
from mathcore.attention.inputs import some_numbers
from mathcore.attention.multi_head_textbook import (
    DERIVATIVE,
    HEADS,
    PULLED,
    WEIGHTS,
    WHOLE,
    Case,
    agrees,
    allowed,
    ask,
    cases,
    draw_case,
    even_cases,
    even_pullbacks,
    judgement,
    known,
    mixed_cases,
    nudged,
)
from mathcore.attention.multi_head_tolerances import heads_rounding
from mathcore.gradients import gradients_mutants as mistakes
from mathcore.gradients.gradients_tolerances import pulled_back, weighted_value
from mathcore.gradients.laws import differences_agree, of_each, pairs_alike
from mathcore.probability.row_tolerances import central_difference
from mathcore.verify import Claim, Limits, Operations, Target, all_of, domain, equal, laws, less, raises, seeds
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.oracle.counted import Ledger, counted
from mathcore.verify.oracle.residue import Residue, residues
from mathcore.verify.refusals import Misfit, refuse

VASWANI = "Vaswani et al., arXiv:1706.03762, §3.2.2"
NEEDS = (HEADS,)
STEP = "multi_head_attention_step"
ATTENTION = "scaled_dot_product_attention"

equal_a_loop = Claim(
    "heads.equal_a_loop",
    faq=22,
    statement="Several heads at once equal, up to rounding, each head by itself, with projections of its own, laid "
    "side by side and mixed by one matrix; with every option, alone or together.",
    formula=r"y = [\mathrm{head}_1, \dots, \mathrm{head}_H]\,W^O, \qquad \mathrm{head}_h = \mathrm{attention}(xW^Q_h, "
    r"xW^K_h, xW^V_h)",
    legend={
        "h": "a head; of keys and values it has the columns of the key head that it shares",
        "Q": "of queries",
        "K": "of keys",
        "V": "of values",
    },
    source=VASWANI,
    needs=NEEDS,
    tolerances=(heads_rounding,),
    refuted_by=(*wrong.DRAFTS, *wrong.SIZES),
)


@equal_a_loop.property(cases(), effort=1.5)
@equal_a_loop.property(mixed_cases(), effort=0.25)
def matches_the_loop_over_heads(ops: Operations, **case: Any) -> Any:
    return agrees(ops, ask(ops, **case), **case)


slicing = Claim(
    "heads.projection_generalises_slicing",
    faq=22,
    statement="Cutting the features of every word into slices, one for each head, is up to rounding what projections "
    "do that pick coordinates, in any order.",
    formula=r"W^Q = W^K = W^V = \Pi,\; W^O = I \;\Rightarrow\; y = [\mathrm{attention}(x_{(1)}, x_{(1)}, x_{(1)}), "
    r"\dots, \mathrm{attention}(x_{(H)}, x_{(H)}, x_{(H)})]",
    legend={
        "x": "the words; in brackets, the slice of a head, of their features as Π puts them",
        "Q": "of queries",
        "K": "of keys",
        "V": "of values",
        "I": "the identity",
    },
    source=VASWANI,
    needs=(HEADS, ATTENTION),
    limits=Limits(
        options=(
            "num_kv_heads",
            "mask",
            "bias",
            "query_offset",
            "scale",
            "rope_base",
            "return_lse",
            "window",
            "softcap",
        ),
        rows=5,
        width=4,
        signs=("multi_head_attention.params >= 0",),
    ),
    tolerances=(heads_rounding,),
    refuted_by=(
        wrong.split_by_reshape,
        wrong.merged_by_reshape,
        wrong.split_by_strides,
        wrong.scaled_by_all,
        wrong.first_head_everywhere,
        wrong.heads_averaged,
        wrong.last_head_lost,
    ),
)


def picking(order: Any, dtype: Any = np.float64) -> Case:
    """Weights that pick coordinates in some order, and mix nothing."""
    pick = np.eye(len(order))[:, order].astype(dtype)
    return {"query": pick, "key": pick, "value": pick, "output": np.eye(len(order)).astype(dtype)}


def sliced(ops: Operations, x: Any, order: Any, heads: int, **options: Any) -> Any:
    """Every slice of the features by itself, side by side."""
    parts = (x[..., some] for some in np.split(order, heads))
    return np.concatenate([ops.scaled_dot_product_attention(*[p] * 3, **options) for p in parts], -1)


@domain
def features_to_slice(draw: Draw, target: Target, exact: bool) -> dict[str, Any]:
    """Words of several heads' width, and an order of their features, every other time as they come."""
    heads, width, times = draw(st.integers(2, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    rng, size = draw(seeds()), heads * width
    order = rng.permutation(size) if draw(st.booleans()) else np.arange(size)
    if exact and not target.exact:
        times = 1  # which sees itself alone
    name = "float64" if exact else draw(st.sampled_from(target.dtypes))
    kind = residues if target.exact else as_floats
    x = kind(rng.integers(-99, 99, (times, size))) if exact else some_numbers(rng, (times, size), 2.0, name)
    return {"x": x, "order": order, "heads": heads, "is_causal": draw(st.booleans())}


@slicing.property(features_to_slice(exact=False))
def picking_projections_slice(ops: Operations, x: Any, order: Any, heads: int, is_causal: bool) -> Any:
    case = {"x": x, "params": picking(order, x.dtype), "num_heads": heads, "is_causal": is_causal}
    y, by_itself = ask(ops, **case), sliced(ops, x, order, heads, is_causal=is_causal)
    return all_of(agrees(ops, y, **case), equal(y, by_itself, within=allowed(ops, case) * 2))


@slicing.exact(features_to_slice(exact=True), effort=0.5)
def picking_projections_slice_exactly(ops: Operations, x: Any, order: Any, heads: int, is_causal: bool) -> Any:
    # Whatever function stands in for the exponential: what comes out equal is so by algebra.
    params = {name: residues(w) if x.dtype == object else w for name, w in picking(order).items()}
    y = ask(ops, x=x, params=params, num_heads=heads, is_causal=is_causal)
    return equal(y, sliced(ops, x, order, heads, is_causal=is_causal))


cost_the_same = Claim(
    "heads.cost_the_same",
    faq=22,
    statement="H heads of width d/H multiply exactly as often as one head of width d: their products are as many, and "
    "so are their divisions if queries and mixes are divided. Exponentials are H times as many.",
    formula=r"4Td^2 + 2T^2d \text{ multiplications, whatever } H",
    legend={"T": "the number of words", "d": "the width, a multiple of H"},
    limits=Limits(
        options=("num_kv_heads", "mask", "bias", "is_causal", "query_offset", "scale", "rope_base"),
        also=("without a scale of its own, mask, bias or positions", "at most 3 words of 8 features"),
    ),
    source=VASWANI,
    needs=NEEDS,
    refuted_by=(wrong.once_for_each_head, wrong.heads_padded),
)


@domain
def sizes(draw: Draw, target: Target) -> dict[str, Any]:
    """How many words there are, how wide they are and how many heads share them."""
    if not target.exact:
        raise ExactOnlyError(HEADS, "numbers that count")
    heads = draw(st.integers(2, 4))
    return {"times": draw(st.integers(1, 3)), "width": heads * draw(st.integers(1, 2)), "heads": heads}


@cost_the_same.exact(sizes(), effort=0.5)
def operations_are_as_many(ops: Operations, times: int, width: int, heads: int) -> Any:
    several, one = (work_of(ops, times, width, count) for count in (heads, 1))
    products = 4 * times * width**2 + 2 * times**2 * width
    return all_of(equal(several[:2], one[:2]), equal(several[0], products), equal(several[2], heads * one[2]))


def work_of(ops: Operations, times: int, width: int, heads: int) -> tuple[int, int, int]:
    """The multiplications, divisions and exponentials that so many heads do on their own."""
    ledger, whole = Ledger(), np.arange(1, 1 + times * width).reshape(times, width)
    params = {name: counted(np.eye(width, dtype=int) + 1, ledger, Residue) for name in WEIGHTS}
    ask(ops, x=counted(whole, ledger, Residue), params=params, num_heads=heads)
    return ledger.multiplications, ledger.divisions, ledger.exponentials


one_head_must_blend = Claim(
    "heads.one_head_must_blend",
    faq=22,
    statement="Two heads can return what two words hold side by side, each to the last bit. Whatever a single head "
    "returns is one blend of words, so no single head returns both whatever the words hold.",
    formula=r"\nexists W\; \forall c\; \exists p: \quad [c_a, c_b] = \sum_j p_j x_j W, \qquad x_j = (1, e_j, c_j)",
    legend={
        "c": "what a word holds",
        "e": "which word it is",
        "p": "weights: none negative, their sum 1",
        "a": "one word",
        "b": "another",
        "W": "any matrix",
    },
    source=VASWANI,
    needs=NEEDS,
    tolerances=(heads_rounding,),
    refuted_by=(
        wrong.first_head_everywhere,
        wrong.one_choice_for_all,
        wrong.heads_averaged,
        wrong.split_by_reshape,
        wrong.last_head_lost,
        wrong.heads_doubled,
    ),
)


@domain
def two_words(draw: Draw, target: Target) -> dict[str, Any]:
    """A sentence of words in whole numbers, and which two of them are wanted."""
    times, width = draw(st.integers(2, 6)), draw(st.integers(1, 3))
    words = draw(seeds()).integers(-9, 10, (times, width))
    a, b = draw(st.permutations(range(times)))[:2]
    return {"words": as_dtype(words, draw(st.sampled_from(target.dtypes))), "a": a, "b": b}


@one_head_must_blend.exact(two_words(), effort=0.5)
def two_heads_return_both_words(ops: Operations, words: Any, a: int, b: int) -> Any:
    # Word j says 1, which word it is, and its numbers. A score of 4096/√6 or more leaves nothing to other words,
    # for e^−1672 is 0 in every format.
    (times, width), dtype = words.shape, words.dtype
    x = np.concatenate([np.ones((times, 1), dtype), np.eye(times).astype(dtype), words], 1)
    query, key, value = (np.zeros((x.shape[1], 2, n), dtype) for n in (times, times, width))
    query[0, 0, a] = query[0, 1, b] = 4096
    key[1 : times + 1] = np.eye(times)[:, None]
    value[times + 1 :] = np.eye(width)[:, None]
    params = {n: w.reshape(len(w), -1) for n, w in (("query", query), ("key", key), ("value", value))}
    params["output"] = np.eye(2 * width).astype(dtype)
    both = np.concatenate([words[a], words[b]])
    return equal(ask(ops, x=x, params=params, num_heads=2), np.stack([both] * times))


@domain
def one_head(draw: Draw, target: Target) -> Case:
    """A single head."""
    return draw_case(draw, draw(st.sampled_from(target.dtypes)), heads=(1, 1), rotates=draw(st.booleans()))


def every_value_twice(params: Case) -> Case:
    """The matrices of a head that has every value twice, and mixes nothing."""
    value, pad = params["value"], params["query"].shape[1] % 2  # an even width: it could be taken for two heads
    even = {name: np.concatenate([params[name], params[name][:, :pad]], 1) for name in ("query", "key")}
    return {
        **even,
        "value": np.concatenate([value, value], 1),
        "output": np.eye(2 * value.shape[1]).astype(value.dtype),
    }


@one_head_must_blend.property(one_head())
def one_head_gives_one_blend(ops: Operations, **case: Any) -> Any:
    case["params"] = every_value_twice(case["params"])
    left, right = np.split(ask(ops, **case), 2, -1)
    within = allowed(ops, case)[..., : left.shape[-1]] * 2
    return all_of(equal(left, right, within=within), agrees(ops, ask(ops, **case), **case))


@one_head_must_blend.proof
def no_single_head_returns_both(ops: Operations) -> Any:
    """W takes the place of word j to u_j and what it holds to c_j M: y = Σ p_j u_j + Σ p_j c_j M.

    1. Let all words hold λc, and y be [λc, λc] for every λ. Then λ(cM − [c, c]) = −Σ p_j u_j is bounded, and
       cM = [c, c] for every c: M = [I, I].
    2. So y·(f, −f) = Σ p_j u_j·(f, −f) is bounded, whatever the words hold. Of [c_a, c_b] with c_a = λf, c_b = 0 it
       would be λ f·f, which is not.

    Checked: that [I, I] is all that step 1 leaves, that step 2 sees nothing of it, and what a single head of such
    weights returns.
    """
    c, f, places = np.eye(3), np.arange(1.0, 4.0), np.arange(12.0).reshape(2, 6)
    image, sees = np.concatenate([c, c], 1), np.concatenate([f, -f])
    params = dict(zip(WEIGHTS, (np.zeros((5, 1)), np.zeros((5, 1)), np.concatenate([places, image]), np.eye(6)),
                      strict=True))  # fmt: skip
    words = [np.concatenate([np.eye(2), held], 1) for held in (np.stack([16 * f, 0 * f]), np.zeros((2, 3)))]
    far, near = (ask(ops, x=x, params=params, num_heads=1) @ sees for x in words)
    return all_of(
        equal(c @ image, np.concatenate([c, c], 1)),
        equal(image @ sees, 0.0),
        equal(far, near),  # what the words hold is not seen,
        less(abs(near), np.full(2, 16 * f @ f)),  # though it is to be
    )


are_independent = Claim(
    "heads.are_independent",
    faq=22,
    statement="What one head does reaches the output only through its own rows of the mixing matrix. Heads that share "
    "a key head may change places, and so may whole groups of them, if those rows, and masks and biases of their own, "
    "do: up to rounding.",
    formula=r"y = \sum_h \mathrm{head}_h W^O_h",
    legend={"h": "a head"},
    source=VASWANI,
    needs=NEEDS,
    tolerances=(heads_rounding,),
    refuted_by=(
        wrong.first_head_everywhere,
        wrong.one_choice_for_all,
        wrong.heads_averaged,
        wrong.split_by_reshape,
        wrong.merged_by_reshape,
        wrong.split_by_strides,
        wrong.heads_dealt_out,
        wrong.scaled_twice_in_the_first,
    ),
)


@domain
def groups_of_heads(draw: Draw, target: Target) -> dict[str, Any]:
    """Heads that share keys in groups or not, which group to change, and the weights to change it to."""
    name, heads = draw(st.sampled_from(target.dtypes)), draw(st.sampled_from([(2, 2), (3, 3), (4, 2), (6, 3)]))
    case, rng = draw_case(draw, name, heads=heads), draw(seeds())
    other = {n: some_numbers(rng, w.shape, 1.0, name) for n, w in case["params"].items()}
    return {"case": case, "other": other, "group": draw(st.integers(0, heads[1] - 1))}


def in_groups(params: Case, groups: int) -> Case:
    """Columns of projections and rows of the mixing matrix by group of heads, that axis first."""
    by_group = {n: np.stack(np.split(params[n], groups, -1)) for n in WEIGHTS[:3]}
    return {**by_group, "output": np.stack(np.split(params["output"], groups))}


def together(groups: Case) -> Case:
    """Weight matrices again."""
    return {n: np.concatenate(list(w), 0 if n == "output" else -1) for n, w in groups.items()}


@are_independent.property(groups_of_heads())
def heads_add_up(ops: Operations, case: Case, other: Case, group: int) -> Any:
    # The other heads as they were, and this one as it is now: each part alone, through its own rows.
    before, now = in_groups(case["params"], case["num_kv_heads"]), in_groups(other, case["num_kv_heads"])
    own = (np.arange(case["num_kv_heads"]) == group)[:, None, None]
    changed = {n: np.where(own, now[n], w) for n, w in before.items()}
    rest = {**before, "output": np.where(own, 0, before["output"]).astype(before["output"].dtype)}
    alone = {**changed, "output": np.where(own, changed["output"], 0).astype(before["output"].dtype)}
    parts = [{**case, "params": together(params)} for params in (changed, rest, alone)]
    whole, *summands = (ask(ops, **part).astype(np.float64) for part in parts)
    within = allowed(ops, parts[0]) + allowed(ops, parts[1]) + allowed(ops, parts[2])
    judged = known(ops, judgement(ops, case)[2])
    return equal(whole[judged], (summands[0] + summands[1])[judged], within=within[judged])


@are_independent.property(groups_of_heads(), within=st.booleans())
def permuted_heads_permute_weights(ops: Operations, case: Case, other: Case, group: int, within: bool) -> Any:
    # Query heads by key head, (key heads, group): whole groups change places, or heads within each.
    count, key_heads = case["num_heads"], case["num_kv_heads"]
    places = np.arange(count).reshape(key_heads, -1)
    moved = np.roll(places, 1 + group, 1 if within else 0)
    order = {"query": moved, "output": moved, "key": moved[:, 0] // places.shape[1]}
    order["value"] = order["key"]
    params = {
        n: by_head(w, len(order[n].ravel()), 0 if n == "output" else -1, order[n].ravel())
        for n, w in case["params"].items()
    }
    masks = {n: of_heads(case[n], case, moved.ravel()) for n in ("mask", "bias")}
    moved_case = {**case, "params": params, **masks}
    judged = known(ops, judgement(ops, case)[2])
    allowance = allowed(ops, moved_case) + allowed(ops, case)
    return equal(ask(ops, **moved_case)[judged], ask(ops, **case)[judged], within=allowance[judged])


def by_head(w: Any, heads: int, axis: int, order: Any) -> Any:
    """A matrix whose heads along an axis are put in that order."""
    return np.concatenate([np.split(w, heads, axis)[h] for h in order], axis)


def of_heads(given: Any, case: Case, order: Any) -> Any:
    """A mask or bias of every head by itself, in that order."""
    if given is None:
        return None
    times = case["x"].shape[-2]
    return np.broadcast_to(given, (*case["x"].shape[:-2], case["num_heads"], times, times))[..., order, :, :]


order_blind = Claim(
    "heads.order_blind_without_position",
    faq=20,
    statement="With several heads, too, reordering the words reorders the outputs and, up to rounding, changes nothing "
    "else, as long as nothing says where a word stands: no causal mask, no rotation, no mask or bias that stays.",
    formula=r"f(\Pi x) = \Pi f(x)",
    legend={"f": "multi-head attention"},
    source=VASWANI,
    needs=NEEDS,
    limits=Limits(options=("mask", "bias", "is_causal", "query_offset", "scale", "rope_base")),
    tolerances=(heads_rounding,),
    refuted_by=(wrong.split_by_reshape, wrong.merged_by_reshape, wrong.future_always_hidden),
)


@domain
def reordered(draw: Draw, target: Target) -> dict[str, Any]:
    """Two heads or more without options, and another order of the words."""
    name, heads = draw(st.sampled_from(target.dtypes)), draw(st.sampled_from([(2, 2), (2, 1), (3, 3), (4, 2)]))
    times = draw(st.sampled_from([2, 3, 4, 5, 8, 9]))
    case = draw_case(draw, name, heads=heads, times=times, options=False, rotates=False)
    order = draw(seeds()).permutation(times)
    return {"case": case, "order": order if (order != np.arange(times)).any() else order[::-1].copy()}


@domain
def exact_words(draw: Draw, target: Target) -> dict[str, Any]:
    """A few words, weights of two heads or more, and an order, modulo a prime."""
    if not target.exact:
        raise ExactOnlyError(HEADS, "exact numbers")
    heads, width, times, features = (draw(st.integers(*some)) for some in ((2, 3), (1, 2), (2, 4), (1, 3)))
    rng = draw(seeds())
    shapes = [(features, heads * width)] * 3 + [(heads * width, 2)]
    params = {n: rng.integers(-9, 10, shape) for n, shape in zip(WEIGHTS, shapes, strict=True)}
    x, order = residues(rng.integers(-9, 10, (times, features))), np.roll(np.arange(times), 1)
    return {"x": x, "params": {n: residues(w) for n, w in params.items()}, "num_heads": heads, "order": order}


def as_floats(whole: Any) -> Any:
    """Whole numbers as float64."""
    return whole.astype(np.float64)


@order_blind.property(reordered())
def reordering_within_rounding(ops: Operations, case: Case, order: Any) -> Any:
    moved = {**case, "x": case["x"][..., order, :]}
    within = allowed(ops, moved) + allowed(ops, case)[..., order, :]
    return equal(ask(ops, **moved), ask(ops, **case)[..., order, :], within=within)


@order_blind.exact(exact_words(), effort=0.5)
def reordering_is_exact(ops: Operations, x: Any, params: Any, num_heads: int, order: Any) -> Any:
    # Whatever function stands in for the exponential: what comes out equal is so by algebra.
    y = ask(ops, x=x, params=params, num_heads=num_heads)
    return equal(ask(ops, x=x[order], params=params, num_heads=num_heads), y[order])


gradient = Claim(
    "heads.gradient",
    statement="What is sent back to the words and to each of the four matrices is the derivative, with every option: "
    "it equals, up to rounding, the exact derivative of the textbook formula along any direction, and central "
    "differences.",
    formula=r"\langle \bar x, d\rangle = \frac{d}{dt}\,\langle \bar y, f(x + td)\rangle\Big|_{t = 0}",
    legend={
        "f": "multi-head attention, of the words and the matrices",
        "y": "its result; a bar is what is pulled back",
    },
    source=VASWANI,
    needs=DERIVATIVE.needs,
    limits=Limits(
        formats=("multi_head_attention.float32", "multi_head_attention.float16", "multi_head_attention.bfloat16"),
        rows=6,
        width=8,
    ),
    tolerances=(pulled_back, central_difference, weighted_value),
    refuted_by=(
        mistakes.slightly_off(DERIVATIVE.needs[1]),
        mistakes.output_gets_nothing,
        mistakes.input_through_values_alone,
        *wrong.GRADIENTS,
    ),
)


@gradient.property(nudged(), effort=0.75)
@gradient.property(nudged(more=True), effort=0.25)
def derivative_along_a_direction(ops: Operations, **nudge: Any) -> Any:
    return pairs_alike(DERIVATIVE, ops, **nudge)


of_each(gradient, (DERIVATIVE,), differences_agree, effort=0.1)


decode_equals_prefill = Claim(
    "heads.decode_equals_prefill",
    faq=20,
    statement="Reading a text in pieces of any size, with the keys and values of what was read kept, gives every word, "
    "up to rounding, what it gets when the whole text is read at once, causally; positions, masks, biases and groups "
    "included.",
    formula=r"\operatorname{step}(x_{a:b} \mid x_{0:a}) = f(x_{0:T})_{a:b}",
    legend={"f": "causal multi-head attention", "a": "where a piece begins", "b": "where it ends"},
    source=VASWANI,
    needs=(HEADS, STEP, "KeyValueCache"),
    limits=Limits(options=("query_offset",)),
    tolerances=(heads_rounding,),
    refuted_by=wrong.STEPS,
)


@domain
def in_pieces(draw: Draw, target: Target) -> dict[str, Any]:
    """A causal text with every other option, and where it is cut: now and then twice, which leaves a piece empty."""
    times = draw(st.one_of(st.integers(1, 9), st.sampled_from([17, 20])))
    case = draw_case(draw, draw(st.sampled_from(target.dtypes)), times=times)
    cuts = draw(st.lists(st.integers(1, times), max_size=4)) if draw(st.booleans()) else range(1, times)
    return {"case": {**case, "is_causal": True, "query_offset": 0}, "cuts": sorted([0, times, *cuts])}


def read_in_pieces(ops: Operations, case: Case, cuts: list[int]) -> Any:
    """The outputs of all steps."""
    cache, outputs, times = ops.KeyValueCache(), [], case["x"].shape[-2]
    same = {name: case[name] for name in ("num_heads", "num_kv_heads", "scale", "rope_base")}
    for start, end in pairwise(cuts):
        some = {name: cut(case[name], times, start, end) for name in ("mask", "bias")}
        piece = case["x"][..., start:end, :]
        y, cache = ops.multi_head_attention_step(piece, case["params"], cache, **same, **some)
        outputs.append(y)
    return np.concatenate(outputs, -2)


def cut(given: Any, times: int, start: int, end: int) -> Any:
    """The rows of a mask or bias that belong to a piece, over the words so far."""
    if given is None:
        return None
    return np.broadcast_to(given, (*given.shape[:-2], times, times))[..., start:end, :end]


@decode_equals_prefill.property(in_pieces(), effort=1.5)
def pieces_match_the_whole_text(ops: Operations, case: Case, cuts: list[int]) -> Any:
    y = read_in_pieces(ops, case, cuts)
    return all_of(agrees(ops, y, **case), equal(y, ask(ops, **case), within=allowed(ops, case) * 2))


laws_of_heads = laws.every_law(
    WHOLE, PULLED, apart=("any_width", "rows_are_independent"), keeps_dtype=(wrong.rounded_between,)
)
_DOCUMENTED: dict[str, Any] = {
    "mask": (None, np.zeros((1, 1), bool)),
    "bias": (None, np.full((1, 1), -np.inf)),
    "is_causal": (False, True),
    "query_offset": (0, 1),
    "scale": (None, 0.5),
    "rope_base": (None, 500.0),
}
heads_left_out = (
    laws.defaults(laws.Called(HEADS, even_cases()), **_DOCUMENTED),
    laws.defaults(laws.Called(f"{HEADS}_vjp", even_pullbacks()), **_DOCUMENTED),
)
heads_of_any_width = laws.any_width(WHOLE, refuted_by=(wrong.features_beyond_256_dropped,))


rows_are_independent = Claim(
    "multi_head_attention.rows_are_independent",
    statement="A sentence comes out the same alone as among others, up to rounding, whatever they hold, NaN and "
    "infinity included.",
    formula=r"f(x)_b = f(x_b)",
    legend={"f": "multi-head attention", "b": "which sentence"},
    needs=NEEDS,
    tolerances=(heads_rounding,),
    refuted_by=(common.rows_touch(HEADS), common.first_row_everywhere(HEADS), wrong.first_sentence_for_all),
)


@domain
def among_others(draw: Draw, target: Target) -> dict[str, Any]:
    """A few sentences, and which one to look at; a word of another may hold what no number is."""
    count = draw(st.sampled_from([2, 3, 9]))
    case = draw_case(draw, draw(st.sampled_from(target.dtypes)), lead=(count,))
    one, spoilt = draw(st.integers(0, count - 1)), draw(st.sampled_from([None, np.nan, np.inf, -np.inf]))
    if spoilt is not None:
        case["x"][one - 1, draw(st.integers(0, case["x"].shape[1] - 1)), :] = spoilt
    return {"case": case, "one": one}


@rows_are_independent.property(among_others(), effort=0.5)
def a_sentence_alone_matches_it_among_others(ops: Operations, case: Case, one: int) -> Any:
    alone = {**case, "x": case["x"][one], **{n: of_sentence(case[n], one) for n in ("mask", "bias")}}
    return all_of(
        agrees(ops, ask(ops, **case)[one], **alone),
        agrees(ops, ask(ops, **alone), **alone),
    )


def of_sentence(given: Any, one: int) -> Any:
    """The part of a mask or bias that belongs to a sentence."""
    return given if given is None or given.ndim < 4 else given[min(one, len(given) - 1)]


hidden_words = Claim(
    "heads.hidden_words_leave_no_trace",
    faq=20,
    statement="Another word that no head of a word may see, the future included, changes nothing for it beyond "
    "rounding, whatever it holds: other numbers, NaN or infinity.",
    formula=r"j \ne i,\; j \notin \operatorname{seen}_h(i)\ \forall h \;\Rightarrow\; "
    r"\frac{\partial y_i}{\partial x_j} = 0",
    legend={"h": "a head"},
    source=VASWANI,
    needs=NEEDS,
    limits=Limits(options=("query_offset",)),
    tolerances=(heads_rounding,),
    refuted_by=(
        wrong.future_seen,
        wrong.mask_forgotten,
        wrong.zero_times_nan,
        wrong.split_by_reshape,
        wrong.merged_by_reshape,
    ),
)


@domain
def spoilt_words(draw: Draw, target: Target) -> dict[str, Any]:
    """A text, one word of it, and what it holds instead; as often as not that word is hidden from all others."""
    times = draw(st.integers(2, 6))
    case = draw_case(draw, draw(st.sampled_from(target.dtypes)), times=times)
    case["is_causal"], case["query_offset"], word = draw(st.booleans()), 0, draw(st.integers(0, times - 1))
    if not case["is_causal"] or draw(st.booleans()):
        mask = np.ones((times, times), bool)
        mask[:, word] = False
        case["mask"] = mask if case["mask"] is None else case["mask"] & mask
    return {"case": case, "word": word, "held": draw(st.sampled_from([np.nan, np.inf, -np.inf, 7.0, -100.0]))}


@hidden_words.property(spoilt_words())
def hidden_words_change_nothing(ops: Operations, case: Case, word: int, held: float) -> Any:
    spoilt = {**case, "x": case["x"].copy()}
    spoilt["x"][..., word, :] = held
    true, within, seen = judgement(ops, case)
    free = ~seen[..., word].any(-2) & known(ops, seen)  # no head looks there
    free[..., word] = False
    return equal(ask(ops, **spoilt)[free], true[free], within=within[free])


refusals = Claim(
    "heads.refusals",
    statement="What makes no sense is refused by an error that names it: matrices missing or too many, columns that do "
    "not divide into heads, shapes that do not fit, masks of numbers, a text read on in another shape or format.",
    formula=r"H \nmid \text{columns of } W \Rightarrow \mathrm{ValueError}",
    needs=(HEADS, DERIVATIVE.needs[1], STEP, "KeyValueCache"),
    refuted_by=(
        wrong.left_over_columns_dropped,
        wrong.numbers_for_masks,
        wrong.unknown_matrices_ignored,
        wrong.cotangents_stretched,
        wrong.read_on_in_any_format,
    ),
)


def nonsense() -> Iterator[Misfit]:
    """Calls of both that make no sense."""
    x, w = np.ones((3, 4)), np.ones((4, 4))
    params = dict.fromkeys(WEIGHTS, w)
    for changed, error, words in (
        ({"params": {**params, "more": w}}, ValueError, ("more",)),
        ({"params": dict.fromkeys(WEIGHTS[:3], w)}, ValueError, ("output",)),
        ({"num_heads": 3}, ValueError, ("3", "4")),
        ({"num_heads": 0}, ValueError, ("0",)),
        ({"num_heads": -2}, ValueError, ("-2",)),
        ({"num_heads": 4, "num_kv_heads": 3}, ValueError, ("3", "4")),
        ({"num_kv_heads": 4}, ValueError, ("(2, 3, 2)", "(4, 3, 1)")),
        ({"params": {**params, "key": w[:, :2]}}, ValueError, ("(2, 3, 2)", "(2, 3, 1)")),
        ({"params": {**params, "output": w[:3]}}, ValueError, ("(3, 4)",)),
        ({"x": x[0]}, ValueError, ("(4,)",)),
        ({"x": x[:, :3]}, ValueError, ("(3, 3)", "(4, 4)")),
        ({"mask": np.ones((3, 3))}, TypeError, ("float64",)),
        ({"mask": np.ones((3, 2), bool)}, ValueError, ("(3, 2)", "(2, 3, 3)")),
        ({"bias": np.ones((3, 3), bool)}, TypeError, ("bool",)),
        ({"num_heads": 4, "rope_base": 100.0}, ValueError, ("(4, 3, 1)",)),
        ({"rope_base": 0.5}, ValueError, ("0.5",)),
    ):
        given: dict[str, Any] = {"x": x, "params": params, "num_heads": 2, **changed}
        arrays = given.pop("x"), given.pop("params")
        yield HEADS, arrays, given, error, words
        yield PULLED.name, (x, *arrays), given, error, words
    for cotangent in (x[:2], x[:1], x[:, :1], np.ones((2, 3, 4))):
        yield PULLED.name, (cotangent, x, params), {"num_heads": 2}, ValueError, ("(3, 4)", str(cotangent.shape))


refuse(refusals, nonsense())


def read_on() -> Iterator[dict[str, Any]]:
    """How a text of two heads in float64 cannot go on, and what the message must name."""
    yield {"x": np.ones((3, 4)), "heads": 4, "words": ("(2, 3, 2)", "(4, 3, 1)")}
    yield {"x": np.ones((3, 4), np.float32), "heads": 2, "words": ("float64", "float32")}
    yield {"x": np.ones((2, 3, 4)), "heads": 2, "words": ("(2, 3, 2)", "(2, 2, 3, 2)")}


@refusals.exhaustive(read_on)
def unfit_pieces_are_refused(ops: Operations, x: Any, heads: int, words: tuple[str, ...]) -> Any:
    params = dict.fromkeys(WEIGHTS, np.ones((4, 4)))
    _, cache = ops.multi_head_attention_step(np.ones((3, 4)), params, ops.KeyValueCache(), num_heads=2)
    params = {name: w.astype(x.dtype) for name, w in params.items()}
    return raises(lambda: ops.multi_head_attention_step(x, params, cache, num_heads=heads), ValueError, saying=words)
