"""What an import loads, seen from a fresh interpreter."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import mathcore


def loaded_by(statement: str, module: str) -> bool:
    code = f"{statement}; import sys; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


@pytest.mark.parametrize(
    "module",
    [
        "numpy",
        "hypothesis",
        "flint",
        "sklearn",
        "click",
        "rich",
        "ml_dtypes",
        "mathcore.verify",
        "decimal",
    ],
)
def test_import_mathcore_loads_nothing_that_is_not_asked_for(module):
    assert not loaded_by("import mathcore", module)


@pytest.mark.parametrize("module", ["hypothesis", "flint", "sklearn", "ml_dtypes", "mathcore.verify", "decimal"])
def test_softmax_loads_numpy_alone(module):
    assert not loaded_by("from mathcore import softmax", module)


def test_the_check_above_can_fail():
    assert loaded_by("from mathcore import softmax", "numpy")
    assert loaded_by("import mathcore.verify", "hypothesis")


FOLDER = Path(mathcore.__file__).parent
ROLES = ("claims", "mutants", "tolerances", "textbook", "inputs", "records", "laws", "options", "types", "periods")
"""Last words of the names of files that judge primitives, and may not be made of them."""


def is_judge(path: Path) -> bool:
    return path.stem.rpartition("_")[2] in ROLES


def module_of(path: Path) -> str:
    return ".".join(("mathcore", *path.relative_to(FOLDER).with_suffix("").parts))


TOPICS = [p for p in sorted(FOLDER.glob("*/*.py")) if p.parent.name not in ("verify", "cli")]
PRIMITIVES = {module_of(p) for p in TOPICS if not is_judge(p) and p.stem != "__init__"}
JUDGES = [p for p in TOPICS if is_judge(p)]


def primitive_imports(text: str) -> set[str]:
    """The modules of primitives that a text imports, and the package itself, which offers them all."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found & (PRIMITIVES | {"mathcore"} if "from mathcore import" in text else PRIMITIVES)


@pytest.mark.parametrize("path", JUDGES, ids=module_of)
def test_who_judges_primitives_imports_none(path):
    assert primitive_imports(path.read_text()) == set()


@pytest.mark.parametrize(
    "line", ["from mathcore.layers.relu import relu", "from mathcore.layers import relu", "import mathcore.layers.relu"]
)
def test_the_search_for_primitive_imports_can_fail(line):
    assert primitive_imports(line) == {"mathcore.layers.relu"}


def imported_at_once(text: str) -> set[str]:
    """The modules that are imported when a module of this text is."""
    return _imported(ast.parse(text).body)


def imported_ever(text: str) -> set[str]:
    """The same, with those that its functions import when they are called; not those that only types need."""
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if not isinstance(node, ast.If)]  # if TYPE_CHECKING
    return _imported(ast.walk(tree))


def _imported(nodes: Iterable[ast.AST]) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found


def circles(graph: dict[str, set[str]]) -> list[str]:
    """The modules that import themselves, by whatever way; the last ones of a chain leave first."""
    left = {name: set(found) & set(graph) - {name} for name, found in graph.items()}
    while free := {name for name, found in left.items() if not found & set(left)}:
        left = {name: found for name, found in left.items() if name not in free}
    return sorted(left)


TEXTS = {module_of(p).removesuffix(".__init__"): p.read_text() for p in FOLDER.rglob("*.py")}


def test_no_module_imports_itself_by_way_of_others():
    assert circles({name: imported_at_once(text) for name, text in TEXTS.items()}) == []


def test_no_import_in_a_function_hides_a_circle_of_the_verifier():
    verifier = {name: text for name, text in TEXTS.items() if name.startswith("mathcore.verify")}
    assert circles({name: imported_ever(text) for name, text in verifier.items()}) == []


def test_an_import_in_a_function_is_seen():
    text = "from a import x\nif TYPE_CHECKING:\n    from b import y\ndef f():\n    from c import z\n"
    assert imported_ever(text) == {"a", "a.x", "c", "c.z"}
    assert imported_at_once(text) == {"a", "a.x"}


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


def test_everything_public_is_offered():
    assert len(set(mathcore.__all__)) == len(mathcore.__all__)
    for name in mathcore.__all__:
        assert getattr(mathcore, name).__doc__, name
