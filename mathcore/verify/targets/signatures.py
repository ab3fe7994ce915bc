"""Signatures of an operation in mathcore and in a target, and how arguments are passed from one to the other."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

import mathcore
from mathcore.verify.errors import NotTriedError
from mathcore.verify.targets.conventions import APPROXIMATE

_TORCH_NAMES = {"axis": "dim", "keepdims": "keepdim"}
_FREQUENCIES = "inv_freq"
"""The parameter of functions that take the frequencies of RoPE in place of their base."""


@functools.cache
def public() -> dict[str, Callable[..., Any]]:
    """Every public callable of mathcore, `mathcore.course` included."""
    found = {name: getattr(module, name) for module in (mathcore, mathcore.course) for name in module.__all__}
    return {name: value for name, value in found.items() if callable(value)}


@functools.lru_cache(maxsize=512)
def reference_signature(operation: str) -> inspect.Signature | None:
    """Mathcore's signature of an operation; None if mathcore has no such function."""
    function = public().get(operation)
    return inspect.signature(function) if inspect.isfunction(function) else None


@functools.lru_cache(maxsize=512)
def returns_object(operation: str) -> bool:
    """Whether mathcore's own answer is an object with methods, or holds one, or mathcore has no such function."""
    signature = reference_signature(operation)
    words = re.findall(r"\w+", "" if signature is None else str(signature.return_annotation))
    names = getattr(inspect.unwrap(public()[operation]), "__globals__", {}) if signature is not None else {}
    bounds = (getattr(names.get(word), "__bound__", None) for word in words)  # of type variables
    return signature is None or any(inspect.isclass(x) for x in (*map(public().get, words), *bounds))


def returns_arrays(operation: str) -> bool:
    """Whether mathcore's own answer is an array or holds one, or mathcore has no such function."""
    signature = reference_signature(operation)
    return signature is None or "Array" in str(signature.return_annotation)


def refused(operation: str, given: Mapping[str, Any]) -> bool:
    """Whether mathcore refuses these arguments: a claim passes wrong ones on purpose."""
    function = public()[operation]
    bound = inspect.signature(function).bind_partial()
    bound.arguments.update(given)
    try:
        function(*bound.args, **bound.kwargs)
    except (TypeError, ValueError, IndexError):
        return True
    return False


def positional(operation: str) -> set[str]:
    """The required parameters of an operation that are not keyword-only."""
    signature = reference_signature(operation)
    parameters = {} if signature is None else signature.parameters
    return {n for n, p in parameters.items() if p.default is p.empty and p.kind is not p.KEYWORD_ONLY}


def defaults_of(operation: str) -> dict[str, Any]:
    """The defaults of an operation's parameters in mathcore."""
    signature = reference_signature(operation)
    return {} if signature is None else {n: p.default for n, p in signature.parameters.items()}


def bind_arguments(operation: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of a call by mathcore's names, defaults included; None if mathcore has no such function."""
    signature = reference_signature(operation)
    if signature is None:
        return None
    bound = signature.bind(*args, **options)
    bound.apply_defaults()
    return dict(bound.arguments)


def left_out(
    operation: str, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]
) -> set[str]:
    """The options that a claim leaves out of a call, and that the target's function is called without as well.

    That is, unless its signature states another default than mathcore's: then the claim means mathcore's.
    """
    signature = reference_signature(operation)
    assert signature is not None
    given = signature.bind(*args, **options).arguments
    return {
        name for name in signature.parameters if name not in given and not has_own_default(operation, function, name)
    }


def has_own_default(operation: str, function: Callable[..., Any], option: str) -> bool:
    """Whether the signature of a target's function states another default of an option than mathcore's, or none."""
    try:
        stated = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    parameter = stated.get(option) or stated.get(_TORCH_NAMES.get(option, option))
    default = defaults_of(operation).get(option)
    return parameter is not None and not is_default(parameter.default, default)


