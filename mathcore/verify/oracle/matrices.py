"""Matrices whose rank or singular values are known, and how near others of a rank come to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify.domains import Draw, as_dtype, draw_integers, seeds, widths
from mathcore.verify.tolerances import EVALUATED, Format, format_of, gamma, tolerance, work_format


def rational(x: Any) -> Any:
    """A table as a matrix of rational numbers; floats at their exact values."""
    from fractions import Fraction

    from flint import fmpq, fmpq_mat

    numbers = [Fraction(v) for v in np.ravel(x).tolist()]
    rows, columns = np.shape(x)
    return fmpq_mat(rows, columns, [fmpq(v.numerator, v.denominator) for v in numbers])


def rank(x: Any) -> int:
    """The rank, by elimination in rational numbers."""
    return int(rational(x).rank())


def distance(table: Any, words: Any, contexts: Any) -> float:
    """‖S − LRᵀ‖ in Frobenius norm."""
    table, words, contexts = (np.asarray(x, np.float64) for x in (table, words, contexts))
    return float(np.sqrt(((table - words @ contexts.T) ** 2).sum()))


def tail(table: Any, size: int) -> float:
    """The root of the squares of all singular values but the first `size`."""
    return float(np.sqrt((np.linalg.svd(np.asarray(table, np.float64), compute_uv=False)[size:] ** 2).sum()))


_FAR: Mapping[str, int] = {"float64": 300, "float32": 50, "bfloat16": 50}
"""Powers of two that matrices may be multiplied by, so that their squares are float64 numbers still."""


def draw_with_singular_values(draw: Draw, dtype: str, most: int = 1100, *, far: bool = False) -> tuple[Any, Any]:
    """A matrix whose singular values are known, and those values, falling.

    Whole numbers on a diagonal, times a power of two, between two reflections along vectors of 1, −1 and 0 with a power
    of two of them not 0: nothing is rounded before the matrix is stored. With `far`, large and small ones as well.
    """
    long, short, rng = draw(widths(most=most)), draw(st.integers(1, 6)), draw(seeds())
    power = st.integers(-6, 6)
    if far and dtype in _FAR:
        power = st.one_of(power, st.integers(-_FAR[dtype], _FAR[dtype]))
    values = np.sort(abs(draw_integers(draw, (min(long, short),), 9)))[::-1] * 2.0 ** draw(power)
    table = np.zeros((long, short))
    np.fill_diagonal(table, values)
    table = _reflected(_reflected(table, rng).T, rng)
    return as_dtype(table.T if draw(st.booleans()) else table, dtype), values


def _reflected(table: Any, rng: Any) -> Any:
    """Rows mirrored along a vector: an orthogonal map whose entries are whole numbers over a power of two."""
    count = 2 ** int(math.log2(len(table)))
    v = np.zeros((len(table), 1))
    v[rng.permutation(len(table))[:count], 0] = rng.choice([-1, 1], count)
    return table - v @ (v.T @ table) * 2 / count


def length(x: Any) -> Any:
    """The length of vectors along the last axis, scaled so that no square overflows or underflows."""
    most = abs(x).max(-1, keepdims=True, initial=0)
    scaled = x / np.where(most > 0, most, 1)
    return most * np.sqrt((scaled * scaled).sum(-1, keepdims=True))


@tolerance
def score_table_rounding(table: Any, size: int, dtype: Any) -> Any:
    r"""The distance $\lVert S - LR^\top\rVert_F$ of the best table of a size from the tail of the singular values.

    An SVD is backward stable: it is exact for a table off by at most
    $4k\gamma_{6\max(m,n)}\lVert S\rVert_F$, with $k = \min(m, n)$: 2k Householder reflections for the bidiagonal form,
    each off by $\gamma_{6\max(m,n)}$ (Higham, Lemma 19.3 with its small constant), and as many for the rotations of the
    iteration. Singular values, and with them the tail, move by no more (Mirsky). Each factor then meets a root and a
    product, $\gamma_3\lVert\cdot\rVert$ in all four, on entries whose products sum to at most
    $\sqrt{d}\,\lVert S\rVert_F$. Factors stored in 16 bits were rounded, both: $2u_{16} + u_{16}^2$ of the same.
    Whoever measures the distance multiplies the factors and sums the squares of mn differences in float64, and S itself
    was rounded to its format.
    """
    f, work, table = format_of(dtype), work_format(dtype), np.asarray(table, np.float64)
    k, most = min(table.shape), max(table.shape)
    norm = float(length(table.ravel())[0]) if table.size else 0.0
    decomposed = 4 * k * gamma(6 * most, work.u)
    kept = min(size, k)
    factors = gamma(6, work.u) + gamma(kept + 2, 2.0**-53) + (0.0 if f is work else 2 * f.u + f.u**2)
    multiplied = factors * np.sqrt(kept)
    summed = gamma(table.size + 4, 2.0**-53)
    return norm * (decomposed + multiplied + summed + f.u) * EVALUATED + 4 * table.size * (
        work.smallest + _underflow(f, norm)
    )


def _underflow(f: Format, norm: float) -> float:
    """What a factor's entry that is subnormal in its format costs, met by one of the other factor."""
    return f.smallest * np.sqrt(norm)
