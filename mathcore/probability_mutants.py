"""Softmax and its relatives wrong on purpose: what the claims about probability must refute.

Nearly all of them are mistakes that widely used libraries shipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mathcore.common_mutants import family
from mathcore.verify.claims import Mutant, mutant


def _wide(x: Any) -> Any:
    return x.astype(np.float32) if x.dtype.name in ("float16", "bfloat16") else x


def on_rows(operation: str) -> Callable[[Callable[..., Any]], Mutant]:
    """Wrong arithmetic, right bookkeeping: the formula sees rows, `axis` last, in the precision of the work."""

    def decorate(formula: Callable[..., Any]) -> Mutant:
        def wrong(*arrays: Any, axis: int = -1, keepdims: bool = False, where: Any = None, **options: Any) -> Any:
            *cotangent, x = arrays
            if operation.startswith("temperature") and "temperature" not in options:
                options["temperature"] = x
                *cotangent, x = cotangent
            if not options.get("temperature", 1) > 0:
                raise ValueError(f"temperature {options['temperature']}")
            if operation == "logsumexp_vjp" and not keepdims:
                cotangent = [np.expand_dims(g, axis) for g in cotangent]
            if where is not None:
                x = np.where(where, x, -np.inf).astype(x.dtype)
            rows = (np.moveaxis(_wide(a), axis, -1) for a in (*cotangent, x))
            y = np.moveaxis(formula(*rows, **options), -1, axis).astype(x.dtype)
            return y.squeeze(axis) if operation == "logsumexp" and not keepdims else y

        wrong.__name__, wrong.__doc__ = formula.__name__, formula.__doc__
        return mutant(operation)(wrong)

    return decorate


def _top(x: Any) -> Any:
    return x.max(-1, keepdims=True)


def _sum(x: Any) -> Any:
    return x.sum(-1, keepdims=True)


def _exp(x: Any) -> Any:
    return np.exp(x - _top(x))


def _softmax(x: Any) -> Any:
    return _exp(x) / _sum(_exp(x))


def _lse(x: Any) -> Any:
    return _top(x) + np.log(_sum(_exp(x)))


def _log_softmax(x: Any) -> Any:
    return (x - _top(x)) - np.log(_sum(_exp(x)))


# Mistakes that any operation on rows can make.


@family
def axis_ignored(correct: Any) -> Any:
    """Works along the last axis wherever the shape does not tell."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        return correct(*arrays, axis=-1 if len(set(arrays[-1].shape)) == 1 else axis, **options)

    return wrong


def _unread(correct: Any, read: Callable[[int], int]) -> Any:
    """`correct` on rows of which only the first `read(n)` scores are seen."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        *cotangent, x = arrays
        rows = np.moveaxis(x, axis, -1)
        rows = np.where(np.arange(rows.shape[-1]) < read(rows.shape[-1]), rows, -np.inf).astype(x.dtype)
        return correct(*cotangent, np.moveaxis(rows, -1, axis), axis=axis, **options)

    return wrong


@family
def tail_unread(correct: Any) -> Any:
    """Never reads the scores beyond the last whole group of eight."""
    return _unread(correct, lambda n: n - n % 8 if n > 8 else n)


@family
def wide_rows_cut(correct: Any) -> Any:
    """Reads at most 1,024 scores of a row, as a kernel with one thread for each does."""
    return _unread(correct, lambda n: 1024)  # noqa: ARG005


@family
def powers_of_two_wrong(correct: Any) -> Any:
    """Takes 256, 512, 1024, … for no whole group of 32 and a rest, and leaves out the last score."""
    return _unread(correct, lambda n: n - 1 if n >= 256 and n & (n - 1) == 0 else n)


@family
def last_for_a_missing_axis(correct: Any) -> Any:
    """Takes the last axis where the one that was asked for does not exist."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        x = arrays[-1]
        return correct(*arrays, axis=axis if -x.ndim <= axis < x.ndim else -1, **options)

    return wrong


@family
def first_matrix_everywhere(correct: Any) -> Any:
    """Of four axes it walks along three: gives the answer of the first batch to all."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        y = correct(*arrays, **options)
        return y[:1].repeat(len(y), 0) if arrays[-1].ndim == 4 else y

    return wrong


@family
def later_rows_lost(correct: Any) -> Any:
    """Works on 64 rows at most and gives the rest what the first got: a grid that is too small."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        y = correct(*arrays, **options)
        return y[np.where(np.arange(len(y)) < 64, np.arange(len(y)), 0)] if len(y) > 64 else y

    return wrong


@family
def large_buffer_reused(correct: Any) -> Any:
    """Keeps memory for results of 1,000 numbers and more, and returns it again and again."""
    buffers: dict[Any, Any] = {}

    def wrong(*arrays: Any, **options: Any) -> Any:
        y = correct(*arrays, **options)
        if arrays[-1].size < 1000:
            return y
        buffer = buffers.setdefault((y.shape, y.dtype), y)
        buffer[...] = y
        return buffer

    return wrong


@family
def corner_unread(correct: Any) -> Any:
    """Of more than 32 rows that are wider than 32 it never reads the last score: a tile at the corner is cut."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        rows = np.moveaxis(arrays[-1], axis, -1)
        many = rows.ndim > 1 and rows.size // max(rows.shape[-1], 1) > 32 and rows.shape[-1] > 32
        return (_unread(correct, lambda n: n - 1) if many else correct)(*arrays, axis=axis, **options)

    return wrong


def format_of_the_cotangent(operation: str) -> Mutant:
    """A derivative that answers in the format of its cotangent."""

    @mutant(operation, wraps=True)
    def format_of_the_cotangent_vjp(correct: Any) -> Any:
        """Returns the format of the cotangent, not of the scores."""
        return lambda g, *more, **options: correct(g, *more, **options).astype(g.dtype)

    return format_of_the_cotangent_vjp


def integer_cotangents_taken(operation: str) -> Mutant:
    """A derivative that looks at its scores alone."""

    @mutant(operation, wraps=True)
    def integer_cotangents_taken_vjp(correct: Any) -> Any:
        """Turns cotangents that are integers or bools into floats."""
        return lambda g, *more, **options: correct(g.astype(float) if g.dtype.kind in "iub" else g, *more, **options)

    return integer_cotangents_taken_vjp


@family
def first_row_leaks(correct: Any) -> Any:
    """Adds 0 times the first row to every row after it: a NaN there reaches them all."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        y = correct(*arrays, axis=axis, **options)
        if arrays[-1].ndim != 2 or axis % 2 == 0 or len(arrays[-1]) < 2:
            return y
        with np.errstate(invalid="ignore"):
            leak = (arrays[-1][0].astype(np.float64) * 0).sum()
        return np.concatenate([y[:1], y[1:] + leak]).astype(y.dtype)

    return wrong


@family
def rows_shifted(correct: Any) -> Any:
    """Gives every row the answer of the row before it."""
    return lambda *arrays, **options: np.roll(correct(*arrays, **options), 1, 0)


