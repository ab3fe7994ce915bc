"""What is made of the chapters: the map, the notebooks, the kernel that is mended, the functions at a glance."""

import base64
import dataclasses
import html
import inspect
import json
import os
import re
import subprocess
import sys
import zipfile
from xml.etree import ElementTree

import pytest
from _site import argument_page, children, course, kernel_page, notebook, notebook_cells
from _site.model import SiteError
from built import ROOT, SITE
from mkdocs.utils.meta import get_data

import mathcore
from mathcore.exercises import cells, exercises

CHAPTERS = course.read_chapters(ROOT / "docs")
LEFT_OVER = (
    r"<!-- site|mc-|\{ [.#]|<[^>]* markdown\b|\]\[|\]\((?!\d\d-[\w-]+(?:\.ipynb|/index\.html)\)|attachment:|https://)"
)
NOTEBOOKS = sorted((SITE / "learn").glob("*.ipynb"))


def test_the_map_and_the_list_say_what_the_chapters_say():
    page = (SITE / "learn/index.html").read_text("utf-8")
    arcs = sorted(tuple(map(int, pair)) for pair in re.findall(r'data-needs="(\d+)-(\d+)"', page))
    assert arcs == sorted((needed, faq) for faq, chapter in CHAPTERS.items() for needed in chapter.needs)
    said = {
        int(path): [int(n) for n in re.findall(r"\d+", needs)]
        for path, needs in re.findall(r'<li><a href="(\d\d)-[^<]*</a> <span[^>]*>[^<]*?builds on ([\d, ]+)', page)
    }
    assert said == {faq: list(chapter.needs) for faq, chapter in CHAPTERS.items() if chapter.needs}
    assert all(f'data-chapter="{faq}"' in page and chapter.answer for faq, chapter in CHAPTERS.items())


def test_groups_and_answers_are_those_of_the_chapters():
    groups = course.grouped(CHAPTERS)
    assert [chapter.faq for _, chapters in groups for chapter in chapters] == sorted(CHAPTERS)
    assert [title for title, _ in course.grouped({9: CHAPTERS[9]})] == [groups[1][0]]
    lead = "# Why?\n\nBecause: e.g.\nso.\n<!-- site: unclaimed example -->\nA *second* one.\n{ .mc-lead }\n\nMore."
    chapter = course.Chapter(1, "a.md", "A", (), lead)
    assert chapter.answer == "Because: e.g. so. A *second* one."
    assert dataclasses.replace(chapter, told="It is.").answer == "It is."
    long = dataclasses.replace(chapter, text=lead.replace("A *second*", f"A {'very ' * 40}long"))
    assert long.answer == "Because: e.g. so."


def test_reading_takes_as_long_as_what_is_not_folded():
    def minutes(text):
        return course.Chapter(1, "a.md", "A", (), text).minutes

    assert minutes("word " * 200) == 1
    assert minutes("word " * 201) == 2
    assert minutes("word " * 200 + "\n```\n" + "code " * 300 + "\n```\n") == 1
    assert minutes("word " * 200 + '\n<details class="mc-second" markdown>' + "word " * 300) == 1


@pytest.mark.parametrize("needs", ["", "needs: [2]\n", "needs: [9]\n"])
def test_a_chapter_needs_earlier_ones(tmp_path, needs):
    (tmp_path / "learn").mkdir()
    (tmp_path / "learn/01-a.md").write_text(f"---\nfaq: 1\n{needs}title: A\n---\n")
    with pytest.raises(SiteError, match="must say `needs:"):
        course.read_chapters(tmp_path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("answer: It is: a sum.", r"the front matter of 01-a\.md is not YAML: mapping values"),
        ("- a", r"01-a\.md is not YAML"),
        ("answer: 4", r"01-a\.md must say .* in words, got .*4"),
        ("title: ", r"01-a\.md must say its title"),
    ],
)
def test_front_matter_that_would_be_read_otherwise_stops_the_build(tmp_path, line, complaint):
    (tmp_path / "learn").mkdir()
    page = tmp_path / "learn/01-a.md"
    page.write_text(f"---\nfaq: 1\nneeds: []\ntitle: A\n{line}\n---\n# Why?\n")
    with pytest.raises(SiteError, match=complaint):
        course.read_chapters(tmp_path)
    page.write_text("---\n- a\n---\n")
    with pytest.raises(SiteError, match="must have names and values"):
        course.read_chapters(tmp_path)


