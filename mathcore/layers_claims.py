"""What must be true of layers: FAQ 9, 10, 13, 14, 15 and 16."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import layers_mutants as wrong
from mathcore.common_rows import Part, any_width, floats_only, keeps_dtype, layout_free, pure
from mathcore.layers_tolerances import singular_values, stacked_layers
from mathcore.verify import (
    Claim,
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
    raises,
    seeds,
    widths,
)
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.enclosures import true_matmul
from mathcore.verify.numbers import Ledger, counted
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import FORMATS, dot_product, magnitude

# The operations, for what is true of each.


def _draw_layer(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    inputs, outputs = 2500 if long else width, draw(st.integers(1, 4))
    scale = (2.0**-5, 2.0**-3) if long else (2.0**-6, 2.0**4)
    shapes = {"x": (rows or draw(st.integers(1, 4)), inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    drawn = {key: draw_array(draw, shape, name, scale) for key, shape in shapes.items()}
    return {key: abs(v) for key, v in drawn.items()} if long else drawn


def _layer_agrees(ops: Operations, answer: Any, x: Any, weight: Any, bias: Any) -> Relation:
    # The bias is one more row of weights, met by an input of 1.
    rows, columns = np.c_[x, np.ones_like(x, shape=(len(x), 1))], np.r_[weight, bias[None]]
    return equal(
        answer, true_matmul(rows, columns), within=dot_product(magnitude(rows, columns), len(columns), x.dtype)
    )


def _draw_pulled(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    layer = _draw_layer(draw, name, min(width, 1300), long=False, rows=2500 if long else rows)
    g = draw_array(draw, (len(layer["x"]), len(layer["bias"])), name, (2.0**-6, 2.0**-3) if long else (2.0**-4, 2.0**4))
    return {"g": abs(g), **{k: abs(v) for k, v in layer.items()}} if long else {"g": g, **layer}


def _pulled_agrees(ops: Operations, answer: Any, g: Any, x: Any, weight: Any, bias: Any) -> Conjunction:
    one = np.ones((1, len(g)), g.dtype)
    sums = ((g, weight.T), (x.T, g), (one, g))
    exact = [true_matmul(a, b) for a, b in sums]
    within = [dot_product(magnitude(a, b), a.shape[1], g.dtype) for a, b in sums]
    return all_of(
        *(equal(answer[i], exact[i], within=within[i]) for i in (0, 1)),
        equal(answer[2], exact[2][0], within=within[2][0]),
    )


def _draw_numbers(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return {"x": draw_array(draw, (rows or draw(st.integers(1, 4)), width), name)}


def _draw_masked(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    x = _draw_numbers(draw, name, width, long=long, rows=rows)["x"]
    return {"g": draw_array(draw, x.shape, name, (2.0**-4, 2.0**4)), "x": x}


_SAMPLE = {"x": np.ones((3, 2)), "weight": np.ones((2, 4)), "bias": np.ones(4)}
LINEAR = Part("linear", _draw_layer, _layer_agrees, _SAMPLE, (dot_product,))
LINEAR_VJP = Part("linear_vjp", _draw_pulled, _pulled_agrees, {"g": np.ones((3, 4)), **_SAMPLE}, (dot_product,))
RELU = Part(
    "relu",
    _draw_numbers,
    lambda ops, answer, x: identical(answer, positive_part(x)),  # noqa: ARG005
    {"x": np.ones((3, 2))},
)
RELU_VJP = Part(
    "relu_vjp",
    _draw_masked,
    lambda ops, answer, g, x: identical(answer, let_through(g, x, ops.conventions.relu_slope_at_zero)),
    {"g": np.ones((3, 2)), "x": np.ones((3, 2))},
)


def positive_part(x: Any) -> Any:
    """What ReLU owes: the number itself if it is positive or NaN, else +0."""
    return np.array([v if v > 0 or v != v else x.dtype.type(0) for v in x.ravel()], x.dtype).reshape(x.shape)


def let_through(g: Any, x: Any, at_zero: float) -> Any:
    """What its derivative owes: the cotangent where x is positive, its share at 0, NaN at NaN, else +0."""
    zero, share = g.dtype.type(0), g.dtype.type(at_zero)
    kept = [
        a if v > 0 else (a * share if at_zero and v == 0 else zero) if v <= 0 else v
        for a, v in zip(g.ravel(), x.ravel(), strict=True)
    ]
    return np.array(kept, g.dtype).reshape(g.shape)


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
def exact_stack(draw: Draw, target: Target, *, most: int = 3, count: int = 2) -> dict[str, Any]:
    """x (rows, n₀) and `count` layers (n₀, n₁), (n₁, n₂), … with their biases, in exact numbers."""
    sizes, kind = [draw(st.integers(1, most)) for _ in range(count + 1)], draw(st.booleans())

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


layer_is_a_matrix = Claim(
    "linear.layer_is_a_matrix",
    faq=9,
    statement="A layer is a matrix and a bias: each output is a weighted sum of the inputs, plus its own bias.",
    formula=r"y_j = \sum_i x_i W_{ij} + b_j",
    source="Higham, Accuracy and Stability of Numerical Algorithms (2002), §3.5",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.weight_transposed,
        wrong.bias_forgotten,
        wrong.bias_scaled,
        wrong.last_input_dropped,
        wrong.relu_inside,
    ),
)


@layer_is_a_matrix.exact(exact_layer())
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    by_hand = [[sum(row * column) + b for column, b in zip(weight.T, bias, strict=True)] for row in x]
    return equal(ops.linear(x, weight, bias), by_hand)


@layer_is_a_matrix.property(LINEAR.inputs(most=300))
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR.agrees(ops, x=x, weight=weight, bias=bias)


layers_compose = Claim(
    "linear.layers_compose",
    faq=9,
    statement="From word to hidden to score, two layers are the composition of two maps, whatever the width between.",
    formula=r"(xU + b)V + c = x(UV) + (bV + c)",
    needs=("linear",),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.relu_inside, wrong.bias_forgotten, wrong.weight_transposed, wrong.one_too_many),
)


@layers_compose.exact(exact_stack(most=4))
def _(ops: Operations, x: Any, layers: Any) -> Any:
    return equal(through(ops, x, layers), x @ as_one(layers)[0] + as_one(layers)[1])


@layers_compose.property(float_stack(), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    true = enclose(lambda x, u, b, v, c: (x @ u + b) @ v + c, x, *layers[0], *layers[1])
    return equal(through(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype))


is_linear = Claim(
    "linear.is_linear",
    faq=9,
    statement="A layer without bias is linear: a sum goes to the sum, a multiple to the multiple. With a bias it is "
    "affine: that is true where the weights of the mixture add up to 1.",
    formula=r"f(\alpha x + \beta y) = \alpha f(x) + \beta f(y)",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.squared, wrong.saturated, wrong.relu_inside, wrong.one_too_many, wrong.normalised),
)


@domain
def mixtures(draw: Draw, target: Target, *, exact: bool) -> dict[str, Any]:
    """Two batches and two multiples whose mixture is exact in the format, weights, a bias."""
    rows, inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    name = "float64" if exact else draw(st.sampled_from(target.dtypes))
    x, y = (as_dtype(draw_integers(draw, (rows, inputs), 12), name) for _ in range(2))
    if exact:
        weight, bias = (draw_exact(draw, target, *s, fractions=False) for s in ((inputs, outputs), (outputs,)))
    else:
        weight, bias = (draw_array(draw, s, name, (2.0**-4, 2.0**4)) for s in ((inputs, outputs), (outputs,)))
    a, b = (x.dtype.type(draw(st.integers(-3, 3))) for _ in range(2))
    return {"x": x, "y": y, "a": a, "b": b, "weight": weight, "bias": bias}


@is_linear.exact(mixtures(exact=True))
def _(ops: Operations, x: Any, y: Any, a: Any, b: Any, weight: Any, bias: Any) -> Any:
    fx, fy, affine_x, affine_y = (ops.linear(z, weight, *b) for b in ((), (bias,)) for z in (x, y))
    return all_of(
        equal(ops.linear(a * x + b * y, weight), a * fx + b * fy),
        equal(ops.linear(a * x + (1 - a) * y, weight, bias), a * affine_x + (1 - a) * affine_y),
    )


@is_linear.property(mixtures(exact=False))
def _(ops: Operations, x: Any, y: Any, a: Any, b: Any, weight: Any, bias: Any) -> Any:
    def allowed(z: Any) -> Any:
        return dot_product(magnitude(z, weight), len(weight), x.dtype)

    z = (a * x + b * y).astype(x.dtype)
    mixed = sum(float(k) * ops.linear(v, weight).astype(np.float64) for k, v in ((a, x), (b, y)))
    rounded = dot_product(abs(mixed) + magnitude(z, weight), 3, np.float64)  # the mixture is formed in float64
    return equal(
        ops.linear(z, weight), mixed, within=allowed(z) + allowed(x) * float(a) + allowed(y) * float(b) + rounded
    )


# FAQ 10: ReLU.


SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0)


def every_number_of_16_bits(target: Target) -> Iterator[dict[str, Any]]:
    """All 65,536 bit patterns of float16 and of bfloat16."""
    for name in [d for d in ("float16", "bfloat16") if d in target.dtypes]:
        yield {"x": np.arange(65_536).astype(np.uint16).view(as_dtype(0, name).dtype)}


def every_special_number(target: Target) -> Iterator[dict[str, Any]]:
    """Zeros, infinities, NaN, the smallest, the smallest normal and the largest numbers of every format."""
    for name in target.dtypes:
        f = FORMATS[name]
        edges = [s * v for v in (f.smallest, f.tiny - f.smallest, f.tiny, f.most) for s in (1, -1)]
        yield {"x": as_dtype([*SPECIAL, *edges], name)}


keeps_positive = Claim(
    "relu.keeps_positive_zeroes_negative",
    faq=10,
    statement="What is positive stays as it is, bit for bit; what is negative becomes 0. Both zeros give +0, ∞ stays, "
    "−∞ becomes 0, and NaN stays NaN.",
    formula=r"\operatorname{relu}(x) = \max(x, 0)",
    needs=("relu",),
    refuted_by=(
        wrong.leaky,
        wrong.absolute,
        wrong.capped_at_six,
        wrong.nan_becomes_zero,
        wrong.product_with_a_mask,
        wrong.subnormals_flushed,
        wrong.tail_untouched,
    ),
)


@keeps_positive.exhaustive(every_number_of_16_bits)
def _(ops: Operations, x: Any) -> Any:
    return identical(ops.relu(x), positive_part(x))


@keeps_positive.exhaustive(every_special_number)
def _(ops: Operations, x: Any) -> Any:
    return identical(ops.relu(x), positive_part(x))


@keeps_positive.property(RELU.inputs(most=300))
def _(ops: Operations, x: Any) -> Any:
    return RELU.agrees(ops, x=x)


algebra = Claim(
    "relu.algebra",
    faq=10,
    statement="Applied twice it is applied once; it never turns an order around and never widens a gap; a positive "
    "factor passes through; and a number is its positive part less that of its negative.",
    formula=r"r(r(x)) = r(x), \quad |r(x) - r(y)| \le |x - y|, \quad r(2x) = 2r(x), \quad x = r(x) - r(-x), \quad "
    r"|x| = r(x) + r(-x)",
    needs=("relu",),
    refuted_by=(wrong.leaky, wrong.absolute, wrong.shifted, wrong.smooth, wrong.negative_kept, wrong.identity),
)


def finite_float16s(target: Target) -> Iterator[dict[str, Any]]:
    """All finite numbers of the narrowest format, each beside its successor."""
    name = next((d for d in ("float16", "bfloat16") if d in target.dtypes), target.dtypes[0])
    x = np.sort(np.arange(65_536).astype(np.uint16).view(np.float16).astype(np.float64))
    x = as_dtype(x[np.isfinite(x)], name)
    yield {"x": x[:-1], "y": x[1:]}


def laws(relu: Any, x: Any, y: Any) -> Conjunction:
    """The algebra, on two arrays x ≤ y."""
    r, s, half = relu(x), relu(y), x.dtype.type(0.5)
    wide = [np.asarray(v, np.float64) for v in (x, y, r, s)] if x.dtype != object else [x, y, r, s]
    halved = (x * half).astype(x.dtype)
    exact = np.asarray(halved + halved == x, bool)  # where halving lost nothing
    return all_of(
        equal(relu(r), r),
        at_most(r, s),
        at_most(wide[3] - wide[2], wide[1] - wide[0]),
        equal(np.where(exact, relu(halved) + relu(halved), r), r),
        equal(r - relu(-x), x),
        equal(r + relu(-x), abs(x)),
    )


@algebra.exhaustive(finite_float16s)
def _(ops: Operations, x: Any, y: Any) -> Any:
    return laws(ops.relu, x, y)


@domain
def ordered_pairs(draw: Draw, target: Target) -> dict[str, Any]:
    """Two arrays, one nowhere above the other."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 6))
    x, y = (draw_array(draw, (n,), name) for _ in range(2))
    return {"x": np.minimum(x, y), "y": np.maximum(x, y)}


