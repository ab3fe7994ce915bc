"""How the site says things: verdicts, evidence, numbers.

Words, never a bare tick; "proved" is said of checked proofs alone.
"""

from __future__ import annotations

import html
import posixpath
import re

from _site.model import Claim

VERDICTS = {"holds": "Not refuted", "holds_if": "True with a condition", "refuted": "Refuted as stated"}
EVIDENCE = {
    "property": "inputs drawn at random",
    "exact": "exact arithmetic",
    "exhaustive": "every input of a finite domain",
    "statistical": "a statistical test",
    "proof": "a proof that a machine checked",
    "experiment": "a measured experiment",
    "counterexample": "a search for a counterexample",
}
BROKEN = "BROKEN"


def verdict(claim: Claim) -> str:
    """The label of a claim."""
    return VERDICTS[claim.verdict] if claim.stands else BROKEN


def style(claim: Claim) -> str:
    """The CSS class that goes with the label."""
    return claim.verdict.replace("_", "-") if claim.stands else "broken"


def sentence(claim: Claim) -> str:
    """The verdict in a sentence."""
    cases = f"{claim.examples:,} {'case' if claim.examples == 1 else 'cases'}"
    if not claim.stands:
        return f"In this build the claim came out **{claim.outcome.replace('_', ' ')}**, after {cases}."
    if claim.verdict == "holds":
        return f"Not refuted over {cases}, as the sentence stands."
    if claim.verdict == "holds_if":
        return f"Not refuted over {cases} under the condition below. Without the condition it is false."
    return f"Refuted as stated, by the input below. The corrected sentence is not refuted over {cases}."


def number(value: float | None, digits: int = 2) -> str:
    """A number for reading: 0.31, 1.2 × 10⁻¹⁶."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{_raised(int(exponent))}"


def share(value: float | None) -> str:
    """A part of 1, never rounded up to it: 0.31, 0.98, 0.9994, above 0.9999."""
    if value is None or value >= 1:
        return number(value)
    few = next((n for n in range(2, 5) if float(f"{value:.{n}g}") < 1), None)
    return number(value, few) if few else "above 0.9999"


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def worst(claim: Claim) -> str:
    """The worst error beside its allowance, in a few words."""
    if claim.worst is None:
        return "no error to measure"
    if claim.allowance == 0 and claim.worst == 0:
        return "exact: no error allowed, none seen"
    return f"worst error {share(claim.worst)} of its allowance"


def plural(count: int, noun: str) -> str:
    """As in "1 claim", "2 claims", "1,000 claims"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def link(text: str, target: str, source: str) -> str:
    """A Markdown link from one page to another, both given by their paths among the sources."""
    file, _, anchor = target.partition("#")
    path = posixpath.relpath(file, posixpath.dirname(source) or ".")
    return f"[{text}]({path}{'#' + anchor if anchor else ''})"


def slug(title: str) -> str:
    """The name of a page for its title, up to the first comma or colon: "Log-softmax, …" becomes log-softmax."""
    return re.sub(r"\W+", "-", re.split(r"[,:]| and ", title)[0].lower()).strip("-")


def titled(topic: str) -> str:
    """The name of a topic as a title: "language_models" becomes Language models."""
    return topic.replace("_", " ").capitalize()


def moved(anchor: str, text: str, target: str, source: str, said: str = "") -> str:
    """An item of a list: a link to what stood on this page, where its old anchor still leads; see `ways/unfold.js`."""
    return f"- {link(text, target, source)}{' ' if said else ''}{said}\n  {{ #{anchor} data-moved=yes }}"


def url(page: str, source: str) -> str:
    """The published address of a page relative to another, for links inside figures."""
    return posixpath.relpath(_published(page), _published(source)) + "/"


def _published(page: str) -> str:
    name = page.removesuffix(".md")
    return name.removesuffix("index").rstrip("/") or "."


def unmarked(markdown: str) -> str:
    """The sentence without its markup."""
    return re.sub(r"[`*]|\$", "", markdown)


def plain(markdown: str) -> str:
    """The same, escaped for HTML."""
    return html.escape(unmarked(markdown), quote=True)


def spaced(markdown: str) -> str:
    """The text with every displayed formula as a paragraph of its own, which Markdown wants."""
    return re.sub(r"\s*\$\$(.+?)\$\$\s*", r"\n\n$$\n\1\n$$\n\n", markdown, flags=re.DOTALL).strip()


def code_block(text: str, language: str = "text", options: str = "") -> str:
    """A fenced block that no content can close."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{language}{' ' + options if options else ''}\n{text.strip(chr(10))}\n{fence}"
