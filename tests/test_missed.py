"""What claims once missed on implementations of other people, as kinds: every one a wrong function that once held."""

from dataclasses import replace

import numpy as np
import pytest

import mathcore as mc
from mathcore.verify import Conventions, Target, catalogue, mathcore_target, parametrize_claims, verify
from mathcore.verify.report.formats import to_junit, to_markdown
from mathcore.verify.run.diagnosis import check_and_diagnose
from mathcore.verify.run.results import PROFILES

CLAIMS = {claim.id: claim for claim in catalogue()}


def judged(claim, target):
    return check_and_diagnose(CLAIMS[claim], target, PROFILES["quick"], 0)


def merged(output_a, lse_a, output_b, lse_b):
    """A correct merge of two partial attentions."""
    top = np.maximum(lse_a, lse_b)
    shift = np.where(top == -np.inf, 0, top)
    sides = ((np.exp(lse_a - shift), output_a), (np.exp(lse_b - shift), output_b))
    total = sides[0][0] + sides[1][0]
    shares = [(part / np.where(total == 0, 1, total))[..., None] for part, _ in sides]
    with np.errstate(invalid="ignore", divide="ignore"):
        output = sum(np.where(share > 0, share * y, 0) for share, (_, y) in zip(shares, sides, strict=True))
        lse = shift + np.log(total)
    return output.astype(output_a.dtype), lse.astype(lse_a.dtype)


def last_axis_only(x, axis=-1):
    """A softmax that does not look at `axis`."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


PARTIAL = {
    "merge_attention": {"merge_attention": merged},
    "softmax": {"softmax": last_axis_only},
    "rms_norm_vjp": {"rms_norm_vjp": mc.rms_norm_vjp},
    "best_score_table": {"best_score_table": mc.best_score_table},
}


@pytest.mark.parametrize("operations", PARTIAL.values(), ids=PARTIAL)
def test_pytest_collects_what_the_command_line_judges(operations):
    target = Target.numpy("partial", dtypes=("float64",), **operations)
    topics = {claim.topic for claim in CLAIMS.values() if set(claim.needs) & set(operations)}
    collected = {param.id for param in parametrize_claims(target, *topics).args[1]}
    absent = {c.id for c in CLAIMS.values() if c.topic in topics and not c.speaks_of(operations)}
    assert collected == {c.id for c in CLAIMS.values() if c.topic in topics} - absent
    for claim in absent:
        assert judged(claim, target).outcome == "not_offered"


def test_a_softmax_that_ignores_its_axis_is_refuted_in_pytest():
    target = Target.numpy("partial", softmax=last_axis_only, dtypes=("float64",))
    (check,) = (param.values[0] for param in parametrize_claims(target, "softmax.any_axis").args[1])
    with pytest.raises(AssertionError, match="any_axis: refuted"):
        check()


def test_a_named_claim_that_cannot_be_checked_is_an_error():
    target = Target.numpy("partial", relu=mc.relu, dtypes=("float32",))
    report = verify(target, "softmax.pure", "relu.pure", profile="quick", seed=0)
    assert (report.not_judged, report.passed) == (["softmax.pure"], False)
    assert verify(target, "relu.pure", profile="quick", seed=0).passed
    collected = parametrize_claims(target, "softmax.pure", "relu.pure").args[1]
    (absent,) = (param.values[0] for param in collected if param.id == "softmax.pure")
    with pytest.raises(AssertionError, match="has no `softmax`"):
        absent()


def test_what_holds_is_shown_with_what_was_left_out():
    target = Target.numpy("merge alone", merge_attention=merged)
    report = verify(target, "attention.streaming_equals_full", "relu", profile="quick", seed=0)
    ((_, result),) = ((c, r) for c, r in report.results if r.outcome == "holds")
    assert result.claim == "attention.streaming_equals_full"
    assert any("scaled_dot_product_attention" in reason for reason in result.left_out)
    assert sum(report.counts[o] for o in ("holds", "not_offered")) == report.counts["claims"]
    assert not any(result.claim in claims for claims in report.not_checked.values())
    assert "holds in part" in to_markdown(report)
    assert to_junit(report).count("<skipped") == report.counts["not_offered"]


def short_index(x, axis=-1):
    """An argmax whose rows are counted in 16 bits."""
    y = mc.argmax(x, axis=axis)
    return np.resize(y.reshape(-1)[:32767], y.shape) if y.size > 32767 else y


def first_rows(x, weight, *, epsilon=1e-6):
    """An rms_norm in which all rows past the 8th are that one."""
    y = mc.rms_norm(x, weight, epsilon=epsilon).reshape(-1, x.shape[-1])
    y[8:] = y[7] if len(y) > 8 else 0
    return y.reshape(x.shape)


def batches(query, key, value, **options):
    """An attention whose grid has 1,023 blocks along the first axis."""
    y = mc.scaled_dot_product_attention(query, key, value, **options)
    return y[np.arange(len(y)) % 1023] if isinstance(y, np.ndarray) and y.ndim > 2 else y


def packed(x, weight, *, epsilon=1e-6):
    """An rms_norm that honours strides in the sum and forgets them in the scaling."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    wide = x.astype(np.float64)
    root = np.sqrt((wide * wide).mean(-1, keepdims=True) + epsilon)
    return (np.resize(owner.ravel(order="K"), x.shape) / root * weight).astype(x.dtype)


