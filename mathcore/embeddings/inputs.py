"""What claims about embeddings draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import draw_array, draw_integers, seeds
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.oracle.matrices import draw_with_singular_values


def draw_ids(draw: Draw, rows: int) -> Any:
    """Ids of a table: none, one, a row of them or a grid, often the same again."""
    shape = draw(st.sampled_from([(), (0,), (1,), (3,), (7,), (2, 3), (2, 0), (4, 1)]))
    return np.asarray(draw_integers(draw, shape, max(99, rows)) % rows, draw(st.sampled_from([np.int64, np.int32])))


def draw_vectors(
    draw: Draw, shape: tuple[int, ...], dtype: str, scale: tuple[float, float] = (2.0**-4, 2.0**4)
) -> np.ndarray[Any, Any]:
    """Vectors along the last axis, none of them much shorter than its scale, so that every one has a direction."""
    x = draw_array(draw, shape, "float64", scale)
    if shape[-1]:
        x[..., 0] += np.where(x[..., 0] < 0, -1, 1) * max(abs(x).max(initial=0), scale[0])
        x = x[..., draw(seeds()).permutation(shape[-1])]
    return as_dtype(x, dtype)


def _lookup(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    count = rows or draw(st.integers(1, 5))
    return {"ids": draw_ids(draw, count), "weight": draw_array(draw, (count, width), name, (2.0**-10, 2.0**4))}


def _cotangents(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    lookup = _lookup(draw, name, width, long=long, rows=rows)
    ids, weight = lookup["ids"], lookup["weight"]
    if long:
        ids, weight = np.zeros(2500, np.int64), weight[:, :1]
    g = draw_array(draw, (*ids.shape, weight.shape[1]), name, (0.5, 8))
    return {"g": abs(g) if long and draw(st.booleans()) else g, "ids": ids, "weight": weight}


def _stacked_ids(draw: Draw, rows: int) -> Any:
    return draw(st.sampled_from([(rows,), (rows, 2), (rows, 1, 2)]))


def _stacked_lookup(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    shape, words = _stacked_ids(draw, rows), draw(st.integers(2, 9))
    ids = draw(seeds()).integers(0, words, shape)
    return {"ids": ids, "weight": draw_array(draw, (words, 2), name, (2.0**-10, 2.0**4))}


def _stacked_cotangents(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    """As many words as texts, nearly each in its own."""
    ids = (np.arange(rows)[:, None] + draw(seeds()).integers(0, 2, (rows, 2))) % rows
    weight = draw_array(draw, (rows, 2), name, (2.0**-10, 2.0**4))
    return {"g": draw_array(draw, (rows, 2, 2), name, (0.5, 8)), "ids": ids, "weight": weight}


def _stacked_classes(draw: Draw, name: str, rows: int) -> dict[str, Any]:  # noqa: ARG001
    classes = draw(st.integers(2, 9))
    return {"ids": draw(seeds()).integers(0, classes, _stacked_ids(draw, rows)), "num_classes": classes}


def _stacked_pairs(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    shape = (*_stacked_ids(draw, rows), draw(st.integers(2, 3)))
    return {key: draw_vectors(draw, shape, name) for key in "ab"}


def _pair(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    shape = (rows or draw(st.integers(1, 3)), 2500 if long else width)
    return {key: draw_vectors(draw, shape, name) for key in "ab"}


def _scores(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    table, values = draw_with_singular_values(draw, name, most=max(width, 1), far=True)
    return {"table": table, "dim": draw(st.integers(0, len(values) + 1))}


def _classes(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    classes = rows or max(width, 1)
    return {"ids": draw_ids(draw, classes), "num_classes": classes}
