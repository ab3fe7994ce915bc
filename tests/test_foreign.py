"""Correct implementations of other people are not refuted, and `detect` finds their conventions; their bugs are found.

A few inputs for each check, and a part of the claims on JAX; MATHCORE_FOREIGN_SEEDS=0-19 tries all on 20 seeds, with as
many inputs as the quick profile.
"""

import os
from dataclasses import replace

import pytest

from mathcore.verify import Conventions, catalogue, detect, verify
from mathcore.verify.run.results import PROFILES, Profile
from mathcore.verify.run.runner import run_claim
from mathcore.verify.targets.probes import DETECTORS
from tests.foreign.bugs import BUGS
from tests.foreign.registry import FILES, missing, targets_of

MOST_CONVENTIONS = 3
ENOUGH = 40
QUICK = PROFILES["quick"]
OF_THE_FRAMEWORK = {"errors", "subnormals"}
"""Conventions that most operations do not show."""
FEW = Profile("few", 3, 0.05)
JAX_PART = 8
"""Of the claims about a target of JAX, one in so many is tried by one seed on few inputs."""


def seeds():
    first, _, last = (os.environ.get("MATHCORE_FOREIGN_SEEDS") or os.environ.get("MATHCORE_SEED", "0")).partition("-")
    return range(int(first), int(last or first) + 1)


def needs(packages):
    return f"needs {', '.join(packages)}: pip install -e '.[frameworks]'"


def entries():
    """Every target; a file whose packages are not here is one test that is skipped."""
    for file in FILES:
        if lacking := missing(file):
            yield pytest.param(None, id=file, marks=pytest.mark.skip(reason=needs(lacking)))
            continue
        for target in targets_of(file):
            yield pytest.param(target, id=target.name)


every_target = pytest.mark.parametrize("target", list(entries()))


@every_target
@pytest.mark.parametrize("seed", list(seeds()))
def test_what_is_right_is_not_refuted(target, seed, record_property):
    effort = QUICK if "MATHCORE_FOREIGN_SEEDS" in os.environ else FEW
    asked = [claim for claim in catalogue() if claim.speaks_of(target.operations)]
    if effort is FEW and target.adapter.name == "jax":  # which compiles every operation for every shape
        target = replace(target, restrictions=replace(target.restrictions, shapes=2))
        asked = asked[seed % JAX_PART :: JAX_PART]
    results = [run_claim(claim, target, None, effort, seed) for claim in asked]  # whether zeros pass is not asked
    outcomes = [result.outcome for result in results]
    wrong = [f"{result.claim}: {result.detail}" for result in results if result.outcome in ("refuted", "error")]
    assert not wrong, "\n".join(wrong)
    assert "holds" in outcomes
    record_property("claims that hold", outcomes.count("holds"))


@every_target
def test_conventions_are_few_and_detected(target):
    declared = Conventions().difference(target.conventions)
    assert len(declared) <= MOST_CONVENTIONS
    of_its_operations = {name for operation in target.operations for name in DETECTORS.get(operation, {})}
    assert set(declared) - of_its_operations <= OF_THE_FRAMEWORK
    found, declared = detect(target), {n: value for n, value in declared.items() if n in of_its_operations}
    assert {name: repr(found.value(name)) for name in declared} == {n: repr(v) for n, v in declared.items()}


def test_there_are_enough_of_them():
    here = [target.name for file in FILES if not missing(file) for target in targets_of(file)]
    assert len(set(here)) == len(here)
    if lacking := sorted({name for file in FILES for name in missing(file)}):
        pytest.skip(needs(lacking))
    assert len(here) >= ENOUGH


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.target}: {bug.name}")
def test_a_planted_bug_is_refuted(bug):
    if lacking := missing(bug.file):
        pytest.skip(needs(lacking))
    report = verify(bug.planted(targets_of(bug.file)), bug.claim, profile="quick", seed=0, workers=1)
    assert [result.outcome for _, result in report.results] == ["refuted"]