@pytest.mark.parametrize("faq", sorted(CHAPTERS))
def test_a_chapter_is_read_as_mkdocs_reads_it(faq):
    chapter = CHAPTERS[faq]
    text, meta = get_data((ROOT / "docs" / chapter.path).read_text("utf-8"))
    assert meta.get("answer", chapter.answer) == chapter.answer
    assert (meta["title"], tuple(meta["needs"]), text) == (chapter.title, chapter.needs, chapter.text.lstrip("\n"))


def test_every_chapter_has_a_notebook_that_is_valid():
    nbformat = pytest.importorskip("nbformat")
    assert len(NOTEBOOKS) == len(CHAPTERS)
    for path in NOTEBOOKS:
        whole = json.loads(path.read_text("utf-8"))
        nbformat.validate(whole)
        link = f'href="../{path.name}"'
        assert link in (path.with_suffix("") / "index.html").read_text("utf-8")
        text = "".join("".join(cell["source"]) for cell in whole["cells"] if cell["cell_type"] == "markdown")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        assert not re.search(LEFT_OVER, prose), path.name
    whole["cells"][0]["cell_type"] = "prose"
    with pytest.raises(nbformat.ValidationError):
        nbformat.validate(whole)


@pytest.mark.parametrize(
    "text", ["<!-- site: x -->", "{ .x }", "{ #x }", "<p markdown>", '<p markdown="span">', "[x][y]", "[x](17-x.md)"]
)
def test_what_only_the_site_understands_is_found(text):
    assert re.search(LEFT_OVER, f"Words {text}, words")
    assert not re.search(LEFT_OVER, "Words [x](17-softmax.ipynb), [x](17-softmax/index.html), ![x](attachment:x.svg)")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel of the site installs, and nothing else of this repository."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(SITE / f"mathcore-{mathcore.__version__}-py3-none-any.whl") as wheel:
        wheel.extractall(folder)
    return folder


def differences(path, installed):
    """What a notebook shows and its code does not give, in a Python that was just started."""
    command = [sys.executable, ROOT / "tests/site/run_notebook.py", path]
    around = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=installed, env=around, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_its_code_gives(path, installed):
    assert differences(path, installed) == []


def outputs(whole, kind):
    return [o for cell in whole["cells"] for o in cell.get("outputs", ()) if o["output_type"] == kind]


def test_another_output_and_an_error_that_stops_are_noticed(installed, tmp_path):
    whole = json.loads((SITE / "learn/16-row-or-column.ipynb").read_text("utf-8"))
    outputs(whole, "stream")[-1]["text"][0] += "!"
    outputs(whole, "execute_result")[0]["data"]["text/plain"] = ["another"]
    outputs(whole, "error")[0]["evalue"] = "another"
    empty = next(cell for cell in whole["cells"] if cell.get("source") == [])
    empty["source"] = ["1 / 0"]
    changed = tmp_path / "changed.ipynb"
    changed.write_text(json.dumps(whole), "utf-8")
    assert len(differences(changed, installed)) == 4


def test_pictures_of_notebooks_have_the_colours_of_the_bright_page():
    style = (ROOT / "docs/assets/site.css").read_text("utf-8")
    bright = style.partition('[data-md-color-scheme="default"] {')[2].partition("}")[0]
    colours = dict(re.findall(r"--mc-(\w+): (#\w+);", bright))
    assert {role: colours[role] for role in notebook_cells._COLOURS} == notebook_cells._COLOURS


