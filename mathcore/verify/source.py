"""The text of a wrong implementation, as it is written."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType

from mathcore.verify.claims import Mutant


def text_of(wrong: Mutant) -> str:
    """Its function; or the call that made it, with the functions that were given to the call; "" if neither is found.

    A mutant has a function of its own under its name, which decorators may have wrapped, or was made by a call that
    has its name as the first argument.
    """
    function = function_of(wrong)
    if function is not None:
        return source_of(function).replace(":\n\n", ":\n", 1)
    calls = (_calls(f.__module__).get(wrong.name, "") for f in _closed_over(wrong.build))
    return next(filter(None, calls), "")


def function_of(wrong: Mutant) -> FunctionType | None:
    """The function that has the mutant's name; None if it was made by a call."""
    names = (wrong.name, wrong.name.removesuffix("_vjp"))
    return next((f for f in _closed_over(wrong.build) if f.__code__.co_name in names), None)


def modules_of(wrong: Mutant) -> tuple[str, ...]:
    """The modules of the functions that it was made from: where names in its text are looked up."""
    return tuple(dict.fromkeys(f.__module__ for f in _closed_over(wrong.build)))


def source_of(function: Callable[..., object]) -> str:
    """The text of a function or class, without its decorators and docstring."""
    text = textwrap.dedent(inspect.getsource(function))
    node, lines = ast.parse(text).body[0], text.splitlines()
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or ast.get_docstring(node) is None:
        return "\n".join(lines[node.lineno - 1 :]).rstrip()
    doc = node.body[0]
    assert doc.end_lineno is not None
    return "\n".join([*lines[node.lineno - 1 : doc.lineno - 1], *lines[doc.end_lineno :]]).rstrip()


def _closed_over(function: Callable[..., object]) -> Iterator[FunctionType]:
    """The function and those that it was made from."""
    assert isinstance(function, FunctionType)
    yield function
    for cell in function.__closure__ or ():
        if isinstance(cell.cell_contents, FunctionType):
            yield from _closed_over(cell.cell_contents)


@cache
def _calls(module: str) -> Mapping[str, str]:
    """Name → the call of a module that makes the mutant of that name, after the functions that are its arguments."""
    text = inspect.getsource(sys.modules[module])
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            given = [*node.args, *(k.value for k in node.keywords)]
            parts = [functions[a.id] for a in given if isinstance(a, ast.Name) and a.id in functions]
            found[str(node.args[0].value)] = "\n\n\n".join([*(_text(part, text) for part in parts), _text(node, text)])
    return found


def _text(node: ast.FunctionDef | ast.Call, source: str) -> str:
    """As written, but for the indentation and the docstring."""
    line = source.splitlines()[node.lineno - 1]
    indentation = line[: len(line) - len(line.lstrip())]
    text = textwrap.dedent(indentation + (ast.get_source_segment(source, node) or ""))
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or ast.get_docstring(node) is None:
        return text
    doc, lines = node.body[0], text.splitlines()
    assert doc.end_lineno is not None
    return "\n".join([*lines[: doc.lineno - node.lineno], *lines[doc.end_lineno - node.lineno + 1 :]])
