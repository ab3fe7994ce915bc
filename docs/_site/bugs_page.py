"""The pages of real bugs: each with its reports, the faulty function, and the input that shows it.

Pure: what the run found in, Markdown out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from _site import words
from _site.model import Bug, FalseAlarm, Finding, Report, Thread
from _site.words import code_block, link

_LONGEST = 300  # characters of an input that are shown
_NAMED = 3  # projects that a heading names; of more than these the last are counted
_PROJECTS: Mapping[str, str] = {  # repository → what its project is called, where it writes itself otherwise
    "pytorch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow", "Paddle": "PaddlePaddle", "mlx": "MLX",
    "xla": "XLA", "nn": "Torch",
    "mlx-lm": "MLX LM", "transformers": "Transformers", "diffusers": "Diffusers", "candle": "Candle", "keras": "Keras",
    "flash-attention": "FlashAttention", "vllm": "vLLM", "triton": "Triton", "optax": "Optax", "onnx": "ONNX",
    "flax": "Flax", "mxnet": "MXNet", "machinelearning": "ML.NET", "mindspore": "MindSpore", "openvino": "OpenVINO",
    "flashinfer": "FlashInfer", "ggml": "GGML", "executorch": "ExecuTorch", "xformers": "xFormers", "gemma": "Gemma",
}  # fmt: skip
_TITLES: Mapping[str, str] = tomllib.loads((Path(__file__).parent / "bug_titles.toml").read_text(encoding="utf-8"))


def pages(bugs: Sequence[Bug], report: Report) -> dict[str, str]:
    """Path → Markdown of a page for each section."""
    return {path: _section(title, group, report, path) for title, path, group in _sections(bugs)}


def overview(bugs: Sequence[Bug], path: str) -> str:
    """All bugs in numbers, and where each is. Their anchors are those that they had when all stood on one page."""
    threads = {thread.url: thread for bug in bugs for thread in bug.reports}.values()
    years = [thread.year for thread in threads]
    said = (
        f"{words.plural(len(bugs), 'bug')} from {words.plural(len(threads), 'report')} of "
        f"{words.plural(len({_project(thread) for thread in threads}), 'project')}, {min(years)} to {max(years)}. "
        f"In this build {sum(bug.finding is not None for bug in bugs)} of {len(bugs)} are caught."
    )
    parts = [said]
    for title, page, group in _sections(bugs):
        items = [words.moved(bug.id, heading(bug), f"{page}#{bug.id}", path) for bug in group]
        parts += [f"## {link(title, page, path)}", "\n".join(items)]
    return "\n\n".join(parts)


def navigation(bugs: Sequence[Bug]) -> list[dict[str, str]]:
    """The pages by their titles."""
    return [{title.partition(":")[0]: path} for title, path, _ in _sections(bugs)]


def false_alarms(alarms: Sequence[FalseAlarm]) -> str:
    """Every right implementation that was reported as wrong."""
    return "\n\n".join(_alarm(alarm) for alarm in alarms)


def alarms_moved(alarms: Sequence[FalseAlarm], path: str) -> str:
    """Where each of them is now."""
    page = "false-alarms.md"
    return "\n".join(words.moved(a.id, heading(a), f"{page}#{a.id}", path) for a in alarms)


def heading(bug: Bug | FalseAlarm) -> str:
    """Who had it, and what it did, in a line: "PyTorch: softmax did not sum to 1 at odd widths"."""
    projects = [*dict.fromkeys(map(_project, bug.reports))]
    shown = projects if len(projects) <= _NAMED else [*projects[: _NAMED - 1], f"{len(projects) - _NAMED + 1} others"]
    *first, last = shown
    who = f"{', '.join(first)} and {last}" if first else last
    what = re.split(r"[;:.](?=\s|$)", bug.title)[0]
    return f"{who}: {_TITLES.get(bug.id, f'{what[0].lower()}{what[1:]}')}"


def _project(thread: Thread) -> str:
    name = re.split(r" PR |#", thread.name)[0].partition("/")[2]
    return _PROJECTS.get(name, name)


def page_of(section: str) -> str:
    """Where the bugs of a section are."""
    return f"real-bugs/{words.slug(section)}.md"


def _sections(bugs: Sequence[Bug]) -> list[tuple[str, str, list[Bug]]]:
    found = groupby(bugs, key=lambda bug: bug.section)
    return [(title, page_of(title), list(group)) for title, group in found]


def _section(section: str, bugs: Sequence[Bug], report: Report, path: str) -> str:
    title = section.partition(":")[0]
    legend = (
        f"{words.plural(len(bugs), 'bug')} that libraries shipped, each made once more and caught by a claim. "
        f"{link('What this shows, and how', 'real-bugs.md', path)}.\n{{ .mc-lead }}"
    )
    entries = [_bug(bug, report, path) for bug in bugs]
    return (
        "\n\n".join([f"---\ntitle: {title}\n---", f"# Real bugs: {title[0].lower()}{title[1:]}", legend, *entries])
        + "\n"
    )


def _bug(bug: Bug, report: Report, path: str) -> str:
    caught = f"{bug.statement} {_claim(bug.claim, report, path)}"
    parts = [
        f"## {heading(bug)} {{ #{bug.id} }}",
        f"`{bug.id}`. {bug.title}",
        f"Reported\n:   {_reports(bug.reports)}",
        f"Caught by\n:   {caught if bug.finding else words.BROKEN}",
        _unsearched(bug),
    ]
    if bug.others:
        parts.append(f"Also refuted by\n:   {', '.join(_claim(name, report, path) for name in bug.others)}")
    return "\n\n".join(parts)


def _unsearched(bug: Bug) -> str:
    """Folded, and not searched: the mistake as code, and the input that shows it."""
    title = f"<summary>The mistake in place of <code>{bug.operation}</code>, and an input that shows it</summary>"
    parts = [code_block(bug.source, "python"), *([shown(bug.finding)] if bug.finding else [])]
    return "\n\n".join(["<details data-search-exclude markdown>" + title, *parts, "</details>"])


def _alarm(alarm: FalseAlarm) -> str:
    held = sum(alarm.claims.values())
    return "\n\n".join(
        [
            f"## {heading(alarm)} {{ #{alarm.id} }}",
            f"`{alarm.id}`. {alarm.title} *Why that is harmless.* {alarm.why}",
            code_block(alarm.source, "python"),
            f"Reported\n:   {_reports(alarm.reports)}",
            f"Accepted by\n:   {held} of the {words.plural(len(alarm.claims), 'claim')} that it can be asked about.",
        ]
    )


def _claim(name: str, report: Report, path: str) -> str:
    return link(f"`{name}`", report.by_id[name].page, path) if name in report.by_id else f"`{name}`"


def _reports(threads: Sequence[Thread]) -> str:
    return "; ".join(f"[{t.name}]({t.url}) ({t.year}){', ' if t.status else ''}{t.status}" for t in threads) + "."


def shown(finding: Finding) -> str:
    """An input and the two sides that differ on it, as a block."""
    lines = [f"{name} = {_shortened(text)}" for name, text in finding.inputs.items()]
    outcome = finding.lhs
    if not finding.crashed:
        outcome = f"{finding.lhs}  {finding.relation}  {finding.rhs}   is false"
        if finding.error not in ("inf", "nan"):
            outcome += f": error {finding.error}, allowed {finding.allowance}"
    return code_block("\n".join([*lines, "", outcome]))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()} …"
