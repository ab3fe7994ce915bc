"""What stands behind the 22 chapters: the short ones by topic, and all of them on one page."""

import json
import re
from types import SimpleNamespace

import pytest
from _site import print_page
from _site.course import Chapter
from _site.directives import Page
from _site.model import SiteError
from built import ROOT, SITE

PAGES = sorted((ROOT / "docs/learn/beyond").glob("*.md"))


def listed(path):
    """The claims that a built page lists."""
    text = (SITE / "learn/beyond" / path.stem / "index.html").read_text("utf-8")
    return set(re.findall(r'href="\.\./\.\./\.\./claims/([\w.]+)/index\.html">', text))


def test_every_claim_without_a_question_has_a_page():
    report = json.loads((SITE / "claims.json").read_text("utf-8"))["claims"]
    unasked = {claim["id"] for claim in report if claim["faq"] is None}
    assert unasked
    assert not unasked - set().union(*map(listed, PAGES))
    assert unasked - set().union(*map(listed, PAGES[1:]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chapter_explains_before_it_lists(page):
    text = page.read_text("utf-8")
    prose = re.sub(r"^---.*?^---|```.*?```|\$\$.*?\$\$|<!--[^\n]*-->", "", text, flags=re.DOTALL | re.MULTILINE)
    assert 150 <= len(prose.split()) <= 400
    assert f"(beyond/{page.name})" in (ROOT / "docs/learn/beyond.md").read_text("utf-8")
    assert f"learn/beyond/{page.name}" in (ROOT / "mkdocs.yml").read_text("utf-8")


def page(whole):
    claims = [SimpleNamespace(id="softmax.pure", faq=None), SimpleNamespace(id="softmax.jacobian", faq=17)]
    return Page(SimpleNamespace(report=SimpleNamespace(claims=claims), whole=whole), "", "learn/beyond/x.md", None)


def test_a_pattern_that_fits_nothing_stops_the_build():
    assert [claim.id for claim in page(whole=True)._unasked(["*.pure", "softmax.*"])] == ["softmax.pure"]
    with pytest.raises(SiteError, match=r"is called \*\.jacobian"):
        page(whole=True)._unasked(["*.pure", "*.jacobian"])
    assert not page(whole=False)._unasked(["*.jacobian"])  # of a few, the others did not run


COURSE = {n: Chapter(n, f"learn/{n:02}-x.md", f"Title & {n}", (), "") for n in (1, 2)}
CHAPTER = (
    '<h1 id="own">Why?<a class="headerlink" href="#own">¶</a></h1><p id="same">See <a href="#same">above</a>.</p>'
    '<div class="mc-card holds"><div>card</div></div><div class="mc-cell" data-cell="x" id="cell-{n}">'
    '<div class="mc-exercise" data-exercise="1/x" data-python="y"><input name="exercise-x"> Why?</div>'
    '<pre aria-labelledby="same">code</pre><div class="mc-cell-broken"><div></div>wrong</div></div>'
    '<details class="mc-second"><summary>More</summary><h3>That</h3></details><details class="mc-answer">42</details>'
)


def test_the_chapters_are_joined_without_what_runs():
    page = print_page.joined(COURSE, {c.path: CHAPTER.format(n=n) for n, c in COURSE.items()})
    assert page.startswith('<ol class="mc-whole"><li><a href="#chapter-1">Title &amp; 1</a>')
    assert '<article class="mc-chapter" id="chapter-2"><p class="mc-label">Chapter 2</p>' in page
    assert '<h2 id="2-own">Why?</h2>' in page
    assert '<p id="1-same">See <a href="#1-same">above</a>.</p>' in page
    assert '<div class="mc-cell" id="cell-1"><div class="mc-exercise-still"> Why?</div><pre' in page
    assert '<pre aria-labelledby="1-same">code</pre></div>' in page
    assert '<details open class="mc-second"><summary>More</summary><h4>That</h4></details></article>' in page


def test_the_built_page_has_every_chapter_and_each_anchor_once():
    page = (SITE / "learn/all/index.html").read_text("utf-8")
    assert [int(n) for n in re.findall(r'<article class="mc-chapter" id="chapter-(\d+)"', page)] == list(range(1, 23))
    content = page.partition('<ol class="mc-whole">')[2].partition("</article>\n")[0]
    names = re.findall(r'\sid="([^"]+)"', content)
    assert len(names) == len(set(names))
    assert len(re.findall(r"<h1\b", page)) == 1
    assert "<autoref" not in page
    assert "mc-card" not in content
    assert not re.search(r"data-(?:cell|exercise|python)=", content)
