"""Every statement of the questions' answers is said, corrected or set aside at a place of the course that there is."""

import re
import tomllib
from collections import Counter

import pytest
from _site.course import read_chapters
from built import ROOT, SITE

from mathcore.verify import catalogue

STATEMENTS = tomllib.loads((ROOT / "tests/faq.toml").read_text("utf-8"))["statement"]
CLAIMS = {claim.id for claim in catalogue()}
CHAPTERS = read_chapters(ROOT / "docs")
SHARE = [7, 7, 9, 9, 8, 8, 7, 6, 8, 10, 11, 7, 10, 6, 9, 9, 12, 11, 29, 13, 9, 12]  # statements in each answer, counted
KINDS = {"said", "corrected", "not mathematics"}
WHY = {"definition", "practice", "history", "not mathematics"}


def faults(statement):
    """What is wrong with an entry of the table, before anything is built."""
    page, _, anchor = statement.get("at", "").partition("#")
    chapter = CHAPTERS.get(statement["question"])
    reasons = [statement["why"]] if "why" in statement else []
    return [
        *([] if anchor else ["no anchor"]),
        *([] if chapter and page == chapter.path else ["not in its chapter"]),
        *([] if statement.get("kind") in KINDS else ["no such kind"]),
        *(f"no claim {name}" for name in statement["claims"] if name not in CLAIMS),
        *([] if bool(statement["claims"]) != bool(reasons) and set(reasons) <= WHY else ["either claims or a reason"]),
    ]


def ids(path):
    """The anchors of a built page."""
    return set(re.findall(r'\sid="([^"]+)"', (SITE / path.removesuffix(".md") / "index.html").read_text("utf-8")))


def short(statements):
    """Questions with fewer statements than their answers make."""
    counted = Counter(statement["question"] for statement in statements)
    return [faq for faq, share in enumerate(SHARE, start=1) if counted[faq] < share]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: one.get("at", ""))
def test_a_statement_has_its_place_and_its_claims(statement):
    assert not faults(statement)


@pytest.mark.parametrize("faq", sorted(CHAPTERS))
def test_the_built_chapter_has_the_places(faq):
    places = [one["at"].partition("#") for one in STATEMENTS if one["question"] == faq]
    assert not [anchor for page, _, anchor in places if anchor not in ids(page)]


def test_what_is_no_mathematics_is_on_its_page():
    places = [one["at"].partition("#")[2] for one in STATEMENTS if one["kind"] == "not mathematics"]
    assert len(places) > 10
    assert not set(places) - ids("learn/not-mathematics.md")


def test_every_answer_is_there_whole():
    assert not short(STATEMENTS)
    assert short(STATEMENTS[1:]) == [1]


def test_no_statement_is_there_twice():
    assert not [what for what, times in Counter(one["says"] for one in STATEMENTS).items() if times > 1]
    assert not [where for where, times in Counter(one["at"] for one in STATEMENTS).items() if times > 1]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"at": "learn/01-digit.md"}, "no anchor"),
        ({"at": "learn/02-words-as-vectors.md#features"}, "not in its chapter"),
        ({"question": 23}, "not in its chapter"),
        ({"kind": "true"}, "no such kind"),
        ({"claims": ["digits.none"]}, "no claim digits.none"),
        ({"claims": []}, "either claims or a reason"),
        ({"why": "definition"}, "either claims or a reason"),
        ({"claims": [], "why": "because"}, "either claims or a reason"),
    ],
)
def test_a_wrong_entry_is_found(change, fault):
    assert faults({**STATEMENTS[0], **change}) == [fault]
