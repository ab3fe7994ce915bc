"""The pages "Import": every public name with its signature, shapes, errors, error bound, speed and claims. Pure.

What it says of a function is the function's docstring; what it says of errors is what the claims allow and saw; what it
says of speed is what a recorded run of the benchmarks measured.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from _site import words
from _site.benchmark_page import Recorded
from _site.model import Claim, Report, Topic
from _site.words import code_block, link

Described = Mapping[str, Any]  # as `_site.functions.described` tells it

_OWN = 2  # a claim about more operations than these is hardly about one of them


_TIMED = {"attention": "scaled_dot_product_attention", "rope": "apply_rope"}  # what the benchmarks call otherwise


def pages(
    topics: Sequence[Topic], functions: Mapping[str, Described], report: Report, speeds: Recorded
) -> dict[str, str]:
    """Path → Markdown of a page for each topic."""
    written = {}
    for topic, names in _shown(topics, functions):
        path = _path(topic)
        head = f"---\ntitle: {words.titled(topic.name)}\nsearch:\n  exclude: true # the reference says the same\n---"
        lead = f"{topic.title}. {link('How to read this', 'import.md', path)}.\n{{ .mc-lead }}"
        parts = [_function(name, topic, functions[name], report, speeds, path) for name in names]
        written[path] = "\n\n".join([head, f"# Import: {words.titled(topic.name).lower()}", lead, *parts]) + "\n"
    return written


def overview(topics: Sequence[Topic], functions: Mapping[str, Described], source: str) -> str:
    """The functions by topic, each with its sentence; the machinery that checks them is left to the reference."""
    parts = []
    for topic, names in _shown(topics, functions):
        items = [
            words.moved(name, f"`{name}`", f"{_path(topic)}#{name}", source, functions[name]["sentence"])
            for name in names
        ]
        parts += [f"## {link(words.titled(topic.name), _path(topic), source)}", "\n".join(items)]
    return "\n\n".join(parts)


def navigation(topics: Sequence[Topic], functions: Mapping[str, Described]) -> list[dict[str, str]]:
    """The pages by their titles."""
    return [{words.titled(topic.name): _path(topic)} for topic, _ in _shown(topics, functions)]


def _shown(topics: Sequence[Topic], functions: Mapping[str, Described]) -> list[tuple[Topic, list[str]]]:
    found = [(topic, [name for name in topic.names if name in functions]) for topic in topics]
    return [(topic, names) for topic, names in found if names]


def _path(topic: Topic) -> str:
    return f"import/{topic.name}.md"


def _function(name: str, topic: Topic, told: Described, report: Report, speeds: Recorded, source: str) -> str:
    reference = f"reference/{topic.name}.md#mathcore.{name}"
    sections = told["sections"]
    about = [claim for claim in report.claims if name in claim.needs]
    rows = [
        ("Takes", _entries(sections.get("Args", sections.get("Attributes", [])))),
        ("Returns", _entries(sections.get("Returns", []))),
        ("Raises", _entries(sections.get("Raises", []))),
        ("Error", _bound(name, about, source)),
        ("Speed", _speed(name, speeds, source)),
    ]
    return "\n\n".join(
        [
            f"## {link(f'`{name}`', reference, source)} {{ #{name} }}",
            told["sentence"],
            code_block(_wrapped(told["signature"]), "python"),
            *(f"{title}\n:   {text}" for title, text in rows if text),
            _claims(about, name, source),
        ]
    ).rstrip()


def _entries(entries: Sequence[tuple[str, str]]) -> str:
    return " ".join(f"{_names(names)}{_sentence(text)}" for names, text in entries)


def _names(names: str) -> str:
    return ", ".join(f"`{name.strip()}`" for name in names.split(",")) + ": " if names else ""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."


def _bound(name: str, about: Sequence[Claim], source: str) -> str:
    """The claim about this function that says how far off it may be: the one named for it, or the first that can."""
    bounds = [c for c in about if c.tolerances and c.worst is not None and len(c.needs) <= _OWN]
    bounds.sort(key=lambda c: (not c.id.endswith(".accuracy"), c.needs[0] != name, len(c.needs)))
    if bounds:
        best = bounds[0]
        names = ", ".join(f"`{t.name}`" for t in best.tolerances)
        return f"{names}, as {link(f'`{best.id}`', best.page, source)} derives it; {words.worst(best)}."
    exact = next((c for c in about if c.allowance == 0 and c.worst == 0 and len(c.needs) <= _OWN), None)
    return f"none allowed, none seen: {link(f'`{exact.id}`', exact.page, source)}." if exact else ""


def _speed(name: str, speeds: Recorded, source: str) -> str:
    """How long it took beside PyTorch, over all that the benchmarks gave it."""
    timed = [row for row in speeds.rows if _TIMED.get(first := row["name"].split()[0], first) == name]
    ratios = [row["seconds"]["mathcore"] / row["seconds"]["torch"] for row in timed if "torch" in row["seconds"]]
    if not ratios:
        return ""
    runs = link(words.plural(len(ratios), "recorded timing"), "benchmarks.md", source)
    least, most = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    return f"{least if least == most else f'{least} to {most}'} times what PyTorch took, in {runs}."


def _claims(about: Sequence[Claim], name: str, source: str) -> str:
    if not about:
        return ""
    listed = ", ".join(link(f"`{claim.id}`", claim.page, source) for claim in about)
    summary = f"{words.plural(len(about), 'claim')} about <code>{html.escape(name)}</code>"
    return f'<details class="mc-checked" markdown><summary>{summary}</summary>\n\n{listed}\n\n</details>'


def _wrapped(signature: str, width: int = 76) -> str:
    """An argument to a line, if it is too long for one."""
    if len(signature) <= width:
        return signature
    head, _, rest = signature.partition("(")
    arguments, _, result = rest.rpartition(")")
    return "\n".join([f"{head}(", *(f"    {a}," for a in _split(arguments)), f"){result}"])


def _split(arguments: str) -> list[str]:
    """At the commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
