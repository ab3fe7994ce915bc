"""Bugs that libraries shipped are caught, false alarms are not, and both are described as they should be."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from mathcore.cli import main
from mathcore.real_bugs import false_alarms, real_bugs
from mathcore.verify import catalogue, mutant
from mathcore.verify.real_bugs import Thread, accepted, judge, real_bug, source_of, threads

PROFILE = os.environ.get("MATHCORE_PROFILE", "quick")
BUGS, ALARMS = real_bugs(), false_alarms()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_a_bug_is_caught_by_its_claim(bug):
    assert judge(bug, profile=PROFILE, brief=True).finding is not None


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.id)
def test_a_false_alarm_is_accepted_by_every_claim_that_applies(alarm):
    results = list(accepted(alarm, profile=PROFILE, part=0.5))
    refuted = [f"{claim.id}: {result.detail}" for claim, result in results if result.outcome == "refuted"]
    assert not refuted
    assert sum(result.outcome == "holds" for _, result in results) > len(results) / 2


@pytest.mark.parametrize(
    ("name", "anchor"),
    [("turned_the_other_way", "rope.anchor"), ("sines_before_cosines", "sinusoidal_positional_encoding.anchor")],
)
def test_a_convention_that_is_not_declared_is_refuted(name, anchor):
    alarm = next(a for a in ALARMS if a.id == name)
    outcomes = {r.outcome for _, r in accepted(replace(alarm, conventions={}), anchor)}
    assert outcomes == {"refuted"}


@real_bug(mutant("relu", wraps=True), claim="relu.keeps_positive_zeroes_negative", reports="owner/name #1 (2020)")
def nothing_wrong(correct):
    """Is right."""
    return correct


def test_what_is_right_survives():
    judged = judge(nothing_wrong)
    assert (judged.finding, judged.others) == (None, ())


def test_other_claims_that_catch_a_bug_are_listed():
    bug = next(b for b in BUGS if b.id == "zeros_returned")
    assert {"softmax.three_steps", "softmax.accuracy"} <= set(judge(bug).others)


def test_bad_arguments_are_refused_as_they_should_be():
    bug = next(b for b in BUGS if b.id == "maximum_not_subtracted")
    with pytest.raises(TypeError, match="int64"):
        bug.mutant.build(lambda x: np.negative(x, dtype=None) if x.dtype.kind == "f" else _refuse(x))(np.arange(3))


def _refuse(x):
    raise TypeError(f"got {x.dtype}")


def test_names_are_unique_and_claims_exist():
    entries: list = [*BUGS, *ALARMS]
    names = [entry.id for entry in entries]
    assert len(set(names)) == len(names)
    assert {bug.claim for bug in BUGS} <= {claim.id for claim in catalogue()}
    assert all(entry.title and entry.reports for entry in entries)


def test_a_report_is_read_from_a_line():
    (found,) = threads("owner/name PR#12 (2024) fixed by somebody")
    assert found == Thread("owner/name", 12, 2024, pull=True, status="fixed by somebody")
    assert (str(found), found.url) == ("owner/name PR #12", "https://github.com/owner/name/pull/12")
    assert str(threads("owner/name #3 (2021)")[0]) == "owner/name#3"


def test_a_report_that_reads_otherwise_is_refused():
    with pytest.raises(ValueError, match=r"owner/name #12 \(2024\) status.*'name 12'"):
        threads("name 12")


def test_the_source_is_the_function_without_decorator_and_docstring():
    assert source_of(nothing_wrong.function) == "def nothing_wrong(correct):\n    return correct"


def test_the_command_lists_bugs_and_what_caught_them(tmp_path):
    file = tmp_path / "bugs.json"
    done = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(
        main, ["bugs", "nan_becomes_zero", "layers", "--json", str(file)]
    )
    assert done.exit_code == 0, done.output
    assert max(map(len, done.output.splitlines())) <= 80
    assert "nan_becomes_zero" in done.output
    assert "relu.keeps_positive_zeroes_negative" in done.output
    written = {b["id"]: b for b in json.loads(file.read_text())["bugs"]}
    assert set(written) == {b.id for b in BUGS if b.topic == "layers"}
    assert written["nan_becomes_zero"]["finding"]["inputs"]


def test_the_command_fails_if_a_bug_survives(monkeypatch):
    monkeypatch.setattr("mathcore.real_bugs.real_bugs", lambda: [nothing_wrong])
    done = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["bugs"])
    assert done.exit_code == 1
    assert "SURVIVES" in done.output


def test_the_command_knows_the_names():
    done = CliRunner().invoke(main, ["bugs", "nan_becomes_zer"])
    assert done.exit_code == 2
    assert "did you mean nan_becomes_zero," in done.output
