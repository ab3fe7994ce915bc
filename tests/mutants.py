"""Mutation testing of the primitives: small changes to their code, which the claims must refute.

    python -m tests.mutants mathcore/probability/softmax.py

Cosmic Ray makes the changes. Each is tried in a forked process that loads the changed code in place of the file: the
disk stays as it is. The judges are the claims about the operations that reach the file, those that killed the last
mutants first. What survives must be in `survivors.toml` with a reason.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.abc
import importlib.util
import multiprocessing
import os
import random
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import click

ROOT = Path(__file__).parent.parent
SURVIVORS = Path(__file__).parent / "survivors.toml"

_PATIENCE, _LEAST_SECONDS = 10, 60
"""A mutant that takes so many times as long as the file itself, or a minute, hangs: a busy machine is not so slow."""


@dataclass(frozen=True)
class Mutant:
    """A changed file.

    Attributes:
        path: of the file, from the root of the repository.
        code: all of it.
        place: the number of the first line that changed.
        before, after: the lines that changed, without their indents.
    """

    path: str
    code: str
    place: int = 0
    before: str = ""
    after: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What says that it is the same one after other lines of the file have changed."""
        return self.path, self.before, self.after


@dataclass(frozen=True)
class Verdict:
    """Of a mutant.

    Attributes:
        killer: the claim that refuted it; "" if none did; "loading" or "time" where it did not come to claims.
        words: what was found.
        tried: the number of claims that were tried.
    """

    killer: str
    words: str
    tried: int


# Changes


def mutants(path: str) -> list[Mutant]:
    """Every change that Cosmic Ray knows to make, less those of annotations and names of types, which do not run."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    source = (ROOT / path).read_text(encoding="utf-8")
    found: dict[str, Mutant] = {}
    for name in operator_names():
        if get_operator(name).arguments():  # replaces what we would have to name
            continue
        operator = get_operator(name)()
        count = sum(1 for node in ast_nodes(get_ast(source)) for _ in operator.mutation_positions(node))
        for occurrence in range(count):
            code = mutate_code(source, operator, occurrence)
            if code is not None and _runs_differently(source, code):
                found.setdefault(code, _described(path, source, code))
    return list(found.values())


def _runs_differently(source: str, code: str) -> bool:
    """Whether two files differ in more than annotations."""
    try:
        return _executed(source) != _executed(code)
    except SyntaxError:  # no mutant: it cannot be loaded
        return False


def _executed(source: str) -> str:
    """The syntax tree as text, without the annotations and the overloads, which are for readers and type checkers."""

    class Strip(ast.NodeTransformer):
        def visit_arg(self, node: ast.arg) -> ast.AST:
            node.annotation = None
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
            if any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list):
                return None
            node.returns = None
            return self.generic_visit(node)

        def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
            node.annotation = ast.Constant(None)
            return self.generic_visit(node)

    return ast.dump(Strip().visit(ast.parse(source)))


def _described(path: str, source: str, code: str) -> Mutant:
    old, new = source.splitlines(), code.splitlines()
    changes = [c for c in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if c[0] != "equal"]
    _, start, stop, _, _ = changes[0]
    before = " ".join(line.strip() for _, a, b, _, _ in changes for line in old[a:b])
    after = " ".join(line.strip() for _, _, _, a, b in changes for line in new[a:b])
    return Mutant(path, code, min(start, stop) + 1, before, after)


def sample(path: str, count: int, seed: int) -> list[Mutant]:
    """A random sample of the changes of a file, in the order of the lines."""
    every = sorted(mutants(path), key=lambda mutant: mutant.key)
    chosen = random.Random(f"{seed}/{path}").sample(every, min(count, len(every)))
    return sorted(chosen, key=lambda mutant: mutant.place)


# Judges, in a child process


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Loads a changed file under the name of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname, path, target=None):
        if fullname != module_of(self._mutant.path):
            return None
        return importlib.util.spec_from_file_location(fullname, ROOT / self._mutant.path, loader=self)

    def get_source(self, fullname: str) -> str:
        return self._mutant.code

    def get_code(self, fullname: str):
        return compile(self._mutant.code, str(ROOT / self._mutant.path), "exec", dont_inherit=True)


def module_of(path: str) -> str:
    """The name of the module at a path."""
    return path.removesuffix(".py").replace("/", ".")


def reaching(module: str) -> list[str]:
    """The operations of mathcore whose module is this one, or has something of it under a name, or of one that has."""
    from mathcore.verify import mathcore_target

    return [name for name, f in mathcore_target().operations.items() if module in _reached(f.__module__)]


def _reached(module: str) -> set[str]:
    """The modules of mathcore of which a module has something, and those of which they have something."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or not name.startswith("mathcore.") or name.startswith("mathcore.verify"):
            continue
        found.add(name)
        waiting += [_module_of_value(value) for value in vars(sys.modules[name]).values()]
    return found


def _module_of_value(value: object) -> str:
    """The name of the module that a value is, or is from; "" for numbers and the like."""
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))


def primitives() -> list[str]:
    """The files that operations reach."""
    from mathcore.verify import mathcore_target

    modules = set().union(*(_reached(f.__module__) for f in mathcore_target().operations.values()))
    return sorted(f"{name.replace('.', '/')}.py" for name in modules)


