"""What a result depends on besides the seed: the versions, and the code itself."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mathcore
from mathcore.verify.report.report import environment

if TYPE_CHECKING:
    from mathcore.verify.targets.target import Target

OF_THE_MACHINE = ("platform", "cpu")
"""What may differ between two machines whose results belong together."""


@functools.cache
def code_hash() -> str:
    """A hash of the source of mathcore: 16 hexadecimal digits, the same wherever the files are.

    Examples:
        >>> from mathcore.verify.run.code import code_hash
        >>> len(code_hash())
        16
    """
    root = Path(mathcore.__file__).parent
    return hash_of_files({path.relative_to(root).as_posix(): path for path in root.rglob("*.py")})


def hash_of_files(files: Mapping[str, Path]) -> str:
    """A hash of files under the names that are given to them."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        text = path.read_bytes()
        digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:16]


def target_hash(target: Target) -> str:
    """A hash of the files in which the functions of a target are written; "" for mathcore, which `code_hash` is of.

    What those files import is not in it. A function without a file, such as one in C, counts by its name.
    """
    if not target.guarded:
        return ""
    places = {name: _file_of(function) for name, function in target.operations.items()}
    named = hashlib.sha256(repr(sorted((n, str(target.operations[n])) for n, p in places.items() if not p)).encode())
    return hash_of_files({name: path for name, path in places.items() if path}) + named.hexdigest()[:8]


def _file_of(function: Callable[..., Any]) -> Path | None:
    """The file of the function that others are wrapped around, or of the class of what is called like one."""
    while isinstance(function := inspect.unwrap(function), functools.partial):
        function = function.func
    for thing in (function, type(function)):
        with contextlib.suppress(TypeError, OSError):
            if found := inspect.getsourcefile(thing):
                return Path(found) if Path(found).exists() else None
    return None


@functools.cache
def versions() -> Mapping[str, str]:
    """The versions, and the code of mathcore as a hash: what two machines must share to give one report."""
    here = {name: text for name, text in environment().items() if name not in OF_THE_MACHINE}
    return {**here, "code": code_hash()}


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Where versions differ, in words; "" where they do not.

    Examples:
        >>> from mathcore.verify.run.code import differences
        >>> differences({"numpy": "2.3.0"}, {"numpy": "2.4.1"})
        'numpy 2.4.1 instead of 2.3.0'
    """
    names = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    return ", ".join(f"{name} {found.get(name, 'none')} instead of {expected.get(name, 'none')}" for name in names)