@algebra.property(ordered_pairs())
def _(ops: Operations, x: Any, y: Any) -> Any:
    return laws(ops.relu, x, y)


ten_layers_are_one = Claim(
    "linear.ten_layers_are_one",
    faq=10,
    statement="Ten layers one after the other, with nothing between them, are one layer.",
    formula=r"(\dots(xW_1 + b_1)\dots)W_{10} + b_{10} = xW + b",
    needs=("linear",),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.bias_forgotten),
    rests_on=("linear.layers_compose",),
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
    return equal(through(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype))


CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
BALANCE = np.array([1.0, -1.0, -1.0, 1.0])
"""What no affine map sees: f(0,0) − f(0,1) − f(1,0) + f(1,1) = 0 for every one of them."""


def xor_net(ops: Operations, x: Any) -> Any:
    """relu(a + b) − 2 relu(a + b − 1)."""
    hidden = ops.relu(ops.linear(x, np.ones((2, 2)), np.array([0.0, -1.0])))
    return ops.linear(hidden, np.array([[1.0], [-2.0]]))[:, 0]


def no_affine_map_is(values: Any) -> Conjunction:
    """A certificate: weights of the corners that cancel every affine function, but not these values."""
    return all_of(
        equal(BALANCE @ CORNERS, np.zeros(2)), equal(BALANCE.sum(), 0.0), differs(BALANCE @ np.asarray(values), 0.0)
    )


