"""What must be true of a linear layer: FAQ 9, 14, 15 and 16."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants as wrong
from mathcore.layers.law_claims import (
    exact_arrays,
    exact_pair,
    exactly,
    float_stack,
    large_layers,
    whole_layer,
    whole_numbers_pulled,
    work_of,
)
from mathcore.layers.linear_tolerances import merged_layers, stacked_layers
from mathcore.layers.records import LINEAR, LINEAR_VJP
from mathcore.layers.textbook import row_by_row, true_layer
from mathcore.verify import (
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_most,
    domain,
    draw_array,
    draw_integers,
    enclose,
    equal,
    identical,
    less,
    raises,
    widths,
)
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import Conjunction
from mathcore.verify.tolerances import FORMATS, dot_product, dtype_named, magnitude


# FAQ 9: layers.
@domain
def exact_layer(draw: Draw, target: Target) -> dict[str, Any]:
    """x (rows, inputs), weight (inputs, outputs), bias (outputs,) in numbers that arithmetic is exact on."""
    rows, inputs, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    return exact_arrays(draw, target, x=(rows, inputs), weight=(inputs, outputs), bias=(outputs,))


layer_is_a_matrix = Claim(
    "linear.layer_is_a_matrix",
    faq=9,
    statement="A layer is a matrix W and a bias b: each output y_j is a weighted sum of the inputs x_i, plus its own "
    "bias.",
    formula=r"y_j = \sum_i x_i W_{ij} + b_j",
    source="Higham, Accuracy and Stability of Numerical Algorithms (2002), §3.5",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.weight_transposed,
        wrong.bias_forgotten,
        wrong.bias_scaled,
        wrong.bias_along_the_rows,
        wrong.one_bias_for_all,
        wrong.last_input_dropped,
        wrong.relu_inside,
        wrong.inputs_of_eleven_bits,
        wrong.float32_inside,
        wrong.far_corner_lost,
    ),
    limits=Limits(fixed={"scale": "nothing overflows"}),
)


@layer_is_a_matrix.exact(exact_layer())
def outputs_are_weighted_sums(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    by_hand = [[sum(row * column) + b for column, b in zip(weight.T, bias, strict=True)] for row in x]
    return equal(ops.linear(x, weight, bias), by_hand)


@layer_is_a_matrix.property(LINEAR.inputs(most=300))
def layer_within_the_bound(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR.agrees(ops, x=x, weight=weight, bias=bias)


@layer_is_a_matrix.exhaustive(large_layers)
def large_layers_are_exact(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return equal(ops.linear(x, weight, bias), exactly(x, weight, bias))


is_linear = Claim(
    "linear.is_linear",
    faq=9,
    statement="A layer f without bias is linear, up to rounding: a sum goes to the sum, a multiple to the multiple. "
    "With a bias it is affine: that is true where the weights of the mixture add up to 1.",
    formula=r"f(\alpha x + \beta y) = \alpha f(x) + \beta f(y), \qquad \text{with a bias if } \alpha + \beta = 1",
    legend={"x": "an input", "y": "another", "α": "a number", "β": "another"},
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.squared, wrong.saturated, wrong.relu_inside, wrong.one_too_many, wrong.normalised),
    limits=Limits(also=("α and β are whole",), fixed={"scale": "inputs are whole numbers, or fractions"}),
)


@domain
def exact_mixtures(draw: Draw, target: Target) -> dict[str, Any]:
    """Two batches, two multiples, weights and a bias in exact numbers."""
    rows, inputs, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    arrays = exact_arrays(draw, target, x=(rows, inputs), y=(rows, inputs), weight=(inputs, outputs), bias=(outputs,))
    return {**arrays, "a": draw(st.integers(-3, 3)), "b": draw(st.integers(-3, 3))}


@is_linear.exact(exact_mixtures())
def exact_mixtures_go_through(ops: Operations, x: Any, y: Any, a: int, b: int, weight: Any, bias: Any) -> Any:
    fx, fy, affine_x, affine_y = (ops.linear(z, weight, *b) for b in ((), (bias,)) for z in (x, y))
    return all_of(
        equal(ops.linear(a * x + b * y, weight), a * fx + b * fy),
        equal(ops.linear(a * x + (1 - a) * y, weight, bias), a * affine_x + (1 - a) * affine_y),
    )


@domain
def float_mixtures(draw: Draw, target: Target) -> dict[str, Any]:
    """Two batches of whole numbers and two multiples, whose mixture every format has; weights, with a bias or none."""
    name, rows = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 3))
    inputs, outputs = draw(widths(most=40)), draw(st.integers(1, 4))
    x, y = (as_dtype(draw_integers(draw, (rows, inputs), 12), name) for _ in range(2))
    weight, bias = (draw_array(draw, s, name, (2.0**-4, 2.0**4)) for s in ((inputs, outputs), (outputs,)))
    affine, a = draw(st.booleans()), draw(st.integers(-3, 3))
    b = 1 - a if affine else draw(st.integers(-3, 3))
    return {"x": x, "y": y, "a": a, "b": b, "weight": weight, "bias": bias if affine else None}


@is_linear.property(float_mixtures())
def mixtures_go_through_within_the_bound(
    ops: Operations, x: Any, y: Any, a: int, b: int, weight: Any, bias: Any
) -> Any:
    def allowed(z: Any) -> Any:
        return true_layer(z, weight, bias)[1]

    z = (a * x.astype(np.float64) + b * y.astype(np.float64)).astype(x.dtype)
    mixed = enclose(lambda fx, fy: a * fx + b * fy, ops.linear(x, weight, bias), ops.linear(y, weight, bias))
    return equal(ops.linear(z, weight, bias), mixed, within=allowed(z) + allowed(x) * a + allowed(y) * b)


# FAQ 14: what a layer "sees".
score_is_alignment = Claim(
    "linear.score_is_alignment",
    faq=14,
    statement="A score is the length of the input x times the length of the weights w times the cosine between them, "
    "up to rounding: among inputs of one length largest in the weights' own direction, zero at right angles, negative "
    "when opposed.",
    formula=r"x \cdot w = \lVert x\rVert\,\lVert w\rVert \cos\angle(x, w), \qquad x \ne 0,\ w \ne 0",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.relu_inside, wrong.normalised, wrong.squared, wrong.one_too_many, wrong.skips_a_product),
    limits=Limits(options=("bias",), fixed={"scale": "nothing overflows"}),
)


@domain
def directions(draw: Draw, target: Target) -> dict[str, Any]:
    """Weights of whole numbers, how their places and signs change, and two factors."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 6))
    return {
        "w": as_dtype(draw_integers(draw, (n,), 4), name),
        "places": draw(st.permutations(range(n))),
        "turned": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        "along": draw(st.integers(2, 3)), "beside": draw(st.sampled_from([-2, -1, 1, 2])),
    }  # fmt: skip


