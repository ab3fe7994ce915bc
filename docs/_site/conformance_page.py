"""The pages of other libraries, and the tables on conventions: from the recorded runs, which nobody edits.

Reading is at the end; all above is pure: results in, Markdown out.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from _site import words
from _site.model import Report, SiteError
from _site.words import code_block, link

SCHEMA = 1
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Softmax": ("softmax", "logits"),
    "Log-softmax": ("log_softmax",),
    "Log-sum-exp": ("logsumexp",),
    "Cross-entropy": ("cross_entropy",),
    "Argmax": ("argmax",),
    "ReLU": ("relu",),
    "Linear layers": ("linear", "lowrank"),
    "Embedding and similarity": ("embedding", "embedding_vjp", "one_hot", "cosine_similarity"),
    "RoPE": ("rope", "apply_rope", "rope_cos_sin"),
    "Attention": ("attention", "scaled_dot_product_attention", "scaling", "attention_weights"),
    "Norms": ("normalisation",),
    "Gradients": ("gradient",),
}
OTHERS = "What is built of these"
ABOUT_SCORES = ("softmax_of_nothing", "argmax_ties", "argmax_nan", "relu_slope_at_zero", "cross_entropy_of_nothing")
ABOUT_ATTENTION = (
    "mask_polarity", "causal_alignment", "attention_of_nothing", "attention_layout", "attention_scale", "grouped_heads",
)  # fmt: skip
ABOUT_ROPE = ("rope_pairing", "rope_sign", "rope_phase")
TABLES: Mapping[str, tuple[str, ...]] = {
    "Scores, losses and layers": (*ABOUT_SCORES, "linear_weight", "errors"),
    "Attention": ABOUT_ATTENTION,
    "RoPE": ABOUT_ROPE,
    "Arithmetic": ("subnormals",),
}
SAID = {
    "softmax_of_nothing": "softmax of nothing but −∞",
    "argmax_ties": "of equal scores, argmax takes",
    "argmax_nan": "NaN, to argmax, is",
    "relu_slope_at_zero": "slope of ReLU at 0",
    "cross_entropy_of_nothing": "mean loss of no rows",
    "linear_weight": "weight of a layer",
    "errors": "softmax of integers",
    "mask_polarity": "True in a mask means",
    "causal_alignment": "causal mask, fewer queries than keys",
    "attention_of_nothing": "a query that sees nothing gets",
    "attention_layout": "layout",
    "attention_scale": "scale unless told",
    "grouped_heads": "shared key heads",
    "rope_pairing": "pairs",
    "rope_sign": "sense",
    "rope_phase": "precision of the angle",
    "subnormals": "numbers below the smallest normal one",
}
VALUES: Mapping[tuple[str, str], str] = {
    ("errors", "any"): "refused",
    ("errors", "none"): "answered",
    ("argmax_nan", "ignored"): "passed over",
    ("argmax_nan", "any"): "passed over, but for a first one",
    ("subnormals", "flushed"): "count as 0",
    ("rope_sign", "1"): "counter-clockwise",
    ("rope_sign", "-1"): "clockwise",
    ("attention_of_nothing", "mean"): "the mean of all values",
    ("rope_pairing", "half"): "i with i + d/2",
    ("rope_pairing", "interleaved"): "2i with 2i + 1",
    ("linear_weight", "in-out"): "(inputs, outputs)",
    ("linear_weight", "out-in"): "(outputs, inputs)",
    ("mask_polarity", "keep"): "the key is seen",
    ("mask_polarity", "drop"): "the key is hidden",
    ("softmax_of_nothing", "nan"): "NaN",
    ("attention_of_nothing", "nan"): "NaN",
    ("cross_entropy_of_nothing", "nan"): "NaN",
    ("cross_entropy_of_nothing", "0.0"): "0",
    ("relu_slope_at_zero", "0.0"): "0",
}


@dataclass(frozen=True)
class Verdict:
    """What a run made of one claim; a ratio of error to allowance, None if no error was to be measured."""

    outcome: str
    examples: int
    worst: float | None
    exact: bool


@dataclass(frozen=True)
class Refutation:
    """A claim that a library does not meet: what was seen, and what was found out by hand."""

    claim: str
    sentence: str
    found: str
    where: str
    inputs: Mapping[str, str]
    script: str
    reproduced: bool
    judgement: str
    because: str


@dataclass(frozen=True)
class Observation:
    """A convention as it was detected; `value` is "" if it did not come out."""

    convention: str
    value: str
    because: str


@dataclass(frozen=True)
class Library:
    """A recorded run."""

    name: str
    title: str
    about: str
    versions: Mapping[str, str]
    date: str
    command: str
    environment: Mapping[str, str]
    dtypes: Sequence[str]
    operations: Mapping[str, str]
    verdicts: Mapping[str, Verdict]
    refutations: Mapping[str, Refutation]
    observed: Mapping[str, Observation]

    @property
    def version(self) -> str:
        """Of the library itself."""
        return next(iter(self.versions.values()))

    @property
    def page(self) -> str:
        """Where its refutations are."""
        return f"conformance/{self.name}.md"


# Pages.


def conformance(libraries: Sequence[Library], report: Report, path: str) -> str:
    """What ran, where every claim is by operation, and the conventions."""
    groups = [
        words.moved(words.slug(title), title, _by_operation(title), path) for title, _ in _grouped(libraries, report)
    ]
    return "\n\n".join(
        [
            _overview(libraries, path),
            "## Claims",
            "By operation, a column for each library that was asked:",
            "\n".join(groups),
            "## Conventions, as detected",
            *(part for title, names in TABLES.items() for part in (f"### {title}", _conventions(names, libraries))),
            "## How each was run",
            f"{link('The commands, the versions and what was called', _HOW, path)}.",
        ]
    )


_HOW = "conformance/how-each-was-run.md"


def _by_operation(title: str) -> str:
    return f"conformance/claims-{words.slug(title)}.md"


def pages(libraries: Sequence[Library], report: Report) -> dict[str, str]:
    """Path → Markdown: a page for each operation, one on how each library was run, and what each does not meet."""
    grouped = _grouped(libraries, report)
    written = {_by_operation(title): _operation(title, claims, libraries, report) for title, claims in grouped}
    head = "---\ntitle: How each was run\nsearch:\n  exclude: true\n---\n\n# How each library was run"
    back = f"{link('All libraries', 'conformance.md', _HOW)}."
    return {**written, _HOW: "\n\n".join([head, back, *map(_how, libraries)])} | refutations(libraries, report)


def _operation(title: str, claims: Sequence[str], libraries: Sequence[Library], report: Report) -> str:
    path = _by_operation(title)
    head = f"---\ntitle: {title}, in other libraries\nhide: [navigation, toc]\nsearch:\n  exclude: true\n---"
    lead = (
        f"The number beside *holds* is the worst error seen, as a fraction of what the claim allows. "
        f"{link('What the words mean, and all libraries', 'conformance.md', path)}."
    )
    table = f'<div class="mc-frozen" markdown>\n\n{_group(claims, libraries, report, path)}\n\n</div>'
    return "\n\n".join([head, f"# {title}, in other libraries", lead, table]) + "\n"


def refutations(libraries: Iterable[Library], report: Report) -> dict[str, str]:
    """A page for each library that does not meet a claim: path → what was seen, and what was found out by hand."""
    return {library.page: _refuted(library, report) for library in libraries if library.refutations}


def convention(name: str, libraries: Sequence[Library]) -> str:
    """What each library does about one convention, and the observation that says so.

    Raises:
        SiteError: if no run looked for it.
    """
    rows = [
        f"| {library.title} | {library.version} | {library.date} | {_value(name, seen)} | {_cell(seen.because)} |"
        for library in libraries
        if (seen := library.observed.get(name)) and seen.value
    ]
    if not rows:
        raise SiteError(f"no recorded run says anything about {name!r}")
    return "\n".join([f"| Library | Version | Run | {SAID[name]} | Seen |", "|---|---|---|---|---|", *rows])


def _overview(libraries: Sequence[Library], path: str) -> str:
    head = ["| Library | Version | Run | Holds | In part | Refuted | Defects |", "|---|---|---|--:|--:|--:|--:|"]
    return "\n".join([*head, *(_summary(library, path) for library in libraries)])


def _summary(library: Library, path: str) -> str:
    outcomes = [verdict.outcome for verdict in library.verdicts.values()]
    refuted, name = outcomes.count("refuted"), library.title
    defects = sum(r.judgement == "defect" for r in library.refutations.values())
    shown = link(str(refuted), library.page, path) if refuted else "0"
    cells = [name, library.version, library.date, outcomes.count("holds"), outcomes.count("in part"), shown, defects]
    return f"| {' | '.join(map(str, cells))} |"


def _grouped(libraries: Iterable[Library], report: Report) -> list[tuple[str, list[str]]]:
    """The claims that ran anywhere, by operation, or else by topic."""
    topics = {claim.id: claim.topic for claim in report.claims}
    homes = {prefix: title for title, prefixes in GROUPS.items() for prefix in prefixes}
    found: dict[str, list[str]] = {title: [] for title in (*GROUPS, OTHERS)}
    for claim in sorted({claim for library in libraries for claim in library.verdicts}):
        home = homes.get(claim.partition(".")[0]) or homes.get(topics.get(claim, ""), OTHERS)
        found[home].append(claim)
    return [(title, claims) for title, claims in found.items() if claims]


def _group(claims: Sequence[str], libraries: Sequence[Library], report: Report, path: str) -> str:
    asked = [library for library in libraries if set(claims) & set(library.verdicts)]
    head = f"| Claim | {' | '.join(library.title for library in asked)} |"
    rows = [
        f"| {_breakable(_claim(c, report, path))} | {' | '.join(_verdict(library, c, path) for library in asked)} |"
        for c in claims
    ]
    return "\n".join([head, "|---" * (len(asked) + 1) + "|", *rows])


def _verdict(library: Library, claim: str, path: str) -> str:
    verdict = library.verdicts.get(claim)
    if verdict is None:
        return "–"
    if verdict.outcome == "refuted":
        found = library.refutations[claim]
        return link(found.judgement, f"{library.page}#{_anchor(claim)}", path)
    if verdict.worst is None:
        return verdict.outcome
    return f"{verdict.outcome}, {'exact' if verdict.exact else words.share(verdict.worst)}"


def _conventions(names: Sequence[str], libraries: Sequence[Library]) -> str:
    asked = [lib for lib in libraries if any(name in lib.observed and lib.observed[name].value for name in names)]
    head = f"| Library | {' | '.join(SAID[name] for name in names)} |"
    rows = [
        f"| {lib.title} | " + " | ".join(_value(n, lib.observed[n]) if n in lib.observed else "–" for n in names) + " |"
        for lib in asked
    ]
    return "\n".join([head, "|---" * (len(names) + 1) + "|", *rows])


def _value(name: str, seen: Observation) -> str:
    return VALUES.get((name, seen.value), seen.value) if seen.value else "–"


def _refuted(library: Library, report: Report) -> str:
    title = f"{library.title} {library.version}"
    head = f"---\ntitle: {title}\nsearch:\n  exclude: true # the claims are found by their own pages\n---\n\n# {title}"
    what = (
        f"What of the claims {library.title} does not meet: what was seen on {library.date}, what was found out by "
        f"hand, and how to see it again. {link('All libraries', 'conformance.md', library.page)}.\n"
        "{ .mc-lead }"
    )
    return "\n\n".join(
        [head, what, *(_refutation(found, report, library.page) for found in library.refutations.values())]
    )


def _refutation(found: Refutation, report: Report, path: str) -> str:
    inputs = [f"{name} = {value}" for name, value in found.inputs.items()]
    seen = "\n".join([*inputs, "", found.found, *([found.where] if found.where else [])])
    again = "Run by itself, it fails in the same versions." if found.reproduced else ""
    anchor = _anchor(found.claim)
    return "\n\n".join(
        [
            f"**{found.judgement.capitalize()}:** {_claim(found.claim, report, path)}\n{{ #{anchor} }}",
            found.because,
            f"<details markdown><summary>What was seen, and how to see it again</summary>\n\n{found.sentence}",
            code_block(seen),
            f"{again}\n\n{code_block(found.script, 'python')}" if found.script else "",
            "</details>",
        ]
    )


def _how(library: Library) -> str:
    called = ", ".join(f"`{name}`: {theirs}" for name, theirs in library.operations.items() if theirs)
    versions = ", ".join(f"{name} {version}" for name, version in library.versions.items())
    known = ", ".join(f"{name} {value}" for name, value in library.environment.items())
    return (
        f"**{library.title}.** {library.about} In {' and '.join(library.dtypes)}. {called}.\n\n"
        f"{code_block(library.command, 'sh')}\n\n{library.date}; {versions}; {known}.\n{{ .mc-provenance }}"
    )


def _claim(name: str, report: Report, path: str) -> str:
    return link(f"`{name}`", report.by_id[name].page, path) if name in report.by_id else f"`{name}`"


def _breakable(named: str) -> str:
    """The id in it, as code that may go on in the next line behind a dot or a stroke."""
    text, name, rest = named.split("`")
    parts = re.split(r"(?<=[._])", name)
    return f"{text}<code>{'<wbr>'.join(parts)}</code>{rest}"


def _anchor(claim: str) -> str:
    return claim.replace(".", "-").replace("_", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# Reading.


def read_libraries(root: Path) -> list[Library]:
    """Every recorded run with its notes, by title."""
    folder = root / "conformance"
    found = [_read(file, folder / "libraries" / f"{file.stem}.toml") for file in (folder / "results").glob("*.json")]
    return sorted(found, key=lambda library: library.title.lower())


def _read(file: Path, notes: Path) -> Library:
    data = json.loads(file.read_text(encoding="utf-8"))
    if data.get("schema") != SCHEMA:
        raise SiteError(f"{file.name} must have schema {SCHEMA}, got {data.get('schema')!r}")
    said = tomllib.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    same = ("title", "about", "versions", "date", "command", "environment", "dtypes", "operations")
    return Library(
        file.stem,
        **{name: data[name] for name in same},
        verdicts={claim: _verdict_of(verdict) for claim, verdict in data["claims"].items()},
        refutations={claim: _refutation_of(claim, found, said) for claim, found in data["refutations"].items()},
        observed={o["convention"]: _observation_of(o) for o in data["detected"]},
    )


def _verdict_of(data: Mapping[str, Any]) -> Verdict:
    exact = data["allowance"] == 0 and data["worst"] == 0
    return Verdict(data["outcome"], data["examples"], data["worst"], exact)


def _refutation_of(claim: str, found: Mapping[str, Any], said: Mapping[str, Any]) -> Refutation:
    note = next((note for pattern, note in said.items() if pattern != "checked" and fnmatchcase(claim, pattern)), None)
    judgement, because = (note["is"], note["because"]) if note else ("unexamined", "This was not looked at yet.")
    same = ("sentence", "found", "where", "inputs", "script", "reproduced")
    return Refutation(claim, **{name: found[name] for name in same}, judgement=judgement, because=because)


def _observation_of(data: Mapping[str, Any]) -> Observation:
    value = "" if data["value"] is None else str(data["value"])
    return Observation(data["convention"], value, data["because"])
