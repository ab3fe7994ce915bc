"""Reproducer scripts: they pass on what is right, fail on what is wrong, and run anywhere."""

import functools
import io
import random
import subprocess
import sys
import textwrap
import types
from collections import Counter
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import mathcore
from mathcore.verify import Claim, Functions, Target, catalogue, equal
from mathcore.verify import verify as verify_target
from mathcore.verify.report.describe import Finding
from mathcore.verify.report.imports import import_of
from mathcore.verify.report.literals import STRIDED
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import derived_seed, run_check
from mathcore.verify.targets.signatures import public
from mathcore.verify.targets.target import MATHCORE
from mathcore.verify.tolerances import rounding

QUICK = PROFILES["quick"]
TOPICS = ("probability", "attention", "positions", "layers", "normalisation", "embeddings")
FUNCTIONS = {name: f for name, f in public().items() if isinstance(f, types.FunctionType)}
OF_EACH = 4
"""Scripts of each topic."""


def pairs():
    """Claims with the mutants that they refute, in an order that mixes claims and topics."""
    found = [
        (claim, mutant)
        for claim in catalogue()
        for mutant in claim.refuted_by
        if claim.topic in TOPICS and {mutant.operation, *claim.needs} <= FUNCTIONS.keys()
    ]
    random.Random(0).shuffle(found)
    return found


def outcome_of(script, module):
    """What the script raises, "" for nothing."""
    sys.modules["scripted_kernels"] = module
    try:
        with redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            exec(compile(script, "script", "exec"), {"__name__": "script"})
    except Exception as failure:
        return f"{type(failure).__name__}: {failure}"
    finally:
        del sys.modules["scripted_kernels"]
    return ""


def refuted(claim, operations):
    """The finding of the first check that refutes the operations."""
    paths = {name: f"scripted_kernels:{name}" for name in operations}
    target = Target("wrong", operations, MATHCORE, ("float64", "float32", "float16", "bfloat16"), paths=paths)
    for i, check in enumerate(claim.checks):
        if not check.counterexample:
            result = run_check(claim, check, target, QUICK, derived_seed(0, claim.id, i))
            if result.outcome == "refuted":
                return result.finding
    return None


@pytest.mark.filterwarnings("ignore")
def test_every_script_fails_on_the_wrong_operation_and_passes_on_mathcores():
    written, unsure = Counter(), []
    for claim, mutant in pairs():
        if written[claim.topic] == OF_EACH:
            continue
        right = {name: FUNCTIONS[name] for name in (*claim.needs, mutant.operation)}
        wrong = right | {mutant.operation: mutant.build(FUNCTIONS[mutant.operation])}
        finding = refuted(claim, wrong)
        if finding is None or not finding.script or finding.file:
            continue
        written[claim.topic] += 1
        name = f"{claim.id} on {mutant.name}"
        assert outcome_of(finding.script, types.SimpleNamespace(**wrong)), f"{name} passes:\n{finding.script}"
        raised = outcome_of(finding.script, types.SimpleNamespace(**right))
        assert not raised, f"{name} fails on what is right, {raised}:\n{finding.script}"
        unsure += [name] if "no longer the same" in finding.script else []
    assert written == dict.fromkeys(TOPICS, OF_EACH)
    assert len(unsure) <= written.total() // 5, unsure  # the rest assert what is right, not only that something changed


def test_a_derivative_of_a_plain_target_that_is_nan_has_a_script():
    def pulled(cotangent, query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None):
        bars = mathcore.scaled_dot_product_attention_vjp(
            cotangent, query, key, value, mask=mask, bias=bias, is_causal=is_causal, query_offset=query_offset,
            scale=scale,
        )  # fmt: skip
        return tuple(bar * np.float32(np.nan) for bar in bars)

    target = Target.numpy("plain", scaled_dot_product_attention_vjp=pulled, dtypes="float32")
    claim = next(claim for claim in catalogue() if claim.id == "attention.gradient")
    found = run_check(claim, claim.checks[0], target, QUICK, 0).finding
    assert "could not write" not in found.script
    assert "assert" in found.script


KERNELS = """
    import functools

    import numpy as np
    from mathcore.verify import Target

    def made(factor):
        def softmax(x, axis=-1):
            e = np.exp(x.astype(float) - x.max(axis, keepdims=True, initial=-1e300).astype(float))
            return (factor * e / e.sum(axis, keepdims=True)).astype(x.dtype)
        return softmax

    def scaled(x, axis=-1, *, factor):
        return made(factor)(x, axis)

    class Kernels:
        wrong = staticmethod(made(1.5))

    wrong = made(1.5)
    partial = functools.partial(scaled, factor=1.5)
    TARGET = Target.numpy("mine", softmax=lambda x, axis=-1: made(1.5)(x, axis))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "factory_kernels.py").write_text(textwrap.dedent(KERNELS))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("factory_kernels", None)


def repeated(script, tmp_path):
    """The script in another folder, without mathcore's or the kernel's on the path."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "repeat.py").write_text(script)
    return subprocess.run([sys.executable, "repeat.py"], cwd=elsewhere, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "subject",
    [
        *(Functions({"softmax": f"factory_kernels:{name}"}) for name in ("wrong", "partial", "Kernels.wrong")),
        "factory_kernels:TARGET",
    ],
    ids=["closure", "partial", "attribute", "lambda"],
)
def test_a_script_imports_what_was_given(folder, subject):
    result = verify_target(subject, "softmax.accuracy", profile="quick", seed=1, workers=1).results[0][1]
    assert result.outcome == "refuted"
    ran = repeated(result.finding.script, folder)
    assert ran.returncode == 1, ran.stdout
    assert "AssertionError" in ran.stderr


