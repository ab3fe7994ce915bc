"""Softmax, log-softmax, log-sum-exp, cross-entropy and argmax in NumPy and SciPy, as tutorials write them."""

import numpy as np
from scipy import special

from mathcore.verify import Conventions, Restrictions, Target


def wide(x):
    """Halves are computed in float32."""
    return x.astype(np.result_type(x.dtype, np.float32))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_vjp(cotangent, x, axis=-1):
    p = softmax(x, axis)
    return p * (cotangent - (cotangent * p).sum(axis=axis, keepdims=True))


def log_softmax(x, axis=-1):
    z = x - x.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def log_softmax_vjp(cotangent, x, axis=-1):
    return cotangent - softmax(x, axis) * cotangent.sum(axis=axis, keepdims=True)


def logsumexp(x, axis=-1, *, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)
    lse = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return lse if keepdims else lse.squeeze(axis)


def logsumexp_vjp(cotangent, x, axis=-1, *, keepdims=False):
    return softmax(x, axis) * (cotangent if keepdims else np.expand_dims(cotangent, axis))


def temperature_softmax(x, temperature, axis=-1):
    return softmax(x / x.dtype.type(temperature), axis)


def log_softmax_by_lse(x, axis=-1):
    return x - logsumexp(x, axis, keepdims=True)


def softmax_wide(x, axis=-1):
    return softmax(wide(x), axis).astype(x.dtype)


def log_softmax_wide(x, axis=-1):
    return log_softmax(wide(x), axis).astype(x.dtype)


def logsumexp_wide(x, axis=-1):
    return logsumexp(wide(x), axis).astype(x.dtype)


def softmax_online(x):
    """One pass: the sum is corrected whenever a higher score comes."""
    top, total = np.full(x.shape[:-1], -np.inf, x.dtype), np.zeros(x.shape[:-1], x.dtype)
    for start in range(0, x.shape[-1], 64):
        part = x[..., start : start + 64]
        higher = np.maximum(top, part.max(-1))
        safe = np.where(higher == -np.inf, 0, higher)
        total = total * np.exp(top - safe) + np.exp(part - safe[..., None]).sum(-1)
        top = higher
    return np.exp(x - top[..., None]) / total[..., None]


def reduced(rows, keep, reduction, dtype):
    rows = np.where(keep, rows, 0).astype(dtype)
    if reduction == "none":
        return rows
    return (rows.sum() / max(keep.sum(), 1)).astype(dtype) if reduction == "mean" else rows.sum()


def cross_entropy(logits, targets, *, axis=-1, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    """Log-softmax, picked at the targets; smoothing gives every class s/C."""
    keep = np.ones(targets.shape, bool) if ignore_index is None else targets != ignore_index
    logp = log_softmax(np.moveaxis(wide(logits), axis, -1))
    picked = np.take_along_axis(logp, np.where(keep, targets, 0)[..., None], -1)[..., 0]
    s = label_smoothing
    rows = -picked if s == 0 else -(1 - s) * picked - s * logp.mean(-1)
    return reduced(rows, keep, reduction, logits.dtype)


def cross_entropy_by_lse(logits, targets, *, ignore_index=None, reduction="mean"):
    """The log-sum-exp less the score of the target."""
    keep = np.ones(targets.shape, bool) if ignore_index is None else targets != ignore_index
    x = wide(logits)
    picked = np.take_along_axis(x, np.where(keep, targets, 0)[..., None], -1)[..., 0]
    return reduced(logsumexp(x) - picked, keep, reduction, logits.dtype)


def cross_entropy_vjp(cotangent, logits, targets, *, ignore_index=None, label_smoothing=0.0, reduction="mean"):
    """Probabilities less the one-hot targets."""
    keep = np.ones(targets.shape, bool) if ignore_index is None else targets != ignore_index
    classes = logits.shape[-1]
    hot = np.where(keep, targets, 0)[..., None] == np.arange(classes)
    wanted = hot * (1 - label_smoothing) + label_smoothing / classes
    gradient = np.where(keep[..., None], softmax(wide(logits)) - wanted, 0)
    if reduction == "mean":
        gradient = gradient / max(keep.sum(), 1)
    return (gradient * wide(cotangent)[..., None]).astype(logits.dtype)


def argmax(x, axis=-1):
    return np.argmax(x, axis)


PLAIN = Conventions(errors="none", softmax_of_nothing="nan")
LAX = Conventions(errors="none")
WIDE = ("float64", "float32")
TARGETS = (
    Target.numpy("softmax, NumPy", softmax=softmax, softmax_vjp=softmax_vjp, temperature_softmax=temperature_softmax,
                 dtypes=WIDE, conventions=PLAIN),
    Target.numpy("log-softmax, NumPy", log_softmax=log_softmax, log_softmax_vjp=log_softmax_vjp, dtypes=WIDE,
                 conventions=PLAIN),
    Target.numpy("log-sum-exp, NumPy", logsumexp=logsumexp, logsumexp_vjp=logsumexp_vjp, dtypes=WIDE,
                 conventions=PLAIN),
    Target.numpy("log-softmax by log-sum-exp, NumPy", log_softmax=log_softmax_by_lse, dtypes=WIDE, conventions=PLAIN,
                 restrictions=Restrictions(finite=True)),
    Target.numpy("softmax of halves, NumPy", softmax=softmax_wide, log_softmax=log_softmax_wide,
                 logsumexp=logsumexp_wide, dtypes="float16", conventions=PLAIN),
    Target.numpy("softmax in one pass, NumPy", softmax=softmax_online, dtypes=WIDE, conventions=PLAIN),
    Target.numpy("SciPy", softmax=special.softmax, log_softmax=special.log_softmax, logsumexp=special.logsumexp,
                 dtypes=WIDE, conventions=PLAIN, restrictions=Restrictions(min_width=1)),
    Target.numpy("cross-entropy, NumPy", cross_entropy=cross_entropy, cross_entropy_vjp=cross_entropy_vjp,
                 conventions=LAX),
    Target.numpy("cross-entropy by log-sum-exp, NumPy", cross_entropy=cross_entropy_by_lse, dtypes=WIDE,
                 conventions=LAX),
    Target.numpy("np.argmax", argmax=argmax, conventions=LAX),
)  # fmt: skip
