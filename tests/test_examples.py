"""Every public function and class shows what it does, in examples that run.

An example may use `np` and `mc` without importing them, as the first page of the reference says; whatever else it uses
it imports or makes. The examples of one docstring share their names, and know nothing of another's. Sybil runs them.
"""

import ast
import functools
from pathlib import Path

import numpy as np
import pytest
from sybil.document import Document
from sybil.example import SybilFailure
from sybil.parsers.rest import DocTestParser

import mathcore
import mathcore.verify

PACKAGE = Path(mathcore.__file__).parent
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTION)


def inside(node, name):
    """(qualified name, node) of everything in a syntax tree that may have a docstring."""
    if isinstance(node, DOCUMENTED):
        yield name, node
    for child in ast.iter_child_nodes(node):
        yield from inside(child, f"{name}.{child.name}" if isinstance(child, (ast.ClassDef, *FUNCTION)) else name)


def document(node, path):
    """The examples of a docstring, in a namespace of their own; their lines count from the top of the file."""
    text, first = "", 1
    if ast.get_docstring(node, clean=False) is not None:
        text, first = node.body[0].value.value, node.body[0].value.lineno
    found = Document("\n" * (first - 1) + text, str(path))
    for region in DocTestParser()(found):
        found.add(region)
    found.namespace.update(np=np, mc=mathcore)
    return found


def documents(folder):
    """Qualified name → the examples of its docstring, of all docstrings in a package that have any."""
    found = {}
    for path in folder.rglob("*.py"):
        if ">>>" in (text := path.read_text("utf-8")):
            module = ".".join([folder.name, *path.relative_to(folder).with_suffix("").parts])
            for name, node in inside(ast.parse(text), module):
                if list(examples := document(node, path)):
                    assert name not in found, f"two docstrings with examples are called {name}"
                    found[name] = examples
    return found


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text("utf-8"))


def defined(root, module, name):
    """The node and the file of a name that a module below `root` defines, or imports from another module there."""
    path = root.joinpath(*module.split(".")[1:]).with_suffix(".py")
    for node in reversed(tree_of(path).body):  # overloads come first
        if getattr(node, "name", None) == name:
            return node, path
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return defined(root, node.module, name)
    raise LookupError(f"{path} does not define {name}")


def public(root, listing):
    """Public name → its node and its file, of all that a list of imports names from modules of the package `root`."""
    imports = (n for n in ast.walk(tree_of(listing)) if isinstance(n, ast.ImportFrom))
    ours = (node for node in imports if (node.module or "").startswith(f"{root.name}."))
    return {alias.name: defined(root, node.module, alias.name) for node in ours for alias in node.names}


def without_example(names):
    """Which of some public names lack an example, methods and properties of public classes included."""
    return sorted(
        name
        for public_name, (top, path) in names.items()
        for name, node in inside(top, public_name)
        if (node is top or (isinstance(top, ast.ClassDef) and node in top.body))
        and not name.rpartition(".")[2].startswith("_")
        and not list(document(node, path))
    )


EXAMPLES = documents(PACKAGE)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example(name):
    for example in EXAMPLES[name]:
        assert not example.parsed.options, f"line {example.line}: an example says what it prints, and is not skipped"
        example.evaluate()


def test_every_public_function_and_class_has_an_example():
    names = public(PACKAGE, PACKAGE / "__init__.pyi") | public(PACKAGE, PACKAGE / "course.pyi")
    assert set(names) == {*mathcore.__all__, *mathcore.course.__all__} - {"course"}
    assert without_example(names) == []


def test_every_public_function_of_the_verifier_has_an_example():
    names = public(PACKAGE, PACKAGE / "verify" / "__init__.py")
    assert set(names) == set(mathcore.verify.__all__)
    assert without_example({name: found for name, found in names.items() if isinstance(found[0], FUNCTION)}) == []


PLANTED = '''
def shown():
    """One.

    Examples:
        >>> 1 + 1
        {printed}
    """

def bare():
    """Two."""

def silent(): ...

class Thing:
    """Three.

    >>> len("")
    0
    """

    def method(self):
        """Four: >>> is no example here."""

    def _private(self): ...
'''


@pytest.fixture
def planted(tmp_path):
    def plant(printed="2"):
        (tmp_path / "__init__.py").write_text(f"from {tmp_path.name}.module import Thing, bare, shown, silent\n")
        (tmp_path / "module.py").write_text(PLANTED.format(printed=printed))
        return tmp_path

    return plant


def public_of(root):
    return public(root, root / "__init__.py")


def test_a_planted_function_without_an_example_is_seen(planted):
    assert without_example(public_of(planted())) == ["Thing.method", "bare", "silent"]


def test_a_planted_example_that_prints_something_else_fails(planted):
    [right] = [found for name, found in documents(planted()).items() if name.endswith(".module.shown")]
    [wrong] = [found for name, found in documents(planted("3")).items() if name.endswith(".module.shown")]
    for example in right:
        example.evaluate()
    with pytest.raises(SybilFailure, match="line 6"):
        next(iter(wrong)).evaluate()
