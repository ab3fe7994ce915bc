"""The site where it was not written for: on paper, in a folder of a server, on a disk, in a search, while it loads."""

import json
import re
import zipfile

import pytest
from _site.links import with_files
from built import SITE, pages

CHAPTERS = ["learn/17-softmax/index.html", "learn/20-self-attention/index.html"]
LOADED = "performance.getEntriesByType('resource').map((e) => e.name)"
SHIFTS = """new Promise((done) => {
  let sum = 0;
  const add = (list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; };
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 300);
})"""


@pytest.mark.parametrize(
    ("link", "file"),
    [
        ("../", "../index.html"),
        (".", "./index.html"),
        ("../..", "../../index.html"),
        ("a/#b", "a/index.html#b"),
        ("a/?b=1", "a/index.html?b=1"),
        *((kept, kept) for kept in ("#b", "/", "a.css", "https://a.b/c/", "../a.ipynb", "")),
    ],
)
def test_a_link_to_a_folder_names_its_file(link, file):
    assert with_files(f'<a href="{link}">') == f'<a href="{file}">'


def test_no_link_leads_to_a_folder():
    folder = re.compile(r'<a [^>]*href="(?!https?:|/)[^"#?]*(?:/|\.)(?:[#?][^"]*)?"')
    assert folder.search('<a class="x" href="../a/#b">')
    found = {p: m[0] for p in pages() if p != "404.html" and (m := folder.search((SITE / p).read_text("utf-8")))}
    assert not found


def on_paper(page):
    """What of a page is in the way on paper, or missing."""
    return page.evaluate("""() => {
      const seen = (e) => e.checkVisibility({ contentVisibilityAuto: true }) && e.getBoundingClientRect().height > 0;
      const all = (what) => [...document.querySelectorAll(what)];
      const shut = all("article details > :not(summary, .mc-break-status)").filter((e) => !seen(e));
      const frame = "header, .md-sidebar, .md-footer";
      const pressed = all(`${frame}, article :is(button, select, input)`).filter(seen);
      const cut = all("article pre").filter((e) => seen(e) && e.scrollWidth > e.clientWidth + 1);
      const dark = getComputedStyle(document.body).backgroundColor === "rgb(255, 255, 255)" ? [] : [document.body];
      return [...shut, ...pressed, ...cut, ...dark].map((e) => e.outerHTML.slice(0, 120));
    }""")


def test_on_paper_everything_is_open_and_nothing_can_be_pressed(visit):
    page = visit(CHAPTERS[0], width=700, scheme="dark").page
    assert len(on_paper(page)) > 5
    page.emulate_media(media="print", color_scheme="dark")
    assert not on_paper(page)


def test_it_works_from_a_folder_of_a_server(visit, address):
    seen = visit("some/sub/learn/17-softmax/index.html")
    assert seen.page.locator("fieldset:enabled").count() == 1
    loaded = seen.page.evaluate(LOADED)
    seen.page.locator(".mc-where a, .md-tabs__link", has_text="Claims").first.click()
    seen.page.locator(".mc-filter").wait_for()
    assert not seen.errors
    loaded += seen.page.evaluate(LOADED)
    assert len(loaded) > 6
    assert [url for url in loaded if not url.startswith(f"{address}some/sub/")] == []


def test_it_works_from_a_disk(browser, tmp_path):
    with zipfile.ZipFile(SITE / "site.zip") as whole:
        whole.extractall(tmp_path)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto((tmp_path / "mathcore/learn/17-softmax/index.html").as_uri(), wait_until="load")
    page.locator("fieldset:enabled").wait_for()
    page.evaluate("for (const one of document.querySelectorAll('.mc-second')) one.open = true")
    assert page.locator(".mc-break > details:visible").count() == 1
    assert "No search" in page.locator(".mc-no-search").text_content()
    page.wait_for_function("[...document.fonts].some((f) => f.status === 'loaded' && f.family.includes('Source'))")
    page.locator(".md-tabs__link", has_text="Claims").click()
    page.locator(".mc-filter").get_by_label("Words").fill("sum to 1")
    assert 0 < page.locator(".mc-index tbody tr:visible").count() < page.locator(".mc-index tbody tr").count()
    assert not errors
    page.evaluate("import('./nowhere.js').catch((error) => { setTimeout(() => { throw error; }) })")
    page.wait_for_timeout(200)
    assert errors, "the fault that was planted goes unnoticed"
    context.close()


@pytest.mark.parametrize("path", [*CHAPTERS, "learn/index.html"])
def test_a_page_does_not_move_while_it_loads(visit, path):
    page = visit(path, width=390).page
    assert page.evaluate(SHIFTS) < 0.1
    if path == CHAPTERS[0]:
        page.evaluate(
            "document.querySelector('article').insertAdjacentHTML('afterbegin', '<p style=\"height:400px\">late')"
        )
        assert page.evaluate(SHIFTS) > 0.1


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("softmax", "What is softmax"),
        ("softmax.sums_to_one", "The outputs of softmax sum to 1"),
        ("sums_to_one", "The outputs of softmax sum to 1"),
        ("√d", "Why divide the scores by √d"),
        ("log-sum-exp", "What is softmax"),
    ],
)
def test_search_finds_words_and_symbols(visit, query, first):
    page = visit("verdicts/index.html").page
    page.locator(".md-search__input").click()
    page.keyboard.type(query)
    found = page.locator(".md-search-result__item h1")
    found.first.wait_for()
    for _ in range(40):  # results come in pieces
        titles = found.all_text_contents()
        if any(title.startswith(first) for title in titles[:3]):
            return
        page.wait_for_timeout(250)
    raise AssertionError(titles)


def test_the_data_behind_the_site_is_linked():
    home = (SITE / "index.html").read_text("utf-8")
    assert 'href="claims.json"' in home
    assert json.loads((SITE / "claims.json").read_text("utf-8"))["schema"] == 1
