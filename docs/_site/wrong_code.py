"""Runs in the child process: the text of a wrong implementation, and whether it stands for one operation alone."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import NamedTuple

from mathcore.verify.claims import Mutant
from mathcore.verify.run.catalogue import catalogue
from mathcore.verify.source import function_of, modules_of, source_of, text_of
from mathcore.verify.targets.signatures import public


class Code(NamedTuple):
    """The text without its types; the functions that it calls; whether any operation can suffer from the mistake."""

    text: str
    calls: str
    general: bool


def code_of(wrong: Mutant) -> Code | None:
    """Its text, if it is found."""
    text, function = text_of(wrong), function_of(wrong)
    if not text:
        return None
    sources = (source_of(f).replace(":\n\n", ":\n", 1) for f in _called(text, modules_of(wrong)))
    called = "\n\n\n".join(map(without_types, sources))
    return Code(without_types(text), called, function is not None and _operations()[function.__code__] > 1)


@cache
def _operations() -> Mapping[CodeType, int]:
    """How many operations a function stands in for, wrongly."""
    every = {(f.__code__, m.operation) for c in catalogue() for m in c.refuted_by if (f := function_of(m))}
    return Counter(code for code, _ in every)


def _called(text: str, modules: tuple[str, ...]) -> list[FunctionType | type]:
    """The functions and classes of ours that a text calls, and those that they call, but for the public ones."""
    found: dict[FunctionType | type, None] = {}
    waiting = [(name, modules) for name in names_not_defined(text)]
    while waiting:
        name, places = waiting.pop(0)
        given = (getattr(sys.modules[place], name, None) for place in places)
        function = next((g for g in given if isinstance(g, (FunctionType, type)) and _is_ours(g)), None)
        if function is None or function in found or name in public():
            continue
        found[function] = None
        waiting += [(inner, (function.__module__,)) for inner in names_not_defined(source_of(function))]
    return list(found)


def _is_ours(function: FunctionType | type) -> bool:
    """Whether it belongs to what is done, and not to how mutants are made."""
    return function.__module__.startswith("mathcore.") and function.__module__ not in _MAKERS


_MAKERS = ("mathcore.verify.claims", "mathcore.verify.common_mutants")


def names_not_defined(text: str) -> list[str]:
    """The names that a text uses and does not define, in their order; those of types are left out."""
    nodes = list(ast.walk(ast.parse(without_types(text))))
    own = {n.arg for n in nodes if isinstance(n, ast.arg)}
    own |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    used = (n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    return [name for name in dict.fromkeys(used) if name not in own and not hasattr(builtins, name)]


def without_types(text: str) -> str:
    """A text without the annotations of its arguments, results and variables: a reader needs none of them."""
    lines = [line.encode() for line in text.splitlines()]
    for start, end, of_argument in sorted(_annotations(text), reverse=True):
        head, tail = lines[start[0]][: start[1]], lines[end[0]][end[1] :]
        default = of_argument and tail.startswith(b" = ")
        lines[start[0] : end[0] + 1] = [head + (b"=" + tail[3:] if default else tail)]
    return b"\n".join(lines).decode()


def _annotations(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int], bool]]:
    """Where annotations begin and end, line and byte from 0, and whether they are those of an argument."""
    lines = [line.encode() for line in text.splitlines()]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg) and node.annotation:
            yield (node.lineno - 1, node.col_offset + len(node.arg.encode())), _end(node.annotation), True
        elif isinstance(node, ast.AnnAssign):
            yield ((node.target.end_lineno or 1) - 1, node.target.end_col_offset or 0), _end(node.annotation), False
        elif isinstance(node, ast.FunctionDef) and node.returns:
            line = node.returns.lineno - 1
            yield (line, lines[line].rindex(b" ->", 0, node.returns.col_offset)), _end(node.returns), False


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno - 1, node.end_col_offset
