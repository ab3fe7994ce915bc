"""The figures that a reader moves: their JavaScript against the library, number by number."""

import json
import re

import numpy as np
import pytest
import quickjs
from _site import live
from built import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

NUMERICS = (ROOT / "docs/assets/figures/numerics.js").read_text(encoding="utf-8")
FIGURES = live.figures()
# Both sides add up at most 256 products of numbers below 2⁵ in different orders, or raise and divide; scores enter
# an exponential with up to 2⁷ times their rounding error: 2⁻⁵³ · 2⁸ · 2⁵ · 2⁷ is the most that results can differ by.
SAME = 2.0**-33


def engine(source):
    context = quickjs.Context()
    context.eval(re.sub(r"^export ", "", source, flags=re.MULTILINE).replace("const compute =", "globalThis.compute ="))
    context.eval(
        "function run(name, state, data) { return JSON.stringify(compute[name](JSON.parse(state), JSON.parse(data))); }"
    )
    return context.get("run")


@pytest.fixture(scope="module")
def run():
    return engine(NUMERICS)


def states(figure):
    return st.fixed_dictionaries({control.name: values(control) for control in figure.controls})


def values(control):
    if control.name == "pixels":
        return st.text("0123456789abcdefg", min_size=256, max_size=256)
    if isinstance(control.start, bool):
        return st.booleans()
    if isinstance(control.start, str):
        words = st.text(st.characters(codec="utf-8", categories=["Ll", "Nd"]), min_size=1, max_size=9)
        return st.lists(words, max_size=10).map(" ".join)
    steps = round((control.high - control.low) / control.step)
    number = int if isinstance(control.start, int) else float
    return st.integers(0, steps).map(lambda k: number(round(control.low + k * control.step, 9)))


def difference(here, there):
    assert here.keys() == there.keys()
    assert [len(here[name]) for name in there] == [len(values) for values in there.values()]
    apart = [np.abs(np.subtract(here[n], v)) / np.maximum(1, np.abs(v)) for n, v in there.items() if v]
    return max((float(one.max()) for one in apart), default=0.0)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_computes_what_the_library_computes(run, name):
    figure, data = FIGURES[name], json.dumps(FIGURES[name].data())

    @settings(max_examples=25, deadline=None, database=None)
    @given(states(figure))
    def agrees(state):
        assert difference(json.loads(run(name, json.dumps(state), data)), figure.compute(state)) <= SAME

    agrees()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("softmax", "x / state.temperature", "x / (state.temperature + 1e-6)"),
        ("rope", "10000 ** (-pair / PAIRS)", "10001 ** (-pair / PAIRS)"),
        ("attention_scale", "x / Math.sqrt(2 **", "x / Math.sqrt(1e-6 + 2 **"),
        ("attention", "j > i ?", "j >= i + 2 ?"),
        ("relu", "Math.max(x - knots[i], 0)", "Math.max(x - knots[i], 1e-6)"),
        ("heads", "softmax([state.score2, 0])", "softmax([0, state.score2])"),
        ("rank", "row.slice(0, rank)", "row.slice(0, rank + 1)"),
        ("digit", "pixel >> 5", "pixel >> 6"),
    ],
)
def test_a_planted_error_is_noticed(name, right, wrong):
    assert right in NUMERICS
    broken, figure = engine(NUMERICS.replace(right, wrong)), FIGURES[name]
    cases = [{**figure.start, **change} for change in ({}, *figure.cases)]
    data = json.dumps(figure.data())
    worst = max(difference(json.loads(broken(name, json.dumps(s), data)), figure.compute(s)) for s in cases)
    assert not worst <= SAME


def page_of(name):
    (page,) = (
        p for p in (ROOT / "docs").rglob("*.md") if f"<!-- site: figure {name} -->" in p.read_text(encoding="utf-8")
    )
    return str(page.relative_to(ROOT / "docs").with_suffix("")) + "/index.html"


READ_STATE = """
figure => Object.fromEntries([...figure.querySelectorAll("input:not([type=number])")].map(input => [input.name,
  input.type === "checkbox" ? input.checked : input.type === "range" ? input.valueAsNumber : input.value]))
"""


def number(text, unit=""):
    return float(text.removesuffix(unit).replace("−", "-"))