breaks_the_collapse = Claim(
    "relu.breaks_the_collapse",
    faq=10,
    statement="With a ReLU between two layers no single matrix, nor a matrix with a bias, gives the same.",
    formula=r"\nexists\, W, b:\ \operatorname{relu}(xW_1 + b_1)W_2 + b_2 = xW + b \text{ for all } x",
    needs=("relu", "linear"),
    refuted_by=(wrong.identity, wrong.one_too_many, wrong.negative_kept),
    rests_on=("linear.ten_layers_are_one",),
)


@breaks_the_collapse.proof
def _(ops: Operations) -> Any:
    return all_of(equal(xor_net(ops, CORNERS), XOR), no_affine_map_is(xor_net(ops, CORNERS)))


@breaks_the_collapse.counterexample(x=st.integers(-4, 4), y=st.integers(-4, 4))
def _(ops: Operations, x: int, y: int) -> Any:
    a, b = np.array([[float(x)]]), np.array([[float(y)]])
    f: Callable[[Any], Any] = lambda z: ops.linear(ops.relu(ops.linear(z, np.eye(1))), np.eye(1))  # noqa: E731
    return equal(f(a + b), f(a) + f(b))


beats_linear = Claim(
    "relu.beats_linear",
    faq=10,
    statement="Two layers with a ReLU between them compute “one or the other, but not both” exactly; no single layer "
    "does, and no single layer with a threshold either.",
    formula=r"\operatorname{relu}(a + b) - 2\operatorname{relu}(a + b - 1) = a \oplus b",
    source="Minsky & Papert, Perceptrons (1969); Goodfellow, Bengio & Courville, Deep Learning (2016), §6.1",
    needs=("relu", "linear"),
    refuted_by=(wrong.identity, wrong.leaky, wrong.negative_kept, wrong.bias_forgotten),
)


