"""Where a bug was reported: threads of issues and pull requests, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass

_THREAD = re.compile(r"(?P<library>\S+/\S+) (?P<pull>PR)?#(?P<number>\d+) \((?P<year>\d{4})\)(?: (?P<status>.+))?")


@dataclass(frozen=True)
class Thread:
    """Where a bug was reported.

    Attributes:
        library: the repository, owner/name.
        number: of the issue or pull request.
        year: when it was opened.
        pull: whether it is a pull request.
        status: what became of it, as the thread showed when it was read; "" if it did not.
    """

    library: str
    number: int
    year: int
    pull: bool = False
    status: str = ""

    def __str__(self) -> str:
        return f"{self.library}{' PR ' if self.pull else ''}#{self.number}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://github.com/{self.library}/{'pull' if self.pull else 'issues'}/{self.number}"

    def to_json(self) -> dict[str, str | int]:
        """What is shown of it, as JSON values."""
        return {"name": str(self), "url": self.url, "year": self.year, "status": self.status}


def threads(text: str) -> tuple[Thread, ...]:
    """Threads from lines such as "owner/name PR#12 (2024) merged".

    Raises:
        ValueError: for a line that reads otherwise.

    Examples:
        >>> from mathcore.verify.reports import threads
        >>> [str(thread) for thread in threads("owner/name PR#12 (2024) merged")]
        ['owner/name PR #12']
    """
    found = []
    for line in text.strip().splitlines():
        match = _THREAD.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"a report is given as `owner/name #12 (2024) status`, got {line.strip()!r}")
        number, year = int(match["number"]), int(match["year"])
        found.append(Thread(match["library"], number, year, match["pull"] is not None, match["status"] or ""))
    return tuple(found)
