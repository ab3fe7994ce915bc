"""The chapters: their order, what each needs of the others, and a map of that as SVG.

Pure, but for `read_chapters`. What a chapter needs is said once, in its front matter: `needs: [2, 15]`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _site.model import SiteError
from _site.words import link, plural, url

_FRONT = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
_QUESTION = re.compile(r"^faq: (\d+)$", re.MULTILINE)
_TITLE = re.compile(r"^title: (.+)$", re.MULTILINE)
_NEEDS = re.compile(r"^needs: \[([\d, ]*)\]$", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """A question of the course: its page, its text, and the questions that come before it."""

    faq: int
    path: str
    title: str
    needs: tuple[int, ...]
    text: str  # without the front matter


Course = Mapping[int, Chapter]


def read_chapters(docs: Path) -> dict[int, Chapter]:
    """Question → chapter.

    Raises:
        SiteError: if a chapter does not say what it needs, or needs one that does not come before it.
    """
    course = {}
    for page in sorted((docs / "learn").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        front = _FRONT.match(text)
        number, title, needs = (pattern.search(front[1]) if front else None for pattern in (_QUESTION, _TITLE, _NEEDS))
        if front is None or number is None or title is None:
            continue
        faq = int(number[1])
        before = tuple(int(n) for n in re.findall(r"\d+", needs[1])) if needs else (faq,)
        if any(n not in course for n in before):
            raise SiteError(f"{page.name} must say `needs: [...]` with earlier chapters, got {list(before)}")
        course[faq] = Chapter(faq, f"learn/{page.name}", title[1], before, text[front.end() :])
    return course


def needs_sentence(chapter: Chapter, course: Course) -> str:
    """The chapters that come before this one, as links; nothing if there are none."""
    if not chapter.needs:
        return ""
    return f"Builds on {', '.join(_link(course[n], chapter.path) for n in chapter.needs)}. "


def contents(course: Course, claims: Mapping[int, int], source: str) -> str:
    """Every chapter with what it needs and how many claims it has."""
    lines = []
    for faq, chapter in sorted(course.items()):
        notes = [plural(claims[faq], "claim")] if claims.get(faq) else []
        notes += [f"builds on {', '.join(map(str, chapter.needs))}"] if chapter.needs else []
        note = f' <span class="mc-meta">{"; ".join(notes)}</span>' if notes else ""
        lines.append(f"{faq}. {link(chapter.title, chapter.path, source)}{note}")
    return '<div class="mc-contents" markdown>\n\n' + "\n".join(lines) + "\n\n</div>"


def _link(chapter: Chapter, source: str) -> str:
    return link(f"{chapter.faq}. {chapter.title}", chapter.path, source)


_ROW, _LEFT, _WIDTH = 27, 92, 350  # a line's height; where the dots stand; the whole


def course_map(course: Course, source: str) -> str:
    """The chapters from top to bottom, with an arc from each to those that it needs. Its list is `contents`."""
    if not course:
        return ""
    rows = {faq: _ROW * (i + 0.5) for i, faq in enumerate(sorted(course))}
    arcs = [_arc(rows[needed], rows[faq], f"{needed}-{faq}") for faq, c in sorted(course.items()) for needed in c.needs]
    dots = [_dot(chapter, rows[faq], source) for faq, chapter in sorted(course.items())]
    return (
        f'<svg class="mc-map" viewBox="0 0 {_WIDTH} {_ROW * len(course)}" role="group" '
        f'aria-label="{plural(len(arcs), "arc")} from chapters to those that they need; the list above says the same">'
        + "".join(arcs)
        + "".join(dots)
        + "</svg>"
    )


def _arc(top: float, bottom: float, name: str) -> str:
    bulge = min(14 + 4.6 * (bottom - top) / _ROW, _LEFT - 8)
    return (
        f'<path data-needs="{name}" d="M{_LEFT} {bottom:g} C{_LEFT - 1.33 * bulge:.1f} {bottom:g} '
        f'{_LEFT - 1.33 * bulge:.1f} {top:g} {_LEFT} {top:g}"/>'
    )


def _dot(chapter: Chapter, y: float, source: str) -> str:
    """Not a tab stop: the list has the same links as words."""
    label = html.escape(f"{chapter.faq}. {chapter.title}")
    return (
        f'<a href="{url(chapter.path, source)}" tabindex="-1"><circle cx="{_LEFT}" cy="{y:g}" r="4.5"/>'
        f'<text x="{_LEFT + 14}" y="{y + 5:g}">{label}</text></a>'
    )
