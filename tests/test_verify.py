"""The machinery judges as it says: wrong answers fail, whatever form they take."""

import itertools
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as st

from mathcore.verify import Claim, Target, all_of, at_least, at_most, differs, equal, identical, less, mutant, raises
from mathcore.verify import verify as verify_target
from mathcore.verify.oracle.counted import Ledger, counted
from mathcore.verify.oracle.dual import derivative, third_derivative_bound
from mathcore.verify.oracle.enclosures import Enclosure, enclose, true_matmul
from mathcore.verify.relations import Relation, ratios
from mathcore.verify.report.report import OUTCOMES, Report
from mathcore.verify.run.catalogue import catalogue, select
from mathcore.verify.run.diagnosis import check_and_diagnose
from mathcore.verify.run.results import PROFILES, ClaimResult
from mathcore.verify.run.runner import refutes, run_check, run_claim
from mathcore.verify.targets.target import TargetError
from mathcore.verify.tolerances import Allowance, rounding, tolerance

QUICK = PROFILES["quick"]
NUMBERS = st.lists(st.floats(-9, 9), min_size=1, max_size=4).map(np.array)


def doubling(body, **more):
    """A claim about an operation `double` with one property."""
    claim = Claim("double.test", "doubling doubles", "2x", ("double",), **more)
    claim.property(x=NUMBERS)(body)
    return claim


def outcome(claim, double, **more):
    target = Target("test", {} if double is None else {"double": double}, **more)
    return run_check(claim, claim.checks[0], target, QUICK, 1)


DOUBLES = doubling(lambda ops, x: equal(ops.double(x), x + x))


def test_a_right_answer_holds():
    result = outcome(DOUBLES, lambda x: 2 * x)
    assert (result.outcome, result.tally.examples) == ("holds", QUICK.examples)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: 2 * x + 1e-300,
        lambda x: np.full_like(x, np.nan),
        lambda x: np.full_like(x, np.inf),
        lambda x: (2 * x)[:, None],
        lambda x: (2 * x)[:-1],
        lambda x: 2.0 * x[0],
        lambda x: np.zeros_like(x),
        lambda x: np.multiply(x, 2, out=x),
        lambda x: None,
        lambda x: 1 / 0,
    ],
    ids=["last bit", "nan", "inf", "extra axis", "short", "scalar", "zeros", "writes input", "none", "raises"],
)
def test_a_wrong_answer_is_refuted(wrong):
    assert outcome(DOUBLES, wrong).outcome == "refuted"


def test_a_missing_operation_is_not_offered():
    assert outcome(DOUBLES, None).outcome == "not_offered"


def test_a_claim_is_judged_by_the_checks_of_what_is_offered():
    claim = Claim("double.test", "doubling doubles", "2x", ("double", "half"))
    claim.property(x=NUMBERS)(lambda ops, x: equal(ops.double(x), x + x))
    claim.property(x=NUMBERS)(lambda ops, x: equal(ops.half(ops.double(x)), x))

    def on(**operations):
        return check_and_diagnose(claim, Target("test", operations), QUICK, 1)

    doubles = {"double": lambda x: 2 * x}
    assert (on(**doubles).outcome, on(**doubles).left_out) == ("holds", ("the target has no `half`",))
    assert on(double=lambda x: 3 * x).outcome == "refuted"
    assert on(**doubles, half=lambda x: x).outcome == "refuted"
    assert (on(half=lambda x: x / 2).outcome, on(half=lambda x: x / 2).left_out) == ("not_offered", ())


def test_a_counterexample_alone_makes_no_claim_hold():
    claim = Claim("double.test", "doubling doubles", "2x", ("double", "half"), verdict="holds_if", condition="big")
    claim.property(x=NUMBERS)(lambda ops, x: equal(ops.half(ops.double(x)), x))
    claim.counterexample(x=NUMBERS)(lambda ops, x: equal(ops.double(x), x * 0 + 3))
    target = Target("test", {"double": lambda x: 2 * x})
    assert check_and_diagnose(claim, target, QUICK, 1).outcome == "not_offered"


