"""Pages that are written by the build: one a claim, their index, the reference of each topic.

Pure: report in, Markdown out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from _site import words
from _site.cards import checked
from _site.claim_page import Around, Chapters, claim_page
from _site.model import Claim, Report, Topic
from _site.words import link


def homes_of(topics: Iterable[Topic]) -> dict[str, str]:
    """Where each public name is documented."""
    return {n.rpartition(".")[2]: f"reference/{t.name}.md#mathcore.{n}" for t in topics for n in t.names}


def generated(report: Report, topics: Sequence[Topic], around: Around) -> dict[str, str]:
    """Path → Markdown of every page that the build writes."""
    pages = {claim.page: claim_page(claim, report, around) for claim in report.claims}
    pages.update({f"reference/{topic.name}.md": reference(topic, report) for topic in topics})
    return pages


def reference(topic: Topic, report: Report) -> str:
    """The public names of a topic, each with what is claimed of it."""
    path = f"reference/{topic.name}.md"
    parts = [
        f"---\ntitle: {topic.name}\nsearch:\n  boost: 0.7\n---",
        f"# {topic.title}",
        f"`mathcore.{topic.name}`\n{{ .mc-where }}",
    ]
    for public in topic.names:
        name = public.rpartition(".")[2]
        about = [claim for claim in report.claims if name in claim.needs]
        parts += [f"::: mathcore.{public}", checked(about, name, path)]
    return "\n\n".join(part for part in parts if part) + "\n"


def claims_table(claims: Iterable[Claim], source: str, chapters: Chapters) -> str:
    """The index: a plain table for each topic, folded; a script makes all of them searchable."""
    topics: dict[str, list[Claim]] = {}
    for claim in claims:
        topics.setdefault(claim.topic, []).append(claim)
    folds = [_fold(topic, topics[topic], source, chapters) for topic in sorted(topics)]
    return "\n\n".join(['<div class="mc-index" data-search-exclude markdown>', *folds, "</div>"])


def _fold(topic: str, claims: Sequence[Claim], source: str, chapters: Chapters) -> str:
    head = ["| Verdict | Claim | FAQ | Evidence | Worst error |", "|---|---|---|---|---|"]
    table = "\n".join([*head, *(_row(claim, source, chapters) for claim in claims)])
    title = f"{words.titled(topic)} <small>{words.plural(len(claims), 'claim')}</small>"
    return (
        f'<details class="mc-frozen" id="{topic}" data-topic="{topic}" markdown><summary>{title}</summary>\n\n'
        f"{table}\n\n</details>"
    )


def _row(claim: Claim, source: str, chapters: Chapters) -> str:
    chapter = None if claim.faq is None else chapters.get(claim.faq)
    cells = [
        f'<span class="mc-tag {words.style(claim)}">{words.verdict(claim)}</span>',
        f"{link(f'`{claim.id}`', claim.page, source)}<br>{claim.statement}",
        link(str(claim.faq), chapter[0], source) if chapter else "–",
        ", ".join(claim.evidence),
        "exact" if claim.allowance == 0 and claim.worst == 0 else words.share(claim.worst),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def counts(report: Report) -> str:
    """The build in numbers."""
    verdicts = [claim.verdict for claim in report.claims]
    wrong = [caught for claim in report.claims for caught in claim.mutants.values()]
    cases = sum(claim.examples for claim in report.claims)
    facts: Mapping[str, str] = {
        "claims checked in this build": f"{len(report.claims):,}",
        "not refuted as they stand": f"{verdicts.count('holds'):,}",
        "true with a condition": f"{verdicts.count('holds_if'):,}",
        "refuted as stated": f"{verdicts.count('refuted'):,}",
        "cases tried": f"{cases:,}",
        "wrong implementations caught": f"{sum(wrong):,} of {len(wrong):,}",
    }
    entries = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f'<dl class="mc-counts">{entries}</dl>'
