"""The tasks of the project: `nox -l` lists them, `nox -s lint types` runs two, words after `--` go to the command.

All but `lowest`, `foreign`, `tokenizers` and `mutants` use the environment that nox runs in, which is the one with
`pip install -e ".[dev]"`.
"""

from __future__ import annotations

import importlib.util
import sys

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "test"]

OF_THE_VERIFIER = (
    "changed", "claims", "compare", "conformance", "conventions", "cookbooks", "corpus", "derive", "errors",
    "executors", "exercises", "foreign", "held", "hidden_rows", "limits", "missed", "own_claims", "promises", "ranges",
    "read_back", "real_bugs", "report", "scripts", "shards", "sweeps", "verify_targets", "vjp",
)  # fmt: skip
APART = ("tests/site", *(f"tests/test_{name}.py" for name in OF_THE_VERIFIER))
"""What `lowest` leaves out: the site, and what runs claims by themselves; `mathcore verify` runs them all at once."""

WITH_FRAMEWORKS = ("decoder", "derive", "executors", "held", "interop", "safetensors", "scipy_family", "verify_targets")
"""Tests some of which need PyTorch, JAX, SciPy, safetensors or Dask; their names say which."""


WORDS = ("torch", "jax", "scipy", "safetensors", "dask", "autograd", "framework")

OF_TOKENIZERS = ("tests/test_pretrained_ids.py", "tests/test_pretrained_patterns.py")
"""Tests all of which need `tokenizers`, tiktoken or `regex`."""


def python(session: nox.Session, *command: str) -> None:
    """Run a module of the environment that nox itself runs in."""
    session.run(sys.executable, "-m", *command, external=True)


@nox.session
def test(session: nox.Session) -> None:
    """Every test but the site's."""
    python(session, "pytest", *(session.posargs or ("-n", "auto", "tests", "--ignore", "tests/site")))


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Tests and quick claims on the lowest versions that pyproject.toml allows and this Python has wheels of."""
    lowest_set = ("--resolution", "lowest-direct", "--only-binary", ":all:")
    session.install(*lowest_set, "-r", "pyproject.toml", "--extra", "test")
    session.install("--no-deps", "-e", ".")
    session.log(f"a part: all tests but {', '.join(APART)}; then mathcore verify --profile quick")
    ignored = (word for path in APART for word in ("--ignore", path))
    session.run("python", "-m", "pytest", "-n", "auto", "tests", *ignored, *session.posargs)
    session.run("python", "-m", "mathcore", "verify", "--profile", "quick")


@nox.session(venv_backend="venv")  # with pip, whose settings may say where PyTorch without CUDA is
def foreign(session: nox.Session) -> None:
    """Correct implementations by others are not refuted; MATHCORE_FOREIGN_SEEDS=0-19 tries 20 seeds."""
    session.install("-e", ".[frameworks,cluster]")
    session.run("python", "-m", "pytest", "-n", "2", "tests/test_foreign.py", *session.posargs)
    others = (f"tests/test_{name}.py" for name in WITH_FRAMEWORKS)
    session.run(
        "python",
        "-m",
        "pytest",
        "-n",
        "2",
        *others,
        "-k",
        " or ".join(WORDS),
    )
    session.run("python", "-m", "pytest", *OF_TOKENIZERS)


@nox.session(venv_backend="venv")
def tokenizers(session: nox.Session) -> None:
    """Ids on 20 MB of text in over 30 scripts, beside `tokenizers` and tiktoken, and how long they take."""
    session.install("-e", ".[test,tokenizers]", "tokenizers", "tiktoken")
    size = {"MATHCORE_TOKENIZER_MB": "20"}
    session.run("python", "-m", "pytest", "-s", *(session.posargs or OF_TOKENIZERS[:1]), env=size)


@nox.session(venv_backend="uv")
def mutants(session: nox.Session) -> None:
    """Small changes of the files that are named, or of all primitives: those that no claim refutes."""
    session.install("-e", ".[verify]", "cosmic-ray>=8.4")
    session.run("python", "-m", "tests.mutants", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """The linter, and whether the code is formatted."""
    python(session, "ruff", "check", ".")
    python(session, "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """The types; those of results that depend on an option by two checkers."""
    python(session, "mypy", *session.posargs)
    if importlib.util.find_spec("basedpyright") is None:
        session.log("basedpyright is not installed: tests/test_types.py is checked by mypy alone")
    else:
        python(session, "basedpyright", "--level", "error", "tests/test_types.py")


@nox.session
def site(session: nox.Session) -> None:
    """The strict build of the site, with Python for its pages, and its tests; those in a browser need Chromium."""
    python(session, "docs._site.python_in_pages")
    python(session, "mkdocs", "build", "--strict")
    python(session, "pytest", "-n", "3", "tests/site", *session.posargs)  # more than half of their time they wait


@nox.session
def quick(session: nox.Session) -> None:
    """Every claim, by the quick profile."""
    python(session, "mathcore", "verify", "--profile", "quick", *session.posargs)


@nox.session
def thorough(session: nox.Session) -> None:
    """Every claim, by the thorough profile, which also looks for counterexamples beyond what a claim draws."""
    python(session, "mathcore", "verify", "--profile", "thorough", *session.posargs)
