"""The command line: exit statuses, messages, and what fits on a terminal."""

import json

import pytest
from click.testing import CliRunner

from mathcore.cli import main

CLAIM = "linear.layer_is_a_matrix"

TARGETS = """
import numpy as np
from mathcore.verify import Target

def linear(x, weight, bias=None):
    return np.asarray(x).astype(float) @ np.asarray(weight).astype(float)

WRONG = Target("wrong", {"linear": linear})
EMPTY = Target("empty", {})
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
    ],
)
def test_a_bad_call_is_2_and_says_what_was_expected(run, args, words):
    result = run(*args)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_claim_is_shown_whole(run):
    result = run("show", CLAIM)
    assert result.exit_code == 0
    for words in ("formula", "tolerance dot_product", "must refute", "bias_forgotten", "mathcore/layers_claims.py:"):
        assert words in result.output


def test_claims_are_listed(run):
    result = run("claims", "layers")
    assert result.exit_code == 0
    assert CLAIM in result.output
