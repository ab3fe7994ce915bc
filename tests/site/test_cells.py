"""Python in the page: cells run, check and stop; exercises are graded; nothing is loaded before the reader asks."""

import json
import re
import shutil
import zipfile

import pytest
import quickjs
from _site import python_in_pages
from built import ROOT, SITE

import mathcore
from mathcore.exercises import cells, exercises

PAGE = "learn/17-softmax/index.html"
CELL = "#cell-17_softmax"
SAID = f"{CELL} .mc-cell-said"
LOOP = "def softmax(scores):\n    while True:\n        pass"
STARTED = 60_000  # ms for Python to start on a slow machine
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}

needs_python = pytest.mark.skipif(
    not (SITE / "assets/python/pyodide.mjs").exists(),
    reason="THE SITE WAS BUILT WITHOUT PYTHON FOR THE BROWSER: run `python -m docs._site.python_in_pages` first",
)


def wait_for(page, pattern, timeout=STARTED):
    """Until the cell says so."""
    says = "([at, pattern]) => new RegExp(pattern).test(document.querySelector(at).textContent)"
    page.wait_for_function(says, arg=[SAID, pattern], timeout=timeout)


def press(page, word):
    page.locator(CELL).get_by_role("button", name=word, exact=True).click()


def outcomes(page):
    return page.locator(f"{CELL} li").evaluate_all("all => all.map(one => one.dataset.outcome)")


@needs_python
def test_nothing_is_loaded_before_the_reader_asks_and_all_of_it_comes_from_the_site(visit, strict):
    seen = visit(f"some/sub/{PAGE}", base=strict)
    page, asked = seen.page, []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(f"{CELL} textarea").wait_for()
    assert [r.url for r in seen.finished if "assets/python" in r.url or "cells/worker" in r.url] == []
    press(page, "Check")
    wait_for(page, "passed")
    assert set(outcomes(page)) == {"passed"}
    assert "passed 100 times" in page.locator(CELL).inner_text()
    assert any(url.endswith("pyodide.asm.wasm") for url in asked)
    assert [url for url in asked if not url.startswith(f"{strict}some/sub/")] == []
    assert not seen.outside
    assert not seen.errors
    with pytest.raises(Exception, match="Content Security Policy"):  # the policy is in force
        page.add_script_tag(content="window.planted = true")


@needs_python
def test_every_mistake_is_caught_with_its_counterexample_on_the_screen(visit, strict):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    seen = visit(PAGE, base=strict, width=390)
    page, cell = seen.page, cells()["17_softmax"]
    for i, wrong in enumerate(cell.broken):
        page.locator(f"{CELL} select").select_option(str(i))
        assert page.locator(f"{CELL} textarea").input_value() == wrong.code.rstrip()
        press(page, "Check")
        wait_for(page, "failed")
        red = [c for c, got in zip(cell.checks, outcomes(page), strict=True) if got == "refuted"]
        assert wrong.claim in {check.claim for check in red}
        shown = page.locator(f"{CELL} li[data-outcome=refuted] pre").first.inner_text()
        assert re.search(r"^\w+ = .+\n\n(left side:  .+\nright side: .+|\w+: .+)", shown), shown
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    results = axe.Axe().run(page, options=WCAG)
    assert [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in results.response["violations"]] == []
    assert not seen.errors


@needs_python
def test_every_solution_passes_and_every_mistake_is_caught_in_the_browser(visit, strict):
    """As on the command line, cell by cell, in one Python."""
    seen = visit(PAGE, base=strict)
    asked = []
    for cell in cells().values():
        checks = {check.claim: [] for check in cell.checks}
        for check in cell.checks:
            checks[check.claim].append({"claim": check.claim, "says": check.says, "code": check.code})
        asked += [(cell.name, "", cell.solution, [c], "passed") for of_claim in checks.values() for c in of_claim]
        asked += [(cell.name, wrong.name, wrong.code, checks[wrong.claim], "refuted") for wrong in cell.broken]
    seen.page.set_default_timeout(0)
    wrong = seen.page.evaluate(
        """async (asked) => {
          const { ask, start } = await import(new URL("../../assets/cells/python.js", location.href));
          await start(() => {});
          const wrong = [];
          for (const [cell, mistake, code, checks, expected] of asked) {
            const found = [];
            const examples = mistake ? 100 : 8; // a mistake ends its own search; solutions are tried more outside
            for (const check of checks) found.push(await ask({ code, check, examples }));
            if (!found.some(({ outcome }) => outcome === expected)) wrong.push([cell, mistake, JSON.stringify(found)]);
          }
          return wrong;
        }""",
        asked,
    )
    assert wrong == []
    assert not seen.errors


