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

from _site import says
from _site.model import SiteError
from _site.words import link, plural, url

_FRONT = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
_QUESTION = re.compile(r"^faq: (\d+)$", re.MULTILINE)
_TITLE = re.compile(r"^title: (.+)$", re.MULTILINE)
_NEEDS = re.compile(r"^needs: \[([\d, ]*)\]$", re.MULTILINE)
_ANSWER = re.compile(r"^answer: (.+)$", re.MULTILINE)
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
        told = _ANSWER.search(front[1])
        whole = text[front.end() :]
        course[faq] = Chapter(faq, f"learn/{page.name}", title[1], before, whole, told[1] if told else "")
    return course


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
