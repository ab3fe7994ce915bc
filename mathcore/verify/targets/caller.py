"""Adapt a claim's call to a target: match the signature, convert arrays, apply conventions, validate the result.

A claim calls operations with mathcore's signatures. The target's function may take fewer options, name its arguments
differently, belong to a framework and follow other conventions. Before a relation is evaluated, every answer is
checked for type, shape and dtype, and the input for changes. Some calls are repeated, to see that the answer is the
same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, ConversionError, NotTriedError, TargetError
from mathcore.verify.targets.adapters import Adapter, UnsupportedDtypeError, aligned_like
from mathcore.verify.targets.answers import check_answer, has_subnormals, is_float, kind_of
from mathcore.verify.targets.conventions import translations
from mathcore.verify.targets.held import Held, hold, released
from mathcore.verify.targets.restrictions import Restrictions
from mathcore.verify.targets.signatures import (
    accepted_names,
    bind_arguments,
    defaults_of,
    fit_arguments,
    returns_number,
    returns_object,
)
from mathcore.verify.tolerances import subnormals

_MAX_REPEATED = 8  # failed calls that are repeated; and of an operation, only calls before the 8th are, at the end


@dataclass(frozen=True)
class Call:
    """A call of the target's function: its own arguments as NumPy arrays, and the answer converted to NumPy."""

    operation: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]
    answer: Any


on_call: Callable[[str, Mapping[str, Any]], None] | None = None
"""A hook, called with the operation and its arguments before each call, and with "" after it.

Worker processes set it to write a note of the current call, which tells the parent what they died of.
"""


