"""What must be true of gates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import gated_mutants as wrong
from mathcore.layers.gated_records import (
    CLAMPED,
    GEGLU,
    GEGLU_VJP,
    SWIGLU,
    SWIGLU_VJP,
    drawn_options,
    gate_agrees,
    gate_pulled_agrees,
)
from mathcore.layers.gated_tolerances import gate_rounding, gate_vjp_rounding
from mathcore.verify import Claim, Limits, Operations, Target, draw_array, widths
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain, draw_integers
from mathcore.verify.relations import all_of, equal
from mathcore.verify.tolerances import format_of, rounding

SHAZEER = "Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202"
SYMBOLS = {"g": "the gate", "u": "what passes", "σ": "the logistic function"}

formulas = Claim(
    "gated.are_their_formulas",
    statement="SwiGLU and GEGLU are the activation of the gate g times what passes, u, up to rounding; with a limit "
    "L the gate is bounded from above only, and u on both sides before β is added to it.",
    formula=r"y = g'\,\sigma(\alpha g')\,(u' + \beta), \quad g' = \min(g, L), \quad u' = \min(\max(u, -L), L)",
    legend={**SYMBOLS, "L": "the limit", "α": "how steep the gate is", "β": "what is added to u"},
    source=SHAZEER,
    needs=("swiglu", "geglu"),
    tolerances=(gate_rounding,),
    refuted_by=(
        wrong.wrong_order, wrong.activated_up, wrong.plain_glu, wrong.limit_forgotten, wrong.gate_bounded_below,
        wrong.up_bounded_above, wrong.beta_forgotten, wrong.alpha_forgotten, wrong.bounded_after, wrong.tail_cut,
        wrong.one_leaks, wrong.geglu_wrong_order, wrong.exact_for_all, wrong.by_silu,
    ),
)  # fmt: skip


@formulas.property(SWIGLU.inputs(rows=12, most=40))
def swiglu_is_its_formula(ops: Operations, **arguments: Any) -> Any:
    return SWIGLU.agrees(ops, **arguments)


@formulas.property(GEGLU.inputs(rows=12, most=40))
def geglu_is_its_formula(ops: Operations, **arguments: Any) -> Any:
    return GEGLU.agrees(ops, **arguments)


def around_the_limit(target: Target) -> Iterator[dict[str, Any]]:
    """Numbers on both sides of 7 and of −7, each with each, in every format."""
    some = [-30, -9, -7.5, -7, -6.5, -2, -1, 0, 0.5, 1, 6.5, 7, 7.5, 9, 30]
    for name in target.dtypes:
        gate, up = (as_dtype(a.ravel(), name) for a in np.meshgrid(some, some))
        yield {"gate": gate, "up": up}


@formulas.exhaustive(around_the_limit)
def gpt_oss_is_its_formula(ops: Operations, gate: Any, up: Any) -> Any:
    return gate_agrees(ops, ops.swiglu(gate, up, **CLAMPED), gate, up, **CLAMPED)


nothing = Claim(
    "gated.zero_gives_zero",
    statement="Where the gate g is 0, or what passes, u, is 0, nothing comes out, whatever finite number the other is: "
    "exactly 0.",
    formula=r"s(0)\,u = 0, \qquad s(g) \cdot 0 = 0",
    legend={**SYMBOLS, "s": "silu or GELU"},
    source=SHAZEER,
    needs=("swiglu", "geglu"),
    limits=Limits(options=("beta", "approximate"), rows=1, also=("β is 0",)),
    refuted_by=(wrong.one_leaks, wrong.plain_glu),
)


def with_zeros(target: Target) -> Iterator[dict[str, Any]]:
    """Zeros of both signs beside numbers of all sizes, in every format."""
    for name in target.dtypes:
        other = as_dtype([*(2.0 ** np.arange(-14, 15, 2.0)), *-(2.0 ** np.arange(-14, 15, 2.0)), 0.0], name)
        zero = np.where(np.arange(other.size) % 2, other.dtype.type(0), other.dtype.type(-0.0))
        yield {"zero": zero, "other": other}


@nothing.exhaustive(with_zeros)
def nothing_comes_out_of_swiglu(ops: Operations, zero: Any, other: Any) -> Any:
    both = (ops.swiglu(zero, other), ops.swiglu(other, zero), ops.swiglu(zero, other, alpha=1.702, limit=7.0))
    return all_of(*(equal(y, np.zeros_like(other)) for y in both))


@nothing.exhaustive(with_zeros)
def nothing_comes_out_of_geglu(ops: Operations, zero: Any, other: Any) -> Any:
    return all_of(*(equal(y, np.zeros_like(other)) for y in (ops.geglu(zero, other), ops.geglu(other, zero))))


linear = Claim(
    "gated.is_linear_in_up",
    statement="Without limit and β a gate g is linear in what passes, u and v: of a sum comes the sum of what comes of "
    "each, up to rounding, and of 2u twice as much, bit for bit, as long as f(g, u) is a normal number or 0.",
    formula=r"f(g, u + v) = f(g, u) + f(g, v), \qquad f(g, 2u) = 2 f(g, u)",
    legend={**SYMBOLS, "f": "SwiGLU", "v": "something else that passes"},
    source=SHAZEER,
    needs=("swiglu",),
    limits=Limits(options=("beta", "limit"), rows=8, said=("Without limit and β",), fixed={"scale": "no subnormals"}),
    tolerances=(gate_rounding, rounding),
    refuted_by=(wrong.one_leaks, wrong.up_squared, wrong.activated_up),
)


@domain
def three_arrays(draw: Draw, target: Target) -> dict[str, Any]:
    """A gate, and two arrays of whole numbers, whose sum is exact."""
    name, shape = draw(st.sampled_from(target.dtypes)), (draw(st.integers(1, 8)), draw(widths(most=33)))
    u, v = (as_dtype(draw_integers(draw, shape, 60), name) for _ in range(2))
    gate = draw_array(draw, shape, name, (2.0**-4, 2.0**2))
    return {"gate": gate, "u": u, "v": v, "alpha": drawn_options(draw)["alpha"]}


@linear.property(three_arrays())
def of_a_sum_comes_the_sum(ops: Operations, gate: Any, u: Any, v: Any, alpha: float) -> Any:
    one, other, both = (ops.swiglu(gate, w.astype(u.dtype), alpha=alpha) for w in (u, v, u + v))
    within = [gate_rounding(gate, w, u.dtype, alpha=alpha) for w in (u, v, u + v)]
    total = one.astype(np.float64) + other.astype(np.float64)
    twice = ops.swiglu(gate, (u + u).astype(u.dtype), alpha=alpha)
    normal = (abs(one) >= one.dtype.type(format_of(u.dtype).tiny)) | (gate == 0) | (u == 0)  # others lose digits
    return all_of(
        equal(total, both.astype(np.float64), within=within[0] + within[1] + within[2] + rounding(total, np.float64)),
        equal(twice[normal], (one + one)[normal]),
        gate_agrees(ops, one, gate, u, alpha=alpha),
    )


exchanged = Claim(
    "gated.gate_and_up_may_be_exchanged",
    verdict="refuted",
    statement="Gate g and up u may be exchanged: the product is the same.",
    corrected="Both are multiplied, but only the gate goes through the activation. Exchanging them multiplies the "
    "result by the ratio of the shares, σ(u)/σ(g): up to rounding the same comes out only where g = u, or one is 0.",
    formula=r"\operatorname{silu}(g)\,u \cdot \sigma(u) = \operatorname{silu}(u)\,g \cdot \sigma(g)",
    legend=SYMBOLS,
    source=SHAZEER,
    needs=("swiglu",),
    limits=Limits(options=("alpha", "beta", "limit"), rows=1),
    tolerances=(gate_rounding, rounding),
    refuted_by=(wrong.plain_glu, wrong.activated_up, wrong.tail_cut),
)


def pairs_in_both_orders(target: Target) -> Iterator[dict[str, Any]]:
    """Numbers, each with each, in every format."""
    some = [-6.5, -3, -1.25, -0.5, 0, 0.25, 0.75, 1, 2, 3.5, 6]
    for name in target.dtypes:
        gate, up = (as_dtype(a.ravel(), name) for a in np.meshgrid(some, some))
        yield {"gate": gate, "up": up}


@exchanged.exhaustive(pairs_in_both_orders)
def the_shares_make_the_difference(ops: Operations, gate: Any, up: Any) -> Any:
    g, u = (a.astype(np.float64) for a in (gate, up))
    shares = [1 / (1 + np.exp(-a)) for a in (u, g)]
    both = [ops.swiglu(a, b) for a, b in ((gate, up), (up, gate))]
    within = [gate_rounding(a, b, gate.dtype) for a, b in ((gate, up), (up, gate))]
    one, other = (y.astype(np.float64) * share for y, share in zip(both, shares, strict=True))
    allowed = within[0] * shares[0] + within[1] * shares[1] + rounding(abs(g * u), np.float64) * 16
    return all_of(equal(one, other, within=allowed), gate_agrees(ops, both[0], gate, up))


@exchanged.counterexample(cases=lambda: ({"g": g, "u": u} for g in range(-2, 3) for u in range(-2, 3)))
def the_order_does_not_matter(ops: Operations, g: int, u: int) -> Any:
    gate, up = np.array([float(g)]), np.array([float(u)])
    within = gate_rounding(gate, up, np.float64) + gate_rounding(up, gate, np.float64)
    return equal(ops.swiglu(gate, up), ops.swiglu(up, gate), within=within)


derivatives = Claim(
    "gated.derivatives_are_exact",
    statement="Up to rounding, both cotangents are the cotangent ȳ times the derivatives of the formula: by the gate g "
    "and by u, which passes. Beyond a limit they are 0, and only there; at a limit itself either will do.",
    formula=r"\bar g = \bar y\,(u' + \beta)\,s'(g')\,[g < L], \qquad \bar u = \bar y\,s(g')\,[|u| < L]",
    legend={**SYMBOLS, "s": "the activation", "β": "what is added to u", "L": "the limit"},
    source="Griewank & Walther, Evaluating Derivatives (2008), §3",
    needs=("swiglu_vjp", "geglu_vjp"),
    tolerances=(gate_vjp_rounding,),
    refuted_by=(
        wrong.cotangents_exchanged, wrong.passes_beyond_the_limit, wrong.gate_stopped_below,
        wrong.beta_not_in_the_slope, wrong.share_alone, wrong.slope_of_the_exact_one,
    ),
)  # fmt: skip


@derivatives.property(SWIGLU_VJP.inputs(rows=10, most=40))
def of_swiglu(ops: Operations, **arguments: Any) -> Any:
    return SWIGLU_VJP.agrees(ops, **arguments)


@derivatives.property(GEGLU_VJP.inputs(rows=10, most=40), effort=0.5)
def of_geglu(ops: Operations, **arguments: Any) -> Any:
    return GEGLU_VJP.agrees(ops, **arguments)


@derivatives.exhaustive(around_the_limit)
def of_gpt_oss(ops: Operations, gate: Any, up: Any) -> Any:
    g = np.where(np.arange(gate.size) % 2, gate.dtype.type(1), gate.dtype.type(-3))
    return SWIGLU_VJP.agrees(ops, g=g, gate=gate, up=up, **CLAMPED)


alone = Claim(
    "gated.each_pair_by_itself",
    statement="A gate g and what passes, u, give the same up to rounding wherever they stand: in arrays of any shape, "
    "of counts up to 50,003, whatever the others are, NaN and infinity included. So do their cotangents.",
    formula=r"f(G, U)_i = f(G_i, U_i)",
    legend={"f": "SwiGLU or GEGLU", "G": "an array of gates", "U": "an array of the same shape"},
    needs=("swiglu", "geglu", "swiglu_vjp", "geglu_vjp"),
    limits=Limits(options=("alpha", "beta", "limit", "approximate")),
    tolerances=(gate_rounding, gate_vjp_rounding),
    refuted_by=(
        *common.of_each(common.family(wrong.tail_untouched), ("swiglu", "geglu_vjp")),
        *common.of_each(common.family(wrong.one_block_done), ("geglu", "swiglu_vjp")),
        *common.of_each(common.family(wrong.all_touch), ("geglu", "swiglu_vjp")),
    ),
)


def in_every_count(target: Target) -> Iterator[dict[str, Any]]:
    """A few pairs that repeat, every fifth of them strange, in every format and count; some on several axes."""
    rng = np.random.default_rng(7)
    for i, count in enumerate((0, 1, 2, 3, 4, 5, 7, 9, 31, 33, 64, 769, 1025, 16_385, 50_003)):
        name = target.dtypes[i % len(target.dtypes)]
        few = {part: as_dtype(rng.normal(size=19) * 3, name) for part in ("g", "gate", "up")}
        places = np.arange(count) % 19
        strange = np.arange(count) % 5 == 4
        odd = as_dtype([np.nan, np.inf, -np.inf], name)[np.arange(count) // 5 % 3]
        shape = {2: (1, 2), 4: (2, 1, 2), 64: (16, 4), 1: (), 769: (1, 769)}.get(count, (count,))
        many = {f"all_{part}": np.where(strange, odd, x[places]).reshape(shape) for part, x in few.items()}
        yield {**few, **many, "plain": ~strange}


def _repeated(y: Any, shape: Any, plain: Any) -> Any:
    """That an answer has a shape, and one answer to each of the 19 pairs; and those."""
    flat = np.asarray(y).ravel()
    places = np.arange(flat.size) % 19
    first = np.array([flat[plain & (places == i)][:1].sum() for i in range(19)], flat.dtype)
    seen = np.array([(plain & (places == i)).any() for i in range(19)])
    same = equal(flat[plain], first[places[plain]])
    return all_of(equal(np.shape(y), shape), same), first[seen], seen


@alone.exhaustive(in_every_count)
def values_do_not_depend_on_company(ops: Operations, g: Any, all_g: Any, gate: Any, up: Any, **given: Any) -> Any:
    relations = []
    for name in ("swiglu", "geglu"):
        y = getattr(ops, name)(given["all_gate"], given["all_up"])
        same, first, seen = _repeated(y, all_g.shape, given["plain"])
        options = {} if name == "swiglu" else {"approximate": "none"}
        relations += [same, gate_agrees(ops, first, gate[seen], up[seen], **options)]
    return all_of(*relations)


@alone.exhaustive(in_every_count)
def cotangents_do_not_depend_on_company(ops: Operations, g: Any, all_g: Any, gate: Any, up: Any, **given: Any) -> Any:
    relations = []
    for name in ("swiglu", "geglu"):
        both = getattr(ops, f"{name}_vjp")(all_g, given["all_gate"], given["all_up"])
        parts = [_repeated(y, all_g.shape, given["plain"]) for y in both]
        seen = parts[0][2]
        options = {} if name == "swiglu" else {"approximate": "none"}
        first = tuple(part[1] for part in parts)
        relations += [part[0] for part in parts]
        relations += [gate_pulled_agrees(ops, first, g[seen], gate[seen], up[seen], **options)]
    return all_of(*relations)
