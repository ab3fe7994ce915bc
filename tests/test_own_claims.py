"""Claims that are not mathcore's: the page that builds some, and what is said of those that are wrong."""

import ast
import doctest
import importlib
import io
import json
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mathcore.cli import main
from mathcore.verify import (
    Claim,
    Operation,
    Target,
    catalogue,
    draw_array,
    equal,
    every_law,
    parametrize_claims,
    verify,
)
from mathcore.verify.records import record_of, register
from mathcore.verify.run.given import given_claims, names_of
from mathcore.verify.run.mutation import kill_matrix

PAGE = (Path(__file__).parent.parent / "docs" / "claims-of-your-own.md").read_text("utf-8")
FILES = re.findall(r'^```python title="([^"]+)"\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE)
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
QUICK = ("--profile", "quick", "--seed", "0")
MINE = ("--claims", "swiglu_claims", "fused_swiglu=kernels:fused_swiglu")
LAWS = ("layout_free", "pure", "any_width", "many_rows", "rows_are_independent", "keeps_dtype")

WRONG = """
import kernels
import numpy as np


def overflows(gate, up):
    g = gate.astype(np.result_type(gate, np.float32))
    with np.errstate(all="ignore"):
        return (g * (np.exp(g) / (1 + np.exp(g))) * up).astype(gate.dtype)


def column(gate, up):
    return kernels.fused_swiglu(gate, up)[..., :1]


def nothing(gate, up):
    return None
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of the page, each made of its blocks in order, and wrong kernels."""
    folder = tmp_path_factory.mktemp("own")
    for name, text in FILES:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f"\n\n{text}" if file.tell() else text)
    (folder / "wrong_kernels.py").write_text(WRONG, "utf-8")
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def run(here):
    def run(*args):
        return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(main, args)

    return run


