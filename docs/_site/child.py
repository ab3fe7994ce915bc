"""The child process: `python -m _site.child JOB [NAME ...] FILE` does a job from below and writes FILE, as JSON."""

from __future__ import annotations

import builtins
import doctest
import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parents[1]
_FENCE = re.compile(r"^```pycon\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pictures() -> dict[str, Any]:
    """Name → SVG and caption of every figure."""
    from _site.pictures import draw_all

    return draw_all()


def live() -> dict[str, Any]:
    """Name → controls, data and the library's numbers of every figure that a reader moves."""
    from _site.live import everything

    return everything()


def model() -> dict[str, Any]:
    """The words and the parameters of the model of the course, and its arrays for some texts."""
    from _site.whole import told

    return told()


def topics() -> list[dict[str, Any]]:
    """Every folder of the package with its public names, as they are imported, file by file."""
    import mathcore

    homes: dict[str, dict[str, Any]] = {}
    for prefix, module in (("", mathcore), ("course.", mathcore.course)):
        for name in module.__all__:
            if inspect.isfunction(what := getattr(module, name)) or inspect.isclass(what):
                homes.setdefault(what.__module__.split(".")[1], {})[prefix + name] = what
    return [_topic(sys.modules[f"mathcore.{home}"], names) for home, names in sorted(homes.items())]


def _topic(folder: Any, names: dict[str, Any]) -> dict[str, Any]:
    first = (inspect.getdoc(folder) or folder.__name__).splitlines()[0].rstrip(".")
    places = {name: (what.__module__, inspect.getsourcelines(what)[1]) for name, what in names.items()}
    return {"name": folder.__name__.rpartition(".")[2], "title": first, "names": sorted(names, key=places.__getitem__)}


class _Recorder(doctest.DocTestRunner):
    """Keeps what every call gave."""

    def __init__(self) -> None:
        super().__init__(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        self.kept: list[dict[str, Any]] = []

    def report_success(self, out: Any, test: doctest.DocTest, example: doctest.Example, got: str) -> None:  # noqa: ARG002
        shown = builtins.__dict__.pop("_", None) is not None  # a value that is shown is left there
        if example.exc_msg:  # of an error its message: the rest has paths
            got = got[got.rindex(f"\n{example.exc_msg.partition(':')[0]}") + 1 :]
        told = {"line": example.lineno, "source": example.source, "got": got}
        self.kept.append({**told, "raised": bool(example.exc_msg), "value": shown})


def examples() -> dict[str, list[dict[str, Any]]]:
    """Run the `pycon` fences of every page, one session a page; stop with the differences if there are any.

    Returns:
        Path of a page → its calls in order: line (from 0), source, what it gave, whether that is an error or a value.
    """
    import numpy as np

    import mathcore as mc

    kept: dict[str, list[dict[str, Any]]] = {}
    wrong: list[str] = []
    for page in sorted(_DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        session = doctest.DocTestParser().get_doctest(_only_fences(text), {"np": np, "mc": mc}, page.name, str(page), 0)
        runner = _Recorder()
        runner.run(session, out=wrong.append)
        kept[page.relative_to(_DOCS).as_posix()] = runner.kept
    if wrong:
        sys.exit("".join(wrong))
    return kept


def bugs() -> dict[str, Any]:
    """What the claims make of the bugs that libraries shipped, and of the false alarms."""
    from mathcore.verify.false_alarms import alarms_to_json, false_alarms
    from mathcore.verify.real_bugs import judge, real_bugs, to_json

    return {**to_json([judge(bug) for bug in real_bugs()]), "false_alarms": alarms_to_json(false_alarms())}


def breaks(*names: str) -> list[dict[str, Any]]:
    """What the claims of each chapter make of a few wrong implementations; of the claims named, all if none is."""
    from _site.breaking import broken_chapters

    return broken_chapters(*names)


def kernels() -> dict[str, Any]:
    """What `mathcore verify` says of the kernels of the page that mends one."""
    from _site.kernels import run_all

    return run_all()


def exercises() -> dict[str, Any]:
    """The cells of the course with what this build got from them, and the exercises."""
    from _site.judging import everything

    return everything()


def functions() -> dict[str, Any]:
    """Public name → what its signature and its docstring say."""
    from _site.functions import described

    return described()


def arguments() -> list[dict[str, str]]:
    """What every public function makes of every kind of argument."""
    from dataclasses import asdict

    from mathcore.verify.arguments import matrix

    return [asdict(cell) for cell in matrix()]


def _only_fences(text: str) -> str:
    """The page with everything but its sessions blanked, so that line numbers stay true."""
    kept, end = [], 0
    for fence in _FENCE.finditer(text):
        kept += ["\n" * text.count("\n", end, fence.start(1)), fence[1]]
        end = fence.end(1)
    return "".join(kept) + "\n"


if __name__ == "__main__":
    jobs: dict[str, Callable[..., Any]] = {
        job.__name__: job
        for job in (pictures, live, model, topics, examples, bugs, breaks, kernels, functions, exercises, arguments)
    }
    _, job, *names, file = sys.argv
    Path(file).write_text(json.dumps(jobs[job](*names), ensure_ascii=False), encoding="utf-8")
