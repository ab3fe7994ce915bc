"""The command line: exit statuses, messages, and what fits on a terminal."""

import json
import time
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from mathcore.cli import main

CLAIM = "linear.layer_is_a_matrix"

TARGETS = """
import numpy as np
from mathcore.verify import Target

def linear(x, weight, bias=None):
    return np.asarray(x).astype(float) @ np.asarray(weight).astype(float)

def right(x, weight, bias=None):
    x, weight = np.asarray(x), np.asarray(weight)
    wide = np.result_type(x, weight, np.float32) if x.dtype.itemsize < 4 else np.result_type(x, weight)
    y = x.astype(wide) @ weight.astype(wide)
    return (y if bias is None else y + np.asarray(bias).astype(wide)).astype(np.result_type(x, weight))

def transposed(x, weight, bias=None):
    return right(x, np.asarray(weight).T, bias)

def without_bias(x, weight, bias=None):
    return right(x, weight)

def rope(x, positions):
    import mathcore
    return mathcore.rope(x, -positions, interleaved=True)

WRONG = Target("wrong", {"linear": linear})
EMPTY = Target("empty", {})
TRANSPOSED = Target.numpy("transposed", linear=transposed)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "kernels_under_test.py").write_text(TARGETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def run(*args):
        return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, args)

    return run


def test_success_is_0_and_the_report_is_written(run, tmp_path):
    result = run("verify", CLAIM, "--profile", "quick", "--seed", "5", "--json", "v.json")
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "v.json").read_text())
    assert (data["schema"], data["seed"], data["counts"]["holds"]) == (1, 5, 1)
    assert max(map(len, result.output.splitlines())) <= 80
    assert "1 claims on mathcore: 1 holds" in result.output


def test_a_refuted_claim_is_1_and_says_why(run):
    result = run("verify", CLAIM, "--profile", "quick", "--target", "kernels_under_test:WRONG")
    assert result.exit_code == 1
    assert "fails: error" in result.output
    assert "bias = " in result.output


def test_nothing_offered_is_not_a_pass(run):
    result = run("verify", CLAIM, "--profile", "quick", "--target", "kernels_under_test:EMPTY")
    assert result.exit_code == 1
    assert "not offered" in result.output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["verify", "linear.layer_is_matrix"], "did you mean linear.layer_is_a_matrix"),
        (["verify", "--profile", "enormous"], "'quick', 'default', 'thorough'"),
        (["verify", "--seed", "-1"], "-1"),
        (["verify", CLAIM, "--target", "kernels_under_test"], "MODULE:NAME"),
        (["verify", CLAIM, "--target", "no_such_module:T"], "no_such_module"),
        (["verify", CLAIM, "--target", "kernels_under_test:NOTHING"], "NOTHING"),
        (["verify", CLAIM, "--target", "kernels_under_test:linear"], "must be a mathcore.verify.Target, got function"),
        (["show", "softmacs"], "no claim or topic"),
        (["claims", "liner"], "did you mean"),
        (["verify", "linaer=kernels_under_test:right"], "did you mean linear"),
        (["verify", "linear=kernels_under_test"], "MODULE:NAME"),
        (["verify", "linear=kernels_under_test:nothing"], "nothing"),
        (["verify", "linear=kernels_under_test:right", "--target", "kernels_under_test:WRONG"], "or as OPERATION"),
        (["verify", CLAIM, "--adapter", "torch"], "need OPERATION=MODULE:NAME"),
        (["verify", "linear=kernels_under_test:right", "--dtype", "float8"], "--dtype must be one of float64"),
        (["verify", "linear=kernels_under_test:right", "--convention", "layout=x"], "there are summation"),
        (["verify", "linear=kernels_under_test:right", "--convention", "linear_weight=x"], "in-out, out-in"),
        (["verify", "linear=kernels_under_test:right", "--widths", "x"], "--widths is given as numbers"),
        (["verify", CLAIM, "--budget", "soon"], "60s or 5m"),
        (["verify", CLAIM, "--waivers", "none.toml"], "cannot be read"),
        (["verify", "--self-test", "linear.layer_is_matrix"], "did you mean"),
        (["detect"], "name either functions"),
        (["detect", "rope"], "OPERATION=MODULE:NAME"),
        (["detect", "--target", "kernels_under_test:EMPTY"], "no operation of empty"),
    ],
)
def test_a_bad_call_is_2_and_says_what_was_expected(run, args, words):
    result = run(*args)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_claim_is_shown_whole(run):
    result = run("show", CLAIM)
    assert result.exit_code == 0
    for words in (
        "formula",
        "tolerance dot_product",
        "must refute",
        "bias_forgotten",
        "mathcore/layers/linear_claims.py:",
    ):
        assert words in result.output


def test_claims_are_listed(run):
    result = run("claims", "layers")
    assert result.exit_code == 0
    assert CLAIM in result.output


def quick(run, *args):
    return run("verify", "linear=kernels_under_test:right", CLAIM, "--profile", "quick", "--seed", "5", *args)


def test_functions_are_named_on_the_command_line(run):
    result = quick(run, "--dtype", "float32", "--isolate")
    assert result.exit_code == 0, result.output
    assert "1 claims on kernels_under_test:right: 1 holds" in result.output


def test_a_declared_convention_is_followed_and_an_undeclared_one_suggested(run):
    args = ("verify", "linear=kernels_under_test:transposed", CLAIM, "--profile", "quick", "--seed", "5")
    assert run(*args, "--convention", "linear_weight=out-in").exit_code == 0
    result = run(*args, "--dtype", "float64")
    assert result.exit_code == 1
    assert "raised ValueError" in result.output


@pytest.mark.parametrize(
    "command",
    [
        *(("verify", option) for option in ("--json", "--json-lines", "--junit", "--markdown")),
        ("sweep", "relu", "--json"),
        ("bugs", "--json"),
        ("exercise", "17", "made.py", "--json"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(run, tmp_path, command):
    (tmp_path / "made.py").write_text("")
    for place, words in (("missing/r.json", "there is no folder"), (".", "is a directory"), ("made.py/x", "no folder")):
        result = run(*command, place)
        assert (result.exit_code, words in " ".join(result.output.split())) == (2, True), result.output


def test_reports_are_written_and_add_up(run, tmp_path):
    args = ("--json", "r.json", "--junit", "r.xml", "--markdown", "r.md")
    bad = ("verify", "linear=kernels_under_test:without_bias", "--profile", "quick", "--seed", "5")
    asked = ("approximation.linear_cannot", "linear.nothing_is_hidden", "linear.associative", "linear.gradient")
    assert run(*bad, *asked, *args).exit_code == 1
    data = json.loads((tmp_path / "r.json").read_text())
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()
    page = (tmp_path / "r.md").read_text()
    counts = data["counts"]
    assert counts["claims"] == sum(counts.values()) - counts["claims"] == len(data["claims"])
    assert int(suite.get("tests")) == counts["claims"] == len(suite.findall("testcase"))
    assert int(suite.get("failures")) == counts["refuted"] == len(suite.findall(".//failure")) > 0
    assert int(suite.get("skipped")) == counts["not_offered"] == len(suite.findall(".//skipped")) > 0
    assert counts["refuted"] > 1
    assert counts["holds"] > 0
    assert page.count("| refuted |") == counts["refuted"]
    assert "**Failed**" in page
    command = "linear=kernels_under_test:without_bias --adapter numpy --profile quick --seed 5"
    assert data["command"] == f"mathcore verify {' '.join(asked)} {command}"
    assert data["not_checked"]


def test_a_budget_is_spent_on_fresh_inputs(run, tmp_path):
    begin = time.monotonic()
    assert quick(run, "--workers", "1", "--json", "a.json").exit_code == 0
    passes = 5 * (time.monotonic() - begin)  # room for several, however busy the machine is
    (once,) = json.loads((tmp_path / "a.json").read_text())["claims"]
    assert quick(run, "--budget", f"{passes:.1f}s", "--workers", "1", "--json", "b.json").exit_code == 0
    (claim,) = json.loads((tmp_path / "b.json").read_text())["claims"]
    assert claim["examples"] > once["examples"]


def test_a_budget_that_was_too_short_is_no_pass(run):
    result = run("verify", "linear", "softmax", "--profile", "quick", "--workers", "1", "--budget", "0.001s")
    assert result.exit_code == 1
    assert "inconclusive" in result.output


def test_a_waived_claim_is_no_failure_and_a_needless_waiver_is_one(run, tmp_path):
    (tmp_path / "w.toml").write_text(f'"{CLAIM}" = "the bias is elsewhere"\n')
    result = run("verify", CLAIM, "--target", "kernels_under_test:WRONG", "--profile", "quick", "--waivers", "w.toml")
    assert "waived: the bias is elsewhere" in result.output
    result = quick(run, "--waivers", "w.toml")
    assert result.exit_code == 1
    assert "delete the waiver" in result.output


def test_the_kill_matrix_lists_every_mutant(run, tmp_path):
    result = run("verify", CLAIM, "--self-test", "--json", "m.json", "--workers", "1")
    assert result.exit_code == 0, result.output
    matrix = json.loads((tmp_path / "m.json").read_text())["matrix"]
    assert matrix["linear: bias_forgotten"] == {CLAIM: True}
    assert f"refuted by {CLAIM}" in result.output


def test_detection_prints_the_observation_that_decided(run):
    result = run("detect", "rope=kernels_under_test:rope")
    assert result.exit_code == 0, result.output
    assert "feature 0 turns into feature 1" in " ".join(result.output.split())
    assert "--convention rope_pairing=interleaved --convention rope_sign=-1" in " ".join(result.output.split())


def test_no_id_is_broken_at_80_columns(run):
    from mathcore.verify import catalogue

    output = run("claims").output
    assert max(map(len, output.splitlines())) <= 80
    for claim in catalogue():
        assert claim.id in output
