"""The folders of the package and what they import of each other, read off the code: a picture, and the same in words.

Pure, but for `read_folders`, which parses every module and imports none. Imports inside functions are left out: they
happen when something is called, and make no order.
"""

from __future__ import annotations

import ast
import html
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from _site.words import plural

PACKAGE = "mathcore"
Arrow: TypeAlias = tuple[str, str]  # the folder that imports, the folder that is imported


@dataclass(frozen=True)
class Folders:
    """The folders of the package: the package itself is "mathcore", what lies in it "probability", "verify/run".

    Attributes:
        titles: folder → the first line of its docstring.
        files: arrow → the modules that make it.
        shipped: the arrows that a public function needs; the others serve only to check.
    """

    titles: Mapping[str, str]
    files: Mapping[Arrow, frozenset[str]]
    shipped: frozenset[Arrow]

    def imports(self, folder: str) -> list[str]:
        """What a folder imports, by name."""
        return sorted(target for source, target in self.files if source == folder)


def read_folders(root: Path) -> Folders:
    """The folders below `root`, the repository, that hold modules."""
    modules = {_name(path, root): path for path in sorted((root / PACKAGE).rglob("*.py"))}
    texts = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    imported = {name: set(_imported(tree.body, modules)) for name, tree in texts.items()}
    stubs = (ast.parse(path.read_text(encoding="utf-8")) for path in sorted((root / PACKAGE).rglob("*.pyi")))
    public = _reached({name for stub in stubs for name in _imported(stub.body, modules)}, imported)
    homes = {name: _folder(path, root) for name, path in modules.items()}
    files: dict[Arrow, set[str]] = {}
    for name, targets in imported.items():
        for target in targets:
            if homes[name] != homes[target]:
                files.setdefault((homes[name], homes[target]), set()).add(name)
    return Folders(
        {_folder(p, root): _title(texts[n]) for n, p in modules.items() if p.name == "__init__.py"},
        {arrow: frozenset(names) for arrow, names in files.items()},
        frozenset(arrow for arrow, names in files.items() if names & public),
    )


def _name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _folder(path: Path, root: Path) -> str:
    return path.parent.relative_to(root / PACKAGE).as_posix().replace(".", PACKAGE)


