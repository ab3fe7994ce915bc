"""What a reader can do in each chapter: its exercises, and the cells that check one of its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from _site.course import Course
from mathcore.exercises import cells, exercises
from mathcore.exercises.engine import Cell


@dataclass(frozen=True)
class Tries:
    """Of all chapters."""

    cells: Mapping[str, Cell] = field(default_factory=dict)
    exercises: Mapping[int, Sequence[str]] = field(default_factory=dict)  # chapter → names

    def places(self, course: Course) -> dict[str, list[tuple[str, str]]]:
        """Claim → title and place of the cells that check it, of those that a chapter shows."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name, cell in self.cells.items():
            chapter = course.get(int(name[:2]))
            if chapter and f"<!-- site: cell {name} -->" in chapter.text:
                for check in cell.checks:
                    found.setdefault(check.claim, []).append((cell.title, f"{chapter.path}#cell-{name}"))
        return found


def read_tries() -> Tries:
    """Those of the library."""
    return Tries(cells(), {chapter: [e.name for e in asked] for chapter, asked in exercises().items()})