def around(w: Any, places: Any, turned: Any, along: int, beside: int) -> tuple[Any, Any, Any, Any]:
    """Weights other than 0, and inputs: of the same length, at right angles, and long, but not in their direction."""
    w = np.r_[w[:1] + (not w.any()), w[1:]].astype(w.dtype)
    across = np.r_[-w[1], w[0], np.zeros(len(w) - 2)].astype(w.dtype)
    if not across.any():  # the first two weights are 0
        across[0] = 1
    long = along * w.astype(np.float64) + beside * across.astype(np.float64)
    return w, np.where(turned, -w, w)[list(places)], across, long.astype(w.dtype)


@score_is_alignment.property(directions())
def own_direction_scores_highest(ops: Operations, **how: Any) -> Any:
    w, same_length, across, _ = around(**how)
    score: Callable[[Any], Any] = lambda x: ops.linear(x[None], w[:, None])[0, 0]  # noqa: E731
    return all_of(  # whole numbers: every score is exact
        at_most(score(same_length), score(w)),
        less(0.0, score(w)),
        equal(score(across), 0.0),
        equal(score(-w), -score(w)),
        equal(score(w), (w.astype(np.float64) ** 2).sum()),
    )


@domain
def input_and_weights(draw: Draw, target: Target) -> dict[str, Any]:
    """An input and a weight vector of one width."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(widths(most=40))
    return {key: draw_array(draw, (n,), name, (2.0**-6, 2.0**4)) for key in "xw"}


def lengths_times_cosine(x: Any, w: Any) -> Any:
    """‖x‖ ‖w‖ cos ∠(x, w), the cosine by the law of cosines."""
    xx, ww, gap = (x * x).sum(), (w * w).sum(), ((x - w) * (x - w)).sum()
    return np.array([(xx + ww - gap) / 2])


@score_is_alignment.property(input_and_weights(), effort=0.5)
def score_is_lengths_times_cosine(ops: Operations, x: Any, w: Any) -> Any:
    allowed = dot_product(magnitude(x[None], w[:, None]), len(x), x.dtype)
    return equal(ops.linear(x[None], w[:, None])[0], enclose(lengths_times_cosine, x, w), within=allowed[0])


columns_are_detectors = Claim(
    "linear.columns_are_detectors",
    faq=14,
    statement="Each output y_j looks at its own column of the weights W and at no other.",
    formula=r"y_j = x \cdot W_{:j} + b_j",
    limits=Limits(fixed={"scale": "nothing overflows"}),
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.columns_swapped, wrong.columns_mixed, wrong.weight_transposed, wrong.bias_forgotten, wrong.columns_touch,
        wrong.one_bias_for_all,
    ),
)  # fmt: skip


@columns_are_detectors.exact(exact_layer())
def column_alone_gives_its_output(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    together = ops.linear(x, weight, bias)
    return all_of(
        *(
            equal(together[:, j : j + 1], ops.linear(x, weight[:, j : j + 1], bias[j : j + 1]))
            for j in range(len(bias))
        ),
        equal(ops.linear(x, weight[:, ::-1], bias[::-1]), together[:, ::-1]),
    )


@domain
def columns_and_strangers(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer, one of its columns, and what else might stand in the others."""
    layer = LINEAR.draw(draw, target, most=40)
    strange = draw(st.sampled_from([np.nan, np.inf, FORMATS[layer["x"].dtype.name].most, 0.0]))
    return {**layer, "j": draw(st.integers(0, layer["weight"].shape[1] - 1)), "strange": strange}


