"""Gates and the gated MLP: how each is called and judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import gated_textbook as textbook
from mathcore.layers.activation_textbook import APPROXIMATIONS
from mathcore.layers.gated_textbook import KIND_OF
from mathcore.layers.gated_tolerances import (
    gate_rounding,
    gate_vjp_rounding,
    gated_mlp_rounding,
    gated_mlp_vjp_rounding,
)
from mathcore.layers.inputs import leading_axes
from mathcore.layers.textbook import row_by_row
from mathcore.verify import Limits, Operations, draw_array, enclose
from mathcore.verify.domains import Draw, option
from mathcore.verify.operation import Operation
from mathcore.verify.relations import Conjunction, Relation, all_of, equal, equal_in_range
from mathcore.verify.tolerances import Allowance

ALPHAS, BETAS, LIMITS = (1.0, 1.702), (0.0, 1.0), (None, 7.0, 1.5)
CLAMPED: dict[str, Any] = {"alpha": 1.702, "beta": 1.0, "limit": 7.0}
"""The options of GPT-OSS."""


def drawn_options(draw: Draw) -> dict[str, Any]:
    """Those of `swiglu`."""
    return {
        "alpha": option(draw, "alpha", 1.0, st.sampled_from(ALPHAS)),
        "beta": option(draw, "beta", 0.0, st.sampled_from(BETAS)),
        "limit": option(draw, "limit", None, st.sampled_from(LIMITS)),
    }


def _two(draw: Draw, name: str, width: int, rows: int | None) -> dict[str, Any]:
    shape = (rows or draw(st.integers(1, 4)), width)
    return {part: draw_array(draw, shape, name, (2.0**-6, 2.0**5)) for part in ("gate", "up")}


def _for_swiglu(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    return {**_two(draw, name, width, rows), **drawn_options(draw)}


def _for_geglu(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    approximate = option(draw, "approximate", "none", st.sampled_from(APPROXIMATIONS))
    return {**_two(draw, name, width, rows), "approximate": approximate}


def _how(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of `geglu` or of `swiglu` as the textbook takes them."""
    return {"kind": options["approximate"]} if "approximate" in options else dict(options)


def gate_agrees(ops: Operations, y: Any, gate: Any, up: Any, **options: Any) -> Relation:
    """That y is what passes."""
    how = _how(options)
    true = enclose(lambda g, u: textbook.passed(g, u, **how), gate, up)
    return equal_in_range(y, true, within=gate_rounding(gate, up, gate.dtype, **how, tails=_tails(ops)))


def _tails(ops: Operations) -> str:
    return ops.conventions.activation_tails


def gate_pulled_agrees(ops: Operations, y: Any, g: Any, gate: Any, up: Any, **options: Any) -> Conjunction:
    """That y are both cotangents; at a limit itself any will do."""
    how = _how(options)
    limit = how.get("limit")
    within = gate_vjp_rounding(g, gate, up, gate.dtype, **how, tails=_tails(ops))
    kept = (gate == gate, up == up) if limit is None else (gate != limit, abs(up) != limit)
    parts = []
    for i, (bar, known) in enumerate(zip(y, kept, strict=True)):
        true = enclose(lambda *a, i=i: textbook.pulled(*a, **how)[i], g[known], gate[known], up[known])
        parts.append(equal_in_range(bar[known], true, within=within[i][known]))
    return all_of(equal([p.shape for p in y], [gate.shape, up.shape]), *parts)


_OF_NUMBERS = dict.fromkeys(
    ("any_width", "many_rows", "rows_are_independent"),
    "it has neither rows nor a width: `gated.each_pair_by_itself`",
)
_GATE_LIMITS = {
    **dict.fromkeys(("layout_free", "keeps_dtype"), Limits(rows=4)),
    "pure": Limits(rows=4, width=9),
    "defaults": Limits(rows=4, width=9),
}


def _promoted(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any]:
    return given["gate"].shape, np.result_type(given["gate"], given["up"])


_PAIR = {"gate": np.ones((3, 2)), "up": np.ones((3, 2))}
_OF_GATES: Any = {"rows": ("g", "gate", "up"), "exempt": _OF_NUMBERS}

SWIGLU = Operation(
    "swiglu",
    _for_swiglu,
    gate_agrees,
    _PAIR,
    (gate_rounding,),
    options=("alpha", "beta", "limit"),
    result=_promoted,
    limits=_GATE_LIMITS,
    **_OF_GATES,
)
SWIGLU_VJP = SWIGLU.derivative(gate_pulled_agrees, gate_vjp_rounding)
GEGLU = Operation(
    "geglu",
    _for_geglu,
    gate_agrees,
    _PAIR,
    (gate_rounding,),
    options=("approximate",),
    result=_promoted,
    limits={**_GATE_LIMITS, "defaults": Limits(options=("approximate",), rows=4, width=9)},
    **_OF_GATES,
)
GEGLU_VJP = GEGLU.derivative(gate_pulled_agrees, gate_vjp_rounding)


# The gated MLP.

