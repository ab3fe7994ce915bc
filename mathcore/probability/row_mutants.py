"""Mistakes that the laws of rows refute, and what mutants of operations on rows are built from.

First the right formulas in plain NumPy, then mistakes that any operation on rows can make, then those of one operation
that a law refutes. Above 400 lines: all of them are named in `row_claims`. Other mistakes are beside the claims of
their operation.
"""

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
    """Wrong arithmetic, right bookkeeping: the formula is given rows, `axis` last, in the compute dtype."""

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
    """Reduces the last axis wherever the shape does not tell."""

    def wrong(*arrays: Any, axis: int = -1, **options: Any) -> Any:
        return correct(*arrays, axis=-1 if len(set(arrays[-1].shape)) == 1 else axis, **options)

    return wrong


def _unread(correct: Any, read: Callable[[int], int]) -> Any:
    """`correct` on rows of which only the first `read(n)` scores are read."""

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
    """Of four axes it iterates over three: gives the result of the first batch to all."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        y = correct(*arrays, **options)
        return y[:1].repeat(len(y), 0) if arrays[-1].ndim == 4 else y

    return wrong


@family
def later_rows_lost(correct: Any) -> Any:
    """Processes 64 rows at most and gives the rest the result of the first: a launch grid that is too small."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        y = correct(*arrays, **options)
        return y[np.where(np.arange(len(y)) < 64, np.arange(len(y)), 0)] if len(y) > 64 else y

    return wrong


@family
def large_buffer_reused(correct: Any) -> Any:
    """Caches the result buffer from 1,000 elements on, and returns it again and again."""
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
    """A VJP that returns the dtype of its cotangent."""

    @mutant(operation, wraps=True)
    def format_of_the_cotangent_vjp(correct: Any) -> Any:
        """Returns the dtype of the cotangent, not of the scores."""
        return lambda g, *more, **options: correct(g, *more, **options).astype(g.dtype)

    return format_of_the_cotangent_vjp


def integer_cotangents_taken(operation: str) -> Mutant:
    """A VJP that checks the dtype of its scores alone."""

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
    """Rounds 16-bit scores to bfloat16 on the way in."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        *cotangent, x = arrays
        bits = x.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        coarse = bits.view(np.float32).astype(x.dtype) if x.dtype.itemsize == 2 else x
        return correct(*cotangent, coarse, **options)

    return wrong


@on_rows("softmax")
def maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of the whole array: rows far below the highest one underflow."""
    e = np.exp(x - x.max())
    return e / _sum(e)


@on_rows("softmax")
def float32_inside(x: Any) -> Any:
    """Computes float64 in float32."""
    return _softmax(x.astype(np.float32))


# The gradient of softmax.
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


@on_rows("log_softmax")
def logs_maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of the whole array."""
    return x - x.max() - np.log(_sum(np.exp(x - x.max())))


# The gradient of log-softmax.
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


@on_rows("logsumexp")
def lse_maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of the whole array."""
    return x.max() + np.log(_sum(np.exp(x - x.max())))


@on_rows("logsumexp_vjp")
def cotangent_forgotten(g: Any, x: Any) -> Any:
    """Returns softmax whatever the cotangent is."""
    return _softmax(x)


@on_rows("logsumexp_vjp")
def all_to_the_winner(g: Any, x: Any) -> Any:
    """Sends the whole gradient to the highest score, as that of the maximum does."""
    return g * (x == _top(x))


@on_rows("logsumexp_vjp")
def lse_pulled_to_zero(g: Any, x: Any) -> Any:
    """Returns zeros."""
    return np.zeros_like(x)


@on_rows("temperature_softmax")
def temperature_maximum_of_everything(x: Any, temperature: float) -> Any:
    """Subtracts the maximum of the whole array."""
    e = np.exp((x - x.max()) / np.float64(temperature))
    return e / _sum(e)


@on_rows("temperature_softmax_vjp")
def temperature_not_divided(g: Any, x: Any, temperature: float) -> Any:
    """Forgets the factor 1/T of the chain rule."""
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


@loss_mutant
def loss_maximum_of_everything(x: Any) -> Any:
    """Subtracts the maximum of all rows."""
    return x - x.max() - np.log(_sum(np.exp(x - x.max())))


def targets_read_as_packed(operation: str) -> Mutant:
    """Targets that are read as if they were contiguous."""

    @mutant(operation, wraps=True)
    def targets_as_packed(correct: Any) -> Any:
        """Reads the targets of a non-contiguous view as if it were contiguous."""

        def wrong(*arrays: Any, targets: Any, **options: Any) -> Any:
            owner = targets
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            return correct(*arrays, targets=np.resize(owner.ravel(order="K"), targets.shape), **options)

        return wrong

    return replace(targets_as_packed, name=f"{targets_as_packed.name}{'_vjp' * operation.endswith('_vjp')}")
