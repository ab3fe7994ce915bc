"""Which claim says so: what stands behind a sentence of a page. Pure.

The line below a sentence names the claims that say it, `<!-- site: says softmax.sums_to_one -->`; or it says why no
claim does, `<!-- site: unclaimed definition -->`, and leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from _site import words
from _site.model import Claim, SiteError

MARK = re.compile(r"\n[ ]*<!-- site: (says|unclaimed) ([^\n]+?) -->$", re.MULTILINE)

UNCLAIMED = {
    "definition": "it says what a word or a sign means, or what is being looked at",
    "example": "it says what the code, the table or the figure beside it shows, which this build ran",
    "signpost": "it leads to another page, or says how to read this one",
    "advice": "it says what to do, not what is so",
    "practice": "it is about libraries, machines or people",
    "limit": "it says what is not claimed",
    "wrong": "it says what wrong code does; claims refute such code, but speak of the right one",
}
"""Why no claim says it."""


def marked(markdown: str, show: Callable[[Sequence[str]], str]) -> str:
    """The text with what `show` makes of the ids behind each sentence.

    Raises:
        SiteError: for a reason that is none.
    """

    def fill(match: re.Match[str]) -> str:
        if match[1] == "says":
            return show(match[2].split())
        if match[2] not in UNCLAIMED:
            raise SiteError(f"why no claim says it must be one of {', '.join(UNCLAIMED)}, got {match[2]!r}")
        return ""

    return MARK.sub(fill, markdown)


def dots(claims: Iterable[Claim], source: str) -> str:
    """A small link to each claim, for the end of a sentence: a dot as on the first page; on paper, its id.

    As HTML: a sentence in an attribute would not survive Markdown. The search finds an id on the page of its claim.
    """
    links = "".join(_dot(claim, source) for claim in claims)
    return links and f'<span class="mc-says" data-search-exclude>{links}</span>'


def _dot(claim: Claim, source: str) -> str:
    return (
        f'<a class="{words.style(claim)}" href="{words.url(claim.page, source)}" '
        f'title="{words.plain(claim.statement)}" aria-label="{words.verdict(claim)}: {claim.id}">{claim.id}</a>'
    )


def plainly(ids: Sequence[str]) -> str:
    """The same where there is no page to link to."""
    return f" ({', '.join(f'`{name}`' for name in ids)})"