def check_digits(name, place):
    """Every number shown is the library's, rounded to the digits shown."""
    figure, state = FIGURES[name], place.evaluate(READ_STATE)
    expected = figure.compute(state)
    cells = place.locator(".mc-values td").all_text_contents()
    assert len(cells) == len(figure.readouts)
    for readout, cell in zip(figure.readouts, cells, strict=True):
        value = expected[readout.key][readout.index]
        assert len(cell.removesuffix(readout.unit).partition(".")[2]) == readout.decimals
        assert abs(number(cell, readout.unit) - value) <= 0.5 * 10.0**-readout.decimals + SAME * max(1, abs(value)), (
            cell
        )
    if "weights" in expected:
        shares = [number(cell) for cell in place.locator(".mc-matrix tbody td").all_text_contents()]
        assert np.abs(np.subtract(shares, 100 * np.array(expected["weights"]))).max(initial=0) <= 0.05 + SAME
    return cells, state


@pytest.fixture
def opened(visit):
    def go(name):
        seen = visit(page_of(name))
        place = seen.page.locator(f'[data-live="{name}"]')
        place.locator("fieldset:enabled").wait_for()
        return seen, place

    return go


@pytest.mark.parametrize("name", FIGURES)
def test_by_keyboard_a_figure_shows_the_librarys_digits(opened, name):
    seen, place = opened(name)
    states = [check_digits(name, place)[1]]
    for slider in place.locator("input[type=range]").all():
        for key in ("End", "ArrowLeft", "PageDown", "Home", "ArrowRight"):
            slider.press(key)
            states.append(check_digits(name, place)[1])
    for tick in place.locator("input[type=checkbox]").all():
        tick.press("Space")
        states.append(check_digits(name, place)[1])
    for words in place.locator("input[type=text]").all():
        words.fill("a rose is a rose")
        states.append(check_digits(name, place)[1])
    for i, button in enumerate(place.locator("button").all()):
        button.press("Enter")
        states.append(check_digits(name, place)[1])
        assert i == 10 or states[-1]["pixels"] == FIGURES[name].data()["samples"][i]
    assert len({json.dumps(state) for state in states}) > 3
    assert not seen.errors


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_how_far_it_is_from_the_library(opened, name):
    said = opened(name)[1].locator("[data-agreement]").text_content()
    _, places, most = re.fullmatch(r"(.*) at (\d+) places: (.*)\.", said).groups()
    assert int(places) == 1 + len(FIGURES[name].cases)
    digits = most.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace(" × 10", "e")
    assert most == "none" or float(digits) <= SAME


def test_a_number_can_be_typed_and_nonsense_is_marked(opened):
    _, place = opened("softmax")
    field = place.get_by_label("temperature, as a number")
    field.fill("2.5")
    cells, state = check_digits("softmax", place)
    assert state["temperature"] == 2.5
    for nonsense in ("", "99", "0.123"):
        field.fill(nonsense)
        assert field.get_attribute("aria-invalid") is not None
        assert check_digits("softmax", place) == (cells, state)


def test_a_knot_can_be_dragged(opened):
    seen, place = opened("relu")
    _, before = check_digits("relu", place)
    place.scroll_into_view_if_needed()
    grip = place.locator("circle").nth(1).bounding_box()
    seen.page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    seen.page.mouse.down()
    seen.page.mouse.move(grip["x"] + 40, grip["y"] + 5, steps=4)
    seen.page.mouse.up()
    _, after = check_digits("relu", place)
    assert after["knot2"] > before["knot2"]
    assert {**after, "knot2": before["knot2"]} == before


def test_a_digit_can_be_drawn_by_pointer_and_by_keyboard(opened):
    seen, place = opened("digit")
    place.scroll_into_view_if_needed()
    place.get_by_role("button", name="clear").click()
    paper = place.locator("svg")
    corner = paper.bounding_box()
    size = corner["width"] / 480 * 16
    seen.page.mouse.move(corner["x"] + 8 * size, corner["y"] + 2 * size)
    seen.page.mouse.down()
    seen.page.mouse.move(corner["x"] + 8 * size, corner["y"] + 14 * size, steps=6)
    seen.page.mouse.up()
    cells, drawn = check_digits("digit", place)
    assert max(range(10), key=lambda i: number(cells[i])) == 1
    paper.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp", " "):
        paper.press(key)
    _, more = check_digits("digit", place)
    assert more["pixels"][6 * 16 + 4] == "g"
    paper.press("Delete")
    assert check_digits("digit", place)[1]["pixels"] == "0" * 256
    assert drawn["pixels"].count("0") < 256


@pytest.mark.parametrize("name", FIGURES)
def test_without_scripts_a_figure_shows_the_first_numbers(visit, name):
    place = visit(page_of(name), scripts=False).page.locator(f'[data-live="{name}"]')
    check_digits(name, place)
    assert place.locator("fieldset:disabled").count() == 1
