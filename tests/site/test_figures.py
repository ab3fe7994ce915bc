"""The figures that a reader moves: their JavaScript against the library, number by number."""

import itertools
import json
import re

import numpy as np
import pytest
import quickjs
from _site import live, scripts
from _site.live.html_of import shown
from built import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st

NUMERICS = scripts.joined(ROOT / "docs", scripts.NUMERICS)
FIGURES = live.figures()
# Both sides add up at most 256 products of numbers below 2⁵ in different orders, or raise and divide; scores enter
# an exponential with up to 2⁷ times their rounding error: 2⁻⁵³ · 2⁸ · 2⁵ · 2⁷ is the most that results can differ by.
SAME = 2.0**-33


def engine(source):
    """A function of the name of a figure and a state, as JSON; the data of a figure is read once, as in a page."""
    context = quickjs.Context()
    context.eval(source)
    context.eval("""
        const known = {}, compute = { ...wordFigures, ...layerFigures, ...sequenceFigures };
        const tell = (name, data) => { known[name] = JSON.parse(data); };
        const run = (name, state) => JSON.stringify(compute[name](JSON.parse(state), known[name]));
        const move = (state, moved) => JSON.stringify(pushed(JSON.parse(state), moved));
        globalThis.exported = { tell, run, move };
    """)
    tell, run, move = (context.eval(f"exported.{name}") for name in ("tell", "run", "move"))
    for name, figure in FIGURES.items():
        tell(name, json.dumps(figure.data()))
    return lambda name, state: json.loads(run(name, json.dumps(state))), lambda *a: json.loads(move(*a))


@pytest.fixture(scope="module")
def run():
    return engine(NUMERICS)[0]


def states(figure):
    return st.fixed_dictionaries({control.name: values(control) for control in figure.controls})


def values(control):
    if control.name == "pixels":
        return st.text("0123456789abcdefg", min_size=256, max_size=256)
    if control.options:
        return st.sampled_from(control.options)
    if isinstance(control.start, bool):
        return st.booleans()
    if isinstance(control.start, str):
        words = st.text(st.characters(codec="utf-8", categories=["Ll", "Nd", "Po"]), min_size=1, max_size=9)
        return st.lists(words | st.sampled_from(["low", "lower", "low."]), max_size=10).map(" ".join)
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
    figure = FIGURES[name]

    @settings(max_examples=25, deadline=None, database=None)
    @given(states(figure))
    @example(figure.start)
    def agrees(state):
        assert difference(run(name, state), figure.compute(state)) <= SAME

    agrees()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("digit", "pixel >> 5", "pixel >> 6"),
        ("vectors", "Math.sqrt(dot(a, a) * dot(b, b))", "Math.sqrt(dot(a, a) * dot(b, b)) + 1e-6"),
        ("step", "p - (k === seen)", "p - 0.999999 * (k === seen)"),
        ("tokenizer", "n - m || a - b", "n - m || b - a"),
        ("directions", "/ 9)]++", "/ 9.1)]++"),
        ("map", "(j === neighbours[k])) / words.length", "(j === neighbours[k])) / (words.length + 1e-6)"),
        ("logits", "state.factor * z + state.constant", "state.factor * (z + 1e-6) + state.constant"),
        ("layer", "sum + b1[i]", "sum + b1[0]"),
        ("bend", "turn !== 0", "turn > 0"),
        ("relu", "Math.max(x - knots[i], 0)", "Math.max(x - knots[i], 1e-6)"),
        ("square", "- state.half", "- state.half - 1e-6"),
        ("rank", "row.slice(0, rank)", "row.slice(0, rank + 1)"),
        ("align", "radians(state.angle)", "radians(state.angle + 1e-6)"),
        ("matmul", "b[i][state.column - 1]", "b[i][0]"),
        ("orientation", "w.map((row) => row[j])", "w.map((row) => row[0])"),
        ("softmax", "scores, state.temperature", "scores, state.temperature + 1e-6"),
        ("position", "row[skip + i]", "row[i]"),
        ("rope", "10000 ** (-pair / PAIRS)", "10001 ** (-pair / PAIRS)"),
        ("search", "key) / Math.SQRT2", "key) / (Math.SQRT2 + 1e-6)"),
        ("attention_scale", "x / Math.sqrt(state.d)", "x / Math.sqrt(1e-6 + Number(state.d))"),
        ("attention", "s > t ?", "s > t + 1 ?"),
        ("heads", "softmax([state.score2, 0])", "softmax([0, state.score2])"),
    ],
)
def test_a_planted_error_is_noticed(name, right, wrong):
    assert right in NUMERICS
    broken, figure = engine(NUMERICS.replace(right, wrong))[0], FIGURES[name]
    cases = [{**figure.start, **change} for change in ({}, *figure.cases)]
    worst = max(difference_or_all(broken(name, s), figure.compute(s)) for s in cases)
    assert not worst <= SAME


def difference_or_all(here, there):
    """As `difference`; lists of other lengths differ altogether."""
    same = all(len(here[name]) == len(values) for name, values in there.items())
    return difference(here, there) if same else np.inf


