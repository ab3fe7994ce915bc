"""The whole model on one page: its JavaScript against the library, its making of every number, and a reader's hands."""

import json
import math

import numpy as np
import pytest
import quickjs
from _site import scripts, whole
from _site.live.html_of import shown
from _site.whole.html_of import whole_model
from built import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st

import mathcore as mc

TINY = mc.course.tiny_model()
PAGE = "learn/whole-model/index.html"
SOURCE = scripts.joined(ROOT / "docs", scripts.WHOLE_NUMERICS)
# Both sides add up at most 8 products of numbers below 2⁵ in different orders, divide by sizes of at least 2⁻⁵, three
# times over, and raise scores below 2⁵: 2⁻⁵³ · 2³ · 2⁵ · 2⁵ · 2⁵ is the most that results can differ by.
SAME = 2.0**-35
TEXTS = st.lists(st.sampled_from(TINY.words), min_size=1, max_size=whole.MOST).map(" ".join)
STEPS = {step.name: step for step in whole.STEPS}


def engine(source):
    """Two functions of a text, as the page has them: every array, and every number from how it was made."""
    context = quickjs.Context()
    context.eval(source)
    told = {"params": {name: p.tolist() for name, p in TINY.params.items()}, "words": TINY.words}
    steps = {step.name: {"needs": step.needs, "weights": step.weights} for step in whole.STEPS}
    context.eval(f"const told = {json.dumps(told)}, steps = {json.dumps(steps)};")
    context.eval("""
        const plain = (_, x) => x === -Infinity ? "-inf" : x;
        const arraysOf = (text) => everyArray(encoded(text, told.words), told.params);
        const again = (name, arrays) => {
          const one = (x, at) => Array.isArray(x) ? x.map((y, i) => one(y, [...at, i])) : made(name, at, arrays);
          return one(arrays[name], []);
        };
        const made = (name, at, arrays) => {
          const [head, row, col] = at.length === 3 ? at : [0, at[0], at[1] ?? 0];
          const making = makingOf(name, { head, row, col }, arrays, told.params, steps[name]);
          const line = lineOf(making, told.words);
          if (!line.startsWith(shown(valueOf(making), name === "ids" ? 0 : 2))) throw new Error(line);
          return valueOf(making);
        };
        const remade = (found) => Object.fromEntries(Object.keys(found).map((name) => [name, again(name, found)]));
        globalThis.exported = {
          run: (text) => JSON.stringify(arraysOf(text), plain),
          make: (text) => JSON.stringify(remade(arraysOf(text)), plain),
          unknown: (text) => unknownIn(text, told.words) ?? "",
          drawn: (shares, number) => drawnBy(JSON.parse(shares), number),
          cooled: (scores, heat) => JSON.stringify(softmax(JSON.parse(scores), heat)),
          rows: (name, need, row) => JSON.stringify(rowsFrom(name, need, row)),
        };
    """)
    return lambda name, *given: context.eval(f"exported.{name}")(*given)


@pytest.fixture(scope="module")
def run():
    return engine(SOURCE)


def difference(here, text):
    there = TINY.activations(text)
    assert list(here) == list(there)
    apart = []
    for name, array in there.items():
        mine = np.array(here[name], dtype=float)
        assert mine.shape == array.shape, name
        assert (np.isinf(mine) == np.isinf(array)).all(), name
        finite = np.isfinite(array)
        apart.append((np.abs(mine[finite] - array[finite]) / np.maximum(1, np.abs(array[finite]))).max())
    return max(apart)


