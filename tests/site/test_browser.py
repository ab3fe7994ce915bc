"""What a reader sees: every kind of page in a real browser, on a phone and on a desk, by day and by night."""

import re

import pytest
from built import SITE, pages

WAYS = {"phone by night": (390, "dark"), "desk by day": (1280, "light")}  # what fits is the same in both schemes
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}  # the rest in short
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"  # px
FIRST_LOAD = 350_000  # bytes: what the site promises to a phone on a slow line
WHOLE = "learn/all/index.html"  # to be printed: what stands there is judged on the pages of the chapters
BOTH = {
    "index.html",
    *(f"{page}/index.html" for page in ("learn", "learn/17-softmax", "learn/whole-model", "claims", "run")),
}


def one_of_each_kind():
    """Every page by hand; of the pages that the build writes, the first, the last and one between of each folder."""
    folders = ("claims/", "conformance/", "reference/")
    written = [p for p in pages() if re.match(rf"({'|'.join(folders)}).+/index\.html", p)]
    by_folder = [[p for p in written if p.startswith(folder)] for folder in folders]
    chosen = {group[i] for group in by_folder if group for i in (0, len(group) // 2, -1)}
    return sorted({p for p in pages() if p not in written and p != WHOLE} | chosen)


PLACES = one_of_each_kind()
if not PLACES:  # the fixture says why
    PLACES = ["index.html"]


def each_in_its_way():
    """Every other page on a phone by night, the rest on a desk by day, and one of each kind in both ways."""
    for i, path in enumerate(PLACES):
        yield from ((path, way) for k, way in enumerate(WAYS) if i % 2 == k or path in BOTH)


@pytest.mark.parametrize(("path", "way"), [*each_in_its_way()])
def test_a_page_is_quiet_fits_and_is_accessible(visit, path, way):
    width, scheme = WAYS[way]
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    seen = visit(path, width=width, scheme=scheme)
    assert not seen.errors
    assert not seen.outside
    overflow = seen.page.evaluate(TOO_WIDE)
    assert overflow <= 0, f"{overflow} px wider than the window"
    assert seen.bytes() < FIRST_LOAD
    results = axe.Axe().run(seen.page, options=WCAG)
    violations = [
        f"{v['id']}: {v['help']}: " + "; ".join(node["html"][:160] for node in v["nodes"][:3])
        for v in results.response["violations"]
    ]
    assert not violations, "\n".join(violations)


NO_WORKER = "window.Worker = class { addEventListener() {} postMessage() {} }"  # search: it has tests of its own
PARTS = 8


def settles(page):
    """Whether the page fits its window, once what moves with a change of width (the drawer, say) has come to rest."""
    for _ in range(20):
        if page.evaluate(TOO_WIDE) <= 0:
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_quiet_and_fits(visit, address, part):
    """In one window that changes its size and scheme, since a new one for each of them takes seconds."""
    seen = visit("404.html")
    seen.page.add_init_script(NO_WORKER)
    for path in sorted(set(pages()) - set(PLACES))[part::PARTS]:
        seen.page.goto(address + path, wait_until="load")
        for width, scheme in WAYS.values():
            seen.page.set_viewport_size({"width": width, "height": 900})
            seen.page.emulate_media(color_scheme=scheme)
            assert settles(seen.page), f"{path} is wider than {width} px"
        assert not seen.errors, path
        assert not seen.outside, path


def test_what_is_wrong_with_a_page_is_noticed(visit):
    seen = visit("index.html", width=390)
    seen.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<div style=\"width:2000px\">wide</div><img src=\"http://127.0.0.2:9/x\">')"
    )
    seen.page.evaluate("setTimeout(() => { throw new Error('planted') })")
    seen.page.wait_for_timeout(300)
    assert seen.outside == ["http://127.0.0.2:9/x"]
    assert any("planted" in error for error in seen.errors)
    assert seen.page.evaluate("document.documentElement.scrollWidth") > 390


def test_the_site_works_from_a_folder_of_a_server(visit):
    seen = visit("learn/17-softmax/index.html")
    seen.page.click("text=Claims >> nth=0")
    seen.page.wait_for_load_state("networkidle")
    assert "claim" in seen.page.title().lower()
    assert not seen.errors


def test_claims_can_be_filtered(visit):
    seen = visit("claims/index.html")
    rows = "tbody tr:visible"  # of folded topics none, until one is chosen
    whole = seen.page.locator("tbody tr").count()
    assert whole > 1
    select = seen.page.locator("select").first
    values = [v for v in select.locator("option").evaluate_all("all => all.map(o => o.value)") if v]
    counts = []
    for value in values:
        select.select_option(value)
        counts.append(seen.page.locator(rows).count())
    assert sum(counts) == whole
    assert all(counts)


def test_the_figures_are_there_without_scripts(visit):
    seen = visit("learn/17-softmax/index.html", scripts=False)
    assert seen.page.locator("svg.mc-picture").count() >= 1
    assert (SITE / "learn/17-softmax/index.html").read_text(encoding="utf-8").count("katex-mathml") > 0
