"""What must be true of masked scores."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.probability import logsumexp_mutants, softmax_mutants
from mathcore.probability import where_mutants as wrong
from mathcore.probability.inputs import exactly_added, fully_masked_as_declared, shiftable
from mathcore.probability.records import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX, OnRows
from mathcore.probability.row_laws import rows_with_cotangents
from mathcore.verify import Claim, Limits, Mutant, Operations, Target, enclose, reproduced
from mathcore.verify.domains import Draw, as_dtype, domain, draw_array, draw_integers, seeds, widths
from mathcore.verify.relations import all_of, equal
from mathcore.verify.tolerances import FORMATS, dtype_named, rounding


@domain
def masked_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores near 0 or far below it, a cotangent, a mask (some rows fully masked), and garbage for masked entries.

    The mask has as many axes as the scores, or fewer, or an axis of length 1.
    """
    name = draw(st.sampled_from(target.dtypes))
    rows, n = draw(st.one_of(st.integers(1, 4), st.sampled_from([9, 20]))), draw(widths(most=65))
    x = draw_array(draw, (rows, n), "float64", (2.0**-6, 2.0**4)) - draw(st.sampled_from([0.0, 300.0, 3000.0]))
    shape = draw(st.sampled_from([(rows, n), (rows, n), (1, n), (n,), (rows, 1), (1,), ()]))
    mask = draw_integers(draw, shape, 3) > draw(st.integers(-3, 2))
    if shape[-1:] == (n,) and draw(st.booleans()):  # a whole slice masked, as a tile or padding
        edge = draw(st.integers(0, n))
        mask = np.broadcast_to((np.arange(n) < edge) ^ draw(st.booleans()), mask.shape).copy()
    if len(shape) == 2 and draw(st.booleans()):
        mask[-1] = False
    garbage = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1000.0, FORMATS[name].most]))
    g = draw_array(draw, (rows, n), name, (2.0**-4, 2.0**4))
    g[0, 0] = draw(st.sampled_from([0.0, 1.0, np.nan, np.inf]))
    return {"x": as_dtype(x, name), "g": g, "mask": mask, "garbage": dtype_named(name).type(garbage)}


def _masked(x: Any, mask: Any, garbage: Any) -> tuple[Any, Any, Any]:
    """Scores with garbage at masked entries, with −∞ there, and which rows are not fully masked."""
    mask = np.broadcast_to(mask, x.shape)
    return np.where(mask, x, garbage), np.where(mask, x, -np.inf).astype(x.dtype), mask.any(-1)


@domain
def masked_cubes(draw: Draw, target: Target) -> dict[str, Any]:
    """Scores of two to four axes, an axis to reduce, a cotangent, and a mask of as many axes or fewer."""
    shape = tuple(draw(st.integers(1, 4)) for _ in range(draw(st.integers(2, 4))))
    name, fewer = draw(st.sampled_from(target.dtypes)), draw(st.integers(0, len(shape)))
    mask_shape = tuple(n if draw(st.integers(0, 3)) else 1 for n in shape[fewer:])
    x, g = (draw_array(draw, shape, name, (0.25, 8)) for _ in range(2))
    mask = draw(seeds()).random(mask_shape) < draw(st.floats(0, 1))
    return {"x": x, "g": g, "mask": np.asarray(mask), "axis": draw(st.integers(-len(shape), len(shape) - 1))}


def large_masks(target: Target) -> Iterator[dict[str, Any]]:
    """45,000 scores, and masks with all axes, with one, and with an axis of length 1."""
    rng, name = np.random.default_rng(6), "float32" if "float32" in target.dtypes else target.dtypes[0]
    x, g = (as_dtype(rng.normal(size=(300, 150)), name) for _ in range(2))
    for axis, shape in itertools.product((0, 1), ((300, 150), (150,), (300, 1))):
        yield {"x": x, "g": g, "mask": rng.random(shape) < 0.5, "axis": axis}


FAMILIES = (
    wrong.mask_of_fewer_axes_ignored,
    wrong.mask_of_three_axes_ignored,
    wrong.mask_of_other_axes_ignored,
    wrong.mask_wraps,
    wrong.large_mask_ignored,
)


