"""What must be true of layer normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.gradients.laws import gradient_of
from mathcore.gradients.records import Primitive
from mathcore.normalisation import layer_norm_mutants as wrong
from mathcore.normalisation import layer_norm_tolerances as tol
from mathcore.normalisation.rms_norm_tolerances import rms_norm_rounding
from mathcore.verify import Claim, Limits, Operations, Target, enclose, laws
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.operation import Operation
from mathcore.verify.relations import Conjunction, Relation, all_of, equal, equal_in_range, raises

BA = "Ba, Kiros & Hinton, arXiv:1607.06450, equation 4"
EPSILONS = st.sampled_from([1e-5, 1e-6, 1e-2, 1.0])

# The textbook, on Arb balls.


def standardised(x: Any, epsilon: Any) -> tuple[Any, Any]:
    n = max(x.shape[-1], 1)
    c = x - x.sum(-1, keepdims=True) / n
    if not x.shape[-1]:
        return c, np.ones((*x.shape[:-1], 1), x.dtype)
    r = np.sqrt((c * c).sum(-1, keepdims=True) / n + epsilon)
    return c / r, r


def textbook(x: Any, weight: Any, bias: Any, epsilon: Any = 1e-5) -> Any:
    """Centre, divide, scale, shift."""
    return standardised(x, epsilon)[0] * weight + bias


def pulled_to_rows(g: Any, x: Any, weight: Any, epsilon: Any) -> Any:
    z, r = standardised(x, epsilon)
    h, n = g * weight, max(x.shape[-1], 1)
    return (h - h.sum(-1, keepdims=True) / n - z * ((z * h).sum(-1, keepdims=True) / n)) / r


def _over_rows(terms: Any) -> Any:
    return terms.reshape(-1, terms.shape[-1]).sum(0) if terms.size else np.zeros(terms.shape[-1:], terms.dtype)


# The record.


def _rows(draw: Draw, name: str, lead: tuple[int, ...], n: int) -> dict[str, Any]:
    weight, bias = (draw_array(draw, (n,), name, (2.0**-3, 2.0**3)) for _ in range(2))
    x = draw_array(draw, (*lead, n), name, (2.0**-6, 2.0**12))
    if draw(st.booleans()):  # a mean that is large beside the deviation
        x = x + x.dtype.type(draw(st.sampled_from([-1.0, 1.0])) * 2.0 ** draw(st.integers(0, 14)))
    return {"x": x, "weight": weight, "bias": bias, "epsilon": draw(EPSILONS)}


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _rows(draw, name, (rows or draw(st.integers(1, 4)),), 2500 if long else width)


def _stacked(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    lead = draw(st.sampled_from([(rows,), (rows, 2), (2, rows), (rows, 1, 2)]))
    return _rows(draw, name, lead, draw(st.integers(1, 3)))


def _agrees(ops: Operations, y: Any, x: Any, weight: Any, bias: Any, epsilon: float = 1e-5) -> Relation:
    true = enclose(lambda x, w, b: textbook(x, w, b, epsilon), x, weight, bias)
    return equal_in_range(y, true, within=tol.layer_norm_rounding(x, weight, bias, x.dtype, epsilon))


def _pulled_agrees(
    ops: Operations,
    y: Any,
    g: Any,
    x: Any,
    weight: Any,
    bias: Any,
    epsilon: float = 1e-5,
) -> Conjunction:
    to_rows = enclose(lambda g, x, w: pulled_to_rows(g, x, w, epsilon), g, x, weight)
    to_weight = enclose(lambda g, x: _over_rows(standardised(x, epsilon)[0] * g), g, x)
    return all_of(
        equal_in_range(y[0], to_rows, within=tol.layer_norm_vjp_rounding(g, x, weight, x.dtype, epsilon)),
        equal_in_range(y[1], to_weight, within=tol.layer_norm_weight_vjp_rounding(g, x, x.dtype, epsilon)),
        equal_in_range(y[2], enclose(_over_rows, g), within=tol.layer_norm_bias_vjp_rounding(g, x.dtype)),
    )


_FINITE = {"scale": "no square overflows"}
_LIMITS = {
    "layout_free": Limits(rows=4, fixed=_FINITE),
    "pure": Limits(rows=4, width=9, fixed=_FINITE),
    "any_width": Limits(rows=1, fixed=_FINITE),
    "many_rows": Limits(width=3, fixed=_FINITE),
    "rows_are_independent": Limits(rows=4, fixed=_FINITE),
    "keeps_dtype": Limits(rows=4, fixed=_FINITE),
    "defaults": Limits(options=("epsilon",), rows=4, width=9),
}


def _result(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any]:
    return given["x"].shape, np.result_type(given["x"], given["weight"], given["bias"])


_HOW: Any = {"options": ("epsilon",), "rows": ("g", "x"), "limits": _LIMITS}
_SAMPLE = {"x": np.arange(6.0).reshape(3, 2), "weight": np.ones(2), "bias": np.ones(2)}
LAYER_NORM = Operation(
    "layer_norm", _drawn, _agrees, _SAMPLE, (tol.layer_norm_rounding,), stacked=_stacked, result=_result, **_HOW
)
LAYER_NORM_VJP = LAYER_NORM.derivative(
    _pulled_agrees, tol.layer_norm_vjp_rounding, tol.layer_norm_weight_vjp_rounding, tol.layer_norm_bias_vjp_rounding
)
BOTH = (LAYER_NORM, LAYER_NORM_VJP)

of_every_operation = (
    *laws.every_law(
        *BOTH,
        any_width=(wrong.wide_rows_cut,),
        many_rows=(wrong.weights_of_64_rows,),
        rows_are_independent=(wrong.rows_touch, wrong.whole_array),
        keeps_dtype=(wrong.in_the_storage_format,),
    ),
    laws.defaults(LAYER_NORM, LAYER_NORM_VJP, epsilon=(1e-5, 1e-2)),
)

# Its own claims.

is_the_formula = Claim(
    "layer_norm.is_the_formula",
    statement="Layer normalisation centres every row x of n numbers, divides it by the root of its variance σ² and ε, "
    "scales it by w and shifts it by b, up to rounding, as long as no square overflows; however large the mean μ is, "
    "it loses no more than subtracting μ must.",
    formula=r"y_i = w_i \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} + b_i, \qquad "
    r"\sigma^2 = \frac1n\sum_j (x_j - \mu)^2",
    source=BA,
    limits=Limits(said=("as long as no square overflows",), fixed={"scale": "no square overflows"}),
    needs=("layer_norm",),
    tolerances=(tol.layer_norm_rounding,),
    refuted_by=(
        wrong.mean_kept, wrong.unbiased_variance, wrong.variance_in_one_pass, wrong.epsilon_outside,
        wrong.epsilon_fixed, wrong.bias_forgotten, wrong.weight_plus_one, wrong.whole_array,
    ),
)  # fmt: skip


@is_the_formula.property(LAYER_NORM.inputs(most=130))
def agrees_with_the_textbook(ops: Operations, **arguments: Any) -> Any:
    return LAYER_NORM.agrees(ops, **arguments)


@is_the_formula.property(LAYER_NORM.inputs(width=2, rows=65), effort=0.3)
def many_pairs(ops: Operations, **arguments: Any) -> Any:
    return LAYER_NORM.agrees(ops, **arguments)


centred_first = Claim(
    "layer_norm.is_rms_norm_of_the_centred",
    statement="Without a bias, layer normalisation is RMS norm of the row minus its mean, up to rounding, where that "
    "difference is exact.",
    formula=r"\operatorname{LN}(x) = \operatorname{RMS}(x - \mu)",
    legend={"μ": "the mean of the row x"},
    source="Zhang & Sennrich, arXiv:1910.07467, §4",
    limits=Limits(
        signs=("layer_norm.bias >= 0",),
        said=("where that difference is exact", "Without a bias"),
        fixed={"scale": "the mean is exact"},
    ),
    needs=("layer_norm", "rms_norm"),
    tolerances=(tol.layer_norm_rounding, rms_norm_rounding),
    refuted_by=(wrong.mean_kept, wrong.unbiased_variance),
)


@domain
def whole_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of whole numbers whose mean is one: the mirror image of a row stands beside it, around a whole number."""
    name, rows = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 40))
    half = draw_integers(draw, (rows, draw(st.integers(1, 33))), 9)
    middle = draw_integers(draw, (rows, 1), 9)
    x = middle + np.concatenate([half, -half], -1)
    weight = draw_array(draw, x.shape[1:], name, (2.0**-3, 2.0**3))
    return {"x": as_dtype(x, name), "middle": as_dtype(middle, name), "weight": weight, "epsilon": draw(EPSILONS)}