@settings(max_examples=40, deadline=None, database=None)
@given(text=TEXTS)
@example(text=whole.FIRST)
@example(text="the")
def test_the_page_computes_what_the_library_computes(run, text):
    assert difference(json.loads(run("run", text)), text) <= SAME
    assert difference(json.loads(run("make", text)), text) <= SAME


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("row.length + EPSILON", "row.length + EPSILON + 1e-6"),
        ("x * Math.cos(angle) - y", "x * Math.cos(angle + 1e-6) - y"),
        ("dot(query, key) / Math.sqrt(query.length)", "dot(query, key) / Math.sqrt(query.length + 1e-6)"),
        ("s > t ? -Infinity", "s > t + 1 ? -Infinity"),
        ("Math.max(x, 0)))", "Math.max(x, 1e-6)))"),
        ("(h + 1) * width", "(h + 1) * width - 1"),
        ("added(found.embedding,", "added(found.embedding.map((row) => row.map((x) => x + 1e-6)),"),
        ("rmsNorm(found[\"mlp.residual\"]", "rmsNorm(found[\"attention.residual\"]"),
        ("raised.map((e) => e / total)", "raised.map((e) => e / (total + 1e-6))"),
    ],
)  # fmt: skip
def test_a_planted_error_is_noticed_at_the_texts_of_the_page(right, wrong):
    assert SOURCE.count(right) == 1
    broken = engine(SOURCE.replace(right, wrong))
    assert any(not is_same(broken, text) for text in whole.TEXTS)


def is_same(run, text):
    try:
        return difference(json.loads(run("run", text)), text) <= SAME
    except (AssertionError, quickjs.JSException):  # another shape, or a crash
        return False


def test_a_planted_error_in_a_making_is_noticed():
    for right, wrong in (("slice(0, row + 1), column", "slice(0, row), column"), ("inHead + col", "col")):
        assert SOURCE.count(right) == 1
        broken = engine(SOURCE.replace(right, wrong))
        assert difference(json.loads(broken("make", whole.FIRST)), whole.FIRST) > SAME


def test_steps_are_the_arrays_in_their_order_and_come_from_arrays_before_them():
    assert list(STEPS) == list(TINY.activations("the"))
    for i, step in enumerate(whole.STEPS):
        assert set(step.needs) <= set(list(STEPS)[:i])
        assert set(step.weights) <= set(TINY.params)
    assert {name for step in whole.STEPS for name in step.weights} == set(TINY.params) == set(whole.WEIGHTS)


def test_an_array_comes_from_no_other_rows_than_the_page_says(run):
    """What stands in later rows changes nothing: the library's arrays of a shorter text have the same row."""
    text = "the dog slept on the rug"
    for row in range(1, 6):
        assert json.loads(run("rows", "attention.scores", "key.rotated", row)) == list(range(row + 1))
        assert json.loads(run("rows", "attention.heads", "value", row)) == list(range(row + 1))
        assert json.loads(run("rows", "mlp.output", "mlp.relu", row)) == [row]
        short = TINY.activations(" ".join(text.split()[: row + 1]))
        whole_text = TINY.activations(text)
        for name in ("attention.heads", "shares"):
            np.testing.assert_allclose(short[name][..., row, :], whole_text[name][..., row, :], atol=1e-14)


def test_words_are_read_as_the_library_reads_them(run):
    for text in ("The Cat sat.", " the  dog ", ". . the"):
        assert json.loads(run("run", text))["ids"] == TINY.encode(text).tolist()
    assert run("unknown", "the cow sat") == "cow"
    assert run("unknown", "the cat") == ""


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=12), st.floats(0.1, 3), st.floats(0, 1, exclude_max=True))
@settings(deadline=None, database=None)
def test_a_word_is_drawn_as_the_library_draws(run, scores, heat, number):
    shares = json.loads(run("cooled", json.dumps(scores), heat))
    np.testing.assert_allclose(shares, mc.temperature_softmax(np.array(scores), heat), rtol=1e-12, atol=1e-300)
    reached = np.cumsum(shares)
    edge = abs(reached / reached[-1] - number).min() < 1e-12  # rounding may fall on either side
    place = np.searchsorted(reached, number * reached[-1], side="right")
    assert edge or run("drawn", json.dumps(shares), number) == place


# In the browser.


@pytest.fixture
def opened(visit):
    def go(**how):
        seen = visit(PAGE, **how)
        seen.page.locator(".mc-whole.alive").wait_for()
        return seen, seen.page.locator("[data-whole]")

    return go


def digits(array):
    return [shown(x, 2) if math.isfinite(x) else "−∞" for x in np.ravel(array)]


