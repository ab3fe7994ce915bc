"""What must be true of backpropagation: FAQ 3, 4, 7, 10, 17 and 21 rest on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.gradients import gradients_mutants as wrong
from mathcore.gradients.gradients_tolerances import pulled_back, turned, weighted_value
from mathcore.gradients.laws import GRIEWANK, all_needs, differences_agree, gradient_of, of_each, paired, pairs_alike
from mathcore.gradients.records import (
    ATTENTION,
    EMBEDDING,
    LINEAR,
    MULTI_HEAD,
    PRIMITIVES,
    ROPE,
    SINUSOIDAL,
    SOFTMAX,
    Arrays,
    Primitive,
    cotangent,
    examples,
    precise,
)
from mathcore.gradients.textbook import relu
from mathcore.probability import cross_entropy_mutants
from mathcore.probability.cross_entropy_tolerances import cross_entropy_vjp_rounding
from mathcore.probability.row_tolerances import central_difference, gaps
from mathcore.probability.textbook import distribution, log_distribution
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_exact, draw_integers, positions, score_rows
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import all_of, at_least, at_most, equal
from mathcore.verify.tolerances import FORMATS

finite_differences = Claim(
    "gradient.matches_finite_differences",
    statement="What each of the operations sends back is its derivative, where it has one: nudging all of its inputs "
    "a little along d, one way and the other, changes its outputs by as much as the gradient says, up to rounding and "
    "the third order in d.",
    formula=r"\langle \bar x, d\rangle \approx \tfrac12\langle \bar y, f(x + d) - f(x - d)\rangle",
    source=GRIEWANK,
    limits=Limits(
        options=(
            "axis",
            "where",
            "keepdims",
            "b",
            "return_sign",
            "dtype",
            "weight",
            "return_lse",
            "softcap",
            "multi_head_attention.query_offset",
            "multi_head_attention_vjp.query_offset",
        ),
        formats=SHORT_FORMATS,
        rows=2,
        width=6,
        fixed={"zeros": "no input at the kink of ReLU"},
        also=("scores at most 4 apart", "inputs on a grid"),
    ),
    needs=all_needs(PRIMITIVES),
    tolerances=(central_difference, weighted_value, pulled_back),
    refuted_by=(
        wrong.nothing_back("softmax_vjp"),
        wrong.uphill("linear_vjp"),
        wrong.slightly_off("scaled_dot_product_attention_vjp"),
        wrong.untransposed,
        wrong.turned_forwards,
    ),
)
of_each(finite_differences, PRIMITIVES, differences_agree, effort=0.15)

adjoint = Claim(
    "gradient.adjoint",
    statement="Sending back is the transpose of pushing forward: the cotangent u paired with the effect of a step v is "
    "the step paired with what was sent back, up to rounding.",
    formula=r"\langle u, J v\rangle = \langle J^\top u, v\rangle",
    source=GRIEWANK,
    legend={"J": "the derivative of an operation"},
    limits=Limits(
        options=(
            "axis",
            "where",
            "keepdims",
            "b",
            "dtype",
            "weight",
            "softcap",
            "multi_head_attention_vjp.query_offset",
        ),
        formats=SHORT_FORMATS,
        rows=2,
        width=4,
        signs=("cross_entropy_vjp.cotangent >= 0",),
        fixed={"zeros": "no input at the kink of ReLU"},
        also=("scores at most 4 apart", "inputs on a grid"),
    ),
    needs=(*all_needs(PRIMITIVES), "apply_rope", "apply_rope_vjp"),
    tolerances=(pulled_back,),
    refuted_by=(
        wrong.untransposed,
        wrong.slightly_off("embedding_vjp"),
        wrong.first_alone("log_softmax_vjp"),
        wrong.turned_forwards,
        wrong.output_gets_nothing,
    ),
)


@domain
def exact_examples(draw: Draw, target: Target, of: Primitive) -> dict[str, Any]:
    """Numbers that arithmetic is exact on: a cotangent, the arrays and a step along one of them."""
    whole, other = of.drawn(draw)
    sizes = [x.size for x in whole]
    moved = draw(st.integers(0, len(whole) - 1))
    numbers = draw_exact(draw, target, 2 * sum(sizes))
    parts = np.split(numbers, np.cumsum([*sizes, *sizes])[:-1])
    arrays = [part.reshape(x.shape) for part, x in zip(parts, [*whole, *whole], strict=True)]
    arrays, directions = arrays[: len(whole)], arrays[len(whole) :]
    directions = [d if i == moved else d * 0 for i, d in enumerate(directions)]
    return {"arrays": tuple(arrays), "other": other, "directions": tuple(directions), "seed": draw(st.integers(0, 999))}


for _of in (LINEAR, EMBEDDING):

    @adjoint.exact(exact_examples(_of), effort=0.25)
    def bilinear_exactly(
        ops: Operations, arrays: Arrays, other: Any, directions: Any, seed: int, of: Primitive = _of
    ) -> Any:
        # Linear in each array alone, so that a step of any length along one of them is its own effect.
        before = of.value(ops, arrays, other)
        after = of.value(ops, tuple(x + d for x, d in zip(arrays, directions, strict=True)), other)
        u = cotangent(before.shape, seed, np.float64).astype(int).astype(before.dtype)
        pulled = of.pulled(ops, u, arrays, other)
        return equal((u * (after - before)).sum(), sum((p * d).sum() for p, d in zip(pulled, directions, strict=True)))


@domain
def rational_turns(draw: Draw, target: Target) -> dict[str, Any]:
    """Two arrays and a turn by an angle whose cosine and sine are rational, as (3, 4, 5) gives one."""
    from fractions import Fraction

    a, b, c = draw(st.sampled_from([(3, 4, 5), (5, -12, 13), (8, 15, 17), (-3, 4, 5), (0, 1, 1), (0, -1, 1)]))
    rows, half = draw(st.sampled_from([1, 2, 9])), draw(st.integers(1, 4))
    u, v = draw_exact(draw, target, 2, rows, 2 * half)
    number = Fraction if u.dtype == object else float
    cos, sin = (np.full((rows, half), number(n) / c if c > 1 else number(n), u.dtype) for n in (a, b))
    if u.dtype != object and c > 1:  # no float is 3/5
        cos, sin = np.zeros_like(cos), np.sign(b) * np.ones_like(sin)
    return {"u": u, "v": v, "cos": cos, "sin": sin, "interleaved": draw(st.booleans())}


@adjoint.exact(rational_turns(), effort=0.25)
def rational_rotations(ops: Operations, u: Any, v: Any, cos: Any, sin: Any, interleaved: bool) -> Any:
    forward = ops.apply_rope(v, cos, sin, interleaved=interleaved)
    back = ops.apply_rope_vjp(u, v, cos, sin, interleaved=interleaved)
    return equal((u * forward).sum(), (back * v).sum())


of_each(adjoint, PRIMITIVES, pairs_alike, effort=0.15)


ONE_BY_ONE = (
    gradient_of(
        SINUSOIDAL, "the positions", wrong.first_alone("sinusoidal_positional_encoding_vjp"),
        limits=Limits(formats=SHORT_FORMATS, rows=2, width=9),
    ),
    gradient_of(
        ROPE, "the vectors", wrong.turned_forwards, wrong.offset_forgotten, wrong.pairs_exchanged,
        limits=Limits(formats=SHORT_FORMATS),
    ),
    gradient_of(
        ATTENTION, "queries, keys and values", wrong.scale_forgotten, wrong.future_in_the_gradient,
        wrong.softmax_taken_for_constant, wrong.bias_unread, wrong.keys_of_eight, wrong.first_group_for_all,
        limits=Limits(("return_lse", "softcap"), SHORT_FORMATS, width=9, also=("scores at most 4 apart",)),
    ),
    gradient_of(
        MULTI_HEAD, "x and its four matrices", wrong.output_gets_nothing, wrong.input_through_values_alone,
        wrong.heads_bias_unread, wrong.first_eight_words, wrong.sixteen_features, wrong.groups_exchanged,
        limits=Limits(("query_offset",), SHORT_FORMATS, width=8, also=("scores at most 4 apart",)),
    ),
)  # fmt: skip


rope_turns_back = Claim(
    "gradient.rope_is_the_inverse_turn",
    statement="What RoPE sends back is the cotangent turned the other way, RoPE at −m, up to rounding: undoing a "
    "rotation is transposing it.",
    formula=r"\bar x = R_m^\top \bar y = R_{-m}\,\bar y, \qquad R_m^\top R_m x = x",
    source="Su et al., arXiv:2104.09864, §3.2",
    legend={"R": "the rotation by a position m"},
    limits=Limits(options=("frequencies", "attention_factor"), also=("nothing overflows",)),
    needs=("rope", "rope_vjp"),
    tolerances=(turned,),
    refuted_by=(wrong.turned_forwards, wrong.offset_forgotten, wrong.pairs_exchanged, *wrong.of("rope_vjp")[:3]),
)


@domain
def turns(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors, a cotangent and places near and far, with every option."""
    name, rows = draw(st.sampled_from(target.dtypes)), draw(st.sampled_from([1, 2, 3, 3, 40]))
    half = draw(st.one_of(st.integers(1, 8), st.just(33)))
    width = 2 * half + draw(st.sampled_from([0, 0, 1, 3]))
    places = [draw(positions()) * draw(st.sampled_from([-1, 1])) // 2 for _ in range(rows)]
    options = {
        "base": draw(st.sampled_from([100.0, 10_000.0, 500_000.0])),
        "interleaved": draw(st.booleans()),
        "rotary_dim": 2 * half,
    }
    x, g = (draw_array(draw, (rows, width), name, (2.0**-6, 2.0**6)) for _ in range(2))
    return {
        "x": x, "g": g, "places": np.array(places), "offset": draw(st.sampled_from([0, 0, 7, -100])),
        "options": options,
    }  # fmt: skip


def reach(x: Any, interleaved: bool, rotary_dim: int, **_: Any) -> Any:
    """|a| + |b| of the pair that each feature belongs to; 0 for those that do not turn."""
    size, half = abs(x.astype(np.float64)), rotary_dim // 2
    pairs = np.zeros_like(size)
    for i in range(half):
        pair = [2 * i, 2 * i + 1] if interleaved else [i, i + half]
        pairs[..., pair] = size[..., pair].sum(-1, keepdims=True)
    return pairs


@rope_turns_back.property(turns())
def undone_by_the_opposite_rotation(ops: Operations, x: Any, g: Any, places: Any, offset: int, options: Any) -> Any:
    back = ops.rope_vjp(g, x, places, offset=offset, **options)
    there = ops.rope(x, places, offset=offset, **options)
    # What the first turn lost is turned with the rest: both halves of a pair, so twice.
    lost = turned(reach(there, **options), x.dtype) + turned(reach(x, **options), x.dtype) * 2
    return all_of(
        equal(back, ops.rope(g, -places, offset=-offset, **options), within=turned(reach(g, **options), g.dtype)),
        equal(ops.rope_vjp(there, x, places, offset=offset, **options), x, within=lost),
    )


chain_rule = Claim(
    "gradient.chain_rule",
    statement="The gradient of a chain of operations is the chain of their gradients, from the last to the first, up "
    "to rounding: that is backpropagation.",
    formula=r"(f_k \circ \dots \circ f_1)'(x)^\top \bar y = f_1'(x)^\top \cdots f_k'(x_{k-1})^\top\, \bar y",
    legend={"f": "the operations", "x": "the input, with an index what each of them is given"},
    limits=Limits(
        options=("axis", "where", "dtype"),
        formats=SHORT_FORMATS,
        rows=4,
        width=3,
        also=("layer, ReLU, layer, softmax; embedding, layer, log-softmax", "no unit at its kink"),
    ),
    source="Rumelhart, Hinton & Williams, Nature 323 (1986), doi:10.1038/323533a0",
    needs=(
        "linear", "linear_vjp", "relu", "relu_vjp", "softmax", "softmax_vjp", "embedding", "embedding_vjp",
        "log_softmax", "log_softmax_vjp", "relu_net", "relu_net_vjp",
    ),
    tolerances=(pulled_back,),
    refuted_by=(
        wrong.untransposed, wrong.uphill("relu_vjp"), wrong.slightly_off("softmax_vjp"),
        wrong.first_alone("log_softmax_vjp"), wrong.nothing_back("embedding_vjp"), wrong.cotangent_unread("relu_vjp"),
        wrong.order_of_layers,
    ),
)  # fmt: skip


@domain
def small_nets(draw: Draw, target: Target) -> dict[str, Any]:
    """Two layers in whole numbers with half-integer biases, so that no unit stands at its kink, and a step of all."""
    dtype = precise(target)
    rows, m, k, n = (draw(st.integers(1, 3)) for _ in range(4))
    if draw(st.integers(0, 7)) == 7:
        rows = draw(st.sampled_from([9, 33]))
    shapes = [(rows, m), (m, k), (k,), (k, n), (n,)]
    arrays = [draw_integers(draw, shape, 2).astype(dtype) for shape in shapes]
    arrays[2] = arrays[2] + arrays[2].dtype.type(0.5)
    arrays[3] = arrays[3] / 8
    return {
        "arrays": tuple(arrays),
        "directions": tuple(draw_integers(draw, shape, 2).astype(np.float64) for shape in shapes),
        "seed": draw(st.integers(0, 999)),
    }


@chain_rule.property(small_nets(), effort=0.5)
def through_two_layers_and_softmax(ops: Operations, arrays: Arrays, directions: Any, seed: int) -> Any:
    x, w1, b1, w2, b2 = arrays
    before = ops.linear(x, w1, b1)
    hidden = ops.relu(before)
    scores = ops.linear(hidden, w2, b2)
    g = cotangent(scores.shape, seed, x.dtype)
    scores_bar = ops.softmax_vjp(g, scores)
    hidden_bar, w2_bar, b2_bar = ops.linear_vjp(scores_bar, hidden, w2, b2)
    x_bar, w1_bar, b1_bar = ops.linear_vjp(ops.relu_vjp(hidden_bar, before), x, w1, b1)
    gradients = (x_bar, w1_bar, b1_bar, w2_bar, b2_bar)

    def whole(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        return np.asarray((g.astype(np.float64) * distribution(relu(x @ w1 + b1) @ w2 + b2)).sum())

    within = pulled_back(whole, arrays, directions, gradients, x.dtype)
    return all_of(
        equal(paired(gradients, directions), derivative(whole, arrays, directions), within=within),
        equal(ops.softmax(scores).shape, g.shape),
    )


@chain_rule.property(small_nets(), effort=0.5)
def through_a_table_and_log_softmax(ops: Operations, arrays: Arrays, directions: Any, seed: int) -> Any:
    table, weight = arrays[0], arrays[1] / 8
    ids = np.random.default_rng(seed).integers(0, len(table), 4)
    vectors = ops.embedding(ids, table)
    scores = ops.linear(vectors, weight)
    g = cotangent(scores.shape, seed, table.dtype)
    vectors_bar, weight_bar = ops.linear_vjp(ops.log_softmax_vjp(g, scores), vectors, weight)
    gradients = (ops.embedding_vjp(vectors_bar, ids, table), weight_bar)

    def whole(table: Any, weight: Any) -> Any:
        y = table[ids] @ weight
        return np.asarray((g.astype(np.float64) * log_distribution(y)).sum())

    within = pulled_back(whole, (table, weight), directions[:2], gradients, table.dtype)
    return equal(paired(gradients, directions[:2]), derivative(whole, (table, weight), directions[:2]), within=within)


@chain_rule.exact(small_nets(), effort=0.5)
def a_net_is_its_layers(ops: Operations, arrays: Arrays, directions: Any, seed: int) -> Any:
    x, w1, b1, w2, b2 = arrays
    layers = ((w1, b1), (w2, b2))
    g = cotangent((len(x), len(b2)), seed, x.dtype)
    whole, slopes = ops.relu_net_vjp(g, x, layers)
    before = ops.linear(x, w1, b1)
    hidden_bar, *second = ops.linear_vjp(g, ops.relu(before), w2, b2)
    x_bar, *first = ops.linear_vjp(ops.relu_vjp(hidden_bar, before), x, w1, b1)
    chained = [x_bar, *first, *second]
    return all_of(*(equal(a, b) for a, b in zip([whole, *slopes[0], *slopes[1]], chained, strict=True)))


error_at_the_logits = Claim(
    "gradient.cross_entropy",
    statement="Without smoothing the gradient of a cross-entropy by the logits x is the error p − one_hot(y), p their "
    "softmax, up to rounding. It is finite for any finite logits: no quotient by a vanishing probability is formed.",
    formula=r"\frac{\partial}{\partial x_i}\bigl(-\ln \operatorname{softmax}(x)_y\bigr) = p_i - [i = y]",
    legend={"y": "the class that is right"},
    limits=Limits(
        options=("axis", "weight", "ignore_index", "label_smoothing", "where", "dtype"),
        formats=("softmax_vjp.float32", "softmax_vjp.float16", "softmax_vjp.bfloat16"),
        rows=1,
        width=6,
        signs=("softmax_vjp.cotangent <= 0",),
        said=("Without smoothing",),
    ),
    source="Bridle, Neurocomputing (1990), doi:10.1007/978-3-642-76153-9_28",
    needs=("cross_entropy_vjp", "softmax_vjp"),
    tolerances=(cross_entropy_vjp_rounding, pulled_back),
    refuted_by=(
        cross_entropy_mutants.one_hot_forgotten, cross_entropy_mutants.gradient_uphill,
        cross_entropy_mutants.gradient_of_unshifted, *wrong.of("cross_entropy_vjp"), wrong.first_alone("softmax_vjp"),
    ),
)  # fmt: skip


@domain
def answered_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores of any shape that softmax meets, and a right answer for each row."""
    x = draw(score_rows(most=65, masked=False).build(target))
    return {"x": x, "y": draw_integers(draw, (len(x),), 10**6) % x.shape[-1]}


@error_at_the_logits.property(answered_rows())
def is_p_minus_one_hot(ops: Operations, x: Any, y: Any) -> Any:
    g = (np.arange(len(x)) - 1.25).astype(x.dtype)
    right = np.arange(x.shape[-1]) == y[:, None]

    def error(x: Any, g: Any) -> Any:
        return g[:, None] * (distribution(x) - right.astype(int))

    p = np.exp(-gaps(x))
    p = p / p.sum(-1, keepdims=True)
    how = (x.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    within = cross_entropy_vjp_rounding(g.astype(np.float64)[:, None], x, p, right.astype(int), *how)
    return equal(ops.cross_entropy_vjp(g, x, y, reduction="none"), enclose(error, x, g), within=within)


@error_at_the_logits.property(examples(SOFTMAX), effort=0.5)
def the_long_way_through_softmax(ops: Operations, arrays: Arrays, other: Any, directions: Any, seed: int) -> Any:
    # The long way: the slope of −ln p_y is −1/p_y, sent back through softmax.
    x, d = arrays[0][:1], directions[0][:1]
    y = seed % x.shape[-1]
    q = np.exp(x.astype(np.float64))
    slope = (-q.sum() / q * (np.arange(x.shape[-1]) == y)).astype(x.dtype)
    pulled = ops.softmax_vjp(slope, x)

    def surprise(x: Any) -> Any:
        return -log_distribution(x)[..., y].sum()

    # 1/p_y was rounded a few times, as it would be in a chain: a node like any other.
    within = pulled_back(lambda x: -np.log(distribution(x)[0, y]), (x,), (d,), (pulled,), x.dtype)
    return equal(paired((pulled,), (d,)), derivative(surprise, (x,), (d,)), within=within)


def extreme_logits(target: Target) -> Iterator[dict[str, Any]]:
    """Every row of two and three of seven extreme finite numbers, in every format."""
    for name in target.dtypes:
        f = FORMATS[name]
        values = as_dtype([-f.most, -f.most / 2, -1, 0, f.smallest, 1000, f.most], name)
        for width in (2, 3):
            yield {"x": values[np.indices((len(values),) * width).reshape(width, -1).T]}


@error_at_the_logits.exhaustive(extreme_logits)
def bounded_at_extremes(ops: Operations, x: Any) -> Any:
    one = np.ones(len(x), x.dtype)
    pulled = ops.cross_entropy_vjp(one, x, np.zeros(len(x), int), reduction="none").astype(np.float64)
    return all_of(
        at_least(pulled, -1.0), at_most(pulled, 1.0), at_most(pulled[:, 0], 0.0), at_least(pulled[:, 1:], 0.0)
    )