@centred_first.property(whole_rows())
def the_same_once_centred(ops: Operations, x: Any, middle: Any, weight: Any, epsilon: float) -> Any:
    centred = (x - middle).astype(x.dtype)
    bias = np.zeros_like(weight)
    mean = x.astype(np.float64).mean(-1, keepdims=True)
    exact = (mean == middle.astype(np.float64))[:, 0]  # where numbers were moved about, it may not be
    x, centred = x[exact], centred[exact]
    true = enclose(
        lambda c, w: c / np.sqrt((c * c).sum(-1, keepdims=True) / c.shape[-1] + epsilon) * w, centred, weight
    )
    norm, other = ops.layer_norm(x, weight, bias, epsilon=epsilon), ops.rms_norm(centred, weight, epsilon=epsilon)
    return all_of(
        equal(norm, true, within=tol.layer_norm_rounding(x, weight, bias, x.dtype, epsilon)),
        equal(other, true, within=rms_norm_rounding(centred, weight, x.dtype, epsilon)),
    )


ignores_scale = Claim(
    "layer_norm.ignores_scale",
    verdict="refuted",
    statement="Layer normalisation gives the same whatever factor a row is multiplied by.",
    corrected="It does where ε is 0. A row x that is c times as large gives, up to rounding, what x gives with ε/c² in "
    "place of ε: where ε counts beside the variance, that is something else.",
    formula=r"\operatorname{LN}_\epsilon(cx) = \operatorname{LN}_{\epsilon/c^2}(x)",
    legend={"x": "a row", "ε": "what is added to its variance", "c": "a factor, above 0"},
    source=BA,
    limits=Limits(
        rows=4,
        also=("c is a power of two",),
        fixed={"scale": "products with c are exact"},
    ),
    needs=("layer_norm",),
    tolerances=(tol.layer_norm_rounding,),
    refuted_by=(wrong.epsilon_outside, wrong.epsilon_fixed),
)


