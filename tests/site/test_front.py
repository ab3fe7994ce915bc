"""The front and the ways in: home, the way through the course, dots, what is folded, what is copied, what has moved."""

import contextlib
import dataclasses
import re

import pytest
from _site import after, cells, claim_page, course, words
from _site.model import read_report
from _site.pictures import drawing
from built import ROOT, SITE

from mathcore.exercises import exercises

PAGES = sorted(
    {*(ROOT / "docs").rglob("*.md")} - {*(ROOT / "docs/contribute").glob("*.md")}
)  # whose code is the project's
FENCE = re.compile(r"^```(?:pycon|python|sh)\b[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
COLUMNS = 76  # as many as fit beside the navigation at 1280 px


def too_long(markdown):
    """But for the message of an error, which breaks."""
    lines = [line for fence in FENCE.findall(markdown) for line in fence.splitlines()]
    return [line for line in lines if len(line) > COLUMNS and not re.match(r"\w+Error: ", line)]


def bottom(page, what):
    return page.locator(what).first.evaluate("e => e.getBoundingClientRect().bottom + scrollY")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_examples_fit_their_column(page):
    assert not too_long(page.read_text("utf-8"))


def test_a_line_that_is_too_long_is_found():
    assert too_long(f"```pycon\n>>> {'x' * 72}\n>>> {'x' * 73}\n```\n") == [f">>> {'x' * 73}"]


def test_home_says_everything_before_anybody_scrolls(visit):
    page = visit("index.html").page
    page.set_viewport_size({"width": 1280, "height": 800})
    for what in ("h1", ".mc-lead", ".mc-door >> nth=2", ".mc-home-install", ".mc-home [data-live]"):
        assert 0 < bottom(page, what) <= 800, what
    assert page.locator(".mc-home fieldset:enabled").count() == 1
    assert page.locator(".mc-door").count() == 3


def test_on_a_phone_the_doors_are_within_a_thumb(visit):
    page = visit("index.html", width=390).page
    assert 0 < bottom(page, ".mc-door >> nth=2") <= 600


def test_chapters_are_numbered_in_the_navigation(visit):
    page = visit("learn/17-softmax/index.html").page
    links = page.locator(".md-sidebar--primary a.md-nav__link:visible").all_text_contents()
    numbers = [int(m[1]) for text in links if (m := re.match(r"\s*(\d+) \S", text))]
    assert sorted(set(numbers)) == list(range(1, 23))


def test_progress_is_kept_in_the_browser_and_can_be_forgotten(visit, address):
    seen = visit("learn/17-softmax/index.html")
    page = seen.page
    page.wait_for_function("localStorage.getItem('mathcore:chapter:17')")
    page.goto(f"{address}learn/index.html")
    entry = page.locator("[data-chapter='17']")
    assert entry.text_content() == "opened"
    assert page.locator("[data-chapter='16']").text_content() == ""
    asked = exercises()[17]
    choice = next(e for e in asked if e.kind == "choice")
    page.go_back()
    place = page.locator(f"#exercise-{choice.name}")
    place.locator("input").nth(choice.answer).check()
    place.get_by_role("button", name="Check").click()
    page.goto(f"{address}learn/index.html")
    assert entry.text_content() == f"1 of {len(asked)} exercises solved"
    assert "solved 1 of" in page.locator("[data-progress]").text_content()
    page.get_by_role("button", name="Forget this").click()
    assert entry.text_content() == ""
    assert page.evaluate("localStorage.length") <= 1  # the theme's own
    assert not seen.errors


def test_a_copy_has_no_prompts_and_no_outputs(visit):
    page = visit("learn/17-softmax/index.html").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".language-pycon .md-code__button[data-md-type=copy]").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("mc.softmax(")
    assert ">>>" not in copied
    assert "array([" not in copied.replace("np.array([", "")
    compile(copied, "copied", "exec")


