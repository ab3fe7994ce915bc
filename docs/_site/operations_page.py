"""The page of operations: what models of today are made of, which libraries name it, and what of it is here.

What mathcore has is told by its signatures and by the claims of the build; only what there is to have is written down,
in `operations.toml`. Reading is at the end; all above is pure.
"""

from __future__ import annotations

import html
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _site import words
from _site.model import Claim, Report, SiteError, Topic
from _site.words import link

if TYPE_CHECKING:
    from _site.import_page import Described

MANY = 10  # sources that name what hardly any library goes without
_SUFFIX = re.compile(r"\((\w+)\)$")  # of an option


@dataclass(frozen=True)
class Operation:
    """One of them: what it does, in a sentence; where mathcore has it; source → its name there."""

    name: str
    group: str
    says: str
    named: Mapping[str, str]
    has: tuple[str, ...] = ()
    will_be: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Where it is on the page."""
        return f"op-{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}"


@dataclass(frozen=True)
class Operations:
    """All of them, by group, and the sources: name → title and version, and where that can be read."""

    sources: Mapping[str, Mapping[str, str]]
    all: tuple[Operation, ...]

    def counts(self, least: int = 0) -> tuple[int, int]:
        """How many there are that this many sources name, and how many of these mathcore has."""
        named = [one for one in self.all if len(one.named) >= least]
        return sum(bool(one.has) for one in named), len(named)


def problems(operations: Operations, functions: Mapping[str, Described]) -> list[str]:
    """What the list says that is not so: names that are not there, and gaps that have been filled."""
    found = [f"{name}: twice" for name, count in Counter(one.name for one in operations.all).items() if count > 1]
    for one in operations.all:
        found += [f"{one.name}: mathcore has no {name}" for name in one.has if not _offers(functions, name)]
        found += [f"{one.name}: mathcore has {name} now" for name in one.will_be if _offers(functions, name)]
        found += [f"{one.name}: no source is called {name}" for name in one.named if name not in operations.sources]
        if bool(one.has) == bool(one.will_be):
            found.append(f"{one.name}: needs either `has` or `will_be`")
        if not one.named:
            found.append(f"{one.name}: no source names it")
    return found


def _offers(functions: Mapping[str, Described], name: str) -> bool:
    function, option = _split(name)
    signature = functions[function]["signature"] if function in functions else ""
    return bool(signature) and (not option or re.search(rf"[(\s]{option}:", signature) is not None)


def _split(name: str) -> tuple[str, str]:
    """A function and its option, "" if none is meant."""
    option = _SUFFIX.search(name)
    return (name[: option.start()], option[1]) if option else (name, "")


def claims_about(one: Operation, claims: Sequence[Claim]) -> list[Claim]:
    """Those that its patterns name; else those that call its function, of an option those whose words speak of it."""
    if one.claims:
        return [claim for claim in claims if any(fnmatchcase(claim.id, pattern) for pattern in one.claims)]
    return [claim for claim in claims if any(_speaks(claim, *_split(name)) for name in one.has)]


def _speaks(claim: Claim, function: str, option: str) -> bool:
    return function in claim.needs and _stem(option) in f"{claim.id} {claim.statement}".lower()


def _stem(option: str) -> str:
    """What a sentence has of it: "is_causal" → causal, "sinks" → sink, "label_smoothing" → smoothing."""
    longest = max(option.split("_"), key=len)
    return longest.removesuffix("s")


# The page.


def overview(
    operations: Operations, functions: Mapping[str, Described], topics: Sequence[Topic], report: Report, path: str
) -> str:
    """The counts, a square for each, and each with its functions, its claims and its names elsewhere.

    Raises:
        SiteError: if the list says of mathcore what is not so.
    """
    if wrong := problems(operations, functions):
        raise SiteError("\n".join(["operations.toml:", *wrong]))
    homes = {name: topic.name for topic in topics for name in topic.names}
    groups: dict[str, list[Operation]] = {}
    for one in operations.all:
        groups.setdefault(one.group, []).append(one)
    parts = [_counted(operations), _squares(operations)]
    for group, members in groups.items():
        have = sum(bool(one.has) for one in members)
        title = f"<summary>{html.escape(group)}: {have} of {len(members)}</summary>"
        entries = [_entry(one, operations, homes, report, path) for one in members]
        parts.append("\n\n".join(['<details class="mc-operations" markdown>' + title, *entries, "</details>"]))
    return "\n\n".join([*parts, "## What was read", _read(operations)])


def _counted(operations: Operations) -> str:
    have, total = operations.counts()
    most, many = operations.counts(MANY)
    return (
        f"**{have} of {total}** operations are here. Of the {many} that {MANY} or more of "
        f"{len(operations.sources)} sources name, **{most}**."
    )


def _squares(operations: Operations) -> str:
    """Most named first; on a phone as on a desk, a glance."""
    have, total = operations.counts()
    ordered = sorted(operations.all, key=lambda one: -len(one.named))
    squares = "".join(map(_square, ordered))
    said = f"{have} of {total} squares are filled"
    return (
        f'<div class="mc-squares" role="img" aria-label="{said}">{squares}</div>\n\n'
        "A square for each, the most named first; filled, if mathcore has it.\n{ .mc-meta }"
    )


def _entry(one: Operation, operations: Operations, homes: Mapping[str, str], report: Report, path: str) -> str:
    note = "" if one.has else " <em>Not yet.</em>"
    title = f"{_square(one)} <strong>{html.escape(one.name)}</strong>. {html.escape(one.says)}{note}"
    here = f"In mathcore: {', '.join(_function(name, homes, path) for name in one.has)}."
    rows = [
        *([here, *_claims(claims_about(one, report.claims), path)] if one.has else []),
        f"Named by {len(one.named)} of {len(operations.sources)}: {_names(one, operations)}.",
    ]
    return "\n\n".join([f'<details id="{one.anchor}" markdown><summary>{title}</summary>', *rows, "</details>"])


def _square(one: Operation) -> str:
    return f'<i class="mc-square{" here" if one.has else ""}"></i>'


def _function(name: str, homes: Mapping[str, str], path: str) -> str:
    function, option = _split(name)
    shown = link(f"`{function}`", f"import/{homes[function]}.md#{function}", path)
    return f"{shown} by `{option}`" if option else shown


def _claims(about: Sequence[Claim], path: str) -> list[str]:
    """Those of each verdict."""
    found: dict[str, list[str]] = {}
    for claim in about:
        found.setdefault(words.verdict(claim), []).append(link(f"`{claim.id}`", claim.page, path))
    return [f"{verdict}, {words.plural(len(ids), 'claim')}: {', '.join(ids)}." for verdict, ids in found.items()]


def _names(one: Operation, operations: Operations) -> str:
    return ", ".join(f"{operations.sources[source]['title']} `{name}`" for source, name in one.named.items())


def _read(operations: Operations) -> str:
    return f"{', '.join(map(_source, operations.sources.values()))}."


def _source(told: Mapping[str, str]) -> str:
    version = f"[`{told['version']}`]({told['at']})" if "at" in told else told["version"]
    return f"{told['title']} {version}"


# Reading.


def read_operations(site: Path) -> Operations:
    """The list of `operations.toml`."""
    data = tomllib.loads((site / "operations.toml").read_text(encoding="utf-8"))
    return Operations(data["sources"], tuple(_told(data["operation"], data["named"])))


def _told(groups: Mapping[str, Mapping[str, Mapping[str, Any]]], named: Mapping[str, Any]) -> Iterator[Operation]:
    if unknown := named.keys() - {name for group in groups.values() for name in group}:
        raise SiteError(f"no operation is called {', '.join(sorted(unknown))}")
    for group, members in groups.items():
        for name, told in members.items():
            lists = {key: tuple(told.get(key, ())) for key in ("has", "will_be", "claims")}
            yield Operation(name, group, told["says"], named.get(name, {}), **lists)
