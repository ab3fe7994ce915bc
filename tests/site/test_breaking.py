"""The panel "Break it": which wrong implementations a chapter shows, and that it says of them what the run found."""

import json
import re

import pytest
from _site import breaking
from _site.model import SiteError, read_breaks
from _site.wrong_code import code_of, names_not_defined, without_types
from built import SITE

from mathcore.verify.claims import Mutant

CHAPTER = "learn/17-softmax/index.html"
SHOWN = re.compile(r'<details[^>]*data-wrong="(\w+):(\w+)"[^>]*>(.*?)</details>', re.DOTALL)


@pytest.fixture(scope="module")
def softmax():
    return dict(breaking._by_chapter(["faq17"]))[17]


def test_a_chapter_shows_a_few_each_once_the_special_before_the_general(softmax):
    tasks = breaking.chosen(17, softmax)
    wrong = [next(c for c in softmax if c.id == task.claim).refuted_by[task.place] for task in tasks]
    assert len(tasks) == len({(w.operation, w.name) for w in wrong}) == breaking.MOST
    general = [code_of(w).general for w in wrong]
    assert general == sorted(general)
    assert len({task.claim for task in tasks}) > breaking.MOST // 2


def test_a_reader_has_what_the_wrong_code_calls():
    """All but imports, and how a mutant is told from others."""
    known = {"np", "math", "re", "Fraction", "family", "Mutant", "HEADS"}
    for faq, claims in breaking._by_chapter(()):
        for task in breaking.chosen(faq, claims):
            wrong = next(c for c in claims if c.id == task.claim).refuted_by[task.place]
            code = code_of(wrong)
            whole = f"{code.text}\n\n{code.calls}"
            assert set(names_not_defined(whole)) <= known, (faq, wrong.name)
            assert not re.search(r": Any\b|-> ", whole), (faq, wrong.name)


def test_types_are_taken_out_and_nothing_else():
    text = 'def f(x: dict[str, Any], *, λ: float = 0.5) -> Any:\n    y: int = 3  # : Any\n    return {"a": x}[y]'
    assert without_types(text) == 'def f(x, *, λ=0.5):\n    y = 3  # : Any\n    return {"a": x}[y]'


def test_what_is_right_is_not_shown_as_wrong(softmax, monkeypatch):
    task = breaking.chosen(17, [c for c in softmax if c.id == "softmax.three_steps"])[0]
    found = breaking.try_one(task, ["softmax.three_steps"])
    assert found["finding"]["inputs"]
    assert found["refuted_by"] == found["asked"] == ["softmax.three_steps"]
    assert read_breaks([found])
    monkeypatch.setattr(Mutant, "of", lambda wrong, target: target)
    monkeypatch.setattr(breaking, "_LOOKS", (0.2,))
    with pytest.raises(SiteError, match="no failing input was found for softmax: "):
        read_breaks([breaking.try_one(task, ["softmax.three_steps"])])


def disagreements(page, report):
    """Where the panels of a page say something else than the run of the claims."""
    by_id = {claim["id"]: claim for claim in report["claims"]}
    wrong = []
    for operation, name, body in SHOWN.findall(page):
        red, _, rest = body.partition("</ul>")
        said = set(re.findall(r"/claims/([\w.]+)/", red))
        caught = {i for i in said if by_id[i]["mutants"].get(name)}
        missed = {i for i in re.findall(r"/claims/([\w.]+)/", rest) if by_id[i]["mutants"].get(name)} - said
        if not caught or missed or any(operation not in by_id[i]["needs"] for i in said):
            wrong.append(f"{operation}:{name}: {sorted(said)}, missed {sorted(missed)}")
        if "is false" not in body:
            wrong.append(f"{operation}:{name}: no input")
    return wrong


def test_the_panels_agree_with_the_run():
    report = json.loads((SITE / "claims.json").read_text(encoding="utf-8"))
    chapters = sorted((SITE / "learn").glob("[0-9]*/index.html"))
    pages = {path.parent.name: path.read_text(encoding="utf-8") for path in chapters}
    asked = {f"{claim['faq']:02}" for claim in report["claims"] if claim["faq"]}
    assert {name[:2] for name, page in pages.items() if SHOWN.search(page)} == asked
    assert not [wrong for page in pages.values() for wrong in disagreements(page, report)]
    page = pages["17-softmax"]
    assert disagreements(page.replace("is false", "is true"), report)
    first = SHOWN.search(page)[2]
    assert disagreements(page.replace(f":{first}", ":nobody"), report)


def second_reading(visit, **how):
    """The chapter with the part unfolded in which the panel stands."""
    seen = visit(CHAPTER, **how)
    seen.page.locator("details.mc-second > summary").click()
    return seen


def test_a_wrong_implementation_is_chosen_by_keyboard(visit):
    seen = second_reading(visit, width=390)
    menu = seen.page.get_by_label("Wrong implementation")
    panels = seen.page.locator(".mc-break > details")
    count = menu.locator("option").count()
    assert count == panels.count() > 3
    shown = []
    for i in range(count):
        assert [panels.nth(k).is_visible() for k in range(count)] == [k == i for k in range(count)]
        assert panels.nth(i).locator("pre").first.is_visible()
        shown.append(panels.nth(i).locator("code").first.text_content())
        menu.press("ArrowDown")
    assert len(set(shown)) == count
    assert re.fullmatch(r"\d+ of \d+ claims? red", seen.page.locator(".mc-break [role=status]").text_content())
    assert not seen.errors


def test_without_scripts_wrong_implementations_are_a_list_that_opens(visit):
    seen = second_reading(visit, scripts=False)
    assert not seen.page.get_by_label("Wrong implementation").is_visible()
    last = seen.page.locator(".mc-break > details").last
    assert not last.locator("pre").first.is_visible()
    last.locator("summary").first.click()
    assert last.locator("pre").first.is_visible()