@ignores_scale.property(LAYER_NORM.inputs(most=40), power=st.integers(-4, 3), effort=0.5)
def epsilon_shrinks_with_the_square(ops: Operations, x: Any, weight: Any, bias: Any, epsilon: float, power: int) -> Any:
    longer = (x * x.dtype.type(2.0**power)).astype(x.dtype)
    same = (longer / x.dtype.type(2.0**power) == x).all()  # what underflows in 16 bits is not c times as large
    x = x if same else (longer / x.dtype.type(2.0**power)).astype(x.dtype)
    true = enclose(lambda x, w, b: textbook(x, w, b, epsilon / 4.0**power), x, weight, bias)
    within = tol.layer_norm_rounding(longer, weight, bias, x.dtype, epsilon)
    return equal_in_range(ops.layer_norm(longer, weight, bias, epsilon=epsilon), true, within=within)


@ignores_scale.counterexample(x=st.lists(st.integers(-3, 3), min_size=2, max_size=3), c=st.integers(2, 4))
def longer_rows_give_the_same(ops: Operations, x: list[int], c: int) -> Any:
    row, one = np.array(x, float), np.ones(len(x))
    short, long = (ops.layer_norm(r, one, 0 * one, epsilon=1.0) for r in (row, c * row))
    close = tol.layer_norm_rounding(row, one, 0 * one, row.dtype, 1.0)
    return equal(short, long, within=close * 2)


gradient = gradient_of(
    Primitive(
        "layer_norm",
        lambda draw: (
            (
                draw_integers(draw, (draw(st.integers(1, 3)), n := draw(st.integers(2, 5))), 16).astype(float),
                draw_integers(draw, (n,), 8).astype(float),
                draw_integers(draw, (n,), 8).astype(float),
            ),
            {"epsilon": draw(st.sampled_from([0.25, 1.0]))},
        ),
        lambda x, weight, bias, epsilon: textbook(x, weight, bias, epsilon),
        by=("x", "weight", "bias"),
    ),
    "rows, weights and biases",
    wrong.mean_not_taken_out,
    wrong.length_not_taken_out,
    wrong.weight_forgotten,
    wrong.bias_of_the_last_row,
    limits=Limits(formats=SHORT_FORMATS, rows=3, width=5, also=("ε of 1/4 and of 1", "inputs on a grid")),
)

refused = Claim(
    "layer_norm.refuses_what_does_not_fit",
    statement="Rows of width zero and no rows at all come back as they are; a constant row gives the bias if ε > 0; "
    "shapes that do not fit are errors that say so.",
    formula=r"\operatorname{LN}(c, \dots, c) = b, \qquad \epsilon > 0",
    legend={"c": "any number", "b": "the bias"},
    needs=("layer_norm", "layer_norm_vjp"),
    limits=Limits(
        options=("epsilon",),
        formats=SHORT_FORMATS,
        rows=2,
        width=4,
        signs=("layer_norm_vjp.cotangent >= 0", "layer_norm_vjp.x >= 0", "layer_norm.x >= 0"),
    ),
    refuted_by=(wrong.any_shape,),
)


@refused.exact(lead=st.sampled_from([(0,), (2,), (0, 3)]), n=st.integers(0, 3), seed=st.integers(0, 9), effort=0.5)
def edges(ops: Operations, lead: Any, n: int, seed: int) -> Any:
    x, w, b = np.full((*lead, n), 2.0), *np.random.default_rng(seed).normal(size=(2, n))
    longer = np.ones(n + 1)
    return all_of(
        equal(ops.layer_norm(x, w, b), np.broadcast_to(b, x.shape)),
        raises(lambda: ops.layer_norm(x, longer, b), ValueError, saying=(str(x.shape), str(longer.shape))),
        raises(lambda: ops.layer_norm(x, w, longer), ValueError, saying=(str(x.shape), str(longer.shape))),
        raises(lambda: ops.layer_norm(np.array(1.0), w, b), ValueError, saying=("x",)),
    )


@refused.exact(n=st.integers(0, 3), seed=st.integers(0, 9), effort=0.5)
def edges_of_the_derivative(ops: Operations, n: int, seed: int) -> Any:
    x, w, b = np.full((2, n), 2.0), *np.random.default_rng(seed).normal(size=(2, n))
    longer = np.ones(n + 1)
    x_bar, w_bar, b_bar = ops.layer_norm_vjp(x * 0, x, w, b)
    return all_of(
        equal(x_bar, x * 0), equal(w_bar, w * 0), equal(b_bar, b * 0),
        raises(lambda: ops.layer_norm_vjp(longer, x, w, b), ValueError, saying=("cotangent", str(longer.shape))),
    )  # fmt: skip
