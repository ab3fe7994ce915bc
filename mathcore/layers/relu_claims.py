"""What must be true of ReLU: FAQ 10 and 13."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants
from mathcore.layers import relu_mutants as wrong
from mathcore.layers.inputs import draw_bits, special_numbers
from mathcore.layers.law_claims import exact_arrays, float_stack
from mathcore.layers.linear_tolerances import stacked_layers
from mathcore.layers.records import RELU, RELU_VJP
from mathcore.layers.textbook import true_layer
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_integers, log_uniform, widths
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import Conjunction, all_of, at_least, at_most, differs, equal, less
from mathcore.verify.tolerances import dtype_named


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
def every_16_bit_number_is_clipped(ops: Operations, x: Any) -> Any:
    return RELU.agrees(ops, x=x)


@keeps_positive.exhaustive(every_special_number)
def special_numbers_are_clipped(ops: Operations, x: Any) -> Any:
    return RELU.agrees(ops, x=x)


@domain
def numbers_of_any_size(draw: Draw, target: Target) -> dict[str, Any]:
    """Numbers whose bits are drawn, NaN and infinity among them."""
    return {"x": draw_bits(draw, (draw(widths(least=0, most=300)),), draw(st.sampled_from(target.dtypes)))}


@keeps_positive.property(numbers_of_any_size())
def numbers_of_any_size_are_clipped(ops: Operations, x: Any) -> Any:
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
def laws_hold_for_all_16_bit_numbers(ops: Operations, x: Any, y: Any, factor: Any) -> Any:
    return laws(ops, x, y, factor)


@domain
def ordered_pairs(draw: Draw, target: Target) -> dict[str, Any]:
    """Two arrays of finite numbers of any size, and a positive factor."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 6))
    x, y = (np.nan_to_num(draw_bits(draw, (n,), name).astype(np.float64)) for _ in range(2))
    factor = as_dtype(draw(log_uniform(2.0**-3, 2.0**3)), name)
    return {"x": as_dtype(x, name), "y": as_dtype(y, name), "factor": factor}


@algebra.property(ordered_pairs())
def laws_hold_for_ordered_pairs(ops: Operations, x: Any, y: Any, factor: Any) -> Any:
    return laws(ops, np.minimum(x, y), np.maximum(x, y), abs(factor))


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
    refuted_by=(
        wrong.identity,
        linear_mutants.one_too_many,
        wrong.negative_kept,
        wrong.leaky,
        wrong.shifted,
        wrong.absolute,
    ),
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
def second_difference_is_the_bends(ops: Operations, point: Any, step: Any, weight: Any, after: Any) -> Any:
    # What f(p + d) + f(p − d) − 2f(p) leaves over: nothing if f is affine, and the bends of the units here.
    inputs, wide = (point + step, point - step, point), weight.astype(np.float64)
    bias = -(point.astype(np.float64) @ wide)[0].astype(weight.dtype)
    ahead, behind, here = (relu_between(ops, v, weight, bias, after) for v in inputs)
    return equal(ahead + behind - 2 * here, abs(step.astype(np.float64) @ wide) @ after.astype(np.float64))


@domain
def nets_that_cancel(draw: Draw, target: Target) -> dict[str, Any]:
    """Half of the units of a net, inputs, and the factor between a unit and its partner."""
    name, inputs, pairs = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x, weight, bias = (draw_integers(draw, s, 2) for s in ((3, inputs), (inputs, pairs), (pairs,)))
    arrays = {"x": x, "weight": weight, "bias": bias, "after": draw_integers(draw, (pairs, 1), 2)}
    return {**{key: as_dtype(v, name) for key, v in arrays.items()}, "factor": draw(st.sampled_from([-2, -1, 1, 2]))}


@breaks_the_collapse.property(nets_that_cancel(), effort=0.5)
def cancelled_bends_leave_one_layer(ops: Operations, x: Any, weight: Any, bias: Any, after: Any, factor: int) -> Any:
    # Pairs with one kink: (w, b) that gives |c|v, and c(w, b) that gives −v.
    w, b, v = (a.astype(np.float64) for a in (weight, bias, after))
    net = np.c_[w, factor * w], np.r_[b, factor * b], np.r_[abs(factor) * v, -v]
    # relu(h) = h/2 + |h|/2, and of the second nothing is left: half of the two layers without a ReLU.
    straight = (x.astype(np.float64) @ net[0] + net[1]) @ net[2]
    return equal(2 * relu_between(ops, x, *(a.astype(x.dtype) for a in net)), straight)


@breaks_the_collapse.proof
def xor_is_no_affine_map(ops: Operations) -> Any:
    return all_of(equal(xor_net(ops, CORNERS), XOR), no_affine_map_is(xor_net(ops, CORNERS)))


