"""What must be true of the Jacobian of softmax: FAQ 17."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.probability import inputs
from mathcore.probability import row_mutants as wrong
from mathcore.probability.row_laws import rows_with_cotangents, stencils, steps
from mathcore.probability.row_tolerances import central_difference
from mathcore.probability.softmax_tolerances import softmax_rounding, softmax_vjp_rounding
from mathcore.probability.textbook import distribution, probabilities
from mathcore.verify import Claim, Limits, Operations, all_of, at_least, at_most, enclose, equal, given_that, score_rows
from mathcore.verify.oracle.dual import third_derivative_bound
from mathcore.verify.oracle.enclosures import true_matmul

jacobian = Claim(
    "softmax.jacobian",
    faq=17,
    statement="The Jacobian of softmax is diag(p) − ppᵀ: its rows sum to zero, it is symmetric and positive "
    "semidefinite, and it shortens every vector v to half its length or less, all up to rounding.",
    formula=r"J = \operatorname{diag}(p) - pp^\top, \qquad J\mathbf 1 = 0, \quad 0 \le \langle v, Jv\rangle \le "
    r"\tfrac12\lVert v\rVert^2",
    needs=("softmax", "softmax_vjp"),
    limits=Limits(
        options=("axis", "where", "dtype"),
        formats=("softmax.float32", "softmax.float16", "softmax.bfloat16"),
        rows=6,
        width=6,
        assumes=(inputs.A_SCORE,),
    ),
    tolerances=(softmax_rounding, softmax_vjp_rounding, central_difference),
    refuted_by=(
        wrong.mean_forgotten,
        wrong.diagonal_only,
        wrong.plain_mean,
        wrong.pulled_to_zero,
        wrong.scores_for_probabilities,
    ),
)


@jacobian.property(x=score_rows(most=8, rows=1))
def vjp_is_diag_p_minus_ppt(ops: Operations, x: Any) -> Any:
    given_that(inputs.all_see_a_score(x), inputs.A_SCORE)
    n, p, how = x.shape[-1], probabilities(x), (x.dtype, ops.conventions.summation)
    rows, basis, ones = np.tile(x, (n, 1)), np.eye(n, dtype=x.dtype), np.ones_like(x)
    true = enclose(lambda x: np.diag(distribution(x)) - np.outer(distribution(x), distribution(x)), x[0])
    return all_of(
        equal(ops.softmax_vjp(basis, rows), true, within=softmax_vjp_rounding(basis, rows, p, *how)),
        equal(ops.softmax_vjp(ones, x), np.zeros_like(p), within=softmax_vjp_rounding(ones, x, p, *how)),
    )


@jacobian.property(rows_with_cotangents(most=65, rows=2))
def jacobian_is_symmetric_and_semidefinite(ops: Operations, x: Any, g: Any) -> Any:
    x, how = np.broadcast_to(x[:1], x.shape), (x.dtype, ops.conventions.summation)  # one row, two directions u and v
    pulled, allowed = ops.softmax_vjp(g, x), softmax_vjp_rounding(g, x, probabilities(x), *how)
    (u, v), (ju, jv) = g, pulled
    form, norm = (true_matmul(u[None], w[:, None])[0, 0] for w in (ju, u))
    across = true_matmul(np.r_[u, -v][None], np.r_[jv, ju][:, None])[0, 0]  # ⟨u, Jv⟩ − ⟨v, Ju⟩
    return all_of(
        at_most(0.0, form, within=allowed[0].weighted(u)),
        at_least(norm.hi / 2 * (1 + 2.0**-50), form, within=allowed[0].weighted(u)),
        equal(0.0, across, within=allowed[1].weighted(u) + allowed[0].weighted(v)),
    )


@jacobian.property(stencils())
def jacobian_is_the_central_difference(ops: Operations, x: Any, g: Any) -> Any:
    along, how = steps(x), (x.dtype, ops.conventions.summation)
    rows = np.repeat(x, len(along), 0)
    ahead, behind = ops.softmax(x + along).astype(np.float64), ops.softmax(x - along).astype(np.float64)
    pulled = ops.softmax_vjp(along, rows)  # row i: the derivatives of p_i, times the step
    third = third_derivative_bound(distribution, (rows,), (along,))
    allowed = central_difference(third, ahead - behind) + softmax_vjp_rounding(along, rows, probabilities(x), *how)
    for moved in (x + along, x - along):
        allowed = allowed + softmax_rounding(moved, probabilities(moved), *how) * 0.5
    return equal((ahead - behind) / 2, pulled.T, within=allowed)


@jacobian.proof
def jacobian_identities_hold(ops: Operations) -> Any:
    """Two polynomial identities in p and v; every monomial names two indices at most, so three suffice for any number.

    With Σp = 1 the first says ⟨v, Jv⟩ = Σ p_i p_j (v_i − v_j)² over pairs, which is ≥ 0. The second says that the
    largest row sum of |J|, 2p(1 − p), never exceeds ½, and for a symmetric matrix that bounds every eigenvalue.
    """
    from flint import Ordering, fmpq_mpoly_ctx

    a, b, c, x, y, z = fmpq_mpoly_ctx.get(["a", "b", "c", "x", "y", "z"], Ordering.lex).gens()
    form = (a + b + c) * (a * x**2 + b * y**2 + c * z**2) - (a * x + b * y + c * z) ** 2
    pairs = a * b * (x - y) ** 2 + a * c * (x - z) ** 2 + b * c * (y - z) ** 2
    slack = 1 - 4 * a * (1 - a) - (2 * a - 1) ** 2
    return equal(len(form - pairs) + len(slack), 0)  # both differences vanish identically
