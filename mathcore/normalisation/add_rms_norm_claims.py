"""What must be true of the RMS norm of a sum that is returned with the sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.gradients.laws import gradient_of
from mathcore.gradients.records import Primitive
from mathcore.normalisation import add_rms_norm_mutants as wrong
from mathcore.normalisation import add_rms_norm_tolerances as tol
from mathcore.normalisation.rms_norm_claims import pulled_to_rows, pulled_to_weight, textbook
from mathcore.normalisation.rms_norm_tolerances import (
    rms_norm_rounding,
    rms_norm_vjp_rounding,
    rms_norm_weight_vjp_rounding,
)
from mathcore.verify import Claim, Limits, Operations, enclose, laws
from mathcore.verify.domains import Draw, draw_array, draw_integers
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.operation import Operation
from mathcore.verify.relations import Conjunction, all_of, equal, equal_in_range, identical, raises

EPSILONS = st.sampled_from([1e-6, 1e-5, 1e-2, 1.0])


def _rows(draw: Draw, name: str, lead: tuple[int, ...], n: int) -> dict[str, Any]:
    x, residual = (draw_array(draw, (*lead, n), name, (2.0**-6, 2.0**12)) for _ in range(2))
    weight = draw_array(draw, (n,), name, (2.0**-3, 2.0**3))
    return {"x": x, "residual": residual, "weight": weight, "epsilon": draw(EPSILONS)}


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _rows(draw, name, (rows or draw(st.integers(1, 4)),), 300 if long else width)


def _stacked(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    lead = draw(st.sampled_from([(rows,), (rows, 2), (2, rows), (rows, 1, 2)]))
    return _rows(draw, name, lead, draw(st.integers(1, 3)))


def _sum(x: Any, residual: Any) -> Any:
    with np.errstate(all="ignore"):
        return (x + residual).astype(np.result_type(x, residual))


def _agrees(ops: Operations, y: Any, x: Any, residual: Any, weight: Any, epsilon: float = 1e-6) -> Conjunction:
    own, s = ops.conventions, _sum(x, residual)
    within = rms_norm_rounding(s, weight, s.dtype, epsilon, own.rms_norm_rounding, own.rms_norm_weight)
    true = enclose(textbook(epsilon), s, weight)
    within = within * (1 + 2.0**-6) + tol.sum_not_rounded(true.hi, s.dtype)
    return all_of(identical(y[1], s), equal_in_range(y[0], true, within=within))


def _pulled_agrees(
    ops: Operations,
    y: Any,
    g: Any,
    x: Any,
    residual: Any,
    weight: Any,
    sum_cotangent: Any = None,
    epsilon: float = 1e-6,
) -> Conjunction:
    own, s = ops.conventions, _sum(x, residual)
    further = np.zeros_like(s) if sum_cotangent is None else sum_cotangent
    to_sum = enclose(lambda g, s, w, f: pulled_to_rows(epsilon)(g, s, w) + f, g, s, weight, further)
    off = rms_norm_vjp_rounding(g, s, weight, s.dtype, epsilon, own.rms_norm_rounding, own.rms_norm_weight)
    off = off * (1 + 2.0**-6) + tol.cotangent_added(further, g, s, weight, s.dtype, epsilon)
    of_weight = rms_norm_weight_vjp_rounding(g, s, s.dtype, epsilon, own.rms_norm_rounding) * (1 + 2.0**-6)
    of_weight = of_weight + tol.weight_of_a_sum_not_rounded(g, s, s.dtype, epsilon)
    return all_of(
        equal_in_range(y[0], to_sum, within=off),
        equal_in_range(y[1], to_sum, within=off),
        equal_in_range(y[2], enclose(pulled_to_weight(epsilon), g, s), within=of_weight),
    )


_FINITE = {"scale": "no square overflows"}
_LIMITS = {
    **dict.fromkeys(("layout_free", "rows_are_independent", "keeps_dtype"), Limits(rows=4, fixed=_FINITE)),
    "pure": Limits(rows=4, width=9, fixed=_FINITE),
    "any_width": Limits(rows=1, fixed=_FINITE),
    "many_rows": Limits(width=3, fixed=_FINITE),
    "defaults": Limits(options=("epsilon",), rows=4, width=9, fixed=_FINITE),
}


def _with_a_cotangent_of_the_sum(draw: Draw, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Cotangents of the norm, before the arguments, and of the sum, behind them."""
    shape, epsilon = given["x"].shape, given.pop("epsilon")
    g, further = (draw_array(draw, shape, name, (2.0**-4, 2.0**4)) for _ in range(2))
    return {"g": g, **given, "sum_cotangent": further, "epsilon": epsilon}


