"""Waivers: refuted claims that the user accepts, each with a reason.

    # waivers.toml
    ["softmax.keeps_dtype"]
    reason = "returns float32 by design"
    link = "https://example.org/issues/7"

or, without a link, `"softmax.keeps_dtype" = "returns float32 by design"`. A waived claim still runs. If it holds, or if
there is no such claim, that is an error, so that a list of waivers never outlives its reasons.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mathcore.verify.claims import Claim
from mathcore.verify.run.catalogue import did_you_mean


def read_waivers(waivers: Mapping[str, Any] | Path | str | None, claims: Sequence[Claim]) -> dict[str, str]:
    """Claim id → reason, with the link in brackets.

    Args:
        waivers: a mapping, or the path of a TOML file that holds one.
        claims: all claims.

    Raises:
        LookupError: if a waiver names no claim, has no reason, or the file cannot be read; the message says which.
    """
    if waivers is None:
        return {}
    table = waivers if isinstance(waivers, Mapping) else _read(Path(waivers))
    known = [c.id for c in claims]
    for name in table:
        if name not in known:
            raise LookupError(f"a waiver names {name!r}, which is no claim{did_you_mean(name, known)}")
    return {name: _reason(name, entry) for name, entry in table.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:  # no UTF-8 and no TOML are ValueErrors
        raise LookupError(f"the waivers at {str(path)!r} cannot be read: {problem}") from problem


def _reason(name: str, entry: Any) -> str:
    fields = entry if isinstance(entry, Mapping) else {"reason": entry}
    reason, link = fields.get("reason"), fields.get("link", "")
    if not isinstance(reason, str) or not reason.strip() or set(fields) - {"reason", "link"}:
        raise LookupError(f"the waiver of {name!r} must have a `reason` in words and may have a `link`, got {entry!r}")
    return f"{reason} ({link})" if link else reason
