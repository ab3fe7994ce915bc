"""The recorded runs on other libraries, and the command that makes them. No library is needed here."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from _site import conformance_page
from _site.model import Report, SiteError

from conformance.library import HERE, JUDGEMENTS, RESULTS, names, notes_of
from conformance.results import SCHEMA, to_text
from conformance.standalone import standalone
from mathcore.verify import catalogue

ROOT = Path(__file__).parents[1]
FILES = sorted(RESULTS.glob("*.json"))
CLAIMS = {claim.id for claim in catalogue()}
EMPTY = Report({}, 0, "quick", "mathcore", 0.0, "", (), "", "")

each_result = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_there_are_results():
    assert len(FILES) >= 10
    assert {file.stem for file in FILES} <= set(names())


@each_result
def test_a_result_is_whole_and_as_the_command_wrote_it(file):
    text = file.read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["schema"] == SCHEMA
    assert text == to_text(data)
    assert data["library"] == file.stem
    assert data["command"].startswith(f"conformance/run {file.stem} --{'profile' if data['claims'] else 'detect'}")
    assert "--claim" not in data["command"]  # a trial is no result
    assert set(data["environment"]) == {"python", "cpu", "numpy", "hypothesis", "mathcore"}
    assert all(data["versions"].values())
    refuted = {claim for claim, verdict in data["claims"].items() if verdict["outcome"] == "refuted"}
    assert refuted == set(data["refutations"])
    assert set(data["claims"]) <= CLAIMS
    for verdict in data["claims"].values():
        assert verdict["outcome"] in ("holds", "in part", "refuted", "inconclusive")
        assert verdict["outcome"] == "refuted" or verdict["worst"] is None or verdict["worst"] <= 1


@each_result
def test_a_result_names_no_place_of_the_machine_it_was_made_on(file):
    assert not re.search(r"/(tmp|home|root|work|usr|opt)/|site-packages|localhost", file.read_text(encoding="utf-8"))


@each_result
def test_every_refutation_was_looked_at_and_fails_again_by_its_script(file):
    data, notes = json.loads(file.read_text(encoding="utf-8")), notes_of(file.stem)
    if data["refutations"]:
        assert dict(notes.checked) == data["versions"]
    for claim, found in data["refutations"].items():
        note = notes.about(claim)
        assert note is not None, f"nobody has looked at {claim} of {file.stem}"
        assert note[0] in JUDGEMENTS
        assert found["reproduced"] or not found["script"], claim
        assert "mathcore" not in re.sub(r"^\"\"\".*?\"\"\"", "", found["script"], flags=re.DOTALL)


@pytest.mark.parametrize("file", sorted(HERE.glob("*.toml")), ids=lambda file: file.stem)
def test_every_note_is_about_a_refutation(file):
    seen = json.loads((RESULTS / f"{file.stem}.json").read_text(encoding="utf-8"))["refutations"]
    notes = notes_of(file.stem)
    used = {next(pattern for pattern in notes.entries if notes.about(c) == notes.entries[pattern]) for c in seen}
    assert set(notes.entries) == used


@each_result
def test_declared_conventions_are_those_that_were_detected(file):
    data = json.loads(file.read_text(encoding="utf-8"))
    found = {o["convention"]: str(o["value"]) for o in data["detected"] if o["value"] is not None}
    for name, declared in data["declared"].items():
        if name == "errors" or (name == "rope_angles" and data["refutations"]):
            continue  # detected of softmax alone; angles worse than declared are what the claims refute
        assert found.get(name, found.get("rope_phase") if name == "rope_angles" else declared) == declared


def test_the_pages_show_every_library_every_refutation_and_every_convention():
    libraries = conformance_page.read_libraries(ROOT)
    page = conformance_page.conformance(libraries, EMPTY, "conformance.md")
    refuted = conformance_page.refutations(libraries, EMPTY)
    assert "unexamined" not in "".join([page, *refuted.values()])
    anchors = {f"conformance/{library.name}.md": [] for library in libraries if library.refutations}
    for library in libraries:
        assert f"| {library.title} | {library.version} |" in page
        for claim in library.refutations:
            assert refuted[library.page].count(f"`{claim}`") >= 1
    for path, text in refuted.items():
        anchors[path] = re.findall(r"\{ #([\w-]+) \}", text)
        assert len(anchors[path]) == len(set(anchors[path]))
    for path, anchor in re.findall(r"\]\((conformance/\w+\.md)(?:#([\w-]+))?\)", page):
        assert path in anchors
        assert not anchor or anchor in anchors[path]
    for name in ("mask_polarity", "causal_alignment", "rope_pairing", "linear_weight", "attention_of_nothing"):
        table = conformance_page.convention(name, libraries)
        assert len({row.split("|")[4] for row in table.splitlines()[2:]}) >= 2, f"nobody disagrees about {name}"


def test_a_convention_that_nobody_was_asked_about_stops_the_build():
    with pytest.raises(SiteError, match="nothing"):
        conformance_page.convention("nothing", ())


FAKE = '''
    """A softmax of its own."""

    import numpy as np

    from mathcore.verify import Target
    from mathcore.verify.errors import NotTriedError

    PACKAGES = ("numpy",)
    NAMES = {"softmax": "fake.softmax"}


    def powers(x):
        return np.exp(x)


    def softmax(x, axis=-1):
        if x.size == 0:
            raise NotTriedError("softmax", "nothing")
        return powers(x) / powers(x).sum(axis, keepdims=True)


    TARGET = Target.numpy("Fake", softmax=softmax, dtypes=("float64",))
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fakelib.py").write_text(textwrap.dedent(FAKE).lstrip())
    return tmp_path


def conformance(folder, *words):
    command = [sys.executable, "-m", "conformance", *words, "--modules", folder, "--results", folder / "results"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_a_run_from_end_to_end(folder):
    ran = conformance(folder, "fakelib", "--claim", "softmax.never_overflows", "--claim", "softmax.shift_invariant")
    assert ran.returncode == 1, ran.stderr
    assert "fakelib: softmax.never_overflows" in ran.stderr  # nobody has looked at it
    text = (folder / "results" / "fakelib.json").read_text(encoding="utf-8")
    data = json.loads(text)
    assert text == to_text(data)
    found = data["refutations"]["softmax.never_overflows"]
    assert found["reproduced"]
    assert "mathcore" not in found["script"]
    assert "def powers" in found["script"]
    assert "NotTried" not in found["script"]
    assert data["operations"] == {"softmax": "fake.softmax"}
    assert [o["value"] for o in data["detected"] if o["convention"] == "softmax_of_nothing"] == ["nan"]
    assert str(folder) not in text


def test_a_trial_does_not_replace_a_result(folder):
    command = [sys.executable, "-m", "conformance", "fakelib", "--claim", "softmax.sums_to_one", "--modules", folder]
    kept = RESULTS / "fakelib.json"
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert "fakelib: 1 claims" in ran.stdout
        assert not kept.exists()
    finally:
        kept.unlink(missing_ok=True)


def test_a_note_settles_a_refutation_in_the_versions_that_were_looked_at(folder):
    import numpy as np

    entry = '["softmax.*"]\nis = "defect"\nbecause = "It overflows."\n'
    for version, code in ((np.__version__, 0), ("0.1", 1)):
        (folder / "fakelib.toml").write_text(f'{entry}\n[checked]\nnumpy = "{version}"\n')
        assert conformance(folder, "fakelib", "--claim", "softmax.never_overflows").returncode == code


def test_a_library_that_is_not_there_is_said_so(folder):
    (folder / "elsewhere.py").write_text("import no_such_library\n")
    for name, words in (("elsewhere", "`no_such_library`, which is not installed"), ("nobody", "no library is called")):
        ran = conformance(folder, name)
        assert ran.returncode == 2
        assert words in ran.stderr


@pytest.mark.parametrize("note", ['is = "fine"\nbecause = "So."', 'is = "defect"', 'is = "defect"\nbecause = " "'])
def test_a_note_without_a_judgement_or_a_sentence_is_refused(folder, note):
    (folder / "fakelib.toml").write_text(f'["softmax.accuracy"]\n{note}\n')
    with pytest.raises(ValueError, match=re.escape("softmax.accuracy")):
        notes_of("fakelib", folder)


def test_a_script_that_takes_nothing_from_a_module_of_ours_stays_as_it_is():
    script = '"""a: b."""\n\nimport numpy as np\n\nfrom numpy import exp as softmax\n\nsoftmax(1)\n'
    assert standalone(script, json) == script
