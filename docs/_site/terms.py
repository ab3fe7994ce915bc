"""The words of the course: read from its glossary, and linked where a page first uses them. Pure.

Each stands once, in `docs/learn/glossary.md`, with the chapter that introduces it:

    token { #token data-from=5 }
    :   A piece of text that has a number of its own. …

Names with a comma between them are one term. `data-also="…"` adds forms that are found in texts. A word that has an
everyday sense as well is linked in the chapters that mean this one: `data-in=20-22`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from _site.course import Course
from _site.markup import parts
from _site.model import SiteError
from _site.words import link, plain, url

PAGE = "learn/glossary.md"
_ENTRY = re.compile(
    r"^(?P<names>[^\n{]+) \{ #(?P<id>[\w-]+)(?P<rest>[^}\n]*) \}\n:   (?P<text>.+?)(?=\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"\s*<!-- site: [^\n]* -->")
_SENTENCE = re.compile(r"(?<=\.)\s|(?<=\.\")\s")
_OPTION = re.compile(r'data-(\w+)=(?:"([^"]*)"|(\S+))')
_NO_PROSE = {"a", "autoref", "button", "code", "dt", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "label", "math"}
_NO_PROSE |= {"pre", "script", "select", "style", "summary", "svg", "textarea", "th"}
_OF_THE_SITE = re.compile(r'class="[^"]*\b(?:arithmatex|mc-(?!lead\b|second\b))')  # cards, dots, figures, cells


@dataclass(frozen=True)
class Term:
    """A word, its forms, one sentence that says what it means, and the chapter that introduces it."""

    id: str
    forms: tuple[str, ...]
    tip: str
    since: int | None
    meant: range | None  # the chapters that mean this by the word; None for all pages

    def is_meant(self, number: int) -> bool:
        """Whether a page with this number means this by the word."""
        return self.meant is None or number in self.meant


def read_terms(glossary: str, course: Course) -> tuple[Term, ...]:
    """The terms of the glossary.

    Raises:
        SiteError: if a term names a chapter that there is not, stands there twice, or begins with more than words.
    """
    terms = tuple(_term(entry, course) for entry in _ENTRY.finditer(glossary))
    forms = [form for term in terms for form in term.forms]
    if twice := sorted({form for form in forms if forms.count(form) > 1}):
        raise SiteError(f"{PAGE} has two terms of one name: {', '.join(twice)}")
    return terms


def _term(entry: re.Match[str], course: Course) -> Term:
    options = {name: quoted or bare for name, quoted, bare in _OPTION.findall(entry["rest"])}
    since = options.get("from")
    if since is not None and (not since.isdecimal() or int(since) not in course):
        raise SiteError(f"{PAGE}: {entry['names']!r} is from chapter {since}, which there is not")
    forms = [*entry["names"].split(", "), *filter(None, options.get("also", "").split(", "))]
    text = " ".join(_MARK.sub("", entry["text"]).split())
    tip = _SENTENCE.split(text, maxsplit=1)[0]
    if re.search(r"[$`\[*]", tip):  # a tooltip has no markup
        raise SiteError(f"{PAGE}: the first sentence of {entry['names']!r} must be plain words, got {tip!r}")
    first, _, last = options.get("in", "").partition("-")
    meant = range(int(first), int(last) + 1) if first else None
    return Term(entry["id"], tuple(forms), tip, None if since is None else int(since), meant)


def with_chapters(glossary: str, course: Course) -> str:
    """The glossary with a link from each term to the chapter that introduces it."""

    def fill(entry: re.Match[str]) -> str:
        since = _term(entry, course).since
        if since is None:
            return entry[0]
        chapter = course[since]
        title = f"{chapter.faq}.\u00a0{chapter.title}"
        return f"{entry[0]}\n    {link(title, chapter.path, PAGE)}"

    return _ENTRY.sub(fill, glossary)


def linked(page: str, terms: Sequence[Term], number: int, source: str) -> str:
    """The rendered page with the first use of each term linked to the glossary, prose alone."""
    by_form = {form: term for term in terms if term.is_meant(number) for form in _variants(term)}
    if not by_form:
        return page
    spaced = (r"\s+".join(map(re.escape, form.split())) for form in sorted(by_form, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(spaced)})(?![\w-])", re.IGNORECASE)
    seen: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        form = " ".join(match[0].split())
        term = by_form.get(form) or by_form.get(form[0].lower() + form[1:])
        if term is None or term.id in seen:
            return match[0]
        seen.add(term.id)
        place = f"{url(PAGE, source)}#{term.id}"
        return f'<a class="mc-term" href="{place}" title="{plain(term.tip)}">{match[0]}</a>'

    return "".join(
        part if skipped or part.startswith("<") else pattern.sub(fill, part) for part, skipped in parts(page, no_prose)
    )


def _variants(term: Term) -> Iterator[str]:
    for form in term.forms:
        yield from (form, f"{form}s", f"{form}es")


def no_prose(name: str, tag: str) -> bool:
    """Whether an element is a heading, a link, code, a formula, a figure or a card."""
    return name in _NO_PROSE or bool(_OF_THE_SITE.search(tag))


def numbered(course: Course, path: str) -> int | None:
    """The number of a chapter; one behind them all for the pages that go on explaining; none for others."""
    number = next((chapter.faq for chapter in course.values() if chapter.path == path), None)
    goes_on = path.startswith("learn/beyond/") or path == "learn/not-mathematics.md"
    return max(course, default=0) + 1 if number is None and goes_on else number
