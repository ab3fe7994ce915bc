"""A claim in short: as a card in its chapter, as a line beside its function."""

from __future__ import annotations

from collections.abc import Iterable

from _site import words
from _site.model import Claim


def cards(claims: Iterable[Claim], source: str) -> str:
    """Cards for claims, in the order given."""
    return "\n\n".join(_card(claim, source) for claim in claims)


def _card(claim: Claim, source: str) -> str:
    evidence = ", ".join(words.EVIDENCE[e] for e in claim.evidence)
    lines = [
        f'<div class="mc-card {words.style(claim)}" markdown>',
        f'<p class="mc-label">{words.verdict(claim)}</p>',
        words.link(claim.statement.rstrip("."), claim.page, source) + "\n{ .mc-statement }",
    ]
    if claim.condition:
        lines.append(f"*Condition.* {_closed(claim.condition)}")
    if claim.corrected:
        lines.append(f"*What is true.* {_closed(claim.corrected)}")
    lines += [
        f'<div data-figure="ruler {claim.id}"></div>',
        f"{words.worst(claim)} · {words.plural(claim.examples, 'case')} · {evidence}\n{{ .mc-meta }}",
        "</div>",
    ]
    return "\n\n".join(lines)


_FEW = 6  # claims beside a function that are shown without being asked for


def checked(claims: Iterable[Claim], name: str, source: str) -> str:
    """What is claimed of a function, as a list beside it."""
    about = list(claims)
    if not about:
        return ""
    state = " open" if len(about) <= _FEW else ""
    title = f"<summary>{words.plural(len(about), 'claim')} checked of <code>{name}</code></summary>"
    return "\n\n".join(
        [f'<details class="mc-checked" data-search-exclude markdown{state}>{title}', lines(about, source), "</details>"]
    )


def folded(claims: Iterable[Claim], source: str) -> str:
    """What is claimed of the matter of a page, as a list to be opened."""
    about = list(claims)
    summary = f"<summary>{words.plural(len(about), 'claim')} checked</summary>"
    return f'<details class="mc-checked" data-search-exclude markdown>{summary}\n\n{lines(about, source)}\n\n</details>'


def lines(claims: Iterable[Claim], source: str) -> str:
    """Claims as a list, one line each."""
    return "\n".join(f"- {line(claim, source)}" for claim in claims)


def line(claim: Claim, source: str) -> str:
    """A claim on one line: its label, its sentence as a link."""
    label = f'<span class="mc-tag {words.style(claim)}">{words.verdict(claim)}</span>'
    return f"{label} {words.link(claim.statement.rstrip('.'), claim.page, source)}"


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?", "$$")) else f"{text}."
