"""Rows of scores that the claims of several files draw, and what selects among them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import Operations, Target, domain, draw_array, equal, score_rows
from mathcore.verify.domains import Draw, as_dtype, draw_integers, log_uniform, seeds, widths
from mathcore.verify.tolerances import FORMATS, dtype_named, rounding

BLANCHARD = "Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038"


@domain
def shiftable(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows on a grid and a shift, far beyond the range of exp where the dtype allows, with exact sums."""
    name = draw(st.sampled_from(target.dtypes))
    n, most = draw(widths(most=130)), min(0.9 / FORMATS[name].u - 24, 2.0**22)
    x = draw_integers(draw, (draw(st.integers(1, 3)), n), 24)
    shift = draw(st.sampled_from([-1, 1])) * round(draw(log_uniform(min(1000, most / 2), most)))
    grid = draw(st.sampled_from([1.0, 1.0, 0.125, 2.0**-9]))
    return {"x": as_dtype(x * grid, name), "shift": dtype_named(name).type(shift * grid)}


def exactly_added(x: Any, c: Any) -> Any:
    """The rows of x to all scores of which c is added without rounding: Knuth's sum of the rounding errors is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        y = x + c
        back = y - x
        left = (x - (y - back)) + (c - back)
    return x[((left == 0) | np.isneginf(x.astype(np.float64))).all(-1) & np.isfinite(np.asarray(c, np.float64))]


def masked_tiles(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of whole numbers masked at either end, the rest far below 0, far above or near."""
    for i, (n, masked) in enumerate([(3, 1), (9, 8), (16, 8), (17, 16), (64, 32), (129, 128), (200, 64), (257, 256)]):
        x = -(np.arange(2 * n).reshape(2, n) * 5 % 7.0)
        x[0, :masked] = x[1, n - masked :] = -np.inf
        for j, level in enumerate((-1000.0, 1000.0, -128.0)):
            name = target.dtypes[(i + j) % len(target.dtypes)]
            exact = np.clip(level, -128, 128) if name == "bfloat16" else level  # which has no odd numbers past 256
            yield {"x": as_dtype(x, name), "level": as_dtype(exact, name)}


def extremes(name: str) -> Any:
    """−∞, the largest and smallest finite numbers of a dtype, and moderate ones."""
    f = FORMATS[name]
    return as_dtype([-np.inf, -f.most, -f.most / 2, -1, -f.smallest, 0, f.tiny, 100, f.most / 2, f.most], name)


