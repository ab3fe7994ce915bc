"""Wrong argmaxes, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant, reported


@reported(
    "argmax.index_of_highest",
    """
    pytorch/pytorch #22853 (2019)
    pytorch/pytorch #32343 (2020)
    pytorch/pytorch #47296 (2020)
    pytorch/pytorch #93630 (2022)
    pytorch/xla #2415 (2020)
    """,
    alias="last_of_equals",
)
@mutant("argmax")
def last_of_ties(x: Any, axis: int = -1) -> Any:
    """Gives the last of equal scores."""
    return x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)


@reported(
    "argmax.index_of_highest",
    """
    jax-ml/jax #6762 (2021) fixed
    ml-explore/mlx #4274 (2026)
    pytorch/pytorch PR#187039 (2026)
    openvinotoolkit/openvino #33626 (2026)
    """,
)
@mutant("argmax")
def nan_skipped(x: Any, axis: int = -1) -> Any:
    """Ignores NaN, which max does not."""
    return np.argmax(np.where(np.isnan(x), -np.inf, x), axis)


@mutant("argmax")
def last_nan(x: Any, axis: int = -1) -> Any:
    """A loop with `not (value <= best)`: every NaN replaces the one before."""
    rows = np.moveaxis(x, axis, -1)
    best = np.zeros(rows.shape[:-1], int)
    for i in range(1, rows.shape[-1]):
        here = np.take_along_axis(rows, best[..., None], -1)[..., 0]
        best = np.where(~(rows[..., i] <= here), i, best)
    return best


@mutant("argmax")
def lowest_wins(x: Any, axis: int = -1) -> Any:
    """Returns the index of the lowest score."""
    return np.argmin(x, axis)


@mutant("argmax")
def magnitude_wins(x: Any, axis: int = -1) -> Any:
    """Returns the index of the largest |x|."""
    return np.argmax(abs(x), axis)


@mutant("argmax")
def coarse_comparison(x: Any, axis: int = -1) -> Any:
    """Compares with a tolerance: scores that nearly tie count as ties."""
    return np.argmax(x >= x.max(axis, keepdims=True) - x.dtype.type(1e-3), axis)


@mutant("argmax")
def compared_in_float32(x: Any, axis: int = -1) -> Any:
    """Compares in float32, where scores that differ in float64 tie."""
    return np.argmax(x.astype(np.float32), axis)


@mutant("argmax")
def index_in_the_whole_array(x: Any, axis: int = -1) -> Any:
    """Counts from the start of the array, not of the row."""
    rows = np.argmax(x, axis)
    return rows + np.arange(rows.size).reshape(rows.shape) * x.shape[axis]


@mutant("argmax")
def index_as_float(x: Any, axis: int = -1) -> Any:
    """Returns the index in the dtype of the scores: float16 cannot represent 2049."""
    return np.argmax(x, axis).astype(x.dtype)


@mutant("argmax")
def subnormals_are_zero(x: Any, axis: int = -1) -> Any:
    """Flushes subnormal numbers to 0, as some processors do."""
    return np.argmax(
        np.where(abs(x) < np.ldexp(x.dtype.type(1), _smallest_exponent(x.dtype)), x.dtype.type(0), x), axis
    )


def _smallest_exponent(dtype: Any) -> int:
    return {"float64": -1022, "float16": -14}.get(dtype.name, -126)


@mutant("argmax")
def starts_at_zero(x: Any, axis: int = -1) -> Any:
    """Starts the running maximum at 0: all-negative rows answer 0."""
    return np.argmax(np.maximum(x, x.dtype.type(0)), axis)