def test_nothing_generated_is_inconclusive():
    claim = doubling(lambda ops, x: equal(ops.double(x), x + x))
    object.__setattr__(claim.checks[0], "inputs", {"x": NUMBERS.filter(lambda x: False)})
    assert outcome(claim, lambda x: 2 * x).outcome == "inconclusive"


def test_an_allowance_that_was_never_used_is_inconclusive():
    claim = doubling(lambda ops, x: equal(ops.double(x), x + x, within=rounding(x, "float64")), tolerances=(rounding,))
    assert outcome(claim, lambda x: 2 * x).outcome == "inconclusive"
    assert outcome(claim, lambda x: 2 * x * (1 + 2**-53)).outcome in ("holds", "inconclusive")
    assert outcome(claim, lambda x: 2 * x * (1 + 2**-50)).outcome == "refuted"


def test_an_answer_that_changes_is_refuted():
    calls = iter(range(10**6))
    assert outcome(DOUBLES, lambda x: 2 * x + (next(calls) == 17)).outcome == "refuted"


@pytest.mark.parametrize("returned", [True, None, 1.0, np.True_])
def test_a_claim_must_return_a_relation(returned):
    with pytest.raises(TypeError, match="must return a relation"):
        outcome(doubling(lambda ops, x: returned), lambda x: 2 * x)


def test_a_claim_sees_only_what_it_declared():
    claim = doubling(lambda ops, x: equal(ops.softmax(x), x))
    result = outcome(claim, lambda x: 2 * x)
    assert result.outcome == "error"
    assert "without declaring" in result.detail


def test_a_tolerance_must_be_declared():
    claim = doubling(lambda ops, x: equal(ops.double(x), x + x, within=rounding(x, "float64")))
    with pytest.raises(TypeError, match="without declaring it"):
        outcome(claim, lambda x: 2 * x)


def test_a_bare_number_is_no_tolerance():
    with pytest.raises(TypeError, match="named tolerance"):
        equal(1.0, 1.0, within=1e-6)


def test_a_tolerance_must_be_derived():
    with pytest.raises(TypeError, match="derivation"):

        @tolerance
        def guessed():
            return 1e-6


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_an_allowance_must_be_a_number(bad):
    with pytest.raises(ValueError, match="allowance must be"):
        equal(1.0, 1.0, within=Allowance(np.array(bad), ("x",)))


def holds(relation: Relation) -> bool:
    return bool((ratios(relation) <= 1).all())


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (equal([1.0, np.inf], [1.0, np.inf]), True),
        (equal([np.inf], [-np.inf]), False),
        (equal([np.nan], [np.nan]), False),
        (equal(0.0, -0.0), True),
        (equal(np.float16(0.1), 0.1), False),
        (equal([True, False], [True, True]), False),
        (identical([0.0], [-0.0]), False),
        (identical([np.nan], [np.nan]), True),
        (identical(np.float32(1), np.float64(1)), False),
        (at_most([1.0, 2.0], 2.0), True),
        (at_most([1.0, np.nan], 2.0), False),
        (at_least(1.0, 2.0), False),
        (at_most(-np.inf, -np.inf), True),
        (less([1.0], [1.0]), False),
        (less([1.0], [np.nan]), False),
        (differs([1.0, 2.0], [1.0, 3.0]), True),
        (differs([1.0], [1.0]), False),
        (equal(1.0, Enclosure(np.array(1.0), np.array(0.0), np.array(0.0))), True),
        (equal(np.nan, Enclosure(np.array(1.0), np.array(0.0), np.array(0.0))), False),
        (equal(1.0, Enclosure(np.array(1.0), np.array(0.0), np.array(1e-30))), False),
    ],
)
def test_relations(relation, expected):
    assert holds(relation) is expected