@domain
def extreme_rows(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows of −∞, the largest and smallest finite numbers of a dtype, and moderate ones."""
    values = extremes(draw(st.sampled_from(target.dtypes)))
    shape = (draw(st.integers(1, 3)), draw(widths(most=300)))
    if draw(st.booleans()):
        values = values[: draw(st.integers(1, len(values)))]
    return values[draw_integers(draw, shape, 500) % len(values)]


def fully_masked(x: Any) -> Any:
    """Which rows are fully masked: −∞ throughout."""
    return np.isneginf(x.astype(np.float64)).all(-1)


def fully_masked_as_declared(ops: Operations, p: Any, *, logs: bool = False) -> Any:
    """That the probabilities (or their logarithms) of fully masked rows are what the target declares."""
    declared, n = ops.conventions.softmax_of_nothing, max(p.shape[-1], 1)
    if declared == "nan":
        return equal(np.isnan(p.astype(np.float64)), True)
    if declared == "uniform":
        value = -math.log(n) if logs else 1 / n
        return equal(p, np.full(p.shape, value), within=rounding(np.full(p.shape, value), p.dtype) * 8)
    return equal(p, -np.inf if logs else 0.0)


def with_a_score(x: Any) -> Any:
    """The rows that are not fully masked."""
    return x[(x > -np.inf).any(-1)]


A_SCORE = "every row has a score above −∞"


def all_see_a_score(x: Any) -> bool:
    """Whether `A_SCORE` is true."""
    return bool((x > -np.inf).any(-1).all())


def without_infinity(x: Any) -> Any:
    """The rows without +∞."""
    return x[~np.isposinf(x.astype(np.float64)).any(-1)]


def sixteen_bit_numbers(name: str) -> np.ndarray[Any, Any]:
    """Every finite number of a 16-bit format, ordered by its bits: the second half is the first, negated."""
    every = np.arange(2**16, dtype=np.uint16).view(dtype_named(name))
    return every[np.isfinite(every.astype(np.float32))]


def sixteen_bit_pairs(target: Target) -> Iterator[dict[str, Any]]:
    """[d, 0] for every d of each 16-bit format; of float16, cast to its first dtype, for a target of neither."""
    accepted = [name for name in ("float16", "bfloat16") if name in target.dtypes]
    for name in accepted or ["float16"]:
        d = sixteen_bit_numbers(name)
        yield {"x": np.stack([d, np.zeros_like(d)], -1).astype(dtype_named(name if accepted else target.dtypes[0]))}


@domain
def dominated_rows(draw: Draw, target: Target, *, level: bool = True) -> np.ndarray[Any, Any]:
    """Rows whose highest score lies above the others by up to 0.9 of the way to underflow; on request it is 0."""
    name = draw(st.sampled_from(target.dtypes))
    shape = (draw(st.integers(1, 2)), draw(widths(least=2, most=65)))
    gap = draw(log_uniform(1, 0.9 * -math.log(FORMATS[name].tiny)))
    x = -gap - abs(draw_array(draw, shape, "float64", (2.0**-6, 1)))
    x[:, draw(st.integers(0, shape[1] - 1))] = 0
    return as_dtype(x + draw(st.sampled_from([0, 0, 16, -64])) * level, name)


@domain
def classified_rows(draw: Draw, target: Target, *, most: int = 33) -> dict[str, Any]:
    """Logits, targets of which some may be ignored, and options, drawn together; at least one row counts."""
    logits = draw(score_rows(most=most, rows=draw(st.integers(1, 6)), masked=False).build(target))
    targets = draw_integers(draw, (len(logits),), 10**6) % logits.shape[-1]
    ignore = draw(st.sampled_from([-100, -1, int(targets[0]), None]))
    if ignore is not None:
        targets = np.where(draw_integers(draw, targets.shape, 3) > 0, ignore, targets)
    if (targets == ignore).all():
        targets[-1], ignore = 0, ignore if ignore in (-100, -1) else None
    smoothing = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    reduction = draw(st.sampled_from(["mean", "sum", "none"]))
    options = {"ignore_index": ignore, "label_smoothing": smoothing, "reduction": reduction}
    kinds = ["int64", "int32", "int16", *(["int8"] if logits.shape[-1] <= 128 else [])]  # −100 fits into each
    kind = draw(st.sampled_from(kinds))
    return {"logits": logits, "targets": targets.astype(kind), "options": options}


def counted(targets: Any, options: dict[str, Any]) -> Any:
    """Which rows count."""
    return np.asarray(targets) != options["ignore_index"]


@domain
def stacked_rows(draw: Draw, target: Target) -> dict[str, Any]:
    """Classified rows, and the axes that they and their classes are arranged in."""
    drawn = draw(classified_rows(most=9).build(target))
    rows = len(drawn["targets"])
    shapes = [(rows, 1), (1, rows), (1, rows, 1), *([(2, rows // 2), (rows // 2, 2)] if rows % 2 == 0 else [])]
    shape = draw(st.sampled_from(shapes))
    return {**drawn, "shape": shape, "axis": draw(st.integers(-len(shape) - 1, len(shape)))}


def thousands_of_rows(target: Target) -> Iterator[dict[str, Any]]:
    """4,099 rows of two scores in each dtype, one in ten ignored; targets of dtypes that cannot count the rows."""
    x = np.random.default_rng(0).normal(size=(4099, 2)) * 4
    for i, (name, kind) in enumerate(zip(target.dtypes, ("int8", "uint8", "int16", "int8"), strict=False)):
        count = np.arange(len(x))
        yield {
            "targets": np.where(count % 10 == 7, 100, count % 2).astype(kind),
            "logits": as_dtype(x, name),
            "options": {"ignore_index": 100, "label_smoothing": (0.0, 0.1)[i % 2], "reduction": "mean"},
        }


@domain
def logits_with_exclusions(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows of partly masked scores, and whether the target is the last or the first unmasked class."""
    x = draw(score_rows(most=65, masked=True).build(target))
    masked = draw(seeds()).random(x.shape) < draw(st.floats(0, 1))
    np.put_along_axis(masked, x.argmax(-1)[:, None], False, -1)
    x = np.where(masked, x.dtype.type(-np.inf), x)
    return {"x": x, "last": draw(st.booleans())}


def targets_not_excluded(x: Any, last: bool) -> tuple[Any, Any]:
    """The rows that are not fully masked, and an unmasked target in each."""
    x = x[~fully_masked(x)]
    unmasked = ~np.isneginf(x.astype(np.float64))
    return x, x.shape[-1] - 1 - unmasked[:, ::-1].argmax(-1) if last else unmasked.argmax(-1)
