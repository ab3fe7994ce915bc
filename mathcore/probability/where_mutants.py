"""Mutants of softmax, its relatives and their gradients that get masks wrong: `where`, −∞, fully masked rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mathcore.probability.row_mutants import _log_softmax, _lse, _softmax, _sum, _top, _wide, on_rows
from mathcore.verify.claims import Mutant, mutant, reported


@on_rows("softmax")
def dead_row_is_nan(x: Any) -> Any:
    """A fully masked row divides 0 by 0."""
    return _softmax(x)


@on_rows("softmax")
def dead_row_is_uniform(x: Any) -> Any:
    """Masks with the lowest finite number, so that a fully masked row becomes uniform."""
    return _softmax(np.maximum(x, np.finfo(np.float32).min))


@on_rows("log_softmax")
def logs_dead_row_is_nan(x: Any) -> Any:
    """A fully masked row subtracts ∞ from ∞."""
    return _log_softmax(x)


@on_rows("logsumexp")
def lse_dead_row_is_nan(x: Any) -> Any:
    """A fully masked row subtracts −∞ from −∞."""
    return _lse(x)


@reported(
    "logsumexp.where_excludes",
    """
    pytorch/pytorch #31829 (2020) high priority
    jax-ml/jax #6811 (2021) open
    """,
    alias="gradient_of_nothing",
)
@on_rows("logsumexp_vjp")
def dead_gradient_is_nan(g: Any, x: Any) -> Any:
    """g·exp(x − lse) with lse = −∞: NaN for a fully masked row."""
    return g * np.exp(x - _lse(x))


@on_rows("softmax_vjp")
def cotangent_leaks(g: Any, x: Any) -> Any:
    """Multiplies the cotangent of masked outputs by p = 0, which leaves a NaN a NaN."""
    p = np.nan_to_num(_softmax(x))
    return p * (g - _sum(p * g))


@on_rows("log_softmax_vjp")
def logs_cotangent_leaks(g: Any, x: Any) -> Any:
    """Sums the cotangent of masked outputs too; NaN for a fully masked row."""
    return g - _softmax(x) * _sum(g)


@mutant("softmax")
def excluded_at_minus_100(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Masks with −100: when unmasked scores go lower, masked ones win (flashinfer 2026)."""
    rows = _wide(x) if where is None else np.where(where, _wide(x), np.float32(-100))
    return np.moveaxis(_softmax(np.moveaxis(rows, axis, -1)), -1, axis).astype(x.dtype)


@mutant("softmax", wraps=True)
def excluded_after_the_fact(correct: Any) -> Any:
    """Sets masked outputs to 0 without leaving them out of the sum."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        p = correct(x, axis)
        return p if where is None else np.where(where, p, 0).astype(x.dtype)

    return softmax


@mutant("softmax")
def excluded_by_multiplying(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Multiplies masked exponentials by 0, which leaves a NaN a NaN (PyTorch 2023)."""
    seen = np.ones(x.shape, bool) if where is None else np.broadcast_to(where, x.shape)
    x0, x, seen = x, np.moveaxis(_wide(x), axis, -1), np.moveaxis(seen, axis, -1)
    e = np.exp(x - np.maximum(_top(np.where(seen, x, -np.inf)), x.dtype.type(-1e30))) * seen
    return np.moveaxis(e / np.where(_sum(e) == 0, 1, _sum(e)), -1, axis).astype(x0.dtype)


@mutant("softmax", wraps=True)
def broken_scores_mended_under_a_mask(correct: Any) -> Any:
    """Replaces NaN by 0 and infinities by large numbers where a mask is given, at unmasked scores too."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        return correct(x if where is None else np.nan_to_num(x).astype(x.dtype), axis, where=where)

    return softmax


@mutant("softmax", wraps=True)
def mask_upside_down(correct: Any) -> Any:
    """Reads True as "exclude" (TransformerEngine 2024)."""
    return lambda x, axis=-1, *, where=None: correct(x, axis, where=None if where is None else ~np.asarray(where))


@mutant("log_softmax", wraps=True)
def logs_mask_forgotten(correct: Any) -> Any:
    """Sets masked outputs to −∞ but leaves their scores in the sum."""

    def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        y = correct(x, axis)
        return y if where is None else np.where(where, y, -np.inf).astype(x.dtype)

    return log_softmax


@mutant("logsumexp", wraps=True)
def lse_mask_forgotten(correct: Any) -> Any:
    """Ignores `where`."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(x, axis, keepdims=keepdims)

    return logsumexp


def mask_ignored(operation: str, where: Callable[[Any, int], bool], name: str, note: str) -> Mutant:
    """Ignores a mask where the scores and the axis are such and such."""

    def build(correct: Any) -> Any:
        def wrong(*arrays: Any, axis: int = -1, where: Any = None, **options: Any) -> Any:
            return correct(*arrays, axis=axis, where=None if such(arrays[-1], axis) else where, **options)

        return wrong

    such = where
    return Mutant(operation, f"{name}{'_vjp' * operation.endswith('_vjp')}", note, build)


def mask_of_fewer_axes_ignored(operation: str) -> Mutant:
    """A `where` that is used only if it has all axes."""

    @mutant(operation, wraps=True)
    def mask_of_fewer_axes_is_ignored(correct: Any) -> Any:
        """Ignores a `where` that has fewer axes than the scores."""

        def wrong(*arrays: Any, where: Any = None, **options: Any) -> Any:
            kept = where if where is not None and np.ndim(where) == arrays[-1].ndim else None
            return correct(*arrays, where=kept, **options)

        return wrong

    suffix = "_vjp" if operation.endswith("_vjp") else ""
    return replace(mask_of_fewer_axes_is_ignored, name=f"mask_of_fewer_axes_ignored{suffix}")


def mask_of_three_axes_ignored(operation: str) -> Mutant:
    """A `where` that works for matrices only."""
    note = "Ignores `where` for scores of three axes and more."
    return mask_ignored(operation, lambda x, axis: x.ndim > 2, "mask_of_three_axes_ignored", note)


def mask_of_other_axes_ignored(operation: str) -> Mutant:
    """A `where` that works along the last axis only."""
    note = "Ignores `where` along any axis but the last."
    return mask_ignored(operation, lambda x, axis: axis % x.ndim < x.ndim - 1, "mask_of_other_axes_ignored", note)


def large_mask_ignored(operation: str) -> Mutant:
    """A `where` that does not reach the kernel for large arrays."""
    note = "Ignores `where` for 2¹⁵ elements and more."
    return mask_ignored(operation, lambda x, axis: x.size >= 2**15, "large_mask_ignored", note)


def mask_wraps(operation: str) -> Mutant:
    """A `where` of which eight rows are read again and again."""

    @mutant(operation, wraps=True)
    def mask_wraps_at_8(correct: Any) -> Any:
        """Takes row i mod 8 of `where` for row i."""

        def wrong(*arrays: Any, where: Any = None, **options: Any) -> Any:
            if where is not None and np.ndim(where) > 1 and len(where) == len(arrays[-1]):
                where = np.asarray(where)[np.arange(len(where)) % 8]
            return correct(*arrays, where=where, **options)

        return wrong

    return replace(mask_wraps_at_8, name=f"{mask_wraps_at_8.name}{'_vjp' * operation.endswith('_vjp')}")
