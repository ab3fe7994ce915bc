"""A kernel that fails, and the same kernel mended: listings, and what was printed when this site was built. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from _site.words import code_block

Run = Mapping[str, Any]  # as `_site.kernels` tells it

_BEFORE = {"fixed": "failing"}  # what a kernel is compared with, so that its new lines are marked


def listing(kernels: Mapping[str, Run], name: str) -> str:
    """The file, with the lines that are not in the one before marked."""
    source = kernels[name]["source"]
    before = kernels[_BEFORE[name]]["source"] if name in _BEFORE else source
    new = _new_lines(before.splitlines(), source.splitlines())
    marked = f' hl_lines="{" ".join(map(str, new))}"' if new else ""
    return code_block(source, "python", f'title="mykernels.py"{marked}')


def session(run: Run) -> str:
    """The command, and all that it printed."""
    status = {0: "every claim that ran holds", 1: "a claim is refuted"}[run["status"]]
    return "\n\n".join(
        [
            code_block(run["command"], "sh"),
            code_block(run["output"], "output"),
            f"Exit status {run['status']}: {status}.",
        ]
    )


def _new_lines(before: list[str], after: list[str]) -> list[int]:
    changes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [i + 1 for tag, _, _, start, end in changes if tag in ("insert", "replace") for i in range(start, end)]
