"""The words of the course: each stands once in the glossary and is linked where a chapter first uses it."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from _site import terms
from _site.course import read_chapters
from _site.model import SiteError
from built import ROOT, SITE

CHAPTERS = read_chapters(ROOT / "docs")
GLOSSARY = (ROOT / "docs" / terms.PAGE).read_text("utf-8")
TERMS = terms.read_terms(GLOSSARY, CHAPTERS)
OUR_WORDS = {"vector", "hyperparameter", "logit", "softmax", "gradient", "ReLU", "NaN", "claim", "mutant", "allowance"}
TWO = terms.read_terms(
    """weight { #weight data-from=1 }
:   How much one input counts. More.

softmax, soft argmax { #softmax data-from=17 }
:   Scores become shares.
    <!-- site: unclaimed definition -->

key { #key data-from=20 data-also="a key" data-in=20-22 }
:   What is offered.
""",
    CHAPTERS,
)
NO_PROSE = {"a", "code", "figure", "h1", "h2", "h3", "h4", "label", "pre", "script", "summary", "svg", "th", "button"}


def link(word, number=3):
    return terms.linked(word, TWO, number, "learn/03-x.md")


def test_an_entry_is_read_whole():
    assert [(one.id, one.forms, one.since, one.meant) for one in TWO] == [
        ("weight", ("weight",), 1, None),
        ("softmax", ("softmax", "soft argmax"), 17, None),
        ("key", ("key", "a key"), 20, range(20, 23)),
    ]
    assert [one.tip for one in TWO] == ["How much one input counts.", "Scores become shares.", "What is offered."]


@pytest.mark.parametrize(
    ("glossary", "complaint"),
    [
        ("x { #x data-from=23 }\n:   A.\n", "from chapter 23, which there is not"),
        ("x { #x data-from=softmax }\n:   A.\n", "which there is not"),
        ("x { #x }\n:   A.\n\ny, x { #y }\n:   B.\n", "two terms of one name: x"),
        ("x { #x }\n:   It is $y$.\n", "must be plain words"),
    ],
)
def test_a_wrong_entry_stops_the_build(glossary, complaint):
    with pytest.raises(SiteError, match=complaint):
        terms.read_terms(glossary, CHAPTERS)


def test_the_first_use_is_linked_and_no_other():
    page = link("<p>A weight, weights, a <em>Soft argmax</em>.</p><p>Softmax.</p>")
    assert page == (
        '<p>A <a class="mc-term" href="../glossary/#weight" title="How much one input counts.">weight</a>, weights, a '
        '<em><a class="mc-term" href="../glossary/#softmax" title="Scores become shares.">Soft argmax</a></em>.</p>'
        "<p>Softmax.</p>"
    )
    assert 'title="How much one input counts.">Weights</a>' in link("<p>Weights.</p>")
    assert ">soft\nargmax</a>" in link("<p>A soft\nargmax.</p>")


@pytest.mark.parametrize(
    "page",
    [
        "<h2>Weight</h2>",
        '<a href="x">the <em>weight</em></a>',
        "<p><code>weight</code></p>",
        '<span class="arithmatex">\\(weight\\)</span>',
        '<div class="mc-card holds"><div>a</div> weight</div>',
        '<p title="the > weight">x</p>',
        "<!-- weight <p> -->",
        "<p>lightweight, weight-free, overweight</p>",
        "<details><summary>weight</summary></details>",
    ],
)
def test_what_is_no_prose_is_left_alone(page):
    assert link(page) == page


def test_prose_goes_on_behind_what_is_none():
    assert link("<pre><code>weight<br></code></pre><p>weight</p>").endswith(">weight</a></p>")


def test_a_word_with_an_everyday_sense_is_linked_where_it_has_the_other():
    assert [n for n in range(1, 24) if "mc-term" in link("<p>the key</p>", n)] == [20, 21, 22]


def test_the_longer_term_wins():
    both = terms.read_terms("row vector { #row }\n:   A.\n\nvector { #vector }\n:   B.\n", CHAPTERS)
    page = terms.linked("<p>row vectors, row vector, vector</p>", both, 1, "learn/01-x.md")
    assert re.findall(r">([\w ]+)</a>", page) == ["row vectors", "vector"]


def test_pages_that_go_on_explaining_stand_behind_the_chapters():
    assert terms.numbered(CHAPTERS, CHAPTERS[17].path) == 17
    assert terms.numbered(CHAPTERS, "learn/beyond/loss.md") == len(CHAPTERS) + 1
    assert terms.numbered(CHAPTERS, terms.PAGE) is None


def test_the_glossary_names_the_chapter_of_each_term():
    page = (SITE / "learn/glossary/index.html").read_text("utf-8")
    for term in TERMS:
        entry = page.partition(f'id="{term.id}"')[2].partition("<dt")[0]
        assert entry, term.id
        assert term.since is None or f'href="../{CHAPTERS[term.since].path[6:-3]}/index.html"' in entry, term.id


def test_the_glossary_has_what_the_course_is_about():
    assert len(TERMS) >= 100
    assert {form for term in TERMS for form in term.forms} >= OUR_WORDS


class Prose(HTMLParser):
    """The prose of a page, word for word, and the terms that it links; written apart from what is tested."""

    def __init__(self):
        super().__init__()
        self.skipped, self.text, self.linked, self.begun = [], [], [], False

    def handle_starttag(self, tag, attrs):
        self.text.append("|")
        styles = (dict(attrs).get("class") or "").split()
        self.begun |= tag == "article"
        if "mc-term" in styles:
            self.linked.append(dict(attrs)["href"].partition("#")[2])
        own = any(style.startswith("mc-") and style not in ("mc-lead", "mc-second", "mc-term") for style in styles)
        none = own or (tag in NO_PROSE and "mc-term" not in styles) or "arithmatex" in styles
        if tag not in ("br", "img", "input", "hr", "meta", "link", "wbr", "source"):
            self.skipped.append((tag, none))

    def handle_endtag(self, tag):
        self.text.append("|")
        while self.skipped and self.skipped.pop()[0] != tag:
            pass
        self.begun &= tag != "article"

    def handle_data(self, data):
        if self.begun and not any(none for _, none in self.skipped):
            self.text.append(data)


def read(html):
    reader = Prose()
    reader.feed(html)
    return SimpleNamespace(text="".join(reader.text), linked=reader.linked)


def unlinked(html, number):
    """The terms that a page uses and does not link; what belongs to a longer term is no use of a shorter one."""
    seen = read(html)
    text = re.sub(r"[ \n]+", " ", seen.text)
    forms = [(form, term.id) for term in TERMS if term.is_meant(number) for form in term.forms]
    for form, name in sorted(forms, key=lambda one: -len(one[0])):
        text, times = re.subn(rf"(?<![\w-]){re.escape(form)}(?:s|es)?(?![\w-])", "|", text)
        if times and name not in seen.linked:
            yield name


@pytest.mark.parametrize("faq", sorted(CHAPTERS))
def test_a_chapter_links_every_term_that_it_uses_once(faq):
    html = (SITE / CHAPTERS[faq].path.removesuffix(".md") / "index.html").read_text("utf-8")
    assert not list(unlinked(html, faq))
    linked = read(html).linked
    assert linked
    assert len(linked) == len(set(linked))


def test_a_term_without_a_link_is_found():
    html = (SITE / CHAPTERS[1].path.removesuffix(".md") / "index.html").read_text("utf-8")
    found = read(html).linked[0]
    assert list(unlinked(re.sub(rf'<a class="mc-term" href="[^"]*#{found}"[^>]*>(.*?)</a>', r"\1", html), 1)) == [found]
