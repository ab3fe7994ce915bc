"""Rows of scores that several claims share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import Operations, Target, domain, equal
from mathcore.verify.domains import Draw, as_dtype, draw_integers, log_uniform, widths
from mathcore.verify.tolerances import FORMATS, dtype_named, rounding

BLANCHARD = "Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038"


# Domains that several claims share.
@domain
def shiftable(draw: Draw, target: Target) -> dict[str, Any]:
    """Rows on a grid and a shift, far beyond the range of exp where the format allows, with exact sums."""
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


def hidden_tiles(target: Target) -> Iterator[dict[str, Any]]:
    """Two rows of whole numbers of which a stretch is hidden at either end, the rest far below 0, far above or near."""
    for i, (n, hidden) in enumerate([(3, 1), (9, 8), (16, 8), (17, 16), (64, 32), (129, 128), (200, 64), (257, 256)]):
        x = -(np.arange(2 * n).reshape(2, n) * 5 % 7.0)
        x[0, :hidden] = x[1, n - hidden :] = -np.inf
        for j, level in enumerate((-1000.0, 1000.0, -128.0)):
            name = target.dtypes[(i + j) % len(target.dtypes)]
            exact = np.clip(level, -128, 128) if name == "bfloat16" else level  # which has no odd numbers past 256
            yield {"x": as_dtype(x, name), "level": as_dtype(exact, name)}


def _extremes(name: str) -> Any:
    f = FORMATS[name]
    return as_dtype([-np.inf, -f.most, -f.most / 2, -1, -f.smallest, 0, f.tiny, 100, f.most / 2, f.most], name)


@domain
def extreme_rows(draw: Draw, target: Target) -> np.ndarray[Any, Any]:
    """Rows of −∞, the largest and smallest numbers of a format, and plain ones."""
    values = _extremes(draw(st.sampled_from(target.dtypes)))
    shape = (draw(st.integers(1, 3)), draw(widths(most=300)))
    if draw(st.booleans()):
        values = values[: draw(st.integers(1, len(values)))]
    return values[draw_integers(draw, shape, 500) % len(values)]


def dead(x: Any) -> Any:
    """Which rows have nothing to see."""
    return np.isneginf(x.astype(np.float64)).all(-1)


def of_nothing_to_see(ops: Operations, p: Any, *, logs: bool = False) -> Any:
    """That the probabilities (or their logarithms) of rows with nothing to see are what the target declares."""
    declared, n = ops.conventions.softmax_of_nothing, max(p.shape[-1], 1)
    if declared == "nan":
        return equal(np.isnan(p.astype(np.float64)), True)
    if declared == "uniform":
        value = -math.log(n) if logs else 1 / n
        return equal(p, np.full(p.shape, value), within=rounding(np.full(p.shape, value), p.dtype) * 8)
    return equal(p, -np.inf if logs else 0.0)