def test_a_notebook_has_cells_exercises_pictures_and_a_way_to_the_figures():
    whole = json.loads((SITE / "learn/17-softmax.ipynb").read_text("utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in whole["cells"] if cell["cell_type"] == "markdown")
    code = ["".join(cell["source"]) for cell in whole["cells"] if cell["cell_type"] == "code"]
    softmax = cells()["17_softmax"]
    assert softmax.start.strip() in code
    assert 'check("17_softmax")' in code
    assert all(any(check.says in "".join(o["text"]) for o in outputs(whole, "stream")) for check in softmax.checks)
    assert re.findall(r"\*\*Exercise (\d+)\.", text) == [str(i) for i, _ in enumerate(exercises()[17], 1)]
    for asked in exercises()[17]:
        assert asked.ask in text
        assert asked.explain in text
    assert text.count("<details>") == text.count("</details>") == sum(len(e.hints) + 1 for e in exercises()[17])
    assert (SITE / "learn" / re.search(r"\]\((17-softmax/index\.html)\)", text)[1]).exists()
    (picture,) = [cell for cell in whole["cells"] if "attachments" in cell]
    svg = base64.b64decode(picture["attachments"]["temperatures.svg"]["image/svg+xml"]).decode()
    assert "attachment:temperatures.svg" in "".join(picture["source"])
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in svg


def test_what_is_printed_or_raised_is_no_value():
    def output(got, raised=False, value=False):
        (only,) = notebook._output({"source": "f()\n", "got": got, "raised": raised, "value": value})
        return only

    assert output("1\n") == {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
    assert output("1\n", value=True)["output_type"] == "execute_result"
    assert output("a.NoError: no: not\n", raised=True)["ename"] == "NoError"
    assert output("NoError: no: not\n", raised=True)["evalue"] == "no: not"


def test_the_page_of_a_kernel_has_both_runs():
    page = html.unescape(re.sub(r"<[^>]+>", "", (SITE / "run/index.html").read_text("utf-8")))
    assert "softmax.shift_invariant: refuted" in page
    assert page.index("Exit status 1: a claim is refuted") < page.index("Exit status 0: every claim that ran holds")
    assert "hll" in (SITE / "run/index.html").read_text("utf-8")


def test_a_kernel_that_passes_where_it_should_fail_stops_the_build(monkeypatch):
    runs = {"failing": {"status": 0}, "fixed": {"status": 0}}
    monkeypatch.setattr(children, "_remembered", lambda *_, **__: json.dumps(runs))
    with pytest.raises(SiteError, match="must fail and pass"):
        children.run_kernels(ROOT)


def test_the_new_lines_of_a_kernel_are_marked():
    kernels = {"failing": {"source": "a\nb\nc\n"}, "fixed": {"source": "a\nB\nc\nd\n"}}
    assert 'hl_lines="2 4"' in kernel_page.listing(kernels, "fixed")
    assert "hl_lines" not in kernel_page.listing(kernels, "failing")


def unlisted(page, names):
    """The names that a page lacks, or shows with other arguments."""
    plain = "".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())
    return [name for name in names if f"{name}({_first(name)}" not in plain]


def _first(name):
    arguments = list(inspect.signature(getattr(mathcore, name)).parameters.values())
    return str(arguments[0]).partition(":")[0].strip("'\"") if arguments else ""


def test_every_function_is_on_the_page():
    page = "".join(path.read_text("utf-8") for path in sorted((SITE / "import").glob("*/index.html")))
    names = [name for name in mathcore.__all__ if callable(getattr(mathcore, name))]
    assert set(mathcore.__all__) - set(names) == {"course"}
    assert not unlisted(page, names)
    assert unlisted(page.replace("rms_norm", "rms"), names)
    carried = re.findall(r"as <a href=\"\.\./\.\./claims/([\w.]+)/index\.html\">", page)
    report = {c["id"]: c for c in json.loads((SITE / "claims.json").read_text("utf-8"))["claims"]}
    assert carried
    assert all(report[name]["tolerance"] for name in carried)


def test_every_argument_is_on_its_page():
    cells = [
        {"function": f, "parameter": p, "kind": k, "outcome": o, "text": t}
        for f, p, k, o, t in (
            ("f", "x", "None", "refused", "TypeError: `x` must be <floats>, got None"),
            ("f", "x", "a set", "refused", "TypeError: `x` must be <floats>, got set"),
            ("f", "n", "1", "accepted", "a number"),
            ("g", "n", "1", "raw", "KeyError: n"),
        )
    ]
    page = argument_page.overview(cells)
    assert "2 functions, 3 kinds of argument, 4 calls: 1 accepted with a meaning, 2 refused" in page
    assert "1 anything else" in page
    assert "TypeError, <code>x must be &lt;floats&gt;</code>: None, a set" in page
    assert page.count("<details") == page.count("</details>") == 2