def corners() -> Iterator[dict[str, Any]]:
    """All four inputs."""
    for corner, wanted in zip(CORNERS, XOR, strict=True):
        yield {"corner": corner[None], "wanted": wanted}


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
    statement="Among inputs that switch the same units on, a net with ReLU is a plain layer.",
    formula=r"x, y \text{ with one pattern} \Rightarrow f(\tfrac12 x + \tfrac12 y) = \tfrac12 f(x) + \tfrac12 f(y)",
    needs=("relu", "linear"),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.smooth, wrong.squared, wrong.saturated, wrong.bias_forgotten),
)


@domain
def one_pattern(draw: Draw, target: Target, *, exact: bool) -> dict[str, Any]:
    """Two inputs that switch on the same units of a first layer, and a second layer.

    The second input is a multiple of the first, the bias is a multiple of what the weights make of it: all signs stay.
    """
    inputs, hidden, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    if exact:
        shapes = {"x": (1, inputs), "weight": (inputs, hidden), "after": (hidden, outputs), "bias": (outputs,)}
        x, weight, after, bias = exact_arrays(draw, target, **shapes).values()
        factor = x.dtype.type(draw(st.integers(2, 6))) if x.dtype != object else Fraction(draw(st.integers(1, 9)), 2)
    else:
        name = draw(st.sampled_from(target.dtypes))
        x = draw_array(draw, (1, inputs), name, (0.5, 4))
        weight, after, bias = (
            draw_array(draw, s, name, (0.25, 1)) for s in ((inputs, hidden), (hidden, outputs), (outputs,))
        )
        factor = x.dtype.type(3)
    return {"x": x, "factor": factor, "weight": weight, "after": after, "bias": bias}


def net(ops: Operations, x: Any, weight: Any, after: Any, bias: Any) -> Any:
    """Layer, ReLU, layer."""
    return ops.linear(ops.relu(ops.linear(x, weight)), after, bias)


@piecewise_linear.exact(one_pattern(exact=True))
def _(ops: Operations, x: Any, factor: Any, weight: Any, after: Any, bias: Any) -> Any:
    y = x * factor
    middle = net(ops, x + y, weight, after, bias) + bias  # f(x + y) + f(0), both within the pattern's cone
    return equal(middle, net(ops, x, weight, after, bias) + net(ops, y, weight, after, bias))


@piecewise_linear.property(one_pattern(exact=False), effort=0.5)
def _(ops: Operations, x: Any, factor: Any, weight: Any, after: Any, bias: Any) -> Any:
    on = (true_matmul(x, weight).hi > 0).astype(float)[0]  # the pattern turns the ReLU into a mask
    layers = [(weight, np.zeros_like(weight[0])), (after, bias)]
    true = enclose(lambda x, w, v, b: (x @ w * on) @ v + b, x, weight, after, bias)
    return equal(net(ops, x, weight, after, bias), true, within=stacked_layers(x, layers, x.dtype))


gradient_is_a_mask = Claim(
    "relu.gradient_is_a_mask",
    faq=10,
    statement="The gradient passes where the input was positive, and is exactly zero where it was negative, whatever "
    "came back. At 0 it is the declared choice; where the input was NaN it is NaN.",
    formula=r"\bar x = \bar y\,[x > 0]",
    needs=("relu_vjp",),
    refuted_by=(
        wrong.slope_one_at_zero,
        wrong.half_at_zero,
        wrong.half_below_normal,
        wrong.mask_of_the_cotangent,
        wrong.everything_passes,
        wrong.multiplied_by_the_mask,
    ),
)


def masks(target: Target) -> Iterator[dict[str, Any]]:
    """All numbers of 16 bits and all special ones, against cotangents of every kind."""
    for case in itertools.chain(every_number_of_16_bits(target), every_special_number(target)):
        for value in (1.0, -3.0, np.inf, 0.0):
            yield {"x": case["x"], "g": np.full_like(case["x"], value)}


@gradient_is_a_mask.exhaustive(masks)
def _(ops: Operations, x: Any, g: Any) -> Any:
    return RELU_VJP.agrees(ops, g=g, x=x)


@gradient_is_a_mask.property(RELU_VJP.inputs(most=300))
def _(ops: Operations, g: Any, x: Any) -> Any:
    return RELU_VJP.agrees(ops, g=g, x=x)


relu_gradient = Claim(
    "relu.gradient",
    statement="Away from 0 the pulled-back cotangent is the derivative of ReLU: the central difference, which "
    "truncates nothing here.",
    formula=r"\frac{\operatorname{relu}(x + h) - \operatorname{relu}(x - h)}{2h} = [x > 0] \quad (|x| > h)",
    needs=("relu", "relu_vjp"),
    refuted_by=(wrong.mask_of_the_cotangent, wrong.everything_passes, wrong.leaky, wrong.shifted),
)


