"""What must be true of the size of vectors: FAQ 6."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import Target, domain, draw_exact, draw_integers, seeds
from mathcore.verify.domains import Draw
from mathcore.verify.oracle.matrices import draw_with_singular_values, rational


def factored(table: Any) -> tuple[Any, Any]:
    """The table as a product of two of full rank, exactly: its pivot columns, and its reduced rows."""
    reduced, pivots_found = rational(table).rref()
    rows = np.array([[type(table[0, 0])(int(v.p)) / int(v.q) for v in row] for row in reduced.tolist()], table.dtype)
    rows = rows.reshape(table.shape)[:pivots_found]
    pivots = [int(np.flatnonzero(row)[0]) for row in rows]
    return table[:, pivots], rows


@domain
def word_and_context_vectors(draw: Draw, target: Target) -> dict[str, Any]:
    """Vectors of a few words and contexts, often fewer numbers than words, in numbers that arithmetic is exact on."""
    words, contexts, size = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    both = draw_exact(draw, target, words + contexts, size, most=3)
    return {"words": both[:words], "contexts": both[words:]}


@domain
def whole_table(draw: Draw, target: Target) -> Any:
    """A table of any rank, of Fractions where the target takes objects, else of ones and zeros below a diagonal."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    if not target.exact:
        return np.tril(np.ones((rows, columns))) * abs(draw_integers(draw, (columns,), 3))
    inner = draw(st.integers(0, 5))
    left, right = draw_integers(draw, (rows, inner), 3), draw_integers(draw, (inner, columns), 3)
    return fractions(left @ right)


def fractions(x: Any) -> Any:
    """Whole numbers as Fractions."""
    from fractions import Fraction

    out = np.empty(x.shape, object)
    out.ravel()[:] = [Fraction(int(v)) for v in x.ravel()]
    return out


class Known(NamedTuple):
    """A table and its singular values."""

    table: Any
    values: Any


@domain
def known_scores(draw: Draw, target: Target) -> dict[str, Any]:
    """A table whose singular values are known, and a size."""
    known = Known(*draw_with_singular_values(draw, draw(st.sampled_from(target.dtypes)), far=True))
    return {"known": known, "dim": draw(st.integers(0, len(known.values) + 1))}


@domain
def crowded_directions(draw: Draw, target: Target) -> Any:
    """More directions than numbers in a vector, at random or as far apart as d + 1 can be."""
    size = draw(st.integers(1, 6))
    if draw(st.booleans()):  # the corners of a regular simplex, seen from its centre
        corners = np.eye(size + 1) - 1 / (size + 1)
        return corners @ np.linalg.svd(corners)[2][:size].T
    return draw(seeds()).normal(size=(draw(st.integers(size + 1, 14)), size))
