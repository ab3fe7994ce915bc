"""Mistakes that any operation on rows can make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mathcore.verify.claims import Mutant, mutant, reported
from mathcore.verify.common_mutants import family


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
    return _unread(correct, lambda n: 1024)


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
@reported(
    "softmax.shift_invariant",
    """
    pytorch/pytorch PR#62897 (2021) acknowledged
    dotnet/machinelearning #3648 (2019)
    tenstorrent/tt-metal #12661 (2024)
    dwavesystems/dwave-optimization #555 (2026)
    """,
    alias="maximum_not_subtracted",
)
@on_rows("softmax")
def no_shift(x: Any) -> Any:
    """Never subtracts the maximum: overflows at 89 in float32; in one library on the vectorised path alone."""
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


@reported(
    "softmax.shift_invariant",
    "Dao-AILab/flash-attention #2082 (2025) fixed by PR 2174 in 2026",
    alias="running_maximum_starts_at_zero",
)
@on_rows("softmax")
def maximum_starts_at_zero(x: Any) -> Any:
    """An online softmax whose running maximum starts at 0: rows far below zero vanish."""
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


@reported(
    "softmax.sums_to_one",
    """
    pytorch/pytorch #143644 (2024) fixed
    pytorch/pytorch #147284 (2025) open
    """,
    alias="ragged_tail_not_summed",
)
@on_rows("softmax")
def odd_widths_wrong(x: Any) -> Any:
    """Drops the last warp's share at odd widths from 513 to 1023, with two or more rows."""
    e, n = _exp(x), x.shape[-1]
    bad = 513 <= n <= 1023 and n % 2 == 1 and n % 32 != 31 and e.size > n
    return e / _sum(e[..., : n - 32 if bad else n])


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
    return mask_ignored(operation, lambda x, axis: x.ndim > 2, "mask_of_three_axes_ignored", note)


def mask_of_other_axes_ignored(operation: str) -> Mutant:
    """A `where` that works along the last axis only."""
    note = "Ignores `where` along any axis but the last."
    return mask_ignored(operation, lambda x, axis: axis % x.ndim < x.ndim - 1, "mask_of_other_axes_ignored", note)


def large_mask_ignored(operation: str) -> Mutant:
    """A `where` that does not reach the kernel for large arrays."""
    note = "Ignores `where` for 2¹⁵ numbers and more."
    return mask_ignored(operation, lambda x, axis: x.size >= 2**15, "large_mask_ignored", note)


@on_rows("softmax")
def broken_scores_mended(x: Any) -> Any:
    """Replaces NaN by 0 and infinities by large numbers, so that broken scores look healthy."""
    return _softmax(np.nan_to_num(x))


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


@reported(
    "log_softmax.shift_invariant",
    """
    pytorch/pytorch #11752 (2018) closed
    pytorch/pytorch #38839 (2020) closed
    ml-explore/mlx PR#4169 (2026) fixed
    ml-explore/mlx PR#4188 (2026) fixed
    google-deepmind/optax PR#1792 (2026) open
    """,
    alias="normaliser_added_to_offset",
)
@on_rows("log_softmax")
def normaliser_first(x: Any) -> Any:
    """x − logsumexp(x): the normaliser is rounded at the size of a common offset."""
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


@on_rows("log_softmax")
def logs_dead_row_is_nan(x: Any) -> Any:
    """A row with nothing to see subtracts ∞ from ∞."""
    return _log_softmax(x)


# The derivative of log-softmax.
@reported(
    "log_softmax.gradient_sums_to_zero",
    """
    uxlfoundation/oneDNN #616 (2019)
    ROCm/MIOpen #112 (2019)
    """,
    alias="formula_of_softmax",
)
@on_rows("log_softmax_vjp")
def softmax_formula(g: Any, x: Any) -> Any:
    """Subtracts Σ g·y, as softmax's derivative does."""
    return g - _sum(g * _log_softmax(x))


@reported(
    "log_softmax.gradient_sums_to_zero",
    """
    mlpack/mlpack #2360 (2020)
    mlpack/mlpack #3468 (2023)
    """,
)
@on_rows("log_softmax_vjp")
def sum_added(g: Any, x: Any) -> Any:
    """Adds p Σ g instead of subtracting it."""
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


@on_rows("logsumexp")
def lse_dead_row_is_nan(x: Any) -> Any:
    """A row with nothing to see subtracts −∞ from −∞."""
    return _lse(x)


@on_rows("logsumexp")
def lse_infinity_is_nan(x: Any) -> Any:
    """Subtracts an infinite maximum from itself."""
    top = np.where(np.isneginf(_top(x)), 0, _top(x)).astype(x.dtype)
    return top + np.log(_sum(np.exp(x - top)))


@on_rows("logsumexp_vjp")
def cotangent_forgotten(g: Any, x: Any) -> Any:
    """Returns softmax whatever the cotangent is."""
    return _softmax(x)


@on_rows("logsumexp_vjp")
def all_to_the_winner(g: Any, x: Any) -> Any:
    """Sends everything to the highest score, as the maximum's derivative does."""
    return g * (x == _top(x))


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
    """g·exp(x − lse) with lse = −∞: NaN for a row with nothing to see."""
    return g * np.exp(x - _lse(x))


@on_rows("logsumexp_vjp")
def lse_pulled_to_zero(g: Any, x: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(x)


@reported(
    "softmax.temperature",
    """
    ggml-org/ggml #37 (2023)
    google-deepmind/gemma #562 (2026)
    karpathy/nanoGPT #738 (2026)
    """,
    alias="divided_by_temperature",
)
@mutant("temperature_softmax", wraps=True)
def divided_before_the_shift(correct: Any) -> Any:
    """Divides before it subtracts the maximum, so that a small temperature overflows to ∞ − ∞."""

    def temperature_softmax(x: Any, temperature: float, axis: int = -1) -> Any:
        return correct((x / temperature).astype(x.dtype), 1.0, axis) if temperature > 0 else correct(x, temperature)

    return temperature_softmax


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

    return lambda correct: cross_entropy


def loss_mutant(log_probabilities: Callable[[Any], Any]) -> Mutant:
    """A mutant of cross-entropy from a wrong log-softmax of rows."""
    build = _loss_by(log_probabilities)
    build.__name__, build.__doc__ = log_probabilities.__name__, log_probabilities.__doc__
    return mutant("cross_entropy", wraps=True)(build)


@reported(
    "cross_entropy.alignment",
    """
    tflearn/tflearn PR#562 (2017) merged
    NVIDIA/DeepLearningExamples #468 (2020) confirmed
    """,
    alias="softmax_applied_twice",
)
@loss_mutant
def softmax_twice(x: Any) -> Any:
    """Takes probabilities for logits, so the loss cannot fall below a floor."""
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


@loss_mutant
def excluded_at_minus_10000(x: Any) -> Any:
    """Puts excluded classes at −10,000 instead of −∞."""
    return _log_softmax(np.maximum(x, x.dtype.type(-10_000)))


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
