"""Cells: a function as plain Python, and properties that judge what a reader makes of it.

Needs Python and Hypothesis alone, since the same file judges in the reader's browser, on the command line and in tests.

A cell is a file of Python in sections:

    '''Title. What it is about.'''
    # %% start                                     what the reader edits; it runs, and what it prints is shown
    # %% solution                                  where the start is to be completed: its functions, as they pass
    # %% check CLAIM: a sentence                   one function with `@given(name=strategy)`, which calls `same`
    # %% broken NAME CLAIM: a sentence             the functions that are wrong, which the check of CLAIM refutes
"""

from __future__ import annotations

import ast
import contextlib
import io
import math
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import strategies as st

_SECTION = re.compile(r"^# %% (start|solution|check|broken)\b ?(.*)$\n?", re.MULTILINE)
_HEAD = re.compile(r"(?:(?P<name>\w+) )?(?P<claim>[\w.]+): (?P<says>.+)")

EXAMPLES = 100
"""Inputs that a check tries, unless told otherwise; as many as Hypothesis does. Every planted mistake falls to them."""

_SHOWN = 400
"""Characters of a value that a reader is shown: a choice, five lines of a terminal of 80."""

UNIT = 2.0**-53
"""The largest relative error of one rounding, in the numbers that Python computes with."""


@dataclass(frozen=True)
class Check:
    """A property: the claim of mathcore that it restates on lists, the sentence, its code."""

    claim: str
    says: str
    code: str


@dataclass(frozen=True)
class Broken:
    """A wrong piece of code to start from, and the claim whose check refutes it."""

    name: str
    claim: str
    says: str
    code: str


@dataclass(frozen=True)
class Cell:
    """What a reader edits, and what judges it."""

    name: str
    title: str
    start: str
    solution: str
    checks: tuple[Check, ...]
    broken: tuple[Broken, ...]

    @property
    def defines(self) -> tuple[str, ...]:
        """The functions that are judged: those that the solution defines."""
        return tuple(node.name for node in ast.parse(self.solution).body if isinstance(node, ast.FunctionDef))


@dataclass(frozen=True)
class Verdict:
    """What became of a check: `passed`, `refuted` by the inputs, or `stopped` by an error in the reader's code."""

    claim: str
    says: str
    outcome: str
    tried: int
    inputs: Mapping[str, str]
    left: str = ""
    right: str = ""
    message: str = ""


class DifferentError(AssertionError):
    """Two sides that a check wants to be the same are not."""

    def __init__(self, left: object, right: object) -> None:
        super().__init__(f"{shown(left)} is not {shown(right)}")
        self.left, self.right = shown(left), shown(right)


def read_cell(name: str, text: str) -> Cell:
    """The cell in a file's text.

    Raises:
        ValueError: if a section is missing or its head cannot be read.
    """
    head, *rest = _SECTION.split(text)
    sections = [(kind, words, code.strip("\n") + "\n") for kind, words, code in zip(*[iter(rest)] * 3, strict=True)]
    codes = {kind: code for kind, _, code in sections if kind in ("start", "solution")}
    title = ast.get_docstring(ast.parse(head))
    if "start" not in codes or not title:
        raise ValueError(f"cell {name!r} must begin with a docstring and have a section `# %% start`")
    start = codes["start"]
    solution = with_functions(start, codes["solution"]) if "solution" in codes else start
    checks, broken = [], []
    for kind, words, code in sections:
        if kind in codes:
            continue
        match = _HEAD.fullmatch(words)
        if not match or (kind == "broken") != bool(match["name"]):
            name_too = " NAME" if kind == "broken" else ""
            raise ValueError(f"cell {name!r}: expected `# %% {kind}{name_too} CLAIM: sentence`, got {words!r}")
        if kind == "check":
            checks.append(Check(match["claim"], match["says"], code))
        else:
            broken.append(Broken(match["name"], match["claim"], match["says"], with_functions(solution, code)))
    if unknown := {wrong.claim for wrong in broken} - {check.claim for check in checks}:
        raise ValueError(f"cell {name!r} has no check of {', '.join(sorted(unknown))}")
    return Cell(name, title, start, solution, tuple(checks), tuple(broken))


