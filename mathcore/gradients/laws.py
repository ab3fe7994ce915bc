"""What is true of every derivative: pairing with it gives the differential, and central differences agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.gradients import gradients_mutants as wrong
from mathcore.gradients.gradients_tolerances import pulled_back, weighted_value
from mathcore.gradients.records import (
    Arrays,
    Primitive,
    cotangent,
    examples,
    step,
)
from mathcore.probability.row_tolerances import central_difference
from mathcore.verify import Claim, Mutant, Operations, enclose
from mathcore.verify.limits import EVERYWHERE, Limits
from mathcore.verify.oracle.dual import derivative, third_derivative_bound
from mathcore.verify.relations import all_of, equal

GRIEWANK = "Griewank & Walther, Evaluating Derivatives (2008), §3"


def paired(gradients: Any, directions: Any) -> Any:
    """⟨x̄, d⟩ over all arrays."""
    return sum((np.asarray(g, np.float64) * d).sum() for g, d in zip(gradients, directions, strict=True))


def differences_agree(of: Primitive, ops: Operations, arrays: Arrays, other: Any, directions: Any, seed: int) -> Any:
    """(⟨g, f(x + d)⟩ − ⟨g, f(x − d)⟩) / 2 against ⟨x̄, d⟩, d a short step along all arrays at once."""
    dtype, h = arrays[0].dtype, step(arrays[0].dtype)
    d = tuple(h * v for v in directions)
    ahead, behind = (tuple((x + s * v).astype(dtype) for x, v in zip(arrays, d, strict=True)) for s in (1, -1))
    high, low = (of.value(ops, x, other).astype(np.float64) for x in (ahead, behind))
    g = cotangent(high.shape, seed, dtype)
    gradients, weighted = of.pulled(ops, g, arrays, other), of.weighted(g.astype(np.float64), other)
    if of.exact:
        return equal((g * (high - low)).sum() / 2, paired(gradients, d))
    third = third_derivative_bound(weighted, arrays, d)
    within = central_difference(third, abs(g * (high - low)).sum(), g.size)
    within = within + (weighted_value(weighted, ahead, dtype) + weighted_value(weighted, behind, dtype)) * 0.5
    within = within + pulled_back(weighted, arrays, d, gradients, dtype)
    return equal((g * (high - low)).sum() / 2, paired(gradients, d), within=within)


def pairs_alike(of: Primitive, ops: Operations, arrays: Arrays, other: Any, directions: Any, seed: int) -> Any:
    """⟨g, Jd⟩ against ⟨Jᵀg, d⟩, Jd the exact derivative of the textbook's formula along d."""
    shape = np.shape(enclose(lambda *x: of.formula(*x, **other), *arrays).hi)
    g = cotangent(shape, seed, arrays[0].dtype)
    gradients, weighted = of.pulled(ops, g, arrays, other), of.weighted(g.astype(np.float64), other)
    true = derivative(weighted, arrays, directions)
    within = None if of.exact else pulled_back(weighted, arrays, directions, gradients, arrays[0].dtype)
    kept = (equal(np.shape(p), np.shape(x)) for p, x in zip(gradients, arrays, strict=True))
    return all_of(equal(paired(gradients, directions), true, within=within), *kept)


Agreement = Callable[..., Any]


def of_each(claim: Claim, primitives: tuple[Primitive, ...], agree: Agreement, effort: float) -> None:
    """One rung for each operation, so that a target may offer any of them."""
    for of in primitives:

        @claim.property(examples(of), effort=effort)
        def agrees_with_the_derivative(ops: Operations, of: Primitive = of, **example: Any) -> Any:
            return agree(of, ops, **example)


def all_needs(primitives: tuple[Primitive, ...]) -> tuple[str, ...]:
    """The operations and their derivatives."""
    return tuple(name for of in primitives for name in of.needs)


def gradient_of(of: Primitive, by: str, *refuted_by: Mutant, limits: Limits = EVERYWHERE) -> Claim:
    """Both for a single operation, with more of everything; `by` names the arrays that it is differentiated by."""
    claim = Claim(
        f"gradient.of_{of.name}",
        statement=f"`{of.name}_vjp` is the derivative of `{of.name}` by {by}: up to rounding it agrees with the exact "
        "derivative of the textbook formula along any direction d, and with central differences of the operation "
        "itself.",
        formula=r"\langle \bar x, d\rangle = \frac{d}{dt}\,\langle \bar y, f(x + td)\rangle\Big|_{t = 0}",
        source=GRIEWANK,
        needs=of.needs,
        limits=limits,
        tolerances=(central_difference, weighted_value, pulled_back),
        refuted_by=(*wrong.of(of.needs[1]), *refuted_by),
    )
    of_each(claim, (of,), pairs_alike, effort=0.5)
    of_each(claim, (of,), differences_agree, effort=0.25)
    return claim
