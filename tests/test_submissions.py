"""What students hand in: judged as on the pages, in processes of their own."""

import json

import pytest
from click.testing import CliRunner

from mathcore.cli import main
from mathcore.exercises import cells
from mathcore.exercises.engine import EXAMPLES, Check, judge
from mathcore.exercises.submission import LIMIT, defined, judge_apart, starting_file

CELL = cells()["17_softmax"]
WRONG = CELL.broken[0].code
LOOP = "def softmax(scores):\n    while True:\n        pass\n"
SQUARE = [
    Check("a.b", "says", f"@given(x=st.just({x}))\ndef check(x):\n    same(square(x), x * x)\n") for x in (1, 2, 3)
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*args):
        return CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"}).invoke(main, ["exercise", *args])

    return run


def test_a_solution_is_0_and_its_verdicts_are_those_of_the_pages(run, tmp_path):
    (tmp_path / "mine.py").write_text(CELL.solution)
    result = run("17", "mine.py", "--examples", "30", "--seed", "3", "--json", "out.json")
    assert result.exit_code == 0, result.output
    (only,) = json.loads((tmp_path / "out.json").read_text())["submissions"]
    expected = judge(CELL.solution, CELL.checks, examples=30, seed=3)
    assert only["passed"]
    assert [v["tried"] for v in only["cells"]["17_softmax"]] == [v.tried for v in expected]
    assert all(check.says.split()[0] in result.output for check in CELL.checks)


def test_a_mistake_is_1_with_its_counterexample(run, tmp_path):
    (tmp_path / "mine.py").write_text(WRONG)
    result = run("17", "mine.py", "--json", "out.json")
    assert result.exit_code == 1
    assert "refuted" in result.output
    assert "scores = [" in result.output
    (only,) = json.loads((tmp_path / "out.json").read_text())["submissions"]
    (same,) = [v for v in judge(WRONG, CELL.checks) if v.claim == CELL.broken[0].claim][:1]
    (found,) = [v for v in only["cells"]["17_softmax"] if v["claim"] == CELL.broken[0].claim][:1]
    assert found["inputs"] == dict(same.inputs)


def test_a_folder_is_a_table_with_a_line_for_each_submission(run, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    for name, code in {"anna": CELL.solution, "ben": WRONG, "cleo": "def softmax(", "dan": "x = 1\n"}.items():
        (folder / f"{name}.py").write_text(code)
    result = run("17", "class", "--examples", "20")
    assert result.exit_code == 1
    lines = {line.split(".py")[0]: line for line in result.output.splitlines() if ".py" in line}
    whole = f"{len(CELL.checks)} of {len(CELL.checks)}"
    assert whole in lines["anna"]
    assert "passed" in lines["anna"]
    assert whole not in lines["ben"]
    assert "failed" in lines["ben"]
    assert "SyntaxError" in lines["cleo"]
    assert "defines the functions" in lines["dan"]
    assert "1 of 4 passed" in result.output


def test_a_loop_without_an_end_is_a_verdict_and_so_is_code_that_ends_its_process():
    code = "import os\n\ndef square(x):\n    while x == 1:\n        pass\n    return x * x if x < 3 else os._exit(1)\n"
    verdicts = judge_apart(code, SQUARE, limit=3)
    assert [v.outcome for v in verdicts] == ["stopped", "passed", "stopped"]
    assert "does a loop never end" in verdicts[0].message
    assert verdicts[2].message == "the code ended its process"


def test_what_code_prints_is_not_in_the_way(run, tmp_path, capfd):
    (tmp_path / "mine.py").write_text(f"import sys\nprint('loud')\nprint('loud', file=sys.stderr)\n{CELL.solution}")
    assert run("17", "mine.py", "--examples", "5").exit_code == 0
    assert "loud" not in "".join(capfd.readouterr())


def test_the_command_tries_what_the_pages_try():
    defaults = {option.name: option.default for option in main.commands["exercise"].params}
    assert (defaults["examples"], defaults["limit"]) == (EXAMPLES, LIMIT)


def test_without_a_file_the_chapter_is_described(run):
    result = run("17")
    assert result.exit_code == 0
    assert "17_softmax" in result.output
    assert "define softmax" in result.output
    assert CELL.checks[0].claim in result.output


def test_a_start_is_python_with_each_function_once_and_solves_nothing(run, tmp_path):
    begun = run("17", "--start")
    assert begun.exit_code == 0
    (tmp_path / "mine.py").write_text(begun.output)
    assert begun.output.count("def softmax(") == 1
    assert defined(begun.output) >= set(CELL.defines)
    assert run("17", "mine.py", "--examples", "5").exit_code == 1


@pytest.mark.parametrize("chapter", sorted({name[:2] for name in cells()}))
def test_every_chapter_has_a_start_that_is_whole(chapter):
    of_chapter = [cell for name, cell in cells().items() if name.startswith(chapter)]
    assert defined(starting_file(of_chapter)) >= {name for cell in of_chapter for name in cell.defines}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["99"], "chapter 99 has no cells"),
        (["17", "nowhere.py"], "does not exist"),
        (["17", "."], "has no file that ends in .py"),
        (["seventeen"], "not a valid integer"),
        (["17", "--limit", "0"], "0"),
    ],
)
def test_a_bad_call_is_2_and_says_what_was_expected(run, args, words):
    result = run(*args)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