@relu_gradient.property(x=st.lists(st.integers(-64, 64).filter(bool), min_size=1, max_size=6), g=seeds(), effort=0.5)
def _(ops: Operations, x: list[int], g: Any) -> Any:
    at, cotangent = np.array(x, float), g.integers(-9, 10, len(x)).astype(float)
    h = 2.0**-3  # whole numbers and eighths: every step is exact
    slope = (ops.relu(at + h) - ops.relu(at - h)) / (2 * h)
    return equal(ops.relu_vjp(cotangent, at), cotangent * slope)


# FAQ 13: ReLU between every pair?

two_layers_collapse = Claim(
    "linear.two_layers_collapse",
    faq=13,
    statement="Two matrices back to back equal one, and its rank is at most the width between them.",
    formula=r"(xU)V = x(UV), \qquad \operatorname{rank} UV \le r",
    needs=("linear",),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.weight_transposed, wrong.columns_swapped),
    rests_on=("linear.layers_compose",),
)


def unit(n: int, like: Any) -> Any:
    """The identity in the numbers of `like`; whole numbers keep Fractions exact."""
    return np.eye(n, dtype=int).astype(like.dtype)


def rank(matrix: Any) -> int:
    """The rank of a matrix of whole numbers or Fractions, by elimination without rounding."""
    rows = [[Fraction(v) for v in row] for row in np.asarray(matrix).tolist()]
    found = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            factor = rows[i][column] / rows[found][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


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


collapse_is_weaker = Claim(
    "linear.collapse_is_weaker",
    faq=13,
    verdict="holds_if",
    condition="the width between is below both the inputs and the outputs; otherwise every matrix is such a pair.",
    statement="Two matrices back to back can do less than one: some matrices are no such pair.",
    formula=r"r < \min(m, n) \Rightarrow \exists W:\ W \ne UV \text{ for all } U_{m \times r}, V_{r \times n}",
    needs=("linear",),
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
    corrected="One ReLU anywhere is enough to leave the linear maps. A pair of matrices without one adds no function "
    "beyond a single matrix whose rank is at most the width between.",
    formula=r"x \mapsto \operatorname{relu}(xW)\,U V = \operatorname{relu}(xW)\,(UV)",
    needs=("relu", "linear"),
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


def one_number_through(ops: Operations, z: float) -> Any:
    """One ReLU, then two bare matrices, all of them 1."""
    one = np.eye(1)
    hidden = ops.relu(ops.linear(np.array([[z]]), one))
    return ops.linear(ops.linear(hidden, one), one)[0, 0]


@must_stand_everywhere.property(x=st.integers(1, 64), y=st.integers(1, 64), effort=0.5)
def _(ops: Operations, x: int, y: int) -> Any:
    f = partial(one_number_through, ops)
    return equal(f(float(x)) + f(float(-y)) - f(float(x - y)), float(min(x, y)))  # what no linear map leaves over


@must_stand_everywhere.counterexample(x=st.integers(-4, 4), y=st.integers(-4, 4))
def _(ops: Operations, x: int, y: int) -> Any:
    f = partial(one_number_through, ops)
    return equal(f(float(x + y)), f(float(x)) + f(float(y)))  # one bare pair, yet it is no linear map


is_smaller = Claim(
    "lowrank.is_smaller",
    faq=13,
    verdict="holds_if",
    condition="r < mn/(m + n). At r = mn/(m + n) nothing is gained, beyond it there is more to store and to do.",
    statement="Two thin matrices are smaller and cheaper than the one that they stand for.",
    formula=r"r(m + n) < mn \iff r < \frac{mn}{m + n}",
    needs=("linear", "low_rank"),
    refuted_by=(wrong.computes_the_product, wrong.full_factors),
)


def work_of(ops: Operations, x: Any, *matrices: Any) -> tuple[int, Any]:
    """The multiplications that a row costs on its way through the matrices, and what comes out."""
    ledger = Ledger()
    y = counted(x, ledger)
    for matrix in matrices:
        y = ops.linear(y, counted(matrix, ledger))
    return ledger.multiplications, y


@domain
def sizes(draw: Draw, target: Target) -> dict[str, Any]:
    """The shapes of two factors."""
    m, n = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return {"m": m, "n": n, "r": draw(st.integers(1, min(m, n)))}


@is_smaller.exact(sizes(), effort=0.5)
def _(ops: Operations, m: int, n: int, r: int) -> Any:
    left, right = ops.low_rank(np.eye(m, n) + 1, r)
    ones = np.ones((m, r), int), np.ones((r, n), int)
    factored, whole = (
        work_of(ops, np.ones((1, m), int), *ones)[0],
        work_of(ops, np.ones((1, m), int), ones[0] @ ones[1])[0],
    )
    return all_of(
        equal(left.size + right.size, r * (m + n)),
        equal(factored, r * (m + n)),
        equal(whole, m * n),
        equal(factored < whole, Fraction(r) < Fraction(m * n, m + n)),
    )


@is_smaller.counterexample(sizes())
def _(ops: Operations, m: int, n: int, r: int) -> Any:
    return less(r * (m + n), m * n)


error_is_the_tail = Claim(
    "lowrank.error_is_the_tail",
    faq=13,
    statement="The best two thin matrices of rank r miss by the (r + 1)-th singular value in the spectral norm and by "
    "the root of the squares of all that follow in Frobenius norm: by nothing if the rank was at most r.",
    formula=r"\lVert W - LR\rVert_2 = \sigma_{r+1}, \qquad \lVert W - LR\rVert_F^2 = \sum_{i>r}\sigma_i^2",
    source="Eckart & Young (1936), doi:10.1007/BF02288367; Mirsky (1960), doi:10.1093/qmath/11.1.50",
    needs=("low_rank",),
    tolerances=(singular_values,),
    refuted_by=(wrong.one_rank_short, wrong.smallest_kept, wrong.first_columns, wrong.values_not_split),
)


@domain
def matrices(draw: Draw, target: Target) -> dict[str, Any]:
    """A matrix, often of low rank, and a rank that it can have."""
    name = draw(st.sampled_from(target.dtypes))
    m, n = draw(widths(most=40)), draw(st.integers(1, 6))
    own = draw(st.integers(1, min(m, n)))
    whole = draw_integers(draw, (m, own), 3) @ draw_integers(draw, (own, n), 3)  # its rank is at most `own`
    weight = whole if draw(st.booleans()) else draw_array(draw, (m, n), "float64", (0.25, 4))
    weight = as_dtype(weight.T if draw(st.booleans()) else weight, name)
    return {"weight": weight, "r": draw(st.integers(1, min(m, n)))}


@error_is_the_tail.property(matrices(), effort=2)
def _(ops: Operations, weight: Any, r: int) -> Any:
    left, right = ops.low_rank(weight, r)
    true, wide = np.asarray(weight, np.float64), np.asarray(left, np.float64) @ np.asarray(right, np.float64)
    sigma = np.append(np.linalg.svd(true, compute_uv=False), 0.0)
    missed = np.linalg.svd(true - wide, compute_uv=False)
    # Both the target's factors and the singular values here come from an SVD.
    allowed = singular_values(weight, weight.dtype) + singular_values(weight, np.float64) * 2
    return all_of(
        equal([*left.shape, *right.shape], [weight.shape[0], r, r, weight.shape[1]]),
        equal(missed[0], sigma[r], within=allowed),
        equal(np.sqrt((missed**2).sum()), np.sqrt((sigma[r:] ** 2).sum()), within=allowed),
    )


# FAQ 14: what a layer "sees".

score_is_alignment = Claim(
    "linear.score_is_alignment",
    faq=14,
    statement="A score is the length of the input times the length of the weights times the cosine between them: "
    "largest in the weights' own direction, zero at right angles, negative when opposed.",
    formula=r"x \cdot w = \lVert x\rVert\,\lVert w\rVert \cos\angle(x, w)",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.relu_inside, wrong.normalised, wrong.squared, wrong.one_too_many, wrong.skips_a_product),
)


@domain
def directions(draw: Draw, target: Target) -> dict[str, Any]:
    """A weight vector of whole numbers, an input of the same length in another order, and one at right angles to it."""
    name, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(2, 6))
    w = draw_integers(draw, (n,), 5)
    w[0] = w[0] or 1
    across = np.zeros(n, int)
    across[:2] = -w[1], w[0]
    return {"w": as_dtype(w, name), "same_length": as_dtype(w[::-1], name), "across": as_dtype(across, name)}


