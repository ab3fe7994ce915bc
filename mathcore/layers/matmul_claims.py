"""What must be true of matrix multiplication: FAQ 15 and 16."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants as wrong
from mathcore.layers.law_claims import exact_pair, exactly, float_stack, large_layers, whole_layer, work_of
from mathcore.layers.linear_claims import exact_layer
from mathcore.layers.linear_tolerances import merged_layers, stacked_layers
from mathcore.layers.records import LINEAR, LINEAR_VJP
from mathcore.layers.textbook import row_by_row, true_layer
from mathcore.verify import Claim, Limits, Operations, Target
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, widths
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import all_of, equal, raises
from mathcore.verify.tolerances import FORMATS, dot_product, dtype_named

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
    "included, changes no bit of it if the target promises that, else no more than rounding, as does how many there "
    "are. So it is for the cotangent of the input.",
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
def rows_and_garbage(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer with several rows and a cotangent, and garbage for all rows but the first or the last."""
    drawn = LINEAR_VJP.draw(draw, target, rows=draw(st.integers(2, 4)))
    garbage = draw(st.sampled_from([np.nan, np.inf, -np.inf, FORMATS[drawn["x"].dtype.name].most, 0.0]))
    return {**drawn, "garbage": drawn["x"].dtype.type(garbage), "row": draw(st.sampled_from([0, -1]))}


def alone(x: Any, row: int, garbage: Any) -> Any:
    """x with garbage in every row but one."""
    changed = np.full_like(x, garbage)
    changed[row] = x[row]
    return changed


@rows_are_independent.property(rows_and_garbage(), effort=0.5)
def other_rows_change_no_bit(ops: Operations, g: Any, x: Any, weight: Any, bias: Any, garbage: Any, row: int) -> Any:
    changed = ops.linear(alone(x, row, garbage), weight, bias)
    return all_of(
        reproduced(
            ops,
            changed[row],
            ops.linear(x, weight, bias)[row],
            lambda: LINEAR.judged(ops, changed[[row]], x[[row]], weight, bias),
        ),
        LINEAR.agrees(ops, x=x[:1], weight=weight, bias=bias),
        LINEAR.agrees(ops, x=x, weight=weight, bias=bias),
    )


@rows_are_independent.property(rows_and_garbage(), effort=0.5)
def other_rows_change_no_bit_of_the_gradient(
    ops: Operations, g: Any, x: Any, weight: Any, bias: Any, garbage: Any, row: int
) -> Any:
    changed = ops.linear_vjp(alone(g, row, garbage), alone(x, row, garbage), weight, bias)[0]
    return all_of(
        reproduced(
            ops,
            changed[row],
            ops.linear_vjp(g, x, weight, bias)[0][row],
            lambda: LINEAR.judged(ops, changed[[row]], g[[row]], weight.T, None),
        ),
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
    """Shapes of an input, of weights and of a bias, all often right, and a dtype."""
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
