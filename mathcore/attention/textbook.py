"""Attention as the textbook has it: the whole score matrix, in interval and in float arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mathcore.attention import dot_product_tolerances as tol
from mathcore.verify import Enclosure, Operations, all_of, enclose, equal
from mathcore.verify.promises import reproduced
from mathcore.verify.relations import Conjunction, Relation
from mathcore.verify.targets.translations import lse_dtype_of
from mathcore.verify.tolerances import format_of, work_format

Case = dict[str, Any]
"""The arguments of attention by name, and its options."""

ARRAYS = ("query", "key", "value")

VASWANI = "Vaswani et al., arXiv:1706.03762, §3.2.1"


def lower_triangle(queries: int, keys: int, offset: int) -> Any:
    """The causal mask: visible are the keys up to a query's own position, `offset` for the first one."""
    return np.arange(keys) <= np.arange(queries)[:, None] + offset


def visible(
    shape: tuple[int, ...],
    *,
    mask: Any = None,
    bias: Any = None,
    is_causal: bool = False,
    query_offset: int = 0,
    window: int | None = None,
) -> Any:
    """Which keys are visible, in the shape of the score matrix: the one definition that all oracles use."""
    seen = np.ones(shape, bool)
    if is_causal:
        seen &= lower_triangle(shape[-2], shape[-1], query_offset)
    if window is not None:
        seen &= ~lower_triangle(shape[-2], shape[-1], query_offset - window)
    if mask is not None:
        seen &= mask
    if bias is not None:
        seen &= np.asarray(bias, np.float64) > -np.inf
    return seen


def seen_by(case: Case) -> Any:
    """Which keys are visible to each query of a case, (..., heads, queries, keys)."""
    options = {n: case[n] for n in ("mask", "bias", "is_causal", "query_offset", "window") if n in case}
    return visible((*case["query"].shape[:-1], case["key"].shape[-2]), **options)


