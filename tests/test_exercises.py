"""What the course asks: every solution passes, every planted mistake is caught, every answer is computed."""

import numpy as np
import pytest

import mathcore as mc
from mathcore.exercises import cells, exercises
from mathcore.exercises.engine import Check, judge, judge_one, read_cell, run, with_functions
from mathcore.verify import catalogue

CLAIMS = {claim.id: claim for claim in catalogue()}
BROKEN = [(cell, wrong) for cell in cells().values() for wrong in cell.broken]
NUMBERS = [e for of_chapter in exercises().values() for e in of_chapter if e.kind == "number"]


@pytest.mark.parametrize("cell", cells().values(), ids=cells())
def test_a_solution_passes(cell):
    assert run(cell.solution)[1] == ""
    assert run(cell.start)[1] == ""
    assert cell.checks
    assert cell.defines
    verdicts = judge(cell.solution, cell.checks, seed=1)  # the site's build and the browser draw from seed 0
    assert [v for v in verdicts if v.outcome != "passed"] == []
    assert all(v.tried for v in verdicts)


@pytest.mark.parametrize(("cell", "wrong"), BROKEN, ids=[f"{c.name}:{w.name}" for c, w in BROKEN])
def test_a_planted_mistake_is_caught(cell, wrong):
    verdicts = judge(wrong.code, [c for c in cell.checks if c.claim == wrong.claim], seed=1)
    assert "refuted" in [v.outcome for v in verdicts]
    assert not [v.message for v in verdicts if "NameError" in v.message], "caught for what is not its mistake"


@pytest.mark.parametrize("cell", cells().values(), ids=cells())
def test_a_cell_speaks_of_claims_that_there_are_and_every_check_can_fail(cell):
    assert {check.claim for check in cell.checks} <= set(CLAIMS)
    caught = {wrong.claim for wrong in cell.broken}
    assert {check.claim for check in cell.checks} == caught, "a check that no mistake is caught by"


BY_LOGARITHM = """
def softmax(scores):
    highest = max(scores)
    lse = highest + math.log(sum(math.exp(x - highest) for x in scores))
    return [math.exp(x - lse) for x in scores]
"""
SCALED = (
    BY_LOGARITHM.replace("(scores):", "(scores, scale):").replace("softmax", "shares").replace("x -", "scale * x -")
)
SCALED = SCALED.replace("max(scores)", "max(scale * x for x in scores)")
OTHERWISE = {cell.name: BY_LOGARITHM for cell in cells().values() if "softmax" in cell.defines} | {
    "21_saturation": SCALED
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_softmax_by_logarithms_is_no_mistake(name):
    """It rounds differently from the softmax of the page, and is right."""
    code = f"import math\n{with_functions(cells()[name].solution, OTHERWISE[name])}"
    wrong = [v for v in judge(code, cells()[name].checks, examples=300) if v.outcome != "passed"]
    assert wrong == []


@pytest.mark.parametrize("exercise", NUMBERS, ids=lambda e: f"{e.chapter}:{e.name}")
def test_an_answer_is_what_is_computed(exercise):
    got = np.atleast_1d(eval(exercise.computed, {"np": np, "mc": mc})).ravel()
    assert len(got) == len(exercise.answer) == len(exercise.labels)
    assert np.all(abs(got - np.array(exercise.answer)) <= exercise.within / 2), got


def test_exercises_have_names_of_their_own_and_cells_that_there_are():
    for chapter, of_chapter in exercises().items():
        assert len({e.name for e in of_chapter}) == len(of_chapter)
        for e in of_chapter:
            assert e.kind != "write" or e.cell in cells(), e
            assert e.kind != "write" or e.cell.startswith(f"{chapter:02}_")
            assert e.kind != "choice" or e.answer in range(len(e.choices))


SQUARE = Check("a.b", "says", "@given(x=st.integers(0, 1000))\ndef check(x):\n    same(square(x), x * x)\n")


@pytest.mark.parametrize(
    ("code", "outcome", "inputs", "message"),
    [
        ("def square(x): return x * x", "passed", {}, ""),
        ("def square(x): return x * x if x < 10 else 0", "refuted", {"x": "10"}, ""),
        ("def square(x): return x / (x - 3)", "refuted", {"x": "1"}, ""),
        (
            "def square(x):\n    return x[0]",
            "refuted",
            {"x": "0"},
            "TypeError: 'int' object is not subscriptable (line 2)",
        ),
        ("def square(x:", "stopped", {}, "SyntaxError: '(' was never closed (line 1)"),
        ("y = 1 / 0", "stopped", {}, "ZeroDivisionError: division by zero (line 1)"),
        ("def square(x): return float('nan')", "refuted", {"x": "0"}, ""),
        ("raise SystemExit", "stopped", {}, "the code ended itself"),
    ],
)
def test_code_is_judged(code, outcome, inputs, message):
    verdict = judge_one(code, SQUARE)
    assert (verdict.outcome, dict(verdict.inputs)) == (outcome, inputs)
    assert verdict.message == message
    assert bool(verdict.left) == (outcome == "refuted" and not message)


ONE = '"""T."""\n# %% start\ndef f(): return 1\n# %% broken name a.b: says\n'


def test_a_mistake_is_the_solution_with_other_functions():
    check = "# %% check a.b: says\n@given(x=st.just(1))\ndef check(x):\n    same(f(), 1)\n"
    cell = read_cell(
        "cell", f"{ONE}def f():\n    return 2\n{check}".replace("def f(): return 1", "y = 1\ndef f(): return y\nf()")
    )
    assert cell.broken[0].code == "y = 1\ndef f():\n    return 2\n"
    assert judge(cell.broken[0].code, cell.checks)[0].outcome == "refuted"
    assert judge(cell.solution, cell.checks)[0].outcome == "passed"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# %% start\nx = 1\n", "must begin with a docstring"),
        ('"""T."""\n# %% solution\nx = 1\n', "section `# %% start`"),
        ('"""T."""\n# %% start\nx = 1\n# %% check says nothing\n', "expected `# %% check CLAIM: sentence`"),
        ('"""T."""\n# %% start\nx = 1\n# %% broken a.b: says\n', "expected `# %% broken NAME CLAIM: sentence`"),
        (f"{ONE}def f(): return 2\n", "has no check of a.b"),
        (f"{ONE}def g(): return 2\n", "expected functions out of f, got 'g'"),
        (f"{ONE}x = 2\n", "expected functions out of f, got 'x = 2'"),
    ],
)
def test_a_cell_that_cannot_be_read_says_why(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_cell("cell", text)