def check_digits(place, text):
    """Every number on the page is the library's, rounded to the digits shown, with its shape beside it."""
    for name, array in TINY.activations(text).items():
        figure = place.locator(f'[data-array="{name}"]')
        cells = figure.locator("tbody td").all_text_contents()
        wanted = [str(i) for i in array] if name == "ids" else digits(array)
        pairs = zip(cells, wanted, array.ravel(), strict=True)
        assert all(cell == want or abs(number(cell) - x) <= 0.005 + SAME for cell, want, x in pairs), name
        assert figure.locator(".mc-array-shape").text_content() == " × ".join(map(str, array.shape))


def number(text):
    return float(text.replace("−", "-").replace("∞", "inf"))


def test_the_page_shows_the_librarys_digits_at_several_texts(opened):
    seen, place = opened()
    check_digits(place, whole.FIRST)
    field = place.locator("input[type=text]")
    for text in ("the", "the bird slept on the", "puppy puppy . nest the dog", " ".join(TINY.words)):
        field.fill(text)
        check_digits(place, text)
    assert not seen.errors


def test_a_page_whose_numbers_are_off_is_noticed(opened):
    _, place = opened()
    place.locator('[data-array="mlp.hidden"] td').nth(3).evaluate("cell => { cell.textContent = '0.77' }")
    with pytest.raises(AssertionError, match=r"mlp\.hidden"):
        check_digits(place, whole.FIRST)


def test_the_page_says_how_far_it_is_from_the_library(opened):
    said = opened()[1].locator("[data-agreement]").text_content()
    assert f"at {len(whole.TEXTS)} texts" in said
    power = said.rpartition("10⁻")[2].rstrip(".").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    assert int(power) >= 10


def test_touching_a_number_says_what_made_it(opened):
    _, place = opened()
    place.locator('[data-array="attention.heads"] table').nth(1).locator("tr").nth(2).locator("td").first.click()
    about = place.locator(".mc-about")
    a = TINY.activations(whole.FIRST)
    weights, values = digits(a["attention.weights"][1, 2, :3]), digits(a["value"][1, :3, 0])
    terms = " + ".join(f"{w} · {f'({v})' if v.startswith('−') else v}" for w, v in zip(weights, values, strict=True))
    assert about.locator(".mc-making").text_content() == f"{digits(a['attention.heads'][1, 2, 0])[0]} ≈ {terms}"
    assert about.locator(".mc-where").text_content() == "head 2, row “sat”, column 1:"
    sources = place.locator(".mc-array.source").evaluate_all("all => all.map(one => one.dataset.array)")
    assert sources == ["value", "attention.weights"]
    assert place.locator('[data-array="value"] tr.source').count() == 3
    assert place.locator('[data-array="attention.weights"] tr.source').count() == 1
    assert about.get_by_role("link", name="20.").count() == 1
    assert "≈" in place.locator(".mc-whole-heard").text_content()


def test_by_keyboard_every_array_and_row_can_be_reached(opened):
    seen, place = opened()
    place.locator("input[type=range]").focus()
    names = []
    for _ in range(400):
        seen.page.keyboard.press("Tab")
        at = seen.page.evaluate("document.activeElement.closest('[data-array]')?.dataset.array ?? ''")
        if at and at not in names:
            names.append(at)
            assert place.locator(f'[data-array="{at}"]').get_attribute("class").endswith("chosen")
        if len(names) == len(STEPS):
            break
    assert names == list(STEPS)
    row = place.locator('[data-array="mlp.relu"] tbody th button').nth(1)
    row.focus()
    for column in (2, 3):
        row.press("ArrowRight")
        assert f"column {column}:" in place.locator(".mc-where").text_content()


def test_one_word_is_followed_through_all_steps(opened):
    seen, place = opened(width=390)
    place.get_by_role("button", name="Walk through the steps").click()
    for i, name in enumerate(STEPS):
        assert place.locator(".mc-array.chosen").get_attribute("data-array") == name
        assert f"step {i + 1} of {len(STEPS)}" in place.locator(".mc-walk").text_content()
        assert "row “the”" in place.locator(".mc-where").text_content()
        assert place.locator("tr.chosen").count() == 1
        if i + 1 < len(STEPS):
            assert seen.page.evaluate("document.activeElement.dataset.way") == "next"
            seen.page.keyboard.press("Enter")
    place.get_by_role("button", name="← Back").click()
    assert place.locator(".mc-array.chosen").get_attribute("data-array") == "logits"


