"""Bits across calls and digits near 0 are promises: whoever makes none is right within rounding, and leaks are seen."""

from dataclasses import replace

import numpy as np
import pytest

import mathcore as mc
from mathcore.attention.textbook import lower_triangle
from mathcore.verify import Conventions, Operations, Target, catalogue, detect, equal, identical, mathcore_target
from mathcore.verify.promises import close, in_place_of, reproduced
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import derived_seed, refutes, run_check
from mathcore.verify.tolerances import rounding

CLAIMS = {claim.id: claim for claim in catalogue()}
FEW = replace(PROFILES["quick"], examples=25)
NAN = Conventions(errors="none", softmax_of_nothing="nan", cross_entropy_of_nothing=float("nan"))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def logsumexp(x, axis=-1):
    top = x.max(axis, keepdims=True)
    top = np.where(np.isinf(top), 0, top)
    return (top + np.log(np.exp(x - top).sum(axis, keepdims=True))).squeeze(axis)


def shifted_log_softmax(x, axis=-1):
    below = x - x.max(axis, keepdims=True)
    return below - np.log(np.exp(below).sum(axis, keepdims=True))


def log_softmax(x, axis=-1):
    return x - np.expand_dims(logsumexp(x, axis), axis)


def logsumexp_vjp(cotangent, x, axis=-1):
    return np.expand_dims(cotangent, axis) * np.exp(log_softmax(x, axis))


def cross_entropy(logits, targets, *, reduction="mean"):
    loss = logsumexp(logits) - np.take_along_axis(logits, targets[..., None].astype(int), -1)[..., 0]
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def cross_entropy_vjp(cotangent, logits, targets, *, reduction="mean"):
    p = softmax(logits)
    p[np.arange(len(p)), targets] -= 1
    share = np.broadcast_to(cotangent, targets.shape)[:, None]
    return p * (share / p.dtype.type(len(p)) if reduction == "mean" else share)


def rms_norm(x, weight, *, epsilon=1e-6):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(epsilon)) * weight


def cosine_similarity(a, b):
    cosine = (a * b).sum(-1) / np.maximum(np.sqrt((a * a).sum(-1) * (b * b).sum(-1)), np.finfo(a.dtype).tiny)
    return np.clip(cosine, -1, 1)


def attention(query, key, value, *, mask=None, is_causal=False, scale=None):
    """By matrices, or key by key where they would multiply a NaN by 0."""
    if query.ndim > 2:
        key, value = (np.repeat(x, query.shape[-3] // x.shape[-3], -3) for x in (key, value))
    seen = np.ones((*query.shape[:-1], key.shape[-2]), bool)
    seen = seen if mask is None else seen & mask
    seen = seen & lower_triangle(query.shape[-2], key.shape[-2], 0) if is_causal else seen
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    with np.errstate(all="ignore"):
        scores = np.where(seen, (query @ key.swapaxes(-1, -2)) * query.dtype.type(scale), -np.inf).astype(query.dtype)
        p = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), np.finfo(query.dtype).min))
        p = np.where(seen, p, 0)
        total = p.sum(-1, keepdims=True)
    if np.isfinite(key).all() and np.isfinite(value).all():
        return p @ value / np.where(total > 0, total, 1)
    p, out = p / np.where(total > 0, total, 1), np.zeros((*query.shape[:-1], value.shape[-1]), query.dtype)
    for j in range(key.shape[-2])[::-1]:
        out += np.where(seen[..., j, None], p[..., j, None] * value[..., None, j, :], 0)
    return out


ROWS = Target.numpy(
    "rows", dtypes=("float64", "float32"), conventions=NAN, softmax=softmax, log_softmax=log_softmax,
    logsumexp=logsumexp, logsumexp_vjp=logsumexp_vjp, cross_entropy=cross_entropy, cross_entropy_vjp=cross_entropy_vjp,
    rms_norm=rms_norm, cosine_similarity=cosine_similarity,
)  # fmt: skip
ATTENTION = Target.numpy("attention", dtypes=("float64", "float32"), scaled_dot_product_attention=attention)
OTHER_PATH = Target.numpy(
    "a derivative that starts anew where it meets NaN", dtypes=("float64",),
    conventions=Conventions(attention_of_nothing="zeros"),
    scaled_dot_product_attention_vjp=lambda cotangent, *arrays, **options: tuple(
        # by another order of summation, which is right and of other bits
        x if np.isfinite(cotangent).all() else x * (1 + 2.0**-52)
        for x in mc.scaled_dot_product_attention_vjp(cotangent, *arrays, **options)
    ),
)  # fmt: skip


def outcomes(claim_id, target, profile=FEW):
    """What becomes of the checks that the target offers the operations for."""
    claim = CLAIMS[claim_id]
    results = [
        run_check(claim, check, target, profile, derived_seed(0, claim_id, i))
        for i, check in enumerate(claim.checks)
        if not check.counterexample and check.rung != "exact"
    ]
    return {(r.outcome, r.detail if r.outcome == "refuted" else "") for r in results if r.outcome != "not_offered"}