@columns_are_detectors.property(columns_and_strangers(), effort=0.5)
def other_columns_change_no_bit(ops: Operations, x: Any, weight: Any, bias: Any, j: int, strange: float) -> Any:
    mine = np.arange(weight.shape[1]) == j
    others, alone = np.where(mine, weight, x.dtype.type(strange)), None if bias is None else bias[[j]]
    return all_of(
        identical(ops.linear(x, others, bias)[..., j], ops.linear(x, weight, bias)[..., j]),
        LINEAR.agrees(ops, x=x, weight=weight[:, [j]], bias=alone),
        LINEAR.agrees(ops, x=x, weight=weight, bias=bias),
    )


high_score_means_aligned = Claim(
    "linear.high_score_means_aligned",
    faq=14,
    verdict="refuted",
    statement="A high score occurs only for an input that is aligned with the weights.",
    corrected="Among inputs x, y of one length the highest score goes to the one that is aligned best; a long input "
    "can outscore a short one that is better aligned.",
    formula=r"\lVert x\rVert = \lVert y\rVert > 0,\ w \ne 0: \quad x \cdot w > y \cdot w \iff "
    r"\cos\angle(x, w) > \cos\angle(y, w)",
    limits=Limits(
        options=("bias",),
        rows=6,
        width=6,
        fixed={"scale": "whole numbers whose sums are exact"},
    ),
    needs=("linear",),
    legend={"w": "the weights"},
    refuted_by=(wrong.relu_inside, wrong.squared, wrong.skips_a_product),
    rests_on=("linear.score_is_alignment",),
)


@high_score_means_aligned.property(directions())
def longer_input_outscores_the_aligned_one(ops: Operations, **how: Any) -> Any:
    w, same_length, _, long = around(**how)
    scores = ops.linear(np.stack([w, same_length, -same_length, long]), w[:, None])[:, 0].astype(np.float64)
    gaps = ((np.stack([w, same_length, -same_length]).astype(np.float64) - w.astype(np.float64)) ** 2).sum(1)
    # Of one length: the smaller the distance to w, the higher the score, in exact whole numbers. The long one is not
    # in the direction of w, which the short one, w itself, is: and yet it wins.
    return all_of(equal(scores[:3], (w.astype(np.float64) ** 2).sum() - gaps / 2), less(scores[0], scores[3]))


@high_score_means_aligned.counterexample(
    x=st.lists(st.integers(-3, 3), min_size=2, max_size=2), w=st.just([1, 0]), y=st.just([1, 0])
)
def only_aligned_inputs_score_highest(ops: Operations, x: list[int], w: list[int], y: list[int]) -> Any:
    score: Callable[[Any], Any] = lambda v: ops.linear(np.array([v], float), np.array([w], float).T)[0, 0]  # noqa: E731
    aligned = x[1] == 0 and x[0] > 0  # y lies exactly in the direction of w
    return at_most(score(x), score(y)) if not aligned else equal(0.0, 0.0)


