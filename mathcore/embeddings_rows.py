"""What must be true of every operation on vectors of words, whichever it is: one claim each, made by one function.

An operation is judged by the textbook, not by its own answer to an easier question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.common_rows import Part
from mathcore.embeddings_tolerances import (
    cosine_rounding,
    cosine_vjp_rounding,
    score_table_rounding,
    sum_of_occurrences,
)
from mathcore.verify import (
    Enclosure,
    Operations,
    all_of,
    draw_array,
    draw_integers,
    enclose,
    equal,
    identical,
    seeds,
    widths,
)
from mathcore.verify.domains import Draw, as_dtype
from mathcore.verify.oracle.enclosures import true_matmul
from mathcore.verify.relations import Conjunction, Relation

IDS = ("embedding", "embedding_vjp", "one_hot")
"""The operations that take ids."""

# The textbook.


def hot(ids: Any, classes: int) -> Any:
    """1 at the id, else 0."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(int)


def sums_of_occurrences(g: Any, ids: Any, rows: int) -> Enclosure:
    """What every row was sent, in all its occurrences together."""
    return true_matmul(hot(ids.ravel(), rows).T, g.reshape(ids.size, g.shape[-1]))


def cosine(a: Any, b: Any) -> Any:
    """The dot product over the lengths, along the last axis; 0 where a vector is zero."""
    squares = (a * a).sum(-1) * (b * b).sum(-1)
    return (a * b).sum(-1) / np.sqrt(squares + _is_zero(squares))


def _is_zero(x: Any) -> Any:
    """1 where a number is 0, so that it may be added to a divisor, else 0."""
    return np.asarray(x == 0, bool).astype(int)


def pulled_back(g: Any, a: Any, b: Any) -> Any:
    """What the cosine sends back to a: ḡ/‖a‖ (b/‖b‖ − cos a/‖a‖); 0 where a vector is zero."""
    squares_a, squares_b = ((x * x).sum(-1)[..., None] for x in (a, b))
    length_a, length_b = (np.sqrt(x + _is_zero(x)) for x in (squares_a, squares_b))
    unit_a, unit_b = a / length_a, b / length_b
    turned = g[..., None] / length_a * (unit_b - (unit_a * unit_b).sum(-1)[..., None] * unit_a)
    return turned * (1 - _is_zero(squares_a * squares_b))


def distance(table: Any, words: Any, contexts: Any) -> float:
    """‖S − LRᵀ‖ in Frobenius norm."""
    table, words, contexts = (np.asarray(x, np.float64) for x in (table, words, contexts))
    return float(np.sqrt(((table - words @ contexts.T) ** 2).sum()))


def tail(table: Any, size: int) -> float:
    """The root of the squares of all singular values but the first `size`."""
    return float(np.sqrt((np.linalg.svd(np.asarray(table, np.float64), compute_uv=False)[size:] ** 2).sum()))


# Inputs.


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


_FAR: Mapping[str, int] = {"float64": 300, "float32": 50, "bfloat16": 50}
"""Powers of two that tables of scores may be multiplied by, so that their squares are float64 numbers still."""


