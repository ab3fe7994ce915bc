"""A file that somebody handed in, judged in a process of its own: a loop without an end is a verdict, not an end."""

from __future__ import annotations

import ast
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mathcore.exercises.engine import EXAMPLES, Cell, Check, Verdict, judge_one

LIMIT = 20.0
"""Seconds for a check, unless told otherwise: a choice, which settles how long a loop without an end is waited for."""

_STARTING = 120.0
"""Seconds for a process to start: a choice, and long, since a slow start on a busy machine is nobody's mistake."""


@dataclass(frozen=True)
class Submission:
    """What became of a file.

    Attributes:
        file: where it is.
        cells: the cell's name → its verdicts, for each cell whose functions the file defines.
        lacking: the cell's name → the functions of it that the file does not define.
        error: why nothing could be judged.
    """

    file: Path
    cells: Mapping[str, Sequence[Verdict]]
    lacking: Mapping[str, Sequence[str]]
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether something was judged, and all of it passed."""
        return bool(self.cells) and all(v.outcome == "passed" for verdicts in self.cells.values() for v in verdicts)


def judge_file(
    file: Path, cells: Sequence[Cell], *, examples: int = EXAMPLES, seed: int = 0, limit: float = LIMIT
) -> Submission:
    """Judge the file by the checks of those cells whose functions it defines.

    Args:
        file: a file of Python.
        cells: of a chapter.
        examples: inputs for each check.
        seed: of all inputs.
        limit: seconds for each check.
    """
    try:
        code = file.read_text(encoding="utf-8")
        names = defined(code)
    except (OSError, ValueError, SyntaxError) as problem:
        line = f" (line {problem.lineno})" if isinstance(problem, SyntaxError) else ""
        said = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        return Submission(file, {}, {}, f"{type(problem).__name__}: {said}{line}")
    lacking = {cell.name: [name for name in cell.defines if name not in names] for cell in cells}
    chosen = [cell for cell in cells if not lacking[cell.name]]
    checks = [check for cell in chosen for check in cell.checks]
    verdicts = iter(judge_apart(code, checks, examples=examples, seed=seed, limit=limit))
    judged = {cell.name: [next(verdicts) for _ in cell.checks] for cell in chosen}
    said = "" if chosen else "defines the functions of no cell"
    return Submission(file, judged, {name: wanted for name, wanted in lacking.items() if wanted}, said)


def defined(code: str) -> set[str]:
    """The names that the code gives to functions and values, at its outer level.

    Raises:
        SyntaxError: if it is no Python.
    """
    names: set[str] = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def judge_apart(
    code: str, checks: Sequence[Check], *, examples: int = EXAMPLES, seed: int = 0, limit: float = LIMIT
) -> list[Verdict]:
    """As `judge`, each check within a time limit; a process that is lost is followed by another."""
    verdicts: list[Verdict] = []
    while len(verdicts) < len(checks):
        verdicts += _judged(code, checks[len(verdicts) :], examples, seed, limit)
    return verdicts


def _judged(code: str, checks: Sequence[Check], examples: int, seed: int, limit: float) -> list[Verdict]:
    """The verdicts of one process, up to the first check that it is lost in."""
    context = multiprocessing.get_context("spawn")  # nothing of this process, on every system alike
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, code, tuple(checks), examples, seed), daemon=True)
    process.start()
    there.close()
    verdicts: list[Verdict] = []
    try:
        if not here.poll(_STARTING) or here.recv() != "ready":
            raise EOFError
        for check in checks:
            if not here.poll(limit):
                return [*verdicts, _stopped(check, f"no answer within {limit:g} s: does a loop never end?")]
            verdicts.append(here.recv())
    except EOFError:
        return [*verdicts, _stopped(checks[len(verdicts)], "the code ended its process")]
    finally:
        process.kill()
        process.join()
        here.close()
    return verdicts


def _stopped(check: Check, message: str) -> Verdict:
    return Verdict(check.claim, check.says, "stopped", 0, {}, message=message)


def _serve(pipe: Connection, code: str, checks: Sequence[Check], examples: int, seed: int) -> None:
    """In the process: what the code prints or says on its way is nobody's."""
    with open(os.devnull, "w", encoding="utf-8") as nobody, redirect_stdout(nobody), redirect_stderr(nobody):
        pipe.send("ready")
        for check in checks:
            pipe.send(judge_one(code, check, examples=examples, seed=seed))


def starting_file(cells: Sequence[Cell]) -> str:
    """What a student begins with, each function once: the start of what is to be completed, a stub of what is not."""
    written: set[str] = set()
    return "\n\n".join(f"# {cell.name}: {cell.title}\n{_begun(cell, written)}" for cell in cells)


def _begun(cell: Cell, written: set[str]) -> str:
    """The imports and functions of the cell that are not written yet; they are from now on."""
    parts = []
    for node in ast.parse(cell.start).body:
        text = ast.get_source_segment(cell.start, node) or ""
        key = node.name if isinstance(node, ast.FunctionDef) else text
        if key in written or not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom | ast.Assign):
            continue
        written.add(key)
        if isinstance(node, ast.FunctionDef) and cell.start == cell.solution:
            text = f"def {node.name}({ast.unparse(node.args)}):\n    raise NotImplementedError"
        parts.append(text)
    return "\n\n\n".join(parts) + "\n"


def to_json(submission: Submission) -> dict[str, Any]:
    """The submission as plain data."""
    cells = {
        name: [{**vars(verdict), "inputs": dict(verdict.inputs)} for verdict in verdicts]
        for name, verdicts in submission.cells.items()
    }
    return {
        "file": submission.file.as_posix(),
        "passed": submission.passed,
        "error": submission.error,
        "cells": cells,
        "lacking": {name: list(functions) for name, functions in submission.lacking.items()},
    }
