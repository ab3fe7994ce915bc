"""The panel in which a reader breaks a chapter: choose a wrong implementation, see which claims turn red.

Pure: what the run found in, Markdown out. It is a list that opens; `assets/break.js` makes a menu of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from _site import words
from _site.bugs_page import shown
from _site.model import Break, Claim, Report
from _site.words import code_block, link

_CHOICE = (
    '<div class="mc-break-choice"><label for="mc-break">Wrong implementation</label>'
    '<select id="mc-break">{}</select></div>'
)
_INTRODUCTION = (
    "Each of these was put in the place of the function when this page was built. "
    "The claims of this chapter that noticed are red. `correct` is the function in whose place it stands."
)


def panel(breaks: Sequence[Break], report: Report, source: str) -> str:
    """The wrong implementations of a chapter; nothing if it has none."""
    if not breaks:
        return ""
    options = "".join(f'<option value="{i}">{_title(wrong)}</option>' for i, wrong in enumerate(breaks))
    return "\n\n".join(
        [
            "### Break it",  # inside the second reading
            _INTRODUCTION,
            '<div class="mc-break" data-search-exclude markdown>',
            _CHOICE.format(options),
            *(_one(wrong, report, source, first=i == 0) for i, wrong in enumerate(breaks)),
            '<p class="mc-break-status" role="status"></p>',
            "</div>",
        ]
    )


def _one(wrong: Break, report: Report, source: str, *, first: bool) -> str:
    about = [report.by_id[name] for name in wrong.asked if name in report.by_id]
    red = [claim for claim in about if claim.id in wrong.refuted_by]
    green = [claim for claim in about if claim not in red]
    assert wrong.finding is not None
    kind = "smallest" if wrong.finding.kind == "smallest" else "found by search, then shrunk"
    opened = ' class="chosen" open' if first else ""
    parts = [
        f'<details{opened} data-wrong="{wrong.operation}:{wrong.name}" markdown><summary>{_title(wrong)}</summary>',
        f"{wrong.note}\n{{ .mc-break-note }}",
        code_block(wrong.source, "python"),
        f'<p class="mc-label refuted">{len(red)} of {words.plural(len(about), "claim")} red</p>',
        "\n".join(f"- {_line(claim, source)}" for claim in red),
        _unmoved(green, source),
        f"An input on which {_name(wrong.claim, report, source)} fails, {kind}:",
        shown(wrong.finding),
        _calls(wrong.calls),
        "</details>",
    ]
    return "\n\n".join(part for part in parts if part)


def _calls(text: str) -> str:
    """The functions that it calls, for whoever wants to read on or to run it."""
    if not text:
        return ""
    opened = '<details class="mc-break-calls" markdown><summary>The functions that it calls</summary>'
    return f"{opened}\n\n{code_block(text, 'python')}\n\n</details>"


def _title(wrong: Break) -> str:
    return html.escape(f"{wrong.title} ({wrong.operation})")


def _line(claim: Claim, source: str) -> str:
    """Its first clause: the whole stands below, and where the link leads."""
    clause = re.split(r"[;:] ", claim.statement, maxsplit=1)[0].rstrip(".")
    return link(clause if clause == claim.statement.rstrip(".") else f"{clause} …", claim.page, source)


def _unmoved(claims: Sequence[Claim], source: str) -> str:
    """Those that do not notice: most often rightly, since they state something else."""
    if not claims:
        return ""
    names = ", ".join(link(f"`{claim.id}`", claim.page, source) for claim in claims)
    return f"Not refuted on a few inputs: {names}.\n{{ .mc-meta }}"


def _name(claim: str, report: Report, source: str) -> str:
    return link(f"`{claim}`", report.by_id[claim].page, source) if claim in report.by_id else f"`{claim}`"