def test_words_are_appended_drawn_and_removed(opened):
    _, place = opened()
    field = place.locator("input[type=text]")
    text = whole.FIRST
    for _ in range(3):
        text += " " + TINY.next_words(text)[0][0]
        place.get_by_role("button", name="Take the most likely word").click()
        assert field.input_value() == text
    check_digits(place, text)
    place.get_by_role("button", name="Remove the last").click()
    assert field.input_value() == text.rpartition(" ")[0]
    place.get_by_role("button", name="Draw one").click()
    assert field.input_value().split()[:-1] == text.split()[:-1]
    place.get_by_role("button", name="append nest").click()
    assert field.input_value().endswith(" nest")
    field.fill(" ".join(["the"] * whole.MOST))
    place.get_by_role("button", name="Draw one").click()
    assert "At most 12 words" in place.locator(".mc-whole-said").text_content()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the cow sat", "does not know “cow”. Its words: the cat"),
        ("", "at least one"),
        ("the " * 13, "At most 12 words"),
    ],
)
def test_what_cannot_be_read_is_explained_and_the_last_text_stays(opened, text, said):
    _, place = opened()
    place.locator("input[type=text]").fill(text)
    assert said in place.locator(".mc-whole-said").text_content()
    assert place.locator("input[type=text]").get_attribute("aria-invalid") == "true"
    check_digits(place, whole.FIRST)


def test_the_temperature_changes_the_shares_of_the_next_word_and_no_array(opened):
    _, place = opened()
    place.locator("input[type=range]").press("Home")
    check_digits(place, whole.FIRST)
    cold = mc.temperature_softmax(TINY.activations(whole.FIRST)["logits"][-1], 0.1)
    shares = place.locator(".mc-next li span:last-child").all_text_contents()
    assert [float(s.removesuffix(" %")) for s in shares] == pytest.approx((100 * cold).tolist(), abs=0.05 + 1e-9)


def test_on_a_phone_what_is_said_is_a_sheet_that_closes(opened):
    seen, place = opened(width=390, scheme="dark")
    about = place.locator(".mc-about")
    assert not about.is_visible()
    place.locator('[data-array="logits"] button').first.click()
    box = about.bounding_box()
    assert box["width"] == 390
    assert box["y"] + box["height"] == pytest.approx(900, abs=1)
    place.get_by_role("button", name="Close").click()
    assert not about.is_visible()
    assert not seen.errors


@pytest.mark.parametrize("text", [whole.FIRST, " ".join(TINY.words)])
def test_the_page_in_use_is_accessible(opened, text):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for width, scheme in ((390, "dark"), (1280, "light")):
        seen, place = opened(width=width, scheme=scheme)
        place.locator("input[type=text]").fill(text)
        place.locator('[data-array="mlp.output"] tbody th button').first.click()
        found = axe.Axe().run(seen.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found.response["violations"]] == []
        assert seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_without_scripts_the_first_text_is_a_table_with_words(visit):
    seen = visit(PAGE, scripts=False)
    place = seen.page.locator("[data-whole]")
    check_digits(place, whole.FIRST)
    assert not place.locator("form").is_visible()
    assert place.locator("button:visible").count() == 0
    assert place.get_by_text("Each row of logits becomes shares").is_visible()
    assert seen.page.locator(".mc-next li").count() == 12


def test_no_other_page_pays_for_it(visit):
    seen = visit("learn/17-softmax/index.html")
    assert not [r.url for r in seen.finished if "whole" in r.url]
    assert visit(PAGE).page.evaluate("[...document.scripts].some(s => s.src.endsWith('assets/whole.js'))")


def test_no_word_can_end_the_script():
    section = whole_model({**whole.told(), "words": ["</script>"] * 12}, {}, "learn/x.md")
    data = section.split('application/json">')[1].rpartition("</script></section>")[0]
    assert json.loads(data)["words"] == ["</script>"] * 12
    assert "</" not in data
