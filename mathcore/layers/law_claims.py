"""What must be true of every layer."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants as wrong
from mathcore.layers import relu_mutants
from mathcore.layers.records import LINEAR, LINEAR_VJP, LOW_RANK, RELU, RELU_VJP
from mathcore.verify import Operations, Target, all_of, domain, draw_array, draw_exact, equal, identical, laws, widths
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import WIDTHS, Draw, as_dtype
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.oracle.counted import Ledger, counted
from mathcore.verify.relations import Relation


def exact_arrays(draw: Draw, target: Target, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Arrays of numbers that arithmetic is exact on, all of one kind."""
    kind = draw(st.booleans())
    return {name: draw_exact(draw, target, *shape, fractions=kind) for name, shape in shapes.items()}


@domain
def float_stack(draw: Draw, target: Target, *, count: int = 2, most: int = 40) -> dict[str, Any]:
    """The same in floats of one format, two layers of any width or more of them; nothing overflows."""
    dtype = draw(st.sampled_from(target.dtypes))
    sizes = [draw(widths(most=most)) for _ in range(count + 1)]
    x = draw_array(draw, (draw(st.integers(1, 3)), sizes[0]), dtype, (0.25, 4))
    shapes = list(itertools.pairwise(sizes))
    scaled = [(draw_array(draw, s, dtype, (0.125, 0.5)), draw_array(draw, s[1:], dtype, (0.25, 1))) for s in shapes]
    return {"x": x, "layers": [((w / np.sqrt(len(w))).astype(x.dtype), b) for w, b in scaled]}


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


@domain
def exact_pair(draw: Draw, target: Target) -> dict[str, Any]:
    """x, U (m, r), V (r, n), all widths up to 4."""
    rows, m, r, n = (draw(st.integers(1, 4)) for _ in range(4))
    return exact_arrays(draw, target, x=(rows, m), u=(m, r), v=(r, n))


def work_of(ops: Operations, x: Any, *matrices: Any, counts: bool) -> tuple[int, int]:
    """The multiplications and the additions that x costs on its way through the matrices."""
    if not counts:
        raise ExactOnlyError("linear", "numbers that count")
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


linear_any_width = laws.any_width(
    LINEAR,
    LINEAR_VJP,
    refuted_by=(
        wrong.tail_of_inputs_unread,
        wrong.tile_twice,
        wrong.empty_refused,
        wrong.one_width_wrong,
        wrong.one_count_of_rows_wrong,
        wrong.wide_inputs_cut,
        wrong.later_outputs_lost,
        wrong.later_rows_not_summed,
        wrong.far_corner_lost,
        wrong.far_corner_not_pulled,
    ),
)


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
def every_number_of_inputs_adds_up(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return equal(ops.linear(x, weight, bias), exactly(x, weight, bias))


@linear_any_width.exhaustive(every_number_of_rows_and_outputs)
def every_number_of_rows_adds_up(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return whole_numbers_pulled(ops, g, x, weight, bias)


@linear_any_width.exhaustive(large_layers)
def large_both_ways(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    return all_of(
        equal(ops.linear(x, weight, bias), exactly(x, weight, bias)),
        whole_numbers_pulled(ops, g, x, weight, bias),
    )


relu_any_width = laws.any_width(
    RELU,
    RELU_VJP,
    refuted_by=(
        relu_mutants.tail_untouched,
        relu_mutants.one_size_wrong,
        relu_mutants.single_numbers_pass,
        relu_mutants.one_block_done,
        relu_mutants.one_block_pulled,
        relu_mutants.nan_lost_in_a_crowd,
    ),
)


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
def every_count_of_numbers(ops: Operations, g: Any, x: Any) -> Any:
    return all_of(RELU.agrees(ops, x=x), RELU_VJP.agrees(ops, g=g, x=x))


of_layers = (
    *laws.every_law(
        LINEAR,
        LINEAR_VJP,
        apart=("any_width", "rows_are_independent", "keeps_dtype"),
        layout_free=(common.strides_ignored_behind("linear"),),
    ),
    *laws.every_law(
        RELU,
        RELU_VJP,
        apart=("any_width",),
        layout_free=(common.strides_ignored_behind("relu_vjp"),),
        rows_are_independent=(common.rows_touch("relu"),),
    ),
    *laws.every_law(LOW_RANK),
)


linear_keeps_dtype = laws.keeps_dtype(
    LINEAR,
    LINEAR_VJP,
    refuted_by=(
        wrong.summed_in_halves,
        wrong.rounded_before_the_bias,
        wrong.pulled_in_sixteen_bits,
        wrong.format_of_the_input,
        wrong.format_of_the_cotangent,
    ),
)


def sums_past_the_digits(target: Target) -> Iterator[dict[str, Any]]:
    """Whole numbers that a 16-bit format has, and whose sums it has not, though 32 bits have."""
    for name in target.dtypes:
        digits = {"float16": 11, "bfloat16": 8}.get(name, 20)
        for k in (1, 2, 3, 7):
            numbers = np.random.default_rng(k).integers(-(2**digits), 2**digits + 1, (2, 64, k))
            x, bias = as_dtype(numbers[0], name), as_dtype(numbers[1, :5, 0], name)
            yield {"x": x, "weight": as_dtype(np.ones((k, 5)), name), "bias": bias}


@linear_keeps_dtype.exhaustive(sums_past_the_digits)
def long_sums(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
    return identical(ops.linear(x, weight, bias), exactly(x, weight, bias))


@linear_keeps_dtype.exhaustive(sums_past_the_digits)
def long_sums_of_cotangents(ops: Operations, x: Any, weight: Any, bias: Any) -> Any:
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
def dtypes_are_promoted(ops: Operations, g: Any, x: Any, weight: Any, bias: Any) -> Any:
    y, pulled = ops.linear(x, weight, bias), ops.linear_vjp(g, x, weight, bias)
    return all_of(
        identical(y, exactly(x, weight, bias).astype(np.result_type(x, weight))),
        identical(pulled[0], exactly(g, weight.T).astype(x.dtype)),
        identical(pulled[1], exactly(x.T, g).astype(weight.dtype)),
        identical(pulled[2], exactly(np.ones(len(g), g.dtype), g).astype(bias.dtype)),
    )
