"""Two targets on the same inputs: distances in steps of the format, and where they part first."""

import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mathcore.cli import main
from mathcore.verify import Restrictions, Target, catalogue, mathcore_target
from mathcore.verify.compare import ORDER, compare, distance, rows
from mathcore.verify.records import records
from mathcore.verify.run.search import inputs_drawn

BITS: Any = {np.dtype(np.float16): np.uint16, np.dtype(ml_dtypes.bfloat16): np.uint16, np.dtype(np.float32): np.uint32}


def softmax(x, axis=-1):
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(axis, keepdims=True))
        return (e / e.sum(axis, keepdims=True)).astype(x.dtype)


def another_softmax(x, axis=-1):
    with np.errstate(all="ignore"):
        shifted = x - x.max(axis, keepdims=True)
        return np.exp(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)))


def rms_norm(x, weight, *, epsilon=1e-6):
    return (x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight).astype(x.dtype)


def relu(x):
    return np.maximum(x, 0)


ONE = Target.numpy("one", softmax=softmax, relu=relu, rms_norm=rms_norm, dtypes=("float32", "float64"))
OTHER = Target.numpy("other", softmax=another_softmax, relu=relu, dtypes="float32")


@pytest.mark.parametrize("kind", BITS, ids=str)
@given(st.data())
def test_the_distance_is_the_number_of_steps(kind, data):
    x = np.array([data.draw(st.integers(0, np.iinfo(BITS[kind]).max))], BITS[kind]).view(kind)
    steps = data.draw(st.integers(0, 50))
    y = x.copy()
    for _ in range(steps):
        y = np.nextafter(y, np.array([np.inf], kind))
    with np.errstate(invalid="ignore"):
        stuck = np.isnan(x) | np.isinf(y)
    if not stuck[0]:
        assert distance(x, y).tolist() == distance(y, x).tolist() == [steps]


def test_steps_across_zero_and_to_what_is_no_number():
    x = np.array([-(2.0**-149), -0.0, np.nan, np.nan, np.inf, 3.4028235e38], np.float32)
    y = np.array([2.0**-149, 0.0, np.nan, 1.0, np.inf, np.inf], np.float32)
    assert distance(x, y).tolist() == [2, 0, 0, np.inf, 0, 1]
    assert distance(np.array([1.0, -1.0]), np.array([1 + 2.0**-52, -1.0])).tolist() == [1, 0]
    assert distance(np.array([3, 4]), np.array([3, 5])).tolist() == [0, np.inf]


def test_a_target_and_itself_give_the_same_bits():
    found = compare(mathcore_target(), mathcore_target(), examples=3)
    assert found.first is None
    assert {d.operation for d in found.differences} == set(records()) & set(mathcore_target().operations)
    assert all(d.examples and d.equal == d.elements for d in found.differences)


def test_they_part_where_they_differ_first():
    found = compare(ONE, OTHER, seed=1)
    assert [d.operation for d in found.differences] == ["relu", "softmax"]
    assert found.first.operation == "softmax"
    assert "index (" in found.first.first
    assert "against" in found.first.first
    assert 0 < found.first.equal < found.first.elements
    assert 0 < found.first.mean <= found.first.most < 1e6


def test_the_seed_draws_the_same():
    assert compare(ONE, OTHER, seed=1) == compare(ONE, OTHER, seed=1)
    assert compare(ONE, OTHER, seed=1) != compare(ONE, OTHER, seed=2)


def test_an_error_of_one_alone_parts_them():
    def refuses(x, axis=-1):
        raise ValueError("not today")

    found = compare(ONE, Target.numpy("t", softmax=refuses, dtypes="float32"), "softmax")
    assert found.first.first.startswith("example 1: `softmax` raised ValueError: not today; the other answers")
    assert found.most == np.inf
    both = Target.numpy("t", softmax=refuses, dtypes="float32")
    assert compare(both, both, "softmax").first is None


def test_another_dtype_of_the_answer_parts_them():
    wide = Target.numpy("wide", relu=lambda x: relu(x).astype(np.float64), dtypes="float32")
    narrow = Target.numpy("narrow", relu=relu, dtypes="float32")
    assert "float64" in compare(narrow, wide, "relu").first.first


def test_a_restricted_target_is_given_what_it_takes():
    only = Target.numpy("only", relu=relu, dtypes="float32", restrictions=Restrictions(widths=(64,)))
    (found,) = compare(ONE, only, "relu").differences
    assert found.examples > 0


def test_what_cannot_be_compared_is_said():
    with pytest.raises(LookupError, match="no inputs are known for 'soft'"):
        compare(ONE, OTHER, "soft")
    with pytest.raises(LookupError, match="rms_norm: other does not have it"):
        compare(ONE, OTHER, "rms_norm")
    assert compare(ONE, OTHER, "rms_norm", "relu").missing == {"rms_norm": "other does not have it"}
    half = Target.numpy("half", relu=relu, dtypes="float16")
    with pytest.raises(LookupError, match="they share no format"):
        compare(ONE, half, "relu")


def test_every_operation_has_a_place_in_the_order():
    catalogue()
    own = mathcore_target().operations  # other tests make records of operations of their own
    assert {name.removesuffix("_vjp") for name in records() if name in own} <= set(ORDER)


def test_derivatives_follow_backwards():
    names = [d.operation for d in compare(mathcore_target(), mathcore_target(), examples=1).differences]
    forward = [n for n in names if not n.endswith("_vjp")]
    backward = [n.removesuffix("_vjp") for n in names if n.endswith("_vjp")]
    assert names == forward + [f"{n}_vjp" for n in backward]
    assert backward == sorted(backward, key=ORDER.index, reverse=True)


def test_inputs_are_drawn_whole():
    drawn = inputs_drawn(st.fixed_dictionaries({"x": st.integers(0, 10**9)}), 40, 3)
    assert len(drawn) == 40
    assert drawn == inputs_drawn(st.fixed_dictionaries({"x": st.integers(0, 10**9)}), 40, 3)


TARGETS = """
import numpy as np
from mathcore.verify import Target
ONE = Target.numpy("one", relu=lambda x: np.maximum(x, 0), dtypes="float32")
NEAR = Target.numpy("near", relu=lambda x: np.nextafter(np.maximum(x, 0), x.dtype.type(9)), dtypes="float32")
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "targets_to_compare.py").write_text(TARGETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda *args: CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["compare", *args])


def test_exit_statuses_of_compare(run, tmp_path):
    one, near = "targets_to_compare:ONE", "targets_to_compare:NEAR"
    same = run(one, "mathcore", "relu", "--examples", "5")
    assert same.exit_code == 0, same.output
    assert "gave the same bits" in same.output
    apart = run(one, near, "--json", "c.json")
    assert apart.exit_code == 1
    assert "one and near part first in relu" in apart.output
    assert max(map(len, apart.output.splitlines()[:2])) <= 80
    assert run(one, near, "--max-ulp", "1").exit_code == 0
    assert run(one, "nowhere:X").exit_code == 2
    data = json.loads((tmp_path / "c.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert (data["schema"], data["parts_first"], data["targets"]) == (1, "relu", ["one", "near"])
    assert data["operations"][0]["most"] == 1


def test_a_table_has_a_row_for_each_operation():
    assert [row[0] for row in rows(compare(ONE, OTHER))] == ["relu", "softmax"]
