"""What must be true of a matrix as a product of two thinner ones: FAQ 13."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.layers import linear_mutants
from mathcore.layers import low_rank_mutants as wrong
from mathcore.layers.law_claims import sizes, work_of
from mathcore.verify import Claim, Limits, Operations, Target, all_of, domain, equal, less
from mathcore.verify.adversary import PERTURBATIONS
from mathcore.verify.domains import Draw
from mathcore.verify.limits import SHORT_FORMATS
from mathcore.verify.oracle.matrices import draw_with_singular_values, score_table_rounding

is_smaller = Claim(
    "lowrank.is_smaller",
    faq=13,
    verdict="holds_if",
    condition="r < mn/(m + n). At r = mn/(m + n) there are as many of either, beyond it more.",
    statement="Two thin matrices, (m, r) and (r, n), hold fewer numbers and take fewer multiplications than the "
    "(m, n) matrix that they stand for.",
    formula=r"r(m + n) < mn \iff r < \frac{mn}{m + n}",
    needs=("linear", "low_rank"),
    limits=Limits(options=("bias",), formats=SHORT_FORMATS, width=12),
    refuted_by=(linear_mutants.computes_the_product, wrong.full_factors),
)


@is_smaller.exact(sizes(), effort=0.5)
def numbers_and_multiplications_are_counted(ops: Operations, m: int, n: int, r: int, counts: bool) -> Any:
    left, right = ops.low_rank(np.eye(m, n) - 0.5, r)
    x, factors, whole = np.ones((1, m), int), (np.ones((m, r), int), np.ones((r, n), int)), np.ones((m, n), int)
    through_both, through_one = (work_of(ops, x, *f, counts=counts)[0] for f in (factors, (whole,)))
    return all_of(
        equal([left.size + right.size, through_both, through_one], [r * (m + n), r * (m + n), m * n]),
        equal(through_both < through_one, Fraction(r) < Fraction(m * n, m + n)),
        equal(through_both == through_one, Fraction(r) == Fraction(m * n, m + n)),
    )


@is_smaller.counterexample(sizes())
def factors_always_hold_fewer_numbers(ops: Operations, m: int, n: int, r: int, counts: bool) -> Any:
    left, right = ops.low_rank(np.eye(m, n), r)
    return less(left.size + right.size, m * n)


error_is_the_tail = Claim(
    "lowrank.error_is_the_tail",
    faq=13,
    statement="The best two thin matrices L and R of rank r miss W by its (r + 1)-th singular value in the spectral "
    "norm, and by the root of the squares of that and all that follow in Frobenius norm, up to rounding: by nothing if "
    "the rank was at most r.",
    legend={"σ": "the singular values of W, the largest first", "F": "Frobenius"},
    formula=r"\lVert W - LR\rVert_2 = \sigma_{r+1}, \qquad \lVert W - LR\rVert_F^2 = \sum_{i>r}\sigma_i^2",
    limits=Limits(
        fixed=dict.fromkeys(PERTURBATIONS, "matrices whose singular values are known"),
        also=("no singular value overflows",),
    ),
    source="Eckart & Young (1936), doi:10.1007/BF02288367; Mirsky (1960), doi:10.1093/qmath/11.1.50",
    needs=("low_rank",),
    tolerances=(score_table_rounding,),
    refuted_by=(
        wrong.one_rank_short, wrong.smallest_kept, wrong.first_columns, wrong.values_not_split, wrong.columns_centred,
        wrong.signs_of_one_side_lost,
    ),
)  # fmt: skip


@domain
def spectra(draw: Draw, target: Target) -> dict[str, Any]:
    """A matrix whose singular values are known, those values, zeros and equal ones among them, and a rank."""
    weight, values = draw_with_singular_values(draw, draw(st.sampled_from(target.dtypes)), most=300)
    return {"weight": weight, "values": values, "rank": draw(st.integers(1, len(values)))}


@error_is_the_tail.property(spectra())
def errors_equal_the_tail(ops: Operations, weight: Any, values: Any, rank: int) -> Any:
    left, right = (np.asarray(factor, np.float64) for factor in ops.low_rank(weight, rank))
    missed = weight.astype(np.float64) - left @ right
    within = score_table_rounding(weight, rank, weight.dtype) + score_table_rounding(weight, 0, np.float64)
    return all_of(
        equal([*left.shape, *right.shape], [len(weight), rank, rank, weight.shape[1]]),
        equal(np.linalg.svd(missed, compute_uv=False)[0], [*values, 0.0][rank], within=within),
        equal(np.sqrt((missed**2).sum()), np.sqrt((values[rank:] ** 2).sum()), within=within),
    )
