"""What must be true of the negative log-likelihood of given log-probabilities, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import nll_loss_mutants as wrong
from mathcore.probability import row_mutants
from mathcore.probability.inputs import classified_rows, counted
from mathcore.probability.nll_loss_tolerances import nll_loss_rounding, nll_loss_vjp_rounding
from mathcore.probability.records import some_targets
from mathcore.probability.soft_loss_mutants import class_weights_ignored
from mathcore.verify import Claim, Limits, Operations, Target, draw_array, enclose, laws
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype, domain
from mathcore.verify.operation import Operation, like
from mathcore.verify.relations import Conjunction, Relation, all_of, equal


def _drawn(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    x = draw_array(draw, (rows or draw(st.integers(1, 4)), 2500 if long else width), name, (2.0**-6, 2.0**4))
    drawn = {"x": x, **some_targets(x)}
    if draw(st.booleans()) and x.size:  # what is far from the start of a row is read only if it is a target
        drawn["targets"][-1] = x.shape[-1] - 1
    return drawn


def _agrees(ops: Operations, y: Any, x: Any, targets: Any, reduction: str) -> Relation:
    del ops, reduction
    return equal(y, -np.take_along_axis(x, targets[..., None], -1)[..., 0])


def _pulled_agrees(ops: Operations, pulled: Any, g: Any, x: Any, targets: Any, reduction: str) -> Relation:
    del ops, reduction
    return equal(pulled, np.where(np.arange(x.shape[-1]) == targets[..., None], -g[..., None], 0))


def _result(given: Mapping[str, Any]) -> tuple[tuple[int, ...], Any] | None:
    x, axis = given["log_probabilities"], given["axis"]
    shape = tuple(np.delete(x.shape, axis % x.ndim).tolist())
    return shape if given["reduction"] == "none" else (), x.dtype


_OPTIONS = ("axis", "weight", "ignore_index")

NLL_LOSS = Operation(
    "nll_loss",
    _drawn,
    _agrees,
    {"x": np.ones((3, 2)), **some_targets(np.ones((3, 2)))},
    options=("targets", "reduction", *_OPTIONS),
    rows=("g", "x", "targets"),
    result=_result,
    least_width=1,
    unvaried=_OPTIONS,
    limits={"pure": Limits(rows=4, width=9), "keeps_dtype": Limits(rows=4), "layout_free": Limits(rows=4),
            "rows_are_independent": Limits(rows=4), "any_width": Limits(rows=1), "many_rows": Limits(width=4)},
    exempt={"defaults": "`nll_loss.value_and_gradient` varies all options, and leaves each out at times"},
)  # fmt: skip
NLL_LOSS_VJP = NLL_LOSS.derivative(
    _pulled_agrees,
    cotangent=lambda draw, name, given: draw_array(draw, given["x"].shape[:-1], name, (2.0**-4, 2.0**4)),
    sample={"g": np.ones(3), **NLL_LOSS.sample},
    result=like("log_probabilities"),
)
of_every_operation = laws.every_law(
    NLL_LOSS,
    NLL_LOSS_VJP,
    any_width=(row_mutants.wide_rows_cut("nll_loss"),),
    rows_are_independent=(common.first_row_everywhere("nll_loss"),),
)


likelihood = Claim(
    "nll_loss.value_and_gradient",
    statement="A loss is minus the given log-probability of the target, times the weight of its class; a mean is "
    "divided by the weights of the targets that count; its gradient is minus that weight at the target, and 0 "
    "elsewhere.",
    formula=r"\ell = -\frac{\sum_r w_{y_r} t_{r y_r}}{\sum_r w_{y_r}}, \qquad "
    r"\bar t_{ri} = -\bar g\,w_{y_r}\,[i = y_r]",
    legend={"t": "log-probabilities", "w": "weights of the classes", "y": "targets"},
    needs=("nll_loss", "nll_loss_vjp"),
    limits=Limits(signs=("nll_loss.weight >= 0", "nll_loss_vjp.weight >= 0")),
    tolerances=(nll_loss_rounding, nll_loss_vjp_rounding),
    refuted_by=(
        *(
            mistake(name)
            for mistake in (wrong.likelihood_uphill, class_weights_ignored, wrong.likelihood_of_all_rows)
            for name in ("nll_loss", "nll_loss_vjp")
        ),
    ),
)


@domain
def weighted_likelihoods(draw: Draw, target: Target) -> dict[str, Any]:
    """Log-probabilities, targets of which some are ignored, weights or none, and a cotangent."""
    drawn = draw(classified_rows(most=65).build(target))
    x, options = drawn["logits"], {k: v for k, v in drawn["options"].items() if k != "label_smoothing"}
    name, shape = x.dtype.name, (len(x),) if options["reduction"] == "none" else ()
    weight = as_dtype(np.exp2(draw_array(draw, (x.shape[-1],), "float64", (0.25, 2)).clip(-2, 2)), name)
    options["weight"] = weight if draw(st.integers(0, 2)) else None
    used = {k: v for k, v in options.items() if not (k in ("weight", "ignore_index") and v is None)}
    x = draw_array(draw, x.shape, name, (2.0**-4, 2.0**3))
    g = draw_array(draw, shape, name, (0.25, 4))
    return {"x": x, "targets": drawn["targets"], "options": used, "g": g, "axis": draw(st.sampled_from([-1, 0]))}


@likelihood.property(weighted_likelihoods(), effort=0.5)
def is_weighted(ops: Operations, x: Any, targets: Any, options: Any, g: Any, axis: int) -> Conjunction:
    reduction, given, turned = options["reduction"], {**options, "axis": axis}, x if axis == -1 else x.T
    keep = counted(targets, {"ignore_index": None, **options})
    loss = ops.nll_loss(turned, targets, **given)
    pulled = ops.nll_loss_vjp(g, turned, targets, **given)
    pulled = pulled if axis == -1 else pulled.T
    y = targets[keep]
    w = options.get("weight", np.ones(x.shape[-1], x.dtype)).astype(np.float64)[y]
    t = np.take_along_axis(x[keep], y[:, None], -1)[:, 0].astype(np.float64)
    by = w.sum() if reduction == "mean" else 1.0  # exact: a few short numbers
    true = enclose(lambda t, w, by: -(t * w) if reduction == "none" else -(t * w).sum() / by, t, w, by)
    within = nll_loss_rounding(t * w, by, x.dtype, reduction=reduction, rows=len(x))
    found = loss[keep] if reduction == "none" else loss
    share = np.broadcast_to(g.astype(np.float64), keep.shape)[keep]
    slope = enclose(lambda g, w, by: -(g * w) / by, share, w, by)
    at = np.take_along_axis(pulled[keep], y[:, None], -1)[:, 0]
    elsewhere = pulled[(np.arange(x.shape[-1]) != targets[:, None]) | ~keep[:, None]]
    return all_of(
        equal(found, true, within=within),
        equal(at, slope, within=nll_loss_vjp_rounding(slope.hi, x.dtype, len(x))),
        equal(elsewhere, 0.0),
        *([equal(loss[~keep], 0.0)] if reduction == "none" else []),
    )
