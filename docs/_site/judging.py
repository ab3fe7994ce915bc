"""Runs in the child process: every cell of the course, judged by its own checks, and every exercise."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from mathcore.exercises import cells, exercises
from mathcore.exercises.engine import Broken, Cell, Verdict, judge, run


def everything() -> dict[str, Any]:
    """The cells with what this build got from them, the exercises by chapter; ends with a complaint if one is wrong."""
    judged = {name: _judged(cell) for name, cell in cells().items()}
    if wrong := [line for cell in judged.values() for line in _complaints(cell)]:
        sys.exit("\n".join(wrong))
    asked = {chapter: [dataclasses.asdict(e) for e in of_chapter] for chapter, of_chapter in exercises().items()}
    return {"cells": judged, "exercises": asked}


def _judged(cell: Cell) -> dict[str, Any]:
    output, error = run(cell.start)
    verdicts = judge(cell.solution, cell.checks)
    checks = [{**dataclasses.asdict(c), "found": _told(v)} for c, v in zip(cell.checks, verdicts, strict=True)]
    broken = [{**dataclasses.asdict(wrong), "found": _told(_caught(cell, wrong))} for wrong in cell.broken]
    plain = {name: getattr(cell, name) for name in ("name", "title", "start", "solution", "defines")}
    return {**plain, "output": output, "error": error, "checks": checks, "broken": broken}


def _caught(cell: Cell, wrong: Broken) -> Verdict:
    """What the checks of its claim make of a mistake: a claim may have several, of which one refutes it."""
    verdicts = judge(wrong.code, [check for check in cell.checks if check.claim == wrong.claim])
    return next((v for v in verdicts if v.outcome == "refuted"), verdicts[0])


def _told(verdict: Verdict) -> dict[str, Any]:
    fields = ("outcome", "tried", "inputs", "left", "right", "message")
    return {name: getattr(verdict, name) for name in fields}


def _complaints(cell: dict[str, Any]) -> list[str]:
    """What must not be shown: a start that ends in an error, a solution that fails, a mistake that passes."""
    failed = [c for c in cell["checks"] if c["found"]["outcome"] != "passed" or not c["found"]["tried"]]
    passed = [w["name"] for w in cell["broken"] if w["found"]["outcome"] != "refuted"]
    said = [f"cell {cell['name']}: its start ends in {cell['error']}"] if cell["error"] else []
    said += [f"cell {cell['name']}: its solution and {c['claim']}: {c['found']}" for c in failed]
    return said + [f"cell {cell['name']}: the mistake {name} is not caught" for name in passed]
