"""What must be true of large arrays, which are worked on in pieces, by several threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from mathcore import blocks_mutants as wrong
from mathcore.common_mutants import of_each
from mathcore.verify import Claim, Operations, all_of, equal, identical, raises
from mathcore.verify.domains import as_dtype

NAMES = ("softmax", "log_softmax", "logsumexp")

large_equals_rows = Claim(
    "large_arrays.equal_their_rows",
    statement="A large array gives what each of its rows gives alone, bit for bit, whatever its layout, the axis and "
    "the number of threads.",
    formula=r"f(X)_i = f(X_i), \qquad X \in \mathbb R^{a \times b \times c}, \quad abc > 2^{15}",
    needs=(*NAMES, "rms_norm", "num_threads"),
    refuted_by=(
        *of_each(wrong.last_rows_forgotten, NAMES), *of_each(wrong.one_after_the_other, NAMES),
        wrong.whole_block_normalised, wrong.first_rows_twice, wrong.sum_cut_by_threads,
    ),
)  # fmt: skip


def large() -> Iterator[dict[str, Any]]:
    """Every axis of arrays of three, in several layouts and formats: rows short, of more than 128 numbers, and wide."""
    for axis in (1, 0, 2):
        for order, dtype in (((0, 1, 2), "float64"), ((2, 0, 1), "float32"), ((1, 2, 0), "float32")):
            yield {"shape": (3, 150, 83), "axis": axis, "order": order, "dtype": dtype}


@large_equals_rows.exhaustive(large)
def _(ops: Operations, shape: Any, axis: int, order: Any, dtype: str) -> Any:
    x = as_dtype(np.random.default_rng(axis).normal(size=shape) * 4, dtype)
    x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))  # the same numbers in another order
    rows, weight = np.moveaxis(x, axis, -1), np.linspace(1, 2, shape[axis], dtype=dtype)
    each = np.linspace(0, rows.size // shape[axis] - 1, 32).astype(int)  # the first and the last among them
    few = [row.copy() for row in rows.reshape(-1, shape[axis])[each]]

    def of_rows(y: Any) -> Any:
        return (np.moveaxis(y, axis, -1) if y.ndim == 3 else y[..., None]).reshape(len(rows) * len(rows[0]), -1)[each]

    alone = {name: np.array([getattr(ops, name)(row) for row in few]).reshape(len(few), -1) for name in NAMES}
    normed, parts = np.array([ops.rms_norm(row, weight) for row in few]), []
    for threads in ("1", "2", ""):
        with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": threads}):
            parts += [identical(of_rows(getattr(ops, name)(x, axis=axis)), alone[name]) for name in NAMES]
            parts.append(identical(ops.rms_norm(rows, weight).reshape(-1, shape[axis])[each], normed))
    return all_of(*parts)


threads_are_as_said = Claim(
    "large_arrays.threads_are_as_said",
    statement="`MATHCORE_NUM_THREADS` says how many threads large arrays may use, as many as there are cores if it is "
    "not set; a setting that is no whole number from 1 up is refused by name.",
    formula=r"n \in \{1, 2, 3, \dots\}",
    needs=("num_threads", "softmax"),
    refuted_by=(wrong.setting_ignored, wrong.nonsense_is_one),
)


@threads_are_as_said.exhaustive(lambda: iter({"wanted": wanted} for wanted in ("1", "2", "64")))
def _(ops: Operations, wanted: str) -> Any:
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": wanted}):
        return equal(ops.num_threads(), int(wanted))


@threads_are_as_said.exhaustive(lambda: iter({"wanted": wanted} for wanted in ("0", "-1", "1.5", "all", " ")))
def _(ops: Operations, wanted: str) -> Any:
    x = np.zeros((2, 2**15))
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": wanted}):
        saying = ("MATHCORE_NUM_THREADS", repr(wanted))
        refused = raises(lambda: ops.softmax(x), ValueError, saying=saying)
        return all_of(raises(ops.num_threads, ValueError, saying=saying), refused)


@threads_are_as_said.exhaustive(lambda: iter([{"wanted": ""}]))
def _(ops: Operations, wanted: str) -> Any:
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": wanted}):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return equal(ops.num_threads(), cores)
