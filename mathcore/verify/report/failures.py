"""Failures as lines of text: an entry for each cause, in no more lines than asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mathcore.verify.report.causes import Cause
from mathcore.verify.report.formats import OUTCOME_WORDS

if TYPE_CHECKING:
    from mathcore.verify.claims import Claim
    from mathcore.verify.report.describe import Finding
    from mathcore.verify.report.report import Report
    from mathcore.verify.run.results import ClaimResult

_SHORT = 3
"""The number of lines of an argument, and of claims that fail for the same cause, in a short report."""

Line = tuple[str, str]
"""A style and a text."""


def entry(cause: Cause, number: int, width: int, *, short: bool = True, inputs: bool = True) -> list[Line]:
    """A cause: where to start, what the failing inputs have in common, and which other claims fail."""
    claim, result, finding = cause.failures[0]
    first = "start here:" if number == 1 else f"{number}."
    lines = [("", ""), *_wrapped("bold red", f"{first} {cause.title}", width)]
    lines += _wrapped("", cause.words, width, "  ")
    lines += [("bold", f"  {claim.id}: {OUTCOME_WORDS[result.outcome]}{_times(finding)}")]
    lines += _cut(_wrapped("", claim.statement, width, "  "), 2 if short else None)
    lines += example(finding, width, short=short, inputs=inputs)
    lines += _wrapped("", result.advice, width, "  ")
    return lines + _others(cause, width, short=short)


def example(finding: Finding, width: int, *, short: bool, inputs: bool = True) -> list[Line]:
    """The two sides, where they are, and the input."""
    limit = _SHORT if short else None
    lines = _cut(_wrapped("", finding.headline, width, "  "), limit)
    lines += _wrapped("", finding.place, width, "  ")
    if finding.inputs and inputs:
        lines.append(("", f"  on the {finding.kind} input" if finding.kind != "shrunk" else "  on the input, shrunk"))
        for name, text in finding.inputs.items():
            lines += _cut(_wrapped("", f"{name} = {' '.join(text.split())}", width, "    "), limit)
    return lines


def _times(finding: Finding) -> str:
    excess = float(finding.excess)
    much = f"{excess:.2g} times the allowance" if excess not in (0.0, float("inf")) else ""
    return "".join(f", {part}" for part in (finding.dtype, much) if part)


def _others(cause: Cause, width: int, *, short: bool) -> list[Line]:
    """The other claims that fail for the cause, the largest error first."""
    rest = sorted(cause.failures[1:], key=lambda f: (-float(f[2].excess), f[2].dtype, f[0].id))
    shown = rest[: 2 * _SHORT] if short else rest
    lines = [("", "  also refuted")] if rest else []
    for claim, _, finding in shown:
        lines += _cut(
            _wrapped("", f"{claim.id}{_times(finding).replace(' times the allowance', '×')}", width, "    "), 1
        )
    if len(rest) > len(shown):
        lines.append(("", f"    and {len(rest) - len(shown)} more"))
    return lines


def others(report: Report, width: int) -> list[Line]:
    """Every claim that neither holds nor is refuted, by the reason: not decided, waived, or an error of mathcore."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for _, result in report.results:
        if result.outcome in ("inconclusive", "unexpected", "waived", "error"):
            why = f"waived: {result.waiver}" if result.outcome == "waived" else result.detail
            reasons.setdefault((OUTCOME_WORDS[result.outcome], why), []).append(result.claim)
    lines: list[Line] = []
    for (word, why), ids in reasons.items():
        listed = ", ".join(ids[:_SHORT]) + (f" and {len(ids) - _SHORT} more" if len(ids) > _SHORT else "")
        lines += [("", ""), *_wrapped("yellow", f"{word}: {listed}", width), *_wrapped("", why, width, "  ")]
    return lines


def survivors(claim: Claim, result: ClaimResult) -> list[Line]:
    """The mutants that a claim did not catch."""
    names = [name for name, caught in result.mutants.items() if not caught]
    return [("", ""), ("bold red", claim.id), *(("", f"  survived: {name}") for name in names)] if names else []


def entries(found: Sequence[Cause], width: int, room: int, *, inputs: bool) -> tuple[list[Line], int]:
    """The entries that fit into so many lines, the first whole; and how many were left out."""
    lines: list[Line] = []
    for number, cause in enumerate(found, 1):
        made = entry(cause, number, width, inputs=inputs or number > 1)
        if number > 1 and len(lines) + len(made) > room:
            made = made[: 2 + len(_wrapped("", cause.words, width, "  "))]  # the title, and what they have in common
        if number > 1 and len(lines) + len(made) > room:
            return lines, len(found) - number + 1
        lines += made
    return lines, 0


def _wrapped(style: str, text: str, width: int, indent: str = "") -> list[Line]:
    wrapped = textwrap.wrap(text, max(width, 20), initial_indent=indent, subsequent_indent=indent)
    return [(style, line) for line in wrapped]


def _cut(lines: list[Line], limit: int | None) -> list[Line]:
    if limit is None or len(lines) <= limit:
        return lines
    style, last = lines[limit - 1]
    words = last.rpartition(" ")[0]
    return [*lines[: limit - 1], (style, f"{words if words.strip() else last[:-2]} …")]
