"""What must be true of group normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.gradients.laws import gradient_of
from mathcore.gradients.records import Primitive
from mathcore.normalisation import group_norm_mutants as wrong
from mathcore.normalisation import layer_norm_tolerances as tol
from mathcore.normalisation.group_norm_tolerances import group_norm_weight_vjp_rounding
from mathcore.normalisation.layer_norm_claims import pulled_to_rows, standardised, textbook
from mathcore.verify import Claim, Limits, Operations, enclose, laws
from mathcore.verify.domains import Draw, draw_array, draw_integers
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.operation import Operation
from mathcore.verify.relations import Conjunction, Relation, all_of, equal, equal_in_range, raises
from mathcore.verify.tolerances import Allowance

WU = "Wu & He, arXiv:1803.08494, equations 1 and 2"
EPSILONS = st.sampled_from([1e-5, 1e-6, 1e-2, 1.0])


def _images(draw: Draw, name: str, batch: int, places: int) -> dict[str, Any]:
    """Few channels where there are many places."""
    most = 2 if places > 40 else 3
    groups, size = draw(st.integers(1, most)), draw(st.integers(1, most))
    weight, bias = (draw_array(draw, (groups * size,), name, (2.0**-3, 2.0**3)) for _ in range(2))
    x = draw_array(draw, (batch, groups * size, places), name, (2.0**-6, 2.0**12))
    return {"x": x, "num_groups": groups, "weight": weight, "bias": bias, "epsilon": draw(EPSILONS)}


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _images(draw, name, rows or draw(st.integers(1, 4)), 300 if long else width)


def _stacked(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    return _images(draw, name, rows, draw(st.integers(1, 2)))


def _rows(x: Any, groups: int) -> Any:
    """A row of layer norm for each group."""
    return x.reshape(len(x), groups, x[0:1].size // groups if len(x) else 0)


def _by_number(weight: Any, x: Any, groups: int) -> Any:
    """The weight of each number of a group."""
    shape = (1, *x.shape[1:])
    return _rows(np.ascontiguousarray(np.broadcast_to(weight[:, None], shape)), groups)[0]


def _formula(x: Any, groups: int, weight: Any, bias: Any, epsilon: float) -> Any:
    w, b = (_by_number(a, x, groups) for a in (weight, bias))
    return textbook(_rows(x, groups), w, b, epsilon).reshape(x.shape)


def _allowed(x: Any, groups: int, weight: Any, bias: Any, epsilon: float) -> Allowance:
    w, b = (_by_number(a, x, groups) for a in (weight, bias))
    return tol.layer_norm_rounding(_rows(x, groups), w, b, x.dtype, epsilon)


def _agrees(
    ops: Operations, y: Any, x: Any, num_groups: int, weight: Any, bias: Any, epsilon: float = 1e-5
) -> Relation:
    true = enclose(lambda x, w, b: _rows(_formula(x, num_groups, w, b, epsilon), num_groups), x, weight, bias)
    return equal_in_range(_rows(y, num_groups), true, within=_allowed(x, num_groups, weight, bias, epsilon))


def _pulled_agrees(
    ops: Operations,
    y: Any,
    g: Any,
    x: Any,
    num_groups: int,
    weight: Any,
    bias: Any,
    epsilon: float = 1e-5,
) -> Conjunction:
    rows, g_rows, w = _rows(x, num_groups), _rows(g, num_groups), _by_number(weight, x, num_groups)
    to_rows = enclose(lambda g, x, w: pulled_to_rows(g, x, w, epsilon), g_rows, rows, w)
    to_weight = enclose(lambda g, x: _over(standardised(x, epsilon)[0].reshape(g.shape) * g), g, rows)
    of_rows = tol.layer_norm_vjp_rounding(g_rows, rows, w, x.dtype, epsilon)
    of_weight = group_norm_weight_vjp_rounding(g, x, num_groups, x.dtype, epsilon)
    of_bias = tol.layer_norm_bias_vjp_rounding(np.moveaxis(g, 1, -1), g.dtype)
    return all_of(
        equal_in_range(_rows(y[0], num_groups), to_rows, within=of_rows),
        equal_in_range(y[1], to_weight, within=of_weight),
        equal_in_range(y[2], enclose(_over, g), within=of_bias),
    )


def _over(terms: Any) -> Any:
    """The sum over batch and places."""
    return terms.sum(0).sum(-1)


_FINITE = {"scale": "no square overflows"}
_LIMITS = {
    **dict.fromkeys(("layout_free", "rows_are_independent", "keeps_dtype"), Limits(fixed=_FINITE)),
    "pure": Limits(width=9, fixed=_FINITE),
    "any_width": Limits(rows=4, fixed=_FINITE),
    "many_rows": Limits(width=9, fixed=_FINITE),
    "defaults": Limits(options=("epsilon",), width=9, fixed=_FINITE),
}


def _result(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any]:
    return given["x"].shape, np.result_type(given["x"], given["weight"], given["bias"])


_SAMPLE = {"x": np.arange(12.0).reshape(3, 2, 2), "num_groups": 1, "weight": np.ones(2), "bias": np.ones(2)}
GROUP_NORM = Operation(
    "group_norm", _drawn, _agrees, _SAMPLE, (tol.layer_norm_rounding,), options=("epsilon",), rows=("g", "x"),
    stacked=_stacked, result=_result, limits=_LIMITS, least_width=1,
)  # fmt: skip
GROUP_NORM_VJP = GROUP_NORM.derivative(
    _pulled_agrees, tol.layer_norm_vjp_rounding, group_norm_weight_vjp_rounding, tol.layer_norm_bias_vjp_rounding
)
BOTH = (GROUP_NORM, GROUP_NORM_VJP)

is_the_formula = Claim(
    "group_norm.is_layer_norm_of_each_group",
    statement="Group normalisation splits the channels c into groups g of neighbours, takes mean μ and variance σ² "
    "over all numbers of a group, and scales and shifts every channel by its own w and b, up to rounding, as long as "
    "no square overflows. One group is layer norm of everything, a group for each channel instance norm.",
    formula=r"y_{cp} = w_c \frac{x_{cp} - \mu_g}{\sqrt{\sigma_g^2 + \epsilon}} + b_c",
    legend={"x": "an image", "p": "a place in it", "ε": "what keeps the root above 0"},
    source=WU,
    limits=Limits(said=("as long as no square overflows",), fixed=_FINITE),
    needs=("group_norm",),
    tolerances=(tol.layer_norm_rounding,),
    refuted_by=(
        wrong.one_group, wrong.size_for_number, wrong.every_other_channel, wrong.weight_by_place_in_group,
        wrong.places_apart, wrong.epsilon_fixed,
    ),
)  # fmt: skip


@is_the_formula.property(GROUP_NORM.inputs(most=40))
def agrees_with_the_textbook(ops: Operations, **arguments: Any) -> Any:
    return GROUP_NORM.agrees(ops, **arguments)


def _integers(draw: Draw) -> tuple[tuple[Any, ...], dict[str, Any]]:
    groups, size = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    x = draw_integers(draw, (draw(st.integers(1, 2)), groups * size, draw(st.integers(1, 3))), 16)
    weight, bias = (draw_integers(draw, (groups * size,), 8) for _ in range(2))
    other = {"num_groups": groups, "epsilon": draw(st.sampled_from([0.25, 1.0]))}
    return tuple(a.astype(float) for a in (x, weight, bias)), other


gradient = gradient_of(
    Primitive(
        "group_norm",
        _integers,
        lambda x, weight, bias, num_groups, epsilon: _formula(x, num_groups, weight, bias, epsilon),
        by=("x", "weight", "bias"),
    ),
    "images, weights and biases",
    wrong.group_taken_for_all,
    wrong.weight_forgotten,
    wrong.weights_of_the_last_image,
    limits=Limits(formats=SHORT_FORMATS, rows=8, width=3, also=("ε of 1/4 and of 1", "inputs on a grid")),
)

refused = Claim(
    "group_norm.refuses_what_does_not_fit",
    statement="No images come back as they are; groups that do not divide the channels, and weights or "
    "cotangents of another shape, are errors that say so.",
    formula=r"C = kG",
    legend={"C": "the number of channels", "G": "the number of groups", "k": "a whole number"},
    needs=("group_norm", "group_norm_vjp"),
    limits=Limits(
        options=("epsilon",),
        formats=SHORT_FORMATS,
        width=7,
        signs=tuple(
            f"{name} >= 0"
            for name in (
                "group_norm.x",
                "group_norm.weight",
                "group_norm_vjp.cotangent",
                "group_norm_vjp.x",
                "group_norm_vjp.weight",
            )
        ),
    ),
    refuted_by=(wrong.last_channels_left,),
)


@refused.exact(n=st.integers(1, 3), seed=st.integers(0, 9), effort=0.3)
def edges(ops: Operations, n: int, seed: int) -> Any:
    x, bias = np.full((2, 2 * n, 2), 2.0), np.random.default_rng(seed).normal(size=2 * n)
    w, longer = np.ones(2 * n), np.ones(2 * n + 1)
    return all_of(
        equal(ops.group_norm(x[:0], 2, w, bias), x[:0]),
        raises(lambda: ops.group_norm(x, 2 * n + 1, w, bias), ValueError, saying=("num_groups", str(2 * n + 1))),
        raises(lambda: ops.group_norm(x, 0, w, bias), ValueError, saying=("num_groups", "0")),
        raises(lambda: ops.group_norm(x, 2, longer, bias), ValueError, saying=(str(x.shape), str(longer.shape))),
        raises(lambda: ops.group_norm_vjp(longer, x, 2, w, bias), ValueError, saying=("cotangent", str(longer.shape))),
    )


of_every_operation = (
    *laws.every_law(*BOTH, any_width=(wrong.far_places_kept,), rows_are_independent=(wrong.over_the_batch,)),
    laws.defaults(*BOTH, epsilon=(1e-5, 1e-2)),
)
