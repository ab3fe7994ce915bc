"""The report of a run: one entry for a cause, a command that repeats the run, and a whole report however it ends."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

import mathcore
from mathcore.cli import main
from mathcore.cli.verify import verify as verify_command
from mathcore.verify import Functions, Restrictions, Target, equal
from mathcore.verify import verify as verify_target
from mathcore.verify.report.causes import causes
from mathcore.verify.report.difference import is_gross
from mathcore.verify.report.terminal import MAX_LINES, print_report
from mathcore.verify.run.traits import Traits

KERNELS = """
    import os
    import signal
    import sys
    import time

    import numpy as np

    def softmax(x, axis=-1):
        wide = x.astype(np.float64)
        e = np.exp(wide - wide.max(axis, keepdims=True, initial=-1e300))
        return (e / e.sum(axis, keepdims=True)).astype(x.dtype)

    def halved(x, axis=-1):
        return softmax(x, axis) * x.dtype.type(0.5) if x.dtype == np.float32 else softmax(x, axis)

    def chatty(x, axis=-1):
        print("a line from the kernel")
        os.write(2, b"and one from compiled code\\n")
        return softmax(x, axis)

    def slow(x, axis=-1):
        time.sleep(0.004)
        return softmax(x, axis)

    def hungry(x, axis=-1):
        np.ones(1 << 31)
        return softmax(x, axis)

    def dies(x, axis=-1):
        return os.kill(os.getpid(), signal.SIGSEGV) if x.size > 4096 else softmax(x, axis)

    def inexact_in_half(x, axis=-1):
        y = softmax(x, axis)
        if x.dtype == np.float16:
            return (y * np.float16(1.01)).astype(x.dtype)
        return y if x.ndim < 2 else y[..., ::-1].copy()
"""


def in_folder(path, monkeypatch):
    """Work in a folder that has the kernels."""
    (path / "reported_kernels.py").write_text(textwrap.dedent(KERNELS))
    monkeypatch.chdir(path)
    monkeypatch.syspath_prepend(path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(path), *sys.path]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    in_folder(tmp_path, monkeypatch)
    yield tmp_path
    sys.modules.pop("reported_kernels", None)


def run(*args):
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["verify", *args])


QUICK = ("--profile", "quick", "--seed", "1", "--workers", "1")


# Causes.


HALVED_CLAIMS = ("softmax.accuracy", "softmax.pure", "softmax.layout_free", "softmax.any_width", "softmax.keeps_dtype",
                 "softmax.sums_to_one", "softmax.permutation_equivariant", "softmax.shift_invariant")  # fmt: skip


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """A report of one mistake that several claims see."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        in_folder(tmp_path_factory.mktemp("halved"), monkeypatch)
        yield verify_target(
            Functions({"softmax": "reported_kernels:halved"}), *HALVED_CLAIMS, profile="quick", seed=1, workers=1
        )
    sys.modules.pop("reported_kernels", None)


def printed(report, **how):
    """What the command line prints of a report."""
    file = io.StringIO()
    print_report(Console(file=file, width=80, no_color=True), report, counterexamples=True, **how)
    return file.getvalue()


def test_one_cause_is_one_entry_in_at_most_sixty_lines(halved, tmp_path):
    assert not halved.passed
    text = printed(halved, folder=tmp_path)
    lines = text.splitlines()
    assert len(lines) <= MAX_LINES
    report = "\n".join(lines).partition("To reproduce")[0].splitlines()
    assert max(map(len, report)) <= 80
    assert lines.index(next(line for line in lines if line.startswith("start here: softmax, wrong value"))) < 25
    assert "also refuted" in text
    assert printed(halved, verbose=True).count("To reproduce it:") > 2


def test_the_entry_says_what_failing_inputs_have_in_common(halved):
    first = causes(halved.results)[0]
    assert re.search(r"^all \d+ failing inputs had float32; of [\d,]+ that passed, \d+ had it$", first.words), (
        first.words
    )
    assert halved.to_json()["causes"][0]["words"] == first.words


def test_a_small_error_in_half_precision_does_not_hide_a_wrong_answer(folder):
    asked = ("softmax.accuracy", "softmax.keeps_dtype", "softmax.permutation_equivariant")
    report = verify_target(
        Functions({"softmax": "reported_kernels:inexact_in_half"}), *asked, profile="quick", seed=1, workers=1
    )
    found = causes(report.results)
    assert found[0].kinds[0] == "wrong value"
    assert found[0].failures[0][2].dtype != "float16"
    assert found[-1].kinds != ("wrong value",) or len(found) == 1