def another_epsilon(x, weight, **options):
    """An rms_norm that adds 0.01 where nothing is said."""
    return mc.rms_norm(x, weight, **{"epsilon": 1e-2, **options})


def every_matrix(weight, rank):
    """A low_rank that takes stacks of matrices for matrices."""
    u, s, vt = np.linalg.svd(weight.astype(np.float64), full_matrices=False)
    root = np.sqrt(s[..., :rank])
    left, right = u[..., :rank] * root[..., None, :], root[..., None] * vt[..., :rank, :]
    return left.astype(weight.dtype), right.astype(weight.dtype)


def unclipped(a, b, axis=-1):
    """A cosine_similarity that rounding takes beyond 1."""
    a, b = (x.astype(np.float64) / np.maximum(abs(x).max(axis, keepdims=True), 1e-300) for x in (a, b))
    squares = (a * a).sum(axis) * (b * b).sum(axis)
    return (a * b).sum(axis) / np.sqrt(np.where(squares > 0, squares, 1))


def padding(x, cos, sin, *, interleaved=False):
    """An apply_rope that takes an angle of 0 for padding."""
    y = mc.apply_rope(x, cos, sin, interleaved=interleaved)
    return y if sin.any() or not sin.size else y * 0


MISSED = {
    "argmax.many_rows": short_index,
    "rms_norm.many_rows": first_rows,
    "scaled_dot_product_attention.many_rows": batches,
    "rms_norm.layout_free": packed,
    "rms_norm.defaults": another_epsilon,
    "layers.refuses_what_does_not_fit": every_matrix,
    "cosine_similarity.any_length": unclipped,
    "apply_rope.angle_zero_changes_nothing": padding,
}
OPERATIONS = {"layers.refuses_what_does_not_fit": "low_rank"}


@pytest.mark.parametrize(("claim", "wrong"), MISSED.items(), ids=MISSED)
def test_it_is_refuted(claim, wrong):
    operation = OPERATIONS.get(claim, claim.partition(".")[0])
    dtypes = ("float32",) if operation in ("rms_norm", "argmax", "apply_rope") else ("float64",)
    how = {"dtypes": dtypes, "conventions": Conventions(errors="any", cosine="scaled")}
    target = Target.numpy("wrong", **{operation: wrong}, **how)
    right = Target.numpy("right", **{operation: getattr(mc, operation)}, **how)
    assert judged(claim, target).outcome == "refuted"
    assert judged(claim, right).outcome == "holds"


def test_another_default_in_the_signature_is_no_mistake():
    """It is a choice that everybody can read; what a claim leaves out is then said."""

    def own_epsilon(x, weight, *, epsilon=1e-2):
        return mc.rms_norm(x, weight, epsilon=epsilon)

    target = Target.numpy("own", rms_norm=own_epsilon, dtypes=("float32",))
    result = judged("rms_norm.defaults", target)
    assert (result.outcome, result.detail) == ("not_offered", "not supported: rms_norm: its own default of `epsilon`")
    assert judged("rms_norm.any_width", target).outcome == "holds"


GUARDED = (
    "large_arrays.go_where_they_are_told",
    "large_arrays.threads_are_as_said",
    "linear.operation_count",
    "lowrank.is_smaller",
    "heads.cost_the_same",
    "apply_rope.many_rows",
    "softmax.defaults",
)


@pytest.mark.parametrize("claim", GUARDED)
def test_mathcore_behind_the_guard_is_as_right_as_without(claim):
    target = replace(mathcore_target(), guarded=True, silent=False)
    result = judged(claim, target)
    assert (result.outcome, result.left_out) == ("holds", ()), result.detail


def test_out_of_somebody_else_is_written_and_inputs_are_watched():
    def scales_its_input(x, axis=-1, *, where=None, out=None):
        np.multiply(x, 1, out=x.view())
        return mc.softmax(x, axis=axis, where=where, out=out)

    plain = Target.numpy("plain", softmax=mc.softmax, log_softmax=mc.log_softmax, num_threads=lambda: 1)
    assert judged("large_arrays.go_where_they_are_told", plain).outcome == "holds"
    target = Target.numpy("greedy", softmax=scales_its_input, conventions=Conventions())
    assert judged("softmax.pure", target).outcome == "refuted"