def judged(mutant: Mutant, first: tuple[str, ...], seed: int) -> Verdict:
    """The first claim that does not stand on a mutant."""
    sys.meta_path.insert(0, _Changed(mutant))
    try:
        from mathcore.verify import catalogue, mathcore_target
        from mathcore.verify.run.results import PROFILES
        from mathcore.verify.run.runner import derived_seed, run_check

        target, claims, operations = mathcore_target(), catalogue(), set(reaching(module_of(mutant.path)))
    except Exception as failed:
        return Verdict("loading", f"{type(failed).__name__}: {failed}", 0)
    about = [claim for claim in claims if operations & set(claim.needs)]
    topic = mutant.path.split("/")[1]
    about.sort(key=lambda c: (first.index(c.id) if c.id in first else len(first), c.topic != topic, _cost(c)))
    for tried, claim in enumerate(about, 1):
        for i, check in enumerate(claim.checks):
            result = run_check(
                claim, check, target, PROFILES["quick"], derived_seed(seed, claim.id, i), shrink=False
            )  # fmt: skip
            if result.outcome in ("refuted", "error"):
                return Verdict(claim.id, result.detail, tried)
    return Verdict("", "", len(about))


def _cost(claim) -> int:
    """Experiments and exhaustive checks last."""
    return len({"experiment", "exhaustive"} & set(claim.evidence))


def in_a_child(mutant: Mutant, first: tuple[str, ...], seed: int, seconds: float | None) -> Verdict:
    """What `judged` says, from a process that may crash, or hang."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe(duplex=False)
    child = context.Process(target=lambda: its.send(judged(mutant, first, seed)), daemon=True)
    child.start()
    its.close()
    try:
        if mine.poll(seconds):
            return mine.recv()
        return Verdict("time", f"no verdict after {seconds:.0f} s", 0)
    except EOFError:
        child.join()
        return Verdict("loading", f"the process ended with status {child.exitcode}", 0)
    finally:
        child.kill()
        child.join()


# A run


def tried(path: str, chosen: list[Mutant], seed: int, workers: int) -> Iterator[tuple[Mutant, Verdict]]:
    """The verdicts on mutants of a file, in their order.

    Raises:
        click.ClickException: if a claim does not stand on the file as it is, or no claim is about it.
    """
    start = time.monotonic()
    whole = in_a_child(Mutant(path, (ROOT / path).read_text(encoding="utf-8")), (), seed, None)
    if whole.killer or not whole.tried:
        raise click.ClickException(f"{path} as it is: {whole.killer or 'no claim is about it'}. {whole.words}")
    seconds = max(_LEAST_SECONDS, _PATIENCE * (time.monotonic() - start))
    click.echo(f"{path}: {len(chosen)} mutants, {whole.tried} claims, {seconds / _PATIENCE:.0f} s for all of them")
    killers: list[str] = []

    def one(mutant: Mutant) -> Verdict:
        verdict = in_a_child(mutant, tuple(killers), seed, seconds)
        if verdict.killer:
            killers[:] = [verdict.killer, *(name for name in killers if name != verdict.killer)]
        return verdict

    with ThreadPoolExecutor(workers) as pool:
        yield from zip(chosen, pool.map(one, chosen), strict=True)


def known() -> dict[tuple[str, str, str], str]:
    """The survivors that are known, with their reasons."""
    listed = tomllib.loads(SURVIVORS.read_text(encoding="utf-8")).get("survivor", [])
    return {(s["file"], s["line"], s["mutant"]): s["reason"] for s in listed}


def report(mutant: Mutant, verdict: Verdict, reason: str | None) -> bool:
    """Print what happened to a mutant, in as many words as that deserves. Returns whether it is as expected."""
    where = f"{mutant.path}:{mutant.place}"
    if verdict.killer and reason is None:
        click.echo(f"  killed by {verdict.killer}, the {verdict.tried}.: {where}  {mutant.after}")
        return True
    if reason is not None and not verdict.killer:
        click.echo(f"  known survivor: {where}  {mutant.after}  ({reason})")
        return True
    said = f"killed by {verdict.killer}, but listed as a survivor" if verdict.killer else "SURVIVED"
    click.echo(f"{said}: {where}\n    - {mutant.before}\n    + {mutant.after}")
    return False


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--count", default=40, show_default=True, help="Mutants of each file.")
@click.option("--seed", default=0, envvar="MATHCORE_SEED", show_default=True, help="Of the sample and the inputs.")
@click.option("--workers", default=os.cpu_count() or 1, help="Processes at once.")
def main(paths: tuple[str, ...], count: int, seed: int, workers: int) -> None:
    """Try changes of the files at PATHS, or of all primitives. Exit status: 1 if one survives that is not listed."""
    survivors, right = known(), True
    for path in paths or _listed_by_a_child():
        for mutant, verdict in tried(path, sample(path, count, seed), seed, workers):
            right &= report(mutant, verdict, survivors.get(mutant.key))
    sys.exit(not right)


def _listed_by_a_child() -> list[str]:
    """The primitives; mathcore is imported in children alone."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(primitives)


def _warm() -> None:
    """Import what a child would import besides mathcore: it starts in a fifth of the time."""
    for name in (
        "numpy",
        "hypothesis",
        "hypothesis.extra.numpy",
        "flint",
        "ml_dtypes",
        "rich.console",
        "threadpoolctl",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    _warm()
    main()
