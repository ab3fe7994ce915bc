"""The search: it waits until somebody searches, and then finds the page that explains before those that prove."""

import json

import pytest
from _site.finding import findable, unsearched
from built import SITE

INDEX = "search/search_index.json"


def results(page, query):
    """The pages found, best first, once they no longer change."""
    page.locator(".md-search__input").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(query)
    page.wait_for_timeout(300)
    items = page.locator(".md-search-result__item")
    items.first.wait_for()
    before, now = None, ["?"]
    while before != now:
        page.wait_for_timeout(400)
        before, now = now, items.evaluate_all("all => all.map(i => i.querySelector('a').pathname)")
    return [path.removesuffix("/index.html").strip("/").removeprefix("some/sub").strip("/") for path in now]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("temperature", "learn/17-softmax"),
        ("softmax", "learn/17-softmax"),
        ("mask", "learn/20-self-attention"),
        ("gradient", "learn/03-where-a-words-numbers-come-from"),
        ("backpropagation", "learn/03-where-a-words-numbers-come-from"),
        ("dot product", "learn/01-digit"),
        ("kv cache", "learn/beyond"),
        ("install", ""),
        ("rope", "learn/19-rope"),
        ("√d", "learn/21-dividing-by-root-d"),
        ("tokenizer", "learn/05-tokenizer"),
        ("sums_to_one", "claims/softmax.sums_to_one"),
        ("log_softmax.any_axis", "claims/log_softmax.any_axis"),
    ],
)
def test_the_right_page_is_found_first(searching, query, first):
    found = results(searching, query)
    assert found[0] == first, found[:6]


@pytest.fixture(scope="module")
def searching(browser, address):
    """One page for all questions: the index is large."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{address}verdicts/", wait_until="load")
    page.locator(".md-search__input").click()
    yield page
    context.close()


@pytest.mark.parametrize("folder", ["", "some/sub/"])
def test_the_search_is_loaded_when_somebody_searches(visit, address, folder):
    seen = visit(f"{folder}verdicts/index.html")
    loaded = [request.url for request in seen.finished]
    assert not [url for url in loaded if "search" in url]
    seen.page.locator(".md-search__input").click()
    assert results(seen.page, "temperature")[0] == "learn/17-softmax"
    assert f"{address}{folder}{INDEX}" in [request.url for request in seen.finished]
    assert not seen.errors
    assert not seen.outside


def test_a_search_by_keyboard_alone(visit):
    page = visit("verdicts/index.html").page
    page.keyboard.press("/")
    page.keyboard.type("temperature")
    page.locator(".md-search-result__item").first.wait_for()


def test_titles_are_sentences_and_drawings_are_not_searched():
    docs = json.loads((SITE / INDEX).read_text("utf-8"))["docs"]
    titles = {entry["location"]: entry["title"] for entry in docs}
    claims = [title for location, title in titles.items() if location.startswith("claims/") and "#" not in location]
    assert len(claims) > 100
    assert all(" " in title for title in claims)
    chapter = " ".join(entry["text"] for entry in docs if entry["location"].startswith("learn/17-softmax"))
    for drawn in ("Controls", "1/16"):  # of a figure, and of an axis
        assert f">{drawn}<" in (SITE / "learn/17-softmax/index.html").read_text("utf-8")
        assert drawn not in chapter
    assert unsearched('<svg viewBox="0">1/16</svg>') == '<svg data-search-exclude viewBox="0">1/16</svg>'


def test_a_page_may_say_itself_what_the_search_reads():
    words = {"learn/a.md": ["mask"]}
    assert findable("learn/a.md", {"faq": 1}, words) == {"faq": 1, "search": {"boost": 4}, "tags": ["mask"]}
    assert findable("learn/b.md", {"faq": 1, "search": {"boost": 9}}, words)["search"] == {"boost": 9}
    assert findable("run.md", {}, words) == {}
