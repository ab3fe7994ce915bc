"""Derivatives that a framework makes: right ones hold; one that is lost, cut off, scaled or wrong is refuted."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from mathcore.verify import Conventions, Target, verify
from mathcore.verify.run.session import Functions
from mathcore.verify.targets.derive import _flatten, derived

HOW: dict[str, Any] = {"dtypes": ("float32",), "conventions": Conventions(errors="none")}


def outcome(target: Target, claim: str) -> tuple[str, str]:
    """What a claim says of a target, and why."""
    (_, result), *_ = verify(target, claim, profile="quick", seed=0, workers=1).results
    return result.outcome, result.detail


def torch_losses() -> dict[str, Any]:
    """The loss of torch.nn.functional, right and with four mistakes in what autograd sees."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mathcore[frameworks]'")

    def loss(logits, targets, *, axis=-1, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
        rows = torch.movedim(logits, axis, -1)
        ignored = -100 if ignore_index is None else ignore_index
        each = torch.nn.functional.cross_entropy(
            rows.reshape(-1, rows.shape[-1]), targets.reshape(-1).long(),
            ignore_index=ignored, label_smoothing=label_smoothing, reduction=reduction,
        )  # fmt: skip
        return each.reshape(targets.shape) if reduction == "none" else each

    def fused(logits, targets, *, reduction="mean"):
        return Fused.apply(logits, targets.long(), reduction)

    class Fused(torch.autograd.Function):  # type: ignore[name-defined]
        """A loss with a derivative of its own, which forgets to divide by the number of rows."""

        @staticmethod
        def forward(ctx, logits, targets, reduction):
            shares = torch.softmax(logits, -1)
            ctx.save_for_backward(shares, targets)
            return loss(logits, targets, reduction=reduction)

        @staticmethod
        def backward(ctx, cotangent):
            shares, targets = ctx.saved_tensors
            ones = torch.nn.functional.one_hot(targets, shares.shape[-1])
            g = cotangent[..., None] if cotangent.ndim else cotangent
            return (shares - ones) * g, None, None

    return {
        "right": loss,
        "lost": lambda logits, targets, **options: loss(logits.detach(), targets, **options),
        "scaled": lambda logits, targets, **options: loss(2 * logits - logits.detach(), targets, **options),
        "fused": fused,
    }


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("right", ""),
        ("lost", "cut off from every argument"),
        ("scaled", "fails: error"),
        ("fused", "fails: error"),
    ],
)
def test_the_gradient_of_a_loss_is_asked_of_autograd(kind, words):
    target = Target.torch(kind, derive="autograd", cross_entropy=torch_losses()[kind], **HOW)
    assert set(target.operations) == {"cross_entropy", "cross_entropy_vjp"}
    said, why = outcome(target, "cross_entropy.gradient_is_the_error")
    assert said == ("refuted" if words else "holds"), why
    assert words in why


def test_an_argument_that_no_gradient_reaches_is_named():
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mathcore[frameworks]'")

    def norm(x, weight, *, epsilon=1e-6):
        return torch.nn.functional.rms_norm(x, x.shape[-1:], weight.detach(), epsilon)

    said, why = outcome(Target.torch("cut", derive="autograd", rms_norm=norm, **HOW), "rms_norm.vjp_is_the_derivative")
    assert said == "refuted"
    assert "no gradient reaches `weight`" in why


def test_jax_differentiates_as_well():
    jax = pytest.importorskip("jax", reason="needs jax: pip install 'mathcore[frameworks]'")
    lost = {"right": jax.nn.softmax, "cut": lambda x, axis=-1: jax.nn.softmax(jax.lax.stop_gradient(x), axis)}
    for kind, softmax in lost.items():
        target = Target.jax(kind, derive="vjp", softmax=lambda x, axis=-1, f=softmax: f(x, axis), **HOW)
        assert outcome(target, "softmax.gradient")[0] == ("holds" if kind == "right" else "refuted")


def halves(function, leaves, cotangent):
    """A framework that says half of the cotangent, and nothing of a second argument."""
    function(*leaves)
    return [cotangent / 2, *(None for _ in leaves[1:])]


def test_derivatives_that_are_given_stay_and_the_signature_is_that_of_the_function(monkeypatch):
    monkeypatch.setitem(derived.__globals__["PULL_BACKS"], "halves", ("half", halves))
    own = {"relu": abs, "relu_vjp": min, "softmax": lambda x, dim: x, "argmax": max}
    found = derived("halves", "half", own)
    assert set(found) == {*own, "softmax_vjp"}
    assert found["relu_vjp"] is min
    assert found["softmax_vjp"](6.0, 1.0, dim=0) == 3.0
    with pytest.raises(RuntimeError, match="no gradient reaches `weight` and `bias`"):
        derived("halves", "half", {"linear": lambda x, weight, bias: x})["linear_vjp"](6.0, 1.0, 2.0, bias=3.0)


def test_frameworks_differentiate_by_their_own_names():
    with pytest.raises(ValueError, match="numpy has none, got 'autograd'"):
        derived("numpy", "autograd", {})
    with pytest.raises(LookupError, match=r"jax has 'vjp', got 'autograd'|needs jax"):
        Functions({"relu": "operator:abs"}, adapter="jax", derive="autograd").target()


def test_arguments_may_be_named_tuples():
    class Layer(NamedTuple):
        weight: Any
        bias: Any

    leaves, rebuild = _flatten({"first": Layer(1, [2, 3]), "rest": (4,)})
    assert leaves == [1, 2, 3, 4]
    assert rebuild([5, 6, 7, 8]) == {"first": Layer(5, [6, 7]), "rest": (8,)}
    assert isinstance(rebuild(leaves)["first"], Layer)