# FAQ 15: what matrix multiplication does.
multiply_add = Claim(
    "linear.matmul_is_multiply_add",
    faq=15,
    statement="A product C of matrices A and B is nothing but multiplications and additions, in three nested loops; "
    "another order changes no more than rounding.",
    formula=r"C_{ij} = \sum_k A_{ik} B_{kj}",
    needs=("linear",),
    limits=Limits(options=("bias",), fixed={"scale": "nothing overflows"}),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.weight_transposed,
        wrong.last_input_dropped,
        wrong.skips_a_product,
        wrong.tail_of_inputs_unread,
        wrong.tile_twice,
        wrong.columns_mixed,
        wrong.far_corner_lost,
    ),
)


def triple_loop(a: Any, b: Any) -> Any:
    """The textbook's three loops."""
    return [[sum(a[i, k] * b[k, j] for k in range(len(b))) for j in range(b.shape[1])] for i in range(len(a))]


@domain
def whole_matrices(draw: Draw, target: Target) -> dict[str, Any]:
    """Matrices of whole numbers, of any width, so small that their products add up exactly in 32 bits."""
    name, rows, k, n = (
        draw(st.sampled_from(target.dtypes)),
        draw(st.integers(1, 3)),
        draw(widths()),
        draw(st.integers(1, 3)),
    )
    return {"a": as_dtype(draw_integers(draw, (rows, k), 4), name), "b": as_dtype(draw_integers(draw, (k, n), 4), name)}


@multiply_add.exact(whole_matrices())
def whole_matrices_multiply_exactly(ops: Operations, a: Any, b: Any) -> Any:
    return equal(ops.linear(a, b), exactly(a, b))


@multiply_add.exact(exact_pair(), effort=0.5)
def product_equals_three_loops(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(x, u), triple_loop(x, u))


