"""What must be true of cross-entropy with weights of the classes, and with probabilities as targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import soft_loss_mutants as wrong
from mathcore.probability.inputs import classified_rows, counted
from mathcore.probability.records import one_hot
from mathcore.probability.soft_loss_tolerances import soft_loss_rounding, soft_loss_vjp_rounding
from mathcore.probability.textbook import distribution, log_distribution, probabilities
from mathcore.verify import Claim, Limits, Mutant, Operations, Target, draw_array, enclose
from mathcore.verify.domains import Draw, as_dtype, domain
from mathcore.verify.relations import all_of, equal

_NAMES = ("cross_entropy", "cross_entropy_vjp", "cross_entropy_and_grad")


def _claim(name: str, statement: str, formula: str, limits: Limits, *refuted_by: Mutant) -> Claim:
    """A claim about the loss, its gradient and both."""
    return Claim(
        f"cross_entropy.{name}",
        statement=statement,
        formula=formula,
        legend={"w": "the weights of the classes, 1 if there are none"},
        needs=_NAMES,
        limits=limits,
        tolerances=(soft_loss_rounding, soft_loss_vjp_rounding),
        refuted_by=refuted_by,
    )


def _of_each(*families: Callable[[str], Mutant]) -> Iterator[Mutant]:
    """A mutant of the loss, of its gradient and of both."""
    for made in (family(name) for family in families for name in _NAMES):
        yield replace(made, name=f"{made.name}_of_both") if made.operation == _NAMES[2] else made


weights = _claim(
    "weights",
    "With weights w of the classes a loss is weighted, its smoothed part by the weight of each class, and a mean is "
    "divided by the sum of the weights of the targets that count; so is the gradient.",
    r"\ell = \frac{\sum_r \sum_j w_j\,q_{rj}\,(-\ln p_{rj})}{\sum_r w_{y_r}}, \qquad "
    r"q_{rj} = (1 - \varepsilon)[j = y_r] + \frac{\varepsilon}{n}",
    Limits(options=("axis",), rows=6, signs=tuple(f"{name}.weight >= 0" for name in _NAMES)),
    *_of_each(wrong.class_weights_ignored, wrong.mean_over_rows),
)

soft_targets = _claim(
    "probabilities",
    "The target of a row may be a probability for each class: the loss is the expected surprise, smoothed and weighted "
    "as for a class; a mean is over the rows, weights or not.",
    r"\ell = -\sum_j w_j \Bigl((1 - \varepsilon)\,q_j + \frac{\varepsilon}{n}\Bigr) \ln p_j",
    Limits(
        options=("ignore_index",), signs=tuple(f"{n}.{what} >= 0" for n in _NAMES for what in ("weight", "targets"))
    ),
    *_of_each(wrong.hardened, wrong.soft_targets_unsmoothed),
)


@domain
def weighted_classes(draw: Draw, target: Target) -> dict[str, Any]:
    """Classified rows, a weight from ¼ to 4 for each class, and cotangents."""
    drawn = draw(classified_rows(most=65).build(target))
    return {**drawn, **_weights_and_cotangent(draw, drawn["logits"], drawn["options"])}


@domain
def expected_classes(draw: Draw, target: Target) -> dict[str, Any]:
    """The same with a probability for each class, of which many are 0, and an axis."""
    drawn = draw(classified_rows(most=65).build(target))
    logits, options = drawn["logits"], {**drawn["options"], "ignore_index": None}
    q = abs(draw_array(draw, logits.shape, "float64", (0.25, 1)))
    q = np.where(q > 0.5 * q.max(initial=0.0), q, 0.0)
    q = q / np.maximum(q.sum(-1, keepdims=True), 2.0**-20)
    more = _weights_and_cotangent(draw, logits, options)
    # Never without: who takes no weights may take no probabilities either, and answer something.
    weight = more["weight"] if draw(st.booleans()) else np.ones_like(more["weight"])
    axis = draw(st.sampled_from([-1, 0]))
    q = as_dtype(np.clip(q, 0, 1), logits.dtype.name)
    return {"logits": logits, "targets": q, "options": options, **more, "weight": weight, "axis": axis}


def _weights_and_cotangent(draw: Draw, logits: Any, options: dict[str, Any]) -> dict[str, Any]:
    name, n = logits.dtype.name, logits.shape[-1]
    weight = np.exp2(draw_array(draw, (n,), "float64", (0.25, 2)).clip(-2, 2))
    shape = (len(logits),) if options["reduction"] == "none" else ()
    return {"weight": as_dtype(weight, name), "g": draw_array(draw, shape, name, (0.25, 4))}


def _agree(
    ops: Operations, x: Any, q: Any, weight: Any, g: Any, keep: Any, divisor: Any, options: Any, answers: Any
) -> Any:
    """That losses, gradients of g and gradients of 1 are what the textbook says of the rows that count."""
    (losses, pulled, grads), reduction, n = answers, options["reduction"], x.shape[-1]
    smoothing, rows, ones = options["label_smoothing"], x[keep], np.ones(int(keep.sum()))
    w, mean = weight, reduction == "mean"
    given = np.broadcast_to(g.astype(np.float64), keep.shape)[keep] if g.ndim else ones * float(g)

    def coefficients(q: Any, w: Any, smoothing: Any) -> Any:
        return w * ((1 - smoothing) * q + smoothing / n)

    def value(x: Any, q: Any, w: Any, smoothing: Any, divisor: Any) -> Any:
        of_rows = -(coefficients(q, w, smoothing) * log_distribution(x)).sum(-1)
        return of_rows if reduction == "none" else of_rows.sum() / (divisor if mean else 1)

    def gradient(x: Any, q: Any, w: Any, smoothing: Any, divisor: Any, share: Any) -> Any:
        a = coefficients(q, w, smoothing)
        return share[:, None] / (divisor if mean else 1) * (a.sum(-1, keepdims=True) * distribution(x) - a)

    a = coefficients(q[keep].astype(np.float64), w.astype(np.float64), smoothing)
    p, how = probabilities(rows), (x.dtype, ops.conventions.summation, ops.conventions.log_softmax)
    by, arguments = float(divisor) if mean else 1.0, (rows, q[keep], w, smoothing, divisor)
    within = soft_loss_rounding(rows, p, a, by, *how, reduction=reduction, rows=len(x))
    true = enclose(value, *arguments)

    def graded(found: Any, share: Any) -> Any:
        allowed = soft_loss_vjp_rounding(share[:, None] / by, rows, p, a, *how, rows=len(x))
        return all_of(
            equal(found[keep], enclose(gradient, *arguments, share), within=allowed), equal(found[~keep], 0.0)
        )

    def right(loss: Any) -> Any:
        if reduction != "none":
            return equal(loss, true, within=within)
        return all_of(equal(loss[keep], true, within=within), equal(loss[~keep], 0.0))

    return all_of(*map(right, losses), *(graded(v, given) for v in pulled), *(graded(v, ones) for v in grads))


def _loss(ops: Operations, g: Any, *arrays: Any, **options: Any) -> Any:
    del g
    return [ops.cross_entropy(*arrays, **options)], [], []


def _gradient(ops: Operations, g: Any, *arrays: Any, **options: Any) -> Any:
    return [], [ops.cross_entropy_vjp(g, *arrays, **options)], []


def _both(ops: Operations, g: Any, *arrays: Any, **options: Any) -> Any:
    del g
    loss, grad = ops.cross_entropy_and_grad(*arrays, **options)
    return [loss], [], [grad]


for answers_of in (_loss, _gradient, _both):  # a check for each, so that a target may offer any

    @weights.property(weighted_classes(), effort=0.3)
    def is_weighted(
        ops: Operations, logits: Any, targets: Any, options: Any, weight: Any, g: Any, answers_of: Any = answers_of
    ) -> Any:
        keep = counted(targets, options)
        answers = answers_of(ops, g, logits, targets, weight=weight, **options)
        divisor = weight[targets[keep]].astype(np.float64).sum()  # exact: a few short numbers
        q = one_hot(np.where(keep, targets, 0), logits.shape[-1]).astype(logits.dtype)
        return _agree(ops, logits, q, weight, g, keep, divisor, options, answers)

    @soft_targets.property(expected_classes(), effort=0.3)
    def is_expected(
        ops: Operations, logits: Any, targets: Any, options: Any, weight: Any, g: Any, axis: int,
        answers_of: Any = answers_of,
    ) -> Any:  # fmt: skip
        turned = (lambda v: v) if axis == -1 else np.transpose
        losses, *slopes = answers_of(ops, g, turned(logits), turned(targets), weight=weight, axis=axis, **options)
        answers = (losses, *([turned(v) for v in part] for part in slopes))
        keep = np.ones(len(logits), bool)
        return _agree(ops, logits, targets, weight, g, keep, len(logits), options, answers)
