"""Sweeps: every number once, errors as Arb has them, and a ledger that survives what kills the process."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from mathcore.cli import main
from mathcore.verify import Functions, Target, enclose, mathcore_target
from mathcore.verify.run.shards import Shard
from mathcore.verify.sweep.campaign import Sweep, SweepError, run_sweep
from mathcore.verify.sweep.ledger import Ledger, LedgerError
from mathcore.verify.sweep.measure import EDGES, Plan, doubt_of, errors_at, measure, ulp
from mathcore.verify.sweep.operations import OPERATIONS, sigmoid, swept
from mathcore.verify.tolerances import FORMATS, dtype_named

TRANSCENDENTAL = [s for s in OPERATIONS if s.roundings]
HALF = Plan("softmax", "float16", 1, 4096)


def named(operation):
    return f"{operation.operation}-{operation.count}"


def awkward(count, rng):
    """Numbers of 24 bits of every size, small ones and both zeros among them; for two, also some near each other."""
    size = np.concatenate([2.0 ** rng.uniform(-149, 10, 3000), 2.0 ** rng.uniform(-3, 7, 3000)])
    x = (np.where(rng.random(size.size) < 0.5, -1, 1) * size).astype(np.float32).astype(np.float64)
    if count == 1:
        return (np.concatenate([x, [0.0, -0.0, 3.4e38, -3.4e38]]),)
    x = np.float16(x).astype(np.float64)
    y = np.where(rng.random(x.size) < 0.5, rng.permutation(x), np.float16(x * (1 + 2.0**-9)))
    return x, y


@pytest.mark.parametrize("operation", TRANSCENDENTAL, ids=named)
def test_the_fast_value_is_as_near_as_is_said(operation):
    numbers = awkward(operation.count, np.random.default_rng(5))
    true = enclose(operation.true, *numbers)
    with np.errstate(all="ignore"):
        distance = true.distance(operation.quick(*numbers))
    seen = abs(true.hi) > 2.0**-133 * 2.0**-40  # what is far below every format's smallest number does not matter
    assert np.all(distance[seen] <= operation.roundings * 2.0**-53 * abs(true.hi[seen]))
    assert np.all(distance[~seen] <= 2.0**-133 * 2.0**-40)


@pytest.mark.parametrize("operation", [s for s in OPERATIONS if not s.roundings], ids=named)
def test_the_fast_value_is_exact_where_that_is_said(operation):
    numbers = awkward(operation.count, np.random.default_rng(5))
    formula = operation.true if operation.operation == "linear" else lambda x: np.where(x > 0, x, 0 * x)
    true = enclose(formula, *numbers)
    assert np.all(true.distance(operation.quick(*numbers)) == 0)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_the_unit_in_the_last_place_is_the_gap_to_the_next_number(name):
    kind = dtype_named(name)
    x = np.array([1.0, 1.5, 2.0, 3.0, 1000.0, 2.0**-14, FORMATS[name].tiny, FORMATS[name].smallest], kind)
    code = x.view("u4" if kind.itemsize == 4 else "u2")
    gap = (code + 1).astype(code.dtype).view(kind).astype(np.float64) - x.astype(np.float64)
    assert ulp(x.astype(np.float64), kind).tolist() == gap.tolist()


def test_every_number_is_in_one_range():
    for plan in (Plan("relu", "float16", 1, 512), Plan("relu", "bfloat16", 1, 2**22)):
        found = np.concatenate([plan.numbers(k)[0].view(np.uint16) for k in range(plan.ranges)])
        every = np.arange(2**16, dtype=np.uint16)
        with np.errstate(invalid="ignore"):
            finite = every[np.isfinite(every.view(dtype_named(plan.dtype)))]
        assert found.tolist() == finite.tolist()
    assert Plan("relu", "float32", 1, 2**22).ranges == 1024


def test_every_pair_is_in_one_range():
    plan = Plan("linear", "float16", 2, 2**22)
    firsts = np.concatenate([plan.numbers(k)[0].ravel() for k in range(plan.ranges)])
    assert firsts.size == np.unique(firsts.view(np.uint16)).size == 63_488
    assert {plan.numbers(k)[1].size for k in (0, 7, plan.ranges - 1)} == {63_488}
    assert Plan("linear", "float16", 2, 1).ranges == 2**16


def test_an_input_is_its_bits():
    plan = Plan("linear", "float16", 2, 2**22)
    assert [x.ravel().tolist() for x in plan.decode(plan.encode(1.5, -0.0))] == [[1.5], [-0.0]]
    assert plan.encode(1.5, -0.0) == 0x3E008000


@pytest.mark.parametrize(("dtype", "count"), [("float64", 1), ("float32", 2)])
def test_what_is_too_much_is_refused(dtype, count):
    with pytest.raises(LookupError, match="float16 or bfloat16"):
        Plan("softmax", dtype, count, 2**22)


def test_the_distribution_is_that_of_arb():
    plan, target = Plan("softmax", "float16", 1, 256), mathcore_target()
    k = int(np.float16(-0.0093).view(np.uint16)) // 256  # where some are off by more than half an ulp
    exact = errors_at(plan, target, [plan.encode(v) for v in plan.numbers(k)[0]])
    found = measure(plan, target, k)
    assert found["bins"] == np.bincount(np.searchsorted(EDGES, exact), minlength=len(EDGES) + 2).tolist()
    assert found["bins"][1] > 0
    assert found["worst"][0][1] == pytest.approx(max(exact), abs=1e-9)


def test_what_the_fast_value_cannot_decide_arb_decides(monkeypatch):
    plan, target = Plan("softmax", "float16", 1, 2**16), mathcore_target()
    usual = measure(plan, target, 0)
    coarse = replace(swept("softmax"), quick=lambda x: sigmoid(x) * (1 + 1e-6), roundings=2e-6 * 2**53)
    monkeypatch.setattr("mathcore.verify.sweep.measure.swept", lambda *_: coarse)
    assert measure(plan, target, 0)["bins"] == usual["bins"]
    monkeypatch.setattr("mathcore.verify.sweep.measure._DECIDED", 5)
    hasty = measure(plan, target, 0)
    assert hasty["undecided"] > 0
    assert sum(hasty["bins"][1:]) >= sum(usual["bins"][1:])  # what is not decided counts as the larger


def test_one_wrong_answer_among_all_is_found():
    def relu(x):
        return np.where(x == np.float16(1.25), x + np.float16(2.0**-9), np.maximum(x, 0)).astype(x.dtype)

    found = run_sweep_of(Target.numpy("nearly", relu=relu), Plan("relu", "float16", 1, 2**14))
    code = int(np.float16(1.25).view(np.uint16))
    assert [r["worst"] for r in found if r["worst"]] == [[[code, 2.0]]]


def test_an_answer_that_is_no_number_is_the_worst():
    def relu(x):
        return np.where(x == 2, np.nan, np.maximum(x, 0)).astype(x.dtype)

    found = run_sweep_of(Target.numpy("nan", relu=relu), Plan("relu", "float16", 1, 2**16))
    assert found[0]["worst"][0] == [int(np.float16(2).view(np.uint16)), None]
    assert found[0]["bins"][-1] == 1


def test_an_overflow_is_right_where_the_truth_overflows():
    plan = Plan("linear", "float16", 2, 2**16)
    (found,) = (measure(plan, mathcore_target(), int(np.float16(60000).view(np.uint16))),)
    assert found["bins"][0] == found["inputs"] == 63_488


def run_sweep_of(target, plan):
    return [measure(plan, target, k) for k in range(plan.ranges)]


def test_the_doubt_is_far_below_an_ulp():
    assert doubt_of(swept("softmax"), np.float32) == 2.0**-26
    assert all(doubt_of(s, np.float16) <= 2.0**-34 for s in OPERATIONS)


def test_a_sweep_of_all_halves(tmp_path):
    found = run_sweep(Sweep(HALF), tmp_path)
    assert found["exhaustive"]
    assert found["judged"] == 63_488 == sum(found["distribution"].values())
    assert 0.5 <= found["max_ulp"] < 0.51
    assert found["worst"][0]["ulp"] == pytest.approx(found["max_ulp"], abs=1e-6)
    with ThreadPoolExecutor(2) as pool:
        assert run_sweep(Sweep(HALF), None, pool) == found
    assert run_sweep(Sweep(HALF), tmp_path, Refusing()) == found  # nothing is left to do


class Refusing(ThreadPoolExecutor):
    def submit(self, *args, **kwargs):
        raise RuntimeError("no more tasks")


def test_parts_make_the_whole_in_one_folder(tmp_path):
    first = run_sweep(Sweep(HALF), tmp_path, shard=Shard(1, 2))
    assert not first["exhaustive"]
    both = run_sweep(Sweep(HALF), tmp_path, shard=Shard(2, 2))
    assert both["exhaustive"]
    assert both == run_sweep(Sweep(HALF))
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"softmax-float16-{k}-of-2.jsonl" for k in (1, 2)]


def test_a_range_without_a_result_ends_the_sweep_and_loses_no_other(tmp_path):
    with pytest.raises(SweepError, match="lost twice: RuntimeError: no more tasks"):
        run_sweep(Sweep(HALF), tmp_path, Refusing())


# The ledger.

HEAD = {"sweep": 1, "operation": "softmax", "versions": {"numpy": "2.3.0", "code": "c0de"}}


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path, "softmax-float16", HEAD)
    made.add({"range": 0, "sum": 0.5})
    made.add({"range": 3, "sum": 0.25})
    return tmp_path / "softmax-float16.jsonl"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"versions": {"numpy": "2.4.0", "code": "c0de"}}, r"numpy 2\.4\.0 instead of 2\.3\.0|numpy 2\.3\.0 instead"),
        ({"versions": {"numpy": "2.3.0", "code": "beef"}}, "code c0de instead of beef"),
        ({"operation": "relu"}, "operation softmax instead of relu"),
    ],
)
def test_another_version_or_code_is_not_mixed_in(ledger, change, words):
    with pytest.raises(LedgerError, match=words):
        Ledger(ledger.parent, "softmax-float16", {**HEAD, **change})


def test_half_a_line_is_removed_and_the_rest_kept(ledger):
    whole = ledger.read_bytes()
    for cut in range(len(whole) - 24, len(whole)):
        ledger.write_bytes(whole[:cut])
        again = Ledger(ledger.parent, "softmax-float16", HEAD)
        assert sorted(again.done) == [0]
        again.add({"range": 3, "sum": 0.25})
        assert ledger.read_bytes() == whole


def test_a_damaged_line_in_the_middle_is_an_error(ledger):
    ledger.write_text(ledger.read_text().replace('{"range": 0', '{"rang'))
    with pytest.raises(LedgerError, match="line 2 of"):
        Ledger(ledger.parent, "softmax-float16", HEAD)


@pytest.mark.parametrize(
    "line", ["[]", "3", "null", '"x"', "{}", '{"range": []}', '{"range": "0"}', "[" * 10**5, "\x00"]
)
@pytest.mark.parametrize("place", [0, 1])
def test_whatever_is_in_a_line_is_one_error(ledger, line, place):
    lines = ledger.read_text().splitlines()
    lines[place] = line
    ledger.write_text("\n".join([*lines, ""]))
    with pytest.raises(LedgerError, match=rf"line {place + 1} of .* is damaged"):
        Ledger(ledger.parent, "softmax-float16", HEAD)


@pytest.mark.parametrize(
    "change",
    [
        {"range": HALF.ranges},
        {"inputs": 1},
        {"inputs": "4"},
        {"bins": [1]},
        {"bins": None},
        {"sum": []},
        {"undecided": None},
        {"worst": [[1, "x"]]},
        {"worst": [3]},
        {"worst": [["x", 0.5]]},
    ],
    ids=repr,
)
def test_a_result_that_no_range_can_have_is_an_error(tmp_path, change):
    made = Sweep(HALF)
    ledger = Ledger(tmp_path, made.name, made.head())
    ledger.add(
        {"range": 0, "inputs": 0, "bins": [0] * (len(EDGES) + 2), "undecided": 0, "sum": 0.0, "worst": [], **change}
    )
    with pytest.raises(LedgerError, match=f"damaged result of range {change.get('range', 0)}"):
        run_sweep(made, tmp_path)


def test_two_results_of_a_range_must_agree(ledger):
    other = Ledger(ledger.parent, "softmax-float16", HEAD, "-1-of-2")
    other.add({"range": 3, "sum": 0.25})
    with pytest.raises(LedgerError, match="range 3 has two results"):
        other.add({"range": 3, "sum": 0.5})


# The command.

KERNEL = """
import time
import numpy as np