def _drawn_vjp(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _with_a_cotangent_of_the_sum(draw, name, _drawn(draw, name, width, long=long, rows=rows))


def _stacked_vjp(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _with_a_cotangent_of_the_sum(draw, name, _stacked(draw, name, rows))


_SAMPLE: Mapping[str, Any] = {"x": np.ones((3, 2)), "residual": np.ones((3, 2)), "weight": np.ones(2)}
_BOTH: Any = {"rows": ("g", "x", "residual", "sum_cotangent"), "limits": _LIMITS}
ADD_RMS_NORM = Operation(
    "add_rms_norm", _drawn, _agrees, _SAMPLE, (rms_norm_rounding, tol.sum_not_rounded),
    options=("epsilon",), stacked=_stacked, **_BOTH,
)  # fmt: skip
ADD_RMS_NORM_VJP = Operation(
    "add_rms_norm_vjp", _drawn_vjp, _pulled_agrees, {"g": np.ones((3, 2)), **_SAMPLE},
    (rms_norm_vjp_rounding, rms_norm_weight_vjp_rounding, tol.cotangent_added, tol.weight_of_a_sum_not_rounded),
    options=("sum_cotangent", "epsilon"), stacked=_stacked_vjp, **_BOTH,
)  # fmt: skip
BOTH = (ADD_RMS_NORM, ADD_RMS_NORM_VJP)

gives_both = Claim(
    "add_rms_norm.gives_the_norm_and_the_sum",
    statement="The second result is x + r, bit for bit; the first is the RMS norm of that sum s of n numbers, up to "
    "rounding, as long as no square overflows.",
    formula=r"s = x + r, \qquad y_i = w_i \frac{s_i}{\sqrt{\frac1n\sum_j s_j^2 + \epsilon}}",
    legend={"x": "a row", "r": "the residual stream", "w": "the weights", "ε": "what keeps the root above 0"},
    source="Zhang & Sennrich, arXiv:1910.07467, equation 4",
    limits=Limits(said=("as long as no square overflows",), fixed=_FINITE),
    needs=("add_rms_norm",),
    tolerances=ADD_RMS_NORM.tolerances,
    refuted_by=(
        wrong.norm_of_x_alone, wrong.residual_dropped, wrong.norm_handed_on, wrong.sum_through_fewer_bits,
    ),
)  # fmt: skip


@gives_both.property(ADD_RMS_NORM.inputs(most=40), effort=0.5)
def agrees_with_the_textbook(ops: Operations, **arguments: Any) -> Any:
    return ADD_RMS_NORM.agrees(ops, **arguments)


@gives_both.property(ADD_RMS_NORM.inputs(width=2, rows=65), effort=0.2)
def many_pairs(ops: Operations, **arguments: Any) -> Any:
    return ADD_RMS_NORM.agrees(ops, **arguments)


both_send_back = Claim(
    "add_rms_norm.vjp_adds_both_paths",
    statement="Summand x and residual stream r get the same cotangent: what the norm of the sum s = x + r sends back, "
    "plus what reaches the sum by itself, up to rounding.",
    formula=r"\bar x = \bar r = \bar s + \frac1\rho\Big(h - u\,\frac1n\sum_j u_j h_j\Big)",
    legend={
        "s̄": "the cotangent of the sum", "ρ": "the root of the mean square of s plus ε", "u": "s/ρ",
        "h": "the cotangent of the norm times the weights", "n": "the width of a row",
    },
    limits=Limits(rows=4, also=("no square overflows",)),
    needs=("add_rms_norm_vjp",),
    tolerances=ADD_RMS_NORM_VJP.tolerances,
    refuted_by=(
        wrong.sum_cotangent_dropped, wrong.sum_cotangent_to_the_residual_alone, wrong.norm_skipped_on_the_residual,
        wrong.derivative_at_x,
    ),
)  # fmt: skip


@both_send_back.property(ADD_RMS_NORM_VJP.inputs(most=40), effort=0.3)
def cotangents_meet(ops: Operations, **arguments: Any) -> Any:
    alone = {name: given for name, given in arguments.items() if name != "sum_cotangent"}  # nothing else uses the sum
    return all_of(ADD_RMS_NORM_VJP.agrees(ops, **arguments), ADD_RMS_NORM_VJP.agrees(ops, **alone))


def _integers(draw: Draw) -> tuple[tuple[Any, ...], dict[str, Any]]:
    shape = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    x, residual, weight = (draw_integers(draw, of, 8).astype(float) for of in (shape, shape, shape[1:]))
    return (x, residual, weight), {"epsilon": draw(st.sampled_from([0.25, 1.0]))}


gradient = gradient_of(
    Primitive(
        "add_rms_norm",
        _integers,
        lambda x, residual, weight, epsilon: textbook(epsilon)(x + residual, weight),
        by=("x", "residual", "weight"),
    ),
    "summands and weights, through its first result,",
    wrong.norm_skipped_on_the_residual,
    wrong.derivative_at_x,
    limits=Limits(
        options=("sum_cotangent",),
        formats=SHORT_FORMATS,
        rows=3,
        width=5,
        also=("ε of 1/4 and of 1", "inputs on a grid"),
    ),
)

edges_are_told = Claim(
    "add_rms_norm.refuses_what_does_not_fit",
    statement="No rows come back as they are; a residual, weight or cotangent of another shape is an error that says "
    "so: nothing is broadcast.",
    formula=r"\operatorname{shape} r = \operatorname{shape} x",
    legend={"x": "the rows", "r": "the residual stream"},
    needs=("add_rms_norm", "add_rms_norm_vjp"),
    limits=Limits(
        options=("epsilon", "sum_cotangent"), formats=SHORT_FORMATS, rows=2, width=4,
        signs=tuple(
            f"{name} >= 0"
            for name in (
                "add_rms_norm.x", "add_rms_norm.residual", "add_rms_norm.weight", "add_rms_norm_vjp.cotangent",
                "add_rms_norm_vjp.x", "add_rms_norm_vjp.residual", "add_rms_norm_vjp.weight",
            )
        ),
    ),
    refuted_by=(wrong.any_shape,),
)  # fmt: skip


@edges_are_told.exact(lead=st.sampled_from([(0,), (2,)]), n=st.integers(1, 3), effort=0.2)
def edges(ops: Operations, lead: Any, n: int) -> Any:
    x, w, longer = np.ones((*lead, n)), np.ones(n), np.ones(n + 1)
    return all_of(
        equal(ops.add_rms_norm(x, x, w, epsilon=0.0)[0], x),
        raises(lambda: ops.add_rms_norm(x, w, w), ValueError, saying=("residual", str(w.shape))),
        raises(lambda: ops.add_rms_norm(x, x, longer), ValueError, saying=(str(x.shape), str(longer.shape))),
        raises(lambda: ops.add_rms_norm_vjp(longer, x, x, w), ValueError, saying=("cotangent", str(longer.shape))),
    )


of_every_operation = (
    *laws.every_law(*BOTH, any_width=(wrong.wide_rows_cut,), rows_are_independent=(wrong.rows_touch,)),
    laws.defaults(*BOTH, epsilon=(1e-6, 1e-2)),
)
