"""The claims that changed since a git revision: their text, or the code of a check, is not found there."""

from __future__ import annotations

import ast
import inspect
import io
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import mathcore
from mathcore.verify.claims import Claim

FOLDER = Path(mathcore.__file__).parent
_HOLE = "(?s:.*)"
_MIN_FIXED = 20
"""A template string must have more fixed characters than this to match a sentence, else it matches too much."""


def changed_since(claims: Iterable[Claim], revision: str) -> list[Claim]:
    """The claims that are new or different since `revision`.

    Raises:
        LookupError: if mathcore is not in a git checkout, or git does not know the revision.
    """
    claims = list(claims)
    trees = [ast.parse(text) for text in _texts(revision)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = [pattern for node in nodes if (pattern := _pattern(node))]
    bodies = {_dumped(node) for node in nodes if isinstance(node, (ast.FunctionDef, ast.Lambda))}
    plain = {t for t in texts if _HOLE not in t}
    templates = [t for t in texts if _HOLE in t and len(t.replace(_HOLE, "")) > _MIN_FIXED]
    known = {
        sentence
        for claim in claims
        for sentence in _sentences(claim)
        if re.escape(sentence) in plain or any(re.fullmatch(t, sentence) for t in templates)
    }
    return [claim for claim in claims if not (_sentences(claim) <= known and _bodies(claim) <= bodies)]


def _pattern(node: ast.AST) -> str:
    """A regular expression for the values of a string literal or an f-string; "" for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part) or _HOLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return "".join(_pattern(part) or _HOLE for part in (node.left, node.right))
    return re.escape(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(revision: str) -> Iterator[str]:
    """The source of the package's modules at a revision."""
    git = ["git", "-C", str(FOLDER), "archive", "--format=tar", revision, "--", "."]
    done = subprocess.run(git, capture_output=True, check=False)
    if done.returncode:
        raise LookupError(f"git does not know the revision {revision!r} of {FOLDER.name}: {done.stderr.decode()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for member in archive.getmembers():
            if member.name.endswith(".py") and (file := archive.extractfile(member)):
                yield file.read().decode()


def _sentences(claim: Claim) -> set[str]:
    return {claim.statement, claim.formula, claim.condition or "", claim.corrected or ""} - {""}


def _bodies(claim: Claim) -> set[str]:
    return {_code(check.body) for check in claim.checks}


def _code(body: object) -> str:
    """The syntax tree of a function as text, independent of layout; "" if there is none."""
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(body)))  # type: ignore[arg-type]
    return next((_dumped(n) for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda))), "")


def _dumped(node: ast.FunctionDef | ast.Lambda) -> str:
    """The tree as text, whatever the function is called."""
    text = ast.dump(node)
    return text if isinstance(node, ast.Lambda) else text.replace(f"name={node.name!r}", "name=''", 1)