@multiply_add.property(LINEAR.inputs())
def product_within_the_bound(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR.agrees(ops, x=x, weight=weight, bias=None)


@multiply_add.exhaustive(large_layers)
def large_products_are_exact(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return equal(ops.linear(x, weight), exactly(x, weight))


operation_count = Claim(
    "linear.operation_count",
    faq=15,
    statement="By three nested loops a product of an (m, k) with a (k, n) matrix costs mnk multiplications and "
    "mn(k − 1) additions, if k ≥ 1.",
    formula=r"mnk \ \text{multiplications}, \qquad mn(k - 1) \ \text{additions}, \qquad k \ge 1",
    source="Golub & Van Loan, Matrix Computations, 4th ed. (2013), §1.1",
    needs=("linear",),
    limits=Limits(options=("bias",)),
    refuted_by=(wrong.last_input_dropped, wrong.skips_a_product, wrong.computes_the_product),
)


@domain
def three_sizes(draw: Draw, target: Target) -> dict[str, Any]:
    """The shapes of two matrices, and whether the target takes numbers that count."""
    return {**{name: draw(st.integers(name == "k", 6)) for name in "mkn"}, "counts": target.exact}


@operation_count.exact(three_sizes())
def multiplications_and_additions_are_counted(ops: Operations, m: int, k: int, n: int, counts: bool) -> Any:
    cost = work_of(ops, np.ones((m, k), int), np.ones((k, n), int), counts=counts)
    return equal(cost, [m * n * k, m * n * (k - 1)])


rows_are_independent = Claim(
    "linear.rows_are_independent",
    faq=15,
    statement="A row of the result depends on that row of the input X alone: what stands in the others, NaN and ∞ "
    "included, changes no bit of it, and how many there are no more than rounding. So it is for the cotangent of the "
    "input.",
    formula=r"(XW + b)_i = X_i W + b",
    limits=Limits(fixed={"scale": "nothing overflows in the row itself"}),
    needs=("linear", "linear_vjp"),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.mean_removed, wrong.rows_reversed, wrong.first_row_everywhere, wrong.later_rows_lost,
        wrong.input_rows_shifted, wrong.rows_touch, wrong.pulled_rows_touch, wrong.first_row_pulled_into_all,
    ),
)  # fmt: skip


@rows_are_independent.exact(exact_layer(), effort=0.5)
def rows_alone_equal_rows_together(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    rows = [ops.linear(x[i : i + 1], weight, bias)[0] for i in range(len(x))]
    return equal(ops.linear(x, weight, bias), np.stack(rows))


@domain
def rows_and_strangers(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer with several rows and a cotangent, and what else might stand in all rows but the first or the last."""
    drawn = LINEAR_VJP.draw(draw, target, rows=draw(st.integers(2, 4)))
    strange = draw(st.sampled_from([np.nan, np.inf, -np.inf, FORMATS[drawn["x"].dtype.name].most, 0.0]))
    return {**drawn, "strange": drawn["x"].dtype.type(strange), "place": draw(st.sampled_from([0, -1]))}


def among(strange: Any, x: Any, place: int) -> Any:
    """One row in the company of `strange` alone."""
    company = np.full_like(x, strange)
    company[place] = x[place]
    return company


@rows_are_independent.property(rows_and_strangers(), effort=0.5)
def other_rows_change_no_bit(ops: Operations, g: Any, x: Any, weight: Any, bias: Any, strange: Any, place: int) -> Any:
    company = ops.linear(among(strange, x, place), weight, bias)
    return all_of(
        identical(company[place], ops.linear(x, weight, bias)[place]),
        LINEAR.agrees(ops, x=x[:1], weight=weight, bias=bias),
        LINEAR.agrees(ops, x=x, weight=weight, bias=bias),
    )


@rows_are_independent.property(rows_and_strangers(), effort=0.5)
def other_rows_change_no_bit_of_the_gradient(
    ops: Operations, g: Any, x: Any, weight: Any, bias: Any, strange: Any, place: int
) -> Any:
    company = ops.linear_vjp(among(strange, g, place), among(strange, x, place), weight, bias)[0]
    return all_of(
        identical(company[place], ops.linear_vjp(g, x, weight, bias)[0][place]),
        LINEAR_VJP.agrees(ops, g=g[:1], x=x[:1], weight=weight, bias=bias),
        LINEAR_VJP.agrees(ops, g=g, x=x, weight=weight, bias=bias),
    )


def thousands_of_rows(target: Target) -> Iterator[dict[str, Any]]:
    """Up to thousands of rows of whole numbers."""
    for i, rows in enumerate((*range(1, 18), 31, 33, 63, 64, 65, 127, 129, 256, 257, 1000, 1025, 4097)):
        yield whole_layer(i, target.dtypes[i % len(target.dtypes)], rows, 3, 1)


@rows_are_independent.exhaustive(thousands_of_rows)
def thousands_of_rows_are_exact(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return equal(ops.linear(x, weight, bias), exactly(x, weight, bias))


associative = Claim(
    "linear.associative",
    faq=15,
    verdict="holds_if",
    condition="arithmetic is exact. In floats both ways round, each in its own places, and they differ by no more than "
    "the bound unless a product overflows.",
    statement="It does not matter which of the two products of x, U and V is formed first.",
    formula=r"(xU)V = x(UV)",
    needs=("linear",),
    limits=Limits(options=("bias",), width=9),
    tolerances=(stacked_layers, merged_layers),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.columns_mixed),
    rests_on=("linear.two_layers_collapse",),
)


@associative.exact(exact_pair())
def either_product_may_be_first(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(ops.linear(x, u), v), ops.linear(x, ops.linear(u, v)))


@associative.property(float_stack(most=12), effort=0.5)
def either_product_first_within_the_bound(ops: Operations, x: Any, layers: Any) -> Any:
    (u, _), (v, _) = bare = [(w, np.zeros_like(w[0])) for w, _ in layers]
    within = stacked_layers(x, bare, x.dtype) + merged_layers(x, bare, x.dtype)
    return equal(ops.linear(ops.linear(x, u), v), ops.linear(x, ops.linear(u, v)), within=within)


@associative.counterexample(x=st.integers(1, 9), u=st.integers(1, 9), v=st.integers(1, 9))
def either_product_first_bit_for_bit(ops: Operations, x: int, u: int, v: int) -> Any:
    a, b, c = (np.array([[n / 10]]) for n in (x, u, v))
    return equal(ops.linear(ops.linear(a, b), c), ops.linear(a, ops.linear(b, c)))


# FAQ 16: xW or Wx.
row_and_column = Claim(
    "linear.row_and_column_agree",
    faq=16,
    statement="A matrix W times a column x is the row times the transposed matrix, transposed, up to rounding.",
    formula=r"(W x)^\top = x^\top W^\top",
    needs=("linear",),
    limits=Limits(options=("bias",), fixed={"scale": "nothing overflows"}),
    tolerances=(dot_product,),
    refuted_by=(wrong.weight_transposed, wrong.columns_swapped, wrong.last_input_dropped),
)


@row_and_column.exact(exact_pair())
def row_equals_transposed_column(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(x, u), (u.T @ x.T).T)


@row_and_column.property(LINEAR.inputs(most=300), effort=0.5)
def row_and_column_within_the_bound(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    row = row_by_row(x, len(weight))
    true, allowed = true_layer(row, weight)
    as_rows, as_columns = ops.linear(row, weight), ops.linear(weight.T, row.T).T
    return all_of(equal(as_rows, true, within=allowed), equal(as_columns, true, within=allowed))


shapes_must_touch = Claim(
    "linear.shapes_must_touch",
    faq=16,
    statement="Inner dimensions that differ are an error that names the shapes of x and W; nothing is broadcast by "
    "accident, neither bias nor cotangent.",
    formula=r"x : (\dots, m),\ W : (k, n),\ m \ne k \Rightarrow \text{error}",
    needs=("linear", "linear_vjp"),
    limits=Limits(
        formats=("linear_vjp.float32", "linear_vjp.float16", "linear_vjp.bfloat16"),
        width=4,
        signs=(
            "linear.x >= 0",
            "linear.weight >= 0",
            "linear.bias >= 0",
            "linear_vjp.cotangent >= 0",
            "linear_vjp.x >= 0",
            "linear_vjp.weight >= 0",
            "linear_vjp.bias >= 0",
        ),
    ),
    refuted_by=(
        wrong.broadcast_by_accident,
        wrong.message_without_shapes,
        wrong.cotangent_broadcast,
        wrong.bias_broadcast,
        wrong.batches_of_weights,
        wrong.pulled_unchecked,
    ),
)


def small_shapes() -> Iterator[dict[str, Any]]:
    """Every pair of shapes with up to three axes and lengths up to 3."""
    every = [s for axes in range(4) for s in itertools.product(range(4), repeat=axes)]
    for x in every:
        for weight in (s for s in every if len(s) in (1, 2)):
            yield {"x": x, "weight": weight}


@shapes_must_touch.exhaustive(small_shapes)
def small_shapes_fit_or_are_refused(ops: Operations, x: tuple[int, ...], weight: tuple[int, ...]) -> Any:
    a, b = np.ones(x), np.ones(weight)
    if len(weight) == 2 and x and x[-1] == weight[0]:
        return equal(ops.linear(a, b), np.full((*x[:-1], weight[1]), float(weight[0])))
    named = (str(x), str(weight)) if len(weight) == 2 else (str(weight),)
    g = np.ones((*x[:-1], weight[-1]))  # of a shape that the way back has no reason to refuse
    return all_of(
        raises(lambda: ops.linear(a, b), ValueError, saying=named),
        raises(lambda: ops.linear_vjp(g, a, b), ValueError, saying=named),
    )


def wrong_biases() -> Iterator[dict[str, Any]]:
    """Biases of every small shape but the right one, (3,)."""
    for shape in [(), (1,), (2,), (4,), (2, 3), (1, 3), (3, 1)]:
        yield {"bias": shape}


@shapes_must_touch.exhaustive(wrong_biases)
def wrong_biases_are_refused(ops: Operations, bias: tuple[int, ...]) -> Any:
    x, weight, b = np.ones((2, 2)), np.ones((2, 3)), np.ones(bias)
    g = np.ones((2, 3))
    return all_of(
        raises(lambda: ops.linear(x, weight, b), ValueError, saying=(str(bias),)),
        raises(lambda: ops.linear(x, weight[None]), ValueError, saying=("(1, 2, 3)",)),
        raises(lambda: ops.linear_vjp(g, x, weight, b), ValueError, saying=(str(bias),)),
        raises(lambda: ops.linear_vjp(np.ones((1, 3)), x, weight, np.ones(3)), ValueError, saying=("(1, 3)",)),
    )


@domain
def any_shapes(draw: Draw, target: Target) -> dict[str, Any]:
    """Shapes of an input, of weights and of a bias, all often right, and a format."""
    k, n = draw(st.integers(0, 40)), draw(st.integers(0, 40))
    lead = draw(st.lists(st.integers(0, 3), max_size=3))

    def perhaps(shape: tuple[int, ...]) -> tuple[int, ...]:
        others = st.sampled_from([(), (1,), (k,), (n,), (n, k), (k, n), (k, n + 1), (1, n), (2, k, n), (k + 1, n)])
        return shape if draw(st.integers(0, 3)) else draw(others)

    shapes = {"x": perhaps((*lead, k)), "weight": perhaps((k, n)), "bias": perhaps((n,))}
    return {**shapes, "dtype": draw(st.sampled_from(target.dtypes))}


@shapes_must_touch.property(any_shapes(), effort=2)
def drawn_shapes_fit_or_are_refused(
    ops: Operations, x: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...], dtype: str
) -> Any:
    arrays = [np.ones(shape, dtype_named(dtype)) for shape in (x, weight, bias)]
    touching = len(weight) == 2 and len(x) > 0 and x[-1] == weight[0]
    if touching and bias == weight[1:]:
        return equal(ops.linear(*arrays), np.full((*x[:-1], weight[1]), weight[0] + 1.0))
    return raises(lambda: ops.linear(*arrays), ValueError, saying=(str(bias if touching else weight),))


stream_of_rows = Claim(
    "linear.stream_of_rows",
    faq=16,
    statement="A stack X of rows times the matrix W is the rows one by one, up to rounding, in any number of axes.",
    formula=r"(XW)_{t} = X_t W",
    needs=("linear",),
    limits=Limits(also=("nothing overflows", "up to three leading axes")),
    tolerances=(dot_product,),
    refuted_by=(wrong.mean_removed, wrong.rows_reversed, wrong.batch_flattened, wrong.first_row_everywhere),
    rests_on=("linear.rows_are_independent",),
)


@stream_of_rows.exact(exact_layer(), effort=0.5)
def stack_equals_its_rows(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    rows = [ops.linear(row, weight, bias) for row in x]
    stack = np.stack([x, x[::-1]])
    return all_of(
        equal(ops.linear(x, weight, bias), np.stack(rows)),
        equal(ops.linear(stack, weight, bias), np.stack([np.stack(rows), np.stack(rows[::-1])])),
    )


@domain
def streams(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows along no, one, two or three axes, now and then none at all."""
    layer = LINEAR.draw(draw, target, rows=1)
    shape = (*draw(st.lists(st.integers(0, 3), max_size=3)), layer["x"].shape[-1])
    return {**layer, "x": draw_array(draw, shape, layer["x"].dtype.name, (2.0**-6, 2.0**4))}


@stream_of_rows.property(streams(), effort=0.5)
def stack_and_rows_within_the_bound(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    together, (true, allowed) = ops.linear(x, weight, bias), true_layer(x, weight, bias)
    one_by_one = [equal(ops.linear(x[i], weight, bias), true[i], within=allowed[i]) for i in np.ndindex(x.shape[:-1])]
    return all_of(equal(together, true, within=allowed), *one_by_one)


# Beyond the questions.
nothing_is_hidden = Claim(
    "linear.nothing_is_hidden",
    statement="What is NaN or infinite goes on to every output that it belongs to, as NaN or infinite, and to no "
    "other. A sum that overflows is not finite either, but for one of float16 that comes back: it is kept in float32.",
    formula=r"x_i = \mathrm{NaN} \Rightarrow y_j = \mathrm{NaN}, \qquad x_i W_{ij} = \pm\infty "
    r"\text{ and no other term is NaN or } \mp\infty \Rightarrow y_j = \pm\infty",
    needs=("linear",),
    limits=Limits(rows=4, width=4, fixed={"scale": "whole numbers whose sums are exact"}),
    refuted_by=(
        wrong.nan_hidden, wrong.clipped_at_the_largest, wrong.columns_touch, wrong.saturated, wrong.summed_in_halves,
        wrong.rows_touch,
    ),
)  # fmt: skip


@domain
def layers_with_a_stranger(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer of whole numbers, 0 among them, with something strange at one or two places."""
    name, (rows, inputs, outputs) = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 4)) for _ in range(3))
    shapes = {"x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    layer = {key: draw_integers(draw, shape, 7).astype(np.float64) for key, shape in shapes.items()}  # sums below 256
    for _ in range(draw(st.integers(1, 2))):
        array = layer[draw(st.sampled_from(sorted(layer)))]
        array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return {key: as_dtype(v, name) for key, v in layer.items()}


def same_numbers(y: Any, true: Any) -> Conjunction:
    """NaN where NaN is true, and else what is true."""
    lost, y, true = np.isnan(true), y.astype(np.float64), np.asarray(true, np.float64)
    return all_of(equal(np.isnan(y), lost), equal(np.where(lost, 0, y), np.where(lost, 0, true)))


@nothing_is_hidden.property(layers_with_a_stranger())
def nan_and_infinity_reach_their_outputs(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    a, w, b = (v.astype(np.float64) for v in (x, weight, bias))
    return same_numbers(ops.linear(x, weight, bias), (a[:, :, None] * w).sum(1) + b)  # whatever the order of the sum


def beyond_the_largest(target: Target) -> Iterator[dict[str, Any]]:
    """The largest number of each format, twice over, of either sign; a bias that brings sums of float16 back, or none.

    bfloat16 reaches as far as float32, so that its sums overflow on the way like those of other formats.
    """
    for name in target.dtypes:
        for most in (FORMATS[name].most, -FORMATS[name].most):
            for back in (True, False) if name == "float16" else (False,):
                x, bias = as_dtype([[most, most]], name), as_dtype([-most if back else 0.0], name)
                yield {"x": x, "bias": bias, "true": most if back else np.sign(most) * np.inf}


@nothing_is_hidden.exhaustive(beyond_the_largest)
def sums_overflow_to_infinity(ops: Operations, x: Any, bias: Any, true: float) -> Any:
    return equal(ops.linear(x, np.ones((2, 1), x.dtype), bias), np.array([[true]]))


linear_gradient = Claim(
    "linear.gradient",
    statement="`linear_vjp` is the derivative of `linear`: up to rounding it gives the partial derivatives of the "
    "textbook formula and central differences of the operation itself, and pairs with a step as the step's effect "
    "pairs with the cotangent.",
    formula=r"\langle \bar y,\, dx\,W + x\,dW + db\rangle = \langle \bar x, dx\rangle + \langle \bar W, dW\rangle + "
    r"\langle \bar b, db\rangle",
    legend={"d": "in front of an argument: a step of it"},
    limits=Limits(
        formats=("linear.float32", "linear.float16", "linear.bfloat16"),
        rows=3,
        width=3,
        fixed={"scale": "nothing overflows"},
    ),
    needs=("linear", "linear_vjp"),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.weights_get_nothing, wrong.forward_weights, wrong.mean_over_rows, wrong.bias_of_first_row,
        wrong.slightly_off, wrong.pulled_downhill, wrong.first_of_a_stack, wrong.input_rows_shifted,
        wrong.last_input_dropped, wrong.far_corner_not_pulled,
    ),
)  # fmt: skip


@domain
def layer_and_step(draw: Draw, target: Target) -> dict[str, Any]:
    """An exact layer, a cotangent, and a step of every argument."""
    rows, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    shapes = {"x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    steps = {f"d{name}": shape for name, shape in shapes.items()}
    return exact_arrays(draw, target, **shapes, **steps, g=(rows, outputs))


@linear_gradient.exact(layer_and_step())
def steps_pair_with_cotangents(
    ops: Operations, x: Any, weight: Any, bias: Any, dx: Any, dweight: Any, dbias: Any, g: Any
) -> Any:
    pulled = ops.linear_vjp(g, x, weight, bias)
    foretold = sum((p * d).sum() for p, d in zip(pulled, (dx, dweight, dbias), strict=True))
    pushed = dx @ weight + x @ dweight + dbias
    # A product of two arguments has no third derivative: central differences are exact, of all arguments at once.
    ahead = ops.linear(x + dx, weight + dweight, bias + dbias)
    behind = ops.linear(x - dx, weight - dweight, bias - dbias)
    return equal([(g * pushed).sum(), (g * (ahead - behind)).sum()], [foretold, 2 * foretold])


@domain
def small_layers(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer of a few numbers with a bias, and a cotangent."""
    name, (rows, inputs, outputs) = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 2)) for _ in range(3))
    shapes = {"g": (rows, outputs), "x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    return {key: draw_array(draw, shape, name, (2.0**-4, 2.0**4)) for key, shape in shapes.items()}


@linear_gradient.property(small_layers(), effort=0.5)
def gradient_equals_partial_derivatives(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    at, cotangent = (x, weight, bias), g.astype(np.float64)
    allowed = [
        true_layer(g, weight.T)[1], true_layer(x.T, g)[1], true_layer(np.ones((1, len(g)), g.dtype), g)[1][0],
    ]  # fmt: skip

    def slope(argument: int, place: tuple[int, ...]) -> Any:
        step = np.zeros(at[argument].shape)
        step[place] = 1
        directions = tuple(step if i == argument else None for i in range(3))
        return derivative(lambda x, w, b: (cotangent * (x @ w + b)).sum(), at, directions)

    return all_of(
        *(
            equal(pulled[place], slope(i, place), within=allowed[i][place])
            for i, pulled in enumerate(ops.linear_vjp(g, *at))
            for place in np.ndindex(pulled.shape)
        )
    )


@linear_gradient.property(LINEAR_VJP.inputs(most=40), effort=0.5)
def gradient_within_the_bound(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR_VJP.agrees(ops, g=g, x=x, weight=weight, bias=bias)


@linear_gradient.exhaustive(large_layers)
def large_gradients_are_exact(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return whole_numbers_pulled(ops, g, x, weight, bias)
