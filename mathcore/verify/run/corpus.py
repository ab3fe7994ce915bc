"""The corpus: inputs that once failed or came close to the allowance, tried again before new ones are drawn.

An input is kept as the choices that Hypothesis made to draw it, under its claim and check. So what is replayed lies in
the domain of the claim as it is now, whatever the domain was then. Replays come in addition: what is drawn from a seed
does not depend on the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis.control import current_build_context
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
    choices_to_bytes,
)

from mathcore.verify.claims import Check, Claim

HARD = 0.9
"""The share of its allowance from which an error makes an input worth keeping. Derived allowances are often used by
half, since they hold for any order of the roundings."""


class Corpus:
    """Inputs of one check.

    Args:
        own: a folder that is read and added to; None to add nothing.
        shared: folders that are read.
        claim, check: which inputs.
    """

    def __init__(self, own: str | None, shared: Sequence[str], claim: Claim, check: Check) -> None:
        self.key = f"{claim.id}/{_name_of(claim, check)}".encode()
        self._own = None if own is None else DirectoryBasedExampleDatabase(Path(own))
        folders = [DirectoryBasedExampleDatabase(Path(folder)) for folder in shared]
        self.database: ExampleDatabase = ReadOnlyDatabase(MultiplexedDatabase(*filter(None, [self._own]), *folders))

    def __len__(self) -> int:
        return len(set(self.database.fetch(self.key)))

    def add(self, noted: Noted) -> None:
        """Keep the input that failed, as far as it was shrunk, or else the hardest, if it was hard."""
        choices = noted.failed or (noted.hardest if noted.worst >= HARD else None)
        if self._own is not None and choices is not None:
            self._own.save(self.key, choices)


def _name_of(claim: Claim, check: Check) -> str:
    """The name of the check's body, and how many before it have that name: what stays when checks are added."""
    name = check.body.__name__
    alike = [c for c in claim.checks if c.body.__name__ == name]
    return f"{name}/{next(i for i, c in enumerate(alike) if c is check)}"


class Noted:
    """The choices of the last input that failed, and of the one with the largest error ÷ allowance.

    Attributes:
        worst: that ratio; an input that is no worse is not noted.
    """

    def __init__(self, worst: float = 0.0) -> None:
        self.worst = worst
        self.failed: bytes | None = None
        self.hardest: bytes | None = None

    def fail(self) -> None:
        """Note the current input, on which the check failed."""
        self.failed = _current()

    def see(self, worst: float) -> None:
        """Note the current input, if `worst`, the largest ratio so far, is larger than before."""
        if worst > self.worst:
            self.worst, self.hardest = worst, _current()


def _current() -> bytes:
    """The choices with which Hypothesis drew the current input."""
    return choices_to_bytes(current_build_context().data.choices)
