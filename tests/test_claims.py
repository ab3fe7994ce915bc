"""Every claim stands on mathcore, and every wrong implementation that it names is refuted."""

import os

import pytest

from mathcore.verify import catalogue, mathcore_target
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import derived_seed, refutes, run_check

PROFILE = PROFILES[os.environ.get("MATHCORE_PROFILE", "quick")]
SEED = int(os.environ.get("MATHCORE_SEED", "0"))
CLAIMS = catalogue()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claim_stands(claim):
    assert claim.checks, "a claim without a check says nothing"
    for i, check in enumerate(claim.checks):
        result = run_check(claim, check, mathcore_target(), PROFILE, derived_seed(SEED, claim.id, i))
        assert result.outcome == "holds", f"{check.rung}: {result.detail}\n{result.finding}"


@pytest.mark.parametrize(
    ("claim", "mutant"),
    [pytest.param(c, m, id=f"{c.id}-{m.name}") for c in CLAIMS for m in c.refuted_by],
)
def test_wrong_implementation_is_refuted(claim, mutant):
    assert refutes(claim, mutant, mathcore_target(), PROFILE, SEED), mutant.note


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claim_can_fail(claim):
    searched = any(check.counterexample for check in claim.checks)
    assert claim.refuted_by or searched, "nothing shows that this claim can fail"
    assert searched or claim.verdict == "holds", "a verdict other than `holds` is shown by a counterexample"