def excluding(op: OnRows, *refuted_by: Mutant) -> Claim:
    """That what `where` masks does not exist for an operation, nor for its gradient."""
    operations, logs = tuple(part.name for part in op.parts), op.name == "log_softmax"
    claim = Claim(
        f"{op.name}.where_excludes",
        statement=f"What `where` excludes does not exist for `{op.name}`, whatever it holds, NaN and infinity "
        "included: it gets no gradient, and the rest is, up to rounding, what it would be alone; no bit depends on "
        "what is excluded if the target promises that, else no more than rounding. `where` may have fewer axes than "
        "the scores.",
        formula=r"f(x, w) = f(x_w), \qquad \frac{\partial f}{\partial x_i} = 0 \text{ where } w_i \text{ is false}",
        needs=operations,
        limits=Limits(options=("dtype", *(("keepdims", "b", "return_sign") if op.reduces else ()))),
        tolerances=(*op.tolerances, *(() if op.reduces else (rounding,))),
        refuted_by=(*refuted_by, *(family(name) for family in FAMILIES for name in operations)),
    )

    def functions(ops: Operations) -> tuple[Any, Any]:
        value, vjp = (getattr(ops, name) for name in operations)
        return value, vjp

    @claim.property(masked_rows())
    def masked_is_that_of_the_rest(ops: Operations, x: Any, g: Any, mask: Any, garbage: Any) -> Any:
        (dirty, clean, alive), (f, _) = _masked(x, mask, garbage), functions(ops)
        y, rest = f(dirty, where=mask), clean[alive]
        across = f(dirty.T, axis=0, where=np.atleast_2d(mask).T).T
        assert op.allowed is not None
        allowed = op.allowed(rest, x.dtype, *op.how(ops))
        nothing = (
            [equal(y[~alive], -np.inf)]
            if op.reduces
            else [
                equal(y[alive][np.isneginf(rest)], -np.inf if logs else 0.0),
                fully_masked_as_declared(ops, y[~alive], logs=logs),
            ]
        )
        others = (f(clean), across)
        return all_of(
            equal(y[alive], enclose(op.formula, rest), within=allowed),
            *nothing,
            reproduced(ops, others, (y, y), lambda: all_of(*(op.follows(ops, other, clean) for other in others))),
        )

    @claim.property(masked_rows())
    def masked_scores_get_no_gradient(ops: Operations, x: Any, g: Any, mask: Any, garbage: Any) -> Any:
        (dirty, clean, alive), (_, vjp) = _masked(x, mask, garbage), functions(ops)
        if op.reduces or ops.conventions.softmax_of_nothing == "zeros":  # else a fully masked row has no gradient
            alive = np.ones_like(alive)
        pulled = vjp(op.cotangent(g if op.reduces else np.where(mask, g, garbage)), dirty, where=mask)
        there = vjp(op.cotangent(g), clean)
        return all_of(
            equal(pulled[alive][np.isneginf(clean[alive])], 0.0),
            reproduced(
                ops,
                pulled,
                there,
                lambda: all_of(*(op.pulled_follows(ops, v, op.cotangent(g), clean) for v in (pulled, there))),
            ),
        )

    @claim.exhaustive(large_masks)
    @claim.property(masked_cubes())
    def where_equals_minus_infinity(ops: Operations, x: Any, g: Any, mask: Any, axis: int) -> Any:
        f, vjp = functions(ops)
        g = np.take(g, 0, axis) if op.reduces else g
        dirty, clean = (np.where(mask, x, v).astype(x.dtype) for v in (np.nan, -np.inf))
        value, there = f(dirty, axis=axis, where=mask), f(clean, axis=axis)
        pulled, pulled_there = vjp(g, dirty, axis=axis, where=mask), vjp(g, clean, axis=axis)
        return all_of(
            reproduced(ops, value, there, lambda: all_of(*(op.follows(ops, y, clean, axis) for y in (value, there)))),
            reproduced(
                ops,
                pulled,
                pulled_there,
                lambda: all_of(*(op.pulled_follows(ops, v, g, clean, axis) for v in (pulled, pulled_there))),
            ),
        )

    return claim


WHERE = (
    excluding(
        SOFTMAX,
        wrong.excluded_by_multiplying,
        wrong.excluded_after_the_fact,
        wrong.excluded_at_minus_100,
        wrong.mask_upside_down,
        wrong.dead_row_is_nan,
        wrong.dead_row_is_uniform,
        wrong.cotangent_leaks,
    ),
    excluding(LOG_SOFTMAX, wrong.logs_mask_forgotten, wrong.logs_dead_row_is_nan, wrong.logs_cotangent_leaks),
    excluding(LOGSUMEXP, wrong.lse_mask_forgotten, wrong.lse_dead_row_is_nan, wrong.dead_gradient_is_nan),
)


