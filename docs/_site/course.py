"""The chapters: their order and groups, what each answers and needs of the others, and a map of that as SVG.

Pure, but for `read_chapters`. What a chapter needs is said once, in its front matter: `needs: [2, 15]`; what it answers
is its lead, or `answer: …` there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _site import front_matter, says
from _site.model import SiteError
from _site.words import link, plural, url

_LEAD = re.compile(r"^# [^\n]*\n\s*(.*?)\n\{ [^}\n]*\.mc-lead\b[^}\n]*\}$", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"\S.*?[.!?](?=\s|$)")
_NO_PROSE = re.compile(r"^(?:```.*?^```|\$\$.*?^\$\$|<!--[^\n]*-->|[#<|{][^\n]*)$", re.DOTALL | re.MULTILINE)
_SECOND = re.compile(r"^(?:<details class=\"mc-second\"|## Where it stops being true)", re.MULTILINE)

GROUPS: Sequence[tuple[int, str]] = ((1, "Words as numbers"), (9, "Layers"), (17, "Softmax, position, attention"))
"""The first chapter of each, and its name."""

_LONGEST_ANSWER = 150  # characters
_A_MINUTE = 200  # words


@dataclass(frozen=True)
class Chapter:
    """A question of the course: its page, its text, and the questions that come before it."""

    faq: int
    path: str
    title: str
    needs: tuple[int, ...]
    text: str  # without the front matter
    told: str = ""  # the answer, where it is not the lead

    @property
    def name(self) -> str:
        """As in the navigation."""
        return f"{self.faq} {self.title}"

    @property
    def answer(self) -> str:
        """The question's answer in a line: of the lead as many sentences as fit, and at least one."""
        lead = _LEAD.search(says.MARK.sub("", self.text))
        first, *more = _SENTENCE.findall(" ".join(lead[1].split())) if lead else [""]
        for sentence in more:
            first = joined if len(joined := f"{first} {sentence}") <= _LONGEST_ANSWER else first
        return self.told or first

    @property
    def minutes(self) -> int:
        """How long it takes to read, without what is folded and without the exercises."""
        prose = _NO_PROSE.sub("", _SECOND.split(self.text)[0])
        return max(1, -(-len(prose.split()) // _A_MINUTE))


Course = Mapping[int, Chapter]


def read_chapters(docs: Path) -> dict[int, Chapter]:
    """Question → chapter.

    Raises:
        SiteError: if a chapter does not say what it needs, or needs one that does not come before it, or has front
            matter that cannot be read.
    """
    course: dict[int, Chapter] = {}
    for page in sorted((docs / "learn").glob("*.md")):
        meta, text = front_matter.split(page.read_text(encoding="utf-8"), page.name)
        if "faq" in meta:
            course[meta["faq"]] = _chapter(page.name, meta, text, course)
    return course


def _chapter(page: str, meta: Mapping[str, Any], text: str, earlier: Course) -> Chapter:
    needs = meta.get("needs")
    if not isinstance(needs, list) or any(n not in earlier for n in needs):
        raise SiteError(f"{page} must say `needs: [...]` with earlier chapters, got {needs!r}")
    words = {name: meta.get(name, "") for name in ("title", "answer")}
    if not words["title"] or any(not isinstance(said, str) for said in words.values()):
        raise SiteError(f"{page} must say its title, and its answer if it does, in words, got {words}")
    return Chapter(meta["faq"], f"learn/{page}", words["title"], tuple(needs), text, words["answer"])


def needs_sentence(chapter: Chapter, course: Course) -> str:
    """The chapters that come before this one, as links; nothing if there are none."""
    if not chapter.needs:
        return ""
    return f"Builds on {', '.join(_link(course[n], chapter.path) for n in chapter.needs)}. "


def grouped(course: Course) -> list[tuple[str, list[Chapter]]]:
    """The groups that have chapters, with these."""
    ends = [first for first, _ in GROUPS[1:]] + [max(course, default=0) + 1]
    groups = zip(GROUPS, ends, strict=True)
    found = [(title, [course[n] for n in range(first, end) if n in course]) for (first, title), end in groups]
    return [(title, chapters) for title, chapters in found if chapters]


def contents(course: Course, claims: Mapping[int, int], exercises: Mapping[int, Sequence[str]], source: str) -> str:
    """Every chapter with its answer, what it takes, and room for how far the reader is.

    Args:
        course: the chapters.
        claims: how many each has.
        exercises: the places of those that each has.
        source: the page that shows this.
    """
    progress = (
        '<div class="mc-meta" data-progress hidden><output></output> <button type="button">Forget this</button></div>'
    )
    parts = ['<div class="mc-contents" markdown>', progress]
    for title, chapters in grouped(course):
        entries = [
            _entry(chapter, claims.get(chapter.faq, 0), exercises.get(chapter.faq, ()), source) for chapter in chapters
        ]
        parts += [f"## {title}", f'<ol start="{chapters[0].faq}" markdown>\n' + "\n".join(entries) + "\n</ol>"]
    return "\n\n".join([*parts, "</div>"])


def _entry(chapter: Chapter, claims: int, exercises: Sequence[str], source: str) -> str:
    notes = [f"{chapter.minutes} min"]
    notes += [plural(len(exercises), "exercise")] if exercises else []
    notes += [plural(claims, "claim")] if claims else []
    notes += [f"builds on {', '.join(map(str, chapter.needs))}"] if chapter.needs else []
    far = f'<span class="mc-far" data-chapter="{chapter.faq}" data-exercises="{" ".join(exercises)}"></span>'
    return (
        f'<li markdown="span">{link(chapter.title, chapter.path, source)} '
        f'<span class="mc-meta">{" · ".join(notes)}</span> {far}<br>{chapter.answer}</li>'
    )


def _link(chapter: Chapter, source: str) -> str:
    return link(f"{chapter.faq}. {chapter.title}", chapter.path, source)


_ROW, _LEFT, _WIDTH = 20, 72, 290  # a line's height; where the dots stand; the whole


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
    bulge = min(11 + 3.5 * (bottom - top) / _ROW, _LEFT - 8)
    return (
        f'<path data-needs="{name}" d="M{_LEFT} {bottom:g} C{_LEFT - 1.33 * bulge:.1f} {bottom:g} '
        f'{_LEFT - 1.33 * bulge:.1f} {top:g} {_LEFT} {top:g}"/>'
    )


def _dot(chapter: Chapter, y: float, source: str) -> str:
    """Not a tab stop: the list has the same links as words."""
    label = html.escape(f"{chapter.faq}. {chapter.title}")
    return (
        f'<a href="{url(chapter.path, source)}" tabindex="-1"><circle cx="{_LEFT}" cy="{y:g}" r="3.5"/>'
        f'<text x="{_LEFT + 11}" y="{y + 4:g}">{label}</text></a>'
    )
