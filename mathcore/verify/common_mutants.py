"""Mistakes that any operation can make: families of wrong implementations, one for each operation asked for.

Nearly all of them are mistakes that widely used libraries shipped.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from mathcore.verify.claims import Mutant, mutant, reported_of

Operation: TypeAlias = Callable[..., Any]
Family: TypeAlias = Callable[[str], Mutant]


def family(wrong: Callable[[Operation], Operation]) -> Family:
    """A mutant of whatever operation is asked for: `wrong` turns the correct one into it."""

    def of(operation: str) -> Mutant:
        made = mutant(operation, wraps=True)(wrong)
        return replace(made, name=f"{made.name}_vjp") if operation.endswith("_vjp") else made

    return of


def of_each(wrong: Family, operations: Iterable[str]) -> tuple[Mutant, ...]:
    """The same mistake in several operations of one claim, each under a name of its own."""
    return tuple(replace(m, name=f"{m.operation}_{m.name.removesuffix('_vjp')}") for m in map(wrong, operations))


def _each(change: Callable[[Any], Any], answer: Any) -> Any:
    """`change` of an answer, or of each part of one that has several."""
    if isinstance(answer, dict):
        return {name: change(part) for name, part in answer.items()}
    return tuple(_each(change, part) for part in answer) if isinstance(answer, tuple) else change(answer)


@reported_of(
    "softmax",
    "softmax.layout_free",
    """
    ml-explore/mlx #657 (2024)
    torch/nn #832 (2016)
    pytorch/pytorch PR#139740 (2024)
    """,
    alias="strides_of_scores_ignored",
)
@reported_of(
    "softmax_vjp",
    "softmax.layout_free",
    """
    Dao-AILab/flash-attention #355 (2023)
    pytorch/pytorch #181133 (2026)
    """,
    alias="strides_of_cotangent_ignored",
)
@family
def strides_ignored(correct: Operation) -> Operation:
    """Reads its first array as if it were packed."""
    return lambda x, *more, **options: correct(_packed(x), *more, **options)


@family
def strides_ignored_behind(correct: Operation) -> Operation:
    """Reads its last array as if it were packed."""
    return _with_last_array(correct, _packed)


def _packed(x: Any) -> Any:
    """What lies in memory from the array's first owner on, read as if there were no strides."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return np.resize(owner.ravel(order="K"), x.shape)


@family
def buffer_reused(correct: Operation) -> Operation:
    """Returns the same memory from every call of one shape."""
    buffers: dict[Any, Any] = {}

    def kept(part: Any) -> Any:
        buffer = buffers.setdefault((part.shape, part.dtype), np.empty_like(part))
        buffer[...] = part
        return buffer

    return lambda *arrays, **options: _each(kept, correct(*arrays, **options))


@family
def first_answer_kept(correct: Operation) -> Operation:
    """Keeps a table of answers with the contents missing from the key: the first call of a shape decides."""
    table: dict[Any, Any] = {}

    def wrong(*arguments: Any, **options: Any) -> Any:
        key = tuple(_form(a) for a in arguments)
        return table.setdefault((*key, options.get("axis")), correct(*arguments, **options))

    return wrong


def _form(argument: Any) -> Any:
    """An argument without its contents, if it is an array or has a name for each of several."""
    if isinstance(argument, dict):
        return tuple((name, _form(part)) for name, part in argument.items())
    return (argument.shape, argument.dtype) if isinstance(argument, np.ndarray) else argument


@family
def always_float64(correct: Operation) -> Operation:
    """Returns float64 whatever came."""
    return lambda *arrays, **options: _each(lambda y: y.astype(np.float64), correct(*arrays, **options))


@family
def autocast(correct: Operation) -> Operation:
    """Works in float16 behind the caller's back."""

    def wrong(*arguments: Any, **options: Any) -> Any:
        floats = [a for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind not in "iu"]
        half = (a.astype(np.float16) if any(a is f for f in floats) else a for a in arguments)
        return _each(lambda y: y.astype(floats[0].dtype), correct(*half, **options))

    return wrong


@family
def integers_taken(correct: Operation) -> Operation:
    """Turns integers and bools into floats instead of refusing them."""
    return _with_last_array(correct, lambda x: x.astype(np.float64))


@family
def rows_touch(correct: Operation) -> Operation:
    """Adds 0 times the sum of everything, as a reduction over the whole batch would: one NaN reaches every row."""
    return _with_last_array(correct, lambda x: (x + x.dtype.type(0) * x.sum()).astype(x.dtype))


def _with_last_array(correct: Operation, change: Callable[[Any], Any]) -> Operation:
    def wrong(*arguments: Any, **options: Any) -> Any:
        last = max(i for i, a in enumerate(arguments) if isinstance(a, np.ndarray))
        with np.errstate(invalid="ignore"):
            return correct(*(change(a) if i == last else a for i, a in enumerate(arguments)), **options)

    return wrong


@family
def first_row_everywhere(correct: Operation) -> Operation:
    """Gives the answer of the first row to every row."""
    return lambda *arrays, **options: _each(
        lambda y: np.broadcast_to(y[:1], y.shape).copy(), correct(*arrays, **options)
    )


@family
def wide_rows_lost(correct: Operation) -> Operation:
    """Leaves out what lies beyond the first 256 numbers of the rows of its widest array."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        widest = max(arrays, key=lambda a: a.shape[-1])
        cut = np.where(np.arange(widest.shape[-1]) < 256, widest, widest.dtype.type(0))
        return correct(*(cut if a is widest else a for a in arrays), **options)

    return wrong


def wraps_rows(operation: str, period: int = 8) -> Mutant:
    """Keeps the entries of the leading axis modulo `period`, as a block index that wraps around does."""

    def build(correct: Operation) -> Operation:
        def wrong(*arguments: Any, **options: Any) -> Any:
            arrays = [a for a in (*arguments, *options.values()) if isinstance(a, np.ndarray)]
            lead = arrays[0].shape[:1] if arrays else ()

            def wrapped(y: Any) -> Any:
                beyond = np.ndim(y) > 0 and y.shape[:1] == lead and len(y) > period
                return y[np.arange(len(y)) % period] if beyond else y

            return _each(wrapped, correct(*arguments, **options))

        return wrong

    suffix = "_vjp" if operation.endswith("_vjp") else ""
    note = f"Entries of the leading axis past the first {period} repeat those before."
    return Mutant(operation, f"wraps_at_{period}{suffix}", note, build)


def default_changed(operation: str, option: str, value: Any) -> Mutant:
    """Takes `value` where the caller leaves `option` out."""

    def build(correct: Operation) -> Operation:
        @functools.wraps(correct)
        def wrong(*arguments: Any, **options: Any) -> Any:
            given = inspect.signature(correct).bind(*arguments, **options).arguments
            return correct(*arguments, **options, **({} if option in given else {option: value}))

        return wrong

    note = f"Leaving out `{option}` means {value!r}."
    return Mutant(operation, f"default_of_{option}_changed", note, build)