keepdims = Claim(
    "logsumexp.keepdims",
    statement="With `keepdims` the axis stays, of length 1, and so it does in the cotangent; no number changes, "
    "whatever is excluded, if the target promises its bits, else no more than rounding.",
    formula=r"f(x, \text{keepdims}) \in \mathbb R^{\dots \times 1}",
    needs=("logsumexp", "logsumexp_vjp"),
    tolerances=LOGSUMEXP.tolerances,
    limits=Limits(options=("b", "return_sign", "dtype"), rows=4),
    refuted_by=(
        logsumexp_mutants.keepdims_ignored,
        logsumexp_mutants.keepdims_last,
        logsumexp_mutants.keepdims_sees_all,
        logsumexp_mutants.kept_cotangent_sees_all,
    ),
)


@keepdims.property(rows_with_cotangents(), axis=st.sampled_from([0, 1, -1, -2]))
def keepdims_changes_no_value(ops: Operations, x: Any, g: Any, axis: int) -> Any:
    parts = []
    for options, scores in (({}, x), ({"where": g > 0}, np.where(g > 0, x, -np.inf).astype(x.dtype))):
        kept = ops.logsumexp(x, axis=axis, keepdims=True, **options)
        parts.append(_kept(ops, kept, ops.logsumexp(x, axis=axis, **options), scores, axis))
    return all_of(*parts)


def _kept(ops: Operations, kept: Any, gone: Any, scores: Any, axis: int) -> Any:
    """That a log-sum-exp with its axis is that without, or both are what the textbook says."""
    same = np.expand_dims(gone, axis)
    if kept.shape != same.shape:
        return equal(kept.shape, same.shape)
    both = (kept.squeeze(axis), gone)
    return reproduced(ops, kept, same, lambda: all_of(*(LOGSUMEXP.follows(ops, y, scores, axis) for y in both)))


@keepdims.property(rows_with_cotangents(), axis=st.sampled_from([0, 1, -1, -2]))
def keepdims_changes_no_gradient(ops: Operations, x: Any, g: Any, axis: int) -> Any:
    g, mask, parts = np.take(g, [0], axis), g > 0, []
    for options, scores in (({}, x), ({"where": mask}, np.where(mask, x, -np.inf).astype(x.dtype))):
        both = (
            ops.logsumexp_vjp(g, x, axis=axis, keepdims=True, **options),
            ops.logsumexp_vjp(g.squeeze(axis), x, axis=axis, **options),
        )
        parts.append(_pulled_alike(ops, both, g.squeeze(axis), scores, axis))
    return all_of(*parts)


def _pulled_alike(ops: Operations, both: Any, g: Any, scores: Any, axis: int) -> Any:
    """That two derivatives of a log-sum-exp are one, or both are what the textbook says."""
    one, two = both
    return reproduced(ops, one, two, lambda: all_of(*(LOGSUMEXP.pulled_follows(ops, v, g, scores, axis) for v in both)))


additive_mask = Claim(
    "softmax.additive_mask",
    statement="A mask that is added, −∞ where a score is excluded and any one finite constant where it is kept, gives "
    "what `where` gives, if the addition is exact: bit for bit if the target promises that, else up to rounding.",
    formula=r"\operatorname{softmax}(x + b) = \operatorname{softmax}(x, \text{where } b > -\infty), \quad "
    r"b_i \in \{c, -\infty\}",
    needs=("softmax",),
    tolerances=SOFTMAX.tolerances[:1],
    limits=Limits(options=("axis", "dtype"), rows=3),
    refuted_by=(softmax_mutants.no_shift, wrong.excluded_after_the_fact, wrong.mask_upside_down),
)


@additive_mask.property(shiftable(), effort=2.0, seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def additive_mask_equals_where(ops: Operations, x: Any, shift: Any, seed: int, share: float) -> Any:
    x = exactly_added(x, shift)
    mask = np.random.default_rng(seed).random(x.shape) < share
    added = np.where(mask, shift, -np.inf).astype(x.dtype)
    clean = np.where(mask, x, -np.inf).astype(x.dtype)
    one, two = both = ops.softmax(x + added), ops.softmax(x, where=mask)
    return reproduced(ops, one, two, lambda: all_of(*(SOFTMAX.follows(ops, y, clean) for y in both)))
