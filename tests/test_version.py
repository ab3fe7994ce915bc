"""The version stands in one place, and what repeats it for readers agrees with it."""

import re
import tomllib
from pathlib import Path

import pytest

import mathcore

ROOT = Path(__file__).parents[1]
RELEASE = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)
CITED = re.compile(r"^version: (\S+)\ndate-released: (\S+)$", re.MULTILINE)


def disagreeing(changelog, citation, version):
    """What is wrong with the two files, for this version."""
    newest = RELEASE.search(changelog)
    cited = CITED.search(citation)
    if not newest or not cited:
        return ["no release is dated"]
    return [
        *([f"the changelog's newest release is {newest[1]}"] if newest[1] != version else []),
        *([f"CITATION.cff names {cited.groups()}"] if cited.groups() != newest.groups() else []),
    ]


def test_changelog_and_citation_name_the_version():
    changelog, citation = ((ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "CITATION.cff"))
    assert disagreeing(changelog, citation, mathcore.__version__) == []


@pytest.mark.parametrize(
    ("changelog", "citation", "wrong"),
    [
        ("## Unreleased", "", ["no release is dated"]),
        (
            "## 1.2.3 - 2030-01-02",
            "version: 1.2.4\ndate-released: 2030-01-02",
            ["CITATION.cff names ('1.2.4', '2030-01-02')"],
        ),
        (
            "## 1.2.4 - 2030-01-02",
            "version: 1.2.4\ndate-released: 2030-01-02",
            ["the changelog's newest release is 1.2.4"],
        ),
    ],
)
def test_a_version_that_disagrees_is_seen(changelog, citation, wrong):
    assert disagreeing(changelog, citation, "1.2.3") == wrong


def test_the_package_takes_its_version_from_the_module():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in package["project"]
    assert package["tool"]["hatch"]["version"]["path"] == "mathcore/__init__.py"