def test_every_figure_has_a_planted_error():
    (mark,) = test_a_planted_error_is_noticed.pytestmark
    assert {name for name, _, _ in mark.args[1]} == set(FIGURES)


def test_knots_push_and_never_pass_each_other():
    move = engine(NUMERICS)[1]

    @settings(max_examples=100, deadline=None, database=None)
    @given(states(FIGURES["relu"]), st.integers(0, 7))
    def in_order(state, moved):
        moved = min(moved, state["knots"] - 1)
        tenths = [round(10 * x) for x in move(json.dumps(state), moved).values()]
        assert len(tenths) == state["knots"]
        assert all(a < b for a, b in itertools.pairwise(tenths))
        assert 1 <= tenths[0] <= tenths[-1] <= 63
        room = (1 + moved, 64 - state["knots"] + moved)  # for those on both sides of it
        assert tenths[moved] == min(max(round(10 * state[f"knot{moved + 1}"]), room[0]), room[1])

    in_order()


@pytest.mark.parametrize(
    ("number", "decimals", "said"), [(-0.04, 1, "0.0"), (-0.06, 1, "−0.1"), (-0.0, 0, "0"), (10, 0, "10")]
)
def test_what_rounds_to_nothing_has_no_sign(number, decimals, said):
    context = quickjs.Context()
    context.eval(scripts.joined(ROOT / "docs", ["assets/figures/shown.js"]))
    assert shown(number, decimals) == context.eval(f"shown({number}, {decimals})") == said


@pytest.mark.parametrize("begin", range(1, 7))
def test_on_the_map_pairs_meet_from_every_start(begin):
    before, after = (FIGURES["map"].compute({"pass": n, "begin": begin}) for n in (0, 200))
    places = np.array(after["places"]).reshape(-1, 2)
    across = np.linalg.norm(places[:, None] - places, axis=-1).max()
    assert max(after["apart"][:3]) < across / 5
    assert after["loss"] < before["loss"]


def pages_of(name):
    line = f"<!-- site: figure {name} -->"
    found = [p for p in (ROOT / "docs").rglob("*.md") if line in p.read_text(encoding="utf-8").splitlines()]
    folders = [p.parent if p.stem == "index" else p.with_suffix("") for p in sorted(found)]
    chapters_first = sorted(folders, key=lambda folder: folder.parent.name != "learn")
    return [str((folder / "index.html").relative_to(ROOT / "docs")) for folder in chapters_first]


def page_of(name):
    return pages_of(name)[0]


def test_every_chapter_has_a_figure_and_every_figure_a_chapter():
    with_figure = {page for name in FIGURES for page in pages_of(name)}
    chapters = {f"learn/{p.stem}/index.html" for p in (ROOT / "docs/learn").glob("[0-9][0-9]-*.md")}
    assert chapters <= with_figure
    assert all(pages_of(name) for name in FIGURES)


