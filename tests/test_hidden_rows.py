"""Rows of −∞ alone, which the search beyond the domain can make of masked scores: no claim is refuted by one."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from mathcore.probability.softmax_tolerances import softmax_rounding
from mathcore.probability.textbook import distribution, probabilities
from mathcore.verify import catalogue, domains, enclose, equal, mathcore_target
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_check

CLAIMS = {claim.id: claim for claim in catalogue()}
CHECKS = [
    (claim, check)
    for claim in CLAIMS.values()
    for check in claim.checks
    if check.inputs and not check.counterexample
    if "score_rows(" in inspect.getsource(inspect.getmodule(check.body))
]
PROFILE = replace(PROFILES["quick"], examples=40)  # an eighth of the rows are masked: none at all in 1 of 200 runs


def outcome(claim, check):
    """What becomes of a check whose masked rows see nothing; a crash does not count, as beyond the domain."""
    return run_check(claim, check, mathcore_target(), PROFILE, 0, shrink=False, past_crashes=True).outcome


@pytest.fixture(autouse=True)
def hidden(monkeypatch):
    monkeypatch.setitem(domains._SHAPES, "masked", lambda draw, x, dtype: np.full_like(x, -np.inf))


@pytest.mark.parametrize(("claim", "check"), CHECKS, ids=[f"{c.id}:{k.body.__name__}" for c, k in CHECKS])
def test_a_row_of_minus_infinity_refutes_no_claim(claim, check):
    assert outcome(claim, check) == "holds"


def test_a_claim_that_forgets_such_rows_is_refuted():
    claim = CLAIMS["softmax.permutation_equivariant"]
    (check, *_) = claim.checks

    def forgets(ops, x, seed):
        allowed = softmax_rounding(x, probabilities(x), x.dtype, ops.conventions.summation)
        return equal(ops.softmax(x), enclose(distribution, x), within=allowed)

    assert outcome(claim, replace(check, body=forgets, effort=20.0)) == "refuted"
