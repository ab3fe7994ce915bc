"""What must be true of stacked layers: FAQ 9, 10 and 13."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants as wrong
from mathcore.layers.law_claims import exact_arrays, exact_pair, float_stack
from mathcore.layers.linear_tolerances import merged_layers, stacked_layers
from mathcore.verify import Allowance, Claim, Limits, Operations, Target, enclose
from mathcore.verify.domains import Draw, domain, draw_array, draw_exact, draw_integers
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.oracle.matrices import rank, score_table_rounding, tail
from mathcore.verify.relations import all_of, at_most, equal, less
from mathcore.verify.tolerances import dot_product, magnitude


@domain
def exact_stack(draw: Draw, target: Target, *, least: int = 1, most: int = 3, count: int = 2) -> dict[str, Any]:
    """x (rows, n₀) and `count` layers (n₀, n₁), (n₁, n₂), … with their biases, in exact numbers."""
    ends = [draw(st.integers(1, most)) for _ in range(2)]
    sizes = [ends[0], *(draw(st.integers(least, most)) for _ in range(count - 1)), ends[1]]
    kind = draw(st.booleans())

    def make(*shape: int) -> Any:
        if count > 2:  # denominators would grow from layer to layer
            return draw_integers(draw, shape, 2).astype(np.float64)
        return draw_exact(draw, target, *shape, fractions=kind)

    x = make(draw(st.integers(1, 3)), sizes[0])
    return {"x": x, "layers": [(make(a, b), make(b)) for a, b in itertools.pairwise(sizes)]}


def through(ops: Operations, x: Any, layers: Any) -> Any:
    """One layer after the other."""
    for weight, bias in layers:
        x = ops.linear(x, weight, bias)
    return x


def as_one(layers: Any) -> tuple[Any, Any]:
    """The one matrix and the one bias that a stack of layers amounts to."""
    weight, bias = layers[0]
    for w, b in layers[1:]:
        weight, bias = weight @ w, bias @ w + b
    return weight, bias


layers_compose = Claim(
    "linear.layers_compose",
    faq=9,
    statement="From word to hidden to score: two layers (U, b) and (V, c) with nothing between them are one layer, up "
    "to rounding, whatever the width between.",
    formula=r"(xU + b)V + c = x(UV) + (bV + c)",
    needs=("linear",),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.relu_inside, wrong.bias_forgotten, wrong.weight_transposed, wrong.one_too_many),
    limits=Limits(fixed={"scale": "nothing overflows"}),
)


@layers_compose.exact(exact_stack(least=0, most=4))
def two_exact_layers_are_one(ops: Operations, x: Any, layers: Any) -> Any:
    return equal(through(ops, x, layers), x @ as_one(layers)[0] + as_one(layers)[1])


@layers_compose.property(float_stack(), effort=0.5)
def two_layers_are_one_within_the_bound(ops: Operations, x: Any, layers: Any) -> Any:
    true = enclose(lambda x, u, b, v, c: (x @ u + b) @ v + c, x, *layers[0], *layers[1])
    return equal(through(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype))


ten_layers_are_one = Claim(
    "linear.ten_layers_are_one",
    faq=10,
    statement="Ten layers one after the other, with nothing between them, are one layer, up to rounding.",
    formula=r"\exists\, W, b:\ (\dots(xW_1 + b_1)\dots)W_{10} + b_{10} = xW + b \text{ for all } x",
    needs=("linear",),
    tolerances=(stacked_layers, merged_layers),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.bias_forgotten, wrong.capped_outputs),
    rests_on=("linear.layers_compose",),
    limits=Limits(rows=5, width=5, fixed={"scale": "nothing overflows"}),
)


@ten_layers_are_one.exact(exact_stack(count=10, most=3), effort=0.5)
def ten_exact_layers_are_one(ops: Operations, x: Any, layers: Any) -> Any:
    weight, bias = as_one(layers)
    return equal(through(ops, x, layers), ops.linear(x, weight, bias))


@ten_layers_are_one.property(float_stack(count=10, most=5), effort=0.25)
def ten_layers_are_one_within_the_bound(ops: Operations, x: Any, layers: Any) -> Any:
    def one_matrix(x: Any, *flat: Any) -> Any:
        weight, bias = as_one(list(zip(flat[::2], flat[1::2], strict=True)))
        return x @ weight + bias

    true = enclose(one_matrix, x, *(array for layer in layers for array in layer))
    (weight, bias), *later = layers
    for w, b in later:
        weight, bias = ops.linear(weight, w), ops.linear(bias, w, b)
    return all_of(
        equal(through(ops, x, layers), true, within=stacked_layers(x, layers, x.dtype)),
        equal(ops.linear(x, weight, bias), true, within=merged_layers(x, layers, x.dtype)),
    )


# FAQ 13: ReLU between every pair?
two_layers_collapse = Claim(
    "linear.two_layers_collapse",
    faq=13,
    statement="Two matrices U and V back to back equal one, up to rounding, and its rank is at most the width r "
    "between them.",
    formula=r"(xU)V = x(UV), \qquad \operatorname{rank} UV \le r",
    needs=("linear",),
    limits=Limits(options=("bias",), fixed={"scale": "nothing overflows"}),
    tolerances=(stacked_layers, dot_product, score_table_rounding),
    refuted_by=(wrong.relu_inside, wrong.one_too_many, wrong.weight_transposed, wrong.columns_swapped),
    rests_on=("linear.layers_compose",),
)


def unit(n: int, like: Any) -> Any:
    """The identity in the numbers of `like`; whole numbers keep Fractions exact."""
    return np.eye(n, dtype=int).astype(like.dtype)


@two_layers_collapse.exact(exact_pair())
def exact_pair_is_one_matrix_of_its_rank(ops: Operations, x: Any, u: Any, v: Any) -> Any:
    one = ops.linear(ops.linear(unit(len(u), u), u), v)  # what the pair does to a basis
    return all_of(
        equal(ops.linear(ops.linear(x, u), v), ops.linear(x, one)), equal(one, u @ v), at_most(rank(one), u.shape[1])
    )


@two_layers_collapse.property(float_stack(), effort=0.5)
def pair_is_one_matrix_within_the_bound(ops: Operations, x: Any, layers: Any) -> Any:
    (u, _), (v, _) = layers
    bare = [(u, np.zeros_like(u[0])), (v, np.zeros_like(v[0]))]
    true = enclose(lambda x, u, v: x @ (u @ v), x, u, v)
    return equal(ops.linear(ops.linear(x, u), v), true, within=stacked_layers(x, bare, x.dtype))


@domain
def narrow_pair(draw: Draw, target: Target) -> dict[str, Any]:
    """U (m, r) and V (r, n) in floats, r often below both."""
    name, m, r, n = draw(st.sampled_from(target.dtypes)), *(draw(st.integers(1, most)) for most in (9, 4, 9))
    return {"u": draw_array(draw, (m, r), name, (0.25, 4)), "v": draw_array(draw, (r, n), name, (0.25, 4))}


@two_layers_collapse.property(narrow_pair(), effort=0.5)
def rank_is_at_most_the_width_between(ops: Operations, u: Any, v: Any) -> Any:
    # The product was rounded, and lies so close to one of rank r that the singular values after the r-th are faint.
    one, r = ops.linear(u, v), u.shape[1]
    rounded = dot_product(magnitude(u, v), r, u.dtype)
    within = Allowance(np.sqrt((rounded.values**2).sum()), rounded.names) + score_table_rounding(one, r, np.float64)
    return at_most(tail(one, r), 0.0, within=within)


collapse_is_weaker = Claim(
    "linear.collapse_is_weaker",
    faq=13,
    verdict="holds_if",
    condition="the width between is below both the inputs and the outputs; otherwise every matrix is such a pair.",
    statement="Two matrices back to back can do less than one: some matrices are no such pair.",
    formula=r"r < \min(m, n) \Rightarrow \exists W:\ W \ne UV \text{ for all } U_{m \times r}, V_{r \times n}",
    legend={"W": "a matrix of m rows and n columns", "U": "one of a pair", "V": "the other", "r": "the width between"},
    needs=("linear",),
    limits=Limits(options=("bias",), rows=7, width=7),
    tolerances=(stacked_layers,),
    refuted_by=(wrong.one_too_many, wrong.relu_inside, wrong.columns_mixed),
    rests_on=("linear.two_layers_collapse",),
)


@domain
def bottlenecks(draw: Draw, target: Target) -> dict[str, Any]:
    """U (m, r) and V (r, n) with r < min(m, n)."""
    m, n = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    r = draw(st.integers(1, min(m, n) - 1))
    return exact_arrays(draw, target, u=(m, r), v=(r, n))


@collapse_is_weaker.exact(bottlenecks())
def narrow_pair_never_is_the_identity(ops: Operations, u: Any, v: Any) -> Any:
    m, n, r = len(u), v.shape[1], u.shape[1]
    pair = ops.linear(ops.linear(unit(m, u), u), v)
    return all_of(equal(pair, u @ v), at_most(rank(pair), r), less(r, rank(np.eye(m, n))))  # so the pair is never [I 0]


@domain
def wide_enough(draw: Draw, target: Target) -> dict[str, Any]:
    """A matrix, and a width between of at least its smaller side."""
    name = draw(st.sampled_from(target.dtypes))
    m, n = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    x, weight = (draw_array(draw, s, name, (0.5, 4)) for s in ((2, m), (m, n)))
    return {"x": x, "weight": weight, "r": min(m, n) + draw(st.integers(0, 2))}


@collapse_is_weaker.property(wide_enough(), effort=0.5)
def wide_pair_is_any_matrix(ops: Operations, x: Any, weight: Any, r: int) -> Any:
    m, n = weight.shape
    u = np.eye(m, r).astype(x.dtype) if m <= n else np.pad(weight, ((0, 0), (0, r - n)))
    v = np.pad(weight, ((0, r - m), (0, 0))) if m <= n else np.eye(r, n).astype(x.dtype)
    bare = [(u, np.zeros_like(u[0])), (v, np.zeros_like(v[0]))]
    return equal(ops.linear(ops.linear(x, u), v), true_matmul(x, weight), within=stacked_layers(x, bare, x.dtype))


def pairs_of_matrices() -> Iterator[dict[str, Any]]:
    """U (2, r) and V (r, 2) of zeros and ones, the narrow ones first."""
    for r in (1, 2):
        for bits in itertools.product((0.0, 1.0), repeat=4 * r):
            yield {"u": np.reshape(bits[: 2 * r], (2, r)), "v": np.reshape(bits[2 * r :], (r, 2))}


@collapse_is_weaker.counterexample(cases=pairs_of_matrices)
def no_pair_has_full_rank(ops: Operations, u: Any, v: Any) -> Any:
    return less(rank(ops.linear(ops.linear(np.eye(2), u), v)), 2)
