"""Public names that are imported when they are first asked for (PEP 562), as the module's stub lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

_LINE = re.compile(r"^from (?P<home>[\w.]+) import (?P<name>\w+) as (?P=name)$", re.MULTILINE)


def attach(module: dict[str, Any]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a module with these globals; its stub lies beside it."""
    with open(module["__file__"] + "i", encoding="utf-8") as stub:
        homes = {line["name"]: line["home"] for line in _LINE.finditer(stub.read())}

    def getattr_(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        inside = homes[name] == module["__name__"]  # a module of this package
        module[name] = import_module(f"{homes[name]}.{name}") if inside else getattr(import_module(homes[name]), name)
        return module[name]

    return getattr_, lambda: sorted({*module, *homes}), sorted(homes)
