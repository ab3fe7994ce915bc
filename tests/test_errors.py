"""Whose fault an exception is: the target's, whose claim is then refuted, or mathcore's, which is an error."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import strategies as st

import mathcore as mc
from mathcore.verify import Claim, Target, equal, parametrize_claims, raises, verify
from mathcore.verify.domains import domain
from mathcore.verify.report.formats import failure_text, to_junit, to_markdown
from mathcore.verify.report.report import OUTCOMES
from mathcore.verify.run import attempt, diagnosis, results, workers
from mathcore.verify.run.diagnosis import check_and_diagnose
from mathcore.verify.run.results import PROFILES, CheckResult, Tally, merged, worst_outcome
from mathcore.verify.run.runner import run_claim
from mathcore.verify.targets import caller, translations

QUICK, WIDTHS = PROFILES["quick"], st.integers(1, 4)


def claim(body, *needs, inputs=WIDTHS):
    """A claim as if it were of the catalogue."""
    body.__module__ = "mathcore.probability.softmax_claims"
    made = Claim("own.test", "It is true.", "1", needs or ("softmax",))
    made.property(n=inputs)(body)
    return made


def judged(body, *needs, inputs=WIDTHS, **operations):
    return check_and_diagnose(claim(body, *needs, inputs=inputs), Target.numpy("mine", **operations), QUICK, 1)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def broken_body(ops, n):
    return equal(ops.softmax(np.zeros(n)) + np.zeros(n + 2), 1)


@domain
def broken_domain(draw, target):
    raise KeyError(draw(st.just("nothing here")))


def test_a_body_that_fails_on_mathcore_too_is_an_error_that_says_what_to_report():
    result = judged(broken_body, softmax=softmax)
    assert result.outcome == "error"
    assert "please report it with claim own.test: ValueError: operands could not be broadcast" in result.detail
    assert result.finding.inputs["n"] in "234"
    assert not result.advice
    assert not result.would_pass


def test_a_claim_of_ones_own_is_not_reported_to_mathcore():
    own = Claim("softmax.own", "It is true.", "1", ("softmax",))
    own.property(n=WIDTHS)(lambda ops, n: equal(ops.softmax(np.zeros(n)) + np.zeros(n + 2), 1))
    result = check_and_diagnose(own, Target.numpy("mine", softmax=softmax), QUICK, 1)
    assert (result.outcome, "report" in result.detail) == ("error", False)
    assert "the check itself failed, in claim softmax.own: ValueError" in result.detail


def test_a_domain_and_a_conversion_that_fail_are_errors(monkeypatch):
    result = judged(lambda ops, n: equal(ops.softmax(n), n), inputs=broken_domain(), softmax=softmax)
    assert result.outcome == "error"
    assert "KeyError: 'nothing here'" in result.detail
    failing = translations.CallTranslation(lambda given: given["no such name"])
    monkeypatch.setattr(caller, "translations", lambda *_: [failing])
    result = judged(lambda ops, n: equal(ops.softmax(np.zeros(n)).sum(), 1), softmax=softmax)
    assert result.outcome == "error"
    assert "could not be converted" in result.detail
    assert result.finding.place.startswith("in ")
    assert judged(lambda ops, n: raises(lambda: ops.softmax(n), ValueError), softmax=softmax).outcome == "not_offered"


def test_an_error_on_some_inputs_does_not_hide_a_refutation():
    def body(ops, n):
        return broken_body(ops, n) if n % 2 else equal(ops.softmax(np.zeros(n)).sum(), 1)

    assert judged(body, softmax=softmax).outcome == "error"
    assert judged(body, softmax=np.exp).outcome == "refuted"


def needs_pairs(ops, n):
    cos, sin = ops.rope_cos_sin(np.arange(n), 4)
    return equal(cos @ np.ones((2, 1)) + sin @ np.ones((2, 1)), cos.sum(-1, keepdims=True) + sin.sum(-1)[:, None])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda positions, dim, **_: None, "returned None, expected 2 parts"),
        (lambda positions, dim, **_: [np.ones((len(positions), 2))] * 3, "returned 3 parts, expected 2"),
        (lambda positions, dim, **_: (np.ones((len(positions), 3)),) * 2, "returned the shape ("),
        (lambda positions, dim, **_: (None, None), "returned None, expected an array"),
    ],
    ids=["none", "three", "shape", "nones"],
)
def test_an_answer_of_another_form_is_refuted_in_words(answer, words):
    result = judged(needs_pairs, "rope_cos_sin", rope_cos_sin=answer)
    assert result.outcome == "refuted"
    assert words in result.detail
    assert judged(needs_pairs, "rope_cos_sin", rope_cos_sin=mc.rope_cos_sin).outcome == "holds"


def test_values_that_no_right_answer_has_are_refuted():
    def rational(ops, n):
        return equal(sum(v.as_integer_ratio()[0] for v in ops.softmax(np.zeros(2**n))), 2**n)

    result = judged(rational, softmax=lambda x, axis=-1: x * np.nan)
    assert "returned NaN or infinity, where every number is finite" in result.detail
    result = judged(
        lambda ops, n: equal(np.arange(n)[ops.argmax(np.ones(n))], 0), "argmax", argmax=lambda x, axis=-1: np.int64(9)
    )
    assert (result.outcome, "integers up to 9" in result.detail) == ("refuted", True)


def report_of_a_failure():
    broken = claim(broken_body)
    return verify(Target.numpy("mine", softmax=softmax), claims=[broken], profile="quick", seed=0), broken


def test_every_report_tells_errors_from_refutations():
    report, _ = report_of_a_failure()
    assert "error" in OUTCOMES
    assert (report.counts["error"], report.counts["refuted"], report.passed) == (1, 0, False)
    data = json.loads(json.dumps(report.to_json()))
    assert (data["claims"][0]["outcome"], data["claims"][0]["checks"][0]["outcome"]) == ("error", "error")
    suite = ElementTree.fromstring(to_junit(report).encode())
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    (told,) = suite.iter("error")
    assert "please report" in told.get("message", "")
    assert "please report" in to_markdown(report)
    assert "1 claims on mine: 1 error;" in to_markdown(report)
    assert failure_text(*report.results[0]).startswith("own.test: error\n")


def test_a_test_of_ones_own_raises_the_error():
    _, broken = report_of_a_failure()
    mark = parametrize_claims(Target.numpy("mine", softmax=softmax), claims=[broken])
    with pytest.raises(AssertionError, match="please report"):
        mark.args[1][0].values[0]()


def test_errors_count_for_more_than_passes_and_less_than_refutations():
    broken = claim(broken_body)
    error, right = judged(broken_body, softmax=softmax), run_claim(broken, Target("t", {}), None, QUICK, 1)
    assert merged(error, right).outcome == merged(right, error).outcome == "error"
    outcomes = [CheckResult("property", o, Tally()) for o in ("holds", "error", "refuted")]
    assert (worst_outcome(outcomes[:2]), worst_outcome(outcomes)) == ("error", "refuted")
    assert diagnosis.waived(error, "known").outcome == "error"


def test_a_script_that_cannot_be_written_leaves_the_refutation(monkeypatch):
    def fails(*_):
        raise RuntimeError("no words")

    monkeypatch.setattr(attempt, "with_script", fails)
    result = judged(lambda ops, n: equal(ops.softmax(np.zeros(n)).sum(), 2), softmax=softmax)
    assert result.outcome == "refuted"
    assert "could not write the script, please report it: RuntimeError('no words')" in result.finding.script


def make_work():
    def work(name, seed):
        if seed == 1:
            raise ZeroDivisionError("in the worker")
        if seed == 2:
            raise SystemExit(7)  # as a crash between two calls would
        return results.ClaimResult(name, "holds", [], {}, 0.0)

    return work


def test_a_worker_that_fails_costs_one_claim():
    broken = claim(broken_body)
    pool = workers.WorkerPool(make_work, 1, method="fork")
    came = list(pool.results(iter([(broken, seed) for seed in (0, 1, 2, 3)])))
    assert [r.outcome for r in came] == ["holds", "error", "error", "holds"]
    assert "ZeroDivisionError" in came[1].detail
    assert "between two calls" in came[2].detail


def test_a_target_without_errors_is_no_reason_to_doubt_the_inputs():
    def within_double(query, key, value, *, is_causal=False, query_offset=0, mask=None, bias=None, scale=None):
        options = {"is_causal": is_causal, "query_offset": query_offset, "mask": mask, "bias": bias, "scale": scale}
        wide = (x.astype(np.float64) for x in (query, key, value))
        return mc.scaled_dot_product_attention(*wide, **options).astype(query.dtype)

    target = Target.numpy("mine", scaled_dot_product_attention=within_double, dtypes="float16")
    report = verify(target, "attention.output_is_a_mix", "attention.key_translation", profile="quick", seed=0)
    assert {r.outcome for _, r in report.results} == {"holds"}
