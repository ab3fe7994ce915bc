"""What a result depends on besides the seed: the versions, and the code itself."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

import mathcore
from mathcore.verify.report.report import environment

_OF_THE_MACHINE = ("platform", "cpu")
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


@functools.cache
def versions() -> Mapping[str, str]:
    """The versions, and the code of mathcore as a hash: what two machines must share to give one report."""
    here = {name: text for name, text in environment().items() if name not in _OF_THE_MACHINE}
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
