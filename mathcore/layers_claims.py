"""What must be true of layers: FAQ 9, 10, 13, 14, 15 and 16."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import layers_mutants as wrong
from mathcore.common_rows import any_width, floats_only, keeps_dtype, layout_free, many_rows, pure
from mathcore.embeddings_claims import rank
from mathcore.embeddings_rows import draw_scores, tail
from mathcore.embeddings_tolerances import score_table_rounding
from mathcore.layers_rows import (
    LINEAR,
    LINEAR_VJP,
    LOW_RANK,
    RELU,
    RELU_VJP,
    draw_bits,
    row_by_row,
    special_numbers,
    true_layer,
)
from mathcore.layers_tolerances import merged_layers, stacked_layers
from mathcore.verify import (
    Allowance,
    Claim,
    Limits,
    Operations,
    Target,
    all_of,
    at_least,
    at_most,
    differs,
    domain,
    draw_array,
    draw_exact,
    draw_integers,
    enclose,
    equal,
    identical,
    less,
    log_uniform,
    raises,
    widths,
)
from mathcore.verify.adversary import BENDS
from mathcore.verify.domains import WIDTHS, Draw, as_dtype
from mathcore.verify.errors import NotTriedError
from mathcore.verify.oracle.counted import Ledger, counted
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import FORMATS, dot_product, dtype_named, magnitude

# FAQ 9: layers.


@domain
def exact_layer(draw: Draw, target: Target) -> dict[str, Any]:
    """x (rows, inputs), weight (inputs, outputs), bias (outputs,) in numbers that arithmetic is exact on."""
    rows, inputs, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    return exact_arrays(draw, target, x=(rows, inputs), weight=(inputs, outputs), bias=(outputs,))


def exact_arrays(draw: Draw, target: Target, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Arrays of numbers that arithmetic is exact on, all of one kind."""
    kind = draw(st.booleans())
    return {name: draw_exact(draw, target, *shape, fractions=kind) for name, shape in shapes.items()}


@domain
def exact_stack(draw: Draw, target: Target, *, least: int = 1, most: int = 3, count: int = 2) -> dict[str, Any]:
    """x (rows, n₀) and `count` layers (n₀, n₁), (n₁, n₂), … with their biases, in exact numbers."""
    ends = [draw(st.integers(1, most)) for _ in range(2)]
    sizes = [ends[0], *(draw(st.integers(least, most)) for _ in range(count - 1)), ends[1]]
    kind = draw(st.booleans())

    def make(*shape: int) -> Any:
        if count > 2:  # denominators would grow from layer to layer
            return draw_integers(draw, shape, 2).astype(np.float64)
        return draw_exact(draw, target, *shape, fractions=kind)

    x = make(draw(st.integers(1, 3)), sizes[0])
    return {"x": x, "layers": [(make(a, b), make(b)) for a, b in itertools.pairwise(sizes)]}


@domain
def float_stack(draw: Draw, target: Target, *, count: int = 2, most: int = 40) -> dict[str, Any]:
    """The same in floats of one format, two layers of any width or more of them; nothing overflows."""
    dtype = draw(st.sampled_from(target.dtypes))
    sizes = [draw(widths(most=most)) for _ in range(count + 1)]
    x = draw_array(draw, (draw(st.integers(1, 3)), sizes[0]), dtype, (0.25, 4))
    shapes = list(itertools.pairwise(sizes))
    scaled = [(draw_array(draw, s, dtype, (0.125, 0.5)), draw_array(draw, s[1:], dtype, (0.25, 1))) for s in shapes]
    return {"x": x, "layers": [((w / np.sqrt(len(w))).astype(x.dtype), b) for w, b in scaled]}


def through(ops: Operations, x: Any, layers: Any) -> Any:
    """One layer after the other."""
    for weight, bias in layers:
        x = ops.linear(x, weight, bias)
    return x


def as_one(layers: Any) -> tuple[Any, Any]:
    """The one matrix and the one bias that a stack of layers amounts to."""
    weight, bias = layers[0]
    for w, b in layers[1:]:
        weight, bias = weight @ w, bias @ w + b
    return weight, bias


@functools.cache
def whole_numbers(dtype: str) -> Any:
    """Many whole numbers from −3 to 3; thousands of products of them add up exactly in 32 bits."""
    return as_dtype(np.random.default_rng(0).integers(-3, 4, 40_000), dtype)