@breaks_the_collapse.counterexample(up=st.integers(1, 4), down=st.integers(-4, -1))
def any_two_units_leave_the_linear_maps(ops: Operations, up: int, down: int) -> Any:
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
    refuted_by=(wrong.identity, wrong.leaky, wrong.negative_kept, linear_mutants.bias_forgotten),
)


def corners(target: Target) -> Iterator[dict[str, Any]]:
    """All four inputs, in every format."""
    for name, (corner, wanted) in itertools.product(target.dtypes, zip(CORNERS, XOR, strict=True)):
        yield {"corner": as_dtype(corner[None], name), "wanted": wanted}


@beats_linear.exhaustive(corners)
def net_computes_xor(ops: Operations, corner: Any, wanted: Any) -> Any:
    return equal(xor_net(ops, corner)[0], wanted)


@beats_linear.proof
def no_threshold_computes_xor(ops: Operations) -> Any:
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
    refuted_by=(
        wrong.smooth,
        linear_mutants.squared,
        linear_mutants.saturated,
        linear_mutants.bias_forgotten,
        wrong.leaky,
    ),
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
def midpoint_of_one_pattern_is_the_mean(ops: Operations, x: Any, d: Any, layers: Any) -> Any:
    steps = (x + (step if d.dtype == object else float(step)) * d for step in STEPS)
    y = next((y for y in steps if pattern(y, layers) == pattern(x, layers)), x)  # the first that switches no unit
    middle = net(ops, (x + y) / 2, layers)
    return equal(middle + middle, net(ops, x, layers) + net(ops, y, layers))


@piecewise_linear.property(float_stack(), effort=0.5)
def pattern_turns_relu_into_a_mask(ops: Operations, x: Any, layers: Any) -> Any:
    (weight, bias), (after, last) = layers
    on = (true_layer(x, weight, bias)[0].hi > 0).astype(int)  # on one pattern ReLU is a mask
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
def every_16_bit_gradient_is_masked(ops: Operations, x: Any, g: Any) -> Any:
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
def gradient_times_step_is_the_difference(ops: Operations, g: Any, x: Any, step: Any) -> Any:
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
def nothing_passes_negative_inputs(ops: Operations, x: Any, g: Any) -> Any:
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
def gradient_equals_the_derivative(ops: Operations, g: Any, x: Any) -> Any:
    x = np.where(x == 0, x.dtype.type(-1), x)
    gradient = derivative(lambda x: np.maximum(x, 0 * x), (x,), (g,))
    return equal(ops.relu_vjp(g, x), gradient)


@domain
def exact_numbers(draw: Draw, target: Target) -> dict[str, Any]:
    """Cotangents and numbers that arithmetic is exact on, zeros among them."""
    n = draw(st.integers(1, 6))
    return exact_arrays(draw, target, g=(n,), x=(n,))


@relu_gradient.exact(exact_numbers(), effort=0.5)
def gradient_pairs_with_the_input(ops: Operations, g: Any, x: Any) -> Any:
    return equal((g * ops.relu(x)).sum(), (ops.relu_vjp(g, x) * x).sum())


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
    limits=Limits(options=("bias",), formats=SHORT_FORMATS, rows=3, width=3),
    refuted_by=(linear_mutants.relu_inside, linear_mutants.one_too_many, linear_mutants.weight_transposed),
    rests_on=("linear.two_layers_collapse",),
)


@domain
def one_kink(draw: Draw, target: Target) -> dict[str, Any]:
    """x, W before the only ReLU, U and V bare after it."""
    rows, a, b, c, d = (draw(st.integers(1, 3)) for _ in range(5))
    return exact_arrays(draw, target, x=(rows, a), w=(a, b), u=(b, c), v=(c, d))


@must_stand_everywhere.exact(one_kink())
def matrices_after_a_relu_are_one(ops: Operations, x: Any, w: Any, u: Any, v: Any) -> Any:
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
def one_relu_leaves_the_linear_maps(ops: Operations, x: int, y: int, weights: Any) -> Any:
    f = partial(one_number_through, ops, weights)
    left_over = abs(weights[0]) * weights[1] * weights[2] * float(min(x, y))  # by no linear map
    return equal(f(float(x)) + f(float(-y)) - f(float(x - y)), left_over)


@must_stand_everywhere.counterexample(x=st.integers(-4, 4), y=st.integers(-4, 4))
def one_relu_is_additive(ops: Operations, x: int, y: int) -> Any:
    f = partial(one_number_through, ops, (1, 1, 1))
    return equal(f(float(x + y)), f(float(x)) + f(float(y)))  # one bare pair, yet it is no linear map