@family
def rounded_first(correct: Any) -> Any:
    """Moves 16-bit scores to bfloat16 and back on the way in."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        *cotangent, x = arrays
        bits = x.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        coarse = bits.view(np.float32).astype(x.dtype) if x.dtype.itemsize == 2 else x
        return correct(*cotangent, coarse, **options)

    return wrong


# Softmax: the scores.


@on_rows("softmax")
def no_shift(x: Any) -> Any:
    """Never subtracts the maximum: overflows at 89 in float32 (PyTorch 2021, ML.NET 2019, tt-metal 2024)."""
    return np.exp(x) / _sum(np.exp(x))


@on_rows("softmax")
def shift_by_largest_magnitude(x: Any) -> Any:
    """Subtracts the largest |x| instead of the largest x: all is lost far below zero."""
    e = np.exp(x - _top(np.where(np.isfinite(x), abs(x), 0)))
    return e / _sum(e)


@on_rows("softmax")
def hidden_tile_lifts_the_maximum(x: Any) -> Any:
    """Takes 0 for the maximum of a first tile of eight that is all hidden, and keeps it (flash-attention 2025)."""
    top = np.where(np.isneginf(_top(x[..., :8])) & (x.shape[-1] > 8), np.maximum(_top(x), 0), _top(x))
    e = np.exp(x - np.where(np.isneginf(top), 0, top).astype(x.dtype))
    return e / np.where(_sum(e) == 0, 1, _sum(e)).astype(x.dtype)


@on_rows("softmax")
def maximum_starts_at_zero(x: Any) -> Any:
    """An online softmax whose running maximum starts at 0: rows far below zero vanish (flash-attention 2025)."""
    e = np.exp(x - np.maximum(_top(x), 0))
    return np.where(_sum(e) > 0, e / _sum(e), 0)


@on_rows("softmax")
def maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of the whole array: rows far below the highest one underflow."""
    e = np.exp(x - x.max())
    return e / _sum(e)


@on_rows("softmax")
def first_is_the_maximum(x: Any) -> Any:
    """Subtracts the first score instead of the highest."""
    e = np.exp(x - x[..., :1])
    return e / _sum(e)


@on_rows("softmax")
def exponent_clipped(x: Any) -> Any:
    """Clips the exponents at −30, so that no probability is ever small."""
    e = np.exp(np.maximum(x - _top(x), -30))
    return e / _sum(e)


@on_rows("softmax")
def base_two(x: Any) -> Any:
    """Raises 2 to the scores, without the factor log₂ e."""
    e = np.exp2(x - _top(x))
    return e / _sum(e)


@on_rows("softmax")
def slightly_warm(x: Any) -> Any:
    """Divides the scores by 1.001 first."""
    return _softmax((x - _top(x)) / np.float32(1.001))


@on_rows("softmax")
def sign_flipped(x: Any) -> Any:
    """Softmin: the lowest score gets the highest probability."""
    return _softmax(np.where(np.isfinite(x), -x, -np.inf))


# Softmax: the sum.


@on_rows("softmax")
def tail_not_summed(x: Any) -> Any:
    """Sums whole groups of four only, so the last n mod 4 terms are missing from the denominator."""
    e, n = _exp(x), x.shape[-1]
    return e / _sum(e[..., : n - n % 4 if n > 4 else n])


@on_rows("softmax")
def odd_widths_wrong(x: Any) -> Any:
    """Drops the last warp's share at odd widths from 513 to 1023, with two or more rows (PyTorch CUDA 2024)."""
    e, n = _exp(x), x.shape[-1]
    bad = 513 <= n <= 1023 and n % 2 == 1 and n % 32 != 31 and e.size > n
    return e / _sum(e[..., : n - 32 if bad else n])


