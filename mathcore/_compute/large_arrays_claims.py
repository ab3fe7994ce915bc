"""What must be true of large arrays, which are evaluated in blocks, on several threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import numpy as np

from mathcore._compute import large_arrays_mutants as wrong
from mathcore.attention.dot_product_tolerances import attention_rounding
from mathcore.attention.textbook import figures, seen_by
from mathcore.normalisation.rms_norm_tolerances import rms_norm_rounding
from mathcore.probability.records import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX
from mathcore.verify import Claim, Limits, Operations, Target, all_of, at_most, equal, identical, raises, reproduced
from mathcore.verify.common_mutants import of_each
from mathcore.verify.domains import as_dtype
from mathcore.verify.limits import SHORT_FORMATS

ON_ROWS = {op.name: op for op in (SOFTMAX, LOG_SOFTMAX, LOGSUMEXP)}
NAMES = tuple(ON_ROWS)

large_equals_rows = Claim(
    "large_arrays.equal_their_rows",
    statement="Softmax, log-softmax, logsumexp and RMS norm of a large array X give what each of its rows gives alone, "
    "whatever its layout, the axis and the number of threads: bit for bit if the target promises that, else up to "
    "rounding.",
    formula=r"f(X)_i = f(X_i), \qquad X \in \mathbb R^{a \times b \times c}, \quad abc > 2^{15}",
    legend={"f": "one of the four", "a": "its sizes", "b": "its sizes", "c": "its sizes"},
    limits=Limits(
        options=("where", "keepdims", "b", "return_sign", "dtype", "epsilon"),
        also=("one size of arrays", "1, 2 and all threads"),
    ),
    needs=(*NAMES, "rms_norm"),
    tolerances=(*(op.tolerances[0] for op in ON_ROWS.values()), rms_norm_rounding),
    refuted_by=(
        *of_each(wrong.last_rows_forgotten, NAMES), *of_each(wrong.one_after_the_other, NAMES),
        wrong.whole_block_normalised, wrong.first_rows_twice, wrong.sum_cut_by_threads, wrong.one_row_lost,
    ),
)  # fmt: skip


def large(target: Target) -> Iterator[dict[str, Any]]:
    """Each axis of a 3-d array, in several layouts and dtypes: short rows, rows of over 256 elements, wide ones."""
    for axis in (1, 0, 2):
        for order, dtype in (
            ((0, 1, 2), "float64"), ((2, 0, 1), "float32"), ((1, 2, 0), "float32"), ((0, 1, 2), "float16"),
            ((1, 2, 0), "bfloat16"),
        ):  # fmt: skip
            if dtype in target.dtypes:
                yield {"shape": (3, 301, 83), "axis": axis, "order": order, "dtype": dtype}


def large_array(shape: Any, axis: int, order: Any, dtype: str) -> tuple[Any, Any, Any]:
    """An array in some memory layout, some of its rows, and which they are."""
    x = as_dtype(np.random.default_rng(axis).normal(size=shape) * 4, dtype)
    x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    rows = np.moveaxis(x, axis, -1).reshape(-1, shape[axis])
    each = np.arange(len(rows)) if len(rows) < 1000 else np.linspace(0, len(rows) - 1, 300).astype(int)
    return x, rows[each], each


def with_threads(call: Callable[[], Any], most: str = "") -> list[Any]:
    """What a call answers with 1, 2 and all threads, or at most so many."""
    answers = []
    for threads in ("1", "2", most):
        with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": threads}):
            answers.append(call())
    return answers


def of_its_rows(name: str) -> None:
    """The check of one operation, so that a target may offer any of them."""
    op = ON_ROWS[name]

    @large_equals_rows.exhaustive(large)
    def large_array_equals_its_rows(ops: Operations, shape: Any, axis: int, order: Any, dtype: str) -> Any:
        x, few, each = large_array(shape, axis, order, dtype)
        function = getattr(ops, name)

        def judged(y: Any) -> Any:
            y = y if op.reduces else np.moveaxis(y, axis, -1)
            y = y.reshape(-1, *(() if op.reduces else few.shape[1:]))[each]
            return reproduced(ops, y, alone, lambda: op.follows(ops, y, few))

        alone = np.array([function(row.copy()) for row in few])
        return all_of(*map(judged, with_threads(lambda: function(x, axis=axis))), op.follows(ops, alone, few))


for _name in NAMES:
    of_its_rows(_name)


@large_equals_rows.exhaustive(large)
def large_array_is_normalised_by_rows(ops: Operations, shape: Any, axis: int, order: Any, dtype: str) -> Any:
    x, few, each = large_array(shape, axis, order, dtype)
    rows, weight = np.moveaxis(x, axis, -1), as_dtype(np.linspace(-1, 2, shape[axis]), dtype)
    alone = np.array([ops.rms_norm(row.copy(), weight) for row in few])
    within = rms_norm_rounding(few, weight, few.dtype) * 2  # both may be off

    def judged(y: Any) -> Any:
        y = y.reshape(-1, shape[axis])[each]
        return reproduced(ops, y, alone, lambda: equal(y, alone, within=within))

    return all_of(*map(judged, with_threads(lambda: ops.rms_norm(rows, weight))))


attention_equals_rows = Claim(
    "large_arrays.attention_of_each_query",
    statement="Attention over a large table of scores gives each query what it gets alone, up to rounding, with any "
    "number of threads, and the same bits with each if the target promises its bits.",
    formula=r"\mathrm{attention}(Q, K, V)_i \approx \mathrm{attention}(q_i, K, V)",
    legend={"Q": "the queries", "q": "one of them", "K": "the keys", "V": "the values"},
    limits=Limits(
        options=("scale", "return_lse", "softcap"),
        formats=("bfloat16",),
        also=("one size of tables", "1, 2 and 5 threads"),
    ),
    needs=("scaled_dot_product_attention",),
    tolerances=(attention_rounding,),
    refuted_by=(wrong.rest_of_keys_forgotten, wrong.first_head_for_all, wrong.one_edge_for_a_block),
)


def large_tables() -> Iterator[dict[str, Any]]:
    """Score matrices whose sides no tile divides, with everything that may mask a key; heads share keys."""
    for name, dtype in (("plain", "float32"), ("causal", "float64"), ("masked", "float32"), ("half", "float16")):
        rng = np.random.default_rng(len(name))
        q, k, v = (as_dtype(rng.normal(size=s), dtype) for s in ((4, 232, 20), (2, 1000, 20), (2, 1000, 9)))
        case: dict[str, Any] = {"query": q, "key": k, "value": v}
        if name == "causal":
            case |= {"is_causal": True, "query_offset": 531, "window": 300}
        if name == "masked":
            case |= {"mask": rng.random((4, 232, 1000)) < 0.3, "bias": as_dtype(rng.normal(size=(232, 1000)), dtype)}
        yield case


@attention_equals_rows.exhaustive(large_tables)
def attention_of_each_query_alone(ops: Operations, **case: Any) -> Any:
    few = [0, 1, 63, 64, 127, 128, 231]
    first, *others = with_threads(lambda: ops.scaled_dot_product_attention(**case), "5")
    alone = {"query": case["query"][:, few], "key": case["key"], "value": case["value"], "mask": seen_by(case)[:, few]}
    if "bias" in case:
        alone["bias"] = case["bias"][few]
    within = attention_rounding(figures(alone), case["query"].dtype)
    shared = {"key": case["key"], "value": case["value"]}
    each = [{n: x[..., [i], :] for n, x in alone.items() if n not in shared} for i in range(len(few))]
    apart = np.concatenate([ops.scaled_dot_product_attention(**one, **shared) for one in each], axis=-2)
    right = [equal(y[:, few], apart, within=within + within) for y in (first, *others)]
    return all_of(right[0], reproduced(ops, tuple(others), (first,) * len(others), lambda: all_of(*right[1:])))


go_where_told = Claim(
    "large_arrays.go_where_they_are_told",
    statement="`out` says where a softmax or its logarithm goes: elsewhere, in another layout, in place of the scores "
    "or across them, it is the same, bit for bit if the target promises that, else up to rounding. What has another "
    "shape or dtype, or cannot be written to, is refused.",
    formula=r"\text{out} \leftarrow f(x), \qquad x \leftarrow f(x)",
    legend={"f": "softmax or its logarithm", "x": "the scores"},
    needs=("softmax", "log_softmax", "num_threads"),
    limits=Limits(options=("dtype",)),
    tolerances=(SOFTMAX.tolerances[0], LOG_SOFTMAX.tolerances[0]),
    refuted_by=(
        wrong.row_after_row,
        wrong.elsewhere,
        wrong.cast_to_fit,
        wrong.large_ones_in_pieces,
        wrong.elsewhere_under_where,
    ),
)


def places(target: Target) -> Iterator[dict[str, Any]]:
    """Small and large arrays, along either axis, in every dtype."""
    for name in ("softmax", "log_softmax"):
        for shape, axis in (((6, 9), -1), ((9, 5), 0), ((300, 150), -1), ((150, 300), 0)):
            for dtype in target.dtypes:
                yield {"name": name, "shape": shape, "axis": axis, "dtype": dtype}


@go_where_told.exhaustive(places)
def out_receives_the_result(ops: Operations, name: str, shape: Any, axis: int, dtype: str) -> Any:
    ops.num_threads()  # only for targets with mathcore's threads
    x = as_dtype(np.random.default_rng(3).normal(size=shape), dtype)
    x[0, 0] = -np.inf
    expected, size = getattr(ops, name)(x, axis=axis), x.size
    told, seen = [], np.arange(x.size).reshape(shape) % 3 > 0
    expected_of_seen, masked = getattr(ops, name)(x, axis=axis, where=seen), np.where(seen, x, -np.inf).astype(dtype)

    def right(y: Any, expected: Any, scores: Any) -> Any:
        return reproduced(ops, y, expected, lambda: ON_ROWS[name].follows(ops, y, scores, axis))

    for source, out in (
        (x, np.empty(shape[::-1], x.dtype).T),  # in another layout
        *((memory[:size].reshape(shape), memory[3:].reshape(shape)) for memory in [np.empty(size + 3, x.dtype)]),
        *((memory, memory[::-1]) for memory in [np.empty(shape, x.dtype)]),
        *((memory, memory) for memory in [np.empty(shape, x.dtype)]),
    ):
        source[...] = x
        answer = getattr(ops, name)(source, axis=axis, out=out)
        told += [right(np.copy(answer), expected, x), identical(out, answer)]
        source[...] = x
        getattr(ops, name)(source, axis=axis, out=out, where=seen)
        told.append(right(np.copy(out), expected_of_seen, masked))
    return all_of(*told)


@go_where_told.exhaustive(lambda: iter({"name": name} for name in ("softmax", "log_softmax")))
def unfit_out_is_refused(ops: Operations, name: str) -> Any:
    ops.num_threads()
    x = np.zeros((2, 3))
    unfit = (
        (np.empty((2, 3), np.float32), TypeError, ("out", "float64", "float32")),
        ([[0.0] * 3] * 2, TypeError, ("out", "float64", "list")),
        (np.empty((3, 2)), ValueError, ("out", "(2, 3)", "(3, 2)")),
        (np.broadcast_to(0.0, (2, 3)), ValueError, ("out", "read-only")),
    )
    calls = ((lambda out=out: getattr(ops, name)(x, out=out), error, words) for out, error, words in unfit)
    return all_of(*(raises(call, error, saying=words) for call, error, words in calls))


threads_are_as_said = Claim(
    "large_arrays.threads_are_as_said",
    statement="`MATHCORE_NUM_THREADS` says how many threads n a large array may use, and no more are used; if it is "
    "not set, as many as there are cores that the process may use. A setting that is no whole number from 1 up is "
    "refused by name where a large array asks for it.",
    formula=r"n \in \{1, 2, 3, \dots\}",
    needs=("num_threads", "softmax"),
    limits=Limits(options=("axis", "where", "dtype"), formats=SHORT_FORMATS),
    refuted_by=(wrong.setting_ignored, wrong.nonsense_is_one, wrong.setting_ignored_at_work),
)


def helpers_of(call: Callable[[], Any]) -> int:
    """How many threads besides its own a call uses: those it starts, or submits work to."""
    started, handed = [], []
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def counted_start(thread: threading.Thread) -> None:
        started.append(thread)
        start(thread)

    def counted_submit(pool: ThreadPoolExecutor, *work: Any, **options: Any) -> Any:
        handed.append(work)
        return submit(pool, *work, **options)

    with (
        mock.patch.object(threading.Thread, "start", counted_start),
        mock.patch.object(ThreadPoolExecutor, "submit", counted_submit),
    ):
        call()
    return max(len(started), len(handed))


@threads_are_as_said.exhaustive(lambda: iter({"wanted": wanted} for wanted in (1, 2, 3)))
def at_most_the_wanted_threads_help(ops: Operations, wanted: int) -> Any:
    x = np.random.default_rng(wanted).normal(size=(64, 2**12))
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": str(wanted)}):
        # Of three calls in a row one at least is made once: the checker repeats some.
        helpers = min(helpers_of(lambda: ops.softmax(x)) for _ in range(3))
        return all_of(equal(ops.num_threads(), wanted), at_most(helpers, wanted - 1))


@threads_are_as_said.exhaustive(lambda: iter({"wanted": wanted} for wanted in ("1", "2", "64")))
def wanted_threads_are_read(ops: Operations, wanted: str) -> Any:
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": wanted}):
        return equal(ops.num_threads(), int(wanted))


@threads_are_as_said.exhaustive(lambda: iter({"wanted": wanted} for wanted in ("0", "-1", "1.5", "all", " ")))
def nonsense_setting_is_refused(ops: Operations, wanted: str) -> Any:
    x = np.zeros((2, 2**15))
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": wanted}):
        saying = ("MATHCORE_NUM_THREADS", repr(wanted))
        refused = raises(lambda: ops.softmax(x), ValueError, saying=saying)
        return all_of(raises(ops.num_threads, ValueError, saying=saying), refused)


def not_set() -> Iterator[dict[str, Any]]:
    """Set to nothing, and not at all."""
    for wanted in ("", None):
        yield {"wanted": wanted}


@threads_are_as_said.exhaustive(not_set)
def unset_means_all_cores(ops: Operations, wanted: str | None) -> Any:
    with mock.patch.dict(os.environ, {"MATHCORE_NUM_THREADS": wanted or ""}):
        if wanted is None:
            del os.environ["MATHCORE_NUM_THREADS"]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return equal(ops.num_threads(), cores)
