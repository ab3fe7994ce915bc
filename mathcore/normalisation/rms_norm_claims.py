"""What must be true of a normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.normalisation import rms_norm_mutants as wrong
from mathcore.normalisation.rms_norm_tolerances import (
    rms_norm_rounding,
    rms_norm_vjp_rounding,
    rms_norm_weight_vjp_rounding,
)
from mathcore.verify import Claim, Limits, Operations, Target, enclose, laws
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, widths
from mathcore.verify.errors import ExactOnlyError
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.operation import Operation
from mathcore.verify.oracle.dual import derivative
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import Conjunction, all_of, equal, equal_in_range, raises
from mathcore.verify.tolerances import Allowance

EPSILONS = st.sampled_from([1e-6, 1e-5, 1e-2, 1.0, 0.0])
LEADS = [(), (1,), (3,), (2, 2), (33,), (2, 9)]


@domain
def rows_and_weight(
    draw: Draw, target: Target, *, least: int = 1, most: int = 1100, dtype: str | None = None
) -> dict[str, Any]:
    """Rows, a weight for each feature, and an ε; not so large that a square overflows the work.

    In `dtype` if that is given, and is float64 or accepted by the target.
    """
    name = dtype if dtype in (*target.dtypes, "float64") else draw(st.sampled_from(target.dtypes))
    n = draw(widths(least, most))
    return _rows(draw, name, draw(st.sampled_from(LEADS if n < 40 else LEADS[:4])), n)


def _rows(draw: Draw, name: str, lead: tuple[int, ...], n: int) -> dict[str, Any]:
    """The same for given sizes. Without ε no row is 0, nor so faint that its squares are."""
    weight, epsilon = draw_array(draw, (n,), name, (2.0**-3, 2.0**3)), draw(EPSILONS)
    x = draw_array(draw, (*lead, n), name, (2.0**-40 if epsilon else 2.0**-8, 2.0**52))
    if not epsilon:  # nor in a view that repeats a number
        x = np.where(abs(x) < x.dtype.type(2.0**-10), x.dtype.type(1), x)
    return {"x": x, "weight": weight, "epsilon": epsilon}


def textbook(epsilon: float) -> Any:
    """The formula, for balls."""
    return lambda x, w: x / _root(x, epsilon) * w


def _root(x: Any, epsilon: float) -> Any:
    if not x.shape[-1]:
        return np.ones((*x.shape[:-1], 1), x.dtype)  # of an empty row, which there is nothing to divide of
    return np.sqrt((x * x).sum(-1, keepdims=True) / x.shape[-1] + epsilon)


def pulled_to_rows(epsilon: float) -> Any:
    """The formula of the cotangent of x, for balls."""

    def formula(g: Any, x: Any, w: Any) -> Any:
        r = _root(x, epsilon)
        u, h = x / r, g * w
        return (h - u * ((u * h).sum(-1, keepdims=True) / max(x.shape[-1], 1))) / r

    return formula


def pulled_to_weight(epsilon: float) -> Any:
    """The formula of the cotangent of the weight, for balls."""
    return lambda g, x: (x / _root(x, epsilon) * g).reshape(-1, x.shape[-1]).sum(0) if x.size else x.sum(0)


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    return _rows(draw, name, (rows or draw(st.integers(1, 4)),), 2500 if long else width)


def _stacked(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    """Rows on several leading axes, one of them that long."""
    lead = draw(st.sampled_from([(rows,), (rows, 2), (2, rows), (rows, 1, 2)]))
    return _rows(draw, name, lead, draw(st.integers(1, 3)))


def _allowed(ops: Operations, x: Any, weight: Any, epsilon: float) -> Allowance:
    own = ops.conventions
    return rms_norm_rounding(x, weight, x.dtype, epsilon, own.rms_norm_rounding, own.rms_norm_weight)


def _pulled_allowed(ops: Operations, g: Any, x: Any, weight: Any, epsilon: float) -> tuple[Allowance, Allowance]:
    own = ops.conventions
    return (
        rms_norm_vjp_rounding(g, x, weight, x.dtype, epsilon, own.rms_norm_rounding, own.rms_norm_weight),
        rms_norm_weight_vjp_rounding(g, x, x.dtype, epsilon, own.rms_norm_rounding),
    )


def _agrees(ops: Operations, y: Any, x: Any, weight: Any, epsilon: float = 1e-6) -> Any:
    return equal_in_range(y, enclose(textbook(epsilon), x, weight), within=_allowed(ops, x, weight, epsilon))


def _pulled_agrees(ops: Operations, y: Any, g: Any, x: Any, weight: Any, epsilon: float = 1e-6) -> Conjunction:
    to_rows, to_weight = enclose(pulled_to_rows(epsilon), g, x, weight), enclose(pulled_to_weight(epsilon), g, x)
    of_rows, of_weight = _pulled_allowed(ops, g, x, weight, epsilon)
    return all_of(equal_in_range(y[0], to_rows, within=of_rows), equal_in_range(y[1], to_weight, within=of_weight))


_SAMPLE = {"x": np.ones((3, 2)), "weight": np.ones(2)}


def _result(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any]:
    return given["x"].shape, np.result_type(given["x"], given["weight"])


_FINITE = {"scale": "no square overflows"}
_LIMITS = {
    **dict.fromkeys(("layout_free", "rows_are_independent", "keeps_dtype"), Limits(rows=4, fixed=_FINITE)),
    "pure": Limits(rows=4, width=9, fixed=_FINITE),
    "any_width": Limits(rows=1),
    "many_rows": Limits(width=3),
    "defaults": Limits(options=("epsilon",), rows=4, width=9),
}
_HOW: Any = {"options": ("epsilon",), "rows": ("g", "x")}
RMS_NORM = Operation(
    "rms_norm", _drawn, _agrees, _SAMPLE, (rms_norm_rounding,), stacked=_stacked, result=_result, limits=_LIMITS, **_HOW
)
RMS_NORM_VJP = RMS_NORM.derivative(
    _pulled_agrees,
    rms_norm_vjp_rounding,
    rms_norm_weight_vjp_rounding,
    limits={"defaults": Limits(options=("epsilon",), rows=4, width=8)},
)
BOTH = (RMS_NORM, RMS_NORM_VJP)


norm_is_the_formula = Claim(
    "rms_norm.is_the_formula",
    statement="Every row x of n numbers is divided by the root of its mean square plus ε and multiplied by the weights "
    "w, whatever other rows are, as long as the sum of its squares neither overflows nor, if ε is 0, underflows.",
    formula=r"y_i = w_i \frac{x_i}{\sqrt{\frac1n\sum_j x_j^2 + \epsilon}}",
    limits=Limits(
        said=("as long as the sum of its squares neither overflows nor, if ε is 0, underflows",),
        fixed={"scale": "no result overflows"},
    ),
    source="Zhang & Sennrich, arXiv:1910.07467, equation 4",
    needs=("rms_norm",),
    tolerances=(rms_norm_rounding,),
    refuted_by=(
        wrong.sum_of_squares, wrong.centred, wrong.whole_array, wrong.epsilon_outside, wrong.epsilon_fixed,
        wrong.weight_plus_one, wrong.in_the_storage_format, wrong.rows_touch,
    ),
)  # fmt: skip


@norm_is_the_formula.property(rows_and_weight(most=130))
def agrees_with_the_textbook(ops: Operations, x: Any, weight: Any, epsilon: float) -> Any:
    allowed = _allowed(ops, x, weight, epsilon)
    y = ops.rms_norm(x, weight, epsilon=epsilon)
    return all_of(equal(y, enclose(textbook(epsilon), x, weight), within=allowed), equal(y.dtype == x.dtype, True))


@norm_is_the_formula.property(rows_and_weight(least=1000, most=1100, dtype="float16"), effort=0.2)
def long_rows_of_float16(ops: Operations, x: Any, weight: Any, epsilon: float) -> Any:
    allowed = _allowed(ops, x, weight, epsilon)
    if x.dtype.itemsize > 2:  # a target that has no float16
        return equal(ops.rms_norm(x, weight, epsilon=epsilon), enclose(textbook(epsilon), x, weight), within=allowed)
    exact = textbook(epsilon)(x.astype(np.float64), weight.astype(np.float64))  # to 2⁻⁴⁰, beside 2⁻¹¹
    return equal(ops.rms_norm(x, weight, epsilon=epsilon), exact, within=allowed * (1 + 2.0**-20))


@norm_is_the_formula.property(
    rows_and_weight(most=40), strange=st.sampled_from([np.nan, np.inf, -np.inf, 0.0]), effort=0.3
)
def beside_strange_rows(ops: Operations, x: Any, weight: Any, epsilon: float, strange: float) -> Any:
    company = np.stack([x, np.full_like(x, strange)])
    return _agrees(ops, ops.rms_norm(company, weight, epsilon=epsilon)[0], x, weight, epsilon)


@domain
def numbers_of_one_size(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of ± one power of two."""
    if not target.exact:  # times 1/n, a correct mean of n such squares is rounded
        raise ExactOnlyError("rms_norm", "exact numbers")
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=20))
    return {"signs": signs, "power": draw(st.integers(-10, 10)), "rows": draw(st.integers(1, 3))}