def whole_layer(place: int, dtype: str, rows: int, inputs: int, outputs: int) -> dict[str, Any]:
    """A layer and a cotangent of these numbers; which ones depends on the place."""
    shapes = {"g": (rows, outputs), "x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    numbers = whole_numbers(dtype)[place:]
    return {name: numbers[i : i + math.prod(s)].reshape(s) for i, (name, s) in enumerate(shapes.items())}


def exactly(x: Any, weight: Any, bias: Any = 0.0) -> Any:
    """A layer of whole numbers, exact but for the rounding of a result in 16 bits."""
    wide = x.astype(np.float64) @ weight.astype(np.float64) + np.asarray(bias, np.float64)
    return wide.astype(x.dtype)


def large_layers(target: Target) -> Iterator[dict[str, Any]]:
    """Many rows, many inputs and many outputs together, in every format."""
    for i, size in enumerate([(33, 34, 35), (65, 67, 66), (40, 100, 41), (129, 3, 130), (3, 130, 129)]):
        for name in target.dtypes:
            yield whole_layer(i, name, *size)


def whole_numbers_pulled(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Relation:
    """The cotangents of a layer of whole numbers, exact but for the rounding of a result in 16 bits."""
    true = (exactly(g, weight.T), exactly(x.T, g), exactly(np.ones(len(g), g.dtype), g))
    pulled = ops.linear_vjp(g, x, weight, bias)
    return equal(np.concatenate([part.ravel() for part in pulled]), np.concatenate([part.ravel() for part in true]))


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
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    by_hand = [[sum(row * column) + b for column, b in zip(weight.T, bias, strict=True)] for row in x]
    return equal(ops.linear(x, weight, bias), by_hand)


@layer_is_a_matrix.property(LINEAR.inputs(most=300))
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR.agrees(ops, x=x, weight=weight, bias=bias)


@layer_is_a_matrix.exhaustive(large_layers)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return equal(ops.linear(x, weight, bias), exactly(x, weight, bias))


layers_compose = Claim(
    "linear.layers_compose",
    faq=9,
    statement="From word to hidden to score: two layers (U, b) and (V, c) with nothing between them are one layer, up "
    "to rounding, whatever the width between.",
    formula=r"(xU + b)V + c = x(UV) + (bV + c)",
    needs=("linear",),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.relu_inside, wrong.bias_forgotten, wrong.weight_transposed, wrong.one_too_many),
    limits=Limits(fixed={"scale": "nothing overflows"}),
)


@layers_compose.exact(exact_stack(least=0, most=4))
def _(ops: Operations, x: Any, layers: Any) -> Any:
    return equal(through(ops, x, layers), x @ as_one(layers)[0] + as_one(layers)[1])


@layers_compose.property(float_stack(), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    true = enclose(lambda x, u, b, v, c: (x @ u + b) @ v + c, x, *layers[0], *layers[1])
    return equal(through(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype))


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
def _(ops: Operations, x: Any, y: Any, a: int, b: int, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: Any, y: Any, a: int, b: int, weight: Any, bias: Any) -> Any:
    def allowed(z: Any) -> Any:
        return true_layer(z, weight, bias)[1]

    z = (a * x.astype(np.float64) + b * y.astype(np.float64)).astype(x.dtype)
    mixed = enclose(lambda fx, fy: a * fx + b * fy, ops.linear(x, weight, bias), ops.linear(y, weight, bias))
    return equal(ops.linear(z, weight, bias), mixed, within=allowed(z) + allowed(x) * a + allowed(y) * b)


# FAQ 10: ReLU.


def every_number_of_16_bits(target: Target) -> Iterator[dict[str, Any]]:
    """All 65,536 numbers of float16 and of bfloat16, every NaN included, in those formats if they are taken."""
    for name in ("float16", "bfloat16"):
        x = np.arange(65_536).astype(np.uint16).view(dtype_named(name))
        yield {"x": x if name in target.dtypes else x.astype(dtype_named(target.dtypes[0]))}


def every_special_number(target: Target) -> Iterator[dict[str, Any]]:
    """Zeros, infinities, NaN, the smallest, the smallest normal and the largest numbers of every format."""
    for name in target.dtypes:
        yield {"x": special_numbers(name)}


keeps_positive = Claim(
    "relu.keeps_positive_zeroes_negative",
    faq=10,
    statement="What is positive stays as it is, bit for bit; what is negative becomes 0, −∞ included. Both zeros give "
    "0, ∞ stays, and NaN stays NaN.",
    formula=r"\operatorname{relu}(x) = \max(x, 0)",
    needs=("relu",),
    limits=Limits(rows=1),
    refuted_by=(
        wrong.leaky, wrong.absolute, wrong.capped_at_six, wrong.nan_becomes_zero, wrong.product_with_a_mask,
        wrong.subnormals_flushed, wrong.tail_untouched, wrong.only_past_a_millionth, wrong.minus_zero_kept,
        wrong.largest_float16_at_most, wrong.smooth,
    ),
)  # fmt: skip


@keeps_positive.exhaustive(every_number_of_16_bits)
def _(ops: Operations, x: Any) -> Any:
    return RELU.agrees(ops, x=x)


@keeps_positive.exhaustive(every_special_number)
def _(ops: Operations, x: Any) -> Any:
    return RELU.agrees(ops, x=x)


@domain
def numbers_of_any_size(draw: Draw, target: Target) -> dict[str, Any]:
    """Numbers whose bits are drawn, NaN and infinity among them."""
    return {"x": draw_bits(draw, (draw(widths(least=0, most=300)),), draw(st.sampled_from(target.dtypes)))}


@keeps_positive.property(numbers_of_any_size())
def _(ops: Operations, x: Any) -> Any:
    return RELU.agrees(ops, x=x)


algebra = Claim(
    "relu.algebra",
    faq=10,
    statement="Applied twice it is applied once; it never turns an order around and never widens a gap; a positive "
    "factor passes through; a number is its positive part less that of its negative, and its magnitude is both added.",
    formula=r"r(r(x)) = r(x), \quad x \le y \Rightarrow 0 \le r(y) - r(x) \le y - x, \quad r(cx) = c\,r(x) "
    r"\text{ for } c > 0, \quad x = r(x) - r(-x), \quad |x| = r(x) + r(-x)",
    legend={"r": "ReLU", "x": "a finite number", "y": "another", "c": "a factor"},
    needs=("relu",),
    limits=Limits(rows=1),
    refuted_by=(
        wrong.leaky, wrong.absolute, wrong.shifted, wrong.smooth, wrong.negative_kept, wrong.identity,
        wrong.capped_at_six, wrong.subnormals_flushed,
    ),
)  # fmt: skip


def all_in_order(target: Target) -> Iterator[dict[str, Any]]:
    """All finite numbers of 16 bits, each beside its successor, and a few factors."""
    for x in (case["x"] for case in every_number_of_16_bits(target)):
        finite = np.sort(x[np.isfinite(x.astype(np.float64))].astype(np.float64)).astype(x.dtype)
        for factor in (2.0, 0.375, 3.0):
            yield {"x": finite[:-1], "y": finite[1:], "factor": x.dtype.type(factor)}


def laws(ops: Operations, x: Any, y: Any, factor: Any) -> Conjunction:
    """The algebra, on two arrays x ≤ y of finite numbers."""
    of_x, of_y, opposite = ops.relu(x), ops.relu(y), ops.relu(-x)
    wide, wide_x = (of.astype(np.float64) for of in (of_y, of_x))
    return all_of(
        equal(ops.relu(of_x), of_x),
        at_most(of_x, of_y),
        at_most(wide - wide_x, y.astype(np.float64) - x.astype(np.float64)),
        equal(ops.relu(factor * x), factor * of_x),  # rounded alike
        equal(of_x - opposite, x),
        equal(of_x + opposite, abs(x)),
    )


@algebra.exhaustive(all_in_order)
def _(ops: Operations, x: Any, y: Any, factor: Any) -> Any:
    return laws(ops, x, y, factor)


@domain
def ordered_pairs(draw: Draw, target: Target) -> dict[str, Any]:
    """Two arrays of finite numbers of any size, and a positive factor."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 6))
    x, y = (np.nan_to_num(draw_bits(draw, (n,), name).astype(np.float64)) for _ in range(2))
    factor = as_dtype(draw(log_uniform(2.0**-3, 2.0**3)), name)
    return {"x": as_dtype(x, name), "y": as_dtype(y, name), "factor": factor}


@algebra.property(ordered_pairs())
def _(ops: Operations, x: Any, y: Any, factor: Any) -> Any:
    return laws(ops, np.minimum(x, y), np.maximum(x, y), abs(factor))


ten_layers_are_one = Claim(
    "linear.ten_layers_are_one",
    faq=10,
    statement="Ten layers one after the other, with nothing between them, are one layer, up to rounding.",
    formula=r"\exists\, W, b:\ (\dots(xW_1 + b_1)\dots)W_{10} + b_{10} = xW + b \text{ for all } x",
    needs=("linear",),
    tolerances=(stacked_layers, merged_layers),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.bias_forgotten, wrong.capped_outputs),
    rests_on=("linear.layers_compose",),
    limits=Limits(rows=5, width=5, fixed={"scale": "nothing overflows"}),
)


@ten_layers_are_one.exact(exact_stack(count=10, most=3), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    weight, bias = as_one(layers)
    return equal(through(ops, x, layers), ops.linear(x, weight, bias))


@ten_layers_are_one.property(float_stack(count=10, most=5), effort=0.25)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    def one_matrix(x: Any, *flat: Any) -> Any:
        weight, bias = as_one(list(zip(flat[::2], flat[1::2], strict=True)))
        return x @ weight + bias

    true = enclose(one_matrix, x, *(array for layer in layers for array in layer))
    (weight, bias), *later = layers
    for w, b in later:
        weight, bias = ops.linear(weight, w), ops.linear(bias, w, b)
    return all_of(
        equal(through(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype)),
        equal(ops.linear(x, weight, bias), true, within=merged_layers(x, layers, x.dtype)),
    )


CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
BALANCE = np.array([1.0, -1.0, -1.0, 1.0])
"""What no affine map sees: f(0,0) − f(0,1) − f(1,0) + f(1,1) = 0 for every one of them."""


def xor_net(ops: Operations, x: Any) -> Any:
    """relu(a + b) − 2 relu(a + b − 1)."""
    before, after = (np.ones((2, 2)), np.array([0.0, -1.0])), np.array([[1.0], [-2.0]])
    hidden = ops.relu(ops.linear(x, *(part.astype(x.dtype) for part in before)))
    return ops.linear(hidden, after.astype(x.dtype))[:, 0]


def no_affine_map_is(values: Any) -> Conjunction:
    """A certificate: weights of the corners that cancel every affine function, but not these values."""
    return all_of(
        equal(BALANCE @ CORNERS, np.zeros(2)), equal(BALANCE.sum(), 0.0), differs(BALANCE @ np.asarray(values), 0.0)
    )


breaks_the_collapse = Claim(
    "relu.breaks_the_collapse",
    faq=10,
    verdict="holds_if",
    condition="the bends do not cancel. Where they do, as in relu(x) − relu(−x) = x, a single layer gives the same.",
    statement="A ReLU between two layers can leave the linear maps: no single matrix, with a bias or without, gives "
    "the same.",
    formula=r"\nexists\, W, b:\ \operatorname{relu}(xW_1 + b_1)W_2 = xW + b \text{ for all } x \iff "
    r"|xW_1 + b_1|\,W_2 \text{ is not of the form } xW + b",
    needs=("relu", "linear"),
    refuted_by=(wrong.identity, wrong.one_too_many, wrong.negative_kept, wrong.leaky, wrong.shifted, wrong.absolute),
    rests_on=("linear.ten_layers_are_one", "depth.single_layer_is_limited"),
    legend={"W": "weights: the first before the ReLU, the second after it", "b": "biases"},
    limits=Limits(
        rows=3,
        width=6,
        fixed={"scale": "whole numbers whose sums are exact"},
        also=("one output", "kinks that all pass through one point, or come in pairs"),
    ),
)


@domain
def nets_around_a_point(draw: Draw, target: Target) -> dict[str, Any]:
    """A point where all units have their kinks, a step from it, and weights of either sign whose bends do not cancel.

    Whole numbers, none of their sums above 256.
    """
    name, inputs, hidden = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    point, step, weight = (draw_integers(draw, s, 2) for s in ((1, inputs), (1, inputs), (inputs, hidden)))
    after = draw_integers(draw, (hidden, 1), 2)
    step[0, 0], weight[0, 0], weight[1:, 0] = step[0, 0] or 1, weight[0, 0] or 1, 0  # one unit has its kink here
    after[0] += not (abs(step @ weight) @ after).any()
    arrays = {"point": point, "step": step, "weight": weight, "after": after}
    return {key: as_dtype(v, name) for key, v in arrays.items()}


def relu_between(ops: Operations, x: Any, weight: Any, bias: Any, after: Any) -> Any:
    """Layer, ReLU, layer without a bias; the answer in float64."""
    return ops.linear(ops.relu(ops.linear(x, weight, bias)), after).astype(np.float64)


@breaks_the_collapse.property(nets_around_a_point())
def _(ops: Operations, point: Any, step: Any, weight: Any, after: Any) -> Any:
    # What f(p + d) + f(p − d) − 2f(p) leaves over: nothing if f is affine, and the bends of the units here.
    places, wide = (point + step, point - step, point), weight.astype(np.float64)
    bias = -(point.astype(np.float64) @ wide)[0].astype(weight.dtype)
    ahead, behind, here = (relu_between(ops, v, weight, bias, after) for v in places)
    return equal(ahead + behind - 2 * here, abs(step.astype(np.float64) @ wide) @ after.astype(np.float64))


@domain
def nets_that_cancel(draw: Draw, target: Target) -> dict[str, Any]:
    """Half of the units of a net, inputs, and how the other half is turned."""
    name, inputs, pairs = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x, weight, bias = (draw_integers(draw, s, 2) for s in ((3, inputs), (inputs, pairs), (pairs,)))
    arrays = {"x": x, "weight": weight, "bias": bias, "after": draw_integers(draw, (pairs, 1), 2)}
    return {**{key: as_dtype(v, name) for key, v in arrays.items()}, "turn": draw(st.sampled_from([-2, -1, 1, 2]))}


@breaks_the_collapse.property(nets_that_cancel(), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, bias: Any, after: Any, turn: int) -> Any:
    # Pairs with one kink: (w, b) that gives |c|v, and c(w, b) that gives −v.
    w, b, v = (a.astype(np.float64) for a in (weight, bias, after))
    net = np.c_[w, turn * w], np.r_[b, turn * b], np.r_[abs(turn) * v, -v]
    # relu(h) = h/2 + |h|/2, and of the second nothing is left: half of the two layers without a ReLU.
    straight = (x.astype(np.float64) @ net[0] + net[1]) @ net[2]
    return equal(2 * relu_between(ops, x, *(a.astype(x.dtype) for a in net)), straight)


@breaks_the_collapse.proof
def _(ops: Operations) -> Any:
    return all_of(equal(xor_net(ops, CORNERS), XOR), no_affine_map_is(xor_net(ops, CORNERS)))


@breaks_the_collapse.counterexample(up=st.integers(1, 4), down=st.integers(-4, -1))
def _(ops: Operations, up: int, down: int) -> Any:
    # f(x) = up · relu(x) + down · relu(−x) is linear if and only if f(1) + f(−1) = 2f(0).
    weight, after = np.array([[1.0, -1.0]]), np.array([[float(up)], [float(down)]])
    ahead, behind, here = relu_between(ops, np.array([[1.0], [-1.0], [0.0]]), weight, np.zeros(2), after)
    return differs(ahead + behind - 2 * here, np.zeros(1))


beats_linear = Claim(
    "relu.beats_linear",
    faq=10,
    statement="Two layers with a ReLU between them compute “one or the other, but not both” exactly; no single layer "
    "does, and no single layer with a threshold either.",
    formula=r"\operatorname{relu}(a + b) - 2\operatorname{relu}(a + b - 1) = a \oplus b, \qquad a, b \in \{0, 1\}",
    legend={"a": "one input", "b": "the other"},
    source="Minsky & Papert, Perceptrons (1969); Goodfellow, Bengio & Courville, Deep Learning (2016), §6.1",
    needs=("relu", "linear"),
    limits=Limits(rows=1, width=2, signs=("linear.x >= 0", "linear.bias <= 0")),
    refuted_by=(wrong.identity, wrong.leaky, wrong.negative_kept, wrong.bias_forgotten),
)


def corners(target: Target) -> Iterator[dict[str, Any]]:
    """All four inputs, in every format."""
    for name, (corner, wanted) in itertools.product(target.dtypes, zip(CORNERS, XOR, strict=True)):
        yield {"corner": as_dtype(corner[None], name), "wanted": wanted}


@beats_linear.exhaustive(corners)
def _(ops: Operations, corner: Any, wanted: Any) -> Any:
    return equal(xor_net(ops, corner)[0], wanted)


@beats_linear.proof
def _(ops: Operations) -> Any:
    # A threshold t would need f > t where XOR is 1 and f ≤ t where it is 0. Weighted by the balance, the four
    # inequalities add up to 0 < 0.
    ones, zeros = -BALANCE * XOR, BALANCE * (1 - XOR)
    return all_of(
        equal(xor_net(ops, CORNERS), XOR),
        no_affine_map_is(XOR),
        at_least(np.append(ones, zeros), 0.0),
        equal(ones @ CORNERS, zeros @ CORNERS),
        equal(ones.sum(), zeros.sum()),
        less(0.0, ones.sum()),
    )


piecewise_linear = Claim(
    "relu.piecewise_linear",
    faq=10,
    statement="Among inputs x, y that switch the same units on, a net f with ReLU is a plain layer, up to rounding.",
    formula=r"x, y \text{ with one pattern} \Rightarrow f(\tfrac12 x + \tfrac12 y) = \tfrac12 f(x) + \tfrac12 f(y)",
    needs=("relu", "linear"),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.smooth, wrong.squared, wrong.saturated, wrong.bias_forgotten, wrong.leaky),
    limits=Limits(rows=3, fixed={"scale": "numbers with few bits"}, also=("one or two hidden layers",)),
)

STEPS = [sign * Fraction(4, 2**k) for k in range(7) for sign in (1, -1)]


@domain
def one_pattern(draw: Draw, target: Target) -> dict[str, Any]:
    """A net with one or two hidden layers, an input and a direction; all numbers have few bits.

    Whole numbers and halves: some units stand at their kinks.
    """
    sizes = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(3, 4)))]
    x, d = (draw_integers(draw, (1, sizes[0]), 5) for _ in range(2))
    weights = [draw_integers(draw, s, 4) for s in itertools.pairwise(sizes)]
    biases = [draw_integers(draw, (n,), 9) * Fraction(1, 2) for n in sizes[1:]]
    layers = list(zip(weights, biases, strict=True))
    number: Any = np.float64
    if target.exact and draw(st.booleans()):
        number = object
        layers[0] = layers[0][0] * Fraction(1, 3), layers[0][1] * Fraction(1, 3)  # no binary fractions
        layers[1:] = [(weight, bias * Fraction(1, 3)) for weight, bias in layers[1:]]  # the pattern stays
    exact = (x * Fraction(1), d * Fraction(1), [(weight * Fraction(1), bias) for weight, bias in layers])
    return {
        "x": exact[0].astype(number), "d": exact[1].astype(number),
        "layers": [(weight.astype(number), bias.astype(number)) for weight, bias in exact[2]],
    }  # fmt: skip


def pattern(x: Any, layers: Any) -> list[bool]:
    """Which hidden units are on."""
    on: list[bool] = []
    for weight, bias in layers[:-1]:
        x = x @ weight + bias
        on += (x > 0).ravel().tolist()
        x = x * (x > 0)
    return on


def net(ops: Operations, x: Any, layers: Any) -> Any:
    """Layers with ReLU between them."""
    for weight, bias in layers[:-1]:
        x = ops.relu(ops.linear(x, weight, bias))
    return ops.linear(x, *layers[-1])


@piecewise_linear.exact(one_pattern())
def _(ops: Operations, x: Any, d: Any, layers: Any) -> Any:
    steps = (x + (step if d.dtype == object else float(step)) * d for step in STEPS)
    y = next((y for y in steps if pattern(y, layers) == pattern(x, layers)), x)  # the first that switches no unit
    middle = net(ops, (x + y) / 2, layers)
    return equal(middle + middle, net(ops, x, layers) + net(ops, y, layers))


@piecewise_linear.property(float_stack(), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    (weight, bias), (after, last) = layers
    on = (true_layer(x, weight, bias)[0].hi > 0).astype(int)  # the pattern turns the ReLU into a mask
    true = enclose(lambda x, w, b, v, c: ((x @ w + b) * on) @ v + c, x, weight, bias, after, last)
    return equal(net(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype))


gradient_is_a_mask = Claim(
    "relu.gradient_is_a_mask",
    faq=10,
    statement="The gradient passes as it came where the input x was positive, and is zero where it was negative. At 0 "
    "it is the declared share of what came, between none of it and all; at NaN it is what is declared.",
    formula=r"\bar x = \bar y\,[x > 0], \qquad x < 0 \text{ or } x > 0",
    limits=Limits(rows=1, width=6, fixed={"scale": "differences of whole numbers, which are exact"}),
    needs=("relu", "relu_vjp"),
    refuted_by=(
        wrong.slope_one_at_zero, wrong.half_at_zero, wrong.half_below_normal, wrong.mask_of_the_cotangent,
        wrong.everything_passes, wrong.both_signs_asked, wrong.nan_stopped, wrong.stopped_above_six,
        wrong.leaky_slope, wrong.mask_alone, wrong.shifted,
    ),
)  # fmt: skip


def masks(target: Target) -> Iterator[dict[str, Any]]:
    """All numbers of 16 bits and all special ones, against cotangents of either sign."""
    for case in itertools.chain(every_number_of_16_bits(target), every_special_number(target)):
        for value in (1.0, -3.0):
            yield {"x": case["x"], "g": np.full_like(case["x"], value)}


@gradient_is_a_mask.exhaustive(masks)
def _(ops: Operations, x: Any, g: Any) -> Any:
    share = ops.conventions.relu_slope_at_zero
    return all_of(at_least(share, 0.0), at_most(share, 1.0), RELU_VJP.agrees(ops, g=g, x=x))


@domain
def around_zero(draw: Draw, target: Target) -> dict[str, Any]:
    """Cotangents, whole numbers other than 0, and a shorter step, of one format: all sums and products are exact."""
    name, shape = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 6)),)
    x, g = draw_integers(draw, shape, 9), draw_integers(draw, shape, 9)
    x, step = np.where(x == 0, 1, x), draw(st.sampled_from([0.25, 0.5, 1.0]))
    return {"g": as_dtype(g, name), "x": as_dtype(x, name), "step": as_dtype(step, name)}


@gradient_is_a_mask.property(around_zero())
def _(ops: Operations, g: Any, x: Any, step: Any) -> Any:
    step = abs(step)
    x = np.where(abs(x) < step, step, x)
    difference = ops.relu(x + step) - ops.relu(x - step)  # no kink lies between: a central difference truncates nothing
    return equal(ops.relu_vjp(g, x) * (step + step), g * difference)


gradient_is_stopped = Claim(
    "relu.gradient_is_stopped",
    statement="Nothing comes back through an input x that was negative, whatever the cotangent, not even NaN or ∞.",
    formula=r"x < 0 \Rightarrow \bar x = 0",
    needs=("relu_vjp",),
    limits=Limits(rows=1),
    refuted_by=(wrong.multiplied_by_the_mask, wrong.everything_passes, wrong.leaky_slope),
)


def blows(target: Target) -> Iterator[dict[str, Any]]:
    """All special numbers against all special cotangents, in every format."""
    for name in target.dtypes:
        x, g = np.meshgrid(special_numbers(name), special_numbers(name))
        yield {"x": x.ravel(), "g": g.ravel()}


@gradient_is_stopped.exhaustive(blows)
def _(ops: Operations, x: Any, g: Any) -> Any:
    return RELU_VJP.agrees(ops, g=g, x=x)


relu_gradient = Claim(
    "relu.gradient",
    statement="Away from 0 what `relu_vjp` pulls back is the derivative of max(x, 0), enclosed rigorously, times the "
    "cotangent, in exact numbers as in floats; ReLU and its derivative agree on ⟨ȳ, relu(x)⟩ = ⟨x̄, x⟩, at 0 as well.",
    formula=r"\bar x = \bar y\, \frac{d}{dx}\max(x, 0) \text{ for } x \ne 0, \qquad "
    r"\langle \bar y, \operatorname{relu}(x)\rangle = \langle \bar x, x\rangle",
    source="Euler's identity for functions of degree 1",
    limits=Limits(
        formats=("relu.float32", "relu.float16", "relu.bfloat16"),
        rows=1,
        width=6,
        fixed={"scale": "finite numbers"},
    ),
    needs=("relu", "relu_vjp"),
    refuted_by=(
        wrong.mask_of_the_cotangent, wrong.everything_passes, wrong.leaky, wrong.shifted, wrong.leaky_slope,
        wrong.mask_alone, wrong.stopped_above_six,
    ),
)  # fmt: skip


@domain
def away_from_zero(draw: Draw, target: Target) -> dict[str, Any]:
    """Cotangents and inputs of every size, all finite, no input 0."""
    name, shape = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 3)), draw(widths(most=40)))
    x, g = (np.nan_to_num(draw_bits(draw, shape, name).astype(np.float64)) for _ in range(2))
    return {"g": as_dtype(g, name), "x": as_dtype(np.where(x == 0, -1.0, x), name)}


@relu_gradient.property(away_from_zero(), effort=0.5)
def _(ops: Operations, g: Any, x: Any) -> Any:
    x = np.where(x == 0, x.dtype.type(-1), x)
    slope = derivative(lambda x: np.maximum(x, 0 * x), (x,), (g,))
    return equal(ops.relu_vjp(g, x), slope)


@domain
def exact_numbers(draw: Draw, target: Target) -> dict[str, Any]:
    """Cotangents and numbers that arithmetic is exact on, zeros among them."""
    n = draw(st.integers(1, 6))
    return exact_arrays(draw, target, g=(n,), x=(n,))


@relu_gradient.exact(exact_numbers(), effort=0.5)
def _(ops: Operations, g: Any, x: Any) -> Any:
    return equal((g * ops.relu(x)).sum(), (ops.relu_vjp(g, x) * x).sum())


# FAQ 13: ReLU between every pair?

two_layers_collapse = Claim(
    "linear.two_layers_collapse",
    faq=13,
    statement="Two matrices U and V back to back equal one, up to rounding, and its rank is at most the width r "
    "between them.",
    formula=r"(xU)V = x(UV), \qquad \operatorname{rank} UV \le r",
    needs=("linear",),
    limits=Limits(options=("bias",), fixed={"scale": "nothing overflows"}),
    tolerances=(stacked_layers, dot_product, score_table_rounding),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.weight_transposed, wrong.columns_swapped),
    rests_on=("linear.layers_compose",),
)


def unit(n: int, like: Any) -> Any:
    """The identity in the numbers of `like`; whole numbers keep Fractions exact."""
    return np.eye(n, dtype=int).astype(like.dtype)


@domain
def exact_pair(draw: Draw, target: Target) -> dict[str, Any]:
    """x, U (m, r), V (r, n), all widths up to 4."""
    rows, m, r, n = (draw(st.integers(1, 4)) for _ in range(4))
    return exact_arrays(draw, target, x=(rows, m), u=(m, r), v=(r, n))


@two_layers_collapse.exact(exact_pair())
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    one = ops.linear(ops.linear(unit(len(u), u), u), v)  # what the pair does to a basis
    return all_of(
        equal(ops.linear(ops.linear(x, u), v), ops.linear(x, one)), equal(one, u @ v), at_most(rank(one), u.shape[1])
    )


@two_layers_collapse.property(float_stack(), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    (u, _), (v, _) = layers
    bare = [(u, np.zeros_like(u[0])), (v, np.zeros_like(v[0]))]
    true = enclose(lambda x, u, v: x @ (u @ v), x, u, v)
    return equal(ops.linear(ops.linear(x, u), v), true, within=stacked_layers(x, bare, x.dtype))


@domain
def narrow_pair(draw: Draw, target: Target) -> dict[str, Any]:
    """U (m, r) and V (r, n) in floats, r often below both."""
    name, m, r, n = draw(st.sampled_from(target.dtypes)), *(draw(st.integers(1, most)) for most in (9, 4, 9))
    return {"u": draw_array(draw, (m, r), name, (0.25, 4)), "v": draw_array(draw, (r, n), name, (0.25, 4))}


@two_layers_collapse.property(narrow_pair(), effort=0.5)
def _(ops: Operations, u: Any, v: Any) -> Any:
    # The product was rounded, and lies so close to one of rank r that the singular values after the r-th are faint.
    one, r = ops.linear(u, v), u.shape[1]
    rounded = dot_product(magnitude(u, v), r, u.dtype)
    within = Allowance(np.sqrt((rounded.values**2).sum()), rounded.names) + score_table_rounding(one, r, np.float64)
    return at_most(tail(one, r), 0.0, within=within)


collapse_is_weaker = Claim(
    "linear.collapse_is_weaker",
    faq=13,
    verdict="holds_if",
    condition="the width between is below both the inputs and the outputs; otherwise every matrix is such a pair.",
    statement="Two matrices back to back can do less than one: some matrices are no such pair.",
    formula=r"r < \min(m, n) \Rightarrow \exists W:\ W \ne UV \text{ for all } U_{m \times r}, V_{r \times n}",
    legend={"W": "a matrix of m rows and n columns", "U": "one of a pair", "V": "the other", "r": "the width between"},
    needs=("linear",),
    limits=Limits(options=("bias",), rows=7, width=7),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.one_too_many, wrong.relu_inside, wrong.columns_mixed),
    rests_on=("linear.two_layers_collapse",),
)


@domain
def bottlenecks(draw: Draw, target: Target) -> dict[str, Any]:
    """U (m, r) and V (r, n) with r < min(m, n)."""
    m, n = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    r = draw(st.integers(1, min(m, n) - 1))
    return exact_arrays(draw, target, u=(m, r), v=(r, n))


@collapse_is_weaker.exact(bottlenecks())
def _(ops: Operations, u: Any, v: Any) -> Any:
    m, n, r = len(u), v.shape[1], u.shape[1]
    pair = ops.linear(ops.linear(unit(m, u), u), v)
    return all_of(equal(pair, u @ v), at_most(rank(pair), r), less(r, rank(np.eye(m, n))))  # so the pair is never [I 0]


@domain
def wide_enough(draw: Draw, target: Target) -> dict[str, Any]:
    """A matrix, and a width between of at least its smaller side."""
    name = draw(st.sampled_from(target.dtypes))
    m, n = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    x, weight = (draw_array(draw, s, name, (0.5, 4)) for s in ((2, m), (m, n)))
    return {"x": x, "weight": weight, "r": min(m, n) + draw(st.integers(0, 2))}


@collapse_is_weaker.property(wide_enough(), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, r: int) -> Any:
    m, n = weight.shape
    u = np.eye(m, r).astype(x.dtype) if m <= n else np.pad(weight, ((0, 0), (0, r - n)))
    v = np.pad(weight, ((0, r - m), (0, 0))) if m <= n else np.eye(r, n).astype(x.dtype)
    bare = [(u, np.zeros_like(u[0])), (v, np.zeros_like(v[0]))]
    return equal(ops.linear(ops.linear(x, u), v), true_matmul(x, weight), within=stacked_layers(x, bare, x.dtype))


def pairs_of_matrices() -> Iterator[dict[str, Any]]:
    """U (2, r) and V (r, 2) of zeros and ones, the narrow ones first."""
    for r in (1, 2):
        for bits in itertools.product((0.0, 1.0), repeat=4 * r):
            yield {"u": np.reshape(bits[: 2 * r], (2, r)), "v": np.reshape(bits[2 * r :], (r, 2))}


@collapse_is_weaker.counterexample(cases=pairs_of_matrices)
def _(ops: Operations, u: Any, v: Any) -> Any:
    return less(rank(ops.linear(ops.linear(np.eye(2), u), v)), 2)


must_stand_everywhere = Claim(
    "relu.must_stand_everywhere",
    faq=13,
    verdict="refuted",
    statement="A ReLU must stand between every pair of matrices, or the net is linear.",
    corrected="One ReLU can be enough to leave the linear maps; with one unit it is, if no weight is 0. A pair of "
    "matrices without one adds no function beyond a single matrix whose rank is at most the width between.",
    formula=r"\operatorname{relu}(xW)\,U V = \operatorname{relu}(xW)\,(UV)",
    legend={"W": "the matrix before the only ReLU", "U": "the bare pair after it", "V": "the bare pair after it"},
    needs=("relu", "linear"),
    limits=Limits(options=("bias",), formats=("float32", "float16", "bfloat16"), rows=3, width=3),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.weight_transposed),
    rests_on=("linear.two_layers_collapse",),
)


@domain
def one_kink(draw: Draw, target: Target) -> dict[str, Any]:
    """x, W before the only ReLU, U and V bare after it."""
    rows, a, b, c, d = (draw(st.integers(1, 3)) for _ in range(5))
    return exact_arrays(draw, target, x=(rows, a), w=(a, b), u=(b, c), v=(c, d))


@must_stand_everywhere.exact(one_kink())
def _(ops: Operations, x: Any, w: Any, u: Any, v: Any) -> Any:
    hidden = ops.relu(ops.linear(x, w))
    return equal(ops.linear(ops.linear(hidden, u), v), hidden @ (u @ v))


def one_number_through(ops: Operations, weights: Any, z: float) -> Any:
    """One weight, one ReLU, then two more weights."""
    w, u, v = (np.array([[float(n)]]) for n in weights)
    return ops.linear(ops.linear(ops.relu(ops.linear(np.array([[z]]), w)), u), v)[0, 0]


ANY_BUT_ZERO = st.integers(1, 8).flatmap(lambda n: st.sampled_from([n, -n]))


@must_stand_everywhere.property(
    x=st.integers(1, 64), y=st.integers(1, 64), weights=st.tuples(*[ANY_BUT_ZERO] * 3), effort=0.5
)
def _(ops: Operations, x: int, y: int, weights: Any) -> Any:
    f = partial(one_number_through, ops, weights)
    left_over = abs(weights[0]) * weights[1] * weights[2] * float(min(x, y))  # by no linear map
    return equal(f(float(x)) + f(float(-y)) - f(float(x - y)), left_over)


@must_stand_everywhere.counterexample(x=st.integers(-4, 4), y=st.integers(-4, 4))
def _(ops: Operations, x: int, y: int) -> Any:
    f = partial(one_number_through, ops, (1, 1, 1))
    return equal(f(float(x + y)), f(float(x)) + f(float(y)))  # one bare pair, yet it is no linear map


is_smaller = Claim(
    "lowrank.is_smaller",
    faq=13,
    verdict="holds_if",
    condition="r < mn/(m + n). At r = mn/(m + n) there are as many of either, beyond it more.",
    statement="Two thin matrices, (m, r) and (r, n), hold fewer numbers and take fewer multiplications than the "
    "(m, n) matrix that they stand for.",
    formula=r"r(m + n) < mn \iff r < \frac{mn}{m + n}",
    needs=("linear", "low_rank"),
    limits=Limits(options=("bias",), formats=("float32", "float16", "bfloat16"), width=12),
    refuted_by=(wrong.computes_the_product, wrong.full_factors),
)


def work_of(ops: Operations, x: Any, *matrices: Any, counts: bool) -> tuple[int, int]:
    """The multiplications and the additions that x costs on its way through the matrices."""
    if not counts:
        raise NotTriedError("linear", "numbers that count")
    ledger = Ledger()
    y = counted(x, ledger)
    for matrix in matrices:
        y = ops.linear(y, counted(matrix, ledger))
    return ledger.multiplications, ledger.additions


@domain
def sizes(draw: Draw, target: Target) -> dict[str, Any]:
    """The shapes of two factors, often at the edge where they cost the same; whether the target takes such numbers."""
    m, n, r = draw(
        st.one_of(
            st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
            st.sampled_from([(2, 2, 1), (3, 6, 2), (4, 4, 2), (6, 3, 2), (6, 12, 4), (4, 12, 3), (5, 7, 3)]),
        )
    )
    return {"m": m, "n": n, "r": min(m, n, r), "counts": target.exact}


@is_smaller.exact(sizes(), effort=0.5)
def _(ops: Operations, m: int, n: int, r: int, counts: bool) -> Any:
    left, right = ops.low_rank(np.eye(m, n) - 0.5, r)
    x, factors, whole = np.ones((1, m), int), (np.ones((m, r), int), np.ones((r, n), int)), np.ones((m, n), int)
    through_both, through_one = (work_of(ops, x, *f, counts=counts)[0] for f in (factors, (whole,)))
    return all_of(
        equal([left.size + right.size, through_both, through_one], [r * (m + n), r * (m + n), m * n]),
        equal(through_both < through_one, Fraction(r) < Fraction(m * n, m + n)),
        equal(through_both == through_one, Fraction(r) == Fraction(m * n, m + n)),
    )


@is_smaller.counterexample(sizes())
def _(ops: Operations, m: int, n: int, r: int, counts: bool) -> Any:
    left, right = ops.low_rank(np.eye(m, n), r)
    return less(left.size + right.size, m * n)


error_is_the_tail = Claim(
    "lowrank.error_is_the_tail",
    faq=13,
    statement="The best two thin matrices L and R of rank r miss W by its (r + 1)-th singular value in the spectral "
    "norm, and by the root of the squares of that and all that follow in Frobenius norm, up to rounding: by nothing if "
    "the rank was at most r.",
    legend={"σ": "the singular values of W, the largest first", "F": "Frobenius"},
    formula=r"\lVert W - LR\rVert_2 = \sigma_{r+1}, \qquad \lVert W - LR\rVert_F^2 = \sum_{i>r}\sigma_i^2",
    limits=Limits(
        fixed=dict.fromkeys(BENDS, "matrices whose singular values are known"), also=("no singular value overflows",)
    ),
    source="Eckart & Young (1936), doi:10.1007/BF02288367; Mirsky (1960), doi:10.1093/qmath/11.1.50",
    needs=("low_rank",),
    tolerances=(score_table_rounding,),
    refuted_by=(
        wrong.one_rank_short, wrong.smallest_kept, wrong.first_columns, wrong.values_not_split, wrong.columns_centred,
        wrong.signs_of_one_side_lost,
    ),
)  # fmt: skip


@domain
def spectra(draw: Draw, target: Target) -> dict[str, Any]:
    """A matrix whose singular values are known, those values, zeros and equal ones among them, and a rank."""
    weight, values = draw_scores(draw, draw(st.sampled_from(target.dtypes)), most=300)
    return {"weight": weight, "values": values, "rank": draw(st.integers(1, len(values)))}


@error_is_the_tail.property(spectra())
def _(ops: Operations, weight: Any, values: Any, rank: int) -> Any:
    left, right = (np.asarray(factor, np.float64) for factor in ops.low_rank(weight, rank))
    missed = weight.astype(np.float64) - left @ right
    within = score_table_rounding(weight, rank, weight.dtype) + score_table_rounding(weight, 0, np.float64)
    return all_of(
        equal([*left.shape, *right.shape], [len(weight), rank, rank, weight.shape[1]]),
        equal(np.linalg.svd(missed, compute_uv=False)[0], [*values, 0.0][rank], within=within),
        equal(np.sqrt((missed**2).sum()), np.sqrt((values[rank:] ** 2).sum()), within=within),
    )


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
def _(ops: Operations, **how: Any) -> Any:
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
def _(ops: Operations, x: Any, w: Any) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any, j: int, strange: float) -> Any:
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
def _(ops: Operations, **how: Any) -> Any:
    w, same_length, _, long = around(**how)
    scores = ops.linear(np.stack([w, same_length, -same_length, long]), w[:, None])[:, 0].astype(np.float64)
    gaps = ((np.stack([w, same_length, -same_length]).astype(np.float64) - w.astype(np.float64)) ** 2).sum(1)
    # Of one length: the smaller the distance to w, the higher the score, in exact whole numbers. The long one is not
    # in the direction of w, which the short one, w itself, is: and yet it wins.
    return all_of(equal(scores[:3], (w.astype(np.float64) ** 2).sum() - gaps / 2), less(scores[0], scores[3]))


@high_score_means_aligned.counterexample(
    x=st.lists(st.integers(-3, 3), min_size=2, max_size=2), w=st.just([1, 0]), y=st.just([1, 0])
)
def _(ops: Operations, x: list[int], w: list[int], y: list[int]) -> Any:
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
def _(ops: Operations, a: Any, b: Any) -> Any:
    return equal(ops.linear(a, b), exactly(a, b))


@multiply_add.exact(exact_pair(), effort=0.5)
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(x, u), triple_loop(x, u))


@multiply_add.property(LINEAR.inputs())
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR.agrees(ops, x=x, weight=weight, bias=None)


@multiply_add.exhaustive(large_layers)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, m: int, k: int, n: int, counts: bool) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any, strange: Any, place: int) -> Any:
    company = ops.linear(among(strange, x, place), weight, bias)
    return all_of(
        identical(company[place], ops.linear(x, weight, bias)[place]),
        LINEAR.agrees(ops, x=x[:1], weight=weight, bias=bias),
        LINEAR.agrees(ops, x=x, weight=weight, bias=bias),
    )


@rows_are_independent.property(rows_and_strangers(), effort=0.5)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any, strange: Any, place: int) -> Any:
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
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(ops.linear(x, u), v), ops.linear(x, ops.linear(u, v)))


@associative.property(float_stack(most=12), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    (u, _), (v, _) = bare = [(w, np.zeros_like(w[0])) for w, _ in layers]
    within = stacked_layers(x, bare, x.dtype) + merged_layers(x, bare, x.dtype)
    return equal(ops.linear(ops.linear(x, u), v), ops.linear(x, ops.linear(u, v)), within=within)


@associative.counterexample(x=st.integers(1, 9), u=st.integers(1, 9), v=st.integers(1, 9))
def _(ops: Operations, x: int, u: int, v: int) -> Any:
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
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(x, u), (u.T @ x.T).T)


@row_and_column.property(LINEAR.inputs(most=300), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: tuple[int, ...], weight: tuple[int, ...]) -> Any:
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
def _(ops: Operations, bias: tuple[int, ...]) -> Any:
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
def _(ops: Operations, x: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...], dtype: str) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, x: Any, bias: Any, true: float) -> Any:
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
def _(ops: Operations, x: Any, weight: Any, bias: Any, dx: Any, dweight: Any, dbias: Any, g: Any) -> Any:
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
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
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
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR_VJP.agrees(ops, g=g, x=x, weight=weight, bias=bias)


@linear_gradient.exhaustive(large_layers)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return whole_numbers_pulled(ops, g, x, weight, bias)


linear_any_width = any_width(
    LINEAR,
    LINEAR_VJP,
    refuted_by=(
        wrong.tail_of_inputs_unread, wrong.tile_twice, wrong.empty_refused, wrong.one_width_wrong,
        wrong.one_count_of_rows_wrong, wrong.wide_inputs_cut, wrong.later_outputs_lost, wrong.later_rows_not_summed,
        wrong.far_corner_lost, wrong.far_corner_not_pulled,
    ),
)  # fmt: skip


FEW = (*range(34), *(w for w in WIDTHS if w > 33))


def layers_of(target: Target, sizes: list[tuple[int, int, int]]) -> Iterator[dict[str, Any]]:
    """A layer of whole numbers of each size (rows, inputs, outputs), the formats taking turns."""
    for i, size in enumerate(sizes):
        yield whole_layer(i, target.dtypes[i % len(target.dtypes)], *size)


def every_number_of_inputs(target: Target) -> Iterator[dict[str, Any]]:
    """What `linear` adds up: all numbers of inputs up to 1,100 and some far beyond; few of outputs and of rows."""
    sizes = [(2, n, 2) for n in (*range(1101), 2048, 4099)]
    return layers_of(target, [*sizes, *((2, 3, n) for n in FEW), *((n, 3, 2) for n in FEW)])


def every_number_of_rows_and_outputs(target: Target) -> Iterator[dict[str, Any]]:
    """What `linear_vjp` adds up: all numbers of rows and of outputs up to 600 and some far beyond; few of inputs."""
    counts = (*range(600), *(w for w in WIDTHS if w > 600), 4099)
    sizes = [size for n in counts for size in ((n, 2, 2), (2, 2, n))]
    return layers_of(target, [*sizes, *((2, n, 2) for n in FEW)])


@linear_any_width.exhaustive(every_number_of_inputs)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return equal(ops.linear(x, weight, bias), exactly(x, weight, bias))


@linear_any_width.exhaustive(every_number_of_rows_and_outputs)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return whole_numbers_pulled(ops, g, x, weight, bias)


@linear_any_width.exhaustive(large_layers)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return all_of(
        equal(ops.linear(x, weight, bias), exactly(x, weight, bias)),
        whole_numbers_pulled(ops, g, x, weight, bias),
    )


relu_any_width = any_width(
    RELU,
    RELU_VJP,
    refuted_by=(
        wrong.tail_untouched, wrong.one_size_wrong, wrong.single_numbers_pass, wrong.one_block_done,
        wrong.one_block_pulled, wrong.nan_lost_in_a_crowd,
    ),
)  # fmt: skip


def every_count(target: Target) -> Iterator[dict[str, Any]]:
    """A single number, arrays of several axes, every count of numbers up to 1,100, and some far beyond.

    The last are worked on in several blocks, in every format.
    """
    shapes = [(), (1, 1), (0, 3), (2, 3), (2, 0, 2), (3, 2, 2), (1, 2, 1, 3)]
    far = [*[(200_003,)] * len(target.dtypes), (701, 293)]
    for i, shape in enumerate(shapes + [(n,) for n in (*range(1101), 4099, 32_769)] + far):
        numbers, count = whole_numbers(target.dtypes[i % len(target.dtypes)]), math.prod(shape)
        numbers = np.resize(numbers, max(count + i + 1, numbers.size)) if count > 32_769 else numbers
        x = numbers[i : i + count].copy()
        x[-1:] = -1  # so that it matters whether the last one was seen
        if count > 4099:
            x[5 :: 2**13] = np.nan
        yield {"g": numbers[1 : count + 1].reshape(shape), "x": x.reshape(shape)}


@relu_any_width.exhaustive(every_count)
def _(ops: Operations, g: Any, x: Any) -> Any:
    return all_of(RELU.agrees(ops, x=x), RELU_VJP.agrees(ops, g=g, x=x))


BOTH = ((LINEAR, LINEAR_VJP), (RELU, RELU_VJP), (LOW_RANK,))

any_layout = (
    layout_free(LINEAR, LINEAR_VJP, last=("linear",)),
    layout_free(RELU, RELU_VJP, last=("relu_vjp",)),
    layout_free(LOW_RANK),
)
any_history = tuple(pure(*parts) for parts in BOTH)
any_number_of_rows = (many_rows(LINEAR, LINEAR_VJP), many_rows(RELU, RELU_VJP))
linear_keeps_dtype = keeps_dtype(
    LINEAR,
    LINEAR_VJP,
    refuted_by=(
        wrong.summed_in_halves, wrong.rounded_before_the_bias, wrong.pulled_in_sixteen_bits, wrong.format_of_the_input,
        wrong.format_of_the_cotangent,
    ),
)  # fmt: skip


def sums_past_the_digits(target: Target) -> Iterator[dict[str, Any]]:
    """Whole numbers that a 16-bit format has, and whose sums it has not, though 32 bits have."""
    for name in target.dtypes:
        digits = {"float16": 11, "bfloat16": 8}.get(name, 20)
        for k in (1, 2, 3, 7):
            numbers = np.random.default_rng(k).integers(-(2**digits), 2**digits + 1, (2, 64, k))
            x, bias = as_dtype(numbers[0], name), as_dtype(numbers[1, :5, 0], name)
            yield {"x": x, "weight": as_dtype(np.ones((k, 5)), name), "bias": bias}


@linear_keeps_dtype.exhaustive(sums_past_the_digits)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return identical(ops.linear(x, weight, bias), exactly(x, weight, bias))


@linear_keeps_dtype.exhaustive(sums_past_the_digits)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    g = np.repeat(x[:7, :1], 5, axis=1)  # seven rows, each sum of them the same
    true = exactly(np.ones(7, g.dtype), g), exactly(x[:7].T, np.ones_like(g))
    return all_of(
        identical(ops.linear_vjp(g, x[:7], weight, bias)[2], true[0]),
        identical(ops.linear_vjp(np.ones_like(g), x[:7], weight, bias)[1], true[1]),
    )


def pairs_of_formats(target: Target) -> Iterator[dict[str, Any]]:
    """Small layers whose input and weights differ in format, if the target takes objects: NumPy then promotes them."""
    for of_x, of_weight in itertools.product(target.dtypes, repeat=2):
        if of_x == of_weight or (target.exact and {of_x, of_weight} != {"float16", "bfloat16"}):  # these two have none
            x, layer = (whole_layer(3, name, 4, 3, 5) for name in (of_x, of_weight))
            yield {"g": x["g"], "x": x["x"], "weight": layer["weight"], "bias": layer["bias"]}


@linear_keeps_dtype.exhaustive(pairs_of_formats)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    y, pulled = ops.linear(x, weight, bias), ops.linear_vjp(g, x, weight, bias)
    return all_of(
        identical(y, exactly(x, weight, bias).astype(np.result_type(x, weight))),
        identical(pulled[0], exactly(g, weight.T).astype(x.dtype)),
        identical(pulled[1], exactly(x.T, g).astype(weight.dtype)),
        identical(pulled[2], exactly(np.ones(len(g), g.dtype), g).astype(bias.dtype)),
    )


any_format = (linear_keeps_dtype, keeps_dtype(RELU, RELU_VJP), keeps_dtype(LOW_RANK))
no_integers = tuple(floats_only(*parts) for parts in BOTH)
