"""All chapters on one page, to be printed: the rendered chapters without cells that run and without cards. Pure."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping

from _site.course import Chapter, Course
from _site.markup import without

PAGE = "learn/all.md"
_ID = re.compile(r'\sid="([^"]+)"')
_HEADING = re.compile(r"<(/?)h([1-5])\b")
_ALIVE = re.compile(r'\sdata-(?:cell|exercise|python)="[^"]*"|(?<=class="mc-exercise)(?=")')  # what scripts look for
_SECOND = re.compile(r'<details class="mc-second"')
_NOT_PRINTED = re.compile(r'class="(?:mc-(?:card|break|hint|answer|cell-broken|cell-why)|headerlink)\b')
_ASKS = 'name="exercise-'  # a field of an exercise
_POINTS = re.compile(r'(\s(?:id|for|aria-labelledby|aria-controls|aria-describedby)="|\shref="#)([^"]+)(?=")')


def joined(course: Course, contents: Mapping[str, str]) -> str:
    """The chapters one after the other.

    Args:
        course: question → chapter.
        contents: path → the rendered page; all of one depth, so that what they link to stays where it is.
    """
    rendered = {faq: _printed(contents[chapter.path]) for faq, chapter in sorted(course.items())}
    times = Counter(name for page in rendered.values() for name in set(_ID.findall(page)))
    twice = {name for name, pages in times.items() if pages > 1}
    listed = "".join(f'<li><a href="#chapter-{faq}">{html.escape(course[faq].title)}</a></li>' for faq in rendered)
    articles = (_article(course[faq], page, twice) for faq, page in rendered.items())
    return f'<ol class="mc-contents">{listed}</ol>' + "".join(articles)


def _article(chapter: Chapter, page: str, twice: set[str]) -> str:
    """Anchors that other chapters have as well get the number of theirs."""
    numbered = _POINTS.sub(lambda m: f"{m[1]}{chapter.faq}-{m[2]}" if m[2] in twice else m[0], page)
    label = f'<p class="mc-label">Chapter {chapter.faq}</p>'
    return f'<article class="mc-chapter" id="chapter-{chapter.faq}">{label}{numbered}</article>'


def _printed(page: str) -> str:
    text = without(page, lambda name, tag: bool(_NOT_PRINTED.search(tag)) or (name == "input" and _ASKS in tag))
    text = _SECOND.sub('<details open class="mc-second"', _ALIVE.sub(lambda m: "" if m[0] else "-still", text))
    return _HEADING.sub(lambda m: f"<{m[1]}h{int(m[2]) + 1}", text)
