"""Rules about files: what they are called, and how long they may be."""

import ast
from pathlib import Path

import pytest

import mathcore

ROOT = Path(mathcore.__file__).parent.parent
FOLDERS = ("mathcore", "conformance", "benchmarks", "docs/_site")
MAX_LINES = 400
EXCUSE = "Long because"
"""A sentence of the module's docstring that begins with these words says why the file is longer."""


def files(root):
    return [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]


def misnamed(root):
    """Files called `…_rows.py`, a name that meant formulas, inputs, laws and records alike."""
    return [str(p.relative_to(root)) for p in files(root) if p.stem.endswith("_rows") and p.stem != "_rows"]


def overlong(root):
    """Files of code over the limit without an excuse; claims and mutants are lists, and may be long."""
    found = set()
    for path in files(root):
        text = path.read_text(encoding="utf-8")
        lists = path.stem.endswith(("_claims", "_mutants"))
        if (
            not lists
            and text.count("\n") > MAX_LINES
            and f"{EXCUSE} " not in (ast.get_docstring(ast.parse(text)) or "")
        ):
            found.add(path.relative_to(root).as_posix())
    return found


def test_no_file_is_called_rows():
    assert misnamed(ROOT) == []


def test_no_file_is_overlong_without_a_reason():
    assert overlong(ROOT) == set()


LONG = "x = 1\n" * MAX_LINES


@pytest.mark.parametrize(
    ("name", "text", "is_overlong"),
    [
        ("softmax.py", LONG, False),
        ("softmax.py", LONG + "y = 2\n", True),
        ("softmax.py", '"""Softmax."""\n' + LONG, True),
        ("softmax.py", '"""Softmax.\n\nLong because it is one table.\n"""\n' + LONG, False),
        ("softmax.py", "# Long because nobody split it\n" + LONG, True),
        ("softmax_claims.py", LONG + LONG, False),
        ("softmax_mutants.py", LONG + LONG, False),
        ("claims.py", LONG + LONG, True),
    ],
)
def test_an_overlong_file_is_seen(tmp_path, name, text, is_overlong):
    path = tmp_path / "mathcore" / "probability" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert overlong(tmp_path) == ({f"mathcore/probability/{name}"} if is_overlong else set())


def test_a_file_called_rows_is_seen(tmp_path):
    folder = tmp_path / "docs" / "_site"
    folder.mkdir(parents=True)
    for name in ("heads_rows.py", "_rows.py", "rows_of.py"):
        (folder / name).write_text("")
    assert [Path(name).name for name in misnamed(tmp_path)] == ["heads_rows.py"]


def nameless(text):
    """The lines in which a body of a claim is called `_`, which no profile, outline or traceback tells from others."""
    return [n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == "_"]


def test_every_body_of_a_claim_has_a_name():
    assert {str(p): found for p in files(ROOT) if (found := nameless(p.read_text(encoding="utf-8")))} == {}


def test_a_body_without_a_name_is_seen():
    assert nameless("def sums_to_one(ops): ...\ndef _(ops): ...") == [2]