def test_raises_wants_the_error_and_its_words():
    def refuse():
        raise TargetError("op", IndexError("id 7 is too large"))

    assert holds(raises(refuse, IndexError, saying=("7",)))
    assert not holds(raises(refuse, IndexError, saying=("8",)))
    assert not holds(raises(refuse, TypeError))
    assert not holds(raises(lambda: 3, IndexError))


def test_one_false_part_refutes_a_conjunction():
    claim = doubling(lambda ops, x: all_of(equal(1, 1), equal(ops.double(x), x + x), equal(1, 1)))
    assert outcome(claim, lambda x: 2 * x).outcome == "holds"
    assert outcome(claim, lambda x: 3 * x).outcome == "refuted"


@mutant("double")
def crashing(x):
    """Crashes."""
    raise RuntimeError


@mutant("double", crashes=True)
def meant_to_crash(x):
    """Crashes, and that is what is wrong with it."""
    raise RuntimeError


@mutant("double", wraps=True)
def off(double):
    """Adds one."""
    return lambda x: double(x) + 1


@mutant("double", wraps=True)
def same(double):
    """Is right."""
    return double


@mutant("double")
def crashing_or_off(x):
    """Crashes on most inputs and adds one to the others."""
    return x + x + 1 if x[0] > 0 else 1 / 0


JUDGED = [(crashing, False), (meant_to_crash, True), (off, True), (same, False), (crashing_or_off, True)]


@pytest.mark.parametrize(("wrong", "expected"), JUDGED)
def test_only_a_judged_failure_refutes_a_mutant_unless_it_is_one_that_crashes(wrong, expected):
    reference = Target("test", {"double": lambda x: 2 * x})
    assert refutes(DOUBLES, wrong, reference, QUICK, 1) is expected


def test_a_counterexample_must_be_found():
    claim = Claim("double.if", "doubling grows", "2x > x", ("double",), verdict="holds_if", condition="x > 0")
    claim.counterexample(x=st.floats(-9, 9))(lambda ops, x: less(x, ops.double(x)))
    assert run_check(claim, claim.checks[0], Target("t", {"double": lambda x: 2 * x}), QUICK, 1).outcome == "holds"
    missing = run_check(claim, claim.checks[0], Target("t", {"double": lambda x: x + 1}), QUICK, 1)
    assert missing.outcome == "inconclusive"


def test_an_enumeration_reports_its_first_failure_as_the_smallest():
    claim = Claim("double.small", "doubling grows", "2x > x", ("double",))
    claim.exhaustive(lambda: ({"x": n} for n in (3, 2, 1, 0, -1)))(lambda ops, x: less(x, ops.double(x)))
    result = run_check(claim, claim.checks[0], Target("t", {"double": lambda x: 2 * x}), QUICK, 1)
    assert (result.finding.kind, result.finding.inputs) == ("smallest", {"x": "0"})
    assert result.tally.examples == 4


def test_the_same_seed_draws_the_same_inputs():
    seen = [[], []]
    for log in seen:
        claim = doubling(lambda ops, x, log=log: (log.append(x.tolist()), equal(ops.double(x), x + x))[1])
        outcome(claim, lambda x: 2 * x)
    assert seen[0] == seen[1]


def test_results_do_not_depend_on_the_number_of_workers():
    def figures(workers):
        two = ("linear.layer_is_a_matrix", "argmax.shift_and_scale_free")
        report = verify_target(None, *two, profile="quick", seed=3, workers=workers)
        claims = report.to_json()["claims"]
        return [{k: v for k, v in c.items() if k != "seconds"} for c in claims]

    assert figures(1) == figures(2)


def test_the_report_adds_up_and_is_plain_json():
    report = verify_target(None, "linear.layer_is_a_matrix", profile="quick", seed=3)
    data = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert data["counts"] == {"claims": 1, "holds": 1, **dict.fromkeys(OUTCOMES[1:], 0)}
    assert report.passed