BIASES = ("gate_bias", "up_bias", "down_bias")
MATRICES = ("x", "gate", "up", "down")


def _layer(draw: Draw, name: str, lead: tuple[int, ...], inputs: int, hidden: int, outputs: int) -> dict[str, Any]:
    shapes = {
        "x": (*lead, inputs), "gate": (inputs, hidden), "up": (inputs, hidden), "down": (hidden, outputs),
        "gate_bias": (hidden,), "up_bias": (hidden,), "down_bias": (outputs,),
    }  # fmt: skip
    arrays: dict[str, Any] = {part: draw_array(draw, shape, name, (2.0**-3, 2.0**1)) for part, shape in shapes.items()}
    for bias in BIASES:
        arrays[bias] = option(draw, bias, None, st.sampled_from([arrays[bias], None]))
    activation = option(draw, "activation", "silu", st.sampled_from(["silu", "silu", *KIND_OF]))
    options = drawn_options(draw) if activation == "silu" else {"alpha": 1.0, "beta": 0.0, "limit": None}
    return {**arrays, "activation": activation, **options}


def _for_mlp(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    """`width` hidden units, few inputs and outputs; `long`: so many inputs that a sum in 16 bits sticks."""
    inputs, outputs = (600 if long else draw(st.integers(1, 4)) if width < 99 else 2), draw(st.integers(1, 3))
    lead = (rows or draw(st.integers(1, 4)),)
    return _layer(draw, name, lead, inputs, 1 if long else width, 1 if long or width > 99 else outputs)


def _stacked_mlp(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _layer(draw, name, leading_axes(draw, rows), 2, draw(st.integers(1, 2)), 1)


def _split(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays that are not None, x as rows, and the options as the textbook takes them."""
    arrays = {name: given[name] for name in (*MATRICES, *BIASES) if given.get(name) is not None}
    arrays["x"] = row_by_row(arrays["x"], len(arrays["gate"]))
    how = {"kind": KIND_OF[given.get("activation", "silu")]}
    return arrays, {**how, **{name: given[name] for name in ("alpha", "beta", "limit") if name in given}}


def mlp_agrees(ops: Operations, y: Any, **given: Any) -> Relation:  # noqa: ARG001
    """That y is the layer of these arrays."""
    arrays, how = _split(given)
    true = enclose(lambda *a: textbook.mlp(dict(zip(arrays, a, strict=True)), **how), *arrays.values())
    within = gated_mlp_rounding(arrays, given["x"].dtype, **how)
    return equal_in_range(y.reshape(true.hi.shape), true, within=within)


def mlp_pulled_agrees(ops: Operations, y: Any, g: Any, **given: Any) -> Conjunction:  # noqa: ARG001
    """That y are the cotangents of these arrays: all of them in one row of numbers, for Arb computes them together."""
    arrays, how = _split(given)
    g = row_by_row(g, g.shape[-1])

    def together(g: Any, *values: Any) -> Any:
        bars = textbook.mlp_pulled(g, dict(zip(arrays, values, strict=True)), **how)
        return np.concatenate([np.ravel(bars[name]) for name in arrays])

    true = enclose(together, g, *arrays.values())
    parts = [gated_mlp_vjp_rounding(name, g, arrays, given["x"].dtype, **how) for name in arrays]
    within = Allowance(np.concatenate([part.values.ravel() for part in parts]), parts[0].names)
    shapes = [given[name].shape for name in arrays]
    return all_of(
        equal([n for bar in y for n in bar.shape], [n for shape in shapes for n in shape]),
        equal_in_range(np.concatenate([bar.ravel() for bar in y]), true, within=within),
    )


def _of_the_output(draw: Draw, name: str, given: dict[str, Any]) -> Any:
    return draw_array(draw, (*given["x"].shape[:-1], given["down"].shape[1]), name, (2.0**-4, 2.0**1))


def _output(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any]:
    arrays = [value for value in given.values() if isinstance(value, np.ndarray)]
    return (*given["x"].shape[:-1], given["down"].shape[-1]), np.result_type(*arrays)


_FINITE = {"scale": "nothing overflows"}
GATED_MLP = Operation(
    "gated_mlp",
    _for_mlp,
    mlp_agrees,
    {"x": np.ones((3, 2)), "gate": np.ones((2, 4)), "up": np.ones((2, 4)), "down": np.ones((4, 2))},
    (gated_mlp_rounding,),
    options=(*BIASES, "activation", "alpha", "beta", "limit"),
    stacked=_stacked_mlp,
    rows=("g", "x"),
    repeats=2**11,
    result=_output,
    limits={
        **dict.fromkeys(("layout_free", "any_width", "rows_are_independent", "keeps_dtype"), Limits(fixed=_FINITE)),
        **dict.fromkeys(("pure", "defaults"), Limits(width=9, fixed=_FINITE)),
        "many_rows": Limits(width=3, fixed=_FINITE),
    },
)
GATED_MLP_VJP = GATED_MLP.derivative(mlp_pulled_agrees, gated_mlp_vjp_rounding, cotangent=_of_the_output)
