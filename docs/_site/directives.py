"""What a page can ask for with a line `<!-- site: NAME … -->`, and what is filled in there. Pure.

A drawing is filled in as an empty element, `<div data-figure="…">`, that is drawn when the page is rendered: Markdown
would not leave SVG alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from _site import (
    argument_page,
    benchmark_page,
    break_panel,
    bugs_page,
    cells,
    conformance_page,
    exercises,
    folders,
    import_page,
    kernel_page,
    operations_page,
    pages,
    wheel,
)
from _site.cards import cards, folded, lines
from _site.course import contents
from _site.model import Claim, SiteError
from _site.words import link, plural

if TYPE_CHECKING:
    from _site.build import Site

DIRECTIVE = re.compile(r"^<!-- site: (\w+)(?: (.*?))? -->$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page that asks: its text and path, and the number of the chapter, if it is one."""

    site: Site
    markdown: str
    path: str
    faq: int | None

    def filled(self, markdown: str) -> str:
        """The text with all that it asks for.

        Raises:
            SiteError: for a line that asks for something that does not exist.
        """
        wants = self._wants()

        def fill(match: re.Match[str]) -> str:
            if match[1] not in wants:
                raise SiteError(f"no such thing to fill in: {match[0]}")
            return wants[match[1]](match[2] or "")

        return DIRECTIVE.sub(fill, markdown)

    def _wants(self) -> Mapping[str, Callable[[str], str]]:
        drawn = {name: _drawn(name) for name in ("scoreboard", "map", "whole", "imports")}  # there is one each
        return {**self._of_chapters(), **self._of_claims(), **self._of_libraries(), **drawn}

    def _of_chapters(self) -> dict[str, Callable[[str], str]]:
        site, path = self.site, self.path
        return {
            "claims": lambda _: cards([claim for claim in site.report.claims if claim.faq == self.faq], path),
            "break": lambda _: break_panel.panel([b for b in site.breaks if b.faq == self.faq], site.report, path),
            "picture": self._picture,
            "figure": self._live,
            "cell": lambda name: cells.cell(cells.named(site.cells, name), site.report, path, runs=bool(site.python)),
            "exercises": lambda _: self._exercises(),
            "chapters": lambda _: self._contents(),
        }

    def _of_claims(self) -> dict[str, Callable[[str], str]]:
        site, path = self.site, self.path
        return {
            "beyond": lambda patterns: folded(self._unasked(patterns.split()), path),
            "named": lambda names: lines(named(site, names.split()), path),
            "table": lambda _: pages.claims_table(site.report.claims, path, site.chapters),
            "counts": lambda _: pages.counts(site.report),
            "provenance": lambda _: self._provenance(),
        }

    def _of_libraries(self) -> dict[str, Callable[[str], str]]:
        site, path = self.site, self.path
        return {
            "functions": lambda _: import_page.overview(site.topics, site.functions, path),
            "arguments": lambda _: argument_page.overview(site.arguments),
            "operations": lambda _: self._operations(),
            "topics": lambda _: self._topics(),
            "kernel": lambda name: kernel_page.listing(site.kernels, name),
            "run": lambda name: kernel_page.session(site.kernels[name]),
            "bugs": lambda _: bugs_page.overview(site.bugs.bugs, path),
            "false_alarms": lambda _: bugs_page.false_alarms(site.bugs.false_alarms),
            "alarms_moved": lambda _: bugs_page.alarms_moved(site.bugs.false_alarms, path),
            "conformance": lambda _: conformance_page.conformance(site.libraries, site.report, path),
            "convention": self._convention,
            "benchmarks": self._benchmarks,
            "install": lambda _: wheel.install_line(site.wheel.name, path) if site.wheel else "",
            "folders": lambda _: folders.listing(site.folders),
        }

    def _picture(self, name: str) -> str:
        pictures = self.site.pictures
        if name not in pictures:
            raise SiteError(f"no picture is called {name!r}; there are {', '.join(sorted(pictures))}")
        return (
            f'<figure class="mc-figure" markdown><div data-figure="picture {name}"></div>\n\n'
            f'<figcaption markdown="span">{pictures[name].caption}</figcaption></figure>'
        )

    def _live(self, name: str) -> str:
        if name not in self.site.live:
            raise SiteError(f"no figure is called {name!r}; there are {', '.join(sorted(self.site.live))}")
        return f'<div data-figure="live {name}"></div>'

    def _exercises(self) -> str:
        site = self.site
        if str(self.faq) not in site.exercises:
            raise SiteError(f"chapter {self.faq} has no exercises: mathcore/exercises has no file of its number")
        asked, placed = site.exercises[str(self.faq)], cells.placed(self.markdown)
        return exercises.exercises(asked, site.cells, site.report, self.path, runs=bool(site.python), placed=placed)

    def _contents(self) -> str:
        claims = Counter(claim.faq for claim in self.site.report.claims if claim.faq)
        places = {int(faq): [exercises.place(e) for e in asked] for faq, asked in self.site.exercises.items()}
        return contents(self.site.course, claims, places, self.path)

    def _unasked(self, patterns: Sequence[str]) -> list[Claim]:
        """The claims that belong to no question and whose ids fit."""
        unasked = [claim for claim in self.site.report.claims if claim.faq is None]
        idle = [p for p in patterns if not any(fnmatchcase(claim.id, p) for claim in unasked)]
        if self.site.whole and idle:
            raise SiteError(f"no claim without a question is called {', '.join(idle)}")
        return [claim for claim in unasked if any(fnmatchcase(claim.id, p) for p in patterns)]

    def _provenance(self) -> str:
        report = self.site.report
        environment = ", ".join(f"{name} {value}" for name, value in report.environment.items())
        return (
            f"{plural(len(report.claims), 'claim')} in {report.seconds:.0f} s; profile {report.profile}, "
            f"seed {report.seed}; {report.date}; {environment}; key {report.key}.\n{{ .mc-provenance }}"
        )

    def _topics(self) -> str:
        entries = []
        for topic in self.site.topics:
            page = f"reference/{topic.name}.md"
            names = ", ".join(link(f"`{n}`", f"{page}#mathcore.{n}", self.path) for n in topic.names)
            entries.append(f"{link(topic.title, page, self.path)}\n:   {names}")
        return "\n\n".join(entries)

    def _operations(self) -> str:
        site = self.site
        return operations_page.overview(site.operations, site.functions, site.topics, site.report, self.path)

    def _convention(self, name: str) -> str:
        table = conformance_page.convention(name, self.site.libraries)
        return f'<div class="mc-runs" markdown>\n\n{table}\n\n</div>'

    def _benchmarks(self, part: str) -> str:
        timed, judged = self.site.benchmarks["speed"], self.site.benchmarks["accuracy"]
        parts = {
            "speed": lambda: benchmark_page.speed(timed),
            "accuracy": lambda: benchmark_page.accuracy(judged),
            "nearer": lambda: benchmark_page.nearer(judged),
            "how": lambda: "\n\n".join(map(benchmark_page.provenance, (timed, judged))),
        }
        return parts[part]()


def named(site: Site, ids: Sequence[str]) -> list[Claim]:
    """The claims of these ids, of those that ran.

    Raises:
        SiteError: if there is none of one, and all ran.
    """
    if site.whole and (unknown := [name for name in ids if name not in site.report.by_id]):
        raise SiteError(f"no claim is called {', '.join(unknown)}")
    return [site.report.by_id[name] for name in ids if name in site.report.by_id]


def _drawn(name: str) -> Callable[[str], str]:
    return lambda _: f'<div data-figure="{name}"></div>'
