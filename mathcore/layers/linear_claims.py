"""What must be true of a linear layer: FAQ 9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants as wrong
from mathcore.layers.law_claims import exact_arrays, exactly, large_layers, whole_numbers_pulled
from mathcore.layers.records import LINEAR, LINEAR_VJP
from mathcore.layers.textbook import true_layer
from mathcore.verify import Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, widths
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.relations import Conjunction, all_of, equal
from mathcore.verify.tolerances import FORMATS, dot_product


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


# Special values, and the gradient.
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
def layers_with_nonfinite_numbers(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer of whole numbers, 0 among them, with NaN or infinity at one or two places."""
    name, (rows, inputs, outputs) = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 4)) for _ in range(3))
    shapes = {"x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    layer = {key: draw_integers(draw, shape, 7).astype(np.float64) for key, shape in shapes.items()}  # sums below 256
    for _ in range(draw(st.integers(1, 2))):
        array = layer[draw(st.sampled_from(sorted(layer)))]
        array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return {key: as_dtype(v, name) for key, v in layer.items()}


def same_numbers(y: Any, true: Any) -> Conjunction:
    """Equal to the truth, and NaN where that is NaN."""
    lost, y, true = np.isnan(true), y.astype(np.float64), np.asarray(true, np.float64)
    return all_of(equal(np.isnan(y), lost), equal(np.where(lost, 0, y), np.where(lost, 0, true)))


@nothing_is_hidden.property(layers_with_nonfinite_numbers())
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
    predicted = sum((p * d).sum() for p, d in zip(pulled, (dx, dweight, dbias), strict=True))
    pushed = dx @ weight + x @ dweight + dbias
    # A product of two arguments has no third derivative: central differences are exact, of all arguments at once.
    ahead = ops.linear(x + dx, weight + dweight, bias + dbias)
    behind = ops.linear(x - dx, weight - dweight, bias - dbias)
    return equal([(g * pushed).sum(), (g * (ahead - behind)).sum()], [predicted, 2 * predicted])


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

    def partial_derivative(argument: int, index: tuple[int, ...]) -> Any:
        step = np.zeros(at[argument].shape)
        step[index] = 1
        directions = tuple(step if i == argument else None for i in range(3))
        return derivative(lambda x, w, b: (cotangent * (x @ w + b)).sum(), at, directions)

    return all_of(
        *(
            equal(gradient[index], partial_derivative(i, index), within=allowed[i][index])
            for i, gradient in enumerate(ops.linear_vjp(g, *at))
            for index in np.ndindex(gradient.shape)
        )
    )


@linear_gradient.property(LINEAR_VJP.inputs(most=40), effort=0.5)
def gradient_within_the_bound(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR_VJP.agrees(ops, g=g, x=x, weight=weight, bias=bias)


@linear_gradient.exhaustive(large_layers)
def large_gradients_are_exact(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return whole_numbers_pulled(ops, g, x, weight, bias)