@norm_is_the_formula.exact(numbers_of_one_size())
def signs_alone_are_left(ops: Operations, signs: Any, power: int, rows: int) -> Any:
    # Numbers of one size have that size for their root mean square: what is left are the signs.
    x = np.array([signs] * rows, np.float64) * 2.0**power
    return equal(ops.rms_norm(x, np.full(len(signs), 3.0), epsilon=0.0), 3.0 * np.sign(x))


norm_ignores_length = Claim(
    "rms_norm.ignores_length",
    statement="Without ε the direction of a row x is all that counts: c times as long it gives the same up to rounding "
    "(bit for bit if c is a power of two and the target promises its bits), as long as no square over- or underflows.",
    formula=r"\operatorname{norm}(cx) = \operatorname{norm}(x), \qquad c > 0,\ x \ne 0",
    needs=("rms_norm",),
    tolerances=(rms_norm_rounding,),
    refuted_by=(wrong.epsilon_fixed,),
    limits=Limits(
        also=("c is a whole number or a power of two",),
        fixed={"scale": "products with c are exact"},
        said=("as long as no square over- or underflows", "Without ε"),
    ),
)


@domain
def rows_and_length(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of small whole numbers, none all 0, and a factor that every format has exactly, as it has the products."""
    name, rows, n = draw(st.sampled_from(target.dtypes)), draw(st.integers(1, 40)), draw(widths(most=65))
    x = draw_integers(draw, (rows, n), 9)
    x[:, 0] = np.where(x.any(-1), x[:, 0], 1)
    c = draw(st.one_of(st.integers(1, 28), st.integers(-9, 9).map(lambda k: 2.0**k)))
    weight = draw_array(draw, (n,), name, (2.0**-3, 2.0**3))
    return {"x": as_dtype(x, name), "weight": weight, "factor": float(c)}


@norm_ignores_length.property(rows_and_length())
def scaled_rows(ops: Operations, x: Any, weight: Any, factor: float) -> Any:
    longer = ops.rms_norm(x * x.dtype.type(factor), weight, epsilon=0.0)
    if np.log2(factor) % 1 == 0:
        return _alike(ops, longer, x, weight)
    return _agrees(ops, longer, x, weight, 0.0)


def _alike(ops: Operations, longer: Any, x: Any, weight: Any) -> Any:
    """That the norm of rows a power of two times as long is that of the rows, and right."""
    norm = ops.rms_norm(x, weight, epsilon=0.0)
    right = _agrees(ops, longer, x, weight, 0.0)
    return all_of(right, reproduced(ops, longer, norm, lambda: _agrees(ops, norm, x, weight, 0.0)))


@norm_ignores_length.property(rows_and_weight(dtype="float64", most=65), power=st.integers(-20, 20))
def scaled_by_a_power_of_two(ops: Operations, x: Any, weight: Any, epsilon: float, power: int) -> Any:
    x = x + np.where(x == 0, 1.0, 0.0)
    return _alike(ops, ops.rms_norm(x * 2.0**power, weight, epsilon=0.0), x, weight)  # which rounds nothing


norm_pulls_back = Claim(
    "rms_norm.vjp_is_the_derivative",
    statement="What is pulled back to the rows x and to the weights w is the derivative along every direction d, up to "
    "rounding.",
    formula=r"\langle \bar y, \partial_d \operatorname{norm}(x)\rangle = \langle \bar x, d\rangle, \qquad "
    r"\bar x = \frac1r\Big(h - u\,\frac1n\sum_j u_j h_j\Big)",
    legend={"r": "the root of the mean square plus ε", "u": "x/r", "h": r"w \bar y"},
    limits=Limits(also=("no square overflows", "without ε none underflows")),
    needs=("rms_norm_vjp",),
    tolerances=(rms_norm_vjp_rounding, rms_norm_weight_vjp_rounding),
    refuted_by=(
        wrong.length_not_taken_out, wrong.weight_forgotten, wrong.last_row_of_weights, wrong.nothing_sent_back,
        wrong.eight_features_taken_out, wrong.weights_of_64_rows,
    ),
)  # fmt: skip


@norm_pulls_back.property(rows_and_weight(most=6), seed=st.integers(0, 2**32 - 1), effort=0.5)
def along_each_axis(ops: Operations, x: Any, weight: Any, epsilon: float, seed: int) -> Any:
    g = np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    x_bar, w_bar = ops.rms_norm_vjp(g, x, weight, epsilon=epsilon)

    def pulled(x: Any, w: Any) -> Any:
        return np.asarray((textbook(epsilon)(x, w) * g.astype(np.float64)).sum())

    place = tuple(seed % n for n in x.shape)
    along, beside = np.zeros(x.shape), np.zeros(weight.shape)
    along[place], beside[place[-1]] = 1.0, 1.0
    off_x, off_w = _pulled_allowed(ops, g, x, weight, epsilon)
    return all_of(
        equal(x_bar[place], derivative(pulled, (x, weight), (along, None)), within=off_x[place]),
        equal(w_bar[place[-1]], derivative(pulled, (x, weight), (None, beside)), within=off_w[place[-1]]),
        equal((x_bar.dtype, w_bar.dtype) == (x.dtype, weight.dtype), True),
    )


@norm_pulls_back.property(RMS_NORM_VJP.inputs(most=1100), effort=0.3)
def of_any_width(ops: Operations, **arguments: Any) -> Any:
    return RMS_NORM_VJP.agrees(ops, **arguments)


def large_batches(target: Target) -> Iterator[dict[str, Any]]:
    """Many rows, wide rows, and both."""
    for i, (rows, n) in enumerate([(4097, 3), (3, 1100), (65, 66)]):
        name, rng = target.dtypes[i % len(target.dtypes)], np.random.default_rng(i)
        g, x = (as_dtype(rng.normal(size=(rows, n)), name) for _ in range(2))
        yield {"g": g, "x": x, "weight": as_dtype(rng.normal(size=n), name), "epsilon": 1e-5}


@norm_pulls_back.exhaustive(large_batches)
def of_many_and_wide_rows(ops: Operations, **arguments: Any) -> Any:
    return RMS_NORM_VJP.agrees(ops, **arguments)


norm_edges = Claim(
    "rms_norm.refuses_what_does_not_fit",
    statement="Rows of width zero and no rows at all come back as they are; a row of zeros gives zeros if ε > 0; "
    "integers and shapes that do not fit are errors that say so.",
    formula=r"\operatorname{norm}(0) = 0, \qquad \epsilon > 0",
    needs=("rms_norm", "rms_norm_vjp"),
    limits=Limits(
        options=("epsilon",),
        formats=SHORT_FORMATS,
        rows=2,
        width=4,
        signs=("rms_norm_vjp.cotangent >= 0", "rms_norm_vjp.x >= 0", "rms_norm.x >= 0"),
    ),
    refuted_by=(wrong.any_shape,),
)


@norm_edges.exact(lead=st.sampled_from([(0,), (2,), (0, 3)]), n=st.integers(0, 3), seed=st.integers(0, 9), effort=0.5)
def edges(ops: Operations, lead: Any, n: int, seed: int) -> Any:
    x, w = np.zeros((*lead, n)), np.random.default_rng(seed).normal(size=n)
    x_bar, w_bar = ops.rms_norm_vjp(x, x, w)
    whole, longer = np.ones((*lead, n), int), np.ones(n + 1)
    return all_of(
        equal(ops.rms_norm(x, w), x), equal(x_bar, x), equal(w_bar, np.zeros(n)),
        raises(lambda: ops.rms_norm(whole, w), TypeError, saying=("x", "int64")),
        raises(lambda: ops.rms_norm(x, w.astype(int)), TypeError, saying=("weight",)),
        raises(lambda: ops.rms_norm(x, longer), ValueError, saying=(str(x.shape), str(longer.shape))),
        raises(lambda: ops.rms_norm(np.array(1.0), w), ValueError, saying=("x",)),
        raises(lambda: ops.rms_norm_vjp(longer, x, w), ValueError, saying=("cotangent", str(longer.shape))),
    )  # fmt: skip


of_every_operation = (
    *laws.every_law(
        *BOTH,
        any_width=(wrong.eight_features_taken_out, wrong.wide_rows_cut),
        many_rows=(wrong.weights_of_64_rows,),
        rows_are_independent=(wrong.rows_touch, wrong.whole_array),
        keeps_dtype=(wrong.in_the_storage_format,),
    ),
    laws.defaults(RMS_NORM, epsilon=(1e-6, 1e-2)),
    laws.defaults(RMS_NORM_VJP, epsilon=(1e-6, 1e-2)),
)
