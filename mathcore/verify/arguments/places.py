"""The places of a call where an argument can be put: its parameters, and one value of each mapping."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import mathcore
from mathcore.verify.arguments.calls import Call
from mathcore.verify.arguments.kinds import class_of

_ARGS = re.compile(r"^(?:Args|Attributes):\n((?:(?:    .*)?\n?)*)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w[\w, *]*): (.*(?:\n      +.*)*)", re.MULTILINE)
_SEE = re.compile(r"as (?:given to|for)\s+`(\w+)`")
_ROLES = {"int": "integer", "float": "float", "bool": "bool", "str": "text", "Reduction": "choice"}
_CLASSES = {"mask": "bools", "where": "bools", "positions": "integers", "key_documents": "integers"}
"""Of arrays that no example gives."""


@dataclass(frozen=True)
class Place:
    """A place for an argument.

    Attributes:
        name: of the parameter; with its key, of a value in a mapping.
        parameter: its name alone.
        role: "array", "integer", "float", "bool", "text", "choice", "mapping" or "other".
        base: what the call that works has there.
        optional: whether None stands for a default.
        classes: of an array's dtype: "floats", "integers", "bools".
        said: what the docstring says of it.
        put: (arguments, a value) → the arguments that change.
    """

    name: str
    parameter: str
    role: str
    base: Any
    optional: bool
    classes: frozenset[str]
    said: str
    put: Callable[[dict[str, Any], Any], dict[str, Any]]


def places(call: Call) -> Iterator[Place]:
    """All places of a call."""
    said = described(call.doc)
    for name, base in call.arguments.items():
        annotation = call.annotations[name]
        optional, role = "None" in annotation, _role(annotation)
        if role == "array" and base is None:
            base = _made(call, name)
        text = said.get(name, "")
        classes = _classes(base, text) if role == "array" else frozenset()
        yield Place(name, name, role, base, optional, classes, text, _put(name))
        if role == "mapping" and base and _is_array(value := next(iter(base.values()))):
            key = next(iter(base))

            def put(given: dict[str, Any], value: Any, name: str = name, key: str = key) -> dict[str, Any]:
                return {name: {**given[name], key: value}}

            yield Place(f"{name}[{key!r}]", name, "array", value, False, _classes(value, ""), "", put)


def _put(name: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    return lambda _, value: {name: value}


def described(doc: str) -> dict[str, str]:
    """Parameter → what its docstring says of it."""
    body, found = "".join(_ARGS.findall(doc)), dict[str, str]()
    for names, text in _ENTRY.findall(body):
        other = _SEE.search(text)
        elsewhere = described(inspect.getdoc(_named(other[1])) or "") if other else {}
        found |= {name.strip(): elsewhere.get(name.strip(), text) for name in names.split(",")}
    return found


def _named(name: str) -> Any:
    return getattr(mathcore, name, None) or getattr(mathcore.course, name, None)


def _role(annotation: str) -> str:
    if "Mapping" in annotation or annotation in ("Params", "Arrays"):
        return "mapping"
    if "ArrayLike" in annotation or annotation.startswith("Array ") or annotation == "Array":
        return "array"
    return _ROLES.get(annotation.removesuffix(" | None"), "other")


def _made(call: Call, name: str) -> Any:
    """An argument for a place that the example leaves out: an answer to write to, or one number for all."""
    if name == "out":
        return np.empty_like(call.answer(dict(call.arguments)))
    return np.array({"bools": True, "integers": 0}.get(_CLASSES.get(name, ""), 0.0))


def _classes(base: Any, said: str) -> frozenset[str]:
    own = class_of(np.asarray(base).dtype) or "floats"
    return frozenset({own, *(("floats", "integers") if "numbers" in said or "integers or floats" in said else ())})


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list))
