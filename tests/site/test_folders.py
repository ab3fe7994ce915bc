"""The picture of the package's folders has every folder and every import between them, and points down."""

import re

import pytest
from _site import folders
from built import ROOT

ARC = re.compile(r'<path class="([\w ]+)" data-import="([\w/]+) ([\w/]+)" d="M[\d.-]+ ([\d.]+)C\S+ \S+ \S+ ([\d.]+) ')
FROM = re.compile(r"^from mathcore\.([\w.]+) import ", re.MULTILINE)


@pytest.fixture(scope="module")
def package():
    return folders.read_folders(ROOT)


def on_disk(root):
    """The folders that hold modules, and the imports between them that a plain search for `from` finds."""
    modules = [path for path in (root / "mathcore").rglob("*.py") if path.parent.name != "cells"]  # those are texts
    names = {path.parent.relative_to(root / "mathcore").as_posix() for path in modules} - {"."}
    arrows = set()
    for path in modules:
        source = path.parent.relative_to(root / "mathcore").as_posix()
        for target in FROM.findall(path.read_text("utf-8")):
            place = target.replace(".", "/")
            folder = place if place in names else place.rpartition("/")[0]
            if folder and source not in (".", folder):
                arrows.add((source, folder))
    return names, arrows


def missing(svg, root):
    """The folders and the imports that the picture does not have."""
    names, arrows = on_disk(root)
    drawn = {(source, target) for _, source, target, *_ in ARC.findall(svg)}
    return sorted(names - set(re.findall(r">([\w/]+)</text>", svg))), sorted(arrows - drawn)


def test_every_folder_and_every_import_is_in_the_picture(package):
    svg = folders.picture(package)
    assert missing(svg, ROOT) == ([], [])
    assert ("attention", "_compute") in on_disk(ROOT)[1]
    assert len(ARC.findall(svg)) == len(package.files) == svg.count("data-import")


def test_arrows_point_down_but_for_those_on_the_right(package):
    for kind, source, target, start, end in ARC.findall(folders.picture(package)):
        assert (kind == "up") == (float(start) > float(end)), (source, target)


@pytest.fixture
def planted(tmp_path):
    """Three folders: `top`, with the public name, needs `base`; claims of `base` need `top`, and `side`."""
    files = {
        "__init__.py": '"""All of it."""',
        "__init__.pyi": "from mathcore.top.name import name as name",
        "top/__init__.py": '"""The top.\n\nMore."""',
        "top/name.py": "from mathcore.base import rows\nfrom mathcore.base.rows import x\n",
        "base/__init__.py": '"""The base."""',
        "base/rows.py": "def later():\n    from mathcore.side import never\n",
        "base/rows_claims.py": "import mathcore.top.name\nfrom mathcore.side.thing import y\n",
        "side/__init__.py": '"""The side."""',
        "side/thing.py": "",
    }
    for name, text in files.items():
        path = tmp_path / "mathcore" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_what_is_read_and_what_runs_with_the_library(planted):
    read = folders.read_folders(planted)
    assert read.titles == {"mathcore": "All of it", "top": "The top", "base": "The base", "side": "The side"}
    assert read.files == {
        ("top", "base"): {"mathcore.top.name"},
        ("base", "top"): {"mathcore.base.rows_claims"},
        ("base", "side"): {"mathcore.base.rows_claims"},
    }
    assert read.shipped == {("top", "base")}
    assert folders.layers(read) == [["top"], ["base"], ["mathcore", "side"]]  # what runs decides what lies above
    up = [arrow for kind, *arrow in ARC.findall(folders.picture(read)) if kind == "up"]
    assert [arrow[:2] for arrow in up] == [["base", "top"]]


def test_a_folder_or_an_import_that_is_missing_is_seen(planted):
    before = folders.picture(folders.read_folders(planted))
    (planted / "mathcore/side/thing.py").write_text("from mathcore.new.rows import z\n", "utf-8")
    (planted / "mathcore/new").mkdir()
    for name in ("__init__.py", "rows.py"):
        (planted / "mathcore/new" / name).write_text('"""New."""', "utf-8")
    assert missing(before, planted) == (["new"], [("side", "new")])
    assert missing(folders.picture(folders.read_folders(planted)), planted) == ([], [])


def test_a_long_way_down_makes_the_short_one_faint(package):
    kinds = {(source, target): kind for kind, source, target, *_ in ARC.findall(folders.picture(package))}
    assert kinds["models", "attention"] == "shipped"
    assert kinds["models", "mathcore"] == "shipped implied"  # by way of attention


def test_the_list_says_the_same(package):
    entries = dict(re.findall(r"^`([\w/]+)`\n:   (.*)$", folders.listing(package), re.MULTILINE))
    assert set(entries) == set(package.titles)
    for name, words in entries.items():
        title, _, imports = words.rpartition(". Imports ")
        assert title == package.titles[name]
        assert re.findall(r"`([\w/]+)`", imports) == package.imports(name)