def test_traits_are_those_that_all_failures_have_and_few_passes():
    traits = Traits()
    for i in range(20):
        traits.add({"causal", "wide"} if i % 2 else {"wide"}, failed=bool(i % 2))
    assert traits.common == ["causal"]
    assert traits.words == "all 10 failing inputs had causal; of 10 that passed, 0 had it"
    traits.add({"wide"}, failed=True)
    assert traits.words == ""


@pytest.mark.parametrize(
    ("got", "expected", "allowed", "dtype", "gross"),
    [
        (0.5, 1.0, 1e-7, "float32", True),
        (1.0 + 1.4e-7, 1.0, 1e-7, "float32", False),
        (1.002, 1.0, 1.4e-3, "float16", False),
        (0.0, 1e-30, 1e-45, "float32", True),
        (np.nextafter(1.0, 2), 1.0, 0.0, "float64", False),  # two results that must have the same bits
        (-306.0, -0.15, 0.0, "float32", True),
        (2.0, 3.0, 0.0, "int64", True),
    ],
)
def test_an_error_is_gross_if_it_is_nearer_to_the_value_than_to_the_allowance(got, expected, allowed, dtype, gross):
    assert is_gross(got, expected, allowed, dtype) == gross


def test_a_condition_is_reported_in_its_own_words():
    x = np.zeros(3)
    assert equal(x.dtype == np.float32, True).condition == "x.dtype == np.float32"
    assert equal(np.isnan([0.0, np.nan]), False).condition == "not np.isnan([0.0, np.nan])"
    assert equal(
        np.isnan(x),
        x == 0,
    ).condition == "np.isnan(x) == (x == 0)"  # fmt: skip
    assert equal(x == 0, True).condition == ""


def test_no_report_compares_true_with_false():
    def index(x, axis=-1, keepdims=False):  # floats, where integers are due
        return np.argmax(x, axis, keepdims=keepdims).astype(np.float64)

    text = json.dumps(
        verify_target(Target("mine", {"argmax": index}, guarded=False), "argmax", profile="quick", seed=1).to_json()
    )
    assert "is false" in text
    assert not re.search(r"(True|False) (=|≈|is bit for bit) (True|False)", text)


# The command.


@pytest.mark.parametrize(
    "args",
    [
        ("softmax=reported_kernels:softmax",),
        ("softmax.accuracy", "softmax=reported_kernels:softmax", "--dtype", "float32", "--dtype", "float64"),
        (
            *("softmax=reported_kernels:softmax", "relu", "--convention", "softmax_of_nothing=nan", "--examples", "3"),
            *("--convention", "errors=none", "--widths", "4,8", "--without", "where", "--without", "axis", "--finite"),
            *("--min-axes", "1", "--max-axes", "2", "--min-width", "1", "--max-width", "64", "--shapes", "3"),
            *("--width-multiple", "2", "--max-time", "5m", "--timeout", "30s", "--memory", "1G", "--budget", "1s"),
        ),
        ("softmax.accuracy", "--isolate", "--waivers", "some waivers.toml"),
        ("softmax.accuracy", "--corpus", "hard", "--shared-corpus", "."),
    ],
)
def test_the_command_of_a_report_repeats_the_run(folder, monkeypatch, args):
    (folder / "some waivers.toml").write_text("")
    ran = {}

    def remember(target, *names, **how):
        ran.update(target=target, names=names, how=how)
        return original(Target.numpy("none"), "softmax.accuracy", profile="quick", seed=1)

    import mathcore.verify

    original = mathcore.verify.verify
    monkeypatch.setattr(mathcore.verify, "verify", remember)
    run(*args, "--profile", "quick", "--seed", "7")
    target, names, how = ran["target"], ran["names"], ran["how"]

    from mathcore.verify.run.command import command_options

    folders = {"corpus": how["corpus"] and str(how["corpus"]), "shared_corpus": tuple(map(str, how["shared_corpus"]))}
    options = command_options(
        target, replace(how["profile"], **folders), how["budget"], how["max_time"],
        how["isolate"] or how["timeout"] is not None or how["memory"] is not None,
        how["timeout"], how["memory"], how["waivers"],
    )  # fmt: skip
    report = original(Target.numpy("none"), *names, profile=how["profile"], seed=how["seed"])
    command = mathcore.verify.Report(**{**vars(report), "call": options, "runnable": True}).command()
    program, subcommand, *again = shlex.split(command)
    assert (program, subcommand) == ("mathcore", "verify")
    given, repeated = (
        verify_command.make_context("verify", list(a)).params
        for a in ([*args, "--profile", "quick", "--seed", "7"], again)
    )
    given["names"], repeated["names"] = sorted(given["names"]), sorted(repeated["names"])
    given["conventions"], repeated["conventions"] = sorted(given["conventions"]), sorted(repeated["conventions"])
    assert given == repeated