@mutant("softmax")
def sixteen_bit_sum(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Adds 16-bit denominators in their own format: in float16 the sum sticks at 2048 (candle 2026)."""
    e = _exp(np.moveaxis(_wide(x), axis, -1))
    total = np.add.accumulate(e.astype(x.dtype), -1, dtype=x.dtype)[..., -1:]
    return np.moveaxis(e / total.astype(e.dtype), -1, axis).astype(x.dtype)


@mutant("softmax")
def rounded_twice(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Rounds the exponentials to the storage format before they are added and divided."""
    e = _wide(_exp(np.moveaxis(_wide(x), axis, -1)).astype(x.dtype))
    return np.moveaxis(e / _sum(e), -1, axis).astype(x.dtype)


@on_rows("softmax")
def epsilon_in_denominator(x: Any) -> Any:
    """Adds 1e-6 to the denominator "for stability"."""
    return _exp(x) / (_sum(_exp(x)) + x.dtype.type(1e-6))


@on_rows("softmax")
def last_not_summed(x: Any) -> Any:
    """A loop bound off by one: the last term never enters the sum."""
    e = _exp(x)
    return e / np.maximum(_sum(e[..., :-1]), x.dtype.type(1e-30))


@on_rows("softmax")
def divided_by_the_maximum(x: Any) -> Any:
    """Divides by the largest exponential instead of the sum."""
    return _exp(x)


@on_rows("softmax")
def division_free(x: Any) -> Any:
    """exp(x − logsumexp): the normaliser is rounded at the size of the scores, so an offset costs digits."""
    return np.exp(x - _lse(x))


@on_rows("softmax")
def float32_inside(x: Any) -> Any:
    """Computes float64 in float32."""
    return _softmax(x.astype(np.float32))


# Softmax: the axis, and no work at all.


@mutant("softmax")
def axis_dropped(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Reductions lose the axis, so on a square input they broadcast along the wrong one (Triton 2026)."""
    wide = _wide(x)
    square = x.ndim > 1 and len(set(x.shape)) == 1
    e = np.exp(wide - wide.max(axis, keepdims=not square))
    return (e / e.sum(axis, keepdims=not square)).astype(x.dtype)


@mutant("softmax")
def zeros(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Returns zeros: within 0.01 of the truth when there are thousands of scores (KernelBench 2026)."""
    return np.zeros_like(x)


@on_rows("softmax")
def uniform(x: Any) -> Any:
    """Returns 1/n everywhere."""
    return np.full_like(x, 1 / max(x.shape[-1], 1))


@on_rows("softmax")
def sorted_outputs(x: Any) -> Any:
    """Returns the right numbers in ascending order."""
    return np.sort(_softmax(x), -1)


# Softmax: what is excluded.


@on_rows("softmax")
def dead_row_is_nan(x: Any) -> Any:
    """A row with nothing to see divides 0 by 0."""
    return _softmax(x)


@on_rows("softmax")
def dead_row_is_uniform(x: Any) -> Any:
    """Excludes with the lowest finite number, so that a row with nothing to see becomes uniform."""
    return _softmax(np.maximum(x, np.finfo(np.float32).min))


@mutant("softmax")
def excluded_at_minus_100(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Excludes with −100: when the real scores go lower, what is excluded wins (flashinfer 2026)."""
    rows = _wide(x) if where is None else np.where(where, _wide(x), np.float32(-100))
    return np.moveaxis(_softmax(np.moveaxis(rows, axis, -1)), -1, axis).astype(x.dtype)


@mutant("softmax", wraps=True)
def excluded_after_the_fact(correct: Any) -> Any:
    """Sets excluded outputs to 0 without leaving them out of the sum."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        p = correct(x, axis)
        return p if where is None else np.where(where, p, 0).astype(x.dtype)

    return softmax


@mutant("softmax")
def excluded_by_multiplying(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Multiplies excluded exponentials by 0, which leaves a NaN a NaN (PyTorch 2023)."""
    seen = np.ones(x.shape, bool) if where is None else np.broadcast_to(where, x.shape)
    x0, x, seen = x, np.moveaxis(_wide(x), axis, -1), np.moveaxis(seen, axis, -1)
    e = np.exp(x - np.maximum(_top(np.where(seen, x, -np.inf)), x.dtype.type(-1e30))) * seen
    return np.moveaxis(e / np.where(_sum(e) == 0, 1, _sum(e)), -1, axis).astype(x0.dtype)


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


def mask_ignored(operation: str, where: Callable[[Any, int], bool], name: str, note: str) -> Mutant:
    """Ignores a mask where the scores and the axis are such and such."""

    def build(correct: Any) -> Any:
        def wrong(*arrays: Any, axis: int = -1, where: Any = None, **options: Any) -> Any:
            return correct(*arrays, axis=axis, where=None if such(arrays[-1], axis) else where, **options)

        return wrong

    such = where
    return Mutant(operation, f"{name}{'_vjp' * operation.endswith('_vjp')}", note, build)


def mask_of_three_axes_ignored(operation: str) -> Mutant:
    """A `where` that works for matrices only."""
    note = "Ignores `where` for scores of three axes and more."
    return mask_ignored(operation, lambda x, axis: x.ndim > 2, "mask_of_three_axes_ignored", note)  # noqa: ARG005


def mask_of_other_axes_ignored(operation: str) -> Mutant:
    """A `where` that works along the last axis only."""
    note = "Ignores `where` along any axis but the last."
    return mask_ignored(operation, lambda x, axis: axis % x.ndim < x.ndim - 1, "mask_of_other_axes_ignored", note)


def large_mask_ignored(operation: str) -> Mutant:
    """A `where` that does not reach the kernel for large arrays."""
    note = "Ignores `where` for 2¹⁵ numbers and more."
    return mask_ignored(operation, lambda x, axis: x.size >= 2**15, "large_mask_ignored", note)  # noqa: ARG005


@mutant("softmax", wraps=True)
def broken_scores_mended_under_a_mask(correct: Any) -> Any:
    """Replaces NaN by 0 and infinities by large numbers where a mask is given, also in what is seen."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        return correct(x if where is None else np.nan_to_num(x).astype(x.dtype), axis, where=where)

    return softmax


@mutant("softmax", wraps=True)
def mask_upside_down(correct: Any) -> Any:
    """Reads True as "exclude" (TransformerEngine 2024)."""
    return lambda x, axis=-1, *, where=None: correct(x, axis, where=None if where is None else ~np.asarray(where))


@on_rows("softmax")
def broken_scores_mended(x: Any) -> Any:
    """Replaces NaN by 0 and infinities by large numbers, so that broken scores look healthy."""
    return _softmax(np.nan_to_num(x))


@mutant("softmax", wraps=True)
def infinity_past_four(correct: Any) -> Any:
    """Takes +∞ for the largest number in rows of more than four scores."""

    def softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        wide = np.where(np.isposinf(x.astype(np.float64)), np.finfo(np.float32).max, x.astype(np.float64))
        return correct(x, axis, where=where) if x.shape[axis] <= 4 else correct(wide, axis, where=where).astype(x.dtype)

    return softmax


@mutant("log_softmax", wraps=True)
def nan_past_sixteen(correct: Any) -> Any:
    """Looks for NaN among the first sixteen scores only, and reads later ones as excluded."""

    def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        rows = np.moveaxis(x, axis, -1)
        late = np.isnan(rows.astype(np.float64)) & (np.arange(rows.shape[-1]) >= 16)
        return correct(np.moveaxis(np.where(late, -np.inf, rows).astype(x.dtype), -1, axis), axis, where=where)

    return log_softmax


# The derivative of softmax.


@on_rows("softmax_vjp")
def mean_forgotten(g: Any, x: Any) -> Any:
    """Multiplies by p alone and forgets that the probabilities compete."""
    return _softmax(x) * g


@on_rows("softmax_vjp")
def diagonal_only(g: Any, x: Any) -> Any:
    """Keeps the diagonal p(1 − p) of the Jacobian."""
    return _softmax(x) * (1 - _softmax(x)) * g


@on_rows("softmax_vjp")
def plain_mean(g: Any, x: Any) -> Any:
    """Subtracts the plain mean of the cotangent, not the one weighted by p."""
    return _softmax(x) * (g - g.mean(-1, keepdims=True))


@on_rows("softmax_vjp")
def pulled_to_zero(g: Any, x: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(x)


@on_rows("softmax_vjp")
def scores_for_probabilities(g: Any, x: Any) -> Any:
    """Takes its input for the output of softmax, as a layer that saved the wrong tensor does."""
    return x * (g - _sum(x * g))


@on_rows("softmax_vjp")
def cotangent_leaks(g: Any, x: Any) -> Any:
    """Multiplies what excluded outputs receive by p = 0, which leaves a NaN a NaN."""
    p = np.nan_to_num(_softmax(x))
    return p * (g - _sum(p * g))


# Log-softmax.


@on_rows("log_softmax")
def log_of_softmax(x: Any) -> Any:
    """Takes the logarithm of the finished probabilities: −∞ wherever they underflow."""
    return np.log(_softmax(x))


@on_rows("log_softmax")
def log_of_softmax_and_epsilon(x: Any) -> Any:
    """Adds 1e-7 to the probabilities before the logarithm."""
    return np.log(_softmax(x) + x.dtype.type(1e-7))


@on_rows("log_softmax")
def normaliser_first(x: Any) -> Any:
    """x − logsumexp(x): the normaliser is rounded at the size of a common offset (PyTorch 2018, MLX 2026)."""
    return x - _lse(x)


@on_rows("log_softmax")
def one_drowns_the_rest(x: Any) -> Any:
    """ln(1 + s) in place of log1p(s): nothing is left of the runners-up when one score dominates."""
    return _log_softmax(x)


@on_rows("log_softmax")
def logs_unshifted(x: Any) -> Any:
    """Never subtracts the maximum."""
    return x - np.log(_sum(np.exp(x)))


@on_rows("log_softmax")
def logs_base_two(x: Any) -> Any:
    """Returns bits instead of nats."""
    return _log_softmax(x) / np.float32(np.log(2))


@on_rows("log_softmax")
def logs_maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of the whole array."""
    return x - x.max() - np.log(_sum(np.exp(x - x.max())))


@mutant("log_softmax")
def logs_sixteen_bit_sum(x: Any, axis: int = -1, *, where: Any = None) -> Any:
    """Adds 16-bit exponentials in their own format."""
    rows = np.moveaxis(_wide(x), axis, -1)
    total = np.add.accumulate(_exp(rows).astype(x.dtype), -1, dtype=x.dtype)[..., -1:]
    return np.moveaxis(rows - _top(rows) - np.log(_wide(total)), -1, axis).astype(x.dtype)


@mutant("log_softmax", wraps=True)
def logs_mask_forgotten(correct: Any) -> Any:
    """Sets excluded outputs to −∞ but leaves their scores in the sum."""

    def log_softmax(x: Any, axis: int = -1, *, where: Any = None) -> Any:
        y = correct(x, axis)
        return y if where is None else np.where(where, y, -np.inf).astype(x.dtype)

    return log_softmax


@on_rows("log_softmax")
def logs_dead_row_is_nan(x: Any) -> Any:
    """A row with nothing to see subtracts ∞ from ∞."""
    return _log_softmax(x)


# The derivative of log-softmax.


@on_rows("log_softmax_vjp")
def softmax_formula(g: Any, x: Any) -> Any:
    """Subtracts Σ g·y, as softmax's derivative does (oneDNN 2019, MIOpen 2019)."""
    return g - _sum(g * _log_softmax(x))


@on_rows("log_softmax_vjp")
def sum_added(g: Any, x: Any) -> Any:
    """Adds p Σ g instead of subtracting it (mlpack 2020, 2023)."""
    return g + _softmax(x) * _sum(g)


@on_rows("log_softmax_vjp")
def sum_is_local(g: Any, x: Any) -> Any:
    """Multiplies by 1 − p, as if every output depended on its own score alone."""
    return g * (1 - _softmax(x))


@on_rows("log_softmax_vjp")
def sum_is_one(g: Any, x: Any) -> Any:
    """Returns g − p, right only when the cotangent sums to 1."""
    return g - _softmax(x)


@on_rows("log_softmax_vjp")
def logs_pulled_to_zero(g: Any, x: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(x)


@on_rows("log_softmax_vjp")
def logs_cotangent_leaks(g: Any, x: Any) -> Any:
    """Sums the cotangent of excluded outputs too; NaN for a row with nothing to see (PyTorch 2020, JAX 2021)."""
    return g - _softmax(x) * _sum(g)


# Log-sum-exp.


@on_rows("logsumexp")
def sum_overflows(x: Any) -> Any:
    """Never subtracts the maximum: ∞ from 88.72284 on in float32 (hb-pytorch 2020)."""
    return np.log(_sum(np.exp(x)))


@on_rows("logsumexp")
def maximum_not_added_back(x: Any) -> Any:
    """Subtracts the maximum and forgets to add it again."""
    return np.log(_sum(_exp(x)))


@on_rows("logsumexp")
def log_mean_exp(x: Any) -> Any:
    """Averages instead of adding: too low by ln n."""
    return _lse(x) - x.dtype.type(np.log(x.shape[-1]))


@on_rows("logsumexp")
def just_the_maximum(x: Any) -> Any:
    """Returns the highest score."""
    return _top(x)


@on_rows("logsumexp")
def lse_alone_far_out(x: Any) -> Any:
    """Returns the highest score where it is beyond 2²³, "for nothing can be added to that"."""
    return np.where(abs(_top(x)) > 2**23, _top(x), _lse(x))


@mutant("logsumexp", wraps=True)
def lse_infinity_past_four(correct: Any) -> Any:
    """Gives NaN for +∞ in rows of more than four scores."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        y = correct(x, axis, keepdims=keepdims, where=where)
        return np.where(np.isposinf(y), np.nan, y).astype(y.dtype) if x.shape[axis] > 4 else y

    return logsumexp


@on_rows("logsumexp")
def small_terms_drowned(x: Any) -> Any:
    """ln(1 + s) in place of log1p(s)."""
    return _lse(x)


@on_rows("logsumexp")
def largest_term_twice(x: Any) -> Any:
    """log1p of the sum with the largest term still in it."""
    return _top(x) + np.log1p(_sum(_exp(x)))


@on_rows("logsumexp")
def lse_maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of the whole array."""
    return x.max() + np.log(_sum(np.exp(x - x.max())))


@mutant("logsumexp")
def lse_sixteen_bit_sum(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
    """Adds 16-bit exponentials in their own format."""
    rows = np.moveaxis(_wide(x), axis, -1)
    total = np.add.accumulate(_exp(rows).astype(x.dtype), -1, dtype=x.dtype)[..., -1]
    y = (_top(rows)[..., 0] + np.log(_wide(total))).astype(x.dtype)
    return np.expand_dims(y, axis) if keepdims else y


@on_rows("logsumexp")
def lse_dead_row_is_nan(x: Any) -> Any:
    """A row with nothing to see subtracts −∞ from −∞."""
    return _lse(x)


@mutant("logsumexp", wraps=True)
def lse_mask_forgotten(correct: Any) -> Any:
    """Ignores `where`."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(x, axis, keepdims=keepdims)

    return logsumexp


@mutant("logsumexp", wraps=True)
def keepdims_ignored(correct: Any) -> Any:
    """Always drops the axis."""
    return lambda x, axis=-1, *, keepdims=False, where=None: correct(x, axis, where=where)  # noqa: ARG005


@mutant("logsumexp", wraps=True)
def keepdims_sees_all(correct: Any) -> Any:
    """Forgets what is excluded where the axis is kept."""

    def wrong(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(x, axis, keepdims=keepdims, where=None if keepdims else where)

    return wrong


@on_rows("logsumexp")
def lse_infinity_is_nan(x: Any) -> Any:
    """Subtracts an infinite maximum from itself."""
    top = np.where(np.isneginf(_top(x)), 0, _top(x)).astype(x.dtype)
    return top + np.log(_sum(np.exp(x - top)))


@mutant("logsumexp", wraps=True)
def keepdims_last(correct: Any) -> Any:
    """Keeps an axis of length 1, but always the last."""

    def logsumexp(x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        y = correct(x, axis, where=where)
        return y[..., None] if keepdims else y

    return logsumexp


@mutant("logsumexp_vjp", wraps=True)
def kept_cotangent_sees_all(correct: Any) -> Any:
    """Forgets what is excluded where the axis is kept."""

    def wrong(g: Any, x: Any, axis: int = -1, *, keepdims: bool = False, where: Any = None) -> Any:
        return correct(g, x, axis, keepdims=keepdims, where=None if keepdims else where)

    return wrong


@on_rows("logsumexp_vjp")
def cotangent_forgotten(g: Any, x: Any) -> Any:
    """Returns softmax whatever the cotangent is."""
    return _softmax(x)


@on_rows("logsumexp_vjp")
def all_to_the_winner(g: Any, x: Any) -> Any:
    """Sends everything to the highest score, as the maximum's derivative does."""
    return g * (x == _top(x))


@on_rows("logsumexp_vjp")
def dead_gradient_is_nan(g: Any, x: Any) -> Any:
    """g·exp(x − lse) with lse = −∞: NaN for a row with nothing to see (PyTorch 2020, JAX 2021)."""
    return g * np.exp(x - _lse(x))


@on_rows("logsumexp_vjp")
def lse_pulled_to_zero(g: Any, x: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(x)


# Argmax.


@mutant("argmax")
def last_of_ties(x: Any, axis: int = -1) -> Any:
    """Gives the last of equal scores (PyTorch 2019, 2020, 2022)."""
    return x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)


@mutant("argmax")
def nan_skipped(x: Any, axis: int = -1) -> Any:
    """Ignores NaN, which max does not (JAX 2021)."""
    return np.argmax(np.where(np.isnan(x), -np.inf, x), axis)


@mutant("argmax")
def last_nan(x: Any, axis: int = -1) -> Any:
    """A loop with `not (value <= best)`: every NaN replaces the one before."""
    rows = np.moveaxis(x, axis, -1)
    best = np.zeros(rows.shape[:-1], int)
    for i in range(1, rows.shape[-1]):
        here = np.take_along_axis(rows, best[..., None], -1)[..., 0]
        best = np.where(~(rows[..., i] <= here), i, best)
    return best


@mutant("argmax")
def lowest_wins(x: Any, axis: int = -1) -> Any:
    """Returns the index of the lowest score."""
    return np.argmin(x, axis)


@mutant("argmax")
def magnitude_wins(x: Any, axis: int = -1) -> Any:
    """Returns the index of the largest |x|."""
    return np.argmax(abs(x), axis)


@mutant("argmax")
def coarse_comparison(x: Any, axis: int = -1) -> Any:
    """Compares with a tolerance: scores that nearly tie count as ties."""
    return np.argmax(x >= x.max(axis, keepdims=True) - x.dtype.type(1e-3), axis)


@mutant("argmax")
def compared_in_float32(x: Any, axis: int = -1) -> Any:
    """Compares in float32, where scores that differ in float64 tie."""
    return np.argmax(x.astype(np.float32), axis)


@mutant("argmax")
def index_in_the_whole_array(x: Any, axis: int = -1) -> Any:
    """Counts from the start of the array, not of the row."""
    rows = np.argmax(x, axis)
    return rows + np.arange(rows.size).reshape(rows.shape) * x.shape[axis]


@mutant("argmax")
def index_as_float(x: Any, axis: int = -1) -> Any:
    """Returns the index in the format of the scores: float16 holds no 2049."""
    return np.argmax(x, axis).astype(x.dtype)


@mutant("argmax")
def subnormals_are_zero(x: Any, axis: int = -1) -> Any:
    """Takes numbers below the smallest normal one for 0, as a processor that flushes them does."""
    return np.argmax(
        np.where(abs(x) < np.ldexp(x.dtype.type(1), _smallest_exponent(x.dtype)), x.dtype.type(0), x), axis
    )


def _smallest_exponent(dtype: Any) -> int:
    return {"float64": -1022, "float16": -14}.get(dtype.name, -126)


@mutant("argmax")
def starts_at_zero(x: Any, axis: int = -1) -> Any:
    """Starts the running maximum at 0: all-negative rows answer 0."""
    return np.argmax(np.maximum(x, x.dtype.type(0)), axis)


# Temperature.


@mutant("temperature_softmax")
def temperature_unchecked(x: Any, temperature: float, axis: int = -1) -> Any:
    """Divides by whatever came, 0 included (ggml 2023, gemma 2026)."""
    with np.errstate(all="ignore"):
        rows = np.moveaxis(_wide(x), axis, -1)
        return np.moveaxis(_softmax((rows - _top(rows)) / np.float64(temperature)), -1, axis).astype(x.dtype)


@on_rows("temperature_softmax")
def divided_before_the_shift(x: Any, temperature: float) -> Any:
    """Divides before it subtracts the maximum, so that a small temperature overflows to ∞ − ∞."""
    return _softmax(x / x.dtype.type(temperature))


@on_rows("temperature_softmax")
def temperature_multiplied(x: Any, temperature: float) -> Any:
    """Multiplies by the temperature: hotter is sharper."""
    return _softmax((x - _top(x)) * np.float64(temperature))


@on_rows("temperature_softmax")
def temperature_ignored(x: Any, temperature: float) -> Any:
    """Returns softmax at temperature 1."""
    return _softmax(x)


@on_rows("temperature_softmax")
def temperature_of_probabilities(x: Any, temperature: float) -> Any:
    """Divides the probabilities by T and normalises again, which changes nothing."""
    p = _softmax(x) / np.float64(temperature)
    return p / _sum(p)


@on_rows("temperature_softmax")
def temperature_floor(x: Any, temperature: float) -> Any:
    """Raises every temperature to at least 0.01, so that T → 0 stops short of the winner."""
    return _softmax((x - _top(x)) / np.float64(max(temperature, 0.01)))


@on_rows("temperature_softmax")
def temperature_maximum_of_everything(x: Any, temperature: float) -> Any:
    """Subtracts the maximum of the whole array."""
    e = np.exp((x - x.max()) / np.float64(temperature))
    return e / _sum(e)


@mutant("temperature_softmax", wraps=True)
def temperature_sticks(correct: Any) -> Any:
    """Keeps the temperature of the first call."""
    first: list[float] = []

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        first.append(temperature)
        return correct(x, first[0], axis)

    return temperature_softmax


@mutant("temperature_softmax", wraps=True)
def winner_takes_all(correct: Any) -> Any:
    """Below a temperature of 0.01, gives everything to the first of the highest scores."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        if not 0 < temperature < 0.01:
            return correct(x, temperature, axis)
        return (np.expand_dims(x.argmax(axis), axis) == np.arange(x.shape[axis])).astype(x.dtype)

    return temperature_softmax


@mutant("temperature_softmax")
def excluded_at_the_limit(x: Any, temperature: float, axis: int = -1) -> Any:
    """At T = ∞ gives 1/n to all, excluded scores included."""
    rows = np.moveaxis(_wide(x), axis, -1)
    cooled = np.zeros_like(rows) if temperature > 1e29 else (rows - _top(rows)) / np.float64(temperature)
    return np.moveaxis(_softmax(cooled), -1, axis).astype(x.dtype)


@mutant("temperature_softmax", wraps=True)
def difference_overflows(correct: Any) -> Any:
    """Excludes finite scores that lie so far below the highest that their difference overflows."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        wide = _wide(x)
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.isneginf(wide - wide.max(axis, keepdims=True))
        return correct(np.where(far, -np.inf, x).astype(x.dtype), temperature, axis)

    return temperature_softmax


@mutant("temperature_softmax", wraps=True)
def temperature_of_nothing_is_nan(correct: Any) -> Any:
    """Divides 0 by 0 in a row with nothing to see."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        gone = np.isneginf(x.astype(np.float64)).all(axis, keepdims=True)
        return np.where(gone, np.nan, correct(x, temperature, axis)).astype(x.dtype)

    return temperature_softmax


@mutant("temperature_softmax_vjp")
def temperature_unchecked_vjp(g: Any, x: Any, temperature: float, axis: int = -1) -> Any:
    """Divides by whatever came, 0 and negative numbers included."""
    with np.errstate(all="ignore"):
        g, rows = (np.moveaxis(_wide(a), axis, -1) for a in (g, x))
        p = _softmax((rows - _top(rows)) / np.float64(temperature))
        return np.moveaxis(p * (g - _sum(p * g)) / np.float64(temperature), -1, axis).astype(x.dtype)


@on_rows("temperature_softmax_vjp")
def temperature_underflows(g: Any, x: Any, temperature: float) -> Any:
    """Divides by T in the format of the scores, where a tiny T is 0: 0/0."""
    p = _softmax((x - _top(x)) / np.float64(temperature))
    return p * (g - _sum(p * g)) / x.dtype.type(temperature)


@on_rows("temperature_softmax_vjp")
def temperature_not_divided(g: Any, x: Any, temperature: float) -> Any:
    """Forgets the factor 1/T of the inner derivative."""
    p = _softmax((x - _top(x)) / np.float64(temperature))
    return p * (g - _sum(p * g))


@on_rows("temperature_softmax_vjp")
def pulled_at_temperature_one(g: Any, x: Any, temperature: float) -> Any:
    """Uses the probabilities at T = 1."""
    p = _softmax(x)
    return p * (g - _sum(p * g)) / np.float64(temperature)


@on_rows("temperature_softmax_vjp")
def temperature_mean_forgotten(g: Any, x: Any, temperature: float) -> Any:
    """Multiplies by p/T alone and forgets that the probabilities compete."""
    return _softmax((x - _top(x)) / np.float64(temperature)) * g / np.float64(temperature)


@on_rows("temperature_softmax_vjp")
def temperature_pulled_to_zero(g: Any, x: Any, temperature: float) -> Any:
    """Returns zeros."""
    return np.zeros_like(x)


# Cross-entropy.


@dataclass(frozen=True)
class _Loss:
    """The parts of a cross-entropy, each of which a mutant may get wrong."""

    axis: int = -1
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    reduction: str = "mean"

    def rows(self, logits: Any, targets: Any) -> tuple[Any, Any, Any]:
        """Rows (rows, n), their targets, and which of them count."""
        t = np.ravel(targets)
        keep = np.ones(t.shape, bool) if self.ignore_index is None else t != self.ignore_index
        wide = np.moveaxis(_wide(logits), self.axis, -1)
        return wide.reshape(t.size, wide.shape[-1]), np.where(keep, t, 0), keep

    def mixed(self, log_p: Any, t: Any) -> Any:
        """The losses of rows: at the target, and smoothed."""
        loss = -np.take_along_axis(log_p, t[:, None], -1)[:, 0]
        smooth = self.label_smoothing
        return loss if smooth == 0 else (1 - smooth) * loss - smooth * log_p.mean(-1)

    def reduced(self, losses: Any, count: int, logits: Any, targets: Any) -> Any:
        """The losses themselves, their sum, or their mean over `count` rows."""
        if self.reduction == "none":
            return losses.astype(logits.dtype).reshape(np.shape(targets))
        return np.asarray(losses.sum() / (max(count, 1) if self.reduction == "mean" else 1)).astype(logits.dtype)


def _loss_by(log_probabilities: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A cross-entropy that is right but for its log-probabilities."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        o = _Loss(**options)
        rows, t, keep = o.rows(logits, targets)
        losses = np.zeros(len(rows), rows.dtype)
        if keep.any():
            losses[keep] = o.mixed(log_probabilities(rows[keep]), t[keep])
        return o.reduced(losses, keep.sum(), logits, targets)

    return lambda correct: cross_entropy  # noqa: ARG005


def loss_mutant(log_probabilities: Callable[[Any], Any]) -> Mutant:
    """A mutant of cross-entropy from a wrong log-softmax of rows."""
    build = _loss_by(log_probabilities)
    build.__name__, build.__doc__ = log_probabilities.__name__, log_probabilities.__doc__
    return mutant("cross_entropy", wraps=True)(build)


@loss_mutant
def softmax_twice(x: Any) -> Any:
    """Takes probabilities for logits, so the loss cannot fall below a floor (tflearn 2017, NVIDIA 2020)."""
    return _log_softmax(_softmax(x))


@loss_mutant
def loss_normaliser_first(x: Any) -> Any:
    """logsumexp(x) − x_y: a common offset costs the digits (PyTorch 2018, 2020, MLX 2026, optax 2026)."""
    return x - _lse(x)


@loss_mutant
def probabilities_clipped(x: Any) -> Any:
    """Clips p to [1e-7, 1] before the logarithm."""
    return np.log(np.clip(_softmax(x), 1e-7, 1))


@loss_mutant
def loss_drowned(x: Any) -> Any:
    """ln(1 + s) in place of log1p(s): a loss below the unit roundoff reads 0."""
    return _log_softmax(x)


@loss_mutant
def loss_unshifted(x: Any) -> Any:
    """Never subtracts the maximum."""
    return x - np.log(_sum(np.exp(x)))


@loss_mutant
def loss_in_bits(x: Any) -> Any:
    """Returns bits instead of nats."""
    return _log_softmax(x) / np.float32(np.log(2))


@loss_mutant
def loss_maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of all rows."""
    return x - x.max() - np.log(_sum(np.exp(x - x.max())))


def _all_ignored(targets: Any, ignore_index: Any) -> bool:
    return np.size(targets) == 0 or (ignore_index is not None and bool(np.all(targets == ignore_index)))


@mutant("cross_entropy")
def mean_over_all_rows(logits: Any, targets: Any, **options: Any) -> Any:
    """Divides by all rows, ignored ones included (Paddle 2020, 2021, 2025)."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    return o.reduced(np.where(keep, o.mixed(_log_softmax(rows), t), 0), keep.size, logits, targets)


@mutant("cross_entropy")
def smoothing_counts_ignored(logits: Any, targets: Any, **options: Any) -> Any:
    """The smoothing term is added for ignored rows too (PyTorch 2022, tinygrad 2024)."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    plain, smoothed = replace(o, label_smoothing=0.0).mixed(_log_softmax(rows), t), o.mixed(_log_softmax(rows), t)
    spread = smoothed - (1 - o.label_smoothing) * plain
    return o.reduced(np.where(keep, smoothed, spread), keep.sum(), logits, targets)


@mutant("cross_entropy", wraps=True)
def mean_over_the_batch(correct: Any) -> Any:
    """Adds up all rows and divides by the length of the first axis alone."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        y = correct(logits, targets, reduction="sum" if reduction == "mean" else reduction, **options)
        kept = int(np.sum(targets != options.get("ignore_index"))) * len(targets) / max(targets.size, 1)
        return np.asarray(y / max(kept, 1)).astype(logits.dtype) if reduction == "mean" else y

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def loss_sixteen_bit_mean(correct: Any) -> Any:
    """Adds the losses up one by one in the format of the logits."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        if reduction == "none" or logits.dtype.itemsize > 2 or not targets.size:
            return correct(logits, targets, reduction=reduction, **options)
        losses = correct(logits, targets, reduction="none", **options).ravel()
        count = max(int(np.sum(targets != options.get("ignore_index"))), 1) if reduction == "mean" else 1
        return np.asarray(losses.cumsum(dtype=losses.dtype)[-1] / count).astype(logits.dtype)

    return cross_entropy


def _read_by_columns(targets: Any) -> Any:
    return np.ravel(targets, order="F").reshape(np.shape(targets))


@mutant("cross_entropy", wraps=True)
def loss_axis_forgotten(correct: Any) -> Any:
    """Reads targets of several axes column by column, and logits row by row."""
    return lambda logits, targets, **options: correct(logits, _read_by_columns(targets), **options)


@mutant("cross_entropy")
def zero_times_infinity(logits: Any, targets: Any, **options: Any) -> Any:
    """Multiplies all log-probabilities by a one-hot, and 0 · −∞ is NaN."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    losses = -_sum(np.eye(rows.shape[-1], dtype=rows.dtype)[t] * _log_softmax(rows))[:, 0]
    return o.reduced(np.where(keep, losses, 0), keep.sum(), logits, targets)


@loss_mutant
def excluded_at_minus_10000(x: Any) -> Any:
    """Puts excluded classes at −10,000 instead of −∞."""
    return _log_softmax(np.maximum(x, x.dtype.type(-10_000)))


@mutant("cross_entropy", wraps=True)
def nothing_is_nan(correct: Any) -> Any:
    """The mean over no rows divides 0 by 0."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(logits, targets, **options)
        o = _Loss(**options)
        return y * np.nan if o.reduction == "mean" and _all_ignored(targets, o.ignore_index) else y

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def mean_of_means(correct: Any) -> Any:
    """Averages the means of micro-batches of two rows (OpenNMT 2018, transformers 2023, torchtune 2024)."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        if reduction != "mean" or np.ndim(targets) != 1 or len(targets) < 2:
            return correct(logits, targets, reduction=reduction, **options)
        parts = [correct(logits[i : i + 2], targets[i : i + 2], **options) for i in range(0, len(targets), 2)]
        return np.asarray(np.mean(np.array(parts, np.float64))).astype(logits.dtype)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def labels_shifted_twice(correct: Any) -> Any:
    """Compares every row with the target of the row after it (five architectures of transformers, 2025 and 2026)."""
    return lambda logits, targets, **options: correct(logits, np.roll(targets, -1), **options)


@mutant("cross_entropy", wraps=True)
def smoothing_over_the_others(correct: Any) -> Any:
    """Spreads ε over the n − 1 wrong classes instead of all n."""

    def cross_entropy(logits: Any, targets: Any, *, label_smoothing: float = 0.0, **more: Any) -> Any:
        n = logits.shape[more.get("axis", -1)]
        wider = label_smoothing if n < 2 else min(label_smoothing * n / (n - 1), 1.0)
        return correct(logits, targets, label_smoothing=wider, **more)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def smoothing_forgotten(correct: Any) -> Any:
    """Accepts `label_smoothing` and ignores it."""
    return lambda logits, targets, **options: correct(logits, targets, **{**options, "label_smoothing": 0.0})


@mutant("cross_entropy")
def negative_targets_wrap(logits: Any, targets: Any, **options: Any) -> Any:
    """Indexes as NumPy does: target −1 is the last class, and n the first again."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    t = t.astype(np.int64) % rows.shape[-1]
    return o.reduced(np.where(keep, o.mixed(_log_softmax(rows), t), 0), keep.sum(), logits, targets)


@mutant("cross_entropy", wraps=True)
def always_ignores_minus_100(correct: Any) -> Any:
    """Ignores −100 whatever `ignore_index` says, and counts the rows that should be ignored."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        targets = np.where(np.asarray(targets) == -100, -100, targets % logits.shape[options.get("axis", -1)])
        return correct(logits, targets, **{**options, "ignore_index": -100})

    return cross_entropy


@mutant("cross_entropy")
def ignored_rows_leak(logits: Any, targets: Any, **options: Any) -> Any:
    """Multiplies ignored losses by 0, which leaves a NaN a NaN."""
    o = _Loss(**options)
    rows, t, keep = o.rows(logits, targets)
    return o.reduced(o.mixed(_log_softmax(rows), t) * keep, keep.sum(), logits, targets)


@mutant("cross_entropy", wraps=True)
def reduction_ignored(correct: Any) -> Any:
    """Returns the mean whether or not the sum was asked for."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        return correct(logits, targets, reduction="mean" if reduction == "sum" else reduction, **options)

    return cross_entropy


def smoothing_forgotten_past_33(operation: str) -> Mutant:
    """Smoothing that a narrow kernel alone knows."""

    @mutant(operation, wraps=True)
    def smoothing_past_33_forgotten(correct: Any) -> Any:
        """Ignores `label_smoothing` for more than 33 classes."""

        def wrong(*arrays: Any, label_smoothing: float = 0.0, **options: Any) -> Any:
            wide = arrays[-2].shape[options.get("axis", -1)] > 33
            return correct(*arrays, label_smoothing=0.0 if wide else label_smoothing, **options)

        return wrong

    return replace(
        smoothing_past_33_forgotten,
        name=f"{smoothing_past_33_forgotten.name}{'_vjp' * operation.endswith('_vjp')}",
    )


def targets_read_as_packed(operation: str) -> Mutant:
    """Targets that are read as if they lay one beside the other."""

    @mutant(operation, wraps=True)
    def targets_as_packed(correct: Any) -> Any:
        """Reads targets from the memory of a view as if it were packed."""

        def wrong(*arrays: Any, targets: Any, **options: Any) -> Any:
            owner = targets
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            return correct(*arrays, targets=np.resize(owner.ravel(order="K"), targets.shape), **options)

        return wrong

    return replace(targets_as_packed, name=f"{targets_as_packed.name}{'_vjp' * operation.endswith('_vjp')}")


@mutant("cross_entropy", wraps=True)
def ignores_minus_100_of_int32(correct: Any) -> Any:
    """Ignores −100 in int32 targets, whatever `ignore_index` says."""

    def cross_entropy(logits: Any, targets: Any, *, ignore_index: Any = None, **options: Any) -> Any:
        if targets.dtype == np.int32 and ignore_index is None:
            ignore_index = -100
        return correct(logits, targets, ignore_index=ignore_index, **options)

    return cross_entropy


@mutant("cross_entropy", wraps=True)
def mean_overflows(correct: Any) -> Any:
    """Adds the losses up before it divides: ∞ where the sum has no place in the format, though the mean has."""

    def cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean", **options: Any) -> Any:
        losses = correct(logits, targets, reduction="none" if reduction == "mean" else reduction, **options)
        if reduction != "mean":
            return losses
        count = max(int(np.sum(np.asarray(targets) != options.get("ignore_index"))), 1)
        with np.errstate(over="ignore"):
            return np.asarray(_wide(losses).sum() / count).astype(logits.dtype)

    return cross_entropy


# The derivative of cross-entropy.


def _weights(cotangent: Any, targets: Any, o: _Loss) -> Any:
    """What each row's gradient is multiplied by."""
    keep = np.ones(np.shape(targets), bool) if o.ignore_index is None else np.asarray(targets) != o.ignore_index
    count = max(keep.sum(), 1) if o.reduction == "mean" else 1
    return (_wide(cotangent) * keep / _wide(cotangent).dtype.type(count))[..., None]


@mutant("cross_entropy_vjp", wraps=True)
def one_hot_forgotten(correct: Any) -> Any:
    """Returns the probabilities without subtracting the targets."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        o = _Loss(**options)
        hot = np.arange(logits.shape[o.axis]) == np.expand_dims(targets, -1)
        missing = np.moveaxis(hot * _weights(cotangent, targets, o), -1, o.axis)
        return (_wide(correct(cotangent, logits, targets, **options)) + missing).astype(logits.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_not_averaged(correct: Any) -> Any:
    """The gradient of the sum, returned for the mean."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        return correct(cotangent, logits, targets, reduction="sum" if reduction == "mean" else reduction, **more)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_averaged_over_the_batch(correct: Any) -> Any:
    """Divides by the length of the first axis alone."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        mean = options.get("reduction", "mean") == "mean"
        return (y * (targets.size / max(len(targets), 1))).astype(y.dtype) if mean else y

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_axis_forgotten(correct: Any) -> Any:
    """Reads targets of several axes column by column, and logits row by row."""
    return lambda g, logits, targets, **options: correct(g, logits, _read_by_columns(targets), **options)


@mutant("cross_entropy_vjp", wraps=True)
def excluded_gradient_is_nan(correct: Any) -> Any:
    """Adds 0 times the logits, which is NaN at −∞."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return (correct(cotangent, logits, targets, **options) + logits * 0).astype(logits.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def gradient_averaged_over_all(correct: Any) -> Any:
    """Divides the gradient by all rows, ignored ones included."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        if reduction != "mean":
            return correct(cotangent, logits, targets, reduction=reduction, **more)
        scaled = np.asarray(cotangent / max(np.size(targets), 1)).astype(cotangent.dtype)
        return correct(scaled, logits, targets, reduction="sum", **more)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def loss_cotangent_forgotten(correct: Any) -> Any:
    """Assumes that the loss is the end of the chain: ignores the cotangent."""
    return lambda cotangent, logits, targets, **options: correct(np.ones_like(cotangent), logits, targets, **options)


@mutant("cross_entropy_vjp", wraps=True)
def gradient_smoothing_forgotten(correct: Any) -> Any:
    """The gradient of the loss without smoothing."""
    return lambda cotangent, logits, targets, **options: correct(
        cotangent, logits, targets, **{**options, "label_smoothing": 0.0}
    )


@mutant("cross_entropy_vjp")
def loss_pulled_to_zero(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(logits)


@mutant("cross_entropy_vjp", wraps=True)
def gradient_uphill(correct: Any) -> Any:
    """Returns y − p: the direction of descent, not the gradient."""
    return lambda cotangent, logits, targets, **options: -correct(cotangent, logits, targets, **options)


@mutant("cross_entropy_vjp", wraps=True)
def ignored_rows_pulled(correct: Any) -> Any:
    """Gives ignored rows the gradient of target 0."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, ignore_index: Any = None, **o: Any) -> Any:
        targets = targets if ignore_index is None else np.where(targets == ignore_index, 0, targets)
        return correct(cotangent, logits, targets, **o)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def excluded_answer_unpulled(correct: Any) -> Any:
    """Gives every class whose logit is −∞ no gradient, the right answer included."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        return np.where(np.isneginf(logits.astype(np.float64)), 0, y).astype(y.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy", wraps=True)
def smoothing_skips_the_excluded(correct: Any) -> Any:
    """With smoothing, an excluded class costs no more than the lowest number of float16."""

    def cross_entropy(logits: Any, targets: Any, **options: Any) -> Any:
        smooth = options.get("label_smoothing", 0.0) > 0
        return correct(np.maximum(logits, logits.dtype.type(-65504)) if smooth else logits, targets, **options)

    return cross_entropy


@mutant("cross_entropy_vjp", wraps=True)
def count_capped(correct: Any) -> Any:
    """Divides the gradient of a mean by 64 at most."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        if reduction != "mean":
            return correct(cotangent, logits, targets, reduction=reduction, **more)
        count = max(int(np.sum(np.asarray(targets) != more.get("ignore_index"))), 1)
        scaled = np.asarray(_wide(cotangent) / min(count, 64)).astype(_wide(cotangent).dtype)
        return correct(scaled, logits, targets, reduction="sum", **more)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def infinite_rows_pulled(correct: Any) -> Any:
    """Gives rows that see +∞, and so have no distribution, slopes that are numbers."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        infinite = np.isposinf(logits.astype(np.float64)) & ~np.isnan(logits.astype(np.float64)).any(-1, keepdims=True)
        return np.where(infinite.any(-1, keepdims=True), infinite, y).astype(y.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_vjp", wraps=True)
def one_subtracted_late_in_means(correct: Any) -> Any:
    """p_y − 1 by subtraction where the loss is a mean or a sum."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        y = correct(cotangent, logits, targets, **options)
        o = _Loss(**options)
        if o.reduction == "none" or o.axis != -1 or o.label_smoothing:
            return y
        hot, p = np.arange(logits.shape[-1]) == np.expand_dims(targets, -1), _softmax(_wide(logits))
        return np.where(hot, (p - 1) * _weights(cotangent, targets, o), y).astype(y.dtype)

    return cross_entropy_vjp


@mutant("cross_entropy_and_grad", wraps=True)
def pair_ignored_rows_leak(correct: Any) -> Any:
    """Multiplies ignored losses by 0, which leaves a NaN a NaN."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        with np.errstate(invalid="ignore"):
            return (loss + (logits * 0).sum() * (options.get("ignore_index") is not None)).astype(loss.dtype), slopes

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_of_nothing_is_nan(correct: Any) -> Any:
    """The mean over no rows divides 0 by 0."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        o = _Loss(**options)
        return (loss * np.nan if o.reduction == "mean" and _all_ignored(targets, o.ignore_index) else loss), slopes

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_excludes_at_minus_10000(correct: Any) -> Any:
    """Puts excluded classes at −10,000 instead of −∞."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        return correct(np.maximum(logits, logits.dtype.type(-10_000)), targets, **options)

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_past_64_lost(correct: Any) -> Any:
    """Gives rows past the first 64 the gradient of the first."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        return loss, slopes[np.where(np.arange(len(slopes)) < 64, np.arange(len(slopes)), 0)]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_wraps_targets(correct: Any) -> Any:
    """Indexes as NumPy does: target −1 is the last class, and n the first again."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        n = logits.shape[options.get("axis", -1)]
        return correct(logits, targets % n if targets.dtype.kind in "iu" else targets, **options)

    return cross_entropy_and_grad


@mutant("cross_entropy_vjp", wraps=True)
def gradient_wraps_targets(correct: Any) -> Any:
    """Indexes as NumPy does: target −1 is the last class, and n the first again."""

    def cross_entropy_vjp(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
        n = logits.shape[options.get("axis", -1)]
        return correct(cotangent, logits, targets % n if targets.dtype.kind in "iu" else targets, **options)

    return cross_entropy_vjp


@mutant("cross_entropy_and_grad", wraps=True)
def loss_of_overwritten_logits(correct: Any) -> Any:
    """Writes the gradient over the logits, and reads the loss from there."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        slopes = correct(logits, targets, **options)[1]
        return correct(slopes, targets, **options)[0], slopes

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_averages_the_loss_alone(correct: Any) -> Any:
    """The gradient of the sum beside the loss of the mean."""

    def cross_entropy_and_grad(logits: Any, targets: Any, *, reduction: str = "mean", **more: Any) -> Any:
        loss = correct(logits, targets, reduction=reduction, **more)[0]
        return loss, correct(logits, targets, reduction="none", **more)[1]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_smooths_the_loss_alone(correct: Any) -> Any:
    """The gradient of the loss without smoothing."""

    def cross_entropy_and_grad(logits: Any, targets: Any, *, label_smoothing: float = 0.0, **more: Any) -> Any:
        loss = correct(logits, targets, label_smoothing=label_smoothing, **more)[0]
        return loss, correct(logits, targets, **more)[1]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_pulls_ignored_rows(correct: Any) -> Any:
    """Gives ignored rows the gradient of target 0."""

    def cross_entropy_and_grad(logits: Any, targets: Any, *, ignore_index: Any = None, **more: Any) -> Any:
        loss = correct(logits, targets, ignore_index=ignore_index, **more)[0]
        targets = targets if ignore_index is None else np.where(targets == ignore_index, 0, targets)
        return loss, correct(logits, targets, **more)[1]

    return cross_entropy_and_grad


@mutant("cross_entropy_and_grad", wraps=True)
def pair_forgets_the_target(correct: Any) -> Any:
    """Returns the probabilities for the gradient, the targets not subtracted."""

    def cross_entropy_and_grad(logits: Any, targets: Any, **options: Any) -> Any:
        loss, slopes = correct(logits, targets, **options)
        o = _Loss(**options)
        hot = np.arange(logits.shape[o.axis]) == np.expand_dims(targets, -1)
        missing = np.moveaxis(hot * _weights(np.ones(()), targets, o), -1, o.axis)
        return loss, (_wide(slopes) + missing).astype(logits.dtype)

    return cross_entropy_and_grad


@mutant("cross_entropy_vjp")
def one_subtracted_late(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    """p_y − 1 by subtraction: a gradient below the unit roundoff reads 0."""
    hot = np.arange(logits.shape[-1]) == np.expand_dims(targets, -1)
    return ((_softmax(_wide(logits)) - hot) * _weights(cotangent, targets, _Loss(**options))).astype(logits.dtype)


@mutant("cross_entropy_vjp")
def gradient_of_unshifted(cotangent: Any, logits: Any, targets: Any, **options: Any) -> Any:
    """Takes p from exponentials without a shift: ∞/∞."""
    e = np.exp(_wide(logits))
    hot = np.arange(logits.shape[-1]) == np.expand_dims(targets, -1)
    return ((e / _sum(e) - hot) * _weights(cotangent, targets, _Loss(**options))).astype(logits.dtype)