@score_is_alignment.property(directions())
def _(ops: Operations, w: Any, same_length: Any, across: Any) -> Any:
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
    statement="Each output looks at its own column of weights and at no other.",
    formula=r"y_j = x \cdot W_{:j}",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.columns_swapped, wrong.columns_mixed, wrong.weight_transposed, wrong.bias_forgotten),
)


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


@columns_are_detectors.property(LINEAR.inputs(most=40), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    parts = [LINEAR.agrees(ops, x=x, weight=weight[:, j : j + 1], bias=bias[j : j + 1]) for j in range(len(bias))]
    return all_of(LINEAR.agrees(ops, x=x, weight=weight, bias=bias), *parts)


high_score_means_aligned = Claim(
    "linear.high_score_means_aligned",
    faq=14,
    verdict="refuted",
    statement="A high score occurs only for an input that is aligned with the weights.",
    corrected="Among inputs of one length the highest score goes to the one that is aligned best; a long input "
    "outscores a short one that is better aligned.",
    formula=r"\lVert x\rVert = \lVert y\rVert: \quad x \cdot w > y \cdot w \iff \cos\angle(x, w) > \cos\angle(y, w)",
    needs=("linear",),
    refuted_by=(wrong.relu_inside, wrong.squared, wrong.skips_a_product),
    rests_on=("linear.score_is_alignment",),
)


@high_score_means_aligned.property(directions())
def _(ops: Operations, w: Any, same_length: Any, across: Any) -> Any:
    scores = ops.linear(np.stack([w, same_length, -same_length]), w[:, None])[:, 0].astype(np.float64)
    gaps = ((np.stack([w, same_length, -same_length]).astype(np.float64) - w.astype(np.float64)) ** 2).sum(1)
    # Of one length: the smaller the distance to w, the higher the score, in exact whole numbers.
    return equal(scores, (w.astype(np.float64) ** 2).sum() - gaps / 2)


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
    statement="A product of matrices is nothing but multiplications and additions, in three nested loops.",
    formula=r"C_{ij} = \sum_k A_{ik} B_{kj}",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.weight_transposed,
        wrong.last_input_dropped,
        wrong.skips_a_product,
        wrong.tail_of_inputs_unread,
        wrong.tile_twice,
        wrong.columns_mixed,
    ),
)


def triple_loop(a: Any, b: Any) -> Any:
    """The textbook's three loops."""
    return [[sum(a[i, k] * b[k, j] for k in range(len(b))) for j in range(b.shape[1])] for i in range(len(a))]


