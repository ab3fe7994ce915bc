"""What must be true of every operation on vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.embeddings import cosine_similarity_mutants
from mathcore.embeddings import embedding_mutants as wrong
from mathcore.embeddings.inputs import draw_vectors
from mathcore.embeddings.records import (
    BEST_SCORE_TABLE,
    COSINE_SIMILARITY,
    COSINE_SIMILARITY_VJP,
    EMBEDDING,
    EMBEDDING_VJP,
    ONE_HOT,
)
from mathcore.verify import Claim, Limits, Operations, Target, domain, draw_array, laws, raises
from mathcore.verify import common_mutants as common
from mathcore.verify.domains import Draw, as_dtype


# Beyond the FAQ: ids.
def bad_ids(target: Target) -> Iterator[dict[str, Any]]:
    """Tables of up to five rows, and ids below and above them, alone and at every place among good ones."""
    for rows in (0, 1, 2, 5):
        table = as_dtype(np.ones((rows, 2)), target.dtypes[0])
        for bad in (-1, -2, -rows, -rows - 1, rows, rows + 1, 2**31, 2**32, 2**32 + 1, -(2**31), -(2**32), 2**63 - 1):
            if rows or bad:
                yield {"ids": np.array([bad], np.int64), "weight": table}
        for kind, bad in ((np.uint8, 255), (np.int8, -1), (np.int8, 127), (np.uint64, 2**63), (np.uint64, 2**64 - 1)):
            yield {"ids": np.array(bad, kind), "weight": table}
        for place in range(6 if rows else 0):
            for bad in (-1, rows):
                yield {"ids": np.where(np.arange(6) == place, bad, rows - 1).reshape(2, 3), "weight": table}


def refuses_bad_ids(name: str, call: Callable[[Operations, Any, Any], Any], *refuted_by: Any) -> Claim:
    """An id outside the table is an error."""
    claim = Claim(
        f"{name}.refuses_bad_ids",
        statement=f"`{name}` takes an id that is negative or too large for an error, wherever it stands; nothing wraps "
        "around, nothing is cut to the nearest, nothing is left at zero.",
        formula=r"i \notin [0, V) \Rightarrow \mathrm{IndexError}",
        needs=(name,),
        refuted_by=refuted_by,
    )

    @claim.exhaustive(bad_ids)
    def an_index_error(ops: Operations, ids: Any, weight: Any) -> Any:
        return raises(lambda: call(ops, ids, weight), IndexError)

    return claim


bad_ids_refused = (
    refuses_bad_ids(
        "embedding",
        lambda ops, ids, weight: ops.embedding(ids, weight),
        wrong.wraps_around,
        wrong.counts_from_the_end,
        wrong.clamped,
        wrong.zeros_for_bad_ids,
        wrong.ids_in_32_bits,
        wrong.first_column_checked,
        wrong.ids_in_eight_bits,
    ),
    refuses_bad_ids(
        "embedding_vjp",
        lambda ops, ids, weight: ops.embedding_vjp(np.ones((*ids.shape, 2), weight.dtype), ids, weight),
        wrong.wraps_around_too,
    ),
    refuses_bad_ids(
        "one_hot",
        lambda ops, ids, weight: ops.one_hot(ids, len(weight)),
        wrong.row_of_identity,
        wrong.zeros_if_bad,
    ),
)


# What is left out of a call.
@domain
def square_pairs(draw: Draw, target: Target, more: bool = False) -> dict[str, Any]:
    """Three pairs of three numbers, so that no shape tells the axis, and cotangents."""
    name = draw(st.sampled_from(target.dtypes))
    pair = {key: draw_vectors(draw, (3, 3), name) for key in "ab"}
    return {"cotangent": draw_array(draw, (3,), name, (0.5, 8)), **pair} if more else pair


@domain
def as_many_ids_as_classes(draw: Draw, target: Target) -> dict[str, Any]:
    """Ids of which some stand on no diagonal."""
    classes = draw(st.integers(2, 5))
    return {"ids": (np.arange(classes) + 1) ** 2 % classes, "num_classes": classes}


COSINES = ("cosine_similarity", "cosine_similarity_vjp")
OF_PAIRS, AT_DEFAULTS = Limits(("axis",), rows=3, width=3), Limits(("dtype", "axis"))


left_out = (
    laws.defaults(laws.Called("cosine_similarity", square_pairs(), OF_PAIRS), axis=(-1, 0)),
    laws.defaults(laws.Called("cosine_similarity_vjp", square_pairs(more=True), OF_PAIRS), axis=(-1, 0)),
    laws.defaults(
        laws.Called("one_hot", as_many_ids_as_classes(), AT_DEFAULTS),
        dtype=(None, np.float32),
        axis=(-1, 0),
    ),
)


of_vectors = (
    *laws.every_law(
        EMBEDDING,
        EMBEDDING_VJP,
        apart=("rows_are_independent",),
        layout_free=(common.strides_ignored_behind("embedding"),),
        any_width=(wrong.wide_rows_cut,),
        keeps_dtype=(wrong.sum_in_its_own_format,),
    ),
    *laws.every_law(
        COSINE_SIMILARITY,
        COSINE_SIMILARITY_VJP,
        apart=("rows_are_independent",),
        layout_free=tuple(map(common.strides_ignored_behind, COSINES)),
        any_width=(
            cosine_similarity_mutants.cut_at_1024,
            cosine_similarity_mutants.last_left_out,
            *map(common.first_row_everywhere, COSINES),
        ),
        keeps_dtype=(cosine_similarity_mutants.squares_in_their_own_format,),
    ),
    *laws.every_law(BEST_SCORE_TABLE),
    *laws.every_law(ONE_HOT),
)
