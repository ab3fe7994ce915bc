"""Bugs that libraries shipped are caught, false alarms are not, and both are described as they should be."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from mathcore.cli import main
from mathcore.verify import catalogue, mutant
from mathcore.verify.claims import reported, reported_of
from mathcore.verify.false_alarms import accepted, false_alarms
from mathcore.verify.real_bugs import RealBug, judge, real_bugs, refusing
from mathcore.verify.reports import Thread, threads
from mathcore.verify.source import source_of, text_of

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


@reported("relu.keeps_positive_zeroes_negative", "owner/name #1 (2020)")
@mutant("relu", wraps=True)
def nothing_wrong(correct):
    """Is right."""
    return correct


HARMLESS = RealBug(nothing_wrong, next(c for c in catalogue() if c.id == nothing_wrong.shown_by))


def test_what_is_right_survives():
    judged = judge(HARMLESS)
    assert (judged.finding, judged.others) == (None, ())


def test_other_claims_that_catch_a_bug_are_listed():
    bug = next(b for b in BUGS if b.id == "zeros_returned")
    assert {"softmax.three_steps", "softmax.accuracy"} <= set(judge(bug).others)


def test_others_must_catch_a_bug_for_what_is_wrong_with_it_alone():
    bug = next(b for b in BUGS if b.id == "maximum_not_subtracted")
    integers = np.arange(3)
    assert bug.mutant.build(_floats_only)(integers).dtype == integers.dtype
    with pytest.raises(TypeError, match="int64"):
        refusing(bug.mutant).build(_floats_only)(integers)


def _floats_only(x, **options):
    if x.dtype.kind != "f":
        raise TypeError(f"got {x.dtype}")
    return x


def test_a_bug_that_only_crashes_is_caught_by_the_crash():
    bug = next(b for b in BUGS if b.id == "odd_width_crashes")
    assert bug.mutant.crashes
    assert judge(bug, brief=True).finding.crashed
    assert judge(replace(bug, mutant=replace(bug.mutant, crashes=False)), brief=True).finding is None


def test_names_are_unique_and_all_is_said():
    entries: list = [*BUGS, *ALARMS]
    names = [entry.id for entry in entries]
    assert len(set(names)) == len(names)
    assert all(bug.section and bug.source for bug in BUGS)
    assert all(entry.title and entry.reports for entry in entries)


def test_every_mutant_that_was_reported_is_shown_once():
    reports = {(m.operation, m.name): m for c in catalogue() for m in c.refuted_by if m.reports}
    assert sorted((bug.mutant.operation, bug.mutant.name) for bug in BUGS) == sorted(reports)


def test_a_bug_keeps_the_name_that_links_to_it_have():
    first = {"ragged_tail_not_summed", "running_maximum_starts_at_zero", "heads_tiled", "odd_width_crashes"}
    assert first <= {bug.id for bug in BUGS}


def test_of_a_family_only_the_operation_that_was_reported_has_reports():
    family = reported_of("relu", "relu.pure", "owner/name #1 (2020)", alias="other")(lambda name: mutant(name)(_same))
    assert [len(family(name).reports) for name in ("relu", "softmax")] == [1, 0]
    assert family("relu").alias == "other"


def _same(x):
    """Returns what it was given."""
    return x


def test_a_report_is_read_from_a_line():
    (found,) = threads("owner/name PR#12 (2024) fixed by somebody")
    assert found == Thread("owner/name", 12, 2024, pull=True, status="fixed by somebody")
    assert (str(found), found.url) == ("owner/name PR #12", "https://github.com/owner/name/pull/12")
    assert str(threads("owner/name #3 (2021)")[0]) == "owner/name#3"


def test_a_report_that_reads_otherwise_is_refused():
    with pytest.raises(ValueError, match=r"owner/name #12 \(2024\) status.*'name 12'"):
        threads("name 12")


def test_the_source_is_the_function_without_decorator_and_docstring():
    assert source_of(_same) == "def _same(x):\n    return x"


def test_the_source_of_a_mutant_is_the_function_that_it_was_made_of():
    assert text_of(nothing_wrong) == "def nothing_wrong(correct):\n    return correct"


def test_the_source_of_a_mutant_made_by_a_call_is_the_call():
    bug = next(b for b in BUGS if b.id == "heads_reshaped")
    assert bug.source.startswith('drafted(\n    "merged_by_reshape",')


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
    assert set(written) == {b.id for b in BUGS if b.claim.topic == "layers"}
    assert written["nan_becomes_zero"]["finding"]["inputs"]


def test_the_command_fails_if_a_bug_survives(monkeypatch):
    monkeypatch.setattr("mathcore.verify.real_bugs.real_bugs", lambda: [HARMLESS])
    done = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["bugs"])
    assert done.exit_code == 1
    assert "SURVIVES" in done.output


def test_the_command_knows_the_names():
    done = CliRunner().invoke(main, ["bugs", "nan_becomes_zer"])
    assert done.exit_code == 2
    assert "did you mean nan_becomes_zero," in done.output