def lines_of_code(text):
    """The lines that hold code: no blank ones, comments or docstrings."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    held = {
        line for t in tokens if t.type not in NO_CODE and t.string.strip() for line in range(t.start[0], t.end[0] + 1)
    }
    documented = (n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Module, ast.FunctionDef, ast.ClassDef)))
    docs = (n.body[0] for n in documented if ast.get_docstring(n) is not None)
    return len(held - {line for doc in docs for line in range(doc.lineno, (doc.end_lineno or doc.lineno) + 1)})


def test_lines_of_code_are_counted_without_what_explains_them():
    assert (
        lines_of_code(
            'def f():\n    """One.\n\n    Two.\n    """\n\n    # why\n    return (\n        """x\n"""\n    )\n'
        )
        == 5
    )


def test_the_page_needs_no_more_than_forty_lines():
    [first, *_] = [text for name, text in FILES if name == "swiglu_claims.py"]
    assert lines_of_code(first) <= 40


def test_the_page_shows_what_is_printed(run):
    result = run("verify", *QUICK, *MINE, "--workers", "1")
    assert result.exit_code == 0, result.output
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    assert shown == [f"fused_swiglu.{law}{' ' * (22 - len(law))}holds" for law in LAWS]
    assert [line for line in shown if line not in result.output] == []
    assert "fused_swiglu.closed_gate" in result.output
    assert "7 claims on kernels:fused_swiglu: 7 holds" in result.output


def test_every_mutant_of_the_page_is_caught(run):
    result = run(
        "verify", *QUICK, *MINE, "--self-test", "--workers", "1", "fused_swiglu.any_width", "fused_swiglu.closed_gate"
    )
    assert result.exit_code == 0, result.output
    assert "3 wrong implementations, 3 of 3 refutations" in result.output


def test_a_mutant_that_the_claims_do_not_see_survives(here):
    text = Path("swiglu_claims.py").read_text("utf-8")
    assert text.count(", 2.0**5, 2.0**10]") == 1
    text = text.replace(", 2.0**5, 2.0**10]", "]").replace("fused_swiglu", "narrow").replace("swiglu", "narrow")
    Path("narrow_claims.py").write_text(text, "utf-8")
    matrix, _ = kill_matrix("narrow.any_width", reference=narrow(), claims="narrow_claims", workers=1)
    assert matrix["narrow: overflows"] == {"narrow.any_width": False}
    assert matrix["narrow: halves_swapped"] == {"narrow.any_width": True}


def narrow():
    return Target.numpy("mine", narrow=importlib.import_module("kernels").fused_swiglu)


def test_a_reference_must_be_there_and_right(run):
    lacking = run("verify", *QUICK, "--claims", "swiglu_claims", "--self-test", "fused_swiglu.pure")
    assert lacking.exit_code == 2
    assert "made of a correct `fused_swiglu`, which mathcore does not have" in lacking.output
    wrong = ("--claims", "swiglu_claims", "fused_swiglu=wrong_kernels:overflows", "--self-test", "--workers", "1")
    refuted = run("verify", *QUICK, *wrong, "fused_swiglu.any_width")
    assert refuted.exit_code == 2
    assert "the mutants of `fused_swiglu.any_width` are made of what is no correct one" in refuted.output


def test_a_wrong_kernel_is_refuted_with_a_script_that_fails_as_it_does(run, here):
    wrong = ("--claims", "swiglu_claims", "fused_swiglu=wrong_kernels:overflows", "fused_swiglu.any_width")
    result = run("verify", *QUICK, *wrong, "--json", "v.json", "--workers", "1")
    assert result.exit_code == 1
    [claim] = json.loads(Path("v.json").read_text("utf-8"))["claims"]
    script = claim["failure"]["script"]
    assert "nan" in claim["failure"]["lhs"]
    assert ends(script, here) == 1
    assert ends(script.replace("from wrong_kernels import overflows", "from kernels import fused_swiglu"), here) == 0
    assert claim["command"].startswith(
        "mathcore verify fused_swiglu.any_width --claims swiglu_claims fused_swiglu=wrong_kernels:overf"
    )


def ends(script, folder):
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, check=False)
    return done.returncode


@pytest.mark.parametrize(
    ("kernel", "said"),
    [("column", "returned the shape (1, 1), expected (1, 2)"), ("nothing", "returned None, expected an array")],
)
def test_the_record_says_what_an_answer_looks_like(here, kernel, said):
    target = Target.numpy("wrong", fused_swiglu=getattr(importlib.import_module("wrong_kernels"), kernel))
    [(_, result)] = verify(target, "fused_swiglu.many_rows", claims="swiglu_claims", profile="quick", seed=0).results
    assert result.outcome == "refuted"
    assert said in re.sub(r"shape \(\d+, \d+\), expected \(\d+, \d+\)", "shape (1, 1), expected (1, 2)", result.detail)


def test_workers_find_the_claims_again(run, here):
    names = ("fused_swiglu.closed_gate", "fused_swiglu.pure")
    result = run("verify", *QUICK, *MINE, *names, "--workers", "2", "--json", "v.json")
    assert result.exit_code == 0, result.output
    report = json.loads(Path("v.json").read_text("utf-8"))
    assert [claim["id"] for claim in report["claims"]] == ["fused_swiglu.pure", "fused_swiglu.closed_gate"]
    assert {claim["topic"] for claim in report["claims"]} == {"fused_swiglu"}
    assert report["claims"][0]["tolerance"][0]["derivation"].startswith("An exponential, off by E ulp")
    assert report["subject"]["operations"] == ["fused_swiglu"]


def test_restrictions_hold_for_an_operation_of_ones_own(run):
    result = run("verify", *QUICK, *MINE, "fused_swiglu.rows_are_independent", "--finite", "--workers", "1")
    assert "NaN and infinities" in result.output


def test_the_same_on_tensors(run):
    pytest.importorskip("torch")
    result = run("verify", *QUICK, "--claims", "swiglu_claims", "--target", "torch_kernels:TARGET", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert "7 claims on fused: 7 holds" in result.output


def test_mutants_are_made_of_a_kernel_on_tensors_as_well(here):
    pytest.importorskip("torch")
    matrix, _ = kill_matrix(
        "fused_swiglu.keeps_dtype", reference="torch_kernels:TARGET", claims="swiglu_claims", workers=1
    )
    assert [all(row.values()) for row in matrix.values()] == [True, True]


def test_in_a_test_suite(here):
    kernels, swiglu_claims = map(importlib.import_module, ("kernels", "swiglu_claims"))
    target = Target.numpy("mine", fused_swiglu=kernels.fused_swiglu, softmax=lambda x: x)
    for claims in ("swiglu_claims", swiglu_claims, [*swiglu_claims.LAWS, swiglu_claims.closed]):
        mark = parametrize_claims(target, claims=claims)
        assert sorted(check.id for check in mark.args[1]) == sorted(
            ["fused_swiglu.closed_gate", *(f"fused_swiglu.{n}" for n in LAWS)]
        )
    assert next(c for c in mark.args[1] if c.id == "fused_swiglu.pure").values[0]().outcome == "holds"
    chosen = parametrize_claims(target, "softmax.sums_to_one", "fused_swiglu.pure", claims="swiglu_claims")
    assert [check.id for check in chosen.args[1]] == ["softmax.sums_to_one", "fused_swiglu.pure"]


def test_the_sessions_of_the_page_run(here):
    [session] = re.findall(r"```pycon\n(.*?)```", PAGE, re.DOTALL)
    test = doctest.DocTestParser().get_doctest(session, {}, "page", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_claims_are_listed_and_shown(run):
    listed = run("claims", "--claims", "swiglu_claims")
    assert re.findall(r"\b\w+\.\w+\b", listed.output) == [
        *(f"fused_swiglu.{n}" for n in LAWS),
        "fused_swiglu.closed_gate",
    ]
    shown = run("show", "fused_swiglu.any_width", "--claims", "swiglu_claims")
    assert "tolerance swiglu_rounding" in shown.output
    assert "halves_swapped" in shown.output


# What is wrong with claims.
BROKEN = {
    "empty_claims": ("x = 1", "the module 'empty_claims' has no claims"),
    "untold_claims": (
        "import no_such_module",
        "cannot load claims 'untold_claims': ModuleNotFoundError: No module named",
    ),
    "unread_claims": ("def f(:", "cannot load claims 'unread_claims': SyntaxError"),
    "thrown_claims": ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (thrown_claims.py, line 2)"),
    "taken_claims": (
        "from mathcore.verify import Claim\nx = Claim('softmax.pure', 's', 'f', needs=('softmax',))",
        "claim ids must be unique, got ['softmax.pure'] twice",
    ),
    "rootless_claims": (
        "from mathcore.verify import Claim\nx = Claim('a.b', 's', 'f', needs=('a',), rests_on=('a.c',))",
        "claim `a.b` rests on ['a.c'], which do not exist",
    ),
    "unfit_claims": (
        (
            "from mathcore.verify import Claim, mutant\n@mutant('b')\ndef m(x):\n    'Wrong.'\n"
            "x = Claim('a.b', 's', 'f', needs=('a',), refuted_by=(m,))"
        ),
        "TypeError: claim `a.b` needs no `b`, which `m` replaces (unfit_claims.py, line 5)",
    ),
    "clashing_claims": (
        "from mathcore.verify import Operation\nOperation('softmax', dict, lambda ops: None, {})",
        "ValueError: `softmax` is an operation of mathcore, and clashing_claims makes a record of another one",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_claims_that_cannot_be_used_are_a_bad_call(run, here, name):
    text, said = BROKEN[name]
    (here / f"{name}.py").write_text(text, "utf-8")
    result = run("verify", "--claims", name, "--profile", "quick")
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kernels:fused_swiglu", "'kernels:fused_swiglu' must be a Claim or hold some, got function"),
        ("swiglu_claims:nothing", "AttributeError: module 'swiglu_claims' has no attribute 'nothing'"),
        (":x", "claims are given as MODULE, MODULE:NAME or the name of an entry point, got ':x'"),
    ],
)
def test_a_name_that_leads_to_no_claims_is_a_bad_call(run, name, said):
    result = run("verify", "--claims", name)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_without_claims_their_operation_is_unknown(run):
    result = run("verify", "fused_swiglu=kernels:fused_swiglu")
    assert result.exit_code == 2
    assert "no claim is about 'fused_swiglu'" in result.output


@pytest.mark.parametrize(("given", "said"), [([], "holds no claim"), (3, "must be a Claim or hold some, got int")])
def test_what_holds_no_claim_is_refused(given, said):
    with pytest.raises(LookupError, match=said):
        verify(claims=given)


def test_names_are_those_by_which_others_find_the_claims():
    claim = Claim("a.b", "It is.", "x", needs=("a",))
    assert names_of(["m", ("n", json)]) == ("m", "n", "json")
    assert names_of(["m", claim]) is None
    assert names_of(None) == ()


def test_a_claim_of_the_catalogue_may_be_given(here):
    [claim] = [claim for claim in catalogue() if claim.id == "softmax.sums_to_one"]
    assert verify(claims=[claim], profile="quick", seed=0).passed
    assert given_claims([claim])[0].topic == "probability"


# Records.
def record(module, name="planted_twice"):
    def judged(ops, answer, x):
        return equal(answer, x)

    judged.__module__ = module
    return Operation(
        name, lambda draw, dtype, width, **how: {"x": draw_array(draw, (3, width), dtype)}, judged, {"x": np.ones(3)}
    )


def test_two_modules_cannot_mean_different_operations_by_one_name():
    first = record("one_module")
    with pytest.raises(
        ValueError, match="two records of an operation `planted_twice`, one of one_module and one of another"
    ):
        record("another")
    assert record_of("planted_twice") is first


def test_a_module_that_is_run_again_defines_its_records_anew():
    record("a_notebook", "planted_again")
    second = record("a_notebook", "planted_again")
    assert record_of("planted_again") is second
    register(first := second.derivative(second.judged))
    assert record_of("planted_again_vjp") is first


# Entry points.
@pytest.fixture
def packages(here, monkeypatch):
    """Two installed packages that offer claims, one of them broken."""
    for name, value in (("swiglu", "swiglu_claims"), ("broken", "no_such_module.claims")):
        info = here / f"{name}_package-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[mathcore.claims]\n{name} = {value}\n", "utf-8")
    importlib.invalidate_caches()


def test_claims_of_installed_packages_are_found_and_listed(packages, run):
    result = run(
        "verify",
        *QUICK,
        "--claims",
        "swiglu",
        "fused_swiglu=kernels:fused_swiglu",
        "fused_swiglu.closed_gate",
        "fused_swiglu.pure",
        "--workers",
        "2",
    )
    assert result.exit_code == 0, result.output
    listed = run("claims").output
    assert "softmax.sums_to_one" in listed
    assert re.search(r"--claims swiglu +7 claims of swiglu-package 1.0", listed)
    assert re.search(r"--claims broken +cannot load the claims 'broken' of broken-package: ModuleNotFoundError", listed)


def test_a_broken_package_is_a_bad_call_for_those_who_name_it(packages, run):
    assert run("verify", *QUICK, "linear.layer_is_a_matrix").exit_code == 0
    result = run("verify", *QUICK, "--claims", "broken")
    assert result.exit_code == 2
    assert "cannot load the claims 'broken' of broken-package" in result.output


def test_laws_of_an_operation_whose_claims_are_objects(tmp_path):
    double = Operation(
        "planted_double",
        lambda draw, dtype, width, *, long, rows: {"x": draw_array(draw, (rows or 3, width), dtype)},
        lambda ops, answer, x: equal(answer, 2 * x),
        {"x": np.ones((3, 2))},
        rows=("x",),
        exempt=dict.fromkeys(("floats_only", "keeps_dtype", "pure"), "not of interest"),
    )
    right = verify(
        Target.numpy("right", planted_double=lambda x: 2 * x), claims=every_law(double), profile="quick", seed=0
    )
    wrong = verify(Target.numpy("wrong", planted_double=lambda x: x), claims=every_law(double), profile="quick", seed=0)
    assert (right.counts["holds"], wrong.counts["refuted"]) == (4, 4)
    assert [claim["outcome"] for claim in right.to_json()["claims"]] == ["holds"] * 4