@needs_python
def test_a_loop_without_an_end_is_stopped_by_its_reader_and_by_the_limit(visit, strict):
    page = visit(PAGE, base=strict).page
    area = page.locator(f"{CELL} textarea")
    area.fill(LOOP)
    press(page, "Check")
    wait_for(page, "Checking 1")
    page.locator(CELL).get_by_role("button", name="Stop").click()
    wait_for(page, "^Stopped")
    assert outcomes(page)[0] == "stopped"
    press(page, "Check")
    wait_for(page, "Checking 1")
    wait_for(page, "Stopped after 20 seconds", timeout=30_000)
    assert not page.locator(CELL).get_by_role("button", name="Stop").is_visible()
    area.fill("print(6 * 7)")
    press(page, "Run")
    wait_for(page, "Done")
    assert page.locator(f"{CELL} .mc-cell-printed").inner_text().strip() == "42"


@needs_python
def test_code_that_changes_during_its_check_gets_no_verdict(visit, strict):
    page = visit(PAGE, base=strict).page
    area = page.locator(f"{CELL} textarea")
    area.fill(cells()["17_softmax"].solution + "\nimport time\n\ntime.sleep(1)\n")
    press(page, "Check")
    wait_for(page, "Checking 1")
    area.fill("x = 1")
    page.locator(f"{CELL}:not([aria-busy])").wait_for(timeout=STARTED)
    assert set(outcomes(page)) == {""}
    assert page.locator(SAID).inner_text() == ""


@needs_python
def test_code_is_kept_in_the_browser_until_it_is_reset(visit, strict):
    page = visit(PAGE, base=strict).page
    area = page.locator(f"{CELL} textarea")
    whole = area.input_value()
    area.fill("x = 1")
    page.reload()
    assert area.input_value() == "x = 1"
    assert "not checked yet" in page.locator(CELL).inner_text()
    press(page, "Reset")
    assert area.input_value() == whole
    page.reload()
    assert area.input_value() == whole
    assert "passed 100 times" in page.locator(CELL).inner_text()


@needs_python
def test_the_editor_indents_and_lets_the_keyboard_go(visit, strict):
    page = visit(PAGE, base=strict).page
    area = page.locator(f"{CELL} textarea")
    area.fill("")
    area.press_sequentially("if x:\ny\n")
    page.keyboard.press("Tab")
    page.keyboard.type("z")
    assert area.input_value() == "if x:\n    y\n        z"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Run"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+z")
    assert area.input_value() != "if x:\n    y\n        z"
    boxes = page.locator(f"{CELL} .mc-cell-editor > *").evaluate_all(
        "all => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"
    )
    assert boxes[0] == boxes[1], "the letters do not lie over their colours"
    painted = page.locator(f"{CELL} .mc-cell-editor pre").inner_text()
    assert painted.rstrip("\n") == area.input_value().rstrip("\n")


def numbers_of(chapter):
    return [e for e in exercises()[chapter] if e.kind == "number" and len(e.answer) == 1]


def test_an_exercise_is_graded_and_its_progress_kept(visit, strict):
    seen = visit(PAGE, base=strict)
    page, asked = seen.page, numbers_of(17)[0]
    place = page.locator(f"#exercise-{asked.name}")
    said, folds = place.get_by_role("status"), place.locator("details")
    assert folds.locator("visible=true").count() == 1
    place.locator("summary").first.click()
    page.wait_for_function(f"document.querySelectorAll('#exercise-{asked.name} > details:not([hidden])').length > 1")
    place.get_by_role("textbox").fill("12345")
    place.get_by_role("button", name="Check").click()
    assert said.inner_text() == "That is not it yet."
    place.get_by_role("textbox").fill(f"{asked.answer[0]:.6g}".replace(".", ","))
    page.keyboard.press("Enter")
    assert said.inner_text() == "Right."
    assert folds.locator("visible=true").count() == folds.count()
    page.reload()
    assert "solved" in place.locator(".mc-exercise-title").inner_text()
    assert not seen.errors


def test_a_choice_is_graded(visit, strict):
    page = visit(PAGE, base=strict).page
    asked = next(e for e in exercises()[17] if e.kind == "choice")
    place = page.locator(f"#exercise-{asked.name}")
    assert place.locator("input").first.evaluate("e => getComputedStyle(e).opacity") == "1"
    place.get_by_role("button", name="Check").click()
    assert place.get_by_role("status").inner_text() == "Choose one first."
    right = int(asked.answer)
    for i in (right - 1) % len(asked.choices), right:
        place.locator("input").nth(i).check()
        place.get_by_role("button", name="Check").click()
        assert place.get_by_role("status").inner_text().startswith("Right" if i == right else "Not that")


