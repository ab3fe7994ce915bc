"""The page of one claim: what it says, how it came out, how that was tried, the numbers, then all the evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from _site import words
from _site.bugs_page import heading, page_of
from _site.cards import line
from _site.model import Bug, Check, Claim, Finding, Report
from _site.words import code_block, link
from mathcore.verify.notation import latex

Chapters = Mapping[int, tuple[str, str]]  # question → (path of its page, its title)
Homes = Mapping[str, str]  # public name → anchor of its documentation

UNSEARCHED = "{ data-search-exclude }"
"""Behind a heading: the search knows a claim by its id, its sentence and its condition."""


@dataclass(frozen=True)
class Around:
    """What there is beside a claim: the pages that speak of it."""

    chapters: Chapters = field(default_factory=dict)
    homes: Homes = field(default_factory=dict)
    bugs: Sequence[Bug] = ()
    cells: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # claim → (title, place) of cells


def claim_page(claim: Claim, report: Report, around: Around) -> str:
    """The page as Markdown."""
    parts = [
        _head(claim),
        f"# {claim.statement}",
        _where(claim, around),
        _verdict(claim),
        f"$$\n{claim.formula}\n$$",
        _legend(claim),
        _restated(claim),
        _box(claim, report, around),
        _finding("What went wrong", claim.failure),
        _tried(claim),
        _errors(claim),
        _measured(claim),
        _finding(_counterexample_title(claim), claim.counterexample),
        _teeth(claim),
        _allowance(claim),
        _checks(claim.checks),
        _again(claim, report),
        _neighbours(claim, report),
        _provenance(claim, report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(claim: Claim) -> str:
    """A search finds it by its id and its sentence, after the chapters."""
    title = json.dumps(words.unmarked(claim.statement.rstrip(".")), ensure_ascii=False)
    return f"---\ntitle: {title}\nhide: [navigation]\ntags: [{claim.id}]\nsearch:\n  boost: 0.5\n---"


def _where(claim: Claim, around: Around) -> str:
    steps = [link("Claims", "claims/index.md", claim.page)]
    if claim.faq is not None and claim.faq in around.chapters:
        path, title = around.chapters[claim.faq]
        steps.append(link(f"{claim.faq}. {title}", path, claim.page))
    return " / ".join([*steps, f"`{claim.id}`"]) + "\n{ .mc-where data-search-exclude }"


def _box(claim: Claim, report: Report, around: Around) -> str:
    """Everything else on this site that has to do with the claim."""
    page, homes = claim.page, around.homes
    chapter = around.chapters.get(claim.faq or 0)
    above = [other for other in report.claims if claim.id in other.rests_on]
    bugs = [bug for bug in around.bugs if claim.id in (bug.claim, *bug.others)]
    rows = {
        "Try it": [link(title, place, page) for title, place in around.cells.get(claim.id, ())],
        "Chapter": [link(f"{claim.faq}. {chapter[1]}", chapter[0], page)] if chapter else [],
        "About": [link(f"`{name}`", homes[name], page) if name in homes else f"`{name}`" for name in claim.needs],
        "Rests on": [f"[{words.plural(len(claim.rests_on), 'claim')}](#around-it)"] if claim.rests_on else [],
        "On it rest": [f"[{words.plural(len(above), 'claim')}](#around-it)"] if above else [],
        "Catches": [f"[{words.plural(len(claim.mutants), 'wrong implementation')}](#what-it-catches)"]
        if claim.mutants
        else [],
        "Real bugs": [link(heading(bug), f"{page_of(bug.section)}#{bug.id}", page) for bug in bugs],
    }
    shown = [f"{name}\n:   " + "<br>".join(entries) for name, entries in rows.items() if entries]
    title = '<p class="mc-box-title">Related</p>'
    return "\n\n".join(
        ['<aside class="mc-box" aria-label="Related" data-search-exclude markdown>', title, *shown, "</aside>"]
    )


def _verdict(claim: Claim) -> str:
    rungs = "; ".join(f"**{e}**: {words.EVIDENCE[e]}" for e in claim.evidence)
    legend = link("What this does and does not mean.", "verdicts.md", claim.page)
    return "\n\n".join(
        [
            f'<div class="mc-verdict {words.style(claim)}" markdown>',
            f'<p class="mc-label">{words.verdict(claim)}</p>',
            f"{words.sentence(claim)} {legend}",
            f"{rungs}.\n{{ .mc-meta }}",
            "</div>",
        ]
    )


def _legend(claim: Claim) -> str:
    parts = [f"${latex(symbol, claim.formula)}$ is {meaning}" for symbol, meaning in claim.legend.items()]
    return f"Here {'; '.join(parts)}.\n{{ .mc-legend }}" if parts else ""


def _tried(claim: Claim) -> str:
    """What the operations got in this build, and what the claim leaves out of their domain."""
    if not (claim.tried or claim.limits):
        return ""
    rows = [f"| `{argument}` | {what} |" for argument, what in claim.tried.items()]
    table = ["\n".join(["| Argument | Tried on |", "|---|---|", *rows])] if rows else []
    limits = ["What this search leaves out: " + "; ".join(claim.limits) + "."] if claim.limits else []
    return "\n\n".join([f"## How it was tried {UNSEARCHED}", *limits, *table])


def _restated(claim: Claim) -> str:
    lines = []
    if claim.condition:
        lines.append(f"Condition\n:   {claim.condition}")
    if claim.corrected:
        lines.append(f"What is true\n:   {claim.corrected}")
    if claim.source:
        lines.append(f"Source\n:   {claim.source}")
    return "\n\n".join(lines)


def _errors(claim: Claim) -> str:
    figures = [_figure(claim, i, check) for i, check in enumerate(claim.checks) if check.evidence != "counterexample"]
    if claim.worst is None:
        return ""
    if claim.allowance == 0 and claim.worst == 0:
        words_for = "Nothing is allowed: both sides must agree exactly, and they did in every case."
    else:
        words_for = (
            f"The largest error seen is **{words.share(claim.worst)}** of what the derivation below allows; "
            f"at that place it allows {words.number(claim.allowance)}."
        )
        if claim.worst and claim.worst < 0.01:
            words_for += " That is a small fraction: the bound is safe, not tight."
    return "\n\n".join([f"## Worst error {UNSEARCHED}", words_for, *filter(None, figures)])


def _figure(claim: Claim, index: int, check: Check) -> str:
    if not check.histogram.bins:
        return ""
    caption = (
        f"{words.EVIDENCE[check.evidence]}: {words.plural(check.examples, 'case')}, each counted at its worst error."
    )
    return (
        f'<figure class="mc-figure" markdown><div data-figure="histogram {claim.id} {index}"></div>\n'
        f"<figcaption>{caption[0].upper()}{caption[1:]}</figcaption></figure>"
    )


def _measured(claim: Claim) -> str:
    if not claim.measured:
        return ""
    rows = [f"{name.replace('_', ' ')}\n:   {value}" for name, value in claim.measured.items()]
    return "\n\n".join([f"## Measured {UNSEARCHED}", *rows])


def _counterexample_title(claim: Claim) -> str:
    """Of one that holds as it stands, the counterexample is to the sentence without its allowance for rounding."""
    titles = {"refuted": "Why not as stated", "holds_if": "Why the condition is needed"}
    return titles.get(claim.verdict, "Without the allowance it is false")


def _finding(title: str, finding: Finding | None) -> str:
    if finding is None:
        return ""
    kind = {"smallest": "The smallest one of a finite domain", "shrunk": "Found by search, then shrunk"}[finding.kind]
    lines = [f"{name} = {text}" for name, text in finding.inputs.items()]
    if finding.crashed:
        outcome = finding.lhs
    else:
        outcome = f"{finding.lhs}  {finding.relation}  {finding.rhs}   is false"
        if finding.error not in ("inf", "nan"):  # then there is no distance that could be told
            outcome += f": error {finding.error}, allowed {finding.allowance}"
    place = f"\n{finding.place}" if finding.place else ""
    return "\n\n".join([f"## {title}", f"{kind}:", code_block("\n".join([*lines, "", outcome]) + place)])


def _teeth(claim: Claim) -> str:
    if not claim.mutants:
        return ""
    lines = [
        f"## What it catches {UNSEARCHED}",
        "Implementations that are wrong on purpose; this claim must refute each of them.",
    ]
    notes = claim.mutant_notes
    lines.append("\n".join(f"- **{_said(caught)}** `{n}`: {notes.get(n, '')}" for n, caught in claim.mutants.items()))
    return "\n\n".join(lines)


def _said(caught: bool) -> str:
    return "Refuted" if caught else "SURVIVED"


def _allowance(claim: Claim) -> str:
    if not claim.tolerances:
        return ""
    parts = [f"## Where the allowance comes from {UNSEARCHED}"]
    for tolerance in claim.tolerances:
        parts += [f"### `{tolerance.name}` {UNSEARCHED}", words.spaced(tolerance.derivation)]
    return "\n\n".join(parts)


def _checks(checks: Iterable[Check]) -> str:
    parts = [f"## The check itself {UNSEARCHED}"]
    for check in checks:
        what = words.EVIDENCE[check.evidence]
        parts += [
            f"{what[0].upper()}{what[1:]}, {words.plural(check.examples, 'case')}:",
            code_block(check.source, "python", f'title="{check.file}:{check.line}" linenums="{check.line}"'),
        ]
    return "\n\n".join(parts)


def _again(claim: Claim, report: Report) -> str:
    environment = report.environment
    return "\n\n".join(
        [
            f"## Run it again {UNSEARCHED}",
            "The same inputs, in the same order:",
            code_block(claim.command, "sh"),
            f"With Python {environment['python']}, NumPy {environment['numpy']} and "
            f"Hypothesis {environment['hypothesis']}. Add `--target module:NAME` to check "
            + link("an implementation of your own", "run.md", claim.page)
            + ".",
        ]
    )


def _neighbours(claim: Claim, report: Report) -> str:
    below = [report.by_id[i] for i in claim.rests_on if i in report.by_id]
    above = [other for other in report.claims if claim.id in other.rests_on]
    groups = [("It rests on", below), ("On it rest", above)]
    lines = [
        f"{title}\n\n" + "\n".join(f"- {line(other, claim.page)}" for other in claims)
        for title, claims in groups
        if claims
    ]
    return "\n\n".join([f"## Around it {UNSEARCHED}", *lines]) if lines else ""


def _provenance(claim: Claim, report: Report) -> str:
    environment = ", ".join(f"{name} {value}" for name, value in report.environment.items())
    return (
        f"{words.plural(claim.examples, 'case')} in {claim.seconds:.2f} s; profile {report.profile}, seed "
        f"{report.seed}, "
        f"target {report.target}; {report.date}; {environment}; key {report.key}.\n{{ .mc-provenance }}"
    )
