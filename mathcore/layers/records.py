"""The layers: how each is called and judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.layers.inputs import (
    _layer,
    _matrix,
    _numbers,
    _pulled_layer,
    _stacked_layer,
    _stacked_numbers,
    _stacked_pulled_layer,
)
from mathcore.layers.textbook import kept_if_positive, let_through, row_by_row, sign_of_zero_dropped, true_layer
from mathcore.verify import Limits, Operations, all_of, equal, identical
from mathcore.verify.operation import Operation, like
from mathcore.verify.oracle.matrices import distance, score_table_rounding, tail
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.tolerances import dot_product


# The operations.
def _layer_agrees(ops: Operations, answer: Any, x: Any, weight: Any, bias: Any) -> Relation:  # noqa: ARG001
    true, allowed = true_layer(x, weight, bias)
    return equal(answer, true, within=allowed)


def _layer_vjp_agrees(ops: Operations, answer: Any, g: Any, x: Any, weight: Any, bias: Any) -> Conjunction:  # noqa: ARG001
    rows, of_rows = row_by_row(x, len(weight)), row_by_row(g, weight.shape[1])
    x_bar, weight_bar = true_layer(g, weight.T), true_layer(rows.T, of_rows)
    parts = [equal(answer[0], x_bar[0], within=x_bar[1]), equal(answer[1], weight_bar[0], within=weight_bar[1])]
    if bias is not None:
        true, allowed = true_layer(np.ones((1, len(rows)), g.dtype), of_rows)
        parts.append(equal(answer[2], true[0], within=allowed[0]))
    return all_of(equal(len(answer), 2 + (bias is not None)), *parts)


def _relu_agrees(ops: Operations, answer: Any, x: Any) -> Relation:
    return identical(sign_of_zero_dropped(ops, answer), kept_if_positive(x))


def _relu_vjp_agrees(ops: Operations, answer: Any, g: Any, x: Any) -> Relation:
    zero = g.dtype.type(0)  # adding it leaves nothing of the sign of a zero
    return identical(answer + zero, let_through(ops, answer, g, x) + zero)


def _best_of_its_rank(ops: Operations, answer: Any, weight: Any, rank: int) -> Conjunction:  # noqa: ARG001
    left, right = answer
    within = score_table_rounding(weight, rank, weight.dtype)
    return all_of(
        equal([*left.shape, *right.shape], [len(weight), rank, rank, weight.shape[1]]),
        equal(distance(weight, left, right.T), tail(weight, rank), within=within),
    )


_LAYER = {"x": np.ones((3, 2)), "weight": np.ones((2, 4)), "bias": np.ones(4)}


_NUMBERS = np.ones((3, 2))
_FINITE = {"scale": "nothing overflows"}


LINEAR = Operation(
    "linear",
    _layer,
    _layer_agrees,
    _LAYER,
    (dot_product,),
    stacked=_stacked_layer,
    result=lambda given: (
        (*given["x"].shape[:-1], given["weight"].shape[-1]),
        np.result_type(given["x"], given["weight"]),
    ),
    limits={
        **dict.fromkeys(("layout_free", "any_width", "keeps_dtype"), Limits(fixed=_FINITE)),
        "many_rows": Limits(width=5, fixed=_FINITE),
        "pure": Limits(width=9),
    },
    exempt={"defaults": "without a bias is what `linear.layer_is_a_matrix` is about"},
)


LINEAR_VJP = Operation(
    "linear_vjp",
    _pulled_layer,
    _layer_vjp_agrees,
    {"g": np.ones((3, 4)), **_LAYER},
    (dot_product,),
    stacked=_stacked_pulled_layer,
)


RELU = Operation(
    "relu",
    _numbers,
    _relu_agrees,
    {"x": _NUMBERS},
    stacked=_stacked_numbers,
    rows=("g", "x"),
    limits={
        **dict.fromkeys(("layout_free", "keeps_dtype", "rows_are_independent"), Limits(rows=4)),
        "many_rows": Limits(width=3),
        "pure": Limits(rows=4, width=9),
    },
    result=like("x"),
)


RELU_VJP = RELU.derivative(_relu_vjp_agrees, result=like("x"))


LOW_RANK = Operation(
    "low_rank",
    _matrix,
    _best_of_its_rank,
    {"weight": np.eye(3, 2), "rank": 1},
    (score_table_rounding,),
    limits={"keeps_dtype": Limits(width=5), "pure": Limits(rows=8, width=9)},
    exempt={
        "any_width": "every matrix costs a singular value decomposition",
        "many_rows": "it takes one matrix",
        "rows_are_independent": "the best matrix of a rank depends on all rows",
    },
)