EXERCISES = (ROOT / "docs/assets/cells/exercises.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "right", "within", "said"),
    [
        ("0.73", 0.7311, 0.005, ""),
        ("0,73", 0.7311, 0.005, ""),
        (" 73 % ", 0.7311, 0.005, ""),
        ("3/4", 0.75, 0, ""),
        ("−2", -2, 0, ""),
        ("1e-3", 0.001, 0, ""),
        ("0.7361", 0.7311, 0.005, ""),
        ("0.737", 0.7311, 0.005, "is close"),
        ("2", -2, 0, "has the right size and the wrong sign"),
        ("73", 0.7311, 0.005, "is off by a factor of 100"),
        ("1", 0, 0.01, "is not it yet"),
        ("0.5", 0.7311, 0.005, "is not it yet"),
        ("", 1, 0, "is still empty"),
        ("about 3", 3, 0, "is no number"),
        ("1/0", 3, 0, "is no number"),
    ],
)
def test_a_number_is_read_as_people_write_it(text, right, within, said):
    context = quickjs.Context()
    functions = re.sub(r"^import .*$|^export ", "", EXERCISES, flags=re.MULTILINE).split("for (const exercise of")[0]
    context.eval(functions)
    got = context.eval(f"fault({json.dumps(text)}, {right}, {within})")
    assert got.startswith(said)
    assert bool(got) == bool(said)


def test_without_scripts_and_from_a_disk_a_cell_says_why_it_stands_still(visit, browser):
    still = visit(PAGE, scripts=False).page.locator(CELL)
    assert "Nothing runs here without scripts" in still.inner_text() or "without Python" in still.inner_text()
    for words in (cells()["17_softmax"].defines[0], "passed 100 times", "mistakes that the checks catch"):
        assert words in still.inner_text()
    context = browser.new_context()
    page, errors = context.new_page(), []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto((SITE / PAGE).as_uri())
    if (SITE / "assets/python").exists():
        page.locator(f"{CELL} .mc-cell-why", has_text="read from a disk").wait_for()
    place = page.locator(f"#exercise-{numbers_of(17)[0].name}")
    place.get_by_role("button", name="Check").click()
    assert place.get_by_role("status").inner_text() == "That is still empty."
    assert not errors
    context.close()


@needs_python
def test_the_site_has_the_very_engine_and_the_licences_and_its_archive_has_no_python():
    judge = (ROOT / "mathcore/exercises/engine.py").read_bytes()
    assert (SITE / "assets/python/engine.py").read_bytes() == judge
    said = (SITE / "assets/python/LICENSES.txt").read_text(encoding="utf-8")
    for name in (python_in_pages.PYODIDE, *python_in_pages.WHEELS):
        assert name in said
    assert "Mozilla Public License" in (SITE / "assets/python/LICENSE.hypothesis").read_text(encoding="utf-8")
    with zipfile.ZipFile(SITE / "site.zip") as whole:
        assert [name for name in whole.namelist() if "assets/python" in name] == []


def test_a_file_that_was_not_pinned_is_refused(monkeypatch, tmp_path):
    def take(command, work):
        (work / "pyodide-314.0.7.tgz").write_bytes(b"something else")

    monkeypatch.setattr(python_in_pages, "_run", take)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(ValueError, match="is not the file that was pinned"):
        python_in_pages.fetch(tmp_path)
    assert python_in_pages.published(tmp_path) == {}


def test_without_npm_the_site_says_so_aloud(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="npm"):
        python_in_pages.fetch(tmp_path)
    assert python_in_pages.published(tmp_path) == {}
    assert "THE CELLS OF THE SITE WILL NOT RUN" in capsys.readouterr().err


def test_the_wheel_is_on_the_site_with_the_exercises(visit):
    name = f"mathcore-{mathcore.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(SITE / name) as wheel:
        inside = set(wheel.namelist())
    here = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "mathcore/exercises").rglob("*.*")
        if "__pycache__" not in p.parts
    }
    assert here <= inside
    seen = visit("install/index.html")
    line = seen.page.locator(".mc-install code").inner_text().strip()
    address = re.fullmatch(r"pip install 'mathcore\[verify\] @ (.+)'", line)[1]
    assert seen.page.request.get(address).body() == (SITE / name).read_bytes()
    still = visit("install/index.html", scripts=False).page.locator(".mc-install")
    assert f"pip install './{name}[verify]'" in still.inner_text()
    assert still.locator(f"a[href$='{name}']").count() == 1