def with_functions(code: str, changed: str) -> str:
    r"""The code, up to its last function, with those that `changed` defines in the place of its own of these names.

    What follows the last function shows it at work, and may well stop where it is wrong.

    Raises:
        ValueError: for anything in `changed` that is no function of the code.

    Examples:
        >>> from mathcore.exercises.engine import with_functions
        >>> print(with_functions("x = 1\ndef f(): return x\nprint(f())\n", "def f(): return 2\n"), end="")
        x = 1
        def f(): return 2
    """
    own = {node.name: node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    new = {getattr(node, "name", ast.unparse(node)): node for node in ast.parse(changed).body}
    if unknown := set(new) - set(own):
        raise ValueError(f"expected functions out of {', '.join(own)}, got {', '.join(map(repr, sorted(unknown)))}")
    lines = code.splitlines(keepends=True)[: max(node.end_lineno or 0 for node in own.values())] if own else []
    for name in sorted(new, key=lambda name: -own[name].lineno):  # from below: line numbers stay true
        lines[own[name].lineno - 1 : own[name].end_lineno] = [f"{ast.get_source_segment(changed, new[name])}\n"]
    return "".join(lines)


def run(code: str) -> tuple[str, str]:
    """What the code prints, and the error that ends it, or nothing."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        _, error = _executed(code)
    return printed.getvalue(), error


def judge(code: str, checks: Sequence[Check], *, examples: int = EXAMPLES, seed: int = 0) -> list[Verdict]:
    """What the checks make of the code.

    Args:
        code: what the reader wrote.
        checks: of its cell.
        examples: inputs for each check.
        seed: of all inputs.
    """
    return [judge_one(code, check, examples=examples, seed=seed) for check in checks]


def judge_one(code: str, check: Check, *, examples: int = EXAMPLES, seed: int = 0) -> Verdict:
    """What one check makes of the code, which runs afresh."""
    with contextlib.redirect_stdout(io.StringIO()):
        namespace, error = _executed(code)
        if error:
            return Verdict(check.claim, check.says, "stopped", 0, {}, message=error)
        try:
            found: list[_Property] = []
            exec(compile(check.code, "<check>", "exec"), {**namespace, **_tools(found)})
            (prop,) = found
            return _searched(prop, check, examples, seed)
        except Exception as problem:
            return Verdict(check.claim, check.says, "stopped", 0, {}, message=_told(problem))


def same(left: Any, right: Any, within: float = 0.0) -> None:
    """Both sides are equal, numbers up to `within`, lists number by number; else the check fails and shows both."""
    if not _agree(left, right, within):
        raise DifferentError(left, right)


def differ(left: Any, right: Any) -> None:
    """Both sides are not equal; else the check fails and shows both."""
    if _agree(left, right, 0.0):
        raise DifferentError(left, right)


def numbers(low: float = -10.0, high: float = 10.0) -> st.SearchStrategy[float]:
    """Floats from `low` to `high`."""
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


def rows(low: float = -10.0, high: float = 10.0, *, least: int = 1, most: int = 6) -> st.SearchStrategy[list[float]]:
    """Lists of `least` to `most` floats from `low` to `high`."""
    return st.lists(numbers(low, high), min_size=least, max_size=most)


def matrices(height: int, width: int, low: float = -10.0, high: float = 10.0) -> st.SearchStrategy[list[list[float]]]:
    """Lists of `height` rows of `width` floats from `low` to `high`."""
    row = st.lists(numbers(low, high), min_size=width, max_size=width)
    return st.lists(row, min_size=height, max_size=height)


def shown(value: object) -> str:
    """A value as a reader sees it, not longer than a few lines."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


@dataclass(frozen=True)
class _Property:
    inner: Callable[..., None]
    strategies: Mapping[str, st.SearchStrategy[Any]]


def _tools(found: list[_Property]) -> dict[str, Any]:
    """The names that a check may use beside those of the reader's code."""

    def given(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def keep(inner: Callable[..., None]) -> Callable[..., None]:
            found.append(_Property(inner, strategies))
            return inner

        return keep

    tools = (same, differ, numbers, rows, matrices)
    return {
        **{tool.__name__: tool for tool in tools},
        "given": given,
        "assume": hypothesis.assume,
        "st": st,
        "UNIT": UNIT,
        "math": math,  # a check needs it even where the reader's code does not
    }


def _searched(prop: _Property, check: Check, examples: int, seed: int) -> Verdict:
    tried, last = 0, {}

    def body(**inputs: Any) -> None:
        nonlocal tried, last
        last = {name: shown(value) for name, value in inputs.items()}  # before the code can change it
        prop.inner(**inputs)
        tried += 1

    settings = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[p for p in hypothesis.Phase if p is not hypothesis.Phase.explain],
    )
    test = hypothesis.seed(seed)(settings(hypothesis.given(**prop.strategies)(body)))
    try:
        test()
    except DifferentError as problem:
        return Verdict(check.claim, check.says, "refuted", tried, last, problem.left, problem.right)
    except Exception as problem:
        return Verdict(check.claim, check.says, "refuted" if last else "stopped", tried, last, message=_told(problem))
    return Verdict(check.claim, check.says, "passed", tried, {})


def _executed(code: str) -> tuple[dict[str, Any], str]:
    namespace: dict[str, Any] = {"__name__": "cell"}
    try:
        exec(compile(code, "<cell>", "exec"), namespace)
    except Exception as problem:
        return namespace, _told(problem)
    except SystemExit:
        return namespace, "the code ended itself"
    return namespace, ""


def _told(problem: BaseException) -> str:
    """An error in a line, with the line of the cell where it happened."""
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == "<cell>"]
    text, line = str(problem), lines[-1] if lines else None
    if isinstance(problem, SyntaxError):
        text, line = problem.msg, problem.lineno
    return f"{type(problem).__name__}: {text}" + (f" (line {line})" if line else "")


def _agree(left: Any, right: Any, within: float) -> bool:
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(_agree(a, b, within) for a, b in zip(left, right, strict=True))
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right or abs(left - right) <= within  # an infinity is near nothing, NaN not even to itself
    return bool(left == right)
