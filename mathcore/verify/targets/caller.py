"""Adapt a claim's call to a target: match the signature, convert arrays, apply conventions, validate the result.

A claim calls operations with mathcore's signatures. The target's function may take fewer options, name its arguments
differently, belong to a framework and follow other conventions. Before a relation is evaluated, every answer is
checked for type, shape and dtype, and the input for changes. Some calls are repeated, to see that the answer is the
same.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.errors import ContractError, ConversionError, NotTriedError, TargetError
from mathcore.verify.records import named_arguments, record_of
from mathcore.verify.targets.adapters import Adapter, UnsupportedDtypeError
from mathcore.verify.targets.answers import check_answer, has_subnormals, is_float, kind_of
from mathcore.verify.targets.exclusions import excluded, leading_axes
from mathcore.verify.targets.held import Held, hold, released
from mathcore.verify.targets.restrictions import Restrictions
from mathcore.verify.targets.signatures import (
    accepted_names,
    bind_arguments,
    defaults_of,
    fit_arguments,
    left_out,
    refused,
    returns_arrays,
    returns_object,
)
from mathcore.verify.targets.translations import translations
from mathcore.verify.targets.values import apart_from, deep_copy, is_plain, map_leaves, read_only, same_bits
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
            answer = self._call_own(operation, function, args, options)
            self.answered(operation, answer)
            return answer
        longer = leading_axes(operation, given, self._target.restrictions)
        if reason := self._unsupported(operation, longer.to_target(given) if longer else given):
            raise NotTriedError(operation, reason)
        translated, steps = given, []
        for step in [*([longer] if longer else []),
                     *translations(operation, self._target.conventions, accepted_names(function))]:  # fmt: skip
            before = translated
            try:
                translated = step.to_target(translated)
                steps.append((step, before))
            except Exception as cause:
                if refused(operation, given):
                    raise NotTriedError(operation, "bad arguments that its conventions have no form for") from cause
                raise ConversionError(operation, cause) from cause
        silent = left_out(operation, function, args, options)
        fitted = fit_arguments(operation, function, translated, self._target.conventions, silent)
        back = functools.partial(_translated_back, operation, given, steps)
        try:
            answer = back(self._call(operation, function, *fitted, given=given, back=back))
        except TargetError:
            if (reason := _may_be_lacking(given)) and not refused(operation, given):
                raise NotTriedError(operation, reason) from None
            raise
        check_answer(operation, given, answer)
        self.answered(operation, answer)
        return answer

    def _call_own(
        self, operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        """Call an operation that mathcore does not have; if it has a record, that says what answers look like."""
        given = named_arguments(operation, args, options)
        if given is None:
            return self._call(operation, function, args, options)
        if reason := self._unsupported(operation, given):
            raise NotTriedError(operation, reason)
        answer = self._call(operation, function, args, options)
        check_answer(operation, given, answer)
        return answer

    def call_directly(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Call the function with its own arguments: without conventions, and without a check of the answer's shape."""
        return self._call_once(operation, self._target.operations[operation], args, options)

    def call_method(self, name: str, method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call a method of an object that the target returned; `name` is that of the operation and the method."""
        if dtype := self._unsupported_dtype((*args, *options.values())):
            raise NotTriedError(name, dtype)
        accepted = accepted_names(method)
        if accepted is not None and "**" not in accepted:
            for option in (n for n, value in options.items() if value is not None and n not in accepted):
                raise NotTriedError(name, f"`{option}`")
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
            if is_plain((call.args, call.options, call.answer)):
                self._compare(call, "")
        for call in self._early:
            self._compare(call, "after other calls")

    def _unsupported(self, operation: str, given: Mapping[str, Any]) -> str:
        """Why the target does not support a call; "" if it does."""
        if dtype := self._unsupported_dtype(given.values()):
            return dtype
        if self._target.conventions.subnormals == "flushed":
            with subnormals("flushed"):
                if any(map(has_subnormals, given.values())):
                    return "subnormal numbers"
        restrictions: Restrictions = self._target.restrictions
        if reason := restrictions.refuses(given, defaults_of(operation)):
            return reason
        # Bad arguments are not excluded.
        with contextlib.suppress(AttributeError, IndexError, KeyError, TypeError, ValueError):
            if reason := excluded(operation, given, self._target.conventions, restrictions):
                return reason
        if restrictions.shapes is not None:
            seen = self._shapes.setdefault(operation, set())
            shape = tuple(v.shape for v in given.values() if isinstance(v, np.ndarray))
            if shape not in seen and len(seen) >= restrictions.shapes:
                return f"more than {restrictions.shapes} shapes"
            seen.add(shape)
        return ""

    def _unsupported_dtype(self, values: Iterable[Any]) -> str:
        """The first floating dtype among the arrays that the target does not accept; "" if it accepts all."""
        dtypes = (str(v.dtype.name) for v in values if isinstance(v, np.ndarray) and is_float(v))
        return next((dtype for dtype in dtypes if dtype not in self._target.dtypes), "")

    def _call(
        self,
        operation: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        options: Mapping[str, Any],
        **asked: Any,
    ) -> Any:
        """Make a call. The 1st, 2nd, 4th, 8th … of an operation is repeated at once."""
        asking = self.pending = Call(operation, args, options, None, **asked)
        answer = self._call_once(operation, function, args, options)
        call = replace(asking, answer=answer)  # meanwhile others may have been asked: arguments may be functions
        self.made.append(call)
        count = self._counts[operation] = self._counts.get(operation, 0) + 1
        # `out` may be an input as well, and what depends on no argument depends on something else.
        again = self._repeats and options.get("out") is None and (args or options)
        if again and count & (count - 1) == 0 and is_plain((args, options, answer)):
            self.pending = call
            self._compare(call, "")
            if count < _MAX_REPEATED:
                args, options = deep_copy((args, dict(options)))
                self._early.append(replace(call, args=args, options=options))
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
        out = options.get("out")
        if out is not None and adapter.name != "numpy":  # others receive copies of arrays
            raise NotTriedError(operation, "`out`")
        if isinstance(options.get("dtype"), np.dtype) and adapter.name not in ("numpy", "jax"):  # theirs are others
            raise NotTriedError(operation, "`dtype`")
        try:
            native_args = [_to_native(v, adapter.to_native) for v in args]
            native_options = {k: v if v is out else _to_native(v, adapter.to_native) for k, v in options.items()}
        except UnsupportedDtypeError as missing:
            raise NotTriedError(operation, str(missing)) from missing
        except Exception as cause:
            raise ConversionError(operation, cause) from cause
        before = deep_copy(apart_from(out, (args, dict(options))))
        if on_call is not None:
            on_call(operation, args, options)
        try:
            native_answer = function(*native_args, **native_options)
        except NotTriedError:
            raise
        except NotImplementedError as missing:
            raise NotTriedError(operation, f"not implemented: {_first_line(missing)}") from missing
        except Exception as cause:
            # An `out` that the claim made read-only is refused, and rightly so.
            if out is None and isinstance(cause, ValueError) and "read-only" in str(cause):
                raise ContractError(operation, "writes into its input") from cause
            raise TargetError(operation, cause) from cause
        finally:
            if on_call is not None:
                on_call("", (), {})
        is_object = returns_object(operation) and record_of(operation) is None
        held = functools.partial(hold, operation.partition(".")[0], calling=self.call_method) if is_object else None
        try:
            answer = _to_numpy(native_answer, adapter, held, numbers=not returns_arrays(operation))
        except TypeError:
            expected = "an array" if adapter.name == "numpy" else f"an array of {adapter.name}"
            raise ContractError(operation, f"returned {kind_of(native_answer)}, expected {expected}") from None
        except Exception as cause:
            raise ConversionError(operation, cause) from cause
        if not _unchanged(before, apart_from(out, (tuple(native_args), native_options)), adapter):
            raise ContractError(operation, "changes its input")
        return answer


def _may_be_lacking(given: Mapping[str, Any]) -> str:
    """What a function that raises may not support, though it has all the parameters; "" if nothing is known."""
    if isinstance(given.get("axis"), tuple):
        return "several axes at once"
    targets = given.get("targets")
    return "probabilities as targets" if isinstance(targets, np.ndarray) and is_float(targets) else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]


def _translated_back(
    operation: str, given: Mapping[str, Any], steps: Sequence[tuple[Any, Mapping[str, Any]]], answer: Any
) -> Any:
    """An answer in mathcore's conventions."""
    try:
        for step, before in reversed(steps):
            answer = step.from_target(answer, before)
    except Exception as cause:
        check_answer(operation, given, answer)  # a wrong form of the answer, if that is the reason
        if not refused(operation, given):
            raise ConversionError(operation, cause) from cause
    return answer


def _to_native(value: Any, to_native: Callable[[np.ndarray[Any, Any]], Any]) -> Any:
    """An argument with every array converted to the framework; NumPy arrays are read-only."""
    return map_leaves(value, lambda v: to_native(read_only(v)) if isinstance(v, np.ndarray) else released(v))


def _unchanged(before: Any, native: Any, adapter: Adapter) -> bool:
    """Whether the arguments are as they were: what `_to_native` converted is converted back, all else compared."""
    if isinstance(before, np.ndarray):  # a framework may have integers of another size
        return same_bits(before, adapter.to_numpy(native).astype(before.dtype))
    if isinstance(before, dict):
        same_keys = isinstance(native, dict) and before.keys() == native.keys()
        return same_keys and all(_unchanged(v, native[k], adapter) for k, v in before.items())
    if type(before) in (tuple, list):
        return len(before) == len(native) and all(
            _unchanged(b, n, adapter) for b, n in zip(before, native, strict=True)
        )
    return isinstance(before, Held) or same_bits(before, native)


def _to_numpy(value: Any, adapter: Adapter, held: Callable[[Any], Held] | None, numbers: bool) -> Any:
    """An answer with every array converted to NumPy; if `held` is given, plain numbers stay and objects are held.

    Where mathcore's own answer is made of `numbers`, an array without axes becomes one: it has a dtype, which would
    change that of what a claim computes from it.
    """
    if isinstance(value, dict):
        return {k: _to_numpy(v, adapter, held, numbers) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(_to_numpy(v, adapter, held, numbers) for v in value)
    if isinstance(value, (bool, int, float)) and (numbers or held is not None):
        return value.item() if numbers and isinstance(value, np.generic) else value
    try:
        converted = adapter.to_numpy(value)
    except TypeError:
        if _needs_no_conversion(value):
            return value
        if held is None:
            raise
        return held(value)
    return np.asarray(converted).item() if numbers and not np.ndim(converted) else converted


def _needs_no_conversion(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes, Fraction, np.dtype, type, np.random.Generator))
