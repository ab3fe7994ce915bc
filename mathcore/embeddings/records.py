"""The operations on vectors: how each is called and judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.embeddings.cosine_similarity_tolerances import cosine_rounding, cosine_vjp_rounding
from mathcore.embeddings.embedding_tolerances import sum_of_occurrences
from mathcore.embeddings.inputs import (
    _classes,
    _cotangents,
    _lookup,
    _pair,
    _scores,
    _stacked_classes,
    _stacked_cotangents,
    _stacked_lookup,
    _stacked_pairs,
)
from mathcore.embeddings.textbook import cosine, hot, pulled_back, sums_of_occurrences
from mathcore.verify import Limits, Operations, all_of, draw_array, enclose, equal, identical
from mathcore.verify.operation import Operation
from mathcore.verify.oracle.matrices import distance, score_table_rounding, tail
from mathcore.verify.relations import Conjunction, Relation


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
_FINITE = {"scale": "no sum overflows"}
_FINITE_BACK = {"scale": "no gradient overflows"}


EMBEDDING = Operation(
    "embedding",
    _lookup,
    lambda ops, answer, ids, weight: identical(answer, weight[ids]),  # noqa: ARG005
    {"ids": np.array([1, 0]), "weight": _TABLE},
    stacked=_stacked_lookup,
    result=lambda given: ((*np.shape(given["ids"]), *given["weight"].shape[1:]), given["weight"].dtype),
    limits={
        "layout_free": Limits(fixed=_FINITE),
        "any_width": Limits(rows=2, fixed=_FINITE),
        "keeps_dtype": Limits(rows=5, fixed=_FINITE),
        "many_rows": Limits(width=2, fixed=_FINITE),
        "pure": Limits(rows=5, width=9, fixed=_FINITE),
    },
    **_IDS,
)


EMBEDDING_VJP = Operation(
    "embedding_vjp",
    _cotangents,
    _gathered,
    {"g": np.ones((2, 2)), "ids": np.array([1, 0]), "weight": _TABLE},
    (sum_of_occurrences,),
    stacked=_stacked_cotangents,
    repeats=0,
    **_IDS,
)


ONE_HOT = Operation(
    "one_hot",
    _classes,
    lambda ops, answer, ids, num_classes: equal(answer, hot(ids, num_classes)),  # noqa: ARG005
    {"ids": np.array([1, 0]), "num_classes": 2},
    stacked=_stacked_classes,
    unvaried=("dtype", "axis"),
    exempt={
        "any_width": "`one_hot.one_at_the_id` draws the number of classes",
        "rows_are_independent": "ids hold no NaN",
        "keeps_dtype": "the dtype of its result is an argument",
        "floats_only": "ids are integers",
    },
    **_IDS,
)


COSINE_SIMILARITY = Operation(
    "cosine_similarity",
    _pair,
    _cosine_agrees,
    {"a": _TABLE, "b": _TABLE + 1},
    (cosine_rounding,),
    rows_when_wide=3,
    stacked=_stacked_pairs,
    unvaried=("axis",),
    limits={
        **dict.fromkeys(("layout_free", "any_width", "keeps_dtype"), Limits(rows=3, fixed=_FINITE_BACK)),
        "many_rows": Limits(width=3, fixed=_FINITE_BACK),
        "pure": Limits(rows=3, width=9, fixed=_FINITE_BACK),
    },
)


COSINE_SIMILARITY_VJP = COSINE_SIMILARITY.derivative(
    _cosine_vjp_agrees,
    cosine_vjp_rounding,
    cotangent=lambda draw, name, given: draw_array(draw, given["a"].shape[:-1], name, (0.5, 8)),
    sample={"g": np.ones(3), **COSINE_SIMILARITY.sample},
)


BEST_SCORE_TABLE = Operation(
    "best_score_table",
    _scores,
    _best_of_its_size,
    {"table": _TABLE, "dim": 1},
    (score_table_rounding,),
    limits={
        "layout_free": Limits(rows=7, width=8, also=("the vectors themselves, of which the products are compared",)),
        "keeps_dtype": Limits(width=6),
        "pure": Limits(rows=6, width=7),
    },
    exempt={
        "any_width": "every table costs a singular value decomposition",
        "many_rows": "it takes one table",
        "rows_are_independent": "the best vectors of a size depend on all scores",
    },
)
