"""Cross-entropy and its gradient against the textbook, for the claims that compare them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from mathcore.probability.cross_entropy_tolerances import cross_entropy_rounding, cross_entropy_vjp_rounding
from mathcore.probability.inputs import counted
from mathcore.probability.records import one_hot
from mathcore.probability.textbook import distribution, log_distribution, probabilities
from mathcore.verify import Allowance, Operations, all_of, enclose, equal
from mathcore.verify.oracle.enclosures import Enclosure


def negative_log_likelihood(logits: Any, targets: Any, options: dict[str, Any]) -> Enclosure:
    """The true loss of the rows that count."""
    rows, y, reduction = logits[counted(targets, options)], targets[counted(targets, options)], options["reduction"]

    def formula(x: Any, smoothing: Any) -> Any:
        log_p = log_distribution(x)
        losses = -np.take_along_axis(log_p, y[:, None], -1)[:, 0]
        if options["label_smoothing"]:  # a weight of 0 counts for nothing, even on −∞
            losses = (1 - smoothing) * losses - smoothing * log_p.sum(-1) / x.shape[-1]
        return losses if reduction == "none" else losses.sum() / (len(y) if reduction == "mean" else 1)

    return enclose(formula, rows, options["label_smoothing"])


def nll_allowed(ops: Operations, logits: Any, targets: Any, options: dict[str, Any]) -> Allowance:
    """What the loss may be off by."""
    keep = counted(targets, options)
    return cross_entropy_rounding(
        logits[keep],
        probabilities(logits[keep]),
        targets[keep],
        logits.dtype,
        ops.conventions.summation,
        ops.conventions.log_softmax,
        label_smoothing=options["label_smoothing"],
        reduction=options["reduction"],
        rows=len(targets),
    )


Shape: TypeAlias = tuple[int, ...]


def stacked(logits: Any, targets: Any, shape: Shape, axis: int) -> tuple[Any, Any]:
    """Rows arranged in more axes, with the classes along one of them."""
    return np.moveaxis(logits.reshape(*shape, logits.shape[-1]), -1, axis), targets.reshape(shape)


def loss_is_nll(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape = (-1,), axis: int = -1
) -> Any:
    """That the target's loss is the negative log-likelihood, with the rows in several axes."""
    loss = ops.cross_entropy(*stacked(logits, targets, shape, axis), axis=axis, **options)
    return is_nll(ops, loss, logits, targets, options)


def is_nll(ops: Operations, loss: Any, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    """That this loss is the negative log-likelihood, and 0 at ignored rows."""
    keep = counted(targets, options)
    true, allowed = negative_log_likelihood(logits, targets, options), nll_allowed(ops, logits, targets, options)
    if options["reduction"] != "none":
        return equal(loss, true, within=allowed)
    loss = loss.ravel()
    return all_of(equal(loss[keep], true, within=allowed), equal(loss[~keep], 0.0))


def grad_is_p_minus_q(
    ops: Operations, logits: Any, targets: Any, options: dict[str, Any], shape: Shape = (-1,), axis: int = -1
) -> Any:
    """That the target's gradient is p minus the target, with the rows in several axes."""
    g = np.asarray((np.arange(len(targets)) - 1.5) / 4 if options["reduction"] == "none" else -1.5, logits.dtype)
    shaped = g.reshape(shape) if options["reduction"] == "none" else g
    pulled = ops.cross_entropy_vjp(shaped, *stacked(logits, targets, shape, axis), axis=axis, **options)
    return is_p_minus_q(ops, np.moveaxis(pulled, axis, -1), g, logits, targets, options)


def is_p_minus_q(ops: Operations, pulled: Any, g: Any, logits: Any, targets: Any, options: dict[str, Any]) -> Any:
    """The derivative is s(p − q): q the smoothed target, s the cotangent's share."""
    keep, n, smoothing = counted(targets, options), logits.shape[-1], options["label_smoothing"]
    share = np.broadcast_to(g.astype(np.float64), targets.shape)[keep][:, None]
    count = keep.sum() if options["reduction"] == "mean" else 1
    x, y = logits[keep], targets[keep]

    def formula(x: Any, share: Any, smoothing: Any) -> Any:
        return share / int(count) * (distribution(x) - (1 - smoothing) * one_hot(y, n) - smoothing / n)

    wanted = (1 - smoothing) * one_hot(y, n) + smoothing / n
    how = (logits.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    allowed = cross_entropy_vjp_rounding(share / count, x, probabilities(x), wanted, *how)
    pulled = pulled.reshape(logits.shape)
    return all_of(equal(pulled[keep], enclose(formula, x, share, smoothing), within=allowed), equal(pulled[~keep], 0.0))
