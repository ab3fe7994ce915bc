"""How a script gets at the function under test: the import, and the folder that it is imported from."""

from __future__ import annotations

import ast
import inspect
import site
import sys
import sysconfig
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mathcore.verify.targets.target import Target

FOLDER = "sys.path.insert(0, {!r})"


def import_of(operation: str, target: Target) -> tuple[str, str]:
    """The lines that import or define an operation, and the folder that they need on the path, or ""."""
    function = target.operations[operation]
    if path := target.paths.get(operation) or _path_of(function):
        return _import(path, operation)
    if path := target.place or _path_of_target(target, operation, function):
        module, _, name = path.partition(":")
        first, _, rest = name.partition(".")
        held = f"{first}.{rest}" if rest else first
        lines = f"from {module} import {first}\n\n{operation} = {held}.operations[{operation!r}]"
        return lines, folder_of(module)
    source = _source_of(function)
    if source:
        name = function.__name__
        return source + ("" if name == operation else f"\n{operation} = {name}"), ""
    return f"{operation} = ...  # put your function here: no module holds it under a name", ""


def _import(path: str, operation: str) -> tuple[str, str]:
    module, _, name = path.partition(":")
    first, _, rest = name.partition(".")
    if rest:
        return f"from {module} import {first}\n\n{operation} = {name}", folder_of(module)
    return f"from {module} import {name}" + ("" if name == operation else f" as {operation}"), folder_of(module)


def _path_of(function: Callable[..., Any]) -> str:
    """The path of a function that its module holds, under its own name or another; "" if it does not."""
    module = getattr(function, "__module__", None) or ""
    if module == "__main__" or module not in sys.modules:
        return ""
    held = [name for name, value in vars(sys.modules[module]).items() if value is function and name.isidentifier()]
    own = getattr(function, "__name__", "")
    return f"{module}:{own if own in held else held[0]}" if held else ""


def _path_of_target(target: Target, operation: str, function: Callable[..., Any]) -> str:
    """The path of a target that offers the function, of those that modules hold; "" if there is none."""
    home = getattr(function, "__module__", None) or ""
    for module in dict.fromkeys([home, *sys.modules]):
        names = vars(sys.modules[module]) if module in sys.modules and module != "__main__" else {}
        for name, value in list(names.items()):
            if type(value) is type(target) and value.operations.get(operation) is function:
                return f"{module}:{name}"
    return ""


def folder_of(module: str) -> str:
    """The folder that must be on the path to import a module; "" where an interpreter looks anyway."""
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None)
    if file is None:
        return ""
    path = Path(file).absolute()
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    known = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    known += [*site.getsitepackages(), site.getusersitepackages()]
    return "" if any(folder == Path(k) for k in known if k) else str(folder)


def _source_of(function: Callable[..., Any]) -> str:
    """The source of a function that needs nothing but modules; "" for any other."""
    if not isinstance(function, types.FunctionType) or function.__closure__:
        return ""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        names = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    except (OSError, TypeError, SyntaxError):
        return ""
    needed = {n: v for n, v in function.__globals__.items() if n in names and n not in ("np", function.__name__)}
    if not source.startswith("def ") or not all(isinstance(v, types.ModuleType) for v in needed.values()):
        return ""
    imports = [f"import {v.__name__}" + ("" if v.__name__ == n else f" as {n}") for n, v in needed.items()]
    return "\n".join([*imports, *([""] if imports else []), source])