READ_STATE = """
figure => Object.fromEntries(
  [...figure.querySelectorAll("input:is(:checked, :not([type=number], [type=radio]))")].map(input => [input.name,
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
    return cells, state


@pytest.fixture
def opened(visit):
    def go(name):
        seen = visit(page_of(name))
        place = seen.page.locator(f'[data-live="{name}"]')
        place.locator("fieldset:enabled").wait_for()
        return seen, place

    return go


def pressed(figure, preset, state):
    """What a button makes of a state: what it names on what there was at the start, or on what is kept."""
    most = {control.name: control.high for control in figure.controls}
    moved = {name: min(state[name] + step, most[name]) for name, step in preset.add.items()}
    after = {**(state if preset.keep or preset.add else figure.start), **preset.set, **moved}
    shown_if = {control.name: control.when for control in figure.controls if control.when}  # a hidden knot gives way
    return {key: x for key, x in after.items() if key not in shown_if or after[shown_if[key][0]] >= shown_if[key][1]}


def test_a_button_means_the_same_whatever_was_pressed_before(opened):
    _, place = opened("softmax")
    for label in ("add 1,000 to all", "temperature 0.1", "a tie"):
        place.get_by_role("button", name=label, exact=True).press("Enter")
    _, state = check_digits("softmax", place)
    assert state == {**FIGURES["softmax"].start, "score1": 2.0, "score2": 2.0}


@pytest.mark.parametrize("name", FIGURES)
def test_by_keyboard_a_figure_shows_the_librarys_digits(opened, name):
    seen, place = opened(name)
    states = [check_digits(name, place)[1]]
    for slider in reversed(place.locator("input[type=range]").all()):
        if slider.is_hidden():
            continue
        for key in ("End", "ArrowLeft", "PageDown", "Home", "ArrowRight"):
            slider.press(key)
            states.append(check_digits(name, place)[1])
    for choice in place.get_by_role("radiogroup").all():
        for option in choice.get_by_role("radio").all():
            option.press("Space")
            states.append(check_digits(name, place)[1])
    for tick in place.locator("input[type=checkbox]").all():
        tick.press("Space")
        states.append(check_digits(name, place)[1])
    for words in place.locator("input[type=text]").all():
        words.fill("a rose is a rose")
        states.append(check_digits(name, place)[1])
    for i, button in enumerate(place.locator("[data-sample]").all()):
        button.press("Enter")
        states.append(check_digits(name, place)[1])
        assert i == 10 or states[-1]["pixels"] == FIGURES[name].data()["samples"][i]
    for preset, button in zip(FIGURES[name].presets, place.locator("[data-preset]").all(), strict=True):
        button.press("Enter")
        states.append(check_digits(name, place)[1])
        expected = pressed(FIGURES[name], preset, states[-2])
        assert {key: states[-1][key] for key in expected} == expected
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
    problem = place.get_by_role("alert")
    for nonsense in ("", "99", "0.123"):
        field.fill(nonsense)
        assert field.get_attribute("aria-invalid") == "true"
        assert problem.text_content() == "temperature: a number from 0.1 to 10, in steps of 0.1."
        assert check_digits("softmax", place) == (cells, state)
    place.get_by_role("button", name="temperature 10").press("Enter")
    assert field.get_attribute("aria-invalid") is None
    assert problem.count() == 0


def dragged(seen, place, grip, by, at=0):
    """Drags what can be held by so many pixels."""
    place.scroll_into_view_if_needed()
    spot = place.locator(f"[data-hold={grip}]").nth(at).bounding_box()
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + by[0], y + by[1], steps=4)
    seen.page.mouse.up()


@pytest.mark.parametrize(
    ("name", "grip", "by", "changed"),
    [
        ("relu", "knot2", (30, 0), {"knot2"}),
        ("bend", "kink1", (40, 10), {"kink1"}),
        ("align", "input", (30, 20), {"angle", "length"}),
        ("square", "edge", (20, -20), {"turn", "half"}),
        ("search", "query", (-40, -30), {"q1", "q2"}),
    ],
)
def test_what_can_be_held_can_be_dragged(opened, name, grip, by, changed):
    seen, place = opened(name)
    _, before = check_digits(name, place)
    dragged(seen, place, grip, by)
    _, after = check_digits(name, place)
    assert {key for key in after if after[key] != before[key]} == changed
    assert not seen.errors


def test_a_finger_drags_and_the_page_stays_where_it_is(visit):
    seen = visit(page_of("align"), width=390)
    place = seen.page.locator('[data-live="align"]')
    place.locator("fieldset:enabled").wait_for()
    place.scroll_into_view_if_needed()
    spot, before = place.locator("[data-hold=input]").bounding_box(), seen.page.evaluate("scrollY")
    finger = seen.context.new_cdp_session(seen.page)

    def touch(kind, *points):
        at = [{"x": spot["x"] + spot["width"] / 2 + dx, "y": spot["y"] + spot["height"] / 2 + dy} for dx, dy in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (0, 0))
    for i in range(1, 9):
        touch("touchMove", (6 * i, 8 * i))
    touch("touchEnd")
    assert seen.page.evaluate("scrollY") == before
    _, state = check_digits("align", place)
    assert state["angle"] < 0  # all the way, not the first pixels of it


def test_a_knot_is_stopped_by_its_neighbours(opened):
    seen, place = opened("relu")
    dragged(seen, place, "knot2", (2000, 0))
    _, after = check_digits("relu", place)
    assert [after[f"knot{i}"] for i in range(1, 5)] == [1.3, 6.1, 6.2, 6.3]


@pytest.mark.parametrize(
    ("name", "picked", "state"),
    [("matmul", "12", {"row": 2, "column": 3}), ("layer", "output 2", {"unit": "output 2"})],
)
def test_what_can_be_touched_is_chosen(opened, name, picked, state):
    _, place = opened(name)
    place.locator(f'[data-pick="{picked}"]').click()
    _, after = check_digits(name, place)
    assert {**after, **state} == after


LETTERS = """figure => [...figure.querySelectorAll(".mc-stage text")].filter(t => t.textContent).map(t => {
  const place = t.getBoundingClientRect(), stage = figure.getBoundingClientRect(), drawing = t.ownerSVGElement;
  const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
  const size = parseFloat(getComputedStyle(t).fontSize) * scale;
  return [t.textContent, size, place.left - stage.left, stage.right - place.right];
})"""


@pytest.mark.parametrize("name", FIGURES)
def test_on_a_phone_letters_can_be_read_and_stay_within_the_figure(visit, name):
    place = visit(page_of(name), width=390).page.locator(f'[data-live="{name}"]')
    place.locator("fieldset:enabled").wait_for()
    for button in [None, *place.locator("[data-preset]").all()]:
        if button:
            button.press("Enter")
        for words, size, left, right in place.evaluate(LETTERS):
            assert size >= 11, words
            assert min(left, right) >= 0, words


def test_a_digit_can_be_drawn_by_pointer_and_by_keyboard(opened):
    seen, place = opened("digit")
    place.scroll_into_view_if_needed()
    place.get_by_role("button", name="clear").click()
    paper = place.locator("svg")
    corner = paper.bounding_box()
    size = 16  # px, on a desk
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