class Caller:
    """Makes the calls of one check to one target.

    Attributes:
        made: the calls since `forget`, for a script that repeats them.
        pending: the call that has no answer yet, or is being repeated.
        answered: called with the name and the answer, in mathcore's form, of each operation and method, if given.
    """

    def __init__(
        self, target: Any, once: bool = False, answered: Callable[[str, Any], None] = lambda _name, _answer: None
    ) -> None:
        self.answered = answered
        self._target, self._repeats = target, not once and target.conventions.repeatable
        self._counts: dict[str, int] = {}
        self._early: list[Call] = []
        self._shapes: dict[str, set[Any]] = {}
        self.made: list[Call] = []
        self.pending: Call | None = None

    def forget(self) -> None:
        """Start a new example."""
        self.made.clear()

    def __call__(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Call an operation with mathcore's arguments.

        Raises:
            NotTriedError: if the target does not support the call.
            TargetError: if the function raised.
            ContractError: if it broke a rule that holds for every call.
        """
        function = self._target.operations[operation]
        try:
            given = bind_arguments(operation, args, options)
        except TypeError as cause:
            raise TargetError(operation, cause) from cause
        if given is None:  # mathcore has no such function: the claim and the target agree on the signature
            answer = self._call(operation, function, args, options)
            self.answered(operation, answer)
            return answer
        if reason := self._unsupported(operation, given):
            raise NotTriedError(operation, reason)
        translated, steps = given, []
        for step in translations(operation, self._target.conventions, accepted_names(function)):
            steps.append((step, translated))
            try:
                translated = step.to_target(translated)
            except Exception as cause:
                raise ConversionError(operation, cause) from cause
        fitted = fit_arguments(operation, function, translated, self._target.conventions)
        answer = self._call(operation, function, *fitted)
        try:
            for step, before in reversed(steps):
                answer = step.from_target(answer, before)
        except Exception as cause:
            check_answer(operation, given, answer)  # a wrong form of the answer, if that is the reason
            raise ConversionError(operation, cause) from cause
        check_answer(operation, given, answer)
        self.answered(operation, answer)
        return answer

    def call_directly(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Call the function with its own arguments: without conventions, and without a check of the answer's shape."""
        return self._call_once(operation, self._target.operations[operation], args, options)

    def call_method(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call a method of an object that the target returned; `name` is that of the operation and the method."""
        for value in (*args, *options.values()):
            if isinstance(value, np.ndarray) and is_float(value) and value.dtype.name not in self._target.dtypes:
                raise NotTriedError(name, str(value.dtype.name))
        answer = self._call_once(name, method, args, options)
        self.answered(name, answer)
        return answer

    def check_repeatable(self, failed: tuple[Call, ...] = ()) -> None:
        """Repeat the calls that failed, and the first few of every operation, after all others.

        Raises:
            ContractError: if an answer differs.
        """
        if not self._repeats:
            return
        for call in failed[:_MAX_REPEATED]:
            if _is_plain((call.args, call.options, call.answer)):
                self._compare(call, "")
        for call in self._early:
            self._compare(call, "after other calls")

    def _unsupported(self, operation: str, given: Mapping[str, Any]) -> str:
        """Why the target does not support a call; "" if it does."""
        for value in given.values():
            if isinstance(value, np.ndarray) and is_float(value) and value.dtype.name not in self._target.dtypes:
                return str(value.dtype.name)
        if self._target.conventions.subnormals == "flushed":
            with subnormals("flushed"):
                if any(map(has_subnormals, given.values())):
                    return "subnormal numbers"
        restrictions: Restrictions = self._target.restrictions
        if reason := restrictions.refuses(given, defaults_of(operation)):
            return reason
        if restrictions.shapes is not None:
            seen = self._shapes.setdefault(operation, set())
            shape = tuple(v.shape for v in given.values() if isinstance(v, np.ndarray))
            if shape not in seen and len(seen) >= restrictions.shapes:
                return f"more than {restrictions.shapes} shapes"
            seen.add(shape)
        return ""

    def _call(
        self, operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        """Make a call. The 1st, 2nd, 4th, 8th … of an operation is repeated at once."""
        self.pending = Call(operation, args, options, None)
        answer = self._call_once(operation, function, args, options)
        call = Call(operation, args, options, answer)
        self.made.append(call)
        count = self._counts[operation] = self._counts.get(operation, 0) + 1
        if self._repeats and count & (count - 1) == 0 and _is_plain((args, options, answer)):
            self.pending = call
            self._compare(call, "")
            if count < _MAX_REPEATED:
                args, options = _copy((args, dict(options)))
                self._early.append(Call(operation, args, options, answer))
        self.pending = None
        return answer

    def _compare(self, call: Call, when: str) -> None:
        again = self._call_once(call.operation, self._target.operations[call.operation], call.args, call.options)
        if not same_bits(call.answer, again):
            words = f"answers differently the second time{' (' * bool(when)}{when}{')' * bool(when)}"
            raise ContractError(call.operation, words, call.args, call.options, call.answer)

    def _call_once(
        self, operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        adapter: Adapter = self._target.adapter
        try:
            native_args = [_to_native(v, adapter.to_native) for v in args]
            native_options = {k: _to_native(v, adapter.to_native) for k, v in options.items()}
        except UnsupportedDtypeError as missing:
            raise NotTriedError(operation, str(missing)) from missing
        except Exception as cause:
            raise ConversionError(operation, cause) from cause
        before = _copy((args, dict(options)))
        if on_call is not None:
            on_call(operation, {**{str(i): v for i, v in enumerate(args)}, **options})
        try:
            native_answer = function(*native_args, **native_options)
        except (NotTriedError, MemoryError):
            raise
        except Exception as cause:
            if isinstance(cause, ValueError) and "read-only" in str(cause):
                raise ContractError(operation, "writes into its input") from cause
            raise TargetError(operation, cause) from cause
        finally:
            if on_call is not None:
                on_call("", {})
        held = functools.partial(hold, operation.partition(".")[0], calling=self.call_method)
        try:
            answer = _to_numpy(native_answer, adapter, held if returns_object(operation) else None)
        except TypeError:
            expected = "an array" if adapter.name == "numpy" else f"an array of {adapter.name}"
            raise ContractError(operation, f"returned {kind_of(native_answer)}, expected {expected}") from None
        except Exception as cause:
            raise ConversionError(operation, cause) from cause
        if returns_number(operation) and isinstance(answer, np.ndarray) and not answer.ndim:
            answer = answer.item()
        if not _unchanged(before, (tuple(native_args), native_options), adapter):
            raise ContractError(operation, "changes its input")
        return answer


def _to_native(value: Any, to_native: Callable[[np.ndarray[Any, Any]], Any]) -> Any:
    """An argument with every array converted to the framework; NumPy arrays are read-only."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return to_native(view)
    if isinstance(value, dict):
        return {k: _to_native(v, to_native) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_to_native(v, to_native) for v in value)
    return released(value)


def _unchanged(before: Any, native: Any, adapter: Adapter) -> bool:
    """Whether the arguments are as they were: what `_to_native` converted is converted back, all else compared."""
    if isinstance(before, np.ndarray):
        return same_bits(before, adapter.to_numpy(native))
    if isinstance(before, dict):
        same_keys = isinstance(native, dict) and before.keys() == native.keys()
        return same_keys and all(_unchanged(v, native[k], adapter) for k, v in before.items())
    if type(before) in (tuple, list):
        return len(before) == len(native) and all(
            _unchanged(b, n, adapter) for b, n in zip(before, native, strict=True)
        )
    return isinstance(before, Held) or same_bits(before, native)


def _to_numpy(value: Any, adapter: Adapter, held: Callable[[Any], Held] | None) -> Any:
    """An answer with every array converted to NumPy; if `held` is given, plain numbers stay and objects are held."""
    if isinstance(value, dict):
        return {k: _to_numpy(v, adapter, held) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(_to_numpy(v, adapter, held) for v in value)
    if held is not None and isinstance(value, (bool, int, float)):
        return value
    try:
        return adapter.to_numpy(value)
    except TypeError:
        if _needs_no_conversion(value):
            return value
        if held is None:
            raise
        return held(value)


def _needs_no_conversion(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes, Fraction, np.dtype, type, np.random.Generator))


def _copy(value: Any, copies: dict[Any, Any] | None = None) -> Any:
    """A deep copy, with arrays of the same memory layout; arrays that share memory share it in the copy.

    A product with its own transpose, of one memory, goes another way through BLAS and rounds otherwise than one of two
    equal arrays.
    """
    copies = {} if copies is None else copies
    if isinstance(value, np.ndarray):
        return copy_with_strides(value, copies)
    if isinstance(value, dict):
        return {k: _copy(v, copies) for k, v in value.items()}
    return type(value)(_copy(v, copies) for v in value) if type(value) in (tuple, list) else value


def copy_with_strides(x: np.ndarray[Any, Any], copies: dict[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """A copy with the same strides and alignment: the order of a sum, and so its rounding, may depend on them.

    Args:
        x: the array.
        copies: address and size → copy of the memory there, of what was copied before.
    """
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    contiguous = owner.flags.c_contiguous or owner.flags.f_contiguous
    if not x.size:
        return np.lib.stride_tricks.as_strided(np.empty(x.shape, x.dtype), x.shape, x.strides)
    if x.dtype.hasobject or owner.dtype.hasobject or not contiguous:
        return x.copy()
    copies, memory = {} if copies is None else copies, (owner.ctypes.data, owner.nbytes)
    if memory not in copies:
        copies[memory] = aligned_like(owner.ravel(order="K").view(np.uint8), owner.ctypes.data)
    return np.ndarray(x.shape, x.dtype, copies[memory], x.ctypes.data - owner.ctypes.data, x.strides)


def _is_plain(value: Any) -> bool:
    """Whether a value consists of numbers and strings only, so that it can be passed a second time unchanged."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (np.ndarray, np.generic, bool, int, float, str, bytes, np.dtype, type))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two values have the same dtypes and bits, the sign of zero included; any NaN equals any other."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same_bits(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return isinstance(b, (tuple, list)) and len(a) == len(b) and all(map(same_bits, a, b))
    if not isinstance(a, (np.ndarray, np.generic, int, float)):
        return a is b or type(a) is not type(b) or bool(a == b)
    x, y = np.asarray(a), np.asarray(b)
    if x.dtype.kind == "O" or x.shape != y.shape:
        return x.shape == y.shape and bool(np.all(x == y))
    return x.tobytes() == y.astype(x.dtype).tobytes() or bool(
        np.all((x == y) & ~_zeros_differ(x, y) | (x != x) & (y != y))
    )


def _zeros_differ(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Any:
    if x.dtype.kind not in "fV":
        return np.zeros(x.shape, bool)
    return np.signbit(x.astype(np.float64)) != np.signbit(y.astype(np.float64))
