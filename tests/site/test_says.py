"""Every sentence of the course is followed by the claims that say it, or by the reason why none does."""

import json
import re
from collections import Counter
from types import SimpleNamespace

import pytest
from _site import directives, says
from _site.model import SiteError
from built import ROOT, SITE

from mathcore.verify import catalogue

PAGES = sorted([*(ROOT / "docs/learn").rglob("*.md"), *(ROOT / "docs/conventions").glob("*.md")])
CLAIMS = {claim.id for claim in catalogue()}
NO_PROSE = re.compile(r"^(?:---\n.*?^---|```.*?^```|\$\$.*?^\$\$|[#<|][^\n]*|\{ [^\n]* \})$", re.DOTALL | re.MULTILINE)


def unmarked(markdown):
    """The paragraphs and items of a text after whose last sentence nothing says where it comes from."""
    marked = re.sub(says.MARK, "\0", markdown)
    blocks = re.split(r"\n\s*\n|\n(?=:   |- |\d+\. )", NO_PROSE.sub("\n", marked))
    terms = {block for block, after in zip(blocks, [*blocks[1:], ""], strict=True) if after.startswith(":   ")}
    prose = [block.strip() for block in blocks if block.strip() and block not in terms]
    return [block for block in prose if not block.endswith("\0")]


def named(markdown):
    return [name for kind, names in says.MARK.findall(markdown) if kind == "says" for name in names.split()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_paragraph_says_where_it_comes_from(page):
    text = page.read_text("utf-8")
    assert not unmarked(text)
    assert not set(named(text)) - CLAIMS
    assert {kind for mark, kind in says.MARK.findall(text) if mark == "unclaimed"} <= set(says.UNCLAIMED)
    for names in (names.split() for kind, names in says.MARK.findall(text) if kind == "says"):
        assert len(names) == len(set(names))


MARK = "\n<!-- site: says softmax.sums_to_one -->"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (f"Marked.{MARK}\n\nNot marked.", ["Not marked."]),
        (f"Marked.{MARK}\nIts end is not.", ["Marked.\0\nIts end is not."]),
        (f"term\n:   Marked.{MARK}\n\nother\n:   Not.", [":   Not."]),
        (f"- Not.\n- Marked.{MARK}", ["- Not."]),
        (f"# Title\n\nLead.{MARK}\n{{ .mc-lead }}\n\n```pycon\n>>> 1\n```\n\n$$\nx\n\ny\n$$", []),
        ("<!-- site: claims -->\n\n| A table |\n|---|", []),
        ("Why.\n<!-- site: unclaimed definition -->", []),
    ],
)
def test_a_paragraph_without_a_mark_is_found(text, missing):
    assert unmarked(text) == missing


def test_a_claim_that_there_is_not_is_found():
    assert set(named(f"Marked.{MARK.replace('one', 'two')}")) - CLAIMS == {"softmax.sums_to_two"}
    with pytest.raises(SiteError, match="got 'because'"):
        says.marked("Why.\n<!-- site: unclaimed because -->", says.plainly)


def test_a_page_names_claims_that_there_are():
    claim, ran = SimpleNamespace(id="a.b"), SimpleNamespace(by_id={"a.b": SimpleNamespace(id="a.b")})
    few, all_ran = (SimpleNamespace(report=ran, whole=whole) for whole in (False, True))
    assert directives.named(few, ["a.b", "a.c"]) == [claim]  # of a few, the others did not run
    with pytest.raises(SiteError, match=r"no claim is called a\.c"):
        directives.named(all_ran, ["a.b", "a.c"])


def test_a_mark_becomes_part_of_its_sentence():
    text = f"One.{MARK[:-4]} softmax.temperature -->\nTwo.\n<!-- site: unclaimed example -->\n{{ .mc-lead }}"
    assert says.marked(text, says.plainly) == (
        "One. (`softmax.sums_to_one`, `softmax.temperature`)\nTwo.\n{ .mc-lead }"
    )


def test_the_pages_link_what_their_sources_name():
    for page in (page for page in PAGES if page.name != "all.md"):  # which has the chapters once more
        folder = page.relative_to(ROOT / "docs").with_suffix("")
        folder = folder.parent if folder.name == "index" else folder
        html = (SITE / folder / "index.html").read_text("utf-8")
        shown = re.findall(r'claims/([\w.]+)/index\.html" title="[^"]+" aria-label="', html)
        assert Counter(shown) == Counter(named(page.read_text("utf-8"))), page.name


def test_a_notebook_names_them_and_the_search_knows_them_by_their_own_pages():
    assert "`softmax.sums_to_one`" in (SITE / "learn/17-softmax.ipynb").read_text("utf-8")
    entries = json.loads((SITE / "search/search_index.json").read_text("utf-8"))["docs"]
    found = {entry["location"] for entry in entries if "softmax.sums_to_one" in json.dumps(entry)}
    assert "claims/softmax.sums_to_one/" in found
    assert "learn/17-softmax/" not in found


def test_a_dot_can_be_touched_is_named_in_words_and_is_an_id_on_paper(visit):
    page = visit("learn/05-tokenizer/index.html", width=390).page
    assert page.get_by_role("link", name="Refuted as stated: tokenizer.is_lossless").count() == 1
    sizes = page.locator(".mc-says a").evaluate_all(
        "all => all.map(a => a.getBoundingClientRect()).map(r => [r.width, r.height])"
    )
    assert sizes
    assert all(width >= 24 and height >= 24 for width, height in sizes)  # WCAG 2.2, 2.5.8
    text = "all => all.map(a => parseFloat(getComputedStyle(a).fontSize))"
    assert set(page.locator(".mc-says a").evaluate_all(text)) == {0}
    page.emulate_media(media="print")
    assert set(page.locator(".mc-says a").evaluate_all(text)) == {10}