def per_head(x: Any, heads: int) -> Any:
    """The keys or values of every query head: neighbours share one."""
    return x if x.ndim < 3 or not x.shape[-3] else np.repeat(x, heads // x.shape[-3], -3)


def some_keys(case: Case, start: int, stop: int) -> Case:
    """The same queries among some of the keys."""

    def part(x: Any) -> Any:
        return x if x is None or x.shape[-1] == 1 else x[..., start:stop]

    return {
        **case,
        **{name: case[name][..., start:stop, :] for name in ("key", "value")},
        **{name: part(case[name]) for name in ("mask", "bias")},
        "query_offset": case["query_offset"] - start,
    }


def merged_within(ops: Operations, case: Case, cut: int, logs: tuple[Any, Any]) -> Any:
    """By how much halves that are merged may be off; `logs` are the log-sum-exps that came."""
    parts, dtype = (some_keys(case, 0, cut), some_keys(case, cut, case["key"].shape[-2])), dtype_of(case)
    whole = figures(case)
    p = whole.p[..., :cut].sum(-1), whole.p[..., cut:].sum(-1)
    ofs = [figures(part) for part in parts]
    sizes = [np.where(np.isfinite(log), 1.01 * abs(log.astype(np.float64)), 0.0) for log in logs]
    base = ops.conventions.lse_base
    log_errors = [
        tol.lse_rounding(of, size, log.dtype, base).values + exchanged(ops, size, log.dtype, dtype)
        for of, size, log in zip(ofs, sizes, logs, strict=True)
    ]
    errors = [tol.attention_rounding(of, dtype).values for of in ofs]
    outputs = [of.p @ of.value for of in ofs]
    return tol.merge_rounding(outputs, p, errors, log_errors, dtype) + tol.attention_rounding(whole, np.float64)


def last_queries(case: Case, rows: int) -> Case:
    """The last of the queries, with the offset that puts them there."""

    def part(x: Any) -> Any:
        return x if x is None or x.ndim < 2 or x.shape[-2] == 1 else x[..., -rows:, :]

    fewer = {name: part(case.get(name)) for name in ("query", "mask", "bias")}
    left_out = case["query"].shape[-2] - fewer["query"].shape[-2]
    return {**case, **fewer, "query_offset": case["query_offset"] + left_out}


def first_seen(case: Case) -> Any:
    """The value of the first visible key of each row, bit for bit; of any key in a fully masked row."""
    seen = seen_by(case)
    own = per_head(case["value"], seen.shape[-3] if seen.ndim > 2 else 1)
    return np.take_along_axis(own, seen.argmax(-1)[..., None], -2)


def signs_compared(ops: Operations, y: Any) -> Any:
    """An answer of attention as it is compared: −0 as +0, unless the target declares that it keeps the sign."""
    return y if ops.conventions.attention_of_minus_zero == "kept" else y + y.dtype.type(0)


def same_answer(ops: Operations, lhs: Any, rhs: Any, otherwise: Callable[[], Any]) -> Any:
    """The same answer of attention, as `reproduced`, but for the signs of zeros that a target does not promise.

    A masked value v adds 0 · v, a zero whose sign is that of v.
    """
    return reproduced(ops, signs_compared(ops, lhs), signs_compared(ops, rhs), otherwise)


def without_values(case: Case) -> Case:
    """The arguments of `attention_weights`."""
    return {name: given for name, given in case.items() if name != "value"}


def transposed(x: Any) -> Any:
    """The matrices transposed."""
    return np.swapaxes(x, -1, -2)


def group_of(case: Case) -> int:
    """How many query heads share a key head."""
    q, k = case["query"], case["key"]
    return int(q.shape[-3] // max(k.shape[-3], 1)) if q.ndim > 2 else 1


def dtype_of(case: Case) -> Any:
    """The dtype of the answer."""
    return np.result_type(*(case[name] for name in ARRAYS))


def capped(s: Any, cap: float) -> Any:
    """c · tanh(s / c), numbers of any kind; s itself if there is no cap."""
    return s if math.isinf(cap) else cap * np.tanh(s / cap)


def figures(case: Case, summation: str = "any", moved: tuple[Any, Any, Any] | None = None) -> tol.Scores:
    """The score matrix of a case in float64, and all else that its error depends on."""
    q, k, v = (np.asarray(case[name], np.float64) for name in ARRAYS)
    heads = q.shape[-3] if q.ndim > 2 else 1
    k, v = per_head(k, heads), per_head(v, heads)
    seen, scale, bias = seen_by(case), case.get("scale"), case.get("bias")
    by = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    bias = np.zeros((1, 1)) if bias is None else np.asarray(bias, np.float64)
    bias = np.where(np.isneginf(bias), 0.0, bias)
    cap = case.get("softcap") or math.inf
    s = np.where(seen, capped((q @ transposed(k)) * by, cap) + bias, -np.inf)
    top = s.max(-1, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        gap = np.where(seen, top - s, np.inf)
    e = np.exp(-gap)
    p = e / np.maximum(e.sum(-1, keepdims=True), 1e-300)
    return tol.Scores(q, k, v, bias, by, seen, p, gap, summation, moved, cap)


_FEW = 700
"""Products that are worth Arb; beyond, float64 is an implementation like any other, and allowed its own error."""


def textbook(case: Case, of: tol.Scores, formula: Callable[..., Any]) -> tuple[Any, bool]:
    """The true value of `formula(v, exponentials of the visible scores, top)`, and whether it is enclosed."""
    scale = case.get("scale")
    s = np.where(of.seen, capped((of.query @ transposed(of.key)) * of.by, of.cap) + of.bias, -np.inf)
    top = s.max(-1, keepdims=True, initial=-np.inf)

    def whole(q: Any, k: Any, v: Any, bias: Any, width: Any, top: Any) -> Any:
        by = 1 / np.sqrt(width) if scale is None else scale
        with np.errstate(over="ignore", invalid="ignore"):
            s = capped((q @ transposed(k)) * by, of.cap) + bias
            return formula(v, np.where(of.seen, np.exp(s - top), width * 0), top)

    given = (
        of.query,
        of.key,
        of.value,
        of.bias,
        np.asarray(float(of.query.shape[-1])),
        np.where(top > -np.inf, top, 0.0),
    )
    few = of.seen.size * (of.query.shape[-1] + of.value.shape[-1]) <= _FEW
    return (enclose(whole, *given), True) if few else (np.asarray(whole(*given)), False)


def weighted_sum(v: Any, e: Any, top: Any) -> Any:  # noqa: ARG001  (one signature for all)
    """The values by their weights; zeros for a fully masked row."""
    total = e.sum(-1, keepdims=True)
    return (e / (total + (total == 0))) @ v


def softmax_weights(v: Any, e: Any, top: Any) -> Any:  # noqa: ARG001
    """The weights."""
    total = e.sum(-1, keepdims=True)
    return e / (total + (total == 0))


def log_total(v: Any, e: Any, top: Any) -> Any:  # noqa: ARG001
    """The logarithm of the sum of exponentials, and anything where there is none."""
    total = e.sum(-1, keepdims=True)
    return (np.log(total + (total == 0)) + top)[..., 0]


def shares_of(lse: Any) -> Any:
    """How much each of the parts along the last axis has of the whole; nothing of none."""
    top = np.where(np.isneginf(lse.max(-1, keepdims=True)), 0, lse.max(-1, keepdims=True))
    e = np.exp(lse - top)
    return e / np.maximum(e.sum(-1, keepdims=True), 1e-300)


def joined(a: Any, b: Any, lse: Any) -> Any:
    """Two outputs by the shares that two log-sum-exps, (..., 2), give them."""
    share = 1 / (1 + np.exp(lse[..., 1:] - lse[..., :1]))
    return share * a + (1 - share) * b


def total_log(lse: Any) -> Any:
    """The logarithm of a sum of two exponentials, (..., 2)."""
    top = np.maximum(lse[..., 0], lse[..., 1])
    return top + np.log(np.exp(lse[..., 0] - top) + np.exp(lse[..., 1] - top))


def agrees(ops: Operations, answer: Any, *, blocks: bool = False, **case: Any) -> Conjunction | Relation:
    """That `answer` is attention; fully masked rows are as the target declares them."""
    of, dtype = figures(case, "any" if blocks else ops.conventions.summation), dtype_of(case)
    shape = (*case["query"].shape[:-1], case["value"].shape[-1])
    if np.shape(answer) != shape:
        return equal(np.shape(answer), shape)
    alive = of.seen.any(-1)
    true, exact = textbook(case, of, weighted_sum)
    within = tol.attention_rounding(of, dtype)
    if not exact:
        within = within + tol.attention_rounding(figures(case), np.float64)
    return all_of(
        equal(answer.dtype == dtype, True),
        equal(answer[alive], true[alive], within=within[alive]),
        nothing_seen(ops, answer, of, dtype),
    )


def nothing_seen(ops: Operations, answer: Any, of: tol.Scores, dtype: Any) -> Relation:
    """Fully masked rows, as the target declares them."""
    nothing, keys = ~of.seen.any(-1), of.seen.shape[-1]
    declared = ops.conventions.attention_of_nothing
    if declared == "nan":
        return equal(np.isnan(answer[nothing].astype(np.float64)), True)
    if declared == "zeros" or not keys:
        return equal(answer[nothing], 0.0)
    means = np.broadcast_to(of.value.mean(-2)[..., None, :], answer.shape)[nothing]
    return equal(
        answer[nothing], means, within=tol.plain_mean(np.full(means.shape, abs(of.value).max(initial=0)), keys, dtype)
    )


def weights_agree(ops: Operations, answer: Any, query: Any, key: Any, **options: Any) -> Conjunction | Relation:
    """That `answer` holds the weights of attention, exactly 0 where masked."""
    case = {"query": query, "key": key, "value": key, **options}
    of, dtype = figures(case, ops.conventions.summation), np.result_type(query, key)
    if np.shape(answer) != of.seen.shape:
        return equal(np.shape(answer), of.seen.shape)
    true, exact = textbook(case, of, softmax_weights)
    within = tol.weights_rounding(of, dtype)
    if not exact:
        within = within + tol.weights_rounding(figures(case), np.float64)
    hidden = ~of.seen & of.seen.any(-1, keepdims=True)
    return all_of(equal(answer[of.seen], true[of.seen], within=within[of.seen]), equal(answer[hidden], 0.0))


def exchanged(ops: Operations, lse: Any, dtype: Any, of_output: Any) -> Any:
    """By how much log-sum-exps of a dtype are off when a target gets them as it wants them, beside such an output."""
    own, base_2 = lse_dtype_of(ops.conventions, np.dtype(dtype), np.dtype(of_output)), ops.conventions.lse_base == "2"
    return tol.lse_exchange(lse, own, 1) if base_2 or own != dtype else np.zeros(np.shape(lse))


def lse_agrees(ops: Operations, answer: Any, *, blocks: bool = False, **case: Any) -> Conjunction:
    """That `answer` is the log-sum-exp of each row; −∞ of a fully masked one."""
    base, dtype = ops.conventions.lse_base, lse_dtype_of(ops.conventions, answer.dtype, dtype_of(case))
    if ops.conventions.lse_dtype != "inputs" and format_of(dtype) is not work_format(dtype):
        dtype = np.dtype(np.float32)  # sixteen bits are what a target declares, or an error of rounding
    of = figures(case, "any" if blocks else ops.conventions.summation)
    alive = of.seen.any(-1)
    true, exact = textbook(case, of, log_total)
    values = np.asarray(true.hi if isinstance(true, Enclosure) else true)
    within = tol.lse_rounding(of, values, dtype, base)
    if not exact:
        within = within + tol.lse_rounding(figures(case), values, np.float64)
    declared = ops.conventions.attention_of_nothing == "zeros"
    return all_of(
        *([equal(answer.dtype == dtype, True)] if ops.conventions.lse_dtype != "any" else []),
        equal(answer[alive], true[alive], within=within[alive]),
        *([equal(answer[~alive], -np.inf)] if declared else []),
    )


def pulled_agrees(ops: Operations, answer: Any, cotangent: Any, **case: Any) -> Conjunction:
    """That `answer` holds the gradients of query, key and value."""
    of, dtype, g = figures(case, ops.conventions.summation), dtype_of(case), np.asarray(cotangent, np.float64)
    group = group_of(case)
    kept = tuple(case[name].dtype for name in ARRAYS)
    within = tol.attention_vjp_rounding(g, of, dtype, group, kept)
    within = within + tol.attention_vjp_rounding(g, figures(case), np.float64, group)
    true = np.concatenate([np.ravel(part) for part in true_pullback(g, of, group)])
    flat = np.concatenate([np.ravel(np.asarray(part, np.float64)) for part in answer])
    pairs = list(zip(answer, (case[name] for name in ARRAYS), strict=True))
    alike = (equal(a.shape == x.shape and a.dtype == x.dtype, True) for a, x in pairs)
    return all_of(*alike, equal(flat, true, within=within))


def as_numbers(x: Any) -> Any:
    """`x` in float64, in which every dtype is exact."""
    return np.asarray(x, np.float64)


def spelt_out(of: tol.Scores, q: Any, k: Any, v: Any) -> Any:
    """The formula with arrays, numbers of any kind."""
    heads = q.shape[-3] if q.ndim > 2 else 1
    k, v = per_head(k, heads), per_head(v, heads)
    e = np.exp(capped((q @ transposed(k)) * of.by, of.cap) + of.bias) * of.seen
    total = e.sum(-1, keepdims=True)
    return (e @ v) / (total + ~of.seen.any(-1, keepdims=True))


def true_pullback(g: Any, of: tol.Scores, group: int) -> tuple[Any, Any, Any]:
    """The textbook's gradients in float64; fully masked rows contribute nothing."""
    p = of.p
    pulled = np.where(of.seen, g @ transposed(of.value), 0.0)
    s = p * (pulled - (p * pulled).sum(-1, keepdims=True)) * tol.slope(of)

    def added(x: Any) -> Any:
        return x.reshape(*x.shape[:-3], x.shape[-3] // group, group, *x.shape[-2:]).sum(-3) if x.ndim > 2 else x

    return of.by * (s @ of.key), added(of.by * (transposed(s) @ of.query)), added(transposed(p) @ g)