def slow(x):
    time.sleep(0.03)
    return np.maximum(x, 0)

def loses(x):
    return np.where(x == 3, np.nan, np.maximum(x, 0)).astype(x.dtype)

def breaks(x):
    raise MemoryError("too much")
"""


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    (tmp_path / "kernels_to_sweep.py").write_text(KERNEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "kernels_to_sweep", raising=False)
    return tmp_path


def command(*args):
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["sweep", *args, "--workers", "1"])


def test_a_sweep_that_is_killed_goes_on_where_it_was(kernels):
    args = ["relu=kernels_to_sweep:slow", "--dtype", "float16", "--range-size", "1024"]
    child = [sys.executable, "-m", "mathcore", "sweep", *args, "--workers", "1", "--resume", "led"]
    root = os.path.dirname(os.path.dirname(main.callback.__code__.co_filename))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(root), str(kernels)])}
    process = subprocess.Popen(child, cwd=kernels, env=environment, stdout=subprocess.DEVNULL)
    ledger = kernels / "led" / "relu-float16.jsonl"
    while process.poll() is None and not (ledger.exists() and ledger.read_bytes().count(b"\n") > 5):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = ledger.read_bytes()
    assert 5 < before.count(b"\n") < 64
    resumed = command(*args, "--resume", "led", "--json", "resumed.json")
    assert resumed.exit_code == 0, resumed.output
    assert ledger.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert ledger.read_bytes().count(b"\n") == 65
    assert command(*args, "--json", "whole.json").exit_code == 0
    assert json.loads((kernels / "resumed.json").read_text()) == json.loads((kernels / "whole.json").read_text())


def test_exit_statuses_of_a_sweep(kernels):
    wrong = command("relu=kernels_to_sweep:loses", "--dtype", "float16")
    assert wrong.exit_code == 1
    assert "0x4200  (3.0)  no number" in wrong.output
    assert max(map(len, wrong.output.splitlines())) <= 80
    good = command("softmax", "--dtype", "bfloat16", "--max-ulp", "0.6")
    assert good.exit_code == 0, good.output
    assert "every finite input" in good.output
    assert command("softmax", "--dtype", "bfloat16", "--max-ulp", "0.4").exit_code == 1
    broken = command("relu=kernels_to_sweep:breaks", "--dtype", "float16")
    assert broken.exit_code == 1
    assert "too much" in broken.output
    assert command("rope").exit_code == 2
    assert command("softmax", "--pairs").exit_code == 2


def test_a_changed_kernel_is_not_mixed_with_the_old(kernels):
    args = ("relu=kernels_to_sweep:loses", "--dtype", "float16", "--resume", "led")
    command(*args)
    (kernels / "kernels_to_sweep.py").write_text(KERNEL + "# changed\n")
    again = command(*args)
    assert again.exit_code == 2
    assert "is of another sweep: target" in " ".join(again.output.split())


def test_functions_are_swept_by_their_path(kernels):
    sweep = Sweep(Plan("relu", "float16", 1, 2**16), Functions({"relu": "kernels_to_sweep:slow"}))
    assert sweep.head()["of"] == "kernels_to_sweep:slow"
    assert run_sweep(sweep)["max_ulp"] == 0
