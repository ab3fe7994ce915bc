"""Wrong attention to packed documents, on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.claims import mutant


def _all_of_it(cu_seqlens: Any) -> Any:
    bounds = np.asarray(cu_seqlens)
    return bounds[[0, -1]]


@mutant("packed_attention", wraps=True)
def bounds_ignored(correct: Any) -> Any:
    """Takes the row for one document."""
    return lambda q, k, v, cu_seqlens, **options: correct(q, k, v, _all_of_it(cu_seqlens), **options)


@mutant("packed_attention", wraps=True)
def first_two_joined(correct: Any) -> Any:
    """Takes the first two documents for one."""

    def packed(q: Any, k: Any, v: Any, cu_seqlens: Any, **options: Any) -> Any:
        bounds = np.asarray(cu_seqlens)
        return correct(q, k, v, np.delete(bounds, 1) if len(bounds) > 2 else bounds, **options)

    return packed


@mutant("packed_attention", wraps=True)
def each_begins_late(correct: Any) -> Any:
    """Lets a document begin one place late, from the second on, where it is long enough."""

    def packed(q: Any, k: Any, v: Any, cu_seqlens: Any, **options: Any) -> Any:
        bounds = np.array(cu_seqlens)
        bounds[1:-1] += np.diff(bounds)[1:] > 1
        return correct(q, k, v, bounds, **options)

    return packed


@mutant("packed_attention", wraps=True)
def causal_across(correct: Any) -> Any:
    """Is causal in the whole row, so that earlier documents are seen."""

    def packed(q: Any, k: Any, v: Any, cu_seqlens: Any, *, is_causal: bool = False, **options: Any) -> Any:
        return correct(q, k, v, _all_of_it(cu_seqlens) if is_causal else cu_seqlens, is_causal=is_causal, **options)

    return packed


@mutant("packed_attention", wraps=True)
def scale_of_the_row(correct: Any) -> Any:
    """Forgets the scale that it is given."""
    return lambda *arrays, scale=None, **options: correct(*arrays, **options)


@mutant("packed_attention", wraps=True)
def spoilt_by_any(correct: Any) -> Any:
    """Multiplies the values of other documents by 0, and NaN by 0 is NaN."""

    def packed(q: Any, k: Any, v: Any, cu_seqlens: Any, **options: Any) -> Any:
        answer = correct(q, k, v, cu_seqlens, **options)
        with np.errstate(invalid="ignore", over="ignore"):
            spoilt = 0 * v.astype(np.float32).sum()
        mix = answer[0] if isinstance(answer, tuple) else answer
        mix = (mix + spoilt).astype(mix.dtype)
        return (mix, *answer[1:]) if isinstance(answer, tuple) else mix

    return packed


@mutant("packed_attention_vjp", wraps=True)
def pulled_across(correct: Any) -> Any:
    """Takes the row for one document on the way back."""
    return lambda g, q, k, v, cu_seqlens, **options: correct(g, q, k, v, _all_of_it(cu_seqlens), **options)


@mutant("packed_attention_vjp", wraps=True)
def first_document_alone(correct: Any) -> Any:
    """Pulls back through the first document that is not empty, and no further."""

    def pulled(g: Any, q: Any, k: Any, v: Any, cu_seqlens: Any, **options: Any) -> Any:
        bounds = np.asarray(cu_seqlens)
        end = bounds[bounds > 0][0] if bounds[-1] else 0
        bars = correct(g, q, k, v, cu_seqlens, **options)
        return tuple(np.where((np.arange(x.shape[-2]) < end)[:, None], x, x.dtype.type(0)) for x in bars)

    return pulled


@mutant("document_ids", wraps=True)
def bounds_one_late(correct: Any) -> Any:
    """Counts the first place of a document to the one before."""

    def ids(cu_seqlens: Any) -> Any:
        right = correct(cu_seqlens)
        return np.concatenate([right[:1], right[:-1]])

    return ids
