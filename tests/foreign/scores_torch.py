"""Softmax and its relatives in PyTorch: `torch.nn.functional`, by hand, and gradients by autograd."""

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Restrictions, Target


def pulled_back(cotangent, function, *inputs):
    """What autograd makes of a cotangent."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    found = torch.autograd.grad(function(*leaves), leaves, cotangent)
    return found if len(found) > 1 else found[0]


def softmax(x, dim=-1):
    return F.softmax(x, dim)


def softmax_vjp(cotangent, x, dim=-1):
    return pulled_back(cotangent, lambda leaf: F.softmax(leaf, dim), x)


def log_softmax(x, dim=-1):
    return F.log_softmax(x, dim)


def log_softmax_vjp(cotangent, x, dim=-1):
    return pulled_back(cotangent, lambda leaf: F.log_softmax(leaf, dim), x)


def logsumexp(x, dim=-1, *, keepdim=False):
    return torch.logsumexp(x, dim, keepdim=keepdim)


def logsumexp_vjp(cotangent, x, dim=-1, *, keepdim=False):
    return pulled_back(cotangent, lambda leaf: torch.logsumexp(leaf, dim, keepdim=keepdim), x)


def in_float32(x, dim=-1):
    """As autocast has it."""
    return F.softmax(x, dim, dtype=torch.float32).to(x.dtype)


def in_float32_vjp(cotangent, x, dim=-1):
    return pulled_back(cotangent, lambda leaf: in_float32(leaf, dim), x)


def by_hand(x, dim=-1):
    e = torch.exp(x - x.amax(dim, keepdim=True))
    return e / e.sum(dim, keepdim=True)


def log_by_hand(x, dim=-1):
    return x - torch.logsumexp(x, dim, keepdim=True)


def by_hand_vjp(cotangent, x, dim=-1):
    return pulled_back(cotangent, lambda leaf: by_hand(leaf, dim), x)


def with_temperature(x, temperature, dim=-1):
    return F.softmax(x / temperature, dim)


def with_temperature_vjp(cotangent, x, temperature, dim=-1):
    return pulled_back(cotangent, lambda leaf: with_temperature(leaf, temperature, dim), x)


def cross_entropy(logits, targets, *, axis=-1, weight=None, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    classes = logits.movedim(axis, 1 if logits.ndim > 1 else 0)
    soft = targets.is_floating_point() and targets.ndim == logits.ndim
    wanted = targets.movedim(axis, 1 if logits.ndim > 1 else 0) if soft else targets.long()
    ignored = -100 if ignore_index is None else ignore_index
    return F.cross_entropy(
        classes, wanted, weight, ignore_index=ignored, label_smoothing=label_smoothing, reduction=reduction
    )


def wide_cross_entropy(logits, targets, *, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    loss = cross_entropy(
        logits.float(), targets, ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction
    )
    return loss.to(logits.dtype)


def cross_entropy_vjp(cotangent, logits, targets, **options):
    return pulled_back(cotangent, lambda leaf: cross_entropy(leaf, targets, **options), logits)


def gathered(logits, targets, *, reduction="mean"):
    """Log-softmax, `gather`, a mean."""
    rows = -F.log_softmax(logits, -1).gather(-1, targets.long()[..., None])[..., 0]
    return rows if reduction == "none" else rows.mean() if reduction == "mean" else rows.sum()


def by_lse(logits, targets, *, reduction="mean"):
    rows = torch.logsumexp(logits, -1) - logits.gather(-1, targets.long()[..., None])[..., 0]
    return rows if reduction == "none" else rows.mean() if reduction == "mean" else rows.sum()


def by_lse_vjp(cotangent, logits, targets, *, reduction="mean"):
    return pulled_back(cotangent, lambda leaf: by_lse(leaf, targets, reduction=reduction), logits)


def argmax(x, dim=-1):
    return torch.argmax(x, dim)


WIDE, HALVES = ("float64", "float32"), ("bfloat16", "float16")
LAX = Conventions(errors="none", softmax_of_nothing="nan")
STEPWISE = Conventions(errors="none", softmax_of_nothing="nan", half_precision="stepwise")
ANY = Conventions(errors="none")
EMPTY = Conventions(errors="none", cross_entropy_of_nothing=float("nan"))
TARGETS = (
    Target.torch("softmax, torch", softmax=softmax, softmax_vjp=softmax_vjp, dtypes=WIDE, conventions=LAX),
    Target.torch("log-softmax, torch", log_softmax=log_softmax, log_softmax_vjp=log_softmax_vjp, dtypes=WIDE,
                 conventions=LAX),
    Target.torch("log-sum-exp, torch", logsumexp=logsumexp, logsumexp_vjp=logsumexp_vjp, dtypes=WIDE, conventions=LAX),
    Target.torch("log-softmax of halves, torch", log_softmax=log_softmax, log_softmax_vjp=log_softmax_vjp,
                 dtypes=HALVES, conventions=STEPWISE),
    Target.torch("log-sum-exp of halves, torch", logsumexp=logsumexp, logsumexp_vjp=logsumexp_vjp, dtypes=HALVES,
                 conventions=STEPWISE),
    Target.torch("softmax by hand in halves, torch", softmax=by_hand, softmax_vjp=by_hand_vjp, log_softmax=log_by_hand,
                 dtypes=HALVES, conventions=STEPWISE),
    Target.torch("softmax of halves in float32, torch", softmax=in_float32, softmax_vjp=in_float32_vjp, dtypes=HALVES,
                 conventions=LAX),
    Target.torch("softmax by hand, torch", softmax=by_hand, softmax_vjp=by_hand_vjp, log_softmax=log_by_hand,
                 dtypes=WIDE, conventions=LAX),
    Target.torch("softmax with a temperature, torch", temperature_softmax=with_temperature,
                 temperature_softmax_vjp=with_temperature_vjp, dtypes=WIDE, conventions=LAX),
    Target.torch("cross-entropy, torch", cross_entropy=cross_entropy, cross_entropy_vjp=cross_entropy_vjp,
                 dtypes=WIDE, conventions=EMPTY,
                 restrictions=Restrictions(finite=True)),  # NaN in a row that is ignored comes back in its gradient
    Target.torch("cross-entropy of halves in float32, torch", cross_entropy=wide_cross_entropy, dtypes=HALVES,
                 conventions=EMPTY),
    Target.torch("cross-entropy by gather, torch", cross_entropy=gathered, dtypes=WIDE, conventions=ANY),
    Target.torch("cross-entropy by log-sum-exp, torch", cross_entropy=by_lse, cross_entropy_vjp=by_lse_vjp,
                 dtypes=WIDE, conventions=ANY),
    Target.torch("torch.argmax", argmax=argmax, dtypes=WIDE, conventions=ANY),
)  # fmt: skip
