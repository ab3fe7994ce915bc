"""What must be true of layers: FAQ 9, 10, 13, 14, 15 and 16."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import layers_mutants as wrong
from mathcore.verify import Claim, Operations, Target, domain, draw_array, draw_exact, equal
from mathcore.verify.domains import Draw, widths
from mathcore.verify.enclosures import true_matmul
from mathcore.verify.tolerances import dot_product, magnitude


@domain
def float_layer(draw: Draw, target: Target) -> dict[str, Any]:
    """x (rows, inputs), weight (inputs, outputs), bias (outputs,) of one format."""
    dtype = draw(st.sampled_from(target.dtypes))
    rows, inputs, outputs = draw(st.integers(1, 4)), draw(widths(most=300)), draw(st.integers(1, 6))
    x = draw_array(draw, (rows, inputs), dtype, (2.0**-6, 2.0**4))
    weight = draw_array(draw, (inputs, outputs), dtype, (2.0**-6, 2.0**4))
    return {"x": x, "weight": weight, "bias": draw_array(draw, (outputs,), dtype, (2.0**-6, 2.0**4))}


@domain
def exact_layer(draw: Draw, target: Target) -> dict[str, Any]:
    """The same in numbers that arithmetic is exact on."""
    rows, inputs, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    shapes = {"x": (rows, inputs), "weight": (inputs, outputs), "bias": (outputs,)}
    return {name: draw_exact(draw, target, *shape) for name, shape in shapes.items()}


layer_is_a_matrix = Claim(
    "linear.layer_is_a_matrix",
    faq=9,
    statement="A layer is a matrix and a bias: each output is a weighted sum of the inputs, plus its own bias.",
    formula=r"y_j = \sum_i x_i W_{ij} + b_j",
    source="Higham, Accuracy and Stability of Numerical Algorithms (2002), §3.5",
    needs=("linear",),
    tolerances=(dot_product,),
    refuted_by=(wrong.weight_transposed, wrong.bias_forgotten, wrong.last_input_dropped),
)


@layer_is_a_matrix.exact(exact_layer())
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    by_hand = [[sum(row * column) + b for column, b in zip(weight.T, bias, strict=True)] for row in x]
    return equal(ops.linear(x, weight, bias), by_hand)


@layer_is_a_matrix.property(float_layer())
def _(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    # The bias is one more row of weights, met by an input of 1.
    rows, columns = np.c_[x, np.ones_like(x[:, :1])], np.r_[weight, bias[None]]
    allowed = dot_product(magnitude(rows, columns), len(columns), x.dtype)
    return equal(ops.linear(x, weight, bias), true_matmul(rows, columns), within=allowed)