def draw_scores(draw: Draw, dtype: str, most: int = 1100, *, far: bool = False) -> tuple[Any, Any]:
    """A table (words, contexts) whose singular values are known, and those values, falling.

    Whole numbers on a diagonal, times a power of two, between two reflections along vectors of 1, −1 and 0 with a power
    of two of them not 0: nothing is rounded before the table is stored. With `far`, large and small ones as well.
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


def _stacked_pulls(draw: Draw, name: str, rows: int) -> dict[str, Any]:
    pair = _stacked_pairs(draw, name, rows)
    return {"g": draw_array(draw, pair["a"].shape[:-1], name, (0.5, 8)), **pair}


def _pair(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    shape = (rows or draw(st.integers(1, 3)), 2500 if long else width)
    return {key: draw_vectors(draw, shape, name) for key in "ab"}


def _pair_with_cotangent(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:
    pair = _pair(draw, name, width, long=long, rows=rows)
    return {"g": draw_array(draw, pair["a"].shape[:-1], name, (0.5, 8)), **pair}


def _scores(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    table, values = draw_scores(draw, name, most=max(width, 1), far=True)
    return {"table": table, "dim": draw(st.integers(0, len(values) + 1))}


def _classes(draw: Draw, name: str, width: int, *, long: bool, rows: int | None) -> dict[str, Any]:  # noqa: ARG001
    classes = rows or max(width, 1)
    return {"ids": draw_ids(draw, classes), "num_classes": classes}


# The operations.


def _gathered(ops: Operations, answer: Any, g: Any, ids: Any, weight: Any) -> Relation:  # noqa: ARG001
    of = hot(ids.ravel(), len(weight)).T
    allowed = sum_of_occurrences(of @ abs(g.astype(np.float64)).reshape(ids.size, g.shape[-1]), of.sum(1), weight.dtype)
    return equal(answer, sums_of_occurrences(g, ids, len(weight)), within=allowed)


def _cosine_agrees(ops: Operations, answer: Any, a: Any, b: Any, axis: int = -1) -> Relation:
    a, b = (np.moveaxis(x, axis, -1) for x in (a, b))
    if not a.shape[-1]:
        return equal(answer, np.zeros(a.shape[:-1]))
    allowed = cosine_rounding(a, b, a.dtype, ops.conventions.summation)
    return equal(answer, enclose(cosine, a, b), within=allowed)


def _cosine_vjp_agrees(ops: Operations, answer: Any, g: Any, a: Any, b: Any, axis: int = -1) -> Conjunction:
    a_bar, b_bar, a, b = (np.moveaxis(x, axis, -1) for x in (*answer, a, b))
    if not a.shape[-1]:
        return all_of(equal(a_bar, a), equal(b_bar, b))
    how = (a.dtype, ops.conventions.summation)
    return all_of(
        equal(a_bar, enclose(pulled_back, g, a, b), within=cosine_vjp_rounding(g, a, b, *how)),
        equal(b_bar, enclose(pulled_back, g, b, a), within=cosine_vjp_rounding(g, b, a, *how)),
    )


def _best_of_its_size(ops: Operations, answer: Any, table: Any, dim: int) -> Conjunction:  # noqa: ARG001
    words, contexts = answer
    return all_of(
        equal([*words.shape, *contexts.shape], [len(table), dim, table.shape[1], dim]),
        equal(distance(table, words, contexts), tail(table, dim), within=score_table_rounding(table, dim, table.dtype)),
    )


_IDS: Any = {"rows_in_views": 9, "rows_when_wide": 2}  # so that stray ids in a wrong layout are ids too
_TABLE = np.arange(6.0).reshape(3, 2)

EMBEDDING = Part(
    "embedding",
    _lookup,
    lambda ops, answer, ids, weight: identical(answer, weight[ids]),  # noqa: ARG005
    {"ids": np.array([1, 0]), "weight": _TABLE},
    stacked=_stacked_lookup,
    **_IDS,
)
EMBEDDING_VJP = Part(
    "embedding_vjp",
    _cotangents,
    _gathered,
    {"g": np.ones((2, 2)), "ids": np.array([1, 0]), "weight": _TABLE},
    (sum_of_occurrences,),
    stacked=_stacked_cotangents,
    **_IDS,
)
ONE_HOT = Part(
    "one_hot",
    _classes,
    lambda ops, answer, ids, num_classes: equal(answer, hot(ids, num_classes)),  # noqa: ARG005
    {"ids": np.array([1, 0]), "num_classes": 2},
    stacked=_stacked_classes,
    **_IDS,
)
COSINE_SIMILARITY = Part(
    "cosine_similarity",
    _pair,
    _cosine_agrees,
    {"a": _TABLE, "b": _TABLE + 1},
    (cosine_rounding,),
    rows_when_wide=3,
    stacked=_stacked_pairs,
)
COSINE_SIMILARITY_VJP = Part(
    "cosine_similarity_vjp",
    _pair_with_cotangent,
    _cosine_vjp_agrees,
    {"g": np.ones(3), "a": _TABLE, "b": _TABLE + 1},
    (cosine_vjp_rounding,),
    rows_when_wide=3,
    stacked=_stacked_pulls,
)
BEST_SCORE_TABLE = Part(
    "best_score_table", _scores, _best_of_its_size, {"table": _TABLE, "dim": 1}, (score_table_rounding,)
)
