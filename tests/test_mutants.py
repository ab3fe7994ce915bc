"""What `nox -s mutants` is made of, but for Cosmic Ray: the known survivors, and what counts as a change."""

import tomllib

import pytest

from tests.mutants import ROOT, SURVIVORS, Verdict, _described, _runs_differently, known, primitives, reaching, report

LISTED = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"]


@pytest.mark.parametrize("survivor", LISTED, ids=lambda s: f"{s['file']}: {s['mutant']}")
def test_a_known_survivor_is_a_change_of_a_line_that_is_there_and_has_a_reason(survivor):
    lines = [line.strip() for line in (ROOT / survivor["file"]).read_text(encoding="utf-8").splitlines()]
    assert survivor["line"] in lines
    assert survivor["mutant"] not in ("", survivor["line"])
    kind, _, why = survivor["reason"].partition(": ")
    assert (kind, bool(why)) == ("equivalent", True)


def test_no_survivor_is_listed_twice():
    assert len(known()) == len(LISTED)


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ("def f(x: int | None) -> int: return x", "def f(x: int + None) -> float: return x", False),
        ("x: int = 1", "x: float = 1", False),
        ("def f(x): return x + 1", "def f(x): return x - 1", True),
        ("x = 1", "x = (", False),
    ],
)
def test_what_does_not_run_is_no_mutant(before, after, differs):
    assert _runs_differently(before, after) == differs


def test_a_mutant_is_known_by_its_lines_wherever_they_stand():
    one = _described("a.py", "x = 1\nif x > 2:\n    y = 3\n", "x = 1\nif x > 2:\n    y = 4\n")
    other = _described("a.py", "if x > 2:\n        y = 3\n", "if x > 2:\n        y = 4\n")
    assert (one.place, one.key) == (3, ("a.py", "y = 3", "y = 4"))
    assert one.key == other.key


def test_the_judges_are_those_of_the_operations_that_reach_a_file():
    assert set(reaching("mathcore.layers.relu")) >= {"relu", "relu_vjp", "transformer"}
    assert "softmax" not in reaching("mathcore.layers.relu")
    files = {"mathcore/layers/relu.py", "mathcore/probability/_rows.py", "mathcore/_compute/blocks.py"}
    assert files <= {*primitives()}
    assert not any("_claims" in path or "/verify/" in path for path in primitives())


VERDICTS = [("a.b", None, True), ("", None, False), ("", "why", True), ("a.b", "why", False)]


@pytest.mark.parametrize(("killer", "reason", "right"), VERDICTS)
def test_what_survives_must_be_listed_and_what_is_listed_must_survive(killer, reason, right):
    assert report(_described("a.py", "x = 1", "x = 2"), Verdict(killer, "", 1), reason) == right