@pytest.mark.parametrize(
    ("claim", "target"),
    [
        *((claim, ROWS) for claim in (
            "large_arrays.equal_their_rows", "softmax.shift_invariant", "log_softmax.shift_invariant",
            "log_softmax.accuracy", "log_softmax.idempotent", "log_softmax.dominant_score", "logsumexp.dominant_score",
            "logsumexp.bounds", "logsumexp.gradient", "softmax.special_values", "cross_entropy.accuracy",
            "cross_entropy.alignment",
            "cross_entropy.gradient_keeps_its_digits", "cross_entropy.partition", "cross_entropy.shift_invariant",
            "cosine_similarity.any_length", "rms_norm.ignores_length", "rms_norm.rows_are_independent",
        )),
        ("attention.mask_excludes", ATTENTION),
        ("attention.errors_come_back_where_they_were_seen", OTHER_PATH),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)  # fmt: skip
def test_what_is_written_as_people_write_it_is_right(claim, target):
    assert outcomes(claim, target) == {("holds", "")}


def test_what_promises_more_is_held_to_it():
    promising = ROWS.following(replace(NAN, log_softmax="log1p", cosine="scaled"))
    for claim in ("log_softmax.dominant_score", "cross_entropy.alignment", "cosine_similarity.any_length"):
        assert "refuted" in {outcome for outcome, _ in outcomes(claim, promising)}
    bits = OTHER_PATH.following(Conventions(reproducible="bitwise"))
    (told,) = outcomes("attention.errors_come_back_where_they_were_seen", bits)
    assert told[0] == "refuted"


PROMISING_NOTHING = replace(
    mathcore_target(), exact=False, guarded=True, silent=False,
    conventions=replace(mathcore_target().conventions, reproducible="any"),
)  # fmt: skip
LEAKS = {
    "softmax.rows_are_independent": "maximum_of_everything",
    "softmax.where_excludes": "excluded_after_the_fact",
    "linear.rows_are_independent": "rows_touch",
    "linear.columns_are_detectors": "columns_touch",
    "rope.rows_are_independent": "rows_mixed",
    "cosine_similarity.rows_are_independent": "rows_touch",
    "attention.mask_excludes": "mask_ignored",
    "attention.causal_sees_no_future": "one_word_ahead",
    "attention.grouped_heads": "nan_across_heads",
    "attention.errors_come_back_where_they_were_seen": "",
    "large_arrays.attention_of_each_query": "first_head_for_all",
}


@pytest.mark.parametrize(("claim", "name"), LEAKS.items(), ids=LEAKS)
def test_leaks_are_seen_without_a_promise(claim, name):
    mutant = next(m for m in CLAIMS[claim].refuted_by if name in m.name)
    assert refutes(CLAIMS[claim], mutant, PROMISING_NOTHING, PROFILES["quick"], 0)


def ops(**conventions):
    return Operations(Target.numpy("some", conventions=Conventions(**conventions)), needs=())


def test_bits_are_compared_where_they_are_promised_alone():
    one, two = np.array([1.0]), np.array([np.nextafter(1.0, 2.0)])
    otherwise = equal(one, two, within=rounding(two, "float64") * 2)
    assert reproduced(ops(), one, two, lambda: otherwise) is otherwise
    (part,) = reproduced(ops(reproducible="bitwise"), one, two, lambda: otherwise).parts
    assert part.error == np.inf
    (part,) = reproduced(ops(), one, one.copy(), lambda: otherwise).parts
    assert part.allowance == 0
    (part,) = reproduced(ops(reproducible="bitwise"), (one,), (-0.0 * one,), lambda: otherwise, same=equal).parts
    assert part.error == 1


def test_close_answers_match_nan_and_infinity():
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    assert not close(x, x, rounding(x, "float64")).error.any()
    assert close(x, np.zeros(4), rounding(np.ones(4), "float64")).error.tolist() == [1, np.inf, np.inf, np.inf]
    assert close(x, x.astype(np.float32), rounding(x, "float64")).symbol == identical(x, x).symbol
    assert in_place_of(x, np.zeros(4), x == 1).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("operations", "grade"),
    [
        ({"log_softmax": mc.log_softmax, "cross_entropy": mc.cross_entropy}, "log1p"),
        ({"log_softmax": shifted_log_softmax}, "shifted"),
        ({"log_softmax": mc.log_softmax, "cross_entropy": cross_entropy}, "lse"),
        ({"log_softmax": shifted_log_softmax, "logsumexp_vjp": logsumexp_vjp}, "lse"),
        ({"cross_entropy_vjp": cross_entropy_vjp}, "shifted"),
    ],
)
def test_the_grade_is_that_of_the_least_accurate_operation(operations, grade):
    assert detect(Target.numpy("some", **operations)).conventions.log_softmax == grade


def test_no_promise_of_bits_is_detected():
    assert detect(Target.numpy("some", softmax=mc.softmax)).conventions.reproducible == "any"


def test_only_weaker_promises_are_suggested():
    suggested = mathcore_target().conventions.alternatives(("log_softmax",))
    assert {c.log_softmax for c in suggested} == {"log1p", "shifted", "lse"}
    others = Conventions().alternatives(("softmax", "log_softmax"))
    assert all(c.reproducible == "any" and c.log_softmax != "log1p" for c in others)
