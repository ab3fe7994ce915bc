"""The activations beyond ReLU: how each is called and judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers.activation_textbook import APPROXIMATIONS, kind_of, true_gradient, true_value
from mathcore.layers.activation_tolerances import activation_rounding, activation_vjp_rounding
from mathcore.verify import Limits, Operations, draw_array
from mathcore.verify.domains import Draw, option
from mathcore.verify.operation import Operation, like
from mathcore.verify.relations import Relation, equal_in_range
from mathcore.verify.tolerances import Allowance


def allowance(ops: Operations, kind: str, x: Any) -> Allowance:
    """What a target may be off by, by its conventions."""
    how = ops.conventions
    return activation_rounding(kind, x, x.dtype, how.activation_tails, how.softplus_threshold)


def gradient_allowance(ops: Operations, kind: str, g: Any, x: Any) -> Allowance:
    """The same of a gradient."""
    how = ops.conventions
    return activation_vjp_rounding(kind, g, x, x.dtype, how.activation_tails, how.softplus_threshold)


def agrees_with(ops: Operations, kind: str, y: Any, x: Any) -> Relation:
    """That y is the activation of x."""
    return equal_in_range(y, true_value(kind, x), within=allowance(ops, kind, x))


def gradient_agrees_with(ops: Operations, kind: str, y: Any, g: Any, x: Any) -> Relation:
    """That y is g times the derivative of the activation at x."""
    return equal_in_range(y, true_gradient(kind, g, x), within=gradient_allowance(ops, kind, g, x))


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    return {"x": draw_array(draw, (rows or draw(st.integers(1, 4)), width), name, (2.0**-8, 2.0**6))}


def _drawn_with_form(draw: Draw, name: str, width: int, **how: Any) -> dict[str, Any]:
    approximate = option(draw, "approximate", "none", st.sampled_from(APPROXIMATIONS))
    return {**_drawn(draw, name, width, **how), "approximate": approximate}


_ELEMENTWISE = dict.fromkeys(
    ("any_width", "many_rows", "rows_are_independent"),
    "it has neither rows nor a width: `activations.each_number_by_itself`",
)


def _records(name: str, drawn: Callable[..., dict[str, Any]], *options: str) -> tuple[Operation, Operation]:
    """An activation and its derivative."""

    def agrees(ops: Operations, y: Any, x: Any, approximate: str = "none") -> Relation:
        return agrees_with(ops, kind_of(name, approximate), y, x)

    def pulled_agrees(ops: Operations, y: Any, g: Any, x: Any, approximate: str = "none") -> Relation:
        return gradient_agrees_with(ops, kind_of(name, approximate), y, g, x)

    of = Operation(
        name,
        drawn,
        agrees,
        {"x": np.ones((3, 2))},
        (activation_rounding,),
        rows=("g", "x"),
        options=options,
        result=like("x"),
        limits={
            **dict.fromkeys(("layout_free", "keeps_dtype"), Limits(rows=4)),
            "pure": Limits(rows=4, width=9),
            "defaults": Limits(options=("approximate",), rows=4, width=9),
        },
        exempt=_ELEMENTWISE,
    )
    return of, of.derivative(pulled_agrees, activation_vjp_rounding, result=like("x"))


SIGMOID, SIGMOID_VJP = _records("sigmoid", _drawn)
SOFTPLUS, SOFTPLUS_VJP = _records("softplus", _drawn)
SILU, SILU_VJP = _records("silu", _drawn)
GELU, GELU_VJP = _records("gelu", _drawn_with_form, "approximate")
RELU_SQUARED, RELU_SQUARED_VJP = _records("relu_squared", _drawn)
