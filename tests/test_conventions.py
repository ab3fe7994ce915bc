"""Foreign implementations that are right by another convention: refuted undeclared, hold declared, are detected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import mathcore
from mathcore.cli import main
from mathcore.probability.softmax_tolerances import softmax_rounding, sum_of_softmax
from mathcore.verify import Conventions, Restrictions, Target, catalogue, detect, mathcore_target
from mathcore.verify.errors import NotTriedError, TargetError
from mathcore.verify.run.diagnosis import check_and_diagnose
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import derived_seed, run_check, run_claim
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.detect import may_follow
from mathcore.verify.targets.probes import DETECTORS
from mathcore.verify.tolerances import arithmetic

CLAIMS = {claim.id: claim for claim in catalogue()}
QUICK = PROFILES["quick"]


def judged(claim, target, seed=0):
    """What becomes of a claim, without a search for other conventions and for answers that would pass as well."""
    return run_claim(CLAIMS[claim], target, None, QUICK, seed)


def refuted(name, target, seed=0):
    """Whether a claim is refuted; by what is not shrunk."""
    claim = CLAIMS[name]
    seeded = ((check, derived_seed(seed, claim.id, i)) for i, check in enumerate(claim.checks))
    return any(run_check(claim, c, target, QUICK, number, shrink=False).outcome == "refuted" for c, number in seeded)


def fails_undeclared_and_holds_declared(claim, target):
    """That the declaration is what a target needs, and all that it needs."""
    assert refuted(claim, target.following(Conventions(errors="none")))
    declared = judged(claim, target)
    assert declared.outcome in ("holds", "not_offered"), declared.detail
    assert declared.tally.examples


# Log-sum-exps.


def fused(own):
    """Attention and merging as fused kernels have them: float64 inside, log-sum-exps by their own conventions."""

    def given_out(lse, dtype):
        lse = lse / np.log(2) if own.lse_base == "2" else lse
        lse = np.where(lse == -np.inf, np.inf, lse) if own.lse_of_nothing == "inf" else lse
        lse = np.swapaxes(lse, -1, -2) if own.lse_layout == "time-first" and lse.ndim > 1 else lse
        return lse.astype({"float32": np.float32, "inputs": dtype, "any": np.float64}[own.lse_dtype])

    def taken(lse):
        lse = np.where(lse == np.inf, -np.inf, lse.astype(np.float64))
        lse = lse * np.log(2) if own.lse_base == "2" else lse
        return np.swapaxes(lse, -1, -2) if own.lse_layout == "time-first" and lse.ndim > 1 else lse

    def swapped(x):
        return np.swapaxes(x, -3, -2) if own.attention_layout == "time-first" and x.ndim > 2 else x

    def attention(
        query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, return_lse=False
    ):
        q, k, v = (swapped(x).astype(np.float64) for x in (query, key, value))
        bias = bias if bias is None else bias.astype(np.float64)
        how = {"mask": mask, "bias": bias, "is_causal": is_causal, "query_offset": query_offset, "scale": scale}
        output, lse = mathcore.scaled_dot_product_attention(q, k, v, **how, return_lse=True)
        output = swapped(output).astype(query.dtype)
        return (output, given_out(lse, query.dtype)) if return_lse else output

    def merge(output_a, lse_a, output_b, lse_b):
        a, b = (swapped(x).astype(np.float64) for x in (output_a, output_b))
        output, lse = mathcore.merge_attention(a, taken(lse_a), b, taken(lse_b))
        return swapped(output).astype(output_a.dtype), given_out(lse, output_a.dtype)

    def blockwise(
        query, key, value, *, mask=None, bias=None, is_causal=False, query_offset=0, scale=None, return_lse=False,
        block_size=512,
    ):  # fmt: skip
        arrays = [swapped(x).astype(np.float64) for x in (query, key, value)]
        bias = bias if bias is None else bias.astype(np.float64)
        how = {"mask": mask, "bias": bias, "is_causal": is_causal, "query_offset": query_offset, "scale": scale}
        output, lse = mathcore.blockwise_attention(*arrays, **how, return_lse=True, block_size=block_size)
        output = swapped(output).astype(query.dtype)
        return (output, given_out(lse, query.dtype)) if return_lse else output

    return Target.numpy(
        "fused", scaled_dot_product_attention=attention, merge_attention=merge, blockwise_attention=blockwise,
        dtypes=("float64", "float32", "float16"), conventions=own,
    )  # fmt: skip


LSE = [
    {"lse_base": "2"},
    {"lse_of_nothing": "inf"},
    {"lse_layout": "time-first"},
    {"lse_dtype": "inputs"},
    {"lse_dtype": "float32", "lse_base": "2", "lse_of_nothing": "inf", "lse_layout": "time-first"},
    {"attention_layout": "time-first", "lse_dtype": "float32"},
    {"attention_layout": "time-first", "lse_layout": "time-first", "lse_base": "2"},
]


@pytest.mark.parametrize("declared", LSE, ids=lambda d: ",".join(f"{k}={v}" for k, v in d.items()))
def test_log_sum_exps_by_another_convention(declared):
    target = fused(Conventions(errors="none", **declared))
    fails_undeclared_and_holds_declared("attention.options_commute", target)
    result = judged("attention.streaming_equals_full", target)
    assert result.outcome == "holds", result.detail
    found = detect(target).conventions
    assert found == Conventions(errors="none", **declared)


def test_log_sum_exps_in_the_wrong_base_are_refuted_by_either_declaration():
    right, half = fused(Conventions(lse_base="2", errors="none")), Conventions(lse_of_nothing="inf", errors="none")
    assert refuted("attention.options_commute", right.following(half))
    natural = fused(Conventions(errors="none")).following(right.conventions)
    assert refuted("attention.options_commute", natural)
    assert refuted("attention.streaming_equals_full", natural)


# Halves.


def of_halves(wrong=0.0):
    """Log-softmax step by step in the dtype that came."""

    def log_softmax(x, axis=-1):
        x = x - x.max(axis, keepdims=True)
        return x - np.log(np.exp(x).sum(axis, keepdims=True)) * x.dtype.type(1 + wrong)

    return Target.numpy("steps", log_softmax=log_softmax, dtypes="float16",
                        conventions=Conventions(errors="none", softmax_of_nothing="nan", log_softmax="shifted",
                                                half_precision="stepwise"))  # fmt: skip


def test_halves_computed_in_themselves():
    target = of_halves()
    assert refuted("log_softmax.accuracy", target.following(replace(target.conventions, half_precision="float32")))
    for claim in ("accuracy", "dominant_score", "idempotent", "any_width", "rows_are_independent"):
        result = judged(f"log_softmax.{claim}", target)
        assert result.outcome == "holds", result.detail
        assert result.tally.examples
    assert detect(target).value("half_precision") == "stepwise"
    assert detect(Target.numpy("mathcore", log_softmax=mathcore.log_softmax)).value("half_precision") == "float32"
    assert refuted("log_softmax.accuracy", of_halves(wrong=0.02))


def test_a_bound_that_says_nothing_is_infinite():
    with arithmetic(Conventions(half_precision="stepwise")):
        assert np.isinf(sum_of_softmax(2**12, np.float16).values)
        assert np.isinf(softmax_rounding(np.zeros(2**12), np.full(2**12, 2.0**-12), np.float16).values).all()
    assert sum_of_softmax(2**12, np.float16).values < 2.0**-10


# Normalisation.


def rms_norm_of(own):
    """RMSNorm as Llama and Gemma have it, and its derivative."""

    def normalised(x, epsilon):
        wide = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
        r = np.sqrt((wide * wide).mean(-1, keepdims=True) + wide.dtype.type(epsilon))
        return wide / r, r

    def scale(weight):
        return weight.dtype.type(1) + weight if own.rms_norm_weight == "one-plus" else weight

    def rms_norm(x, weight, *, epsilon=1e-6):
        u, _ = normalised(x, epsilon)
        u = u.astype(x.dtype) if own.rms_norm_rounding == "before-weight" else u
        return (scale(weight) * u).astype(x.dtype)

    def rms_norm_vjp(cotangent, x, weight, *, epsilon=1e-6):
        u, r = normalised(x, epsilon)
        h = (
            (cotangent * scale(weight)).astype(x.dtype)
            if own.rms_norm_rounding == "before-weight"
            else cotangent.astype(u.dtype) * scale(weight)
        )
        x_bar = (h - u * (u * h).mean(-1, keepdims=True)) / r
        if own.rms_norm_rounding == "before-weight":
            u, cotangent = u.astype(x.dtype), cotangent.astype(x.dtype)
        w_bar = (u * cotangent).astype(np.float64).reshape(-1, x.shape[-1]).sum(0)
        return x_bar.astype(x.dtype), w_bar.astype(weight.dtype)

    return Target.numpy("norm", rms_norm=rms_norm, rms_norm_vjp=rms_norm_vjp, conventions=own,
                        dtypes=("float64", "float32", "float16"))  # fmt: skip


NORMS = [
    {"rms_norm_weight": "one-plus"},
    {"rms_norm_rounding": "before-weight"},
    {"rms_norm_weight": "one-plus", "rms_norm_rounding": "before-weight"},
]


@pytest.mark.parametrize("declared", NORMS, ids=str)
def test_a_norm_by_another_convention(declared):
    target = rms_norm_of(Conventions(errors="none", **declared))
    fails_undeclared_and_holds_declared("rms_norm.is_the_formula", target)
    for claim in ("ignores_length", "vjp_is_the_derivative", "rows_are_independent", "keeps_dtype", "pure"):
        result = judged(f"rms_norm.{claim}", target)
        assert result.outcome == "holds", result.detail
    assert detect(target).conventions == Conventions(errors="none", **declared)


def test_a_wrong_norm_is_refuted_whatever_it_declares():
    def centred(x, weight, *, epsilon=1e-6):
        x = x - x.mean(-1, keepdims=True)
        return rms_norm_of(Conventions()).operations["rms_norm"](x, weight, epsilon=epsilon)

    for declared in ({}, *NORMS):
        wrong = Target.numpy("centred", rms_norm=centred, conventions=Conventions(errors="none", **declared))
        assert refuted("rms_norm.is_the_formula", wrong)


# Cosines.


def cosine_of(own):
    """The cosine as PyTorch has it, each length at least ε, or without any care."""

    def cosine_similarity(a, b, axis=-1):
        wide = [x.astype(np.float64 if x.dtype == np.float64 else np.float32) for x in (a, b)]
        lengths = [np.sqrt((x * x).sum(axis)) for x in wide]
        if own.cosine_floor:
            lengths = [np.maximum(n, n.dtype.type(own.cosine_floor)) for n in lengths]
        with np.errstate(invalid="ignore"):
            return ((wide[0] * wide[1]).sum(axis) / lengths[0] / lengths[1]).astype(np.result_type(a, b))

    return Target.numpy("cosine", cosine_similarity=cosine_similarity, conventions=own, dtypes=("float64", "float32"))


def test_the_cosine_of_nothing_and_of_little_is_a_convention():
    rest = Conventions(errors="none")
    for own in (
        Conventions(errors="none", cosine_of_nothing="nan"),
        Conventions(errors="none", cosine_floor=1e-8),
        Conventions(errors="none", cosine_floor=1e-6),
    ):
        target, zero = cosine_of(own), np.zeros((1, 3))
        for claim in ("embedding.cosine_in_range", "cosine_similarity.rows_are_independent"):
            result = judged(claim, target)
            assert result.outcome == "holds", result.detail
        assert Caller(target)("cosine_similarity", (zero, zero + 1), {}) == 0
        found = detect(target).conventions
        assert (found.cosine_floor, found.cosine_of_nothing) == (own.cosine_floor, own.cosine_of_nothing)
    with pytest.raises(NotTriedError, match="shorter than"):
        Caller(cosine_of(own))("cosine_similarity", (np.full((1, 3), 1e-7), np.ones((1, 3))), {})
    assert np.isnan(Caller(cosine_of(rest))("cosine_similarity", (zero, zero + 1), {}))


# What is hidden, and what is not implemented.


def careless(query, key, value, *, mask=None, is_causal=False, scale=None):
    """Attention that multiplies what is hidden by 0, and takes a mask or causality."""
    if mask is not None and is_causal:
        raise NotImplementedError("mask and is_causal exclude one another\nsee the manual")
    if query.ndim > 2:
        key, value = (np.repeat(x, query.shape[-3] // x.shape[-3], -3) for x in (key, value))
    wide = [x.astype(np.float64) for x in (query, key, value)]
    scores = wide[0] @ np.swapaxes(wide[1], -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    seen = np.tri(*scores.shape[-2:]) > 0 if is_causal else True if mask is None else mask
    scores = np.where(seen, scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return (e / np.where(total == 0, 1, total) @ wide[2]).astype(query.dtype)


HIDDEN = ("attention.mask_excludes", "attention.causal_sees_no_future")


def test_what_is_hidden_may_have_to_be_finite():
    own = Conventions(errors="none", hidden_values="finite")
    target = Target.numpy("careless", scaled_dot_product_attention=careless, conventions=own)
    for claim in HIDDEN:
        assert refuted(claim, target.following(Conventions(errors="none")))
        result = judged(claim, target)
        assert result.outcome == "holds", result.detail
        assert result.tally.examples
        assert any("where they are masked" in reason for reason in result.tally.not_tried)
    assert detect(target).conventions.hidden_values == "finite"

    def leaks(query, key, value, *, mask=None, is_causal=False, scale=None):
        return careless(query, key, value, mask=None if mask is None else mask | (np.arange(mask.shape[-1]) == 1),
                        is_causal=is_causal, scale=scale)  # fmt: skip

    wrong = Target.numpy("leaks", scaled_dot_product_attention=leaks, conventions=own)
    assert refuted("attention.mask_excludes", wrong)


def test_what_is_not_implemented_is_not_tried_and_counted_with_its_words():
    own = Conventions(errors="none", hidden_values="finite")
    target = Target.numpy("careless", scaled_dot_product_attention=careless, conventions=own)
    result = judged("attention.options_commute", target)
    assert result.outcome == "holds", result.detail
    words = "scaled_dot_product_attention: not implemented: mask and is_causal exclude one another"
    assert result.tally.not_tried[words]
    exclusive = replace(target, restrictions=Restrictions(exclusive=(("mask", "is_causal"),)))
    result = judged("attention.options_commute", exclusive)
    assert words not in result.tally.not_tried
    assert result.tally.not_tried["scaled_dot_product_attention: `mask` with `is_causal`"]


# Rotations.


def rotated(x, cos, sin):
    """Half-split pairs, by tables of full width, as Hugging Face has it."""
    half = x.shape[-1] // 2
    turned = np.concatenate([-x[..., half:], x[..., :half]], -1)
    return (x * cos + turned * sin).astype(x.dtype)


def with_frequencies(x, positions, inv_freq):
    """RoPE by given frequencies."""
    wide = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
    angle = np.asarray(positions, np.float64)[..., None] * inv_freq
    angle = np.concatenate([angle, angle], -1)
    return rotated(wide, np.cos(angle).astype(wide.dtype), np.sin(angle).astype(wide.dtype)).astype(x.dtype)


def with_fixed_base(x, positions):
    """RoPE as Llama 3 has it."""
    return with_frequencies(x, positions, 500_000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1]))


ROPE = ("rope.anchor", "rope.relative_only", "rope.preserves_norm")


def test_a_fixed_base_is_a_convention_and_only_it_is_tried():
    own = Conventions(errors="none", rope_base=500_000.0)
    target = Target.numpy("llama 3", rope=with_fixed_base, conventions=own, dtypes=("float64", "float32"))
    for claim in ROPE:
        result = judged(claim, target)
        assert (result.outcome, bool(result.tally.examples)) == ("holds", True), result.detail
    assert refuted("rope.anchor", target.following(Conventions(errors="none")))
    assert detect(target).conventions == Conventions(rope_base=500_000.0)


def test_a_function_may_take_frequencies_in_place_of_their_base():
    own = Conventions(errors="none")
    target = Target.numpy("given", rope=with_frequencies, conventions=own, dtypes=("float64", "float32"))
    assert "base" not in target.lacking
    for claim in ROPE:
        result = judged(claim, target)
        assert result.outcome == "holds", result.detail
    x = np.ones((2, 4))
    came = Caller(target)("rope", (x, np.array([3, 5])), {"base": 100.0})
    assert np.allclose(came, mathcore.rope(x, np.array([3, 5]), base=100.0), atol=1e-15)


def test_tables_of_full_width_are_a_convention():
    def apply_rope(x, cos, sin):
        wide = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
        return rotated(wide, cos.astype(wide.dtype), sin.astype(wide.dtype)).astype(x.dtype)

    def rope_cos_sin(positions, rotary_dim, *, base=10_000.0):
        return tuple(np.concatenate([x, x], -1) for x in mathcore.rope_cos_sin(positions, rotary_dim, base=base))

    own = Conventions(errors="none", rope_table="full")
    target = Target.numpy("hf", apply_rope=apply_rope, rope_cos_sin=rope_cos_sin, conventions=own)
    assert detect(target).conventions.rope_table == "full"
    for claim in ("rope.fast_form", "apply_rope.any_width", "rope_cos_sin.any_width"):
        fails_undeclared_and_holds_declared(claim, target)


# Axes and empty arrays.


def test_arrays_get_the_axes_that_a_target_needs():
    seen = set()

    def attention(query, key, value, mask=None, bias=None):
        seen.update(x.ndim for x in (query, key, value, mask, bias) if x is not None)
        return mathcore.scaled_dot_product_attention(query, key, value, mask=mask, bias=bias)

    limits = Restrictions(min_axes=4, max_axes=4)
    target = Target.numpy("4-D", scaled_dot_product_attention=attention, restrictions=limits,
                          conventions=Conventions(errors="none"))  # fmt: skip
    result = judged("attention.options_commute", target)
    assert (result.outcome, seen) == ("holds", {4}), result.detail
    assert not any("fewer than" in reason for reason in result.tally.not_tried)


def test_empty_arrays_are_tried_only_if_a_target_says_so():
    def linear(x, weight):
        assert x.size
        assert weight.size
        return x @ weight

    target = Target.numpy("no empties", linear=linear, conventions=Conventions(errors="none"))
    results = [(c, judged(c, target)) for c in CLAIMS if c.startswith("linear.any_width")]
    assert {r.outcome for _, r in results} == {"holds"}
    empty = np.zeros((0, 3)), np.zeros((3, 2))
    with pytest.raises(NotTriedError, match="empty arrays"):
        Caller(target)("linear", empty, {})
    asked = replace(target, restrictions=Restrictions(empty=True))
    with pytest.raises(TargetError, match="AssertionError"):
        Caller(asked)("linear", empty, {})


# Detection.


def test_mathcore_follows_the_defaults_and_nothing_about_it_is_unknown():
    own = Conventions(errors="mathcore")
    operations = mathcore_target().operations
    found = detect(Target.numpy("mathcore", **{name: operations[name] for name in DETECTORS}))
    assert found.unknown == []
    assert own.difference(found.conventions) == {
        "errors": "any",
        "log_softmax": "log1p",
        "activation_tails": "relative",
    }


def ahead(query, key, value, *, mask=None, is_causal=False, scale=None):
    """Causal attention that sees one key too many."""
    q = mathcore.scaled_dot_product_attention
    return q(query, key, value, mask=mask, is_causal=is_causal, query_offset=1 if is_causal else 0, scale=scale)


def strange(query, key, value):
    """Shared key heads in an order of its own, if there are 3 of them."""
    order = np.arange(key.shape[-3])
    order = np.roll(order, 1) if len(order) == 3 and query.shape[-3] > 3 else order
    return mathcore.scaled_dot_product_attention(query, key[..., order, :, :], value[..., order, :, :])


def test_a_mistake_is_unknown_and_not_offered_as_a_convention():
    target = Target.numpy("ahead", scaled_dot_product_attention=ahead, conventions=Conventions(errors="none"))
    found = detect(target)
    assert found.unknown == ["causal_alignment"]
    assert found.conventions == Conventions()
    for claim in ("attention.causal_sees_no_future", "attention.options_commute"):
        result = check_and_diagnose(CLAIMS[claim], target, QUICK, 0)
        assert (result.outcome, result.advice) == ("refuted", "")
    found = detect(Target.numpy("strange", scaled_dot_product_attention=strange))
    assert found.unknown == ["grouped_heads"]


def test_a_function_that_raises_on_good_arguments_refuses_nothing():
    found = detect(Target.numpy("another", argmax=lambda x, y: np.argmax(x - y, -1)))
    assert "errors" in found.unknown
    # What another operation shows counts.
    mixed = Target.numpy("mixed", argmax=lambda x, y: np.argmax(x - y, -1), rms_norm=mathcore.rms_norm)
    assert (detect(mixed).value("errors"), "errors" in detect(mixed).unknown) == ("any", False)


def test_no_convention_is_advised_that_detection_does_not_find():
    def first_of(x):
        return np.asarray(x.shape[-1] - 1 - np.argmax(x[..., ::-1], -1)) if x.shape[-1] < 4 else np.argmax(x, -1)

    target = Target.numpy("mixed", argmax=first_of)
    assert may_follow(target, ("argmax",), "argmax_ties", "first")
    assert not may_follow(target, ("argmax",), "argmax_ties", "last")
    assert may_follow(target, ("argmax",), "attention_scale", "1")  # no detector of argmax speaks against it


def test_detect_says_what_is_unknown_by_its_exit_status(tmp_path, monkeypatch):
    (tmp_path / "odd_kernels.py").write_text(
        "import numpy as np\nimport mathcore\n"
        "def halved(x, weight, *, epsilon=1e-6):\n    return mathcore.rms_norm(x, weight, epsilon=epsilon) / 2\n"
        "def one_plus(x, weight, *, epsilon=1e-6):\n    return mathcore.rms_norm(x, 1 + weight, epsilon=epsilon)\n"
        "def usual(x):\n    return np.argmax(x, -1)\n"
    )
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    wrong = run(main, ["detect", "rms_norm=odd_kernels:halved"])
    assert wrong.exit_code == 1
    assert "unknown: rms_norm_weight" in wrong.output
    assert "nothing needs to be declared" not in wrong.output
    other = run(main, ["detect", "rms_norm=odd_kernels:one_plus"])
    assert other.exit_code == 0
    assert "rms_norm_weight='one-plus'" in other.output
    assert "--convention rms_norm_weight=one-plus" in other.output
    usual = run(main, ["detect", "argmax=odd_kernels:usual"])
    assert (usual.exit_code, "errors=none" in usual.output) == (0, True)
    none = run(main, ["detect", "word_tokenizer=odd_kernels:usual"])
    assert none.exit_code == 2
    assert "scaled_dot_product_attention" in none.output
