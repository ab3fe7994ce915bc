"""What must be true of a normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore import common_mutants as common
from mathcore import normalisation_mutants as wrong
from mathcore.normalisation_tolerances import rms_norm_rounding, rms_norm_vjp_rounding, rms_norm_weight_vjp_rounding
from mathcore.verify import (
    Claim,
    Operations,
    Target,
    all_of,
    domain,
    draw_array,
    enclose,
    equal,
    identical,
    raises,
    widths,
)
from mathcore.verify.domains import Draw, draw_view
from mathcore.verify.numbers import derivative

EPSILONS = st.sampled_from([1e-6, 1e-5, 1e-2, 1.0])


@domain
def rows_and_weight(
    draw: Draw, target: Target, *, least: int = 1, most: int = 1100, dtype: str | None = None
) -> dict[str, Any]:
    """A few rows, a weight for each feature, and an ε; not so large that a square overflows the work.

    In `dtype` if that is given, and is float64 or accepted by the target.
    """
    name = dtype if dtype in (*target.dtypes, "float64") else draw(st.sampled_from(target.dtypes))
    n, lead = draw(widths(least, most)), draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    x = draw_array(draw, (*lead, n), name, (2.0**-8, 2.0**12))
    return {"x": x, "weight": draw_array(draw, (n,), name, (2.0**-3, 2.0**3)), "epsilon": draw(EPSILONS)}


def textbook(epsilon: float) -> Any:
    """The formula, for balls."""
    return lambda x, w: x / np.sqrt((x * x).sum(-1, keepdims=True) / x.shape[-1] + epsilon) * w


norm_is_the_formula = Claim(
    "rms_norm.is_the_formula",
    statement="Every row is divided by its root mean square and multiplied by the weights, whatever other rows are.",
    formula=r"y_i = w_i \frac{x_i}{\sqrt{\frac1n\sum_j x_j^2 + \epsilon}}",
    source="Zhang & Sennrich, arXiv:1910.07467, equation 4",
    needs=("rms_norm",),
    tolerances=(rms_norm_rounding,),
    refuted_by=(
        wrong.sum_of_squares, wrong.centred, wrong.whole_array, wrong.epsilon_outside, wrong.epsilon_fixed,
        wrong.weight_plus_one, wrong.in_the_storage_format,
    ),
)  # fmt: skip


@norm_is_the_formula.property(rows_and_weight(most=130))
def _(ops: Operations, x: Any, weight: Any, epsilon: float) -> Any:
    allowed = rms_norm_rounding(x, weight, x.dtype, epsilon)
    y = ops.rms_norm(x, weight, epsilon=epsilon)
    return all_of(equal(y, enclose(textbook(epsilon), x, weight), within=allowed), equal(y.dtype == x.dtype, True))


@norm_is_the_formula.property(rows_and_weight(least=1000, most=1100, dtype="float16"), effort=0.2)
def _(ops: Operations, x: Any, weight: Any, epsilon: float) -> Any:
    allowed = rms_norm_rounding(x, weight, x.dtype, epsilon)
    if x.dtype.itemsize > 2:  # a target that has no float16
        return equal(ops.rms_norm(x, weight, epsilon=epsilon), enclose(textbook(epsilon), x, weight), within=allowed)
    exact = textbook(epsilon)(x.astype(np.float64), weight.astype(np.float64))  # to 2⁻⁴⁰, beside 2⁻¹¹
    return equal(ops.rms_norm(x, weight, epsilon=epsilon), exact, within=allowed * (1 + 2.0**-20))


@norm_is_the_formula.exact(
    signs=st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=20),
    power=st.integers(-10, 10),
    rows=st.integers(1, 3),
)
def _(ops: Operations, signs: Any, power: int, rows: int) -> Any:
    # Numbers of one size have that size for their root mean square: what is left are the signs.
    x = np.array([signs] * rows, np.float64) * 2.0**power
    return equal(ops.rms_norm(x, np.full(len(signs), 3.0), epsilon=0.0), 3.0 * np.sign(x))


norm_ignores_length = Claim(
    "rms_norm.ignores_length",
    statement="Without ε a row twice as long gives the same, bit for bit: its direction is all that counts.",
    formula=r"\operatorname{norm}(cx) = \operatorname{norm}(x), \qquad c > 0",
    needs=("rms_norm",),
    refuted_by=(wrong.epsilon_fixed,),
)


@norm_ignores_length.property(rows_and_weight(dtype="float64", most=65), power=st.integers(-20, 20))
def _(ops: Operations, x: Any, weight: Any, epsilon: float, power: int) -> Any:
    x = x + np.where(x == 0, 1.0, 0.0)
    longer = ops.rms_norm(x * 2.0**power, weight, epsilon=0.0)  # a power of two rounds nothing
    return identical(longer, ops.rms_norm(x, weight, epsilon=0.0))


norm_pulls_back = Claim(
    "rms_norm.vjp_is_the_derivative",
    statement="What is pulled back to the rows and to the weights is the derivative along every direction.",
    formula=r"\langle \bar y, \partial_d \operatorname{norm}(x)\rangle = \langle \bar x, d\rangle, \qquad "
    r"\bar x = \frac1r\Big(h - u\,\frac1n\sum_j u_j h_j\Big)",
    needs=("rms_norm_vjp",),
    tolerances=(rms_norm_vjp_rounding, rms_norm_weight_vjp_rounding),
    refuted_by=(
        wrong.length_not_taken_out, wrong.weight_forgotten, wrong.last_row_of_weights, wrong.nothing_sent_back,
    ),
)  # fmt: skip


@norm_pulls_back.property(rows_and_weight(most=6), seed=st.integers(0, 2**32 - 1), effort=0.5)
def _(ops: Operations, x: Any, weight: Any, epsilon: float, seed: int) -> Any:
    g = np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    x_bar, w_bar = ops.rms_norm_vjp(g, x, weight, epsilon=epsilon)

    def pulled(x: Any, w: Any) -> Any:
        return np.asarray((textbook(epsilon)(x, w) * g.astype(np.float64)).sum())

    place = tuple(seed % n for n in x.shape)
    along, beside = np.zeros(x.shape), np.zeros(weight.shape)
    along[place], beside[place[-1]] = 1.0, 1.0
    off_x = rms_norm_vjp_rounding(g, x, weight, x.dtype, epsilon)[place]
    off_w = rms_norm_weight_vjp_rounding(g, x, x.dtype, epsilon)[place[-1]]
    return all_of(
        equal(x_bar[place], derivative(pulled, (x, weight), (along, None)), within=off_x),
        equal(w_bar[place[-1]], derivative(pulled, (x, weight), (None, beside)), within=off_w),
        equal((x_bar.dtype, w_bar.dtype) == (x.dtype, weight.dtype), True),
    )


norm_layout = Claim(
    "rms_norm.layout_free",
    statement="A strided, transposed, reversed or broadcast view gives the same as its contiguous copy, in both "
    "directions and whatever was called before.",
    formula=r"f(\text{view}) = f(\text{copy})",
    needs=("rms_norm", "rms_norm_vjp"),
    tolerances=(rms_norm_rounding, rms_norm_vjp_rounding, rms_norm_weight_vjp_rounding),
    refuted_by=(
        common.strides_ignored("rms_norm"), common.strides_ignored("rms_norm_vjp"), common.buffer_reused("rms_norm"),
        common.first_answer_kept("rms_norm"), common.first_answer_kept("rms_norm_vjp"),
    ),
)  # fmt: skip


@norm_layout.property(rows_and_weight(most=65), seed=st.integers(0, 2**32 - 1), view=st.data())
def _(ops: Operations, x: Any, weight: Any, epsilon: float, seed: int, view: Any) -> Any:
    rng = np.random.default_rng(seed)
    g = rng.normal(size=x.shape).astype(x.dtype)
    x, g, weight = (view.draw(_view(a)) for a in (x, g, weight))
    packed = [np.ascontiguousarray(a) for a in (g, x, weight)]
    first, copy = ops.rms_norm(x, weight, epsilon=epsilon), ops.rms_norm(*packed[1:], epsilon=epsilon)
    other = ops.rms_norm(np.roll(x, 1, -1) + x.dtype.type(1), weight, epsilon=epsilon)  # in memory of its own
    ops.rms_norm_vjp(g + g.dtype.type(1), x, weight, epsilon=epsilon)
    ours, theirs = ops.rms_norm_vjp(g, x, weight, epsilon=epsilon), ops.rms_norm_vjp(*packed, epsilon=epsilon)
    zero = ops.rms_norm_vjp(g * 0, x, weight, epsilon=epsilon)
    allowed = rms_norm_rounding(x, weight, x.dtype, epsilon) * 2
    allowed_x = rms_norm_vjp_rounding(g, x, weight, x.dtype, epsilon) * 2
    allowed_w = rms_norm_weight_vjp_rounding(g, x, x.dtype, epsilon) * 2
    exact = textbook(epsilon)(*(np.asarray(a, np.float64) for a in packed[1:]))
    return all_of(
        equal(first, copy, within=allowed),
        equal(first, exact, within=allowed),
        equal(ours[0], theirs[0], within=allowed_x),
        equal(ours[1], theirs[1], within=allowed_w),
        equal(other.shape == x.shape, True),
        equal(zero[0], np.zeros(x.shape)),
    )


def _view(a: Any) -> Any:
    return st.composite(lambda draw: draw_view(draw, a))()


norm_edges = Claim(
    "rms_norm.refuses_what_does_not_fit",
    statement="Rows of width zero and no rows at all come back as they are; a row of zeros gives zeros; integers and "
    "shapes that do not fit are errors that say so.",
    formula=r"\operatorname{norm}(0) = 0",
    needs=("rms_norm", "rms_norm_vjp"),
    refuted_by=(wrong.any_shape,),
)


@norm_edges.exact(lead=st.sampled_from([(0,), (2,), (0, 3)]), n=st.integers(0, 3), seed=st.integers(0, 9), effort=0.5)
def _(ops: Operations, lead: Any, n: int, seed: int) -> Any:
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
