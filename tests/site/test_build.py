"""A bug planted in a primitive turns the build red, and the build names the claim."""

import os
import shutil
import subprocess
import sys

import pytest
from built import ROOT


@pytest.fixture
def copy(tmp_path):
    for name in ("mathcore", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    whole = "claims: [] #"
    assert whole in config
    (tmp_path / "mkdocs.yml").write_text(config.replace(whole, "claims: [softmax.three_steps, softmax.temperature] #"))
    (tmp_path / "README.md").write_text("")
    return tmp_path


def build(folder):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder / "built")]
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def test_a_planted_bug_stops_the_build_and_names_the_claim(copy):
    source = copy / "mathcore" / "probability" / "softmax.py"
    text = source.read_text(encoding="utf-8")
    right = "return apply_columnwise(np.divide, out, total, out)"
    assert right in text
    source.write_text(text.replace(right, "return apply_columnwise(np.divide, out, total + 1, out)"), encoding="utf-8")
    done = build(copy)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "softmax.three_steps: refuted" in said
    assert not (copy / "built" / "index.html").exists()