def test_of_a_session_only_what_was_typed_is_copied():
    session = "<b>&gt;&gt;&gt; </b>for x in y:\n<b>... </b>    x &lt; 1\n<b>True</b>\n"
    assert after.typed(session) == "for x in y:\n    x < 1\n"
    page = f'<div class="language-pycon highlight"><pre><code>{session}</code></pre></div>'
    assert 'data-copy="for x in y:\n    x &lt; 1\n"' in after.copied_as_code(page)
    assert after.copied_as_code(page.replace("pycon", "sh")) == page.replace("pycon", "sh")


@contextlib.contextmanager
def touched(browser, address, what, places):
    """A phone on which these words were touched once: each showed its note within the window, and led nowhere."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.goto(f"{address}learn/17-softmax/")
    before = phone.url
    for at in places:
        phone.locator(what).nth(at).tap()
        box = phone.locator(".mc-note").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert phone.url == before
    yield phone
    context.close()


def test_a_dot_is_read_when_pointed_at_reached_or_touched(visit, browser, address):
    seen = visit("learn/17-softmax/index.html")
    page = seen.page
    dot, note = page.locator(".mc-says a").first, page.locator(".mc-note")
    says = dot.get_attribute("data-says")
    assert says
    assert dot.get_attribute("title") is None
    dot.hover()
    assert says in note.text_content()
    page.mouse.move(5, 5)
    assert note.is_hidden()
    dot.focus()
    assert note.is_visible()
    assert dot.get_attribute("aria-describedby") == note.get_attribute("id")
    page.keyboard.press("Escape")
    assert note.is_hidden()
    with touched(browser, address, ".mc-says a", (0, 3)) as phone:
        phone.locator(".mc-note a").tap()
        phone.wait_for_url("**/claims/**")


def test_a_term_says_what_it_means_and_leads_on_when_touched_again(visit, browser, address):
    page = visit("learn/17-softmax/index.html").page
    term, note = page.locator("a.mc-term").first, page.locator(".mc-note")
    term.hover()
    assert note.text_content().startswith(term.get_attribute("data-says"))
    assert term.get_attribute("title") is None
    page.mouse.move(5, 5)
    assert note.is_hidden()
    term.focus()
    assert note.is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary/**")
    still = visit("learn/17-softmax/index.html", scripts=False).page
    assert still.locator("a.mc-term").first.get_attribute("title")
    with touched(browser, address, "a.mc-term", (0, 2)) as phone:
        phone.locator("a.mc-term").nth(2).tap()
        phone.wait_for_url("**/glossary/**")


def test_what_is_folded_opens_for_a_link_into_it(visit):
    page = visit("learn/17-softmax/index.html").page
    inner = '<details><summary>x</summary><h3 id="inside">In</h3></details>'
    folded = f'<details class="mc-second"><summary>Second</summary>{inner}</details>'
    page.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)", folded)
    heading = page.locator("#inside")
    assert not heading.is_visible()
    page.evaluate("location.hash = '#inside'")
    heading.wait_for(state="visible")
    assert page.locator("details.mc-second").last.evaluate("d => d.open")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("real-bugs/#running_maximum_starts_at_zero", "real-bugs/scores/index.html#running_maximum_starts_at_zero"),
        ("real-bugs/#root_taken_twice", "false-alarms/index.html#root_taken_twice"),
        ("import/#softmax", "import/probability/index.html#softmax"),
        ("conformance/#log-softmax", "conformance/claims-log-softmax/index.html"),
    ],
)
def test_an_old_anchor_leads_to_where_it_is_now(visit, address, old, new):
    page = visit(old).page
    page.wait_for_url(f"{address}{new}")
    if "#" in new:
        assert page.locator(f"#{new.partition('#')[2]}").count() == 1


def test_of_a_long_table_the_head_stays(visit):
    page = visit("conformance/claims-attention/index.html").page
    box = page.locator(".mc-frozen .md-typeset__scrollwrap").first
    box.evaluate("e => e.scrollTo(200, 600)")
    top = box.bounding_box()
    head = page.locator(".mc-frozen th").first.bounding_box()
    assert abs(head["y"] - top["y"]) < 3
    assert abs(head["x"] - top["x"]) < 3


def test_a_claim_is_told_in_the_order_in_which_it_is_read():
    page = (SITE / "claims/softmax.sums_to_one/index.html").read_text("utf-8")
    order = [
        "<h1",
        'class="mc-verdict',
        'id="how-it-was-tried"',
        'id="worst-error"',
        'id="what-it-catches"',
        'id="the-check',
    ]
    places = [page.index(what) for what in order]
    assert places == sorted(places)
    box = page[page.index('class="mc-box"') : page.index("</aside>")]
    for what in ("17. Softmax", "<code>softmax</code>", "wrong implementations", "PyTorch: softmax did not sum to 1"):
        assert what in box, what
    assert "Without the allowance it is false" in page
    assert "Why the condition is needed" not in page


def test_a_claim_leads_to_the_cell_that_checks_it():
    chapter = course.Chapter(17, "learn/17-softmax.md", "Softmax", (), "<!-- site: cell 17_softmax -->")
    told = {"17_softmax": {"title": "Shares", "checks": [{"claim": "softmax.sums_to_one"}]}}
    (place,) = cells.places(told, {17: chapter})["softmax.sums_to_one"]
    assert place[1] == "learn/17-softmax.md#cell-17_softmax"
    assert not cells.places(told, {17: dataclasses.replace(chapter, text="No cell.")})
    report = read_report((SITE / "claims.json").read_text("utf-8"), "key")
    claim = report.by_id["softmax.sums_to_one"]
    assert "Try it" not in claim_page._box(claim, report, claim_page.Around())
    box = claim_page._box(claim, report, claim_page.Around(cells={claim.id: [place]}))
    assert f"[{place[0]}](../learn/17-softmax.md#cell-17_softmax)" in box


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.9999999999999996, "above 0.9999"), (0.99951, "0.9995"), (0.98, "0.98"), (1.5, "1.5"), (None, "–"), (0.0, "0")],
)
def test_a_share_is_never_rounded_up_to_all_of_it(share, said):
    assert words.share(share) == said


LETTERS = {
    "learn/17-softmax/index.html": {
        ".mc-lead": "Source Serif 4",
        "h1": "Source Serif 4",
        "pre code": "Source Code Pro",
    },
    "claims/index.html": {".mc-filter": "Source Sans 3"},
}


@pytest.mark.parametrize("path", LETTERS)
def test_the_letters_are_those_of_the_site(visit, path):
    page = visit(path).page
    devtools = page.context.new_cdp_session(page)
    devtools.send("DOM.enable")
    devtools.send("CSS.enable")
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]

    def letters(where):
        node = devtools.send("DOM.querySelector", {"nodeId": root, "selector": where})["nodeId"]
        fonts = devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        return max(fonts, key=lambda font: font["glyphCount"])["familyName"]

    for where, family in LETTERS[path].items():
        assert letters(where).startswith(family), where
    page.add_style_tag(content="* { font-family: serif !important }")
    assert not letters(next(iter(LETTERS[path]))).startswith("Source")


def test_a_picture_has_no_letters_and_no_colours_of_its_own():
    svg = '<svg viewBox="0 0 1 1"><text style="{}font-size: 9px; {} fill: #010101">x</text></svg>'
    for family in ("font-family: 'DejaVu Sans';", "font-family: 'DejaVu Sans', serif"):
        assert "DejaVu" not in drawing._tidy(svg.format("", family), "a", "b")
    old = svg.replace("font-size: 9px;", "font: 700 9px 'DejaVu Sans', sans-serif;").format("", "")
    assert "font-size: 9px; font-weight: 700" in drawing._tidy(old, "a", "b")
    with pytest.raises(ValueError, match="letters of its own"):
        drawing._tidy(svg.format("", "").replace("<text ", '<text font-family="DejaVu Sans" '), "a", "b")
