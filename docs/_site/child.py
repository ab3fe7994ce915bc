"""The child process: `python -m _site.child pictures|live|topics|examples|bugs FILE` writes FILE, as JSON."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import sys
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


def topics() -> list[dict[str, Any]]:
    """Every public module with its public names, in the order of the source."""
    import mathcore

    homes: dict[str, list[str]] = {}
    for name in mathcore.__all__:
        homes.setdefault(getattr(mathcore, name).__module__, []).append(name)
    return [_topic(sys.modules[home], names) for home, names in sorted(homes.items()) if home != "mathcore"]


def _topic(module: Any, names: list[str]) -> dict[str, Any]:
    first = (inspect.getdoc(module) or module.__name__).splitlines()[0].rstrip(".")
    lines = {name: inspect.getsourcelines(getattr(module, name))[1] for name in names}
    return {"name": module.__name__.rpartition(".")[2], "title": first, "names": sorted(names, key=lines.__getitem__)}


def examples() -> dict[str, int]:
    """Run the `pycon` fences of every page, one session a page; stop with the differences if there are any."""
    import numpy as np

    import mathcore as mc

    count, wrong = 0, []
    for page in sorted(_DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        session = doctest.DocTestParser().get_doctest(_only_fences(text), {"np": np, "mc": mc}, page.name, str(page), 0)
        count += len(session.examples)
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        runner.run(session, out=wrong.append)
    if wrong:
        sys.exit("".join(wrong))
    return {"examples": count}


def bugs() -> dict[str, Any]:
    """What the claims make of the bugs that libraries shipped, and of the false alarms."""
    from mathcore.real_bugs import false_alarms, real_bugs
    from mathcore.verify.real_bugs import alarms_to_json, judge, to_json

    return {**to_json([judge(bug) for bug in real_bugs()]), "false_alarms": alarms_to_json(false_alarms())}


def _only_fences(text: str) -> str:
    """The page with everything but its sessions blanked, so that line numbers stay true."""
    kept, end = [], 0
    for fence in _FENCE.finditer(text):
        kept += ["\n" * text.count("\n", end, fence.start(1)), fence[1]]
        end = fence.end(1)
    return "".join(kept) + "\n"


if __name__ == "__main__":
    jobs = {"pictures": pictures, "live": live, "topics": topics, "examples": examples, "bugs": bugs}
    work = jobs[sys.argv[1]]
    Path(sys.argv[2]).write_text(json.dumps(work(), ensure_ascii=False), encoding="utf-8")