def fit_arguments(
    operation: str,
    function: Callable[..., Any],
    given: Mapping[str, Any],
    conventions: Any,
    silent: Collection[str] = (),
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as `function` takes them: required ones by position, options by name.

    An option that it does not take, or that is `silent`, is left out if its value is the default.

    Raises:
        NotTriedError: for an option that it does not take, with another value.
    """
    defaults = defaults_of(operation)
    required = [name for name in given if name in positional(operation)]
    accepted = accepted_names(function)
    options = {}
    for name, value in given.items():
        if name in required:
            continue
        if name == "positions" and value is None and _requires(function, name):
            value = np.arange(given["x"].shape[-2])  # the meaning of None
        if name == "base" and accepted is not None and name not in accepted and _FREQUENCIES in accepted:
            options[_FREQUENCIES] = _frequencies(given, conventions)
            continue
        own = name if accepted is None or name in accepted or "**" in accepted else _TORCH_NAMES.get(name, "")
        passed = _scalar_as_array(operation, name, value)
        if accepted is None:  # without a signature, pass only values other than the default
            if not is_default(value, defaults.get(name)):
                options[name] = passed
        elif own and (own in accepted or ("**" in accepted and not is_default(value, defaults.get(name)))):
            if not (name in silent and is_default(value, defaults.get(name))):
                options[own] = passed
        elif not _implied_by_convention(operation, name, given, conventions) and (
            # What a target without the option does, its conventions say, whatever mathcore's default is.
            _is_conventional(operation, name) or not is_default(value, defaults.get(name))
        ):
            raise NotTriedError(operation, f"`{name}`")
    return tuple(_scalar_as_array(operation, name, given[name]) for name in required), options


def _is_conventional(operation: str, name: str) -> bool:
    return name in ("query_offset", "approximate") or (name == "base" and "rope" in operation)


def _frequencies(given: Mapping[str, Any], conventions: Any) -> Any:
    """base^(−2i/d), in float32 for a target whose angles are."""
    width = given.get("rotary_dim")
    width = given["x"].shape[-1] if width is None else width
    frequencies = np.asarray(given["base"], np.float64) ** (-2 * np.arange(width // 2) / max(width, 1))
    return frequencies.astype(np.float32) if conventions.rope_angles == "float32" else frequencies


def options(operation: str, function: Callable[..., Any], without: Collection[str]) -> tuple[set[str], set[str]]:
    """The names of an operation's options: those that `function` takes, and those that it lacks or are excluded."""
    signature, accepted = reference_signature(operation), accepted_names(function)
    names = set() if signature is None else {*signature.parameters} - positional(operation)
    if accepted is None or "**" in accepted:
        taken = names.difference(without)
    else:
        other_names = {**_TORCH_NAMES, "base": _FREQUENCIES}
        taken = {n for n in names.difference(without) if {n, other_names.get(n, n)} & accepted}
    return taken, names - taken


def _scalar_as_array(operation: str, name: str, value: Any) -> Any:
    """A scalar as an array without axes, where an array is expected: frameworks have no arrays of another kind."""
    signature = reference_signature(operation)
    if signature is None or not isinstance(value, (np.generic, int, float)):
        return value
    return np.asarray(value) if "ArrayLike" in str(signature.parameters[name].annotation) else value


def _requires(function: Callable[..., Any], name: str) -> bool:
    """Whether a function requires an argument of this name."""
    try:
        parameter = inspect.signature(function).parameters.get(name)
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.default is parameter.empty


def _implied_by_convention(operation: str, name: str, given: Mapping[str, Any], conventions: Any) -> bool:
    """Whether the target does by convention what the option asks for."""
    value = given[name]
    if name == "interleaved":
        own = conventions.code_layout if operation.startswith("sinusoidal") else conventions.rope_pairing
        return bool(value) == (own == "interleaved")
    if name == "base" and "rope" in operation:
        return bool(value == conventions.rope_base)
    if name == "approximate":
        return bool(value == APPROXIMATE[conventions.gelu])
    if name == "query_offset":
        if not given.get("is_causal") and given.get("window") is None:
            return True
        keys, queries = (_times(given[part], conventions) for part in ("key", "query"))
        last = keys - queries
        return bool(value == (0 if conventions.causal_alignment == "top-left" else last))
    if name == "axis" and isinstance(value, int):
        first = next(v for k, v in given.items() if isinstance(v, np.ndarray) and k != "cotangent")
        return value == first.ndim - 1 + (operation == "one_hot")  # the classes are one axis more
    if name == "rotary_dim":
        return bool(value == given["x"].shape[-1])
    return False


def _times(x: Any, conventions: Any) -> int:
    """How many queries or keys an array of attention holds, in the target's layout."""
    return int(x.shape[-3 if conventions.attention_layout == "time-first" and x.ndim > 2 else -2])


def is_default(value: Any, default: Any) -> bool:
    """Whether an argument equals the default."""
    if value is default or default is None or isinstance(value, (tuple, list, dict)):
        return value is default  # np.dtype("float64") equals None
    return np.ndim(value) == 0 and np.ndim(default) == 0 and bool(value == default)


def accepted_names(function: Callable[..., Any]) -> frozenset[str] | None:
    """The names of a function's parameters, "**" if it takes any; None if it has no signature (a ufunc)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and not any(p.kind is p.KEYWORD_ONLY for p in parameters):
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
        return frozenset({"**"}) if anything else frozenset()
    by_name = frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return by_name | ({"**"} if any(p.kind is p.VAR_KEYWORD for p in parameters) else frozenset())
