"""SciPy's own tests of softmax, log-softmax and log-sum-exp, with mathcore in the place of SciPy."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
THEIRS = "scipy.special.tests.test_logsumexp"


def outcomes():
    """How many of SciPy's tests passed, were skipped, and failed, and what was printed."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "foreign")])
    options = ("-q", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "scipy_shims", "-W", "ignore")
    command = [sys.executable, "-m", "pytest", *options, "--pyargs", THEIRS, "-k", "not wrap_radians"]
    env = {**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=ROOT / "tests" / "foreign")
    return {word: int(n) for n, word in re.findall(r"(\d+) (passed|skipped|failed|error)", done.stdout)}, done.stdout


def test_scipys_tests_of_real_numbers_pass():
    if importlib.util.find_spec("scipy") is None or importlib.util.find_spec(THEIRS) is None:
        pytest.skip("SciPy, with its tests, is not installed")
    found, printed = outcomes()
    assert found.keys() == {"passed", "skipped"}, printed[-3000:]
    assert found["passed"] >= 55  # 59 in SciPy 1.17; a choice that leaves room for versions with fewer
