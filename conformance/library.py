"""A library under test: its module, its notes, where its result lies."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from mathcore.verify import Target

HERE = Path(__file__).parent / "libraries"
RESULTS = Path(__file__).parent / "results"
JUDGEMENTS = ("defect", "documented limit", "convention", "accuracy", "not reproduced")
"""What a refutation may be found to be.

defect: the documentation promises otherwise, or nobody could want it. documented limit: the documentation says so.
convention: a choice that the library made, and for which claims have no name. accuracy: right, with an error somewhat
larger than the claim allows. not reproduced: seen in the run and never by hand, so nothing is said of the library.
"""


@dataclass(frozen=True)
class Notes:
    """What was found out by hand about refutations.

    Attributes:
        checked: distribution → version that was looked at.
        entries: claim id, or a pattern such as "softmax.*" → judgement and sentence; the first that fits counts.
    """

    checked: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def about(self, claim: str) -> tuple[str, str] | None:
        """The judgement of a refutation and why; None if it was not looked at."""
        return next((note for pattern, note in self.entries.items() if fnmatchcase(claim, pattern)), None)


@dataclass(frozen=True)
class Library:
    """A library whose module has been loaded."""

    name: str
    module: ModuleType

    @property
    def target(self) -> Target:
        """What is checked."""
        target: Target = self.module.TARGET
        return target

    @property
    def about(self) -> str:
        """What it is, and how it is called here."""
        return " ".join((inspect.getdoc(self.module) or "").split())

    @property
    def versions(self) -> dict[str, str]:
        """The versions of its distributions."""
        return {name: version(name) for name in self.module.PACKAGES}


def names(folder: Path = HERE) -> list[str]:
    """Every library that has a module."""
    return sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")


def load(name: str, folder: Path = HERE) -> Library:
    """The library of that name.

    Raises:
        LookupError: if there is no such module, or what it needs is not installed; the message says which.
    """
    if name not in names(folder):
        raise LookupError(f"no library is called {name!r}; there are {', '.join(names(folder))}")
    if folder == HERE:
        place = f"conformance.libraries.{name}"
    else:
        place = name
        sys.path.insert(0, str(folder))
    try:
        return Library(name, importlib.import_module(place))
    except ModuleNotFoundError as missing:
        raise LookupError(f"{name} needs `{missing.name}`, which is not installed") from missing


def notes_of(name: str, folder: Path = HERE) -> Notes:
    """The notes about a library; none if it has no file.

    Raises:
        ValueError: for a judgement that there is not, or a note without a sentence.
    """
    file = folder / f"{name}.toml"
    if not file.exists():
        return Notes()
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    checked = table.pop("checked", {})
    for claim, note in table.items():
        if set(note) != {"is", "because"} or note["is"] not in JUDGEMENTS or not note["because"].strip():
            raise ValueError(f"{file.name}: the note on {claim!r} must say what it `is` ({', '.join(JUDGEMENTS)}) "
                             f"and `because` of what, got {note!r}")  # fmt: skip
    return Notes(checked, {claim: (note["is"], note["because"].strip()) for claim, note in table.items()})