@domain
def whole_matrices(draw: Draw, target: Target) -> dict[str, Any]:
    """Matrices of whole numbers, of any width, so small that every format of 32 bits up adds them up exactly."""
    name = draw(st.sampled_from([d for d in target.dtypes if d in ("float64", "float32")] or target.dtypes))
    rows, k, n = draw(st.integers(1, 3)), draw(widths()), draw(st.integers(1, 3))
    return {"a": as_dtype(draw_integers(draw, (rows, k), 9), name), "b": as_dtype(draw_integers(draw, (k, n), 9), name)}


@multiply_add.exact(whole_matrices())
def _(ops: Operations, a: Any, b: Any) -> Any:
    return equal(ops.linear(a, b), a.astype(np.int64) @ b.astype(np.int64))


@multiply_add.exact(exact_pair(), effort=0.5)
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(x, u), triple_loop(x, u))


@multiply_add.property(LINEAR.inputs())
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    allowed = dot_product(magnitude(x, weight), len(weight), x.dtype)
    return equal(ops.linear(x, weight), true_matmul(x, weight), within=allowed)


operation_count = Claim(
    "linear.operation_count",
    faq=15,
    statement="A product of an (m, k) with a (k, n) matrix costs mnk multiplications and mn(k − 1) additions.",
    formula=r"mnk \ \text{multiplications}, \qquad mn(k - 1) \ \text{additions}",
    source="Golub & Van Loan, Matrix Computations, 4th ed. (2013), §1.1",
    needs=("linear",),
    refuted_by=(wrong.last_input_dropped, wrong.skips_a_product, wrong.computes_the_product),
)


@operation_count.exact(m=st.integers(1, 5), k=st.integers(1, 5), n=st.integers(1, 5))
def _(ops: Operations, m: int, k: int, n: int) -> Any:
    ledger = Ledger()
    ops.linear(counted(np.ones((m, k)), ledger), counted(np.ones((k, n)), ledger))
    return all_of(equal(ledger.multiplications, m * n * k), equal(ledger.additions, m * n * (k - 1)))


rows_are_independent = Claim(
    "linear.rows_are_independent",
    faq=15,
    statement="A row of the result depends on that row of the input alone, whatever stands in the others, NaN and ∞ "
    "included; so it is for the cotangent of the input.",
    formula=r"(XW + b)_i = X_i W + b",
    needs=("linear", "linear_vjp"),
    tolerances=(dot_product,),
    refuted_by=(wrong.mean_removed, wrong.rows_reversed, wrong.first_row_everywhere),
)


