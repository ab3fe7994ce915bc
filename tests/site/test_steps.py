"""What the hook of MkDocs does is two steps, and each runs without it."""

import os
import subprocess
import sys

import pytest
from _site import formulas
from built import ROOT

ALONE = """
import sys
sys.modules.update(dict.fromkeys(("mkdocs", "markdown", "material"), None))  # an import of these would fail
from _site import steps
steps.main(*sys.argv[1:])
"""


def run(*words, given=""):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "docs")])
    return subprocess.run(
        [sys.executable, "-c", ALONE, *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_before_gives_markdown():
    done = run("before", "learn/17-softmax.md")
    assert done.returncode == 0, done.stderr
    assert "# What is softmax" in done.stdout
    assert "<!-- site:" not in done.stdout
    assert "../claims/softmax.sums_to_one" in done.stdout
    assert '<div data-figure="live softmax"></div>' in done.stdout


def test_after_gives_what_is_published():
    page = (
        '<div data-figure="live softmax"></div><span class="arithmatex">\\(e^x\\)</span>'
        '<div class="language-pycon highlight"><pre><code>&gt;&gt;&gt; 1 + 1\n2\n</code></pre></div><svg a="b"></svg>'
    )
    done = run("after", "learn/17-softmax.md", given=page)
    assert done.returncode == 0, done.stderr
    for part in ('data-live="softmax"', 'class="katex', 'data-copy="1 + 1\n"', "<svg data-search-exclude"):
        assert part in done.stdout, part


def test_a_step_that_is_none_is_refused():
    assert "must be before or after" in run("between", "index.md").stderr


def formula(around):
    return formulas.set_formulas(around.format('<span class="arithmatex">\\(e^x\\)</span>'))


@pytest.mark.parametrize("around", ["so {}. And", "so ({}), and", "“{}”"])
def test_a_formula_and_its_punctuation_stay_on_one_line(around):
    alone = formula("{}")
    before, after = around.removeprefix("so ").removesuffix(" And").removesuffix(" and").split("{}")
    assert f'<span class="mc-together">{before}{alone}{after}</span>' in formula(around)


@pytest.mark.parametrize("around", ["so {} and", "so {}<b>.</b>", "so {} (and)"])
def test_a_formula_among_words_stands_alone(around):
    assert formula(around) == around.format(formula("{}"))


APART = """
all => all.filter(one => one.offsetParent && one.lastChild.nodeType === Node.TEXT_NODE).filter(one => {
  const formula = [...one.querySelector(".katex-html").getClientRects()].pop(), mark = document.createRange();
  mark.selectNodeContents(one.lastChild);
  return [...mark.getClientRects()].pop().left < formula.right - 1;
}).map(one => one.textContent)
"""


def orphans(page):
    """The formulas whose full stop begins a line, with more and more words before them."""
    formulas = page.locator(".mc-together")
    for _ in range(12):
        yield from formulas.evaluate_all(APART)
        formulas.evaluate_all("all => all.forEach(one => one.before('ab '))")


@pytest.mark.parametrize("width", [320, 390])  # on a desk no formula breaks, and none lets go of its full stop
def test_no_full_stop_begins_a_line(visit, width):
    page = visit("learn/18-position-as-a-vector/index.html", width=width).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert not list(orphans(page))
    page.add_style_tag(content=".mc-together { display: inline; }")
    assert list(orphans(page))
