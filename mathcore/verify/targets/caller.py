"""Adapt a claim's call to a target: match the signature, convert arrays, apply conventions, validate the result.

A claim calls operations with mathcore's signatures. The target's function may take fewer options, name its arguments
differently, belong to a framework and follow other conventions. Before a relation is evaluated, every answer is
checked for type, shape and dtype, and the input for changes. Some calls are repeated, to see that the answer is the
same.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, NotTriedError, TargetError
from mathcore.verify.targets.adapters import Adapter, UnsupportedDtypeError
from mathcore.verify.targets.answers import check_answer, has_subnormals, is_float, kind_of
from mathcore.verify.targets.conventions import translations
from mathcore.verify.targets.restrictions import Restrictions
from mathcore.verify.targets.signatures import (
    accepted_names,
    bind_arguments,
    defaults_of,
    fit_arguments,
    reference_signature,
)
from mathcore.verify.tolerances import subnormals

_MAX_REPEATED = 8  # failed calls that are repeated; and of an operation, only calls before the 8th are, at the end


@dataclass(frozen=True)
class Call:
    """A call of the target's function: its own arguments as NumPy arrays, and the answer converted to NumPy.

    Attributes:
        given: mathcore's arguments by name, as the claim passed them; None if mathcore has no such function.
        back: translates an answer from the target's conventions to mathcore's.
    """

    operation: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]
    answer: Any
    given: Mapping[str, Any] | None = None
    back: Callable[[Any], Any] | None = None


on_call: Callable[[str, tuple[Any, ...], Mapping[str, Any]], None] | None = None
"""A hook, called with the operation, its arguments and its options before each call, and with "" after it.

Worker processes set it to write a note of the current call, which tells the parent what they died of.
"""


class Caller:
    """Makes the calls of one check to one target.

    Attributes:
        made: the calls since `forget`, for a script that repeats them.
        pending: the call that has no answer yet, or is being repeated.
    """

    def __init__(self, target: Any, once: bool = False) -> None:
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
            return self._call(operation, function, args, options)
        if reason := self._unsupported(operation, given):
            raise NotTriedError(operation, reason)
        translated, steps = given, []
        for step in translations(operation, self._target.conventions, accepted_names(function)):
            steps.append((step, translated))
            translated = step.to_target(translated)
        fitted = fit_arguments(operation, function, translated, self._target.conventions)
        back = functools.partial(_translated_back, steps)
        answer = back(self._call(operation, function, *fitted, given=given, back=back))
        check_answer(operation, given, answer)
        return answer

    def call_directly(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Call the function with its own arguments: without conventions, and without a check of the answer's shape."""
        return self._call_once(operation, self._target.operations[operation], args, options)

    def check_repeatable(self, failed: tuple[Call, ...] = ()) -> None:
        """Repeat the calls that failed, and the first few of every operation, after all others.

        Raises:
            ContractError: if an answer differs.
        """
        if not self._repeats:
            return
        for call in failed[:_MAX_REPEATED]:
            if _is_plain((call.args, call.options)):
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
        self,
        operation: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        options: Mapping[str, Any],
        **asked: Any,
    ) -> Any:
        """Make a call. The 1st, 2nd, 4th, 8th … of an operation is repeated at once."""
        self.pending = Call(operation, args, options, None, **asked)
        answer = self._call_once(operation, function, args, options)
        call = replace(self.pending, answer=answer)
        self.made.append(call)
        count = self._counts[operation] = self._counts.get(operation, 0) + 1
        if self._repeats and count & (count - 1) == 0 and _is_plain((args, options, answer)):
            self.pending = call
            self._compare(call, "")
            if count < _MAX_REPEATED:
                self._early.append(replace(call, args=_copy(args), options=_copy(dict(options))))
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
        to_numpy = functools.partial(_to_numpy, adapter=adapter, stateful=operation in STATEFUL)
        try:
            native_args = [_to_native(v, adapter.to_native) for v in args]
            native_options = {k: _to_native(v, adapter.to_native) for k, v in options.items()}
        except UnsupportedDtypeError as missing:
            raise NotTriedError(operation, str(missing)) from missing
        before = _copy((args, dict(options)))
        if on_call is not None:
            on_call(operation, args, options)
        try:
            native_answer = function(*native_args, **native_options)
        except NotTriedError:
            raise
        except Exception as cause:
            if isinstance(cause, ValueError) and "read-only" in str(cause):
                raise ContractError(operation, "writes into its input") from cause
            raise TargetError(operation, cause) from cause
        finally:
            if on_call is not None:
                on_call("", (), {})
        try:
            answer = to_numpy(native_answer)
        except TypeError:
            if reference_signature(operation) is not None:
                expected = "an array" if adapter.name == "numpy" else f"an array of {adapter.name}"
                raise ContractError(operation, f"returned {kind_of(native_answer)}, expected {expected}") from None
            answer = native_answer  # an object, whose methods the claim calls
        after = (to_numpy(tuple(native_args)), to_numpy(native_options))
        if not same_bits(before, after):
            raise ContractError(operation, "changes its input")
        return answer


def _translated_back(steps: Sequence[tuple[Any, Mapping[str, Any]]], answer: Any) -> Any:
    """An answer in mathcore's conventions; as it is if its shape does not allow that, which `check_answer` reports."""
    with contextlib.suppress(IndexError, ValueError):
        for step, before in reversed(steps):
            answer = step.from_target(answer, before)
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
    return value


def map_arrays(value: Any, function: Callable[[Any], Any]) -> Any:
    """A value with a function applied to each of its arrays."""
    if isinstance(value, (tuple, list)):
        return type(value)(map_arrays(v, function) for v in value)
    return function(value) if isinstance(value, np.ndarray) else value


STATEFUL = ("multi_head_attention_step", "transformer_step")
"""Operations that take and return a state of any type, besides arrays."""


def _to_numpy(value: Any, adapter: Adapter, *, stateful: bool = False) -> Any:
    """An answer with every array converted to NumPy."""
    if isinstance(value, dict):
        return {k: _to_numpy(v, adapter, stateful=stateful) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(_to_numpy(v, adapter, stateful=stateful) for v in value)
    try:
        return adapter.to_numpy(value)
    except TypeError:
        if stateful or _needs_no_conversion(value):
            return value
        raise


def _needs_no_conversion(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes, Fraction, np.dtype, type, np.random.Generator))


def _copy(value: Any) -> Any:
    """A deep copy, with arrays of the same memory layout."""
    if isinstance(value, np.ndarray):
        return copy_with_strides(value)
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    return type(value)(_copy(v) for v in value) if type(value) in (tuple, list) else value


def copy_with_strides(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy with the same strides, because the order of a sum, and so its rounding, may depend on them."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if x.dtype.hasobject or owner.dtype.hasobject or not (owner.flags.c_contiguous or owner.flags.f_contiguous):
        return x.copy()
    memory = owner.ravel(order="K").copy()
    return np.ndarray(x.shape, x.dtype, memory, x.ctypes.data - owner.ctypes.data, x.strides)


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
