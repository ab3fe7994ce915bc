"""A reproduction that needs the library alone: the functions of our modules are written out in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from mathcore.verify.report.imports import FOLDER, folder_of

_IMPORT = re.compile(r"^from (?P<module>[\w.]+) import (?P<name>\w+)(?: as (?P<own>\w+))?$", re.MULTILINE)


def standalone(script: str, module: ModuleType) -> str:
    """The script with whatever it takes from `module`, or from another beside it, written out."""
    package = module.__name__.rpartition(".")[0]
    for name in dict.fromkeys(match["module"] for match in _IMPORT.finditer(script)):
        if name == module.__name__ or (package and name.startswith(package + ".")):
            script = _without_folder(_without(sys.modules[name], script), folder_of(name))
    return script


def _without_folder(script: str, folder: str) -> str:
    """The script without the folder on its path, from which nothing is imported any more."""
    script = script.replace(FOLDER.format(folder) + "\n", "")
    return script if "sys." in script else re.sub(r"^import sys\n", "", script, flags=re.MULTILINE)


def _without(module: ModuleType, script: str) -> str:
    wanted: list[str] = []

    def take(match: re.Match[str]) -> str:
        if match["module"] != module.__name__:
            return match[0]
        name = match["name"]
        wanted.append(name)
        return f"{match['own']} = {name}" if match["own"] else ""

    body = _IMPORT.sub(take, script)
    docstring, imports, rest = _split(body)
    parts = [docstring, *_written_out(module, wanted, imports), rest]
    return re.sub(r"\n{3,}", "\n\n\n", "\n\n".join(part.strip("\n") for part in parts if part.strip())) + "\n"


def _split(script: str) -> tuple[str, list[str], str]:
    """Docstring, import lines, everything else."""
    tree = ast.parse(script)
    lines = script.splitlines()
    end = tree.body[0].end_lineno or 0
    imports = [node for node in tree.body[1:] if isinstance(node, (ast.Import, ast.ImportFrom))]
    texts = ["\n".join(lines[n.lineno - 1 : n.end_lineno]) for n in imports]
    skipped = {i for n in imports for i in range(n.lineno - 1, n.end_lineno or 0)}
    rest = "\n".join(line for i, line in enumerate(lines) if i >= end and i not in skipped)
    return "\n".join(lines[:end]), texts, rest


def _written_out(module: ModuleType, wanted: list[str], imports: list[str]) -> list[str]:
    """The imports of both, and the definitions of the module that the wanted ones rest on, in their order."""
    source = Path(module.__file__ or "").read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    definitions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    needed, queue = set(), list(wanted)
    while queue:
        name = queue.pop()
        if name in definitions and name not in needed:
            needed.add(name)
            queue += [n.id for n in ast.walk(definitions[name]) if isinstance(n, ast.Name)]
    used = {n.id for name in needed for n in ast.walk(definitions[name]) if isinstance(n, ast.Name)}
    settings, defined = [], []
    for node in tree.body:
        text = "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if "mathcore" not in text and "__future__" not in text and _binds(node) & used:
                imports.append(text)
        elif isinstance(node, ast.FunctionDef) and node.name in needed:
            defined.append(_without_refusals(node, lines))
        elif isinstance(node, (ast.Expr, ast.Assign)) and "TARGET" not in text and _setting(node):
            settings.append(text)
    names = {n.id for text in settings for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    known = {name for text in imports for name in _binds(ast.parse(text).body[0])}
    imports += [f"import {name}" for name in sorted(names - known) if name in vars(module)]
    first = [text for text in settings if "environ" in text]  # before the library is imported
    later = [text for text in settings if text not in first]
    unique = sorted(dict.fromkeys(imports), key=lambda text: (text != "import os", text))
    ordered = unique if not first else [*unique[:1], *first, *unique[1:]]
    return ["\n".join([*ordered, *([""] if later else []), *later]), *("\n" + text for text in defined)]


def _setting(node: ast.stmt) -> bool:
    """Whether a statement sets the library up, such as jax.config.update(…)."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)


def _binds(node: ast.stmt) -> set[str]:
    names = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []
    return {(alias.asname or alias.name).partition(".")[0] for alias in names}


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)])


def _without_refusals(node: ast.FunctionDef, lines: list[str]) -> str:
    """The function without the lines that say what is not asked."""
    dropped = {
        i
        for part in ast.walk(node)
        if isinstance(part, ast.If) and isinstance(part.body[0], ast.Raise) and "NotTried" in ast.unparse(part.body[0])
        for i in range(part.lineno, (part.end_lineno or part.lineno) + 1)
    }
    kept = range(_first_line(node), (node.end_lineno or node.lineno) + 1)
    return "\n".join(lines[i - 1] for i in kept if i not in dropped)


def reproduces(script: str, found: str, timeout: float = 300.0) -> bool:
    """Whether the script, run by itself in a fresh interpreter, fails in the way that was `found`."""
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, timeout=timeout, check=False, cwd="/"
    )
    last = (done.stderr.strip().splitlines() or [""])[-1]
    raised = re.match(r"`\w+` raised (\w+)", found)
    said = "read-only" if "writes into its input" in found else raised[1] if raised else "AssertionError"
    return done.returncode == 1 and said in last
