"""The page of the benchmarks says what was recorded, and errors are measured as it says."""

import json

import numpy as np
import pytest
from _site.benchmark_page import Recorded, accuracy, nearer, read_benchmarks, speed
from _site.model import SiteError
from built import ROOT, SITE

from benchmarks import slower
from benchmarks.__main__ import measure as time_in_turns
from benchmarks.accuracy import Trial, measure
from benchmarks.cases import Case


def trial(contender, dtype="float32"):
    x = np.array([[1.5, 3.0]], dtype)
    return Trial("double", dtype, "any", 2, (x,), lambda x: x + x, (x,), {"mathcore": contender})


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_an_error_is_measured_in_the_last_place_of_the_truth(dtype):
    off = lambda x: 2 * x + 3 * np.spacing(2 * x)  # noqa: E731
    assert measure(trial(lambda x: 2 * x, dtype))["ulp"] == {"mathcore": 0}
    assert measure(trial(off, dtype))["ulp"] == {"mathcore": pytest.approx(3)}
    assert measure(trial(lambda x: x * np.inf, dtype))["ulp"] == {"mathcore": None}


def test_a_result_in_another_format_is_not_measured():
    with pytest.raises(TypeError, match="a result of dtype float32 was expected, got float64"):
        measure(trial(lambda x: 2 * x.astype(np.float64)))


def test_the_page_gives_the_recorded_numbers():
    rows = [{"name": "softmax", "seconds": {"mathcore": 0.001, "naive": 0.004, "torch": 0.002}}]
    assert speed(Recorded("", {}, rows)).splitlines()[-1] == "| softmax | **0.50** | 2.00 | – | 1.00 | – | 1 |"
    row = {"primitive": "softmax", "dtype": "float32", "family": "normal"}
    errors = [
        {**row, "size": 16, "ulp": {"mathcore": 1, "torch": 3}},
        {**row, "size": 32, "ulp": {"mathcore": 2, "torch": None}},
    ]
    assert accuracy(Recorded("", {}, errors)).splitlines()[-1] == "| float32 | normal | **2** | ∞ |"
    assert nearer(Recorded("", {}, errors)).startswith("In all 2 comparisons nobody")
    errors[0]["ulp"]["torch"] = 0.5
    assert "In 1 of 2 comparisons nobody" in nearer(Recorded("", {}, errors))
    assert "at most 2 times that of the best" in nearer(Recorded("", {}, errors))


@pytest.mark.parametrize(
    ("benchmark", "name", "topic"),
    [("softmax", "softmax", "probability"), ("rope", "apply_rope", "positions"), ("relu", "relu", "layers")],
)
def test_the_page_import_says_how_long_each_took(benchmark, name, topic):
    timed = [row["seconds"] for row in read_benchmarks(ROOT)["speed"].rows if row["name"].split()[0] == benchmark]
    ratios = sorted(seconds["mathcore"] / seconds["torch"] for seconds in timed if "torch" in seconds)
    page = (SITE / "import" / topic / "index.html").read_text(encoding="utf-8")
    section = page[page.index(f'<h2 id="{name}"') :]
    told = " to ".join(dict.fromkeys(f"{ratio:.2f}" for ratio in (ratios[0], ratios[-1])))
    assert f">{told} times what PyTorch took" in section[: section.index("<h2", 1)]


def test_a_run_of_another_version_is_refused(tmp_path):
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    (folder / "speed.json").write_text(json.dumps({"schema": 0}), encoding="utf-8")
    with pytest.raises(SiteError, match=r"speed\.json must have schema 1, got 0"):
        read_benchmarks(tmp_path)


def recorded(*ratios):
    """A row of a record, from the times of mathcore beside a second of textbook NumPy, round by round."""
    return {"name": "softmax", "spread": slower.quartiles(ratios, [1.0] * len(ratios))}


def test_a_line_is_slower_if_the_middle_halves_of_the_runs_are_apart():
    before = recorded(0.9, 1.0, 1.1, 1.0, 5.0)
    assert slower.than([before], [recorded(1.0, 1.1, 1.2, 0.9, 9.0)]) == []
    [told] = slower.than([before], [recorded(1.4, 1.5, 1.6, 1.5, 1.5)])
    assert told.startswith("softmax: 1.50 times what it was")
    assert slower.than([], [recorded(9.0)]) == []


def test_a_record_without_quartiles_has_the_noise_of_the_new_run():
    before = {"name": "softmax", "seconds": {"mathcore": 1.0, "naive": 1.0}}
    assert slower.than([before], [recorded(0.9, 1.1, 1.3)]) == []
    assert slower.than([before], [recorded(1.4, 1.5, 1.6)]) != []


def test_contenders_take_turns_until_their_time_is_over():
    turns = []
    case = Case("turns", lambda: {name: lambda name=name: turns.append(name) for name in ("mathcore", "naive")})
    times = time_in_turns(case, rounds=9, seconds=0)
    assert turns == ["mathcore", "naive"] * 4  # three rounds at least, after one that is not timed
    assert [len(values) for values in times.values()] == [3, 3]
