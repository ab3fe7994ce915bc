"""What is in the files of the site: links that lead somewhere, nothing from outside, no markup left over."""

import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from _site import bugs_page, live
from _site.finding import read_keywords
from _site.pictures import drawing
from built import ROOT, SITE, pages

from mathcore.exercises import cells, exercises

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
CODE = {"code", "pre", "script", "style", "annotation", "textarea"}
LEFTOVER = re.compile(r"\$|<!-- site:|\\\(|\\\[|\\frac|\\begin|\{ \.|:::|^#{1,6} |\*\*|\]\(|^title: ", re.MULTILINE)


class Reader(HTMLParser):
    """The links, anchors and plain text of a page."""

    def __init__(self):
        super().__init__()
        self.links, self.anchors, self.loaded, self.text, self.stack = [], set(), [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in VOID:
            self.stack.append(tag)
        if values.get("id"):
            self.anchors.add(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag in ("script", "img", "iframe", "source") and values.get("src"):
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.loaded.append(values["href"])

    def handle_endtag(self, tag):
        if tag in self.stack:
            while self.stack.pop() != tag:
                pass

    def handle_data(self, data):
        if not CODE & set(self.stack):
            self.text.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    return reader


@pytest.fixture(scope="module")
def site():
    assert pages(), "the site must be built before its tests: mkdocs build --strict"
    return {path: read((SITE / path).read_text(encoding="utf-8")) for path in pages()}


def leads_nowhere(site, path, link):
    """What is wrong with a link of a page, or nothing."""
    target, anchor = urldefrag(urljoin(f"https://here/{path}", link))
    if urlsplit(target).netloc != "here":
        return ""
    file = unquote(urlsplit(target).path).lstrip("/")
    file = f"{file}index.html" if file == "" or file.endswith("/") else file
    if file in site:
        return "" if not anchor or unquote(anchor) in site[file].anchors else f"no anchor {anchor!r} in {file}"
    return "" if (SITE / file).is_file() else f"no file {file}"


def test_every_link_leads_somewhere(site):
    dead = [
        f"{path}: {link}: {wrong}"
        for path, page in site.items()
        if path != "404.html"  # its links are those of the site's address, whatever was asked for
        for link in page.links
        if (wrong := leads_nowhere(site, path, link))
    ]
    assert not dead, "\n".join(dead[:20])


def test_a_dead_link_is_found(site):
    assert "no file" in leads_nowhere(site, "index.html", "nowhere/")
    assert "no anchor" in leads_nowhere(site, "index.html", "learn/#nowhere")
    assert not leads_nowhere(site, "index.html", "learn/")


def test_nothing_is_loaded_from_outside(site):
    outside = [f"{path}: {url}" for path, page in site.items() for url in page.loaded if urlsplit(url).netloc]
    assert not outside, "\n".join(outside[:20])


def test_no_markup_is_left_over(site):
    found = [
        f"{path}: …{text[max(match.start() - 40, 0) : match.end() + 40]}…"
        for path, page in site.items()
        for text in ["".join(page.text)]
        for match in [LEFTOVER.search(text)]
        if match
    ]
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize(
    "text", ["$$x$$", "underflow of $p", "**bold**", "{ .mc-lead }", r"\frac12", "<!-- site: x", "title: A: b"]
)
def test_left_over_markup_is_found(text):
    text = html.escape(text)
    assert LEFTOVER.search("".join(read(f"<p>{text}</p>").text))
    assert not LEFTOVER.search("".join(read(f"<p><code>{text}</code></p>").text))


def test_pictures_take_the_letters_of_the_page():
    pictures = [
        p for path in pages() for p in re.findall(r'<svg[^>]* class="mc-picture".*?</svg>', text_of(path), re.DOTALL)
    ]
    assert pictures
    assert not [p[:200] for p in pictures if "font-family" in p or "DejaVu" in p]


def text_of(path):
    return (SITE / path).read_text(encoding="utf-8")


def test_every_claim_of_the_report_has_a_page(site):
    report = json.loads((SITE / "claims.json").read_text(encoding="utf-8"))
    assert report["counts"]["claims"] == len(report["claims"]) == report["counts"]["holds"] > 0
    for claim in report["claims"]:
        assert f"claims/{claim['id']}/index.html" in site, claim["id"]


ASKED = re.compile(r"^<!-- site: (picture|figure|cell) (\w+) -->$", re.MULTILINE)


def idle(pages, drawn, moving, kept, exercised):
    """What no page asks for, though the build makes it."""
    asked = {kind: set() for kind in ("picture", "figure", "cell")}
    for page in pages:
        for kind, name in ASKED.findall(page):
            asked[kind].add(name)
    return [*set(drawn) - asked["picture"], *set(moving) - asked["figure"], *set(kept) - asked["cell"] - set(exercised)]


def test_every_picture_figure_and_cell_is_asked_for():
    texts = [page.read_text("utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))]
    written = {e.cell for of_chapter in exercises().values() for e in of_chapter}
    assert idle(texts, drawing.REGISTRY, live.figures(), cells(), written) == []
    asked = ["<!-- site: picture a -->\n<!-- site: figure b -->\n<!-- site: cell c -->"]
    assert sorted(idle(asked, "ad", "be", "cfg", "g")) == ["d", "e", "f"]


def stale(titles, keywords, anchors):
    """Titles of bugs that there are not, words for pages that there are not."""
    return [*set(titles) - anchors, *(page for page in keywords if not (ROOT / "docs" / page).is_file())]


def test_titles_and_keywords_are_of_bugs_and_pages_that_there_are(site):
    of_bugs = [page.anchors for path, page in site.items() if path.startswith(("real-bugs/", "false-alarms/"))]
    titles, keywords = bugs_page._TITLES, read_keywords(ROOT / "docs/_site")
    assert stale(titles, keywords, set().union(*of_bugs)) == []
    assert stale({"no_bug": "x"}, {"learn/no-page.md": []}, set().union(*of_bugs)) == ["no_bug", "learn/no-page.md"]
