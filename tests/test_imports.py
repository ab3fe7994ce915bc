"""What an import loads, seen from a fresh interpreter."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mathcore


def loaded_by(statement: str, module: str) -> bool:
    code = f"{statement}; import sys; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


@pytest.mark.parametrize(
    "module",
    ["hypothesis", "flint", "sklearn", "click", "rich", "ml_dtypes", "mathcore.verify", "mathcore.training", "decimal"],
)
def test_import_mathcore_loads_numpy_alone(module):
    assert not loaded_by("import mathcore", module)


def test_the_check_above_can_fail():
    assert loaded_by("import mathcore", "numpy")
    assert loaded_by("import mathcore.verify", "hypothesis")


def primitive_imports(text: str, topics: set[str]) -> set[str]:
    """The topics whose primitives a claims module imports by name."""
    tree = ast.parse(text)
    modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    modules += [
        f"mathcore.{a.name}"
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module == "mathcore"
        for a in n.names
    ]
    return {m for m in modules if m.removeprefix("mathcore.") in topics}


FOLDER = Path(mathcore.__file__).parent
TOPICS = {p.stem.removesuffix("_claims") for p in FOLDER.glob("*_claims.py")}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*_claims.py")), ids=lambda p: p.stem)
def test_claims_import_no_primitive(path):
    assert primitive_imports(path.read_text(), TOPICS) == set()


@pytest.mark.parametrize(
    "line", ["from mathcore.layers import relu", "from mathcore import layers", "import mathcore.layers"]
)
def test_the_search_for_primitive_imports_can_fail(line):
    assert primitive_imports(line, TOPICS) == {"mathcore.layers"}


def test_everything_public_is_offered():
    assert len(set(mathcore.__all__)) == len(mathcore.__all__)
    for name in mathcore.__all__:
        assert getattr(mathcore, name).__doc__, name