def _title(tree: ast.Module) -> str:
    return (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")


def _imported(body: Iterable[ast.stmt], modules: Collection[str]) -> Iterator[str]:
    """The modules of the package that are imported as soon as a module is."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules else node.module for name in inner if node.module in modules)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)


def _reached(start: Collection[str], imported: Mapping[str, Collection[str]]) -> set[str]:
    """Everything that is loaded with any of the modules in `start`."""
    found, new = set(start), set(start)
    while new:
        new = {target for name in new for target in imported[name]} - found
        found |= new
    return found


_SHIPPED = 10_000  # weighs more than all modules that check


def in_order(folders: Folders) -> list[str]:
    """The folders so that as few imports as possible go back up: who is imported by nobody first.

    Where folders import each other, next comes the one that imports most beyond what it is imported for, in modules;
    what is shipped comes before all that checks it.
    After Eades, Lin & Smyth, doi:10.1016/0020-0190(93)90079-O.
    """
    left, first, last = set(folders.titles), list[str](), list[str]()
    while left:
        out, into = (_weights(folders, left, side) for side in (0, 1))
        sinks = [name for name in sorted(left) if not out[name]]
        if sinks:
            last.insert(0, sinks[-1])
        else:
            first.append(min(sorted(left), key=lambda name: (bool(into[name]), into[name] - out[name])))
        left -= {*first, *last}
    return first + last


def _weights(folders: Folders, left: Collection[str], side: int) -> dict[str, int]:
    """In how many modules each folder stands on that side of an arrow between folders that are left."""
    weights = dict.fromkeys(left, 0)
    for arrow, names in folders.files.items():
        if set(arrow) <= set(left):
            weights[arrow[side]] += len(names) + (_SHIPPED if arrow in folders.shipped else 0)
    return weights


def layers(folders: Folders) -> list[list[str]]:
    """The folders from top to bottom: each lies above all that it imports, but for what goes back up."""
    order = in_order(folders)
    height: dict[str, int] = {}
    for i, name in reversed(list(enumerate(order))):
        height[name] = 1 + max((height[t] for t in folders.imports(name) if t in order[i:]), default=-1)
    return [
        sorted(name for name in order if height[name] == level) for level in sorted({*height.values()}, reverse=True)
    ]


_ROW, _GAP, _DOTS, _RIGHT, _WIDTH = 25, 12, 150, 296, 372  # a line; between layers; where arcs end; the whole


def picture(folders: Folders) -> str:
    """The folders as lines of text, layer below layer, with an arc from each down to those that it imports.

    Arcs on the right go back up. `listing` says the same in words.
    """
    rows = dict(_rows(layers(folders)))
    bottom = max(rows.values()) + _ROW / 2
    groups = "".join(_group(name, rows, folders) for name in rows)
    return (
        f'<svg class="mc-folders" data-search-exclude viewBox="0 0 {_WIDTH} {bottom:g}" role="group" aria-label="'
        f"{plural(len(folders.files), 'arrow')} between {plural(len(rows), 'folder')}, each from one that imports to "
        'one that is imported; the list below says the same">' + "".join(_rules(rows)) + groups + "</svg>"
    )


def _rows(stack: Iterable[Iterable[str]]) -> Iterator[tuple[str, float]]:
    y = -_ROW / 2
    for layer in stack:
        for name in layer:
            y += _ROW
            yield name, y
        y += _GAP


def _rules(rows: Mapping[str, float]) -> Iterator[str]:
    """A faint line between layers."""
    ys = sorted(rows.values())
    for above, below in itertools.pairwise(ys):
        if below - above > _ROW:
            yield f'<path class="rule" d="M{_DOTS} {(above + below) / 2:g}H{_RIGHT}"/>'


def _group(name: str, rows: Mapping[str, float], folders: Folders) -> str:
    """A folder with the arcs that leave it, which stand out together."""
    y = rows[name]
    arcs = "".join(_arc((name, target), rows, folders) for target in folders.imports(name))
    label = f'<text x="{_DOTS + 12}" y="{y + 5:g}">{html.escape(name)}</text>'
    return f'<g data-folder="{name}">{arcs}<circle cx="{_DOTS}" cy="{y:g}" r="3.5"/>{label}</g>'


def _arc(arrow: Arrow, rows: Mapping[str, float], folders: Folders) -> str:
    start, end = (rows[name] for name in arrow)
    down = start < end
    side, x = (-1, _DOTS - 6) if down else (1, _RIGHT)
    bend = x + side * 1.33 * min(10 + 0.22 * abs(end - start), _DOTS - 30)
    kind = "up" if not down else "shipped" if arrow in folders.shipped else "checks"
    kind += " implied" if down and _is_implied(arrow, rows, folders) else ""
    curve = f"M{x} {start:g}C{bend:.1f} {start:g} {bend:.1f} {end:g} {x} {end:g}"
    head = f"M{x + side * 6} {end - 3.5:g}L{x} {end:g}L{x + side * 6} {end + 3.5:g}"
    return f'<path class="{kind}" data-import="{" ".join(arrow)}" d="{curve}{head}"/>'


def _is_implied(arrow: Arrow, rows: Mapping[str, float], folders: Folders) -> bool:
    """Whether other arrows lead down there as well, by way of more folders; to what is shipped, shipped ones."""
    among = folders.shipped if arrow in folders.shipped else folders.files
    below = {name: [t for s, t in among if s == name and rows[t] > rows[s]] for name in rows}
    others = set(below[arrow[0]]) - {arrow[1]}
    return arrow[1] in _reached(others, below)


def listing(folders: Folders) -> str:
    """Every folder with what it is and what it imports, from top to bottom."""
    return "\n\n".join(_entry(name, folders) for layer in layers(folders) for name in layer)


def _entry(name: str, folders: Folders) -> str:
    imports = ", ".join(f"`{target}`" for target in folders.imports(name)) or "none of these"
    return f"`{name}`\n:   {folders.titles[name]}. Imports {imports}."
