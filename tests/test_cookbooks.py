"""The files that a cookbook of `docs/contribute` shows, put into a copy of the package, do what the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mathcore

PACKAGE = Path(mathcore.__file__).parent
PAGES = PACKAGE.parent / "docs" / "contribute"
FILE = re.compile(r'^```python title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def follow(folder, *pages):
    """A copy of the package in `folder`, with the files of these pages made, or written on to where they exist."""
    shutil.copytree(PACKAGE, folder / "mathcore", ignore=shutil.ignore_patterns("__pycache__"))
    for page in pages:
        for name, text in FILE.findall(page):
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write(f"\n\n{text}" if file.tell() else text)


def verify(folder, *names):
    """The exit status and the output of a quick run in that folder."""
    command = [sys.executable, "-m", "mathcore", "verify", "--profile", "quick", "--seed", "0", *names]
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def text_of(page):
    return (PAGES / f"{page}.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("page", "claim", "mutants"),
    [("add-a-claim", "relu.one_of_two", 3), ("add-an-operation", "log_sigmoid.accuracy", 2)],
)
def test_a_cookbook_works(tmp_path, page, claim, mutants):
    follow(tmp_path, text_of(page))
    status, said = verify(tmp_path, claim)
    assert status == 0, said
    assert f"{mutants} of {mutants} wrong implementations caught" in " ".join(said.split())


@pytest.mark.parametrize(
    ("page", "right", "wrong", "claim", "complaint"),
    [
        ("add-an-operation", "np.log1p(np.exp(-abs(x))), o", "np.log(1 + np.exp(-abs(x))), o", "log_sigmoid", "fails"),
        ("add-an-operation", "import log_sigmoid as log_sigmoid", "import log_sigmoid", "log_sigmoid", "not offered"),
        ("add-a-claim", "abs(x) - np.maximum(x, 0 * x) / 2", "np.maximum(x, 0 * x)", "relu.one_of_two", "survived"),
        ("add-a-claim", 'needs=("relu",)', "needs=()", "relu.one_of_two", "needs no `relu`"),
        ("add-an-operation", "(log_sigmoid_rounding,),\n    ref", "(),\n    ref", "log_sigmoid", "without declaring"),
    ],
)
def test_what_a_cookbook_says_of_a_step_left_out(tmp_path, page, right, wrong, claim, complaint):
    text = text_of(page)
    assert text.count(right) == 1
    follow(tmp_path, text.replace(right, wrong))
    status, said = verify(tmp_path, claim)
    assert status != 0
    assert complaint in " ".join(said.split())