def test_a_function_in_no_module_is_written_out_only_if_it_needs_nothing_else():
    def plain(x):
        return np.maximum(x, 0)

    factor = 2.0
    target = Target.numpy("mine", relu=plain, softmax=lambda x: x * factor, linear=functools.partial(plain))
    assert import_of("relu", target)[0].startswith("def plain(x):")
    for operation in ("softmax", "linear"):
        assert import_of(operation, target)[0].startswith(f"{operation} = ...  # put your function here")


def packed_only(x):
    """ReLU of the numbers in the order in which they lie in memory, as if the array were packed row by row."""
    return np.maximum(x.ravel(order="K").reshape(x.shape), 0)


def test_strides_are_those_of_the_failing_input():
    claim = next(c for c in catalogue() if c.id == "relu.layout_free")
    finding = refuted(claim, {name: FUNCTIONS[name] for name in claim.needs} | {"relu": packed_only})
    assert "with_strides(" in finding.script
    assert outcome_of(finding.script, types.SimpleNamespace(relu=packed_only)).startswith("AssertionError")
    assert outcome_of(finding.script, types.SimpleNamespace(relu=mathcore.relu)) == ""


def test_a_call_on_an_answer_is_asked_the_same_once_that_answer_is_mended():
    def shifted(x):
        return np.maximum(x - x.dtype.type(2.0**-10), 0)

    claim = next(c for c in catalogue() if c.id == "relu.algebra")
    finding = refuted(claim, {"relu": shifted})
    assert outcome_of(finding.script, types.SimpleNamespace(relu=shifted)).startswith("AssertionError")
    assert outcome_of(finding.script, types.SimpleNamespace(relu=mathcore.relu)) == ""


@pytest.mark.parametrize("x", [np.arange(6.0).reshape(2, 3).T, np.arange(8.0)[::-2], np.broadcast_to(1.0, (2, 3))])
def test_the_layout_of_a_script_is_the_one_asked_for(x):
    names: dict[str, Any] = {"np": np}
    exec(STRIDED, names)
    laid = names["with_strides"](x, tuple(s // x.itemsize for s in x.strides))
    assert laid.strides == x.strides
    assert np.array_equal(laid, x)


def test_the_script_shows_the_numbers_of_the_text():
    def sums_to_less(x, axis=-1):
        return mathcore.softmax(x, axis) * 0.75

    claim = next(c for c in catalogue() if c.id == "softmax.sums_to_one")
    finding = refuted(claim, {"softmax": sums_to_less})
    assert isinstance(finding, Finding)
    assert repr(finding.headline) in finding.script
    assert finding.headline in outcome_of(finding.script, types.SimpleNamespace(softmax=sums_to_less))


STEPS = Claim("relu.steps", "positive numbers stay", "", ("relu",), tolerances=(rounding,))


@STEPS.property(x=st.integers(0, 1000))
def positive_numbers_stay(ops, x):
    values = np.array([x + 1.0])
    return equal(ops.relu(values), values, within=rounding(values, "float64"))


def test_a_gross_error_stays_gross_while_it_is_shrunk():
    def wrong(x):  # right below 4, a few roundings too far up to 12, and twice as large beyond
        return x * (2 if x > 12 else 1 + 2.0**-49 if x > 4 else 1)

    target, seen = Target.numpy("mine", relu=wrong), set()
    for seed in range(6):
        finding = run_check(STEPS, STEPS.checks[0], target, QUICK, seed).finding
        seen.add((finding.difference, finding.inputs["x"]))
    assert ("wrong value", "12") in seen
    assert seen <= {("wrong value", "12"), ("too inaccurate", "4")}


SIZES = Claim("relu.sizes", "zeros stay", "", ("relu",))


@SIZES.property(x=st.integers(0, 1000))
def zeros_stay(ops, x):
    values = np.zeros(0 if x == 1 else x + 1)
    return equal(ops.relu(values), values)


def test_a_failure_on_a_full_array_does_not_shrink_to_an_empty_one():
    def wrong(x):
        return x[..., None] if x.size == 0 or x.size > 6 else x

    target = Target.numpy("mine", relu=wrong)
    seen = {run_check(SIZES, SIZES.checks[0], target, QUICK, seed).finding.inputs["x"] for seed in range(6)}
    assert "6" in seen
    assert seen <= {"6", "1"}
