"""What must be true of the gated MLP."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import gated_mutants as wrong
from mathcore.layers.gated_records import BIASES, GATED_MLP, GATED_MLP_VJP, mlp_agrees
from mathcore.layers.gated_tolerances import gated_mlp_rounding, gated_mlp_vjp_rounding
from mathcore.verify import Claim, Limits, Operations, Target
from mathcore.verify.domains import Draw, domain
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.relations import all_of, equal, raises

SHAZEER = "Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202, equation 6"
_FINITE = {"scale": "nothing overflows"}

formula = Claim(
    "gated_mlp.is_the_formula",
    statement="A gated MLP is two layers of the row x side by side, the activation s of one times the other, and a "
    "third layer, up to rounding: with biases and without, with each activation, and with the options of `swiglu`.",
    formula=r"y = \big(s(x W_g + b_g) \odot (x W_u + b_u)\big)\, W_d + b_d",
    legend={"W": "the matrices of gate g, up u and down d", "b": "their biases", "u": "up"},
    source=SHAZEER,
    needs=("gated_mlp",),
    limits=Limits(fixed=_FINITE),
    tolerances=(gated_mlp_rounding,),
    refuted_by=(
        wrong.matrices_exchanged, wrong.biases_forgotten, wrong.bias_of_the_result_forgotten, wrong.always_silu,
        wrong.tanh_for_exact, wrong.first_unit_counts_less, wrong.last_unit_lost,
    ),
)  # fmt: skip


@formula.property(GATED_MLP.inputs(rows=9, most=33))
def agrees_with_the_textbook(ops: Operations, **arguments: Any) -> Any:
    return GATED_MLP.agrees(ops, **arguments)


pulled = Claim(
    "gated_mlp.derivatives_are_exact",
    statement="Up to rounding, the cotangents of a gated MLP are those of its formula f: of x, of the three matrices, "
    "and of those biases that were given, in that order.",
    formula=r"\langle \bar x, d\rangle = \frac{d}{dt}\,\langle \bar y, f(x + td)\rangle\Big|_{t = 0}",
    legend={"x": "any of the arrays", "d": "a direction", "y": "what comes out"},
    source="Griewank & Walther, Evaluating Derivatives (2008), §3",
    needs=("gated_mlp_vjp",),
    limits=Limits(fixed=_FINITE),
    tolerances=(gated_mlp_vjp_rounding,),
    refuted_by=(wrong.gate_not_in_x, wrong.rows_beyond_the_first_lost),
)


@pulled.property(GATED_MLP_VJP.inputs(rows=9, most=31), effort=0.5)
def cotangents_are_right(ops: Operations, **arguments: Any) -> Any:
    return GATED_MLP_VJP.agrees(ops, **arguments)


permuted = Claim(
    "gated_mlp.hidden_units_have_no_order",
    statement="Hidden units may be put in any order, in the columns of gate and up, their biases and the rows of down: "
    "the result y stays the same up to rounding, for only the order of the last sum changes. So units that are "
    "exchanged, or taken away where their row of down is 0, are no other function.",
    formula=r"(s(x W_g P) \odot x W_u P)\, P^\top W_d = (s(x W_g) \odot x W_u)\, W_d",
    legend={
        "W": "the matrices of gate g, up u and down d",
        "P": "any permutation",
        "s": "the activation",
        "u": "up",
    },
    source=SHAZEER,
    needs=("gated_mlp",),
    limits=Limits(fixed=_FINITE),
    tolerances=(gated_mlp_rounding,),
    refuted_by=(wrong.first_unit_counts_less, wrong.last_unit_lost),
)


@domain
def layers_in_another_order(draw: Draw, target: Target) -> dict[str, Any]:
    """A layer of at least two hidden units, an order of them, and units whose row of down is 0."""
    drawn = GATED_MLP.draw(draw, target, rows=9, width=draw(st.integers(2, 33)))
    drawn["down"][: draw(st.integers(0, 1))] = 0
    return {**drawn, "seed": draw(st.integers(0, 99))}


@permuted.property(layers_in_another_order(), effort=0.5)
def the_order_does_not_matter(ops: Operations, seed: int, **given: Any) -> Any:
    order = np.random.default_rng(seed).permutation(len(given["down"]))
    columns = {name: given[name][..., order] for name in ("gate", "up", *BIASES[:2]) if given[name] is not None}
    other = {**given, **columns, "down": given["down"][order]}
    used = np.flatnonzero((given["down"] != 0).any(1))
    fewer = {name: value[..., used] for name, value in given.items() if name in columns}
    fewer = {**given, **fewer, "down": given["down"][used]}
    return all_of(*(mlp_agrees(ops, GATED_MLP.answer(ops, **which), **given) for which in (given, other, fewer)))


refused = Claim(
    "gated_mlp.refuses_what_does_not_fit",
    statement="No rows, no inputs and no hidden units at all give zeros, or the bias; matrices and biases that do not "
    "fit are errors that say so.",
    formula=r"y = b_d \text{ where nothing is added up}",
    legend={"y": "the result", "b": "the bias of down"},
    needs=("gated_mlp",),
    limits=Limits(
        options=("gate_bias", "up_bias", "activation", "alpha", "beta", "limit"),
        formats=SHORT_FORMATS, rows=2, width=4,
        signs=tuple(f"gated_mlp.{name} >= 0" for name in ("x", "gate", "up", "down", "down_bias")),
    ),
    refuted_by=(wrong.any_shape,),
)  # fmt: skip


@refused.exact(rows=st.integers(0, 2), inputs=st.integers(0, 2), hidden=st.integers(0, 2), effort=0.5)
def edges(ops: Operations, rows: int, inputs: int, hidden: int) -> Any:
    x, up, down = np.ones((rows, inputs)), np.ones((inputs, hidden)), np.ones((hidden, 3))
    bias, longer, wide = np.arange(3.0), np.ones(4), np.ones((inputs + 1, hidden))
    empty = ops.gated_mlp(x, up * 0, up, down, down_bias=bias)
    return all_of(
        equal(empty, np.broadcast_to(bias, (rows, 3))),
        raises(lambda: ops.gated_mlp(x, up, wide, down), ValueError, saying=(str(up.shape), str(wide.shape))),
        raises(lambda: ops.gated_mlp(x, wide, wide, down), ValueError, saying=(str(x.shape), str(wide.shape))),
        raises(lambda: ops.gated_mlp(x, up, up, np.ones((hidden + 1, 3))), ValueError, saying=("down",)),
        raises(lambda: ops.gated_mlp(x, up, up, down, down_bias=longer), ValueError, saying=("down_bias", "(4,)")),
    )
