"""The site as a whole, joined from pages, claims, verdicts and pictures. Knows nothing of MkDocs."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _site import (
    after,
    argument_page,
    benchmark_page,
    bugs_page,
    cells,
    children,
    conformance_page,
    directives,
    finding,
    folders,
    import_page,
    operations_page,
    pages,
    python_in_pages,
    rulers,
    says,
    scripts,
    terms,
    wheel,
)
from _site.claim_page import Around
from _site.course import Chapter, Course, course_map, grouped, needs_sentence, read_chapters
from _site.formulas import set_formulas
from _site.import_page import Described
from _site.live.html_of import live_figure
from _site.model import Break, Bugs, Claim, Picture, Report, SiteError, Topic
from _site.notebook import Call, Material, notebook
from _site.whole.html_of import whole_model
from _site.words import link, plural, titled

_FIGURE = re.compile(r'<div data-figure="([^"]*)"></div>')
_LEAD = re.compile(r"^\{ [^}\n]*\.mc-lead\b[^}\n]*\}\n", re.MULTILINE)


@dataclass(frozen=True)
class Site:
    """What the pages are filled from."""

    report: Report
    topics: Sequence[Topic]
    pictures: Mapping[str, Picture]
    live: Mapping[str, Mapping[str, Any]]
    model: Mapping[str, Any]  # of the course, as `_site.whole.told` tells it
    bugs: Bugs
    breaks: Sequence[Break]
    course: Course
    examples: Mapping[str, Sequence[Call]]
    functions: Mapping[str, Described]
    kernels: Mapping[str, Mapping[str, Any]]
    cells: Mapping[str, cells.Told]
    exercises: Mapping[str, Sequence[Mapping[str, Any]]]
    libraries: Sequence[conformance_page.Library]
    operations: operations_page.Operations
    benchmarks: Mapping[str, benchmark_page.Recorded]
    folders: folders.Folders
    scripts: Mapping[str, str]  # path in the site → script
    python: Mapping[str, Path] = field(default_factory=dict)  # path in the site → file of Python for the browser
    arguments: Sequence[argument_page.Cell] = ()
    wheel: Path | None = None
    keywords: finding.Keywords = field(default_factory=dict)
    whole: bool = True  # whether every claim ran
    glossary: Sequence[terms.Term] = ()
    pages: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        checked = cells.places(self.cells, self.course)
        around = Around(self.chapters, pages.homes_of(self.topics), self.bugs.bugs, checked)
        written = pages.generated(self.report, self.topics, around)
        written |= bugs_page.pages(self.bugs.bugs, self.report)
        written |= import_page.pages(self.topics, self.functions, self.report, self.benchmarks["speed"])
        written |= conformance_page.pages(self.libraries, self.report)
        written |= {self._notebook_of(c): self._notebook(c) for c in self.course.values()}
        written |= {"claims.json": self.report.text, **self.scripts}
        object.__setattr__(self, "pages", written)

    @property
    def chapters(self) -> dict[int, tuple[str, str]]:
        """Question → path and title."""
        return {faq: (chapter.path, chapter.title) for faq, chapter in self.course.items()}

    @property
    def files(self) -> dict[str, Path]:
        """Path in the site → file that is published as it is."""
        return {**self.python, **({self.wheel.name: self.wheel} if self.wheel else {})}

    def navigation(self, nav: list[Any]) -> list[Any]:
        """The navigation with the chapters, numbered and in groups, and with the pages that the build writes."""
        more: dict[str, list[Any]] = {
            "Read": [{title: [{c.name: c.path} for c in chapters]} for title, chapters in grouped(self.course)],
            "Import": import_page.navigation(self.topics, self.functions),
            "Real bugs": bugs_page.navigation(self.bugs.bugs),
            "Reference": [{titled(t.name): f"reference/{t.name}.md"} for t in self.topics],
        }
        return [_extended(entry, more) for entry in nav]

    def before(self, markdown: str, path: str, meta: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The first step, Markdown to Markdown: what a page asks for filled in, and what the search reads of it.

        Raises:
            SiteError: for a `<!-- site: … -->` line that asks for something that does not exist.
        """
        return self._filled(markdown, path, meta), finding.findable(path, meta, self.keywords)

    def after(self, page: str, path: str) -> str:
        """The second step, HTML to HTML: figures drawn, formulas set, code copied as code, the rest unsearched."""
        if number := terms.numbered(self.course, path):
            page = terms.linked(page, self.glossary, number, path)
        drawn = _FIGURE.sub(lambda m: self._figure(html.unescape(m[1]), path), page)
        return finding.unsearched(after.copied_as_code(set_formulas(drawn)))

    def _filled(self, markdown: str, path: str, meta: Mapping[str, Any]) -> str:
        faq = meta.get("faq")
        text = terms.with_chapters(markdown, self.course) if path == terms.PAGE else markdown
        text = says.marked(self._introduced(text, faq), lambda ids: says.dots(directives.named(self, ids), path))
        return directives.Page(self, markdown, path, faq).filled(text)

    def _figure(self, request: str, path: str) -> str:
        kind, *words = request.split()
        if kind == "ruler":
            return rulers.ruler(self.report.by_id[words[0]])
        if kind == "histogram":
            return rulers.histogram(self.report.by_id[words[0]].checks[int(words[1])])
        if kind == "picture":
            return self.pictures[words[0]].svg
        if kind == "live":
            return live_figure(words[0], self.live[words[0]])
        if kind == "map":
            return course_map(self.course, path)
        if kind == "whole":
            return whole_model(self.model, self.course, path)
        if kind == "cell":
            return cells.data(self.cells[words[0]])
        if kind == "imports":
            return folders.picture(self.folders)
        return rulers.scoreboard(self.report, path)

    def _introduced(self, markdown: str, faq: int | None) -> str:
        """A chapter with what it builds on, and its notebook, below its first paragraph."""
        if faq is None or faq not in self.course:
            return markdown
        chapter = self.course[faq]
        notebook = link("As a notebook", self._notebook_of(chapter), chapter.path)
        dots = link("A dot leads to the claim that says so", "verdicts.md#the-three-labels", chapter.path)
        line = f"{needs_sentence(chapter, self.course)}{notebook}, with what this build got. {dots}.\n{{ .mc-meta }}\n"
        return _LEAD.sub(lambda lead: f"{lead[0]}\n{line}", markdown, count=1)

    def _notebook_of(self, chapter: Chapter) -> str:
        return chapter.path.removesuffix(".md") + ".ipynb"

    def _notebook(self, chapter: Chapter) -> str:
        claims = [claim for claim in self.report.claims if claim.faq == chapter.faq]
        asked = self.exercises.get(str(chapter.faq), ())
        return notebook(
            chapter, Material(self.examples.get(chapter.path, ()), claims, asked, self.cells, self.pictures)
        )