@rows_are_independent.exact(exact_layer(), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    rows = [ops.linear(x[i : i + 1], weight, bias)[0] for i in range(len(x))]
    return equal(ops.linear(x, weight, bias), np.stack(rows))


@domain
def rows_and_strangers(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer with several rows, and what else might stand in all but the first."""
    drawn = LINEAR.draw(draw, target, rows=draw(st.integers(2, 4)))
    strange = draw(st.sampled_from([np.nan, np.inf, -np.inf, FORMATS[drawn["x"].dtype.name].most, 0.0]))
    return {**drawn, "strange": drawn["x"].dtype.type(strange)}


@rows_are_independent.property(rows_and_strangers())
def _(ops: Operations, x: Any, weight: Any, bias: Any, strange: Any) -> Any:
    company = np.full_like(x, strange)
    company[0] = x[0]
    return all_of(
        identical(ops.linear(company, weight, bias)[0], ops.linear(x, weight, bias)[0]),
        LINEAR.agrees(ops, x=x[:1], weight=weight, bias=bias),
        LINEAR.agrees(ops, x=x, weight=weight, bias=bias),
    )


@rows_are_independent.property(LINEAR_VJP.inputs(), effort=0.5)
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    alone = ops.linear_vjp(g[:1], x[:1], weight, bias)[0]
    allowed = dot_product(magnitude(g[:1], weight.T), g.shape[1], g.dtype)
    return all_of(
        equal(alone, true_matmul(g[:1], weight.T), within=allowed),
        LINEAR_VJP.agrees(ops, g=g, x=x, weight=weight, bias=bias),
    )


associative = Claim(
    "linear.associative",
    faq=15,
    verdict="holds_if",
    condition="arithmetic is exact. In floats both ways round, each in its own places, and they differ by no more than "
    "the bound.",
    statement="It does not matter which of two products is formed first.",
    formula=r"(xU)V = x(UV)",
    needs=("linear",),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.columns_mixed),
    rests_on=("linear.two_layers_collapse",),
)


@associative.exact(exact_pair())
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(ops.linear(x, u), v), ops.linear(x, ops.linear(u, v)))


@associative.property(float_stack(most=12), effort=0.5)
def _(ops: Operations, x: Any, layers: Any) -> Any:
    (u, _), (v, _) = layers
    bare = [(u, np.zeros_like(u[0])), (v, np.zeros_like(v[0]))]
    allowed = stacked_layers(x, bare, x.dtype)
    # Forming UV first rounds it by what a stack (U, V) may be off on each row of U, which x then adds up.
    other = stacked_layers(abs(x), [(abs(u), bare[0][1]), (abs(v), bare[1][1])], x.dtype)
    return equal(ops.linear(ops.linear(x, u), v), ops.linear(x, ops.linear(u, v)), within=allowed + other)


@associative.counterexample(x=st.integers(1, 9), u=st.integers(1, 9), v=st.integers(1, 9))
def _(ops: Operations, x: int, u: int, v: int) -> Any:
    a, b, c = (np.array([[n / 10]]) for n in (x, u, v))
    return equal(ops.linear(ops.linear(a, b), c), ops.linear(a, ops.linear(b, c)))


# FAQ 16: xW or Wx.

row_and_column = Claim(
    "linear.row_and_column_agree",
    faq=16,
    statement="A column times the transposed matrix from the left is the row times the matrix from the right, turned.",
    formula=r"(W x)^\top = x^\top W^\top",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.weight_transposed, wrong.columns_swapped, wrong.last_input_dropped),
)


@row_and_column.exact(exact_pair())
def _(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    return equal(ops.linear(x, u), (u.T @ x.T).T)


@row_and_column.property(LINEAR.inputs(most=300), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    both = [ops.linear(x, weight), ops.linear(np.ascontiguousarray(weight.T), np.ascontiguousarray(x.T)).T]
    allowed = dot_product(magnitude(x, weight), len(weight), x.dtype)
    return all_of(*(equal(y, true_matmul(x, weight), within=allowed) for y in both))


shapes_must_touch = Claim(
    "linear.shapes_must_touch",
    faq=16,
    statement="Inner dimensions that differ are an error that names both shapes; nothing is broadcast by accident.",
    formula=r"x : (\dots, m),\ W : (k, n),\ m \ne k \Rightarrow \text{error}",
    needs=("linear", "linear_vjp"),
    refuted_by=(wrong.broadcast_by_accident, wrong.message_without_shapes, wrong.cotangent_broadcast),
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
    return raises(lambda: ops.linear(a, b), ValueError, saying=named)


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
        raises(lambda: ops.linear_vjp(g, x, weight, b), ValueError, saying=(str(bias),)),
        raises(lambda: ops.linear_vjp(np.ones((1, 3)), x, weight, np.ones(3)), ValueError, saying=("(1, 3)",)),
    )


stream_of_rows = Claim(
    "linear.stream_of_rows",
    faq=16,
    statement="A stack of rows times the matrix is the rows one by one, in any number of axes.",
    formula=r"(XW)_{t} = X_t W",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.mean_removed, wrong.rows_reversed, wrong.batch_flattened),
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


@stream_of_rows.property(LINEAR.inputs(most=300), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    together = ops.linear(np.stack([x, x[::-1]]), weight, bias)
    return all_of(*(LINEAR.judged(ops, y, v, weight, bias) for y, v in zip(together, (x, x[::-1]), strict=True)))


# Beyond the questions.

linear_gradient = Claim(
    "linear.gradient",
    statement="`linear_vjp` is the derivative of `linear`: what it pulls back pairs with a step as the step's effect "
    "pairs with what was pulled.",
    formula=r"\langle \bar y,\, dx\,W + x\,dW + db\rangle = \langle \bar x, dx\rangle + \langle \bar W, dW\rangle + "
    r"\langle \bar b, db\rangle",
    needs=("linear", "linear_vjp"),
    tolerances=(dot_product,),
    refuted_by=(
        wrong.weights_get_nothing,
        wrong.forward_weights,
        wrong.mean_over_rows,
        wrong.bias_of_first_row,
        wrong.slightly_off,
    ),
)


@domain
def layer_and_step(draw: Draw, target: Target) -> dict[str, Any]:
    """An exact layer, a cotangent, and a step of every argument."""
    rows, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    shapes = {"x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    steps = {f"d{name}": shape for name, shape in shapes.items()}
    return exact_arrays(draw, target, **shapes, **steps, g=(rows, outputs))


@linear_gradient.exact(layer_and_step())
def _(ops: Operations, x: Any, weight: Any, bias: Any, dx: Any, dweight: Any, dbias: Any, g: Any) -> Any:
    # A step on one argument at a time is exact for a map that is linear in each.
    y = ops.linear(x, weight, bias)
    moved = [
        ops.linear(x + dx, weight, bias),
        ops.linear(x, weight + dweight, bias),
        ops.linear(x, weight, bias + dbias),
    ]
    pulled = ops.linear_vjp(g, x, weight, bias)
    return all_of(
        *(
            equal((g * (m - y)).sum(), (p * d).sum())
            for m, p, d in zip(moved, pulled, (dx, dweight, dbias), strict=True)
        )
    )


@linear_gradient.property(LINEAR_VJP.inputs(most=40))
def _(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return LINEAR_VJP.agrees(ops, g=g, x=x, weight=weight, bias=bias)


linear_layout_free = layout_free(LINEAR, LINEAR_VJP, last=("linear",))
relu_layout_free = layout_free(RELU, RELU_VJP)
linear_pure = pure(LINEAR, LINEAR_VJP)
relu_pure = pure(RELU, RELU_VJP)
linear_any_width = any_width(
    LINEAR, LINEAR_VJP, refuted_by=(wrong.tail_of_inputs_unread, wrong.tile_twice, wrong.empty_refused)
)
relu_any_width = any_width(RELU, RELU_VJP, refuted_by=(wrong.tail_untouched,))
linear_keeps_dtype = keeps_dtype(LINEAR, LINEAR_VJP, refuted_by=(wrong.summed_in_halves,))
relu_keeps_dtype = keeps_dtype(RELU, RELU_VJP)
linear_floats_only = floats_only(LINEAR, LINEAR_VJP)
relu_floats_only = floats_only(RELU, RELU_VJP)