def test_a_report_of_nothing_or_of_toothless_claims_does_not_pass():
    date = SimpleNamespace(isoformat=str)
    empty = Report([], "t", "quick", 0, 0.0, date)
    assert not empty.passed
    survived = ClaimResult("c", "holds", [], {"m": False}, 0.0)
    assert not Report([(DOUBLES, survived)], "t", "quick", 0, 0.0, date).passed
    strange = ClaimResult("c", "unheard of", [], {}, 0.0)
    with pytest.raises(AssertionError, match="add up"):
        _ = Report([(DOUBLES, strange)], "t", "quick", 0, 0.0, date).counts


def test_a_rare_error_is_looked_for_before_a_check_is_called_inconclusive():
    claim = doubling(
        lambda ops, x: equal(ops.double(x), x + x, within=rounding(8 * x, "float64")), tolerances=(rounding,)
    )
    calls = itertools.count(1)

    def right_but_for_one_call_beyond_the_first_look(x):
        return 2 * x * (1 + 2**-52) if next(calls) > QUICK.examples else 2 * x

    result = outcome(claim, right_but_for_one_call_beyond_the_first_look, guarded=False)
    assert result.outcome == "holds"
    assert QUICK.examples < result.tally.examples


def test_a_claim_without_checks_is_inconclusive():
    claim = Claim("double.nothing", "nothing", "", ("double",))
    assert run_claim(claim, Target("t", {}), Target("t", {}), QUICK, 1).outcome == "inconclusive"


def test_claims_state_conditions_and_corrections():
    with pytest.raises(TypeError, match="condition"):
        Claim("a.b", "s", "f", (), verdict="holds_if")
    with pytest.raises(TypeError, match="corrected"):
        Claim("a.b", "s", "f", (), verdict="refuted")
    with pytest.raises(TypeError, match="needs no `double`"):
        Claim("a.b", "s", "f", (), refuted_by=(off,))
    with pytest.raises(TypeError, match="two wrong implementations"):  # which a report would count as one
        Claim("a.b", "s", "f", ("double",), refuted_by=(off, off))


def test_a_name_that_selects_nothing_suggests_the_nearest():
    with pytest.raises(LookupError, match=r"linear\.layer_is_a_matrix"):
        select(catalogue(), ["linear.layer_is_a_matrx"])


def test_the_oracle_encloses_what_cancels():
    true = enclose(lambda x: (x + 1) - x, np.array([1e300]))
    assert (true.hi, true.lo, true.radius) == (1.0, 0.0, 0.0)
    exact = true_matmul(np.array([[1e17, 1.0, -1e17]]), np.ones((3, 1)))
    assert exact.hi.item() == 1.0


def test_an_enclosure_that_does_not_converge_is_an_error():
    with pytest.raises(ArithmeticError, match="did not converge"):
        enclose(lambda x: x / (x - x), np.array([1.0]))


def test_derivatives_are_enclosed():
    slope = derivative(lambda x: np.sqrt(np.exp(1 / x)), (np.array(2.0),), (1.0,))
    assert abs(slope.hi - -np.exp(0.25) / 8) < slope.radius + 2**-53
    assert derivative(lambda x: np.log(x) * x - x, (np.array(3.0),), (1.0,)).hi == np.log(3.0)


def test_numbers_count_what_is_done_with_them():
    ledger = Ledger()
    product = counted([[1, 2], [3, 4]], ledger) @ counted([[1], [1]], ledger)
    assert [n.value for n in product[:, 0]] == [3, 7]
    assert (ledger.multiplications, ledger.additions) == (4, 2)


def test_third_derivatives_are_bounded_over_the_whole_stencil():
    bound = third_derivative_bound(np.exp, (np.array([0.0, 1.0]),), (np.array([1.0, 0.5]),))
    truth = np.array([np.exp(1.0), 0.125 * np.exp(1.5)])
    assert (bound >= truth).all()
    assert (bound < 2 * truth).all()


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from mathcore.verify import verify\nverify(None, 'linear.operation_count', 'relu.algebra', workers=2)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "if __name__ == '__main__':" in done.stderr
