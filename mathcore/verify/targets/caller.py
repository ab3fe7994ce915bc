"""How a claim's call reaches somebody else's function, and how its answer is received.

The call is written in mathcore's signature; the function may take fewer options, call its first arguments differently,
live in a framework and follow conventions of its own. Its answer is looked at before any number in it is: the type,
the shape, the dtype; that the input is unchanged; now and then, that asking again gives the same answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

_MAX_REPEATED = 8


@dataclass(frozen=True)
class Call:
    """One call as it was made: the function's own arguments as NumPy arrays, and the answer read back."""

    operation: str
    args: tuple[Any, ...]
    options: Mapping[str, Any]
    answer: Any


watch: Callable[[str, Mapping[str, Any]], None] | None = None
"""Told of every call before it is made and, with an empty name, after; set where the process may not survive one."""


class Caller:
    """Makes the calls of one check to one target.

    Attributes:
        made: the calls since `forget`, for a script that repeats them.
        pending: the call that has no answer yet, or is being asked again.
    """

    def __init__(self, target: Any, once: bool = False) -> None:
        self._target, self._twice = target, not once and target.conventions.repeatable
        self._counts: dict[str, int] = {}
        self._early: list[Call] = []
        self._shapes: dict[str, set[Any]] = {}
        self.made: list[Call] = []
        self.pending: Call | None = None

    def forget(self) -> None:
        """A new example begins."""
        self.made.clear()

    def __call__(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Call the operation as a claim asks for it.

        Raises:
            NotTriedError: if the target does not support the call.
            TargetError: if the function raised.
            ContractError: if it misbehaved otherwise.
        """
        function = self._target.operations[operation]
        try:
            given = bind_arguments(operation, args, options)
        except TypeError as cause:
            raise TargetError(operation, cause) from cause
        if given is None:  # an operation that mathcore does not have: the claim and the target agree on the signature
            return self._made(operation, function, args, options)
        if reason := self._refused(operation, given):
            raise NotTriedError(operation, reason)
        asked, ways = given, []
        for way in translations(operation, self._target.conventions, accepted_names(function)):
            ways.append((way, asked))
            asked = way.ask(asked)
        answer = self._made(operation, function, *fit_arguments(operation, function, asked, self._target.conventions))
        try:
            for way, before in reversed(ways):
                answer = way.read(answer, before)
        except (IndexError, ValueError):  # of another shape than it should be, which is said next
            pass
        check_answer(operation, given, answer)
        return answer

    def call_directly(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The answer to the function's own arguments, with no convention undone and no shape expected."""
        return self._once(operation, self._target.operations[operation], args, options)

    def check_repeatable(self, failed: tuple[Call, ...] = ()) -> None:
        """Repeat the calls that failed, and a few of the first of every operation, after all the others.

        Raises:
            ContractError: if the answer is another one.
        """
        if not self._twice:
            return
        for call in failed[:_MAX_REPEATED]:
            if _is_plain((call.args, call.options)):
                self._compare(call, "")
        for call in self._early:
            self._compare(call, "after other calls")

    def _refused(self, operation: str, given: Mapping[str, Any]) -> str:
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

    def _made(
        self, operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        """Make the call, now and then twice."""
        self.pending = Call(operation, args, options, None)
        answer = self._once(operation, function, args, options)
        call = Call(operation, args, options, answer)
        self.made.append(call)
        count = self._counts[operation] = self._counts.get(operation, 0) + 1
        if self._twice and count & (count - 1) == 0 and _is_plain((args, options, answer)):
            self.pending = call
            self._compare(call, "")
            if count < _MAX_REPEATED:
                self._early.append(Call(operation, _copied(args), _copied(dict(options)), answer))
        self.pending = None
        return answer

    def _compare(self, call: Call, when: str) -> None:
        again = self._once(call.operation, self._target.operations[call.operation], call.args, call.options)
        if not same_bits(call.answer, again):
            words = f"answers differently the second time{' (' * bool(when)}{when}{')' * bool(when)}"
            raise ContractError(call.operation, words, call.args, call.options, call.answer)

    def _once(
        self, operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        adapter: Adapter = self._target.adapter
        read = functools.partial(_read_back, adapter=adapter, stateful=operation in STATEFUL)
        try:
            going = [_converted(v, adapter.to_native) for v in args]
            named_going = {k: _converted(v, adapter.to_native) for k, v in options.items()}
        except UnsupportedDtypeError as missing:
            raise NotTriedError(operation, str(missing)) from missing
        before = _copied((args, dict(options)))
        if watch is not None:
            watch(operation, {**{str(i): v for i, v in enumerate(args)}, **options})
        try:
            came = function(*going, **named_going)
        except (NotTriedError, MemoryError):
            raise
        except Exception as cause:
            if isinstance(cause, ValueError) and "read-only" in str(cause):
                raise ContractError(operation, "writes into its input") from cause
            raise TargetError(operation, cause) from cause
        finally:
            if watch is not None:
                watch("", {})
        try:
            answer = read(came)
        except TypeError:
            if reference_signature(operation) is not None:
                raise ContractError(operation, f"returned {kind_of(came)}, expected {_a_kind(adapter)}") from None
            answer = came  # an object, whose methods the claim calls
        after = (read(tuple(going)), read(named_going))
        if not same_bits(before, after):
            raise ContractError(operation, "changes its input")
        return answer


def _a_kind(adapter: Adapter) -> str:
    return "an array" if adapter.name == "numpy" else f"an array of {adapter.name}"


def _converted(value: Any, to_native: Callable[[np.ndarray[Any, Any]], Any]) -> Any:
    """Every array of an argument in the framework's form, read-only where NumPy is the framework."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return to_native(view)
    if isinstance(value, dict):
        return {k: _converted(v, to_native) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_converted(v, to_native) for v in value)
    return value


STATEFUL = ("multi_head_attention_step", "transformer_step")
"""Operations that take and return, beside arrays, whatever the target keeps from one step to the next."""


def _read_back(value: Any, adapter: Adapter, *, stateful: bool = False) -> Any:
    """Every array of an answer in NumPy's form."""
    if isinstance(value, dict):
        return {k: _read_back(v, adapter, stateful=stateful) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(_read_back(v, adapter, stateful=stateful) for v in value)
    try:
        return adapter.to_numpy(value)
    except TypeError:
        if stateful or _may_be_returned(value):
            return value
        raise


def _may_be_returned(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes, Fraction, np.dtype, type, np.random.Generator))


def _copied(value: Any) -> Any:
    """A value that no later call can change, with arrays that lie in memory as they did."""
    if isinstance(value, np.ndarray):
        return copy_with_strides(value)
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    return type(value)(_copied(v) for v in value) if type(value) in (tuple, list) else value


def copy_with_strides(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy with the same strides: the order of a sum, and so its rounding, may depend on them."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if x.dtype.hasobject or owner.dtype.hasobject or not (owner.flags.c_contiguous or owner.flags.f_contiguous):
        return x.copy()
    memory = owner.ravel(order="K").view(np.uint8).copy()
    return np.ndarray(x.shape, x.dtype, memory, x.ctypes.data - owner.ctypes.data, x.strides)


def _is_plain(value: Any) -> bool:
    """Whether a value is numbers and texts through and through, so that passing it twice is the same question."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (np.ndarray, np.generic, bool, int, float, str, bytes, np.dtype, type))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two values are the same numbers in the same formats, the sign of zero included; NaN is NaN."""
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