def assemble(root: Path, options: Mapping[str, Any], *, lenient: bool = False) -> Site:
    """Run, or recall, everything that the pages show.

    Args:
        root: the repository.
        options: `profile` of the run; `claims`, names to limit it to, all if empty.
        lenient: show claims that do not stand instead of stopping.

    Raises:
        SiteError: if a claim does not stand, misses a real bug or takes what is right for one; the message names it.
    """
    report = children.run_claims(root, options["profile"], options["claims"])
    _refuse_what_does_not_stand(report, lenient=lenient)
    computed = _computed(root, options["claims"])
    if computed["bugs"].broken and not lenient:
        raise SiteError("the claims are wrong about real bugs:\n" + "\n".join(computed["bugs"].broken))
    docs = root / "docs"
    course = read_chapters(docs)
    return Site(
        report=report,
        course=course,
        libraries=conformance_page.read_libraries(root),
        operations=operations_page.read_operations(docs / "_site"),
        benchmarks=benchmark_page.read_benchmarks(root),
        folders=folders.read_folders(root),
        scripts=scripts.all_of(docs),
        python=python_in_pages.published(root),
        wheel=wheel.build(root),
        keywords=finding.read_keywords(docs / "_site"),
        whole=not options["claims"],
        glossary=terms.read_terms((docs / terms.PAGE).read_text(encoding="utf-8"), course),
        **computed,
    )


def _refuse_what_does_not_stand(report: Report, *, lenient: bool) -> None:
    if not report.claims:
        raise SiteError("no claim ran")
    if report.broken:
        complaint = "\n".join(map(_complaint, report.broken))
        if not lenient:
            raise SiteError(f"{plural(len(report.broken), 'claim')} of this site do not stand:\n{complaint}")
        sys.stderr.write(f"{complaint}\n")


def _computed(root: Path, claims: Sequence[str]) -> dict[str, Any]:
    """What children compute, by the names that `Site` has for it; the slowest first."""
    jobs: dict[str, Callable[[Path], Any]] = {
        "bugs": children.try_bugs,
        "breaks": lambda root: children.break_chapters(root, claims),
        "pictures": children.draw_pictures,
        "live": children.compute_live,
        "model": children.compute_model,
        "examples": children.run_examples,
        "kernels": children.run_kernels,
        "judged": children.judge_exercises,
        "topics": children.list_topics,
        "functions": children.describe_functions,
        "arguments": children.try_arguments,
    }
    with ThreadPoolExecutor(2) as two:  # these threads only wait
        waiting = {name: two.submit(job, root) for name, job in jobs.items()}
    told = {name: one.result() for name, one in waiting.items()}
    return {**told.pop("judged"), **told}  # of cells and exercises a child tells together


def _complaint(claim: Claim) -> str:
    survivors = [name for name, caught in claim.mutants.items() if not caught]
    found = claim.failure
    what = [f"{claim.id}: {claim.outcome.replace('_', ' ')}", claim.statement, claim.detail]
    what += [f"survived: {', '.join(survivors)}"] if survivors else []
    what += [f"{name} = {value}" for name, value in found.inputs.items()] if found else []
    return "\n  ".join(filter(None, what))


def _extended(entry: Any, more: Mapping[str, list[Any]]) -> Any:
    """A section of the navigation with more pages, behind its first."""
    section = next(iter(entry)) if isinstance(entry, dict) else ""
    if section not in more:
        return entry
    first, *rest = entry[section]
    return {section: [first, *more[section], *rest]}
