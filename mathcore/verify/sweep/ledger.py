"""The ledger of a sweep: its finished ranges, a line of JSON each, below a line that says what was swept.

A process that is killed leaves at most half a line, which the next one removes. Every process appends to a file of its
own name, and reads all that belong to the sweep: those of other shards can be copied into the same folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mathcore._files import json_values
from mathcore.verify.run.code import differences


class LedgerError(LookupError):
    """The folder holds results that do not belong to this sweep."""


class Ledger:
    """The finished ranges of a sweep.

    Args:
        folder: made if it does not exist.
        name: of the files, before a suffix for the shard.
        head: what was swept, with which versions and code; all files must agree.
        shard: part of the name of the file that is written.

    Attributes:
        done: index of a range → its result.

    Raises:
        LedgerError: if a file is of another sweep, version or code, is damaged, or two results of a range differ.
    """

    def __init__(self, folder: Path, name: str, head: Mapping[str, Any], shard: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.done: dict[int, dict[str, Any]] = {}
        self._head = dict(head)
        self._path = folder / f"{name}{shard}.jsonl"
        for path in sorted({self._path, *folder.glob(f"{name}.jsonl"), *folder.glob(f"{name}-*-of-*.jsonl")}):
            if path.exists():
                self._read(path)
        if not self._path.exists() or not self._path.stat().st_size:
            self._write(self._head)

    def add(self, result: Mapping[str, Any]) -> None:
        """Remember a finished range, and write it to the disk at once."""
        self._remember(dict(result), self._path)
        self._write(result)

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, path: Path) -> None:
        text = path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text and path == self._path:  # the process that wrote the last line was killed
            os.truncate(path, len(whole))
        lines = whole.splitlines()
        for number, line in enumerate(lines, 1):
            try:
                entry = json_values(line)
                if not isinstance(entry, dict):
                    raise TypeError(f"expected an object, got {type(entry).__name__}")
                if number == 1:
                    self._check(entry, path)
                elif type(entry["range"]) is not int:
                    raise TypeError(f"a range has a number, got {entry['range']!r}")
                else:
                    self._remember(entry, path)
            except (KeyError, TypeError, ValueError) as broken:
                raise LedgerError(f"line {number} of {path} is damaged: {broken!s:.200}") from broken

    def _check(self, head: Mapping[str, Any], path: Path) -> None:
        flat = [{**{k: str(v) for k, v in h.items() if k != "versions"}, **h["versions"]} for h in (self._head, head)]
        if different := differences(*flat):
            raise LedgerError(f"{path} is of another sweep: {different}; take another folder")

    def _remember(self, result: dict[str, Any], path: Path) -> None:
        result = {k: v for k, v in result.items() if k != "seconds"}
        before = self.done.setdefault(result["range"], result)
        if json.dumps(before) != json.dumps(result):
            raise LedgerError(
                f"range {result['range']} has two results, the other in {path}: the target is not repeatable"
            )