def test_a_target_that_only_python_has_is_repeated_from_python():
    report = verify_target(Target.numpy("mine", relu=mathcore.relu), "relu.pure", profile="quick", seed=1)
    assert report.command() == "verify(TARGET, 'relu.pure', profile='quick', seed=1)  # TARGET: mine"


# However it ends.


def test_a_run_that_is_terminated_reports_what_it_has(folder):
    command = [sys.executable, "-m", "mathcore", "verify", "softmax=reported_kernels:slow", "softmax", *QUICK]
    process = subprocess.Popen(
        [*command, "--json-lines", "l.jsonl", "--json", "r.json"], stdout=subprocess.PIPE, text=True
    )
    for _ in range(600):
        time.sleep(0.1)
        if (folder / "l.jsonl").exists() and (folder / "l.jsonl").read_text().count("\n") >= 1:
            break
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the run was interrupted before it ran" in " ".join(output.split())
    data = json.loads((folder / "r.json").read_text())
    lines = [json.loads(line) for line in (folder / "l.jsonl").read_text().splitlines()]
    assert data["counts"]["inconclusive"] > 0
    assert {c["id"] for c in data["claims"] if c["outcome"] != "inconclusive"} <= {line["id"] for line in lines}


def test_a_run_ends_when_its_time_is_up_in_the_middle_of_a_claim(folder):
    begin = time.monotonic()
    result = run("softmax=reported_kernels:slow", "softmax", "--max-time", "1s", *QUICK)
    assert time.monotonic() - begin < 15
    assert result.exit_code == 1
    assert "the time was up before it ran" in " ".join(result.stdout.split())


def test_results_are_written_as_they_come(folder):
    result = run("softmax=reported_kernels:softmax", "softmax.accuracy", "--json-lines", "-", *QUICK)
    (line,) = result.stdout.splitlines()
    assert (json.loads(line)["id"], json.loads(line)["outcome"]) == ("softmax.accuracy", "holds")
    assert "1 claims on reported_kernels:softmax" in result.stderr


def test_what_the_target_prints_comes_after_the_report_and_not_in_it(folder):
    for more in ((), ("--isolate",)):
        result = run("softmax=reported_kernels:chatty", "softmax.accuracy", "--json", "r.json", *QUICK, *more)
        assert "a line from the kernel" not in result.stdout
        assert "a line from the kernel" in result.stderr
        (claim,) = json.loads((folder / "r.json").read_text())["claims"]
        assert "a line from the kernel" in claim["printed"]
    assert "and one from compiled code" in claim["printed"]
    assert (
        "a line from the kernel"
        in run("softmax=reported_kernels:chatty", *QUICK, "softmax.pure", "--no-capture").stdout
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux")
def test_too_much_memory_is_a_verdict(folder):
    result = run("softmax=reported_kernels:hungry", "softmax.accuracy", "--memory", "1G", *QUICK)
    assert result.exit_code == 1
    assert "raised MemoryError" in " ".join(result.stdout.split()) or "raised _ArrayMemoryError" in result.stdout


def test_a_crash_comes_with_its_input_and_a_script(folder):
    result = run("softmax=reported_kernels:dies", "softmax.many_rows", "--isolate", *QUICK,
                 "--artifacts", "scripts")  # fmt: skip
    assert "SIGSEGV" in result.stdout
    scripts = list((folder / "scripts").glob("*.py"))
    assert scripts
    ran = subprocess.run([sys.executable, str(scripts[0])], cwd="/", capture_output=True, text=True, timeout=60)
    assert ran.returncode == -signal.SIGSEGV, ran.stderr


def test_restrictions_of_the_command_line_reach_the_target(folder):
    args = ("softmax=reported_kernels:softmax", "softmax.accuracy", "--min-width", "3", "--min-axes", "2", *QUICK)
    run(*args, "--max-axes", "2", "--json", "r.json")
    subject = json.loads((folder / "r.json").read_text())["subject"]
    assert subject["restrictions"] == {"min_width": 3, "min_axes": 2, "max_axes": 2}
    assert Restrictions(**subject["restrictions"]).allows_width(3)


@pytest.mark.parametrize(("option", "words"), [("--memory", "500M or 4G"), ("--max-time", "60s or 5m")])
def test_a_bad_size_or_time_is_a_bad_call(option, words):
    result = run("softmax.accuracy", option, "much")
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(capsys):
    from mathcore.verify.report.progress import progress_on

    with progress_on(Console(force_terminal=False), 3, every=0.02) as show:
        show("a", True)
        time.sleep(0.2)
    assert re.search(r"^1/3 done, 1 refuted, \d+ s$", capsys.readouterr().err, re.MULTILINE)
