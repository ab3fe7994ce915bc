"""How a claim's call reaches somebody else's function, and how its answer is received.

The call is written in mathcore's signature; the function may take fewer options, call its first arguments differently,
live in a framework and follow conventions of its own. Its answer is looked at before any number in it is: the type,
the shape, the dtype; that the input is unchanged; now and then, that asking again gives the same answer.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mathcore.verify.adapters import Adapter, NotCarriedError
from mathcore.verify.conventions import in_its_own_way
from mathcore.verify.errors import FaultError, NotTriedError, TargetError
from mathcore.verify.restrictions import Restrictions
from mathcore.verify.tolerances import flushed, subnormals

_MOST_REPEATED = 8
_TORCH_WORDS = {"axis": "dim", "keepdims": "keepdim"}


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
            FaultError: if it misbehaved otherwise.
        """
        function = self._target.operations[operation]
        try:
            given = named(operation, args, options)
        except TypeError as cause:
            raise TargetError(operation, cause) from cause
        if given is None:  # an operation that mathcore does not have: the claim and the target agree on the signature
            return self._made(operation, function, args, options)
        if reason := self._refused(operation, given):
            raise NotTriedError(operation, reason)
        asked, ways = given, []
        for way in in_its_own_way(operation, self._target.conventions, accepts(function)):
            ways.append((way, asked))
            asked = way.ask(asked)
        answer = self._made(operation, function, *fitted(operation, function, asked, self._target.conventions))
        try:
            for way, before in reversed(ways):
                answer = way.read(answer, before)
        except (IndexError, ValueError):  # of another shape than it should be, which is said next
            pass
        _check_answer(operation, given, answer)
        return answer

    def plainly(self, operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The answer to the function's own arguments, with no convention undone and no shape expected."""
        return self._once(operation, self._target.operations[operation], args, options)

    def asked_again(self, failed: tuple[Call, ...] = ()) -> None:
        """Repeat the calls that failed, and a few of the first of every operation, after all the others.

        Raises:
            FaultError: if the answer is another one.
        """
        if not self._twice:
            return
        for call in failed[:_MOST_REPEATED]:
            if _is_plain((call.args, call.options)):
                self._compare(call, "")
        for call in self._early:
            self._compare(call, "after other calls")

    def _refused(self, operation: str, given: Mapping[str, Any]) -> str:
        for value in given.values():
            if isinstance(value, np.ndarray) and _is_float(value) and value.dtype.name not in self._target.dtypes:
                return str(value.dtype.name)
        if self._target.conventions.subnormals == "flushed":
            with subnormals("flushed"):
                if any(map(_has_subnormals, given.values())):
                    return "subnormal numbers"
        restrictions: Restrictions = self._target.restrictions
        if reason := restrictions.refuses(given, _defaults(operation)):
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
            if count < _MOST_REPEATED:
                self._early.append(Call(operation, _copied(args), _copied(dict(options)), answer))
        self.pending = None
        return answer

    def _compare(self, call: Call, when: str) -> None:
        again = self._once(call.operation, self._target.operations[call.operation], call.args, call.options)
        if not same_bits(call.answer, again):
            words = f"answers differently the second time{' (' * bool(when)}{when}{')' * bool(when)}"
            raise FaultError(call.operation, words, call.args, call.options, call.answer)

    def _once(
        self, operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        adapter: Adapter = self._target.adapter
        read = functools.partial(_read_back, adapter=adapter, handing_on=operation in HANDING_ON)
        try:
            going = [_converted(v, adapter.to_native) for v in args]
            named_going = {k: _converted(v, adapter.to_native) for k, v in options.items()}
        except NotCarriedError as missing:
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
                raise FaultError(operation, "writes into its input") from cause
            raise TargetError(operation, cause) from cause
        finally:
            if watch is not None:
                watch("", {})
        try:
            answer = read(came)
        except TypeError:
            if reference_signature(operation) is not None:
                raise FaultError(operation, f"returned {_a(came)}, expected {_a_kind(adapter)}") from None
            answer = came  # an object, whose methods the claim calls
        after = (read(tuple(going)), read(named_going))
        if not same_bits(before, after):
            raise FaultError(operation, "changes its input")
        return answer


def _a(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _a_kind(adapter: Adapter) -> str:
    return "an array" if adapter.name == "numpy" else f"an array of {adapter.name}"


@functools.lru_cache(maxsize=512)
def reference_signature(operation: str) -> inspect.Signature | None:
    """Mathcore's signature of the operation; None if mathcore has no such function."""
    import mathcore

    function = getattr(mathcore, operation, None) if operation in mathcore.__all__ else None
    return inspect.signature(function) if inspect.isfunction(function) else None


def _by_place(operation: str) -> set[str]:
    """What has no default, and is no keyword."""
    signature = reference_signature(operation)
    parameters = {} if signature is None else signature.parameters
    return {n for n, p in parameters.items() if p.default is p.empty and p.kind is not p.KEYWORD_ONLY}


def _defaults(operation: str) -> dict[str, Any]:
    signature = reference_signature(operation)
    return {} if signature is None else {n: p.default for n, p in signature.parameters.items()}


def named(operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of a call under mathcore's names, those with defaults included; None if mathcore lacks it."""
    signature = reference_signature(operation)
    if signature is None:
        return None
    bound = signature.bind(*args, **options)
    bound.apply_defaults()
    return dict(bound.arguments)


def fitted(
    operation: str, function: Callable[..., Any], given: Mapping[str, Any], conventions: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as `function` takes them: what has no default by place, everything else by name.

    An option that it does not take is left out if its value is the default, and means that the call is not supported
    otherwise.
    """
    defaults = _defaults(operation)
    required = [name for name in given if name in _by_place(operation)]
    accepted = accepts(function)
    options = {}
    for name, value in given.items():
        if name in required:
            continue
        if name == "positions" and value is None and _demands(function, name):
            value = np.arange(given["x"].shape[-2])  # what leaving them out means
        own = name if accepted is None or name in accepted or "**" in accepted else _TORCH_WORDS.get(name, "")
        if accepted is None:  # a function without a signature is told what is not the default
            if not is_default(value, defaults.get(name)):
                options[name] = value
        elif own and (own in accepted or ("**" in accepted and not is_default(value, defaults.get(name)))):
            options[own] = value
        elif not _goes_without_saying(operation, name, given, conventions) and (
            name == "query_offset" or not is_default(value, defaults.get(name))  # no target has an offset of its own
        ):
            raise NotTriedError(operation, f"`{name}`")
    places = [_as_an_array(operation, name, given[name]) for name in required]
    # A parameter that is optional in mathcore may be demanded by place: lambda q, k, v, mask: …
    return tuple(places), options


def options(operation: str, function: Callable[..., Any], without: Collection[str]) -> tuple[set[str], set[str]]:
    """The names of an operation's options: those that `function` takes, and those that it does not or must not."""
    signature, accepted = reference_signature(operation), accepts(function)
    names = set() if signature is None else {*signature.parameters} - _by_place(operation)
    if accepted is None or "**" in accepted:
        taken = names.difference(without)
    else:
        taken = {n for n in names.difference(without) if {n, _TORCH_WORDS.get(n, n)} & accepted}
    return taken, names - taken


def _as_an_array(operation: str, name: str, value: Any) -> Any:
    """NumPy's answer to a single number is a scalar, which no other framework knows for an array of no axes."""
    signature = reference_signature(operation)
    if signature is None or not isinstance(value, np.generic):
        return value
    return np.asarray(value) if "ArrayLike" in str(signature.parameters[name].annotation) else value


def _demands(function: Callable[..., Any], name: str) -> bool:
    """Whether a function cannot be called without an argument of this name."""
    try:
        parameter = inspect.signature(function).parameters.get(name)
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.default is parameter.empty


def _goes_without_saying(operation: str, name: str, given: Mapping[str, Any], conventions: Any) -> bool:
    """Whether a target does by convention what the option asks for."""
    value = given[name]
    if name == "interleaved":
        own = conventions.code_layout if operation.startswith("sinusoidal") else conventions.rope_pairing
        return bool(value) == (own == "interleaved")
    if name == "query_offset":
        if not given.get("is_causal"):
            return True
        last = given["key"].shape[-2] - given["query"].shape[-2]
        return bool(value == (0 if conventions.causal_alignment == "top-left" else last))
    if name == "axis" and isinstance(value, int):
        first = next(v for k, v in given.items() if isinstance(v, np.ndarray) and k != "cotangent")
        return value == first.ndim - 1
    if name == "rotary_dim":
        return bool(value == given["x"].shape[-1])
    return False


def is_default(value: Any, default: Any) -> bool:
    """Whether an argument is what leaving it out means."""
    if value is default or isinstance(value, (tuple, list, dict)):
        return value is default
    return np.ndim(value) == 0 and np.ndim(default) == 0 and bool(value == default)


def accepts(function: Callable[..., Any]) -> frozenset[str] | None:
    """The names of the arguments that a function takes, "**" if any; None if that is not known (a ufunc)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and not any(p.kind is p.KEYWORD_ONLY for p in parameters):
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
        return frozenset({"**"}) if anything else frozenset()
    by_name = frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return by_name | ({"**"} if any(p.kind is p.VAR_KEYWORD for p in parameters) else frozenset())


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


HANDING_ON = ("multi_head_attention_step", "transformer_step")
"""Operations that take and return, beside arrays, whatever the target keeps from one step to the next."""


def _read_back(value: Any, adapter: Adapter, *, handing_on: bool = False) -> Any:
    """Every array of an answer in NumPy's form."""
    if isinstance(value, dict):
        return {k: _read_back(v, adapter, handing_on=handing_on) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(_read_back(v, adapter, handing_on=handing_on) for v in value)
    try:
        return adapter.to_numpy(value)
    except TypeError:
        if handing_on or _is_no_array(value):
            return value
        raise


def _is_no_array(value: Any) -> bool:
    return value is None or isinstance(value, (str, bytes, Fraction, np.dtype, type, np.random.Generator))


def _copied(value: Any) -> Any:
    """A value that no later call can change, with arrays that lie in memory as they did."""
    if isinstance(value, np.ndarray):
        return copied_as_it_lies(value)
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    return type(value)(_copied(v) for v in value) if type(value) in (tuple, list) else value


def copied_as_it_lies(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
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


# What answers look like, by operation: shape and dtype from mathcore's arguments.

Expected = tuple[tuple[int, ...], Any]
_LIKE_X = ("softmax", "log_softmax", "temperature_softmax", "relu", "rope", "apply_rope")
_NO_AXIS = ("logsumexp", "argmax")


def _expected(operation: str, given: Mapping[str, Any]) -> Expected | None:
    name = operation.removesuffix("_vjp")
    if operation.endswith("_vjp"):
        if name in (*_LIKE_X, "logsumexp") and name != "apply_rope":
            return given["x"].shape, given["x"].dtype
        return (given["logits"].shape, given["logits"].dtype) if name == "cross_entropy" else None
    if name in _LIKE_X:
        return given["x"].shape, given["x"].dtype
    if name in _NO_AXIS:
        x, axis = given["x"], given["axis"] % given["x"].ndim
        kept = (1,) if given.get("keepdims") else ()
        shape = x.shape[:axis] + kept + x.shape[axis + 1 :]
        return shape, None if name == "argmax" else x.dtype
    if name == "cross_entropy":
        x, axis = given["logits"], given["axis"] % given["logits"].ndim
        return (x.shape[:axis] + x.shape[axis + 1 :] if given["reduction"] == "none" else ()), x.dtype
    if name == "linear":
        x, weight = given["x"], given["weight"]
        return (*x.shape[:-1], weight.shape[-1]), np.result_type(x, weight)
    if name == "embedding":
        return (*np.shape(given["ids"]), *given["weight"].shape[1:]), given["weight"].dtype
    if name == "scaled_dot_product_attention" and not given["return_lse"]:
        q, v = given["query"], given["value"]
        return (*q.shape[:-1], v.shape[-1]), np.result_type(q, given["key"], v)
    return None


def _check_answer(operation: str, given: Mapping[str, Any], answer: Any) -> None:
    """Type, shape and dtype of an answer, where the arguments are such that they are known.

    Raises:
        FaultError: if they are others.
    """
    floats = [v for v in given.values() if isinstance(v, np.ndarray) and _is_float(v)]
    if not floats:
        return
    try:
        expected = _expected(operation, given)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        return  # the arguments are wrong on purpose, and the claim is about that
    if expected is None:
        return
    shape, dtype = expected
    if not isinstance(answer, (np.ndarray, np.generic)):
        raise FaultError(operation, f"returned {_a(answer)}, expected an array")
    if answer.shape != shape:
        raise FaultError(operation, f"returned the shape {answer.shape}, expected {shape}")
    if dtype is None and answer.dtype.kind not in "iu":
        raise FaultError(operation, f"returned {answer.dtype}, expected integers")
    if dtype is not None and answer.dtype != dtype:
        raise FaultError(operation, f"returned {answer.dtype}, expected {dtype}")


def _has_subnormals(value: Any) -> bool:
    return isinstance(value, np.ndarray) and not np.array_equal(flushed(value), value, equal_nan=_is_float(value))


def _is_float(x: np.ndarray[Any, Any]) -> bool:
    return x.dtype.kind == "f" or x.dtype.name == "bfloat16"
